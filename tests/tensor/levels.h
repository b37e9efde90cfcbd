/* levels.h: every operation at every level this CPU offers, against slow loops in double. Inputs lie with NaN between the rows
 * (ld > cols), outputs with a mark that must survive. */
#ifndef HOOKE_TESTS_TENSOR_LEVELS_H
#define HOOKE_TESTS_TENSOR_LEVELS_H

#include "check.h"

#include <math.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/random.h"
#include "tensor/ops.h"

/* The tolerances. Sums of k products: error at most (8 + 2 sqrt(k)) * 2^-24 times the sum of absolute terms; that covers any
 * order of summation with float32 rounding (worst case k, random errors grow as its root). Elementwise: in units of the last place
 * of the exact value; an argument of exp scales its error, hence the multiple of |x|. */
#define EPS 0x1p-24
static const struct {
    double product_base, product_root, bf16_rounding, tanh_ulp, exp_ulp, rotate_ulp, norm_ulp, activation_ulp;
} tolerance = { 8, 2, 0x1p-8, 2.5, 2, 4, 6, 8 };

static const char *const level_names[] = { "ref", "avx2", "avx512", "avx512bf16" };
enum { N_LEVELS = 4, PAD = 3 };
static const float MARK = 12345.5F;

static inline bool level_open(struct exec *ex, int level, int n_threads, const char *dtype)
{
    assert_int_equal(exec_open(ex, NULL, level_names[level], n_threads, dtype), HOOKE_OK);
    if (strcmp(exec_level(ex), level_names[level]) == 0) return true;
    exec_close(ex); /* this CPU stops at a lower level, which is tested under its own name */
    return false;
}

static inline double random_at(uint64_t stream, int64_t i)
{
    float f;
    random_normal(&f, 1, stream, RANDOM_TEST, (uint64_t)i);
    return (double)f;
}

/* [rows, cols] of normal draws with NaN in the padding. */
static inline struct mat random_mat(int64_t rows, int64_t cols, uint64_t stream, float scale)
{
    int64_t ld = cols + PAD;
    float *p = mem_alloc((size_t)(rows * ld + 1), sizeof *p);
    assert_non_null(p);
    for (int64_t r = 0; r < rows; r++) {
        random_normal(p + r * ld, cols, stream, RANDOM_TEST, (uint64_t)(r * cols));
        for (int64_t c = 0; c < cols; c++) p[r * ld + c] *= scale;
        for (int64_t c = cols; c < ld; c++) p[r * ld + c] = NAN;
    }
    return mat_f32(p, rows, cols, ld);
}

/* An output: full of the mark. */
static inline struct mat marked_mat(int64_t rows, int64_t cols)
{
    int64_t ld = cols + PAD;
    float *p = mem_alloc((size_t)(rows * ld + 1), sizeof *p);
    assert_non_null(p);
    for (int64_t i = 0; i < rows * ld; i++) p[i] = MARK;
    return mat_f32(p, rows, cols, ld);
}

static inline float get(const struct mat *m, int64_t r, int64_t c)
{
    return ((const float *)m->data)[r * m->ld + c];
}

static inline void check_padding(const struct mat *m)
{
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t c = m->cols; c < m->ld; c++) assert_true(get(m, r, c) == MARK);
}

static inline void mat_free(struct mat *m)
{
    mem_free(m->data);
    m->data = NULL;
}

static inline double bf16_of(double x)
{
    float f = (float)x;
    uint32_t u;
    memcpy(&u, &f, 4);
    u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000U;
    memcpy(&f, &u, 4);
    return (double)f;
}

/* The same weights in another type; values are rounded so that every type holds them exactly. */
static inline struct mat in_dtype(const struct mat *m, enum dtype dtype)
{
    struct mat out = *m;
    out.dtype = dtype;
    float *f = mem_alloc((size_t)(m->rows * m->ld + 1), sizeof *f);
    assert_non_null(f);
    out.data = f;
    for (int64_t i = 0; i < m->rows * m->ld; i++) {
        float x = ((const float *)m->data)[i];
        uint32_t u;
        memcpy(&u, &x, 4);
        if (dtype == DT_F32) f[i] = x;
        if (dtype == DT_BF16) ((uint16_t *)out.data)[i] = (uint16_t)(u >> 16);
        if (dtype != DT_F16) continue;
        uint32_t e = u >> 23 & 255, fraction = u >> 13 & 1023, sign = u >> 16 & 0x8000;
        uint16_t h = e == 255  ? (uint16_t)(sign | 0x7e00)
                     : e < 113 ? (uint16_t)sign
                               : (uint16_t)(sign | (e - 112) << 10 | fraction);
        ((uint16_t *)out.data)[i] = h;
    }
    return out;
}

/* Rounds to 8 significant bits and drops what half precision would hold as a subnormal. */
static inline void make_exact(struct mat *m)
{
    for (int64_t r = 0; r < m->rows; r++) {
        for (int64_t c = 0; c < m->cols; c++) {
            float *x = (float *)m->data + r * m->ld + c;
            *x = fabsf(*x) < 0x1p-13F ? 0 : (float)bf16_of((double)*x);
        }
    }
}

static inline double weight_value(const struct mat *exact, bool in_first, int64_t out, int64_t in)
{
    return (double)(in_first ? get(exact, in, out) : get(exact, out, in));
}

/* |got - want| <= limit, both sides printed otherwise. */
static inline void check_near(double got, double want, double limit, const char *what, const char *level,
                              int64_t r, int64_t c)
{
    if (fabs(got - want) <= limit || (isnan(got) && isnan(want)) || got == want) return;
    print_error("%s at %s [%lld, %lld]: %.9g, expected %.9g, off by %.3g, limit %.3g\n", what, level,
                (long long)r, (long long)c, got, want, fabs(got - want), limit);
    assert_true(fabs(got - want) <= limit);
}

static inline double product_limit(double k, double sum_abs)
{
    return (tolerance.product_base + tolerance.product_root * sqrt(k)) * EPS * sum_abs + 1e-37;
}

#endif
