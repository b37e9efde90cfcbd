/* unicode.h: the character classes that tokenizers split by, from utf8proc's tables. */
#ifndef HOOKE_TEXT_UNICODE_H
#define HOOKE_TEXT_UNICODE_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

enum char_class { CLASS_OTHER, CLASS_LETTER /* \p{L} */, CLASS_NUMBER /* \p{N} */, CLASS_SPACE /* \s */ };
enum char_class char_class(uint32_t code);
bool is_space(uint32_t code); /* Unicode's White_Space; not U+001C..001F, U+200B or U+FEFF */
bool is_word(uint32_t code);  /* \w as a Unicode regular expression means it */

/* One scalar value of text that is known to be UTF-8; *length is its bytes. n > 0. */
uint32_t char_at(const char *s, size_t n, size_t *length);
/* The scalar value that ends at s + n, n > 0. */
uint32_t char_before(const char *s, size_t n, size_t *length);

/* Appends text with every maximal invalid part replaced by U+FFFD. */
hooke_status append_as_utf8(hooke_text *out, const char *s, size_t n);

#ifdef __cplusplus
}
#endif
#endif
