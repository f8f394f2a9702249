// Operations on rows of activations: embedding, norm, rotation, gate, gathers. Rows are shared out among threads; sums
// over rows (gradients of what all rows share) are shared out by columns instead, so each runs in row order.
#include <string.h>
#include "base/philox.h"
#include "compute/cpu/cpu_ops.h"

#define COLUMN_SLICE 64 // columns that are summed at a time

static double elements(Mat m)
{
    return (double)m.rows * m.cols;
}

typedef struct Embed {
    Mat rows; // out, or dout
    Weight w; // or dw
    const int32_t *ids;
} Embed;

static void embed_part(const void *args, int32_t from, int32_t to)
{
    const Embed *e = args;
    for (int32_t t = from; t < to; t++) {
        assert(e->ids[t] >= 0 && e->ids[t] < e->w.n_out);
        for (int32_t c = 0; c < e->w.n_in; c++)
            cpu_row(e->rows, t)[c] = weight_element(e->w, e->ids[t], c);
    }
}

void cpu_embed(Backend *be, Mat out, Weight w, const int32_t *ids)
{
    assert(out.cols == w.n_in);
    cpu_run_parts(be, 20 * elements(out), out.rows, embed_part, &(Embed){out, w, ids});
}

static void embed_backward_part(const void *args, int32_t from, int32_t to) // of columns
{
    const Embed *e = args;
    for (int32_t t = 0; t < e->rows.rows; t++) {
        int32_t id = e->ids[t];
        assert(id >= 0 && id < e->w.n_out);
        float *column = cpu_floats(e->w.data) + (size_t)(id / PANEL) * weight_panel_elements(e->w) + id % PANEL;
        for (int32_t c = from; c < to; c++)
            column[(size_t)c * PANEL] += cpu_row(e->rows, t)[c];
    }
}

void cpu_embed_backward(Backend *be, Weight dw, Mat dout, const int32_t *ids)
{
    assert(dout.cols == dw.n_in && dw.dtype == DTYPE_F32);
    cpu_run_parts(be, 20 * elements(dout), dw.n_in, embed_backward_part, &(Embed){dout, dw, ids});
}

typedef struct Norm {
    const CpuKernels *kernels;
    Mat out, x; // out: dx in the backward
    Vec weight, rstd, dweight;
    Mat dout;
    float eps;
} Norm;

static void rmsnorm_part(const void *args, int32_t from, int32_t to)
{
    const Norm *n = args;
    for (int32_t t = from; t < to; t++)
        cpu_floats(n->rstd.data)[t] =
            n->kernels->rmsnorm(cpu_row(n->out, t), cpu_row(n->x, t), cpu_floats(n->weight.data), n->x.cols, n->eps);
}

void cpu_rmsnorm(Backend *be, Mat out, Vec rstd, Mat x, Vec weight, float eps)
{
    assert(out.rows == x.rows && out.cols == x.cols && rstd.n == x.rows && weight.n == x.cols);
    Norm norm = {.kernels = cpu_kernels(be), .out = out, .x = x, .weight = weight, .rstd = rstd, .eps = eps};
    cpu_run_parts(be, 4 * elements(x), x.rows, rmsnorm_part, &norm);
}

static void rmsnorm_dx_part(const void *args, int32_t from, int32_t to)
{
    const Norm *n = args;
    for (int32_t t = from; t < to; t++)
        n->kernels->rmsnorm_dx(cpu_row(n->out, t), cpu_row(n->dout, t), cpu_row(n->x, t), cpu_floats(n->weight.data),
                               cpu_floats(n->rstd.data)[t], n->x.cols);
}

static void rmsnorm_dweight_part(const void *args, int32_t from, int32_t to) // of slices of columns
{
    const Norm *n = args;
    for (int32_t slice = from; slice < to; slice++) {
        int32_t column = slice * COLUMN_SLICE, count = min_i32(COLUMN_SLICE, n->x.cols - column);
        for (int32_t t = 0; t < n->x.rows; t++)
            n->kernels->rmsnorm_dweight(cpu_floats(n->dweight.data) + column, cpu_row(n->dout, t) + column,
                                        cpu_row(n->x, t) + column, cpu_floats(n->rstd.data)[t], count);
    }
}

