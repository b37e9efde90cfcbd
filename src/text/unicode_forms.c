#include "text/unicode_forms.h"

#include <string.h>
#include <utf8proc.h>

#include "text/unicode.h"

enum { LONGEST_DECOMPOSITION = 18 /* U+FDFA under NFKD */, MAX_CHARS = 1 << 29 };

struct chars {
    utf8proc_int32_t *data;
    size_t n, capacity;
};

static hooke_status reserve(struct chars *c, size_t need)
{
    void *data = c->data;
    RETURN_IF_ERROR(
        mem_grow(&data, &c->capacity, need, sizeof *c->data, MAX_CHARS, "characters to normalise"));
    c->data = data;
    return HOOKE_OK;
}

static int combining_class(utf8proc_int32_t code)
{
    return code < 0x300 ? 0 : utf8proc_get_property(code)->combining_class;
}

/* Stable counting sort of one run of marks by class. */
static void sort_marks(utf8proc_int32_t *marks, utf8proc_int32_t *spare, size_t n)
{
    size_t start[257] = { 0 };
    for (size_t i = 0; i < n; i++) start[combining_class(marks[i]) + 1]++;
    for (int class = 0; class < 256; class ++) start[class + 1] += start[class];
    for (size_t i = 0; i < n; i++) spare[start[combining_class(marks[i])]++] = marks[i];
    memcpy(marks, spare, n * sizeof *marks);
}

/* Room for as many characters again lies behind c->data[c->n]. */
static void order_marks(struct chars *c)
{
    for (size_t i = 0, end; i < c->n; i = end + 1) {
        bool is_sorted = true;
        for (end = i; end < c->n && combining_class(c->data[end]) != 0; end++)
            if (end > i && combining_class(c->data[end]) < combining_class(c->data[end - 1]))
                is_sorted = false;
        if (!is_sorted) sort_marks(c->data + i, c->data + c->n, end - i);
    }
}

static hooke_status decompose(struct chars *c, const char *s, size_t n, bool compatibility)
{
    utf8proc_option_t options = UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0);
    for (size_t i = 0, length; i < n; i += length) {
        utf8proc_int32_t code = (utf8proc_int32_t)char_at(s + i, n - i, &length);
        RETURN_IF_ERROR(reserve(c, c->n + LONGEST_DECOMPOSITION));
        if (code < 0x80) {
            c->data[c->n++] = code;
            continue;
        }
        utf8proc_ssize_t got =
            utf8proc_decompose_char(code, c->data + c->n, LONGEST_DECOMPOSITION, options, NULL);
        RETURN_IF(got < 0 || got > LONGEST_DECOMPOSITION, HOOKE_E_INTERNAL, "U+%04X: %s", (unsigned)code,
                  utf8proc_errmsg(got));
        c->n += (size_t)got;
    }
    RETURN_IF_ERROR(reserve(c, 2 * c->n));
    order_marks(c);
    return HOOKE_OK;
}

static hooke_status append_chars(hooke_text *out, const utf8proc_int32_t *codes, size_t n)
{
    char c[4];
    for (size_t i = 0; i < n; i++)
        RETURN_IF_ERROR(text_append(out, c, (size_t)utf8_encode(c, (uint32_t)codes[i])));
    return HOOKE_OK;
}

/* Below U+0300 everything is in form C, below U+0080 in every form. Bytes from 0xCC on lead U+0300 and above. */
static bool is_in_form(const char *s, size_t n, bool compatibility, bool composed)
{
    unsigned char limit = composed && !compatibility ? 0xCC : 0x80;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] >= limit) return false;
    return true;
}

hooke_status append_unicode_form(hooke_text *out, const char *s, size_t n, bool compatibility, bool composed)
{
    if (is_in_form(s, n, compatibility, composed)) return text_append(out, s, n);
    struct chars c = { 0 };
    hooke_status st = decompose(&c, s, n, compatibility);
    if (st == HOOKE_OK) {
        utf8proc_ssize_t left = (utf8proc_ssize_t)c.n;
        if (composed) left = utf8proc_normalize_utf32(c.data, left, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        st = left < 0 ? fail(HOOKE_E_INTERNAL, "composing: %s", utf8proc_errmsg(left))
                      : append_chars(out, c.data, (size_t)left);
    }
    mem_free(c.data);
    return st;
}

hooke_status append_lowercase(hooke_text *out, const char *s, size_t n)
{
    for (size_t i = 0, length; i < n; i += length) {
        utf8proc_int32_t code = (utf8proc_int32_t)char_at(s + i, n - i, &length), pair[2] = { 'i', 0x307 };
        if (code == 0x130) { /* the only lower case of two characters */
            RETURN_IF_ERROR(append_chars(out, pair, 2));
            continue;
        }
        pair[0] = utf8proc_tolower(code);
        RETURN_IF_ERROR(append_chars(out, pair, 1));
    }
    return HOOKE_OK;
}
