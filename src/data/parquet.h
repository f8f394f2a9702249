// Reads Parquet files (github.com/apache/parquet-format) row by row as JSON objects.
//
// A group becomes an object, a repeated field or a LIST an array, a MAP an array of {"key", "value"}, null stays null.
// BOOLEAN, INT32, INT64 (an unsigned one beyond 2^63 as a real), FLOAT and DOUBLE (a number that is not finite as null)
// become what JSON has for them; BYTE_ARRAY must be UTF-8; a DATE becomes "2025-01-31", a TIMESTAMP
// "2025-01-31T12:00:00.000000", with Z at its end where it is in UTC.
//
// Read are data pages of version 1 and 2, the encodings PLAIN, PLAIN_DICTIONARY, RLE_DICTIONARY and RLE, uncompressed
// or with SNAPPY, GZIP or ZSTD: what pyarrow and DuckDB write by themselves. Anything else (encryption, other types,
// codecs and encodings) is refused by its name. Check sums are looked at where there are some.
//
// One page of each column is unpacked at a time.
#ifndef RLT_DATA_PARQUET_H
#define RLT_DATA_PARQUET_H

#include "base/json.h"

typedef struct Parquet Parquet;

typedef struct ParquetLimits {
    size_t max_rows;
    size_t max_row_bytes; // of one row's values; a number, a null and an element of a list count 16
    size_t max_bytes;     // of all pages, unpacked, and of all values that are given out
} ParquetLimits;

// The file is mapped until parquet_close, and must not be cut meanwhile.
MUST_CHECK bool parquet_open(const char *path, const ParquetLimits *limits, Parquet **parquet, Error *error);
size_t parquet_rows(const Parquet *parquet); // in all
// 1: a row, the caller's (json_decref); 0: the end; -1: an error, after which nothing more is to be read.
int parquet_next(Parquet *parquet, json_t **row, Error *error);
void parquet_close(Parquet *parquet); // NULL is fine

#endif
