// Compares what the Parquet reader gives with the rows as JSON lines that lie beside the file.
#ifndef RLT_TESTS_DATA_PARQUET_GOLDEN_H
#define RLT_TESTS_DATA_PARQUET_GOLDEN_H

#include <stdio.h>

#include "base/file.h"
#include "data/parquet.h"

static inline ParquetLimits parquet_limits_default(void) {
    return (ParquetLimits){1000000, (size_t)64 << 20, (size_t)1 << 30};
}

// FOLDER/NAME.parquet against FOLDER/NAME.jsonl; false with the first difference in `error`.
static inline bool parquet_compare(const char *folder, const char *name, Error *error) {
    char path[1024], lines[1024], where[1100];
    snprintf(path, sizeof path, "%s/%s.parquet", folder, name);
    snprintf(lines, sizeof lines, "%s/%s.jsonl", folder, name);
    ParquetLimits limits = parquet_limits_default();
    Parquet *parquet;
    LineReader *reader;
    if (!parquet_open(path, &limits, &parquet, error)) return false;
    if (!line_reader_open(lines, JSON_LINE_MAX_BYTES, &reader, error)) return false;
    size_t n = 0;
    bool ok = true;
    for (Str line; ok && line_reader_next(reader, &line, error) == 1; n++) {
        json_t *row, *expected;
        snprintf(where, sizeof where, "%s:%zu", lines, n + 1);
        if (!json_parse(line, where, &expected, error)) return false;
        int status = parquet_next(parquet, &row, error);
        ok = status == 1 || (status == 0 && error_set(error, "%s: ends at row %zu", path, n));
        if (ok && !json_equal(row, expected)) {
            char *found = json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII);
            ok = error_set(error, "%s:%zu: found %s", path, n + 1, found);
        }
        if (status == 1) json_decref(row);
        json_decref(expected);
    }
    json_t *more;
    ok = ok && (parquet_rows(parquet) == n || error_set(error, "%s: claims %zu rows", path, parquet_rows(parquet)));
    if (ok && parquet_next(parquet, &more, error) != 0) ok = error_set(error, "%s: no end after row %zu", path, n);
    line_reader_close(reader);
    parquet_close(parquet);
    return ok;
}

#endif
