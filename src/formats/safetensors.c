#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "compute/half.h"

struct Safetensors {
    FileMap map;
    json_t *header; // names are borrowed from it
    json_t *metadata;
    StTensor *tensors;
    int n;
};

typedef struct DtypeName {
    const char *name;
    StDtype dtype;
    uint64_t bytes;
} DtypeName;

static const DtypeName dtype_names[] = {
    {"F32", ST_F32, 4}, {"F16", ST_F16, 2}, {"BF16", ST_BF16, 2}, {"F64", ST_F64, 8}, {"I32", ST_I32, 4},
    {"I64", ST_I64, 8}, {"U8", ST_U8, 1},   {"I8", ST_OTHER, 1},  {"BOOL", ST_OTHER, 1}, {"I16", ST_OTHER, 2},
    {"U16", ST_OTHER, 2}, {"U32", ST_OTHER, 4}, {"U64", ST_OTHER, 8}, {"F8_E4M3", ST_OTHER, 1}, {"F8_E5M2", ST_OTHER, 1},
};

static const DtypeName *find_dtype(Str name) {
    for (size_t i = 0; i < sizeof dtype_names / sizeof *dtype_names; i++) {
        if (str_equal(str_of(dtype_names[i].name), name)) return &dtype_names[i];
    }
    return NULL;
}

static bool read_shape(json_t *info, const char *where, StTensor *tensor, Error *error) {
    json_t *shape, *dim;
    size_t i;
    if (!json_need_array(info, where, "shape", &shape, error)) return false;
    if (json_array_size(shape) > SAFETENSORS_MAX_DIMS) {
        return error_set(error, "%s: more than %d dimensions", where, SAFETENSORS_MAX_DIMS);
    }
    tensor->count = 1;
    json_array_foreach(shape, i, dim) {
        if (!json_is_integer(dim) || json_integer_value(dim) < 0) return error_set(error, "%s: shape: expected whole numbers", where);
        tensor->shape[tensor->n_dims++] = (uint64_t)json_integer_value(dim);
        if (__builtin_mul_overflow(tensor->count, (uint64_t)json_integer_value(dim), &tensor->count)) {
            return error_set(error, "%s: a shape of too many elements", where);
        }
    }
    return true;
}

static bool read_tensor(const Safetensors *st, const char *where, json_t *info, uint64_t data_start, StTensor *tensor, Error *error) {
    Str dtype;
    json_t *offsets;
    if (!json_is_object(info)) return error_set(error, "%s: expected an object", where);
    if (!json_need_string(info, where, "dtype", &dtype, error) || !read_shape(info, where, tensor, error) ||
        !json_need_array(info, where, "data_offsets", &offsets, error)) {
        return false;
    }
    const DtypeName *known = find_dtype(dtype);
    if (known == NULL) return error_set(error, "%s: dtype \"%.32s\" is not known", where, dtype.ptr);
    json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    uint64_t room = st->map.size - data_start;
    if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to) || json_integer_value(from) < 0 ||
        json_integer_value(to) < json_integer_value(from) || (uint64_t)json_integer_value(to) > room) {
        return error_set(error, "%s: data_offsets: expected [from, to] within the %llu bytes of data", where, (unsigned long long)room);
    }
    uint64_t need;
    tensor->dtype = known->dtype;
    tensor->bytes = (uint64_t)(json_integer_value(to) - json_integer_value(from));
    tensor->data = st->map.data + data_start + json_integer_value(from);
    if (__builtin_mul_overflow(tensor->count, known->bytes, &need) || need != tensor->bytes) {
        return error_set(error, "%s: %llu bytes of data do not fit its shape and dtype", where, (unsigned long long)tensor->bytes);
    }
    return true;
}

static int compare_places(const void *a, const void *b) {
    const StTensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

// Tensors fill the data from its first byte to its last, one after the other: no byte belongs to two or to none, so that a
// file that was cut or put together wrongly is seen.
static bool check_places(const Safetensors *st, const char *path, uint64_t data_start, Error *error) {
    const uint8_t *at = st->map.data + data_start, *end = st->map.data + st->map.size;
    for (int i = 0; i < st->n; at = st->tensors[i].data + st->tensors[i].bytes, i++) {
        const StTensor *tensor = &st->tensors[i];
        if (tensor->data == at) continue;
        if (tensor->data > at) {
            return error_set(error, "%s: tensor \"%.*s\": %llu bytes before its data belong to no tensor", path,
                             (int)tensor->name.len, tensor->name.ptr, (unsigned long long)(tensor->data - at));
        }
        Str before = st->tensors[i - 1].name;
        return error_set(error, "%s: tensors \"%.*s\" and \"%.*s\" overlap", path, (int)before.len, before.ptr,
                         (int)tensor->name.len, tensor->name.ptr);
    }
    if (at == end) return true;
    return error_set(error, "%s: %llu bytes after the last tensor belong to no tensor", path,
                     (unsigned long long)(end - at));
}

static bool read_metadata(Safetensors *st, const char *path, json_t *metadata, Error *error) {
    const char *key;
    json_t *value;
    if (!json_is_object(metadata)) return error_set(error, "%s: \"__metadata__\": expected an object", path);
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return error_set(error, "%s: \"__metadata__\": key \"%.150s\": expected a string", path, key);
    }
    st->metadata = metadata;
    return true;
}

