/* config.c: SAELens' cfg.json.
 *
 * Since 6.0 the site and the model sit in a nested "metadata" object, and "sae_lens_version" tells. Before that everything lay
 * flat, under older names: hook_point, activation_fn_str, boolean normalize_activations. Unknown keys are training parameters and
 * are ignored; unknown values of known keys are refused by name. */
#include "dict/format.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_WIDTH = INT32_MAX };

/* A string copied into the arena, which outlives the parsed tree; absent and null leave *out alone. */
static hooke_status copy_string(const char **out, struct arena *a, const struct json *o, const char *key,
                                const char *name)
{
    const char *s;
    RETURN_IF_ERROR(json_string(&s, o, key, NULL, name));
    if (!s) return HOOKE_OK;
    *out = arena_copy(a, s, strlen(s));
    RETURN_IF(!*out, HOOKE_E_MEMORY, "%s: out of memory", name);
    return HOOKE_OK;
}

/* The first of the two keys that is present and not null. */
static const char *either(const struct json *o, const char *key, const char *old_key)
{
    return json_is_null(json_get(o, key)) ? old_key : key;
}

static hooke_status read_int(int *out, const struct json *o, const char *key, int low, int fallback,
                             const char *name)
{
    int64_t v;
    RETURN_IF_ERROR(json_int(&v, o, key, low, LARGEST_WIDTH, fallback, name));
    *out = (int)v;
    return HOOKE_OK;
}

static hooke_status normalize_from_text(enum dict_normalize *out, const char *s, const char *name)
{
    for (int i = 0; i < N_NORMALIZE; i++)
        if (strcmp(dict_normalize_names[i], s) == 0) {
            *out = (enum dict_normalize)i;
            return HOOKE_OK;
        }
    return fail(HOOKE_E_UNSUPPORTED,
                "%s: normalize_activations '%s' is not supported; known are none, expected_average_only_in, "
                "constant_norm_rescale, layer_norm, constant_scalar_rescale",
                name, s);
}

/* Old files hold a boolean: true meant what is now called expected_average_only_in. */
static hooke_status read_normalize(struct dict_config *c, const struct json *root, bool legacy,
                                   const char *name)
{
    const struct json *v = json_get(root, "normalize_activations");
    c->normalize = NORMALIZE_NONE;
    if (json_is_null(v)) return HOOKE_OK;
    if (legacy && v->kind == JSON_BOOL) {
        c->normalize = v->as.boolean ? NORMALIZE_EXPECTED_AVERAGE : NORMALIZE_NONE;
        return HOOKE_OK;
    }
    const char *s;
    RETURN_IF_ERROR(json_string(&s, root, "normalize_activations", "none", name));
    return normalize_from_text(&c->normalize, s, name);
}

/* Rows arrive flat, heads outermost, whatever the field says; but a value we do not know could mean anything. */
static hooke_status check_reshape(const struct json *root, const char *name)
{
    const char *s;
    RETURN_IF_ERROR(json_string(&s, root, "reshape_activations", "none", name));
    RETURN_IF(strcmp(s, "none") != 0 && strcmp(s, "hook_z") != 0, HOOKE_E_UNSUPPORTED,
              "%s: reshape_activations '%s' is not supported; known are none, hook_z", name, s);
    return HOOKE_OK;
}

hooke_status dict_config_temporal(struct dict_config *c, const struct json *o, const char *name)
{
    const char *kind;
    int64_t k;
    RETURN_IF_ERROR(json_int(&c->n_heads, o, "n_heads", 1, 1 << 16, 8, name));
    RETURN_IF_ERROR(json_int(&c->n_attn_layers, o, "n_attn_layers", 1, 1 << 16, 1, name));
    RETURN_IF_ERROR(json_int(&c->bottleneck_factor, o, "bottleneck_factor", 1, LARGEST_WIDTH, 64, name));
    RETURN_IF_ERROR(json_string(&kind, o, "sae_diff_type", "topk", name));
    RETURN_IF_ERROR(json_int(&k, o, "kval_topk", 1, LARGEST_WIDTH, 0, name));
    RETURN_IF(strcmp(kind, "topk") != 0 && strcmp(kind, "relu") != 0, HOOKE_E_UNSUPPORTED,
              "%s: sae_diff_type '%s' is not supported; known are topk, relu", name, kind);
    c->k = strcmp(kind, "topk") == 0 ? (double)k : 0;
    return HOOKE_OK;
}

