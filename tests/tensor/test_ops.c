/* ops.h: the conformance test of a backend: dense operations. */
#include "levels.h"

#include "tensor/cpu/kernels.h"

/* ---- matmul ---- */

struct product_case {
    int64_t n, k, n_out;
    enum dtype dtype;
    bool in_first, bias, accumulate;
    const char *products;
};

static void check_matmul(struct exec *ex, const struct product_case *c)
{
    struct mat x = random_mat(c->n, c->k, 1, 1), y = marked_mat(c->n, c->n_out),
               bias = random_mat(1, c->n_out, 3, 1);
    struct mat exact = c->in_first ? random_mat(c->k, c->n_out, 2, 1) : random_mat(c->n_out, c->k, 2, 1);
    bool rounds = strcmp(c->products, "bf16") == 0;
    make_exact(&exact);
    struct mat stored = in_dtype(&exact, c->dtype);
    struct weight w = { stored, c->in_first, c->bias ? bias.data : NULL };
    for (int64_t i = 0; c->accumulate && i < c->n * c->n_out; i++)
        ((float *)y.data)[i / c->n_out * y.ld + i % c->n_out] = 2;
    assert_int_equal(ex->ops->matmul(ex, &y, &x, &w, c->accumulate), HOOKE_OK);
    for (int64_t r = 0; r < c->n; r++) {
        for (int64_t o = 0; o < c->n_out; o++) {
            double want = c->accumulate ? 2 : 0, sum_abs = want;
            if (c->bias) want += (double)get(&bias, 0, o), sum_abs += fabs((double)get(&bias, 0, o));
            for (int64_t l = 0; l < c->k; l++) {
                double a = (double)get(&x, r, l), term;
                term = (rounds ? bf16_of(a) : a) * weight_value(&exact, c->in_first, o, l);
                want += term;
                sum_abs += fabs(term);
            }
            check_near((double)get(&y, r, o), want, product_limit((double)c->k, sum_abs), "matmul",
                       exec_level(ex), r, o);
        }
    }
    check_padding(&y);
    mat_free(&x);
    mat_free(&y);
    mat_free(&bias);
    mat_free(&exact);
    mat_free(&stored);
}

/* Every weight type, layout, with and without bias and accumulation, for few rows, for many, and for a depth cut in two. */
static void check_matmuls(struct exec *ex, const char *products)
{
    static const int64_t shapes[][3] = { { 1, 1, 1 },     { 1, 37, 5 },    { 3, 64, 130 },
                                         { 7, 129, 65 },  { 15, 33, 300 }, { 16, 16, 16 },
                                         { 33, 1100, 7 }, { 40, 70, 258 }, { 32, 4700, 9 } };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (int v = 0; v < 12; v++) {
            struct product_case c = { shapes[s][0],          shapes[s][1],   shapes[s][2],
                                      (enum dtype)(v % 3),   v / 3 % 2 == 1, v / 6 == 1,
                                      (v + (int)s) % 2 == 1, products };
            check_matmul(ex, &c);
        }
    }
}

static void matmul_every_type_and_layout(void **state)
{
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        for (int bf16 = 0; bf16 < 2; bf16++) {
            struct exec ex;
            const char *products = bf16 ? "bf16" : "f32";
            if (!level_open(&ex, level, 2, products)) continue;
            check_matmuls(&ex, products);
            exec_close(&ex);
        }
    }
}

/* The library computes bf16 products on CPUs without instructions for them too, only slowly: so this path, which the level
 * avx512bf16 takes, is tested on every machine with a library. */
static void matmul_on_bf16_operands(void **state)
{
    (void)state;
    struct exec ex;
    if (!gemm_library_has_bf16()) {
        print_message("skip: this build has no matrix product library\n");
        skip();
    }
    assert_int_equal(exec_open(&ex, NULL, NULL, 2, "bf16"), HOOKE_OK);
    const struct kernels *own = ex.kernels;
    struct kernels with_bf16 = *own;
    with_bf16.gemm_bf16 = gemm_library_bf16;
    ex.kernels = &with_bf16;
    check_matmuls(&ex, "bf16");
    ex.kernels = own;
    exec_close(&ex);
}

