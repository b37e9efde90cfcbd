/* screen_avx512.c: the loops of screened encoding (screen.c) beside the 8-bit product itself. */
#include "tensor/cpu/simd_avx512.inc"

SIMD_BODY_BEGIN

static void widest(float *m, const float *x, int64_t n)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store(m + i, v_max(v_abs(v_load(x + i)), v_load(m + i)));
    if (i < n) v_store_n(m + i, v_max(v_abs(v_load_n(x + i, n - i)), v_load_n(m + i, n - i)), n - i);
}

INLINE __m512i to_steps(vec x, vec dither, vec per_step)
{
    return _mm512_cvt_roundps_epi32(v_fma(x, per_step, dither), _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static int64_t quantise(int8_t *out, const float *x, const float *dither, float per_step, int64_t n)
{
    __m512i sum = _mm512_setzero_si512();
    vec s = v_set(per_step);
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        __m512i q = to_steps(v_load(x + i), v_load(dither + i), s);
        sum = _mm512_add_epi32(sum, q);
        _mm_storeu_si128((__m128i *)(void *)(out + i), _mm512_cvtepi32_epi8(q));
    }
    if (i < n) {
        __m512i q = to_steps(v_load_n(x + i, n - i), v_load_n(dither + i, n - i), s);
        sum = _mm512_add_epi32(sum, q);
        _mm512_mask_cvtepi32_storeu_epi8(out + i, first_lanes(n - i), q);
    }
    return _mm512_reduce_add_epi32(sum);
}

/* Sixteen features from i; a value that is not a number could pass. Lanes past the end read zeroes. */
INLINE lanes could_pass(const int32_t *acc, const struct screened_row *row, const struct screened_tile *t,
                        int64_t i, lanes m)
{
    __m512i whole =
        _mm512_sub_epi32(_mm512_maskz_loadu_epi32(m, acc + i), _mm512_maskz_loadu_epi32(m, t->offset + i));
    vec noise = _mm512_sqrt_ps(v_add(v_set(row->noise), _mm512_maskz_loadu_ps(m, t->noise + i)));
    vec h = v_mul(v_mul(v_add(_mm512_cvtepi32_ps(whole), noise), _mm512_maskz_loadu_ps(m, t->step + i)),
                  v_set(row->step));
    h = v_fma(v_set(row->slack), _mm512_maskz_loadu_ps(m, t->length + i), h);
    if (row->extra) h = v_add(h, _mm512_maskz_loadu_ps(m, row->extra + i));
    if (t->bias) h = v_add(h, _mm512_maskz_loadu_ps(m, t->bias + i));
    if (t->scale) h = v_mul(h, _mm512_maskz_loadu_ps(m, t->scale + i));
    vec least = v_set(row->cut);
    if (t->threshold) least = v_max(_mm512_maskz_loadu_ps(m, t->threshold + i), least);
    return _mm512_mask_cmp_ps_mask(m, h, least, _CMP_NLE_UQ);
}

static int64_t screen(int32_t *index, const int32_t *acc, const struct screened_row *row,
                      const struct screened_tile *tile, int64_t n)
{
    const __m512i count = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    int64_t got = 0;
    for (int64_t i = 0; i < n; i += WIDTH) {
        lanes m = could_pass(acc, row, tile, i, n - i >= WIDTH ? (lanes)0xffff : first_lanes(n - i));
        if (!m) continue;
        _mm512_mask_compressstoreu_epi32(index + got, m, _mm512_add_epi32(count, _mm512_set1_epi32((int)i)));
        got += _mm_popcnt_u32(m);
    }
    return got;
}

/* One accumulator a dot, whatever their number: the bits of each are its own. */
INLINE void dots_some(float *h, const float *x, const struct lying *w, const int32_t *index, int n, int64_t k,
                      enum dtype dtype)
{
    vec s[8];
    const char *rows[8];
    UNROLL for (int b = 0; b < n; b++)
    {
        rows[b] = (const char *)w->data + (size_t)(index[b] * w->ld) * (dtype == DT_F32 ? 4 : 2);
        s[b] = v_set(0);
    }
    int64_t l = 0;
    for (; l + WIDTH <= k; l += WIDTH) {
        vec u = v_load(x + l);
        UNROLL for (int b = 0; b < n; b++) s[b] = v_fma(u, v_weights(rows[b], l, dtype), s[b]);
    }
    if (l < k) {
        vec u = v_load_n(x + l, k - l);
        UNROLL for (int b = 0; b < n; b++) s[b] = v_fma(u, v_weights_n(rows[b], l, dtype, k - l), s[b]);
    }
    UNROLL for (int b = 0; b < n; b++) h[b] = v_sum(s[b]);
}

INLINE void dots_at_as(float *h, const float *x, const struct lying *w, const int32_t *index, int64_t n,
                       int64_t k, enum dtype dtype)
{
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) dots_some(h + i, x, w, index + i, 8, k, dtype);
    if (i + 4 <= n) dots_some(h + i, x, w, index + i, 4, k, dtype), i += 4;
    if (i + 2 <= n) dots_some(h + i, x, w, index + i, 2, k, dtype), i += 2;
    if (i < n) dots_some(h + i, x, w, index + i, 1, k, dtype);
}

static void dots_at(float *h, const float *x, const struct lying *w, const int32_t *index, int64_t n,
                    int64_t k)
{
    if (w->dtype == DT_F32)
        dots_at_as(h, x, w, index, n, k, DT_F32);
    else if (w->dtype == DT_BF16)
        dots_at_as(h, x, w, index, n, k, DT_BF16);
    else
        dots_at_as(h, x, w, index, n, k, DT_F16);
}

SIMD_BODY_END

void kernels_fill_screen(struct kernels *t)
{
    t->widest = widest;
    t->quantise = quantise;
    t->screen = screen;
    t->dots_at = dots_at;
}
