/* hub_pull.c: several files at once into the cache.
 *
 *   plan     the commit, and which files (a HEAD for a single file, else a listing)
 *   room     what is missing must fit on the disk
 *   fetch    n threads take the next file, largest first; the caller's thread shows progress and listens for "stop"
 *   ref      refs/REVISION, once everything is there: until then an older snapshot stays the one that is found */

#include <fnmatch.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "file/hub_net.h"

enum { AT_ONCE_DEFAULT = 4, AT_ONCE_MAX = 32, RETRIES_DEFAULT = 5, FIRST_WAIT_MS = 1000 };

struct pull {
    const struct hub_wish *wish;
    const char *revision, *path;
    struct hub_config config;
    struct hub_store store;
    struct hub_listing listing;
    char commit[HUB_COMMIT_DIGITS + 1];
    struct hub_pulled *out;
    /* shared by the workers */
    struct count next;
    struct flag cancel, failed;
    struct count n_running;
    struct count done;
    pthread_mutex_t mutex; /* of the three below */
    hooke_status status;   /* the first failure */
    char message[1024];
};

static void worker_init(struct hub_worker *w, struct pull *p)
{
    *w = (struct hub_worker){
        .config = &p->config,
        .cancel = &p->cancel,
        .n_retries = p->wish->n_retries < 0 ? 0
                     : p->wish->n_retries   ? p->wish->n_retries
                                            : RETRIES_DEFAULT,
        .first_wait_ms = p->wish->first_wait_ms ? p->wish->first_wait_ms : FIRST_WAIT_MS,
    };
}

/* ---- plan ---- */

static bool has_glob(const char *s)
{
    return strpbrk(s, "*?[") != NULL;
}

static hooke_status plan_one(struct pull *p, const char *path, const struct hub_meta *meta)
{
    memcpy(p->commit, meta->commit, sizeof p->commit);
    return hub_add_entry(&p->listing, path, meta->etag, meta->size, meta);
}

static hooke_status plan_many(struct pull *p, struct hub_worker *w, const char *folder)
{
    RETURN_IF_ERROR(hub_list(w, &p->listing, p->wish->repo, p->commit, folder));
    return hub_select(&p->listing, &p->wish->choice, p->wish->repo, folder, p->wish->is_model);
}

/* Notes for others that the commit has no such file, which may fail, and keeps the message that said so. */
static void note_absent(struct pull *p, const char *path, const char *message)
{
    (void)hub_note_absent(&p->store, p->commit, path);
    error_set(message);
}

/* A path is a file, or else a folder. */
static hooke_status plan_path(struct pull *p, struct hub_worker *w)
{
    struct hub_meta meta;
    char message[1024];
    hooke_status st = hub_head(w, &meta, p->wish->repo, p->revision, p->path);
    if (st == HOOKE_OK) return plan_one(p, p->path, &meta);
    if (st != HOOKE_E_NOT_FOUND || !meta.commit[0]) return st;
    error_copy(message, sizeof message);
    memcpy(p->commit, meta.commit, sizeof p->commit);
    st = plan_many(p, w, p->path);
    if (st != HOOKE_E_NOT_FOUND || p->listing.n > 0) return st;
    note_absent(p, p->path, message);
    return HOOKE_E_NOT_FOUND;
}

/* The part of a glob that is a folder without doubt. */
static hooke_status plan_glob(struct pull *p, struct hub_worker *w)
{
    const char *globs[] = { p->path, NULL };
    struct hub_choice choice = { .include = globs, .exclude = p->wish->choice.exclude };
    hooke_text folder = { 0 };
    size_t n = strcspn(p->path, "*?[");
    while (n > 0 && p->path[n - 1] != '/') n--;
    hooke_status st = text_append(&folder, p->path, n > 0 ? n - 1 : 0);
    if (st == HOOKE_OK) st = hub_commit(w, p->commit, p->wish->repo, p->revision);
    if (st == HOOKE_OK) st = hub_list(w, &p->listing, p->wish->repo, p->commit, folder.data);
    if (st == HOOKE_OK) st = hub_select(&p->listing, &choice, p->wish->repo, p->path, false);
    hooke_text_release(&folder);
    return st;
}

