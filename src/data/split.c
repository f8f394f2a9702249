#include "data/split.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/hash.h"

void question_normalise(Str question, Buf *out) {
    utf8proc_uint8_t *folded = NULL;
    utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD;
    utf8proc_ssize_t length =
        utf8proc_map((const utf8proc_uint8_t *)question.ptr, (utf8proc_ssize_t)question.len, &folded, how);
    // What is no UTF-8 is compared as it is.
    Str text = str_trim(length >= 0 ? (Str){(const char *)folded, (size_t)length} : question);
    bool blank = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool space = c == ' ' || (c >= '\t' && c <= '\r');
        if (!space || !blank) buf_add_char(out, space ? ' ' : c);
        blank = space;
    }
    free(folded);
}

typedef struct Keyed {
    Sha256Hex key;
    size_t row;
} Keyed;

static int compare_keyed(const void *a, const void *b) {
    const Keyed *x = a, *y = b;
    int order = strcmp(x->key.text, y->key.text);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

size_t split_choose(const Row *rows, size_t count, size_t n_test, uint64_t seed, bool *in_test) {
    Keyed *keyed = mem_alloc(count, sizeof *keyed);
    Buf text;
    buf_init(&text, 0);
    for (size_t i = 0; i < count; i++) {
        assert(rows[i].question.ptr != NULL);
        buf_clear(&text);
        buf_printf(&text, "%" PRIu64 "\n", seed);
        question_normalise(rows[i].question, &text);
        keyed[i] = (Keyed){sha256_bytes(text.data, text.len), i};
        in_test[i] = false;
    }
    buf_free(&text);
    qsort(keyed, count, sizeof *keyed, compare_keyed);
    size_t chosen = 0;
    for (size_t from = 0, to; from < count && chosen < n_test; from = to) {
        for (to = from + 1; to < count && strcmp(keyed[to].key.text, keyed[from].key.text) == 0;)
            to++;
        if (to - from > n_test - chosen) continue;
        for (size_t i = from; i < to; i++)
            in_test[keyed[i].row] = true;
        chosen += to - from;
    }
    mem_free(keyed);
    return chosen;
}
