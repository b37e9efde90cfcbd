/* sample.h: from a row of logits to a token. */
#ifndef HOOKE_MODEL_SAMPLE_H
#define HOOKE_MODEL_SAMPLE_H

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sample_weight {
    double weight; /* exp((logit - largest) / temperature) */
    int32_t id;
};

/* temperature 0: the largest logit, the lowest id where several are equal. Else the token that u in [0, 1) falls on; top_p in
 * (0, 1) keeps the likeliest tokens that together reach it. scratch[n] is the caller's. NaN logits and rows without a finite logit
 * are HOOKE_E_FORMAT. */
hooke_status sample_token(int32_t *out, const float *logits, int64_t n, double temperature, double top_p,
                          double u, struct sample_weight *scratch);

#ifdef __cplusplus
}
#endif
#endif
