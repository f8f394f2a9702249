#include "base/philox.h"

#include <assert.h>
#include <math.h>

// Multipliers and Weyl constants of Philox4x32 (the paper, section 3.3 and its reference code's constants).
#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u // golden ratio
#define PHILOX_W1 0xBB67AE85u // sqrt(3) - 1

void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = (uint64_t)PHILOX_M0 * c0;
        uint64_t product1 = (uint64_t)PHILOX_M1 * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)product0;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

// The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection of 64 bits in which near inputs give far outputs.
static uint64_t mix64(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

// key = mix64(seed + purpose * 0x9E3779B97F4A7C15), low word first. The constant is odd and mix64 a bijection, so two
// purposes of one seed never share a key, nor do two seeds of one purpose.
void rng_bits(const RngAddress *address, uint32_t out[4]) {
    uint64_t mixed = mix64(address->seed + (uint64_t)address->purpose * 0x9E3779B97F4A7C15u);
    const uint32_t key[2] = {(uint32_t)mixed, (uint32_t)(mixed >> 32)};
    const uint32_t counter[4] = {address->step, address->question, address->sample, address->position};
    philox4x32_10(counter, key, out);
}

static uint64_t join64(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

float rng_uniform(const RngAddress *address) {
    uint32_t bits[4];
    rng_bits(address, bits);
    return (float)(bits[0] >> 8) * 0x1p-24f;
}

void rng_normal2(const RngAddress *address, float out[2]) {
    uint32_t bits[4];
    rng_bits(address, bits);
    // 53 bits each; the first in (0, 1], whose logarithm is finite.
    double radius_draw = (double)((join64(bits[0], bits[1]) >> 11) + 1) * 0x1p-53;
    double angle_draw = (double)(join64(bits[2], bits[3]) >> 11) * 0x1p-53;
    double radius = sqrt(-2.0 * log(radius_draw));
    double angle = 2.0 * M_PI * angle_draw;
    out[0] = (float)(radius * cos(angle));
    out[1] = (float)(radius * sin(angle));
}

uint64_t rng_below(const RngAddress *address, uint64_t n) {
    assert(n >= 1);
    uint32_t bits[4];
    rng_bits(address, bits);
    return (uint64_t)(((unsigned __int128)join64(bits[0], bits[1]) * n) >> 64);
}

void rng_permutation(uint64_t seed, uint32_t epoch, uint32_t stream, int32_t *out, int32_t n) {
    assert(n >= 0);
    for (int32_t i = 0; i < n; i++) out[i] = i;
    for (int32_t i = n - 1; i > 0; i--) {
        RngAddress address = {.seed = seed, .purpose = RNG_SHUFFLE, .step = epoch, .question = stream, .sample = 0,
                              .position = (uint32_t)i};
        int32_t j = (int32_t)rng_below(&address, (uint64_t)i + 1);
        int32_t held = out[i];
        out[i] = out[j];
        out[j] = held;
    }
}
