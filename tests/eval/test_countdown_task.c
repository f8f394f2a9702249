// Countdown as a task: the forms of its rows, and where an answer may stand. Verdicts by hand.
#include "task_test.h"

static void forms_of_rows(void **state) {
    (void)state;
    TaskQuestions q = must_read("countdown",
                                "{\"question\": \"3 12 5 -> 45\", \"solution\": \"(12-3)*5\", \"numbers\": [3, 12, 5], \"target\": 45}\n"
                                "{\"input\": \"3, 12,5\", \"output\": \"45\"}\n"
                                "{\"nums\": [3, 12, 5], \"target\": 45}\n");
    STR_EQUAL(q.list[0].text, "3 12 5 -> 45");
    STR_EQUAL(q.list[0].gold, "(12-3)*5");
    STR_EQUAL(q.list[1].text, "Use each of the numbers 3, 12, 5 exactly once, with + - * / and brackets, to make an "
                              "expression whose value is 45. The answer is the expression.");
    assert_true(str_equal(q.list[1].text, q.list[2].text));
    for (size_t i = 0; i < 3; i++) {
        expect_verdict(&q, i, "<|begin_of_solution|>(12 - 3) * 5<|end_of_solution|>", "right", "(12 - 3) * 5");
        expect_verdict(&q, i, "<|begin_of_solution|>(12 + 3) * 5<|end_of_solution|>", "wrong_value", "(12 + 3) * 5");
        expect_verdict(&q, i, "<|begin_of_solution|>45<|end_of_solution|>", "wrong_numbers", "45");
        expect_verdict(&q, i, "<|begin_of_solution|>how?<|end_of_solution|>", "unparsable", "how?");
        expect_verdict(&q, i, "<|begin_of_solution|> <|end_of_solution|>", "no_answer", NULL);
    }
    expect_prompt(&q, "task", "3 12 5 -> 45");
    task_questions_free(&q);
}

static void without_tags(void **state) {
    (void)state;
    TaskQuestions q = must_read("countdown", "{\"input\": \"3,12,5\", \"output\": \"45\"}\n");
    expect_verdict(&q, 0, "First 12 - 3. So \\boxed{(12 - 3) * 5}.", "right", "(12 - 3) * 5");
    expect_verdict(&q, 0, "(12 - 3) * 5", "right", "(12 - 3) * 5");
    expect_verdict(&q, 0, "The answer is $(12 - 3) \\times 5$.", "right", "(12 - 3) \\times 5");
    expect_verdict(&q, 0, "I think it is 45", "no_answer", NULL); // the last number is no expression over the numbers
    expect_verdict(&q, 0, "I do not know", "no_answer", NULL);
    expect_verdict(&q, 0, "<|begin_of_thought|>\\boxed{(12 - 3) * 5}", "no_answer", NULL);
    task_questions_free(&q);
}

static void refusals(void **state) {
    (void)state;
    must_refuse("countdown", "{\"input\": \"3,,5\", \"output\": \"45\"}", ":1: key \"input\": expected 1 to 64 whole numbers");
    must_refuse("countdown", "{\"input\": \"\", \"output\": \"45\"}", "key \"input\"");
    must_refuse("countdown", "{\"input\": \"3,5\", \"output\": \"4.5\"}", "key \"output\": expected a whole number");
    must_refuse("countdown", "{\"input\": \"99999999999999999999,5\", \"output\": \"4\"}", "key \"input\"");
    must_refuse("countdown", "{\"nums\": [3], \"target\": \"45\"}", "target");
    must_refuse("countdown", "{\"nums\": [3]}", "target");
    must_refuse("countdown", "{\"question\": \"q\"}", "numbers");
    Buf many;
    buf_init(&many, 0);
    buf_add_text(&many, "{\"input\": \"1");
    for (int i = 0; i < 64; i++) buf_add_text(&many, ",1");
    buf_add_text(&many, "\", \"output\": \"4\"}");
    must_refuse("countdown", many.data, "expected 1 to 64");
    buf_free(&many);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_rows),
        cmocka_unit_test(without_tags),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
