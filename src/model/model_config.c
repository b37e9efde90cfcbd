/* model_config.c: see model_config.h. Both spellings of a field are read where transformers 5 moved it (rope_parameters, layer_types). */
#include "model/model_config.h"

#include <limits.h>
#include <math.h>
#include <string.h>

struct reader {
    struct model_config *cfg;
    const struct json *o; /* config.json, or its text_config */
    const char *name;
    void (*warn)(void *payload, const char *text);
    void *payload;
};

/* ---- single fields ---------------------------------------------------------------------------------------- */

static hooke_status read_size(const struct reader *r, int *out, const char *key, int64_t fallback)
{
    int64_t v = fallback;
    if (key) RETURN_IF_ERROR(json_int(&v, r->o, key, 1, INT_MAX, fallback, r->name));
    RETURN_IF(v < 1, HOOKE_E_FORMAT, "%s: key '%s' is missing", r->name, key ? key : "?");
    *out = (int)v;
    return HOOKE_OK;
}

static hooke_status refuse_true(const struct reader *r, const char *key, const char *why)
{
    bool v = false;
    RETURN_IF_ERROR(json_bool(&v, r->o, key, false, r->name));
    RETURN_IF(v, HOOKE_E_UNSUPPORTED, "%s: '%s' is true: %s", r->name, key, why);
    return HOOKE_OK;
}

/* A soft cap: absent keys take the class default, null means none. */
static hooke_status read_cap(const struct reader *r, float *out, const char *key, double fallback)
{
    const struct json *v = json_get(r->o, key);
    double cap = fallback;
    if (v && json_is_null(v))
        cap = 0;
    else
        RETURN_IF_ERROR(json_real(&cap, r->o, key, fallback, r->name));
    RETURN_IF(!(cap >= 0 && cap < 1e30), HOOKE_E_FORMAT,
              "%s: key '%s' is %g, expected a positive number or null", r->name, key, cap);
    *out = (float)cap;
    return HOOKE_OK;
}

static hooke_status read_activation(struct reader *r)
{
    static const struct {
        const char *name;
        enum activation act;
    } known[] = { { "gelu_pytorch_tanh", ACT_GELU_TANH },
                  { "gelu_new", ACT_GELU_TANH },
                  { "gelu_fast", ACT_GELU_TANH },
                  { "gelu", ACT_GELU_ERF },
                  { "silu", ACT_SILU },
                  { "swish", ACT_SILU },
                  { "relu", ACT_RELU } };
    const struct arch *a = r->cfg->arch;
    const char *key = a->is_gemma ? "hidden_activation" : a->keys.activation;
    const char *fallback = a->is_gemma ? "gelu_pytorch_tanh" : a->name[0] == 'g' ? "gelu" : "silu", *text;
    /* Old Gemma files say hidden_act "gelu" and mean the tanh form: only hidden_activation counts there. */
    if (a->learned_positions) fallback = "gelu_new";
    RETURN_IF_ERROR(json_string(&text, r->o, key, fallback, r->name));
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(known[i].name, text)) {
            r->cfg->activation = known[i].act;
            return HOOKE_OK;
        }
    return fail(HOOKE_E_UNSUPPORTED,
                "%s: '%s' is \"%s\"; known: gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, silu, relu",
                r->name, key, text);
}

/* ---- sizes ------------------------------------------------------------------------------------------------- */

static hooke_status check_products(const struct model_config *c, const char *name)
{
    int64_t d = c->d_model, wide = (int64_t)c->n_heads * c->d_head;
    int64_t limit = INT64_MAX / 64;
    RETURN_IF(wide > INT_MAX / 4, HOOKE_E_FORMAT, "%s: %d heads of width %d are too wide", name, c->n_heads,
              c->d_head);
    RETURN_IF(d > limit / c->d_mlp || d > limit / c->d_vocab || d > limit / wide || c->d_mlp > INT_MAX / 4 ||
                  d > INT_MAX / c->n_heads,
              HOOKE_E_FORMAT, "%s: sizes overflow (d_model %d, d_mlp %d, d_vocab %d)", name, c->d_model,
              c->d_mlp, c->d_vocab);
    RETURN_IF(c->n_heads % c->n_kv_heads != 0, HOOKE_E_FORMAT,
              "%s: %d query heads cannot share %d key/value heads evenly", name, c->n_heads, c->n_kv_heads);
    return HOOKE_OK;
}

