// Backward of attention (Dao et al. 2022, appendix B.2). With p_j = exp(scale q.k_j - lse), D = dout.out and
// ds_j = p_j (dout.v_j - D):  dq = scale sum_j ds_j k_j,  dk_j += scale ds_j q,  dv_j += p_j dout.
//
// Bits: chains of dq run over absolute positions, those of dk and dv over query blocks in row order and within a block
// over (row, head). Two ways to share out the work give the same chains:
// - by (tree of the forest, K/V head): everything in one pass;
// - for K/V heads that would leave threads idle, where trees are few: dq by (query block, K/V head), then dk and dv by
//   (256 keys of a segment, K/V head), which computes the scores twice.
#include <string.h>
#include "compute/cpu/attention.h"

#define BLOCK_QUERIES (8 * TILE_ROWS)

// The tokens of a segment at positions from .. to - 1, all in one block of BLOCK_K.
typedef struct KeyPart {
    int32_t segment, from, to;
} KeyPart;

typedef struct Backward {
    const CpuKernels *kernels;
    AttentionPlan plan;
    Mat dq, dk, dv, dout, out, lse, q, k, v;
    float scale;
    float *work;          // scratch_floats for each worker
    const int32_t *roots; // segments without a parent
    const KeyPart *key_parts;
    int32_t tree_heads;   // K/V heads whose work is shared out by tree: the first ones
} Backward;

// What a worker needs. Lines of [queries][BLOCK_K]: scale * q, dout, p, ds; sums of dq [queries][columns]; a panel of
// keys [D][PANEL]; gradients of a few keys [TILE_ROWS][columns]; lse and D of each query.
typedef struct Scratch {
    float *q, *dout, *p, *ds, *dq, *panel, *keys, *lse, *delta;
} Scratch;

static size_t scratch_floats(const AttentionPlan *plan)
{
    return (size_t)plan->queries * (4 * BLOCK_K + (size_t)plan->columns + 2) + HEAD_DIM_MAX * PANEL +
           TILE_ROWS * (size_t)plan->columns + CPU_SLACK_BYTES;
}

static Scratch scratch_of_worker(const Backward *b, int worker)
{
    const AttentionPlan *plan = &b->plan;
    size_t lines = (size_t)plan->queries * BLOCK_K;
    Scratch s = {.q = b->work + (size_t)worker * scratch_floats(plan)};
    s.dout = s.q + lines;
    s.p = s.dout + lines;
    s.ds = s.p + lines;
    s.dq = s.ds + lines;
    s.panel = s.dq + (size_t)plan->queries * (size_t)plan->columns;
    s.keys = s.panel + HEAD_DIM_MAX * PANEL;
    s.lse = s.keys + TILE_ROWS * plan->columns;
    s.delta = s.lse + plan->queries;
    return s;
}

// All rows of a block are of one segment here.
static int32_t block_segment(const AttentionPlan *plan, const QueryBlock *block)
{
    return plan->row_segment[block->row];
}

// Tokens that its last row attends to.
static int32_t block_length(const AttentionPlan *plan, const QueryBlock *block)
{
    return plan->row_length[block->row + block->n_rows - 1];
}

static void load_block(const Backward *b, const QueryBlock *block, int32_t kv_head, const Scratch *s)
{
    const AttentionPlan *plan = &b->plan;
    pack_queries(b->kernels, plan, block, kv_head, s->q, b->q, b->scale);
    pack_queries(b->kernels, plan, block, kv_head, s->dout, b->dout, 1);
    for (int32_t i = 0; i < block->n_rows * plan->group; i++) {
        int32_t row = block->row + i / plan->group, head = kv_head * plan->group + i % plan->group;
        s->lse[i] = cpu_row(b->lse, row)[head];
        s->delta[i] = b->kernels->dot(cpu_row(b->dout, row) + (size_t)head * (size_t)plan->head_dim,
                                      cpu_row(b->out, row) + (size_t)head * (size_t)plan->head_dim, plan->head_dim);
    }
}