static void matmul_of_no_rows(void **state)
{
    (void)state;
    struct exec ex;
    assert_true(level_open(&ex, 0, 1, NULL));
    float w[4] = { 1, 2, 3, 4 }, nothing;
    struct mat x = mat_f32(&nothing, 0, 2, 2), y = mat_f32(&nothing, 0, 2, 2);
    struct weight weight = { mat_f32(w, 2, 2, 2), false, NULL };
    assert_int_equal(ex.ops->matmul(&ex, &y, &x, &weight, false), HOOKE_OK);
    exec_close(&ex);
}

/* ---- rows ---- */

static const int64_t widths[] = { 1, 2, 7, 16, 33, 64, 100, 257 };
enum { N_WIDTHS = sizeof widths / sizeof *widths };

static void embeds(void **state)
{
    static const int32_t ids[] = { 4, 0, 9, 4, 3 }, pos[] = { 0, 1, 2, 0, 1 };
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        for (int i = 0; i < N_WIDTHS * 3; i++) {
            struct mat exact = random_mat(10, widths[i / 3], 1, 1),
                       positions = random_mat(3, widths[i / 3], 2, 1);
            make_exact(&exact);
            struct mat table = in_dtype(&exact, (enum dtype)(i % 3)), y = marked_mat(5, widths[i / 3]);
            const struct mat *with = i % 2 ? &positions : NULL;
            assert_int_equal(ex.ops->embed(&ex, &y, &table, ids, 3.5F, with, pos), HOOKE_OK);
            for (int64_t r = 0; r < 5; r++) {
                for (int64_t c = 0; c < widths[i / 3]; c++) {
                    double want = 3.5 * (double)get(&exact, ids[r], c),
                           p = with ? (double)get(with, pos[r], c) : 0;
                    check_near((double)get(&y, r, c), want + p, 2 * EPS * (fabs(want) + fabs(p)), "embed",
                               exec_level(&ex), r, c);
                }
            }
            check_padding(&y);
            mat_free(&exact);
            mat_free(&positions);
            mat_free(&table);
            mat_free(&y);
        }
        exec_close(&ex);
    }
}

static void check_normalize(struct exec *ex, int64_t n, const struct norm *norm, bool in_place)
{
    struct mat x = random_mat(6, n, 4, 3), y = marked_mat(6, n);
    float divisor[6];
    struct mat source = x;
    if (in_place) {
        for (int64_t r = 0; r < 6; r++)
            for (int64_t c = 0; c < n; c++) ((float *)y.data)[r * y.ld + c] = get(&x, r, c);
        source = y;
    }
    assert_int_equal(ex->ops->normalize(ex, &y, divisor, &source, norm), HOOKE_OK);
    for (int64_t r = 0; r < 6; r++) {
        double mean = 0, square = 0;
        for (int64_t c = 0; norm->kind == NORM_LAYER && c < n; c++) mean += (double)get(&x, r, c) / (double)n;
        for (int64_t c = 0; c < n; c++)
            square += ((double)get(&x, r, c) - mean) * ((double)get(&x, r, c) - mean) / (double)n;
        double d = sqrt(square + (double)norm->eps);
        check_near((double)divisor[r], d, 2 * EPS * d, "divisor", exec_level(ex), r, 0);
        for (int64_t c = 0; c < n; c++) {
            double gain = norm->gain ? (double)norm->gain[c] : 1,
                   bias = norm->bias ? (double)norm->bias[c] : 0;
            double want = ((double)get(&x, r, c) - mean) / d * gain + bias;
            double size = (fabs((double)get(&x, r, c)) + fabs(mean)) / d * fabs(gain) + fabs(bias);
            check_near((double)get(&y, r, c), want, tolerance.norm_ulp * EPS * size, "normalize",
                       exec_level(ex), r, c);
        }
    }
    check_padding(&y);
    mat_free(&x);
    mat_free(&y);
}

