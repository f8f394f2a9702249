// The ring of forms: see form.h.
#include "eval/math/form.h"

#include "base/mem.h"

#define MAX_DEGREE 4096

void ring_init(Ring *ring, Compare *c, int32_t max_atoms) {
    ring->c = c;
    ring->max_atoms = max_atoms < 1 ? 1 : max_atoms > FORM_MAX_ATOMS ? FORM_MAX_ATOMS : max_atoms;
    ring->n_atoms = 0;
    ring->any_relation = false;
    ring->forms = NULL;
    fmpz_mpoly_ctx_init(ring->ctx, ring->max_atoms, ORD_LEX);
}

void ring_clear(Ring *ring) {
    for (Form *f = ring->forms; f != NULL; f = f->next) {
        fmpz_mpoly_clear(f->num, ring->ctx);
        fmpz_mpoly_clear(f->den, ring->ctx);
    }
    fmpz_mpoly_ctx_clear(ring->ctx);
}

static Form *form_new(Ring *ring) {
    Form *f = arena_alloc(ring->c->arena, 1, sizeof *f);
    fmpz_mpoly_init(f->num, ring->ctx);
    fmpz_mpoly_init(f->den, ring->ctx);
    fmpz_mpoly_one(f->den, ring->ctx);
    f->next = ring->forms;
    ring->forms = f;
    return f;
}

static slong poly_bits(const fmpz_mpoly_t p) {
    slong bits = fmpz_mpoly_max_bits(p);
    return bits < 0 ? -bits : bits;
}

static bool poly_fits(Ring *ring, const fmpz_mpoly_t p) {
    return fmpz_mpoly_length(p, ring->ctx) <= FORM_MAX_TERMS && poly_bits(p) <= EXACT_MAX_BITS;
}

Form *form_rational(Ring *ring, const fmpq_t value) {
    Form *f = form_new(ring);
    fmpz_mpoly_set_fmpz(f->num, fmpq_numref(value), ring->ctx);
    fmpz_mpoly_set_fmpz(f->den, fmpq_denref(value), ring->ctx);
    return f;
}

Form *form_integer(Ring *ring, slong value) {
    Form *f = form_new(ring);
    fmpz_mpoly_set_si(f->num, value, ring->ctx);
    return f;
}

static bool atoms_equal(Ring *ring, const Atom *a, const Atom *b) {
    if (a->kind != b->kind || a->n != b->n || a->prime != b->prime || a->index != b->index ||
        !str_equal(a->name, b->name)) {
        return false;
    }
    for (int32_t i = 0; i < a->n; i++) {
        if (!forms_same(ring, a->arg[i], b->arg[i])) return false;
    }
    return true;
}

Form *form_atom(Ring *ring, const Atom *atom) {
    for (int32_t i = 0; i < atom->n; i++) {
        if (atom->arg[i] == NULL) return NULL;
    }
    int32_t at = 0;
    while (at < ring->n_atoms && !atoms_equal(ring, &ring->atoms[at], atom))
        at++;
    if (at == ring->n_atoms) {
        if (at == ring->max_atoms) return NULL;
        ring->atoms[at] = *atom;
        ring->n_atoms++;
        ring->any_relation |= atom->reduces;
    }
    Form *f = form_new(ring);
    fmpz_mpoly_gen(f->num, at, ring->ctx);
    return f;
}

// ---- Relations ----

static bool poly_multiply(Ring *ring, fmpz_mpoly_t out, const fmpz_mpoly_t a, const fmpz_mpoly_t b) {
    slong terms_a = fmpz_mpoly_length(a, ring->ctx), terms_b = fmpz_mpoly_length(b, ring->ctx);
    slong bits = poly_bits(a) + poly_bits(b);
    if (bits > EXACT_MAX_BITS || !work_spend(ring->c, 10 + terms_a * terms_b * (4 + bits / 16))) return false;
    fmpz_mpoly_mul(out, a, b, ring->ctx);
    return poly_fits(ring, out);
}

static bool poly_power(Ring *ring, fmpz_mpoly_t out, const fmpz_mpoly_t a, ulong exponent) {
    bool ok = true;
    fmpz_mpoly_t base;
    fmpz_mpoly_init(base, ring->ctx);
    fmpz_mpoly_set(base, a, ring->ctx);
    fmpz_mpoly_one(out, ring->ctx);
    for (; ok && exponent > 0; exponent >>= 1) {
        if (exponent & 1) ok = poly_multiply(ring, out, out, base);
        if (ok && exponent > 1) ok = poly_multiply(ring, base, base, base);
    }
    fmpz_mpoly_clear(base, ring->ctx);
    return ok;
}

