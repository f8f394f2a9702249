// Attention over forests: against a brute-force softmax in double that walks from token to token, against `ref`, and
// its gradients into ancestors against finite differences.
#include "forests.h"

typedef struct Shape {
    int32_t heads, kv_heads, head_dim;
} Shape;

typedef struct Input {
    const Forest *forest;
    Shape shape;
    float scale;
    float *q, *k, *v, *dout, *dk, *dv; // dk, dv: what is there before
} Input;

static size_t q_count(const Input *in)
{
    return (size_t)in->forest->n_rows * (size_t)(in->shape.heads * in->shape.head_dim);
}
static size_t kv_count(const Input *in)
{
    return (size_t)in->forest->n_kv * (size_t)(in->shape.kv_heads * in->shape.head_dim);
}
static size_t lse_count(const Input *in) { return (size_t)in->forest->n_rows * (size_t)in->shape.heads; }

static Input make_input(const Forest *forest, Shape shape, uint32_t stream)
{
    Input in = {.forest = forest, .shape = shape, .scale = 1 / sqrtf((float)shape.head_dim)};
    stream *= 8;
    in.q = random_floats(q_count(&in), stream, 2);
    in.k = random_floats(kv_count(&in), stream + 1, 2);
    in.v = random_floats(kv_count(&in), stream + 2, 1);
    in.dout = random_floats(q_count(&in), stream + 3, 1);
    in.dk = random_floats(kv_count(&in), stream + 4, 0.5f);
    in.dv = random_floats(kv_count(&in), stream + 5, 0.5f);
    return in;
}

static void free_input(Input *in)
{
    mem_free(in->q), mem_free(in->k), mem_free(in->v), mem_free(in->dout), mem_free(in->dk), mem_free(in->dv);
}

static void run_forward(Backend *be, const Input *in, float *out, float *lse)
{
    const Forest *f = in->forest;
    int32_t q_cols = in->shape.heads * in->shape.head_dim, kv_cols = in->shape.kv_heads * in->shape.head_dim;
    Mat q = put_mat(be, in->q, f->n_rows, q_cols), k = put_mat(be, in->k, f->n_kv, kv_cols);
    Mat v = put_mat(be, in->v, f->n_kv, kv_cols), o = put_nan(be, f->n_rows, q_cols);
    Mat l = put_nan(be, f->n_rows, in->shape.heads);
    attention_both_ways(be, o, l, q, k, v, f, in->shape.head_dim, in->scale);
    take_mat(be, out, o), take_mat(be, lse, l);
    drop_mat(be, q), drop_mat(be, k), drop_mat(be, v);
}

static void run_backward(Backend *be, const Input *in, const float *out, const float *lse, float *dq, float *dk,
                         float *dv)
{
    const Forest *f = in->forest;
    int32_t q_cols = in->shape.heads * in->shape.head_dim, kv_cols = in->shape.kv_heads * in->shape.head_dim;
    Mat q = put_mat(be, in->q, f->n_rows, q_cols), k = put_mat(be, in->k, f->n_kv, kv_cols);
    Mat v = put_mat(be, in->v, f->n_kv, kv_cols), o = put_mat(be, out, f->n_rows, q_cols);
    Mat l = put_mat(be, lse, f->n_rows, in->shape.heads), d = put_mat(be, in->dout, f->n_rows, q_cols);
    Mat to_q = put_nan(be, f->n_rows, q_cols), to_k = put_mat(be, in->dk, f->n_kv, kv_cols);
    Mat to_v = put_mat(be, in->dv, f->n_kv, kv_cols);
    RUN(be, attention_backward, to_q, to_k, to_v, d, o, l, q, k, v, f, in->shape.head_dim, in->scale);
    take_mat(be, dq, to_q), take_mat(be, dk, to_k), take_mat(be, dv, to_v);
    drop_mat(be, q), drop_mat(be, k), drop_mat(be, v), drop_mat(be, o), drop_mat(be, l), drop_mat(be, d);
}

