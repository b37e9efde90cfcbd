#include "model/architecture.h"

#include <string.h>

#define KEYS_LLAMA                                                                                   \
    {                                                                                                \
        .n_layers = "num_hidden_layers", .d_model = "hidden_size", .n_heads = "num_attention_heads", \
        .n_kv_heads = "num_key_value_heads", .d_head = "head_dim", .d_mlp = "intermediate_size",     \
        .n_ctx = "max_position_embeddings", .norm_eps = "rms_norm_eps", .activation = "hidden_act"   \
    }

/* Tensor names of the Llama line; Gemma 2 and 3 add two norms and move one. */
#define TENSORS_LLAMA                                                                                        \
    [W_EMBED] = "model.embed_tokens.weight", [W_FINAL_NORM] = "model.norm.weight",                           \
    [W_HEAD] = "lm_head.weight", [W_LN1] = "input_layernorm.weight", [W_Q] = "self_attn.q_proj.weight",      \
    [W_K] = "self_attn.k_proj.weight", [W_V] = "self_attn.v_proj.weight", [W_O] = "self_attn.o_proj.weight", \
    [W_GATE] = "mlp.gate_proj.weight", [W_UP] = "mlp.up_proj.weight", [W_DOWN] = "mlp.down_proj.weight"
#define TENSORS_LLAMA_LN2 [W_LN2] = "post_attention_layernorm.weight"
#define TENSORS_GEMMA_NORMS                                                                         \
    [W_LN1_POST] = "post_attention_layernorm.weight", [W_LN2] = "pre_feedforward_layernorm.weight", \
    [W_LN2_POST] = "post_feedforward_layernorm.weight"
#define TENSORS_QK_NORM [W_Q_NORM] = "self_attn.q_norm.weight", [W_K_NORM] = "self_attn.k_norm.weight"
#define TENSORS_QKV_BIAS                                                        \
    [W_Q_BIAS] = "self_attn.q_proj.bias", [W_K_BIAS] = "self_attn.k_proj.bias", \
    [W_V_BIAS] = "self_attn.v_proj.bias"

#define MODULES_LLAMA                                                                                       \
    .block = "model.layers.", .embed = "model.embed_tokens", .final_norm = "model.norm", .head = "lm_head", \
    .ln1 = "input_layernorm", .attn = "self_attn", .q = "self_attn.q_proj", .k = "self_attn.k_proj",        \
    .v = "self_attn.v_proj", .o = "self_attn.o_proj", .mlp = "mlp", .gate = "mlp.gate_proj",                \
    .up = "mlp.up_proj", .down = "mlp.down_proj"
#define MODULES_QK_NORM .q_norm = "self_attn.q_norm", .k_norm = "self_attn.k_norm"
/* post_attention_layernorm is a post-norm here, and the MLP's input norm in Llama, Qwen, Gemma 1 and NeoX. */
#define MODULES_GEMMA_NORMS                                                     \
    .ln1_post = "post_attention_layernorm", .ln2 = "pre_feedforward_layernorm", \
    .ln2_post = "post_feedforward_layernorm"

static const char *const no_prefixes[] = { NULL };
static const char *const gemma3_prefixes[] = { "model.>language_model.model.", "model.>model.language_model.",
                                               NULL };
static const char *const gpt2_prefixes[] = { ">transformer.", NULL };

static const char *const llama_ignored[] = { "*.rotary_emb.inv_freq", NULL };
static const char *const gemma3_ignored[] = { "*vision_tower.*", "*multi_modal_projector.*",
                                              "*.rotary_emb.inv_freq", NULL };
static const char *const neox_ignored[] = { "*.attention.bias", "*.attention.masked_bias",
                                            "*.rotary_emb.inv_freq", NULL };
static const char *const gpt2_ignored[] = { "*.attn.bias", "*.attn.masked_bias", NULL };

