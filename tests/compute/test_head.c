// The log-prob head against `ref`: log-probs, entropy, logits, and the backward, which is also a gradient.
#include "op_test.h"

typedef struct Case {
    int32_t p, c, v;
    float temperature;
    Dtype dtype;
    bool frozen;
} Case;

static const Case cases[] = {
    {1, 1, 1, 1, DTYPE_F32, false},      {1, 8, 33, 0.7f, DTYPE_F32, false},   {5, 16, 64, 1, DTYPE_BF16, false},
    {7, 33, 100, 0.3f, DTYPE_F32, true}, {33, 24, 257, 2, DTYPE_BF16, false}, {70, 48, 1000, 0.7f, DTYPE_F32, false},
    {3, 64, 5000, 1, DTYPE_F32, false},  {1700, 4, 40, 1, DTYPE_F32, false},   {260, 3, 33000, 0.7f, DTYPE_F32, false},
};

typedef struct Input {
    float *x, *w, *dlogp, *dw;
    int32_t *targets;
} Input;

static Input make_input(const Case *c, uint32_t stream)
{
    stream *= 8;
    size_t vc = (size_t)c->v * (size_t)c->c;
    return (Input){random_floats((size_t)c->p * (size_t)c->c, stream, 2), random_floats(vc, stream + 1, 0.7f),
                   random_floats((size_t)c->p, stream + 2, 1), random_floats(vc, stream + 3, 0.5f),
                   random_ids((size_t)c->p, stream, c->v)};
}

static void free_input(Input *in)
{
    mem_free(in->x), mem_free(in->w), mem_free(in->dlogp), mem_free(in->dw), mem_free(in->targets);
}

// entropy and lse may be NULL: not wanted.
static void run_forward(Backend *be, const Case *c, const Input *in, float *logp, float *entropy, float *lse)
{
    Mat x = put_mat(be, in->x, c->p, c->c);
    Weight w = put_weight(be, c->dtype, in->w, c->v, c->c);
    Vec l = lse ? vec(put_nan(be, 1, c->p).data, c->p) : VEC_NONE;
    RUN(be, head_logprobs, logp, entropy, l, x, w, in->targets, c->temperature);
    if (lse)
        take_vec(be, lse, l);
    drop_mat(be, x), drop_weight(be, w);
}

static void run_backward(Backend *be, const Case *c, const Input *in, const float *lse, float *dx, float *dw)
{
    Mat x = put_mat(be, in->x, c->p, c->c), to = put_nan(be, c->p, c->c);
    Weight w = put_weight(be, c->dtype, in->w, c->v, c->c);
    Weight to_w = c->frozen ? (Weight){0} : put_weight(be, DTYPE_F32, in->dw, c->v, c->c);
    Vec l = put_vec(be, lse, c->p);
    RUN(be, head_logprobs_backward, to, to_w, in->dlogp, l, x, w, in->targets, c->temperature);
    take_mat(be, dx, to);
    if (!c->frozen)
        take_weight(be, dw, to_w);
    drop_mat(be, x), drop_weight(be, w), drop_vec(be, l);
}

// Error of z = logit / temperature: a sum of C products, the division (or product with the inverse: two roundings).
static double logit_error(const Case *c, const Input *in)
{
    double size = 0;
    for (int32_t p = 0; p < c->p; p++) {
        for (int32_t v = 0; v < c->v; v++) {
            double sum = 0;
            for (int32_t k = 0; k < c->c; k++)
                sum += fabs((double)in->x[p * c->c + k] * in->w[v * c->c + k]);
            size = fmax(size, sum);
        }
    }
    return (c->c + 4) * U * size * (1 + 0x1p-8) / c->temperature; // BF16 rounds a weight up by 2^-8 at most
}

// lse: the logits' error, through exp, a sum of V, a log, and its own rounding.
static double lse_error(const Case *c, double z_error, double lse_size)
{
    return z_error + TEST_EXP_ERROR + (c->v + 4) * U + 2 * U * lse_size;
}

