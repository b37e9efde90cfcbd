#include "file/gguf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "file/sniff.h"

enum { KEY_MAX_BYTES = 65535, NAME_MAX_BYTES = 64, MAX_AXES = 4, DEFAULT_ALIGNMENT = 32 };
enum { PAIR_MIN_BYTES = 13, INFO_MIN_BYTES = 24, MAX_PAIRS = 1 << 20, MAX_TENSORS = 1 << 20 };

/* Types of values in pairs, by their numbers in the file. */
enum {
    T_U8,
    T_I8,
    T_U16,
    T_I16,
    T_U32,
    T_I32,
    T_F32,
    T_BOOL,
    T_STRING,
    T_ARRAY,
    T_U64,
    T_I64,
    T_F64,
    N_TYPES
};
static const unsigned char type_bytes[N_TYPES] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

/* Types of tensors: so many bytes for a block of so many items. Quantised blocks are there for their sizes. */
static const struct {
    const char *name;
    uint32_t number;
    enum dtype dtype;
    uint32_t block_items, block_bytes;
} tensor_types[] = {
    { "F32", 0, DT_F32, 1, 4 },         { "F16", 1, DT_F16, 1, 2 },
    { "BF16", 30, DT_BF16, 1, 2 },      { "F64", 28, DT_F64, 1, 8 },
    { "I8", 24, DT_I8, 1, 1 },          { "I16", 25, DT_I16, 1, 2 },
    { "I32", 26, DT_I32, 1, 4 },        { "I64", 27, DT_I64, 1, 8 },
    { "Q4_0", 2, DT_OTHER, 32, 18 },    { "Q4_1", 3, DT_OTHER, 32, 20 },
    { "Q5_0", 6, DT_OTHER, 32, 22 },    { "Q5_1", 7, DT_OTHER, 32, 24 },
    { "Q8_0", 8, DT_OTHER, 32, 34 },    { "Q8_1", 9, DT_OTHER, 32, 36 },
    { "Q2_K", 10, DT_OTHER, 256, 84 },  { "Q3_K", 11, DT_OTHER, 256, 110 },
    { "Q4_K", 12, DT_OTHER, 256, 144 }, { "Q5_K", 13, DT_OTHER, 256, 176 },
    { "Q6_K", 14, DT_OTHER, 256, 210 }, { "Q8_K", 15, DT_OTHER, 256, 292 },
};
enum { N_TENSOR_TYPES = sizeof tensor_types / sizeof *tensor_types };

/* Where reading is. */
struct cursor {
    const unsigned char *bytes;
    size_t n, at;
    const char *path;
};

static hooke_status cut_short(const struct cursor *c, const char *what)
{
    fail(HOOKE_E_FORMAT, "%s: a GGUF file cut short: %s at byte %zu of %zu", c->path, what, c->at, c->n);
    return HOOKE_E_FORMAT; /* in so many words, for the analyzer */
}

static hooke_status take_number(struct cursor *c, uint64_t *out, size_t bytes, const char *what)
{
    *out = 0;
    if (bytes > c->n - c->at) return cut_short(c, what);
    for (size_t i = 0; i < bytes; i++) *out |= (uint64_t)c->bytes[c->at + i] << 8 * i;
    c->at += bytes;
    return HOOKE_OK;
}

/* Text without NUL; *out points into the file. */
static hooke_status take_text(struct cursor *c, const char **out, size_t *n, size_t most, const char *what)
{
    uint64_t length;
    RETURN_IF_ERROR(take_number(c, &length, 8, what));
    if (length > c->n - c->at) return cut_short(c, what);
    *out = (const char *)c->bytes + c->at;
    *n = (size_t)length;
    RETURN_IF(*n > most, HOOKE_E_FORMAT, "%s: %s of %zu bytes at byte %zu, the limit is %zu", c->path, what,
              *n, c->at, most);
    RETURN_IF(memchr(*out, '\0', *n) || utf8_valid_prefix(*out, *n) != *n, HOOKE_E_FORMAT,
              "%s: %s at byte %zu is not text", c->path, what, c->at);
    c->at += *n;
    return HOOKE_OK;
}

