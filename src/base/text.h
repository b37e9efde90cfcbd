/* text.h: growable byte strings, UTF-8, near misses. */
#ifndef HOOKE_BASE_TEXT_H
#define HOOKE_BASE_TEXT_H

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

/* hooke_text is the string type everywhere. Appending keeps the NUL behind the content. */
hooke_status text_append(hooke_text *t, const char *s, size_t n);
hooke_status text_puts(hooke_text *t, const char *s);
hooke_status text_printf(hooke_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_clear(hooke_text *t);
hooke_status ids_append(hooke_ids *ids, const int32_t *data, size_t n);
hooke_status ids_push(hooke_ids *ids, int32_t id);

/* Decodes one scalar value at s[0..n), n > 0. Returns its length in bytes; 0 when the bytes are not UTF-8 (overlong forms,
 * surrogates and values above U+10FFFF are not). */
int utf8_decode(uint32_t *code, const char *s, size_t n);
int utf8_encode(char out[4], uint32_t code);
/* Length of the longest valid prefix; n when all of it is valid. */
size_t utf8_valid_prefix(const char *s, size_t n);
/* Bytes of the maximal invalid part at s (1 to 3), as Unicode's recommendation for U+FFFD replacement cuts it. */
int utf8_invalid_length(const char *s, size_t n);

/* Edit distance of two names (bytes, at most 255 of each), for "did you mean". */
int edit_distance(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
