/* kernels.h: the CPU's inner loops: no allocation, no threads of their own. One table, filled from the bottom: the reference sets
 * every entry, each level replaces those it does better.
 *
 * x, y and scratch are float32; `w` is in any of the three weight types. n, k count elements. Bits: an entry's result for one
 * output element depends on the operands of that element and on k alone, never on how many outputs a call makes; `gemm` is the
 * exception (a library chooses its inner loops by shape). */
#ifndef HOOKE_TENSOR_CPU_KERNELS_H
#define HOOKE_TENSOR_CPU_KERNELS_H

#include "tensor/ops.h"

/* Weights as they lie in a file. */
struct lying {
    const void *data;
    enum dtype dtype;
    int64_t ld;
};

/* What screening knows of a row of x and of the features of a tile, in steps of their 8-bit scales (screen.c). */
struct screened_row {
    float step, noise, slack;
    float cut;          /* >= 0 */
    const float *extra; /* [n] part of h that the 8-bit product leaves out, NULL: 0 */
};
struct screened_tile {
    const float *step, *noise, *length; /* [n] */
    const int32_t *offset;              /* [n] to take off the 8-bit product */
    const float *bias;                  /* [n], NULL: 0 */
    const float *scale;                 /* [n] of the value, >= 0; NULL: 1 */
    const float *threshold;             /* [n], NULL: 0 */
};

struct kernels {
    const char *level; /* "ref", "avx2", "avx512", "avx512bf16" */

    /* c[m, n] = a[m, k] b' with b [n, k]; or a b with b [k, n] when in_first. Added to c when accumulate, else c is not read. */
    hooke_status (*gemm)(float *c, int64_t ld_c, const float *a, int64_t ld_a, const float *b, int64_t ld_b,
                         bool in_first, int64_t m, int64_t n, int64_t k, bool accumulate);

    /* The same with bf16 operands and float32 sums; NULL where the CPU has no instructions for it. */
    hooke_status (*gemm_bf16)(float *c, int64_t ld_c, const uint16_t *a, int64_t ld_a, const uint16_t *b,
                              int64_t ld_b, bool in_first, int64_t m, int64_t n, int64_t k, bool accumulate);

    /* out[n] = in[n] as float32. */
    void (*widen)(float *out, const void *in, enum dtype dtype, int64_t n);
    /* out[n] = in[n] rounded to bf16 (nearest, ties to even; NaN stays NaN); as f32, and as bf16. */
    void (*round_bf16)(float *out, const float *in, int64_t n);
    void (*to_bf16)(uint16_t *out, const float *in, int64_t n);

    /* Products for a few rows x [n_x, k], weights read once. dots: y[i, j] = x_i . w_j, w [n, k]; mixes: y[i, :] = sum of x[i, l] *
     * w[l, :] in order of l, w [k, n]. Added to y when accumulate. */
    void (*dots)(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w,
                 int64_t n, int64_t k, bool accumulate);
    void (*mixes)(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w,
                  int64_t n, int64_t k, bool accumulate);
    /* y[n] += sum over codes, in order, of value * row index of w [.., n]. */
    void (*gather)(float *y, const int32_t *index, const float *value, int64_t n_codes, const struct lying *w,
                   int64_t n);
    /* The same sum, to the same bits, of value * column[index]. */
    float (*gather_one)(const float *column, const int32_t *index, const float *value, int64_t n_codes);

    void (*add)(float *y, const float *x, int64_t n);
    void (*scale)(float *y, const float *x, float s, int64_t n); /* y = s * x */
    /* Sums in double. */
    double (*sum)(const float *x, int64_t n);
    double (*sum_squares)(const float *x, double mean, int64_t n); /* of x - mean */
    /* y = (x - mean) * r * gain + bias; gain, bias may be NULL. */
    void (*affine)(float *y, const float *x, float mean, float r, const float *gain, const float *bias,
                   int64_t n);
    void (*rotate)(float *x, const float *cos, const float *sin, int half); /* one head in place */
    void (*activate)(float *y, const float *x, int64_t n, enum activation act);
    void (*glu)(float *y, const float *gate, const float *up, int64_t n, enum activation act);
    void (*softcap)(float *x, float scale, float cap,
                    int64_t n);                        /* x = cap * tanh(scale * x / cap); cap 0: scale * x */
    float (*max)(const float *x, int64_t n);           /* -inf for n = 0 */
    double (*exp_sum)(float *x, float max, int64_t n); /* x = exp(x - max); returns the sum */

