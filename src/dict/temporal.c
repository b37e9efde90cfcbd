/* temporal.c: temporal dictionaries (spec 1.5.9). A row is split into what attention over the codes of earlier rows predicts and
 * what is new; the codes are those of the new part. For each attention layer, with E the encoder, lam = 1 / (4 d_in):
 *
 *     z = relu(lam r E);   z' = z one row later, zeros first
 *     p = relu(c_proj(attention(q_target(z), k_ctx(z'), v_ctx(z'))))          causal, n_heads
 *     D = p W_dec;   r -= (D . r) / (|D| + eps)^2 D                           r begins as the row and ends as its new part
 *
 * then codes = relu(lam r E), of which the k largest stay where the configuration says topk. What is predicted in total is the
 * row minus r, so decoding needs no second product: y = codes W_dec + (x - r) + b_dec. */
#include "dict/dict.h"

#include "tensor/cpu/select.h"

#include <math.h>
#include <string.h>

/* Scores of one head are a square matrix; past this length a call is no sequence. */
enum { LONGEST_SEQUENCE = 1 << 14, MOST_LAYERS = 64 };

enum { QUERY, KEY, VALUE, OUT, N_MAPS };
static const char *const map_names[N_MAPS] = { "q_target", "k_ctx", "v_ctx", "c_proj" };

struct temporal_layer {
    struct dict_matrix w[N_MAPS]; /* query, key [B, d_dict]; value, out [d_dict, d_dict] */
    struct dict_vector b[N_MAPS];
};

struct temporal {
    int n_layers;
    int64_t bottleneck; /* B */
    struct temporal_layer *layers;
};

/* ---- loading ---- */

static hooke_status load_map(struct hooke_dict *d, struct temporal_layer *l, int layer, int map,
                             int64_t width)
{
    static const char *const ends[2] = { "weight", "bias" };
    for (int end = 0; end < 2; end++) {
        hooke_text name = { 0 };
        hooke_status st = text_printf(&name, "attn_layers.%d.%s.%s", layer, map_names[map], ends[end]);
        const struct stored_tensor *t = st == HOOKE_OK ? safetensors_find(&d->safetensors, name.data) : NULL;
        bool fits = t && t->dtype <= DT_F64 && t->n_dims == 2 - end && t->shape[0] == width &&
                    (end || t->shape[1] == d->info.d_dict);
        if (st == HOOKE_OK && !fits)
            st = fail(HOOKE_E_SHAPE, "%s: tensor '%s': expected shape [%lld%s], %s", d->info.path, name.data,
                      (long long)width, end ? "" : ", d_dict", t ? "found another" : "but it is missing");
        hooke_text_release(&name);
        RETURN_IF_ERROR(st);
        RETURN_IF_ERROR(end ? dict_vector_load(d, &l->b[map], t)
                            : dict_matrix_load(d, &l->w[map], t, true, false));
    }
    l->w[map].w.bias = l->b[map].device;
    return HOOKE_OK;
}

static hooke_status check_widths(struct hooke_dict *d)
{
    const struct dict_config *c = &d->config;
    RETURN_IF(c->n_heads < 1 || c->bottleneck_factor < 1 || c->n_attn_layers < 1 ||
                  c->n_attn_layers > MOST_LAYERS,
              HOOKE_E_FORMAT, "%s: n_heads, bottleneck_factor and n_attn_layers must be positive, and small",
              d->info.path);
    RETURN_IF(d->info.d_dict % c->bottleneck_factor || d->info.d_dict / c->bottleneck_factor % c->n_heads,
              HOOKE_E_FORMAT, "%s: d_sae %d is not divisible by bottleneck_factor %lld times n_heads %lld",
              d->info.path, d->info.d_dict, (long long)c->bottleneck_factor, (long long)c->n_heads);
    RETURN_IF(!(c->k >= 0 && c->k <= d->info.d_dict), HOOKE_E_FORMAT,
              "%s: kval_topk must be from 1 to %d, found %g", d->info.path, d->info.d_dict, c->k);
    return HOOKE_OK;
}

