// Operations on rows of activations: embedding, norm, rotation, gate, gathers. Rows are shared out among threads; sums over
// rows (gradients of what all rows share) are shared out by columns instead, so each runs in row order.
#include <string.h>
#include "compute/cpu/cpu_ops.h"

#define COLUMN_SLICE 64 // columns that one thread sums at a time

void cpu_embed(Backend *be, Mat out, Weight w, const int32_t *ids)
{
    assert(out.cols == w.n_in);
    int threads = cpu_threads_for(10.0 * out.rows * out.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int32_t t = 0; t < out.rows; t++) {
        assert(ids[t] >= 0 && ids[t] < w.n_out);
        for (int32_t c = 0; c < out.cols; c++)
            cpu_row(out, t)[c] = weight_element(w, ids[t], c);
    }
}

void cpu_embed_backward(Backend *be, Weight dw, Mat dout, const int32_t *ids)
{
    assert(dout.cols == dw.n_in && dw.dtype == DTYPE_F32);
    int threads = cpu_threads_for(10.0 * dout.rows * dout.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int32_t from = 0; from < dw.n_in; from += COLUMN_SLICE) {
        int32_t to = min_i32(from + COLUMN_SLICE, dw.n_in);
        for (int32_t t = 0; t < dout.rows; t++) {
            assert(ids[t] >= 0 && ids[t] < dw.n_out);
            float *column = cpu_floats(dw.data) + (size_t)(ids[t] / PANEL) * weight_panel_elements(dw) + ids[t] % PANEL;
            for (int32_t c = from; c < to; c++)
                column[(size_t)c * PANEL] += cpu_row(dout, t)[c];
        }
    }
}

void cpu_rmsnorm(Backend *be, Mat out, Vec rstd, Mat x, Vec weight, float eps)
{
    assert(out.rows == x.rows && out.cols == x.cols && rstd.n == x.rows && weight.n == x.cols);
    int threads = cpu_threads_for(2.0 * x.rows * x.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int32_t t = 0; t < x.rows; t++)
        cpu_floats(rstd.data)[t] =
            cpu_kernels(be)->rmsnorm(cpu_row(out, t), cpu_row(x, t), cpu_floats(weight.data), x.cols, eps);
}

void cpu_rmsnorm_backward(Backend *be, Mat dx, Vec dweight, Mat dout, Mat x, Vec weight, Vec rstd)
{
    assert(dx.rows == x.rows && dx.cols == x.cols && dout.rows == x.rows && dout.cols == x.cols);
    assert(rstd.n == x.rows && weight.n == x.cols);
    assert(dev_is_none(dweight.data) || dweight.n == x.cols);
    const CpuKernels *kernels = cpu_kernels(be);
    int threads = cpu_threads_for(4.0 * x.rows * x.cols);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
#pragma omp for schedule(static) nowait
        for (int32_t t = 0; t < x.rows; t++)
            kernels->rmsnorm_dx(cpu_row(dx, t), cpu_row(dout, t), cpu_row(x, t), cpu_floats(weight.data),
                                cpu_floats(rstd.data)[t], x.cols);
        int32_t columns = dev_is_none(dweight.data) ? 0 : x.cols;
#pragma omp for schedule(static)
        for (int32_t from = 0; from < columns; from += COLUMN_SLICE) {
            int32_t n = min_i32(COLUMN_SLICE, columns - from);
            for (int32_t t = 0; t < x.rows; t++)
                kernels->rmsnorm_dweight(cpu_floats(dweight.data) + from, cpu_row(dout, t) + from, cpu_row(x, t) + from,
                                         cpu_floats(rstd.data)[t], n);
        }
    }
}

void cpu_rope(Backend *be, Mat x, int32_t head_dim, RopeTable table, const int32_t *positions, bool inverse)
{
    int32_t half = head_dim / 2;
    assert(head_dim % 2 == 0 && x.cols % head_dim == 0 && table.half_dim == half);
    int threads = cpu_threads_for(2.0 * x.rows * x.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int32_t t = 0; t < x.rows; t++) {
        assert(positions[t] >= 0 && positions[t] < table.n_positions);
        size_t at = (size_t)positions[t] * (size_t)half;
        for (int32_t h = 0; h < x.cols; h += head_dim)
            cpu_kernels(be)->rope(cpu_row(x, t) + h, cpu_floats(table.cos) + at, cpu_floats(table.sin) + at, half,
                                  inverse ? -1.0f : 1.0f);
    }
}

void cpu_kv_write(Backend *be, Mat kv, Mat rows, const Forest *forest)
{
    assert(kv.cols == rows.cols && kv.rows == forest->n_kv && rows.rows == forest->n_rows);
    for (int32_t i = 0; i < forest->n_segments; i++) {
        const Segment *s = &forest->segments[i]; // its new tokens are its last
        if (s->n_new > 0)
            memcpy(cpu_row(kv, s->kv_row + s->n_tokens - s->n_new), cpu_row(rows, s->row),
                   (size_t)s->n_new * (size_t)kv.cols * sizeof(float));
    }
}

void cpu_swiglu(Backend *be, Mat out, Mat gate, Mat up)
{
    assert(gate.rows == out.rows && gate.cols == out.cols && up.rows == out.rows && up.cols == out.cols);
    int threads = cpu_threads_for(8.0 * out.rows * out.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int32_t t = 0; t < out.rows; t++)
        cpu_kernels(be)->swiglu(cpu_row(out, t), cpu_row(gate, t), cpu_row(up, t), (size_t)out.cols);
}

void cpu_swiglu_backward(Backend *be, Mat dgate, Mat dup, Mat dout, Mat gate, Mat up)
{
    assert(gate.rows == dout.rows && gate.cols == dout.cols && up.rows == dout.rows && up.cols == dout.cols);
    assert(dgate.rows == dout.rows && dgate.cols == dout.cols && dup.rows == dout.rows && dup.cols == dout.cols);
    int threads = cpu_threads_for(8.0 * dout.rows * dout.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int32_t t = 0; t < dout.rows; t++)
        cpu_kernels(be)->swiglu_backward(cpu_row(dgate, t), cpu_row(dup, t), cpu_row(dout, t), cpu_row(gate, t),
                                         cpu_row(up, t), (size_t)dout.cols);
}

void cpu_add(Backend *be, Mat out, Mat a, Mat b)
{
    assert(a.rows == out.rows && a.cols == out.cols && b.rows == out.rows && b.cols == out.cols);
    int threads = cpu_threads_for(1.0 * out.rows * out.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int32_t t = 0; t < out.rows; t++)
        cpu_kernels(be)->add(cpu_row(out, t), cpu_row(a, t), cpu_row(b, t), (size_t)out.cols);
}

void cpu_rows_gather(Backend *be, Mat out, Mat x, const int32_t *rows)
{
    assert(out.cols == x.cols);
    for (int32_t p = 0; p < out.rows; p++) {
        assert(rows[p] >= 0 && rows[p] < x.rows);
        memcpy(cpu_row(out, p), cpu_row(x, rows[p]), (size_t)x.cols * sizeof(float));
    }
}

void cpu_rows_scatter_add(Backend *be, Mat x, Mat from, const int32_t *rows)
{
    assert(from.cols == x.cols);
    for (int32_t p = 0; p < from.rows; p++) {
        assert(rows[p] >= 0 && rows[p] < x.rows);
        cpu_kernels(be)->add(cpu_row(x, rows[p]), cpu_row(x, rows[p]), cpu_row(from, p), (size_t)x.cols);
    }
}
