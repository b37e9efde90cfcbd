/* columns.c: lists of column names. */
#include <string.h>

#include "text/rows.h"

void columns_release(struct columns *c)
{
    pieces_release(&c->names);
}

hooke_status columns_add(struct columns *c, const char *name, size_t n)
{
    RETURN_IF(n > COLUMN_NAME_MAX, HOOKE_E_ARGUMENT, "column name of %zu bytes, the limit is %d", n,
              (int)COLUMN_NAME_MAX);
    RETURN_IF(c->names.n >= ROWS_MAX_COLUMNS, HOOKE_E_UNSUPPORTED, "more than %d columns; name those to read",
              (int)ROWS_MAX_COLUMNS);
    RETURN_IF_ERROR(text_append(&c->names.text, name, n));
    return pieces_add(&c->names, "", 1);
}

hooke_status columns_copy(struct columns *to, const struct columns *from)
{
    for (size_t i = 0; i < from->names.n; i++) {
        struct bytes name = pieces_get(&from->names, i);
        RETURN_IF_ERROR(columns_add(to, name.s, name.n - 1));
    }
    return HOOKE_OK;
}

const char *columns_name(const struct columns *c, size_t index)
{
    return pieces_get(&c->names, index).s;
}

int columns_find(const struct columns *c, const char *name, size_t n)
{
    for (size_t i = 0; i < c->names.n; i++) {
        struct bytes b = pieces_get(&c->names, i);
        if (b.n == n + 1 && memcmp(b.s, name, n) == 0) return (int)i;
    }
    return -1;
}

hooke_status columns_lack(const struct columns *there, const char *name, const char *path)
{
    hooke_text names = { 0 };
    hooke_status st = text_append(&names, "", 0);
    for (size_t i = 0; st == HOOKE_OK && i < there->names.n && names.n < 400; i++)
        st = text_printf(&names, "%s%.80s", i ? ", " : "", columns_name(there, i));
    if (st == HOOKE_OK)
        st = fail(HOOKE_E_FORMAT, "%s: no column '%s'; there are: %s", path, name, names.data);
    hooke_text_release(&names);
    return st;
}
