/* parquet_cursor.c: one column, row by row, through row groups, pages and batches. In memory are one dictionary, one page and one
 * batch of its levels and values. */
#include <string.h>

#include "base/text.h"
#include "file/parquet_parts.h"

enum { ROW_ITEMS_MAX = 1 << 26 };

struct parquet_cursor {
    const struct parquet *file;
    const struct parquet_column *column;
    size_t group;                      /* the next */
    const struct parquet_chunk *chunk; /* of the current group; NULL before the first */
    size_t at;                         /* in the file: the next page */
    int64_t values_left;               /* of the chunk, without the current page */
    int64_t rows_left;                 /* of the group */
    struct parquet_dictionary dictionary;
    struct parquet_bytes page;
    int64_t page_left; /* values of the page, nulls included, behind the batch */
    struct hybrid rep, def;
    struct parquet_values values;
    size_t n, next; /* levels of the batch */
    size_t next_value;
    uint32_t rep_level[PARQUET_BATCH], def_level[PARQUET_BATCH];
    hooke_value value[PARQUET_BATCH];
    hooke_value *items; /* [n_items] of the current row's list */
    size_t n_items, items_capacity;
    size_t n_kept; /* of items: their strings are in `kept`, not in page or batch */
    struct arena kept;
};

static hooke_status damaged(const struct parquet_cursor *c, const char *what)
{
    return fail(HOOKE_E_FORMAT, "%s: column '%s': %s", c->file->name, c->column->name, what);
}

/* ---- pages ---- */

static int bits_for(int max_level)
{
    return max_level > 1 ? 2 : max_level;
}

/* v1: each kind of levels has its length before it. */
static hooke_status begin_levels(struct parquet_cursor *c, struct hybrid *h, int max_level, int encoding,
                                 const unsigned char **at, const unsigned char *end)
{
    if (max_level == 0) return HOOKE_OK;
    RETURN_IF(encoding != RLE, HOOKE_E_UNSUPPORTED,
              "%s: column '%s': levels of encoding %d (written before 2014)", c->file->name, c->column->name,
              encoding);
    const unsigned char *p = *at;
    if (end - p < 4) return damaged(c, "a page's levels pass its end");
    size_t n = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
    if (n > (size_t)(end - p) - 4) return damaged(c, "a page's levels pass its end");
    hybrid_init(h, p + 4, p + 4 + n, bits_for(max_level));
    *at = p + 4 + n;
    return HOOKE_OK;
}

static hooke_status begin_page(struct parquet_cursor *c, const struct parquet_page *page)
{
    const struct parquet_column *col = c->column;
    if (page->n_values > c->values_left) return damaged(c, "its pages hold more values than its chunk");
    RETURN_IF_ERROR(parquet_page_unpack(&c->page, c->file, page, c->chunk->codec));
    const unsigned char *at = c->page.data, *end = at ? at + c->page.n : at;
    if (page->kind == DATA_PAGE_V2) {
        const unsigned char *levels = page->body, *behind = levels + page->rep_bytes;
        hybrid_init(&c->rep, levels, behind, bits_for(col->max_rep));
        hybrid_init(&c->def, behind, behind + page->def_bytes, bits_for(col->max_def));
    } else {
        RETURN_IF_ERROR(begin_levels(c, &c->rep, col->max_rep, page->rep_encoding, &at, end));
        RETURN_IF_ERROR(begin_levels(c, &c->def, col->max_def, page->def_encoding, &at, end));
    }
    RETURN_IF_ERROR(parquet_values_begin(&c->values, page->encoding, at, end));
    c->page_left = page->n_values;
    c->values_left -= page->n_values;
    return HOOKE_OK;
}

