// 8-bit weights: what quantising does to a block, and that every operation sees the widened values and nothing else.
#include <stdlib.h>
#include "compute/q8.h"
#include "op_test.h"

// Formulas: an error of at most half a step (and what rounding the scale to 16 bits adds), 127 for the largest, products
// that F32 holds, and values that come back to the same bits once they have been widened.
static void blocks_keep_their_formula(void **state)
{
    (void)state;
    for (uint32_t stream = 0; stream < 400; stream++) {
        int32_t n = 1 + random_below(stream, 1, Q8_BLOCK);
        float size = ldexpf(1, -90 + random_below(stream, 2, 180)), wide[Q8_BLOCK];
        float *x = random_floats((size_t)n, stream, size);
        int8_t q[Q8_BLOCK], again[Q8_BLOCK];
        float scale = q8_quantise(x, n, q);
        int largest_q = 0;
        for (int32_t i = 0; i < n; i++) {
            wide[i] = scale * (float)q[i];
            assert_true((double)wide[i] == (double)scale * q[i]); // exact
            assert_true(fabs((double)wide[i] - x[i]) <= scale * (0.5 + 127 * 0x1p-16));
            largest_q = abs(q[i]) > largest_q ? abs(q[i]) : largest_q;
        }
        assert_int_equal(largest_q, 127);
        float scale_again = q8_quantise(wide, n, again);
        assert_memory_equal(&scale_again, &scale, sizeof scale);
        assert_memory_equal(again, q, (size_t)n);
        mem_free(x);
    }
    int8_t q[3];
    assert_true(q8_quantise((float[]){0, -0.0f, 1e-38f}, 3, q) == 0);
    assert_true(q[0] == 0 && q[1] == 0 && q[2] == 0);
    // 2.54 / 127 is 0.02, here to 16 bits: 1, 63.5 (a tie, to the even 64) and -127 steps
    float tenth = q8_round_scale(0.02f);
    assert_true(q8_quantise((float[]){tenth, 63.5f * tenth, -127 * tenth}, 3, q) == tenth);
    assert_true(q[0] == 1 && q[1] == 64 && q[2] == -127);
}

static const int32_t shapes[][2] = {{1, 1}, {33, 5}, {32, 32}, {70, 33}, {64, 256}, {257, 100}, {200, 1100}};

// Upload, download and every conversion, against quantising the rows block by block.
static void weights_come_back(void **state)
{
    (void)state;
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = b == 0 ? bed.ref : bed.cpu[b - 1];
        for (size_t s = 0; s < COUNT(shapes); s++) {
            int32_t n_out = shapes[s][0], n_in = shapes[s][1];
            size_t n = (size_t)n_out * (size_t)n_in;
            float *in = random_floats(n, (uint32_t)s, 3), *want = host_floats(n), *out = host_floats(n);
            for (int32_t o = 0; o < n_out; o++)
                for (int32_t i = 0; i < n_in; i += Q8_BLOCK) {
                    int8_t q[Q8_BLOCK];
                    int32_t count = n_in - i < Q8_BLOCK ? n_in - i : Q8_BLOCK;
                    float scale = q8_quantise(in + (size_t)o * (size_t)n_in + i, count, q);
                    for (int32_t j = 0; j < count; j++)
                        want[(size_t)o * (size_t)n_in + (size_t)(i + j)] = scale * q[j];
                }
            take_weight(be, out, put_weight(be, DTYPE_Q8_0, in, n_out, n_in));
            expect_bits(out, want, n, label("upload %s", backend_describe(be)));
            Weight wide = put_weight(be, DTYPE_F32, in, n_out, n_in), half = put_weight(be, DTYPE_BF16, want, n_out, n_in);
            Weight q8 = put_weight(be, DTYPE_Q8_0, want, n_out, n_in), q8_too = put_weight(be, DTYPE_Q8_0, want, n_out, n_in);
            RUN(be, weight_convert, q8, wide);
            RUN(be, weight_convert, q8_too, q8);
            RUN(be, weight_convert, wide, q8_too);
            take_weight(be, out, wide);
            expect_bits(out, want, n, label("f32 -> q8 -> q8 -> f32 %s", backend_describe(be)));
            RUN(be, weight_convert, half, q8);
            take_weight(be, out, half);
            Weight rounded = put_weight(be, DTYPE_BF16, want, n_out, n_in);
            float *want_half = host_floats(n);
            take_weight(be, want_half, rounded);
            expect_bits(out, want_half, n, label("q8 -> bf16 %s", backend_describe(be)));
            drop_weight(be, q8), drop_weight(be, q8_too);
            mem_free(in), mem_free(want), mem_free(out), mem_free(want_half);
        }
    }
}

