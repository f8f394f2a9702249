// Encoding and decoding. Reference: Hugging Face's tokenizers 0.23 (golden files by tests/golden/make_text_cases.py);
// ids are whole numbers, so everything is exact.
#include "text_test.h"

static const char *const rules[] = {"gpt2", "smollm", "qwen2", "llama3"};

static Ids ids_of_json(json_t *array) {
    Ids ids = {0};
    json_t *item;
    size_t i;
    json_array_foreach(array, i, item) ids_add(&ids, (int32_t)json_integer_value(item));
    return ids;
}

static void check_case(const Tokenizer *t, json_t *item) {
    Str text = json_str(json_object_get(item, "text"));
    Ids expected = ids_of_json(json_object_get(item, "ids")), found = encoded(t, text);
    assert_ids(&found, expected.data, expected.len);
    Buf back = decoded(t, &expected, false), plain = decoded(t, &expected, true), lossy;
    buf_init(&lossy, 0);
    buf_add_utf8_lossy(&lossy, buf_str(&back)); // tokens without a byte of a character: as the library, U+FFFD
    assert_str(buf_str(&lossy), json_str(json_object_get(item, "text_back")));
    buf_clear(&lossy);
    buf_add_utf8_lossy(&lossy, buf_str(&plain));
    assert_str(buf_str(&lossy), json_str(json_object_get(item, "text_plain")));
    buf_free(&back), buf_free(&plain), buf_free(&lossy);
    ids_free(&expected), ids_free(&found);
}

static void cases_agree(const Tokenizer *t, json_t *cases) {
    json_t *item;
    size_t i;
    assert_true(json_array_size(cases) > 50);
    json_array_foreach(cases, i, item) check_case(t, item);
}

static void golden_cases_agree(void **state) {
    (void)state;
    json_t *all = golden_json("tokenizer_cases.json");
    for (int r = 0; r < 4; r++) {
        Tokenizer *t = golden_tokenizer(rules[r]);
        cases_agree(t, json_object_get(all, rules[r]));
        tokenizer_destroy(t);
    }
    json_decref(all);
}

// What is written reads back: same ids, same text, and a second writing is the same bytes.
static void written_json_reads_back(void **state) {
    (void)state;
    json_t *all = golden_json("tokenizer_cases.json");
    for (int r = 0; r < 4; r++) {
        Tokenizer *t = golden_tokenizer(rules[r]);
        Buf once, twice;
        buf_init(&once, 0), buf_init(&twice, 0);
        tokenizer_to_json(t, &once);
        // in the words that others look for
        assert_int_equal(str_find(buf_str(&once), STR("\"Digits\""), 0) >= 0, r == 1);
        Tokenizer *back = tokenizer_of_json(buf_str(&once));
        assert_int_equal(tokenizer_size(back), tokenizer_size(t));
        cases_agree(back, json_object_get(all, rules[r]));
        tokenizer_to_json(back, &twice);
        assert_str(buf_str(&twice), buf_str(&once));
        buf_free(&once), buf_free(&twice);
        tokenizer_destroy(t), tokenizer_destroy(back);
    }
    json_decref(all);
}

// ---- from plain arrays, as a GGUF file has them

typedef struct Arrays {
    Buf merge_text[1000];
    Str tokens[1000], merges[1000];
    bool special[1000];
    TokenizerSpec spec;
} Arrays;

static void fill_arrays(Arrays *a, json_t *root, SplitRule split) {
    json_t *model = json_object_get(root, "model"), *value, *added = json_object_get(root, "added_tokens");
    json_t *merges = json_object_get(model, "merges");
    const char *key;
    size_t i;
    *a = (Arrays){.spec = {a->tokens, 0, a->merges, 0, a->special, split, split == SPLIT_QWEN2, "arrays"}};
    json_object_foreach(json_object_get(model, "vocab"), key, value) {
        a->tokens[json_integer_value(value)] = str_of(key);
        a->spec.n_tokens++;
    }
    json_array_foreach(added, i, value) {
        int32_t id = (int32_t)json_integer_value(json_object_get(value, "id"));
        a->tokens[id] = json_str(json_object_get(value, "content"));
        a->special[id] = true;
        if (id >= a->spec.n_tokens) a->spec.n_tokens = id + 1;
    }
    json_array_foreach(merges, i, value) {
        buf_init(&a->merge_text[i], 0);
        buf_printf(&a->merge_text[i], "%s %s", json_string_value(json_array_get(value, 0)),
                   json_string_value(json_array_get(value, 1)));
        a->merges[a->spec.n_merges++] = buf_str(&a->merge_text[i]);
    }
}

