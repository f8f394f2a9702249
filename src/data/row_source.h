// Rows of a file as JSON objects, one after another, whatever the file's form: JSON lines, one JSON array, either
// packed with gzip or Zstandard, or Parquet. The form is told by the file's bytes, never by its name.
//
// A row has a number from 1: its line in JSON lines, its place in an array or in a Parquet file. Errors begin with
// "FILE:NUMBER: " where they are of a row.
#ifndef RLT_DATA_ROW_SOURCE_H
#define RLT_DATA_ROW_SOURCE_H

#include "base/json.h"
#include "data/rows.h"

typedef struct RowSource RowSource;

typedef enum RowSourceStatus {
    ROW_SOURCE_FAILED = -1, // nothing more can be read
    ROW_SOURCE_END = 0,
    ROW_SOURCE_ROW = 1,
    ROW_SOURCE_BAD_ROW = 2, // this one is no JSON object; the next one can be asked for
} RowSourceStatus;

// path "-": standard input (not for Parquet, which is read from its end). Of `limits`, which must outlive the source,
// max_rows, max_line_bytes (of a row) and max_bytes (unpacked) count here.
MUST_CHECK bool row_source_open(const char *path, const RowsLimits *limits, RowSource **source, Error *error);
// *row: an object, the caller's (json_decref); set for ROW_SOURCE_ROW alone.
RowSourceStatus row_source_next(RowSource *source, json_t **row, Error *error);
size_t row_source_number(const RowSource *source);     // of the row that was last given or found bad
const char *row_source_where(const RowSource *source); // "FILE:NUMBER" of the same, valid until the next call
void row_source_close(RowSource *source);              // NULL is fine

#endif