static hooke_status read_sizes(struct reader *r)
{
    struct model_config *c = r->cfg;
    const struct arch_keys *k = &c->arch->keys;
    const struct arch_defaults *d = &c->arch->defaults;
    double eps;
    RETURN_IF_ERROR(read_size(r, &c->n_layers, k->n_layers, d->n_layers));
    RETURN_IF(c->n_layers > MAX_LAYERS, HOOKE_E_UNSUPPORTED, "%s: %d layers, at most %d are understood",
              r->name, c->n_layers, MAX_LAYERS);
    RETURN_IF_ERROR(read_size(r, &c->d_model, k->d_model, d->d_model));
    RETURN_IF_ERROR(read_size(r, &c->n_heads, k->n_heads, d->n_heads));
    c->n_kv_heads = c->n_heads;
    if (k->n_kv_heads)
        RETURN_IF_ERROR(
            read_size(r, &c->n_kv_heads, k->n_kv_heads, d->n_kv_heads ? d->n_kv_heads : c->n_heads));
    c->d_head = c->d_model / c->n_heads;
    if (k->d_head)
        RETURN_IF_ERROR(read_size(r, &c->d_head, k->d_head, d->d_head ? d->d_head : c->d_head));
    else
        RETURN_IF(c->d_model % c->n_heads != 0, HOOKE_E_FORMAT, "%s: width %d is no multiple of %d heads",
                  r->name, c->d_model, c->n_heads);
    RETURN_IF(c->d_head < 1, HOOKE_E_FORMAT, "%s: %d heads for a width of %d", r->name, c->n_heads,
              c->d_model);
    int64_t d_mlp = d->d_mlp ? d->d_mlp : c->arch->gated ? 0 : 4 * (int64_t)c->d_model;
    RETURN_IF_ERROR(read_size(r, &c->d_mlp, k->d_mlp, d_mlp));
    RETURN_IF_ERROR(read_size(r, &c->d_vocab, "vocab_size", d->d_vocab));
    RETURN_IF_ERROR(read_size(r, &c->n_ctx, k->n_ctx, d->n_ctx));
    RETURN_IF_ERROR(json_real(&eps, r->o, k->norm_eps, d->norm_eps, r->name));
    RETURN_IF(!(eps >= 0 && eps < 1), HOOKE_E_FORMAT, "%s: key '%s' is %g", r->name, k->norm_eps, eps);
    c->norm_eps = (float)eps;
    return check_products(c, r->name);
}

/* ---- rotation ---------------------------------------------------------------------------------------------- */

static hooke_status read_rope_scaling(const struct reader *r, struct rope_spec *spec, const struct json *o)
{
    const char *type;
    RETURN_IF_ERROR(json_string(&type, o, "type", "default", r->name));
    RETURN_IF_ERROR(json_string(&type, o, "rope_type", type, r->name));
    if (!strcmp(type, "default")) return HOOKE_OK;
    RETURN_IF_ERROR(json_real(&spec->factor, o, "factor", 0, r->name));
    if (!strcmp(type, "linear")) {
        spec->scaling = ROPE_LINEAR;
    } else if (!strcmp(type, "llama3")) {
        spec->scaling = ROPE_LLAMA3;
        RETURN_IF_ERROR(json_real(&spec->low_freq_factor, o, "low_freq_factor", 1, r->name));
        RETURN_IF_ERROR(json_real(&spec->high_freq_factor, o, "high_freq_factor", 4, r->name));
        RETURN_IF_ERROR(
            json_real(&spec->original_n_ctx, o, "original_max_position_embeddings", r->cfg->n_ctx, r->name));
        RETURN_IF(!(spec->low_freq_factor > 0 && spec->high_freq_factor > spec->low_freq_factor &&
                    spec->original_n_ctx >= 1),
                  HOOKE_E_FORMAT, "%s: llama3 rope scaling needs 0 < low_freq_factor < high_freq_factor",
                  r->name);
    } else {
        return fail(HOOKE_E_UNSUPPORTED, "%s: rope scaling of type \"%s\"; known: default, linear, llama3",
                    r->name, type);
    }
    RETURN_IF(!(spec->factor > 0 && spec->factor < 1e9), HOOKE_E_FORMAT, "%s: rope scaling factor is %g",
              r->name, spec->factor);
    return HOOKE_OK;
}

