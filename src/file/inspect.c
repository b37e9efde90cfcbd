/* inspect.c: opens whatever lies at a path and lists its tensors, for looking only. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "file/gguf.h"
#include "file/npz.h"
#include "file/safetensors.h"
#include "file/sniff.h"
#include "file/torch_file.h"

enum { CONFIG_MAX_BYTES = 16 << 20, TOKENIZER_MAX_BYTES = 256 << 20, SNIFF_BYTES = 512 };

struct hooke_file {
    const char *kind, *format;  /* static strings */
    struct safetensors tensors; /* one of these four, or none */
    struct npz arrays;
    struct torch_file pickled;
    struct gguf gguf;
    hooke_tensor_info *infos; /* [n_infos], in the order of the container */
    int n_infos;
    hooke_text path; /* being tried */
};

/* ---- the list ---- */

static hooke_status list_tensors(struct hooke_file *f, const struct stored_tensor *tensors, int n)
{
    f->infos = mem_alloc((size_t)n, sizeof *f->infos);
    RETURN_IF(!f->infos, HOOKE_E_MEMORY, "out of memory for %d tensors", n);
    for (int i = 0; i < n; i++) {
        hooke_tensor_info *info = &f->infos[i];
        info->name = tensors[i].name;
        info->dtype = tensors[i].dtype_text;
        info->n_dims = tensors[i].n_dims;
        for (int d = 0; d < tensors[i].n_dims; d++) info->shape[d] = tensors[i].shape[d];
        info->bytes = (int64_t)tensors[i].bytes;
    }
    f->n_infos = n;
    return HOOKE_OK;
}

static hooke_status describe(struct hooke_file *f, const char *kind, const char *format)
{
    f->kind = kind;
    f->format = format;
    return HOOKE_OK;
}

static hooke_status open_safetensors(struct hooke_file *f, const char *path)
{
    RETURN_IF_ERROR(safetensors_open(&f->tensors, path));
    return list_tensors(f, f->tensors.tensors, f->tensors.n_tensors);
}

static hooke_status open_arrays(struct hooke_file *f, const char *path)
{
    RETURN_IF_ERROR(npz_open(&f->arrays, path));
    return list_tensors(f, f->arrays.tensors, f->arrays.n_tensors);
}

static hooke_status open_pickled(struct hooke_file *f, const char *path)
{
    RETURN_IF_ERROR(torch_file_open(&f->pickled, path));
    return list_tensors(f, f->pickled.tensors, f->pickled.n_tensors);
}

static hooke_status open_gguf(struct hooke_file *f, const char *path)
{
    RETURN_IF_ERROR(gguf_open(&f->gguf, path));
    RETURN_IF_ERROR(list_tensors(f, f->gguf.tensors, f->gguf.n_tensors));
    return describe(f, "tensors", gguf_is_control_vector(&f->gguf) ? "control_vector" : "gguf");
}

/* ---- folders ---- */

/* Is folder/name there? Leaves its path in f->path. */
static bool has(struct hooke_file *f, const char *folder, const char *name, hooke_status *st)
{
    if (*st != HOOKE_OK) return false;
    *st = path_join(&f->path, folder, name);
    return *st == HOOKE_OK && file_exists(f->path.data);
}

/* A configuration of SAELens 6 has the hook's name inside "metadata". */
static hooke_status saelens_format(const char **out, struct hooke_file *f, const char *folder)
{
    struct arena a = { 0 };
    const struct json *config;
    hooke_status st = path_join(&f->path, folder, "cfg.json");
    if (st == HOOKE_OK) st = json_read(&config, &a, f->path.data, CONFIG_MAX_BYTES, JSON_AS_PYTHON);
    if (st == HOOKE_OK)
        *out = json_get(json_get(config, "metadata"), "hook_name") ? "saelens" : "saelens_legacy";
    arena_release(&a);
    return st;
}

static hooke_status open_saelens(struct hooke_file *f, const char *folder)
{
    const char *format = "saelens";
    RETURN_IF_ERROR(open_safetensors(f, f->path.data));
    RETURN_IF_ERROR(saelens_format(&format, f, folder));
    return describe(f, "dict", format);
}

/* Sound JSON with a "model": a tokenizer. */
static hooke_status check_tokenizer(const char *path)
{
    struct arena a = { 0 };
    const struct json *root;
    hooke_status st = json_read(&root, &a, path, TOKENIZER_MAX_BYTES, 0);
    if (st == HOOKE_OK && !json_get(root, "model"))
        st = fail(HOOKE_E_FORMAT, "%s: JSON, but no tokenizer: it has no 'model'", path);
    arena_release(&a);
    return st;
}

