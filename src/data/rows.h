// Rows of data with the fields that this program knows, everything else kept beside them: read from JSON lines, a JSON
// array or Parquet (data/row_source.h), written as JSON lines.
//
// Contract
// - `Rows` owns one arena that holds every string of its rows and the rows themselves; rows_free ends them all at once.
//   A Str borrowed from a row lives as long as its Rows.
// - An absent (or null) field is a Str whose ptr is NULL; an empty string is present with len 0.
// - Errors name file, line and key: `train.jsonl:12: key "solution": expected a string`.
#ifndef RLT_DATA_ROWS_H
#define RLT_DATA_ROWS_H

#include "base/json.h"
#include "base/mem.h"

typedef enum RowField {
    ROW_QUESTION = 1, // "question", or "prompt" where there is no "question"
    ROW_SOLUTION = 2,
    ROW_TRACE = 4, // "reasoning_trace"
    ROW_COMPLETION = 8,
    ROW_SYSTEM = 16,
    ROW_TEXT = 32,     // raw text to train on from scratch
    ROW_MESSAGES = 64, // a chat: an array of {"role": string, "content": string}
} RowField;

typedef struct Row {
    Str question, solution, trace, completion, system, text;
    json_t *messages; // NULL when absent
    json_t *other; // an object with the fields that have no place above, in the file's order; NULL when there are none
    size_t line;   // in its file, from 1; of an array or a Parquet file the row's number
} Row;

typedef struct Rows {
    Row *rows; // [count]
    size_t count;
    Arena *arena;
} Rows;

typedef struct RowsLimits {
    size_t max_rows;
    size_t max_line_bytes; // of one row
    size_t max_bytes;      // of the whole file, unpacked
    unsigned required;     // RowFields that every row must have
    unsigned one_of;       // RowFields of which every row must have at least one; 0: no such demand
} RowsLimits;

// Nothing required; 2^27 rows, JSON_LINE_MAX_BYTES a line, 16 GiB in all.
RowsLimits rows_limits_default(void);

// Reads every row of a file in any of the forms of data/row_source.h ("-": standard input). On failure `rows` is empty
// and needs no free.
MUST_CHECK bool rows_read(const char *path, const RowsLimits *limits, Rows *rows, Error *error);
void rows_free(Rows *rows); // fine on an empty or a zeroed one

// One row from one line, its strings in `arena`, its json_t referenced (row_release). `where` begins an error's
// message.
MUST_CHECK bool row_parse(Str line, const char *where, const RowsLimits *limits, Arena *arena, Row *row, Error *error);
// The same from an object, which it takes over, on failure too.
MUST_CHECK bool row_from_json(json_t *object, const char *where, const RowsLimits *limits, Arena *arena, Row *row,
                              Error *error);
void row_release(Row *row); // messages and other

// Appends the row as one JSON line with its newline: known fields in RowField's order, then the others.
void row_write(const Row *row, Buf *out);
// Writes beside and renames ("-": standard output).
MUST_CHECK bool rows_write(const char *path, const Row *rows, size_t count, Error *error);

// The member `key` of the row's other fields, NULL when absent or null; borrowed.
json_t *row_other(const Row *row, const char *key);

#endif
