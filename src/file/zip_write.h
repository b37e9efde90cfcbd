/* zip_write.h: archives of stored members whose data lie at multiples of 64 bytes, so that readers can map them: padding in the
 * local header's extra field, which other readers skip. Atomic, as everything that is written. */
#ifndef HOOKE_FILE_ZIP_WRITE_H
#define HOOKE_FILE_ZIP_WRITE_H

#include "file/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the directory repeats about a member. */
struct zip_written {
    char *name; /* in the arena */
    uint64_t offset, size;
    uint32_t crc;
};

/* Zeroed struct: nothing open. */
struct zip_writer {
    struct new_file file;
    struct arena arena;
    struct zip_written *members; /* [n_members] */
    int n_members, n_added;
    hooke_text block; /* record being put together */
};
hooke_status zip_writer_open(struct zip_writer *w, const char *path, int n_members);
/* A member of head[head_bytes] and data[data_bytes], the latter aligned. Names are the caller's to keep apart. */
hooke_status zip_writer_add(struct zip_writer *w, const char *name, const void *head, size_t head_bytes,
                            const void *data, size_t data_bytes);
/* Writes the directory, makes the file appear. All n_members must have been added. Releases w either way. */
hooke_status zip_writer_commit(struct zip_writer *w);
void zip_writer_abandon(struct zip_writer *w); /* fine when nothing is open */

#ifdef __cplusplus
}
#endif
#endif
