/* The core evaluation's arithmetic on numbers small enough to follow by hand; expected values come from SAEBench's functions. */
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

#define NEAR(a, b) assert_near(a, b, 1e-6)

/* ---- reconstruction ---- */

/* Encoder [[1,0,1],[0,1,-1]], bias (0,-1,0), ReLU; decoder rows (1,0), (0,1), (0.6,-0.8). Tokens 0 5 6 7 and 0 5 0 8; 0 is
 * special. */
static const float x[2][8] = { { 9, 9, 3, 4, 1, 0, 0, 2 }, { 9, 9, 2, 2, 9, 9, -1, 2 } };
static const float y[2][8] = { { 9, 8, 3, 3, 1.6f, -0.8f, 0, 1 }, { 9, 8, 2, 1, 9, 8, 0, 1 } };
static const uint8_t keep[2][4] = { { 0, 1, 1, 1 }, { 0, 1, 0, 1 } };
static int64_t indptr[2][5] = { { 0, 2, 4, 6, 7 }, { 0, 2, 4, 6, 7 } };
static int32_t indices[2][7] = { { 0, 1, 0, 1, 0, 2, 1 }, { 0, 1, 0, 1, 0, 1, 1 } };
static float values[2][7] = { { 9, 8, 3, 3, 1, 1, 1 }, { 9, 8, 2, 1, 9, 8, 1 } };

static void add_batch(struct core_reconstruction *r, int i, int n_threads)
{
    hooke_codes codes = {
        .n_rows = 4, .n_cols = 3, .indptr = indptr[i], .indices = indices[i], .values = values[i]
    };
    struct core_batch batch = { x[i], y[i], 2, 2, &codes, keep[i], 1, 4 };
    assert_int_equal(core_reconstruction_add(r, &batch, n_threads), HOOKE_OK);
}

static void two_batches(hooke_core_metrics *m, float *density, float *heuristic, int n_threads)
{
    struct core_reconstruction r;
    memset(m, 0, sizeof *m);
    assert_int_equal(core_reconstruction_init(&r, 2, 3), HOOKE_OK);
    add_batch(&r, 0, n_threads);
    add_batch(&r, 1, n_threads);
    core_reconstruction_finish(&r, m, density, heuristic);
    core_reconstruction_release(&r);
}

static void reconstruction_of_five_tokens(void **state)
{
    hooke_core_metrics m;
    float density[3], heuristic[3];
    (void)state;
    two_batches(&m, density, heuristic, 1);
    NEAR(m.l2_norm_in, 2.612899);
    NEAR(m.l2_norm_out, 2.053513);
    NEAR(m.l2_ratio, 0.875033);
    NEAR(m.relative_reconstruction_bias, 0.826219);
    NEAR(m.l0, 1.6);
    NEAR(m.l1, 2.6);
    NEAR(m.mse, 0.5);
    NEAR(m.cossim, 0.945497);
    NEAR(m.explained_variance_legacy, 0.542677);
    NEAR(m.explained_variance, 1.142602);
    static const float densities[3] = { 0.6f, 0.8f, 0.2f }, heuristics[3] = { 1.5f, 2, 1 };
    for (int i = 0; i < 3; i++) NEAR((double)density[i], (double)densities[i]);
    for (int i = 0; i < 3; i++) NEAR((double)heuristic[i], (double)heuristics[i]);
    /* kept x: (3,4) (1,0) (0,2) (2,2) (-1,2): mean (1,2), sum of squares 43 - 25; errors 1 + (0.36+0.64) + 1 + 1 + 2 */
    NEAR(m.explained_variance_exact, 1.0 - 6.0 / 18.0);
}

static void same_bits_with_three_threads(void **state)
{
    hooke_core_metrics one, three;
    float a[3], b[3], c[3], d[3];
    (void)state;
    two_batches(&one, a, b, 1);
    two_batches(&three, c, d, 3);
    assert_memory_equal(&one, &three, sizeof one);
    assert_memory_equal(a, c, sizeof a);
}

