/* read_gemma_scope.c: Gemma Scope 1 (params.npz), SAEs and transcoders.
 *
 *   .../gemma-scope-2b-pt-res/.../layer_20/width_16k/average_l0_71/params.npz
 *        model and site             layer                  L0 as measured by the makers
 *
 * The file holds W_enc, W_dec, b_enc, b_dec, threshold and says nothing else: JumpReLU, b_dec not subtracted from the input, BOS,
 * contexts of 1024. The rest is read off the path, unless a metadata.json beside it (hooke's own dictionaries in this layout)
 * says better: {"model": ..., "hook_name": ..., "context_size": ..., "prepend_bos": ..., "average_l0": ...}. */
#include "dict/reader.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* Spellings seen in published files, compared without case. */
static const struct {
    const char *key;
    enum dict_param param;
} keys[] = {
    { "w_enc", P_W_ENC },         { "wenc", P_W_ENC },
    { "w_e", P_W_ENC },           { "w_dec", P_W_DEC },
    { "wdec", P_W_DEC },          { "w_d", P_W_DEC },
    { "b_enc", P_B_ENC },         { "benc", P_B_ENC },
    { "b_e", P_B_ENC },           { "b_dec", P_B_DEC },
    { "bdec", P_B_DEC },          { "b_d", P_B_DEC },
    { "threshold", P_THRESHOLD }, { "scaling_factor", P_SCALING_FACTOR },
};

bool gemma_scope_recognise(const char *path)
{
    if (!is_folder(path)) return path_ends_with(path, ".npz") && file_exists(path);
    return exists_beside(path, "params.npz");
}

static hooke_status load_member(struct hooke_dict *d, const char *name, const char *path)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcasecmp(keys[i].key, name) != 0) continue;
        enum dict_param p = keys[i].param;
        RETURN_IF(d->param[p], HOOKE_E_FORMAT, "%s: tensors '%s' and '%s' mean the same", path,
                  d->param[p]->name, name);
        return npz_load(&d->npz, &d->param[p], name);
    }
    return fail(HOOKE_E_FORMAT, "%s: tensor '%s' has no place in a Gemma Scope file", path, name);
}

/* "gemma-scope-9b-it-res" -> "gemma-2-9b-it". */
static const char *model_of_repository(const char *begin, const char *end)
{
    static const char *const sizes[][2] = { { "2b-it", "gemma-2-2b-it" },   { "9b-it", "gemma-2-9b-it" },
                                            { "27b-it", "gemma-2-27b-it" }, { "27b", "gemma-2-27b" },
                                            { "2b", "gemma-2-2b" },         { "9b", "gemma-2-9b" } };
    static const int order[] = {
        2, 0, 1, 3, 4, 5
    }; /* "27b-it" before any that it does not contain: longest first */
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (contains(begin, end, sizes[order[i]][0])) return sizes[order[i]][1];
    return "";
}

/* Without a repository name that says otherwise a dictionary is taken to be of the residual stream. */
static hooke_status sites_from_path(struct hooke_dict *d, const char *path)
{
    struct dict_config *c = &d->config;
    const char *begin = path, *end = path;
    int layer = number_behind(path, "layer_");
    bool named = component_with(reader_repository(d, path), "gemma-scope", &begin, &end);
    if (named) c->model_name = model_of_repository(begin, end);
    if (named && contains(begin, end, "transcoder")) c->architecture = "jumprelu_transcoder";
    const char *b, *e;
    if (component_with(path, "embedding", &b, &e)) {
        /* Trained on rows of the embedding matrix; Gemma's hook_embed is those times sqrt(d_model). */
        c->site = "hook_embed";
        if (named && d->param[P_B_DEC] && d->param[P_B_DEC]->n_items > 0)
            c->activation_scale = 1 / sqrt((double)d->param[P_B_DEC]->n_items);
        return HOOKE_OK;
    }
    if (layer < 0) return HOOKE_OK;
    if (strcmp(c->architecture, "jumprelu_transcoder") == 0) {
        RETURN_IF_ERROR(reader_site(d, &c->site, layer, "ln2.hook_normalized"));
        return reader_site(d, &c->site_out, layer, "hook_mlp_out");
    }
    const char *suffix = "hook_resid_post";
    if (named && contains(begin, end, "-mlp")) suffix = "hook_mlp_out";
    if (named && contains(begin, end, "-att")) suffix = "attn.hook_z";
    return reader_site(d, &c->site, layer, suffix);
}

