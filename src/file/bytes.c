#define _GNU_SOURCE /* madvise: POSIX's own is allowed to do nothing, and glibc's does */
#include "file/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static hooke_status open_for_reading(int *fd, struct stat *info, const char *path, int flags)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (*fd < 0) {
        bool is_missing = errno == ENOENT || errno == ENOTDIR;
        return fail_errno(is_missing ? HOOKE_E_NOT_FOUND : HOOKE_E_IO, "%s", path);
    }
    hooke_status st = HOOKE_OK;
    if (fstat(*fd, info) != 0)
        st = fail_errno(HOOKE_E_IO, "%s", path);
    else if (S_ISDIR(info->st_mode))
        st = fail(HOOKE_E_FORMAT, "%s: expected a file, found a folder", path);
    if (st != HOOKE_OK) close(*fd);
    return st;
}

/* ---- mappings ---- */

hooke_status map_open(struct mapped_file *out, const char *path)
{
    struct stat info = { 0 };
    int fd = -1;
    memset(out, 0, sizeof *out);
    RETURN_IF_ERROR(open_for_reading(&fd, &info, path, O_NONBLOCK)); /* a pipe would wait for its writer */
    hooke_status st = HOOKE_OK;
    void *data = NULL;
    if (!S_ISREG(info.st_mode))
        st = fail(HOOKE_E_FORMAT, "%s: a pipe or a device; write what it gives to a file", path);
    if (st == HOOKE_OK && (uint64_t)info.st_size > PTRDIFF_MAX)
        st = fail(HOOKE_E_UNSUPPORTED, "%s: too large to map", path);
    if (st == HOOKE_OK && info.st_size > 0) {
        data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) st = fail_errno(HOOKE_E_IO, "%s: cannot be mapped", path);
    }
    close(fd); /* the mapping keeps the file */
    if (st != HOOKE_OK) return st;
    out->data = data;
    out->n = (size_t)info.st_size;
    out->path = mem_alloc(strlen(path) + 1, 1);
    if (!out->path) {
        map_close(out);
        return fail(HOOKE_E_MEMORY, "%s: out of memory", path);
    }
    memcpy(out->path, path, strlen(path));
    return HOOKE_OK;
}

void map_close(struct mapped_file *m)
{
    if (m->data) munmap((void *)(uintptr_t)m->data, m->n);
    mem_free(m->path);
    memset(m, 0, sizeof *m);
}

/* Whole pages that touch the range (advice to read) or that lie inside it (advice to drop). */
static void advise(const struct mapped_file *m, size_t offset, size_t n, bool inside, int advice)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), end;
    if (!m->data || offset >= m->n) return;
    end = n > m->n - offset ? m->n : offset + n;
    size_t first = inside ? (offset + page - 1) / page * page : offset / page * page;
    if (inside && end < m->n) end = end / page * page;
    if (first < end) madvise((void *)(uintptr_t)(m->data + first), end - first, advice);
}

void map_will_need(const struct mapped_file *m, size_t offset, size_t n)
{
    advise(m, offset, n, false, MADV_WILLNEED);
}

void map_drop(const struct mapped_file *m, size_t offset, size_t n)
{
    advise(m, offset, n, true, MADV_DONTNEED);
}

/* ---- whole files ---- */

