/* vocab.h: the model's vocabulary: strings to ids by open addressing, ids to strings by table. Added tokens share the ids and
 * the table, not the hash: the model never sees them. */
#ifndef HOOKE_TEXT_VOCAB_H
#define HOOKE_TEXT_VOCAB_H

#include "file/json.h"
#include "text/pieces.h"

#ifdef __cplusplus
extern "C" {
#endif

struct token {
    const char *s; /* NUL behind the content; NULL: no token has this id */
    uint32_t n;
    bool is_special, is_added;
};

struct vocab {
    struct token *tokens; /* [n_ids] */
    int32_t n_ids;        /* largest id + 1 */
    char *strings;        /* the model's tokens, each with a NUL behind it */
    struct vocab_slot {
        uint32_t tag;       /* upper half of the hash */
        uint32_t id_plus_1; /* 0: empty */
        uint32_t begin, n;  /* its string: strings[begin .. begin + n) */
    } * slots;              /* [mask + 1] */
    uint64_t mask;
};

/* Reads {"token": id, ...} and makes room for the ids of added tokens. Everything lives in the arena. */
hooke_status vocab_read(struct vocab *v, struct arena *a, const struct json *map,
                        const struct json *added_tokens, const char *name);
/* -1: none. */
int32_t vocab_find(const struct vocab *v, const char *s, size_t n);
/* The same in steps, for loops that look up many: prefetch some time before find. */
int32_t vocab_find_hashed(const struct vocab *v, uint64_t hash, const char *s, size_t n);
static inline void vocab_prefetch(const struct vocab *v, uint64_t hash)
{
    __builtin_prefetch(&v->slots[hash & v->mask]);
}
static inline void vocab_prefetch_string(const struct vocab *v, uint64_t hash)
{
    __builtin_prefetch(v->strings + v->slots[hash & v->mask].begin);
}

/* Mixes all bytes; not a defence against an attacker, hence MAX_PROBES. */
uint64_t hash_bytes(const char *s, size_t n);
/* Tables are at most 5/8 full: honest keys probe a handful of slots, and more than this is a file made to be slow. */
enum { MAX_PROBES = 2000 };
/* Slots of a table for n keys: a power of two. */
size_t table_slots(size_t n);

#ifdef __cplusplus
}
#endif
#endif
