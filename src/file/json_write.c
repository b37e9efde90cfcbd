/* json_write.c: tree or values to text.
 *
 * Layout as Python's json module writes it: "a, b" and "k: v" on one line, or one item a line with indent. Numbers as Python's
 * repr(float): the shortest digits that read back equal, 1.0, 1e-05, 1e+16. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/json.h"

void jw_init(struct json_writer *w, hooke_text *out, int indent)
{
    memset(w, 0, sizeof *w);
    w->out = out;
    w->indent = indent;
    w->status = HOOKE_OK;
}

static void put(struct json_writer *w, const char *s, size_t n)
{
    if (w->status == HOOKE_OK) w->status = text_append(w->out, s, n);
}

static void put_line(struct json_writer *w)
{
    static const char spaces[] = "                                ";
    put(w, "\n", 1);
    for (int left = w->indent * w->depth, n; left > 0; left -= n) {
        n = left < (int)sizeof spaces - 1 ? left : (int)sizeof spaces - 1;
        put(w, spaces, (size_t)n);
    }
}

/* What stands between the last value and the next one. */
static void begin_value(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->need_comma) put(w, ", ", w->indent == 0 ? 2 : 1);
    if (w->indent > 0 && w->depth > 0) put_line(w);
}

static void open_list(struct json_writer *w, const char *bracket)
{
    begin_value(w);
    put(w, bracket, 1);
    w->depth++;
    w->need_comma = false;
}

static void close_list(struct json_writer *w, const char *bracket)
{
    w->depth--;
    if (w->indent > 0 && w->need_comma) put_line(w); /* an empty list stays "[]" */
    put(w, bracket, 1);
    w->need_comma = true;
}

void jw_object(struct json_writer *w)
{
    open_list(w, "{");
}

void jw_end_object(struct json_writer *w)
{
    close_list(w, "}");
}

void jw_array(struct json_writer *w)
{
    open_list(w, "[");
}

void jw_end_array(struct json_writer *w)
{
    close_list(w, "]");
}

/* ---- strings ---- */

static void put_escape(struct json_writer *w, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    char s[8] = { '\\' };
    const char *at = c ? strchr(from, c) : NULL;
    if (at) {
        s[1] = to[at - from];
        put(w, s, 2);
    } else {
        put(w, s, (size_t)snprintf(s, sizeof s, "\\u%04x", c));
    }
}

static void put_quoted(struct json_writer *w, const char *s, size_t n)
{
    size_t done = 0, i = 0;
    put(w, "\"", 1);
    while (i < n) {
        unsigned char c = (unsigned char)s[i];
        uint32_t code;
        int length = c < 0x80 ? 1 : utf8_decode(&code, s + i, n - i);
        if (length && c >= 0x20 && c != '"' && c != '\\') {
            i += (size_t)length;
            continue;
        }
        put(w, s + done, i - done);
        if (length) {
            put_escape(w, c);
        } else {
            put(w, "\xEF\xBF\xBD", 3);
            length = utf8_invalid_length(s + i, n - i);
        }
        i += (size_t)length;
        done = i;
    }
    put(w, s + done, n - done);
    put(w, "\"", 1);
}

void jw_string_n(struct json_writer *w, const char *s, size_t n)
{
    begin_value(w);
    put_quoted(w, s, n);
    w->need_comma = true;
}

void jw_string(struct json_writer *w, const char *s)
{
    if (s)
        jw_string_n(w, s, strlen(s));
    else
        jw_null(w);
}

static void key_n(struct json_writer *w, const char *key, size_t n)
{
    begin_value(w);
    put_quoted(w, key, n);
    put(w, ": ", w->indent < 0 ? 1 : 2);
    w->after_key = true;
}

void jw_key(struct json_writer *w, const char *key)
{
    key_n(w, key, strlen(key));
}

/* ---- numbers ---- */

static void put_word(struct json_writer *w, const char *s)
{
    begin_value(w);
    put(w, s, strlen(s));
    w->need_comma = true;
}

/* Decimal digits d1 d2 .. of a positive number: value = d1.d2... * 10^exponent. */
struct decimal {
    char digits[20];
    int n, exponent;
};

static double decimal_value(const struct decimal *d, bool single)
{
    char s[40];
    snprintf(s, sizeof s, "%c.%se%d", d->digits[0], d->n > 1 ? d->digits + 1 : "0", d->exponent);
    return single ? (double)strtof(s, NULL) : strtod(s, NULL);
}

static void decimal_of(struct decimal *d, double v, int n_digits)
{
    char s[40];
    snprintf(s, sizeof s, "%.*e", n_digits - 1, v); /* d.ddde+XX */
    d->digits[0] = s[0];
    if (n_digits > 1) memcpy(d->digits + 1, s + 2, (size_t)n_digits - 1);
    d->digits[n_digits] = '\0';
    d->n = n_digits;
    d->exponent = (int)strtol(strchr(s, 'e') + 1, NULL, 10);
}

