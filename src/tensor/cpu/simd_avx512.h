/* simd_avx512.h: the words that simd_body.h is written in, for AVX-512 F, BW, DQ, VL. Included by one file. */
#ifndef HOOKE_TENSOR_CPU_SIMD_AVX512_H
#define HOOKE_TENSOR_CPU_SIMD_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "tensor/cpu/kernels.h"

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef __m512 vec;   /* WIDTH floats */
typedef __m512d half; /* WIDTH / 2 doubles */
typedef __mmask16 lanes;
enum { WIDTH = 16, GEMM_ROWS = 12 };

INLINE lanes first_lanes(int64_t n) /* 0 <= n < WIDTH */
{
    return (lanes)((1U << n) - 1);
}
INLINE vec v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
INLINE vec v_load_n(const float *p, int64_t n)
{
    return _mm512_maskz_loadu_ps(first_lanes(n), p);
}
INLINE void v_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}
INLINE void v_store_n(float *p, vec v, int64_t n)
{
    _mm512_mask_storeu_ps(p, first_lanes(n), v);
}
INLINE vec v_set(float f)
{
    return _mm512_set1_ps(f);
}
INLINE vec v_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}
INLINE vec v_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}
INLINE vec v_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}
INLINE vec v_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}
INLINE vec v_fma(vec a, vec b, vec c) /* a * b + c */
{
    return _mm512_fmadd_ps(a, b, c);
}
/* Both give b where either is NaN. */
INLINE vec v_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}
INLINE vec v_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}
INLINE vec v_round(vec a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vec v_times_power(vec a, vec n) /* a * 2^n, n whole */
{
    return _mm512_scalef_ps(a, n);
}
INLINE vec v_abs(vec a)
{
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff)));
}
INLINE vec v_copysign(vec size, vec sign)
{
    __m512i top = _mm512_set1_epi32((int)0x80000000U);
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(top, _mm512_castps_si512(sign), _mm512_castps_si512(size), 0xca));
}
INLINE lanes v_greater(vec a, vec b) /* false for NaN */
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
INLINE lanes v_not_nan(vec a)
{
    return _mm512_cmp_ps_mask(a, a, _CMP_EQ_OQ);
}
INLINE lanes lanes_and(lanes a, lanes b)
{
    return a & b;
}
INLINE vec v_choose(lanes m, vec yes, vec no)
{
    return _mm512_mask_blend_ps(m, no, yes);
}
INLINE unsigned lanes_bits(lanes m)
{
    return m;
}
INLINE float v_sum(vec a)
{
    return _mm512_reduce_add_ps(a);
}
INLINE float v_largest(vec a)
{
    return _mm512_reduce_max_ps(a);
}
INLINE half h_zero(void)
{
    return _mm512_setzero_pd();
}
INLINE half h_set(double d)
{
    return _mm512_set1_pd(d);
}
INLINE half v_low(vec a)
{
    return _mm512_cvtps_pd(_mm512_castps512_ps256(a));
}
INLINE half v_high(vec a)
{
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
}
INLINE half h_add(half a, half b)
{
    return _mm512_add_pd(a, b);
}
INLINE half h_sub(half a, half b)
{
    return _mm512_sub_pd(a, b);
}
INLINE half h_fma(half a, half b, half c)
{
    return _mm512_fmadd_pd(a, b, c);
}
INLINE double h_sum(half a)
{
    return _mm512_reduce_add_pd(a);
}
INLINE vec v_from_bf16(__m256i h)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
/* Weights i.. of w as float32. */
INLINE vec v_weights(const void *w, int64_t i, enum dtype dtype)
{
    if (dtype == DT_F32) return v_load((const float *)w + i);
    __m256i h = _mm256_loadu_si256((const __m256i *)(const void *)((const uint16_t *)w + i));
    return dtype == DT_BF16 ? v_from_bf16(h) : _mm512_cvtph_ps(h);
}
INLINE vec v_weights_n(const void *w, int64_t i, enum dtype dtype, int64_t n)
{
    if (dtype == DT_F32) return v_load_n((const float *)w + i, n);
    __m256i h = _mm256_maskz_loadu_epi16(first_lanes(n), (const uint16_t *)w + i);
    return dtype == DT_BF16 ? v_from_bf16(h) : _mm512_cvtph_ps(h);
}
/* Rounded to bf16, still in 32-bit lanes. */
INLINE __m512i v_bf16_bits(vec a)
{
    __m512i u = _mm512_castps_si512(a), odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __m512i quiet = _mm512_or_si512(u, _mm512_set1_epi32(0x400000));
    return _mm512_and_si512(_mm512_mask_blend_epi32(v_not_nan(a), quiet, rounded), _mm512_set1_epi32((int)0xffff0000U));
}
INLINE vec v_round_bf16(vec a)
{
    return _mm512_castsi512_ps(v_bf16_bits(a));
}
INLINE void v_store_bf16(uint16_t *p, vec a)
{
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(v_bf16_bits(a), 16)));
}
/* Writes the chosen lanes of value and their indices first.., packed; returns their number. Writes nothing behind them. */
INLINE int64_t v_pack(int32_t *index, float *value, lanes m, vec v, int32_t first)
{
    const __m512i count = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    int64_t n = _mm_popcnt_u32(m);
    lanes front = (lanes)((1U << n) - 1);
    _mm512_mask_storeu_ps(value, front, _mm512_maskz_compress_ps(m, v));
    _mm512_mask_storeu_epi32(index, front, _mm512_maskz_compress_epi32(m, _mm512_add_epi32(count, _mm512_set1_epi32(first))));
    return n;
}

#endif
