/* hub_part.c: named tensors, and rows of them, of files on the hub into a new safetensors file.
 *
 * A part cannot be held against the file's checksum, so it is never put into the cache. */
#include <string.h>

#include "file/hub_part.h"
#include "file/name.h"

enum {
    GAP_BYTES = 128 * 1024, /* rows nearer than this come in one request */
    RETRIES_DEFAULT = 5,
    FIRST_WAIT_MS = 1000,
    SOURCES_MAX = 1024,
    TENSORS_MAX = 4096
};

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
        struct part_source *source;
        int index;
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
    for (int i = 0; p->sources && i < p->n_sources; i++) part_source_close(&p->sources[i]);
    mem_free(p->sources);
    http_close(p->w.client);
    hooke_name_close(p->name);
    hub_config_release(&p->config);
    arena_release(&p->arena);
    hooke_text_release(&p->repo);
    hooke_text_release(&p->out);
    mem_free(p);
}

/* The file that the name leads to: named itself, or the first of its format. NULL: not known (a model, a folder). */
static const char *file_of_name(const struct part *p)
{
    const struct name_place *place = &p->place;
    if (p->name && p->name->asked[0] && part_source_fits(p->name->asked)) return p->name->asked;
    if (part_source_fits(place->file)) return place->file;
    for (int i = 0; p->name && i < p->name->info.n_files; i++) {
        const hooke_name_file *f = &p->name->info.files[i];
        if (!f->is_pattern && !f->optional && part_source_fits(f->pattern)) return f->pattern;
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

static bool has_ending(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n > m && strcmp(path + n - m, ending) == 0;
}

/* A model in one file or several: all of its files, their headers are small. Archives count where there is no safetensors file. */
static hooke_status add_model_sources(struct part *p)
{
    static const char *const endings[] = { ".safetensors", ".npz" };
    struct hub_listing all = { .entries = NULL };
    hooke_status st = hub_commit(&p->w, p->commit, p->repo.data, p->revision);
    if (st == HOOKE_OK) st = hub_list(&p->w, &all, p->repo.data, p->commit, p->place.file);
    size_t skip = *p->place.file ? strlen(p->place.file) + 1 : 0;
    for (size_t k = 0; k < 2 && p->n_sources == 0; k++)
        for (size_t i = 0; i < all.n && st == HOOKE_OK; i++) {
            const char *path = all.entries[i].path;
            bool is_here = strlen(path) > skip && strchr(path + skip, '/') == NULL;
            if (is_here && has_ending(path, endings[k])) st = add_source(p, path);
        }
    if (st == HOOKE_OK && p->n_sources == 0)
        st = fail(HOOKE_E_NOT_FOUND,
                  "%s%s%s holds no safetensors or npz file to take a part of; name the file "
                  "(hf:%s/PATH.safetensors)",
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
              "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set and forbids the network; unset it to pull");
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

/* The first one's commit is that of all. */
static hooke_status open_source(struct part *p, struct part_source *s)
{
    const char *commit = s->pieces.meta.commit;
    RETURN_IF_ERROR(part_source_open(s, &p->w, p->repo.data, p->commit[0] ? p->commit : p->revision));
    RETURN_IF(p->commit[0] && strcmp(p->commit, commit) != 0, HOOKE_E_FORMAT,
              "%s/%s: asked for commit %s, the hub answers for %s; check HF_ENDPOINT", p->repo.data, s->path,
              p->commit, commit);
    memcpy(p->commit, commit, sizeof p->commit);
    return HOOKE_OK;
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
        st = open_source(p, &p->sources[i]);
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
        for (int k = 0; k < part_source_count(&p->sources[i]) && n < 12 && st == HOOKE_OK; k++, n++)
            st = text_printf(&names, "%s%.60s", n ? ", " : "", part_source_name(&p->sources[i], k));
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
        struct part_source *s = &p->sources[i];
        for (int k = 0; k < part_source_count(s); k++) {
            if (strcmp(part_source_name(s, k), name) != 0) continue;
            p->wanted[p->n_wanted].source = s;
            p->wanted[p->n_wanted].index = k;
            return part_source_tensor(&p->wanted[p->n_wanted++].tensor, s, k);
        }
    }
    return explain_absent(p, name);
}

/* safetensors' spelling of the type. */
static hooke_status dtype_of(const char **out, const struct part_source *s, const struct stored_tensor *t)
{
    *out = s->is_npz ? dtype_name(t->dtype) : t->dtype_text;
    RETURN_IF(s->is_npz && t->dtype == DT_OTHER, HOOKE_E_UNSUPPORTED,
              "tensor '%.100s' has elements of type '%s', which safetensors has not", t->name, t->dtype_text);
    return HOOKE_OK;
}

/* Only the listed rows of a tensor. */
static hooke_status shape_rows(const struct part *p, hooke_tensor_out *out, int64_t *bytes, int i)
{
    const struct stored_tensor *t = p->wanted[i].tensor;
    int64_t last = p->o->rows[p->o->n_rows - 1];
    RETURN_IF(t->n_dims < 2, HOOKE_E_SHAPE, "tensor '%.100s' has %d dimension(s): no rows to choose from",
              t->name, t->n_dims);
    RETURN_IF(last >= t->shape[0], HOOKE_E_SHAPE, "tensor '%.100s' has %lld rows: no row %lld", t->name,
              (long long)t->shape[0], (long long)last);
    RETURN_IF_ERROR(part_source_check_rows(p->wanted[i].source, p->wanted[i].index));
    out->shape[0] = p->o->n_rows;
    *bytes = *bytes / t->shape[0] * p->o->n_rows;
    return HOOKE_OK;
}

/* Shapes of what is written: whole tensors, or the wanted rows of each. */
static hooke_status shape_tensors(struct part *p)
{
    for (int i = 0; i < p->n_wanted; i++) {
        const struct stored_tensor *t = p->wanted[i].tensor;
        hooke_tensor_out *out = &p->tensors[i];
        *out = (hooke_tensor_out){ .name = t->name, .n_dims = t->n_dims };
        RETURN_IF_ERROR(dtype_of(&out->dtype, p->wanted[i].source, t));
        memcpy(out->shape, t->shape, sizeof out->shape);
        int64_t bytes = (int64_t)t->bytes;
        if (p->o->n_rows) RETURN_IF_ERROR(shape_rows(p, out, &bytes, i));
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

static hooke_status write_rows(struct part *p, struct part_source *src, int index, int64_t row_bytes)
{
    const hooke_part_options *o = p->o;
    for (int i = 0; i < o->n_rows;) {
        int last = i;
        while (last + 1 < o->n_rows && (o->rows[last + 1] - o->rows[last] - 1) * row_bytes <= GAP_BYTES)
            last++;
        int64_t first = o->rows[i] * row_bytes, n = (o->rows[last] + 1) * row_bytes - first;
        struct sift sift = { .p = p, .at = first, .row_bytes = row_bytes, .next_row = i };
        RETURN_IF_ERROR(part_source_read(src, index, (size_t)first, (size_t)n, take_rows, &sift));
        i = last + 1;
    }
    return HOOKE_OK;
}

static hooke_status write_tensors(struct part *p)
{
    for (int i = 0; i < p->n_wanted; i++) {
        struct part_source *src = p->wanted[i].source;
        const struct stored_tensor *t = p->wanted[i].tensor;
        struct sift all = { .p = p };
        if (p->o->n_rows)
            RETURN_IF_ERROR(write_rows(p, src, p->wanted[i].index, (int64_t)t->bytes / t->shape[0]));
        else
            RETURN_IF_ERROR(part_source_read(src, p->wanted[i].index, 0, t->bytes, take_rows, &all));
    }
    return HOOKE_OK;
}

/* Where it goes: the file that was named, or STEM.part.safetensors in the folder. */
static hooke_status choose_out(struct part *p)
{
    const char *out = p->o->out && *p->o->out ? p->o->out : ".";
    size_t n = strlen(out);
    bool is_to_folder = is_folder(out) || out[n - 1] == '/';
    if (is_to_folder) {
        const char *path = p->sources[0].path, *slash = strrchr(path, '/');
        const char *stem = p->n_sources > 1 ? "model" : slash ? slash + 1 : path;
        size_t n_stem = p->n_sources > 1 ? strlen(stem) : (size_t)(strrchr(stem, '.') - stem);
        RETURN_IF_ERROR(text_printf(&p->out, "%s%s%.*s.part.safetensors", out, out[n - 1] == '/' ? "" : "/",
                                    (int)n_stem, stem));
    } else {
        RETURN_IF_ERROR(text_puts(&p->out, out));
    }
    n = p->config.cache.n;
    while (n > 1 && p->config.cache.data[n - 1] == '/') n--;
    bool is_in_cache = strncmp(p->out.data, p->config.cache.data, n) == 0 &&
                       (p->out.data[n] == '/' || p->out.data[n] == '\0');
    RETURN_IF(is_in_cache, HOOKE_E_ARGUMENT,
              "%s lies in the hub cache, where only whole files belong; give -o a folder of your own",
              p->out.data);
    return is_to_folder ? make_folders(out) : HOOKE_OK;
}

static hooke_status check_room(const struct part *p)
{
    hooke_text folder = { 0 };
    const char *slash = strrchr(p->out.data, '/');
    hooke_status st =
        text_append(&folder, slash ? p->out.data : ".", slash ? (size_t)(slash - p->out.data) + 1 : 1);
    if (st == HOOKE_OK)
        st = hub_check_room(folder.data, p->n_total, p->out.data, "give -o a folder on a larger disk");
    hooke_text_release(&folder);
    return st;
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
    if (st == HOOKE_OK) st = check_room(p);
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
    hooke_status st = HOOKE_OK;
    for (int i = 0; i < p->n_sources && goes_on; i++)
        for (int k = 0; k < part_source_count(&p->sources[i]) && goes_on; k++) {
            const struct stored_tensor *t;
            st = part_source_tensor(&t, &p->sources[i], k);
            if (st != HOOKE_OK) goto done;
            hooke_tensor_info info = {
                .name = t->name, .dtype = t->dtype_text, .n_dims = t->n_dims, .bytes = (int64_t)t->bytes
            };
            memcpy(info.shape, t->shape, sizeof info.shape);
            goes_on = fn(payload, &info) == 0;
        }
done:
    part_close(p);
    return st;
}
