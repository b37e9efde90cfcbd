/* sha.h: SHA-1 and SHA-256 (FIPS 180-4) of a stream, for the checksums that the hub states. Nothing secret depends on them. */
#ifndef HOOKE_FILE_SHA_H
#define HOOKE_FILE_SHA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sha_kind { SHA_1, SHA_256 };
enum { SHA_BLOCK_BYTES = 64, SHA_HEX_BYTES = 65 /* the longest digest in hex, and a NUL */ };

struct sha {
    enum sha_kind kind;
    uint32_t state[8];
    uint64_t n_bytes;
    unsigned char block[SHA_BLOCK_BYTES]; /* the n_bytes % 64 bytes that are not mixed in yet */
};
void sha_begin(struct sha *s, enum sha_kind kind);
void sha_add(struct sha *s, const void *data, size_t n);
/* The digest in lower-case hex (40 or 64 digits). s is used up. */
void sha_end(struct sha *s, char hex[SHA_HEX_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
