// Keys and values of a cache, laid out the way that decoding reads them, one head of one sequence at a time:
// keys in panels of 32 rows with the rows in lanes, [R/32][G][D][32]; values by head, [G][R][D].
// A token is written once and read by every later one. Transposing its keys for each of them took a third of the time of
// decoding with a small model (docs/log.md).
#include <string.h>
#include "compute/cpu/attention.h"

#define TRANSPOSE_MIN 4 // rows: fewer are stored element by element

_Static_assert(CACHED_ROWS % PANEL == 0, "panels must fit cached_side_bytes");

static float *key_panel(CachedKv kv, int32_t row)
{
    return cpu_floats(kv.k) + (size_t)(row / PANEL) * (size_t)kv.cols * PANEL;
}

static float *value_rows(CachedKv kv, int32_t kv_head)
{
    return cpu_floats(kv.v) + (size_t)kv_head * (size_t)kv.rows * (size_t)kv.head_dim;
}

HeadRows cached_values(CachedKv kv, int32_t kv_head)
{
    return (HeadRows){value_rows(kv, kv_head), (size_t)kv.head_dim};
}

// Keys of rows row .. row + n - 1 = from[n, G*D].
static void write_keys(const CpuKernels *kernels, CachedKv kv, int32_t row, const float *from, int32_t n)
{
    for (int32_t count; n > 0; n -= count, row += count, from += (size_t)count * (size_t)kv.cols) {
        float *to = key_panel(kv, row) + row % PANEL;
        count = min_i32(n, PANEL - row % PANEL);
        if (count >= TRANSPOSE_MIN) {
            kernels->transpose(to, from, (size_t)kv.cols, count, kv.cols);
            continue;
        }
        for (int32_t i = 0; i < count; i++)
            for (int32_t c = 0; c < kv.cols; c++)
                to[(size_t)c * PANEL + (size_t)i] = from[(size_t)i * (size_t)kv.cols + (size_t)c];
    }
}

static void write_values(CachedKv kv, int32_t row, const float *from, int32_t n)
{
    size_t dim = (size_t)kv.head_dim;
    for (int32_t head = 0; head < kv.cols / kv.head_dim; head++) {
        float *to = value_rows(kv, head) + (size_t)row * dim;
        for (int32_t i = 0; i < n; i++)
            memcpy(to + (size_t)i * dim, from + (size_t)i * (size_t)kv.cols + (size_t)head * dim, dim * sizeof(float));
    }
}

typedef struct Write {
    const CpuKernels *kernels;
    CachedKv kv;
    Mat k, v;
    const Forest *forest;
} Write;

static void write_part(const void *args, int32_t from, int32_t to) // of segments: their rows are their own
{
    const Write *w = args;
    for (int32_t i = from; i < to; i++) {
        const Segment *s = &w->forest->segments[i]; // its new tokens are its last
        if (s->n_new == 0)
            continue;
        int32_t row = s->kv_row + s->n_tokens - s->n_new;
        write_keys(w->kernels, w->kv, row, cpu_row(w->k, s->row), s->n_new);
        write_values(w->kv, row, cpu_row(w->v, s->row), s->n_new);
    }
}

void cpu_kv_write(Backend *be, CachedKv kv, Mat k, Mat v, const Forest *forest)
{
    assert(kv.cols % kv.head_dim == 0 && kv.rows == forest->n_kv);
    assert(k.cols == kv.cols && k.rows == forest->n_rows && v.cols == k.cols && v.rows == k.rows);
    cpu_run_parts(be, 8.0 * k.rows * k.cols, forest->n_segments, write_part,
                  &(Write){cpu_kernels(be), kv, k, v, forest});
}

// to[row's line] = scores[rows][PANEL] of the lanes from `lane`, which are positions position .. position + count - 1.
static void keep_scores(ScoreLines lines, int32_t query, int32_t rows, int32_t position, const float *scores,
                        int32_t lane, int32_t count)
{
    int32_t in_first = min_i32(count, BLOCK_K - position % BLOCK_K);
    for (int32_t i = 0; i < rows; i++, scores += PANEL) {
        memcpy(score_line(lines, query + i, position) + position % BLOCK_K, scores + lane, (size_t)in_first * sizeof(float));
        if (in_first < count)
            memcpy(score_line(lines, query + i, position + in_first), scores + lane + in_first,
                   (size_t)(count - in_first) * sizeof(float));
    }
}

void score_cached_keys(const CpuKernels *kernels, const AttentionPlan *plan, int32_t segment, int32_t kv_head,
                       ScoreLines lines, const float *queries, int32_t first, int32_t count, CachedKv kv, int32_t from,
                       int32_t to, float *scratch)
{
    int32_t tiles = div_up(count, TILE_ROWS), most = count <= 3 ? 4 : count <= 6 ? 2 : 1; // panels at once keep chains busy
    for (int32_t r = plan->first_run[segment]; r < plan->first_run[segment + 1]; r++) {
        const Run *run = &plan->runs[r];
        int32_t start = run->kv_row + max_i32(from - run->position, 0);
        int32_t end = run->kv_row + min_i32(to - run->position, run->count), past = run->position - run->kv_row;
        if (start >= end)
            continue;
        Tile tile = {.c = scratch, .c_row = PANEL, .a_row = BLOCK_K, .b_row = PANEL,
                     .b_panel = (size_t)kv.cols * PANEL, .len = plan->head_dim};
        for (int32_t row = start / PANEL * PANEL; row < end; row += tile.panels * PANEL) {
            for (tile.panels = most; tile.panels > div_up(end - row, PANEL);)
                tile.panels /= 2;
            tile.b = key_panel(kv, row) + (size_t)(kv_head * plan->head_dim) * PANEL;
            for (int32_t i = 0; i < tiles; i++) {
                int32_t query = first + part_start(count, tiles, i);
                tile.rows = first + part_start(count, tiles, i + 1) - query;
                tile.c_panel = (size_t)tile.rows * PANEL;
                tile.a = queries + (size_t)query * BLOCK_K;
                kernels->tile(&tile);
                for (int32_t p = 0, at = row; p < tile.panels; p++, at += PANEL) {
                    int32_t lane = max_i32(start - at, 0), kept = min_i32(end - at, PANEL) - lane;
                    keep_scores(lines, query, tile.rows, at + lane + past, scratch + (size_t)p * tile.c_panel, lane, kept);
                }
            }
        }
    }
}
