#include "data/fraction.h"

#include <assert.h>
#include <stdlib.h>

Fraction fraction_of(int64_t value) {
    assert(value > INT64_MIN);
    return (Fraction){value, 1};
}

static uint64_t gcd(uint64_t a, uint64_t b) {
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// Brings num / den, den != 0, to lowest terms with a positive denominator.
static bool normalise(int64_t num, int64_t den, Fraction *out) {
    if (num == INT64_MIN || den == INT64_MIN) return false;
    int64_t common = (int64_t)gcd((uint64_t)llabs(num), (uint64_t)llabs(den));
    if (den < 0) common = -common;
    *out = (Fraction){num / common, den / common};
    return true;
}

static bool add(Fraction a, Fraction b, Fraction *out) {
    int64_t left, right, num, den;
    return !__builtin_mul_overflow(a.num, b.den, &left) && !__builtin_mul_overflow(b.num, a.den, &right) &&
           !__builtin_add_overflow(left, right, &num) && !__builtin_mul_overflow(a.den, b.den, &den) &&
           normalise(num, den, out);
}

static bool multiply(int64_t num_a, int64_t den_a, int64_t num_b, int64_t den_b, Fraction *out) {
    int64_t num, den;
    return !__builtin_mul_overflow(num_a, num_b, &num) && !__builtin_mul_overflow(den_a, den_b, &den) &&
           normalise(num, den, out);
}

bool fraction_apply(char op, Fraction a, Fraction b, Fraction *out) {
    switch (op) {
    case '+': return add(a, b, out);
    case '-': return add(a, (Fraction){-b.num, b.den}, out);
    case '*': return multiply(a.num, a.den, b.num, b.den, out);
    case '/': return b.num != 0 && multiply(a.num, a.den, b.den, b.num, out);
    default: assert(!"an operator"); return false;
    }
}

bool fraction_equal(Fraction a, Fraction b) { return a.num == b.num && a.den == b.den; }
