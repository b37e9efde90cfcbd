/* ops.h: the conformance test of a backend: codes and what becomes of them. */
#include "tensor/cpu/kernels.h"
#include "levels.h"

struct exact {
    double *h;   /* [n, d_dict] values that selection compares */
    double *eps; /* [n, d_dict] how far off float32 may be */
};

struct encode_case {
    int64_t n, d_in, d_dict;
    enum dtype dtype;
    bool in_first;
    double k;
};

struct encode_data {
    struct mat x, exact_w, stored,
        vectors; /* vectors: rows bias, threshold, gate_bias, mag_scale, mag_bias, row_scale */
    struct encode_spec spec;
};

static void make_data(struct encode_data *d, const struct encode_case *c, enum select_kind kind)
{
    d->x = random_mat(c->n, c->d_in, 21, 1);
    d->exact_w = c->in_first ? random_mat(c->d_in, c->d_dict, 22, 1) : random_mat(c->d_dict, c->d_in, 22, 1);
    make_exact(&d->exact_w);
    d->stored = in_dtype(&d->exact_w, c->dtype);
    d->vectors = random_mat(6, c->d_dict, 23, 1);
    float *v[6];
    for (int i = 0; i < 6; i++) v[i] = (float *)d->vectors.data + i * d->vectors.ld;
    for (int64_t f = 0; f < c->d_dict; f++) v[3][f] = expf(v[3][f]), v[5][f] = 0.5F + fabsf(v[5][f]);
    memset(&d->spec, 0, sizeof d->spec);
    d->spec.kind = kind;
    d->spec.w.m = d->stored;
    d->spec.w.in_first = c->in_first;
    d->spec.k = c->k;
    if (kind != SELECT_GATED) d->spec.w.bias = v[0];
    if (kind == SELECT_THRESHOLD) d->spec.threshold = v[1];
    if (kind == SELECT_GATED) d->spec.gate_bias = v[2], d->spec.mag_scale = v[3], d->spec.mag_bias = v[4];
    if (kind == SELECT_TOPK || kind == SELECT_BATCH_TOPK) d->spec.row_scale = v[5];
}

static void free_data(struct encode_data *d)
{
    mat_free(&d->x);
    mat_free(&d->exact_w);
    mat_free(&d->stored);
    mat_free(&d->vectors);
}

