/* read_gemma_scope2.c: Gemma Scope 2, dictionaries of Gemma 3.
 *
 *   .../gemma-scope-2-1b-pt/<kind>/layer_<L>_width_<W>_l0_<size>[_affine]/{config.json, params.safetensors}
 *   .../gemma-scope-2-1b-pt/clt/<name>/params_layer_<L>.safetensors          cross-layer transcoders, one file a layer
 *
 * w_enc [d_in, d_dict], w_dec [d_dict, d_out] (cross-layer: [d_dict, targets, d_out]), b_enc, b_dec, threshold, and with an affine
 * connection affine_skip_connection [d_in, d_out]: its term is x A, so it is W_skip transposed. JumpReLU, b_dec not subtracted.
 * Kinds: resid_post, attn_out (which reads the input of o_proj, all heads side by side), mlp_out, transcoder, each also "_all".
 * Without a config.json, kind and layer come from the path. */
#include "dict/reader.h"

#include <string.h>

static const struct reader_row rows[] = {
    { "w_enc", P_W_ENC, false },         { "w_dec", P_W_DEC, false },
    { "b_enc", P_B_ENC, false },         { "b_dec", P_B_DEC, false },
    { "threshold", P_THRESHOLD, false }, { "affine_skip_connection", P_W_SKIP, true },
};

static bool is_layer_file(const char *path)
{
    const char *name = file_part(path);
    return strncmp(name, "params_layer_", 13) == 0 && path_ends_with(name, ".safetensors");
}

bool gemma_scope2_recognise(const char *path)
{
    if (is_folder(path)) return exists_beside(path, "params.safetensors");
    bool named = strcmp(file_part(path), "params.safetensors") == 0 || is_layer_file(path);
    return named ? file_exists(path)
                 : path_ends_with(path, "config.json") && exists_beside(path, "params.safetensors");
}

/* "google--gemma-scope-2-1b-pt" in a path or "google/gemma-scope-2-1b-pt" -> "google/gemma-3-1b-pt". */
static hooke_status model_of_repository(struct hooke_dict *d, const char *path)
{
    const char *begin, *end, *word = "gemma-scope-2-";
    if (!component_with(reader_repository(d, path), word, &begin, &end)) return HOOKE_OK;
    const char *size = strstr(begin, word) + strlen(word);
    hooke_text t = { 0 };
    int n = (int)(end - size);
    bool small = n >= 4 && memcmp(size, "270m", 4) == 0; /* the base model of that size has no suffix */
    if (small && contains(size, end, "-pt")) n = 4;
    hooke_status st = text_printf(&t, "google/gemma-3-%.*s", n, size);
    if (st == HOOKE_OK) st = reader_copy(d, &d->config.model_name, t.data);
    hooke_text_release(&t);
    return st;
}

/* As the configuration has it, repaired: "gemma-v3-1b" is a slip of the files, and the organisation may be missing. */
static hooke_status model_from_config(struct hooke_dict *d, const struct json *root, const char *name)
{
    const char *model;
    RETURN_IF_ERROR(json_string(&model, root, "model_name", NULL, name));
    if (!model) return HOOKE_OK;
    const char *slip = strstr(model, "-v3");
    int n = slip ? (int)(slip - model) : (int)strlen(model);
    hooke_text t = { 0 };
    hooke_status st = text_printf(&t, "%s%.*s%s%s", strstr(model, "google") ? "" : "google/", n, model,
                                  slip ? "-3" : "", slip ? slip + 3 : "");
    if (st == HOOKE_OK) st = reader_copy(d, &d->config.model_name, t.data);
    hooke_text_release(&t);
    return st;
}

