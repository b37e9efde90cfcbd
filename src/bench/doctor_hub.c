/* doctor_hub.c: the hub as this machine sees it: cache, disk, token (that there is one, never the token), registry, data sets. Looks
 * at the disk and at the environment only. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bench/doctor.h"
#include "file/folder.h"
#include "file/hub_net.h"

/* ---- the cache ---- */

/* Bytes of the files in a folder; links and folders are left out. */
static int64_t folder_bytes(const char *folder)
{
    hooke_text path = { 0 };
    struct stat info;
    int64_t bytes = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        if (path_join(&path, folder, e->d_name) == HOOKE_OK && lstat(path.data, &info) == 0 &&
            S_ISREG(info.st_mode))
            bytes += info.st_size;
    if (d) closedir(d);
    hooke_text_release(&path);
    return bytes;
}

/* Content lies in CACHE/REPOSITORY/blobs, once. */
static void measure_cache(const char *cache, int *n_repos, int64_t *bytes)
{
    hooke_text path = { 0 };
    DIR *d = opendir(cache);
    *n_repos = 0;
    *bytes = 0;
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        if (strncmp(e->d_name, "models--", 8) != 0 && strncmp(e->d_name, "datasets--", 10) != 0) continue;
        text_clear(&path);
        if (text_printf(&path, "%s/%s/blobs", cache, e->d_name) != HOOKE_OK) break;
        (*n_repos)++;
        *bytes += folder_bytes(path.data);
    }
    if (d) closedir(d);
    hooke_text_release(&path);
}

/* Free bytes where the cache is, or where it would be made; -1: not known. */
static int64_t free_bytes(const char *cache)
{
    hooke_text path = { 0 };
    struct statvfs disk;
    int64_t bytes = -1;
    if (text_puts(&path, cache) != HOOKE_OK) return -1;
    for (;;) {
        if (statvfs(path.data, &disk) == 0) {
            bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
            break;
        }
        char *slash = strrchr(path.data, '/');
        if (!slash || slash == path.data) break;
        *slash = '\0';
    }
    hooke_text_release(&path);
    return bytes;
}

/* The variable or the file that a token comes from, as hub_config.c finds it; it was found. */
static const char *token_source(void)
{
    static const char *const names[] = { "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && value[strspn(value, " \t\r\n")]) return names[i];
    }
    return "token file";
}

static void write_config(struct json_writer *w, const struct hub_config *c)
{
    int n_repos;
    int64_t bytes, space = free_bytes(c->cache.data);
    measure_cache(c->cache.data, &n_repos, &bytes);
    jw_key_string(w, "cache", c->cache.data);
    jw_key_int(w, "repositories", n_repos);
    jw_key_int(w, "cache_bytes", bytes);
    jw_key(w, "free_bytes");
    if (space < 0)
        jw_null(w);
    else
        jw_int(w, space);
    jw_key_string(w, "endpoint", c->endpoint.data);
    jw_key_bool(w, "offline", c->is_offline);
    jw_key_string(w, "token_from", c->token.n ? token_source() : NULL);
}

void doctor_write_hub(struct json_writer *w)
{
    struct hub_config c;
    hooke_status st = hub_config_read(&c);
    jw_key(w, "hub");
    jw_object(w);
    if (st == HOOKE_OK)
        write_config(w, &c);
    else
        jw_key_string(w, "fault", hooke_error()); /* names the variable, never the token */
    jw_key_string(w, "library", http_library());
    jw_end_object(w);
    if (st == HOOKE_OK) hub_config_release(&c);
}

/* ---- the registry ---- */

struct counts {
    int rows, cached, models, models_cached;
};

static int count_name(void *payload, const hooke_name_info *info)
{
    struct counts *c = payload;
    bool is_model = strcmp(info->kind, "model") == 0, is_cached = hooke_name_is_cached(info);
    c->rows += !is_model;
    c->models += is_model;
    c->cached += !is_model && is_cached;
    c->models_cached += is_model && is_cached;
    return 0;
}

void doctor_write_registry(struct json_writer *w)
{
    struct counts c = { 0 };
    if (hooke_registry_walk(NULL, count_name, &c) != HOOKE_OK) return;
    jw_key(w, "registry");
    jw_object(w);
    jw_key_int(w, "dictionaries", c.rows);
    jw_key_int(w, "dictionaries_cached", c.cached);
    jw_key_int(w, "models", c.models);
    jw_key_int(w, "models_cached", c.models_cached);
    jw_end_object(w);
}

/* ---- data sets ---- */

/* Made on the spot from what is here anyway. */
static bool needs_nothing(const hooke_dataset_info *set)
{
    return strcmp(set->kind, "vocabulary") == 0;
}

