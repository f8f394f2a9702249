// What the tests of operations share: the backends under test, inputs, guarded memory, comparison and gradients.
//
// Every operation runs on every cpu backend that this processor has and is compared with `ref`, which sums in double
// and is itself checked against finite differences and PyTorch. Tolerances are bounds on rounding, never tuned: with
// unit roundoff u = 2^-24 a sum of n F32 products in any order errs by at most about n u sum|terms| (Higham 2002, eq.
// 3.5), and `ref` run on absolute values gives sum|terms|. TEST_EXP_ERROR is what the exp of a backend may err,
// relatively.
#ifndef RLT_TESTS_COMPUTE_OP_TEST_H
#define RLT_TESTS_COMPUTE_OP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above first
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/philox.h"
#include "base/threads.h"
#include "compute/cpu/cpu.h"

#define UNUSED __attribute__((unused))
#define U 0x1p-24 // unit roundoff of F32
#define TEST_EXP_ERROR (4 * U)
#define COUNT(array) (sizeof(array) / sizeof *(array))
// Sanitizers watch addresses, not sums, and are ten times as slow: of cases that differ in nothing else they see one of so many.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ONE_OF(n) (n)
#else
#define ONE_OF(n) 1
#endif

// ---- backends
typedef struct Bed {
    Backend *ref;
    Backend *cpu[3]; // portable first
    int n_cpu;
} Bed;
static UNUSED Bed bed;

static UNUSED Backend *need_backend(const char *name)
{
    Error error;
    Backend *be = NULL;
    if (!backend_create(name, &be, &error))
        fail_msg("%s", error.message);
    return be;
}

static UNUSED void poison(Backend *be);

static UNUSED int bed_setup(void **state)
{
    (void)state;
    bed.ref = need_backend("ref");
    bed.n_cpu = 0;
    bed.cpu[bed.n_cpu++] = need_backend("cpu:portable");
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        bed.cpu[bed.n_cpu++] = need_backend("cpu:avx2");
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        bed.cpu[bed.n_cpu++] = need_backend("cpu:avx512");
#endif
    for (int b = 0; b < bed.n_cpu; b++)
        poison(bed.cpu[b]);
    return 0;
}

static UNUSED int bed_teardown(void **state)
{
    (void)state;
    backend_destroy(bed.ref);
    for (int b = 0; b < bed.n_cpu; b++)
        backend_destroy(bed.cpu[b]);
    return 0;
}

#define RUN_OP_TESTS(tests) cmocka_run_group_tests(tests, bed_setup, bed_teardown)

// ---- host data
static UNUSED float *host_floats(size_t n) { return mem_alloc(n, sizeof(float)); }

// Uniform in [-scale, scale); `stream` tells the inputs of one case apart.
static UNUSED float *random_floats(size_t n, uint32_t stream, float scale)
{
    float *x = host_floats(n);
    for (size_t i = 0; i < n; i++) {
        RngAddress address = {.seed = 1, .purpose = RNG_TEST, .step = stream, .position = (uint32_t)i};
        x[i] = scale * (2 * rng_uniform(&address) - 1);
    }
    return x;
}

static UNUSED float *random_uniforms(size_t n, uint32_t stream)
{
    float *x = host_floats(n);
    for (size_t i = 0; i < n; i++) {
        RngAddress address = {.seed = 2, .purpose = RNG_TEST, .step = stream, .position = (uint32_t)i};
        x[i] = rng_uniform(&address);
    }
    return x;
}

static UNUSED int32_t random_below(uint32_t stream, uint32_t position, int32_t n)
{
    RngAddress address = {.seed = 3, .purpose = RNG_TEST, .step = stream, .position = position};
    return (int32_t)rng_below(&address, (uint64_t)n);
}

