/* hub_net.h: talking to the hub (spec/models.md 5.5) and writing what comes into its cache (5.4). Only a pull uses any of this.
 *
 *   hub_config.c   what the environment says: endpoint, token, cache, offline
 *   hub_remote.c   questions: what is this file, what does this repository hold; retries and what a refusal means
 *   hub_store.c    the cache on disk: locks, links, refs
 *   hub_fetch.c    one file, from the first question to its place in the cache
 *   hub_pull.c     which files, several at once, progress
 *
 * hub_part.h is about parts of a file. */
#ifndef HOOKE_FILE_HUB_NET_H
#define HOOKE_FILE_HUB_NET_H

#include "file/http.h"
#include "file/hub.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HUB_ETAG_MAX = 128, HUB_BODY_MAX_BYTES = 25 << 20, HUB_REDIRECTS_MAX = 20 };

/* ---- what the environment says ---- */

struct hub_config {
    hooke_text endpoint; /* without a slash at its end */
    hooke_text token;    /* empty: none. Never shown */
    hooke_text cache;
    bool is_offline, copies_instead_of_links;
    int question_timeout_ms, download_timeout_ms; /* without a byte */
};
hooke_status hub_config_read(struct hub_config *out);
void hub_config_release(struct hub_config *c);
/* Whether an address is the hub's own: the endpoint's, or that of the hub which a mirror may send back to. Only there the token goes. */
bool hub_is_home(const struct hub_config *c, const char *url);

/* ---- one worker: a connection and its patience ---- */

struct hub_worker {
    const struct hub_config *config;
    http_client *client;
    const struct flag *cancel;
    int n_retries;     /* in a row, without anything gained */
    int first_wait_ms; /* doubles with each retry in a row */
};
/* Worth asking again: the connection broke, 408, 425, 429, 5xx. */
bool hub_can_retry(hooke_status st, const struct http_reply *reply);
/* Seconds that the hub asks to wait; -1: it does not say. */
int64_t hub_asked_wait_s(const struct http_reply *reply);
/* Sleeps before try number `tries` + 1: what the server asks for, else doubling. HOOKE_E_CANCELLED when told to stop;
 * HOOKE_E_IO when the server asks for longer than anybody waits. */
hooke_status hub_wait(const struct hub_worker *w, const struct http_reply *reply, int tries);
/* The failure that a refusal (status >= 300) stands for, with what to do about it. path may be NULL. */
hooke_status hub_refusal(const struct hub_worker *w, const struct http_reply *reply, const char *repo,
                         const char *revision, const char *path);

/* ---- questions ---- */

struct hub_meta {
    char commit[HUB_COMMIT_DIGITS + 1];
    char etag[HUB_ETAG_MAX + 1]; /* sha256 (large files) or git's sha1, in hex; names the blob */
    int64_t size;                /* -1: not said */
};
/* ENDPOINT/REPO/resolve/REVISION/PATH */
hooke_status hub_file_url(hooke_text *out, const struct hub_config *c, const char *repo, const char *revision,
                          const char *path);
/* What a file is. HOOKE_E_NOT_FOUND with out->commit set: that commit has no such file. */
hooke_status hub_head(struct hub_worker *w, struct hub_meta *out, const char *repo, const char *revision,
                      const char *path);
/* Reads the metadata out of an answer's headers (a 2xx or a redirect to where the content lies). */
hooke_status hub_read_meta(struct hub_meta *out, const struct http_reply *reply);
/* Whether the hub's own answer (not that of where the content lies) is about other content than meta. Etags of different kinds, and
 * none at all, say nothing. */
bool hub_is_another(const struct http_reply *reply, const struct hub_meta *meta);

struct hub_entry {
    const char *path;
    const char *etag; /* "" unknown */
    int64_t size;
    const struct hub_meta *meta; /* what hub_head() said; NULL: not asked yet */
};
struct hub_listing {
    struct arena arena;
    struct hub_entry *entries;
    size_t n, capacity;
};
void hub_listing_release(struct hub_listing *l);
/* The commit that a revision stands for. */
hooke_status hub_commit(struct hub_worker *w, char commit[HUB_COMMIT_DIGITS + 1], const char *repo,
                        const char *revision);
/* Adds the files of a commit below a folder ("" for all). */
hooke_status hub_list(struct hub_worker *w, struct hub_listing *out, const char *repo, const char *commit,
                      const char *folder);
/* The parsers of answers, for tests and fuzzing: one page of a listing; the sha of a revision; the next page's address in a Link
 * header (empty: none). */
hooke_status hub_parse_page(struct hub_listing *out, const char *text, size_t n, const char *name);
hooke_status hub_parse_commit(char commit[HUB_COMMIT_DIGITS + 1], const char *text, size_t n,
                              const char *name);
hooke_status hub_parse_link(hooke_text *out, const char *header);

