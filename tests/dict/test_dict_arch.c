/* What the architectures do at their edges, against plain double precision and by hand. */
#include "dict_test.h"
#include "tensor/cpu/kernels.h"

#define NESTED(body) \
    "{" body         \
    ", \"metadata\": {\"sae_lens_version\": \"6.18.0\", \"hook_name\": \"blocks.1.hook_resid_post\"}}"

enum { D = 4, F = 6 };

/* A dictionary of D x F random weights with 4 or more tensors; what the tests vary is passed in. */
struct sample {
    float w_enc[D * F], w_dec[F * D], b_enc[F], b_dec[D], extra[3][F];
};

static void fill(struct sample *s, uint64_t seed)
{
    random_normal(s->w_enc, D * F, seed, RANDOM_TEST, 0);
    random_normal(s->w_dec, F * D, seed, RANDOM_TEST, 100);
    random_normal(s->b_enc, F, seed, RANDOM_TEST, 200);
    random_normal(s->b_dec, D, seed, RANDOM_TEST, 300);
    random_normal(s->extra[0], 3 * F, seed, RANDOM_TEST, 400);
}

static hooke_dict *open_sample(const struct sample *s, const char *cfg, const char *scaler, bool canonical,
                               int n_more, const struct small_tensor *more)
{
    struct small_tensor t[8] = { { "W_enc", D, F, s->w_enc },
                                 { "W_dec", F, D, s->w_dec },
                                 { "b_dec", D, 0, s->b_dec },
                                 { "b_enc", F, 0, s->b_enc } };
    hooke_dict_options options = { .size = sizeof options, .canonical = canonical };
    hooke_dict *d;
    bool gated = strstr(cfg, "\"gated\"") != NULL;
    int n = gated ? 3 : 4; /* gated dictionaries have no b_enc */
    for (int i = 0; i < n_more; i++) t[n++] = more[i];
    const char *folder = new_folder();
    put_weights(folder, t, n);
    put_text(folder, "cfg.json", cfg);
    if (scaler) put_text(folder, "activation_scaler.json", scaler);
    OK(hooke_dict_open(&d, ctx, folder, &options));
    remove_tree(folder); /* the mapping stays */
    return d;
}

static float *encode_dense(hooke_dict *d, const float *x, int64_t n)
{
    hooke_codes c = { 0 };
    OK(hooke_dict_encode(d, &c, x, n, hooke_dict_get_info(d)->d_in, NULL));
    float *out = dense_codes(&c);
    hooke_codes_release(&c);
    return out;
}

static float *round_trip(hooke_dict *d, const float *x, int64_t n)
{
    const hooke_dict_info *i = hooke_dict_get_info(d);
    hooke_codes c = { 0 };
    float *y = mem_alloc((size_t)n * (size_t)i->d_out, sizeof *y);
    OK(hooke_dict_encode(d, &c, x, n, i->d_in, NULL));
    OK(hooke_dict_decode(d, y, i->d_out, &c, NULL, x, i->d_in));
    hooke_codes_release(&c);
    return y;
}

/* h[n, F] in double: scale * x, minus b where given, times W_enc. No bias. */
static void reference_h(double *h, const struct sample *s, const float *x, int64_t n, double scale,
                        bool subtract)
{
    for (int64_t r = 0; r < n; r++)
        for (int f = 0; f < F; f++) {
            double sum = 0;
            for (int j = 0; j < D; j++)
                sum += (scale * (double)x[r * D + j] - (subtract ? (double)s->b_dec[j] : 0)) *
                       (double)s->w_enc[j * F + f];
            h[r * F + f] = sum;
        }
}

static double row_length(const struct sample *s, int f)
{
    double sum = 0;
    for (int j = 0; j < D; j++) sum += (double)s->w_dec[f * D + j] * (double)s->w_dec[f * D + j];
    return sqrt(sum);
}

