// The reference backend: what every operation means, in the plainest C. One thread, no tricks, sums in double and
// stored as F32; weights row-major and dense. The other backends are tested against it; it is for reading and for
// tests.
#ifndef RLT_COMPUTE_REF_REF_H
#define RLT_COMPUTE_REF_REF_H

#include "compute/compute.h"

Backend *ref_backend_create(void); // destroyed with backend_destroy

#endif
