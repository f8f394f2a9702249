// Sampling: filters over the most probable tokens, then the inverse of the cumulative sum in id order.
//
// Tokens rank by logit, lower ids first among equals. A filter keeps the first tokens of that order, up to one that is
// found by selection (as quickselect does, by count or by mass), so nothing is sorted.
#include <math.h>
#include "compute/cpu/head.h"

#define LOGITS_AT_ONCE (4 << 20) // that are kept: of so many rows, within limits
#define ROWS_MIN (5 * TILE_ROWS)
#define ROWS_MAX (60 * TILE_ROWS)

typedef struct Token {
    float logit, p; // p = e^(logit / temperature - max)
    int32_t id;
} Token;

static bool ranks_before(Token a, Token b)
{
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// A row being sampled.
typedef struct Row {
    const CpuKernels *kernels;
    const float *logits;
    int32_t n;
    float inv_temperature, max; // max of logits / temperature
    double total;               // sum of p over the vocabulary
    Token *tokens, *ranked;     // [n] each: candidates in order of ids; the same, being selected from
    float *work;                // [n]
} Row;

static double mass_of(const Token *tokens, int32_t from, int32_t to)
{
    double mass = 0;
    for (int32_t i = from; i < to; i++)
        mass += tokens[i].p;
    return mass;
}

static void swap_tokens(Token *tokens, int32_t a, int32_t b)
{
    Token t = tokens[a];
    tokens[a] = tokens[b];
    tokens[b] = t;
}

// Moves those that rank up to some pivot to the front of tokens[from .. to - 1], the pivot last; returns where they
// end.
static int32_t partition(Token *tokens, int32_t from, int32_t to)
{
    int32_t middle = from + (to - from) / 2, last = to - 1, end = from;
    if (ranks_before(tokens[middle], tokens[from]))
        swap_tokens(tokens, middle, from);
    if (ranks_before(tokens[last], tokens[from]))
        swap_tokens(tokens, last, from);
    if (ranks_before(tokens[middle], tokens[last])) // the median of three goes last
        swap_tokens(tokens, middle, last);
    for (int32_t i = from; i < last; i++)
        if (ranks_before(tokens[i], tokens[last]))
            swap_tokens(tokens, i, end++);
    swap_tokens(tokens, end, last);
    return end + 1;
}

// The shortest front of the order that has `count` tokens or a mass of at least `mass`: moves it to the front of
// tokens[n], its last token last, and returns its length; n where all tokens together have less.
static int32_t select_front(Token *tokens, int32_t n, int32_t count, double mass)
{
    int32_t from = 0, to = n;
    double before = 0;
    if (n <= count && mass_of(tokens, 0, n) < mass) {
        for (int32_t i = 0; i < n - 1; i++)
            if (ranks_before(tokens[n - 1], tokens[i]))
                swap_tokens(tokens, i, n - 1);
        return n;
    }
    while (to - from > 1) { // the front ends in (from, to]
        int32_t end = partition(tokens, from, to);
        double part = mass_of(tokens, from, end);
        if (end >= count || before + part >= mass) {
            if (end == to) { // the pivot ranks last: look at the others alone
                part -= tokens[to - 1].p;
                if (end - 1 < count && before + part < mass)
                    return end;
                end--;
            }
            to = end;
        } else {
            from = end;
            before += part;
        }
    }
    return to;
}

// Finds the tokens with logit >= least, in order of ids; returns how many.
static int32_t find_above(const Row *row, float least)
{
    int32_t count = 0;
    for (int32_t i = 0; i < row->n; i++) {
        row->tokens[count] = (Token){.logit = row->logits[i], .id = i};
        row->work[count] = row->logits[i];
        count += row->logits[i] >= least;
    }
    row->kernels->probabilities(row->work, row->work, count, row->inv_temperature, row->max);
    for (int32_t i = 0; i < count; i++) {
        row->tokens[i].p = row->work[i];
        row->ranked[i] = row->tokens[i];
    }
    return count;
}

// The last token, in rank, that top_k and top_p let through, of `count` found; false when it may be one not found.
static bool find_last(const Row *row, int32_t count, const SampleSettings *settings, Token *last)
{
    int32_t kept = settings->top_k > 0 ? min_i32(settings->top_k, row->n) : row->n;
    double total = row->total;
    *last = (Token){.logit = -INFINITY, .id = INT32_MAX};
    if (kept == row->n && settings->top_p >= 1)
        return count == row->n;
    if (kept < row->n) {
        if (count < kept)
            return false;
        kept = select_front(row->ranked, count, kept, INFINITY);
        total = mass_of(row->ranked, 0, kept);
    }
    if (settings->top_p < 1) {
        double mass = settings->top_p * total;
        kept = min_i32(kept, count);
        if (count < row->n && kept == count && mass_of(row->ranked, 0, kept) < mass)
            return false;
        kept = select_front(row->ranked, kept, kept, mass);
    }
    *last = row->ranked[kept - 1];
    return true;
}

// Finds no more tokens than it takes: most of the mass is near the largest logit. Leaves in row->tokens those that
// pass, in order of ids; returns how many.
static int32_t find_kept(const Row *row, const SampleSettings *settings)
{
    float largest = row->max / row->inv_temperature, unit = 1 / row->inv_temperature;
    bool only_min_p =
        settings->min_p > 0 && settings->top_p >= 1 && (settings->top_k == 0 || settings->top_k >= row->n);
    Token last = {.logit = -INFINITY, .id = INT32_MAX};
    int32_t count = 0, kept = 0;
    if (only_min_p) { // a margin for the rounding of p
        count = find_above(row, largest + (logf(settings->min_p) - 0.01f) * unit);
    } else {
        bool found = false;
        for (float depth = 4; !found && depth < 100; depth *= 2) {
            count = find_above(row, largest - depth * unit);
            found = count > 0 && find_last(row, count, settings, &last);
        }
        if (!found) {
            count = find_above(row, -INFINITY);
            if (count == 0 || !find_last(row, count, settings, &last))
                last = (Token){.logit = -INFINITY, .id = INT32_MAX}; // only where there are NaNs
        }
    }
    for (int32_t i = 0; i < count; i++) { // the largest p is 1
        Token token = row->tokens[i];
        if (!ranks_before(last, token) && (token.p >= settings->min_p || token.p >= 1))
            row->tokens[kept++] = token;
    }
    return kept;
}

static int32_t sample_filtered(const Row *row, const SampleSettings *settings, float uniform)
{
    int32_t kept = find_kept(row, settings);
    if (kept == 0)
        return 0; // all NaN
    double target = uniform * mass_of(row->tokens, 0, kept), sum = 0;
    for (int32_t i = 0; i < kept - 1; i++) {
        sum += row->tokens[i].p;
        if (target < sum)
            return row->tokens[i].id;
    }
    return row->tokens[kept - 1].id;
}

// Without filters: masses[n_blocks] of blocks of the vocabulary first, then inside one of them.
static int32_t sample_all(const Row *row, const float *masses, int32_t n_blocks, float uniform)
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
    row->kernels->probabilities(row->work, row->logits + from, len, row->inv_temperature, row->max);
    sum = before;
    for (int32_t i = 0; i < len; i++) { // the last possible token where rounding leaves none
        if (!(row->work[i] > 0))
            continue;
        chosen = i;
        sum += row->work[i];
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

typedef struct SampleJob {
    const HeadChunk *chunk;
    const SampleSettings *settings;
    const float *uniforms;
    int32_t *ids;
    float *logp;
    char *work; // sample_bytes for each worker
} SampleJob;

// Token[V] twice, float[V], masses of blocks.
static size_t sample_bytes(int32_t vocabulary)
{
    size_t n = (size_t)vocabulary, blocks = (size_t)div_up(vocabulary, VOCABULARY_BLOCK);
    return round_up(2 * n * sizeof(Token) + (round_up(n, VOCABULARY_BLOCK) + blocks) * sizeof(float), 64);
}

static int32_t sample_row(const SampleJob *job, int32_t r, char *work)
{
    const HeadChunk *chunk = job->chunk;
    size_t at = (size_t)r * (size_t)chunk->n_blocks, n = (size_t)chunk->w.n_out;
    Row row = {.kernels = chunk->kernels, .logits = chunk->logits + (size_t)r * n, .n = chunk->w.n_out,
               .inv_temperature = chunk->inv_temperature};
    if (job->settings->temperature == 0)
        return arg_max(row.logits, row.n);
    row.tokens = (Token *)work;
    row.ranked = row.tokens + n;
    row.work = (float *)(row.ranked + n);
    float *masses = row.work + round_up(n, VOCABULARY_BLOCK);
    row.max = head_row_max(chunk, r);
    row.kernels->probabilities(masses, chunk->max + at, chunk->n_blocks, 1, row.max);
    for (int32_t b = 0; b < chunk->n_blocks; b++) {
        masses[b] *= chunk->sum[at + (size_t)b];
        row.total += masses[b];
    }
    if (job->settings->top_k > 0 || job->settings->top_p < 1 || job->settings->min_p > 0)
        return sample_filtered(&row, job->settings, job->uniforms[r]);
    return sample_all(&row, masses, chunk->n_blocks, job->uniforms[r]);
}

static void sample_task(void *context, int32_t r, int worker)
{
    const SampleJob *job = context;
    const HeadChunk *chunk = job->chunk;
    job->ids[r] = sample_row(job, r, job->work + (size_t)worker * sample_bytes(chunk->w.n_out));
    float logit = chunk->logits[(size_t)r * (size_t)chunk->w.n_out + (size_t)job->ids[r]];
    job->logp[r] = logit * chunk->inv_temperature - head_row_lse(chunk, r);
}

static int32_t rows_at_once(int32_t vocabulary)
{
    return max_i32(ROWS_MIN, min_i32(LOGITS_AT_ONCE / vocabulary, ROWS_MAX));
}

void sample_needs(WorkNeeds *needs, int threads, const WorkShape *shape)
{
    size_t rows = (size_t)min_i32(rows_at_once(shape->vocabulary), shape->predictions);
    size_t blocks = (size_t)div_up(shape->vocabulary, VOCABULARY_BLOCK);
    work_need(needs, WORK_HEAD, rows * (2 * blocks + (size_t)shape->vocabulary) * sizeof(float));
    work_need(needs, WORK_THREADS, (size_t)threads * sample_bytes(shape->vocabulary));
}

void cpu_head_sample(Backend *be, int32_t *ids, float *logp, Mat x, Weight w, const SampleSettings *settings,
                     const float *uniforms)
{
    assert(x.cols == w.n_in && settings->temperature >= 0 && settings->top_k >= 0);
    assert(settings->top_p > 0 && settings->top_p <= 1 && settings->min_p >= 0 && settings->min_p <= 1);
    int32_t rows_max = rows_at_once(w.n_out);
    for (int32_t from = 0; from < x.rows; from += rows_max) {
        HeadChunk chunk = {.kernels = cpu_kernels(be), .w = w, .rows = min_i32(rows_max, x.rows - from),
                           .n_blocks = div_up(w.n_out, VOCABULARY_BLOCK),
                           .inv_temperature = settings->temperature > 0 ? 1 / settings->temperature : 1};
        size_t sums = (size_t)chunk.rows * (size_t)chunk.n_blocks;
        chunk.max = cpu_work(be, WORK_HEAD, (2 * sums + (size_t)chunk.rows * (size_t)w.n_out) * sizeof(float));
        chunk.sum = chunk.max + sums;
        chunk.logits = chunk.sum + sums;
        int threads = cpu_threads_for(be, (double)chunk.rows * w.n_out * w.n_in);
        head_chunk_run(be, &chunk, cpu_row(x, from), threads);
        SampleJob job = {.chunk = &chunk, .settings = settings, .uniforms = uniforms + from, .ids = ids + from,
                         .logp = logp + from};
        job.work = cpu_work(be, WORK_THREADS, (size_t)threads * sample_bytes(w.n_out));
        cpu_run(be, threads, chunk.rows, sample_task, &job);
    }
}
