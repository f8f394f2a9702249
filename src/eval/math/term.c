#include "eval/math/term.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

Term *term_new(Arena *arena, TermKind kind, int32_t n) {
    assert(n >= 0);
    Term *t = arena_alloc(arena, 1, sizeof *t);
    t->kind = kind;
    t->n = n;
    if (n > 0) t->args = arena_alloc(arena, (size_t)n, sizeof *t->args);
    return t;
}

Term *term_named(Arena *arena, TermKind kind, const char *name, int32_t n) {
    Term *t = term_new(arena, kind, n);
    t->name = str_of(name);
    return t;
}

Term *term_integer(Arena *arena, int64_t value) {
    char digits[24];
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    snprintf(digits, sizeof digits, "%" PRIu64, size);
    Term *number = term_new(arena, TERM_NUMBER, 0);
    number->digits = str_of(arena_strdup(arena, digits));
    if (value >= 0) return number;
    Term *negated = term_new(arena, TERM_NEGATE, 1);
    negated->args[0] = number;
    return negated;
}

const char *term_kind_name(TermKind kind) {
    static const char *const names[] = {
        [TERM_NUMBER] = "number",         [TERM_CONSTANT] = "constant",     [TERM_SYMBOL] = "symbol",
        [TERM_TEXT] = "text",             [TERM_ADD] = "add",               [TERM_MULTIPLY] = "multiply",
        [TERM_NEGATE] = "negate",         [TERM_DIVIDE] = "divide",         [TERM_POWER] = "power",
        [TERM_PLUS_MINUS] = "plus_minus", [TERM_FACTORIAL] = "factorial",   [TERM_PERCENT] = "percent",
        [TERM_DEGREES] = "degrees",       [TERM_FUNCTION] = "function",     [TERM_BASE] = "base",
        [TERM_MIXED] = "mixed",           [TERM_RELATION] = "relation",     [TERM_INTERVAL] = "interval",
        [TERM_TUPLE] = "tuple",           [TERM_SET] = "set",               [TERM_LIST] = "list",
        [TERM_UNION] = "union",           [TERM_INTERSECT] = "intersect",   [TERM_DIFFERENCE] = "difference",
        [TERM_MATRIX] = "matrix",         [TERM_AND] = "and",               [TERM_UNITS] = "units",
    };
    return names[kind];
}

// ---- One line ----

static void write_number(const Term *t, Buf *out) {
    size_t decimals = (size_t)t->decimals, whole = t->digits.len > decimals ? t->digits.len - decimals : 0;
    if (whole == 0) buf_add_char(out, '0');
    buf_add_str(out, (Str){t->digits.ptr, whole});
    if (decimals == 0 && t->repeat.len == 0) return;
    buf_add_char(out, '.');
    for (size_t zeros = t->digits.len; zeros < decimals; zeros++)
        buf_add_char(out, '0');
    buf_add_str(out, (Str){t->digits.ptr + whole, t->digits.len - whole});
    if (t->repeat.len > 0) buf_printf(out, "[%.*s]", (int)t->repeat.len, t->repeat.ptr);
}

// Quoted where it has white space, brackets or quotes in it, and always for text: the line can be taken apart again.
static void write_name(Str name, bool quoted, Buf *out) {
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c <= ' ' || c == '(' || c == ')' || c == '"') quoted = true;
    }
    if (!quoted) {
        buf_add_str(out, name);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '"' || c == '\\') buf_add_char(out, '\\');
        buf_add_char(out, c == '\n' || c == '\r' || c == '\t' ? ' ' : c);
    }
    buf_add_char(out, '"');
}

static void write_args(const Term *t, Buf *out) {
    static const char *const signs[] = {
        [REL_EQ] = "=",  [REL_NE] = "!=", [REL_LT] = "<",  [REL_LE] = "<=",
        [REL_GT] = ">",  [REL_GE] = ">=", [REL_IN] = "in", [REL_APPROX] = "~",
    };
    for (int32_t i = 0; i < t->n; i++) {
        if (t->kind == TERM_RELATION && i > 0) buf_printf(out, " %s", signs[t->relations[i - 1]]);
        buf_add_char(out, ' ');
        term_write(t->args[i], out);
    }
}

void term_write(const Term *t, Buf *out) {
    switch (t->kind) {
    case TERM_NUMBER:
        write_number(t, out);
        return;
    case TERM_CONSTANT:
    case TERM_SYMBOL:
        write_name(t->name, false, out);
        return;
    case TERM_TEXT:
        write_name(t->name, true, out);
        return;
    default:
        break;
    }
    buf_add_char(out, '(');
    if (t->kind == TERM_INTERVAL)
        buf_printf(out, "interval%c%c", t->open_left ? '(' : '[', t->open_right ? ')' : ']');
    else
        buf_add_text(out, term_kind_name(t->kind));
    if (t->kind == TERM_MATRIX) buf_printf(out, " %d", t->rows);
    if (t->name.len > 0) {
        buf_add_char(out, ' ');
        write_name(t->name, false, out);
    }
    write_args(t, out);
    buf_add_char(out, ')');
}
