/* hub.c: the Hugging Face hub cache, read only.
 *
 *   CACHE/models--ORG--NAME/refs/REVISION           text file: the commit, 40 hex digits
 *   CACHE/models--ORG--NAME/snapshots/COMMIT/...    the files (links into blobs/)
 *
 * A snapshot may hold only some of a repository's files: that the folder is there proves nothing about what is in it. */
#include "file/hub.h"

#include <stdlib.h>
#include <string.h>

enum { COMMIT_DIGITS = HUB_COMMIT_DIGITS, REPO_MAX = 200, REVISION_MAX = 200, PATH_MAX_CHARS = 1000 };

/* ---- where ---- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Appends the value of the variable that begins at s ("$NAME" or "${NAME}"); returns the length of its mention. */
static size_t expand_variable(hooke_text *out, const char *s, hooke_status *st)
{
    char name[64];
    bool has_brace = s[1] == '{';
    size_t begin = has_brace ? 2 : 1, n = 0;
    while (is_name_char(s[begin + n])) n++;
    if (n == 0 || n >= sizeof name || (has_brace && s[begin + n] != '}')) {
        *st = text_append(out, s, 1); /* no variable: a dollar sign */
        return 1;
    }
    memcpy(name, s + begin, n);
    name[n] = '\0';
    const char *value = getenv(name);
    *st = value ? text_puts(out, value) : text_append(out, s, begin + n + has_brace);
    return begin + n + has_brace;
}

hooke_status hub_expand(hooke_text *out, const char *path, const char *tail)
{
    const char *home = getenv("HOME");
    hooke_status st = HOOKE_OK;
    text_clear(out);
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') && home) {
        st = text_puts(out, home);
        path++;
    }
    while (*path && st == HOOKE_OK) {
        size_t plain = strcspn(path, "$");
        st = text_append(out, path, plain);
        path += plain;
        if (*path == '$' && st == HOOKE_OK) path += expand_variable(out, path, &st);
    }
    return st == HOOKE_OK ? text_puts(out, tail) : st;
}

hooke_status hub_cache_folder(hooke_text *out)
{
    static const char *const places[][2] = { { "HF_HUB_CACHE", "" },
                                             { "HUGGINGFACE_HUB_CACHE", "" },
                                             { "HF_HOME", "/hub" },
                                             { "XDG_CACHE_HOME", "/huggingface/hub" } };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = getenv(places[i][0]);
        if (value && *value) return hub_expand(out, value, places[i][1]);
    }
    return hub_expand(out, "~/.cache/huggingface/hub", "");
}

/* ---- what ---- */

static bool is_commit_text(const char *s, size_t n)
{
    if (n != COMMIT_DIGITS) return false;
    for (size_t i = 0; i < n; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f'))) return false;
    return true;
}

bool hub_is_commit(const char *s)
{
    return is_commit_text(s, strlen(s));
}

/* Repositories of data sets have their kind before their name; models go without. */
static const char dataset_prefix[] = "datasets/";
enum { N_DATASET_PREFIX = sizeof dataset_prefix - 1 };

bool hub_is_dataset(const char *repo)
{
    return strncmp(repo, dataset_prefix, N_DATASET_PREFIX) == 0;
}

const char *hub_repo_id(const char *repo)
{
    return hub_is_dataset(repo) ? repo + N_DATASET_PREFIX : repo;
}

/* "org/name" or "name", of the characters the hub allows. */
bool hub_is_repo(const char *repo)
{
    const char *s = hub_repo_id(repo);
    size_t n = strlen(s), slashes = 0;
    if (n == 0 || n > REPO_MAX || strstr(s, "..") || strstr(s, "--") || strchr("./-", s[0]) ||
        strchr("./-", s[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '/')
            slashes++;
        else if (!is_name_char(s[i]) && s[i] != '.' && s[i] != '-')
            return false;
    }
    return slashes <= 1 && !strstr(s, "/.");
}

/* A branch or tag, which may have slashes ("refs/pr/1") but leads nowhere outside refs/. */
bool hub_is_revision(const char *s)
{
    size_t n = strlen(s);
    if (n == 0 || n > REVISION_MAX || s[0] == '/' || s[n - 1] == '/' || strstr(s, "..") || strstr(s, "//"))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_name_char(s[i]) && !strchr("./-+", s[i])) return false;
    return true;
}

bool hub_is_path(const char *path)
{
    size_t n_all = strlen(path);
    if (n_all == 0 || n_all > PATH_MAX_CHARS || utf8_valid_prefix(path, n_all) != n_all) return false;
    for (const char *p = path; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '\\') return false;
    for (const char *p = path;; p++) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.')) return false;
        p += n;
        if (!*p) return true;
    }
}

