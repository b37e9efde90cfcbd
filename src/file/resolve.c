/* resolve.c: from what a user types to a path on this machine. In this order: an existing path; a shipped name; hf:...; a hub
 * repository or a TransformerLens short name in the hub cache. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "file/hub.h"

/* ---- shipped assets ---- */

enum { PARENTS = 5, PATH_MAX_BYTES = 4096 };

/* Tries folder/relative; notes the folder for the message otherwise. */
static bool try_folder(hooke_text *path, hooke_text *looked, const char *folder, const char *relative,
                       hooke_status *st)
{
    *st = path_join(path, folder, relative);
    if (*st != HOOKE_OK) return true;
    if (access(path->data, F_OK) == 0) return true;
    *st = text_printf(looked, "%s%s", looked->n ? ", " : "", folder);
    return *st != HOOKE_OK;
}

/* The program's folder and those above it: build/release/tests/file/test_x finds the tree it was built in. */
static bool try_beside_program(hooke_text *path, hooke_text *looked, const char *relative, hooke_status *st)
{
    char folder[PATH_MAX_BYTES];
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (n <= 0) return false;
    folder[n] = '\0';
    for (int up = 0; up < PARENTS; up++) {
        char *slash = strrchr(folder, '/');
        if (!slash || slash == folder) return false;
        *slash = '\0';
        if (try_folder(path, looked, folder, relative, st)) return true;
    }
    return false;
}

hooke_status hooke_asset(hooke_text *path, const char *relative)
{
    hooke_text looked = { 0 };
    hooke_status st = HOOKE_OK;
    RETURN_IF(!path || !relative, HOOKE_E_ARGUMENT, "hooke_asset: path or relative is NULL");
    const char *data = getenv("HOOKE_DATA");
    bool found = data && *data ? try_folder(path, &looked, data, relative, &st)
                               : try_beside_program(path, &looked, relative, &st) ||
                                     try_folder(path, &looked, HOOKE_PREFIX "/share/hooke", relative, &st);
    if (!found)
        st = fail(HOOKE_E_NOT_FOUND,
                  "shipped file '%s' is not in %s; set HOOKE_DATA to the folder that holds models/ and data/",
                  relative, looked.n ? looked.data : "any known place");
    if (st != HOOKE_OK) text_clear(path);
    hooke_text_release(&looked);
    return st;
}

/* ---- the shipped dictionary: the one folder below models/micro-sae that holds a params.npz ---- */

static hooke_status find_params(hooke_text *found, const char *folder, int depth);

static hooke_status visit(hooke_text *found, const char *folder, const char *name, int depth)
{
    hooke_text path = { 0 };
    hooke_status st = path_join(&path, folder, name);
    if (st == HOOKE_OK && strcmp(name, "params.npz") == 0) {
        if (found->n)
            st = fail(HOOKE_E_ARGUMENT, "several shipped dictionaries: %s, %s; name one by its path",
                      found->data, folder);
        else
            st = text_puts(found, folder);
    } else if (st == HOOKE_OK && name[0] != '.' && depth > 0 && is_folder(path.data)) {
        st = find_params(found, path.data, depth - 1);
    }
    hooke_text_release(&path);
    return st;
}

static hooke_status find_params(hooke_text *found, const char *folder, int depth)
{
    DIR *d = opendir(folder);
    hooke_status st = HOOKE_OK;
    RETURN_IF(!d, HOOKE_E_IO, "%s: cannot be listed", folder);
    for (struct dirent *e; st == HOOKE_OK && (e = readdir(d)) != NULL;)
        st = visit(found, folder, e->d_name, depth);
    closedir(d);
    return st;
}

static hooke_status shipped_dict(hooke_text *path)
{
    hooke_text folder = { 0 };
    hooke_status st = hooke_asset(&folder, "models/micro-sae");
    text_clear(path);
    if (st == HOOKE_OK) st = find_params(path, folder.data, 4);
    if (st == HOOKE_OK && path->n == 0)
        st = fail(HOOKE_E_NOT_FOUND, "%s: no params.npz below it", folder.data);
    hooke_text_release(&folder);
    return st;
}

/* ---- short names ---- */

/* A repository is also known by the part of its name behind the slash, in any case: TransformerLens' short names of the families
 * that are read here. The exceptions stand in aliases[]. */
