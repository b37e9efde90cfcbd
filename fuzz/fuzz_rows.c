/* Any bytes as rows: the first byte chooses the format, the second whether columns are named or found. */
#include <stdint.h>
#include <stdlib.h>

#include "text/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t touched; /* a sum of what was read, so that reading it is not optimised away */

static const enum row_format formats[] = { ROWS_PLAIN, ROWS_JSONL, ROWS_CSV, ROWS_TSV };

static size_t touch(const hooke_value *v)
{
    size_t sum = 0;
    if (v->kind == HOOKE_VALUE_TEXT && v->n_bytes)
        sum += (unsigned char)v->text[0] + (unsigned char)v->text[v->n_bytes - 1];
    for (size_t i = 0; i < v->n_items; i++) sum += touch(&v->items[i]);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct row_file f = { 0 };
    struct columns c = { 0 };
    hooke_value values[64] = { 0 };
    bool got = true;
    if (n < 2) return 0;
    if (data[1] & 1 && (columns_add(&c, "text", 4) != HOOKE_OK || columns_add(&c, "label", 5) != HOOKE_OK))
        abort();
    hooke_status st = row_file_open_memory(&f, formats[data[0] & 3], "input", data + 2, n - 2, &c);
    while (st == HOOKE_OK && got && c.names.n <= 64) {
        st = f.reader->next(&f, &c, values, &got);
        for (size_t i = 0; st == HOOKE_OK && got && i < c.names.n; i++) touched += touch(&values[i]);
        if (c.names.n == 0) break;
    }
    row_file_close(&f);
    columns_release(&c);
    return 0;
}
