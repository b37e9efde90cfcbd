/* simd_body.h: the inner loops, written once in the words of simd_avx2.h or simd_avx512.h and compiled by kernels_avx2.c and
 * kernels_avx512.c. Everything is static: no code built for one CPU can be linked in place of another's.
 *
 * Loops run over whole vectors, then once over the rest with partial loads and stores; nothing is read or written past n. */

/* ---- elementary functions -------------------------------------------------------------------------------------------
 * Coefficients are near-minimax fits (Chebyshev basis, iteratively reweighted least squares against 40 digits); tests/tensor/
 * test_ops.c measures the whole functions against libm in double. */

/* e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln 2 / 2; e^r = 1 + r + r^2 P(r), relative error of the fit 0.06 * 2^-24.
 * Below -104 zero, above 88.73 infinity. */
INLINE vec v_exp(vec x)
{
    x = v_min(v_set(89.0F), v_max(v_set(-104.0F), x));
    vec n = v_round(v_mul(x, v_set(1.44269504F)));
    vec r = v_fma(n, v_set(-0.693359375F), x); /* ln 2 in two parts; the first has 9 bits, so n times it is exact */
    r = v_fma(n, v_set(2.12194440e-4F), r);
    vec p = v_fma(v_set(0.0013951711F), r, v_set(0.00836959902F));
    p = v_fma(p, r, v_set(0.0416661874F));
    p = v_fma(p, r, v_set(0.166665129F));
    p = v_fma(p, r, v_set(0.50000001F));
    p = v_add(v_fma(p, v_mul(r, r), r), v_set(1));
    return v_times_power(p, n);
}

/* |x| < 0.6: x + x^3 P(x^2), error of the fit 0.05 * 2^-24. Else 1 - 2 / (e^2|x| + 1), where the subtraction loses nothing. */
INLINE vec v_tanh(vec x)
{
    vec a = v_abs(x), z = v_mul(x, x);
    vec p = v_fma(v_set(-0.00590583695F), z, v_set(0.0208053562F));
    p = v_fma(p, z, v_set(-0.0537866746F));
    p = v_fma(p, z, v_set(0.133319581F));
    p = v_fma(p, z, v_set(-0.333332993F));
    vec small = v_fma(v_mul(p, z), x, x);
    vec large = v_sub(v_set(1), v_div(v_set(2), v_add(v_exp(v_add(a, a)), v_set(1))));
    return v_choose(v_greater(a, v_set(0.6F)), v_copysign(large, x), small);
}

/* x Phi(x) with q = erfc(|x| / sqrt 2) / 2 = e^(-x^2/2) P(u) / 2, u = 1 / (1 + 0.4 |x| / sqrt 2): x q below 0, x - x q above. Relative
 * error of the fit 0.5 * 2^-24 up to |x| = 14, where q is zero in float32. */
INLINE vec v_gelu_erf(vec x)
{
    vec a = v_abs(x), u = v_div(v_set(1), v_fma(a, v_set(0.282842712F), v_set(1)));
    vec p = v_fma(v_set(0.0286962199F), u, v_set(-0.0747513763F));
    p = v_fma(p, u, v_set(-0.0636810347F));
    p = v_fma(p, u, v_set(0.275781705F));
    p = v_fma(p, u, v_set(-0.0685617192F));
    p = v_fma(p, u, v_set(0.2686351F));
    p = v_fma(p, u, v_set(0.177417159F));
    p = v_fma(p, u, v_set(0.231354976F));
    p = v_fma(p, u, v_set(0.225082596F));
    p = v_fma(p, u, v_set(2.6404258e-05F));
    vec q = v_mul(v_mul(p, v_set(0.5F)), v_exp(v_mul(v_mul(x, v_set(-0.5F)), x)));
    return v_mul(x, v_choose(v_greater(x, v_set(0)), v_sub(v_set(1), q), q));
}