static void forward_agrees_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t n = (size_t)c->p;
        Input in = make_input(c, (uint32_t)i);
        float *out[6];
        for (int k = 0; k < 6; k++)
            out[k] = host_floats(n);
        run_forward(bed.ref, c, &in, out[0], out[1], out[2]);
        double z_error = logit_error(c, &in), l_error = lse_error(c, z_error, largest(out[2], n));
        double p_error = z_error + l_error + TEST_EXP_ERROR; // relative, of a probability
        double entropy_error = l_error + z_error + (p_error + c->v * U) * 2 * (largest(out[2], n) + 2 * log(c->v) + 1);
        for (int b = 0; b < bed.n_cpu; b++) {
            const char *name = backend_describe(bed.cpu[b]);
            run_forward(bed.cpu[b], c, &in, out[3], out[4], out[5]);
            expect_near_by(out[3], out[0], z_error + l_error, n, label("logp %zu %s", i, name));
            expect_near_by(out[4], out[1], entropy_error, n, label("entropy %zu %s", i, name));
            expect_near_by(out[5], out[2], l_error, n, label("lse %zu %s", i, name));
            // what else is asked for does not change logp
            run_forward(bed.cpu[b], c, &in, out[4], NULL, NULL);
            expect_bits(out[4], out[3], n, label("logp alone %zu %s", i, name));
        }
        for (int k = 0; k < 6; k++)
            mem_free(out[k]);
        free_input(&in);
    }
}

static void logits_agree_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        Case c = cases[i];
        c.temperature = 1;
        size_t n = (size_t)c.p * (size_t)c.v;
        Input in = make_input(&c, (uint32_t)i);
        float *expected = host_floats(n), *actual = host_floats(n);
        for (int b = -1; b < bed.n_cpu; b++) {
            Backend *be = b < 0 ? bed.ref : bed.cpu[b];
            Mat x = put_mat(be, in.x, c.p, c.c);
            Weight w = put_weight(be, c.dtype, in.w, c.v, c.c);
            RUN(be, head_logits, b < 0 ? expected : actual, x, w);
            drop_mat(be, x), drop_weight(be, w);
            if (b >= 0)
                expect_near_by(actual, expected, logit_error(&c, &in), n, label("logits %zu", i));
        }
        mem_free(expected), mem_free(actual);
        free_input(&in);
    }
}

// From the logits alone, in double: log softmax and entropy as their definitions say.
// Tolerance: the logits come rounded to F32 (u |z| / temperature each, in the log-prob twice), the result is rounded.
static void forward_is_log_softmax(void **state)
{
    (void)state;
    const Case c = {9, 16, 50, 0.7f, DTYPE_F32, false};
    Input in = make_input(&c, 50);
    float logits[9 * 50], logp[9], entropy[9], lse[9];
    Mat x = put_mat(bed.ref, in.x, c.p, c.c);
    Weight w = put_weight(bed.ref, c.dtype, in.w, c.v, c.c);
    RUN(bed.ref, head_logits, logits, x, w);
    drop_mat(bed.ref, x), drop_weight(bed.ref, w);
    run_forward(bed.ref, &c, &in, logp, entropy, lse);
    double z_error = U * largest(logits, COUNT(logits)) / 0.7;
    for (int p = 0; p < 9; p++) {
        double sum = 0, h = 0;
        for (int v = 0; v < 50; v++)
            sum += exp((double)logits[p * 50 + v] / 0.7f);
        for (int v = 0; v < 50; v++) {
            double q = exp((double)logits[p * 50 + v] / 0.7f) / sum;
            h -= q * log(q);
        }
        double z = (double)logits[p * 50 + in.targets[p]] / 0.7f;
        assert_true(fabs(lse[p] - log(sum)) <= z_error + U * fabs(lse[p]));
        assert_true(fabs(logp[p] - (z - log(sum))) <= 2 * z_error + U * fabs(logp[p]));
        assert_true(fabs(entropy[p] - h) <= 2 * z_error * (1 + log(50)) + U * h);
    }
    free_input(&in);
}

// ---- the divergence of two heads
static void run_kl(Backend *be, const Case *p, const Input *in, const Case *q, const Input *other, float *kl)
{
    Mat x = put_mat(be, in->x, p->p, p->c), other_x = put_mat(be, other->x, q->p, q->c);
    Weight w = put_weight(be, p->dtype, in->w, p->v, p->c), other_w = put_weight(be, q->dtype, other->w, q->v, q->c);
    RUN(be, head_kl, kl, x, w, other_x, other_w, p->temperature);
    drop_mat(be, x), drop_mat(be, other_x), drop_weight(be, w), drop_weight(be, other_w);
}

