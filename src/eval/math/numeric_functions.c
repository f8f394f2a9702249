// Functions on balls: see numeric.h.
#include "eval/math/numeric.h"

#include "base/philox.h"

static bool is_real(const acb_t x) {
    return arb_is_zero(acb_imagref(x));
}

static bool is_moderate(const acb_t x) { // |x| < 2^NUMERIC_MAX_EXPONENT_BITS
    mag_t size;
    mag_init(size);
    acb_get_mag(size, x);
    bool ok = mag_cmp_2exp_si(size, NUMERIC_MAX_EXPONENT_BITS) < 0;
    mag_clear(size);
    return ok;
}

static bool exact_integer(const acb_t x, fmpz_t out) {
    return is_real(x) && is_moderate(x) && arb_is_exact(acb_realref(x)) && arb_get_unique_fmpz(out, acb_realref(x));
}

static bool whole_power(const Env *env, const acb_t base, const fmpz_t exponent, acb_t out) {
    if (fmpz_sgn(exponent) <= 0 && acb_contains_zero(base)) return false;
    if (acb_is_zero(base)) {
        acb_zero(out);
        return true;
    }
    mag_t size;
    mag_init(size);
    acb_get_mag(size, base);
    fmpz_t bits; // of the value's exponent: |exponent| times the base's
    fmpz_init(bits);
    fmpz_abs(bits, MAG_EXPREF(size));
    fmpz_add_ui(bits, bits, 1);
    fmpz_mul(bits, bits, exponent);
    bool ok = fmpz_bits(bits) <= NUMERIC_MAX_EXPONENT_BITS;
    if (ok) acb_pow_fmpz(out, base, exponent, env->precision);
    fmpz_clear(bits);
    mag_clear(size);
    return ok && acb_is_finite(out);
}

// exp(exponent * log(base))
static bool general_power(const Env *env, const acb_t base, const acb_t exponent, acb_t out) {
    acb_log(out, base, env->precision);
    acb_mul(out, out, exponent, env->precision);
    if (!acb_is_finite(out) || !is_moderate(out)) return false;
    acb_exp(out, out, env->precision);
    return acb_is_finite(out);
}

bool ball_power(const Env *env, const acb_t base, const acb_t exponent, const fmpq_t exponent_number, acb_t out) {
    fmpz_t whole;
    fmpz_init(whole);
    bool is_whole = exact_integer(exponent, whole);
    bool ok = is_whole && whole_power(env, base, whole, out);
    fmpz_clear(whole);
    if (is_whole) return ok;
    if (acb_is_zero(base)) { // 0 to a positive power
        acb_zero(out);
        return is_real(exponent) && arb_is_positive(acb_realref(exponent));
    }
    if (!is_real(base) || arb_is_positive(acb_realref(base))) {
        return !acb_contains_zero(base) && general_power(env, base, exponent, out);
    }
    if (!arb_is_negative(acb_realref(base))) return false; // a sign that this precision does not tell
    if (exponent_number != NULL && fmpz_is_odd(fmpq_denref(exponent_number))) {
        acb_t positive;
        acb_init(positive);
        acb_neg(positive, base);
        ok = general_power(env, positive, exponent, out);
        if (fmpz_is_odd(fmpq_numref(exponent_number))) acb_neg(out, out);
        acb_clear(positive);
        return ok;
    }
    return !env->real_only && general_power(env, base, exponent, out);
}

static bool ball_log(const Env *env, const acb_t x, acb_t out) {
    if (acb_contains_zero(x)) return false;
    if (is_real(x) && !arb_is_positive(acb_realref(x)) && env->real_only) return false;
    acb_log(out, x, env->precision);
    return true;
}

static bool rounded(const Env *env, const acb_t x, bool up, acb_t out) {
    if (!is_real(x)) return false;
    acb_zero(out);
    if (up)
        arb_ceil(acb_realref(out), acb_realref(x), env->precision);
    else
        arb_floor(acb_realref(out), acb_realref(x), env->precision);
    return arb_is_exact(acb_realref(out));
}

// Gamma(n + 1) / (Gamma(k + 1) Gamma(n - k + 1))
static bool binomial(const Env *env, const acb_t n, const acb_t k, acb_t out) {
    acb_t part;
    acb_init(part);
    acb_add_ui(part, n, 1, env->precision);
    acb_gamma(out, part, env->precision);
    acb_add_ui(part, k, 1, env->precision);
    acb_rgamma(part, part, env->precision);
    acb_mul(out, out, part, env->precision);
    acb_sub(part, n, k, env->precision);
    acb_add_ui(part, part, 1, env->precision);
    acb_rgamma(part, part, env->precision);
    acb_mul(out, out, part, env->precision);
    acb_clear(part);
    return true;
}

static bool whole_pair(Str name, const acb_t x, const acb_t y, acb_t out) { // gcd, lcm, mod of whole numbers
    fmpz_t a, b;
    fmpz_init(a), fmpz_init(b);
    bool ok = exact_integer(x, a) && exact_integer(y, b);
    if (ok && str_equal(name, STR("gcd")))
        fmpz_gcd(a, a, b);
    else if (ok && str_equal(name, STR("lcm")))
        fmpz_lcm(a, a, b);
    else
        ok = ok && !fmpz_is_zero(b) && (fmpz_fdiv_r(a, a, b), true);
    if (ok) acb_set_fmpz(out, a);
    fmpz_clear(a), fmpz_clear(b);
    return ok;
}

