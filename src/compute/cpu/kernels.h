// The inner loops of the cpu backend, compiled once for each instruction set from kernels_*.inc.
//
// Contract: kernels are serial, allocate nothing and give the same bits in every table. Pointers need no alignment.
// "Padded" buffers may be read up to CPU_SLACK_BYTES past their end (the values do not matter).
#ifndef RLT_COMPUTE_CPU_KERNELS_H
#define RLT_COMPUTE_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compute/q8.h"

// A weight is stored as panels of PANEL output columns, K-major: F32 [n_out/32][n_in][32], BF16
// [n_out/32][n_in/2][32][2], Q8_0 [n_out/32][n_in/32] of Q8Panel.
#define PANEL 32
typedef struct Q8Panel { // Q8_BLOCK inputs of PANEL outputs
    float scale[PANEL];
    int8_t q[Q8_BLOCK][PANEL];
} Q8Panel;
// Rows that fit the registers of AVX-512 with two vectors of columns; kernels split tiles of more, or into fewer, inside.
#define TILE_ROWS 12
// Sums are cut into blocks of at most so many steps, so that what a tile reads fits an L1 cache; lines of attention's
// scores have blocks of so many positions.
#define BLOCK_K 256
#define CPU_SLACK_BYTES 256

// c[i][j] (+)= sum over k in order, one chain of fused multiply-adds, of a[i][k] b[k][j], for j in `panels` panels
// of 32. load: the chain goes on from c, else it starts from 0.
typedef struct Tile {
    float *c;
    size_t c_row, c_panel; // strides in floats
    const float *a;
    const void *b;         // padded; float, or BF16 pairs (tile_bf16; b_row is then PANEL and unused)
    size_t a_row; // a[i][k] is a[i * a_row + k]; tile_columns: a[k * a_row + i]
    size_t b_row, b_panel; // strides in elements
    int32_t rows;          // 1 or more
    int32_t panels;        // 1; or 2 or 4 where rows * panels <= TILE_ROWS
    int32_t len;           // of the sum, >= 0
    bool load;
    const char *next;      // next_bytes from here on will be read soon: they are fetched meanwhile; may be NULL with 0
    size_t next_bytes;
} Tile;

typedef struct AdamwStep { // AdamwSettings with what depends on the step worked out
    float beta1, beta2, rest1, rest2; // rest: 1 - beta
    float eps, grad_scale;
    float decay;      // lr * weight_decay
    float step_size;  // lr / (1 - beta1^step)
    float root_scale; // 1 / sqrt(1 - beta2^step)
} AdamwStep;

typedef struct CpuKernels {
    const char *isa;
    // tiles: kernels_tile.inc
    int32_t (*panels_at_once)(int32_t rows); // with which a tile of so many rows is fastest: 1, 2 or 4
    void (*tile)(const Tile *tile);
    void (*tile_bf16)(const Tile *tile);
    void (*tile_columns)(const Tile *tile);
    // to[c][j] = from[j][c] for rows j < n_rows <= PANEL and columns c < n_cols; rows of `to` are PANEL floats.
    void (*transpose)(float *to, const float *from, size_t from_row, int32_t n_rows, int32_t n_cols);
    // to[k][PANEL] = rows k = from .. from + count - 1 of a BF16 panel, widened.
    void (*widen_panel)(float *to, const uint16_t *panel, int32_t from, int32_t count);
    void (*widen_q8)(float *to, const Q8Panel *panel, int32_t from, int32_t count); // the same of a Q8_0 panel

    // lines of scores and logits: kernels_softmax.inc. Sums run over 16 lanes by index mod 16.
    // z -> e^(z - max), returns their sum, max that of the line; for z[n] in blocks of BLOCK_K floats, `stride` apart.
    // Padded: blocks are read and written up to the next multiple of 16.
    float (*softmax_line)(float *z, size_t stride, int32_t n, float *max);
    // Sum of e^(z - max), z = logits * inv_temperature; *weighted (NULL: not wanted) = the sum of e^(z - max) (z -
    // max).
    float (*logits_sum)(const float *logits, int32_t n, float inv_temperature, float *max, float *weighted);
    // Sum of e^(z - max) (z - other), z = logits * inv_temperature and other = other_logits * inv_temperature.
    float (*logits_apart)(const float *logits, const float *other_logits, int32_t n, float inv_temperature, float max);
    // Sum of sum[i] e^(max[i] - total_max).
    float (*combine_sums)(const float *max, const float *sum, int32_t n, float total_max);
    // p = e^(logits * inv_temperature - max).
    void (*probabilities)(float *p, const float *logits, int32_t n, float inv_temperature, float max);
    // logits -> -scale * e^(logits * inv_temperature - lse).
    void (*logits_gradient)(float *logits, int32_t n, float inv_temperature, float lse, float scale);
    // z -> p = e^(z - lse) and dp -> p (dp - delta) for indices from .. to - 1, both 0 for the others of 0 .. end - 1;
    // end is a multiple of 16.
    void (*attention_gradient)(float *z, float *dp, int32_t from, int32_t to, int32_t end, float lse, float delta);
    float (*dot)(const float *a, const float *b, int32_t n);
    void (*scale)(float *to, const float *from, int32_t n, float a); // to = a * from

    // rows of n: kernels_row.inc
    float (*rmsnorm)(float *out, const float *x, const float *weight, int32_t n, float eps); // returns rstd
    void (*rmsnorm_dx)(float *dx, const float *dout, const float *x, const float *weight, float rstd, int32_t n);
    void (*rmsnorm_dweight)(float *dweight, const float *dout, const float *x, float rstd, int32_t n);
    void (*rope)(float *head, const float *cosines, const float *sines, int32_t half, float sign);
    void (*swiglu)(float *out, const float *gate, const float *up, size_t n);
    void (*swiglu_backward)(float *dgate, float *dup, const float *dout, const float *gate, const float *up, size_t n);
    // out[rows][n] = c + bias + residual. c: rows of PANEL floats (padded), c_panel from one panel to the next; out and
    // residual: out_row floats from row to row. bias, residual may be NULL; residual may be out.
    void (*finish)(float *out, size_t out_row, const float *c, size_t c_panel, const float *bias, const float *residual,
                   int32_t rows, int32_t n);

    // long vectors: kernels_param.inc
    void (*add)(float *out, const float *a, const float *b, size_t n);
    double (*sum_squares)(const float *x, size_t n);
    void (*adamw)(float *param, const float *grad, float *m, float *v, size_t n, const AdamwStep *step);
    void (*ema)(float *average, const float *from, size_t n, float decay);
    void (*axpy)(float *y, const float *x, size_t n, float a);
} CpuKernels;

const CpuKernels *cpu_kernels_portable(void);
const CpuKernels *cpu_kernels_avx2(void);   // NULL: not in this build
const CpuKernels *cpu_kernels_avx512(void); // NULL: not in this build

#endif
