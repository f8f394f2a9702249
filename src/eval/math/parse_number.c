// Numbers: 12, 1,000, .5, 0.1\overline{6}, 0.333..., 2.5E2, 101_2, 3 1/2.
#include <ctype.h>
#include <string.h>

#include "eval/math/parse_impl.h"

typedef struct Digits { // as they come
    char *text;
    size_t n, capacity;
} Digits;

static void add_digits(Parser *p, Digits *d, Str more) {
    if (d->n + more.len > TERM_MAX_DIGITS) {
        fail(p, "a number of at most 4096 digits");
        return;
    }
    if (d->text == NULL) d->text = arena_alloc(p->arena, d->capacity = more.len + 8, 1);
    if (d->n + more.len > d->capacity) {
        char *old = d->text;
        d->text = arena_alloc(p->arena, d->capacity = 2 * (d->n + more.len), 1);
        memcpy(d->text, old, d->n);
    }
    memcpy(d->text + d->n, more.ptr, more.len);
    d->n += more.len;
}

static bool digits_at(const Parser *p, size_t offset, bool spaced) {
    const Token *t = peek_at(p, offset);
    return t->kind == TOKEN_DIGITS && (spaced || !t->spaced);
}

static bool three_at(const Parser *p, size_t offset, bool spaced) {
    return digits_at(p, offset, spaced) && peek_at(p, offset)->text.len == 3;
}

// ---- Thousands ----

// Tokens of a separator before three digits: "," and "{,}", nothing (thin space), or a space. 0: none.
static size_t separator(const Parser *p) {
    if (is_code_at(p, 0, TOKEN_OPEN, BRACKET_GROUP) && is_code_at(p, 1, TOKEN_SIGN, ',') &&
        is_code_at(p, 2, TOKEN_CLOSE, BRACKET_GROUP) && three_at(p, 3, true)) {
        return 3;
    }
    if (p->commas_split || !is_sign(p, ',') || peek(p)->spaced) return 0;
    return three_at(p, 1, false) ? 1 : 0;
}

// A space parts thousands where no fraction follows: "10 000", not "3 100/200".
static bool spaced_thousands(const Parser *p) {
    return three_at(p, 0, true) && !(is_code_at(p, 1, TOKEN_SIGN, '/') && peek(p)->spaced);
}

static void read_thousands(Parser *p, Digits *d) {
    size_t lead = d->n;
    bool grouped = lead >= 1 && lead <= 3 && d->text[0] != '0';
    while (grouped && !p->failed) {
        size_t skip = separator(p);
        if (skip == 0 && !spaced_thousands(p)) return;
        p->at += skip;
        add_digits(p, d, peek(p)->text);
        p->at++;
    }
}

// "1000,99", "0,05", "$2,74": a comma before decimals, where neither thousands nor a list can be meant.
static bool decimal_comma(const Parser *p, const Digits *d) {
    if (p->commas_split || p->inside > 0 || !is_sign(p, ',')) return false;
    if (peek(p)->spaced || !digits_at(p, 1, false)) return false;
    Str after = peek_at(p, 1)->text;
    if (is_code_at(p, 2, TOKEN_SIGN, ',') || (p->at > 1 && p->tokens[p->at - 2].code == ',')) return false;
    bool money = p->at > 1 && p->tokens[p->at - 2].code == SIGN_CURRENCY && p->tokens[p->at - 2].kind == TOKEN_SIGN;
    if (after.len >= 2 && after.ptr[0] == '0') return after.len != 3 || d->n > 3 || d->text[0] == '0';
    return after.len == 2 && (d->n >= 4 || money);
}

// ---- Decimals ----

static Str block_repeated(Str decimals) { // what "333..." and "1212..." go on with; empty where nothing shows it
    for (size_t k = 1; 2 * k <= decimals.len; k++) {
        size_t times = 1;
        const char *end = decimals.ptr + decimals.len;
        while ((times + 1) * k <= decimals.len && memcmp(end - k, end - (times + 1) * k, k) == 0)
            times++;
        if (times >= (k == 1 ? 3 : 2)) return (Str){end - k, k};
    }
    return (Str){0};
}

static void set_repeating(Term *t, Str block) { // the written repetitions of the block go
    size_t k = block.len, n = t->digits.len, decimals = (size_t)t->decimals;
    while (decimals >= k && memcmp(t->digits.ptr + n - k, block.ptr, k) == 0)
        n -= k, decimals -= k;
    t->repeat = block;
    t->digits.len = n;
    t->decimals = (int32_t)decimals;
}

