// Paths of a forest as runs of K/V rows, and the moves between matrices and tiles.
#include "compute/cpu/attention.h"

static int32_t count_runs(const Forest *forest)
{
    int64_t total = 0;
    for (int32_t i = 0; i < forest->n_segments; i++)
        for (int32_t s = i; s >= 0; s = forest->segments[s].parent)
            total++;
    assert(total <= INT32_MAX);
    return (int32_t)total;
}

static void fill_runs(AttentionPlan *plan)
{
    const Segment *segments = plan->forest->segments;
    int32_t n = 0;
    for (int32_t i = 0; i < plan->forest->n_segments; i++) {
        plan->first_run[i] = n;
        int32_t parent = segments[i].parent;
        if (parent >= 0)
            for (int32_t r = plan->first_run[parent]; r < plan->first_run[parent + 1]; r++)
                plan->runs[n++] = plan->runs[r];
        plan->runs[n++] = (Run){segments[i].position, segments[i].n_tokens, segments[i].kv_row, i};
        plan->first_run[i + 1] = n;
        plan->longest = max_i32(plan->longest, segments[i].position + segments[i].n_tokens);
    }
}

static void fill_rows(AttentionPlan *plan)
{
    for (int32_t i = 0; i < plan->forest->n_segments; i++) {
        const Segment *s = &plan->forest->segments[i];
        for (int32_t t = 0; t < s->n_new; t++) {
            plan->row_segment[s->row + t] = i;
            plan->row_length[s->row + t] = s->position + s->n_tokens - s->n_new + t + 1;
        }
    }
}

// Whether the rows of two segments may be in one block: prompts are shared, and what is not is a short part of the
// work.
static bool may_share(const Segment *a, const Segment *b)
{
    return a->parent >= 0 && a->parent == b->parent && a->n_new <= 2 && b->n_new <= 2;
}

static void fill_blocks(AttentionPlan *plan, int32_t block_rows, bool siblings)
{
    const Segment *segments = plan->forest->segments;
    for (int32_t row = 0, end; row < plan->forest->n_rows; row = end) {
        const Segment *first = &segments[plan->row_segment[row]];
        QueryBlock block = {.row = row, .shared = plan->row_length[row]};
        for (end = row; end < plan->forest->n_rows && end - row < block_rows; end++) {
            const Segment *s = &segments[plan->row_segment[end]];
            if (s == first)
                continue;
            if (!siblings || !may_share(first, s))
                break;
            block.shared = first->position;
        }
        block.n_rows = end - row;
        plan->blocks[plan->n_blocks++] = block;
    }
}

static AttentionPlan plan_sizes(int32_t head_dim, int32_t q_cols, int32_t kv_cols, int32_t block_queries)
{
    assert(head_dim >= 1 && head_dim <= HEAD_DIM_MAX && q_cols % head_dim == 0 && kv_cols % head_dim == 0);
    assert(q_cols % kv_cols == 0);
    AttentionPlan plan = {.head_dim = head_dim, .n_heads = q_cols / head_dim, .n_kv_heads = kv_cols / head_dim,
                          .group = q_cols / kv_cols};
    plan.columns = (int32_t)round_up((size_t)head_dim, PANEL);
    plan.queries = max_i32(1, block_queries / plan.group) * plan.group;
    return plan;
}

// All blocks but the last of a segment are full.
static size_t most_blocks(const AttentionPlan *plan, size_t n_rows, size_t n_segments)
{
    return n_rows / (size_t)(plan->queries / plan->group) + n_segments;
}

static size_t paths_bytes(size_t n_runs, size_t n_blocks, size_t n_segments, size_t n_rows)
{
    return n_runs * sizeof(Run) + n_blocks * sizeof(QueryBlock) + (n_segments + 1 + 2 * n_rows) * sizeof(int32_t);
}

AttentionPlan attention_plan_largest(WorkNeeds *needs, const WorkShape *shape, int32_t block_queries)
{
    AttentionPlan plan = plan_sizes(shape->head_dim, shape->q_cols, shape->kv_cols, block_queries);
    size_t segments = (size_t)shape->segments, rows = (size_t)shape->rows;
    plan.longest = shape->longest;
    work_need(needs, WORK_PATHS,
              paths_bytes(segments * (size_t)shape->depth, most_blocks(&plan, rows, segments), segments, rows));
    return plan;
}