/* y[n, D] = f W_dec + b_dec, in float for comparing. */
static void reference_decode(float *y, const struct sample *s, const double *f, int64_t n, double divide)
{
    for (int64_t r = 0; r < n; r++)
        for (int j = 0; j < D; j++) {
            double sum = (double)s->b_dec[j];
            for (int i = 0; i < F; i++) sum += f[r * F + i] * (double)s->w_dec[i * D + j];
            y[r * D + j] = (float)(sum / divide);
        }
}

static void orthonormal_dictionary_is_the_identity(void **state)
{
    (void)state;
    static const float hadamard[16] = { .5f, .5f, .5f,  .5f,  .5f, -.5f, .5f,  -.5f,
                                        .5f, .5f, -.5f, -.5f, .5f, -.5f, -.5f, .5f };
    static const float zeros[4] = { 0 }, codes[8] = { 1, 0, 2, 0.25f, 0, 0, 0, 8 };
    struct small_tensor t[4] = { { "W_enc", 4, 4, hadamard },
                                 { "W_dec", 4, 4, hadamard },
                                 { "b_enc", 4, 0, zeros },
                                 { "b_dec", 4, 0, zeros } };
    float x[8] = { 0 };
    for (int r = 0; r < 2; r++)
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) x[r * 4 + j] += codes[r * 4 + i] * hadamard[i * 4 + j];
    const char *folder = new_folder();
    hooke_dict *d;
    put_weights(folder, t, 4);
    put_text(folder, "cfg.json", NESTED("\"architecture\": \"standard\", \"d_in\": 4, \"d_sae\": 4"));
    OK(hooke_dict_open(&d, ctx, folder, NULL));
    float *f = encode_dense(d, x, 2), *y = round_trip(d, x, 2);
    assert_memory_equal(f, codes, sizeof codes);
    assert_memory_equal(y, x, sizeof x);
    mem_free(f);
    mem_free(y);
    hooke_dict_close(d);
    remove_tree(folder);
}

static void equality_is_off(void **state)
{
    (void)state;
    struct sample s = { 0 };
    float threshold[F] = { 0.5f, 0.5f, 0.5f, 0, -1, 0.25f };
    struct small_tensor more = { "threshold", F, 0, threshold };
    for (int i = 0; i < D; i++) s.w_enc[i * F + i] = 1;
    hooke_dict *d = open_sample(&s, NESTED("\"architecture\": \"jumprelu\""), NULL, false, 1, &more);
    static const float x[2 * D] = { 0.5f, 0.50000006f, 0.49999997f, 0, 1, -1, 0.75f, 2 };
    static const float want[2 * F] = { 0, 0.50000006f, 0, 0, 0, 0, 1, 0, 0.75f, 2, 0, 0 };
    float *f = encode_dense(d, x, 2);
    assert_memory_equal(f, want, sizeof want);
    mem_free(f);
    hooke_dict_close(d);
    /* Gate: pre-activation 0 is off although the magnitude is positive. */
    static const float zero[F] = { 0 }, ones[F] = { 1, 1, 1, 1, 1, 1 };
    struct small_tensor gates[3] = { { "b_gate", F, 0, zero },
                                     { "b_mag", F, 0, ones },
                                     { "r_mag", F, 0, zero } };
    d = open_sample(&s, NESTED("\"architecture\": \"gated\""), NULL, false, 3, gates);
    static const float gate_x[D] = { 0, 1e-30f, -1, 2 }, gate_want[F] = { 0, 1, 0, 3, 0, 0 };
    f = encode_dense(d, gate_x, 1);
    assert_memory_equal(f, gate_want, sizeof gate_want);
    mem_free(f);
    hooke_dict_close(d);
}

