#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1 << 30 }; /* 1 GiB: past that a caller should stream */

void hooke_text_release(hooke_text *t)
{
    if (!t) return;
    mem_free(t->data);
    *t = (hooke_text){ 0 };
}

void hooke_ids_release(hooke_ids *ids)
{
    if (!ids) return;
    mem_free(ids->data);
    *ids = (hooke_ids){ 0 };
}

hooke_status text_append(hooke_text *t, const char *s, size_t n)
{
    void *data = t->data;
    RETURN_IF(n > TEXT_MAX, HOOKE_E_UNSUPPORTED, "text of %zu bytes is too long", n);
    RETURN_IF_ERROR(mem_grow(&data, &t->capacity, t->n + n + 1, 1, TEXT_MAX, "bytes of text"));
    t->data = data;
    if (n) memcpy(t->data + t->n, s, n);
    t->n += n;
    t->data[t->n] = '\0';
    return HOOKE_OK;
}

hooke_status text_puts(hooke_text *t, const char *s)
{
    return text_append(t, s, strlen(s));
}

hooke_status text_printf(hooke_text *t, const char *format, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    hooke_status st = HOOKE_OK;
    if (n < 0) {
        st = fail(HOOKE_E_INTERNAL, "format '%s'", format);
    } else if ((size_t)n < sizeof small) {
        st = text_append(t, small, (size_t)n);
    } else {
        void *data = t->data;
        st = mem_grow(&data, &t->capacity, t->n + (size_t)n + 1, 1, TEXT_MAX, "bytes of text");
        t->data = data;
        if (st == HOOKE_OK) {
            vsnprintf(t->data + t->n, (size_t)n + 1, format, again);
            t->n += (size_t)n;
        }
    }
    va_end(again);
    return st;
}

void text_clear(hooke_text *t)
{
    t->n = 0;
    if (t->data) t->data[0] = '\0';
}

hooke_status ids_append(hooke_ids *ids, const int32_t *data, size_t n)
{
    void *p = ids->data;
    RETURN_IF_ERROR(mem_grow(&p, &ids->capacity, ids->n + n, sizeof *data, (size_t)1 << 31, "token ids"));
    ids->data = p;
    if (n) memcpy(ids->data + ids->n, data, n * sizeof *data);
    ids->n += n;
    return HOOKE_OK;
}

hooke_status ids_push(hooke_ids *ids, int32_t id)
{
    return ids_append(ids, &id, 1);
}

/* Allowed range of the second byte after each lead byte (Unicode table 3-7); later bytes are 80..BF. */
static int sequence_shape(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (lead == 0xE0) *low = 0xA0;
        if (lead == 0xED) *high = 0x9F;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (lead == 0xF0) *low = 0x90;
        if (lead == 0xF4) *high = 0x8F;
        return 4;
    }
    return 0;
}

/* Number of leading bytes of s that could begin one sequence; *want is the sequence's full length (0: bad lead byte). */
static int matched_bytes(const char *s, size_t n, int *want)
{
    unsigned char low, high;
    *want = sequence_shape((unsigned char)s[0], &low, &high);
    int got = *want ? 1 : 0;
    while (got < *want && got > 0 && (size_t)got < n) {
        unsigned char c = (unsigned char)s[got];
        if (c < low || c > high) break;
        low = 0x80;
        high = 0xBF;
        got++;
    }
    return got;
}

int utf8_decode(uint32_t *code, const char *s, size_t n)
{
    int want, got = matched_bytes(s, n, &want);
    if (want == 0 || got < want) return 0;
    static const unsigned char mask[5] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    uint32_t c = (unsigned char)s[0] & mask[want];
    for (int i = 1; i < want; i++) c = c << 6 | ((unsigned char)s[i] & 0x3F);
    *code = c;
    return want;
}

int utf8_invalid_length(const char *s, size_t n)
{
    int want, got = matched_bytes(s, n, &want);
    return got > 0 ? got : 1;
}

int utf8_encode(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

size_t utf8_valid_prefix(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint32_t code;
        int k = utf8_decode(&code, s + i, n - i);
        if (k == 0) break;
        i += (size_t)k;
    }
    return i;
}

int edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 255 };
    size_t na = strnlen(a, LONGEST), nb = strnlen(b, LONGEST);
    int row[LONGEST + 1];
    for (size_t j = 0; j <= nb; j++) row[j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int replace = diagonal + (a[i - 1] != b[j - 1]);
            int shorter = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = replace < shorter ? replace : shorter;
        }
    }
    return row[nb];
}
