/* kernels_ref.c: every inner loop in plain C and libm: what the other levels are compared with, and what runs on other CPUs. */
#include "tensor/cpu/kernels.h"

#include <math.h>
#include <string.h>

static float bits_f32(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static uint32_t f32_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* IEEE half to float: subnormals are value * 2^-24. */
static float f16_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 1023;
    if (exponent == 31) return bits_f32(sign | 0x7f800000U | fraction << 13);
    if (exponent != 0) return bits_f32(sign | (exponent + 112) << 23 | fraction << 13);
    float f = (float)fraction * 0x1p-24F;
    return sign ? -f : f;
}

static uint16_t f32_bf16(float f)
{
    uint32_t u = f32_bits(f);
    if ((u & 0x7fffffffU) > 0x7f800000U) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fffU + (u >> 16 & 1)) >> 16);
}

static float load(const struct lying *w, int64_t i)
{
    if (w->dtype == DT_F32) return ((const float *)w->data)[i];
    uint16_t h = ((const uint16_t *)w->data)[i];
    return w->dtype == DT_BF16 ? bits_f32((uint32_t)h << 16) : f16_f32(h);
}

static void widen(float *out, const void *in, enum dtype dtype, int64_t n)
{
    struct lying w = { in, dtype, n };
    for (int64_t i = 0; i < n; i++) out[i] = load(&w, i);
}

static void to_bf16(uint16_t *out, const float *in, int64_t n)
{
    for (int64_t i = 0; i < n; i++) out[i] = f32_bf16(in[i]);
}

static void round_bf16(float *out, const float *in, int64_t n)
{
    for (int64_t i = 0; i < n; i++) out[i] = bits_f32((uint32_t)f32_bf16(in[i]) << 16);
}

static hooke_status gemm(float *c, int64_t ld_c, const float *a, int64_t ld_a, const float *b, int64_t ld_b,
                         bool in_first, int64_t m, int64_t n, int64_t k, bool accumulate)
{
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            float s = accumulate ? c[i * ld_c + j] : 0;
            for (int64_t l = 0; l < k; l++)
                s += a[i * ld_a + l] * (in_first ? b[l * ld_b + j] : b[j * ld_b + l]);
            c[i * ld_c + j] = s;
        }
    }
    return HOOKE_OK;
}

static void dots(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w,
                 int64_t n, int64_t k, bool accumulate)
{
    for (int64_t j = 0; j < n; j++) {
        for (int i = 0; i < n_x; i++) {
            float s = accumulate ? y[i * ld_y + j] : 0;
            for (int64_t l = 0; l < k; l++) s += x[i * ld_x + l] * load(w, j * w->ld + l);
            y[i * ld_y + j] = s;
        }
    }
}

static void mixes(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w,
                  int64_t n, int64_t k, bool accumulate)
{
    for (int i = 0; i < n_x; i++) {
        if (!accumulate) memset(y + i * ld_y, 0, (size_t)n * sizeof *y);
        for (int64_t l = 0; l < k; l++)
            for (int64_t j = 0; j < n; j++) y[i * ld_y + j] += x[i * ld_x + l] * load(w, l * w->ld + j);
    }
}

static void gather(float *y, const int32_t *index, const float *value, int64_t n_codes, const struct lying *w,
                   int64_t n)
{
    for (int64_t c = 0; c < n_codes; c++)
        for (int64_t j = 0; j < n; j++) y[j] += value[c] * load(w, index[c] * w->ld + j);
}

static float gather_one(const float *column, const int32_t *index, const float *value, int64_t n_codes)
{
    float s = 0;
    for (int64_t c = 0; c < n_codes; c++) s += value[c] * column[index[c]];
    return s;
}

static void add(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

static void scale(float *y, const float *x, float s, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = s * x[i];
}

static double sum(const float *x, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += (double)x[i];
    return s;
}

static double sum_squares(const float *x, double mean, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++) s += ((double)x[i] - mean) * ((double)x[i] - mean);
    return s;
}