static void topk_with_ties_few_positives_and_a_dead_row(void **state)
{
    (void)state;
    struct sample s = { 0 };
    for (int f = 0; f < F; f++) s.w_enc[f] = 1; /* every h is x[0] */
    for (int f = 0; f < F; f++) s.w_dec[f * D + f % D] = 1;
    hooke_dict *d = open_sample(&s, NESTED("\"architecture\": \"topk\", \"k\": 2"), NULL, false, 0, NULL);
    static const float x[2 * D] = { 3, 0, 0, 0, -1, 0, 0, 0 };
    static const float want[2 * F] = { 3, 3 }; /* ties: the lower features; negatives: none */
    float *f = encode_dense(d, x, 2);
    assert_memory_equal(f, want, sizeof want);
    mem_free(f);
    hooke_dict_close(d);
    /* A dead decoder row under rescaling has length 1e-8, not 0: nothing becomes NaN and the others are untouched. */
    memset(s.w_dec, 0, D * sizeof *s.w_dec);
    for (int canonical = 0; canonical < 2; canonical++) {
        d = open_sample(
            &s, NESTED("\"architecture\": \"topk\", \"k\": 6, \"rescale_acts_by_decoder_norm\": true"), NULL,
            canonical, 0, NULL);
        float *y = round_trip(d, x, 1);
        static const float y_want[D] = { 3, 6, 3, 3 };
        f = encode_dense(d, x, 1);
        assert_memory_equal(y, y_want, sizeof y_want);
        assert_true(f[0] > 0 && f[0] < 1e-6f);
        mem_free(f);
        mem_free(y);
        hooke_dict_close(d);
    }
}

/* Wide enough for screening with 8-bit products, in small whole numbers: sums are exact, ties abound, and so codes are known to
 * the bit. */
struct wide {
    enum { WIDE_N = 150, WIDE_D = 256, WIDE_F = 2500 } sizes;
    float x[WIDE_N * WIDE_D], w_enc[WIDE_D * WIDE_F], w_dec[WIDE_F * WIDE_D], b_enc[WIDE_F], b_dec[WIDE_D];
};

static void fill_whole(float *v, int64_t n, uint64_t stream)
{
    random_normal(v, n, 9, RANDOM_TEST, stream << 32);
    for (int64_t i = 0; i < n; i++) v[i] = rintf(1.5F * v[i]);
}

static hooke_dict *open_wide(struct wide *w, const char *cfg)
{
    fill_whole(w->x, WIDE_N * WIDE_D, 1);
    memset(w->x + 7 * WIDE_D, 0, WIDE_D * sizeof *w->x);
    fill_whole(w->w_enc, WIDE_D * WIDE_F, 2);
    fill_whole(w->b_enc, WIDE_F, 3);
    for (int f = 0; f < WIDE_F; f++) w->w_dec[f * WIDE_D + f % WIDE_D] = f % 3 ? 1 : 2;
    const struct small_tensor t[4] = { { "W_enc", WIDE_D, WIDE_F, w->w_enc },
                                       { "W_dec", WIDE_F, WIDE_D, w->w_dec },
                                       { "b_dec", WIDE_D, 0, w->b_dec },
                                       { "b_enc", WIDE_F, 0, w->b_enc } };
    const char *folder = new_folder();
    hooke_dict *d;
    put_weights(folder, t, 4);
    put_text(folder, "cfg.json", cfg);
    OK(hooke_dict_open(&d, ctx, folder, NULL));
    remove_tree(folder);
    return d;
}

static void check_wide(hooke_dict *d, const struct wide *w, bool rescaled, int k)
{
    float h[WIDE_F], *got = encode_dense(d, w->x, WIDE_N);
    for (int r = 0; r < WIDE_N; r++) {
        for (int f = 0; f < WIDE_F; f++) {
            double sum = (double)w->b_enc[f];
            for (int i = 0; i < WIDE_D; i++)
                sum += (double)w->x[r * WIDE_D + i] * (double)w->w_enc[i * WIDE_F + f];
            h[f] = (float)(rescaled && f % 3 == 0 ? 2 * sum : sum);
        }
        for (int kept = 0; kept < k; kept++) { /* the largest that is left, the lowest of several */
            int best = 0;
            for (int f = 1; f < WIDE_F; f++)
                if (h[f] > h[best]) best = f;
            if (!(h[best] > 0)) break;
            assert_true(got[r * WIDE_F + best] == h[best]);
            got[r * WIDE_F + best] = 0;
            h[best] = -1;
        }
        for (int f = 0; f < WIDE_F; f++) assert_true(got[r * WIDE_F + f] == 0);
    }
    mem_free(got);
}

