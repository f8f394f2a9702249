// Exactness of the cpu backends: the bits of a forward row do not depend on the other rows, on how many there are, on
// threads or on the instruction set; those of a backward not on threads or the instruction set. No tolerances here.
#include "op_test.h"

// Computes `n` rows of a fixed problem from row `first` on, `width` floats each. For a backward always all rows.
typedef void (*RowFunction)(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out);

typedef struct Subject {
    const char *name;
    RowFunction run;
    const void *problem;
    int32_t rows, width;
    bool backward; // or anything else whose sums go over rows
    Dtype dtype;
    const float *weight; // [n_out, n_in], in the backend's memory for all calls; NULL: none
    int32_t n_out, n_in;
} Subject;

// `chunk` rows at a time, at some places of the matrix: the first, the last and some between.
static void expect_chunks(Backend *be, const Subject *s, Weight w, int32_t chunk, const float *expected,
                          const char *where)
{
    enum { PLACES = 4 };
    size_t n = (size_t)chunk * (size_t)s->width;
    float *actual = host_floats(n);
    for (int32_t place = 0; place < PLACES; place += ONE_OF(3)) {
        int32_t first = (s->rows - chunk) * place / (PLACES - 1);
        s->run(be, s->problem, w, first, chunk, actual);
        expect_bits(actual, expected + (size_t)first * (size_t)s->width, n,
                    label("%s, rows %d to %d", where, first, first + chunk - 1));
    }
    mem_free(actual);
}

static void expect_exact(const Subject *s)
{
    static const int32_t chunks[] = {1, 2, 3, 4, 5, 7, 8, 13, 16, 31};
    size_t n = (size_t)s->rows * (size_t)s->width;
    float *expected = host_floats(n), *actual = host_floats(n);
    for (int b = 0; b < bed.n_cpu; b++) {
        Backend *be = bed.cpu[b];
        if (b == bed.n_cpu - 1) // the fastest
            poison(be);
        Weight w = s->weight ? put_weight(be, s->dtype, s->weight, s->n_out, s->n_in) : (Weight){0};
        for (int threads = 1; threads <= 3; threads++) {
            cpu_backend_set_threads(be, threads);
            bool first = b == 0 && threads == 1;
            s->run(be, s->problem, w, 0, s->rows, first ? expected : actual);
            const char *where = label("%s %s, %d threads", s->name, backend_describe(be), threads);
            if (!first)
                expect_bits(actual, expected, n, where);
            for (size_t k = 0; k < COUNT(chunks) && threads < 3 && !s->backward && chunks[k] < s->rows; k += ONE_OF(3))
                expect_chunks(be, s, w, chunks[k], expected, where);
        }
        cpu_backend_set_threads(be, threads_available());
        if (s->weight)
            drop_weight(be, w);
    }
    mem_free(expected), mem_free(actual);
}

static void expect_exact_rows(const char *name, RowFunction run, const void *problem, int32_t rows, int32_t width)
{
    expect_exact(&(Subject){.name = name, .run = run, .problem = problem, .rows = rows, .width = width});
}

// For sums over rows: `width` floats that come all at once.
static void expect_exact_sums(const char *name, RowFunction run, const void *problem, int32_t width)
{
    expect_exact(&(Subject){.name = name, .run = run, .problem = problem, .rows = 1, .width = width, .backward = true});
}

// ---- projections
typedef struct Linear {
    int32_t t, k, n;
    Dtype dtype;
    float *x, *w, *y; // x[T,K], w[N,K], y[T,N]: residual or dout
} Linear;

static void linear_rows(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    const Linear *l = problem;
    Mat x = put_mat(be, l->x + first * l->k, n, l->k), r = put_mat(be, l->y + first * l->n, n, l->n);
    Vec bias = put_vec(be, l->w, l->n);
    RUN(be, linear, r, x, w, bias, r);
    take_mat(be, out, r);
    drop_mat(be, x), drop_vec(be, bias);
}

static void linear_backward_rows(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    const Linear *l = problem;
    Mat dx = put_nan(be, n, l->k), dout = put_mat(be, l->y + first * l->n, n, l->n);
    RUN(be, linear_backward_input, dx, dout, w, false);
    take_mat(be, out, dx);
    drop_mat(be, dout);
}

