/* safetensors.c: reading. Everything a header says is checked before any of it is used: the limits are the reference reader's. */
#include "file/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "file/sniff.h"

#define HEADER_MAX_BYTES 100000000u /* the reference reader's limit */
enum { MAX_FILES = 4096, MAX_TENSORS = 4 << 20, INDEX_MAX_BYTES = 100000000 };

/* ---- element types ---- */

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [DT_F32] = { "F32", 4 },   [DT_F16] = { "F16", 2 },     [DT_BF16] = { "BF16", 2 },
    [DT_F64] = { "F64", 8 },   [DT_I64] = { "I64", 8 },     [DT_I32] = { "I32", 4 },
    [DT_I16] = { "I16", 2 },   [DT_I8] = { "I8", 1 },       [DT_U64] = { "U64", 8 },
    [DT_U32] = { "U32", 4 },   [DT_U16] = { "U16", 2 },     [DT_U8] = { "U8", 1 },
    [DT_BOOL] = { "BOOL", 1 }, [DT_OTHER] = { "other", 0 },
};

/* Types that are listed but not converted, with their size in bits. */
static const struct {
    const char *name;
    unsigned bits;
} foreign_dtypes[] = { { "C64", 64 },    { "F8_E4M3", 8 },     { "F8_E5M2", 8 },
                       { "F8_E8M0", 8 }, { "F8_E4M3FNUZ", 8 }, { "F8_E5M2FNUZ", 8 },
                       { "F6_E2M3", 6 }, { "F6_E3M2", 6 },     { "F4", 4 } };

size_t dtype_bytes(enum dtype t)
{
    return dtypes[t].bytes;
}

const char *dtype_name(enum dtype t)
{
    return dtypes[t].name;
}

/* Bits of an element by the file's spelling; 0 for a spelling nobody knows. */
static unsigned dtype_parse(enum dtype *out, const char *name)
{
    *out = DT_OTHER;
    for (int t = 0; t < DT_OTHER; t++) {
        if (strcmp(name, dtypes[t].name) != 0) continue;
        *out = (enum dtype)t;
        return (unsigned)dtypes[t].bytes * 8;
    }
    for (size_t i = 0; i < sizeof foreign_dtypes / sizeof *foreign_dtypes; i++)
        if (strcmp(name, foreign_dtypes[i].name) == 0) return foreign_dtypes[i].bits;
    return 0;
}

/* ---- one tensor's entry ---- */

/* The bytes of one file, and what is said about it. */
struct source {
    const unsigned char *bytes;
    size_t n;
    size_t data_begin; /* 8 + header */
    const char *name;
    int file;
};

static hooke_status read_shape(struct stored_tensor *t, const struct json *shape, const char *file)
{
    RETURN_IF(!shape || shape->kind != JSON_ARRAY, HOOKE_E_FORMAT, "%s: tensor '%.200s': no shape", file,
              t->name);
    RETURN_IF(shape->as.list.n > MAX_DIMS, HOOKE_E_UNSUPPORTED,
              "%s: tensor '%.200s': %zu dimensions, the limit is %d", file, t->name, shape->as.list.n,
              MAX_DIMS);
    t->n_items = 1;
    for (const struct json *d = shape->as.list.first; d; d = d->next) {
        RETURN_IF(d->kind != JSON_INT || d->as.integer < 0, HOOKE_E_FORMAT,
                  "%s: tensor '%.200s': dimension %d is no size", file, t->name, t->n_dims);
        t->shape[t->n_dims++] = d->as.integer;
        RETURN_IF(__builtin_mul_overflow(t->n_items, d->as.integer, &t->n_items), HOOKE_E_FORMAT,
                  "%s: tensor '%.200s': the shape's product overflows", file, t->name);
    }
    return HOOKE_OK;
}

/* Where it lies, checked against the shape and the file. */
static hooke_status read_offsets(struct stored_tensor *t, const struct json *offsets, unsigned bits,
                                 const struct source *src)
{
    const struct json *b =
        offsets && offsets->kind == JSON_ARRAY && offsets->as.list.n == 2 ? offsets->as.list.first : NULL;
    RETURN_IF(!b || b->kind != JSON_INT || b->next->kind != JSON_INT, HOOKE_E_FORMAT,
              "%s: tensor '%.200s': data_offsets are not two integers", src->name, t->name);
    int64_t begin = b->as.integer, end = b->next->as.integer, want;
    uint64_t room = src->n - src->data_begin;
    RETURN_IF(begin < 0 || end < begin || (uint64_t)end > room, HOOKE_E_FORMAT,
              "%s: tensor '%.200s' lies at %lld .. %lld, the file holds %llu bytes of data", src->name,
              t->name, (long long)begin, (long long)end, (unsigned long long)room);
    RETURN_IF(__builtin_mul_overflow(t->n_items, (int64_t)bits, &want) || want % 8 != 0 ||
                  want / 8 != end - begin,
              HOOKE_E_FORMAT, "%s: tensor '%.200s': %lld elements of %u bits do not fill %lld bytes",
              src->name, t->name, (long long)t->n_items, bits, (long long)(end - begin));
    t->data = src->bytes + src->data_begin + begin;
    t->bytes = (size_t)(end - begin);
    return HOOKE_OK;
}