// lines[i][position mod BLOCK_K] = x[i] . kv[position] for all queries of a block.
static void dot_lines(const Backward *b, const QueryBlock *block, int32_t kv_head, const Scratch *s, float *lines,
                      const float *x, Mat kv, int32_t from, int32_t to)
{
    int32_t queries = block->n_rows * b->plan.group, tiles = div_up(queries, TILE_ROWS);
    Tile tile = {.c_row = BLOCK_K, .a_row = BLOCK_K, .b = s->panel, .b_row = PANEL, .panels = 1,
                 .len = b->plan.head_dim};
    for (int32_t start = from, end; start < to; start = end) {
        end = min_i32((start / PANEL + 1) * PANEL, to);
        transpose_keys(b->kernels, &b->plan, block_segment(&b->plan, block), s->panel,
                       head_rows(kv, kv_head, b->plan.head_dim), start, end, false);
        for (int32_t i = 0; i < tiles; i++) {
            int32_t first = part_start(queries, tiles, i);
            tile.rows = part_start(queries, tiles, i + 1) - first;
            tile.a = x + (size_t)first * BLOCK_K;
            tile.c = lines + (size_t)first * BLOCK_K + start % BLOCK_K / PANEL * PANEL;
            b->kernels->tile(&tile);
        }
    }
}

// p and ds of positions from .. to - 1, all in one block of BLOCK_K; 0 elsewhere in its columns up to `to`.
static void gradient_lines(const Backward *b, const QueryBlock *block, int32_t kv_head, const Scratch *s, int32_t from,
                           int32_t to)
{
    int32_t base = from / BLOCK_K * BLOCK_K, group = b->plan.group;
    dot_lines(b, block, kv_head, s, s->p, s->q, b->k, from, to);
    dot_lines(b, block, kv_head, s, s->ds, s->dout, b->v, from, to);
    for (int32_t i = 0; i < block->n_rows * group; i++) {
        int32_t end = min_i32(to, b->plan.row_length[block->row + i / group]); // a row sees up to itself
        b->kernels->attention_gradient(s->p + (size_t)i * BLOCK_K, s->ds + (size_t)i * BLOCK_K, from - base, end - base,
                                       (int32_t)round_up((size_t)(to - base), 16), s->lse[i], s->delta[i]);
    }
}

static void add_dq(const Backward *b, const QueryBlock *block, int32_t kv_head, const Scratch *s, int32_t from,
                   int32_t to)
{
    int32_t queries = block->n_rows * b->plan.group, tiles = div_up(queries, TILE_ROWS);
    for (int32_t i = 0; i < tiles; i++) {
        int32_t first = part_start(queries, tiles, i), rows = part_start(queries, tiles, i + 1) - first;
        sum_over_positions(b->kernels, &b->plan, block_segment(&b->plan, block),
                           s->dq + (size_t)first * (size_t)b->plan.columns, s->ds + (size_t)first * BLOCK_K, rows,
                           head_rows(b->k, kv_head, b->plan.head_dim), from, to);
    }
}

// Gradients of `count` <= TILE_ROWS keys from kv_row on: dkv[key] += sum over queries of lines[query][key] x[query].
// lines: its column of the first key.
static void add_to_keys(const Backward *b, const Scratch *s, Mat dkv, int32_t kv_row, int32_t kv_head, int32_t count,
                        const float *lines, const float *x, int32_t queries)
{
    const AttentionPlan *plan = &b->plan;
    size_t dim = (size_t)plan->head_dim * sizeof(float);
    float *to = cpu_row(dkv, kv_row) + kv_head * plan->head_dim;
    bool aside = plan->columns != plan->head_dim; // whole panels would reach into the next head
    for (int32_t i = 0; aside && i < count; i++)
        memcpy(s->keys + i * plan->columns, to + (size_t)i * (size_t)dkv.cols, dim);
    Tile tile = {.c_row = (size_t)(aside ? plan->columns : dkv.cols), .c_panel = PANEL, .a = lines, .a_row = BLOCK_K,
                 .b_row = BLOCK_K, .b_panel = PANEL, .rows = count, .len = queries, .load = true};
    for (int32_t column = 0; column < plan->columns; column += tile.panels * PANEL) {
        tile.panels = count <= 6 && plan->columns - column >= 2 * PANEL ? 2 : 1;
        tile.c = (aside ? s->keys : to) + column;
        tile.b = x + column;
        b->kernels->tile_columns(&tile);
    }
    for (int32_t i = 0; aside && i < count; i++)
        memcpy(to + (size_t)i * (size_t)dkv.cols, s->keys + i * plan->columns, dim);
}

