// A vector of 16 floats, three times: AVX-512, AVX2 + FMA, and plain C. Included by kernels_*.c only.
//
// Contract: every function gives the same bits in all three forms (except for the payload of a NaN). So each is built
// of single IEEE operations: a fused multiply-add is explicit, comparisons take their second operand when one is NaN
// (as x86's min and max do), and sums over lanes follow one tree: l + (l+8), then + 4, + 2, + 1. v_load_n and v_store_n
// touch the first n lanes only, 0 <= n <= 16; the others read as 0.
#ifndef RLT_COMPUTE_CPU_VEC_H
#define RLT_COMPUTE_CPU_VEC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VEC static inline __attribute__((always_inline, unused))

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>

typedef __m512 V16;
VEC V16 v_set1(float x) { return _mm512_set1_ps(x); }
VEC V16 v_load(const float *p) { return _mm512_loadu_ps(p); }
VEC void v_store(float *p, V16 a) { _mm512_storeu_ps(p, a); }
VEC __mmask16 v_mask(int n) { return (__mmask16)((1u << n) - 1); }
VEC V16 v_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(v_mask(n), p); }
VEC void v_store_n(float *p, V16 a, int n) { _mm512_mask_storeu_ps(p, v_mask(n), a); }
VEC V16 v_add(V16 a, V16 b) { return _mm512_add_ps(a, b); }
VEC V16 v_sub(V16 a, V16 b) { return _mm512_sub_ps(a, b); }
VEC V16 v_mul(V16 a, V16 b) { return _mm512_mul_ps(a, b); }
VEC V16 v_div(V16 a, V16 b) { return _mm512_div_ps(a, b); }
VEC V16 v_fma(V16 a, V16 b, V16 c) { return _mm512_fmadd_ps(a, b, c); }
VEC V16 v_max(V16 a, V16 b) { return _mm512_max_ps(a, b); }
VEC V16 v_min(V16 a, V16 b) { return _mm512_min_ps(a, b); }
VEC V16 v_round(V16 a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// a where lane < n, else b.
VEC V16 v_first_n(V16 a, V16 b, int n) { return _mm512_mask_blend_ps(v_mask(n), b, a); }
// a * 2^n for integral n in [-200, 200].
VEC V16 v_scale2(V16 a, V16 n) { return _mm512_scalef_ps(a, n); }
// Widens 16 pairs of BF16: the first and the second of each pair.
VEC V16 v_bf16_first(const uint16_t *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16));
}
VEC V16 v_bf16_second(const uint16_t *p)
{
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32((int)0xffff0000)));
}
VEC V16 v_i8(const int8_t *p) // widens 16 bytes
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
VEC __m256 v_halves(V16 a, int half) { return half ? _mm512_extractf32x8_ps(a, 1) : _mm512_castps512_ps256(a); }

