/* read_circuit.c: transcoder sets as circuit tracing uses them, one layer of a set at a time.
 *
 *   layer_<L>.safetensors     W_enc [d_dict, d], W_dec [d_dict, d], b_enc, b_dec, optional W_skip [d, d] and threshold
 *   W_enc_<L>.safetensors     W_enc_<L> [d_dict, d], b_enc_<L>, b_dec_<L>, optional threshold_<L>: a cross-layer transcoder ...
 *   W_dec_<L>.safetensors     ... and W_dec_<L> [d_dict, n_layers - L, d], its decoders for layers L, L+1, ...
 *   config.yaml               model_name, feature_input_hook, feature_output_hook (without "blocks.<L>."), activation, k
 *   wandb-config.yaml         d_model.value, d_feature.value (also under a misspelt name): says no more than the tensors do
 *
 * "activation: topk" keeps the k largest values with their signs. */
#include "dict/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct reader_row rows[] = {
    { "W_enc", P_W_ENC, true },    { "W_dec", P_W_DEC, false },
    { "b_enc", P_B_ENC, false },   { "b_dec", P_B_DEC, false },
    { "W_skip", P_W_SKIP, false }, { "activation_function.threshold", P_THRESHOLD, false },
    { "k", N_PARAMS, false },
};

/* "layer_12.safetensors" with prefix "layer_" -> 12; -1: another name. */
static int layer_of(const char *path, const char *prefix)
{
    const char *name = file_part(path);
    size_t n = strlen(prefix), digits = 0;
    if (strncmp(name, prefix, n) != 0) return -1;
    digits = strspn(name + n, "0123456789");
    if (digits == 0 || digits > 6 || strcmp(name + n + digits, ".safetensors") != 0) return -1;
    return (int)strtol(name + n, NULL, 10);
}

/* The file beside a cross-layer transcoder's decoders that makes them a dictionary. */
static bool has_encoder(const char *path, int layer)
{
    char name[64];
    snprintf(name, sizeof name, "W_enc_%d.safetensors", layer);
    return exists_beside(path, name);
}

bool circuit_recognise(const char *path)
{
    int decoders = layer_of(path, "W_dec_");
    return (layer_of(path, "layer_") >= 0 || layer_of(path, "W_enc_") >= 0 ||
            (decoders >= 0 && has_encoder(path, decoders))) &&
           file_exists(path);
}

/* ---- configuration ---- */

static hooke_status hook_of(struct hooke_dict *d, const char **out, const struct json *root, const char *key,
                            int layer, const char *name)
{
    const char *hook;
    RETURN_IF_ERROR(json_string(&hook, root, key, NULL, name));
    if (!hook) return HOOKE_OK;
    return strncmp(hook, "blocks.", 7) == 0 ? reader_copy(d, out, hook) : reader_site(d, out, layer, hook);
}

static hooke_status config_from_tree(struct hooke_dict *d, const struct json *root, int layer,
                                     const char *name)
{
    struct dict_config *c = &d->config;
    const char *act;
    RETURN_IF_ERROR(reader_string(d, &c->model_name, root, "model_name", name));
    RETURN_IF_ERROR(hook_of(d, &c->site, root, "feature_input_hook", layer, name));
    RETURN_IF_ERROR(hook_of(d, &c->site_out, root, "feature_output_hook", layer, name));
    RETURN_IF_ERROR(json_string(&act, root, "activation", "", name));
    RETURN_IF_ERROR(json_real(&c->k, root, "k", 0, name));
    if (strcmp(act, "topk") == 0)
        c->architecture = "signed_topk_transcoder";
    else
        RETURN_IF(*act && strcmp(act, "relu") != 0 && strcmp(act, "jump_relu") != 0 &&
                      strcmp(act, "jumprelu") != 0,
                  HOOKE_E_UNSUPPORTED,
                  "%s: activation '%s' is not supported; known are relu, jump_relu, topk", name, act);
    return reader_keep_json(d, root);
}

static hooke_status read_config(struct hooke_dict *d, const char *path, int layer)
{
    if (!exists_beside(path, "config.yaml")) return HOOKE_OK;
    const char *file = path_beside(&d->arena, path, "config.yaml");
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    struct arena tree = { 0 };
    const struct json *root;
    hooke_status st = yaml_read(&root, &tree, file, READER_JSON_MAX);
    if (st == HOOKE_OK) st = config_from_tree(d, root, layer, file);
    arena_release(&tree);
    return st;
}

static void choose_architecture(struct hooke_dict *d)
{
    static const char *const names[2][2] = { { "transcoder", "skip_transcoder" },
                                             { "jumprelu_transcoder", "jumprelu_skip_transcoder" } };
    if (!d->config.architecture)
        d->config.architecture = names[d->param[P_THRESHOLD] != NULL][d->param[P_W_SKIP] != NULL];
}

