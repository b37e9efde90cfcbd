/* utf8.h: as much UTF-8 as printing needs. */
#ifndef HOOKE_CLI_UTF8_H
#define HOOKE_CLI_UTF8_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the character at s[0..n), 0 when it is not valid UTF-8. */
size_t utf8_length(const char *s, size_t n);
/* Terminal columns of s[0..n): combining marks 0, wide East Asian characters and emoji 2, what is invalid 1. */
int utf8_columns(const char *s, size_t n);

#ifdef __cplusplus
}
#endif
#endif
