// A tokenizer's tables, encoding and decoding.
#include <assert.h>
#include <string.h>
#include <utf8proc.h>

#include "text/tokenizer_impl.h"

// ---- lists of ids

void ids_free(Ids *ids) {
    mem_free(ids->data);
    *ids = (Ids){0};
}

static void ids_reserve(Ids *ids, int32_t extra) {
    assert(extra >= 0 && ids->len <= INT32_MAX - extra);
    if (ids->len + extra <= ids->cap) return;
    int64_t cap = (int64_t)ids->cap + ids->cap / 2 + extra + 16;
    ids->cap = cap > INT32_MAX ? INT32_MAX : (int32_t)cap;
    ids->data = mem_realloc(ids->data, (size_t)ids->cap, sizeof *ids->data);
}

void ids_add(Ids *ids, int32_t id) {
    ids_reserve(ids, 1);
    ids->data[ids->len++] = id;
}

void ids_extend(Ids *ids, const int32_t *data, int32_t count) {
    if (count <= 0) return;
    ids_reserve(ids, count);
    memcpy(ids->data + ids->len, data, (size_t)count * sizeof *data);
    ids->len += count;
}

// ---- GPT-2's alphabet: printable Latin-1 stands for itself, the other 68 bytes for U+0100 + their number in order

static int alphabet_of_byte(int byte) {
    if ((byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF)) return byte;
    int before = byte <= ' ' ? byte : byte <= 0xA0 ? 33 + byte - 0x7F : 67;
    return 0x100 + before;
}

void alphabet_encode(Str bytes, Buf *out) {
    for (size_t i = 0; i < bytes.len; i++) {
        utf8proc_uint8_t text[4];
        utf8proc_ssize_t n = utf8proc_encode_char(alphabet_of_byte((unsigned char)bytes.ptr[i]), text);
        buf_add(out, text, (size_t)n);
    }
}

bool alphabet_decode(Str text, Buf *out) {
    for (size_t i = 0; i < text.len;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text.ptr + i, (utf8proc_ssize_t)(text.len - i), &c);
        if (n <= 0 || c > 0x143) return false;
        int byte = c < 0x100 ? (int)c : c <= 0x120 ? (int)c - 0x100 : c <= 0x142 ? (int)c - 0x121 + 0x7F : 0xAD;
        if (alphabet_of_byte(byte) != c) return false;
        buf_add_char(out, (char)byte);
        i += (size_t)n;
    }
    return true;
}

// ---- tables

uint32_t hash_bytes(Str bytes) {
    uint32_t h = 2166136261u; // FNV-1a
    for (size_t i = 0; i < bytes.len; i++) h = (h ^ (unsigned char)bytes.ptr[i]) * 16777619u;
    return h ^ h >> 15;
}

static uint32_t power_above(uint32_t n) {
    uint32_t cap = 16;
    while (cap < n) cap *= 2;
    return cap;
}

Tokenizer *tokenizer_new(int32_t n) {
    assert(n >= 0 && n <= TOKENIZER_MAX_TOKENS);
    Tokenizer *t = mem_alloc(1, sizeof *t);
    t->arena = arena_create();
    t->n = n;
    t->unknown = -1;
    t->tokens = mem_alloc((size_t)n + 1, sizeof *t->tokens);
    t->plain = mem_alloc((size_t)n + 1, sizeof *t->plain);
    t->special = mem_alloc((size_t)n + 1, sizeof *t->special);
    t->normalized = mem_alloc((size_t)n + 1, sizeof *t->normalized);
    t->hidden = mem_alloc((size_t)n + 1, sizeof *t->hidden);
    return t;
}

void tokenizer_destroy(Tokenizer *t) {
    if (t == NULL) return;
    pretokenizer_destroy(t->pretokenizer);
    special_set_free(&t->raw_specials), special_set_free(&t->normalized_specials);
    mem_free(t->tokens), mem_free(t->plain), mem_free(t->special), mem_free(t->normalized), mem_free(t->hidden);
    mem_free(t->ids), mem_free(t->merges), mem_free(t->merge_order);
    arena_destroy(t->arena);
    mem_free(t);
}

void tokenizer_set_text(Tokenizer *t, int32_t id, Str text) {
    assert(id >= 0 && id < t->n);
    t->tokens[id] = (Str){arena_strndup(t->arena, text.ptr, text.len), text.len};
}

void tokenizer_set_plain(Tokenizer *t, int32_t id, Str bytes) {
    tokenizer_set_text(t, id, bytes);
    t->plain[id] = true;
}

void tokenizer_set_special(Tokenizer *t, int32_t id, Str text, bool hidden) {
    tokenizer_set_text(t, id, text);
    t->special[id] = true;
    t->hidden[id] = hidden;
}

int32_t tokenizer_find_bytes(const Tokenizer *t, Str bytes) {
    uint32_t hash = hash_bytes(bytes), mask = t->cap_ids - 1;
    for (uint32_t i = hash & mask; t->ids[i].id >= 0; i = (i + 1) & mask) {
        if (t->ids[i].hash == hash && str_equal(t->tokens[t->ids[i].id], bytes)) return t->ids[i].id;
    }
    return -1;
}

static void add_id(Tokenizer *t, int32_t id) {
    uint32_t hash = hash_bytes(t->tokens[id]), mask = t->cap_ids - 1, i = hash & mask;
    while (t->ids[i].id >= 0) i = (i + 1) & mask;
    t->ids[i] = (IdSlot){hash, id};
}

