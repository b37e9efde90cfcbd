/* head.h: from the final norm's output to logits, in blocks. */
#ifndef HOOKE_MODEL_HEAD_H
#define HOOKE_MODEL_HEAD_H

#include "model/pass.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[n, d_vocab] = x[n, d_model] through the unembedding, without soft cap. */
hooke_status unembed_rows(hooke_model *m, struct mat y, struct mat x);
/* Rows of logits that are held at once. */
int64_t logit_rows_at_once(const struct model_config *c);

#ifdef __cplusplus
}
#endif
#endif
