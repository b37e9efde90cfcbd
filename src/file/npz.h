/* npz.h: numpy's .npy and .npz (spec/models.md 5.2). An archive is checked when it is opened; each array's data are checked
 * (CRC) when they are first asked for, and are a view into the mapping where they can be used as they lie: stored, aligned,
 * little-endian, in C order. numpy aligns nothing, so most of its arrays are copied; npz_write() aligns. A lone .npy reads
 * as an archive of one array, called by the file's name. */
#ifndef HOOKE_FILE_NPZ_H
#define HOOKE_FILE_NPZ_H

#include "file/safetensors.h"
#include "file/zip.h"

#ifdef __cplusplus
extern "C" {
#endif

struct npz {
    struct arena arena;
    struct mapped_file file;
    struct zip_source source;      /* its bytes, whether mapped, in memory or yet to come */
    struct npz_member *members;    /* where each lies in the archive, and its inflated copy */
    struct stored_tensor *tensors; /* names without ".npy"; data is NULL until npz_load() */
    bool *fortran_order;           /* as the file says; loaded data are always in C order */
    bool is_mapped;
    int n_tensors;
};
hooke_status npz_open(struct npz *out, const char *path);
hooke_status npz_parse(struct npz *out, const unsigned char *bytes, size_t n,
                       const char *name); /* from memory */
/* Of an archive of which only pieces are here: names are read, everything else when it is asked for. */
hooke_status npz_parse_source(struct npz *out, const struct zip_source *source, const char *name);
void npz_close(struct npz *z);
/* Fills in tensors[i], if that has not been done. */
hooke_status npz_read_header(struct npz *z, int i);
/* Where tensors[i] lies: its header is read. */
struct npz_place {
    size_t member, data; /* in the archive: the .npy header's first byte, the data's */
    size_t packed;       /* bytes of both there */
    uint32_t crc;        /* of both */
    const char *why_not; /* "deflated", ...: the data are not there as they are used; NULL: they are */
};
void npz_find(struct npz_place *out, const struct npz *z, int i);
/* Finds a member, makes its data available (CRC checked) and in C order. NULL in *out and HOOKE_E_NOT_FOUND if there is none. */
hooke_status npz_load(struct npz *z, const struct stored_tensor **out, const char *name);

/* One stored (not deflated) .npz, members in the order given, data aligned to 64 bytes; atomic. dtypes as in safetensors,
 * except BF16, which numpy does not have. */
hooke_status npz_write(const char *path, const hooke_tensor_out *tensors, int n);

#ifdef __cplusplus
}
#endif
#endif
