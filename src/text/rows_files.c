/* rows_files.c: a table's rows, one after the other, file after file. */
#include "text/rows.h"

#include <string.h>
#include <strings.h>

#include "base/random.h"

/* ---- one file ---- */

/* In any case: "DATA.CSV" is one. */
static bool ends_with(const char *s, size_t n, const char *suffix)
{
    size_t m = strlen(suffix);
    return n >= m && strncasecmp(s + n - m, suffix, m) == 0;
}

enum row_format row_format_of(const char *path, enum source_kind *packed)
{
    static const struct {
        const char *suffix;
        enum row_format format;
    } known[] = { { ".jsonl", ROWS_JSONL }, { ".ndjson", ROWS_JSONL }, { ".json", ROWS_JSON },
                  { ".csv", ROWS_CSV },     { ".tsv", ROWS_TSV },      { ".parquet", ROWS_PARQUET } };
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
    case ROWS_JSON:
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
    RETURN_IF_ERROR(source_begin(&f->source));
    return f->reader->open(f, c);
}

hooke_status row_file_open_memory(struct row_file *f, enum row_format format, const char *name,
                                  const void *bytes, size_t n, struct columns *c)
{
    RETURN_IF_ERROR(begin_file(f, format, name));
    RETURN_IF_ERROR(source_open_memory(&f->source, name, bytes, n));
    RETURN_IF_ERROR(source_begin(&f->source));
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

/* ---- file after file ---- */

static const char *path_of(const hooke_rows *r, size_t file)
{
    return pieces_get(&r->files.paths, file).s;
}

static hooke_status open_next(hooke_rows *r)
{
    row_file_close(&r->file);
    r->n_rows = 0;
    r->is_open = r->n_read < r->files.paths.n;
    if (!r->is_open) return HOOKE_OK;
    r->open_file = r->order[r->n_read++];
    return row_file_open(&r->file, path_of(r, r->open_file), &r->columns);
}

/* Which part a row belongs to depends on the seed, its file's place among the files, and its number there. */
static bool is_in_part(const hooke_rows *r)
{
    enum { ROW_BITS = 40 };
    if (r->options.part == HOOKE_PART_ALL) return true;
    uint64_t index = (uint64_t)r->open_file << ROW_BITS | (uint64_t)r->n_rows;
    bool is_test = random_uniform(r->options.seed, RANDOM_SPLIT, index) < r->options.test_frac;
    return is_test == (r->options.part == HOOKE_PART_TEST);
}

hooke_status rows_next_in_part(hooke_rows *r, bool *got)
{
    *got = false;
    while (r->is_open && !*got) {
        RETURN_IF_ERROR(r->file.reader->next(&r->file, &r->columns, r->values, got));
        if (!*got) {
            RETURN_IF_ERROR(open_next(r));
            continue;
        }
        r->row_file = r->open_file;
        r->row_place = r->file.place;
        *got = is_in_part(r);
        r->n_rows++;
    }
    r->row = *got ? r->values : NULL;
    return HOOKE_OK;
}

/* ---- opening ---- */

static hooke_status take_options(hooke_rows *r, const hooke_rows_options *o)
{
    for (int i = 0; o->columns && i < o->n_columns; i++) {
        const char *name = o->columns[i];
        RETURN_IF(columns_find(&r->columns, name, strlen(name)) >= 0, HOOKE_E_ARGUMENT,
                  "column '%s' is named twice", name);
        RETURN_IF_ERROR(columns_add(&r->columns, name, strlen(name)));
    }
    RETURN_IF(o->part < HOOKE_PART_ALL || o->part > HOOKE_PART_TEST, HOOKE_E_ARGUMENT, "part %d of the rows",
              o->part);
    RETURN_IF(!(o->test_frac >= 0.0 && o->test_frac <= 1.0), HOOKE_E_ARGUMENT,
              "test_frac is %g, expected 0 to 1", o->test_frac);
    RETURN_IF(o->shuffle_rows < 0, HOOKE_E_ARGUMENT, "shuffle_rows is %lld", (long long)o->shuffle_rows);
    r->options = (hooke_rows_options){
        .shuffle_rows = o->shuffle_rows, .seed = o->seed, .part = o->part, .test_frac = o->test_frac
    };
    return HOOKE_OK;
}

/* Files as they lie, or in random order (Fisher and Yates'). */
static hooke_status set_order(hooke_rows *r)
{
    void *p;
    size_t n = r->files.paths.n;
    RETURN_IF_ERROR(mem_take(&p, n, sizeof *r->order, "files"));
    r->order = p;
    for (size_t i = 0; i < n; i++) r->order[i] = i;
    for (size_t i = n; r->options.shuffle_rows && i > 1; i--) {
        size_t k = (size_t)(random_u64(r->options.seed, RANDOM_SHUFFLE_FILES, i) % i), last = r->order[i - 1];
        r->order[i - 1] = r->order[k];
        r->order[k] = last;
    }
    return HOOKE_OK;
}

static hooke_status open_rows(hooke_rows *r, const char *path, const hooke_rows_options *o)
{
    void *p;
    RETURN_IF_ERROR(take_options(r, o));
    RETURN_IF_ERROR(split_files_find(&r->files, path, o));
    RETURN_IF_ERROR(set_order(r));
    RETURN_IF_ERROR(open_next(r));
    RETURN_IF_ERROR(mem_take(&p, r->columns.names.n, sizeof *r->values, "row"));
    r->values = p;
    return rows_find_classes(r);
}

hooke_status rows_options_take(hooke_rows_options *out, const hooke_rows_options *options)
{
    *out = (hooke_rows_options){ .size = sizeof *out };
    if (!options) return HOOKE_OK;
    RETURN_IF(options->size == 0 || options->size > 4096, HOOKE_E_ARGUMENT,
              "row options: size is %zu, expected %zu", options->size, sizeof *out);
    memcpy(out, options, options->size < sizeof *out ? options->size : sizeof *out);
    out->size = sizeof *out;
    return HOOKE_OK;
}

hooke_status hooke_rows_open(hooke_rows **out, const char *path, const hooke_rows_options *options)
{
    hooke_rows_options o;
    void *p;
    *out = NULL;
    RETURN_IF_ERROR(rows_options_take(&o, options));
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof **out, "row reader"));
    hooke_status st = open_rows(p, path, &o);
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
    rows_shuffle_release(r);
    row_file_close(&r->file);
    for (size_t i = 0; r->classes && i < r->columns.names.n; i++) columns_release(&r->classes[i]);
    mem_free(r->classes);
    columns_release(&r->columns);
    split_files_release(&r->files);
    hooke_text_release(&r->place);
    mem_free(r->order);
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
    r->row = NULL;
    if (r->is_done) return HOOKE_OK;
    hooke_status st = r->options.shuffle_rows ? rows_shuffle_next(r, got) : rows_next_in_part(r, got);
    r->is_done = st != HOOKE_OK || !*got;
    if (r->is_done) r->row = NULL;
    return st;
}

const hooke_value *hooke_rows_value(const hooke_rows *r, int column)
{
    return r->row && column >= 0 && column < hooke_rows_n_columns(r) ? &r->row[column] : NULL;
}

const char *hooke_rows_place(const hooke_rows *rows)
{
    hooke_rows *r = (hooke_rows *)(uintptr_t)rows; /* the text is a cache */
    enum source_kind packed;
    text_clear(&r->place);
    if (!r->row) return "no row";
    const char *path = path_of(r, r->row_file);
    hooke_status st = text_printf(&r->place, "%s: %s %lld", path,
                                  reader_of(row_format_of(path, &packed))->unit, (long long)r->row_place);
    return st == HOOKE_OK ? r->place.data : "a row";
}
