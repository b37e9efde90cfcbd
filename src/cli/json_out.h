/* json_out.h: the program's JSON writer. Commas and indentation take care of themselves; the document is kept in memory and
 * printed whole, so a failure half way prints nothing. */
#ifndef HOOKE_CLI_JSON_OUT_H
#define HOOKE_CLI_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_MAX_DEPTH = 32 };
struct json_out {
    char *data;
    size_t n, capacity;
    int depth;
    bool has_items[JSON_MAX_DEPTH], inline_at[JSON_MAX_DEPTH];
    char closing[JSON_MAX_DEPTH];
};
/* key is NULL in arrays and at the top. Objects inside an inline one stay on its line. */
void emit_begin(struct json_out *j, const char *key, char bracket /* '{' or '[' */);
void emit_begin_inline(struct json_out *j, const char *key, char bracket);
void emit_end(struct json_out *j);
void emit_text(struct json_out *j, const char *key,
               const char *s); /* NULL is null; invalid UTF-8 becomes U+FFFD */
void emit_text_n(struct json_out *j, const char *key, const char *s, size_t n);
void emit_int(struct json_out *j, const char *key, int64_t x);
void emit_real(struct json_out *j, const char *key,
               double x); /* shortest that reads back the same; NaN, infinity: null */
void emit_real32(struct json_out *j, const char *key,
                 float x); /* shortest that reads back as the same float */
void emit_bool(struct json_out *j, const char *key, bool x);
void emit_raw(struct json_out *j, const char *key, const char *json); /* a finished value */
void emit_ids(struct json_out *j, const char *key, const int32_t *ids, size_t n);
/* Ends the line and writes everything to standard output. */
void emit_print(struct json_out *j);

#ifdef __cplusplus
}
#endif
#endif
