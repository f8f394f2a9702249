// Values of terms as balls: what numeric_value of equal_impl.h promises.
#include "eval/math/numeric.h"

#define CALL_MAX_ARGS 32

static bool spend(Compare *c, const Env *env, int64_t units) {
    return work_spend(c, units * (1 + env->precision / 64));
}

static bool exact_leaf(Compare *c, const Term *t, const Env *env, acb_t out) {
    fmpq_t value;
    fmpq_init(value);
    bool ok = number_value(c, t, value);
    if (ok) acb_set_fmpq(out, value, env->precision);
    fmpq_clear(value);
    return ok;
}

static bool symbol_value(const Term *t, const Env *env, acb_t out) {
    for (int32_t i = 0; i < env->n; i++) {
        if (!str_equal(t->name, env->names[i])) continue;
        acb_set(out, &env->values[i]);
        return true;
    }
    return false;
}

static bool constant_value(const Term *t, const Env *env, acb_t out) {
    if (str_equal(t->name, STR("pi"))) {
        acb_const_pi(out, env->precision);
    } else if (str_equal(t->name, STR("e"))) {
        acb_zero(out);
        arb_const_e(acb_realref(out), env->precision);
    } else if (str_equal(t->name, STR("i"))) {
        acb_onei(out);
    } else {
        return false;
    }
    return true;
}

// base^exponent, the exponent 1 / exponent where `inverted` (roots)
static bool power_value(Compare *c, const Term *base, const Term *exponent, bool inverted, const Env *env, acb_t out) {
    if (!spend(c, env, 400)) return false;
    acb_t x, y;
    fmpq_t number;
    acb_init(x), acb_init(y), fmpq_init(number);
    bool ok = numeric_value(c, base, env, x);
    bool rational = ok && number_value(c, exponent, number) && !(inverted && fmpq_is_zero(number));
    if (rational) {
        if (inverted) fmpq_inv(number, number);
        acb_set_fmpq(y, number, env->precision);
    } else if (ok) {
        ok = numeric_value(c, exponent, env, y) && !(inverted && acb_contains_zero(y));
        if (ok && inverted) acb_inv(y, y, env->precision);
    }
    ok = ok && ball_power(env, x, y, rational ? number : NULL, out);
    acb_clear(x), acb_clear(y), fmpq_clear(number);
    return ok;
}

static bool square_root(Compare *c, const Term *of, const Env *env, acb_t out) {
    if (!spend(c, env, 60) || !numeric_value(c, of, env, out)) return false;
    if (arb_is_zero(acb_imagref(out)) && !arb_is_nonnegative(acb_realref(out))) {
        if (!arb_is_negative(acb_realref(out)) || env->real_only) return false;
    }
    acb_sqrt(out, out, env->precision);
    return acb_is_finite(out);
}

static bool function_value(Compare *c, const Term *t, const Env *env, acb_t out) {
    if (term_is_function(t, "sqrt", 1)) return square_root(c, t->args[0], env, out);
    if (term_is_function(t, "root", 2)) return power_value(c, t->args[1], t->args[0], true, env, out);
    if (t->n > CALL_MAX_ARGS || !spend(c, env, 600)) return false;
    acb_ptr args = _acb_vec_init(t->n);
    bool ok = true;
    for (int32_t i = 0; ok && i < t->n; i++)
        ok = numeric_value(c, t->args[i], env, &args[i]);
    if (ok && function_is_known(t->name))
        ok = ball_function(c, env, t->name, args, t->n, out);
    else if (ok)
        ball_unknown_function(env, t->name, args, t->n, out);
    _acb_vec_clear(args, t->n);
    return ok;
}

static bool factorial_value(Compare *c, const Term *t, const Env *env, acb_t out) {
    if (!spend(c, env, 2000)) return false;
    if (exact_leaf(c, t, env, out)) return true;
    acb_t x;
    acb_init(x);
    bool ok = numeric_value(c, t->args[0], env, x) && ball_function(c, env, STR("!"), x, 1, out);
    acb_clear(x);
    return ok;
}

static bool fold_value(Compare *c, const Term *t, const Env *env, acb_t out) {
    acb_t next;
    acb_init(next);
    bool ok = numeric_value(c, t->args[0], env, out);
    for (int32_t i = 1; ok && i < t->n; i++) {
        ok = numeric_value(c, t->args[i], env, next) && !(t->kind == TERM_DIVIDE && acb_contains_zero(next));
        if (!ok) break;
        if (t->kind == TERM_ADD)
            acb_add(out, out, next, env->precision);
        else if (t->kind == TERM_MULTIPLY)
            acb_mul(out, out, next, env->precision);
        else
            acb_div(out, out, next, env->precision);
    }
    acb_clear(next);
    return ok && acb_is_finite(out);
}

bool numeric_value(Compare *c, const Term *t, const Env *env, acb_t out) {
    if (!spend(c, env, 8)) return false;
    switch (t->kind) {
    case TERM_NUMBER:
    case TERM_MIXED:
    case TERM_BASE:
        return exact_leaf(c, t, env, out);
    case TERM_CONSTANT:
        return constant_value(t, env, out);
    case TERM_SYMBOL:
        return symbol_value(t, env, out);
    case TERM_ADD:
    case TERM_MULTIPLY:
    case TERM_DIVIDE:
        return fold_value(c, t, env, out);
    case TERM_POWER:
        return power_value(c, t->args[0], t->args[1], false, env, out);
    case TERM_NEGATE:
        if (!numeric_value(c, t->args[0], env, out)) return false;
        acb_neg(out, out);
        return true;
    case TERM_UNITS:
        return numeric_value(c, t->args[0], env, out);
    case TERM_PERCENT:
        if (!numeric_value(c, t->args[0], env, out)) return false;
        acb_div_ui(out, out, 100, env->precision);
        return true;
    case TERM_DEGREES: {
        if (!numeric_value(c, t->args[0], env, out)) return false;
        arb_t pi;
        arb_init(pi);
        arb_const_pi(pi, env->precision);
        acb_mul_arb(out, out, pi, env->precision);
        acb_div_ui(out, out, 180, env->precision);
        arb_clear(pi);
        return true;
    }
    case TERM_FACTORIAL:
        return factorial_value(c, t, env, out);
    case TERM_FUNCTION:
        return function_value(c, t, env, out);
    default:
        return false;
    }
}
