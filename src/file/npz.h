/* npz.h: numpy's .npy and .npz (spec/models.md 5.2). Stored members are views into the mapping; deflated ones are inflated on
 * first use into memory the archive owns. */
#ifndef HOOKE_FILE_NPZ_H
#define HOOKE_FILE_NPZ_H

#include "file/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

struct npz {
    struct arena arena;
    struct mapped_file file;
    struct npz_member *members; /* where each lies in the archive, and its inflated copy */
    struct stored_tensor *tensors; /* names without ".npy"; data is NULL until npz_load() for deflated members */
    bool *fortran_order;
    int n_tensors;
};
hooke_status npz_open(struct npz *out, const char *path);
hooke_status npz_parse(struct npz *out, const unsigned char *bytes, size_t n, const char *name); /* from memory */
void npz_close(struct npz *z);
/* Finds a member, makes its data available (CRC checked) and in C order. NULL in *out and HOOKE_E_NOT_FOUND if there is none. */
hooke_status npz_load(struct npz *z, const struct stored_tensor **out, const char *name);

/* One stored (not deflated) .npz, members in the order given; atomic. dtypes "F32", "F64", "I32", "I64". */
hooke_status npz_write(const char *path, const hooke_tensor_out *tensors, int n);

#ifdef __cplusplus
}
#endif
#endif