AttentionPlan attention_plan(Backend *be, const Forest *forest, int32_t head_dim, int32_t q_cols, int32_t kv_cols,
                             int32_t block_queries, bool siblings)
{
    AttentionPlan plan = plan_sizes(head_dim, q_cols, kv_cols, block_queries);
    plan.forest = forest;
    int32_t block_rows = plan.queries / plan.group;
    size_t n_segments = (size_t)forest->n_segments, n_rows = (size_t)forest->n_rows,
           n_runs = (size_t)count_runs(forest), n_blocks = most_blocks(&plan, n_rows, n_segments);
    char *work = cpu_work(be, WORK_PATHS, paths_bytes(n_runs, n_blocks, n_segments, n_rows));
    plan.runs = (Run *)work;
    plan.blocks = (QueryBlock *)(work + n_runs * sizeof(Run));
    plan.first_run = (int32_t *)(work + n_runs * sizeof(Run) + n_blocks * sizeof(QueryBlock));
    plan.row_segment = plan.first_run + n_segments + 1;
    plan.row_length = plan.row_segment + n_rows;
    fill_runs(&plan);
    fill_rows(&plan);
    fill_blocks(&plan, block_rows, siblings);
    assert((size_t)plan.n_blocks <= n_blocks);
    return plan;
}

double attention_work(const AttentionPlan *plan)
{
    double pairs = 0;
    for (int32_t t = 0; t < plan->forest->n_rows; t++)
        pairs += plan->row_length[t];
    return 2 * pairs * plan->n_heads * plan->head_dim;
}

void pack_queries(const CpuKernels *kernels, const AttentionPlan *plan, const QueryBlock *block, int32_t kv_head,
                  float *to, Mat x, float a)
{
    const float *first = cpu_row(x, block->row) + (size_t)(kv_head * plan->group) * (size_t)plan->head_dim;
    for (int32_t r = 0; r < block->n_rows; r++) // lines far apart, which the processor does not foresee
        for (int32_t i = 0; i < plan->group * plan->head_dim; i += 16)
            __builtin_prefetch(first + (size_t)r * (size_t)x.cols + i);
    for (int32_t r = 0; r < block->n_rows; r++) {
        const float *from = cpu_row(x, block->row + r) + (size_t)(kv_head * plan->group) * (size_t)plan->head_dim;
        for (int32_t h = 0; h < plan->group; h++, to += BLOCK_K, from += plan->head_dim)
            kernels->scale(to, from, plan->head_dim, a);
    }
}

static const float *run_vector(const Run *run, HeadRows rows, int32_t position)
{
    return rows.first + (size_t)(run->kv_row + position - run->position) * rows.stride;
}

void transpose_keys(const CpuKernels *kernels, const AttentionPlan *plan, int32_t segment, float *panel, HeadRows keys,
                    int32_t from, int32_t to, bool prefetch)
{
    for (int32_t r = plan->first_run[segment]; r < plan->first_run[segment + 1]; r++) {
        const Run *run = &plan->runs[r];
        int32_t start = max_i32(from, run->position), end = min_i32(to, run->position + run->count);
        if (start >= end)
            continue;
        const float *first = run_vector(run, keys, start);
        for (int32_t i = PANEL; prefetch && i < 2 * PANEL && start + i < run->position + run->count; i++)
            for (int32_t d = 0; d < plan->head_dim; d += 16)
                __builtin_prefetch(first + (size_t)i * keys.stride + d);
        kernels->transpose(panel + start % PANEL, first, keys.stride, end - start, plan->head_dim);
    }
}

void sum_over_positions(const CpuKernels *kernels, const AttentionPlan *plan, int32_t segment, float *c, const float *a,
                        int32_t rows, HeadRows values, int32_t from, int32_t to)
{
    Tile tile = {.c_row = (size_t)plan->columns,
                 .c_panel = PANEL,
                 .a_row = BLOCK_K,
                 .b_row = values.stride,
                 .b_panel = PANEL,
                 .rows = rows,
                 .load = true};
    for (int32_t r = plan->first_run[segment]; r < plan->first_run[segment + 1]; r++) {
        const Run *run = &plan->runs[r];
        int32_t start = max_i32(from, run->position), end = min_i32(to, run->position + run->count);
        if (start >= end)
            continue;
        tile.a = a + start % BLOCK_K;
        tile.len = end - start;
        for (int32_t column = 0; column < plan->columns; column += tile.panels * PANEL) {
            tile.panels = rows <= 6 && plan->columns - column >= 2 * PANEL ? 2 : 1;
            tile.c = c + column;
            tile.b = run_vector(run, values, start) + column;
            kernels->tile(&tile);
        }
    }
}
