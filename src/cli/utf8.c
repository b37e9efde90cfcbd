#include "cli/utf8.h"

/* The scalar value at s and its length; length 0 for overlong forms, surrogates, values past U+10FFFF and broken bytes. */
static size_t scalar_at(const char *s, size_t n, uint32_t *out)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *b = (const unsigned char *)s;
    size_t len = b[0] < 0x80             ? 1
                 : (b[0] & 0xE0) == 0xC0 ? 2
                 : (b[0] & 0xF0) == 0xE0 ? 3
                 : (b[0] & 0xF8) == 0xF0 ? 4
                                         : 0;
    if (n == 0 || len == 0 || len > n) return 0;
    uint32_t c = len == 1 ? b[0] : b[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((b[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (b[i] & 0x3Fu);
    }
    if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0;
    *out = c;
    return len;
}

size_t utf8_length(const char *s, size_t n)
{
    uint32_t c;
    return n ? scalar_at(s, n, &c) : 0;
}

static int columns_of(uint32_t c)
{
    if ((c >= 0x300 && c < 0x370) || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F) ||
        c == 0xFEFF)
        return 0;
    if ((c >= 0x1100 && c < 0x1160) || (c >= 0x2E80 && c < 0xA4D0) || (c >= 0xAC00 && c < 0xD7A4) ||
        (c >= 0xF900 && c < 0xFB00) || (c >= 0xFE30 && c < 0xFE70) || (c >= 0xFF00 && c < 0xFF61) ||
        (c >= 0x1F300 && c < 0x1FB00) || (c >= 0x20000 && c < 0x40000))
        return 2;
    return 1;
}

int utf8_columns(const char *s, size_t n)
{
    int columns = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = scalar_at(s + i, n - i, &c);
        columns += len ? columns_of(c) : 1;
        i += len ? len : 1;
    }
    return columns;
}
