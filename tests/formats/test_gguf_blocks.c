// Block formats of GGUF against what the gguf package (numpy) makes of the same blocks: make_gguf_golden.py writes both
// into one file with that package's writer, so the reader of files is under test as well.
//
// Tolerance: none. A value is at most three roundings to F32 (products of a half-precision scale and small integers,
// one sum), and both sides make them in the same order. Only NaNs (a scale of infinity or NaN) may differ in their
// bits.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
// (cmocka's header needs those above)
#include "base/mem.h"
#include "formats/gguf.h"
#include <cmocka.h>

static const GgufType types[] = {GGUF_F32,  GGUF_F16,  GGUF_BF16, GGUF_Q4_0, GGUF_Q4_1,
                                 GGUF_Q5_0, GGUF_Q8_0, GGUF_Q4_K, GGUF_Q6_K};
#define N_TYPES (sizeof types / sizeof *types)

static const GgufTensor *find(const Gguf *gguf, const char *kind, GgufType type) {
    char name[32];
    snprintf(name, sizeof name, "%s.%s", kind, gguf_type_name(type));
    for (int i = 0; i < gguf_tensors(gguf); i++) {
        if (str_equal(gguf_tensor(gguf, i)->name, str_of(name))) return gguf_tensor(gguf, i);
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

// Number of values whose bits differ; a NaN is like any other.
static int count_wrong(const float *values, const float *expected, uint64_t count) {
    int wrong = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (isnan(values[i]) && isnan(expected[i])) continue;
        if (memcmp(&values[i], &expected[i], sizeof(float)) == 0) continue;
        if (wrong++ == 0)
            printf("value %llu: %a, expected %a\n", (unsigned long long)i, (double)values[i], (double)expected[i]);
    }
    return wrong;
}

static void test_every_type(void **state) {
    (void)state;
    Gguf *gguf;
    Error error;
    if (!gguf_open(TEST_DATA "/formats/golden/blocks.gguf", &gguf, &error)) fail_msg("%s", error.message);
    assert_int_equal(gguf_tensors(gguf), 2 * N_TYPES);
    for (size_t t = 0; t < N_TYPES; t++) {
        const GgufTensor *blocks = find(gguf, "blocks", types[t]), *values = find(gguf, "values", types[t]);
        assert_int_equal(blocks->type, types[t]);
        assert_int_equal(values->type, GGUF_F32);
        assert_int_equal(blocks->count, values->count);
        assert_true(blocks->count >= 96);
        float *out = mem_alloc(blocks->count, sizeof *out), *expected = mem_alloc(blocks->count, sizeof *expected);
        memcpy(expected, values->data, blocks->count * sizeof *expected);
        gguf_dequantise(blocks->type, blocks->data, blocks->count, out);
        if (count_wrong(out, expected, blocks->count) != 0) fail_msg("%s", gguf_type_name(types[t]));
        mem_free(out);
        mem_free(expected);
    }
    gguf_close(gguf);
}

// A caller may ask for some of the blocks: the first of them, or from any block on, without the others being read.
static void test_parts(void **state) {
    (void)state;
    Gguf *gguf;
    Error error;
    if (!gguf_open(TEST_DATA "/formats/golden/blocks.gguf", &gguf, &error)) fail_msg("%s", error.message);
    for (size_t t = 0; t < N_TYPES; t++) {
        const GgufTensor *blocks = find(gguf, "blocks", types[t]), *values = find(gguf, "values", types[t]);
        uint64_t elements, bytes;
        gguf_block(types[t], &elements, &bytes);
        float out[2 * 256 + 1], expected[2 * 256];
        memcpy(expected, values->data + 4 * elements * 3, 2 * elements * sizeof *expected);
        out[2 * elements] = 123; // not to be touched
        gguf_dequantise(types[t], blocks->data + 3 * bytes, 2 * elements, out);
        assert_int_equal(count_wrong(out, expected, 2 * elements), 0);
        assert_true(out[2 * elements] == 123);
    }
    gguf_close(gguf);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_type), cmocka_unit_test(test_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