typedef struct Results {
    float *linear, *input_gradient, *embedded, *logp;
} Results;

// Products of x[rows, n_in] and of its gradient with a weight, its rows, and log-probs with it as a head.
static Results compute(Backend *be, Weight w, int32_t rows, const float *x, const float *dout, const int32_t *ids)
{
    size_t outs = (size_t)rows * (size_t)w.n_out, ins = (size_t)rows * (size_t)w.n_in;
    Results r = {host_floats(outs), host_floats(ins), host_floats(ins), host_floats((size_t)rows)};
    Mat in = put_mat(be, x, rows, w.n_in), out = put_nan(be, rows, w.n_out);
    RUN(be, linear, out, in, w, VEC_NONE, (Mat){{0}, 0, 0});
    take_mat(be, r.linear, out);
    Mat gradient = put_nan(be, rows, w.n_in), from = put_mat(be, dout, rows, w.n_out);
    RUN(be, linear_backward_input, gradient, from, w, false);
    take_mat(be, r.input_gradient, gradient);
    Mat embedded = put_nan(be, rows, w.n_in);
    RUN(be, embed, embedded, w, ids);
    take_mat(be, r.embedded, embedded);
    RUN(be, head_logprobs, r.logp, NULL, VEC_NONE, in, w, ids, 0.7f);
    drop_mat(be, in), drop_mat(be, from);
    return r;
}

static void results_free(Results *r)
{
    mem_free(r->linear), mem_free(r->input_gradient), mem_free(r->embedded), mem_free(r->logp);
}

// The reference: the same operations with an F32 weight of the widened values. The same bits, on every backend.
static void operations_see_the_widened_values(void **state)
{
    (void)state;
    static const int32_t all_rows[] = {1, 2, 5, 13, 70};
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = b == 0 ? bed.ref : bed.cpu[b - 1];
        for (size_t s = 0; s < COUNT(shapes) * COUNT(all_rows); s++) {
            int32_t n_out = shapes[s % COUNT(shapes)][0], n_in = shapes[s % COUNT(shapes)][1];
            int32_t rows = all_rows[s / COUNT(shapes)];
            size_t n = (size_t)n_out * (size_t)n_in, outs = (size_t)rows * (size_t)n_out, ins = (size_t)rows * (size_t)n_in;
            float *values = random_floats(n, 7, 1), *x = random_floats(ins, 8, 1), *dout = random_floats(outs, 9, 1);
            int32_t *ids = random_ids((size_t)rows, 10, n_out);
            Weight q8 = put_weight(be, DTYPE_Q8_0, values, n_out, n_in), wide = put_weight(be, DTYPE_F32, values, n_out, n_in);
            RUN(be, weight_convert, wide, q8);
            Results have = compute(be, q8, rows, x, dout, ids), want = compute(be, wide, rows, x, dout, ids);
            const char *where = label("%d rows of [%d, %d], %s", rows, n_out, n_in, backend_describe(be));
            expect_bits(have.linear, want.linear, outs, where);
            expect_bits(have.input_gradient, want.input_gradient, ins, where);
            expect_bits(have.embedded, want.embedded, ins, where);
            expect_bits(have.logp, want.logp, (size_t)rows, where);
            results_free(&have), results_free(&want);
            drop_weight(be, q8), drop_weight(be, wide);
            mem_free(values), mem_free(x), mem_free(dout), mem_free(ids);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_keep_their_formula),
        cmocka_unit_test(weights_come_back),
        cmocka_unit_test(operations_see_the_widened_values),
    };
    return RUN_OP_TESTS(tests);
}
