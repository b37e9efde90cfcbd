/* rows.h: rows of tables.
 *
 *   rows_lines.c, rows_csv.c, rows_parquet.c   the rows of one file, behind one interface
 *   rows_files.c    files one after the other; parts
 *   rows_values.c   typed access to the current row
 *   rows_shuffle.c  rows in random order
 *   rows_classes.c  names of classes
 *   splits.c        which files a data set's split consists of */
#ifndef HOOKE_TEXT_ROWS_H
#define HOOKE_TEXT_ROWS_H

#include "text/pieces.h"
#include "text/source.h"
#include "text/splits.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ROW_MAX_BYTES = 64 << 20,    /* a line, a record */
    ARRAY_MAX_BYTES = 512 << 20, /* a .json that is one array */
    ROWS_MAX_COLUMNS = 4096,
    COLUMN_NAME_MAX = 255
};
enum row_format { ROWS_PLAIN, ROWS_JSONL, ROWS_JSON, ROWS_CSV, ROWS_TSV, ROWS_PARQUET };

/* A caller's options, which may be of an older size or NULL, as this library's. */
hooke_status rows_options_take(hooke_rows_options *out, const hooke_rows_options *options);

/* Goes by the end of the name; *packed is what the file is packed with. */
enum row_format row_format_of(const char *path, enum source_kind *packed);

/* Names of columns, in order. */
struct columns {
    struct pieces names; /* each ends in a NUL, which counts */
};
void columns_release(struct columns *c);
hooke_status columns_add(struct columns *c, const char *name, size_t n);
hooke_status columns_copy(struct columns *to, const struct columns *from);
const char *columns_name(const struct columns *c, size_t index);
/* -1: none */
int columns_find(const struct columns *c, const char *name, size_t n);
/* HOOKE_E_FORMAT: no column of that name in the file; there are these. */
hooke_status columns_lack(const struct columns *there, const char *name, const char *path);

struct row_file {
    char *path; /* owned, for messages */
    enum row_format format;
    const struct row_reader *reader;
    struct source source; /* all but Parquet */
    hooke_text line;      /* plain, JSON lines */
    struct arena tree;    /* JSON lines: the line's values */
    struct pieces fields; /* csv: the header, then each record */
    size_t n_fields;      /* csv: of the header */
    int *field_of;        /* csv: [n columns] the field that holds a column */
    int64_t place;        /* of the current row: its line, or its number, from 1 */
    struct parquet_rows *parquet;
    const char *note; /* [note_bytes] Parquet: what the writer says of the columns, JSON; NULL: nothing */
    size_t note_bytes;
    bool is_array;             /* JSON: one array of objects, all of it in `tree` */
    const struct json *ahead;  /* JSON lines: the first line, read for its keys; NULL once it was given */
    const struct json *object; /* JSON lines: the row that was given last; NULL: none */
};

/* One for each format. */
struct row_reader {
    const char *unit; /* of places: "line", "row" */
    /* Finds the columns in the file; adds all there are when c is empty. The source is open (not for Parquet). */
    hooke_status (*open)(struct row_file *f, struct columns *c);
    /* Fills values[n columns], zeroed before; what they point to lives until the next call. */
    hooke_status (*next)(struct row_file *f, const struct columns *c, hooke_value *values, bool *got);
    void (*close)(struct row_file *f); /* of what is its own; NULL: nothing */
};
extern const struct row_reader rows_plain, rows_jsonl, rows_csv, rows_parquet;

/* Zeroed before; close it after a failure too. */
hooke_status row_file_open(struct row_file *f, const char *path, struct columns *c);
/* The same of text in memory. */
hooke_status row_file_open_memory(struct row_file *f, enum row_format format, const char *name,
                                  const void *bytes, size_t n, struct columns *c);
void row_file_close(struct row_file *f);
/* The keys of the object that is the file's row, added to c; none of other formats. */
hooke_status row_file_keys(const struct row_file *f, struct columns *c);

/* ---- all files ---- */

/* A row that outlives its file's next one: one block holds the values and what they point to. */
struct kept_row {
    hooke_value *values; /* [n columns]; NULL: empty */
    size_t bytes;
    size_t file; /* index into the list of files */
    int64_t place;
};

struct shuffle {
    struct kept_row *rows; /* [n] of capacity */
    size_t n, capacity, max_rows;
    size_t bytes;
    uint64_t n_drawn;
    struct kept_row given; /* the current row */
};
enum { SHUFFLE_MAX_BYTES = 1 << 30 };

struct hooke_rows {
    hooke_rows_options options; /* without pointers */
    struct columns columns;
    struct split_files files;
    size_t *order; /* [files.paths.n] in which they are read */
    size_t n_read; /* files that are read or being read */
    struct row_file file;
    bool is_open;
    size_t open_file;       /* index into the list of files */
    hooke_value *values;    /* [n columns] of the file's row */
    const hooke_value *row; /* [n columns] the current one; NULL: there is none */
    size_t row_file;        /* where the current one lies */
    int64_t row_place;
    int64_t n_rows;          /* of this file so far */
    struct columns *classes; /* [n columns] names of classes by number; empty: not told */
    struct shuffle shuffle;
    hooke_text place;
    bool is_done;
};

/* The next row that belongs to the part, in r->values; *got is false behind the last file's last. */
hooke_status rows_next_in_part(hooke_rows *r, bool *got);
hooke_status rows_shuffle_next(hooke_rows *r, bool *got);
void rows_shuffle_release(hooke_rows *r);
/* Fills r->classes from the card, and from what a Parquet file's writer noted. */
hooke_status rows_find_classes(hooke_rows *r);

#ifdef __cplusplus
}
#endif
#endif