static void affine(float *y, const float *x, float mean, float r, const float *gain, const float *bias,
                   int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * r * (gain ? gain[i] : 1) + (bias ? bias[i] : 0);
}

static void rotate(float *x, const float *cos, const float *sin, int half)
{
    for (int j = 0; j < half; j++) {
        float a = x[j], b = x[j + half];
        x[j] = a * cos[j] - b * sin[j];
        x[j + half] = b * cos[j] + a * sin[j];
    }
}

/* gelu_tanh: 0.5 x (1 + tanh u) = x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3): no cancellation for x < 0. */
static float act_one(float x, enum activation act)
{
    switch (act) {
    case ACT_NONE:
        return x;
    case ACT_RELU:
        return x > 0 ? x : x != x ? x : 0; /* NaN stays NaN */
    case ACT_GELU_TANH:
        return x / (1 + expf(-2 * 0.797884560802865F * (x + 0.044715F * x * x * x)));
    case ACT_GELU_ERF:
        return 0.5F * x * erfcf(-x * 0.707106781186548F);
    case ACT_SILU:
        return x / (1 + expf(-x));
    }
    return x;
}

static void activate(float *y, const float *x, int64_t n, enum activation act)
{
    for (int64_t i = 0; i < n; i++) y[i] = act_one(x[i], act);
}

static void glu(float *y, const float *gate, const float *up, int64_t n, enum activation act)
{
    for (int64_t i = 0; i < n; i++) y[i] = act_one(gate[i], act) * up[i];
}

static void softcap(float *x, float s, float cap, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] = cap > 0 ? cap * tanhf(s * x[i] / cap) : s * x[i];
}

static float max(const float *x, int64_t n)
{
    float m = -INFINITY;
    for (int64_t i = 0; i < n; i++) m = x[i] > m ? x[i] : m;
    return m;
}

static double exp_sum(float *x, float m, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++) {
        x[i] = expf(x[i] - m);
        s += (double)x[i];
    }
    return s;
}

static int64_t select_threshold(int32_t *index, float *value, const float *h, const float *bias,
                                const float *threshold, int32_t first, int64_t n)
{
    int64_t got = 0;
    for (int64_t i = 0; i < n; i++) {
        float v = h[i] + (bias ? bias[i] : 0), t = threshold && threshold[i] > 0 ? threshold[i] : 0;
        if (!(v > t)) continue;
        index[got] = first + (int32_t)i;
        value[got++] = v;
    }
    return got;
}

static int64_t select_gated(int32_t *index, float *value, const float *h, const float *gate_bias,
                            const float *mag_scale, const float *mag_bias, int32_t first, int64_t n)
{
    int64_t got = 0;
    for (int64_t i = 0; i < n; i++) {
        float v = mag_scale[i] * h[i] + mag_bias[i];
        if (!(h[i] + gate_bias[i] > 0 && v > 0)) continue;
        index[got] = first + (int32_t)i;
        value[got++] = v;
    }
    return got;
}

static int64_t select_above(int32_t *index, float *value, const float *h, const float *bias,
                            const float *row_scale, float cut, int32_t first, int64_t n)
{
    int64_t got = 0;
    for (int64_t i = 0; i < n; i++) {
        float v = (h[i] + (bias ? bias[i] : 0)) * (row_scale ? row_scale[i] : 1);
        if (!(v > cut)) continue;
        index[got] = first + (int32_t)i;
        value[got++] = v;
    }
    return got;
}

void kernels_fill_ref(struct kernels *t)
{
    t->gemm = gemm;
    t->widen = widen;
    t->round_bf16 = round_bf16;
    t->to_bf16 = to_bf16;
    t->dots = dots;
    t->mixes = mixes;
    t->gather = gather;
    t->gather_one = gather_one;
    t->add = add;
    t->scale = scale;
    t->sum = sum;
    t->sum_squares = sum_squares;
    t->affine = affine;
    t->rotate = rotate;
    t->activate = activate;
    t->glu = glu;
    t->softcap = softcap;
    t->max = max;
    t->exp_sum = exp_sum;
    t->select = select_threshold;
    t->select_gated = select_gated;
    t->select_above = select_above;
}
