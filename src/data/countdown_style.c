#include "data/countdown_style.h"

#include <inttypes.h>
#include <string.h>

// ---- plain: sentences

static void plain_question(const CountdownStyle *style, Buf *out, const int64_t *numbers, int32_t n, int64_t target) {
    (void)style;
    buf_add_text(out, "Use the numbers ");
    for (int32_t i = 0; i < n; i++) buf_printf(out, "%s%" PRId64, i == 0 ? "" : i + 1 < n ? ", " : " and ", numbers[i]);
    buf_printf(out, ", each exactly once, with + - * / and brackets to reach %" PRId64 ".", target);
}

static void plain_attempt(const CountdownStyle *style, Buf *out, const Expression *expression, int64_t target,
                          int32_t index, bool found) {
    buf_add_text(out, index == 0 ? "Try " : "\nTry ");
    expression_write(out, style->notation, expression, 0);
    buf_add_text(out, ": ");
    for (int32_t k = 0; k < expression->n - 1; k++) {
        if (k > 0) buf_add_text(out, ", ");
        expression_write_step(out, style->notation, expression, k);
    }
    if (found)
        buf_printf(out, ". That is %" PRId64 ", the target.", target);
    else
        buf_printf(out, ". That is not %" PRId64 ".", target);
}

// ---- short: for small vocabularies and tiny models
//
// No number has a space before it, so a number is the same token everywhere and a line has no token more than it needs.

static void short_question(const CountdownStyle *style, Buf *out, const int64_t *numbers, int32_t n, int64_t target) {
    (void)style;
    for (int32_t i = 0; i < n; i++) buf_printf(out, "%s%" PRId64, i > 0 ? "," : "", numbers[i]);
    buf_printf(out, " ->%" PRId64, target);
}

// "(12 -3) *5 =9 *5 =45 vs41 no": each '=' replaces one more step by its value. The target stands beside the value that
// is judged by it: whether two tokens are the same is learnt far sooner where they are neighbours (docs/log.md).
static void short_attempt(const CountdownStyle *style, Buf *out, const Expression *expression, int64_t target,
                          int32_t index, bool found) {
    if (index > 0) buf_add_text(out, " ;");
    for (int32_t done = 0; done < expression->n; done++) {
        if (done > 0) buf_add_text(out, " =");
        expression_write(out, style->notation, expression, done);
    }
    buf_printf(out, " vs%" PRId64 "%s", target, found ? " yes" : " no");
}

static const CountdownStyle STYLES[] = {
    {"plain", &NOTATION_PLAIN, plain_question, plain_attempt},
    {"short", &NOTATION_TIGHT, short_question, short_attempt},
};
enum { N_STYLES = sizeof STYLES / sizeof STYLES[0] };

const CountdownStyle *countdown_style_by_name(const char *name) {
    for (int i = 0; i < N_STYLES; i++)
        if (strcmp(STYLES[i].name, name) == 0) return &STYLES[i];
    return NULL;
}

const CountdownStyle *countdown_style_at(int index) { return index >= 0 && index < N_STYLES ? &STYLES[index] : NULL; }
