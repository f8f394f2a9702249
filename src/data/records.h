// Cuts a stream of bytes into JSON records: the lines of JSON lines, or the elements of one JSON array where the first
// character that is not white space is '['. Records are not parsed here, so a broken one costs only itself.
#ifndef RLT_DATA_RECORDS_H
#define RLT_DATA_RECORDS_H

#include "base/byte_reader.h"

typedef struct Records Records;

// Takes `bytes` over: records_close closes it.
Records *records_open(ByteReader *bytes, size_t max_record_bytes);
// 1: a record, trimmed, valid until the next call; 0: the end; -1: an error (a record that is too long, an array that
// is not closed). Blank lines are passed over. *number: of the line, or of the element in its array, from 1.
int records_next(Records *records, Str *record, size_t *number, Error *error);
void records_close(Records *records); // NULL is fine

#endif