static void wide_topk_is_screened_and_exact(void **state)
{
    (void)state;
    struct wide *w = mem_alloc(1, sizeof *w);
    assert_non_null(w);
    for (int rescaled = 0; rescaled < 2; rescaled++) {
        hooke_dict *d = open_wide(w, rescaled ? NESTED("\"architecture\": \"topk\", \"k\": 32, "
                                                       "\"rescale_acts_by_decoder_norm\": true")
                                              : NESTED("\"architecture\": \"topk\", \"k\": 32"));
        check_wide(d, w, rescaled, 32);
        const struct kernels *t = ctx->exec.kernels;
        assert_true((ctx->exec.tally.n_screened > 0) == (t->gemm_bytes && t->screen));
        hooke_dict_close(d);
    }
    mem_free(w);
}

/* Folding any architecture, plain top-k too (whose weights a real fold could not hold): codes times n_i, same reconstruction,
 * decoder rows of length 1. */
static void canonical_form(void **state)
{
    (void)state;
    static const char *const cfgs[] = { NESTED("\"architecture\": \"standard\""),
                                        NESTED("\"architecture\": \"topk\", \"k\": 3"),
                                        NESTED("\"architecture\": \"gated\""),
                                        NESTED("\"architecture\": \"jumprelu\"") };
    struct sample s;
    float x[5 * D], row[D], vector[F];
    fill(&s, 5);
    random_normal(x, 5 * D, 6, RANDOM_TEST, 0);
    struct small_tensor gates[3] = { { "b_gate", F, 0, s.extra[0] },
                                     { "b_mag", F, 0, s.extra[1] },
                                     { "r_mag", F, 0, s.extra[2] } };
    struct small_tensor jump = { "threshold", F, 0, s.extra[0] };
    for (int c = 0; c < 4; c++) {
        int n_more = c == 2 ? 3 : c == 3 ? 1 : 0;
        hooke_dict *raw = open_sample(&s, cfgs[c], NULL, false, n_more, c == 2 ? gates : &jump);
        hooke_dict *folded = open_sample(&s, cfgs[c], NULL, true, n_more, c == 2 ? gates : &jump);
        float *f = encode_dense(raw, x, 5), *g = encode_dense(folded, x, 5);
        for (int i = 0; i < 5 * F; i++) f[i] = (float)((double)f[i] * row_length(&s, i % F));
        assert_close(cfgs[c], g, f, 5, F, 1e-5);
        float *y = round_trip(raw, x, 5), *z = round_trip(folded, x, 5);
        assert_close(cfgs[c], z, y, 5, D, 1e-5);
        for (int i = 0; i < F; i++) {
            OK(hooke_dict_decoder_row(folded, i, row));
            double sum = 0;
            for (int j = 0; j < D; j++) sum += (double)row[j] * (double)row[j];
            assert_true(fabs(sum - 1) < 1e-6);
        }
        const char *name = c == 2 ? "b_mag" : "b_enc";
        const float *stored = c == 2 ? s.extra[1] : s.b_enc;
        OK(hooke_dict_vector(folded, name, vector, F));
        for (int i = 0; i < F; i++)
            assert_true(fabs((double)vector[i] - (double)stored[i] * row_length(&s, i)) < 1e-6);
        if (c == 2) {
            OK(hooke_dict_vector(folded, "r_mag", vector, F));
            assert_memory_equal(vector, s.extra[2], sizeof vector); /* the fold leaves r_mag alone */
        }
        mem_free(f);
        mem_free(g);
        mem_free(y);
        mem_free(z);
        hooke_dict_close(raw);
        hooke_dict_close(folded);
    }
}

