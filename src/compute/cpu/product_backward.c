// Gradients of y = x W^T + b: dx = dy W, sums over n in order; dW += dy^T x, db += sum of dy, chains over rows in order
// that go on from what is there (so two batches in turn give the bits of one batch of both).
#include <string.h>
#include "compute/cpu/product.h"

// ---- dx

// A task takes some panels of 32 input columns for a chunk of rows and goes over the outputs in blocks. For each block
// it first transposes W for all its panels (so that W is read in pieces as long as the task is wide), then runs the
// tiles.
#define INPUT_CHUNK_BLOCKS 32          // at most so many row blocks
#define INPUT_ACC_FLOATS (64 << 10)    // sums of a task's panels, 256 KiB; or of one panel
#define INPUT_TRANSPOSED_FLOATS (48 << 10) // transposed W, 192 KiB
#define INPUT_STEP_MIN 64              // outputs of a block: shorter blocks cost more in loading and storing sums
#define INPUT_PANELS_MAX (INPUT_TRANSPOSED_FLOATS / (INPUT_STEP_MIN * PANEL))
#define INPUT_WORK_FLOATS (INPUT_ACC_FLOATS + INPUT_TRANSPOSED_FLOATS + PANEL * PANEL)

typedef struct InputJob {
    const CpuKernels *kernels;
    Packed dout;
    Weight w;
    float *dx;
    bool accumulate;
    int32_t n_chunks, n_groups; // of row blocks, of panels
    int32_t step;               // outputs of a block, a multiple of 16
    float *work;                // INPUT_WORK_FLOATS for each worker
} InputJob;

// Rows n_from .. n_from + len - 1 of W, columns of panels panel_from .. panel_to - 1: to[panel][step][PANEL]. n_from is
// a multiple of 16.
static void transpose_weight(const InputJob *job, float *to, int32_t n_from, int32_t len, int32_t panel_from,
                             int32_t panel_to, float *widened)
{
    Weight w = job->w;
    for (int32_t n = n_from, count; n < n_from + len; n += count) {
        int32_t column = n % PANEL;
        count = min_i32(PANEL - column, n_from + len - n);
        for (int32_t panel = panel_from; panel < panel_to; panel++) {
            int32_t k_from = panel * PANEL, k_count = min_i32(PANEL, w.n_in - k_from);
            const char *piece = w.dtype == DTYPE_Q8_0 ? (const char *)(q8_panel(w, n / PANEL) + panel)
                                                      : weight_panel(w, n / PANEL, k_from);
            const float *from = (const float *)piece;
            size_t piece_bytes = w.dtype == DTYPE_Q8_0 ? sizeof(Q8Panel)
                                 : w.dtype == DTYPE_BF16 ? PANEL * PANEL * sizeof(uint16_t) : PANEL * PANEL * sizeof(float);
            for (size_t at = 0; at < piece_bytes; at += 64) // the next piece, in order: doubles the speed at few rows
                __builtin_prefetch(piece + piece_bytes + at);
            if (w.dtype == DTYPE_BF16) {
                job->kernels->widen_panel(widened, (const uint16_t *)piece, 0, k_count);
                from = widened;
            } else if (w.dtype == DTYPE_Q8_0) {
                job->kernels->widen_q8(widened, (const Q8Panel *)piece, 0, k_count);
                from = widened;
            }
            float *block = to + (size_t)(panel - panel_from) * (size_t)job->step * PANEL;
            job->kernels->transpose(block + (size_t)(n - n_from) * PANEL, from + column, PANEL, k_count, count);
        }
    }
}

static void input_task(void *context, int32_t task, int worker)
{
    const InputJob *job = context;
    const Packed *dout = &job->dout;
    Weight w = job->w;
    float *acc = job->work + (size_t)worker * INPUT_WORK_FLOATS, *transposed = acc + INPUT_ACC_FLOATS;
    int32_t chunk = task / job->n_groups, group = task % job->n_groups, columns = div_up(w.n_in, PANEL);
    int32_t rb_from = part_start(dout->row_blocks, job->n_chunks, chunk);
    int32_t rb_to = part_start(dout->row_blocks, job->n_chunks, chunk + 1);
    int32_t first = packed_row(dout, rb_from), rows = packed_row(dout, rb_to) - first;
    int32_t panel_from = part_start(columns, job->n_groups, group),
            panel_to = part_start(columns, job->n_groups, group + 1);
    size_t acc_panel = (size_t)rows * PANEL;
    for (int32_t n = 0, len; n < w.n_out; n += len) {
        int32_t nb = n / dout->col_block, in_block = n % dout->col_block;
        len = min_i32(job->step, packed_len(dout, nb) - in_block);
        transpose_weight(job, transposed, n, len, panel_from, panel_to, transposed + INPUT_TRANSPOSED_FLOATS);
        Tile tile = {.c_row = PANEL, .a = packed_block(dout, rb_from, nb) + in_block, .a_row = (size_t)dout->row_stride,
                     .b_row = PANEL, .rows = rows, .panels = 1, .len = len, .load = n > 0};
        for (int32_t panel = 0; panel < panel_to - panel_from; panel++) {
            tile.b = transposed + (size_t)panel * (size_t)job->step * PANEL;
            tile.c = acc + (size_t)panel * acc_panel;
            job->kernels->tile(&tile);
        }
    }
    float *out = job->dx + (size_t)first * (size_t)w.n_in + (size_t)panel_from * PANEL;
    job->kernels->finish(out, (size_t)w.n_in, acc, acc_panel, NULL, job->accumulate ? out : NULL, rows,
                         min_i32((panel_to - panel_from) * PANEL, w.n_in - panel_from * PANEL));
}

