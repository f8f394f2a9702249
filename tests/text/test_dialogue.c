// Dialogues. Reference: the layouts of dialogue.h written out by hand as text; the values of real rows, with ids by
// Transformers, are those of reward.json, which tests/oracle checks.
#include "text_test.h"

#include "text/dialogue.h"
#include "text/stop_text.h"

typedef struct Fixture {
    Tokenizer *tokenizer;
    ChatTemplate chat;
    DialogueFormat format;
    Dialogue d;
} Fixture;

static void replace(char **text, const char *by) {
    mem_free(*text);
    *text = mem_strdup(by);
}

static Fixture *fixture(Tokenizer *tokenizer) {
    Fixture *f = mem_alloc(1, sizeof *f);
    Error error;
    f->tokenizer = tokenizer;
    assert_true(chat_by_name("chatml", &f->chat, &error));
    dialogue_format_init(&f->format);
    assert_non_null(strstr(f->format.teacher_system, f->format.explanation_close)); // the prompts name the tags
    assert_non_null(strstr(f->format.student_system, f->format.solution_open));
    replace(&f->format.teacher_system, "Teach.");
    replace(&f->format.student_system, "Think.");
    f->d = (Dialogue){tokenizer, &f->chat, &f->format};
    return f;
}

// Tags are text to this one (as to real models), NFC.
static Fixture *plain_fixture(void) { return fixture(golden_tokenizer("qwen2")); }

// Tags are tokens of their own and the padding is empty, as in our own tiny models. n_control 9: they are control tokens
// too, as add_special_tokens makes them; 3: they are not.
static Fixture *token_fixture(int32_t n_control) {
    DialogueFormat f;
    dialogue_format_init(&f);
    const Str specials[] = {STR("<|endoftext|>"),        STR("<|im_start|>"),      STR("<|im_end|>"),
                            str_of(f.solution_open),     str_of(f.solution_close), str_of(f.explanation_open),
                            str_of(f.explanation_close), str_of(f.thought_open),   str_of(f.thought_close)};
    const Str document = STR("12 12 + 34 34 = 46 46");
    TokenizerTraining training = {&document, 1, specials, 9, n_control, 300, SPLIT_LLAMA3};
    Tokenizer *t;
    Error error;
    assert_true(tokenizer_train(&training, &t, &error));
    dialogue_format_free(&f);
    Fixture *fix = fixture(t);
    replace(&fix->format.padding, "");
    return fix;
}

static void fixture_free(Fixture *f) {
    tokenizer_destroy(f->tokenizer);
    dialogue_format_free(&f->format);
    mem_free(f);
}

static void are_ids_of(const Fixture *f, const int32_t *ids, int32_t n, Str text) {
    Ids expected = encoded(f->tokenizer, text);
    assert_ids(&(Ids){(int32_t *)ids, n, n}, expected.data, expected.len);
    ids_free(&expected);
}

static void have_text(const Fixture *f, const int32_t *ids, int32_t n, Str text) {
    Buf found = decoded(f->tokenizer, &(Ids){(int32_t *)ids, n, n}, false);
    assert_str(buf_str(&found), text);
    buf_free(&found);
}

#define USER(system, q) \
    "<|im_start|>system\n" system "<|im_end|>\n<|im_start|>user\n" q "<|im_end|>\n<|im_start|>assistant\n"
#define SOLUTION(s) "<|begin_of_solution|>" s "<|end_of_solution|>"

static void prompts_are_laid_out(void **state) {
    (void)state;
    Fixture *f = plain_fixture();
    Ids ids = {0};
    ids_add(&ids, 7); // what is there stays
    dialogue_teacher_prompt(&f->d, STR("q?"), STR("\n5\n"), &ids);
    assert_int_equal(ids.data[0], 7);
    are_ids_of(f, ids.data + 1, ids.len - 1,
               STR(USER("Teach.", "q?") SOLUTION("\n5\n") "\n\n<|begin_of_explanation|>\n\n"));
    ids.len = 0;
    dialogue_student_prompt(&f->d, NULL, STR("q?"), &ids);
    are_ids_of(f, ids.data, ids.len, STR(USER("Think.", "q?")));
    ids.len = 0;
    dialogue_student_prompt(&f->d, "", STR("q?"), &ids); // no system turn
    are_ids_of(f, ids.data, ids.len, STR("<|im_start|>user\nq?<|im_end|>\n<|im_start|>assistant\n"));
    ids.len = 0;
    dialogue_student_before(&f->d, "Other.", STR("q?"), &ids);
    are_ids_of(f, ids.data, ids.len, STR(USER("Other.", "q?") "<|begin_of_thought|>\n\n"));
    ids_free(&ids);
    fixture_free(f);
}

// The whole text of what follows o, and the text of the tokens that are of s.
static void after_is(const Fixture *f, Str s, Str whole, Str of_s) {
    Ids ids = {0};
    int32_t from, to;
    ids_add(&ids, 7);
    dialogue_student_after(&f->d, s, &ids, &from, &to);
    have_text(f, ids.data + 1, ids.len - 1, whole);
    assert_true(from >= 0 && from <= to && to < ids.len);
    have_text(f, ids.data + 1 + from, to - from, of_s);
    ids_free(&ids);
}