/* Reads on until the end; what fstat said is a hint (pipes and /proc say 0). */
static hooke_status read_all(hooke_text *out, int fd, size_t hint, size_t max_bytes, const char *path)
{
    enum { PIECE = 64 * 1024 };
    void *data = NULL;
    RETURN_IF_ERROR(mem_grow(&data, &out->capacity, hint + 2, 1, max_bytes + 2, "bytes of a file"));
    out->data = data;
    for (;;) {
        if (out->n + 1 == out->capacity) {
            size_t need = out->capacity + PIECE < max_bytes + 2 ? out->capacity + PIECE : max_bytes + 2;
            RETURN_IF(out->n > max_bytes, HOOKE_E_UNSUPPORTED, "%s: longer than the limit of %zu bytes", path,
                      max_bytes);
            RETURN_IF_ERROR(mem_grow(&data, &out->capacity, need, 1, max_bytes + 2, "bytes of a file"));
            out->data = data;
        }
        ssize_t got = read(fd, out->data + out->n, out->capacity - 1 - out->n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(HOOKE_E_IO, "%s", path);
        if (got == 0) break;
        out->n += (size_t)got;
    }
    RETURN_IF(out->n > max_bytes, HOOKE_E_UNSUPPORTED, "%s: longer than the limit of %zu bytes", path,
              max_bytes);
    out->data[out->n] = '\0';
    return HOOKE_OK;
}

hooke_status file_read(hooke_text *out, const char *path, size_t max_bytes)
{
    struct stat info = { 0 };
    int fd = -1;
    hooke_text_release(out);
    if (max_bytes > PTRDIFF_MAX - 16) max_bytes = PTRDIFF_MAX - 16;
    RETURN_IF_ERROR(open_for_reading(&fd, &info, path, 0));
    hooke_status st = HOOKE_OK;
    uint64_t size = info.st_size > 0 ? (uint64_t)info.st_size : 0;
    if (size > max_bytes)
        st = fail(HOOKE_E_UNSUPPORTED, "%s: %llu bytes, the limit is %zu", path, (unsigned long long)size,
                  max_bytes);
    if (st == HOOKE_OK) st = read_all(out, fd, (size_t)size, max_bytes, path);
    close(fd);
    if (st != HOOKE_OK) hooke_text_release(out);
    return st;
}

bool file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

hooke_status path_join(hooke_text *out, const char *folder, const char *name)
{
    hooke_text joined = { 0 }; /* folder may be out's own text */
    size_t n = strlen(folder);
    hooke_status st = text_printf(&joined, "%s%s%s", folder, n > 0 && folder[n - 1] != '/' ? "/" : "", name);
    if (st != HOOKE_OK) {
        hooke_text_release(&joined);
        return st;
    }
    hooke_text_release(out);
    *out = joined;
    return HOOKE_OK;
}

hooke_status make_folders(const char *path)
{
    hooke_text part = { 0 };
    hooke_status st = text_puts(&part, path);
    for (size_t i = 1; st == HOOKE_OK && i <= part.n; i++) {
        char kept = part.data[i];
        if (kept != '/' && kept != '\0') continue;
        part.data[i] = '\0';
        if (mkdir(part.data, 0777) != 0) {
            int why = errno;
            if (!is_folder(part.data)) {
                errno = why;
                st = fail_errno(HOOKE_E_IO, "%s: cannot make folder", part.data);
            }
        }
        part.data[i] = kept;
    }
    hooke_text_release(&part);
    return st;
}

/* ---- files that appear whole ---- */

static void release_names(struct new_file *f)
{
    mem_free(f->path);
    mem_free(f->temporary);
    memset(f, 0, sizeof *f);
}

/* CACHE/models--ORG--NAME/blobs/ETAG, and so for data sets and spaces: named after its content, which must not change. */
static bool is_hub_blob(const char *path)
{
    const char *blobs = strstr(path, "/blobs/"), *kind = blobs;
    while (kind && kind > path && kind[-1] != '/') kind--;
    return kind && (strncmp(kind, "models--", 8) == 0 || strncmp(kind, "datasets--", 10) == 0 ||
                    strncmp(kind, "spaces--", 8) == 0);
}

/* path and path.tmp-PID-COUNT, as owned copies. A symbolic link stays one: what it leads to is replaced. */
static hooke_status make_names(struct new_file *f, const char *path)
{
    static atomic_uint counter;
    char target[PATH_MAX];
    hooke_text name = { 0 };
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode) && realpath(path, target)) {
        RETURN_IF(is_hub_blob(target), HOOKE_E_IO,
                  "%s: a downloaded file of the hub's cache; write to another place", path);
        path = target;
    }
    hooke_status st = text_puts(&name, path);
    f->path = name.data;
    if (st != HOOKE_OK) return st;
    name = (hooke_text){ 0 };
    st = text_printf(&name, "%s.tmp-%ld-%u", path, (long)getpid(), atomic_fetch_add(&counter, 1));
    f->temporary = name.data;
    return st;
}

