/* npy.c: a reader for just the literals that numpy writes: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }. */
#include "file/npy.h"

#include <string.h>

static const char magic[6] = { '\x93', 'N', 'U', 'M', 'P', 'Y' };

/* ---- the literal ---- */

struct cursor {
    const char *p, *end;
    const char *name; /* of the file, for messages */
};

static void skip_space(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r')) c->p++;
}

static bool take(struct cursor *c, char what)
{
    skip_space(c);
    if (c->p == c->end || *c->p != what) return false;
    c->p++;
    return true;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0) return false;
    c->p += n;
    return true;
}

/* A quoted string without escapes, as out[capacity]. */
static bool take_string(struct cursor *c, char *out, size_t capacity)
{
    skip_space(c);
    if (c->p == c->end || (*c->p != '\'' && *c->p != '"')) return false;
    const char *begin = c->p + 1, *close = memchr(begin, *c->p, (size_t)(c->end - begin));
    if (!close || (size_t)(close - begin) >= capacity || memchr(begin, '\\', (size_t)(close - begin)))
        return false;
    memcpy(out, begin, (size_t)(close - begin));
    out[close - begin] = '\0';
    c->p = close + 1;
    return strlen(out) == (size_t)(close - begin);
}

static bool take_size(struct cursor *c, int64_t *out)
{
    skip_space(c);
    const char *begin = c->p;
    for (*out = 0; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
        if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *c->p - '0', out))
            return false;
    if (c->p == begin) return false;
    if (c->p < c->end && *c->p == 'L') c->p++; /* Python 2 */
    return true;
}

/* (), (3,), (2, 3), (2, 3,) */
static hooke_status take_shape(struct npy_header *h, struct cursor *c)
{
    bool is_open = take(c, '('), has_comma = true;
    h->n_items = 1;
    while (is_open && !take(c, ')')) {
        int64_t size;
        RETURN_IF(!has_comma || !take_size(c, &size), HOOKE_E_FORMAT,
                  "%s: npy header: the shape is no tuple of sizes", c->name);
        RETURN_IF(h->n_dims == MAX_DIMS, HOOKE_E_UNSUPPORTED, "%s: npy header: more than %d dimensions",
                  c->name, MAX_DIMS);
        h->shape[h->n_dims++] = size;
        RETURN_IF(__builtin_mul_overflow(h->n_items, size, &h->n_items), HOOKE_E_FORMAT,
                  "%s: npy header: the shape's product overflows", c->name);
        has_comma = take(c, ',');
    }
    RETURN_IF(!is_open || (h->n_dims == 1 && !has_comma), HOOKE_E_FORMAT,
              "%s: npy header: the shape is no tuple of sizes", c->name);
    return HOOKE_OK;
}

/* ---- element types ---- */

static enum dtype dtype_of(char kind, int64_t bytes)
{
    static const struct {
        char kind;
        int bytes;
        enum dtype dtype;
    } known[] = { { 'f', 2, DT_F16 }, { 'f', 4, DT_F32 }, { 'f', 8, DT_F64 }, { 'i', 1, DT_I8 },
                  { 'i', 2, DT_I16 }, { 'i', 4, DT_I32 }, { 'i', 8, DT_I64 }, { 'u', 1, DT_U8 },
                  { 'u', 2, DT_U16 }, { 'u', 4, DT_U32 }, { 'u', 8, DT_U64 }, { 'b', 1, DT_BOOL } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].kind == kind && known[i].bytes == bytes) return known[i].dtype;
    return DT_OTHER;
}

/* "<f4": order, kind, bytes. Complex numbers, text and raw bytes can be listed; objects are pickles and refused. */
static hooke_status read_descr(struct npy_header *h, const char *name)
{
    struct cursor c = { h->descr + 2, h->descr + strlen(h->descr), name };
    int64_t size;
    RETURN_IF(h->descr[0] == '|' && h->descr[1] == 'O', HOOKE_E_UNSUPPORTED,
              "%s: an array of Python objects: it would have to be unpickled", name);
    bool is_sound = h->descr[0] && strchr("<>=|", h->descr[0]) && h->descr[1] &&
                    strchr("fiubcSUV", h->descr[1]) && take_size(&c, &size) && c.p == c.end &&
                    size <= INT32_MAX && (size > 0 || strchr("SUV", h->descr[1]));
    RETURN_IF(!is_sound, HOOKE_E_UNSUPPORTED, "%s: element type '%s' is not understood", name, h->descr);
    h->item_bytes = (size_t)size * (h->descr[1] == 'U' ? 4 : 1);
    h->dtype = dtype_of(h->descr[1], size);
    h->swap = h->descr[0] == '>' && size > 1;
    return HOOKE_OK;
}

/* ---- the header ---- */

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4 };

