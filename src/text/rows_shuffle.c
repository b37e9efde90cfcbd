/* rows_shuffle.c: rows in random order through a buffer of bounded size: it is filled, then each draw gives out one of its rows and
 * puts the next of the file in its place. Draw number i is a function of (seed, i), so that the order is the same on any machine. */
#include <string.h>

#include "base/random.h"
#include "text/rows.h"

enum { ALIGNMENT = 16 };

static size_t aligned(size_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Bytes behind the values themselves. Sums cannot overflow: all of it is in memory already. */
static size_t measure(const hooke_value *v, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i].kind == HOOKE_VALUE_TEXT) bytes += aligned(v[i].n_bytes + 1);
        if (v[i].kind == HOOKE_VALUE_LIST)
            bytes += aligned(v[i].n_items * sizeof *v) + measure(v[i].items, v[i].n_items);
    }
    return bytes;
}

static void copy_values(hooke_value *to, const hooke_value *from, size_t n, char **room)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        if (from[i].kind == HOOKE_VALUE_TEXT) {
            if (from[i].n_bytes) memcpy(*room, from[i].text, from[i].n_bytes);
            to[i].text = *room;
            *room += aligned(from[i].n_bytes + 1);
        } else if (from[i].kind == HOOKE_VALUE_LIST) {
            hooke_value *items = (hooke_value *)(void *)*room;
            *room += aligned(from[i].n_items * sizeof *items);
            copy_values(items, from[i].items, from[i].n_items, room);
            to[i].items = items;
        }
    }
}

static void drop(struct shuffle *s, struct kept_row *row)
{
    s->bytes -= row->bytes;
    mem_free(row->values);
    *row = (struct kept_row){ 0 };
}

/* The row that was just read. */
static hooke_status keep(hooke_rows *r, struct kept_row *row)
{
    size_t n = r->columns.names.n, head = aligned(n * sizeof(hooke_value)),
           bytes = head + measure(r->values, n);
    RETURN_IF(bytes > SHUFFLE_MAX_BYTES - r->shuffle.bytes, HOOKE_E_UNSUPPORTED,
              "%s: %zu rows to draw from take more than %d bytes; take fewer", hooke_rows_place(r),
              r->shuffle.n + 1, (int)SHUFFLE_MAX_BYTES);
    void *block = mem_alloc_raw(bytes, 1);
    RETURN_IF(!block, HOOKE_E_MEMORY, "out of memory for a row of %zu bytes", bytes);
    char *room = (char *)block + head;
    copy_values(block, r->values, n, &room);
    *row = (struct kept_row){ block, bytes, r->row_file, r->row_place };
    r->shuffle.bytes += bytes;
    return HOOKE_OK;
}

static hooke_status fill(hooke_rows *r)
{
    struct shuffle *s = &r->shuffle;
    bool got = true;
    while (s->n < (size_t)r->options.shuffle_rows) {
        RETURN_IF_ERROR(rows_next_in_part(r, &got));
        if (!got) break;
        void *p = s->rows;
        RETURN_IF_ERROR(
            mem_grow(&p, &s->capacity, s->n + 1, sizeof *s->rows, SHUFFLE_MAX_BYTES, "rows to draw from"));
        s->rows = p;
        RETURN_IF_ERROR(keep(r, &s->rows[s->n]));
        s->n++;
    }
    return HOOKE_OK;
}

hooke_status rows_shuffle_next(hooke_rows *r, bool *got)
{
    struct shuffle *s = &r->shuffle;
    drop(s, &s->given);
    RETURN_IF_ERROR(fill(r)); /* all at first, later the one that was given out */
    *got = s->n > 0;
    if (!*got) return HOOKE_OK;
    size_t i = (size_t)(random_u64(r->options.seed, RANDOM_SHUFFLE_ROWS, s->n_drawn++) % s->n);
    s->given = s->rows[i];
    s->rows[i] = s->rows[--s->n];
    r->row = s->given.values;
    r->row_file = s->given.file;
    r->row_place = s->given.place;
    return HOOKE_OK;
}

void rows_shuffle_release(hooke_rows *r)
{
    for (size_t i = 0; i < r->shuffle.n; i++) mem_free(r->shuffle.rows[i].values);
    mem_free(r->shuffle.given.values);
    mem_free(r->shuffle.rows);
    r->shuffle = (struct shuffle){ 0 };
}