hooke_status new_file_open(struct new_file *f, const char *path)
{
    struct stat info;
    memset(f, 0, sizeof *f);
    RETURN_IF(path[0] == '\0', HOOKE_E_ARGUMENT, "a file to write needs a name");
    RETURN_IF(stat(path, &info) == 0 && !S_ISREG(info.st_mode), HOOKE_E_ARGUMENT,
              "%s: exists and is not a regular file; name another one", path);
    hooke_status st = make_names(f, path);
    for (int tries = 0; st == HOOKE_OK && !f->is_open; tries++) {
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        f->is_open = f->fd >= 0;
        if (f->is_open) break;
        if (errno != EEXIST ||
            tries == 100) { /* left behind by an earlier process of this number: take the next */
            st = fail_errno(HOOKE_E_IO, "%s: cannot be written", f->path);
            break;
        }
        release_names(f);
        st = make_names(f, path);
    }
    if (st != HOOKE_OK) release_names(f);
    return st;
}

hooke_status new_file_write(struct new_file *f, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t put = write(f->fd, p, n < ((size_t)1 << 30) ? n : (size_t)1 << 30);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(HOOKE_E_IO, "%s: cannot be written", f->path);
        p += put;
        n -= (size_t)put;
        f->n_written += (uint64_t)put;
    }
    return HOOKE_OK;
}

hooke_status new_file_reserve(struct new_file *f, uint64_t n)
{
    int full = n ? posix_fallocate(f->fd, 0, (off_t)n) : 0;
    if (full == 0) return HOOKE_OK;
    errno = full;
    bool is_full = full == ENOSPC || full == EDQUOT || full == EFBIG;
    if (is_full) return fail_errno(HOOKE_E_IO, "%s: no room for %llu bytes", f->path, (unsigned long long)n);
    /* A file system without reservations: the length alone. */
    if (ftruncate(f->fd, (off_t)n) != 0) return fail_errno(HOOKE_E_IO, "%s: cannot be written", f->path);
    return HOOKE_OK;
}

hooke_status new_file_put(struct new_file *f, uint64_t at, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t put = pwrite(f->fd, p, n < ((size_t)1 << 30) ? n : (size_t)1 << 30, (off_t)at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(HOOKE_E_IO, "%s: cannot be written", f->path);
        p += put;
        at += (uint64_t)put;
        n -= (size_t)put;
    }
    return HOOKE_OK;
}

/* The new name survives a power cut only when the folder is synchronised too; file systems that refuse that are left alone. */
static void sync_folder(const char *path)
{
    hooke_text folder = { 0 };
    const char *slash = strrchr(path, '/');
    size_t n = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    hooke_status st = n ? text_append(&folder, path, n) : text_puts(&folder, ".");
    int fd = st == HOOKE_OK ? open(folder.data, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    hooke_text_release(&folder);
}

hooke_status new_file_commit(struct new_file *f)
{
    hooke_status st = HOOKE_OK;
    RETURN_IF(!f->is_open, HOOKE_E_INTERNAL, "no file is open to commit");
    if (fsync(f->fd) != 0) st = fail_errno(HOOKE_E_IO, "%s: cannot be written", f->path);
    if (close(f->fd) != 0 && st == HOOKE_OK) st = fail_errno(HOOKE_E_IO, "%s: cannot be written", f->path);
    if (st == HOOKE_OK && rename(f->temporary, f->path) != 0)
        st = fail_errno(HOOKE_E_IO, "%s: cannot be put in place", f->path);
    if (st == HOOKE_OK)
        sync_folder(f->path);
    else
        unlink(f->temporary);
    release_names(f);
    return st;
}

void new_file_abandon(struct new_file *f)
{
    if (f->is_open) {
        close(f->fd);
        unlink(f->temporary);
    }
    release_names(f);
}

hooke_status hooke_write_file(const char *path, const void *data, size_t n)
{
    struct new_file f;
    RETURN_IF(!path || (!data && n), HOOKE_E_ARGUMENT, "hooke_write_file: path or data is NULL");
    RETURN_IF_ERROR(new_file_open(&f, path));
    hooke_status st = new_file_write(&f, data, n);
    if (st == HOOKE_OK) return new_file_commit(&f);
    new_file_abandon(&f);
    return st;
}
