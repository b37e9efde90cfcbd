/* template_lines.c: what chat templates render, for comparing with other implementations.
 *
 *   template_lines < lines    each line {"template": "...", "variables": {...}}; prints {"text": "..."} or {"error": "..."}
 *
 * The clock stands at 2026-03-05 14:07:09. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/template.h"

static void answer(const char *line, size_t n)
{
    static hooke_text text, json;
    struct arena a = { 0 };
    const struct json *v;
    if (json_parse(&v, &a, line, n, 0, "line") != HOOKE_OK) {
        fprintf(stderr, "template_lines: %s\n", hooke_error());
        exit(1);
    }
    const struct json *source = json_get(v, "template");
    struct template_input in = { .name = "it",
                                 .source = { source->as.string.bytes, source->as.string.n },
                                 .variables = json_get(v, "variables"),
                                 .now = { 2026, 3, 5, 14, 7, 9 } };
    hooke_status st = template_render(&text, &in);
    struct json_writer w;
    text_clear(&json);
    jw_init(&w, &json, -1);
    jw_object(&w);
    jw_key(&w, st == HOOKE_OK ? "text" : "error");
    if (st == HOOKE_OK) {
        jw_string_n(&w, text.data, text.n);
    } else {
        jw_string(&w, hooke_error());
        jw_key(&w, "status");
        jw_string(&w, hooke_status_text(st));
    }
    jw_end_object(&w);
    puts(json.data);
    arena_release(&a);
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    while ((n = getline(&line, &capacity, stdin)) > 0) answer(line, (size_t)n);
    free(line);
    return 0;
}
