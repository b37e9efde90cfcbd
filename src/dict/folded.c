/* folded.c: the parameters of a dictionary with every scale folded in, as plain tensors.
 *
 *     W_enc_i s e_i,   b_enc_i e_i,   threshold_i e_i,   W_dec_i g_i,   b_dec / s'
 *
 * e_i is what the codes carry beyond h_i (for top-k: what selection sees), g_i what undoes it. Libraries disagree on whether b_dec
 * is taken off the input; h stays the same when b_enc takes the difference, b_dec W_enc. Gated dictionaries with tied gates are
 * JumpReLU in disguise: with m = exp(r) h + b_mag, h + b_gate > 0 is m > b_mag - exp(r) b_gate. */
#include "dict/write.h"

#include <math.h>
#include <string.h>

enum { FEATURES_AT_A_TIME = 64 };

static bool is_topk(const struct hooke_dict *d)
{
    return d->arch->select == SELECT_TOPK || d->arch->select == SELECT_BATCH_TOPK;
}

/* e_i; for a gated dictionary written as JumpReLU it holds exp(r_i) too. */
static float code_scale(const struct writing *w, int64_t i)
{
    const struct hooke_dict *d = w->d;
    if (w->as_stored) return 1;
    const float *gain = is_topk(d) ? d->row_scale.data : d->code_gain;
    return gain ? gain[i] : 1;
}

static float encoder_gain(const struct writing *w, int64_t i)
{
    bool gated = w->as_threshold && w->d->mag_scale.data;
    if (w->as_stored) return 1;
    return code_scale(w, i) * w->d->input_scale * (gated ? w->d->mag_scale.data[i] : 1);
}

static float decoder_gain(const struct writing *w, int64_t i)
{
    const struct hooke_dict *d = w->d;
    if (w->as_stored) return 1;
    return (d->row_gain ? d->row_gain[i] : 1) * (is_topk(d) && d->code_gain ? d->code_gain[i] : 1);
}

static float gain_of(const struct writing *w, enum dict_param p, int64_t i)
{
    return p == P_W_ENC ? encoder_gain(w, i) : decoder_gain(w, i);
}

static bool is_folded(const struct writing *w, enum dict_param p)
{
    for (int i = 0; i < w->d->info.d_dict; i++)
        if (gain_of(w, p, i) != 1.0f) return true;
    return false;
}

/* ---- the list of tensors ---- */

static hooke_status out_of_memory(const struct writing *w, const char *name)
{
    return fail(HOOKE_E_MEMORY, "%s: out of memory for tensor '%s'", w->path, name);
}

static hooke_tensor_out *next_tensor(struct writing *w, const char *name, const char *dtype, void *owned)
{
    hooke_tensor_out *t = &w->tensors[w->n_tensors];
    w->owned[w->n_tensors++] = owned;
    *t = (hooke_tensor_out){ .name = name, .dtype = dtype, .data = owned };
    return t;
}

static hooke_status room(const struct writing *w, const char *name)
{
    RETURN_IF(w->n_tensors == WRITE_TENSORS, HOOKE_E_INTERNAL, "%s: no room for tensor '%s'", w->path, name);
    return HOOKE_OK;
}

/* data[n] is owned by the list from now on. */
static hooke_status put_vector(struct writing *w, const char *name, float *data, int64_t n)
{
    hooke_status st = room(w, name);
    if (st != HOOKE_OK) {
        mem_free(data);
        return st;
    }
    hooke_tensor_out *t = next_tensor(w, name, "F32", data);
    t->n_dims = 1;
    t->shape[0] = n;
    return HOOKE_OK;
}

hooke_status put_numbers(struct writing *w, const char *name, const char *dtype, int n_dims, int64_t n,
                         const void *data)
{
    size_t item = strcmp(dtype, "I64") == 0 || strcmp(dtype, "F64") == 0 ? 8 : 4;
    RETURN_IF_ERROR(room(w, name));
    void *copy = mem_alloc_raw((size_t)n, item);
    if (!copy) return out_of_memory(w, name);
    memcpy(copy, data, (size_t)n * item);
    hooke_tensor_out *t = next_tensor(w, name, dtype, copy);
    t->n_dims = n_dims;
    t->shape[0] = n;
    return HOOKE_OK;
}

static bool may_stay(const struct writing *w, const struct stored_tensor *t)
{
    return t->dtype == DT_F32 || (!w->float32_only && (t->dtype == DT_F16 || t->dtype == DT_BF16));
}

hooke_status stored_as_is(struct writing *w, const struct stored_tensor *t)
{
    RETURN_IF_ERROR(room(w, t->name));
    hooke_tensor_out *out = next_tensor(w, t->name, dtype_name(t->dtype), NULL);
    out->n_dims = t->n_dims;
    memcpy(out->shape, t->shape, sizeof t->shape);
    out->data = t->data;
    return HOOKE_OK;
}

