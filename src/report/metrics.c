#include "report/metrics.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

struct MetricsWriter {
    FileAppender *rows, *timing, *events;
    Buf scratch;
};

static int64_t time_since_1970_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- a resumed run

// The numbers of a row as metrics; names are borrowed from it. Returns how many.
static size_t row_metrics(json_t *row, Metric *metrics) {
    size_t n = 0;
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value) {
        if (strcmp(key, "step") == 0 || strcmp(key, "time_ms") == 0) continue;
        if (!json_is_number(value) && !json_is_null(value)) continue;
        metrics[n++] = (Metric){key, json_is_null(value) ? NAN : json_number_value(value)};
    }
    return n;
}

static bool parse_row(Str line, const char *path, size_t number, json_t **row, Error *error) {
    char where[1024];
    snprintf(where, sizeof where, "%s:%zu", path, number);
    if (!json_parse(line, where, row, error)) return false;
    if (json_is_object(*row)) return true;
    json_decref(*row);
    *row = NULL;
    return error_set(error, "%s: expected a JSON object", where);
}

// A kept pair of rows as an event.
static bool replay_pair(json_t *row, json_t *timing, const char *where, Buf *events, Error *error) {
    int64_t step, time_ms;
    if (!json_need_int(row, where, "step", INT64_MIN, INT64_MAX, &step, error) ||
        !json_int_or(timing, where, "time_ms", 0, INT64_MAX, 0, &time_ms, error)) {
        return false;
    }
    Metric *metrics = mem_alloc(json_object_size(row) + json_object_size(timing), sizeof *metrics);
    size_t n = row_metrics(row, metrics);
    n += row_metrics(timing, metrics + n);
    tfevents_add_scalars(events, (double)time_ms / 1000, step, metrics, n);
    mem_free(metrics);
    return true;
}

static bool replay_line(LineReader *timing, const char *rows_path, const char *timing_path, Str line, size_t number, Buf *events,
                        Error *error) {
    json_t *row = NULL, *times = NULL;
    Str timing_line;
    bool ok = parse_row(line, rows_path, number, &row, error);
    int got = ok ? line_reader_next(timing, &timing_line, error) : 0;
    if (ok && got == 0) error_set(error, "%s: has no row for line %zu of %s", timing_path, number, METRICS_FILE);
    ok = ok && got > 0 && parse_row(timing_line, timing_path, number, &times, error) &&
         replay_pair(row, times, rows_path, events, error);
    json_decref(row);
    json_decref(times);
    return ok;
}

static bool replay_rows(const char *rows_path, const char *timing_path, FileWriter *events, Error *error) {
    LineReader *rows, *timing;
    if (!line_reader_open(rows_path, METRICS_ROW_MAX_BYTES, &rows, error)) return false;
    if (!line_reader_open(timing_path, METRICS_ROW_MAX_BYTES, &timing, error)) {
        line_reader_close(rows);
        return false;
    }
    Buf event;
    buf_init(&event, 0);
    Str line;
    int status = 0;
    bool ok = true;
    while (ok && (status = line_reader_next(rows, &line, error)) > 0) {
        buf_clear(&event);
        ok = replay_line(timing, rows_path, timing_path, line, line_reader_number(rows), &event, error);
        if (ok) file_writer_add_str(events, buf_str(&event));
    }
    buf_free(&event);
    line_reader_close(rows);
    line_reader_close(timing);
    return ok && status == 0;
}

// Writes the event file from the rows kept and opens it to go on.
static bool open_events(const char *rows_path, const char *timing_path, const char *path, FileAppender **events, Error *error) {
    FileWriter *writer;
    if (!file_writer_open(path, &writer, error)) return false;
    Buf version;
    buf_init(&version, 0);
    tfevents_add_version(&version, (double)time_since_1970_ms() / 1000);
    file_writer_add_str(writer, buf_str(&version));
    buf_free(&version);
    if (!replay_rows(rows_path, timing_path, writer, error)) {
        file_writer_abort(writer);
        return false;
    }
    uint64_t size_bytes;
    return file_writer_commit(writer, error) && file_size(path, &size_bytes, error) &&
           file_appender_open(path, size_bytes, events, error);
}

bool metrics_open(const char *folder, MetricsSizes keep, MetricsWriter **writer, Error *error) {
    char *rows_path = path_join(folder, METRICS_FILE), *timing_path = path_join(folder, METRICS_TIMING_FILE), *events_path = path_join(folder, METRICS_EVENTS_FILE);
    MetricsWriter *made = mem_alloc(1, sizeof *made);
    buf_init(&made->scratch, 0);
    bool ok = file_appender_open(rows_path, keep.rows, &made->rows, error) &&
              file_appender_open(timing_path, keep.timing, &made->timing, error) &&
              open_events(rows_path, timing_path, events_path, &made->events, error);
    mem_free(rows_path);
    mem_free(timing_path);
    mem_free(events_path);
    if (!ok) {
        metrics_close(made);
        return false;
    }
    *writer = made;
    return true;
}

// ---- a step

static void add_row(Buf *out, int64_t step, int64_t time_ms, const Metric *metrics, size_t n) {
    buf_clear(out);
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kint(&w, "step", step);
    if (time_ms > 0) jw_kint(&w, "time_ms", time_ms);
    for (size_t i = 0; i < n; i++) jw_kf64(&w, metrics[i].name, metrics[i].value);
    jw_object_end(&w);
    buf_add_char(out, '\n');
    assert(out->len <= METRICS_ROW_MAX_BYTES);
}

void metrics_row(Buf *out, int64_t step, const Metric *metrics, size_t n) { add_row(out, step, 0, metrics, n); }

bool metrics_add(MetricsWriter *writer, int64_t step, const Metric *metrics, size_t n, const Metric *timing, size_t n_timing,
                 Error *error) {
    int64_t now_ms = time_since_1970_ms();
    Buf *out = &writer->scratch;
    metrics_row(out, step, metrics, n);
    if (!file_appender_add(writer->rows, buf_str(out), error)) return false;
    add_row(out, step, now_ms, timing, n_timing);
    if (!file_appender_add(writer->timing, buf_str(out), error)) return false;
    Metric *all = mem_alloc(n + n_timing, sizeof *all);
    if (n > 0) memcpy(all, metrics, n * sizeof *all);
    if (n_timing > 0) memcpy(all + n, timing, n_timing * sizeof *all);
    buf_clear(out);
    tfevents_add_scalars(out, (double)now_ms / 1000, step, all, n + n_timing);
    mem_free(all);
    return file_appender_add(writer->events, buf_str(out), error);
}

MetricsSizes metrics_sizes(const MetricsWriter *writer) {
    return (MetricsSizes){file_appender_size(writer->rows), file_appender_size(writer->timing)};
}

bool metrics_sync(MetricsWriter *writer, Error *error) {
    return file_appender_sync(writer->rows, error) && file_appender_sync(writer->timing, error) &&
           file_appender_sync(writer->events, error);
}

void metrics_close(MetricsWriter *writer) {
    if (writer == NULL) return;
    file_appender_close(writer->rows);
    file_appender_close(writer->timing);
    file_appender_close(writer->events);
    buf_free(&writer->scratch);
    mem_free(writer);
}
