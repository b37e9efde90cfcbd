/* read_torch_families.c: single releases in PyTorch files, each with its own names for the same few tensors. What their files do not
 * say (model, layer, context) is in their names. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "dict/torch_family.h"

static bool has(const struct torch_file *f, const char *name)
{
    return torch_has(f, "", name);
}

/* The whole of a repository's name and the file's own path in one look. */
static bool says(const struct hooke_dict *d, const char *path, const char *word)
{
    return strstr(path, word) || strstr(reader_repository(d, path), word);
}

/* ---- OpenAI's autoencoders: .../gpt2-small/<location>[_v5_32k]/autoencoders/<layer>.pt ---- */

static const struct reader_row openai_rows[] = {
    { "pre_bias", P_B_DEC, false },
    { "encoder.weight", P_W_ENC, true },
    { "latent_bias", P_B_ENC, false },
    { "decoder.weight", P_W_DEC, true },
    { "decoder.linear.weight", P_W_DEC, false }, /* tied: [n_latents, n_inputs] */
    { "stats_last_nonzero", N_PARAMS, false },
    { "latents_activation_frequency", N_PARAMS, false },
    { "latents_mean_square", N_PARAMS, false },
};

bool openai_fits(const struct torch_file *f, const char *path)
{
    (void)path;
    return has(f, "pre_bias") && has(f, "latent_bias");
}

static hooke_status openai_site(struct hooke_dict *d, const char *path)
{
    static const char *const places[][2] = { { "resid_delta_attn", "hook_attn_out" },
                                             { "resid_delta_mlp", "hook_mlp_out" },
                                             { "resid_post_attn", "hook_resid_mid" },
                                             { "resid_post_mlp", "hook_resid_post" },
                                             { "mlp_post_act", "mlp.hook_post" } };
    const char *base = file_part(path);
    int layer = 0;
    if (says(d, path, "gpt2-small")) RETURN_IF_ERROR(reader_copy(d, &d->config.model_name, "gpt2-small"));
    if (!isdigit((unsigned char)*base)) return HOOKE_OK;
    for (; isdigit((unsigned char)*base) && layer < 1000; base++) layer = 10 * layer + (*base - '0');
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (says(d, path, places[i][0])) return reader_site(d, &d->config.site, layer, places[i][1]);
    return HOOKE_OK;
}

/* The layer norm is there exactly with top-k. */
static hooke_status openai_activation(struct hooke_dict *d)
{
    const struct torch_value *name = torch_file_value(&d->torch, "activation"),
                             *after = torch_file_value(&d->torch, "activation_state_dict.postact_fn");
    bool found;
    d->config.architecture = "standard";
    if (!name || !name->string || strcmp(name->string, "ReLU") == 0) return HOOKE_OK;
    RETURN_IF(strcmp(name->string, "TopK") != 0 ||
                  (after && (!after->string || strcmp(after->string, "ReLU") != 0)),
              HOOKE_E_UNSUPPORTED, "%s: activation '%s' with '%s'; known are ReLU, and TopK followed by ReLU",
              d->info.path, name->string, after && after->string ? after->string : "nothing");
    RETURN_IF_ERROR(torch_number(d, "", "activation_state_dict.k", &d->config.k, &found));
    RETURN_IF(!found, HOOKE_E_FORMAT, "%s: activation TopK without activation_state_dict.k", d->info.path);
    d->config.architecture = "topk";
    d->config.normalize = NORMALIZE_LAYER_NORM;
    return HOOKE_OK;
}

hooke_status openai_take(struct hooke_dict *d, const char *path)
{
    d->config.apply_b_dec = true;
    d->config.prepend_bos = false;
    d->config.context_size = 64;
    RETURN_IF_ERROR(
        torch_take(d, "", openai_rows, sizeof openai_rows / sizeof *openai_rows, "an OpenAI autoencoder"));
    RETURN_IF_ERROR(openai_activation(d));
    return openai_site(d, path);
}

/* ---- two linear layers: DeepSeek R1's and Goodfire's ---- */

