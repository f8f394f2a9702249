// Rows: reading, messages of errors, writing back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/rows.h"

static const char *PATH = TEST_SCRATCH "/test_rows.jsonl";

static bool read_text(const char *text, const RowsLimits *limits, Rows *rows, Error *error) {
    Error own;
    if (!file_write_atomic(PATH, text, strlen(text), &own)) fail_msg("%s", own.message);
    return rows_read(PATH, limits, rows, error);
}

static void fields_and_others_are_kept(void **state) {
    (void)state;
    RowsLimits limits = rows_limits_default();
    limits.required = ROW_QUESTION | ROW_SOLUTION;
    limits.one_of = ROW_TRACE | ROW_COMPLETION; // each row has another of them
    Rows rows;
    Error error;
    const char *text = "{\"id\": 7, \"question\": \"q\", \"solution\": \"s\\u0000t\", \"reasoning_trace\": \"\", "
                       "\"tags\": [1, null]}\n"
                       "\r\n  \n"
                       "{\"prompt\": \"p\", \"solution\": \"é\", \"system\": null, \"completion\": \"c\"}";
    if (!read_text(text, &limits, &rows, &error)) fail_msg("%s", error.message);
    assert_int_equal(rows.count, 2);
    const Row *first = &rows.rows[0], *second = &rows.rows[1];
    assert_true(str_equal(first->question, STR("q")));
    assert_int_equal(first->solution.len, 3);
    assert_memory_equal(first->solution.ptr, "s\0t", 4);
    assert_non_null(first->trace.ptr); // empty, not absent
    assert_int_equal(first->trace.len, 0);
    assert_null(first->system.ptr);
    assert_int_equal(json_integer_value(row_other(first, "id")), 7);
    assert_int_equal(json_array_size(row_other(first, "tags")), 2);
    assert_null(row_other(first, "question"));
    assert_true(str_equal(second->question, STR("p")));
    assert_null(second->system.ptr);
    assert_true(str_equal(second->completion, STR("c")));
    assert_null(second->other);
    assert_int_equal(second->line, 4);
    assert_int_equal(first->line, 1);
    rows_free(&rows);
}

static void a_question_goes_before_a_prompt(void **state) {
    (void)state;
    RowsLimits limits = rows_limits_default();
    Rows rows;
    Error error;
    assert_true(read_text("{\"prompt\": [1], \"question\": \"q\"}\n", &limits, &rows, &error));
    assert_true(str_equal(rows.rows[0].question, STR("q")));
    assert_true(json_is_array(row_other(&rows.rows[0], "prompt")));
    rows_free(&rows);
}

static void written_rows_read_back(void **state) {
    (void)state;
    RowsLimits limits = rows_limits_default();
    Rows rows, again;
    Error error;
    const char *text = "{\"numbers\":[3,7],\"question\":\"a\\n\\\"b\\\"\",\"x\":1.5,\"messages\":[{\"role\":\"user\","
                       "\"content\":\"hi\"}]}\n"
                       "{\"text\":\"t\"}\n";
    const char *written = "{\"question\":\"a\\n\\\"b\\\"\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                          "\"numbers\":[3,7],\"x\":1.5}\n{\"text\":\"t\"}\n";
    assert_true(read_text(text, &limits, &rows, &error));
    assert_true(rows_write(PATH, rows.rows, rows.count, &error));
    Buf bytes;
    assert_true(file_read(PATH, 10000, &bytes, &error));
    assert_string_equal(bytes.data, written);
    buf_free(&bytes);
    assert_true(rows_read(PATH, &limits, &again, &error));
    assert_int_equal(again.count, 2);
    assert_true(json_equal(rows.rows[0].other, again.rows[0].other));
    assert_true(str_equal(rows.rows[0].question, again.rows[0].question));
    rows_free(&rows);
    rows_free(&again);
}

static void errors_name_file_line_and_key(void **state) {
    (void)state;
    const struct {
        const char *text;
        unsigned required, one_of;
        const char *message; // after the path
    } cases[] = {
        {"{\"solution\": \"s\"}\n{\"solution\": 3}\n", 0, 0, ":2: key \"solution\": expected a string"},
        {"{\"prompt\": []}", 0, 0, ":1: key \"prompt\": expected a string"},
        {"{\"question\": \"q\"}", ROW_SOLUTION, 0, ":1: key \"solution\": expected a string, found none"},
        {"{\"question\": null}", ROW_QUESTION, 0, ":1: key \"question\": expected a string, found none"},
        {"{}", ROW_MESSAGES, 0, ":1: key \"messages\": expected an array of messages, found none"},
        {"{}", 0, ROW_TRACE | ROW_COMPLETION, ":1: expected a key \"reasoning_trace\" or \"completion\", found none"},
        {"\n7", 0, 0, ":2: expected a JSON object"},
        {"{}\n[1]", 0, 0, ":2: expected a JSON object"},
        {"{\"a\": 1, \"a\": 2}", 0, 0, ":1: not "},
        {"{\"question\": \"q\"", 0, 0, ":1: not "},
        {"{\"question\": \"\xff\"}", 0, 0, ":1: not "},
        {"{\"messages\": []}", 0, 0, ":1: key \"messages\": expected an array with at least one message"},
        {"{\"messages\": [{\"role\": \"user\"}]}", 0, 0, ":1: key \"messages\": item 0: expected an object"},
        {"{}\n{}\n{}\n{}\n", 0, 0, ":4: expected at most 3 rows"},
        {"{\"a\": \"0123456789012345678901234567890123456789\"}\n{\"a\": "
         "\"0123456789012345678901234567890123456789\"}\n",
         0, 0, ": expected at most 90 bytes in all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        RowsLimits limits = rows_limits_default();
        limits.required = cases[i].required;
        limits.one_of = cases[i].one_of;
        limits.max_rows = 3;
        limits.max_bytes = 90;
        Rows rows;
        Error error;
        assert_false(read_text(cases[i].text, &limits, &rows, &error));
        assert_null(rows.arena);
        char expected[600];
        snprintf(expected, sizeof expected, "%s%s", PATH, cases[i].message);
        if (strncmp(error.message, expected, strlen(expected)) != 0)
            fail_msg("%s\nexpected %s", error.message, expected);
    }
    RowsLimits limits = rows_limits_default();
    limits.max_line_bytes = 5;
    Rows rows;
    Error error;
    assert_false(read_text("{\"a\": 1}", &limits, &rows, &error));
    assert_non_null(strstr(error.message, PATH));
    assert_false(rows_read(TEST_SCRATCH "/no_such.jsonl", &limits, &rows, &error));
    assert_non_null(strstr(error.message, "no_such.jsonl"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_and_others_are_kept),
        cmocka_unit_test(a_question_goes_before_a_prompt),
        cmocka_unit_test(written_rows_read_back),
        cmocka_unit_test(errors_name_file_line_and_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