/* theta and rotated share, from the old top-level keys and from one rope_parameters object (which wins). */
static hooke_status read_rope_base(const struct reader *r, struct rope_spec *spec,
                                   const struct json *parameters, const char *theta_key, double theta)
{
    const struct model_config *c = r->cfg;
    double share = c->arch->rotary_share;
    RETURN_IF_ERROR(json_real(&theta, r->o, theta_key, theta, r->name));
    RETURN_IF_ERROR(json_real(
        &share, r->o, c->arch->qkv == QKV_PER_HEAD ? "rotary_pct" : "partial_rotary_factor", share, r->name));
    RETURN_IF_ERROR(json_real(&theta, parameters, "rope_theta", theta, r->name));
    RETURN_IF_ERROR(json_real(&share, parameters, "partial_rotary_factor", share, r->name));
    RETURN_IF(!(theta >= 1 && theta < 1e30), HOOKE_E_FORMAT, "%s: rope theta is %g", r->name, theta);
    RETURN_IF(!(share >= 0 && share <= 1), HOOKE_E_FORMAT, "%s: rotary share is %g, expected 0 to 1", r->name,
              share);
    spec->theta = theta;
    spec->n_dims = (int)((double)c->d_head * share);
    RETURN_IF(spec->n_dims % 2, HOOKE_E_UNSUPPORTED,
              "%s: %d rotary dimensions of a head; an even number is needed", r->name, spec->n_dims);
    return HOOKE_OK;
}

static hooke_status read_rope(struct reader *r)
{
    struct model_config *c = r->cfg;
    const struct json *p = json_get(r->o, "rope_parameters"), *scaling = json_get(r->o, "rope_scaling");
    const struct json *global = p, *local = p;
    RETURN_IF(!json_is_null(p) && p->kind != JSON_OBJECT, HOOKE_E_FORMAT,
              "%s: key 'rope_parameters' is no object", r->name);
    RETURN_IF(!json_is_null(scaling) && scaling->kind != JSON_OBJECT, HOOKE_E_FORMAT,
              "%s: key 'rope_scaling' is no object", r->name);
    if (json_get(p, "full_attention") || json_get(p, "sliding_attention")) {
        global = json_get(p, "full_attention");
        local = json_get(p, "sliding_attention");
    }
    if (c->arch->learned_positions) return HOOKE_OK;
    const char *theta_key = c->arch->qkv == QKV_PER_HEAD ? "rotary_emb_base" : "rope_theta";
    RETURN_IF_ERROR(read_rope_base(r, &c->rope, global, theta_key, c->arch->defaults.rope_theta));
    if (!json_is_null(scaling)) RETURN_IF_ERROR(read_rope_scaling(r, &c->rope, scaling));
    if (!json_is_null(global)) RETURN_IF_ERROR(read_rope_scaling(r, &c->rope, global));
    c->rope_local = c->rope;
    if (c->arch->window_period != 6) return HOOKE_OK; /* one table for all layers but in Gemma 3 */
    memset(&c->rope_local, 0, sizeof c->rope_local);
    RETURN_IF_ERROR(
        read_rope_base(r, &c->rope_local, local == p ? NULL : local, "rope_local_base_freq", 1e4));
    return local == p || json_is_null(local) ? HOOKE_OK : read_rope_scaling(r, &c->rope_local, local);
}

/* ---- windows ----------------------------------------------------------------------------------------------- */

static hooke_status read_layer_types(struct reader *r, const struct json *types)
{
    struct model_config *c = r->cfg;
    RETURN_IF(types->kind != JSON_ARRAY || types->as.list.n != (size_t)c->n_layers, HOOKE_E_FORMAT,
              "%s: key 'layer_types' must be an array of %d names", r->name, c->n_layers);
    int i = 0;
    for (const struct json *t = types->as.list.first; t; t = t->next, i++) {
        const char *s = t->kind == JSON_STRING ? t->as.string.bytes : "?";
        c->is_local[i] = !strcmp(s, "sliding_attention");
        RETURN_IF(!c->is_local[i] && strcmp(s, "full_attention") != 0, HOOKE_E_UNSUPPORTED,
                  "%s: layer_types[%d] is \"%s\"; known: full_attention, sliding_attention", r->name, i, s);
    }
    return HOOKE_OK;
}

/* Which layers see only a window. Gemma 2: even layers; Gemma 3: all but every sixth; Qwen: those from max_window_layers on when
 * use_sliding_window says so; the other families never. */
