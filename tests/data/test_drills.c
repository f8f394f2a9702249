// Drills. Reference: the grader of src/eval evaluates every line (it shares nothing with the generator).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "data/drills.h"
#include "eval/tasks/countdown.h"

// Splits off what comes before the next " ;" of *rest.
static bool next_line(Str *rest, Str *line) {
    ptrdiff_t end = str_find(*rest, STR(" ;"), 0);
    if (end < 0) return false;
    *line = str_trim((Str){rest->ptr, (size_t)end});
    *rest = (Str){rest->ptr + end + 2, rest->len - (size_t)end - 2};
    return true;
}

// "e = e' = v": all sides agree, by a grader that is told v and whatever numbers the first side has.
static int64_t check_sides(Str sides) {
    const char *at = sides.ptr + sides.len;
    while (at[-1] != '=') at--;
    CountdownProblem problem = {.n = 0, .target = strtoll(at, NULL, 10)};
    for (size_t i = 0; sides.ptr[i] != '='; i++) {
        if (sides.ptr[i] < '0' || sides.ptr[i] > '9') continue;
        char *end;
        problem.numbers[problem.n++] = strtoll(sides.ptr + i, &end, 10);
        i = (size_t)(end - sides.ptr);
    }
    assert_int_equal(countdown_grade(sides, &problem), COUNTDOWN_RIGHT);
    return problem.target;
}

// Takes "4,6,5 ->45 ?" off the front; returns the target.
static int64_t take_question(Str *rest) {
    ptrdiff_t arrow = str_find(*rest, STR(" ->"), 0), mark = str_find(*rest, STR(" ?"), 0);
    assert_true(arrow > 0 && mark > arrow);
    int64_t target = strtoll(rest->ptr + arrow + 3, NULL, 10);
    *rest = (Str){rest->ptr + mark + 2, rest->len - (size_t)mark - 2};
    return target;
}

static DrillOptions only(double check, double copy, double single, double compare) {
    DrillOptions o = drill_options_default();
    o.seed = 3;
    o.check_share = check;
    o.copy_share = copy;
    o.single_share = single;
    o.permute_share = 0;
    o.compare_share = compare;
    Error error;
    assert_true(drill_options_check(&o, &error));
    return o;
}

static void check_lines_hold(void **state) {
    (void)state;
    DrillOptions o = only(1, 0, 0, 0);
    DrillText text = {.n_answers = 0};
    buf_init(&text.text, 0);
    int hits = 0, lines = 0;
    for (uint32_t row = 0; row < 200; row++) {
        drill_make(&o, row, &text);
        Str rest = buf_str(&text.text), line;
        int64_t target = take_question(&rest);
        for (int n = 0; next_line(&rest, &line); n++, lines++) {
            bool yes = str_ends(line, STR(" yes"));
            ptrdiff_t beside = str_find(line, STR(" vs"), 0);
            assert_true(beside > 0);
            assert_int_equal(strtoll(line.ptr + beside + 3, NULL, 10), target);
            line.len = (size_t)beside;
            assert_int_equal(check_sides(line) == target, yes);
            hits += yes;
        }
        assert_int_equal(rest.len, 0);
    }
    assert_int_equal(lines, 200 * o.lines);
    // 0.35 are meant to hit, a few of the others do by chance: binomial, 1600 lines, 0.28 and 0.45 are 6 sigma off
    assert_in_range(hits, 1600 * 28 / 100, 1600 * 45 / 100);
    buf_free(&text.text);
}

