// Backends by name, their memory, and the layout of weights.
#include "compute/bf16.h"
#include "op_test.h"

static Backend *backend_at(int i) { return i == 0 ? bed.ref : bed.cpu[i - 1]; }

static void names(void **state)
{
    (void)state;
    Error error;
    Backend *be = NULL;
    assert_true(backend_create("cpu", &be, &error));
    assert_int_equal(strncmp(backend_describe(be), "cpu (", 5), 0);
    assert_string_equal(be->ops->name, "cpu");
    backend_destroy(be);
    backend_destroy(NULL);
    static const char *const wrong[] = {"gpu", "", "cpu:", "cpu:sse9", "ref:avx2", "cpux"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        error.message[0] = '\0';
        assert_false(backend_create(wrong[i], &be, &error));
        assert_non_null(strstr(error.message, "cpu:portable")); // says what there is
    }
    assert_string_equal(bed.ref->ops->name, "ref");
}

static void memory_moves_bytes(void **state)
{
    (void)state;
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = backend_at(b);
        uint8_t in[300], out[300];
        for (int i = 0; i < 300; i++)
            in[i] = (uint8_t)(i * 7 + 1);
        Dev a = RUN(be, alloc, 300), c = RUN(be, alloc, 300);
        assert_int_equal(a.address % 64, 0);
        RUN(be, download, out, a, 300);
        for (int i = 0; i < 300; i++)
            assert_int_equal(out[i], 0);
        RUN(be, upload, a, in, 300);
        RUN(be, copy, dev_offset(c, 10), dev_offset(a, 4), 200);
        RUN(be, zero, dev_offset(c, 20), 5);
        RUN(be, download, out, c, 300);
        for (int i = 0; i < 300; i++)
            assert_int_equal(out[i], i < 10 || i >= 210 || (i >= 20 && i < 25) ? 0 : in[i - 6]);
        RUN(be, release, a);
        RUN(be, release, c);
        RUN(be, release, DEV_NONE);
        RUN(be, release, RUN(be, alloc, 0));
    }
}

static const int32_t shapes[][2] = {{1, 1}, {1, 70}, {31, 3}, {32, 8}, {33, 5}, {64, 64}, {100, 17}, {257, 12}};

static void weights_come_back(void **state)
{
    (void)state;
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = backend_at(b);
        for (size_t s = 0; s < COUNT(shapes); s++) {
            int32_t n_out = shapes[s][0], n_in = shapes[s][1];
            size_t n = (size_t)n_out * (size_t)n_in;
            float *in = random_floats(n, (uint32_t)s, 3), *out = host_floats(n), *rounded = host_floats(n);
            for (size_t i = 0; i < n; i++)
                rounded[i] = bf16_to_f32(bf16_from_f32(in[i]));
            take_weight(be, out, put_weight(be, DTYPE_F32, in, n_out, n_in));
            expect_bits(out, in, n, "f32");
            take_weight(be, out, put_weight(be, DTYPE_BF16, in, n_out, n_in));
            expect_bits(out, rounded, n, "bf16");
            Weight from = put_weight(be, DTYPE_F32, in, n_out, n_in), to = put_weight(be, DTYPE_F32, in, n_out, n_in);
            Weight half = put_weight(be, DTYPE_BF16, in, n_out, n_in);
            Weight half2 = put_weight(be, DTYPE_BF16, in, n_out, n_in);
            memset(out, 0, n * sizeof *out);
            RUN(be, weight_upload, half, out);
            RUN(be, weight_convert, half, from);
            RUN(be, weight_convert, half2, half);
            RUN(be, weight_convert, to, half2);
            take_weight(be, out, to);
            expect_bits(out, rounded, n, "f32 -> bf16 -> bf16 -> f32");
            drop_weight(be, half);
            drop_weight(be, half2);
            RUN(be, weight_upload, from, rounded);
            to = put_weight(be, DTYPE_F32, in, n_out, n_in);
            RUN(be, weight_convert, to, from);
            take_weight(be, out, to);
            expect_bits(out, rounded, n, "f32 -> f32");
            drop_weight(be, from);
            mem_free(in), mem_free(out), mem_free(rounded);
        }
    }
}

