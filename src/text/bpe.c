#include "text/bpe.h"

#include <string.h>

#include "text/unicode.h"

enum { MAX_SYMBOLS = INT32_MAX };

static const struct merge *find_merge(const struct bpe *b, int32_t left, int32_t right)
{
    for (uint64_t i = pair_hash(left, right) & b->mask;; i = (i + 1) & b->mask) {
        const struct merge *m = &b->merges[i];
        if (!m->rank_plus_1) return NULL;
        if (m->left == left && m->right == right) return m;
    }
}

static bool may_join(const struct bpe *b, uint32_t last, uint32_t first)
{
    uint64_t bit = join_bit(last, first);
    return b->joins[bit / 64] >> (bit % 64) & 1;
}

void bpe_scratch_release(struct bpe_scratch *s)
{
    mem_free(s->symbols);
    mem_free(s->heap);
    *s = (struct bpe_scratch){ 0 };
}

/* ---- the queue: a heap of four children a node by (rank, position) ---- */

enum { ARITY = 4 };

static bool is_before(struct bpe_candidate a, struct bpe_candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.position < b.position;
}

static hooke_status heap_push(struct bpe_scratch *s, struct bpe_candidate c)
{
    void *heap = s->heap;
    RETURN_IF_ERROR(
        mem_grow(&heap, &s->heap_capacity, s->n_heap + 1, sizeof c, SIZE_MAX / sizeof c, "merge candidates"));
    s->heap = heap;
    size_t i = s->n_heap++;
    while (i > 0 && is_before(c, s->heap[(i - 1) / ARITY])) {
        s->heap[i] = s->heap[(i - 1) / ARITY];
        i = (i - 1) / ARITY;
    }
    s->heap[i] = c;
    return HOOKE_OK;
}

static struct bpe_candidate heap_pop(struct bpe_scratch *s)
{
    struct bpe_candidate top = s->heap[0], last = s->heap[--s->n_heap];
    size_t i = 0, n = s->n_heap;
    for (size_t first = 1; first < n; first = ARITY * i + 1) {
        size_t best = first, end = first + ARITY < n ? first + ARITY : n;
        for (size_t child = first + 1; child < end; child++)
            if (is_before(s->heap[child], s->heap[best])) best = child;
        if (!is_before(s->heap[best], last)) break;
        s->heap[i] = s->heap[best];
        i = best;
    }
    s->heap[i] = last;
    return top;
}

/* ---- merging ---- */

/* Finds what the pair that begins at symbol `position` merges to, and queues it. */
static hooke_status offer(const struct bpe *b, struct bpe_scratch *s, int32_t position)
{
    struct bpe_symbol *left = &s->symbols[position];
    const struct merge *m = left->next < 0 ? NULL : find_merge(b, left->id, s->symbols[left->next].id);
    left->result = m ? m->result : -1;
    if (!m) return HOOKE_OK;
    return heap_push(s, (struct bpe_candidate){ m->rank_plus_1 - 1, (uint32_t)position, m->result });
}

/* Merges at the candidate's place, unless an earlier merge changed what stands there. */
static hooke_status apply(const struct bpe *b, struct bpe_scratch *s, struct bpe_candidate c)
{
    struct bpe_symbol *left = &s->symbols[c.position];
    if (left->id < 0 || left->result != c.result) return HOOKE_OK;
    struct bpe_symbol *right = &s->symbols[left->next];
    left->id = c.result;
    left->next = right->next;
    right->id = -1;
    if (right->next >= 0) s->symbols[right->next].prev = (int32_t)c.position;
    if (left->prev >= 0) RETURN_IF_ERROR(offer(b, s, left->prev));
    return offer(b, s, (int32_t)c.position);
}

/* Merges the collected symbols, appends their ids and starts over. */
static hooke_status flush(const struct bpe *b, struct bpe_scratch *s, hooke_ids *out)
{
    size_t n = s->n_symbols;
    s->n_symbols = 0;
    if (n == 0) return HOOKE_OK;
    s->symbols[n - 1].next = -1;
    s->n_heap = 0;
    for (size_t i = 0; i + 1 < n; i++) RETURN_IF_ERROR(offer(b, s, (int32_t)i));
    while (s->n_heap) RETURN_IF_ERROR(apply(b, s, heap_pop(s)));
    for (int32_t i = 0; i >= 0; i = s->symbols[i].next) RETURN_IF_ERROR(ids_push(out, s->symbols[i].id));
    return HOOKE_OK;
}

static hooke_status add_symbol(struct bpe_scratch *s, int32_t id)
{
    void *symbols = s->symbols;
    RETURN_IF_ERROR(mem_grow(&symbols, &s->symbol_capacity, s->n_symbols + 1, sizeof *s->symbols, MAX_SYMBOLS,
                             "characters in a word"));
    s->symbols = symbols;
    int32_t i = (int32_t)s->n_symbols++;
    s->symbols[i] = (struct bpe_symbol){ id, i - 1, i + 1, -1 };
    return HOOKE_OK;
}

/* ---- characters to symbols ---- */

/* A character without a token, as byte tokens if all its bytes have one. */
static hooke_status add_bytes(const struct bpe *b, struct bpe_scratch *s, const char *c, size_t n, bool *done)
{
    *done = false;
    if (!b->byte_fallback) return HOOKE_OK;
    for (size_t i = 0; i < n; i++)
        if (b->byte_ids[(unsigned char)c[i]] < 0) return HOOKE_OK;
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(add_symbol(s, b->byte_ids[(unsigned char)c[i]]));
    *done = true;
    return HOOKE_OK;
}

/* The engine holds an unknown back until the next character that has a token, or the end: byte tokens overtake it. */
static hooke_status collect(const struct bpe *b, struct bpe_scratch *s, hooke_ids *out, const char *word,
                            size_t n)
{
    bool has_unk = false, by_bytes,
         is_plain = false; /* is_plain: the last symbol is a character with a token ... */
    uint32_t last = 0;     /* ... this one */
    for (size_t i = 0, length; i < n; i += length) {
        uint32_t code = char_at(word + i, n - i, &length);
        int32_t id = code < LOW_CHARS ? b->low_chars[code] : vocab_find(b->vocab, word + i, length);
        if (id >= 0) {
            if (has_unk) RETURN_IF_ERROR(add_symbol(s, b->unk));
            if (!has_unk && is_plain && !may_join(b, last, code)) RETURN_IF_ERROR(flush(b, s, out));
            RETURN_IF_ERROR(add_symbol(s, id));
            has_unk = false;
            is_plain = true;
            last = code;
            continue;
        }
        RETURN_IF_ERROR(add_bytes(b, s, word + i, length, &by_bytes));
        if (by_bytes) is_plain = false;
        if (by_bytes || b->unk < 0) continue;
        if (has_unk && !b->fuse_unk) {
            RETURN_IF_ERROR(add_symbol(s, b->unk));
            is_plain = false;
        }
        has_unk = true;
    }
    return has_unk ? add_symbol(s, b->unk) : HOOKE_OK;
}

hooke_status bpe_encode(const struct bpe *b, struct bpe_scratch *s, hooke_ids *out, const char *word,
                        size_t n)
{
    if (n == 0) return HOOKE_OK;
    if (b->ignore_merges) {
        int32_t id = vocab_find(b->vocab, word, n);
        if (id >= 0) return ids_push(out, id);
    }
    s->n_symbols = 0;
    RETURN_IF_ERROR(collect(b, s, out, word, n));
    return flush(b, s, out);
}
