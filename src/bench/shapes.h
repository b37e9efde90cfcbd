/* shapes.h: published sizes of models and dictionaries, so that `hooke synth` and `hooke bench` can make and measure them
 * without the real files. Sources: the published config.json files and weight archives. */
#ifndef HOOKE_BENCH_SHAPES_H
#define HOOKE_BENCH_SHAPES_H

#include "file/safetensors.h"

enum shape_family { FAMILY_GEMMA2, FAMILY_NEOX, FAMILY_GPT2, FAMILY_LLAMA, FAMILY_QWEN2, FAMILY_QWEN3 };

struct model_shape {
    const char *name;
    enum shape_family family;
    int n_layers, d_model, n_heads, n_kv_heads, d_head, d_mlp, d_vocab, n_ctx;
    int query_scalar;   /* Gemma 2: query_pre_attn_scalar */
    double rope_factor; /* Llama 3.1 and later: rope_scaling factor, 0: none */
    bool tied;
    enum dtype
        dtype; /* as synthesized: the usual type of the published files (Gemma bases are also published as F32) */
};

enum dict_layout { LAYOUT_GEMMA_SCOPE, LAYOUT_SAELENS };

struct dict_shape {
    const char *name, *model_name;
    enum dict_layout layout;
    const char *architecture; /* "jumprelu", "standard", "topk" */
    int d_in, d_dict, layer, k;
    enum dtype dtype;
    int l0; /* active features a token that thresholds are set for, 0: 70 */
};

/* NULL when there is no such shape. */
const struct model_shape *model_shape_find(const char *name);
const struct dict_shape *dict_shape_find(const char *name);
/* HOOKE_E_NOT_FOUND for `name`, with the nearest known names in the message. */
hooke_status shape_unknown(const char *name);

/* Parameters in the blocks' matrix products (biases and norms left out), of one layer. */
int64_t shape_layer_matrix_params(const struct model_shape *s);
/* Root mean square of the residual stream behind block `layer` of a synthesized model; dictionaries are synthesized for it. */
double shape_resid_rms(const struct model_shape *s, int layer);

#endif
