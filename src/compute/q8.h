// 8-bit weights: blocks of Q8_BLOCK inputs of one output share a scale; a weight is scale * q, q from -127 to 127.
//
// A scale is an F32 whose significand has 16 bits, so that scale * q is exact in F32: widening rounds nothing. The largest
// of a block always gets |q| = 127 and its scale back, so values that have been widened come back to the same bits. A scale
// of a GGUF file's Q8_0 (an F16) is one of these.
#ifndef RLT_COMPUTE_Q8_H
#define RLT_COMPUTE_Q8_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define Q8_BLOCK 32

// To nearest, ties to even, with 16 bits of significand.
static inline float q8_round_scale(float scale)
{
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    bits = (bits + 0x7f + (bits >> 8 & 1)) & 0xffffff00u;
    memcpy(&scale, &bits, sizeof scale);
    return scale;
}

// x[n] -> its scale and q[n]; x finite, n <= Q8_BLOCK. A block too small to have a scale (below 2^-100) becomes 0.
static inline float q8_quantise(const float *x, int32_t n, int8_t *q)
{
    float largest = 0;
    for (int32_t i = 0; i < n; i++)
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
    float scale = largest < 0x1p-100f ? 0 : q8_round_scale(largest / 127);
    for (int32_t i = 0; i < n; i++) {
        float steps = scale > 0 ? rintf(x[i] / scale) : 0;
        q[i] = (int8_t)(steps > 127 ? 127 : steps < -127 ? -127 : steps);
    }
    return scale;
}

#endif
