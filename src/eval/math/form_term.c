// Terms to forms: see form.h.
#include <string.h>

#include "eval/math/form.h"

#include <flint/ulong_extras.h>

static Form *constant_atom(Ring *ring, Str name) {
    if (str_equal(name, STR("i"))) {
        return form_atom(ring, &(Atom){.kind = ATOM_PRIME_ROOT, .prime = -1, .index = 2, .reduces = true});
    }
    return form_atom(ring, &(Atom){.kind = ATOM_CONSTANT, .name = name});
}

// ---- Roots ----

// p^(exponent / index), p prime
static Form *prime_root(Ring *ring, ulong p, ulong exponent, ulong index) {
    ulong whole = exponent / index, rest = exponent % index;
    Form *f = form_power(ring, form_integer(ring, (slong)p), (slong)whole);
    if (rest == 0) return f;
    ulong common = n_gcd(rest, index);
    Form *root =
        form_atom(ring, &(Atom){.kind = ATOM_PRIME_ROOT, .prime = (slong)p, .index = index / common, .reduces = true});
    return form_multiply(ring, f, form_power(ring, root, (slong)(rest / common)));
}

static Form *root_atom(Ring *ring, Form *radicand, ulong index) {
    bool whole = radicand != NULL && fmpz_mpoly_is_one(radicand->den, ring->ctx);
    return form_atom(ring, &(Atom){.kind = ATOM_ROOT, .index = index, .arg = {radicand}, .n = 1, .reduces = whole});
}

static Form *root_of_natural(Ring *ring, const fmpz_t value, ulong index) {
    if (fmpz_is_zero(value) || fmpz_is_one(value)) return form_integer(ring, fmpz_get_si(value));
    if (fmpz_bits(value) > 62) {
        fmpz_t root;
        fmpz_init(root);
        bool exact = fmpz_bits(value) <= 4096 && fmpz_root(root, value, (slong)index);
        fmpq_t q;
        fmpq_init(q);
        fmpq_set_fmpz(q, exact ? root : value);
        Form *f = form_rational(ring, q);
        fmpq_clear(q), fmpz_clear(root);
        return exact ? f : root_atom(ring, f, index);
    }
    if (!work_spend(ring->c, 2000)) return NULL;
    n_factor_t factors;
    n_factor_init(&factors);
    n_factor(&factors, fmpz_get_ui(value), 1);
    Form *f = form_integer(ring, 1);
    for (int i = 0; i < factors.num; i++) {
        f = form_multiply(ring, f, prime_root(ring, factors.p[i], factors.exp[i], index));
    }
    return f;
}

// Roots of negative numbers: real where the index is odd, i times the root where it is 2.
static Form *root_of_rational(Ring *ring, const fmpq_t value, ulong index) {
    bool negative = fmpq_sgn(value) < 0;
    if (negative && index % 2 == 0 && index != 2) return NULL;
    fmpz_t part;
    fmpz_init(part);
    fmpz_abs(part, fmpq_numref(value));
    Form *f = root_of_natural(ring, part, index);
    f = form_divide(ring, f, root_of_natural(ring, fmpq_denref(value), index));
    fmpz_clear(part);
    if (!negative) return f;
    return index == 2 ? form_multiply(ring, f, constant_atom(ring, STR("i"))) : form_scale(ring, f, -1);
}

// The rational content of a form goes out of the root, the sign too where the index is odd.
static Form *form_root(Ring *ring, Form *a, ulong index) {
    fmpq_t content;
    if (a == NULL) return NULL;
    if (index == 1) return a;
    fmpq_init(content);
    Form *f;
    if (form_is_rational(ring, a, content)) {
        f = root_of_rational(ring, content, index);
    } else {
        _fmpz_vec_content(fmpq_numref(content), a->num->coeffs, a->num->length);
        _fmpz_vec_content(fmpq_denref(content), a->den->coeffs, a->den->length);
        fmpq_canonicalise(content);
        if (index % 2 == 1 && fmpz_sgn(a->num->coeffs) < 0) fmpq_neg(content, content);
        f = root_of_rational(ring, content, index);
        f = form_multiply(ring, f, root_atom(ring, form_divide(ring, a, form_rational(ring, content)), index));
    }
    fmpq_clear(content);
    return f;
}

// ---- Powers ----

static Form *power_atom(Ring *ring, Form *base, Form *exponent) {
    return form_atom(ring, &(Atom){.kind = ATOM_POWER, .arg = {base, exponent}, .n = 2});
}

