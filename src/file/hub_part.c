/* hub_part.c: parts of safetensors files on the hub: the header, named tensors, single rows.
 *
 *   HEAD                        size, commit
 *   bytes 0 .. 64 Ki            the header's length, and mostly all of the header
 *   bytes FIRST-LAST, ...       the wanted ranges, in order, straight into a new safetensors file
 *
 * The header is checked by the same parser as a file's: it stands at the beginning of a mapping of the whole file's length, whose
 * other pages nobody touches. A part cannot be held against the file's checksum, so it is never put into the cache. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "file/hub_net.h"
#include "file/name.h"
#include "file/safetensors.h"

enum {
    FIRST_BYTES = 64 * 1024,
    GAP_BYTES = 128 * 1024, /* rows nearer than this come in one request */
    RETRIES_DEFAULT = 5,
    FIRST_WAIT_MS = 1000,
    SOURCES_MAX = 1024,
    TENSORS_MAX = 4096
};
#define HEADER_MAX_BYTES ((uint64_t)25000000) /* what the hub's own client takes */

/* ---- ranges ---- */

/* One file on the hub, its header read. */
struct part_source {
    char *path; /* in the arena */
    struct hub_meta meta;
    unsigned char *map; /* [meta.size] of address space; the header's bytes are real */
    struct safetensors st;
    bool is_open;
};

typedef hooke_status (*take_fn)(void *payload, const void *bytes, size_t n);
struct range_get {
    const struct part_source *source;
    int64_t at, end; /* bytes still to come: at .. end-1 */
    take_fn take;
    void *payload;
    hooke_status refusal; /* of the answer itself, not to be tried again */
};

static hooke_status on_range(void *payload, const struct http_reply *reply, const void *bytes, size_t n)
{
    struct range_get *g = payload;
    int64_t first, whole;
    if (reply->status != 206 && reply->status != 200) return HOOKE_OK;
    bool is_part =
        reply->status == 206 && hub_content_range(http_header(reply, "content-range"), &first, &whole);
    if (!is_part || (whole >= 0 && whole != g->source->meta.size) || n > (uint64_t)(g->end - g->at))
        return g->refusal = fail(HOOKE_E_UNSUPPORTED,
                                 "the server does not give parts of files; pull it whole, without --only");
    hooke_status st = g->take(g->payload, bytes, n);
    if (st == HOOKE_OK) g->at += (int64_t)n;
    return st;
}

/* The bytes first .. first+n-1, in order. What has been taken stays taken when the line breaks: the next try goes on behind it. */
static hooke_status get_range(struct hub_worker *w, const char *repo, const struct part_source *s,
                              int64_t first, int64_t n, take_fn take, void *payload)
{
    struct range_get g = { .source = s, .at = first, .end = first + n, .take = take, .payload = payload };
    struct http_reply reply = { .length = -1 };
    hooke_text url = { 0 };
    hooke_status st = hub_file_url(&url, w->config, repo, s->meta.commit, s->path);
    for (int tries = 0; st == HOOKE_OK && g.at < g.end;) {
        int64_t before = g.at;
        bool is_elsewhere = false;
        struct hub_get get = { url.data, g.at, g.end - 1, on_range, &g };
        st = hub_get(w, &reply, &get, &is_elsewhere);
        if (g.at == g.end && st == HOOKE_OK) break;
        bool is_short = st == HOOKE_OK && reply.status == 206;
        bool has_expired = st == HOOKE_OK && is_elsewhere && (reply.status == 401 || reply.status == 403);
        bool may = g.refusal == HOOKE_OK && tries < w->n_retries;
        if (may && (hub_can_retry(st, &reply) || is_short || has_expired)) {
            tries = g.at > before ? 0 : tries + 1;
            st = hub_wait(w, &reply, tries ? tries - 1 : 0);
        } else if (st == HOOKE_OK) {
            st = is_short ? fail(HOOKE_E_IO, "only part of bytes %lld-%lld came", (long long)first,
                                 (long long)(first + n - 1))
                          : hub_refusal(w, &reply, repo, s->meta.commit, s->path);
        }
    }
    if (st != HOOKE_OK && st != HOOKE_E_CANCELLED) st = fail_within(st, "%s/%s", repo, s->path);
    http_reply_release(&reply);
    hooke_text_release(&url);
    return st;
}

