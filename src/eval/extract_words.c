// Letters, ends and joints of texts: what the finders of answers share.
#include "eval/extract_impl.h"

#include <string.h>

bool extract_is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool extract_is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool extract_is_digit(char c) { return c >= '0' && c <= '9'; }

Str extract_slice(Str text, size_t from, size_t to) { return str_trim((Str){text.ptr + from, to - from}); }

bool extract_starts_word(Str text, size_t at, const char *word) {
    size_t n = strlen(word);
    if (at > text.len || n > text.len - at) return false;
    for (size_t i = 0; i < n; i++) {
        char c = text.ptr[at + i];
        if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
        if (c != word[i]) return false;
    }
    return true;
}

static bool strip_both(Str *text, Str left, Str right) {
    if (text->len < left.len + right.len || !str_starts(*text, left) || !str_ends(*text, right)) return false;
    *text = extract_slice(*text, left.len, text->len - right.len);
    return true;
}

// Only where nothing inside closes the math before its end.
static bool strip_math(Str *text) {
    static const struct {
        Str open, close, not_inside;
    } marks[] = {{{"$$", 2}, {"$$", 2}, {"$", 1}},
                 {{"$", 1}, {"$", 1}, {"$", 1}},
                 {{"\\(", 2}, {"\\)", 2}, {"\\)", 2}},
                 {{"\\[", 2}, {"\\]", 2}, {"\\]", 2}}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        Str inside = *text;
        if (strip_both(&inside, marks[i].open, marks[i].close) && str_find(inside, marks[i].not_inside, 0) < 0) {
            *text = inside;
            return true;
        }
    }
    return false;
}

static bool strip_once(Str *text) {
    static const Str pairs[] = {{"**", 2}, {"`", 1}, {"\"", 1}, {"“", 3}};
    static const Str closing[] = {{"**", 2}, {"`", 1}, {"\"", 1}, {"”", 3}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strip_both(text, pairs[i], closing[i])) return true;
    }
    if (strip_math(text)) return true;
    static const Str ends[] = {{".", 1}, {",", 1}, {";", 1}, {":", 1}, {"**", 2}, {"。", 3}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (str_ends(*text, ends[i]) && !str_ends(*text, STR("\\right.")) && !str_ends(*text, STR("\\left."))) {
            bool escaped = ends[i].len == 1 && text->len >= 2 && text->ptr[text->len - 2] == '\\'; // \, is a space
            *text = extract_slice(*text, 0, text->len - ends[i].len - escaped);
            return true;
        }
    }
    static const Str starts[] = {{"**", 2}, {":", 1}};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (str_starts(*text, starts[i])) {
            *text = extract_slice(*text, starts[i].len, text->len);
            return true;
        }
    }
    return false;
}

Str extract_tidy(Str text) {
    text = str_trim(text);
    for (int i = 0; i < 8 && text.len > 0 && strip_once(&text); i++) {
    }
    return text;
}

// "\text{ for part (a) and }": words that end in "and" or "or"; their length, or 0
static size_t joining_text(Str text, size_t at) {
    Str rest = {text.ptr + at, text.len - at};
    ptrdiff_t end = str_starts(rest, STR("\\text{")) ? str_find(rest, STR("}"), 0) : -1;
    if (end < 0) return 0;
    Str words = str_trim((Str){rest.ptr + 6, (size_t)end - 6});
    return str_ends(words, STR(" and")) || str_ends(words, STR(" or")) ? (size_t)end + 1 : 0;
}

// Longer joints than this are sentences.
#define CONNECTOR_MAX_BYTES 64

bool extract_is_connector(Str text, size_t from, size_t to, bool words_only) {
    static const struct {
        const char *text;
        int joins; // 1: as a mark, 2: as a word
    } parts[] = {{"\\text{", 0}, {"\\textrm{", 0}, {"\\mathrm{", 0}, {"\\qquad", 0}, {"\\quad", 0}, {"\\,", 0},
                 {"\\;", 0},     {"\\ ", 0},       {"\\\\", 0},      {"\\(", 0},     {"\\)", 0},    {"\\[", 0},
                 {"\\]", 0},     {"$", 0},         {"}", 0},         {"**", 0},      {"and", 2},    {"or", 2},
                 {",", 1},       {";", 1},         {"&", 1},         {"\\", 0}};
    if (from > to || to - from > CONNECTOR_MAX_BYTES) return false;
    bool joined = false;
    for (size_t at = from; at < to;) {
        if (extract_is_space(text.ptr[at])) {
            if (text.ptr[at] == '\n') return false;
            at++;
            continue;
        }
        size_t words = joining_text((Str){text.ptr, to}, at);
        if (words > 0) {
            joined = true;
            at += words;
            continue;
        }
        size_t i = 0, n = sizeof parts / sizeof parts[0];
        while (i < n && !extract_starts_word((Str){text.ptr, to}, at, parts[i].text)) i++;
        if (i == n) return false;
        joined |= parts[i].joins > (words_only ? 1 : 0);
        at += strlen(parts[i].text);
    }
    return joined;
}
