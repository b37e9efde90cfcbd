/* parquet_meta.c: the metadata behind the pages. Field numbers are those of the format's parquet.thrift. */
#include <string.h>

#include "file/parquet_parts.h"
#include "file/sniff.h"

enum { FOOT_BYTES = 8 };
static const char note_key[] = "huggingface";

/* ---- schema elements ---- */

static enum parquet_meaning converted_meaning(int64_t converted)
{
    switch (converted) {
    case 1: /* MAP */
    case 2: /* MAP_KEY_VALUE */
        return MEANS_MAP;
    case 3:
        return MEANS_LIST;
    case 5:
        return MEANS_DECIMAL;
    case 11: /* UINT_8 to UINT_64 */
    case 12:
    case 13:
    case 14:
        return MEANS_UNSIGNED;
    case 21:
        return MEANS_INTERVAL;
    default:
        return MEANS_ITSELF;
    }
}

/* INTEGER { 1: bits, 2: is signed } */
static hooke_status read_integer_type(struct thrift *t, const struct thrift_field *outer,
                                      enum parquet_meaning *meaning)
{
    struct thrift_field f = { 0 };
    bool is_signed = true;
    RETURN_IF_ERROR(thrift_expect(t, outer, THRIFT_STRUCT));
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) break;
        RETURN_IF_ERROR(f.id == 2 ? thrift_bool(t, &f, &is_signed) : thrift_skip(t, &f));
    }
    if (!is_signed) *meaning = MEANS_UNSIGNED;
    return HOOKE_OK;
}

/* A union: the one field that is there says which. */
static hooke_status read_logical_type(struct thrift *t, const struct thrift_field *outer,
                                      enum parquet_meaning *meaning)
{
    struct thrift_field f = { 0 };
    RETURN_IF_ERROR(thrift_expect(t, outer, THRIFT_STRUCT));
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) return HOOKE_OK;
        if (f.id == 2) *meaning = MEANS_MAP;
        if (f.id == 3) *meaning = MEANS_LIST;
        if (f.id == 5) *meaning = MEANS_DECIMAL;
        if (f.id == 15) *meaning = MEANS_HALF;
        RETURN_IF_ERROR(f.id == 10 ? read_integer_type(t, &f, meaning) : thrift_skip(t, &f));
    }
}

static hooke_status copy_name(struct parquet *p, struct thrift *t, const struct thrift_field *f,
                              const char **name)
{
    const char *bytes;
    size_t n;
    RETURN_IF_ERROR(thrift_binary(t, f, &bytes, &n));
    *name = arena_copy(&p->arena, bytes, n);
    return *name ? HOOKE_OK : HOOKE_E_MEMORY;
}

static hooke_status read_element(struct parquet *p, struct thrift *t, struct parquet_element *e)
{
    struct thrift_field f = { 0 };
    enum parquet_meaning converted = MEANS_ITSELF, logical = MEANS_ITSELF;
    int64_t v;
    e->type = PARQUET_GROUP;
    e->name = "";
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        switch (f.type == THRIFT_STOP ? 0 : f.id) {
        case 0:
            if (f.type != THRIFT_STOP) return fail(HOOKE_E_FORMAT, "%s: field 0 in the metadata", t->name);
            e->meaning = logical != MEANS_ITSELF ? logical : converted;
            return HOOKE_OK;
        case 1:
            RETURN_IF_ERROR(thrift_int(t, &f, PARQUET_BOOLEAN, PARQUET_FIXED, &v));
            e->type = (enum parquet_type)v;
            break;
        case 2:
            RETURN_IF_ERROR(thrift_int(t, &f, 0, INT32_MAX, &v));
            e->width = (int)v;
            break;
        case 3:
            RETURN_IF_ERROR(thrift_int(t, &f, REQUIRED, REPEATED, &v));
            e->repetition = (int)v;
            break;
        case 4:
            RETURN_IF_ERROR(copy_name(p, t, &f, &e->name));
            break;
        case 5:
            RETURN_IF_ERROR(thrift_int(t, &f, 0, INT32_MAX, &v));
            e->n_children = (size_t)v;
            break;
        case 6:
            RETURN_IF_ERROR(thrift_int(t, &f, INT32_MIN, INT32_MAX, &v));
            converted = converted_meaning(v);
            break;
        case 10:
            RETURN_IF_ERROR(read_logical_type(t, &f, &logical));
            break;
        default:
            RETURN_IF_ERROR(thrift_skip(t, &f));
        }
    }
}

static hooke_status read_schema(struct parquet *p, struct thrift *t, const struct thrift_field *f)
{
    size_t n;
    RETURN_IF(p->columns, HOOKE_E_FORMAT, "%s: two schemas", p->name);
    RETURN_IF_ERROR(thrift_list(t, f, THRIFT_STRUCT, &n));
    struct parquet_element *elements = arena_alloc(&p->arena, n + 1, sizeof *elements);
    if (!elements) return HOOKE_E_MEMORY;
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(read_element(p, t, &elements[i]));
    return parquet_schema(p, elements, n);
}

