/* added_tokens.h: literal strings that become one id before the model sees the text: "<bos>", runs of newlines.
 *
 * Matches are leftmost-longest and fixed by the contents alone; only then do the flags drop or widen each match, and nothing
 * else is looked for inside a dropped one. */
#ifndef HOOKE_TEXT_ADDED_TOKENS_H
#define HOOKE_TEXT_ADDED_TOKENS_H

#include "text/normalizer.h"
#include "text/vocab.h"

#ifdef __cplusplus
extern "C" {
#endif

struct added_token {
    struct bytes content; /* as written in the file */
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, is_special;
};

/* A byte trie; node 0 is the root. Siblings form a list. */
struct trie {
    struct trie_node {
        uint32_t child, sibling; /* 0: none */
        int32_t token;           /* index of the added token that ends here, -1: none */
        unsigned char byte;
    } * nodes;
    uint32_t n_nodes;
    uint32_t first[256]; /* the root's children by byte, 0: none */
};

struct added_tokens {
    struct added_token *tokens; /* [n] */
    int32_t n;
    struct trie raw;        /* normalized false: looked for in the text as it is */
    struct trie normalized; /* looked for, normalised themselves, in normalised text */
};

/* Reads the array; tokens enter vocab->tokens (the table by id, not the hash). */
hooke_status added_tokens_read(struct added_tokens *t, struct arena *a, struct vocab *vocab,
                               const struct normalizer *normalizer, const struct json *array,
                               const char *name);
/* By content; NULL: none. */
const struct added_token *added_tokens_find(const struct added_tokens *t, const char *s, size_t n);

struct added_match {
    size_t begin, end;
    int32_t id;
};
/* Walks text[n]; zero the rest. */
struct added_scan {
    const char *text;
    size_t n;
    size_t at;   /* where the search goes on */
    size_t done; /* end of the last match, with what rstrip took */
};
/* False at the end. begin may lie before the previous match's end where rstrip took space that begins this token. */
bool added_tokens_next(const struct added_tokens *t, const struct trie *trie, struct added_scan *scan,
                       bool specials_are_text, struct added_match *out);

#ifdef __cplusplus
}
#endif
#endif
