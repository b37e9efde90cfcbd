/* parquet_values.c: the values of a page that are not null, in each encoding. */
#include <string.h>

#include "base/text.h"
#include "file/parquet_parts.h"

enum {
    STRINGS_AT_ONCE = 16 << 20
}; /* bytes of strings that are put together in one batch, when it is more than one */

static uint32_t load32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t load64(const unsigned char *p)
{
    return load32(p) | (uint64_t)load32(p + 4) << 32;
}

static hooke_status damaged(const struct parquet_values *v, const char *what)
{
    return fail(HOOKE_E_FORMAT, "%s: column '%s': a page's %s are damaged or too few", v->file->name,
                v->column->name, what);
}

/* ---- one value ---- */

static void set_text(hooke_value *out, const void *bytes, size_t n)
{
    *out = (hooke_value){ .kind = HOOKE_VALUE_TEXT, .text = bytes, .n_bytes = n };
}

static void set_real(hooke_value *out, double v)
{
    *out = (hooke_value){ .kind = HOOKE_VALUE_REAL, .real = v };
}

static void set_bool(hooke_value *out, bool v)
{
    *out = (hooke_value){ .kind = HOOKE_VALUE_BOOL, .integer = v };
}

/* bits: of the column's width, the rest ignored. */
static void set_integer(hooke_value *out, const struct parquet_column *c, uint64_t bits)
{
    int64_t v = (int64_t)bits;
    if (c->type == PARQUET_INT32)
        v = c->is_unsigned ? (int64_t)(uint32_t)bits : (int64_t)(int32_t)(uint32_t)bits;
    *out = (hooke_value){ .kind = HOOKE_VALUE_INT, .integer = v, .real = (double)v };
    if (c->type == PARQUET_INT64 && c->is_unsigned && v < 0) {
        out->kind = HOOKE_VALUE_UINT;
        out->real = (double)bits;
    }
}

