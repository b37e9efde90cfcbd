/* synth_plan.c: the tensors and configuration files of synthesized models and dictionaries.
 *
 * Matrices have standard deviation 0.02, the value that transformers starts from: activations of a random model then stay of
 * order one in every family. Norm gains sit near 1 and biases near 0, but not on them: a reader that forgets one shows. */
#include "bench/synth.h"

#include <math.h>

enum { DEFAULT_L0 = 70 };
static const double STD = 0.02;

void synth_plan_release(struct synth_plan *p)
{
    arena_release(&p->arena);
    p->tensors = NULL;
    p->n = 0;
}

int64_t synth_tensor_items(const struct synth_tensor *t)
{
    return t->n_dims == 2 ? t->shape[0] * t->shape[1] : t->shape[0];
}

int64_t synth_tensor_bytes(const struct synth_tensor *t)
{
    return synth_tensor_items(t) * (int64_t)dtype_bytes(t->dtype);
}

/* Bisection on the complementary error function: 60 halvings of [-10, 10]. */
double normal_upper_quantile(double p)
{
    double low = -10.0, high = 10.0;
    for (int i = 0; i < 60; i++) {
        double mid = 0.5 * (low + high);
        if (0.5 * erfc(mid / sqrt(2.0)) > p)
            low = mid;
        else
            high = mid;
    }
    return 0.5 * (low + high);
}

/* A list under construction: the first failure sticks, later additions do nothing. */
struct builder {
    struct synth_plan *plan;
    int capacity;
    enum dtype dtype;
    double gain; /* mean of norm gains as stored: 0 where the model adds 1 */
    hooke_status status;
};

static struct synth_tensor *new_tensor(struct builder *b, const char *prefix, int layer, const char *name)
{
    if (b->status != HOOKE_OK) return NULL;
    hooke_text full = { 0 };
    b->status = layer >= 0 ? text_printf(&full, "%s%d.%s", prefix, layer, name)
                           : text_printf(&full, "%s%s", prefix, name);
    char *copy = b->status == HOOKE_OK ? arena_copy(&b->plan->arena, full.data, full.n) : NULL;
    hooke_text_release(&full);
    if (b->status == HOOKE_OK && !copy) b->status = HOOKE_E_MEMORY;
    if (b->status == HOOKE_OK && b->plan->n == b->capacity)
        b->status = fail(HOOKE_E_INTERNAL, "synth: more than %d tensors", b->capacity);
    if (b->status != HOOKE_OK) return NULL;
    struct synth_tensor *t = &b->plan->tensors[b->plan->n++];
    t->name = copy;
    t->dtype = b->dtype;
    return t;
}

static void matrix(struct builder *b, const char *prefix, int layer, const char *name, int64_t rows,
                   int64_t cols)
{
    struct synth_tensor *t = new_tensor(b, prefix, layer, name);
    if (!t) return;
    t->n_dims = 2;
    t->shape[0] = rows;
    t->shape[1] = cols;
    t->std = STD;
}

static struct synth_tensor *vector(struct builder *b, const char *prefix, int layer, const char *name,
                                   int64_t n, double mean)
{
    struct synth_tensor *t = new_tensor(b, prefix, layer, name);
    if (!t) return NULL;
    t->n_dims = 1;
    t->shape[0] = n;
    t->mean = mean;
    t->std = STD;
    return t;
}

static hooke_status builder_begin(struct builder *b, struct synth_plan *plan, int capacity)
{
    *plan = (struct synth_plan){ 0 };
    b->plan = plan;
    b->capacity = capacity;
    b->status = HOOKE_OK;
    plan->tensors = arena_alloc(&plan->arena, (size_t)capacity, sizeof *plan->tensors);
    return plan->tensors ? HOOKE_OK : HOOKE_E_MEMORY;
}

/* Gemma 2, Llama, Qwen: the names of Hugging Face's Llama family. */
static void plan_gated(struct builder *b, const struct model_shape *s)
{
    static const char layers[] = "model.layers.";
    int64_t d = s->d_model, z = (int64_t)s->n_heads * s->d_head, kv = (int64_t)s->n_kv_heads * s->d_head;
    matrix(b, "model.embed_tokens.weight", -1, "", s->d_vocab, d);
    for (int i = 0; i < s->n_layers; i++) {
        vector(b, layers, i, "input_layernorm.weight", d, b->gain);
        matrix(b, layers, i, "self_attn.q_proj.weight", z, d);
        matrix(b, layers, i, "self_attn.k_proj.weight", kv, d);
        matrix(b, layers, i, "self_attn.v_proj.weight", kv, d);
        matrix(b, layers, i, "self_attn.o_proj.weight", d, z);
        if (s->family == FAMILY_QWEN2) {
            vector(b, layers, i, "self_attn.q_proj.bias", z, 0.0);
            vector(b, layers, i, "self_attn.k_proj.bias", kv, 0.0);
            vector(b, layers, i, "self_attn.v_proj.bias", kv, 0.0);
        }
        if (s->family == FAMILY_QWEN3) {
            vector(b, layers, i, "self_attn.q_norm.weight", s->d_head, 1.0);
            vector(b, layers, i, "self_attn.k_norm.weight", s->d_head, 1.0);
        }
        vector(b, layers, i, "post_attention_layernorm.weight", d, b->gain);
        if (s->family == FAMILY_GEMMA2) vector(b, layers, i, "pre_feedforward_layernorm.weight", d, b->gain);
        matrix(b, layers, i, "mlp.gate_proj.weight", s->d_mlp, d);
        matrix(b, layers, i, "mlp.up_proj.weight", s->d_mlp, d);
        matrix(b, layers, i, "mlp.down_proj.weight", d, s->d_mlp);
        if (s->family == FAMILY_GEMMA2) vector(b, layers, i, "post_feedforward_layernorm.weight", d, b->gain);
    }
    vector(b, "model.norm.weight", -1, "", d, b->gain);
    if (!s->tied) matrix(b, "lm_head.weight", -1, "", s->d_vocab, d);
}