// m[i] lane j <-> m[j] lane i.
VEC void v_transpose(V16 m[16])
{
    V16 t[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i += 2) { // 2 x 2 blocks of one float
        t[i] = _mm512_unpacklo_ps(m[i], m[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(m[i], m[i + 1]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i += 4) { // of two
        m[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        m[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
        m[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        m[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 4; i++) { // of four: 128-bit lanes
        V16 a = _mm512_shuffle_f32x4(m[i], m[i + 4], 0x88), b = _mm512_shuffle_f32x4(m[i], m[i + 4], 0xdd);
        V16 c = _mm512_shuffle_f32x4(m[i + 8], m[i + 12], 0x88), d = _mm512_shuffle_f32x4(m[i + 8], m[i + 12], 0xdd);
        t[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        t[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        t[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        t[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        m[i] = t[i];
}

#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

typedef struct V16 { __m256 lo, hi; } V16;
#define V16_EACH(name, call2) \
    VEC V16 name(V16 a, V16 b) { return (V16){call2(a.lo, b.lo), call2(a.hi, b.hi)}; }
VEC V16 v_set1(float x) { return (V16){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
VEC V16 v_load(const float *p) { return (V16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
VEC void v_store(float *p, V16 a)
{
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
VEC __m256i v_mask8(int n) // lanes < n
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// Masks only where lanes are left over: some processors take a masked store apart, 20 times as slow as a plain one.
VEC V16 v_load_n(const float *p, int n)
{
    if (n >= 16)
        return v_load(p);
    return (V16){_mm256_maskload_ps(p, v_mask8(n)), _mm256_maskload_ps(p + 8, v_mask8(n - 8))};
}
VEC void v_store_n(float *p, V16 a, int n)
{
    if (n >= 16) {
        v_store(p, a);
        return;
    }
    _mm256_maskstore_ps(p, v_mask8(n), a.lo);
    _mm256_maskstore_ps(p + 8, v_mask8(n - 8), a.hi);
}
V16_EACH(v_add, _mm256_add_ps)
V16_EACH(v_sub, _mm256_sub_ps)
V16_EACH(v_mul, _mm256_mul_ps)
V16_EACH(v_div, _mm256_div_ps)
V16_EACH(v_max, _mm256_max_ps)
V16_EACH(v_min, _mm256_min_ps)
VEC V16 v_fma(V16 a, V16 b, V16 c)
{
    return (V16){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
VEC V16 v_round(V16 a)
{
    return (V16){_mm256_round_ps(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                 _mm256_round_ps(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
VEC V16 v_first_n(V16 a, V16 b, int n)
{
    return (V16){_mm256_blendv_ps(b.lo, a.lo, _mm256_castsi256_ps(v_mask8(n))),
                 _mm256_blendv_ps(b.hi, a.hi, _mm256_castsi256_ps(v_mask8(n - 8)))};
}
// In two factors, as 2^n may not be a normal number; the first product is exact.
VEC __m256 v_scale2_8(__m256 a, __m256 n)
{
    __m256i all = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(all, 1), rest = _mm256_sub_epi32(all, half);
    __m256i bias = _mm256_set1_epi32(127);
    a = _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23)));
    return _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23)));
}
VEC V16 v_scale2(V16 a, V16 n) { return (V16){v_scale2_8(a.lo, n.lo), v_scale2_8(a.hi, n.hi)}; }
typedef __m256 VReg;
#define VREG_LANES 8
VEC VReg vreg_set1(float x) { return _mm256_set1_ps(x); }
VEC VReg vreg_load(const float *p) { return _mm256_loadu_ps(p); }
VEC void vreg_store(float *p, VReg a) { _mm256_storeu_ps(p, a); }
VEC VReg vreg_fma(VReg a, VReg b, VReg c) { return _mm256_fmadd_ps(a, b, c); }
VEC VReg vreg_bf16_first(const uint16_t *p)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256((const __m256i *)p), 16));
}
VEC VReg vreg_bf16_second(const uint16_t *p)
{
    __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    return _mm256_castsi256_ps(_mm256_and_si256(_mm256_loadu_si256((const __m256i *)p), upper));
}
VEC V16 v_bf16_first(const uint16_t *p) { return (V16){vreg_bf16_first(p), vreg_bf16_first(p + 16)}; }
VEC V16 v_bf16_second(const uint16_t *p) { return (V16){vreg_bf16_second(p), vreg_bf16_second(p + 16)}; }
VEC __m256 v_i8_half(const int8_t *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
VEC V16 v_i8(const int8_t *p) { return (V16){v_i8_half(p), v_i8_half(p + 8)}; }
VEC __m256 v_halves(V16 a, int half) { return half ? a.hi : a.lo; }

VEC void v_transpose8(__m256 m[8])
{
    __m256 t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(m[i], m[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(m[i], m[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        m[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        m[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        m[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        m[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm256_permute2f128_ps(m[i], m[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(m[i], m[i + 4], 0x31);
    }
    for (int i = 0; i < 8; i++)
        m[i] = t[i];
}

VEC void v_transpose(V16 m[16])
{
    __m256 a[8], b[8], c[8], d[8]; // quarters: rows 0-7 lo, rows 0-7 hi, rows 8-15 lo, rows 8-15 hi
    for (int i = 0; i < 8; i++) {
        a[i] = m[i].lo, b[i] = m[i].hi;
        c[i] = m[i + 8].lo, d[i] = m[i + 8].hi;
    }
    v_transpose8(a), v_transpose8(b), v_transpose8(c), v_transpose8(d);
    for (int i = 0; i < 8; i++) {
        m[i] = (V16){a[i], c[i]};
        m[i + 8] = (V16){b[i], d[i]};
    }
}

#else

typedef struct V16 { float f[16]; } V16;
#define V16_EACH(expression) \
    do { \
        V16 r; \
        for (int i = 0; i < 16; i++) \
            r.f[i] = (expression); \
        return r; \
    } while (0)
VEC V16 v_set1(float x) { V16_EACH(x); }
VEC V16 v_load(const float *p) { V16_EACH(p[i]); }
VEC void v_store(float *p, V16 a) { memcpy(p, a.f, sizeof a.f); }
VEC V16 v_load_n(const float *p, int n) { V16_EACH(i < n ? p[i] : 0); }
VEC void v_store_n(float *p, V16 a, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = a.f[i];
}
VEC V16 v_add(V16 a, V16 b) { V16_EACH(a.f[i] + b.f[i]); }
VEC V16 v_sub(V16 a, V16 b) { V16_EACH(a.f[i] - b.f[i]); }
VEC V16 v_mul(V16 a, V16 b) { V16_EACH(a.f[i] * b.f[i]); }
VEC V16 v_div(V16 a, V16 b) { V16_EACH(a.f[i] / b.f[i]); }
VEC V16 v_fma(V16 a, V16 b, V16 c) { V16_EACH(fmaf(a.f[i], b.f[i], c.f[i])); }
VEC V16 v_max(V16 a, V16 b) { V16_EACH(a.f[i] > b.f[i] ? a.f[i] : b.f[i]); }
VEC V16 v_min(V16 a, V16 b) { V16_EACH(a.f[i] < b.f[i] ? a.f[i] : b.f[i]); }
VEC V16 v_round(V16 a) { V16_EACH(nearbyintf(a.f[i])); }
VEC V16 v_first_n(V16 a, V16 b, int n) { V16_EACH(i < n ? a.f[i] : b.f[i]); }
VEC float v_power2(int n)
{
    uint32_t bits = (uint32_t)(n + 127) << 23;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
VEC int v_int(float n) { return n >= -200 && n <= 200 ? (int)n : 0; } // a NaN goes nowhere
VEC V16 v_scale2(V16 a, V16 n)
{
    V16_EACH(a.f[i] * v_power2(v_int(n.f[i]) >> 1) * v_power2(v_int(n.f[i]) - (v_int(n.f[i]) >> 1)));
}
VEC float v_widen(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
VEC V16 v_bf16_first(const uint16_t *p) { V16_EACH(v_widen(p[2 * i])); }
VEC V16 v_bf16_second(const uint16_t *p) { V16_EACH(v_widen(p[2 * i + 1])); }
VEC V16 v_i8(const int8_t *p) { V16_EACH((float)p[i]); }
VEC void v_transpose(V16 m[16])
{
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < i; j++) {
            float swap = m[i].f[j];
            m[i].f[j] = m[j].f[i];
            m[j].f[i] = swap;
        }
}

#endif

// A register: all of a V16, but where two make one up.
#if !defined(VREG_LANES)
typedef V16 VReg;
#define VREG_LANES 16
VEC VReg vreg_set1(float x) { return v_set1(x); }
VEC VReg vreg_load(const float *p) { return v_load(p); }
VEC void vreg_store(float *p, VReg a) { v_store(p, a); }
VEC VReg vreg_fma(VReg a, VReg b, VReg c) { return v_fma(a, b, c); }
VEC VReg vreg_bf16_first(const uint16_t *p) { return v_bf16_first(p); }
VEC VReg vreg_bf16_second(const uint16_t *p) { return v_bf16_second(p); }
#endif

// ---- over lanes

#if defined(__AVX2__) && defined(__FMA__)
VEC float v_sum(V16 a)
{
    __m256 s8 = _mm256_add_ps(v_halves(a, 0), v_halves(a, 1));
    __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_movehdup_ps(s2)));
}
VEC float v_largest(V16 a)
{
    __m256 s8 = _mm256_max_ps(v_halves(a, 0), v_halves(a, 1));
    __m128 s4 = _mm_max_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    __m128 s2 = _mm_max_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_max_ss(s2, _mm_movehdup_ps(s2)));
}
#else
VEC float v_sum(V16 a)
{
    for (int half = 8; half >= 1; half /= 2)
        for (int i = 0; i < half; i++)
            a.f[i] = a.f[i] + a.f[i + half];
    return a.f[0];
}
VEC float v_largest(V16 a)
{
    for (int half = 8; half >= 1; half /= 2)
        for (int i = 0; i < half; i++)
            a.f[i] = a.f[i] > a.f[i + half] ? a.f[i] : a.f[i + half];
    return a.f[0];
}
#endif

// ---- exp

// e^x within 1.1 ulp (tests/compute/test_cpu_exact.c); 0 below -104, infinity above 89, NaN of NaN.
// x = n ln 2 + r with |r| <= ln 2 / 2, ln 2 in two parts; e^r = 1 + r + r^2 q(r), q a minimax polynomial of degree 5.
VEC V16 v_exp(V16 x)
{
    x = v_max(v_set1(-110.0f), v_min(v_set1(110.0f), x)); // second operands: a NaN goes through
    V16 n = v_round(v_mul(x, v_set1(0x1.715476p+0f)));
    V16 r = v_fma(n, v_set1(-0x1.62e4p-1f), x);
    r = v_fma(n, v_set1(-0x1.7f7d1cp-20f), r);
    V16 q = v_set1(0x1.9f0896p-13f);
    q = v_fma(q, r, v_set1(0x1.6d8d06p-10f));
    q = v_fma(q, r, v_set1(0x1.111270p-7f));
    q = v_fma(q, r, v_set1(0x1.55548ep-5f));
    q = v_fma(q, r, v_set1(0x1.555554p-3f));
    q = v_fma(q, r, v_set1(0.5f));
    q = v_fma(v_mul(r, r), q, r);
    return v_scale2(v_add(q, v_set1(1.0f)), n);
}

#endif
