// Long vectors, element by element: loops that the compiler turns into vectors of the instruction set. Every rounding is
// written (fmaf where one is meant), so the bits do not depend on how. See CpuKernels in kernels.h.

static void add(float *out, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] + b[i];
}

static double sum_squares(const float *x, size_t n)
{
    double lanes[16] = {0}, sum = 0; // a product of two floats is exact in double, so there is nothing to fuse
    for (size_t i = 0; i + 16 <= n; i += 16)
        for (int l = 0; l < 16; l++)
            lanes[l] += (double)x[i + (size_t)l] * x[i + (size_t)l];
    for (size_t i = n / 16 * 16; i < n; i++)
        lanes[i % 16] += (double)x[i] * x[i];
    for (int l = 0; l < 16; l++)
        sum += lanes[l];
    return sum;
}

static void adamw(float *restrict param, const float *restrict grad, float *restrict m, float *restrict v, size_t n,
                  const AdamwStep *step)
{
    const AdamwStep s = *step;
    for (size_t i = 0; i < n; i++) {
        float g = grad[i] * s.grad_scale;
        m[i] = fmaf(s.beta1, m[i], s.rest1 * g);
        v[i] = fmaf(s.beta2, v[i], s.rest2 * g * g);
        float root = fmaf(sqrtf(v[i]), s.root_scale, s.eps);
        // decay and step in one rounding: a tiny decay would be lost in 1 - decay
        param[i] = param[i] - fmaf(s.step_size, m[i] / root, s.decay * param[i]);
    }
}

static void ema(float *restrict average, const float *restrict from, size_t n, float decay)
{
    for (size_t i = 0; i < n; i++)
        average[i] = fmaf(decay, average[i], (1 - decay) * from[i]);
}

static void axpy(float *restrict y, const float *restrict x, size_t n, float a)
{
    for (size_t i = 0; i < n; i++)
        y[i] = fmaf(a, x[i], y[i]);
}
