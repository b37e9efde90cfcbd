/* read_dictionary_learning.c: dictionary_learning's trainers.
 *
 *   <run>/trainer_<i>/{ae.pt, config.json}      also checkpoints/ae_<step>.pt beside them
 *
 * ae.pt is the state dict of one of eight classes; config.json's trainer.dict_class says which. A run that was interrupted leaves
 * {step, ae, optimizer, config, norm_factor} under the same name: its biases and threshold have not been multiplied by norm_factor
 * yet, as those of finished runs have. Files do not tell AutoEncoderTopK from BatchTopKSAE: without config.json the caller must. */
#include <string.h>

#include "dict/torch_family.h"

enum { IDENTITY_MAX_WIDTH = 1 << 14 };

enum dl_class {
    DL_PLAIN,
    DL_GATED,
    DL_JUMPRELU,
    DL_NEW,
    DL_TOPK,
    DL_BATCH_TOPK,
    DL_MATRYOSHKA,
    DL_IDENTITY,
    N_CLASSES
};

static const struct reader_row plain[] = {
    { "bias", P_B_DEC, false },
    { "encoder.weight", P_W_ENC, true },
    { "encoder.bias", P_B_ENC, false },
    { "decoder.weight", P_W_DEC, true },
};
static const struct reader_row gated[] = {
    { "decoder_bias", P_B_DEC, false }, { "encoder.weight", P_W_ENC, true },
    { "r_mag", P_R_MAG, false },        { "gate_bias", P_B_GATE, false },
    { "mag_bias", P_B_MAG, false },     { "decoder.weight", P_W_DEC, true },
};
static const struct reader_row jumprelu[] = {
    { "W_enc", P_W_ENC, false }, { "b_enc", P_B_ENC, false },         { "W_dec", P_W_DEC, false },
    { "b_dec", P_B_DEC, false }, { "threshold", P_THRESHOLD, false },
};
static const struct reader_row new_plain[] = {
    { "encoder.weight", P_W_ENC, true },
    { "encoder.bias", P_B_ENC, false },
    { "decoder.weight", P_W_DEC, true },
    { "decoder.bias", P_B_DEC, false },
};
static const struct reader_row topk[] = {
    { "encoder.weight", P_W_ENC, true },
    { "encoder.bias", P_B_ENC, false },
    { "decoder.weight", P_W_DEC, true },
    { "b_dec", P_B_DEC, false },
    { "k", N_PARAMS, false },
    { "threshold", N_PARAMS, false },
};
static const struct reader_row matryoshka[] = {
    { "W_enc", P_W_ENC, false },        { "b_enc", P_B_ENC, false }, { "W_dec", P_W_DEC, false },
    { "b_dec", P_B_DEC, false },        { "k", N_PARAMS, false },    { "threshold", N_PARAMS, false },
    { "group_sizes", N_PARAMS, false },
};

#define ROWS(r) r, sizeof(r) / sizeof *(r)
static const struct {
    const char *name;
    const struct reader_row *rows;
    size_t n_rows;
    const char *architecture;
    bool subtracts_b_dec;
} classes[N_CLASSES] = {
    [DL_PLAIN] = { "AutoEncoder", ROWS(plain), "standard", true },
    [DL_GATED] = { "GatedAutoEncoder", ROWS(gated), "gated", true },
    [DL_JUMPRELU] = { "JumpReluAutoEncoder", ROWS(jumprelu), "jumprelu", false },
    [DL_NEW] = { "AutoEncoderNew", ROWS(new_plain), "standard", false },
    [DL_TOPK] = { "AutoEncoderTopK", ROWS(topk), "topk", true },
    [DL_BATCH_TOPK] = { "BatchTopKSAE", ROWS(topk), "jumprelu", true },
    [DL_MATRYOSHKA] = { "MatryoshkaBatchTopKSAE", ROWS(matryoshka), "jumprelu", true },
    [DL_IDENTITY] = { "IdentityDict", NULL, 0, "linear", false },
};

static const char *prefix_of(const struct torch_file *f)
{
    return torch_has(f, "ae.", "encoder.weight") || torch_has(f, "ae.", "W_enc") ? "ae." : "";
}

