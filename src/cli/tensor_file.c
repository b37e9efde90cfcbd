#include "cli/tensor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/json_out.h"

int64_t tensor_out_items(const hooke_tensor_out *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->n_dims; i++) n *= t->shape[i];
    return n;
}

int64_t tensor_out_bytes(const hooke_tensor_out *t)
{
    const char *digits = t->dtype + strcspn(t->dtype, "0123456789"); /* "BF16" has 16 bits */
    return tensor_out_items(t) * (strtol(digits, NULL, 10) / 8);
}

/* The header's JSON, padded with blanks to a multiple of 8. Fills f->offset relative to the data. */
static void make_header(struct json_out *j, struct tensor_file *f, const hooke_tensor_out *tensors,
                        const char *const *pairs)
{
    int64_t at = 0;
    emit_begin_inline(j, NULL, '{');
    if (pairs) {
        emit_begin_inline(j, "__metadata__", '{');
        for (; pairs[0]; pairs += 2) emit_text(j, pairs[0], pairs[1]);
        emit_end(j);
    }
    for (int i = 0; i < f->n; i++) {
        emit_begin_inline(j, tensors[i].name, '{');
        emit_text(j, "dtype", tensors[i].dtype);
        emit_begin_inline(j, "shape", '[');
        for (int k = 0; k < tensors[i].n_dims; k++) emit_int(j, NULL, tensors[i].shape[k]);
        emit_end(j);
        f->offset[i] = at;
        at += tensor_out_bytes(&tensors[i]);
        emit_begin_inline(j, "data_offsets", '[');
        emit_int(j, NULL, f->offset[i]);
        emit_int(j, NULL, at);
        emit_end(j);
        emit_end(j);
    }
    emit_end(j);
    size_t padded = (j->n + 7) / 8 * 8;
    grow(&j->data, &j->capacity, padded, 1);
    while (j->n < padded) j->data[j->n++] = ' ';
    f->bytes = at + 8 + (int64_t)padded;
    for (int i = 0; i < f->n; i++) f->offset[i] += 8 + (int64_t)padded;
}

static int cannot(struct tensor_file *f, const char *why)
{
    int code = failed(f->path, "check that the folder exists, may be written, and has room", "%s: %s", why,
                      strerror(errno));
    f->bad = true;
    return code;
}

static int put_at(struct tensor_file *f, int64_t at, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t got = pwrite(f->fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return cannot(f, "could not be written");
        p += got;
        at += got;
        n -= (size_t)got;
    }
    return 0;
}

int tensor_file_create(struct tensor_file *f, const char *path, const hooke_tensor_out *tensors, int n,
                       const char *const *metadata_pairs)
{
    struct json_out header = { 0 };
    unsigned char length[8];
    f->path = path;
    f->n = n;
    f->offset = take((size_t)n, sizeof *f->offset);
    f->temporary = take_printf("%s.XXXXXX", path);
    f->fd = mkstemp(f->temporary);
    if (f->fd < 0) {
        f->temporary = NULL;
        return cannot(f, "could not be created");
    }
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(f->fd, 0666 & ~mask) != 0) return cannot(f, "could not be created");
    make_header(&header, f, tensors, metadata_pairs);
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)header.n >> (8 * i));
    int full = posix_fallocate(f->fd, 0, (off_t)f->bytes); /* a full disk shows here, not after an hour */
    if (full != 0 && full != EINVAL && full != EOPNOTSUPP) {
        errno = full;
        return cannot(f, take_printf("no room for %lld bytes", (long long)f->bytes));
    }
    int code = put_at(f, 0, length, sizeof length);
    return code ? code : put_at(f, 8, header.data, header.n);
}

int tensor_file_put(struct tensor_file *f, int tensor, int64_t byte, const void *data, size_t n_bytes)
{
    return put_at(f, f->offset[tensor] + byte, data, n_bytes);
}

int tensor_file_commit(struct tensor_file *f)
{
    if (ftruncate(f->fd, (off_t)f->bytes) != 0 || fsync(f->fd) != 0) return cannot(f, "could not be written");
    int bad = close(f->fd);
    f->fd = -1;
    if (bad || rename(f->temporary, f->path) != 0) return cannot(f, "could not be given its name");
    f->temporary = NULL;
    return 0;
}

void tensor_file_abandon(struct tensor_file *f)
{
    if (!f->temporary) return;
    if (f->fd >= 0) close(f->fd);
    unlink(f->temporary);
    f->temporary = NULL;
}