/* The registry's kinds, tested in this order. */
static hooke_status sites_from_path(struct hooke_dict *d, const char *path, int layer)
{
    static const char *const kinds[][2] = { { "resid_post", "hook_resid_post" },
                                            { "attn_out", "attn.hook_z" },
                                            { "mlp_out", "hook_mlp_out" } };
    struct dict_config *c = &d->config;
    const char *b, *e;
    if (layer < 0) return HOOKE_OK;
    if (component_with(path, "transcoder", &b, &e) || component_with(path, "clt", &b, &e)) {
        RETURN_IF_ERROR(reader_site(d, &c->site, layer, "mlp.hook_in"));
        return reader_site(d, &c->site_out, layer, "hook_mlp_out");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (component_with(path, kinds[i][0], &b, &e)) return reader_site(d, &c->site, layer, kinds[i][1]);
    return HOOKE_OK;
}

static hooke_status config_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    const char *architecture, *in, *out, *type;
    int64_t width;
    RETURN_IF_ERROR(json_string(&architecture, root, "architecture", "jump_relu", name));
    RETURN_IF(strcmp(architecture, "jump_relu") != 0, HOOKE_E_UNSUPPORTED,
              "%s: architecture '%s' is not one that Gemma Scope 2 is known to use; known is jump_relu", name,
              architecture);
    RETURN_IF_ERROR(json_string(&type, root, "type", "", name));
    RETURN_IF(strstr(type, "crosscoder"), HOOKE_E_UNSUPPORTED, "%s: crosscoders are not read", name);
    RETURN_IF_ERROR(json_string(&in, root, "hf_hook_point_in", NULL, name));
    RETURN_IF_ERROR(json_string(&out, root, "hf_hook_point_out", NULL, name));
    RETURN_IF_ERROR(json_int(&width, root, "width", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_real(&c->expected_l0, root, "l0", 0, name));
    RETURN_IF_ERROR(model_from_config(d, root, name));
    if (in) RETURN_IF_ERROR(reader_hf_site(d, &c->site, in));
    if (out) RETURN_IF_ERROR(reader_hf_site(d, &c->site_out, out));
    return reader_keep_json(d, root);
}

static hooke_status read_config(struct hooke_dict *d, const char *path)
{
    if (!exists_beside(path, "config.json")) return HOOKE_OK;
    const char *file = path_beside(&d->arena, path, "config.json");
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    return reader_config(d, file, config_from_tree);
}

/* SAEs rebuild what they read; everything else is a transcoder. */
static const char *architecture_of(const struct hooke_dict *d, const char *path)
{
    const struct dict_config *c = &d->config;
    const char *b, *e;
    bool names_it = component_with(path, "transcoder", &b, &e) || component_with(path, "clt", &b, &e);
    bool other_site = c->site && c->site_out && strcmp(c->site, c->site_out) != 0;
    bool skips = d->param[P_W_SKIP] != NULL;
    if (!names_it && !other_site && !skips && !c->n_targets) return "jumprelu";
    return skips ? "jumprelu_skip_transcoder" : "jumprelu_transcoder";
}

hooke_status gemma_scope2_open(struct hooke_dict *d, const char *path)
{
    struct dict_config *c = &d->config;
    bool layer_file = !is_folder(path) && is_layer_file(path);
    RETURN_IF_ERROR(reader_open_weights(d, path, layer_file ? file_part(path) : "params.safetensors"));
    RETURN_IF_ERROR(
        reader_take(d, &d->safetensors, rows, sizeof rows / sizeof *rows, "a Gemma Scope 2 file"));
    d->format = "gemma_scope_2";
    c->has_apply_b_dec = c->prepend_bos = true;
    c->context_size = 1024;
    c->hook_head_index = -1;
    if (d->param[P_W_DEC] && d->param[P_W_DEC]->n_dims == 3)
        RETURN_IF_ERROR(reader_target_decoder(d, d->param[P_W_DEC]));
    RETURN_IF_ERROR(model_of_repository(d, path));
    RETURN_IF_ERROR(sites_from_path(d, path, number_after(path, "layer_")));
    RETURN_IF_ERROR(read_config(d, path));
    c->architecture = architecture_of(d, path);
    return HOOKE_OK;
}
