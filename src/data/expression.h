// Arithmetic expressions over given numbers, each used once: drawn at random, evaluated exactly, written step by step.
//
// An expression over n numbers is n - 1 steps; a step joins two values that are still free. Nodes 0 .. n-1 are the
// numbers, node n + k is the result of step k; the last node is the whole expression.
#ifndef RLT_DATA_EXPRESSION_H
#define RLT_DATA_EXPRESSION_H

#include "base/buf.h"
#include "base/philox.h"
#include "data/fraction.h"

#define EXPRESSION_MAX_NUMBERS 8

typedef struct Step {
    char op; // + - * /
    int8_t left, right;
} Step;

typedef struct Expression {
    int32_t n; // numbers, 2 .. EXPRESSION_MAX_NUMBERS
    Step steps[EXPRESSION_MAX_NUMBERS - 1];
    Fraction values[2 * EXPRESSION_MAX_NUMBERS - 1]; // of the nodes
} Expression;

// What the value of every step must be.
typedef struct ValueRules {
    int64_t value_max; // absolute value at most this (that of a fraction is compared exactly); 0: no bound
    bool fractions;    // division that leaves a remainder is allowed
    bool negatives;
} ValueRules;

// A run of draws from one address: `position` counts up with each.
typedef struct Draws {
    RngAddress next;
} Draws;
Draws draws_begin(uint64_t seed, RngPurpose purpose, uint32_t step, uint32_t question, uint32_t sample);
int64_t draw_between(Draws *draws, int64_t min, int64_t max); // both included
bool draw_chance(Draws *draws, double probability);

// One try at a random expression: pairs, their order and operators uniform. false when a step breaks the rules.
bool expression_draw(const int64_t *numbers, int32_t n, const ValueRules *rules, Draws *draws, Expression *out);
Fraction expression_value(const Expression *expression);

// The expression in postfix order, zeros past its 2 n - 1 items: numbers as they are, operators as -'+' and so on
// (given numbers are not negative). Two expressions are written the same exactly when these are equal.
#define EXPRESSION_MAX_ITEMS (2 * EXPRESSION_MAX_NUMBERS - 1)
void expression_postfix(const Expression *expression, int64_t items[EXPRESSION_MAX_ITEMS]);
bool expression_same(const Expression *a, const Expression *b);

// How it is written.
typedef struct Notation {
    const char *before, *after; // an operator
    const char *open, *close; // brackets, around every step but the last
    const char *minus;        // before a negative value
} Notation;
extern const Notation NOTATION_PLAIN, NOTATION_TIGHT; // "(12 - 3) * 7"; "(12 -3) *7": no space before a number

void expression_write_value(Buf *out, const Notation *notation, Fraction value);
// The expression with its first `done` steps replaced by their values (0: in full; n - 1: the value alone).
void expression_write(Buf *out, const Notation *notation, const Expression *expression, int32_t done);
// Step k as "9 * 7 = 63".
void expression_write_step(Buf *out, const Notation *notation, const Expression *expression, int32_t k);

#endif