static hooke_status take_linear_pair(struct hooke_dict *d, const char *path, const struct reader_row rows[4],
                                     const char *what)
{
    int layer = number_after(path, "l");
    RETURN_IF_ERROR(torch_take(d, "", rows, 4, what));
    d->config.architecture = "standard";
    return layer >= 0 ? reader_site(d, &d->config.site, layer, "hook_resid_post") : HOOKE_OK;
}

bool deepseek_r1_fits(const struct torch_file *f, const char *path)
{
    return has(f, "encoder.weight") && has(f, "decoder.bias") && strstr(path, "DeepSeek-R1") &&
           !exists_beside(path, "config.json");
}

hooke_status deepseek_r1_take(struct hooke_dict *d, const char *path)
{
    static const struct reader_row rows[4] = { { "encoder.weight", P_W_ENC, true },
                                               { "encoder.bias", P_B_ENC, false },
                                               { "decoder.weight", P_W_DEC, true },
                                               { "decoder.bias", P_B_DEC, false } };
    d->config.context_size = 1024;
    d->config.model_name = "deepseek-ai/DeepSeek-R1-Distill-Llama-8B";
    return take_linear_pair(d, path, rows, "a DeepSeek R1 dictionary");
}

bool goodfire_fits(const struct torch_file *f, const char *path)
{
    (void)path;
    return has(f, "encoder_linear.weight") && has(f, "decoder_linear.weight");
}

hooke_status goodfire_take(struct hooke_dict *d, const char *path)
{
    static const struct reader_row rows[4] = { { "encoder_linear.weight", P_W_ENC, true },
                                               { "encoder_linear.bias", P_B_ENC, false },
                                               { "decoder_linear.weight", P_W_DEC, true },
                                               { "decoder_linear.bias", P_B_DEC, false } };
    if (says(d, path, "Llama-3.3-70B")) d->config.model_name = "meta-llama/Llama-3.3-70B-Instruct";
    if (says(d, path, "Llama-3.1-8B")) d->config.model_name = "meta-llama/Llama-3.1-8B-Instruct";
    return take_linear_pair(d, path, rows, "a Goodfire dictionary");
}

/* ---- SAELens' names, other conventions ---- */

static const struct reader_row canonical_rows[] = {
    { "W_enc", P_W_ENC, false },
    { "b_enc", P_B_ENC, false },
    { "W_dec", P_W_DEC, false },
    { "b_dec", P_B_DEC, false },
};

static bool has_canonical(const struct torch_file *f)
{
    return has(f, "W_enc") && has(f, "W_dec") && has(f, "b_enc") && has(f, "b_dec") && !has(f, "threshold") &&
           !has(f, "k");
}

/* "<name>.pt" has its configuration in "<name>_cfg.json". *out is NULL when the name is too long for that. */
static const char *hook_z_config(char out[512], const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    size_t n = dot ? (size_t)(dot - base) : strlen(base);
    int written = n < 400 ? snprintf(out, 512, "%.*s_cfg.json", (int)n, base) : -1;
    return written > 0 ? out : NULL;
}

bool hook_z_fits(const struct torch_file *f, const char *path)
{
    char name[512];
    const char *config = hook_z_config(name, path);
    return has_canonical(f) && config && exists_beside(path, config);
}

static hooke_status hook_z_settings(struct hooke_dict *d, const struct json *root, const char *path)
{
    RETURN_IF(!root, HOOKE_E_NOT_FOUND, "%s: its configuration (<name>_cfg.json beside it) is missing", path);
    RETURN_IF_ERROR(json_int(&d->config.d_in, root, "act_size", 1, INT32_MAX, 0, path));
    RETURN_IF_ERROR(json_int(&d->config.d_dict, root, "dict_size", 1, INT32_MAX, 0, path));
    RETURN_IF_ERROR(reader_string(d, &d->config.site, root, "act_name", path));
    return reader_keep_json(d, root);
}

