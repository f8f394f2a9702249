// Two expressions by their canonical forms.
#include "eval/math/form.h"

// More atoms than the two terms can have, within FORM_MAX_ATOMS: roots of whole numbers split into primes.
static int32_t count_atoms(const Term *t) {
    int32_t n =
        t->kind == TERM_SYMBOL || t->kind == TERM_CONSTANT || t->kind == TERM_DEGREES || t->kind == TERM_FACTORIAL;
    if (t->kind == TERM_POWER || t->kind == TERM_FUNCTION) n += 4;
    for (int32_t i = 0; i < t->n && n < FORM_MAX_ATOMS; i++)
        n += count_atoms(t->args[i]);
    return n;
}

static FormAnswer rationals_compare(Compare *c, const Term *a, const Term *b) {
    fmpq_t x, y;
    fmpq_init(x), fmpq_init(y);
    FormAnswer answer = FORM_UNKNOWN;
    if (number_value(c, a, x) && number_value(c, b, y)) answer = fmpq_equal(x, y) ? FORM_EQUAL : FORM_DIFFERENT;
    fmpq_clear(x), fmpq_clear(y);
    return answer;
}

FormAnswer forms_compare(Compare *c, const Term *a, const Term *b) {
    FormAnswer answer = rationals_compare(c, a, b);
    if (answer != FORM_UNKNOWN) return answer;
    Ring ring;
    ring_init(&ring, c, count_atoms(a) + count_atoms(b));
    Form *x = form_of_term(&ring, a), *y = form_of_term(&ring, b);
    Form *difference = form_add(&ring, x, form_scale(&ring, y, -1));
    if (difference == NULL)
        answer = FORM_UNKNOWN;
    else if (fmpz_mpoly_is_zero(difference->num, ring.ctx))
        answer = FORM_EQUAL;
    else if (form_is_decided(&ring, difference))
        answer = FORM_DIFFERENT; // whatever other atoms both have: sin(x) + 1 and sin(x)
    ring_clear(&ring);
    return answer;
}

// As an equation (= 0) a quotient says what its numerator says.
static Form *numerator(Ring *ring, const Form *a) {
    Form *f = form_integer(ring, 0);
    if (a == NULL) return NULL;
    fmpz_mpoly_set(f->num, a->num, ring->ctx);
    return f;
}

FormAnswer forms_proportional(Compare *c, const Term *a, const Term *b, bool equation, int *sign) {
    Ring ring;
    ring_init(&ring, c, count_atoms(a) + count_atoms(b));
    Form *x = form_of_term(&ring, a), *y = form_of_term(&ring, b);
    if (equation) x = numerator(&ring, x), y = numerator(&ring, y);
    FormAnswer answer = FORM_UNKNOWN;
    if (x != NULL && y != NULL && !fmpz_mpoly_is_zero(x->num, ring.ctx) && !fmpz_mpoly_is_zero(y->num, ring.ctx)) {
        // x = factor * y: both sides of x_num y_den = factor * x_den y_num have one leading monomial.
        Form *ratio = form_divide(&ring, x, y);
        fmpq_t factor;
        fmpq_init(factor);
        if (ratio != NULL) {
            fmpz_set(fmpq_numref(factor), ratio->num->coeffs);
            fmpz_set(fmpq_denref(factor), ratio->den->coeffs);
            fmpq_canonicalise(factor);
            Form *scaled = form_multiply(&ring, y, form_rational(&ring, factor));
            *sign = fmpq_sgn(factor);
            if (scaled != NULL && forms_same(&ring, x, scaled))
                answer = FORM_EQUAL;
            else if (scaled != NULL && form_is_decided(&ring, x) && form_is_decided(&ring, y))
                answer = FORM_DIFFERENT;
        }
        fmpq_clear(factor);
    }
    ring_clear(&ring);
    return answer;
}