static const struct arch table[] = {
    { .name = "gemma2",
      .norm = NORM_RMS,
      .gain_plus_one = true,
      .post_norms = true,
      .gated = true,
      .embed_scale = true,
      .is_gemma = true,
      .soft_caps = true,
      .window_period = 2,
      .rotary_share = 1,
      .tied = true,
      .cap_scores = 50,
      .cap_logits = 30,
      .keys = KEYS_LLAMA,
      .defaults = { .n_layers = 26,
                    .d_model = 2304,
                    .n_heads = 8,
                    .n_kv_heads = 4,
                    .d_head = 256,
                    .d_mlp = 9216,
                    .d_vocab = 256000,
                    .n_ctx = 8192,
                    .norm_eps = 1e-6,
                    .rope_theta = 1e4,
                    .query_scalar = 256 },
      .tensors = { TENSORS_LLAMA, TENSORS_GEMMA_NORMS },
      .tensor_block = "model.layers.",
      .prefixes = no_prefixes,
      .ignored = llama_ignored,
      .modules = { MODULES_LLAMA, MODULES_GEMMA_NORMS } },
    { .name = "gemma3_text",
      .norm = NORM_RMS,
      .gain_plus_one = true,
      .post_norms = true,
      .qk_norm = true,
      .gated = true,
      .embed_scale = true,
      .is_gemma = true,
      .soft_caps = true,
      .window_period = 6,
      .rotary_share = 1,
      .tied = true,
      .keys = KEYS_LLAMA,
      .defaults = { .n_layers = 26,
                    .d_model = 2304,
                    .n_heads = 8,
                    .n_kv_heads = 4,
                    .d_head = 256,
                    .d_mlp = 9216,
                    .d_vocab = 262208,
                    .n_ctx = 131072,
                    .norm_eps = 1e-6,
                    .rope_theta = 1e6,
                    .query_scalar = 256 },
      .tensors = { TENSORS_LLAMA, TENSORS_GEMMA_NORMS, TENSORS_QK_NORM },
      .tensor_block = "model.layers.",
      .prefixes = gemma3_prefixes,
      .ignored = gemma3_ignored,
      .modules = { MODULES_LLAMA, MODULES_GEMMA_NORMS, MODULES_QK_NORM } },
    { .name = "gemma",
      .norm = NORM_RMS,
      .gain_plus_one = true,
      .gated = true,
      .embed_scale = true,
      .is_gemma = true,
      .rotary_share = 1,
      .tied = true,
      .keys = KEYS_LLAMA,
      .defaults = { .n_layers = 28,
                    .d_model = 3072,
                    .n_heads = 16,
                    .n_kv_heads = 16,
                    .d_head = 256,
                    .d_mlp = 24576,
                    .d_vocab = 256000,
                    .n_ctx = 8192,
                    .norm_eps = 1e-6,
                    .rope_theta = 1e4 },
      .tensors = { TENSORS_LLAMA, TENSORS_LLAMA_LN2 },
      .tensor_block = "model.layers.",
      .prefixes = no_prefixes,
      .ignored = llama_ignored,
      .modules = { MODULES_LLAMA, .ln2 = "post_attention_layernorm" } },
    { .name = "llama",
      .norm = NORM_RMS,
      .gated = true,
      .rotary_share = 1,
      .keys = KEYS_LLAMA,
      .defaults = { .n_ctx = 2048, .norm_eps = 1e-6, .rope_theta = 1e4 },
      .tensors = { TENSORS_LLAMA, TENSORS_LLAMA_LN2 },
      .tensor_block = "model.layers.",
      .prefixes = no_prefixes,
      .ignored = llama_ignored,
      .modules = { MODULES_LLAMA, .ln2 = "post_attention_layernorm" } },
    { .name = "qwen2",
      .norm = NORM_RMS,
      .qkv_bias = true,
      .gated = true,
      .rotary_share = 1,
      .keys = KEYS_LLAMA,
      .defaults = { .n_ctx = 32768, .norm_eps = 1e-6, .rope_theta = 1e4 },
      .tensors = { TENSORS_LLAMA, TENSORS_LLAMA_LN2, TENSORS_QKV_BIAS },
      .tensor_block = "model.layers.",
      .prefixes = no_prefixes,
      .ignored = llama_ignored,
      .modules = { MODULES_LLAMA, .ln2 = "post_attention_layernorm" } },
    { .name = "qwen3",
      .norm = NORM_RMS,
      .qk_norm = true,
      .gated = true,
      .rotary_share = 1,
      .keys = KEYS_LLAMA,
      .defaults = { .d_head = 128, .n_ctx = 32768, .norm_eps = 1e-6, .rope_theta = 1e4 },
      .tensors = { TENSORS_LLAMA, TENSORS_LLAMA_LN2, TENSORS_QK_NORM },
      .tensor_block = "model.layers.",
      .prefixes = no_prefixes,
      .ignored = llama_ignored,
      .modules = { MODULES_LLAMA, MODULES_QK_NORM, .ln2 = "post_attention_layernorm" } },
    { .name = "gpt_neox",
      .norm = NORM_LAYER,
      .qkv_bias = true,
      .o_bias = true,
      .mlp_bias = true,
      .qkv = QKV_PER_HEAD,
      .rotary_share = 0.25,
      .parallel = true,
      .keys = { .n_layers = "num_hidden_layers",
                .d_model = "hidden_size",
                .n_heads = "num_attention_heads",
                .d_mlp = "intermediate_size",
                .n_ctx = "max_position_embeddings",
                .norm_eps = "layer_norm_eps",
                .activation = "hidden_act" },
      .defaults = { .n_ctx = 2048, .norm_eps = 1e-5, .rope_theta = 1e4 },
      .tensors = { [W_EMBED] = "gpt_neox.embed_in.weight",
                   [W_FINAL_NORM] = "gpt_neox.final_layer_norm.weight",
                   [W_FINAL_NORM_BIAS] = "gpt_neox.final_layer_norm.bias",
                   [W_HEAD] = "embed_out.weight",
                   [W_LN1] = "input_layernorm.weight",
                   [W_LN1_BIAS] = "input_layernorm.bias",
                   [W_LN2] = "post_attention_layernorm.weight",
                   [W_LN2_BIAS] = "post_attention_layernorm.bias",
                   [W_QKV] = "attention.query_key_value.weight",
                   [W_QKV_BIAS] = "attention.query_key_value.bias",
                   [W_O] = "attention.dense.weight",
                   [W_O_BIAS] = "attention.dense.bias",
                   [W_UP] = "mlp.dense_h_to_4h.weight",
                   [W_UP_BIAS] = "mlp.dense_h_to_4h.bias",
                   [W_DOWN] = "mlp.dense_4h_to_h.weight",
                   [W_DOWN_BIAS] = "mlp.dense_4h_to_h.bias" },
      .tensor_block = "gpt_neox.layers.",
      .prefixes = no_prefixes,
      .ignored = neox_ignored,
      .modules = { .block = "gpt_neox.layers.",
                   .embed = "gpt_neox.embed_in",
                   .final_norm = "gpt_neox.final_layer_norm",
                   .head = "embed_out",
                   .head_synonym = "lm_head",
                   .ln1 = "input_layernorm",
                   .ln2 = "post_attention_layernorm",
                   .attn = "attention",
                   .o = "attention.dense",
                   .mlp = "mlp",
                   .up = "mlp.dense_h_to_4h",
                   .down = "mlp.dense_4h_to_h" } },
    { .name = "gpt2",
      .norm = NORM_LAYER,
      .qkv_bias = true,
      .o_bias = true,
      .mlp_bias = true,
      .qkv = QKV_THIRDS,
      .in_first = true,
      .learned_positions = true,
      .tied = true,
      .keys = { .n_layers = "n_layer",
                .d_model = "n_embd",
                .n_heads = "n_head",
                .d_mlp = "n_inner",
                .n_ctx = "n_positions",
                .norm_eps = "layer_norm_epsilon",
                .activation = "activation_function" },
      .defaults = { .n_ctx = 1024, .norm_eps = 1e-5 },
      .tensors = { [W_EMBED] = "wte.weight",
                   [W_POS] = "wpe.weight",
                   [W_FINAL_NORM] = "ln_f.weight",
                   [W_FINAL_NORM_BIAS] = "ln_f.bias",
                   [W_HEAD] = "lm_head.weight",
                   [W_LN1] = "ln_1.weight",
                   [W_LN1_BIAS] = "ln_1.bias",
                   [W_LN2] = "ln_2.weight",
                   [W_LN2_BIAS] = "ln_2.bias",
                   [W_QKV] = "attn.c_attn.weight",
                   [W_QKV_BIAS] = "attn.c_attn.bias",
                   [W_O] = "attn.c_proj.weight",
                   [W_O_BIAS] = "attn.c_proj.bias",
                   [W_UP] = "mlp.c_fc.weight",
                   [W_UP_BIAS] = "mlp.c_fc.bias",
                   [W_DOWN] = "mlp.c_proj.weight",
                   [W_DOWN_BIAS] = "mlp.c_proj.bias" },
      .tensor_block = "h.",
      .prefixes = gpt2_prefixes,
      .ignored = gpt2_ignored,
      .modules = { .block = "transformer.h.",
                   .embed = "transformer.wte",
                   .pos = "transformer.wpe",
                   .final_norm = "transformer.ln_f",
                   .head = "lm_head",
                   .ln1 = "ln_1",
                   .ln2 = "ln_2",
                   .attn = "attn",
                   .o = "attn.c_proj",
                   .mlp = "mlp",
                   .up = "mlp.c_fc",
                   .down = "mlp.c_proj" } },
};

const struct arch *arch_at(int index)
{
    return index >= 0 && index < (int)(sizeof table / sizeof table[0]) ? &table[index] : NULL;
}

const struct arch *arch_find(const char *model_type)
{
    for (int i = 0; arch_at(i); i++)
        if (!strcmp(table[i].name, model_type)) return &table[i];
    return NULL;
}

bool glob_match(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == 0;
}
