/* dict_test.h: what the dictionary tests share: a context, small folders made on the spot, dense views of codes. */
#ifndef DICT_TEST_H
#define DICT_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remove_tree.h"
#include "base/random.h"
#include "dict/dict.h" /* before cmocka.h, which makes fail a macro */

#include <cmocka.h>

#define OK(call)                                                       \
    do {                                                               \
        hooke_status ok_ = (call);                                     \
        if (ok_ != HOOKE_OK) fail_msg("%s: %s", #call, hooke_error()); \
    } while (0)
#define FAILS(call, code, words)                                                                          \
    do {                                                                                                  \
        assert_int_equal((call), (code));                                                                 \
        if (!strstr(hooke_error(), (words))) fail_msg("message '%s' lacks '%s'", hooke_error(), (words)); \
    } while (0)

static hooke_context *ctx;

static inline int open_context(void **state)
{
    (void)state;
    hooke_context_options o = { .size = sizeof o, .n_threads = 2, .dtype = "f32" };
    return hooke_context_open(&ctx, &o) == HOOKE_OK ? 0 : -1;
}

static inline int close_context(void **state)
{
    (void)state;
    hooke_context_close(ctx);
    return 0;
}

/* A new folder; the name stays valid until the next call. */
static inline const char *new_folder(void)
{
    static char name[256];
    const char *tmp = getenv("TMPDIR");
    snprintf(name, sizeof name, "%s/hooke-dict-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(name));
    return name;
}

/* Not hooke_write_file(), and never over an old file: both wait for the disk, and there are thousands of damaged files. */
static inline void put_file(const char *folder, const char *name, const void *data, size_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline void put_text(const char *folder, const char *name, const char *text)
{
    put_file(folder, name, text, strlen(text));
}

/* Tensors of a small dictionary: f32, shapes (rows, cols) with cols 0 for vectors. */
struct small_tensor {
    const char *name;
    int64_t rows, cols;
    const float *data;
};

static inline void put_weights(const char *folder, const struct small_tensor *t, int n)
{
    hooke_tensor_out out[12];
    char path[512];
    memset(out, 0, sizeof out);
    assert_true(n <= 12);
    for (int i = 0; i < n; i++) {
        out[i].name = t[i].name;
        out[i].dtype = "F32";
        out[i].n_dims = t[i].cols ? 2 : t[i].rows ? 1 : 0;
        out[i].shape[0] = t[i].rows;
        out[i].shape[1] = t[i].cols;
        out[i].data = t[i].data;
    }
    snprintf(path, sizeof path, "%s/sae_weights.safetensors", folder);
    OK(hooke_write_safetensors(path, out, n, NULL));
}

/* codes as a dense matrix [n_rows, n_cols]; checks the CSR invariants on the way. */
static inline float *dense_codes(const hooke_codes *c)
{
    float *out = mem_alloc((size_t)c->n_rows * (size_t)c->n_cols, sizeof *out);
    assert_non_null(out);
    assert_int_equal(c->indptr[0], 0);
    for (int64_t r = 0; r < c->n_rows; r++) {
        assert_true(c->indptr[r] <= c->indptr[r + 1]);
        for (int64_t i = c->indptr[r]; i < c->indptr[r + 1]; i++) {
            assert_in_range(c->indices[i], 0, (unsigned)(c->n_cols - 1));
            if (i > c->indptr[r]) assert_true(c->indices[i] > c->indices[i - 1]);
            assert_true(c->values[i] != 0);
            out[r * c->n_cols + c->indices[i]] = c->values[i];
        }
    }
    return out;
}

/* Elementwise, relative to each pair with a floor: near zero the floor (a share of the row's largest) decides. */
static inline void assert_close(const char *what, const float *got, const float *want, int64_t rows,
                                int64_t cols, double relative)
{
    for (int64_t r = 0; r < rows; r++) {
        double largest = 0;
        for (int64_t j = 0; j < cols; j++) largest = fmax(largest, fabs((double)want[r * cols + j]));
        for (int64_t j = 0; j < cols; j++) {
            double g = (double)got[r * cols + j], w = (double)want[r * cols + j];
            double allowed = relative * fmax(fabs(w), 0.1 * largest) + 1e-7;
            if (!(fabs(g - w) <= allowed))
                fail_msg("%s [%lld, %lld]: got %.9g, want %.9g", what, (long long)r, (long long)j, g, w);
        }
    }
}

#endif