static hooke_status take_copy(struct cursor *c, struct arena *a, const char **out, size_t most,
                              const char *what)
{
    const char *s = "";
    size_t n = 0;
    RETURN_IF_ERROR(take_text(c, &s, &n, most, what));
    *out = arena_copy(a, s, n);
    return *out ? HOOKE_OK : HOOKE_E_MEMORY;
}

/* ---- pairs ---- */

static hooke_status bad_value(const struct cursor *c, const struct gguf_value *v, const char *why)
{
    fail(HOOKE_E_FORMAT, "%s: key '%.200s': %s", c->path, v->name, why);
    return HOOKE_E_FORMAT;
}

static hooke_status take_integer(struct cursor *c, struct gguf_value *v, uint32_t type)
{
    uint64_t bits;
    size_t bytes = type_bytes[type];
    bool is_signed = type == T_I8 || type == T_I16 || type == T_I32 || type == T_I64;
    RETURN_IF_ERROR(take_number(c, &bits, bytes, "a value"));
    if (is_signed && bytes < 8 && bits >> (8 * bytes - 1)) bits |= UINT64_MAX << 8 * bytes;
    if (type == T_U64 && bits > INT64_MAX) return bad_value(c, v, "an integer past 63 bits");
    if (type == T_BOOL && bits > 1) return bad_value(c, v, "a boolean that is neither 0 nor 1");
    v->kind = type == T_BOOL ? GGUF_BOOL : GGUF_INT;
    v->integer = (int64_t)bits;
    v->real = (double)v->integer;
    return HOOKE_OK;
}

static hooke_status take_real(struct cursor *c, struct gguf_value *v, uint32_t type)
{
    uint64_t bits;
    RETURN_IF_ERROR(take_number(c, &bits, type_bytes[type], "a value"));
    v->kind = GGUF_REAL;
    if (type == T_F64) {
        memcpy(&v->real, &bits, sizeof bits);
    } else {
        uint32_t low = (uint32_t)bits;
        float f;
        memcpy(&f, &low, sizeof f);
        v->real = (double)f;
    }
    return HOOKE_OK;
}

/* Passed over, its strings checked. */
static hooke_status take_array(struct cursor *c, struct gguf_value *v)
{
    uint64_t type, n;
    RETURN_IF_ERROR(take_number(c, &type, 4, "an array"));
    RETURN_IF_ERROR(take_number(c, &n, 8, "an array"));
    if (type >= N_TYPES) return bad_value(c, v, "an array of an unknown type");
    if (type == T_ARRAY) return bad_value(c, v, "an array of arrays");
    size_t item = type == T_STRING ? 8 : type_bytes[type];
    if (n > (c->n - c->at) / item) return cut_short(c, "an array");
    v->kind = GGUF_ARRAY;
    v->integer = (int64_t)n;
    if (type != T_STRING) {
        c->at += (size_t)n * item;
        return HOOKE_OK;
    }
    for (uint64_t i = 0; i < n; i++) { /* vocabularies hold any bytes: only lengths are checked */
        uint64_t length;
        RETURN_IF_ERROR(take_number(c, &length, 8, "a string of an array"));
        if (length > c->n - c->at) return cut_short(c, "a string of an array");
        c->at += (size_t)length;
    }
    return HOOKE_OK;
}

