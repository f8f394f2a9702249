// The bytes of a file or of standard input one block after another, unpacked where they are gzip or Zstandard: that is
// told by the first bytes, never by the name. Several packed parts one after another read as one.
//
// What comes out is limited, so that a small packed file cannot fill the memory or the disk of a reader.
#ifndef RLT_BASE_BYTE_READER_H
#define RLT_BASE_BYTE_READER_H

#include "base/buf.h"
#include "base/error.h"
#include <stddef.h>

typedef struct ByteReader ByteReader;

// path "-": standard input. More than max_bytes unpacked bytes are an error.
MUST_CHECK bool byte_reader_open(const char *path, size_t max_bytes, ByteReader **reader, Error *error);
// The next bytes, at most 64 KiB, valid until the next call. 1: there are some; 0: the end; -1: an error (a packed file
// that ends too early or is damaged is one).
int byte_reader_next(ByteReader *reader, Str *bytes, Error *error);
// The first bytes of the file as it lies there, packed or not: up to 4, fewer only in a shorter file.
Str byte_reader_magic(const ByteReader *reader);
const char *byte_reader_name(const ByteReader *reader); // the path as errors name it
void byte_reader_close(ByteReader *reader);             // NULL is fine

#endif