/* A checkpoint whose activation scale s was not folded equals the plain dictionary on s * x, reconstruction divided by s. */
static void activation_scale(void **state)
{
    (void)state;
    struct sample s;
    float x[3 * D], sx[3 * D];
    const float scale = 1.75f;
    fill(&s, 7);
    random_normal(x, 3 * D, 8, RANDOM_TEST, 0);
    for (int i = 0; i < 3 * D; i++) sx[i] = scale * x[i];
    const char *cfg =
        NESTED("\"architecture\": \"standard\", \"normalize_activations\": \"expected_average_only_in\"");
    hooke_dict *plain = open_sample(&s, cfg, NULL, false, 0, NULL);
    hooke_dict *scaled = open_sample(&s, cfg, "{\"scaling_factor\": 1.75}", false, 0, NULL);
    float *f = encode_dense(plain, sx, 3), *g = encode_dense(scaled, x, 3);
    float *y = round_trip(plain, sx, 3), *z = round_trip(scaled, x, 3);
    for (int i = 0; i < 3 * D; i++) y[i] /= scale;
    assert_close("codes", g, f, 3, F, 1e-5);
    assert_close("reconstruction", z, y, 3, D, 1e-5);
    float row[D], b_dec[D];
    OK(hooke_dict_encoder_row(scaled, 2, row));
    for (int j = 0; j < D; j++) assert_true(fabsf(row[j] - scale * s.w_enc[j * F + 2]) < 1e-6f);
    OK(hooke_dict_decoder_row(scaled, 2, row));
    for (int j = 0; j < D; j++) assert_true(fabsf(row[j] - s.w_dec[2 * D + j] / scale) < 1e-6f);
    OK(hooke_dict_vector(scaled, "b_dec", b_dec, D));
    for (int j = 0; j < D; j++) assert_true(fabsf(b_dec[j] - s.b_dec[j] / scale) < 1e-6f);
    mem_free(f);
    mem_free(g);
    mem_free(y);
    mem_free(z);
    hooke_dict_close(plain);
    hooke_dict_close(scaled);
}

/* Batch top-k checkpoint with rescaling and s: h' = h n_i on s * x, on when h' > t; the codes are h' / s. With t compared after
 * the fold undivided (a mistake once made) the sets would differ, and the sample shows it. */
static void batch_topk_checkpoint(void **state)
{
    (void)state;
    enum { N = 40 };
    struct sample s;
    float x[N * D], t = 1.5f, want_f[N * F], want_y[N * D];
    double h[N * F], f[N * F];
    const double scale = 1.75;
    int n_undivided = 0, n_on = 0;
    fill(&s, 9);
    random_normal(x, N * D, 10, RANDOM_TEST, 0);
    reference_h(h, &s, x, N, scale, true);
    for (int i = 0; i < N * F; i++) {
        double length = row_length(&s, i % F), a = (h[i] + (double)s.b_enc[i % F]) * length;
        f[i] = a > (double)t ? a / length : 0;
        want_f[i] = a > (double)t ? (float)(a / scale) : 0;
        n_on += a > (double)t;
        n_undivided += a / scale > (double)t;
    }
    reference_decode(want_y, &s, f, N, scale);
    assert_true(n_on > n_undivided + 5);
    struct small_tensor more = { "topk_threshold", 0, 0, &t };
    hooke_dict *d = open_sample(
        &s,
        NESTED("\"architecture\": \"batchtopk\", \"k\": 2.5, \"rescale_acts_by_decoder_norm\": true, "
               "\"normalize_activations\": \"expected_average_only_in\""),
        "{\"scaling_factor\": 1.75}", false, 1, &more);
    float *got = encode_dense(d, x, N), *y = round_trip(d, x, N), threshold[F];
    assert_close("codes", got, want_f, N, F, 1e-5);
    assert_close("reconstruction", y, want_y, N, D, 1e-5);
    OK(hooke_dict_vector(d, "threshold", threshold, F));
    for (int i = 0; i < F; i++) assert_true(fabs((double)threshold[i] - (double)t / scale) < 1e-5);
    mem_free(got);
    mem_free(y);
    hooke_dict_close(d);
}

