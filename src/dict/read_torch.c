/* read_torch.c: which family a .pt file belongs to, and what the families' readers share. */
#include <string.h>

#include "dict/torch_family.h"

static const struct torch_family families[] = {
    { "openai", "openai", openai_fits, openai_take },
    { "goodfire", "goodfire", goodfire_fits, goodfire_take },
    { "pca", NULL, pca_fits, pca_take },
    { "loreft", NULL, loreft_fits, loreft_take },
    { "axbench", NULL, axbench_fits, axbench_take },
    { "qwen_scope", "qwen_scope", qwen_scope_fits, qwen_scope_take },
    { "connor_rob_hook_z", "connor_rob_hook_z", hook_z_fits, hook_z_take },
    { "deepseek_r1", "deepseek_r1", deepseek_r1_fits, deepseek_r1_take },
    { "dictionary_learning", "dictionary_learning_1", dictionary_learning_fits, dictionary_learning_take },
};

/* Files that make a folder a dictionary of one of the families. */
static const char *const folder_files[] = { "ae.pt", "weight.pt", "DiffMean_weight.pt", "LsReFT_weight.pt" };

static const char *file_in_folder(const char *path)
{
    for (size_t i = 0; i < sizeof folder_files / sizeof *folder_files; i++)
        if (exists_beside(path, folder_files[i])) return folder_files[i];
    return NULL;
}

bool torch_is_named(const char *path)
{
    return (path_ends_with(path, ".pt") || path_ends_with(path, ".pth")) && file_exists(path) &&
           !is_folder(path);
}

static const struct torch_family *family_of(const struct torch_file *f, const char *path,
                                            const char *conversion)
{
    for (size_t i = 0; conversion && i < sizeof families / sizeof *families; i++)
        if (families[i].conversion && strcmp(families[i].conversion, conversion) == 0) return &families[i];
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (families[i].fits(f, path)) return &families[i];
    return NULL;
}

bool torch_is_run(const char *path)
{
    bool is_named = is_folder(path) || path_ends_with(path, "config.json") || path_ends_with(path, "ae.pt");
    return is_named && exists_beside(path, "ae.pt");
}

/* Names do not tell a dictionary's .pt from others: the file's own list of tensors does. What cannot be opened is taken, so that
 * opening says why. */
bool torch_recognise(const char *path)
{
    struct torch_file f;
    if (is_folder(path) || path_ends_with(path, "config.json")) return file_in_folder(path) != NULL;
    if (!torch_is_named(path)) return false;
    if (torch_file_open(&f, path) != HOOKE_OK) return true;
    bool fits = family_of(&f, path, NULL) != NULL;
    torch_file_close(&f);
    return fits;
}

/* A .pt file of something else: its tensors are named, so that one sees of what. */
static hooke_status no_family(const struct torch_file *f, const char *path)
{
    enum { SHOWN = 8 };
    hooke_text t = { 0 };
    for (int i = 0; i < f->n_tensors && i < SHOWN; i++)
        (void)text_printf(&t, "%s%.60s", i ? ", " : "", f->tensors[i].name);
    hooke_status st =
        fail(HOOKE_E_NOT_FOUND,
             "%s: a PyTorch file of %d tensors (%s%s), but no dictionary of a family that is known here; "
             "name one with --dict-family (hooke_dict_options.conversion)",
             path, f->n_tensors, t.data ? t.data : "", f->n_tensors > SHOWN ? ", ..." : "");
    hooke_text_release(&t);
    return st;
}

hooke_status torch_refuse(const char *path)
{
    struct torch_file f;
    RETURN_IF_ERROR(torch_file_open(&f, path));
    hooke_status st = no_family(&f, path);
    torch_file_close(&f);
    return st;
}

hooke_status torch_open(struct hooke_dict *d, const char *path)
{
    const char *file = path;
    if (!torch_is_named(path)) {
        const char *name = file_in_folder(path);
        RETURN_IF(!name, HOOKE_E_NOT_FOUND, "%s: no ae.pt and no weight.pt", path);
        file = path_beside(&d->arena, path, name);
        RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    }
    RETURN_IF_ERROR(torch_file_open(&d->torch, file));
    const struct torch_family *family =
        family_of(&d->torch, file, d->options ? d->options->conversion : NULL);
    if (!family) return no_family(&d->torch, file);
    d->format = family->name;
    d->config.hook_head_index = -1;
    d->config.has_apply_b_dec = true;
    d->config.prepend_bos = true;
    return family->take(d, file);
}

/* ---- for the families ---- */

/* prefix + name, or "" when that is too long to be in any file. */
static const char *joined(char out[256], const char *prefix, const char *name)
{
    size_t n = strlen(prefix), m = strlen(name);
    out[0] = '\0';
    if (n + m >= 256) return out;
    memcpy(out, prefix, n);
    memcpy(out + n, name, m + 1);
    return out;
}

bool torch_has(const struct torch_file *f, const char *prefix, const char *name)
{
    char full[256];
    return torch_file_find(f, joined(full, prefix, name)) != NULL;
}

static const struct reader_row *row_named(const struct reader_row *rows, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

hooke_status torch_take(struct hooke_dict *d, const char *prefix, const struct reader_row *rows,
                        size_t n_rows, const char *what)
{
    for (int i = 0; i < d->torch.n_tensors; i++) {
        const char *name = d->torch.tensors[i].name;
        if (strncmp(name, prefix, strlen(prefix)) != 0) continue;
        const struct reader_row *r = row_named(rows, n_rows, name + strlen(prefix));
        RETURN_IF(!r, HOOKE_E_FORMAT, "%s: tensor '%.200s' has no place in %s", d->info.path, name, what);
        if (r->param == N_PARAMS) continue;
        RETURN_IF(d->param[r->param], HOOKE_E_FORMAT, "%s: tensors '%s' and '%s' mean the same", d->info.path,
                  d->param[r->param]->name, name);
        RETURN_IF_ERROR(torch_file_load(&d->torch, &d->param[r->param], name));
        d->transposed[r->param] = r->transposed;
    }
    return HOOKE_OK;
}

hooke_status torch_number(struct hooke_dict *d, const char *prefix, const char *name, double *out,
                          bool *found)
{
    char full[256];
    float f;
    const struct stored_tensor *t;
    const struct torch_value *v = torch_file_value(&d->torch, joined(full, prefix, name));
    *found = false;
    if (v && (v->kind == TORCH_INT || v->kind == TORCH_REAL)) {
        *out = v->real;
        *found = true;
    }
    if (!torch_file_find(&d->torch, full)) return HOOKE_OK;
    RETURN_IF_ERROR(torch_file_load(&d->torch, &t, full));
    RETURN_IF(t->n_items != 1, HOOKE_E_SHAPE, "%s: tensor '%s' has %lld elements, expected one number",
              d->info.path, full, (long long)t->n_items);
    RETURN_IF_ERROR(stored_to_f32(&f, t, 0, 1));
    *out = (double)f;
    *found = true;
    return HOOKE_OK;
}

hooke_status torch_json_beside(struct hooke_dict *d, const char *path, const char *name, struct arena *tree,
                               const struct json **out)
{
    *out = NULL;
    if (!exists_beside(path, name)) return HOOKE_OK;
    const char *file = path_beside(&d->arena, path, name);
    RETURN_IF(!file, HOOKE_E_MEMORY, "%s: out of memory", path);
    return reader_json(out, tree, file);
}