static const char *const repositories[] = {
    "google/gemma-2-2b",
    "google/gemma-2-2b-it",
    "google/gemma-2-9b",
    "google/gemma-2-9b-it",
    "google/gemma-2-27b",
    "google/gemma-2-27b-it",
    "google/gemma-2b",
    "google/gemma-2b-it",
    "google/gemma-7b",
    "google/gemma-7b-it",
    "google/gemma-3-270m",
    "google/gemma-3-270m-it",
    "google/gemma-3-1b-pt",
    "google/gemma-3-1b-it",
    "google/gemma-3-4b-pt",
    "google/gemma-3-4b-it",
    "google/gemma-3-12b-pt",
    "google/gemma-3-12b-it",
    "google/gemma-3-27b-pt",
    "google/gemma-3-27b-it",
    "EleutherAI/pythia-14m",
    "EleutherAI/pythia-31m",
    "EleutherAI/pythia-70m",
    "EleutherAI/pythia-70m-deduped",
    "EleutherAI/pythia-160m",
    "EleutherAI/pythia-160m-deduped",
    "EleutherAI/pythia-410m",
    "EleutherAI/pythia-410m-deduped",
    "EleutherAI/pythia-1b",
    "EleutherAI/pythia-1b-deduped",
    "EleutherAI/pythia-1.4b",
    "EleutherAI/pythia-1.4b-deduped",
    "EleutherAI/pythia-2.8b",
    "EleutherAI/pythia-2.8b-deduped",
    "EleutherAI/pythia-6.9b",
    "EleutherAI/pythia-6.9b-deduped",
    "EleutherAI/pythia-12b",
    "EleutherAI/pythia-12b-deduped",
    "gpt2",
    "gpt2-medium",
    "gpt2-large",
    "gpt2-xl",
    "distilgpt2",
    "meta-llama/Meta-Llama-3-8B",
    "meta-llama/Meta-Llama-3-8B-Instruct",
    "meta-llama/Llama-3.1-8B",
    "meta-llama/Llama-3.1-8B-Instruct",
    "meta-llama/Llama-3.2-1B",
    "meta-llama/Llama-3.2-1B-Instruct",
    "meta-llama/Llama-3.2-3B",
    "meta-llama/Llama-3.2-3B-Instruct",
    "Qwen/Qwen2-0.5B",
    "Qwen/Qwen2-0.5B-Instruct",
    "Qwen/Qwen2-1.5B",
    "Qwen/Qwen2-1.5B-Instruct",
    "Qwen/Qwen2-7B",
    "Qwen/Qwen2-7B-Instruct",
    "Qwen/Qwen2.5-0.5B",
    "Qwen/Qwen2.5-0.5B-Instruct",
    "Qwen/Qwen2.5-1.5B",
    "Qwen/Qwen2.5-1.5B-Instruct",
    "Qwen/Qwen2.5-3B",
    "Qwen/Qwen2.5-3B-Instruct",
    "Qwen/Qwen2.5-7B",
    "Qwen/Qwen2.5-7B-Instruct",
    "Qwen/Qwen3-0.6B",
    "Qwen/Qwen3-0.6B-Base",
    "Qwen/Qwen3-1.7B",
    "Qwen/Qwen3-4B",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-14B",
};
static const char *const aliases[][2] = { { "gpt2-small", "gpt2" },
                                          { "distillgpt2", "distilgpt2" },
                                          { "pythia", "EleutherAI/pythia-70m" } };

static const char *short_part(const char *repo)
{
    const char *slash = strrchr(repo, '/');
    return slash ? slash + 1 : repo;
}

/* The repository a short name stands for; NULL if none. *near is the closest other name, for the message. */
static const char *find_short_name(const char *what, const char **near)
{
    int nearest = 3; /* further apart is another word, not a misspelling */
    *near = NULL;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcasecmp(what, aliases[i][0]) == 0) return aliases[i][1];
    for (size_t i = 0; i < sizeof repositories / sizeof *repositories; i++) {
        const char *name = short_part(repositories[i]);
        if (strcasecmp(what, name) == 0) return repositories[i];
        int distance = edit_distance(what, name);
        if (distance >= nearest) continue;
        nearest = distance;
        *near = name;
    }
    return NULL;
}

/* ---- the hub cache ---- */

/* ORG/NAME, PATH and REV of ORG/NAME[/PATH][@REV]; without a slash it is a NAME alone. */
struct hub_name {
    char repo[256], path[1024], revision[256];
};

static bool copy_part(char *out, size_t capacity, const char *s, size_t n)
{
    if (n >= capacity) return false;
    memcpy(out, s, n);
    out[n] = '\0';
    return true;
}

static bool is_inside(const char *path)
{
    if (path[0] == '/' || strpbrk(path, "\\")) return false;
    for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/') {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 2 && p[0] == '.' && p[1] == '.')) return false;
    }
    return true;
}

static hooke_status split_hub_name(struct hub_name *h, const char *what)
{
    const char *at = strrchr(what, '@'), *end = at ? at : what + strlen(what);
    const char *first = memchr(what, '/', (size_t)(end - what));
    const char *second = first ? memchr(first + 1, '/', (size_t)(end - first - 1)) : NULL,
               *repo_end = second ? second : end;
    const char *path = second ? second + 1 : end;
    bool fits =
        copy_part(h->repo, sizeof h->repo, what, (size_t)(repo_end - what)) &&
        copy_part(h->path, sizeof h->path, path, (size_t)(end - path)) &&
        copy_part(h->revision, sizeof h->revision, at ? at + 1 : "main", strlen(at ? at + 1 : "main"));
    size_t n = strlen(h->path);
    if (fits && n && h->path[n - 1] == '/') h->path[n - 1] = '\0';
    RETURN_IF(!fits || !is_inside(h->path), HOOKE_E_ARGUMENT,
              "'%.200s' is not of the form ORG/NAME[/PATH][@REVISION]", what);
    return HOOKE_OK;
}