hooke_status hub_repo_name(hooke_text *out, const char *repo)
{
    const char *id = hub_repo_id(repo), *slash = strchr(id, '/');
    RETURN_IF_ERROR(text_puts(out, hub_is_dataset(repo) ? "datasets--" : "models--"));
    if (!slash) return text_puts(out, id);
    RETURN_IF_ERROR(text_append(out, id, (size_t)(slash - id)));
    return text_printf(out, "--%s", slash + 1);
}

/* CACHE/models--ORG--NAME */
static hooke_status repo_folder(hooke_text *out, const char *repo)
{
    RETURN_IF_ERROR(hub_cache_folder(out));
    RETURN_IF_ERROR(text_puts(out, "/"));
    return hub_repo_name(out, repo);
}

/* The commit a revision stands for, as COMMIT_DIGITS characters and a NUL. */
static hooke_status read_ref(char *commit, const char *folder, const char *repo, const char *revision)
{
    hooke_text path = { 0 }, text = { 0 };
    hooke_status st = text_printf(&path, "%s/refs/%s", folder, revision);
    if (st == HOOKE_OK && !file_exists(path.data))
        st = fail(HOOKE_E_NOT_FOUND, "hub repository '%s' at '%s' is not in the cache: no %s", repo, revision,
                  path.data);
    if (st == HOOKE_OK) st = file_read(&text, path.data, 256);
    while (st == HOOKE_OK && text.n > 0 && strchr(" \r\n", text.data[text.n - 1])) text.n--;
    if (st == HOOKE_OK && !is_commit_text(text.data, text.n))
        st = fail(HOOKE_E_FORMAT, "%s: holds no commit of 40 hex digits", path.data);
    if (st == HOOKE_OK) {
        memcpy(commit, text.data, COMMIT_DIGITS);
        commit[COMMIT_DIGITS] = '\0';
    }
    hooke_text_release(&path);
    hooke_text_release(&text);
    return st;
}

static hooke_status find_snapshot(hooke_text *out, const char *folder, const char *repo, const char *revision)
{
    char commit[COMMIT_DIGITS + 1];
    RETURN_IF(!is_folder(folder), HOOKE_E_NOT_FOUND, "hub repository '%s' is not in the cache: no folder %s",
              repo, folder);
    if (hub_is_commit(revision))
        memcpy(commit, revision, sizeof commit);
    else
        RETURN_IF_ERROR(read_ref(commit, folder, repo, revision));
    text_clear(out);
    RETURN_IF_ERROR(text_printf(out, "%s/snapshots/%s", folder, commit));
    RETURN_IF(!is_folder(out->data), HOOKE_E_NOT_FOUND,
              "hub repository '%s' at '%s' is not in the cache: no folder %s", repo, revision, out->data);
    return HOOKE_OK;
}

hooke_status hub_snapshot(hooke_text *out, const char *repo, const char *revision)
{
    hooke_text folder = { 0 };
    if (!revision) revision = "main";
    text_clear(out);
    RETURN_IF(!hub_is_repo(repo), HOOKE_E_ARGUMENT, "'%.200s' is no hub repository (ORG/NAME)", repo);
    RETURN_IF(!hub_is_revision(revision), HOOKE_E_ARGUMENT, "'%.200s' is no revision", revision);
    hooke_status st = repo_folder(&folder, repo);
    if (st == HOOKE_OK) st = find_snapshot(out, folder.data, repo, revision);
    if (st != HOOKE_OK) text_clear(out);
    hooke_text_release(&folder);
    return st;
}
