/* docs.c: documents of a text file, one after the other, in memory one at a time. */
#include <string.h>

#include "file/json.h"
#include "text/csv.h"
#include "text/source.h"

enum { LINE_MAX_BYTES = 64 << 20, PLAIN_MAX_BYTES = 512 << 20, COLUMN_MAX = 255 };
enum docs_kind { DOCS_PLAIN, DOCS_JSONL, DOCS_CSV };

struct hooke_docs {
    enum docs_kind kind;
    struct source source;
    char column[COLUMN_MAX + 1];
    size_t column_index;  /* csv */
    struct pieces fields; /* csv: the header, then each record */
    size_t n_columns;
    hooke_text text;   /* plain: the document; jsonl: the line */
    struct arena tree; /* jsonl: the line's values */
    bool is_done;
};

static bool ends_with(const char *s, size_t n, const char *suffix)
{
    size_t m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static enum docs_kind kind_of(const char *path, enum source_kind *packed)
{
    size_t n = strlen(path);
    *packed = ends_with(path, n, ".gz")    ? SOURCE_GZIP
              : ends_with(path, n, ".zst") ? SOURCE_ZSTD
                                           : SOURCE_PLAIN;
    if (*packed != SOURCE_PLAIN) n -= *packed == SOURCE_GZIP ? 3 : 4;
    if (ends_with(path, n, ".jsonl") || ends_with(path, n, ".ndjson")) return DOCS_JSONL;
    return ends_with(path, n, ".csv") ? DOCS_CSV : DOCS_PLAIN;
}

/* ---- csv ---- */

static hooke_status read_header(hooke_docs *d)
{
    bool got;
    hooke_text names = { 0 };
    RETURN_IF_ERROR(csv_record(&d->source, &d->fields, LINE_MAX_BYTES, &got));
    RETURN_IF(!got, HOOKE_E_FORMAT, "%s: no header line", d->source.path);
    d->n_columns = d->fields.n;
    for (size_t i = 0; i < d->fields.n; i++) {
        struct bytes name = pieces_get(&d->fields, i);
        d->column_index = i;
        if (name.n == strlen(d->column) && memcmp(name.s, d->column, name.n) == 0) return HOOKE_OK;
    }
    hooke_status st = HOOKE_OK;
    for (size_t i = 0; st == HOOKE_OK && i < d->fields.n && names.n < 400; i++) {
        struct bytes name = pieces_get(&d->fields, i);
        st = text_printf(&names, "%s%.*s", i ? ", " : "", (int)(name.n < 80 ? name.n : 80), name.s);
    }
    if (st == HOOKE_OK)
        st = fail(HOOKE_E_FORMAT, "%s: no column '%s'; there are: %s", d->source.path, d->column, names.data);
    hooke_text_release(&names);
    return st;
}

static hooke_status next_csv(hooke_docs *d, const char **text, size_t *n)
{
    bool got;
    int64_t line = d->source.line;
    RETURN_IF_ERROR(csv_record(&d->source, &d->fields, LINE_MAX_BYTES, &got));
    if (!got) return HOOKE_OK;
    RETURN_IF(d->fields.n != d->n_columns, HOOKE_E_FORMAT,
              "%s: the record in line %lld has %zu fields, the header %zu", d->source.path, (long long)line,
              d->fields.n, d->n_columns);
    struct bytes field = pieces_get(&d->fields, d->column_index);
    *text = field.s;
    *n = field.n;
    return HOOKE_OK;
}

/* ---- json lines ---- */

static bool is_blank(const hooke_text *line)
{
    for (size_t i = 0; i < line->n; i++)
        if (line->data[i] != ' ' && line->data[i] != '\t') return false;
    return true;
}

static hooke_status next_jsonl(hooke_docs *d, const char **text, size_t *n)
{
    const struct json *object;
    bool got;
    long long line;
    do {
        text_clear(&d->text);
        line = (long long)d->source.line;
        RETURN_IF_ERROR(source_line(&d->source, &d->text, LINE_MAX_BYTES, &got));
        if (!got) return HOOKE_OK;
    } while (is_blank(&d->text));
    arena_release(&d->tree);
    hooke_status st = json_parse(&object, &d->tree, d->text.data, d->text.n, JSON_LARGE_INTEGERS, "not JSON");
    if (st != HOOKE_OK) return fail_within(st, "%s: line %lld", d->source.path, line);
    const struct json *v = json_get(object, d->column);
    RETURN_IF(object->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: line %lld is not a JSON object",
              d->source.path, line);
    RETURN_IF(!v, HOOKE_E_FORMAT, "%s: line %lld has no column '%s'", d->source.path, line, d->column);
    RETURN_IF(v->kind != JSON_STRING, HOOKE_E_FORMAT, "%s: line %lld: column '%s' is not a string",
              d->source.path, line, d->column);
    *text = v->as.string.bytes;
    *n = v->as.string.n;
    return HOOKE_OK;
}

/* ---- plain ---- */

static hooke_status next_plain(hooke_docs *d, const char **text, size_t *n)
{
    bool got;
    RETURN_IF_ERROR(text_append(&d->text, "", 0));
    for (;;) {
        RETURN_IF_ERROR(source_fill(&d->source, &got));
        if (!got) break;
        size_t more = d->source.n - d->source.at;
        RETURN_IF(d->text.n + more > PLAIN_MAX_BYTES, HOOKE_E_UNSUPPORTED,
                  "%s: larger than %d bytes; split it into .jsonl lines", d->source.path,
                  (int)PLAIN_MAX_BYTES);
        RETURN_IF_ERROR(text_append(&d->text, d->source.block + d->source.at, more));
        d->source.at = d->source.n;
    }
    d->is_done = true;
    *text = d->text.data;
    *n = d->text.n;
    return HOOKE_OK;
}

/* ---- public ---- */

static hooke_status open_docs(hooke_docs *d, const char *path, const char *column)
{
    enum source_kind packed;
    size_t n = strlen(column);
    RETURN_IF(n > COLUMN_MAX, HOOKE_E_ARGUMENT, "column name of %zu bytes, the limit is %d", n,
              (int)COLUMN_MAX);
    memcpy(d->column, column, n + 1);
    d->kind = kind_of(path, &packed);
    RETURN_IF_ERROR(source_open(&d->source, path, packed));
    if (d->kind != DOCS_PLAIN) RETURN_IF_ERROR(source_skip_bom(&d->source));
    return d->kind == DOCS_CSV ? read_header(d) : HOOKE_OK;
}

hooke_status hooke_docs_open(hooke_docs **out, const char *path, const char *column)
{
    void *p;
    *out = NULL;
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof **out, "document reader"));
    hooke_status st = open_docs(p, path, column ? column : "text");
    if (st != HOOKE_OK) {
        hooke_docs_close(p);
        return st;
    }
    *out = p;
    return HOOKE_OK;
}

hooke_status hooke_docs_next(hooke_docs *d, const char **text, size_t *n_bytes)
{
    *text = NULL;
    *n_bytes = 0;
    if (d->is_done) return HOOKE_OK;
    switch (d->kind) {
    case DOCS_PLAIN:
        return next_plain(d, text, n_bytes);
    case DOCS_JSONL:
        return next_jsonl(d, text, n_bytes);
    case DOCS_CSV:
        return next_csv(d, text, n_bytes);
    }
    return fail(HOOKE_E_INTERNAL, "kind of documents %d", (int)d->kind);
}

void hooke_docs_close(hooke_docs *d)
{
    if (!d) return;
    source_close(&d->source);
    pieces_release(&d->fields);
    hooke_text_release(&d->text);
    arena_release(&d->tree);
    mem_free(d);
}
