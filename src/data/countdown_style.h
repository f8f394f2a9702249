// How Countdown questions, solutions and traces are written: a row of a table each.
//
// To add a style: a row in STYLES (countdown_style.c), with functions of its own where those there do not fit.
#ifndef RLT_DATA_COUNTDOWN_STYLE_H
#define RLT_DATA_COUNTDOWN_STYLE_H

#include "data/expression.h"

struct CountdownStyle {
    const char *name;
    const Notation *notation; // of solutions and attempts
    void (*question)(const struct CountdownStyle *style, Buf *out, const int64_t *numbers, int32_t n, int64_t target);
    // One attempt of a trace: number `index` from 0; `found` when its value is the target (and the trace's last).
    void (*attempt)(const struct CountdownStyle *style, Buf *out, const Expression *expression, int64_t target,
                    int32_t index, bool found);
};
typedef struct CountdownStyle CountdownStyle;

const CountdownStyle *countdown_style_by_name(const char *name); // NULL when unknown
const CountdownStyle *countdown_style_at(int index);             // NULL past the last, for lists of names

#endif