static void gated_equals_its_two_matrix_form(void **state)
{
    (void)state;
    struct sample s;
    float x[7 * D], want[7 * F];
    double h[7 * F];
    fill(&s, 11);
    random_normal(x, 7 * D, 12, RANDOM_TEST, 0);
    reference_h(h, &s, x, 7, 1, true);
    for (int r = 0; r < 7; r++)
        for (int i = 0; i < F; i++) {
            double e = h[r * F + i], gate = e + (double)s.extra[0][i], m = 0;
            for (int j = 0; j < D; j++) /* the second matrix: W_enc with columns times exp(r_mag) */
                m += ((double)x[r * D + j] - (double)s.b_dec[j]) * (double)s.w_enc[j * F + i] *
                     exp((double)s.extra[2][i]);
            m += (double)s.extra[1][i];
            want[r * F + i] = gate > 0 && m > 0 ? (float)m : 0;
        }
    struct small_tensor gates[3] = { { "b_gate", F, 0, s.extra[0] },
                                     { "b_mag", F, 0, s.extra[1] },
                                     { "r_mag", F, 0, s.extra[2] } };
    hooke_dict *d = open_sample(&s, NESTED("\"architecture\": \"gated\""), NULL, false, 3, gates);
    float *f = encode_dense(d, x, 7);
    assert_close("gated", f, want, 7, F, 1e-5);
    mem_free(f);
    hooke_dict_close(d);
}

/* Steering and splicing rest on this: changing code i by delta moves the output by delta * decoder row * the row's norm scale. */
static void codes_times_rows_add_up(void **state)
{
    (void)state;
    static const char *const cfgs[] = {
        NESTED("\"architecture\": \"standard\", \"normalize_activations\": \"layer_norm\""),
        NESTED("\"architecture\": \"standard\", \"normalize_activations\": \"constant_norm_rescale\""),
        NESTED("\"architecture\": \"topk\", \"k\": 4, \"rescale_acts_by_decoder_norm\": true"),
    };
    struct sample s;
    float x[2 * D], row[D], y[2 * D], z[2 * D];
    fill(&s, 13);
    random_normal(x, 2 * D, 14, RANDOM_TEST, 0);
    for (int j = 0; j < D; j++) x[D + j] *= 10; /* two tokens of very different length decoded together */
    for (int c = 0; c < 6; c++) {
        hooke_dict *d = open_sample(&s, cfgs[c / 2], NULL, c % 2, 0, NULL);
        hooke_codes codes = { 0 };
        OK(hooke_dict_encode(d, &codes, x, 2, D, NULL));
        assert_int_equal(codes.norm_scale != NULL, c < 4);
        OK(hooke_dict_decode(d, y, D, &codes, NULL, NULL, 0));
        assert_true(codes.indptr[2] > codes.indptr[1]);
        int64_t last = codes.indptr[2] - 1;
        codes.values[last] += 2.0f;
        OK(hooke_dict_decode(d, z, D, &codes, NULL, NULL, 0));
        OK(hooke_dict_decoder_row(d, codes.indices[last], row));
        float by = codes.norm_scale ? codes.norm_scale[1] : 1.0f;
        for (int j = 0; j < D; j++) y[D + j] += 2.0f * row[j] * by;
        assert_close("edit", z, y, 2, D, 1e-5);
        hooke_codes_release(&codes);
        hooke_dict_close(d);
    }
}

