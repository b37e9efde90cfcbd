/* read_sparsify.c: EleutherAI's sparsify.
 *
 *   <run>/<hookpoint>[/seed<N>]/{cfg.json, sae.safetensors}      hookpoint: a module's name relative to the base model
 *   <run>/config.json                                            model, dataset, ctx_len of the run (often absent)
 *
 * encoder.weight [d_dict, d_in], encoder.bias, W_dec [d_dict, d_in], b_dec, W_skip [d, d] with a skip connection. The k largest of
 * relu((x - b_dec) W' + b) are kept, or with "groupmax" the largest of each of k groups; transcoders leave b_dec on. */
#include "dict/reader.h"

#include <ctype.h>
#include <string.h>

static const struct reader_row rows[] = {
    { "encoder.weight", P_W_ENC, true }, { "encoder.bias", P_B_ENC, false }, { "W_dec", P_W_DEC, false },
    { "b_dec", P_B_DEC, false },         { "W_skip", P_W_SKIP, false },
};

bool sparsify_recognise(const char *path)
{
    if (!is_folder(path) && !path_ends_with(path, "cfg.json") && !path_ends_with(path, "sae.safetensors"))
        return false;
    return exists_beside(path, "cfg.json") && exists_beside(path, "sae.safetensors");
}

/* The architecture's name, from the activation and the two switches. */
static hooke_status architecture_of(const char **out, const char *activation, bool transcode, bool skips,
                                    const char *name)
{
    static const char *const topk[2][2] = { { "topk", "topk_skip" },
                                            { "topk_transcoder", "topk_skip_transcoder" } };
    if (strcmp(activation, "topk") == 0)
        *out = topk[transcode][skips];
    else if (strcmp(activation, "groupmax") == 0)
        *out = transcode ? "groupmax_transcoder" : "groupmax";
    else
        return fail(HOOKE_E_UNSUPPORTED, "%s: activation '%s' is not supported; known are topk, groupmax",
                    name, activation);
    return HOOKE_OK;
}

static hooke_status config_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    const char *activation;
    int64_t k, expansion;
    bool transcode, skips, is_signed;
    RETURN_IF_ERROR(json_string(&activation, root, "activation", "topk", name));
    RETURN_IF_ERROR(json_bool(&transcode, root, "transcode", false, name));
    RETURN_IF_ERROR(json_bool(&skips, root, "skip_connection", false, name));
    RETURN_IF_ERROR(json_bool(&is_signed, root, "signed", false, name));
    RETURN_IF(is_signed, HOOKE_E_UNSUPPORTED, "%s: signed activations of old sparsify runs are not supported",
              name);
    RETURN_IF_ERROR(architecture_of(&c->architecture, activation, transcode, skips, name));
    RETURN_IF_ERROR(json_int(&k, root, "k", 1, INT32_MAX, 32, name));
    RETURN_IF_ERROR(json_int(&c->d_in, root, "d_in", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_int(&c->d_dict, root, "num_latents", 0, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_int(&expansion, root, "expansion_factor", 1, 1 << 20, 32, name));
    RETURN_IF(!skips && d->param[P_W_SKIP], HOOKE_E_FORMAT,
              "%s: skip_connection is false, but the weights hold W_skip", name);
    if (!c->d_dict && c->d_in) c->d_dict = c->d_in * expansion;
    c->k = (double)k;
    c->has_apply_b_dec = true;
    c->apply_b_dec = !transcode;
    const struct json *metadata = json_get(root, "metadata"); /* where hooke wrote the file */
    if (metadata && metadata->kind == JSON_OBJECT)
        RETURN_IF_ERROR(dict_config_metadata(c, &d->arena, metadata, name));
    return reader_keep_json(d, root);
}

static hooke_status run_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    int64_t n_ctx;
    RETURN_IF_ERROR(reader_string(d, &d->config.model_name, root, "model", name));
    RETURN_IF_ERROR(json_int(&n_ctx, root, "ctx_len", 0, INT32_MAX, 0, name));
    d->config.context_size = (int)n_ctx;
    return HOOKE_OK;
}