/* Keys of single architectures. */
static hooke_status read_special(struct dict_config *c, const struct json *root, const char *name)
{
    bool stops;
    RETURN_IF_ERROR(json_real(&c->residual_threshold, root, "residual_threshold", 1e-2, name));
    RETURN_IF_ERROR(json_int(&c->max_iterations, root, "max_iterations", 1, LARGEST_WIDTH, 0, name));
    RETURN_IF_ERROR(json_bool(&stops, root, "stop_on_duplicate_support", true, name));
    c->any_support = !stops;
    if (!c->architecture || strcmp(c->architecture, "temporal") != 0) return HOOKE_OK;
    if (c->normalize == NORMALIZE_CONSTANT_SCALAR)
        RETURN_IF_ERROR(json_real(&c->activation_scale, root, "activation_normalization_factor", 1, name));
    return dict_config_temporal(c, root, name);
}

static hooke_status read_switches(struct dict_config *c, struct arena *a, const struct json *root,
                                  bool legacy, const char *name)
{
    RETURN_IF_ERROR(copy_string(&c->architecture, a, root, "architecture", name));
    RETURN_IF_ERROR(json_int(&c->d_in, root, "d_in", 1, LARGEST_WIDTH, 0, name));
    RETURN_IF_ERROR(json_int(&c->d_dict, root, either(root, "d_sae", "d_dict"), 1, LARGEST_WIDTH, 0, name));
    RETURN_IF_ERROR(json_int(&c->d_out, root, "d_out", 1, LARGEST_WIDTH, 0, name));
    RETURN_IF_ERROR(json_real(&c->k, root, "k", 100, name)); /* SAELens' default */
    c->has_apply_b_dec = !json_is_null(json_get(root, "apply_b_dec_to_input"));
    RETURN_IF_ERROR(json_bool(&c->apply_b_dec, root, "apply_b_dec_to_input", true, name));
    RETURN_IF_ERROR(
        json_bool(&c->rescale_by_decoder_norm, root, "rescale_acts_by_decoder_norm", false, name));
    RETURN_IF_ERROR(check_reshape(root, name));
    RETURN_IF_ERROR(read_normalize(c, root, legacy, name));
    return read_special(c, root, name);
}

/* Where the dictionary belongs: members of `o`, which is "metadata" or, in old files, the root. */
hooke_status dict_config_metadata(struct dict_config *c, struct arena *a, const struct json *o,
                                  const char *name)
{
    const struct json *kwargs = json_get(o, "model_from_pretrained_kwargs");
    const char *site_key = either(o, "hook_name", either(o, "hook_point", "hf_hook_name"));
    RETURN_IF_ERROR(copy_string(&c->model_name, a, o, "model_name", name));
    RETURN_IF_ERROR(copy_string(&c->site, a, o, site_key, name));
    RETURN_IF_ERROR(copy_string(&c->site_out, a, o, either(o, "hook_name_out", "hf_hook_name_out"), name));
    RETURN_IF_ERROR(
        read_int(&c->hook_head_index, o, either(o, "hook_head_index", "hook_point_head_index"), 0, -1, name));
    RETURN_IF_ERROR(read_int(&c->context_size, o, "context_size", 0, 0, name));
    RETURN_IF_ERROR(json_bool(&c->prepend_bos, o, "prepend_bos", true, name));
    RETURN_IF_ERROR(json_real(&c->expected_l0, o, "l0", 0, name));
    if (!json_is_null(kwargs) && kwargs->kind == JSON_OBJECT)
        RETURN_IF_ERROR(json_bool(&c->center_input, kwargs, "center_writing_weights", false, name));
    return HOOKE_OK;
}

/* Before 6.0 top-k was an activation function of the standard architecture. */
static hooke_status read_legacy(struct dict_config *c, const struct json *root, const char *name)
{
    const char *act;
    const struct json *kwargs = json_get(root, "activation_fn_kwargs");
    RETURN_IF_ERROR(
        json_string(&act, root, either(root, "activation_fn", "activation_fn_str"), "relu", name));
    RETURN_IF_ERROR(json_bool(&c->finetuning_scaling_factor, root, "finetuning_scaling_factor", false, name));
    if (!c->architecture) c->architecture = "standard";
    bool standard = strcmp(c->architecture, "standard") == 0;
    if (strcmp(act, "topk") == 0) {
        RETURN_IF(json_is_null(kwargs) || kwargs->kind != JSON_OBJECT || json_is_null(json_get(kwargs, "k")),
                  HOOKE_E_FORMAT, "%s: activation_fn 'topk' without activation_fn_kwargs.k", name);
        c->architecture = "topk";
        return json_real(&c->k, kwargs, "k", 0, name);
    }
    /* "tanh-relu" files have been run as relu since 6.0; follow that. */
    RETURN_IF(standard && strcmp(act, "relu") != 0 && strcmp(act, "tanh-relu") != 0, HOOKE_E_UNSUPPORTED,
              "%s: activation_fn '%s' is not supported; known are relu, topk", name, act);
    return HOOKE_OK;
}

/* "6.18.0" -> 6; anything that does not begin with a number is 0. */
static long major_version(const char *s)
{
    char *end;
    long v = strtol(s, &end, 10);
    return end != s && *end == '.' ? v : 0;
}