void product_input_gradient(Backend *be, float *dx, const float *dout, int32_t rows, Weight w, bool accumulate)
{
    if (rows == 0)
        return;
    InputJob job = {.kernels = cpu_kernels(be), .w = w, .dx = dx, .accumulate = accumulate};
    job.dout = packed_rows(be, WORK_LEFT, dout, rows, w.n_out);
    int threads = cpu_threads_for(be, (double)rows * w.n_out * w.n_in);
    job.work = cpu_work(be, WORK_THREADS, (size_t)threads * INPUT_WORK_FLOATS * sizeof(float));
    job.n_chunks = div_up(job.dout.row_blocks, INPUT_CHUNK_BLOCKS);
    int32_t columns = div_up(w.n_in, PANEL), chunk_rows = INPUT_CHUNK_BLOCKS * TILE_ROWS;
    int32_t widest = INPUT_ACC_FLOATS / PANEL / min_i32(rows, chunk_rows);
    widest = min_i32(max_i32(1, widest), INPUT_PANELS_MAX);
    job.n_groups = max_i32(div_up(columns, widest), div_up(2 * threads, job.n_chunks));
    job.n_groups = min_i32(job.n_groups, columns);
    int32_t width = div_up(columns, job.n_groups), step = INPUT_TRANSPOSED_FLOATS / PANEL / width / 16 * 16;
    job.step = min_i32(step, PACKED_COLS);
    cpu_run(be, threads, job.n_chunks * job.n_groups, input_task, &job);
}

// ---- dW

#define WEIGHT_BLOCK 128 // rows of dout and x that are worked on at once

typedef struct WeightJob {
    const CpuKernels *kernels;
    Weight dw;
    const float *dout, *x;
    int32_t rows;
    float *x_packed;    // [blocks of TILE_ROWS inputs][rows][TILE_ROWS]
    float *dout_packed; // [panels][rows][PANEL]
    int32_t panels, blocks;
    int32_t pieces;     // tasks that share a panel
} WeightJob;

// to[T][TILE_ROWS] = so many columns of x[T, cols] (padded); tiles leave alone what is more than a block's own.
static void pack_inputs(float *to, const float *x, int32_t rows, size_t cols)
{
    for (int32_t t = 0; t < rows; t++, to += TILE_ROWS, x += cols)
        memcpy(to, x, TILE_ROWS * sizeof(float)); // of a constant size: a few moves, no call
}

// to[T][PANEL] = `width` columns of dout[T, cols], then zeros.
static void pack_outputs(float *to, const float *dout, int32_t rows, size_t cols, int32_t width)
{
    if (width < PANEL)
        memset(to, 0, (size_t)rows * PANEL * sizeof(float));
    for (int32_t t = 0; t < rows; t++, to += PANEL, dout += cols) {
        if (width == PANEL)
            memcpy(to, dout, PANEL * sizeof(float));
        else
            memcpy(to, dout, (size_t)width * sizeof(float));
    }
}

// Packs inputs and outputs: block i of x for i < blocks, then panels of dout.
static void weight_pack_part(const void *args, int32_t from, int32_t to)
{
    const WeightJob *job = args;
    for (int32_t i = from; i < to; i++) {
        if (i < job->blocks) {
            float *block = job->x_packed + (size_t)i * (size_t)job->rows * TILE_ROWS;
            pack_inputs(block, job->x + part_start(job->dw.n_in, job->blocks, i), job->rows, (size_t)job->dw.n_in);
        } else {
            int32_t panel = i - job->blocks, width = min_i32(PANEL, job->dw.n_out - panel * PANEL);
            float *block = job->dout_packed + (size_t)panel * (size_t)job->rows * PANEL;
            pack_outputs(block, job->dout + panel * PANEL, job->rows, (size_t)job->dw.n_out, width);
        }
    }
}

