#include "data/row_source.h"

#include <stdio.h>
#include <string.h>

#include "data/records.h"

struct RowSource {
    char *name;
    const RowsLimits *limits;
    Records *records;
    size_t n_rows, number;
    char where[1024];
};

bool row_source_open(const char *path, const RowsLimits *limits, RowSource **source, Error *error) {
    ByteReader *bytes;
    if (!byte_reader_open(path, limits->max_bytes, &bytes, error)) return false;
    RowSource *made = mem_alloc(1, sizeof *made);
    made->name = mem_strdup(byte_reader_name(bytes));
    made->limits = limits;
    made->records = records_open(bytes, limits->max_line_bytes);
    *source = made;
    return true;
}

void row_source_close(RowSource *s) {
    if (s == NULL) return;
    records_close(s->records);
    mem_free(s->name);
    mem_free(s);
}

static RowSourceStatus next_record(RowSource *s, json_t **row, Error *error) {
    Str record;
    int status = records_next(s->records, &record, &s->number, error);
    if (status != 1) return status == 0 ? ROW_SOURCE_END : ROW_SOURCE_FAILED;
    snprintf(s->where, sizeof s->where, "%s:%zu", s->name, s->number);
    if (s->n_rows == s->limits->max_rows) {
        error_set(error, "%s: expected at most %zu rows", s->where, s->limits->max_rows);
        return ROW_SOURCE_FAILED;
    }
    s->n_rows++;
    if (!json_parse(record, s->where, row, error)) return ROW_SOURCE_BAD_ROW;
    if (json_is_object(*row)) return ROW_SOURCE_ROW;
    json_decref(*row);
    error_set(error, "%s: expected a JSON object", s->where);
    return ROW_SOURCE_BAD_ROW;
}

RowSourceStatus row_source_next(RowSource *s, json_t **row, Error *error) {
    return next_record(s, row, error);
}

size_t row_source_number(const RowSource *s) {
    return s->number;
}

const char *row_source_where(const RowSource *s) {
    return s->where;
}
