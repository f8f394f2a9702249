#include "data/expression.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const Notation NOTATION_PLAIN = {" ", " ", "(", ")", "-"};
const Notation NOTATION_TIGHT = {" ", "", "(", ")", "-"};

// ---- draws

Draws draws_begin(uint64_t seed, RngPurpose purpose, uint32_t step, uint32_t question, uint32_t sample) {
    return (Draws){{seed, purpose, step, question, sample, 0}};
}

int64_t draw_between(Draws *draws, int64_t min, int64_t max) {
    assert(min <= max);
    int64_t value = min + (int64_t)rng_below(&draws->next, (uint64_t)(max - min) + 1);
    draws->next.position++;
    return value;
}

bool draw_chance(Draws *draws, double probability) {
    bool yes = rng_uniform(&draws->next) < probability;
    draws->next.position++;
    return yes;
}

// ---- expressions

static bool allowed(const ValueRules *rules, Fraction value) {
    if (!rules->fractions && value.den != 1) return false;
    if (!rules->negatives && value.num < 0) return false;
    if (rules->value_max == 0) return true;
    int64_t bound; // |num| / den <= value_max; a bound that does not fit is above every num
    return __builtin_mul_overflow(rules->value_max, value.den, &bound) || llabs(value.num) <= bound;
}

bool expression_draw(const int64_t *numbers, int32_t n, const ValueRules *rules, Draws *draws, Expression *out) {
    assert(n >= 2 && n <= EXPRESSION_MAX_NUMBERS);
    memset(out, 0, sizeof *out);
    out->n = n;
    int8_t free_nodes[EXPRESSION_MAX_NUMBERS];
    for (int32_t i = 0; i < n; i++) {
        free_nodes[i] = (int8_t)i;
        out->values[i] = fraction_of(numbers[i]);
    }
    for (int32_t k = 0, n_free = n; k < n - 1; k++, n_free--) {
        int64_t left = draw_between(draws, 0, n_free - 1), right = draw_between(draws, 0, n_free - 2);
        if (right >= left) right++;
        Step *step = &out->steps[k];
        *step = (Step){"+-*/"[draw_between(draws, 0, 3)], free_nodes[left], free_nodes[right]};
        Fraction *value = &out->values[n + k];
        if (!fraction_apply(step->op, out->values[step->left], out->values[step->right], value)) return false;
        if (!allowed(rules, *value)) return false;
        free_nodes[left] = (int8_t)(n + k);
        free_nodes[right] = free_nodes[n_free - 1];
    }
    return true;
}

Fraction expression_value(const Expression *expression) { return expression->values[2 * expression->n - 2]; }

static int32_t add_postfix(const Expression *e, int32_t node, int64_t *items, int32_t n) {
    if (node < e->n) {
        items[n++] = e->values[node].num;
        return n;
    }
    const Step *step = &e->steps[node - e->n];
    n = add_postfix(e, step->left, items, n);
    n = add_postfix(e, step->right, items, n);
    items[n++] = -step->op;
    return n;
}

void expression_postfix(const Expression *expression, int64_t items[EXPRESSION_MAX_ITEMS]) {
    memset(items, 0, EXPRESSION_MAX_ITEMS * sizeof *items);
    add_postfix(expression, 2 * expression->n - 2, items, 0);
}

bool expression_same(const Expression *a, const Expression *b) {
    int64_t x[EXPRESSION_MAX_ITEMS], y[EXPRESSION_MAX_ITEMS];
    expression_postfix(a, x);
    expression_postfix(b, y);
    return a->n == b->n && memcmp(x, y, sizeof x) == 0;
}

// ---- writing

void expression_write_value(Buf *out, const Notation *notation, Fraction value) {
    bool bracket = value.num < 0 || value.den != 1; // reads back as one operand
    if (bracket) buf_add_text(out, notation->open);
    if (value.num < 0) buf_add_text(out, notation->minus);
    buf_printf(out, "%" PRId64, value.num < 0 ? -value.num : value.num);
    if (value.den != 1) buf_printf(out, "%s/%s%" PRId64, notation->before, notation->after, value.den);
    if (bracket) buf_add_text(out, notation->close);
}

static void write_node(Buf *out, const Notation *notation, const Expression *e, int32_t node, int32_t done,
                       bool outer) {
    if (node < e->n + done) {
        expression_write_value(out, notation, e->values[node]);
        return;
    }
    const Step *step = &e->steps[node - e->n];
    if (!outer) buf_add_text(out, notation->open);
    write_node(out, notation, e, step->left, done, false);
    buf_printf(out, "%s%c%s", notation->before, step->op, notation->after);
    write_node(out, notation, e, step->right, done, false);
    if (!outer) buf_add_text(out, notation->close);
}

void expression_write(Buf *out, const Notation *notation, const Expression *expression, int32_t done) {
    assert(done >= 0 && done < expression->n);
    write_node(out, notation, expression, 2 * expression->n - 2, done, true);
}

void expression_write_step(Buf *out, const Notation *notation, const Expression *expression, int32_t k) {
    const Step *step = &expression->steps[k];
    expression_write_value(out, notation, expression->values[step->left]);
    buf_printf(out, "%s%c%s", notation->before, step->op, notation->after);
    expression_write_value(out, notation, expression->values[step->right]);
    buf_printf(out, "%s=%s", notation->before, notation->after);
    expression_write_value(out, notation, expression->values[expression->n + k]);
}