/* ---- the hookpoint ---- */

static bool is_hookpoint(const char *s, size_t n)
{
    return (n >= 7 && memcmp(s, "layers.", 7) == 0) || (n >= 2 && memcmp(s, "h.", 2) == 0) ||
           (n == 12 && memcmp(s, "embed_tokens", 12) == 0);
}

/* The last component of path that is a hookpoint, and the folder above it. */
static bool find_hookpoint(const char *path, const char **begin, const char **end)
{
    for (const char *e = path + strlen(path); e > path;) {
        const char *b = e;
        while (b > path && b[-1] != '/') b--;
        if (is_hookpoint(b, (size_t)(e - b))) {
            *begin = b;
            *end = e;
            return true;
        }
        e = b > path ? b - 1 : path;
    }
    return false;
}

/* "layers.5.mlp" is a module of the base model: which prefix it has there depends on the family. */
static hooke_status module_site(struct hooke_dict *d, const char **out, const char *module, size_t n,
                                const char *end)
{
    const char *model = d->config.model_name ? d->config.model_name : "";
    bool neox = strstr(model, "pythia") || strstr(model, "neox");
    const char *prefix = module[0] == 'h' ? "transformer." : neox ? "gpt_neox." : "model.";
    hooke_text t = { 0 };
    hooke_status st = text_printf(&t, "%s%.*s%s", prefix, (int)n, module, end);
    if (st == HOOKE_OK) st = reader_copy(d, out, t.data);
    hooke_text_release(&t);
    return st;
}

/* A bare "layers.5" is the residual stream; other modules keep their Hugging Face name. */
static hooke_status sites_from_hookpoint(struct hooke_dict *d, const char *at, size_t n, bool transcode)
{
    struct dict_config *c = &d->config;
    int layer = number_after(at, at[0] == 'h' ? "h." : "layers.");
    bool whole_block = true;
    for (size_t i = at[0] == 'h' ? 2 : 7; i < n; i++)
        whole_block = whole_block && isdigit((unsigned char)at[i]);
    if (at[0] == 'e') return reader_copy(d, &c->site, "hook_embed");
    if (whole_block && layer >= 0) {
        RETURN_IF_ERROR(reader_site(d, &c->site, layer, transcode ? "hook_resid_pre" : "hook_resid_post"));
        return transcode ? reader_site(d, &c->site_out, layer, "hook_resid_post") : HOOKE_OK;
    }
    RETURN_IF_ERROR(module_site(d, &c->site, at, n, transcode ? ".input" : ""));
    return transcode ? module_site(d, &c->site_out, at, n, ".output") : HOOKE_OK;
}

/* config.json of the run lies beside the hookpoint's folder. */
static hooke_status read_run(struct hooke_dict *d, const char *path, const char *hookpoint)
{
    hooke_text file = { 0 };
    hooke_status st = text_append(&file, path, (size_t)(hookpoint - path));
    if (st == HOOKE_OK) st = text_puts(&file, "config.json");
    if (st == HOOKE_OK && file_exists(file.data)) st = reader_config(d, file.data, run_from_tree);
    hooke_text_release(&file);
    return st;
}

hooke_status sparsify_open(struct hooke_dict *d, const char *path)
{
    const char *config = path_beside(&d->arena, path, "cfg.json"), *begin, *end;
    RETURN_IF(!config, HOOKE_E_MEMORY, "%s: out of memory", path);
    RETURN_IF_ERROR(reader_open_weights(d, path, "sae.safetensors"));
    RETURN_IF_ERROR(
        reader_take(d, &d->safetensors, rows, sizeof rows / sizeof *rows, "a sparsify dictionary"));
    d->format = "sparsify";
    d->config.prepend_bos = true;
    d->config.hook_head_index = -1;
    RETURN_IF_ERROR(reader_config(d, config, config_from_tree));
    if (d->config.site || !find_hookpoint(config, &begin, &end)) return HOOKE_OK;
    RETURN_IF_ERROR(read_run(d, config, begin));
    return sites_from_hookpoint(d, begin, (size_t)(end - begin), !d->config.apply_b_dec);
}