static void arrays_give_the_same(void **state) {
    (void)state;
    static const SplitRule splits[] = {SPLIT_GPT2, SPLIT_SMOLLM, SPLIT_QWEN2, SPLIT_LLAMA3};
    json_t *all = golden_json("tokenizer_cases.json");
    Arrays *a = mem_alloc(1, sizeof *a);
    for (int r = 0; r < 4; r++) {
        if (splits[r] == SPLIT_QWEN2) continue; // has added tokens that are matched in the normal form, arrays do not
        char name[64];
        snprintf(name, sizeof name, "%s.tokenizer.json", rules[r]);
        json_t *root = golden_json(name), *item;
        fill_arrays(a, root, splits[r]);
        Tokenizer *t;
        Error error;
        size_t i;
        if (!tokenizer_from_spec(&a->spec, &t, &error)) fail_msg("%s", error.message);
        json_array_foreach(json_object_get(all, rules[r]), i, item) {
            Ids expected = ids_of_json(json_object_get(item, "ids"));
            Ids found = encoded(t, json_str(json_object_get(item, "text")));
            assert_ids(&found, expected.data, expected.len);
            ids_free(&expected), ids_free(&found);
        }
        tokenizer_destroy(t);
        for (int32_t m = 0; m < a->spec.n_merges; m++) buf_free(&a->merge_text[m]);
        json_decref(root);
    }
    mem_free(a);
    json_decref(all);
}

static void arrays_are_checked(void **state) {
    (void)state;
    Arrays *a = mem_alloc(1, sizeof *a);
    json_t *root = golden_json("gpt2.tokenizer.json");
    fill_arrays(a, root, SPLIT_GPT2);
    Tokenizer *t;
    Error error;
    Str token = a->tokens[200], merge = a->merges[3];
    a->tokens[200] = STR("\xE2\x82\xAC"); // the alphabet has no euro sign
    assert_false(tokenizer_from_spec(&a->spec, &t, &error));
    assert_string_equal(error.message, "arrays: token 200 is not in the alphabet of a byte-level BPE");
    a->tokens[200] = token;
    const Str wrong[] = {STR("zz q"), STR("t"), STR(""), STR(" t"), STR("t ")};
    for (size_t i = 0; i < 5; i++) {
        a->merges[3] = wrong[i];
        assert_false(tokenizer_from_spec(&a->spec, &t, &error));
        assert_string_equal(error.message, "arrays: merge 3: expected two tokens that make up a third");
    }
    a->merges[3] = merge;
    int32_t n = a->spec.n_tokens;
    a->spec.n_tokens = 255;
    assert_false(tokenizer_from_spec(&a->spec, &t, &error));
    a->spec.n_tokens = n;
    assert_true(tokenizer_from_spec(&a->spec, &t, &error));
    tokenizer_destroy(t);
    a->spec.nfc = true;
    assert_true(tokenizer_from_spec(&a->spec, &t, &error));
    Ids apart = encoded(t, STR("e\xCC\x81")), composed = encoded(t, STR("\xC3\xA9"));
    assert_ids(&apart, composed.data, composed.len);
    ids_free(&apart), ids_free(&composed);
    tokenizer_destroy(t);
    for (int32_t m = 0; m < a->spec.n_merges; m++) buf_free(&a->merge_text[m]);
    json_decref(root);
    mem_free(a);
}

// ---- offsets, bytes that are no text, long pieces

static void ends_are_where_tokens_end(void **state) {
    (void)state;
    Tokenizer *t = golden_tokenizer("qwen2");
    const Str texts[] = {STR("They're 12 <|im_end|>\n\n\nx caf\xC3\xA9"), STR("")};
    for (int k = 0; k < 2; k++) {
        Ids ids = {0}, ends = {0};
        assert_true(tokenizer_encode_offsets(t, texts[k], &ids, &ends));
        assert_int_equal(ends.len, ids.len);
        for (int32_t i = 0; i < ids.len; i++) {
            Buf one;
            buf_init(&one, 0);
            tokenizer_decode(t, &ids.data[i], 1, false, &one);
            size_t from = i > 0 ? (size_t)ends.data[i - 1] : 0;
            assert_str((Str){texts[k].ptr + from, (size_t)ends.data[i] - from}, buf_str(&one));
            buf_free(&one);
        }
        if (ids.len > 0) assert_int_equal(ends.data[ids.len - 1], texts[k].len);
        ids_free(&ids), ids_free(&ends);
    }
    Ids ids = {0}, ends = {0};
    assert_false(tokenizer_encode_offsets(t, STR("e\xCC\x81"), &ids, &ends)); // e + acute: NFC makes it one
    assert_false(tokenizer_encode_offsets(t, STR("\xFFx"), &ids, &ends));
    ids_free(&ids), ids_free(&ends);
    tokenizer_destroy(t);
    t = golden_tokenizer("smollm");
    assert_false(tokenizer_encode_offsets(t, STR("a\x04z"), &ids, &ends)); // 0x04 is not in its vocabulary
    Buf back = decoded(t, &ids, false);
    assert_str(buf_str(&back), STR("az"));
    buf_free(&back), ids_free(&ids), ids_free(&ends);
    tokenizer_destroy(t);
}