// Converting leaves the bytes that uploading does, padding included, whatever was there before.
static void a_converted_weight_is_an_uploaded_one(void **state)
{
    (void)state;
    static const Dtype types[] = {DTYPE_BF16, DTYPE_Q8_0};
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = backend_at(b);
        for (size_t s = 0; s < 2 * COUNT(shapes); s++) {
            int32_t n_out = shapes[s / 2][0], n_in = shapes[s / 2][1];
            size_t bytes = RUN(be, weight_bytes, types[s % 2], n_out, n_in);
            float *in = random_floats((size_t)n_out * (size_t)n_in, (uint32_t)s, 3);
            char *have = mem_alloc(bytes, 1), *want = mem_alloc(bytes, 1);
            Weight from = put_weight(be, DTYPE_F32, in, n_out, n_in), to = put_weight(be, types[s % 2], in, n_out, n_in);
            RUN(be, download, want, to.data, bytes);
            memset(have, 0x5a, bytes);
            RUN(be, upload, to.data, have, bytes);
            RUN(be, weight_convert, to, from);
            RUN(be, download, have, to.data, bytes);
            assert_memory_equal(have, want, bytes);
            drop_weight(be, from);
            drop_weight(be, to);
            mem_free(in), mem_free(have), mem_free(want);
        }
    }
}

// Known roundings (IEEE 754 to nearest, ties to even, at 8 bits of significand), special values included.
static void bf16_rounds_to_nearest_even(void **state)
{
    (void)state;
    static const struct {
        float from, to;
    } known[] = {
        {1.0f, 1.0f},
        {0x1.01p0f, 0x1.00p0f},        // a tie: to the even one, below
        {0x1.03p0f, 0x1.04p0f},        // a tie: to the even one, above
        {0x1.010002p0f, 0x1.02p0f},    // just above a tie
        {-0x1.01p0f, -0x1.00p0f},
        {0x1.fffffep127f, INFINITY},   // the largest F32
        {INFINITY, INFINITY},
        {-INFINITY, -INFINITY},
        {-0.0f, -0.0f},
        {0x1p-133f, 0x1p-133f},        // the smallest subnormal
        {0x1p-135f, 0.0f},
    };
    for (int b = 0; b <= bed.n_cpu; b++) {
        for (size_t i = 0; i < COUNT(known); i++) {
            Backend *be = backend_at(b);
            float out;
            Weight w = put_weight(be, DTYPE_BF16, &known[i].from, 1, 1);
            take_weight(be, &out, w);
            expect_bits(&out, &known[i].to, 1, label("bf16 %zu %s", i, backend_describe(be)));
        }
        float nan = 0, out;
        uint32_t bits = 0x7f800001u; // whose set bit rounding alone would lose, to infinity
        memcpy(&nan, &bits, 4);
        take_weight(backend_at(b), &out, put_weight(backend_at(b), DTYPE_BF16, &nan, 1, 1));
        assert_true(isnan(out));
    }
}

static void f32_layout_is_one_for_weights_and_gradients(void **state)
{
    (void)state;
    // an optimiser step over whole arenas: element-wise operations see the same order in both
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = backend_at(b);
        for (size_t s = 0; s < COUNT(shapes); s++) {
            int32_t n_out = shapes[s][0], n_in = shapes[s][1];
            size_t n = (size_t)n_out * (size_t)n_in;
            float *x = random_floats(n, 50 + (uint32_t)s, 1), *y = random_floats(n, 90 + (uint32_t)s, 1);
            Weight wx = put_weight(be, DTYPE_F32, x, n_out, n_in), wy = put_weight(be, DTYPE_F32, y, n_out, n_in);
            RUN(be, axpy, wy.data, wx.data, RUN(be, weight_bytes, DTYPE_F32, n_out, n_in) / sizeof(float), -0.5f);
            for (size_t i = 0; i < n; i++)
                y[i] += -0.5f * x[i]; // exact product: one rounding, as in fma
            drop_weight(be, wx);
            take_weight(be, x, wy);
            expect_bits(x, y, n, "axpy over a weight");
            mem_free(x), mem_free(y);
        }
    }
}

