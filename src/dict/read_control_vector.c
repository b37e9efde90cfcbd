/* read_control_vector.c: llama.cpp's control vectors in GGUF as a dictionary of directions: direction.K is added to the output of
 * block K, which is blocks.K.hook_resid_post. Features are the directions in order of layer; a code is the dot product with the
 * direction. Each belongs to its own layer: hooke_dict_options.target K takes that one alone, and then the site is known. */
#include <string.h>

#include "dict/reader.h"

enum { MOST_LAYERS = 10000 };

bool control_vector_recognise(const char *path)
{
    struct gguf g;
    if (is_folder(path) || !path_ends_with(path, ".gguf") || !file_exists(path)) return false;
    if (gguf_open(&g, path) != HOOKE_OK) return true; /* opening says why */
    bool is_one = gguf_is_control_vector(&g);
    gguf_close(&g);
    return is_one;
}

/* The tensors by layer; the target's alone when there is one. *n of them. */
static hooke_status sort_directions(struct hooke_dict *d, const struct stored_tensor **by_layer, int target,
                                    int *n)
{
    const struct gguf *g = &d->gguf;
    *n = 0;
    for (int i = 0; i < g->n_tensors; i++) {
        const struct stored_tensor *t = &g->tensors[i];
        int layer = gguf_direction_layer(t->name);
        RETURN_IF(layer == 0, HOOKE_E_FORMAT, "%s: tensor '%.200s': expected direction.K with K from 1",
                  d->info.path, t->name);
        RETURN_IF(t->n_dims != 1 || t->n_items < 1 || t->dtype == DT_OTHER, HOOKE_E_SHAPE,
                  "%s: tensor '%.200s': expected one vector of floats", d->info.path, t->name);
        if (target && layer != target) continue;
        by_layer[layer] = t;
        (*n)++;
    }
    RETURN_IF(*n == 0, HOOKE_E_NOT_FOUND, "%s: no direction%s", d->info.path,
              target ? " of the layer asked for" : "");
    return HOOKE_OK;
}

static hooke_status copy_directions(struct hooke_dict *d, const struct stored_tensor *const *by_layer, int n)
{
    int64_t shape[2] = { n, 0 }, row = 0;
    void *data = NULL;
    for (int k = 1; k < MOST_LAYERS; k++) {
        const struct stored_tensor *t = by_layer[k];
        if (!t) continue;
        if (!data) {
            shape[1] = t->n_items;
            RETURN_IF_ERROR(dict_own_tensor(d, P_W_DEC, &data, "directions", DT_F32, 2, shape));
            d->labels = arena_alloc(&d->arena, (size_t)n, sizeof *d->labels);
            RETURN_IF(!d->labels, HOOKE_E_MEMORY, "%s: out of memory", d->info.path);
            d->n_labels = n;
        }
        RETURN_IF(t->n_items != shape[1], HOOKE_E_SHAPE,
                  "%s: tensor '%s' has %lld elements, others have %lld", d->info.path, t->name,
                  (long long)t->n_items, (long long)shape[1]);
        d->labels[row] = t->name; /* of the file, which stays open */
        RETURN_IF_ERROR(stored_to_f32((float *)data + row++ * shape[1], t, 0, t->n_items));
    }
    return HOOKE_OK;
}

/* {"model_hint": ..., "layers": [1, 3]} */
static hooke_status describe(struct hooke_dict *d, const struct stored_tensor *const *by_layer, int n)
{
    const struct gguf_value *hint = gguf_value(&d->gguf, "controlvector.model_hint");
    hooke_text t = { 0 };
    struct json_writer w;
    int only = 0;
    jw_init(&w, &t, 0);
    jw_object(&w);
    jw_key_string(&w, "model_hint", hint ? hint->string : NULL);
    jw_key(&w, "layers");
    jw_array(&w);
    for (int k = 1; k < MOST_LAYERS; k++) {
        if (by_layer[k]) jw_int(&w, k);
        if (by_layer[k]) only = k;
    }
    jw_end_array(&w);
    jw_end_object(&w);
    hooke_status st = w.status;
    if (st == HOOKE_OK) st = reader_copy(d, &d->config.json, t.data);
    if (st == HOOKE_OK && n == 1) st = reader_site(d, &d->config.site, only, "hook_resid_post");
    hooke_text_release(&t);
    return st;
}

hooke_status control_vector_open(struct hooke_dict *d, const char *path)
{
    int n;
    RETURN_IF_ERROR(gguf_open(&d->gguf, path));
    d->config.architecture = "linear";
    d->config.has_apply_b_dec = true;
    d->config.prepend_bos = true;
    d->config.hook_head_index = -1;
    const struct stored_tensor **by_layer = mem_alloc(MOST_LAYERS, sizeof *by_layer);
    RETURN_IF(!by_layer, HOOKE_E_MEMORY, "%s: out of memory", path);
    hooke_status st = sort_directions(d, by_layer, d->options ? d->options->target : 0, &n);
    if (st == HOOKE_OK) st = copy_directions(d, by_layer, n);
    if (st == HOOKE_OK) st = describe(d, by_layer, n);
    mem_free(by_layer);
    return st;
}
