// Element-wise operations over arenas of parameters.
#include <math.h>
#include "compute/ref/ref_ops.h"

double ref_sum_squares(Backend *be, Dev x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)ref_floats(x)[i] * ref_floats(x)[i];
    return sum;
}

// Loshchilov & Hutter 2019 in PyTorch's form, g = grad_scale * grad:
//   p -= lr wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
//   p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)
void ref_adamw(Backend *be, Dev param, Dev grad, Dev m, Dev v, size_t n, const AdamwSettings *settings)
{
    assert(settings->step >= 1);
    double b1 = settings->beta1, b2 = settings->beta2, lr = settings->lr;
    double correct1 = 1 - pow(b1, (double)settings->step), correct2 = 1 - pow(b2, (double)settings->step);
    for (size_t i = 0; i < n; i++) {
        double g = (double)settings->grad_scale * ref_floats(grad)[i];
        double p = ref_floats(param)[i] * (1 - lr * settings->weight_decay);
        double m_i = b1 * ref_floats(m)[i] + (1 - b1) * g;
        double v_i = b2 * ref_floats(v)[i] + (1 - b2) * g * g;
        ref_floats(m)[i] = (float)m_i;
        ref_floats(v)[i] = (float)v_i;
        ref_floats(param)[i] = (float)(p - lr / correct1 * m_i / (sqrt(v_i) / sqrt(correct2) + settings->eps));
    }
}

void ref_ema(Backend *be, Dev average, Dev from, size_t n, float decay)
{
    for (size_t i = 0; i < n; i++) {
        double old = ref_floats(average)[i];
        ref_floats(average)[i] = (float)(decay * old + (1 - (double)decay) * ref_floats(from)[i]);
    }
}

void ref_axpy(Backend *be, Dev y, Dev x, size_t n, float a)
{
    for (size_t i = 0; i < n; i++)
        ref_floats(y)[i] = (float)(ref_floats(y)[i] + (double)a * ref_floats(x)[i]);
}
