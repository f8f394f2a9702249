// samples.jsonl and what is computed from it. Expected figures: by formula from counts chosen by hand (pass@k = 1 -
// C(n - c, k) / C(n, k); votes counted by hand); intervals and p-values: stats.h, which test_stats.c holds to
// references.
#include <math.h>

#include "eval/results.h"
#include "task_test.h"

#define TOLERANCE 1e-12 // a few roundings of sums of thirds

static void read_text(const char *text, EvalSamples *samples, bool *ok, Error *error) {
    char path[256];
    snprintf(path, sizeof path, "%s/samples_%d", TEST_SCRATCH, (int)getpid());
    assert_true(file_write_atomic(path, text, strlen(text), error));
    *ok = eval_samples_read(path, samples, error);
    assert_true(path_remove(path, NULL));
}

// right: a letter an answer, R or w; same: a digit an answer, '-' for none.
static void add_question(Buf *out, int row, const char *id, const char *right, const char *same) {
    for (int s = 0; right[s] != '\0'; s++) {
        buf_printf(out, "{\"row\":%d,\"sample\":%d,\"id\":\"%s\",\"verdict\":\"%s\",\"rule\":\"boxed\",\"right\":%s", row, s,
                   id, right[s] == 'R' ? "right" : "wrong", right[s] == 'R' ? "true" : "false");
        if (same[s] != '-') buf_printf(out, ",\"same_as\":%c", same[s]);
        buf_printf(out, ",\"tokens\":%d,\"finish\":\"%s\"}\n", 10 + s, s == 0 ? "length" : "stop");
    }
}

static EvalSamples must_read_samples(const Buf *text) {
    EvalSamples samples;
    Error error = {""};
    bool ok;
    read_text(text->data, &samples, &ok, &error);
    if (!ok) fail_msg("%s", error.message);
    return samples;
}

static void figures_of_several_samples(void **state) {
    (void)state;
    Buf text;
    buf_init(&text, 0);
    add_question(&text, 0, "a", "Rww", "011"); // votes: two for the wrong one
    add_question(&text, 1, "b", "RwR", "010"); // two for the right one
    add_question(&text, 4, "c", "www", "---"); // nobody votes
    add_question(&text, 7, "d", "RRR", "000");
    EvalSamples s = must_read_samples(&text);
    assert_int_equal(s.n, 4);
    assert_int_equal(s.samples, 3);
    assert_int_equal(s.n_truncated, 4);
    assert_int_equal(s.n_tokens, 4 * 33);
    EvalFigure f[EVAL_FIGURES_MAX];
    size_t n = eval_figures(&s, 1, f);
    const struct {
        const char *name, *by;
        double value;
    } expected[] = {
        {"pass@1", "bootstrap", (1.0 / 3 + 2.0 / 3 + 0 + 1) / 4},
        {"pass@2", "bootstrap", (2.0 / 3 + 1 + 0 + 1) / 4}, // 1 - C(2,2)/C(3,2); 1 - 0
        {"pass@3", "wilson", 3.0 / 4},
        {"maj@2", "wilson", 3.0 / 4}, // of the first two answers; a tie goes to the first
        {"maj@3", "wilson", 2.0 / 4},
    };
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(f[i].name, expected[i].name);
        assert_string_equal(f[i].by, expected[i].by);
        assert_true(fabs(f[i].value - expected[i].value) < TOLERANCE);
        assert_true(f[i].interval.low <= f[i].value && f[i].value <= f[i].interval.high);
    }
    Interval wilson = stats_wilson95(3, 4);
    assert_true(f[2].interval.low == wilson.low && f[2].interval.high == wilson.high);
    eval_samples_free(&s);
    buf_free(&text);
}

static void results_of_one_sample(void **state) {
    (void)state;
    Buf text, out;
    buf_init(&text, 0), buf_init(&out, 0);
    add_question(&text, 0, "a", "R", "-");
    add_question(&text, 1, "b", "w", "-");
    EvalSamples s = must_read_samples(&text);
    EvalFigure f[EVAL_FIGURES_MAX];
    size_t n = eval_figures(&s, 1, f);
    assert_int_equal(n, 1);
    const EvalAbout about = {"math500", "rlt", "00ff", NULL};
    eval_results_write(&s, &about, f, n, &out);
    json_t *json;
    Error error;
    assert_true(json_parse(str_of(out.data), "results", &json, &error));
    Interval wilson = stats_wilson95(1, 2);
    assert_true(json_real_value(json_object_get(json, "pass_at_1")) == 0.5);
    assert_true(json_real_value(json_object_get(json, "low")) == wilson.low);
    assert_true(json_real_value(json_object_get(json, "high")) == wilson.high);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "verdicts"), "wrong")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "rules"), "boxed")), 2);
    json_decref(json);
    eval_samples_free(&s);
    buf_free(&text), buf_free(&out);
}

