/* read_llama_scope.c: three generations of one library's files.
 *
 *   llama_scope      hyperparams.json, checkpoints/final.safetensors      encoder.weight, decoder.weight, ...
 *   r1_distill       config.json, sae_weights.safetensors                 the same and log_jumprelu_threshold
 *   llamascopium     config.json with sae_type, sae_weights.safetensors   W_E, b_E, W_D, b_D, ...
 *
 * Rows are scaled to a mean length of sqrt(d) first, s = sqrt(d) / dataset_average_activation_norm, and the output is scaled back
 * by s' of its own site. The gate looks at h_i n_i, n_i the decoder row's length (sparsity_include_decoder_norm).
 *
 * Llama Scope's release folded all of that: its codes are h_i n_i / s', which are canonical codes, active above jump_relu_threshold.
 * SAELens reads these files without n_i in the gate; hooke_dict_options.as_saelens does the same. */
#include "dict/reader.h"

#include <math.h>
#include <string.h>

static const struct reader_row weight_rows[] = {
    { "encoder.weight", P_W_ENC, true },
    { "encoder.bias", P_B_ENC, false },
    { "decoder.weight", P_W_DEC, true },
    { "decoder.bias", P_B_DEC, false },
    { "log_jumprelu_threshold", P_THRESHOLD, false },
};
static const struct reader_row native_rows[] = {
    { "W_E", P_W_ENC, false },
    { "b_E", P_B_ENC, false },
    { "W_D", P_W_DEC, false },
    { "b_D", P_B_DEC, false },
    { "W_E_glu", P_W_GLU, false },
    { "b_E_glu", P_B_GLU, false },
    { "activation_function.log_jumprelu_threshold", P_THRESHOLD, false },
};
static const char norm_prefix[] = "dataset_average_activation_norm.";

static const char release_weights[] = "checkpoints/final.safetensors";

/* The dictionary's folder as a path that exists_beside() takes, where path names its weights; else path. */
static const char *above_weights(char out[4096], const char *path)
{
    size_t n = strlen(path), m = sizeof release_weights - 1;
    if (!path_ends_with(path, release_weights) || n - m > 4000 || (n > m && path[n - m - 1] != '/'))
        return path;
    memcpy(out, path, n - m);
    memcpy(out + n - m, "hyperparams.json", sizeof "hyperparams.json");
    return out;
}

bool llama_scope_recognise(const char *path)
{
    char file[4096];
    path = above_weights(file, path);
    if (!is_folder(path) && !path_ends_with(path, "hyperparams.json")) return false;
    return exists_beside(path, "hyperparams.json") && exists_beside(path, release_weights);
}

bool lm_saes_recognise(const char *path)
{
    if (!is_folder(path) && !path_ends_with(path, "config.json") &&
        !path_ends_with(path, "sae_weights.safetensors"))
        return false;
    return exists_beside(path, "config.json") && exists_beside(path, "sae_weights.safetensors") &&
           !exists_beside(path, "cfg.json");
}

/* ---- Llama Scope ---- */

static hooke_status scale_of(double *out, int64_t d_model, double mean_norm, const char *what,
                             const char *name)
{
    RETURN_IF(!(mean_norm > 0) || isinf(mean_norm), HOOKE_E_FORMAT,
              "%s: %s must be a positive number, found %g", name, what, mean_norm);
    *out = sqrt((double)d_model) / mean_norm;
    return HOOKE_OK;
}

static hooke_status sites(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    RETURN_IF_ERROR(reader_string(d, &c->site, root, "hook_point_in", name));
    RETURN_IF_ERROR(reader_string(d, &c->site_out, root, "hook_point_out", name));
    c->has_apply_b_dec = c->prepend_bos = true;
    c->context_size = 1024;
    c->hook_head_index = -1;
    return HOOKE_OK;
}

static bool is_transcoder(const struct dict_config *c)
{
    return c->site && c->site_out && strcmp(c->site, c->site_out) != 0;
}

/* What the release's own code makes of jump_relu_threshold; or what SAELens does. */
static void release_gate(struct dict_config *c, double threshold, bool as_saelens)
{
    c->has_threshold = true;
    if (as_saelens) {
        c->threshold = threshold * c->activation_scale;
        c->output_scale = c->activation_scale;
        return;
    }
    c->threshold = threshold * c->output_scale;
    c->norm_in_gate = c->is_canonical = true;
}

