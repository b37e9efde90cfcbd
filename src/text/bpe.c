#include "text/bpe.h"

#include <string.h>

#include "text/unicode.h"

enum { MAX_SYMBOLS = INT32_MAX };

static uint64_t pair_hash(int32_t left, int32_t right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u;
    h ^= h >> 29;
    h *= 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}

static const struct merge *find_merge(const struct bpe *b, int32_t left, int32_t right)
{
    for (uint64_t i = pair_hash(left, right) & b->mask;; i = (i + 1) & b->mask) {
        const struct merge *m = &b->merges[i];
        if (!m->rank_plus_1) return NULL;
        if (m->left == left && m->right == right) return m;
    }
}

static uint64_t join_bit(uint32_t last, uint32_t first)
{
    return ((uint64_t)last * 0x9E3779B97F4A7C15u + (uint64_t)first * 0xC2B2AE3D27D4EB4Fu) >> (64 - JOIN_BITS);
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

/* ---- the queue: a binary heap by (rank, position) ---- */

static bool is_before(struct bpe_candidate a, struct bpe_candidate b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.position < b.position;
}

static hooke_status heap_push(struct bpe_scratch *s, struct bpe_candidate c)
{
    void *heap = s->heap;
    RETURN_IF_ERROR(mem_grow(&heap, &s->heap_capacity, s->n_heap + 1, sizeof c, SIZE_MAX / sizeof c, "merge candidates"));
    s->heap = heap;
    size_t i = s->n_heap++;
    while (i > 0 && is_before(c, s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = c;
    return HOOKE_OK;
}

static struct bpe_candidate heap_pop(struct bpe_scratch *s)
{
    struct bpe_candidate top = s->heap[0], last = s->heap[--s->n_heap];
    size_t i = 0;
    for (size_t child = 1; child < s->n_heap; child = 2 * i + 1) {
        if (child + 1 < s->n_heap && is_before(s->heap[child + 1], s->heap[child])) child++;
        if (!is_before(s->heap[child], last)) break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

/* ---- merging ---- */

/* Queues the pair that begins at symbol `position`, if it merges. */
static hooke_status offer(const struct bpe *b, struct bpe_scratch *s, int32_t position)
{
    const struct bpe_symbol *left = &s->symbols[position];
    if (left->next < 0) return HOOKE_OK;
    const struct merge *m = find_merge(b, left->id, s->symbols[left->next].id);
    if (!m) return HOOKE_OK;
    return heap_push(s, (struct bpe_candidate){ m->rank_plus_1 - 1, (uint32_t)position, m->result });
}

/* Merges at the candidate's place, unless an earlier merge changed what stands there. */
static hooke_status apply(const struct bpe *b, struct bpe_scratch *s, struct bpe_candidate c)
{
    struct bpe_symbol *left = &s->symbols[c.position];
    if (!left->is_alive || left->next < 0) return HOOKE_OK;
    struct bpe_symbol *right = &s->symbols[left->next];
    const struct merge *m = find_merge(b, left->id, right->id);
    if (!m || m->result != c.result) return HOOKE_OK;
    left->id = c.result;
    left->next = right->next;
    right->is_alive = 0;
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
    RETURN_IF_ERROR(mem_grow(&symbols, &s->symbol_capacity, s->n_symbols + 1, sizeof *s->symbols, MAX_SYMBOLS, "characters in a word"));
    s->symbols = symbols;
    int32_t i = (int32_t)s->n_symbols++;
    s->symbols[i] = (struct bpe_symbol){ id, i - 1, i + 1, 1 };
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
static hooke_status collect(const struct bpe *b, struct bpe_scratch *s, hooke_ids *out, const char *word, size_t n)
{
    bool has_unk = false, by_bytes, is_plain = false; /* is_plain: the last symbol is a character with a token ... */
    uint32_t last = 0;                                /* ... this one */
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

hooke_status bpe_encode(const struct bpe *b, struct bpe_scratch *s, hooke_ids *out, const char *word, size_t n)
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

/* ---- reading ---- */

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

static void allow_join(struct bpe *b, struct bytes left, struct bytes right)
{
    size_t length;
    if (!left.n || !right.n) return;
    uint64_t bit = join_bit(char_before(left.s, left.n, &length), char_at(right.s, right.n, &length));
    b->joins[bit / 64] |= (uint64_t)1 << (bit % 64);
}

/* "a b" or ["a", "b"]. */
static hooke_status split_merge(const struct json *m, size_t rank, struct bytes *left, struct bytes *right, const char *name)
{
    if (m->kind == JSON_STRING) {
        const char *s = m->as.string.bytes, *space = memchr(s, ' ', m->as.string.n);
        size_t n = m->as.string.n;
        bool is_pair = space && !memchr(space + 1, ' ', n - (size_t)(space + 1 - s));
        RETURN_IF(!is_pair, HOOKE_E_FORMAT, "%s: merge %zu: expected two tokens around one space, found '%s'", name, rank, s);
        *left = (struct bytes){ s, (size_t)(space - s) };
        *right = (struct bytes){ space + 1, n - left->n - 1 };
        return HOOKE_OK;
    }
    const struct json *a = m->kind == JSON_ARRAY && m->as.list.n == 2 ? m->as.list.first : NULL;
    RETURN_IF(!a || a->kind != JSON_STRING || a->next->kind != JSON_STRING, HOOKE_E_FORMAT, "%s: merge %zu is no pair of strings",
              name, rank);
    *left = (struct bytes){ a->as.string.bytes, a->as.string.n };
    *right = (struct bytes){ a->next->as.string.bytes, a->next->as.string.n };
    return HOOKE_OK;
}

static hooke_status read_merge(struct bpe *b, hooke_text *whole, const struct json *m, size_t rank, const char *name)
{
    struct bytes left = { 0 }, right = { 0 };
    RETURN_IF_ERROR(split_merge(m, rank, &left, &right, name));
    text_clear(whole);
    RETURN_IF_ERROR(text_append(whole, left.s, left.n));
    RETURN_IF_ERROR(text_append(whole, right.s, right.n));
    struct merge merge = { vocab_find(b->vocab, left.s, left.n), vocab_find(b->vocab, right.s, right.n),
                           vocab_find(b->vocab, whole->data, whole->n), (uint32_t)rank + 1 };
    RETURN_IF(merge.left < 0 || merge.right < 0 || merge.result < 0, HOOKE_E_FORMAT,
              "%s: merge %zu ('%.*s', '%.*s'): the vocabulary lacks %s", name, rank, (int)(left.n < 64 ? left.n : 64), left.s,
              (int)(right.n < 64 ? right.n : 64), right.s,
              merge.left < 0 ? "the left part" : merge.right < 0 ? "the right part" : "the result");
    allow_join(b, left, right);
    return insert_merge(b, merge, name);
}

static hooke_status read_merges(struct bpe *b, struct arena *a, const struct json *merges, const char *name)
{
    RETURN_IF(!merges || merges->kind != JSON_ARRAY, HOOKE_E_FORMAT, "%s: model.merges is not an array", name);
    size_t slots = table_slots(merges->as.list.n), rank = 0;
    b->mask = slots - 1;
    b->merges = arena_alloc(a, slots, sizeof *b->merges);
    b->joins = arena_alloc(a, ((size_t)1 << JOIN_BITS) / 64, sizeof *b->joins);
    if (!b->merges || !b->joins) return HOOKE_E_MEMORY;
    hooke_text whole = { 0 };
    hooke_status st = HOOKE_OK;
    for (const struct json *m = merges->as.list.first; m && st == HOOKE_OK; m = m->next) st = read_merge(b, &whole, m, rank++, name);
    hooke_text_release(&whole);
    return st;
}

static void fill_tables(struct bpe *b)
{
    char s[8];
    for (uint32_t c = 0; c < LOW_CHARS; c++) b->low_chars[c] = vocab_find(b->vocab, s, (size_t)utf8_encode(s, c));
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
        RETURN_IF(affix[0], HOOKE_E_UNSUPPORTED, "%s: model.%s '%s' is not supported", name, affixes[i], affix);
    }
    return HOOKE_OK;
}

hooke_status bpe_read(struct bpe *b, struct arena *a, const struct vocab *vocab, const struct json *model, const char *name)
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
