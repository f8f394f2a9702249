// safetensors files: 8 bytes of header length, a JSON header, then raw tensors.
#ifndef RLT_FORMATS_SAFETENSORS_H
#define RLT_FORMATS_SAFETENSORS_H

#include <stdint.h>
#include "base/buf.h"
#include "base/error.h"

#define SAFETENSORS_HEADER_MAX_BYTES ((uint64_t)100 << 20)
#define SAFETENSORS_MAX_DIMS 8

typedef enum StDtype { ST_F32, ST_F16, ST_BF16, ST_F64, ST_I32, ST_I64, ST_U8, ST_OTHER } StDtype;

typedef struct StTensor {
    Str name;
    StDtype dtype;
    int n_dims;
    uint64_t shape[SAFETENSORS_MAX_DIMS];
    uint64_t count;       // product of shape
    const uint8_t *data;  // in the map, little endian, maybe unaligned
    uint64_t bytes;
} StTensor;

typedef struct Safetensors Safetensors;
// Offsets, sizes, overlaps and the header's form are all checked here.
MUST_CHECK bool safetensors_open(const char *path, Safetensors **out, Error *error);
void safetensors_close(Safetensors *st); // NULL is fine
int safetensors_count(const Safetensors *st);
const StTensor *safetensors_at(const Safetensors *st, int index); // in the order of their data
const StTensor *safetensors_find(const Safetensors *st, const char *name); // NULL: none
// metadata value ("__metadata__") or an empty Str
Str safetensors_metadata(const Safetensors *st, const char *key);
// Elements [from, from+count) as F32 / int64 (integers only).
void safetensors_read_f32(const StTensor *tensor, uint64_t from, uint64_t count, float *out);
void safetensors_read_i64(const StTensor *tensor, uint64_t from, uint64_t count, int64_t *out);

// Writing: declare every tensor, then give their bytes in the same order. Written beside and renamed by finish.
typedef struct StWriter StWriter;
StWriter *st_writer_create(void);
void st_writer_declare(StWriter *writer, const char *name, StDtype dtype, const uint64_t *shape, int n_dims);
void st_writer_metadata(StWriter *writer, const char *key, const char *value);
MUST_CHECK bool st_writer_begin(StWriter *writer, const char *path, Error *error);
void st_writer_data(StWriter *writer, const void *bytes, uint64_t count); // of the tensors in order, any pieces
MUST_CHECK bool st_writer_finish(StWriter *writer, Error *error);         // frees; fails if bytes are missing
void st_writer_abort(StWriter *writer);

#endif