static hooke_status take_pair(struct cursor *c, struct arena *a, struct gguf_value *v)
{
    uint64_t type;
    RETURN_IF_ERROR(take_copy(c, a, &v->name, KEY_MAX_BYTES, "a key"));
    RETURN_IF_ERROR(take_number(c, &type, 4, "a type"));
    if (type >= N_TYPES) return bad_value(c, v, "a value of an unknown type");
    if (type == T_ARRAY) return take_array(c, v);
    if (type == T_F32 || type == T_F64) return take_real(c, v, (uint32_t)type);
    if (type != T_STRING) return take_integer(c, v, (uint32_t)type);
    v->kind = GGUF_STRING;
    return take_copy(c, a, &v->string, SIZE_MAX, "a string");
}

/* ---- tensors ---- */

static int tensor_type(uint32_t number)
{
    for (int i = 0; i < N_TENSOR_TYPES; i++)
        if (tensor_types[i].number == number) return i;
    return -1;
}

/* Extents are written fastest first: the last axis of a row-major shape comes first. */
static hooke_status take_shape(struct cursor *c, struct stored_tensor *t)
{
    uint64_t axes, extent;
    RETURN_IF_ERROR(take_number(c, &axes, 4, "a shape"));
    RETURN_IF(axes > MAX_AXES, HOOKE_E_FORMAT, "%s: tensor '%.200s': %llu axes, the limit is %d", c->path,
              t->name, (unsigned long long)axes, MAX_AXES);
    t->n_dims = (int)axes;
    t->n_items = 1;
    for (int i = 0; i < t->n_dims; i++) {
        RETURN_IF_ERROR(take_number(c, &extent, 8, "a shape"));
        RETURN_IF(extent > INT64_MAX || __builtin_mul_overflow(t->n_items, (int64_t)extent, &t->n_items),
                  HOOKE_E_FORMAT, "%s: tensor '%.200s': a shape past 63 bits", c->path, t->name);
        t->shape[t->n_dims - 1 - i] = (int64_t)extent;
    }
    return HOOKE_OK;
}

/* Everything but where the data lie, which is known once all of these are read. */
static hooke_status take_info(struct cursor *c, struct arena *a, struct stored_tensor *t, uint64_t *offset)
{
    uint64_t number, bytes;
    RETURN_IF_ERROR(take_copy(c, a, &t->name, NAME_MAX_BYTES, "a tensor's name"));
    RETURN_IF_ERROR(take_shape(c, t));
    RETURN_IF_ERROR(take_number(c, &number, 4, "a tensor's type"));
    RETURN_IF_ERROR(take_number(c, offset, 8, "an offset"));
    int row = tensor_type((uint32_t)number);
    RETURN_IF(
        row < 0, HOOKE_E_UNSUPPORTED,
        "%s: tensor '%.200s' is of type %llu; F32, F16, BF16, F64 and integers are read, Q4 to Q8 listed",
        c->path, t->name, (unsigned long long)number);
    int64_t last = t->n_dims ? t->shape[t->n_dims - 1] : 1;
    RETURN_IF(last % tensor_types[row].block_items != 0, HOOKE_E_FORMAT,
              "%s: tensor '%.200s': rows of %lld are no whole blocks of %s", c->path, t->name,
              (long long)last, tensor_types[row].name);
    RETURN_IF(__builtin_mul_overflow((uint64_t)t->n_items / tensor_types[row].block_items,
                                     (uint64_t)tensor_types[row].block_bytes, &bytes) ||
                  bytes > PTRDIFF_MAX,
              HOOKE_E_FORMAT, "%s: tensor '%.200s': a size past 63 bits", c->path, t->name);
    t->dtype = tensor_types[row].dtype;
    t->dtype_text = tensor_types[row].name;
    t->bytes = (size_t)bytes;
    return HOOKE_OK;
}

