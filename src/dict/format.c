#include "dict/format.h"

#include <stdio.h>
#include <string.h>

static const struct dict_format formats[] = {
    { "saelens", saelens_recognise, saelens_open },
    { "gemma_scope", gemma_scope_recognise, gemma_scope_open },
    { "gemma_scope_2", gemma_scope2_recognise, gemma_scope2_open },
    { "sparsify", sparsify_recognise, sparsify_open },
    { "llama_scope", llama_scope_recognise, llama_scope_open },
    { "llamascopium", llamascopium_recognise, llamascopium_open },
    { "temporal", temporal_recognise, temporal_open },
    { "transcoder_set", circuit_recognise, circuit_open },
    { "dictionary_learning", torch_is_run, torch_open },
    { "torch", torch_recognise, torch_open },
    { "control_vector", control_vector_recognise, control_vector_open },
};

const struct dict_format *dict_format_recognise(const char *path)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].recognise(path)) return &formats[i];
    return NULL;
}

/* A model, or a file of tensors under a name of no format: what it holds is said. */
static hooke_status refuse_tensors(const hooke_file *f, const char *path)
{
    enum { SHOWN = 8 };
    int n = hooke_file_n_tensors(f);
    RETURN_IF(strcmp(hooke_file_kind(f), "model") == 0, HOOKE_E_NOT_FOUND,
              "%s: a model, no dictionary; name it with -m (hooke_model_open())", path);
    hooke_text t = { 0 };
    for (int i = 0; i < n && i < SHOWN; i++)
        (void)text_printf(&t, "%s%.60s", i ? ", " : "", hooke_file_tensor(f, i)->name);
    hooke_status st = fail(HOOKE_E_NOT_FOUND,
                           "%s: a file of %d tensors (%s%s), but no dictionary by its name; name the folder "
                           "that holds it with its configuration",
                           path, n, t.data ? t.data : "", n > SHOWN ? ", ..." : "");
    hooke_text_release(&t);
    return st;
}

/* Of a file or folder that is no dictionary, what it is; HOOKE_OK where that says nothing. A configuration without its weights
 * is such a case: what is missing beside it says more. */
static hooke_status refuse_by_content(const char *path)
{
    hooke_file *f;
    bool is_configuration = path_ends_with(path, ".json") || path_ends_with(path, ".yaml");
    if (is_configuration) return HOOKE_OK;
    hooke_status st = hooke_file_open(&f, path);
    if (st != HOOKE_OK) return is_folder(path) ? HOOKE_OK : st;
    st = refuse_tensors(f, path);
    hooke_file_close(f);
    return st;
}

hooke_status dict_format_find(const struct dict_format **out, const char *path)
{
    if ((*out = dict_format_recognise(path)) != NULL) return HOOKE_OK;
    RETURN_IF(!file_exists(path) && !is_folder(path), HOOKE_E_NOT_FOUND, "%s: no such file or folder", path);
    if (torch_is_named(path)) return torch_refuse(path);
    if (is_folder(path)) RETURN_IF_ERROR(dict_refuse_folder(path));
    RETURN_IF_ERROR(refuse_by_content(path));
    return fail(
        HOOKE_E_NOT_FOUND,
        "%s: no dictionary here: looked for cfg.json with sae_weights.safetensors (SAELens) or "
        "sae.safetensors (sparsify), params.npz or params.safetensors (Gemma Scope), ae.pt "
        "(dictionary_learning), weight.pt (AxBench), hyperparams.json with checkpoints/final.safetensors "
        "(Llama Scope), config.json with sae_weights.safetensors or .pt (Llamascopium), conf.yaml with "
        "latest_ckpt.safetensors (temporal); of a transcoder set name one layer's file",
        path);
}

bool path_ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && memcmp(path + n - m, end, m) == 0;
}

/* Length of the folder part of path, without the slash behind it; 0: the current folder. */
static size_t folder_length(const char *path)
{
    size_t n = strlen(path);
    if (!is_folder(path))
        while (n > 0 && path[n - 1] != '/') n--;
    while (n > 1 && path[n - 1] == '/') n--;
    return n;
}

char *path_beside(struct arena *a, const char *path, const char *name)
{
    size_t n = folder_length(path), m = strlen(name);
    if (n == 0) return arena_copy(a, name, m);
    char *out = arena_alloc(a, n + m + 2, 1);
    if (!out) return NULL;
    memcpy(out, path, n);
    out[n] = '/';
    memcpy(out + n + 1, name, m + 1);
    return out;
}

const char *path_instead(char out[4096], const char *path, const char *end, const char *name)
{
    size_t n = strlen(path), m = strlen(end), kept = n - m;
    bool ends = path_ends_with(path, end) && (n == m || path[n - m - 1] == '/');
    if (!ends || kept + strlen(name) >= 4096) return path;
    memcpy(out, path, kept);
    memcpy(out + kept, name, strlen(name) + 1);
    return out;
}

bool exists_beside(const char *path, const char *name)
{
    char file[4096]; /* Linux' PATH_MAX: longer names cannot be opened either */
    size_t n = folder_length(path);
    int written = n ? snprintf(file, sizeof file, "%.*s/%s", (int)n, path, name)
                    : snprintf(file, sizeof file, "%s", name);
    return written > 0 && (size_t)written < sizeof file && file_exists(file);
}
