// Exact fractions in 64 bits. Every operation says whether its result fits; nothing wraps around.
#ifndef RLT_DATA_FRACTION_H
#define RLT_DATA_FRACTION_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Fraction {
    int64_t num, den; // lowest terms, den >= 1; neither is ever INT64_MIN
} Fraction;

Fraction fraction_of(int64_t value); // value > INT64_MIN
// *out = a op b, op one of + - * /. false, *out untouched: a division by zero, or a result that does not fit.
bool fraction_apply(char op, Fraction a, Fraction b, Fraction *out);
bool fraction_equal(Fraction a, Fraction b);

#endif
