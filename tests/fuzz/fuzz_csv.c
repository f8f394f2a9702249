// Whatever the bytes of a CSV file: rows, each with every column as text, or one line of error; and rows that are
// written anew with every field in quotes read back as themselves.
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void add_field(Buf *out, Str text) {
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') buf_add_char(out, '"');
        buf_add_char(out, text.ptr[i]);
    }
    buf_add_char(out, '"');
}

static Str text_of(const json_t *string) { return (Str){json_string_value(string), json_string_length(string)}; }

// All rows in an array, and the file written anew. false: refused.
static bool read_all(const char *path, json_t *rows, Buf *again) {
    RowsLimits limits = rows_limits_default();
    limits.max_bytes = (size_t)1 << 24;
    Csv *csv;
    Error error = {""};
    if (!csv_open(path, &limits, &csv, &error)) {
        must(error.message[0] != '\0' && strchr(error.message, '\n') == NULL);
        return false;
    }
    json_t *row;
    int status;
    while ((status = csv_next(csv, &row, &error)) == 1) {
        const char *key;
        json_t *value;
        bool first = json_array_size(rows) == 0;
        for (int pass = first ? 0 : 1; pass < 2; pass++) { // the names of the columns, then the fields
            size_t i = 0;
            json_object_foreach(row, key, value) {
                must(json_is_string(value));
                if (i++ > 0) buf_add_char(again, ',');
                add_field(again, pass == 0 ? str_of(key) : text_of(value));
            }
            buf_add_char(again, '\n');
        }
        must(json_array_append_new(rows, row) == 0);
    }
    csv_close(csv);
    if (status == 0) return true;
    must(error.message[0] != '\0' && strchr(error.message, '\n') == NULL);
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH_MAX];
    int fd = fuzz_file(data, size, path);
    json_t *rows = json_array(), *back = json_array();
    Buf again, third;
    buf_init(&again, 0), buf_init(&third, 0);
    if (read_all(path, rows, &again) && json_array_size(rows) > 0) {
        int second = fuzz_file((const uint8_t *)again.data, again.len, path);
        must(read_all(path, back, &third));
        must(json_equal(rows, back));
        fuzz_file_close(second);
    }
    json_decref(rows), json_decref(back);
    buf_free(&again), buf_free(&third);
    fuzz_file_close(fd);
    return 0;
}
