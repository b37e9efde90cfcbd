/* template_string.c: finding, stripping, cutting and the cases of letters. */
#include "text/template_string.h"

#include <string.h>
#include <utf8proc.h>

#include "text/unicode.h"

bool is_python_space(uint32_t c)
{
    return is_space(c) || (c >= 0x1C && c <= 0x1F);
}

hooke_status string_find(struct run *r, bool *found, size_t *at, struct bytes in, struct bytes what,
                         size_t from)
{
    *found = false;
    *at = from;
    if (what.n == 0) {
        *found = from <= in.n;
        return HOOKE_OK;
    }
    while (from < in.n && in.n - from >= what.n) {
        const char *hit = memchr(in.s + from, what.s[0], in.n - from - what.n + 1);
        size_t next = hit ? (size_t)(hit - in.s) : in.n;
        RETURN_IF_ERROR(spend_bytes(r, next - from + (hit ? what.n : 0)));
        *at = next;
        *found = hit && memcmp(hit, what.s, what.n) == 0;
        if (*found || !hit) break;
        from = next + 1;
    }
    return HOOKE_OK;
}

/* ---- strip ---- */

static bool is_one_of(struct bytes chars, uint32_t code)
{
    if (!chars.s) return is_python_space(code);
    for (size_t i = 0, length; i < chars.n; i += length)
        if (char_at(chars.s + i, chars.n - i, &length) == code) return true;
    return false;
}

hooke_status string_strip(struct run *r, struct bytes *s, struct bytes chars, int sides)
{
    struct bytes t = *s;
    size_t length;
    while (sides & STRIP_LEFT && t.n && is_one_of(chars, char_at(t.s, t.n, &length))) {
        RETURN_IF_ERROR(spend_bytes(r, chars.n));
        t.s += length;
        t.n -= length;
    }
    while (sides & STRIP_RIGHT && t.n && is_one_of(chars, char_before(t.s, t.n, &length))) {
        RETURN_IF_ERROR(spend_bytes(r, chars.n));
        t.n -= length;
    }
    *s = t;
    return HOOKE_OK;
}

/* ---- replace ---- */

/* "" stands before every character and at the end. */
static hooke_status put_between(struct run *r, struct bytes s, struct bytes to, int64_t n_max)
{
    for (size_t i = 0, length; i < s.n; i += length) {
        if (n_max != 0) RETURN_IF_ERROR(put_bytes(r, to.s, to.n));
        if (n_max > 0) n_max--;
        char_at(s.s + i, s.n - i, &length);
        RETURN_IF_ERROR(put_bytes(r, s.s + i, length));
    }
    return n_max != 0 ? put_bytes(r, to.s, to.n) : HOOKE_OK;
}

hooke_status string_replace(struct run *r, struct value *out, struct bytes s, struct bytes from,
                            struct bytes to, int64_t n_max)
{
    size_t mark = r->out->n, done = 0;
    if (from.n == 0) {
        RETURN_IF_ERROR(put_between(r, s, to, n_max));
        return take_from(r, out, mark);
    }
    for (; n_max != 0; n_max -= n_max > 0) {
        bool found;
        size_t at;
        RETURN_IF_ERROR(string_find(r, &found, &at, s, from, done));
        if (!found) break;
        RETURN_IF_ERROR(put_bytes(r, s.s + done, at - done));
        RETURN_IF_ERROR(put_bytes(r, to.s, to.n));
        done = at + from.n;
    }
    RETURN_IF_ERROR(put_bytes(r, s.s + done, s.n - done));
    return take_from(r, out, mark);
}

/* ---- split ---- */

static void reverse_items(struct list *list)
{
    for (size_t i = 0; i < list->n / 2; i++) {
        struct value v = list->items[i];
        list->items[i] = list->items[list->n - 1 - i];
        list->items[list->n - 1 - i] = v;
    }
}

static hooke_status split_words(struct run *r, struct list *out, struct bytes s, int64_t n_max)
{
    struct bytes none = { NULL, 0 };
    for (;;) {
        size_t end = 0, length;
        RETURN_IF_ERROR(string_strip(r, &s, none, STRIP_LEFT));
        if (!s.n) return HOOKE_OK;
        if (n_max == 0) return list_push(r, out, value_string(s.s, s.n));
        while (end < s.n && !is_python_space(char_at(s.s + end, s.n - end, &length))) end += length;
        RETURN_IF_ERROR(spend_bytes(r, end));
        RETURN_IF_ERROR(list_push(r, out, value_string(s.s, end)));
        s.s += end;
        s.n -= end;
        if (n_max > 0) n_max--;
    }
}

static hooke_status split_words_right(struct run *r, struct list *out, struct bytes s, int64_t n_max)
{
    struct bytes none = { NULL, 0 };
    for (;;) {
        size_t begin, length;
        RETURN_IF_ERROR(string_strip(r, &s, none, STRIP_RIGHT));
        if (!s.n) return HOOKE_OK;
        if (n_max == 0) return list_push(r, out, value_string(s.s, s.n));
        begin = s.n;
        while (begin > 0 && !is_python_space(char_before(s.s, begin, &length))) begin -= length;
        RETURN_IF_ERROR(spend_bytes(r, s.n - begin));
        RETURN_IF_ERROR(list_push(r, out, value_string(s.s + begin, s.n - begin)));
        s.n = begin;
        if (n_max > 0) n_max--;
    }
}