static void compares_by_id(void **state) {
    (void)state;
    Buf x, y;
    buf_init(&x, 0), buf_init(&y, 0);
    add_question(&x, 0, "a", "R", "-"), add_question(&x, 1, "b", "R", "-"), add_question(&x, 2, "c", "w", "-");
    add_question(&x, 3, "d", "R", "-"), add_question(&x, 4, "d", "w", "-"), add_question(&x, 5, "only", "R", "-");
    // another order, another number of answers; "d" twice: the first pairs with the first
    add_question(&y, 0, "d", "wR", "--"), add_question(&y, 1, "c", "Rw", "--"), add_question(&y, 2, "d", "ww", "--");
    add_question(&y, 3, "b", "wR", "--"), add_question(&y, 4, "a", "RR", "--");
    EvalSamples a = must_read_samples(&x), b = must_read_samples(&y);
    EvalComparison c;
    Error error;
    assert_true(eval_compare(&a, &b, 1, &c, &error));
    assert_int_equal(c.n, 5);
    assert_int_equal(c.only_a, 1);
    assert_int_equal(c.only_b, 0);
    assert_true(fabs(c.a - 3.0 / 5) < TOLERANCE);
    assert_true(fabs(c.b - (1 + 0.5 + 0.5 + 0.5 + 0) / 5) < TOLERANCE);
    assert_true(fabs(c.pass.mean - (c.a - c.b)) < TOLERANCE);
    assert_int_equal(c.right_a, 2); // first answers: b, the first d
    assert_int_equal(c.right_b, 1); // c
    assert_true(c.mcnemar_p == stats_mcnemar_exact(2, 1));
    // a run beside itself
    assert_true(eval_compare(&a, &a, 1, &c, &error));
    assert_true(c.pass.mean == 0 && c.pass.interval.low == 0 && c.pass.interval.high == 0 && c.pass.p == 1 && c.mcnemar_p == 1);
    eval_samples_free(&b);
    buf_clear(&y);
    add_question(&y, 0, "z", "R", "-");
    b = must_read_samples(&y);
    assert_false(eval_compare(&a, &b, 1, &c, &error));
    assert_non_null(strstr(error.message, "over the same questions"));
    eval_samples_free(&a), eval_samples_free(&b);
    buf_free(&x), buf_free(&y);
}

static void rows_are_written_and_read(void **state) {
    (void)state;
    TaskQuestions q = must_read("math500", "{\"problem\": \"p\", \"answer\": \"5\", \"unique_id\": \"u\"}\n");
    TaskVerdict v = grade_text(&q, 0, "So \\boxed{5}.");
    const char *text = "So \\boxed{5}.";
    const SampleRow row = {.row = 3, .question = &q.list[0], .prompt = STR("p!"), .output = str_of(text), .verdict = &v,
                           .same_as = 0, .tokens = -1, .finish = "stop"};
    Buf out;
    buf_init(&out, 0);
    sample_row_write(&row, &out);
    assert_string_equal(out.data, "{\"row\":3,\"sample\":0,\"id\":\"u\",\"prompt\":\"p!\",\"output\":\"So \\\\boxed{5}.\",\"gold\":\"5\","
                                  "\"answer\":\"5\",\"from\":10,\"to\":11,\"rule\":\"boxed\",\"verdict\":\"right\",\"how\":\"same_text\","
                                  "\"right\":true,\"tagged\":false,\"same_as\":0,\"tokens\":null,\"finish\":\"stop\"}\n");
    EvalSamples s = must_read_samples(&out);
    assert_true(s.n == 1 && s.right[0] && s.same_as[0] == 0 && s.votes && s.n_tokens_known == 0);
    eval_samples_free(&s);
    task_questions_free(&q);
    buf_free(&out);
}

static void refusals(void **state) {
    (void)state;
    Buf two, text;
    buf_init(&two, 0), buf_init(&text, 0);
    add_question(&two, 0, "a", "Rw", "--");
    const struct {
        const char *more, *part;
    } cases[] = {
        {"x\n", ":3: "},
        {"[]\n", ":3: expected an object"},
        {"{\"row\":1,\"sample\":1,\"id\":\"b\",\"verdict\":\"right\",\"finish\":\"stop\"}\n", ":3: expected sample 2 of row 0"},
        {"{\"row\":0,\"sample\":0,\"id\":\"b\",\"verdict\":\"right\",\"finish\":\"stop\"}\n", "expected a row after 0"},
        {"{\"row\":1,\"sample\":0,\"id\":\"b\",\"verdict\":\"right\",\"finish\":\"stop\"}\n", "ends before sample 1 of row 1"},
        {"{\"row\":1,\"sample\":0,\"id\":\"b\",\"verdict\":\"right\",\"finish\":\"stop\",\"same_as\":1}\n", "same_as"},
        {"{\"row\":1,\"sample\":0,\"id\":\"b\",\"finish\":\"stop\"}\n", "key \"verdict\""},
        {"{\"row\":1,\"sample\":0,\"verdict\":\"right\",\"finish\":\"stop\"}\n", "key \"id\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        EvalSamples samples;
        Error error = {""};
        bool ok;
        buf_clear(&text);
        buf_printf(&text, "%s%s", two.data, cases[i].more);
        read_text(text.data, &samples, &ok, &error);
        if (ok || strstr(error.message, cases[i].part) == NULL) fail_msg("%s: %s", cases[i].more, error.message);
    }
    buf_free(&two), buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_of_several_samples), cmocka_unit_test(results_of_one_sample), cmocka_unit_test(compares_by_id),
        cmocka_unit_test(rows_are_written_and_read),  cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
