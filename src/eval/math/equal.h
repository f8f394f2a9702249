// Whether two answers are mathematically the same, exactly: canonical forms over the rationals, then evaluation in
// ball arithmetic; never float equality alone.
#ifndef RLT_EVAL_MATH_EQUAL_H
#define RLT_EVAL_MATH_EQUAL_H

#include "eval/math/term.h"

typedef enum MathHow { // how a verdict was reached
    MATH_SAME_TEXT,    // the same after tidying
    MATH_SAME_FORM,    // equal canonical forms
    MATH_NUMERIC,      // enclosures at random points overlap to the stated precision everywhere
    MATH_ROUNDED,      // the gold answer is a decimal to which the other rounds
    MATH_DIFFERENT,    // proven different
    MATH_UNDECIDED,    // neither; counts as different
    MATH_UNPARSED,     // one of them is no expression, and their texts differ
} MathHow;
const char *math_how_name(MathHow how); // "same_text", ...

typedef struct MathVerdict {
    bool equal;
    MathHow how;
} MathVerdict;

// Symmetric but for roundings, which look at `gold` only. Bounded in time: about 100 ms whatever the terms.
MathVerdict math_equal(const Term *gold, const Term *pred);

#endif
