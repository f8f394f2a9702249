// The Countdown generator. Reference: the grader of src/eval, which shares nothing with it (it parses text and computes
// in GMP's rationals); splits against Python's hashlib.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "data/countdown.h"
#include "eval/tasks/countdown.h"

static CountdownOptions small_options(const char *style) {
    CountdownOptions o = countdown_options_default();
    o.seed = 7;
    o.n_train = 300;
    o.n_test = 60;
    o.number_max = 15;
    o.test_share = 0.25;
    o.style = countdown_style_by_name(style);
    assert_non_null(o.style);
    return o;
}

static void generate(const CountdownOptions *options, Arena *arena, CountdownSet *set) {
    Error error;
    if (!countdown_generate(options, arena, set, &error)) fail_msg("%s", error.message);
    assert_int_equal(set->n_train, options->n_train);
    assert_int_equal(set->n_test, options->n_test);
}

static bool same_text(Str a, Str b) { return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0; }

static CountdownProblem problem_of(const CountdownQuestion *q, int64_t target) {
    CountdownProblem problem = {.n = q->n, .target = target};
    memcpy(problem.numbers, q->numbers, (size_t)q->n * sizeof *q->numbers);
    return problem;
}

static void check_solutions(CountdownOptions options) {
    Arena *arena = arena_create();
    CountdownSet set;
    generate(&options, arena, &set);
    for (int32_t i = 0; i < set.n_train; i++) {
        const CountdownQuestion *q = &set.train[i];
        CountdownProblem problem = problem_of(q, q->target);
        assert_int_equal(countdown_grade(q->solution, &problem), COUNTDOWN_RIGHT);
        assert_in_range(q->n, options.numbers_min, options.numbers_max);
        assert_true(q->target >= options.target_min && q->target <= options.target_max);
        for (int32_t k = 0; k < q->n; k++)
            assert_true(q->numbers[k] >= options.number_min && q->numbers[k] <= options.number_max);
    }
    arena_destroy(arena);
}

static void every_solution_is_right(void **state) {
    (void)state;
    CountdownOptions o = small_options("plain");
    check_solutions(o);
    o.rules.fractions = o.rules.negatives = true;
    check_solutions(o);
    o = small_options("short");
    o.numbers_min = o.numbers_max = 6;
    o.rules.value_max = 50;
    o.target_max = 50;
    check_solutions(o);
}

// No attempt of the trace comes twice.
static void check_distinct(Str trace) {
    Str starts[COUNTDOWN_MAX_ATTEMPTS + 1];
    int n = 0;
    for (size_t at = 0; at < trace.len; n++) {
        ptrdiff_t end = str_find(trace, STR(" ;"), at);
        starts[n] = (Str){trace.ptr + at, (end < 0 ? trace.len : (size_t)end) - at};
        at = end < 0 ? trace.len : (size_t)end + 2;
        for (int i = 0; i < n; i++) assert_false(str_equal(starts[i], starts[n]));
    }
}

// Each attempt "e =.. =v vst no" of the short style: every side equals v, the first uses the numbers, t is the target,
// the word is true.
static void check_attempts(const CountdownQuestion *q, int32_t attempts_max, int *longest) {
    Str rest = q->trace, separator = STR(" ;");
    int attempts = 0;
    for (bool last = false; !last; attempts++) {
        ptrdiff_t end = str_find(rest, separator, 0);
        last = end < 0;
        Str attempt = {rest.ptr, last ? rest.len : (size_t)end};
        if (!last) rest = (Str){rest.ptr + end + separator.len, rest.len - (size_t)end - separator.len};
        bool yes = str_ends(attempt, STR(" yes"));
        assert_true(yes || str_ends(attempt, STR(" no")));
        attempt.len -= yes ? 4 : 3;
        ptrdiff_t target = str_find(attempt, STR(" vs"), 0);
        assert_true(target > 0);
        assert_int_equal(strtoll(attempt.ptr + target + 3, NULL, 10), q->target);
        attempt.len = (size_t)target;
        const char *value = attempt.ptr + attempt.len;
        while (value[-1] != '=') value--;
        // a fraction or a negative number is written in brackets: no target
        int64_t v = value[0] == '(' ? -1 : strtoll(value, NULL, 10);
        assert_int_equal(yes, v == q->target);
        assert_int_equal(yes, last);
        if (v < 0) continue;
        CountdownProblem problem = problem_of(q, v);
        assert_int_equal(countdown_grade(attempt, &problem), COUNTDOWN_RIGHT);
    }
    assert_in_range(attempts, 1, attempts_max + 1);
    if (attempts > *longest) *longest = attempts;
}

