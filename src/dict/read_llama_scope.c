/* read_llama_scope.c: two releases of one library (read_llamascopium.c has what it writes today).
 *
 *   llama_scope      hyperparams.json, checkpoints/final.safetensors      encoder.weight, decoder.weight, ...
 *   llama_scope_r1   config.json, sae_weights.safetensors                 the same and log_jumprelu_threshold
 *
 * Rows are scaled to a mean length of sqrt(d) first, s = sqrt(d) / dataset_average_activation_norm, and the output is scaled back
 * by s' of its own site. The gate looks at h_i n_i, n_i the decoder row's length (sparsity_include_decoder_norm).
 *
 * Llama Scope's release folded all of that: its codes are h_i n_i / s', which are canonical codes, active above jump_relu_threshold.
 * SAELens reads these files without n_i in the gate; hooke_dict_options.as_saelens does the same. */
#include <math.h>
#include <string.h>

#include "dict/lm_saes.h"

static const struct reader_row weight_rows[] = {
    { "encoder.weight", P_W_ENC, true },
    { "encoder.bias", P_B_ENC, false },
    { "decoder.weight", P_W_DEC, true },
    { "decoder.bias", P_B_DEC, false },
    { "log_jumprelu_threshold", P_THRESHOLD, false },
};
static const char release_weights[] = "checkpoints/final.safetensors";

bool llama_scope_recognise(const char *path)
{
    char file[4096];
    path = path_instead(file, path, release_weights, "hyperparams.json");
    if (!is_folder(path) && !path_ends_with(path, "hyperparams.json")) return false;
    return exists_beside(path, "hyperparams.json") && exists_beside(path, release_weights);
}

/* ---- what the generations share ---- */

hooke_status lm_saes_scale(double *out, int64_t d_model, double mean_norm, const char *what, const char *name)
{
    RETURN_IF(!(mean_norm > 0) || isinf(mean_norm), HOOKE_E_FORMAT,
              "%s: %s must be a positive number, found %g", name, what, mean_norm);
    *out = sqrt((double)d_model) / mean_norm;
    return HOOKE_OK;
}

hooke_status lm_saes_sites(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    RETURN_IF_ERROR(reader_string(d, &c->site, root, "hook_point_in", name));
    RETURN_IF_ERROR(reader_string(d, &c->site_out, root, "hook_point_out", name));
    c->has_apply_b_dec = c->prepend_bos = true;
    c->context_size = 1024;
    c->hook_head_index = -1;
    return HOOKE_OK;
}

bool lm_saes_is_transcoder(const struct dict_config *c)
{
    return c->site && c->site_out && strcmp(c->site, c->site_out) != 0;
}

/* ---- Llama Scope ---- */

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
    RETURN_IF_ERROR(
        lm_saes_scale(&c->activation_scale, c->d_in, in, "dataset_average_activation_norm.in", name));
    RETURN_IF_ERROR(
        lm_saes_scale(&c->output_scale, c->d_in, out, "dataset_average_activation_norm.out", name));
    RETURN_IF_ERROR(lm_saes_sites(d, root, name));
    RETURN_IF(!(threshold > 0), HOOKE_E_UNSUPPORTED,
              "%s: act_fn '%s' without a positive jump_relu_threshold: no published dictionary of this "
              "family has that",
              name, act);
    c->architecture = lm_saes_is_transcoder(c) ? "jumprelu_transcoder" : "jumprelu";
    c->model_name = "meta-llama/Llama-3.1-8B";
    c->expected_l0 = k;
    release_gate(c, threshold, d->options && d->options->as_saelens);
    return reader_keep_json(d, root);
}

/* ---- R1-distill ---- */

static hooke_status r1_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    RETURN_IF_ERROR(json_int(&c->d_in, root, "d_model", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(lm_saes_sites(d, root, name));
    c->architecture = d->param[P_THRESHOLD] ? "jumprelu" : "standard";
    c->threshold_is_log = true;
    c->normalize = NORMALIZE_EXPECTED_AVERAGE; /* the factor is the registry's */
    c->model_name = "deepseek-ai/DeepSeek-R1-Distill-Llama-8B";
    return reader_keep_json(d, root);
}

/* ---- opening ---- */

hooke_status llama_scope_open(struct hooke_dict *d, const char *path)
{
    char file[4096];
    path = path_instead(file, path, release_weights, "hyperparams.json");
    const char *config = path_beside(&d->arena, path, "hyperparams.json");
    RETURN_IF(!config, HOOKE_E_MEMORY, "%s: out of memory", path);
    RETURN_IF_ERROR(reader_open_weights(d, path, release_weights));
    RETURN_IF_ERROR(reader_take(d, &d->safetensors, weight_rows, sizeof weight_rows / sizeof *weight_rows,
                                "a Llama Scope dictionary"));
    d->format = "llama_scope";
    return reader_config(d, config, hyperparams_from_tree);
}

hooke_status llama_scope_r1_take(struct hooke_dict *d, const char *config)
{
    RETURN_IF_ERROR(reader_take(d, &d->safetensors, weight_rows, sizeof weight_rows / sizeof *weight_rows,
                                "a Llama Scope R1 dictionary"));
    d->format = "llama_scope_r1";
    return reader_config(d, config, r1_from_tree);
}