static void plan_neox(struct builder *b, const struct model_shape *s)
{
    static const char layers[] = "gpt_neox.layers.";
    int64_t d = s->d_model;
    matrix(b, "gpt_neox.embed_in.weight", -1, "", s->d_vocab, d);
    for (int i = 0; i < s->n_layers; i++) {
        vector(b, layers, i, "input_layernorm.weight", d, 1.0);
        vector(b, layers, i, "input_layernorm.bias", d, 0.0);
        vector(b, layers, i, "post_attention_layernorm.weight", d, 1.0);
        vector(b, layers, i, "post_attention_layernorm.bias", d, 0.0);
        matrix(b, layers, i, "attention.query_key_value.weight", 3 * d, d);
        vector(b, layers, i, "attention.query_key_value.bias", 3 * d, 0.0);
        matrix(b, layers, i, "attention.dense.weight", d, d);
        vector(b, layers, i, "attention.dense.bias", d, 0.0);
        matrix(b, layers, i, "mlp.dense_h_to_4h.weight", s->d_mlp, d);
        vector(b, layers, i, "mlp.dense_h_to_4h.bias", s->d_mlp, 0.0);
        matrix(b, layers, i, "mlp.dense_4h_to_h.weight", d, s->d_mlp);
        vector(b, layers, i, "mlp.dense_4h_to_h.bias", d, 0.0);
    }
    vector(b, "gpt_neox.final_layer_norm.weight", -1, "", d, 1.0);
    vector(b, "gpt_neox.final_layer_norm.bias", -1, "", d, 0.0);
    matrix(b, "embed_out.weight", -1, "", s->d_vocab, d);
}

static void plan_gpt2(struct builder *b, const struct model_shape *s)
{
    static const char layers[] = "h.";
    int64_t d = s->d_model;
    matrix(b, "wte.weight", -1, "", s->d_vocab, d);
    matrix(b, "wpe.weight", -1, "", s->n_ctx, d);
    for (int i = 0; i < s->n_layers; i++) {
        vector(b, layers, i, "ln_1.weight", d, 1.0);
        vector(b, layers, i, "ln_1.bias", d, 0.0);
        matrix(b, layers, i, "attn.c_attn.weight", d, 3 * d);
        vector(b, layers, i, "attn.c_attn.bias", 3 * d, 0.0);
        matrix(b, layers, i, "attn.c_proj.weight", d, d);
        vector(b, layers, i, "attn.c_proj.bias", d, 0.0);
        vector(b, layers, i, "ln_2.weight", d, 1.0);
        vector(b, layers, i, "ln_2.bias", d, 0.0);
        matrix(b, layers, i, "mlp.c_fc.weight", d, s->d_mlp);
        vector(b, layers, i, "mlp.c_fc.bias", s->d_mlp, 0.0);
        matrix(b, layers, i, "mlp.c_proj.weight", s->d_mlp, d);
        vector(b, layers, i, "mlp.c_proj.bias", d, 0.0);
    }
    vector(b, "ln_f.weight", -1, "", d, 1.0);
    vector(b, "ln_f.bias", -1, "", d, 0.0);
}

static hooke_status plan_finish(struct builder *b)
{
    hooke_status st = b->status;
    if (st != HOOKE_OK) synth_plan_release(b->plan);
    return st;
}

hooke_status synth_plan_model(struct synth_plan *out, const struct model_shape *s)
{
    struct builder b = { .dtype = s->dtype, .gain = s->family == FAMILY_GEMMA2 ? 0.0 : 1.0 };
    RETURN_IF_ERROR(builder_begin(&b, out, 16 + 16 * s->n_layers));
    switch (s->family) {
    case FAMILY_NEOX:
        plan_neox(&b, s);
        break;
    case FAMILY_GPT2:
        plan_gpt2(&b, s);
        break;
    case FAMILY_GEMMA2:
    case FAMILY_LLAMA:
    case FAMILY_QWEN2:
    case FAMILY_QWEN3:
        plan_gated(&b, s);
        break;
    }
    return plan_finish(&b);
}

/* Pre-activations of a synthesized dictionary are normal with the input's root mean square: encoder columns have unit norm on
 * average. The threshold (or the encoder bias, for a plain ReLU) lets l0 of them through. */
hooke_status synth_plan_dict(struct synth_plan *out, const struct dict_shape *s)
{
    struct builder b = { .dtype = s->dtype };
    RETURN_IF_ERROR(builder_begin(&b, out, 8));
    const struct model_shape *model = model_shape_find(s->model_name);
    double rms = model ? shape_resid_rms(model, s->layer) : 1.0;
    double cut = rms * normal_upper_quantile((double)(s->l0 > 0 ? s->l0 : DEFAULT_L0) / s->d_dict);
    int first = out->n;
    matrix(&b, "W_dec", -1, "", s->d_dict, s->d_in);
    matrix(&b, "W_enc", -1, "", s->d_in, s->d_dict);
    for (int i = first; i < out->n; i++) out->tensors[i].std = 1.0 / sqrt(s->d_in);
    vector(&b, "b_dec", -1, "", s->d_in, 0.0);
    vector(&b, "b_enc", -1, "", s->d_dict, s->architecture[0] == 's' ? -cut : 0.0);
    if (s->architecture[0] == 'j') vector(&b, "threshold", -1, "", s->d_dict, cut);
    return plan_finish(&b);
}