// A prefill predicts nothing, a batch may be empty: operations on no rows write nothing (the guards of op_test.h stand,
// and what gradients are added to stays as it is).
static void no_rows_are_nothing(void **state)
{
    (void)state;
    enum { C = 8, V = 40 };
    const Segment cached = {.parent = -1, .position = 0, .n_tokens = 3, .n_new = 0, .row = 0, .kv_row = 0};
    const Forest forest = {&cached, 1, 0, 3};
    const SampleSettings settings = {1, 0, 1, 0};
    float *host = random_floats(V * C, 1, 1), *after = host_floats(V * C), none;
    int32_t no_ids;
    for (int b = 0; b <= bed.n_cpu; b++) {
        Backend *be = backend_at(b);
        Mat x = put_mat(be, host, 0, C), y = put_mat(be, host, 0, V), kv = put_mat(be, host, 3, C);
        Mat lse = put_mat(be, host, 0, 1);
        Weight w = put_weight(be, DTYPE_F32, host, V, C), dw = put_weight(be, DTYPE_F32, host, V, C);
        Vec rows = vec(lse.data, 0), columns = put_vec(be, host, C);
        RUN(be, embed, x, w, &no_ids);
        RUN(be, embed_backward, dw, x, &no_ids);
        RUN(be, rmsnorm, x, rows, x, columns, 1e-6f);
        RUN(be, linear, y, x, w, VEC_NONE, (Mat){0});
        RUN(be, linear_backward_input, x, y, w, true);
        RUN(be, linear_backward_weight, dw, VEC_NONE, y, x);
        RUN(be, swiglu, x, x, x);
        RUN(be, rows_gather, x, kv, &no_ids);
        RUN(be, rows_scatter_add, kv, x, &no_ids);
        RUN(be, attention, x, lse, x, kv, kv, &forest, C, 1);
        size_t side = cached_side_bytes(3, C);
        CachedKv rows_of_three = {RUN(be, alloc, side), RUN(be, alloc, side), 3, C, C};
        RUN(be, kv_write, rows_of_three, x, x, &forest);
        RUN(be, attention_cached, x, lse, x, rows_of_three, &forest, 1);
        RUN(be, release, rows_of_three.k);
        RUN(be, release, rows_of_three.v);
        RUN(be, head_logprobs, &none, &none, rows, x, w, &no_ids, 1);
        RUN(be, head_logprobs_backward, x, dw, &none, rows, x, w, &no_ids, 1);
        RUN(be, head_sample, &no_ids, &none, x, w, &settings, &none);
        RUN(be, head_logits, &none, x, w);
        take_weight(be, after, dw);
        expect_bits(after, host, V * C, "a gradient of no rows");
        take_mat(be, after, kv);
        expect_bits(after, host, 3 * C, "scatter of no rows");
        drop_mat(be, x), drop_mat(be, y), drop_mat(be, lse), drop_weight(be, w), drop_vec(be, columns);
    }
    mem_free(host), mem_free(after);
}

static void reshape_keeps_the_floats(void **state)
{
    (void)state;
    Mat m = mat_reshape(mat((Dev){64}, 6, 8), 4);
    assert_int_equal(m.rows, 12);
    assert_int_equal(m.cols, 4);
    assert_int_equal(m.data.address, 64);
    m = mat_reshape(mat((Dev){64}, 0, 8), 4);
    assert_int_equal(m.rows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(memory_moves_bytes),
        cmocka_unit_test(weights_come_back),
        cmocka_unit_test(a_converted_weight_is_an_uploaded_one),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(f32_layout_is_one_for_weights_and_gradients),
        cmocka_unit_test(no_rows_are_nothing),
        cmocka_unit_test(reshape_keeps_the_floats),
    };
    return RUN_OP_TESTS(tests);
}
