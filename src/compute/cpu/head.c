// The log-prob head: logits by blocks of the vocabulary, of which only maxima, sums and the targets' own stay.
#include "compute/cpu/head.h"

void head_block(const HeadChunk *chunk, int32_t block, int32_t rb_from, int32_t rb_to, float *acc, float *aside)
{
    int32_t first = packed_row(&chunk->x, rb_from), rows = packed_row(&chunk->x, rb_to) - first;
    int32_t id_from = block * VOCABULARY_BLOCK, n = min_i32(VOCABULARY_BLOCK, chunk->w.n_out - id_from);
    float *logits = aside;
    size_t stride = VOCABULARY_BLOCK;
    if (chunk->logits) {
        stride = (size_t)chunk->w.n_out;
        logits = chunk->logits + (size_t)first * stride + (size_t)id_from;
    }
    Product product = {.kernels = chunk->kernels, .x = &chunk->x, .w = chunk->w, .out = logits, .out_row = stride};
    product_part(&product, rb_from, rb_to, block * VOCABULARY_BLOCK_PANELS,
                 block * VOCABULARY_BLOCK_PANELS + div_up(n, PANEL), acc);
    for (int32_t r = 0; chunk->sum && r < rows; r++) {
        size_t at = (size_t)(first + r) * (size_t)chunk->n_blocks + (size_t)block;
        chunk->sum[at] = chunk->kernels->logits_sum(logits + (size_t)r * stride, n, chunk->inv_temperature,
                                                    &chunk->max[at], chunk->weighted ? &chunk->weighted[at] : NULL);
    }
    for (int32_t r = 0; chunk->targets && r < rows; r++) {
        int32_t id = chunk->targets[first + r] - id_from;
        if (id >= 0 && id < n)
            chunk->target_logit[first + r] = logits[(size_t)r * stride + (size_t)id];
    }
}

typedef struct BlockJob {
    const HeadChunk *chunk;
    int32_t step; // row blocks of a task
    float *work;  // of all workers: for each an accumulator and logits aside
} BlockJob;

#define WORKER_FLOATS (PRODUCT_ACC_FLOATS + HEAD_ASIDE_FLOATS)

static void block_task(void *context, int32_t task, int worker)
{
    const BlockJob *job = context;
    const HeadChunk *chunk = job->chunk;
    int32_t rb_from = task / chunk->n_blocks * job->step;
    float *acc = job->work + (size_t)worker * WORKER_FLOATS;
    head_block(chunk, task % chunk->n_blocks, rb_from, min_i32(rb_from + job->step, chunk->x.row_blocks), acc,
               acc + PRODUCT_ACC_FLOATS);
}

void head_chunk_run(Backend *be, HeadChunk *chunk, const float *x, int threads)
{
    chunk->x = packed_rows(be, WORK_LEFT, x, chunk->rows, chunk->w.n_in);
    int32_t row_tasks =
        threads == 1 ? 1 : div_up(4 * threads, chunk->n_blocks); // a small vocabulary is shared out by rows
    BlockJob job = {.chunk = chunk, .step = min_i32(packed_chunk(&chunk->x), div_up(chunk->x.row_blocks, row_tasks))};
    job.work = cpu_work(be, WORK_THREADS, (size_t)threads * WORKER_FLOATS * sizeof(float));
    cpu_run(be, threads, chunk->n_blocks * div_up(chunk->x.row_blocks, job.step), block_task, &job);
}

float head_row_max(const HeadChunk *chunk, int32_t row)
{
    const float *max = chunk->max + (size_t)row * (size_t)chunk->n_blocks;
    float largest = max[0];
    for (int32_t b = 1; b < chunk->n_blocks; b++)
        largest = max[b] > largest ? max[b] : largest;
    return largest;
}

float head_row_lse(const HeadChunk *chunk, int32_t row)
{
    size_t at = (size_t)row * (size_t)chunk->n_blocks;
    float max = head_row_max(chunk, row);
    return max + cpu_log(chunk->kernels->combine_sums(chunk->max + at, chunk->sum + at, chunk->n_blocks, max));
}

// -sum of p log p = log S - W / S with S the sum of e^(z - max) and W that of e^(z - max) (z - max): no large terms
// cancel.
static float row_entropy(const HeadChunk *chunk, int32_t row)
{
    size_t at = (size_t)row * (size_t)chunk->n_blocks;
    float max = head_row_max(chunk, row);
    float sum = chunk->kernels->combine_sums(chunk->max + at, chunk->sum + at, chunk->n_blocks, max);
    for (int32_t b = 0; b < chunk->n_blocks; b++) // from the block's maximum to the row's
        chunk->weighted[at + (size_t)b] += (chunk->max[at + (size_t)b] - max) * chunk->sum[at + (size_t)b];
    return cpu_log(sum) -
           chunk->kernels->combine_sums(chunk->max + at, chunk->weighted + at, chunk->n_blocks, max) / sum;
}

void cpu_head_logprobs(Backend *be, float *logp, float *entropy, Vec lse, Mat x, Weight w, const int32_t *targets,
                       float temperature)
{
    assert(x.cols == w.n_in && temperature > 0 && (dev_is_none(lse.data) || lse.n == x.rows));
    int threads = cpu_threads_for(be, (double)x.rows * w.n_out * w.n_in);
    for (int32_t from = 0; from < x.rows; from += HEAD_ROWS_AT_ONCE) {
        HeadChunk chunk = {.kernels = cpu_kernels(be), .w = w, .rows = min_i32(HEAD_ROWS_AT_ONCE, x.rows - from),
                           .n_blocks = div_up(w.n_out, VOCABULARY_BLOCK), .inv_temperature = 1 / temperature,
                           .targets = targets + from};
        size_t sums = (size_t)chunk.rows * (size_t)chunk.n_blocks;
        chunk.max = cpu_work(be, WORK_HEAD, (3 * sums + (size_t)chunk.rows) * sizeof(float));
        chunk.sum = chunk.max + sums;
        chunk.weighted = entropy ? chunk.sum + sums : NULL;
        chunk.target_logit = chunk.sum + 2 * sums;
        head_chunk_run(be, &chunk, cpu_row(x, from), threads);
        for (int32_t r = 0; r < chunk.rows; r++) {
            assert(targets[from + r] >= 0 && targets[from + r] < w.n_out);
            float row_lse = head_row_lse(&chunk, r);
            logp[from + r] = chunk.target_logit[r] * chunk.inv_temperature - row_lse;
            if (!dev_is_none(lse.data))
                cpu_floats(lse.data)[from + r] = row_lse;
            if (entropy)
                entropy[from + r] = row_entropy(&chunk, r);
        }
    }
}

void head_needs(WorkNeeds *needs, int threads, const WorkShape *shape)
{
    size_t rows = (size_t)min_i32(HEAD_ROWS_AT_ONCE, shape->predictions);
    size_t blocks = (size_t)div_up(shape->vocabulary, VOCABULARY_BLOCK);
    work_need(needs, WORK_HEAD, (3 * rows * blocks + rows) * sizeof(float));
    work_need(needs, WORK_LEFT, packed_work_bytes((int32_t)rows, shape->hidden));
    work_need(needs, WORK_THREADS, (size_t)threads * WORKER_FLOATS * sizeof(float));
}

void cpu_head_logits(Backend *be, float *logits, Mat x, Weight w)
{
    assert(x.cols == w.n_in);
    product_run(be, logits, cpu_floats(x.data), x.rows, w, NULL, NULL);
}
