// What the operators stand between: commands with arguments, brackets, numbers, names, words.
#include "eval/math/parse_impl.h"

// ---- Arguments ----

static const Term *parse_group(Parser *p) { // after the {; also {a \over b}
    bool commas = p->commas_split, builds = p->builds_set, differential = p->differential;
    int32_t bars = p->bars;
    p->commas_split = p->builds_set = p->differential = false;
    p->bars = 0;
    p->inside++;
    const Term *t = NULL;
    if (!is_code(p, TOKEN_CLOSE, BRACKET_GROUP)) t = parse_list(p);
    if (t != NULL && take_sign(p, SIGN_OVER))
        t = new_two(p, TERM_DIVIDE, t, parse_list(p));
    else if (t != NULL && take_sign(p, SIGN_CHOOSE))
        t = new_call(p, "binomial", t, parse_list(p));
    if (!take_close(p, BRACKET_GROUP)) t = fail(p, "a closing brace");
    p->commas_split = commas;
    p->builds_set = builds;
    p->differential = differential;
    p->bars = bars;
    p->inside--;
    return t != NULL ? t : fail(p, "something in braces");
}

static const Term *first_digit(Parser *p) { // \frac12: each argument takes one
    Token *t = &p->tokens[p->at];
    Str digit = {t->text.ptr, 1};
    t->text = (Str){t->text.ptr + 1, t->text.len - 1};
    t->spaced = false;
    if (t->text.len == 0) p->at++;
    return new_digits(p, digit);
}

const Term *parse_argument(Parser *p) {
    if (!enter(p)) return fail(p, "an argument");
    const Term *t;
    if (is_code(p, TOKEN_OPEN, BRACKET_GROUP)) {
        p->at++;
        t = parse_group(p);
    } else if (is_kind(p, TOKEN_DIGITS)) {
        t = first_digit(p);
    } else if (is_kind(p, TOKEN_NAME) || is_kind(p, TOKEN_CONSTANT)) { // one sign: of x^a_1 the 1 is x's subscript
        t = new_name(p, is_kind(p, TOKEN_NAME) ? TERM_SYMBOL : TERM_CONSTANT, peek(p)->text);
        p->at++;
    } else {
        t = parse_atom(p);
    }
    leave(p);
    return t;
}

// ---- Commands ----

// \frac{d}{dx} f: as a function without a value
static bool derivative_ahead(const Parser *p) {
    return is_code_at(p, 1, TOKEN_OPEN, BRACKET_GROUP) && str_equal(peek_at(p, 2)->text, STR("d")) &&
           is_code_at(p, 3, TOKEN_CLOSE, BRACKET_GROUP) && is_code_at(p, 4, TOKEN_OPEN, BRACKET_GROUP) &&
           str_equal(peek_at(p, 5)->text, STR("d")) && peek_at(p, 6)->kind == TOKEN_NAME &&
           is_code_at(p, 7, TOKEN_CLOSE, BRACKET_GROUP);
}

static const Term *parse_fraction(Parser *p) {
    if (derivative_ahead(p)) {
        const Term *variable = new_name(p, TERM_SYMBOL, peek_at(p, 6)->text);
        p->at += 8;
        return new_call(p, "derivative", parse_product(p), variable);
    }
    p->at++;
    const Term *over = parse_argument(p);
    const Term *under = parse_argument(p);
    return new_two(p, TERM_DIVIDE, over, under);
}

static const Term *parse_root(Parser *p) {
    p->at++;
    const Term *index = NULL;
    if (is_code(p, TOKEN_OPEN, BRACKET_SQUARE)) {
        p->at++;
        index = parse_sum(p);
        if (!take_close(p, BRACKET_SQUARE)) return fail(p, "the ] of a root's index");
    }
    // \sqrt12 can only be meant as one number.
    const Term *of = is_kind(p, TOKEN_DIGITS) ? parse_number(p) : parse_argument(p);
    return index == NULL ? new_call(p, "sqrt", of, NULL) : new_call(p, "root", index, of);
}

static const Term *parse_angle(Parser *p) { // \angle ABC: the name of a thing
    const char *name = str_equal(peek(p)->text, STR("angle")) ? "angle" : "triangle";
    p->at++;
    Items letters = {0};
    while (!p->failed && is_kind(p, TOKEN_NAME))
        items_add(p, &letters, parse_name(p));
    if (letters.n == 0) return new_name(p, TERM_SYMBOL, str_of(name));
    return new_call(p, name, items_term(p, TERM_MULTIPLY, &letters), NULL);
}

