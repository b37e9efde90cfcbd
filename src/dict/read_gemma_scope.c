/* read_gemma_scope.c: Gemma Scope 1 (params.npz), SAEs and transcoders.
 *
 *   .../gemma-scope-2b-pt-res/.../layer_20/width_16k/average_l0_71/params.npz
 *        model and site             layer                  L0 as measured by the makers
 *
 * The file holds W_enc, W_dec, b_enc, b_dec, threshold and says nothing else: JumpReLU, b_dec not subtracted from the input, BOS,
 * contexts of 1024. The rest is read off the path, unless a metadata.json beside it (hooke's own dictionaries in this layout)
 * says better: {"model": ..., "hook_name": ..., "context_size": ..., "prepend_bos": ..., "average_l0": ...}. */
#include "dict/format.h"

#include <ctype.h>
#include <stdlib.h>
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

/* The component of path that contains `word` and ends nearest to the file: [*begin, *end). False if there is none. */
static bool component_with(const char *path, const char *word, const char **begin, const char **end)
{
    for (const char *e = path + strlen(path); e > path;) {
        const char *b = e;
        while (b > path && b[-1] != '/') b--;
        size_t n = strlen(word);
        for (const char *p = b; p + n <= e; p++)
            if (memcmp(p, word, n) == 0) {
                *begin = b;
                *end = e;
                return true;
            }
        e = b > path ? b - 1 : path;
    }
    return false;
}

/* The number behind `prefix` at the start of a component of path; -1 if there is none. */
static int number_behind(const char *path, const char *prefix)
{
    const char *begin, *end;
    size_t n = strlen(prefix);
    if (!component_with(path, prefix, &begin, &end) || memcmp(begin, prefix, n) != 0) return -1;
    if (!isdigit((unsigned char)begin[n])) return -1;
    long v = strtol(begin + n, NULL, 10);
    return v >= 0 && v < 1 << 20 ? (int)v : -1;
}

static bool contains(const char *begin, const char *end, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = begin; p + n <= end; p++)
        if (memcmp(p, word, n) == 0) return true;
    return false;
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

static hooke_status site_text(struct arena *a, const char **out, int layer, const char *suffix)
{
    hooke_text t = { 0 };
    hooke_status st = text_printf(&t, "blocks.%d.%s", layer, suffix);
    *out = st == HOOKE_OK ? arena_copy(a, t.data, t.n) : NULL;
    hooke_text_release(&t);
    return *out ? HOOKE_OK : HOOKE_E_MEMORY;
}

/* Without a repository name that says otherwise a dictionary is taken to be of the residual stream. */
static hooke_status sites_from_path(struct hooke_dict *d, const char *path)
{
    struct dict_config *c = &d->config;
    const char *begin = path, *end = path;
    int layer = number_behind(path, "layer_");
    bool named = component_with(path, "gemma-scope", &begin, &end);
    if (named) c->model_name = model_of_repository(begin, end);
    if (named && contains(begin, end, "transcoder")) c->architecture = "jumprelu_transcoder";
    const char *b, *e;
    if (component_with(path, "embedding", &b, &e)) {
        c->site = "hook_embed";
        return HOOKE_OK;
    }
    if (layer < 0) return HOOKE_OK;
    if (strcmp(c->architecture, "jumprelu_transcoder") == 0) {
        RETURN_IF_ERROR(site_text(&d->arena, &c->site, layer, "ln2.hook_normalized"));
        return site_text(&d->arena, &c->site_out, layer, "hook_mlp_out");
    }
    const char *suffix = "hook_resid_post";
    if (named && contains(begin, end, "-mlp")) suffix = "hook_mlp_out";
    if (named && contains(begin, end, "-att")) suffix = "attn.hook_z";
    return site_text(&d->arena, &c->site, layer, suffix);
}

static hooke_status copy_json(struct hooke_dict *d, const struct json *root)
{
    hooke_text t = { 0 };
    struct json_writer w;
    jw_init(&w, &t, 0);
    jw_value(&w, root);
    hooke_status st = w.status;
    if (st == HOOKE_OK) d->config.json = arena_copy(&d->arena, t.data, t.n);
    hooke_text_release(&t);
    return st != HOOKE_OK ? st : d->config.json ? HOOKE_OK : HOOKE_E_MEMORY;
}

static hooke_status metadata_from_tree(struct hooke_dict *d, const struct json *root, const char *name)
{
    struct dict_config *c = &d->config;
    const char *model, *site;
    int64_t context;
    RETURN_IF(root->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: metadata must be a JSON object", name);
    RETURN_IF_ERROR(json_string(&model, root, "model", NULL, name));
    RETURN_IF_ERROR(json_string(&site, root, "hook_name", NULL, name));
    RETURN_IF_ERROR(json_int(&context, root, "context_size", 0, INT32_MAX, c->context_size, name));
    RETURN_IF_ERROR(json_bool(&c->prepend_bos, root, "prepend_bos", c->prepend_bos, name));
    RETURN_IF_ERROR(json_real(&c->expected_l0, root, "average_l0", c->expected_l0, name));
    c->context_size = (int)context;
    if (model)
        RETURN_IF(!(c->model_name = arena_copy(&d->arena, model, strlen(model))), HOOKE_E_MEMORY,
                  "%s: out of memory", name);
    if (site)
        RETURN_IF(!(c->site = arena_copy(&d->arena, site, strlen(site))), HOOKE_E_MEMORY, "%s: out of memory",
                  name);
    return copy_json(d, root);
}

static hooke_status read_metadata(struct hooke_dict *d, const char *path)
{
    enum { LARGEST_METADATA = 1 << 20 };
    if (!exists_beside(path, "metadata.json")) return HOOKE_OK;
    const char *file = path_beside(&d->arena, path, "metadata.json");
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    struct arena tree = { 0 };
    const struct json *root;
    hooke_status st = json_read(&root, &tree, file, LARGEST_METADATA, 0);
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