/* Value of a feature, and by how much it passes (negative: fails), both in double; *off is what rounding may do to either. */
static double exact_value(const struct encode_data *d, int64_t r, int64_t f, double *margin, double *off)
{
    const struct encode_spec *s = &d->spec;
    double h = 0, sum_abs = 0;
    for (int64_t l = 0; l < d->x.cols; l++) {
        double term = (double)get(&d->x, r, l) * weight_value(&d->exact_w, s->w.in_first, f, l);
        h += term;
        sum_abs += fabs(term);
    }
    if (s->w.bias) h += (double)s->w.bias[f], sum_abs += fabs((double)s->w.bias[f]);
    *off = product_limit((double)d->x.cols, sum_abs);
    *margin = h;
    if (s->kind == SELECT_THRESHOLD) *margin = h - fmax((double)s->threshold[f], 0);
    if (s->kind == SELECT_GATED) {
        double value = (double)s->mag_scale[f] * h + (double)s->mag_bias[f];
        *off *= 1 + (double)s->mag_scale[f];
        *off += 4 * EPS * (fabs((double)s->mag_bias[f]) + fabs((double)s->gate_bias[f]));
        *margin = fmin(h + (double)s->gate_bias[f], value);
        return value;
    }
    if (s->row_scale) {
        *off = *off * (double)s->row_scale[f] + 2 * EPS * fabs(h) * (double)s->row_scale[f];
        h *= (double)s->row_scale[f];
        *margin = h;
    }
    return h;
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The k-th largest of v[n], or 0 where fewer are positive. */
static double cut_of(const double *v, int64_t n, int64_t k)
{
    double *copy = mem_alloc((size_t)n + 1, sizeof *copy), cut = 0;
    memcpy(copy, v, (size_t)n * sizeof *copy);
    qsort(copy, (size_t)n, sizeof *copy, descending);
    if (k == 0)
        cut = (double)INFINITY;
    else if (k <= n && copy[k - 1] > 0)
        cut = copy[k - 1];
    mem_free(copy);
    return cut;
}

static void check_codes_form(const hooke_codes *c, int64_t n, int64_t d_dict)
{
    assert_int_equal(c->n_rows, n);
    assert_int_equal(c->n_cols, d_dict);
    assert_int_equal(c->indptr[0], 0);
    for (int64_t r = 0; r < n; r++) {
        for (int64_t i = c->indptr[r]; i < c->indptr[r + 1]; i++) {
            assert_true(c->indices[i] >= 0 && c->indices[i] < d_dict);
            assert_true(i == c->indptr[r] || c->indices[i] > c->indices[i - 1]);
            assert_true(c->values[i] > 0);
        }
    }
}

/* Every feature that passes clearly is there, none that fails clearly; values agree. */
static void check_encode(struct exec *ex, const struct encode_case *c, enum select_kind kind)
{
    struct encode_data d;
    hooke_codes codes = { 0 };
    make_data(&d, c, kind);
    assert_int_equal(ex->ops->encode(ex, &codes, &d.x, &d.spec), HOOKE_OK);
    check_codes_form(&codes, c->n, c->d_dict);
    size_t n_all = (size_t)(c->n * c->d_dict);
    double *value = mem_alloc(n_all, sizeof *value), *margin = mem_alloc(n_all, sizeof *margin);
    double *off = mem_alloc(n_all, sizeof *off);
    for (int64_t i = 0; i < c->n * c->d_dict; i++)
        value[i] = exact_value(&d, i / c->d_dict, i % c->d_dict, &margin[i], &off[i]);
    double whole =
        kind == SELECT_BATCH_TOPK ? cut_of(value, c->n * c->d_dict, (int64_t)(c->k * (double)c->n)) : 0;
    for (int64_t r = 0; r < c->n; r++) {
        int64_t at = codes.indptr[r], base = r * c->d_dict;
        double cut = kind == SELECT_TOPK ? cut_of(value + base, c->d_dict, (int64_t)c->k) : whole;
        for (int64_t f = 0; f < c->d_dict; f++) {
            bool on = at < codes.indptr[r + 1] && codes.indices[at] == f;
            double m = margin[base + f] - (cut > 0 ? cut : 0), slack = off[base + f] * 2;
            if (fabs(m) > slack && on != (m > 0))
                print_error("kind %d at %s [%lld, %lld]: value %.9g, cut %.9g, %s\n", kind, exec_level(ex),
                            (long long)r, (long long)f, value[base + f], cut, on ? "on" : "off");
            assert_true(fabs(m) <= slack || on == (m > 0));
            if (!on) continue;
            check_near((double)codes.values[at], value[base + f], off[base + f], "encode", exec_level(ex), r,
                       f);
            at++;
        }
        assert_int_equal(at, codes.indptr[r + 1]);
        if (kind == SELECT_TOPK) assert_true(at - codes.indptr[r] <= (int64_t)c->k);
    }
    if (kind == SELECT_BATCH_TOPK) assert_true(codes.indptr[c->n] <= (int64_t)(c->k * (double)c->n));
    mem_free(value);
    mem_free(margin);
    mem_free(off);
    hooke_codes_release(&codes);
    free_data(&d);
}

static void encodes_every_kind(void **state)
{
    static const struct encode_case cases[] = {
        { 1, 1, 1, DT_F32, true, 1 },         { 1, 40, 700, DT_BF16, true, 5 },
        { 5, 33, 257, DT_F32, false, 256.5 }, { 17, 20, 1000, DT_F16, true, 30 },
        { 40, 64, 513, DT_BF16, false, 1 },   { 16, 1030, 70, DT_BF16, true, 2.5 },
        { 3, 10, 90, DT_F32, true, 0 },       { 4, 10, 65, DT_F32, true, 1000 },
        { 33, 8, 5000, DT_F32, true, 70.3 },
    };
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            for (int kind = SELECT_RELU; kind <= SELECT_BATCH_TOPK; kind++)
                check_encode(&ex, &cases[i], (enum select_kind)kind);
        exec_close(&ex);
    }
}

