/* name_walk.c: all names there are, and a name as JSON. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/hub.h"
#include "file/json.h"
#include "file/name.h"

enum { MAX_CONFIG_BYTES = 1 << 20, MAX_CACHED_MODELS = 100000 };

/* ---- the walk ---- */

/* Names that stand in no list are told of once they are in the cache, as models are. */
static hooke_status walk_dicts(struct hooke_name *n, hooke_name_fn fn, void *payload, bool *stopped)
{
    struct registry_cursor c = { .all = true };
    while (!*stopped && registry_next(&c)) {
        snprintf(n->what, sizeof n->what, "%s/%s", c.row.release, c.row.sae_id);
        memset(&n->place, 0, sizeof n->place);
        name_use_row(n, &c.row);
        RETURN_IF_ERROR(name_finish(n, "dict", "registry"));
        if (!registry_is_listed(&c) && !hooke_name_is_cached(&n->info)) continue;
        *stopped = fn(payload, &n->info) != 0;
    }
    return HOOKE_OK;
}

static hooke_status walk_models(struct hooke_name *n, hooke_name_fn fn, void *payload, bool *stopped)
{
    const char *repo;
    memset(&n->row, 0, sizeof n->row);
    for (int i = 0; !*stopped && (repo = model_known(i)) != NULL; i++) {
        snprintf(n->what, sizeof n->what, "%s", repo);
        RETURN_IF_ERROR(name_split_hub(&n->place, repo));
        RETURN_IF_ERROR(name_finish(n, "model", "hub"));
        *stopped = fn(payload, &n->info) != 0;
    }
    return HOOKE_OK;
}

static bool is_known(const char *repo)
{
    struct registry_cursor c = { .all = true };
    const char *known;
    for (int i = 0; (known = model_known(i)) != NULL; i++)
        if (strcmp(known, repo) == 0) return true;
    while (registry_next_release(&c))
        if (strcmp(c.row.repo, repo) == 0) return true;
    return false;
}

/* "models--ORG--NAME" to "ORG/NAME"; false for other folders. */
static bool repo_of_folder(char *out, size_t capacity, const char *folder)
{
    static const char begin[] = "models--";
    if (strncmp(folder, begin, sizeof begin - 1) != 0) return false;
    const char *name = folder + sizeof begin - 1, *two = strstr(name, "--");
    int n = two ? snprintf(out, capacity, "%.*s/%s", (int)(two - name), name, two + 2)
                : snprintf(out, capacity, "%s", name);
    return n > 0 && (size_t)n < capacity && hub_is_repo(out) && !hub_is_dataset(out);
}

/* A configuration that names a type of model: dictionaries have a config.json too. */
static bool has_model(const char *repo)
{
    struct arena tree = { 0 };
    const struct json *root = NULL;
    hooke_text path = { 0 };
    bool found = hub_snapshot(&path, repo, NULL) == HOOKE_OK &&
                 path_join(&path, path.data, "config.json") == HOOKE_OK && file_exists(path.data) &&
                 json_read(&root, &tree, path.data, MAX_CONFIG_BYTES, 0) == HOOKE_OK &&
                 json_get(root, "model_type") != NULL;
    arena_release(&tree);
    hooke_text_release(&path);
    return found;
}

/* Repositories of the cache that no list knows, in the order of bytes. */
struct found {
    char (*repos)[NAME_REPO_BYTES];
    size_t n, capacity;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

static hooke_status find_models(struct found *f)
{
    hooke_text cache = { 0 };
    char repo[NAME_REPO_BYTES];
    hooke_status st = hub_cache_folder(&cache);
    DIR *d = st == HOOKE_OK ? opendir(cache.data) : NULL;
    for (struct dirent *e; st == HOOKE_OK && d && (e = readdir(d)) != NULL;) {
        if (!repo_of_folder(repo, sizeof repo, e->d_name) || is_known(repo) || !has_model(repo)) continue;
        st = mem_grow((void **)&f->repos, &f->capacity, f->n + 1, sizeof *f->repos, MAX_CACHED_MODELS,
                      "models in the cache");
        if (st == HOOKE_OK) memcpy(f->repos[f->n++], repo, sizeof repo);
    }
    if (d) closedir(d);
    hooke_text_release(&cache);
    if (f->n) qsort(f->repos, f->n, sizeof *f->repos, by_bytes);
    return st;
}

static hooke_status walk_cache(struct hooke_name *n, hooke_name_fn fn, void *payload, bool *stopped)
{
    struct found f = { .n = 0 };
    hooke_status st = find_models(&f);
    memset(&n->row, 0, sizeof n->row);
    for (size_t i = 0; st == HOOKE_OK && !*stopped && i < f.n; i++) {
        snprintf(n->what, sizeof n->what, "%s", f.repos[i]);
        st = name_split_hub(&n->place, f.repos[i]);
        if (st == HOOKE_OK) st = name_finish(n, "model", "hub");
        if (st == HOOKE_OK) *stopped = fn(payload, &n->info) != 0;
    }
    mem_free(f.repos);
    return st;
}

hooke_status hooke_registry_walk(const char *kind, hooke_name_fn fn, void *payload)
{
    bool stopped = false;
    hooke_status st = HOOKE_OK;
    RETURN_IF(!fn, HOOKE_E_ARGUMENT, "hooke_registry_walk: no function");
    struct hooke_name *n = mem_alloc(1, sizeof *n);
    RETURN_IF(!n, HOOKE_E_MEMORY, "registry: out of memory");
    n->info.feature = -1;
    if (!kind || strcmp(kind, "dict") == 0) st = walk_dicts(n, fn, payload, &stopped);
    if (st == HOOKE_OK && (!kind || strcmp(kind, "model") == 0)) st = walk_models(n, fn, payload, &stopped);
    if (st == HOOKE_OK && !stopped && (!kind || strcmp(kind, "model") == 0))
        st = walk_cache(n, fn, payload, &stopped);
    hooke_name_close(n);
    return st;
}

/* ---- JSON ---- */

static void key_text(struct json_writer *w, const char *key, const char *value)
{
    jw_key_string(w, key, value[0] ? value : NULL);
}

hooke_status hooke_name_json(const hooke_name_info *info, hooke_text *out)
{
    struct json_writer w;
    RETURN_IF(!info || !out, HOOKE_E_ARGUMENT, "hooke_name_json: a name and a text are needed");
    text_clear(out);
    jw_init(&w, out, 0);
    jw_object(&w);
    key_text(&w, "what", info->what);
    key_text(&w, "path", info->path);
    key_text(&w, "repo", info->repo);
    key_text(&w, "file", info->file);
    key_text(&w, "revision", info->revision);
    key_text(&w, "commit", info->commit);
    key_text(&w, "release", info->release);
    key_text(&w, "sae_id", info->sae_id);
    key_text(&w, "neuronpedia", info->neuronpedia);
    jw_key(&w, "norm_scaling_factor");
    if (info->norm_scaling_factor != 0.0)
        jw_real(&w, info->norm_scaling_factor);
    else
        jw_null(&w);
    jw_end_object(&w);
    return w.status;
}
