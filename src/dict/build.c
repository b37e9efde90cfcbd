/* build.c: from a format reader's findings to a dictionary that can run: every tensor is checked against the architecture's
 * table and against the others, vectors become float32, the big matrices stay where they lie. */
#include "dict/dict.h"

#include <math.h>
#include <string.h>

/* Shapes by letter: i = d_in, o = d_out, n = d_dict. */
static const char *const param_shapes[N_PARAMS] = { "in", "no", "oi", "n", "o",  "n", "n",
                                                    "n",  "n",  "",   "n", "in", "n" };

static int64_t extent(const struct hooke_dict *d, char letter)
{
    return letter == 'i' ? d->info.d_in : letter == 'o' ? d->info.d_out : d->info.d_dict;
}

static hooke_status shape_error(const struct hooke_dict *d, const struct stored_tensor *t,
                                const char *letters)
{
    hooke_text found = { 0 }, expected = { 0 };
    for (int i = 0; i < t->n_dims; i++)
        (void)text_printf(&found, "%s%lld", i ? ", " : "", (long long)t->shape[i]);
    for (int i = 0; letters[i]; i++)
        (void)text_printf(&expected, "%s%lld", i ? ", " : "", (long long)extent(d, letters[i]));
    hooke_status st = fail(HOOKE_E_SHAPE, "%s: tensor '%s': expected shape [%s], found [%s]", d->info.path,
                           t->name, expected.data ? expected.data : "", found.data ? found.data : "");
    hooke_text_release(&found);
    hooke_text_release(&expected);
    return st;
}

static hooke_status check_shape(const struct hooke_dict *d, enum dict_param p)
{
    const struct stored_tensor *t = d->param[p];
    const char turned[3] = { param_shapes[p][0] ? param_shapes[p][1] : '\0', param_shapes[p][0], '\0' };
    const char *letters = d->transposed[p] ? turned : param_shapes[p];
    bool same = (size_t)t->n_dims == strlen(letters);
    for (int i = 0; same && letters[i]; i++) same = t->shape[i] == extent(d, letters[i]);
    if (!same) return shape_error(d, t, letters);
    RETURN_IF(t->dtype > DT_F64, HOOKE_E_FORMAT,
              "%s: tensor '%s' holds %s; weights are read from F64, F32, F16 and BF16", d->info.path, t->name,
              t->dtype_text);
    return HOOKE_OK;
}

static hooke_status check_presence(const struct hooke_dict *d)
{
    for (int p = 0; p < N_PARAMS; p++)
        RETURN_IF((d->arch->params >> p & 1u) && !d->param[p] &&
                      !(p == P_THRESHOLD && d->config.has_threshold),
                  HOOKE_E_FORMAT, "%s: architecture '%s' needs tensor '%s', which is missing", d->info.path,
                  d->arch->name, dict_param_names[p]);
    for (int p = 0; p < N_PARAMS; p++) {
        bool allowed = ((d->arch->params | d->arch->optional) >> p & 1u) || p == P_SCALING_FACTOR;
        RETURN_IF(!allowed && d->param[p], HOOKE_E_FORMAT,
                  "%s: tensor '%s' does not belong to architecture '%s'", d->info.path, dict_param_names[p],
                  d->arch->name);
    }
    return HOOKE_OK;
}

static hooke_status compare_width(const struct hooke_dict *d, const char *what, int64_t said, int64_t found)
{
    RETURN_IF(said && said != found, HOOKE_E_SHAPE,
              "%s: the configuration says %s %lld, the tensors have %lld", d->info.path, what,
              (long long)said, (long long)found);
    return HOOKE_OK;
}

/* The size of one axis of a matrix, whichever way round it lies. */
static int64_t axis(const struct hooke_dict *d, enum dict_param p, int which)
{
    return d->param[p]->shape[d->transposed[p] ? 1 - which : which];
}

