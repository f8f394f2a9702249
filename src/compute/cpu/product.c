// y = x W^T + b + r. Each element is one chain over K, so cutting rows, columns and K into blocks changes no bits.
#include <omp.h>
#include <string.h>
#include "compute/cpu/product.h"

Packed packed_shape(int32_t rows, int32_t cols)
{
    Packed p = {.rows = rows, .cols = cols, .row_blocks = div_up(rows, TILE_ROWS), .col_blocks = div_up(cols, BLOCK_K)};
    p.col_block = (int32_t)round_up((size_t)div_up(cols, p.col_blocks), 16);
    return p;
}

size_t packed_bytes(const Packed *packed)
{
    return (size_t)packed->row_blocks * (size_t)packed->col_blocks * TILE_ROWS * BLOCK_K * sizeof(float);
}

void pack_row_block(const Packed *packed, const float *x, size_t x_row, int32_t rb)
{
    int32_t first = packed_row(packed, rb), rows = packed_row(packed, rb + 1) - first;
    for (int32_t kb = 0; kb < packed->col_blocks; kb++) {
        float *to = packed_block(packed, rb, kb);
        for (int32_t i = 0; i < rows; i++)
            memcpy(to + i * BLOCK_K, x + (size_t)(first + i) * x_row + (size_t)kb * (size_t)packed->col_block,
                   (size_t)packed_len(packed, kb) * sizeof(float));
    }
}

int32_t packed_chunk(const Packed *packed)
{
    int32_t blocks = 512 * 1024 / (TILE_ROWS * (int32_t)sizeof(float)) / packed->cols;
    return max_i32(2, min_i32(blocks, CHUNK_ROWS_MAX / TILE_ROWS));
}

int32_t panels_at_once(int32_t rows)
{
    return rows <= 2 ? 4 : rows <= 6 ? 2 : 1;
}

void product_part(const Product *product, int32_t rb_from, int32_t rb_to, int32_t panel_from, int32_t panel_to, float *acc)
{
    const Packed *x = product->x;
    Weight w = product->w;
    int32_t first = packed_row(x, rb_from), rows = packed_row(x, rb_to) - first;
    int32_t most = rb_to - rb_from == 1 ? panels_at_once(rows) : 1;
    assert((size_t)rows * (size_t)most * PANEL <= PRODUCT_ACC_FLOATS);
    for (int32_t panel = panel_from, panels; panel < panel_to; panel += panels) {
        for (panels = most; panel + panels > panel_to;)
            panels /= 2;
        Tile tile = {.c_row = PANEL, .c_panel = (size_t)rows * PANEL, .b_row = PANEL,
                     .b_panel = weight_panel_elements(w), .panels = panels};
        for (int32_t kb = 0; kb < x->col_blocks; kb++) {
            tile.b = weight_panel(w, panel, kb * x->col_block);
            tile.len = packed_len(x, kb);
            tile.load = kb > 0;
            for (int32_t rb = rb_from; rb < rb_to; rb++) {
                tile.a = packed_block(x, rb, kb);
                tile.rows = packed_row(x, rb + 1) - packed_row(x, rb);
                tile.c = acc + (size_t)(packed_row(x, rb) - first) * PANEL;
                if (w.dtype == DTYPE_BF16)
                    product->kernels->tile_bf16(&tile);
                else
                    product->kernels->tile(&tile);
            }
        }
        size_t from = (size_t)(panel - panel_from) * PANEL;
        int32_t n = min_i32(panels * PANEL, w.n_out - panel * PANEL);
        product->kernels->finish(product->out + from, product->out_row, acc, tile.c_panel,
                                 product->bias ? product->bias + from : NULL,
                                 product->residual ? product->residual + from : NULL, rows, n);
    }
}

void product_run(Backend *be, float *out, const float *x, int32_t rows, Weight w, const float *bias, const float *residual)
{
    if (rows == 0)
        return;
    Packed packed = packed_shape(rows, w.n_in);
    packed.data = cpu_work(be, WORK_LEFT, packed_bytes(&packed));
    double work = (double)rows * w.n_out * w.n_in;
    int threads = cpu_threads_for(work);
    float *acc = cpu_work(be, WORK_THREADS, (size_t)threads * PRODUCT_ACC_FLOATS * sizeof(float));
    int32_t chunk = packed_chunk(&packed), n_chunks = div_up(packed.row_blocks, chunk), panels = weight_panels(w);
    int32_t pieces = div_up(work > 1e7 ? 8 * threads : threads, n_chunks); // cuts of the columns: more even out the load
    pieces = min_i32(pieces, panels);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
#pragma omp for schedule(static)
        for (int32_t rb = 0; rb < packed.row_blocks; rb++)
            pack_row_block(&packed, x, (size_t)w.n_in, rb);
        float *my_acc = acc + (size_t)omp_get_thread_num() * PRODUCT_ACC_FLOATS;
#pragma omp for schedule(dynamic)
        for (int32_t i = 0; i < n_chunks * pieces; i++) {
            int32_t rb_from = i / pieces * chunk, rb_to = min_i32(rb_from + chunk, packed.row_blocks);
            int32_t panel_from = part_start(panels, pieces, i % pieces), panel_to = part_start(panels, pieces, i % pieces + 1);
            size_t at = (size_t)packed_row(&packed, rb_from) * (size_t)w.n_out + (size_t)panel_from * PANEL;
            Product part = {.kernels = cpu_kernels(be), .x = &packed, .w = w, .out = out + at, .out_row = (size_t)w.n_out,
                            .bias = bias ? bias + (size_t)panel_from * PANEL : NULL,
                            .residual = residual ? residual + at : NULL};
            product_part(&part, rb_from, rb_to, panel_from, panel_to, my_acc);
        }
    }
}

void cpu_linear(Backend *be, Mat out, Mat x, Weight w, Vec bias, Mat residual)
{
    assert(out.rows == x.rows && out.cols == w.n_out && x.cols == w.n_in);
    assert(dev_is_none(bias.data) || bias.n == w.n_out);
    assert(dev_is_none(residual.data) || (residual.rows == out.rows && residual.cols == out.cols));
    product_run(be, cpu_floats(out.data), cpu_floats(x.data), x.rows, w, cpu_vec_or_null(bias),
                dev_is_none(residual.data) ? NULL : cpu_floats(residual.data));
}
