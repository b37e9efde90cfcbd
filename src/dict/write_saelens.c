/* write_saelens.c: cfg.json (nested, version 6), sae_weights.safetensors, sparsity.safetensors. Architectures that only training
 * knows become jumprelu; scales are folded, so that nothing is left for the loader to fold. */
#include "dict/write.h"

#include <string.h>

#include "file/json.h"

static bool keeps_its_name(const char *architecture)
{
    static const char *const names[] = { "standard",
                                         "gated",
                                         "topk",
                                         "abstopk",
                                         "jumprelu",
                                         "transcoder",
                                         "skip_transcoder",
                                         "jumprelu_transcoder",
                                         "temporal",
                                         "jumprelu_skip_transcoder",
                                         "matching_pursuit" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], architecture) == 0) return true;
    return false;
}

/* Top-k by h n with rows as they lie: the loader knows that switch, so nothing needs folding. */
static bool rescales_itself(const struct hooke_dict *d)
{
    const struct dict_config *c = &d->config;
    return d->arch->select == SELECT_TOPK && c->rescale_by_decoder_norm && !c->norm_in_gate &&
           !d->param[P_SCALING_FACTOR] && d->input_scale == 1.0f && d->output_scale == 1.0f;
}

static hooke_status choose_architecture(struct writing *w)
{
    const char *name = w->d->arch->name;
    bool topk_transcoder =
        w->d->arch->is_transcoder && w->d->arch->select == SELECT_TOPK && w->d->arch->rule == RULE_TILES;
    if (keeps_its_name(name))
        w->architecture = name;
    else if (w->d->param[P_TOPK_THRESHOLD])
        w->architecture = "jumprelu";
    else if (strcmp(name, "reft_r1") == 0) /* relu(x . w), with nothing taken off */
        w->architecture = "standard";
    else if (topk_transcoder || strcmp(name, "topk_skip") == 0)
        w->architecture = "topk";
    else
        return writing_cannot(w, "SAELens");
    return HOOKE_OK;
}

hooke_status saelens_check(struct writing *w)
{
    const struct hooke_dict *d = w->d;
    RETURN_IF_ERROR(choose_architecture(w));
    bool as_topk = strcmp(w->architecture, "topk") == 0 && strcmp(d->arch->name, "topk") != 0;
    RETURN_IF(as_topk && d->info.d_in != d->info.d_out, HOOKE_E_UNSUPPORTED,
              "%s: SAELens has no top-k transcoder, and its topk holds one width, not %d and %d",
              d->info.path, d->info.d_in, d->info.d_out);
    if (as_topk && d->info.is_transcoder)
        writing_lose(w, "transcoder", false,
                     "SAELens has no top-k transcoder: a topk SAE is written, its output site is only in the "
                     "metadata");
    if (as_topk && d->info.has_skip)
        writing_lose(w, "skip", false, "the skip connection: codes stay, reconstructions lose x W_skip'");
    w->subtracts_b_dec = d->info.apply_b_dec_to_input;
    w->as_stored = d->arch->rule == RULE_TEMPORAL || d->arch->rule == RULE_PURSUIT || rescales_itself(d);
    return HOOKE_OK;
}

/* ---- weights ---- */

static hooke_status put_attention(struct writing *w)
{
    const struct safetensors *s = &w->d->safetensors;
    for (int i = 0; i < s->n_tensors; i++)
        if (strncmp(s->tensors[i].name, "attn_layers.", 12) == 0)
            RETURN_IF_ERROR(stored_as_is(w, &s->tensors[i]));
    return HOOKE_OK;
}

static hooke_status put_weights(struct writing *w)
{
    const struct hooke_dict *d = w->d;
    bool brings_encoder = !dict_is_tied(d) || strcmp(w->architecture, "standard") == 0;
    if (brings_encoder) RETURN_IF_ERROR(folded_matrix(w, "W_enc", P_W_ENC, false));
    RETURN_IF_ERROR(folded_matrix(w, "W_dec", P_W_DEC, true));
    RETURN_IF_ERROR(folded_b_dec(w, "b_dec"));
    if (d->arch->rule == RULE_TEMPORAL) return put_attention(w);
    if (d->arch->rule == RULE_PURSUIT) return HOOKE_OK;
    if (d->arch->select == SELECT_GATED) {
        RETURN_IF_ERROR(folded_gate(w, "b_gate", P_B_GATE));
        RETURN_IF_ERROR(folded_gate(w, "b_mag", P_B_MAG));
        return folded_gate(w, "r_mag", P_R_MAG);
    }
    RETURN_IF_ERROR(folded_b_enc(w, "b_enc"));
    if (d->arch->select == SELECT_THRESHOLD) RETURN_IF_ERROR(folded_threshold(w, "threshold"));
    bool skips = d->info.has_skip && strcmp(w->architecture, "topk") != 0;
    return skips ? folded_skip(w, "W_skip") : HOOKE_OK;
}

static hooke_status put_sparsity(const struct writing *w)
{
    const struct dict_vector *v = &w->d->log_sparsity;
    hooke_tensor_out t = { "sparsity", "F32", 1, { v->n }, v->data };
    hooke_text file = { 0 };
    if (!v->data) return HOOKE_OK;
    hooke_status st = path_join(&file, w->path, "sparsity.safetensors");
    if (st == HOOKE_OK) st = hooke_write_safetensors(file.data, &t, 1, NULL);
    hooke_text_release(&file);
    return st;
}

/* ---- configuration ---- */

