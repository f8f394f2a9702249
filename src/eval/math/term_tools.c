// Terms looked at and rewritten.
#include <string.h>

#include "eval/math/equal_impl.h"

bool term_is(const Term *t, TermKind kind) {
    return t->kind == kind;
}

bool term_is_function(const Term *t, const char *name, int32_t n) {
    return t->kind == TERM_FUNCTION && t->n == n && str_equal(t->name, str_of(name));
}

bool term_is_constant(const Term *t, const char *name) {
    return t->kind == TERM_CONSTANT && str_equal(t->name, str_of(name));
}

bool term_same(const Term *a, const Term *b) {
    if (a == b) return true;
    if (a->kind != b->kind || a->n != b->n || !str_equal(a->name, b->name) || a->rows != b->rows ||
        a->open_left != b->open_left || a->open_right != b->open_right) {
        return false;
    }
    if (a->kind == TERM_NUMBER &&
        (a->decimals != b->decimals || !str_equal(a->digits, b->digits) || !str_equal(a->repeat, b->repeat))) {
        return false;
    }
    if (a->kind == TERM_RELATION && a->n > 1 && memcmp(a->relations, b->relations, (size_t)(a->n - 1)) != 0)
        return false;
    for (int32_t i = 0; i < a->n; i++) {
        if (!term_same(a->args[i], b->args[i])) return false;
    }
    return true;
}

bool term_has_kind(const Term *t, TermKind kind) {
    if (t->kind == kind) return true;
    for (int32_t i = 0; i < t->n; i++) {
        if (term_has_kind(t->args[i], kind)) return true;
    }
    return false;
}

static bool count_down(const Term *t, int32_t *left) {
    if (--*left < 0) return false;
    for (int32_t i = 0; i < t->n; i++) {
        if (!count_down(t->args[i], left)) return false;
    }
    return true;
}

bool term_is_small(const Term *t) {
    return count_down(t, &(int32_t){TERM_MAX_NODES});
}

bool function_is_known(Str name) {
    static const char *const names[] = {
        "sqrt",   "root",   "abs",    "floor",  "ceil",   "sin",    "cos",      "tan",     "cot",     "sec",
        "csc",    "sinh",   "cosh",   "tanh",   "coth",   "sech",   "csch",     "arcsin",  "arccos",  "arctan",
        "arccot", "arcsec", "arccsc", "arsinh", "arcosh", "artanh", "arcsinh",  "arccosh", "arctanh", "exp",
        "ln",     "log",    "gcd",    "lcm",    "min",    "max",    "binomial", "mod",     "det",     "transpose",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_equal(name, str_of(names[i]))) return true;
    }
    return false;
}

bool term_has_variables(const Term *t) {
    if (t->kind == TERM_SYMBOL) return true;
    if (t->kind == TERM_FUNCTION && !function_is_known(t->name)) return true;
    for (int32_t i = 0; i < t->n; i++) {
        if (term_has_variables(t->args[i])) return true;
    }
    return false;
}

bool term_has_symbol(const Term *t, Str name) {
    if (t->kind == TERM_SYMBOL && str_equal(t->name, name)) return true;
    for (int32_t i = 0; i < t->n; i++) {
        if (term_has_symbol(t->args[i], name)) return true;
    }
    return false;
}

bool is_expression(const Term *t) {
    switch (t->kind) {
    case TERM_TEXT:
    case TERM_RELATION:
    case TERM_INTERVAL:
    case TERM_TUPLE:
    case TERM_SET:
    case TERM_LIST:
    case TERM_UNION:
    case TERM_INTERSECT:
    case TERM_DIFFERENCE:
    case TERM_MATRIX:
    case TERM_AND:
        return false;
    case TERM_UNITS:
        return is_expression(t->args[0]);
    default:
        return true;
    }
}

static const Term *make_two(Compare *c, TermKind kind, const Term *a, const Term *b) {
    Term *t = term_new(c->arena, kind, 2);
    t->args[0] = a;
    t->args[1] = b;
    return t;
}

const Term *make_sum(Compare *c, const Term *a, const Term *b) {
    return make_two(c, TERM_ADD, a, b);
}
const Term *make_product(Compare *c, const Term *a, const Term *b) {
    return make_two(c, TERM_MULTIPLY, a, b);
}
const Term *make_quotient(Compare *c, const Term *a, const Term *b) {
    return make_two(c, TERM_DIVIDE, a, b);
}

const Term *make_negated(Compare *c, const Term *a) {
    if (a->kind == TERM_NEGATE) return a->args[0];
    Term *t = term_new(c->arena, TERM_NEGATE, 1);
    t->args[0] = a;
    return t;
}

const Term *make_difference(Compare *c, const Term *a, const Term *b) {
    return make_sum(c, a, make_negated(c, b));
}

static const Term *make_whole(Compare *c, const fmpz_t value) {
    char *digits = fmpz_get_str(NULL, 10, value);
    bool negative = digits[0] == '-';
    Term *t = term_new(c->arena, TERM_NUMBER, 0);
    t->digits = str_of(arena_strdup(c->arena, digits + negative));
    flint_free(digits);
    return negative ? make_negated(c, t) : t;
}

const Term *make_number(Compare *c, const fmpq_t value) {
    const Term *numerator = make_whole(c, fmpq_numref(value));
    return fmpz_is_one(fmpq_denref(value)) ? numerator : make_quotient(c, numerator, make_whole(c, fmpq_denref(value)));
}

const Term *make_list(Compare *c, TermKind kind, const Term *const *items, int32_t n) {
    Term *t = term_new(c->arena, kind, n);
    for (int32_t i = 0; i < n; i++)
        t->args[i] = items[i];
    return t;
}

const Term *choose_sign(Compare *c, const Term *t, bool plus) {
    if (!term_has_kind(t, TERM_PLUS_MINUS)) return t;
    if (t->kind == TERM_PLUS_MINUS) {
        const Term *centre = choose_sign(c, t->args[0], plus), *offset = choose_sign(c, t->args[1], plus);
        return make_sum(c, centre, plus ? offset : make_negated(c, offset));
    }
    Term *copy = term_new(c->arena, t->kind, t->n);
    const Term **args = copy->args;
    *copy = *t;
    copy->args = args;
    for (int32_t i = 0; i < t->n; i++)
        args[i] = choose_sign(c, t->args[i], plus);
    return copy;
}