static hooke_status place_tensor(const struct cursor *c, struct stored_tensor *t, uint64_t offset,
                                 size_t data, uint64_t alignment)
{
    RETURN_IF(offset % alignment != 0, HOOKE_E_FORMAT,
              "%s: tensor '%.200s': its offset %llu is no multiple of %llu", c->path, t->name,
              (unsigned long long)offset, (unsigned long long)alignment);
    RETURN_IF(offset > c->n - data || t->bytes > c->n - data - (size_t)offset, HOOKE_E_FORMAT,
              "%s: tensor '%.200s' ends at %llu, the data have %zu bytes", c->path, t->name,
              (unsigned long long)offset + t->bytes, c->n - data);
    t->data = c->bytes + data + offset;
    return HOOKE_OK;
}

/* ---- the file ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static hooke_status refuse_twins(const struct gguf *g, bool of_tensors)
{
    size_t n = (size_t)(of_tensors ? g->n_tensors : g->n_values);
    const char **names = mem_alloc(n, sizeof *names);
    hooke_status st = HOOKE_OK;
    RETURN_IF(!names, HOOKE_E_MEMORY, "%s: out of memory for %zu names", g->file.path, n);
    for (size_t i = 0; i < n; i++) names[i] = of_tensors ? g->tensors[i].name : g->values[i].name;
    if (n) qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 1; i < n && st == HOOKE_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            st = fail(HOOKE_E_FORMAT, "%s: two %s are called '%.200s'", g->file.path,
                      of_tensors ? "tensors" : "keys", names[i]);
    mem_free(names);
    return st;
}

static hooke_status alignment_of(const struct gguf *g, uint64_t *out)
{
    const struct gguf_value *v = gguf_value(g, "general.alignment");
    *out = v && v->kind == GGUF_INT && v->integer > 0 ? (uint64_t)v->integer : v ? 0 : DEFAULT_ALIGNMENT;
    RETURN_IF(*out < 8 || *out > 1u << 20 || (*out & (*out - 1)), HOOKE_E_FORMAT,
              "%s: general.alignment must be a power of two from 8 to 2^20", g->file.path);
    return HOOKE_OK;
}

static hooke_status read_tensors(struct gguf *g, struct cursor *c, uint64_t *offsets)
{
    uint64_t alignment;
    for (int i = 0; i < g->n_tensors; i++)
        RETURN_IF_ERROR(take_info(c, &g->arena, &g->tensors[i], &offsets[i]));
    RETURN_IF_ERROR(alignment_of(g, &alignment));
    size_t pad = (size_t)((alignment - c->at % alignment) % alignment);
    if (g->n_tensors && pad > c->n - c->at) return cut_short(c, "the data");
    for (int i = 0; i < g->n_tensors; i++)
        RETURN_IF_ERROR(place_tensor(c, &g->tensors[i], offsets[i], c->at + pad, alignment));
    return refuse_twins(g, true);
}

static hooke_status read_counts(struct gguf *g, struct cursor *c)
{
    uint64_t version, n_tensors, n_pairs;
    RETURN_IF(c->n < 4 || memcmp(c->bytes, "GGUF", 4) != 0, HOOKE_E_FORMAT,
              "%s: no GGUF file; it looks like %s", c->path, looks_like(c->bytes, c->n));
    c->at = 4;
    RETURN_IF_ERROR(take_number(c, &version, 4, "the version"));
    RETURN_IF(version == 0x02000000 || version == 0x03000000, HOOKE_E_UNSUPPORTED,
              "%s: a big-endian GGUF file; only little-endian ones are read", c->path);
    RETURN_IF(version != 2 && version != 3, HOOKE_E_UNSUPPORTED, "%s: GGUF version %llu; 2 and 3 are read",
              c->path, (unsigned long long)version);
    g->version = (uint32_t)version;
    RETURN_IF_ERROR(take_number(c, &n_tensors, 8, "the number of tensors"));
    RETURN_IF_ERROR(take_number(c, &n_pairs, 8, "the number of keys"));
    size_t room = c->n - c->at;
    RETURN_IF(n_pairs > room / PAIR_MIN_BYTES || n_tensors > room / INFO_MIN_BYTES, HOOKE_E_FORMAT,
              "%s: %llu tensors and %llu keys in %zu bytes", c->path, (unsigned long long)n_tensors,
              (unsigned long long)n_pairs, room);
    RETURN_IF(n_pairs > MAX_PAIRS || n_tensors > MAX_TENSORS, HOOKE_E_UNSUPPORTED,
              "%s: %llu tensors and %llu keys, the limits are %d and %d", c->path,
              (unsigned long long)n_tensors, (unsigned long long)n_pairs, MAX_TENSORS, MAX_PAIRS);
    g->tensors = arena_alloc(&g->arena, (size_t)n_tensors, sizeof *g->tensors);
    g->values = arena_alloc(&g->arena, (size_t)n_pairs, sizeof *g->values);
    if (!g->tensors || !g->values) return HOOKE_E_MEMORY;
    g->n_tensors = (int)n_tensors;
    g->n_values = (int)n_pairs;
    return HOOKE_OK;
}

static hooke_status read_file(struct gguf *g)
{
    struct cursor c = { g->file.data, g->file.n, 0, g->file.path };
    RETURN_IF_ERROR(read_counts(g, &c));
    for (int i = 0; i < g->n_values; i++) RETURN_IF_ERROR(take_pair(&c, &g->arena, &g->values[i]));
    RETURN_IF_ERROR(refuse_twins(g, false));
    uint64_t *offsets = mem_alloc((size_t)g->n_tensors, sizeof *offsets);
    RETURN_IF(!offsets, HOOKE_E_MEMORY, "%s: out of memory for %d tensors", g->file.path, g->n_tensors);
    hooke_status st = read_tensors(g, &c, offsets);
    mem_free(offsets);
    return st;
}

hooke_status gguf_open(struct gguf *out, const char *path)
{
    memset(out, 0, sizeof *out);
    RETURN_IF_ERROR(map_open(&out->file, path));
    out->is_mapped = true;
    hooke_status st = read_file(out);
    if (st != HOOKE_OK) gguf_close(out);
    return st;
}

hooke_status gguf_parse(struct gguf *out, const unsigned char *bytes, size_t n, const char *name)
{
    memset(out, 0, sizeof *out);
    out->file.data = bytes;
    out->file.n = n;
    out->file.path = arena_copy(&out->arena, name, strlen(name));
    hooke_status st = out->file.path ? read_file(out) : HOOKE_E_MEMORY;
    if (st != HOOKE_OK) gguf_close(out);
    return st;
}

void gguf_close(struct gguf *g)
{
    if (g->is_mapped) map_close(&g->file);
    arena_release(&g->arena);
    memset(g, 0, sizeof *g);
}

/* ---- look up ---- */

const struct stored_tensor *gguf_find(const struct gguf *g, const char *name)
{
    for (int i = 0; i < g->n_tensors; i++)
        if (strcmp(g->tensors[i].name, name) == 0) return &g->tensors[i];
    return NULL;
}

const struct gguf_value *gguf_value(const struct gguf *g, const char *name)
{
    for (int i = 0; i < g->n_values; i++)
        if (g->values[i].name && strcmp(g->values[i].name, name) == 0) return &g->values[i];
    return NULL;
}

bool gguf_is_control_vector(const struct gguf *g)
{
    const struct gguf_value *v = gguf_value(g, "general.architecture");
    return v && v->string && strcmp(v->string, "controlvector") == 0;
}

int gguf_direction_layer(const char *name)
{
    static const char begin[] = "direction.";
    int layer = 0;
    if (strncmp(name, begin, sizeof begin - 1) != 0) return 0;
    const char *digits = name + sizeof begin - 1;
    size_t n = strlen(digits);
    if (n < 1 || n > 4 || *digits == '0') return 0;
    for (; *digits; digits++) {
        if (!isdigit((unsigned char)*digits)) return 0;
        layer = 10 * layer + (*digits - '0');
    }
    return layer;
}
