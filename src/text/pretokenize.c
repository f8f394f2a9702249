#include "text/pretokenize.h"

#include <assert.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

const char PATTERN_DIGIT[] = "\\p{N}";
const char PATTERN_GPT2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const char PATTERN_QWEN2[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
                             "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const char PATTERN_LLAMA3[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
                              "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

struct Pretokenizer {
    pcre2_code *codes[PRETOKENIZE_MAX_STEPS];
    char *patterns[PRETOKENIZE_MAX_STEPS];
    int n;
};

bool pretokenizer_create(const char *const *patterns, int n, const char *source, Pretokenizer **out, Error *error) {
    if (n > PRETOKENIZE_MAX_STEPS) return error_set(error, "%s: more than %d split rules", source, PRETOKENIZE_MAX_STEPS);
    Pretokenizer *p = mem_alloc(1, sizeof *p);
    for (int i = 0; i < n; i++) {
        int number;
        PCRE2_SIZE offset;
        if (strlen(patterns[i]) <= PRETOKENIZE_PATTERN_MAX_BYTES) {
            p->codes[i] = pcre2_compile((PCRE2_SPTR)patterns[i], PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &number, &offset, NULL);
        }
        if (p->codes[i] == NULL) {
            pretokenizer_destroy(p);
            return error_set(error, "%s: a split pattern that cannot be compiled", source);
        }
        pcre2_jit_compile(p->codes[i], PCRE2_JIT_COMPLETE); // without it, matching is slower and the same
        p->patterns[p->n++] = mem_strdup(patterns[i]);
    }
    *out = p;
    return true;
}

void pretokenizer_destroy(Pretokenizer *p) {
    if (p == NULL) return;
    for (int i = 0; i < PRETOKENIZE_MAX_STEPS; i++) {
        pcre2_code_free(p->codes[i]);
        mem_free(p->patterns[i]);
    }
    mem_free(p);
}

int pretokenizer_steps(const Pretokenizer *p) { return p->n; }
const char *pretokenizer_pattern(const Pretokenizer *p, int step) { return p->patterns[step]; }

typedef struct Split {
    const Pretokenizer *p;
    pcre2_match_data *matches[PRETOKENIZE_MAX_STEPS];
    void (*piece)(void *context, Str piece);
    void *context;
} Split;

static void split_from(const Split *s, int step, Str text) {
    if (text.len == 0) return;
    if (step == s->p->n) {
        s->piece(s->context, text);
        return;
    }
    assert(step < PRETOKENIZE_MAX_STEPS);
    size_t at = 0, search = 0;
    while (search < text.len) {
        int found = pcre2_match(s->p->codes[step], (PCRE2_SPTR)text.ptr, text.len, search, PCRE2_NO_UTF_CHECK, s->matches[step], NULL);
        if (found <= 0) break; // no match, or a limit of the matcher: the rest is one piece
        const PCRE2_SIZE *range = pcre2_get_ovector_pointer(s->matches[step]);
        size_t from = range[0], to = range[1];
        if (to <= from) { // an empty match moves on by a character
            size_t n = utf8_sequence(text.ptr + from, text.len - from);
            search = from + (n > 0 ? n : 1);
            continue;
        }
        split_from(s, step + 1, (Str){text.ptr + at, from - at});
        split_from(s, step + 1, (Str){text.ptr + from, to - from});
        at = search = to;
    }
    split_from(s, step + 1, (Str){text.ptr + at, text.len - at});
}

void pretokenize(const Pretokenizer *p, Str text, void (*piece)(void *, Str), void *context) {
    Split s = {.p = p, .piece = piece, .context = context};
    for (int i = 0; i < p->n && i < PRETOKENIZE_MAX_STEPS; i++) s.matches[i] = pcre2_match_data_create_from_pattern(p->codes[i], NULL);
    split_from(&s, 0, text);
    for (int i = 0; i < PRETOKENIZE_MAX_STEPS; i++) pcre2_match_data_free(s.matches[i]);
}
