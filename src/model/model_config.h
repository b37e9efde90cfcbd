/* model_config.h: config.json read into the switches that the decoder block runs with. What is not understood is refused by
 * name. */
#ifndef HOOKE_MODEL_MODEL_CONFIG_H
#define HOOKE_MODEL_MODEL_CONFIG_H

#include "file/json.h"
#include "model/architecture.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MAX_LAYERS = 4096, MAX_STOP_IDS = 64, MAX_CONFIG_BYTES = 16 << 20 };

/* Angles: position p turns pair j by p * frequency(j); frequency(j) = theta^(-2j / n_dims), changed by the scaling. */
enum rope_scaling { ROPE_PLAIN, ROPE_LINEAR, ROPE_LLAMA3 };
struct rope_spec {
    int n_dims; /* rotated dims of a head, even; 0: no rotation */
    double theta;
    enum rope_scaling scaling;
    double factor, low_freq_factor, high_freq_factor, original_n_ctx;
};

struct model_config {
    const struct arch *arch;
    int n_layers, d_model, n_heads, n_kv_heads, d_head, d_mlp, d_vocab, n_ctx;
    enum activation activation;
    float norm_eps, attn_scale;
    float cap_scores, cap_logits; /* 0: none */
    int window;                   /* 0: none */
    bool is_local[MAX_LAYERS];    /* the layer uses the window (and Gemma 3's local angles) */
    bool parallel, tied;
    bool qkv_bias, o_bias, mlp_bias;
    struct rope_spec rope, rope_local; /* rope_local serves is_local layers */
    int n_stop_ids;
    int32_t stop_ids[MAX_STOP_IDS];
};

/* Fills cfg from the parsed config.json; `name` (its path) opens every message. warn(payload, text) receives what is odd but
 * not wrong; it may be NULL. */
hooke_status config_parse(struct model_config *cfg, const struct json *root, const char *name,
                          void (*warn)(void *payload, const char *text), void *payload);
/* Replaces the stop ids by those of generation_config.json where it has any. */
hooke_status config_stop_ids(struct model_config *cfg, const struct json *generation, const char *name);

#ifdef __cplusplus
}
#endif
#endif