/* Widths come from the tensors; a configuration that contradicts them is an error. */
static hooke_status read_shapes(struct hooke_dict *d)
{
    const struct stored_tensor *enc = d->param[P_W_ENC], *dec = d->param[P_W_DEC];
    RETURN_IF((enc && enc->n_dims != 2) || dec->n_dims != 2, HOOKE_E_SHAPE,
              "%s: W_enc and W_dec must be matrices, found %d and %d axes", d->info.path,
              enc ? enc->n_dims : 2, dec->n_dims);
    int64_t sizes[3] = { enc ? axis(d, P_W_ENC, 0) : axis(d, P_W_DEC, 1), axis(d, P_W_DEC, 0),
                         axis(d, P_W_DEC, 1) };
    if (enc) sizes[1] = axis(d, P_W_ENC, 1);
    for (int i = 0; i < 3; i++)
        RETURN_IF(sizes[i] < 1 || sizes[i] > INT32_MAX / 2, HOOKE_E_SHAPE, "%s: a width of %lld",
                  d->info.path, (long long)sizes[i]);
    d->info.d_in = (int)sizes[0];
    d->info.d_dict = (int)sizes[1];
    d->info.d_out = (int)sizes[2];
    for (int p = 0; p < N_PARAMS; p++)
        if (d->param[p]) RETURN_IF_ERROR(check_shape(d, (enum dict_param)p));
    RETURN_IF(!d->arch->is_transcoder && d->info.d_in != d->info.d_out, HOOKE_E_SHAPE,
              "%s: architecture '%s' rebuilds its input, but d_in is %d and d_out %d", d->info.path,
              d->arch->name, d->info.d_in, d->info.d_out);
    RETURN_IF_ERROR(compare_width(d, "d_in", d->config.d_in, sizes[0]));
    RETURN_IF_ERROR(compare_width(d, "d_sae", d->config.d_dict, sizes[1]));
    return compare_width(d, "d_out", d->arch->is_transcoder ? d->config.d_out : 0, sizes[2]);
}

/* The mapping that holds p, or NULL. */
static const struct mapped_file *mapping_of(const struct hooke_dict *d, const unsigned char *p)
{
    const struct mapped_file *m = &d->npz.file, *singles[] = { m, &d->torch.file, &d->gguf.file };
    for (int i = 0; i < 3; i++) {
        m = singles[i];
        if (m->data && p >= m->data && p < m->data + m->n) return m;
    }
    const struct safetensors *all[] = { &d->safetensors, &d->more };
    for (int i = 0; i < 2; i++)
        for (int f = 0; f < all[i]->n_files; f++) {
            m = &all[i]->files[f];
            if (m->data && p >= m->data && p < m->data + m->n) return m;
        }
    return NULL;
}

/* Copies items, as they are or as float32, and gives the file's pages back behind the copy: the dictionary is resident once. */
static hooke_status copy_items(const struct hooke_dict *d, void *out, const struct stored_tensor *t,
                               bool widen)
{
    enum { PIECE_BYTES = 16 << 20 };
    const unsigned char *data = t->data;
    const struct mapped_file *map = mapping_of(d, data);
    size_t item = dtype_bytes(t->dtype);
    int64_t piece = (int64_t)(PIECE_BYTES / item);
    for (int64_t first = 0; first < t->n_items; first += piece) {
        int64_t n = t->n_items - first < piece ? t->n_items - first : piece;
        const unsigned char *from = data + (size_t)first * item;
        if (widen)
            RETURN_IF_ERROR(stored_to_f32((float *)out + first, t, first, n));
        else
            memcpy((char *)out + (size_t)first * item, from, (size_t)n * item);
        if (map) map_drop(map, (size_t)(from - map->data), (size_t)n * item);
    }
    return HOOKE_OK;
}

/* Kernels read f32, f16 and bf16 at their natural alignment; anything else is copied once. Members of an npz begin at any byte. */
static hooke_status matrix_host(struct hooke_dict *d, struct dict_matrix *m, const struct stored_tensor *t)
{
    m->stored = *t;
    bool aligned = (uintptr_t)t->data % dtype_bytes(t->dtype) == 0, widen = t->dtype == DT_F64;
    if (!widen && aligned) return HOOKE_OK;
    size_t item = widen ? sizeof(float) : dtype_bytes(t->dtype);
    m->copy = mem_alloc_raw((size_t)t->n_items, item);
    RETURN_IF(!m->copy, HOOKE_E_MEMORY, "%s: tensor '%s': out of memory for %lld items", d->info.path,
              t->name, (long long)t->n_items);
    RETURN_IF_ERROR(copy_items(d, m->copy, t, widen));
    m->stored.data = m->copy;
    m->stored.bytes = (size_t)t->n_items * item;
    if (widen) m->stored.dtype = DT_F32;
    return HOOKE_OK;
}

