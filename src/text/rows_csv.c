/* rows_csv.c: rows of comma- and tab-separated files; a header line names the columns. */
#include <string.h>

#include "text/csv.h"
#include "text/rows.h"

static char comma_of(const struct row_file *f)
{
    return f->format == ROWS_TSV ? '\t' : ',';
}

/* The fields of the header, as columns. */
static hooke_status read_header(struct row_file *f, struct columns *there)
{
    bool got;
    RETURN_IF_ERROR(csv_record(&f->source, comma_of(f), &f->fields, ROW_MAX_BYTES, &got, NULL));
    RETURN_IF(!got, HOOKE_E_FORMAT, "%s: no header line", f->path);
    f->n_fields = f->fields.n;
    for (size_t i = 0; i < f->fields.n; i++) {
        struct bytes name = pieces_get(&f->fields, i);
        RETURN_IF(
            memchr(name.s, '\r', name.n), HOOKE_E_FORMAT,
            "%s: a carriage return in the header line; lines must end with LF or CR LF: tr '\\r' '\\n' makes "
            "them so",
            f->path);
        RETURN_IF_ERROR(columns_add(there, name.s, name.n));
    }
    return HOOKE_OK;
}

/* Which field each column is. */
static hooke_status find_fields(struct row_file *f, const struct columns *there, const struct columns *c,
                                bool all)
{
    void *p;
    RETURN_IF_ERROR(mem_take(&p, c->names.n, sizeof *f->field_of, "columns"));
    f->field_of = p;
    for (size_t i = 0; i < c->names.n; i++) {
        const char *name = columns_name(c, i);
        f->field_of[i] = all ? (int)i : columns_find(there, name, strlen(name));
        if (f->field_of[i] < 0) return columns_lack(there, name, f->path);
    }
    return HOOKE_OK;
}

static hooke_status open_csv(struct row_file *f, struct columns *c)
{
    struct columns there = { 0 };
    bool all = c->names.n == 0;
    hooke_status st = read_header(f, &there);
    if (st == HOOKE_OK && all) st = columns_copy(c, &there);
    if (st == HOOKE_OK) st = find_fields(f, &there, c, all);
    columns_release(&there);
    return st;
}

static hooke_status next_csv(struct row_file *f, const struct columns *c, hooke_value *values, bool *got)
{
    RETURN_IF_ERROR(csv_record(&f->source, comma_of(f), &f->fields, ROW_MAX_BYTES, got, &f->place));
    if (!*got) return HOOKE_OK;
    RETURN_IF(f->fields.n != f->n_fields, HOOKE_E_FORMAT,
              "%s: the record in line %lld has %zu fields, the header %zu", f->path, (long long)f->place,
              f->fields.n, f->n_fields);
    for (size_t i = 0; i < c->names.n; i++) {
        struct bytes field = pieces_get(&f->fields, (size_t)f->field_of[i]);
        values[i] = (hooke_value){ .kind = HOOKE_VALUE_TEXT, .text = field.s, .n_bytes = field.n };
    }
    return HOOKE_OK;
}

const struct row_reader rows_csv = { "line", open_csv, next_csv, NULL };
