// Projections against `ref`, bit by bit against the chain that ops.def states, and their gradients.
#include "op_test.h"

typedef struct Case {
    int32_t t, k, n; // out[t, n] = x[t, k] w[n, k]^T
    Dtype dtype;
    bool bias, residual, in_place; // in_place: out is residual
} Case;

static const Case cases[] = {
    {1, 1, 1, DTYPE_F32, false, false, false},    {1, 5, 33, DTYPE_F32, true, false, false},
    {2, 64, 32, DTYPE_F32, false, true, false},   {3, 7, 31, DTYPE_BF16, true, true, false},
    {5, 128, 96, DTYPE_F32, true, true, true},    {7, 33, 1, DTYPE_BF16, false, false, false},
    {13, 100, 65, DTYPE_BF16, false, true, true}, {16, 257, 64, DTYPE_F32, true, false, false},
    {31, 48, 130, DTYPE_F32, false, false, false}, {65, 1, 17, DTYPE_F32, true, true, false},
    {100, 96, 200, DTYPE_BF16, true, false, false}, {129, 300, 48, DTYPE_F32, false, true, true},
    {4, 1100, 70, DTYPE_BF16, true, true, false},   {300, 40, 520, DTYPE_F32, true, false, false},
    {530, 33, 40, DTYPE_F32, true, true, true},
    {1, 1300, 220, DTYPE_F32, true, false, false}, {1, 1300, 200, DTYPE_BF16, false, false, false}, // dx in short blocks
    {400, 260, 270, DTYPE_F32, true, false, false}, // several chunks of rows, sums longer than a block
    {9, 1024, 40, DTYPE_F32, true, false, false}, {130, 2048, 33, DTYPE_BF16, false, true, false}, // rows are copied
    {20, 33, 1024, DTYPE_F32, false, true, true}, // and their gradients
};

typedef struct Input {
    float *x, *w, *bias, *residual, *dout, *dx, *dw, *dbias;
} Input;

static Input make_input(const Case *c, uint32_t stream)
{
    size_t tk = (size_t)c->t * (size_t)c->k, nk = (size_t)c->n * (size_t)c->k, tn = (size_t)c->t * (size_t)c->n;
    stream *= 16;
    return (Input){random_floats(tk, stream, 1), random_floats(nk, stream + 1, 1),
                   random_floats((size_t)c->n, stream + 2, 1), random_floats(tn, stream + 3, 1),
                   random_floats(tn, stream + 4, 1), random_floats(tk, stream + 5, 1),
                   random_floats(nk, stream + 6, 1), random_floats((size_t)c->n, stream + 7, 1)};
}

static Input absolute_input(const Case *c, const Input *in)
{
    size_t tk = (size_t)c->t * (size_t)c->k, nk = (size_t)c->n * (size_t)c->k, tn = (size_t)c->t * (size_t)c->n;
    return (Input){absolute(in->x, tk), absolute(in->w, nk), absolute(in->bias, (size_t)c->n),
                   absolute(in->residual, tn), absolute(in->dout, tn), absolute(in->dx, tk), absolute(in->dw, nk),
                   absolute(in->dbias, (size_t)c->n)};
}

static void free_input(Input *in)
{
    float *all[] = {in->x, in->w, in->bias, in->residual, in->dout, in->dx, in->dw, in->dbias};
    for (size_t i = 0; i < COUNT(all); i++)
        mem_free(all[i]);
}

static void run_forward(Backend *be, const Case *c, const Input *in, float *out)
{
    Mat x = put_mat(be, in->x, c->t, c->k), residual = {0};
    Weight w = put_weight(be, c->dtype, in->w, c->n, c->k);
    Vec bias = c->bias ? put_vec(be, in->bias, c->n) : VEC_NONE;
    if (c->residual)
        residual = put_mat(be, in->residual, c->t, c->n);
    Mat y = c->in_place ? residual : put_nan(be, c->t, c->n);
    RUN(be, linear, y, x, w, bias, residual);
    take_mat(be, out, y);
    if (c->residual && !c->in_place)
        drop_mat(be, residual);
    if (c->bias)
        drop_vec(be, bias);
    drop_weight(be, w);
    drop_mat(be, x);
}

