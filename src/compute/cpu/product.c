// y = x W^T + b + r. Each element is one chain over K, so cutting rows, columns and K into blocks changes no bits.
#include <string.h>
#include "compute/cpu/product.h"

// Rows this far apart, or a multiple of it, share few sets of an L1 cache, so that a block would push itself out. (Half
// of it does no harm: the three rows of a tile and a block of weights fit the sets together.)
#define BAD_STRIDE_BYTES 4096
#define CHUNK_BYTES (384 * 1024) // of rows that are worked on at once: most of an L2 cache

static Packed packed_shape(int32_t rows, int32_t cols)
{
    Packed p = {.rows = rows, .cols = cols, .row_blocks = div_up(rows, TILE_ROWS), .col_blocks = div_up(cols, PACKED_COLS)};
    p.col_block = (int32_t)round_up((size_t)div_up(cols, p.col_blocks), 16);
    p.row_stride = (size_t)cols * sizeof(float) % BAD_STRIDE_BYTES == 0 ? p.col_block : cols;
    return p;
}

size_t packed_work_bytes(int32_t rows, int32_t cols)
{
    Packed p = packed_shape(rows, cols);
    if (p.row_stride == cols)
        return 0;
    return (size_t)rows * (size_t)p.col_blocks * (size_t)p.col_block * sizeof(float);
}

typedef struct PackJob {
    const Packed *packed;
    const float *x;
    float *to;
} PackJob;

static void pack_part(const void *args, int32_t from, int32_t to)
{
    const PackJob *job = args;
    const Packed *packed = job->packed;
    for (int32_t rb = from; rb < to; rb++) {
        int32_t first = packed_row(packed, rb), rows = packed_row(packed, rb + 1) - first;
        for (int32_t kb = 0; kb < packed->col_blocks; kb++) {
            const float *x = job->x + (size_t)first * (size_t)packed->cols + (size_t)kb * (size_t)packed->col_block;
            size_t bytes = (size_t)packed_len(packed, kb) * sizeof(float);
            float *block = job->to + (packed_block(packed, rb, kb) - packed->data);
            for (int32_t i = 0; i < rows; i++)
                memcpy(block + i * packed->col_block, x + (size_t)i * (size_t)packed->cols, bytes);
        }
    }
}

Packed packed_rows(Backend *be, CpuWork where, const float *x, int32_t rows, int32_t cols)
{
    Packed packed = packed_shape(rows, cols);
    packed.data = x;
    if (packed.row_stride == cols)
        return packed;
    PackJob job = {.packed = &packed, .x = x, .to = cpu_work(be, where, packed_work_bytes(rows, cols))};
    packed.data = job.to;
    cpu_run_parts(be, 2.0 * rows * cols, packed.row_blocks, pack_part, &job);
    return packed;
}

int32_t packed_chunk(const Packed *packed)
{
    int32_t blocks = CHUNK_BYTES / (TILE_ROWS * (int32_t)sizeof(float)) / packed->cols;
    return max_i32(2, min_i32(blocks, CHUNK_ROWS_MAX / TILE_ROWS));
}

#define WIDEN_BLOCKS 4 // of rows: from so many on, BF16 is widened once for all of them rather than in every tile
#define FETCH_ROWS 6   // from so many on, there is arithmetic enough to fetch what comes next meanwhile

// The tile fetches what the weight holds after inputs k .. k + tile->len - 1 of one of them.
static void tile_next(Weight w, Tile *tile, int32_t panel, int32_t k)
{
    size_t row_bytes = w.dtype == DTYPE_F32 ? PANEL * sizeof(float) : PANEL * sizeof(uint16_t);
    if (w.dtype == DTYPE_Q8_0 || tile->rows < FETCH_ROWS)
        return;
    tile->next = (const char *)weight_panel(w, panel, 0) + (size_t)(k + tile->len) * row_bytes;
    tile->next_bytes = (size_t)tile->len * row_bytes;
}

// Inputs k .. k + tile->len - 1 of a tile's panels, as the tile's b: in place, or widened into room for as many.
static void tile_weight(const Product *product, Tile *tile, int32_t panel, int32_t k, bool widen, float *widened)
{
    Weight w = product->w;
    if (!widen) {
        tile->b = weight_panel(w, panel, k);
        tile->b_panel = weight_panel_elements(w);
        return;
    }
    for (int32_t p = 0; p < tile->panels; p++) {
        float *to = widened + (size_t)p * PACKED_COLS * PANEL;
        if (w.dtype == DTYPE_BF16)
            product->kernels->widen_panel(to, weight_panel(w, panel + p, 0), k, tile->len);
        else
            product->kernels->widen_q8(to, q8_panel(w, panel + p), k, tile->len);
    }
    tile->b = widened;
    tile->b_panel = PACKED_COLS * PANEL;
}

