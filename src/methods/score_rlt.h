// The RLT reward of explanations: what the frozen student makes of them. Used by RL, collection and `rlt score`.
#ifndef RLT_METHODS_SCORE_RLT_H
#define RLT_METHODS_SCORE_RLT_H

#include "engine/score.h"
#include "methods/rewards.h"
#include "text/dialogue.h"

// One explanation to be scored. Inputs first, results after; result arrays lie in the scorer's memory.
typedef struct RltSample {
    const int32_t *ids;        // [n] the teacher's completion, as sampled
    int32_t n;
    const float *teacher_logp; // [n]; NULL: computed with the teacher model
    bool want_tokens;          // fill ss_values and kl_values

    int32_t n_explanation;     // leading ids that belong to o
    bool closed;
    float *own_teacher_logp;   // [n_explanation], when computed here
    float *student_logp;       // [n_explanation]
    float *exact_kl;           // [n_explanation], with KL_EXACT; else NULL
    float *solution_logp;      // [n_solution]
    int32_t n_solution;
    float *ss_values, *kl_values; // [n_solution], [n_explanation]: what was reduced; NULL unless wanted
    RewardParts parts;
} RltSample;

// What the student reads of a question around an explanation.
typedef struct RltTexts {
    Ids before, after;
    int32_t from, to; // of s within `after`
} RltTexts;
void rlt_texts_make(RltTexts *texts, const Dialogue *student, const char *system, Str question, Str solution);
void rlt_texts_free(RltTexts *texts);

typedef struct RltQuestion { // a question with its samples
    Str question, solution;
    const char *student_system; // NULL: the format's
    const RltTexts *texts;      // NULL: made for the call
    RltSample *samples;
    int32_t n_samples;
} RltQuestion;

typedef struct RltScorer {
    Arena *memory; // of all results, until the caller clears it, and of what the scoring needs
    Model *student;
    Pass *student_pass;
    const Dialogue *student_dialogue;
    Model *teacher;                   // NULL where every sample brings teacher_logp and kl is not exact
    Pass *teacher_pass;
    const Dialogue *teacher_dialogue; // tags, to find the closing one
    RewardSettings rewards;
    float temperature;
    int32_t max_rows;                 // tokens a scoring batch
    ScoreCounts counts;               // added to
} RltScorer;

// Fills the results of every sample. The student reads q, o and s in one pass; q is shared by a question's samples.
// A sequence longer than a model's positions is an error naming the question's index.
MUST_CHECK bool score_rlt(RltScorer *scorer, RltQuestion *questions, int32_t n_questions, Error *error);

// What a call takes of `memory`, at most, where questions bring their texts and samples their teacher_logp and kl is not exact.
typedef struct RltSize {
    int32_t questions, samples, max_tokens; // samples of each question, tokens of each
    int32_t student_text;                   // tokens of the longest texts, before and after together
    size_t token_bytes;                     // of the longest token
} RltSize;
size_t score_rlt_bytes(const RltSize *size);

#endif