static bool read_tensors(Safetensors *st, const char *path, uint64_t data_start, Error *error) {
    const char *name;
    json_t *info;
    st->tensors = mem_alloc(json_object_size(st->header), sizeof *st->tensors);
    json_object_foreach(st->header, name, info) {
        if (strcmp(name, "__metadata__") == 0) {
            if (!read_metadata(st, path, info, error)) return false;
            continue;
        }
        char where[512];
        snprintf(where, sizeof where, "%.300s: tensor \"%.150s\"", path, name);
        StTensor *tensor = &st->tensors[st->n++];
        *tensor = (StTensor){.name = str_of(name)};
        if (!read_tensor(st, where, info, data_start, tensor, error)) return false;
    }
    if (st->n > 0) qsort(st->tensors, (size_t)st->n, sizeof *st->tensors, compare_places);
    return check_places(st, path, data_start, error);
}

static bool read_header(Safetensors *st, const char *path, Error *error) {
    if (st->map.size < 8) return error_set(error, "%s: %zu bytes, too short for a safetensors file", path, st->map.size);
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--) n = n << 8 | st->map.data[i];
    if (n > SAFETENSORS_HEADER_MAX_BYTES || n > st->map.size - 8) {
        return error_set(error, "%s: a header of %llu bytes in a file of %zu: truncated, or no safetensors file", path,
                         (unsigned long long)n, st->map.size);
    }
    char where[512];
    snprintf(where, sizeof where, "%.400s: header", path);
    if (!json_parse((Str){(const char *)st->map.data + 8, n}, where, &st->header, error)) return false;
    if (!json_is_object(st->header)) return error_set(error, "%s: expected an object", where);
    return read_tensors(st, path, 8 + n, error);
}

bool safetensors_open(const char *path, Safetensors **out, Error *error) {
    Safetensors *st = mem_alloc(1, sizeof *st);
    if (!file_map(path, &st->map, error) || !read_header(st, path, error)) {
        safetensors_close(st);
        return false;
    }
    *out = st;
    return true;
}

void safetensors_close(Safetensors *st) {
    if (st == NULL) return;
    mem_free(st->tensors);
    json_decref(st->header);
    file_unmap(&st->map);
    mem_free(st);
}

int safetensors_count(const Safetensors *st) { return st->n; }
const StTensor *safetensors_at(const Safetensors *st, int index) { return &st->tensors[index]; }

const StTensor *safetensors_find(const Safetensors *st, const char *name) {
    for (int i = 0; i < st->n; i++) {
        if (str_equal(st->tensors[i].name, str_of(name))) return &st->tensors[i];
    }
    return NULL;
}

Str safetensors_metadata(const Safetensors *st, const char *key) {
    json_t *value = json_object_get(st->metadata, key);
    return json_is_string(value) ? (Str){json_string_value(value), json_string_length(value)} : (Str){"", 0};
}

void safetensors_read_f32(const StTensor *tensor, uint64_t from, uint64_t count, float *out) {
    const uint8_t *data = tensor->data;
    for (uint64_t i = 0; i < count; i++) {
        uint16_t half;
        double wide;
        switch (tensor->dtype) {
        case ST_F32: memcpy(&out[i], data + 4 * (from + i), 4); break;
        case ST_F16: memcpy(&half, data + 2 * (from + i), 2), out[i] = f16_to_f32(half); break;
        case ST_BF16: memcpy(&half, data + 2 * (from + i), 2), out[i] = bf16_to_f32(half); break;
        case ST_F64: memcpy(&wide, data + 8 * (from + i), 8), out[i] = (float)wide; break;
        default: out[i] = 0; break; // integers are read by safetensors_read_i64
        }
    }
}

void safetensors_read_i64(const StTensor *tensor, uint64_t from, uint64_t count, int64_t *out) {
    for (uint64_t i = 0; i < count; i++) {
        int32_t narrow;
        switch (tensor->dtype) {
        case ST_I32: memcpy(&narrow, tensor->data + 4 * (from + i), 4), out[i] = narrow; break;
        case ST_I64: memcpy(&out[i], tensor->data + 8 * (from + i), 8); break;
        case ST_U8: out[i] = tensor->data[from + i]; break;
        default: out[i] = 0; break;
        }
    }
}
