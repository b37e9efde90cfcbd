/* model.h: what a hooke_model holds. */
#ifndef HOOKE_MODEL_MODEL_H
#define HOOKE_MODEL_MODEL_H

#include "model/model_config.h"
#include "model/weights.h"
#include "tensor/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the rotary table is computed; see docs/numerics.md. */
enum rope_precision { ROPE_F32, ROPE_F32_DIV, ROPE_F64 };

/* Cosines and sines up to n_positions, on the device. Grown when a pass goes further. */
struct rope_store {
    struct rope_table table; /* [n_positions, half] x 2 */
    struct buffer bytes;
};
/* Makes the table serve positions 0 .. n_positions - 1. */
hooke_status rope_reach(struct rope_store *store, struct exec *ex, const struct rope_spec *spec,
                        enum rope_precision precision, int n_positions);

struct hooke_model {
    hooke_context *ctx;
    struct model_config config;
    struct model_weights weights;
    hooke_model_info info;
    hooke_name *origin; /* what info.origin shows */
    hooke_text path, name;
    hooke_tokenizer *tokenizer; /* NULL: the folder has none */
    enum rope_precision rope_precision;
    struct rope_store rope, rope_local;
    float embed_scale;
    int64_t max_memory;      /* 0: no bound */
    struct buffer workspace; /* activations of a pass; kept between passes */
    struct buffer resid;     /* the residual stream of the rows that a pass carries */
    bool warned_context;
};

#ifdef __cplusplus
}
#endif
#endif
