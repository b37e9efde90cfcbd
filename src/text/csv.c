#include "text/csv.h"

enum field_end { END_FIELD, END_RECORD, END_FILE };

struct record {
    struct source *source;
    struct pieces *fields;
    char comma;
    size_t max;
    int64_t first_line;
};

static hooke_status take(const struct record *r, char c)
{
    RETURN_IF(r->fields->text.n >= r->max, HOOKE_E_UNSUPPORTED,
              "%s: the record in line %lld is larger than %zu bytes", r->source->path,
              (long long)r->first_line, r->max);
    return text_append(&r->fields->text, &c, 1);
}

/* Behind a closing quote or in an unquoted field: does c end the field? */
static hooke_status ends_field(const struct record *r, char c, bool got, bool *ends, enum field_end *how)
{
    struct source *s = r->source;
    *ends = true;
    *how = !got ? END_FILE : c == r->comma ? END_FIELD : END_RECORD;
    if (!got || c == r->comma || c == '\n') return HOOKE_OK;
    *ends = false;
    if (c != '\r') return HOOKE_OK;
    bool more;
    RETURN_IF_ERROR(source_fill(s, &more));
    if (more && s->block[s->at] != '\n') return HOOKE_OK; /* a lone CR is content */
    *ends = true;
    return more ? source_byte(s, &c, &got) : HOOKE_OK;
}

/* The opening quote is read. */
static hooke_status quoted_field(const struct record *r, enum field_end *how)
{
    char c = 0;
    bool got, ends;
    for (;;) {
        RETURN_IF_ERROR(source_byte(r->source, &c, &got));
        RETURN_IF(!got, HOOKE_E_FORMAT, "%s: the quoted field of the record in line %lld never ends",
                  r->source->path, (long long)r->first_line);
        if (c == '"') {
            RETURN_IF_ERROR(source_byte(r->source, &c, &got));
            if (got && c == '"') {
                RETURN_IF_ERROR(take(r, '"'));
                continue;
            }
            break;
        }
        RETURN_IF_ERROR(take(r, c));
    }
    RETURN_IF_ERROR(ends_field(r, c, got, &ends, how));
    RETURN_IF(!ends, HOOKE_E_FORMAT,
              "%s: line %lld: expected a separator or the end of the line behind a closing quote, found '%c'",
              r->source->path, (long long)r->source->line, c);
    return HOOKE_OK;
}

static hooke_status plain_field(const struct record *r, char c, bool got, enum field_end *how)
{
    bool ends;
    for (;;) {
        RETURN_IF_ERROR(ends_field(r, c, got, &ends, how));
        if (ends) return HOOKE_OK;
        RETURN_IF_ERROR(take(r, c));
        RETURN_IF_ERROR(source_byte(r->source, &c, &got));
    }
}

hooke_status csv_record(struct source *s, char comma, struct pieces *fields, size_t max, bool *got,
                        int64_t *line)
{
    struct record r = { s, fields, comma, max, s->line };
    enum field_end how;
    char c = 0;
    bool more;
    do {
        pieces_clear(fields);
        r.first_line = s->line;
        do {
            RETURN_IF_ERROR(source_byte(s, &c, &more));
            if (!more && fields->n == 0) {
                *got = false;
                return HOOKE_OK;
            }
            bool is_quoted = more && c == '"';
            RETURN_IF_ERROR(is_quoted ? quoted_field(&r, &how) : plain_field(&r, c, more, &how));
            RETURN_IF_ERROR(pieces_end(fields));
        } while (how == END_FIELD);
    } while (fields->n == 1 && fields->text.n == 0 && how != END_FILE); /* an empty line */
    *got = !(fields->n == 1 && fields->text.n == 0);
    if (line) *line = r.first_line;
    return HOOKE_OK;
}
