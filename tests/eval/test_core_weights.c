/* Norms and cosines of dictionary rows, small by hand and large against pairwise double precision. */
#include "eval/core_metrics.h" /* before cmocka, whose fail() is a macro */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "eval/near.h"
#include "tensor/context.h"

struct rows {
    const float *data;
    int64_t width;
};

static hooke_status get_rows(const void *source, int64_t first, int64_t n, float *out)
{
    const struct rows *m = source;
    memcpy(out, m->data + first * m->width, (size_t)(n * m->width) * sizeof(float));
    return HOOKE_OK;
}

/* core_pair_cosine() hands both functions one source. */
struct pair {
    struct rows enc, dec;
};

static hooke_status get_enc(const void *source, int64_t first, int64_t n, float *out)
{
    return get_rows(&((const struct pair *)source)->enc, first, n, out);
}

static hooke_status get_dec(const void *source, int64_t first, int64_t n, float *out)
{
    return get_rows(&((const struct pair *)source)->dec, first, n, out);
}

static const float enc[6] = { 1, 0, 0, 1, 1, -1 }; /* columns of [[1,0,1],[0,1,-1]] */
static const float dec[6] = { 1, 0, 0, 1, 0.6f, -0.8f };

static void three_features(void **state)
{
    static const float norms[3] = { 1, 1, 1.41421356f }, cosines[3] = { 1, 1, 0.98994949f };
    static const float max_enc[3] = { 0.70710678f, 0, 0.70710678f }, max_dec[3] = { 0.6f, 0, 0.6f };
    struct pair p = { { enc, 2 }, { dec, 2 } };
    float norm[3], cosine[3], nearest[3];
    hooke_context *ctx;
    (void)state;
    assert_int_equal(hooke_context_open(&ctx, NULL), HOOKE_OK);
    assert_int_equal(core_pair_cosine(norm, cosine, get_enc, get_dec, &p, 3, 2, 2, 2), HOOKE_OK);
    for (int i = 0; i < 3; i++) assert_near((double)norm[i], (double)norms[i], 1e-6);
    for (int i = 0; i < 3; i++) assert_near((double)cosine[i], (double)cosines[i], 1e-6);
    assert_int_equal(core_max_cosine(&ctx->exec, nearest, get_enc, &p, 3, 2), HOOKE_OK);
    for (int i = 0; i < 3; i++) assert_near((double)nearest[i], (double)max_enc[i], 1e-6);
    assert_near(core_mean(nearest, 3), 0.471405, 1e-6);
    assert_int_equal(core_max_cosine(&ctx->exec, nearest, get_dec, &p, 3, 2), HOOKE_OK);
    for (int i = 0; i < 3; i++) assert_near((double)nearest[i], (double)max_dec[i], 1e-6);
    assert_near(core_mean(nearest, 3), 0.4, 1e-6);
    hooke_context_close(ctx);
}

static void zero_rows_and_other_widths(void **state)
{
    static const float zeros[4] = { 0, 0, 3, 4 };
    struct pair p = { { zeros, 2 }, { zeros, 2 } };
    float norm[2], cosine[2], nearest[2], alone;
    hooke_context *ctx;
    (void)state;
    assert_int_equal(hooke_context_open(&ctx, NULL), HOOKE_OK);
    assert_int_equal(core_pair_cosine(norm, cosine, get_enc, get_dec, &p, 2, 2, 2, 1), HOOKE_OK);
    assert_true(norm[0] == 0.0f && norm[1] == 5.0f && isnan(cosine[0]) && cosine[1] == 1.0f);
    p.dec.width = 1;
    assert_int_equal(core_pair_cosine(norm, cosine, get_enc, get_dec, &p, 2, 2, 1, 1), HOOKE_OK);
    assert_true(isnan(cosine[0]) && isnan(cosine[1]));
    assert_int_equal(core_max_cosine(&ctx->exec, nearest, get_enc, &p, 2, 2), HOOKE_OK);
    assert_true(nearest[0] == 0.0f && nearest[1] == 0.0f);
    assert_int_equal(core_max_cosine(&ctx->exec, &alone, get_enc, &p, 1, 2), HOOKE_OK);
    assert_true(isnan(alone));
    hooke_context_close(ctx);
}

/* Several tiles, the last one ragged, and the two nearest rows in different ones. */
enum { N = 4500, D = 7 };
static float big[N * D];

static double cosine_of(int64_t i, int64_t j)
{
    double dot = 0.0, a = 0.0, b = 0.0;
    for (int c = 0; c < D; c++) {
        double u = (double)big[i * D + c], v = (double)big[j * D + c];
        dot += u * v;
        a += u * u;
        b += v * v;
    }
    return dot / sqrt(a * b);
}

static void many_tiles(void **state)
{
    static float nearest[N], again[N];
    struct rows m = { big, D };
    hooke_context *ctx;
    hooke_context_options options = { .size = sizeof options, .n_threads = 3 };
    (void)state;
    random_normal(big, N * D, 11, RANDOM_TEST, 0);
    for (int c = 0; c < D; c++) big[4400 * D + c] = 2.0f * big[17 * D + c];
    assert_int_equal(hooke_context_open(&ctx, &options), HOOKE_OK);
    assert_int_equal(core_max_cosine(&ctx->exec, nearest, get_rows, &m, N, D), HOOKE_OK);
    assert_near((double)nearest[17], 1.0, 1e-6);
    assert_near((double)nearest[4400], 1.0, 1e-6);
    for (int64_t i = 0; i < N; i += 97) {
        double best = -1.0;
        for (int64_t j = 0; j < N; j++)
            if (j != i && cosine_of(i, j) > best) best = cosine_of(i, j);
        assert_near((double)nearest[i], best, 2e-6);
    }
    ctx->exec.n_threads = 1;
    assert_int_equal(core_max_cosine(&ctx->exec, again, get_rows, &m, N, D), HOOKE_OK);
    assert_memory_equal(nearest, again, sizeof again);
    hooke_context_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_features),
        cmocka_unit_test(zero_rows_and_other_widths),
        cmocka_unit_test(many_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