/* x / (1 + e^-u) */
INLINE vec v_times_sigmoid(vec x, vec u)
{
    return v_div(x, v_add(v_set(1), v_exp(v_sub(v_set(0), u))));
}

/* As in kernels_ref.c: 0.5 x (1 + tanh w) = x / (1 + e^-2w) with 2w = sqrt(8 / pi) (x + 0.044715 x^3). */
INLINE vec v_gelu_tanh(vec x)
{
    vec w = v_mul(x, v_fma(v_mul(x, x), v_set(1.59576912F * 0.044715F), v_set(1.59576912F)));
    return v_times_sigmoid(x, w);
}

INLINE vec v_activate(vec x, enum activation act)
{
    switch (act) {
    case ACT_NONE: return x;
    case ACT_RELU: return v_max(v_set(0), x); /* NaN stays NaN */
    case ACT_GELU_TANH: return v_gelu_tanh(x);
    case ACT_GELU_ERF: return v_gelu_erf(x);
    case ACT_SILU: return v_times_sigmoid(x, x);
    }
    return x;
}

/* ---- elementwise ---- */

static void add(float *y, const float *x, int64_t n)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store(y + i, v_add(v_load(y + i), v_load(x + i)));
    if (i < n) v_store_n(y + i, v_add(v_load_n(y + i, n - i), v_load_n(x + i, n - i)), n - i);
}

static void scale(float *y, const float *x, float s, int64_t n)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store(y + i, v_mul(v_load(x + i), v_set(s)));
    if (i < n) v_store_n(y + i, v_mul(v_load_n(x + i, n - i), v_set(s)), n - i);
}

static double sum(const float *x, int64_t n)
{
    half low = h_zero(), high = h_zero();
    int64_t i = 0;
    for (; i < n; i += WIDTH) {
        vec v = i + WIDTH <= n ? v_load(x + i) : v_load_n(x + i, n - i);
        low = h_add(low, v_low(v));
        high = h_add(high, v_high(v));
    }
    return h_sum(h_add(low, high));
}

static double sum_squares(const float *x, double mean, int64_t n)
{
    half low = h_zero(), high = h_zero(), m = h_set(mean);
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        vec v = v_load(x + i);
        half a = h_sub(v_low(v), m), b = h_sub(v_high(v), m);
        low = h_fma(a, a, low);
        high = h_fma(b, b, high);
    }
    double s = h_sum(h_add(low, high));
    for (; i < n; i++) s += ((double)x[i] - mean) * ((double)x[i] - mean);
    return s;
}

INLINE vec affine_one(vec x, vec mean, vec r, const float *gain, const float *bias, int64_t i, int64_t n)
{
    vec y = v_mul(v_sub(x, mean), r);
    if (gain) y = v_mul(y, n == WIDTH ? v_load(gain + i) : v_load_n(gain + i, n));
    if (bias) y = v_add(y, n == WIDTH ? v_load(bias + i) : v_load_n(bias + i, n));
    return y;
}

static void affine(float *y, const float *x, float mean, float r, const float *gain, const float *bias, int64_t n)
{
    vec m = v_set(mean), s = v_set(r);
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store(y + i, affine_one(v_load(x + i), m, s, gain, bias, i, WIDTH));
    if (i < n) v_store_n(y + i, affine_one(v_load_n(x + i, n - i), m, s, gain, bias, i, n - i), n - i);
}

static void rotate(float *x, const float *cos, const float *sin, int half_dims)
{
    float *low = x, *high = x + half_dims;
    for (int64_t j = 0; j < half_dims; j += WIDTH) {
        int64_t n = half_dims - j;
        if (n >= WIDTH) {
            vec a = v_load(low + j), b = v_load(high + j), c = v_load(cos + j), s = v_load(sin + j);
            v_store(low + j, v_sub(v_mul(a, c), v_mul(b, s)));
            v_store(high + j, v_add(v_mul(b, c), v_mul(a, s)));
        } else {
            vec a = v_load_n(low + j, n), b = v_load_n(high + j, n), c = v_load_n(cos + j, n), s = v_load_n(sin + j, n);
            v_store_n(low + j, v_sub(v_mul(a, c), v_mul(b, s)), n);
            v_store_n(high + j, v_add(v_mul(b, c), v_mul(a, s)), n);
        }
    }
}