static void normalizes(void **state)
{
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        for (int i = 0; i < N_WIDTHS * 8; i++) {
            struct mat gain = random_mat(1, widths[i / 8], 5, 1), bias = random_mat(1, widths[i / 8], 6, 1);
            struct norm norm = { i & 1 ? NORM_LAYER : NORM_RMS, 1e-5F, i & 2 ? gain.data : NULL,
                                 i & 4 ? bias.data : NULL };
            check_normalize(&ex, widths[i / 8], &norm, i % 3 == 0);
            mat_free(&gain);
            mat_free(&bias);
        }
        exec_close(&ex);
    }
}

/* spec/models.md 2.11: vectors worked out by hand. */
static void normalizes_golden(void **state)
{
    float x[4] = { 1, 2, 3, 4 }, y[4], gain[4] = { 1, 1.5F, 0, 2 };
    struct mat in = mat_f32(x, 1, 4, 4), out = mat_f32(y, 1, 4, 4);
    struct norm rms = { NORM_RMS, 1e-6F, gain, NULL };
    static const double want[4] = { 0.3651483, 1.0954450, 0, 2.9211868 };
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 1, "f32")) continue;
        assert_int_equal(ex.ops->normalize(&ex, &out, NULL, &in, &rms), HOOKE_OK);
        for (int i = 0; i < 4; i++)
            check_near((double)y[i], want[i], 2e-7, "rms golden", exec_level(&ex), 0, i);
        exec_close(&ex);
    }
}

static void rotates(void **state)
{
    static const int heads[][3] = { { 1, 2, 1 },   { 2, 4, 1 },   { 3, 10, 5 },
                                    { 2, 64, 32 }, { 2, 70, 17 }, { 1, 256, 128 } };
    static const int32_t pos[4] = { 3, 0, 1, 3 };
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
            int n_heads = heads[i][0], d = heads[i][1], half = heads[i][2];
            struct mat x = random_mat(4, n_heads * d, 7, 1), angle = random_mat(4, half, 8, 1),
                       y = marked_mat(4, n_heads * d);
            float *cosines = mem_alloc((size_t)(4 * half), 4), *sines = mem_alloc((size_t)(4 * half), 4);
            for (int64_t a = 0; a < 4 * half; a++) {
                cosines[a] = cosf(get(&angle, a / half, a % half));
                sines[a] = sinf(get(&angle, a / half, a % half));
            }
            for (int64_t r = 0; r < 4; r++)
                memcpy((float *)y.data + r * y.ld, (float *)x.data + r * x.ld, (size_t)x.cols * 4);
            struct rope_table table = { cosines, sines, half, 4 };
            assert_int_equal(ex.ops->rope(&ex, &y, n_heads, d, pos, &table), HOOKE_OK);
            for (int64_t r = 0; r < 4; r++) {
                for (int64_t c = 0; c < x.cols; c++) {
                    int64_t e = c % d, base = c - e, j = e % half;
                    double want = (double)get(&x, r, c), size = fabs(want);
                    if (e < 2 * half) {
                        double a = (double)get(&x, r, base + j), b = (double)get(&x, r, base + j + half);
                        double co = (double)cosines[pos[r] * half + j], si = (double)sines[pos[r] * half + j];
                        want = e < half ? a * co - b * si : b * co + a * si;
                        size = fabs(a) + fabs(b);
                    }
                    check_near((double)get(&y, r, c), want, tolerance.rotate_ulp * EPS * size, "rope",
                               exec_level(&ex), r, c);
                }
            }
            check_padding(&y);
            mat_free(&x);
            mat_free(&y);
            mat_free(&angle);
            mem_free(cosines);
            mem_free(sines);
        }
        exec_close(&ex);
    }
}