/* IEEE half precision: the exponent moves, subnormals are small multiples of 2^-24. */
static double half(uint32_t h)
{
    uint32_t exponent = h >> 10 & 31, fraction = h & 1023, bits;
    float f;
    if (exponent == 0) return (h & 0x8000 ? -1.0 : 1.0) * (double)fraction / 16777216.0;
    bits = (h & 0x8000) << 16 | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

/* The value whose c->width bytes are at p. */
static void set_fixed(hooke_value *out, const struct parquet_column *c, const unsigned char *p)
{
    float f;
    double d;
    uint32_t bits;
    uint64_t wide;
    switch (c->type) {
    case PARQUET_INT32:
        set_integer(out, c, load32(p));
        return;
    case PARQUET_INT64:
        set_integer(out, c, load64(p));
        return;
    case PARQUET_FLOAT:
        bits = load32(p);
        memcpy(&f, &bits, sizeof f);
        set_real(out, (double)f);
        return;
    case PARQUET_DOUBLE:
        wide = load64(p);
        memcpy(&d, &wide, sizeof d);
        set_real(out, d);
        return;
    case PARQUET_BOOLEAN: /* has no width */
    case PARQUET_INT96:   /* is refused */
    case PARQUET_GROUP:
    case PARQUET_BYTES:
    case PARQUET_FIXED:
        break;
    }
    if (c->is_half)
        set_real(out, half(p[0] | (uint32_t)p[1] << 8));
    else
        set_text(out, p, (size_t)c->width);
}

/* ---- dictionaries ---- */

void parquet_dictionary_release(struct parquet_dictionary *d)
{
    parquet_bytes_release(&d->bytes);
    mem_free(d->offsets);
    *d = (struct parquet_dictionary){ 0 };
}

static hooke_status index_strings(struct parquet_dictionary *d, const struct parquet *p, const char *column)
{
    size_t at = 0;
    d->offsets = mem_alloc_raw(d->n, sizeof *d->offsets);
    RETURN_IF(!d->offsets, HOOKE_E_MEMORY, "%s: column '%s': out of memory for a dictionary of %zu", p->name,
              column, d->n);
    for (size_t i = 0; i < d->n; i++) {
        size_t left = d->bytes.n - at;
        bool is_whole = left >= 4 && load32(d->bytes.data + at) <= left - 4;
        RETURN_IF(!is_whole, HOOKE_E_FORMAT, "%s: column '%s': string %zu of the dictionary passes its end",
                  p->name, column, i);
        d->offsets[i] = (uint32_t)at;
        at += 4 + (size_t)load32(d->bytes.data + at);
    }
    return HOOKE_OK;
}

hooke_status parquet_dictionary_read(struct parquet_dictionary *d, const struct parquet *p,
                                     const struct parquet_column *c, const struct parquet_page *page,
                                     int codec)
{
    size_t least = c->type == PARQUET_BYTES ? 4 : (size_t)c->width;
    parquet_dictionary_release(d);
    RETURN_IF(page->encoding != PLAIN && page->encoding != PLAIN_DICTIONARY, HOOKE_E_UNSUPPORTED,
              "%s: column '%s': a dictionary of encoding %d", p->name, c->name, page->encoding);
    RETURN_IF(c->type == PARQUET_BOOLEAN, HOOKE_E_FORMAT, "%s: column '%s': a dictionary of booleans",
              p->name, c->name);
    RETURN_IF_ERROR(parquet_page_unpack(&d->bytes, p, page, codec));
    d->n = (size_t)page->n_values;
    RETURN_IF(d->n > d->bytes.n / least, HOOKE_E_FORMAT,
              "%s: column '%s': a dictionary of %zu values in %zu bytes", p->name, c->name, d->n, d->bytes.n);
    return c->type == PARQUET_BYTES ? index_strings(d, p, c->name) : HOOKE_OK;
}

static hooke_status read_indices(struct parquet_values *v, hooke_value *out, size_t n)
{
    const struct parquet_dictionary *d = v->dictionary;
    const struct parquet_column *c = v->column;
    uint32_t index[PARQUET_BATCH];
    if (!hybrid_read(&v->hybrid, index, n)) return damaged(v, "dictionary indices");
    for (size_t i = 0; i < n; i++) {
        RETURN_IF(index[i] >= d->n, HOOKE_E_FORMAT, "%s: column '%s': dictionary index %u of %zu",
                  v->file->name, c->name, (unsigned)index[i], d->n);
        if (c->type == PARQUET_BYTES) {
            const unsigned char *p = d->bytes.data + d->offsets[index[i]];
            set_text(&out[i], p + 4, load32(p));
        } else {
            set_fixed(&out[i], c, d->bytes.data + (size_t)index[i] * (size_t)c->width);
        }
    }
    return HOOKE_OK;
}

/* ---- plain ---- */

static hooke_status read_plain_strings(struct parquet_values *v, hooke_value *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t left = (size_t)(v->end - v->at);
        if (left < 4 || load32(v->at) > left - 4) return damaged(v, "strings");
        size_t length = load32(v->at);
        set_text(&out[i], v->at + 4, length);
        v->at += 4 + length;
    }
    return HOOKE_OK;
}

static hooke_status read_plain_bits(struct parquet_values *v, hooke_value *out, size_t n)
{
    size_t bits = (size_t)(v->end - v->begin) * 8;
    if (n > bits - v->bit) return damaged(v, "booleans");
    for (size_t i = 0; i < n; i++, v->bit++) set_bool(&out[i], v->begin[v->bit / 8] >> v->bit % 8 & 1);
    return HOOKE_OK;
}

static hooke_status read_plain(struct parquet_values *v, hooke_value *out, size_t n)
{
    const struct parquet_column *c = v->column;
    if (c->type == PARQUET_BYTES) return read_plain_strings(v, out, n);
    if (c->type == PARQUET_BOOLEAN) return read_plain_bits(v, out, n);
    if (n > (size_t)(v->end - v->at) / (size_t)c->width) return damaged(v, "values");
    for (size_t i = 0; i < n; i++, v->at += c->width) set_fixed(&out[i], c, v->at);
    return HOOKE_OK;
}