hooke_status temporal_load(struct hooke_dict *d)
{
    RETURN_IF_ERROR(check_widths(d));
    struct temporal *t = arena_alloc(&d->arena, 1, sizeof *t);
    RETURN_IF(!t, HOOKE_E_MEMORY, "%s: out of memory", d->info.path);
    t->layers = arena_alloc(&d->arena, (size_t)d->config.n_attn_layers, sizeof *t->layers);
    RETURN_IF(!t->layers, HOOKE_E_MEMORY, "%s: out of memory", d->info.path);
    t->n_layers = (int)d->config.n_attn_layers;
    t->bottleneck = d->info.d_dict / d->config.bottleneck_factor;
    d->temporal = t;
    for (int i = 0; i < t->n_layers; i++)
        for (int m = 0; m < N_MAPS; m++)
            RETURN_IF_ERROR(load_map(d, &t->layers[i], i, m, m <= KEY ? t->bottleneck : d->info.d_dict));
    return HOOKE_OK;
}

void temporal_release(struct hooke_dict *d)
{
    for (int i = 0; d->temporal && i < d->temporal->n_layers; i++)
        for (int m = 0; m < N_MAPS; m++) {
            dict_matrix_release(d, &d->temporal->layers[i].w[m]);
            dict_vector_release(d, &d->temporal->layers[i].b[m]);
        }
}

/* ---- one sequence ---- */

/* n rows; z, ctx, v, mixed [n, d_dict], q, k [n, B], scores [n, n], r, scaled, dz [n, d_in]. */
struct sequence {
    struct hooke_dict *d;
    int64_t n;
    float *z, *ctx, *v, *mixed, *q, *k, *scores, *r, *scaled, *dz;
};

static void sequence_release(struct sequence *s)
{
    float *all[] = { s->z, s->ctx, s->v, s->mixed, s->q, s->k, s->scores, s->r, s->scaled, s->dz };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

static hooke_status sequence_take(struct sequence *s)
{
    size_t n = (size_t)s->n, wide = (size_t)s->d->info.d_dict, narrow = (size_t)s->d->temporal->bottleneck;
    const struct {
        float **p;
        size_t width;
    } parts[] = { { &s->z, wide },
                  { &s->ctx, wide },
                  { &s->v, wide },
                  { &s->mixed, wide },
                  { &s->q, narrow },
                  { &s->k, narrow },
                  { &s->scores, n },
                  { &s->r, (size_t)s->d->info.d_in },
                  { &s->scaled, (size_t)s->d->info.d_in },
                  { &s->dz, (size_t)s->d->info.d_in } };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].p = mem_alloc_raw(n * parts[i].width, sizeof(float));
        RETURN_IF(!*parts[i].p, HOOKE_E_MEMORY, "%s: out of memory for a sequence of %lld rows",
                  s->d->info.path, (long long)s->n);
    }
    return HOOKE_OK;
}

static void relu(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] = x[i] > 0 ? x[i] : 0;
}

/* z = relu(lam r E) */
static hooke_status codes_of_rest(struct sequence *s)
{
    struct weight e = s->d->w_enc.w;
    int64_t d_in = s->d->info.d_in;
    float lam = (float)(1.0 / (4.0 * (double)d_in));
    e.bias = NULL;
    for (int64_t i = 0; i < s->n * d_in; i++) s->scaled[i] = s->r[i] * lam;
    RETURN_IF_ERROR(dict_product(s->d, s->z, s->scaled, s->n, &e));
    relu(s->z, s->n * s->d->info.d_dict);
    return HOOKE_OK;
}

/* Row t over the first t + 1 columns; the rest becomes zero. */
static void causal_softmax(float *row, int64_t t, int64_t n, double scale)
{
    double largest = -(double)INFINITY, sum = 0;
    for (int64_t j = 0; j <= t; j++) largest = fmax(largest, (double)row[j] * scale);
    for (int64_t j = 0; j <= t; j++) sum += exp((double)row[j] * scale - largest);
    for (int64_t j = 0; j <= t; j++) row[j] = (float)(exp((double)row[j] * scale - largest) / sum);
    memset(row + t + 1, 0, (size_t)(n - t - 1) * sizeof *row);
}

