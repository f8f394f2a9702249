// GPQA: rows as their authors' CSV has them (texts of our own); the order of choices and its independence of the rows.
#include "task_test.h"

#define HEAD "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\n"
#define ROW_1 "rec1,\"Which one, of \"\"these\"\"?\nSay.\",gold,iron,lead,tin\n"
#define ROW_2 "rec2,Which two?,north,south,east,west\n"
#define ROW_3 "rec3,Which three?,one,two,three,four\n"

static const TaskQuestion *find(const TaskQuestions *q, const char *id) {
    for (size_t i = 0; i < q->count; i++) {
        if (str_equal(q->list[i].id, str_of(id))) return &q->list[i];
    }
    fail_msg("%s is missing", id);
    return NULL;
}

// The letter beside which a text stands in a question.
static char letter_of(const TaskQuestion *q, const char *text) {
    char line[64];
    for (char letter = 'A'; letter <= 'D'; letter++) {
        snprintf(line, sizeof line, "\n%c) %s", letter, text);
        ptrdiff_t at = str_find(q->text, str_of(line), 0);
        if (at < 0) continue;
        size_t end = (size_t)at + strlen(line);
        if (end == q->text.len || q->text.ptr[end] == '\n') return letter;
    }
    fail_msg("%s is no choice", text);
    return 0;
}

static void order_does_not_depend_on_rows(void **state) {
    (void)state;
    TaskQuestions a = must_read("gpqa", HEAD ROW_1 ROW_2 ROW_3), b = must_read("gpqa", HEAD ROW_3 ROW_1);
    const char *ids[] = {"rec1", "rec3"};
    for (int i = 0; i < 2; i++) {
        assert_true(str_equal(find(&a, ids[i])->text, find(&b, ids[i])->text));
        assert_true(str_equal(find(&a, ids[i])->gold, find(&b, ids[i])->gold));
    }
    assert_true(str_starts(find(&a, "rec1")->text, STR("Which one, of \"these\"?\nSay.\n\nA) ")));
    assert_int_equal(letter_of(find(&a, "rec1"), "gold"), find(&a, "rec1")->gold.ptr[0]);
    assert_int_equal(letter_of(find(&a, "rec2"), "north"), find(&a, "rec2")->gold.ptr[0]);
    const char *others[] = {"iron", "lead", "tin"};
    for (int i = 0; i < 3; i++) assert_int_not_equal(letter_of(find(&a, "rec1"), others[i]), find(&a, "rec1")->gold.ptr[0]);
    task_questions_free(&a);
    task_questions_free(&b);
}

// Over many seeds the right answer stands at every letter equally often. 2,000 draws: each count is binomial with mean
// 500 and deviation 19.4; five of these are 97.
static void order_is_uniform(void **state) {
    (void)state;
    int counts[4] = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/gpqa_%d", TEST_SCRATCH, (int)getpid());
    assert_true(file_write_atomic(path, HEAD ROW_2, strlen(HEAD ROW_2), NULL));
    for (uint64_t seed = 0; seed < 2000; seed++) {
        Error error;
        TaskQuestions q;
        assert_true(task_questions_read(task_by_name("gpqa"), path, seed, false, &q, &error));
        counts[q.list[0].gold.ptr[0] - 'A']++;
        task_questions_free(&q);
    }
    assert_true(path_remove(path, NULL));
    for (int i = 0; i < 4; i++) assert_in_range(counts[i], 500 - 97, 500 + 97);
}

static void verdicts(void **state) {
    (void)state;
    TaskQuestions q = must_read("gpqa", HEAD ROW_2);
    char right = q.list[0].gold.ptr[0], wrong = right == 'B' ? 'C' : 'B', text[128];
    const char *forms[] = {"So \\boxed{%c}.", "Answer: %c", "**%c**", "The correct answer is (%c)."};
    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof text, forms[i], right);
        expect_verdict(&q, 0, text, "right", (char[]){right, 0});
        snprintf(text, sizeof text, forms[i], wrong);
        expect_verdict(&q, 0, text, "wrong", (char[]){wrong, 0});
    }
    expect_verdict(&q, 0, "It is a matter of taste. A dog would say so.", "no_answer", NULL); // the article is no choice
    expect_verdict(&q, 0, "none", "no_answer", NULL);
    task_questions_free(&q);
}

static void refusals(void **state) {
    (void)state;
    must_refuse("gpqa", "Question,Correct Answer\nq,a\n", ":2: expected a value under key \"Incorrect Answer 1\"");
    must_refuse("gpqa", HEAD "r,q,a,b,,d\n", "key \"Incorrect Answer 2\": expected a text");
    must_refuse("gpqa", HEAD "r,q,a,b,c\n", ":2: expected 6 fields");
    must_refuse("gpqa", HEAD, "no rows");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_does_not_depend_on_rows),
        cmocka_unit_test(order_is_uniform),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