/* Adds what a pattern matches; a listing of the folder that it cannot leave. */
static hooke_status plan_pattern(struct pull *p, struct hub_worker *w, const hooke_name_file *f)
{
    struct hub_listing all = { .entries = NULL };
    hooke_text folder = { 0 };
    size_t n = strcspn(f->pattern, "*?["), before = p->listing.n;
    while (n > 0 && f->pattern[n - 1] != '/') n--;
    hooke_status st = text_append(&folder, f->pattern, n > 0 ? n - 1 : 0);
    if (st == HOOKE_OK && !p->commit[0]) st = hub_commit(w, p->commit, p->wish->repo, p->revision);
    if (st == HOOKE_OK) st = hub_list(w, &all, p->wish->repo, p->commit, folder.data);
    for (size_t i = 0; i < all.n && st == HOOKE_OK; i++) {
        const struct hub_entry *e = &all.entries[i];
        if (fnmatch(f->pattern, e->path, 0) == 0)
            st = hub_add_entry(&p->listing, e->path, e->etag, e->size, NULL);
    }
    if (st == HOOKE_OK && p->listing.n == before && !f->optional)
        st = fail(HOOKE_E_NOT_FOUND, "%s has no file that matches '%s' at revision '%s'", p->wish->repo,
                  f->pattern, p->revision);
    hub_listing_release(&all);
    hooke_text_release(&folder);
    return st;
}

static hooke_status plan_wanted(struct pull *p, struct hub_worker *w)
{
    for (int i = 0; i < p->wish->n_wanted; i++) {
        const hooke_name_file *f = &p->wish->wanted[i];
        struct hub_meta meta;
        char message[1024];
        if (f->is_pattern) {
            RETURN_IF_ERROR(plan_pattern(p, w, f));
            continue;
        }
        RETURN_IF(!hub_is_path(f->pattern), HOOKE_E_ARGUMENT, "'%.200s' is no path inside a repository",
                  f->pattern);
        hooke_status st =
            hub_head(w, &meta, p->wish->repo, p->commit[0] ? p->commit : p->revision, f->pattern);
        if (st == HOOKE_E_NOT_FOUND && meta.commit[0]) {
            error_copy(message, sizeof message);
            memcpy(p->commit, meta.commit, sizeof p->commit);
            note_absent(p, f->pattern, message);
            if (f->optional) continue;
        }
        RETURN_IF_ERROR(st);
        RETURN_IF_ERROR(plan_one(p, f->pattern, &meta));
    }
    RETURN_IF(p->listing.n == 0, HOOKE_E_NOT_FOUND, "%s has none of the files that belong to it",
              p->wish->repo);
    return HOOKE_OK;
}

static int larger_first(const void *pa, const void *pb)
{
    const struct hub_entry *a = pa, *b = pb;
    return a->size != b->size ? (a->size < b->size ? 1 : -1) : strcmp(a->path, b->path);
}

static hooke_status plan(struct pull *p, struct hub_worker *w)
{
    hooke_status st;
    if (p->wish->n_wanted)
        st = plan_wanted(p, w);
    else if (*p->path && has_glob(p->path))
        st = plan_glob(p, w);
    else if (*p->path)
        st = plan_path(p, w);
    else if ((st = hub_commit(w, p->commit, p->wish->repo, p->revision)) == HOOKE_OK)
        st = plan_many(p, w, "");
    if (st == HOOKE_OK && p->listing.n > 1)
        qsort(p->listing.entries, p->listing.n, sizeof *p->listing.entries, larger_first);
    return st;
}

/* ---- room ---- */

/* Bytes of a file that are still to come, as far as the listing tells. */
static hooke_status missing_bytes(int64_t *out, const struct pull *p, const struct hub_entry *e)
{
    hooke_text path = { 0 };
    struct stat info;
    *out = e->size > 0 ? e->size : 0;
    hooke_status st = hub_snapshot_path(&path, &p->store, p->commit, e->path);
    if (st == HOOKE_OK && stat(path.data, &info) == 0) *out = 0;
    if (st == HOOKE_OK && *out > 0 && *e->etag && hub_is_path(e->etag)) {
        st = hub_blob_path(&path, &p->store, e->etag);
        if (st == HOOKE_OK && stat(path.data, &info) == 0) *out = 0;
        if (st == HOOKE_OK) st = text_puts(&path, ".incomplete");
        if (st == HOOKE_OK && *out > 0 && stat(path.data, &info) == 0 && info.st_size < *out)
            *out -= info.st_size;
    }
    hooke_text_release(&path);
    return st;
}

