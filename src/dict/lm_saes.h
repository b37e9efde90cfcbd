/* lm_saes.h: what the generations of one library's files share (read_llama_scope.c, read_llamascopium.c). */
#ifndef HOOKE_DICT_LM_SAES_H
#define HOOKE_DICT_LM_SAES_H

#include "dict/reader.h"

/* hook_point_in and hook_point_out, and what all of these dictionaries have in common. */
hooke_status lm_saes_sites(struct hooke_dict *d, const struct json *root, const char *name);
bool lm_saes_is_transcoder(const struct dict_config *c);
/* sqrt(d_model) / mean_norm; `what` of file `name` must be positive. */
hooke_status lm_saes_scale(double *out, int64_t d_model, double mean_norm, const char *what,
                           const char *name);
/* The weights are open and have the older names: R1-distill's. */
hooke_status llama_scope_r1_take(struct hooke_dict *d, const char *config);

#endif
