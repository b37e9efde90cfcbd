/* snappy.h: decoder of raw Snappy blocks (google/snappy's format_description.txt), as Parquet packs pages with them. Our own: the
 * library is C++ and would bring its run-time to every start of the program. */
#ifndef HOOKE_FILE_SNAPPY_H
#define HOOKE_FILE_SNAPPY_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Unpacks all of packed[n_packed] into out[n]. False if it is damaged or does not unpack to exactly n bytes. */
bool snappy_unpack(unsigned char *out, size_t n, const unsigned char *packed, size_t n_packed);

#ifdef __cplusplus
}
#endif
#endif
