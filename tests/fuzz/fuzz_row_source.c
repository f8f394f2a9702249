// Any bytes as a file of rows: rows, bad rows that are named, or one line of error, within the limits. Where Jansson
// takes the whole for one array, its elements are the rows.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/row_source.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static json_t *whole_array(const uint8_t *data, size_t size) {
    json_t *whole;
    if (!json_parse((Str){(const char *)data, size}, "whole", &whole, NULL)) return NULL;
    if (json_is_array(whole)) return whole;
    json_decref(whole);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH_MAX];
    int fd = fuzz_file(data, size, path);
    RowsLimits limits = rows_limits_default();
    limits.max_rows = 1000;
    limits.max_line_bytes = 1 << 14;
    limits.max_bytes = 1 << 18;
    json_t *whole = whole_array(data, size), *row;
    bool within = whole != NULL && json_array_size(whole) <= limits.max_rows && size <= limits.max_line_bytes;
    RowSource *source;
    Error error = {""};
    RowSourceStatus status = ROW_SOURCE_FAILED;
    size_t n = 0;
    if (row_source_open(path, &limits, &source, &error)) {
        while ((status = row_source_next(source, &row, &error)) == ROW_SOURCE_ROW || status == ROW_SOURCE_BAD_ROW) {
            json_t *expected = within ? json_array_get(whole, n) : NULL;
            must(!within || json_is_object(expected) == (status == ROW_SOURCE_ROW));
            n++;
            if (status == ROW_SOURCE_BAD_ROW) continue;
            // Not their values: one number beyond 64 bits makes all numbers of the whole text reals.
            must(!within || json_object_size(row) == json_object_size(expected));
            json_decref(row);
        }
        row_source_close(source);
    }
    must(n <= limits.max_rows);
    must(!within || (status == ROW_SOURCE_END && n == json_array_size(whole)));
    must(status == ROW_SOURCE_END || (error.message[0] != '\0' && strchr(error.message, '\n') == NULL));
    json_decref(whole);
    fuzz_file_close(fd);
    return 0;
}
