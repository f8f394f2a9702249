// Exact rational values of terms.
#include <string.h>

#include "eval/math/equal_impl.h"

#define FACTORIAL_MAX 3000 // 3000! has 30,333 bits

static bool fits(const fmpq_t x) {
    return fmpz_bits(fmpq_numref(x)) <= EXACT_MAX_BITS && fmpz_bits(fmpq_denref(x)) <= EXACT_MAX_BITS;
}

static bool set_digits(Str digits, int base, fmpz_t out) {
    if (digits.len == 0) {
        fmpz_zero(out);
        return true;
    }
    if (digits.len > TERM_MAX_DIGITS) return false;
    if (base == 10 && digits.len <= 18) {
        ulong value = 0;
        for (size_t i = 0; i < digits.len; i++) {
            if (digits.ptr[i] < '0' || digits.ptr[i] > '9') return false;
            value = value * 10 + (ulong)(digits.ptr[i] - '0');
        }
        fmpz_set_ui(out, value);
        return true;
    }
    char text[TERM_MAX_DIGITS + 1];
    memcpy(text, digits.ptr, digits.len);
    text[digits.len] = 0;
    return fmpz_set_str(out, text, base) == 0;
}

// digits / 10^decimals + repeat / (10^decimals * (10^r - 1)), r = length of repeat
static bool decimal_value(Compare *c, const Term *t, fmpq_t out) {
    if (t->decimals < 0 || t->decimals > TERM_MAX_DIGITS || t->repeat.len > TERM_MAX_DIGITS) return false;
    if (!work_spend(c, (int64_t)(t->digits.len + t->repeat.len))) return false;
    if (!set_digits(t->digits, 10, fmpq_numref(out))) return false;
    fmpz_one(fmpq_denref(out));
    if (t->decimals == 0 && t->repeat.len == 0) return true;
    fmpz_t scale;
    fmpz_init(scale);
    bool ok = true;
    if (t->repeat.len > 0) {
        fmpq_t tail;
        fmpq_init(tail);
        ok = set_digits(t->repeat, 10, fmpq_numref(tail));
        fmpz_ui_pow_ui(scale, 10, t->repeat.len);
        fmpz_sub_ui(fmpq_denref(tail), scale, 1);
        fmpq_canonicalise(tail);
        fmpq_add(out, out, tail);
        fmpq_clear(tail);
    }
    fmpz_ui_pow_ui(scale, 10, (ulong)t->decimals);
    fmpq_div_fmpz(out, out, scale);
    fmpz_clear(scale);
    return ok;
}

static bool power_value(const fmpq_t base, const fmpq_t exponent, fmpq_t out) {
    if (!fmpz_is_one(fmpq_denref(exponent))) return false;
    if (fmpq_is_zero(base)) {
        fmpq_zero(out);
        return fmpq_sgn(exponent) > 0;
    }
    if (fmpq_is_one(base)) {
        fmpq_one(out);
        return true;
    }
    if (fmpz_is_one(fmpq_denref(base)) && fmpz_equal_si(fmpq_numref(base), -1)) {
        fmpq_set_si(out, fmpz_is_even(fmpq_numref(exponent)) ? 1 : -1, 1);
        return true;
    }
    if (!fmpz_fits_si(fmpq_numref(exponent))) return false;
    slong e = fmpz_get_si(fmpq_numref(exponent));
    if (e > EXACT_MAX_BITS || e < -EXACT_MAX_BITS) return false;
    slong bits = (slong)(fmpz_bits(fmpq_numref(base)) + fmpz_bits(fmpq_denref(base)));
    if (bits * (e < 0 ? -e : e) > EXACT_MAX_BITS) return false;
    fmpq_pow_si(out, base, e);
    return true;
}

static bool is_small_natural(const fmpq_t x, ulong max) {
    return fmpz_is_one(fmpq_denref(x)) && fmpq_sgn(x) >= 0 && fmpz_cmp_ui(fmpq_numref(x), max) <= 0;
}

static bool binomial_value(const fmpq_t n, const fmpq_t k, fmpq_t out) {
    if (!is_small_natural(n, FACTORIAL_MAX) || !is_small_natural(k, FACTORIAL_MAX)) return false;
    fmpz_one(fmpq_denref(out));
    fmpz_bin_uiui(fmpq_numref(out), fmpz_get_ui(fmpq_numref(n)), fmpz_get_ui(fmpq_numref(k)));
    return true;
}

static bool function_one(Str name, const fmpq_t x, fmpq_t out) {
    if (str_equal(name, STR("abs"))) {
        fmpq_abs(out, x);
    } else if (str_equal(name, STR("floor")) || str_equal(name, STR("ceil"))) {
        if (name.ptr[0] == 'f')
            fmpz_fdiv_q(fmpq_numref(out), fmpq_numref(x), fmpq_denref(x));
        else
            fmpz_cdiv_q(fmpq_numref(out), fmpq_numref(x), fmpq_denref(x));
        fmpz_one(fmpq_denref(out));
    } else {
        return false;
    }
    return true;
}

