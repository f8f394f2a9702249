// `ref` against PyTorch in double (torch_golden.py wrote torch_golden.h), so that the specification does not rest on
// our own formulas alone. Tolerance: ref sums in double and rounds each result to F32 once, but what it takes from
// earlier results is rounded too, of which e^-lse counts most: an lse of up to 16 makes its probabilities err by 16 u.
// So 16 u of the largest number of the array.
#include "op_test.h"
#include "torch_golden.h"

static float *fill(int stream, int n)
{
    float *x = host_floats((size_t)n);
    for (int i = 0; i < n; i++)
        x[i] = (float)((i * 7919 + stream * 4099) % 257 - 128) / 64;
    return x;
}

static Mat fill_mat(int stream, int rows, int cols)
{
    float *x = fill(stream, rows * cols);
    Mat m = put_mat(bed.ref, x, rows, cols);
    mem_free(x);
    return m;
}

static Vec fill_vec(int stream, int n) { return vec(fill_mat(stream, 1, n).data, n); }

static Weight fill_weight(int stream, int n_out, int n_in)
{
    float *x = fill(stream, n_out * n_in);
    Weight w = put_weight(bed.ref, DTYPE_F32, x, n_out, n_in);
    mem_free(x);
    return w;
}

static Mat zero_mat(int rows, int cols)
{
    Mat m = put_nan(bed.ref, rows, cols);
    RUN(bed.ref, zero, m.data, mat_count(m) * sizeof(float));
    return m;
}

static Weight zero_weight(int n_out, int n_in)
{
    Weight w = fill_weight(0, n_out, n_in);
    RUN(bed.ref, zero, w.data, (size_t)(n_out * n_in) * sizeof(float));
    return w;
}

