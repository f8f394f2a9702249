// Element-wise operations over arenas of parameters, in chunks of a fixed size.
#include <math.h>
#include "compute/cpu/cpu_ops.h"

#define CHUNK ((size_t)16384) // floats; the four arrays of adamw then fit an L2 cache

static size_t chunk_len(size_t n, size_t chunk)
{
    return n - chunk * CHUNK < CHUNK ? n - chunk * CHUNK : CHUNK;
}

double cpu_sum_squares(Backend *be, Dev x, size_t n)
{
    size_t chunks = (n + CHUNK - 1) / CHUNK;
    double *sums = cpu_work(be, WORK_THREADS, chunks * sizeof *sums), sum = 0;
    int threads = cpu_threads_for((double)n);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (size_t i = 0; i < chunks; i++)
        sums[i] = cpu_kernels(be)->sum_squares(cpu_floats(x) + i * CHUNK, chunk_len(n, i));
    for (size_t i = 0; i < chunks; i++)
        sum += sums[i];
    return sum;
}

void cpu_adamw(Backend *be, Dev param, Dev grad, Dev m, Dev v, size_t n, const AdamwSettings *settings)
{
    assert(settings->step >= 1);
    double correct1 = 1 - pow(settings->beta1, (double)settings->step);
    double correct2 = 1 - pow(settings->beta2, (double)settings->step);
    AdamwStep step = {
        .beta1 = settings->beta1,
        .beta2 = settings->beta2,
        .rest1 = (float)(1 - (double)settings->beta1),
        .rest2 = (float)(1 - (double)settings->beta2),
        .eps = settings->eps,
        .grad_scale = settings->grad_scale,
        .decay = (float)((double)settings->lr * settings->weight_decay),
        .step_size = (float)(settings->lr / correct1),
        .root_scale = (float)(1 / sqrt(correct2)),
    };
    size_t chunks = (n + CHUNK - 1) / CHUNK;
    int threads = cpu_threads_for(4.0 * (double)n);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (size_t i = 0; i < chunks; i++) {
        size_t at = i * CHUNK;
        cpu_kernels(be)->adamw(cpu_floats(param) + at, cpu_floats(grad) + at, cpu_floats(m) + at, cpu_floats(v) + at,
                               chunk_len(n, i), &step);
    }
}

void cpu_ema(Backend *be, Dev average, Dev from, size_t n, float decay)
{
    size_t chunks = (n + CHUNK - 1) / CHUNK;
    int threads = cpu_threads_for((double)n);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (size_t i = 0; i < chunks; i++)
        cpu_kernels(be)->ema(cpu_floats(average) + i * CHUNK, cpu_floats(from) + i * CHUNK, chunk_len(n, i), decay);
}

void cpu_axpy(Backend *be, Dev y, Dev x, size_t n, float a)
{
    size_t chunks = (n + CHUNK - 1) / CHUNK;
    int threads = cpu_threads_for((double)n);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (size_t i = 0; i < chunks; i++)
        cpu_kernels(be)->axpy(cpu_floats(y) + i * CHUNK, cpu_floats(x) + i * CHUNK, chunk_len(n, i), a);
}
