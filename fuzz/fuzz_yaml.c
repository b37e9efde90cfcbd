/* YAML configurations: any bytes give a tree or a message; a tree is walked whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void walk(const struct json *v, int depth)
{
    size_t count = 0;
    if (depth > 64) abort(); /* the reader promises less */
    if (v->kind == JSON_STRING && strlen(v->as.string.bytes) != v->as.string.n) abort();
    if (v->kind != JSON_ARRAY && v->kind != JSON_OBJECT) return;
    for (const struct json *c = v->as.list.first; c; c = c->next, count++) walk(c, depth + 1);
    if (count != v->as.list.n) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = { .max_bytes = 1 << 26 };
    const struct json *root;
    if (yaml_parse(&root, &a, (const char *)data, n, "conf.yaml") == HOOKE_OK) walk(root, 0);
    arena_release(&a);
    return 0;
}
