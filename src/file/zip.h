/* zip.h: the ZIP container, as far as numpy's and PyTorch's archives use it: stored and deflated members, ZIP64.
 *
 *   ... local header, name, extra, data ...            one for each member
 *   ... central record, name, extra, comment ...       the directory: sizes and places; the only ones that are trusted
 *   [ZIP64 end record, ZIP64 locator]  end record  comment */
#ifndef HOOKE_FILE_ZIP_H
#define HOOKE_FILE_ZIP_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Deflated members of one archive may unpack to this many times the archive, and so many bytes. */
enum { ZIP_UNPACK_RATIO = 16, ZIP_UNPACK_FREE = 256 << 20 };

struct zip_entry {
    const char *name; /* UTF-8 without NUL */
    bool is_deflated;
    uint32_t crc;
    size_t header; /* of the member's own header in the archive */
    size_t room;   /* bytes from there to the next member or the directory */
    size_t begin;  /* of the data in the archive */
    size_t packed; /* bytes there */
    size_t size;   /* bytes unpacked; equal to packed when stored */
};
/* Entries in directory order, in the arena. Checked: everything lies inside bytes[n], nothing overlaps, no name twice, no
 * encryption, no other method, nothing that promises to unpack further than deflate can, or further than the limit above. */
hooke_status zip_list(struct zip_entry **out, int *n_entries, struct arena *a, const unsigned char *bytes,
                      size_t n, const char *name);

/* An archive of which perhaps only pieces are here: bytes[n] is where it belongs in memory, and need() brings [at, at + count) there
 * before anybody looks at it. NULL: all of it is here. */
struct zip_source {
    const unsigned char *bytes;
    size_t n;
    hooke_status (*need)(void *payload, size_t at, size_t count);
    void *payload;
};
hooke_status zip_need(const struct zip_source *source, size_t at, size_t count);
/* zip_list() from the directory alone: `begin` is 0 until zip_find_data() has looked at the member's own header. */
hooke_status zip_list_directory(struct zip_entry **out, int *n_entries, struct arena *a,
                                const struct zip_source *source, const char *name);
hooke_status zip_find_data(struct zip_entry *e, const struct zip_source *source, const char *name);

/* Unpacks the first n bytes, n at most e->size. With all of them the CRC is checked too. `name` opens messages. */
hooke_status zip_unpack(unsigned char *out, size_t n, const struct zip_entry *e, const unsigned char *archive,
                        const char *name);
/* Goes on with a CRC from 0 on. */
uint32_t zip_crc(uint32_t crc, const void *bytes, size_t n);
/* CRC of a stored entry, its data copied to out on the way (out may be NULL), on all processors. */
hooke_status zip_check_stored(unsigned char *out, const struct zip_entry *e, const unsigned char *archive,
                              const char *name);

#ifdef __cplusplus
}
#endif
#endif
