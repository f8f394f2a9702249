// What the tests of text share: golden files and tokenizers made from them.
#ifndef RLT_TESTS_TEXT_TEST_H
#define RLT_TESTS_TEXT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "text/tokenizer.h"

#define TEXT_GOLDEN TEST_DATA "/text/golden/"

static inline json_t *golden_json(const char *name) {
    char path[512];
    json_t *root;
    Error error;
    snprintf(path, sizeof path, "%s%s", TEXT_GOLDEN, name);
    if (!json_read_file(path, &root, &error)) fail_msg("%s", error.message);
    return root;
}

// The text of the tokenizer.json of a rule (gpt2, smollm, qwen2, llama3), to be freed with buf_free.
static inline Buf golden_tokenizer_json(const char *rule) {
    char path[512];
    Buf text;
    Error error;
    snprintf(path, sizeof path, "%s%s.tokenizer.json", TEXT_GOLDEN, rule);
    if (!file_read(path, (size_t)1 << 20, &text, &error)) fail_msg("%s", error.message);
    return text;
}

static inline Tokenizer *tokenizer_of_json(Str json) {
    Tokenizer *t;
    Error error;
    if (!tokenizer_from_json(json, "test", &t, &error)) fail_msg("%s", error.message);
    return t;
}

static inline Tokenizer *golden_tokenizer(const char *rule) {
    Buf text = golden_tokenizer_json(rule);
    Tokenizer *t = tokenizer_of_json(buf_str(&text));
    buf_free(&text);
    return t;
}

static inline Str json_str(json_t *value) {
    assert_true(json_is_string(value));
    return (Str){json_string_value(value), json_string_length(value)};
}

static inline void assert_str(Str found, Str expected) {
    if (!str_equal(found, expected)) {
        fail_msg("\"%.*s\", expected \"%.*s\"", (int)found.len, found.ptr, (int)expected.len, expected.ptr);
    }
}

static inline void assert_ids(const Ids *found, const int32_t *expected, int32_t n) {
    bool same = found->len == n;
    for (int32_t i = 0; same && i < n; i++) same = found->data[i] == expected[i];
    if (same) return;
    for (int32_t i = 0; i < found->len; i++) fprintf(stderr, "%d ", found->data[i]);
    fprintf(stderr, "\nexpected ");
    for (int32_t i = 0; i < n; i++) fprintf(stderr, "%d ", expected[i]);
    fail_msg("other ids");
}

static inline Ids encoded(const Tokenizer *t, Str text) {
    Ids ids = {0};
    tokenizer_encode(t, text, &ids);
    return ids;
}

static inline Buf decoded(const Tokenizer *t, const Ids *ids, bool skip_special) {
    Buf out;
    buf_init(&out, 0);
    tokenizer_decode(t, ids->data, ids->len, skip_special, &out);
    return out;
}

#endif
