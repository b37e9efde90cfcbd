/* reader.h: what the format readers share: names out of paths, sites out of module paths, tensors by a table of names. */
#ifndef HOOKE_DICT_READER_H
#define HOOKE_DICT_READER_H

#include "dict/format.h"
#include "file/yaml.h"

enum { READER_JSON_MAX = 16 << 20 };

/* A tensor of a published file and what it means here. */
struct reader_row {
    const char *name;
    enum dict_param param; /* N_PARAMS: known, of no use here */
    bool transposed;       /* the other way round than dict_param says */
};
/* Points d->param[] at every tensor of s; one that no row names is refused as not belonging to `what`. */
hooke_status reader_take(struct hooke_dict *d, const struct safetensors *s, const struct reader_row *rows,
                         size_t n_rows, const char *what);
/* The one or the other tensor, by names made at run time; nothing happens when it is absent. */
void reader_take_one(struct hooke_dict *d, const struct safetensors *s, const char *name, enum dict_param p,
                     bool transposed);

/* JSON of a configuration file into the tree's arena; must be an object. */
hooke_status reader_json(const struct json **out, struct arena *tree, const char *path);
/* Reads a configuration file with take(). */
hooke_status reader_config(struct hooke_dict *d, const char *file,
                           hooke_status (*take)(struct hooke_dict *, const struct json *, const char *));
/* Copies into the dictionary's arena; NULL and absent members leave *out alone. */
hooke_status reader_copy(struct hooke_dict *d, const char **out, const char *s);
hooke_status reader_string(struct hooke_dict *d, const char **out, const struct json *o, const char *key,
                           const char *name);
/* config_json as hooke_dict_info shows it. */
hooke_status reader_keep_json(struct hooke_dict *d, const struct json *root);
/* File `name` beside path, opened as the dictionary's container. */
hooke_status reader_open_weights(struct hooke_dict *d, const char *path, const char *name);

/* "blocks.<layer>.<suffix>" */
hooke_status reader_site(struct hooke_dict *d, const char **out, int layer, const char *suffix);
/* Hugging Face's "model.layers.13.pre_feedforward_layernorm.output" as a hook name where there is one for Gemma; else as it is. */
hooke_status reader_hf_site(struct hooke_dict *d, const char **out, const char *module);

/* The registry's repository, else the path itself: where names are looked for. */
const char *reader_repository(const struct hooke_dict *d, const char *path);
/* The component of path that contains `word` and ends nearest to the file: [*begin, *end). False if there is none. */
bool component_with(const char *path, const char *word, const char **begin, const char **end);
/* The number behind `prefix` at the start of a component of path; -1 if there is none. */
int number_behind(const char *path, const char *prefix);
/* The number behind the last `word` anywhere in path; -1 if there is none. */
int number_after(const char *path, const char *word);
bool contains(const char *begin, const char *end, const char *word);
/* The last component of a path, without what follows its last dot when that is `end`. */
const char *file_part(const char *path);

/* W_dec[d_dict, n_targets, d_out] of a cross-layer transcoder as d->param[P_W_DEC]: one target, or their sum. */
hooke_status reader_target_decoder(struct hooke_dict *d, const struct stored_tensor *t);

#endif
