// Sums, products and powers.
#include <string.h>

#include "eval/math/parse_impl.h"

static bool is_plain_number(const Term *t) {
    return t->kind == TERM_NUMBER || t->kind == TERM_MIXED;
}

// ---- Powers ----

static bool is_degree_ahead(const Parser *p, size_t offset, size_t *length) { // \circ, {\circ}
    if (is_code_at(p, offset, TOKEN_SIGN, SIGN_DEGREE)) {
        *length = offset + 1;
        return true;
    }
    *length = offset + 3;
    return is_code_at(p, offset, TOKEN_OPEN, BRACKET_GROUP) && is_code_at(p, offset + 1, TOKEN_SIGN, SIGN_DEGREE) &&
           is_code_at(p, offset + 2, TOKEN_CLOSE, BRACKET_GROUP);
}

static bool ends_value(const Token *t) {
    return t->kind == TOKEN_END || t->kind == TOKEN_CLOSE || t->kind == TOKEN_RELATION ||
           (t->kind == TOKEN_SIGN && (t->code == ',' || t->code == SIGN_AND || t->code == SIGN_OR));
}

// 25^\circ C is a temperature, in units.
static const Term *parse_degrees(Parser *p, const Term *value, size_t length) {
    p->at += length;
    const Token *t = peek(p);
    bool scale = t->kind == TOKEN_NAME && (str_equal(t->text, STR("C")) || str_equal(t->text, STR("F")));
    if ((!scale || !ends_value(peek_at(p, 1))) && t->kind != TOKEN_WORDS) return new_one(p, TERM_DEGREES, value);
    Term *units = new_term(p, TERM_UNITS, 1);
    units->args[0] = value;
    units->name = t->text;
    p->at++;
    return units;
}

const Term *parse_script_digits(Parser *p) { // x^10 is x^{10}; of v^2_0 the 0 is v's subscript
    if (!is_code_at(p, 1, TOKEN_SIGN, '_')) return parse_number(p);
    Str digits = peek(p)->text;
    p->at++;
    return new_digits(p, digits);
}

static const Term *parse_side(Parser *p) { // 0^+, 0^{-}: of limits; NULL where it is none
    bool group = is_code(p, TOKEN_OPEN, BRACKET_GROUP);
    const Token *sign = peek_at(p, group), *after = peek_at(p, 1 + group);
    bool side = sign->kind == TOKEN_SIGN && (sign->code == '+' || sign->code == '-') && after->kind == TOKEN_CLOSE;
    if (!side || after->code != BRACKET_GROUP) return NULL;
    p->at += group ? 3 : 1;
    return new_name(p, TERM_SYMBOL, sign->text);
}

static const Term *parse_exponent(Parser *p) {
    if (!enter(p)) return fail(p, "an exponent");
    const Term *t = parse_side(p);
    if (t != NULL) {
        leave(p);
        return t;
    }
    if (take_sign(p, '-')) {
        t = new_one(p, TERM_NEGATE, parse_exponent(p));
    } else if (take_sign(p, '+')) {
        t = parse_exponent(p);
    } else {
        bool group = is_code(p, TOKEN_OPEN, BRACKET_GROUP);
        if (is_kind(p, TOKEN_DIGITS))
            t = parse_script_digits(p);
        else
            t = is_kind(p, TOKEN_FUNCTION) ? parse_function(p) : parse_argument(p);
        if (!group && is_sign(p, '^')) { // 2^3^4, from the right
            p->at++;
            t = new_two(p, TERM_POWER, t, parse_exponent(p));
        }
    }
    leave(p);
    return t;
}

static const Term *add_subscript(Parser *p, const Term *t) { // x^2_1
    bool late = t->kind == TERM_POWER && t->args[0]->kind == TERM_SYMBOL;
    if (!late || memchr(t->args[0]->name.ptr, '_', t->args[0]->name.len) != NULL) return fail(p, "no subscript here");
    Str name = t->args[0]->name, sub = parse_subscript(p);
    char *text = arena_alloc(p->arena, name.len + sub.len + 2, 1);
    memcpy(text, name.ptr, name.len);
    text[name.len] = '_';
    memcpy(text + name.len + 1, sub.ptr, sub.len);
    Str full = {text, name.len + 1 + sub.len};
    return new_two(p, TERM_POWER, new_name(p, TERM_SYMBOL, full), t->args[1]);
}

