// Whatever the bytes: code is found inside of the text and never holds its own fence; comparisons are symmetric, and
// whatever equals itself by lines does; a row of tests is read or refused with one line.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "eval/code/compare.h"
#include "eval/code/grade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void check_row(Str text) {
    json_t *row, *inner = NULL;
    if (!json_parse(text, "row", &row, NULL)) return;
    must(code_same_value(row, row));
    if (json_is_object(row)) inner = json_object_get(row, "expected");
    if (inner != NULL) must(code_same_value(row, inner) == code_same_value(inner, row));
    CodeTests tests;
    Error error;
    if (code_tests_read(row, "row 1", &tests, &error)) {
        must(tests.n >= 1);
        code_tests_free(&tests);
    } else {
        must(tests.arena == NULL && strchr(error.message, '\n') == NULL && strncmp(error.message, "row 1", 5) == 0);
    }
    json_decref(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 100000) return 0;
    Str text = {(const char *)data, size};
    Str code = code_find(text, NULL);
    must(code.ptr == NULL || (code.ptr > text.ptr && code.ptr + code.len <= text.ptr + text.len));
    size_t half = size / 2;
    Str a = {text.ptr, half}, b = {text.ptr + half, size - half};
    must(code_same_output(a, b) == code_same_output(b, a));
    must(code_same_output(text, text));
    check_row(text);
    return 0;
}