static void every_step_of_a_trace_holds(void **state) {
    (void)state;
    for (int wild = 0; wild < 2; wild++) {
        CountdownOptions o = small_options("short");
        o.rules.fractions = o.rules.negatives = wild;
        o.attempts_max = 5;
        Arena *arena = arena_create();
        CountdownSet set;
        generate(&o, arena, &set);
        int longest = 0;
        for (int32_t i = 0; i < set.n_train; i++) {
            check_attempts(&set.train[i], o.attempts_max, &longest);
            check_distinct(set.train[i].trace);
        }
        assert_int_equal(longest, 6); // of 300 traces some have all five failures
        arena_destroy(arena);
    }
}

static void no_value_is_above_its_bound(void **state) {
    (void)state;
    CountdownOptions o = small_options("short");
    o.rules.value_max = 40;
    o.target_max = 40;
    Arena *arena = arena_create();
    CountdownSet set;
    generate(&o, arena, &set);
    int64_t greatest = 0;
    for (int32_t i = 0; i < set.n_train; i++) {
        Str trace = set.train[i].trace;
        for (size_t at = 0; at < trace.len; at++) {
            char *end = (char *)trace.ptr + at;
            int64_t value = strtoll(trace.ptr + at, &end, 10); // 0 where there is no number
            if (value > greatest) greatest = value;
            if (end > trace.ptr + at) at = (size_t)(end - trace.ptr);
        }
    }
    assert_int_equal(greatest, 40); // of hundreds of traces some reach it
    arena_destroy(arena);
}

