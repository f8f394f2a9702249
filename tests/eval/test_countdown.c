// Grading of Countdown answers: verdicts by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "eval/tasks/countdown.h"

static const CountdownProblem PROBLEM = {{12, 3, 5}, 3, 45};

static void expect(const char *answer, const CountdownProblem *problem, CountdownVerdict verdict) {
    CountdownVerdict got = countdown_grade(str_of(answer), problem);
    if (got != verdict)
        fail_msg("%s: got %s, expected %s", answer, countdown_verdict_name(got), countdown_verdict_name(verdict));
}

static void right_answers_in_many_spellings(void **state) {
    (void)state;
    const char *answers[] = {
        "(12-3)*5",
        " ( 12 - 3 ) * 5 ",
        "5*(12-3).",
        "(12 - 3) × 5",
        "(12 − 3) · 5",
        "(12-3)x5",
        "5(12-3)",
        "5 X (12 - 3)",
        "(12-3)*5=45",
        "45 = 5*(12-3)",
        "[12-3]*5",
        "-5*(3-12)",
        "+5*(12+-3)",
        "5*-(3-12)",
        "(12-3)*5 = 9*5 = 45",
        "$(12-3)*5$",
        "\\((12-3)\\times 5\\)",
        "\\left(12-3\\right)\\cdot 5",
        "\\boxed{(12-3)*5}",
        "So \\boxed{1} or rather \\boxed{(12 - 3) * 5}.",
        "5\\,{(12-3)}",
        "((((12-3))))*05",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) expect(answers[i], &PROBLEM, COUNTDOWN_RIGHT);
    const CountdownProblem divide = {{7, 2, 14}, 3, 49};
    expect("\\frac{7}{2}*14", &divide, COUNTDOWN_RIGHT); // through 7/2
    expect("7 ÷ 2 × 14", &divide, COUNTDOWN_RIGHT);
    expect("\\dfrac{7 \\times 14}{2}", &divide, COUNTDOWN_RIGHT);
    expect("14/(2/7)", &divide, COUNTDOWN_RIGHT);
    const CountdownProblem fractions = {{8, 3, 8, 3}, 4, 24};
    expect("8/(3-8/3)", &fractions, COUNTDOWN_RIGHT); // exact thirds
    const CountdownProblem negative = {{-4, 7}, 2, 3};
    expect("7 + (-4)", &negative, COUNTDOWN_RIGHT);
}

static void wrong_answers_say_why(void **state) {
    (void)state;
    expect("12-3*5", &PROBLEM, COUNTDOWN_WRONG_VALUE);
    expect("12/3/5", &PROBLEM, COUNTDOWN_WRONG_VALUE);
    expect("(12-3)*5=46", &PROBLEM, COUNTDOWN_WRONG_VALUE);
    expect("(12-3)*5=9*6=45", &PROBLEM, COUNTDOWN_WRONG_VALUE);
    expect("5/(12/3-4)", &PROBLEM, COUNTDOWN_WRONG_NUMBERS); // 4 was not given
    const CountdownProblem zero = {{4, 4, 5}, 3, 5};
    expect("5/(4-4)", &zero, COUNTDOWN_WRONG_VALUE);
    expect("5/(4-4) = 5", &zero, COUNTDOWN_WRONG_VALUE);
    expect("\\frac{5}{4-4}", &zero, COUNTDOWN_WRONG_VALUE);
    expect("45", &PROBLEM, COUNTDOWN_WRONG_NUMBERS);
    expect("9*5", &PROBLEM, COUNTDOWN_WRONG_NUMBERS);
    expect("12+3+5+12+3+5+5", &PROBLEM, COUNTDOWN_WRONG_NUMBERS);
    expect("12*3+5+5-1", &PROBLEM, COUNTDOWN_WRONG_NUMBERS);
    expect("(12-3)*5 = 45 = 40 + 5", &PROBLEM, COUNTDOWN_RIGHT);
    expect("12 = 3*5", &PROBLEM, COUNTDOWN_WRONG_NUMBERS); // no side has them all
    // 2^64 + 12 must not pass for 12
    expect("(18446744073709551628-3)*5", &PROBLEM, COUNTDOWN_WRONG_NUMBERS);
}

static void what_is_no_expression(void **state) {
    (void)state;
    const char *answers[] = {"12 3 5", "(12-3", "12-3)*5", "(12-3)*5=",      "=45",        "12**3",
                             "12^3*5", "3.0*5", "1,2",     "twelve",         "()",         "*5",
                             "5*",     "12//3", "(12-3)5", "\\frac12",       "\\frac{1}",  "\\sqrt{5}",
                             "45!",    "a",     "5 % 3",   "(12-3)*5 or 45", "\\boxed{12", "."};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        CountdownVerdict got = countdown_grade(str_of(answers[i]), &PROBLEM);
        if (strcmp(answers[i], ".") == 0)
            assert_int_equal(got, COUNTDOWN_UNPARSABLE);
        else
            expect(answers[i], &PROBLEM, COUNTDOWN_UNPARSABLE);
    }
    expect("", &PROBLEM, COUNTDOWN_NO_ANSWER);
    expect(" \n\t", &PROBLEM, COUNTDOWN_NO_ANSWER);
    expect("\\boxed{}", &PROBLEM, COUNTDOWN_NO_ANSWER);
}