/* ---- row groups ---- */

struct chunk_place {
    int64_t data, dictionary, packed;
    int seen; /* bits of the required fields */
};

static hooke_status read_chunk_field(struct thrift *t, const struct thrift_field *f, struct parquet_chunk *c,
                                     struct chunk_place *place)
{
    int64_t v = 0;
    switch (f->id) {
    case 1:
        RETURN_IF_ERROR(thrift_int(t, f, PARQUET_BOOLEAN, PARQUET_FIXED, &v));
        c->type = (enum parquet_type)v;
        break;
    case 4:
        RETURN_IF_ERROR(thrift_int(t, f, INT32_MIN, INT32_MAX, &v));
        c->codec = (int)v;
        break;
    case 5:
        RETURN_IF_ERROR(thrift_int(t, f, 0, INT64_MAX, &c->n_values));
        break;
    case 7:
        RETURN_IF_ERROR(thrift_int(t, f, 0, INT64_MAX, &place->packed));
        break;
    case 9:
        RETURN_IF_ERROR(thrift_int(t, f, 0, INT64_MAX, &place->data));
        break;
    case 11:
        return thrift_int(t, f, INT64_MIN, INT64_MAX, &place->dictionary);
    default:
        return thrift_skip(t, f);
    }
    place->seen |= 1 << f->id;
    return HOOKE_OK;
}

/* ColumnMetaData */
static hooke_status read_chunk_meta(struct parquet *p, struct thrift *t, const struct thrift_field *outer,
                                    struct parquet_chunk *c)
{
    struct thrift_field f = { 0 };
    struct chunk_place place = { 0 };
    RETURN_IF_ERROR(thrift_expect(t, outer, THRIFT_STRUCT));
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) break;
        RETURN_IF_ERROR(read_chunk_field(t, &f, c, &place));
    }
    RETURN_IF(place.seen != (1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 9), HOOKE_E_FORMAT,
              "%s: a column chunk lacks type, codec, count, size or offset", p->name);
    bool has_dictionary = place.dictionary > 0 && place.dictionary < place.data;
    int64_t begin = has_dictionary ? place.dictionary : place.data, end;
    RETURN_IF(__builtin_add_overflow(begin, place.packed, &end) || (uint64_t)end > p->n - FOOT_BYTES,
              HOOKE_E_FORMAT, "%s: a column chunk of %lld bytes at %lld, the file has %zu", p->name,
              (long long)place.packed, (long long)begin, p->n);
    c->begin = (size_t)begin;
    c->end = (size_t)end;
    return HOOKE_OK;
}

/* ColumnChunk */
static hooke_status read_chunk(struct parquet *p, struct thrift *t, struct parquet_chunk *c)
{
    struct thrift_field f = { 0 };
    bool has_meta = false;
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) break;
        RETURN_IF(f.id == 1, HOOKE_E_UNSUPPORTED, "%s: columns that lie in other files", p->name);
        RETURN_IF(f.id == 8, HOOKE_E_UNSUPPORTED, "%s: encrypted columns", p->name);
        if (f.id == 3) has_meta = true;
        RETURN_IF_ERROR(f.id == 3 ? read_chunk_meta(p, t, &f, c) : thrift_skip(t, &f));
    }
    RETURN_IF(!has_meta, HOOKE_E_FORMAT, "%s: a column chunk without metadata", p->name);
    return HOOKE_OK;
}

static hooke_status read_chunks(struct parquet *p, struct thrift *t, const struct thrift_field *f,
                                struct parquet_group *g)
{
    size_t n;
    RETURN_IF_ERROR(thrift_list(t, f, THRIFT_STRUCT, &n));
    RETURN_IF(!p->columns, HOOKE_E_FORMAT, "%s: row groups without a schema before them", p->name);
    RETURN_IF(g->chunks || n != (size_t)p->n_leaves, HOOKE_E_FORMAT,
              "%s: a row group of %zu columns, the schema has %d", p->name, n, p->n_leaves);
    g->chunks = arena_alloc(&p->arena, n + 1, sizeof *g->chunks);
    if (!g->chunks) return HOOKE_E_MEMORY;
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(read_chunk(p, t, &g->chunks[i]));
    return HOOKE_OK;
}

static hooke_status read_group(struct parquet *p, struct thrift *t, struct parquet_group *g)
{
    struct thrift_field f = { 0 };
    g->n_rows = -1;
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) break;
        if (f.id == 1)
            RETURN_IF_ERROR(read_chunks(p, t, &f, g));
        else if (f.id == 3)
            RETURN_IF_ERROR(thrift_int(t, &f, 0, INT64_MAX, &g->n_rows));
        else
            RETURN_IF_ERROR(thrift_skip(t, &f));
    }
    RETURN_IF(!g->chunks || g->n_rows < 0, HOOKE_E_FORMAT, "%s: a row group lacks columns or rows", p->name);
    return HOOKE_OK;
}

