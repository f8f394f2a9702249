#include "commands/rollout_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/safetensors.h"

#define N_COUNTS 6
static const char *const count_names[N_COUNTS] = {"tokens_sampled", "tokens_computed", "tokens_naive",
                                                  "tokens_drafted", "tokens_accepted", "passes"};

static int64_t *count_at(GenerateCounts *c, int i) {
    int64_t *const at[N_COUNTS] = {&c->tokens_sampled, &c->tokens_computed, &c->tokens_naive,
                                   &c->tokens_drafted, &c->tokens_accepted, &c->passes};
    return at[i];
}

// ---- writing

static void declare(StWriter *writer, const RolloutKey *key, GenerateCounts counts, uint64_t total) {
    uint64_t n = (uint64_t)key->n;
    char number[32];
    st_writer_declare(writer, "lengths", ST_I32, &n, 1);
    st_writer_declare(writer, "stopped", ST_I32, &n, 1);
    st_writer_declare(writer, "ids", ST_I32, &total, 1);
    st_writer_declare(writer, "logp", ST_F32, &total, 1);
    st_writer_metadata(writer, "build", key->build.text);
    snprintf(number, sizeof number, "%" PRId64, key->step);
    st_writer_metadata(writer, "step", number);
    for (int i = 0; i < N_COUNTS; i++) {
        snprintf(number, sizeof number, "%" PRId64, *count_at(&counts, i));
        st_writer_metadata(writer, count_names[i], number);
    }
}

bool rollout_save(const char *path, const RolloutKey *key, const Completion *completions, const GenerateCounts *counts, Error *error) {
    uint64_t total = 0;
    for (int32_t i = 0; i < key->n; i++) total += (uint64_t)completions[i].n;
    StWriter *writer = st_writer_create();
    declare(writer, key, *counts, total);
    if (!st_writer_begin(writer, path, error)) {
        st_writer_abort(writer);
        return false;
    }
    for (int32_t i = 0; i < key->n; i++) st_writer_data(writer, &completions[i].n, sizeof(int32_t));
    for (int32_t i = 0; i < key->n; i++) st_writer_data(writer, &(int32_t){completions[i].finish == FINISH_STOP}, sizeof(int32_t));
    for (int32_t i = 0; i < key->n; i++) st_writer_data(writer, completions[i].ids, (uint64_t)completions[i].n * sizeof(int32_t));
    for (int32_t i = 0; i < key->n; i++) st_writer_data(writer, completions[i].logp, (uint64_t)completions[i].n * sizeof(float));
    return st_writer_finish(writer, error);
}

// ---- reading

static bool wrong(const char *path, const char *what, Error *error) {
    return error_set(error, "%s: %s: no rollout of this step; remove the file, and it is sampled again", path, what);
}

static bool read_number(const Safetensors *st, const char *path, const char *name, int64_t *value, Error *error) {
    Str text = safetensors_metadata(st, name);
    char copy[32] = "", *end = copy;
    if (text.len > 0 && text.len < sizeof copy) {
        memcpy(copy, text.ptr, text.len);
        *value = strtoll(copy, &end, 10);
    }
    return (end != copy && *end == 0 && *value >= 0) || wrong(path, name, error);
}

static bool read_counts(const Safetensors *st, const char *path, const RolloutKey *key, GenerateCounts *counts, Error *error) {
    int64_t step;
    if (!read_number(st, path, "step", &step, error)) return false;
    if (step != key->step) return wrong(path, "step", error);
    for (int i = 0; i < N_COUNTS; i++) {
        if (!read_number(st, path, count_names[i], count_at(counts, i), error)) return false;
    }
    return true;
}

static const StTensor *find(const Safetensors *st, const char *name, StDtype dtype, uint64_t count) {
    const StTensor *tensor = safetensors_find(st, name);
    return tensor != NULL && tensor->dtype == dtype && tensor->count == count ? tensor : NULL;
}

static bool read_ids(const StTensor *tensor, uint64_t from, int32_t vocabulary, Completion *completion) {
    for (int32_t k = 0; k < completion->n; k++) {
        int64_t id;
        safetensors_read_i64(tensor, from + (uint64_t)k, 1, &id);
        if (id < 0 || id >= vocabulary) return false;
        completion->ids[k] = (int32_t)id;
    }
    return true;
}

// Completions as the tensors say; false where they do not fit each other.
static bool read_completions(const Safetensors *st, const RolloutKey *key, Completion *completions) {
    const StTensor *lengths = find(st, "lengths", ST_I32, (uint64_t)key->n), *stopped = find(st, "stopped", ST_I32, (uint64_t)key->n);
    const StTensor *some = safetensors_find(st, "ids");
    uint64_t total = some != NULL ? some->count : 0, from = 0;
    const StTensor *ids = find(st, "ids", ST_I32, total), *logp = find(st, "logp", ST_F32, total);
    if (lengths == NULL || stopped == NULL || ids == NULL || logp == NULL) return false;
    for (int32_t i = 0; i < key->n; i++) {
        int64_t n, stop;
        safetensors_read_i64(lengths, (uint64_t)i, 1, &n);
        safetensors_read_i64(stopped, (uint64_t)i, 1, &stop);
        if (n < 0 || (uint64_t)n > total - from) return false;
        Completion *c = &completions[i];
        *c = (Completion){mem_alloc((size_t)n, sizeof(int32_t)), mem_alloc((size_t)n, sizeof(float)), (int32_t)n,
                          stop != 0 ? FINISH_STOP : FINISH_LENGTH};
        safetensors_read_f32(logp, from, (uint64_t)n, c->logp);
        if (!read_ids(ids, from, key->vocabulary, c)) return false;
        from += (uint64_t)n;
    }
    return from == total;
}

static bool load(const Safetensors *st, const char *path, const RolloutKey *key, Completion *completions, GenerateCounts *counts,
                 Error *error) {
    if (!read_counts(st, path, key, counts, error)) return false;
    if (read_completions(st, key, completions)) return true;
    for (int32_t i = 0; i < key->n; i++) completion_free(&completions[i]);
    return wrong(path, "its tensors", error);
}

bool rollout_load(const char *path, const RolloutKey *key, Completion *completions, GenerateCounts *counts, bool *found, Error *error) {
    Safetensors *st;
    *found = false;
    if (!file_exists(path)) return true;
    if (!safetensors_open(path, &st, error)) return false;
    memset(completions, 0, (size_t)key->n * sizeof *completions);
    bool same_build = str_equal(safetensors_metadata(st, "build"), str_of(key->build.text));
    bool ok = !same_build || load(st, path, key, completions, counts, error);
    *found = ok && same_build;
    safetensors_close(st);
    return ok;
}