static hooke_status refuse_folder(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;
    if (!d) return fail_errno(HOOKE_E_IO, "%s", folder);
    while (n < 3 && readdir(d)) n++; /* itself and the one above are always there */
    closedir(d);
    return fail(HOOKE_E_NOT_FOUND,
                n < 3 ? "%s: an empty folder"
                      : "%s: a folder without what is known here: a model (config.json with "
                        "model.safetensors), a tokenizer.json, a dictionary's files",
                folder);
}

static hooke_status open_folder(struct hooke_file *f, const char *folder)
{
    hooke_status st = HOOKE_OK;
    bool has_config = has(f, folder, "config.json", &st);
    if (has_config &&
        (has(f, folder, "model.safetensors", &st) || has(f, folder, "model.safetensors.index.json", &st))) {
        RETURN_IF_ERROR(open_safetensors(f, f->path.data));
        return describe(f, "model", "huggingface");
    }
    if (has(f, folder, "cfg.json", &st) && has(f, folder, "sae_weights.safetensors", &st))
        return open_saelens(f, folder);
    if (has(f, folder, "params.npz", &st)) {
        RETURN_IF_ERROR(open_arrays(f, f->path.data));
        return describe(f, "dict", "gemma_scope");
    }
    bool is_pickled =
        has(f, folder, "pytorch_model.bin", &st) || has(f, folder, "pytorch_model.bin.index.json", &st);
    if (!has_config && has(f, folder, "tokenizer.json", &st)) {
        RETURN_IF_ERROR(check_tokenizer(f->path.data));
        return describe(f, "tokenizer", "huggingface");
    }
    RETURN_IF_ERROR(st);
    RETURN_IF(is_pickled, HOOKE_E_UNSUPPORTED,
              "%s: weights are pickled (pytorch_model.bin); convert them to safetensors", folder);
    RETURN_IF(has_config, HOOKE_E_NOT_FOUND,
              "%s: config.json, but no weights: no model.safetensors and no model.safetensors.index.json",
              folder);
    return refuse_folder(folder);
}

/* ---- files ---- */

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

static bool has_array(const struct npz *z, const char *name)
{
    for (int i = 0; i < z->n_tensors; i++)
        if (strcmp(z->tensors[i].name, name) == 0) return true;
    return false;
}

static hooke_status open_archive(struct hooke_file *f, const char *path)
{
    RETURN_IF_ERROR(open_arrays(f, path));
    const struct npz *z = &f->arrays;
    bool is_scope = (has_array(z, "W_enc") || has_array(z, "w_enc")) &&
                    (has_array(z, "W_dec") || has_array(z, "w_dec")) && has_array(z, "threshold");
    if (is_scope) return describe(f, "dict", "gemma_scope");
    return describe(f, "tensors", z->n_tensors == 1 && ends_with(path, ".npy") ? "npy" : "npz");
}

static hooke_status open_lone_safetensors(struct hooke_file *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    hooke_text folder = { 0 };
    hooke_status st = open_safetensors(f, path);
    if (st == HOOKE_OK) st = describe(f, "tensors", "safetensors");
    if (st == HOOKE_OK && ends_with(path, "sae_weights.safetensors")) {
        st = slash ? text_append(&folder, path, (size_t)(slash - path)) : text_puts(&folder, ".");
        if (st == HOOKE_OK && has(f, folder.data, "cfg.json", &st)) {
            f->kind = "dict";
            st = saelens_format(&f->format, f, folder.data);
        }
    }
    hooke_text_release(&folder);
    return st;
}

/* Arrays and PyTorch's files are both ZIP archives: names tell, and where they do not, one of the two readers takes it. */
static hooke_status open_zip(struct hooke_file *f, const char *path)
{
    bool says_torch = ends_with(path, ".pt") || ends_with(path, ".pth") || ends_with(path, ".bin");
    if (says_torch || !ends_with(path, ".npz")) {
        hooke_status st = open_pickled(f, path);
        if (st == HOOKE_OK) return describe(f, "tensors", "torch");
        if (says_torch || st != HOOKE_E_FORMAT) return st;
    }
    return open_archive(f, path);
}

static hooke_status read_beginning(unsigned char bytes[SNIFF_BYTES], size_t *n, const char *path)
{
    struct mapped_file m;
    RETURN_IF_ERROR(map_open(&m, path));
    *n = m.n < SNIFF_BYTES ? m.n : SNIFF_BYTES;
    if (*n) memcpy(bytes, m.data, *n);
    map_close(&m);
    return HOOKE_OK;
}

static bool begins_like_safetensors(const unsigned char *p, size_t n)
{
    return n > 8 && p[8] == '{' && p[4] == 0 && p[5] == 0 && p[6] == 0 && p[7] == 0;
}

