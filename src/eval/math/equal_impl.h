// What the files behind equal.h share. Not for others.
//
// A comparison runs on a budget of work units, counted and never timed, so that its verdict is the same on any machine
// and under any load. A unit is about 10 ns; functions that run out of work fail, and the verdict is then "undecided".
#ifndef RLT_EVAL_MATH_EQUAL_IMPL_H
#define RLT_EVAL_MATH_EQUAL_IMPL_H

#include "eval/math/equal.h"
#include "eval/math/flint_headers.h"

#define COMPARE_MAX_WORK 8000000
#define EXACT_MAX_BITS 32768 // of an exact number: beyond it balls are used
#define ELEMENTS_MAX 512     // of a tuple, set, list or matrix that is compared by its elements

typedef struct Compare { // one call of math_equal
    Arena *arena;        // terms and forms made on the way
    int64_t work;        // left
    bool log_is_ten;     // log without a base: of base 10, else natural
    int32_t depth;       // of nested comparisons
} Compare;

bool work_spend(Compare *c, int64_t units); // false once the budget is spent

// Verdicts: how several of parts make one. Equal: the weakest way; different: proven beats undecided.
MathVerdict verdict(bool equal, MathHow how);
MathVerdict verdict_both(MathVerdict a, MathVerdict b);

// term_tools.c: terms looked at and rewritten.
bool term_same(const Term *a, const Term *b); // the same tree
bool term_is(const Term *t, TermKind kind);
bool term_is_function(const Term *t, const char *name, int32_t n);
bool term_is_constant(const Term *t, const char *name);
bool term_has_kind(const Term *t, TermKind kind);
bool term_has_variables(const Term *t); // symbols or functions that are not known
bool term_has_symbol(const Term *t, Str name);
bool function_is_known(Str name);
bool term_is_small(const Term *t); // as a tree of at most TERM_MAX_NODES nodes, whatever is shared
bool is_expression(const Term *t); // neither text, relation, collection nor matrix
const Term *make_sum(Compare *c, const Term *a, const Term *b);
const Term *make_product(Compare *c, const Term *a, const Term *b);
const Term *make_negated(Compare *c, const Term *a);
const Term *make_difference(Compare *c, const Term *a, const Term *b);
const Term *make_quotient(Compare *c, const Term *a, const Term *b);
const Term *make_number(Compare *c, const fmpq_t value);
const Term *make_list(Compare *c, TermKind kind, const Term *const *items, int32_t n);
// Every \pm in the term taken as plus, or every one as minus.
const Term *choose_sign(Compare *c, const Term *t, bool plus);

// number.c: the exact value of a term that is a rational number by the four operations, powers, factorials and the
// functions of whole numbers; false where it is not, or would take more than EXACT_MAX_BITS.
bool number_value(Compare *c, const Term *t, fmpq_t value);

// Whether two expressions have one canonical form over the rationals (form.c).
typedef enum FormAnswer { FORM_EQUAL, FORM_DIFFERENT, FORM_UNKNOWN } FormAnswer;
FormAnswer forms_compare(Compare *c, const Term *a, const Term *b);
// Whether a = factor * b for a rational factor other than 0; *sign gets the factor's sign. equation: whether so of
// their numerators, which say the same as the equations a = 0 and b = 0.
FormAnswer forms_proportional(Compare *c, const Term *a, const Term *b, bool equation, int *sign);

// numeric.c: balls. env gives the value of each symbol.
typedef struct Env {
    const Str *names;
    acb_srcptr values;
    int32_t n;
    slong precision; // bits
    bool real_only;  // an even root or logarithm of a negative number fails
} Env;
bool numeric_value(Compare *c, const Term *t, const Env *env, acb_t value);

// sample.c: enclosures at random points.
FormAnswer samples_compare(Compare *c, const Term *a, const Term *b);
// As samples_compare for a = factor * b, the factor found at the first point.
FormAnswer samples_proportional(Compare *c, const Term *a, const Term *b, int *sign);
// Sign of a - b where both are real constants: -1, 0 (equal as compare_expressions has it), 1; 2: not known.
int constants_order(Compare *c, const Term *a, const Term *b);

// scalar.c: two expressions, with percent, degrees and rounding.
MathVerdict compare_expressions(Compare *c, const Term *a, const Term *b); // no tolerance
MathVerdict compare_scalars(Compare *c, const Term *gold, const Term *pred);

// real_set.c: sets of real numbers and the inequalities that mean them.
// false: one of them is no such set.
bool compare_real_sets(Compare *c, const Term *gold, const Term *pred, MathVerdict *out);

// relation.c, collection.c, matrix.c: the kinds of equal.c.
MathVerdict compare_relations(Compare *c, const Term *gold, const Term *pred);
// What "x = 3", "f(x) = 3", "(x, y) = (1, 2)", "2 + 1 = 3" say that something is; NULL where they do not.
const Term *assigned_value(Compare *c, const Term *t);
const Term *assigned_name(const Term *t); // its left side; NULL as above
MathVerdict compare_collections(Compare *c, const Term *gold, const Term *pred);
MathVerdict compare_matrices(Compare *c, const Term *gold, const Term *pred);
const Term *matrix_evaluate(Compare *c, const Term *t); // sums and products of matrices done; else the term itself

MathVerdict compare_terms(Compare *c, const Term *gold, const Term *pred); // equal.c: any two

#endif
