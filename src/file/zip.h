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
    size_t begin;  /* of the data in the archive */
    size_t packed; /* bytes there */
    size_t size;   /* bytes unpacked; equal to packed when stored */
};
/* Entries in directory order, in the arena. Checked: everything lies inside bytes[n], nothing overlaps, no name twice, no
 * encryption, no other method, nothing that promises to unpack further than deflate can, or further than the limit above. */
hooke_status zip_list(struct zip_entry **out, int *n_entries, struct arena *a, const unsigned char *bytes,
                      size_t n, const char *name);
/* Unpacks the first n bytes, n at most e->size. With all of them the CRC is checked too. `name` opens messages. */
hooke_status zip_unpack(unsigned char *out, size_t n, const struct zip_entry *e, const unsigned char *archive,
                        const char *name);
/* CRC of a stored entry, its data copied to out on the way (out may be NULL), on all processors. */
hooke_status zip_check_stored(unsigned char *out, const struct zip_entry *e, const unsigned char *archive,
                              const char *name);

#ifdef __cplusplus
}
#endif
#endif