/* ---- matrices ---- */

/* Features first .. first+n, scaled, as columns of out[width, d_dict] or as rows of out[d_dict, width]. */
static void place_rows(const struct writing *w, float *out, const float *rows, enum dict_param p,
                       bool feature_rows, int64_t first, int64_t n, int64_t width)
{
    int64_t d_dict = w->d->info.d_dict;
    float gain[FEATURES_AT_A_TIME];
    for (int64_t i = 0; i < n; i++) gain[i] = gain_of(w, p, first + i);
    if (feature_rows) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < width; j++) out[(first + i) * width + j] = rows[i * width + j] * gain[i];
        return;
    }
    for (int64_t j = 0; j < width; j++)
        for (int64_t i = 0; i < n; i++) out[j * d_dict + first + i] = rows[i * width + j] * gain[i];
}

static hooke_status fill_matrix(const struct writing *w, float *out, enum dict_param p, bool feature_rows,
                                int64_t width)
{
    const struct dict_matrix *m = p == P_W_ENC ? &w->d->w_enc : &w->d->w_dec;
    float *rows = mem_alloc_raw((size_t)FEATURES_AT_A_TIME * (size_t)width, sizeof *rows);
    RETURN_IF(!rows, HOOKE_E_MEMORY, "%s: out of memory for %d rows", w->path, FEATURES_AT_A_TIME);
    hooke_status st = HOOKE_OK;
    for (int64_t i = 0; st == HOOKE_OK && i < w->d->info.d_dict; i += FEATURES_AT_A_TIME) {
        int64_t left = w->d->info.d_dict - i, n = left < FEATURES_AT_A_TIME ? left : FEATURES_AT_A_TIME;
        st = dict_feature_rows(m, i, n, rows);
        if (st == HOOKE_OK) place_rows(w, out, rows, p, feature_rows, i, n, width);
    }
    mem_free(rows);
    return st;
}

hooke_status folded_matrix(struct writing *w, const char *name, enum dict_param p, bool feature_rows)
{
    const struct hooke_dict *d = w->d;
    const struct dict_matrix *m = p == P_W_ENC ? &d->w_enc : &d->w_dec;
    const struct stored_tensor *t = d->param[p == P_W_ENC && dict_is_tied(d) ? P_W_DEC : p];
    int64_t width = p == P_W_ENC ? d->info.d_in : d->info.d_out;
    RETURN_IF_ERROR(room(w, name));
    if (m->feature_rows == feature_rows && may_stay(w, t) && !is_folded(w, p)) {
        RETURN_IF_ERROR(stored_as_is(w, t));
        w->tensors[w->n_tensors - 1].name = name;
        return HOOKE_OK;
    }
    float *data = mem_alloc_raw((size_t)d->info.d_dict * (size_t)width, sizeof *data);
    if (!data) return out_of_memory(w, name);
    hooke_tensor_out *out = next_tensor(w, name, "F32", data);
    out->n_dims = 2;
    out->shape[0] = feature_rows ? d->info.d_dict : width;
    out->shape[1] = feature_rows ? width : d->info.d_dict;
    return fill_matrix(w, data, p, feature_rows, width);
}

hooke_status folded_skip(struct writing *w, const char *name)
{
    const struct hooke_dict *d = w->d;
    const struct stored_tensor *t = d->param[P_W_SKIP];
    int64_t rows = d->info.d_out, cols = d->info.d_in;
    RETURN_IF_ERROR(room(w, name));
    float *data = mem_alloc_raw((size_t)rows * (size_t)cols, sizeof *data), *line;
    if (!data) return out_of_memory(w, name);
    hooke_tensor_out *out = next_tensor(w, name, "F32", data);
    out->n_dims = 2;
    out->shape[0] = rows;
    out->shape[1] = cols;
    if (!d->transposed[P_W_SKIP]) return stored_to_f32(data, t, 0, rows * cols);
    if (!(line = mem_alloc_raw((size_t)rows, sizeof *line))) return out_of_memory(w, name);
    hooke_status st = HOOKE_OK;
    for (int64_t j = 0; st == HOOKE_OK && j < cols; j++) {
        st = stored_to_f32(line, t, j * rows, rows);
        for (int64_t i = 0; st == HOOKE_OK && i < rows; i++) data[i * cols + j] = line[i];
    }
    mem_free(line);
    return st;
}

/* ---- vectors ---- */

static hooke_status new_floats(const struct writing *w, float **out, int64_t n, const char *name)
{
    *out = mem_alloc((size_t)n, sizeof **out);
    return *out ? HOOKE_OK : out_of_memory(w, name);
}

