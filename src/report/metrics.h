// A run's metrics: metrics.jsonl, timing.jsonl, and the same as a TensorBoard event file beside them.
//
// metrics.jsonl has a row a step, {"step": 3, "loss": 1.25, ...}, with nothing in it that depends on time or machine: runs
// that are the same write the same bytes. timing.jsonl has a row for each of them: {"step": 3, "time_ms": 1718000000123,
// "tokens_per_s": ...}; time_ms counts from 1970. Values read back to the same bits, those that are not finite are null.
// Rows are written through as they come, so a killed run leaves whole rows (a torn last one at worst). A resumed run
// says how many bytes its checkpoint knows of (metrics_sizes): both files are cut to them, and the event file, which is a
// view of them and no more, is written anew from what is left.
#ifndef RLT_REPORT_METRICS_H
#define RLT_REPORT_METRICS_H

#include "base/buf.h"
#include "base/error.h"
#include "report/tfevents.h"

#define METRICS_FILE "metrics.jsonl"
#define METRICS_TIMING_FILE "timing.jsonl"
#define METRICS_EVENTS_FILE "events.out.tfevents.rlt"
#define METRICS_ROW_MAX_BYTES ((size_t)1 << 20)

typedef struct MetricsWriter MetricsWriter;

typedef struct MetricsSizes {
    uint64_t rows, timing; // bytes of metrics.jsonl and timing.jsonl
} MetricsSizes;

// Opens (or begins) the files in an existing folder, keeping so many bytes; zeros begin anew.
MUST_CHECK bool metrics_open(const char *folder, MetricsSizes keep, MetricsWriter **writer, Error *error);
// Appends a step's rows. Names are different from each other and from "step" and "time_ms".
MUST_CHECK bool metrics_add(MetricsWriter *writer, int64_t step, const Metric *metrics, size_t n, const Metric *timing,
                            size_t n_timing, Error *error);
// The row of metrics.jsonl that metrics_add writes, newline included, in place of what `out` holds.
void metrics_row(Buf *out, int64_t step, const Metric *metrics, size_t n);
// Bytes so far, for a checkpoint; sync first makes them durable.
MetricsSizes metrics_sizes(const MetricsWriter *writer);
MUST_CHECK bool metrics_sync(MetricsWriter *writer, Error *error);
void metrics_close(MetricsWriter *writer); // NULL is fine

#endif