INLINE void activate_as(float *y, const float *x, int64_t n, enum activation act)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store(y + i, v_activate(v_load(x + i), act));
    if (i < n) v_store_n(y + i, v_activate(v_load_n(x + i, n - i), act), n - i);
}

static void activate(float *y, const float *x, int64_t n, enum activation act)
{
    switch (act) {
    case ACT_NONE: activate_as(y, x, n, ACT_NONE); break;
    case ACT_RELU: activate_as(y, x, n, ACT_RELU); break;
    case ACT_GELU_TANH: activate_as(y, x, n, ACT_GELU_TANH); break;
    case ACT_GELU_ERF: activate_as(y, x, n, ACT_GELU_ERF); break;
    case ACT_SILU: activate_as(y, x, n, ACT_SILU); break;
    }
}

INLINE void glu_as(float *y, const float *gate, const float *up, int64_t n, enum activation act)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store(y + i, v_mul(v_activate(v_load(gate + i), act), v_load(up + i)));
    if (i < n) v_store_n(y + i, v_mul(v_activate(v_load_n(gate + i, n - i), act), v_load_n(up + i, n - i)), n - i);
}

static void glu(float *y, const float *gate, const float *up, int64_t n, enum activation act)
{
    switch (act) {
    case ACT_NONE: glu_as(y, gate, up, n, ACT_NONE); break;
    case ACT_RELU: glu_as(y, gate, up, n, ACT_RELU); break;
    case ACT_GELU_TANH: glu_as(y, gate, up, n, ACT_GELU_TANH); break;
    case ACT_GELU_ERF: glu_as(y, gate, up, n, ACT_GELU_ERF); break;
    case ACT_SILU: glu_as(y, gate, up, n, ACT_SILU); break;
    }
}

static void softcap(float *x, float s, float cap, int64_t n)
{
    if (!(cap > 0)) {
        scale(x, x, s, n);
        return;
    }
    vec in = v_set(s / cap), out = v_set(cap);
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store(x + i, v_mul(out, v_tanh(v_mul(in, v_load(x + i)))));
    if (i < n) v_store_n(x + i, v_mul(out, v_tanh(v_mul(in, v_load_n(x + i, n - i)))), n - i);
}

static float max(const float *x, int64_t n)
{
    vec m = v_set(-__builtin_inff());
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) m = v_max(v_load(x + i), m);
    float best = v_largest(m);
    for (; i < n; i++) best = x[i] > best ? x[i] : best;
    return best;
}

static double exp_sum(float *x, float m, int64_t n)
{
    half low = h_zero(), high = h_zero();
    vec shift = v_set(m);
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        vec e = v_exp(v_sub(v_load(x + i), shift));
        v_store(x + i, e);
        low = h_add(low, v_low(e));
        high = h_add(high, v_high(e));
    }
    double s = h_sum(h_add(low, high));
    if (i < n) {
        v_store_n(x + i, v_exp(v_sub(v_load_n(x + i, n - i), shift)), n - i);
        for (; i < n; i++) s += (double)x[i];
    }
    return s;
}

INLINE void widen_as(float *out, const void *in, enum dtype dtype, int64_t n)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store(out + i, v_weights(in, i, dtype));
    if (i < n) v_store_n(out + i, v_weights_n(in, i, dtype, n - i), n - i);
}

static void widen(float *out, const void *in, enum dtype dtype, int64_t n)
{
    if (dtype == DT_F32) memcpy(out, in, (size_t)n * sizeof *out);
    else if (dtype == DT_BF16) widen_as(out, in, DT_BF16, n);
    else widen_as(out, in, DT_F16, n);
}

