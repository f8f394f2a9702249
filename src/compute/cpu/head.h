// Shared by head.c, head_backward.c and sample.c: logits of a chunk of rows by blocks of the vocabulary, and their
// sums.
#ifndef RLT_COMPUTE_CPU_HEAD_H
#define RLT_COMPUTE_CPU_HEAD_H

#include "compute/cpu/product.h"

// A row's log-sum-exp combines (max, sum) of blocks of so many ids, in order: a function of that row alone.
#define VOCABULARY_BLOCK 512
#define VOCABULARY_BLOCK_PANELS (VOCABULARY_BLOCK / PANEL)

// Rows of predictions that go through the vocabulary together, and what is known of them afterwards.
typedef struct HeadChunk {
    const CpuKernels *kernels;
    Packed x;
    Weight w;
    int32_t rows, n_blocks;
    float inv_temperature;
    float *max, *sum, *weighted; // [rows][n_blocks] of logits / temperature; weighted NULL: not wanted
    float *target_logit;         // [rows], of targets; NULL: not wanted
    const int32_t *targets;
    float *logits;               // [rows][V], kept; NULL: not kept
} HeadChunk;

// Works out max and sum of every row and block (and what else is wanted) for chunk->rows rows at x.
void head_chunk_run(Backend *be, HeadChunk *chunk, const float *x, int threads);
// Largest logit / temperature of a row, and its log-sum-exp.
float head_row_max(const HeadChunk *chunk, int32_t row);
float head_row_lse(const HeadChunk *chunk, int32_t row);

#endif
