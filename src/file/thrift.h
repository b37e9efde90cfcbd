/* thrift.h: reader of Thrift's compact protocol, in which Parquet writes its metadata.
 *
 *   struct   field ... 0            field: one byte (id delta << 4 | type), or type and a zigzag id; then the value
 *   integer  zigzag varint, at most 10 bytes
 *   binary   varint length, bytes
 *   list     one byte (count << 4 | item type), or 0xF_ and a varint count; then the items
 *
 * Every count is compared with the bytes that are left before it is used. */
#ifndef HOOKE_FILE_THRIFT_H
#define HOOKE_FILE_THRIFT_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    THRIFT_STOP = 0,
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_BYTE = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12
};

struct thrift {
    const unsigned char *at, *end;
    const char *name; /* opens messages */
};
/* Zeroed before the first field of a struct. */
struct thrift_field {
    int id;
    int type; /* THRIFT_STOP behind the last */
};

hooke_status thrift_next(struct thrift *t, struct thrift_field *f);
/* The field's value by type; another type than asked for is HOOKE_E_FORMAT. */
hooke_status thrift_int(struct thrift *t, const struct thrift_field *f, int64_t low, int64_t high,
                        int64_t *out);
hooke_status thrift_bool(struct thrift *t, const struct thrift_field *f, bool *out);
/* Borrowed from the input; not NUL-terminated. */
hooke_status thrift_binary(struct thrift *t, const struct thrift_field *f, const char **bytes, size_t *n);
/* *n items of this type follow; n is at most the number of bytes left. */
hooke_status thrift_list(struct thrift *t, const struct thrift_field *f, int item_type, size_t *n);
/* The same for the items of a list. */
hooke_status thrift_expect(struct thrift *t, const struct thrift_field *f, int type);
/* Passes over the field's value, whatever it is. */
hooke_status thrift_skip(struct thrift *t, const struct thrift_field *f);

/* Unsigned LEB128 of at most 64 bits, *at moved behind it; false if it is cut short or too long. */
bool varint_read(const unsigned char **at, const unsigned char *end, uint64_t *out);
int64_t zigzag(uint64_t v);

#ifdef __cplusplus
}
#endif
#endif
