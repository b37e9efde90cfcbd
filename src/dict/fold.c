/* fold.c: every scale of a dictionary, decided in one place (spec: fold_W_dec_norm, fold_activation_norm_scaling_factor, the
 * conversion of batch top-k checkpoints, old scaling factors).
 *
 * With n_i the length of decoder row i of the file (times the old scaling factor), and s the activation scale that is still to be
 * folded, the folded dictionary of SAELens has
 *
 *     W_enc s,  W_dec / s,  b_dec / s                          (activation scale; pre-activations stay what they were)
 *     n'_i = n_i / s;   W_enc_i n'_i,  b_enc_i n'_i,  threshold_i n'_i,  W_dec_i / n'_i          (decoder norms)
 *
 * Nothing of that has to touch the matrices: scaling h_i, its bias and its threshold by a positive number changes no decision,
 * so the codes are multiplied afterwards (code_gain) and divided again before decoding (row_gain). That also serves top-k
 * without rescaling, whose selection a real fold would change, and encoders that are not linear.
 *
 *     what selection sees     h_i sigma_i      sigma_i: n'_i with rescaled top-k or where the norm is in the gate, else 1
 *     what a code is          h_i gain_i       gain_i: n'_i when canonical or rescaled, else 1
 *     code_gain_i = gain_i / sigma_i for top-k, whose values carry sigma_i already, else gain_i;  row_gain_i = 1 / (gain_i s) */
#include "dict/dict.h"

#include <math.h>
#include <string.h>

enum { ROWS_AT_A_TIME = 32 };
static const float SMALLEST_NORM = 1e-8f; /* a dead decoder row must not divide by zero */

struct norms_job {
    const struct hooke_dict *d;
    float *out;
};

static hooke_status norms_chunk(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct norms_job *job = payload;
    int64_t width = job->d->info.d_out;
    (void)worker;
    float *rows =
        mem_alloc_raw((size_t)(end - begin) * (size_t)width, sizeof *rows); /* [ROWS_AT_A_TIME, d_out] */
    RETURN_IF(!rows, HOOKE_E_MEMORY, "%s: out of memory for decoder rows", job->d->info.path);
    hooke_status st = dict_feature_rows(&job->d->w_dec, begin, end - begin, rows);
    for (int64_t i = begin; st == HOOKE_OK && i < end; i++) {
        const float *row = rows + (i - begin) * width;
        job->out[i] = (float)sqrt(row_dot(row, row, width));
    }
    mem_free(rows);
    return st;
}

hooke_status dict_stored_norms(const struct hooke_dict *d, float *out)
{
    struct norms_job job = { d, out };
    return parallel_try(d->ctx->exec.n_threads, d->info.d_dict, ROWS_AT_A_TIME, norms_chunk, &job);
}

static hooke_status take_floats(const struct hooke_dict *d, float **out)
{
    *out = mem_alloc((size_t)d->info.d_dict, sizeof **out);
    if (*out) return HOOKE_OK;
    fail(HOOKE_E_MEMORY, "%s: out of memory for scales", d->info.path);
    return HOOKE_E_MEMORY; /* in so many words: the analyzer cannot see that fail() never returns HOOKE_OK */
}

/* Old files: factors on the codes before decoding. All ones mean nothing; others count only under their flag. */
static hooke_status old_scaling_factors(struct hooke_dict *d)
{
    const struct stored_tensor *t = d->param[P_SCALING_FACTOR];
    if (!t) return HOOKE_OK;
    RETURN_IF_ERROR(take_floats(d, &d->row_gain));
    RETURN_IF_ERROR(stored_to_f32(d->row_gain, t, 0, t->n_items));
    bool ones = true;
    for (int i = 0; i < d->info.d_dict; i++) ones = ones && fabsf(d->row_gain[i] - 1.0f) <= 1e-8f + 1e-5f;
    if (!ones) {
        RETURN_IF(!d->config.finetuning_scaling_factor, HOOKE_E_FORMAT,
                  "%s: tensor 'scaling_factor' is not all ones, but finetuning_scaling_factor is not true",
                  d->info.path);
        return HOOKE_OK;
    }
    mem_free(d->row_gain);
    d->row_gain = NULL;
    return HOOKE_OK;
}

/* The norms n_i, guarded. */
static hooke_status guarded_norms(const struct hooke_dict *d, float *out)
{
    RETURN_IF_ERROR(dict_stored_norms(d, out));
    for (int i = 0; i < d->info.d_dict; i++) {
        if (d->row_gain) out[i] *= fabsf(d->row_gain[i]);
        if (out[i] < SMALLEST_NORM) out[i] = SMALLEST_NORM; /* NaN stays NaN: check reports it */
    }
    return HOOKE_OK;
}

