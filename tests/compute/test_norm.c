// RMSNorm against `ref`, and its gradients.
#include "op_test.h"

typedef struct Case {
    int32_t t, c;
    float scale, eps; // size of x
    bool in_place, frozen;
} Case;

static const Case cases[] = {
    {1, 1, 1, 1e-6f, false, false},    {2, 8, 1, 1e-5f, true, false},      {7, 33, 1e-4f, 1e-6f, false, true},
    {16, 128, 100, 1e-6f, true, false}, {33, 100, 1, 1e-6f, false, false}, {65, 1000, 1, 1e-5f, false, false},
};

typedef struct Input {
    float *x, *weight, *dout, *dx, *dweight;
} Input;

static Input make_input(const Case *c, uint32_t stream)
{
    size_t n = (size_t)c->t * (size_t)c->c;
    stream *= 8;
    return (Input){random_floats(n, stream, c->scale), random_floats((size_t)c->c, stream + 1, 2),
                   random_floats(n, stream + 2, 1), random_floats(n, stream + 3, 1),
                   random_floats((size_t)c->c, stream + 4, 1)};
}

static void free_input(Input *in)
{
    mem_free(in->x), mem_free(in->weight), mem_free(in->dout), mem_free(in->dx), mem_free(in->dweight);
}

static void run_forward(Backend *be, const Case *c, const Input *in, float *out, float *rstd)
{
    Mat x = put_mat(be, in->x, c->t, c->c), y = c->in_place ? x : put_nan(be, c->t, c->c);
    Vec weight = put_vec(be, in->weight, c->c), r = vec(put_nan(be, 1, c->t).data, c->t);
    RUN(be, rmsnorm, y, r, x, weight, c->eps);
    take_mat(be, out, y);
    take_vec(be, rstd, r);
    if (!c->in_place)
        drop_mat(be, x);
    drop_vec(be, weight);
}

// rstd is an input, so that backends are given the same one.
static void run_backward(Backend *be, const Case *c, const Input *in, const float *rstd, float *dx, float *dweight)
{
    Mat x = put_mat(be, in->x, c->t, c->c), dout = put_mat(be, in->dout, c->t, c->c);
    Mat to = put_mat(be, in->dx, c->t, c->c);
    Vec weight = put_vec(be, in->weight, c->c), r = put_vec(be, rstd, c->t);
    Vec dw = c->frozen ? VEC_NONE : put_vec(be, in->dweight, c->c);
    RUN(be, rmsnorm_backward, to, dw, dout, x, weight, r);
    take_mat(be, dx, to);
    if (!c->frozen)
        take_vec(be, dweight, dw);
    drop_mat(be, x), drop_mat(be, dout), drop_vec(be, weight), drop_vec(be, r);
}

// Tolerance, relative: the sum of C squares errs by C u, its root by half of that; then a root, a quotient, two
// products.
static void forward_agrees_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t n = (size_t)c->t * (size_t)c->c, t = (size_t)c->t;
        Input in = make_input(c, (uint32_t)i);
        float *expected = host_floats(n), *rstd = host_floats(t), *actual = host_floats(n), *r = host_floats(t);
        double *tolerance = mem_alloc(n, sizeof *tolerance);
        run_forward(bed.ref, c, &in, expected, rstd);
        for (int b = 0; b < bed.n_cpu; b++) {
            run_forward(bed.cpu[b], c, &in, actual, r);
            for (size_t e = 0; e < n; e++)
                tolerance[e] = (c->c / 2.0 + 6) * U * fabs((double)expected[e]);
            expect_near(actual, expected, tolerance, n, label("rmsnorm %zu %s", i, backend_describe(bed.cpu[b])));
            for (size_t e = 0; e < t; e++)
                tolerance[e] = (c->c / 2.0 + 4) * U * (double)rstd[e];
            expect_near(r, rstd, tolerance, t, label("rstd %zu %s", i, backend_describe(bed.cpu[b])));
        }
        mem_free(expected), mem_free(rstd), mem_free(actual), mem_free(r), mem_free(tolerance);
        free_input(&in);
    }
}

// Tolerance: dx is a difference of two terms, the second with a sum of C products of three; dweight a sum over T rows.
static void backward_agrees_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t n = (size_t)c->t * (size_t)c->c, cols = (size_t)c->c;
        Input in = make_input(c, (uint32_t)i);
        float *y = host_floats(n), *rstd = host_floats((size_t)c->t);
        float *dx = host_floats(n), *dw = host_floats(cols), *dx_ref = host_floats(n), *dw_ref = host_floats(cols);
        double *x_tolerance = mem_alloc(n, sizeof(double)), *w_tolerance = mem_alloc(cols, sizeof(double));
        run_forward(bed.ref, c, &in, y, rstd);
        run_backward(bed.ref, c, &in, rstd, dx_ref, dw_ref);
        for (size_t t = 0; t < (size_t)c->t; t++) {
            double r = rstd[t], sum = 0;
            for (size_t k = 0; k < cols; k++)
                sum += fabs((double)in.dout[t * cols + k] * in.weight[k] * in.x[t * cols + k]);
            for (size_t k = 0; k < cols; k++) {
                double x = fabs((double)in.x[t * cols + k]), dy = fabs((double)in.dout[t * cols + k]);
                double size = r * dy * fabs((double)in.weight[k]) + x * r * r * r / c->c * sum;
                x_tolerance[t * cols + k] = U * ((c->c + 10) * size + 2 * fabs((double)in.dx[t * cols + k]));
                w_tolerance[k] += U * (c->t + 4) * (dy * x * r + fabs((double)in.dweight[k]) / c->t);
            }
        }
        for (int b = 0; b < bed.n_cpu; b++) {
            const char *name = backend_describe(bed.cpu[b]);
            run_backward(bed.cpu[b], c, &in, rstd, dx, dw);
            expect_near(dx, dx_ref, x_tolerance, n, label("rmsnorm dx %zu %s", i, name));
            if (!c->frozen)
                expect_near(dw, dw_ref, w_tolerance, cols, label("rmsnorm dweight %zu %s", i, name));
        }
        mem_free(y), mem_free(rstd), mem_free(dx), mem_free(dw), mem_free(dx_ref), mem_free(dw_ref);
        mem_free(x_tolerance), mem_free(w_tolerance);
        free_input(&in);
    }
}

typedef struct Function {
    const Case *c;
    Input *in;
} Function;

static Scalar loss(void *context)
{
    const Function *f = context;
    float out[64], rstd[8];
    run_forward(bed.ref, f->c, f->in, out, rstd);
    return weighted_sum(out, f->in->dout, (size_t)f->c->t * (size_t)f->c->c);
}

static void backward_is_the_gradient(void **state)
{
    (void)state;
    const Case c = {3, 8, 2, 0.1f, false, false};
    Input in = make_input(&c, 100);
    float y[24], rstd[3], dx[24], dweight[8];
    run_forward(bed.ref, &c, &in, y, rstd);
    run_backward(bed.ref, &c, &in, rstd, dx, dweight);
    subtract(dx, in.dx, COUNT(dx)), subtract(dweight, in.dweight, COUNT(dweight));
    Function f = {&c, &in};
    expect_gradient(dx, in.x, COUNT(dx), loss, &f, "rmsnorm dx");
    expect_gradient(dweight, in.weight, COUNT(dweight), loss, &f, "rmsnorm dweight");
    free_input(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_agrees_with_ref),
        cmocka_unit_test(backward_agrees_with_ref),
        cmocka_unit_test(backward_is_the_gradient),
    };
    return RUN_OP_TESTS(tests);
}