bool dictionary_learning_fits(const struct torch_file *f, const char *path)
{
    const char *p = prefix_of(f);
    bool is_named = path_ends_with(path, "/ae.pt") || strcmp(path, "ae.pt") == 0;
    return (torch_has(f, p, "encoder.weight") && torch_has(f, p, "decoder.weight")) ||
           (torch_has(f, p, "W_enc") && torch_has(f, p, "W_dec") && torch_has(f, p, "b_dec")) ||
           (f->n_tensors == 0 && is_named);
}

/* ---- the class ---- */

static bool is_scalar(const struct torch_file *f, const char *prefix, const char *name)
{
    for (int i = 0; i < f->n_tensors; i++)
        if (strncmp(f->tensors[i].name, prefix, strlen(prefix)) == 0 &&
            strcmp(f->tensors[i].name + strlen(prefix), name) == 0)
            return f->tensors[i].n_items == 1 && f->tensors[i].n_dims == 0;
    return false;
}

/* The two classes of the same keys, told apart by what the caller wants. */
static hooke_status class_by_caller(const struct hooke_dict *d, enum dl_class *out)
{
    const char *wanted = d->options && d->options->architecture ? d->options->architecture : "";
    bool is_topk = strcmp(wanted, "topk") == 0;
    RETURN_IF(!is_topk && strcmp(wanted, "jumprelu") != 0, HOOKE_E_ARGUMENT,
              "%s: without config.json this may be an AutoEncoderTopK or a BatchTopKSAE, whose files are "
              "alike; say "
              "which: 'topk' or 'jumprelu' (--dict-arch, hooke_dict_options.architecture)",
              d->info.path);
    *out = is_topk ? DL_TOPK : DL_BATCH_TOPK;
    return HOOKE_OK;
}

static hooke_status class_by_keys(struct hooke_dict *d, enum dl_class *out, const char *prefix)
{
    const struct torch_file *f = &d->torch;
    double threshold = -1;
    bool has_k = torch_has(f, prefix, "k"), has_threshold;
    *out = DL_PLAIN;
    if (torch_has(f, prefix, "threshold") && !is_scalar(f, prefix, "threshold")) {
        *out = DL_JUMPRELU;
        return HOOKE_OK;
    }
    RETURN_IF_ERROR(torch_number(d, prefix, "threshold", &threshold, &has_threshold));
    if (torch_has(f, prefix, "gate_bias"))
        *out = DL_GATED;
    else if (torch_has(f, prefix, "group_sizes"))
        *out = DL_MATRYOSHKA;
    else if (torch_has(f, prefix, "decoder.bias"))
        *out = DL_NEW;
    else if (torch_has(f, prefix, "bias"))
        *out = DL_PLAIN;
    else if (!has_k && !has_threshold)
        return fail(
            HOOKE_E_FORMAT,
            "%s: an AutoEncoderTopK of an old version: neither the file nor a config.json beside it says k",
            d->info.path);
    else if (threshold < 0)
        *out = DL_TOPK;
    else
        return class_by_caller(d, out);
    return HOOKE_OK;
}

static hooke_status find_class(struct hooke_dict *d, enum dl_class *out, const struct json *trainer,
                               const char *prefix, const char *name)
{
    const char *said;
    RETURN_IF_ERROR(json_string(&said, trainer, "dict_class", NULL, name));
    if (!said) return class_by_keys(d, out, prefix);
    for (int i = 0; i < N_CLASSES; i++)
        if (strcmp(classes[i].name, said) == 0) {
            *out = (enum dl_class)i;
            return HOOKE_OK;
        }
    return fail(
        HOOKE_E_UNSUPPORTED,
        "%s: dict_class '%s' is not supported; known are AutoEncoder, AutoEncoderNew, AutoEncoderTopK, "
        "BatchTopKSAE, GatedAutoEncoder, IdentityDict, JumpReluAutoEncoder, MatryoshkaBatchTopKSAE",
        name, said);
}

/* ---- what config.json says besides ---- */

/* "resid_post_layer_12", "mlp_out_layer_3", ...: which place of the layer; the residual stream where it does not say. */
static const char *suffix_of(const char *submodule, const char *io)
{
    static const char *const places[][2] = { { "mlp", "hook_mlp_out" },
                                             { "attn", "hook_attn_out" },
                                             { "resid_pre", "hook_resid_pre" },
                                             { "resid_mid", "hook_resid_mid" } };
    for (size_t i = 0; submodule && i < sizeof places / sizeof *places; i++)
        if (strstr(submodule, places[i][0])) return places[i][1];
    return io && strcmp(io, "in") == 0 ? "hook_resid_pre" : "hook_resid_post";
}