static void invalid_bytes_become_replacement_characters(void **state) {
    (void)state;
    Tokenizer *t = golden_tokenizer("llama3");
    Ids found = encoded(t, STR("a\xFF\xE2\x82z\xC0")),
        expected = encoded(t, STR("a\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD"));
    assert_ids(&found, expected.data, expected.len);
    ids_free(&found), ids_free(&expected);
    tokenizer_destroy(t);
}

// A megabyte without a place to cut: the merges of a piece must not be quadratic. Reference: the same text is a whole
// number of repetitions, whose merges cannot reach across (the letter q is in no merge).
static void long_pieces_are_merged(void **state) {
    (void)state;
    Tokenizer *t = golden_tokenizer("qwen2");
    Ids one = encoded(t, STR("qthenthe"));
    const int32_t n = 1 << 17;
    Buf text;
    buf_init(&text, 0);
    for (int32_t i = 0; i < n; i++) buf_add_text(&text, "qthenthe");
    Ids all = encoded(t, buf_str(&text));
    assert_int_equal(all.len, n * one.len);
    assert_true(one.len < 8);
    for (int32_t i = 0; i < all.len; i++) assert_int_equal(all.data[i], one.data[i % one.len]);
    buf_clear(&text);
    for (int32_t i = 0; i < 1 << 22; i++) buf_add_char(&text, ' '); // long white space takes many steps of the matcher
    buf_add_text(&text, "q");
    Ids spaces = encoded(t, buf_str(&text)), last = encoded(t, STR(" q"));
    assert_int_equal(spaces.data[spaces.len - 1], last.data[last.len - 1]);
    Buf back = decoded(t, &spaces, false);
    assert_str(buf_str(&back), buf_str(&text));
    buf_free(&text), buf_free(&back);
    ids_free(&one), ids_free(&all), ids_free(&spaces), ids_free(&last);
    tokenizer_destroy(t);
}

// ---- ids and kinds of tokens

static void tokens_have_ids_and_kinds(void **state) {
    (void)state;
    Tokenizer *t = golden_tokenizer("qwen2");
    int32_t end = tokenizer_id(t, STR("<|im_end|>")), tool = tokenizer_id(t, STR("<<tool>>")),
            plain = tokenizer_id(t, STR("the"));
    assert_true(end >= 0 && tool >= 0 && plain >= 0);
    assert_true(tokenizer_is_special(t, end) && tokenizer_is_control(t, end));
    assert_true(tokenizer_is_special(t, tool) && !tokenizer_is_control(t, tool));
    assert_true(!tokenizer_is_special(t, plain) && !tokenizer_is_control(t, plain));
    assert_int_equal(tokenizer_id(t, STR("<|nope|>")), -1);
    assert_true(tokenizer_id(t, STR("\xE9")) >= 0); // a byte, not the letter of the alphabet
    assert_false(tokenizer_is_special(t, -1) || tokenizer_is_special(t, tokenizer_size(t)));
    const int32_t odd[] = {-1, plain, tokenizer_size(t), 1 << 30};
    Buf out;
    buf_init(&out, 0);
    tokenizer_decode(t, odd, 4, false, &out);
    assert_str(buf_str(&out), STR("the"));
    buf_free(&out);
    tokenizer_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_cases_agree),        cmocka_unit_test(written_json_reads_back),
        cmocka_unit_test(arrays_give_the_same),      cmocka_unit_test(arrays_are_checked),
        cmocka_unit_test(ends_are_where_tokens_end), cmocka_unit_test(invalid_bytes_become_replacement_characters),
        cmocka_unit_test(long_pieces_are_merged),    cmocka_unit_test(tokens_have_ids_and_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
