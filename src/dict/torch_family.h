/* torch_family.h: dictionaries that are PyTorch files. Many libraries write them and none says which: a family is known by the
 * names of its tensors, by its file's name, or because the caller says so (hooke_dict_options.conversion). */
#ifndef HOOKE_DICT_TORCH_FAMILY_H
#define HOOKE_DICT_TORCH_FAMILY_H

#include "dict/reader.h"

struct torch_family {
    const char *name;       /* becomes d->format */
    const char *conversion; /* what a registry calls it, or NULL */
    bool (*fits)(const struct torch_file *f, const char *path);
    hooke_status (*take)(struct hooke_dict *d, const char *path); /* d->torch is open; path is the file's */
};

/* What lies inside a nested file: tensors under `prefix` ("ae.", or ""). */
bool torch_has(const struct torch_file *f, const char *prefix, const char *name);
/* Points d->param[] at the tensors under prefix as the rows say, loaded; one that no row names is refused. */
hooke_status torch_take(struct hooke_dict *d, const char *prefix, const struct reader_row *rows,
                        size_t n_rows, const char *what);
/* A tensor of one element, or a plain number; *found is false when there is neither. */
hooke_status torch_number(struct hooke_dict *d, const char *prefix, const char *name, double *out,
                          bool *found);
/* "config.json" or another file beside path: its JSON object, or NULL when it is absent. */
hooke_status torch_json_beside(struct hooke_dict *d, const char *path, const char *name, struct arena *tree,
                               const struct json **out);

bool dictionary_learning_fits(const struct torch_file *f, const char *path);
hooke_status dictionary_learning_take(struct hooke_dict *d, const char *path);
bool openai_fits(const struct torch_file *f, const char *path);
hooke_status openai_take(struct hooke_dict *d, const char *path);
bool deepseek_r1_fits(const struct torch_file *f, const char *path);
hooke_status deepseek_r1_take(struct hooke_dict *d, const char *path);
bool goodfire_fits(const struct torch_file *f, const char *path);
hooke_status goodfire_take(struct hooke_dict *d, const char *path);
bool hook_z_fits(const struct torch_file *f, const char *path);
hooke_status hook_z_take(struct hooke_dict *d, const char *path);
bool qwen_scope_fits(const struct torch_file *f, const char *path);
hooke_status qwen_scope_take(struct hooke_dict *d, const char *path);
bool pca_fits(const struct torch_file *f, const char *path);
hooke_status pca_take(struct hooke_dict *d, const char *path);
bool axbench_fits(const struct torch_file *f, const char *path);
hooke_status axbench_take(struct hooke_dict *d, const char *path);
bool loreft_fits(const struct torch_file *f, const char *path);
hooke_status loreft_take(struct hooke_dict *d, const char *path);

#endif