void product_part(const Product *product, int32_t rb_from, int32_t rb_to, int32_t panel_from, int32_t panel_to,
                  float *acc)
{
    const Packed *x = product->x;
    Weight w = product->w;
    int32_t first = packed_row(x, rb_from), rows = packed_row(x, rb_to) - first;
    int32_t most = product->kernels->panels_at_once(rows);
    bool widen = w.dtype == DTYPE_Q8_0 || (w.dtype == DTYPE_BF16 && rb_to - rb_from >= WIDEN_BLOCKS);
    assert((size_t)rows * (size_t)most * PANEL <= PRODUCT_SUMS_FLOATS);
    for (int32_t panel = panel_from, panels; panel < panel_to; panel += panels) {
        for (panels = most; panel + panels > panel_to;)
            panels /= 2;
        Tile tile = {.c = acc, .c_row = PANEL, .c_panel = (size_t)rows * PANEL, .a_row = (size_t)x->row_stride,
                     .b_row = PANEL, .rows = rows, .panels = panels};
        for (int32_t kb = 0; kb < x->col_blocks; kb++) {
            tile.len = packed_len(x, kb);
            tile_weight(product, &tile, panel, kb * x->col_block, widen, acc + PRODUCT_SUMS_FLOATS);
            tile_next(w, &tile, panel, kb * x->col_block);
            tile.a = packed_block(x, rb_from, kb);
            tile.load = kb > 0;
            if (w.dtype == DTYPE_BF16 && !widen)
                product->kernels->tile_bf16(&tile);
            else
                product->kernels->tile(&tile);
        }
        size_t from = (size_t)(panel - panel_from) * PANEL;
        int32_t n = min_i32(panels * PANEL, w.n_out - panel * PANEL);
        product->kernels->finish(product->out + from, product->out_row, acc, tile.c_panel,
                                 product->bias ? product->bias + from : NULL,
                                 product->residual ? product->residual + from : NULL, rows, n);
    }
}

typedef struct ProductJob {
    Product product;    // of everything
    int32_t chunk;      // row blocks of a task
    int32_t panels;     // of a task
    int32_t pieces;     // tasks that share a chunk of rows
    float *acc;         // of all workers
} ProductJob;

static void product_task(void *context, int32_t task, int worker)
{
    const ProductJob *job = context;
    Product part = job->product;
    int32_t rb_from = task / job->pieces * job->chunk, panel_from = task % job->pieces * job->panels;
    int32_t panel_to = min_i32(panel_from + job->panels, weight_panels(part.w));
    size_t column = (size_t)panel_from * PANEL, at = (size_t)packed_row(part.x, rb_from) * part.out_row + column;
    part.out += at;
    part.bias = part.bias ? part.bias + column : NULL;
    part.residual = part.residual ? part.residual + at : NULL;
    product_part(&part, rb_from, min_i32(rb_from + job->chunk, part.x->row_blocks), panel_from, panel_to,
                 job->acc + (size_t)worker * PRODUCT_ACC_FLOATS);
}

void product_run(Backend *be, float *out, const float *x, int32_t rows, Weight w, const float *bias,
                 const float *residual)
{
    if (rows == 0)
        return;
    Packed packed = packed_rows(be, WORK_LEFT, x, rows, w.n_in);
    double work = (double)rows * w.n_out * w.n_in;
    int threads = cpu_threads_for(be, work);
    int32_t n_chunks = div_up(packed.row_blocks, packed_chunk(&packed));
    int32_t panels = weight_panels(w), at_once = cpu_kernels(be)->panels_at_once(rows);
    ProductJob job = {.chunk = div_up(packed.row_blocks, n_chunks)};
    int32_t wanted = div_up(work > 1e7 ? 8 * threads : threads, n_chunks); // many small tasks even out the load
    job.panels = max_i32(1, panels / wanted);
    if (job.panels >= 4 * at_once)
        job.panels = div_up(job.panels, at_once) * at_once;
    job.pieces = div_up(panels, job.panels);
    job.acc = cpu_work(be, WORK_THREADS, (size_t)threads * PRODUCT_ACC_FLOATS * sizeof(float));
    job.product = (Product){.kernels = cpu_kernels(be), .x = &packed, .w = w, .out = out, .out_row = (size_t)w.n_out,
                            .bias = bias, .residual = residual};
    cpu_run(be, threads, n_chunks * job.pieces, product_task, &job);
}

void cpu_linear(Backend *be, Mat out, Mat x, Weight w, Vec bias, Mat residual)
{
    assert(out.rows == x.rows && out.cols == w.n_out && x.cols == w.n_in);
    assert(dev_is_none(bias.data) || bias.n == w.n_out);
    assert(dev_is_none(residual.data) || (residual.rows == out.rows && residual.cols == out.cols));
    product_run(be, cpu_floats(out.data), cpu_floats(x.data), x.rows, w, cpu_vec_or_null(bias),
                dev_is_none(residual.data) ? NULL : cpu_floats(residual.data));
}
