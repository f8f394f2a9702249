// The backend itself, its memory and the layout of weights: [n_out, n_in] row-major, no padding but at the end.
#include <string.h>
#include "base/mem.h"
#include "compute/ref/ref.h"
#include "compute/ref/ref_ops.h"

typedef struct RefState {
    int64_t n_live; // allocations not yet released
} RefState;

static void ref_destroy(Backend *be)
{
    RefState *state = be->state;
    assert(state->n_live == 0);
    mem_free(state);
    mem_free(be);
}

static const char *ref_describe(const Backend *be)
{
    return "ref (plain C, 1 thread)";
}

static const BackendOps ref_ops = {
    .name = "ref",
    .destroy = ref_destroy,
    .describe = ref_describe,
#define OP(result, op, arguments, contract) .op = ref_##op,
#include "compute/ops.def"
#undef OP
};

Backend *ref_backend_create(void)
{
    Backend *be = mem_alloc(1, sizeof *be);
    be->ops = &ref_ops;
    be->state = mem_alloc(1, sizeof(RefState));
    return be;
}

Dev ref_alloc(Backend *be, size_t bytes)
{
    ((RefState *)be->state)->n_live++;
    return (Dev){(uintptr_t)mem_aligned(bytes, 64)};
}

void ref_release(Backend *be, Dev memory)
{
    if (dev_is_none(memory))
        return;
    ((RefState *)be->state)->n_live--;
    mem_free((void *)memory.address);
}

void ref_zero(Backend *be, Dev memory, size_t bytes)
{
    if (bytes > 0)
        memset((void *)memory.address, 0, bytes);
}

void ref_upload(Backend *be, Dev to, const void *from, size_t bytes)
{
    if (bytes > 0)
        memcpy((void *)to.address, from, bytes);
}

void ref_download(Backend *be, void *to, Dev from, size_t bytes)
{
    if (bytes > 0)
        memcpy(to, (const void *)from.address, bytes);
}

void ref_copy(Backend *be, Dev to, Dev from, size_t bytes)
{
    if (bytes > 0)
        memcpy((void *)to.address, (const void *)from.address, bytes);
}

// Operations of this backend allocate what they need and give it back.
size_t ref_work_bytes(Backend *be, const WorkShape *shape)
{
    return 0;
}

void ref_work_reserve(Backend *be, const WorkShape *shape)
{
}

size_t ref_weight_bytes(Backend *be, Dtype dtype, int32_t n_out, int32_t n_in)
{
    assert(n_out >= 1 && n_in >= 1);
    size_t bytes = (size_t)n_out * (size_t)n_in * (dtype == DTYPE_BF16 ? 2 : 4);
    if (dtype == DTYPE_Q8_0)
        bytes = (size_t)n_out * (size_t)((n_in + Q8_BLOCK - 1) / Q8_BLOCK) * sizeof(RefQ8);
    return (bytes + 63) / 64 * 64;
}

static void set_block(Weight w, int32_t o, int32_t i, int32_t n, const float *values)
{
    size_t index = (size_t)o * (size_t)w.n_in + (size_t)i;
    if (w.dtype == DTYPE_Q8_0) {
        ref_q8(w, o, i)->scale = q8_quantise(values, n, ref_q8(w, o, i)->q);
        return;
    }
    for (int32_t j = 0; j < n; j++) {
        if (w.dtype == DTYPE_BF16)
            ((uint16_t *)w.data.address)[index + (size_t)j] = bf16_from_f32(values[j]);
        else
            ref_floats(w.data)[index + (size_t)j] = values[j];
    }
}

static int32_t block_length(Weight w, int32_t i)
{
    return w.n_in - i < Q8_BLOCK ? w.n_in - i : Q8_BLOCK;
}

void ref_weight_upload(Backend *be, Weight w, const float *rows)
{
    ref_zero(be, w.data, ref_weight_bytes(be, w.dtype, w.n_out, w.n_in));
    for (int32_t o = 0; o < w.n_out; o++)
        for (int32_t i = 0; i < w.n_in; i += Q8_BLOCK)
            set_block(w, o, i, block_length(w, i), rows + (size_t)o * (size_t)w.n_in + (size_t)i);
}

void ref_weight_download(Backend *be, float *rows, Weight w)
{
    for (int32_t o = 0; o < w.n_out; o++)
        for (int32_t i = 0; i < w.n_in; i++)
            rows[(size_t)o * (size_t)w.n_in + (size_t)i] = ref_weight_at(w, o, i);
}

void ref_weight_convert(Backend *be, Weight to, Weight from)
{
    assert(to.n_out == from.n_out && to.n_in == from.n_in);
    size_t bytes = ref_weight_bytes(be, to.dtype, to.n_out, to.n_in);
    if (to.dtype == from.dtype) {
        ref_copy(be, to.data, from.data, bytes);
        return;
    }
    ref_zero(be, to.data, bytes);
    for (int32_t o = 0; o < to.n_out; o++)
        for (int32_t i = 0; i < to.n_in; i += Q8_BLOCK) {
            float values[Q8_BLOCK];
            for (int32_t j = 0; j < block_length(to, i); j++)
                values[j] = ref_weight_at(from, o, i + j);
            set_block(to, o, i, block_length(to, i), values);
        }
}
