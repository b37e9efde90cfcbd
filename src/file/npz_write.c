/* npz_write.c: a stored archive whose arrays a reader can map: padding in the local header's extra field brings every array's
 * data to a multiple of 64. numpy and unzip skip the field. */
#include <string.h>
#include <zlib.h>

#include "file/npy.h"
#include "file/npz.h"

enum { LOCAL_BYTES = 30, EXTRA64_BYTES = 20, PAD_HEAD_BYTES = 4, ALIGN = 64, MAX_MEMBERS = 4096 };

/* What the directory repeats about a member. */
struct written {
    uint64_t offset, size;
    uint32_t crc;
};

struct npz_out {
    struct new_file file;
    struct written *members; /* [n] */
    hooke_text npy, block;   /* array header; record being put together */
};

static hooke_status put(hooke_text *t, uint64_t v, int bytes)
{
    char s[8];
    for (int i = 0; i < bytes; i++) s[i] = (char)(v >> 8 * i & 0xFF);
    return text_append(t, s, (size_t)bytes);
}

/* A run of little-endian numbers: {value, bytes}, ..., ended by 0 bytes. */
struct field {
    uint64_t value;
    int bytes;
};

static hooke_status put_fields(hooke_text *t, const struct field *fields)
{
    for (; fields->bytes; fields++) RETURN_IF_ERROR(put(t, fields->value, fields->bytes));
    return HOOKE_OK;
}

static const char *descr_of(const char *dtype)
{
    static const char *const table[][2] = { { "F32", "<f4" }, { "F64", "<f8" }, { "F16", "<f2" },
                                            { "I64", "<i8" }, { "I32", "<i4" }, { "I16", "<i2" },
                                            { "I8", "|i1" },  { "U64", "<u8" }, { "U32", "<u4" },
                                            { "U16", "<u2" }, { "U8", "|u1" },  { "BOOL", "|b1" } };
    for (size_t i = 0; dtype && i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i][0], dtype) == 0) return table[i][1];
    return NULL;
}

static hooke_status data_bytes(uint64_t *out, const hooke_tensor_out *t)
{
    const char *descr = descr_of(t->dtype);
    RETURN_IF(!t->name || !*t->name || strlen(t->name) > 1000, HOOKE_E_ARGUMENT,
              "npz: an array needs a name of at most 1000 bytes");
    RETURN_IF(!descr, HOOKE_E_ARGUMENT, "npz: array '%s': dtype '%s' cannot be written", t->name,
              t->dtype ? t->dtype : "");
    RETURN_IF(t->n_dims < 0 || t->n_dims > MAX_DIMS, HOOKE_E_ARGUMENT, "npz: array '%s': %d dimensions",
              t->name, t->n_dims);
    *out = (uint64_t)(descr[2] - '0');
    for (int i = 0; i < t->n_dims; i++)
        RETURN_IF(
            t->shape[i] < 0 || __builtin_mul_overflow(*out, (uint64_t)t->shape[i], out) || *out > INT64_MAX,
            HOOKE_E_ARGUMENT, "npz: array '%s': dimension %d is %lld", t->name, i, (long long)t->shape[i]);
    RETURN_IF(*out && !t->data, HOOKE_E_ARGUMENT, "npz: array '%s' has no data", t->name);
    return HOOKE_OK;
}

/* Sizes stand in the ZIP64 field, as numpy writes them; what is left up to the alignment is padding with a private id. */
static hooke_status local_header(struct npz_out *o, const struct written *m, const char *name)
{
    size_t name_bytes = strlen(name) + 4,
           fixed = LOCAL_BYTES + name_bytes + EXTRA64_BYTES + PAD_HEAD_BYTES + o->npy.n;
    size_t pad = (size_t)(ALIGN - (m->offset + fixed) % ALIGN) % ALIGN;
    const struct field head[] = { { 0x04034B50, 4 },
                                  { 45, 2 },
                                  { 0, 2 },
                                  { 0, 2 },
                                  { 0, 2 },
                                  { 0x21, 2 },
                                  { m->crc, 4 },
                                  { 0xFFFFFFFF, 4 },
                                  { 0xFFFFFFFF, 4 },
                                  { name_bytes, 2 },
                                  { EXTRA64_BYTES + PAD_HEAD_BYTES + pad, 2 },
                                  { 0, 0 } };
    const struct field extra[] = { { 1, 2 },      { 16, 2 },  { m->size, 8 }, { m->size, 8 },
                                   { 0x4B48, 2 }, { pad, 2 }, { 0, 0 } };
    text_clear(&o->block);
    RETURN_IF_ERROR(put_fields(&o->block, head));
    RETURN_IF_ERROR(text_printf(&o->block, "%s.npy", name));
    RETURN_IF_ERROR(put_fields(&o->block, extra));
    for (size_t i = 0; i < pad; i++) RETURN_IF_ERROR(put(&o->block, 0, 1));
    return new_file_write(&o->file, o->block.data, o->block.n);
}

