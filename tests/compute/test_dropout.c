// Dropout's mask against the published block function computed here, value by value. An element is one product and at
// most one sum, so every backend must give the same bits: the tolerance is none.
#include "op_test.h"

typedef struct Case {
    int32_t rows, cols;
    float rate;
    bool accumulate;
} Case;
static const Case cases[] = {{1, 1, 0.5f, false},   {3, 7, 0.25f, true},  {5, 64, 0.1f, false},
                             {40, 130, 0.9f, true}, {9, 33, 0.0f, false}, {9, 33, 0.0f, true}};
#define STREAM 12
#define FACTOR 1.75f

static void run_case(Backend *be, const Case *c, const uint64_t *keys, const float *x, bool in_place, float *out) {
    size_t bytes = (size_t)c->rows * (size_t)c->cols * sizeof(float);
    Mat from = mat(RUN(be, alloc, bytes), c->rows, c->cols), to = from;
    RUN(be, upload, from.data, x, bytes);
    if (!in_place) {
        to = mat(RUN(be, alloc, bytes), c->rows, c->cols);
        RUN(be, upload, to.data, out, bytes);
    }
    RUN(be, dropout, to, from, &(DropoutMask){c->rate, FACTOR, STREAM, keys}, c->accumulate);
    RUN(be, download, out, to.data, bytes);
    RUN(be, release, from.data);
    if (!in_place) RUN(be, release, to.data);
}

// What the contract says of element (t, k).
static float expected(const Case *c, const uint64_t *keys, const float *x, const float *before, int32_t t, int32_t k) {
    size_t at = (size_t)t * (size_t)c->cols + (size_t)k;
    uint32_t counter[4] = {(uint32_t)(k / 4), STREAM, 0, 0}, bits[4];
    uint32_t key[2] = {(uint32_t)(keys[t] & 0xffffffffu), (uint32_t)(keys[t] >> 32)};
    philox4x32_10(counter, key, bits);
    double draw = (double)(bits[k % 4] >> 8) / 16777216.0;
    float kept = draw >= (double)c->rate ? FACTOR * x[at] : 0;
    return c->accumulate ? before[at] + kept : kept;
}

static void dropout_follows_its_contract(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t n = (size_t)c->rows * (size_t)c->cols;
        uint64_t keys[40];
        for (int32_t t = 0; t < c->rows; t++)
            keys[t] = 0x9e3779b97f4a7c15u * (uint64_t)(t + 1);
        float *x = random_floats(n, 1, 3), *before = random_floats(n, 2, 3), *want = host_floats(n);
        for (int32_t t = 0; t < c->rows; t++)
            for (int32_t k = 0; k < c->cols; k++)
                want[(size_t)t * (size_t)c->cols + (size_t)k] = expected(c, keys, x, before, t, k);
        for (int b = -1; b < bed.n_cpu; b++) {
            for (int in_place = 0; in_place < (c->accumulate ? 1 : 2); in_place++) {
                float *out = copy_floats(before, n);
                run_case(b < 0 ? bed.ref : bed.cpu[b], c, keys, x, in_place == 1, out);
                assert_memory_equal(out, want, n * sizeof *out);
                mem_free(out);
            }
        }
        mem_free(x);
        mem_free(before);
        mem_free(want);
    }
}

// Of 100000 elements the share that is dropped is the rate, within five standard deviations of a fair draw.
static void dropout_drops_the_rate(void **state) {
    (void)state;
    Case c = {100, 1000, 0.3f, false};
    uint64_t keys[100];
    for (int32_t t = 0; t < c.rows; t++)
        keys[t] = (uint64_t)t << 32 | 77;
    size_t n = (size_t)c.rows * (size_t)c.cols, dropped = 0;
    float *x = host_floats(n), *out = host_floats(n);
    for (size_t i = 0; i < n; i++)
        x[i] = 1;
    run_case(bed.cpu[0], &c, keys, x, false, out);
    for (size_t i = 0; i < n; i++)
        dropped += out[i] == 0;
    double share = (double)dropped / (double)n, deviation = sqrt(0.3 * 0.7 / (double)n);
    assert_true(fabs(share - 0.3) < 5 * deviation);
    mem_free(x);
    mem_free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropout_follows_its_contract),
        cmocka_unit_test(dropout_drops_the_rate),
    };
    return RUN_OP_TESTS(tests);
}