/* An identity dictionary copies its input: everything that measures a difference is at its best. */
static void identity(void **state)
{
    enum { N = 12, D = 5 };
    static float in[N * D];
    static uint8_t all[N];
    static int64_t ptr[N + 1];
    static int32_t index[N * D];
    struct core_reconstruction r;
    hooke_core_metrics m = { 0 };
    float density[D], heuristic[D];
    double sum = 0.0;
    (void)state;
    random_normal(in, N * D, 3, RANDOM_TEST, 0);
    for (int i = 0; i < N * D; i++) index[i] = i % D;
    for (int i = 0; i <= N; i++) ptr[i] = i * D;
    for (int i = 0; i < N * D; i++) sum += (double)in[i];
    memset(all, 1, sizeof all);
    hooke_codes codes = { .n_rows = N, .n_cols = D, .indptr = ptr, .indices = index, .values = in };
    struct core_batch batch = { in, in, D, D, &codes, all, 3, 4 };
    assert_int_equal(core_reconstruction_init(&r, D, D), HOOKE_OK);
    assert_int_equal(core_reconstruction_add(&r, &batch, 2), HOOKE_OK);
    core_reconstruction_finish(&r, &m, density, heuristic);
    core_reconstruction_release(&r);
    assert_true(m.mse == 0.0 && m.explained_variance == 1.0 && m.explained_variance_exact == 1.0 &&
                m.l0 == D);
    assert_true(m.explained_variance_legacy == 1.0 && m.relative_reconstruction_bias == 1.0 &&
                m.l2_ratio == 1.0);
    NEAR(m.cossim, 1.0);
    NEAR(m.l1, sum / N);
    for (int f = 0; f < D; f++) {
        int positive = 0, contexts = 0;
        for (int c = 0; c < 3; c++) {
            int here = 0;
            for (int t = 0; t < 4; t++) here += in[(4 * c + t) * D + f] > 0.0f;
            positive += here;
            contexts += here > 0;
        }
        NEAR((double)density[f], (double)positive / N);
        if (contexts) NEAR((double)heuristic[f], (double)positive / contexts);
    }
}

/* A reconstruction of zero has no direction; a batch without a kept token has no mean. Both poison what they touch. */
static void undefined_values_are_nan(void **state)
{
    static const float zero[2] = { 0, 0 }, one[2] = { 3, 4 };
    static const uint8_t yes[1] = { 1 }, no[1] = { 0 };
    int64_t ptr[2] = { 0, 0 };
    hooke_codes none = { .n_rows = 1, .n_cols = 1, .indptr = ptr };
    struct core_reconstruction r;
    hooke_core_metrics m = { 0 };
    float density, heuristic;
    (void)state;
    struct core_batch batch = { one, zero, 2, 2, &none, yes, 1, 1 };
    assert_int_equal(core_reconstruction_init(&r, 2, 1), HOOKE_OK);
    assert_int_equal(core_reconstruction_add(&r, &batch, 1), HOOKE_OK);
    core_reconstruction_finish(&r, &m, &density, &heuristic);
    assert_true(isnan(m.cossim));
    assert_true(m.l2_ratio == 0.0 && m.mse == 25.0 && density == 0.0f && isnan(heuristic));
    batch.keep = no;
    assert_int_equal(core_reconstruction_add(&r, &batch, 1), HOOKE_OK);
    core_reconstruction_finish(&r, &m, &density, &heuristic);
    assert_true(isnan(m.relative_reconstruction_bias) && isnan(m.explained_variance));
    assert_true(m.mse == 25.0);
    core_reconstruction_release(&r);
}

static void frequencies(void **state)
{
    static const float p[7] = { 0, 0.5f, 0.2f, 0.02f, 0.005f, 0.01f, 0.1f };
    static const float holes[5] = { 0, NAN, 0.2f, 0.02f, 0.005f };
    hooke_core_metrics m;
    (void)state;
    core_frequencies(&m, p, 7);
    NEAR(m.frac_alive, 6.0 / 7);
    NEAR(m.freq_over_1_percent, 4.0 / 7);
    NEAR(m.freq_over_10_percent, 2.0 / 7);
    NEAR(m.normalized_freq_over_1_percent, 0.982036);
    NEAR(m.normalized_freq_over_10_percent, 0.838323);
    core_frequencies(&m, holes, 5);
    NEAR(m.frac_alive, 0.6);
    NEAR(m.freq_over_1_percent, 0.4);
    NEAR(m.freq_over_10_percent, 0.2);
    assert_true(m.normalized_freq_over_1_percent == 0.0 && m.normalized_freq_over_10_percent == 0.0);
}

