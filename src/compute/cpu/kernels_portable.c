// Kernels in plain C, for every processor.
#include "compute/cpu/kernels.h"
#include "compute/cpu/vec.h"

#include "compute/cpu/kernels_tile.inc.h"

#include "compute/cpu/kernels_softmax.inc.h"

#include "compute/cpu/kernels_row.inc.h"

#include "compute/cpu/kernels_param.inc.h"

#define KERNELS_ISA "portable"
#include "compute/cpu/kernels_table.inc.h"

const CpuKernels *cpu_kernels_portable(void) { return &kernels; }
