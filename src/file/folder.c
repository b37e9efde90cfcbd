#include "file/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- listing ---- */

static hooke_status add_path(struct folder *f, const char *path)
{
    void *p = f->paths;
    RETURN_IF_ERROR(
        mem_grow(&p, &f->capacity, f->n + 1, sizeof *f->paths, FOLDER_MAX_FILES, "files in a folder"));
    f->paths = p;
    f->paths[f->n] = arena_copy(&f->names, path, strlen(path));
    if (!f->paths[f->n]) return HOOKE_E_MEMORY;
    f->n++;
    return HOOKE_OK;
}

/* A folder that is being walked, and those that it lies in. */
struct place {
    const struct place *above; /* NULL: the root */
    dev_t device;
    ino_t inode;
    int depth;
};

static hooke_status walk(struct folder *f, hooke_text *path, size_t root_bytes, const struct place *here);

/* A link to a folder that it lies in would have no end. */
static bool is_within(const struct place *p, const struct stat *info)
{
    while (p && (p->device != info->st_dev || p->inode != info->st_ino)) p = p->above;
    return p != NULL;
}

static hooke_status visit(struct folder *f, hooke_text *path, size_t root_bytes, const char *name,
                          const struct place *here)
{
    struct stat info;
    size_t before = path->n;
    RETURN_IF_ERROR(text_printf(path, "/%s", name));
    hooke_status st = HOOKE_OK;
    if (stat(path->data, &info) ==
        0) { /* else a link to nothing: a file of the repository that was not fetched */
        if (S_ISREG(info.st_mode)) st = add_path(f, path->data + root_bytes + 1);
        struct place there = { here, info.st_dev, info.st_ino, here->depth + 1 };
        if (S_ISDIR(info.st_mode) && !is_within(here, &info)) st = walk(f, path, root_bytes, &there);
    }
    path->n = before;
    path->data[before] = '\0';
    return st;
}

static hooke_status walk(struct folder *f, hooke_text *path, size_t root_bytes, const struct place *here)
{
    RETURN_IF(here->depth > FOLDER_MAX_DEPTH, HOOKE_E_UNSUPPORTED, "%s: folders deeper than %d", path->data,
              (int)FOLDER_MAX_DEPTH);
    DIR *d = opendir(path->data);
    if (!d && errno == EACCES && here->above) return HOOKE_OK; /* another user's */
    if (!d) return fail_errno(HOOKE_E_NOT_FOUND, "%s", path->data);
    hooke_status st = HOOKE_OK;
    for (struct dirent *e; st == HOOKE_OK && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.') st = visit(f, path, root_bytes, e->d_name, here);
    closedir(d);
    return st;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

hooke_status folder_list(struct folder *out, const char *path)
{
    hooke_text root = { 0 };
    *out = (struct folder){ 0 };
    hooke_status st = text_puts(&root, path);
    while (st == HOOKE_OK && root.n > 1 && root.data[root.n - 1] == '/') root.data[--root.n] = '\0';
    struct stat info = { 0 };
    if (st == HOOKE_OK && stat(root.data, &info) != 0) st = fail_errno(HOOKE_E_NOT_FOUND, "%s", root.data);
    struct place top = { NULL, info.st_dev, info.st_ino, 0 };
    if (st == HOOKE_OK) st = walk(out, &root, root.n, &top);
    hooke_text_release(&root);
    if (st != HOOKE_OK)
        folder_release(out);
    else if (out->n)
        qsort(out->paths, out->n, sizeof *out->paths, compare);
    return st;
}

void folder_release(struct folder *f)
{
    mem_free(f->paths);
    arena_release(&f->names);
    *f = (struct folder){ 0 };
}

/* ---- patterns ---- */

/* The set at p, behind '['; *next is behind its ']'. NULL: it never ends. */
static bool in_set(const char *p, char c, const char **next)
{
    bool negated = *p == '!' || *p == '^', found = false;
    const char *first = negated ? ++p : p;
    for (; *p && (*p != ']' || p == first); p++) {
        if (p[1] == '-' && p[2] && p[2] != ']') {
            found |= p[0] <= c && c <= p[2];
            p += 2;
        } else {
            found |= *p == c;
        }
    }
    *next = *p ? p + 1 : NULL;
    return *p && found != negated;
}

/* Pattern and path go on together; at a star the place is kept, and tried again one character further when what follows does
 * not fit. Two places: a "**" may take over where a '*' gave up. */
bool path_matches(const char *p, const char *s)
{
    const char *star = NULL, *star_s = NULL, *deep = NULL, *deep_s = NULL, *next;
    bool by_folder = false; /* "**" and '/': what follows begins a name */
    for (;;) {
        if (p[0] == '*' && p[1] == '*') {
            by_folder = p[2] == '/';
            p += by_folder ? 3 : 2;
            deep = p;
            deep_s = s;
            star = NULL;
            continue;
        }
        if (*p == '*') {
            star = ++p;
            star_s = s;
            continue;
        }
        if (*p == '\0' && *s == '\0') return true;
        if (*p == '[' && *s && *s != '/' && in_set(p + 1, *s, &next)) {
            p = next;
            s++;
            continue;
        }
        if (*p != '[' && *s && (*p == *s || (*p == '?' && *s != '/'))) {
            p++;
            s++;
            continue;
        }
        if (star && *star_s && *star_s != '/') {
            p = star;
            s = ++star_s;
        } else if (deep && *deep_s) {
            deep_s++;
            while (by_folder && *deep_s && deep_s[-1] != '/') deep_s++;
            if (by_folder && !*deep_s) return false;
            p = deep;
            s = deep_s;
            star = NULL;
        } else {
            return false;
        }
    }
}
