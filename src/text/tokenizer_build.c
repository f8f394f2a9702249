// Building a tokenizer from plain arrays (a GGUF file's).
#include <string.h>

#include "text/tokenizer_impl.h"

int split_patterns(SplitRule rule, const char *patterns[PRETOKENIZE_MAX_STEPS]) {
    switch (rule) {
    case SPLIT_GPT2: patterns[0] = PATTERN_GPT2; return 1;
    case SPLIT_SMOLLM: patterns[0] = PATTERN_DIGIT, patterns[1] = PATTERN_GPT2; return 2;
    case SPLIT_QWEN2: patterns[0] = PATTERN_QWEN2; return 1;
    case SPLIT_LLAMA3: patterns[0] = PATTERN_LLAMA3; return 1;
    }
    return 0;
}

static bool add_tokens(Tokenizer *t, const TokenizerSpec *spec, Error *error) {
    Buf bytes;
    buf_init(&bytes, 0);
    bool ok = true;
    for (int32_t id = 0; ok && id < spec->n_tokens; id++) {
        buf_clear(&bytes);
        if (spec->special[id]) {
            tokenizer_set_special(t, id, spec->tokens[id], true);
        } else if (alphabet_decode(spec->tokens[id], &bytes)) {
            tokenizer_set_plain(t, id, buf_str(&bytes));
        } else {
            ok = error_set(error, "%s: token %d is not in the alphabet of a byte-level BPE", spec->source, id);
        }
    }
    buf_free(&bytes);
    return ok && tokenizer_index(t, spec->source, error);
}

// Id of one side of a merge, given in the alphabet; -1: no token.
static int32_t side_id(const Tokenizer *t, Str side, Buf *bytes) {
    buf_clear(bytes);
    return alphabet_decode(side, bytes) ? tokenizer_find_bytes(t, buf_str(bytes)) : -1;
}

static bool add_merges(Tokenizer *t, const TokenizerSpec *spec, Error *error) {
    Buf bytes;
    buf_init(&bytes, 0);
    tokenizer_reserve_merges(t, spec->n_merges);
    bool ok = true;
    for (int32_t i = 0; ok && i < spec->n_merges; i++) {
        Str merge = spec->merges[i];
        ptrdiff_t space = str_find(merge, STR(" "), 0);
        int32_t left = -1, right = -1;
        if (space > 0) {
            left = side_id(t, (Str){merge.ptr, (size_t)space}, &bytes);
            right = side_id(t, (Str){merge.ptr + space + 1, merge.len - (size_t)space - 1}, &bytes);
        }
        ok = left >= 0 && right >= 0 && tokenizer_add_merge(t, left, right);
        if (!ok) error_set(error, "%s: merge %d: expected two tokens that make up a third", spec->source, i);
    }
    buf_free(&bytes);
    return ok;
}

bool tokenizer_from_spec(const TokenizerSpec *spec, Tokenizer **out, Error *error) {
    if (spec->n_tokens < 256 || spec->n_tokens > TOKENIZER_MAX_TOKENS || spec->n_merges < 0 ||
        spec->n_merges > TOKENIZER_MAX_TOKENS) {
        return error_set(error, "%s: %d tokens and %d merges: expected 256 to %d tokens", spec->source, spec->n_tokens,
                         spec->n_merges, TOKENIZER_MAX_TOKENS);
    }
    Tokenizer *t = tokenizer_new(spec->n_tokens);
    const char *patterns[PRETOKENIZE_MAX_STEPS];
    int n = split_patterns(spec->split, patterns);
    t->nfc = spec->nfc;
    t->ignore_merges = spec->split == SPLIT_LLAMA3;
    if (!add_tokens(t, spec, error) || !add_merges(t, spec, error) ||
        !pretokenizer_create(patterns, n, spec->source, &t->pretokenizer, error)) {
        tokenizer_destroy(t);
        return false;
    }
    *out = t;
    return true;
}
