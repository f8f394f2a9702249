// Attention over the paths of a forest.
//
// Bits: a score is one chain over D, the sum of a softmax runs over 16 lanes by absolute position, an output element is one
// chain over absolute positions. None of them knows of segments, blocks or other rows.
// Speed: the queries of a block (rows of one segment, heads of one K/V head) share each transposed panel of 32 keys.
#include <omp.h>
#include <string.h>
#include "compute/cpu/attention.h"
#include "compute/cpu/product.h"

// Queries that share a panel of keys. Their lines of scores should stay in an L2 cache.
#define BLOCK_QUERIES (4 * TILE_ROWS)

typedef struct Attention {
    const CpuKernels *kernels;
    AttentionPlan plan;
    Mat out, lse, q, k, v;
    float scale;
} Attention;

// What a thread needs: [queries][BLOCK_K] packed queries, lines of scores [blocks of positions][queries][BLOCK_K],
// sums [queries][columns], a panel of keys [D][PANEL].
typedef struct Scratch {
    float *queries, *scores, *sums, *panel;
    size_t line_stride; // from one block of positions to the next
} Scratch;

static size_t scratch_floats(const AttentionPlan *plan)
{
    size_t queries = (size_t)plan->queries, position_blocks = (size_t)div_up(plan->longest, BLOCK_K);
    return queries * BLOCK_K * (1 + position_blocks) + queries * (size_t)plan->columns + HEAD_DIM_MAX * PANEL;
}

static Scratch scratch_of_thread(const AttentionPlan *plan, float *work, int thread)
{
    Scratch s = {.queries = work + (size_t)thread * scratch_floats(plan), .line_stride = (size_t)plan->queries * BLOCK_K};
    s.panel = s.queries + s.line_stride;
    s.sums = s.panel + HEAD_DIM_MAX * PANEL;
    s.scores = s.sums + (size_t)plan->queries * (size_t)plan->columns;
    return s;
}

static float *score_line(const Scratch *s, int32_t query, int32_t position)
{
    return s->scores + (size_t)(position / BLOCK_K) * s->line_stride + (size_t)query * BLOCK_K;
}

// Scores of all queries of a block with positions 0 .. length - 1. A row's scores past its own end are never read.
static void score_block(const Attention *a, const QueryBlock *block, int32_t kv_head, const Scratch *s)
{
    int32_t queries = block->n_rows * a->plan.group, length = block->length + block->n_rows - 1;
    int32_t tiles = div_up(queries, TILE_ROWS);
    Tile tile = {.c_row = BLOCK_K, .b = s->panel, .b_row = PANEL, .panels = 1, .len = a->plan.head_dim};
    for (int32_t from = 0; from < length; from += PANEL) {
        transpose_keys(a->kernels, &a->plan, block->segment, kv_head, s->panel, a->k, from, min_i32(from + PANEL, length));
        for (int32_t i = 0; i < tiles; i++) {
            int32_t first = part_start(queries, tiles, i);
            tile.rows = part_start(queries, tiles, i + 1) - first;
            tile.a = s->queries + (size_t)first * BLOCK_K;
            tile.c = score_line(s, first, from) + from % BLOCK_K;
            a->kernels->tile(&tile);
        }
    }
}

// Sums for queries first .. first + count - 1, which attend to `shared` positions together; rows that attend to more do
// the rest by themselves, so that no row's sum ever meets a token that it must not see.
static void sum_tile(const Attention *a, const QueryBlock *block, int32_t kv_head, const Scratch *s, int32_t first,
                     int32_t count)
{
    int32_t group = a->plan.group, segment = block->segment, shared = block->length + first / group;
    float *c = s->sums + (size_t)first * (size_t)a->plan.columns;
    memset(c, 0, (size_t)count * (size_t)a->plan.columns * sizeof(float));
    for (int32_t from = 0; from < shared; from += BLOCK_K)
        sum_over_positions(a->kernels, &a->plan, segment, kv_head, c, score_line(s, first, from), count, a->v, from,
                           min_i32(from + BLOCK_K, shared));
    for (int32_t i = first, rows; i < first + count; i += rows) {
        rows = min_i32(group - i % group, first + count - i); // queries of one row
        int32_t length = block->length + i / group;
        for (int32_t from = shared, to; from < length; from = to) {
            to = min_i32((from / BLOCK_K + 1) * BLOCK_K, length);
            for (int32_t j = i, n; j < i + rows; j += n) {
                n = min_i32(TILE_ROWS, i + rows - j);
                sum_over_positions(a->kernels, &a->plan, segment, kv_head, s->sums + (size_t)j * (size_t)a->plan.columns,
                                   score_line(s, j, from), n, a->v, from, to);
            }
        }
    }
}

static void attend_block(const Attention *a, const QueryBlock *block, int32_t kv_head, const Scratch *s)
{
    const AttentionPlan *plan = &a->plan;
    int32_t queries = block->n_rows * plan->group, tiles = div_up(queries, TILE_ROWS);
    pack_queries(a->kernels, plan, block, kv_head, s->queries, a->q, a->scale);
    score_block(a, block, kv_head, s);
    float *totals = s->queries; // no longer needed
    for (int32_t i = 0; i < queries; i++) {
        float max, total = a->kernels->softmax_line(score_line(s, i, 0), s->line_stride, block->length + i / plan->group, &max);
        cpu_row(a->lse, block->row + i / plan->group)[kv_head * plan->group + i % plan->group] = max + cpu_log(total);
        totals[i] = total;
    }
    for (int32_t i = 0; i < tiles; i++) {
        int32_t first = part_start(queries, tiles, i);
        sum_tile(a, block, kv_head, s, first, part_start(queries, tiles, i + 1) - first);
    }
    for (int32_t i = 0; i < queries; i++) {
        int32_t head = kv_head * plan->group + i % plan->group;
        a->kernels->scale(cpu_row(a->out, block->row + i / plan->group) + (size_t)head * (size_t)plan->head_dim,
                          s->sums + (size_t)i * (size_t)plan->columns, plan->head_dim, 1 / totals[i]);
    }
}

void cpu_attention(Backend *be, Mat out, Mat lse, Mat q, Mat k, Mat v, const Forest *forest, int32_t head_dim, float scale)
{
    forest_check(forest);
    assert(q.rows == forest->n_rows && k.rows == forest->n_kv && v.rows == k.rows && v.cols == k.cols);
    assert(out.rows == q.rows && out.cols == q.cols && lse.rows == q.rows && lse.cols == q.cols / head_dim);
    Attention a = {.kernels = cpu_kernels(be), .out = out, .lse = lse, .q = q, .k = k, .v = v, .scale = scale};
    a.plan = attention_plan(be, forest, head_dim, q.cols, k.cols, BLOCK_QUERIES);
    int threads = cpu_threads_for(attention_work(&a.plan));
    float *work = cpu_work(be, WORK_THREADS, (size_t)threads * scratch_floats(&a.plan) * sizeof(float));
    int32_t n_items = a.plan.n_blocks * a.plan.n_kv_heads;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        Scratch scratch = scratch_of_thread(&a.plan, work, omp_get_thread_num());
#pragma omp for schedule(dynamic)
        for (int32_t i = n_items - 1; i >= 0; i--) // long rows first
            attend_block(&a, &a.plan.blocks[i / a.plan.n_kv_heads], i % a.plan.n_kv_heads, &scratch);
    }
}
