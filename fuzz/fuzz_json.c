/* Any bytes: parse; what is accepted is written and read back, and must come out the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(int condition)
{
    if (!condition) abort();
}

static void write_json(hooke_text *out, const struct json *v, int indent)
{
    struct json_writer w;
    jw_init(&w, out, indent);
    jw_value(&w, v);
    require(w.status == HOOKE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = { 0 }, again = { 0 };
    hooke_text first = { 0 }, second = { 0 };
    const struct json *v, *v2;
    int flags = n ? data[0] & 3 : 0; /* the first byte chooses; most texts begin with '{' or '[' (3) */
    if (json_parse(&v, &a, (const char *)data, n, flags, "input") == HOOKE_OK) {
        write_json(&first, v, 0);
        require(json_parse(&v2, &again, first.data, first.n, flags, "written") == HOOKE_OK);
        write_json(&second, v2, 0);
        require(first.n == second.n && memcmp(first.data, second.data, first.n) == 0);
        text_clear(&second);
        write_json(&second, v, 2);
    } else {
        require(hooke_error()[0] != '\0');
    }
    hooke_text_release(&first);
    hooke_text_release(&second);
    arena_release(&a);
    arena_release(&again);
    return 0;
}
