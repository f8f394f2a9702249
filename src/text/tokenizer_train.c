// Training a byte-level BPE (Sennrich et al. 2016): the most frequent pair of symbols becomes a token, again and again.
//
// Words are the distinct pieces of the text, with their counts. Every pair knows its count and the words it was seen
// in, so a merge visits those words alone. A heap gives the next pair: counts of pairs that are in it can only fall
// (new pairs hold the new token), so an entry whose count is no longer right goes back with the count that is.
#include <assert.h>
#include <string.h>

#include "text/tokenizer_impl.h"

typedef struct Word { // a distinct piece of the text
    Str text;
    int32_t *symbols; // [n]
    int32_t n;
    int64_t count;
} Word;

typedef struct Pair {
    int32_t left, right; // left -1: empty
    int64_t count;
    Ids words; // in which it was seen; it may be gone from some since
} Pair;

typedef struct Entry { // of the heap
    int64_t count;
    int32_t left, right;
} Entry;

typedef struct Trainer {
    Arena *arena;
    Word *words;
    int32_t n_words, cap_words;
    int32_t *slots; // words by hash, -1 empty; cap_slots a power of two
    uint32_t cap_slots;
    Pair *pairs; // by hash; cap_pairs a power of two
    uint32_t cap_pairs, n_pairs;
    Entry *heap;
    size_t n_heap, cap_heap;
    Entry *fresh; // pairs that appeared since they were last put into the heap
    size_t n_fresh, cap_fresh;
} Trainer;

// ---- words

static void place_word(Trainer *tr, int32_t word) {
    uint32_t i = hash_bytes(tr->words[word].text) & (tr->cap_slots - 1);
    while (tr->slots[i] >= 0) i = (i + 1) & (tr->cap_slots - 1);
    tr->slots[i] = word;
}

static void grow_slots(Trainer *tr) {
    tr->cap_slots = tr->cap_slots > 0 ? tr->cap_slots * 2 : 1024;
    tr->slots = mem_realloc(tr->slots, tr->cap_slots, sizeof *tr->slots);
    for (uint32_t i = 0; i < tr->cap_slots; i++) tr->slots[i] = -1;
    for (int32_t w = 0; w < tr->n_words; w++) place_word(tr, w);
}

static void add_word(Trainer *tr, Str piece) {
    assert(piece.len <= TOKENIZER_MAX_TEXT_BYTES && tr->n_words < INT32_MAX / 4);
    if (tr->n_words == tr->cap_words) {
        tr->cap_words = tr->cap_words * 2 + 256;
        tr->words = mem_realloc(tr->words, (size_t)tr->cap_words, sizeof *tr->words);
    }
    Word *word = &tr->words[tr->n_words];
    Str text = {arena_strndup(tr->arena, piece.ptr, piece.len), piece.len};
    *word = (Word){text, arena_alloc(tr->arena, piece.len, sizeof(int32_t)), (int32_t)piece.len, 1};
    for (size_t b = 0; b < piece.len; b++) word->symbols[b] = (unsigned char)piece.ptr[b]; // byte b is token b
    place_word(tr, tr->n_words++);
}

static void count_word(void *context, Str piece) {
    Trainer *tr = context;
    if (2 * (uint32_t)tr->n_words + 2 > tr->cap_slots) grow_slots(tr);
    for (uint32_t i = hash_bytes(piece) & (tr->cap_slots - 1); tr->slots[i] >= 0; i = (i + 1) & (tr->cap_slots - 1)) {
        Word *word = &tr->words[tr->slots[i]];
        if (!str_equal(word->text, piece)) continue;
        word->count++;
        return;
    }
    add_word(tr, piece);
}

// Words of the text between the specials.
static void count_document(Trainer *tr, const Pretokenizer *p, const SpecialSet *specials, Str text) {
    Buf valid;
    buf_init(&valid, 0);
    buf_add_utf8_lossy(&valid, text);
    text = buf_str(&valid);
    size_t from = 0, at = 0;
    while (at < text.len) {
        int32_t special = special_set_at(specials, text, at);
        if (special < 0) {
            at++;
            continue;
        }
        pretokenize(p, (Str){text.ptr + from, at - from}, count_word, tr);
        from = at += specials->tokens[special].len;
    }
    if (text.len > from) pretokenize(p, (Str){text.ptr + from, text.len - from}, count_word, tr);
    buf_free(&valid);
}

// ---- pairs and the heap of them

static bool before(const Entry *a, const Entry *b) {
    if (a->count != b->count) return a->count > b->count;
    return a->left != b->left ? a->left < b->left : a->right < b->right;
}

