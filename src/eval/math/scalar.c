// Two expressions: forms, then samples; percent, degrees, bases and roundings around them.
#include <strings.h>

#include "eval/math/equal_impl.h"

static const Term *strip_units(const Term *t) {
    while (t->kind == TERM_UNITS)
        t = t->args[0];
    return t;
}

static bool has_bare_log(const Term *t) {
    if (term_is_function(t, "log", 1)) return true;
    for (int32_t i = 0; i < t->n; i++) {
        if (has_bare_log(t->args[i])) return true;
    }
    return false;
}

static MathVerdict compare_once(Compare *c, const Term *a, const Term *b) {
    FormAnswer answer = forms_compare(c, a, b);
    if (answer != FORM_UNKNOWN)
        return verdict(answer == FORM_EQUAL, answer == FORM_EQUAL ? MATH_SAME_FORM : MATH_DIFFERENT);
    bool endless = term_has_kind(a, TERM_CONSTANT) || term_has_kind(b, TERM_CONSTANT);
    if (endless && (term_is_constant(strip_units(a), "undefined") || term_is_constant(strip_units(b), "undefined"))) {
        return verdict(false, MATH_DIFFERENT);
    }
    answer = samples_compare(c, a, b);
    if (answer == FORM_UNKNOWN) return verdict(false, MATH_UNDECIDED);
    return verdict(answer == FORM_EQUAL, answer == FORM_EQUAL ? MATH_NUMERIC : MATH_DIFFERENT);
}

// log without a base may be meant to base 10: either reading will do, the same one on both sides.
MathVerdict compare_expressions(Compare *c, const Term *a, const Term *b) {
    if (term_same(a, b)) return verdict(true, MATH_SAME_FORM);
    MathVerdict natural = compare_once(c, a, b);
    if (natural.equal || !(has_bare_log(a) || has_bare_log(b))) return natural;
    c->log_is_ten = true;
    MathVerdict ten = compare_once(c, a, b);
    c->log_is_ten = false;
    return ten;
}

// ---- Rounded decimals ----

typedef struct Rounded { // what a decimal was rounded to
    fmpq_t value, unit;  // of its last digit
    int32_t decimals;
} Rounded;

static void rounded_clear(Rounded *r) {
    fmpq_clear(r->value), fmpq_clear(r->unit);
}

// A decimal reads as rounded where it has two decimals or three significant digits; 0.5 is taken to be exact.
static bool reads_as_rounded(const Term *number) {
    if (number->kind != TERM_NUMBER || number->decimals < 1 || number->repeat.len > 0) return false;
    size_t zeros = 0;
    while (zeros < number->digits.len && number->digits.ptr[zeros] == '0')
        zeros++;
    return number->decimals >= 2 || number->digits.len - zeros >= 3;
}

// 3.14, -3.14, 3.14 cm, 3.14%, 3.14 * 10^5. `r` is initialised in any case.
static bool read_rounded(Compare *c, const Term *t, Rounded *r) {
    fmpq_init(r->value), fmpq_init(r->unit);
    const Term *scale = NULL, *inner = t;
    ulong divisor = 1;
    while (inner->kind == TERM_NEGATE || inner->kind == TERM_UNITS || inner->kind == TERM_PERCENT ||
           inner->kind == TERM_DEGREES || (inner->kind == TERM_MULTIPLY && inner->n == 2 && scale == NULL)) {
        if (inner->kind == TERM_PERCENT) divisor *= 100;
        if (inner->kind == TERM_MULTIPLY) {
            scale = inner->args[1];
            if (scale->kind != TERM_POWER) return false;
        }
        inner = inner->args[0];
    }
    if (!reads_as_rounded(inner)) return false;
    r->decimals = inner->decimals;
    fmpz_ui_pow_ui(fmpq_denref(r->unit), 10, (ulong)inner->decimals);
    fmpz_mul_ui(fmpq_denref(r->unit), fmpq_denref(r->unit), divisor);
    fmpz_one(fmpq_numref(r->unit));
    if (scale != NULL) {
        if (!number_value(c, scale, r->value) || fmpq_is_zero(r->value)) return false;
        fmpq_mul(r->unit, r->unit, r->value);
    }
    return number_value(c, t->kind == TERM_DEGREES ? t->args[0] : t, r->value);
}

// A terminating decimal that has fewer than two digits more is another decimal, not what this one was rounded from.
static bool is_finer(const Rounded *r, const fmpq_t exact) {
    fmpq_t x;
    fmpq_init(x);
    fmpq_div(x, exact, r->unit);
    fmpq_mul_2exp(x, x, 1);
    fmpz_mul_ui(fmpq_numref(x), fmpq_numref(x), 5);
    fmpq_canonicalise(x);
    bool finer = !fmpz_is_one(fmpq_denref(x));
    fmpq_clear(x);
    return finer;
}

