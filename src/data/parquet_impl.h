// Inner parts of the Parquet reader, shared by parquet*.c alone.
#ifndef RLT_DATA_PARQUET_IMPL_H
#define RLT_DATA_PARQUET_IMPL_H

#include "base/mem.h"
#include "data/parquet.h"

#define PARQUET_FOOTER_MAX_BYTES ((size_t)64 << 20)
#define PARQUET_PAGE_MAX_BYTES ((size_t)1 << 30)
#define PARQUET_DICTIONARY_MAX_BYTES ((size_t)128 << 20) // its entries take up to four times as much
#define PARQUET_NODES_MAX 10000
#define PARQUET_DEPTH_MAX 32 // of nesting; so levels fit a byte

// ---- the schema (parquet_schema.c)

typedef enum ParquetType { // numbers of the format
    PARQUET_BOOLEAN = 0,
    PARQUET_INT32 = 1,
    PARQUET_INT64 = 2,
    PARQUET_INT96 = 3,
    PARQUET_FLOAT = 4,
    PARQUET_DOUBLE = 5,
    PARQUET_BYTE_ARRAY = 6,
    PARQUET_FIXED = 7,
    PARQUET_GROUP = 8, // ours: no type, but children
} ParquetType;

typedef enum ParquetRepetition { PARQUET_REQUIRED = 0, PARQUET_OPTIONAL = 1, PARQUET_REPEATED = 2 } ParquetRepetition;

typedef enum ParquetMeaning { // of a leaf's values, or of a group
    PARQUET_PLAIN,
    PARQUET_UNSIGNED,
    PARQUET_DATE,
    PARQUET_TIMESTAMP,
    PARQUET_LIST, // the group has one child, which is repeated; MAP too
} ParquetMeaning;

// The schema's nodes lie in one array, children behind their parent in order; node 0 is the row.
typedef struct ParquetNode {
    const char *name; // UTF-8
    ParquetType type;
    ParquetRepetition repetition;
    ParquetMeaning meaning;
    int64_t units_per_s;                  // of a TIMESTAMP
    bool in_utc;                          // of a TIMESTAMP
    bool element_in_group;                // repeated, in a LIST: the element is its one child, and not itself
    size_t end;                           // the node after its last descendant
    size_t leaf, leaf_end;                // which leaves it holds, counted over the schema
    uint8_t definition, repetition_level; // how deep it stands: the levels at which it is there
} ParquetNode;

typedef struct ParquetSchema {
    ParquetNode *nodes; // [count]
    size_t count, n_leaves;
    size_t *leaves; // [n_leaves] their nodes
} ParquetSchema;

typedef struct Thrift Thrift;
typedef struct ThriftField ThriftField;

// From the footer's list of SchemaElement, which `field` begins.
MUST_CHECK bool parquet_schema_read(Thrift *t, const ThriftField *field, const char *path, Arena *arena,
                                    ParquetSchema *schema, Error *error);
// "conversations.list.element.value", into `out`.
void parquet_column_name(const ParquetSchema *schema, size_t leaf, char *out, size_t size);

// ---- the footer (parquet_footer.c)

typedef struct ParquetChunk { // one column of one row group
    int codec;
    uint64_t n_values; // nulls and empty lists too
    uint64_t from, to; // its pages in the file
} ParquetChunk;

typedef struct ParquetGroup {
    uint64_t n_rows;
    ParquetChunk *chunks; // [n_leaves]
} ParquetGroup;

typedef struct ParquetFooter {
    ParquetSchema schema;
    uint64_t n_rows;
    ParquetGroup *groups; // [n_groups]
    size_t n_groups;
} ParquetFooter;

// `bytes` is the whole file.
MUST_CHECK bool parquet_footer_read(Str bytes, const char *path, Arena *arena, ParquetFooter *footer, Error *error);

// ---- codecs (parquet_codec.c)

typedef enum ParquetCodec {
    PARQUET_UNCOMPRESSED = 0,
    PARQUET_SNAPPY = 1,
    PARQUET_GZIP = 2,
    PARQUET_ZSTD = 6
} ParquetCodec;

const char *parquet_codec_refused(int codec); // its name where it is none of the above, else NULL
// Unpacks to exactly out_bytes; false where the bytes are damaged.
MUST_CHECK bool parquet_unpack(int codec, Str packed, uint8_t *out, size_t out_bytes);

// ---- levels and indices (parquet_runs.c): the hybrid of runs and bit-packed numbers

typedef struct ParquetRuns {
    const uint8_t *at, *end;
    unsigned width; // bits a number, at most 32
    uint64_t left;  // of the run that `at` stands in or behind
    bool packed;
    uint32_t value; // of a run that repeats one
    uint64_t bit;   // of a packed run, from `base`
    const uint8_t *base, *base_end;
} ParquetRuns;

ParquetRuns parquet_runs(Str bytes, unsigned width);
// False where the bytes end before the number.
bool parquet_runs_next(ParquetRuns *runs, uint32_t *value);

// ---- a column within a row group (parquet_column.c)

typedef union ParquetValue {
    int64_t whole; // BOOLEAN, INT32 (sign-extended), INT64
    double real;
    Str bytes;
} ParquetValue;

typedef struct ParquetColumn ParquetColumn;

// One for each leaf, for all row groups in turn. `unpacked_left` is shared: bytes that may still be unpacked.
ParquetColumn *parquet_column_open(const char *path, const ParquetSchema *schema, size_t leaf, size_t *unpacked_left);
void parquet_column_start(ParquetColumn *column, Str file, const ParquetChunk *chunk);
// Looks at the next entry without passing it. 1: there is one; 0: the chunk ends; -1: an error.
int parquet_column_peek(ParquetColumn *column, Error *error);
uint8_t parquet_column_repetition(const ParquetColumn *column); // of the entry looked at
uint8_t parquet_column_definition(const ParquetColumn *column);
const ParquetValue *parquet_column_value(const ParquetColumn *column); // where its definition is the leaf's
void parquet_column_pass(ParquetColumn *column);
bool parquet_column_error(const ParquetColumn *column, const char *what, Error *error); // false
void parquet_column_close(ParquetColumn *column);

// ---- values (parquet_value.c)

// The leaf's value as JSON; NULL where it is no UTF-8.
json_t *parquet_value_json(const ParquetNode *leaf, const ParquetValue *value);

#endif