/* The next data page that is not empty, with the dictionary if there is one before it. The chunk has values left. */
static hooke_status next_page(struct parquet_cursor *c)
{
    struct parquet_page page;
    c->page_left = 0;
    while (c->page_left == 0) {
        if (c->at >= c->chunk->end) return damaged(c, "its pages hold fewer values than its chunk");
        RETURN_IF_ERROR(parquet_page_read(&page, c->file, &c->at, c->chunk->end));
        if (page.kind == DICTIONARY_PAGE)
            RETURN_IF_ERROR(
                parquet_dictionary_read(&c->dictionary, c->file, c->column, &page, c->chunk->codec));
        else if (page.kind == DATA_PAGE || page.kind == DATA_PAGE_V2)
            RETURN_IF_ERROR(begin_page(c, &page));
        else if (page.kind != INDEX_PAGE)
            return damaged(c, "a page of unknown kind");
    }
    return HOOKE_OK;
}

/* ---- batches ---- */

/* Strings of the row's items so far lie in a page or batch that is about to go: they are copied. */
static hooke_status keep_items(struct parquet_cursor *c)
{
    for (; c->n_kept < c->n_items; c->n_kept++) {
        hooke_value *v = &c->items[c->n_kept];
        if (v->kind != HOOKE_VALUE_TEXT || v->n_bytes == 0) continue;
        v->text = arena_copy(&c->kept, v->text, v->n_bytes);
        if (!v->text) return HOOKE_E_MEMORY;
    }
    return HOOKE_OK;
}

static hooke_status read_levels(struct parquet_cursor *c, size_t n)
{
    const struct parquet_column *col = c->column;
    if (col->max_rep && !hybrid_read(&c->rep, c->rep_level, n))
        return damaged(c, "a page's levels are damaged or too few");
    if (col->max_def && !hybrid_read(&c->def, c->def_level, n))
        return damaged(c, "a page's levels are damaged or too few");
    for (size_t i = 0; i < n; i++)
        if ((col->max_rep && c->rep_level[i] > (uint32_t)col->max_rep) ||
            (col->max_def && c->def_level[i] > (uint32_t)col->max_def))
            return damaged(c, "a level that its schema does not have");
    return HOOKE_OK;
}

/* *more is false at the end of the chunk. */
static hooke_status next_batch(struct parquet_cursor *c, bool *more)
{
    size_t n_values = 0;
    *more = c->page_left > 0 || c->values_left > 0;
    if (!*more) return HOOKE_OK;
    RETURN_IF_ERROR(keep_items(c));
    c->n = c->next = c->next_value = 0;
    if (c->page_left == 0) RETURN_IF_ERROR(next_page(c));
    size_t n = c->page_left < PARQUET_BATCH ? (size_t)c->page_left : PARQUET_BATCH;
    n = parquet_values_at_once(&c->values, n);
    RETURN_IF_ERROR(read_levels(c, n));
    for (size_t i = 0; i < n; i++)
        n_values += !c->column->max_def || c->def_level[i] == (uint32_t)c->column->max_def;
    RETURN_IF_ERROR(parquet_values_read(&c->values, c->value, n_values));
    c->page_left -= (int64_t)n;
    c->n = n;
    return HOOKE_OK;
}

/* ---- rows ---- */

/* Moves into the next group that has rows; *more is false behind the last. */
static hooke_status next_group(struct parquet_cursor *c, bool *more)
{
    bool is_over;
    while (c->rows_left == 0) {
        RETURN_IF_ERROR(c->next < c->n ? HOOKE_OK : next_batch(c, &is_over));
        if (c->next < c->n) return damaged(c, "a row group has more rows than it says");
        *more = c->group < c->file->n_groups;
        if (!*more) return HOOKE_OK;
        const struct parquet_group *g = &c->file->groups[c->group++];
        c->chunk = &g->chunks[c->column->leaf];
        c->rows_left = g->n_rows;
        c->values_left = c->chunk->n_values;
        c->at = c->chunk->begin;
        c->page_left = 0;
        parquet_dictionary_release(&c->dictionary);
        if (c->chunk->type != c->column->type) return damaged(c, "a chunk of another type than the schema's");
        if (!c->column->is_list && c->chunk->n_values != g->n_rows)
            return damaged(c, "a chunk with another number of values than rows");
    }
    *more = true;
    return HOOKE_OK;
}

