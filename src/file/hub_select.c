/* hub_select.c: which of a repository's files a pull brings. */
#include <fnmatch.h>
#include <string.h>

#include "file/hub_net.h"

/* What is brought without being asked for one by one. */
#define WHOLE_MAX_BYTES ((int64_t)1 << 30)

static bool matches(const char *path, const char *glob)
{
    size_t n = strlen(glob);
    if (n > 0 && glob[n - 1] == '/') return strncmp(path, glob, n) == 0; /* a folder */
    return fnmatch(glob, path, 0) == 0;
}

static bool matches_any(const char *path, const char *const *globs)
{
    for (; globs && *globs; globs++)
        if (matches(path, *globs)) return true;
    return false;
}

static void keep_if(struct hub_listing *l, bool (*is_wanted)(const char *path, const void *payload),
                    const void *payload)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (is_wanted(l->entries[i].path, payload)) l->entries[n++] = l->entries[i];
    l->n = n;
}

static bool is_chosen(const char *path, const void *payload)
{
    const struct hub_choice *c = payload;
    bool in = !c->include || !*c->include || matches_any(path, c->include);
    return in && !matches_any(path, c->exclude);
}

/* ---- models ---- */

/* One of the weights' two layouts, so that a repository that has both brings one. */
struct model_files {
    bool has_config, has_single, has_index;
};

static bool is_shard(const char *path)
{
    return fnmatch("model-*-of-*.safetensors", path, 0) == 0;
}

static struct model_files look_for_model(const struct hub_listing *l)
{
    struct model_files m = { false, false, false };
    for (size_t i = 0; i < l->n; i++) {
        const char *path = l->entries[i].path;
        if (strcmp(path, "config.json") == 0) m.has_config = true;
        if (strcmp(path, "model.safetensors") == 0) m.has_single = true;
        if (strcmp(path, "model.safetensors.index.json") == 0) m.has_index = true;
    }
    return m;
}

static bool opens_model(const char *path, const void *payload)
{
    static const char *const names[] = {
        "config.json",           "generation_config.json",  "tokenizer.json",
        "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"
    };
    const struct model_files *m = payload;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path, names[i]) == 0) return true;
    if (m->has_single) return strcmp(path, "model.safetensors") == 0;
    return strcmp(path, "model.safetensors.index.json") == 0 || is_shard(path);
}

/* ---- everything else ---- */

static int64_t sum_bytes(const struct hub_listing *l)
{
    int64_t sum = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->entries[i].size > 0 && __builtin_add_overflow(sum, l->entries[i].size, &sum)) return INT64_MAX;
    return sum;
}

/* The first folders below `folder`, as an example of what can be named. */
static hooke_status say_what_there_is(const struct hub_listing *l, const char *repo, const char *folder)
{
    hooke_text names = { 0 };
    const char *last = "";
    size_t n_last = 0, skip = *folder ? strlen(folder) + 1 : 0;
    int n = 0;
    hooke_status st = HOOKE_OK;
    for (size_t i = 0; i < l->n && st == HOOKE_OK && n < 4; i++) {
        const char *p = strlen(l->entries[i].path) > skip ? l->entries[i].path + skip : "";
        size_t n_first = strcspn(p, "/");
        if (!p[n_first] || (n_first == n_last && memcmp(p, last, n_last) == 0)) continue;
        st = text_printf(&names, "%s%.*s/", n ? ", " : "", (int)(n_first < 60 ? n_first : 60), p);
        last = p;
        n_last = n_first;
        n++;
    }
    if (st == HOOKE_OK)
        st = fail(
            HOOKE_E_ARGUMENT,
            "%s%s%s holds %zu files, %.1f GiB%s%s; name a folder or file in it (hf:%s/PATH), choose with "
            "--include GLOB, or take it whole with --all",
            repo, *folder ? "/" : "", folder, l->n, (double)sum_bytes(l) / (1 << 30),
            names.n ? ", in folders such as " : "", names.n ? names.data : "", repo);
    hooke_text_release(&names);
    return st;
}

hooke_status hub_select(struct hub_listing *l, const struct hub_choice *choice, const char *repo,
                        const char *folder, bool is_model)
{
    struct model_files m = look_for_model(l);
    bool is_chosen_by_name = choice->everything || (choice->include && *choice->include);
    keep_if(l, is_chosen, choice);
    RETURN_IF(l->n == 0, HOOKE_E_NOT_FOUND,
              "no file of %s%s%s is wanted: nothing matches; its files are on its page", repo,
              *folder ? "/" : "", folder);
    if (is_chosen_by_name) return HOOKE_OK;
    if (m.has_config && (m.has_single || m.has_index) && !hub_is_dataset(repo)) {
        keep_if(l, opens_model, &m);
        return HOOKE_OK;
    }
    RETURN_IF(
        is_model, HOOKE_E_UNSUPPORTED,
        "%s is no model that can be read: it has no %s; choose files with --include GLOB, or take it whole "
        "with --all",
        repo, m.has_config ? "model.safetensors or model.safetensors.index.json" : "config.json");
    return sum_bytes(l) <= WHOLE_MAX_BYTES ? HOOKE_OK : say_what_there_is(l, repo, folder);
}