static UNUSED int32_t *random_ids(size_t n, uint32_t stream, int32_t below)
{
    int32_t *ids = mem_alloc(n, sizeof *ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = random_below(stream, (uint32_t)i, below);
    return ids;
}

static UNUSED float *copy_floats(const float *x, size_t n)
{
    float *copy = host_floats(n);
    memcpy(copy, x, n * sizeof *x);
    return copy;
}

static UNUSED float *absolute(const float *x, size_t n)
{
    float *copy = host_floats(n);
    for (size_t i = 0; i < n; i++)
        copy[i] = fabsf(x[i]);
    return copy;
}

static UNUSED double largest(const float *x, size_t n)
{
    double max = 0;
    for (size_t i = 0; i < n; i++)
        max = fmax(max, fabs((double)x[i]));
    return max;
}

// ---- backend memory, with a guard behind each block that must still be there at the end
#define GUARD_BYTES 64
#define GUARD_BYTE 0xA5

static UNUSED Dev put_bytes(Backend *be, const void *host, size_t bytes)
{
    Dev dev = RUN(be, alloc, bytes + GUARD_BYTES);
    uint8_t guard[GUARD_BYTES];
    memset(guard, GUARD_BYTE, sizeof guard);
    RUN(be, upload, dev, host, bytes);
    RUN(be, upload, dev_offset(dev, bytes), guard, sizeof guard);
    return dev;
}

// Checks the guard and gives the memory back.
static UNUSED void drop_bytes(Backend *be, Dev dev, size_t bytes)
{
    uint8_t guard[GUARD_BYTES];
    RUN(be, download, guard, dev_offset(dev, bytes), sizeof guard);
    for (int i = 0; i < GUARD_BYTES; i++)
        if (guard[i] != GUARD_BYTE)
            fail_msg("%s: wrote past the end of %zu bytes", be->ops->name, bytes);
    RUN(be, release, dev);
}

static UNUSED size_t mat_count(Mat m) { return (size_t)m.rows * (size_t)m.cols; }

static UNUSED Mat put_mat(Backend *be, const float *host, int32_t rows, int32_t cols)
{
    return mat(put_bytes(be, host, (size_t)rows * (size_t)cols * sizeof(float)), rows, cols);
}

// For an output: NaN everywhere, so that an element left unwritten shows.
static UNUSED Mat put_nan(Backend *be, int32_t rows, int32_t cols)
{
    size_t n = (size_t)rows * (size_t)cols;
    float *host = host_floats(n);
    for (size_t i = 0; i < n; i++)
        host[i] = NAN;
    Mat m = put_mat(be, host, rows, cols);
    mem_free(host);
    return m;
}

static UNUSED void drop_mat(Backend *be, Mat m) { drop_bytes(be, m.data, mat_count(m) * sizeof(float)); }

// Downloads and drops.
static UNUSED void take_mat(Backend *be, float *host, Mat m)
{
    RUN(be, download, host, m.data, mat_count(m) * sizeof(float));
    drop_mat(be, m);
}

static UNUSED Vec put_vec(Backend *be, const float *host, int32_t n) { return vec(put_mat(be, host, 1, n).data, n); }
static UNUSED void drop_vec(Backend *be, Vec v) { drop_mat(be, mat(v.data, 1, v.n)); }
static UNUSED void take_vec(Backend *be, float *host, Vec v) { take_mat(be, host, mat(v.data, 1, v.n)); }

static UNUSED Weight put_weight(Backend *be, Dtype dtype, const float *host, int32_t n_out, int32_t n_in)
{
    size_t bytes = RUN(be, weight_bytes, dtype, n_out, n_in);
    assert_int_equal(bytes % 64, 0);
    void *zero = mem_alloc(bytes, 1);
    Weight w = {put_bytes(be, zero, bytes), n_out, n_in, dtype};
    mem_free(zero);
    RUN(be, weight_upload, w, host);
    return w;
}

static UNUSED void drop_weight(Backend *be, Weight w)
{
    drop_bytes(be, w.data, RUN(be, weight_bytes, w.dtype, w.n_out, w.n_in));
}

// Downloads and drops; an F32 weight's padding must be zero: the squares of all its floats sum to those of its
// elements.
static UNUSED void take_weight(Backend *be, float *host, Weight w)
{
    RUN(be, weight_download, host, w);
    if (w.dtype == DTYPE_F32) {
        double all = RUN(be, sum_squares, w.data, RUN(be, weight_bytes, w.dtype, w.n_out, w.n_in) / sizeof(float));
        double elements = 0;
        for (size_t i = 0; i < (size_t)w.n_out * (size_t)w.n_in; i++)
            elements += (double)host[i] * host[i];
        if (!(fabs(all - elements) <= 1e-10 * elements))
            fail_msg("%s: padding of a weight is not zero", be->ops->name);
    }
    drop_weight(be, w);
}

// Leaves NaNs in whatever memory a backend keeps between calls, so that reading what was not written shows.
static UNUSED void poison(Backend *be)
{
    enum { T = 60, C = 264, V = 300 };
    int32_t targets[T] = {0}, ids[T];
    float logp[T], entropy[T], uniforms[T] = {0};
    const SampleSettings settings = {1, 0, 1, 0};
    Batch batch;
    batch_init(&batch);
    batch_add_segment(&batch, -1, targets, T);
    Mat x = put_nan(be, T, C), y = put_nan(be, T, V), dx = put_nan(be, T, C), lse = put_nan(be, T, C / 8);
    Weight w = {put_nan(be, V + 32, C).data, V, C, DTYPE_F32};
    RUN(be, linear, y, x, w, VEC_NONE, (Mat){0});
    RUN(be, linear_backward_input, dx, y, w, false);
    RUN(be, linear_backward_weight, w, VEC_NONE, y, x);
    RUN(be, head_logprobs, logp, entropy, VEC_NONE, x, w, targets, 1);
    RUN(be, head_logprobs_backward, dx, w, logp, vec(x.data, T), x, w, targets, 1);
    RUN(be, head_sample, ids, logp, x, w, &settings, uniforms);
    Mat dk = put_nan(be, T, C), dv = put_nan(be, T, C);
    RUN(be, attention, dx, lse, x, x, x, &batch.forest, 8, 1);
    RUN(be, attention_backward, dx, dk, dv, x, x, lse, x, x, x, &batch.forest, 8, 1);
    Mat all[] = {x, y, dx, lse, dk, dv, mat(w.data, V + 32, C)};
    for (size_t i = 0; i < COUNT(all); i++)
        drop_mat(be, all[i]);
    batch_free(&batch);
}

// ---- comparison
static UNUSED const char *label(const char *format, ...) PRINTF_LIKE(1, 2);
static UNUSED const char *label(const char *format, ...)
{
    static char texts[4][256]; // of the latest four calls
    static int turn;
    char *text = texts[turn++ % 4];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof texts[0], format, arguments);
    va_end(arguments);
    return text;
}