/* b[i] += by * (direction . W_enc_i e_i), the file's own encoder rows. */
static hooke_status shift_bias(const struct writing *w, float *b, const float *direction, double by)
{
    int64_t width = w->d->info.d_in;
    float *row = mem_alloc_raw((size_t)width, sizeof *row);
    hooke_status st = row ? HOOKE_OK : out_of_memory(w, "b_enc");
    for (int64_t i = 0; st == HOOKE_OK && i < w->d->info.d_dict; i++) {
        st = dict_feature_rows(&w->d->w_enc, i, 1, row);
        if (st == HOOKE_OK)
            b[i] = (float)((double)b[i] + by * row_dot(direction, row, width) * (double)encoder_gain(w, i));
    }
    mem_free(row);
    return st;
}

/* Takes off what the source subtracts and the library does not (it saw s x - b), or the other way round (it will see x - b). */
static hooke_status settle_b_dec(const struct writing *w, float *b)
{
    const struct hooke_dict *d = w->d;
    bool here = d->b_dec_in.data != NULL;
    if (here == w->subtracts_b_dec) return HOOKE_OK;
    if (here) return shift_bias(w, b, d->b_dec_in.data, -1 / (double)d->input_scale);
    return d->info.d_in == d->info.d_out ? shift_bias(w, b, d->b_dec.data, 1) : HOOKE_OK;
}

hooke_status folded_b_enc(struct writing *w, const char *name)
{
    const struct hooke_dict *d = w->d;
    const struct dict_vector *from = d->arch->select == SELECT_GATED ? &d->b_mag : &d->b_enc;
    float *b;
    RETURN_IF_ERROR(new_floats(w, &b, d->info.d_dict, name));
    for (int i = 0; from->data && i < d->info.d_dict; i++) b[i] = from->data[i] * code_scale(w, i);
    hooke_status st = settle_b_dec(w, b);
    if (st == HOOKE_OK) return put_vector(w, name, b, d->info.d_dict);
    mem_free(b);
    return st;
}

/* Gates see e_i h_i like everything else, so their biases take e_i; with b_dec settled in b_gate and, times exp(r), in b_mag. */
hooke_status folded_gate(struct writing *w, const char *name, enum dict_param p)
{
    const struct hooke_dict *d = w->d;
    const struct dict_vector *from = p == P_B_GATE ? &d->b_gate : p == P_B_MAG ? &d->b_mag : &d->r_mag;
    float *b, *shift;
    RETURN_IF_ERROR(new_floats(w, &b, d->info.d_dict, name));
    for (int i = 0; i < d->info.d_dict; i++) b[i] = from->data[i] * (p == P_R_MAG ? 1 : code_scale(w, i));
    hooke_status st = p == P_R_MAG ? HOOKE_OK : new_floats(w, &shift, d->info.d_dict, name);
    if (st == HOOKE_OK && p != P_R_MAG) {
        st = settle_b_dec(w, shift);
        for (int i = 0; i < d->info.d_dict; i++) b[i] += shift[i] * (p == P_B_MAG ? d->mag_scale.data[i] : 1);
        mem_free(shift);
    }
    if (st == HOOKE_OK) return put_vector(w, name, b, d->info.d_dict);
    mem_free(b);
    return st;
}

hooke_status folded_b_dec(struct writing *w, const char *name)
{
    const struct hooke_dict *d = w->d;
    float *b;
    RETURN_IF_ERROR(new_floats(w, &b, d->info.d_out, name));
    memcpy(b, d->b_dec.data, (size_t)d->info.d_out * sizeof *b);
    hooke_status st = HOOKE_OK;
    if (d->arch->rule == RULE_TEMPORAL) st = stored_to_f32(b, d->param[P_B_DEC], 0, d->info.d_out);
    if (st == HOOKE_OK) return put_vector(w, name, b, d->info.d_out);
    mem_free(b);
    return st;
}

hooke_status folded_threshold(struct writing *w, const char *name)
{
    const struct hooke_dict *d = w->d;
    float *t;
    RETURN_IF_ERROR(new_floats(w, &t, d->info.d_dict, name));
    for (int i = 0; i < d->info.d_dict; i++) {
        float at = d->threshold.data ? d->threshold.data[i] : 0;
        if (d->arch->select == SELECT_GATED) at = d->b_mag.data[i] - d->mag_scale.data[i] * d->b_gate.data[i];
        t[i] = at * code_scale(w, i);
    }
    return put_vector(w, name, t, d->info.d_dict);
}

hooke_status folded_rows_are_unit(struct writing *w, bool *unit)
{
    static const float TOLERANCE = 1e-5f + 1e-8f; /* torch.allclose against 1 */
    int64_t n = w->d->info.d_dict;
    float *norms;
    RETURN_IF_ERROR(new_floats(w, &norms, n, "norms"));
    hooke_status st = dict_stored_norms(w->d, norms);
    *unit = true;
    for (int64_t i = 0; i < n; i++) *unit = *unit && fabsf(norms[i] * decoder_gain(w, i) - 1) <= TOLERANCE;
    mem_free(norms);
    return st;
}
