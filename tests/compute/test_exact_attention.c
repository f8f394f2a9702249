// Exactness of attention on the cpu backends: the bits of a token's row depend on its own sequence alone, however that
// is cut into segments, cached, spread over KV rows, and whatever else is in the batch, on any threads and instruction
// set.
#include "forests.h"

typedef struct Shape {
    int32_t heads, kv_heads, head_dim;
} Shape;
static const Shape shapes[] = {{2, 1, 8}, {4, 4, 16}, {3, 1, 32}, {4, 2, 64}, {2, 2, 128}};

// One sequence of n tokens: q, k, v by position, and what attention gives: out and lse.
typedef struct Sequence {
    Shape shape;
    int32_t n, q_cols, kv_cols;
    float *q, *k, *v, *out, *lse;
} Sequence;

static float *noise(size_t n)
{
    float *x = host_floats(n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i * 37 % 101) / 25 - 2;
    return x;
}

static float *nans(size_t n)
{
    float *x = host_floats(n);
    for (size_t i = 0; i < n; i++)
        x[i] = NAN;
    return x;
}

// Attention over a forest of which every token at a position p on a path of the leaf `tip` is token p of the sequence,
// and every other token, or KV row without a token, is `other`: noise, or no numbers at all. Results of rows on the
// path go to out and lse, at their positions.
static void run_on_path(Backend *be, const Sequence *s, const Forest *forest, int32_t tip, float *(*other)(size_t n),
                        float *out, float *lse)
{
    size_t q_cols = (size_t)s->q_cols, kv_cols = (size_t)s->kv_cols, heads = (size_t)s->shape.heads;
    float *q = other((size_t)forest->n_rows * q_cols), *k = other((size_t)forest->n_kv * kv_cols);
    float *v = other((size_t)forest->n_kv * kv_cols);
    float *o = host_floats((size_t)forest->n_rows * q_cols), *l = host_floats((size_t)forest->n_rows * heads);
    for (int32_t i = tip; i >= 0; i = forest->segments[i].parent) {
        const Segment *g = &forest->segments[i];
        size_t new_position = (size_t)(g->position + g->n_tokens - g->n_new);
        size_t to = (size_t)g->kv_row * kv_cols, from = (size_t)g->position * kv_cols;
        memcpy(q + (size_t)g->row * q_cols, s->q + new_position * q_cols, (size_t)g->n_new * q_cols * sizeof(float));
        memcpy(k + to, s->k + from, (size_t)g->n_tokens * kv_cols * sizeof(float));
        memcpy(v + to, s->v + from, (size_t)g->n_tokens * kv_cols * sizeof(float));
    }
    Mat mq = put_mat(be, q, forest->n_rows, s->q_cols), mk = put_mat(be, k, forest->n_kv, s->kv_cols);
    Mat mv = put_mat(be, v, forest->n_kv, s->kv_cols), mo = put_nan(be, forest->n_rows, s->q_cols);
    Mat ml = put_nan(be, forest->n_rows, s->shape.heads);
    attention_both_ways(be, mo, ml, mq, mk, mv, forest, s->shape.head_dim, 0.3f);
    take_mat(be, o, mo), take_mat(be, l, ml);
    drop_mat(be, mq), drop_mat(be, mk), drop_mat(be, mv);
    for (int32_t i = tip; i >= 0; i = forest->segments[i].parent) {
        const Segment *g = &forest->segments[i];
        size_t new_position = (size_t)(g->position + g->n_tokens - g->n_new);
        memcpy(out + new_position * q_cols, o + (size_t)g->row * q_cols, (size_t)g->n_new * q_cols * sizeof(float));
        memcpy(lse + new_position * heads, l + (size_t)g->row * heads, (size_t)g->n_new * heads * sizeof(float));
    }
    mem_free(q), mem_free(k), mem_free(v), mem_free(o), mem_free(l);
}

// The sequence as one root, alone, on the portable backend with one thread.
static Sequence make_sequence(Shape shape, int32_t n)
{
    Sequence s = {.shape = shape, .n = n, .q_cols = shape.heads * shape.head_dim,
                  .kv_cols = shape.kv_heads * shape.head_dim};
    s.q = random_floats((size_t)(n * s.q_cols), 1, 2);
    s.k = random_floats((size_t)(n * s.kv_cols), 2, 2);
    s.v = random_floats((size_t)(n * s.kv_cols), 3, 1);
    s.out = host_floats((size_t)(n * s.q_cols));
    s.lse = host_floats((size_t)(n * shape.heads));
    TestForest f = {0};
    plant(&f, -1, n, n, 0);
    cpu_backend_set_threads(bed.cpu[0], 1);
    run_on_path(bed.cpu[0], &s, &f.forest, 0, noise, s.out, s.lse);
    cpu_backend_set_threads(bed.cpu[0], threads_available());
    return s;
}