/* A zero row has no length to divide by: it is encoded as it is, and decoded without a factor. */
static void zero_rows_survive_normalisation(void **state)
{
    (void)state;
    static const char *const cfgs[] = {
        NESTED("\"architecture\": \"standard\", \"normalize_activations\": \"constant_norm_rescale\""),
        NESTED("\"architecture\": \"standard\", \"normalize_activations\": \"layer_norm\""),
    };
    struct sample s;
    float x[2 * D] = { 0, 0, 0, 0, 1, 2, 3, 4 }, want[F], want_y[D];
    double h[F], f[F];
    fill(&s, 15);
    reference_h(h, &s, x, 1, 1, true);
    for (int i = 0; i < F; i++) {
        f[i] = fmax(h[i] + (double)s.b_enc[i], 0);
        want[i] = (float)f[i];
    }
    reference_decode(want_y, &s, f, 1, 1);
    for (int c = 0; c < 2; c++) {
        hooke_dict *d = open_sample(&s, cfgs[c], NULL, false, 0, NULL);
        float *y = round_trip(d, x, 2), *g = encode_dense(d, x, 2);
        for (int i = 0; i < 2 * D; i++) assert_true(isfinite(y[i]));
        assert_close(cfgs[c], g, want, 1, F, 1e-5);
        if (c == 0) assert_close(cfgs[c], y, want_y, 1, D, 1e-5); /* layer norm gives back std 0: the mean */
        mem_free(y);
        mem_free(g);
        hooke_dict_close(d);
    }
}

/* Models whose writing weights were centred: rows are centred before encoding and the mean comes back after decoding, so rows that
 * are centred already see no change. */
static void centred_models(void **state)
{
    (void)state;
    struct sample s;
    float x[3 * D], centred[3 * D], mean[3];
    fill(&s, 16);
    random_normal(x, 3 * D, 17, RANDOM_TEST, 0);
    for (int r = 0; r < 3; r++) {
        mean[r] = (x[r * D] + x[r * D + 1] + x[r * D + 2] + x[r * D + 3]) / 4;
        for (int j = 0; j < D; j++) centred[r * D + j] = x[r * D + j] - mean[r];
    }
    hooke_dict *plain = open_sample(&s, NESTED("\"architecture\": \"standard\""), NULL, false, 0, NULL);
    hooke_dict *d = open_sample(&s,
                                "{\"hook_name\": \"blocks.8.hook_resid_pre\", "
                                "\"model_from_pretrained_kwargs\": {\"center_writing_weights\": true}}",
                                NULL, false, 0, NULL);
    assert_true(hooke_dict_get_info(d)->center_input);
    float *f = encode_dense(plain, centred, 3), *g = encode_dense(d, x, 3);
    float *y = round_trip(plain, centred, 3), *z = round_trip(d, x, 3);
    for (int i = 0; i < 3 * D; i++) y[i] += mean[i / D];
    assert_close("codes", g, f, 3, F, 1e-5);
    assert_close("reconstruction", z, y, 3, D, 1e-5);
    mem_free(f);
    mem_free(g);
    mem_free(y);
    mem_free(z);
    hooke_dict_close(plain);
    hooke_dict_close(d);
}

static void old_scaling_factors_count_under_their_flag(void **state)
{
    (void)state;
    struct sample s;
    float x[2 * D], factor[F] = { 1, 2, 0.5f, 1, -1, 3 }, want[2 * D];
    fill(&s, 18);
    random_normal(x, 2 * D, 19, RANDOM_TEST, 0);
    struct small_tensor more = { "scaling_factor", F, 0, factor };
    hooke_dict *plain = open_sample(&s, NESTED("\"architecture\": \"standard\""), NULL, false, 0, NULL);
    float *f = encode_dense(plain, x, 2);
    double scaled[2 * F];
    for (int i = 0; i < 2 * F; i++) scaled[i] = (double)f[i] * (double)factor[i % F];
    reference_decode(want, &s, scaled, 2, 1);
    for (int canonical = 0; canonical < 2; canonical++) {
        hooke_dict *d = open_sample(
            &s, "{\"hook_point\": \"blocks.1.hook_mlp_out\", \"finetuning_scaling_factor\": true}", NULL,
            canonical, 1, &more);
        float *y = round_trip(d, x, 2);
        assert_close("reconstruction", y, want, 2, D, 1e-5);
        float row[D];
        OK(hooke_dict_decoder_row(d, 5, row)); /* factor 3 */
        double length = sqrt(row_dot(row, row, D));
        assert_true(fabs(length - (canonical ? 1 : 3 * row_length(&s, 5))) < 1e-5);
        mem_free(y);
        hooke_dict_close(d);
    }
    mem_free(f);
    hooke_dict_close(plain);
}

