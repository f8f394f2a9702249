// A run's metrics: metrics.jsonl, and the same as a TensorBoard event file beside it.
//
// metrics.jsonl has a row a step: {"step": 3, "time_ms": 1718000000123, "loss": 1.25, ...}; time_ms counts from 1970,
// values read back to the same bits, those that are not finite are null.
// Rows are written through as they come, so a killed run leaves whole rows (a torn last one at worst). A resumed run
// says how many bytes its checkpoint knows of (metrics_size): metrics.jsonl is cut to them, and the event file, which
// is a view of metrics.jsonl and no more, is written anew from what is left.
#ifndef RLT_REPORT_METRICS_H
#define RLT_REPORT_METRICS_H

#include "base/error.h"
#include "report/tfevents.h"

#define METRICS_FILE "metrics.jsonl"
#define METRICS_EVENTS_FILE "events.out.tfevents.rlt"
#define METRICS_ROW_MAX_BYTES ((size_t)1 << 20)

typedef struct MetricsWriter MetricsWriter;

// Opens (or begins) the two files in an existing folder. keep_bytes: of metrics.jsonl; 0 begins anew.
MUST_CHECK bool metrics_open(const char *folder, uint64_t keep_bytes, MetricsWriter **writer, Error *error);
// Appends a step's row. Names are different from each other and from "step" and "time_ms".
MUST_CHECK bool metrics_add(MetricsWriter *writer, int64_t step, const Metric *metrics, size_t n, Error *error);
// Bytes of metrics.jsonl so far, for a checkpoint; sync first makes them durable.
uint64_t metrics_size(const MetricsWriter *writer);
MUST_CHECK bool metrics_sync(MetricsWriter *writer, Error *error);
void metrics_close(MetricsWriter *writer); // NULL is fine

#endif