/* The value at the batch's next place, its levels known to be in range. */
static hooke_value take_value(struct parquet_cursor *c)
{
    const struct parquet_column *col = c->column;
    size_t i = c->next++;
    if (col->max_def && c->def_level[i] < (uint32_t)col->max_def)
        return (hooke_value){ .kind = HOOKE_VALUE_NULL };
    return c->value[c->next_value++];
}

static hooke_status add_item(struct parquet_cursor *c)
{
    void *p = c->items;
    RETURN_IF_ERROR(
        mem_grow(&p, &c->items_capacity, c->n_items + 1, sizeof *c->items, ROW_ITEMS_MAX, "items of a list"));
    c->items = p;
    c->items[c->n_items++] = take_value(c);
    return HOOKE_OK;
}

/* A list's items follow one another until a repetition level of 0. The batch has one left. */
static hooke_status take_list(struct parquet_cursor *c, hooke_value *out)
{
    uint32_t level = c->def_level[c->next], def_list = (uint32_t)c->column->def_list;
    bool more = true;
    if (c->rep_level[c->next] != 0) return damaged(c, "a row that does not begin at its first item");
    c->n_items = c->n_kept = 0;
    arena_release(&c->kept);
    if (level > def_list)
        RETURN_IF_ERROR(add_item(c));
    else
        c->next++;
    for (;;) {
        if (c->next == c->n) RETURN_IF_ERROR(next_batch(c, &more));
        if (!more || c->rep_level[c->next] == 0) break;
        if (level <= def_list || c->def_level[c->next] <= def_list)
            return damaged(c, "an empty list that goes on");
        RETURN_IF_ERROR(add_item(c));
    }
    *out = (hooke_value){ .kind = level < def_list ? HOOKE_VALUE_NULL : HOOKE_VALUE_LIST };
    out->items = c->items;
    out->n_items = c->n_items;
    return HOOKE_OK;
}

hooke_status parquet_cursor_next(struct parquet_cursor *c, hooke_value *out, bool *got)
{
    bool more = true;
    *got = false;
    c->n_items = c->n_kept = 0; /* the row before is over */
    if (c->rows_left == 0) {
        RETURN_IF_ERROR(next_group(c, &more));
        if (!more) return HOOKE_OK;
    }
    if (c->next == c->n) RETURN_IF_ERROR(next_batch(c, &more));
    if (!more) return damaged(c, "a row group has fewer rows than it says");
    if (c->column->is_list)
        RETURN_IF_ERROR(take_list(c, out));
    else
        *out = take_value(c);
    c->rows_left--;
    *got = true;
    return HOOKE_OK;
}

/* ---- opening ---- */

hooke_status parquet_cursor_open(struct parquet_cursor **out, const struct parquet *p, int column)
{
    void *memory;
    const struct parquet_column *col = &p->columns[column];
    *out = NULL;
    RETURN_IF(col->refused, HOOKE_E_UNSUPPORTED, "%s: column '%s' is %s", p->name, col->name, col->refused);
    RETURN_IF_ERROR(mem_take(&memory, 1, sizeof **out, "column of a Parquet file"));
    struct parquet_cursor *c = memory;
    c->file = p;
    c->column = col;
    c->values.file = p;
    c->values.column = col;
    c->values.dictionary = &c->dictionary;
    *out = c;
    return HOOKE_OK;
}

void parquet_cursor_close(struct parquet_cursor *c)
{
    if (!c) return;
    parquet_dictionary_release(&c->dictionary);
    parquet_bytes_release(&c->page);
    parquet_values_release(&c->values);
    arena_release(&c->kept);
    mem_free(c->items);
    mem_free(c);
}
