// Which of several attempts at an explanation is taken, and the row that comes of it.
//
// An attempt is good that closes and with which the student's training row fits its budget. Where no attempt is good
// the one of the best reward is taken, or, without a student that could give rewards, the last.
#ifndef RLT_COMMANDS_COLLECT_PICK_H
#define RLT_COMMANDS_COLLECT_PICK_H

#include "base/file.h"
#include "commands/model_bundle.h"
#include "commands/options.h"
#include "data/rows.h"
#include "engine/generate.h"
#include "methods/reward_sum.h"
#include "methods/score_rlt.h"

typedef struct Attempt {
    Buf trace;             // the explanation, trimmed
    Completion completion; // its ids; logp NULL: not of the teacher, so its reward has no r_KL
    bool closed, fits;     // fits: true where there is no budget
    bool short_enough;     // for the student's positions: it can be scored
    RewardParts parts;     // once scored
    double reward, added[N_ADDED_REWARDS];
} Attempt;

typedef struct Attempts { // at one explanation
    const Row *row;
    int32_t sample;
    Attempt *list;       // [n]
    int32_t n, n_made;   // a good one drops those before it
    const char *refusal; // why a server gave none; NULL: it did
} Attempts;
void attempts_free(Attempts *attempts);

typedef struct Picker Picker;

// student: of the options' key; NULL where it is not given. teacher: a loaded model whose log-probs the attempts
// bring along; NULL: another source of text. Needs budget's tokenizer from either.
MUST_CHECK bool picker_open(const Options *options, const DialogueFormat *format, Backend *backend,
                            const ModelBundle *teacher, Picker **picker, Error *error);
void picker_close(Picker *picker); // NULL is fine

// Takes over an attempt's text and ids; whether it is good.
bool picker_add(const Picker *picker, Attempts *attempts, Str trace, bool closed, Completion completion);
// Leaves the one attempt that is taken in each; scores what needs a reward.
MUST_CHECK bool picker_choose(Picker *picker, Attempts *attempts, int32_t n, Error *error);
// Appends the row with its explanation.
void picker_write(const Picker *picker, const Attempts *attempts, Buf *out);

#endif