static hooke_status check_room(struct pull *p)
{
    int64_t need = 0;
    for (size_t i = 0; i < p->listing.n; i++) {
        int64_t missing;
        RETURN_IF_ERROR(missing_bytes(&missing, p, &p->listing.entries[i]));
        RETURN_IF(__builtin_add_overflow(need, missing, &need), HOOKE_E_UNSUPPORTED,
                  "%s: the sizes of its files add up to nonsense", p->wish->repo);
    }
    if (need == 0) return HOOKE_OK;
    RETURN_IF_ERROR(make_folders(p->store.folder.data));
    return hub_check_room(p->store.folder.data, need, p->wish->repo, "set HF_HUB_CACHE to a larger disk");
}

/* ---- fetch ---- */

static void note_failure(struct pull *p, hooke_status st)
{
    pthread_mutex_lock(&p->mutex);
    if (p->status == HOOKE_OK) {
        p->status = st;
        error_copy(p->message, sizeof p->message);
    }
    pthread_mutex_unlock(&p->mutex);
    flag_raise(&p->failed);
    flag_raise(&p->cancel);
}

static hooke_status fetch_entry(struct pull *p, struct hub_worker *w, size_t i)
{
    const struct hub_entry *e = &p->listing.entries[i];
    struct hub_fetched got;
    RETURN_IF_ERROR(hub_fetch(w, &p->store, &got, p->wish->repo, p->commit, e->path, e->meta, &p->done));
    p->out->files[i].bytes = got.size;
    p->out->files[i].was_cached = got.was_cached;
    return HOOKE_OK;
}

static void *work(void *payload)
{
    struct pull *p = payload;
    struct hub_worker w;
    worker_init(&w, p);
    hooke_status st = http_open(&w.client);
    while (st == HOOKE_OK && !flag_is_raised(&p->cancel)) {
        size_t i = (size_t)count_add(&p->next, 1);
        if (i >= p->listing.n) break;
        st = fetch_entry(p, &w, i);
    }
    http_close(w.client);
    if (st != HOOKE_OK) note_failure(p, st);
    count_add(&p->n_running, -1);
    return NULL;
}

/* Until the workers are done: ten times a second. */
static void watch(struct pull *p, int64_t total)
{
    bool stop = false;
    while (count_now(&p->n_running) > 0) {
        struct timespec nap = { 0, 20 * 1000000 };
        if (p->wish->progress && !stop)
            stop = p->wish->progress(p->wish->progress_payload, "pull", count_now(&p->done), total) != 0;
        if (stop) flag_raise(&p->cancel);
        nanosleep(&nap, NULL);
    }
    if (stop && !flag_is_raised(&p->failed)) {
        fail(HOOKE_E_CANCELLED, "cancelled");
        note_failure(p, HOOKE_E_CANCELLED);
    }
}

static hooke_status fetch_all(struct pull *p)
{
    pthread_t threads[AT_ONCE_MAX];
    int want = p->wish->n_at_once > 0 ? p->wish->n_at_once : AT_ONCE_DEFAULT, n = 0;
    int64_t total = 0;
    if (want > AT_ONCE_MAX) want = AT_ONCE_MAX;
    if ((size_t)want > p->listing.n) want = (int)p->listing.n;
    for (size_t i = 0; i < p->listing.n; i++)
        total += p->listing.entries[i].size > 0 ? p->listing.entries[i].size : 0;
    for (; n < want; n++) {
        count_add(&p->n_running, 1);
        if (pthread_create(&threads[n], NULL, work, p) != 0) {
            count_add(&p->n_running, -1);
            break;
        }
    }
    RETURN_IF(n == 0 && want > 0, HOOKE_E_MEMORY, "no thread can be started");
    watch(p, total);
    for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
    if (p->status == HOOKE_OK) return HOOKE_OK;
    error_set(p->message);
    if (p->status == HOOKE_E_CANCELLED)
        fail(p->status, "stopped; what came so far is kept, and the same call goes on from there");
    return p->status;
}