// \bar{x}, \hat{x}: another variable. Over several letters (a line AB) or with other content: what is under it.
static const Term *parse_accent(Parser *p, const char *suffix) {
    p->at++;
    bool group = is_code(p, TOKEN_OPEN, BRACKET_GROUP);
    const Token *name = peek_at(p, group);
    bool one = name->kind == TOKEN_NAME && (!group || is_code_at(p, 2, TOKEN_CLOSE, BRACKET_GROUP));
    if (!one) return parse_argument(p);
    Buf text;
    buf_init(&text, 0);
    buf_add_str(&text, name->text);
    buf_add_text(&text, suffix);
    p->at += group ? 3 : 1;
    if (is_sign(p, '_')) {
        buf_add_char(&text, '_');
        buf_add_str(&text, parse_subscript(p));
    }
    const Term *t = new_name(p, TERM_SYMBOL, buf_str(&text));
    buf_free(&text);
    return t;
}

static const Term *parse_command(Parser *p) {
    if (peek(p)->code == 'b') return parse_environment(p, false);
    if (is_command(p, "frac")) return parse_fraction(p);
    if (is_command(p, "sqrt")) return parse_root(p);
    if (is_command(p, "overline") || is_command(p, "bar")) return parse_accent(p, "bar");
    if (is_command(p, "hat")) return parse_accent(p, "hat");
    if (is_command(p, "dot")) return parse_accent(p, "dot");
    if (is_command(p, "angle") || is_command(p, "triangle")) return parse_angle(p);
    if (is_command(p, "emptyset")) {
        p->at++;
        return new_term(p, TERM_SET, 0);
    }
    if (is_command(p, "boxed") || is_command(p, "vec") || is_command(p, "underbrace")) {
        p->at++;
        return parse_argument(p);
    }
    if (is_command(p, "binom")) {
        p->at++;
        const Term *n = parse_argument(p);
        const Term *k = parse_argument(p);
        return new_call(p, "binomial", n, k);
    }
    if (is_command(p, "int") || is_command(p, "sum") || is_command(p, "prod") || is_command(p, "lim"))
        return parse_calculus(p);
    return fail(p, "an expression");
}

// ---- Atoms ----

static const Term *parse_bars(Parser *p) { // |x|
    p->at++;
    p->bars++;
    const Term *t = parse_sum(p);
    p->bars--;
    if (!is_kind(p, TOKEN_BAR)) return fail(p, "a closing |");
    p->at++;
    return new_call(p, t->kind == TERM_MATRIX ? "det" : "abs", t, NULL);
}

static const Term *parse_words(Parser *p) {
    const Token *t = peek(p);
    p->at++;
    if (peek(p)->kind == TOKEN_WORDS || peek(p)->kind == TOKEN_DIGITS) return fail(p, "an operator after words");
    return new_name(p, TERM_TEXT, t->text);
}

static const Term *parse_money(Parser *p) {
    Str sign = peek(p)->text;
    p->at++;
    const Term *value = parse_power(p);
    Term *t = new_term(p, TERM_UNITS, 1);
    t->args[0] = value;
    t->name = sign;
    return t;
}

static const Term *parse_sign(Parser *p) {
    if (is_sign(p, SIGN_DOTS)) {
        p->at++;
        return new_name(p, TERM_SYMBOL, STR("..."));
    }
    if (is_sign(p, '.')) {
        bool digits = peek_at(p, 1)->kind == TOKEN_DIGITS;
        return digits ? parse_number(p) : fail(p, "digits after a point");
    }
    return is_sign(p, SIGN_CURRENCY) ? parse_money(p) : fail(p, "an expression");
}

static const Term *parse_kind(Parser *p) {
    switch (peek(p)->kind) {
    case TOKEN_DIGITS:
        return parse_number(p);
    case TOKEN_NAME:
    case TOKEN_CONSTANT:
        return parse_name(p);
    case TOKEN_FUNCTION:
        return parse_function(p);
    case TOKEN_WORDS:
        return parse_words(p);
    case TOKEN_COMMAND:
        return parse_command(p);
    case TOKEN_BAR:
        return parse_bars(p);
    case TOKEN_OPEN:
        if (is_code(p, TOKEN_OPEN, BRACKET_GROUP)) {
            p->at++;
            return parse_group(p);
        }
        return parse_bracket(p);
    case TOKEN_CLOSE:
        return is_code(p, TOKEN_CLOSE, BRACKET_SQUARE) ? parse_bracket(p) : fail(p, "an expression");
    case TOKEN_SIGN:
        return parse_sign(p);
    default:
        return fail(p, "an expression");
    }
}

const Term *parse_atom(Parser *p) {
    if (!enter(p)) return fail(p, "an expression");
    const Term *t = parse_kind(p);
    leave(p);
    return t;
}
