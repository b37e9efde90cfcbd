/* normalizer.h: what happens to text before it is split: a list of steps from tokenizer.json. */
#ifndef HOOKE_TEXT_NORMALIZER_H
#define HOOKE_TEXT_NORMALIZER_H

#include "file/json.h"
#include "text/pieces.h"

#ifdef __cplusplus
extern "C" {
#endif

enum normalizer_kind {
    NORMALIZE_REPLACE, /* every non-overlapping occurrence of pattern by content */
    NORMALIZE_PREPEND, /* content, before text that is not empty */
    NORMALIZE_NFC,
    NORMALIZE_NFD,
    NORMALIZE_NFKC,
    NORMALIZE_NFKD,
    NORMALIZE_LOWERCASE,
    NORMALIZE_STRIP /* white space at the left and right end */
};
struct normalizer_step {
    enum normalizer_kind kind;
    struct bytes pattern, content;
    bool left, right;
    struct normalizer_step *next;
};
struct normalizer {
    struct normalizer_step *first, *last;
};

/* value: the "normalizer" of tokenizer.json, null for none. Types that are not known are HOOKE_E_UNSUPPORTED by name. */
hooke_status normalizer_read(struct normalizer *z, struct arena *a, const struct json *value,
                             const char *name);
/* Appends the normalised form of valid UTF-8. */
hooke_status normalize(const struct normalizer *z, hooke_text *out, const char *s, size_t n);

/* Appends text with every non-overlapping occurrence of pattern replaced. */
hooke_status append_replaced(hooke_text *out, const char *s, size_t n, struct bytes pattern,
                             struct bytes content);
/* First occurrence of pattern (not empty) in s[n]; NULL: none. */
const char *find_bytes(const char *s, size_t n, struct bytes pattern);
/* {"String": "..."} into out; {"Regex": "..."} into regex where the caller takes one (else NULL), refused otherwise. */
hooke_status read_pattern(struct bytes *out, struct bytes *regex, struct arena *a, const struct json *o,
                          const char *what, const char *name);
/* Copies a string member into the arena; HOOKE_E_FORMAT if it is no string. */
hooke_status read_bytes(struct bytes *out, struct arena *a, const struct json *o, const char *key,
                        const char *what, const char *name);
/* The "type" member of a pipeline part; HOOKE_E_FORMAT if there is none. */
hooke_status read_type(const char **out, const struct json *o, const char *what, const char *name);

#ifdef __cplusplus
}
#endif
#endif