hooke_status hook_z_take(struct hooke_dict *d, const char *path)
{
    char name[512];
    struct arena tree = { 0 };
    const struct json *root = NULL;
    const char *config = hook_z_config(name, path);
    d->config.architecture = "standard";
    d->config.apply_b_dec = true;
    d->config.model_name = "gpt2-small";
    d->config.context_size = 128;
    RETURN_IF_ERROR(torch_take(d, "", canonical_rows, 4, "a hook_z dictionary"));
    hooke_status st = config ? torch_json_beside(d, path, config, &tree, &root) : HOOKE_OK;
    if (st == HOOKE_OK) st = hook_z_settings(d, root, path);
    arena_release(&tree);
    return st;
}

/* Qwen/SAE-Res-Qwen3-1.7B-Base-W32K-L0_50, layer<L>.sae.pt: both matrices the other way round. */
bool qwen_scope_fits(const struct torch_file *f, const char *path)
{
    return has_canonical(f) && (strstr(path, "SAE-Res-") || path_ends_with(path, ".sae.pt"));
}

static hooke_status qwen_scope_model(struct hooke_dict *d, const char *where)
{
    const char *begin = strstr(where, "SAE-Res-"), *end = begin ? strstr(begin, "-W") : NULL;
    hooke_text t = { 0 };
    if (!end) return HOOKE_OK;
    begin += strlen("SAE-Res-");
    hooke_status st = text_printf(&t, "Qwen/%.*s", (int)(end - begin), begin);
    if (st == HOOKE_OK) st = reader_copy(d, &d->config.model_name, t.data);
    hooke_text_release(&t);
    return st;
}

hooke_status qwen_scope_take(struct hooke_dict *d, const char *path)
{
    static const struct reader_row rows[] = { { "W_enc", P_W_ENC, true },
                                              { "b_enc", P_B_ENC, false },
                                              { "W_dec", P_W_DEC, true },
                                              { "b_dec", P_B_DEC, false } };
    const char *where = reader_repository(d, path);
    int k = number_after(where, "L0_"), layer = number_after(path, "layer");
    RETURN_IF(k < 1, HOOKE_E_FORMAT,
              "%s: the number of codes a row, k, stands only in the repository's name (...-L0_50), which "
              "'%s' lacks",
              path, where);
    d->config.architecture = "topk";
    d->config.k = k;
    d->config.context_size = 1024;
    RETURN_IF_ERROR(torch_take(d, "", rows, 4, "a Qwen Scope dictionary"));
    RETURN_IF_ERROR(qwen_scope_model(d, where));
    return layer >= 0 ? reader_site(d, &d->config.site, layer, "hook_resid_post") : HOOKE_OK;
}

/* ---- SAEBench's PCA baseline: pca_<model>_<hook>.pt ---- */

bool pca_fits(const struct torch_file *f, const char *path)
{
    (void)path;
    return has(f, "mean") && has(f, "W_enc") && has(f, "W_dec");
}

/* The fitting code stores components as rows of W_enc, so that x W_enc are no principal scores; the file is followed all the same,
 * unless conversion "pca_scores" asks for them. The reconstruction is exact either way. */
hooke_status pca_take(struct hooke_dict *d, const char *path)
{
    bool scores = d->options && d->options->conversion && strcmp(d->options->conversion, "pca_scores") == 0;
    const struct reader_row rows[] = { { "W_enc", P_W_ENC, scores },
                                       { "W_dec", P_W_DEC, scores },
                                       { "mean", P_B_DEC, false } };
    const char *base = file_part(path), *hook = strstr(base, "_blocks."), *dot = strrchr(base, '.');
    d->config.architecture = "linear";
    d->config.apply_b_dec = true;
    RETURN_IF_ERROR(torch_take(d, "", rows, 3, "a PCA dictionary"));
    if (strncmp(base, "pca_", 4) != 0 || !hook || !dot || dot < hook) return HOOKE_OK;
    d->config.model_name = arena_copy(&d->arena, base + 4, (size_t)(hook - base - 4));
    d->config.site = arena_copy(&d->arena, hook + 1, (size_t)(dot - hook - 1));
    RETURN_IF(!d->config.model_name || !d->config.site, HOOKE_E_MEMORY, "%s: out of memory", path);
    return HOOKE_OK;
}
