/* hub_fetch.c: one file into the cache.
 *
 * Ask what it is; under its blob's lock download to ETAG.incomplete, from where an earlier try stopped; check length and checksum;
 * rename; link. Every byte is hashed as it is received and written at its own offset, and a file is never shortened but made anew,
 * so that not even a second writer behind a broken lock can spoil what a reader sees. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/hub_net.h"
#include "file/sha.h"

enum { PIECE_BYTES = 1 << 18 };
#define UNSAID_MAX_BYTES \
    ((int64_t)1 << 30) /* of a file whose length nobody says; large files' is in the listing */

struct download {
    struct hub_worker *w;
    struct hub_meta meta;
    const char *repo, *path;
    hooke_text url;
    hooke_text part; /* ETAG.incomplete */
    int fd;
    int64_t have;    /* bytes in the file, all of them hashed */
    int64_t resumed; /* of them from an earlier try */
    struct sha sha;
    bool is_hashed;
    struct count *done;
    /* the answer that is coming in */
    bool has_begun, is_elsewhere;
    hooke_status verdict; /* why its body was not taken */
};

/* ---- the unfinished file ---- */

/* 64 hex digits: SHA-256 of the content. 40: git's SHA-1 of "blob SIZE\0" and the content. */
static void begin_hash(struct download *d)
{
    size_t n = strlen(d->meta.etag);
    d->is_hashed = (n == 64 || n == 40) && strspn(d->meta.etag, "0123456789abcdef") == n;
    sha_begin(&d->sha, n == 64 ? SHA_256 : SHA_1);
    if (n == 40) {
        char head[40];
        int length = snprintf(head, sizeof head, "blob %lld", (long long)d->meta.size);
        sha_add(&d->sha, head, (size_t)length + 1);
    }
}

static void forget_progress(struct download *d)
{
    count_add(d->done, -d->have);
    d->have = d->resumed = 0;
    begin_hash(d);
}

