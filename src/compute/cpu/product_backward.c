// Gradients of y = x W^T + b: dx = dy W, sums over n in order; dW += dy^T x, db += sum of dy, chains over rows in order that
// go on from what is there (so two batches in turn give the bits of one batch of both).
#include <omp.h>
#include <string.h>
#include "compute/cpu/product.h"

#define INPUT_CHUNK_BLOCKS 32 // row blocks for each transposition of W
#define INPUT_ACC_FLOATS ((size_t)INPUT_CHUNK_BLOCKS * TILE_ROWS * PANEL)
#define INPUT_WORK_FLOATS (INPUT_ACC_FLOATS + BLOCK_K * PANEL + PANEL * PANEL)

// Rows n_from .. n_from + len - 1 of W, columns k_from .. k_from + 31: to[len][PANEL]. n_from is a multiple of 16.
static void transpose_weight(const CpuKernels *kernels, float *to, Weight w, int32_t n_from, int32_t len, int32_t k_from,
                             float *widened)
{
    int32_t k_count = min_i32(PANEL, w.n_in - k_from);
    for (int32_t n = n_from, count; n < n_from + len; n += count) {
        int32_t panel = n / PANEL, column = n % PANEL;
        count = min_i32(PANEL - column, n_from + len - n);
        const float *from = weight_panel(w, panel, w.dtype == DTYPE_BF16 ? 0 : k_from);
        if (w.dtype == DTYPE_BF16) {
            kernels->widen_panel(widened, (const uint16_t *)from, k_from, k_count);
            from = widened;
        }
        kernels->transpose(to + (size_t)(n - n_from) * PANEL, from + column, PANEL, k_count, count);
    }
}

// One panel of 32 input columns for one chunk of rows.
static void input_gradient_part(const CpuKernels *kernels, const Packed *dout, int32_t rb_from, int32_t rb_to, Weight w,
                                int32_t k_from, float *dx, bool accumulate, float *work)
{
    float *acc = work, *transposed = work + INPUT_ACC_FLOATS, *widened = transposed + BLOCK_K * PANEL;
    int32_t first = packed_row(dout, rb_from), rows = packed_row(dout, rb_to) - first;
    for (int32_t nb = 0; nb < dout->col_blocks; nb++) {
        Tile tile = {.c_row = PANEL, .b = transposed, .b_row = PANEL, .panels = 1, .len = packed_len(dout, nb), .load = nb > 0};
        transpose_weight(kernels, transposed, w, nb * dout->col_block, tile.len, k_from, widened);
        for (int32_t rb = rb_from; rb < rb_to; rb++) {
            tile.a = packed_block(dout, rb, nb);
            tile.rows = packed_row(dout, rb + 1) - packed_row(dout, rb);
            tile.c = acc + (size_t)(packed_row(dout, rb) - first) * PANEL;
            kernels->tile(&tile);
        }
    }
    float *out = dx + (size_t)first * (size_t)w.n_in + (size_t)k_from;
    kernels->finish(out, (size_t)w.n_in, acc, 0, NULL, accumulate ? out : NULL, rows, min_i32(PANEL, w.n_in - k_from));
}

void product_input_gradient(Backend *be, float *dx, const float *dout, int32_t rows, Weight w, bool accumulate)
{
    if (rows == 0)
        return;
    Packed packed = packed_shape(rows, w.n_out);
    packed.data = cpu_work(be, WORK_LEFT, packed_bytes(&packed));
    int threads = cpu_threads_for((double)rows * w.n_out * w.n_in);
    float *work = cpu_work(be, WORK_THREADS, (size_t)threads * INPUT_WORK_FLOATS * sizeof(float));
    int32_t n_chunks = div_up(packed.row_blocks, INPUT_CHUNK_BLOCKS), columns = div_up(w.n_in, PANEL);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
#pragma omp for schedule(static)
        for (int32_t rb = 0; rb < packed.row_blocks; rb++)
            pack_row_block(&packed, dout, (size_t)w.n_out, rb);
        float *my_work = work + (size_t)omp_get_thread_num() * INPUT_WORK_FLOATS;
#pragma omp for schedule(dynamic)
        for (int32_t i = 0; i < n_chunks * columns; i++) {
            int32_t rb_from = part_start(packed.row_blocks, n_chunks, i / columns);
            int32_t rb_to = part_start(packed.row_blocks, n_chunks, i / columns + 1);
            input_gradient_part(cpu_kernels(be), &packed, rb_from, rb_to, w, i % columns * PANEL, dx, accumulate, my_work);
        }
    }
}