static void push(Trainer *tr, Entry entry) {
    if (tr->n_heap == tr->cap_heap) {
        tr->cap_heap = tr->cap_heap * 2 + 1024;
        tr->heap = mem_realloc(tr->heap, tr->cap_heap, sizeof *tr->heap);
    }
    size_t i = tr->n_heap++;
    for (; i > 0 && before(&entry, &tr->heap[(i - 1) / 2]); i = (i - 1) / 2) tr->heap[i] = tr->heap[(i - 1) / 2];
    tr->heap[i] = entry;
}

static Entry pop(Trainer *tr) {
    Entry top = tr->heap[0], last = tr->heap[--tr->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < tr->n_heap; i = child) {
        if (child + 1 < tr->n_heap && before(&tr->heap[child + 1], &tr->heap[child])) child++;
        if (!before(&tr->heap[child], &last)) break;
        tr->heap[i] = tr->heap[child];
    }
    tr->heap[i] = last;
    return top;
}

static Pair *pair_slot(Trainer *tr, int32_t left, int32_t right) {
    uint32_t mask = tr->cap_pairs - 1, i = hash_pair(left, right) & mask;
    while (tr->pairs[i].left >= 0 && (tr->pairs[i].left != left || tr->pairs[i].right != right)) i = (i + 1) & mask;
    return &tr->pairs[i];
}

static void grow_pairs(Trainer *tr) {
    Pair *old = tr->pairs;
    uint32_t n_old = tr->cap_pairs;
    tr->cap_pairs = n_old > 0 ? n_old * 2 : 4096;
    tr->pairs = mem_alloc(tr->cap_pairs, sizeof *tr->pairs);
    for (uint32_t i = 0; i < tr->cap_pairs; i++) tr->pairs[i].left = -1;
    for (uint32_t i = 0; i < n_old; i++) {
        if (old[i].left >= 0) *pair_slot(tr, old[i].left, old[i].right) = old[i];
    }
    mem_free(old);
}

static Pair *new_pair(Trainer *tr, int32_t left, int32_t right) {
    if (2 * tr->n_pairs + 2 > tr->cap_pairs) grow_pairs(tr);
    Pair *pair = pair_slot(tr, left, right);
    *pair = (Pair){.left = left, .right = right};
    tr->n_pairs++;
    if (tr->n_fresh == tr->cap_fresh) {
        tr->cap_fresh = tr->cap_fresh * 2 + 1024;
        tr->fresh = mem_realloc(tr->fresh, tr->cap_fresh, sizeof *tr->fresh);
    }
    tr->fresh[tr->n_fresh++] = (Entry){0, left, right};
    return pair;
}

// Adds `count` for every pair of the word. The word is noted at pairs with `token`, or at all (-1), or at none (-2).
static void count_pairs(Trainer *tr, int32_t w, int64_t count, int32_t token) {
    const Word *word = &tr->words[w];
    for (int32_t i = 0; i + 1 < word->n; i++) {
        int32_t left = word->symbols[i], right = word->symbols[i + 1];
        Pair *pair = pair_slot(tr, left, right);
        if (pair->left < 0) pair = new_pair(tr, left, right);
        pair->count += count;
        bool note = token == -1 || left == token || right == token;
        bool noted = pair->words.len > 0 && pair->words.data[pair->words.len - 1] == w;
        if (note && !noted) ids_add(&pair->words, w);
    }
}

static void push_fresh(Trainer *tr) {
    for (size_t i = 0; i < tr->n_fresh; i++) {
        Entry entry = tr->fresh[i];
        entry.count = pair_slot(tr, entry.left, entry.right)->count;
        push(tr, entry);
    }
    tr->n_fresh = 0;
}

// The most frequent pair; among equals the lower left id, then the lower right one. false: none occurs twice.
static bool best_pair(Trainer *tr, Entry *best) {
    while (tr->n_heap > 0) {
        *best = pop(tr);
        int64_t count = pair_slot(tr, best->left, best->right)->count;
        if (count < 2) continue;
        if (count == best->count) return true;
        best->count = count;
        push(tr, *best);
    }
    return false;
}

// ---- merging

static void join_in_word(Trainer *tr, int32_t w, int32_t left, int32_t right, int32_t joined) {
    Word *word = &tr->words[w];
    bool there = false;
    for (int32_t i = 0; i + 1 < word->n && !there; i++)
        there = word->symbols[i] == left && word->symbols[i + 1] == right;
    if (!there) return;
    count_pairs(tr, w, -word->count, -2);
    int32_t n = 0;
    for (int32_t i = 0; i < word->n; i++) {
        bool pair = i + 1 < word->n && word->symbols[i] == left && word->symbols[i + 1] == right;
        word->symbols[n++] = pair ? joined : word->symbols[i];
        i += pair;
    }
    word->n = n;
    count_pairs(tr, w, word->count, joined);
}

static void join(Trainer *tr, int32_t left, int32_t right, int32_t joined) {
    Pair *pair = pair_slot(tr, left, right);
    Ids words = pair->words;
    pair->words = (Ids){0};
    for (int32_t i = 0; i < words.len; i++) join_in_word(tr, words.data[i], left, right, joined);
    ids_free(&words);
    push_fresh(tr);
}