/* ---- behaviour ---- */

static struct core_behaviour behave(const float *clean, const float *sae, const float *ablated, int64_t n,
                                    int64_t v, const int32_t *next)
{
    const float *logits[N_PASSES] = { clean, sae, ablated };
    struct core_behaviour b = { 0 };
    assert_int_equal(core_behaviour_add(&b, logits, n, v, next, 2), HOOKE_OK);
    return b;
}

static void divergence_of_three_logits(void **state)
{
    static const float up[3] = { 0, 1, 2 }, down[3] = { 2, 1, 0 };
    static const int32_t next[1] = { 2 };
    (void)state;
    struct core_behaviour b = behave(up, down, up, 1, 3, next);
    NEAR(b.kl[PASS_SAE], 1.150421);
    NEAR(b.kl_exact[PASS_SAE], 1.150421);
    NEAR(b.kl[PASS_ABLATED], 0.0);
    NEAR(b.ce[PASS_CLEAN], 0.407606);
    assert_true(b.n_ce == 1 && b.n_kl == 1);
}

static void underflow_poisons_as_softmax_log_product_does(void **state)
{
    static const float flat[3] = { 0, 0, 0 }, low_clean[3] = { 0, 0, -200 }, low_new[3] = { 0, -200, 0 };
    static const int32_t end[1] = { -1 };
    hooke_core_metrics m = { 0 };
    (void)state;
    struct core_behaviour b = behave(low_clean, flat, low_new, 1, 3, end);
    assert_true(isnan(b.kl[PASS_SAE]) && isnan(b.kl[PASS_ABLATED]));
    NEAR(b.kl_exact[PASS_SAE], log(1.5)); /* two of three equally likely */
    b = behave(flat, low_new, flat, 1, 3, end);
    assert_true(isinf(b.kl[PASS_SAE]) && b.kl[PASS_SAE] > 0.0);
    assert_true(isfinite(b.kl_exact[PASS_SAE]) && b.n_ce == 0);
    b.kl[PASS_ABLATED] = 5.0;
    core_behaviour_finish(&b, &m);
    assert_true(isinf(m.kl_div_score) && m.kl_div_score < 0.0);
    assert_true(isnan(m.ce_loss_score)); /* no token had a successor */
}

/* Against double precision, a vocabulary with an odd tail, several rows. */
static void matches_double_precision(void **state)
{
    enum { N = 5, V = 1237 };
    static float a[N * V], b[N * V], c[N * V];
    static const int32_t next[N] = { 0, 1236, -1, 77, 512 };
    double ce = 0.0, kl = 0.0;
    (void)state;
    random_normal(a, N * V, 1, RANDOM_TEST, 0);
    random_normal(b, N * V, 2, RANDOM_TEST, 0);
    random_normal(c, N * V, 3, RANDOM_TEST, 0);
    for (int i = 0; i < N * V; i++) a[i] *= 8.0f;
    for (int r = 0; r < N; r++) {
        double sum_a = 0.0, sum_b = 0.0;
        for (int v = 0; v < V; v++) sum_a += exp((double)a[r * V + v]);
        for (int v = 0; v < V; v++) sum_b += exp((double)b[r * V + v]);
        if (next[r] >= 0) ce += log(sum_a) - (double)a[r * V + next[r]];
        for (int v = 0; v < V; v++)
            kl += exp((double)a[r * V + v]) / sum_a *
                  ((double)a[r * V + v] - log(sum_a) - (double)b[r * V + v] + log(sum_b));
    }
    struct core_behaviour got = behave(a, b, c, N, V, next);
    assert_near(got.ce[PASS_CLEAN], ce, 1e-6 * ce);
    assert_near(got.kl_exact[PASS_SAE], kl, 1e-6 * kl);
    assert_true(got.kl[PASS_SAE] == got.kl_exact[PASS_SAE]);
    assert_true(got.n_ce == 4 && got.n_kl == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reconstruction_of_five_tokens),
        cmocka_unit_test(same_bits_with_three_threads),
        cmocka_unit_test(identity),
        cmocka_unit_test(undefined_values_are_nan),
        cmocka_unit_test(frequencies),
        cmocka_unit_test(divergence_of_three_logits),
        cmocka_unit_test(underflow_poisons_as_softmax_log_product_does),
        cmocka_unit_test(matches_double_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
