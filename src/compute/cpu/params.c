// Element-wise operations over arenas of parameters, in chunks of a fixed size.
#include <math.h>
#include "compute/cpu/cpu_ops.h"

#define CHUNK ((size_t)16384) // floats; the four arrays of adamw then fit an L2 cache

typedef struct Arenas {
    const CpuKernels *kernels;
    float *a, *m, *v;
    const float *b;
    size_t n;
    double *sums; // of chunks
    AdamwStep step;
    float factor;
} Arenas;

static void run_chunks(Backend *be, CpuPart *part, const Arenas *arenas, double work)
{
    size_t chunks = (arenas->n + CHUNK - 1) / CHUNK;
    assert(chunks <= INT32_MAX);
    cpu_run_parts(be, work * (double)arenas->n, (int32_t)chunks, part, arenas);
}

// Where chunks from .. to - 1 begin, and how many floats they are.
static size_t chunks_at(const Arenas *arenas, int32_t from, int32_t to, size_t *count)
{
    size_t at = (size_t)from * CHUNK, end = (size_t)to * CHUNK;
    *count = (end < arenas->n ? end : arenas->n) - at;
    return at;
}

static void sum_squares_part(const void *args, int32_t from, int32_t to)
{
    const Arenas *s = args;
    for (int32_t chunk = from; chunk < to; chunk++) {
        size_t n, at = chunks_at(s, chunk, chunk + 1, &n);
        s->sums[chunk] = s->kernels->sum_squares(s->b + at, n);
    }
}

void param_needs(WorkNeeds *needs, size_t n)
{
    work_need(needs, WORK_THREADS, (n + CHUNK - 1) / CHUNK * sizeof(double));
}

double cpu_sum_squares(Backend *be, Dev x, size_t n)
{
    size_t chunks = (n + CHUNK - 1) / CHUNK;
    Arenas arenas = {.kernels = cpu_kernels(be), .b = cpu_floats(x), .n = n};
    arenas.sums = cpu_work(be, WORK_THREADS, chunks * sizeof(double));
    run_chunks(be, sum_squares_part, &arenas, 2);
    double sum = 0;
    for (size_t i = 0; i < chunks; i++)
        sum += arenas.sums[i];
    return sum;
}

static void adamw_part(const void *args, int32_t from, int32_t to)
{
    const Arenas *s = args;
    size_t n, at = chunks_at(s, from, to, &n);
    s->kernels->adamw(s->a + at, s->b + at, s->m + at, s->v + at, n, &s->step);
}

void cpu_adamw(Backend *be, Dev param, Dev grad, Dev m, Dev v, size_t n, const AdamwSettings *settings)
{
    assert(settings->step >= 1);
    double correct1 = 1 - pow(settings->beta1, (double)settings->step);
    double correct2 = 1 - pow(settings->beta2, (double)settings->step);
    Arenas arenas = {.kernels = cpu_kernels(be), .a = cpu_floats(param), .b = cpu_floats(grad), .m = cpu_floats(m),
                     .v = cpu_floats(v), .n = n};
    arenas.step = (AdamwStep){
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
    run_chunks(be, adamw_part, &arenas, 8);
}

static void ema_part(const void *args, int32_t from, int32_t to)
{
    const Arenas *s = args;
    size_t n, at = chunks_at(s, from, to, &n);
    s->kernels->ema(s->a + at, s->b + at, n, s->factor);
}

void cpu_ema(Backend *be, Dev average, Dev from, size_t n, float decay)
{
    Arenas arenas = {
        .kernels = cpu_kernels(be), .a = cpu_floats(average), .b = cpu_floats(from), .n = n, .factor = decay};
    run_chunks(be, ema_part, &arenas, 4);
}

static void axpy_part(const void *args, int32_t from, int32_t to)
{
    const Arenas *s = args;
    size_t n, at = chunks_at(s, from, to, &n);
    s->kernels->axpy(s->a + at, s->b + at, n, s->factor);
}

void cpu_axpy(Backend *be, Dev y, Dev x, size_t n, float a)
{
    Arenas arenas = {.kernels = cpu_kernels(be), .a = cpu_floats(y), .b = cpu_floats(x), .n = n, .factor = a};
    run_chunks(be, axpy_part, &arenas, 4);
}