// Calls visit for every (row, head, KV row) where the row's token sees the KV row's.
typedef struct Pair {
    size_t q_at, kv_at, lse_at; // first element of the head's vector in q and in k; element of lse
} Pair;
typedef void (*Visit)(void *context, const Input *in, Pair pair);

static void visit_pairs(const Input *in, Visit visit, void *context)
{
    int32_t d = in->shape.head_dim, heads = in->shape.heads, group = heads / in->shape.kv_heads;
    for (int32_t s = 0; s < in->forest->n_segments; s++) {
        const Segment *segment = &in->forest->segments[s];
        for (int32_t t = 0; t < segment->n_new; t++) {
            int32_t at_segment = s, at_index = segment->n_tokens - segment->n_new + t;
            do {
                size_t kv_row = (size_t)(in->forest->segments[at_segment].kv_row + at_index);
                size_t row = (size_t)(segment->row + t);
                for (int32_t h = 0; h < heads; h++)
                    visit(context, in, (Pair){(row * (size_t)heads + (size_t)h) * (size_t)d,
                                              (kv_row * (size_t)in->shape.kv_heads + (size_t)(h / group)) * (size_t)d,
                                              row * (size_t)heads + (size_t)h});
            } while (token_before(in->forest, &at_segment, &at_index));
        }
    }
}

static double dot(const float *a, const float *b, int32_t n, bool magnitude)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += magnitude ? fabs((double)a[i] * b[i]) : (double)a[i] * b[i];
    return sum;
}

// What is known of the true values, in double, and sums of absolute values from which the tolerances come.
typedef struct Truth {
    double *sum_exp, *out, *out_size;  // [lse], [q]
    double *dq_size, *dk_size, *dv_size;
    double score_size;                 // largest scale sum |q_d k_d|
    int32_t longest;                   // path
} Truth;

// Scores stay below some 2 * 2 * sqrt(128) * ..., and in fact far below 700: no maximum to subtract in double.
static void add_forward(void *context, const Input *in, Pair at)
{
    Truth *truth = context;
    int32_t d = in->shape.head_dim;
    double e = exp(in->scale * dot(in->q + at.q_at, in->k + at.kv_at, d, false));
    truth->score_size = fmax(truth->score_size, in->scale * dot(in->q + at.q_at, in->k + at.kv_at, d, true));
    truth->sum_exp[at.lse_at] += e;
    for (int32_t i = 0; i < d; i++) {
        truth->out[at.q_at + (size_t)i] += e * in->v[at.kv_at + (size_t)i];
        truth->out_size[at.q_at + (size_t)i] += e * fabs((double)in->v[at.kv_at + (size_t)i]);
    }
}

// After the forward sums were divided.
static void add_backward_sizes(void *context, const Input *in, Pair at)
{
    Truth *truth = context;
    int32_t d = in->shape.head_dim;
    double p = exp(in->scale * dot(in->q + at.q_at, in->k + at.kv_at, d, false)) / truth->sum_exp[at.lse_at];
    double size = dot(in->dout + at.q_at, in->v + at.kv_at, d, true);
    for (int32_t i = 0; i < d; i++)
        size += fabs(in->dout[at.q_at + (size_t)i] * truth->out[at.q_at + (size_t)i]);
    for (int32_t i = 0; i < d; i++) {
        truth->dq_size[at.q_at + (size_t)i] += in->scale * p * size * fabs((double)in->k[at.kv_at + (size_t)i]);
        truth->dk_size[at.kv_at + (size_t)i] += in->scale * p * size * fabs((double)in->q[at.q_at + (size_t)i]);
        truth->dv_size[at.kv_at + (size_t)i] += p * fabs((double)in->dout[at.q_at + (size_t)i]);
    }
}

