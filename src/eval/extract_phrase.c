// Answers that are announced: "the final answer is", "ANSWER:", "#### 42".
#include "eval/extract_impl.h"

#include <string.h>

#define TOPIC_MAX_BYTES 80 // "the answer to the second question is"

static size_t skip(Str text, size_t at, const char *set) {
    while (at < text.len && text.ptr[at] != '\0' && strchr(set, text.ptr[at]) != NULL) at++;
    return at;
}

// Beyond one of `words` that ends there; at where none stands there.
static size_t skip_word(Str text, size_t at, const char *const *words, size_t n_words) {
    for (size_t i = 0; i < n_words; i++) {
        size_t end = at + strlen(words[i]);
        if (extract_starts_word(text, at, words[i]) && (end >= text.len || !extract_is_letter(text.ptr[end])))
            return end;
    }
    return at;
}

// Where the words on what the answer answers end: "to the question is".
static size_t skip_topic(Str text, size_t at) {
    static const char *const leads[] = {"to", "for", "in", "of", "choice", "option", "here", "that", "we", "therefore"};
    if (skip_word(text, at, leads, sizeof leads / sizeof leads[0]) == at) return at;
    for (size_t i = at; i < text.len && i < at + TOPIC_MAX_BYTES; i++) {
        char c = text.ptr[i];
        if (c == '\n' || c == '.') break;
        if (c == ':' || extract_starts_word(text, i, " is ") || extract_starts_word(text, i, " is:"))
            return skip(text, i, " ");
    }
    return at;
}

// Beyond "is", ":", "=" and the like after the word for an answer; false: none is there.
static bool skip_copula(Str text, size_t *at) {
    static const char *const copulas[] = {"is", "are", "was", "be", "will be", "would be", "equals", "est"};
    size_t i = skip_topic(text, skip(text, *at, " \t*_})")), from = i;
    i = skip_word(text, i, copulas, sizeof copulas / sizeof copulas[0]);
    size_t marks = skip(text, i, " \t*");
    static const char *const signs[] = {":", "=", "：", "是", "为", "→"};
    for (size_t k = 0; k < sizeof signs / sizeof signs[0]; k++) {
        if (!extract_starts_word(text, marks, signs[k])) continue;
        *at = marks + strlen(signs[k]);
        return true;
    }
    *at = i;
    return i > from;
}

// "the answer is correct", "the answer is not 5" say nothing of what it is.
static bool judges(Str rest) {
    static const char *const words[] = {"correct", "right",      "wrong",      "incorrect", "not",   "valid",
                                        "invalid", "reasonable", "consistent", "unique",    "in",    "as",
                                        "also",    "obvious",    "clear",      "required",  "either"};
    return skip_word(rest, 0, words, sizeof words / sizeof words[0]) > 0;
}

// Whether an announcement begins at text[at]; *rest: what follows it.
static bool announced_at(Str text, size_t at, Str *rest) {
    static const char *const nouns[] = {"answers", "answer", "答案", "réponse"};
    if (extract_starts_word(text, at, "####")) {
        *rest = (Str){text.ptr + at + 4, text.len - at - 4};
    } else {
        size_t i = 0, n = sizeof nouns / sizeof nouns[0];
        while (i < n && !extract_starts_word(text, at, nouns[i])) i++;
        if (i == n) return false;
        size_t end = at + strlen(nouns[i]);
        if (!skip_copula(text, &end)) return false;
        *rest = (Str){text.ptr + end, text.len - end};
    }
    size_t from = skip(*rest, 0, " \t\r\n*:}");
    *rest = (Str){rest->ptr + from, rest->len - from};
    return rest->len > 0 && !judges(*rest);
}

bool extract_announced(Str text, size_t *before, Str *rest) {
    for (size_t at = *before; at > 0;) {
        at--;
        char c = text.ptr[at];
        bool may_begin = c == 'a' || c == 'A' || c == '#' || c == 'r' || c == 'R' || (c & 0x80) != 0;
        if (may_begin && announced_at(text, at, rest)) {
            while (c == '#' && at > 0 && text.ptr[at - 1] == '#') at--; // a run of them is one announcement
            *before = at;
            return true;
        }
    }
    return false;
}

static bool ends_sentence(Str text, size_t at) {
    char c = text.ptr[at];
    if (c == '\n' || extract_starts_word(text, at, "。") || extract_starts_word(text, at, "<|")) return true;
    if (extract_starts_word(text, at, "</")) return true;
    bool last = at + 1 >= text.len;
    return (c == '.' || c == '!' || c == '?') &&
           (last || extract_is_space(text.ptr[at + 1]) || text.ptr[at + 1] == '*');
}

typedef struct Sentence {
    size_t end;
    Str lead, last;            // math with which it begins, a list of such included; its last math
    size_t lead_end, last_end; // beyond their closing marks
} Sentence;

static Sentence read_sentence(Str text) {
    Sentence s = {0};
    while (s.end < text.len && !ends_sentence(text, s.end)) {
        size_t at = s.end;
        char c = text.ptr[at];
        if ((c != '$' && c != '\\') || !extract_math_at(text, at, &s.last, &s.last_end)) {
            s.end += c == '\\' && at + 1 < text.len ? 2 : 1;
            continue;
        }
        bool joined = s.lead_end > 0 && extract_is_connector(text, s.lead_end, at, false);
        if (at == 0 || joined) {
            s.lead = joined ? extract_slice(text, 0, s.last_end) : s.last;
            s.lead_end = s.last_end;
        }
        s.end = s.last_end;
    }
    return s;
}

// Of "$x = 2$ or $x = 3$, since" the list; of "the largest $n$ is 34" the number that is said; of "the interval $[0,
// 1)$" the math; else the sentence.
Str extract_said(Str rest) {
    Sentence s = read_sentence(rest);
    if (s.lead.ptr != NULL) return s.lead;
    if (s.last.ptr == NULL) return extract_tidy((Str){rest.ptr, s.end});
    Str number = extract_last_number((Str){rest.ptr + s.last_end, s.end - s.last_end}, true);
    return number.ptr != NULL ? number : s.last;
}

Str extract_last_announced(Str text) {
    Str rest;
    for (size_t before = text.len; extract_announced(text, &before, &rest);) {
        Str said = extract_said(rest);
        if (said.len > 0) return said;
    }
    return EXTRACT_NOTHING;
}