/* Equality is off for thresholds; equal values at the cut go to the lower index, then to the lower row. NaN is never on. */
static void ties_and_edges(void **state)
{
    enum { N = 3, D = 600 };
    static float x[N], w[D], threshold[D];
    (void)state;
    for (int i = 0; i < D; i++) w[i] = (float)(i % 3), threshold[i] = 1; /* 0, 1, 2, 0, 1, 2, ... */
    x[0] = 1, x[1] = NAN, x[2] = 1;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        hooke_codes c = { 0 };
        if (!level_open(&ex, level, 2, "f32")) continue;
        struct mat in = mat_f32(x, N, 1, 1);
        struct encode_spec s = { .kind = SELECT_THRESHOLD,
                                 .w = { mat_f32(w, 1, D, D), true, NULL },
                                 .threshold = threshold };
        assert_int_equal(ex.ops->encode(&ex, &c, &in, &s), HOOKE_OK);
        assert_int_equal(c.indptr[1], D / 3); /* only the twos */
        assert_int_equal(c.indptr[2], D / 3); /* NaN */
        assert_int_equal(c.indices[1], 5);
        s.kind = SELECT_TOPK;
        s.k = D / 3 + 4; /* all twos and the first four ones */
        assert_int_equal(ex.ops->encode(&ex, &c, &in, &s), HOOKE_OK);
        assert_int_equal(c.indptr[1], D / 3 + 4);
        int64_t ones = 0;
        for (int64_t i = 0; i < c.indptr[1]; i++) ones += c.values[i] == 1 && c.indices[i] <= 10;
        assert_int_equal(ones, 4);
        s.kind = SELECT_BATCH_TOPK;
        s.k = (D / 3 * 2 + 5) / 3.0; /* all twos of two rows and the first ones of row 0 */
        assert_int_equal(ex.ops->encode(&ex, &c, &in, &s), HOOKE_OK);
        assert_int_equal(c.indptr[3], D / 3 * 2 + 5);
        assert_int_equal(c.indptr[1], D / 3 + 5);
        hooke_codes_release(&c);
        exec_close(&ex);
    }
}

static void encodes_no_rows(void **state)
{
    float w[4] = { 1, 2, 3, 4 }, nothing;
    (void)state;
    struct exec ex;
    hooke_codes c = { 0 };
    assert_true(level_open(&ex, 0, 1, NULL));
    for (int kind = SELECT_RELU; kind <= SELECT_BATCH_TOPK; kind++) {
        struct encode_spec s = { .kind = (enum select_kind)kind,
                                 .w = { mat_f32(w, 2, 2, 2), true, NULL },
                                 .k = 1 };
        struct mat x = mat_f32(&nothing, 0, 2, 2);
        s.gate_bias = s.mag_bias = s.mag_scale = w;
        assert_int_equal(ex.ops->encode(&ex, &c, &x, &s), HOOKE_OK);
        assert_int_equal(c.n_rows, 0);
        assert_int_equal(c.indptr[0], 0);
    }
    hooke_codes_release(&c);
    exec_close(&ex);
}

/* ---- screened encoding against the ordinary ---- */

struct screen_case {
    int64_t n, d_in, d_dict;
    enum dtype dtype;
    bool in_first;
    float scale, threshold; /* threshold in standard deviations of h without massive columns */
    bool massive;           /* massive columns, rows and tails */
    float bad;              /* one entry of x, when not 0 */
    bool screens;           /* where 8-bit products are present: screened throughout, else not at all */
};

static void make_screen_rows(struct encode_data *d, const struct screen_case *c)
{
    float *x = d->x.data;
    for (int64_t r = 0; r < c->n; r++) {
        for (int64_t l = 0; l < c->d_in; l++) {
            float *v = x + r * d->x.ld + l;
            if (c->massive)
                *v *= fabsf(*v) * (l == 7 ? 100.0F : 1.0F) * (r % 97 == 5 && l == 19 ? 1000.0F : 1.0F);
            *v *= r % 50 == 3 ? 0 : c->scale;
        }
    }
    if (c->bad != 0) x[(c->n - 1) * d->x.ld + 2] = c->bad;
    for (int64_t f = 0; f < c->d_dict; f++) ((float *)d->vectors.data)[f] *= c->scale;
}

