/* synth_npz.c: a stored .npz that is never whole in memory.
 *
 *   per member   local header (30 bytes) + name + zip64 extra (20 bytes) + npy header + data
 *   then         central directory, zip64 end record, locator, end record
 *
 * All sizes are written as zip64, as numpy does, so that a member may pass 4 GiB. */
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "bench/synth.h"

enum { ZIP64_VERSION = 45, CRC_OFFSET = 14, NPY_ALIGN = 64 };

/* Little-endian fields appended to a small buffer. */
struct fields {
    unsigned char bytes[512];
    size_t n;
};

static void put(struct fields *f, uint64_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++) f->bytes[f->n++] = (unsigned char)(value >> 8 * i);
}

static hooke_status npy_header(hooke_text *out, const struct synth_tensor *t)
{
    text_clear(out);
    RETURN_IF_ERROR(text_append(out, "\x93NUMPY\x01\x00--", 10));
    RETURN_IF_ERROR(
        text_printf(out, "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld,", (long long)t->shape[0]));
    if (t->n_dims == 2) RETURN_IF_ERROR(text_printf(out, " %lld", (long long)t->shape[1]));
    RETURN_IF_ERROR(text_puts(out, "), }"));
    while ((out->n + 1) % NPY_ALIGN != 0) RETURN_IF_ERROR(text_puts(out, " "));
    RETURN_IF_ERROR(text_puts(out, "\n"));
    out->data[8] = (char)((out->n - 10) & 255);
    out->data[9] = (char)((out->n - 10) >> 8);
    return HOOKE_OK;
}

hooke_status npz_stream_begin(struct npz_stream *z, const char *path)
{
    *z = (struct npz_stream){ 0 };
    return new_file_open(&z->file, path);
}

static hooke_status write_local_header(struct npz_stream *z, const struct npz_stream_member *m,
                                       uint64_t bytes)
{
    struct fields f = { .n = 0 };
    put(&f, 0x04034b50, 4);
    put(&f, ZIP64_VERSION, 2);
    put(&f, 0, 2 + 2);      /* flags, stored */
    put(&f, 0x00210000, 4); /* 1980-01-01 */
    put(&f, 0, 4);          /* checksum: end_member() */
    put(&f, UINT32_MAX, 4);
    put(&f, UINT32_MAX, 4);
    put(&f, strlen(m->name) + 4, 2);
    put(&f, 20, 2);
    memcpy(f.bytes + f.n, m->name, strlen(m->name));
    f.n += strlen(m->name);
    memcpy(f.bytes + f.n, ".npy", 4);
    f.n += 4;
    put(&f, 1, 2);
    put(&f, 16, 2);
    put(&f, bytes, 8);
    put(&f, bytes, 8);
    return new_file_write(&z->file, f.bytes, f.n);
}

/* The checksum goes where the header left room for it. */
static hooke_status end_member(struct npz_stream *z)
{
    if (z->n == 0) return HOOKE_OK;
    struct fields f = { .n = 0 };
    put(&f, z->members[z->n - 1].crc, 4);
    ssize_t wrote = pwrite(z->file.fd, f.bytes, 4, (off_t)(z->members[z->n - 1].offset + CRC_OFFSET));
    RETURN_IF(wrote != 4, HOOKE_E_IO, "%s: the checksum of '%s' could not be written", z->file.path,
              z->members[z->n - 1].name);
    return HOOKE_OK;
}

hooke_status npz_stream_append(struct npz_stream *z, const void *data, size_t n)
{
    struct npz_stream_member *m = &z->members[z->n - 1];
    m->crc = (uint32_t)crc32_z(m->crc, data, n);
    return new_file_write(&z->file, data, n);
}

hooke_status npz_stream_member(struct npz_stream *z, const struct synth_tensor *t)
{
    hooke_text header = { 0 };
    RETURN_IF_ERROR(end_member(z));
    RETURN_IF(z->n == 8 || strlen(t->name) > 64 || t->dtype != DT_F32, HOOKE_E_INTERNAL, "npz member '%s'",
              t->name);
    hooke_status st = npy_header(&header, t);
    struct npz_stream_member *m = &z->members[z->n];
    m->name = t->name;
    m->offset = z->file.n_written;
    m->bytes = header.n + (uint64_t)synth_tensor_bytes(t);
    m->crc = 0;
    if (st == HOOKE_OK) st = write_local_header(z, m, m->bytes);
    if (st == HOOKE_OK) {
        z->n++;
        st = npz_stream_append(z, header.data, header.n);
    }
    hooke_text_release(&header);
    return st;
}

static hooke_status write_central_record(struct npz_stream *z, const struct npz_stream_member *m)
{
    struct fields f = { .n = 0 };
    size_t name = strlen(m->name);
    put(&f, 0x02014b50, 4);
    put(&f, 3 << 8 | ZIP64_VERSION, 2); /* made on Unix */
    put(&f, ZIP64_VERSION, 2);
    put(&f, 0, 2 + 2);
    put(&f, 0x00210000, 4);
    put(&f, m->crc, 4);
    put(&f, UINT32_MAX, 4);
    put(&f, UINT32_MAX, 4);
    put(&f, name + 4, 2);
    put(&f, 28, 2);
    put(&f, 0, 2 + 2 + 2); /* comment, disk, internal attributes */
    put(&f, 0600u << 16, 4);
    put(&f, UINT32_MAX, 4);
    memcpy(f.bytes + f.n, m->name, name);
    f.n += name;
    memcpy(f.bytes + f.n, ".npy", 4);
    f.n += 4;
    put(&f, 1, 2);
    put(&f, 24, 2);
    put(&f, m->bytes, 8);
    put(&f, m->bytes, 8);
    put(&f, m->offset, 8);
    return new_file_write(&z->file, f.bytes, f.n);
}

static hooke_status write_end_records(struct npz_stream *z, uint64_t start, uint64_t end)
{
    struct fields f = { .n = 0 };
    put(&f, 0x06064b50, 4);
    put(&f, 44, 8);
    put(&f, 3 << 8 | ZIP64_VERSION, 2);
    put(&f, ZIP64_VERSION, 2);
    put(&f, 0, 4 + 4);
    put(&f, (uint64_t)z->n, 8);
    put(&f, (uint64_t)z->n, 8);
    put(&f, end - start, 8);
    put(&f, start, 8);
    put(&f, 0x07064b50, 4);
    put(&f, 0, 4);
    put(&f, end, 8);
    put(&f, 1, 4);
    put(&f, 0x06054b50, 4);
    put(&f, 0, 2 + 2);
    put(&f, (uint64_t)z->n, 2);
    put(&f, (uint64_t)z->n, 2);
    put(&f, end - start, 4);
    put(&f, UINT32_MAX, 4);
    put(&f, 0, 2);
    return new_file_write(&z->file, f.bytes, f.n);
}

hooke_status npz_stream_commit(struct npz_stream *z)
{
    uint64_t start = z->file.n_written;
    hooke_status st = end_member(z);
    for (int i = 0; i < z->n && st == HOOKE_OK; i++) st = write_central_record(z, &z->members[i]);
    if (st == HOOKE_OK) st = write_end_records(z, start, z->file.n_written);
    if (st == HOOKE_OK) return new_file_commit(&z->file);
    npz_stream_abandon(z);
    return st;
}

void npz_stream_abandon(struct npz_stream *z)
{
    new_file_abandon(&z->file);
}
