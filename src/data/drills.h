// Arithmetic drills: raw text to train a tiny base model on, before it ever sees a Countdown question.
//
// A row is one text of several lines of one kind:
//   check    a question, then attempts at its target over fresh numbers, worked and judged:
//            "4,6,5 ->45 ?(12 -3) *5 =9 *5 =45 vs45 yes ;7 +(2 *3) =7 +6 =13 vs45 no ;"
//   copy     expressions, a bar, the same again:  "(4 +6) *5 |(4 +6) *5 ;"
//   single   one operation:                       "12 -3 =9 ;4 *5 =20 ;"
//   permute  a question, then expressions over its numbers, each once, whatever their value:
//            "4,6,5 ->45 ?(4 +6) *5 ;5 -(6 -4) ;"
//   recall   the same with an expression given, which some of the lines are:
//            "4,6,5 ->45 |(4 +6) -5 ?6 *(5 -4) ;(4 +6) -5 ;"
//   compare  a question, then values and whether they are its target: "4,6,5 ->45 ? =13 vs45 no ; =45 vs45 yes ;"
// In the notation of style "short". Row i is a function of the options and i alone. No row answers its question but by
// chance: the parts of the task are here, their composition is not.
//
// Most of a line is random and can't be learnt. What can be is its answer: from after the line's first '=' or '|' (in
// compare: after the target; in permute and recall: the whole line) to its ';' included. A row names them, for losses that
// weigh them more.
#ifndef RLT_DATA_DRILLS_H
#define RLT_DATA_DRILLS_H

#include "base/error.h"
#include "data/expression.h"

#define DRILLS_MAX_LINES 4096
#define DRILLS_MAX_ROWS 100000000

typedef struct DrillOptions {
    uint64_t seed;
    int32_t n_rows;
    int32_t lines;                                               // a row
    int32_t numbers_min, numbers_max;                            // numbers an expression (check, copy, permute)
    int32_t number_min, number_max;                              // their range
    ValueRules rules;                                            // value_max >= 1: targets are drawn up to it
    double check_share, copy_share, single_share, permute_share, recall_share, compare_share; // weights, not all 0
    double hit_share; // of check and compare lines: those that meet their target
} DrillOptions;

// 20,000 rows of 8 lines, 3 numbers of 1 .. 10, values up to 100, shares 0.5 0.15 0.1 0.25 0 0, hits 0.35.
DrillOptions drill_options_default(void);
MUST_CHECK bool drill_options_check(const DrillOptions *options, Error *error);

typedef struct DrillText {
    Buf text;
    int32_t n_answers;                                    // one a line
    int32_t from[DRILLS_MAX_LINES], to[DRILLS_MAX_LINES]; // bytes of the text
} DrillText;

// Row `index`; the options have been checked. `out->text` has been initialised and is cleared first.
void drill_make(const DrillOptions *options, uint32_t index, DrillText *out);
// Appends it as one JSON line {"text": string, "answers": [[from, to], ...]}, in bytes of the text, which is ASCII.
void drill_write(const DrillOptions *options, uint32_t index, Buf *out);

#endif
