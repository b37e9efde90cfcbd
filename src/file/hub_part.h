/* hub_part.h: files on the hub of which only parts are brought (hooke_pull_part).
 *
 *   hub_pieces.c   bytes of a file on the hub, by range requests
 *   hub_source.c   a safetensors file or an archive of arrays made of such pieces: its tensors, and their bytes
 *   hub_part.c     from a name to tensors and rows of them in a new file */
#ifndef HOOKE_FILE_HUB_PART_H
#define HOOKE_FILE_HUB_PART_H

#include "file/hub_net.h"
#include "file/npz.h"
#include "file/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pieces ---- */

typedef hooke_status (*take_fn)(void *payload, const void *bytes, size_t n);

struct piece {
    size_t begin, end;
};
/* A file on the hub, at one etag of one commit. Bytes that readers want to look at lie in a mapping of the whole file's length, at the
 * places that they have in the file; pages that nobody brought take no memory. What was brought is never brought again: it has been
 * checked, and does not change behind its reader's back. */
struct hub_pieces {
    struct hub_worker *w;
    const char *repo, *path;
    struct hub_meta meta;
    unsigned char *map; /* [meta.size] */
    struct piece *pieces;
    size_t n_pieces, capacity;
    size_t budget;     /* bytes that may still be brought into memory */
    size_t read_ahead; /* a request brings so many, if that many are there: headers lie close together */
};
/* HEAD, and the mapping. */
hooke_status hub_pieces_open(struct hub_pieces *out, struct hub_worker *w, const char *repo,
                             const char *revision, const char *path);
void hub_pieces_close(struct hub_pieces *p);
/* Makes map[at .. at + n) readable. Fits struct zip_source. */
hooke_status hub_pieces_need(void *pieces, size_t at, size_t n);
/* The bytes at .. at+n-1, in order, into take(); they stay nowhere. */
hooke_status hub_pieces_stream(struct hub_pieces *p, size_t at, size_t n, take_fn take, void *payload);

/* ---- tensors ---- */

struct part_source {
    char *path; /* in the repository */
    struct hub_pieces pieces;
    bool is_npz, is_open;
    struct safetensors st;
    struct npz npz;
};
/* A file that parts can be taken of, by its name. */
bool part_source_fits(const char *path);
hooke_status part_source_open(struct part_source *s, struct hub_worker *w, const char *repo,
                              const char *revision);
void part_source_close(struct part_source *s);
int part_source_count(const struct part_source *s);
const char *part_source_name(const struct part_source *s, int i);
/* Shape and type of a tensor; of an archive's this may take a request. `data` is not to be used. */
hooke_status part_source_tensor(const struct stored_tensor **out, struct part_source *s, int i);
/* HOOKE_E_UNSUPPORTED says why rows cannot be taken of it. */
hooke_status part_source_check_rows(const struct part_source *s, int i);
/* A tensor's bytes first .. first+n-1, row after row and little-endian, into take(). Of an archive a whole tensor is held against its
 * checksum. */
hooke_status part_source_read(struct part_source *s, int i, size_t first, size_t n, take_fn take,
                              void *payload);

#ifdef __cplusplus
}
#endif
#endif
