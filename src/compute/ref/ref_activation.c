// RoPE (Su et al. 2021) in Hugging Face's half-split form, and SwiGLU (Shazeer 2020).
#include <math.h>
#include "compute/ref/ref_ops.h"

// Pair (a, b) = (x_i, x_{i + D/2}) -> (a cos - b sin, b cos + a sin) at the row's position. The inverse negates the
// angle: the transpose, which is the backward also where YaRN's factor is in cos and sin.
void ref_rope(Backend *be, Mat x, int32_t head_dim, RopeTable table, const int32_t *positions, bool inverse)
{
    int32_t half = head_dim / 2;
    assert(head_dim % 2 == 0 && x.cols % head_dim == 0 && table.half_dim == half);
    for (int32_t t = 0; t < x.rows; t++) {
        assert(positions[t] >= 0 && positions[t] < table.n_positions);
        const float *cos_t = ref_floats(table.cos) + (size_t)positions[t] * (size_t)half;
        const float *sin_t = ref_floats(table.sin) + (size_t)positions[t] * (size_t)half;
        for (float *head = ref_row(x, t); head < ref_row(x, t) + x.cols; head += head_dim) {
            for (int32_t i = 0; i < half; i++) {
                double a = head[i], b = head[i + half], c = cos_t[i], s = inverse ? -sin_t[i] : sin_t[i];
                head[i] = (float)(a * c - b * s);
                head[i + half] = (float)(b * c + a * s);
            }
        }
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

void ref_swiglu(Backend *be, Mat out, Mat gate, Mat up)
{
    assert(gate.rows == out.rows && gate.cols == out.cols && up.rows == out.rows && up.cols == out.cols);
    for (int32_t t = 0; t < out.rows; t++) {
        for (int32_t c = 0; c < out.cols; c++) {
            double g = ref_row(gate, t)[c];
            ref_row(out, t)[c] = (float)(g * sigmoid(g) * ref_row(up, t)[c]);
        }
    }
}

// With s = sigmoid(g):  d/dg (g s u) = u s (1 + g (1 - s)),  d/du = g s.
void ref_swiglu_backward(Backend *be, Mat dgate, Mat dup, Mat dout, Mat gate, Mat up)
{
    assert(gate.rows == dout.rows && gate.cols == dout.cols && up.rows == dout.rows && up.cols == dout.cols);
    assert(dgate.rows == dout.rows && dgate.cols == dout.cols && dup.rows == dout.rows && dup.cols == dout.cols);
    for (int32_t t = 0; t < dout.rows; t++) {
        for (int32_t c = 0; c < dout.cols; c++) {
            double g = ref_row(gate, t)[c], u = ref_row(up, t)[c], s = sigmoid(g), dy = ref_row(dout, t)[c];
            ref_row(dgate, t)[c] = (float)(dy * u * s * (1 + g * (1 - s)));
            ref_row(dup, t)[c] = (float)(dy * g * s);
        }
    }
}
