// Inside of tokenizer.h: the tables, shared by the files that build, use and write a tokenizer.
#ifndef RLT_TEXT_TOKENIZER_IMPL_H
#define RLT_TEXT_TOKENIZER_IMPL_H

#include "base/mem.h"
#include "text/pretokenize.h"
#include "text/special_set.h"
#include "text/tokenizer.h"

// Open-addressing map from a pair of ids to the merge of the pair.
typedef struct MergeEntry {
    int32_t left, right; // left -1: empty
    int32_t rank, id;    // smaller rank merges first; id of the joined token
} MergeEntry;

typedef struct IdSlot {
    uint32_t hash;
    int32_t id; // -1: empty
} IdSlot;

struct Tokenizer {
    Arena *arena;            // every text below
    Str *tokens;             // [n] raw bytes, by id; ptr NULL: no such id
    bool *plain;             // [n] of the vocabulary, in the alphabet: what merges make, found by its bytes
    bool *special;           // [n] matched in text before anything else
    bool *normalized;        // [n] of these, matched in the normalised text, after the others
    bool *hidden;            // [n] of these, left out where decoding skips specials (control tokens)
    int32_t n;
    IdSlot *ids;             // raw bytes -> id, of plain tokens; cap_ids a power of two
    uint32_t cap_ids;
    MergeEntry *merges;
    uint32_t cap_merges;
    int32_t *merge_order;    // [2 * n_merges]: left, right, in rank order (for writing)
    int32_t n_merges;
    SpecialSet raw_specials, normalized_specials;
    int32_t byte_ids[256];   // id of each single byte; where there is none `unknown`
    int32_t unknown;         // -1: bytes without a token are dropped
    Pretokenizer *pretokenizer;
    bool nfc;
    bool ignore_merges;      // a piece that is a token as a whole is that token (Llama-3)
};

Tokenizer *tokenizer_new(int32_t n);
void tokenizer_set_text(Tokenizer *t, int32_t id, Str text); // neither plain nor special
void tokenizer_set_plain(Tokenizer *t, int32_t id, Str bytes);
void tokenizer_set_special(Tokenizer *t, int32_t id, Str text, bool hidden); // may be plain too
// After every token is set: the maps, the bytes' ids.
MUST_CHECK bool tokenizer_index(Tokenizer *t, const char *source, Error *error);
void tokenizer_reserve_merges(Tokenizer *t, int32_t n);
// false: the joined text is no token. Of two merges of one pair the later counts, as in the tokenizers library.
bool tokenizer_add_merge(Tokenizer *t, int32_t left, int32_t right);
const MergeEntry *tokenizer_find_merge(const Tokenizer *t, int32_t left, int32_t right); // NULL: none
int32_t tokenizer_find_bytes(const Tokenizer *t, Str bytes);                              // -1: none

uint32_t hash_bytes(Str bytes);
uint32_t hash_pair(int32_t left, int32_t right);
// The patterns of a rule, in order; returns how many.
int split_patterns(SplitRule rule, const char *patterns[PRETOKENIZE_MAX_STEPS]);
// The form in which text is cut and merged: valid UTF-8 (as errors="replace") and, where the tokenizer says so, NFC.
// Either `text` itself or what `scratch`, emptied first, then holds.
Str tokenizer_normalize(const Tokenizer *t, Str text, Buf *scratch);

// GPT-2's alphabet: every byte as a visible character. Decoding fails (false) on characters outside of it.
void alphabet_encode(Str bytes, Buf *out);
bool alphabet_decode(Str text, Buf *out);

#endif
