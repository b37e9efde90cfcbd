/* read_temporal.c: temporal dictionaries as they were first published.
 *
 *   <model>/layer_<L>/temporal/{conf.yaml, latest_ckpt.safetensors}
 *
 * conf.yaml: llm.dimin, data.dtype, sae.{exp_factor, n_heads, n_attn_layers, bottleneck_factor, sae_diff_type, kval_topk,
 * tied_weights, scaling_factor}. Tensors: D [d_dict, d], b [d] or [1, d], E [d, d_dict] when untied, attn_layers.*. */
#include "dict/reader.h"

#include <string.h>

static const char weights_name[] = "latest_ckpt.safetensors";

bool temporal_recognise(const char *path)
{
    if (!is_folder(path) && !path_ends_with(path, "conf.yaml") && !path_ends_with(path, weights_name))
        return false;
    return exists_beside(path, "conf.yaml") && exists_beside(path, weights_name);
}

static hooke_status config_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    const struct json *sae = json_get(root, "sae");
    double factor;
    RETURN_IF(json_is_null(sae), HOOKE_E_FORMAT, "%s: key 'sae' is missing", name);
    RETURN_IF_ERROR(json_int(&c->d_in, json_get(root, "llm"), "dimin", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_real(&factor, sae, "exp_factor", 0, name));
    RETURN_IF(!(factor >= 0) || factor > 1e6, HOOKE_E_FORMAT, "%s: sae.exp_factor %g", name, factor);
    c->d_dict = (int64_t)((double)c->d_in * factor);
    RETURN_IF_ERROR(dict_config_temporal(c, sae, name));
    RETURN_IF_ERROR(json_real(&c->activation_scale, sae, "scaling_factor", 1, name));
    c->normalize = NORMALIZE_CONSTANT_SCALAR;
    return reader_keep_json(d, root);
}

static hooke_status read_config(struct hooke_dict *d, const char *path)
{
    const char *file = path_beside(&d->arena, path, "conf.yaml");
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    struct arena tree = { 0 };
    const struct json *root;
    hooke_status st = yaml_read(&root, &tree, file, READER_JSON_MAX);
    if (st == HOOKE_OK) st = config_from_tree(d, root, file);
    arena_release(&tree);
    return st;
}

/* [1, d] is [d]. */
static hooke_status flatten_bias(struct hooke_dict *d)
{
    const struct stored_tensor *t = d->param[P_B_DEC];
    if (!t || t->n_dims != 2 || t->shape[0] != 1) return HOOKE_OK;
    struct stored_tensor *flat = arena_alloc(&d->arena, 1, sizeof *flat);
    RETURN_IF(!flat, HOOKE_E_MEMORY, "%s: out of memory", d->info.path);
    *flat = *t;
    flat->n_dims = 1;
    flat->shape[0] = t->shape[1];
    d->param[P_B_DEC] = flat;
    return HOOKE_OK;
}

hooke_status temporal_open(struct hooke_dict *d, const char *path)
{
    struct dict_config *c = &d->config;
    RETURN_IF_ERROR(reader_open_weights(d, path, weights_name));
    reader_take_one(d, &d->safetensors, "D", P_W_DEC, false);
    reader_take_one(d, &d->safetensors, "b", P_B_DEC, false);
    reader_take_one(d, &d->safetensors, "E", P_W_ENC, false);
    d->format = "temporal";
    c->architecture = "temporal";
    c->has_apply_b_dec = c->apply_b_dec = c->prepend_bos = true;
    c->hook_head_index = -1;
    int layer = number_after(path, "layer_");
    if (layer >= 0) RETURN_IF_ERROR(reader_site(d, &c->site, layer, "hook_resid_post"));
    RETURN_IF_ERROR(flatten_bias(d));
    return read_config(d, path);
}
