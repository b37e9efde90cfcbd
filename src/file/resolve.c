/* resolve.c: from a name (name.c) to a path on this machine: shipped assets and the hub cache. */
#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/hub.h"
#include "file/name.h"

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

/* bin: the program's folder. */
static bool try_installed(hooke_text *path, hooke_text *looked, const char *bin, const char *relative,
                          hooke_status *st)
{
    hooke_text share = { 0 };
    *st = path_join(&share, bin, "../share/hooke");
    bool done = *st != HOOKE_OK || try_folder(path, looked, share.data, relative, st);
    hooke_text_release(&share);
    return done;
}

/* The program's folder and those above it: build/release/tests/file/test_x finds the tree it was built in, and an installed
 * bin/hooke the share/hooke beside its bin, wherever the two were moved. */
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
        if (up == 0 && try_installed(path, looked, folder, relative, st)) return true;
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

bool is_shipped(const char *what, const char *kind)
{
    if (strcmp(kind, "model") == 0) return strcmp(what, "micro") == 0 || strcmp(what, "micro-neox") == 0;
    return strcmp(what, "micro") == 0 || strcmp(what, "micro-sae") == 0;
}

static hooke_status shipped_path(hooke_text *path, const char *what, const char *kind)
{
    if (strcmp(kind, "dict") == 0) return shipped_dict(path);
    return hooke_asset(path, strcmp(what, "micro") == 0 ? "models/micro" : "models/micro-neox");
}

/* ---- the hub cache ---- */

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

/* The last part of a snapshot's folder is its commit. */
static void note_commit(struct hooke_name *n, const char *snapshot)
{
    const char *slash = strrchr(snapshot, '/');
    snprintf(n->commit, sizeof n->commit, "%.40s", slash ? slash + 1 : snapshot);
}

/* Behind the last message: what to type. */
static hooke_status say_how_to_fetch(hooke_status st, const struct hooke_name *n)
{
    const char *quote = strpbrk(n->what, "?&*[]()$;|<># \"\\") ? "'" : ""; /* for a shell */
    return fail(st, "%s; fetch it: hooke pull %s%s%s", hooke_error(), quote, n->what, quote);
}

static hooke_status find_in_cache(hooke_text *path, struct hooke_name *n)
{
    hooke_text inside = { 0 };
    hooke_status st = hub_snapshot(path, n->place.repo, n->place.revision);
    if (st == HOOKE_OK) st = name_entry_point(&inside, n);
    if (st == HOOKE_OK) note_commit(n, path->data);
    if (st == HOOKE_OK && inside.n) st = path_join(path, path->data, inside.data);
    if (st == HOOKE_OK && access(path->data, F_OK) != 0)
        st = fail(HOOKE_E_NOT_FOUND, "hub repository '%s' is in the cache, but not its '%s': no %s",
                  n->place.repo, inside.data ? inside.data : "", path->data);
    hooke_text_release(&inside);
    if (st == HOOKE_OK && strcmp(n->info.kind, "model") == 0) st = check_is_model(path->data, n->place.repo);
    if (st != HOOKE_E_NOT_FOUND) return st;
    if (!n->row.release[0] && n->place.file[0]) RETURN_IF_ERROR(name_explain_folder(&n->place));
    return say_how_to_fetch(st, n);
}

hooke_status hooke_name_locate(hooke_name *n)
{
    hooke_text path = { 0 };
    hooke_status st = HOOKE_OK;
    RETURN_IF(!n, HOOKE_E_ARGUMENT, "hooke_name_locate: the name is NULL");
    if (strcmp(n->info.spelling, "path") == 0) return HOOKE_OK;
    if (strcmp(n->info.spelling, "shipped") == 0)
        st = shipped_path(&path, n->what, n->info.kind);
    else
        st = find_in_cache(&path, n);
    if (st == HOOKE_OK) st = (text_clear(&n->path), text_puts(&n->path, path.data));
    n->info.path = st == HOOKE_OK ? n->path.data : "";
    if (st != HOOKE_OK) n->commit[0] = '\0';
    hooke_text_release(&path);
    return st;
}

/* ---- whether all of it is there ---- */

static bool has_match(const char *folder, const char *pattern)
{
    DIR *d = opendir(folder);
    bool found = false;
    if (!d) return false;
    for (struct dirent *e; !found && (e = readdir(d)) != NULL;)
        found = e->d_name[0] != '.' && fnmatch(pattern, e->d_name, 0) == 0;
    closedir(d);
    return found;
}

/* Patterns have their stars in the last part. */
static bool has_file(const char *snapshot, const hooke_name_file *f)
{
    hooke_text path = { 0 };
    bool found = path_join(&path, snapshot, f->pattern) == HOOKE_OK;
    if (found && f->is_pattern) {
        char *slash = strrchr(path.data, '/');
        *slash = '\0';
        found = has_match(path.data, slash + 1);
    } else
        found = found && access(path.data, F_OK) == 0;
    hooke_text_release(&path);
    return found;
}

bool hooke_name_is_cached(const hooke_name_info *info)
{
    hooke_text snapshot = { 0 };
    if (!info) return false;
    if (!info->repo[0]) return true; /* an existing path, or shipped */
    bool found = hub_snapshot(&snapshot, info->repo, info->revision) == HOOKE_OK;
    for (int i = 0; found && i < info->n_files; i++)
        found = info->files[i].optional || has_file(snapshot.data, &info->files[i]);
    hooke_text_release(&snapshot);
    return found;
}

hooke_status name_say_partial(hooke_status st, const struct hooke_name *n)
{
    hooke_text snapshot = { 0 };
    bool is_pulled = n && n->place.repo[0] && strcmp(n->info.spelling, "path") != 0;
    if (st != HOOKE_E_NOT_FOUND || !is_pulled || !n->info.path[0]) return st;
    const hooke_name_file *missing = NULL;
    RETURN_IF_ERROR(hub_snapshot(&snapshot, n->place.repo, n->place.revision));
    for (int i = 0; i < n->info.n_files && !missing; i++)
        if (!n->files[i].optional && !has_file(snapshot.data, &n->files[i])) missing = &n->files[i];
    if (missing) {
        fail(st, "hub repository '%s' is only partly in the cache: no %s/%s", n->place.repo, snapshot.data,
             missing->pattern);
        st = say_how_to_fetch(st, n);
    }
    hooke_text_release(&snapshot);
    return st;
}

/* ---- in one call ---- */

hooke_status hooke_resolve(hooke_text *path, const char *what, const char *kind)
{
    hooke_name *n = NULL;
    RETURN_IF(!path || !what || !kind, HOOKE_E_ARGUMENT, "hooke_resolve: an argument is NULL");
    text_clear(path);
    hooke_status st = hooke_name_open(&n, what, kind);
    if (st == HOOKE_OK) st = hooke_name_locate(n);
    if (st == HOOKE_OK) st = text_puts(path, n->info.path);
    if (st != HOOKE_OK) text_clear(path);
    hooke_name_close(n);
    return st;
}
