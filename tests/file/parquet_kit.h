/* parquet_kit.h: Parquet files of one column, built by hand, lies included; and rows spelled as the golden files spell them. */
#ifndef HOOKE_TESTS_PARQUET_KIT_H
#define HOOKE_TESTS_PARQUET_KIT_H

#include "check.h"

#include <inttypes.h>

#include "base/text.h"
#include "file/parquet.h"

/* ---- rows as text ---- */

static inline void spell(hooke_text *out, const hooke_value *v)
{
    uint64_t bits;
    switch (v->kind) {
    case HOOKE_VALUE_BOOL:
        text_puts(out, v->integer ? "true" : "false");
        break;
    case HOOKE_VALUE_INT:
        text_printf(out, "%" PRId64, v->integer);
        break;
    case HOOKE_VALUE_UINT:
        text_printf(out, "%" PRIu64, (uint64_t)v->integer);
        break;
    case HOOKE_VALUE_REAL:
        memcpy(&bits, &v->real, sizeof bits);
        text_printf(out, "\"r%016" PRIx64 "\"", bits);
        break;
    case HOOKE_VALUE_TEXT:
        text_puts(out, "\"");
        for (size_t i = 0; i < v->n_bytes; i++) text_printf(out, "%02x", (unsigned char)v->text[i]);
        text_puts(out, "\"");
        break;
    case HOOKE_VALUE_LIST:
        text_puts(out, "[");
        for (size_t i = 0; i < v->n_items; i++) {
            if (i) text_puts(out, ",");
            spell(out, &v->items[i]);
        }
        text_puts(out, "]");
        break;
    default:
        text_puts(out, "null");
    }
}

/* All rows of all columns that are not refused. At most max_rows of them. */
static inline hooke_status spell_rows(hooke_text *out, const struct parquet *p, int64_t max_rows)
{
    struct parquet_cursor **c = mem_alloc((size_t)p->n_columns + 1, sizeof *c);
    hooke_status st = c ? HOOKE_OK : HOOKE_E_MEMORY;
    hooke_value v;
    bool got = true;
    for (int i = 0; st == HOOKE_OK && i < p->n_columns; i++)
        if (!p->columns[i].refused) st = parquet_cursor_open(&c[i], p, i);
    for (int64_t row = 0; st == HOOKE_OK && got && row < max_rows; row++) {
        bool is_first = true;
        got = false;
        for (int i = 0; st == HOOKE_OK && i < p->n_columns; i++) {
            if (!c[i] || (st = parquet_cursor_next(c[i], &v, &got)) != HOOKE_OK || !got) continue;
            text_puts(out, is_first ? "[" : ",");
            is_first = false;
            spell(out, &v);
        }
        if (st == HOOKE_OK && got) text_puts(out, "]\n");
    }
    for (int i = 0; c && i < p->n_columns; i++) parquet_cursor_close(c[i]);
    mem_free(c);
    return st;
}

/* ---- files by hand ---- */

/* One column "c"; zero fields take what is usual. */
struct hand {
    int type, codec, repetition; /* REQUIRED by default */
    int64_t n_rows, chunk_values;
    int page_kind, encoding;
    int64_t page_values, unpacked; /* unpacked 0: n_body */
    const char *body;
    size_t n_body;
    const char *dictionary; /* NULL: none; PLAIN, of n_dictionary values */
    size_t dictionary_bytes;
    int64_t n_dictionary;
    int64_t def_bytes, rep_bytes; /* v2 */
};

static inline void put_byte(hooke_text *t, int byte)
{
    char c = (char)byte;
    text_append(t, &c, 1);
}

static inline void put_varint(hooke_text *t, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) put_byte(t, (int)(v & 0x7F) | 0x80);
    put_byte(t, (int)v);
}

/* A field `step` after the one before it: an integer; a head without value. */
static inline void put_int(hooke_text *t, int step, int64_t v)
{
    put_byte(t, step << 4 | 6);
    put_varint(t, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}
static inline void put_head(hooke_text *t, int step, int type)
{
    put_byte(t, step << 4 | type);
}
static inline void put_string(hooke_text *t, int step, const char *s)
{
    put_head(t, step, 8);
    put_varint(t, strlen(s));
    text_puts(t, s);
}

static inline void put_page(hooke_text *t, const struct hand *h, bool is_dictionary)
{
    int kind = is_dictionary ? 2 : h->page_kind;
    size_t n = is_dictionary ? h->dictionary_bytes : h->n_body;
    put_int(t, 1, kind);
    put_int(t, 1, !is_dictionary && h->unpacked ? h->unpacked : (int64_t)n);
    put_int(t, 1, (int64_t)n);
    put_head(t, kind == 0 ? 2 : kind == 2 ? 4 : 5, 12);
    put_int(t, 1, is_dictionary ? h->n_dictionary : h->page_values);
    if (kind == 3) {
        put_int(t, 3, h->encoding);
        put_int(t, 1, h->def_bytes);
        put_int(t, 1, h->rep_bytes);
    } else {
        put_int(t, 1, is_dictionary ? 0 : h->encoding);
        if (kind == 0) put_int(t, 1, 3), put_int(t, 1, 3);
    }
    put_byte(t, 0);
    put_byte(t, 0);
    text_append(t, is_dictionary ? h->dictionary : h->body, n);
}

static inline void put_schema(hooke_text *t, const struct hand *h)
{
    put_int(t, 1, 1);
    put_head(t, 1, 9);
    put_byte(t, 2 << 4 | 12);
    put_string(t, 4, "root");
    put_int(t, 1, 1);
    put_byte(t, 0);
    put_int(t, 1, h->type);
    put_int(t, 2, h->repetition);
    put_string(t, 1, "c");
    put_byte(t, 0);
}

static inline void hand_build(hooke_text *t, const struct hand *h)
{
    text_clear(t);
    text_puts(t, "PAR1");
    size_t begin = t->n, data;
    if (h->dictionary) put_page(t, h, true);
    data = t->n;
    put_page(t, h, false);
    size_t end = t->n;
    put_schema(t, h);
    put_int(t, 1, h->n_rows);
    put_head(t, 1, 9);
    put_byte(t, 1 << 4 | 12);
    put_head(t, 1, 9);
    put_byte(t, 1 << 4 | 12);
    put_head(t, 3, 12); /* ColumnMetaData */
    put_int(t, 1, h->type);
    put_int(t, 3, h->codec);
    put_int(t, 1, h->chunk_values ? h->chunk_values : h->page_values);
    put_int(t, 2, (int64_t)(end - begin));
    put_int(t, 2, (int64_t)data);
    if (h->dictionary) put_int(t, 2, (int64_t)begin);
    put_byte(t, 0);
    put_byte(t, 0);
    put_int(t, 2, h->n_rows);
    put_byte(t, 0);
    put_byte(t, 0);
    uint32_t n = (uint32_t)(t->n - end);
    for (int i = 0; i < 4; i++) put_byte(t, (int)(n >> (8 * i) & 255));
    text_puts(t, "PAR1");
}

#endif