static void round_bf16(float *out, const float *in, int64_t n)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store(out + i, v_round_bf16(v_load(in + i)));
    if (i < n) v_store_n(out + i, v_round_bf16(v_load_n(in + i, n - i)), n - i);
}

static void to_bf16(uint16_t *out, const float *in, int64_t n)
{
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) v_store_bf16(out + i, v_load(in + i));
    if (i < n) {
        uint16_t rest[WIDTH];
        v_store_bf16(rest, v_load_n(in + i, n - i));
        memcpy(out + i, rest, (size_t)(n - i) * sizeof *out);
    }
}

/* ---- products for a few rows ---- */

INLINE const char *row_at(const struct lying *w, int64_t r, enum dtype dtype)
{
    return (const char *)w->data + (size_t)(r * w->ld) * (dtype == DT_F32 ? 4 : 2);
}

/* n_x rows of x times n_w rows of w, both small constants: an accumulator each, along k. */
INLINE void dots_block(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w, int64_t j,
                       int n_w, int64_t k, bool accumulate, enum dtype dtype)
{
    vec s[4][8];
    const char *rows[8];
    UNROLL for (int b = 0; b < n_w; b++) rows[b] = row_at(w, j + b, dtype);
    UNROLL for (int a = 0; a < n_x; a++)
        UNROLL for (int b = 0; b < n_w; b++) s[a][b] = v_set(0);
    int64_t l = 0;
    for (; l + WIDTH <= k; l += WIDTH) {
        vec v[8];
        UNROLL for (int b = 0; b < n_w; b++) v[b] = v_weights(rows[b], l, dtype);
        UNROLL for (int a = 0; a < n_x; a++) {
            vec u = v_load(x + a * ld_x + l);
            UNROLL for (int b = 0; b < n_w; b++) s[a][b] = v_fma(u, v[b], s[a][b]);
        }
    }
    if (l < k) {
        UNROLL for (int b = 0; b < n_w; b++) {
            vec v = v_weights_n(rows[b], l, dtype, k - l);
            UNROLL for (int a = 0; a < n_x; a++) s[a][b] = v_fma(v_load_n(x + a * ld_x + l, k - l), v, s[a][b]);
        }
    }
    UNROLL for (int a = 0; a < n_x; a++) {
        UNROLL for (int b = 0; b < n_w; b++) {
            float *to = y + a * ld_y + j + b;
            *to = accumulate ? *to + v_sum(s[a][b]) : v_sum(s[a][b]);
        }
    }
}

/* n_w rows of w with all rows of x, those in fours. */
INLINE void dots_group(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w, int64_t j,
                       int n_w, int64_t k, bool accumulate, enum dtype dtype)
{
    for (; n_x >= 4; n_x -= 4, y += 4 * ld_y, x += 4 * ld_x) dots_block(y, ld_y, x, ld_x, 4, w, j, n_w, k, accumulate, dtype);
    if (n_x == 3) dots_block(y, ld_y, x, ld_x, 3, w, j, n_w, k, accumulate, dtype);
    if (n_x == 2) dots_block(y, ld_y, x, ld_x, 2, w, j, n_w, k, accumulate, dtype);
    if (n_x == 1) dots_block(y, ld_y, x, ld_x, 1, w, j, n_w, k, accumulate, dtype);
}

/* Weight rows in eights for one row of x (as many streams from memory), in fours for more. */
INLINE void dots_rows(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w, int64_t n,
                      int64_t k, bool accumulate, enum dtype dtype)
{
    int64_t j = 0;
    for (; n_x == 1 && j + 8 <= n; j += 8) dots_block(y, ld_y, x, ld_x, 1, w, j, 8, k, accumulate, dtype);
    for (; j + 4 <= n; j += 4) dots_group(y, ld_y, x, ld_x, n_x, w, j, 4, k, accumulate, dtype);
    for (; j < n; j++) dots_group(y, ld_y, x, ld_x, n_x, w, j, 1, k, accumulate, dtype);
}