/* AxBench keeps pruned dictionaries beside a config.json of its own: {model_name, layer, component}. */
static hooke_status take_config(struct hooke_dict *d, const struct json *root, const struct json *trainer,
                                const char *name)
{
    struct dict_config *c = &d->config;
    const struct json *buffer = json_get(root, "buffer"), *from = trainer ? trainer : root;
    const char *submodule, *io;
    int64_t layer, n_ctx;
    RETURN_IF_ERROR(reader_string(d, &c->model_name, from, trainer ? "lm_name" : "model_name", name));
    RETURN_IF_ERROR(json_string(&submodule, from, trainer ? "submodule_name" : "component", NULL, name));
    RETURN_IF_ERROR(json_string(&io, buffer, "io", NULL, name));
    RETURN_IF_ERROR(json_int(&layer, from, "layer", 0, 1 << 20, -1, name));
    RETURN_IF_ERROR(json_int(&n_ctx, buffer, "ctx_len", 0, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_int(&c->d_in, from, "activation_dim", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_int(&c->d_dict, from, "dict_size", 1, INT32_MAX, 0, name));
    RETURN_IF_ERROR(json_real(&c->k, from, "k", 0, name));
    c->context_size = (int)n_ctx;
    if (layer >= 0) RETURN_IF_ERROR(reader_site(d, &c->site, (int)layer, suffix_of(submodule, io)));
    const struct json *metadata = json_get(root, "metadata"); /* where hooke wrote the file */
    if (metadata && metadata->kind == JSON_OBJECT)
        RETURN_IF_ERROR(dict_config_metadata(c, &d->arena, metadata, name));
    return reader_keep_json(d, root);
}

/* ---- weights ---- */

/* A vector times a factor, in memory of its own. */
static hooke_status scale_vector(struct hooke_dict *d, enum dict_param p, double factor)
{
    const struct stored_tensor *t = d->param[p];
    void *data;
    if (!t) return HOOKE_OK;
    RETURN_IF_ERROR(dict_own_tensor(d, p, &data, t->name, DT_F32, t->n_dims, t->shape));
    RETURN_IF_ERROR(stored_to_f32(data, t, 0, t->n_items));
    for (int64_t i = 0; i < t->n_items; i++) ((float *)data)[i] *= (float)factor;
    return HOOKE_OK;
}

/* A backup's biases and threshold still are those of rows divided by norm_factor. */
static hooke_status undo_norm_factor(struct hooke_dict *d)
{
    static const enum dict_param scaled[] = { P_B_ENC, P_B_DEC, P_B_GATE, P_B_MAG, P_THRESHOLD };
    double factor = 1;
    bool found;
    RETURN_IF_ERROR(torch_number(d, "", "norm_factor", &factor, &found));
    if (!found || factor == 1) return HOOKE_OK;
    RETURN_IF(!(factor > 0 && factor < 1e30), HOOKE_E_FORMAT, "%s: norm_factor is %g", d->info.path, factor);
    for (size_t i = 0; i < sizeof scaled / sizeof *scaled; i++)
        RETURN_IF_ERROR(scale_vector(d, scaled[i], factor));
    if (d->config.threshold > 0) d->config.threshold = (double)(float)(d->config.threshold * factor);
    return HOOKE_OK;
}

/* Thresholds below 0 were never set: the classes that select by them are run as the top-k that they were trained as, except where
 * SAELens' reading (every positive value) is asked for. */
static hooke_status take_threshold(struct hooke_dict *d, enum dl_class class, const char *prefix)
{
    struct dict_config *c = &d->config;
    bool found;
    if (class != DL_BATCH_TOPK && class != DL_MATRYOSHKA) return HOOKE_OK;
    RETURN_IF_ERROR(torch_number(d, prefix, "threshold", &c->threshold, &found));
    RETURN_IF(!found, HOOKE_E_FORMAT, "%s: a %s without 'threshold'", d->info.path, classes[class].name);
    c->has_threshold = true;
    if (!(c->threshold < 0) || (d->options && d->options->as_saelens)) return HOOKE_OK;
    c->has_threshold = false;
    c->architecture = "topk";
    context_log(d->ctx, 0,
                "%s: its threshold was never set (training shorter than 1000 steps): top-k of each row",
                d->info.path);
    return HOOKE_OK;
}

/* The file's k counts: config.json's may be that of the beginning of an annealed run. */
static hooke_status take_k(struct hooke_dict *d, const char *prefix)
{
    bool found;
    RETURN_IF_ERROR(torch_number(d, prefix, "k", &d->config.k, &found));
    return HOOKE_OK;
}

static hooke_status take_identity(struct hooke_dict *d)
{
    int64_t n = d->config.d_in, shape[2] = { n, n };
    void *data;
    RETURN_IF(n < 1 || n > IDENTITY_MAX_WIDTH, HOOKE_E_FORMAT,
              "%s: an IdentityDict needs activation_dim from 1 to %d in config.json, found %lld",
              d->info.path, IDENTITY_MAX_WIDTH, (long long)n);
    d->config.d_dict = n;
    RETURN_IF_ERROR(dict_own_tensor(d, P_W_DEC, &data, "identity", DT_F32, 2, shape));
    memset(data, 0, (size_t)(n * n) * sizeof(float));
    for (int64_t i = 0; i < n; i++) ((float *)data)[i * n + i] = 1.0f;
    return HOOKE_OK;
}

static hooke_status take_class(struct hooke_dict *d, enum dl_class class, const char *prefix)
{
    d->config.architecture = classes[class].architecture;
    d->config.apply_b_dec = classes[class].subtracts_b_dec;
    /* Transcoders written here say so in "metadata"; the library has no class for them. */
    if (d->config.site_out && class == DL_NEW) d->config.architecture = "transcoder";
    if (d->config.site_out && class == DL_JUMPRELU) d->config.architecture = "jumprelu_transcoder";
    if (class == DL_IDENTITY) return take_identity(d);
    RETURN_IF_ERROR(torch_take(d, prefix, classes[class].rows, classes[class].n_rows, classes[class].name));
    RETURN_IF_ERROR(take_k(d, prefix));
    RETURN_IF_ERROR(take_threshold(d, class, prefix));
    return prefix[0] ? undo_norm_factor(d) : HOOKE_OK;
}

static hooke_status take_all(struct hooke_dict *d, const struct json *root, const char *name)
{
    const struct json *trainer = json_get(root, "trainer");
    const char *prefix = prefix_of(&d->torch);
    enum dl_class class = DL_PLAIN;
    RETURN_IF(trainer && trainer->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: key 'trainer' is no object",
              name);
    if (root) RETURN_IF_ERROR(take_config(d, root, trainer, name));
    RETURN_IF_ERROR(find_class(d, &class, trainer, prefix, name));
    return take_class(d, class, prefix);
}

/* The configuration of checkpoints/ae_<step>.pt is the run's, a folder above. */
static hooke_status find_config(struct hooke_dict *d, const char *path, struct arena *tree,
                                const struct json **root, const char **name)
{
    static const char folder[] = "checkpoints";
    RETURN_IF(!(*name = path_beside(&d->arena, path, "config.json")), HOOKE_E_MEMORY, "%s: out of memory",
              path);
    RETURN_IF_ERROR(torch_json_beside(d, path, "config.json", tree, root));
    size_t n = (size_t)(file_part(path) - path), m = sizeof folder;
    bool is_checkpoint =
        n >= m && memcmp(path + n - m, "checkpoints/", m) == 0 && (n == m || path[n - m - 1] == '/');
    if (*root || !is_checkpoint) return HOOKE_OK;
    RETURN_IF(!(*name = path_beside(&d->arena, path, "../config.json")), HOOKE_E_MEMORY, "%s: out of memory",
              path);
    return torch_json_beside(d, path, "../config.json", tree, root);
}

hooke_status dictionary_learning_take(struct hooke_dict *d, const char *path)
{
    struct arena tree = { 0 };
    const struct json *root;
    const char *name;
    hooke_status st = find_config(d, path, &tree, &root, &name);
    if (st == HOOKE_OK) st = take_all(d, root, name);
    arena_release(&tree);
    return st;
}