// One panel of outputs, some of the blocks of inputs.
static void weight_task(void *context, int32_t task, int worker)
{
    const WeightJob *job = context;
    int32_t panel = task / job->pieces, piece = task % job->pieces, rows = job->rows, n_in = job->dw.n_in;
    int32_t kb_from = part_start(job->blocks, job->pieces, piece),
            kb_to = part_start(job->blocks, job->pieces, piece + 1);
    float *c = cpu_floats(job->dw.data) + (size_t)panel * weight_panel_elements(job->dw);
    for (int32_t from = 0; from < rows; from += WEIGHT_BLOCK) { // a block of dout stays in L1
        Tile tile = {.c_row = PANEL, .a_row = TILE_ROWS, .b_row = PANEL, .panels = 1, .load = true};
        tile.b = job->dout_packed + ((size_t)panel * (size_t)rows + (size_t)from) * PANEL;
        tile.len = min_i32(WEIGHT_BLOCK, rows - from);
        for (int32_t kb = kb_from; kb < kb_to; kb++) {
            int32_t k = part_start(n_in, job->blocks, kb);
            tile.rows = part_start(n_in, job->blocks, kb + 1) - k;
            tile.a = job->x_packed + ((size_t)kb * (size_t)rows + (size_t)from) * TILE_ROWS;
            tile.c = c + (size_t)k * PANEL;
            for (int32_t line = 0; line < 2 * TILE_ROWS; line++) // of the next tile, while this one computes
                __builtin_prefetch(tile.c + (TILE_ROWS * PANEL) + line * 16, 1);
            job->kernels->tile_columns(&tile);
        }
    }
}

void product_weight_gradient(Backend *be, Weight dw, const float *dout, const float *x, int32_t rows)
{
    if (rows == 0)
        return;
    WeightJob job = {.kernels = cpu_kernels(be), .dw = dw, .dout = dout, .x = x, .rows = rows,
                     .panels = weight_panels(dw), .blocks = div_up(dw.n_in, TILE_ROWS)};
    job.x_packed = cpu_work(be, WORK_LEFT, (size_t)job.blocks * (size_t)rows * TILE_ROWS * sizeof(float));
    job.dout_packed = cpu_work(be, WORK_RIGHT, (size_t)job.panels * (size_t)rows * PANEL * sizeof(float));
    cpu_run_parts(be, 4.0 * rows * (dw.n_in + dw.n_out), job.blocks + job.panels, weight_pack_part, &job);
    int threads = cpu_threads_for(be, (double)rows * dw.n_out * dw.n_in);
    job.pieces = min_i32(div_up(8 * threads, job.panels), job.blocks);
    cpu_run(be, threads, job.panels * job.pieces, weight_task, &job);
}

void cpu_linear_backward_input(Backend *be, Mat dx, Mat dout, Weight w, bool accumulate)
{
    assert(dx.rows == dout.rows && dx.cols == w.n_in && dout.cols == w.n_out);
    product_input_gradient(be, cpu_floats(dx.data), cpu_floats(dout.data), dx.rows, w, accumulate);
}

void cpu_linear_backward_weight(Backend *be, Weight dw, Vec dbias, Mat dout, Mat x)
{
    assert(dout.rows == x.rows && dout.cols == dw.n_out && x.cols == dw.n_in && dw.dtype == DTYPE_F32);
    assert(dev_is_none(dbias.data) || dbias.n == dw.n_out);
    product_weight_gradient(be, dw, cpu_floats(dout.data), cpu_floats(x.data), x.rows);
    if (dev_is_none(dbias.data))
        return;
    for (int32_t t = 0; t < dout.rows; t++)
        cpu_kernels(be)->add(cpu_floats(dbias.data), cpu_floats(dbias.data), cpu_row(dout, t), (size_t)dbias.n);
}

void product_needs(WorkNeeds *needs, int threads, int32_t rows, int32_t n_out, int32_t n_in, bool backward)
{
    work_need(needs, WORK_LEFT, packed_work_bytes(rows, n_in));
    work_need(needs, WORK_THREADS, (size_t)threads * PRODUCT_ACC_FLOATS * sizeof(float));
    if (!backward)
        return;
    work_need(needs, WORK_LEFT, packed_work_bytes(rows, n_out));
    work_need(needs, WORK_LEFT, (size_t)div_up(n_in, TILE_ROWS) * (size_t)rows * TILE_ROWS * sizeof(float));
    work_need(needs, WORK_RIGHT, (size_t)div_up(n_out, PANEL) * (size_t)rows * PANEL * sizeof(float));
    work_need(needs, WORK_THREADS, (size_t)threads * INPUT_WORK_FLOATS * sizeof(float));
}
