/* weights.h: from tensor names to the matrices of the decoder block.
 *
 * Matrices stay where they lie: views into the mapped files, in the files' type. Copied are only vectors (norm gains and
 * biases, as float32), matrices that are not aligned for their type, and GPT-NeoX's fused q/k/v, whose rows alternate between
 * the three (gathered when the layer is first used).
 *
 * Vectors are checked for NaN and infinities at load. Matrices are not: that would read every byte of the model. A NaN in one
 * shows in the logits, and generation refuses logits that are NaN. */
#ifndef HOOKE_MODEL_WEIGHTS_H
#define HOOKE_MODEL_WEIGHTS_H

#include "model/model_config.h"

#ifdef __cplusplus
extern "C" {
#endif

struct layer_weights {
    struct norm ln1, ln1_post, ln2, ln2_post; /* over d_model */
    struct norm q_norm, k_norm;               /* over d_head */
    struct weight q, k, v;   /* [n_heads * d_head, d_model], [n_kv_heads * d_head, d_model] x 2 */
    struct weight o;         /* [d_model, n_heads * d_head] */
    struct weight gate, up;  /* [d_mlp, d_model]; plain MLPs have no gate */
    struct weight down;      /* [d_model, d_mlp] */
    bool is_ready;           /* matrices are placed on the device */
    struct buffer placed[8]; /* what placing them allocated */
    void *gathered;          /* host copy of the fused q/k/v, by parts */
    void *copies[8];         /* host copies of matrices that lie unaligned */
};

struct model_weights {
    struct safetensors files;
    const struct stored_tensor *
        *found; /* [n_layers + 1][N_WEIGHT_ROLES], row n_layers holds the model's own; NULL: absent */
    struct weight embed; /* [d_vocab, d_model] */
    struct mat pos;      /* [n_ctx, d_model]; GPT-2 */
    struct weight head;  /* [d_vocab, d_model] */
    struct norm final_norm;
    struct layer_weights *layers; /* [n_layers] */
    struct buffer vectors;        /* every gain and bias */
    struct buffer placed[3];
    void *copies[3];  /* of unaligned embed, pos, head */
    enum dtype dtype; /* of the embedding */
    bool
        other_head; /* a tied model's file holds an output matrix that differs from the embedding; the embedding is used */
    int64_t n_params, n_bytes, layer_bytes_max;
};

/* Maps the folder's weights and checks every tensor against the configuration. */
hooke_status weights_open(struct model_weights *w, struct exec *ex, const struct model_config *cfg,
                          const char *folder);
void weights_close(struct model_weights *w, struct exec *ex, const struct model_config *cfg);

/* Places layer `i`; does nothing when that is done. */
hooke_status weights_ready(struct model_weights *w, struct exec *ex, const struct model_config *cfg, int i);
/* Undoes weights_ready() and gives the layer's pages back to the system. */
void weights_drop_layer(struct model_weights *w, struct exec *ex, int i);
/* Asks the system to read layer i soon. */
void weights_prefetch_layer(const struct model_weights *w, int i);
/* Gives back the pages of rows first .. first + n of the embedding (is_head: of the unembedding). */
void weights_drop_rows(const struct model_weights *w, const struct model_config *cfg, bool is_head,
                       int64_t first, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
