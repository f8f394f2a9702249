// Kernels in plain C, for every processor.
#include "compute/cpu/kernels.h"
#include "compute/cpu/vec.h"

#include "compute/cpu/kernels_tile.inc"

#include "compute/cpu/kernels_softmax.inc"

#include "compute/cpu/kernels_row.inc"

#include "compute/cpu/kernels_param.inc"

#define KERNELS_ISA "portable"
#include "compute/cpu/kernels_table.inc"

const CpuKernels *cpu_kernels_portable(void) { return &kernels; }
