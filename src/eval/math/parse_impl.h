// What the files behind parse.h share: a recursive descent over tokens. Not for others.
//
//   list      = statement {(, | ; | and | or) statement}
//   statement = ratio {relation ratio}
//   ratio     = sets {: sets}
//   sets      = sum {(union | intersection | difference) sum}
//   sum       = [sign] product {(+ | - | +-) product}
//   product   = signed {[* | / | mod] signed}      without a sign where a factor may begin
//   power     = atom {^ exponent | ! | % | degree}
//   atom      = number | name | call | bracket | command | words
//
// A failure is kept in the parser, which then stands at the end of the tokens: every loop ends by itself, and what is
// returned is some term. Nothing is read twice but by looks ahead that a bracket's content bounds.
#ifndef RLT_EVAL_MATH_PARSE_IMPL_H
#define RLT_EVAL_MATH_PARSE_IMPL_H

#include "eval/math/lexer.h"
#include "eval/math/parse.h"

#define PARSE_MAX_NESTED 200 // lists, statements, sums and exponents within each other: three a bracket

typedef struct Parser {
    Arena *arena;
    Token *tokens;
    size_t n, at;
    int32_t nested, nodes;
    int32_t inside;    // brackets and arguments that are open
    int32_t bars;      // |...| that are open
    bool commas_split; // "1,000" is two numbers: within brackets that hold a list
    bool builds_set;   // : and | stand before a set's condition
    bool differential; // within an integral: dx ends its body
    bool aligned;      // rows of align: a relation may begin the next one
    bool failed;
    Error *error;
} Parser;

typedef struct Items {
    const Term **items;
    int32_t n, capacity;
} Items;

// ---- Tokens (parse.c) ----
const Token *peek(const Parser *p);
const Token *peek_at(const Parser *p, size_t offset);
bool is_kind(const Parser *p, TokenKind kind);
bool is_code(const Parser *p, TokenKind kind, int code);
bool is_code_at(const Parser *p, size_t offset, TokenKind kind, int code);
bool is_sign(const Parser *p, int code);
bool is_command(const Parser *p, const char *name);
bool take_sign(Parser *p, int code);
bool take_close(Parser *p, int code);
const Term *fail(Parser *p, const char *expected); // some term
bool enter(Parser *p);                             // one level deeper; false and failed beyond the limit
void leave(Parser *p);

// ---- Terms (parse.c) ----
Term *new_term(Parser *p, TermKind kind, int32_t n); // counted
const Term *new_one(Parser *p, TermKind kind, const Term *a);
const Term *new_two(Parser *p, TermKind kind, const Term *a, const Term *b);
const Term *new_call(Parser *p, const char *name, const Term *a, const Term *b); // b may be NULL
const Term *new_name(Parser *p, TermKind kind, Str name);
const Term *new_digits(Parser *p, Str digits);
void items_add(Parser *p, Items *items, const Term *t);
const Term *items_term(Parser *p, TermKind kind, const Items *items); // the item itself where there is one
bool is_whole(const Term *t);                                         // an integer's digits

// ---- Grammar ----
const Term *parse_list(Parser *p);      // parse_statement.c
const Term *parse_statement(Parser *p);
const Term *parse_sum(Parser *p);       // parse_sum.c
const Term *parse_product(Parser *p);
const Term *parse_signed(Parser *p);
const Term *parse_power(Parser *p);
const Term *parse_script_digits(Parser *p); // digits after a ^
bool starts_factor(const Parser *p);
bool declaration_ahead(const Parser *p); // (k \in \mathbb{Z}): no factor, but a list's next item
const Term *parse_atom(Parser *p);      // parse_atom.c
const Term *parse_argument(Parser *p);  // of a command: a group, or one token
const Term *parse_name(Parser *p);      // parse_name.c: variables, constants, calls of them
Str parse_subscript(Parser *p);         // its text; the _ is taken
const Term *parse_function(Parser *p);  // parse_function.c
const Term *parse_calculus(Parser *p);  // \int \sum \prod \lim
bool at_differential(const Parser *p);  // dx
const Term *parse_number(Parser *p);    // parse_number.c
const Term *parse_bracket(Parser *p);   // parse_bracket.c
const Term *parse_elements(Parser *p, Items *items); // NULL: listed in items; else what "and", "or" between them make
const Term *parse_environment(Parser *p, bool braced); // braced: \left\{ \begin{array}, meant as cases
const Term *parse_units(Parser *p, const Term *value); // parse_units.c

// plain.c: an answer that is no formula. false: it may be one; prose: it is none, words are taken as they are.
bool parse_plain(Str tidy, bool prose, Arena *arena, const Term **term);

#endif