void cpu_rmsnorm_backward(Backend *be, Mat dx, Vec dweight, Mat dout, Mat x, Vec weight, Vec rstd)
{
    assert(dx.rows == x.rows && dx.cols == x.cols && dout.rows == x.rows && dout.cols == x.cols);
    assert(rstd.n == x.rows && weight.n == x.cols);
    assert(dev_is_none(dweight.data) || dweight.n == x.cols);
    Norm norm = {.kernels = cpu_kernels(be), .out = dx, .x = x, .weight = weight, .rstd = rstd, .dweight = dweight,
                 .dout = dout};
    cpu_run_parts(be, 6 * elements(x), x.rows, rmsnorm_dx_part, &norm);
    if (!dev_is_none(dweight.data))
        cpu_run_parts(be, 4 * elements(x), div_up(x.cols, COLUMN_SLICE), rmsnorm_dweight_part, &norm);
}

typedef struct Rope {
    const CpuKernels *kernels;
    Mat x;
    int32_t head_dim;
    RopeTable table;
    const int32_t *positions;
    bool inverse;
} Rope;

static void rope_part(const void *args, int32_t from, int32_t to)
{
    const Rope *r = args;
    int32_t half = r->head_dim / 2;
    for (int32_t t = from; t < to; t++) {
        assert(r->positions[t] >= 0 && r->positions[t] < r->table.n_positions);
        size_t at = (size_t)r->positions[t] * (size_t)half;
        for (int32_t h = 0; h < r->x.cols; h += r->head_dim)
            r->kernels->rope(cpu_row(r->x, t) + h, cpu_floats(r->table.cos) + at, cpu_floats(r->table.sin) + at, half,
                             r->inverse ? -1.0f : 1.0f);
    }
}

void cpu_rope(Backend *be, Mat x, int32_t head_dim, RopeTable table, const int32_t *positions, bool inverse)
{
    assert(head_dim % 2 == 0 && x.cols % head_dim == 0 && table.half_dim == head_dim / 2);
    cpu_run_parts(be, 4 * elements(x), x.rows, rope_part,
                  &(Rope){cpu_kernels(be), x, head_dim, table, positions, inverse});
}

typedef struct Gate {
    const CpuKernels *kernels;
    Mat out, gate, up;
    Mat dgate, dup, dout;
} Gate;

static void swiglu_part(const void *args, int32_t from, int32_t to)
{
    const Gate *g = args;
    size_t n = (size_t)(to - from) * (size_t)g->out.cols; // rows are dense
    g->kernels->swiglu(cpu_row(g->out, from), cpu_row(g->gate, from), cpu_row(g->up, from), n);
}

void cpu_swiglu(Backend *be, Mat out, Mat gate, Mat up)
{
    assert(gate.rows == out.rows && gate.cols == out.cols && up.rows == out.rows && up.cols == out.cols);
    Gate g = {.kernels = cpu_kernels(be), .out = out, .gate = gate, .up = up};
    cpu_run_parts(be, 20 * elements(out), out.rows, swiglu_part, &g);
}

static void swiglu_backward_part(const void *args, int32_t from, int32_t to)
{
    const Gate *g = args;
    size_t n = (size_t)(to - from) * (size_t)g->dout.cols;
    g->kernels->swiglu_backward(cpu_row(g->dgate, from), cpu_row(g->dup, from), cpu_row(g->dout, from),
                                cpu_row(g->gate, from), cpu_row(g->up, from), n);
}

void cpu_swiglu_backward(Backend *be, Mat dgate, Mat dup, Mat dout, Mat gate, Mat up)
{
    assert(gate.rows == dout.rows && gate.cols == dout.cols && up.rows == dout.rows && up.cols == dout.cols);
    assert(dgate.rows == dout.rows && dgate.cols == dout.cols && dup.rows == dout.rows && dup.cols == dout.cols);
    Gate g = {.kernels = cpu_kernels(be), .gate = gate, .up = up, .dgate = dgate, .dup = dup, .dout = dout};
    cpu_run_parts(be, 20 * elements(dout), dout.rows, swiglu_backward_part, &g);
}

