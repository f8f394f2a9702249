// Shared by head.c, head_kl.c, head_backward.c and sample.c: logits of a chunk of rows by blocks of the vocabulary, and their
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

#define HEAD_ROWS_AT_ONCE 1536 // bounds the workspace of sums; rows of a forward pass do not depend on it
#define HEAD_ASIDE_FLOATS ((size_t)CHUNK_ROWS_MAX * VOCABULARY_BLOCK)

// Logits of one block of ids for the rows of row blocks rb_from .. rb_to - 1, and their sums. The logits go to
// aside [rows][VOCABULARY_BLOCK], or to their place in chunk->logits.
void head_block(const HeadChunk *chunk, int32_t block, int32_t rb_from, int32_t rb_to, float *acc, float *aside);
// Works out max and sum of every row and block (and what else is wanted) for chunk->rows rows at x.
void head_chunk_run(Backend *be, HeadChunk *chunk, const float *x, int threads);
// Largest logit / temperature of a row, and its log-sum-exp.
float head_row_max(const HeadChunk *chunk, int32_t row);
float head_row_lse(const HeadChunk *chunk, int32_t row);

#endif
