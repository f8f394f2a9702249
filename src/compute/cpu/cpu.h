// The cpu backend: AVX-512, AVX2 or plain C, threads, the same bits whichever of these run.
#ifndef RLT_COMPUTE_CPU_CPU_H
#define RLT_COMPUTE_CPU_CPU_H

#include "compute/compute.h"

// isa: "" (the best that the processor has), "portable", "avx2" or "avx512". Fails on another name and where the
// processor or the build lacks it. Destroyed with backend_destroy.
MUST_CHECK bool cpu_backend_create(const char *isa, Backend **backend, Error *error);
// How many threads (1 or more) a cpu backend's jobs have from here on; at first, threads_available() of them.
void cpu_backend_set_threads(Backend *backend, int threads);

#endif
