#include "file/thrift.h"

enum { DEEPEST = 32 };

bool varint_read(const unsigned char **at, const unsigned char *end, uint64_t *out)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && *at < end; shift += 7) {
        unsigned char byte = *(*at)++;
        if (shift == 63 && byte > 1) return false;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

int64_t zigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static hooke_status cut_short(const struct thrift *t)
{
    return fail(HOOKE_E_FORMAT, "%s: the metadata are cut short or damaged", t->name);
}

static hooke_status read_varint(struct thrift *t, uint64_t *out)
{
    return varint_read(&t->at, t->end, out) ? HOOKE_OK : cut_short(t);
}

hooke_status thrift_next(struct thrift *t, struct thrift_field *f)
{
    uint64_t id;
    if (t->at == t->end) return cut_short(t);
    unsigned char head = *t->at++;
    f->type = head & 15;
    if (f->type == THRIFT_STOP) return HOOKE_OK;
    RETURN_IF(f->type > THRIFT_STRUCT, HOOKE_E_FORMAT, "%s: a field of unknown type %d in the metadata",
              t->name, f->type);
    if (head >> 4) {
        f->id += head >> 4;
    } else {
        RETURN_IF_ERROR(read_varint(t, &id));
        f->id = (int)(int16_t)zigzag(id);
    }
    RETURN_IF(f->id > INT16_MAX, HOOKE_E_FORMAT, "%s: field %d in the metadata", t->name, f->id);
    return HOOKE_OK;
}

hooke_status thrift_expect(struct thrift *t, const struct thrift_field *f, int type)
{
    RETURN_IF(f->type != type, HOOKE_E_FORMAT, "%s: field %d of the metadata has type %d, expected %d",
              t->name, f->id, f->type, type);
    return HOOKE_OK;
}

hooke_status thrift_int(struct thrift *t, const struct thrift_field *f, int64_t low, int64_t high,
                        int64_t *out)
{
    uint64_t raw = 0;
    RETURN_IF(f->type < THRIFT_BYTE || f->type > THRIFT_I64, HOOKE_E_FORMAT,
              "%s: field %d of the metadata has type %d, expected an integer", t->name, f->id, f->type);
    if (f->type == THRIFT_BYTE) {
        if (t->at == t->end) return cut_short(t);
        int64_t byte = *t->at++;
        *out = byte < 128 ? byte : byte - 256;
    } else {
        RETURN_IF_ERROR(read_varint(t, &raw));
        *out = zigzag(raw);
    }
    RETURN_IF(*out < low || *out > high, HOOKE_E_FORMAT,
              "%s: field %d of the metadata is %lld, expected %lld to %lld", t->name, f->id, (long long)*out,
              (long long)low, (long long)high);
    return HOOKE_OK;
}

hooke_status thrift_bool(struct thrift *t, const struct thrift_field *f, bool *out)
{
    *out = f->type == THRIFT_TRUE;
    return *out ? HOOKE_OK : thrift_expect(t, f, THRIFT_FALSE);
}

hooke_status thrift_binary(struct thrift *t, const struct thrift_field *f, const char **bytes, size_t *n)
{
    uint64_t length;
    RETURN_IF_ERROR(thrift_expect(t, f, THRIFT_BINARY));
    RETURN_IF_ERROR(read_varint(t, &length));
    if (length > (size_t)(t->end - t->at)) return cut_short(t);
    *bytes = (const char *)t->at;
    *n = (size_t)length;
    t->at += length;
    return HOOKE_OK;
}

static hooke_status list_head(struct thrift *t, int *item_type, size_t *n)
{
    uint64_t count;
    if (t->at == t->end) return cut_short(t);
    unsigned char head = *t->at++;
    *item_type = head & 15;
    count = head >> 4;
    if (count == 15) RETURN_IF_ERROR(read_varint(t, &count));
    if (count > (size_t)(t->end - t->at)) return cut_short(t); /* no item is smaller than a byte */
    *n = (size_t)count;
    return HOOKE_OK;
}

hooke_status thrift_list(struct thrift *t, const struct thrift_field *f, int item_type, size_t *n)
{
    int found;
    RETURN_IF_ERROR(thrift_expect(t, f, THRIFT_LIST));
    RETURN_IF_ERROR(list_head(t, &found, n));
    RETURN_IF(*n && found != item_type, HOOKE_E_FORMAT,
              "%s: list %d of the metadata holds type %d, expected %d", t->name, f->id, found, item_type);
    return HOOKE_OK;
}

static hooke_status skip(struct thrift *t, int type, int depth);

/* Items of lists are whole values: a boolean takes a byte there. */
static hooke_status skip_items(struct thrift *t, int type, size_t n, int depth)
{
    bool is_bool = type == THRIFT_TRUE || type == THRIFT_FALSE;
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(skip(t, is_bool ? THRIFT_BYTE : type, depth));
    return HOOKE_OK;
}

static hooke_status skip_map(struct thrift *t, int depth)
{
    uint64_t n;
    RETURN_IF_ERROR(read_varint(t, &n));
    if (n == 0) return HOOKE_OK;
    if (t->at == t->end || n > (size_t)(t->end - t->at)) return cut_short(t);
    unsigned char types = *t->at++;
    for (uint64_t i = 0; i < n; i++) {
        RETURN_IF_ERROR(skip_items(t, types >> 4, 1, depth));
        RETURN_IF_ERROR(skip_items(t, types & 15, 1, depth));
    }
    return HOOKE_OK;
}

static hooke_status skip_struct(struct thrift *t, int depth)
{
    struct thrift_field f = { 0 };
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) return HOOKE_OK;
        RETURN_IF_ERROR(skip(t, f.type, depth));
    }
}

static hooke_status skip_bytes(struct thrift *t, uint64_t n)
{
    if (n > (size_t)(t->end - t->at)) return cut_short(t);
    t->at += n;
    return HOOKE_OK;
}

static hooke_status skip(struct thrift *t, int type, int depth)
{
    uint64_t n;
    int item_type;
    size_t count;
    RETURN_IF(depth >= DEEPEST, HOOKE_E_FORMAT, "%s: metadata nested deeper than %d", t->name, (int)DEEPEST);
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        return HOOKE_OK;
    case THRIFT_BYTE:
        return skip_bytes(t, 1);
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        return read_varint(t, &n);
    case THRIFT_DOUBLE:
        return skip_bytes(t, 8);
    case THRIFT_BINARY:
        RETURN_IF_ERROR(read_varint(t, &n));
        return skip_bytes(t, n);
    case THRIFT_LIST:
    case THRIFT_SET:
        RETURN_IF_ERROR(list_head(t, &item_type, &count));
        return skip_items(t, item_type, count, depth + 1);
    case THRIFT_MAP:
        return skip_map(t, depth + 1);
    case THRIFT_STRUCT:
        return skip_struct(t, depth + 1);
    }
    return fail(HOOKE_E_FORMAT, "%s: a value of unknown type %d in the metadata", t->name, type);
}

hooke_status thrift_skip(struct thrift *t, const struct thrift_field *f)
{
    return skip(t, f->type, 0);
}