static hooke_status read_windows(struct reader *r)
{
    struct model_config *c = r->cfg;
    const struct json *types = json_get(r->o, "layer_types");
    bool is_qwen = !strncmp(c->arch->name, "qwen", 4), use = c->arch->window_period != 0;
    int64_t period = c->arch->window_period, first = 28;
    if (is_qwen) {
        RETURN_IF_ERROR(json_bool(&use, r->o, "use_sliding_window", false, r->name));
        RETURN_IF_ERROR(json_int(&first, r->o, "max_window_layers", 0, INT_MAX, 28, r->name));
    }
    if (use) {
        int64_t window = 4096;
        const struct json *w = json_get(r->o, "sliding_window");
        if (w && json_is_null(w))
            window = 0;
        else
            RETURN_IF_ERROR(json_int(&window, r->o, "sliding_window", 1, INT_MAX, 4096, r->name));
        c->window = (int)window;
    }
    if (period == 6)
        RETURN_IF_ERROR(json_int(&period, r->o, "sliding_window_pattern", 1, INT_MAX, 6, r->name));
    if (!json_is_null(types)) {
        RETURN_IF_ERROR(read_layer_types(r, types));
    } else {
        for (int i = 0; i < c->n_layers; i++)
            c->is_local[i] = use && (is_qwen ? i >= first : (i + 1) % period != 0);
    }
    for (int i = 0; i < c->n_layers; i++) {
        RETURN_IF(c->is_local[i] && !use && !is_qwen, HOOKE_E_UNSUPPORTED,
                  "%s: layer_types[%d] is \"sliding_attention\", which %s does not have", r->name, i,
                  c->arch->name);
        if (is_qwen && !use) c->is_local[i] = false;
    }
    return HOOKE_OK;
}

/* ---- the rest ---------------------------------------------------------------------------------------------- */

static hooke_status read_scale(struct reader *r)
{
    struct model_config *c = r->cfg;
    double scalar = c->d_head;
    if (c->arch->defaults.query_scalar > 0)
        RETURN_IF_ERROR(
            json_real(&scalar, r->o, "query_pre_attn_scalar", c->arch->defaults.query_scalar, r->name));
    RETURN_IF(!(scalar > 0 && scalar < 1e30), HOOKE_E_FORMAT, "%s: query_pre_attn_scalar is %g", r->name,
              scalar);
    c->attn_scale = (float)(1 / sqrt(scalar));
    if (c->n_layers == 42 && c->d_model == 3584 && scalar == 224 && r->warn)
        r->warn(r->payload,
                "query_pre_attn_scalar is 224: Gemma 2 9B's first configuration, later corrected to 256; "
                "attention is computed with 224 as the file says");
    if (c->arch->soft_caps) {
        RETURN_IF_ERROR(read_cap(r, &c->cap_scores, "attn_logit_softcapping", c->arch->cap_scores));
        RETURN_IF_ERROR(read_cap(r, &c->cap_logits, "final_logit_softcapping", c->arch->cap_logits));
    }
    return HOOKE_OK;
}

/* Fields that would change the numbers: refused, not ignored. */
static hooke_status refuse_unknown(struct reader *r, const struct json *root)
{
    const struct arch *a = r->cfg->arch;
    const struct json *q = json_get(root, "quantization_config");
    if (json_is_null(q)) q = json_get(r->o, "quantization_config");
    RETURN_IF(!json_is_null(q), HOOKE_E_UNSUPPORTED,
              "%s: 'quantization_config': quantised weights are not read", r->name);
    RETURN_IF_ERROR(refuse_true(r, "use_bidirectional_attention", "only causal attention is computed"));
    RETURN_IF_ERROR(
        refuse_true(r, "scale_attn_by_inverse_layer_idx", "scores are not divided by the layer number"));
    RETURN_IF_ERROR(refuse_true(r, "add_cross_attention", "there is no encoder to attend to"));
    RETURN_IF_ERROR(refuse_true(r, "is_encoder_decoder", "only decoders are read"));
    if (a->qkv != QKV_PER_HEAD)
        RETURN_IF_ERROR(refuse_true(r, "attention_bias", "biases of attention projections are not read"));
    RETURN_IF_ERROR(refuse_true(r, "mlp_bias", "biases of MLP projections are not read"));
    bool scaled = true;
    RETURN_IF_ERROR(json_bool(&scaled, r->o, "scale_attn_weights", true, r->name));
    RETURN_IF(!scaled, HOOKE_E_UNSUPPORTED, "%s: 'scale_attn_weights' is false: scores are always scaled",
              r->name);
    return HOOKE_OK;
}