static void read_repeating(Parser *p, Term *t) {
    bool over = is_command(p, "overline") || is_command(p, "bar") || is_command(p, "dot");
    if (over && is_code_at(p, 1, TOKEN_OPEN, BRACKET_GROUP) && peek_at(p, 2)->kind == TOKEN_DIGITS &&
        is_code_at(p, 3, TOKEN_CLOSE, BRACKET_GROUP)) {
        t->repeat = peek_at(p, 2)->text;
        p->at += 4;
    } else if (is_sign(p, SIGN_DOTS)) {
        p->at++;
        Str decimals = {t->digits.ptr + t->digits.len - (size_t)t->decimals, (size_t)t->decimals};
        Str block = block_repeated(decimals);
        if (block.len > 0) set_repeating(t, block);
    }
}

static Term *read_decimal(Parser *p) {
    Digits d = {0};
    if (is_kind(p, TOKEN_DIGITS)) {
        add_digits(p, &d, peek(p)->text);
        p->at++;
        read_thousands(p, &d);
    }
    size_t whole = d.n;
    bool comma = d.n > 0 && decimal_comma(p, &d);
    bool point = comma || (is_sign(p, '.') && (whole == 0 || !peek(p)->spaced));
    if (point && (digits_at(p, 1, false) || peek_at(p, 1)->kind == TOKEN_COMMAND)) {
        p->at++;
        while (digits_at(p, 0, false) && !p->failed) {
            add_digits(p, &d, peek(p)->text);
            p->at++;
        }
    } else if (point && (peek_at(p, 1)->kind == TOKEN_END || is_code_at(p, 1, TOKEN_SIGN, ','))) {
        p->at++; // "4."
    }
    Term *t = new_term(p, TERM_NUMBER, 0);
    t->digits = d.n > 0 ? (Str){d.text, d.n} : STR("0");
    t->decimals = d.n > 0 ? (int32_t)(d.n - whole) : 0;
    if (point) read_repeating(p, t);
    return t;
}

// ---- What may follow ----

// E2, e-07. A small e is one only where nothing else can be meant: 2e-3 is 2e - 3.
static const Term *read_exponent(Parser *p, const Term *mantissa) {
    const Token *e = peek(p);
    bool small = e->kind == TOKEN_CONSTANT && str_equal(e->text, STR("e"));
    bool capital = e->kind == TOKEN_NAME && str_equal(e->text, STR("E"));
    if (e->spaced || !(small || capital)) return mantissa;
    bool minus = is_code_at(p, 1, TOKEN_SIGN, '-'), plus = is_code_at(p, 1, TOKEN_SIGN, '+');
    size_t at = minus || plus ? 2 : 1;
    if (!digits_at(p, at, false) || (at == 2 && peek_at(p, 1)->spaced)) return mantissa;
    Str digits = peek_at(p, at)->text;
    if (small && at == 2 && mantissa->decimals == 0 && digits.len < 2) return mantissa;
    p->at += at + 1;
    const Term *exponent = new_digits(p, digits);
    if (minus) exponent = new_one(p, TERM_NEGATE, exponent);
    return new_two(p, TERM_MULTIPLY, mantissa, new_two(p, TERM_POWER, new_digits(p, STR("10")), exponent));
}

static Str base_word(Str word) { // "two" as digits; empty where it is none
    static const char *const words[][2] = {
        {"two", "2"},     {"three", "3"},   {"four", "4"},      {"five", "5"},      {"six", "6"},
        {"seven", "7"},   {"eight", "8"},   {"nine", "9"},      {"ten", "10"},      {"eleven", "11"},
        {"twelve", "12"}, {"thirteen", "13"}, {"fourteen", "14"}, {"fifteen", "15"}, {"sixteen", "16"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_equal(word, str_of(words[i][0]))) return str_of(words[i][1]);
    }
    return (Str){0};
}

// Of the base's subscript after the digits' tokens: its digits; empty where there is none. _2, _{2}, _{(2)}, _{two}
static Str base_at(const Parser *p, size_t offset, size_t *length) {
    if (!is_code_at(p, offset++, TOKEN_SIGN, '_')) return (Str){0};
    size_t group = is_code_at(p, offset, TOKEN_OPEN, BRACKET_GROUP);
    size_t round = group > 0 && is_code_at(p, offset + 1, TOKEN_OPEN, BRACKET_ROUND);
    const Token *t = peek_at(p, offset + group + round);
    Str base = t->kind == TOKEN_DIGITS ? t->text : t->kind == TOKEN_WORDS ? base_word(t->text) : (Str){0};
    offset += group + round + 1;
    if (round > 0 && !is_code_at(p, offset++, TOKEN_CLOSE, BRACKET_ROUND)) return (Str){0};
    if (group > 0 && !is_code_at(p, offset++, TOKEN_CLOSE, BRACKET_GROUP)) return (Str){0};
    *length = offset;
    return base;
}

