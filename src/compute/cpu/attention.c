// Attention over the paths of a forest.
//
// Bits: a score is one chain over D, the sum of a softmax runs over 16 lanes by absolute position, an output element is
// one chain over absolute positions. None of them knows of segments, blocks or other rows.
// Speed: the queries of a block (rows, heads of one K/V head) share each transposed panel of 32 keys.
#include <string.h>
#include "compute/cpu/attention.h"
#include "compute/cpu/product.h"

// Queries that share a panel of keys. Their lines of scores should stay in an L2 cache.
#define BLOCK_QUERIES (4 * TILE_ROWS)

typedef struct Attention {
    const CpuKernels *kernels;
    AttentionPlan plan;
    Mat out, lse, q, k, v;
    CachedKv cached; // in place of k and v, if it has data
    float scale;
    float *work; // scratch_floats for each worker
} Attention;

// What a worker needs: [queries][BLOCK_K] packed queries, two panels of keys [D][PANEL], sums [queries][columns], lines
// of scores [blocks of positions][queries][BLOCK_K].
typedef struct Scratch {
    float *queries, *panels, *sums;
    ScoreLines scores;
} Scratch;

static size_t scratch_floats(const AttentionPlan *plan)
{
    size_t queries = (size_t)plan->queries, position_blocks = (size_t)div_up(plan->longest, BLOCK_K);
    return queries * BLOCK_K * (1 + position_blocks) + queries * (size_t)plan->columns + 2 * HEAD_DIM_MAX * PANEL;
}

static Scratch scratch_of_worker(const Attention *a, int worker)
{
    const AttentionPlan *plan = &a->plan;
    size_t line_floats = (size_t)plan->queries * BLOCK_K;
    Scratch s = {.queries = a->work + (size_t)worker * scratch_floats(plan)};
    s.panels = s.queries + line_floats;
    s.sums = s.panels + 2 * HEAD_DIM_MAX * PANEL;
    s.scores = (ScoreLines){s.sums + (size_t)plan->queries * (size_t)plan->columns, line_floats};
    return s;
}

static bool is_cached(const Attention *a)
{
    return !dev_is_none(a->cached.k);
}

// score_queries where k is a matrix; from: a multiple of PANEL.
static void score_keys(const Attention *a, const Scratch *s, int32_t kv_head, int32_t segment, int32_t first,
                       int32_t count, int32_t from, int32_t to)
{
    int32_t tiles = div_up(count, TILE_ROWS);
    size_t panel_size = (size_t)a->plan.head_dim * PANEL;
    Tile tile = {.c_row = BLOCK_K, .c_panel = PANEL, .a_row = BLOCK_K, .b = s->panels, .b_row = PANEL,
                 .b_panel = panel_size, .len = a->plan.head_dim};
    for (; from < to; from += tile.panels * PANEL) {
        tile.panels = count <= 6 && from % (2 * PANEL) == 0 && to - from > PANEL ? 2 : 1; // two keep the chains busy
        for (int32_t p = 0, at = from; p < tile.panels; p++, at += PANEL)
            transpose_keys(a->kernels, &a->plan, segment, s->panels + (size_t)p * panel_size,
                           head_rows(a->k, kv_head, a->plan.head_dim), at, min_i32(at + PANEL, to), tiles == 1);
        for (int32_t i = 0; i < tiles; i++) {
            int32_t query = first + part_start(count, tiles, i);
            tile.rows = first + part_start(count, tiles, i + 1) - query;
            tile.a = s->queries + (size_t)query * BLOCK_K;
            tile.c = score_line(s->scores, query, from) + from % BLOCK_K;
            a->kernels->tile(&tile);
        }
    }
}

// Scores of queries first .. first + count - 1 with positions from .. to - 1 of a segment's path. A row's scores past its
// own end are worked out too, but never read.
static void score_queries(const Attention *a, const Scratch *s, int32_t kv_head, int32_t segment, int32_t first,
                          int32_t count, int32_t from, int32_t to)
{
    if (is_cached(a))
        score_cached_keys(a->kernels, &a->plan, segment, kv_head, s->scores, s->queries, first, count, a->cached, from,
                          to, s->panels);
    else // the panel in which `from` lies is done again
        score_keys(a, s, kv_head, segment, first, count, from / PANEL * PANEL, to);
}

static void score_block(const Attention *a, const QueryBlock *block, int32_t kv_head, const Scratch *s)
{
    const int32_t *segments = a->plan.row_segment + block->row, *lengths = a->plan.row_length + block->row;
    int32_t group = a->plan.group, from = 0;
    if (segments[0] != segments[block->n_rows - 1]) {
        score_queries(a, s, kv_head, segments[0], 0, block->n_rows * group, 0, block->shared);
        from = block->shared;
    }
    for (int32_t r = 0, end; r < block->n_rows; r = end) {
        for (end = r + 1; end < block->n_rows && segments[end] == segments[r];)
            end++;
        score_queries(a, s, kv_head, segments[r], r * group, (end - r) * group, from, lengths[end - 1]);
    }
}

