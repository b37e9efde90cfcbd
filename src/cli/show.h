/* show.h: a text with its features: what the terminal, the JSON and the page of 'hooke features' are made from. */
#ifndef HOOKE_CLI_SHOW_H
#define HOOKE_CLI_SHOW_H

#include "cli/input.h"
#include "cli/read.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shown_feature {
    int32_t feature;
    float max;    /* over the text, BOS left out */
    int64_t peak; /* the row of max */
    double sum;
    double at, spread; /* where in the text: mean row and its standard deviation, weighted by activation */
    int n_tokens;      /* where it is on */
    struct logit_tops logits;
};
struct shown {
    struct reading r;
    const struct seqs *seqs;
    int per_row;
    struct activation *tops;        /* [n_rows, per_row], best first */
    int *n_tops;                    /* [n_rows] */
    struct shown_feature *features; /* all that are some token's top, by index */
    size_t n_features;
    int32_t bos; /* -1: none; its rows say little about the text */
    int32_t colour_by;
    float max; /* of all, BOS left out */
};
/* colour_by -1: the feature that tells most about the text. Returns 0 or the exit code. */
int shown_make(struct shown *w, struct session *s, hooke_dict *dict, const struct seqs *seqs, int top,
               int n_logits, int32_t colour_by);
void shown_close(struct shown *w);
const struct shown_feature *shown_find(const struct shown *w, int32_t feature); /* NULL */
/* Features by their sum over the text, largest first; returns how many (at most n). */
int shown_strongest(const struct shown *w, int32_t *out, int n);
/* Features that are strong on a few words of one passage, each of a passage of its own as far as there are such. */
int shown_telling(const struct shown *w, int32_t *out, int n);

/* `" sea" " ship"`: what a feature raises. */
const char *logit_words(const hooke_tokenizer *tk, const int32_t *ids, int n);
void show_coloured(const struct shown *w, size_t seq, int32_t feature);
/* The first `most` tokens, each with its top features. */
void show_tokens(const struct shown *w, size_t seq, int64_t most);

#ifdef __cplusplus
}
#endif
#endif
