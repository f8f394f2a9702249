// Whatever the text, under each split rule: ids decode to the text as it is (every byte is a token, so nothing is lost)
// where it is valid UTF-8 in its normal form, else to that form, and the ends of tokens are where they end in it.
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

// Tokens: the 256 bytes, six merges, two specials.
static Tokenizer *make(SplitRule split, bool nfc) {
    static const char *const words[] = {"th", "the", "in", "11", "  ", "\n\n"};
    TokenizerTraining training = {.vocabulary_size = 256, .split = split};
    Tokenizer *bytes, *t;
    Error error;
    must(tokenizer_train(&training, &bytes, &error));
    Buf json, with;
    buf_init(&json, 0);
    buf_init(&with, 0);
    tokenizer_to_json(bytes, &json);
    tokenizer_destroy(bytes);
    // the JSON of the bytes alone, with tokens, merges, specials and the normal form put in
    Str text = buf_str(&json), vocab = STR("\"vocab\":{"), merges = STR("\"merges\":["),
        added = STR("\"added_tokens\":[");
    Str normalizer = STR("\"normalizer\":null");
    size_t at_added = (size_t)str_find(text, added, 0) + added.len,
           at_vocab = (size_t)str_find(text, vocab, 0) + vocab.len;
    size_t at_merges = (size_t)str_find(text, merges, 0) + merges.len;
    size_t at_normalizer = (size_t)str_find(text, normalizer, 0) + normalizer.len - 4;
    buf_add(&with, text.ptr, at_added);
    buf_add_text(
        &with,
        "{\"id\":262,\"content\":\"<|x|>\",\"special\":true},{\"id\":263,\"content\":\"<|x\",\"normalized\":true}");
    buf_add(&with, text.ptr + at_added, at_normalizer - at_added);
    buf_add_text(&with, nfc ? "{\"type\":\"NFC\"}" : "null");
    buf_add(&with, text.ptr + at_normalizer + 4, at_vocab - at_normalizer - 4);
    for (int i = 0; i < 6; i++) {
        const char *shown = i == 4 ? "\xC4\xA0\xC4\xA0" : i == 5 ? "\xC4\x8A\xC4\x8A" : words[i]; // in the alphabet
        buf_printf(&with, "\"%s\":%d,", shown, 256 + i);
    }
    buf_add(&with, text.ptr + at_vocab, at_merges - at_vocab);
    buf_add_text(&with, "[\"t\",\"h\"],[\"th\",\"e\"],[\"i\",\"n\"],[\"1\",\"1\"],[\"\xC4\xA0\",\"\xC4\xA0\"],"
                        "[\"\xC4\x8A\",\"\xC4\x8A\"]");
    buf_add(&with, text.ptr + at_merges, text.len - at_merges);
    must(tokenizer_from_json(buf_str(&with), "made", &t, &error));
    buf_free(&json);
    buf_free(&with);
    return t;
}

static void check(const Tokenizer *t, Str text, bool nfc) {
    Ids ids = {0}, ends = {0};
    Buf back, lossy;
    buf_init(&back, 0);
    buf_init(&lossy, 0);
    bool same = tokenizer_encode_offsets(t, text, &ids, &ends);
    tokenizer_decode(t, ids.data, ids.len, false, &back);
    buf_add_utf8_lossy(&lossy, text);
    must(!same || str_equal(buf_str(&back), text));
    must(nfc || str_equal(buf_str(&back), buf_str(&lossy)));
    must(ends.len == ids.len && (ids.len == 0 || (size_t)ends.data[ids.len - 1] == back.len));
    for (int32_t i = 1; i < ends.len; i++) must(ends.data[i] > ends.data[i - 1]);
    if (same) { // what is in its normal form stays so
        Ids again = {0};
        tokenizer_encode(t, buf_str(&back), &again);
        must(again.len == ids.len);
        ids_free(&again);
    }
    buf_free(&back);
    buf_free(&lossy);
    ids_free(&ids);
    ids_free(&ends);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Tokenizer *tokenizers[4]; // made once; a fuzz target lives as long as its process
    Str text = {(const char *)data, size};
    for (int rule = 0; rule < 4; rule++) {
        bool nfc = rule == SPLIT_QWEN2;
        if (tokenizers[rule] == NULL) tokenizers[rule] = make((SplitRule)rule, nfc);
        check(tokenizers[rule], text, nfc);
    }
    return 0;
}
