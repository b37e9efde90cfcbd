/* parquet_parts.h: what the files of the Parquet reader share. */
#ifndef HOOKE_FILE_PARQUET_PARTS_H
#define HOOKE_FILE_PARQUET_PARTS_H

#include "file/parquet.h"
#include "file/thrift.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- schema ---- */

enum { REQUIRED = 0, OPTIONAL = 1, REPEATED = 2 };
enum parquet_meaning { /* of the many logical and converted types, those that change how values are read */
                       MEANS_ITSELF,
                       MEANS_LIST,
                       MEANS_MAP,
                       MEANS_DECIMAL,
                       MEANS_INTERVAL,
                       MEANS_UNSIGNED,
                       MEANS_HALF
};
struct parquet_element {
    const char *name;
    enum parquet_type type;
    enum parquet_meaning meaning;
    int repetition, width;
    size_t n_children;
};
/* Fills p->columns and p->n_leaves from the schema's elements, a tree in depth-first order, the root first. */
hooke_status parquet_schema(struct parquet *p, const struct parquet_element *elements, size_t n);

/* ---- pages ---- */

enum { DATA_PAGE = 0, INDEX_PAGE = 1, DICTIONARY_PAGE = 2, DATA_PAGE_V2 = 3 };
enum parquet_encoding {
    PLAIN = 0,
    PLAIN_DICTIONARY = 2,
    RLE = 3,
    BIT_PACKED = 4,
    DELTA_BINARY_PACKED = 5,
    DELTA_LENGTH_BYTE_ARRAY = 6,
    DELTA_BYTE_ARRAY = 7,
    RLE_DICTIONARY = 8,
    BYTE_STREAM_SPLIT = 9
};
struct parquet_page {
    int kind;
    int encoding, def_encoding, rep_encoding;
    int64_t n_values;            /* with nulls */
    size_t unpacked, packed;     /* bytes, levels of v2 included */
    size_t def_bytes, rep_bytes; /* v2: of levels, which are never packed */
    bool is_packed;              /* v2 may leave values as they are */
    bool has_crc;
    uint32_t crc;
    const unsigned char *body; /* [packed] in the file */
};
/* Reads the header at bytes[*at .. end) and moves *at behind the page. */
hooke_status parquet_page_read(struct parquet_page *page, const struct parquet *p, size_t *at, size_t end);
/* Bytes of an unpacked page: where they lie in the file when they are not packed, else in `owned`. */
struct parquet_bytes {
    const unsigned char *data;
    size_t n;
    unsigned char *owned;
};
/* Replaces *out by the page's bytes (of v2: without the levels). */
hooke_status parquet_page_unpack(struct parquet_bytes *out, const struct parquet *p,
                                 const struct parquet_page *page, int codec);
void parquet_bytes_release(struct parquet_bytes *b);

/* ---- integers ---- */

/* Runs and bit-packed groups of eight, mixed ("RLE / bit-packing hybrid"), of width 0 to 32 bits. */
struct hybrid {
    const unsigned char *at, *end;
    int width;
    uint64_t run_left; /* of a run of `value` */
    uint32_t value;
    uint64_t groups_left; /* of bit-packed values */
    uint32_t group[8];    /* the group that is being given out */
    int group_at;         /* 8: used up */
};
void hybrid_init(struct hybrid *h, const unsigned char *begin, const unsigned char *end, int width);
/* False if the bytes do not hold n more values. */
bool hybrid_read(struct hybrid *h, uint32_t *out, size_t n);

/* DELTA_BINARY_PACKED: blocks of differences to the value before, bit-packed above the block's least. */
struct delta {
    const unsigned char *at, *end; /* behind what is decoded */
    uint64_t left;                 /* values not yet given out */
    uint64_t value, least;         /* arithmetic wraps around */
    uint64_t per_mini;             /* values of a miniblock */
    uint64_t n_minis;
    const unsigned char *widths; /* [n_minis] bits */
    uint64_t mini;               /* index of the next */
    const unsigned char *bits;   /* of the current miniblock, up to `at` */
    uint64_t bit, mini_left;
    int width;
    bool is_first;
};
bool delta_init(struct delta *d, const unsigned char *begin, const unsigned char *end);
bool delta_read(struct delta *d, int64_t *out, size_t n);
/* The first byte behind the whole sequence; NULL if it is damaged. */
const unsigned char *delta_end(const struct delta *d);

/* ---- values ---- */

struct parquet_dictionary {
    struct parquet_bytes bytes;
    size_t n;
    uint32_t *offsets; /* [n] PARQUET_BYTES: where in bytes each begins, its length first */
};
hooke_status parquet_dictionary_read(struct parquet_dictionary *d, const struct parquet *p,
                                     const struct parquet_column *column, const struct parquet_page *page,
                                     int codec);
void parquet_dictionary_release(struct parquet_dictionary *d);

enum { PARQUET_BATCH = 512 };
/* The values of one page, from the first to the last that is not null. */
struct parquet_values {
    const struct parquet *file;
    const struct parquet_column *column;
    const struct parquet_dictionary *dictionary;
    int encoding;
    const unsigned char *begin, *at, *end;
    size_t bit;           /* PLAIN booleans: of the next, from begin */
    size_t n_split, next; /* BYTE_STREAM_SPLIT: values in the page, the next */
    struct hybrid hybrid; /* dictionary indices; RLE booleans */
    struct delta delta, suffixes;
    hooke_text strings; /* DELTA_BYTE_ARRAY: this batch's */
    hooke_text last;    /* the string before */
};
hooke_status parquet_values_begin(struct parquet_values *v, int encoding, const unsigned char *begin,
                                  const unsigned char *end);
/* How many of n may be decoded at once: where strings are put together, few enough to bound their memory. */
size_t parquet_values_at_once(const struct parquet_values *v, size_t n);
/* The next n, at most PARQUET_BATCH; valid until the next call, and as long as the page. */
hooke_status parquet_values_read(struct parquet_values *v, hooke_value *out, size_t n);
void parquet_values_release(struct parquet_values *v);

#ifdef __cplusplus
}
#endif
#endif
