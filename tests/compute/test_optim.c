// Element-wise operations over arenas, against their formulas in double, written here once more.
#include "op_test.h"

static Backend *backend_at(int i) { return i == 0 ? bed.ref : bed.cpu[i - 1]; }

static const size_t sizes[] = {1, 7, 16, 100, 1000, 70001};

// Tolerance: squares of floats are exact in double, n additions at 2^-53 each.
static void sum_squares(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t n = sizes[i];
        float *x = random_floats(n, (uint32_t)i, 3);
        double expected = 0;
        for (size_t e = 0; e < n; e++)
            expected += (double)x[e] * x[e];
        for (int b = 0; b <= bed.n_cpu; b++) {
            Mat m = put_mat(backend_at(b), x, 1, (int32_t)n);
            double actual = RUN(backend_at(b), sum_squares, m.data, n);
            drop_mat(backend_at(b), m);
            assert_true(fabs(actual - expected) <= 2.0 * (double)n * 0x1p-53 * expected);
        }
        mem_free(x);
    }
    // 2^24 + 1 has no F32: the sum is wider than that
    float big[3] = {4096, 1, 1};
    for (int b = 0; b <= bed.n_cpu; b++) {
        Mat m = put_mat(backend_at(b), big, 1, 3);
        assert_true(RUN(backend_at(b), sum_squares, m.data, 3) == 16777218.0);
        drop_mat(backend_at(b), m);
    }
}

// Ten steps of AdamW in double, as in PyTorch's documentation (torch.optim.AdamW, algorithm), from the same floats each
// step. Tolerance per step: m and v are sums of two products; the update a quotient of roots of those, some 16
// roundings; the parameter two more, at its own size.
static void adamw(void **state)
{
    (void)state;
    static const AdamwSettings settings[] = {
        {1e-3f, 0.9f, 0.999f, 1e-8f, 0, 1, 1},
        {1e-1f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.25f, 1},
        {1e-6f, 0.0f, 0.5f, 1e-3f, 1e-2f, 3, 100000},
    };
    for (size_t s = 0; s < COUNT(settings); s++) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            size_t n = sizes[i];
            for (int b = 0; b <= bed.n_cpu; b++) {
                Backend *be = backend_at(b);
                float *p = random_floats(n, 1, 1), *m = host_floats(n), *v = host_floats(n);
                AdamwSettings now = settings[s];
                for (int step = 0; step < (n < 2000 ? 10 : 2); step++, now.step++) {
                    float *g = random_floats(n, 100 + (uint32_t)step, 2), *old = copy_floats(p, n);
                    float *m_old = copy_floats(m, n), *v_old = copy_floats(v, n), *g_after = host_floats(n);
                    Mat mp = put_mat(be, p, 1, (int32_t)n), mg = put_mat(be, g, 1, (int32_t)n);
                    Mat mm = put_mat(be, m, 1, (int32_t)n), mv = put_mat(be, v, 1, (int32_t)n);
                    RUN(be, adamw, mp.data, mg.data, mm.data, mv.data, n, &now);
                    take_mat(be, p, mp), take_mat(be, g_after, mg), take_mat(be, m, mm), take_mat(be, v, mv);
                    expect_bits(g_after, g, n, "adamw writes no gradient");
                    double c1 = 1 - pow((double)now.beta1, (double)now.step);
                    double c2 = 1 - pow((double)now.beta2, (double)now.step);
                    for (size_t e = 0; e < n; e++) {
                        double grad = (double)now.grad_scale * g[e], b1 = now.beta1, b2 = now.beta2;
                        double m_e = b1 * m_old[e] + (1 - b1) * grad, v_e = b2 * v_old[e] + (1 - b2) * grad * grad;
                        double m_size = b1 * fabs((double)m_old[e]) + (1 - b1) * fabs(grad);
                        double scale = now.lr / c1 / (sqrt(v_e / c2) + now.eps);
                        double decayed = old[e] * (1 - (double)now.lr * now.weight_decay);
                        assert_true(fabs(m[e] - m_e) <= 4 * U * m_size);
                        assert_true(fabs(v[e] - v_e) <= 4 * U * v_e);
                        if (!(fabs(p[e] - (decayed - scale * m_e)) <=
                              U * (16 * scale * m_size + 3 * fabs((double)old[e]))))
                            fail_msg("adamw %zu %s: [%zu] %.9g -> %.9g, expected %.9g", s, backend_describe(be), e,
                                     (double)old[e], (double)p[e], decayed - scale * m_e);
                    }
                    mem_free(g), mem_free(old), mem_free(m_old), mem_free(v_old), mem_free(g_after);
                }
                mem_free(p), mem_free(m), mem_free(v);
            }
        }
    }
}

// No gradient ever, eps 0 aside: m = v = 0 gives a step of 0 / eps = 0, and zero padding stays zero.
static void adamw_keeps_zero(void **state)
{
    (void)state;
    const AdamwSettings settings = {1e-2f, 0.9f, 0.999f, 1e-8f, 0.1f, 1, 5};
    float zero[20] = {0}, actual[20];
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = backend_at(b);
        Mat p = put_mat(be, zero, 1, 20), g = put_mat(be, zero, 1, 20), m = put_mat(be, zero, 1, 20);
        Mat v = put_mat(be, zero, 1, 20);
        RUN(be, adamw, p.data, g.data, m.data, v.data, 20, &settings);
        take_mat(be, actual, p);
        expect_bits(actual, zero, 20, "adamw of zeros");
        drop_mat(be, g), drop_mat(be, m), drop_mat(be, v);
    }
}

// Tolerance: two products and a sum (1 - decay may be rounded too).
static void ema_and_axpy(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t n = sizes[i];
        float *x = random_floats(n, 1, 1), *y = random_floats(n, 2, 5), *actual = host_floats(n);
        for (int b = 0; b <= bed.n_cpu; b++) {
            Backend *be = backend_at(b);
            Mat mx = put_mat(be, x, 1, (int32_t)n), my = put_mat(be, y, 1, (int32_t)n);
            RUN(be, ema, my.data, mx.data, n, 0.9f);
            RUN(be, download, actual, my.data, n * sizeof *actual);
            for (size_t e = 0; e < n; e++) {
                double keep = (double)0.9f * y[e], take = (1 - (double)0.9f) * x[e];
                assert_true(fabs(actual[e] - (keep + take)) <= 3 * U * (fabs(keep) + fabs(take)));
            }
            RUN(be, upload, my.data, y, n * sizeof *y);
            RUN(be, axpy, my.data, mx.data, n, -0.3f);
            take_mat(be, actual, my);
            drop_mat(be, mx);
            for (size_t e = 0; e < n; e++) {
                double add = (double)-0.3f * x[e];
                assert_true(fabs(actual[e] - (y[e] + add)) <= 2 * U * (fabs((double)y[e]) + fabs(add)));
            }
        }
        mem_free(x), mem_free(y), mem_free(actual);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sum_squares),
        cmocka_unit_test(adamw),
        cmocka_unit_test(adamw_keeps_zero),
        cmocka_unit_test(ema_and_axpy),
    };
    return RUN_OP_TESTS(tests);
}