static Truth make_truth(const Input *in)
{
    Truth truth = {0};
    truth.sum_exp = mem_alloc(lse_count(in), sizeof(double));
    double **q_sized[] = {&truth.out, &truth.out_size, &truth.dq_size};
    for (size_t i = 0; i < COUNT(q_sized); i++)
        *q_sized[i] = mem_alloc(q_count(in), sizeof(double));
    truth.dk_size = mem_alloc(kv_count(in), sizeof(double));
    truth.dv_size = mem_alloc(kv_count(in), sizeof(double));
    visit_pairs(in, add_forward, &truth);
    for (size_t i = 0; i < q_count(in); i++) {
        truth.out[i] /= truth.sum_exp[i / (size_t)in->shape.head_dim];
        truth.out_size[i] /= truth.sum_exp[i / (size_t)in->shape.head_dim];
    }
    visit_pairs(in, add_backward_sizes, &truth);
    for (int32_t s = 0; s < in->forest->n_segments; s++) {
        int32_t length = in->forest->segments[s].position + in->forest->segments[s].n_tokens;
        truth.longest = length > truth.longest ? length : truth.longest;
    }
    return truth;
}

static void free_truth(Truth *truth)
{
    mem_free(truth->sum_exp), mem_free(truth->out), mem_free(truth->out_size), mem_free(truth->dq_size);
    mem_free(truth->dk_size), mem_free(truth->dv_size);
}

// Relative error of a probability: its score is a sum of D products (absolute error (D + 2) u sum|terms|), through exp;
// the sum of up to n exps errs by n u; the backward has the maximum's and the log's part through a rounded lse.
static double probability_error(const Input *in, const Truth *truth)
{
    double score_error = (in->shape.head_dim + 2) * U * truth->score_size;
    double lse_error = U * (truth->score_size + log(truth->longest));
    return 2 * score_error + 2 * lse_error + TEST_EXP_ERROR + (truth->longest + 4) * U;
}

static double *scaled(const double *size, size_t n, double factor)
{
    double *tolerance = mem_alloc(n, sizeof *tolerance);
    for (size_t i = 0; i < n; i++)
        tolerance[i] = factor * size[i];
    return tolerance;
}

static void check_forward(const Input *in, const Truth *truth, const char *name)
{
    size_t nq = q_count(in), nl = lse_count(in);
    float *expected = host_floats(nq), *lse = host_floats(nl), *actual = host_floats(nq), *l = host_floats(nl);
    run_forward(bed.ref, in, expected, lse);
    for (size_t i = 0; i < nq; i++) // ref sums in double: one rounding
        if (!(fabs(expected[i] - truth->out[i]) <= 2 * U * fabs(truth->out[i]) + 1e-12))
            fail_msg("ref attention %s: [%zu] is %.9g, expected %.9g", name, i, (double)expected[i], truth->out[i]);
    for (size_t i = 0; i < nl; i++)
        if (!(fabs(lse[i] - log(truth->sum_exp[i])) <= 2 * U * fabs((double)lse[i]) + 1e-12))
            fail_msg("ref attention lse %s: [%zu] is %.9g", name, i, (double)lse[i]);
    double error = probability_error(in, truth);
    double *tolerance = scaled(truth->out_size, nq, error + (truth->longest + 2) * U);
    for (int b = 0; b < bed.n_cpu; b++) {
        run_forward(bed.cpu[b], in, actual, l);
        expect_near(actual, expected, tolerance, nq, label("attention %s %s", name, backend_describe(bed.cpu[b])));
        expect_near_by(l, lse, error, nl, label("attention lse %s %s", name, backend_describe(bed.cpu[b])));
    }
    mem_free(expected), mem_free(lse), mem_free(actual), mem_free(l), mem_free(tolerance);
}

