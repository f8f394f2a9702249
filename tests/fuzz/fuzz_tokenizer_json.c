// Whatever the bytes: tokenizer_from_json gives a tokenizer or one line of error. A tokenizer encodes any text (here
// its own JSON's beginning), its ids are in range, and what it writes reads back to the same ids and the same second
// writing.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_BYTES 300

static void must(bool holds) {
    if (!holds) abort();
}

static Ids encode(const Tokenizer *t, Str text) {
    Ids ids = {0};
    tokenizer_encode(t, text, &ids);
    for (int32_t i = 0; i < ids.len; i++) must(ids.data[i] >= 0 && ids.data[i] < tokenizer_size(t));
    return ids;
}

static bool same_ids(const Ids *a, const Ids *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, (size_t)a->len * sizeof *a->data) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Error error = {""};
    Tokenizer *t, *back;
    Str json = {(const char *)data, size};
    if (!tokenizer_from_json(json, "fuzz", &t, &error)) {
        must(strncmp(error.message, "fuzz: ", 6) == 0 && strchr(error.message, '\n') == NULL);
        return 0;
    }
    Str text = {json.ptr, size < TEXT_BYTES ? size : TEXT_BYTES};
    Buf once, twice;
    buf_init(&once, 0);
    buf_init(&twice, 0);
    tokenizer_to_json(t, &once);
    must(tokenizer_from_json(buf_str(&once), "back", &back, &error));
    Ids ids = encode(t, text), again = encode(back, text);
    must(same_ids(&ids, &again));
    tokenizer_to_json(back, &twice);
    must(str_equal(buf_str(&once), buf_str(&twice)));
    ids_free(&ids);
    ids_free(&again);
    buf_free(&once);
    buf_free(&twice);
    tokenizer_destroy(t);
    tokenizer_destroy(back);
    return 0;
}
