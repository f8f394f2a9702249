// What a tokenizer.json may ask for, and what is refused and how. The expectations are those of the tokenizers library
// 0.23, tried by hand: later of two equal merges counts, ids of added tokens follow the vocabulary's.
#include "text_test.h"

// A tokenizer.json with the 256 bytes, "ab" 256 and "bc" 257; parts of it can be replaced.
typedef struct Parts {
    const char *added, *normalizer, *pre, *model, *vocab, *merges;
    int without; // a byte that the vocabulary lacks; 0: none
} Parts;

#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"
#define ADDED(id, content, flag)                                                                           \
    "{\"id\":" #id ",\"content\":\"" content "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false," \
    "\"special\":true" flag "}"

static const Parts base = {"", "null", BYTE_LEVEL, "", "", "[\"a\",\"b\"],[\"b\",\"c\"]", 0};

static Buf make_json(const Parts *p) {
    Buf text;
    buf_init(&text, 0);
    buf_printf(&text, "{\"added_tokens\":[%s],\"normalizer\":%s,\"pre_tokenizer\":%s,\"model\":{\"type\":\"BPE\"%s,",
               p->added, p->normalizer, p->pre, p->model);
    buf_printf(&text, "\"merges\":[%s],\"vocab\":{%s\"ab\":256,\"bc\":257", p->merges, p->vocab);
    int other = 0x100; // GPT-2's alphabet
    for (int b = 0; b < 256; b++) {
        bool shown = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        unsigned character = (unsigned)(shown ? b : other++);
        if (b == 0 || b != p->without) buf_printf(&text, ",\"\\u%04x\":%d", character, b);
    }
    buf_add_text(&text, "}}}");
    return text;
}

static Tokenizer *make(const Parts *p) {
    Buf text = make_json(p);
    Tokenizer *t = tokenizer_of_json(buf_str(&text));
    buf_free(&text);
    return t;
}

static void refused(Parts p, const char *message) {
    Buf text = make_json(&p);
    Tokenizer *t;
    Error error = {""};
    if (tokenizer_from_json(buf_str(&text), "f", &t, &error)) fail_msg("taken; expected: %s", message);
    if (strncmp(error.message, message, strlen(message)) != 0) fail_msg("%s\nexpected %s", error.message, message);
    buf_free(&text);
}

