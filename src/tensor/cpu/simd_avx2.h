/* simd_avx2.h: the words that simd_body.h is written in, for AVX2, FMA, F16C. Included by one file. */
#ifndef HOOKE_TENSOR_CPU_SIMD_AVX2_H
#define HOOKE_TENSOR_CPU_SIMD_AVX2_H

#include <immintrin.h>
#include <string.h>

#include "tensor/cpu/kernels.h"

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef __m256 vec;   /* WIDTH floats */
typedef __m256d half; /* WIDTH / 2 doubles */
typedef __m256 lanes; /* all ones or all zeroes in a lane */
enum { WIDTH = 8, GEMM_ROWS = 6 };

INLINE __m256i first_lanes(int64_t n) /* 0 <= n < WIDTH */
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
}
INLINE vec v_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
INLINE vec v_load_n(const float *p, int64_t n)
{
    return _mm256_maskload_ps(p, first_lanes(n));
}
INLINE void v_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}
INLINE void v_store_n(float *p, vec v, int64_t n)
{
    _mm256_maskstore_ps(p, first_lanes(n), v);
}
INLINE vec v_set(float f)
{
    return _mm256_set1_ps(f);
}
INLINE vec v_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}
INLINE vec v_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}
INLINE vec v_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}
INLINE vec v_div(vec a, vec b)
{
    return _mm256_div_ps(a, b);
}
INLINE vec v_fma(vec a, vec b, vec c) /* a * b + c */
{
    return _mm256_fmadd_ps(a, b, c);
}
/* Both give b where either is NaN. */
INLINE vec v_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}
INLINE vec v_min(vec a, vec b)
{
    return _mm256_min_ps(a, b);
}
INLINE vec v_round(vec a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* a * 2^n, n whole, |n| <= 252: in two steps, so that subnormals and infinity come out right. */
INLINE vec v_times_power(vec a, vec n)
{
    __m256i i = _mm256_cvtps_epi32(n), one = _mm256_srai_epi32(i, 1), two = _mm256_sub_epi32(i, one);
    __m256i bias = _mm256_set1_epi32(127);
    vec p = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(one, bias), 23));
    vec q = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(two, bias), 23));
    return _mm256_mul_ps(_mm256_mul_ps(a, p), q);
}
INLINE vec v_abs(vec a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
}
INLINE vec v_copysign(vec size, vec sign)
{
    vec top = _mm256_set1_ps(-0.0F);
    return _mm256_or_ps(_mm256_and_ps(top, sign), _mm256_andnot_ps(top, size));
}
INLINE lanes v_greater(vec a, vec b) /* false for NaN */
{
    return _mm256_cmp_ps(a, b, _CMP_GT_OQ);
}
INLINE lanes v_not_nan(vec a)
{
    return _mm256_cmp_ps(a, a, _CMP_EQ_OQ);
}
INLINE lanes lanes_and(lanes a, lanes b)
{
    return _mm256_and_ps(a, b);
}
INLINE vec v_choose(lanes m, vec yes, vec no)
{
    return _mm256_blendv_ps(no, yes, m);
}
INLINE unsigned lanes_bits(lanes m)
{
    return (unsigned)_mm256_movemask_ps(m);
}
INLINE float v_sum(vec a)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
INLINE float v_largest(vec a)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
INLINE half h_zero(void)
{
    return _mm256_setzero_pd();
}
INLINE half h_set(double d)
{
    return _mm256_set1_pd(d);
}
INLINE half v_low(vec a)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(a));
}
INLINE half v_high(vec a)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
}
INLINE half h_add(half a, half b)
{
    return _mm256_add_pd(a, b);
}
INLINE half h_sub(half a, half b)
{
    return _mm256_sub_pd(a, b);
}
INLINE half h_fma(half a, half b, half c)
{
    return _mm256_fmadd_pd(a, b, c);
}
INLINE double h_sum(half a)
{
    __m128d s = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}
INLINE vec v_from_16(__m128i h, enum dtype dtype)
{
    if (dtype == DT_F16) return _mm256_cvtph_ps(h);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
/* Weights i.. of w as float32. */
INLINE vec v_weights(const void *w, int64_t i, enum dtype dtype)
{
    if (dtype == DT_F32) return v_load((const float *)w + i);
    return v_from_16(_mm_loadu_si128((const __m128i *)(const void *)((const uint16_t *)w + i)), dtype);
}
INLINE vec v_weights_n(const void *w, int64_t i, enum dtype dtype, int64_t n)
{
    if (dtype == DT_F32) return v_load_n((const float *)w + i, n);
    __m128i h = _mm_setzero_si128();
    memcpy(&h, (const uint16_t *)w + i, (size_t)n * 2);
    return v_from_16(h, dtype);
}
/* Rounded to bf16, still in 32-bit lanes. */
INLINE __m256i v_bf16_bits(vec a)
{
    __m256i u = _mm256_castps_si256(a), odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256i quiet = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));
    __m256i any = _mm256_blendv_epi8(quiet, rounded, _mm256_castps_si256(v_not_nan(a)));
    return _mm256_and_si256(any, _mm256_set1_epi32((int)0xffff0000U));
}
INLINE vec v_round_bf16(vec a)
{
    return _mm256_castsi256_ps(v_bf16_bits(a));
}
INLINE void v_store_bf16(uint16_t *p, vec a)
{
    __m256i u = _mm256_srli_epi32(v_bf16_bits(a), 16);
    __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(u), _mm256_extracti128_si256(u, 1));
    _mm_storeu_si128((__m128i *)(void *)p, packed);
}
/* Writes the chosen lanes of value and their indices first.., packed; returns their number. Writes nothing behind them. */
INLINE int64_t v_pack(int32_t *index, float *value, lanes m, vec v, int32_t first)
{
    float all[WIDTH];
    int64_t n = 0;
    v_store(all, v);
    for (unsigned bits = lanes_bits(m); bits; bits &= bits - 1) {
        int lane = __builtin_ctz(bits);
        index[n] = first + lane;
        value[n++] = all[lane];
    }
    return n;
}

#endif