/* ---- headers ---- */

struct fill {
    unsigned char *to;
};

static hooke_status take_into_map(void *payload, const void *bytes, size_t n)
{
    struct fill *f = payload;
    memcpy(f->to, bytes, n);
    f->to += n;
    return HOOKE_OK;
}

static void source_close(struct part_source *s)
{
    if (s->is_open) safetensors_close(&s->st);
    if (s->map) munmap(s->map, (size_t)s->meta.size);
    s->map = NULL;
    s->is_open = false;
}

static hooke_status source_open(struct hub_worker *w, struct part_source *s, const char *repo,
                                const char *revision)
{
    RETURN_IF_ERROR(hub_head(w, &s->meta, repo, revision, s->path));
    RETURN_IF(s->meta.size < 8 || (uint64_t)s->meta.size > PTRDIFF_MAX, HOOKE_E_FORMAT,
              "%s/%s: no safetensors file: %lld bytes", repo, s->path, (long long)s->meta.size);
    void *map = mmap(NULL, (size_t)s->meta.size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    RETURN_IF(map == MAP_FAILED, HOOKE_E_MEMORY, "%s/%s: no room for %lld addresses", repo, s->path,
              (long long)s->meta.size);
    s->map = map;
    struct fill fill = { s->map };
    uint64_t n = 0;
    int64_t have = s->meta.size < FIRST_BYTES ? s->meta.size : FIRST_BYTES;
    RETURN_IF_ERROR(get_range(w, repo, s, 0, have, take_into_map, &fill));
    for (int i = 7; i >= 0; i--) n = n << 8 | s->map[i];
    RETURN_IF(n > HEADER_MAX_BYTES || n > (uint64_t)s->meta.size - 8, HOOKE_E_FORMAT,
              "%s/%s: no safetensors file: a header of %llu bytes", repo, s->path, (unsigned long long)n);
    if ((int64_t)n + 8 > have)
        RETURN_IF_ERROR(get_range(w, repo, s, have, (int64_t)n + 8 - have, take_into_map, &fill));
    RETURN_IF_ERROR(safetensors_parse(&s->st, s->map, (size_t)s->meta.size, s->path));
    s->is_open = true;
    return HOOKE_OK;
}

/* ---- a part ---- */

struct part {
    const hooke_part_options *o;
    struct hub_config config;
    struct hub_worker w;
    struct flag cancel;
    struct arena arena;
    hooke_name *name;
    struct name_place place;
    hooke_text repo, out;
    const char *revision;
    char commit[HUB_COMMIT_DIGITS + 1];
    struct part_source *sources;
    int n_sources;
    /* the wanted tensors, in the caller's order */
    struct {
        const struct part_source *source;
        const struct stored_tensor *tensor;
    } wanted[TENSORS_MAX];
    hooke_tensor_out tensors[TENSORS_MAX];
    int n_wanted;
    struct safetensors_writer writer;
    bool is_writing;
    int64_t n_done, n_total;
};

static void part_close(struct part *p)
{
    if (p->is_writing) st_writer_abandon(&p->writer);
    for (int i = 0; p->sources && i < p->n_sources; i++) source_close(&p->sources[i]);
    mem_free(p->sources);
    http_close(p->w.client);
    hooke_name_close(p->name);
    hub_config_release(&p->config);
    arena_release(&p->arena);
    hooke_text_release(&p->repo);
    hooke_text_release(&p->out);
    mem_free(p);
}

static bool is_safetensors(const char *path)
{
    size_t n = strlen(path), m = strlen(".safetensors");
    return n > m && strcmp(path + n - m, ".safetensors") == 0;
}

/* The file that the name leads to: named itself, or the first of its format. NULL: not known (a model, a folder). */
static const char *file_of_name(const struct part *p)
{
    const struct name_place *place = &p->place;
    if (p->name && p->name->asked[0] && is_safetensors(p->name->asked)) return p->name->asked;
    if (is_safetensors(place->file)) return place->file;
    for (int i = 0; p->name && i < p->name->info.n_files; i++) {
        const hooke_name_file *f = &p->name->info.files[i];
        if (!f->is_pattern && !f->optional && is_safetensors(f->pattern)) return f->pattern;
    }
    return NULL;
}

static hooke_status add_source(struct part *p, const char *path)
{
    RETURN_IF(p->n_sources == SOURCES_MAX, HOOKE_E_UNSUPPORTED, "more than %d files", SOURCES_MAX);
    RETURN_IF(!hub_is_path(path), HOOKE_E_FORMAT, "'%.200s' is no path inside a repository", path);
    for (int i = 0; i < p->n_sources; i++)
        if (strcmp(p->sources[i].path, path) == 0) return HOOKE_OK;
    char *copy = arena_copy(&p->arena, path, strlen(path));
    RETURN_IF(!copy, HOOKE_E_MEMORY, "out of memory");
    p->sources[p->n_sources++].path = copy;
    return HOOKE_OK;
}

/* A model in one file or several: all of its files, their headers are small. */
static hooke_status add_model_sources(struct part *p)
{
    struct hub_listing all = { .entries = NULL };
    hooke_status st = hub_commit(&p->w, p->commit, p->repo.data, p->revision);
    if (st == HOOKE_OK) st = hub_list(&p->w, &all, p->repo.data, p->commit, p->place.file);
    size_t skip = *p->place.file ? strlen(p->place.file) + 1 : 0;
    for (size_t i = 0; i < all.n && st == HOOKE_OK; i++) {
        const char *path = all.entries[i].path;
        bool is_here = strlen(path) > skip && strchr(path + skip, '/') == NULL;
        if (is_here && is_safetensors(path)) st = add_source(p, path);
    }
    if (st == HOOKE_OK && p->n_sources == 0)
        st =
            fail(HOOKE_E_NOT_FOUND,
                 "%s%s%s holds no safetensors file to take a part of; name the file (hf:%s/PATH.safetensors)",
                 p->repo.data, skip ? "/" : "", p->place.file, p->repo.data);
    hub_listing_release(&all);
    return st;
}

static hooke_status open_name(struct part *p, const char *what)
{
    const char *behind = name_behind_hf(what);
    if (behind && strncmp(behind, "datasets/", 9) == 0) {
        RETURN_IF_ERROR(name_split_hub(&p->place, behind + 9));
        RETURN_IF_ERROR(text_puts(&p->repo, "datasets/"));
    } else {
        RETURN_IF_ERROR(hooke_name_open(&p->name, what, NULL));
        p->place = p->name->place;
    }
    RETURN_IF(!p->place.repo[0], HOOKE_E_ARGUMENT,
              "'%.200s' lies on this machine already; there is nothing to pull", what);
    RETURN_IF_ERROR(text_puts(&p->repo, p->place.repo));
    p->revision = p->o->revision && *p->o->revision ? p->o->revision
                  : *p->place.revision              ? p->place.revision
                                                    : "main";
    RETURN_IF(!hub_is_repo(p->repo.data), HOOKE_E_ARGUMENT, "'%.200s' is no hub repository (ORG/NAME)",
              p->repo.data);
    RETURN_IF(!hub_is_revision(p->revision), HOOKE_E_ARGUMENT, "'%.200s' is no revision", p->revision);
    return HOOKE_OK;
}

static hooke_status connect(struct part *p)
{
    RETURN_IF_ERROR(hub_config_read(&p->config));
    RETURN_IF(p->config.is_offline, HOOKE_E_IO,
              "HF_HUB_OFFLINE is set and forbids the network; unset it to pull");
    p->w = (struct hub_worker){
        .config = &p->config,
        .cancel = &p->cancel,
        .n_retries = p->o->n_retries < 0 ? 0
                     : p->o->n_retries   ? p->o->n_retries
                                         : RETRIES_DEFAULT,
        .first_wait_ms = FIRST_WAIT_MS,
    };
    return http_open(&p->w.client);
}

static hooke_status part_open(struct part **out, const char *what, const hooke_part_options *o)
{
    struct part *p = mem_alloc(1, sizeof *p);
    RETURN_IF(!p, HOOKE_E_MEMORY, "out of memory");
    p->o = o;
    p->sources = mem_alloc(SOURCES_MAX, sizeof *p->sources);
    hooke_status st = p->sources ? open_name(p, what) : fail(HOOKE_E_MEMORY, "out of memory");
    if (st == HOOKE_OK) st = connect(p);
    if (st == HOOKE_OK) {
        const char *file = file_of_name(p);
        st = file ? add_source(p, file) : add_model_sources(p);
    }
    for (int i = 0; i < p->n_sources && st == HOOKE_OK; i++) {
        st = source_open(&p->w, &p->sources[i], p->repo.data, p->commit[0] ? p->commit : p->revision);
        if (st == HOOKE_OK) memcpy(p->commit, p->sources[i].meta.commit, sizeof p->commit);
    }
    if (st != HOOKE_OK) {
        part_close(p);
        return st;
    }
    *out = p;
    return HOOKE_OK;
}

/* ---- what of it ---- */

static hooke_status explain_absent(const struct part *p, const char *name)
{
    hooke_text names = { 0 };
    hooke_status st = HOOKE_OK;
    int n = 0;
    for (int i = 0; i < p->n_sources && st == HOOKE_OK; i++)
        for (int k = 0; k < p->sources[i].st.n_tensors && n < 12 && st == HOOKE_OK; k++, n++)
            st = text_printf(&names, "%s%.60s", n ? ", " : "", p->sources[i].st.tensors[k].name);
    if (st == HOOKE_OK)
        st = fail(HOOKE_E_NOT_FOUND, "%s has no tensor '%.100s'; it has %s%s", p->repo.data, name,
                  names.n ? names.data : "none", n == 12 ? ", ..." : "");
    hooke_text_release(&names);
    return st;
}

static hooke_status want(struct part *p, const char *name)
{
    RETURN_IF(p->n_wanted == TENSORS_MAX, HOOKE_E_UNSUPPORTED, "more than %d tensors", TENSORS_MAX);
    for (int i = 0; i < p->n_sources; i++) {
        const struct stored_tensor *t = safetensors_find(&p->sources[i].st, name);
        if (!t) continue;
        p->wanted[p->n_wanted].source = &p->sources[i];
        p->wanted[p->n_wanted++].tensor = t;
        return HOOKE_OK;
    }
    return explain_absent(p, name);
}

/* Shapes of what is written: whole tensors, or the wanted rows of each. */
static hooke_status shape_tensors(struct part *p)
{
    for (int i = 0; i < p->n_wanted; i++) {
        const struct stored_tensor *t = p->wanted[i].tensor;
        hooke_tensor_out *out = &p->tensors[i];
        *out = (hooke_tensor_out){ .name = t->name, .dtype = t->dtype_text, .n_dims = t->n_dims };
        memcpy(out->shape, t->shape, sizeof out->shape);
        int64_t bytes = (int64_t)t->bytes;
        if (p->o->n_rows) {
            RETURN_IF(t->n_dims < 2, HOOKE_E_SHAPE,
                      "tensor '%.100s' has %d dimension(s): no rows to choose from", t->name, t->n_dims);
            RETURN_IF(p->o->rows[p->o->n_rows - 1] >= t->shape[0], HOOKE_E_SHAPE,
                      "tensor '%.100s' has %lld rows: no row %lld", t->name, (long long)t->shape[0],
                      (long long)p->o->rows[p->o->n_rows - 1]);
            out->shape[0] = p->o->n_rows;
            bytes = bytes / t->shape[0] * p->o->n_rows;
        }
        RETURN_IF(__builtin_add_overflow(p->n_total, bytes, &p->n_total), HOOKE_E_UNSUPPORTED,
                  "too many bytes");
    }
    return HOOKE_OK;
}

static hooke_status check_rows(const hooke_part_options *o)
{
    RETURN_IF(o->n_rows < 0 || (o->n_rows && !o->rows), HOOKE_E_ARGUMENT, "rows: none given");
    for (int i = 0; i < o->n_rows; i++)
        RETURN_IF(o->rows[i] < 0 || (i && o->rows[i] <= o->rows[i - 1]), HOOKE_E_ARGUMENT,
                  "rows must be increasing, and none below 0");
    return HOOKE_OK;
}

/* ---- writing it ---- */

/* A run of bytes of which some are wanted: rows of row_bytes, every one that is listed. */
struct sift {
    struct part *p;
    int64_t at, row_bytes; /* `at` counts from the tensor's begin; row_bytes 0: all is wanted */
    int next_row;
};

static hooke_status give(struct part *p, const void *bytes, size_t n)
{
    RETURN_IF_ERROR(st_writer_append(&p->writer, bytes, n));
    p->n_done += (int64_t)n;
    if (p->o->progress && p->o->progress(p->o->progress_payload, "pull", p->n_done, p->n_total) != 0)
        return fail(HOOKE_E_CANCELLED, "stopped; nothing was written");
    return HOOKE_OK;
}

static hooke_status take_rows(void *payload, const void *bytes, size_t n)
{
    struct sift *s = payload;
    const unsigned char *b = bytes;
    if (s->row_bytes == 0) return give(s->p, bytes, n);
    while (n > 0 && s->next_row < s->p->o->n_rows) {
        int64_t row = s->p->o->rows[s->next_row], begin = row * s->row_bytes, end = begin + s->row_bytes;
        int64_t skip = begin > s->at ? begin - s->at : 0;
        if (skip >= (int64_t)n) break;
        int64_t can = (int64_t)n - skip, want = end - (s->at + skip), k = can < want ? can : want;
        RETURN_IF_ERROR(give(s->p, b + skip, (size_t)k));
        b += skip + k;
        n -= (size_t)(skip + k);
        s->at += skip + k;
        if (s->at == end) s->next_row++;
    }
    s->at += (int64_t)n;
    return HOOKE_OK;
}

static hooke_status write_rows(struct part *p, const struct part_source *src, int64_t begin,
                               int64_t row_bytes)
{
    const hooke_part_options *o = p->o;
    for (int i = 0; i < o->n_rows;) {
        int last = i;
        while (last + 1 < o->n_rows && (o->rows[last + 1] - o->rows[last] - 1) * row_bytes <= GAP_BYTES)
            last++;
        int64_t first = o->rows[i] * row_bytes, n = (o->rows[last] + 1) * row_bytes - first;
        struct sift sift = { .p = p, .at = first, .row_bytes = row_bytes, .next_row = i };
        RETURN_IF_ERROR(get_range(&p->w, p->repo.data, src, begin + first, n, take_rows, &sift));
        i = last + 1;
    }
    return HOOKE_OK;
}

static hooke_status write_tensors(struct part *p)
{
    for (int i = 0; i < p->n_wanted; i++) {
        const struct part_source *src = p->wanted[i].source;
        const struct stored_tensor *t = p->wanted[i].tensor;
        int64_t begin = (const unsigned char *)t->data - src->map;
        struct sift all = { .p = p };
        if (p->o->n_rows)
            RETURN_IF_ERROR(write_rows(p, src, begin, (int64_t)t->bytes / t->shape[0]));
        else
            RETURN_IF_ERROR(get_range(&p->w, p->repo.data, src, begin, (int64_t)t->bytes, take_rows, &all));
    }
    return HOOKE_OK;
}

/* Where it goes: the file that was named, or STEM.part.safetensors in the folder. */
static hooke_status choose_out(struct part *p)
{
    const char *out = p->o->out && *p->o->out ? p->o->out : ".";
    size_t n = strlen(out);
    if (is_folder(out) || out[n - 1] == '/') {
        const char *path = p->sources[0].path, *slash = strrchr(path, '/');
        const char *stem = p->n_sources > 1 ? "model" : slash ? slash + 1 : path;
        size_t n_stem = p->n_sources > 1 ? strlen(stem) : strlen(stem) - strlen(".safetensors");
        RETURN_IF_ERROR(make_folders(out));
        RETURN_IF_ERROR(text_printf(&p->out, "%s%s%.*s.part.safetensors", out, out[n - 1] == '/' ? "" : "/",
                                    (int)n_stem, stem));
    } else {
        RETURN_IF_ERROR(text_puts(&p->out, out));
    }
    RETURN_IF(strncmp(p->out.data, p->config.cache.data, p->config.cache.n) == 0, HOOKE_E_ARGUMENT,
              "%s lies in the hub cache, where only whole files belong; give -o a folder of your own",
              p->out.data);
    return HOOKE_OK;
}

static hooke_status write_part(struct part *p)
{
    hooke_text rows = { 0 }, source = { 0 };
    hooke_status st = text_printf(&source, "%s/%s@%s", p->repo.data,
                                  p->n_sources > 1 ? p->place.file : p->sources[0].path, p->commit);
    for (int i = 0; i < p->o->n_rows && st == HOOKE_OK; i++)
        st = text_printf(&rows, "%s%lld", i ? "," : "", (long long)p->o->rows[i]);
    if (st == HOOKE_OK && p->o->part_of) {
        text_clear(p->o->part_of);
        st = text_puts(p->o->part_of, source.data);
    }
    const char *pairs[] = { "format", "pt", "part_of", source.data, rows.n ? "rows" : NULL, rows.data, NULL };
    if (st == HOOKE_OK) st = st_writer_begin(&p->writer, p->out.data, p->tensors, p->n_wanted, pairs);
    p->is_writing = st == HOOKE_OK;
    if (st == HOOKE_OK) st = write_tensors(p);
    if (st == HOOKE_OK) {
        p->is_writing = false;
        st = st_writer_commit(&p->writer);
    }
    hooke_text_release(&rows);
    hooke_text_release(&source);
    return st;
}

hooke_status hooke_pull_part(hooke_text *path, const char *what, const hooke_part_options *options)
{
    struct part *p;
    RETURN_IF(!path || !what || !*what || !options || !options->tensors || !*options->tensors,
              HOOKE_E_ARGUMENT, "hooke_pull_part: a name and tensors are needed");
    text_clear(path);
    RETURN_IF_ERROR(check_rows(options));
    RETURN_IF_ERROR(part_open(&p, what, options));
    hooke_status st = HOOKE_OK;
    for (const char *const *t = options->tensors; *t && st == HOOKE_OK; t++) st = want(p, *t);
    if (st == HOOKE_OK) st = shape_tensors(p);
    if (st == HOOKE_OK) st = choose_out(p);
    if (st == HOOKE_OK) st = write_part(p);
    if (st == HOOKE_OK) st = text_puts(path, p->out.data);
    part_close(p);
    return st;
}

hooke_status hooke_pull_header(const char *what, const hooke_part_options *options, hooke_tensor_fn fn,
                               void *payload)
{
    static const hooke_part_options defaults = { .size = sizeof defaults };
    struct part *p;
    bool goes_on = true;
    RETURN_IF(!what || !*what || !fn, HOOKE_E_ARGUMENT,
              "hooke_pull_header: a name and a function are needed");
    RETURN_IF_ERROR(part_open(&p, what, options ? options : &defaults));
    for (int i = 0; i < p->n_sources && goes_on; i++)
        for (int k = 0; k < p->sources[i].st.n_tensors && goes_on; k++) {
            const struct stored_tensor *t = &p->sources[i].st.tensors[k];
            hooke_tensor_info info = {
                .name = t->name, .dtype = t->dtype_text, .n_dims = t->n_dims, .bytes = (int64_t)t->bytes
            };
            memcpy(info.shape, t->shape, sizeof info.shape);
            goes_on = fn(payload, &info) == 0;
        }
    part_close(p);
    return HOOKE_OK;
}
