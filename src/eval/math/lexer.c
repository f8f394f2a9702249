#include "eval/math/lexer.h"

#include "eval/math/lexer_impl.h"

Token *lexer_add(Lexer *l, TokenKind kind, int code, Str text) {
    if (l->n == l->capacity) {
        Token *more = arena_alloc(l->arena, 2 * l->capacity, sizeof *more);
        memcpy(more, l->items, l->n * sizeof *more);
        l->items = more;
        l->capacity *= 2;
    }
    Token *t = &l->items[l->n++];
    *t = (Token){.kind = kind, .code = code, .text = text, .spaced = l->spaced};
    l->spaced = false;
    return t;
}

static bool at_is(const Lexer *l, const char *sign) {
    return str_starts((Str){l->text.ptr + l->at, l->end - l->at}, str_of(sign));
}

// ---- Commands ----

// \left and \right: the bracket after them knows its side. "\left." is nothing; "\left{" is meant as "\left\{".
static void read_sided(Lexer *l, bool left) {
    while (l->at < l->end && l->text.ptr[l->at] == ' ')
        l->at++;
    if (l->at >= l->end) return;
    char c = l->text.ptr[l->at];
    const char *const bars[] = {"\\vert", "\\Vert", "\\|", "\\mid", "|"};
    for (size_t i = 0; i < sizeof bars / sizeof bars[0]; i++) {
        if (!at_is(l, bars[i])) continue;
        l->at += strlen(bars[i]);
        lexer_add(l, left ? TOKEN_OPEN : TOKEN_CLOSE, BRACKET_BAR, STR("|"));
        return;
    }
    if (c == '.') {
        l->at++;
    } else if (c == '{' || c == '}') {
        l->at++;
        lexer_add(l, c == '{' ? TOKEN_OPEN : TOKEN_CLOSE, BRACKET_SET, STR("\\{"));
    } else if (c == '<' || c == '>') {
        l->at++;
        lexer_add(l, c == '<' ? TOKEN_OPEN : TOKEN_CLOSE, BRACKET_ANGLE, STR("<"));
    }
}

static Str environment_name(Lexer *l) { // {pmatrix}, {array}{cc}, {align*}
    Str name = {l->text.ptr + l->at, 0};
    if (l->at >= l->end || l->text.ptr[l->at] != '{') return name;
    size_t from = ++l->at;
    while (l->at < l->end && l->text.ptr[l->at] != '}')
        l->at++;
    name = (Str){l->text.ptr + from, l->at - from};
    if (l->at < l->end) l->at++;
    return name;
}

static bool only_aligns(Str name) {
    static const char *const names[] = {"align", "gather", "split", "equation", "multline", "eqnarray", "flalign"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_starts(name, str_of(names[i]))) return true;
    }
    return false;
}

static void read_environment(Lexer *l, bool begin) {
    Str name = environment_name(l);
    l->aligned = begin && only_aligns(name);
    lexer_add(l, TOKEN_COMMAND, begin ? 'b' : 'e', name);
    l->environments += begin ? 1 : l->environments > 0 ? -1 : 0;
    if (!begin || !str_equal(name, STR("array"))) return;
    while (l->at < l->end && isspace((unsigned char)l->text.ptr[l->at]))
        l->at++;
    environment_name(l); // the columns
}

static bool add_command(Lexer *l, const Token *token, Str name) {
    if (token->kind == TOKEN_END) {
        l->spaced = true;
        return true;
    }
    if (token->kind != TOKEN_COMMAND) {
        lexer_add(l, token->kind, token->code, token->text.len > 0 ? token->text : name);
        return true;
    }
    Str text = token->text;
    bool left = str_equal(text, STR("left"));
    if (left || str_equal(text, STR("right"))) {
        read_sided(l, left);
        return true;
    }
    bool begin = str_equal(text, STR("begin"));
    if (begin || str_equal(text, STR("end"))) {
        read_environment(l, begin);
        return true;
    }
    static const char *const with_text[] = {"text", "mathrm", "mathbb", "operatorname", "drop"};
    for (size_t i = 0; i < sizeof with_text / sizeof with_text[0]; i++) {
        if (str_equal(text, str_of(with_text[i]))) return lexer_read_text_command(l, text);
    }
    lexer_add(l, TOKEN_COMMAND, 0, text);
    return true;
}

static bool read_named(Lexer *l, Str name) {
    const Token *token = command_token(name);
    const char *function = token == NULL ? word_function(name) : NULL;
    if (function != NULL) {
        lexer_add(l, TOKEN_FUNCTION, 0, str_of(function));
        return true;
    }
    size_t n = token != NULL ? name.len : command_prefix(name, &token); // "\quadx"
    if (n == 0) return error_set(l->error, "expected a known command, found \\%.*s", (int)name.len, name.ptr);
    l->at -= name.len - n;
    return add_command(l, token, (Str){name.ptr, n});
}

