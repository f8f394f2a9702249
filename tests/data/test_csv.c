// CSV: records by hand from RFC 4180, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/csv.h"

static const char *write_rows(const char *text, size_t size) {
    static char path[256];
    snprintf(path, sizeof path, "%s/csv_%d", TEST_SCRATCH, (int)getpid());
    assert_true(file_write_atomic(path, text, size, NULL));
    return path;
}

// All rows as JSON, one after another, or the message of the failure.
static void read_all(const char *text, size_t size, const RowsLimits *limits, Buf *out) {
    Csv *csv;
    Error error = {""};
    buf_init(out, 0);
    if (!csv_open(write_rows(text, size), limits, &csv, &error)) {
        buf_add_text(out, error.message);
        return;
    }
    json_t *row;
    int status;
    JsonWriter w = json_writer(out);
    while ((status = csv_next(csv, &row, &error)) == 1) {
        jw_json(&w, row);
        buf_printf(out, "@%zu", csv_line(csv));
        w.need_comma = false;
        json_decref(row);
    }
    if (status < 0) buf_add_text(out, error.message);
    csv_close(csv);
}

static void expect(const char *text, const char *rows) {
    RowsLimits limits = rows_limits_default();
    Buf out;
    read_all(text, strlen(text), &limits, &out);
    assert_string_equal(out.data, rows);
    buf_free(&out);
}

static void refuse(const char *text, size_t size, const RowsLimits *limits, const char *part) {
    RowsLimits usual = rows_limits_default();
    Buf out;
    read_all(text, size, limits != NULL ? limits : &usual, &out);
    if (strstr(out.data, part) == NULL) fail_msg("expected \"%s\" in: %s", part, out.data);
    assert_null(strchr(out.data, '\n'));
    buf_free(&out);
}
#define REFUSE(text, part) refuse(text, sizeof(text) - 1, NULL, part)

static void records(void **state) {
    (void)state;
    expect("a,b\n1,2\n3,4", "{\"a\":\"1\",\"b\":\"2\"}@2{\"a\":\"3\",\"b\":\"4\"}@3");
    expect("a,b\r\n1,2\r\n", "{\"a\":\"1\",\"b\":\"2\"}@2");
    expect("\xEF\xBB\xBF" "a\nx\n", "{\"a\":\"x\"}@2");
    expect("a,b\n\"1,\"\"2\"\"\n3\",\n\n\n,\"\"\n", "{\"a\":\"1,\\\"2\\\"\\n3\",\"b\":\"\"}@2{\"a\":\"\",\"b\":\"\"}@6");
    expect("\"a \"\"q\"\"\",b\n x , y\r z\n", "{\"a \\\"q\\\"\":\" x \",\"b\":\" y\\r z\"}@2");
    expect("a\n\xC3\xA9\n", "{\"a\":\"\xC3\xA9\"}@2");
}

static void refusals(void **state) {
    (void)state;
    REFUSE("", "expected a first line");
    REFUSE("\n\n", "expected a first line");
    REFUSE("a,a\n1,2\n", "two columns are called \"a\"");
    REFUSE("a,b\n1\n", ":2: expected 2 fields, as many as there are columns, found 1");
    REFUSE("a,b\n1,2\n\n1,2,3\n", ":4: expected 2 fields, as many as there are columns, found 3");
    REFUSE("a\n\"x\n", ":2: a quote that is not closed");
    REFUSE("a\n\"x\"y\n", ":2: expected a comma or a line's end after a closing quote");
    REFUSE("a\nx\"y\"\n", ":2: a quote inside of a field without quotes");
    REFUSE("a\n\xC3\n", ":2: column 1: expected UTF-8");
    REFUSE("a\nx\0y\n", ":2: expected text, found a NUL character");
}

static void limits(void **state) {
    (void)state;
    RowsLimits limits = rows_limits_default();
    limits.max_rows = 1;
    refuse("a\n1\n2\n", 6, &limits, ":3: expected at most 1 rows");
    limits = rows_limits_default();
    limits.max_line_bytes = 8;
    refuse("a\n123456789\n", 12, &limits, ":2: a record longer than 8 bytes");
    limits = rows_limits_default();
    limits.max_bytes = 5;
    refuse("a\n123456789\n", 12, &limits, "5 bytes");
    Buf wide;
    buf_init(&wide, 0);
    for (int i = 0; i <= CSV_MAX_COLUMNS; i++) buf_printf(&wide, "%sc%d", i > 0 ? "," : "", i);
    refuse(wide.data, wide.len, NULL, "more than 1024 columns");
    buf_free(&wide);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(refusals),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