// dk and dv of a key are sums over the rows that see it, at most n_rows times the heads of a group.
static void check_backward(const Input *in, const Truth *truth, const char *name)
{
    size_t nq = q_count(in), nk = kv_count(in), most = nq > nk ? nq : nk;
    float *out = host_floats(nq), *lse = host_floats(lse_count(in));
    float *expected[3], *actual[3];
    for (int i = 0; i < 3; i++)
        expected[i] = host_floats(most), actual[i] = host_floats(most);
    run_forward(bed.ref, in, out, lse);
    run_backward(bed.ref, in, out, lse, expected[0], expected[1], expected[2]);
    double error = probability_error(in, truth) + (in->shape.head_dim + 6) * U;
    int32_t n_terms = in->forest->n_rows * (in->shape.heads / in->shape.kv_heads);
    double *tolerance[3] = {scaled(truth->dq_size, nq, error + truth->longest * U),
                            scaled(truth->dk_size, nk, error + n_terms * U),
                            scaled(truth->dv_size, nk, error + n_terms * U)};
    for (size_t i = 0; i < nk; i++) { // what was there before is rounded once in each of the sums
        tolerance[1][i] += (n_terms + 1) * U * fabs((double)in->dk[i]);
        tolerance[2][i] += (n_terms + 1) * U * fabs((double)in->dv[i]);
    }
    for (int b = 0; b < bed.n_cpu; b++) {
        run_backward(bed.cpu[b], in, out, lse, actual[0], actual[1], actual[2]);
        static const char *const what[3] = {"dq", "dk", "dv"};
        for (int i = 0; i < 3; i++)
            expect_near(actual[i], expected[i], tolerance[i], i == 0 ? nq : nk,
                        label("attention %s %s %s", what[i], name, backend_describe(bed.cpu[b])));
    }
    for (int i = 0; i < 3; i++)
        mem_free(expected[i]), mem_free(actual[i]), mem_free(tolerance[i]);
    mem_free(out), mem_free(lse);
}

static void check(const TestForest *f, Shape shape, uint32_t stream, const char *name)
{
    forest_check(&f->forest);
    Input in = make_input(&f->forest, shape, stream);
    Truth truth = make_truth(&in);
    check_forward(&in, &truth, name);
    check_backward(&in, &truth, name);
    free_truth(&truth);
    free_input(&in);
}

static const Shape shapes[] = {{1, 1, 8},   {4, 4, 16}, {6, 2, 32},  {4, 1, 64},
                               {2, 1, 128}, {8, 8, 8},  {14, 2, 24}, {2, 2, 80}};

static void one_root(void **state)
{
    (void)state;
    static const int32_t lengths[] = {1, 2, 3, 15, 16, 17, 31, 33, 64, 100, 129};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        TestForest f = {0};
        plant(&f, -1, lengths[i], lengths[i], 0);
        check(&f, shapes[i % COUNT(shapes)], (uint32_t)i, "one root");
    }
}

static void long_root(void **state)
{
    (void)state;
    TestForest f = {0};
    int32_t root = plant(&f, -1, 530, 530, 0);
    plant(&f, root, 40, 40, 0);
    check(&f, (Shape){4, 2, 16}, 1, "long root");
}

static void packed_roots(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        TestForest f = {0};
        for (int32_t n = 1; n < 40; n += 5)
            plant(&f, -1, n, n, 0);
        check(&f, shapes[i], (uint32_t)i, "packed");
    }
}

static void group_of_one_prompt(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        TestForest f = {0};
        int32_t root = plant(&f, -1, 37, 37, 0);
        for (int32_t n = 1; n < 10; n++)
            plant(&f, root, n * 3, n * 3, 0);
        check(&f, shapes[i], (uint32_t)i, "group");
    }
}

static void random_trees(void **state)
{
    (void)state;
    for (int32_t levels = 1; levels <= 5; levels++) {
        for (int cached = 0; cached < 2; cached++) {
            for (uint32_t i = 0; i < 3; i++) {
                TestForest f = {0};
                uint32_t stream = (uint32_t)levels * 16 + (uint32_t)cached * 8 + i;
                plant_random(&f, stream, levels, i == 2 ? 45 : 9, cached);
                check(&f, shapes[stream % COUNT(shapes)], stream, label("tree %d cached %d", levels, cached));
            }
        }
    }
}

