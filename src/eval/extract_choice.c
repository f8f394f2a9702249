// The letter of a multiple-choice answer.
#include "eval/extract_impl.h"

#include <assert.h>
#include <string.h>

typedef struct Choices {
    int n;
    bool small; // letters may be small
} Choices;

// 'A' + the choice that the letter says, 0 for another.
static char choice_of(char c, const Choices *choices) {
    if (c >= 'A' && c < 'A' + choices->n) return c;
    return choices->small && c >= 'a' && c < 'a' + choices->n ? (char)(c - 'a' + 'A') : 0;
}

static bool is_word_byte(char c) { return extract_is_letter(c) || extract_is_digit(c) || c == '_' || c == '\''; }

// Whether the byte at `at` is a word of one letter. Of other scripts' letters ("B不") only Latin ones would go on a word.
static bool stands_alone(Str text, size_t at) {
    if (at > 0 && (is_word_byte(text.ptr[at - 1]) || text.ptr[at - 1] == '\\')) return false;
    if (at + 1 >= text.len) return true;
    unsigned char next = (unsigned char)text.ptr[at + 1];
    return !is_word_byte((char)next) && next != 0xC3 && next != 0xC4 && next != 0xC5;
}

// The article: "A" or "a" with a space and a word in small letters after it.
static bool is_article(Str text, size_t at) {
    return (text.ptr[at] | 0x20) == 'a' && at + 2 < text.len && text.ptr[at + 1] == ' ' && text.ptr[at + 2] >= 'a' &&
           text.ptr[at + 2] <= 'z' && !extract_starts_word(text, at + 2, "is ") && !extract_starts_word(text, at + 2, "because") &&
           !extract_starts_word(text, at + 2, "and ") && !extract_starts_word(text, at + 2, "since");
}

// A small letter is a choice only where nothing but marks follows it: "Answer: c", "(b)", never "a number".
static bool small_is_marked(Str text, size_t at) {
    return at + 1 >= text.len || strchr(".),:;*]}\n\"'`", text.ptr[at + 1]) != NULL;
}

static bool is_choice_at(Str text, size_t at, const Choices *choices) {
    if (choice_of(text.ptr[at], choices) == 0 || !stands_alone(text, at) || is_article(text, at)) return false;
    bool small = text.ptr[at] >= 'a';
    return !small || small_is_marked(text, at);
}

static const char *first_choice(Str text, const Choices *choices) {
    for (size_t at = 0; at < text.len; at++) {
        if (is_choice_at(text, at, choices)) return text.ptr + at;
    }
    return NULL;
}

static const char *last_choice(Str text, const Choices *choices) {
    for (size_t at = text.len; at-- > 0;) {
        if (is_choice_at(text, at, choices)) return text.ptr + at;
    }
    return NULL;
}

// Beyond the closing mark: "(C)", "**C**", "[C]".
static const char *last_marked(Str text, const Choices *choices) {
    for (size_t at = text.len; at-- > 1;) {
        char before = text.ptr[at - 1], after = at + 1 < text.len ? text.ptr[at + 1] : ' ';
        bool marked = (before == '(' && after == ')') || (before == '[' && after == ']') ||
                      (before == '*' && (after == '*' || after == '.' || after == ')' || after == ':'));
        if (marked && choice_of(text.ptr[at], choices) != 0) return text.ptr + at;
    }
    return NULL;
}

// Of the text as a whole: "C", "(C)", "C. because", "**C**: the", "B。".
static const char *leading_choice(Str text, const Choices *choices) {
    static const char *const ends[] = {".", ")", ":", ",", "]", "*", "。", "、", "：", "）"};
    text = str_trim(text);
    size_t at = 0;
    while (at < text.len && strchr("([*\"'`$", text.ptr[at]) != NULL && text.ptr[at] != '\0') at++;
    if (at >= text.len || choice_of(text.ptr[at], choices) == 0) return NULL;
    Str rest = {text.ptr + at + 1, text.len - at - 1};
    if (rest.len == 0) return text.ptr + at;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (extract_starts_word(rest, 0, ends[i])) return text.ptr + at;
    }
    return NULL;
}

#define SAID_MAX_BYTES 200 // of an announced answer: a choice that comes later belongs to something else

static const char *announced_choice(Str text, const Choices *choices) {
    Str rest;
    for (size_t before = text.len; extract_announced(text, &before, &rest);) {
        size_t end = 0;
        while (end < rest.len && end < SAID_MAX_BYTES && rest.ptr[end] != '\n') end++;
        const char *found = first_choice((Str){rest.ptr, end}, choices);
        if (found != NULL) return found;
    }
    return NULL;
}

// Lines from the last one up that hold nothing but a choice: "C", "**(C)**", "C.".
static const char *line_choice(Str text, const Choices *choices) {
    for (size_t end = text.len; end > 0;) {
        size_t from = end;
        while (from > 0 && text.ptr[from - 1] != '\n') from--;
        Str line = str_trim((Str){text.ptr + from, end - from});
        if (line.len > 0 && line.len <= 12) {
            Str tidy = extract_tidy(line);
            if (tidy.len >= 3 && strchr("([", tidy.ptr[0]) != NULL) tidy = extract_slice(tidy, 1, tidy.len - 1);
            if (tidy.len == 1 && choice_of(tidy.ptr[0], choices) != 0) return tidy.ptr;
        }
        end = from > 0 ? from - 1 : 0;
    }
    return NULL;
}

static const char *find_choice(Str region, int n, ExtractRule *rule) {
    const Choices any = {n, true}, capital = {n, false};
    const char *found = NULL;
    *rule = EXTRACT_BOXED;
    Str boxed = extract_last_boxed(region);
    if (boxed.ptr != NULL) found = boxed.len == 1 && choice_of(*boxed.ptr, &any) ? boxed.ptr : first_choice(boxed, &any);
    if (found != NULL) return found;
    *rule = EXTRACT_PHRASE;
    if ((found = announced_choice(region, &any)) != NULL) return found;
    *rule = EXTRACT_WHOLE;
    if ((found = line_choice(region, &any)) != NULL) return found;
    if ((found = leading_choice(region, &capital)) != NULL) return found;
    *rule = EXTRACT_LAST_MATH;
    if ((found = last_marked(region, &capital)) != NULL) return found;
    return last_choice(region, &capital);
}

char extract_choice(Str text, const ExtractSettings *settings, int n_choices, Extracted *where) {
    assert(n_choices >= 2 && n_choices <= 26);
    Extracted none = {.rule = EXTRACT_NONE};
    if (where != NULL) *where = none;
    Str region;
    bool tagged;
    if (!extract_region(text, settings, &region, &tagged)) return 0;
    ExtractRule rule;
    const char *found = find_choice(region, n_choices, &rule);
    if (found == NULL) return 0;
    size_t from = (size_t)(found - text.ptr);
    if (where != NULL) *where = (Extracted){{found, 1}, from, from + 1, tagged ? EXTRACT_TAGS : rule};
    const Choices any = {n_choices, true};
    return choice_of(*found, &any);
}