/* y = x w for parts of host matrices; every side may have a distance between rows of its own. */
static hooke_status part_product(struct hooke_dict *d, struct mat y, struct mat x, struct mat w,
                                 bool in_first)
{
    struct exec *ex = &d->ctx->exec;
    struct buffer owned[3] = { { 0 } };
    struct mat px, py;
    struct weight pw = { .in_first = in_first };
    hooke_status st = ex->ops->place(ex, &px, &owned[0], &x);
    if (st == HOOKE_OK) st = ex->ops->place(ex, &py, &owned[1], &y);
    if (st == HOOKE_OK) st = ex->ops->place(ex, &pw.m, &owned[2], &w);
    if (st == HOOKE_OK) st = ex->ops->matmul(ex, &py, &px, &pw, false);
    if (st == HOOKE_OK && owned[1].data) st = ex->ops->fetch(ex, y.data, y.ld, &py);
    for (int i = 0; i < 3; i++)
        if (owned[i].data) ex->ops->release(ex, &owned[i]);
    return st;
}

static hooke_status attend_head(struct sequence *s, int64_t head)
{
    int64_t wide = s->d->info.d_dict, narrow = s->d->temporal->bottleneck, n_heads = s->d->config.n_heads;
    int64_t dk = narrow / n_heads, dv = wide / n_heads;
    struct mat q = mat_f32(s->q + head * dk, s->n, dk, narrow),
               k = mat_f32(s->k + head * dk, s->n, dk, narrow);
    struct mat v = mat_f32(s->v + head * dv, s->n, dv, wide),
               out = mat_f32(s->mixed + head * dv, s->n, dv, wide);
    struct mat scores = mat_f32(s->scores, s->n, s->n, s->n);
    RETURN_IF_ERROR(part_product(s->d, scores, q, k, false));
    for (int64_t t = 0; t < s->n; t++) causal_softmax(s->scores + t * s->n, t, s->n, 1 / sqrt((double)dk));
    return part_product(s->d, out, scores, v, true);
}

/* z becomes relu(c_proj(attention)); z_ctx is made on the way. */
static hooke_status predict_codes(struct sequence *s, const struct temporal_layer *l)
{
    int64_t wide = s->d->info.d_dict;
    memset(s->ctx, 0, (size_t)wide * sizeof *s->ctx);
    memcpy(s->ctx + wide, s->z, (size_t)((s->n - 1) * wide) * sizeof *s->ctx);
    RETURN_IF_ERROR(dict_product(s->d, s->q, s->z, s->n, &l->w[QUERY].w));
    RETURN_IF_ERROR(dict_product(s->d, s->k, s->ctx, s->n, &l->w[KEY].w));
    RETURN_IF_ERROR(dict_product(s->d, s->v, s->ctx, s->n, &l->w[VALUE].w));
    for (int64_t h = 0; h < s->d->config.n_heads; h++) RETURN_IF_ERROR(attend_head(s, h));
    RETURN_IF_ERROR(dict_product(s->d, s->z, s->mixed, s->n, &l->w[OUT].w));
    relu(s->z, s->n * wide);
    return HOOKE_OK;
}

/* Takes from each row of r its part along dz. */
static void take_prediction(struct sequence *s)
{
    static const double EPS = 1e-6;
    int64_t d_in = s->d->info.d_in;
    for (int64_t t = 0; t < s->n; t++) {
        float *r = s->r + t * d_in;
        const float *dz = s->dz + t * d_in;
        double length = sqrt(row_dot(dz, dz, d_in)) + EPS;
        float by = (float)(row_dot(dz, r, d_in) / (length * length));
        for (int64_t j = 0; j < d_in; j++) r[j] -= by * dz[j];
    }
}

