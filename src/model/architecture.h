/* architecture.h: the architectures as rows of one table. A row says which switches the decoder block runs with,
 * how config.json spells its fields, what the tensors are called, and what Hugging Face calls the modules. */
#ifndef HOOKE_MODEL_ARCHITECTURE_H
#define HOOKE_MODEL_ARCHITECTURE_H

#include "tensor/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Every tensor a model of these families can have. Roles before FIRST_LAYER_ROLE exist once, the others once a
 * layer. */
enum weight_role {
    W_EMBED,
    W_POS,
    W_FINAL_NORM,
    W_FINAL_NORM_BIAS,
    W_HEAD,
    FIRST_LAYER_ROLE,
    W_LN1 = FIRST_LAYER_ROLE,
    W_LN1_BIAS,
    W_LN1_POST,
    W_LN2,
    W_LN2_BIAS,
    W_LN2_POST,
    W_Q_NORM,
    W_K_NORM,
    W_Q,
    W_Q_BIAS,
    W_K,
    W_K_BIAS,
    W_V,
    W_V_BIAS,
    W_QKV,
    W_QKV_BIAS,
    W_O,
    W_O_BIAS,
    W_GATE, /* gated MLPs only */
    W_UP,   /* the up projection, or the plain MLP's first matrix */
    W_UP_BIAS,
    W_DOWN,
    W_DOWN_BIAS,
    N_WEIGHT_ROLES
};

enum qkv_storage {
    QKV_SEPARATE,
    QKV_PER_HEAD, /* GPT-NeoX: rows (head, {q, k, v}, dim) */
    QKV_THIRDS    /* GPT-2: columns {q, k, v} of an [in, out] matrix */
};

/* config.json keys of the sizes. NULL: no such key. */
struct arch_keys {
    const char *n_layers, *d_model, *n_heads, *n_kv_heads, *d_head, *d_mlp, *n_ctx, *norm_eps, *activation;
};
/* Values that transformers' configuration classes give to absent keys; 0: the key is required. */
struct arch_defaults {
    int n_layers, d_model, n_heads, n_kv_heads, d_head, d_mlp, d_vocab, n_ctx;
    double norm_eps, rope_theta, query_scalar;
};
/* Hugging Face module paths; those of a layer are relative to the block. NULL: no such module. */
struct arch_modules {
    const char *block; /* "model.layers." in front of the layer number */
    const char *embed, *pos, *final_norm, *head, *head_synonym;
    const char *ln1, *ln1_post, *ln2, *ln2_post, *attn, *q, *k, *v, *q_norm, *k_norm, *o, *mlp, *up, *gate,
        *down;
};

struct arch {
    const char *name; /* config.json's model_type */
    enum norm_kind norm;
    bool gain_plus_one; /* gain is 1 + w */
    bool post_norms;    /* norms on the attention's and the MLP's output */
    bool qk_norm;       /* each head of q and k is normalised before rotation */
    bool qkv_bias, o_bias, mlp_bias;
    enum qkv_storage qkv;
    bool in_first;          /* matrices are stored [in, out] (Conv1D) */
    bool learned_positions; /* a table instead of rotation */
    bool gated;             /* act(gate) * up */
    bool embed_scale;       /* times sqrt(d_model) */
    bool is_gemma;  /* Gemma's fields: query_pre_attn_scalar, hidden_activation, always the tanh form */
    bool soft_caps; /* reads the two soft-capping fields */
    int window_period; /* default: every n-th layer is global, the others use the window; 0: no window by default */
    double rotary_share;           /* default share of each head's dims that rotate */
    bool parallel;                 /* default of use_parallel_residual */
    bool tied;                     /* default of tie_word_embeddings */
    double cap_scores, cap_logits; /* defaults for absent keys */
    struct arch_keys keys;
    struct arch_defaults defaults;
    const char
        *tensors[N_WEIGHT_ROLES]; /* layer roles: what follows the block's prefix and number, with its dot */
    const char *tensor_block;     /* prefix of layer tensors */
    const char *const
        *prefixes; /* "from>to" respellings of whole names that files are known to use; NULL-terminated */
    const char *const *ignored; /* globs of tensors that hold no weights; NULL-terminated */
    struct arch_modules modules;
};

/* NULL for an unknown name. "gemma3" is the multimodal wrapper of gemma3_text; model_config.c unwraps it. */
const struct arch *arch_find(const char *model_type);
const struct arch *arch_at(int index); /* NULL past the end */

/* '*' matches any run of bytes, '?' one byte. */
bool glob_match(const char *pattern, const char *text);

#ifdef __cplusplus
}
#endif
#endif
