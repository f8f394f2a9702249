// The last number of a text, and texts that are an expression and no prose.
#include "eval/extract_impl.h"

#include <string.h>

static size_t skip_digits(Str text, size_t at) {
    while (at < text.len && extract_is_digit(text.ptr[at])) at++;
    return at;
}

// Beyond ",123" and "{,}123": three digits, and no fourth. `at` where there is no such group.
static size_t skip_thousands(Str text, size_t at) {
    static const char *const separators[] = {",", "{,}", "\\,", "\\!", "{,}\\!", ",\\!"};
    for (size_t i = 0; i < sizeof separators / sizeof separators[0]; i++) {
        if (!extract_starts_word(text, at, separators[i])) continue;
        size_t from = at + strlen(separators[i]), to = from;
        while (to < text.len && to < from + 4 && extract_is_digit(text.ptr[to])) to++;
        if (to == from + 3) return to;
    }
    return at;
}

static bool digit_at(Str text, size_t at) { return at < text.len && extract_is_digit(text.ptr[at]); }

// Beyond ",74", a decimal comma with one or two digits that no further comma makes a list; `at` where none is.
static size_t skip_decimal_comma(Str text, size_t at) {
    if (at >= text.len || text.ptr[at] != ',' || !digit_at(text, at + 1)) return at;
    size_t end = at + 1;
    while (end < at + 4 && digit_at(text, end)) end++;
    bool list = end < text.len && text.ptr[end] == ',' && digit_at(text, end + 1);
    return end - at > 3 || list ? at : end;
}

// Beyond "12,345.67e-8" whose first digit (or point) is text[at].
static size_t skip_decimal(Str text, size_t at) {
    size_t end = skip_digits(text, at), group;
    if (end - at <= 3) {
        while ((group = skip_thousands(text, end)) > end) end = group;
    }
    if (end < text.len && text.ptr[end] == '.' && digit_at(text, end + 1)) end = skip_digits(text, end + 1);
    else end = skip_decimal_comma(text, end);
    if (end < text.len && (text.ptr[end] == 'e' || text.ptr[end] == 'E')) {
        size_t exponent = end + 1;
        if (exponent < text.len && (text.ptr[exponent] == '-' || text.ptr[exponent] == '+')) exponent++;
        if (digit_at(text, exponent)) end = skip_digits(text, exponent);
    }
    return end;
}

// Beyond "\frac{12}{-5}" that begins at text[at]; `at` where none does.
static size_t skip_frac(Str text, size_t at) {
    static const char *const names[] = {"\\frac{", "\\dfrac{", "\\tfrac{"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!extract_starts_word(text, at, names[i])) continue;
        size_t end = at + strlen(names[i]);
        for (int part = 0; part < 2; part++) {
            if (end < text.len && text.ptr[end] == '-') end++;
            if (!digit_at(text, end)) return at;
            end = skip_decimal(text, end);
            if (end >= text.len || text.ptr[end] != '}') return at;
            end++;
            if (part == 0 && (end >= text.len || text.ptr[end++] != '{')) return at;
        }
        return end;
    }
    return at;
}

// Beyond a number's fraction or the fraction that makes it mixed: "/4" and " 3/4".
static size_t skip_fraction(Str text, size_t at) {
    if (at < text.len && text.ptr[at] == '/' && digit_at(text, at + 1)) return skip_decimal(text, at + 1);
    if (at < text.len && text.ptr[at] == ' ' && digit_at(text, at + 1)) {
        size_t slash = skip_digits(text, at + 1);
        if (slash < text.len && text.ptr[slash] == '/' && digit_at(text, slash + 1)) return skip_digits(text, slash + 1);
    }
    if (at < text.len && text.ptr[at] == ' ' && skip_frac(text, at + 1) > at + 1) return skip_frac(text, at + 1);
    return at;
}

static size_t skip_percent(Str text, size_t at) {
    static const char *const signs[] = {"%", "\\%", " %", " \\%"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (extract_starts_word(text, at, signs[i])) return at + strlen(signs[i]);
    }
    return at;
}

// A minus before text[at], unless it subtracts or joins ("7-5", "x-2"); the euro's or the dollar's sign may stand between.
static size_t with_sign(Str text, size_t at) {
    size_t from = at;
    if (from > 0 && text.ptr[from - 1] == '$') from--;
    size_t minus = 0;
    if (from > 0 && text.ptr[from - 1] == '-') minus = 1;
    if (from >= 3 && memcmp(text.ptr + from - 3, "\xe2\x88\x92", 3) == 0) minus = 3; // U+2212
    if (minus == 0) return at;
    if (from == minus) return 0;
    char before = text.ptr[from - minus - 1];
    bool subtracts = extract_is_letter(before) || extract_is_digit(before) || before == ')' || before == '-';
    return subtracts ? at : from - minus;
}