// What is too large to be worked out is kept as it is written: 10^(10^10) + 1 - 10^(10^10) is 1.
static Form *power_rational(Ring *ring, Form *base, const fmpq_t exponent) {
    if (base == NULL || fmpz_mpoly_is_zero(base->num, ring->ctx)) return form_power(ring, base, fmpq_sgn(exponent));
    Form *f = NULL;
    if (fmpz_fits_si(fmpq_numref(exponent)) && fmpz_cmp_ui(fmpq_denref(exponent), 64) <= 0) {
        f = form_power(ring, form_root(ring, base, fmpz_get_ui(fmpq_denref(exponent))),
                       fmpz_get_si(fmpq_numref(exponent)));
    }
    return f != NULL ? f : power_atom(ring, base, form_rational(ring, exponent));
}

// base^(coefficient * monomial): an atom with the exponent monomial / q, to the power p, where coefficient = p / q.
static Form *power_monomial(Ring *ring, Form *base, const Form *exponent, slong at, const fmpz_t divisor) {
    ulong exps[FORM_MAX_ATOMS];
    fmpq_t coefficient;
    fmpq_init(coefficient);
    fmpz_mpoly_get_term_coeff_fmpz(fmpq_numref(coefficient), exponent->num, at, ring->ctx);
    fmpz_set(fmpq_denref(coefficient), divisor);
    fmpq_canonicalise(coefficient);
    fmpz_mpoly_get_term_exp_ui(exps, exponent->num, at, ring->ctx);
    bool is_constant = true;
    for (int32_t i = 0; i < ring->n_atoms; i++)
        is_constant &= exps[i] == 0;
    Form *f = NULL;
    if (is_constant) {
        f = power_rational(ring, base, coefficient);
    } else if (fmpz_fits_si(fmpq_numref(coefficient))) {
        fmpq_t part;
        fmpq_init(part);
        fmpz_set(fmpq_denref(part), fmpq_denref(coefficient));
        fmpz_one(fmpq_numref(part));
        Form *monomial = form_rational(ring, part);
        fmpz_mpoly_zero(monomial->num, ring->ctx);
        fmpz_mpoly_set_coeff_fmpz_ui(monomial->num, fmpq_numref(part), exps, ring->ctx);
        f = power_atom(ring, base, monomial);
        f = form_power(ring, f, fmpz_get_si(fmpq_numref(coefficient)));
        fmpq_clear(part);
    }
    fmpq_clear(coefficient);
    return f;
}

static Form *power_form(Ring *ring, Form *base, Form *exponent) {
    if (base == NULL || exponent == NULL) return NULL;
    fmpq_t number;
    fmpq_init(number);
    Form *f = NULL;
    if (form_is_rational(ring, exponent, number)) {
        f = power_rational(ring, base, number);
        fmpq_clear(number);
        return f;
    }
    if (form_is_rational(ring, base, number) && fmpz_is_one(fmpq_numref(number)) && !fmpz_is_one(fmpq_denref(number))) {
        fmpq_inv(number, number); // (1/2)^n is 2^(-n)
        base = form_rational(ring, number);
        exponent = form_scale(ring, exponent, -1);
    }
    fmpq_clear(number);
    if (exponent == NULL || fmpz_mpoly_is_zero(base->num, ring->ctx)) return NULL;
    if (!fmpz_mpoly_is_fmpz(exponent->den, ring->ctx)) {
        return power_atom(ring, base, exponent);
    }
    fmpz_t divisor;
    fmpz_init(divisor);
    fmpz_mpoly_get_fmpz(divisor, exponent->den, ring->ctx);
    slong terms = fmpz_mpoly_length(exponent->num, ring->ctx);
    f = form_integer(ring, 1);
    for (slong i = 0; i < terms && f != NULL; i++) {
        f = form_multiply(ring, f, power_monomial(ring, base, exponent, i, divisor));
    }
    fmpz_clear(divisor);
    return f;
}

// ---- Functions ----

static Form *call_atom(Ring *ring, Str name, Form *const *args, int32_t n) {
    Atom atom = {.kind = ATOM_CALL, .name = name, .n = n};
    if (n > 4) return NULL;
    for (int32_t i = 0; i < n; i++)
        atom.arg[i] = args[i];
    return form_atom(ring, &atom);
}

static Form *root_function(Ring *ring, Form *index, Form *of) {
    fmpq_t n;
    fmpq_init(n);
    Form *f = NULL;
    if (index != NULL && form_is_rational(ring, index, n) && fmpz_is_one(fmpq_denref(n)) && fmpq_sgn(n) > 0 &&
        fmpz_cmp_ui(fmpq_numref(n), 64) <= 0) {
        f = form_root(ring, of, fmpz_get_ui(fmpq_numref(n)));
    }
    fmpq_clear(n);
    return f;
}