/* Batch top-k: the learned number was measured on h_i n_i with rescaling, on h_i without. */
static hooke_status batch_threshold(struct hooke_dict *d, const float *norms)
{
    float t, *threshold;
    RETURN_IF_ERROR(stored_to_f32(&t, d->param[P_TOPK_THRESHOLD], 0, 1));
    RETURN_IF_ERROR(take_floats(d, &threshold));
    for (int i = 0; i < d->info.d_dict; i++) threshold[i] = norms ? t / norms[i] : t;
    return dict_vector_place(d, &d->threshold, threshold, d->info.d_dict);
}

/* The gate sees h_i n_i, so h_i is compared with the threshold divided by n_i. */
static void threshold_by_norms(struct hooke_dict *d, const float *norms)
{
    for (int i = 0; i < d->info.d_dict; i++) d->threshold.data[i] /= norms[i];
}

/* row_gain: whatever the codes were multiplied by (NULL: nothing) is divided out again, and so is s. */
static hooke_status finish_row_gain(struct hooke_dict *d, const float *gain)
{
    float s = d->output_scale;
    if (!gain && s == 1.0f) return HOOKE_OK;
    bool old = d->row_gain != NULL;
    if (!old) RETURN_IF_ERROR(take_floats(d, &d->row_gain));
    for (int i = 0; i < d->info.d_dict; i++)
        d->row_gain[i] = (old ? d->row_gain[i] : 1.0f) / (gain ? gain[i] * s : s);
    return HOOKE_OK;
}

/* What top-k selects by, from the norms; gain (NULL: 1) is what the codes shall carry. */
static hooke_status fold_topk(struct hooke_dict *d, const float *norms, const float *gain)
{
    float *sigma;
    RETURN_IF_ERROR(take_floats(d, &sigma));
    for (int i = 0; i < d->info.d_dict; i++) sigma[i] = norms[i] / d->output_scale;
    RETURN_IF_ERROR(dict_vector_place(d, &d->row_scale, sigma, d->info.d_dict));
    if (!d->config.norm_in_gate) return HOOKE_OK; /* gain is sigma */
    RETURN_IF_ERROR(take_floats(d, &d->code_gain));
    for (int i = 0; i < d->info.d_dict; i++) d->code_gain[i] = (gain ? gain[i] : 1.0f) / sigma[i];
    return HOOKE_OK;
}

static hooke_status copy_floats(const struct hooke_dict *d, float **out, const float *from)
{
    RETURN_IF_ERROR(take_floats(d, out));
    memcpy(*out, from, (size_t)d->info.d_dict * sizeof **out);
    return HOOKE_OK;
}

/* norms[d_dict] are n_i; gain[d_dict] is filled with n'_i. canonical_codes: codes carry it. */
static hooke_status fold_by_norms(struct hooke_dict *d, const float *norms, float *gain, bool canonical,
                                  bool canonical_codes)
{
    bool topk = d->arch->select == SELECT_TOPK || d->arch->select == SELECT_BATCH_TOPK;
    bool select_by_norm = d->config.norm_in_gate || (topk && d->config.rescale_by_decoder_norm);
    for (int i = 0; i < d->info.d_dict; i++) gain[i] = norms[i] / d->output_scale;
    RETURN_IF_ERROR(finish_row_gain(d, canonical_codes ? gain : NULL));
    if (d->config.norm_in_gate && d->threshold.data) threshold_by_norms(d, norms);
    if (topk && select_by_norm)
        RETURN_IF_ERROR(fold_topk(d, norms, canonical_codes ? gain : NULL));
    else if (canonical_codes)
        RETURN_IF_ERROR(copy_floats(d, &d->code_gain, gain));
    if (!canonical_codes || (topk && !canonical)) return HOOKE_OK; /* shown as the file has them */
    return copy_floats(d, &d->param_gain, gain);
}

hooke_status dict_fold(struct hooke_dict *d, bool canonical)
{
    bool batch = d->param[P_TOPK_THRESHOLD] != NULL;
    bool rescales = d->config.rescale_by_decoder_norm && (batch || d->arch->select == SELECT_TOPK);
    float *norms = NULL, *gain = NULL;
    RETURN_IF_ERROR(old_scaling_factors(d));
    if (!canonical && !rescales && !d->config.norm_in_gate) {
        if (batch) RETURN_IF_ERROR(batch_threshold(d, NULL));
        return finish_row_gain(d, NULL);
    }
    hooke_status st = take_floats(d, &norms);
    if (st == HOOKE_OK) st = take_floats(d, &gain);
    if (st == HOOKE_OK) st = guarded_norms(d, norms);
    if (st == HOOKE_OK && batch) st = batch_threshold(d, rescales ? norms : NULL);
    if (st == HOOKE_OK) st = fold_by_norms(d, norms, gain, canonical, canonical || rescales);
    mem_free(norms);
    mem_free(gain);
    return st;
}
