/* rows.c: single features of a dictionary: decoder and encoder rows, biases and thresholds, as the user sees them. */
#include "dict/dict.h"

#include <string.h>

enum { COLUMNS_AT_A_TIME = 64 };

double row_dot(const float *a, const float *b, int64_t n)
{
    double part[8] = { 0 };
    int64_t whole = n / 8 * 8;
    for (int64_t j = 0; j < whole; j += 8)
        for (int k = 0; k < 8; k++) part[k] += (double)a[j + k] * (double)b[j + k];
    for (int64_t j = whole; j < n; j++) part[j - whole] += (double)a[j] * (double)b[j];
    return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

/* Columns first .. first+n of a [width, n_features] matrix: each stored row gives n neighbouring numbers. */
static hooke_status gather_columns(const struct stored_tensor *t, int64_t first, int64_t n, float *out)
{
    int64_t width = t->shape[0], n_features = t->shape[1];
    float part[COLUMNS_AT_A_TIME];
    for (int64_t c = 0; c < n; c += COLUMNS_AT_A_TIME) {
        int64_t m = n - c < COLUMNS_AT_A_TIME ? n - c : COLUMNS_AT_A_TIME;
        for (int64_t j = 0; j < width; j++) {
            RETURN_IF_ERROR(stored_to_f32(part, t, j * n_features + first + c, m));
            for (int64_t i = 0; i < m; i++) out[(c + i) * width + j] = part[i];
        }
    }
    return HOOKE_OK;
}

hooke_status dict_feature_rows(const struct dict_matrix *m, int64_t first, int64_t n, float *out)
{
    if (!m->feature_rows) return gather_columns(&m->stored, first, n, out);
    int64_t width = m->stored.shape[1];
    return stored_to_f32(out, &m->stored, first * width, n * width);
}

static void scale_row(float *row, int64_t n, float by)
{
    if (by == 1.0f) return;
    for (int64_t j = 0; j < n; j++) row[j] *= by;
}

hooke_status dict_decoder_rows(const struct hooke_dict *d, int64_t first, int64_t n, float *out)
{
    RETURN_IF_ERROR(dict_feature_rows(&d->w_dec, first, n, out));
    for (int64_t i = 0; d->row_gain && i < n; i++)
        scale_row(out + i * d->info.d_out, d->info.d_out, d->row_gain[first + i]);
    return HOOKE_OK;
}

hooke_status dict_encoder_rows(const struct hooke_dict *d, int64_t first, int64_t n, float *out)
{
    RETURN_IF_ERROR(dict_feature_rows(&d->w_enc, first, n, out));
    for (int64_t i = 0; i < n; i++)
        scale_row(out + i * d->info.d_in, d->info.d_in,
                  d->input_scale * (d->param_gain ? d->param_gain[first + i] : 1.0f));
    return HOOKE_OK;
}

static hooke_status check_feature(const hooke_dict *d, int32_t feature, const float *out)
{
    RETURN_IF(!d || !out, HOOKE_E_ARGUMENT, "dictionary or output is NULL");
    RETURN_IF(feature < 0 || feature >= d->info.d_dict, HOOKE_E_ARGUMENT, "%s: feature %d is outside 0 .. %d",
              d->info.path, feature, d->info.d_dict - 1);
    return HOOKE_OK;
}

hooke_status hooke_dict_decoder_row(const hooke_dict *d, int32_t feature, float *out)
{
    RETURN_IF_ERROR(check_feature(d, feature, out));
    return dict_decoder_rows(d, feature, 1, out);
}

hooke_status hooke_dict_encoder_row(const hooke_dict *d, int32_t feature, float *out)
{
    RETURN_IF_ERROR(check_feature(d, feature, out));
    return dict_encoder_rows(d, feature, 1, out);
}

/* What each vector of h's side is multiplied by when it is shown folded. r_mag and b_dec are not. */
hooke_status hooke_dict_vector(const hooke_dict *d, const char *name, float *out, int64_t n)
{
    RETURN_IF(!d || !name || !out, HOOKE_E_ARGUMENT, "dictionary, name or output is NULL");
    const struct {
        const char *name;
        const struct dict_vector *v;
        bool gains;
    } vectors[] = { { "b_enc", &d->b_enc, true },
                    { "b_dec", &d->b_dec, false },
                    { "threshold", &d->threshold, true },
                    { "b_gate", &d->b_gate, true },
                    { "b_mag", &d->b_mag, true },
                    { "r_mag", &d->r_mag, false },
                    { "log_sparsity", &d->log_sparsity, false } };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct dict_vector *v = vectors[i].v;
        if (strcmp(vectors[i].name, name) != 0) continue;
        RETURN_IF(!v->data, HOOKE_E_NOT_FOUND, "%s: architecture '%s' has no '%s'", d->info.path,
                  d->info.architecture, name);
        RETURN_IF(n != v->n, HOOKE_E_ARGUMENT, "%s: '%s' has %lld numbers, not %lld", d->info.path, name,
                  (long long)v->n, (long long)n);
        for (int64_t j = 0; j < n; j++)
            out[j] = v->data[j] * (vectors[i].gains && d->param_gain ? d->param_gain[j] : 1.0f);
        return HOOKE_OK;
    }
    return fail(HOOKE_E_ARGUMENT,
                "unknown vector '%s'; known are b_enc, b_dec, threshold, b_gate, b_mag, r_mag, log_sparsity",
                name);
}

hooke_status dict_place_rows(struct hooke_dict *d, struct mat *placed, struct buffer *owned, const float *x,
                             int64_t n, int64_t ld)
{
    struct exec *ex = &d->ctx->exec;
    union {
        const float *in;
        float *out;
    } rows = { .in = x }; /* struct mat serves readers and writers */
    struct mat host = mat_f32(rows.out, n, d->info.d_in, ld);
    return ex->ops->place(ex, placed, owned, &host);
}
