#include "base/philox.h"

#include <assert.h>
#include <math.h>

// Constants of the paper: two multipliers, two Weyl increments (golden ratio, sqrt(3) - 1).
void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

// splitmix64's finaliser: spreads near seeds and purposes over the key space.
static uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

// key = mix(seed ^ mix(purpose)), low word first. mix is a bijection: two purposes of one seed never share a key, nor do
// two seeds of one purpose.
void rng_bits(const RngAddress *address, uint32_t out[4]) {
    uint64_t k = mix(address->seed ^ mix((uint64_t)address->purpose));
    uint32_t key[2] = {(uint32_t)k, (uint32_t)(k >> 32)};
    uint32_t counter[4] = {address->step, address->question, address->sample, address->position};
    philox4x32_10(counter, key, out);
}

float rng_uniform(const RngAddress *address) {
    uint32_t bits[4];
    rng_bits(address, bits);
    return (float)(bits[0] >> 8) * 0x1p-24f;
}

void rng_normal2(const RngAddress *address, float out[2]) {
    uint32_t bits[4];
    rng_bits(address, bits);
    double u = ((double)bits[0] + 0.5) * 0x1p-32, v = (double)bits[1] * 0x1p-32;
    double radius = sqrt(-2 * log(u));
    out[0] = (float)(radius * cos(2 * M_PI * v));
    out[1] = (float)(radius * sin(2 * M_PI * v));
}

uint64_t rng_below(const RngAddress *address, uint64_t n) {
    assert(n >= 1);
    uint32_t bits[4];
    rng_bits(address, bits);
    uint64_t draw = (uint64_t)bits[0] << 32 | bits[1];
    return (uint64_t)((unsigned __int128)draw * n >> 64);
}

void rng_permutation(uint64_t seed, uint32_t epoch, uint32_t stream, int32_t *out, int32_t n) {
    for (int32_t i = 0; i < n; i++) out[i] = i;
    for (int32_t i = n - 1; i > 0; i--) {
        RngAddress address = {seed, RNG_SHUFFLE, epoch, stream, 0, (uint32_t)i};
        int32_t j = (int32_t)rng_below(&address, (uint64_t)i + 1), held = out[i];
        out[i] = out[j];
        out[j] = held;
    }
}