static hooke_status read_rle_bits(struct parquet_values *v, hooke_value *out, size_t n)
{
    uint32_t bits[PARQUET_BATCH];
    if (!hybrid_read(&v->hybrid, bits, n)) return damaged(v, "booleans");
    for (size_t i = 0; i < n; i++) set_bool(&out[i], bits[i] != 0);
    return HOOKE_OK;
}

/* Byte k of value i lies at k * n + i. */
static hooke_status read_split(struct parquet_values *v, hooke_value *out, size_t n)
{
    const struct parquet_column *c = v->column;
    unsigned char bytes[8] = { 0 };
    if (n > v->n_split - v->next) return damaged(v, "values");
    for (size_t i = 0; i < n; i++, v->next++) {
        for (int k = 0; k < c->width; k++) bytes[k] = v->begin[(size_t)k * v->n_split + v->next];
        set_fixed(&out[i], c, bytes);
    }
    return HOOKE_OK;
}

/* ---- differences ---- */

static hooke_status read_deltas(struct parquet_values *v, hooke_value *out, size_t n)
{
    int64_t values[PARQUET_BATCH];
    if (!delta_read(&v->delta, values, n)) return damaged(v, "integers");
    for (size_t i = 0; i < n; i++) set_integer(&out[i], v->column, (uint64_t)values[i]);
    return HOOKE_OK;
}

/* Lengths by differences, then the strings without them. */
static hooke_status read_delta_strings(struct parquet_values *v, struct delta *lengths, hooke_value *out,
                                       size_t n)
{
    int64_t length[PARQUET_BATCH];
    if (!delta_read(lengths, length, n)) return damaged(v, "lengths");
    for (size_t i = 0; i < n; i++) {
        if (length[i] < 0 || length[i] > v->end - v->at) return damaged(v, "strings");
        set_text(&out[i], v->at, (size_t)length[i]);
        v->at += length[i];
    }
    return HOOKE_OK;
}

/* How much of the string before each begins with, by differences; then the rest of each as above. */
static hooke_status read_prefixed_strings(struct parquet_values *v, hooke_value *out, size_t n)
{
    int64_t prefix[PARQUET_BATCH];
    void *room = v->strings.data;
    const char *before = v->last.data;
    size_t before_bytes = v->last.n, need = 0;
    if (!delta_read(&v->delta, prefix, n)) return damaged(v, "prefixes");
    RETURN_IF_ERROR(read_delta_strings(v, &v->suffixes, out, n));
    for (size_t i = 0; i < n; i++) {
        if (prefix[i] < 0 || (uint64_t)prefix[i] > before_bytes) return damaged(v, "prefixes");
        before_bytes = (size_t)prefix[i] + out[i].n_bytes;
        need += before_bytes;
    }
    RETURN_IF_ERROR(mem_grow(&room, &v->strings.capacity, need + 1, 1, PARQUET_PAGE_MAX, "bytes of text"));
    char *to = v->strings.data = room;
    for (size_t i = 0; i < n; i++) {
        size_t kept = (size_t)prefix[i], more = out[i].n_bytes;
        if (kept) memcpy(to, before, kept);
        if (more) memcpy(to + kept, out[i].text, more);
        set_text(&out[i], to, kept + more);
        before = to;
        to += kept + more;
    }
    text_clear(&v->last);
    return n ? text_append(&v->last, out[n - 1].text, out[n - 1].n_bytes) : HOOKE_OK;
}

/* ---- a page ---- */

static hooke_status begin_lengths(struct parquet_values *v, struct delta *lengths)
{
    if (!delta_init(lengths, v->at, v->end)) return damaged(v, "lengths");
    v->at = delta_end(lengths);
    return v->at ? HOOKE_OK : damaged(v, "lengths");
}

static hooke_status begin_indices(struct parquet_values *v)
{
    int width = v->at < v->end ? *v->at++ : 0;
    if (width > 32) return damaged(v, "dictionary indices");
    hybrid_init(&v->hybrid, v->at, v->end, width);
    return HOOKE_OK;
}

static hooke_status begin_rle(struct parquet_values *v)
{
    size_t left = (size_t)(v->end - v->at);
    if (left < 4 || load32(v->at) > left - 4) return damaged(v, "booleans");
    hybrid_init(&v->hybrid, v->at + 4, v->at + 4 + load32(v->at), 1);
    return HOOKE_OK;
}

