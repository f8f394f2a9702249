// Kernels with AVX2 and FMA; the build gives this file the instruction set.
#include "compute/cpu/kernels.h"

#if defined(__AVX2__) && defined(__FMA__)

#include "compute/cpu/vec.h"

#include "compute/cpu/kernels_tile.inc"

#include "compute/cpu/kernels_softmax.inc"

#include "compute/cpu/kernels_row.inc"

#include "compute/cpu/kernels_param.inc"

#define KERNELS_ISA "avx2"
#include "compute/cpu/kernels_table.inc"

const CpuKernels *cpu_kernels_avx2(void) { return &kernels; }

#else

const CpuKernels *cpu_kernels_avx2(void) { return NULL; }

#endif