hooke_status dict_matrix_load(struct hooke_dict *d, struct dict_matrix *m, const struct stored_tensor *t,
                              bool feature_rows, bool in_first)
{
    RETURN_IF_ERROR(matrix_host(d, m, t));
    struct exec *ex = &d->ctx->exec;
    union {
        const void *in;
        void *out;
    } data = { .in = m->stored.data }; /* struct mat serves readers and writers; weights are only read */
    struct mat host = { data.out, m->stored.dtype, m->stored.shape[0], m->stored.shape[1],
                        m->stored.shape[1] };
    m->feature_rows = feature_rows;
    m->w.in_first = in_first;
    return ex->ops->place(ex, &m->w.m, &m->on_device, &host);
}

/* feature_rows, in_first: of the matrix as SAELens has it; the file may have it the other way round. */
static hooke_status matrix_place(struct hooke_dict *d, struct dict_matrix *m, enum dict_param p,
                                 bool feature_rows, bool in_first)
{
    bool turned = d->transposed[p];
    return d->param[p] ? dict_matrix_load(d, m, d->param[p], feature_rows != turned, in_first != turned)
                       : HOOKE_OK;
}

/* A tied encoder is a second look at W_dec: the same memory, nothing owned. */
static hooke_status matrices_place(struct hooke_dict *d)
{
    RETURN_IF_ERROR(matrix_place(d, &d->w_enc, P_W_ENC, false, true));
    RETURN_IF_ERROR(matrix_place(d, &d->w_dec, P_W_DEC, true, true));
    RETURN_IF_ERROR(matrix_place(d, &d->w_skip, P_W_SKIP, true, false));
    RETURN_IF_ERROR(matrix_place(d, &d->w_glu, P_W_GLU, false, true));
    if (!dict_is_tied(d)) return HOOKE_OK;
    d->w_enc = d->w_dec;
    d->w_enc.copy = NULL;
    d->w_enc.on_device = (struct buffer){ 0 };
    d->w_enc.w.in_first = !d->w_dec.w.in_first;
    return HOOKE_OK;
}

hooke_status dict_vector_place(struct hooke_dict *d, struct dict_vector *v, float *data, int64_t n)
{
    struct exec *ex = &d->ctx->exec;
    struct mat host = mat_f32(data, 1, n, n), placed;
    v->data = data;
    v->n = n;
    RETURN_IF_ERROR(ex->ops->place(ex, &placed, &v->on_device, &host));
    v->device = placed.data;
    return HOOKE_OK;
}

hooke_status dict_vector_load(struct hooke_dict *d, struct dict_vector *v, const struct stored_tensor *t)
{
    float *data = mem_alloc((size_t)t->n_items, sizeof *data);
    RETURN_IF(!data, HOOKE_E_MEMORY, "%s: out of memory for '%s'", d->info.path, t->name);
    v->data = data; /* owned by v from here on, whatever fails */
    RETURN_IF_ERROR(stored_to_f32(data, t, 0, t->n_items));
    return dict_vector_place(d, v, data, t->n_items);
}

static hooke_status vector_load(struct hooke_dict *d, struct dict_vector *v, enum dict_param p)
{
    return d->param[p] ? dict_vector_load(d, v, d->param[p]) : HOOKE_OK;
}

static hooke_status new_vector(const struct hooke_dict *d, float **out, int64_t n)
{
    *out = mem_alloc((size_t)n, sizeof **out);
    RETURN_IF(!*out, HOOKE_E_MEMORY, "%s: out of memory for %lld numbers", d->info.path, (long long)n);
    return HOOKE_OK;
}

/* b_dec of the file has two uses: subtracted from the scaled input as it is, added to the output divided by s' (the fold of the
 * activation scale divides it). Tied encoders take it off on the way in and put it back, or do neither. */
static hooke_status load_b_dec(struct hooke_dict *d)
{
    float *out;
    if (d->info.apply_b_dec_to_input) RETURN_IF_ERROR(vector_load(d, &d->b_dec_in, P_B_DEC));
    RETURN_IF_ERROR(new_vector(d, &out, d->info.d_out));
    bool is_added = d->param[P_B_DEC] && (d->info.apply_b_dec_to_input || !dict_is_tied(d));
    hooke_status st = is_added ? stored_to_f32(out, d->param[P_B_DEC], 0, d->info.d_out) : HOOKE_OK;
    if (st != HOOKE_OK) {
        mem_free(out);
        return st;
    }
    for (int i = 0; i < d->info.d_out; i++) out[i] /= d->output_scale;
    return dict_vector_place(d, &d->b_dec, out, d->info.d_out);
}

