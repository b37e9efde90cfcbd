/* npy.h: the header of numpy's .npy format: 93 "NUMPY" major minor, a length, a Python dict literal, data. */
#ifndef HOOKE_FILE_NPY_H
#define HOOKE_FILE_NPY_H

#include "file/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NPY_HEADER_MAX = 10000, NPY_PREFIX_MAX = NPY_HEADER_MAX + 12, NPY_DESCR_BYTES = 32 };
struct npy_header {
    char descr[NPY_DESCR_BYTES]; /* as written: "<f4" */
    enum dtype dtype;            /* DT_OTHER: can be listed, not converted */
    size_t item_bytes;
    bool swap; /* big-endian */
    bool fortran_order;
    int n_dims;
    int64_t shape[MAX_DIMS];
    int64_t n_items;
    size_t data_begin;
};
/* Reads the header at bytes[n]; n may end anywhere behind it. `name` opens messages. */
hooke_status npy_parse_header(struct npy_header *h, const unsigned char *bytes, size_t n, const char *name);
/* magic, header and padding for an array in C order; its length is a multiple of 64. */
hooke_status npy_make_header(hooke_text *out, const char *descr, int n_dims, const int64_t *shape);

#ifdef __cplusplus
}
#endif
#endif
