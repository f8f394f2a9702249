// RMSNorm (Zhang & Sennrich 2019), as in Llama: y_c = x_c r w_c with r = 1 / sqrt(mean_c x_c^2 + eps).
#include <math.h>
#include "base/mem.h"
#include "compute/ref/ref_ops.h"

void ref_rmsnorm(Backend *be, Mat out, Vec rstd, Mat x, Vec weight, float eps)
{
    assert(out.rows == x.rows && out.cols == x.cols && rstd.n == x.rows && weight.n == x.cols);
    const float *w = ref_floats(weight.data);
    for (int32_t t = 0; t < x.rows; t++) {
        double sum = 0;
        for (int32_t c = 0; c < x.cols; c++)
            sum += (double)ref_row(x, t)[c] * ref_row(x, t)[c];
        double r = 1 / sqrt(sum / x.cols + (double)eps);
        ref_floats(rstd.data)[t] = (float)r;
        for (int32_t c = 0; c < x.cols; c++)
            ref_row(out, t)[c] = (float)(ref_row(x, t)[c] * r * w[c]);
    }
}

// With g_c = dy_c w_c:  dx_c += r g_c - x_c r^3 / C * sum_k g_k x_k,  dw_c += sum over rows of dy_c x_c r.
void ref_rmsnorm_backward(Backend *be, Mat dx, Vec dweight, Mat dout, Mat x, Vec weight, Vec rstd)
{
    bool frozen = dev_is_none(dweight.data);
    assert(dx.rows == x.rows && dx.cols == x.cols && dout.rows == x.rows && dout.cols == x.cols);
    assert(rstd.n == x.rows && weight.n == x.cols && (frozen || dweight.n == x.cols));
    const float *w = ref_floats(weight.data);
    double *dw = mem_alloc((size_t)x.cols, sizeof *dw);
    for (int32_t t = 0; t < x.rows; t++) {
        const float *xt = ref_row(x, t), *dy = ref_row(dout, t);
        double r = ref_floats(rstd.data)[t], dot = 0;
        for (int32_t c = 0; c < x.cols; c++)
            dot += (double)dy[c] * w[c] * xt[c];
        for (int32_t c = 0; c < x.cols; c++) {
            ref_row(dx, t)[c] += (float)(r * dy[c] * w[c] - xt[c] * r * r * r / x.cols * dot);
            dw[c] += dy[c] * xt[c] * r;
        }
    }
    for (int32_t c = 0; c < x.cols && !frozen; c++)
        ref_floats(dweight.data)[c] = (float)(ref_floats(dweight.data)[c] + dw[c]);
    mem_free(dw);
}