#define AFTER(pad, s) "<|end_of_thought|>" pad "<|begin_of_solution|>" s "<|end_of_solution|>"

static void solution_tokens_hold_nothing_else(void **state) {
    (void)state;
    Fixture *f = plain_fixture();
    after_is(f, STR("12"), STR(AFTER("\n\n", "12")), STR("12"));
    after_is(f, STR(""), STR(AFTER("\n\n", "")), STR(""));
    fixture_free(f);
    // "|>\n\n" is one token here, which straddles the tag and s
    Tokenizer *t;
    Error error;
    const Str document = STR("|>\n\n |>\n\n");
    TokenizerTraining training = {&document, 1, NULL, 0, 0, 259, SPLIT_QWEN2};
    assert_true(tokenizer_train(&training, &t, &error));
    assert_true(tokenizer_id(t, STR("|>\n\n")) >= 0);
    f = fixture(t);
    after_is(f, STR("\n\nIt is 5.\n\n"), STR(AFTER("\n\n", "\n\nIt is 5.\n\n")), STR("It is 5.\n\n"));
    after_is(f, STR("\n\n"), STR(AFTER("\n\n", "\n\n")), STR(""));
    fixture_free(f);
}

static void solutions_that_normalisation_changes(void **state) {
    (void)state;
    Fixture *f = plain_fixture();
    after_is(f, STR("e\xCC\x81 1"), STR(AFTER("\n\n", "\xC3\xA9 1")), STR("\xC3\xA9 1"));
    // U+0338 makes one character of the tag's ">": that one is not of s
    after_is(f, STR("\xCC\xB8 1"), STR("<|end_of_thought|>\n\n<|begin_of_solution|\xE2\x89\xAF 1<|end_of_solution|>"),
             STR(" 1"));
    after_is(f, STR("\xFF 1"), STR(AFTER("\n\n", "\xEF\xBF\xBD 1")), STR("\xEF\xBF\xBD 1"));
    fixture_free(f);
}

static void tags_may_be_tokens(void **state) {
    (void)state;
    Fixture *f = token_fixture(3);
    after_is(f, STR("12 + 34"), STR(AFTER("", "12 + 34")), STR("12 + 34"));
    after_is(f, STR(""), STR(AFTER("", "")), STR(""));
    Ids ids = {0};
    int32_t from, to;
    dialogue_student_after(&f->d, STR("12"), &ids, &from, &to);
    assert_int_equal(ids.len, 4); // two tags, "12", a tag
    assert_int_equal(from, 2);
    assert_int_equal(to, 3);
    ids.len = 0;
    dialogue_teacher_prompt(&f->d, STR("12"), STR("34"), &ids);
    have_text(f, ids.data, ids.len, STR(USER("Teach.", "12") SOLUTION("34") "<|begin_of_explanation|>"));
    assert_int_equal(ids.data[ids.len - 1], tokenizer_id(f->tokenizer, STR("<|begin_of_explanation|>")));
    ids_free(&ids);
    fixture_free(f);
}

static void finds(const Fixture *f, Str completion, Str o, bool closed, Str trimmed) {
    Ids ids = encoded(f->tokenizer, completion);
    Buf text;
    buf_init(&text, 0);
    buf_add_text(&text, "before");
    Explanation e = dialogue_find_explanation(&f->d, ids.data, ids.len, &text);
    have_text(f, ids.data, e.n_ids, o);
    assert_int_equal(e.closed, closed);
    assert_str(e.text, trimmed);
    buf_free(&text);
    ids_free(&ids);
}

static void explanations_end_at_their_tag(void **state) {
    (void)state;
    Fixture *all[] = {plain_fixture(), token_fixture(3), token_fixture(9)};
    for (int i = 0; i < 3; i++) {
        const Fixture *f = all[i];
        finds(f, STR("12 + 34\n\n<|end_of_explanation|>more"), STR("12 + 34\n\n"), true, STR("12 + 34"));
        finds(f, STR("<|end_of_explanation|>"), STR(""), true, STR(""));
        finds(f, STR("12<|end_of_explanation|><|im_end|>"), STR("12"), true, STR("12"));
        finds(f, STR(" 12\n"), STR(" 12\n"), false, STR("12"));
        finds(f, STR("12<|im_end|>"), STR("12"), false, STR("12"));
        finds(f, STR("12<|im_end|>\n<|end_of_explanation|>"), STR("12"), false, STR("12"));
        finds(f, STR("12<|endoftext|>"), STR("12"), false, STR("12"));
        finds(f, STR("12 <|end_of_thought|> 34"), STR("12 <|end_of_thought|> 34"), false,
              STR("12 <|end_of_thought|> 34"));
        finds(f, STR(""), STR(""), false, STR(""));
    }
    // a token that straddles o and the tag (here ")<" of a piece ")<|") is not of o
    Tokenizer *t;
    Error error;
    const Str document = STR(")< )< )<"); // ")<" becomes a token
    TokenizerTraining training = {&document, 1, NULL, 0, 0, 257, SPLIT_GPT2};
    assert_true(tokenizer_train(&training, &t, &error));
    Fixture *f = fixture(t);
    finds(f, STR("(1)<|end_of_explanation|>"), STR("(1"), true, STR("(1)"));
    fixture_free(f);
    for (int i = 0; i < 3; i++) fixture_free(all[i]);
}