static void same_bits_for_any_number_of_threads(void **state)
{
    (void)state;
    enum { N = 300 };
    struct sample s;
    float *x = mem_alloc((size_t)N * D, sizeof *x);
    fill(&s, 20);
    random_normal(x, N * D, 21, RANDOM_TEST, 0);
    hooke_context *keep = ctx;
    float *f[2], *y[2];
    for (int i = 0; i < 2; i++) {
        hooke_context_options o = { .size = sizeof o, .n_threads = i ? 5 : 1, .dtype = "f32" };
        OK(hooke_context_open(&ctx, &o));
        hooke_dict *d = open_sample(
            &s, NESTED("\"architecture\": \"standard\", \"normalize_activations\": \"layer_norm\""), NULL,
            true, 0, NULL);
        f[i] = encode_dense(d, x, N);
        y[i] = round_trip(d, x, N);
        hooke_dict_close(d);
        hooke_context_close(ctx);
    }
    ctx = keep;
    assert_memory_equal(f[0], f[1], (size_t)N * F * sizeof *x);
    assert_memory_equal(y[0], y[1], (size_t)N * D * sizeof *x);
    for (int i = 0; i < 2; i++) {
        mem_free(f[i]);
        mem_free(y[i]);
    }
    mem_free(x);
}

static void rows_may_lie_apart(void **state)
{
    (void)state;
    struct sample s;
    float x[3 * D], wide[3 * (D + 3)], y[3 * (D + 2)];
    fill(&s, 22);
    random_normal(x, 3 * D, 23, RANDOM_TEST, 0);
    for (int i = 0; i < 3 * (D + 3); i++) wide[i] = NAN;
    for (int i = 0; i < 3 * D; i++) wide[i / D * (D + 3) + i % D] = x[i];
    for (int i = 0; i < 3 * (D + 2); i++) y[i] = -77;
    for (int subtract = 0; subtract < 2; subtract++) {
        hooke_dict *d =
            open_sample(&s,
                        subtract ? NESTED("\"architecture\": \"standard\"")
                                 : NESTED("\"architecture\": \"standard\", \"apply_b_dec_to_input\": false"),
                        NULL, false, 0, NULL);
        hooke_codes a = { 0 }, b = { 0 };
        OK(hooke_dict_encode(d, &a, x, 3, D, NULL));
        OK(hooke_dict_encode(d, &b, wide, 3, D + 3, NULL));
        assert_int_equal(a.indptr[3], b.indptr[3]);
        assert_memory_equal(a.values, b.values, (size_t)a.indptr[3] * sizeof *a.values);
        OK(hooke_dict_decode(d, y, D + 2, &a, NULL, NULL, 0));
        for (int r = 0; r < 3; r++) assert_true(y[r * (D + 2) + D] == -77 && y[r * (D + 2) + D + 1] == -77);
        OK(hooke_dict_encode(d, &a, x, 0, D, NULL)); /* no rows: empty codes, which decode to nothing */
        assert_int_equal(a.n_rows, 0);
        OK(hooke_dict_decode(d, y, D, &a, NULL, NULL, 0));
        hooke_codes_release(&a);
        hooke_codes_release(&b);
        hooke_dict_close(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orthonormal_dictionary_is_the_identity),
        cmocka_unit_test(equality_is_off),
        cmocka_unit_test(topk_with_ties_few_positives_and_a_dead_row),
        cmocka_unit_test(wide_topk_is_screened_and_exact),
        cmocka_unit_test(canonical_form),
        cmocka_unit_test(activation_scale),
        cmocka_unit_test(batch_topk_checkpoint),
        cmocka_unit_test(gated_equals_its_two_matrix_form),
        cmocka_unit_test(codes_times_rows_add_up),
        cmocka_unit_test(zero_rows_survive_normalisation),
        cmocka_unit_test(centred_models),
        cmocka_unit_test(old_scaling_factors_count_under_their_flag),
        cmocka_unit_test(same_bits_for_any_number_of_threads),
        cmocka_unit_test(rows_may_lie_apart),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
