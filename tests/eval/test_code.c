// Grading of programs without running any: finding the code, reading a row's tests, comparing outputs.
// Expected verdicts of outputs: Python's str.strip, decimal.Decimal and ==, written by hand from their documentation.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <string.h>

#include "eval/code/compare.h"
#include "eval/code/grade.h"

static void finds_the_last_block(void **state) {
    (void)state;
    const struct {
        const char *text, *code; // NULL: none
    } cases[] = {
        {"Try:\n```python\nprint(1)\n```\nor better\n```python\nprint(2)\n```\nDone.", "print(2)\n"},
        {"```py\nx = 1\n```\nwhich prints\n```\n1\n```", "x = 1\n"}, // an output is no program
        {"```\nprint(1)\n```", "print(1)\n"},
        {"```cpp\nint x;\n```", "int x;\n"},
        {"```python\nprint(1)\n```\n```python\nprint(2)", "print(1)\n"}, // cut off
        {"````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"},
        {"1. So:\n   ```python\nprint(3)\n   ```", "print(3)\n"},
        {"```python title\r\nprint(4)\r\n```\r\n", "print(4)\r\n"},
        {"```python\n```", ""},
        {"print(1)", NULL}, {"``` print(1)", NULL}, {"", NULL}, {"```", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Str got = code_find(str_of(cases[i].text), NULL);
        bool same = cases[i].code == NULL ? got.ptr == NULL : got.ptr != NULL && str_equal(got, str_of(cases[i].code));
        if (!same) fail_msg("%s: got \"%.*s\"", cases[i].text, (int)got.len, got.ptr);
    }
    const ExtractSettings settings = {.thought_close = "</t>"};
    assert_null(code_find(STR("```\nx\n```"), &settings).ptr);
    assert_true(str_equal(code_find(STR("```\nx\n```</t>\n```\ny\n```"), &settings), STR("y\n")));
}

static void compares_outputs(void **state) {
    (void)state;
    const struct {
        const char *output, *expected;
        bool same;
    } cases[] = {
        {"1 2\n3\n", "1 2\n3", true}, {"\n\n 1 2 \r\n3 \n\n", "1 2\n3", true}, {"1 2 3", "1 2\n3", false},
        {"1\n\n2", "1\n\n2", true}, {"1\n\n2", "1\n2", false}, {"YES", "yes", false}, {"1  2", "1 2", true},
        {"a  b", "a b", false}, {"1.50", "1.5", true}, {"15e-1", "1.5", true}, {"1.5E0", "+1.5", true},
        {"0.30000000000000004", "0.3", false}, {"-0", "0.000", true}, {"007", "7", true}, {"1e400", "1e401", false},
        {"10e400", "1e401", true}, {"nan", "NaN", false}, {"nan", "nan", true}, // the same line needs no numbers
        {"inf", "Infinity", true}, {"-inf", "inf", false}, {"100", "1", false}, {"1.", "1", true}, {".5", "0.5", true},
        {".", "0", false}, {"1 2", "1 2 3", false}, {"1 2 3", "1 2", false}, {"1 x", "1.0 x", false}, {"", "", true},
        {"\n", "", true}, {"1", "", false}, {"", "1", false}, {"1e9999999999", "1e9999999999.0", false}, {"--1", "1", false},
        {"123456789012345678901234567890", "123456789012345678901234567891", false}, {"1e", "1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (code_same_output(str_of(cases[i].output), str_of(cases[i].expected)) != cases[i].same ||
            code_same_output(str_of(cases[i].expected), str_of(cases[i].output)) != cases[i].same) {
            fail_msg("\"%s\" and \"%s\": expected %s", cases[i].output, cases[i].expected, cases[i].same ? "same" : "different");
        }
    }
}

static void compares_values(void **state) {
    (void)state;
    const struct {
        const char *value, *expected;
        bool same;
    } cases[] = {
        {"[1, 2, 3]", "[1,2,3]", true}, {"[1, 2]", "[2, 1]", false}, {"1", "1.0", true}, {"true", "1", true},
        {"false", "0.0", true}, {"true", "2", false}, {"null", "null", true}, {"null", "0", false}, {"\"1\"", "1", false},
        {"\"a\"", "\"a\"", true}, {"\"a\"", "\"a \"", false}, {"{\"a\": [1], \"b\": 2}", "{\"b\": 2.0, \"a\": [1]}", true},
        {"{\"a\": 1}", "{\"b\": 1}", false}, {"{\"a\": 1}", "{\"a\": 1, \"b\": 1}", false}, {"[]", "{}", false},
        {"9007199254740993", "9007199254740992", false}, {"0.30000000000000004", "0.3", false}, {"[[1], []]", "[[1], []]", true},
        {"[1]", "[1, 2]", false}, {"[]", "[]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *value, *expected;
        assert_true(json_parse(str_of(cases[i].value), "v", &value, NULL));
        assert_true(json_parse(str_of(cases[i].expected), "e", &expected, NULL));
        if (code_same_value(value, expected) != cases[i].same || code_same_value(expected, value) != cases[i].same)
            fail_msg("%s and %s: expected %s", cases[i].value, cases[i].expected, cases[i].same ? "same" : "different");
        json_decref(value);
        json_decref(expected);
    }
}

static bool read_row(const char *text, CodeTests *tests, Error *error) {
    json_t *row;
    assert_true(json_parse(str_of(text), "row", &row, error));
    bool ok = code_tests_read(row, "d.jsonl:3", tests, error);
    json_decref(row);
    return ok;
}

static void reads_published_rows(void **state) {
    (void)state;
    CodeTests tests;
    Error error;
    assert_true(read_row("{\"question_content\": \"q\", \"public_test_cases\": "
                         "\"[{\\\"input\\\": \\\"1\\\\n2\\\", \\\"output\\\": \\\"3\\\", \\\"testtype\\\": \\\"functional\\\"}]\", "
                         "\"private_test_cases\": [{\"input\": \"4\", \"output\": \"5\", \"testtype\": \"functional\"}], "
                         "\"metadata\": \"{\\\"func_name\\\": \\\"add_2\\\"}\"}", &tests, &error));
    assert_int_equal(tests.n, 2);
    assert_string_equal(tests.fn_name, "add_2");
    assert_true(str_equal(tests.tests[0].input, STR("1\n2")) && str_equal(tests.tests[0].output, STR("3")));
    assert_true(str_equal(tests.tests[1].input, STR("4")) && str_equal(tests.tests[1].output, STR("5")));
    code_tests_free(&tests);
    assert_true(read_row("{\"public_test_cases\": \"\", \"private_test_cases\": \"[{\\\"input\\\": \\\"\\\", \\\"output\\\": \\\"5\\\", "
                         "\\\"testtype\\\": \\\"stdin\\\"}]\", \"metadata\": \"{}\"}", &tests, &error));
    assert_true(tests.n == 1 && tests.fn_name == NULL);
    code_tests_free(&tests);
}

static void refuses_wrong_rows(void **state) {
    (void)state;
#define ONE(type) "[{\"input\": \"1\", \"output\": \"2\", \"testtype\": \"" type "\"}]"
    const struct {
        const char *row, *says;
    } cases[] = {
        {"{\"public_test_cases\": " ONE("stdin") ", \"private_test_cases\": \"eJxrYJmawQABPVwZqYl5qcUA\"}", "compressed pickle"},
        {"{}", "expected tests"},
        {"[]", "expected an object"},
        {"{\"public_test_cases\": []}", "expected tests"},
        {"{\"public_test_cases\": {}}", "expected an array"},
        {"{\"public_test_cases\": \"[1]\"}", "test 1: expected an object"},
        {"{\"public_test_cases\": \"[{\"}", "not JSON"},
        {"{\"public_test_cases\": " ONE("file") "}", "expected stdin or functional"},
        {"{\"public_test_cases\": [{\"input\": 1}]}", "\"input\""},
        {"{\"public_test_cases\": " ONE("functional") "}", "func_name"},
        {"{\"public_test_cases\": " ONE("functional") ", \"metadata\": {\"func_name\": \"f'; import os\"}}", "func_name"},
        {"{\"public_test_cases\": " ONE("functional") ", \"metadata\": {\"func_name\": \"2f\"}}", "func_name"},
        {"{\"public_test_cases\": " ONE("functional") ", \"private_test_cases\": " ONE("stdin") "}", "one testtype"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CodeTests tests;
        Error error = {""};
        if (read_row(cases[i].row, &tests, &error)) fail_msg("%s: expected a failure", cases[i].row);
        if (strstr(error.message, cases[i].says) == NULL || strncmp(error.message, "d.jsonl:3: ", 11) != 0)
            fail_msg("%s: says \"%s\", expected \"%s\" in it", cases[i].row, error.message, cases[i].says);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_last_block), cmocka_unit_test(compares_outputs), cmocka_unit_test(compares_values),
        cmocka_unit_test(reads_published_rows), cmocka_unit_test(refuses_wrong_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
