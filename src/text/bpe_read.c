/* bpe_read.c: the model section of tokenizer.json.
 *
 * A merge needs three look-ups in tables larger than the caches, and Gemma 2 has 580,604 of them. So they are resolved in
 * batches that ask for their memory ahead, batches run on all threads, and only filling the table is serial. */
#include <string.h>

#include "base/parallel.h"
#include "text/bpe.h"
#include "text/unicode.h"

enum { BATCH = 32, CHUNK = 4096 /* merges a piece of parallel work */, SLOTS_AHEAD = 16 };

/* "a b" or ["a", "b"]. */
static hooke_status split_merge(const struct json *m, size_t rank, struct bytes *left, struct bytes *right,
                                const char *name)
{
    if (m->kind == JSON_STRING) {
        const char *s = m->as.string.bytes, *space = memchr(s, ' ', m->as.string.n);
        size_t n = m->as.string.n;
        bool is_pair = space && !memchr(space + 1, ' ', n - (size_t)(space + 1 - s));
        RETURN_IF(!is_pair, HOOKE_E_FORMAT, "%s: merge %zu: expected two tokens around one space, found '%s'",
                  name, rank, s);
        *left = (struct bytes){ s, (size_t)(space - s) };
        *right = (struct bytes){ space + 1, n - left->n - 1 };
        return HOOKE_OK;
    }
    const struct json *a = m->kind == JSON_ARRAY && m->as.list.n == 2 ? m->as.list.first : NULL;
    RETURN_IF(!a || a->kind != JSON_STRING || a->next->kind != JSON_STRING, HOOKE_E_FORMAT,
              "%s: merge %zu is no pair of strings", name, rank);
    *left = (struct bytes){ a->as.string.bytes, a->as.string.n };
    *right = (struct bytes){ a->next->as.string.bytes, a->next->as.string.n };
    return HOOKE_OK;
}

struct resolved {
    struct merge merge;
    uint32_t join; /* bit number, UINT32_MAX: none */
};

struct merge_reader {
    const struct bpe *b;
    const struct json **chunks; /* first merge of each chunk */
    struct resolved *resolved;  /* [number of merges] */
    size_t n;
    const char *name;
};

struct batch {
    struct bytes left[BATCH], right[BATCH];
    uint64_t hash[BATCH][2]; /* of left and right */
    size_t n;
    int32_t last;    /* result of the merge before, -1: none */
    hooke_text both; /* left and right of one merge */
};

static hooke_status batch_add(struct batch *t, const struct vocab *v, const struct json *m, size_t rank,
                              const char *name)
{
    struct bytes *left = &t->left[t->n], *right = &t->right[t->n];
    RETURN_IF_ERROR(split_merge(m, rank, left, right, name));
    t->hash[t->n][0] = hash_bytes(left->s, left->n);
    t->hash[t->n][1] = hash_bytes(right->s, right->n);
    for (int i = 0; i < 2; i++) vocab_prefetch(v, t->hash[t->n][i]);
    t->n++;
    return HOOKE_OK;
}

static bool is_both(const struct vocab *v, int32_t id, struct bytes left, struct bytes right)
{
    const struct token *t = id >= 0 && id < v->n_ids ? &v->tokens[id] : NULL;
    return t && t->n == left.n + right.n && memcmp(t->s, left.s, left.n) == 0 &&
           memcmp(t->s + left.n, right.s, right.n) == 0;
}

/* Published lists go by the id of the result: it is nearly always the last one or the next. */
static hooke_status find_result(struct batch *t, const struct vocab *v, struct bytes left, struct bytes right)
{
    for (int32_t guess = t->last; t->last >= 0 && guess <= t->last + 1; guess++) {
        if (!is_both(v, guess, left, right)) continue;
        t->last = guess;
        return HOOKE_OK;
    }
    text_clear(&t->both);
    RETURN_IF_ERROR(text_append(&t->both, left.s, left.n));
    RETURN_IF_ERROR(text_append(&t->both, right.s, right.n));
    t->last = vocab_find(v, t->both.data, t->both.n);
    return HOOKE_OK;
}

