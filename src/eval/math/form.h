// Canonical forms: quotients of polynomials with whole coefficients over atoms. For equal_impl.h's files.
//
// An atom is what the rational operations do not take apart: a symbol, a constant, the n-th root of a prime (or of -1:
// the imaginary unit) or of a form, a power with an exponent that is no number, the value of a function. Roots obey
// atom^n = radicand, which is applied after every product. Symbols, roots of different primes and i are independent
// over the rationals (Besicovitch, "On the linear independence of fractional powers of integers", 1940), so where a
// form (of two terms' difference) has only those, it is 0 if and only if its numerator is the polynomial 0: equality is
// then decided. Other atoms may be related (sin^2 + cos^2 = 1): a numerator that is not 0 then proves nothing.
#ifndef RLT_EVAL_MATH_FORM_H
#define RLT_EVAL_MATH_FORM_H

#include "eval/math/equal_impl.h"

#define FORM_MAX_ATOMS 32
#define FORM_MAX_TERMS 4000

typedef struct Form Form;
struct Form {
    fmpz_mpoly_t num, den;
    Form *next; // of the ring's forms, to be freed
};

typedef enum AtomKind { ATOM_SYMBOL, ATOM_CONSTANT, ATOM_PRIME_ROOT, ATOM_ROOT, ATOM_POWER, ATOM_CALL } AtomKind;

typedef struct Atom {
    AtomKind kind;
    Str name;     // symbol, constant, function
    slong prime;  // ATOM_PRIME_ROOT: 2, 3, ... or -1
    ulong index;  // of a root
    Form *arg[4]; // ATOM_ROOT: radicand; ATOM_POWER: base, exponent; ATOM_CALL: arguments
    int32_t n;
    bool reduces; // atom^index is replaced by the radicand
} Atom;

typedef struct Ring { // the atoms of two terms, and every form made of them
    Compare *c;
    fmpz_mpoly_ctx_t ctx;
    int32_t max_atoms, n_atoms;
    Atom atoms[FORM_MAX_ATOMS];
    bool any_relation;
    Form *forms;
} Ring;

void ring_init(Ring *ring, Compare *c, int32_t max_atoms);
void ring_clear(Ring *ring); // frees every form

// All return NULL where an argument is NULL, a limit or the work is exceeded, or a divisor is 0. Arguments stay as they
// are.
Form *form_rational(Ring *ring, const fmpq_t value);
Form *form_integer(Ring *ring, slong value);
Form *form_atom(Ring *ring, const Atom *atom); // an equal atom is found again
Form *form_add(Ring *ring, const Form *a, const Form *b);
Form *form_multiply(Ring *ring, const Form *a, const Form *b);
Form *form_divide(Ring *ring, const Form *a, const Form *b);
Form *form_power(Ring *ring, const Form *a, slong exponent);
Form *form_scale(Ring *ring, const Form *a, slong factor);

bool form_is_rational(const Ring *ring, const Form *a, fmpq_t value); // value may be NULL
bool forms_same(Ring *ring, const Form *a, const Form *b);            // false also where a limit is exceeded
bool form_is_decided(const Ring *ring, const Form *a);                // only of independent atoms

Form *form_of_term(Ring *ring, const Term *t); // form_term.c

#endif