/* A "k" in the weights is the k of this layer. */
static hooke_status stored_k(struct hooke_dict *d)
{
    const struct stored_tensor *t = safetensors_find(&d->safetensors, "k");
    int64_t k;
    if (!t || t->n_items != 1) return HOOKE_OK;
    RETURN_IF_ERROR(stored_to_i64(&k, t, 0, 1));
    d->config.k = (double)k;
    return HOOKE_OK;
}

/* ---- weights ---- */

/* Early uploads have W_dec turned round; where it is square nothing can tell. */
static hooke_status check_decoder(struct hooke_dict *d)
{
    const struct stored_tensor *dec = d->param[P_W_DEC], *bias = d->param[P_B_ENC];
    if (!dec || !bias || dec->n_dims != 2 || bias->n_dims != 1) return HOOKE_OK;
    d->transposed[P_W_DEC] = dec->shape[0] != bias->shape[0] && dec->shape[1] == bias->shape[0];
    return HOOKE_OK;
}

static hooke_status take_named(struct hooke_dict *d, const char *stem, int layer, enum dict_param p)
{
    hooke_text name = { 0 };
    hooke_status st = text_printf(&name, "%s_%d", stem, layer);
    if (st == HOOKE_OK) reader_take_one(d, &d->safetensors, name.data, p, p == P_W_ENC);
    hooke_text_release(&name);
    return st;
}

/* The decoders of a cross-layer transcoder, in a file of their own. */
static hooke_status take_decoders(struct hooke_dict *d, const char *path, int layer)
{
    hooke_text name = { 0 };
    const struct stored_tensor *t = NULL;
    hooke_status st = text_printf(&name, "W_dec_%d.safetensors", layer);
    const char *file = st == HOOKE_OK ? path_beside(&d->arena, path, name.data) : NULL;
    if (st == HOOKE_OK && !file) st = fail(HOOKE_E_MEMORY, "%s: out of memory", path);
    if (st == HOOKE_OK) st = safetensors_open(&d->more, file);
    text_clear(&name);
    if (st == HOOKE_OK) st = text_printf(&name, "W_dec_%d", layer);
    if (st == HOOKE_OK && !(t = safetensors_find(&d->more, name.data)))
        st = fail(HOOKE_E_FORMAT, "%s: no tensor '%s'", file, name.data);
    if (st == HOOKE_OK) st = reader_target_decoder(d, t);
    hooke_text_release(&name);
    return st;
}

static hooke_status open_cross_layer(struct hooke_dict *d, const char *path, int layer)
{
    RETURN_IF_ERROR(take_named(d, "W_enc", layer, P_W_ENC));
    RETURN_IF_ERROR(take_named(d, "b_enc", layer, P_B_ENC));
    RETURN_IF_ERROR(take_named(d, "b_dec", layer, P_B_DEC));
    RETURN_IF_ERROR(take_named(d, "threshold", layer, P_THRESHOLD));
    if (d->options && d->options->as_saelens) d->param[P_THRESHOLD] = NULL; /* SAELens leaves it out */
    d->format = "cross_layer_transcoder";
    return take_decoders(d, path, layer);
}

hooke_status circuit_open(struct hooke_dict *d, const char *path)
{
    int layer = layer_of(path, "layer_");
    bool cross = layer < 0;
    if (cross) layer = layer_of(path, "W_enc_");
    if (layer < 0) { /* the decoders' file was named */
        char name[64];
        layer = layer_of(path, "W_dec_");
        snprintf(name, sizeof name, "W_enc_%d.safetensors", layer);
        path = path_beside(&d->arena, path, name);
        RETURN_IF(!path, HOOKE_E_MEMORY, "out of memory for a path");
    }
    RETURN_IF_ERROR(safetensors_open(&d->safetensors, path));
    d->config.prepend_bos = true;
    d->config.hook_head_index = -1;
    RETURN_IF_ERROR(reader_site(d, &d->config.site, layer, "mlp.hook_in"));
    RETURN_IF_ERROR(reader_site(d, &d->config.site_out, layer, "hook_mlp_out"));
    RETURN_IF_ERROR(read_config(d, path, layer));
    if (cross) {
        RETURN_IF_ERROR(open_cross_layer(d, path, layer));
    } else {
        RETURN_IF_ERROR(
            reader_take(d, &d->safetensors, rows, sizeof rows / sizeof *rows, "a transcoder set"));
        RETURN_IF_ERROR(check_decoder(d));
        RETURN_IF_ERROR(stored_k(d));
        d->format = "transcoder_set";
    }
    choose_architecture(d);
    return HOOKE_OK;
}
