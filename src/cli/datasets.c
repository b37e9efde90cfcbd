/* datasets.c: hooke pull --datasets: the files that the table of data sets names, split by split. */
#include "cli/datasets.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The files of one split among those that the repository has: the first n_files by name. */
static void add_split(struct list *out, const hooke_dataset_split *split, const hooke_pulled_info *all)
{
    const char **found = take((size_t)all->n_files + 1, sizeof *found);
    int n = 0;
    for (int i = 0; i < all->n_files; i++)
        if (fnmatch(split->files, all->files[i].path, FNM_PATHNAME) == 0) found[n++] = all->files[i].path;
    qsort(found, (size_t)n, sizeof *found, by_name);
    if (split->n_files > 0 && n > split->n_files) n = split->n_files;
    for (int i = 0; i < n; i++) list_add(out, take_text(found[i], strlen(found[i])));
    give(found);
}

/* A listing first, as "so many of them" and globs that stop at '/' are not for the library's own choice. */
static hooke_status choose_files(struct list *out, const hooke_dataset_info *d, const char *what,
                                 const hooke_pull_options *options)
{
    hooke_pull_options look = *options;
    hooke_pulled *all;
    look.everything = look.dry_run = true;
    look.include = look.exclude = NULL;
    hooke_status st = hooke_pull(&all, what, &look);
    if (st) return st;
    for (int i = 0; i < d->n_splits; i++) add_split(out, &d->splits[i], hooke_pulled_get_info(all));
    hooke_pulled_close(all);
    return HOOKE_OK;
}

/* Names that hold a glob's characters must not act as one. */
static const char *literal(const char *path)
{
    char *out = take(4 * strlen(path) + 1, 1);
    size_t n = 0;
    for (; *path; path++) {
        if (strchr("*?[\\", *path)) out[n++] = '\\';
        out[n++] = *path;
    }
    return out;
}

const char *dataset_hub_name(const hooke_dataset_info *d)
{
    return take_printf("hf:datasets/%s%s%s", d->repo, d->revision && d->revision[0] ? "@" : "",
                       d->revision ? d->revision : "");
}

hooke_status dataset_pull(hooke_pulled **out, const hooke_dataset_info *d, const hooke_pull_options *options)
{
    const char *what = dataset_hub_name(d);
    struct list files = { NULL, 0 };
    hooke_pull_options o = *options;
    *out = NULL;
    hooke_status st = choose_files(&files, d, what, options);
    if (st) return st;
    if (files.n == 0) return HOOKE_E_NOT_FOUND;
    const char **include = take((size_t)files.n + 1, sizeof *include);
    for (int i = 0; i < files.n; i++) include[i] = literal(files.items[i]);
    o.include = include;
    return hooke_pull(out, what, &o);
}
