// Random terms, their near misses and their rewritings, with a judge of its own: see near_misses.c.
#ifndef TESTS_EVAL_NEAR_MISS_PAIRS_H
#define TESTS_EVAL_NEAR_MISS_PAIRS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/philox.h"
#include "eval/math/equal.h"

typedef struct NearMissCounts {
    uint32_t misses, false_equal, same, false_different, left_out;
    double slowest_ms, total_ms;
} NearMissCounts;

typedef struct Maker { // draws are addressed: pair, then position
    Arena *arena;
    uint64_t seed;
    uint32_t pair, position;
} Maker;

static uint32_t draw(Maker *m, uint32_t n) {
    RngAddress address = {.seed = m->seed, .purpose = RNG_TEST, .question = m->pair, .position = m->position++};
    return (uint32_t)rng_below(&address, n);
}

static const Term *make(Maker *m, TermKind kind, const char *name, const Term *a, const Term *b) {
    Term *t = term_named(m->arena, kind, name, (a != NULL) + (b != NULL));
    if (a != NULL) t->args[0] = a;
    if (b != NULL) t->args[1] = b;
    return t;
}

static const Term *random_number(Maker *m) {
    char text[16];
    uint32_t value = draw(m, 6) == 0 ? draw(m, 1000) : 1 + draw(m, 12);
    snprintf(text, sizeof text, "%u", value);
    Term *t = term_named(m->arena, TERM_NUMBER, "", 0);
    t->digits = str_of(arena_strdup(m->arena, text));
    if (draw(m, 8) == 0 && t->digits.len > 1) t->decimals = 1;
    return t;
}

static const Term *random_leaf(Maker *m, bool variables) {
    static const char *const names[] = {"x", "y", "n"};
    uint32_t kind = draw(m, 10);
    if (variables && kind < 5) return make(m, TERM_SYMBOL, names[draw(m, 3)], NULL, NULL);
    if (kind == 5) return make(m, TERM_CONSTANT, draw(m, 2) ? "pi" : "e", NULL, NULL);
    if (kind == 6) return make(m, TERM_FUNCTION, "sqrt", random_number(m), NULL);
    return random_number(m);
}

static const Term *random_expression(Maker *m, bool variables, uint32_t depth) {
    static const char *const functions[] = {"sqrt", "sin", "cos", "tan", "ln", "abs", "exp", "arctan"};
    if (depth == 0) return random_leaf(m, variables);
    const Term *a = random_expression(m, variables, draw(m, depth)), *b;
    switch (draw(m, 9)) {
    case 0:
    case 1:
    case 2:
        return make(m, TERM_ADD, "", a, random_expression(m, variables, draw(m, depth)));
    case 3:
    case 4:
        return make(m, TERM_MULTIPLY, "", a, random_expression(m, variables, draw(m, depth)));
    case 5:
        b = random_expression(m, variables, draw(m, depth));
        return make(m, TERM_DIVIDE, "", a, b);
    case 6:
        return make(m, TERM_POWER, "", a, term_integer(m->arena, 2 + (int64_t)draw(m, 3)));
    case 7:
        return make(m, TERM_NEGATE, "", a, NULL);
    default:
        return make(m, TERM_FUNCTION, functions[draw(m, 8)], a, NULL);
    }
}

static uint32_t count_nodes(const Term *t) {
    uint32_t n = 1;
    for (int32_t i = 0; i < t->n; i++)
        n += count_nodes(t->args[i]);
    return n;
}

static const Term *change_number(Maker *m, const Term *t) {
    long value = strtol(t->digits.ptr, NULL, 10), to = value;
    switch (draw(m, 5)) {
    case 0:
        to = value + 1;
        break;
    case 1:
        to = value > 0 ? value - 1 : 2;
        break;
    case 2:
        to = value * 10;
        break;
    case 3:
        to = value / 10 + value % 10 * 10;
        break;
    default:
        to = value * 2;
        break;
    }
    char text[24];
    snprintf(text, sizeof text, "%ld", to);
    Term *copy = term_named(m->arena, TERM_NUMBER, "", 0);
    copy->digits = str_of(arena_strdup(m->arena, text));
    copy->decimals = t->decimals < (int32_t)copy->digits.len ? t->decimals : 0;
    return copy;
}