// What cannot be told apart in text, or not be written.
static bool check_specials(const Tokenizer *t, const char *source, Error *error) {
    Buf scratch;
    buf_init(&scratch, 0);
    bool ok = true;
    for (int32_t id = 0; ok && id < t->n; id++) {
        if (!t->special[id]) continue;
        Str text = t->tokens[id];
        if (text.len == 0 || memchr(text.ptr, 0, text.len) != NULL ||
            !str_equal(text, tokenizer_normalize(t, text, &scratch))) {
            ok = error_set(error, "%s: special token %d: expected a text, in its normal form, without NUL", source, id);
            break;
        }
        buf_clear(&scratch);
        int32_t plain = alphabet_decode(text, &scratch) ? tokenizer_find_bytes(t, buf_str(&scratch)) : -1;
        if (plain >= 0 && plain != id)
            ok = error_set(error, "%s: special token %d has the text of token %d", source, id, plain);
    }
    buf_free(&scratch);
    return ok;
}

bool tokenizer_index(Tokenizer *t, const char *source, Error *error) {
    t->cap_ids = power_above(2 * (uint32_t)t->n + 2);
    t->ids = mem_alloc(t->cap_ids, sizeof *t->ids);
    for (uint32_t i = 0; i < t->cap_ids; i++) t->ids[i].id = -1;
    special_set_init(&t->raw_specials, t->tokens);
    special_set_init(&t->normalized_specials, t->tokens);
    for (int32_t id = 0; id < t->n; id++) {
        if (t->tokens[id].ptr == NULL) continue;
        if (t->plain[id] && tokenizer_find_bytes(t, t->tokens[id]) < 0) add_id(t, id);
        if (t->special[id] && t->tokens[id].len > 0)
            special_set_add(t->normalized[id] ? &t->normalized_specials : &t->raw_specials, id);
    }
    if (!check_specials(t, source, error)) return false;
    int known = 0;
    for (int b = 0; b < 256; b++) {
        char byte = (char)b;
        t->byte_ids[b] = tokenizer_find_bytes(t, (Str){&byte, 1});
        known += t->byte_ids[b] >= 0;
        if (t->byte_ids[b] < 0) t->byte_ids[b] = t->unknown;
    }
    // a few bytes that hardly any text holds may be missing (SmolLM2 lacks 21)
    return known >= 128 ||
           error_set(error, "%s: the vocabulary has %d of 256 bytes: not a byte-level BPE", source, known);
}

uint32_t hash_pair(int32_t left, int32_t right) {
    uint64_t key = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(key >> 32);
}

void tokenizer_reserve_merges(Tokenizer *t, int32_t n) {
    t->cap_merges = power_above(2 * (uint32_t)n + 2);
    t->merges = mem_alloc(t->cap_merges, sizeof *t->merges);
    for (uint32_t i = 0; i < t->cap_merges; i++) t->merges[i].left = -1;
    t->merge_order = mem_alloc(2 * (size_t)n + 1, sizeof *t->merge_order);
}

const MergeEntry *tokenizer_find_merge(const Tokenizer *t, int32_t left, int32_t right) {
    uint32_t mask = t->cap_merges - 1;
    for (uint32_t i = hash_pair(left, right) & mask; t->merges[i].left >= 0; i = (i + 1) & mask) {
        if (t->merges[i].left == left && t->merges[i].right == right) return &t->merges[i];
    }
    return NULL;
}

bool tokenizer_add_merge(Tokenizer *t, int32_t left, int32_t right) {
    Buf joined;
    buf_init(&joined, 0);
    buf_add_str(&joined, t->tokens[left]);
    buf_add_str(&joined, t->tokens[right]);
    int32_t id = tokenizer_find_bytes(t, buf_str(&joined));
    buf_free(&joined);
    if (id < 0) return false;
    int32_t rank = t->n_merges++;
    t->merge_order[2 * rank] = left;
    t->merge_order[2 * rank + 1] = right;
    uint32_t mask = t->cap_merges - 1, i = hash_pair(left, right) & mask;
    while (t->merges[i].left >= 0 && (t->merges[i].left != left || t->merges[i].right != right)) i = (i + 1) & mask;
    t->merges[i] = (MergeEntry){left, right, rank, id};
    return true;
}

int32_t tokenizer_size(const Tokenizer *t) { return t->n; }
bool tokenizer_is_special(const Tokenizer *t, int32_t id) { return id >= 0 && id < t->n && t->special[id]; }

bool tokenizer_is_control(const Tokenizer *t, int32_t id) { return id >= 0 && id < t->n && t->hidden[id]; }

int32_t tokenizer_id(const Tokenizer *t, Str text) {
    int32_t id = special_set_find(&t->raw_specials, text);
    if (id < 0) id = special_set_find(&t->normalized_specials, text);
    return id >= 0 ? id : tokenizer_find_bytes(t, text);
}

void tokenizer_decode(const Tokenizer *t, const int32_t *ids, int32_t count, bool skip_special, Buf *out) {
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= t->n || t->tokens[ids[i]].ptr == NULL) continue;
        if (skip_special && t->hidden[ids[i]]) continue;
        buf_add_str(out, t->tokens[ids[i]]);
    }
}

size_t tokenizer_decoded_bytes(const Tokenizer *t, const int32_t *ids, int32_t count) {
    size_t bytes = 0;
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] >= 0 && ids[i] < t->n) bytes += t->tokens[ids[i]].len;
    }
    return bytes;
}

size_t tokenizer_longest_bytes(const Tokenizer *t) {
    size_t longest = 0;
    for (int32_t id = 0; id < t->n; id++) longest = t->tokens[id].len > longest ? t->tokens[id].len : longest;
    return longest;
}
