// Parts without a common question; what is chosen depends on the questions and the seed alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "data/split.h"

static void questions_are_normalised(void **state) {
    (void)state;
    // Expected: Python's " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", q).casefold()).split())
    static const char *const cases[][2] = {
        {"What is 1 + 1?", "what is 1 + 1?"},
        {"  What\tis \n\n1 + 1? ", "what is 1 + 1?"},
        {"STRASSE Straße", "strasse strasse"},
        {"e\xcc\x81t\xc3\xa9", "\xc3\xa9t\xc3\xa9"}, // e + accent; é
        {"\xef\xbc\xa1\xc2\xa0\xef\xbd\x82", "a b"}, // fullwidth A, no-break space, fullwidth b
        {"x\xc2\xb2 \xef\xac\x81", "x2 fi"},         // superscript two; ligature
        {"", ""},
        {"   ", ""},
        {"\xff Ab", "\xff Ab"}, // no UTF-8: as it is
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Buf out;
        buf_init(&out, 0);
        buf_add_text(&out, "");
        question_normalise(str_of(cases[i][0]), &out);
        if (!str_equal(buf_str(&out), str_of(cases[i][1]))) fail_msg("\"%s\" gives \"%s\"", cases[i][0], out.data);
        buf_free(&out);
    }
}

enum { N = 300 };

// Questions 0..99 three times each, written in three ways.
static void make_rows(Row rows[N], char text[N][32]) {
    memset(rows, 0, N * sizeof *rows);
    for (int i = 0; i < N; i++) {
        static const char *const forms[] = {"Question %d", " question  %d", "QUESTION\n%d "};
        snprintf(text[i], 32, forms[i / 100], i % 100);
        rows[i].question = str_of(text[i]);
    }
}

static void no_question_stands_on_both_sides(void **state) {
    (void)state;
    Row rows[N];
    char text[N][32];
    bool in_test[N], again[N], other[N], reversed[N];
    make_rows(rows, text);
    for (size_t wanted = 1; wanted < N; wanted += 7) {
        size_t chosen = split_choose(rows, N, wanted, 5, in_test), counted = 0;
        assert_int_equal(chosen, wanted / 3 * 3);
        for (int i = 0; i < N; i++)
            counted += in_test[i];
        assert_int_equal(counted, chosen);
        for (int i = 0; i < 100; i++)
            assert_true(in_test[i] == in_test[i + 100] && in_test[i] == in_test[i + 200]);
    }
    split_choose(rows, N, 90, 5, in_test);
    split_choose(rows, N, 90, 5, again);
    split_choose(rows, N, 90, 6, other);
    assert_memory_equal(in_test, again, sizeof again);
    assert_memory_not_equal(in_test, other, sizeof other);
    for (int i = 0; i < N / 2; i++) {
        Row row = rows[i];
        rows[i] = rows[N - 1 - i], rows[N - 1 - i] = row;
    }
    split_choose(rows, N, 90, 5, reversed);
    for (int i = 0; i < N; i++)
        assert_true(reversed[i] == in_test[N - 1 - i]);
}

static void the_choice_is_even(void **state) {
    (void)state;
    // Over 1000 seeds each of 100 questions should be among 30 chosen ones 300 times; the deviation of that count is
    // sqrt(1000 * 0.3 * 0.7) = 14.5, and 5 of them are outside of chance (6e-7 a question).
    Row rows[N];
    char text[N][32];
    bool in_test[N];
    int times[100] = {0};
    make_rows(rows, text);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        split_choose(rows, 100, 30, seed, in_test);
        for (int i = 0; i < 100; i++)
            times[i] += in_test[i];
    }
    for (int i = 0; i < 100; i++)
        assert_in_range(times[i], 300 - 73, 300 + 73);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_normalised),
        cmocka_unit_test(no_question_stands_on_both_sides),
        cmocka_unit_test(the_choice_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