// to[T][TILE_ROWS] = columns k_from .. of x[T, cols].
static void pack_columns(float *to, const float *x, int32_t rows, int32_t cols, int32_t k_from, int32_t width, int32_t to_row)
{
    for (int32_t t = 0; t < rows; t++)
        memcpy(to + (size_t)t * (size_t)to_row, x + (size_t)t * (size_t)cols + (size_t)k_from, (size_t)width * sizeof(float));
}

// dW of one panel of outputs for input blocks kb_from .. kb_to - 1.
static void weight_gradient_part(const CpuKernels *kernels, Weight dw, int32_t panel, int32_t kb_from, int32_t kb_to,
                                 const float *x_packed, const float *dout_packed, int32_t rows)
{
    int32_t blocks = div_up(dw.n_in, TILE_ROWS);
    float *c = cpu_floats(dw.data) + (size_t)panel * weight_panel_elements(dw);
    for (int32_t from = 0; from < rows; from += BLOCK_K) { // a block of dout stays in L1
        Tile tile = {.c_row = PANEL, .a_k = TILE_ROWS, .b_row = PANEL, .panels = 1, .load = true};
        tile.b = dout_packed + ((size_t)panel * (size_t)rows + (size_t)from) * PANEL;
        tile.len = min_i32(BLOCK_K, rows - from);
        for (int32_t kb = kb_from; kb < kb_to; kb++) {
            int32_t k = part_start(dw.n_in, blocks, kb);
            tile.rows = part_start(dw.n_in, blocks, kb + 1) - k;
            tile.a = x_packed + ((size_t)kb * (size_t)rows + (size_t)from) * TILE_ROWS;
            tile.c = c + (size_t)k * PANEL;
            kernels->tile_columns(&tile);
        }
    }
}

void product_weight_gradient(Backend *be, Weight dw, const float *dout, const float *x, int32_t rows)
{
    if (rows == 0)
        return;
    int32_t panels = weight_panels(dw), blocks = div_up(dw.n_in, TILE_ROWS);
    float *x_packed = cpu_work(be, WORK_LEFT, (size_t)blocks * (size_t)rows * TILE_ROWS * sizeof(float));
    float *dout_packed = cpu_work(be, WORK_RIGHT, (size_t)panels * (size_t)rows * PANEL * sizeof(float));
    int threads = cpu_threads_for((double)rows * dw.n_out * dw.n_in);
    int32_t pieces = min_i32(div_up(8 * threads, panels), blocks);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
#pragma omp for schedule(static) nowait
        for (int32_t kb = 0; kb < blocks; kb++) {
            int32_t k = part_start(dw.n_in, blocks, kb), width = part_start(dw.n_in, blocks, kb + 1) - k;
            pack_columns(x_packed + (size_t)kb * (size_t)rows * TILE_ROWS, x, rows, dw.n_in, k, width, TILE_ROWS);
        }
#pragma omp for schedule(static)
        for (int32_t panel = 0; panel < panels; panel++) {
            float *to = dout_packed + (size_t)panel * (size_t)rows * PANEL;
            int32_t width = min_i32(PANEL, dw.n_out - panel * PANEL);
            if (width < PANEL)
                memset(to, 0, (size_t)rows * PANEL * sizeof(float));
            pack_columns(to, dout, rows, dw.n_out, panel * PANEL, width, PANEL);
        }
#pragma omp for schedule(dynamic)
        for (int32_t i = 0; i < panels * pieces; i++)
            weight_gradient_part(cpu_kernels(be), dw, i / pieces, part_start(blocks, pieces, i % pieces),
                                 part_start(blocks, pieces, i % pieces + 1), x_packed, dout_packed, rows);
    }
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
