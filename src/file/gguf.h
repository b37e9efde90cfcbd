/* gguf.h: GGUF, llama.cpp's files (spec/models.md 5.6), versions 2 and 3, little-endian:
 *
 *   "GGUF" | u32 version | u64 tensors | u64 pairs
 *   pairs:    name, u32 type, value           (a name is u64 bytes and UTF-8)
 *   tensors:  name, u32 axes, u64 extents (fastest first), u32 type, u64 offset
 *   padding to general.alignment | data; offsets count from here
 *
 * Quantised tensors are listed, not converted. Arrays among the pairs (vocabularies) are passed over: their type and length are
 * kept. */
#ifndef HOOKE_FILE_GGUF_H
#define HOOKE_FILE_GGUF_H

#include "file/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

enum gguf_kind { GGUF_INT, GGUF_REAL, GGUF_BOOL, GGUF_STRING, GGUF_ARRAY };
struct gguf_value {
    const char *name;
    enum gguf_kind kind;
    int64_t integer;    /* GGUF_INT (u64 past 63 bits is refused), GGUF_BOOL; GGUF_ARRAY: its length */
    double real;        /* GGUF_REAL, GGUF_INT */
    const char *string; /* GGUF_STRING; else NULL */
};

struct gguf {
    struct arena arena;
    struct mapped_file file;
    bool is_mapped;
    uint32_t version;
    struct stored_tensor
        *tensors; /* in the file's order; shapes row-major: [out, in]; data point into the mapping */
    int n_tensors;
    struct gguf_value *values;
    int n_values;
};
/* Everything is checked before anything is used. */
hooke_status gguf_open(struct gguf *out, const char *path);
/* From memory (fuzzing, tests); tensors point into bytes. */
hooke_status gguf_parse(struct gguf *out, const unsigned char *bytes, size_t n, const char *name);
void gguf_close(struct gguf *g);                                               /* fine on a zeroed struct */
const struct stored_tensor *gguf_find(const struct gguf *g, const char *name); /* NULL */
const struct gguf_value *gguf_value(const struct gguf *g, const char *name);   /* NULL */
/* general.architecture is "controlvector": tensors direction.K, each added to the output of block K. */
bool gguf_is_control_vector(const struct gguf *g);
/* K of "direction.K" when that is all of the name and K is from 1 to 9999; else 0. Block 0 cannot be steered. */
int gguf_direction_layer(const char *name);

#ifdef __cplusplus
}
#endif
#endif
