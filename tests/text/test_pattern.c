// Split patterns: what is carried over, what is refused, and the pieces that the known rules make.
#include "text_test.h"
#include "text/pretokenize.h"

static void white_space_is_the_property(void **state) {
    (void)state;
    Buf out;
    Error error;
    buf_init(&out, 0);
    assert_true(pattern_translate(STR("\\s+(?!\\S)|[^\\s\\p{Lu}]{1,3}|(?i:'s)?\\.x"), "f", &out, &error));
    assert_str(buf_str(&out),
               STR("\\p{White_Space}+(?!\\P{White_Space})|[^\\p{White_Space}\\p{Lu}]{1,3}|(?i:'s)?\\.x"));
    buf_free(&out);
}

static void what_would_differ_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"",       "a.",          "^a",      "a$",      "\\w+",   "\\bx",    "\\h",
                                        "\\x41",  "\\p{Han}",    "\\p{^L}", "\\pL",    "\\p{L",  "a{1,3}+", "a{2}?",
                                        "a{,3}",  "a{",          "{",       "}",       "]",      "[a",      "[]a]", "[]a[b]",
                                        "[a&&b]", "[[:alpha:]]", "[[a]b]",  "(?<=a)b", "(?i)a",  "(*FAIL)", "(ab)*",
                                        "(a|b)+", "(a){2}",      "\\",      "\\1",     "\\Ka",   "\\Ca",    "a*",
                                        "a?",     "(?!a)",       "(a",      "a)",      "a{3,1}", "[b-a]",   "(?'n'a)"};
    Pretokenizer *p;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Error error = {""};
        if (pretokenizer_create(&wrong[i], 1, "f", &p, &error)) fail_msg("taken: %s", wrong[i]);
        assert_int_equal(strncmp(error.message, "f: ", 3), 0);
    }
    Buf huge;
    buf_init(&huge, 0);
    for (int i = 0; i <= PATTERN_MAX_BYTES; i++) buf_add_char(&huge, 'a');
    Error error;
    assert_false(pattern_translate(buf_str(&huge), "f", &huge, &error));
    buf_free(&huge);
    const char *many[PRETOKENIZE_MAX_STEPS + 1];
    for (int i = 0; i <= PRETOKENIZE_MAX_STEPS; i++) many[i] = "a";
    assert_false(pretokenizer_create(many, PRETOKENIZE_MAX_STEPS + 1, "f", &p, &error));
}

static void add_piece(void *context, Str piece) {
    Buf *out = context;
    buf_add_str(out, piece);
    buf_add_char(out, '|');
}

static void cuts(const char *const *patterns, int n, Str text, Str expected) {
    Pretokenizer *p;
    Error error;
    if (!pretokenizer_create(patterns, n, "f", &p, &error)) fail_msg("%s", error.message);
    Buf out;
    buf_init(&out, 0);
    pretokenize(p, text, add_piece, &out);
    assert_str(buf_str(&out), expected);
    buf_free(&out);
    pretokenizer_destroy(p);
}

// Expected pieces: read off the patterns by hand, and as the tokenizers library's pre_tokenize_str gives them.
static void rules_cut_as_they_say(void **state) {
    (void)state;
    const char *const gpt2[] = {PATTERN_GPT2}, *const smollm[] = {PATTERN_DIGIT, PATTERN_GPT2};
    const char *const qwen2[] = {PATTERN_QWEN2}, *const llama3[] = {PATTERN_LLAMA3};
    Str text = STR("It's  12345 (x\n\n y)!\n");
    cuts(gpt2, 1, text, STR("It|'s| | 12345| (|x|\n\n| y|)!|\n|"));
    cuts(smollm, 2, text, STR("It|'s|  |1|2|3|4|5| (|x|\n\n| y|)!|\n|"));
    cuts(qwen2, 1, text, STR("It|'s| | |1|2|3|4|5| (|x|\n\n| y|)!\n|"));
    cuts(llama3, 1, text, STR("It|'s| | |123|45| (|x|\n\n| y|)!\n|"));
    cuts(qwen2, 1, STR("a  \xE1\xA0\x8E"), STR("a| | \xE1\xA0\x8E|")); // U+180E is no white space
    cuts(gpt2, 1, STR(""), STR(""));
    const char *const digits[] = {"\\d"};
    cuts(digits, 1, STR("1\xD9\xA3x"), STR("1|\xD9\xA3|x|")); // an Arabic three
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_is_the_property),
        cmocka_unit_test(what_would_differ_is_refused),
        cmocka_unit_test(rules_cut_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
