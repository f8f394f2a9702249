// Operations that move or add whole rows: embedding, gather and scatter, the K/V cache, addition.
#include <string.h>
#include "base/philox.h"
#include "compute/ref/ref_ops.h"

void ref_embed(Backend *be, Mat out, Weight w, const int32_t *ids)
{
    assert(out.cols == w.n_in);
    for (int32_t t = 0; t < out.rows; t++) {
        assert(ids[t] >= 0 && ids[t] < w.n_out);
        for (int32_t c = 0; c < out.cols; c++)
            ref_row(out, t)[c] = ref_weight_at(w, ids[t], c);
    }
}

void ref_embed_backward(Backend *be, Weight dw, Mat dout, const int32_t *ids)
{
    assert(dout.cols == dw.n_in);
    for (int32_t t = 0; t < dout.rows; t++) {
        assert(ids[t] >= 0 && ids[t] < dw.n_out);
        for (int32_t c = 0; c < dout.cols; c++)
            ref_weight_row(dw, ids[t])[c] += ref_row(dout, t)[c];
    }
}

void ref_rows_gather(Backend *be, Mat out, Mat x, const int32_t *rows)
{
    assert(out.cols == x.cols);
    for (int32_t p = 0; p < out.rows; p++) {
        assert(rows[p] >= 0 && rows[p] < x.rows);
        memcpy(ref_row(out, p), ref_row(x, rows[p]), (size_t)x.cols * sizeof(float));
    }
}

void ref_rows_scatter_add(Backend *be, Mat x, Mat from, const int32_t *rows)
{
    assert(from.cols == x.cols);
    for (int32_t p = 0; p < from.rows; p++) {
        assert(rows[p] >= 0 && rows[p] < x.rows);
        for (int32_t c = 0; c < x.cols; c++)
            ref_row(x, rows[p])[c] += ref_row(from, p)[c];
    }
}

static void write_side(Mat to, Mat rows, const Forest *forest)
{
    assert(to.cols == rows.cols && to.rows == forest->n_kv && rows.rows == forest->n_rows);
    for (int32_t i = 0; i < forest->n_segments; i++) {
        const Segment *s = &forest->segments[i];
        int32_t first = s->kv_row + s->n_tokens - s->n_new; // the new tokens are the segment's last
        for (int32_t t = 0; t < s->n_new; t++)
            memcpy(ref_row(to, first + t), ref_row(rows, s->row + t), (size_t)to.cols * sizeof(float));
    }
}

void ref_kv_write(Backend *be, CachedKv kv, Mat k, Mat v, const Forest *forest)
{
    forest_check(forest);
    write_side(mat(kv.k, kv.rows, kv.cols), k, forest);
    write_side(mat(kv.v, kv.rows, kv.cols), v, forest);
}

void ref_add(Backend *be, Mat out, Mat a, Mat b)
{
    assert(a.rows == out.rows && a.cols == out.cols && b.rows == out.rows && b.cols == out.cols);
    for (int32_t t = 0; t < out.rows; t++)
        for (int32_t c = 0; c < out.cols; c++)
            ref_row(out, t)[c] = ref_row(a, t)[c] + ref_row(b, t)[c];
}

static bool dropout_keeps(const DropoutMask *mask, int32_t row, int32_t k)
{
    if (mask->rate == 0)
        return true;
    uint32_t counter[4] = {(uint32_t)k / 4, mask->stream, 0, 0}, bits[4];
    uint32_t key[2] = {(uint32_t)mask->row_keys[row], (uint32_t)(mask->row_keys[row] >> 32)};
    philox4x32_10(counter, key, bits);
    return (float)(bits[k % 4] >> 8) * 0x1p-24f >= mask->rate;
}

void ref_dropout(Backend *be, Mat out, Mat x, const DropoutMask *mask, bool accumulate)
{
    assert(out.rows == x.rows && out.cols == x.cols && mask->rate >= 0 && mask->rate < 1);
    for (int32_t t = 0; t < out.rows; t++) {
        for (int32_t k = 0; k < out.cols; k++) {
            float kept = dropout_keeps(mask, t, k) ? mask->factor * ref_row(x, t)[k] : 0;
            ref_row(out, t)[k] = accumulate ? ref_row(out, t)[k] + kept : kept;
        }
    }
}