static int compare_numbers(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool same_form(const CountdownQuestion *a, const CountdownQuestion *b) {
    if (a->n != b->n || a->target != b->target) return false;
    int64_t x[EXPRESSION_MAX_NUMBERS], y[EXPRESSION_MAX_NUMBERS];
    memcpy(x, a->numbers, sizeof x);
    memcpy(y, b->numbers, sizeof y);
    qsort(x, (size_t)a->n, sizeof *x, compare_numbers);
    qsort(y, (size_t)a->n, sizeof *y, compare_numbers);
    return memcmp(x, y, (size_t)a->n * sizeof *x) == 0;
}

static void questions_are_unique_and_splits_apart(void **state) {
    (void)state;
    CountdownOptions o = small_options("short");
    o.numbers_max = 3;
    o.number_max = 8; // few forms: collisions are sure
    o.n_test = 200;
    Arena *arena = arena_create();
    CountdownSet set, other;
    generate(&o, arena, &set);
    o.seed = 8; // another run's test questions are no training questions of this one either
    generate(&o, arena, &other);
    int shared = 0;
    for (int32_t i = 0; i < set.n_train; i++) {
        for (int32_t k = 0; k < i; k++) assert_false(same_form(&set.train[i], &set.train[k]));
        for (int32_t k = 0; k < set.n_test; k++) assert_false(same_form(&set.train[i], &set.test[k]));
        for (int32_t k = 0; k < other.n_test; k++) assert_false(same_form(&set.train[i], &other.test[k]));
        for (int32_t k = 0; k < other.n_train; k++) shared += same_form(&set.train[i], &other.train[k]);
    }
    assert_true(shared > 0); // the runs did meet, so the lines above said something
    arena_destroy(arena);
}

static void repeats_differ_in_order_or_solution(void **state) {
    (void)state;
    CountdownOptions o = small_options("short");
    o.numbers_max = 3;
    o.number_max = 6;
    o.target_min = 5;
    o.n_test = 20;
    o.train_repeats = 3;
    Arena *arena = arena_create();
    CountdownSet set;
    generate(&o, arena, &set);
    int repeated = 0;
    for (int32_t i = 0; i < set.n_train; i++) {
        int same = 0;
        for (int32_t k = 0; k < i; k++) {
            if (!same_form(&set.train[i], &set.train[k])) continue;
            same++;
            assert_false(same_text(set.train[i].question, set.train[k].question) &&
                         same_text(set.train[i].solution, set.train[k].solution));
        }
        assert_in_range(same, 0, 2);
        repeated += same > 0;
        for (int32_t k = 0; k < set.n_test; k++) assert_false(same_form(&set.train[i], &set.test[k]));
    }
    assert_true(repeated > 0);
    for (int32_t i = 0; i < set.n_test; i++)
        for (int32_t k = 0; k < i; k++) assert_false(same_form(&set.test[i], &set.test[k]));
    arena_destroy(arena);
}

static void a_question_does_not_depend_on_the_counts(void **state) {
    (void)state;
    CountdownOptions o = small_options("plain");
    Arena *arena = arena_create();
    CountdownSet many, few;
    generate(&o, arena, &many);
    o.n_train = 40;
    o.n_test = 59;
    generate(&o, arena, &few);
    for (int32_t i = 0; i < few.n_train; i++) {
        assert_true(same_text(few.train[i].question, many.train[i].question));
        assert_true(same_text(few.train[i].trace, many.train[i].trace));
    }
    for (int32_t i = 0; i < few.n_test; i++) assert_true(same_text(few.test[i].trace, many.test[i].trace));
    arena_destroy(arena);
}

static void the_split_is_that_of_sha256(void **state) {
    (void)state;
    // int(hashlib.sha256(form).hexdigest()[:8], 16) / 2**32
    const struct {
        int64_t numbers[4];
        int32_t n;
        int64_t target;
        double place;
    } cases[] = {{{12, 3, 7}, 3, 45, 0.7803869636263698}, // "3 7 12 = 45"
                 {{75, 25, 4, 50}, 4, 100, 0.7364908836316317},
                 {{6, 7, 6}, 3, 36, 0.3754106773994863},
                 {{8, 1, 2}, 3, 16, 0.2839380633085966},
                 {{10, 10}, 2, 20, 0.5244178341235965}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(countdown_is_test(cases[i].numbers, cases[i].n, cases[i].target, cases[i].place + 1e-9));
        assert_false(countdown_is_test(cases[i].numbers, cases[i].n, cases[i].target, cases[i].place - 1e-9));
    }
}

static void rows_read_as_documented(void **state) {
    (void)state;
    CountdownOptions o = small_options("short");
    o.n_train = 1;
    o.n_test = 0;
    Arena *arena = arena_create();
    CountdownSet set;
    generate(&o, arena, &set);
    Buf line;
    buf_init(&line, 0);
    countdown_write(&set.train[0], &line);
    assert_int_equal(line.data[line.len - 1], '\n');
    json_t *row;
    Error error;
    assert_true(json_parse((Str){line.data, line.len - 1}, "row", &row, &error));
    CountdownProblem problem;
    assert_true(countdown_problem_read(row, "row", &problem, &error));
    assert_int_equal(problem.n, set.train[0].n);
    assert_int_equal(problem.target, set.train[0].target);
    assert_memory_equal(problem.numbers, set.train[0].numbers, (size_t)problem.n * sizeof *problem.numbers);
    assert_non_null(json_object_get(row, "reasoning_trace"));
    json_decref(row);
    buf_free(&line);
    arena_destroy(arena);
}

// What a seed gives stays what it is, on every machine: the SHA-256 of these rows as first written down, kept so that a
// change is made on purpose.
static void a_seed_keeps_its_rows(void **state) {
    (void)state;
    CountdownOptions o = small_options("short");
    o.attempts_max = 3;
    Arena *arena = arena_create();
    CountdownSet set;
    generate(&o, arena, &set);
    Buf lines;
    buf_init(&lines, 0);
    for (int32_t i = 0; i < set.n_train; i++) countdown_write(&set.train[i], &lines);
    for (int32_t i = 0; i < set.n_test; i++) countdown_write(&set.test[i], &lines);
    assert_string_equal(sha256_bytes(lines.data, lines.len).text,
                        "7a9127a2556889e8b450ce694d6bb10346a2618978d926c45e2584911edf6a7c");
    buf_free(&lines);
    arena_destroy(arena);
}

static void wrong_options_name_their_key(void **state) {
    (void)state;
    CountdownOptions o = small_options("plain");
    Arena *arena = arena_create();
    CountdownSet set;
    Error error;
    o.numbers_max = 9;
    assert_false(countdown_generate(&o, arena, &set, &error));
    assert_non_null(strstr(error.message, "\"numbers_max\": expected 3 to 8, got 9"));
    o = small_options("plain");
    o.test_share = 0.0 / 0.0;
    assert_false(countdown_generate(&o, arena, &set, &error));
    assert_non_null(strstr(error.message, "test_share"));
    o = small_options("plain"); // 2 numbers of 1 .. 3: a handful of forms
    o.numbers_min = o.numbers_max = 2;
    o.number_max = 3;
    o.target_min = 1;
    assert_false(countdown_generate(&o, arena, &set, &error));
    assert_non_null(strstr(error.message, "of 300 training"));
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_solution_is_right),
        cmocka_unit_test(every_step_of_a_trace_holds),
        cmocka_unit_test(no_value_is_above_its_bound),
        cmocka_unit_test(questions_are_unique_and_splits_apart),
        cmocka_unit_test(repeats_differ_in_order_or_solution),
        cmocka_unit_test(a_question_does_not_depend_on_the_counts),
        cmocka_unit_test(the_split_is_that_of_sha256),
        cmocka_unit_test(rows_read_as_documented),
        cmocka_unit_test(a_seed_keeps_its_rows),
        cmocka_unit_test(wrong_options_name_their_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