static hooke_status take_entry(struct npy_header *h, struct cursor *c, int *seen)
{
    char key[16];
    int bit = 0;
    RETURN_IF(!take_string(c, key, sizeof key) || !take(c, ':'), HOOKE_E_FORMAT,
              "%s: npy header: expected a key", c->name);
    if (strcmp(key, "descr") == 0) {
        bit = HAS_DESCR;
        RETURN_IF(take(c, '['), HOOKE_E_UNSUPPORTED, "%s: an array of records (structured dtype)", c->name);
        RETURN_IF(!take_string(c, h->descr, sizeof h->descr), HOOKE_E_FORMAT,
                  "%s: npy header: descr is no short string", c->name);
    } else if (strcmp(key, "fortran_order") == 0) {
        bit = HAS_ORDER;
        h->fortran_order = take_word(c, "True");
        RETURN_IF(!h->fortran_order && !take_word(c, "False"), HOOKE_E_FORMAT,
                  "%s: npy header: fortran_order is not True or False", c->name);
    } else if (strcmp(key, "shape") == 0 && !(*seen & HAS_SHAPE)) {
        bit = HAS_SHAPE;
        RETURN_IF_ERROR(take_shape(h, c));
    }
    RETURN_IF(bit == 0 || (*seen & bit), HOOKE_E_FORMAT, "%s: npy header: unexpected key '%s'", c->name, key);
    *seen |= bit;
    return HOOKE_OK;
}

static hooke_status read_literal(struct npy_header *h, const char *text, size_t n, const char *name)
{
    struct cursor c = { text, text + n, name };
    int seen = 0;
    bool has_comma = true;
    RETURN_IF(!take(&c, '{'), HOOKE_E_FORMAT, "%s: npy header: expected '{'", name);
    while (!take(&c, '}')) {
        RETURN_IF(!has_comma, HOOKE_E_FORMAT, "%s: npy header: expected ',' or '}'", name);
        RETURN_IF_ERROR(take_entry(h, &c, &seen));
        has_comma = take(&c, ',');
    }
    skip_space(&c);
    RETURN_IF(c.p != c.end, HOOKE_E_FORMAT, "%s: npy header: text behind the closing brace", name);
    RETURN_IF(seen != (HAS_DESCR | HAS_ORDER | HAS_SHAPE), HOOKE_E_FORMAT,
              "%s: npy header: descr, fortran_order or shape is missing", name);
    return read_descr(h, name);
}

hooke_status npy_parse_header(struct npy_header *h, const unsigned char *bytes, size_t n, const char *name)
{
    memset(h, 0, sizeof *h);
    RETURN_IF(n < 10 || memcmp(bytes, magic, sizeof magic) != 0, HOOKE_E_FORMAT,
              "%s: no npy array: it does not begin with \\x93NUMPY", name);
    int major = bytes[6], minor = bytes[7];
    RETURN_IF(major < 1 || major > 3 || minor != 0, HOOKE_E_UNSUPPORTED, "%s: npy version %d.%d", name, major,
              minor);
    size_t prefix = major == 1 ? 10 : 12, length = (size_t)(bytes[8] | bytes[9] << 8);
    RETURN_IF(n < prefix, HOOKE_E_FORMAT, "%s: npy header cut short", name);
    if (major > 1) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    RETURN_IF(length > NPY_HEADER_MAX, HOOKE_E_FORMAT, "%s: npy header of %zu bytes, the limit is %d", name,
              length, NPY_HEADER_MAX);
    RETURN_IF(length > n - prefix, HOOKE_E_FORMAT, "%s: npy header of %zu bytes cut short", name, length);
    h->data_begin = prefix + length;
    return read_literal(h, (const char *)bytes + prefix, length, name);
}

hooke_status npy_make_header(hooke_text *out, const char *descr, int n_dims, const int64_t *shape)
{
    text_clear(out);
    RETURN_IF_ERROR(text_append(out, magic, sizeof magic));
    RETURN_IF_ERROR(text_append(out, "\1\0\0\0", 4));
    RETURN_IF_ERROR(text_printf(out, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr));
    for (int i = 0; i < n_dims; i++)
        RETURN_IF_ERROR(text_printf(out, "%lld%s", (long long)shape[i],
                                    i + 1 < n_dims ? ", "
                                    : n_dims == 1  ? ","
                                                   : ""));
    RETURN_IF_ERROR(text_puts(out, "), }"));
    while (out->n % 64 != 63) RETURN_IF_ERROR(text_append(out, " ", 1));
    RETURN_IF_ERROR(text_append(out, "\n", 1));
    size_t length = out->n - 10;
    out->data[8] = (char)(length & 0xFF);
    out->data[9] = (char)(length >> 8);
    return HOOKE_OK;
}