static void make_screen_data(struct encode_data *d, const struct screen_case *c)
{
    struct encode_case e = { c->n, c->d_in, c->d_dict, c->dtype, c->in_first, 0 };
    make_data(d, &e, SELECT_THRESHOLD);
    make_screen_rows(d, c);
    float *t = (float *)d->vectors.data + d->vectors.ld;
    for (int64_t f = 0; f < c->d_dict; f++)
        t[f] = c->threshold * c->scale * sqrtf((float)c->d_in) * (1 + 0.1F * (float)(f % 3));
}

/* What float32 may do to h: sums in another order. */
static double screen_limit(const struct encode_data *d, int64_t r, int64_t f)
{
    double margin, off;
    exact_value(d, r, f, &margin, &off);
    return 2 * off;
}

static void same_but_ties(const struct encode_data *d, const hooke_codes *a, const hooke_codes *b,
                          int64_t *n_ties)
{
    assert_int_equal(a->n_rows, b->n_rows);
    for (int64_t r = 0; r < a->n_rows; r++) {
        int64_t i = a->indptr[r], k = b->indptr[r], i_end = a->indptr[r + 1], k_end = b->indptr[r + 1];
        while (i < i_end || k < k_end) {
            int64_t f = i < i_end ? a->indices[i] : INT32_MAX, g = k < k_end ? b->indices[k] : INT32_MAX;
            if (f == g) {
                check_near((double)a->values[i++], (double)b->values[k++], screen_limit(d, r, f), "screened",
                           "", r, f);
                continue;
            }
            double margin, off;
            int64_t only = f < g ? f : g;
            exact_value(d, r, only, &margin, &off);
            if (fabs(margin) > off)
                print_error("row %lld feature %lld in one only, margin %g\n", (long long)r, (long long)only,
                            margin);
            assert_true(fabs(margin) <= off);
            ++*n_ties;
            if (f < g)
                i++;
            else
                k++;
        }
    }
}

static void same_bits(const hooke_codes *a, const hooke_codes *b)
{
    size_t n = (size_t)a->indptr[a->n_rows];
    assert_memory_equal(a->indptr, b->indptr, (size_t)(a->n_rows + 1) * sizeof *a->indptr);
    assert_memory_equal(a->indices, b->indices, n * sizeof *a->indices);
    assert_memory_equal(a->values, b->values, n * sizeof *a->values);
}

static void check_tally(const struct exec *ex, const struct screen_case *c)
{
    const struct encode_tally *t = &ex->tally;
    bool screens = c->screens && ex->kernels->gemm_bytes && ex->kernels->screen;
    int64_t pairs = c->n * c->d_dict;
    assert_int_equal(t->n_screened, screens ? pairs : 0);
    assert_int_equal(t->n_ordinary, screens ? 0 : pairs);
    assert_true(!screens || t->n_could > 0);
    assert_true(!screens || (t->n_outliers > 0) == c->massive);
}

static int64_t check_screened(struct exec *ex, const struct screen_case *c)
{
    static const int threads[] = { 1, 3, 7 };
    struct encode_data d;
    hooke_codes ordinary = { 0 }, screened = { 0 }, again = { 0 };
    int64_t ties = 0, n;
    make_screen_data(&d, c);
    ex->unscreened = true;
    assert_int_equal(ex->ops->encode(ex, &ordinary, &d.x, &d.spec), HOOKE_OK);
    ex->unscreened = false;
    assert_int_equal(ex->ops->encode(ex, &screened, &d.x, &d.spec), HOOKE_OK);
    check_codes_form(&screened, c->n, c->d_dict);
    check_tally(ex, c);
    same_but_ties(&d, &ordinary, &screened, &ties);
    for (int i = 0; i < 3; i++) {
        struct exec other;
        assert_int_equal(exec_open(&other, NULL, exec_level(ex), threads[i], "f32"), HOOKE_OK);
        assert_int_equal(other.ops->encode(&other, &again, &d.x, &d.spec), HOOKE_OK);
        same_bits(&screened, &again);
        exec_close(&other);
    }
    n = screened.indptr[c->n];
    assert_true(ties <= 2 + n / 1000);
    hooke_codes_release(&ordinary);
    hooke_codes_release(&screened);
    hooke_codes_release(&again);
    free_data(&d);
    return n;
}