static void examples_are_laid_out(void **state) {
    (void)state;
    Fixture *both[] = {plain_fixture(), token_fixture(3)};
    for (int i = 0; i < 2; i++) {
        const Fixture *f = both[i];
        bool pad = f->format.padding[0] != 0;
        Ids ids = {0};
        int32_t from;
        ids_add(&ids, 7);
        dialogue_teacher_example(&f->d, STR("q"), STR("12"), STR("34"), &ids, &from);
        Str turn = pad ? STR("34\n\n<|end_of_explanation|><|im_end|>") : STR("34<|end_of_explanation|><|im_end|>");
        are_ids_of(f, ids.data + 1 + from, ids.len - 1 - from, turn);
        Ids prompt = {0};
        dialogue_teacher_prompt(&f->d, STR("q"), STR("12"), &prompt);
        assert_ids(&(Ids){ids.data + 1, from, from}, prompt.data, prompt.len);
        ids.len = prompt.len = 0;
        dialogue_student_example(&f->d, NULL, STR("q"), STR("34"), STR("12"), &ids, &from);
        turn = pad ? STR("<|begin_of_thought|>\n\n34\n\n" AFTER("\n\n", "12") "<|im_end|>")
                   : STR("<|begin_of_thought|>34" AFTER("", "12") "<|im_end|>");
        are_ids_of(f, ids.data + from, ids.len - from, turn);
        dialogue_student_prompt(&f->d, NULL, STR("q"), &prompt);
        assert_ids(&(Ids){ids.data, from, from}, prompt.data, prompt.len);
        ids_free(&ids), ids_free(&prompt);
        fixture_free(both[i]);
    }
}

static void answers_are_read(void **state) {
    (void)state;
    DialogueFormat f;
    dialogue_format_init(&f);
    const struct {
        Str text;
        bool found;
        Str answer;
    } cases[] = {
        {STR(SOLUTION("5")), true, STR("5")},
        {STR("<|begin_of_thought|>" SOLUTION("4") "<|end_of_thought|>" SOLUTION(" 5\n")), true, STR(" 5\n")},
        {STR(SOLUTION("4") "<|end_of_thought|>"), false, STR("")}, // the thought's own tags are no answer
        {STR(SOLUTION("4") " and " SOLUTION("5")), true, STR("5")},
        {STR(SOLUTION("4") "<|begin_of_solution|>5"), true, STR("4")},
        {STR("<|begin_of_solution|>5"), false, STR("")},
        {STR("5<|end_of_solution|>"), false, STR("")},
        {STR(""), false, STR("")},
        {STR(SOLUTION("")), true, STR("")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Str answer = {"", 0};
        assert_int_equal(dialogue_read_solution(&f, cases[i].text, &answer), cases[i].found);
        if (cases[i].found) assert_str(answer, cases[i].answer);
    }
    dialogue_format_free(&f);
}

// Looked at after every token: the first prefix whose text holds the stop text.
static void samples_stop_at_a_text(void **state) {
    (void)state;
    Fixture *both[] = {plain_fixture(), token_fixture(3)};
    for (int i = 0; i < 2; i++) {
        const Fixture *f = both[i];
        Ids ids = encoded(f->tokenizer, STR("12 <|end_of_solution <|end_of_solution|>\n34"));
        StopText stop = stop_text(f->tokenizer, "<|end_of_solution|>"), none = stop_text(f->tokenizer, "");
        bool reached = false;
        for (int32_t n = 1; n <= ids.len && !reached; n++) {
            Buf text = decoded(f->tokenizer, &(Ids){ids.data, n, n}, false);
            reached = stop_text_reached(&stop, ids.data, n);
            assert_int_equal(reached, str_find(buf_str(&text), STR("<|end_of_solution|>"), 0) >= 0);
            assert_false(stop_text_reached(&none, ids.data, n));
            buf_free(&text);
        }
        assert_true(reached);
        stop_text_free(&stop), stop_text_free(&none);
        ids_free(&ids);
        fixture_free(both[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_are_laid_out),
        cmocka_unit_test(solution_tokens_hold_nothing_else),
        cmocka_unit_test(solutions_that_normalisation_changes),
        cmocka_unit_test(tags_may_be_tokens),
        cmocka_unit_test(explanations_end_at_their_tag),
        cmocka_unit_test(examples_are_laid_out),
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(samples_stop_at_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
