#include "formats/gguf.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"

// Metadata types, by the file's numbers.
enum { META_U8, META_I8, META_U16, META_I16, META_U32, META_I32, META_F32, META_BOOL, META_STRING, META_ARRAY, META_U64, META_I64, META_F64 };

typedef struct Entry {
    Str key;
    uint32_t type;
    uint32_t element;    // of arrays
    uint64_t count;      // of arrays
    const uint8_t *data; // the value, or an array's first element
} Entry;

struct Gguf {
    FileMap map;
    Entry *entries;
    uint64_t n_entries;
    GgufTensor *tensors;
    uint64_t n_tensors;
};

// ---- a cursor that never passes the end

typedef struct Cursor {
    const char *path;
    const uint8_t *at, *end;
    Error *error;
} Cursor;

static bool take(Cursor *c, uint64_t n, const uint8_t **out) {
    if (n > (uint64_t)(c->end - c->at)) {
        return error_set(c->error, "%s: truncated: %llu bytes wanted, %llu left", c->path, (unsigned long long)n,
                         (unsigned long long)(c->end - c->at));
    }
    *out = c->at;
    c->at += n;
    return true;
}

static uint64_t little(const uint8_t *bytes, int n) {
    uint64_t value = 0;
    for (int i = n - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

static bool take_u32(Cursor *c, uint32_t *out) {
    const uint8_t *bytes = NULL;
    if (!take(c, 4, &bytes)) return false;
    *out = (uint32_t)little(bytes, 4);
    return true;
}

static bool take_u64(Cursor *c, uint64_t *out) {
    const uint8_t *bytes = NULL;
    if (!take(c, 8, &bytes)) return false;
    *out = little(bytes, 8);
    return true;
}

static bool take_string(Cursor *c, Str *out) {
    uint64_t n;
    const uint8_t *bytes = NULL;
    if (!take_u64(c, &n) || !take(c, n, &bytes)) return false;
    *out = (Str){(const char *)bytes, n};
    return true;
}

// ---- metadata

static int scalar_bytes(uint32_t type) {
    static const int bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < sizeof bytes / sizeof *bytes ? bytes[type] : 0;
}

static bool skip_array(Cursor *c, Entry *entry) {
    if (!take_u32(c, &entry->element) || !take_u64(c, &entry->count)) return false;
    entry->data = c->at;
    const uint8_t *unused;
    if (entry->element == META_STRING) {
        Str text;
        for (uint64_t i = 0; i < entry->count; i++) {
            if (!take_string(c, &text)) return false;
        }
        return true;
    }
    uint64_t bytes;
    if (scalar_bytes(entry->element) == 0 || __builtin_mul_overflow(entry->count, (uint64_t)scalar_bytes(entry->element), &bytes)) {
        return error_set(c->error, "%s: key \"%.*s\": an array of type %u is not read", c->path, (int)entry->key.len, entry->key.ptr,
                         entry->element);
    }
    return take(c, bytes, &unused);
}

static bool read_entry(Cursor *c, Entry *entry) {
    if (!take_string(c, &entry->key) || !take_u32(c, &entry->type)) return false;
    if (entry->type == META_ARRAY) return skip_array(c, entry);
    entry->data = c->at;
    const uint8_t *unused;
    Str text;
    if (entry->type == META_STRING) return take_string(c, &text);
    if (scalar_bytes(entry->type) == 0) {
        return error_set(c->error, "%s: key \"%.*s\": type %u is not known", c->path, (int)(entry->key.len < 100 ? entry->key.len : 100),
                         entry->key.ptr, entry->type);
    }
    return take(c, (uint64_t)scalar_bytes(entry->type), &unused);
}

static const Entry *find(const Gguf *gguf, const char *key) {
    for (uint64_t i = 0; i < gguf->n_entries; i++) {
        if (str_equal(gguf->entries[i].key, str_of(key))) return &gguf->entries[i];
    }
    return NULL;
}

static bool read_int(uint32_t type, const uint8_t *data, int64_t *out) {
    uint64_t bits = little(data, scalar_bytes(type));
    switch (type) {
    case META_U8:
    case META_BOOL:
    case META_U16:
    case META_U32: *out = (int64_t)bits; return true;
    case META_I8: *out = (int8_t)bits; return true;
    case META_I16: *out = (int16_t)bits; return true;
    case META_I32: *out = (int32_t)bits; return true;
    case META_I64: *out = (int64_t)bits; return true;
    case META_U64: *out = (int64_t)bits; return bits <= INT64_MAX;
    default: return false;
    }
}

bool gguf_int(const Gguf *gguf, const char *key, int64_t *out) {
    const Entry *entry = find(gguf, key);
    return entry != NULL && entry->type != META_STRING && entry->type != META_ARRAY && read_int(entry->type, entry->data, out);
}

bool gguf_real(const Gguf *gguf, const char *key, double *out) {
    const Entry *entry = find(gguf, key);
    int64_t integer;
    if (entry == NULL) return false;
    if (entry->type == META_F32) {
        float value;
        memcpy(&value, entry->data, sizeof value);
        *out = value;
        return true;
    }
    if (entry->type == META_F64) {
        memcpy(out, entry->data, sizeof *out);
        return true;
    }
    if (!gguf_int(gguf, key, &integer)) return false;
    *out = (double)integer;
    return true;
}

bool gguf_string(const Gguf *gguf, const char *key, Str *out) {
    const Entry *entry = find(gguf, key);
    if (entry == NULL || entry->type != META_STRING) return false;
    *out = (Str){(const char *)entry->data + 8, little(entry->data, 8)};
    return true;
}

int64_t gguf_string_array(const Gguf *gguf, const char *key, Str *out) {
    const Entry *entry = find(gguf, key);
    if (entry == NULL || entry->type != META_ARRAY || entry->element != META_STRING) return -1;
    const uint8_t *at = entry->data;
    for (uint64_t i = 0; out != NULL && i < entry->count; i++) { // bounds were checked when the file was opened
        uint64_t n = little(at, 8);
        out[i] = (Str){(const char *)at + 8, n};
        at += 8 + n;
    }
    return (int64_t)entry->count;
}

int64_t gguf_int_array(const Gguf *gguf, const char *key, int64_t *out) {
    const Entry *entry = find(gguf, key);
    int64_t value;
    if (entry == NULL || entry->type != META_ARRAY || entry->element == META_STRING) return -1;
    int bytes = scalar_bytes(entry->element);
    if (entry->element == META_F32 || entry->element == META_F64) return -1;
    for (uint64_t i = 0; out != NULL && i < entry->count; i++) {
        if (!read_int(entry->element, entry->data + i * (uint64_t)bytes, &value)) return -1;
        out[i] = value;
    }
    return (int64_t)entry->count;
}

// ---- tensors

static bool read_tensor(Cursor *c, GgufTensor *tensor, uint64_t *offset) {
    uint32_t n_dims, type;
    if (!take_string(c, &tensor->name) || !take_u32(c, &n_dims)) return false;
    int name_len = (int)(tensor->name.len < 100 ? tensor->name.len : 100);
    if (n_dims == 0 || n_dims > GGUF_MAX_DIMS) {
        return error_set(c->error, "%s: tensor \"%.*s\": %u dimensions", c->path, name_len, tensor->name.ptr, n_dims);
    }
    tensor->n_dims = (int)n_dims;
    tensor->count = 1;
    for (uint32_t i = 0; i < n_dims; i++) {
        if (!take_u64(c, &tensor->shape[i])) return false;
        if (__builtin_mul_overflow(tensor->count, tensor->shape[i], &tensor->count)) {
            return error_set(c->error, "%s: tensor \"%.*s\": a shape of too many elements", c->path, name_len, tensor->name.ptr);
        }
    }
    if (!take_u32(c, &type) || !take_u64(c, offset)) return false;
    tensor->type = (GgufType)type;
    if (gguf_type_name(tensor->type) == NULL) {
        return error_set(c->error, "%s: tensor \"%.*s\": type %u: expected F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q4_K or Q6_K", c->path,
                         name_len, tensor->name.ptr, type);
    }
    return true;
}

// Gives each tensor its place in the data, which begins at the next multiple of the alignment.
static bool place_tensors(Gguf *gguf, Cursor *c, const uint64_t *offsets) {
    int64_t alignment = 32;
    if (find(gguf, "general.alignment") != NULL &&
        (!gguf_int(gguf, "general.alignment", &alignment) || alignment < 1 || alignment > 1 << 20)) {
        return error_set(c->error, "%s: key \"general.alignment\": expected 1 to %d", c->path, 1 << 20);
    }
    uint64_t header = (uint64_t)(c->at - gguf->map.data), start = (header + (uint64_t)alignment - 1) / (uint64_t)alignment * (uint64_t)alignment;
    for (uint64_t i = 0; i < gguf->n_tensors; i++) {
        GgufTensor *t = &gguf->tensors[i];
        uint64_t elements, bytes, total;
        gguf_block(t->type, &elements, &bytes);
        bool whole = t->shape[0] % elements == 0 && !__builtin_mul_overflow(t->count / elements, bytes, &total);
        if (!whole || start > gguf->map.size || offsets[i] > gguf->map.size - start || total > gguf->map.size - start - offsets[i]) {
            return error_set(c->error, "%s: tensor \"%.*s\": its data does not lie within the file", c->path,
                             (int)(t->name.len < 100 ? t->name.len : 100), t->name.ptr);
        }
        t->data = gguf->map.data + start + offsets[i];
        t->bytes = total;
    }
    return true;
}

static bool read_all(Gguf *gguf, Cursor *c) {
    const uint8_t *magic = NULL;
    uint32_t version;
    if (!take(c, 4, &magic)) return false;
    if (memcmp(magic, "GGUF", 4) != 0) return error_set(c->error, "%s: no GGUF file", c->path);
    if (!take_u32(c, &version)) return false;
    if (version != 2 && version != 3) return error_set(c->error, "%s: GGUF version %u: expected 2 or 3", c->path, version);
    if (!take_u64(c, &gguf->n_tensors) || !take_u64(c, &gguf->n_entries)) return false;
    if (gguf->n_tensors > GGUF_MAX_ENTRIES || gguf->n_entries > GGUF_MAX_ENTRIES) {
        gguf->n_entries = gguf->n_tensors = 0;
        return error_set(c->error, "%s: more than %d tensors or metadata entries", c->path, GGUF_MAX_ENTRIES);
    }
    gguf->entries = mem_alloc(gguf->n_entries, sizeof *gguf->entries);
    gguf->tensors = mem_alloc(gguf->n_tensors, sizeof *gguf->tensors);
    for (uint64_t i = 0; i < gguf->n_entries; i++) {
        if (!read_entry(c, &gguf->entries[i])) return false;
    }
    uint64_t *offsets = mem_alloc(gguf->n_tensors, sizeof *offsets);
    bool ok = true;
    for (uint64_t i = 0; ok && i < gguf->n_tensors; i++) ok = read_tensor(c, &gguf->tensors[i], &offsets[i]);
    ok = ok && place_tensors(gguf, c, offsets);
    mem_free(offsets);
    return ok;
}

bool gguf_open(const char *path, Gguf **out, Error *error) {
    Gguf *gguf = mem_alloc(1, sizeof *gguf);
    bool ok = file_map(path, &gguf->map, error);
    if (ok && gguf->map.size == 0) ok = error_set(error, "%s: no GGUF file: it is empty", path);
    if (ok) {
        Cursor c = {path, gguf->map.data, gguf->map.data + gguf->map.size, error};
        ok = read_all(gguf, &c);
    }
    if (!ok) {
        gguf_close(gguf);
        return false;
    }
    *out = gguf;
    return true;
}

void gguf_close(Gguf *gguf) {
    if (gguf == NULL) return;
    mem_free(gguf->entries);
    mem_free(gguf->tensors);
    file_unmap(&gguf->map);
    mem_free(gguf);
}

int gguf_tensors(const Gguf *gguf) { return (int)gguf->n_tensors; }
const GgufTensor *gguf_tensor(const Gguf *gguf, int index) { return &gguf->tensors[index]; }