/* Where 8-bit products are absent both are the ordinary path, and the test says no more than that it is repeatable. */
static void screening_changes_nothing(void **state)
{
    static const struct screen_case cases[] = {
        { 128, 256, 512, DT_F32, true, 1, 2.5F, false, 0, true },
        { 1300, 333, 700, DT_F32, false, 1, 2.5F, false, 0, true },
        { 200, 2304, 515, DT_BF16, false, 1, 8, true, 0, true },
        { 201, 1001, 513, DT_F16, true, 1, 12, true, 0, true },
        { 150, 300, 700, DT_BF16, true, 1e-15F, 2, false, 0, false },
        { 150, 300, 700, DT_F32, true, 1e-8F, 22, true, 0, true },
        { 150, 300, 700, DT_F32, true, 1e9F, 22, true, 0, true },
        { 150, 300, 700, DT_F32, false, 1e20F, 2, false, 0, false },
        { 140, 512, 600, DT_F32, false, 1, 0, false, 0, false },
        { 140, 512, 600, DT_F32, true, 1, 1.3F, false, 0, true },
        { 140, 512, 600, DT_F32, true, 1, 2.5F, false, NAN, false },
        { 140, 512, 600, DT_F32, true, 1, 2.5F, false, INFINITY, false },
        { 4300, 260, 40, DT_F32, true, 1, 24, true, 0, true },
        { 200, 512, 515, DT_F32, false, 1, 2, true, 0, false },
    };
    (void)state;
    struct exec ex;
    assert_int_equal(exec_open(&ex, NULL, NULL, 2, "f32"), HOOKE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_true(check_screened(&ex, &cases[i]) > 0);
    exec_close(&ex);
}

/* ---- screened top-k ---- */

enum made {
    NORMAL,
    WHOLE,
    ALIKE,
    TURNED
}; /* WHOLE: small whole numbers, so that sums are exact and ties abound */

struct topk_case {
    struct screen_case like; /* threshold and screens unused */
    enum select_kind kind;
    double k;
    enum made made;
    double screened; /* least fraction of the pairs, where 8-bit products are present; 0: none */
};

static void make_whole(struct mat *m, float most)
{
    for (int64_t r = 0; r < m->rows; r++) {
        for (int64_t c = 0; c < m->cols; c++) {
            float *v = (float *)m->data + r * m->ld + c;
            *v = fminf(fmaxf(rintf(2 * *v), -most), most);
        }
    }
}

static void make_alike(struct encode_data *d)
{
    struct mat *w = &d->exact_w;
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t c = 0; c < w->cols; c++)
            ((float *)w->data)[r * w->ld + c] = (float)((d->spec.w.in_first ? r : c) % 3);
}

static void make_topk_data(struct encode_data *d, const struct topk_case *c, float *threshold)
{
    const struct screen_case *l = &c->like;
    struct encode_case e = { l->n, l->d_in, l->d_dict, l->dtype, l->in_first, c->k };
    make_data(d, &e, c->kind);
    make_screen_rows(d, l);
    float *bias = d->vectors.data, *scale = bias + 5 * d->vectors.ld;
    if (c->made == WHOLE || c->made == ALIKE) {
        make_whole(&d->x, 3);
        make_whole(&d->exact_w, 3);
        if (c->made == ALIKE) make_alike(d);
        for (int64_t f = 0; f < l->d_dict; f++) {
            bias[f] = (float)(c->made == ALIKE ? 1 : f % 5 - 2);
            scale[f] = c->made == ALIKE || f % 7 ? 1 : 2;
        }
        mat_free(&d->stored);
        d->stored = in_dtype(&d->exact_w, l->dtype);
        d->spec.w.m = d->stored;
    }
    if (c->made == TURNED) scale[l->d_dict - 1] *= -1;
    for (int64_t f = 0; f < l->d_dict; f++) threshold[f] = 1e30F;
    d->spec.threshold = threshold; /* of another kind: not to be looked at */
}