// 152A_{11}: digits beyond 9 are letters. NULL where no base follows.
static const Term *read_base(Parser *p) {
    size_t n = 0, length = 0;
    Digits d = {0};
    bool letters = false;
    for (; n < 64; n++) {
        const Token *t = peek_at(p, n);
        bool letter = (t->kind == TOKEN_NAME || t->kind == TOKEN_CONSTANT) && t->text.len == 1 &&
                      isupper((unsigned char)t->text.ptr[0]);
        bool point = t->kind == TOKEN_SIGN && t->code == '.' && n > 0;
        if (!(t->kind == TOKEN_DIGITS || letter || point) || (n > 0 && t->spaced)) break;
        letters |= letter;
    }
    Str base = base_at(p, n, &length);
    if (base.len == 0) return NULL;
    const Term *value = NULL;
    for (size_t i = 0; i < n; i++)
        add_digits(p, &d, peek_at(p, i)->text);
    if (!letters) value = read_decimal(p);
    p->at += length - (letters ? 0 : n);
    Term *t = new_term(p, TERM_BASE, 2);
    t->name = (Str){d.text, d.n};
    t->args[0] = letters ? new_name(p, TERM_SYMBOL, t->name) : value;
    t->args[1] = new_digits(p, base);
    return t;
}

static bool is_smaller(Str a, Str b) { // of numbers as digits
    while (a.len > 1 && a.ptr[0] == '0')
        a.ptr++, a.len--;
    while (b.len > 1 && b.ptr[0] == '0')
        b.ptr++, b.len--;
    return a.len != b.len ? a.len < b.len : memcmp(a.ptr, b.ptr, a.len) < 0;
}

// A whole number as an argument at `offset`: {12} or one digit of a run
static Str argument_at(const Parser *p, size_t *offset, size_t *digit) {
    bool group = is_code_at(p, *offset, TOKEN_OPEN, BRACKET_GROUP);
    const Token *t = peek_at(p, *offset + group);
    if (t->kind != TOKEN_DIGITS) return (Str){0};
    if (group) {
        if (!is_code_at(p, *offset + 2, TOKEN_CLOSE, BRACKET_GROUP)) return (Str){0};
        *offset += 3;
        return t->text;
    }
    Str one = {t->text.ptr + *digit, 1};
    *digit += 1;
    if (*digit == t->text.len) *offset += 1, *digit = 0;
    return one;
}

static bool whole_fraction_at(const Parser *p) { // \frac of whole numbers that is proper
    size_t offset = 1, digit = 0;
    if (!is_command(p, "frac")) return false;
    Str over = argument_at(p, &offset, &digit);
    if (over.len == 0 || (digit > 0 && is_code_at(p, offset, TOKEN_OPEN, BRACKET_GROUP))) return false;
    Str under = argument_at(p, &offset, &digit);
    return under.len > 0 && digit == 0 && is_smaller(over, under);
}

// 3 1/2, 3\frac12: a whole number and a proper fraction of whole numbers
static const Term *read_mixed(Parser *p, const Term *whole) {
    if (!is_whole(whole)) return whole;
    if (is_kind(p, TOKEN_DIGITS) && is_code_at(p, 1, TOKEN_SIGN, '/') && peek_at(p, 2)->kind == TOKEN_DIGITS) {
        Str over = peek(p)->text, under = peek_at(p, 2)->text;
        if (!is_smaller(over, under)) return fail(p, "a proper fraction after a whole number");
        p->at += 3;
        return new_two(p, TERM_MIXED, whole, new_two(p, TERM_DIVIDE, new_digits(p, over), new_digits(p, under)));
    }
    if (!whole_fraction_at(p)) return whole;
    return new_two(p, TERM_MIXED, whole, parse_atom(p));
}

const Term *parse_number(Parser *p) {
    const Term *based = read_base(p);
    if (based != NULL) return based;
    const Term *number = read_decimal(p);
    const Term *scaled = read_exponent(p, number);
    return scaled != number ? scaled : read_mixed(p, number);
}
