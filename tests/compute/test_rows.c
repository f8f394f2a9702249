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
static void kv_write_puts_new_tokens_last(void **state)
{
    (void)state;
    const Segment segments[] = {
        {.parent = -1, .position = 0, .n_tokens = 4, .n_new = 0, .row = 0, .kv_row = 9},
        {.parent = 0, .position = 4, .n_tokens = 5, .n_new = 2, .row = 0, .kv_row = 1},
        {.parent = 0, .position = 4, .n_tokens = 3, .n_new = 3, .row = 2, .kv_row = 14},
        {.parent = 0, .position = 4, .n_tokens = 1, .n_new = 1, .row = 5, .kv_row = 18},
    };
    enum { ROWS = 6 };
    const Forest forest = {segments, 4, ROWS, 20};
    static const int kv_row_of[ROWS] = {4, 5, 14, 15, 16, 18};
    enum { COLS = 24 };
    float *kv = random_floats(20 * COLS, 1, 1), *rows = random_floats(ROWS * COLS, 2, 1), actual[20 * COLS];
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = backend_at(b);
        Mat to = put_mat(be, kv, 20, COLS), from = put_mat(be, rows, ROWS, COLS);
        RUN(be, kv_write, to, from, &forest);
        take_mat(be, actual, to);
        drop_mat(be, from);
        float *expected = copy_floats(kv, 20 * COLS);
        for (int t = 0; t < ROWS; t++)
            memcpy(expected + kv_row_of[t] * COLS, rows + t * COLS, COLS * sizeof(float));
        expect_bits(actual, expected, 20 * COLS, backend_describe(be));
        mem_free(expected);
    }
    mem_free(kv), mem_free(rows);
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