static void dots(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w, int64_t n, int64_t k,
                 bool accumulate)
{
    if (w->dtype == DT_F32) dots_rows(y, ld_y, x, ld_x, n_x, w, n, k, accumulate, DT_F32);
    else if (w->dtype == DT_BF16) dots_rows(y, ld_y, x, ld_x, n_x, w, n, k, accumulate, DT_BF16);
    else dots_rows(y, ld_y, x, ld_x, n_x, w, n, k, accumulate, DT_F16);
}

/* y[i, :] += x[i, l..l + depth) times depth rows of w, depth a small constant; y stays in the cache, w streams. The rows after are
 * asked for early: they begin in other pages, where the processor's own prefetch does not follow. */
INLINE void mixes_block(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w, int64_t l,
                        int depth, int64_t n, enum dtype dtype)
{
    const char *rows[4];
    vec v[4];
    int64_t c = 0, bytes = dtype == DT_F32 ? 4 : 2;
    UNROLL for (int b = 0; b < depth; b++) rows[b] = row_at(w, l + b, dtype);
    for (; c + WIDTH <= n; c += WIDTH) {
        UNROLL for (int b = 0; b < depth; b++) v[b] = v_weights(rows[b], c, dtype);
        if (depth == 4)
            UNROLL for (int b = 0; b < depth; b++) __builtin_prefetch(rows[b] + (4 * w->ld + c) * bytes);
        for (int i = 0; i < n_x; i++) {
            vec s = v_load(y + i * ld_y + c);
            UNROLL for (int b = 0; b < depth; b++) s = v_fma(v_set(x[i * ld_x + l + b]), v[b], s);
            v_store(y + i * ld_y + c, s);
        }
    }
    if (c == n) return;
    UNROLL for (int b = 0; b < depth; b++) v[b] = v_weights_n(rows[b], c, dtype, n - c);
    for (int i = 0; i < n_x; i++) {
        vec s = v_load_n(y + i * ld_y + c, n - c);
        UNROLL for (int b = 0; b < depth; b++) s = v_fma(v_set(x[i * ld_x + l + b]), v[b], s);
        v_store_n(y + i * ld_y + c, s, n - c);
    }
}

INLINE void mixes_thin(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w, int64_t n,
                       int64_t k, enum dtype dtype)
{
    int64_t l = 0;
    for (; l + 4 <= k; l += 4) mixes_block(y, ld_y, x, ld_x, n_x, w, l, 4, n, dtype);
    for (; l < k; l++) mixes_block(y, ld_y, x, ld_x, n_x, w, l, 1, n, dtype);
}

/* More rows: a panel of weights is converted once, then sums for n_x rows (a small constant) and two vectors of columns run
 * through it in registers. The order of sums is that of mixes_block(). */
enum {
    PANEL_DEPTH = 32,
    PANEL_COLUMNS = 512,
    PANEL_AHEAD = 8,
    STRIP = PANEL_DEPTH * 2 * WIDTH + 16, /* floats of two vectors of columns; the 16 keep strips out of each other's cache sets */
};

INLINE void mixes_panel(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x,
                        const float *panel /* strips [n_l, 2 * WIDTH] */, int64_t n_l, int64_t n)
{
    for (int64_t c = 0; c < n; c += 2 * WIDTH, panel += STRIP) {
        vec s[8][2];
        UNROLL for (int i = 0; i < n_x; i++) {
            s[i][0] = v_load(y + i * ld_y + c);
            s[i][1] = v_load(y + i * ld_y + c + WIDTH);
        }
        for (int64_t l = 0; l < n_l; l++) {
            vec u = v_load(panel + l * 2 * WIDTH), v = v_load(panel + l * 2 * WIDTH + WIDTH);
            UNROLL for (int i = 0; i < n_x; i++) {
                vec a = v_set(x[i * ld_x + l]);
                s[i][0] = v_fma(a, u, s[i][0]);
                s[i][1] = v_fma(a, v, s[i][1]);
            }
        }
        UNROLL for (int i = 0; i < n_x; i++) {
            v_store(y + i * ld_y + c, s[i][0]);
            v_store(y + i * ld_y + c + WIDTH, s[i][1]);
        }
    }
}