static float least_value(const hooke_codes *c, int64_t begin, int64_t end)
{
    float least = INFINITY;
    for (int64_t i = begin; i < end; i++) least = fminf(least, c->values[i]);
    return least;
}

/* Values agree; a feature in one only lies at the cut, within what rounding may do to either. Returns how many do. */
static int64_t same_but_at_cut(const struct encode_data *d, const hooke_codes *a, const hooke_codes *b)
{
    int64_t n_apart = 0;
    for (int64_t r = 0; r < a->n_rows; r++) {
        int64_t i = a->indptr[r], k = b->indptr[r], i_end = a->indptr[r + 1], k_end = b->indptr[r + 1];
        bool row = d->spec.kind == SELECT_TOPK;
        double cut = (double)least_value(a, row ? i : 0, row ? i_end : a->indptr[a->n_rows]);
        while (i < i_end || k < k_end) {
            int64_t f = i < i_end ? a->indices[i] : INT32_MAX, g = k < k_end ? b->indices[k] : INT32_MAX;
            if (f == g) {
                check_near((double)a->values[i++], (double)b->values[k++], screen_limit(d, r, f), "top-k", "",
                           r, f);
                continue;
            }
            double margin, off, value = exact_value(d, r, f < g ? f : g, &margin, &off);
            if (!(fabs(value - cut) <= 4 * off))
                print_error("row %lld feature %lld in one only: %.9g, cut %.9g\n", (long long)r,
                            (long long)(f < g ? f : g), value, cut);
            assert_true(fabs(value - cut) <= 4 * off);
            n_apart++;
            if (f < g)
                i++;
            else
                k++;
        }
    }
    return n_apart;
}

static void check_topk_tally(const struct exec *ex, const struct topk_case *c)
{
    const struct encode_tally *t = &ex->tally;
    double pairs = (double)(c->like.n * c->like.d_dict);
    assert_int_equal(t->n_screened + t->n_ordinary, c->like.n * c->like.d_dict);
    if (!ex->kernels->gemm_bytes || !ex->kernels->screen) {
        assert_int_equal(t->n_screened, 0);
        return;
    }
    if ((c->screened > 0) != (t->n_screened > 0) || (double)t->n_screened < c->screened * pairs)
        print_error("screened %.4f of the pairs, expected %.4f\n", (double)t->n_screened / pairs,
                    c->screened);
    assert_true((c->screened > 0) == (t->n_screened > 0));
    assert_true((double)t->n_screened >= c->screened * pairs);
    assert_true((t->n_could > 0) == (t->n_screened > 0));
}

static void check_screened_topk(struct exec *ex, const struct topk_case *c)
{
    static const int threads[] = { 1, 3, 7 };
    struct encode_data d;
    hooke_codes ordinary = { 0 }, screened = { 0 }, again = { 0 };
    float *threshold = mem_alloc((size_t)c->like.d_dict, sizeof *threshold);
    assert_non_null(threshold);
    make_topk_data(&d, c, threshold);
    ex->unscreened = true;
    assert_int_equal(ex->ops->encode(ex, &ordinary, &d.x, &d.spec), HOOKE_OK);
    ex->unscreened = false;
    assert_int_equal(ex->ops->encode(ex, &screened, &d.x, &d.spec), HOOKE_OK);
    check_topk_tally(ex, c);
    check_codes_form(&screened, c->like.n, c->like.d_dict);
    int64_t n = screened.indptr[c->like.n];
    assert_true(n > 0);
    assert_int_equal(n, ordinary.indptr[c->like.n]);
    if (c->made == WHOLE || c->made == ALIKE)
        same_bits(&ordinary, &screened);
    else
        assert_true(same_but_at_cut(&d, &ordinary, &screened) <= 4 + n / 1000);
    for (int i = 0; i < 3; i++) {
        struct exec other;
        assert_int_equal(exec_open(&other, NULL, exec_level(ex), threads[i], "f32"), HOOKE_OK);
        assert_int_equal(other.ops->encode(&other, &again, &d.x, &d.spec), HOOKE_OK);
        same_bits(&screened, &again);
        exec_close(&other);
    }
    hooke_codes_release(&ordinary);
    hooke_codes_release(&screened);
    hooke_codes_release(&again);
    mem_free(threshold);
    free_data(&d);
}

