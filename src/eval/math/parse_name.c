// Variables with their subscripts and primes, constants, calls of functions that have no meaning of their own.
#include <ctype.h>
#include <string.h>

#include "eval/math/parse_impl.h"

#define NAME_MAX_BYTES 256

// ---- Names ----

Str parse_subscript(Parser *p) {
    p->at++; // the _
    Buf text;
    buf_init(&text, 0);
    if (!is_code(p, TOKEN_OPEN, BRACKET_GROUP)) {
        if (is_kind(p, TOKEN_END)) fail(p, "a subscript");
        buf_add_str(&text, peek(p)->text);
        p->at++;
    } else {
        int32_t depth = 0;
        do {
            const Token *t = peek(p);
            bool open = t->kind == TOKEN_OPEN && t->code == BRACKET_GROUP;
            bool close = t->kind == TOKEN_CLOSE && t->code == BRACKET_GROUP;
            depth += open - close;
            if (t->kind == TOKEN_END || text.len > NAME_MAX_BYTES) {
                fail(p, "the end of a short subscript");
                break;
            }
            if (!open && !close) buf_add_str(&text, t->text);
            p->at++;
        } while (depth > 0);
    }
    Str copy = {arena_strndup(p->arena, text.len > 0 ? text.data : "", text.len), text.len};
    buf_free(&text);
    return copy;
}

// ^\prime, ^{\prime}, ^*, ^{*}: part of a name; the sign and the tokens it takes
static char mark_ahead(const Parser *p, size_t *length) {
    *length = 1;
    if (is_sign(p, '\'')) return '\'';
    if (!is_sign(p, '^')) return 0;
    bool group = is_code_at(p, 1, TOKEN_OPEN, BRACKET_GROUP);
    const Token *t = peek_at(p, 1 + group);
    if (t->kind != TOKEN_SIGN || (t->code != '\'' && t->code != '*')) return 0;
    if (group && !is_code_at(p, 3, TOKEN_CLOSE, BRACKET_GROUP)) return 0;
    *length = group ? 4 : 2;
    return (char)t->code;
}

static Str read_name(Parser *p) {
    Buf name;
    buf_init(&name, 0);
    buf_add_str(&name, peek(p)->text);
    p->at++;
    bool subscript = false;
    while (!p->failed && name.len <= 2 * NAME_MAX_BYTES) {
        size_t length;
        char mark = mark_ahead(p, &length);
        if (mark != 0) {
            buf_add_char(&name, mark);
            p->at += length;
        } else if (!subscript && is_sign(p, '_')) {
            subscript = true;
            buf_add_char(&name, '_');
            buf_add_str(&name, parse_subscript(p));
        } else {
            break;
        }
    }
    Str copy = {arena_strndup(p->arena, name.data, name.len), name.len};
    buf_free(&name);
    return copy;
}

static Str read_difference(Parser *p) {
    Str name = read_name(p);
    char *text = arena_alloc(p->arena, name.len + 7, 1);
    memcpy(text, "Delta ", 6);
    memcpy(text + 6, name.ptr, name.len);
    return (Str){text, name.len + 6};
}

// ---- Calls ----

// The tokens to the bracket's end, if only names and whole numbers with commas stand in it; else 0
static size_t simple_arguments(const Parser *p, bool *numbers) {
    bool expect_value = true;
    *numbers = false;
    for (size_t i = 1; i < 32; i++) {
        const Token *t = peek_at(p, i);
        if (!expect_value && is_code_at(p, i, TOKEN_CLOSE, BRACKET_ROUND)) return i + 1;
        bool value = t->kind == TOKEN_NAME || t->kind == TOKEN_DIGITS;
        bool comma = t->kind == TOKEN_SIGN && t->code == ',';
        if (expect_value ? !value : !comma) return 0;
        *numbers |= t->kind == TOKEN_DIGITS;
        expect_value = !expect_value;
    }
    return 0;
}

// f(...), g(...): calls. P(A), N(n), y(x) = ...: calls where the argument can be no factor; x(x + 1) is a product.
static bool is_called(const Parser *p, Str name) {
    if (!is_code(p, TOKEN_OPEN, BRACKET_ROUND) || name.len == 0) return false;
    if (strchr("fgFG", name.ptr[0]) != NULL && (name.len == 1 || !isalpha((unsigned char)name.ptr[1]))) return true;
    bool numbers;
    size_t length = simple_arguments(p, &numbers);
    if (length == 0) return false;
    bool defined = is_code_at(p, length, TOKEN_RELATION, REL_EQ) && !numbers;
    return defined || name.ptr[0] == 'h' || isupper((unsigned char)name.ptr[0]);
}

static const Term *parse_call(Parser *p, Str name) {
    Items arguments = {0};
    const Term *joined = parse_elements(p, &arguments);
    if (joined != NULL) items_add(p, &arguments, joined);
    if (!p->failed && p->tokens[p->at - 1].code != BRACKET_ROUND) return fail(p, "a closing )");
    bool choose = str_equal(name, STR("C")) && arguments.n == 2;
    Term *t = new_term(p, TERM_FUNCTION, arguments.n);
    t->name = choose ? STR("binomial") : name;
    for (int32_t i = 0; i < arguments.n; i++)
        t->args[i] = arguments.items[i];
    return t;
}

// f^{-1}(x): a name of its own
static bool inverse_ahead(const Parser *p) {
    return is_sign(p, '^') && is_code_at(p, 1, TOKEN_OPEN, BRACKET_GROUP) && is_code_at(p, 2, TOKEN_SIGN, '-') &&
           str_equal(peek_at(p, 3)->text, STR("1")) && is_code_at(p, 4, TOKEN_CLOSE, BRACKET_GROUP) &&
           is_code_at(p, 5, TOKEN_OPEN, BRACKET_ROUND);
}

const Term *parse_name(Parser *p) {
    Str single = peek(p)->text;
    bool constant = is_kind(p, TOKEN_CONSTANT), infinite = constant && str_equal(single, STR("infinity"));
    Str name = read_name(p);
    if (str_equal(name, STR("Delta")) && is_kind(p, TOKEN_NAME)) name = read_difference(p); // \Delta x
    if (constant && (name.len == single.len || infinite)) return new_name(p, TERM_CONSTANT, single);
    if (strchr("fgh", name.ptr[0]) != NULL && name.len == 1 && inverse_ahead(p)) {
        p->at += 5;
        Str inverse[] = {STR("f^-1"), STR("g^-1"), STR("h^-1")};
        return parse_call(p, inverse[name.ptr[0] - 'f']);
    }
    if (is_called(p, name)) return parse_call(p, name);
    return new_name(p, TERM_SYMBOL, name);
}
