#include "report/tfevents.h"

#include <string.h>

// ---- framing

uint32_t crc32c(const void *bytes, size_t count) {
    // bit by bit: event files are a few kilobytes a step, no table is worth it
    const unsigned char *at = bytes;
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < count; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
    }
    return ~crc;
}

// TFRecord masks its CRCs, so that data that holds CRCs of itself keeps a meaningful one.
static uint32_t masked_crc(const void *bytes, size_t count) {
    uint32_t crc = crc32c(bytes, count);
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

static void add_little(Buf *out, uint64_t value, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) buf_add_char(out, (char)(value >> (8 * i) & 0xFF));
}

static void add_record(Buf *out, Str message) {
    size_t start = out->len;
    add_little(out, message.len, 8);
    add_little(out, masked_crc(out->data + start, 8), 4);
    buf_add_str(out, message);
    add_little(out, masked_crc(message.ptr, message.len), 4);
}

// ---- protocol buffers: a key is field << 3 | wire type (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes)

enum { WIRE_VARINT = 0, WIRE_EIGHT = 1, WIRE_BYTES = 2, WIRE_FOUR = 5 };

static void add_varint(Buf *out, uint64_t value) {
    for (; value >= 0x80; value >>= 7) buf_add_char(out, (char)(value | 0x80));
    buf_add_char(out, (char)value);
}

static void add_key(Buf *out, int field, int wire) { add_varint(out, (uint64_t)field << 3 | (uint64_t)wire); }

static void add_bytes(Buf *out, int field, Str bytes) {
    add_key(out, field, WIRE_BYTES);
    add_varint(out, bytes.len);
    buf_add_str(out, bytes);
}

static void add_time(Buf *out, double wall_time_s) {
    uint64_t bits;
    memcpy(&bits, &wall_time_s, sizeof bits);
    add_key(out, 1, WIRE_EIGHT);
    add_little(out, bits, 8);
}

static void add_value(Buf *summary, Buf *scratch, const Metric *metric) {
    float value = (float)metric->value;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    buf_clear(scratch);
    add_bytes(scratch, 1, str_of(metric->name));
    add_key(scratch, 2, WIRE_FOUR);
    add_little(scratch, bits, 4);
    add_bytes(summary, 1, buf_str(scratch));
}

void tfevents_add_version(Buf *out, double wall_time_s) {
    Buf event;
    buf_init(&event, 0);
    add_time(&event, wall_time_s);
    add_bytes(&event, 3, STR("brain.Event:2"));
    add_record(out, buf_str(&event));
    buf_free(&event);
}

void tfevents_add_scalars(Buf *out, double wall_time_s, int64_t step, const Metric *metrics, size_t n) {
    Buf event, summary, scratch;
    buf_init(&event, 0);
    buf_init(&summary, 0);
    buf_init(&scratch, 0);
    for (size_t i = 0; i < n; i++) add_value(&summary, &scratch, &metrics[i]);
    add_time(&event, wall_time_s);
    add_key(&event, 2, WIRE_VARINT);
    add_varint(&event, (uint64_t)step);
    add_bytes(&event, 5, buf_str(&summary));
    add_record(out, buf_str(&event));
    buf_free(&event);
    buf_free(&summary);
    buf_free(&scratch);
}
