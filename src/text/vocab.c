#include "text/vocab.h"

#include <string.h>

/* Ids far beyond the number of tokens would make a small file ask for a large table. */
enum { ID_SLACK = 65536, ID_FACTOR = 16 };
enum { BATCH = 32 }; /* look-ups whose memory is asked for at once */

uint64_t hash_bytes(const char *s, size_t n)
{
    const uint64_t odd = 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio */
    uint64_t h = n * odd, w;
    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&w, s, 8);
        h = (h ^ w) * odd;
        h ^= h >> 32;
    }
    if (n) {
        w = 0;
        memcpy(&w, s, n);
        h = (h ^ w) * odd;
        h ^= h >> 32;
    }
    h *= 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}

size_t table_slots(size_t n)
{
    size_t slots = 16;
    while (slots / 8 * 5 < n) slots *= 2;
    return slots;
}

int32_t vocab_find_hashed(const struct vocab *v, uint64_t hash, const char *s, size_t n)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint64_t i = hash & v->mask;; i = (i + 1) & v->mask) {
        const struct vocab_slot *slot = &v->slots[i];
        if (!slot->id_plus_1) return -1;
        if (slot->tag == tag && slot->n == n && memcmp(v->strings + slot->begin, s, n) == 0)
            return (int32_t)(slot->id_plus_1 - 1);
    }
}

int32_t vocab_find(const struct vocab *v, const char *s, size_t n)
{
    return vocab_find_hashed(v, hash_bytes(s, n), s, n);
}

/* Adds strings[begin .. begin + n). */
static hooke_status insert(struct vocab *v, uint64_t hash, size_t begin, size_t n, int32_t id,
                           const char *name)
{
    uint64_t i = hash & v->mask;
    struct vocab_slot slot = { (uint32_t)(hash >> 32), (uint32_t)id + 1, (uint32_t)begin, (uint32_t)n };
    for (int probes = 0; v->slots[i].id_plus_1; i = (i + 1) & v->mask, probes++) {
        RETURN_IF(probes > MAX_PROBES, HOOKE_E_FORMAT, "%s: the vocabulary's strings collide on purpose",
                  name);
        if (v->slots[i].tag != slot.tag || v->slots[i].n != slot.n) continue;
        RETURN_IF(memcmp(v->strings + v->slots[i].begin, v->strings + begin, n) == 0, HOOKE_E_FORMAT,
                  "%s: token '%s' appears twice", name, v->strings + begin);
    }
    v->slots[i] = slot;
    return HOOKE_OK;
}

/* Largest id of the vocabulary and of the added tokens, and the bytes of all strings with their NULs. */
static hooke_status measure(const struct json *map, const struct json *added, int64_t *largest, size_t *bytes,
                            const char *name)
{
    size_t n_added = added && added->kind == JSON_ARRAY ? added->as.list.n : 0;
    int64_t most = (int64_t)(map->as.list.n + n_added) * ID_FACTOR + ID_SLACK, id;
    *largest = -1;
    *bytes = 0;
    for (const struct json *m = map->as.list.first; m; m = m->next) {
        RETURN_IF(m->kind != JSON_INT || m->as.integer < 0 || m->as.integer > most, HOOKE_E_FORMAT,
                  "%s: token '%s': expected an id in 0 .. %lld", name, m->key, (long long)most);
        if (m->as.integer > *largest) *largest = m->as.integer;
        *bytes += (size_t)m->key_bytes + 1;
    }
    for (const struct json *t = n_added ? added->as.list.first : NULL; t; t = t->next) {
        RETURN_IF_ERROR(json_int(&id, t, "id", 0, most, -1, name));
        RETURN_IF(id < 0, HOOKE_E_FORMAT, "%s: an added token has no id", name);
        if (id > *largest) *largest = id;
    }
    return HOOKE_OK;
}

static hooke_status add_token(struct vocab *v, const struct json *m, uint64_t hash, size_t begin,
                              const char *name)
{
    struct token *t = &v->tokens[m->as.integer];
    RETURN_IF(t->s, HOOKE_E_FORMAT, "%s: id %lld belongs to '%s' and '%s'", name, (long long)m->as.integer,
              t->s, m->key);
    t->s = v->strings + begin;
    t->n = m->key_bytes;
    memcpy(v->strings + begin, m->key, m->key_bytes);
    return insert(v, hash, begin, t->n, (int32_t)m->as.integer, name);
}

hooke_status vocab_read(struct vocab *v, struct arena *a, const struct json *map, const struct json *added,
                        const char *name)
{
    int64_t largest;
    size_t bytes;
    RETURN_IF(!map || map->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: model.vocab is not an object", name);
    RETURN_IF_ERROR(measure(map, added, &largest, &bytes, name));

    RETURN_IF(bytes > UINT32_MAX, HOOKE_E_UNSUPPORTED, "%s: a vocabulary of %zu bytes", name, bytes);
    v->mask = table_slots(map->as.list.n) - 1;
    v->n_ids = (int32_t)(largest + 1);
    v->slots = arena_alloc(a, (size_t)v->mask + 1, sizeof *v->slots);
    v->tokens = arena_alloc(a, (size_t)v->n_ids, sizeof *v->tokens);
    v->strings = arena_alloc(a, bytes, 1);
    if (!v->slots || !v->tokens || !v->strings) return HOOKE_E_MEMORY;

    size_t used = 0;
    for (const struct json *m = map->as.list.first; m;) {
        uint64_t hashes[BATCH];
        const struct json *first = m;
        for (int i = 0; i < BATCH && m; i++, m = m->next) {
            hashes[i] = hash_bytes(m->key, m->key_bytes);
            vocab_prefetch(v, hashes[i]);
        }
        for (int i = 0; first != m; i++, first = first->next) {
            RETURN_IF_ERROR(add_token(v, first, hashes[i], used, name));
            used += (size_t)first->key_bytes + 1;
        }
    }
    return HOOKE_OK;
}
