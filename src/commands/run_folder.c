#include "commands/run_folder.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/checkpoint.h"
#include "commands/manifest.h"
#include "commands/replay.h"
#include "report/html.h"

#define STEP_FOLDER_FORMAT "step-%08lld"

struct RunFolder {
    char *path, *checkpoints, *model, *rollouts;
    bool resume;
    MetricsWriter *metrics; // opened at the first write, or by restore
    FileAppender *samples;
    Replay *replay; // NULL: the run itself
    int lock;       // of the folder; -1: none
};

const char *run_folder_path(const RunFolder *folder) { return folder->path; }
bool run_folder_finished(const RunFolder *folder) { return folder->replay == NULL && dir_exists(folder->model); }

void run_folder_close(RunFolder *folder) {
    if (folder == NULL) return;
    dir_unlock(folder->lock);
    replay_close(folder->replay);
    metrics_close(folder->metrics);
    file_appender_close(folder->samples);
    mem_free(folder->path);
    mem_free(folder->checkpoints);
    mem_free(folder->model);
    mem_free(folder->rollouts);
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

static bool count_checkpoints(const RunFolder *folder, size_t *n, Error *error) {
    int64_t *steps;
    if (!list_checkpoints(folder, &steps, n, error)) return false;
    mem_free(steps);
    return true;
}

static bool begin(RunFolder *folder, const Options *options, const Backend *backend, Error *error) {
    const char *path = folder->path;
    size_t n;
    if (!dir_make(path, error) || !dir_lock(path, &folder->lock, error) || !path_recover(folder->model, error) || !count_checkpoints(folder, &n, error)) return false;
    if (run_folder_finished(folder)) return manifest_check_options(path, options, error) && manifest_finish(path, true, error);
    if (folder->resume) return manifest_resume(path, options, backend, error);
    if (n > 0) return error_set(error, "%s: holds an unfinished run; resume=true goes on with it, or choose another folder", path);
    return path_remove(folder->rollouts, error) && recipe_write(path, options, error) &&
           manifest_write(path, options, backend, NULL, 0, error);
}

bool run_folder_open(const char *path, const Options *options, const Backend *backend, RunFolder **out, Error *error) {
    RunFolder *folder = mem_alloc(1, sizeof *folder);
    folder->path = mem_strdup(path);
    folder->checkpoints = path_join(path, "checkpoints");
    folder->model = path_join(path, "model");
    folder->rollouts = path_join(path, "rollouts");
    folder->resume = options_bool(options, "resume");
    folder->lock = -1;
    int64_t replayed = options_int(options, "replay");
    bool ok = replayed >= 0 ? replay_open(path, replayed, &folder->replay, error) : begin(folder, options, backend, error);
    if (!ok) {
        run_folder_close(folder);
        return false;
    }
    *out = folder;
    return true;
}

int64_t run_folder_end(const RunFolder *folder, int64_t steps) {
    return folder->replay != NULL && replay_step(folder->replay) + 1 < steps ? replay_step(folder->replay) + 1 : steps;
}

// ---- records

static bool open_metrics(RunFolder *folder, MetricsSizes keep, Error *error) {
    return folder->metrics != NULL || metrics_open(folder->path, keep, &folder->metrics, error);
}

static bool open_samples(RunFolder *folder, uint64_t keep_bytes, Error *error) {
    if (folder->samples != NULL) return true;
    char *path = path_join(folder->path, "samples.jsonl");
    bool ok = file_appender_open(path, keep_bytes, &folder->samples, error);
    mem_free(path);
    return ok;
}

bool run_folder_metrics(RunFolder *folder, int64_t step, const Metric *metrics, size_t n, const Metric *timing, size_t n_timing,
                        Error *error) {
    if (folder->replay != NULL) return replay_metrics(folder->replay, step, metrics, n, error);
    return open_metrics(folder, (MetricsSizes){0}, error) && metrics_add(folder->metrics, step, metrics, n, timing, n_timing, error);
}

bool run_folder_sample(RunFolder *folder, Str json_line, Error *error) {
    if (folder->replay != NULL) return replay_sample(folder->replay, json_line, error);
    return open_samples(folder, 0, error) && file_appender_add(folder->samples, json_line, error);
}

// ---- rollouts of the steps that no checkpoint knows of yet

static char *rollout_path(const RunFolder *folder, int64_t step) {
    char name[64];
    snprintf(name, sizeof name, STEP_FOLDER_FORMAT ".safetensors", (long long)step);
    return path_join(folder->rollouts, name);
}

char *run_folder_rollout(const RunFolder *folder, int64_t step) {
    return folder->replay == NULL ? rollout_path(folder, step) : NULL;
}

// Removes those of steps before this one.
static bool forget_rollouts(const RunFolder *folder, int64_t step, Error *error) {
    char **names;
    size_t n;
    if (!dir_exists(folder->rollouts)) return true;
    if (!dir_list(folder->rollouts, &names, &n, error)) return false;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        long long of_step;
        if (ok && sscanf(names[i], "step-%lld", &of_step) == 1 && of_step < step) {
            char *path = path_join(folder->rollouts, names[i]);
            ok = path_remove(path, error);
            mem_free(path);
        }
        mem_free(names[i]);
    }
    mem_free(names);
    return ok;
}