static const Term *change_here(Maker *m, const Term *t) {
    switch (t->kind) {
    case TERM_NUMBER:
        return change_number(m, t);
    case TERM_SYMBOL:
        return make(m, TERM_SYMBOL, t->name.ptr[0] == 'x' ? "y" : "x", NULL, NULL);
    case TERM_CONSTANT:
        return make(m, TERM_CONSTANT, t->name.ptr[0] == 'e' ? "pi" : "e", NULL, NULL);
    case TERM_ADD:
        return draw(m, 2) ? make(m, TERM_ADD, "", t->args[0], make(m, TERM_NEGATE, "", t->args[1], NULL))
                          : make(m, TERM_MULTIPLY, "", t->args[0], t->args[1]);
    case TERM_MULTIPLY:
        return draw(m, 2) ? make(m, TERM_ADD, "", t->args[0], t->args[1]) : t->args[draw(m, 2)];
    case TERM_DIVIDE:
        return make(m, TERM_DIVIDE, "", t->args[1], t->args[0]);
    case TERM_FUNCTION:
        if (draw(m, 2)) return t->args[0];
        return make(m, TERM_FUNCTION, t->name.ptr[0] == 's' && t->name.len == 3 ? "cos" : "sin", t->args[0], NULL);
    default:
        return make(m, TERM_NEGATE, "", t, NULL);
    }
}

// `t` with its node number `at` (in preorder) changed, or, where `swap`, the operands of every sum and product turned.
static const Term *changed(Maker *m, const Term *t, uint32_t *at, bool swap) {
    if (!swap && (*at)-- == 0) return change_here(m, t);
    if (t->n == 0) return t;
    Term *copy = term_new(m->arena, t->kind, t->n);
    const Term **args = copy->args;
    *copy = *t;
    copy->args = args;
    for (int32_t i = 0; i < t->n; i++)
        args[i] = changed(m, t->args[i], at, swap);
    if (swap && (t->kind == TERM_ADD || t->kind == TERM_MULTIPLY)) {
        const Term *first = args[0];
        args[0] = args[1];
        args[1] = first;
    }
    return copy;
}

// ---- The judge ----

// Every step in long double, or rounded to double: where the two differ, doubles do not tell.
static long double plain_value(const Term *t, const double at[3], bool rounded) {
    long double a = t->n > 0 ? plain_value(t->args[0], at, rounded) : 0;
    long double b = t->n > 1 ? plain_value(t->args[1], at, rounded) : 0, v;
    switch (t->kind) {
    case TERM_NUMBER:
        v = strtold(t->digits.ptr, NULL) / powl(10, t->decimals);
        break;
    case TERM_CONSTANT:
        v = t->name.ptr[0] == 'e' ? 2.718281828459045235360L : 3.141592653589793238463L;
        break;
    case TERM_SYMBOL:
        v = at[t->name.ptr[0] == 'x' ? 0 : t->name.ptr[0] == 'y' ? 1 : 2];
        break;
    case TERM_ADD:
        v = a + b;
        break;
    case TERM_MULTIPLY:
        v = a * b;
        break;
    case TERM_DIVIDE:
        v = b == 0 ? (long double)NAN : a / b;
        break;
    case TERM_POWER:
        v = powl(a, b);
        break;
    case TERM_NEGATE:
        v = -a;
        break;
    default:
        if (str_equal(t->name, STR("sqrt")))
            v = sqrtl(a);
        else if (str_equal(t->name, STR("sin")))
            v = sinl(a);
        else if (str_equal(t->name, STR("cos")))
            v = cosl(a);
        else if (str_equal(t->name, STR("tan")))
            v = tanl(a);
        else if (str_equal(t->name, STR("ln")))
            v = logl(a);
        else if (str_equal(t->name, STR("abs")))
            v = fabsl(a);
        else if (str_equal(t->name, STR("exp")))
            v = expl(a);
        else
            v = atanl(a);
    }
    return rounded ? (double)v : v;
}