// "is", "=", "equals" and the like right before text[at], but for white space, stars and currency signs.
static bool is_said(Str text, size_t at) {
    static const char *const words[] = {"=", "is", "are", "be", "equals", "get", "gives", "equal to", "of", "by", "have",
                                        "就是", "是", "为", "has", "total", "about", "approximately", "exactly", "only"};
    while (at > 0 && strchr(" \t\n*$(", text.ptr[at - 1]) != NULL && text.ptr[at - 1] != '\0') at--;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i]);
        if (n > at || !extract_starts_word(text, at - n, words[i])) continue;
        if (words[i][0] == '=' || at == n || !extract_is_letter(text.ptr[at - n - 1])) return true;
    }
    return false;
}

static bool begins_number(Str text, size_t at) {
    char c = text.ptr[at];
    bool digits = extract_is_digit(c) || (c == '.' && digit_at(text, at + 1));
    if (!digits) return c == '\\' && skip_frac(text, at) > at;
    if (at == 0) return true;
    char before = text.ptr[at - 1];
    // "x2", "a_1", "AZ2" are names; the point of "x2.5" and of "1.2.3" begins nothing
    return !extract_is_letter(before) && before != '_' && !(c == '.' && extract_is_digit(before));
}

Str extract_last_number(Str text, bool said) {
    Str last = EXTRACT_NOTHING;
    for (size_t at = 0; at < text.len;) {
        char c = text.ptr[at];
        if (!begins_number(text, at)) {
            at = extract_is_digit(c) ? skip_decimal(text, at) : at + 1;
            continue;
        }
        size_t end = c == '\\' ? skip_frac(text, at) : skip_fraction(text, skip_decimal(text, at));
        end = skip_percent(text, end);
        size_t from = with_sign(text, at);
        if (!said || is_said(text, from)) last = (Str){text.ptr + from, end - from};
        at = end;
    }
    return last;
}

#define EXPRESSION_MAX_BYTES 1024

static bool is_one_of(Str word, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strlen(words[i]) == word.len && extract_starts_word(word, 0, words[i])) return true;
    }
    return false;
}

// Words of sentences: of two letters ("ab" is a product) those that sentences are made of, of more all but the names of
// functions, relations and units that stand in expressions without a backslash.
static bool is_prose_word(Str word) {
    static const char *const two[] = {"is", "it", "of", "to", "we", "so", "in", "at", "by", "an", "he", "be", "if", "as"};
    static const char *const math[] = {"sin", "cos", "tan", "cot", "sec", "csc", "log", "exp", "sqrt", "and", "arcsin",
                                       "arccos", "arctan", "infinity", "mod", "min", "max", "pmod", "inf", "gcd", "lcm",
                                       "percent", "pct", "degrees", "abs", "floor"};
    if (word.len < 2) return false;
    if (word.len == 2) return is_one_of(word, two, sizeof two / sizeof two[0]);
    return !is_one_of(word, math, sizeof math / sizeof math[0]);
}

// Words that are no commands; those in \text{} count too.
static size_t count_words(Str text) {
    size_t words = 0;
    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        while (at < text.len && extract_is_letter(text.ptr[at])) at++;
        bool command = from > 0 && text.ptr[from - 1] == '\\';
        if (!command && is_prose_word((Str){text.ptr + from, at - from})) words++;
        at += at == from;
    }
    return words;
}

bool extract_is_expression(Str text) {
    if (text.len == 0 || text.len > EXPRESSION_MAX_BYTES || memchr(text.ptr, '\n', text.len) != NULL) return false;
    for (size_t at = 0; at < text.len; at++) {
        unsigned char c = (unsigned char)text.ptr[at];
        // Latin-1 (a degree, a product), Greek, and U+2000 .. U+2FFF (relations, roots); other scripts are prose
        bool lead = c >= 0xC0, symbol = c == 0xC2 || c == 0xC3 || c == 0xCE || c == 0xCF || c == 0xE2;
        if (lead && !symbol) return false;
    }
    bool number_first = begins_number(text, 0) || strchr("-+$.\\(", text.ptr[0]) != NULL;
    return count_words(text) <= (number_first ? 2 : 0);
}
