// Terms for tests, from a small prefix notation, so that what is compared does not hang on the parser of answers.
// 12, 3.50, x (a symbol), pi e i infinity undefined (constants), 'words (text); (+ a b), (* a b), (- a), (/ a b), (^ a
// b), (pm a b), (! a), (% a), (deg a), (mixed a b), (base 1010 2), (tuple ..), (set ..), (list ..), (union ..), (diff a
// b), (cut a b), (and ..), (cc a b) (co a b) (oc a b) (oo a b): intervals closed or open on either side, (matrix rows
// ..), (units a cm), (= a b), (!= a b), (< a b), (<= a b), (> a b), (>= a b), (in a b), (~ a b), (<< a b c): a < b < c;
// (f a ..): any other function.
#ifndef TESTS_EVAL_TERM_READER_H
#define TESTS_EVAL_TERM_READER_H

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "eval/math/term.h"

typedef struct TermReader {
    Arena *arena;
    const char *at;
} TermReader;

static void reader_space(TermReader *r) {
    while (*r->at == ' ')
        r->at++;
}

static char *reader_word(TermReader *r) {
    const char *from = r->at;
    while (*r->at != 0 && *r->at != ' ' && *r->at != ')' && *r->at != '(')
        r->at++;
    return arena_strndup(r->arena, from, (size_t)(r->at - from));
}

static Term *reader_leaf(TermReader *r) {
    char *word = reader_word(r);
    if (isdigit((unsigned char)word[0])) {
        Term *t = term_new(r->arena, TERM_NUMBER, 0);
        char *point = strchr(word, '.');
        if (point != NULL) {
            t->decimals = (int32_t)strlen(point + 1);
            memmove(point, point + 1, strlen(point));
        }
        t->digits = str_of(word);
        return t;
    }
    if (word[0] == '\'') return term_named(r->arena, TERM_TEXT, word + 1, 0);
    const char *const constants[] = {"pi", "e", "i", "infinity", "undefined"};
    for (size_t k = 0; k < 5; k++) {
        if (strcmp(word, constants[k]) == 0) return term_named(r->arena, TERM_CONSTANT, word, 0);
    }
    return term_named(r->arena, TERM_SYMBOL, word, 0);
}

static const struct {
    const char *head;
    int kind, relation;
} reader_heads[] = {
    {"+", TERM_ADD, -1},
    {"*", TERM_MULTIPLY, -1},
    {"-", TERM_NEGATE, -1},
    {"/", TERM_DIVIDE, -1},
    {"^", TERM_POWER, -1},
    {"pm", TERM_PLUS_MINUS, -1},
    {"!", TERM_FACTORIAL, -1},
    {"%", TERM_PERCENT, -1},
    {"deg", TERM_DEGREES, -1},
    {"mixed", TERM_MIXED, -1},
    {"tuple", TERM_TUPLE, -1},
    {"set", TERM_SET, -1},
    {"list", TERM_LIST, -1},
    {"union", TERM_UNION, -1},
    {"diff", TERM_DIFFERENCE, -1},
    {"cut", TERM_INTERSECT, -1},
    {"and", TERM_AND, -1},
    {"cc", TERM_INTERVAL, 0},
    {"co", TERM_INTERVAL, 1},
    {"oc", TERM_INTERVAL, 2},
    {"oo", TERM_INTERVAL, 3},
    {"=", TERM_RELATION, REL_EQ},
    {"!=", TERM_RELATION, REL_NE},
    {"<", TERM_RELATION, REL_LT},
    {"<=", TERM_RELATION, REL_LE},
    {">", TERM_RELATION, REL_GT},
    {">=", TERM_RELATION, REL_GE},
    {"in", TERM_RELATION, REL_IN},
    {"~", TERM_RELATION, REL_APPROX},
    {"<<", TERM_RELATION, REL_LT},
    {"<=<=", TERM_RELATION, REL_LE},
};

static Term *reader_term(TermReader *r) {
    reader_space(r);
    if (*r->at != '(') return reader_leaf(r);
    r->at++;
    char *head = reader_word(r);
    if (strcmp(head, "base") == 0) { // (base 1010 2)
        Term *t = term_new(r->arena, TERM_BASE, 2);
        reader_space(r);
        t->args[0] = reader_leaf(r);
        t->name = t->args[0]->kind == TERM_NUMBER ? t->args[0]->digits : t->args[0]->name;
        t->args[1] = reader_term(r);
        r->at++;
        return t;
    }
    int32_t rows = 0;
    if (strcmp(head, "matrix") == 0) rows = (int32_t)strtol(r->at, (char **)&r->at, 10);
    const Term *args[64];
    int32_t n = 0;
    for (reader_space(r); *r->at != ')' && *r->at != 0; reader_space(r))
        args[n++] = reader_term(r);
    if (*r->at == ')') r->at++;
    Term *t = term_named(r->arena, rows > 0 ? TERM_MATRIX : TERM_FUNCTION, head, n);
    t->rows = rows;
    if (strcmp(head, "units") == 0) {
        t->kind = TERM_UNITS;
        t->n = 1;
        t->name = args[1]->name;
    }
    for (size_t k = 0; k < sizeof reader_heads / sizeof reader_heads[0]; k++) {
        if (strcmp(head, reader_heads[k].head) != 0) continue;
        t->kind = (TermKind)reader_heads[k].kind;
        int relation = reader_heads[k].relation;
        if (t->kind == TERM_INTERVAL) t->open_left = relation >= 2, t->open_right = relation % 2 == 1;
        if (t->kind != TERM_RELATION) continue;
        uint8_t *relations = arena_alloc(r->arena, (size_t)n, 1);
        memset(relations, relation, (size_t)n - 1);
        t->relations = relations;
    }
    if (t->kind != TERM_FUNCTION && t->kind != TERM_UNITS) t->name = (Str){0};
    for (int32_t i = 0; i < t->n; i++)
        t->args[i] = args[i];
    return t;
}

static const Term *term_read(Arena *arena, const char *text) {
    TermReader r = {arena, text};
    return reader_term(&r);
}

#endif
