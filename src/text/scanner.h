/* scanner.h: the split patterns of the byte-level tokenizers as hand-written scanners. Each takes UTF-8 text s[n], n > 0, and
 * returns the bytes of the match that begins at s; the patterns match at every position, so that words tile the text.
 *
 *   gpt2   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *   llama3 (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 *   qwen2  llama3 with \p{N} for \p{N}{1,3}
 *
 * The first alternative that matches wins, not the longest. */
#ifndef HOOKE_TEXT_SCANNER_H
#define HOOKE_TEXT_SCANNER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef size_t (*scanner)(const char *s, size_t n);
size_t scan_gpt2(const char *s, size_t n);
size_t scan_llama3(const char *s, size_t n);
size_t scan_qwen2(const char *s, size_t n);
size_t scan_digit(const char *s, size_t n);  /* one \p{N}; else the characters up to the next */
size_t scan_digits(const char *s, size_t n); /* a run of \p{N}; else the characters up to the next */

/* The scanner of a pattern by exact comparison of its text; NULL: not known. */
scanner scanner_of(const char *pattern, size_t n);

#ifdef __cplusplus
}
#endif
#endif
