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

size_t cpu_weight_bytes(Backend *be, Dtype dtype, int32_t n_out, int32_t n_in)
{
    assert(n_out >= 1 && n_in >= 1);
    Weight w = {.n_out = n_out, .n_in = n_in, .dtype = dtype};
    return (size_t)weight_panels(w) * weight_panel_elements(w) * (dtype == DTYPE_BF16 ? 2 : 4);
}

void cpu_weight_upload(Backend *be, Weight w, const float *rows)
{
    cpu_zero(be, w.data, cpu_weight_bytes(be, w.dtype, w.n_out, w.n_in));
#pragma omp parallel for schedule(static)
    for (int32_t panel = 0; panel < weight_panels(w); panel++)
        for (int32_t out = panel * PANEL; out < min_i32(w.n_out, (panel + 1) * PANEL); out++)
            for (int32_t in = 0; in < w.n_in; in++)
                weight_element_set(w, out, in, rows[(size_t)out * (size_t)w.n_in + (size_t)in]);
}

void cpu_weight_download(Backend *be, float *rows, Weight w)
{
#pragma omp parallel for schedule(static)
    for (int32_t out = 0; out < w.n_out; out++)
        for (int32_t in = 0; in < w.n_in; in++)
            rows[(size_t)out * (size_t)w.n_in + (size_t)in] = weight_element(w, out, in);
}

void cpu_weight_convert(Backend *be, Weight to, Weight from)
{
    assert(to.n_out == from.n_out && to.n_in == from.n_in);
    size_t bytes = cpu_weight_bytes(be, to.dtype, to.n_out, to.n_in);
    if (to.dtype == from.dtype) {
        cpu_copy(be, to.data, from.data, bytes);
        return;
    }
    cpu_zero(be, to.data, bytes);
#pragma omp parallel for schedule(static)
    for (int32_t panel = 0; panel < weight_panels(to); panel++)
        for (int32_t in = 0; in < to.n_in; in++)
            for (int32_t out = panel * PANEL; out < min_i32(to.n_out, (panel + 1) * PANEL); out++)
                weight_element_set(to, out, in, weight_element(from, out, in));
}
