/* rows.c: a table's rows, one after the other, and typed access to their values. */
#include "text/rows.h"

#include <math.h>
#include <string.h>

#include "file/json.h"

struct hooke_rows {
    struct columns columns;
    hooke_value *values; /* [n columns] of the current row */
    struct row_file file;
    hooke_text place;
    bool has_row, is_done;
};

/* ---- one file ---- */

static bool ends_with(const char *s, size_t n, const char *suffix)
{
    size_t m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

enum row_format row_format_of(const char *path, enum source_kind *packed)
{
    static const struct {
        const char *suffix;
        enum row_format format;
    } known[] = { { ".jsonl", ROWS_JSONL },
                  { ".ndjson", ROWS_JSONL },
                  { ".csv", ROWS_CSV },
                  { ".tsv", ROWS_TSV },
                  { ".parquet", ROWS_PARQUET } };
    size_t n = strlen(path);
    *packed = ends_with(path, n, ".gz")    ? SOURCE_GZIP
              : ends_with(path, n, ".zst") ? SOURCE_ZSTD
                                           : SOURCE_PLAIN;
    if (*packed != SOURCE_PLAIN) n -= *packed == SOURCE_GZIP ? 3 : 4;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (ends_with(path, n, known[i].suffix)) return known[i].format;
    return ROWS_PLAIN;
}

static const struct row_reader *reader_of(enum row_format format)
{
    switch (format) {
    case ROWS_PLAIN:
        return &rows_plain;
    case ROWS_JSONL:
        return &rows_jsonl;
    case ROWS_CSV:
    case ROWS_TSV:
        return &rows_csv;
    case ROWS_PARQUET:
        return &rows_parquet;
    }
    return NULL;
}

static hooke_status begin_file(struct row_file *f, enum row_format format, const char *path)
{
    void *p;
    RETURN_IF_ERROR(mem_take(&p, strlen(path) + 1, 1, "path"));
    f->path = memcpy(p, path, strlen(path));
    f->format = format;
    f->reader = reader_of(format);
    RETURN_IF(!f->reader, HOOKE_E_INTERNAL, "format of rows %d", (int)format);
    return HOOKE_OK;
}

hooke_status row_file_open(struct row_file *f, const char *path, struct columns *c)
{
    enum source_kind packed;
    RETURN_IF_ERROR(begin_file(f, row_format_of(path, &packed), path));
    if (f->format == ROWS_PARQUET) {
        RETURN_IF(packed != SOURCE_PLAIN, HOOKE_E_UNSUPPORTED,
                  "%s: a packed Parquet file must be unpacked first: it is read from its end", path);
        return f->reader->open(f, c);
    }
    RETURN_IF_ERROR(source_open(&f->source, path, packed));
    RETURN_IF_ERROR(source_skip_bom(&f->source));
    return f->reader->open(f, c);
}

hooke_status row_file_open_memory(struct row_file *f, enum row_format format, const char *name,
                                  const void *bytes, size_t n, struct columns *c)
{
    RETURN_IF_ERROR(begin_file(f, format, name));
    RETURN_IF_ERROR(source_open_memory(&f->source, name, bytes, n));
    RETURN_IF_ERROR(source_skip_bom(&f->source));
    return f->reader->open(f, c);
}

void row_file_close(struct row_file *f)
{
    if (f->reader && f->reader->close) f->reader->close(f);
    source_close(&f->source);
    hooke_text_release(&f->line);
    arena_release(&f->tree);
    pieces_release(&f->fields);
    mem_free(f->field_of);
    mem_free(f->path);
    *f = (struct row_file){ 0 };
}

/* ---- opening ---- */

static hooke_status open_rows(hooke_rows *r, const char *path, const hooke_rows_options *o)
{
    void *p;
    for (int i = 0; o && o->columns && i < o->n_columns; i++) {
        const char *name = o->columns[i];
        RETURN_IF(columns_find(&r->columns, name, strlen(name)) >= 0, HOOKE_E_ARGUMENT,
                  "column '%s' is named twice", name);
        RETURN_IF_ERROR(columns_add(&r->columns, name, strlen(name)));
    }
    RETURN_IF_ERROR(row_file_open(&r->file, path, &r->columns));
    RETURN_IF_ERROR(mem_take(&p, r->columns.names.n, sizeof *r->values, "row"));
    r->values = p;
    return HOOKE_OK;
}

hooke_status hooke_rows_open(hooke_rows **out, const char *path, const hooke_rows_options *options)
{
    void *p;
    *out = NULL;
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof **out, "row reader"));
    hooke_status st = open_rows(p, path, options);
    if (st != HOOKE_OK) {
        hooke_rows_close(p);
        return st;
    }
    *out = p;
    return HOOKE_OK;
}