static void add_dk_dv(const Backward *b, const QueryBlock *block, int32_t kv_head, const Scratch *s, int32_t from,
                      int32_t to)
{
    const AttentionPlan *plan = &b->plan;
    int32_t queries = block->n_rows * plan->group;
    int32_t segment = block_segment(plan, block);
    for (int32_t r = plan->first_run[segment]; r < plan->first_run[segment + 1]; r++) {
        const Run *run = &plan->runs[r];
        int32_t start = max_i32(from, run->position), end = min_i32(to, run->position + run->count);
        int32_t tiles = start < end ? div_up(end - start, TILE_ROWS) : 0;
        for (int32_t i = 0; i < tiles; i++) {
            int32_t first = start + part_start(end - start, tiles, i);
            int32_t count = start + part_start(end - start, tiles, i + 1) - first;
            int32_t kv_row = run->kv_row + first - run->position;
            add_to_keys(b, s, b->dk, kv_row, kv_head, count, s->ds + first % BLOCK_K, s->q, queries);
            add_to_keys(b, s, b->dv, kv_row, kv_head, count, s->p + first % BLOCK_K, s->dout, queries);
        }
    }
}

// A block with all its positions.
static void backward_block(const Backward *b, const QueryBlock *block, int32_t kv_head, const Scratch *s, bool keys_too)
{
    const AttentionPlan *plan = &b->plan;
    int32_t queries = block->n_rows * plan->group, length = block_length(plan, block);
    load_block(b, block, kv_head, s);
    memset(s->dq, 0, (size_t)queries * (size_t)plan->columns * sizeof(float));
    for (int32_t from = 0; from < length; from += BLOCK_K) {
        int32_t to = min_i32(from + BLOCK_K, length);
        gradient_lines(b, block, kv_head, s, from, to);
        add_dq(b, block, kv_head, s, from, to);
        if (keys_too)
            add_dk_dv(b, block, kv_head, s, from, to);
    }
    for (int32_t i = 0; i < queries; i++) {
        int32_t head = kv_head * plan->group + i % plan->group;
        b->kernels->scale(cpu_row(b->dq, block->row + i / plan->group) + (size_t)head * (size_t)plan->head_dim,
                          s->dq + (size_t)i * (size_t)plan->columns, plan->head_dim, b->scale);
    }
}

static bool on_path(const AttentionPlan *plan, int32_t ancestor, int32_t segment)
{
    int32_t depth = plan->first_run[ancestor + 1] - plan->first_run[ancestor] - 1;
    int32_t run = plan->first_run[segment] + depth;
    return run < plan->first_run[segment + 1] && plan->runs[run].segment == ancestor;
}

static void tree_task(void *context, int32_t task, int worker)
{
    const Backward *b = context;
    Scratch s = scratch_of_worker(b, worker);
    int32_t root = b->roots[task / b->tree_heads];
    for (int32_t i = 0; i < b->plan.n_blocks; i++)
        if (on_path(&b->plan, root, block_segment(&b->plan, &b->plan.blocks[i])))
            backward_block(b, &b->plan.blocks[i], task % b->tree_heads, &s, true);
}

static void queries_task(void *context, int32_t task, int worker)
{
    const Backward *b = context;
    Scratch s = scratch_of_worker(b, worker);
    int32_t heads = b->plan.n_kv_heads - b->tree_heads, i = b->plan.n_blocks - 1 - task / heads; // long rows first
    backward_block(b, &b->plan.blocks[i], b->tree_heads + task % heads, &s, false);
}

// dk and dv of the tokens that a segment has in one block of BLOCK_K positions.
static void keys_task(void *context, int32_t task, int worker)
{
    const Backward *b = context;
    Scratch s = scratch_of_worker(b, worker);
    int32_t heads = b->plan.n_kv_heads - b->tree_heads, kv_head = b->tree_heads + task % heads;
    const KeyPart *part = &b->key_parts[task / heads];
    for (int32_t i = 0; i < b->plan.n_blocks; i++) {
        const QueryBlock *block = &b->plan.blocks[i];
        int32_t to = min_i32(part->to, block_length(&b->plan, block));
        if (!on_path(&b->plan, part->segment, block_segment(&b->plan, block)) || to <= part->from)
            continue;
        load_block(b, block, kv_head, &s);
        gradient_lines(b, block, kv_head, &s, part->from, to);
        add_dk_dv(b, block, kv_head, &s, part->from, to);
    }
}