static double exact_activation(double x, enum activation act)
{
    switch (act) {
    case ACT_NONE:
        return x;
    case ACT_RELU:
        return x > 0 ? x : 0;
    case ACT_GELU_TANH:
        return x / (1 + exp(-2 * 0.7978845608028653559 * (x + 0.044715 * x * x * x)));
    case ACT_GELU_ERF:
        return 0.5 * x * erfc(-x * 0.70710678118654752440);
    case ACT_SILU:
        return x / (1 + exp(-x));
    }
    return x;
}

/* The error of exp's argument is a relative error of the result: one unit for each of its magnitude. */
static double activation_limit(double x, enum activation act)
{
    double u = act == ACT_GELU_TANH ? 2 * 0.798 * fabs(x + 0.044715 * x * x * x)
               : act == ACT_SILU    ? fabs(x)
                                    : x * x;
    if (x > 0) u = 0;
    return (tolerance.activation_ulp + 4 * u) * EPS * fabs(exact_activation(x, act)) + 1e-37;
}

static void activates(void **state)
{
    enum { N = 4001 };
    (void)state;
    float *x = mem_alloc(N, 4), *y = mem_alloc(N, 4), *up = mem_alloc(N, 4);
    random_normal(up, N, 9, RANDOM_TEST, 0);
    for (int i = 0; i < N; i++) x[i] = (float)(i - N / 2) * 0.005F;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        for (int a = ACT_NONE; a <= ACT_SILU; a++) {
            struct mat in = mat_f32(x, 1, N, N), out = mat_f32(y, 1, N, N), ups = mat_f32(up, 1, N, N);
            assert_int_equal(ex.ops->activate(&ex, &out, &in, (enum activation)a), HOOKE_OK);
            for (int i = 0; i < N; i++)
                check_near((double)y[i], exact_activation((double)x[i], (enum activation)a),
                           activation_limit((double)x[i], (enum activation)a), "activate", exec_level(&ex), a,
                           i);
            assert_int_equal(ex.ops->glu(&ex, &out, &in, &ups, (enum activation)a), HOOKE_OK);
            for (int i = 0; i < N; i++)
                check_near((double)y[i], exact_activation((double)x[i], (enum activation)a) * (double)up[i],
                           (activation_limit((double)x[i], (enum activation)a) * 1.5 + 1e-37) *
                                   fabs((double)up[i]) +
                               1e-37,
                           "glu", exec_level(&ex), a, i);
        }
        exec_close(&ex);
    }
    mem_free(x);
    mem_free(y);
    mem_free(up);
}

static void activates_at_the_ends(void **state)
{
    float x[6] = { -INFINITY, INFINITY, NAN, -200, 200, 0 }, y[6];
    struct mat in = mat_f32(x, 1, 6, 6), out = mat_f32(y, 1, 6, 6);
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 1, "f32")) continue;
        for (int a = ACT_RELU; a <= ACT_SILU; a++) {
            assert_int_equal(ex.ops->activate(&ex, &out, &in, (enum activation)a), HOOKE_OK);
            assert_true(y[1] == INFINITY && isnan(y[2]) && fabsf(y[3]) < 1e-30F && y[4] == 200 && y[5] == 0);
        }
        exec_close(&ex);
    }
}

static double ulp_of(double x)
{
    int e;
    frexp(fabs(x) < 0x1p-126 ? 0x1p-126 : x, &e);
    return ldexp(1, e - 24);
}