static void copies_singles_and_comparisons_hold(void **state) {
    (void)state;
    DrillText text = {.n_answers = 0};
    buf_init(&text.text, 0);
    for (uint32_t row = 0; row < 100; row++) {
        Str line;
        int lines = 0;
        DrillOptions o = only(0, 1, 0, 0);
        drill_make(&o, row, &text);
        for (Str rest = buf_str(&text.text); next_line(&rest, &line); lines++) {
            ptrdiff_t bar = str_find(line, STR(" |"), 0);
            assert_true(bar > 0);
            assert_true(str_equal((Str){line.ptr, (size_t)bar}, (Str){line.ptr + bar + 2, line.len - (size_t)bar - 2}));
        }
        o = only(0, 0, 1, 0);
        drill_make(&o, row, &text);
        for (Str rest = buf_str(&text.text); next_line(&rest, &line); lines++) check_sides(line);
        o = only(0, 0, 0, 1);
        drill_make(&o, row, &text);
        Str rest = buf_str(&text.text);
        int64_t target = take_question(&rest);
        for (; next_line(&rest, &line); lines++) {
            char *end;
            assert_int_equal(line.ptr[0], '=');
            int64_t value = strtoll(line.ptr + 1, &end, 10);
            assert_true(str_starts((Str){end, (size_t)(line.ptr + line.len - end)}, STR(" vs")));
            assert_int_equal(strtoll(end + 3, &end, 10), target);
            assert_true(str_equal((Str){end, (size_t)(line.ptr + line.len - end)}, target == value ? STR(" yes") : STR(" no")));
        }
        assert_int_equal(rest.len, 0);
        assert_int_equal(lines, 3 * o.lines);
    }
    buf_free(&text.text);
}

// Every expression uses the row's numbers, each once: no verdict but for the value, which is not asked for. Of recall,
// the given one does too, and some lines are it.
static void expressions_use_the_numbers(double permute, double recall, int *different, int *given_again) {
    DrillOptions o = only(1, 0, 0, 0);
    o.check_share = 0;
    o.permute_share = permute;
    o.recall_share = recall;
    DrillText text = {.n_answers = 0};
    buf_init(&text.text, 0);
    int mixed = 0;
    *different = *given_again = 0;
    for (uint32_t row = 0; row < 100; row++) {
        drill_make(&o, row, &text);
        assert_int_equal(text.n_answers, o.lines);
        CountdownProblem problem = {.n = 0, .target = -1}; // no value is negative
        char *at = text.text.data;
        while (*at != '-') {
            problem.numbers[problem.n++] = strtoll(at, &at, 10);
            at++;
        }
        assert_int_equal(problem.n, 3);
        mixed += problem.numbers[0] != problem.numbers[1];
        Str rest = buf_str(&text.text), given = {NULL, 0};
        ptrdiff_t bar = str_find(rest, STR(" |"), 0), mark = str_find(rest, STR(" ?"), 0);
        assert_int_equal(bar >= 0, recall > 0);
        if (recall > 0) {
            given = (Str){rest.ptr + bar + 2, (size_t)(mark - bar) - 2};
            assert_int_equal(countdown_grade(given, &problem), COUNTDOWN_WRONG_VALUE);
        }
        assert_int_equal(text.from[0], mark + 2);
        Str first = {NULL, 0};
        for (int32_t i = 0; i < text.n_answers; i++) {
            Str line = str_trim((Str){text.text.data + text.from[i], (size_t)(text.to[i] - text.from[i])});
            assert_true(str_ends(line, STR(" ;")));
            line.len -= 2;
            assert_int_equal(countdown_grade(line, &problem), COUNTDOWN_WRONG_VALUE);
            if (i == 0)
                first = line;
            else
                *different += !str_equal(line, first);
            *given_again += recall > 0 && str_equal(line, given);
        }
        assert_int_equal(text.to[text.n_answers - 1], text.text.len);
    }
    assert_true(mixed > 60); // of 100
    buf_free(&text.text);
}

static void permutations_and_recalls_use_the_numbers(void **state) {
    (void)state;
    int different, given_again;
    expressions_use_the_numbers(1, 0, &different, &given_again);
    assert_true(different > 500); // of 700
    expressions_use_the_numbers(0, 1, &different, &given_again);
    // of 800, 0.4 are meant to be the given one and some of the others are by chance: 0.33 and 0.5 are 4 sigma off
    assert_in_range(given_again, 800 * 33 / 100, 800 * 50 / 100);
}

