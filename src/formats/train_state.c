#include "formats/train_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/safetensors.h"

#define NAME_MAX_BYTES 160

static size_t param_count(const Param *p) { return (size_t)p->rows * (size_t)p->cols; }

// Largest parameter in floats: one scratch buffer serves all.
static float *scratch_for(const ParamTable *table) {
    size_t most = 1;
    for (int32_t i = 0; i < table->n_params; i++) {
        if (param_count(&table->params[i]) > most) most = param_count(&table->params[i]);
    }
    return mem_alloc(most, sizeof(float));
}

static int shape_of(const Param *p, uint64_t shape[2]) {
    shape[0] = (uint64_t)p->rows;
    shape[1] = (uint64_t)p->cols;
    return p->kind == PARAM_WEIGHT ? 2 : 1;
}

bool train_state_save(const char *path, const Model *model, const StateArena *arenas, int n_arenas, const StateNumber *numbers,
                      int n_numbers, Error *error) {
    const ParamTable *table = model_params(model);
    StWriter *writer = st_writer_create();
    for (int a = 0; a < n_arenas; a++) {
        for (int32_t i = 0; i < table->n_params; i++) {
            char name[NAME_MAX_BYTES];
            uint64_t shape[2];
            snprintf(name, sizeof name, "%s%s", arenas[a].prefix, table->params[i].name);
            st_writer_declare(writer, name, ST_F32, shape, shape_of(&table->params[i], shape));
        }
    }
    for (int i = 0; i < n_numbers; i++) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)numbers[i].value);
        st_writer_metadata(writer, numbers[i].name, text);
    }
    if (!st_writer_begin(writer, path, error)) {
        st_writer_abort(writer);
        return false;
    }
    float *scratch = scratch_for(table);
    for (int a = 0; a < n_arenas; a++) {
        for (int32_t i = 0; i < table->n_params; i++) {
            param_arena_get(model, arenas[a].arena, i, scratch);
            st_writer_data(writer, scratch, param_count(&table->params[i]) * sizeof(float));
        }
    }
    mem_free(scratch);
    return st_writer_finish(writer, error);
}

static bool shape_fits(const StTensor *tensor, const Param *p) {
    uint64_t shape[2];
    int n_dims = shape_of(p, shape);
    return tensor->n_dims == n_dims && memcmp(tensor->shape, shape, (size_t)n_dims * sizeof *shape) == 0;
}

static bool load_arena(const Safetensors *st, const char *path, const Model *model, const StateArena *arena, float *scratch,
                       Error *error) {
    const ParamTable *table = model_params(model);
    for (int32_t i = 0; i < table->n_params; i++) {
        char name[NAME_MAX_BYTES];
        snprintf(name, sizeof name, "%s%s", arena->prefix, table->params[i].name);
        const StTensor *tensor = safetensors_find(st, name);
        if (tensor == NULL || tensor->dtype != ST_F32 || !shape_fits(tensor, &table->params[i])) {
            return error_set(error, "%s: tensor \"%s\": expected F32 of the model's shape", path, name);
        }
        safetensors_read_f32(tensor, 0, tensor->count, scratch);
        param_arena_set(model, arena->arena, i, scratch);
    }
    return true;
}

static bool load_number(const Safetensors *st, const char *path, StateNumber *number, Error *error) {
    Str text = safetensors_metadata(st, number->name);
    char copy[32] = "", *end = copy;
    if (text.len > 0 && text.len < sizeof copy) {
        memcpy(copy, text.ptr, text.len);
        errno = 0;
        number->value = strtoll(copy, &end, 10);
        if (errno != 0) end = copy; // beyond 64 bits
    }
    return (end != copy && *end == 0) || error_set(error, "%s: metadata \"%s\": expected a whole number", path, number->name);
}

bool train_state_load(const char *path, const Model *model, const StateArena *arenas, int n_arenas, StateNumber *numbers,
                      int n_numbers, Error *error) {
    Safetensors *st;
    if (!safetensors_open(path, &st, error)) return false;
    float *scratch = scratch_for(model_params(model));
    bool ok = true;
    for (int i = 0; ok && i < n_numbers; i++) ok = load_number(st, path, &numbers[i], error);
    for (int a = 0; ok && a < n_arenas; a++) ok = load_arena(st, path, model, &arenas[a], scratch, error);
    mem_free(scratch);
    safetensors_close(st);
    return ok;
}
