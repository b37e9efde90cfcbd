/* safetensors.h: the safetensors container (spec/models.md 5.1): one file, or several behind an index.
 *
 *   bytes 0..8     u64 little-endian N, the header's length
 *   bytes 8..8+N   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__": {...}}
 *   the rest       data; sorted by begin the tensors tile it without gap or overlap */
#ifndef HOOKE_FILE_SAFETENSORS_H
#define HOOKE_FILE_SAFETENSORS_H

#include "file/bytes.h"
#include "file/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Element types of files. Floats first: the kernels know F32, F16 and BF16. */
enum dtype {
    DT_F32,
    DT_F16,
    DT_BF16,
    DT_F64,
    DT_I64,
    DT_I32,
    DT_I16,
    DT_I8,
    DT_U64,
    DT_U32,
    DT_U16,
    DT_U8,
    DT_BOOL,
    DT_OTHER
};
size_t dtype_bytes(enum dtype t);     /* 0 for DT_OTHER */
const char *dtype_name(enum dtype t); /* safetensors' spelling: "F32", "BF16" */

enum { MAX_DIMS = 8 };
/* A tensor that lies in a file: a view into the mapping, or into memory that the container owns. */
struct stored_tensor {
    const char *name;
    enum dtype dtype;
    const char *dtype_text; /* as the file spells it */
    int n_dims;
    int64_t shape[MAX_DIMS];
    int64_t n_items;
    const void *data; /* may be unaligned for its type; see tensor_aligned() */
    size_t bytes;
    int file; /* index of the container's file it lies in */
};

struct safetensors {
    struct arena arena;
    struct mapped_file *files;
    int n_files;
    struct stored_tensor *tensors; /* in order of name */
    int n_tensors;
    const struct json *metadata; /* "__metadata__" of the first file, or NULL */
};
/* path: a .safetensors file or a ...index.json. Everything is checked before anything is used. */
hooke_status safetensors_open(struct safetensors *out, const char *path);
void safetensors_close(struct safetensors *s);
/* From memory (fuzzing, tests): header checks on bytes[n]; tensors point into bytes. */
hooke_status safetensors_parse(struct safetensors *out, const unsigned char *bytes, size_t n,
                               const char *name);
const struct stored_tensor *safetensors_find(const struct safetensors *s, const char *name); /* NULL */

/* Converts n items to float32; any numeric dtype, any alignment. */
hooke_status stored_to_f32(float *out, const struct stored_tensor *t, int64_t first, int64_t n);
hooke_status stored_to_i64(int64_t *out, const struct stored_tensor *t, int64_t first, int64_t n);

/* Writer for files too large to hold: declare every tensor, begin, then append the data in declaration order. The order is the
 * caller's; hooke_write_safetensors() sorts as the reference writer does. */
struct safetensors_writer {
    struct new_file file;
    const hooke_tensor_out *tensors;
    int n, current;
    uint64_t left; /* bytes of the current tensor still to come */
};
hooke_status st_writer_begin(struct safetensors_writer *w, const char *path, const hooke_tensor_out *tensors,
                             int n, const char *const *metadata_pairs);
hooke_status st_writer_append(struct safetensors_writer *w, const void *data, size_t n);
hooke_status st_writer_commit(struct safetensors_writer *w);
void st_writer_abandon(struct safetensors_writer *w);

/* What both writers share: the 8 bytes of the length and the JSON behind them; a tensor's bytes, checked. */
hooke_status st_header(hooke_text *out, const char *path, const hooke_tensor_out *tensors, int n,
                       const char *const *metadata_pairs);
hooke_status st_tensor_bytes(uint64_t *out, const hooke_tensor_out *t);

#ifdef __cplusplus
}
#endif
#endif
