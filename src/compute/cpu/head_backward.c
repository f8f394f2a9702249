// Backward of the log-prob head, in chunks of rows: the logits once more, d_j = dlogp ([j = target] - p_j) /
// temperature over them, then dx = d W and dW += d^T x.
#include "compute/cpu/head.h"

#define CHUNK_FLOATS (8 << 20) // of logits; 32 MiB

typedef struct Gradient {
    const CpuKernels *kernels;
    float *logits; // [rows][V], replaced by the gradient
    int32_t n;     // V
    const float *dlogp, *lse;
    const int32_t *targets;
    float inv_temperature;
} Gradient;

static void gradient_part(const void *args, int32_t from, int32_t to)
{
    const Gradient *g = args;
    for (int32_t r = from; r < to; r++) {
        float scale = g->dlogp[r] * g->inv_temperature, *line = g->logits + (size_t)r * (size_t)g->n;
        assert(g->targets[r] >= 0 && g->targets[r] < g->n);
        g->kernels->logits_gradient(line, g->n, g->inv_temperature, g->lse[r], scale);
        line[g->targets[r]] += scale;
    }
}

// Rows of a chunk: by shape alone.
static int32_t chunk_rows(int32_t vocabulary)
{
    return max_i32(2 * TILE_ROWS, CHUNK_FLOATS / vocabulary / TILE_ROWS * TILE_ROWS);
}

void head_backward_needs(WorkNeeds *needs, int threads, const WorkShape *shape)
{
    int32_t rows = min_i32(chunk_rows(shape->vocabulary), shape->predictions);
    work_need(needs, WORK_HEAD, (size_t)rows * (size_t)shape->vocabulary * sizeof(float));
    product_needs(needs, threads, rows, shape->vocabulary, shape->hidden, true);
}

void cpu_head_logprobs_backward(Backend *be, Mat dx, Weight dw, const float *dlogp, Vec lse, Mat x, Weight w,
                                const int32_t *targets, float temperature)
{
    assert(x.cols == w.n_in && dx.rows == x.rows && dx.cols == x.cols && lse.n == x.rows && temperature > 0);
    assert(dev_is_none(dw.data) || (dw.n_out == w.n_out && dw.n_in == w.n_in && dw.dtype == DTYPE_F32));
    int threads = cpu_threads_for(be, (double)x.rows * w.n_out * w.n_in);
    int32_t rows_max = chunk_rows(w.n_out);
    for (int32_t from = 0; from < x.rows; from += rows_max) {
        int32_t rows = min_i32(rows_max, x.rows - from);
        float *logits = cpu_work(be, WORK_HEAD, (size_t)rows * (size_t)w.n_out * sizeof(float));
        HeadChunk chunk = {.kernels = cpu_kernels(be), .w = w, .rows = rows,
                           .n_blocks = div_up(w.n_out, VOCABULARY_BLOCK), .logits = logits};
        head_chunk_run(be, &chunk, cpu_row(x, from), threads);
        Gradient gradient = {.kernels = chunk.kernels,
                             .logits = logits,
                             .n = w.n_out,
                             .dlogp = dlogp + from,
                             .lse = cpu_floats(lse.data) + from,
                             .targets = targets + from,
                             .inv_temperature = 1 / temperature};
        cpu_run_parts(be, 16.0 * rows * w.n_out, rows, gradient_part, &gradient);
        product_input_gradient(be, cpu_row(dx, from), logits, rows, w, false);
        if (!dev_is_none(dw.data))
            product_weight_gradient(be, dw, logits, cpu_row(x, from), rows);
    }
}
