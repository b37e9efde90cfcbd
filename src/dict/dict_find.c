/* dict_find.c: the dictionaries in a folder and below it: a run's trainers, a release's layers, what a cache holds. Names and, for
 * PyTorch and GGUF files, lists of tensors decide; nothing is loaded. */
#include <stdio.h>
#include <string.h>

#include "dict/format.h"
#include "file/folder.h"

enum { PATH_BYTES = 4096, SHOWN = 4 };

static bool may_be_weights(const char *path)
{
    static const char *const endings[] = { ".safetensors", ".npz", ".pt", ".pth", ".gguf" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (path_ends_with(path, endings[i])) return true;
    return false;
}

/* Llama Scope and Llamascopium keep their weights a folder deeper than the configuration. */
static void leave_checkpoints(char *path)
{
    static const char *const inner[] = { "/final.safetensors", "/final.pt", "/pruned.safetensors",
                                         "/pruned.pt" };
    static const char between[] = "/checkpoints";
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        size_t n = strlen(path), m = strlen(inner[i]), k = sizeof between - 1;
        if (n < m + k || !path_ends_with(path, inner[i]) || memcmp(path + n - m - k, between, k) != 0)
            continue;
        path[n - m] = '\0';
        return;
    }
}

/* The folder of a file where the two are a dictionary, else the file where it alone is one; false: neither. A cross-layer
 * transcoder is known by its encoder. */
static bool recognise(char path[PATH_BYTES], const char *root, const char *file, const char **format)
{
    int n = snprintf(path, PATH_BYTES, "%s/%s", root, file);
    if (n < 0 || n >= PATH_BYTES || !may_be_weights(path)) return false;
    leave_checkpoints(path);
    char *slash = strrchr(path, '/');
    if (strncmp(slash, "/W_dec_", 7) == 0) return false;
    *slash = '\0';
    if (hooke_dict_recognise(path, format)) return true;
    *slash = '/';
    return hooke_dict_recognise(path, format);
}

hooke_status hooke_dict_find(const char *folder, hooke_dict_found_fn fn, void *payload)
{
    struct folder list;
    char path[PATH_BYTES], last[PATH_BYTES] = "";
    RETURN_IF(!folder || !fn, HOOKE_E_ARGUMENT, "hooke_dict_find: a folder and a function are needed");
    RETURN_IF(!is_folder(folder), HOOKE_E_NOT_FOUND, "%s: no such folder", folder);
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    RETURN_IF(n >= PATH_BYTES, HOOKE_E_ARGUMENT, "a path of %zu bytes", n);
    char root[PATH_BYTES];
    memcpy(root, folder, n);
    root[n] = '\0';
    RETURN_IF_ERROR(folder_list(&list, root));
    for (size_t i = 0; i < list.n; i++) {
        const char *format;
        if (!recognise(path, root, list.paths[i], &format) || strcmp(path, last) == 0) continue;
        memcpy(last, path, sizeof last);
        if (fn(payload, path, format) != 0) break;
    }
    folder_release(&list);
    return HOOKE_OK;
}

struct examples {
    hooke_text names;
    int n;
};

static int on_example(void *payload, const char *path, const char *format)
{
    struct examples *e = payload;
    (void)format;
    if (e->n++ < SHOWN) (void)text_printf(&e->names, "%s%s", e->n > 1 ? ", " : "", path);
    return 0;
}

/* A folder that is no dictionary, but holds some: said with their names. */
hooke_status dict_refuse_folder(const char *folder)
{
    struct examples e = { .n = 0 };
    hooke_status st = hooke_dict_find(folder, on_example, &e);
    if (st == HOOKE_OK && e.n > 0 && e.names.data)
        st = fail(HOOKE_E_NOT_FOUND, "%s: a folder of %d dictionar%s, no dictionary itself; name one: %s%s",
                  folder, e.n, e.n == 1 ? "y" : "ies", e.names.data, e.n > SHOWN ? ", ..." : "");
    hooke_text_release(&e.names);
    return st;
}
