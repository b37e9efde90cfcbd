/* dict_encode.c: rows to codes. The tiles, the selection and the CSR are the operations table's; here rows are rewritten where the
 * dictionary asks for it, gains applied and subsets cut out. */
#include "dict/dict.h"

#include <string.h>

/* Rewritten rows are made this many at a time: 4096 rows of width 2304 are 38 MB, and a block's product still fills the machine. */
enum { BLOCK_ROWS = 4096 };

hooke_status dict_check_subset(const struct hooke_dict *d, const hooke_feature_set *subset)
{
    if (!subset) return HOOKE_OK;
    RETURN_IF(subset->n < 0 || (subset->n > 0 && !subset->features), HOOKE_E_ARGUMENT,
              "feature subset is NULL or negative");
    for (int i = 0; i < subset->n; i++) {
        int32_t f = subset->features[i];
        RETURN_IF(f < 0 || f >= d->info.d_dict, HOOKE_E_ARGUMENT, "%s: feature %d is outside 0 .. %d",
                  d->info.path, f, d->info.d_dict - 1);
        RETURN_IF(i > 0 && f <= subset->features[i - 1], HOOKE_E_ARGUMENT,
                  "feature subset must increase: %d after %d", f, subset->features[i - 1]);
    }
    return HOOKE_OK;
}

/* The whole width, or the narrow encoder of the subset. */
static struct encode_spec spec_of(const struct hooke_dict *d, bool narrow)
{
    const struct dict_subset *n = &d->subset;
    struct encode_spec s = { .kind = d->arch->select, .w = narrow ? n->w : d->w_enc.w, .k = d->config.k };
    s.threshold = narrow ? n->threshold.device : d->threshold.device;
    s.gate_bias = narrow ? n->b_gate.device : d->b_gate.device;
    s.mag_bias = narrow ? n->b_mag.device : d->b_mag.device;
    s.mag_scale = narrow ? n->mag_scale.device : d->mag_scale.device;
    s.row_scale = d->row_scale.device;
    return s;
}

/* x[n, d_in] on the host through ops->encode. */
static hooke_status encode_rows(struct hooke_dict *d, hooke_codes *out, const struct encode_spec *spec,
                                const float *x, int64_t n, int64_t ld)
{
    struct exec *ex = &d->ctx->exec;
    struct buffer owned = { 0 };
    struct mat placed;
    RETURN_IF_ERROR(dict_place_rows(d, &placed, &owned, x, n, ld));
    hooke_status st = ex->ops->encode(ex, out, &placed, spec);
    if (owned.data) ex->ops->release(ex, &owned);
    return st;
}

static hooke_status encode_any(struct hooke_dict *d, hooke_codes *out, const struct encode_spec *spec,
                               const float *x, int64_t n, int64_t ld)
{
    return d->arch->rule == RULE_TILES ? encode_rows(d, out, spec, x, n, ld)
                                       : dict_encode_by_rule(d, out, x, n);
}

/* Rows of a block are independent, unless the rule says otherwise. */
static int64_t block_rows(const struct hooke_dict *d, int64_t n)
{
    bool whole = d->arch->rule == RULE_TEMPORAL || d->arch->select == SELECT_BATCH_TOPK;
    return whole || n < BLOCK_ROWS ? n : BLOCK_ROWS;
}

static hooke_status append_codes(hooke_codes *out, int64_t first_row, const hooke_codes *part)
{
    int64_t at = out->indptr[first_row], n = part->indptr[part->n_rows];
    RETURN_IF_ERROR(codes_reserve(out, out->n_rows, at + n));
    if (n) memcpy(out->indices + at, part->indices, (size_t)n * sizeof *out->indices);
    if (n) memcpy(out->values + at, part->values, (size_t)n * sizeof *out->values);
    for (int64_t r = 0; r < part->n_rows; r++) out->indptr[first_row + r + 1] = at + part->indptr[r + 1];
    return HOOKE_OK;
}

static hooke_status take_norms(struct hooke_dict *d, hooke_codes *out, int64_t n)
{
    mem_free(out->norm_mean);
    mem_free(out->norm_scale);
    out->norm_mean = out->norm_scale = NULL;
    if (!dict_keeps_norms(d)) return HOOKE_OK;
    out->norm_mean = mem_alloc((size_t)n, sizeof *out->norm_mean);
    out->norm_scale = mem_alloc((size_t)n, sizeof *out->norm_scale);
    RETURN_IF(!out->norm_mean || !out->norm_scale, HOOKE_E_MEMORY, "%s: out of memory for %lld rows' norms",
              d->info.path, (long long)n);
    return HOOKE_OK;
}

