/* decoder.h: from token strings back to text: a list of steps from tokenizer.json. */
#ifndef HOOKE_TEXT_DECODER_H
#define HOOKE_TEXT_DECODER_H

#include "file/json.h"
#include "text/pieces.h"
#include "text/pretokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

enum decoder_kind {
    DECODE_BYTE_LEVEL,    /* the byte alphabet back to bytes, then to text as a whole */
    DECODE_REPLACE,       /* in each token */
    DECODE_BYTE_FALLBACK, /* runs of <0xHH> to text; a run that is no UTF-8 to one U+FFFD a byte */
    DECODE_FUSE,          /* all tokens to one */
    DECODE_STRIP,         /* up to `start` and `stop` times content at the ends of each token */
    DECODE_METASPACE
};
struct decoder_step {
    enum decoder_kind kind;
    struct bytes pattern, content;
    int64_t start, stop;
    enum prepend_scheme prepend;
    struct decoder_step *next;
};
struct decoder {
    struct decoder_step *first, *last;
};

/* value: the "decoder" of tokenizer.json, null for none (tokens are then joined by spaces). */
hooke_status decoder_read(struct decoder *d, struct arena *a, const struct json *value, const char *name);
/* Appends the text of the tokens; tokens and spare are used up. */
hooke_status decode_tokens(const struct decoder *d, hooke_text *out, struct pieces *tokens,
                           struct pieces *spare);
/* transformers' clean_up_tokenization_spaces: the space before . ? ! , n't 'm 's 've 're goes, " ' " becomes "'". */
hooke_status clean_up_spaces(hooke_text *text);

#ifdef __cplusplus
}
#endif
#endif
