// Sampling: `ref` and the cpu backends against a straightforward sampler in double, which knows nothing of theirs: it
// decides for each token by counting tokens, without sorting.
#include "op_test.h"

typedef struct Case {
    int32_t p, c, v;
    SampleSettings settings;
    Dtype dtype;
} Case;

static const Case cases[] = {
    {200, 8, 1, {1, 0, 1, 0}, DTYPE_F32},         {200, 8, 33, {1, 0, 1, 0}, DTYPE_F32},
    {200, 8, 100, {0.7f, 0, 1, 0}, DTYPE_BF16},   {200, 16, 257, {1.5f, 20, 1, 0}, DTYPE_F32},
    {200, 16, 100, {1, 1, 1, 0}, DTYPE_F32},      {200, 8, 100, {0.7f, 0, 0.9f, 0}, DTYPE_F32},
    {200, 8, 300, {1, 0, 0.3f, 0}, DTYPE_BF16},   {200, 8, 100, {1, 0, 1, 0.1f}, DTYPE_F32},
    {200, 8, 300, {0.7f, 50, 0.8f, 0.02f}, DTYPE_F32}, {200, 8, 64, {2, 64, 0.999f, 0.5f}, DTYPE_BF16},
    {12, 24, 3000, {1, 0, 0.95f, 0}, DTYPE_F32},  {12, 24, 3000, {0.7f, 1000, 1, 0.001f}, DTYPE_F32},
    {100, 4, 1500, {1, 0, 1, 0}, DTYPE_F32},      {12, 24, 3000, {0.7f, 0, 1, 0}, DTYPE_BF16},
    {200, 8, 100, {0, 0, 1, 0}, DTYPE_F32},       {200, 8, 300, {0, 5, 0.5f, 0.5f}, DTYPE_BF16},
};

typedef struct Input {
    float *x, *w, *uniforms;
} Input;

// The weights are such that BF16 holds them, so that this file needs no rounding of its own.
static Input make_input(const Case *c, uint32_t stream)
{
    size_t vc = (size_t)c->v * (size_t)c->c;
    Input in = {random_floats((size_t)c->p * (size_t)c->c, stream * 4, 2), random_floats(vc, stream * 4 + 1, 1),
                random_uniforms((size_t)c->p, stream * 4 + 2)};
    for (size_t i = 0; i < vc; i++)
        in.w[i] = rintf(in.w[i] * 128) / 128;
    return in;
}

static void free_input(Input *in) { mem_free(in->x), mem_free(in->w), mem_free(in->uniforms); }

static void run_sample(Backend *be, const Case *c, const Input *in, int32_t *ids, float *logp)
{
    Mat x = put_mat(be, in->x, c->p, c->c);
    Weight w = put_weight(be, c->dtype, in->w, c->v, c->c);
    RUN(be, head_sample, ids, logp, x, w, &c->settings, in->uniforms);
    drop_mat(be, x), drop_weight(be, w);
}

static void run_logprobs(Backend *be, const Case *c, const Input *in, const int32_t *ids, float *logp)
{
    Mat x = put_mat(be, in->x, c->p, c->c);
    Weight w = put_weight(be, c->dtype, in->w, c->v, c->c);
    float temperature = c->settings.temperature > 0 ? c->settings.temperature : 1;
    RUN(be, head_logprobs, logp, NULL, VEC_NONE, x, w, ids, temperature);
    drop_mat(be, x), drop_weight(be, w);
}

// Token j comes before token i in the order of ranks.
static bool ranks_before(const double *q, int32_t j, int32_t i) { return q[j] > q[i] || (q[j] == q[i] && j < i); }

