#include "cli/json_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/utf8.h"

static void put(struct json_out *j, const char *s, size_t n)
{
    grow(&j->data, &j->capacity, j->n + n + 1, 1);
    memcpy(j->data + j->n, s, n);
    j->n += n;
}

static void put_string(struct json_out *j, const char *s, size_t n)
{
    put(j, "\"", 1);
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        size_t len = utf8_length(s + i, n - i);
        char escape[8];
        if (len == 0) {
            put(j, "\xEF\xBF\xBD", 3);
            len = 1;
        } else if (c == '"' || c == '\\') {
            snprintf(escape, sizeof escape, "\\%c", c);
            put(j, escape, 2);
        } else if (c == '\n') {
            put(j, "\\n", 2);
        } else if (c < 0x20 || c == 0x7F) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            put(j, escape, 6);
        } else {
            put(j, s + i, len);
        }
        i += len;
    }
    put(j, "\"", 1);
}

/* Comma, line break and key before a value. */
static void before(struct json_out *j, const char *key)
{
    if (j->depth > 0) {
        int d = j->depth - 1;
        if (j->has_items[d]) put(j, ",", 1);
        if (!j->inline_at[d]) {
            put(j, "\n", 1);
            for (int i = 0; i < j->depth; i++) put(j, "  ", 2);
        } else if (j->has_items[d])
            put(j, " ", 1);
        j->has_items[d] = true;
    }
    if (!key) return;
    put_string(j, key, strlen(key));
    put(j, ": ", 2);
}

static void begin(struct json_out *j, const char *key, char bracket, bool on_one_line)
{
    before(j, key);
    put(j, &bracket, 1);
    bool inside = j->depth > 0 && j->inline_at[j->depth - 1];
    if (j->depth == JSON_MAX_DEPTH) abort(); /* our own nesting, never data's */
    j->inline_at[j->depth] = on_one_line || inside;
    j->has_items[j->depth] = false;
    j->closing[j->depth] = bracket == '{' ? '}' : ']';
    j->depth++;
}

void emit_begin(struct json_out *j, const char *key, char bracket)
{
    begin(j, key, bracket, false);
}

void emit_begin_inline(struct json_out *j, const char *key, char bracket)
{
    begin(j, key, bracket, true);
}

void emit_end(struct json_out *j)
{
    int d = --j->depth;
    if (j->has_items[d] && !j->inline_at[d]) {
        put(j, "\n", 1);
        for (int i = 0; i < d; i++) put(j, "  ", 2);
    }
    put(j, &j->closing[d], 1);
}

void emit_text_n(struct json_out *j, const char *key, const char *s, size_t n)
{
    before(j, key);
    put_string(j, s, n);
}

void emit_text(struct json_out *j, const char *key, const char *s)
{
    if (s)
        emit_text_n(j, key, s, strlen(s));
    else
        emit_raw(j, key, "null");
}

void emit_raw(struct json_out *j, const char *key, const char *json)
{
    before(j, key);
    put(j, json, strlen(json));
}

void emit_int(struct json_out *j, const char *key, int64_t x)
{
    char s[32];
    snprintf(s, sizeof s, "%lld", (long long)x);
    emit_raw(j, key, s);
}

void emit_bool(struct json_out *j, const char *key, bool x)
{
    emit_raw(j, key, x ? "true" : "false");
}

void emit_real(struct json_out *j, const char *key, double x)
{
    char s[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(s, sizeof s, "%.*g", digits, x);
        if (strtod(s, NULL) == x) break;
    }
    emit_raw(j, key, isfinite(x) ? s : "null");
}

void emit_real32(struct json_out *j, const char *key, float x)
{
    char s[40];
    for (int digits = 3; digits <= 9; digits++) {
        snprintf(s, sizeof s, "%.*g", digits, (double)x);
        if (strtof(s, NULL) == x) break;
    }
    emit_raw(j, key, isfinite(x) ? s : "null");
}

void emit_ids(struct json_out *j, const char *key, const int32_t *ids, size_t n)
{
    emit_begin_inline(j, key, '[');
    for (size_t i = 0; i < n; i++) emit_int(j, NULL, ids[i]);
    emit_end(j);
}

void emit_print(struct json_out *j)
{
    fwrite(j->data, 1, j->n, stdout);
    putchar('\n');
    give(j->data);
    *j = (struct json_out){ .data = NULL };
}