static void linear_backward_weights(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    (void)w, (void)first, (void)n;
    const Linear *l = problem;
    Mat x = put_mat(be, l->x, l->t, l->k), dout = put_mat(be, l->y, l->t, l->n);
    Weight dw = put_weight(be, DTYPE_F32, l->w, l->n, l->k);
    Vec dbias = put_vec(be, l->w, l->n);
    RUN(be, linear_backward_weight, dw, dbias, dout, x);
    take_weight(be, out, dw);
    take_vec(be, out + l->n * l->k, dbias);
    drop_mat(be, x), drop_mat(be, dout);
}

static void expect_linear(const char *name, RowFunction run, const Linear *l, int32_t rows, int32_t width,
                          bool backward)
{
    expect_exact(&(Subject){name, run, l, rows, width, backward, l->dtype, l->w, l->n, l->k});
}

static void projections(void **state)
{
    (void)state;
    static const int32_t shapes[][3] = {{70, 96, 64}, {33, 37, 45}, {17, 300, 31}, {129, 64, 97}, {40, 8, 1}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        for (int half = 0; half < 2; half++) {
            Linear l = {.t = shapes[i][0], .k = shapes[i][1], .n = shapes[i][2]};
            l.dtype = half ? DTYPE_BF16 : DTYPE_F32;
            l.x = random_floats((size_t)(l.t * l.k), 1, 1);
            l.w = random_floats((size_t)(l.n * l.k), 2, 1);
            l.y = random_floats((size_t)(l.t * l.n), 3, 1);
            expect_linear("linear", linear_rows, &l, l.t, l.n, false);
            expect_linear("linear_backward_input", linear_backward_rows, &l, l.t, l.k, true);
            expect_linear("linear_backward_weight", linear_backward_weights, &l, 1, l.n * (l.k + 1), true);
            mem_free(l.x), mem_free(l.w), mem_free(l.y);
        }
    }
}

// ---- row by row: norm, rope, activation
typedef struct Rows {
    int32_t t, c;
    float *x, *y, *weight;
    int32_t *positions;
} Rows;

static void rmsnorm_rows(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    (void)w;
    const Rows *r = problem; // out: the row, then its rstd
    Mat x = put_mat(be, r->x + first * r->c, n, r->c), y = put_nan(be, n, r->c);
    Vec weight = put_vec(be, r->weight, r->c), rstd = vec(put_nan(be, 1, n).data, n);
    RUN(be, rmsnorm, y, rstd, x, weight, 1e-6f);
    float *rows = host_floats((size_t)(n * r->c)), *scales = host_floats((size_t)n);
    take_mat(be, rows, y), take_vec(be, scales, rstd);
    for (int32_t t = 0; t < n; t++) {
        memcpy(out + t * (r->c + 1), rows + t * r->c, (size_t)r->c * sizeof(float));
        out[t * (r->c + 1) + r->c] = scales[t];
    }
    mem_free(rows), mem_free(scales);
    drop_mat(be, x), drop_vec(be, weight);
}

static void rmsnorm_backward(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    (void)w, (void)first, (void)n;
    const Rows *r = problem;
    Mat x = put_mat(be, r->x, r->t, r->c), dout = put_mat(be, r->y, r->t, r->c), dx = put_mat(be, r->y, r->t, r->c);
    Vec weight = put_vec(be, r->weight, r->c), dweight = put_vec(be, r->weight, r->c), rstd = put_vec(be, r->y, r->t);
    RUN(be, rmsnorm_backward, dx, dweight, dout, x, weight, rstd);
    take_mat(be, out, dx);
    take_vec(be, out + r->t * r->c, dweight);
    drop_mat(be, x), drop_mat(be, dout), drop_vec(be, weight), drop_vec(be, rstd);
}

static void swiglu_rows(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    (void)w;
    const Rows *r = problem;
    Mat gate = put_mat(be, r->x + first * r->c, n, r->c), up = put_mat(be, r->y + first * r->c, n, r->c);
    Mat y = put_nan(be, n, r->c);
    RUN(be, swiglu, y, gate, up);
    take_mat(be, out, y);
    drop_mat(be, gate), drop_mat(be, up);
}

static void swiglu_backward(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    (void)w, (void)first, (void)n;
    const Rows *r = problem; // both gradients, one after the other
    Mat gate = put_mat(be, r->x, r->t, r->c), up = put_mat(be, r->y, r->t, r->c), dout = put_mat(be, r->y, r->t, r->c);
    RUN(be, swiglu_backward, gate, up, dout, gate, up);
    take_mat(be, out, gate);
    take_mat(be, out + r->t * r->c, up);
    drop_mat(be, dout);
}

