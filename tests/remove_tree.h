/* remove_tree.h: takes away what a test or a fuzz target wrote, folders included. Links are removed, never followed. */
#ifndef HOOKE_TESTS_REMOVE_TREE_H
#define HOOKE_TESTS_REMOVE_TREE_H

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static inline void remove_tree(const char *path)
{
    char inner[1024];
    struct stat info;
    DIR *folder = lstat(path, &info) == 0 && S_ISDIR(info.st_mode) ? opendir(path) : NULL;
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (snprintf(inner, sizeof inner, "%s/%s", path, e->d_name) < (int)sizeof inner) remove_tree(inner);
    }
    if (folder) closedir(folder);
    remove(path);
}

#endif
