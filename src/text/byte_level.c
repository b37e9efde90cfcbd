#include "text/byte_level.h"

#include "text/unicode.h"

/* 0x00..0x20 -> U+0100..U+0120, 0x7F..0xA0 -> U+0121..U+0142, 0xAD -> U+0143. */
uint32_t byte_to_char(unsigned char b)
{
    if (b <= 0x20) return 0x100u + b;
    if (b >= 0x7F && b <= 0xA0) return 0x121u + (b - 0x7Fu);
    if (b == 0xAD) return 0x143;
    return b;
}

int char_to_byte(uint32_t c)
{
    if (c < 0x100) return byte_to_char((unsigned char)c) == c ? (int)c : -1;
    if (c <= 0x120) return (int)(c - 0x100);
    if (c <= 0x142) return (int)(c - 0x121 + 0x7F);
    return c == 0x143 ? 0xAD : -1;
}

hooke_status append_byte_chars(hooke_text *out, const char *s, size_t n)
{
    char buffer[256];
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (used + 2 > sizeof buffer) {
            RETURN_IF_ERROR(text_append(out, buffer, used));
            used = 0;
        }
        used += (size_t)utf8_encode(buffer + used, byte_to_char((unsigned char)s[i]));
    }
    return text_append(out, buffer, used);
}

hooke_status append_bytes_of_chars(hooke_text *out, const char *s, size_t n)
{
    size_t start = out->n;
    for (size_t i = 0, length; i < n; i += length) {
        int byte = char_to_byte(char_at(s + i, n - i, &length));
        if (byte < 0) {
            out->n = start;
            return text_append(out, s, n);
        }
        char c = (char)byte;
        RETURN_IF_ERROR(text_append(out, &c, 1));
    }
    return HOOKE_OK;
}