static void free_sequence(Sequence *s)
{
    mem_free(s->q), mem_free(s->k), mem_free(s->v), mem_free(s->out), mem_free(s->lse);
}

// The path to `tip` gives the sequence's bits, on every backend with 1 and 2 threads. Rows that a forest does not
// compute keep what is expected.
static void expect_same(const Sequence *s, const TestForest *f, int32_t tip, const char *what)
{
    forest_check(&f->forest);
    const Segment *last = &f->forest.segments[tip];
    assert_int_equal(last->position + last->n_tokens <= s->n, 1);
    for (int b = 0; b < bed.n_cpu; b++) {
        for (int threads = 1; threads <= 2; threads++) {
            float *out = copy_floats(s->out, (size_t)(s->n * s->q_cols));
            float *lse = copy_floats(s->lse, (size_t)(s->n * s->shape.heads));
            cpu_backend_set_threads(bed.cpu[b], threads);
            run_on_path(bed.cpu[b], s, &f->forest, tip, threads == 1 ? noise : nans, out, lse);
            const char *where = label("%s, %s, %d threads, D %d", what, backend_describe(bed.cpu[b]), threads,
                                      s->shape.head_dim);
            expect_bits(out, s->out, (size_t)(s->n * s->q_cols), where);
            expect_bits(lse, s->lse, (size_t)(s->n * s->shape.heads), where);
            mem_free(out), mem_free(lse);
        }
        cpu_backend_set_threads(bed.cpu[b], threads_available());
    }
}

static void cut_at(const Sequence *s, int32_t cut)
{
    TestForest two = {0};
    plant_chain(&two, (int32_t[]){cut, s->n - cut}, 2);
    expect_same(s, &two, 1, label("cut at %d", cut));
    TestForest cached = {0}; // the first part is in the cache already, in one segment with the second
    plant(&cached, -1, s->n, s->n - cut, 0);
    expect_same(s, &cached, 0, label("%d cached", cut));
    TestForest prefix = {0}; // a cached prefix with another child
    plant(&prefix, -1, cut, 0, 5);
    plant(&prefix, 0, 7, 3, 2);
    int32_t tip = plant(&prefix, 0, s->n - cut, s->n - cut, 9);
    expect_same(s, &prefix, tip, label("cached prefix of %d", cut));
    TestForest step = {0}; // the token after the cut alone
    plant(&step, -1, cut + 1, 1, 3);
    expect_same(s, &step, 0, label("step at %d", cut));
    TestForest leaf = {0}; // the same in a leaf of its own
    plant(&leaf, -1, cut, 0, 0);
    tip = plant(&leaf, 0, 1, 1, 11);
    expect_same(s, &leaf, tip, label("leaf of one at %d", cut));
}

static void any_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        Sequence s = make_sequence(shapes[i], 75);
        for (int32_t cut = 1; cut < s.n; cut += (i == 0 ? 1 : 7) * ONE_OF(5))
            cut_at(&s, cut);
        free_sequence(&s);
    }
}

static void long_sequence(void **state)
{
    (void)state;
    static const int32_t cuts[] = {1, 31, 32, 63, 64, 65, 127, 128, 129, 255, 256, 257, 500, 511, 512, 513, 599};
    Sequence s = make_sequence((Shape){2, 1, 16}, 600);
    for (size_t i = 0; i < COUNT(cuts); i += ONE_OF(4))
        cut_at(&s, cuts[i]);
    free_sequence(&s);
}

static void chains(void **state)
{
    (void)state;
    static const int32_t lengths[][8] = {{1, 1, 1, 1, 1, 1, 1, 68}, {16, 16, 16, 16, 8, 1, 1, 1},
                                         {3, 5, 7, 11, 13, 17, 9, 10}, {33, 1, 31, 2, 1, 3, 2, 2}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        Sequence s = make_sequence(shapes[i], 75);
        for (size_t k = 0; k < COUNT(lengths); k += ONE_OF(2)) {
            TestForest f = {0};
            plant_chain(&f, lengths[k], 8);
            expect_same(&s, &f, 7, label("chain %zu", k));
        }
        free_sequence(&s);
    }
}

