/* npz.h: numpy's .npy and .npz (spec/models.md 5.2). An archive is checked when it is opened; each array's data are checked
 * (CRC) when they are first asked for, and are a view into the mapping where they can be used as they lie: stored, aligned,
 * little-endian, in C order. numpy aligns nothing, so most of its arrays are copied; npz_write() aligns. A lone .npy reads
 * as an archive of one array, called by the file's name. */
#ifndef HOOKE_FILE_NPZ_H
#define HOOKE_FILE_NPZ_H

#include "file/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

struct npz {
    struct arena arena;
    struct mapped_file file;
    struct npz_member *members;    /* where each lies in the archive, and its inflated copy */
    struct stored_tensor *tensors; /* names without ".npy"; data is NULL until npz_load() */
    bool *fortran_order;           /* as the file says; loaded data are always in C order */
    bool is_mapped;
    int n_tensors;
};
hooke_status npz_open(struct npz *out, const char *path);
hooke_status npz_parse(struct npz *out, const unsigned char *bytes, size_t n,
                       const char *name); /* from memory */
void npz_close(struct npz *z);
/* Finds a member, makes its data available (CRC checked) and in C order. NULL in *out and HOOKE_E_NOT_FOUND if there is none. */
hooke_status npz_load(struct npz *z, const struct stored_tensor **out, const char *name);

/* One stored (not deflated) .npz, members in the order given, data aligned to 64 bytes; atomic. dtypes as in safetensors,
 * except BF16, which numpy does not have. */
hooke_status npz_write(const char *path, const hooke_tensor_out *tensors, int n);

#ifdef __cplusplus
}
#endif
#endif