static void expect_golden(const float *actual, const double *golden, size_t n, const char *what)
{
    double size = 0;
    for (size_t i = 0; i < n; i++)
        size = fmax(size, fabs(golden[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(actual[i] - golden[i]) <= 16 * U * size))
            fail_msg("%s: [%zu] is %.9g, PyTorch has %.9g", what, i, (double)actual[i], golden[i]);
}

static void take_golden(Mat m, const double *golden, const char *what)
{
    float *x = host_floats(mat_count(m));
    size_t n = mat_count(m);
    take_mat(bed.ref, x, m);
    expect_golden(x, golden, n, what);
    mem_free(x);
}

static void take_golden_weight(Weight w, const double *golden, const char *what)
{
    size_t n = (size_t)w.n_out * (size_t)w.n_in;
    float *x = host_floats(n);
    take_weight(bed.ref, x, w);
    expect_golden(x, golden, n, what);
    mem_free(x);
}

static void linear(void **state)
{
    (void)state;
    Mat x = fill_mat(1, 5, 6), r = fill_mat(4, 5, 7), dy = fill_mat(5, 5, 7), y = put_nan(bed.ref, 5, 7);
    Weight w = fill_weight(2, 7, 6), dw = zero_weight(7, 6);
    Vec b = fill_vec(3, 7);
    Mat db = zero_mat(1, 7), dx = put_nan(bed.ref, 5, 6);
    RUN(bed.ref, linear, y, x, w, b, r);
    RUN(bed.ref, linear_backward_input, dx, dy, w, false);
    RUN(bed.ref, linear_backward_weight, dw, vec(db.data, 7), dy, x);
    take_golden(y, linear_y, "linear y"), take_golden(dx, linear_dx, "linear dx");
    take_golden_weight(dw, linear_dw, "linear dw"), take_golden(db, linear_dbias, "linear dbias");
    drop_mat(bed.ref, x), drop_mat(bed.ref, r), drop_mat(bed.ref, dy), drop_weight(bed.ref, w), drop_vec(bed.ref, b);
}

static void rmsnorm(void **state)
{
    (void)state;
    Mat x = fill_mat(6, 4, 8), dy = fill_mat(8, 4, 8), y = put_nan(bed.ref, 4, 8), dx = zero_mat(4, 8);
    Mat rstd = put_nan(bed.ref, 1, 4), dweight = zero_mat(1, 8);
    Vec w = fill_vec(7, 8);
    RUN(bed.ref, rmsnorm, y, vec(rstd.data, 4), x, w, 0.125f);
    RUN(bed.ref, rmsnorm_backward, dx, vec(dweight.data, 8), dy, x, w, vec(rstd.data, 4));
    take_golden(y, rmsnorm_y, "rmsnorm y"), take_golden(dx, rmsnorm_dx, "rmsnorm dx");
    take_golden(dweight, rmsnorm_dweight, "rmsnorm dweight");
    drop_mat(bed.ref, x), drop_mat(bed.ref, dy), drop_mat(bed.ref, rstd), drop_vec(bed.ref, w);
}

static void swiglu(void **state)
{
    (void)state;
    Mat g = fill_mat(9, 2, 12), u = fill_mat(10, 2, 12), dy = fill_mat(11, 2, 12), y = put_nan(bed.ref, 2, 12);
    RUN(bed.ref, swiglu, y, g, u);
    RUN(bed.ref, swiglu_backward, g, u, dy, g, u);
    take_golden(y, swiglu_y, "swiglu y"), take_golden(g, swiglu_dgate, "swiglu dgate");
    take_golden(u, swiglu_dup, "swiglu dup");
    drop_mat(bed.ref, dy);
}

static void attention(void **state)
{
    (void)state;
    Batch batch;
    batch_init(&batch);
    const int32_t ids[4] = {0};
    batch_add_segment(&batch, -1, ids, 3);
    batch_add_segment(&batch, 0, ids, 2);
    batch_add_segment(&batch, 0, ids, 4);
    Mat q = fill_mat(12, 9, 16), k = fill_mat(13, 9, 8), v = fill_mat(14, 9, 8), dy = fill_mat(15, 9, 16);
    Mat y = put_nan(bed.ref, 9, 16), lse = put_nan(bed.ref, 9, 4), dq = put_nan(bed.ref, 9, 16);
    Mat dk = zero_mat(9, 8), dv = zero_mat(9, 8);
    RUN(bed.ref, attention, y, lse, q, k, v, &batch.forest, 4, 0.5f);
    RUN(bed.ref, attention_backward, dq, dk, dv, dy, y, lse, q, k, v, &batch.forest, 4, 0.5f);
    take_golden(y, attention_y, "attention y"), take_golden(lse, attention_lse, "attention lse");
    take_golden(dq, attention_dq, "attention dq"), take_golden(dk, attention_dk, "attention dk");
    take_golden(dv, attention_dv, "attention dv");
    drop_mat(bed.ref, q), drop_mat(bed.ref, k), drop_mat(bed.ref, v), drop_mat(bed.ref, dy);
    batch_free(&batch);
}

static void head(void **state)
{
    (void)state;
    Mat x = fill_mat(16, 4, 6), dx = put_nan(bed.ref, 4, 6), lse = put_nan(bed.ref, 1, 4);
    Weight w = fill_weight(17, 11, 6), dw = zero_weight(11, 6);
    const int32_t targets[4] = {3, 10, 0, 3};
    float logp[4], entropy[4], logits[44], *dlogp = fill(18, 4);
    RUN(bed.ref, head_logits, logits, x, w);
    RUN(bed.ref, head_logprobs, logp, entropy, vec(lse.data, 4), x, w, targets, 0.75f);
    RUN(bed.ref, head_logprobs_backward, dx, dw, dlogp, vec(lse.data, 4), x, w, targets, 0.75f);
    expect_golden(logits, head_logits, 44, "head logits"), expect_golden(logp, head_logp, 4, "head logp");
    expect_golden(entropy, head_entropy, 4, "head entropy");
    take_golden(dx, head_dx, "head dx"), take_golden_weight(dw, head_dw, "head dw");
    drop_mat(bed.ref, x), drop_mat(bed.ref, lse), drop_weight(bed.ref, w);
    mem_free(dlogp);
}

static void embed(void **state)
{
    (void)state;
    const int32_t ids[4] = {2, 0, 2, 4};
    Weight w = fill_weight(19, 5, 3), dw = zero_weight(5, 3);
    Mat y = put_nan(bed.ref, 4, 3), dy = fill_mat(20, 4, 3);
    RUN(bed.ref, embed, y, w, ids);
    RUN(bed.ref, embed_backward, dw, dy, ids);
    take_golden(y, embed_y, "embed y"), take_golden_weight(dw, embed_dw, "embed dw");
    drop_weight(bed.ref, w), drop_mat(bed.ref, dy);
}

static void adamw(void **state)
{
    (void)state;
    Mat p = fill_mat(21, 1, 12), m = zero_mat(1, 12), v = zero_mat(1, 12);
    for (int step = 0; step < 3; step++) {
        Mat g = fill_mat(22 + step, 1, 12);
        const AdamwSettings settings = {0.01f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.5f, step + 1};
        RUN(bed.ref, adamw, p.data, g.data, m.data, v.data, 12, &settings);
        drop_mat(bed.ref, g);
    }
    take_golden(p, adamw_param, "adamw param"), take_golden(m, adamw_m, "adamw m"), take_golden(v, adamw_v, "adamw v");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear), cmocka_unit_test(rmsnorm), cmocka_unit_test(swiglu), cmocka_unit_test(attention),
        cmocka_unit_test(head),   cmocka_unit_test(embed),   cmocka_unit_test(adamw),
    };
    return RUN_OP_TESTS(tests);
}