static void rope_rows(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    (void)w;
    const Rows *r = problem;
    enum { HALF = 4 };
    Mat x = put_mat(be, r->x + first * r->c, n, r->c), table = put_mat(be, r->x, 10, HALF);
    RopeTable rope = {table.data, dev_offset(table.data, 10 * sizeof(float)), 7, HALF}; // any numbers do
    RUN(be, rope, x, 2 * HALF, rope, r->positions + first, false);
    take_mat(be, out, x);
    drop_mat(be, table);
}

static void elementwise(void **state)
{
    (void)state;
    static const int32_t shapes[][2] = {{70, 64}, {19, 104}, {310, 1000}, {5, 8}}; // one that is worth threads
    for (size_t i = 0; i < COUNT(shapes); i++) {
        Rows r = {.t = shapes[i][0], .c = shapes[i][1]};
        size_t n = (size_t)(r.t * r.c);
        r.x = random_floats(n, 1, 3), r.y = random_floats(n, 2, 1), r.weight = random_floats((size_t)r.c, 3, 1);
        r.positions = random_ids((size_t)r.t, 4, 7);
        expect_exact_rows("rmsnorm", rmsnorm_rows, &r, r.t, r.c + 1);
        expect_exact_sums("rmsnorm_backward", rmsnorm_backward, &r, (r.t + 1) * r.c);
        expect_exact_rows("swiglu", swiglu_rows, &r, r.t, r.c);
        expect_exact_sums("swiglu_backward", swiglu_backward, &r, r.t * 2 * r.c);
        expect_exact_rows("rope", rope_rows, &r, r.t, r.c);
        mem_free(r.x), mem_free(r.y), mem_free(r.weight), mem_free(r.positions);
    }
}

// ---- head
typedef struct Head {
    int32_t p, c, v;
    Dtype dtype;
    SampleSettings settings;
    float *x, *w, *uniforms;
    int32_t *targets;
} Head;

static void head_rows(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    const Head *h = problem; // out: logp, entropy, lse
    Mat x = put_mat(be, h->x + first * h->c, n, h->c);
    Vec lse = vec(put_nan(be, 1, n).data, n);
    float *part[3];
    for (int i = 0; i < 3; i++)
        part[i] = host_floats((size_t)n);
    RUN(be, head_logprobs, part[0], part[1], lse, x, w, h->targets + first, h->settings.temperature);
    take_vec(be, part[2], lse);
    for (int32_t p = 0; p < n; p++)
        for (int i = 0; i < 3; i++)
            out[p * 3 + i] = part[i][p];
    for (int i = 0; i < 3; i++)
        mem_free(part[i]);
    drop_mat(be, x);
}

// The other head's hidden states and weights are the first ones', shifted and cut to another width.
static void kl_rows(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    const Head *h = problem;
    int32_t c = h->c - 3;
    Mat x = put_mat(be, h->x + first * h->c, n, h->c), other_x = put_mat(be, h->w + first * c, n, c);
    Weight other = put_weight(be, h->dtype, h->w + 7, h->v, c);
    RUN(be, head_kl, out, x, w, other_x, other, h->settings.temperature);
    drop_mat(be, x), drop_mat(be, other_x), drop_weight(be, other);
}

static void sample_rows(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    const Head *h = problem; // out: id, logp
    Mat x = put_mat(be, h->x + first * h->c, n, h->c);
    int32_t *ids = mem_alloc((size_t)n, sizeof *ids);
    float *logp = host_floats((size_t)n);
    RUN(be, head_sample, ids, logp, x, w, &h->settings, h->uniforms + first);
    for (int32_t p = 0; p < n; p++) {
        out[2 * p] = (float)ids[p];
        out[2 * p + 1] = logp[p];
    }
    mem_free(ids), mem_free(logp);
    drop_mat(be, x);
}

static void logits_rows(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    const Head *h = problem;
    Mat x = put_mat(be, h->x + first * h->c, n, h->c);
    RUN(be, head_logits, out, x, w);
    drop_mat(be, x);
}