// One term of a polynomial, times what its roots' powers beyond their indices are worth.
static bool reduce_term(Ring *ring, const fmpz_mpoly_t p, slong at, fmpz_mpoly_t out) {
    ulong exps[FORM_MAX_ATOMS];
    fmpz_t coefficient;
    fmpz_init(coefficient);
    fmpz_mpoly_get_term_coeff_fmpz(coefficient, p, at, ring->ctx);
    fmpz_mpoly_get_term_exp_ui(exps, p, at, ring->ctx);
    fmpz_mpoly_t factor, power;
    fmpz_mpoly_init(factor, ring->ctx), fmpz_mpoly_init(power, ring->ctx);
    fmpz_mpoly_one(factor, ring->ctx);
    bool ok = true;
    for (int32_t i = 0; ok && i < ring->n_atoms; i++) {
        const Atom *atom = &ring->atoms[i];
        if (!atom->reduces || exps[i] < atom->index) continue;
        ulong times = exps[i] / atom->index;
        exps[i] %= atom->index;
        if (atom->kind == ATOM_PRIME_ROOT) {
            fmpz_t value;
            fmpz_init_set_si(value, atom->prime);
            ok = fmpz_bits(value) * times <= EXACT_MAX_BITS;
            if (ok) fmpz_pow_ui(value, value, times), fmpz_mul(coefficient, coefficient, value);
            fmpz_clear(value);
        } else {
            ok = poly_power(ring, power, atom->arg[0]->num, times) && poly_multiply(ring, factor, factor, power);
        }
    }
    if (ok) {
        fmpz_mpoly_zero(power, ring->ctx);
        fmpz_mpoly_set_coeff_fmpz_ui(power, coefficient, exps, ring->ctx);
        ok = poly_multiply(ring, out, factor, power);
    }
    fmpz_mpoly_clear(factor, ring->ctx), fmpz_mpoly_clear(power, ring->ctx);
    fmpz_clear(coefficient);
    return ok;
}

static bool needs_reduction(Ring *ring, const fmpz_mpoly_t p) {
    slong degrees[FORM_MAX_ATOMS];
    if (!ring->any_relation || fmpz_mpoly_is_zero(p, ring->ctx)) return false;
    fmpz_mpoly_degrees_si(degrees, p, ring->ctx);
    for (int32_t i = 0; i < ring->n_atoms; i++) {
        if (ring->atoms[i].reduces && degrees[i] >= (slong)ring->atoms[i].index) return true;
    }
    return false;
}

// Radicands may hold roots themselves: again until nothing is left to replace (every round lowers a nesting).
static bool poly_reduce(Ring *ring, fmpz_mpoly_t p) {
    bool ok = true;
    fmpz_mpoly_t sum, part;
    fmpz_mpoly_init(sum, ring->ctx), fmpz_mpoly_init(part, ring->ctx);
    while (ok && needs_reduction(ring, p)) {
        slong length = fmpz_mpoly_length(p, ring->ctx);
        fmpz_mpoly_zero(sum, ring->ctx);
        for (slong i = 0; ok && i < length; i++) {
            ok = work_spend(ring->c, 100) && reduce_term(ring, p, i, part);
            if (ok) fmpz_mpoly_add(sum, sum, part, ring->ctx);
        }
        fmpz_mpoly_swap(p, sum, ring->ctx);
        ok = ok && poly_fits(ring, p);
    }
    fmpz_mpoly_clear(sum, ring->ctx), fmpz_mpoly_clear(part, ring->ctx);
    return ok;
}

// ---- Arithmetic ----

// The common whole factor of numerator and denominator goes.
static Form *finish(Ring *ring, Form *f) {
    if (!poly_reduce(ring, f->num) || !poly_reduce(ring, f->den)) return NULL;
    if (fmpz_mpoly_is_zero(f->den, ring->ctx) || !poly_fits(ring, f->num) || !poly_fits(ring, f->den)) return NULL;
    slong degrees[FORM_MAX_ATOMS];
    fmpz_mpoly_degrees_si(degrees, f->num, ring->ctx);
    for (int32_t i = 0; i < ring->n_atoms; i++) {
        if (degrees[i] > MAX_DEGREE) return NULL;
    }
    if (fmpz_mpoly_is_zero(f->num, ring->ctx)) {
        fmpz_mpoly_one(f->den, ring->ctx);
        return f;
    }
    if (fmpz_mpoly_is_one(f->den, ring->ctx)) return f;
    fmpz_t a, b;
    fmpz_init(a), fmpz_init(b);
    _fmpz_vec_content(a, f->num->coeffs, f->num->length);
    _fmpz_vec_content(b, f->den->coeffs, f->den->length);
    fmpz_gcd(a, a, b);
    if (fmpz_sgn(f->den->coeffs) < 0) fmpz_neg(a, a); // the leading coefficient of a denominator is positive
    if (!fmpz_is_one(a)) {
        fmpz_mpoly_scalar_divexact_fmpz(f->num, f->num, a, ring->ctx);
        fmpz_mpoly_scalar_divexact_fmpz(f->den, f->den, a, ring->ctx);
    }
    fmpz_clear(a), fmpz_clear(b);
    return f;
}