static uint32_t join_of(struct bytes left, struct bytes right)
{
    size_t length;
    if (!left.n || !right.n) return UINT32_MAX;
    return (uint32_t)join_bit(char_before(left.s, left.n, &length), char_at(right.s, right.n, &length));
}

static hooke_status batch_resolve(struct batch *t, const struct vocab *v, struct resolved *out, size_t rank,
                                  const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        for (int k = 0; k < 2; k++) vocab_prefetch_string(v, t->hash[i][k]);
    for (size_t i = 0; i < t->n; i++) {
        struct bytes left = t->left[i], right = t->right[i];
        int32_t left_id = vocab_find_hashed(v, t->hash[i][0], left.s, left.n);
        int32_t right_id = vocab_find_hashed(v, t->hash[i][1], right.s, right.n);
        RETURN_IF_ERROR(find_result(t, v, left, right));
        RETURN_IF(left_id < 0 || right_id < 0 || t->last < 0, HOOKE_E_FORMAT,
                  "%s: merge %zu ('%.*s', '%.*s'): the vocabulary lacks %s", name, rank + i,
                  (int)(left.n < 64 ? left.n : 64), left.s, (int)(right.n < 64 ? right.n : 64), right.s,
                  left_id < 0    ? "the left part"
                  : right_id < 0 ? "the right part"
                                 : "the result");
        out[i] = (struct resolved){ { left_id, right_id, t->last, (uint32_t)(rank + i) + 1 },
                                    join_of(left, right) };
    }
    return HOOKE_OK;
}

static hooke_status resolve_chunk(const struct merge_reader *r, size_t chunk, struct batch *batch)
{
    size_t rank = chunk * CHUNK, end = rank + CHUNK < r->n ? rank + CHUNK : r->n;
    const struct json *m = r->chunks[chunk];
    while (rank < end) {
        batch->n = 0;
        for (; batch->n < BATCH && rank + batch->n < end; m = m->next)
            RETURN_IF_ERROR(batch_add(batch, r->b->vocab, m, rank + batch->n, r->name));
        RETURN_IF_ERROR(batch_resolve(batch, r->b->vocab, r->resolved + rank, rank, r->name));
        rank += batch->n;
    }
    return HOOKE_OK;
}

static hooke_status resolve_chunks(void *payload, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    struct batch batch = { .last = -1 };
    hooke_status st = HOOKE_OK;
    for (int64_t i = begin; st == HOOKE_OK && i < end; i++) st = resolve_chunk(payload, (size_t)i, &batch);
    hooke_text_release(&batch.both);
    return st;
}

static hooke_status insert_merge(struct bpe *b, struct merge m, const char *name)
{
    uint64_t i = pair_hash(m.left, m.right) & b->mask;
    for (int probes = 0; b->merges[i].rank_plus_1; i = (i + 1) & b->mask, probes++) {
        if (b->merges[i].left == m.left && b->merges[i].right == m.right) break; /* the later one wins */
        RETURN_IF(probes > MAX_PROBES, HOOKE_E_FORMAT, "%s: the merges collide on purpose", name);
    }
    b->merges[i] = m;
    return HOOKE_OK;
}

static hooke_status fill_merges(struct bpe *b, const struct resolved *resolved, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (i + SLOTS_AHEAD < n) {
            const struct merge *later = &resolved[i + SLOTS_AHEAD].merge;
            __builtin_prefetch(&b->merges[pair_hash(later->left, later->right) & b->mask], 1);
        }
        uint32_t join = resolved[i].join;
        if (join != UINT32_MAX) b->joins[join / 64] |= (uint64_t)1 << (join % 64);
        RETURN_IF_ERROR(insert_merge(b, resolved[i].merge, name));
    }
    return HOOKE_OK;
}

