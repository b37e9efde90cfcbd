/* A chat template of any bytes, on a fixed conversation or, behind a NUL, on variables of any JSON: it renders, or it is refused with
 * words and without a trace, in bounded time and memory. The same template renders the same text twice. */
#include <stdlib.h>
#include <string.h>

#include "text/template.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static const char conversation[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\" Be brief. "
    "\"},{\"role\":\"user\",\"content\":\"Hello\\n\"},"
    "{\"role\":\"assistant\",\"content\":\"Hi\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{"
    "\"a\":1.5}}}]},"
    "{\"role\":\"user\",\"content\":\"\\u65e5 "
    "\\ud83d\\ude42\"}],\"add_generation_prompt\":true,\"bos_token\":\"<s>\","
    "\"eos_token\":\"</s>\",\"tools\":null,\"n\":7,\"d\":{\"b\":1,\"a\":[true,null]}}";

static hooke_status render(hooke_text *out, const char *s, size_t n, const char *json, size_t json_n)
{
    struct arena a = { 0 };
    struct template_input in = { .name = "fuzz", .source = { s, n }, .now = { 2026, 3, 5, 14, 7, 9 } };
    hooke_status st = json_parse(&in.variables, &a, json, json_n, 0, "variables");
    if (st == HOOKE_OK) st = template_render(out, &in);
    arena_release(&a);
    return st;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
    const char *s = (const char *)data, *nul = n ? memchr(s, '\0', n) : NULL;
    size_t source_n = nul ? (size_t)(nul - s) : n;
    const char *json = nul ? nul + 1 : conversation;
    size_t json_n = nul ? n - source_n - 1 : sizeof conversation - 1;
    hooke_text once = { 0 }, again = { 0 };
    hooke_status st = render(&once, n ? s : "", source_n, json, json_n);
    if (st == HOOKE_E_INTERNAL) abort();
    if (st != HOOKE_OK && (once.n || !hooke_error()[0])) abort();
    if (st == HOOKE_OK) {
        if (render(&again, n ? s : "", source_n, json, json_n) != HOOKE_OK) abort();
        if (once.n != again.n || memcmp(once.data, again.data, once.n) != 0) abort();
    }
    hooke_text_release(&once);
    hooke_text_release(&again);
    return 0;
}