// ---- checkpoints

static bool sync_files(RunFolder *folder, Error *error) {
    return (folder->metrics == NULL || metrics_sync(folder->metrics, error)) &&
           (folder->samples == NULL || file_appender_sync(folder->samples, error));
}

static bool write_checkpoint(RunFolder *folder, const char *path, const CheckpointParts *parts, int keep, Error *error) {
    if (!sync_files(folder, error)) return false;
    CheckpointSizes sizes = {0};
    if (folder->metrics != NULL) sizes.metrics = metrics_sizes(folder->metrics);
    if (folder->samples != NULL) sizes.samples = file_appender_size(folder->samples);
    return dir_make(folder->checkpoints, error) && checkpoint_save(path, parts, &sizes, error) && remove_oldest(folder, keep, error) &&
           forget_rollouts(folder, parts->step, error);
}

bool run_folder_checkpoint(RunFolder *folder, const CheckpointParts *parts, int keep, Error *error) {
    char *path = checkpoint_path(folder, parts->step);
    bool ok = folder->replay != NULL ? replay_checkpoint(folder->replay, path, parts, error)
                                     : write_checkpoint(folder, path, parts, keep, error);
    mem_free(path);
    return ok;
}

// The newest checkpoint that a run goes on from: in a replay the nearest one at or before its step. -1: none.
static bool choose_checkpoint(const RunFolder *folder, int64_t *step, Error *error) {
    int64_t *steps, last = folder->replay != NULL ? replay_step(folder->replay) : INT64_MAX;
    size_t n;
    *step = -1;
    if (!list_checkpoints(folder, &steps, &n, error)) return false;
    for (size_t i = 0; i < n && (folder->resume || folder->replay != NULL); i++) {
        if (steps[i] <= last) *step = steps[i];
    }
    mem_free(steps);
    return true;
}

// Loads a checkpoint, where the run goes on from one, and cuts the run's files to what it knows of.
bool run_folder_restore(RunFolder *folder, const CheckpointParts *parts, int64_t *step, Error *error) {
    CheckpointSizes sizes = {0};
    int64_t from;
    *step = 0;
    if (!choose_checkpoint(folder, &from, error)) return false;
    char *path = from >= 0 ? checkpoint_path(folder, from) : NULL;
    bool ok = path == NULL || checkpoint_load(path, parts, step, &sizes, error);
    if (ok && folder->replay != NULL) {
        ok = replay_begin(folder->replay, *step, path, sizes, error);
    } else if (ok) {
        if (path != NULL) log_info("%s: going on from step %lld", folder->path, (long long)*step);
        ok = open_metrics(folder, sizes.metrics, error) && open_samples(folder, sizes.samples, error);
    }
    mem_free(path);
    return ok;
}

bool run_folder_finish(RunFolder *folder, const CheckpointParts *parts, Dtype dtype, Error *error) {
    if (folder->replay != NULL) return replay_finish(folder->replay, folder->model, parts, dtype, error);
    return sync_files(folder, error) && path_remove(folder->rollouts, error) && report_write(folder->path, NULL, error) &&
           checkpoint_save_model(folder->model, parts, dtype, error) && manifest_finish(folder->path, true, error);
}