/* tanh and exp in units of the last place, over their whole range. */
static void tanh_and_exp_to_the_last_places(void **state)
{
    enum { N = 200000 };
    float *x = mem_alloc(N, 4);
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 1, "f32")) continue;
        double worst_tanh = 0, worst_exp = 0;
        for (int i = 0; i < N; i++) x[i] = (float)i * (i & 1 ? -1e-4F : 1e-4F) / (float)(i % 7 + 1);
        float *y = mem_alloc(N, 4);
        memcpy(y, x, N * sizeof *x);
        ex.kernels->softcap(y, 1, 1, N);
        for (int i = 0; i < N; i++) {
            double want = tanh((double)x[i]), off = fabs((double)y[i] - want) / ulp_of(want);
            worst_tanh = off > worst_tanh ? off : worst_tanh;
        }
        for (int i = 0; i < N; i++) y[i] = x[i] = (float)i * -0.0005F; /* 0 .. -100: into the subnormals */
        double sum = ex.kernels->exp_sum(y, 0, N), exact = 0;
        for (int i = 0; i < N; i++) {
            double want = exp((double)x[i]), off = fabs((double)y[i] - want) / ulp_of(want);
            worst_exp = off > worst_exp ? off : worst_exp;
            exact += (double)y[i];
        }
        print_message("%s: tanh within %.2f, exp within %.2f units of the last place\n", exec_level(&ex),
                      worst_tanh, worst_exp);
        assert_true(worst_tanh <= tolerance.tanh_ulp);
        assert_true(worst_exp <= tolerance.exp_ulp);
        assert_true(fabs(sum - exact) <= 1e-6 * exact);
        mem_free(y);
        exec_close(&ex);
    }
    mem_free(x);
}

static void caps_and_adds(void **state)
{
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        for (int i = 0; i < N_WIDTHS; i++) {
            struct mat x = random_mat(3, widths[i], 10, 60), y = marked_mat(3, widths[i]);
            for (int64_t j = 0; j < 3 * widths[i]; j++)
                ((float *)y.data)[j / widths[i] * y.ld + j % widths[i]] = 1;
            assert_int_equal(ex.ops->add(&ex, &y, &x), HOOKE_OK);
            for (int64_t r = 0; r < 3; r++)
                for (int64_t c = 0; c < widths[i]; c++) assert_true(get(&y, r, c) == 1 + get(&x, r, c));
            struct mat z = marked_mat(3, widths[i]);
            assert_int_equal(ex.ops->copy(&ex, &z, &y), HOOKE_OK);
            for (int64_t r = 0; r < 3; r++)
                for (int64_t c = 0; c < widths[i]; c++) assert_true(get(&z, r, c) == get(&y, r, c));
            check_padding(&z);
            mat_free(&z);
            assert_int_equal(ex.ops->softcap(&ex, &y, 30), HOOKE_OK);
            for (int64_t r = 0; r < 3; r++) {
                for (int64_t c = 0; c < widths[i]; c++) {
                    double want = 30 * tanh((double)(1 + get(&x, r, c)) / 30);
                    check_near((double)get(&y, r, c), want, 8 * EPS * fabs(want), "softcap", exec_level(&ex),
                               r, c);
                }
            }
            check_padding(&y);
            mat_free(&x);
            mat_free(&y);
        }
        exec_close(&ex);
    }
}

/* ---- attention ---- */

/* scores or pattern of one query, in double: s[n_keys]. */
static void exact_scores(double *s, const struct attention *a, const struct mat *q, const struct mat *k,
                         int64_t head, int64_t i)
{
    int64_t kv = head / (a->n_heads / a->n_kv_heads), pos = a->first_pos + i;
    for (int64_t j = 0; j < a->n_keys; j++) {
        double dot = 0;
        for (int64_t d = 0; d < a->d_head; d++)
            dot += (double)get(q, i, head * a->d_head + d) * (double)get(k, j, kv * a->d_head + d);
        dot *= (double)a->scale;
        if (a->softcap > 0) dot = (double)a->softcap * tanh(dot / (double)a->softcap);
        s[j] = j <= pos && (a->window == 0 || j > pos - a->window) ? dot : -(double)INFINITY;
    }
}