static void hostile_text_is_bounded(void **state) {
    (void)state;
    enum { LONG = 100000 };
    char *text = mem_alloc(LONG + 1, 1);
    for (const char *c = "(-{=1"; *c != 0; c++) {
        memset(text, *c, LONG);
        expect(text, &PROBLEM, COUNTDOWN_UNPARSABLE); // too long
        text[COUNTDOWN_ANSWER_MAX_BYTES] = 0;         // as long as may be, too deep
        expect(text, &PROBLEM, *c == '1' ? COUNTDOWN_WRONG_NUMBERS : COUNTDOWN_UNPARSABLE);
    }
    // 63 brackets and the number are 64 levels; one more is too deep
    snprintf(text, LONG, "%.*s12%.*s-3-5", 63, "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((",
             63, "))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))");
    expect(text, &PROBLEM, COUNTDOWN_WRONG_VALUE);
    snprintf(text, LONG, "%.*s12%.*s-3-5", 64, "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((",
             64, "))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))");
    expect(text, &PROBLEM, COUNTDOWN_UNPARSABLE);
    mem_free(text);
    assert_int_equal(countdown_grade((Str){"5*(12\0-3)", 9}, &PROBLEM), COUNTDOWN_UNPARSABLE);
}

static void answers_are_found_in_tags(void **state) {
    (void)state;
    const AnswerTags tags = {"</think>", "<sol>", "</sol>"};
    const struct {
        const char *text;
        CountdownVerdict verdict;
        bool tagged;
    } cases[] = {
        {"try <sol>1</sol> </think> <sol> ( 12 - 3 ) * 5 </sol> <end>", COUNTDOWN_RIGHT, true},
        {"<sol>(12-3)*5</sol>", COUNTDOWN_RIGHT, true}, // no thought at all
        {"<sol>(12-3)*5</sol></think>", COUNTDOWN_NO_ANSWER, false},
        {"</think><sol>12</sol><sol>(12-3)*5</sol>", COUNTDOWN_RIGHT, true},
        {"</think><sol>(12-3)*5", COUNTDOWN_NO_ANSWER, false},
        {"</think>(12-3)*5</sol>", COUNTDOWN_NO_ANSWER, false},
        {"</sol><sol>", COUNTDOWN_NO_ANSWER, false},
        {"</think><sol></sol>", COUNTDOWN_NO_ANSWER, true},
        {"</think><sol>no idea</sol>", COUNTDOWN_UNPARSABLE, true},
        {"", COUNTDOWN_NO_ANSWER, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool tagged, right;
        assert_int_equal(countdown_grade_tagged(str_of(cases[i].text), &tags, &PROBLEM, &tagged), cases[i].verdict);
        assert_int_equal(tagged, cases[i].tagged);
        countdown_grade_row((void *)&tags, &PROBLEM, str_of(cases[i].text), &tagged, &right);
        assert_int_equal(tagged, cases[i].tagged);
        assert_int_equal(right, cases[i].verdict == COUNTDOWN_RIGHT);
    }
}

static void problems_are_checked(void **state) {
    (void)state;
    const struct {
        const char *row, *message;
    } cases[] = {
        {"{\"numbers\": [1, 2], \"target\": 3}", NULL},
        {"{\"numbers\": [], \"target\": 3}", "1 to 64 numbers"},
        {"{\"numbers\": [1, 2.5], \"target\": 3}", "item 1: expected a whole number"},
        {"{\"numbers\": \"1 2\", \"target\": 3}", "expected an array"},
        {"{\"numbers\": [1]}", "\"target\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *row;
        Error error;
        CountdownProblem problem;
        assert_true(json_parse(str_of(cases[i].row), "t", &row, &error));
        bool ok = countdown_problem_read(row, "rows.jsonl:4", &problem, &error);
        assert_int_equal(ok, cases[i].message == NULL);
        if (!ok) {
            assert_non_null(strstr(error.message, "rows.jsonl:4: key"));
            if (strstr(error.message, cases[i].message) == NULL) fail_msg("%s", error.message);
        }
        json_decref(row);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_answers_in_many_spellings), cmocka_unit_test(wrong_answers_say_why),
        cmocka_unit_test(what_is_no_expression),           cmocka_unit_test(hostile_text_is_bounded),
        cmocka_unit_test(answers_are_found_in_tags),       cmocka_unit_test(problems_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