static hooke_status metadata_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    int64_t context, head;
    RETURN_IF(root->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: metadata must be a JSON object", name);
    RETURN_IF_ERROR(reader_string(d, &c->model_name, root, "model", name));
    RETURN_IF_ERROR(reader_string(d, &c->site, root, "hook_name", name));
    RETURN_IF_ERROR(reader_string(d, &c->site_out, root, "hook_name_out", name));
    RETURN_IF_ERROR(reader_string(d, &c->architecture, root, "architecture", name));
    RETURN_IF_ERROR(json_int(&head, root, "hook_head_index", 0, INT32_MAX, c->hook_head_index, name));
    RETURN_IF_ERROR(json_bool(&c->center_input, root, "center_writing_weights", false, name));
    RETURN_IF_ERROR(json_int(&context, root, "context_size", 0, INT32_MAX, c->context_size, name));
    RETURN_IF_ERROR(json_bool(&c->prepend_bos, root, "prepend_bos", c->prepend_bos, name));
    RETURN_IF_ERROR(json_real(&c->expected_l0, root, "average_l0", c->expected_l0, name));
    c->context_size = (int)context;
    c->hook_head_index = (int)head;
    return reader_keep_json(d, root);
}

static hooke_status read_metadata(struct hooke_dict *d, const char *path)
{
    enum { LARGEST_METADATA = 1 << 20 };
    if (!exists_beside(path, "metadata.json")) return HOOKE_OK;
    const char *file = path_beside(&d->arena, path, "metadata.json");
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    struct arena tree = { 0 };
    const struct json *root;
    hooke_status st = json_read(&root, &tree, file, LARGEST_METADATA, JSON_AS_PYTHON);
    if (st == HOOKE_OK) st = metadata_from_tree(d, root, file);
    arena_release(&tree);
    return st;
}

static hooke_status configuration(struct hooke_dict *d, const char *path)
{
    struct dict_config *c = &d->config;
    c->architecture = d->param[P_THRESHOLD] ? "jumprelu" : "standard";
    c->has_apply_b_dec = true;
    c->apply_b_dec = false;
    c->prepend_bos = true;
    c->context_size = 1024;
    c->hook_head_index = -1;
    int l0 = number_behind(path, "average_l0_");
    c->expected_l0 = l0 > 0 ? l0 : 0;
    const char *begin, *end;
    if (component_with(path, "layer_", &begin, &end)) {
        size_t n = strlen(begin);
        if (path_ends_with(begin, "/params.npz")) n -= strlen("/params.npz");
        RETURN_IF(!(d->info.name = arena_copy(&d->arena, begin, n)), HOOKE_E_MEMORY, "%s: out of memory",
                  path);
    }
    RETURN_IF_ERROR(sites_from_path(d, path));
    return read_metadata(d, path);
}

hooke_status gemma_scope_open(struct hooke_dict *d, const char *path)
{
    const char *file = path;
    if (is_folder(path)) file = path_beside(&d->arena, path, "params.npz");
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    RETURN_IF_ERROR(npz_open(&d->npz, file));
    for (int i = 0; i < d->npz.n_tensors; i++) RETURN_IF_ERROR(load_member(d, d->npz.tensors[i].name, file));
    d->format = "gemma_scope";
    return configuration(d, file);
}