static hooke_status split_at(struct run *r, struct list *out, struct bytes s, struct bytes separator,
                             int64_t n_max)
{
    size_t done = 0;
    for (; n_max != 0; n_max -= n_max > 0) {
        bool found;
        size_t at;
        RETURN_IF_ERROR(string_find(r, &found, &at, s, separator, done));
        if (!found) break;
        RETURN_IF_ERROR(list_push(r, out, value_string(s.s + done, at - done)));
        done = at + separator.n;
    }
    return list_push(r, out, value_string(s.s + done, s.n - done));
}

static hooke_status split_at_right(struct run *r, struct list *out, struct bytes s, struct bytes separator,
                                   int64_t n_max)
{
    size_t end = s.n; /* what is behind it is in the list */
    for (size_t at = s.n; n_max != 0 && at >= separator.n;) {
        RETURN_IF_ERROR(spend_bytes(r, separator.n));
        if (memcmp(s.s + at - separator.n, separator.s, separator.n) != 0) {
            at--;
            continue;
        }
        RETURN_IF_ERROR(list_push(r, out, value_string(s.s + at, end - at)));
        at -= separator.n;
        end = at;
        n_max -= n_max > 0;
    }
    return list_push(r, out, value_string(s.s, end));
}

hooke_status string_split(struct run *r, struct value *out, struct bytes s, struct bytes separator,
                          int64_t n_max, bool from_right)
{
    hooke_status st;
    RETURN_IF(separator.s && separator.n == 0, HOOKE_E_FORMAT, "split by an empty separator");
    RETURN_IF_ERROR(list_new(r, out, VAL_LIST));
    if (!separator.s)
        st = from_right && n_max >= 0 ? split_words_right(r, out->as.list, s, n_max)
                                      : split_words(r, out->as.list, s, n_max);
    else
        st = from_right && n_max >= 0 ? split_at_right(r, out->as.list, s, separator, n_max)
                                      : split_at(r, out->as.list, s, separator, n_max);
    if (from_right && n_max >= 0) reverse_items(out->as.list);
    return st;
}

static bool is_line_end(uint32_t c)
{
    return (c >= 10 && c <= 13) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

hooke_status string_lines(struct run *r, struct value *out, struct bytes s)
{
    size_t begin = 0, length;
    RETURN_IF_ERROR(list_new(r, out, VAL_LIST));
    RETURN_IF_ERROR(spend_bytes(r, s.n));
    for (size_t i = 0; i < s.n;) {
        uint32_t c = char_at(s.s + i, s.n - i, &length);
        size_t end = i;
        i += length;
        if (!is_line_end(c)) continue;
        if (c == '\r' && i < s.n && s.s[i] == '\n') i++;
        RETURN_IF_ERROR(list_push(r, out->as.list, value_string(s.s + begin, end - begin)));
        begin = i;
    }
    return begin < s.n ? list_push(r, out->as.list, value_string(s.s + begin, s.n - begin)) : HOOKE_OK;
}

/* ---- cases of letters ---- */

static hooke_status put_cased(struct run *r, uint32_t c, bool upper)
{
    char s[4];
    if (upper && c == 0xDF) return put_word(r, "SS"); /* the one common letter whose capital is two */
    if (!upper && c == 0x130) return put_word(r, "i\xCC\x87");
    uint32_t other =
        (uint32_t)(upper ? utf8proc_toupper((utf8proc_int32_t)c) : utf8proc_tolower((utf8proc_int32_t)c));
    return put_bytes(r, s, (size_t)utf8_encode(s, other));
}

static bool is_cased(uint32_t c)
{
    utf8proc_int32_t code = (utf8proc_int32_t)c;
    return utf8proc_toupper(code) != code || utf8proc_tolower(code) != code || c == 0xDF;
}

/* Jinja's title begins a word behind these. */
static bool begins_word(uint32_t before)
{
    return is_python_space(before) || before == '-' || before == '(' || before == '{' || before == '[' ||
           before == '<';
}

hooke_status string_case(struct run *r, struct value *out, struct bytes s, enum string_case how,
                         bool is_filter)
{
    size_t mark = r->out->n;
    uint32_t before = ' ';
    for (size_t i = 0, length; i < s.n; i += length) {
        uint32_t c = char_at(s.s + i, s.n - i, &length);
        bool upper = how == CASE_UPPER;
        if (how == CASE_CAPITAL) upper = i == 0;
        if (how == CASE_TITLE) upper = is_filter ? begins_word(before) : !is_cased(before);
        RETURN_IF_ERROR(put_cased(r, c, upper));
        before = c;
    }
    return take_from(r, out, mark);
}