static hooke_status begin_encoding(struct parquet_values *v)
{
    const struct parquet_column *c = v->column;
    bool is_string = c->type == PARQUET_BYTES, is_fixed = c->type == PARQUET_FIXED;
    bool is_integer = c->type == PARQUET_INT32 || c->type == PARQUET_INT64;
    switch (v->encoding) {
    case PLAIN:
        return HOOKE_OK;
    case PLAIN_DICTIONARY:
    case RLE_DICTIONARY:
        return begin_indices(v);
    case RLE:
        if (c->type == PARQUET_BOOLEAN) return begin_rle(v);
        break;
    case DELTA_BINARY_PACKED:
        if (is_integer) return delta_init(&v->delta, v->at, v->end) ? HOOKE_OK : damaged(v, "integers");
        break;
    case DELTA_LENGTH_BYTE_ARRAY:
        if (is_string) return begin_lengths(v, &v->delta);
        break;
    case DELTA_BYTE_ARRAY:
        if (!is_string && !(is_fixed && !c->is_half)) break;
        RETURN_IF_ERROR(begin_lengths(v, &v->delta));
        return begin_lengths(v, &v->suffixes);
    case BYTE_STREAM_SPLIT:
        if (c->width == 0 || c->width > 8 || (is_fixed && !c->is_half)) break;
        v->n_split = (size_t)(v->end - v->at) / (size_t)c->width;
        return HOOKE_OK;
    default:
        break;
    }
    return fail(HOOKE_E_UNSUPPORTED, "%s: column '%s': encoding %d is not read for its type", v->file->name,
                c->name, v->encoding);
}

hooke_status parquet_values_begin(struct parquet_values *v, int encoding, const unsigned char *begin,
                                  const unsigned char *end)
{
    v->encoding = encoding;
    v->begin = v->at = begin;
    v->end = end;
    v->bit = v->n_split = v->next = 0;
    v->hybrid = (struct hybrid){ .group_at = 8 };
    v->delta = v->suffixes = (struct delta){ 0 };
    text_clear(&v->last);
    return begin == end ? HOOKE_OK : begin_encoding(v); /* a page of nulls may have no bytes at all */
}

size_t parquet_values_at_once(const struct parquet_values *v, size_t n)
{
    if (v->encoding != DELTA_BYTE_ARRAY) return n;
    size_t longest = v->last.n + (size_t)(v->end - v->at) + 1, most = STRINGS_AT_ONCE / longest;
    return most == 0 ? 1 : most < n ? most : n;
}

static hooke_status read_by_encoding(struct parquet_values *v, hooke_value *out, size_t n)
{
    switch (v->encoding) {
    case PLAIN:
        return read_plain(v, out, n);
    case PLAIN_DICTIONARY:
    case RLE_DICTIONARY:
        return read_indices(v, out, n);
    case RLE:
        return read_rle_bits(v, out, n);
    case DELTA_BINARY_PACKED:
        return read_deltas(v, out, n);
    case DELTA_LENGTH_BYTE_ARRAY:
        return read_delta_strings(v, &v->delta, out, n);
    case DELTA_BYTE_ARRAY:
        return read_prefixed_strings(v, out, n);
    case BYTE_STREAM_SPLIT:
        return read_split(v, out, n);
    default:
        return fail(HOOKE_E_INTERNAL, "encoding %d", v->encoding);
    }
}

hooke_status parquet_values_read(struct parquet_values *v, hooke_value *out, size_t n)
{
    RETURN_IF_ERROR(read_by_encoding(v, out, n));
    if (v->column->type != PARQUET_FIXED || v->encoding != DELTA_BYTE_ARRAY) return HOOKE_OK;
    for (size_t i = 0; i < n; i++)
        if (out[i].n_bytes != (size_t)v->column->width) return damaged(v, "strings of one length");
    return HOOKE_OK;
}

void parquet_values_release(struct parquet_values *v)
{
    hooke_text_release(&v->strings);
    hooke_text_release(&v->last);
    *v = (struct parquet_values){ 0 };
}
