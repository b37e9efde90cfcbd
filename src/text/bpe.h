/* bpe.h: byte-pair encoding: characters become symbols, then the adjacent pair with the lowest rank is merged, leftmost among
 * equals, one occurrence at a time, until no pair merges (spec: huggingface/tokenizers' BPE).
 *
 * "Merge the best pair everywhere, then look again" is a different function where a merge can build on the result of a later
 * one, and Gemma's list is of that kind; so the queue holds single occurrences. O(n log n). */
#ifndef HOOKE_TEXT_BPE_H
#define HOOKE_TEXT_BPE_H

#include "text/vocab.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LOW_CHARS = 0x300 /* characters below it find their id by table */, JOIN_BITS = 20 };

struct bpe {
    const struct vocab *vocab;
    struct merge {
        int32_t left, right, result;
        uint32_t rank_plus_1; /* 0: empty slot */
    } * merges;               /* [mask + 1], open addressing by (left, right) */
    uint64_t mask;
    /* Bit h(a, b) is set when some merge has a left part that ends in character a and a right part that begins with b. Where it
     * is clear no merge ever crosses the place between a and b, and the word can be cut there: exact, and Gemma, which never
     * splits a text into words, gets short ones. [2^JOIN_BITS] bits */
    uint64_t *joins;
    int32_t low_chars[LOW_CHARS]; /* id or -1 */
    int32_t byte_ids[256];        /* "<0xHH>", id or -1; byte_fallback only */
    bool byte_fallback, fuse_unk, ignore_merges;
    int32_t unk; /* -1: characters without a token are dropped */
};

struct bpe_scratch { /* zeroed: empty */
    struct bpe_symbol {
        int32_t id;         /* -1: merged into the one before */
        int32_t prev, next; /* neighbours by index, -1: none */
        int32_t result;     /* what it and its next neighbour merge to, -1: nothing */
    } * symbols;
    size_t n_symbols, symbol_capacity;
    struct bpe_candidate {
        uint32_t rank, position;
        int32_t result;
    } * heap;
    size_t n_heap, heap_capacity;
};

/* Where the pair's merge lies in the table, before probing. */
static inline uint64_t pair_hash(int32_t left, int32_t right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    h ^= h >> 29;
    h *= 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}

static inline uint64_t join_bit(uint32_t last, uint32_t first)
{
    return ((uint64_t)last * 0x9E3779B97F4A7C15u + (uint64_t)first * 0xC2B2AE3D27D4EB4Fu) >> (64 - JOIN_BITS);
}

/* model: the "model" object of tokenizer.json, its vocabulary already read into vocab. */
hooke_status bpe_read(struct bpe *b, struct arena *a, const struct vocab *vocab, const struct json *model,
                      const char *name);
/* Appends the ids of one word of valid UTF-8. */
hooke_status bpe_encode(const struct bpe *b, struct bpe_scratch *scratch, hooke_ids *out, const char *word,
                        size_t n);
void bpe_scratch_release(struct bpe_scratch *scratch);

#ifdef __cplusplus
}
#endif
#endif