/* 6.0.0-rc.0 and later. A nested file without a version is known by its metadata. */
static bool is_nested(const struct json *root)
{
    const struct json *metadata = json_get(root, "metadata");
    const struct json *version =
        metadata && metadata->kind == JSON_OBJECT ? json_get(metadata, "sae_lens_version") : NULL;
    if (!metadata || metadata->kind != JSON_OBJECT) metadata = NULL;
    if (metadata && !json_is_null(json_get(metadata, "hook_name"))) return true;
    if (json_is_null(version)) version = json_get(root, "sae_lens_version");
    return version && version->kind == JSON_STRING && major_version(version->as.string.bytes) >= 6;
}

static hooke_status copy_json(struct dict_config *c, struct arena *a, const struct json *root,
                              const char *name)
{
    hooke_text t = { 0 };
    struct json_writer w;
    jw_init(&w, &t, 0);
    jw_value(&w, root);
    hooke_status st = w.status;
    if (st == HOOKE_OK && !(c->json = arena_copy(a, t.data, t.n)))
        st = fail(HOOKE_E_MEMORY, "%s: out of memory", name);
    hooke_text_release(&t);
    return st;
}

static hooke_status config_from_tree(struct dict_config *c, bool *legacy, struct arena *a,
                                     const struct json *root, const char *name)
{
    RETURN_IF(root->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: a configuration must be a JSON object", name);
    *legacy = !is_nested(root);
    c->hook_head_index = -1;
    RETURN_IF_ERROR(read_switches(c, a, root, *legacy, name));
    if (*legacy) RETURN_IF_ERROR(read_legacy(c, root, name));
    RETURN_IF(!c->architecture, HOOKE_E_FORMAT, "%s: key 'architecture' is missing", name);
    RETURN_IF_ERROR(dict_config_metadata(c, a, *legacy ? root : json_get(root, "metadata"), name));
    return copy_json(c, a, root, name);
}

hooke_status dict_config_read(struct dict_config *out, bool *legacy, struct arena *a, const char *text,
                              size_t n, const char *name)
{
    struct arena tree = { 0 };
    const struct json *root;
    *out = (struct dict_config){ 0 };
    hooke_status st = json_parse(&root, &tree, text, n, JSON_AS_PYTHON, name);
    if (st == HOOKE_OK) st = config_from_tree(out, legacy, a, root, name);
    arena_release(&tree);
    return st;
}

/* Numbers and switches fall back on what stands in c. */
static hooke_status override_from_tree(struct dict_config *c, struct arena *a, const struct json *o,
                                       const char *name)
{
    const struct json *kwargs = json_get(o, "model_from_pretrained_kwargs");
    RETURN_IF(o->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: config_overrides must be a JSON object", name);
    RETURN_IF_ERROR(copy_string(&c->architecture, a, o, "architecture", name));
    RETURN_IF_ERROR(copy_string(&c->model_name, a, o, "model_name", name));
    RETURN_IF_ERROR(copy_string(&c->site, a, o, "hook_name", name));
    RETURN_IF_ERROR(copy_string(&c->site_out, a, o, "hook_name_out", name));
    RETURN_IF_ERROR(read_int(&c->hook_head_index, o, "hook_head_index", 0, c->hook_head_index, name));
    RETURN_IF_ERROR(read_int(&c->context_size, o, "context_size", 0, c->context_size, name));
    RETURN_IF_ERROR(json_bool(&c->prepend_bos, o, "prepend_bos", c->prepend_bos, name));
    RETURN_IF_ERROR(json_real(&c->k, o, "k", c->k, name));
    if (!json_is_null(json_get(o, "normalize_activations")))
        RETURN_IF_ERROR(read_normalize(c, o, true, name));
    if (!json_is_null(json_get(o, "apply_b_dec_to_input"))) {
        c->has_apply_b_dec = true;
        RETURN_IF_ERROR(json_bool(&c->apply_b_dec, o, "apply_b_dec_to_input", true, name));
    }
    RETURN_IF_ERROR(json_bool(&c->rescale_by_decoder_norm, o, "rescale_acts_by_decoder_norm",
                              c->rescale_by_decoder_norm, name));
    if (!json_is_null(kwargs) && kwargs->kind == JSON_OBJECT)
        RETURN_IF_ERROR(json_bool(&c->center_input, kwargs, "center_writing_weights", c->center_input, name));
    return HOOKE_OK;
}

hooke_status dict_config_override(struct dict_config *c, struct arena *a, const char *json, const char *name)
{
    struct arena tree = { 0 };
    const struct json *root;
    hooke_status st = json_parse(&root, &tree, json, strlen(json), JSON_AS_PYTHON, name);
    if (st == HOOKE_OK) st = override_from_tree(c, a, root, name);
    arena_release(&tree);
    return st;
}
