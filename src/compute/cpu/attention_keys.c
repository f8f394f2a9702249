// Keys of a K/V cache, stored the way that decoding reads them: [R/32][G*D][32], panels of 32 rows with the rows in
// lanes. A token is written once and read by every later one; transposing its keys anew for each of them took a third of
// the time of decoding with a small model.
#include <string.h>
#include "compute/cpu/attention.h"

#define TRANSPOSE_MIN 4 // rows: fewer are stored element by element

_Static_assert(KEYS_ROWS % PANEL == 0, "panels must fit keys_bytes");

static float *key_panel(Keys keys, int32_t kv_row)
{
    return cpu_floats(keys.data) + (size_t)(kv_row / PANEL) * (size_t)keys.cols * PANEL;
}

// Rows kv_row .. kv_row + n - 1 = from[n, G*D].
static void write_rows(const CpuKernels *kernels, Keys keys, int32_t kv_row, const float *from, int32_t n)
{
    for (int32_t count; n > 0; n -= count, kv_row += count, from += (size_t)count * (size_t)keys.cols) {
        float *to = key_panel(keys, kv_row) + kv_row % PANEL;
        count = min_i32(n, PANEL - kv_row % PANEL);
        if (count >= TRANSPOSE_MIN) {
            kernels->transpose(to, from, (size_t)keys.cols, count, keys.cols);
            continue;
        }
        for (int32_t i = 0; i < count; i++)
            for (int32_t c = 0; c < keys.cols; c++)
                to[(size_t)c * PANEL + (size_t)i] = from[(size_t)i * (size_t)keys.cols + (size_t)c];
    }
}

typedef struct Write {
    const CpuKernels *kernels;
    Keys keys;
    Mat rows;
    const Forest *forest;
} Write;

static void write_part(const void *args, int32_t from, int32_t to) // of segments: their lanes are their own
{
    const Write *w = args;
    for (int32_t i = from; i < to; i++) {
        const Segment *s = &w->forest->segments[i]; // its new tokens are its last
        if (s->n_new > 0)
            write_rows(w->kernels, w->keys, s->kv_row + s->n_tokens - s->n_new, cpu_row(w->rows, s->row), s->n_new);
    }
}

void cpu_keys_write(Backend *be, Keys keys, Mat rows, const Forest *forest)
{
    assert(keys.cols == rows.cols && keys.rows == forest->n_kv && rows.rows == forest->n_rows);
    cpu_run_parts(be, 4.0 * rows.rows * rows.cols, forest->n_segments, write_part,
                  &(Write){cpu_kernels(be), keys, rows, forest});
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
                       ScoreLines lines, const float *queries, int32_t first, int32_t count, Keys keys, int32_t from,
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
                     .b_panel = (size_t)keys.cols * PANEL, .len = plan->head_dim};
        for (int32_t row = start / PANEL * PANEL; row < end; row += tile.panels * PANEL) {
            for (tile.panels = most; tile.panels > div_up(end - row, PANEL);)
                tile.panels /= 2;
            tile.b = key_panel(keys, row) + (size_t)(kv_head * plan->head_dim) * PANEL;
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