typedef struct Learnt {
    Str *tokens;         // [256 + n]
    int32_t (*sides)[2]; // [n] left, right of each merge
    int32_t n;
} Learnt;

static void learn_merges(Trainer *tr, int32_t most, Learnt *learnt) {
    grow_pairs(tr);
    for (int32_t w = 0; w < tr->n_words; w++) count_pairs(tr, w, tr->words[w].count, -1);
    push_fresh(tr);
    for (Entry best; learnt->n < most && best_pair(tr, &best);) {
        Str left = learnt->tokens[best.left], right = learnt->tokens[best.right];
        char *text = arena_alloc(tr->arena, left.len + right.len + 1, 1);
        memcpy(text, left.ptr, left.len);
        memcpy(text + left.len, right.ptr, right.len);
        int32_t joined = 256 + learnt->n;
        learnt->tokens[joined] = (Str){text, left.len + right.len};
        learnt->sides[learnt->n][0] = best.left, learnt->sides[learnt->n][1] = best.right;
        learnt->n++;
        join(tr, best.left, best.right, joined);
    }
}

// ---- the whole

static bool build(const Learnt *learnt, const TokenizerTraining *training, Pretokenizer *p, Tokenizer **out,
                  Error *error) {
    int32_t n_plain = 256 + learnt->n;
    Tokenizer *t = tokenizer_new(n_plain + training->n_specials);
    t->pretokenizer = p;
    for (int32_t i = 0; i < n_plain; i++) tokenizer_set_plain(t, i, learnt->tokens[i]);
    for (int32_t s = 0; s < training->n_specials; s++) {
        tokenizer_set_special(t, n_plain + s, training->specials[s], s < training->n_control);
    }
    if (!tokenizer_index(t, "specials", error)) {
        tokenizer_destroy(t);
        return false;
    }
    tokenizer_reserve_merges(t, learnt->n);
    for (int32_t i = 0; i < learnt->n; i++) {
        bool known = tokenizer_add_merge(t, learnt->sides[i][0], learnt->sides[i][1]);
        assert(known);
        (void)known;
    }
    *out = t;
    return true;
}

static bool train(Trainer *tr, const TokenizerTraining *training, Pretokenizer *p, Tokenizer **out, Error *error) {
    int32_t most = training->vocabulary_size - 256 - training->n_specials;
    Learnt learnt = {mem_alloc((size_t)most + 256, sizeof(Str)), mem_alloc((size_t)most, sizeof(int32_t[2])), 0};
    for (int32_t b = 0; b < 256; b++) {
        char byte = (char)b;
        learnt.tokens[b] = (Str){arena_strndup(tr->arena, &byte, 1), 1};
    }
    learn_merges(tr, most, &learnt);
    bool ok = build(&learnt, training, p, out, error);
    mem_free(learnt.tokens);
    mem_free(learnt.sides);
    return ok;
}

static void trainer_free(Trainer *tr) {
    for (uint32_t i = 0; i < tr->cap_pairs; i++) ids_free(&tr->pairs[i].words);
    mem_free(tr->words), mem_free(tr->slots), mem_free(tr->pairs), mem_free(tr->heap), mem_free(tr->fresh);
    arena_destroy(tr->arena);
}

static bool collect_specials(const TokenizerTraining *training, SpecialSet *set, Error *error) {
    special_set_init(set, training->specials);
    for (int32_t i = 0; i < training->n_specials; i++) {
        Str text = training->specials[i];
        if (text.len == 0) return error_set(error, "special token %d: expected a text", i);
        if (special_set_find(set, text) >= 0)
            return error_set(error, "special token %d: a text that is given twice", i);
        special_set_add(set, i);
    }
    return true;
}

bool tokenizer_train(const TokenizerTraining *training, Tokenizer **out, Error *error) {
    int32_t least = 256 + training->n_specials;
    if (training->vocabulary_size < least || training->vocabulary_size > TOKENIZER_MAX_TOKENS) {
        return error_set(error, "vocabulary of %d tokens: expected %d to %d", training->vocabulary_size, least,
                         TOKENIZER_MAX_TOKENS);
    }
    const char *patterns[PRETOKENIZE_MAX_STEPS];
    Pretokenizer *p;
    SpecialSet specials;
    bool ok = collect_specials(training, &specials, error) &&
              pretokenizer_create(patterns, split_patterns(training->split, patterns), "split rule", &p, error);
    if (ok) {
        Trainer tr = {.arena = arena_create()};
        for (size_t d = 0; d < training->n_documents; d++) count_document(&tr, p, &specials, training->documents[d]);
        ok = train(&tr, training, p, out, error);
        trainer_free(&tr);
    }
    special_set_free(&specials);
    return ok;
}