// c[count][columns] += probabilities of queries first .. times the values of positions from .. to - 1.
static void add_values(const Attention *a, const Scratch *s, int32_t kv_head, int32_t segment, int32_t first,
                       int32_t count, int32_t from, int32_t to)
{
    HeadRows values = is_cached(a) ? cached_values(a->cached, kv_head) : head_rows(a->v, kv_head, a->plan.head_dim);
    for (int32_t end; from < to; from = end) {
        end = min_i32((from / BLOCK_K + 1) * BLOCK_K, to);
        sum_over_positions(a->kernels, &a->plan, segment, s->sums + (size_t)first * (size_t)a->plan.columns,
                           score_line(s->scores, first, from), count, values, from, end);
    }
}

// Sums for queries first .. first + count - 1: what all of them see together, then each row the rest by itself, so that
// no row's sum ever meets a token that it must not see.
static void sum_tile(const Attention *a, const QueryBlock *block, int32_t kv_head, const Scratch *s, int32_t first,
                     int32_t count)
{
    const int32_t *segments = a->plan.row_segment + block->row, *lengths = a->plan.row_length + block->row;
    int32_t group = a->plan.group, first_row = first / group, last_row = (first + count - 1) / group;
    int32_t shared = segments[first_row] == segments[last_row] ? lengths[first_row] : block->shared;
    memset(s->sums + (size_t)first * (size_t)a->plan.columns, 0,
           (size_t)count * (size_t)a->plan.columns * sizeof(float));
    add_values(a, s, kv_head, segments[first_row], first, count, 0, shared);
    for (int32_t query = first, n; query < first + count; query += n) {
        int32_t row = query / group;
        n = min_i32((row + 1) * group, first + count) - query;
        add_values(a, s, kv_head, segments[row], query, n, shared, lengths[row]);
    }
}

static void attention_task(void *context, int32_t task, int worker)
{
    const Attention *a = context;
    const AttentionPlan *plan = &a->plan;
    int32_t i_block = plan->n_blocks - 1 - task / plan->n_kv_heads; // long rows first
    int32_t kv_head = task % plan->n_kv_heads, group = plan->group;
    const QueryBlock *block = &plan->blocks[i_block];
    Scratch s = scratch_of_worker(a, worker);
    int32_t queries = block->n_rows * group, tiles = div_up(queries, TILE_ROWS);
    pack_queries(a->kernels, plan, block, kv_head, s.queries, a->q, a->scale);
    score_block(a, block, kv_head, &s);
    float *totals = s.queries, *largest = totals + queries; // the queries are no longer needed
    for (int32_t i = 0; i < queries; i++)
        totals[i] = a->kernels->softmax_line(score_line(s.scores, i, 0), s.scores.block_stride,
                                             plan->row_length[block->row + i / group], &largest[i]);
    for (int32_t i = 0; i < queries; i++)
        cpu_row(a->lse, block->row + i / group)[kv_head * group + i % group] = largest[i] + cpu_log(totals[i]);
    for (int32_t i = 0; i < tiles; i++) {
        int32_t first = part_start(queries, tiles, i);
        sum_tile(a, block, kv_head, &s, first, part_start(queries, tiles, i + 1) - first);
    }
    for (int32_t i = 0; i < queries; i++) {
        int32_t head = kv_head * group + i % group;
        a->kernels->scale(cpu_row(a->out, block->row + i / group) + (size_t)head * (size_t)plan->head_dim,
                          s.sums + (size_t)i * (size_t)plan->columns, plan->head_dim, 1 / totals[i]);
    }
}

void attention_needs(WorkNeeds *needs, int threads, const WorkShape *shape)
{
    AttentionPlan plan = attention_plan_largest(needs, shape, BLOCK_QUERIES);
    work_need(needs, WORK_THREADS, (size_t)threads * scratch_floats(&plan) * sizeof(float));
}

static void attention_run(Backend *be, Attention a, const Forest *forest, int32_t head_dim, int32_t kv_cols)
{
    forest_check(forest);
    assert(a.q.rows == forest->n_rows && a.out.rows == a.q.rows && a.out.cols == a.q.cols);
    assert(a.lse.rows == a.q.rows && a.lse.cols == a.q.cols / head_dim);
    a.kernels = cpu_kernels(be);
    a.plan = attention_plan(be, forest, head_dim, a.q.cols, kv_cols, BLOCK_QUERIES, true);
    int threads = cpu_threads_for(be, attention_work(&a.plan));
    a.work = cpu_work(be, WORK_THREADS, (size_t)threads * scratch_floats(&a.plan) * sizeof(float));
    cpu_run(be, threads, a.plan.n_blocks * a.plan.n_kv_heads, attention_task, &a);
}

void cpu_attention(Backend *be, Mat out, Mat lse, Mat q, Mat k, Mat v, const Forest *forest, int32_t head_dim,
                   float scale)
{
    assert(k.rows == forest->n_kv && v.rows == k.rows && v.cols == k.cols);
    Attention a = {.out = out, .lse = lse, .q = q, .k = k, .v = v, .scale = scale};
    attention_run(be, a, forest, head_dim, k.cols);
}

void cpu_attention_cached(Backend *be, Mat out, Mat lse, Mat q, CachedKv kv, const Forest *forest, float scale)
{
    assert(kv.rows == forest->n_kv && !dev_is_none(kv.k) && !dev_is_none(kv.v));
    Attention a = {.out = out, .lse = lse, .q = q, .cached = kv, .scale = scale};
    attention_run(be, a, forest, kv.head_dim, kv.cols);
}
