/* pretokenizer.h: cutting text into words, a list of steps from tokenizer.json; merges never cross words. */
#ifndef HOOKE_TEXT_PRETOKENIZER_H
#define HOOKE_TEXT_PRETOKENIZER_H

#include "file/json.h"
#include "text/pieces.h"
#include "text/scanner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What becomes of the matches of a split: "the-final--countdown" by "-" is, in this order,
 *   the|final|countdown   the|-|final|-|-|countdown   the-|final-|-|countdown   the|-final|-|-countdown   the|-|final|--|countdown */
enum split_behavior { SPLIT_REMOVED, SPLIT_ISOLATED, SPLIT_WITH_PREVIOUS, SPLIT_WITH_NEXT, SPLIT_CONTIGUOUS };
struct split {
    struct bytes pattern; /* a literal string, where scan is NULL */
    scanner scan;         /* words tile the text: every one is a match */
    enum split_behavior behavior;
    bool invert; /* what is between the matches counts as matched */
};
/* Appends the words of s[n]. */
hooke_status split_text(const struct split *split, struct pieces *out, const char *s, size_t n);

enum pretokenizer_kind { PRE_SPLIT, PRE_BYTE_LEVEL, PRE_METASPACE };
enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };
struct pretokenizer_step {
    enum pretokenizer_kind kind;
    struct split split;    /* PRE_SPLIT; ByteLevel's own pattern; Metaspace's cut before each replacement */
    bool does_split;       /* byte level: use_regex; metaspace: split */
    bool add_prefix_space; /* byte level */
    struct bytes replacement; /* metaspace: what a space becomes */
    enum prepend_scheme prepend;
    struct pretokenizer_step *next;
};
struct pretokenizer {
    struct pretokenizer_step *first, *last;
};

/* value: the "pre_tokenizer" of tokenizer.json, null for none. Unknown types and patterns are HOOKE_E_UNSUPPORTED by name. */
hooke_status pretokenizer_read(struct pretokenizer *p, struct arena *a, const struct json *value,
                               const char *name);
/* Fills words with the words of s[n]; spare is working memory. at_start: s begins the text. */
hooke_status pretokenize(const struct pretokenizer *p, struct pieces *words, struct pieces *spare,
                         const char *s, size_t n, bool at_start);
/* "always", "first" or "never"; older files say it with add_prefix_space. */
hooke_status read_prepend_scheme(enum prepend_scheme *out, const struct json *o, const char *what,
                                 const char *name);

#ifdef __cplusplus
}
#endif
#endif
