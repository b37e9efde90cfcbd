/* torch_file.h: PyTorch's .pt, .pth and .bin files (spec/models.md 5.3): a ZIP archive of
 *
 *   ROOT/data.pkl         a pickle: the nested dicts, lists, numbers and strings, and tensors as views of storages
 *   ROOT/data/0, 1, ...   storages: raw little-endian elements
 *   ROOT/version, ROOT/byteorder
 *
 * Nested values are flattened: {"cfg": {"k": 32}, "state_dict": {"bias": tensor}, "steps": [1, 2]} reads as the plain values
 * "cfg.k", "steps.0", "steps.1" and the tensor "state_dict.bias". A file that is one bare tensor has that tensor under the file's
 * own name (without .pt). Nothing in a pickle is run (pickle.h).
 *
 *     struct torch_file f;
 *     RETURN_IF_ERROR(torch_file_open(&f, "ae.pt"));
 *     const struct stored_tensor *w;
 *     hooke_status st = torch_file_load(&f, &w, "encoder.weight");      w->data lives until torch_file_close()
 *     const struct torch_value *k = torch_file_value(&f, "cfg.k");      NULL: there is none */
#ifndef HOOKE_FILE_TORCH_FILE_H
#define HOOKE_FILE_TORCH_FILE_H

#include "file/pickle.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Walking the values: deeper nesting, or more values reached, is refused (a list may contain itself). */
enum { TORCH_MAX_DEPTH = 64, TORCH_MAX_VISITS = 1 << 20, TORCH_MAX_NAMES_BYTES = 64 << 20 };
/* Views that are no plain run of their storage are copied; copies take at most 4 times the storages and this. */
enum { TORCH_MAX_COPIES_BYTES = 64 << 20 };

enum torch_value_kind { TORCH_NONE, TORCH_BOOL, TORCH_INT, TORCH_REAL, TORCH_STRING };
/* A plain value: anything that is no tensor. dtypes are strings: "torch.float32"; so are devices: "cpu". */
struct torch_value {
    const char *name; /* dotted */
    enum torch_value_kind kind;
    int64_t integer;    /* TORCH_INT; TORCH_BOOL: 0 or 1 */
    double real;        /* TORCH_REAL; TORCH_INT and TORCH_BOOL: the same number */
    const char *string; /* TORCH_STRING, NUL behind it; else NULL */
};

struct torch_file {
    struct arena arena;
    struct mapped_file file;
    bool is_mapped;
    bool is_bare; /* one tensor, not in a dict */
    struct stored_tensor
        *tensors; /* in the pickle's order; data is NULL until torch_file_load(); row-major once loaded */
    int n_tensors;
    struct torch_value *values; /* in the pickle's order */
    int n_values;
    struct torch_archive *archive; /* members, pickle, copies: torch_file.c's own */
};
/* Checks the archive, runs the pickle, checks every storage's size. HOOKE_E_UNSUPPORTED for TorchScript, for files from before
 * PyTorch 1.6, for pickles that name anything outside the allow-list. */
hooke_status torch_file_open(struct torch_file *out, const char *path);
/* The same from memory (fuzzing, tests); bytes must outlive f. */
hooke_status torch_file_parse(struct torch_file *out, const unsigned char *bytes, size_t n, const char *name);
void torch_file_close(struct torch_file *f); /* fine on a zeroed struct */

/* Makes a tensor's data available: CRC of its storage checked (HOOKE_TORCH_CRC=ignore in the environment skips that: PyTorch can
 * be told not to write checksums), a view into the mapping where the data can be used as they lie, else a copy: deflated,
 * unaligned, transposed or strided. HOOKE_E_NOT_FOUND if there is none. */
hooke_status torch_file_load(struct torch_file *f, const struct stored_tensor **out, const char *name);
/* NULL if there is none. The tensor's data may be NULL. */
const struct stored_tensor *torch_file_find(const struct torch_file *f, const char *name);
const struct torch_value *torch_file_value(const struct torch_file *f, const char *name);

#ifdef __cplusplus
}
#endif
#endif
