#include "text/scanner.h"

#include <string.h>

#include "text/unicode.h"

#define PATTERN_GPT2   "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define PATTERN_TAIL   "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define PATTERN_HEAD   "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define PATTERN_LLAMA3 PATTERN_HEAD "\\p{N}{1,3}" PATTERN_TAIL
#define PATTERN_QWEN2  PATTERN_HEAD "\\p{N}" PATTERN_TAIL

scanner scanner_of(const char *pattern, size_t n)
{
    static const struct {
        const char *pattern;
        scanner scan;
    } known[] = { { PATTERN_GPT2, scan_gpt2 },
                  { PATTERN_LLAMA3, scan_llama3 },
                  { PATTERN_QWEN2, scan_qwen2 } };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i].pattern) == n && memcmp(known[i].pattern, pattern, n) == 0) return known[i].scan;
    return NULL;
}

/* Bytes of the run of one class at s; at most `most` characters. */
static size_t run(const char *s, size_t n, enum char_class class, size_t most)
{
    size_t i = 0, length;
    while (i < n && most-- > 0 && char_class(char_at(s + i, n - i, &length)) == class) i += length;
    return i;
}

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

/* \s+(?!\S)|\s+ : a run at the end of the text whole, else all but its last character, which may open the next word. */
static size_t scan_spaces(const char *s, size_t n)
{
    size_t all = run(s, n, CLASS_SPACE, n), last;
    if (all == n) return all;
    char_before(s, all, &last);
    return all > last ? all - last : all;
}

/* Length of the contraction at s (an apostrophe), or 0. */
static size_t contraction_gpt2(const char *s, size_t n)
{
    if (n >= 2 && strchr("stmd", s[1]) && s[1]) return 2;
    if (n < 3) return 0;
    bool is_pair =
        (s[1] == 'r' && s[2] == 'e') || (s[1] == 'v' && s[2] == 'e') || (s[1] == 'l' && s[2] == 'l');
    return is_pair ? 3 : 0;
}

/* Any ASCII case; U+017F, the long s, folds to s. */
static size_t contraction_folded(const char *s, size_t n)
{
    char lower[3] = { s[0] };
    for (size_t i = 1; i < 3 && i < n; i++)
        lower[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 0x20) : s[i];
    size_t length = contraction_gpt2(lower, n < 3 ? n : 3);
    if (length) return length;
    return n >= 3 && memcmp(s + 1, "\xC5\xBF", 2) == 0 ? 3 : 0;
}

size_t scan_gpt2(const char *s, size_t n)
{
    if (s[0] == '\'') {
        size_t contraction = contraction_gpt2(s, n);
        if (contraction) return contraction;
    }
    size_t prefix = s[0] == ' ' && n > 1 ? 1 : 0, length;
    enum char_class class = char_class(char_at(s + prefix, n - prefix, &length));
    if (class == CLASS_SPACE) return scan_spaces(s, n);
    return prefix + run(s + prefix, n - prefix, class, n);
}

/* \s*[\r\n]+ takes the run up to its last line end; without one it is scan_spaces(). */
static size_t scan_spaces_by_line(const char *s, size_t n)
{
    size_t all = run(s, n, CLASS_SPACE, n);
    for (size_t i = all; i > 0; i--)
        if (is_line_end(s[i - 1])) return i;
    return scan_spaces(s, n);
}

static size_t scan_folded(const char *s, size_t n, size_t most_digits)
{
    size_t length, prefix;
    if (s[0] == '\'') {
        size_t contraction = contraction_folded(s, n);
        if (contraction) return contraction;
    }
    enum char_class class = char_class(char_at(s, n, &length));
    if (class == CLASS_LETTER) return run(s, n, CLASS_LETTER, n);
    if (class == CLASS_NUMBER) return run(s, n, CLASS_NUMBER, most_digits);
    if (!is_line_end(s[0])) { /* [^\r\n\p{L}\p{N}]?\p{L}+ with its first character present */
        size_t letters = run(s + length, n - length, CLASS_LETTER, n);
        if (letters) return length + letters;
    }
    prefix = s[0] == ' ' ? 1 : 0;
    size_t end = prefix + run(s + prefix, n - prefix, CLASS_OTHER, n);
    if (end == prefix) return scan_spaces_by_line(s, n);
    while (end < n && is_line_end(s[end])) end++;
    return end;
}

size_t scan_llama3(const char *s, size_t n)
{
    return scan_folded(s, n, 3);
}

size_t scan_qwen2(const char *s, size_t n)
{
    return scan_folded(s, n, 1);
}

/* Characters up to the next number. */
static size_t scan_to_number(const char *s, size_t n)
{
    size_t i = 0, length;
    while (i < n && char_class(char_at(s + i, n - i, &length)) != CLASS_NUMBER) i += length;
    return i;
}

size_t scan_digit(const char *s, size_t n)
{
    size_t number = run(s, n, CLASS_NUMBER, 1);
    return number ? number : scan_to_number(s, n);
}

size_t scan_digits(const char *s, size_t n)
{
    size_t number = run(s, n, CLASS_NUMBER, n);
    return number ? number : scan_to_number(s, n);
}
