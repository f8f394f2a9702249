// Tasks of mathematics: rows in their publishers' forms (texts of our own), gold answers, prompts, verdicts by hand.
#include "task_test.h"

static void aime(void **state) {
    (void)state;
    TaskQuestions q = must_read("aime24", "{\"id\": 60, \"problem\": \"What is $70 + 3$?\", \"answer\": \"073\"}\n"
                                          "{\"ID\": \"II-4\", \"Problem\": \"$5 - 4$?\", \"Answer\": 1}\n"
                                          "{\"question\": \"$0$?\", \"answer\": 0}\n");
    assert_int_equal(q.count, 3);
    STR_EQUAL(q.list[0].id, "60");
    STR_EQUAL(q.list[0].gold, "073");
    STR_EQUAL(q.list[1].id, "II-4");
    STR_EQUAL(q.list[1].gold, "1");
    assert_int_equal(q.list[2].id.len, 16);
    expect_verdict(&q, 0, "It is \\boxed{73}.", "right", "73");
    expect_verdict(&q, 0, "It is \\boxed{073}, so 73.", "right", "073");
    expect_verdict(&q, 0, "It is \\boxed{74}.", "wrong", "74");
    expect_verdict(&q, 0, "", "no_answer", NULL);
    expect_prompt(&q, "task", "Put your final answer inside \\boxed{}. What is $70 + 3$?");
    expect_prompt(&q, "skythought", "Put your final answer inside \\boxed{}. What is $70 + 3$?");
    expect_prompt(&q, "plain", "What is $70 + 3$?");
    expect_prompt(&q, "lighteval", "What is $70 + 3$?\n\nReason step by step. On the last line, give the final answer "
                                   "inside \\boxed{}.");
    task_questions_free(&q);
    must_refuse("aime25", "{\"problem\": \"x\", \"answer\": \"1000\"}", ":1: key \"answer\": expected a whole number from 0");
    must_refuse("aime25", "{\"problem\": \"x\", \"answer\": \"1/2\"}", "expected a whole number from 0 to 999");
    must_refuse("aime25", "{\"problem\": \"x\", \"answer\": [1]}", "expected a text or a number");
    must_refuse("aime25", "{\"problem\": \"x\", \"answer\": \"1\"}\n{\"answer\": \"1\"}",
                ":2: expected a value under key \"problem|Problem|question\"");
    must_refuse("aime25", "\n", "no rows");
}

static void math(void **state) {
    (void)state;
    const char *rows =
        "{\"problem\": \"Half of one?\", \"solution\": \"It is $\\\\boxed{2}$.\", \"answer\": \"\\\\frac{1}{2}\", "
        "\"unique_id\": \"test/a/1.json\"}\n"
        "{\"problem\": \"One and two?\", \"level\": \"Level 1\", \"type\": \"Algebra\", \"solution\": \"First \\\\boxed{1}, "
        "then $\\\\boxed{\\\\frac{3}{4}}$.\", \"idx\": 5}\n";
    TaskQuestions q = must_read("math500", rows);
    STR_EQUAL(q.list[0].gold, "\\frac{1}{2}"); // answer before the solution's box
    STR_EQUAL(q.list[0].id, "test/a/1.json");
    STR_EQUAL(q.list[1].gold, "\\frac{3}{4}");
    expect_verdict(&q, 0, "ANSWER: 0.5", "right", "0.5");
    expect_verdict(&q, 0, "so $\\frac24$", "right", "\\frac24");
    expect_verdict(&q, 1, "The answer is \\boxed{\\frac{3}{5}}", "wrong", "\\frac{3}{5}");
    expect_prompt(&q, "lighteval", "Half of one?\n\nReason step by step. On the last line, write \"ANSWER: \" and after "
                                   "it the final answer alone.");
    task_questions_free(&q);
    must_refuse("math", "{\"problem\": \"x\", \"solution\": \"no box \\\\boxed{1\"}", "a solution with a \\boxed{} that closes");
}

// Where the answer stands: after the thought, inside of the solution's tags.
static void regions(void **state) {
    (void)state;
    TaskQuestions q = must_read("math500", "{\"problem\": \"p\", \"answer\": \"5\"}\n");
    expect_verdict(&q, 0, "<|begin_of_thought|>\\boxed{5}", "no_answer", NULL); // a thought that was never closed
    expect_verdict(&q, 0, "<|begin_of_thought|>\\boxed{5}<|end_of_thought|>\n\n6", "wrong", "6");
    const char *tagged = "<|begin_of_thought|>6<|end_of_thought|>\n\n<|begin_of_solution|>x = 5<|end_of_solution|> 7";
    expect_verdict(&q, 0, tagged, "right", "x = 5");
    assert_true(grade_text(&q, 0, tagged).tagged);
    assert_int_equal(grade_text(&q, 0, tagged).found.rule, EXTRACT_TAGS);
    assert_false(grade_text(&q, 0, "\\boxed{5}").tagged);
    assert_int_equal(grade_text(&q, 0, "\\boxed{5}").found.rule, EXTRACT_BOXED);
    assert_string_equal(grade_text(&q, 0, "\\boxed{5}").how, "same_text");
    task_questions_free(&q);
}