// Probabilities after the filters: 0 for tokens that do not pass. Each filter looks at the tokens ranked before a
// token.
static void filtered(const SampleSettings *settings, const float *x, const float *w, int32_t c, int32_t v, double *q)
{
    double sum = 0, best = 0;
    for (int32_t j = 0; j < v; j++) {
        double z = 0;
        for (int32_t k = 0; k < c; k++)
            z += (double)x[k] * w[j * c + k];
        sum += q[j] = exp(z / (settings->temperature > 0 ? settings->temperature : 1));
    }
    double *all = mem_alloc((size_t)v, sizeof *all), k_mass = 0;
    bool *in_k = mem_alloc((size_t)v, sizeof *in_k), *pass = mem_alloc((size_t)v, sizeof *pass);
    for (int32_t j = 0; j < v; j++)
        all[j] = q[j] / sum, best = fmax(best, all[j]);
    for (int32_t i = 0; i < v; i++) {
        int32_t before = 0;
        for (int32_t j = 0; j < v; j++)
            before += ranks_before(all, j, i);
        in_k[i] = settings->temperature == 0 ? before == 0 : settings->top_k == 0 || before < settings->top_k;
        k_mass += in_k[i] ? all[i] : 0;
    }
    for (int32_t i = 0; i < v; i++) {
        double mass_before = 0;
        for (int32_t j = 0; j < v; j++)
            mass_before += ranks_before(all, j, i) ? all[j] : 0; // all of those are in_k when i is
        pass[i] = in_k[i] && (settings->top_p >= 1 || mass_before < settings->top_p * k_mass) &&
                  all[i] >= settings->min_p * best;
    }
    for (int32_t i = 0; i < v; i++)
        q[i] = pass[i] ? all[i] : 0;
    mem_free(all), mem_free(in_k), mem_free(pass);
}

static void expect_owner(const double *q, int32_t v, int32_t id, double uniform, double slack, const char *where)
{
    assert_in_range(id, 0, v - 1);
    double total = 0, before = 0;
    for (int32_t j = 0; j < v; j++) {
        total += q[j];
        before += j < id ? q[j] : 0;
    }
    double from = before / total, to = (before + q[id]) / total;
    if (!(q[id] > 0 && from - slack <= uniform && uniform < to + slack))
        fail_msg("%s: id %d owns [%.9g, %.9g), the uniform is %.9g", where, id, from, to, uniform);
}

// The id must own the uniform's place in the cumulative sum. At an edge between two tokens rounding decides, so a place
// may be off by the error of a cumulative probability: C u sum|terms| of the logits / temperature, exp, V u of the sum.
static void ids_are_where_the_uniforms_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        Input in = make_input(c, (uint32_t)i);
        int32_t *ids = mem_alloc((size_t)c->p, sizeof *ids);
        float *logp = host_floats((size_t)c->p);
        double *q = mem_alloc((size_t)c->p * (size_t)c->v, sizeof *q); // a row for each row
        for (int32_t p = 0; p < c->p; p++)
            filtered(&c->settings, in.x + p * c->c, in.w, c->c, c->v, q + p * c->v);
        double temperature = c->settings.temperature > 0 ? c->settings.temperature : 1;
        double slack = 2 * (c->c + 4) * U * 2 * c->c / temperature + TEST_EXP_ERROR + 2 * c->v * U;
        for (int b = -1; b < bed.n_cpu; b++) {
            Backend *be = b < 0 ? bed.ref : bed.cpu[b];
            run_sample(be, c, &in, ids, logp);
            for (int32_t p = 0; p < c->p; p++)
                expect_owner(q + p * c->v, c->v, ids[p], in.uniforms[p], slack,
                             label("sample %zu row %d %s", i, p, backend_describe(be)));
        }
        mem_free(ids), mem_free(logp), mem_free(q);
        free_input(&in);
    }
}

static void logp_is_that_of_head_logprobs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        Input in = make_input(c, (uint32_t)i);
        int32_t *ids = mem_alloc((size_t)c->p, sizeof *ids);
        float *logp = host_floats((size_t)c->p), *expected = host_floats((size_t)c->p);
        for (int b = -1; b < bed.n_cpu; b++) {
            Backend *be = b < 0 ? bed.ref : bed.cpu[b];
            run_sample(be, c, &in, ids, logp);
            run_logprobs(be, c, &in, ids, expected);
            expect_bits(logp, expected, (size_t)c->p, label("sample logp %zu %s", i, backend_describe(be)));
        }
        mem_free(ids), mem_free(logp), mem_free(expected);
        free_input(&in);
    }
}

