// Kernels with AVX-512; the build gives this file the instruction set.
#include "compute/cpu/kernels.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)

#include "compute/cpu/vec.h"

#include "compute/cpu/kernels_tile.inc"

#include "compute/cpu/kernels_softmax.inc"

#include "compute/cpu/kernels_row.inc"

#include "compute/cpu/kernels_param.inc"

#define KERNELS_ISA "avx512"
#include "compute/cpu/kernels_table.inc"

const CpuKernels *cpu_kernels_avx512(void) { return &kernels; }

#else

const CpuKernels *cpu_kernels_avx512(void) { return NULL; }

#endif