static void gsm8k(void **state) {
    (void)state;
    TaskQuestions q = must_read("gsm8k", "{\"question\": \"How many?\", \"answer\": \"500 * 3 = <<500*3=1500>>1500\\n#### 1,500\"}\n");
    STR_EQUAL(q.list[0].gold, "1,500");
    expect_verdict(&q, 0, "So she has 1500 eggs.", "right", "1500");
    expect_verdict(&q, 0, "#### $1,500", "right", "$1,500");
    expect_verdict(&q, 0, "\\boxed{150}", "wrong", "150");
    task_questions_free(&q);
    must_refuse("gsm8k", "{\"question\": \"q\", \"answer\": \"42\"}", "expected ####");
    must_refuse("gsm8k", "{\"question\": \"q\", \"answer\": \"42 ####  \"}", "expected ####");
}

static void olympiadbench(void **state) {
    (void)state;
    const char *rows =
        "{\"id\": 1, \"question\": \"q\", \"context\": null, \"final_answer\": [\"$1,3,5$\"], \"is_multiple_answer\": true}\n"
        "{\"id\": 2, \"question\": \"q\", \"context\": \"c\", \"final_answer\": [\"$x$\", \"$2x$\"], \"modality\": \"Text-only\"}\n";
    TaskQuestions q = must_read("olympiadbench", rows);
    STR_EQUAL(q.list[0].gold, "$1,3,5$");
    STR_EQUAL(q.list[0].id, "1");
    STR_EQUAL(q.list[1].gold, "$x$, $2x$");
    STR_EQUAL(q.list[1].text, "c\n\nq");
    expect_verdict(&q, 0, "\\boxed{5, 1, 3}", "right", "5, 1, 3");
    expect_verdict(&q, 0, "\\boxed{1, 3}", "wrong", "1, 3");
    task_questions_free(&q);
    must_refuse("olympiadbench", "{\"question\": \"q\", \"final_answer\": []}", "expected 1 to 64 answers, found 0");
    must_refuse("olympiadbench", "{\"question\": \"q\", \"final_answer\": [1]}", "expected texts");
    must_refuse("olympiadbench", "{\"question\": \"q\", \"final_answer\": [\"1\"], \"modality\": \"Multimodal\"}", "pictures");
}

static void own_rows(void **state) {
    (void)state;
    TaskQuestions q = must_read("jsonl", "[{\"prompt\": \"p\", \"gold\": 0.5, \"system\": \"Be brief.\"},"
                                         "{\"question\": \"p\", \"solution\": \"east\", \"id\": 7}]");
    STR_EQUAL(q.list[0].gold, "0.5");
    STR_EQUAL(q.list[0].system, "Be brief.");
    assert_null(q.list[1].system.ptr);
    STR_EQUAL(q.list[1].id, "7");
    expect_prompt(&q, "task", "p");
    expect_verdict(&q, 0, "1/2", "right", "1/2");
    expect_verdict(&q, 1, "The answer is East.", "right", "East");
    task_questions_free(&q);
    q = must_read("exact", "{\"question\": \"p\", \"solution\": \" a b\"}");
    expect_verdict(&q, 0, "<|begin_of_solution|>a b\n<|end_of_solution|>", "right", "a b\n");
    expect_verdict(&q, 0, "<|begin_of_solution|>a  b<|end_of_solution|>", "wrong", "a  b");
    expect_verdict(&q, 0, "a b", "no_answer", NULL);
    task_questions_free(&q);
}

static void votes(void **state) {
    (void)state;
    const Task *math500 = task_by_name("math500"), *gpqa = task_by_name("gpqa");
    assert_true(math500->same(STR("0.5"), STR("\\frac{1}{2}")));
    assert_false(math500->same(STR("0.5"), STR("0.25")));
    assert_true(gpqa->same(STR("c"), STR("C")));
    assert_false(gpqa->same(STR("B"), STR("C")));
    assert_null(task_by_name("livecodebench")->same);
}

// The list of names that the commands take is that of the table.
static void names(void **state) {
    (void)state;
    char all[512] = "";
    for (size_t i = 0; task_table[i] != NULL; i++) {
        assert_ptr_equal(task_by_name(task_table[i]->name), task_table[i]);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i > 0 ? "|" : "", task_table[i]->name);
        for (const TaskFile *f = task_table[i]->files; f->what != NULL; f++) {
            assert_true(f->where != NULL && f->licence != NULL);
            assert_true(f->sha256 == NULL || strlen(f->sha256) == 64);
        }
        assert_non_null(strstr(TASK_PROMPTS, task_table[i]->prompt));
    }
    assert_string_equal(all, TASK_NAMES);
    assert_null(task_by_name("nothing"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aime),          cmocka_unit_test(math),     cmocka_unit_test(regions), cmocka_unit_test(gsm8k),
        cmocka_unit_test(olympiadbench), cmocka_unit_test(own_rows), cmocka_unit_test(votes),   cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
