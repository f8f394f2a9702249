// Stop texts, asked after each token as generation does. Reference: the whole text so far, searched from its start.
#include "base/philox.h"
#include "text/stop_text.h"
#include "text_test.h"

// The number of tokens after which the whole text first contains `text`; 0: never.
static int32_t first_end(const Tokenizer *t, const Ids *ids, const char *text) {
    Buf all;
    int32_t end = 0;
    buf_init(&all, 0);
    for (int32_t i = 0; end == 0 && i < ids->len; i++) {
        tokenizer_decode(t, &ids->data[i], 1, false, &all);
        if (str_find(buf_str(&all), str_of(text), 0) >= 0) end = i + 1;
    }
    buf_free(&all);
    return end;
}

static int32_t stopped_after(StopText *stop, const Ids *ids) {
    for (int32_t n = 1; n <= ids->len; n++) {
        if (stop_text_reached(stop, ids->data, n)) return n;
    }
    return 0;
}

static int32_t check_stop(const Tokenizer *t, const Ids *ids, const char *text) {
    StopText stop = stop_text(t, text);
    int32_t found = stopped_after(&stop, ids), expected = first_end(t, ids, text);
    stop_text_free(&stop);
    if (found != expected) fail_msg("\"%s\": after %d tokens, expected %d", text, found, expected);
    return found;
}

static void test_texts(void **state) {
    (void)state;
    Tokenizer *t = golden_tokenizer("qwen2");
    Ids ids = encoded(t, STR("First,\n\nthe answer is 42</solution> \xf0\x9f\xa6\x86 and <|im_end|> more"));
    assert_int_equal(check_stop(t, &ids, "First"), first_end(t, &ids, "First"));
    assert_true(check_stop(t, &ids, "F") > 0);
    assert_true(check_stop(t, &ids, "\n\n") > 0);
    assert_true(check_stop(t, &ids, "</solution>") > 0); // over several tokens, that begin and end elsewhere
    assert_true(check_stop(t, &ids, "swer is 4") > 0);
    assert_true(check_stop(t, &ids, "\xf0\x9f\xa6\x86") > 0); // a character over several tokens
    assert_true(check_stop(t, &ids, "<|im_end|>") > 0);       // a special token's text
    assert_int_equal(check_stop(t, &ids, " more"), ids.len);
    assert_int_equal(check_stop(t, &ids, "more "), 0);
    assert_int_equal(check_stop(t, &ids, "</Solution>"), 0);
    ids_free(&ids);
    tokenizer_destroy(t);
}

// No text: nothing stops.
static void test_none(void **state) {
    (void)state;
    Tokenizer *t = golden_tokenizer("gpt2");
    Ids ids = encoded(t, STR("some words"));
    StopText stop = stop_text(t, "");
    assert_int_equal(stopped_after(&stop, &ids), 0);
    stop_text_free(&stop);
    ids_free(&ids);
    tokenizer_destroy(t);
}

static uint32_t draw(uint32_t stream, uint32_t i, uint32_t n) {
    RngAddress address = {.seed = 5, .purpose = RNG_TEST, .question = stream, .position = i};
    return (uint32_t)rng_below(&address, n);
}

// Any tokens, a quarter of them ids that the vocabulary does not have; texts that are parts of theirs.
static void test_random(void **state) {
    (void)state;
    Tokenizer *t = golden_tokenizer("smollm");
    int32_t n_reached = 0;
    for (uint32_t round = 0; round < 400; round++) {
        Ids ids = {0};
        for (uint32_t i = 0; i < 30; i++) {
            int32_t id = (int32_t)draw(round, i, (uint32_t)tokenizer_size(t));
            ids_add(&ids, draw(round, 100 + i, 4) == 0 ? tokenizer_size(t) + id : id);
        }
        Buf all = decoded(t, &ids, false);
        char text[8] = {0};
        size_t length = 1 + draw(round, 200, 7), from = draw(round, 201, (uint32_t)(all.len - length));
        memcpy(text, all.data + from, length);
        if (strlen(text) == length) n_reached += check_stop(t, &ids, text) > 0;
        buf_free(&all);
        ids_free(&ids);
    }
    assert_true(n_reached > 300);
    tokenizer_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_none),
                                       cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