/* Against the ordinary path, which encodes_every_kind holds against double precision. */
static void screened_topk_is_topk(void **state)
{
    static const struct topk_case cases[] = {
        { { .n = 200, .d_in = 512, .d_dict = 8000, .in_first = true, .scale = 1 },
          SELECT_TOPK,
          32,
          NORMAL,
          0.9 },
        { { 1300, 300, 5001, DT_BF16, false, .scale = 1 }, SELECT_TOPK, 41, NORMAL, 0.75 },
        { { 300, 700, 9300, DT_F16, true, .scale = 1e-6F }, SELECT_TOPK, 1, NORMAL, 0.9 },
        { { 300, 256, 12000, DT_F32, false, .scale = 1 }, SELECT_TOPK, 500, NORMAL, 0.3 },
        { { 200, 2304, 3000, DT_BF16, false, .scale = 1, .massive = true }, SELECT_TOPK, 20, NORMAL, 0.7 },
        { { 300, 256, 5000, DT_F32, false, .scale = 1 }, SELECT_TOPK, 64, WHOLE, 0.7 },
        { { 300, 256, 5000, DT_BF16, true, .scale = 1 }, SELECT_TOPK, 260, WHOLE, 0.1 },
        { { 300, 256, 3000, DT_F32, false, .scale = 1 }, SELECT_TOPK, 2999, WHOLE, 0 },
        { { 300, 256, 3000, DT_F32, true, .scale = 1 }, SELECT_TOPK, 299, WHOLE, 0 },
        { { 300, 256, 3000, DT_F32, false, .scale = 1 }, SELECT_TOPK, 5000, WHOLE, 0 },
        { { 300, 256, 3000, DT_F32, true, .scale = 1 }, SELECT_TOPK, 40, ALIKE, 0 },
        { { 200, 512, 3001, DT_F32, true, .scale = 1 }, SELECT_TOPK, 32, TURNED, 0.5 },
        { { 200, 512, 3000, DT_F32, false, .scale = 1, .bad = NAN }, SELECT_TOPK, 32, NORMAL, 0 },
        { { 200, 512, 3000, DT_F32, true, .scale = 1e20F }, SELECT_TOPK, 32, NORMAL, 0 },
        { { 127, 512, 3000, DT_F32, true, .scale = 1 }, SELECT_TOPK, 32, NORMAL, 0 },
        { { 900, 256, 5000, DT_F32, true, .scale = 1 }, SELECT_BATCH_TOPK, 20.5, NORMAL, 0.3 },
        { { 900, 300, 5000, DT_BF16, false, .scale = 1, .massive = true },
          SELECT_BATCH_TOPK,
          9,
          NORMAL,
          0.3 },
        { { 900, 256, 5000, DT_F32, false, .scale = 1 }, SELECT_BATCH_TOPK, 30, WHOLE, 0.3 },
        { { 900, 256, 1000, DT_F32, false, .scale = 1 }, SELECT_BATCH_TOPK, 999, WHOLE, 0 },
    };
    (void)state;
    struct exec ex;
    assert_int_equal(exec_open(&ex, NULL, NULL, 2, "f32"), HOOKE_OK);
    if (!ex.kernels->gemm_bytes ||
        !ex.kernels->screen) { /* then it is the ordinary path, which is tested above */
        exec_close(&ex);
        print_message("skip: no 8-bit products on this CPU\n");
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_screened_topk(&ex, &cases[i]);
    exec_close(&ex);
}

/* ---- decode ---- */

/* Rows of 0, 1, 2, ... codes, every third feature or so. */
static void make_codes(hooke_codes *c, int64_t n, int32_t d_dict)
{
    assert_int_equal(codes_reserve(c, n, n * d_dict), HOOKE_OK);
    c->n_cols = d_dict;
    c->n_rows = n;
    int64_t at = 0;
    for (int64_t r = 0; r < n; r++) {
        c->indptr[r] = at;
        int32_t f = (int32_t)(r % 2);
        for (int64_t i = 0; i < r && f < d_dict; i++, f += 1 + (int32_t)((i * 7 + r) % 3)) {
            c->indices[at] = f;
            random_normal(&c->values[at], 1, 31, RANDOM_TEST, (uint64_t)at);
            at++;
        }
    }
    c->indptr[n] = at;
}

static void check_decode(struct exec *ex, int64_t n, int32_t d_dict, int64_t d_out, enum dtype dtype,
                         bool in_first, bool bias)
{
    hooke_codes c = { 0 };
    struct mat exact = in_first ? random_mat(d_dict, d_out, 32, 1) : random_mat(d_out, d_dict, 32, 1);
    struct mat b = random_mat(1, d_out, 33, 1), y = marked_mat(n, d_out);
    make_exact(&exact);
    make_codes(&c, n, d_dict);
    struct mat stored = in_dtype(&exact, dtype);
    struct weight w = { stored, in_first, bias ? b.data : NULL };
    assert_int_equal(ex->ops->sparse_decode(ex, &y, &c, &w), HOOKE_OK);
    for (int64_t r = 0; r < n; r++) {
        for (int64_t o = 0; o < d_out; o++) {
            double want = bias ? (double)get(&b, 0, o) : 0, sum_abs = fabs(want);
            for (int64_t i = c.indptr[r]; i < c.indptr[r + 1]; i++) {
                double term = (double)c.values[i] * weight_value(&exact, !in_first, c.indices[i], o);
                want += term;
                sum_abs += fabs(term);
            }
            check_near((double)get(&y, r, o), want,
                       product_limit((double)(c.indptr[r + 1] - c.indptr[r]), sum_abs), "decode",
                       exec_level(ex), r, o);
        }
    }
    check_padding(&y);
    hooke_codes_release(&c);
    mat_free(&exact);
    mat_free(&stored);
    mat_free(&b);
    mat_free(&y);
}

static void decodes(void **state)
{
    static const int64_t shapes[][3] = {
        { 1, 1, 1 }, { 12, 9, 7 }, { 40, 60, 33 }, { 30, 500, 130 }, { 120, 700, 20 }
    };
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int v = 0; v < 12; v++)
                check_decode(&ex, shapes[s][0], (int32_t)shapes[s][1], shapes[s][2], (enum dtype)(v % 3),
                             v / 3 % 2 == 1, v / 6 == 1);
        exec_close(&ex);
    }
}

