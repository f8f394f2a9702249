#include "eval/code/compare.h"

#include <string.h>

// A decimal as digits without zeros at either end times 10^exponent; zero has no digits.
typedef struct Decimal {
    bool negative;
    char kind; // 'n': a number, 'i': infinity
    Str first, second; // digits before and after the point
    int64_t exponent;  // of the last digit of `second`
} Decimal;

#define EXPONENT_MAX 1000000000

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static Str take_digits(Str text, size_t *at) {
    size_t from = *at;
    while (*at < text.len && is_digit(text.ptr[*at])) ++*at;
    return (Str){text.ptr + from, *at - from};
}

static bool same_letters(Str text, const char *word) { return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0; }

// The form of Python's Decimal, NaN aside, which equals nothing.
static bool read_decimal(Str text, Decimal *d) {
    *d = (Decimal){.kind = 'n'};
    size_t at = 0;
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')) d->negative = text.ptr[at++] == '-';
    Str rest = {text.ptr + at, text.len - at};
    if (same_letters(rest, "inf") || same_letters(rest, "infinity")) {
        d->kind = 'i';
        return true;
    }
    d->first = take_digits(text, &at);
    if (at < text.len && text.ptr[at] == '.') {
        at++;
        d->second = take_digits(text, &at);
    }
    if (d->first.len + d->second.len == 0) return false;
    d->exponent = -(int64_t)d->second.len;
    if (at == text.len) return true;
    if (text.ptr[at] != 'e' && text.ptr[at] != 'E') return false;
    at++;
    bool minus = at < text.len && text.ptr[at] == '-';
    if (at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+')) at++;
    Str digits = take_digits(text, &at);
    int64_t exponent = 0;
    for (size_t i = 0; i < digits.len && exponent <= EXPONENT_MAX; i++) exponent = 10 * exponent + (digits.ptr[i] - '0');
    d->exponent += minus ? -exponent : exponent;
    return digits.len > 0 && at == text.len && exponent <= EXPONENT_MAX;
}

static char digit_of(const Decimal *d, size_t i) {
    return i < d->first.len ? d->first.ptr[i] : d->second.ptr[i - d->first.len];
}

// Its digits are [*from, *to) of both parts as one; *exponent that of the last of them.
static void strip_zeros(const Decimal *d, size_t *from, size_t *to, int64_t *exponent) {
    *from = 0;
    *to = d->first.len + d->second.len;
    *exponent = d->exponent;
    while (*from < *to && digit_of(d, *from) == '0') ++*from;
    while (*to > *from && digit_of(d, *to - 1) == '0') --*to, ++*exponent;
}

static bool same_decimal(const Decimal *a, const Decimal *b) {
    if (a->kind != b->kind) return false;
    if (a->kind == 'i') return a->negative == b->negative;
    size_t from_a, to_a, from_b, to_b;
    int64_t exponent_a, exponent_b;
    strip_zeros(a, &from_a, &to_a, &exponent_a);
    strip_zeros(b, &from_b, &to_b, &exponent_b);
    if (to_a == from_a || to_b == from_b) return to_a == from_a && to_b == from_b;
    if (a->negative != b->negative || exponent_a != exponent_b || to_a - from_a != to_b - from_b) return false;
    for (size_t i = 0; i < to_a - from_a; i++) {
        if (digit_of(a, from_a + i) != digit_of(b, from_b + i)) return false;
    }
    return true;
}

// The next word of *text, taken off it; false: nothing is left.
static bool next_word(Str *text, Str *word) {
    *text = str_trim(*text);
    if (text->len == 0) return false;
    size_t n = 0;
    while (n < text->len && text->ptr[n] != ' ' && !(text->ptr[n] >= '\t' && text->ptr[n] <= '\r')) n++;
    *word = (Str){text->ptr, n};
    *text = (Str){text->ptr + n, text->len - n};
    return true;
}

static bool same_numbers(Str line, Str expected) {
    Str word, other;
    bool any = false;
    while (next_word(&line, &word)) {
        Decimal a, b;
        if (!next_word(&expected, &other) || !read_decimal(word, &a) || !read_decimal(other, &b) || !same_decimal(&a, &b)) return false;
        any = true;
    }
    return any && !next_word(&expected, &other);
}

static Str next_line(Str *text) {
    const char *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
    Str line = {text->ptr, end != NULL ? (size_t)(end - text->ptr) : text->len};
    size_t used = line.len + (end != NULL);
    *text = (Str){text->ptr + used, text->len - used};
    return str_trim(line);
}

bool code_same_output(Str output, Str expected) {
    output = str_trim(output);
    expected = str_trim(expected);
    while (output.len > 0 && expected.len > 0) { // trimmed: neither ends in an empty line
        Str line = next_line(&output), other = next_line(&expected);
        if (!str_equal(line, other) && !same_numbers(line, other)) return false;
    }
    return output.len == 0 && expected.len == 0;
}

static bool as_number(const json_t *value, double *number, json_int_t *whole) {
    *whole = json_is_integer(value) ? json_integer_value(value) : json_is_true(value);
    *number = json_is_real(value) ? json_real_value(value) : (double)*whole;
    return json_is_number(value) || json_is_boolean(value);
}

bool code_same_value(const json_t *value, const json_t *expected) {
    double a, b;
    json_int_t whole_a, whole_b;
    bool is_number = as_number(value, &a, &whole_a);
    if (is_number != as_number(expected, &b, &whole_b)) return false;
    if (is_number) return json_is_real(value) || json_is_real(expected) ? a == b : whole_a == whole_b;
    if (json_typeof(value) != json_typeof(expected)) return false;
    if (json_is_array(value)) {
        if (json_array_size(value) != json_array_size(expected)) return false;
        for (size_t i = 0; i < json_array_size(value); i++) { // as deep as Jansson's parser allows, 2048
            if (!code_same_value(json_array_get(value, i), json_array_get(expected, i))) return false;
        }
        return true;
    }
    if (json_is_object(value)) {
        if (json_object_size(value) != json_object_size(expected)) return false;
        const char *key;
        json_t *member;
        json_object_foreach((json_t *)value, key, member) {
            const json_t *other = json_object_get(expected, key);
            if (other == NULL || !code_same_value(member, other)) return false;
        }
        return true;
    }
    if (json_is_string(value)) {
        return json_string_length(value) == json_string_length(expected) &&
               memcmp(json_string_value(value), json_string_value(expected), json_string_length(value)) == 0;
    }
    return json_is_null(value);
}