// Each answer begins after its line's first '=' or '|' and ends with its ';'.
static void answers_are_marked(void **state) {
    (void)state;
    DrillText text = {.n_answers = 0};
    buf_init(&text.text, 0);
    DrillOptions o = only(0.5, 0.3, 0.2, 0);
    for (uint32_t row = 0; row < 50; row++) {
        drill_make(&o, row, &text);
        assert_int_equal(text.n_answers, o.lines);
        const char *data = text.text.data;
        ptrdiff_t question = str_find(buf_str(&text.text), STR(" ?"), 0);
        size_t at = question < 0 ? 0 : (size_t)question + 2;
        for (int32_t i = 0; i < text.n_answers; i++) {
            size_t from = at + strcspn(data + at, "=|") + 1, to = from + strcspn(data + from, ";") + 1;
            assert_int_equal(text.from[i], from);
            assert_int_equal(text.to[i], to);
            at = to;
        }
        assert_int_equal(at, text.text.len);
    }
    o = only(0, 0, 0, 1);
    drill_make(&o, 0, &text);
    for (int32_t i = 0; i < text.n_answers; i++) {
        Str answer = {text.text.data + text.from[i], (size_t)(text.to[i] - text.from[i])};
        assert_true(str_equal(answer, STR(" yes ;")) || str_equal(answer, STR(" no ;")));
    }
    Buf line;
    buf_init(&line, 0);
    drill_write(&o, 0, &line);
    json_t *row;
    Error error;
    assert_true(json_parse((Str){line.data, line.len - 1}, "row", &row, &error));
    assert_string_equal(json_string_value(json_object_get(row, "text")), text.text.data);
    json_t *third = json_array_get(json_object_get(row, "answers"), 2);
    assert_int_equal(json_integer_value(json_array_get(third, 0)), text.from[2]);
    assert_int_equal(json_integer_value(json_array_get(third, 1)), text.to[2]);
    json_decref(row);
    buf_free(&line);
    buf_free(&text.text);
}

static void shares_choose_the_kinds(void **state) {
    (void)state;
    DrillOptions o = only(0.5, 0.3, 0.2, 0);
    int check = 0, copy = 0;
    DrillText text = {.n_answers = 0};
    buf_init(&text.text, 0);
    for (uint32_t row = 0; row < 2000; row++) {
        drill_make(&o, row, &text);
        check += str_find(buf_str(&text.text), STR("?"), 0) >= 0;
        copy += str_find(buf_str(&text.text), STR("|"), 0) >= 0;
    }
    // binomial of 2000: standard deviations 22 and 20; five of them
    assert_in_range(check, 1000 - 110, 1000 + 110);
    assert_in_range(copy, 600 - 100, 600 + 100);
    buf_free(&text.text);
}

static void wrong_options_name_their_key(void **state) {
    (void)state;
    Error error;
    DrillOptions o = drill_options_default();
    o.number_min = 900000; // sums and products are out of reach, equal numbers that cancel are rare
    o.number_max = 1000000;
    o.numbers_min = o.numbers_max = 8;
    o.rules.value_max = 1;
    assert_false(drill_options_check(&o, &error));
    assert_non_null(strstr(error.message, "value_max"));
    o = drill_options_default();
    o.check_share = o.copy_share = o.single_share = o.permute_share = 0;
    assert_false(drill_options_check(&o, &error));
    assert_non_null(strstr(error.message, "expected a share of some kind"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_lines_hold),
        cmocka_unit_test(copies_singles_and_comparisons_hold),
        cmocka_unit_test(permutations_and_recalls_use_the_numbers),
        cmocka_unit_test(answers_are_marked),
        cmocka_unit_test(shares_choose_the_kinds),
        cmocka_unit_test(wrong_options_name_their_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
