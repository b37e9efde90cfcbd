/* post.h: ids that the post-processor puts around a text: those before it and those behind it. */
#ifndef HOOKE_TEXT_POST_H
#define HOOKE_TEXT_POST_H

#include "file/json.h"

#ifdef __cplusplus
extern "C" {
#endif

struct post {
    hooke_ids before, behind;
};
/* value: the "post_processor" of tokenizer.json, null for none. Ids are checked against n_ids. */
hooke_status post_read(struct post *p, const struct json *value, int32_t n_ids, const char *name);
void post_release(struct post *p);

#ifdef __cplusplus
}
#endif
#endif
