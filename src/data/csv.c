#include "data/csv.h"

#include <stdio.h>
#include <string.h>

#include "base/byte_reader.h"

// A record's fields one after another in `text`, the end of each in `ends`.
typedef struct Record {
    Buf text;
    size_t ends[CSV_MAX_COLUMNS];
    size_t n;
} Record;

struct Csv {
    ByteReader *bytes;
    const RowsLimits *limits;
    Str block; // what is left of the last bytes that were read
    size_t line, start_line, n_rows;
    json_t *columns; // array of names; NULL before the first record
    Record record;
    bool failed; // nothing can be read any more
    char where[1024];
};

// The next byte without taking it, -1 at the end, -2 on an error.
static int peek(Csv *csv, Error *error) {
    if (csv->block.len == 0 && !csv->failed) {
        int status = byte_reader_next(csv->bytes, &csv->block, error);
        if (status != 1) csv->block = STR("");
        if (status == 0) return -1;
        csv->failed = status != 1;
    }
    if (csv->failed) return -2;
    return (unsigned char)csv->block.ptr[0];
}

static void take(Csv *csv) {
    csv->line += csv->block.ptr[0] == '\n';
    csv->block.ptr++, csv->block.len--;
}

static void set_where(Csv *csv) {
    snprintf(csv->where, sizeof csv->where, "%.900s:%zu", byte_reader_name(csv->bytes), csv->start_line);
}

static bool add_byte(Csv *csv, int byte, Error *error) {
    if (csv->record.text.len == csv->limits->max_line_bytes) {
        return error_set(error, "%s: a record longer than %zu bytes", csv->where, csv->limits->max_line_bytes);
    }
    if (byte == 0) return error_set(error, "%s: expected text, found a NUL character", csv->where);
    buf_add_char(&csv->record.text, (char)byte);
    return true;
}

static bool end_field(Csv *csv, Error *error) {
    Record *r = &csv->record;
    if (r->n == CSV_MAX_COLUMNS) return error_set(error, "%s: more than %d columns", csv->where, CSV_MAX_COLUMNS);
    r->ends[r->n++] = r->text.len;
    return true;
}

// After the opening quote; takes the closing one.
static bool read_quoted(Csv *csv, Error *error) {
    for (;;) {
        int byte = peek(csv, error);
        if (byte == -2) return false;
        if (byte == -1) return error_set(error, "%s: a quote that is not closed", csv->where);
        take(csv);
        if (byte == '"') {
            int next = peek(csv, error);
            if (next == -2) return false;
            if (next != '"') break;
            take(csv);
        }
        if (!add_byte(csv, byte, error)) return false;
    }
    return true;
}

// Reads a field and what ends it: *end is ',', '\n' (also of \r\n) or -1 at the end of the file.
static bool read_field(Csv *csv, int *end, Error *error) {
    bool quoted = peek(csv, error) == '"';
    if (quoted) {
        take(csv);
        if (!read_quoted(csv, error)) return false;
    }
    for (;;) {
        int byte = peek(csv, error);
        if (byte == -2) return false;
        if (byte >= 0) take(csv);
        if (byte == '\r' && peek(csv, error) == '\n') continue;
        if (byte == ',' || byte == '\n' || byte == -1) {
            *end = byte;
            return end_field(csv, error);
        }
        if (quoted) return error_set(error, "%s: expected a comma or a line's end after a closing quote", csv->where);
        if (byte == '"') return error_set(error, "%s: a quote inside of a field without quotes", csv->where);
        if (!add_byte(csv, byte, error)) return false;
    }
}

// 1: a record; 0: the end; -1: an error.
static int read_record(Csv *csv, Error *error) {
    int byte;
    while ((byte = peek(csv, error)) == '\n' || byte == '\r')
        take(csv);
    if (byte < 0) return byte == -1 ? 0 : -1;
    csv->start_line = csv->line;
    set_where(csv);
    buf_clear(&csv->record.text);
    csv->record.n = 0;
    int end = ',';
    while (end == ',') {
        if (!read_field(csv, &end, error)) return -1;
    }
    return 1;
}

static Str field(const Csv *csv, size_t i) {
    size_t from = i > 0 ? csv->record.ends[i - 1] : 0;
    return (Str){csv->record.text.len > 0 ? csv->record.text.data + from : "", csv->record.ends[i] - from};
}

static json_t *field_string(const Csv *csv, size_t i, Error *error) {
    Str text = field(csv, i);
    json_t *string = json_stringn(text.ptr, text.len);
    if (string == NULL) error_set(error, "%s: column %zu: expected UTF-8", csv->where, i + 1);
    return string;
}

static bool read_columns(Csv *csv, Error *error) {
    int status = read_record(csv, error);
    if (status == 0)
        error_set(error, "%s: expected a first line with the names of columns", byte_reader_name(csv->bytes));
    if (status != 1) return false;
    csv->columns = json_array();
    json_t *seen = json_object();
    bool ok = true;
    for (size_t i = 0; ok && i < csv->record.n; i++) {
        json_t *name = field_string(csv, i, error);
        ok = name != NULL;
        if (!ok) break;
        if (json_object_get(seen, json_string_value(name)) != NULL) {
            ok = error_set(error, "%s: two columns are called \"%.60s\"", csv->where, json_string_value(name));
        }
        json_object_set_new(seen, json_string_value(name), json_true());
        json_array_append_new(csv->columns, name);
    }
    json_decref(seen);
    return ok;
}

static bool skip_mark(Csv *csv, Error *error) {
    if (peek(csv, error) == -2) return false;
    if (csv->block.len >= 3 && str_starts(csv->block, STR("\xEF\xBB\xBF"))) csv->block.ptr += 3, csv->block.len -= 3;
    return true;
}

bool csv_open(const char *path, const RowsLimits *limits, Csv **out, Error *error) {
    Csv *csv = mem_alloc(1, sizeof *csv);
    csv->limits = limits;
    csv->line = 1;
    csv->block = STR("");
    buf_init(&csv->record.text, 0);
    bool ok = byte_reader_open(path, limits->max_bytes, &csv->bytes, error);
    ok = ok && skip_mark(csv, error) && read_columns(csv, error);
    if (!ok) {
        csv_close(csv);
        return false;
    }
    *out = csv;
    return true;
}

int csv_next(Csv *csv, json_t **row, Error *error) {
    int status = read_record(csv, error);
    if (status != 1) return status;
    size_t n = json_array_size(csv->columns);
    if (csv->record.n != n) {
        error_set(error, "%s: expected %zu fields, as many as there are columns, found %zu", csv->where, n,
                  csv->record.n);
        return -1;
    }
    if (csv->n_rows++ == csv->limits->max_rows) {
        error_set(error, "%s: expected at most %zu rows", csv->where, csv->limits->max_rows);
        return -1;
    }
    *row = json_object();
    for (size_t i = 0; i < n; i++) {
        json_t *value = field_string(csv, i, error);
        if (value == NULL) {
            json_decref(*row);
            return -1;
        }
        json_object_set_new(*row, json_string_value(json_array_get(csv->columns, i)), value);
    }
    return 1;
}

const char *csv_where(const Csv *csv) {
    return csv->where;
}
size_t csv_line(const Csv *csv) {
    return csv->start_line;
}

void csv_close(Csv *csv) {
    if (csv == NULL) return;
    byte_reader_close(csv->bytes);
    json_decref(csv->columns);
    buf_free(&csv->record.text);
    mem_free(csv);
}