void hooke_rows_close(hooke_rows *r)
{
    if (!r) return;
    row_file_close(&r->file);
    columns_release(&r->columns);
    hooke_text_release(&r->place);
    mem_free(r->values);
    mem_free(r);
}

/* ---- going through ---- */

int hooke_rows_n_columns(const hooke_rows *r)
{
    return (int)r->columns.names.n;
}

const char *hooke_rows_column_name(const hooke_rows *r, int column)
{
    return column >= 0 && column < hooke_rows_n_columns(r) ? columns_name(&r->columns, (size_t)column) : NULL;
}

int hooke_rows_column(const hooke_rows *r, const char *name)
{
    return columns_find(&r->columns, name, strlen(name));
}

hooke_status hooke_rows_next(hooke_rows *r, bool *got)
{
    *got = false;
    r->has_row = false;
    if (r->is_done) return HOOKE_OK;
    hooke_status st = r->file.reader->next(&r->file, &r->columns, r->values, got);
    r->is_done = st != HOOKE_OK || !*got;
    r->has_row = st == HOOKE_OK && *got;
    return st;
}

const hooke_value *hooke_rows_value(const hooke_rows *r, int column)
{
    return r->has_row && column >= 0 && column < hooke_rows_n_columns(r) ? &r->values[column] : NULL;
}

const char *hooke_rows_place(const hooke_rows *rows)
{
    hooke_rows *r = (hooke_rows *)(uintptr_t)rows; /* the text is a cache */
    text_clear(&r->place);
    hooke_status st = r->has_row ? text_printf(&r->place, "%s: %s %lld", r->file.path, r->file.reader->unit,
                                               (long long)r->file.place)
                                 : text_puts(&r->place, "no row");
    return st == HOOKE_OK ? r->place.data : "a row";
}

/* ---- typed access ---- */

static const char *kind_word(int kind)
{
    static const char *const words[] = { "absent",   "null", "a boolean", "an integer", "a large integer",
                                         "a number", "text", "a list",    "an object" };
    return kind >= 0 && (size_t)kind < sizeof words / sizeof *words ? words[kind] : "unknown";
}

static hooke_status not_a(const hooke_rows *r, int column, const char *expected)
{
    const hooke_value *v = hooke_rows_value(r, column);
    const char *name = hooke_rows_column_name(r, column);
    RETURN_IF(!name, HOOKE_E_ARGUMENT, "column %d of %d", column, hooke_rows_n_columns(r));
    RETURN_IF(!v, HOOKE_E_ARGUMENT, "column '%s' is asked for where there is no row", name);
    RETURN_IF(v->kind == HOOKE_VALUE_ABSENT, HOOKE_E_FORMAT, "%s has no column '%s'", hooke_rows_place(r),
              name);
    RETURN_IF(v->kind == HOOKE_VALUE_TEXT, HOOKE_E_FORMAT, "%s: column '%s' is not %s but '%.*s'",
              hooke_rows_place(r), name, expected, (int)(v->n_bytes < 40 ? v->n_bytes : 40), v->text);
    return fail(HOOKE_E_FORMAT, "%s: column '%s' is not %s but %s", hooke_rows_place(r), name, expected,
                kind_word(v->kind));
}

