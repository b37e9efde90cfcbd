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

static hooke_status expect_object(const struct row_file *f, const struct json *v)
{
    RETURN_IF(v->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: line %lld is not a JSON object", f->path,
              (long long)f->place);
    return HOOKE_OK;
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
    hooke_status st = json_parse(out, &f->tree, f->line.data, f->line.n, JSON_AS_PYTHON, "not JSON");
    const char *what = f->format == ROWS_JSON ? " (neither one array of objects nor an object a line)" : "";
    if (st != HOOKE_OK) return fail_within(st, "%s: line %lld%s", f->path, (long long)f->place, what);
    return expect_object(f, *out);
}

/* ---- JSON: one array of objects ---- */

/* Moves to the first byte that is no white space; does an array begin there? */
static hooke_status begins_array(struct row_file *f, bool *is_array)
{
    struct source *s = &f->source;
    bool got;
    *is_array = false;
    for (;;) {
        RETURN_IF_ERROR(source_fill(s, &got));
        if (!got) return HOOKE_OK;
        char c = s->block[s->at];
        *is_array = c == '[';
        if (!strchr(" \t\r\n", c) || c == '\0') return HOOKE_OK;
        s->line += c == '\n';
        s->at++;
    }
}

static hooke_status read_array(struct row_file *f, const struct json **first)
{
    const struct json *array;
    bool got = true;
    while (got) {
        struct source *s = &f->source;
        RETURN_IF_ERROR(source_fill(s, &got));
        if (!got) break;
        RETURN_IF(f->line.n + s->n - s->at > ARRAY_MAX_BYTES, HOOKE_E_UNSUPPORTED,
                  "%s: a JSON array larger than %d bytes; make it JSON lines", f->path, (int)ARRAY_MAX_BYTES);
        RETURN_IF_ERROR(text_append(&f->line, s->block + s->at, s->n - s->at));
        s->at = s->n;
    }
    hooke_status st = json_parse(&array, &f->tree, f->line.data, f->line.n, JSON_AS_PYTHON, "not JSON");
    if (st != HOOKE_OK) return fail_within(st, "%s", f->path);
    f->is_array = true;
    *first = array->as.list.first;
    return HOOKE_OK;
}

/* The object that next_jsonl gives; the one after it in an array. */
static hooke_status take_object(struct row_file *f, const struct json **out)
{
    *out = f->ahead;
    f->ahead = *out && f->is_array ? (*out)->next : NULL;
    if (!*out && !f->is_array) return read_object(f, out);
    if (!*out || !f->is_array) return HOOKE_OK;
    f->place++;
    RETURN_IF((*out)->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: element %lld of the array is not an object",
              f->path, (long long)f->place);
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
        *out = (hooke_value){ .kind = HOOKE_VALUE_OBJECT };
        return HOOKE_OK;
    }
    return fail(HOOKE_E_INTERNAL, "kind of JSON value %d", (int)v->kind);
}

/* Member by key, else by a path of keys: "translation.en" is member en of member translation. */
static const struct json *find_value(const struct json *object, const char *name)
{
    const struct json *v = json_get(object, name);
    const char *dot = strchr(name, '.');
    char first[COLUMN_NAME_MAX + 1];
    if (v || !dot || (size_t)(dot - name) >= sizeof first) return v;
    memcpy(first, name, (size_t)(dot - name));
    first[dot - name] = '\0';
    return find_value(json_get(object, first), dot + 1); /* as deep as the name has dots */
}

static hooke_status fill_values(struct row_file *f, const struct json *object, const struct columns *c,
                                hooke_value *values)
{
    for (size_t i = 0; i < c->names.n; i++) {
        const struct json *v = find_value(object, columns_name(c, i));
        values[i] = (hooke_value){ .kind = HOOKE_VALUE_ABSENT };
        if (v) RETURN_IF_ERROR(convert(&values[i], v, &f->tree));
    }
    return HOOKE_OK;
}

static hooke_status add_keys(struct columns *c, const struct json *object)
{
    for (const struct json *v = object ? object->as.list.first : NULL; v; v = v->next)
        if (columns_find(c, v->key, v->key_bytes) < 0) RETURN_IF_ERROR(columns_add(c, v->key, v->key_bytes));
    return HOOKE_OK;
}

hooke_status row_file_keys(const struct row_file *f, struct columns *c)
{
    return add_keys(c, f->object);
}

static hooke_status open_jsonl(struct row_file *f, struct columns *c)
{
    bool is_array = false;
    if (f->format == ROWS_JSON) RETURN_IF_ERROR(begins_array(f, &is_array));
    if (is_array)
        RETURN_IF_ERROR(read_array(f, &f->ahead));
    else if (c->names.n == 0)
        RETURN_IF_ERROR(read_object(f, &f->ahead));
    if (c->names.n || (f->ahead && f->ahead->kind != JSON_OBJECT)) return HOOKE_OK;
    return add_keys(c, f->ahead);
}

static hooke_status next_jsonl(struct row_file *f, const struct columns *c, hooke_value *values, bool *got)
{
    const struct json *object;
    RETURN_IF_ERROR(take_object(f, &object));
    *got = object != NULL;
    f->object = object;
    return object ? fill_values(f, object, c, values) : HOOKE_OK;
}

const struct row_reader rows_jsonl = { "line", open_jsonl, next_jsonl, NULL };