static hooke_status hyperparams_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    const struct json *norms = json_get(root, "dataset_average_activation_norm");
    const char *act;
    double in, out, threshold, k;
    RETURN_IF_ERROR(json_int(&c->d_in, root, "d_model", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_int(&c->d_dict, root, "d_sae", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_real(&threshold, root, "jump_relu_threshold", 0, name));
    RETURN_IF_ERROR(json_real(&k, root, "top_k", 0, name));
    RETURN_IF_ERROR(json_string(&act, root, "act_fn", "topk", name));
    RETURN_IF_ERROR(json_real(&in, norms, "in", 0, name));
    RETURN_IF_ERROR(json_real(&out, norms, "out", in, name));
    RETURN_IF(!c->d_in, HOOKE_E_FORMAT, "%s: key 'd_model' is missing", name);
    RETURN_IF_ERROR(scale_of(&c->activation_scale, c->d_in, in, "dataset_average_activation_norm.in", name));
    RETURN_IF_ERROR(scale_of(&c->output_scale, c->d_in, out, "dataset_average_activation_norm.out", name));
    RETURN_IF_ERROR(sites(d, root, name));
    RETURN_IF(!(threshold > 0), HOOKE_E_UNSUPPORTED,
              "%s: act_fn '%s' without a positive jump_relu_threshold: no published dictionary of this "
              "family has that",
              name, act);
    c->architecture = is_transcoder(c) ? "jumprelu_transcoder" : "jumprelu";
    c->model_name = "meta-llama/Llama-3.1-8B";
    c->expected_l0 = k;
    release_gate(c, threshold, d->options && d->options->as_saelens);
    return reader_keep_json(d, root);
}

/* ---- R1-distill and Llamascopium ---- */

static hooke_status r1_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    RETURN_IF_ERROR(json_int(&c->d_in, root, "d_model", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(sites(d, root, name));
    c->architecture = d->param[P_THRESHOLD] ? "jumprelu" : "standard";
    c->threshold_is_log = true;
    c->normalize = NORMALIZE_EXPECTED_AVERAGE; /* the factor is the registry's */
    c->model_name = "deepseek-ai/DeepSeek-R1-Distill-Llama-8B";
    return reader_keep_json(d, root);
}

static hooke_status activation(struct hooke_dict *d, const struct json *root, bool glu, const char *name)
{
    static const char *const table[][3] = { { "relu", "standard", "glu" },
                                            { "jumprelu", "jumprelu", "jumprelu_glu" },
                                            { "topk", "topk", "topk_glu" },
                                            { "batchtopk", "batch_topk_of_the_call", NULL } };
    struct dict_config *c = &d->config;
    const char *act;
    int64_t k;
    RETURN_IF_ERROR(json_string(&act, root, "act_fn", "relu", name));
    RETURN_IF_ERROR(json_int(&k, root, "top_k", 1, INT32_MAX, 50, name));
    c->k = (double)k;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i][0], act) == 0) c->architecture = table[i][1 + glu];
    RETURN_IF(!c->architecture, HOOKE_E_UNSUPPORTED,
              "%s: act_fn '%s'%s is not supported; known are relu, jumprelu, "
              "topk, batchtopk",
              name, act, glu ? " with a gated linear encoder" : "");
    if (strcmp(act, "jumprelu") != 0) d->param[P_THRESHOLD] = NULL; /* left over from another activation */
    return HOOKE_OK;
}

/* The mean length of rows at a site: a number in the weights' file. */
static hooke_status site_norm(struct hooke_dict *d, double *scale, const char *site, const char *name)
{
    hooke_text key = { 0 };
    float mean = 0;
    hooke_status st = text_printf(&key, "%s%s", norm_prefix, site ? site : "");
    const struct stored_tensor *t = st == HOOKE_OK ? safetensors_find(&d->safetensors, key.data) : NULL;
    if (st == HOOKE_OK && (!t || t->n_items != 1))
        st = fail(HOOKE_E_FORMAT, "%s: norm_activation is dataset-wise, but the weights hold no number '%s'",
                  name, key.data);
    if (st == HOOKE_OK) st = stored_to_f32(&mean, t, 0, 1);
    if (st == HOOKE_OK) st = scale_of(scale, d->config.d_in, (double)mean, key.data, name);
    hooke_text_release(&key);
    return st;
}

static hooke_status normalization(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    const char *kind;
    RETURN_IF_ERROR(json_string(&kind, root, "norm_activation", "dataset-wise", name));
    if (strcmp(kind, "inference") == 0) return HOOKE_OK;
    if (strcmp(kind, "token-wise") == 0) {
        c->normalize = NORMALIZE_CONSTANT_NORM;
        return HOOKE_OK;
    }
    RETURN_IF(strcmp(kind, "dataset-wise") != 0, HOOKE_E_UNSUPPORTED,
              "%s: norm_activation '%s' is not supported; known are dataset-wise, token-wise, inference",
              name, kind);
    RETURN_IF_ERROR(site_norm(d, &c->activation_scale, c->site, name));
    return site_norm(d, &c->output_scale, c->site_out ? c->site_out : c->site, name);
}