/* The next larger decimal of as many digits. */
static void decimal_up(struct decimal *d)
{
    int i = d->n - 1;
    while (i >= 0 && d->digits[i] == '9') d->digits[i--] = '0';
    if (i >= 0) {
        d->digits[i]++;
    } else {
        d->digits[0] = '1';
        d->exponent++;
    }
}

/* Fewest digits that read back as v. The nearest decimal of n digits is the one to try, except at a power of two: its
 * neighbours below lie half as far as those above, and the next decimal upwards may do where the nearest, below, does not. */
static void shortest_decimal(struct decimal *d, double v, bool single)
{
    /* As many digits as any normal number keeps; subnormal ones keep fewer. */
    int first = v < (single ? (double)FLT_MIN : DBL_MIN) ? 1 : single ? FLT_DIG : DBL_DIG, e;
    bool is_power_of_two = frexp(v, &e) == 0.5;
    for (int n = first; n <= (single ? 9 : 17); n++) {
        decimal_of(d, v, n);
        if (decimal_value(d, single) == v) break;
        if (!is_power_of_two) continue;
        decimal_up(d);
        if (decimal_value(d, single) == v) break;
    }
    while (d->n > 1 && d->digits[d->n - 1] == '0') d->digits[--d->n] = '\0';
}

static void layout(char out[48], const struct decimal *d, bool negative)
{
    const char *sign = negative ? "-" : "";
    int point = d->exponent + 1; /* digits before the point */
    if (d->exponent < -4 || d->exponent >= 16)
        snprintf(out, 48, "%s%c%s%se%+03d", sign, d->digits[0], d->n > 1 ? "." : "", d->digits + 1,
                 d->exponent);
    else if (point <= 0)
        snprintf(out, 48, "%s0.%.*s%s", sign, -point, "0000", d->digits);
    else if (point >= d->n)
        snprintf(out, 48, "%s%s%.*s.0", sign, d->digits, point - d->n, "0000000000000000");
    else
        snprintf(out, 48, "%s%.*s.%s", sign, point, d->digits, d->digits + point);
}

static void put_real(struct json_writer *w, double v, bool single)
{
    char s[48];
    struct decimal d;
    if (isnan(v) || isinf(v)) {
        put_word(w, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
        return;
    }
    if (v == 0) {
        put_word(w, signbit(v) ? "-0.0" : "0.0");
        return;
    }
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = c_locale ? uselocale(c_locale) : (locale_t)0;
    shortest_decimal(&d, fabs(v), single);
    if (c_locale) {
        uselocale(before);
        freelocale(c_locale);
    }
    layout(s, &d, v < 0);
    put_word(w, s);
}

void jw_real(struct json_writer *w, double v)
{
    put_real(w, v, false);
}

void jw_real_f32(struct json_writer *w, float v)
{
    put_real(w, (double)v, true);
}

void jw_int(struct json_writer *w, int64_t v)
{
    char s[24];
    snprintf(s, sizeof s, "%lld", (long long)v);
    put_word(w, s);
}

void jw_bool(struct json_writer *w, bool v)
{
    put_word(w, v ? "true" : "false");
}

void jw_null(struct json_writer *w)
{
    put_word(w, "null");
}

void jw_key_string(struct json_writer *w, const char *key, const char *s)
{
    jw_key(w, key);
    jw_string(w, s);
}

void jw_key_int(struct json_writer *w, const char *key, int64_t v)
{
    jw_key(w, key);
    jw_int(w, v);
}

void jw_key_real(struct json_writer *w, const char *key, double v)
{
    jw_key(w, key);
    jw_real(w, v);
}

void jw_key_bool(struct json_writer *w, const char *key, bool v)
{
    jw_key(w, key);
    jw_bool(w, v);
}

/* ---- parsed values ---- */

static void copy_list(struct json_writer *w, const struct json *v)
{
    bool is_object = v->kind == JSON_OBJECT;
    open_list(w, is_object ? "{" : "[");
    for (const struct json *item = v->as.list.first; item; item = item->next) {
        if (is_object) key_n(w, item->key, item->key_bytes);
        jw_value(w, item);
    }
    close_list(w, is_object ? "}" : "]");
}

void jw_value(struct json_writer *w, const struct json *v)
{
    if (!v) {
        jw_null(w);
        return;
    }
    switch (v->kind) {
    case JSON_NULL:
        jw_null(w);
        break;
    case JSON_BOOL:
        jw_bool(w, v->as.boolean);
        break;
    case JSON_INT:
        jw_int(w, v->as.integer);
        break;
    case JSON_REAL:
        jw_real(w, v->as.real);
        break;
    case JSON_STRING:
        jw_string_n(w, v->as.string.bytes, v->as.string.n);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        copy_list(w, v); /* at most JSON_MAX_DEPTH deep: the parser saw to it */
        break;
    }
}