// Equal logits: rows 3, 10, 40 and 41 of the weight are one row, the best there is.
static void ties_go_to_lower_ids(void **state)
{
    (void)state;
    enum { P = 64, C = 8, V = 50 };
    Case c = {P, C, V, {0, 0, 1, 0}, DTYPE_F32};
    Input in = make_input(&c, 60);
    static const int equal[4] = {3, 10, 40, 41};
    for (int k = 0; k < C; k++) {
        for (int p = 0; p < P; p++)
            in.x[p * C + k] = 1;
        for (int e = 0; e < 4; e++)
            in.w[equal[e] * C + k] = 1;
    }
    for (int p = 0; p < P; p++)
        in.uniforms[p] = (float)(p + 0.5) / P;
    for (int b = -1; b < bed.n_cpu; b++) {
        Backend *be = b < 0 ? bed.ref : bed.cpu[b];
        int32_t ids[P];
        float logp[P];
        c.settings = (SampleSettings){0, 0, 1, 0};
        run_sample(be, &c, &in, ids, logp);
        for (int p = 0; p < P; p++)
            assert_int_equal(ids[p], 3);
        c.settings = (SampleSettings){1, 2, 1, 0}; // the k-th is among equals
        run_sample(be, &c, &in, ids, logp);
        for (int p = 0; p < P; p++)
            assert_int_equal(ids[p], p < P / 2 ? 3 : 10);
        c.settings = (SampleSettings){1, 4, 0.74f, 0}; // 3 of 4 equal ones reach the mass
        run_sample(be, &c, &in, ids, logp);
        for (int p = 0; p < P; p++)
            assert_int_equal(ids[p], p < P / 3.0 - 0.5 ? 3 : p < P * 2 / 3.0 - 0.5 ? 10 : 40);
    }
    free_input(&in);
}

// The ends of [0, 1): the first and the last token that pass.
static void extreme_uniforms(void **state)
{
    (void)state;
    const Case c = {2, 4, 40, {1, 7, 1, 0}, DTYPE_F32};
    Input in = make_input(&c, 61);
    memcpy(in.x + 4, in.x, 4 * sizeof(float));
    in.uniforms[0] = 0, in.uniforms[1] = 0x1.fffffep-1f;
    double q[40];
    filtered(&c.settings, in.x, in.w, 4, 40, q);
    int first = 0, last = 39;
    while (q[first] == 0)
        first++;
    while (q[last] == 0)
        last--;
    for (int b = -1; b < bed.n_cpu; b++) {
        int32_t ids[2];
        float logp[2];
        run_sample(b < 0 ? bed.ref : bed.cpu[b], &c, &in, ids, logp);
        assert_int_equal(ids[0], first);
        assert_int_equal(ids[1], last);
    }
    free_input(&in);
}

// Pearson's chi-square of 20000 draws of one distribution against its probabilities. With d degrees of freedom the
// statistic has mean d and variance 2 d: past d + 6 sqrt(2 d) by chance less than once in 10^5; the draws are fixed.
static void frequencies_are_the_probabilities(void **state)
{
    (void)state;
    static const SampleSettings settings[] = {
        {1, 0, 1, 0}, {0.7f, 0, 1, 0}, {1, 12, 1, 0}, {1, 0, 0.8f, 0}, {1, 0, 1, 0.1f},
    };
    enum { P = 20000, C = 4, V = 30 };
    for (size_t i = 0; i < COUNT(settings); i++) {
        Case c = {P, C, V, settings[i], DTYPE_F32};
        Input in = make_input(&c, 70 + (uint32_t)i);
        for (int k = 0; k < C; k++) // one row again and again, and flat enough that many tokens pass
            for (int p = 0; p < P; p++)
                in.x[p * C + k] = p == 0 ? in.x[k] / 2 : in.x[k];
        double q[V], total = 0;
        filtered(&c.settings, in.x, in.w, C, V, q);
        for (int j = 0; j < V; j++)
            total += q[j];
        int32_t *ids = mem_alloc(P, sizeof *ids);
        float *logp = host_floats(P);
        for (int b = -1; b < bed.n_cpu; b++) {
            run_sample(b < 0 ? bed.ref : bed.cpu[b], &c, &in, ids, logp);
            double count[V] = {0}, chi2 = 0;
            int degrees = -1;
            for (int p = 0; p < P; p++)
                count[ids[p]]++;
            for (int j = 0; j < V; j++) {
                double expected = P * q[j] / total;
                if (q[j] == 0) {
                    assert_true(count[j] == 0);
                    continue;
                }
                chi2 += (count[j] - expected) * (count[j] - expected) / expected;
                degrees++;
            }
            assert_true(degrees >= 3);
            if (!(chi2 <= degrees + 6 * sqrt(2 * degrees)))
                fail_msg("sample %zu: chi-square is %.1f with %d degrees of freedom", i, chi2, degrees);
        }
        mem_free(ids), mem_free(logp);
        free_input(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_where_the_uniforms_say),
        cmocka_unit_test(logp_is_that_of_head_logprobs),
        cmocka_unit_test(ties_go_to_lower_ids),
        cmocka_unit_test(extreme_uniforms),
        cmocka_unit_test(frequencies_are_the_probabilities),
    };
    return RUN_OP_TESTS(tests);
}