static void run_backward_input(Backend *be, const Case *c, const Input *in, bool accumulate, float *dx)
{
    Mat dout = put_mat(be, in->dout, c->t, c->n);
    Mat to = accumulate ? put_mat(be, in->dx, c->t, c->k) : put_nan(be, c->t, c->k);
    Weight w = put_weight(be, c->dtype, in->w, c->n, c->k);
    RUN(be, linear_backward_input, to, dout, w, accumulate);
    take_mat(be, dx, to);
    drop_mat(be, dout);
    drop_weight(be, w);
}

static void run_backward_weight(Backend *be, const Case *c, const Input *in, float *dw, float *dbias)
{
    Mat dout = put_mat(be, in->dout, c->t, c->n), x = put_mat(be, in->x, c->t, c->k);
    Weight to = put_weight(be, DTYPE_F32, in->dw, c->n, c->k);
    Vec bias = c->bias ? put_vec(be, in->dbias, c->n) : VEC_NONE;
    RUN(be, linear_backward_weight, to, bias, dout, x);
    take_weight(be, dw, to);
    if (c->bias)
        take_vec(be, dbias, bias);
    drop_mat(be, dout);
    drop_mat(be, x);
}

static double *scaled(const float *magnitude, size_t n, double factor)
{
    double *tolerance = mem_alloc(n, sizeof *tolerance);
    for (size_t i = 0; i < n; i++)
        tolerance[i] = factor * magnitude[i];
    return tolerance;
}

// Tolerance: a chain of K products, a bias and a residual: (K + 3) u sum|terms|, the sum from `ref` on absolute values.
static void forward_agrees_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t n = (size_t)c->t * (size_t)c->n;
        Input in = make_input(c, (uint32_t)i), positive = absolute_input(c, &in);
        float *expected = host_floats(n), *magnitude = host_floats(n), *actual = host_floats(n);
        run_forward(bed.ref, c, &in, expected);
        run_forward(bed.ref, c, &positive, magnitude);
        double *tolerance = scaled(magnitude, n, (c->k + 3) * U);
        for (int b = 0; b < bed.n_cpu; b++) {
            run_forward(bed.cpu[b], c, &in, actual);
            expect_near(actual, expected, tolerance, n, label("linear %zu %s", i, backend_describe(bed.cpu[b])));
        }
        mem_free(expected), mem_free(magnitude), mem_free(actual), mem_free(tolerance);
        free_input(&in), free_input(&positive);
    }
}

// The contract fixes every rounding: fma over K in order, then + bias, then + residual. So the bits are known.
static void forward_is_the_stated_chain(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t n = (size_t)c->t * (size_t)c->n;
        Input in = make_input(c, (uint32_t)i);
        float *expected = host_floats(n), *actual = host_floats(n);
        for (size_t e = 0; e < n; e++) {
            size_t row = e / (size_t)c->n, col = e % (size_t)c->n;
            float sum = 0;
            for (size_t k = 0; k < (size_t)c->k; k++) {
                float w = in.w[col * (size_t)c->k + k];
                if (c->dtype == DTYPE_BF16) { // to nearest even by adding and dropping 16 bits of the fraction
                    uint32_t bits;
                    memcpy(&bits, &w, 4);
                    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
                    memcpy(&w, &bits, 4);
                }
                sum = fmaf(in.x[row * (size_t)c->k + k], w, sum);
            }
            if (c->bias)
                sum += in.bias[col];
            if (c->residual)
                sum += in.residual[e];
            expected[e] = sum;
        }
        for (int b = 0; b < bed.n_cpu; b++) {
            if (b == bed.n_cpu - 1) // the fastest
                poison(bed.cpu[b]);
            run_forward(bed.cpu[b], c, &in, actual);
            expect_bits(actual, expected, n, label("linear %zu %s", i, backend_describe(bed.cpu[b])));
        }
        mem_free(expected), mem_free(actual);
        free_input(&in);
    }
}

