// Rows of activations. See CpuKernels in kernels.h.

VEC int lanes_left(size_t n, size_t i) { return n - i < 16 ? (int)(n - i) : 16; }

static float rmsnorm(float *out, const float *x, const float *weight, int32_t n, float eps)
{
    float mean = dot(x, x, n) / (float)n, rstd = 1.0f / sqrtf(mean + eps);
    V16 r = v_set1(rstd);
    for (int32_t i = 0; i < n; i += 16) {
        int len = lanes_left((size_t)n, (size_t)i);
        V16 normal = v_mul(v_load_n(x + i, len), r);
        v_store_n(out + i, v_mul(normal, v_load_n(weight + i, len)), len);
    }
    return rstd;
}

// With g = dout * weight: dx += rstd * (g - x * rstd^2 * mean(g x)).
static void rmsnorm_dx(float *dx, const float *dout, const float *x, const float *weight, float rstd, int32_t n)
{
    V16 sum = v_set1(0);
    for (int32_t i = 0; i < n; i += 16) {
        int len = lanes_left((size_t)n, (size_t)i);
        V16 g = v_mul(v_load_n(dout + i, len), v_load_n(weight + i, len));
        sum = v_fma(g, v_load_n(x + i, len), sum);
    }
    V16 r = v_set1(rstd), back = v_set1(-(v_sum(sum) / (float)n * rstd * rstd));
    for (int32_t i = 0; i < n; i += 16) {
        int len = lanes_left((size_t)n, (size_t)i);
        V16 g = v_mul(v_load_n(dout + i, len), v_load_n(weight + i, len));
        V16 change = v_fma(v_load_n(x + i, len), back, g);
        v_store_n(dx + i, v_fma(change, r, v_load_n(dx + i, len)), len);
    }
}

static void rmsnorm_dweight(float *dweight, const float *dout, const float *x, float rstd, int32_t n)
{
    V16 r = v_set1(rstd);
    for (int32_t i = 0; i < n; i += 16) {
        int len = lanes_left((size_t)n, (size_t)i);
        V16 normal = v_mul(v_load_n(x + i, len), r);
        v_store_n(dweight + i, v_fma(v_load_n(dout + i, len), normal, v_load_n(dweight + i, len)), len);
    }
}

static void rope(float *head, const float *cosines, const float *sines, int32_t half, float sign)
{
    V16 s_sign = v_set1(sign), zero = v_set1(0);
    for (int32_t i = 0; i < half; i += 16) {
        int len = lanes_left((size_t)half, (size_t)i);
        V16 c = v_load_n(cosines + i, len), s = v_mul(v_load_n(sines + i, len), s_sign);
        V16 a = v_load_n(head + i, len), b = v_load_n(head + half + i, len);
        v_store_n(head + i, v_fma(a, c, v_sub(zero, v_mul(b, s))), len);
        v_store_n(head + half + i, v_fma(b, c, v_mul(a, s)), len);
    }
}

VEC V16 sigmoid(V16 x)
{
    V16 one = v_set1(1);
    return v_div(one, v_add(one, v_exp(v_sub(v_set1(0), x))));
}

static void swiglu(float *out, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        int len = lanes_left(n, i);
        V16 g = v_load_n(gate + i, len);
        v_store_n(out + i, v_mul(v_mul(g, sigmoid(g)), v_load_n(up + i, len)), len);
    }
}

// d silu(g) / dg = s (1 + g (1 - s)), s = sigmoid(g).
static void swiglu_backward(float *dgate, float *dup, const float *dout, const float *gate, const float *up, size_t n)
{
    V16 one = v_set1(1);
    for (size_t i = 0; i < n; i += 16) {
        int len = lanes_left(n, i);
        V16 g = v_load_n(gate + i, len), u = v_load_n(up + i, len), d = v_load_n(dout + i, len), s = sigmoid(g);
        V16 slope = v_mul(s, v_fma(g, v_sub(one, s), one));
        v_store_n(dgate + i, v_mul(v_mul(d, u), slope), len);
        v_store_n(dup + i, v_mul(d, v_mul(g, s)), len);
    }
}

static void finish(float *out, size_t out_row, const float *c, size_t c_panel, const float *bias, const float *residual,
                   int32_t rows, int32_t n)
{
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t i = 0; i < n; i += 16) {
            int len = lanes_left((size_t)n, (size_t)i);
            V16 y = v_load(c + vector_at(i / 16, c_panel));
            if (bias)
                y = v_add(y, v_load_n(bias + i, len));
            if (residual)
                y = v_add(y, v_load_n(residual + i, len));
            v_store_n(out + i, y, len);
        }
        out += out_row;
        c += PANEL;
        residual = residual ? residual + out_row : NULL;
    }
}
