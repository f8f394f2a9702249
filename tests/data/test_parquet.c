// Files that pyarrow and DuckDB wrote (make_parquet.py), against the rows that pyarrow reads back from them: whole
// numbers, text and levels must be the same, and numbers have the same bits.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/rows.h"
#include "parquet_golden.h"

static const char *FOLDER = TEST_DATA "/data/golden/parquet";

// Every NAME.parquet of the folder; RLT_PARQUET_FOLDER names a further one (make_parquet.py --many).
static void check_folder(const char *folder) {
    Error error;
    char **names;
    size_t count, files = 0;
    if (!dir_list(folder, &names, &count, &error)) fail_msg("%s", error.message);
    for (size_t i = 0; i < count; i++) {
        if (str_ends(str_of(names[i]), STR(".parquet"))) {
            names[i][strlen(names[i]) - strlen(".parquet")] = '\0';
            if (!parquet_compare(folder, names[i], &error)) fail_msg("%s", error.message);
            files++;
        }
        mem_free(names[i]);
    }
    mem_free(names);
    assert_true(files > 5);
}

static void rows_are_as_pyarrow_reads_them(void **state) {
    (void)state;
    check_folder(FOLDER);
    if (getenv("RLT_PARQUET_FOLDER") != NULL) check_folder(getenv("RLT_PARQUET_FOLDER"));
}

static void rows_read_tells_it_by_its_bytes(void **state) {
    (void)state;
    char path[1024], plain[1024];
    snprintf(path, sizeof path, "%s/snappy_v1.parquet", FOLDER);
    snprintf(plain, sizeof plain, "%s/snappy_v1.jsonl", FOLDER);
    RowsLimits limits = rows_limits_default();
    Rows rows, expected;
    Error error;
    if (!rows_read(path, &limits, &rows, &error)) fail_msg("%s", error.message);
    assert_true(rows_read(plain, &limits, &expected, &error));
    assert_int_equal(rows.count, 40);
    for (size_t i = 0; i < rows.count; i++) {
        assert_int_equal(rows.rows[i].line, i + 1);
        assert_true(json_equal(rows.rows[i].other, expected.rows[i].other));
        assert_true((rows.rows[i].system.ptr == NULL) == (expected.rows[i].system.ptr == NULL));
        assert_true(str_equal(rows.rows[i].system, expected.rows[i].system));
    }
    rows_free(&rows);
    rows_free(&expected);
}

// Reads the whole file; the message that ends it, or "" where nothing does.
static const char *read_all(const char *path, ParquetLimits limits, Error *error) {
    Parquet *parquet;
    error->message[0] = '\0';
    if (!parquet_open(path, &limits, &parquet, error)) return error->message;
    json_t *row;
    while (parquet_next(parquet, &row, error) == 1)
        json_decref(row);
    parquet_close(parquet);
    return error->message;
}

static void limits_hold(void **state) {
    (void)state;
    char path[1024];
    snprintf(path, sizeof path, "%s/zstd_v2.parquet", FOLDER);
    Error error;
    ParquetLimits limits = parquet_limits_default();
    limits.max_rows = 39;
    assert_non_null(strstr(read_all(path, limits, &error), "expected at most 39 rows, found 40"));
    limits.max_rows = 40;
    assert_string_equal(read_all(path, limits, &error), "");
    limits.max_row_bytes = 300;
    assert_non_null(strstr(read_all(path, limits, &error), ": expected a row of at most 300 bytes"));
    limits = parquet_limits_default();
    limits.max_bytes = 1000;
    assert_non_null(strstr(read_all(path, limits, &error), "unpacks to more bytes than are allowed"));
    snprintf(path, sizeof path, "%s/none_v2_plain.parquet", FOLDER);
    limits.max_bytes = 9000; // its pages are smaller, its values, which are given out, are not
    assert_non_null(strstr(read_all(path, limits, &error), ": expected at most 9000 bytes in all"));
}

// Every cut of a file is refused in words.
static void cut_files_are_refused(void **state) {
    (void)state;
    char path[1024], cut[1024];
    snprintf(path, sizeof path, "%s/no_rows.parquet", FOLDER);
    snprintf(cut, sizeof cut, "%s/test_parquet.parquet", TEST_SCRATCH);
    Error error;
    Buf bytes;
    assert_true(file_read(path, 1 << 20, &bytes, &error));
    for (size_t n = 0; n < bytes.len; n += 7) {
        assert_true(file_write_atomic(cut, bytes.data, n, &error));
        assert_non_null(strstr(read_all(cut, parquet_limits_default(), &error), "no whole Parquet file"));
    }
    // A byte of a page whose check sum is written
    buf_free(&bytes);
    snprintf(path, sizeof path, "%s/gzip_plain.parquet", FOLDER);
    assert_true(file_read(path, 1 << 20, &bytes, &error));
    bytes.data[100] ^= 1;
    assert_true(file_write_atomic(cut, bytes.data, bytes.len, &error));
    assert_non_null(
        strstr(read_all(cut, parquet_limits_default(), &error), "column \"id\": a page does not have its check sum"));
    buf_free(&bytes);
}

static void what_is_not_read_is_named(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"delta", "column \"n\": encoding DELTA_BINARY_PACKED is not read"},
        {"split", "column \"n\": encoding BYTE_STREAM_SPLIT is not read"},
        {"lz4", "column \"n\": codec LZ4_RAW is not read"},
        {"brotli", "column \"n\": codec BROTLI is not read"},
        {"decimal", "column \"n\": type DECIMAL is not read"},
        {"time", "column \"n\": type TIME is not read"},
        {"fixed", "column \"n\": type FIXED_LEN_BYTE_ARRAY is not read"},
        {"int96", "column \"n\": type INT96 is not read"},
        {"bytes", "column \"n\": expected UTF-8 text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[1024], expected[1200];
        Error error;
        snprintf(path, sizeof path, "%s/refused/%s.parquet", FOLDER, cases[i][0]);
        snprintf(expected, sizeof expected, "%s: %s", path, cases[i][1]);
        assert_string_equal(read_all(path, parquet_limits_default(), &error), expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_as_pyarrow_reads_them),
        cmocka_unit_test(rows_read_tells_it_by_its_bytes),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(what_is_not_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