// kl = E_p[z - other] - lse + lse_other. The expectation errs by that of p (twice: in the sum and in its divisor) times
// the largest |z - other|, and by the logits' own errors; `size` bounds |z| + |other|.
static void kl_agrees_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        Case p = cases[i], q = p;
        q.c = p.c + 3; // a smaller or larger model with the same vocabulary
        q.dtype = DTYPE_F32;
        Input in = make_input(&p, (uint32_t)i), other = make_input(&q, 60 + (uint32_t)i);
        size_t n = (size_t)p.p;
        float *expected = host_floats(n), *actual = host_floats(n);
        run_kl(bed.ref, &p, &in, &q, &other, expected);
        double p_z = logit_error(&p, &in), q_z = logit_error(&q, &other);
        double size = p_z / ((p.c + 4) * U) + q_z / ((q.c + 4) * U), log_v = log(p.v);
        double p_error = 2 * p_z + 2 * TEST_EXP_ERROR + (p.v + 8) * U;
        double error = 2 * p_error * size + p_z + q_z + lse_error(&p, p_z, size + log_v) +
                       lse_error(&q, q_z, size + log_v) + 4 * U * (size + log_v);
        for (int b = 0; b < bed.n_cpu; b++) {
            run_kl(bed.cpu[b], &p, &in, &q, &other, actual);
            expect_near_by(actual, expected, error, n, label("kl %zu %s", i, backend_describe(bed.cpu[b])));
            run_kl(bed.cpu[b], &p, &in, &p, &in, actual); // of a distribution to itself
            for (size_t r = 0; r < n; r++)
                assert_true(actual[r] == 0);
        }
        mem_free(expected), mem_free(actual);
        free_input(&in), free_input(&other);
    }
}

// From the logits alone, in double, as the definition says. Tolerance as in forward_is_log_softmax, of both heads.
static void kl_is_its_formula(void **state)
{
    (void)state;
    enum { P = 9, V = 50 };
    const Case p = {P, 16, V, 0.7f, DTYPE_F32, false}, q = {P, 5, V, 0.7f, DTYPE_F32, false};
    Input in = make_input(&p, 70), other = make_input(&q, 71);
    float a[P * V], b[P * V], kl[P];
    Mat x = put_mat(bed.ref, in.x, p.p, p.c), y = put_mat(bed.ref, other.x, q.p, q.c);
    Weight w = put_weight(bed.ref, p.dtype, in.w, p.v, p.c), u = put_weight(bed.ref, q.dtype, other.w, q.v, q.c);
    RUN(bed.ref, head_logits, a, x, w);
    RUN(bed.ref, head_logits, b, y, u);
    drop_mat(bed.ref, x), drop_mat(bed.ref, y), drop_weight(bed.ref, w), drop_weight(bed.ref, u);
    run_kl(bed.ref, &p, &in, &q, &other, kl);
    double size = (largest(a, COUNT(a)) + largest(b, COUNT(b))) / 0.7;
    for (int r = 0; r < P; r++) {
        double sum_a = 0, sum_b = 0, expected = 0;
        for (int v = 0; v < V; v++)
            sum_a += exp((double)a[r * V + v] / 0.7f), sum_b += exp((double)b[r * V + v] / 0.7f);
        for (int v = 0; v < V; v++) {
            double pv = exp((double)a[r * V + v] / 0.7f) / sum_a, qv = exp((double)b[r * V + v] / 0.7f) / sum_b;
            expected += pv * log(pv / qv);
        }
        assert_true(expected > 0.1); // the two differ
        assert_true(fabs(kl[r] - expected) <= 4 * U * size * (1 + size) + U * expected);
    }
    free_input(&in), free_input(&other);
}

