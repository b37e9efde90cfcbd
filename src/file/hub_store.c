/* hub_store.c: the hub cache on disk, written so that a reader never sees a half of anything and a process that is killed leaves
 * nothing that the next one stumbles over.
 *
 *   blobs/ETAG                    appears by rename, whole and checked
 *   blobs/ETAG.incomplete         grows while the lock is held; the next pull goes on with it
 *   snapshots/COMMIT/PATH         link to ../../blobs/ETAG, made in one step after the blob is there
 *   refs/REVISION                 written last, when all that was asked for is there
 *   .no_exist/COMMIT/PATH         empty: the commit has no such file
 *   CACHEDIR.TAG                  once: backups pass over what can be had again
 *   .locks/REPO/ETAG.lock         flock(), as huggingface_hub does; the file stays, the lock ends with the process */
#define _GNU_SOURCE /* flock */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "file/hub_net.h"

#define DISK_MARGIN_BYTES ((int64_t)64 << 20) /* a full disk hurts others too */

hooke_status hub_store_open(struct hub_store *out, const struct hub_config *c, const char *repo)
{
    *out = (struct hub_store){ .config = c };
    hooke_status st = text_printf(&out->folder, "%s/", c->cache.data);
    if (st == HOOKE_OK) st = hub_repo_name(&out->folder, repo);
    if (st == HOOKE_OK) st = text_printf(&out->locks, "%s/.locks/", c->cache.data);
    if (st == HOOKE_OK) st = hub_repo_name(&out->locks, repo);
    if (st != HOOKE_OK) hub_store_close(out);
    return st;
}

void hub_store_close(struct hub_store *s)
{
    hooke_text_release(&s->folder);
    hooke_text_release(&s->locks);
}

hooke_status hub_blob_path(hooke_text *out, const struct hub_store *s, const char *etag)
{
    text_clear(out);
    return text_printf(out, "%s/blobs/%s", s->folder.data, etag);
}

hooke_status hub_snapshot_path(hooke_text *out, const struct hub_store *s, const char *commit,
                               const char *path)
{
    text_clear(out);
    return text_printf(out, "%s/snapshots/%s/%s", s->folder.data, commit, path);
}

hooke_status hub_check_room(const char *folder, int64_t need, const char *what, const char *todo)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0) return HOOKE_OK; /* not known: try */
    double room = (double)disk.f_bavail * (double)disk.f_frsize;
    RETURN_IF(room < (double)need + (double)DISK_MARGIN_BYTES, HOOKE_E_IO,
              "%s needs %.2f GiB more and %s has %.2f GiB free; make room, or %s", what,
              (double)need / (1 << 30), folder, room / (1 << 30), todo);
    return HOOKE_OK;
}

/* https://bford.info/cachedir/: the first line is the mark. Not to be able to leave it is no failure. */
static void tag_cache(const char *cache)
{
    static const char mark[] =
        "Signature: 8a477f597d28d172789f06886806bc55\n"
        "# This folder is a cache: everything in it can be downloaded again, and backups may leave it out.\n"
        "# https://bford.info/cachedir/\n";
    hooke_text path = { 0 };
    struct stat info;
    hooke_status st = text_printf(&path, "%s/CACHEDIR.TAG", cache);
    bool is_there = st == HOOKE_OK && stat(path.data, &info) == 0 && info.st_size > 0;
    int fd = st == HOOKE_OK && !is_there ? open(path.data, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) {
        ssize_t put = write(fd, mark, sizeof mark - 1);
        (void)put;
        close(fd);
    }
    hooke_text_release(&path);
}

hooke_status hub_make_blobs(const struct hub_store *s)
{
    hooke_text folder = { 0 };
    hooke_status st = text_printf(&folder, "%s/blobs", s->folder.data);
    if (st == HOOKE_OK) st = make_folders(folder.data);
    if (st == HOOKE_OK) tag_cache(s->config->cache.data);
    hooke_text_release(&folder);
    return st;
}

/* The folders above a file. */
static hooke_status make_parents(const char *path)
{
    hooke_text folder = { 0 };
    const char *slash = strrchr(path, '/');
    hooke_status st = slash ? text_append(&folder, path, (size_t)(slash - path)) : HOOKE_OK;
    if (st == HOOKE_OK && folder.n) st = make_folders(folder.data);
    hooke_text_release(&folder);
    return st;
}

/* ---- locks ---- */