static hooke_status resolve_all(struct merge_reader *r, const struct json *list)
{
    size_t n_chunks = (r->n + CHUNK - 1) / CHUNK, i = 0;
    r->chunks = mem_alloc(n_chunks, sizeof(void *));
    r->resolved = mem_alloc_raw(r->n, sizeof *r->resolved);
    RETURN_IF(!r->chunks || !r->resolved, HOOKE_E_MEMORY, "%s: no memory for %zu merges", r->name, r->n);
    for (const struct json *m = list->as.list.first; m; m = m->next, i++)
        if (i % CHUNK == 0) r->chunks[i / CHUNK] = m;
    return parallel_try(parallel_default_threads(), (int64_t)n_chunks, 1, resolve_chunks, r);
}

static hooke_status read_merges(struct bpe *b, struct arena *a, const struct json *list, const char *name)
{
    RETURN_IF(!list || list->kind != JSON_ARRAY, HOOKE_E_FORMAT, "%s: model.merges is not an array", name);
    struct merge_reader r = { .b = b, .n = list->as.list.n, .name = name };
    RETURN_IF(r.n >= UINT32_MAX, HOOKE_E_UNSUPPORTED, "%s: %zu merges", name, r.n);
    b->mask = table_slots(r.n) - 1;
    b->merges = arena_alloc(a, (size_t)b->mask + 1, sizeof *b->merges);
    b->joins = arena_alloc(a, ((size_t)1 << JOIN_BITS) / 64, sizeof *b->joins);
    if (!b->merges || !b->joins) return HOOKE_E_MEMORY;
    hooke_status st = resolve_all(&r, list);
    if (st == HOOKE_OK) st = fill_merges(b, r.resolved, r.n, name);
    mem_free(r.chunks);
    mem_free(r.resolved);
    return st;
}

static void fill_tables(struct bpe *b)
{
    char s[8];
    for (uint32_t c = 0; c < LOW_CHARS; c++)
        b->low_chars[c] = vocab_find(b->vocab, s, (size_t)utf8_encode(s, c));
    for (int i = 0; i < 256; i++) {
        const char *hex = "0123456789ABCDEF";
        const char token[6] = { '<', '0', 'x', hex[i >> 4], hex[i & 15], '>' };
        b->byte_ids[i] = vocab_find(b->vocab, token, sizeof token);
    }
}

/* Keys that would change the result and that nobody uses. */
static hooke_status refuse_variants(const struct json *model, const char *name)
{
    const char *affix;
    double dropout;
    RETURN_IF_ERROR(json_real(&dropout, model, "dropout", 0, name));
    RETURN_IF(dropout != 0, HOOKE_E_UNSUPPORTED, "%s: model.dropout %g: only 0 is supported", name, dropout);
    static const char *const affixes[] = { "continuing_subword_prefix", "end_of_word_suffix" };
    for (int i = 0; i < 2; i++) {
        RETURN_IF_ERROR(json_string(&affix, model, affixes[i], "", name));
        RETURN_IF(affix[0], HOOKE_E_UNSUPPORTED, "%s: model.%s '%s' is not supported", name, affixes[i],
                  affix);
    }
    return HOOKE_OK;
}

hooke_status bpe_read(struct bpe *b, struct arena *a, const struct vocab *vocab, const struct json *model,
                      const char *name)
{
    const char *unk;
    b->vocab = vocab;
    RETURN_IF_ERROR(refuse_variants(model, name));
    RETURN_IF_ERROR(json_bool(&b->byte_fallback, model, "byte_fallback", false, name));
    RETURN_IF_ERROR(json_bool(&b->fuse_unk, model, "fuse_unk", false, name));
    RETURN_IF_ERROR(json_bool(&b->ignore_merges, model, "ignore_merges", false, name));
    RETURN_IF_ERROR(json_string(&unk, model, "unk_token", NULL, name));
    b->unk = unk ? vocab_find(vocab, unk, strlen(unk)) : -1;
    RETURN_IF(unk && b->unk < 0, HOOKE_E_FORMAT, "%s: unk_token '%s' is not in the vocabulary", name, unk);
    fill_tables(b);
    return read_merges(b, a, json_get(model, "merges"), name);
}