// x (op) y for gcd, lcm, min, max, mod, binomial: folded over the arguments
static bool function_two(Str name, const fmpq_t x, const fmpq_t y, fmpq_t out) {
    bool whole = fmpz_is_one(fmpq_denref(x)) && fmpz_is_one(fmpq_denref(y));
    if (str_equal(name, STR("min"))) {
        fmpq_set(out, fmpq_cmp(x, y) <= 0 ? x : y);
    } else if (str_equal(name, STR("max"))) {
        fmpq_set(out, fmpq_cmp(x, y) >= 0 ? x : y);
    } else if (str_equal(name, STR("binomial"))) {
        return binomial_value(x, y, out);
    } else if (str_equal(name, STR("gcd"))) { // of fractions too: gcd(1/2, 3) is 1/2
        fmpq_gcd(out, x, y);
    } else if (str_equal(name, STR("lcm"))) {
        fmpq_gcd(out, x, y);
        if (fmpq_is_zero(out)) return true;
        fmpq_div(out, x, out);
        fmpq_mul(out, out, y);
        fmpq_abs(out, out);
    } else if (!whole) {
        return false;
    } else if (str_equal(name, STR("mod")) && !fmpq_is_zero(y)) {
        fmpz_fdiv_r(fmpq_numref(out), fmpq_numref(x), fmpq_numref(y));
        fmpz_one(fmpq_denref(out));
    } else {
        return false;
    }
    return true;
}

static bool function_value(Compare *c, const Term *t, fmpq_t out) {
    if (t->n < 1 || !number_value(c, t->args[0], out)) return false;
    fmpq_t first, next;
    fmpq_init(first), fmpq_init(next);
    fmpq_set(first, out);
    bool ok = t->n > 1 || function_one(t->name, first, out);
    for (int32_t i = 1; ok && i < t->n; i++) {
        ok = number_value(c, t->args[i], next) && function_two(t->name, first, next, out);
        fmpq_set(first, out);
    }
    fmpq_clear(first), fmpq_clear(next);
    return ok;
}

static bool digits_in_base(Compare *c, const Term *t, fmpq_t out) {
    if (!number_value(c, t->args[1], out) || !is_small_natural(out, 36) || fmpz_cmp_ui(fmpq_numref(out), 2) < 0)
        return false;
    int base = (int)fmpz_get_ui(fmpq_numref(out));
    fmpz_one(fmpq_denref(out));
    return t->name.len > 0 && set_digits(t->name, base, fmpq_numref(out));
}

// `out` holds the first operand
static bool fold(Compare *c, const Term *t, fmpq_t out) {
    fmpq_t next;
    fmpq_init(next);
    bool ok = true;
    for (int32_t i = 1; ok && i < t->n; i++) {
        ok = number_value(c, t->args[i], next);
        if (!ok) break;
        ok = work_spend(c, 4 + (int64_t)fmpz_bits(fmpq_numref(out)) / 16);
        switch (t->kind) {
        case TERM_ADD:
            fmpq_add(out, out, next);
            break;
        case TERM_MIXED:
            if (fmpq_sgn(out) < 0)
                fmpq_sub(out, out, next);
            else
                fmpq_add(out, out, next);
            break;
        case TERM_MULTIPLY:
            fmpq_mul(out, out, next);
            break;
        case TERM_DIVIDE:
            ok = ok && !fmpq_is_zero(next);
            if (ok) fmpq_div(out, out, next);
            break;
        default: { // TERM_POWER
            fmpq_t base;
            fmpq_init(base);
            fmpq_set(base, out);
            ok = ok && work_spend(c, 200) && power_value(base, next, out);
            fmpq_clear(base);
        }
        }
        ok = ok && fits(out);
    }
    fmpq_clear(next);
    return ok;
}

bool number_value(Compare *c, const Term *t, fmpq_t out) {
    if (!work_spend(c, 5)) return false;
    switch (t->kind) {
    case TERM_NUMBER:
        return decimal_value(c, t, out);
    case TERM_ADD:
    case TERM_MULTIPLY:
    case TERM_DIVIDE:
    case TERM_POWER:
    case TERM_MIXED:
        return number_value(c, t->args[0], out) && fold(c, t, out);
    case TERM_NEGATE:
        if (!number_value(c, t->args[0], out)) return false;
        fmpq_neg(out, out);
        return true;
    case TERM_PERCENT:
        if (!number_value(c, t->args[0], out)) return false;
        fmpq_div_2exp(out, out, 2);
        fmpz_mul_ui(fmpq_denref(out), fmpq_denref(out), 25);
        fmpq_canonicalise(out);
        return true;
    case TERM_UNITS:
        return number_value(c, t->args[0], out);
    case TERM_FACTORIAL:
        if (!number_value(c, t->args[0], out) || !is_small_natural(out, FACTORIAL_MAX)) return false;
        if (!work_spend(c, 20 * (int64_t)fmpz_get_ui(fmpq_numref(out)))) return false;
        fmpz_fac_ui(fmpq_numref(out), fmpz_get_ui(fmpq_numref(out)));
        return true;
    case TERM_FUNCTION:
        return function_is_known(t->name) && function_value(c, t, out);
    case TERM_BASE:
        return t->n == 2 && digits_in_base(c, t, out);
    default:
        return false;
    }
}