/* A GET that follows redirects wherever they lead, but takes the token to the hub's own addresses only and never leaves https. Starts at
 * the hub each time: what it redirects to is signed afresh and may have expired since. */
struct hub_get {
    const char *url;
    const struct hub_meta
        *same; /* HOOKE_E_FORMAT when the hub's redirect is about another content; NULL: not looked at */
    int64_t first, last; /* range, as in struct http_request */
    hooke_status (*on_body)(void *payload, const struct http_reply *reply, const void *bytes, size_t n);
    void *payload;
};
hooke_status hub_get(struct hub_worker *w, struct http_reply *reply, const struct hub_get *get,
                     bool *is_elsewhere);
/* "bytes 100-199/200": first byte and whole length (-1: '*'); false when it is NULL or something else. */
bool hub_content_range(const char *s, int64_t *first, int64_t *whole);

/* ---- the cache on disk ---- */

struct hub_store {
    const struct hub_config *config;
    hooke_text folder; /* CACHE/models--ORG--NAME */
    hooke_text locks;  /* CACHE/.locks/models--ORG--NAME */
};
hooke_status hub_store_open(struct hub_store *out, const struct hub_config *c, const char *repo);
void hub_store_close(struct hub_store *s);
/* HOOKE_E_IO when `need` bytes, and a margin, do not fit on the disk of a folder; `todo` ends the message. */
hooke_status hub_check_room(const char *folder, int64_t need, const char *what, const char *todo);
/* The folder of the blobs, before the first is written. */
hooke_status hub_make_blobs(const struct hub_store *s);
hooke_status hub_blob_path(hooke_text *out, const struct hub_store *s, const char *etag);
hooke_status hub_snapshot_path(hooke_text *out, const struct hub_store *s, const char *commit,
                               const char *path);
/* Waits until this process alone works on the blob; the file that huggingface_hub locks in the same way. */
hooke_status hub_lock(int *fd, const struct hub_store *s, const char *etag, const struct flag *cancel);
void hub_unlock(int fd);
/* Makes the blob appear as the file of a commit: a relative link, or a copy where links cannot be had. */
hooke_status hub_link(const struct hub_store *s, const char *commit, const char *path, const char *etag);
hooke_status hub_write_ref(const struct hub_store *s, const char *revision, const char *commit);
hooke_status hub_note_absent(const struct hub_store *s, const char *commit, const char *path);

/* ---- one file ---- */

struct hub_fetched {
    int64_t size;
    bool was_cached; /* nothing was downloaded */
};
/* Brings one file of a commit into the cache. known: what hub_head() said, or NULL to ask. *done counts bytes for the progress
 * display, those that were there already included. */
hooke_status hub_fetch(struct hub_worker *w, const struct hub_store *s, struct hub_fetched *out,
                       const char *repo, const char *commit, const char *path, const struct hub_meta *known,
                       struct count *done);

/* ---- which files ---- */

struct hub_choice {
    const char *const *include,
        *const *exclude; /* globs over whole paths, '*' crosses '/'; NULL-terminated, or NULL */
    bool everything;
};
/* Keeps the entries that are wanted. Without include and everything: of a model what opening it takes, of anything else all of it if
 * that is not large; otherwise HOOKE_E_ARGUMENT says what there is to choose from. folder: what the listing was restricted to. */
hooke_status hub_select(struct hub_listing *l, const struct hub_choice *choice, const char *repo,
                        const char *folder, bool is_model);
hooke_status hub_add_entry(struct hub_listing *l, const char *path, const char *etag, int64_t size,
                           const struct hub_meta *meta);

/* ---- a whole pull ---- */

struct hub_wish {
    const char *repo;     /* "org/name", "datasets/org/name" */
    const char *revision; /* NULL: main */
    const char *path;     /* a file, a folder or a glob in it; "" or NULL: the repository */
    struct hub_choice choice;
    bool is_model;                 /* nothing but a model will do */
    const hooke_name_file *wanted; /* instead of path and choice: the files that a format consists of */
    int n_wanted;
    const char *entry; /* with wanted: what the result's path leads to in the snapshot */
    bool dry_run;
    int n_at_once, n_retries, first_wait_ms; /* 0: defaults */
    hooke_progress_fn progress;
    void *progress_payload;
};
struct hub_pulled_file {
    const char *path; /* in the repository */
    int64_t bytes;
    bool was_cached;
};
struct hub_pulled {
    struct arena arena;
    char commit[HUB_COMMIT_DIGITS + 1];
    hooke_text path; /* snapshot folder, or what was asked for inside it */
    struct hub_pulled_file *files;
    size_t n_files;
    int64_t bytes, bytes_downloaded;
};
hooke_status hub_pull(struct hub_pulled *out, const struct hub_wish *wish);
void hub_pulled_release(struct hub_pulled *p);

#ifdef __cplusplus
}
#endif
#endif
