// What the timing programs share: data of known noise in a backend's memory, and the clock.
#ifndef RLT_BENCH_BENCH_H
#define RLT_BENCH_BENCH_H

#include <math.h>
#include <time.h>
#include "base/mem.h"
#include "base/threads.h"
#include "compute/compute.h"

// With one thread the processor's time is taken, so that a busy machine disturbs less; else the clock's.
static inline double now_s(void)
{
    struct timespec time;
    clock_gettime(threads_available() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static inline float noise(size_t i) // in [-1, 1)
{
    uint32_t bits = (uint32_t)(i * 2654435761u);
    bits ^= bits >> 15;
    bits *= 0x2c1b3c6du;
    bits ^= bits >> 12;
    return (float)(bits >> 8) * 0x1p-23f - 1;
}

static inline float *host_floats(size_t n, float scale)
{
    float *host = mem_alloc(n, sizeof *host);
    for (size_t i = 0; i < n; i++)
        host[i] = noise(i) * scale;
    return host;
}

static inline Dev floats(Backend *be, size_t n, float scale)
{
    float *host = host_floats(n, scale);
    Dev dev = RUN(be, alloc, n * sizeof(float));
    RUN(be, upload, dev, host, n * sizeof(float));
    mem_free(host);
    return dev;
}

// host_floats(n_out * n_in, 1 / sqrt(n_in)) as a weight.
static inline Weight weight(Backend *be, Dtype dtype, int32_t n_out, int32_t n_in)
{
    Weight w = {.n_out = n_out, .n_in = n_in, .dtype = dtype};
    float *host = host_floats((size_t)n_out * (size_t)n_in, 1 / sqrtf((float)n_in));
    w.data = RUN(be, alloc, RUN(be, weight_bytes, dtype, n_out, n_in));
    RUN(be, weight_upload, w, host);
    mem_free(host);
    return w;
}

#endif