static bool fold_two(const Env *env, Str name, acb_srcptr args, int32_t n, acb_t out) {
    bool minimum = str_equal(name, STR("min")), maximum = str_equal(name, STR("max"));
    acb_set(out, &args[0]);
    for (int32_t i = 1; i < n; i++) {
        if (!minimum && !maximum) {
            if (!whole_pair(name, out, &args[i], out)) return false;
            continue;
        }
        if (!is_real(out) || !is_real(&args[i])) return false;
        if (minimum)
            arb_min(acb_realref(out), acb_realref(out), acb_realref(&args[i]), env->precision);
        else
            arb_max(acb_realref(out), acb_realref(out), acb_realref(&args[i]), env->precision);
    }
    return true;
}

typedef void (*BallFunction)(acb_t, const acb_t, slong);
static const struct {
    const char *name;
    BallFunction function;
    bool inverse; // of the reciprocal: arcsec x = arccos 1/x
} functions[] = {
    {"sin", acb_sin, false},       {"cos", acb_cos, false},       {"tan", acb_tan, false},
    {"cot", acb_cot, false},       {"sec", acb_sec, false},       {"csc", acb_csc, false},
    {"sinh", acb_sinh, false},     {"cosh", acb_cosh, false},     {"tanh", acb_tanh, false},
    {"coth", acb_coth, false},     {"sech", acb_sech, false},     {"csch", acb_csch, false},
    {"arcsin", acb_asin, false},   {"arccos", acb_acos, false},   {"arctan", acb_atan, false},
    {"arccot", acb_atan, true},    {"arcsec", acb_acos, true},    {"arccsc", acb_asin, true},
    {"arsinh", acb_asinh, false},  {"arcosh", acb_acosh, false},  {"artanh", acb_atanh, false},
    {"arcsinh", acb_asinh, false}, {"arccosh", acb_acosh, false}, {"arctanh", acb_atanh, false},
};

static bool table_function(const Env *env, Str name, const acb_t x, acb_t out) {
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (!str_equal(name, str_of(functions[i].name))) continue;
        acb_t argument;
        acb_init(argument);
        acb_set(argument, x);
        if (functions[i].inverse) acb_inv(argument, argument, env->precision);
        functions[i].function(out, argument, env->precision);
        acb_clear(argument);
        return !env->real_only || !is_real(x) || is_real(out); // arcsin 2 is no real number
    }
    return false;
}

bool ball_function(const Compare *c, const Env *env, Str name, acb_srcptr args, int32_t n, acb_t out) {
    for (int32_t i = 0; i < n; i++) {
        if (!acb_is_finite(&args[i]) || !is_moderate(&args[i])) return false;
    }
    bool ok = false;
    if (n == 1 && str_equal(name, STR("abs"))) {
        acb_zero(out);
        acb_abs(acb_realref(out), &args[0], env->precision);
        ok = true;
    } else if (n == 1 && (str_equal(name, STR("floor")) || str_equal(name, STR("ceil")))) {
        ok = rounded(env, &args[0], name.ptr[0] == 'c', out);
    } else if (n == 1 && str_equal(name, STR("exp"))) {
        acb_exp(out, &args[0], env->precision);
        ok = true;
    } else if (n == 1 && str_equal(name, STR("!"))) {
        acb_add_ui(out, &args[0], 1, env->precision);
        acb_gamma(out, out, env->precision);
        ok = true;
    } else if (n == 1 && (str_equal(name, STR("ln")) || str_equal(name, STR("log")))) {
        ok = ball_log(env, &args[0], out);
        if (ok && name.len == 3 && c->log_is_ten) {
            arb_t ten;
            arb_init(ten);
            arb_log_ui(ten, 10, env->precision);
            acb_div_arb(out, out, ten, env->precision);
            arb_clear(ten);
        }
    } else if (n == 2 && str_equal(name, STR("log"))) {
        acb_t of;
        acb_init(of);
        ok = ball_log(env, &args[0], out) && ball_log(env, &args[1], of);
        if (ok) acb_div(out, of, out, env->precision);
        acb_clear(of);
    } else if (n == 2 && str_equal(name, STR("binomial"))) {
        ok = binomial(env, &args[0], &args[1], out);
    } else if (n == 1) {
        ok = table_function(env, name, &args[0], out);
    }
    if (!ok && n >= 1 &&
        (str_equal(name, STR("min")) || str_equal(name, STR("max")) || str_equal(name, STR("gcd")) ||
         str_equal(name, STR("lcm")) || (n == 2 && str_equal(name, STR("mod"))))) {
        ok = fold_two(env, name, args, n, out);
    }
    return ok && acb_is_finite(out);
}

// c + sum over k of a_k sin(b_k z_k + d_k), with numbers that are drawn from the name's bytes (FNV-1a)
void ball_unknown_function(const Env *env, Str name, acb_srcptr args, int32_t n, acb_t out) {
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)name.ptr[i]) * 1099511628211u;
    acb_t part;
    acb_init(part);
    acb_set_ui(out, (ulong)(hash >> 48));
    acb_mul_2exp_si(out, out, -14);
    for (int32_t k = 0; k < n; k++) {
        uint32_t draws[4];
        RngAddress address = {.seed = hash, .purpose = RNG_GRADE, .step = 1, .position = (uint32_t)k};
        rng_bits(&address, draws);
        acb_mul_ui(part, &args[k], draws[0] >> 16 | 1, env->precision);
        acb_mul_2exp_si(part, part, -15);
        acb_add_ui(part, part, draws[1] >> 16, env->precision);
        acb_sin(part, part, env->precision);
        acb_mul_ui(part, part, draws[2] >> 16 | 1, env->precision);
        acb_mul_2exp_si(part, part, -14);
        acb_add(out, out, part, env->precision);
    }
    acb_clear(part);
}