static bool rounds_exactly(const Rounded *r, const fmpq_t exact) {
    fmpq_t distance;
    fmpq_init(distance);
    fmpq_sub(distance, exact, r->value);
    fmpq_abs(distance, distance);
    fmpq_mul_2exp(distance, distance, 1);
    bool near = fmpq_cmp(distance, r->unit) <= 0 && is_finer(r, exact);
    fmpq_clear(distance);
    return near;
}

static bool rounds_numerically(Compare *c, const Rounded *r, const Term *t) {
    Env env = {.precision = 272, .real_only = true};
    acb_t x;
    arb_t distance, unit;
    acb_init(x), arb_init(distance), arb_init(unit);
    bool near = !term_has_variables(t) && numeric_value(c, t, &env, x) && arb_is_zero(acb_imagref(x));
    if (near) {
        arb_set_fmpq(distance, r->value, env.precision);
        arb_sub(distance, acb_realref(x), distance, env.precision);
        arb_abs(distance, distance);
        arb_mul_2exp_si(distance, distance, 1);
        arb_set_fmpq(unit, r->unit, env.precision);
        near = arb_le(distance, unit);
    }
    acb_clear(x), arb_clear(distance), arb_clear(unit);
    return near;
}

static bool rounds_to(Compare *c, const Term *gold, const Term *pred) {
    Rounded r;
    bool near = read_rounded(c, gold, &r);
    if (near) {
        fmpq_t exact;
        fmpq_init(exact);
        if (number_value(c, pred, exact))
            near = rounds_exactly(&r, exact);
        else
            near = rounds_numerically(c, &r, pred);
        fmpq_clear(exact);
    }
    rounded_clear(&r);
    return near;
}

// ---- What stands around an expression ----

static const Term *without(Compare *c, const Term *t, TermKind kind) { // 50% -> 50, -(30 deg) -> -30; else t
    t = strip_units(t);
    if (t->kind == kind) return strip_units(t->args[0]);
    if (t->kind == TERM_NEGATE && strip_units(t->args[0])->kind == kind) {
        return make_negated(c, strip_units(t->args[0])->args[0]);
    }
    return t;
}

static Str without_zeros(Str digits) {
    while (digits.len > 1 && digits.ptr[0] == '0')
        digits.ptr++, digits.len--;
    return digits;
}

// Digits and base, or the same digits where one has no base.
static bool compare_bases(Compare *c, const Term *a, const Term *b, MathVerdict *out) {
    if (a->kind != TERM_BASE) {
        const Term *swap = a;
        a = b;
        b = swap;
    }
    if (b->kind == TERM_NUMBER ? b->decimals > 0 || b->repeat.len > 0 : b->kind != TERM_BASE) return false;
    Str x = without_zeros(a->name), y = without_zeros(b->kind == TERM_BASE ? b->name : b->digits);
    bool same = x.len == y.len && strncasecmp(x.ptr, y.ptr, x.len) == 0;
    if (same && b->kind == TERM_BASE)
        *out = compare_expressions(c, a->args[1], b->args[1]);
    else
        *out = verdict(same, same ? MATH_SAME_FORM : MATH_DIFFERENT);
    return true;
}

static MathVerdict with_rounding(Compare *c, const Term *gold, const Term *pred) {
    MathVerdict exact = compare_expressions(c, gold, pred);
    if (exact.equal || !rounds_to(c, gold, pred)) return exact;
    return verdict(true, MATH_ROUNDED);
}

MathVerdict compare_scalars(Compare *c, const Term *gold, const Term *pred) {
    gold = strip_units(gold);
    pred = strip_units(pred);
    MathVerdict result;
    if ((gold->kind == TERM_BASE || pred->kind == TERM_BASE) && compare_bases(c, gold, pred, &result)) return result;
    const Term *g = without(c, gold, TERM_PERCENT), *p = without(c, pred, TERM_PERCENT);
    if (g != gold || p != pred) { // 50% is 0.5 and is 50; two percentages are compared as they stand
        result = with_rounding(c, g, p);
        return result.equal ? result : with_rounding(c, gold, pred);
    }
    g = without(c, gold, TERM_DEGREES);
    p = without(c, pred, TERM_DEGREES);
    if (g != gold || p != pred) { // 30 degrees are 30 and pi/6
        result = with_rounding(c, g, p);
        return result.equal || (g != gold && p != pred) ? result : with_rounding(c, gold, pred);
    }
    return with_rounding(c, gold, pred);
}