static void softmax(double *s, int64_t n)
{
    double m = -(double)INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++) m = fmax(m, s[j]);
    for (int64_t j = 0; j < n; j++) sum += s[j] = m == -(double)INFINITY ? 0 : exp(s[j] - m);
    for (int64_t j = 0; j < n; j++) s[j] = sum > 0 ? s[j] / sum : 0;
}

static void check_attention(struct exec *ex, const struct attention *a)
{
    struct mat q = random_mat(a->n_queries, (int64_t)a->n_heads * a->d_head, 11, 1);
    struct mat k = random_mat(a->n_keys, (int64_t)a->n_kv_heads * a->d_head, 12, 1);
    struct mat v = random_mat(a->n_keys, (int64_t)a->n_kv_heads * a->d_head, 13, 1);
    struct mat z = marked_mat(a->n_queries, q.cols), z2 = marked_mat(a->n_queries, q.cols);
    struct mat pattern = marked_mat(a->n_heads * a->n_queries, a->n_keys);
    double *s = mem_alloc((size_t)a->n_keys, sizeof *s);
    assert_int_equal(ex->ops->attention(ex, &z, &q, &k, &v, a), HOOKE_OK);
    assert_int_equal(ex->ops->attention_scores(ex, &pattern, &q, &k, a), HOOKE_OK);
    for (int64_t u = 0; u < pattern.rows; u++) {
        exact_scores(s, a, &q, &k, u / a->n_queries, u % a->n_queries);
        for (int64_t j = 0; j < a->n_keys; j++)
            check_near((double)get(&pattern, u, j), s[j], 2e-5, "scores", exec_level(ex), u, j);
    }
    assert_int_equal(ex->ops->softmax_rows(ex, &pattern), HOOKE_OK);
    assert_int_equal(ex->ops->attention_mix(ex, &z2, &pattern, &v, a), HOOKE_OK);
    for (int64_t u = 0; u < pattern.rows; u++) {
        int64_t head = u / a->n_queries, i = u % a->n_queries, kv = head / (a->n_heads / a->n_kv_heads);
        exact_scores(s, a, &q, &k, head, i);
        softmax(s, a->n_keys);
        for (int64_t j = 0; j < a->n_keys; j++)
            check_near((double)get(&pattern, u, j), s[j], 2e-5 * s[j], "pattern", exec_level(ex), u, j);
        for (int64_t d = 0; d < a->d_head; d++) {
            double want = 0;
            for (int64_t j = 0; j < a->n_keys; j++) want += s[j] * (double)get(&v, j, kv * a->d_head + d);
            check_near((double)get(&z, i, head * a->d_head + d), want, 2e-5, "attention", exec_level(ex), u,
                       d);
            check_near((double)get(&z2, i, head * a->d_head + d), want, 2e-5, "mix", exec_level(ex), u, d);
        }
    }
    check_padding(&z);
    check_padding(&z2);
    check_padding(&pattern);
    mem_free(s);
    struct mat *all[] = { &q, &k, &v, &z, &z2, &pattern };
    for (int i = 0; i < 6; i++) mat_free(all[i]);
}

static void attends(void **state)
{
    static const struct attention cases[] = {
        { 1, 1, 1, 1.0F, 0, 0, 1, 1, 0 },         { 2, 1, 8, 0.35F, 0, 0, 5, 5, 0 },
        { 4, 2, 16, 0.25F, 50, 4, 20, 20, 0 },    { 4, 4, 24, 0.2F, 2, 0, 70, 70, 0 },
        { 6, 2, 33, 0.17F, 0, 100, 130, 130, 0 }, { 2, 2, 64, 0.125F, 30, 0, 1, 600, 599 },
        { 8, 1, 16, 0.25F, 0, 17, 3, 50, 47 },    { 2, 1, 256, 0.0625F, 50, 520, 66, 1100, 1034 },
        { 3, 3, 12, 0.3F, 0, 0, 9, 530, 521 },    { 2, 1, 8, 0.3F, 5, 1, 12, 12, 0 },
        { 2, 1, 4, 0.5F, 0, 0, 520, 520, 0 },     { 1, 1, 4, 0.5F, 20, 700, 1100, 1100, 0 },
    };
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_attention(&ex, &cases[i]);
        exec_close(&ex);
    }
}

