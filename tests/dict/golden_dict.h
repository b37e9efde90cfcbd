/* golden_dict.h: a dictionary's codes and reconstructions against what its own library made of them (expected.safetensors: x, acts,
 * recon). */
#ifndef GOLDEN_DICT_H
#define GOLDEN_DICT_H

#include "dict_test.h"

/* One expected tensor; NULL when the case has none. */
static inline float *expected(const struct safetensors *s, const char *name, int64_t rows, int64_t cols)
{
    const struct stored_tensor *t = safetensors_find(s, name);
    if (!t) return NULL;
    assert_int_equal(t->n_items, rows * cols);
    float *out = mem_alloc((size_t)t->n_items, sizeof *out);
    OK(stored_to_f32(out, t, 0, t->n_items));
    return out;
}

static inline void compare_codes(const char *what, const hooke_codes *c, const float *want)
{
    float *got = dense_codes(c);
    for (int64_t i = 0; i < c->n_rows * c->n_cols; i++)
        if ((got[i] != 0) != (want[i] != 0))
            fail_msg("%s: active sets differ at row %lld, feature %lld: %.9g against %.9g", what,
                     (long long)(i / c->n_cols), (long long)(i % c->n_cols), (double)got[i], (double)want[i]);
    assert_close(what, got, want, c->n_rows, c->n_cols, 1e-5);
    mem_free(got);
}

/* Encode, compare; decode twice, compare both: nothing is used up. */
static inline void compare(hooke_dict *d, const char *what, const float *x, int64_t n, const float *acts,
                           const float *recon)
{
    const hooke_dict_info *info = hooke_dict_get_info(d);
    hooke_codes c = { 0 };
    float *y = mem_alloc((size_t)n * (size_t)info->d_out, sizeof *y);
    OK(hooke_dict_encode(d, &c, x, n, info->d_in, NULL));
    assert_int_equal(c.n_rows, n);
    if (acts) compare_codes(what, &c, acts);
    for (int time = 0; time < 2; time++) {
        memset(y, 0x7f, (size_t)n * (size_t)info->d_out * sizeof *y);
        OK(hooke_dict_decode(d, y, info->d_out, &c, NULL, x, info->d_in));
        assert_close(what, y, recon, n, info->d_out, 1e-5);
    }
    mem_free(y);
    hooke_codes_release(&c);
}

#endif