INLINE void convert_panel(float *panel, const struct lying *w, int64_t l0, int64_t n_l, int64_t c0, int64_t n,
                          enum dtype dtype)
{
    int64_t bytes = dtype == DT_F32 ? 4 : 2;
    for (int64_t l = 0; l < n_l; l++) {
        const char *row = row_at(w, l0 + l, dtype) + c0 * bytes;
        float *to = panel + l * 2 * WIDTH;
        for (int64_t c = 0; c < n; c += 2 * WIDTH, to += STRIP) {
            __builtin_prefetch(row + (PANEL_AHEAD * w->ld + c) * bytes);
            v_store(to, v_weights(row, c, dtype));
            v_store(to + WIDTH, v_weights(row, c + WIDTH, dtype));
        }
    }
}

INLINE void mixes_thick(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w, int64_t n,
                        int64_t k, enum dtype dtype)
{
    float panel[PANEL_COLUMNS / (2 * WIDTH) * STRIP];
    for (int64_t c = 0; c < n; c += PANEL_COLUMNS) {
        int64_t n_c = n - c < PANEL_COLUMNS ? n - c : PANEL_COLUMNS;
        for (int64_t l = 0; l < k; l += PANEL_DEPTH) {
            int64_t n_l = k - l < PANEL_DEPTH ? k - l : PANEL_DEPTH;
            int i = 0;
            convert_panel(panel, w, l, n_l, c, n_c, dtype);
            for (; i + 8 <= n_x; i += 8) mixes_panel(y + i * ld_y + c, ld_y, x + i * ld_x + l, ld_x, 8, panel, n_l, n_c);
            for (; i + 4 <= n_x; i += 4) mixes_panel(y + i * ld_y + c, ld_y, x + i * ld_x + l, ld_x, 4, panel, n_l, n_c);
            for (; i < n_x; i++) mixes_panel(y + i * ld_y + c, ld_y, x + i * ld_x + l, ld_x, 1, panel, n_l, n_c);
        }
    }
}

INLINE void mixes_as(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w, int64_t n,
                     int64_t k, enum dtype dtype)
{
    int64_t whole = n_x < 4 ? 0 : n / (2 * WIDTH) * (2 * WIDTH);
    struct lying rest = { row_at(w, 0, dtype) + whole * (dtype == DT_F32 ? 4 : 2), dtype, w->ld };
    if (whole > 0) mixes_thick(y, ld_y, x, ld_x, n_x, w, whole, k, dtype);
    if (whole < n) mixes_thin(y + whole, ld_y, x, ld_x, n_x, &rest, n - whole, k, dtype);
}

static void mixes(float *y, int64_t ld_y, const float *x, int64_t ld_x, int n_x, const struct lying *w, int64_t n, int64_t k,
                  bool accumulate)
{
    for (int i = 0; i < n_x && !accumulate; i++) memset(y + i * ld_y, 0, (size_t)n * sizeof *y);
    if (w->dtype == DT_F32) mixes_as(y, ld_y, x, ld_x, n_x, w, n, k, DT_F32);
    else if (w->dtype == DT_BF16) mixes_as(y, ld_y, x, ld_x, n_x, w, n, k, DT_BF16);
    else mixes_as(y, ld_y, x, ld_x, n_x, w, n, k, DT_F16);
}

