/* sniff.h: what bytes look like, for messages about files that are not what they should be. */
#ifndef HOOKE_FILE_SNIFF_H
#define HOOKE_FILE_SNIFF_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of a file that no text begins like: what it is. NULL: not known by its first bytes, text perhaps. */
const char *known_kind(const unsigned char *bytes, size_t n);
/* Of the file's first n bytes (512 are enough), e.g. "a Git LFS pointer (the real file was not fetched)". Never NULL. */
const char *looks_like(const unsigned char *bytes, size_t n);

#ifdef __cplusplus
}
#endif
#endif
