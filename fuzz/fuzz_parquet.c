/* Any bytes as a Parquet file; of what is accepted every column that can be read is read, up to a number of values. */
#include <stdint.h>
#include <stdlib.h>

#include "file/parquet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t touched; /* a sum of what was read, so that reading it is not optimised away */

enum { PAGE_MAX = 1 << 20, ROWS_MAX = 4096 };

static size_t touch(const hooke_value *v)
{
    size_t sum = 0;
    if (v->kind == HOOKE_VALUE_TEXT && v->n_bytes)
        sum += (unsigned char)v->text[0] + (unsigned char)v->text[v->n_bytes - 1];
    for (size_t i = 0; i < v->n_items; i++) sum += touch(&v->items[i]);
    return sum;
}

static void use(const struct parquet *p, int column)
{
    struct parquet_cursor *c;
    hooke_value v;
    bool got = true;
    if (parquet_cursor_open(&c, p, column) != HOOKE_OK) return;
    for (int row = 0; row < ROWS_MAX && got; row++) {
        if (parquet_cursor_next(c, &v, &got) != HOOKE_OK) break;
        if (got) touched += touch(&v);
    }
    parquet_cursor_close(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct parquet p;
    if (parquet_parse(&p, data, n, "input") != HOOKE_OK) return 0;
    p.max_page = PAGE_MAX;
    for (int i = 0; i < p.n_columns + p.n_members && i < 16; i++) use(&p, i);
    parquet_close(&p);
    return 0;
}