static Form *function_form(Ring *ring, const Term *t) {
    Form *args[4];
    if (t->n < 1 || t->n > 4) return NULL;
    bool all_rational = true;
    for (int32_t i = 0; i < t->n; i++) {
        args[i] = form_of_term(ring, t->args[i]);
        if (args[i] == NULL) return NULL;
        all_rational &= form_is_rational(ring, args[i], NULL);
    }
    if (str_equal(t->name, STR("sqrt")) && t->n == 1) return form_root(ring, args[0], 2);
    if (str_equal(t->name, STR("root")) && t->n == 2) return root_function(ring, args[0], args[1]);
    if (str_equal(t->name, STR("exp")) && t->n == 1) return power_form(ring, constant_atom(ring, STR("e")), args[0]);
    if (str_equal(t->name, STR("log")) && t->n == 2) {
        return form_divide(ring, call_atom(ring, STR("ln"), &args[1], 1), call_atom(ring, STR("ln"), &args[0], 1));
    }
    if (str_equal(t->name, STR("log")) && t->n == 1) {
        Form *log = call_atom(ring, STR("ln"), args, 1), *ten = form_integer(ring, 10);
        return ring->c->log_is_ten ? form_divide(ring, log, call_atom(ring, STR("ln"), &ten, 1)) : log;
    }
    fmpq_t value;
    fmpq_init(value);
    Form *f = NULL;
    if (all_rational && number_value(ring->c, t, value)) f = form_rational(ring, value);
    fmpq_clear(value);
    if (f != NULL) return f;
    if (str_equal(t->name, STR("abs")) && fmpz_mpoly_length(args[0]->num, ring->ctx) > 0 &&
        fmpz_sgn(args[0]->num->coeffs) < 0) {
        args[0] = form_scale(ring, args[0], -1); // |b - a| is |a - b|
    }
    return call_atom(ring, t->name, args, t->n);
}

static Form *factorial_form(Ring *ring, const Term *t) {
    fmpq_t value;
    fmpq_init(value);
    Form *f = NULL, *of = NULL;
    if (number_value(ring->c, t, value))
        f = form_rational(ring, value);
    else
        of = form_of_term(ring, t->args[0]);
    fmpq_clear(value);
    return f != NULL ? f : call_atom(ring, STR("!"), &of, 1);
}

static Form *fold_form(Ring *ring, const Term *t) {
    Form *f = form_of_term(ring, t->args[0]);
    for (int32_t i = 1; i < t->n && f != NULL; i++) {
        Form *next = form_of_term(ring, t->args[i]);
        if (t->kind == TERM_MULTIPLY)
            f = form_multiply(ring, f, next);
        else if (t->kind == TERM_DIVIDE)
            f = form_divide(ring, f, next);
        else if (t->kind == TERM_POWER)
            f = power_form(ring, f, next);
        else
            f = form_add(ring, f, next);
    }
    return f;
}

Form *form_of_term(Ring *ring, const Term *t) {
    if (!work_spend(ring->c, 30)) return NULL;
    fmpq_t value;
    Form *f = NULL;
    switch (t->kind) {
    case TERM_NUMBER:
    case TERM_MIXED:
    case TERM_BASE:
        fmpq_init(value);
        if (number_value(ring->c, t, value)) f = form_rational(ring, value);
        fmpq_clear(value);
        return f;
    case TERM_CONSTANT:
        return constant_atom(ring, t->name);
    case TERM_SYMBOL:
        return form_atom(ring, &(Atom){.kind = ATOM_SYMBOL, .name = t->name});
    case TERM_ADD:
    case TERM_MULTIPLY:
    case TERM_DIVIDE:
    case TERM_POWER:
        return fold_form(ring, t);
    case TERM_NEGATE:
        return form_scale(ring, form_of_term(ring, t->args[0]), -1);
    case TERM_PERCENT:
        return form_divide(ring, form_of_term(ring, t->args[0]), form_integer(ring, 100));
    case TERM_DEGREES:
        f = form_multiply(ring, form_of_term(ring, t->args[0]), constant_atom(ring, STR("pi")));
        return form_divide(ring, f, form_integer(ring, 180));
    case TERM_UNITS:
        return form_of_term(ring, t->args[0]);
    case TERM_FACTORIAL:
        return factorial_form(ring, t);
    case TERM_FUNCTION:
        return function_form(ring, t);
    default:
        return NULL;
    }
}
