// Embedding, gather, scatter, cache writes and addition. They move floats or add them in a stated order, so that every
// result is known to the bit: the expected values are plain F32 loops here, and `ref` is held to them like the others.
#include "op_test.h"

static Backend *backend_at(int i) { return i == 0 ? bed.ref : bed.cpu[i - 1]; }

typedef struct Case {
    int32_t t, c, v; // T rows of C columns; V rows in the table
} Case;
static const Case cases[] = {{1, 1, 1}, {1, 33, 5}, {5, 64, 3}, {17, 7, 31}, {40, 96, 33}, {100, 130, 70},
                             {310, 1000, 37}}; // the last is worth threads

static void embed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t tc = (size_t)c->t * (size_t)c->c, vc = (size_t)c->v * (size_t)c->c;
        float *w = random_floats(vc, (uint32_t)i, 1), *expected = host_floats(tc), *actual = host_floats(tc);
        int32_t *ids = random_ids((size_t)c->t, (uint32_t)i, c->v);
        for (int half = 0; half < 2; half++) {
            for (size_t e = 0; e < vc && half; e++) // values that BF16 holds: 8 bits
                w[e] = rintf(w[e] * 128) / 128;
            for (size_t e = 0; e < tc; e++)
                expected[e] = w[(size_t)ids[e / (size_t)c->c] * (size_t)c->c + e % (size_t)c->c];
            for (int b = 0; b <= bed.n_cpu; b++) {
                Backend *be = backend_at(b);
                Weight table = put_weight(be, half ? DTYPE_BF16 : DTYPE_F32, w, c->v, c->c);
                Mat out = put_nan(be, c->t, c->c);
                RUN(be, embed, out, table, ids);
                take_mat(be, actual, out);
                drop_weight(be, table);
                expect_bits(actual, expected, tc, label("embed %zu %s", i, backend_describe(be)));
            }
        }
        mem_free(w), mem_free(expected), mem_free(actual), mem_free(ids);
    }
}

// Ids repeat, so that the stated order (rows in turn, F32) decides the bits.
static void embed_backward(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t tc = (size_t)c->t * (size_t)c->c, vc = (size_t)c->v * (size_t)c->c;
        float *dw = random_floats(vc, (uint32_t)i, 1), *dout = random_floats(tc, 20 + (uint32_t)i, 1);
        float *expected = copy_floats(dw, vc), *actual = host_floats(vc);
        int32_t *ids = random_ids((size_t)c->t, (uint32_t)i, c->v);
        for (size_t e = 0; e < tc; e++)
            expected[(size_t)ids[e / (size_t)c->c] * (size_t)c->c + e % (size_t)c->c] += dout[e];
        for (int b = 0; b <= bed.n_cpu; b++) {
            Backend *be = backend_at(b);
            Weight to = put_weight(be, DTYPE_F32, dw, c->v, c->c);
            Mat from = put_mat(be, dout, c->t, c->c);
            RUN(be, embed_backward, to, from, ids);
            take_weight(be, actual, to);
            drop_mat(be, from);
            expect_bits(actual, expected, vc, label("embed_backward %zu %s", i, backend_describe(be)));
        }
        mem_free(dw), mem_free(dout), mem_free(expected), mem_free(actual), mem_free(ids);
    }
}

static void gather_and_scatter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i]; // P = t rows out of v
        size_t pc = (size_t)c->t * (size_t)c->c, xc = (size_t)c->v * (size_t)c->c;
        float *x = random_floats(xc, (uint32_t)i, 1), *from = random_floats(pc, 20 + (uint32_t)i, 1);
        float *gathered = host_floats(pc), *scattered = copy_floats(x, xc), *actual = host_floats(pc > xc ? pc : xc);
        int32_t *rows = random_ids((size_t)c->t, (uint32_t)i, c->v);
        for (size_t e = 0; e < pc; e++) {
            size_t at = (size_t)rows[e / (size_t)c->c] * (size_t)c->c + e % (size_t)c->c;
            gathered[e] = x[at];
            scattered[at] += from[e];
        }
        for (int b = 0; b <= bed.n_cpu; b++) {
            Backend *be = backend_at(b);
            Mat m = put_mat(be, x, c->v, c->c), out = put_nan(be, c->t, c->c), add = put_mat(be, from, c->t, c->c);
            RUN(be, rows_gather, out, m, rows);
            take_mat(be, actual, out);
            expect_bits(actual, gathered, pc, label("rows_gather %zu %s", i, backend_describe(be)));
            RUN(be, rows_scatter_add, m, add, rows);
            take_mat(be, actual, m);
            expect_bits(actual, scattered, xc, label("rows_scatter_add %zu %s", i, backend_describe(be)));
            drop_mat(be, add);
        }
        mem_free(x), mem_free(from), mem_free(gathered), mem_free(scattered), mem_free(actual), mem_free(rows);
    }
}