static hooke_status read_groups(struct parquet *p, struct thrift *t, const struct thrift_field *f)
{
    RETURN_IF(p->groups, HOOKE_E_FORMAT, "%s: two lists of row groups", p->name);
    RETURN_IF_ERROR(thrift_list(t, f, THRIFT_STRUCT, &p->n_groups));
    p->groups = arena_alloc(&p->arena, p->n_groups + 1, sizeof *p->groups);
    if (!p->groups) return HOOKE_E_MEMORY;
    for (size_t i = 0; i < p->n_groups; i++) RETURN_IF_ERROR(read_group(p, t, &p->groups[i]));
    return HOOKE_OK;
}

/* ---- notes: pairs of key and value ---- */

static hooke_status read_note(struct parquet *p, struct thrift *t)
{
    struct thrift_field f = { 0 };
    const char *key = "", *value = NULL;
    size_t key_bytes = 0, n = 0;
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) break;
        if (f.id == 1)
            RETURN_IF_ERROR(thrift_binary(t, &f, &key, &key_bytes));
        else if (f.id == 2)
            RETURN_IF_ERROR(thrift_binary(t, &f, &value, &n));
        else
            RETURN_IF_ERROR(thrift_skip(t, &f));
    }
    if (key_bytes == sizeof note_key - 1 && memcmp(key, note_key, key_bytes) == 0) {
        p->note = value;
        p->note_bytes = n;
    }
    return HOOKE_OK;
}

static hooke_status read_notes(struct parquet *p, struct thrift *t, const struct thrift_field *f)
{
    size_t n;
    RETURN_IF_ERROR(thrift_list(t, f, THRIFT_STRUCT, &n));
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(read_note(p, t));
    return HOOKE_OK;
}

/* ---- the whole ---- */

static hooke_status read_meta(struct parquet *p, struct thrift *t)
{
    struct thrift_field f = { 0 };
    int64_t n_rows = -1, sum = 0;
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) break;
        RETURN_IF(f.id == 8, HOOKE_E_UNSUPPORTED, "%s: an encrypted Parquet file", p->name);
        if (f.id == 2)
            RETURN_IF_ERROR(read_schema(p, t, &f));
        else if (f.id == 3)
            RETURN_IF_ERROR(thrift_int(t, &f, 0, INT64_MAX, &n_rows));
        else if (f.id == 4)
            RETURN_IF_ERROR(read_groups(p, t, &f));
        else if (f.id == 5)
            RETURN_IF_ERROR(read_notes(p, t, &f));
        else
            RETURN_IF_ERROR(thrift_skip(t, &f));
    }
    RETURN_IF(!p->columns || !p->groups || n_rows < 0, HOOKE_E_FORMAT,
              "%s: the metadata lack schema, row groups or the number of rows", p->name);
    for (size_t i = 0; i < p->n_groups; i++)
        RETURN_IF(__builtin_add_overflow(sum, p->groups[i].n_rows, &sum), HOOKE_E_FORMAT, "%s: too many rows",
                  p->name);
    RETURN_IF(sum != n_rows, HOOKE_E_FORMAT, "%s: %lld rows in its groups, %lld in all", p->name,
              (long long)sum, (long long)n_rows);
    p->n_rows = n_rows;
    return HOOKE_OK;
}

static hooke_status find_meta(const struct parquet *p, struct thrift *t)
{
    const unsigned char *foot = p->bytes + p->n - FOOT_BYTES;
    bool is_framed = p->n >= 4 + FOOT_BYTES;
    RETURN_IF(is_framed && memcmp(foot + 4, "PARE", 4) == 0, HOOKE_E_UNSUPPORTED,
              "%s: an encrypted Parquet file", p->name);
    RETURN_IF(!is_framed || memcmp(p->bytes, "PAR1", 4) != 0, HOOKE_E_FORMAT,
              "%s: not a Parquet file; it looks like %s", p->name, looks_like(p->bytes, p->n));
    RETURN_IF(memcmp(foot + 4, "PAR1", 4) != 0, HOOKE_E_FORMAT,
              "%s: a Parquet file that is cut short: no PAR1 at its end", p->name);
    size_t n = foot[0] | (size_t)foot[1] << 8 | (size_t)foot[2] << 16 | (size_t)foot[3] << 24;
    RETURN_IF(n > p->n - 4 - FOOT_BYTES, HOOKE_E_FORMAT, "%s: %zu bytes of metadata in a file of %zu",
              p->name, n, p->n);
    *t = (struct thrift){ foot - n, foot, p->name };
    return HOOKE_OK;
}

hooke_status parquet_parse(struct parquet *p, const unsigned char *bytes, size_t n, const char *name)
{
    struct thrift t;
    *p = (struct parquet){ .bytes = bytes, .n = n, .name = name, .max_page = PARQUET_PAGE_MAX };
    hooke_status st = find_meta(p, &t);
    if (st == HOOKE_OK) st = read_meta(p, &t);
    if (st != HOOKE_OK) parquet_close(p);
    return st;
}

void parquet_close(struct parquet *p)
{
    arena_release(&p->arena);
    *p = (struct parquet){ 0 };
}
