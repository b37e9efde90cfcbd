/* bench_parquet: reading every value of Parquet files, beside the floor: reading and unpacking their pages and nothing else.
 *
 *   bench_parquet [--runs N] [FILE...]      without files: tests/golden's, too small to say more than that it runs
 *
 * bench/peers/parquet.py writes larger files and runs pyarrow beside this. Figures: processor time of this one thread, the
 * fastest of N runs; bytes are those of the values (8 a number, 1 a boolean, the length of a string). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "file/bytes.h"
#include "file/parquet_parts.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(hooke_status st)
{
    if (st == HOOKE_OK) return;
    fprintf(stderr, "bench_parquet: %s\n", hooke_error());
    exit(1);
}

static size_t bytes_of(const hooke_value *v)
{
    size_t n = 0;
    switch (v->kind) {
    case HOOKE_VALUE_TEXT:
        return v->n_bytes;
    case HOOKE_VALUE_LIST:
        for (size_t i = 0; i < v->n_items; i++) n += bytes_of(&v->items[i]);
        return n;
    case HOOKE_VALUE_BOOL:
        return 1;
    case HOOKE_VALUE_NULL:
        return 0;
    default:
        return 8;
    }
}

static double read_values(const struct parquet *p, size_t *bytes)
{
    double begin = now();
    *bytes = 0;
    for (int i = 0; i < p->n_columns; i++) {
        struct parquet_cursor *c;
        hooke_value v;
        bool got = true;
        if (p->columns[i].refused) continue;
        must(parquet_cursor_open(&c, p, i));
        for (;;) {
            must(parquet_cursor_next(c, &v, &got));
            if (!got) break;
            *bytes += bytes_of(&v);
        }
        parquet_cursor_close(c);
    }
    return now() - begin;
}

static void unpack_chunk(const struct parquet *p, const struct parquet_chunk *c)
{
    struct parquet_page page;
    struct parquet_bytes bytes = { 0 };
    volatile unsigned char sink = 0;
    for (size_t at = c->begin; at < c->end;) {
        must(parquet_page_read(&page, p, &at, c->end));
        must(parquet_page_unpack(&bytes, p, &page, c->codec));
        for (size_t i = 0; i < bytes.n; i += 64) sink ^= bytes.data[i]; /* touch what was not packed, too */
    }
    parquet_bytes_release(&bytes);
}

static double unpack_all(const struct parquet *p)
{
    double begin = now();
    for (size_t g = 0; g < p->n_groups; g++)
        for (int i = 0; i < p->n_columns; i++)
            if (!p->columns[i].refused) unpack_chunk(p, &p->groups[g].chunks[p->columns[i].leaf]);
    return now() - begin;
}

static void measure(const char *path, int runs)
{
    struct mapped_file map;
    struct parquet p;
    size_t bytes = 0;
    double ours = 1e9, floor_s = 1e9;
    must(map_open(&map, path));
    must(parquet_parse(&p, map.data, map.n, path));
    for (int i = 0; i < runs; i++) {
        double t = unpack_all(&p), u = read_values(&p, &bytes);
        floor_s = t < floor_s ? t : floor_s;
        ours = u < ours ? u : ours;
    }
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    printf("%-32s %9lld rows %8.1f MB of values  %8.1f ms  %7.0f MB/s   floor %8.1f ms\n", name,
           (long long)p.n_rows, (double)bytes / 1e6, ours * 1e3, (double)bytes / 1e6 / ours, floor_s * 1e3);
    parquet_close(&p);
    map_close(&map);
}

int main(int argc, char **argv)
{
    int runs = 5, first = 1;
    if (argc > 2 && strcmp(argv[1], "--runs") == 0) {
        runs = (int)strtol(argv[2], NULL, 10);
        first = 3;
    }
    if (first >= argc) measure("tests/golden/parquet/plain_v1.parquet", runs);
    for (int i = first; i < argc; i++) measure(argv[i], runs);
    return 0;
}
