/* dict_decode.c: codes to rows: gains undone, subset cut out, sparse sum of decoder rows, run-time normalisation undone, skip
 * connection added. */
#include "dict/dict.h"

#include <string.h>

static hooke_status check_codes(const struct hooke_dict *d, const hooke_codes *c)
{
    RETURN_IF(c->n_rows < 0 || !c->indptr, HOOKE_E_ARGUMENT, "decode: codes are empty");
    RETURN_IF(c->n_cols != d->info.d_dict, HOOKE_E_SHAPE, "%s: codes of %d features, the dictionary has %d",
              d->info.path, c->n_cols, d->info.d_dict);
    for (int64_t i = c->indptr[0]; i < c->indptr[c->n_rows]; i++)
        RETURN_IF(c->indices[i] < 0 || c->indices[i] >= c->n_cols, HOOKE_E_ARGUMENT,
                  "%s: code %lld names feature %d of %d", d->info.path, (long long)i, c->indices[i],
                  c->n_cols);
    RETURN_IF(dict_keeps_norms(d) && (!c->norm_mean || !c->norm_scale), HOOKE_E_ARGUMENT,
              "%s: codes carry no record of the input normalisation '%s'", d->info.path,
              d->info.normalize_activations);
    return HOOKE_OK;
}

/* The codes as W_dec's rows want them: of the subset's features only (NULL: all), times row_gain. */
static hooke_status codes_for_rows(const struct hooke_dict *d, hooke_codes *out, const hooke_codes *c,
                                   const hooke_feature_set *subset)
{
    RETURN_IF_ERROR(codes_reserve(out, c->n_rows, c->indptr[c->n_rows]));
    int64_t kept = 0;
    out->n_rows = c->n_rows;
    out->n_cols = c->n_cols;
    out->indptr[0] = 0;
    for (int64_t r = 0; r < c->n_rows; r++) {
        int s = 0;
        for (int64_t i = c->indptr[r]; i < c->indptr[r + 1]; i++) {
            int32_t f = c->indices[i];
            while (subset && s < subset->n && subset->features[s] < f) s++;
            if (subset && (s == subset->n || subset->features[s] != f)) continue;
            out->indices[kept] = f;
            out->values[kept++] = c->values[i] * (d->row_gain ? d->row_gain[f] : 1.0f);
        }
        out->indptr[r + 1] = kept;
    }
    return HOOKE_OK;
}

static void undo_norms(const struct hooke_dict *d, float *y, int64_t ld, const hooke_codes *c)
{
    if (!dict_keeps_norms(d)) return;
    for (int64_t r = 0; r < c->n_rows; r++)
        for (int64_t j = 0; j < d->info.d_out; j++)
            y[r * ld + j] = y[r * ld + j] * c->norm_scale[r] + c->norm_mean[r];
}

static hooke_status add_skip(struct hooke_dict *d, struct mat *y, const float *x, int64_t n, int64_t ld)
{
    struct exec *ex = &d->ctx->exec;
    struct buffer owned = { 0 };
    struct mat placed;
    RETURN_IF_ERROR(dict_place_rows(d, &placed, &owned, x, n, ld));
    hooke_status st = ex->ops->matmul(ex, y, &placed, &d->w_skip.w, true);
    if (owned.data) ex->ops->release(ex, &owned);
    return st;
}

/* y on the device (the CPU aliases it), filled, and fetched where it is a copy. */
static hooke_status decode_rows(struct hooke_dict *d, float *y, int64_t ld_y, const hooke_codes *c,
                                const float *x, int64_t ld_x)
{
    struct exec *ex = &d->ctx->exec;
    struct buffer owned = { 0 };
    struct mat host = mat_f32(y, c->n_rows, d->info.d_out, ld_y), placed;
    RETURN_IF_ERROR(ex->ops->place(ex, &placed, &owned, &host));
    hooke_status st = ex->ops->sparse_decode(ex, &placed, c, &d->w_dec.w);
    if (st == HOOKE_OK && d->info.has_skip) st = add_skip(d, &placed, x, c->n_rows, ld_x);
    if (st == HOOKE_OK && owned.data) st = ex->ops->fetch(ex, y, ld_y, &placed);
    if (owned.data) ex->ops->release(ex, &owned);
    return st;
}

hooke_status hooke_dict_decode(hooke_dict *d, float *y, int64_t ld_y, const hooke_codes *c,
                               const hooke_feature_set *subset, const float *x, int64_t ld_x)
{
    RETURN_IF(!d || !c || !y, HOOKE_E_ARGUMENT, "decode: dictionary, codes or output are NULL");
    RETURN_IF(ld_y < d->info.d_out, HOOKE_E_SHAPE,
              "%s: output rows are %lld apart, the dictionary writes %d columns", d->info.path,
              (long long)ld_y, d->info.d_out);
    RETURN_IF((d->info.has_skip || d->info.is_sequential) && (!x || ld_x < d->info.d_in), HOOKE_E_ARGUMENT,
              "%s: a %s needs its input rows to decode", d->info.path,
              d->info.has_skip ? "skip transcoder" : "temporal dictionary");
    RETURN_IF_ERROR(check_codes(d, c));
    RETURN_IF_ERROR(dict_check_subset(d, subset));
    hooke_codes scaled = { 0 };
    hooke_status st = HOOKE_OK;
    bool as_they_are = !subset && !d->row_gain;
    if (!as_they_are) st = codes_for_rows(d, &scaled, c, subset);
    if (st == HOOKE_OK) st = decode_rows(d, y, ld_y, as_they_are ? c : &scaled, x, ld_x);
    if (st == HOOKE_OK && d->info.is_sequential) st = temporal_add_prediction(d, y, ld_y, x, ld_x, c->n_rows);
    if (st == HOOKE_OK) undo_norms(d, y, ld_y, c);
    hooke_codes_release(&scaled);
    return st;
}