/* y[n] += depth rows of w, each times its value; depth a small constant. */
INLINE void gather_block(float *y, const int32_t *index, const float *value, int depth, const struct lying *w, int64_t n,
                         enum dtype dtype)
{
    const char *rows[8];
    int64_t c = 0;
    UNROLL for (int b = 0; b < depth; b++) rows[b] = row_at(w, index[b], dtype);
    for (; c + WIDTH <= n; c += WIDTH) {
        vec s = v_load(y + c);
        UNROLL for (int b = 0; b < depth; b++) s = v_fma(v_set(value[b]), v_weights(rows[b], c, dtype), s);
        v_store(y + c, s);
    }
    if (c == n) return;
    vec s = v_load_n(y + c, n - c);
    UNROLL for (int b = 0; b < depth; b++) s = v_fma(v_set(value[b]), v_weights_n(rows[b], c, dtype, n - c), s);
    v_store_n(y + c, s, n - c);
}

INLINE void gather_as(float *y, const int32_t *index, const float *value, int64_t n_codes, const struct lying *w, int64_t n,
                      enum dtype dtype)
{
    int64_t c = 0;
    for (; c + 8 <= n_codes; c += 8) gather_block(y, index + c, value + c, 8, w, n, dtype);
    for (; c < n_codes; c++) gather_block(y, index + c, value + c, 1, w, n, dtype);
}

static void gather(float *y, const int32_t *index, const float *value, int64_t n_codes, const struct lying *w, int64_t n)
{
    if (w->dtype == DT_F32) gather_as(y, index, value, n_codes, w, n, DT_F32);
    else if (w->dtype == DT_BF16) gather_as(y, index, value, n_codes, w, n, DT_BF16);
    else gather_as(y, index, value, n_codes, w, n, DT_F16);
}

/* ---- selection ---- */

static int64_t select_threshold(int32_t *index, float *value, const float *h, const float *bias, const float *threshold,
                                int32_t first, int64_t n)
{
    const vec zero = v_set(0);
    int64_t i = 0, got = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        vec v = bias ? v_add(v_load(h + i), v_load(bias + i)) : v_load(h + i);
        lanes on = v_greater(v, threshold ? v_max(v_load(threshold + i), zero) : zero);
        if (lanes_bits(on)) got += v_pack(index + got, value + got, on, v, first + (int32_t)i);
    }
    for (; i < n; i++) {
        float v = bias ? h[i] + bias[i] : h[i], t = threshold && threshold[i] > 0 ? threshold[i] : 0;
        if (!(v > t)) continue;
        index[got] = first + (int32_t)i;
        value[got++] = v;
    }
    return got;
}

static int64_t select_gated(int32_t *index, float *value, const float *h, const float *gate_bias, const float *mag_scale,
                            const float *mag_bias, int32_t first, int64_t n)
{
    const vec zero = v_set(0);
    int64_t i = 0, got = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        vec u = v_load(h + i), v = v_add(v_mul(v_load(mag_scale + i), u), v_load(mag_bias + i));
        lanes on = lanes_and(v_greater(v_add(u, v_load(gate_bias + i)), zero), v_greater(v, zero));
        if (lanes_bits(on)) got += v_pack(index + got, value + got, on, v, first + (int32_t)i);
    }
    for (; i < n; i++) {
        float scaled = mag_scale[i] * h[i], v = scaled + mag_bias[i];
        if (!(h[i] + gate_bias[i] > 0 && v > 0)) continue;
        index[got] = first + (int32_t)i;
        value[got++] = v;
    }
    return got;
}

static int64_t select_above(int32_t *index, float *value, const float *h, const float *bias, const float *row_scale,
                            float cut, int32_t first, int64_t n)
{
    const vec least = v_set(cut);
    int64_t i = 0, got = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        vec v = bias ? v_add(v_load(h + i), v_load(bias + i)) : v_load(h + i);
        if (row_scale) v = v_mul(v, v_load(row_scale + i));
        lanes on = v_greater(v, least);
        if (lanes_bits(on)) got += v_pack(index + got, value + got, on, v, first + (int32_t)i);
    }
    for (; i < n; i++) {
        float v = (bias ? h[i] + bias[i] : h[i]) * (row_scale ? row_scale[i] : 1);
        if (!(v > cut)) continue;
        index[got] = first + (int32_t)i;
        value[got++] = v;
    }
    return got;
}

