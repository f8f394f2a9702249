// Matrix products of the cpu backend: left-hand sides packed for tiles, times the panels of a weight.
#ifndef RLT_COMPUTE_CPU_PRODUCT_H
#define RLT_COMPUTE_CPU_PRODUCT_H

#include "compute/cpu/cpu_ops.h"

// x[rows, cols] cut into blocks of at most TILE_ROWS rows and at most PACKED_COLS columns, all of nearly equal size.
// Where rows lie well for a cache the blocks are those of x itself; else those of a copy [col_blocks][rows][col_block].
// Either way rows of neighbouring blocks are row_stride apart.
#define PACKED_COLS 192
typedef struct Packed {
    const float *data;
    int32_t rows, cols;
    int32_t row_blocks, col_blocks;
    int32_t col_block; // columns of a block but the last; even, as BF16 comes in pairs
    int32_t row_stride; // of the blocks, in floats: cols or col_block
} Packed;

// The blocks of x[rows, cols], which must stay as it is while they are used. Copies, if any, are in workspace `where`.
Packed packed_rows(Backend *be, CpuWork where, const float *x, int32_t rows, int32_t cols);
size_t packed_work_bytes(int32_t rows, int32_t cols); // of that workspace
static inline int32_t packed_row(const Packed *packed, int32_t rb) // first row of a block
{
    return part_start(packed->rows, packed->row_blocks, rb);
}
static inline const float *packed_block(const Packed *packed, int32_t rb, int32_t kb)
{
    if (packed->row_stride == packed->cols)
        return packed->data + (size_t)packed_row(packed, rb) * (size_t)packed->cols + (size_t)(kb * packed->col_block);
    return packed->data + ((size_t)kb * (size_t)packed->rows + (size_t)packed_row(packed, rb)) * (size_t)packed->col_block;
}
static inline int32_t packed_len(const Packed *packed, int32_t kb)
{
    return min_i32(packed->col_block, packed->cols - kb * packed->col_block);
}

// Row blocks that are worth working on at once: they stay in an L2 cache while panels of weights pass.
int32_t packed_chunk(const Packed *packed);

// out[rows of row blocks rb_from .. rb_to - 1][columns of panels panel_from .. panel_to - 1] = x w^T + bias + residual.
// out, residual: row 0 of column 0 of those, out_row floats a row; NULL where absent. acc: PRODUCT_ACC_FLOATS, padded.
typedef struct Product {
    const CpuKernels *kernels;
    const Packed *x;
    Weight w;
    float *out;
    const float *bias, *residual;
    size_t out_row;
} Product;
void product_part(const Product *product, int32_t rb_from, int32_t rb_to, int32_t panel_from, int32_t panel_to,
                  float *acc);

#define CHUNK_ROWS_MAX (16 * TILE_ROWS)
#define PRODUCT_SUMS_FLOATS (CHUNK_ROWS_MAX * PANEL)
#define PRODUCT_PANELS_MAX 4
// What product_part needs: sums, and panels of a weight, widened.
#define PRODUCT_ACC_FLOATS (PRODUCT_SUMS_FLOATS + PRODUCT_PANELS_MAX * PACKED_COLS * PANEL)

// out = x w^T + bias + residual with all threads; residual may be out, bias and residual may be NULL.
void product_run(Backend *be, float *out, const float *x, int32_t rows, Weight w, const float *bias,
                 const float *residual);
// dx = (or +=) dout w.
void product_input_gradient(Backend *be, float *dx, const float *dout, int32_t rows, Weight w, bool accumulate);
// dw += dout^T x.
void product_weight_gradient(Backend *be, Weight dw, const float *dout, const float *x, int32_t rows);

#endif