Form *form_add(Ring *ring, const Form *a, const Form *b) {
    if (a == NULL || b == NULL) return NULL;
    Form *f = form_new(ring);
    if (fmpz_mpoly_equal(a->den, b->den, ring->ctx)) {
        fmpz_mpoly_add(f->num, a->num, b->num, ring->ctx);
        fmpz_mpoly_set(f->den, a->den, ring->ctx);
        return work_spend(ring->c, 10 + fmpz_mpoly_length(f->num, ring->ctx)) ? finish(ring, f) : NULL;
    }
    fmpz_mpoly_t part;
    fmpz_mpoly_init(part, ring->ctx);
    bool ok = poly_multiply(ring, f->num, a->num, b->den) && poly_multiply(ring, part, b->num, a->den) &&
              poly_multiply(ring, f->den, a->den, b->den);
    if (ok) fmpz_mpoly_add(f->num, f->num, part, ring->ctx);
    fmpz_mpoly_clear(part, ring->ctx);
    return ok ? finish(ring, f) : NULL;
}

Form *form_multiply(Ring *ring, const Form *a, const Form *b) {
    if (a == NULL || b == NULL) return NULL;
    Form *f = form_new(ring);
    if (!poly_multiply(ring, f->num, a->num, b->num) || !poly_multiply(ring, f->den, a->den, b->den)) return NULL;
    return finish(ring, f);
}

Form *form_divide(Ring *ring, const Form *a, const Form *b) {
    if (a == NULL || b == NULL || fmpz_mpoly_is_zero(b->num, ring->ctx)) return NULL;
    Form *f = form_new(ring);
    if (!poly_multiply(ring, f->num, a->num, b->den) || !poly_multiply(ring, f->den, a->den, b->num)) return NULL;
    return finish(ring, f);
}

Form *form_power(Ring *ring, const Form *a, slong exponent) {
    if (a == NULL || exponent > MAX_DEGREE || exponent < -MAX_DEGREE) return NULL;
    bool is_zero = fmpz_mpoly_is_zero(a->num, ring->ctx);
    if (is_zero && exponent <= 0) return NULL;
    ulong times = (ulong)(exponent < 0 ? -exponent : exponent);
    Form *f = form_new(ring);
    if (!poly_power(ring, exponent < 0 ? f->den : f->num, a->num, times) ||
        !poly_power(ring, exponent < 0 ? f->num : f->den, a->den, times)) {
        return NULL;
    }
    return finish(ring, f);
}

Form *form_scale(Ring *ring, const Form *a, slong factor) {
    return a == NULL ? NULL : form_multiply(ring, a, form_integer(ring, factor));
}

// ---- Questions ----

bool form_is_rational(const Ring *ring, const Form *a, fmpq_t value) {
    if (!fmpz_mpoly_is_fmpz(a->num, ring->ctx) || !fmpz_mpoly_is_fmpz(a->den, ring->ctx)) return false;
    if (value != NULL) {
        fmpz_mpoly_get_fmpz(fmpq_numref(value), a->num, ring->ctx);
        fmpz_mpoly_get_fmpz(fmpq_denref(value), a->den, ring->ctx);
        fmpq_canonicalise(value);
    }
    return true;
}

bool forms_same(Ring *ring, const Form *a, const Form *b) {
    if (a == b) return true;
    Form *f = form_add(ring, a, form_scale(ring, b, -1));
    return f != NULL && fmpz_mpoly_is_zero(f->num, ring->ctx);
}

bool form_is_decided(const Ring *ring, const Form *a) {
    slong num[FORM_MAX_ATOMS], den[FORM_MAX_ATOMS];
    fmpz_mpoly_degrees_si(num, a->num, ring->ctx);
    fmpz_mpoly_degrees_si(den, a->den, ring->ctx);
    int32_t constants = 0, roots_of_unlike_index = 0;
    ulong index = 0;
    for (int32_t i = 0; i < ring->n_atoms; i++) {
        if (num[i] <= 0 && den[i] <= 0) continue;
        const Atom *atom = &ring->atoms[i];
        if (atom->kind == ATOM_CONSTANT) {
            constants++; // one of pi and e alone is transcendental; nothing is known of both
        } else if (atom->kind == ATOM_PRIME_ROOT) {
            if (index != 0 && index != atom->index && atom->prime > 0) roots_of_unlike_index++;
            if (atom->prime > 0) index = atom->index;
        } else if (atom->kind != ATOM_SYMBOL) {
            return false;
        }
    }
    return constants <= 1 && roots_of_unlike_index == 0;
}
