// GGUF files, versions 2 and 3: metadata and tensors through a map. Little endian.
//
// Everything is checked when the file is opened: lengths against the bytes left, counts against what the file could hold,
// tensors against the end of the file. Strings and arrays are borrowed from the map.
#ifndef RLT_FORMATS_GGUF_H
#define RLT_FORMATS_GGUF_H

#include <stdint.h>
#include "base/buf.h"
#include "base/error.h"

#define GGUF_MAX_DIMS 4
#define GGUF_MAX_ENTRIES 65536 // metadata entries, and tensors

typedef enum GgufType { // of tensors, by the file's numbers
    GGUF_F32 = 0, GGUF_F16 = 1, GGUF_Q4_0 = 2, GGUF_Q4_1 = 3, GGUF_Q5_0 = 6, GGUF_Q8_0 = 8, GGUF_Q4_K = 12, GGUF_Q6_K = 14,
    GGUF_BF16 = 30
} GgufType;

typedef struct GgufTensor {
    Str name;
    GgufType type;
    uint64_t shape[GGUF_MAX_DIMS]; // as in the file: the fastest-varying dimension first
    int n_dims;
    uint64_t count;                // elements
    const uint8_t *data;
    uint64_t bytes;
} GgufTensor;

typedef struct Gguf Gguf;
MUST_CHECK bool gguf_open(const char *path, Gguf **out, Error *error);
void gguf_close(Gguf *gguf); // NULL is fine
int gguf_tensors(const Gguf *gguf);
const GgufTensor *gguf_tensor(const Gguf *gguf, int index);

// Metadata by key; false when absent or of another kind. Integers of every width fit; floats are F32 or F64.
bool gguf_int(const Gguf *gguf, const char *key, int64_t *out);
bool gguf_real(const Gguf *gguf, const char *key, double *out); // integers too
bool gguf_string(const Gguf *gguf, const char *key, Str *out);
// Arrays: the number of elements, -1 when absent or of another kind. The elements go into a caller's array of that size.
int64_t gguf_string_array(const Gguf *gguf, const char *key, Str *out);   // out NULL: only counts
int64_t gguf_int_array(const Gguf *gguf, const char *key, int64_t *out);

const char *gguf_type_name(GgufType type); // NULL: not one that is read
// Elements and bytes of one block of a type.
void gguf_block(GgufType type, uint64_t *elements, uint64_t *bytes);
// `count` elements (a multiple of the block's) as F32.
void gguf_dequantise(GgufType type, const uint8_t *data, uint64_t count, float *out);

#endif