static hooke_status encode_blocks(struct hooke_dict *d, hooke_codes *out, hooke_codes *part, float *rows,
                                  const struct encode_spec *spec, const float *x, int64_t n, int64_t ld)
{
    int64_t block = block_rows(d, n);
    for (int64_t r = 0; r < n; r += block) {
        int64_t m = n - r < block ? n - r : block;
        dict_rewrite_rows(d, rows, out->norm_mean ? out->norm_mean + r : NULL,
                          out->norm_scale ? out->norm_scale + r : NULL, x + r * ld, m, ld);
        RETURN_IF_ERROR(encode_any(d, part, spec, rows, m, d->info.d_in));
        RETURN_IF_ERROR(append_codes(out, r, part));
    }
    return HOOKE_OK;
}

static hooke_status encode_rewritten(struct hooke_dict *d, hooke_codes *out, const struct encode_spec *spec,
                                     const float *x, int64_t n, int64_t ld)
{
    hooke_codes part = { 0 };
    int64_t block = block_rows(d, n);
    RETURN_IF_ERROR(codes_reserve(out, n, 0));
    out->n_rows = n;
    out->n_cols = d->info.d_dict;
    out->indptr[0] = 0;
    float *rows = mem_alloc_raw((size_t)block * (size_t)d->info.d_in, sizeof *rows); /* [BLOCK_ROWS, d_in] */
    RETURN_IF(!rows, HOOKE_E_MEMORY, "%s: out of memory for %lld rows", d->info.path, (long long)block);
    hooke_status st = encode_blocks(d, out, &part, rows, spec, x, n, ld);
    mem_free(rows);
    hooke_codes_release(&part);
    return st;
}

static void apply_code_gain(const struct hooke_dict *d, hooke_codes *c)
{
    if (!d->code_gain) return;
    for (int64_t i = 0; i < c->indptr[c->n_rows]; i++) c->values[i] *= d->code_gain[c->indices[i]];
}

/* The narrow encoder counts features within the subset. */
static void name_features(const struct hooke_dict *d, hooke_codes *c, const hooke_feature_set *subset)
{
    for (int64_t i = 0; i < c->indptr[c->n_rows]; i++) c->indices[i] = subset->features[c->indices[i]];
    c->n_cols = d->info.d_dict;
}

/* Keeps the codes of the subset's features, in place. */
static void cut_subset(hooke_codes *c, const hooke_feature_set *subset)
{
    int64_t kept = 0, begin = 0;
    for (int64_t r = 0; r < c->n_rows; r++) {
        int64_t end = c->indptr[r + 1];
        int s = 0;
        for (int64_t i = begin; i < end; i++) {
            while (s < subset->n && subset->features[s] < c->indices[i]) s++;
            if (s == subset->n || subset->features[s] != c->indices[i]) continue;
            c->indices[kept] = c->indices[i];
            c->values[kept++] = c->values[i];
        }
        begin = end;
        c->indptr[r + 1] = kept;
    }
}

hooke_status hooke_dict_encode(hooke_dict *d, hooke_codes *out, const float *x, int64_t n, int64_t ld,
                               const hooke_feature_set *subset)
{
    RETURN_IF(!d || !out || n < 0 || (n > 0 && !x), HOOKE_E_ARGUMENT,
              "encode: dictionary, codes or rows are NULL");
    RETURN_IF(ld < d->info.d_in, HOOKE_E_SHAPE,
              "%s: rows are %lld apart, but the dictionary reads %d columns", d->info.path, (long long)ld,
              d->info.d_in);
    RETURN_IF_ERROR(dict_check_subset(d, subset));
    bool narrow = dict_subset_is_narrow(d, subset);
    if (narrow) RETURN_IF_ERROR(dict_subset_prepare(d, subset));
    struct encode_spec spec = spec_of(d, narrow);
    hooke_status st = take_norms(d, out, n);
    /* The rules want their rows packed: rewriting does that. */
    if (st == HOOKE_OK && (dict_rewrites_rows(d) || d->arch->rule != RULE_TILES))
        st = encode_rewritten(d, out, &spec, x, n, ld);
    else if (st == HOOKE_OK)
        st = encode_rows(d, out, &spec, x, n, ld);
    if (st != HOOKE_OK) {
        out->n_rows = 0; /* nothing half-filled stays */
        return st;
    }
    if (narrow) name_features(d, out, subset);
    apply_code_gain(d, out);
    if (subset && !narrow) cut_subset(out, subset);
    return HOOKE_OK;
}
