/* pursuit.c: matching pursuit (spec 1.5.10). A row takes the feature that fits it best, leaves the rest, and again:
 *
 *     i = argmax relu(r . W_dec_i),  v = relu(r . W_dec_i),  f_i += v,  r -= v W_dec_i
 *
 * until the set of features stays the same, |r| is small enough, or max_iterations are done. All rows of a block go on together:
 * one matrix product an iteration, over the rows that are not done yet. */
#include "dict/dict.h"

#include <math.h>
#include <string.h>

enum { BLOCK_ITEMS = 1 << 22 };

/* State of a block; the first n_open rows are at work, `row` says which they are. */
struct pursuit {
    struct hooke_dict *d;
    float *residual; /* [n, d_in], packed as the rows at work are */
    float *h;        /* [n, d_dict] products of the residuals */
    float *acts;     /* [n, d_dict] by row of the block */
    float *unit;     /* [d_in] a decoder row */
    int64_t *row;    /* [n] */
    int64_t n_open;
};

static int32_t best_feature(const float *h, int32_t n)
{
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        if (h[i] > h[best]) best = i;
    return best;
}

static double norm_of(const float *x, int64_t n)
{
    return sqrt(row_dot(x, x, n));
}

/* One step of the open row at place o; whether the row is done. */
static hooke_status step_row(struct pursuit *p, int64_t o, bool *done)
{
    const struct dict_config *c = &p->d->config;
    int32_t n = p->d->info.d_dict;
    int64_t d_in = p->d->info.d_in;
    float *r = p->residual + o * d_in, *acts = p->acts + p->row[o] * n;
    const float *h = p->h + o * n;
    int32_t i = best_feature(h, n);
    float v = h[i] > 0 ? h[i] : 0;
    bool was_on = acts[i] != 0;
    acts[i] += v;
    RETURN_IF_ERROR(dict_feature_rows(&p->d->w_dec, i, 1, p->unit));
    for (int64_t j = 0; j < d_in; j++) r[j] -= v * p->unit[j];
    bool same_support = was_on || v == 0;
    *done = (same_support && !c->any_support) ||
            (c->residual_threshold > 0 && norm_of(r, d_in) < c->residual_threshold);
    return HOOKE_OK;
}

/* Steps every open row and closes those that are done; the last open one takes the place of a closed one. */
static hooke_status step_all(struct pursuit *p)
{
    int64_t d_in = p->d->info.d_in, n = p->d->info.d_dict;
    RETURN_IF_ERROR(dict_product(p->d, p->h, p->residual, p->n_open, &p->d->w_enc.w));
    for (int64_t o = 0; o < p->n_open;) {
        bool done;
        RETURN_IF_ERROR(step_row(p, o, &done));
        if (!done) {
            o++;
            continue;
        }
        int64_t last = --p->n_open;
        if (last == o) continue;
        memcpy(p->residual + o * d_in, p->residual + last * d_in, (size_t)d_in * sizeof *p->residual);
        memcpy(p->h + o * n, p->h + last * n, (size_t)n * sizeof *p->h);
        p->row[o] = p->row[last];
    }
    return HOOKE_OK;
}

static hooke_status pursue_block(struct pursuit *p, const float *x, int64_t n)
{
    int64_t d_in = p->d->info.d_in, most = p->d->config.max_iterations ? p->d->config.max_iterations : d_in;
    memcpy(p->residual, x, (size_t)(n * d_in) * sizeof *p->residual);
    memset(p->acts, 0, (size_t)(n * p->d->info.d_dict) * sizeof *p->acts);
    for (int64_t r = 0; r < n; r++) p->row[r] = r;
    p->n_open = n;
    for (int64_t i = 0; i < most && p->n_open; i++) RETURN_IF_ERROR(step_all(p));
    return HOOKE_OK;
}

static hooke_status pursue_all(struct pursuit *p, hooke_codes *out, const float *x, int64_t n, int64_t block)
{
    RETURN_IF_ERROR(codes_start(out, n, p->d->info.d_dict));
    for (int64_t r = 0; r < n; r += block) {
        int64_t m = n - r < block ? n - r : block;
        RETURN_IF_ERROR(pursue_block(p, x + r * p->d->info.d_in, m));
        RETURN_IF_ERROR(codes_append_dense(out, r, p->acts, m));
    }
    return HOOKE_OK;
}

hooke_status dict_pursue(struct hooke_dict *d, hooke_codes *out, const float *x, int64_t n)
{
    int64_t d_dict = d->info.d_dict, block = BLOCK_ITEMS / d_dict;
    if (block < 1) block = 1;
    if (block > n) block = n > 0 ? n : 1;
    struct pursuit p = { .d = d };
    p.residual = mem_alloc_raw((size_t)(block * d->info.d_in), sizeof *p.residual);
    p.h = mem_alloc_raw((size_t)(block * d_dict), sizeof *p.h);
    p.acts = mem_alloc_raw((size_t)(block * d_dict), sizeof *p.acts);
    p.unit = mem_alloc_raw((size_t)d->info.d_in, sizeof *p.unit);
    p.row = mem_alloc_raw((size_t)block, sizeof *p.row);
    hooke_status st =
        p.residual && p.h && p.acts && p.unit && p.row
            ? HOOKE_OK
            : fail(HOOKE_E_MEMORY, "%s: out of memory for %lld rows", d->info.path, (long long)block);
    if (st == HOOKE_OK) st = pursue_all(&p, out, x, n, block);
    mem_free(p.residual);
    mem_free(p.h);
    mem_free(p.acts);
    mem_free(p.unit);
    mem_free(p.row);
    return st;
}
