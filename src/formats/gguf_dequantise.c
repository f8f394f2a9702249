// Block formats of GGUF as F32. A block holds a scale (and a minimum) in half precision and small integers; each formula is
// beside its code, d = scale, m = minimum, q = the stored integer.
#include <string.h>

#include "compute/half.h"
#include "formats/gguf.h"

static float half_at(const uint8_t *bytes) { return f16_to_f32((uint16_t)(bytes[0] | bytes[1] << 8)); }

// Q4_0, 32 values in 18 bytes: d, 16 bytes whose low halves are values 0-15 and high halves 16-31; x = d (q - 8).
static void q4_0(const uint8_t *b, float *x) {
    float d = half_at(b);
    for (int i = 0; i < 16; i++) {
        x[i] = d * (float)((b[2 + i] & 15) - 8);
        x[i + 16] = d * (float)((b[2 + i] >> 4) - 8);
    }
}

// Q4_1, 32 in 20: d, m, then as Q4_0; x = d q + m.
static void q4_1(const uint8_t *b, float *x) {
    float d = half_at(b), m = half_at(b + 2);
    for (int i = 0; i < 16; i++) {
        x[i] = d * (float)(b[4 + i] & 15) + m;
        x[i + 16] = d * (float)(b[4 + i] >> 4) + m;
    }
}

// Q5_0, 32 in 22: d, 32 fifth bits, then as Q4_0; x = d (q - 16).
static void q5_0(const uint8_t *b, float *x) {
    float d = half_at(b);
    uint32_t high = (uint32_t)b[2] | (uint32_t)b[3] << 8 | (uint32_t)b[4] << 16 | (uint32_t)b[5] << 24;
    for (int i = 0; i < 16; i++) {
        int low = (b[6 + i] & 15) | (int)(high >> i & 1) << 4, up = (b[6 + i] >> 4) | (int)(high >> (i + 16) & 1) << 4;
        x[i] = d * (float)(low - 16);
        x[i + 16] = d * (float)(up - 16);
    }
}

// Q8_0, 32 in 34: d, 32 signed bytes; x = d q.
static void q8_0(const uint8_t *b, float *x) {
    float d = half_at(b);
    for (int i = 0; i < 32; i++) x[i] = d * (float)(int8_t)b[2 + i];
}

// Scale and minimum, 6 bits each, of part j of 8 within 12 bytes.
static void k4_scale(const uint8_t *s, int j, int *scale, int *minimum) {
    if (j < 4) {
        *scale = s[j] & 63;
        *minimum = s[j + 4] & 63;
    } else {
        *scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
        *minimum = (s[j + 4] >> 4) | (s[j] >> 6) << 4;
    }
}

// Q4_K, 256 in 144: d, dmin, 8 parts' scales and minima, 128 bytes: each 32 bytes hold two parts; x = d s q - dmin m.
static void q4_k(const uint8_t *b, float *x) {
    float d = half_at(b), dmin = half_at(b + 2);
    const uint8_t *q = b + 16;
    for (int part = 0; part < 8; part++) {
        int scale, minimum;
        k4_scale(b + 4, part, &scale, &minimum);
        float step = d * (float)scale, low = dmin * (float)minimum;
        for (int i = 0; i < 32; i++) {
            int value = part % 2 == 0 ? q[32 * (part / 2) + i] & 15 : q[32 * (part / 2) + i] >> 4;
            x[32 * part + i] = step * (float)value - low;
        }
    }
}

// Q6_K, 256 in 210: 128 bytes of low halves, 64 of upper pairs of bits, 16 signed scales, d; x = d s (q - 32).
static void q6_k(const uint8_t *b, float *x) {
    float d = half_at(b + 208);
    for (int half = 0; half < 2; half++) {
        const uint8_t *low = b + 64 * half, *high = b + 128 + 32 * half;
        const int8_t *scales = (const int8_t *)(b + 192 + 8 * half);
        for (int quarter = 0; quarter < 4; quarter++) {
            for (int i = 0; i < 32; i++) {
                uint8_t nibbles = low[i + 32 * (quarter % 2)];
                int q = (quarter < 2 ? nibbles & 15 : nibbles >> 4) | (high[i] >> (2 * quarter) & 3) << 4;
                x[128 * half + 32 * quarter + i] = d * (float)scales[2 * quarter + i / 16] * (float)(q - 32);
            }
        }
    }
}

static void f32(const uint8_t *b, float *x) { memcpy(x, b, sizeof *x); }
static void f16(const uint8_t *b, float *x) { *x = half_at(b); }
static void bf16(const uint8_t *b, float *x) { *x = bf16_to_f32((uint16_t)(b[0] | b[1] << 8)); }

typedef struct Format {
    GgufType type;
    const char *name;
    uint64_t elements, bytes; // of a block
    void (*read)(const uint8_t *block, float *out);
} Format;

static const Format formats[] = {
    {GGUF_F32, "F32", 1, 4, f32},      {GGUF_F16, "F16", 1, 2, f16},      {GGUF_BF16, "BF16", 1, 2, bf16},
    {GGUF_Q4_0, "Q4_0", 32, 18, q4_0}, {GGUF_Q4_1, "Q4_1", 32, 20, q4_1}, {GGUF_Q5_0, "Q5_0", 32, 22, q5_0},
    {GGUF_Q8_0, "Q8_0", 32, 34, q8_0}, {GGUF_Q4_K, "Q4_K", 256, 144, q4_k}, {GGUF_Q6_K, "Q6_K", 256, 210, q6_k},
};

static const Format *find(GgufType type) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (formats[i].type == type) return &formats[i];
    }
    return NULL;
}

const char *gguf_type_name(GgufType type) {
    const Format *format = find(type);
    return format != NULL ? format->name : NULL;
}

void gguf_block(GgufType type, uint64_t *elements, uint64_t *bytes) {
    const Format *format = find(type);
    *elements = format->elements;
    *bytes = format->bytes;
}

void gguf_dequantise(GgufType type, const uint8_t *data, uint64_t count, float *out) {
    const Format *format = find(type);
    for (uint64_t i = 0; i < count; i += format->elements) {
        format->read(data, out + i);
        data += format->bytes;
    }
}
