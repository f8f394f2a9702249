// Shared by attention.c and attention_backward.c: work items, paths and the packed form of queries.
#ifndef RLT_COMPUTE_CPU_ATTENTION_H
#define RLT_COMPUTE_CPU_ATTENTION_H

#include "compute/cpu/cpu_ops.h"

// Consecutive positions of a path whose K/V rows are consecutive too.
typedef struct Run {
    int32_t position, count, kv_row;
    int32_t segment;
} Run;

// Consecutive rows whose queries go through the keys together: rows of one segment, or of several with the same parent
// (one new token each of many completions of a prompt).
typedef struct QueryBlock {
    int32_t row, n_rows;
    int32_t shared; // positions that all its rows see, with the same K/V rows
} QueryBlock;

// What a call works out once about its forest. Lives in WORK_PATHS.
typedef struct AttentionPlan {
    const Forest *forest;
    Run *runs;          // of every segment, the root's first
    int32_t *first_run; // [n_segments + 1]
    int32_t *row_segment, *row_length; // [n_rows]: segment of a row, tokens that it attends to
    QueryBlock *blocks; // in order of rows
    int32_t n_blocks;
    int32_t longest;    // tokens of the longest path
    int32_t head_dim, n_heads, n_kv_heads, group; // group: query heads of a K/V head
    int32_t columns;    // head_dim rounded up to PANEL
    int32_t queries;    // of the largest block: rows * group
} AttentionPlan;

#define HEAD_DIM_MAX BLOCK_K

// The scores of a block's queries: [blocks of BLOCK_K positions][queries][BLOCK_K].
typedef struct ScoreLines {
    float *data;
    size_t block_stride; // from one block of positions to the next
} ScoreLines;
static inline float *score_line(ScoreLines lines, int32_t query, int32_t position) // of the block that holds position
{
    return lines.data + (size_t)(position / BLOCK_K) * lines.block_stride + (size_t)query * BLOCK_K;
}

// Queries are (row, head of the group), heads within rows; query i of a block is row i / group. A block has at most
// block_queries of them, but at least one row; siblings: blocks may have rows of several segments.
AttentionPlan attention_plan(Backend *be, const Forest *forest, int32_t head_dim, int32_t q_cols, int32_t kv_cols,
                             int32_t block_queries, bool siblings);
// A plan's sizes alone, at the largest that `shape` allows, and what WORK_PATHS then needs.
AttentionPlan attention_plan_largest(WorkNeeds *needs, const WorkShape *shape, int32_t block_queries);
// Multiply-adds of a forward pass, about.
double attention_work(const AttentionPlan *plan);
// to[queries][BLOCK_K] = a * the head vectors of a block in x[T, H*D].
void pack_queries(const CpuKernels *kernels, const AttentionPlan *plan, const QueryBlock *block, int32_t kv_head,
                  float *to, Mat x, float a);
// The vectors of one K/V head, a row of `stride` floats for each K/V row.
typedef struct HeadRows {
    const float *first;
    size_t stride;
} HeadRows;
static inline HeadRows head_rows(Mat kv, int32_t kv_head, int32_t head_dim) // of kv[R, G*D]
{
    return (HeadRows){cpu_floats(kv.data) + (size_t)kv_head * (size_t)head_dim, (size_t)kv.cols};
}
// to[D][PANEL]: the vectors of positions from .. to - 1 of a segment's path, lane = position mod PANEL;
// at most PANEL positions, which do not cross a multiple of it. Other lanes are left as they are.
// prefetch: fetches what the next panel needs; pays where few queries use each.
void transpose_keys(const CpuKernels *kernels, const AttentionPlan *plan, int32_t segment, float *panel, HeadRows keys,
                    int32_t from, int32_t to, bool prefetch);
// Scores of queries first .. first + count - 1 (queries[..][BLOCK_K]) with positions from .. to - 1 of a segment's path,
// whose keys are cached. scratch: TILE_ROWS * PANEL floats.
void score_cached_keys(const CpuKernels *kernels, const AttentionPlan *plan, int32_t segment, int32_t kv_head,
                       ScoreLines lines, const float *queries, int32_t first, int32_t count, CachedKv kv, int32_t from,
                       int32_t to, float *scratch);
// The cached values of a head.
HeadRows cached_values(CachedKv kv, int32_t kv_head);
// c[rows][columns] += a[rows][BLOCK_K] times the vectors of positions from .. to - 1 (within a block of BLOCK_K);
// a's column is the position mod BLOCK_K. Chains go on from c.
void sum_over_positions(const CpuKernels *kernels, const AttentionPlan *plan, int32_t segment, float *c, const float *a,
                        int32_t rows, HeadRows values, int32_t from, int32_t to);

#endif
