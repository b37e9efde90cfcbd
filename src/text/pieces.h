/* pieces.h: a list of byte strings behind one another in one buffer. Words before the model runs, tokens before they are
 * decoded. */
#ifndef HOOKE_TEXT_PIECES_H
#define HOOKE_TEXT_PIECES_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Borrowed bytes; not NUL-terminated unless said. */
struct bytes {
    const char *s;
    size_t n;
};

struct pieces {
    hooke_text text;
    size_t *ends; /* [n] piece i is text.data[ends[i-1] .. ends[i]) */
    size_t n, capacity;
};
void pieces_release(struct pieces *p);
void pieces_clear(struct pieces *p);
/* Ends a piece at the end of what was appended to p->text. */
hooke_status pieces_end(struct pieces *p);
hooke_status pieces_add(struct pieces *p, const char *s, size_t n);
struct bytes pieces_get(const struct pieces *p, size_t index);
void pieces_swap(struct pieces *a, struct pieces *b);

#ifdef __cplusplus
}
#endif
#endif
