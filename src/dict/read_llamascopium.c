/* read_llamascopium.c: Llamascopium, once Language-Model-SAEs: a folder of config.json and the first of these that is there,
 *
 *   sae_weights, checkpoints/pruned, checkpoints/final   .safetensors   W_E, b_E, W_D, b_D, ..., of transcoders too
 *                                                        .pt            {"sae": those, "version": ...}
 *                                                        .dcp           a folder of shards: refused
 *
 * Scales and gate as in read_llama_scope.c; here they are kept at run time: codes are h_i of the scaled row. */
#include <stdio.h>
#include <string.h>

#include "dict/lm_saes.h"

static const char *const weights_files[] = {
    "sae_weights.safetensors",        "sae_weights.pt",        "sae_weights.dcp",
    "checkpoints/pruned.safetensors", "checkpoints/pruned.pt", "checkpoints/pruned.dcp",
    "checkpoints/final.safetensors",  "checkpoints/final.pt",  "checkpoints/final.dcp",
};
enum { N_WEIGHTS_FILES = sizeof weights_files / sizeof *weights_files };

static const struct reader_row rows[] = {
    { "W_E", P_W_ENC, false },
    { "b_E", P_B_ENC, false },
    { "W_D", P_W_DEC, false },
    { "b_D", P_B_DEC, false },
    { "W_E_glu", P_W_GLU, false },
    { "b_E_glu", P_B_GLU, false },
    { "activation_function.log_jumprelu_threshold", P_THRESHOLD, false },
};
static const char norm_prefix[] = "dataset_average_activation_norm.";

/* Which of the weights' files path means, a folder, its config.json or the file itself, and in *config a path to which
 * config.json is beside; NULL: none. */
static const char *find_weights(const char **config, char out[4096], const char *path)
{
    *config = path;
    for (int i = 0; i < N_WEIGHTS_FILES; i++)
        if ((*config = path_instead(out, path, weights_files[i], "config.json")) != path)
            return weights_files[i];
    if (!is_folder(path) && !path_ends_with(path, "config.json")) return NULL;
    for (int i = 0; i < N_WEIGHTS_FILES; i++)
        if (exists_beside(path, weights_files[i])) return weights_files[i];
    return NULL;
}

bool llamascopium_recognise(const char *path)
{
    char file[4096];
    const char *config, *weights = find_weights(&config, file, path);
    return weights && exists_beside(config, weights) && exists_beside(config, "config.json") &&
           !exists_beside(config, "cfg.json");
}

/* ---- tensors, in either container ---- */

static const char inside[] = "sae.";

static const char *name_at(const struct hooke_dict *d, int i)
{
    if (i < d->safetensors.n_tensors) return d->safetensors.tensors[i].name;
    const char *name = d->torch.tensors[i].name;
    return strncmp(name, inside, sizeof inside - 1) == 0 ? name + sizeof inside - 1 : name;
}

/* *out is NULL when there is none. */
static hooke_status find_tensor(struct hooke_dict *d, const struct stored_tensor **out, const char *name)
{
    char full[512];
    *out = d->safetensors.n_tensors > 0 ? safetensors_find(&d->safetensors, name) : NULL;
    int n = snprintf(full, sizeof full, "%s%s", inside, name);
    if (*out || n < 0 || (size_t)n >= sizeof full || !torch_file_find(&d->torch, full)) return HOOKE_OK;
    return torch_file_load(&d->torch, out, full);
}