static double sure_value(const Term *t, const double at[3]) { // NAN where not sure
    double x = (double)plain_value(t, at, false), y = (double)plain_value(t, at, true);
    return fabs(x - y) <= 1e-9 * fabs(x) ? x : (double)NAN;
}

typedef enum Judgement { JUDGED_SAME, JUDGED_DIFFERENT, JUDGED_OPEN } Judgement;

// Beyond 1e6 doubles tell too little of sin and of differences; below 1e-6 a value may be the noise of a sum.
static Judgement judge(Maker *m, const Term *a, const Term *b) {
    int usable = 0, same = 0;
    for (int point = 0; point < 24; point++) {
        double at[3];
        for (int i = 0; i < 3; i++)
            at[i] = (0.05 + draw(m, 100000) * 4e-5) * (point % 3 == 2 && draw(m, 2) ? -1 : 1);
        double x = sure_value(a, at), y = sure_value(b, at);
        if (!isfinite(x) || !isfinite(y) || fabs(x) > 1e6 || fabs(y) > 1e6) continue;
        if (fmax(fabs(x), fabs(y)) < 1e-6) continue;
        usable++;
        double distance = fabs(x - y) / fmax(fabs(x), fabs(y));
        if (distance > 1e-6) return JUDGED_DIFFERENT;
        same += distance < 1e-11;
    }
    return usable >= 6 && same == usable ? JUDGED_SAME : JUDGED_OPEN;
}

// ---- Pairs ----

// The expression as it is, or within something that keeps "same" and "different".
static const Term *dress(Maker *m, const Term *t, uint32_t how, const Term *other) {
    uint8_t *relations;
    Term *r;
    switch (how) {
    case 0:
        return make(m, TERM_TUPLE, "", t, other);
    case 1:
        return make(m, TERM_SET, "", other, t);
    case 2:
    case 3:
        r = term_named(m->arena, TERM_RELATION, "", 2);
        relations = arena_alloc(m->arena, 1, 1);
        relations[0] = how == 2 ? REL_EQ : REL_LT;
        r->relations = relations;
        r->args[0] = make(m, TERM_SYMBOL, "z", NULL, NULL);
        r->args[1] = t;
        return r;
    case 4:
        r = term_named(m->arena, TERM_MATRIX, "", 2);
        r->rows = 1;
        r->args[0] = other;
        r->args[1] = t;
        return r;
    default:
        return t;
    }
}

static void near_miss_pair(uint64_t seed, uint32_t pair, NearMissCounts *counts, bool print) {
    Maker maker = {arena_create(), seed, pair, 0}, *m = &maker;
    const Term *gold = random_expression(m, draw(m, 2) == 0, 1 + draw(m, 4));
    bool swap = draw(m, 5) == 0;
    uint32_t at = draw(m, count_nodes(gold));
    const Term *pred = changed(m, gold, &at, swap), *other = random_number(m);
    Judgement judgement = judge(m, gold, pred);
    uint32_t how = draw(m, 12);
    gold = dress(m, gold, how, other);
    pred = dress(m, pred, how, other);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    MathVerdict v = math_equal(gold, pred);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double ms = 1e3 * (double)(to.tv_sec - from.tv_sec) + 1e-6 * (double)(to.tv_nsec - from.tv_nsec);
    counts->total_ms += ms;
    if (ms > counts->slowest_ms) counts->slowest_ms = ms;
    bool wrong = false;
    if (judgement == JUDGED_DIFFERENT) {
        counts->misses++;
        wrong = v.equal;
        counts->false_equal += wrong;
    } else if (judgement == JUDGED_SAME) {
        counts->same++;
        wrong = !v.equal;
        counts->false_different += wrong;
    } else {
        counts->left_out++;
    }
    if (print && (wrong || ms > 50)) {
        Buf line;
        buf_init(&line, 0);
        term_write(gold, &line);
        buf_add_text(&line, "  |  ");
        term_write(pred, &line);
        printf("%s %s %.1f ms: %s\n", judgement == JUDGED_SAME ? "same" : "miss", math_how_name(v.how), ms, line.data);
        buf_free(&line);
    }
    arena_destroy(m->arena);
}

#endif