static hooke_status read_entry(struct stored_tensor *t, const struct json *entry, const struct source *src)
{
    t->name = entry->key;
    t->file = src->file;
    RETURN_IF(strlen(entry->key) != entry->key_bytes, HOOKE_E_FORMAT, "%s: the name '%.200s...' holds a NUL",
              src->name, entry->key);
    RETURN_IF(entry->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: tensor '%.200s': no object", src->name,
              t->name);
    RETURN_IF_ERROR(json_string(&t->dtype_text, entry, "dtype", NULL, src->name));
    RETURN_IF(!t->dtype_text, HOOKE_E_FORMAT, "%s: tensor '%.200s': no dtype", src->name, t->name);
    unsigned bits = dtype_parse(&t->dtype, t->dtype_text);
    RETURN_IF(bits == 0, HOOKE_E_FORMAT, "%s: tensor '%.200s': unknown dtype '%.40s'", src->name, t->name,
              t->dtype_text);
    RETURN_IF_ERROR(read_shape(t, json_get(entry, "shape"), src->name));
    return read_offsets(t, json_get(entry, "data_offsets"), bits, src);
}

/* ---- one file ---- */

static int compare_places(const void *pa, const void *pb)
{
    const struct stored_tensor *a = pa, *b = pb;
    if (a->data != b->data) return (const char *)a->data < (const char *)b->data ? -1 : 1;
    return (a->bytes > b->bytes) -
           (a->bytes < b->bytes); /* an empty tensor before the one that begins there */
}

static int compare_names(const void *pa, const void *pb)
{
    const struct stored_tensor *a = pa, *b = pb;
    return strcmp(a->name, b->name);
}

/* In order of place, each begins where the one before ends, and the last ends with the file. */
static hooke_status check_tiling(struct stored_tensor *tensors, int n, const struct source *src)
{
    const unsigned char *end = src->bytes + src->data_begin;
    qsort(tensors, (size_t)n, sizeof *tensors, compare_places);
    for (int i = 0; i < n; i++) {
        const unsigned char *begin = tensors[i].data;
        RETURN_IF(
            begin != end, HOOKE_E_FORMAT, "%s: tensor '%.200s' begins at byte %zu of the data, %s at %zu",
            src->name, tensors[i].name, (size_t)(begin - src->bytes) - src->data_begin,
            i ? "the one before it ends" : "the data begin", (size_t)(end - src->bytes) - src->data_begin);
        end = begin + tensors[i].bytes;
    }
    RETURN_IF(end != src->bytes + src->n, HOOKE_E_FORMAT, "%s: the tensors end at byte %zu, the file has %zu",
              src->name, (size_t)(end - src->bytes), src->n);
    return HOOKE_OK;
}

static hooke_status parse_header(const struct json **out, struct arena *a, struct source *src)
{
    uint64_t n = 0;
    RETURN_IF(src->n < 8, HOOKE_E_FORMAT, "%s: no safetensors file: %zu bytes; it looks like %s", src->name,
              src->n, looks_like(src->bytes, src->n));
    for (int i = 7; i >= 0; i--) n = n << 8 | src->bytes[i];
    RETURN_IF(n > HEADER_MAX_BYTES, HOOKE_E_FORMAT,
              "%s: no safetensors file (a header of %llu bytes); it looks like %s", src->name,
              (unsigned long long)n, looks_like(src->bytes, src->n));
    RETURN_IF(n > src->n - 8, HOOKE_E_FORMAT, "%s: cut short: a header of %llu bytes, the file has %zu",
              src->name, (unsigned long long)n, src->n);
    const char *text = (const char *)src->bytes + 8;
    RETURN_IF(n == 0 || text[0] != '{', HOOKE_E_FORMAT,
              "%s: no safetensors file: the header does not begin with '{'; it looks like %s", src->name,
              looks_like(src->bytes, src->n));
    src->data_begin = 8 + (size_t)n;
    RETURN_IF_ERROR(json_parse(out, a, text, (size_t)n, JSON_REFUSE_DUPLICATES, src->name));
    return HOOKE_OK; /* it begins with '{': an object */
}

