/* parquet.h: reader of Parquet files: flat columns of strings, integers, numbers and booleans, and lists of them.
 *
 *   "PAR1"  pages ...  metadata (Thrift)  u32 their length  "PAR1"
 *
 *   A row group holds a chunk of each column; a chunk is an optional dictionary page and data pages; a page is a header, then
 *   levels and values, packed. A definition level says how far a value's path is there (below the most: null), a repetition
 *   level of 0 begins a row.
 *
 *   parquet_meta.c     the metadata: schema, row groups, chunks
 *   parquet_schema.c   which columns can be read, and at which levels their values are
 *   parquet_page.c     page headers, unpacking
 *   parquet_decode.c   bit-packed and delta-encoded integers
 *   parquet_values.c   values of a page in each encoding
 *   parquet_cursor.c   one column's values, row by row
 *
 * Columns that are not asked for are never looked at. Memory: for each column that is read one unpacked page and one dictionary,
 * each at most `max_page` bytes, and one row. */
#ifndef HOOKE_FILE_PARQUET_H
#define HOOKE_FILE_PARQUET_H

#include "base/mem.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PARQUET_PAGE_MAX = 1 << 30 };

enum parquet_type {
    PARQUET_BOOLEAN,
    PARQUET_INT32,
    PARQUET_INT64,
    PARQUET_INT96,
    PARQUET_FLOAT,
    PARQUET_DOUBLE,
    PARQUET_BYTES,
    PARQUET_FIXED, /* bytes, all of the same length */
    PARQUET_GROUP  /* a schema element with children */
};

struct parquet_column {
    const char *name;
    const char *refused; /* why it cannot be read; NULL: it can */
    int leaf;            /* index of its chunk in each row group */
    enum parquet_type type;
    int width; /* bytes of a value; PARQUET_BYTES: 0 */
    bool is_unsigned, is_half;
    bool is_list;
    int max_def, max_rep; /* levels: 0 to 3, 0 or 1 */
    int def_list;         /* the list is there */
};

struct parquet_chunk {
    enum parquet_type type;
    int codec;
    int64_t n_values;
    size_t begin, end; /* in the file */
};

struct parquet_group {
    int64_t n_rows;
    struct parquet_chunk *chunks; /* [n_leaves] */
};

struct parquet {
    const unsigned char *bytes; /* [n] borrowed */
    size_t n;
    const char *name; /* opens messages; borrowed */
    size_t max_page;
    /* [n_columns + n_members]: the file's columns, then "column.member" for the members of those that are groups */
    struct parquet_column *columns;
    int n_columns, n_members, n_leaves;
    struct parquet_group *groups; /* [n_groups] */
    size_t n_groups;
    int64_t n_rows;
    const char *note; /* [note_bytes] what Hugging Face's writer put beside the schema, JSON; NULL: nothing */
    size_t note_bytes;
    struct arena arena;
};

/* Reads the metadata at the end of bytes[n]. */
hooke_status parquet_parse(struct parquet *p, const unsigned char *bytes, size_t n, const char *name);
void parquet_close(struct parquet *p);
/* -1: none */
int parquet_find(const struct parquet *p, const char *name, size_t n);

/* One column's values, in the order of the rows. */
struct parquet_cursor;
hooke_status parquet_cursor_open(struct parquet_cursor **out, const struct parquet *p, int column);
void parquet_cursor_close(struct parquet_cursor *c);
/* The next row's value; what it points to lives until the next call. *got is false behind the last. */
hooke_status parquet_cursor_next(struct parquet_cursor *c, hooke_value *out, bool *got);

#ifdef __cplusplus
}
#endif
#endif