typedef struct Add {
    const CpuKernels *kernels;
    Mat out, a, b;
} Add;

static void add_part(const void *args, int32_t from, int32_t to)
{
    const Add *add = args;
    add->kernels->add(cpu_row(add->out, from), cpu_row(add->a, from), cpu_row(add->b, from),
                      (size_t)(to - from) * (size_t)add->out.cols);
}

void cpu_add(Backend *be, Mat out, Mat a, Mat b)
{
    assert(a.rows == out.rows && a.cols == out.cols && b.rows == out.rows && b.cols == out.cols);
    cpu_run_parts(be, 2 * elements(out), out.rows, add_part, &(Add){cpu_kernels(be), out, a, b});
}

typedef struct GatherJob {
    Mat out, x;
    const int32_t *rows;
} GatherJob;

static void gather_part(const void *args, int32_t from, int32_t to)
{
    const GatherJob *job = args;
    for (int32_t p = from; p < to; p++) {
        assert(job->rows[p] >= 0 && job->rows[p] < job->x.rows);
        memcpy(cpu_row(job->out, p), cpu_row(job->x, job->rows[p]), (size_t)job->x.cols * sizeof(float));
    }
}

void cpu_rows_gather(Backend *be, Mat out, Mat x, const int32_t *rows)
{
    assert(out.cols == x.cols);
    GatherJob job = {out, x, rows};
    cpu_run_parts(be, 30.0 * out.rows * out.cols, out.rows, gather_part, &job); // bound by memory: about so many multiply-adds
}

void cpu_rows_scatter_add(Backend *be, Mat x, Mat from, const int32_t *rows)
{
    assert(from.cols == x.cols);
    for (int32_t p = 0; p < from.rows; p++) {
        assert(rows[p] >= 0 && rows[p] < x.rows);
        cpu_kernels(be)->add(cpu_row(x, rows[p]), cpu_row(x, rows[p]), cpu_row(from, p), (size_t)x.cols);
    }
}

typedef struct Dropout {
    Mat out, x;
    const DropoutMask *mask;
    bool accumulate;
} Dropout;

// keep[k .. k + 3]: what the four elements from k are multiplied by.
static void dropout_factors(const DropoutMask *mask, int32_t row, int32_t k, float keep[4])
{
    uint32_t counter[4] = {(uint32_t)k / 4, mask->stream, 0, 0}, bits[4];
    uint32_t key[2] = {(uint32_t)mask->row_keys[row], (uint32_t)(mask->row_keys[row] >> 32)};
    philox4x32_10(counter, key, bits);
    for (int i = 0; i < 4; i++)
        keep[i] = (float)(bits[i] >> 8) * 0x1p-24f >= mask->rate ? mask->factor : 0;
}

static void dropout_part(const void *args, int32_t from, int32_t to)
{
    const Dropout *d = args;
    for (int32_t t = from; t < to; t++) {
        float *out = cpu_row(d->out, t), keep[4] = {d->mask->factor, d->mask->factor, d->mask->factor, d->mask->factor};
        const float *x = cpu_row(d->x, t);
        for (int32_t k = 0; k < d->x.cols; k += 4) {
            if (d->mask->rate > 0)
                dropout_factors(d->mask, t, k, keep);
            for (int32_t i = 0; i < 4 && k + i < d->x.cols; i++) {
                float kept = keep[i] != 0 ? keep[i] * x[k + i] : 0; // not 0 * x: that may be -0 or NaN
                out[k + i] = d->accumulate ? out[k + i] + kept : kept;
            }
        }
    }
}

void cpu_dropout(Backend *be, Mat out, Mat x, const DropoutMask *mask, bool accumulate)
{
    assert(out.rows == x.rows && out.cols == x.cols && mask->rate >= 0 && mask->rate < 1);
    double work = (mask->rate > 0 ? 20 : 2) * elements(x);
    cpu_run_parts(be, work, x.rows, dropout_part, &(Dropout){out, x, mask, accumulate});
}