hooke_status hooke_rows_text(const hooke_rows *r, int column, const char **text, size_t *n_bytes)
{
    const hooke_value *v = hooke_rows_value(r, column);
    *text = NULL;
    *n_bytes = 0;
    if (!v || v->kind != HOOKE_VALUE_TEXT) return not_a(r, column, "a string");
    *text = v->text;
    *n_bytes = v->n_bytes;
    return HOOKE_OK;
}

/* A number as JSON spells them, blanks around it allowed. */
static bool parse_number(struct json *out, const hooke_value *v)
{
    enum { LONGEST = 64 };
    struct arena a = { 0 };
    const struct json *j = NULL;
    if (v->n_bytes == 0 || v->n_bytes > LONGEST) return false;
    bool is_number = json_parse(&j, &a, v->text, v->n_bytes, JSON_LARGE_INTEGERS, "number") == HOOKE_OK &&
                     (j->kind == JSON_INT || j->kind == JSON_REAL);
    if (is_number) *out = *j;
    arena_release(&a);
    return is_number;
}

hooke_status hooke_rows_int(const hooke_rows *r, int column, int64_t *out)
{
    const hooke_value *v = hooke_rows_value(r, column);
    struct json number;
    *out = 0;
    if (v && (v->kind == HOOKE_VALUE_INT || v->kind == HOOKE_VALUE_BOOL))
        *out = v->integer;
    else if (v && v->kind == HOOKE_VALUE_REAL && fabs(v->real) < 9007199254740992.0 &&
             floor(v->real) == v->real)
        *out = (int64_t)v->real;
    else if (v && v->kind == HOOKE_VALUE_TEXT && parse_number(&number, v) && number.kind == JSON_INT)
        *out = number.as.integer;
    else
        return not_a(r, column, "an integer");
    return HOOKE_OK;
}

hooke_status hooke_rows_real(const hooke_rows *r, int column, double *out)
{
    const hooke_value *v = hooke_rows_value(r, column);
    struct json number;
    *out = 0.0;
    if (v && (v->kind == HOOKE_VALUE_INT || v->kind == HOOKE_VALUE_REAL))
        *out = v->real;
    else if (v && v->kind == HOOKE_VALUE_BOOL)
        *out = (double)v->integer;
    else if (v && v->kind == HOOKE_VALUE_UINT)
        *out = (double)(uint64_t)v->integer;
    else if (v && v->kind == HOOKE_VALUE_TEXT && parse_number(&number, v))
        *out = number.kind == JSON_INT ? (double)number.as.integer : number.as.real;
    else
        return not_a(r, column, "a number");
    return HOOKE_OK;
}

hooke_status hooke_rows_list(const hooke_rows *r, int column, size_t *n)
{
    const hooke_value *v = hooke_rows_value(r, column);
    *n = 0;
    if (!v || v->kind != HOOKE_VALUE_LIST) return not_a(r, column, "a list");
    for (size_t i = 0; i < v->n_items; i++)
        RETURN_IF(v->items[i].kind != HOOKE_VALUE_TEXT, HOOKE_E_FORMAT,
                  "%s: item %zu of the list in column '%s' is not a string but %s", hooke_rows_place(r), i,
                  hooke_rows_column_name(r, column), kind_word(v->items[i].kind));
    *n = v->n_items;
    return HOOKE_OK;
}

hooke_status hooke_rows_item(const hooke_rows *r, int column, size_t item, const char **text, size_t *n_bytes)
{
    const hooke_value *v = hooke_rows_value(r, column);
    *text = NULL;
    *n_bytes = 0;
    if (!v || v->kind != HOOKE_VALUE_LIST || item >= v->n_items || v->items[item].kind != HOOKE_VALUE_TEXT)
        return not_a(r, column, "a list with that many strings");
    *text = v->items[item].text;
    *n_bytes = v->items[item].n_bytes;
    return HOOKE_OK;
}
