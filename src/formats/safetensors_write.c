#include <assert.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "formats/safetensors.h"

static const char *const names[] = {"F32", "F16", "BF16", "F64", "I32", "I64", "U8"};
static const uint64_t sizes[] = {4, 2, 2, 8, 4, 8, 1};

struct StWriter {
    Buf tensors;  // members of the header object, so far
    JsonWriter json;
    Buf metadata; // members of the metadata object
    JsonWriter metadata_json;
    uint64_t declared, written; // bytes of data
    FileWriter *file;
};

StWriter *st_writer_create(void) {
    StWriter *w = mem_alloc(1, sizeof *w);
    buf_init(&w->tensors, 0), buf_init(&w->metadata, 0);
    w->json = json_writer(&w->tensors);
    w->metadata_json = json_writer(&w->metadata);
    return w;
}

void st_writer_declare(StWriter *w, const char *name, StDtype dtype, const uint64_t *shape, int n_dims) {
    assert(dtype < ST_OTHER && n_dims <= SAFETENSORS_MAX_DIMS);
    uint64_t bytes = sizes[dtype];
    jw_key(&w->json, name);
    jw_object_begin(&w->json);
    jw_kstring(&w->json, "dtype", str_of(names[dtype]));
    jw_key(&w->json, "shape");
    jw_array_begin(&w->json);
    for (int i = 0; i < n_dims; i++) {
        jw_int(&w->json, (int64_t)shape[i]);
        bytes *= shape[i];
    }
    jw_array_end(&w->json);
    jw_key(&w->json, "data_offsets");
    jw_array_begin(&w->json);
    jw_int(&w->json, (int64_t)w->declared);
    jw_int(&w->json, (int64_t)(w->declared + bytes));
    jw_array_end(&w->json);
    jw_object_end(&w->json);
    w->declared += bytes;
}

void st_writer_metadata(StWriter *w, const char *key, const char *value) { jw_kstring(&w->metadata_json, key, str_of(value)); }

bool st_writer_begin(StWriter *w, const char *path, Error *error) {
    Buf header;
    buf_init(&header, 0);
    buf_add_char(&header, '{');
    if (w->metadata.len > 0) {
        buf_printf(&header, "\"__metadata__\":{%s}%s", w->metadata.data, w->tensors.len > 0 ? "," : "");
    }
    buf_add_str(&header, buf_str(&w->tensors));
    buf_add_char(&header, '}');
    while (header.len % 8 != 0) buf_add_char(&header, ' '); // data starts aligned
    bool ok = file_writer_open(path, &w->file, error);
    if (ok) {
        uint8_t length[8];
        for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header.len >> (8 * i));
        file_writer_add(w->file, length, 8);
        file_writer_add_str(w->file, buf_str(&header));
    }
    buf_free(&header);
    return ok;
}

void st_writer_data(StWriter *w, const void *bytes, uint64_t count) {
    file_writer_add(w->file, bytes, count);
    w->written += count;
}

static void writer_free(StWriter *w) {
    buf_free(&w->tensors), buf_free(&w->metadata);
    mem_free(w);
}

bool st_writer_finish(StWriter *w, Error *error) {
    assert(w->written == w->declared);
    bool ok = file_writer_commit(w->file, error);
    writer_free(w);
    return ok;
}

void st_writer_abort(StWriter *w) {
    file_writer_abort(w->file);
    writer_free(w);
}
