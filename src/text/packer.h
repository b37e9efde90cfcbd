/* packer.h: how documents become contexts, one rule for each peer. A rule fills a queue of contexts; packer.c hands them out. */
#ifndef HOOKE_TEXT_PACKER_H
#define HOOKE_TEXT_PACKER_H

#include "text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PACK_MAX_BYTES = 512 << 20 }; /* of documents that are joined before they are tokenised */

struct hooke_packer {
    const struct pack_rule *rule;
    const hooke_tokenizer *tk;
    hooke_docs *docs;
    hooke_rows *rows; /* instead, owned: ids as they are */
    size_t n_ctx;
    bool prepend_bos, no_concat, is_done;
    int32_t separator;      /* saelens; -1: none */
    int32_t begin_batch;    /* saelens; -1: none */
    int32_t begin_sequence; /* saelens_pretokenize; -1: none */
    int64_t n_tokens;       /* saebench; 0: all there are */
    int64_t block;          /* documents treated together, 0: all */
    int64_t min_chars;

    /* ready contexts: of lengths[next_context ..], ids from next_id */
    hooke_ids ready, lengths;
    size_t next_context, next_id;

    /* what a rule carries from one call to the next */
    hooke_ids document; /* tokenised */
    size_t at;          /* first id of the document that is not packed yet */
    bool at_start;      /* of the document */
    hooke_ids context;  /* begun */
    int64_t n_docs;     /* of this block */
    hooke_text joined;  /* of this block */
};

struct pack_rule {
    const char *name, *about;
    /* Queues at least one more context, or sets is_done. Queueing what is there and is_done both is fine. */
    hooke_status (*fill)(struct hooke_packer *p);
    int64_t block, min_chars; /* what 0 in the options means */
};

/* Queues a context of ids[n]; an empty one is left out. */
hooke_status pack_queue(struct hooke_packer *p, const int32_t *ids, size_t n);
/* The next document as text; NULL at the end. */
hooke_status pack_document(struct hooke_packer *p, const char **text, size_t *n);
/* Ids of a context that the post-processor leaves free; at least 1. */
size_t pack_room(const struct hooke_packer *p);
/* before + ids[n] + behind, as one context. */
hooke_status pack_queue_wrapped(struct hooke_packer *p, const int32_t *ids, size_t n);
/* The id that stands for padding, for BOS: where the tokenizer names none, EOS (as TransformerLens fills them in). */
int32_t pack_pad(const hooke_tokenizer *tk);
int32_t pack_bos(const hooke_tokenizer *tk);
/* Characters (scalar values; an invalid part counts as one) in s[n]. */
size_t count_chars(const char *s, size_t n);

hooke_status fill_saelens(struct hooke_packer *p);
hooke_status fill_saelens_pretokenize(struct hooke_packer *p);
hooke_status fill_dictionary_learning(struct hooke_packer *p);
hooke_status fill_dictionary_learning_packed(struct hooke_packer *p);
hooke_status fill_saebench(struct hooke_packer *p);
hooke_status fill_sparsify(struct hooke_packer *p);
hooke_status fill_transformer_lens(struct hooke_packer *p);
hooke_status fill_transformer_lens_2(struct hooke_packer *p);

#ifdef __cplusplus
}
#endif
#endif
