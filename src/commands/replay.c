#include "commands/replay.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "commands/manifest.h"
#include "commands/model_bundle.h"

// A record of the run, read along.
typedef struct Record {
    char *path;
    FileMap map;
    size_t at; // byte that the next step's part begins with
} Record;

struct Replay {
    char *folder, *scratch;
    int64_t step;
    Record metrics, samples;
    char *from;       // the checkpoint it began with; NULL: the run's inputs
    int n_states;     // checkpoints that were compared
    bool has_samples; // some were compared
};

static bool record_open(Record *record, const char *folder, const char *name, Error *error) {
    record->path = path_join(folder, name);
    return !file_exists(record->path) || file_map(record->path, &record->map, error);
}

static void record_close(Record *record) {
    file_unmap(&record->map);
    mem_free(record->path);
}

bool replay_open(const char *folder, int64_t step, Replay **out, Error *error) {
    Replay *replay = mem_alloc(1, sizeof *replay);
    replay->folder = mem_strdup(folder);
    replay->scratch = path_join(folder, "replay.partial");
    replay->step = step;
    if (!record_open(&replay->metrics, folder, METRICS_FILE, error) || !record_open(&replay->samples, folder, "samples.jsonl", error)) {
        replay_close(replay);
        return false;
    }
    *out = replay;
    return true;
}

void replay_close(Replay *replay) {
    if (replay == NULL) return;
    record_close(&replay->metrics);
    record_close(&replay->samples);
    mem_free(replay->from);
    mem_free(replay->scratch);
    mem_free(replay->folder);
    mem_free(replay);
}

int64_t replay_step(const Replay *replay) { return replay->step; }

// ---- records

// The line at record->at without its newline; false where there is no whole line.
static bool record_line(const Record *record, Str *line) {
    if (record->at >= record->map.size) return false;
    const char *from = (const char *)record->map.data + record->at;
    const char *end = memchr(from, '\n', record->map.size - record->at);
    if (end == NULL) return false;
    *line = (Str){from, (size_t)(end - from)};
    return true;
}

bool replay_begin(Replay *replay, int64_t step, const char *checkpoint, CheckpointSizes sizes, Error *error) {
    replay->from = checkpoint != NULL ? mem_strdup(checkpoint) : NULL;
    replay->metrics.at = sizes.metrics.rows;
    replay->samples.at = sizes.samples;
    Str line = {0};
    int64_t n = step;
    for (Record ahead = replay->metrics; record_line(&ahead, &line) && n <= replay->step; n++) ahead.at += line.len + 1;
    if (n > replay->step) return true;
    return error_set(error, "%s: has no step %" PRId64 ": it ends with step %" PRId64, replay->metrics.path, replay->step, n - 1);
}

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)); }

// Names the first metric that differs.
static bool explain(const Replay *replay, int64_t step, Str line, const Metric *metrics, size_t n, Error *error) {
    json_t *row;
    if (!json_parse(line, replay->metrics.path, &row, error)) return false;
    for (size_t i = 0; i < n; i++) {
        json_t *value = json_object_get(row, metrics[i].name);
        double was = json_is_number(value) ? json_number_value(value) : (double)NAN;
        bool finite = isfinite(metrics[i].value) != 0;
        if (value != NULL && same_bits(was, finite ? metrics[i].value : (double)NAN)) continue;
        error_set(error, "%s: step %" PRId64 ": %s was %.17g, the replay gives %.17g", replay->metrics.path, step, metrics[i].name, was,
                  metrics[i].value);
        json_decref(row);
        return false;
    }
    json_decref(row);
    return error_set(error, "%s: step %" PRId64 ": the row is not what the replay gives", replay->metrics.path, step);
}

bool replay_metrics(Replay *replay, int64_t step, const Metric *metrics, size_t n, Error *error) {
    Str line;
    if (!record_line(&replay->metrics, &line)) return error_set(error, "%s: has no step %" PRId64, replay->metrics.path, step);
    Buf row;
    buf_init(&row, 0);
    metrics_row(&row, step, metrics, n);
    bool same = row.len == line.len + 1 && memcmp(row.data, line.ptr, line.len) == 0;
    buf_free(&row);
    replay->metrics.at += line.len + 1;
    return same || explain(replay, step, line, metrics, n, error);
}

bool replay_sample(Replay *replay, Str lines, Error *error) {
    Record *record = &replay->samples;
    bool whole = record->at <= record->map.size && record->map.size - record->at >= lines.len;
    if (!whole || memcmp(record->map.data + record->at, lines.ptr, lines.len) != 0) {
        return error_set(error, "%s: byte %zu: the replay gives other samples", record->path, record->at);
    }
    record->at += lines.len;
    replay->has_samples |= lines.len > 0;
    return true;
}

// ---- states

// Whether a folder that was just written holds what the run's own holds; removes it.
static bool same_folder(const Replay *replay, const char *path, Error *error) {
    char was[65], now[65];
    bool ok = path_sha256(path, was, error) && path_sha256(replay->scratch, now, error);
    if (ok && strcmp(was, now) != 0) ok = error_set(error, "%s: the replay gives other parameters", path);
    return path_remove(replay->scratch, ok ? error : NULL) && ok;
}

bool replay_checkpoint(Replay *replay, const char *path, const CheckpointParts *parts, Error *error) {
    if (!dir_exists(path)) return true;
    CheckpointSizes sizes; // seconds are written with other numbers of digits
    if (!checkpoint_sizes(path, parts, &sizes, error) || !checkpoint_save(replay->scratch, parts, &sizes, error)) return false;
    replay->n_states++;
    return same_folder(replay, path, error);
}

static bool ended_here(const Replay *replay) {
    Str line;
    return !record_line(&replay->metrics, &line);
}

bool replay_finish(Replay *replay, const char *model_path, const CheckpointParts *parts, Dtype dtype, Error *error) {
    bool has_model = ended_here(replay) && dir_exists(model_path);
    if (has_model && !(checkpoint_save_model(replay->scratch, parts, dtype, error) && same_folder(replay, model_path, error))) {
        return false;
    }
    printf("step %" PRId64 ", from %s: the same bits: metrics%s", replay->step,
           replay->from != NULL ? replay->from : "the run's inputs", replay->has_samples ? ", samples" : "");
    if (replay->n_states > 0) printf(", %d checkpoint%s", replay->n_states, replay->n_states > 1 ? "s" : "");
    printf("%s\n", has_model ? ", model" : "");
    return true;
}