/* From the file, or one number for all. */
static hooke_status load_threshold(struct hooke_dict *d)
{
    float *one;
    if (!d->param[P_THRESHOLD] && d->config.has_threshold && d->arch->select == SELECT_THRESHOLD) {
        RETURN_IF_ERROR(new_vector(d, &one, d->info.d_dict));
        for (int i = 0; i < d->info.d_dict; i++) one[i] = (float)d->config.threshold;
        return dict_vector_place(d, &d->threshold, one, d->info.d_dict);
    }
    RETURN_IF_ERROR(vector_load(d, &d->threshold, P_THRESHOLD));
    for (int64_t i = 0; d->config.threshold_is_log && i < d->threshold.n; i++)
        d->threshold.data[i] = expf(d->threshold.data[i]);
    return HOOKE_OK;
}

/* Pursuit by tied weights is the same at every scale, and its codes stay in the raw unit: the scale goes into b_dec and into the
 * residual's threshold, and is gone. */
static void fold_pursuit_scale(struct hooke_dict *d)
{
    float s = d->input_scale;
    for (int64_t i = 0; d->b_dec_in.data && i < d->b_dec_in.n; i++) d->b_dec_in.data[i] /= s;
    d->config.residual_threshold /= (double)s;
    d->input_scale = d->output_scale = 1.0f;
}

static hooke_status load_vectors(struct hooke_dict *d)
{
    float *scale;
    RETURN_IF_ERROR(vector_load(d, &d->b_enc, P_B_ENC));
    RETURN_IF_ERROR(load_threshold(d));
    RETURN_IF_ERROR(vector_load(d, &d->b_glu, P_B_GLU));
    RETURN_IF_ERROR(vector_load(d, &d->b_gate, P_B_GATE));
    RETURN_IF_ERROR(vector_load(d, &d->b_mag, P_B_MAG));
    RETURN_IF_ERROR(vector_load(d, &d->r_mag, P_R_MAG));
    RETURN_IF_ERROR(load_b_dec(d));
    if (d->arch->rule == RULE_PURSUIT) fold_pursuit_scale(d);
    if (!d->r_mag.data) return HOOKE_OK;
    RETURN_IF_ERROR(new_vector(d, &scale, d->r_mag.n));
    for (int64_t i = 0; i < d->r_mag.n; i++) scale[i] = expf(d->r_mag.data[i]);
    return dict_vector_place(d, &d->mag_scale, scale, d->r_mag.n);
}

