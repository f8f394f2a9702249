// Training a byte-level BPE (Sennrich et al. 2016): the most frequent pair of symbols becomes a token, again and again.
#include <assert.h>
#include <string.h>

#include "text/tokenizer_impl.h"

typedef struct Word { // a distinct piece of the text
    int32_t *symbols;
    int32_t n;
    int64_t count;
} Word;

typedef struct PairCount {
    int32_t left, right; // left -1: empty
    int64_t count;
} PairCount;

typedef struct Trainer {
    Arena *arena;
    Word *words;
    int32_t n_words, cap_words;
    int32_t *slots; // words by hash, -1 empty; cap_slots a power of two
    uint32_t cap_slots;
    Str *word_text; // [cap_words]
    PairCount *pairs;
    uint32_t cap_pairs, n_pairs;
} Trainer;

static uint32_t hash_text(Str text) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < text.len; i++) h = (h ^ (unsigned char)text.ptr[i]) * 16777619u;
    return h ^ h >> 15;
}

static void grow_slots(Trainer *tr) {
    tr->cap_slots = tr->cap_slots > 0 ? tr->cap_slots * 2 : 1024;
    tr->slots = mem_realloc(tr->slots, tr->cap_slots, sizeof *tr->slots);
    for (uint32_t i = 0; i < tr->cap_slots; i++) tr->slots[i] = -1;
    for (int32_t w = 0; w < tr->n_words; w++) {
        uint32_t i = hash_text(tr->word_text[w]) & (tr->cap_slots - 1);
        while (tr->slots[i] >= 0) i = (i + 1) & (tr->cap_slots - 1);
        tr->slots[i] = w;
    }
}

static void count_word(void *context, Str piece) {
    Trainer *tr = context;
    if (2 * (uint32_t)tr->n_words + 2 > tr->cap_slots) grow_slots(tr);
    uint32_t i = hash_text(piece) & (tr->cap_slots - 1);
    for (; tr->slots[i] >= 0; i = (i + 1) & (tr->cap_slots - 1)) {
        if (str_equal(tr->word_text[tr->slots[i]], piece)) {
            tr->words[tr->slots[i]].count++;
            return;
        }
    }
    if (tr->n_words == tr->cap_words) {
        tr->cap_words = tr->cap_words * 2 + 256;
        tr->words = mem_realloc(tr->words, (size_t)tr->cap_words, sizeof *tr->words);
        tr->word_text = mem_realloc(tr->word_text, (size_t)tr->cap_words, sizeof *tr->word_text);
    }
    Word *word = &tr->words[tr->n_words];
    *word = (Word){arena_alloc(tr->arena, piece.len, sizeof(int32_t)), (int32_t)piece.len, 1};
    for (size_t b = 0; b < piece.len; b++) word->symbols[b] = (unsigned char)piece.ptr[b]; // byte b is token b
    tr->word_text[tr->n_words] = (Str){arena_strndup(tr->arena, piece.ptr, piece.len), piece.len};
    tr->slots[i] = tr->n_words++;
}

// ---- pair counts

static PairCount *pair_slot(Trainer *tr, int32_t left, int32_t right) {
    uint64_t key = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    uint32_t mask = tr->cap_pairs - 1, i = (uint32_t)(key >> 32) & mask;
    while (tr->pairs[i].left >= 0 && (tr->pairs[i].left != left || tr->pairs[i].right != right)) i = (i + 1) & mask;
    return &tr->pairs[i];
}

static void grow_pairs(Trainer *tr) {
    PairCount *old = tr->pairs;
    uint32_t n_old = tr->cap_pairs;
    tr->cap_pairs = n_old > 0 ? n_old * 2 : 4096;
    tr->pairs = mem_alloc(tr->cap_pairs, sizeof *tr->pairs);
    for (uint32_t i = 0; i < tr->cap_pairs; i++) tr->pairs[i].left = -1;
    for (uint32_t i = 0; i < n_old; i++) {
        if (old[i].left >= 0) *pair_slot(tr, old[i].left, old[i].right) = old[i];
    }
    mem_free(old);
}

static void add_pair(Trainer *tr, int32_t left, int32_t right, int64_t count) {
    if (2 * tr->n_pairs + 2 > tr->cap_pairs) grow_pairs(tr);
    PairCount *pair = pair_slot(tr, left, right);
    if (pair->left < 0) {
        *pair = (PairCount){left, right, 0};
        tr->n_pairs++;
    }
    pair->count += count;
}

static void count_pairs(Trainer *tr, const Word *word, int64_t sign) {
    for (int32_t i = 0; i + 1 < word->n; i++) add_pair(tr, word->symbols[i], word->symbols[i + 1], sign * word->count);
}

// Most frequent; among equals the lower left id, then the lower right one. NULL: no pair occurs twice.
static const PairCount *best_pair(const Trainer *tr) {
    const PairCount *best = NULL;
    for (uint32_t i = 0; i < tr->cap_pairs; i++) {
        const PairCount *p = &tr->pairs[i];
        if (p->left < 0 || p->count < 2) continue;
        bool better = best == NULL || p->count > best->count ||
                      (p->count == best->count && (p->left < best->left || (p->left == best->left && p->right < best->right)));
        if (better) best = p;
    }
    return best;
}

