#include "eval/math/parse.h"

#include <ctype.h>
#include <string.h>

#include "eval/math/parse_impl.h"

// ---- Tokens ----

const Token *peek_at(const Parser *p, size_t offset) {
    size_t at = p->at + offset;
    return &p->tokens[at < p->n ? at : p->n - 1];
}

const Token *peek(const Parser *p) {
    return peek_at(p, 0);
}

bool is_kind(const Parser *p, TokenKind kind) {
    return peek(p)->kind == kind;
}

bool is_code_at(const Parser *p, size_t offset, TokenKind kind, int code) {
    const Token *t = peek_at(p, offset);
    return t->kind == kind && t->code == code;
}

bool is_code(const Parser *p, TokenKind kind, int code) {
    return is_code_at(p, 0, kind, code);
}

bool is_sign(const Parser *p, int code) {
    return is_code(p, TOKEN_SIGN, code);
}

bool is_command(const Parser *p, const char *name) {
    return is_kind(p, TOKEN_COMMAND) && peek(p)->code == 0 && str_equal(peek(p)->text, str_of(name));
}

bool take_sign(Parser *p, int code) {
    if (!is_sign(p, code)) return false;
    p->at++;
    return true;
}

bool take_close(Parser *p, int code) {
    if (!is_code(p, TOKEN_CLOSE, code)) return false;
    p->at++;
    return true;
}

const Term *fail(Parser *p, const char *expected) {
    if (!p->failed) {
        Str found = peek(p)->text;
        bool end = is_kind(p, TOKEN_END);
        error_set(p->error, "expected %s, found %.*s", expected, end ? 7 : (int)(found.len < 40 ? found.len : 40),
                  end ? "the end" : found.ptr);
    }
    p->failed = true;
    p->at = p->n - 1;
    return term_integer(p->arena, 0);
}

bool enter(Parser *p) {
    if (++p->nested <= PARSE_MAX_NESTED) return true;
    fail(p, "fewer brackets within each other");
    return false;
}

void leave(Parser *p) {
    p->nested--;
}

// ---- Terms ----

Term *new_term(Parser *p, TermKind kind, int32_t n) {
    if (++p->nodes > TERM_MAX_NODES) fail(p, "an answer of at most 20000 parts");
    return term_new(p->arena, kind, n);
}

const Term *new_one(Parser *p, TermKind kind, const Term *a) {
    Term *t = new_term(p, kind, 1);
    t->args[0] = a;
    return t;
}

const Term *new_two(Parser *p, TermKind kind, const Term *a, const Term *b) {
    Term *t = new_term(p, kind, 2);
    t->args[0] = a;
    t->args[1] = b;
    return t;
}

const Term *new_call(Parser *p, const char *name, const Term *a, const Term *b) {
    Term *t = new_term(p, TERM_FUNCTION, b != NULL ? 2 : 1);
    t->name = str_of(name);
    t->args[0] = a;
    if (b != NULL) t->args[1] = b;
    return t;
}

const Term *new_name(Parser *p, TermKind kind, Str name) {
    Term *t = new_term(p, kind, 0);
    t->name = (Str){arena_strndup(p->arena, name.ptr, name.len), name.len};
    return t;
}

const Term *new_digits(Parser *p, Str digits) {
    if (digits.len > TERM_MAX_DIGITS) return fail(p, "a number of at most 4096 digits");
    Term *t = new_term(p, TERM_NUMBER, 0);
    t->digits = (Str){arena_strndup(p->arena, digits.ptr, digits.len), digits.len};
    return t;
}

void items_add(Parser *p, Items *items, const Term *t) {
    if (items->n == items->capacity) {
        const Term **old = items->items;
        items->capacity = items->capacity == 0 ? 4 : 2 * items->capacity;
        items->items = arena_alloc(p->arena, (size_t)items->capacity, sizeof *items->items);
        if (items->n > 0) memcpy(items->items, old, (size_t)items->n * sizeof *old);
    }
    items->items[items->n++] = t;
}

const Term *items_term(Parser *p, TermKind kind, const Items *items) {
    if (items->n == 1) return items->items[0];
    Term *t = new_term(p, kind, items->n);
    if (items->n > 0) memcpy(t->args, items->items, (size_t)items->n * sizeof *t->args);
    return t;
}

bool is_whole(const Term *t) {
    return t->kind == TERM_NUMBER && t->decimals == 0 && t->repeat.len == 0;
}

// ---- The whole answer ----

// Depth by a stack of its own: a chain of divisions may have grown deeper than the parser ever was.
static bool is_shallow(const Term *t) {
    struct {
        const Term *term;
        int32_t next;
    } path[TERM_MAX_DEPTH];
    int32_t depth = 0;
    path[0].term = t;
    path[0].next = 0;
    while (depth >= 0) {
        if (path[depth].next == path[depth].term->n) {
            depth--;
            continue;
        }
        const Term *child = path[depth].term->args[path[depth].next++];
        if (++depth == TERM_MAX_DEPTH) return false;
        path[depth].term = child;
        path[depth].next = 0;
    }
    return true;
}

static bool parse_expression(Str tidy, Arena *arena, const Term **term, Error *error) {
    Tokens tokens;
    if (!latex_tokens(tidy, arena, &tokens, error)) return false;
    Parser p = {.arena = arena, .tokens = tokens.items, .n = tokens.n, .error = error};
    if (tokens.n == 3 && is_code(&p, TOKEN_OPEN, BRACKET_GROUP) && is_code_at(&p, 1, TOKEN_CLOSE, BRACKET_GROUP)) {
        *term = term_new(arena, TERM_SET, 0); // {}
        return true;
    }
    *term = parse_list(&p);
    if (!p.failed && !is_kind(&p, TOKEN_END)) fail(&p, "the end of the answer or an operator");
    if (p.failed) return false;
    return is_shallow(*term) || error_set(error, "expected at most %d levels of operations", TERM_MAX_DEPTH);
}

bool math_parse(Str text, Arena *arena, const Term **term, Error *error) {
    if (text.len > MATH_PARSE_MAX_BYTES) {
        return error_set(error, "expected an answer of at most %d bytes, found %zu", MATH_PARSE_MAX_BYTES, text.len);
    }
    Str tidy = latex_tidy(text, arena);
    if (tidy.len == 0) return error_set(error, "expected an answer, found an empty text");
    if (parse_plain(tidy, false, arena, term)) return true;
    return parse_expression(tidy, arena, term, error) || parse_plain(tidy, true, arena, term);
}