/* The lock counts only while its file is still the one of that name: a holder may have removed it in leaving. */
static bool is_still_there(int fd, const char *path)
{
    struct stat mine, now;
    return fstat(fd, &mine) == 0 && stat(path, &now) == 0 && mine.st_ino == now.st_ino &&
           mine.st_dev == now.st_dev;
}

/* One try; *fd is -1 when somebody else holds it. A file system without locks is worked on without: what is downloaded is written
 * at its own offsets and checked, so that two writers cost time and harm nothing. */
static hooke_status try_lock(int *fd, const char *path)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0) return fail_errno(HOOKE_E_IO, "%s: cannot be locked", path);
    bool is_held = flock(*fd, LOCK_EX | LOCK_NB) == 0;
    bool is_busy = !is_held && (errno == EWOULDBLOCK || errno == EINTR || errno == EAGAIN);
    if (is_busy || (is_held && !is_still_there(*fd, path))) {
        close(*fd);
        *fd = -1;
    }
    return HOOKE_OK;
}

hooke_status hub_lock(int *fd, const struct hub_store *s, const char *etag, const struct flag *cancel)
{
    hooke_text path = { 0 };
    hooke_status st = make_folders(s->locks.data);
    *fd = -1;
    if (st == HOOKE_OK) st = text_printf(&path, "%s/%s.lock", s->locks.data, etag);
    while (st == HOOKE_OK) {
        struct timespec nap = { 0, 50 * 1000000 };
        st = try_lock(fd, path.data);
        if (st != HOOKE_OK || *fd >= 0) break;
        if (flag_is_raised(cancel))
            st = fail(HOOKE_E_CANCELLED, "cancelled while another process downloads this file");
        nanosleep(&nap, NULL);
    }
    hooke_text_release(&path);
    return st;
}

void hub_unlock(int fd)
{
    if (fd >= 0) close(fd);
}

/* ---- links ---- */

/* "../../blobs/ETAG" with one more "../" for each folder in the path. */
static hooke_status link_target(hooke_text *out, const char *path, const char *etag)
{
    text_clear(out);
    RETURN_IF_ERROR(text_puts(out, "../../"));
    for (const char *p = path; *p; p++)
        if (*p == '/') RETURN_IF_ERROR(text_puts(out, "../"));
    return text_printf(out, "blobs/%s", etag);
}

static bool leads_to(const char *path, const char *target)
{
    char now[512];
    ssize_t n = readlink(path, now, sizeof now);
    return n >= 0 && (size_t)n < sizeof now && (size_t)n == strlen(target) &&
           memcmp(now, target, (size_t)n) == 0;
}

/* A name that is there already and leads elsewhere gives way in one step. The new link is made among the blobs, where nobody looks
 * for files of a snapshot; the blob's lock is held. */
static hooke_status replace_link(const struct hub_store *s, const char *place, const char *target,
                                 const char *etag)
{
    hooke_text temporary = { 0 };
    hooke_status st = text_printf(&temporary, "%s/blobs/%s.link", s->folder.data, etag);
    if (st == HOOKE_OK) {
        unlink(temporary.data);
        if (symlink(target, temporary.data) != 0 || rename(temporary.data, place) != 0) {
            st = fail_errno(HOOKE_E_IO, "%s: cannot be linked", place);
            unlink(temporary.data);
        }
    }
    hooke_text_release(&temporary);
    return st;
}

static hooke_status copy_bytes(struct new_file *to, int from, const char *path)
{
    enum { PIECE = 1 << 20 };
    unsigned char *buffer = mem_alloc_raw(PIECE, 1);
    hooke_status st = HOOKE_OK;
    RETURN_IF(!buffer, HOOKE_E_MEMORY, "%s: out of memory", path);
    for (ssize_t got = 1; st == HOOKE_OK && got != 0;) {
        got = read(from, buffer, PIECE);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            st = fail_errno(HOOKE_E_IO, "%s: cannot be read", path);
        else if (got > 0)
            st = new_file_write(to, buffer, (size_t)got);
    }
    mem_free(buffer);
    return st;
}

