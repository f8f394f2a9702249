// bfloat16: the upper half of an F32. Widening is exact; narrowing rounds to nearest, ties to even.
#ifndef RLT_COMPUTE_BF16_H
#define RLT_COMPUTE_BF16_H

#include <stdint.h>
#include <string.h>

static inline float bf16_to_f32(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint16_t bf16_from_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) // a NaN stays one: rounding could carry it to infinity
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
