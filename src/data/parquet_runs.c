// Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
#include "data/parquet_impl.h"

ParquetRuns parquet_runs(Str bytes, unsigned width) {
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    return (ParquetRuns){.at = at, .end = bytes.len > 0 ? at + bytes.len : at, .width = width};
}

static bool read_header(ParquetRuns *r, uint64_t *header) {
    *header = 0;
    for (unsigned shift = 0; shift < 35 && r->at < r->end; shift += 7) {
        uint8_t b = *r->at++;
        *header |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) return true;
    }
    return false;
}

// Begins the next run; one without numbers is fine.
static bool start_run(ParquetRuns *r) {
    uint64_t header;
    if (!read_header(r, &header)) return false;
    r->packed = header & 1;
    size_t have = (size_t)(r->end - r->at);
    if (r->packed) {
        uint64_t groups = header >> 1; // of eight numbers, `width` bytes each; below 2^34, so nothing overflows
        uint64_t bytes = groups * r->width;
        if (bytes > have) return false;
        r->left = groups * 8;
        r->bit = 0;
        r->base = r->at;
        r->at += bytes;
        r->base_end = r->at;
        return true;
    }
    size_t bytes = (r->width + 7) / 8;
    if (bytes > have) return false;
    r->left = header >> 1;
    r->value = 0;
    for (size_t i = 0; i < bytes; i++)
        r->value |= (uint32_t)r->at[i] << 8 * i;
    r->at += bytes;
    return true;
}

bool parquet_runs_next(ParquetRuns *r, uint32_t *value) {
    while (r->left == 0) {
        if (!start_run(r)) return false;
    }
    r->left--;
    if (!r->packed) {
        *value = r->value;
        return true;
    }
    const uint8_t *at = r->base + r->bit / 8;
    uint64_t window = 0; // least bits first; at most 32 + 7 bits are needed
    for (unsigned i = 0; i < 5 && at + i < r->base_end; i++)
        window |= (uint64_t)at[i] << 8 * i;
    *value = (uint32_t)(window >> r->bit % 8 & (((uint64_t)1 << r->width) - 1));
    r->bit += r->width;
    return true;
}