static const char *torch_name(const char *dtype)
{
    return strcmp(dtype, "BF16") == 0 ? "bfloat16" : strcmp(dtype, "F16") == 0 ? "float16" : "float32";
}

/* The type of the widest tensor: loading casts all of them to it. */
static const char *common_dtype(const struct writing *w)
{
    const char *first = w->tensors[0].dtype;
    for (int i = 0; i < w->n_tensors; i++)
        if (w->tensors[i].n_dims == 2 && strcmp(w->tensors[i].dtype, first) != 0) return "float32";
    return torch_name(first);
}

static void put_special(const struct writing *w, struct json_writer *j)
{
    const struct dict_config *c = &w->d->config;
    if (strcmp(w->architecture, "topk") == 0 || strcmp(w->architecture, "abstopk") == 0) {
        jw_key_int(j, "k", (int64_t)c->k);
        jw_key_bool(j, "rescale_acts_by_decoder_norm", rescales_itself(w->d));
    }
    if (w->d->arch->rule == RULE_PURSUIT) {
        jw_key_real(j, "residual_threshold", c->residual_threshold);
        jw_key(j, "max_iterations");
        if (c->max_iterations)
            jw_int(j, c->max_iterations);
        else
            jw_null(j);
        jw_key_bool(j, "stop_on_duplicate_support", !c->any_support);
    }
    if (w->d->info.is_transcoder && strstr(w->architecture, "transcoder")) {
        jw_key_int(j, "d_out", w->d->info.d_out);
    }
}

static void put_temporal(const struct writing *w, struct json_writer *j)
{
    const struct dict_config *c = &w->d->config;
    if (w->d->arch->rule != RULE_TEMPORAL) return;
    jw_key_int(j, "n_heads", c->n_heads);
    jw_key_int(j, "n_attn_layers", c->n_attn_layers);
    jw_key_int(j, "bottleneck_factor", c->bottleneck_factor);
    jw_key_string(j, "sae_diff_type", c->k > 0 ? "topk" : "relu");
    jw_key(j, "kval_topk");
    if (c->k > 0)
        jw_int(j, (int64_t)c->k);
    else
        jw_null(j);
    jw_key_bool(j, "tied_weights", dict_is_tied(w->d));
    jw_key(j, "activation_normalization_factor"),
        jw_real(j, c->activation_scale > 0 ? c->activation_scale : 1);
}

/* A factor that is folded into the weights leaves nothing to normalise. */
static const char *normalization(const struct writing *w)
{
    bool folded = w->d->config.normalize == NORMALIZE_EXPECTED_AVERAGE && w->d->config.activation_scale > 0;
    return folded ? "none" : w->d->info.normalize_activations;
}

/* What only training needs is not known here; SAELens reads a missing key of the metadata as null. */
static void put_metadata(const struct writing *w, struct json_writer *j)
{
    const hooke_dict_info *i = &w->d->info;
    jw_key_string(j, "sae_lens_version", "6.0.0");
    jw_key_string(j, "model_name", i->model_name[0] ? i->model_name : NULL);
    jw_key_string(j, "model_class_name", "HookedTransformer");
    jw_key_string(j, "hook_name", i->site[0] ? i->site : NULL);
    jw_key(j, "hook_head_index");
    if (i->hook_head_index >= 0)
        jw_int(j, i->hook_head_index);
    else
        jw_null(j);
    if (i->is_transcoder) jw_key_string(j, "hook_name_out", i->site_out);
    jw_key(j, "context_size");
    if (i->context_size > 0)
        jw_int(j, i->context_size);
    else
        jw_null(j);
    jw_key_bool(j, "prepend_bos", i->prepend_bos);
    jw_key(j, "model_from_pretrained_kwargs"), jw_object(j);
    if (i->center_input) jw_key_bool(j, "center_writing_weights", true);
    jw_end_object(j);
    if (i->expected_l0 > 0) {
        jw_key(j, "l0");
        jw_real_f32(j, i->expected_l0);
    }
    writing_source(w, j);
}

static hooke_status put_config(const struct writing *w)
{
    const hooke_dict_info *i = &w->d->info;
    hooke_text text = { 0 };
    struct json_writer j;
    jw_init(&j, &text, 2);
    jw_object(&j);
    jw_key_string(&j, "architecture", w->architecture);
    jw_key_int(&j, "d_in", i->d_in);
    jw_key_int(&j, "d_sae", i->d_dict);
    jw_key_string(&j, "dtype", common_dtype(w));
    jw_key_string(&j, "device", "cpu");
    jw_key_bool(&j, "apply_b_dec_to_input", i->apply_b_dec_to_input);
    jw_key_string(&j, "normalize_activations", normalization(w));
    jw_key(&j, "reshape_activations");
    bool heads = i->hook_head_index < 0 && strstr(i->site, "hook_z") && !i->is_transcoder;
    jw_string(&j, heads ? "hook_z" : "none");
    put_special(w, &j);
    put_temporal(w, &j);
    jw_key(&j, "metadata"), jw_object(&j);
    put_metadata(w, &j);
    jw_end_object(&j);
    jw_end_object(&j);
    hooke_status st = j.status == HOOKE_OK ? text_puts(&text, "\n") : j.status;
    if (st == HOOKE_OK) st = writing_put_text(w, "cfg.json", &text);
    hooke_text_release(&text);
    return st;
}

hooke_status saelens_put(struct writing *w)
{
    RETURN_IF_ERROR(put_weights(w));
    RETURN_IF_ERROR(writing_put_safetensors(w, "sae_weights.safetensors", NULL));
    RETURN_IF_ERROR(put_sparsity(w));
    return put_config(w);
}
