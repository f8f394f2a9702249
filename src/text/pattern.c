#include "text/pattern.h"

#include <string.h>

const char PATTERN_DIGIT[] = "\\p{N}";
const char PATTERN_GPT2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const char PATTERN_QWEN2[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
                             " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const char PATTERN_LLAMA3[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
                              " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

typedef struct Scan {
    Str in;
    size_t at;
    bool in_class;
    Buf *out;
} Scan;

static Str rest(const Scan *s) { return (Str){s->in.ptr + s->at, s->in.len - s->at}; }
static char peek(const Scan *s, size_t ahead) { return s->at + ahead < s->in.len ? s->in.ptr[s->at + ahead] : 0; }

static bool take(Scan *s, size_t count) {
    buf_add(s->out, s->in.ptr + s->at, count);
    s->at += count;
    return true;
}

static bool replace(Scan *s, size_t count, const char *text) {
    buf_add_text(s->out, text);
    s->at += count;
    return true;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// \p{L}, \P{Lu}: general categories alone. Scripts and other properties go by other names or rules in PCRE2.
static bool scan_category(Scan *s) {
    size_t n = peek(s, 3) >= 'A' && peek(s, 3) <= 'Z' ? 4 : 0;
    if (peek(s, 2) != '{' || n == 0) return false;
    if (peek(s, n) >= 'a' && peek(s, n) <= 'z') n++;
    return peek(s, n) == '}' && take(s, n + 1);
}

// \s is the property White_Space in Oniguruma; PCRE2's own \s has U+180E besides.
static bool scan_escape(Scan *s) {
    char c = peek(s, 1);
    if (c == 0) return false;
    if (c == 's') return replace(s, 2, "\\p{White_Space}");
    if (c == 'S') return replace(s, 2, "\\P{White_Space}");
    if (c == 'p' || c == 'P') return scan_category(s);
    return (strchr("rntdD", c) != NULL || strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", c) != NULL) && take(s, 2);
}

static bool scan_class(Scan *s) {
    char c = peek(s, 0);
    if (c == '[' || (c == '&' && peek(s, 1) == '&')) return false; // sets within sets
    if (c == ']') s->in_class = false;
    return take(s, 1);
}

static bool scan_class_begin(Scan *s) {
    size_t n = peek(s, 1) == '^' ? 2 : 1;
    s->in_class = true;
    return peek(s, n) != ']' && take(s, n);
}

static bool scan_group(Scan *s) {
    static const char *const heads[] = {"(?i:", "(?:", "(?!", "(?="};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (str_starts(rest(s), str_of(heads[i]))) return take(s, strlen(heads[i]));
    }
    return peek(s, 1) != '?' && peek(s, 1) != '*' && take(s, 1);
}

static bool scan_group_end(Scan *s) {
    char c = peek(s, 1);
    return c != '*' && c != '+' && c != '{' && take(s, 1);
}

// {n}, {n,}, {n,m}: followed by + or ? they mean another thing in each.
static bool scan_count(Scan *s) {
    size_t n = 1;
    while (is_digit(peek(s, n))) n++;
    if (n == 1) return false;
    if (peek(s, n) == ',') n++;
    while (is_digit(peek(s, n))) n++;
    char after = peek(s, n + 1);
    return peek(s, n) == '}' && n < 10 && after != '+' && after != '?' && after != '*' && after != '{' &&
           take(s, n + 1);
}

static bool scan_one(Scan *s) {
    char c = peek(s, 0);
    if (c == '\\') return scan_escape(s);
    if (s->in_class) return scan_class(s);
    switch (c) {
    case '[': return scan_class_begin(s);
    case '(': return scan_group(s);
    case ')': return scan_group_end(s);
    case '{': return scan_count(s);
    default: return c != 0 && strchr(".^$]}", c) == NULL && take(s, 1);
    }
}

bool pattern_translate(Str pattern, const char *source, Buf *out, Error *error) {
    if (pattern.len == 0 || pattern.len > PATTERN_MAX_BYTES) {
        return error_set(error, "%s: a split pattern of %zu bytes: expected 1 to %d", source, pattern.len,
                         PATTERN_MAX_BYTES);
    }
    Scan s = {.in = pattern, .out = out};
    while (s.at < pattern.len) {
        if (scan_one(&s)) continue;
        int shown = pattern.len - s.at < 16 ? (int)(pattern.len - s.at) : 16;
        return error_set(error, "%s: split pattern: \"%.*s\" at byte %zu is not known", source, shown,
                         pattern.ptr + s.at, s.at);
    }
    return !s.in_class || error_set(error, "%s: split pattern: a set without its end", source);
}