static hooke_status open_single(struct hooke_file *f, const char *path)
{
    unsigned char bytes[SNIFF_BYTES];
    size_t n;
    RETURN_IF_ERROR(read_beginning(bytes, &n, path));
    if (begins_like_safetensors(bytes, n) || ends_with(path, ".safetensors"))
        return open_lone_safetensors(f, path);
    if (ends_with(path, ".safetensors.index.json")) {
        RETURN_IF_ERROR(open_safetensors(f, path));
        return describe(f, "tensors", "safetensors");
    }
    if (ends_with(path, "tokenizer.json")) {
        RETURN_IF_ERROR(check_tokenizer(path));
        return describe(f, "tokenizer", "huggingface");
    }
    if (n >= 6 && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0))
        return open_zip(f, path);
    if ((n >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0) || ends_with(path, ".npz") || ends_with(path, ".npy"))
        return open_archive(f, path);
    if ((n >= 4 && memcmp(bytes, "GGUF", 4) == 0) || ends_with(path, ".gguf")) return open_gguf(f, path);
    if (ends_with(path, ".pt") || ends_with(path, ".pth"))
        return open_pickled(f, path); /* says what it is instead */
    return fail(HOOKE_E_FORMAT, "%s: no model, dictionary or tensor file; it looks like %s", path,
                looks_like(bytes, n));
}

/* ---- the public face ---- */

hooke_status hooke_file_open(hooke_file **out, const char *path)
{
    RETURN_IF(!out, HOOKE_E_ARGUMENT, "hooke_file_open: out is NULL");
    *out = NULL;
    RETURN_IF(!path, HOOKE_E_ARGUMENT, "hooke_file_open: path is NULL");
    struct hooke_file *f = mem_alloc(1, sizeof *f);
    RETURN_IF(!f, HOOKE_E_MEMORY, "%s: out of memory", path);
    hooke_status st = is_folder(path) ? open_folder(f, path) : open_single(f, path);
    if (st == HOOKE_OK)
        *out = f;
    else
        hooke_file_close(f);
    return st;
}

void hooke_file_close(hooke_file *f)
{
    if (!f) return;
    safetensors_close(&f->tensors);
    npz_close(&f->arrays);
    torch_file_close(&f->pickled);
    gguf_close(&f->gguf);
    hooke_text_release(&f->path);
    mem_free(f->infos);
    mem_free(f);
}

const char *hooke_file_kind(const hooke_file *f)
{
    return f->kind;
}

const char *hooke_file_format(const hooke_file *f)
{
    return f->format;
}

int hooke_file_n_tensors(const hooke_file *f)
{
    return f->n_infos;
}

const hooke_tensor_info *hooke_file_tensor(const hooke_file *f, int index)
{
    return index >= 0 && index < f->n_infos ? &f->infos[index] : NULL;
}

/* The tensor's data; arrays are loaded when they are first asked for, which the reader of a const file cannot see. */
static hooke_status find_data(const hooke_file *f, int index, int64_t n, const struct stored_tensor **out)
{
    *out = NULL;
    RETURN_IF(!f || index < 0 || index >= f->n_infos, HOOKE_E_ARGUMENT, "tensor %d of %d", index,
              f ? f->n_infos : 0);
    struct hooke_file *loads = (struct hooke_file *)(uintptr_t)f;
    const struct stored_tensor *t = f->tensors.n_tensors   ? &f->tensors.tensors[index]
                                    : f->gguf.n_tensors    ? &f->gguf.tensors[index]
                                    : f->pickled.n_tensors ? &f->pickled.tensors[index]
                                                           : &f->arrays.tensors[index];
    RETURN_IF(n != t->n_items, HOOKE_E_SHAPE, "tensor '%.200s' has %lld elements, not %lld", t->name,
              (long long)t->n_items, (long long)n);
    if (f->pickled.n_tensors) return torch_file_load(&loads->pickled, out, t->name);
    if (f->arrays.n_tensors) return npz_load(&loads->arrays, out, t->name);
    *out = t;
    return HOOKE_OK;
}

hooke_status hooke_file_read_f32(const hooke_file *f, int index, float *out, int64_t n)
{
    const struct stored_tensor *t;
    RETURN_IF_ERROR(find_data(f, index, n, &t));
    return stored_to_f32(out, t, 0, n);
}

hooke_status hooke_file_read_i64(const hooke_file *f, int index, int64_t *out, int64_t n)
{
    const struct stored_tensor *t;
    RETURN_IF_ERROR(find_data(f, index, n, &t));
    return stored_to_i64(out, t, 0, n);
}
