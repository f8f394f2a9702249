// What lexer.c and lexer_words.c share. Not for others.
#ifndef RLT_EVAL_MATH_LEXER_IMPL_H
#define RLT_EVAL_MATH_LEXER_IMPL_H

#include <ctype.h>
#include <string.h>

#include "eval/math/lexer.h"

#define LEXER_MAX_NESTED 20 // texts within each other

typedef struct Lexer {
    Arena *arena;
    Str text;
    size_t at, end; // [at, end) is being read: an argument's inner text is read in its turn
    Token *items;
    size_t n, capacity;
    int32_t environments; // that are open: \\ is a row's end there
    int32_t nested;
    bool spaced;         // before the next token
    bool aligned;        // the environment's & only lays out
    bool dollar_is_money; // their number is odd: they don't stand around formulas
    Error *error;
} Lexer;

Token *lexer_add(Lexer *l, TokenKind kind, int code, Str text);
bool lexer_read(Lexer *l); // lexer.c: from `at` to `end`

// lexer_words.c: a run of letters; a command whose argument is no formula (text, mathrm, mathbb, operatorname, drop)
void lexer_read_letters(Lexer *l);
bool lexer_read_text_command(Lexer *l, Str command);

#endif
