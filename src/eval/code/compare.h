// Whether a program's output is the expected one.
#ifndef RLT_EVAL_CODE_COMPARE_H
#define RLT_EVAL_CODE_COMPARE_H

#include "base/json.h"

// Standard output, by LiveCodeBench's rule: white space off the ends of the whole and of every line, the same number of
// lines; a line is right when it is the same, or when both consist of numbers that are equal one by one, exactly, as
// decimals ("1.50" = "1.5" = "15e-1", "-0" = "0"; no tolerance).
bool code_same_output(Str output, Str expected);

// Values of a function, as JSON, by the rule of Python's ==: numbers by value (1 = 1.0 = true), strings, arrays in order,
// objects by key. Whole numbers beyond 64 bits are compared as doubles.
bool code_same_value(const json_t *value, const json_t *expected);

#endif
