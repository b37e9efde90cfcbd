/* format.h: the seam for file formats. A format is one row of the table in format.c and one file read_*.c.
 *
 * open() opens the containers inside the hooke_dict (safetensors, npz), points d->param[] at the tensors by their canonical
 * meaning, fills d->config and d->format. It checks nothing that build.c can check for all formats: shapes, completeness,
 * dtypes. */
#ifndef HOOKE_DICT_FORMAT_H
#define HOOKE_DICT_FORMAT_H

#include "dict/dict.h"

struct dict_format {
    const char *name;
    bool (*recognise)(const char *path); /* looks at names only */
    hooke_status (*open)(struct hooke_dict *d, const char *path);
};
/* NULL: none. Looks at names only. */
const struct dict_format *dict_format_recognise(const char *path);
/* HOOKE_OK, or for a folder that is no dictionary but holds some HOOKE_E_NOT_FOUND with their names. */
hooke_status dict_refuse_folder(const char *folder);
/* The format of a file or folder; HOOKE_E_NOT_FOUND says what was looked for. */
hooke_status dict_format_find(const struct dict_format **out, const char *path);

bool circuit_recognise(const char *path);
hooke_status circuit_open(struct hooke_dict *d, const char *path);
bool gemma_scope_recognise(const char *path);
hooke_status gemma_scope_open(struct hooke_dict *d, const char *path);
bool gemma_scope2_recognise(const char *path);
hooke_status gemma_scope2_open(struct hooke_dict *d, const char *path);
bool llama_scope_recognise(const char *path);
hooke_status llama_scope_open(struct hooke_dict *d, const char *path);
bool llamascopium_recognise(const char *path);
hooke_status llamascopium_open(struct hooke_dict *d, const char *path);
bool saelens_recognise(const char *path);
hooke_status saelens_open(struct hooke_dict *d, const char *path);
bool sparsify_recognise(const char *path);
hooke_status sparsify_open(struct hooke_dict *d, const char *path);
bool temporal_recognise(const char *path);
hooke_status temporal_open(struct hooke_dict *d, const char *path);

bool torch_is_run(const char *path); /* dictionary_learning's folder: ae.pt */
bool torch_recognise(const char *path);
hooke_status torch_open(struct hooke_dict *d, const char *path);
/* A .pt or .pth file that is no dictionary: fails with what it holds instead. */
bool torch_is_named(const char *path);
hooke_status torch_refuse(const char *path);
bool control_vector_recognise(const char *path);
hooke_status control_vector_open(struct hooke_dict *d, const char *path);

/* cfg.json of SAELens in either shape (config.c); *legacy tells which. Strings are copied into the arena. */
hooke_status dict_config_read(struct dict_config *out, bool *legacy, struct arena *a, const char *text,
                              size_t n, const char *name);

/* Where a dictionary belongs: SAELens' "metadata" object, which other formats written here carry too. */
hooke_status dict_config_metadata(struct dict_config *c, struct arena *a, const struct json *o,
                                  const char *name);
/* Keys of the temporal architecture, which two formats spell alike. */
hooke_status dict_config_temporal(struct dict_config *c, const struct json *o, const char *name);
/* Keys of a JSON object that win over what the configuration said; keys that mean nothing here are ignored. */
hooke_status dict_config_override(struct dict_config *c, struct arena *a, const char *json, const char *name);

/* Small path helpers for readers. */
bool path_ends_with(const char *path, const char *end);
/* "folder/name" in the arena; when path is a file, its folder is meant. NULL when out of memory. */
char *path_beside(struct arena *a, const char *path, const char *name);
/* path with `name` for the `end` that are its last components; path itself where it ends otherwise or is too long. */
const char *path_instead(char out[4096], const char *path, const char *end, const char *name);
/* Whether that file exists; without memory of its own, so that recognising a format cannot fail. */
bool exists_beside(const char *path, const char *name);

#endif
