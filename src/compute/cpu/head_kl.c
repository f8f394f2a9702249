// The divergence of two heads: both logits by blocks of the vocabulary, of which only maxima and sums stay.
#include "compute/cpu/head.h"

typedef struct KlJob {
    HeadChunk p, q;
    float *apart; // [rows][n_blocks] of p against q
    int32_t step; // row blocks of a task
    float *work;  // of all workers: for each an accumulator and the logits of both
} KlJob;

#define WORKER_FLOATS (PRODUCT_ACC_FLOATS + 2 * HEAD_ASIDE_FLOATS)

static void kl_task(void *context, int32_t task, int worker)
{
    const KlJob *job = context;
    const HeadChunk *p = &job->p;
    int32_t block = task % p->n_blocks, rb_from = task / p->n_blocks * job->step;
    int32_t rb_to = min_i32(rb_from + job->step, p->x.row_blocks);
    float *acc = job->work + (size_t)worker * WORKER_FLOATS, *logits = acc + PRODUCT_ACC_FLOATS;
    float *others = logits + HEAD_ASIDE_FLOATS;
    head_block(p, block, rb_from, rb_to, acc, logits);
    head_block(&job->q, block, rb_from, rb_to, acc, others);
    int32_t first = packed_row(&p->x, rb_from), rows = packed_row(&p->x, rb_to) - first;
    int32_t n = min_i32(VOCABULARY_BLOCK, p->w.n_out - block * VOCABULARY_BLOCK);
    for (int32_t r = 0; r < rows; r++) {
        size_t at = (size_t)(first + r) * (size_t)p->n_blocks + (size_t)block, line = (size_t)r * VOCABULARY_BLOCK;
        job->apart[at] = p->kernels->logits_apart(logits + line, others + line, n, p->inv_temperature, p->max[at]);
    }
}

// sum p (log p - log q) = sum p (z - other) - lse(z) + lse(other).
static float row_kl(const KlJob *job, int32_t row)
{
    const HeadChunk *p = &job->p;
    size_t at = (size_t)row * (size_t)p->n_blocks;
    float max = head_row_max(p, row), sum = p->kernels->combine_sums(p->max + at, p->sum + at, p->n_blocks, max);
    float apart = p->kernels->combine_sums(p->max + at, job->apart + at, p->n_blocks, max);
    return apart / sum - (head_row_lse(p, row) - head_row_lse(&job->q, row));
}

void cpu_head_kl(Backend *be, float *kl, Mat x, Weight w, Mat other_x, Weight other_w, float temperature)
{
    assert(x.cols == w.n_in && other_x.cols == other_w.n_in && x.rows == other_x.rows && w.n_out == other_w.n_out);
    assert(temperature > 0);
    int threads = cpu_threads_for(be, (double)x.rows * w.n_out * (w.n_in + other_w.n_in));
    for (int32_t from = 0; from < x.rows; from += HEAD_ROWS_AT_ONCE) {
        HeadChunk chunk = {.kernels = cpu_kernels(be), .rows = min_i32(HEAD_ROWS_AT_ONCE, x.rows - from),
                           .n_blocks = div_up(w.n_out, VOCABULARY_BLOCK), .inv_temperature = 1 / temperature};
        KlJob job = {.p = chunk, .q = chunk};
        job.p.w = w, job.q.w = other_w;
        size_t sums = (size_t)chunk.rows * (size_t)chunk.n_blocks;
        job.p.max = cpu_work(be, WORK_HEAD, 5 * sums * sizeof(float));
        job.p.sum = job.p.max + sums, job.q.max = job.p.max + 2 * sums, job.q.sum = job.p.max + 3 * sums;
        job.apart = job.p.max + 4 * sums;
        job.p.x = packed_rows(be, WORK_LEFT, cpu_row(x, from), chunk.rows, job.p.w.n_in);
        job.q.x = packed_rows(be, WORK_RIGHT, cpu_row(other_x, from), chunk.rows, job.q.w.n_in);
        int32_t row_tasks = threads == 1 ? 1 : div_up(4 * threads, chunk.n_blocks);
        job.step = min_i32(packed_chunk(&job.p.x), packed_chunk(&job.q.x));
        job.step = min_i32(job.step, div_up(job.p.x.row_blocks, row_tasks));
        job.work = cpu_work(be, WORK_THREADS, (size_t)threads * WORKER_FLOATS * sizeof(float));
        cpu_run(be, threads, chunk.n_blocks * div_up(job.p.x.row_blocks, job.step), kl_task, &job);
        for (int32_t r = 0; r < chunk.rows; r++)
            kl[from + r] = row_kl(&job, r);
    }
}