static bool read_command(Lexer *l) { // at the backslash
    l->at++;
    size_t from = l->at;
    while (l->at < l->end && isalpha((unsigned char)l->text.ptr[l->at]))
        l->at++;
    Str name = {l->text.ptr + from, l->at - from};
    if (name.len > 0) return read_named(l, name);
    if (l->at >= l->end) return true;
    char c = l->text.ptr[l->at++];
    switch (c) {
    case '\\':
        if (l->environments > 0)
            lexer_add(l, TOKEN_SIGN, SIGN_ROW, STR("\\\\"));
        else
            l->spaced = true;
        return true;
    case '$':
        lexer_add(l, TOKEN_SIGN, SIGN_CURRENCY, STR("$"));
        return true;
    case '%':
        lexer_add(l, TOKEN_SIGN, '%', STR("%"));
        return true;
    case '{':
    case '}':
        lexer_add(l, c == '{' ? TOKEN_OPEN : TOKEN_CLOSE, BRACKET_SET, STR("\\{"));
        return true;
    case '|':
        lexer_add(l, TOKEN_BAR, 0, STR("|"));
        return true;
    case '_':
    case '&':
    case '#':
        l->spaced = true;
        return true;
    default: // \, \! \; \: \> \( \) \[ \] and a space
        if (strchr(",!;:>()[] \n/-", c) == NULL) return error_set(l->error, "expected a known command, found \\%c", c);
        l->spaced |= c == ' ';
        return true;
    }
}

// ---- Characters ----

static const struct {
    const char *sign;
    TokenKind kind;
    int code;
} signs[] = { // longer ones first
    {"<=", TOKEN_RELATION, REL_LE},    {">=", TOKEN_RELATION, REL_GE},    {"=<", TOKEN_RELATION, REL_LE},
    {"=>", TOKEN_SIGN, SIGN_TO},       {"!=", TOKEN_RELATION, REL_NE},    {"==", TOKEN_RELATION, REL_EQ},
    {":=", TOKEN_RELATION, REL_EQ},    {"->", TOKEN_SIGN, SIGN_TO},       {"+-", TOKEN_SIGN, SIGN_PLUS_MINUS},
    {"+/-", TOKEN_SIGN, SIGN_PLUS_MINUS}, {"**", TOKEN_SIGN, '^'},        {"...", TOKEN_SIGN, SIGN_DOTS},
    {"<", TOKEN_RELATION, REL_LT},     {">", TOKEN_RELATION, REL_GT},     {"=", TOKEN_RELATION, REL_EQ},
    {"(", TOKEN_OPEN, BRACKET_ROUND},  {")", TOKEN_CLOSE, BRACKET_ROUND}, {"[", TOKEN_OPEN, BRACKET_SQUARE},
    {"]", TOKEN_CLOSE, BRACKET_SQUARE}, {"{", TOKEN_OPEN, BRACKET_GROUP}, {"}", TOKEN_CLOSE, BRACKET_GROUP},
    {"|", TOKEN_BAR, 0},
};

static bool read_sign(Lexer *l) {
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (!at_is(l, signs[i].sign)) continue;
        Str text = str_of(signs[i].sign);
        lexer_add(l, signs[i].kind, signs[i].code, text);
        l->at += text.len;
        return true;
    }
    char c = l->text.ptr[l->at];
    if (c == 0 || strchr("+-*/:^_!%,;.&'?", c) == NULL) {
        return error_set(l->error, "expected a sign of mathematics, found byte 0x%02x", (unsigned char)c);
    }
    lexer_add(l, TOKEN_SIGN, (unsigned char)c, (Str){l->text.ptr + l->at, 1});
    l->at++;
    return true;
}

static void read_digits(Lexer *l) {
    size_t from = l->at;
    while (l->at < l->end && isdigit((unsigned char)l->text.ptr[l->at]))
        l->at++;
    lexer_add(l, TOKEN_DIGITS, 0, (Str){l->text.ptr + from, l->at - from});
}

bool lexer_read(Lexer *l) {
    while (l->at < l->end) {
        char c = l->text.ptr[l->at];
        if (isspace((unsigned char)c) || c == '~' || c == '"') {
            l->spaced = true;
            l->at++;
        } else if (c == '&' && l->aligned) {
            l->at++;
        } else if (c == '$') {
            if (l->dollar_is_money) lexer_add(l, TOKEN_SIGN, SIGN_CURRENCY, STR("$"));
            l->spaced = true;
            l->at++;
        } else if (isdigit((unsigned char)c)) {
            read_digits(l);
        } else if (isalpha((unsigned char)c)) {
            lexer_read_letters(l);
        } else if (!(c == '\\' ? read_command(l) : read_sign(l))) {
            return false;
        }
    }
    return true;
}

static bool dollars_are_odd(Str text) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '$' && (i == 0 || text.ptr[i - 1] != '\\');
    return n % 2 == 1;
}

bool latex_tokens(Str tidy, Arena *arena, Tokens *out, Error *error) {
    Lexer l = {.arena = arena, .text = tidy, .end = tidy.len, .capacity = tidy.len / 2 + 8, .error = error};
    l.items = arena_alloc(arena, l.capacity, sizeof *l.items);
    l.dollar_is_money = dollars_are_odd(tidy);
    if (!lexer_read(&l)) return false;
    lexer_add(&l, TOKEN_END, 0, STR(""));
    *out = (Tokens){l.items, l.n};
    return true;
}