const Term *parse_power(Parser *p) {
    const Term *t = parse_atom(p);
    while (!p->failed) {
        size_t length;
        if (is_sign(p, '^') && is_degree_ahead(p, 1, &length)) {
            t = parse_degrees(p, t, length);
        } else if (is_sign(p, SIGN_DEGREE)) {
            t = parse_degrees(p, t, 1);
        } else if (take_sign(p, '^')) {
            const Term *exponent = parse_exponent(p);
            bool transposed = t->kind == TERM_MATRIX && exponent->kind == TERM_SYMBOL; // A^T, A^\top
            t = transposed ? new_call(p, "transpose", t, NULL) : new_two(p, TERM_POWER, t, exponent);
        } else if (take_sign(p, '!')) {
            t = new_one(p, TERM_FACTORIAL, t);
        } else if (take_sign(p, '%')) {
            t = new_one(p, TERM_PERCENT, t);
        } else if (is_sign(p, '_')) {
            t = add_subscript(p, t);
        } else {
            break;
        }
    }
    return t;
}

// ---- Products ----

const Term *parse_signed(Parser *p) {
    int32_t minus = 0;
    while (is_sign(p, '-') || is_sign(p, '+')) {
        minus += is_sign(p, '-');
        p->at++;
    }
    const Term *t = parse_power(p);
    return minus % 2 == 1 ? new_one(p, TERM_NEGATE, t) : t;
}

static bool closes_interval(const Parser *p) { // the [ of [0, 1[
    const Token *after = peek_at(p, 1);
    return is_code(p, TOKEN_OPEN, BRACKET_SQUARE) &&
           (ends_value(after) || (after->kind == TOKEN_SIGN && after->code >= SIGN_UNION));
}

bool declaration_ahead(const Parser *p) {
    return is_code(p, TOKEN_OPEN, BRACKET_ROUND) && peek_at(p, 1)->kind == TOKEN_NAME &&
           is_code_at(p, 2, TOKEN_RELATION, REL_IN);
}

bool starts_factor(const Parser *p) {
    const Token *t = peek(p);
    switch (t->kind) {
    case TOKEN_DIGITS:
    case TOKEN_CONSTANT:
    case TOKEN_FUNCTION:
        return true;
    case TOKEN_NAME:
        return !at_differential(p);
    case TOKEN_OPEN:
        return !closes_interval(p) && !declaration_ahead(p);
    case TOKEN_COMMAND:
        return t->code != 'e' && !str_equal(t->text, STR("pmod")) && !str_equal(t->text, STR("not"));
    case TOKEN_BAR:
        return p->bars == 0 && !p->builds_set;
    case TOKEN_SIGN:
        return t->code == SIGN_DOTS || t->code == SIGN_CURRENCY;
    default:
        return false;
    }
}

static const Term *open_set(const Term *t) { // \{1+2\}\{3-4\}: braces where brackets are meant
    return t->kind == TERM_SET && t->n == 1 ? t->args[0] : t;
}

// x/2y is x/(2y), but 1/2x is x/2.
static const Term *parse_denominator(Parser *p, const Term *numerator, bool slash) {
    const Term *t = parse_signed(p);
    bool absorbs = slash && !(is_plain_number(numerator) && is_plain_number(t));
    Items factors = {0};
    items_add(p, &factors, t);
    while (absorbs && !p->failed && starts_factor(p) && !peek(p)->spaced && !is_kind(p, TOKEN_FUNCTION))
        items_add(p, &factors, parse_power(p));
    return items_term(p, TERM_MULTIPLY, &factors);
}

