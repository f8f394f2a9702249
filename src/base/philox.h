// Addressed randomness: Philox4x32-10 (Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3").
//
// A draw is a pure function of its address, so it is the same whatever the threads, the packing or an interruption.
#ifndef RLT_BASE_PHILOX_H
#define RLT_BASE_PHILOX_H

#include <stdint.h>

// The block function: counter[4], key[2] -> out[4].
void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// What a draw is for: draws of different purposes never meet.
typedef enum RngPurpose {
    RNG_SAMPLE = 1,   // a token of a completion: step, question, sample, position
    RNG_INIT = 2,     // initial weights: parameter number, element
    RNG_SHUFFLE = 3,  // data order: epoch, index
    RNG_DATA = 4,     // generators of data: question, draw
    RNG_BOOTSTRAP = 5,
    RNG_DROPOUT = 6,
    RNG_GRADE = 7,    // points at which answers are compared: point, variable
    RNG_TEST = 99,
} RngPurpose;

typedef struct RngAddress {
    uint64_t seed;
    RngPurpose purpose;
    uint32_t step, question, sample, position;
} RngAddress;

// Key: seed mixed with purpose (documented in philox.c); counter: step, question, sample, position.
void rng_bits(const RngAddress *address, uint32_t out[4]);
// In [0, 1), 24 bits: exactly representable in F32.
float rng_uniform(const RngAddress *address);
// Two independent standard normals (Box-Muller in double, then rounded to F32).
void rng_normal2(const RngAddress *address, float out[2]);
// Uniform integer in [0, n), n >= 1, without bias worth speaking of (64-bit multiply-shift).
uint64_t rng_below(const RngAddress *address, uint64_t n);
// Fisher-Yates over indices 0..n-1 with draws RNG_SHUFFLE(seed, step=epoch, question=stream, sample=0, position=i).
void rng_permutation(uint64_t seed, uint32_t epoch, uint32_t stream, int32_t *out, int32_t n);

#endif