static void softmax_of_nothing_is_zero(void **state)
{
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        float x[20];
        if (!level_open(&ex, level, 1, "f32")) continue;
        for (int i = 0; i < 20; i++) x[i] = -INFINITY;
        struct mat m = mat_f32(x, 1, 20, 20);
        assert_int_equal(ex.ops->softmax_rows(&ex, &m), HOOKE_OK);
        for (int i = 0; i < 20; i++) assert_true(x[i] == 0);
        exec_close(&ex);
    }
}

/* ---- conversions and the exec ---- */

static void widens_every_half(void **state)
{
    (void)state;
    struct exec ref;
    assert_true(level_open(&ref, 0, 1, "f32"));
    for (int level = 1; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 1, "f32")) continue;
        for (uint32_t t = DT_F16; t <= DT_BF16; t++) {
            for (uint32_t h = 0; h < 65536; h += 37) {
                uint16_t in[37];
                float a[37], b[37];
                for (uint32_t i = 0; i < 37; i++) in[i] = (uint16_t)(h + i);
                ex.kernels->widen(a, in, (enum dtype)t, 37);
                ref.kernels->widen(b, in, (enum dtype)t, 37);
                for (int i = 0; i < 37; i++)
                    assert_true((isnan(a[i]) && isnan(b[i])) || memcmp(&a[i], &b[i], 4) == 0);
            }
        }
        float x[40], y[40];
        uint16_t bits[40];
        random_normal(x, 40, 14, RANDOM_TEST, 0);
        x[0] = NAN, x[1] = INFINITY, x[2] = 3.4e38F, x[3] = 0x1.01p0F, x[4] = 0x1.03p0F, x[5] = -0.0F,
        x[39] = NAN;
        ex.kernels->round_bf16(y, x, 40);
        ex.kernels->to_bf16(bits, x, 40);
        for (int i = 0; i < 40; i++) {
            float back;
            uint32_t u = (uint32_t)bits[i] << 16;
            memcpy(&back, &u, 4);
            if (isnan(x[i]))
                assert_true(isnan(y[i]) && isnan(back));
            else
                assert_true(y[i] == (float)bf16_of((double)x[i]) && back == y[i]);
        }
        exec_close(&ex);
    }
    exec_close(&ref);
}

static void refuses_what_is_unknown(void **state)
{
    struct exec ex;
    (void)state;
    assert_int_equal(exec_open(&ex, NULL, "sse9", 1, NULL), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "sse9"));
    assert_int_equal(exec_open(&ex, "cuda", NULL, 1, NULL), HOOKE_E_UNSUPPORTED);
    assert_int_equal(exec_open(&ex, NULL, NULL, 1, "f64"), HOOKE_E_UNSUPPORTED);
    assert_int_equal(exec_open(&ex, NULL, NULL, -1, NULL), HOOKE_E_ARGUMENT);
    exec_close(&ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matmul_every_type_and_layout),
        cmocka_unit_test(matmul_on_bf16_operands),
        cmocka_unit_test(matmul_of_no_rows),
        cmocka_unit_test(embeds),
        cmocka_unit_test(normalizes),
        cmocka_unit_test(normalizes_golden),
        cmocka_unit_test(rotates),
        cmocka_unit_test(activates),
        cmocka_unit_test(activates_at_the_ends),
        cmocka_unit_test(tanh_and_exp_to_the_last_places),
        cmocka_unit_test(caps_and_adds),
        cmocka_unit_test(attends),
        cmocka_unit_test(softmax_of_nothing_is_zero),
        cmocka_unit_test(widens_every_half),
        cmocka_unit_test(refuses_what_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
