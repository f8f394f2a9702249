// LiveCodeBench as a task: rows as published (texts of our own), prompts, and programs that really run.
#include "task_test.h"

#define STDIN_ROW                                                                                                       \
    "{\"question_content\": \"Add two numbers.\", \"question_id\": \"q1\", \"starter_code\": \"\", "                      \
    "\"public_test_cases\": \"[{\\\"input\\\": \\\"1 2\\\", \\\"output\\\": \\\"3\\\", \\\"testtype\\\": \\\"stdin\\\"}]\", " \
    "\"private_test_cases\": [{\"input\": \"5 6\", \"output\": \"11\\n\", \"testtype\": \"stdin\"}], \"metadata\": \"{}\"}\n"
#define FUNCTION_ROW                                                                                                    \
    "{\"question_content\": \"Double it.\", \"question_id\": \"q2\", \"starter_code\": \"class Solution:\\n    def "      \
    "double(self, x):\\n        \", \"public_test_cases\": [{\"input\": \"4\", \"output\": \"8\", \"testtype\": "         \
    "\"functional\"}], \"metadata\": {\"func_name\": \"double\"}}\n"

static void rows(void **state) {
    (void)state;
    TaskQuestions q = must_read("livecodebench", STDIN_ROW FUNCTION_ROW);
    STR_EQUAL(q.list[0].id, "q1");
    STR_EQUAL(q.list[0].text,
              "Add two numbers.\n\nWrite a Python program that reads standard input and prints to standard output.");
    STR_EQUAL(q.list[1].text, "Double it.\n\nWrite it in Python, as the function double. Begin from this:\n```python\n"
                              "class Solution:\n    def double(self, x):\n        \n```");
    task_questions_free(&q);
    must_refuse("livecodebench", "{\"question_content\": \"x\"}", "expected tests in public_test_cases");
    must_refuse("livecodebench", "{\"public_test_cases\": []}", "question_content");
}

static void verdicts(void **state) {
    (void)state;
    Error error;
    Sandbox *sandbox;
    if (!sandbox_open(&sandbox, &error)) {
        print_message("skipped: %s\n", error.message);
        skip();
    }
    sandbox_close(sandbox);
    TaskQuestions q = must_read("livecodebench", STDIN_ROW FUNCTION_ROW);
    expect_verdict(&q, 0, "So:\n```python\nprint(sum(map(int, input().split())))\n```", "right",
                   "print(sum(map(int, input().split())))\n");
    expect_verdict(&q, 0, "```python\nprint(3)\n```", "wrong_answer", "print(3)\n");
    expect_verdict(&q, 0, "print(3)", "no_code", NULL);
    TaskVerdict v = grade_text(&q, 0, "```python\nraise ValueError('no')\n```");
    assert_string_equal(v.name, "runtime_error");
    assert_non_null(strstr(v.message, "ValueError: no"));
    expect_verdict(&q, 1, "```python\nclass Solution:\n    def double(self, x):\n        return 2 * x\n```", "right",
                   "class Solution:\n    def double(self, x):\n        return 2 * x\n");
    task_questions_free(&q);
}

// Without bwrap programs are refused, whatever they are.
static void refused_without_bwrap(void **state) {
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    DialogueFormat format;
    dialogue_format_init(&format);
    TaskGrader grader;
    Error error = {""};
    assert_false(task_grader_open(task_by_name("livecodebench"), &format, &grader, &error));
    assert_non_null(strstr(error.message, "bwrap"));
    assert_true(task_grader_open(task_by_name("math500"), &format, &grader, &error)); // which runs none
    task_grader_close(&grader);
    dialogue_format_free(&format);
    setenv("PATH", path, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(refused_without_bwrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