static const Term *product_of(Parser *p, const Items *factors) {
    for (int32_t i = 0; i < factors->n; i++) {
        if (factors->items[i]->kind == TERM_TEXT) {
            if (factors->n > 1) return fail(p, "no words in a product");
        } else if (factors->n > 1) {
            factors->items[i] = open_set(factors->items[i]);
        }
    }
    return items_term(p, TERM_MULTIPLY, factors);
}

static void restart(Items *factors, const Term *t) {
    factors->items[0] = t;
    factors->n = 1;
}

// The words after a value: its units, or "million", or only the beginning of words that go on
static bool take_words(Parser *p, Items *factors) {
    const Token *t = peek(p);
    const char *scale = t->kind == TOKEN_WORDS ? word_number(t->text) : NULL;
    if (scale != NULL) {
        p->at++;
        items_add(p, factors, new_digits(p, str_of(scale)));
        return true;
    }
    bool letter = t->kind == TOKEN_NAME && t->roman && t->text.len == 1 && strchr("mgsLNJWVAKhCFTl", t->text.ptr[0]);
    letter = letter && is_plain_number(factors->items[factors->n - 1]);
    bool money = is_sign(p, SIGN_CURRENCY) && peek_at(p, 1)->kind != TOKEN_DIGITS;
    if (t->kind != TOKEN_WORDS && !letter && !money) return false;
    const Term *value = product_of(p, factors);
    if (value->kind == TERM_TEXT) return false;
    restart(factors, parse_units(p, value));
    return true;
}

const Term *parse_product(Parser *p) {
    Items factors = {0};
    items_add(p, &factors, parse_signed(p));
    while (!p->failed) {
        bool slash = is_sign(p, '/');
        if (take_words(p, &factors)) continue;
        if (take_sign(p, '*')) {
            items_add(p, &factors, parse_signed(p));
        } else if (slash || is_sign(p, SIGN_DIVIDE)) {
            p->at++;
            const Term *numerator = product_of(p, &factors);
            restart(&factors, new_two(p, TERM_DIVIDE, numerator, parse_denominator(p, numerator, slash)));
        } else if (take_sign(p, SIGN_MOD)) {
            const Term *of = product_of(p, &factors);
            restart(&factors, new_call(p, "mod", of, parse_denominator(p, of, true)));
        } else if (starts_factor(p)) {
            bool number = factors.items[factors.n - 1]->kind == TERM_NUMBER;
            if (number && is_kind(p, TOKEN_DIGITS)) return fail(p, "an operator between two numbers");
            items_add(p, &factors, parse_power(p));
        } else {
            break;
        }
    }
    return product_of(p, &factors);
}

// ---- Sums ----

static bool is_text(const Term *t) {
    return t->kind == TERM_TEXT || (t->kind == TERM_NEGATE && t->args[0]->kind == TERM_TEXT);
}

const Term *parse_sum(Parser *p) {
    if (!enter(p)) return fail(p, "a sum");
    Items terms = {0};
    if (!is_sign(p, SIGN_PLUS_MINUS) && !is_sign(p, SIGN_MINUS_PLUS)) items_add(p, &terms, parse_product(p));
    while (!p->failed) {
        bool turned = is_sign(p, SIGN_MINUS_PLUS);
        if (is_sign(p, '+')) {
            p->at++;
            items_add(p, &terms, parse_product(p));
        } else if (is_sign(p, '-')) {
            p->at++;
            items_add(p, &terms, new_one(p, TERM_NEGATE, parse_product(p)));
        } else if (turned || is_sign(p, SIGN_PLUS_MINUS)) {
            p->at++;
            const Term *centre = terms.n > 0 ? items_term(p, TERM_ADD, &terms) : new_digits(p, STR("0"));
            const Term *offset = parse_product(p);
            if (turned) offset = new_one(p, TERM_NEGATE, offset);
            terms.n = 0;
            items_add(p, &terms, new_two(p, TERM_PLUS_MINUS, centre, offset));
        } else {
            break;
        }
    }
    for (int32_t i = 0; i < terms.n && terms.n > 1; i++) {
        if (is_text(terms.items[i])) fail(p, "no words in a sum");
    }
    leave(p);
    return items_term(p, TERM_ADD, &terms);
}
