/* rows_classes.c: what the numbers of a class column stand for.
 *
 *   the card:    features: [{name: label, dtype: {class_label: {names: {'0': World, '1': Sports}}}}]
 *   the file:    {"info": {"features": {"label": {"names": ["World", "Sports"], "_type": "ClassLabel"}}}} */
#include <string.h>

#include "text/rows.h"

enum { CLASSES_MAX = 1 << 20 };

static hooke_status add_names(struct columns *to, const struct json *names)
{
    const struct json *first =
        names && (names->kind == JSON_ARRAY || names->kind == JSON_OBJECT) ? names->as.list.first : NULL;
    for (const struct json *n = first; n; n = n->next) {
        RETURN_IF(to->names.n >= CLASSES_MAX, HOOKE_E_UNSUPPORTED, "more than %d classes", (int)CLASSES_MAX);
        if (n->kind == JSON_STRING)
            RETURN_IF_ERROR(text_append(&to->names.text, n->as.string.bytes, n->as.string.n));
        if (n->kind == JSON_INT)
            RETURN_IF_ERROR(text_printf(&to->names.text, "%lld", (long long)n->as.integer));
        RETURN_IF_ERROR(pieces_add(&to->names, "", 1));
    }
    return HOOKE_OK;
}

static hooke_status from_card(hooke_rows *r)
{
    for (const struct json *f = r->files.features ? r->files.features->as.list.first : NULL; f; f = f->next) {
        const struct json *name = json_get(f, "name"), *label = json_get(json_get(f, "dtype"), "class_label");
        int column = name && name->kind == JSON_STRING
                         ? columns_find(&r->columns, name->as.string.bytes, name->as.string.n)
                         : -1;
        if (column >= 0 && r->classes[column].names.n == 0)
            RETURN_IF_ERROR(add_names(&r->classes[column], json_get(label, "names")));
    }
    return HOOKE_OK;
}

static hooke_status from_note(hooke_rows *r, struct arena *a)
{
    const struct json *note;
    if (!r->file.note || json_parse(&note, a, r->file.note, r->file.note_bytes, 0, "note") != HOOKE_OK)
        return HOOKE_OK; /* a file is no worse for a note that cannot be read */
    const struct json *features = json_get(json_get(note, "info"), "features");
    for (size_t i = 0; i < r->columns.names.n; i++)
        RETURN_IF_ERROR(
            add_names(&r->classes[i], json_get(json_get(features, columns_name(&r->columns, i)), "names")));
    return HOOKE_OK;
}

hooke_status rows_find_classes(hooke_rows *r)
{
    void *p;
    struct arena a = { 0 };
    RETURN_IF_ERROR(mem_take(&p, r->columns.names.n, sizeof *r->classes, "names of classes"));
    r->classes = p;
    hooke_status st = from_note(r, &a);
    arena_release(&a);
    return st == HOOKE_OK ? from_card(r) : st;
}

const char *hooke_rows_class_name(const hooke_rows *r, int column, int64_t value)
{
    if (column < 0 || column >= hooke_rows_n_columns(r)) return NULL;
    const struct columns *classes = &r->classes[column];
    return value >= 0 && (uint64_t)value < classes->names.n ? columns_name(classes, (size_t)value) : NULL;
}
