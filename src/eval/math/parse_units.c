// Units and other words after a value: \text{ cm}^2, square feet, m/s, per hour.
#include "eval/math/parse_impl.h"

#define UNITS_MAX_BYTES 1024

static bool is_unit(const Parser *p, size_t offset) {
    const Token *t = peek_at(p, offset);
    if (is_code_at(p, offset, TOKEN_SIGN, SIGN_CURRENCY)) return peek_at(p, offset + 1)->kind != TOKEN_DIGITS; // 5\$
    return t->kind == TOKEN_WORDS || (t->kind == TOKEN_NAME && t->roman);
}

static size_t power_length(const Parser *p) { // ^2, ^{2}, ^{-1}
    if (!is_sign(p, '^')) return 0;
    if (peek_at(p, 1)->kind == TOKEN_DIGITS) return 2;
    size_t minus = is_code_at(p, 2, TOKEN_SIGN, '-');
    bool group = is_code_at(p, 1, TOKEN_OPEN, BRACKET_GROUP) && peek_at(p, 2 + minus)->kind == TOKEN_DIGITS &&
                 is_code_at(p, 3 + minus, TOKEN_CLOSE, BRACKET_GROUP);
    return group ? 4 + minus : 0;
}

static void take(Parser *p, size_t tokens, Buf *name) {
    for (; tokens > 0; tokens--) {
        const Token *t = peek(p);
        bool brace = (t->kind == TOKEN_OPEN || t->kind == TOKEN_CLOSE) && t->code == BRACKET_GROUP;
        if (!brace) buf_add_str(name, t->text);
        p->at++;
    }
}

// After a / or a dot also a plain letter is a unit: \text{m}/s.
static bool take_joined(Parser *p, Buf *name) {
    bool joined = is_sign(p, '/') || is_sign(p, '*');
    if (!joined || !(is_unit(p, 1) || peek_at(p, 1)->kind == TOKEN_NAME)) return false;
    take(p, 2, name);
    return true;
}

const Term *parse_units(Parser *p, const Term *value) {
    Buf name;
    buf_init(&name, 0);
    while (!p->failed) {
        size_t power = power_length(p);
        if (name.len > UNITS_MAX_BYTES) {
            fail(p, "shorter units");
        } else if (is_unit(p, 0)) {
            if (name.len > 0) buf_add_char(&name, ' ');
            take(p, 1, &name);
        } else if (power > 0) {
            take(p, power, &name);
        } else if (!take_joined(p, &name)) {
            break;
        }
    }
    if (starts_factor(p)) fail(p, "nothing after units");
    Term *t = new_term(p, TERM_UNITS, 1);
    t->args[0] = value;
    t->name = (Str){arena_strndup(p->arena, name.len > 0 ? name.data : "", name.len), name.len};
    buf_free(&name);
    return t;
}
