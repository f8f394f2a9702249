// Reads Thrift's compact protocol, in which Parquet writes its footer and its page headers
// (github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
//
// The first thing that is wrong (bytes that end too early, a value of another type than asked for, nesting beyond
// THRIFT_DEPTH_MAX) sets `bad` for good; from then on every read gives nothing, so it can be looked at once at the end.
#ifndef RLT_DATA_THRIFT_H
#define RLT_DATA_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define THRIFT_DEPTH_MAX 32

typedef enum ThriftType {
    THRIFT_STOP = 0,
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_I8 = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12,
} ThriftType;

typedef struct Thrift {
    const uint8_t *at, *end; // borrowed
    bool bad;
} Thrift;

// A struct is read as: for (ThriftField f = {0}; thrift_field(t, &f);) switch (f.id) { case ...: default: thrift_skip }
typedef struct ThriftField {
    int id;
    ThriftType type;
} ThriftField;

bool thrift_field(Thrift *t, ThriftField *field); // false: the struct ends, or `bad`
// The field's value, which must be of the kind asked for.
int64_t thrift_int(Thrift *t, const ThriftField *field); // I8 to I64
bool thrift_bool(Thrift *t, const ThriftField *field);
Str thrift_binary(Thrift *t, const ThriftField *field);                      // borrowed from the bytes
bool thrift_struct(Thrift *t, const ThriftField *field);                     // its fields follow
size_t thrift_list(Thrift *t, const ThriftField *field, ThriftType element); // how many elements follow
void thrift_skip(Thrift *t, const ThriftField *field);

#endif
