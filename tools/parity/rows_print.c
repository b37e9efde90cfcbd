/* rows_print.c: prints every row of a table as one line of JSON, for tools/parity/parquet.py to compare. Strings are hex, reals
 * are the bits of a double, so that nothing is lost on the way. Usage: rows_print FILE [COLUMN...] */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hooke.h"

static void print_value(const hooke_value *v)
{
    uint64_t bits;
    switch (v->kind) {
    case HOOKE_VALUE_BOOL:
        printf(v->integer ? "true" : "false");
        break;
    case HOOKE_VALUE_INT:
        printf("%" PRId64, v->integer);
        break;
    case HOOKE_VALUE_UINT:
        printf("%" PRIu64, (uint64_t)v->integer);
        break;
    case HOOKE_VALUE_REAL:
        memcpy(&bits, &v->real, sizeof bits);
        printf("\"r%016" PRIx64 "\"", bits);
        break;
    case HOOKE_VALUE_TEXT:
        putchar('"');
        for (size_t i = 0; i < v->n_bytes; i++) printf("%02x", (unsigned char)v->text[i]);
        putchar('"');
        break;
    case HOOKE_VALUE_LIST:
        putchar('[');
        for (size_t i = 0; i < v->n_items; i++) {
            if (i) putchar(',');
            print_value(&v->items[i]);
        }
        putchar(']');
        break;
    default:
        printf("null");
    }
}

int main(int argc, char **argv)
{
    hooke_rows *r;
    hooke_rows_options o = { .size = sizeof o,
                             .columns = (const char *const *)(argv + 2),
                             .n_columns = argc - 2 };
    bool got = true;
    hooke_status st = argc > 1 ? hooke_rows_open(&r, argv[1], argc > 2 ? &o : NULL) : HOOKE_E_ARGUMENT;
    while (st == HOOKE_OK && (st = hooke_rows_next(r, &got)) == HOOKE_OK && got) {
        for (int i = 0; i < hooke_rows_n_columns(r); i++) {
            putchar(i ? ',' : '[');
            print_value(hooke_rows_value(r, i));
        }
        puts("]");
    }
    if (st != HOOKE_OK) fprintf(stderr, "%s\n", hooke_error());
    if (argc > 1) hooke_rows_close(r);
    return st == HOOKE_OK ? 0 : 1;
}