// Tolerance: as above, with N or T products and what was there before.
static void backward_agrees_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t tk = (size_t)c->t * (size_t)c->k, nk = (size_t)c->n * (size_t)c->k, n = (size_t)c->n;
        Input in = make_input(c, (uint32_t)i), positive = absolute_input(c, &in);
        size_t most = tk > nk ? tk : nk;
        float *expected = host_floats(most), *magnitude = host_floats(most), *actual = host_floats(most);
        float *bias_expected = host_floats(n), *bias_magnitude = host_floats(n), *bias_actual = host_floats(n);
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            run_backward_input(bed.ref, c, &in, accumulate, expected);
            run_backward_input(bed.ref, c, &positive, accumulate, magnitude);
            double *tolerance = scaled(magnitude, tk, (c->n + 2) * U);
            for (int b = 0; b < bed.n_cpu; b++) {
                run_backward_input(bed.cpu[b], c, &in, accumulate, actual);
                expect_near(actual, expected, tolerance, tk, label("dx %zu %s", i, backend_describe(bed.cpu[b])));
            }
            mem_free(tolerance);
        }
        run_backward_weight(bed.ref, c, &in, expected, bias_expected);
        run_backward_weight(bed.ref, c, &positive, magnitude, bias_magnitude);
        double *tolerance = scaled(magnitude, nk, (c->t + 2) * U);
        double *bias_tolerance = scaled(bias_magnitude, n, (c->t + 2) * U);
        for (int b = 0; b < bed.n_cpu; b++) {
            run_backward_weight(bed.cpu[b], c, &in, actual, bias_actual);
            expect_near(actual, expected, tolerance, nk, label("dw %zu %s", i, backend_describe(bed.cpu[b])));
            if (c->bias)
                expect_near(bias_actual, bias_expected, bias_tolerance, n,
                            label("dbias %zu %s", i, backend_describe(bed.cpu[b])));
        }
        mem_free(tolerance), mem_free(bias_tolerance);
        mem_free(expected), mem_free(magnitude), mem_free(actual);
        mem_free(bias_expected), mem_free(bias_magnitude), mem_free(bias_actual);
        free_input(&in), free_input(&positive);
    }
}

typedef struct Function {
    const Case *c;
    Input *in;
} Function;

static Scalar loss(void *context)
{
    const Function *f = context;
    size_t n = (size_t)f->c->t * (size_t)f->c->n;
    float *out = host_floats(n);
    run_forward(bed.ref, f->c, f->in, out);
    Scalar s = weighted_sum(out, f->in->dout, n);
    mem_free(out);
    return s;
}

static void backward_is_the_gradient(void **state)
{
    (void)state;
    const Case c = {3, 5, 4, DTYPE_F32, true, true, false};
    Input in = make_input(&c, 100);
    float dx[15], dw[20], dbias[4];
    run_backward_input(bed.ref, &c, &in, false, dx);
    run_backward_weight(bed.ref, &c, &in, dw, dbias);
    subtract(dw, in.dw, COUNT(dw)), subtract(dbias, in.dbias, COUNT(dbias));
    Function f = {&c, &in};
    expect_gradient(dx, in.x, COUNT(dx), loss, &f, "linear dx");
    run_backward_input(bed.ref, &c, &in, true, dx);
    subtract(dx, in.dx, COUNT(dx));
    expect_gradient(dx, in.x, COUNT(dx), loss, &f, "linear dx");
    expect_gradient(dw, in.w, COUNT(dw), loss, &f, "linear dw");
    expect_gradient(dbias, in.bias, COUNT(dbias), loss, &f, "linear dbias");
    free_input(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_agrees_with_ref),
        cmocka_unit_test(forward_is_the_stated_chain),
        cmocka_unit_test(backward_agrees_with_ref),
        cmocka_unit_test(backward_is_the_gradient),
    };
    return RUN_OP_TESTS(tests);
}