static int32_t fill_roots(const Forest *forest, int32_t *roots)
{
    int32_t n = 0;
    for (int32_t i = 0; i < forest->n_segments; i++)
        if (forest->segments[i].parent < 0)
            roots[n++] = i;
    return n;
}

static int32_t fill_key_parts(const Forest *forest, KeyPart *parts)
{
    int32_t n = 0;
    for (int32_t i = 0; i < forest->n_segments; i++) {
        int32_t end = forest->segments[i].position + forest->segments[i].n_tokens;
        for (int32_t from = forest->segments[i].position, to; from < end; from = to) {
            to = min_i32((from / BLOCK_K + 1) * BLOCK_K, end);
            parts[n++] = (KeyPart){.segment = i, .from = from, .to = to};
        }
    }
    return n;
}

// K/V rows cut by segments and by blocks of positions.
static size_t most_key_parts(int32_t n_kv, size_t n_segments)
{
    return (size_t)(n_kv / BLOCK_K) + 2 * n_segments;
}

static size_t work_bytes(size_t floats, size_t n_segments, size_t most_parts)
{
    return floats * sizeof(float) + n_segments * sizeof(int32_t) + most_parts * sizeof(KeyPart);
}

void attention_backward_needs(WorkNeeds *needs, int threads, const WorkShape *shape)
{
    AttentionPlan plan = attention_plan_largest(needs, shape, BLOCK_QUERIES);
    size_t segments = (size_t)shape->segments, parts = most_key_parts(shape->rows, segments);
    work_need(needs, WORK_THREADS, work_bytes((size_t)threads * scratch_floats(&plan), segments, parts));
}

void cpu_attention_backward(Backend *be, Mat dq, Mat dk, Mat dv, Mat dout, Mat out, Mat lse, Mat q, Mat k, Mat v,
                            const Forest *forest, int32_t head_dim, float scale)
{
    forest_check(forest);
    assert(q.rows == forest->n_rows && k.rows == forest->n_kv && v.rows == k.rows && v.cols == k.cols);
    assert(dq.rows == q.rows && dq.cols == q.cols && dout.rows == q.rows && dout.cols == q.cols);
    assert(out.rows == q.rows && out.cols == q.cols && lse.rows == q.rows && lse.cols == q.cols / head_dim);
    assert(dk.rows == k.rows && dk.cols == k.cols && dv.rows == k.rows && dv.cols == k.cols);
    Backward b = {.kernels = cpu_kernels(be), .dq = dq, .dk = dk, .dv = dv, .dout = dout, .out = out, .lse = lse,
                  .q = q, .k = k, .v = v, .scale = scale};
    b.plan = attention_plan(be, forest, head_dim, q.cols, k.cols, BLOCK_QUERIES, false);
    int threads = cpu_threads_for(be, 2.5 * attention_work(&b.plan));
    int32_t heads = b.plan.n_kv_heads;
    size_t floats = (size_t)threads * scratch_floats(&b.plan), n_segments = (size_t)forest->n_segments;
    size_t most_parts = most_key_parts(forest->n_kv, n_segments);
    b.work = cpu_work(be, WORK_THREADS, work_bytes(floats, n_segments, most_parts));
    KeyPart *key_parts = (KeyPart *)(b.work + floats);
    int32_t *roots = (int32_t *)(key_parts + most_parts), n_roots = fill_roots(forest, roots);
    b.roots = roots;
    b.key_parts = key_parts;
    b.tree_heads = heads;
    while (n_roots * b.tree_heads < 4 * threads && n_roots * b.tree_heads % threads != 0)
        b.tree_heads--;
    cpu_run(be, threads, n_roots * b.tree_heads, tree_task, &b);
    if (b.tree_heads < heads) {
        int32_t n_parts = fill_key_parts(forest, key_parts), rest = heads - b.tree_heads;
        cpu_run(be, threads, b.plan.n_blocks * rest, queries_task, &b);
        cpu_run(be, threads, n_parts * rest, keys_task, &b);
    }
}
