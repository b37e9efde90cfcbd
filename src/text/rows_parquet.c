/* rows_parquet.c: rows of a Parquet file: a cursor for each column that is read. */
#include <string.h>

#include "file/bytes.h"
#include "file/parquet.h"
#include "text/rows.h"

struct parquet_rows {
    struct mapped_file map;
    struct parquet file;
    struct parquet_cursor **cursors; /* [n_cursors] */
    size_t n_cursors;
};

static void close_parquet(struct row_file *f)
{
    struct parquet_rows *r = f->parquet;
    if (!r) return;
    for (size_t i = 0; i < r->n_cursors; i++) parquet_cursor_close(r->cursors[i]);
    mem_free(r->cursors);
    parquet_close(&r->file);
    map_close(&r->map);
    mem_free(r);
    f->parquet = NULL;
}

static hooke_status name_columns(const struct parquet *p, struct columns *there)
{
    for (int i = 0; i < p->n_columns; i++)
        RETURN_IF_ERROR(columns_add(there, p->columns[i].name, strlen(p->columns[i].name)));
    return HOOKE_OK;
}

/* Fails: there is no such column, but these. */
static hooke_status lack(const struct parquet *p, const char *name)
{
    struct columns there = { 0 };
    hooke_status st = name_columns(p, &there);
    if (st == HOOKE_OK) st = columns_lack(&there, name, p->name);
    columns_release(&there);
    return st;
}

static hooke_status open_cursors(struct parquet_rows *r, const struct columns *c, bool all)
{
    void *p;
    RETURN_IF_ERROR(mem_take(&p, c->names.n, sizeof *r->cursors, "columns"));
    r->cursors = p;
    for (size_t i = 0; i < c->names.n; i++) {
        const char *name = columns_name(c, i);
        int column = all ? (int)i : parquet_find(&r->file, name, strlen(name));
        if (column < 0) return lack(&r->file, name);
        RETURN_IF_ERROR(parquet_cursor_open(&r->cursors[i], &r->file, column));
        r->n_cursors++;
    }
    return HOOKE_OK;
}

static hooke_status open_parquet(struct row_file *f, struct columns *c)
{
    void *p;
    bool all = c->names.n == 0;
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof *f->parquet, "Parquet reader"));
    f->parquet = p;
    RETURN_IF_ERROR(map_open(&f->parquet->map, f->path));
    RETURN_IF_ERROR(parquet_parse(&f->parquet->file, f->parquet->map.data, f->parquet->map.n, f->path));
    f->note = f->parquet->file.note;
    f->note_bytes = f->parquet->file.note_bytes;
    if (all) RETURN_IF_ERROR(name_columns(&f->parquet->file, c));
    return open_cursors(f->parquet, c, all);
}

static hooke_status next_parquet(struct row_file *f, const struct columns *c, hooke_value *values, bool *got)
{
    struct parquet_rows *r = f->parquet;
    bool more;
    (void)c;
    *got = r->n_cursors > 0;
    f->place++;
    for (size_t i = 0; i < r->n_cursors; i++) {
        RETURN_IF_ERROR(parquet_cursor_next(r->cursors[i], &values[i], &more));
        if (!more) *got = false; /* of all at once: each has as many rows as its groups say */
    }
    return HOOKE_OK;
}

const struct row_reader rows_parquet = { "row", open_parquet, next_parquet, close_parquet };