static hooke_status write_member(struct npz_out *o, struct written *m, const hooke_tensor_out *t)
{
    uint64_t bytes = 0;
    RETURN_IF_ERROR(data_bytes(&bytes, t));
    RETURN_IF_ERROR(npy_make_header(&o->npy, descr_of(t->dtype), t->n_dims, t->shape));
    m->offset = o->file.n_written;
    m->size = o->npy.n + bytes;
    m->crc = (uint32_t)crc32_z(0, (const unsigned char *)o->npy.data, o->npy.n);
    if (bytes) m->crc = (uint32_t)crc32_z(m->crc, t->data, (size_t)bytes);
    RETURN_IF_ERROR(local_header(o, m, t->name));
    RETURN_IF_ERROR(new_file_write(&o->file, o->npy.data, o->npy.n));
    return new_file_write(&o->file, t->data, (size_t)bytes);
}

/* A size or place that needs 64 bits stands in the extra field. */
static hooke_status central_record(struct npz_out *o, const struct written *m, const char *name)
{
    bool big_size = m->size >= 0xFFFFFFFF, big_offset = m->offset >= 0xFFFFFFFF;
    unsigned extra = (big_size ? 16u : 0u) + (big_offset ? 8u : 0u);
    uint64_t size = big_size ? 0xFFFFFFFF : m->size, offset = big_offset ? 0xFFFFFFFF : m->offset;
    const struct field head[] = { { 0x02014B50, 4 },
                                  { 45, 2 },
                                  { 45, 2 },
                                  { 0, 2 },
                                  { 0, 2 },
                                  { 0, 2 },
                                  { 0x21, 2 },
                                  { m->crc, 4 },
                                  { size, 4 },
                                  { size, 4 },
                                  { strlen(name) + 4, 2 },
                                  { extra ? extra + 4 : 0, 2 },
                                  { 0, 2 },
                                  { 0, 2 },
                                  { 0, 2 },
                                  { 0, 4 },
                                  { offset, 4 },
                                  { 0, 0 } };
    RETURN_IF_ERROR(put_fields(&o->block, head));
    RETURN_IF_ERROR(text_printf(&o->block, "%s.npy", name));
    if (extra) {
        RETURN_IF_ERROR(put(&o->block, 1, 2));
        RETURN_IF_ERROR(put(&o->block, extra, 2));
    }
    if (big_size) {
        RETURN_IF_ERROR(put(&o->block, m->size, 8));
        RETURN_IF_ERROR(put(&o->block, m->size, 8));
    }
    return big_offset ? put(&o->block, m->offset, 8) : HOOKE_OK;
}

/* Always with the ZIP64 end record: it costs 76 bytes and has one layout for every size. */
static hooke_status write_directory(struct npz_out *o, const hooke_tensor_out *tensors, int n)
{
    uint64_t begin = o->file.n_written, count = (uint64_t)n;
    text_clear(&o->block);
    for (int i = 0; i < n; i++) RETURN_IF_ERROR(central_record(o, &o->members[i], tensors[i].name));
    uint64_t bytes = o->block.n, end = begin + bytes;
    uint64_t short_begin = begin < 0xFFFFFFFF ? begin : 0xFFFFFFFF;
    const struct field tail[] = { { 0x06064B50, 4 },  { 44, 8 },    { 45, 2 },         { 45, 2 },
                                  { 0, 4 },           { 0, 4 },     { count, 8 },      { count, 8 },
                                  { bytes, 8 },       { begin, 8 }, { 0x07064B50, 4 }, { 0, 4 },
                                  { end, 8 },         { 1, 4 },     { 0x06054B50, 4 }, { 0, 2 },
                                  { 0, 2 },           { count, 2 }, { count, 2 },      { bytes, 4 },
                                  { short_begin, 4 }, { 0, 2 },     { 0, 0 } };
    RETURN_IF_ERROR(put_fields(&o->block, tail));
    return new_file_write(&o->file, o->block.data, o->block.n);
}

static hooke_status refuse_twins(const hooke_tensor_out *tensors, int n)
{
    for (int i = 1; i < n; i++) /* archives have a handful of arrays */
        for (int j = 0; j < i; j++)
            RETURN_IF(tensors[i].name && tensors[j].name && strcmp(tensors[i].name, tensors[j].name) == 0,
                      HOOKE_E_ARGUMENT, "npz: two arrays are called '%s'", tensors[i].name);
    return HOOKE_OK;
}

static hooke_status write_all(struct npz_out *o, const hooke_tensor_out *tensors, int n)
{
    RETURN_IF_ERROR(refuse_twins(tensors, n));
    for (int i = 0; i < n; i++) RETURN_IF_ERROR(write_member(o, &o->members[i], &tensors[i]));
    return write_directory(o, tensors, n);
}

hooke_status npz_write(const char *path, const hooke_tensor_out *tensors, int n)
{
    struct npz_out o;
    memset(&o, 0, sizeof o);
    RETURN_IF(n < 0 || n > MAX_MEMBERS, HOOKE_E_ARGUMENT, "%s: %d arrays", path, n);
    o.members = mem_alloc((size_t)n, sizeof *o.members);
    RETURN_IF(!o.members, HOOKE_E_MEMORY, "%s: out of memory", path);
    hooke_status st = new_file_open(&o.file, path);
    if (st == HOOKE_OK) st = write_all(&o, tensors, n);
    if (st == HOOKE_OK) st = new_file_commit(&o.file);
    new_file_abandon(&o.file); /* nothing is left to abandon after a commit */
    hooke_text_release(&o.npy);
    hooke_text_release(&o.block);
    mem_free(o.members);
    return st;
}
