#include "file/zip_write.h"

#include <string.h>
#include <zlib.h>

enum { LOCAL_BYTES = 30, EXTRA64_BYTES = 20, PAD_HEAD_BYTES = 4, ALIGN = 64, MAX_MEMBERS = 65000 };
#define SATURATED32 0xFFFFFFFFu /* "see the ZIP64 record" */

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

hooke_status zip_writer_open(struct zip_writer *w, const char *path, int n_members)
{
    memset(w, 0, sizeof *w);
    RETURN_IF(n_members < 0 || n_members > MAX_MEMBERS, HOOKE_E_ARGUMENT, "%s: %d members, the limit is %d",
              path, n_members, MAX_MEMBERS);
    w->members = mem_alloc((size_t)n_members, sizeof *w->members);
    RETURN_IF(!w->members, HOOKE_E_MEMORY, "%s: out of memory for %d members", path, n_members);
    w->n_members = n_members;
    hooke_status st = new_file_open(&w->file, path);
    if (st != HOOKE_OK) zip_writer_abandon(w);
    return st;
}

/* Sizes stand in the ZIP64 field, as numpy writes them; what is left up to the alignment is padding with a private id. */
static hooke_status local_header(struct zip_writer *w, const struct zip_written *m, size_t head_bytes)
{
    size_t name_bytes = strlen(m->name),
           fixed = LOCAL_BYTES + name_bytes + EXTRA64_BYTES + PAD_HEAD_BYTES + head_bytes;
    size_t pad = (size_t)(ALIGN - (m->offset + fixed) % ALIGN) % ALIGN;
    const struct field head[] = { { 0x04034B50, 4 },
                                  { 45, 2 },
                                  { 0, 2 },
                                  { 0, 2 },
                                  { 0, 2 },
                                  { 0x21, 2 },
                                  { m->crc, 4 },
                                  { SATURATED32, 4 },
                                  { SATURATED32, 4 },
                                  { name_bytes, 2 },
                                  { EXTRA64_BYTES + PAD_HEAD_BYTES + pad, 2 },
                                  { 0, 0 } };
    const struct field extra[] = { { 1, 2 },      { 16, 2 },  { m->size, 8 }, { m->size, 8 },
                                   { 0x4B48, 2 }, { pad, 2 }, { 0, 0 } };
    text_clear(&w->block);
    RETURN_IF_ERROR(put_fields(&w->block, head));
    RETURN_IF_ERROR(text_append(&w->block, m->name, name_bytes));
    RETURN_IF_ERROR(put_fields(&w->block, extra));
    for (size_t i = 0; i < pad; i++) RETURN_IF_ERROR(put(&w->block, 0, 1));
    return new_file_write(&w->file, w->block.data, w->block.n);
}

hooke_status zip_writer_add(struct zip_writer *w, const char *name, const void *head, size_t head_bytes,
                            const void *data, size_t data_bytes)
{
    size_t name_bytes = strlen(name);
    RETURN_IF(w->n_added == w->n_members || name_bytes > 4096, HOOKE_E_INTERNAL,
              "archive: member %d of %d, a name of %zu bytes", w->n_added + 1, w->n_members, name_bytes);
    struct zip_written *m = &w->members[w->n_added++];
    m->name = arena_copy(&w->arena, name, name_bytes);
    if (!m->name) return HOOKE_E_MEMORY;
    m->offset = w->file.n_written;
    m->size = (uint64_t)head_bytes + data_bytes;
    if (head_bytes) m->crc = (uint32_t)crc32_z(m->crc, head, head_bytes);
    if (data_bytes) m->crc = (uint32_t)crc32_z(m->crc, data, data_bytes);
    RETURN_IF_ERROR(local_header(w, m, head_bytes));
    if (head_bytes) RETURN_IF_ERROR(new_file_write(&w->file, head, head_bytes));
    return data_bytes ? new_file_write(&w->file, data, data_bytes) : HOOKE_OK;
}

/* A size or place that needs 64 bits stands in the extra field. */
static hooke_status central_record(struct zip_writer *w, const struct zip_written *m)
{
    bool big_size = m->size >= SATURATED32, big_offset = m->offset >= SATURATED32;
    unsigned extra = (big_size ? 16u : 0u) + (big_offset ? 8u : 0u);
    uint64_t size = big_size ? SATURATED32 : m->size, offset = big_offset ? SATURATED32 : m->offset;
    size_t name_bytes = strlen(m->name);
    const struct field head[] = { { 0x02014B50, 4 }, { 45, 2 },         { 45, 2 },
                                  { 0, 2 },          { 0, 2 },          { 0, 2 },
                                  { 0x21, 2 },       { m->crc, 4 },     { size, 4 },
                                  { size, 4 },       { name_bytes, 2 }, { extra ? extra + 4 : 0, 2 },
                                  { 0, 2 },          { 0, 2 },          { 0, 2 },
                                  { 0, 4 },          { offset, 4 },     { 0, 0 } };
    RETURN_IF_ERROR(put_fields(&w->block, head));
    RETURN_IF_ERROR(text_append(&w->block, m->name, name_bytes));
    if (extra) {
        RETURN_IF_ERROR(put(&w->block, 1, 2));
        RETURN_IF_ERROR(put(&w->block, extra, 2));
    }
    if (big_size) {
        RETURN_IF_ERROR(put(&w->block, m->size, 8));
        RETURN_IF_ERROR(put(&w->block, m->size, 8));
    }
    return big_offset ? put(&w->block, m->offset, 8) : HOOKE_OK;
}

/* Always with the ZIP64 end record: it costs 76 bytes and has one layout for every size. */
static hooke_status write_directory(struct zip_writer *w)
{
    uint64_t begin = w->file.n_written, count = (uint64_t)w->n_members;
    text_clear(&w->block);
    for (int i = 0; i < w->n_members; i++) RETURN_IF_ERROR(central_record(w, &w->members[i]));
    uint64_t bytes = w->block.n, end = begin + bytes;
    uint64_t short_begin = begin < SATURATED32 ? begin : SATURATED32;
    const struct field tail[] = { { 0x06064B50, 4 },  { 44, 8 },    { 45, 2 },         { 45, 2 },
                                  { 0, 4 },           { 0, 4 },     { count, 8 },      { count, 8 },
                                  { bytes, 8 },       { begin, 8 }, { 0x07064B50, 4 }, { 0, 4 },
                                  { end, 8 },         { 1, 4 },     { 0x06054B50, 4 }, { 0, 2 },
                                  { 0, 2 },           { count, 2 }, { count, 2 },      { bytes, 4 },
                                  { short_begin, 4 }, { 0, 2 },     { 0, 0 } };
    RETURN_IF_ERROR(put_fields(&w->block, tail));
    return new_file_write(&w->file, w->block.data, w->block.n);
}

hooke_status zip_writer_commit(struct zip_writer *w)
{
    hooke_status st = HOOKE_OK;
    if (w->n_added != w->n_members)
        st = fail(HOOKE_E_INTERNAL, "archive: %d of %d members", w->n_added, w->n_members);
    if (st == HOOKE_OK) st = write_directory(w);
    if (st == HOOKE_OK) st = new_file_commit(&w->file);
    zip_writer_abandon(w); /* nothing is left to abandon after a commit */
    return st;
}

void zip_writer_abandon(struct zip_writer *w)
{
    new_file_abandon(&w->file);
    hooke_text_release(&w->block);
    arena_release(&w->arena);
    mem_free(w->members);
    memset(w, 0, sizeof *w);
}