/* Switches that must not contradict each other. */
static hooke_status check_switches(struct hooke_dict *d)
{
    const struct dict_config *c = &d->config;
    bool transcoder = d->arch->is_transcoder;
    RETURN_IF(transcoder && c->has_apply_b_dec && c->apply_b_dec, HOOKE_E_FORMAT,
              "%s: apply_b_dec_to_input is true, but architecture '%s' has no b_dec on its input side",
              d->info.path, d->arch->name);
    bool needs_k = d->arch->select == SELECT_TOPK;
    RETURN_IF(d->arch->rule == RULE_GROUP_MAX && c->k >= 1 && d->info.d_dict % (int64_t)c->k != 0,
              HOOKE_E_FORMAT, "%s: %d features do not make %g equal groups", d->info.path, d->info.d_dict,
              c->k);
    RETURN_IF(needs_k && !(c->k >= 1 && c->k <= d->info.d_dict && c->k == floor(c->k)), HOOKE_E_FORMAT,
              "%s: key 'k' must be an integer from 1 to %d, found %g", d->info.path, d->info.d_dict, c->k);
    RETURN_IF(!(c->activation_scale >= 0) || isinf(c->activation_scale), HOOKE_E_FORMAT,
              "%s: activation scaling factor must be positive, found %g", d->info.path, c->activation_scale);
    bool run_time = c->normalize == NORMALIZE_LAYER_NORM || c->normalize == NORMALIZE_CONSTANT_NORM;
    RETURN_IF(c->activation_scale > 0 && run_time, HOOKE_E_FORMAT,
              "%s: an activation scaling factor beside normalize_activations '%s'", d->info.path,
              dict_normalize_names[c->normalize]);
    if (c->normalize == NORMALIZE_EXPECTED_AVERAGE && c->activation_scale <= 0)
        context_log(d->ctx, 0,
                    "%s: normalize_activations is expected_average_only_in, but no scaling factor is stored: "
                    "activations are used as they come",
                    d->info.path);
    d->info.apply_b_dec_to_input = c->has_apply_b_dec ? c->apply_b_dec : !transcoder;
    d->input_scale = c->activation_scale > 0 ? (float)c->activation_scale : 1.0f;
    d->output_scale = c->output_scale > 0 ? (float)c->output_scale : d->input_scale;
    return HOOKE_OK;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static void fill_info(struct hooke_dict *d, bool canonical)
{
    hooke_dict_info *i = &d->info;
    const struct dict_config *c = &d->config;
    i->format = d->format;
    i->architecture = d->arch->name;
    i->dtype = dtype_name(d->param[P_W_DEC]->dtype);
    i->model_name = or_empty(c->model_name);
    i->site = or_empty(c->site);
    i->site_out = c->site_out ? c->site_out : i->site;
    i->hook_head_index = c->hook_head_index;
    bool has_k = d->arch->rule == RULE_TEMPORAL || d->arch->select == SELECT_TOPK ||
                 d->arch->select == SELECT_BATCH_TOPK;
    i->k = has_k ? (int)c->k : 0;
    i->canonical = canonical;
    i->is_transcoder = d->arch->is_transcoder;
    i->has_skip = d->param[P_W_SKIP] != NULL;
    i->has_threshold = d->arch->select == SELECT_THRESHOLD;
    i->is_sequential = d->arch->rule == RULE_TEMPORAL;
    i->has_density = d->log_sparsity.data != NULL;
    i->n_targets = c->n_targets;
    i->rescale_acts_by_decoder_norm = c->rescale_by_decoder_norm;
    i->normalize_activations = dict_normalize_names[c->normalize];
    i->activation_scale = canonical ? "canonical" : "raw";
    i->prepend_bos = c->prepend_bos;
    i->context_size = c->context_size;
    i->expected_l0 = c->expected_l0 > 0 ? (float)c->expected_l0 : (float)i->k;
    i->center_input = c->center_input;
    i->config_json = c->json ? c->json : "{}";
    for (int p = 0; p < N_PARAMS; p++) i->weight_bytes += d->param[p] ? (int64_t)d->param[p]->bytes : 0;
}

hooke_status dict_own_tensor(struct hooke_dict *d, enum dict_param p, void **data, const char *name,
                             enum dtype dtype, int n_dims, const int64_t *shape)
{
    struct stored_tensor *t = arena_alloc(&d->arena, 1, sizeof *t);
    struct dict_owned *owned = arena_alloc(&d->arena, 1, sizeof *owned);
    *data = NULL;
    RETURN_IF(!t || !owned || !(t->name = arena_copy(&d->arena, name, strlen(name))), HOOKE_E_MEMORY,
              "%s: out of memory for '%s'", d->info.path, name);
    t->dtype = dtype;
    t->dtype_text = dtype_name(dtype);
    t->n_dims = n_dims;
    t->n_items = 1;
    for (int i = 0; i < n_dims; i++) {
        t->shape[i] = shape[i];
        RETURN_IF(shape[i] < 0 || __builtin_mul_overflow(t->n_items, shape[i], &t->n_items), HOOKE_E_SHAPE,
                  "%s: tensor '%s' would have too many items", d->info.path, name);
    }
    owned->data = mem_alloc_raw((size_t)t->n_items, dtype_bytes(dtype));
    RETURN_IF(!owned->data, HOOKE_E_MEMORY, "%s: out of memory for tensor '%s', %lld items", d->info.path,
              name, (long long)t->n_items);
    owned->next = d->owned;
    d->owned = owned;
    t->data = *data = owned->data;
    t->bytes = (size_t)t->n_items * dtype_bytes(dtype);
    d->param[p] = t;
    return HOOKE_OK;
}

hooke_status dict_build(struct hooke_dict *d, const hooke_dict_options *options)
{
    bool canonical = (options && options->canonical) || d->config.is_canonical;
    const char *name = options && options->architecture ? options->architecture : d->config.architecture;
    RETURN_IF_ERROR(dict_arch_find(&d->arch, name, d->info.path));
    RETURN_IF_ERROR(check_presence(d));
    RETURN_IF_ERROR(read_shapes(d));
    RETURN_IF_ERROR(check_switches(d));
    RETURN_IF_ERROR(matrices_place(d));
    RETURN_IF_ERROR(load_vectors(d));
    if (d->arch->rule == RULE_TEMPORAL) RETURN_IF_ERROR(temporal_load(d));
    RETURN_IF_ERROR(dict_fold(d, canonical));
    d->w_enc.w.bias = d->arch->select == SELECT_GATED ? NULL : d->b_enc.device;
    d->w_dec.w.bias = d->b_dec.device;
    fill_info(d, canonical);
    return HOOKE_OK;
}
