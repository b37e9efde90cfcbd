/* bytes.h: whole files: mapped for reading, written atomically. */
#ifndef HOOKE_FILE_BYTES_H
#define HOOKE_FILE_BYTES_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A read-only mapping. A file that another process cuts short while it is mapped ends the process with SIGBUS: weights are
 * files, and files are replaced by rename, never in place (docs/formats.md). */
struct mapped_file {
    const unsigned char *data; /* page-aligned; NULL for an empty file */
    size_t n;
    char *path; /* owned copy, for messages */
};
hooke_status map_open(struct mapped_file *out, const char *path);
void map_close(struct mapped_file *m);
/* Tells the kernel that this range will be read soon / is no longer needed (layer-major reading drops what it has used). */
void map_will_need(const struct mapped_file *m, size_t offset, size_t n);
void map_drop(const struct mapped_file *m, size_t offset, size_t n);

/* Reads a file of at most max_bytes into memory. */
hooke_status file_read(hooke_text *out, const char *path, size_t max_bytes);
bool file_exists(const char *path);
bool is_folder(const char *path);
hooke_status path_join(hooke_text *out, const char *folder, const char *name); /* out is replaced */
hooke_status make_folders(const char *path);                                   /* mkdir -p */

/* A file that appears whole or not at all: bytes go to a temporary name in the same folder; commit is fsync and rename, abandon
 * removes it. Zeroed struct: nothing open. */
struct new_file {
    int fd;
    bool is_open;
    char *path, *temporary;
    uint64_t n_written;
};
hooke_status new_file_open(struct new_file *f, const char *path);
hooke_status new_file_write(struct new_file *f, const void *data, size_t n);
/* In any order instead: first the whole length (a full disk shows here, not after an hour), then pieces. */
hooke_status new_file_reserve(struct new_file *f, uint64_t n);
hooke_status new_file_put(struct new_file *f, uint64_t at, const void *data, size_t n);
hooke_status new_file_commit(struct new_file *f); /* releases f either way */
void new_file_abandon(struct new_file *f);        /* fine when nothing is open */

#ifdef __cplusplus
}
#endif
#endif