static void head_backward(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    (void)first, (void)n;
    const Head *h = problem; // any lse and dlogp do
    float *lse_host = host_floats((size_t)h->p);
    for (int32_t p = 0; p < h->p; p++)
        lse_host[p] = 5;
    Mat x = put_mat(be, h->x, h->p, h->c), dx = put_nan(be, h->p, h->c);
    Weight dw = put_weight(be, DTYPE_F32, h->w, h->v, h->c);
    Vec lse = put_vec(be, lse_host, h->p);
    RUN(be, head_logprobs_backward, dx, dw, h->x, lse, x, w, h->targets, h->settings.temperature);
    take_mat(be, out, dx);
    take_weight(be, out + h->p * h->c, dw);
    drop_mat(be, x), drop_vec(be, lse);
    mem_free(lse_host);
}

static void expect_head(const char *name, RowFunction run, const Head *h, int32_t rows, int32_t width, bool backward)
{
    expect_exact(&(Subject){name, run, h, rows, width, backward, h->dtype, h->w, h->v, h->c});
}

static void head(void **state)
{
    (void)state;
    static const struct {
        int32_t p, c, v;
        SampleSettings settings;
    } shapes[] = {
        {70, 16, 300, {0.7f, 0, 1, 0}},
        {33, 40, 1031, {1, 50, 0.9f, 0.01f}},
        {17, 8, 33, {1.3f, 0, 0.5f, 0}},
        {20, 64, 4500, {0.7f, 0, 0.95f, 0}},
    };
    for (size_t i = 0; i < COUNT(shapes); i++) {
        for (int half = 0; half < 2; half++) {
            Head h = {.p = shapes[i].p, .c = shapes[i].c, .v = shapes[i].v, .dtype = half ? DTYPE_BF16 : DTYPE_F32,
                      .settings = shapes[i].settings};
            h.x = random_floats((size_t)(h.p * h.c), 1, 1);
            h.w = random_floats((size_t)(h.v * h.c), 2, 1);
            h.uniforms = random_uniforms((size_t)h.p, 3);
            h.targets = random_ids((size_t)h.p, 4, h.v);
            expect_head("head_logprobs", head_rows, &h, h.p, 3, false);
            expect_head("head_kl", kl_rows, &h, h.p, 1, false);
            expect_head("head_sample", sample_rows, &h, h.p, 2, false);
            expect_head("head_logits", logits_rows, &h, h.p, h.v, false);
            expect_head("head_logprobs_backward", head_backward, &h, 1, (h.p + h.v) * h.c, true);
            h.settings = (SampleSettings){0, 0, 1, 0};
            expect_head("head_sample, greedy", sample_rows, &h, h.p, 2, false);
            mem_free(h.x), mem_free(h.w), mem_free(h.uniforms), mem_free(h.targets);
        }
    }
}

// ---- arenas
static void arena_ops(Backend *be, const void *problem, Weight w, int32_t first, int32_t n, float *out)
{
    (void)w, (void)first, (void)n;
    const Rows *r = problem;
    int32_t count = r->t * r->c;
    Mat p = put_mat(be, r->x, 1, count), g = put_mat(be, r->y, 1, count), m = put_mat(be, r->y, 1, count);
    float *squares = absolute(r->x, (size_t)count);
    Mat v = put_mat(be, squares, 1, count);
    const AdamwSettings settings = {1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.3f, 3};
    RUN(be, adamw, p.data, g.data, m.data, v.data, (size_t)count, &settings);
    RUN(be, ema, g.data, p.data, (size_t)count, 0.9f);
    RUN(be, axpy, m.data, g.data, (size_t)count, 0.37f);
    double sum = RUN(be, sum_squares, p.data, (size_t)count);
    memcpy(out, &sum, sizeof sum);
    out += 2;
    take_mat(be, out, p), take_mat(be, out + count, g), take_mat(be, out + 2 * count, m);
    take_mat(be, out + 3 * count, v);
    mem_free(squares);
}

static void arenas(void **state)
{
    (void)state;
    static const int32_t sizes[] = {1, 33, 1000, 400003};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t n = (size_t)sizes[i];
        Rows r = {.t = 1, .c = sizes[i], .x = random_floats(n, 1, 1), .y = random_floats(n, 2, 1)};
        expect_exact_sums("arenas", arena_ops, &r, 4 * sizes[i] + 2);
        mem_free(r.x), mem_free(r.y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projections),
        cmocka_unit_test(elementwise),
        cmocka_unit_test(head),
        cmocka_unit_test(arenas),
    };
    return RUN_OP_TESTS(tests);
}
