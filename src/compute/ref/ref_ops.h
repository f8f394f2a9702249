// Shared by the files of the reference backend: its operations (ref_<op>, contracts in ops.def) and access to its
// memory, where a Dev is an ordinary pointer.
#ifndef RLT_COMPUTE_REF_REF_OPS_H
#define RLT_COMPUTE_REF_REF_OPS_H

#include <assert.h>
#include "compute/bf16.h"
#include "compute/compute.h"
#include "compute/q8.h"

// Every operation is given the backend; this one keeps nothing in it that most of them would need.
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define OP(result, op, arguments, contract) result ref_##op arguments;
#include "compute/ops.def"
#undef OP

static inline float *ref_floats(Dev dev) { return (float *)dev.address; }
// Row t of a matrix.
static inline float *ref_row(Mat m, int32_t t) { return ref_floats(m.data) + (size_t)t * (size_t)m.cols; }

// A Q8_0 weight: [n_out, ceil(n_in / Q8_BLOCK)] of these, row-major.
typedef struct RefQ8 {
    float scale;
    int8_t q[Q8_BLOCK];
} RefQ8;
static inline RefQ8 *ref_q8(Weight w, int32_t o, int32_t i)
{
    return (RefQ8 *)w.data.address + (size_t)o * (size_t)((w.n_in + Q8_BLOCK - 1) / Q8_BLOCK) + i / Q8_BLOCK;
}

static inline size_t ref_weight_count(Weight w) { return (size_t)w.n_out * (size_t)w.n_in; }
// Element [o, i], widened.
static inline float ref_weight_at(Weight w, int32_t o, int32_t i)
{
    size_t index = (size_t)o * (size_t)w.n_in + (size_t)i;
    if (w.dtype == DTYPE_Q8_0)
        return ref_q8(w, o, i)->scale * (float)ref_q8(w, o, i)->q[i % Q8_BLOCK];
    if (w.dtype == DTYPE_BF16)
        return bf16_to_f32(((const uint16_t *)w.data.address)[index]);
    return ref_floats(w.data)[index];
}
// Row o of an F32 weight, such as a gradient.
static inline float *ref_weight_row(Weight w, int32_t o)
{
    assert(w.dtype == DTYPE_F32);
    return ref_floats(w.data) + (size_t)o * (size_t)w.n_in;
}

// z[V] = W x / temperature for one row of x (ref_head.c).
void ref_scaled_logits(double *z, const float *x, Weight w, float temperature);

#endif