/* Where there are no symbolic links: a second name of the same file, or else a copy. */
static hooke_status copy_blob(const char *place, const char *blob)
{
    struct new_file to;
    if (link(blob, place) == 0) return HOOKE_OK;
    int from = open(blob, O_RDONLY | O_CLOEXEC);
    if (from < 0) return fail_errno(HOOKE_E_IO, "%s: cannot be read", blob);
    hooke_status st = new_file_open(&to, place);
    if (st == HOOKE_OK) {
        st = copy_bytes(&to, from, blob);
        if (st == HOOKE_OK)
            st = new_file_commit(&to);
        else
            new_file_abandon(&to);
    }
    close(from);
    return st;
}

static hooke_status link_or_copy(const struct hub_store *s, const char *place, const char *target,
                                 const char *blob, const char *etag)
{
    if (s->config->copies_instead_of_links) return copy_blob(place, blob);
    if (symlink(target, place) == 0 || leads_to(place, target)) return HOOKE_OK;
    if (errno == EEXIST) return replace_link(s, place, target, etag);
    if (errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP) return copy_blob(place, blob);
    return fail_errno(HOOKE_E_IO, "%s: cannot be linked", place);
}

hooke_status hub_link(const struct hub_store *s, const char *commit, const char *path, const char *etag)
{
    hooke_text place = { 0 }, target = { 0 }, blob = { 0 };
    hooke_status st = hub_snapshot_path(&place, s, commit, path);
    if (st == HOOKE_OK) st = make_parents(place.data);
    if (st == HOOKE_OK) st = link_target(&target, path, etag);
    if (st == HOOKE_OK) st = hub_blob_path(&blob, s, etag);
    if (st == HOOKE_OK && access(place.data, F_OK) != 0)
        st = link_or_copy(s, place.data, target.data, blob.data, etag);
    hooke_text_release(&place);
    hooke_text_release(&target);
    hooke_text_release(&blob);
    return st;
}

/* ---- refs and absences ---- */

static hooke_status write_small(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    size_t n = strlen(text);
    if (fd < 0) return fail_errno(HOOKE_E_IO, "%s: cannot be written", path);
    bool good = write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
    hooke_status st = good ? HOOKE_OK : fail_errno(HOOKE_E_IO, "%s: cannot be written", path);
    close(fd);
    return st;
}

/* The temporary file lies among the blobs: whatever lies under refs/ is taken for a ref. It has one name, and the lock keeps others
 * off it, so that what a killed process left is used up by the next. */
static hooke_status replace_ref(const struct hub_store *s, const char *place, const char *commit)
{
    hooke_text temporary = { 0 };
    int lock = -1;
    hooke_status st = hub_lock(&lock, s, "refs", NULL);
    if (st == HOOKE_OK) st = text_printf(&temporary, "%s/blobs/refs.incomplete", s->folder.data);
    if (st == HOOKE_OK) st = make_parents(temporary.data);
    if (st == HOOKE_OK) st = write_small(temporary.data, commit);
    if (st == HOOKE_OK && rename(temporary.data, place) != 0)
        st = fail_errno(HOOKE_E_IO, "%s: cannot be put in place", place);
    hub_unlock(lock);
    hooke_text_release(&temporary);
    return st;
}

hooke_status hub_write_ref(const struct hub_store *s, const char *revision, const char *commit)
{
    hooke_text place = { 0 }, now = { 0 };
    if (hub_is_commit(revision)) return HOOKE_OK;
    hooke_status st = text_printf(&place, "%s/refs/%s", s->folder.data, revision);
    bool is_same = st == HOOKE_OK && file_exists(place.data) &&
                   file_read(&now, place.data, 256) == HOOKE_OK && now.n == strlen(commit) &&
                   memcmp(now.data, commit, now.n) == 0;
    if (st == HOOKE_OK && !is_same) {
        st = make_parents(place.data);
        if (st == HOOKE_OK) st = replace_ref(s, place.data, commit);
    }
    hooke_text_release(&place);
    hooke_text_release(&now);
    return st;
}

hooke_status hub_note_absent(const struct hub_store *s, const char *commit, const char *path)
{
    hooke_text place = { 0 };
    hooke_status st = text_printf(&place, "%s/.no_exist/%s/%s", s->folder.data, commit, path);
    if (st == HOOKE_OK && !file_exists(place.data)) {
        st = make_parents(place.data);
        int fd = st == HOOKE_OK ? open(place.data, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;
        if (st == HOOKE_OK && fd < 0) st = fail_errno(HOOKE_E_IO, "%s: cannot be written", place.data);
        if (fd >= 0) close(fd);
    }
    hooke_text_release(&place);
    return st;
}
