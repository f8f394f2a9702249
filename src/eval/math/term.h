// Mathematical answers as trees: what parse.c makes of a text and equal.c compares.
//
// A term says what was written, not what it is worth: "0.50", "1/2" and "50%" are three terms. Numbers keep their
// digits, so that nothing is rounded and a rounded decimal can be told from an exact one. Everything lives in one
// arena; a term is never changed once made.
#ifndef RLT_EVAL_MATH_TERM_H
#define RLT_EVAL_MATH_TERM_H

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"

#define TERM_MAX_NODES 20000 // of one answer
#define TERM_MAX_DEPTH 200
#define TERM_MAX_DIGITS 4096 // of one number

typedef enum TermKind {
    TERM_NUMBER,     // digits, decimals, repeating; never negative
    TERM_CONSTANT,   // name: "pi", "e", "i", "infinity", "undefined" (what \text{DNE}, "no limit" and the like say)
    TERM_SYMBOL,     // name: a variable, its subscript included: "x", "a_1", "theta"
    TERM_TEXT,       // name: words that are no expression: "east", "Monday", "A" where it is a choice
    TERM_ADD,        // args: 2 or more
    TERM_MULTIPLY,   // args: 2 or more
    TERM_NEGATE,     // 1
    TERM_DIVIDE,     // 2: numerator, denominator
    TERM_POWER,      // 2: base, exponent
    TERM_PLUS_MINUS, // 2: centre (the number 0 where none was written), offset: both values, as \pm says
    TERM_FACTORIAL,  // 1
    TERM_PERCENT,    // 1
    TERM_DEGREES,    // 1: an angle written with a degree sign
    TERM_FUNCTION,   // name: sqrt root(index, of) abs floor ceil sin cos tan cot sec csc arcsin .. sinh .. exp ln
                     // log(of) log(base, of) gcd lcm min max binomial mod, or an unknown "f"; args
    TERM_BASE,       // 2: a number whose digits may be any of its base (digits as text in `name`), the base as number
    TERM_MIXED,      // 2: whole part, fraction: 3 1/2
    TERM_RELATION,   // args n, relations n - 1: a < b <= c; "x = 3"
    TERM_INTERVAL,   // 2, open_left, open_right
    TERM_TUPLE,      // ordered: (1, 2); also a vector
    TERM_SET,        // unordered: {1, 2}; the empty set has no args
    TERM_LIST,       // several answers without brackets: "1, 2", "x = 1 or x = 2": unordered
    TERM_UNION,      // 2 or more
    TERM_INTERSECT,  // 2 or more
    TERM_DIFFERENCE, // 2: sets
    TERM_MATRIX,     // rows x n / rows, row by row
    TERM_AND,        // 2 or more conditions
    TERM_UNITS,      // 1: a value; name: the units as written, "cm^2", "$"; for those that want them
} TermKind;

typedef enum TermRelation { REL_EQ, REL_NE, REL_LT, REL_LE, REL_GT, REL_GE, REL_IN, REL_APPROX } TermRelation;

typedef struct Term Term;
struct Term {
    TermKind kind;
    int32_t n;         // arguments
    const Term **args; // [n]
    Str name;
    // TERM_NUMBER: value = (digits with the last `decimals` of them behind the point), then `repeating` digits again
    // and again. "3.50": digits "350", decimals 2. "0.1666...": digits "01", decimals 1, repeat "6".
    Str digits, repeat;
    int32_t decimals;
    const uint8_t *relations; // [n - 1] of TermRelation
    int32_t rows;             // TERM_MATRIX
    bool open_left, open_right;
};

Term *term_new(Arena *arena, TermKind kind, int32_t n); // args allocated, all NULL
Term *term_named(Arena *arena, TermKind kind, const char *name, int32_t n);
Term *term_integer(Arena *arena, int64_t value); // TERM_NEGATE around it where below 0

const char *term_kind_name(TermKind kind); // "number", "plus_minus", ...

// One line that names every part, for people, results and tests: (divide 1 2), (tuple 1 x), (relation x <= 3.50),
// (function sin x), (interval[) 0 1), "text".
void term_write(const Term *term, Buf *out);

#endif