static void encodes(const Parts *p, Str text, const int32_t *expected, int32_t n) {
    Tokenizer *t = make(p);
    Ids found = encoded(t, text);
    assert_ids(&found, expected, n);
    ids_free(&found);
    tokenizer_destroy(t);
}
#define ENCODES(parts, text, ...) \
    encodes(parts, STR(text), (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / 4)

static void merges_go_by_rank(void **state) {
    (void)state;
    ENCODES(&base, "abc", 256, 'c');
    Parts p = base;
    p.merges = "\"b c\",\"a b\""; // the old form: one string
    ENCODES(&p, "abc", 'a', 257);
    p.merges = "[\"a\",\"b\"],[\"b\",\"c\"],[\"a\",\"b\"]"; // of two equal ones the later counts
    ENCODES(&p, "abc", 'a', 257);
}

static void added_tokens_come_first(void **state) {
    (void)state;
    Parts p = base;
    p.added = ADDED(258, "<x>", "") "," ADDED(259, "<x>y", "");
    ENCODES(&p, "q<x>yab", 'q', 259, 256); // the longest
    p.added = ADDED(258, "<x>", "") "," ADDED(259, "<x>y", ",\"normalized\":true");
    ENCODES(&p, "<x>y", 258, 'y');  // those of the raw text before those of the normal form
    p.added = ADDED(256, "ab", ""); // of the vocabulary: merges still make it
    ENCODES(&p, "abc ab", 256, 'c', ' ', 256);
    p.added = ADDED(258, "<x>", "") "," ADDED(259, "<x>", "");
    ENCODES(&p, "<x>", 258); // the first of equal ones
    p.added = ADDED(97, "a", ""); // cuts a byte out of the text
    ENCODES(&p, "abc", 'a', 257);
}

static void normal_form_is_looked_at_between_raw_specials(void **state) {
    (void)state;
    Parts p = base;
    p.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"}]}";
    p.added = ADDED(258, "<x>", "");
    ENCODES(&p, "<x>\xCC\xB8", 258, 0xCC, 0xB8); // > and U+0338 would make one character
    p.added = ADDED(258, "<x>", ",\"normalized\":true");
    ENCODES(&p, "<x>\xCC\xB8", '<', 'x', 0xE2, 0x89, 0xAF);
}

static void a_whole_word_may_be_a_token(void **state) {
    (void)state;
    Parts p = base;
    p.vocab = "\"zebra\":258,";
    ENCODES(&p, "zebra", 'z', 'e', 'b', 'r', 'a');
    p.model = ",\"ignore_merges\":true";
    ENCODES(&p, "zebra", 258);
    ENCODES(&p, "zebras", 'z', 'e', 'b', 'r', 'a', 's');
}

static void bytes_may_be_missing(void **state) {
    (void)state;
    Parts p = base;
    p.without = 'x';
    p.added = "", p.vocab = "\"<unk>\":120,";
    ENCODES(&p, "axb", 256); // dropped; its neighbours meet
    p.model = ",\"unk_token\":\"<unk>\"";
    ENCODES(&p, "axxb", 'a', 120, 120, 'b');
    Tokenizer *t = make(&p);
    Buf json;
    buf_init(&json, 0);
    tokenizer_to_json(t, &json);
    Tokenizer *back = tokenizer_of_json(buf_str(&json));
    Ids ids = encoded(back, STR("axb"));
    assert_ids(&ids, (const int32_t[]){'a', 120, 'b'}, 3);
    ids_free(&ids), buf_free(&json);
    tokenizer_destroy(t), tokenizer_destroy(back);
}

static void unknown_parts_are_refused(void **state) {
    (void)state;
    Parts p = base;
    p.model = ",\"dropout\":0.1", refused(p, "f: model: dropout is not known");
    p.model = ",\"byte_fallback\":true", refused(p, "f: model: byte_fallback is not known");
    p.model = ",\"end_of_word_suffix\":\"</w>\"", refused(p, "f: model: end_of_word_suffix is not known");
    p.model = ",\"unk_token\":\"<unk>\"", refused(p, "f: model: unk_token: expected");
    p.model = ",\"dropout\":null,\"end_of_word_suffix\":\"\",\"fuse_unk\":false,\"unk_token\":\"a\"";
    tokenizer_destroy(make(&p));
    p = base;
    p.normalizer = "{\"type\":\"Lowercase\"}", refused(p, "f: normalizer of type \"Lowercase\" is not known");
    p.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"}]}",
    refused(p, "f: normalizer of type \"NFD\"");
    p.normalizer = "{\"type\":\"Sequence\"}", refused(p, "f: key \"normalizers\"");
    p = base;
    p.pre = "null", refused(p, "f: pre_tokenizer of type \"?\"");
    p.pre = "{\"type\":\"Metaspace\"}", refused(p, "f: pre_tokenizer of type \"Metaspace\" is not known");
    p.pre = "{\"type\":\"ByteLevel\",\"add_prefix_space\":true}";
    refused(p, "f: pre_tokenizer ByteLevel: expected add_prefix_space false");
    p.pre = "{\"type\":\"Digits\",\"individual_digits\":true}", refused(p, "f: pre_tokenizer: expected ByteLevel");
    p.pre =
        "{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_LEVEL ",{\"type\":\"Digits\",\"individual_digits\":true}]}";
    refused(p, "f: pre_tokenizer: expected ByteLevel to be the last step");
    p.pre = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},"
            "\"behavior\":\"Isolated\",\"invert\":false}," BYTE_LEVEL "]}";
    refused(p, "f: pre_tokenizer Split: expected a Regex pattern");
    p.pre = "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a.\"},"
            "\"behavior\":\"Isolated\",\"invert\":false}," BYTE_LEVEL "]}";
    refused(p, "f: split pattern: \".\" at byte 1 is not known");
}

static void added_tokens_that_cannot_be_are_refused(void **state) {
    (void)state;
    Parts p = base;
    p.added = ADDED(258, "<x>", ",\"lstrip\":true"); // the key is there twice
    refused(p, "f: not JSON: duplicate object key");
    p.added = "{\"id\":258,\"content\":\"<x>\",\"lstrip\":true}",
    refused(p, "f: added token \"<x>\": lstrip is not known");
    p.added = "{\"id\":258,\"content\":\"<x>\",\"single_word\":true}",
    refused(p, "f: added token \"<x>\": single_word");
    p.added = ADDED(260, "<x>", ""), refused(p, "f: added token \"<x>\": id 260, expected 258");
    p.added = ADDED(5, "<x>", ""), refused(p, "f: added token \"<x>\": id 5, expected 258");
    p.vocab = "\"zz\":259,", p.added = ADDED(259, "<x>", ""); // the id that is next, and taken
    refused(p, "f: added token \"<x>\": id 259, expected 259");
    p.vocab = "";
    p.added = ADDED(258, "ab", ""), refused(p, "f: added token \"ab\": id 258, expected 256");
    p.added = ADDED(258, "", ""), refused(p, "f: special token 258: expected a text");
    p.added = "{\"id\":-1,\"content\":\"<x>\"}", refused(p, "f: added_tokens: element 0: expected an id");
    p.added = "{\"id\":258}", refused(p, "f: added_tokens: element 0: expected an id and its content");
    p.added = "3", refused(p, "f: added_tokens: element 0");
}

static void wrong_vocabularies_are_refused(void **state) {
    (void)state;
    Parts p = base;
    p.vocab = "\"cd\":256,", refused(p, "f: vocab: two tokens of id 256");
    p.vocab = "\"cd\":1000000,", refused(p, "f: vocab: expected ids from 0 to 999999");
    p.vocab = "\"cd\":1.5,", refused(p, "f: vocab: expected ids");
    p = base;
    p.merges = "[\"a\",\"c\"]", refused(p, "f: merge 0: expected two tokens that make up a third");
    p.merges = "[\"a\",\"b\"],[\"a\"]", refused(p, "f: merge 1: expected two tokens");
    p.merges = "\"ab\"", refused(p, "f: merge 0");
    Tokenizer *t;
    Error error;
    const Str texts[] = {STR(""), STR("[]"), STR("{}"), STR("{\"model\":{\"type\":\"WordPiece\"}}"),
                         STR("{\"model\":{\"vocab\":{},\"merges\":[]},\"pre_tokenizer\":" BYTE_LEVEL "}")};
    for (size_t i = 0; i < 5; i++) {
        assert_false(tokenizer_from_json(texts[i], "f", &t, &error));
        assert_int_equal(strncmp(error.message, "f: ", 3), 0);
    }
    assert_string_equal(error.message, "f: the vocabulary has 0 of 256 bytes: not a byte-level BPE");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_go_by_rank),
        cmocka_unit_test(added_tokens_come_first),
        cmocka_unit_test(normal_form_is_looked_at_between_raw_specials),
        cmocka_unit_test(a_whole_word_may_be_a_token),
        cmocka_unit_test(bytes_may_be_missing),
        cmocka_unit_test(unknown_parts_are_refused),
        cmocka_unit_test(added_tokens_that_cannot_be_are_refused),
        cmocka_unit_test(wrong_vocabularies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
