/* torch_archive.h: what torch_file.c and torch_walk.c share. */
#ifndef HOOKE_FILE_TORCH_ARCHIVE_H
#define HOOKE_FILE_TORCH_ARCHIVE_H

#include "file/torch_file.h"
#include "file/zip.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TORCH_MAX_ROOT_BYTES = 255 };

struct torch_storage {
    const unsigned char *data; /* NULL until loaded */
    unsigned char *owned;      /* unpacked, or NULL */
};

struct torch_archive {
    struct zip_entry *members; /* [n_members], in order of name */
    int n_members;
    const char *root; /* "archive/": the first root_bytes of a member's name */
    size_t root_bytes;
    bool skip_crc;
    unsigned char *unpacked_pickle; /* NULL where it lies in the archive */
    struct pickle pickle;
    /* Tensors that share a storage name it once each: loaded data belong to the member. */
    int *member_of;                 /* [the pickle's storages] */
    struct torch_storage *storages; /* [n_members] */
    size_t storage_bytes, copied_bytes;
    uint32_t *views;        /* [n_tensors] index of the pickle's tensor */
    unsigned char **copies; /* [n_tensors] data that could not be used as they lie; else NULL */
};

/* Fills f's tensors and values from the pickle. */
hooke_status torch_walk(struct torch_file *f);

#ifdef __cplusplus
}
#endif
#endif