/* ---- matrix product, where no library brings one ----------------------------------------------------------------------
 * b is packed in panels of GEMM_COLUMNS columns and GEMM_DEPTH of k (zeroes past the edge); GEMM_ROWS rows of a are broadcast
 * against a panel, one accumulator an output. Rows past the edge repeat the last one and are thrown away, so an output's bits
 * depend on its operands and on k alone. */

enum { GEMM_COLUMNS = 2 * WIDTH, GEMM_DEPTH = 256 };

static void pack_panel(float *panel /* [n_l, GEMM_COLUMNS] */, const float *b, int64_t ld_b, bool in_first, int64_t n,
                       int64_t n_l)
{
    for (int64_t l = 0; l < n_l; l++) {
        for (int64_t j = 0; j < n; j++) panel[l * GEMM_COLUMNS + j] = in_first ? b[l * ld_b + j] : b[j * ld_b + l];
        for (int64_t j = n; j < GEMM_COLUMNS; j++) panel[l * GEMM_COLUMNS + j] = 0;
    }
}

static void gemm_rows(float *out /* [GEMM_ROWS, GEMM_COLUMNS] */, const float *const *a, const float *panel, int64_t n_l)
{
    vec s[GEMM_ROWS][2];
    UNROLL for (int r = 0; r < GEMM_ROWS; r++) s[r][0] = s[r][1] = v_set(0);
    for (int64_t l = 0; l < n_l; l++) {
        vec u = v_load(panel + l * GEMM_COLUMNS), v = v_load(panel + l * GEMM_COLUMNS + WIDTH);
        UNROLL for (int r = 0; r < GEMM_ROWS; r++) {
            vec x = v_set(a[r][l]);
            s[r][0] = v_fma(x, u, s[r][0]);
            s[r][1] = v_fma(x, v, s[r][1]);
        }
    }
    UNROLL for (int r = 0; r < GEMM_ROWS; r++) {
        v_store(out + r * GEMM_COLUMNS, s[r][0]);
        v_store(out + r * GEMM_COLUMNS + WIDTH, s[r][1]);
    }
}

static hooke_status gemm(float *c, int64_t ld_c, const float *a, int64_t ld_a, const float *b, int64_t ld_b, bool in_first,
                         int64_t m, int64_t n, int64_t k, bool accumulate)
{
    float panel[GEMM_DEPTH * GEMM_COLUMNS], out[GEMM_ROWS * GEMM_COLUMNS];
    const float *rows[GEMM_ROWS];
    for (int64_t i = 0; i < m && !accumulate; i++) memset(c + i * ld_c, 0, (size_t)n * sizeof *c);
    for (int64_t l = 0; l < k; l += GEMM_DEPTH) {
        int64_t n_l = k - l < GEMM_DEPTH ? k - l : GEMM_DEPTH;
        for (int64_t j = 0; j < n; j += GEMM_COLUMNS) {
            int64_t n_j = n - j < GEMM_COLUMNS ? n - j : GEMM_COLUMNS;
            pack_panel(panel, in_first ? b + l * ld_b + j : b + j * ld_b + l, ld_b, in_first, n_j, n_l);
            for (int64_t i = 0; i < m; i += GEMM_ROWS) {
                int64_t n_i = m - i < GEMM_ROWS ? m - i : GEMM_ROWS;
                for (int64_t r = 0; r < GEMM_ROWS; r++) rows[r] = a + (i + (r < n_i ? r : n_i - 1)) * ld_a + l;
                gemm_rows(out, rows, panel, n_l);
                for (int64_t r = 0; r < n_i; r++) add(c + (i + r) * ld_c + j, out + r * GEMM_COLUMNS, n_j);
            }
        }
    }
    return HOOKE_OK;
}

static void fill(struct kernels *t)
{
    t->gemm = gemm;
    t->widen = widen;
    t->round_bf16 = round_bf16;
    t->to_bf16 = to_bf16;
    t->dots = dots;
    t->mixes = mixes;
    t->gather = gather;
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