// d_j = dlogp ([j = target] - p_j) / temperature, sum_j |d_j| <= 2 |dlogp| / temperature. Its error is that of p_j,
// then sums of V (dx) or P (dw) products.
static void backward_agrees_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t n = (size_t)c->p, pc = n * (size_t)c->c, vc = (size_t)c->v * (size_t)c->c;
        Input in = make_input(c, (uint32_t)i);
        float *logp = host_floats(n), *lse = host_floats(n);
        float *dx = host_floats(pc), *dx_ref = host_floats(pc), *dw = host_floats(vc), *dw_ref = host_floats(vc);
        run_forward(bed.ref, c, &in, logp, NULL, lse);
        run_backward(bed.ref, c, &in, lse, dx_ref, dw_ref);
        double p_error = logit_error(c, &in) + TEST_EXP_ERROR + 2 * U * (largest(lse, n) + 1) + 4 * U;
        double *x_tolerance = mem_alloc(pc, sizeof(double)), *w_tolerance = mem_alloc(vc, sizeof(double));
        double w_size = largest(in.w, vc) * (1 + 0x1p-8);
        for (size_t e = 0; e < pc; e++) {
            double d = fabs(in.dlogp[e / (size_t)c->c] / c->temperature);
            x_tolerance[e] = d * w_size * (p_error + 2 * (c->v + 3) * U);
        }
        double d_sum = 0, x_size = largest(in.x, pc);
        for (size_t p = 0; p < n; p++)
            d_sum += fabs(in.dlogp[p] / c->temperature);
        for (size_t e = 0; e < vc; e++)
            w_tolerance[e] = d_sum * x_size * (p_error + (c->p + 3) * U) + (c->p + 2) * U * fabs((double)in.dw[e]);
        for (int b = 0; b < bed.n_cpu; b++) {
            const char *name = backend_describe(bed.cpu[b]);
            run_backward(bed.cpu[b], c, &in, lse, dx, dw);
            expect_near(dx, dx_ref, x_tolerance, pc, label("head dx %zu %s", i, name));
            if (!c->frozen)
                expect_near(dw, dw_ref, w_tolerance, vc, label("head dw %zu %s", i, name));
        }
        mem_free(logp), mem_free(lse), mem_free(dx), mem_free(dx_ref), mem_free(dw), mem_free(dw_ref);
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
    float logp[8];
    run_forward(bed.ref, f->c, f->in, logp, NULL, NULL);
    return weighted_sum(logp, f->in->dlogp, (size_t)f->c->p);
}

static void backward_is_the_gradient(void **state)
{
    (void)state;
    const Case c = {4, 5, 9, 0.7f, DTYPE_F32, false};
    Input in = make_input(&c, 100);
    float logp[4], lse[4], dx[20], dw[45];
    in.targets[1] = in.targets[0]; // two rows of one target
    run_forward(bed.ref, &c, &in, logp, NULL, lse);
    run_backward(bed.ref, &c, &in, lse, dx, dw);
    subtract(dw, in.dw, COUNT(dw));
    Function f = {&c, &in};
    expect_gradient(dx, in.x, COUNT(dx), loss, &f, "head dx");
    expect_gradient(dw, in.w, COUNT(dw), loss, &f, "head dw");
    free_input(&in);
}

// Logits of +-2000: e^z overflows in F32 (and double) unless a maximum is subtracted.
static void large_logits(void **state)
{
    (void)state;
    const Case c = {2, 1, 3, 1, DTYPE_F32, false};
    float x[2] = {1, -1}, w[3] = {2000, -1500, 1999.5f}, dlogp[2] = {1, 1};
    int32_t targets[2] = {2, 1};
    Input in = {x, w, dlogp, NULL, targets};
    for (int b = -1; b < bed.n_cpu; b++) {
        float logp[2], entropy[2], lse[2];
        run_forward(b < 0 ? bed.ref : bed.cpu[b], &c, &in, logp, entropy, lse);
        double p = 1 / (1 + exp(-0.5)); // of the first token, the second's is 0
        assert_true(fabs(logp[0] - log(1 - p)) <= 4 * U * 2000);
        assert_true(fabs(entropy[0] - (-p * log(p) - (1 - p) * log(1 - p))) <= 8 * U * 2000);
        assert_true(fabs(logp[1]) <= 1e-30 && fabs(entropy[1]) <= 1e-30);
        assert_true(fabs(lse[1] - 1500) <= 2 * U * 1500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_agrees_with_ref),
        cmocka_unit_test(logits_agree_with_ref),
        cmocka_unit_test(forward_is_log_softmax),
        cmocka_unit_test(kl_agrees_with_ref),
        cmocka_unit_test(kl_is_its_formula),
        cmocka_unit_test(backward_agrees_with_ref),
        cmocka_unit_test(backward_is_the_gradient),
        cmocka_unit_test(large_logits),
    };
    return RUN_OP_TESTS(tests);
}
