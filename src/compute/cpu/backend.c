// The backend itself: choice of the instruction set, memory and workspaces.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "compute/cpu/cpu.h"
#include "compute/cpu/cpu_ops.h"

static void cpu_destroy(Backend *be)
{
    CpuState *state = be->state;
    assert(state->n_live == 0);
    for (int i = 0; i < N_WORK; i++)
        mem_free(state->work[i]);
    threads_destroy(state->threads);
    mem_free(state);
    mem_free(be);
}

static const char *cpu_describe(const Backend *be)
{
    return ((const CpuState *)be->state)->describe;
}

static const BackendOps cpu_ops = {
    .name = "cpu",
    .destroy = cpu_destroy,
    .describe = cpu_describe,
#define OP(result, op, arguments, contract) .op = cpu_##op,
#include "compute/ops.def"
#undef OP
};

static const CpuKernels *find_avx2(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return cpu_kernels_avx2();
#endif
    return NULL;
}

static const CpuKernels *find_avx512(void)
{
#if defined(__x86_64__)
    if (find_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return cpu_kernels_avx512();
#endif
    return NULL;
}

bool cpu_backend_create(const char *isa, Backend **backend, Error *error)
{
    const CpuKernels *avx2 = find_avx2(), *avx512 = find_avx512(), *kernels;
    *backend = NULL;
    if (isa[0] == '\0')
        kernels = avx512 ? avx512 : avx2 ? avx2 : cpu_kernels_portable();
    else if (strcmp(isa, "portable") == 0)
        kernels = cpu_kernels_portable();
    else if (strcmp(isa, "avx2") == 0)
        kernels = avx2;
    else if (strcmp(isa, "avx512") == 0)
        kernels = avx512;
    else
        return error_set(error, "unknown instruction set \"cpu:%s\": expected cpu:portable, cpu:avx2 or cpu:avx512",
                         isa);
    if (!kernels)
        return error_set(error, "this processor or this build lacks the instruction set of backend \"cpu:%s\"", isa);
    CpuState *state = mem_alloc(1, sizeof *state);
    state->kernels = kernels;
    state->threads = threads_create();
    *backend = mem_alloc(1, sizeof **backend);
    (*backend)->ops = &cpu_ops;
    (*backend)->state = state;
    cpu_backend_set_threads(*backend, threads_available());
    return true;
}

void cpu_backend_set_threads(Backend *be, int threads)
{
    CpuState *state = cpu_state(be);
    assert(be->ops == &cpu_ops && threads >= 1);
    state->max_threads = threads;
    snprintf(state->describe, sizeof state->describe, "cpu (%s, %d thread%s)", state->kernels->isa, threads,
             threads == 1 ? "" : "s");
}

void *cpu_work(Backend *be, CpuWork which, size_t bytes)
{
    CpuState *state = cpu_state(be);
    if (!state->work[which] || bytes > state->work_bytes[which])
        cpu_work_grow(be, which, bytes + bytes / 4);
    return state->work[which];
}

void cpu_work_grow(Backend *be, CpuWork which, size_t bytes)
{
    CpuState *state = cpu_state(be);
    if (state->work[which] && bytes <= state->work_bytes[which])
        return;
    mem_free(state->work[which]);
    state->work[which] = mem_aligned(bytes + CPU_SLACK_BYTES, 64);
    state->work_bytes[which] = bytes;
}

// Sharing out costs a microsecond or two; a core does some 10^5 multiply-adds in one.
int cpu_threads_for(Backend *be, double work)
{
    return work < 3e5 ? 1 : cpu_state(be)->max_threads;
}

void cpu_run(Backend *be, int threads, int32_t n_tasks, ThreadsTask *task, void *context)
{
    threads_run(cpu_state(be)->threads, threads, n_tasks, task, context);
}

typedef struct Parts {
    CpuPart *part;
    const void *args;
    int32_t n, count;
} Parts;

static void run_part(void *context, int32_t task, int worker)
{
    const Parts *parts = context;
    parts->part(parts->args, part_start(parts->n, parts->count, task), part_start(parts->n, parts->count, task + 1));
}

void cpu_run_parts(Backend *be, double work, int32_t n, CpuPart *part, const void *args)
{
    int threads = cpu_threads_for(be, work);
    Parts parts = {.part = part, .args = args, .n = n, .count = threads == 1 ? min_i32(n, 1) : min_i32(n, 4 * threads)};
    cpu_run(be, threads, parts.count, run_part, &parts);
}

// x = 2^e m with m in [sqrt 1/2, sqrt 2); log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172: the series to s^13
// leaves a relative 2^-39. All in double, so the rounding to F32 is what counts.
float cpu_log(float x)
{
    if (!(x > 0) || isinf(x))
        return x == 0 ? -INFINITY : x > 0 ? x : NAN;
    double m = x; // normal: the smallest F32 is far from double's
    uint64_t bits, root = 0x3fe6a09e667f3bcd; // of sqrt 1/2
    memcpy(&bits, &m, sizeof bits);
    int64_t e = (int64_t)(bits - root) >> 52;
    bits -= (uint64_t)e << 52;
    memcpy(&m, &bits, sizeof m);
    double s = (m - 1) / (m + 1), square = s * s, sum = 1.0 / 13;
    sum = sum * square + 1.0 / 11;
    sum = sum * square + 1.0 / 9;
    sum = sum * square + 1.0 / 7;
    sum = sum * square + 1.0 / 5;
    sum = sum * square + 1.0 / 3;
    sum = sum * square + 1;
    return (float)((double)e * 0x1.62e42fefa39efp-1 + 2 * s * sum);
}

Dev cpu_alloc(Backend *be, size_t bytes)
{
    cpu_state(be)->n_live++;
    return (Dev){(uintptr_t)mem_aligned(bytes + CPU_SLACK_BYTES, 64)};
}

void cpu_release(Backend *be, Dev memory)
{
    if (dev_is_none(memory))
        return;
    cpu_state(be)->n_live--;
    mem_free((void *)memory.address);
}

void cpu_zero(Backend *be, Dev memory, size_t bytes)
{
    if (bytes > 0)
        memset((void *)memory.address, 0, bytes);
}

void cpu_upload(Backend *be, Dev to, const void *from, size_t bytes)
{
    if (bytes > 0)
        memcpy((void *)to.address, from, bytes);
}

void cpu_download(Backend *be, void *to, Dev from, size_t bytes)
{
    if (bytes > 0)
        memcpy(to, (const void *)from.address, bytes);
}

void cpu_copy(Backend *be, Dev to, Dev from, size_t bytes)
{
    if (bytes > 0)
        memcpy((void *)to.address, (const void *)from.address, bytes);
}
