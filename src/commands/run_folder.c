#include "commands/run_folder.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/checkpoint.h"
#include "commands/manifest.h"
#include "commands/model_bundle.h"

#define STEP_FOLDER_FORMAT "step-%08lld"

struct RunFolder {
    char *path, *checkpoints, *model;
    bool resume;
    FileAppender *files[CHECKPOINT_FILES]; // metrics, timing, samples; opened at the first write or by restore
};

static const char *const file_names[CHECKPOINT_FILES] = {"metrics.jsonl", "timing.jsonl", "samples.jsonl"};
enum { FILE_METRICS, FILE_TIMING, FILE_SAMPLES };

const char *run_folder_path(const RunFolder *folder) { return folder->path; }
bool run_folder_finished(const RunFolder *folder) { return dir_exists(folder->model); }

void run_folder_close(RunFolder *folder) {
    if (folder == NULL) return;
    for (int i = 0; i < CHECKPOINT_FILES; i++) file_appender_close(folder->files[i]);
    mem_free(folder->path);
    mem_free(folder->checkpoints);
    mem_free(folder->model);
    mem_free(folder);
}

// ---- checkpoints by step

// Steps of the whole checkpoints, ascending. A folder that is still being written has another name.
static bool list_checkpoints(const RunFolder *folder, int64_t **steps, size_t *n, Error *error) {
    *steps = NULL;
    *n = 0;
    if (!dir_exists(folder->checkpoints)) return true;
    char **names;
    size_t count;
    if (!dir_list(folder->checkpoints, &names, &count, error)) return false;
    *steps = mem_alloc(count, sizeof **steps);
    for (size_t i = 0; i < count; i++) {
        long long step;
        int end = 0;
        if (sscanf(names[i], "step-%lld%n", &step, &end) == 1 && names[i][end] == 0) (*steps)[(*n)++] = step;
        mem_free(names[i]);
    }
    mem_free(names);
    return true;
}

static char *checkpoint_path(const RunFolder *folder, int64_t step) {
    char name[64];
    snprintf(name, sizeof name, STEP_FOLDER_FORMAT, (long long)step);
    return path_join(folder->checkpoints, name);
}

static bool remove_oldest(const RunFolder *folder, int keep, Error *error) {
    int64_t *steps;
    size_t n;
    if (!list_checkpoints(folder, &steps, &n, error)) return false;
    bool ok = true;
    for (size_t i = 0; ok && i + (size_t)keep < n; i++) {
        char *path = checkpoint_path(folder, steps[i]);
        ok = path_remove(path, error);
        mem_free(path);
    }
    mem_free(steps);
    return ok;
}

// ---- opening

static bool is_fresh(const RunFolder *folder, Error *error) {
    int64_t *steps;
    size_t n;
    if (!list_checkpoints(folder, &steps, &n, error)) return false;
    mem_free(steps);
    if (n == 0 || folder->resume) return true;
    return error_set(error, "%s: holds an unfinished run; resume=true goes on with it, or choose another folder", folder->path);
}

bool run_folder_open(const char *path, const Options *options, const Backend *backend, const char *const *inputs, int n_inputs,
                     RunFolder **out, Error *error) {
    RunFolder *folder = mem_alloc(1, sizeof *folder);
    folder->path = mem_strdup(path);
    folder->checkpoints = path_join(path, "checkpoints");
    folder->model = path_join(path, "model");
    folder->resume = options_bool(options, "resume");
    bool ok = dir_make(path, error) && path_recover(folder->model, error) && is_fresh(folder, error) &&
              (run_folder_finished(folder) || manifest_write(path, options, backend, inputs, n_inputs, error));
    if (!ok) {
        run_folder_close(folder);
        return false;
    }
    *out = folder;
    return true;
}

// ---- records

static bool open_file(RunFolder *folder, int file, uint64_t keep_bytes, Error *error) {
    if (folder->files[file] != NULL) return true;
    char *path = path_join(folder->path, file_names[file]);
    bool ok = file_appender_open(path, keep_bytes, &folder->files[file], error);
    mem_free(path);
    return ok;
}

static bool append_metrics(RunFolder *folder, int file, int64_t step, const Metric *metrics, int n, Error *error) {
    if (!open_file(folder, file, 0, error)) return false;
    Buf line;
    buf_init(&line, 0);
    JsonWriter w = json_writer(&line);
    jw_object_begin(&w);
    jw_kint(&w, "step", step);
    for (int i = 0; i < n; i++) jw_kf64(&w, metrics[i].name, metrics[i].value);
    jw_object_end(&w);
    buf_add_char(&line, '\n');
    bool ok = file_appender_add(folder->files[file], buf_str(&line), error);
    buf_free(&line);
    return ok;
}

bool run_folder_metrics(RunFolder *folder, int64_t step, const Metric *metrics, int n, Error *error) {
    return append_metrics(folder, FILE_METRICS, step, metrics, n, error);
}

bool run_folder_timing(RunFolder *folder, int64_t step, const Metric *metrics, int n, Error *error) {
    return append_metrics(folder, FILE_TIMING, step, metrics, n, error);
}

bool run_folder_sample(RunFolder *folder, Str json_line, Error *error) {
    return open_file(folder, FILE_SAMPLES, 0, error) && file_appender_add(folder->files[FILE_SAMPLES], json_line, error);
}

// ---- checkpoints

bool run_folder_checkpoint(RunFolder *folder, const CheckpointParts *parts, int keep, Error *error) {
    uint64_t sizes[CHECKPOINT_FILES] = {0};
    for (int i = 0; i < CHECKPOINT_FILES; i++) {
        if (folder->files[i] == NULL) continue;
        if (!file_appender_sync(folder->files[i], error)) return false;
        sizes[i] = file_appender_size(folder->files[i]);
    }
    char *path = checkpoint_path(folder, parts->step);
    bool ok = dir_make(folder->checkpoints, error) && checkpoint_save(path, parts, sizes, error) &&
              remove_oldest(folder, keep, error);
    mem_free(path);
    return ok;
}

bool run_folder_restore(RunFolder *folder, const CheckpointParts *parts, int64_t *step, Error *error) {
    *step = 0;
    uint64_t sizes[CHECKPOINT_FILES] = {0};
    int64_t *steps;
    size_t n;
    if (!list_checkpoints(folder, &steps, &n, error)) return false;
    bool ok = true;
    if (folder->resume && n > 0) {
        char *path = checkpoint_path(folder, steps[n - 1]);
        ok = checkpoint_load(path, parts, step, sizes, error);
        if (ok) log_info("%s: going on from step %lld", folder->path, (long long)*step);
        mem_free(path);
    }
    mem_free(steps);
    for (int i = 0; ok && i < CHECKPOINT_FILES; i++) {
        char *path = path_join(folder->path, file_names[i]);
        bool present = file_exists(path);
        mem_free(path);
        if (present) ok = open_file(folder, i, sizes[i], error);
    }
    return ok;
}

bool run_folder_finish(RunFolder *folder, const CheckpointParts *parts, Dtype dtype, Error *error) {
    for (int i = 0; i < CHECKPOINT_FILES; i++) {
        if (folder->files[i] != NULL && !file_appender_sync(folder->files[i], error)) return false;
    }
    return model_bundle_save(trainer_model(parts->trainer), DEV_NONE, parts->tokenizer, parts->chat, folder->model, dtype, error);
}
