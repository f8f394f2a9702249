// The layout of weights: panels of 32 outputs, K-major; see PANEL in kernels.h.
#include <string.h>
#include "compute/bf16.h"
#include "compute/cpu/cpu_ops.h"

static size_t element_index(Weight w, int32_t out, int32_t in)
{
    size_t panel = (size_t)(out / PANEL) * weight_panel_elements(w), column = (size_t)(out % PANEL);
    if (w.dtype == DTYPE_F32)
        return panel + (size_t)in * PANEL + column;
    return panel + (size_t)(in / 2) * 2 * PANEL + column * 2 + (size_t)(in % 2);
}

float weight_element(Weight w, int32_t out, int32_t in)
{
    if (w.dtype == DTYPE_Q8_0) {
        const Q8Panel *block = q8_panel(w, out / PANEL) + in / Q8_BLOCK;
        return block->scale[out % PANEL] * (float)block->q[in % Q8_BLOCK][out % PANEL];
    }
    size_t index = element_index(w, out, in);
    return w.dtype == DTYPE_F32 ? cpu_floats(w.data)[index] : bf16_to_f32(((const uint16_t *)w.data.address)[index]);
}

static void weight_element_set(Weight w, int32_t out, int32_t in, float value)
{
    size_t index = element_index(w, out, in);
    if (w.dtype == DTYPE_F32)
        cpu_floats(w.data)[index] = value;
    else
        ((uint16_t *)w.data.address)[index] = bf16_from_f32(value);
}

// Inputs in .. in + n - 1 of one output; in is a multiple of Q8_BLOCK and n at most that.
static void weight_block_set(Weight w, int32_t out, int32_t in, int32_t n, const float *values)
{
    if (w.dtype != DTYPE_Q8_0) {
        for (int32_t i = 0; i < n; i++)
            weight_element_set(w, out, in + i, values[i]);
        return;
    }
    Q8Panel *block = q8_panel(w, out / PANEL) + in / Q8_BLOCK;
    int8_t q[Q8_BLOCK];
    block->scale[out % PANEL] = q8_quantise(values, n, q);
    for (int32_t i = 0; i < n; i++)
        block->q[i][out % PANEL] = q[i];
}

size_t cpu_weight_bytes(Backend *be, Dtype dtype, int32_t n_out, int32_t n_in)
{
    assert(n_out >= 1 && n_in >= 1);
    Weight w = {.n_out = n_out, .n_in = n_in, .dtype = dtype};
    if (dtype == DTYPE_Q8_0)
        return (size_t)weight_panels(w) * (size_t)q8_blocks(w) * sizeof(Q8Panel);
    return (size_t)weight_panels(w) * weight_panel_elements(w) * (dtype == DTYPE_BF16 ? 2 : 4);
}

typedef struct Transfer {
    Weight to, from;
    const float *upload;
    float *download;
} Transfer;

static void upload_part(const void *args, int32_t from, int32_t to)
{
    const Transfer *t = args;
    for (int32_t out = from; out < to; out++)
        for (int32_t in = 0; in < t->to.n_in; in += Q8_BLOCK)
            weight_block_set(t->to, out, in, min_i32(Q8_BLOCK, t->to.n_in - in),
                             t->upload + (size_t)out * (size_t)t->to.n_in + (size_t)in);
}

void cpu_weight_upload(Backend *be, Weight w, const float *rows)
{
    Transfer transfer = {.to = w, .upload = rows};
    cpu_zero(be, w.data, cpu_weight_bytes(be, w.dtype, w.n_out, w.n_in));
    cpu_run_parts(be, 10.0 * w.n_out * w.n_in, w.n_out, upload_part, &transfer);
}

static void download_part(const void *args, int32_t from, int32_t to)
{
    const Transfer *t = args;
    for (int32_t out = from; out < to; out++)
        for (int32_t in = 0; in < t->from.n_in; in++)
            t->download[(size_t)out * (size_t)t->from.n_in + (size_t)in] = weight_element(t->from, out, in);
}

void cpu_weight_download(Backend *be, float *rows, Weight w)
{
    Transfer transfer = {.from = w, .download = rows};
    cpu_run_parts(be, 10.0 * w.n_out * w.n_in, w.n_out, download_part, &transfer);
}

// Q8_BLOCK inputs at a time, which is what any type needs to see together.
static void convert_part(const void *args, int32_t from, int32_t to)
{
    const Transfer *t = args;
    for (int32_t panel = from; panel < to; panel++)
        for (int32_t in = 0; in < t->to.n_in; in += Q8_BLOCK)
            for (int32_t out = panel * PANEL; out < min_i32(t->to.n_out, (panel + 1) * PANEL); out++) {
                float values[Q8_BLOCK];
                int32_t n = min_i32(Q8_BLOCK, t->to.n_in - in);
                for (int32_t i = 0; i < n; i++)
                    values[i] = weight_element(t->from, out, in + i);
                weight_block_set(t->to, out, in, n, values);
            }
}

// F32 to BF16 as above, in the order of memory: each step of training does it to every weight. Padding is 0 in both.
static void narrow_part(const void *args, int32_t from, int32_t to)
{
    const Transfer *t = args;
    for (int32_t panel = from; panel < to; panel++) {
        const float *row = cpu_floats(t->from.data) + (size_t)panel * weight_panel_elements(t->from);
        uint16_t *pairs = (uint16_t *)t->to.data.address + (size_t)panel * weight_panel_elements(t->to);
        for (int32_t in = 0; in < t->to.n_in; in += 2, row += 2 * PANEL, pairs += 2 * PANEL) {
            bool alone = in + 1 == t->to.n_in; // the last of an odd number
            for (int i = 0; i < PANEL; i++) {
                pairs[2 * i] = bf16_from_f32(row[i]);
                pairs[2 * i + 1] = alone ? 0 : bf16_from_f32(row[PANEL + i]);
            }
        }
    }
}

void cpu_weight_convert(Backend *be, Weight to, Weight from)
{
    assert(to.n_out == from.n_out && to.n_in == from.n_in);
    size_t bytes = cpu_weight_bytes(be, to.dtype, to.n_out, to.n_in);
    Transfer transfer = {.to = to, .from = from};
    if (to.dtype == from.dtype) {
        cpu_copy(be, to.data, from.data, bytes);
        return;
    }
    if (from.dtype == DTYPE_F32 && to.dtype == DTYPE_BF16) {
        cpu_run_parts(be, 1.0 * to.n_out * to.n_in, weight_panels(to), narrow_part, &transfer);
        return;
    }
    cpu_zero(be, to.data, bytes);
    cpu_run_parts(be, 4.0 * to.n_out * to.n_in, weight_panels(to), convert_part, &transfer);
}
