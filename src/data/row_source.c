#include "data/row_source.h"

#include <stdio.h>
#include <string.h>

#include "data/parquet.h"
#include "data/records.h"

struct RowSource {
    char *name;
    const RowsLimits *limits;
    Records *records; // or
    Parquet *parquet;
    size_t n_rows, number;
    char where[1024];
};

bool row_source_open(const char *path, const RowsLimits *limits, RowSource **source, Error *error) {
    ByteReader *bytes;
    if (!byte_reader_open(path, limits->max_bytes, &bytes, error)) return false;
    Str magic = byte_reader_magic(bytes);
    Parquet *parquet = NULL;
    if (str_equal(magic, STR("PAR1")) || str_equal(magic, STR("PARE"))) {
        byte_reader_close(bytes);
        ParquetLimits inner = {limits->max_rows, limits->max_line_bytes, limits->max_bytes};
        if (strcmp(path, "-") == 0) return error_set(error, "standard input: Parquet is read from a file only");
        if (!parquet_open(path, &inner, &parquet, error)) return false;
    }
    RowSource *made = mem_alloc(1, sizeof *made);
    made->name = mem_strdup(strcmp(path, "-") == 0 ? "standard input" : path);
    made->limits = limits;
    made->parquet = parquet;
    if (parquet == NULL) made->records = records_open(bytes, limits->max_line_bytes);
    *source = made;
    return true;
}

void row_source_close(RowSource *s) {
    if (s == NULL) return;
    records_close(s->records);
    parquet_close(s->parquet);
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
    if (s->parquet == NULL) return next_record(s, row, error);
    int status = parquet_next(s->parquet, row, error);
    s->number += status == 1;
    snprintf(s->where, sizeof s->where, "%s:%zu", s->name, s->number);
    return (RowSourceStatus)status;
}

size_t row_source_number(const RowSource *s) {
    return s->number;
}

const char *row_source_where(const RowSource *s) {
    return s->where;
}
