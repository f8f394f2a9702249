// Sampling: filters over the most probable tokens, then the inverse of the cumulative sum in id order.
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include "compute/cpu/head.h"

#define ROWS_AT_ONCE (5 * TILE_ROWS) // whose logits are kept

// Tokens rank by logit, lower ids first among equals; p = e^(logit / temperature - max).
typedef struct Ranked {
    float logit, p;
    int32_t id;
} Ranked;

static int by_rank(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int by_id(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

// A row being sampled.
typedef struct Row {
    const CpuKernels *kernels;
    const float *logits;
    int32_t n;
    float inv_temperature, max; // max of logits / temperature
    double total;               // sum of p over the vocabulary
    Ranked *ranked;             // [n]
} Row;

// Ranks all tokens with logit >= least; returns how many.
static int32_t rank_above(const Row *row, float least)
{
    int32_t count = 0;
    for (int32_t i = 0; i < row->n; i++)
        if (row->logits[i] >= least)
            row->ranked[count++] = (Ranked){.logit = row->logits[i], .id = i};
    for (int32_t i = 0; i < count; i++)
        row->kernels->probabilities(&row->ranked[i].p, &row->ranked[i].logit, 1, row->inv_temperature, row->max);
    qsort(row->ranked, (size_t)count, sizeof *row->ranked, by_rank);
    return count;
}

// How many of the `count` tokens that are ranked pass the filters; -1 when that depends on tokens that are not.
static int32_t count_kept(const Row *row, int32_t count, const SampleSettings *settings)
{
    const Ranked *ranked = row->ranked;
    int32_t kept = row->n;
    double total = row->total;
    if (settings->top_k > 0 && settings->top_k < kept) {
        kept = settings->top_k;
        if (count < kept)
            return -1;
        total = 0;
        for (int32_t i = 0; i < kept; i++)
            total += ranked[i].p;
    }
    if (settings->top_p < 1) {
        double mass = 0;
        int32_t limit = kept;
        for (kept = 0; kept < limit && (kept == 0 || mass < settings->top_p * total); kept++) {
            if (kept == count)
                return -1;
            mass += ranked[kept].p;
        }
    }
    if (kept > count && (settings->min_p <= 0 || ranked[count - 1].p >= settings->min_p * ranked[0].p))
        return -1;
    kept = min_i32(kept, count);
    while (kept > 1 && ranked[kept - 1].p < settings->min_p * ranked[0].p)
        kept--;
    return kept;
}

// Ranks no more than it takes: most of the mass is near the largest logit.
static int32_t rank_kept(const Row *row, const SampleSettings *settings)
{
    float largest = row->max / row->inv_temperature;
    for (float depth = 4; depth < 100; depth *= 2) {
        int32_t count = rank_above(row, largest - depth / row->inv_temperature);
        int32_t kept = count > 0 ? count_kept(row, count, settings) : -1;
        if (kept >= 0)
            return kept;
    }
    int32_t count = rank_above(row, -INFINITY), kept = count > 0 ? count_kept(row, count, settings) : 0;
    return kept >= 0 ? kept : count; // -1 where NaNs are missing
}

static int32_t sample_filtered(const Row *row, const SampleSettings *settings, float uniform)
{
    int32_t kept = rank_kept(row, settings);
    double total = 0, sum = 0;
    if (kept == 0)
        return 0; // all NaN
    qsort(row->ranked, (size_t)kept, sizeof *row->ranked, by_id);
    for (int32_t i = 0; i < kept; i++)
        total += row->ranked[i].p;
    for (int32_t i = 0; i < kept - 1; i++) {
        sum += row->ranked[i].p;
        if (uniform * total < sum)
            return row->ranked[i].id;
    }
    return row->ranked[kept - 1].id;
}

// Without filters: masses[n_blocks] of blocks of the vocabulary first, then inside one of them. p: VOCABULARY_BLOCK floats.
static int32_t sample_all(const Row *row, const float *masses, int32_t n_blocks, float uniform, float *p)
{
    double target = uniform * row->total, before = 0, sum = 0;
    int32_t block = 0, chosen = 0;
    for (int32_t b = 0; b < n_blocks; b++) {
        if (!(masses[b] > 0))
            continue;
        block = b;
        before = sum;
        sum += masses[b];
        if (target < sum)
            break;
    }
    int32_t from = block * VOCABULARY_BLOCK, len = min_i32(VOCABULARY_BLOCK, row->n - from);
    row->kernels->probabilities(p, row->logits + from, len, row->inv_temperature, row->max);
    sum = before;
    for (int32_t i = 0; i < len; i++) { // the last possible token where rounding leaves none
        if (!(p[i] > 0))
            continue;
        chosen = i;
        sum += p[i];
        if (target < sum)
            break;
    }
    return from + chosen;
}

static int32_t arg_max(const float *x, int32_t n)
{
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

// work: n_blocks + VOCABULARY_BLOCK floats.
static int32_t sample_row(const HeadChunk *chunk, int32_t r, const SampleSettings *settings, float uniform, float *work,
                          Ranked *ranked)
{
    size_t at = (size_t)r * (size_t)chunk->n_blocks;
    Row row = {.kernels = chunk->kernels, .n = chunk->w.n_out, .inv_temperature = chunk->inv_temperature, .ranked = ranked};
    row.logits = chunk->logits + (size_t)r * (size_t)row.n;
    if (settings->temperature == 0)
        return arg_max(row.logits, row.n);
    row.max = head_row_max(chunk, r);
    row.kernels->probabilities(work, chunk->max + at, chunk->n_blocks, 1, row.max);
    for (int32_t b = 0; b < chunk->n_blocks; b++) {
        work[b] *= chunk->sum[at + (size_t)b];
        row.total += work[b];
    }
    if (settings->top_k > 0 || settings->top_p < 1 || settings->min_p > 0)
        return sample_filtered(&row, settings, uniform);
    return sample_all(&row, work, chunk->n_blocks, uniform, work + chunk->n_blocks);
}

static void sample_chunk(Backend *be, HeadChunk *chunk, const float *x, const SampleSettings *settings,
                         const float *uniforms, int32_t *ids, float *logp)
{
    int threads = cpu_threads_for((double)chunk->rows * chunk->w.n_out * chunk->w.n_in);
    size_t floats = (size_t)chunk->n_blocks + VOCABULARY_BLOCK;
    size_t bytes = round_up(floats * sizeof(float) + (size_t)chunk->w.n_out * sizeof(Ranked), 64);
    head_chunk_run(be, chunk, x, threads);
    char *work = cpu_work(be, WORK_THREADS, (size_t)threads * bytes);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        float *mine = (float *)(work + (size_t)omp_get_thread_num() * bytes);
#pragma omp for schedule(dynamic)
        for (int32_t r = 0; r < chunk->rows; r++) {
            ids[r] = sample_row(chunk, r, settings, uniforms[r], mine, (Ranked *)(mine + floats));
            float logit = chunk->logits[(size_t)r * (size_t)chunk->w.n_out + (size_t)ids[r]];
            logp[r] = logit * chunk->inv_temperature - head_row_lse(chunk, r);
        }
    }
}

void cpu_head_sample(Backend *be, int32_t *ids, float *logp, Mat x, Weight w, const SampleSettings *settings,
                     const float *uniforms)
{
    assert(x.cols == w.n_in && settings->temperature >= 0 && settings->top_k >= 0);
    assert(settings->top_p > 0 && settings->top_p <= 1 && settings->min_p >= 0 && settings->min_p <= 1);
    for (int32_t from = 0; from < x.rows; from += ROWS_AT_ONCE) {
        HeadChunk chunk = {.kernels = cpu_kernels(be), .w = w, .rows = min_i32(ROWS_AT_ONCE, x.rows - from),
                           .n_blocks = div_up(w.n_out, VOCABULARY_BLOCK),
                           .inv_temperature = settings->temperature > 0 ? 1 / settings->temperature : 1};
        size_t sums = (size_t)chunk.rows * (size_t)chunk.n_blocks;
        chunk.max = cpu_work(be, WORK_HEAD, (2 * sums + (size_t)chunk.rows * (size_t)w.n_out) * sizeof(float));
        chunk.sum = chunk.max + sums;
        chunk.logits = chunk.sum + sums;
        sample_chunk(be, &chunk, cpu_row(x, from), settings, uniforms + from, ids + from, logp + from);
    }
}
