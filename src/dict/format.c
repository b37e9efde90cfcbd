#include "dict/format.h"

#include <string.h>

static const struct dict_format formats[] = {
    { "saelens", saelens_recognise, saelens_open },
    { "gemma_scope", gemma_scope_recognise, gemma_scope_open },
};

hooke_status dict_format_find(const struct dict_format **out, const char *path)
{
    *out = NULL;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!formats[i].recognise(path)) continue;
        *out = &formats[i];
        return HOOKE_OK;
    }
    RETURN_IF(!file_exists(path) && !is_folder(path), HOOKE_E_NOT_FOUND, "%s: no such file or folder", path);
    return fail(HOOKE_E_NOT_FOUND,
                "%s: no dictionary here: looked for params.npz (Gemma Scope) and for cfg.json with "
                "sae_weights.safetensors (SAELens)",
                path);
}

bool path_ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && memcmp(path + n - m, end, m) == 0;
}

char *path_beside(struct arena *a, const char *path, const char *name)
{
    size_t n = strlen(path), m = strlen(name);
    if (!is_folder(path)) {
        while (n > 0 && path[n - 1] != '/') n--;
        if (n == 0) return arena_copy(a, name, m);
    }
    while (n > 1 && path[n - 1] == '/') n--;
    char *out = arena_alloc(a, n + m + 2, 1);
    if (!out) return NULL;
    memcpy(out, path, n);
    out[n] = '/';
    memcpy(out + n + 1, name, m);
    return out;
}
