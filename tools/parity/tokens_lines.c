/* tokens_lines.c: a tokenizer's answers for a file of lines, for comparing with other implementations.
 *
 *   tokens_lines TOKENIZER encode [FLAGS] < lines    each line a JSON string; prints ids separated by spaces
 *   tokens_lines TOKENIZER decode [FLAGS] < lines    each line ids; prints a JSON string
 *   tokens_lines TOKENIZER time < text               opens, encodes and decodes the whole text; wall and processor time
 *
 * FLAGS is the sum of hooke.h's HOOKE_ADD_SPECIAL and so on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "file/json.h"

static void die(void)
{
    fprintf(stderr, "tokens_lines: %s\n", hooke_error());
    exit(1);
}

static void check(hooke_status st)
{
    if (st != HOOKE_OK) die();
}

static void encode_line(const hooke_tokenizer *tk, const char *line, size_t n, int flags)
{
    static hooke_ids ids;
    struct arena a = { 0 };
    const struct json *v;
    check(json_parse(&v, &a, line, n, 0, "line"));
    check(hooke_tokenizer_encode(tk, &ids, v->as.string.bytes, v->as.string.n, flags));
    for (size_t i = 0; i < ids.n; i++) printf(i ? " %d" : "%d", (int)ids.data[i]);
    putchar('\n');
    arena_release(&a);
}

static void decode_line(const hooke_tokenizer *tk, const char *line, int flags)
{
    static hooke_ids ids;
    static hooke_text text, json;
    struct json_writer w;
    char *end;
    ids.n = 0;
    text_clear(&json);
    for (const char *s = line;; s = end) {
        long id = strtol(s, &end, 10);
        if (end == s) break;
        check(ids_push(&ids, (int32_t)id));
    }
    check(hooke_tokenizer_decode(tk, &text, ids.data, ids.n, flags));
    jw_init(&w, &json, 0);
    jw_string_n(&w, text.data, text.n);
    check(w.status);
    puts(json.data);
}

static double processor_ms(void)
{
    return (double)clock() * 1e3 / CLOCKS_PER_SEC;
}

static void lap(const char *what, double *wall, double *processor)
{
    double now = clock_seconds(), busy = processor_ms();
    printf("%s %.1f ms (processor %.1f), ", what, (now - *wall) * 1e3, busy - *processor);
    *wall = clock_seconds();
    *processor = processor_ms();
}

static void measure(const char *path)
{
    hooke_tokenizer *tk;
    hooke_ids ids = { 0 };
    hooke_text text = { 0 };
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, stdin)) > 0) check(text_append(&text, block, n));
    double wall = clock_seconds(), processor = processor_ms();
    check(hooke_tokenizer_open(&tk, path));
    lap("open", &wall, &processor);
    check(hooke_tokenizer_encode(tk, &ids, text.data ? text.data : "", text.n, 0));
    lap("encode", &wall, &processor);
    check(hooke_tokenizer_decode(tk, &text, ids.data, ids.n, 0));
    lap("decode", &wall, &processor);
    hooke_tokenizer_close(tk);
    printf("%zu ids, peak %.0f MB\n", ids.n, (double)process_peak_rss_bytes() / 1e6);
}

int main(int argc, char **argv)
{
    hooke_tokenizer *tk;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    int flags = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0;
    if (argc < 3) return 2;
    if (strcmp(argv[2], "time") == 0) {
        measure(argv[1]);
        return 0;
    }
    check(hooke_tokenizer_open(&tk, argv[1]));
    while ((n = getline(&line, &capacity, stdin)) > 0) {
        if (strcmp(argv[2], "encode") == 0)
            encode_line(tk, line, (size_t)n, flags);
        else
            decode_line(tk, line, flags);
    }
    hooke_tokenizer_close(tk);
    return 0;
}