// Decoding: long cached sequences, one new token each, under a shared cached prompt.
static void one_new_token(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        TestForest f = {0};
        int32_t root = plant(&f, -1, 70, 0, 0);
        for (int32_t n = 1; n < 60; n += 9)
            plant(&f, root, n, 1, 20);
        check(&f, shapes[i], (uint32_t)i, "decode");
    }
}

// Scores far apart: softmax of numbers around +-1000, where e^score overflows unless a maximum is subtracted.
// Only the sizes of score error, in step with the scores, decide the tolerance: here up to 2e-2.
static void large_scores(void **state)
{
    (void)state;
    TestForest f = {0};
    plant(&f, -1, 40, 40, 0);
    Input in = make_input(&f.forest, (Shape){2, 2, 16}, 3);
    for (size_t i = 0; i < q_count(&in); i++)
        in.q[i] *= 500;
    float *out = host_floats(q_count(&in)), *lse = host_floats(lse_count(&in));
    float *expected = host_floats(q_count(&in)), *l = host_floats(lse_count(&in));
    run_forward(bed.ref, &in, expected, l);
    double size = in.scale * 16 * 1000 * 2;
    for (int b = 0; b < bed.n_cpu; b++) {
        run_forward(bed.cpu[b], &in, out, lse);
        expect_near_by(out, expected, 2 * 18 * U * size, q_count(&in), "attention of large scores");
        expect_near_by(lse, l, 20 * U * size, lse_count(&in), "lse of large scores");
    }
    assert_true(largest(l, lse_count(&in)) > 200);
    mem_free(out), mem_free(lse), mem_free(expected), mem_free(l);
    free_input(&in);
}

static Scalar loss(void *context)
{
    const Input *in = context;
    float *out = host_floats(q_count(in)), *lse = host_floats(lse_count(in));
    run_forward(bed.ref, in, out, lse);
    Scalar s = weighted_sum(out, in->dout, q_count(in));
    mem_free(out), mem_free(lse);
    return s;
}

// A root, two children, a grandchild and another root, grouped heads; and a cache where only some tokens are new: the
// gradient of every key and value, also of those that are ancestors or not new.
static void backward_is_the_gradient(void **state)
{
    (void)state;
    for (int cached = 0; cached < 2; cached++) {
        TestForest f = {0};
        int32_t root = plant(&f, -1, 3, cached ? 1 : 3, 0);
        int32_t child = plant(&f, root, 2, 2, cached ? 2 : 0);
        plant(&f, root, 2, cached ? 0 : 2, 0);
        plant(&f, child, 3, cached ? 2 : 3, 0);
        plant(&f, -1, 2, 2, 0);
        forest_check(&f.forest);
        Input in = make_input(&f.forest, (Shape){2, 1, 4}, 5);
        float *out = host_floats(q_count(&in)), *lse = host_floats(lse_count(&in));
        float *dq = host_floats(q_count(&in)), *dk = host_floats(kv_count(&in)), *dv = host_floats(kv_count(&in));
        run_forward(bed.ref, &in, out, lse);
        run_backward(bed.ref, &in, out, lse, dq, dk, dv);
        subtract(dk, in.dk, kv_count(&in)), subtract(dv, in.dv, kv_count(&in));
        expect_gradient(dq, in.q, q_count(&in), loss, &in, "attention dq");
        expect_gradient(dk, in.k, kv_count(&in), loss, &in, "attention dk");
        expect_gradient(dv, in.v, kv_count(&in), loss, &in, "attention dv");
        mem_free(out), mem_free(lse), mem_free(dq), mem_free(dk), mem_free(dv);
        free_input(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_root),
        cmocka_unit_test(long_root),
        cmocka_unit_test(packed_roots),
        cmocka_unit_test(group_of_one_prompt),
        cmocka_unit_test(random_trees),
        cmocka_unit_test(one_new_token),
        cmocka_unit_test(large_scores),
        cmocka_unit_test(backward_is_the_gradient),
    };
    return RUN_OP_TESTS(tests);
}