/* The weights also hold the sites' mean norms, by name. */
static hooke_status take_tensors(struct hooke_dict *d)
{
    enum { N_ROWS = sizeof rows / sizeof *rows };
    for (int i = 0; i < d->safetensors.n_tensors + d->torch.n_tensors; i++) {
        const char *name = name_at(d, i);
        int r = 0;
        while (r < N_ROWS && strcmp(rows[r].name, name) != 0) r++;
        if (strncmp(name, norm_prefix, sizeof norm_prefix - 1) == 0) continue;
        RETURN_IF(r == N_ROWS, HOOKE_E_FORMAT, "%s: tensor '%s' has no place in a Llamascopium dictionary",
                  d->info.path, name);
        RETURN_IF_ERROR(find_tensor(d, &d->param[rows[r].param], name));
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

/* ---- config.json ---- */

/* The architecture: a row of the table by act_fn, a column by what else the file is. */
static hooke_status activation(struct hooke_dict *d, const struct json *root, bool glu, const char *name)
{
    enum { PLAIN = 1, WITH_GLU, TRANSCODER, N_COLUMNS };
    static const char *const table[][N_COLUMNS] = { { "relu", "standard", "glu", "transcoder" },
                                                    { "jumprelu", "jumprelu", "jumprelu_glu",
                                                      "jumprelu_transcoder" },
                                                    { "topk", "topk", "topk_glu", "topk_transcoder" },
                                                    { "batchtopk", "batch_topk_of_the_call", NULL, NULL } };
    struct dict_config *c = &d->config;
    const char *act;
    int64_t k;
    bool other_site = lm_saes_is_transcoder(c);
    int column = other_site ? TRANSCODER : glu ? WITH_GLU : PLAIN;
    RETURN_IF_ERROR(json_string(&act, root, "act_fn", "relu", name));
    RETURN_IF_ERROR(json_int(&k, root, "top_k", 1, INT32_MAX, 50, name));
    c->k = (double)k;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i][0], act) == 0 && !(glu && other_site)) c->architecture = table[i][column];
    RETURN_IF(!c->architecture, HOOKE_E_UNSUPPORTED,
              "%s: act_fn '%s'%s%s is not supported; known are relu, jumprelu, topk, each also with a gated "
              "linear encoder or as a transcoder, and batchtopk",
              name, act, glu ? " with a gated linear encoder" : "", other_site ? " as a transcoder" : "");
    if (strcmp(act, "jumprelu") != 0) d->param[P_THRESHOLD] = NULL; /* left over from another activation */
    return HOOKE_OK;
}

/* The mean length of rows at a site: a number in the weights' file. */
static hooke_status site_norm(struct hooke_dict *d, double *scale, const char *site, const char *name)
{
    hooke_text key = { 0 };
    float mean = 0;
    const struct stored_tensor *t = NULL;
    hooke_status st = text_printf(&key, "%s%s", norm_prefix, site ? site : "");
    if (st == HOOKE_OK) st = find_tensor(d, &t, key.data);
    if (st == HOOKE_OK && (!t || t->n_items != 1))
        st = fail(HOOKE_E_FORMAT, "%s: norm_activation is dataset-wise, but the weights hold no number '%s'",
                  name, key.data);
    if (st == HOOKE_OK) st = stored_to_f32(&mean, t, 0, 1);
    if (st == HOOKE_OK) st = lm_saes_scale(scale, d->config.d_in, (double)mean, key.data, name);
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
        RETURN_IF(lm_saes_is_transcoder(c), HOOKE_E_UNSUPPORTED,
                  "%s: norm_activation 'token-wise' of a transcoder is not supported: its output is scaled "
                  "by the length of what it is to predict",
                  name);
        c->normalize = NORMALIZE_CONSTANT_NORM;
        return HOOKE_OK;
    }
    RETURN_IF(strcmp(kind, "dataset-wise") != 0, HOOKE_E_UNSUPPORTED,
              "%s: norm_activation '%s' is not supported; known are dataset-wise, token-wise, inference",
              name, kind);
    RETURN_IF_ERROR(site_norm(d, &c->activation_scale, c->site, name));
    return site_norm(d, &c->output_scale, c->site_out ? c->site_out : c->site, name);
}

static hooke_status from_tree(struct hooke_dict *d, const struct json *root, const char *name)
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
    RETURN_IF_ERROR(lm_saes_sites(d, root, name));
    RETURN_IF_ERROR(activation(d, root, glu, name));
    RETURN_IF_ERROR(normalization(d, root, name));
    return reader_keep_json(d, root);
}

/* ---- opening ---- */

static hooke_status open_container(struct hooke_dict *d, const char *file)
{
    RETURN_IF(
        path_ends_with(file, ".dcp"), HOOKE_E_UNSUPPORTED,
        "%s: sharded checkpoints are not read; save it as sae_weights.safetensors with the library that "
        "wrote it",
        file);
    return path_ends_with(file, ".pt") ? torch_file_open(&d->torch, file)
                                       : safetensors_open(&d->safetensors, file);
}

hooke_status llamascopium_open(struct hooke_dict *d, const char *path)
{
    char file[4096];
    const char *config, *weights = find_weights(&config, file, path);
    RETURN_IF(!weights, HOOKE_E_NOT_FOUND, "%s: no weights of Llamascopium", path);
    weights = path_beside(&d->arena, config, weights);
    config = path_beside(&d->arena, config, "config.json");
    RETURN_IF(!weights || !config, HOOKE_E_MEMORY, "%s: out of memory", path);
    RETURN_IF_ERROR(open_container(d, weights));
    if (safetensors_find(&d->safetensors, "encoder.weight")) return llama_scope_r1_take(d, config);
    RETURN_IF_ERROR(take_tensors(d));
    d->format = "llamascopium";
    RETURN_IF_ERROR(reader_config(d, config, from_tree));
    return default_b_dec(d);
}