// The path to the last segment of a random forest is the sequence, everything else noise; new and cached.
static void company(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        Sequence s = make_sequence(shapes[i], 75);
        for (int32_t levels = 1; levels <= 5; levels += ONE_OF(2)) {
            for (int cached = 0; cached < 2; cached++) {
                TestForest f = {0};
                plant_random(&f, (uint32_t)(i * 16) + (uint32_t)(levels * 2 + cached), levels, 15, cached);
                expect_same(&s, &f, f.forest.n_segments - 1, label("level %d of a forest", levels));
            }
        }
        TestForest group = {0}; // one prompt, many completions, ours in the middle
        plant(&group, -1, 40, 40, 0);
        for (int32_t n = 0; n < 9; n++)
            plant(&group, 0, n == 5 ? 35 : 5 * n + 1, n == 5 ? 35 : 5 * n + 1, 0);
        expect_same(&s, &group, 6, "group");
        free_sequence(&s);
    }
}

// What comes after a token in its own segment does not reach it, not even as 0 * NaN.
static void the_future_is_unseen(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        Sequence s = make_sequence(shapes[i], 75);
        TestForest f = {0};
        plant(&f, -1, s.n, s.n, 0);
        for (int32_t known = s.n - 1; known > 0; known -= 9 * ONE_OF(3)) {
            for (size_t e = (size_t)(known * s.kv_cols); e < (size_t)(s.n * s.kv_cols); e++)
                s.k[e] = s.v[e] = NAN;
            float *out = host_floats((size_t)(s.n * s.q_cols)), *lse = host_floats((size_t)(s.n * s.shape.heads));
            for (int b = 0; b < bed.n_cpu; b++) {
                run_on_path(bed.cpu[b], &s, &f.forest, 0, noise, out, lse);
                const char *where = label("%d known, %s", known, backend_describe(bed.cpu[b]));
                expect_bits(out, s.out, (size_t)(known * s.q_cols), where);
                expect_bits(lse, s.lse, (size_t)(known * s.shape.heads), where);
            }
            mem_free(out), mem_free(lse);
        }
        free_sequence(&s);
    }
}

// The backward: the same bits on every instruction set and number of threads, for one forest.
static void backward(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        TestForest f = {0};
        plant_random(&f, (uint32_t)i, 1 + (int32_t)i % 5, 40, i == 3);
        plant(&f, -1, 100, 100, 0);
        Shape shape = shapes[i];
        int32_t q_cols = shape.heads * shape.head_dim, kv_cols = shape.kv_heads * shape.head_dim;
        size_t nq = (size_t)(f.forest.n_rows * q_cols), nk = (size_t)(f.forest.n_kv * kv_cols);
        size_t nl = (size_t)(f.forest.n_rows * shape.heads), total = nq + 2 * nk;
        float *q = random_floats(nq, 1, 1), *k = random_floats(nk, 2, 1), *v = random_floats(nk, 3, 1);
        float *dout = random_floats(nq, 4, 1), *lse = random_floats(nl, 5, 1);
        float *all[2] = {host_floats(total), host_floats(total)};
        for (int b = 0; b < bed.n_cpu; b++) {
            for (int threads = 1; threads <= 2; threads++) {
                Backend *be = bed.cpu[b];
                cpu_backend_set_threads(be, threads);
                bool first = b == 0 && threads == 1;
                float *to = all[!first];
                Mat mq = put_mat(be, q, f.forest.n_rows, q_cols), mk = put_mat(be, k, f.forest.n_kv, kv_cols);
                Mat mv = put_mat(be, v, f.forest.n_kv, kv_cols), md = put_mat(be, dout, f.forest.n_rows, q_cols);
                Mat ml = put_mat(be, lse, f.forest.n_rows, shape.heads), dq = put_nan(be, f.forest.n_rows, q_cols);
                Mat dk = put_mat(be, v, f.forest.n_kv, kv_cols), dv = put_mat(be, k, f.forest.n_kv, kv_cols);
                RUN(be, attention_backward, dq, dk, dv, md, mq, ml, mq, mk, mv, &f.forest, shape.head_dim, 0.1f);
                take_mat(be, to, dq), take_mat(be, to + nq, dk), take_mat(be, to + nq + nk, dv);
                drop_mat(be, mq), drop_mat(be, mk), drop_mat(be, mv), drop_mat(be, md), drop_mat(be, ml);
                if (!first)
                    expect_bits(all[1], all[0], total, label("attention_backward %zu %s, %d threads", i,
                                                             backend_describe(be), threads));
            }
            cpu_backend_set_threads(bed.cpu[b], threads_available());
        }
        mem_free(q), mem_free(k), mem_free(v), mem_free(dout), mem_free(lse), mem_free(all[0]), mem_free(all[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut), cmocka_unit_test(long_sequence), cmocka_unit_test(chains),
        cmocka_unit_test(company), cmocka_unit_test(the_future_is_unseen), cmocka_unit_test(backward),
    };
    return RUN_OP_TESTS(tests);
}
