/* dict_rules.c: selections that need whole rows of h, which the tiles never hold: signs kept, groups, encoders that are not one
 * linear map. A block of rows is multiplied out densely, then each row keeps what its rule lets through. */
#include "dict/dict.h"

#include "tensor/cpu/select.h"

#include <math.h>
#include <string.h>

enum { BLOCK_ITEMS = 1 << 24 }; /* floats of h at a time: 64 MB */

/* The rows of one block; rules work in place. */
struct rule_job {
    const struct hooke_dict *d;
    float *h;       /* [n, d_dict]: pre-activations, then codes with zeros between them */
    uint64_t *keys; /* [n_threads, d_dict], top-k only */
};

hooke_status dict_product(struct hooke_dict *d, float *out, const float *x, int64_t n, const struct weight *w)
{
    struct exec *ex = &d->ctx->exec;
    struct buffer owned_x = { 0 }, owned_y = { 0 };
    union {
        const float *in;
        float *out;
    } rows = { .in = x }; /* only read */
    int64_t n_in = weight_n_in(w), n_out = weight_n_out(w);
    struct mat host_x = mat_f32(rows.out, n, n_in, n_in), host_y = mat_f32(out, n, n_out, n_out), px, py;
    hooke_status st = ex->ops->place(ex, &px, &owned_x, &host_x);
    if (st == HOOKE_OK) st = ex->ops->place(ex, &py, &owned_y, &host_y);
    if (st == HOOKE_OK) st = ex->ops->matmul(ex, &py, &px, w, false);
    if (st == HOOKE_OK && owned_y.data) st = ex->ops->fetch(ex, out, n_out, &py);
    if (owned_x.data) ex->ops->release(ex, &owned_x);
    if (owned_y.data) ex->ops->release(ex, &owned_y);
    return st;
}

/* Bits of a float, in the order of the numbers. */
static uint32_t ordered(float v)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}

/* Keeps the k best of v[n] by value, or by absolute value; ties go to the lower feature. */
static void keep_largest(float *v, int32_t n, int64_t k, bool by_size, uint64_t *keys)
{
    for (int32_t i = 0; i < n; i++)
        keys[i] = (uint64_t)ordered(by_size ? fabsf(v[i]) : v[i]) << 32 | (uint32_t) ~(uint32_t)i;
    keys_largest(keys, n, k);
    for (int64_t j = k; j < n; j++) v[key_index(keys[j])] = 0;
}

/* Keeps the first largest of each group, where it is above zero. */
static void keep_group_maxima(float *v, int64_t n, int64_t n_groups)
{
    int64_t width = n / n_groups;
    for (int64_t g = 0; g < n_groups; g++) {
        float *part = v + g * width;
        int64_t best = 0;
        for (int64_t i = 1; i < width; i++)
            if (part[i] > part[best]) best = i;
        for (int64_t i = 0; i < width; i++)
            if (i != best || !(part[i] > 0)) part[i] = 0;
    }
}

static void keep_above(float *v, int64_t n, const float *threshold)
{
    for (int64_t i = 0; i < n; i++)
        if (!(v[i] > 0 && (!threshold || v[i] > threshold[i]))) v[i] = 0;
}

/* keys: scratch of d_dict, NULL for rules that do not sort. */
static void select_row(const struct rule_job *j, float *v, uint64_t *keys)
{
    const struct hooke_dict *d = j->d;
    int32_t n = d->info.d_dict;
    int64_t k = (int64_t)d->config.k;
    enum dict_rule rule = d->arch->rule;
    for (int64_t i = 0; d->row_scale.data && i < n; i++) v[i] *= d->row_scale.data[i];
    if (rule == RULE_GROUP_MAX) {
        keep_group_maxima(v, n, k);
    } else if (keys) {
        keep_largest(v, n, k, rule == RULE_ABS_TOPK, keys);
        if (rule == RULE_WHOLE_ROWS) keep_above(v, n, NULL);
    } else if (rule == RULE_WHOLE_ROWS) {
        keep_above(v, n, d->threshold.data);
    }
}

static void select_chunk(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct rule_job *j = payload;
    int64_t n = j->d->info.d_dict;
    for (int64_t r = begin; r < end; r++) select_row(j, j->h + r * n, j->keys ? j->keys + worker * n : NULL);
}