// A cached root with nothing new, a leaf with 3 cached and 2 new tokens, a leaf all new, a leaf of one step, KV rows
// out of order with gaps.
// A cache is read by attention alone: after the write it must give the bits of matrices whose rows are where the forest
// says, with all other rows as they were.
static void kv_write_puts_new_tokens_last(void **state)
{
    (void)state;
    const Segment segments[] = {
        {.parent = -1, .position = 0, .n_tokens = 4, .n_new = 0, .row = 0, .kv_row = 9},
        {.parent = 0, .position = 4, .n_tokens = 5, .n_new = 2, .row = 0, .kv_row = 1},
        {.parent = 0, .position = 4, .n_tokens = 3, .n_new = 3, .row = 2, .kv_row = 14},
        {.parent = 0, .position = 4, .n_tokens = 1, .n_new = 1, .row = 5, .kv_row = 18},
    };
    enum { ROWS = 6, ALL = 20, COLS = 24, HEAD = 8, N = ALL * COLS };
    const Forest forest = {segments, 4, ROWS, ALL};
    static const int kv_row_of[ROWS] = {4, 5, 14, 15, 16, 18};
    const Segment whole = {.parent = -1, .n_tokens = ALL, .n_new = ALL};
    const Forest everything = {&whole, 1, ALL, ALL};
    float *k = random_floats(N, 1, 1), *v = random_floats(N, 2, 1), *q = random_floats(N, 3, 1);
    float *new_k = random_floats(ROWS * COLS, 4, 1), *new_v = random_floats(ROWS * COLS, 5, 1);
    float *expected = host_floats(N), *actual = host_floats(N);
    float *after_k = copy_floats(k, N), *after_v = copy_floats(v, N);
    for (int t = 0; t < ROWS; t++) {
        memcpy(after_k + kv_row_of[t] * COLS, new_k + t * COLS, COLS * sizeof(float));
        memcpy(after_v + kv_row_of[t] * COLS, new_v + t * COLS, COLS * sizeof(float));
    }
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = backend_at(b);
        Mat mk = put_mat(be, k, ALL, COLS), mv = put_mat(be, v, ALL, COLS), mq = put_mat(be, q, ALL, COLS);
        Mat nk = put_mat(be, new_k, ROWS, COLS), nv = put_mat(be, new_v, ROWS, COLS);
        Mat ak = put_mat(be, after_k, ALL, COLS), av = put_mat(be, after_v, ALL, COLS);
        Mat lse = put_nan(be, ALL, COLS / HEAD), out = put_nan(be, ALL, COLS), out2 = put_nan(be, ALL, COLS);
        size_t side = cached_side_bytes(ALL, COLS);
        CachedKv cached = {RUN(be, alloc, side), RUN(be, alloc, side), ALL, COLS, HEAD};
        RUN(be, kv_write, cached, mk, mv, &everything);
        RUN(be, kv_write, cached, nk, nv, &forest);
        RUN(be, attention, out, lse, mq, ak, av, &everything, HEAD, 0.5f);
        RUN(be, attention_cached, out2, lse, mq, cached, &everything, 0.5f);
        take_mat(be, expected, out), take_mat(be, actual, out2);
        expect_bits(actual, expected, N, backend_describe(be));
        drop_mat(be, mk), drop_mat(be, mv), drop_mat(be, mq), drop_mat(be, nk), drop_mat(be, nv);
        drop_mat(be, ak), drop_mat(be, av), drop_mat(be, lse);
        RUN(be, release, cached.k);
        RUN(be, release, cached.v);
    }
    mem_free(k), mem_free(v), mem_free(q), mem_free(new_k), mem_free(new_v), mem_free(expected), mem_free(actual);
    mem_free(after_k), mem_free(after_v);
}

static void add(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const Case *c = &cases[i];
        size_t n = (size_t)c->t * (size_t)c->c;
        float *x = random_floats(n, 1, 1), *y = random_floats(n, 2, 1), *expected = host_floats(n);
        float *actual = host_floats(n);
        for (size_t e = 0; e < n; e++)
            expected[e] = x[e] + y[e];
        for (int b = 0; b <= bed.n_cpu; b++) {
            for (int alias = 0; alias < 3; alias++) { // a new matrix, over a, over b
                Backend *be = backend_at(b);
                Mat mx = put_mat(be, x, c->t, c->c), my = put_mat(be, y, c->t, c->c), out = put_nan(be, c->t, c->c);
                Mat to = alias == 0 ? out : alias == 1 ? mx : my;
                RUN(be, add, to, mx, my);
                RUN(be, download, actual, to.data, n * sizeof *actual);
                expect_bits(actual, expected, n, label("add %zu alias %d %s", i, alias, backend_describe(be)));
                drop_mat(be, mx), drop_mat(be, my), drop_mat(be, out);
            }
        }
        mem_free(x), mem_free(y), mem_free(expected), mem_free(actual);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embed),
        cmocka_unit_test(embed_backward),
        cmocka_unit_test(gather_and_scatter),
        cmocka_unit_test(kv_write_puts_new_tokens_last),
        cmocka_unit_test(add),
    };
    return RUN_OP_TESTS(tests);
}
