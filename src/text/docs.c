/* docs.c: documents, one after the other, in memory one at a time: a plain file is one, of a table they are one column's strings. */
#include <string.h>

#include "text/rows.h"

enum { PLAIN_MAX_BYTES = 512 << 20 };

struct hooke_docs {
    hooke_rows *rows;     /* NULL: plain */
    struct source source; /* plain */
    hooke_text text;      /* plain: the document */
    bool is_done;
};

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

static hooke_status next_row(hooke_docs *d, const char **text, size_t *n)
{
    bool got;
    RETURN_IF_ERROR(hooke_rows_next(d->rows, &got));
    d->is_done = !got;
    return got ? hooke_rows_text(d->rows, 0, text, n) : HOOKE_OK;
}

static hooke_status open_plain(hooke_docs *d, const char *path, enum source_kind packed)
{
    RETURN_IF_ERROR(source_open(&d->source, path, packed));
    return source_begin(&d->source);
}

static hooke_status open_docs(hooke_docs *d, const char *path, const hooke_rows_options *options)
{
    static const char *const column = "text";
    enum source_kind packed;
    hooke_rows_options o;
    RETURN_IF_ERROR(rows_options_take(&o, options));
    RETURN_IF(o.n_columns > 1, HOOKE_E_ARGUMENT, "%s: documents are one column, not %d", path, o.n_columns);
    if (!o.columns || o.n_columns < 1) {
        o.columns = &column;
        o.n_columns = 1;
    }
    bool is_plain = row_format_of(path, &packed) == ROWS_PLAIN && !is_data_set(path);
    if (is_plain && !o.split && !o.config) return open_plain(d, path, packed);
    return hooke_rows_open(&d->rows, path, &o);
}

hooke_status hooke_docs_open(hooke_docs **out, const char *path, const hooke_rows_options *options)
{
    void *p;
    *out = NULL;
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof **out, "document reader"));
    hooke_status st = open_docs(p, path, options);
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
    return d->rows ? next_row(d, text, n_bytes) : next_plain(d, text, n_bytes);
}

void hooke_docs_close(hooke_docs *d)
{
    if (!d) return;
    hooke_rows_close(d->rows);
    source_close(&d->source);
    hooke_text_release(&d->text);
    mem_free(d);
}