static UNUSED void expect_near(const float *actual, const float *expected, const double *tolerance, size_t n,
                               const char *where)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)actual[i] - expected[i]) <= tolerance[i]))
            fail_msg("%s: [%zu] is %.9g, expected %.9g +- %.3g", where, i, (double)actual[i], (double)expected[i],
                     tolerance[i]);
}

// One tolerance for all.
static UNUSED void expect_near_by(const float *actual, const float *expected, double tolerance, size_t n,
                                  const char *where)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)actual[i] - expected[i]) <= tolerance))
            fail_msg("%s: [%zu] is %.9g, expected %.9g +- %.3g", where, i, (double)actual[i], (double)expected[i],
                     tolerance);
}

static UNUSED void expect_bits(const float *actual, const float *expected, size_t n, const char *where)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&actual[i], &expected[i], sizeof(float)) != 0)
            fail_msg("%s: [%zu] is %a, expected the bits of %a", where, i, (double)actual[i], (double)expected[i]);
}

// ---- gradients of `ref`, against finite differences
// A scalar function of host arrays, computed through a forward operation: value = sum_i c_i out_i, and the magnitude
// sum_i |c_i out_i|, which bounds what rounding of the outputs to F32 does to the value: u * magnitude.
typedef struct Scalar {
    double value, magnitude;
} Scalar;
typedef Scalar (*ScalarFunction)(void *context);

static UNUSED Scalar weighted_sum(const float *out, const float *c, size_t n)
{
    Scalar s = {0, 0};
    for (size_t i = 0; i < n; i++) {
        s.value += (double)c[i] * out[i];
        s.magnitude += fabs((double)c[i] * out[i]);
    }
    return s;
}

static UNUSED double central_difference(ScalarFunction f, void *context, float *x, float step)
{
    float keep = *x, up = keep + step, down = keep - step;
    *x = up;
    double above = f(context).value;
    *x = down;
    double below = f(context).value;
    *x = keep;
    return (above - below) / ((double)up - down);
}

// For gradients that are added to: takes off what was there before (which costs one rounding, of its size).
static UNUSED void subtract(float *grad, const float *before, size_t n)
{
    for (size_t i = 0; i < n; i++)
        grad[i] -= before[i];
}

// Checks grad[n] = d f / d x, element by element. Fourth-order differences: (4 D(h) - D(2h)) / 3 with h = 2^-5, so that
// truncation is small at a step where rounding, at most 1.5 u magnitude / h (twice that is allowed), is small too.
// Truncation is taken as at most a twentieth of the second-order correction |D(h) - D(2h)|: the orders differ by h^2.
static UNUSED void expect_gradient(const float *grad, float *x, size_t n, ScalarFunction f, void *context,
                                   const char *where)
{
    const float step = 0x1p-5f;
    double noise = 3 * U * f(context).magnitude / step;
    for (size_t i = 0; i < n; i++) {
        double fine = central_difference(f, context, &x[i], step);
        double coarse = central_difference(f, context, &x[i], 2 * step);
        double difference = (4 * fine - coarse) / 3;
        double tolerance = noise + fabs(fine - coarse) / 20 + 1e-6 * fabs(difference);
        if (!(fabs(grad[i] - difference) <= tolerance))
            fail_msg("%s: gradient [%zu] is %.9g, finite difference %.9g +- %.3g", where, i, (double)grad[i],
                     difference, tolerance);
    }
}

#endif