static hooke_status read_switches(struct reader *r)
{
    struct model_config *c = r->cfg;
    const struct arch *a = c->arch;
    bool attention_bias = true;
    RETURN_IF_ERROR(json_bool(&c->parallel, r->o, "use_parallel_residual", a->parallel, r->name));
    if (!a->parallel) c->parallel = false;
    RETURN_IF_ERROR(json_bool(&c->tied, r->o, "tie_word_embeddings", a->tied, r->name));
    if (a->qkv == QKV_PER_HEAD)
        RETURN_IF_ERROR(json_bool(&attention_bias, r->o, "attention_bias", true, r->name));
    c->qkv_bias = a->qkv_bias && attention_bias;
    c->o_bias = a->o_bias && attention_bias;
    c->mlp_bias = a->mlp_bias;
    return HOOKE_OK;
}

static hooke_status read_stop_ids(struct model_config *c, const struct json *v, const char *name)
{
    if (json_is_null(v)) return HOOKE_OK;
    const struct json *item = v->kind == JSON_ARRAY ? v->as.list.first : v;
    c->n_stop_ids = 0;
    for (; item; item = v->kind == JSON_ARRAY ? item->next : NULL) {
        RETURN_IF(item->kind != JSON_INT || item->as.integer < 0 || item->as.integer > INT_MAX,
                  HOOKE_E_FORMAT, "%s: key 'eos_token_id' must be an id or an array of ids", name);
        RETURN_IF(c->n_stop_ids == MAX_STOP_IDS, HOOKE_E_UNSUPPORTED, "%s: more than %d stop ids", name,
                  MAX_STOP_IDS);
        c->stop_ids[c->n_stop_ids++] = (int32_t)item->as.integer;
    }
    return HOOKE_OK;
}

hooke_status config_stop_ids(struct model_config *cfg, const struct json *generation, const char *name)
{
    return read_stop_ids(cfg, json_get(generation, "eos_token_id"), name);
}

/* Finds the architecture's row; gemma3 (image and text) keeps the language model's fields in text_config. */
static hooke_status find_arch(struct reader *r)
{
    const char *type;
    RETURN_IF(!r->o || r->o->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: no JSON object", r->name);
    RETURN_IF_ERROR(json_string(&type, r->o, "model_type", NULL, r->name));
    RETURN_IF(!type, HOOKE_E_FORMAT, "%s: key 'model_type' is missing", r->name);
    if (!strcmp(type, "gemma3")) {
        const struct json *text = json_get(r->o, "text_config");
        RETURN_IF(!text || text->kind != JSON_OBJECT, HOOKE_E_FORMAT,
                  "%s: model_type \"gemma3\" without 'text_config'", r->name);
        r->o = text;
        type = "gemma3_text";
    }
    r->cfg->arch = arch_find(type);
    RETURN_IF(!r->cfg->arch, HOOKE_E_UNSUPPORTED,
              "%s: architecture \"%s\" is unknown; known: gemma, gemma2, gemma3_text, llama, qwen2, qwen3, "
              "gpt_neox, gpt2",
              r->name, type);
    return HOOKE_OK;
}

hooke_status config_parse(struct model_config *cfg, const struct json *root, const char *name,
                          void (*warn)(void *payload, const char *text), void *payload)
{
    struct reader r = { .cfg = cfg, .o = root, .name = name, .warn = warn, .payload = payload };
    memset(cfg, 0, sizeof *cfg);
    RETURN_IF_ERROR(find_arch(&r));
    RETURN_IF_ERROR(refuse_unknown(&r, root));
    RETURN_IF_ERROR(read_sizes(&r));
    RETURN_IF_ERROR(read_activation(&r));
    RETURN_IF_ERROR(read_scale(&r));
    RETURN_IF_ERROR(read_rope(&r));
    RETURN_IF_ERROR(read_windows(&r));
    RETURN_IF_ERROR(read_switches(&r));
    RETURN_IF_ERROR(read_stop_ids(cfg, json_get(root, "eos_token_id"), name));
    if (r.o != root && cfg->n_stop_ids == 0)
        RETURN_IF_ERROR(read_stop_ids(cfg, json_get(r.o, "eos_token_id"), name));
    return HOOKE_OK;
}