static void join_in_word(Trainer *tr, Word *word, int32_t left, int32_t right, int32_t joined) {
    bool there = false;
    for (int32_t i = 0; i + 1 < word->n; i++) there |= word->symbols[i] == left && word->symbols[i + 1] == right;
    if (!there) return;
    count_pairs(tr, word, -1);
    int32_t n = 0;
    for (int32_t i = 0; i < word->n; i++) {
        bool pair = i + 1 < word->n && word->symbols[i] == left && word->symbols[i + 1] == right;
        word->symbols[n++] = pair ? joined : word->symbols[i];
        i += pair;
    }
    word->n = n;
    count_pairs(tr, word, 1);
}

// ---- the whole

// Text with the specials cut out, piece by piece.
static void count_document(Trainer *tr, const Pretokenizer *p, const TokenizerTraining *training, Str text) {
    size_t from = 0, at = 0;
    while (at < text.len) {
        size_t skip = 0;
        for (int32_t s = 0; s < training->n_specials; s++) {
            Str rest = {text.ptr + at, text.len - at};
            if (str_starts(rest, training->specials[s]) && training->specials[s].len > skip) skip = training->specials[s].len;
        }
        if (skip == 0) {
            at++;
            continue;
        }
        pretokenize(p, (Str){text.ptr + from, at - from}, count_word, tr);
        from = at += skip;
    }
    pretokenize(p, (Str){text.ptr + from, text.len - from}, count_word, tr);
}

// tokens[256 + k] and merges[k] of every merge; returns how many there are.
static int32_t learn_merges(Trainer *tr, int32_t most, Str *tokens, int32_t (*merges)[2]) {
    grow_pairs(tr);
    for (int32_t w = 0; w < tr->n_words; w++) count_pairs(tr, &tr->words[w], 1);
    int32_t n = 0;
    for (const PairCount *best; n < most && (best = best_pair(tr)) != NULL; n++) {
        int32_t left = best->left, right = best->right, joined = 256 + n;
        char *text = arena_alloc(tr->arena, tokens[left].len + tokens[right].len + 1, 1);
        memcpy(text, tokens[left].ptr, tokens[left].len);
        memcpy(text + tokens[left].len, tokens[right].ptr, tokens[right].len);
        tokens[joined] = (Str){text, tokens[left].len + tokens[right].len};
        merges[n][0] = left, merges[n][1] = right;
        for (int32_t w = 0; w < tr->n_words; w++) join_in_word(tr, &tr->words[w], left, right, joined);
    }
    return n;
}

static bool build(Trainer *tr, const TokenizerTraining *training, Pretokenizer *p, Tokenizer **out, Error *error) {
    int32_t most = training->vocabulary_size - 256 - training->n_specials;
    Str *tokens = mem_alloc((size_t)training->vocabulary_size, sizeof *tokens);
    int32_t(*merges)[2] = mem_alloc((size_t)most + 1, sizeof *merges);
    for (int32_t b = 0; b < 256; b++) {
        char byte = (char)b;
        tokens[b] = (Str){arena_strndup(tr->arena, &byte, 1), 1};
    }
    int32_t n_merges = learn_merges(tr, most, tokens, merges);
    Tokenizer *t = tokenizer_new(256 + n_merges + training->n_specials);
    for (int32_t i = 0; i < 256 + n_merges; i++) tokenizer_set(t, i, tokens[i], false);
    for (int32_t s = 0; s < training->n_specials; s++) {
        tokenizer_set(t, 256 + n_merges + s, training->specials[s], true);
        t->hidden[256 + n_merges + s] = s < training->n_control;
    }
    t->pretokenizer = p;
    bool ok = tokenizer_index(t, "training", error);
    if (ok) {
        tokenizer_reserve_merges(t, n_merges);
        for (int32_t i = 0; i < n_merges; i++) {
            bool known = tokenizer_add_merge(t, merges[i][0], merges[i][1]);
            assert(known);
            (void)known;
        }
        *out = t;
    } else {
        tokenizer_destroy(t);
    }
    mem_free(tokens);
    mem_free(merges);
    return ok;
}

bool tokenizer_train(const TokenizerTraining *training, Tokenizer **out, Error *error) {
    int32_t least = 256 + training->n_specials;
    if (training->vocabulary_size < least || training->vocabulary_size > TOKENIZER_MAX_TOKENS) {
        return error_set(error, "vocabulary of %d tokens: expected %d to %d", training->vocabulary_size, least, TOKENIZER_MAX_TOKENS);
    }
    static const char *const patterns[][2] = {{PATTERN_GPT2, NULL}, {PATTERN_DIGIT, PATTERN_GPT2}, {PATTERN_QWEN2, NULL}, {PATTERN_LLAMA3, NULL}};
    const char *const *steps = patterns[training->split];
    Pretokenizer *p;
    if (!pretokenizer_create(steps, steps[1] != NULL ? 2 : 1, "training", &p, error)) return false;
    Trainer tr = {.arena = arena_create()};
    for (size_t d = 0; d < training->n_documents; d++) count_document(&tr, p, training, training->documents[d]);
    bool ok = build(&tr, training, p, out, error);
    mem_free(tr.words), mem_free(tr.word_text), mem_free(tr.slots), mem_free(tr.pairs);
    arena_destroy(tr.arena);
    return ok;
}
