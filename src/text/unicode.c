#include "text/unicode.h"

#include <utf8proc.h>

bool is_space(uint32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

enum char_class char_class(uint32_t c)
{
    if (c < 0x80) {
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return CLASS_LETTER;
        if (c >= '0' && c <= '9') return CLASS_NUMBER;
        return is_space(c) ? CLASS_SPACE : CLASS_OTHER;
    }
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) return CLASS_LETTER;
    if (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) return CLASS_NUMBER;
    return is_space(c) ? CLASS_SPACE : CLASS_OTHER;
}

/* \w = Alphabetic, marks, decimal digits, connector punctuation, the two joiners. Alphabetic is letters, letter numbers and
 * Other_Alphabetic, which holds marks and these four ranges of circled and squared letters. */
bool is_word(uint32_t c)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL)
        return true; /* L*, M*, Nd, Nl */
    if (category == UTF8PROC_CATEGORY_PC) return true;
    return c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
           (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

uint32_t char_at(const char *s, size_t n, size_t *length)
{
    uint32_t code = (unsigned char)s[0];
    *length = 1;
    if (code < 0x80) return code;
    int bytes = utf8_decode(&code, s, n);
    if (bytes <= 0) return 0xFFFD;
    *length = (size_t)bytes;
    return code;
}

uint32_t char_before(const char *s, size_t n, size_t *length)
{
    size_t begin = n - 1;
    while (begin > 0 && n - begin < 4 && ((unsigned char)s[begin] & 0xC0) == 0x80) begin--;
    uint32_t code = char_at(s + begin, n - begin, length);
    *length = n - begin;
    return code;
}

hooke_status append_as_utf8(hooke_text *out, const char *s, size_t n)
{
    while (n) {
        size_t valid = utf8_valid_prefix(s, n);
        RETURN_IF_ERROR(text_append(out, s, valid));
        s += valid;
        n -= valid;
        if (!n) break;
        size_t bad = (size_t)utf8_invalid_length(s, n);
        RETURN_IF_ERROR(text_append(out, "\xEF\xBF\xBD", 3));
        s += bad;
        n -= bad;
    }
    return HOOKE_OK;
}
