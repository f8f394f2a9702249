// Projections: y = x W^T + b + residual.
#include "compute/ref/ref_ops.h"

void ref_linear(Backend *be, Mat out, Mat x, Weight w, Vec bias, Mat residual)
{
    bool has_bias = !dev_is_none(bias.data), has_residual = !dev_is_none(residual.data);
    assert(out.rows == x.rows && out.cols == w.n_out && x.cols == w.n_in);
    assert(!has_bias || bias.n == w.n_out);
    assert(!has_residual || (residual.rows == out.rows && residual.cols == out.cols));
    for (int32_t t = 0; t < out.rows; t++) {
        for (int32_t n = 0; n < out.cols; n++) {
            double sum = 0;
            for (int32_t k = 0; k < x.cols; k++)
                sum += (double)ref_row(x, t)[k] * ref_weight_at(w, n, k);
            if (has_bias)
                sum += ref_floats(bias.data)[n];
            if (has_residual)
                sum += ref_row(residual, t)[n];
            ref_row(out, t)[n] = (float)sum;
        }
    }
}

// dx = dy W
void ref_linear_backward_input(Backend *be, Mat dx, Mat dout, Weight w, bool accumulate)
{
    assert(dx.rows == dout.rows && dx.cols == w.n_in && dout.cols == w.n_out);
    for (int32_t t = 0; t < dx.rows; t++) {
        for (int32_t k = 0; k < dx.cols; k++) {
            double sum = accumulate ? ref_row(dx, t)[k] : 0;
            for (int32_t n = 0; n < dout.cols; n++)
                sum += (double)ref_row(dout, t)[n] * ref_weight_at(w, n, k);
            ref_row(dx, t)[k] = (float)sum;
        }
    }
}

// dW += dy^T x, db += sum over rows of dy
void ref_linear_backward_weight(Backend *be, Weight dw, Vec dbias, Mat dout, Mat x)
{
    assert(dout.rows == x.rows && dout.cols == dw.n_out && x.cols == dw.n_in);
    assert(dev_is_none(dbias.data) || dbias.n == dw.n_out);
    for (int32_t n = 0; n < dw.n_out; n++) {
        for (int32_t k = 0; k < dw.n_in; k++) {
            double sum = ref_weight_row(dw, n)[k];
            for (int32_t t = 0; t < x.rows; t++)
                sum += (double)ref_row(dout, t)[n] * ref_row(x, t)[k];
            ref_weight_row(dw, n)[k] = (float)sum;
        }
        if (dev_is_none(dbias.data))
            continue;
        double sum = ref_floats(dbias.data)[n];
        for (int32_t t = 0; t < x.rows; t++)
            sum += ref_row(dout, t)[n];
        ref_floats(dbias.data)[n] = (float)sum;
    }
}
