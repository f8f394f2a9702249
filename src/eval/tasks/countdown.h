// Countdown: reading an answer and grading it exactly.
//
// An answer is an expression over + - * / ( ) and whole numbers, also × ÷ · − and x between operands, LaTeX's \times
// \div \cdot \frac{a}{b} \left( \right) and math marks ($, \(, \[), a product before a bracket "3(4 + 5)", and sides
// joined by '=' ("7 * 9 = 63", "63 = 7 * 9"). Where the text holds a \boxed{...}, the last one is the answer. It is
// right when one of its sides uses each given number exactly once and every side equals the target; so a false "= 64"
// at its end is a wrong value. Arithmetic is in GMP's rationals: nothing overflows, nothing is rounded.
//
// Safe on hostile text: at most COUNTDOWN_ANSWER_MAX_BYTES and COUNTDOWN_MAX_DEPTH nested brackets; no powers, so
// values are never longer than the text.
#ifndef RLT_EVAL_TASKS_COUNTDOWN_H
#define RLT_EVAL_TASKS_COUNTDOWN_H

#include "base/buf.h"
#include "base/json.h"

#define COUNTDOWN_ANSWER_MAX_BYTES 4096
#define COUNTDOWN_MAX_DEPTH 64
#define COUNTDOWN_MAX_GIVEN 64

typedef enum CountdownVerdict {
    COUNTDOWN_RIGHT,
    COUNTDOWN_WRONG_VALUE,   // another value than the target, or none (a division by zero)
    COUNTDOWN_WRONG_NUMBERS, // no side uses each given number exactly once
    COUNTDOWN_UNPARSABLE,    // not such an expression, or too long or too deep
    COUNTDOWN_NO_ANSWER,     // no answer tags, or nothing between them
} CountdownVerdict;
const char *countdown_verdict_name(CountdownVerdict verdict); // "right", "wrong_value", ...

typedef struct CountdownProblem {
    int64_t numbers[COUNTDOWN_MAX_GIVEN]; // [n], in any order
    int32_t n;
    int64_t target;
} CountdownProblem;

// From a row's "numbers" and "target". `where` begins an error's message.
MUST_CHECK bool countdown_problem_read(json_t *row, const char *where, CountdownProblem *problem, Error *error);

// Grades the text of an answer alone.
CountdownVerdict countdown_grade(Str answer, const CountdownProblem *problem);

typedef struct AnswerTags {    // borrowed C strings
    const char *thought_close; // what comes before its last occurrence is not looked at; NULL or "": everything is
    const char *open, *close;  // around the answer: the last complete pair counts
} AnswerTags;

// Grades the answer in a completion's tags. No complete pair: COUNTDOWN_NO_ANSWER and *tagged false.
CountdownVerdict countdown_grade_tagged(Str completion, const AnswerTags *tags, const CountdownProblem *problem,
                                        bool *tagged);

// The same in the form that correctness rewards take: context is an AnswerTags, row a CountdownProblem.
void countdown_grade_row(void *context, const void *row, Str completion, bool *tagged, bool *right);

#endif