/* A row decoded alone, which goes another way than many rows, has the same bits. */
static void decoded_rows_do_not_depend_on_each_other(void **state)
{
    enum { N = 120, D_DICT = 700, D_OUT = 20 };
    hooke_codes c = { 0 };
    struct mat dec = random_mat(D_OUT, D_DICT, 32, 1), all = marked_mat(N, D_OUT), one = marked_mat(1, D_OUT);
    struct weight w = { dec, false, NULL };
    (void)state;
    make_codes(&c, N, D_DICT);
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        assert_int_equal(ex.ops->sparse_decode(&ex, &all, &c, &w), HOOKE_OK);
        for (int64_t r = 0; r < N; r++) {
            int64_t indptr[2] = { c.indptr[r], c.indptr[r + 1] };
            hooke_codes row = {
                .n_rows = 1, .n_cols = D_DICT, .indptr = indptr, .indices = c.indices, .values = c.values
            };
            assert_int_equal(ex.ops->sparse_decode(&ex, &one, &row, &w), HOOKE_OK);
            for (int64_t o = 0; o < D_OUT; o++) assert_true(get(&one, 0, o) == get(&all, r, o));
        }
        exec_close(&ex);
    }
    hooke_codes_release(&c);
    mat_free(&dec);
    mat_free(&all);
    mat_free(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_every_kind),
        cmocka_unit_test(ties_and_edges),
        cmocka_unit_test(encodes_no_rows),
        cmocka_unit_test(screening_changes_nothing),
        cmocka_unit_test(screened_topk_is_topk),
        cmocka_unit_test(decodes),
        cmocka_unit_test(decoded_rows_do_not_depend_on_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
