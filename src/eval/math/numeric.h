// Functions on balls. For numeric.c.
#ifndef RLT_EVAL_MATH_NUMERIC_H
#define RLT_EVAL_MATH_NUMERIC_H

#include "eval/math/equal_impl.h"

#define NUMERIC_MAX_EXPONENT_BITS 40 // of the exponent of a value's order of magnitude

// A power; `exponent_number`, where not NULL, is the exponent as an exact rational: negative numbers then have real
// powers where its denominator is odd. False where it is not defined, or of no bounded size.
bool ball_power(const Env *env, const acb_t base, const acb_t exponent, const fmpq_t exponent_number, acb_t out);
// A known function of one or more values; roots not (they are powers). False as above.
bool ball_function(const Compare *c, const Env *env, Str name, acb_srcptr args, int32_t n, acb_t out);
// A fixed analytic function that belongs to the name, for functions that are not known: f(2) = f(1 + 1).
void ball_unknown_function(const Env *env, Str name, acb_srcptr args, int32_t n, acb_t out);

#endif
