#include "report/series.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "report/metrics.h"

static Series *find_or_add(SeriesSet *set, const char *name, const char *where, Error *error) {
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->series[i].name, name) == 0) return &set->series[i];
    if (set->n == SERIES_MAX) {
        error_set(error, "%s: expected at most %d metrics", where, SERIES_MAX);
        return NULL;
    }
    if (set->series == NULL) set->series = mem_alloc(SERIES_MAX, sizeof *set->series);
    Series *made = &set->series[set->n++];
    *made = (Series){.name = mem_strdup(name)};
    return made;
}

static void add_point(Series *series, double step, double value) {
    if (series->n == series->capacity) {
        series->capacity = series->capacity == 0 ? 64 : series->capacity * 2;
        series->steps = mem_realloc(series->steps, series->capacity, sizeof *series->steps);
        series->values = mem_realloc(series->values, series->capacity, sizeof *series->values);
    }
    series->steps[series->n] = step;
    series->values[series->n++] = value;
}

typedef struct Reading {
    SeriesSet *set;
    size_t points;
    int64_t first_ms; // 0: none yet
} Reading;

static bool read_row(Reading *reading, json_t *row, const char *where, Error *error) {
    int64_t step, time_ms;
    if (!json_is_object(row)) return error_set(error, "%s: expected a JSON object", where);
    if (!json_need_int(row, where, "step", INT64_MIN, INT64_MAX, &step, error) ||
        !json_int_or(row, where, "time_ms", 0, INT64_MAX, 0, &time_ms, error))
        return false;
    reading->set->last_step = step;
    if (reading->first_ms == 0) reading->first_ms = time_ms;
    reading->set->seconds = (double)(time_ms - reading->first_ms) / 1000;
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value) {
        if (strcmp(key, "step") == 0 || strcmp(key, "time_ms") == 0) continue;
        if (!json_is_number(value) && !json_is_null(value)) continue;
        Series *series = find_or_add(reading->set, key, where, error);
        if (series == NULL) return false;
        if (++reading->points > SERIES_MAX_POINTS)
            return error_set(error, "%s: expected at most %d values in all", where, SERIES_MAX_POINTS);
        add_point(series, (double)step, json_is_null(value) ? NAN : json_number_value(value));
    }
    return true;
}

bool series_read(const char *path, SeriesSet *set, Error *error) {
    memset(set, 0, sizeof *set);
    LineReader *reader;
    if (!line_reader_open(path, METRICS_ROW_MAX_BYTES, &reader, error)) return false;
    Reading reading = {set, 0, 0};
    Error torn = {""}; // of a line that does not parse: an error only if another line follows
    Str line;
    int status;
    bool ok = true;
    while (ok && (status = line_reader_next(reader, &line, error)) != 0) {
        char where[1024];
        snprintf(where, sizeof where, "%s:%zu", path, line_reader_number(reader));
        json_t *row = NULL;
        if (status < 0) {
            ok = false;
        } else if (torn.message[0] != 0) {
            ok = error_set(error, "%s", torn.message);
        } else if (json_parse(line, where, &row, &torn)) {
            ok = read_row(&reading, row, where, error);
            json_decref(row);
        }
    }
    line_reader_close(reader);
    if (!ok) series_free(set);
    return ok;
}

void series_free(SeriesSet *set) {
    for (size_t i = 0; i < set->n; i++) {
        mem_free(set->series[i].name);
        mem_free(set->series[i].steps);
        mem_free(set->series[i].values);
    }
    mem_free(set->series);
    memset(set, 0, sizeof *set);
}
