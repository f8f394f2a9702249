// IEEE half precision beside bfloat16: widening is exact; narrowing rounds to nearest, ties to even.
#ifndef RLT_COMPUTE_HALF_H
#define RLT_COMPUTE_HALF_H

#include "compute/bf16.h"

static inline float f16_to_f32(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023, bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000u | fraction << 13;
    } else if (exponent != 0) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else { // subnormal: fraction * 2^-24, exact in F32
        float value = (float)fraction * 0x1p-24f;
        memcpy(&bits, &value, sizeof bits);
        bits |= sign;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
