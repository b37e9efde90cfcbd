/* json.h: a strict JSON reader into an arena tree, and a writer.
 *
 * Strict: valid UTF-8, no comments, no trailing bytes, depth at most JSON_MAX_DEPTH, at most JSON_MAX_VALUES values, no lone
 * surrogates, integers outside int64 are an error unless the caller takes what Python writes. Duplicate keys are an error where the
 * caller asks, else the last one wins. */
#ifndef HOOKE_FILE_JSON_H
#define HOOKE_FILE_JSON_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A value takes 40 bytes, whatever its text: the most are 640 MiB. Tokenizers have up to three million. */
enum { JSON_MAX_DEPTH = 64, JSON_MAX_VALUES = 1 << 24 };
enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_kind kind;
    uint32_t key_bytes;
    const char *key;         /* member of an object; may hold NULs: use key_bytes. Else NULL */
    const struct json *next; /* next element or member */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const char *bytes; /* NUL behind the content */
            size_t n;
        } string;
        struct {
            const struct json *first; /* elements or members in file order */
            size_t n;
        } list;
    } as;
};

enum {
    JSON_REFUSE_DUPLICATES = 1,
    JSON_LARGE_INTEGERS =
        2,                /* integers outside int64 are reals instead of errors (model_max_length is 10^30) */
    JSON_NAN_IS_NULL = 4, /* NaN, Infinity and -Infinity, which Python's json writes, say nothing: null */
    JSON_AS_PYTHON = JSON_LARGE_INTEGERS | JSON_NAN_IS_NULL,
};
/* Parses text[n]; `name` (the file) opens every message. The tree lives in the arena. */
hooke_status json_parse(const struct json **out, struct arena *a, const char *text, size_t n, int flags,
                        const char *name);
/* Reads the whole file (at most max_bytes) and parses it. */
hooke_status json_read(const struct json **out, struct arena *a, const char *path, size_t max_bytes,
                       int flags);

/* Member by key; NULL if o is NULL, no object, or has none. Null members are returned as JSON_NULL values. */
const struct json *json_get(const struct json *o, const char *key);
bool json_is_null(const struct json *v); /* NULL or JSON_NULL */
/* Member as a value with a default for absent or null; a wrong kind or range is HOOKE_E_FORMAT with "name: key 'k' ...". An
 * integer may be written as a whole real (768.0). */
hooke_status json_int(int64_t *out, const struct json *o, const char *key, int64_t low, int64_t high,
                      int64_t fallback, const char *name);
hooke_status json_real(double *out, const struct json *o, const char *key, double fallback,
                       const char *name); /* ints too */
hooke_status json_bool(bool *out, const struct json *o, const char *key, bool fallback, const char *name);
hooke_status json_string(const char **out, const struct json *o, const char *key, const char *fallback,
                         const char *name);

/* Writer: appends to a text; commas, indentation and escapes are its business. Numbers: shortest form that reads back equal;
 * NaN and infinities are written as NaN, Infinity, -Infinity (as Python's json does). */
struct json_writer {
    hooke_text *out;
    int indent; /* spaces a level, 0: one line, -1: one line without spaces */
    int depth;
    bool need_comma, after_key;
    hooke_status status; /* first failure; later calls do nothing */
};
void jw_init(struct json_writer *w, hooke_text *out, int indent);
void jw_object(struct json_writer *w);
void jw_end_object(struct json_writer *w);
void jw_array(struct json_writer *w);
void jw_end_array(struct json_writer *w);
void jw_key(struct json_writer *w, const char *key);
void jw_string(struct json_writer *w, const char *s);             /* NULL writes null */
void jw_string_n(struct json_writer *w, const char *s, size_t n); /* invalid UTF-8 becomes U+FFFD */
void jw_int(struct json_writer *w, int64_t v);
void jw_real(struct json_writer *w, double v); /* always with a '.' or exponent, like Python's repr(float) */
void jw_real_f32(struct json_writer *w, float v); /* shortest form that reads back as this float */
void jw_bool(struct json_writer *w, bool v);
void jw_null(struct json_writer *w);
/* A key and its value. */
void jw_key_string(struct json_writer *w, const char *key, const char *s);
void jw_key_int(struct json_writer *w, const char *key, int64_t v);
void jw_key_real(struct json_writer *w, const char *key, double v);
void jw_key_bool(struct json_writer *w, const char *key, bool v);
void jw_value(struct json_writer *w, const struct json *v); /* copies a parsed value */

#ifdef __cplusplus
}
#endif
#endif
