// Text to ids: specials first, then NFC, then pieces, then merges within each piece.
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "text/tokenizer_impl.h"

// ---- merging one piece: a linked list of symbols and a heap of candidate merges, best rank first, leftmost among equals

typedef struct Symbol {
    int32_t id;
    int32_t previous, next; // -1: none
} Symbol;

typedef struct Candidate {
    int32_t rank, left;     // index of the left symbol
    int32_t left_id, right_id;
} Candidate;

typedef struct Merger {
    const Tokenizer *t;
    Ids *out;
    Symbol *symbols;
    Candidate *heap;
    int32_t n_heap;
    size_t cap;
} Merger;

static bool before(const Candidate *a, const Candidate *b) {
    return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

static void push(Merger *m, Candidate c) {
    int32_t i = m->n_heap++;
    while (i > 0) {
        int32_t parent = (i - 1) / 2;
        if (!before(&c, &m->heap[parent])) break;
        m->heap[i] = m->heap[parent];
        i = parent;
    }
    m->heap[i] = c;
}

static Candidate pop(Merger *m) {
    Candidate top = m->heap[0], last = m->heap[--m->n_heap];
    int32_t i = 0;
    for (;;) {
        int32_t child = 2 * i + 1;
        if (child >= m->n_heap) break;
        if (child + 1 < m->n_heap && before(&m->heap[child + 1], &m->heap[child])) child++;
        if (!before(&m->heap[child], &last)) break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = last;
    return top;
}

static void consider(Merger *m, int32_t left) {
    int32_t right = left >= 0 ? m->symbols[left].next : -1;
    if (right < 0) return;
    const MergeEntry *merge = tokenizer_find_merge(m->t, m->symbols[left].id, m->symbols[right].id);
    if (merge != NULL) push(m, (Candidate){merge->rank, left, merge->left, merge->right});
}

static void merge_all(Merger *m) {
    while (m->n_heap > 0) {
        Candidate c = pop(m);
        Symbol *left = &m->symbols[c.left];
        // a candidate whose symbols have changed since is stale
        if (left->id != c.left_id || left->next < 0 || m->symbols[left->next].id != c.right_id) continue;
        Symbol *right = &m->symbols[left->next];
        left->id = tokenizer_find_merge(m->t, c.left_id, c.right_id)->id;
        right->id = -1;
        left->next = right->next;
        if (left->next >= 0) m->symbols[left->next].previous = c.left;
        consider(m, left->previous);
        consider(m, c.left);
    }
}

static void encode_piece(void *context, Str piece) {
    Merger *m = context;
    if (m->t->ignore_merges) {
        int32_t id = tokenizer_find_bytes(m->t, piece);
        if (id >= 0) {
            ids_add(m->out, id);
            return;
        }
    }
    if (piece.len > m->cap) { // each symbol is a left once at the start, and each merge adds two candidates at most
        m->cap = piece.len * 2;
        m->symbols = mem_realloc(m->symbols, m->cap, sizeof *m->symbols);
        m->heap = mem_realloc(m->heap, 3 * m->cap, sizeof *m->heap);
    }
    int32_t n = 0;
    for (size_t i = 0; i < piece.len; i++) {
        int32_t id = m->t->byte_ids[(unsigned char)piece.ptr[i]];
        if (id >= 0) m->symbols[n] = (Symbol){id, n - 1, n + 1}, n++;
    }
    if (n == 0) return;
    m->symbols[n - 1].next = -1;
    m->n_heap = 0;
    for (int32_t i = 0; i + 1 < n; i++) consider(m, i);
    merge_all(m);
    for (int32_t i = 0; i >= 0; i = m->symbols[i].next) ids_add(m->out, m->symbols[i].id);
}

// ---- specials and normalisation

// The special that begins at text[at], the longest; -1: none.
static int32_t special_at(const Tokenizer *t, Str text, size_t at) {
    if (!t->special_first[(unsigned char)text.ptr[at]]) return -1;
    Str rest = {text.ptr + at, text.len - at};
    for (int32_t i = 0; i < t->n_specials; i++) {
        if (str_starts(rest, t->tokens[t->specials[i]])) return t->specials[i];
    }
    return -1;
}

static bool is_valid_utf8(Str text) {
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_sequence(text.ptr + i, text.len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

static bool is_ascii(Str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) return false;
    }
    return true;
}

// Text between specials. Bytes that are not UTF-8 are replaced, as whoever hands over a Unicode string has done. Returns
// whether the text was taken as it is.
static bool encode_ordinary(Merger *m, Str text) {
    if (text.len == 0) return true;
    assert(text.len < INT32_MAX / 4);
    bool same = true;
    Buf lossy;
    buf_init(&lossy, 0);
    if (!is_valid_utf8(text)) {
        buf_add_utf8_lossy(&lossy, text);
        text = buf_str(&lossy);
        same = false;
    }
    utf8proc_uint8_t *composed = NULL;
    if (m->t->nfc && !is_ascii(text)) {
        utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, &composed,
                                          UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (n >= 0) {
            Str normal = {(const char *)composed, (size_t)n};
            same = same && str_equal(text, normal);
            text = normal;
        }
    }
    pretokenize(m->t->pretokenizer, text, encode_piece, m);
    free(composed); // utf8proc's
    buf_free(&lossy);
    return same;
}

static bool encode(const Tokenizer *t, Str text, Ids *ids) {
    Merger m = {.t = t, .out = ids};
    bool same = true;
    size_t from = 0;
    for (size_t at = 0; at < text.len;) {
        int32_t special = special_at(t, text, at);
        if (special < 0) {
            at++;
            continue;
        }
        same &= encode_ordinary(&m, (Str){text.ptr + from, at - from});
        ids_add(ids, special);
        at += t->tokens[special].len;
        from = at;
    }
    same &= encode_ordinary(&m, (Str){text.ptr + from, text.len - from});
    mem_free(m.symbols);
    mem_free(m.heap);
    return same;
}

void tokenizer_encode(const Tokenizer *t, Str text, Ids *ids) { encode(t, text, ids); }

bool tokenizer_encode_offsets(const Tokenizer *t, Str text, Ids *ids, Ids *ends) {
    int32_t first = ids->len, end = 0;
    bool same = encode(t, text, ids);
    for (int32_t i = first; i < ids->len; i++) {
        end += (int32_t)t->tokens[ids->data[i]].len; // tokens are the text's own bytes
        ids_add(ends, end);
    }
    return same;
}
