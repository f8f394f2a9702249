// TensorBoard's event files, of scalars only: TFRecord frames around hand-encoded `Event` messages.
//
// A frame: length (u64, little endian), masked CRC-32C of these 8 bytes (u32), the message, its masked CRC-32C (u32).
// Messages and their numbers are those of tensorflow/core/util/event.proto and framework/summary.proto:
//   Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
//   Summary { repeated Value value = 1; }   Value { string tag = 1; float simple_value = 2; }
#ifndef RLT_REPORT_TFEVENTS_H
#define RLT_REPORT_TFEVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct Metric {
    const char *name; // UTF-8; "group/name" puts it into a group
    double value;     // not finite: null in JSON, NaN in events
} Metric;

// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as in RFC 3720, appendix B.4.
uint32_t crc32c(const void *bytes, size_t count);

// Appends a framed event: the first of every file, and one with the scalars of a step. wall_time_s: seconds since 1970.
void tfevents_add_version(Buf *out, double wall_time_s);
void tfevents_add_scalars(Buf *out, double wall_time_s, int64_t step, const Metric *metrics, size_t n);

#endif