    /* Selection in h[n] (features first, first + 1, ...): writes index and value of what passes, in order; returns how many.
     * Room for n is at index and value. bias NULL: 0. NaN never passes.
     * select: h + bias > max(threshold, 0), threshold NULL: 0. */
    int64_t (*select)(int32_t *index, float *value, const float *h, const float *bias, const float *threshold,
                      int32_t first, int64_t n);
    /* value = mag_scale * h + mag_bias where h + gate_bias > 0 and value > 0. */
    int64_t (*select_gated)(int32_t *index, float *value, const float *h, const float *gate_bias,
                            const float *mag_scale, const float *mag_bias, int32_t first, int64_t n);
    /* value = (h + bias) * row_scale > cut. row_scale NULL: 1 */
    int64_t (*select_above)(int32_t *index, float *value, const float *h, const float *bias,
                            const float *row_scale, float cut, int32_t first, int64_t n);

    /* The rest is for screened encoding (screen.c) and absent, NULL, where the CPU or the build lacks 8-bit products.
     * c[m, n] = a[m, k] b[n, k]' */
    hooke_status (*gemm_bytes)(int32_t *c, const uint8_t *a, const int8_t *b, int64_t m, int64_t n,
                               int64_t k);
    void (*widest)(float *m, const float *x, int64_t n); /* m[n] = max(m, |x|) */
    /* out[n] = floor(x * per_step + dither), as signed bytes; returns their sum. */
    int64_t (*quantise)(int8_t *out, const float *x, const float *dither, float per_step, int64_t n);
    /* Indices 0.. of the features of a tile that could pass in one row; returns how many. Room for n is at index. */
    int64_t (*screen)(int32_t *index, const int32_t *acc, const struct screened_row *row,
                      const struct screened_tile *tile, int64_t n);
    /* h[i] = x[k] . row index[i] of w: bits as of dots. */
    void (*dots_at)(float *h, const float *x, const struct lying *w, const int32_t *index, int64_t n,
                    int64_t k);
};

void kernels_fill_ref(struct kernels *t);
void kernels_fill_avx2(struct kernels *t);
void kernels_fill_avx512(struct kernels *t);
void kernels_fill_avx512bf16(struct kernels *t);
/* The matrix product library's gemm, for levels above ref (gemm_dnnl.c); nothing without the library (gemm_plain.c). */
void kernels_fill_library(struct kernels *t);
/* The loops of screened encoding (screen_avx512.c). */
void kernels_fill_screen(struct kernels *t);
/* The library's gemm_bf16. Without bf16 instructions correct, but slower than float32. HOOKE_E_UNSUPPORTED without a library. */
hooke_status gemm_library_bf16(float *c, int64_t ld_c, const uint16_t *a, int64_t ld_a, const uint16_t *b,
                               int64_t ld_b, bool in_first, int64_t m, int64_t n, int64_t k, bool accumulate);
bool gemm_library_has_bf16(void);
const char *gemm_library_name(void); /* "oneDNN 2.6.3", "none" */
/* The library's own product with its own threads, for measuring the machine: c[m, n] = a[m, k] b[n, k]', dense rows.
 * HOOKE_E_UNSUPPORTED without a library. */
hooke_status gemm_ceiling(float *c, const float *a, const float *b, int64_t m, int64_t n, int64_t k,
                          int n_threads);

/* What this CPU offers beside ref: 0 none, 1 avx2, 2 avx512, 3 avx512bf16; each asks for exactly the features its object files
 * were compiled with. */
int cpu_offers(void);
bool cpu_offers_byte_products(void); /* AVX-512 VNNI */
/* Fills ref, then every level this CPU offers, lowest first, stopping after cap; NULL: no cap. A cap above what this CPU offers
 * changes nothing; an unknown one is HOOKE_E_UNSUPPORTED. */
hooke_status kernels_select(struct kernels *t, const char *cap);

#endif
