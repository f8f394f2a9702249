#include "report/metrics.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

struct MetricsWriter {
    FileAppender *rows, *events;
    Buf scratch;
};

static int64_t time_since_1970_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- a resumed run

// A kept row as an event.
static bool replay_row(Str line, const char *where, Buf *events, Error *error) {
    json_t *row = NULL;
    int64_t step, time_ms;
    if (!json_parse(line, where, &row, error)) return false;
    bool ok = json_is_object(row) ? json_need_int(row, where, "step", INT64_MIN, INT64_MAX, &step, error) &&
                                        json_int_or(row, where, "time_ms", 0, INT64_MAX, 0, &time_ms, error)
                                  : error_set(error, "%s: expected a JSON object", where);
    if (ok) {
        Metric *metrics = mem_alloc(json_object_size(row), sizeof *metrics);
        size_t n = 0;
        const char *key;
        json_t *value;
        json_object_foreach(row, key, value) {
            if (strcmp(key, "step") == 0 || strcmp(key, "time_ms") == 0) continue;
            if (!json_is_number(value) && !json_is_null(value)) continue;
            metrics[n++] = (Metric){key, json_is_null(value) ? NAN : json_number_value(value)};
        }
        tfevents_add_scalars(events, (double)time_ms / 1000, step, metrics, n);
        mem_free(metrics);
    }
    json_decref(row);
    return ok;
}

static bool replay_rows(const char *path, FileWriter *events, Error *error) {
    LineReader *reader;
    if (!line_reader_open(path, METRICS_ROW_MAX_BYTES, &reader, error)) return false;
    Buf event;
    buf_init(&event, 0);
    Str line;
    int status;
    bool ok = true;
    while (ok && (status = line_reader_next(reader, &line, error)) != 0) {
        char where[1024];
        snprintf(where, sizeof where, "%s:%zu", path, line_reader_number(reader));
        buf_clear(&event);
        ok = status > 0 && replay_row(line, where, &event, error);
        if (ok) file_writer_add_str(events, buf_str(&event));
    }
    buf_free(&event);
    line_reader_close(reader);
    return ok;
}

// Writes the event file from the rows kept and opens it to go on.
static bool open_events(const char *rows_path, const char *path, FileAppender **events, Error *error) {
    FileWriter *writer;
    if (!file_writer_open(path, &writer, error)) return false;
    Buf version;
    buf_init(&version, 0);
    tfevents_add_version(&version, (double)time_since_1970_ms() / 1000);
    file_writer_add_str(writer, buf_str(&version));
    buf_free(&version);
    if (!replay_rows(rows_path, writer, error)) {
        file_writer_abort(writer);
        return false;
    }
    uint64_t size_bytes;
    return file_writer_commit(writer, error) && file_size(path, &size_bytes, error) &&
           file_appender_open(path, size_bytes, events, error);
}

bool metrics_open(const char *folder, uint64_t keep_bytes, MetricsWriter **writer, Error *error) {
    char *rows_path = path_join(folder, METRICS_FILE), *events_path = path_join(folder, METRICS_EVENTS_FILE);
    MetricsWriter *made = mem_alloc(1, sizeof *made);
    buf_init(&made->scratch, 0);
    bool ok = file_appender_open(rows_path, keep_bytes, &made->rows, error) &&
              open_events(rows_path, events_path, &made->events, error);
    mem_free(rows_path);
    mem_free(events_path);
    if (!ok) {
        metrics_close(made);
        return false;
    }
    *writer = made;
    return true;
}

// ---- a step

bool metrics_add(MetricsWriter *writer, int64_t step, const Metric *metrics, size_t n, Error *error) {
    int64_t now_ms = time_since_1970_ms();
    Buf *out = &writer->scratch;
    buf_clear(out);
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kint(&w, "step", step);
    jw_kint(&w, "time_ms", now_ms);
    for (size_t i = 0; i < n; i++) jw_kf64(&w, metrics[i].name, metrics[i].value);
    jw_object_end(&w);
    buf_add_char(out, '\n');
    assert(out->len <= METRICS_ROW_MAX_BYTES);
    if (!file_appender_add(writer->rows, buf_str(out), error)) return false;
    buf_clear(out);
    tfevents_add_scalars(out, (double)now_ms / 1000, step, metrics, n);
    return file_appender_add(writer->events, buf_str(out), error);
}

uint64_t metrics_size(const MetricsWriter *writer) { return file_appender_size(writer->rows); }

bool metrics_sync(MetricsWriter *writer, Error *error) {
    return file_appender_sync(writer->rows, error) && file_appender_sync(writer->events, error);
}

void metrics_close(MetricsWriter *writer) {
    if (writer == NULL) return;
    file_appender_close(writer->rows);
    file_appender_close(writer->events);
    buf_free(&writer->scratch);
    mem_free(writer);
}
