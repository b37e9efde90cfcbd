/* pickle.h: Python's pickles as PyTorch writes them, read as data (spec/models.md 5.3).
 *
 * A pickle is a program for a stack machine. This machine knows the instructions that build None, numbers, strings, tuples, lists,
 * dicts and sets, and a short list of names (pickle_reduce.c) whose calls make a tensor, a size or an ordered dict. Nothing is
 * imported and nothing is called; any other instruction or name is refused with its offset.
 *
 * Values refer to each other by index and may be shared or contain themselves, as the memo allows: whoever walks them bounds
 * depth and count. */
#ifndef HOOKE_FILE_PICKLE_H
#define HOOKE_FILE_PICKLE_H

#include "file/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pickles past these are refused: 16 MiB of instructions hold the names of 100,000 tensors. */
enum { PICKLE_MAX_BYTES = 16 << 20, PICKLE_MAX_VALUES = 1 << 21 };

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_REAL,
    PICKLE_STRING,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_SET,
    PICKLE_SYMBOL,  /* a name of the allow-list, not called: torch.float32 */
    PICKLE_STORAGE, /* what a persistent id names */
    PICKLE_TENSOR
};

struct pickle_value {
    enum pickle_kind kind;
    uint32_t n; /* items of a container, a dict's keys and values counted apart; bytes of a string */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const char *bytes; /* UTF-8 without NUL behind it; points into the pickle */
        struct {
            uint32_t first, last; /* cells; a dict's items alternate key, value */
        } items;
        uint32_t index; /* into symbols (pickle_symbol_name), storages or tensors */
    } as;
};
/* An item of a container and the one behind it; of the last one next is meaningless: count. */
struct pickle_cell {
    uint32_t value, next;
};
struct pickle_storage {
    const char *key; /* decimal digits, key_bytes of them */
    uint32_t key_bytes;
    enum dtype dtype;
    int64_t n_items;
};
struct pickle_tensor {
    uint32_t storage;
    enum dtype dtype;
    int64_t offset; /* elements; the whole view was checked to lie inside the storage's n_items */
    int n_dims;
    int64_t size[MAX_DIMS], stride[MAX_DIMS]; /* strides in elements */
    int64_t n_items;
};

struct pickle_pool {
    void *items;
    size_t n, capacity;
};
struct pickle {
    const unsigned char *bytes; /* not owned; must outlive the values */
    size_t n, at;
    const char *name;
    uint32_t root;
    struct pickle_pool values, cells, storages, tensors;
    struct pickle_pool stack, marks, memo; /* of the machine; released when it stops */
};
/* Runs bytes[n] to its end. `name` opens messages and must outlive the pickle. */
hooke_status pickle_parse(struct pickle *out, const unsigned char *bytes, size_t n, const char *name);
void pickle_release(struct pickle *p);

static inline const struct pickle_value *pickle_value_at(const struct pickle *p, uint32_t value)
{
    return (const struct pickle_value *)p->values.items + value;
}
static inline const struct pickle_cell *pickle_cell_at(const struct pickle *p, uint32_t cell)
{
    return (const struct pickle_cell *)p->cells.items + cell;
}
static inline const struct pickle_storage *pickle_storage_at(const struct pickle *p, uint32_t storage)
{
    return (const struct pickle_storage *)p->storages.items + storage;
}
static inline const struct pickle_tensor *pickle_tensor_at(const struct pickle *p, uint32_t tensor)
{
    return (const struct pickle_tensor *)p->tensors.items + tensor;
}
/* "torch.float32" */
const char *pickle_symbol_name(uint32_t symbol);

/* ---- between pickle.c and pickle_reduce.c ---- */

/* The symbol "module.name"; HOOKE_E_UNSUPPORTED when it is not on the list. */
hooke_status pickle_symbol_find(const struct pickle *p, uint32_t *out, const char *module,
                                size_t module_bytes, const char *name, size_t name_bytes);
/* What calling `callable` with the tuple `args` gives. */
hooke_status pickle_reduce(struct pickle *p, uint32_t *out, uint32_t callable, uint32_t args);
/* The storage that the tuple `id` names. */
hooke_status pickle_persistent(struct pickle *p, uint32_t *out, uint32_t id);
/* A zeroed value of that kind. */
hooke_status pickle_new_value(struct pickle *p, uint32_t *out, enum pickle_kind kind);
hooke_status pickle_append(struct pickle *p, uint32_t container, uint32_t value);
/* Grows a pool to one item more, zeroed, and gives its index. */
hooke_status pickle_pool_add(struct pickle *p, struct pickle_pool *pool, size_t item_bytes, uint32_t *out);

#ifdef __cplusplus
}
#endif
#endif
