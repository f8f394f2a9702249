#include "text/pretokenize.h"

#include <assert.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

struct Pretokenizer {
    pcre2_code *codes[PRETOKENIZE_MAX_STEPS];
    char *patterns[PRETOKENIZE_MAX_STEPS];
    pcre2_match_context *limits;
    int n;
};

static bool add_step(Pretokenizer *p, const char *pattern, const char *source, Error *error) {
    Buf translated;
    buf_init(&translated, 0);
    bool ok = pattern_translate(str_of(pattern), source, &translated, error);
    if (ok) {
        int number;
        PCRE2_SIZE offset;
        uint32_t can_be_empty = 1;
        pcre2_code *code =
            pcre2_compile((PCRE2_SPTR)translated.data, translated.len, PCRE2_UTF | PCRE2_UCP, &number, &offset, NULL);
        if (code != NULL) pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &can_be_empty);
        if (code == NULL || can_be_empty) {
            PCRE2_UCHAR why[128] = "it matches the empty text";
            if (code == NULL) pcre2_get_error_message(number, why, sizeof why);
            pcre2_code_free(code);
            ok = error_set(error, "%s: split pattern: %s", source, (const char *)why);
        } else {
            pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); // without it, matching is slower and the same
            p->codes[p->n] = code;
            p->patterns[p->n++] = mem_strdup(pattern);
        }
    }
    buf_free(&translated);
    return ok;
}

bool pretokenizer_create(const char *const *patterns, int n, const char *source, Pretokenizer **out, Error *error) {
    if (n > PRETOKENIZE_MAX_STEPS)
        return error_set(error, "%s: more than %d split rules", source, PRETOKENIZE_MAX_STEPS);
    Pretokenizer *p = mem_alloc(1, sizeof *p);
    p->limits = pcre2_match_context_create(NULL);
    assert(p->limits != NULL);
    pcre2_set_match_limit(p->limits, UINT32_MAX); // long runs of white space take many steps, and take them once
    for (int i = 0; i < n; i++) {
        if (add_step(p, patterns[i], source, error)) continue;
        pretokenizer_destroy(p);
        return false;
    }
    *out = p;
    return true;
}

void pretokenizer_destroy(Pretokenizer *p) {
    if (p == NULL) return;
    for (int i = 0; i < p->n; i++) {
        pcre2_code_free(p->codes[i]);
        mem_free(p->patterns[i]);
    }
    pcre2_match_context_free(p->limits);
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

// The next match at or after `from`; false: none.
static bool find_match(const Split *s, int step, Str text, size_t from, Str *match) {
    pcre2_match_data *data = s->matches[step];
    int found =
        pcre2_match(s->p->codes[step], (PCRE2_SPTR)text.ptr, text.len, from, PCRE2_NO_UTF_CHECK, data, s->p->limits);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
        found = pcre2_match(s->p->codes[step], (PCRE2_SPTR)text.ptr, text.len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                            data, s->p->limits);
    }
    // Other failures are limits that the known patterns are far from; then what is left is one piece.
    if (found <= 0) return false;
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(data);
    assert(range[0] >= from && range[1] > range[0]);
    *match = (Str){text.ptr + range[0], range[1] - range[0]};
    return true;
}

static void split_from(const Split *s, int step, Str text) {
    if (text.len == 0) return;
    if (step == s->p->n) {
        s->piece(s->context, text);
        return;
    }
    assert(step < PRETOKENIZE_MAX_STEPS);
    size_t at = 0;
    for (Str match; at < text.len && find_match(s, step, text, at, &match);) {
        size_t from = (size_t)(match.ptr - text.ptr);
        split_from(s, step + 1, (Str){text.ptr + at, from - at});
        split_from(s, step + 1, match);
        at = from + match.len;
    }
    split_from(s, step + 1, (Str){text.ptr + at, text.len - at});
}

void pretokenize(const Pretokenizer *p, Str text, void (*piece)(void *, Str), void *context) {
    Split s = {.p = p, .piece = piece, .context = context};
    for (int i = 0; i < p->n && i < PRETOKENIZE_MAX_STEPS; i++) {
        s.matches[i] = pcre2_match_data_create_from_pattern(p->codes[i], NULL);
        assert(s.matches[i] != NULL);
    }
    split_from(&s, 0, text);
    for (int i = 0; i < PRETOKENIZE_MAX_STEPS; i++) pcre2_match_data_free(s.matches[i]);
}
