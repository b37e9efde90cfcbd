/* byte_level.h: GPT-2's byte alphabet: every byte has a printable character, so that a vocabulary of strings can hold any
 * bytes. 0x21..0x7E, 0xA1..0xAC and 0xAE..0xFF stand for themselves; the other 68, in order, are U+0100 upward (space is
 * U+0120, newline U+010A). */
#ifndef HOOKE_TEXT_BYTE_LEVEL_H
#define HOOKE_TEXT_BYTE_LEVEL_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

uint32_t byte_to_char(unsigned char byte);
int char_to_byte(uint32_t code); /* -1 for characters outside the alphabet */

/* Appends the alphabet's spelling of s. */
hooke_status append_byte_chars(hooke_text *out, const char *s, size_t n);
/* Appends the bytes that a token spells; a token with any character outside the alphabet stands for itself. */
hooke_status append_bytes_of_chars(hooke_text *out, const char *s, size_t n);

#ifdef __cplusplus
}
#endif
#endif