/* A new empty file in place of whatever was there. */
static hooke_status start_anew(struct download *d)
{
    if (d->fd >= 0) close(d->fd);
    unlink(d->part.data);
    d->fd = open(d->part.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    forget_progress(d);
    return d->fd >= 0 ? HOOKE_OK : fail_errno(HOOKE_E_IO, "%s: cannot be written", d->part.data);
}

/* Hashes what an earlier try left. */
static hooke_status take_up(struct download *d)
{
    unsigned char *buffer = mem_alloc_raw(PIECE_BYTES, 1);
    hooke_status st = HOOKE_OK;
    RETURN_IF(!buffer, HOOKE_E_MEMORY, "%s: out of memory", d->path);
    for (;;) {
        ssize_t got = pread(d->fd, buffer, PIECE_BYTES, d->have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) st = fail_errno(HOOKE_E_IO, "%s: cannot be read", d->part.data);
        if (got <= 0) break;
        if (d->is_hashed) sha_add(&d->sha, buffer, (size_t)got);
        d->have += got;
        count_add(d->done, got);
        if (flag_is_raised(d->w->cancel)) {
            st = fail(HOOKE_E_CANCELLED, "cancelled");
            break;
        }
    }
    d->resumed = d->have;
    mem_free(buffer);
    return st;
}

static hooke_status open_part(struct download *d)
{
    struct stat info;
    d->fd = open(d->part.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (d->fd < 0) return fail_errno(HOOKE_E_IO, "%s: cannot be written", d->part.data);
    begin_hash(d);
    bool is_sane = fstat(d->fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1;
    /* without a size nothing says where it should end, without a checksum nothing says whether it is this file's */
    if (!is_sane || d->meta.size < 0 || info.st_size > d->meta.size || !d->is_hashed) return start_anew(d);
    return take_up(d);
}

static hooke_status write_at(struct download *d, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n > 0) {
        ssize_t put = pwrite(d->fd, p, n, d->have);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail_errno(HOOKE_E_IO, "%s: cannot be written", d->part.data);
        if (d->is_hashed) sha_add(&d->sha, p, (size_t)put);
        d->have += put;
        count_add(d->done, put);
        p += put;
        n -= (size_t)put;
    }
    return HOOKE_OK;
}

/* ---- the answer ---- */

/* Does this answer go on where the file ends? Puts the reason into d->verdict when it does not. */
static void begin_body(struct download *d, const struct http_reply *reply)
{
    int64_t first = 0, whole = -1, want = d->meta.size;
    d->has_begun = true;
    d->verdict = HOOKE_OK;
    if (reply->status == 206) {
        if (!hub_content_range(http_header(reply, "content-range"), &first, &whole) || first != d->have)
            d->verdict = fail(HOOKE_E_FORMAT, "the hub sent another part of it than was asked for");
    } else {
        whole = reply->length;
        if (d->have > 0) d->verdict = start_anew(d); /* it does not do parts */
    }
    if (d->verdict == HOOKE_OK && want < 0 && whole >= 0 && d->have == 0) {
        d->meta.size = whole;
        begin_hash(d);
    } else if (d->verdict == HOOKE_OK && want >= 0 && whole >= 0 && whole != want) {
        d->verdict = fail(HOOKE_E_FORMAT, "%lld bytes are offered, it should have %lld", (long long)whole,
                          (long long)want);
    }
}

static hooke_status on_body(void *payload, const struct http_reply *reply, const void *bytes, size_t n)
{
    struct download *d = payload;
    if (reply->status != 200 && reply->status != 206) return HOOKE_OK; /* an error page */
    if (!d->has_begun) begin_body(d, reply);
    int64_t most = d->meta.size >= 0 ? d->meta.size : UNSAID_MAX_BYTES;
    if (d->verdict == HOOKE_OK && n > (uint64_t)(most - d->have))
        d->verdict = fail(HOOKE_E_FORMAT, "more than its %lld bytes came", (long long)most);
    return d->verdict == HOOKE_OK ? write_at(d, bytes, n) : d->verdict;
}

/* Neither the question nor the answer said how long it is: it ends where the answer did, if the checksum says so, too. */
static hooke_status end_unsaid(struct download *d)
{
    RETURN_IF(!d->is_hashed, HOOKE_E_FORMAT, "the hub does not say how long it is");
    d->meta.size = d->have;
    forget_progress(d);
    return take_up(d);
}

static hooke_status get_once(struct download *d, struct http_reply *reply)
{
    struct hub_get get = {
        .url = d->url.data, .first = d->have > 0 ? d->have : -1, .last = -1, .on_body = on_body, .payload = d
    };
    d->has_begun = false;
    d->verdict = HOOKE_OK;
    hooke_status st = hub_get(d->w, reply, &get, &d->is_elsewhere);
    /* an empty file has no body to begin */
    if (st == HOOKE_OK && !d->has_begun && (reply->status == 200 || reply->status == 206)) {
        begin_body(d, reply);
        st = d->verdict;
    }
    return st == HOOKE_OK && d->has_begun && d->meta.size < 0 ? end_unsaid(d) : st;
}

/* ---- until it is whole ---- */

/* What an answer that brought too little means. HOOKE_OK: try again. */
static hooke_status judge(struct download *d, const struct http_reply *reply, hooke_status st, int tries)
{
    int s = reply->status;
    bool may_retry = tries < d->w->n_retries;
    if (st == HOOKE_E_CANCELLED || st == HOOKE_E_MEMORY) return st;
    if (st == HOOKE_OK && s == 416 && d->have > 0) return may_retry ? start_anew(d) : st;
    if (may_retry && hub_can_retry(st, reply)) return HOOKE_OK;
    if (may_retry && d->has_begun && d->verdict == HOOKE_E_FORMAT) return HOOKE_OK;
    if (may_retry && st == HOOKE_OK && d->is_elsewhere && (s == 401 || s == 403 || s == 404))
        return HOOKE_OK; /* an address that has expired */
    if (st != HOOKE_OK) return st;
    if (s == 200 || s == 206)
        return may_retry ? HOOKE_OK
                         : fail(HOOKE_E_IO, "only %lld of %lld bytes came", (long long)d->have,
                                (long long)d->meta.size);
    return hub_refusal(d->w, reply, d->repo, d->meta.commit, d->path);
}

/* Downloads what is missing. Tries count anew whenever bytes were gained. */
static hooke_status download(struct download *d)
{
    struct http_reply reply = { .length = -1 };
    hooke_status st = HOOKE_OK;
    int tries = 0;
    while (st == HOOKE_OK && (d->meta.size < 0 || d->have < d->meta.size)) {
        int64_t before = d->have;
        st = get_once(d, &reply);
        bool is_whole = st == HOOKE_OK && d->meta.size >= 0 && d->have == d->meta.size;
        if (is_whole && (reply.status == 200 || reply.status == 206)) break;
        st = judge(d, &reply, st, tries);
        tries = d->have > before ? 0 : tries + 1;
        if (st == HOOKE_OK) st = hub_wait(d->w, &reply, tries ? tries - 1 : 0);
    }
    http_reply_release(&reply);
    return st;
}

/* Mirrors that store what they pass on may give SHA-1 of the content alone where the hub gives git's. */
static bool is_plain_sha1(const struct download *d)
{
    unsigned char *buffer = mem_alloc_raw(PIECE_BYTES, 1);
    char hex[SHA_HEX_BYTES] = "";
    struct sha sha;
    ssize_t got = 0;
    if (!buffer) return false;
    sha_begin(&sha, SHA_1);
    for (int64_t at = 0; at < d->have; at += got) {
        got = pread(d->fd, buffer, PIECE_BYTES, at);
        if (got <= 0) break;
        sha_add(&sha, buffer, (size_t)got);
    }
    sha_end(&sha, hex);
    mem_free(buffer);
    return strcmp(hex, d->meta.etag) == 0;
}

static bool is_right(const struct download *d)
{
    char hex[SHA_HEX_BYTES];
    if (!d->is_hashed) return true;
    struct sha copy = d->sha;
    sha_end(&copy, hex);
    return strcmp(hex, d->meta.etag) == 0 || (strlen(d->meta.etag) == 40 && is_plain_sha1(d));
}

/* A wrong checksum may come from what an earlier try left, or from a bad moment: one more time from the start. */
static hooke_status download_checked(struct download *d)
{
    RETURN_IF_ERROR(download(d));
    if (is_right(d)) return HOOKE_OK;
    RETURN_IF_ERROR(start_anew(d));
    RETURN_IF_ERROR(download(d));
    if (is_right(d)) return HOOKE_OK;
    char hex[SHA_HEX_BYTES];
    sha_end(&d->sha, hex);
    unlink(d->part.data);
    return fail(HOOKE_E_FORMAT,
                "its checksum is %s, the hub says %s, twice in a row; something on the way changes the bytes",
                hex, d->meta.etag);
}

/* Puts the file in place, unless another writer has. */
static hooke_status put_in_place(struct download *d, const char *blob)
{
    struct stat mine, now;
    if (fsync(d->fd) != 0) return fail_errno(HOOKE_E_IO, "%s: cannot be written", d->part.data);
    bool is_mine = fstat(d->fd, &mine) == 0 && stat(d->part.data, &now) == 0 && mine.st_ino == now.st_ino;
    RETURN_IF(!is_mine || mine.st_size != d->meta.size, HOOKE_E_IO,
              "%s: changed by another process; pull again", d->part.data);
    if (rename(d->part.data, blob) != 0) return fail_errno(HOOKE_E_IO, "%s: cannot be put in place", blob);
    return HOOKE_OK;
}

static hooke_status fetch_blob(struct download *d, const struct hub_store *s, const char *blob)
{
    hooke_status st = hub_file_url(&d->url, d->w->config, d->repo, d->meta.commit, d->path);
    if (st == HOOKE_OK) st = text_printf(&d->part, "%s.incomplete", blob);
    if (st == HOOKE_OK) st = hub_make_blobs(s);
    if (st == HOOKE_OK) st = open_part(d);
    if (st == HOOKE_OK) st = download_checked(d);
    if (st == HOOKE_OK) st = put_in_place(d, blob);
    if (d->fd >= 0) close(d->fd);
    hooke_text_release(&d->url);
    hooke_text_release(&d->part);
    return st;
}

/* A blob of another length than the hub says was not written by this protocol. */
static bool blob_is_there(const char *blob, int64_t size)
{
    struct stat info;
    return stat(blob, &info) == 0 && S_ISREG(info.st_mode) && (size < 0 || info.st_size == size);
}

static hooke_status fetch_locked(struct hub_worker *w, const struct hub_store *s, struct hub_fetched *out,
                                 const struct hub_meta *meta, const char *repo, const char *path,
                                 struct count *done)
{
    hooke_text blob = { 0 };
    int lock = -1;
    hooke_status st = hub_blob_path(&blob, s, meta->etag);
    if (st == HOOKE_OK) st = hub_lock(&lock, s, meta->etag, w->cancel);
    if (st == HOOKE_OK && blob_is_there(blob.data, meta->size)) {
        out->was_cached = true;
        count_add(done, meta->size > 0 ? meta->size : 0);
    } else if (st == HOOKE_OK) {
        struct download d = { .w = w, .meta = *meta, .repo = repo, .path = path, .fd = -1, .done = done };
        st = fetch_blob(&d, s, blob.data);
        out->size = d.meta.size;
        if (st != HOOKE_OK) st = fail_within(st, "%s/%s", repo, path);
    }
    if (st == HOOKE_OK) st = hub_link(s, meta->commit, path, meta->etag);
    hub_unlock(lock);
    hooke_text_release(&blob);
    return st;
}

/* A file that the snapshot has is not asked for: the cache may be read-only, the network away. */
static bool is_in_snapshot(const struct hub_store *s, struct hub_fetched *out, const char *commit,
                           const char *path, struct count *done, hooke_status *st)
{
    hooke_text place = { 0 };
    struct stat info;
    *st = hub_snapshot_path(&place, s, commit, path);
    bool is_there = *st == HOOKE_OK && stat(place.data, &info) == 0 && S_ISREG(info.st_mode);
    if (is_there) {
        out->size = info.st_size;
        out->was_cached = true;
        count_add(done, info.st_size);
    }
    hooke_text_release(&place);
    return is_there;
}

hooke_status hub_fetch(struct hub_worker *w, const struct hub_store *s, struct hub_fetched *out,
                       const char *repo, const char *commit, const char *path, const struct hub_meta *known,
                       struct count *done)
{
    struct hub_meta meta;
    hooke_status st;
    *out = (struct hub_fetched){ .size = -1 };
    if (is_in_snapshot(s, out, commit, path, done, &st) || st != HOOKE_OK) return st;
    if (known)
        meta = *known;
    else
        RETURN_IF_ERROR(hub_head(w, &meta, repo, commit, path));
    RETURN_IF(strcmp(meta.commit, commit) != 0, HOOKE_E_FORMAT,
              "%s/%s: asked for commit %s, the hub answers for %s; check HF_ENDPOINT", repo, path, commit,
              meta.commit);
    out->size = meta.size;
    return fetch_locked(w, s, out, &meta, repo, path, done);
}
