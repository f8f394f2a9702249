// The series of a metrics.jsonl: for each metric its values over the steps, in the order of first appearance.
#ifndef RLT_REPORT_SERIES_H
#define RLT_REPORT_SERIES_H

#include "base/error.h"
#include "base/mem.h"

#define SERIES_MAX 1000            // metrics of a file
#define SERIES_MAX_POINTS 50000000 // in all

typedef struct Series {
    char *name;
    double *steps, *values; // [n]; a value may be NaN (null in the file)
    size_t n;
    size_t capacity;
} Series;

typedef struct SeriesSet {
    Series *series; // [n]
    size_t n;
    int64_t last_step; // of the last row
    double seconds;    // between the first and the last row's time_ms; 0 where unknown
} SeriesSet;

// Reads every number (and null) of every row but "step" and "time_ms". A torn last line, as a killed run leaves it, is
// passed over.
MUST_CHECK bool series_read(const char *path, SeriesSet *set, Error *error);
void series_free(SeriesSet *set);

#endif
