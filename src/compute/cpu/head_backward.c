// Backward of the log-prob head, in chunks of rows: the logits once more, d_j = dlogp ([j = target] - p_j) / temperature
// over them, then dx = d W and dW += d^T x.
#include <omp.h>
#include "compute/cpu/head.h"

#define CHUNK_FLOATS (8 << 20) // of logits; 32 MiB

void cpu_head_logprobs_backward(Backend *be, Mat dx, Weight dw, const float *dlogp, Vec lse, Mat x, Weight w,
                                const int32_t *targets, float temperature)
{
    assert(x.cols == w.n_in && dx.rows == x.rows && dx.cols == x.cols && lse.n == x.rows && temperature > 0);
    assert(dev_is_none(dw.data) || (dw.n_out == w.n_out && dw.n_in == w.n_in && dw.dtype == DTYPE_F32));
    const CpuKernels *kernels = cpu_kernels(be);
    float inv_temperature = 1 / temperature;
    int threads = cpu_threads_for((double)x.rows * w.n_out * w.n_in);
    int32_t rows_max = max_i32(2 * TILE_ROWS, CHUNK_FLOATS / w.n_out / TILE_ROWS * TILE_ROWS); // by shape alone
    for (int32_t from = 0; from < x.rows; from += rows_max) {
        int32_t rows = min_i32(rows_max, x.rows - from), n_blocks = div_up(w.n_out, VOCABULARY_BLOCK);
        float *logits = cpu_work(be, WORK_HEAD, (size_t)rows * (size_t)w.n_out * sizeof(float));
        HeadChunk chunk = {.kernels = kernels, .w = w, .rows = rows, .n_blocks = n_blocks, .logits = logits};
        head_chunk_run(be, &chunk, cpu_row(x, from), threads);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
        for (int32_t r = 0; r < rows; r++) {
            float scale = dlogp[from + r] * inv_temperature, *line = logits + (size_t)r * (size_t)w.n_out;
            assert(targets[from + r] >= 0 && targets[from + r] < w.n_out);
            kernels->logits_gradient(line, w.n_out, inv_temperature, cpu_floats(lse.data)[from + r], scale);
            line[targets[from + r]] += scale;
        }
        product_input_gradient(be, cpu_row(dx, from), logits, rows, w, false);
        if (!dev_is_none(dw.data))
            product_weight_gradient(be, dw, logits, cpu_row(x, from), rows);
    }
}