static hooke_status resolve_hub(hooke_text *path, const char *what)
{
    struct hub_name h = { .repo = "" };
    RETURN_IF_ERROR(split_hub_name(&h, what));
    RETURN_IF_ERROR(hub_snapshot(path, h.repo, h.revision));
    if (h.path[0]) RETURN_IF_ERROR(path_join(path, path->data, h.path));
    RETURN_IF(access(path->data, F_OK) != 0, HOOKE_E_NOT_FOUND,
              "hub repository '%s' is in the cache, but not its '%s': no %s", h.repo, h.path, path->data);
    return HOOKE_OK;
}

/* A snapshot with only a tokenizer in it is common. */
static hooke_status check_is_model(const char *folder, const char *repo)
{
    hooke_text config = { 0 };
    hooke_status st = path_join(&config, folder, "config.json");
    if (st == HOOKE_OK && is_folder(folder) && !file_exists(config.data))
        st = fail(HOOKE_E_NOT_FOUND, "hub repository '%s' is only partly in the cache: no %s", repo,
                  config.data);
    hooke_text_release(&config);
    return st;
}

static hooke_status resolve_model_repo(hooke_text *path, const char *what)
{
    RETURN_IF_ERROR(resolve_hub(path, what));
    return check_is_model(path->data, what);
}

/* ---- putting it together ---- */

static hooke_status explain_model(const char *what, const char *near)
{
    hooke_text cache = { 0 };
    RETURN_IF_ERROR(hub_cache_folder(&cache));
    hooke_status st =
        fail(HOOKE_E_NOT_FOUND,
             "model '%.200s': no such path, and no name known here%s%s%s; give a folder with config.json and "
             "*.safetensors, 'micro', 'micro-neox', or a hub id that is in the cache %s",
             what, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", cache.data);
    hooke_text_release(&cache);
    return st;
}

static hooke_status resolve_model(hooke_text *path, const char *what)
{
    const char *near, *repo = find_short_name(what, &near);
    if (strcmp(what, "micro") == 0) return hooke_asset(path, "models/micro");
    if (strcmp(what, "micro-neox") == 0) return hooke_asset(path, "models/micro-neox");
    if (strncmp(what, "hf:", 3) == 0) return resolve_model_repo(path, what + 3);
    bool is_hub_id = strchr(what, '/') && what[0] != '/' && what[0] != '.';
    if (!repo && !is_hub_id) return explain_model(what, near);
    if (!repo) repo = what;
    hooke_status st = resolve_model_repo(path, repo);
    if (st != HOOKE_E_NOT_FOUND) return st;
    return fail(st, "%s; fetch it (huggingface-cli download %s) or give a folder", hooke_error(), repo);
}

/* Names of SAELens' registry, RELEASE/SAE_ID, will be looked up here, before the hub. */
static hooke_status resolve_dict(hooke_text *path, const char *what)
{
    if (strcmp(what, "micro") == 0 || strcmp(what, "micro-sae") == 0) return shipped_dict(path);
    if (strncmp(what, "hf:", 3) == 0) return resolve_hub(path, what + 3);
    hooke_status st =
        strchr(what, '/') && what[0] != '/' && what[0] != '.' ? resolve_hub(path, what) : HOOKE_E_NOT_FOUND;
    if (st == HOOKE_OK || st == HOOKE_E_MEMORY) return st;
    return fail(HOOKE_E_NOT_FOUND,
                "dictionary '%.200s': no such path, and not in the hub cache as ORG/NAME/PATH; give a file "
                "or folder, 'micro' or "
                "hf:ORG/NAME/PATH (registry names, RELEASE/SAE_ID, are not looked up yet)",
                what);
}

hooke_status hooke_resolve(hooke_text *path, const char *what, const char *kind)
{
    RETURN_IF(!path || !what || !kind, HOOKE_E_ARGUMENT, "hooke_resolve: an argument is NULL");
    bool is_model = strcmp(kind, "model") == 0;
    RETURN_IF(!is_model && strcmp(kind, "dict") != 0, HOOKE_E_ARGUMENT,
              "hooke_resolve: kind '%s' is not 'model' or 'dict'", kind);
    RETURN_IF(!*what, HOOKE_E_ARGUMENT, "an empty name for a %s", is_model ? "model" : "dictionary");
    text_clear(path);
    if (access(what, F_OK) == 0) return text_puts(path, what);
    hooke_status st = is_model ? resolve_model(path, what) : resolve_dict(path, what);
    if (st != HOOKE_OK) text_clear(path);
    return st;
}
