/* rows_lines.c: rows that are lines: plain text and JSON lines. */
#include <string.h>

#include "file/json.h"
#include "text/rows.h"

/* ---- plain ---- */

static hooke_status open_plain(struct row_file *f, struct columns *c)
{
    if (c->names.n == 0) return columns_add(c, "text", 4);
    for (size_t i = 0; i < c->names.n; i++)
        RETURN_IF(strcmp(columns_name(c, i), "text") != 0, HOOKE_E_FORMAT,
                  "%s: no column '%s'; plain text has one, named text", f->path, columns_name(c, i));
    return HOOKE_OK;
}

static hooke_status next_plain(struct row_file *f, const struct columns *c, hooke_value *values, bool *got)
{
    text_clear(&f->line);
    f->place = f->source.line;
    RETURN_IF_ERROR(text_append(&f->line, "", 0));
    RETURN_IF_ERROR(source_line(&f->source, &f->line, ROW_MAX_BYTES, got));
    for (size_t i = 0; i < c->names.n; i++)
        values[i] = (hooke_value){ .kind = HOOKE_VALUE_TEXT, .text = f->line.data, .n_bytes = f->line.n };
    return HOOKE_OK;
}

const struct row_reader rows_plain = { "line", open_plain, next_plain, NULL };

/* ---- JSON lines ---- */

static bool is_blank(const hooke_text *line)
{
    for (size_t i = 0; i < line->n; i++)
        if (line->data[i] != ' ' && line->data[i] != '\t') return false;
    return true;
}

/* The next line that is not blank, as an object in f->tree; NULL at the end. */
static hooke_status read_object(struct row_file *f, const struct json **out)
{
    bool got;
    *out = NULL;
    do {
        text_clear(&f->line);
        f->place = f->source.line;
        RETURN_IF_ERROR(source_line(&f->source, &f->line, ROW_MAX_BYTES, &got));
        if (!got) return HOOKE_OK;
    } while (is_blank(&f->line));
    arena_release(&f->tree);
    hooke_status st = json_parse(out, &f->tree, f->line.data, f->line.n, JSON_LARGE_INTEGERS, "not JSON");
    if (st != HOOKE_OK) return fail_within(st, "%s: line %lld", f->path, (long long)f->place);
    RETURN_IF((*out)->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: line %lld is not a JSON object", f->path,
              (long long)f->place);
    return HOOKE_OK;
}

static hooke_status convert(hooke_value *out, const struct json *v, struct arena *a);

static hooke_status convert_list(hooke_value *out, const struct json *v, struct arena *a)
{
    hooke_value *items = arena_alloc(a, v->as.list.n, sizeof *items);
    if (!items) return HOOKE_E_MEMORY;
    size_t n = 0;
    for (const struct json *e = v->as.list.first; e; e = e->next)
        RETURN_IF_ERROR(convert(&items[n++], e, a)); /* as deep as the JSON reader allows */
    out->kind = HOOKE_VALUE_LIST;
    out->items = items;
    out->n_items = n;
    return HOOKE_OK;
}

static hooke_status convert(hooke_value *out, const struct json *v, struct arena *a)
{
    switch (v->kind) {
    case JSON_NULL:
        *out = (hooke_value){ .kind = HOOKE_VALUE_NULL };
        return HOOKE_OK;
    case JSON_BOOL:
        *out = (hooke_value){ .kind = HOOKE_VALUE_BOOL, .integer = v->as.boolean };
        return HOOKE_OK;
    case JSON_INT:
        *out =
            (hooke_value){ .kind = HOOKE_VALUE_INT, .integer = v->as.integer, .real = (double)v->as.integer };
        return HOOKE_OK;
    case JSON_REAL:
        *out = (hooke_value){ .kind = HOOKE_VALUE_REAL, .real = v->as.real };
        return HOOKE_OK;
    case JSON_STRING:
        *out =
            (hooke_value){ .kind = HOOKE_VALUE_TEXT, .text = v->as.string.bytes, .n_bytes = v->as.string.n };
        return HOOKE_OK;
    case JSON_ARRAY:
        return convert_list(out, v, a);
    case JSON_OBJECT:
        *out = (hooke_value){ .kind = HOOKE_VALUE_OBJECT, .n_items = v->as.list.n };
        return HOOKE_OK;
    }
    return fail(HOOKE_E_INTERNAL, "kind of JSON value %d", (int)v->kind);
}

static hooke_status fill_values(struct row_file *f, const struct json *object, const struct columns *c,
                                hooke_value *values)
{
    for (size_t i = 0; i < c->names.n; i++) {
        const struct json *v = json_get(object, columns_name(c, i));
        values[i] = (hooke_value){ .kind = HOOKE_VALUE_ABSENT };
        if (v) RETURN_IF_ERROR(convert(&values[i], v, &f->tree));
    }
    return HOOKE_OK;
}

static hooke_status open_jsonl(struct row_file *f, struct columns *c)
{
    if (c->names.n) return HOOKE_OK;
    RETURN_IF_ERROR(read_object(f, &f->ahead));
    if (!f->ahead) return HOOKE_OK;
    for (const struct json *v = f->ahead->as.list.first; v; v = v->next)
        if (columns_find(c, v->key, v->key_bytes) < 0) RETURN_IF_ERROR(columns_add(c, v->key, v->key_bytes));
    return HOOKE_OK;
}

static hooke_status next_jsonl(struct row_file *f, const struct columns *c, hooke_value *values, bool *got)
{
    const struct json *object = f->ahead;
    f->ahead = NULL;
    if (!object) RETURN_IF_ERROR(read_object(f, &object));
    *got = object != NULL;
    return object ? fill_values(f, object, c, values) : HOOKE_OK;
}

const struct row_reader rows_jsonl = { "line", open_jsonl, next_jsonl, NULL };