/* A snapshot may hold some of the files only: each split must have one. */
static bool has_every_split(const char *snapshot, const hooke_dataset_info *set)
{
    struct folder list;
    bool all = folder_list(&list, snapshot) == HOOKE_OK;
    for (int i = 0; all && i < set->n_splits; i++) {
        bool found = false;
        for (size_t k = 0; !found && k < list.n; k++)
            found = path_matches(set->splits[i].files, list.paths[k]);
        if (!found) {
            folder_release(&list);
            return false;
        }
    }
    if (all) folder_release(&list);
    return all;
}

static bool find_dataset(hooke_text *path, const hooke_dataset_info *set)
{
    hooke_text repo = { 0 };
    bool found = set->repo[0] && text_printf(&repo, "datasets/%s", set->repo) == HOOKE_OK &&
                 hub_snapshot(path, repo.data, set->revision[0] ? set->revision : NULL) == HOOKE_OK &&
                 has_every_split(path->data, set);
    hooke_text_release(&repo);
    return found;
}

static bool has_stand_in(const hooke_dataset_info *set)
{
    hooke_text path = { 0 };
    bool found = false;
    for (int i = 0; !found && i < set->n_splits; i++)
        found = set->splits[i].micro && hooke_asset(&path, set->splits[i].micro) == HOOKE_OK;
    hooke_text_release(&path);
    return found;
}

void doctor_write_datasets(struct json_writer *w)
{
    hooke_text path = { 0 };
    const hooke_dataset_info *set;
    jw_key(w, "datasets");
    jw_array(w);
    for (int i = 0; (set = hooke_dataset_get(i)) != NULL; i++) {
        jw_object(w);
        jw_key_string(w, "name", set->name);
        jw_key_string(w, "needed_for", set->evals);
        jw_key_string(w, "found",
                      needs_nothing(set)         ? set->note
                      : find_dataset(&path, set) ? path.data
                                                 : NULL);
        jw_key_bool(w, "stand_in", has_stand_in(set));
        jw_key_bool(w, "gated", set->gated);
        jw_end_object(w);
    }
    jw_end_array(w);
    hooke_text_release(&path);
}

/* ---- what is missing ---- */

void doctor_missing(struct json_writer *w, const char *what, const char *needed_for, const char *fix)
{
    jw_object(w);
    jw_key_string(w, "what", what);
    jw_key_string(w, "needed_for", needed_for);
    jw_key_string(w, "fix", fix);
    jw_end_object(w);
}

static void missing_dataset(struct json_writer *w, const hooke_dataset_info *set)
{
    hooke_text needed = { 0 }, fix = { 0 };
    hooke_status st =
        text_printf(&needed, "eval %s%s", set->evals,
                    has_stand_in(set) ? " on real texts (the micro world's stand-in is there)" : "");
    if (st == HOOKE_OK && !set->repo[0])
        st = text_printf(&fix, "see %s", set->page);
    else if (st == HOOKE_OK)
        st = text_printf(&fix, "%s%s%shooke pull --datasets %s", set->gated ? "ask for access at " : "",
                         set->gated ? set->page : "", set->gated ? ", then " : "", set->name);
    if (st == HOOKE_OK) doctor_missing(w, set->name, needed.data, fix.data);
    hooke_text_release(&needed);
    hooke_text_release(&fix);
}

static void missing_cache(struct json_writer *w, const char *cache)
{
    static const char set[] = "set HF_HUB_CACHE to a folder of yours";
    if (file_exists(cache) && !is_folder(cache))
        doctor_missing(w, "hub cache: a file has its name", "models and dictionaries by name", set);
    else if (!is_folder(cache))
        doctor_missing(w, "hub cache", "models and dictionaries by name; paths work without",
                       "hooke pull makes it");
    else if (access(cache, W_OK) != 0)
        doctor_missing(w, "the right to write into the hub cache", "pull", set);
}

void doctor_missing_hub(struct json_writer *w)
{
    struct hub_config c;
    const hooke_dataset_info *set;
    hooke_text path = { 0 };
    hooke_status st = hub_config_read(&c);
    if (!http_library()) doctor_missing(w, "libcurl", "pull", "install libcurl (Debian, Ubuntu: libcurl4)");
    if (st != HOOKE_OK) {
        doctor_missing(w, "a usable hub configuration", "pull", hooke_error());
    } else {
        missing_cache(w, c.cache.data);
        if (!c.token.n)
            doctor_missing(w, "hub token", "pull of gated repositories (Gemma, Llama)",
                           "set HF_TOKEN to a token of https://huggingface.co/settings/tokens");
        hub_config_release(&c);
    }
    for (int i = 0; (set = hooke_dataset_get(i)) != NULL; i++)
        if (!needs_nothing(set) && !find_dataset(&path, set)) missing_dataset(w, set);
    hooke_text_release(&path);
}