static void multiply_by_sigmoid(float *h, const float *g, int64_t n)
{
    for (int64_t i = 0; i < n; i++) h[i] *= (float)(1 / (1 + exp(-(double)g[i])));
}

/* h of n rows; g[n, d_dict] is scratch for the second factor, where there is one. */
static hooke_status pre_activations(struct hooke_dict *d, float *h, float *g, const float *x, int64_t n)
{
    RETURN_IF_ERROR(dict_product(d, h, x, n, &d->w_enc.w));
    if (!g) return HOOKE_OK;
    struct weight w = d->w_glu.w;
    w.bias = d->b_glu.device;
    RETURN_IF_ERROR(dict_product(d, g, x, n, &w));
    multiply_by_sigmoid(h, g, n * d->info.d_dict);
    return HOOKE_OK;
}

hooke_status codes_append_dense(hooke_codes *out, int64_t first_row, const float *h, int64_t n)
{
    int64_t at = out->indptr[first_row], width = out->n_cols, count = 0;
    for (int64_t i = 0; i < n * width; i++) count += h[i] != 0;
    RETURN_IF_ERROR(codes_reserve(out, out->n_rows, at + count));
    for (int64_t r = 0; r < n; r++) {
        for (int64_t i = 0; i < width; i++) {
            float v = h[r * width + i];
            if (!(v != 0)) continue;
            out->indices[at] = (int32_t)i;
            out->values[at++] = v;
        }
        out->indptr[first_row + r + 1] = at;
    }
    return HOOKE_OK;
}

static hooke_status encode_blocks(struct hooke_dict *d, hooke_codes *out, struct rule_job *j, float *g,
                                  const float *x, int64_t n, int64_t block)
{
    for (int64_t r = 0; r < n; r += block) {
        int64_t m = n - r < block ? n - r : block;
        RETURN_IF_ERROR(pre_activations(d, j->h, g, x + r * d->info.d_in, m));
        parallel_for(d->ctx->exec.n_threads, m, 1, select_chunk, j);
        RETURN_IF_ERROR(codes_append_dense(out, r, j->h, m));
    }
    return HOOKE_OK;
}

hooke_status codes_start(hooke_codes *out, int64_t n, int32_t d_dict)
{
    RETURN_IF_ERROR(codes_reserve(out, n, 0));
    out->n_rows = n;
    out->n_cols = d_dict;
    out->indptr[0] = 0;
    return HOOKE_OK;
}

static hooke_status encode_dense(struct hooke_dict *d, hooke_codes *out, const float *x, int64_t n)
{
    int64_t width = d->info.d_dict, block = BLOCK_ITEMS / width;
    if (block < 1) block = 1;
    if (block > n) block = n > 0 ? n : 1;
    bool sorts = d->arch->select == SELECT_TOPK && d->arch->rule != RULE_GROUP_MAX;
    struct rule_job j = { .d = d };
    float *g = NULL;
    j.h = mem_alloc_raw((size_t)(block * width), sizeof *j.h);
    if (sorts) j.keys = mem_alloc_raw((size_t)d->ctx->exec.n_threads * (size_t)width, sizeof *j.keys);
    if (d->param[P_W_GLU]) g = mem_alloc_raw((size_t)(block * width), sizeof *g);
    hooke_status st = HOOKE_OK;
    if (!j.h || (sorts && !j.keys) || (d->param[P_W_GLU] && !g))
        st = fail(HOOKE_E_MEMORY, "%s: out of memory for %lld rows of %lld pre-activations", d->info.path,
                  (long long)block, (long long)width);
    if (st == HOOKE_OK) st = codes_start(out, n, d->info.d_dict);
    if (st == HOOKE_OK) st = encode_blocks(d, out, &j, g, x, n, block);
    mem_free(j.h);
    mem_free(j.keys);
    mem_free(g);
    return st;
}

hooke_status dict_encode_by_rule(struct hooke_dict *d, hooke_codes *out, const float *x, int64_t n)
{
    if (d->arch->rule == RULE_PURSUIT) return dict_pursue(d, out, x, n);
    return d->arch->rule == RULE_TEMPORAL ? temporal_encode(d, out, x, n) : encode_dense(d, out, x, n);
}
