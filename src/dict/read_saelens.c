/* read_saelens.c: a SAELens folder.
 *
 *     cfg.json                   configuration, nested (6.0 and later) or flat (before)
 *     sae_weights.safetensors    parameters by canonical name
 *     activation_scaler.json     checkpoints only: {"scaling_factor": s or null}, not yet folded into the weights */
#include "dict/format.h"

#include <math.h>
#include <string.h>

enum { LARGEST_JSON = 16 << 20 };

bool saelens_recognise(const char *path)
{
    if (!is_folder(path) && !path_ends_with(path, "cfg.json") &&
        !path_ends_with(path, "sae_weights.safetensors"))
        return false;
    return exists_beside(path, "cfg.json") && exists_beside(path, "sae_weights.safetensors");
}

static hooke_status read_config(struct hooke_dict *d, const char *path, bool *legacy)
{
    hooke_text text = { 0 };
    hooke_status st = file_read(&text, path, LARGEST_JSON);
    if (st == HOOKE_OK) st = dict_config_read(&d->config, legacy, &d->arena, text.data, text.n, path);
    hooke_text_release(&text);
    return st;
}

static hooke_status scale_from_tree(double *s, const struct json *root, const char *path)
{
    bool whitening;
    RETURN_IF_ERROR(json_bool(&whitening, root, "has_whitening", false, path));
    RETURN_IF(whitening, HOOKE_E_UNSUPPORTED, "%s: whitened inputs are not supported", path);
    RETURN_IF_ERROR(json_real(s, root, "scaling_factor", 0, path));
    RETURN_IF(!json_is_null(json_get(root, "scaling_factor")) && !(*s > 0), HOOKE_E_FORMAT,
              "%s: scaling_factor must be positive, found %g", path, *s);
    return HOOKE_OK;
}

static hooke_status read_scaler(struct hooke_dict *d, const char *path)
{
    if (!file_exists(path)) return HOOKE_OK;
    struct arena tree = { 0 };
    const struct json *root;
    hooke_status st = json_read(&root, &tree, path, LARGEST_JSON, JSON_AS_PYTHON);
    if (st == HOOKE_OK) st = scale_from_tree(&d->config.activation_scale, root, path);
    arena_release(&tree);
    return st;
}

static hooke_status find_tensors(struct hooke_dict *d, const char *path)
{
    bool temporal = strcmp(d->config.architecture, "temporal") == 0;
    for (int i = 0; i < d->safetensors.n_tensors; i++) {
        const struct stored_tensor *t = &d->safetensors.tensors[i];
        if (temporal && strncmp(t->name, "attn_layers.", 12) == 0) continue;
        int p = 0;
        while (p < N_PARAMS && strcmp(dict_param_names[p], t->name) != 0) p++;
        RETURN_IF(p == N_PARAMS, HOOKE_E_FORMAT, "%s: tensor '%s' has no place in a SAELens dictionary", path,
                  t->name);
        d->param[p] = t;
    }
    return HOOKE_OK;
}

/* log10 of each feature's firing fraction; of a dictionary of the same width, or it is another's. */
static hooke_status take_sparsity(struct hooke_dict *d, const struct safetensors *s, const char *file)
{
    const struct stored_tensor *t = safetensors_find(s, "sparsity"), *dec = d->param[P_W_DEC];
    RETURN_IF(!t, HOOKE_E_FORMAT, "%s: no tensor 'sparsity'", file);
    RETURN_IF(t->n_dims != 1 || t->dtype > DT_F64 || !dec || dec->n_dims != 2 || t->shape[0] != dec->shape[0],
              HOOKE_E_SHAPE, "%s: tensor 'sparsity' is not one number for each feature", file);
    float first = 0;
    if (t->n_items > 0) RETURN_IF_ERROR(stored_to_f32(&first, t, 0, 1));
    if (isnan(first)) return HOOKE_OK; /* saved before anything was counted: NaN throughout */
    return dict_vector_load(d, &d->log_sparsity, t);
}

static hooke_status read_sparsity(struct hooke_dict *d, const char *path)
{
    if (!exists_beside(path, "sparsity.safetensors")) return HOOKE_OK;
    const char *file = path_beside(&d->arena, path, "sparsity.safetensors");
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    struct safetensors s = { 0 };
    RETURN_IF_ERROR(safetensors_open(&s, file));
    hooke_status st = take_sparsity(d, &s, file);
    safetensors_close(&s);
    return st;
}

hooke_status saelens_open(struct hooke_dict *d, const char *path)
{
    bool legacy = false;
    char *config = path_beside(&d->arena, path, "cfg.json");
    char *weights = path_beside(&d->arena, path, "sae_weights.safetensors");
    char *scaler = path_beside(&d->arena, path, "activation_scaler.json");
    RETURN_IF(!config || !weights || !scaler, HOOKE_E_MEMORY, "%s: out of memory", path);
    RETURN_IF_ERROR(read_config(d, config, &legacy));
    RETURN_IF_ERROR(read_scaler(d, scaler));
    RETURN_IF_ERROR(safetensors_open(&d->safetensors, weights));
    d->format = legacy ? "saelens_legacy" : "saelens";
    RETURN_IF_ERROR(find_tensors(d, weights));
    return read_sparsity(d, path);
}
