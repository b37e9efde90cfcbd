/* post.h: ids that the post-processor puts around a text: those before it and those behind it. */
#ifndef HOOKE_TEXT_POST_H
#define HOOKE_TEXT_POST_H

#include "text/vocab.h"

#ifdef __cplusplus
extern "C" {
#endif

struct post {
    hooke_ids before, behind;
};
/* value: the "post_processor" of tokenizer.json, null for none. Ids must have a token in the vocabulary. */
hooke_status post_read(struct post *p, const struct json *value, const struct vocab *vocab, const char *name);
void post_release(struct post *p);

#ifdef __cplusplus
}
#endif
#endif
