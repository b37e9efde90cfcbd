/* core.h: the core evaluation's parts: the stream of contexts, the result, its document. */
#ifndef HOOKE_EVAL_CORE_H
#define HOOKE_EVAL_CORE_H

#include "eval/core_metrics.h"

/* Ids that count as special wherever they stand: pad, eos, bos; -1: none. Missing ones are filled in as TransformerLens does:
 * pad and bos from eos. */
struct core_special {
    int32_t pad, eos, bos;
};
struct core_special core_special_of(const hooke_tokenizer *tk /* NULL: no special ids */);
/* keep[i] = 0 where ids[i] is special. */
void core_mask(uint8_t *keep, const int32_t *ids, int64_t n, const struct core_special *special);
/* What stage 1 asks of a batch: rows[*n] are the kept tokens, next[*n] the ids that follow them, -1 at the end of a context. */
void core_kept_rows(int64_t *rows, int32_t *next, int64_t *n, const int32_t *ids, const uint8_t *keep,
                    int64_t n_contexts, int64_t n_ctx);

/* Contexts of n_ctx ids, one batch after the other. A text that ends starts again from the beginning, as SAELens' store does. */
struct core_stream {
    const hooke_context *ctx;
    const hooke_tokenizer *tk;
    const char *dataset, *column, *split, *subset;
    hooke_docs *docs;
    hooke_packer *packer;
    int n_ctx, d_vocab;
    bool prepend_bos;
    int64_t n_contexts; /* delivered */
    int64_t n_fresh;    /* since the last start */
    int32_t *ids;       /* [n_stored, n_ctx] an ids file read whole; NULL when a text is read */
    int64_t n_stored;
};
/* One of dataset and ids_file is given. n_ctx 0: the length of the ids file's contexts, else 128. */
hooke_status core_stream_open(struct core_stream *out, const hooke_context *ctx, const hooke_tokenizer *tk,
                              const hooke_core_options *options, bool prepend_bos, int d_vocab);
hooke_status core_stream_next(struct core_stream *s, int32_t *ids /* [n_contexts, n_ctx] */,
                              int64_t n_contexts);
void core_stream_close(struct core_stream *s);

/* Everything that the document needs, after model and dictionary are gone. Strings live in the arena. */
struct hooke_core_result {
    struct arena arena;
    hooke_core_metrics metrics;
    hooke_core_options config; /* as run, defaults filled in; dataset is what was read */
    const char *model_name, *dtype, *dict_name, *sae_config, *model_origin, *dict_origin;
    int64_t epoch_millis;
    char eval_id[37];
    int64_t n_features;
    float *density, *heuristic, *encoder_bias, *encoder_norm; /* [n_features] */
    float *encoder_decoder_cosine, *max_decoder_cosine, *max_encoder_cosine;
};

/* Version 4 UUID from the system's random bytes. */
hooke_status core_new_uuid(char out[37]);
/* The sae_cfg_dict object. dtype: "float32" or "bfloat16". */
hooke_status core_sae_config(hooke_text *out, const hooke_dict_info *info, const char *dtype);

#endif
