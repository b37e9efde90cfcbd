/* core_metrics.h: the arithmetic of the core evaluation, apart from models and dictionaries: rows of logits, rows of activations
 * and codes go in, sums come out. Definitions: docs/eval-core.md.
 *
 * Values of a token are float32 as SAEBench computes them; sums over tokens are double and run in token order. */
#ifndef HOOKE_EVAL_CORE_METRICS_H
#define HOOKE_EVAL_CORE_METRICS_H

#include "tensor/ops.h"

/* ---- stage 1: what the model predicts ---- */

enum core_pass { PASS_CLEAN, PASS_SAE, PASS_ABLATED, N_PASSES };

struct core_behaviour {
    double ce[N_PASSES]; /* sums over n_ce tokens, nats */
    double kl
        [N_PASSES]; /* from the clean prediction; softmax -> log -> product, so underflow gives NaN or infinity */
    double kl_exact[N_PASSES];
    int64_t n_ce, n_kl;
};

/* Adds n_rows tokens. logits[pass][n_rows, d_vocab]; next[r] is the token that follows, -1 at the end of a context (no CE). The
 * caller passes only tokens that the mask keeps. */
hooke_status core_behaviour_add(struct core_behaviour *b, const float *const logits[N_PASSES], int64_t n_rows,
                                int64_t d_vocab, const int32_t *next, int n_threads);
void core_behaviour_finish(const struct core_behaviour *b, hooke_core_metrics *m);

/* ---- stage 2: what the dictionary reconstructs ---- */

struct core_reconstruction {
    int64_t d, n_features;
    int64_t n_tokens, n_batches;                                                /* kept tokens */
    double norm_in, norm_out, norm_ratio, cossim, l0, l1, mse, variance_legacy; /* sums over tokens */
    double bias, square_in, square_error;                                       /* sums of batch means */
    double total_square_in, total_square_error;                                 /* sums over tokens */
    double *sum_in;                                                             /* [d] */
    int64_t *n_active;     /* [n_features] kept tokens with a positive code */
    int64_t *n_contexts;   /* [n_features] contexts with at least one */
    int64_t *last_context; /* [n_features] 1 + number of the last context counted */
    int64_t contexts_seen;
};
hooke_status core_reconstruction_init(struct core_reconstruction *r, int64_t d, int64_t n_features);
void core_reconstruction_release(struct core_reconstruction *r);
/* One batch: x and y (the reconstruction) [n_contexts * n_ctx, d], the tokens' codes, keep[n_contexts * n_ctx]. */
struct core_batch {
    const float *x, *y;
    int64_t ld_x, ld_y;
    const hooke_codes *codes;
    const uint8_t *keep;
    int64_t n_contexts, n_ctx;
};
hooke_status core_reconstruction_add(struct core_reconstruction *r, const struct core_batch *batch,
                                     int n_threads);
/* density and heuristic: [n_features]; NaN where a feature (or every token) is missing. */
void core_reconstruction_finish(const struct core_reconstruction *r, hooke_core_metrics *m, float *density,
                                float *heuristic);

/* ---- weights ---- */

/* Rows first .. first+n of a matrix as float32, out[n, width]. */
typedef hooke_status (*core_rows_fn)(const void *source, int64_t first, int64_t n, float *out);

/* out[i] = max over j != i of the cosine of rows i and j (rows shorter than 1e-12 count as zero). NaN with a single row. */
hooke_status core_max_cosine(struct exec *ex, float *out, core_rows_fn rows, const void *source,
                             int64_t n_rows, int64_t width);
/* norm[i] of encoder row i and cosine[i] with decoder row i, NaN for zero rows; cosine is NaN throughout if widths differ. */
hooke_status core_pair_cosine(float *norm, float *cosine, core_rows_fn enc, core_rows_fn dec,
                              const void *source, int64_t n, int64_t width_enc, int64_t width_dec,
                              int n_threads);

/* freq_over_*, normalized_freq_over_* and frac_alive of densities, which may hold NaN. */
void core_frequencies(hooke_core_metrics *m, const float *density, int64_t n);
double core_mean(const float *x, int64_t n);

#endif
