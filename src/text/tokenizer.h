/* tokenizer.h: a tokenizer.json in memory (spec: huggingface/tokenizers).
 *
 *   text -> added tokens in the raw text -> each rest: normalizer -> added tokens in normalised text -> each rest: words
 *        -> BPE of each word -> ids; the post-processor's ids around them
 *
 * Nothing in it changes after opening: threads may share it, every call brings its own working memory. */
#ifndef HOOKE_TEXT_TOKENIZER_H
#define HOOKE_TEXT_TOKENIZER_H

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/post.h"
#include "text/pretokenizer.h"
#include "text/vocab.h"

#ifdef __cplusplus
extern "C" {
#endif

struct named_template {
    const char *name;
    struct bytes text;
};

struct hooke_tokenizer {
    struct arena arena;
    const char *name; /* the file, for messages */
    struct vocab vocab;
    struct added_tokens added;
    struct normalizer normalizer;
    struct pretokenizer pretokenizer;
    struct bpe bpe;
    struct post post;
    struct decoder decoder;
    int32_t bos, eos, pad;                 /* as the files name them, -1: none */
    struct named_template *chat_templates; /* [n_chat_templates]; the only one of most is "default" */
    int n_chat_templates;
};

/* The files' contents; s NULL where a file is absent. */
struct tokenizer_files {
    struct bytes tokenizer;     /* tokenizer.json */
    struct bytes config;        /* tokenizer_config.json */
    struct bytes special_map;   /* special_tokens_map.json */
    struct bytes chat_template; /* chat_template.jinja */
};
hooke_status tokenizer_parse(hooke_tokenizer **out, const struct tokenizer_files *files, const char *name);

/* Names of special tokens, BOS and EOS rules, the chat template: tokenizer_config.json over special_tokens_map.json over what
 * the tokenizer's class would assume. */
hooke_status tokenizer_configure(hooke_tokenizer *tk, const struct tokenizer_files *files);

#ifdef __cplusplus
}
#endif
#endif
