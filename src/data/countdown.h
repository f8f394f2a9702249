// Countdown questions: reach a target from given numbers, each used exactly once, with + - * /.
//
// Every question is solvable by construction: its target is the value of a randomly drawn expression over its numbers.
//
// - Candidates are drawn one after another from addresses (seed, RNG_DATA, candidate); those that are new are kept. So
//   question i of a split is the same whatever the counts asked for.
// - Unique: no two questions of a set have the same canonical form, the sorted numbers and the target, "3 7 12 = 45".
//   Where number ranges are so small that there are few forms, train_repeats lets a form be asked more than once in the
//   training split, each time with another order of its numbers or another solution.
// - Split: a canonical form belongs to the test split when the first 8 hex digits of its SHA-256, as a number, are
//   below test_share * 2^32; else to the training split. That is a property of the form alone, so no run with the same
//   test_share, whatever its seed, count or ranges, trains on a test question of another.
#ifndef RLT_DATA_COUNTDOWN_H
#define RLT_DATA_COUNTDOWN_H

#include "base/error.h"
#include "base/mem.h"
#include "data/countdown_style.h"
#include "data/expression.h"

#define COUNTDOWN_MAX_ATTEMPTS 64
#define COUNTDOWN_MAX_NUMBER 1000000
#define COUNTDOWN_MAX_QUESTIONS 100000000

typedef struct CountdownOptions {
    uint64_t seed;
    int32_t n_train, n_test;          // questions of each split
    int32_t numbers_min, numbers_max; // numbers a question, 2 .. EXPRESSION_MAX_NUMBERS
    int32_t number_min, number_max;   // their range, 0 .. COUNTDOWN_MAX_NUMBER
    int32_t target_min, target_max;
    ValueRules rules;      // of every step's value
    int32_t attempts_max;  // failed attempts in a trace: uniform from 0 to this
    int32_t train_repeats; // training questions of one canonical form, at most; 1: unique
    double test_share;     // of canonical forms
    const CountdownStyle *style;
} CountdownOptions;

// The paper's counts (16,000 and 1,000), 3 to 4 numbers of 1 .. 100, targets 10 .. 100, whole non-negative values, up
// to 4 failed attempts, a test share of 1/16, style "plain".
CountdownOptions countdown_options_default(void);
// Names the option that is out of range.
MUST_CHECK bool countdown_options_check(const CountdownOptions *options, Error *error);

typedef struct CountdownQuestion {
    int64_t numbers[EXPRESSION_MAX_NUMBERS]; // in the question's order
    int32_t n;
    int64_t target;
    Str question, solution, trace;
} CountdownQuestion;

typedef struct CountdownSet {        // everything lives in the arena given to countdown_generate
    CountdownQuestion *train, *test; // [n_train], [n_test]
    int32_t n_train, n_test;
} CountdownSet;

// Fails with a message when the ranges do not hold enough questions.
MUST_CHECK bool countdown_generate(const CountdownOptions *options, Arena *arena, CountdownSet *set, Error *error);

// Whether a question belongs to the test split.
bool countdown_is_test(const int64_t *numbers, int32_t n, int64_t target, double test_share);

// One JSON line: question, solution, reasoning_trace, numbers, target.
void countdown_write(const CountdownQuestion *question, Buf *out);

#endif