/* ---- all of it ---- */

static hooke_status make_result(struct pull *p)
{
    struct hub_pulled *out = p->out;
    out->files = arena_alloc(&out->arena, p->listing.n, sizeof *out->files);
    if (!out->files) return HOOKE_E_MEMORY;
    out->n_files = p->listing.n;
    memcpy(out->commit, p->commit, sizeof out->commit);
    for (size_t i = 0; i < p->listing.n; i++) {
        const struct hub_entry *e = &p->listing.entries[i];
        out->files[i].path = arena_copy(&out->arena, e->path, strlen(e->path));
        if (!out->files[i].path) return HOOKE_E_MEMORY;
        out->files[i].bytes = e->size;
    }
    const char *entry = p->wish->n_wanted ? p->wish->entry : !has_glob(p->path) ? p->path : "";
    return *entry ? hub_snapshot_path(&out->path, &p->store, p->commit, entry)
                  : text_printf(&out->path, "%s/snapshots/%s", p->store.folder.data, p->commit);
}

/* Without the downloads of a dry run: what is there already. */
static hooke_status look_only(struct pull *p)
{
    for (size_t i = 0; i < p->listing.n; i++) {
        int64_t missing;
        RETURN_IF_ERROR(missing_bytes(&missing, p, &p->listing.entries[i]));
        p->out->files[i].was_cached = missing == 0 && p->listing.entries[i].size > 0;
    }
    return HOOKE_OK;
}

static hooke_status run(struct pull *p)
{
    struct hub_worker w;
    worker_init(&w, p);
    RETURN_IF_ERROR(http_open(&w.client));
    hooke_status st = plan(p, &w);
    http_close(w.client);
    RETURN_IF_ERROR(st);
    RETURN_IF_ERROR(make_result(p));
    if (p->wish->dry_run) {
        RETURN_IF_ERROR(look_only(p));
    } else {
        RETURN_IF_ERROR(check_room(p));
        RETURN_IF_ERROR(fetch_all(p));
        RETURN_IF_ERROR(hub_write_ref(&p->store, p->revision, p->commit));
    }
    for (size_t i = 0; i < p->out->n_files; i++) {
        const struct hub_pulled_file *f = &p->out->files[i];
        p->out->bytes += f->bytes > 0 ? f->bytes : 0;
        if (!f->was_cached && f->bytes > 0) p->out->bytes_downloaded += f->bytes;
    }
    return HOOKE_OK;
}

static hooke_status check_wish(const struct pull *p)
{
    RETURN_IF(!hub_is_repo(p->wish->repo), HOOKE_E_ARGUMENT, "'%.200s' is no hub repository (ORG/NAME)",
              p->wish->repo);
    RETURN_IF(!hub_is_revision(p->revision), HOOKE_E_ARGUMENT, "'%.200s' is no revision", p->revision);
    RETURN_IF(*p->path && !hub_is_path(p->path), HOOKE_E_ARGUMENT, "'%.200s' is no path inside a repository",
              p->path);
    return HOOKE_OK;
}

hooke_status hub_pull(struct hub_pulled *out, const struct hub_wish *wish)
{
    struct pull p = { .wish = wish, .out = out, .mutex = PTHREAD_MUTEX_INITIALIZER };
    p.revision = wish->revision ? wish->revision : "main";
    p.path = wish->path ? wish->path : "";
    *out = (struct hub_pulled){ .files = NULL };
    RETURN_IF_ERROR(check_wish(&p));
    hooke_status st = hub_config_read(&p.config);
    if (st == HOOKE_OK && p.config.is_offline)
        st = fail(HOOKE_E_IO,
                  "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set and forbids the network; unset it to pull");
    if (st == HOOKE_OK) st = hub_store_open(&p.store, &p.config, wish->repo);
    if (st == HOOKE_OK) st = run(&p);
    if (st != HOOKE_OK) hub_pulled_release(out);
    hub_store_close(&p.store);
    hub_config_release(&p.config);
    hub_listing_release(&p.listing);
    pthread_mutex_destroy(&p.mutex);
    return st;
}

void hub_pulled_release(struct hub_pulled *p)
{
    arena_release(&p->arena);
    hooke_text_release(&p->path);
    *p = (struct hub_pulled){ .files = NULL };
}
