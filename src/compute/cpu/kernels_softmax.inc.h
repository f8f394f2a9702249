// Lines of scores and logits: e^x, sums over 16 lanes by index mod 16. See CpuKernels in kernels.h.

static float softmax_line(float *z, size_t stride, int32_t n, float *max)
{
    V16 largest = v_set1(-INFINITY);
    for (int32_t from = 0; from < n; from += BLOCK_K) {
        const float *block = z + (size_t)(from / BLOCK_K) * stride;
        int32_t len = n - from < BLOCK_K ? n - from : BLOCK_K;
        for (int32_t i = 0; i < len; i += 16) {
            V16 x = v_load(block + i);
            largest = v_max(largest, len - i < 16 ? v_first_n(x, largest, len - i) : x);
        }
    }
    *max = v_largest(largest);
    V16 top = v_set1(*max), sum = v_set1(0);
    for (int32_t from = 0; from < n; from += BLOCK_K) {
        float *block = z + (size_t)(from / BLOCK_K) * stride;
        int32_t len = n - from < BLOCK_K ? n - from : BLOCK_K;
        for (int32_t i = 0; i < len; i += 16) {
            V16 p = v_exp(v_sub(v_load(block + i), top));
            if (len - i < 16)
                p = v_first_n(p, v_set1(0), len - i);
            v_store(block + i, p);
            sum = v_add(sum, p);
        }
    }
    return v_sum(sum);
}

static float logits_sum(const float *logits, int32_t n, float inv_temperature, float *max, float *weighted)
{
    V16 inv = v_set1(inv_temperature), largest = v_set1(-INFINITY), sum = v_set1(0), sum_z = v_set1(0);
    for (int32_t i = 0; i < n; i += 16) {
        V16 z = v_mul(v_load_n(logits + i, n - i < 16 ? n - i : 16), inv);
        largest = v_max(largest, n - i < 16 ? v_first_n(z, largest, n - i) : z);
    }
    *max = v_largest(largest);
    V16 top = v_set1(*max);
    for (int32_t i = 0; i < n; i += 16) {
        int len = n - i < 16 ? n - i : 16;
        V16 z = v_mul(v_load_n(logits + i, len), inv);
        V16 p = v_first_n(v_exp(v_sub(z, top)), v_set1(0), len);
        sum = v_add(sum, p);
        sum_z = v_fma(p, z, sum_z);
    }
    if (weighted)
        *weighted = v_sum(sum_z);
    return v_sum(sum);
}

static float combine_sums(const float *max, const float *sum, int32_t n, float total_max)
{
    V16 total = v_set1(0), top = v_set1(total_max);
    for (int32_t i = 0; i < n; i += 16) {
        int len = n - i < 16 ? n - i : 16;
        V16 factor = v_first_n(v_exp(v_sub(v_load_n(max + i, len), top)), v_set1(0), len);
        total = v_fma(factor, v_load_n(sum + i, len), total);
    }
    return v_sum(total);
}

static void probabilities(float *p, const float *logits, int32_t n, float inv_temperature, float max)
{
    V16 inv = v_set1(inv_temperature), top = v_set1(max);
    for (int32_t i = 0; i < n; i += 16) {
        int len = n - i < 16 ? n - i : 16;
        v_store_n(p + i, v_exp(v_sub(v_mul(v_load_n(logits + i, len), inv), top)), len);
    }
}

static void logits_gradient(float *logits, int32_t n, float inv_temperature, float lse, float scale)
{
    V16 inv = v_set1(inv_temperature), log_sum = v_set1(lse), factor = v_set1(-scale);
    for (int32_t i = 0; i < n; i += 16) {
        int len = n - i < 16 ? n - i : 16;
        V16 p = v_exp(v_sub(v_mul(v_load_n(logits + i, len), inv), log_sum));
        v_store_n(logits + i, v_mul(p, factor), len);
    }
}

static void attention_gradient(float *z, float *dp, int32_t from, int32_t to, int32_t end, float lse, float delta)
{
    V16 log_sum = v_set1(lse), d = v_set1(delta), zero = v_set1(0);
    for (int32_t i = 0; i < end; i += 16) {
        V16 p = v_exp(v_sub(v_load(z + i), log_sum));
        if (to - i < 16)
            p = v_first_n(p, zero, to > i ? to - i : 0);
        if (from > i)
            p = v_first_n(zero, p, from - i < 16 ? from - i : 16);
        V16 ds = v_mul(p, v_sub(v_load(dp + i), d));
        if (to - i < 16) // dp is not known there
            ds = v_first_n(ds, zero, to > i ? to - i : 0);
        if (from > i)
            ds = v_first_n(zero, ds, from - i < 16 ? from - i : 16);
        v_store(z + i, p);
        v_store(dp + i, ds);
    }
}

static float dot(const float *a, const float *b, int32_t n)
{
    V16 sum = v_set1(0);
    for (int32_t i = 0; i < n; i += 16) {
        int len = n - i < 16 ? n - i : 16;
        sum = v_fma(v_load_n(a + i, len), v_load_n(b + i, len), sum);
    }
    return v_sum(sum);
}

static void scale(float *to, const float *from, int32_t n, float a)
{
    V16 factor = v_set1(a);
    for (int32_t i = 0; i < n; i += 16) {
        int len = n - i < 16 ? n - i : 16;
        v_store_n(to + i, v_mul(v_load_n(from + i, len), factor), len);
    }
}
