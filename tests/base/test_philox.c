// Philox against the known answers that its authors publish (Random123, kat_vectors, philox4x32 10 rounds); the draws
// made of it against the distributions they claim. Seeds are fixed, so a test of a distribution passes or fails for
// good; the bounds are those that a right generator misses once in a thousand seeds or more rarely.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "base/philox.h"

static void test_known_answers(void **state) {
    (void)state;
    const struct { uint32_t counter[4], key[2], out[4]; } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        philox4x32_10(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

static int compare_bits(const void *a, const void *b) { return memcmp(a, b, 16); }

// Each part of an address counts: near addresses give different draws, the same address the same.
static void test_addresses(void **state) {
    (void)state;
    enum { COUNT = 6 * 1000 };
    uint32_t(*bits)[4] = mem_alloc(COUNT, sizeof *bits);
    for (uint32_t i = 0; i < COUNT; i++) {
        RngAddress address = {.seed = 1, .purpose = RNG_TEST};
        uint32_t value = i / 6 + 1;
        switch (i % 6) {
        case 0: address.seed += value; break;
        case 1: address.purpose = (RngPurpose)(RNG_TEST + value); break;
        case 2: address.step = value; break;
        case 3: address.question = value; break;
        case 4: address.sample = value; break;
        case 5: address.position = value; break;
        }
        rng_bits(&address, bits[i]);
        uint32_t again[4];
        rng_bits(&address, again);
        assert_memory_equal(bits[i], again, sizeof again);
    }
    // 128 bits each: an equal pair among 6000 would be no accident.
    qsort(bits, COUNT, sizeof *bits, compare_bits);
    for (int i = 1; i < COUNT; i++) assert_memory_not_equal(bits[i - 1], bits[i], 16);
    mem_free(bits);
}

// Draws are part of every run's identity: if they change, old runs can no longer be repeated.
static void test_draws_stay(void **state) {
    (void)state;
    RngAddress address = {.seed = 7, .purpose = RNG_SAMPLE, .step = 1, .question = 2, .sample = 3, .position = 4};
    uint32_t bits[4];
    rng_bits(&address, bits);
    const uint32_t recorded[4] = {0xe162365a, 0xcadfcffe, 0x18bc66b8, 0x6a8a0bcd};
    assert_memory_equal(bits, recorded, sizeof bits);
}

// sum over cells of (seen - expected)^2 / expected; its mean is cells - 1, its standard deviation sqrt(2 (cells - 1)).
static double chi_squared(const int *seen, int cells, double expected) {
    double sum = 0;
    for (int i = 0; i < cells; i++) sum += (seen[i] - expected) * (seen[i] - expected) / expected;
    return sum;
}

static void test_uniform(void **state) {
    (void)state;
    enum { DRAWS = 200000, CELLS = 100 };
    int seen[CELLS] = {0};
    for (uint32_t i = 0; i < DRAWS; i++) {
        RngAddress address = {.seed = 3, .purpose = RNG_TEST, .position = i};
        float draw = rng_uniform(&address);
        assert_true(draw >= 0.0f && draw < 1.0f);
        assert_true(draw * 0x1p24f == floorf(draw * 0x1p24f)); // a multiple of 2^-24
        seen[(int)(draw * CELLS)]++;
    }
    // 99 degrees of freedom: 148.2 is exceeded once in a thousand.
    assert_true(chi_squared(seen, CELLS, (double)DRAWS / CELLS) < 148.2);
}

static int compare_floats(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// Kolmogorov-Smirnov against the normal distribution function by erfc; sqrt(n) D > 1.95 once in a thousand.
static void test_normal(void **state) {
    (void)state;
    enum { PAIRS = 50000, DRAWS = 2 * PAIRS };
    float *draws = mem_alloc(DRAWS, sizeof *draws);
    double product_sum = 0;
    for (uint32_t i = 0; i < PAIRS; i++) {
        RngAddress address = {.seed = 3, .purpose = RNG_INIT, .position = i};
        rng_normal2(&address, draws + 2 * i);
        product_sum += (double)draws[2 * i] * (double)draws[2 * i + 1];
    }
    // The two of a pair do not lean on each other: the mean product has standard deviation 1 / sqrt(n).
    assert_true(fabs(product_sum / PAIRS) < 3.3 / sqrt(PAIRS));
    // The mean square of normals has standard deviation sqrt(2 / n): a scale that is off by a hundredth shows.
    double square_sum = 0;
    for (int i = 0; i < DRAWS; i++) square_sum += (double)draws[i] * (double)draws[i];
    assert_true(fabs(square_sum / DRAWS - 1) < 3.3 * sqrt(2.0 / DRAWS));
    qsort(draws, DRAWS, sizeof *draws, compare_floats);
    double worst = 0;
    for (int i = 0; i < DRAWS; i++) {
        double claimed = 0.5 * erfc(-(double)draws[i] / sqrt(2.0));
        worst = fmax(worst, fmax(fabs(claimed - (double)i / DRAWS), fabs((i + 1.0) / DRAWS - claimed)));
    }
    assert_true(sqrt(DRAWS) * worst < 1.95);
    mem_free(draws);
}

static void test_below(void **state) {
    (void)state;
    int seen[7] = {0};
    for (uint32_t i = 0; i < 70000; i++) {
        RngAddress address = {.seed = 5, .purpose = RNG_DATA, .position = i};
        uint64_t draw = rng_below(&address, 7);
        assert_true(draw < 7);
        seen[draw]++;
        assert_int_equal(rng_below(&address, 1), 0);
        assert_true(rng_below(&address, UINT64_MAX) < UINT64_MAX);
    }
    assert_true(chi_squared(seen, 7, 10000) < 22.46); // 6 degrees of freedom, once in a thousand
}

// Each of the 24 orders of four comes as often as the others; streams and epochs differ.
static void test_permutation(void **state) {
    (void)state;
    int seen[256] = {0}, orders[24], used = 0;
    for (uint32_t epoch = 0; epoch < 24000; epoch++) {
        int32_t order[4];
        rng_permutation(9, epoch, 1, order, 4);
        int mask = 0, code = 0;
        for (int i = 0; i < 4; i++) {
            assert_in_range(order[i], 0, 3);
            mask |= 1 << order[i];
            code = code * 4 + order[i];
        }
        assert_int_equal(mask, 15);
        seen[code]++;
    }
    for (int code = 0; code < 256; code++) {
        if (seen[code] > 0) {
            assert_true(used < 24);
            orders[used++] = seen[code];
        }
    }
    assert_int_equal(used, 24);
    assert_true(chi_squared(orders, 24, 1000) < 49.73); // 23 degrees of freedom, once in a thousand

    int32_t one[100], other[100];
    rng_permutation(9, 0, 1, one, 100);
    rng_permutation(9, 0, 2, other, 100);
    assert_memory_not_equal(one, other, sizeof one);
    rng_permutation(9, 0, 1, other, 100);
    assert_memory_equal(one, other, sizeof one);
    rng_permutation(9, 0, 1, one, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers), cmocka_unit_test(test_addresses), cmocka_unit_test(test_draws_stay),
        cmocka_unit_test(test_uniform),       cmocka_unit_test(test_normal),    cmocka_unit_test(test_below),
        cmocka_unit_test(test_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