/* s->r: the new part of each row of x. */
static hooke_status find_rest(struct sequence *s, const float *x)
{
    struct weight dec = s->d->w_dec.w;
    dec.bias = NULL;
    memcpy(s->r, x, (size_t)(s->n * s->d->info.d_in) * sizeof *s->r);
    for (int i = 0; i < s->d->temporal->n_layers; i++) {
        RETURN_IF_ERROR(codes_of_rest(s));
        RETURN_IF_ERROR(predict_codes(s, &s->d->temporal->layers[i]));
        RETURN_IF_ERROR(dict_product(s->d, s->dz, s->z, s->n, &dec));
        take_prediction(s);
    }
    return HOOKE_OK;
}

/* The k largest of a row of values that are not negative; ties go to the lower feature. */
static void keep_largest(float *v, int32_t n, int64_t k, uint64_t *keys)
{
    for (int32_t i = 0; i < n; i++) keys[i] = key_of(v[i], i);
    keys_largest(keys, n, k);
    for (int64_t j = k; j < n; j++) v[key_index(keys[j])] = 0;
}

static hooke_status sequence_begin(struct sequence *s, struct hooke_dict *d, int64_t n)
{
    *s = (struct sequence){ .d = d, .n = n };
    RETURN_IF(n > LONGEST_SEQUENCE, HOOKE_E_ARGUMENT,
              "%s: the rows of one call are one sequence, and %lld are too many; at most %d", d->info.path,
              (long long)n, LONGEST_SEQUENCE);
    return sequence_take(s);
}

static hooke_status encode_sequence(struct sequence *s, hooke_codes *out, const float *x)
{
    int32_t width = s->d->info.d_dict;
    int64_t k = (int64_t)s->d->config.k;
    void *keys;
    RETURN_IF_ERROR(find_rest(s, x));
    RETURN_IF_ERROR(codes_of_rest(s));
    RETURN_IF_ERROR(mem_take(&keys, (size_t)width, sizeof(uint64_t), "the codes of a row"));
    for (int64_t t = 0; k > 0 && t < s->n; t++) keep_largest(s->z + t * width, width, k, keys);
    mem_free(keys);
    RETURN_IF_ERROR(codes_start(out, s->n, width));
    return codes_append_dense(out, 0, s->z, s->n);
}

hooke_status temporal_encode(struct hooke_dict *d, hooke_codes *out, const float *x, int64_t n)
{
    struct sequence s;
    if (n == 0) return codes_start(out, 0, d->info.d_dict);
    hooke_status st = sequence_begin(&s, d, n);
    if (st == HOOKE_OK) st = encode_sequence(&s, out, x);
    sequence_release(&s);
    return st;
}

/* Rows as the encoder sees them, and what of them is new. */
static hooke_status add_to_rows(struct sequence *s, float *y, int64_t ld_y, const float *x, int64_t ld_x)
{
    int64_t d_in = s->d->info.d_in;
    float *rows = mem_alloc_raw((size_t)(s->n * d_in), sizeof *rows); /* [n, d_in] */
    RETURN_IF(!rows, HOOKE_E_MEMORY, "%s: out of memory for %lld rows", s->d->info.path, (long long)s->n);
    dict_rewrite_rows(s->d, rows, NULL, NULL, x, s->n, ld_x);
    hooke_status st = find_rest(s, rows);
    for (int64_t t = 0; st == HOOKE_OK && t < s->n; t++)
        for (int64_t j = 0; j < d_in; j++)
            y[t * ld_y + j] += (rows[t * d_in + j] - s->r[t * d_in + j]) / s->d->output_scale;
    mem_free(rows);
    return st;
}

hooke_status temporal_add_prediction(struct hooke_dict *d, float *y, int64_t ld_y, const float *x,
                                     int64_t ld_x, int64_t n)
{
    struct sequence s;
    if (n == 0) return HOOKE_OK;
    hooke_status st = sequence_begin(&s, d, n);
    if (st == HOOKE_OK) st = add_to_rows(&s, y, ld_y, x, ld_x);
    sequence_release(&s);
    return st;
}
