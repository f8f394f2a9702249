// Comma-separated values (RFC 4180) as JSON objects: the first record names the columns, every further one becomes an
// object of strings, its columns in their order.
//
// A field in double quotes may hold commas, line ends and "" for a quote. Line ends are \n or \r\n, of the last record
// optional; blank lines are passed over; a byte order mark is skipped. Refused, with file and line: a quote inside of a
// bare field, text after a closing quote, a quote that is not closed, a record with more or fewer fields than there are
// columns, two columns of one name, text that is not UTF-8, NUL characters.
#ifndef RLT_DATA_CSV_H
#define RLT_DATA_CSV_H

#include "base/json.h"
#include "data/rows.h"

#define CSV_MAX_COLUMNS 1024

typedef struct Csv Csv;

// path "-": standard input; packed files as base/byte_reader.h reads them. Of `limits`, borrowed until csv_close,
// max_rows, max_line_bytes (of a record) and max_bytes count.
MUST_CHECK bool csv_open(const char *path, const RowsLimits *limits, Csv **csv, Error *error);
// 1: *row is a new object, the caller's (json_decref); 0: the end; -1: an error, after which nothing can be read.
int csv_next(Csv *csv, json_t **row, Error *error);
const char *csv_where(const Csv *csv); // "FILE:LINE" at which the last record began, valid until the next call
size_t csv_line(const Csv *csv);
void csv_close(Csv *csv); // NULL is fine

#endif
