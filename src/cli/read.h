/* read.h: reading a text through a dictionary: one tap at its site, codes kept, activations not. */
#ifndef HOOKE_CLI_READ_H
#define HOOKE_CLI_READ_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Codes of all tokens read so far, in CSR form. */
struct reading {
    struct session *s;
    hooke_dict *dict;
    const hooke_dict_info *info;
    hooke_site site;
    hooke_codes codes; /* of the block at hand */
    int64_t *indptr;   /* [n_rows + 1] */
    int32_t *indices;
    float *values;
    size_t n_rows, indptr_capacity, indices_capacity, values_capacity;
    const hooke_feature_set *subset; /* NULL: all features */
};

/* The dictionary's site in the model: --at where given, else what its file says. Checks the widths. */
int dict_site(struct session *s, const hooke_dict *dict, hooke_site *out);
/* First column of the rows that a dictionary of a single head reads; *width its columns. */
const float *dict_columns(const hooke_dict_info *info, const hooke_view *view);

int reading_open(struct reading *r, struct session *s, hooke_dict *dict);
int reading_run(struct reading *r, const hooke_batch *batch);
void reading_close(struct reading *r);
/* Value of a feature at a row, 0 when it is off. */
float reading_value(const struct reading *r, size_t row, int32_t feature);

struct activation {
    int32_t feature;
    float value;
};
/* The strongest features of a row, best first (ties: lower index); returns their number. */
int reading_top(const struct reading *r, size_t row, struct activation *out, int n);

/* Tokens that a direction raises and lowers most. */
struct logit_tops {
    int n; /* entries in each list; 0: the direction does not write into the residual stream */
    int32_t *top_ids, *bottom_ids;
    float *top, *bottom;
};
/* out[n], for decoder rows of features[n], k tokens each. */
int decoder_logits(struct session *s, hooke_dict *dict, const int32_t *features, int n, int k,
                   struct logit_tops *out);

/* Feature addresses: "DICT:INDEX", "MODEL/SOURCE/INDEX", or "INDEX" of --dict. Opens the dictionary. */
int address_open(struct session *s, const char *text, hooke_dict **dict, int32_t *feature);

#ifdef __cplusplus
}
#endif
#endif
