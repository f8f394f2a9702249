// An answer's text as tokens, in two steps: tidied to plain ASCII LaTeX, then cut. For parse.c's files.
//
// What only lays out (spaces, \left, \displaystyle, $) is gone after it; what is written in several ways (<= \le \leq)
// is one token. Words of \text{} and plain words become what they mean here: and, or, percent, a function, or words.
#ifndef RLT_EVAL_MATH_LEXER_H
#define RLT_EVAL_MATH_LEXER_H

#include "eval/math/term.h"

typedef enum TokenKind {
    TOKEN_END,
    TOKEN_DIGITS,   // text: 0-9
    TOKEN_NAME,     // text: a variable: x, theta, \mathbb{R}
    TOKEN_CONSTANT, // text: as TERM_CONSTANT
    TOKEN_WORDS,    // text: "square units", "east"
    TOKEN_FUNCTION, // text: as TERM_FUNCTION
    TOKEN_COMMAND,  // text: a command that takes arguments or means a thing of its own: frac, sqrt, begin, int
    TOKEN_OPEN,     // code: a bracket, below
    TOKEN_CLOSE,    // code: the same one
    TOKEN_BAR,      // |, either side
    TOKEN_RELATION, // code: TermRelation
    TOKEN_SIGN,     // code: a character of + - * / : ^ _ ! % , ; . & ' ? or one of the codes below
} TokenKind;

enum { // brackets
    BRACKET_ROUND = '(',
    BRACKET_SQUARE = '[',
    BRACKET_GROUP = '{', // that TeX does not show
    BRACKET_SET = 'S',   // \{
    BRACKET_BAR = '|',   // \left| \lvert
    BRACKET_FLOOR = 'F',
    BRACKET_CEIL = 'C',
    BRACKET_ANGLE = '<',
};

enum { // signs beyond characters
    SIGN_PLUS_MINUS = 256,
    SIGN_MINUS_PLUS,
    SIGN_DIVIDE, // \div
    SIGN_UNION,
    SIGN_INTERSECT,
    SIGN_DIFFERENCE,
    SIGN_DEGREE,
    SIGN_CURRENCY, // text: "$"
    SIGN_ROW,      // a matrix's next row
    SIGN_AND,
    SIGN_OR,
    SIGN_MOD,
    SIGN_DOTS,
    SIGN_MID, // \mid
    SIGN_OVER,
    SIGN_CHOOSE,
    SIGN_NOT_IN,
    SIGN_SUBSET,
    SIGN_SUPERSET,
    SIGN_TO,
};

typedef struct Token {
    TokenKind kind;
    int code;
    Str text;
    bool spaced;  // white space stands before it
    bool roman;   // upright letters or words: \text{m}, \mathrm{m}
    bool shifted; // written as a superscript sign
} Token;

typedef struct Tokens {
    Token *items; // the last is TOKEN_END
    size_t n;     // with it
} Tokens;

// What stands around an answer taken off ($ \( \boxed{} and a full stop), other scripts' signs as LaTeX, doubled
// backslashes halved. In `arena`, or part of `text`.
Str latex_tidy(Str text, Arena *arena);

// The first of these alone; part of `text`.
Str latex_strip(Str text);

// Cuts a tidied text.
MUST_CHECK bool latex_tokens(Str tidy, Arena *arena, Tokens *out, Error *error);

// Tables of words (words.c). NULL or false where the word is none.
const char *word_function(Str word);              // "sin", "arcsin" for "asin"
const char *word_constant(Str word);              // "infinity" for "inf", "undefined" for "DNE"
int word_sign(Str word);                          // SIGN_AND, '%' for "percent", ...; 0
const char *word_number(Str word);                // "1000000" for "million"
bool word_is_unit(Str word);                      // "cm", "feet"
bool word_is_empty_set(Str word);                 // "no solution"
bool word_is_reals(Str word);                     // "all real numbers"
const Token *command_token(Str name);             // of a command's name without its backslash; text empty: dropped
size_t command_prefix(Str name, const Token **t); // length of the longest command that the name begins with, or 0

#endif