static hooke_status native_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    const char *type;
    bool glu, by_norm;
    double factor;
    RETURN_IF_ERROR(json_string(&type, root, "sae_type", "sae", name));
    RETURN_IF(strcmp(type, "sae") != 0, HOOKE_E_UNSUPPORTED, "%s: sae_type '%s' is not read; known is sae",
              name, type);
    RETURN_IF_ERROR(json_int(&c->d_in, root, "d_model", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_real(&factor, root, "expansion_factor", 0, name));
    RETURN_IF_ERROR(json_bool(&glu, root, "use_glu_encoder", false, name));
    RETURN_IF_ERROR(json_bool(&by_norm, root, "sparsity_include_decoder_norm", true, name));
    RETURN_IF(!c->d_in || !(factor >= 0) || factor > 1e6, HOOKE_E_FORMAT,
              "%s: d_model and expansion_factor must be positive numbers", name);
    c->d_dict = (int64_t)((double)c->d_in * factor);
    c->norm_in_gate = by_norm;
    c->threshold_is_log = true;
    RETURN_IF_ERROR(sites(d, root, name));
    RETURN_IF_ERROR(activation(d, root, glu, name));
    RETURN_IF(is_transcoder(c), HOOKE_E_UNSUPPORTED,
              "%s: transcoders of this library are not read: '%s' to '%s'", name, c->site, c->site_out);
    RETURN_IF_ERROR(normalization(d, root, name));
    return reader_keep_json(d, root);
}

/* The weights of native files also hold the sites' mean norms, by name. */
static hooke_status take_native(struct hooke_dict *d)
{
    for (int i = 0; i < d->safetensors.n_tensors; i++) {
        const struct stored_tensor *t = &d->safetensors.tensors[i];
        size_t r = 0, n = sizeof native_rows / sizeof *native_rows;
        while (r < n && strcmp(native_rows[r].name, t->name) != 0) r++;
        bool is_norm = strncmp(t->name, norm_prefix, sizeof norm_prefix - 1) == 0;
        RETURN_IF(r == n && !is_norm, HOOKE_E_FORMAT,
                  "%s: tensor '%s' has no place in a Llamascopium dictionary", d->info.path, t->name);
        if (r < n) d->param[native_rows[r].param] = t;
    }
    return HOOKE_OK;
}

/* Without a decoder bias zeros are added. */
static hooke_status default_b_dec(struct hooke_dict *d)
{
    void *zeros;
    if (d->param[P_B_DEC] || !d->config.d_in) return HOOKE_OK;
    RETURN_IF_ERROR(dict_own_tensor(d, P_B_DEC, &zeros, "b_D", DT_F32, 1, &d->config.d_in));
    memset(zeros, 0, (size_t)d->config.d_in * sizeof(float));
    return HOOKE_OK;
}

/* ---- opening ---- */

static hooke_status read_tree(struct hooke_dict *d, const char *path, const char *file,
                              hooke_status (*take)(struct hooke_dict *, const struct json *, const char *))
{
    const char *name = path_beside(&d->arena, path, file);
    RETURN_IF(!name, HOOKE_E_MEMORY, "%s: out of memory", path);
    struct arena tree = { 0 };
    const struct json *root;
    hooke_status st = reader_json(&root, &tree, name);
    if (st == HOOKE_OK) st = take(d, root, name);
    arena_release(&tree);
    return st;
}

hooke_status llama_scope_open(struct hooke_dict *d, const char *path)
{
    char file[4096];
    path = above_weights(file, path);
    RETURN_IF_ERROR(reader_open_weights(d, path, release_weights));
    RETURN_IF_ERROR(reader_take(d, &d->safetensors, weight_rows, sizeof weight_rows / sizeof *weight_rows,
                                "a Llama Scope dictionary"));
    d->format = "llama_scope";
    return read_tree(d, path, "hyperparams.json", hyperparams_from_tree);
}

hooke_status lm_saes_open(struct hooke_dict *d, const char *path)
{
    RETURN_IF_ERROR(reader_open_weights(d, path, "sae_weights.safetensors"));
    if (safetensors_find(&d->safetensors, "encoder.weight")) {
        RETURN_IF_ERROR(reader_take(d, &d->safetensors, weight_rows, sizeof weight_rows / sizeof *weight_rows,
                                    "a Llama Scope R1 dictionary"));
        d->format = "llama_scope_r1";
        return read_tree(d, path, "config.json", r1_from_tree);
    }
    RETURN_IF_ERROR(take_native(d));
    d->format = "llamascopium";
    RETURN_IF_ERROR(read_tree(d, path, "config.json", native_from_tree));
    return default_b_dec(d);
}
