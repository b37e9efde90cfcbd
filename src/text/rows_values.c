/* rows_values.c: the values of the current row by type. */
#include <math.h>
#include <string.h>

#include "file/json.h"
#include "text/rows.h"

static const char *kind_word(int kind)
{
    static const char *const words[] = { "absent",   "null", "a boolean", "an integer", "a large integer",
                                         "a number", "text", "a list",    "an object" };
    return kind >= 0 && (size_t)kind < sizeof words / sizeof *words ? words[kind] : "unknown";
}

/* Of a shuffled row the other keys are gone. */
static hooke_status lacks(const hooke_rows *r, const char *name)
{
    struct columns there = { 0 };
    hooke_status st = r->options.shuffle_rows ? HOOKE_OK : row_file_keys(&r->file, &there);
    if (st == HOOKE_OK && there.names.n)
        st = columns_lack(&there, name, hooke_rows_place(r));
    else if (st == HOOKE_OK)
        st = fail(HOOKE_E_FORMAT, "%s has no column '%s'", hooke_rows_place(r), name);
    columns_release(&there);
    return st;
}

static hooke_status not_a(const hooke_rows *r, int column, const char *expected)
{
    const hooke_value *v = hooke_rows_value(r, column);
    const char *name = hooke_rows_column_name(r, column);
    RETURN_IF(!name, HOOKE_E_ARGUMENT, "column %d of %d", column, hooke_rows_n_columns(r));
    RETURN_IF(!v, HOOKE_E_ARGUMENT, "column '%s' is asked for where there is no row", name);
    if (v->kind == HOOKE_VALUE_ABSENT) return lacks(r, name);
    RETURN_IF(v->kind == HOOKE_VALUE_TEXT, HOOKE_E_FORMAT, "%s: column '%s' is not %s but '%.*s'",
              hooke_rows_place(r), name, expected, (int)(v->n_bytes < 40 ? v->n_bytes : 40), v->text);
    return fail(HOOKE_E_FORMAT,
                "%s: column '%s' is not %s but %s; name another column, or leave such rows out",
                hooke_rows_place(r), name, expected, kind_word(v->kind));
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
