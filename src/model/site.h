/* site.h: where activations can be read and overwritten: kinds, names, widths. */
#ifndef HOOKE_MODEL_SITE_H
#define HOOKE_MODEL_SITE_H

#include "model/model_config.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In order of execution: the pass stops once it is past the deepest kind that somebody asked for. */
enum site_kind {
    SITE_EMBED,
    SITE_POS_EMBED, /* layer -1 */
    SITE_RESID_PRE,
    SITE_ATTN_IN,
    SITE_Q_INPUT,
    SITE_K_INPUT,
    SITE_V_INPUT,
    SITE_LN1_SCALE,
    SITE_LN1_NORMALIZED,
    SITE_LN1_OUT,
    SITE_Q,
    SITE_K,
    SITE_V,
    SITE_Q_NORM_SCALE,
    SITE_Q_NORM_NORMALIZED,
    SITE_K_NORM_SCALE,
    SITE_K_NORM_NORMALIZED,
    SITE_ROT_Q,
    SITE_ROT_K,
    SITE_SCORES,
    SITE_PATTERN,
    SITE_Z,
    SITE_RESULT,
    SITE_ATTN_RAW,
    SITE_LN1_POST_SCALE,
    SITE_LN1_POST_NORMALIZED,
    SITE_ATTN_OUT,
    SITE_RESID_MID,
    SITE_MLP_IN,
    SITE_LN2_SCALE,
    SITE_LN2_NORMALIZED,
    SITE_LN2_OUT,
    SITE_MLP_PRE,
    SITE_MLP_PRE_LINEAR,
    SITE_MLP_POST,
    SITE_MLP_RAW,
    SITE_LN2_POST_SCALE,
    SITE_LN2_POST_NORMALIZED,
    SITE_MLP_OUT,
    SITE_RESID_POST,
    SITE_LN_FINAL_SCALE,
    SITE_LN_FINAL_NORMALIZED,
    SITE_LN_FINAL_OUT,
    SITE_UNEMBED_OUT,
    SITE_LOGITS, /* layer -1 */
    N_SITE_KINDS
};

/* Has this model that kind of site at all? */
bool site_exists(const struct model_config *c, enum site_kind kind);
bool site_in_block(enum site_kind kind);
/* TransformerLens has it behind a switch: a glob reaches it only when it ends in the name written out. */
bool site_is_opt_in(enum site_kind kind);
/* The block's input, repeated for each head: nobody reads it but hooks. */
bool site_is_repeated(enum site_kind kind);
/* Is the handle one that hooke_site_parse() could have made for this model? */
bool site_valid(const struct model_config *c, hooke_site site);
/* Position in the order of execution. */
int64_t site_depth(const struct model_config *c, hooke_site site);
int site_width(const struct model_config *c, enum site_kind kind);   /* columns; 0: scores and patterns */
int site_n_heads(const struct model_config *c, enum site_kind kind); /* what the columns are divided into */
hooke_status site_name(const struct model_config *c, hooke_text *out, hooke_site site); /* appends */
hooke_status site_parse(const struct model_config *c, hooke_site *out, const char *name);

#ifdef __cplusplus
}
#endif
#endif
