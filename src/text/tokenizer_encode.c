// Text to ids: specials first, then NFC, then pieces, then merges within each piece.
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "text/tokenizer_impl.h"

// ---- merging one piece: a linked list of symbols and a heap of candidates, best rank first, leftmost among equals

typedef struct Symbol {
    int32_t id;
    int32_t previous, next; // -1: none
} Symbol;

typedef struct Candidate {
    int32_t rank, left; // index of the left symbol
    int32_t left_id, right_id;
} Candidate;

typedef struct Merger {
    const Tokenizer *t;
    Ids *out;
    Symbol *symbols;
    Candidate *heap;
    int32_t n_heap;
    size_t cap;
    bool lost; // a byte that the vocabulary lacks came up
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
    if (piece.len > m->cap) {
        m->cap = piece.len + piece.len / 2;
        m->symbols = mem_realloc(m->symbols, m->cap, sizeof *m->symbols);
        // n - 1 candidates at the start; each of at most n - 1 merges takes one and adds two
        m->heap = mem_realloc(m->heap, 2 * m->cap, sizeof *m->heap);
    }
    int32_t n = 0;
    for (size_t i = 0; i < piece.len; i++) {
        int32_t id = m->t->byte_ids[(unsigned char)piece.ptr[i]];
        m->lost |= id < 0 || id == m->t->unknown;
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

Str tokenizer_normalize(const Tokenizer *t, Str text, Buf *scratch) {
    if (is_ascii(text)) return text;
    buf_clear(scratch);
    if (!is_valid_utf8(text)) {
        buf_add_utf8_lossy(scratch, text);
        text = buf_str(scratch);
    }
    if (!t->nfc) return text;
    utf8proc_uint8_t *composed = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text.ptr, (utf8proc_ssize_t)text.len, &composed,
                                      UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    assert(n >= 0); // valid UTF-8, and enough memory
    buf_clear(scratch);
    buf_add(scratch, composed, (size_t)n);
    free(composed); // utf8proc's
    return buf_str(scratch);
}

typedef struct Encoder {
    Merger merger;
    Buf normal;   // scratch
    bool changed; // some text was not in its normal form
} Encoder;

// Calls part() for the text between specials of `set`, and adds their ids.
static void cut_specials(Encoder *e, const SpecialSet *set, Str text, void (*part)(Encoder *e, Str text)) {
    size_t from = 0;
    for (size_t at = 0; set->count > 0 && at < text.len;) {
        int32_t special = special_set_at(set, text, at);
        if (special < 0) {
            at++;
            continue;
        }
        if (at > from) part(e, (Str){text.ptr + from, at - from});
        ids_add(e->merger.out, special);
        from = at += e->merger.t->tokens[special].len;
    }
    if (text.len > from) part(e, (Str){text.ptr + from, text.len - from});
}

static void encode_plain(Encoder *e, Str text) {
    pretokenize(e->merger.t->pretokenizer, text, encode_piece, &e->merger);
}

static void encode_between(Encoder *e, Str text) {
    Str normal = tokenizer_normalize(e->merger.t, text, &e->normal);
    e->changed |= !str_equal(normal, text);
    cut_specials(e, &e->merger.t->normalized_specials, normal, encode_plain);
}

// true: the text was in its normal form, and the ids hold all of it.
static bool encode(const Tokenizer *t, Str text, Ids *ids) {
    assert(text.len <= TOKENIZER_MAX_TEXT_BYTES);
    Encoder e = {.merger = {.t = t, .out = ids}};
    buf_init(&e.normal, 0);
    cut_specials(&e, &t->raw_specials, text, encode_between);
    buf_free(&e.normal);
    mem_free(e.merger.symbols);
    mem_free(e.merger.heap);
    return !e.changed && !e.merger.lost;
}

void tokenizer_encode(const Tokenizer *t, Str text, Ids *ids) { encode(t, text, ids); }

bool tokenizer_encode_offsets(const Tokenizer *t, Str text, Ids *ids, Ids *ends) {
    int32_t first = ids->len, end = 0;
    bool same = encode(t, text, ids);
    for (int32_t i = first; i < ids->len; i++) {
        end += (int32_t)t->tokens[ids->data[i]].len; // tokens are the (normal) text's own bytes
        ids_add(ends, end);
    }
    return same;
}