static hooke_status check_metadata(const struct json *m, const char *name)
{
    if (json_is_null(m)) return HOOKE_OK;
    RETURN_IF(m->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: __metadata__ is no object", name);
    for (const struct json *v = m->as.list.first; v; v = v->next)
        RETURN_IF(v->kind != JSON_STRING, HOOKE_E_FORMAT, "%s: __metadata__ '%.200s' is no string", name,
                  v->key);
    return HOOKE_OK;
}

/* The tensors of one file, in order of place. */
static hooke_status parse_file(struct stored_tensor **out, int *n, const struct json **metadata,
                               struct arena *a, struct source *src)
{
    const struct json *header = NULL;
    RETURN_IF_ERROR(parse_header(&header, a, src));
    if (!header) return HOOKE_E_INTERNAL; /* it cannot be: analyzers do not see what fail() returns */
    const struct json *m = json_get(header, "__metadata__");
    RETURN_IF_ERROR(check_metadata(m, src->name));
    RETURN_IF(header->as.list.n > MAX_TENSORS, HOOKE_E_UNSUPPORTED, "%s: %zu tensors, the limit is %d",
              src->name, header->as.list.n, MAX_TENSORS);
    struct stored_tensor *tensors = arena_alloc(a, header->as.list.n, sizeof *tensors);
    if (!tensors) return HOOKE_E_MEMORY;
    int count = 0;
    for (const struct json *entry = header->as.list.first; entry; entry = entry->next)
        if (entry != m) RETURN_IF_ERROR(read_entry(&tensors[count++], entry, src));
    RETURN_IF_ERROR(check_tiling(tensors, count, src));
    *out = tensors;
    *n = count;
    *metadata = json_is_null(m) ? NULL : m;
    return HOOKE_OK;
}

static hooke_status fill_from(struct safetensors *s, struct source *src)
{
    RETURN_IF_ERROR(parse_file(&s->tensors, &s->n_tensors, &s->metadata, &s->arena, src));
    qsort(s->tensors, (size_t)s->n_tensors, sizeof *s->tensors, compare_names);
    return HOOKE_OK;
}

hooke_status safetensors_parse(struct safetensors *out, const unsigned char *bytes, size_t n,
                               const char *name)
{
    struct source src = { .bytes = bytes, .n = n, .name = name };
    memset(out, 0, sizeof *out);
    hooke_status st = fill_from(out, &src);
    if (st != HOOKE_OK) safetensors_close(out);
    return st;
}

void safetensors_close(struct safetensors *s)
{
    for (int i = 0; i < s->n_files; i++) map_close(&s->files[i]);
    mem_free(s->files);
    arena_release(&s->arena);
    memset(s, 0, sizeof *s);
}

const struct stored_tensor *safetensors_find(const struct safetensors *s, const char *name)
{
    struct stored_tensor key = { .name = name };
    return s->n_tensors ? bsearch(&key, s->tensors, (size_t)s->n_tensors, sizeof key, compare_names) : NULL;
}

/* ---- an index and its shards ---- */

/* One name a file: tensors of the weight map point at their shard. */
struct shards {
    const struct json **first_use; /* [n] weight-map entries that named each shard first */
    int n;
};

static int compare_strings(const void *pa, const void *pb)
{
    const struct json *a = *(const struct json *const *)pa, *b = *(const struct json *const *)pb;
    return strcmp(a->as.string.bytes, b->as.string.bytes);
}

static hooke_status check_shard_name(const struct json *v, const char *index)
{
    RETURN_IF(v->kind != JSON_STRING, HOOKE_E_FORMAT, "%s: weight_map '%.200s' is no string", index, v->key);
    const char *s = v->as.string.bytes;
    bool is_plain = s[0] != '\0' && s[0] != '.' && strlen(s) == v->as.string.n && !strpbrk(s, "/\\:");
    RETURN_IF(!is_plain, HOOKE_E_FORMAT, "%s: weight_map '%.200s': '%.200s' is no plain file name", index,
              v->key, s);
    return HOOKE_OK;
}

static hooke_status list_shards(struct shards *out, struct arena *a, const struct json *map,
                                const char *index)
{
    RETURN_IF(!map || map->kind != JSON_OBJECT || map->as.list.n == 0, HOOKE_E_FORMAT, "%s: no weight_map",
              index);
    out->first_use = arena_alloc(a, map->as.list.n, sizeof *out->first_use);
    if (!out->first_use) return HOOKE_E_MEMORY;
    size_t n = 0;
    for (const struct json *v = map->as.list.first; v; v = v->next) {
        RETURN_IF_ERROR(check_shard_name(v, index));
        out->first_use[n++] = v;
    }
    qsort(out->first_use, n, sizeof *out->first_use, compare_strings);
    for (size_t i = 0; i < n; i++)
        if (out->n == 0 || compare_strings(&out->first_use[out->n - 1], &out->first_use[i]) != 0) {
            RETURN_IF(out->n == MAX_FILES, HOOKE_E_UNSUPPORTED, "%s: more than %d shards", index, MAX_FILES);
            out->first_use[out->n++] = out->first_use[i];
        }
    return HOOKE_OK;
}

static hooke_status open_shard(struct safetensors *s, const char *index, const char *name)
{
    hooke_text path = { 0 };
    const char *slash = strrchr(index, '/');
    hooke_status st = text_append(&path, index, slash ? (size_t)(slash - index) + 1 : 0);
    if (st == HOOKE_OK) st = text_puts(&path, name);
    if (st == HOOKE_OK) st = map_open(&s->files[s->n_files], path.data);
    if (st == HOOKE_OK) s->n_files++;
    hooke_text_release(&path);
    return st;
}

/* Appends the tensors of one shard. */
static hooke_status read_shard(struct safetensors *s, int file, size_t *capacity)
{
    const struct mapped_file *m = &s->files[file];
    struct source src = { .bytes = m->data, .n = m->n, .name = m->path, .file = file };
    struct stored_tensor *tensors = NULL;
    const struct json *metadata = NULL;
    int n = 0;
    RETURN_IF_ERROR(parse_file(&tensors, &n, &metadata, &s->arena, &src));
    if (file == 0) s->metadata = metadata;
    size_t total = (size_t)s->n_tensors + (size_t)n;
    if (total > *capacity) { /* doubles: the arena keeps what is outgrown, less than what is kept */
        *capacity = total > *capacity * 2 ? total : *capacity * 2;
        struct stored_tensor *grown = arena_alloc(&s->arena, *capacity, sizeof *grown);
        if (!grown) return HOOKE_E_MEMORY;
        if (s->n_tensors) memcpy(grown, s->tensors, (size_t)s->n_tensors * sizeof *grown);
        s->tensors = grown;
    }
    if (n) memcpy(s->tensors + s->n_tensors, tensors, (size_t)n * sizeof *tensors);
    s->n_tensors = (int)total;
    return HOOKE_OK;
}

/* No name in two shards, and every entry of the map where it says. */
static hooke_status check_map(const struct safetensors *s, const struct json *map, const char *index)
{
    for (int i = 1; i < s->n_tensors; i++)
        RETURN_IF(strcmp(s->tensors[i - 1].name, s->tensors[i].name) == 0, HOOKE_E_FORMAT,
                  "%s: tensor '%.200s' lies in two shards", index, s->tensors[i].name);
    for (const struct json *v = map->as.list.first; v; v = v->next) {
        const struct stored_tensor *t = strlen(v->key) == v->key_bytes ? safetensors_find(s, v->key) : NULL;
        const char *path = t ? s->files[t->file].path : NULL, *slash = path ? strrchr(path, '/') : NULL;
        RETURN_IF(!path || strcmp(slash ? slash + 1 : path, v->as.string.bytes) != 0, HOOKE_E_FORMAT,
                  "%s: tensor '%.200s' is not in '%.200s'", index, v->key, v->as.string.bytes);
    }
    return HOOKE_OK;
}

static hooke_status open_index(struct safetensors *s, const char *path)
{
    const struct json *index;
    struct shards shards = { 0 };
    size_t capacity = 0;
    RETURN_IF_ERROR(json_read(&index, &s->arena, path, INDEX_MAX_BYTES, JSON_REFUSE_DUPLICATES));
    const struct json *map = json_get(index, "weight_map");
    RETURN_IF_ERROR(list_shards(&shards, &s->arena, map, path));
    s->files = mem_alloc((size_t)shards.n, sizeof *s->files);
    RETURN_IF(!s->files, HOOKE_E_MEMORY, "%s: out of memory", path);
    for (int i = 0; i < shards.n; i++)
        RETURN_IF_ERROR(open_shard(s, path, shards.first_use[i]->as.string.bytes));
    for (int i = 0; i < shards.n; i++) RETURN_IF_ERROR(read_shard(s, i, &capacity));
    if (s->n_tensors) qsort(s->tensors, (size_t)s->n_tensors, sizeof *s->tensors, compare_names);
    return check_map(s, map, path);
}

static hooke_status open_single(struct safetensors *s, const char *path)
{
    s->files = mem_alloc(1, sizeof *s->files);
    RETURN_IF(!s->files, HOOKE_E_MEMORY, "%s: out of memory", path);
    RETURN_IF_ERROR(map_open(&s->files[0], path));
    s->n_files = 1;
    struct source src = { .bytes = s->files[0].data, .n = s->files[0].n, .name = s->files[0].path };
    return fill_from(s, &src);
}

hooke_status safetensors_open(struct safetensors *out, const char *path)
{
    size_t n = strlen(path);
    memset(out, 0, sizeof *out);
    hooke_status st =
        n > 5 && strcmp(path + n - 5, ".json") == 0 ? open_index(out, path) : open_single(out, path);
    if (st != HOOKE_OK) safetensors_close(out);
    return st;
}
