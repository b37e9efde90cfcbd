#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_long fail_countdown;

void mem_fail_at(long n)
{
    atomic_store(&fail_countdown, n);
}

static bool fails_now(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) <= 0) return false;
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

void *mem_alloc_raw(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX - 64) return NULL;
    if (bytes == 0) bytes = 1;
    if (fails_now()) return NULL;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

void *mem_alloc(size_t n, size_t size)
{
    void *p = mem_alloc_raw(n, size);
    if (p) memset(p, 0, n * size == 0 ? 1 : n * size);
    return p;
}

void mem_free(void *p)
{
    free(p);
}

hooke_status mem_take(void **out, size_t n, size_t size, const char *what)
{
    *out = mem_alloc(n, size);
    return *out ? HOOKE_OK
                : fail(HOOKE_E_MEMORY, "%s: out of memory for %zu items of %zu bytes", what, n, size);
}

hooke_status mem_grow(void **p, size_t *capacity, size_t need, size_t item_bytes, size_t max,
                      const char *what)
{
    if (need <= *capacity) return HOOKE_OK;
    RETURN_IF(need > max, HOOKE_E_UNSUPPORTED, "too many %s: %zu, the limit is %zu", what, need, max);
    size_t grown = *capacity < 16 ? 16 : *capacity * 2;
    if (grown > max) grown = max;
    if (grown < need) grown = need;
    char *q = mem_alloc_raw(grown, item_bytes);
    RETURN_IF(!q, HOOKE_E_MEMORY, "%s: out of memory for %zu items of %zu bytes", what, grown, item_bytes);
    if (*capacity) memcpy(q, *p, *capacity * item_bytes);
    memset(q + *capacity * item_bytes, 0, (grown - *capacity) * item_bytes);
    mem_free(*p);
    *p = q;
    *capacity = grown;
    return HOOKE_OK;
}

/* Blocks are chained in order of making; only the newest is filled. */
struct arena_block {
    struct arena_block *next;
    size_t capacity, used;
    _Alignas(16) unsigned char data[];
};
enum { BLOCK_BYTES = 64 * 1024 };

void arena_release(struct arena *a)
{
    for (struct arena_block *b = a->first, *next; b; b = next) {
        next = b->next;
        mem_free(b);
    }
    a->first = a->current = NULL;
    a->used_bytes = 0;
}

static struct arena_block *add_block(struct arena *a, size_t bytes)
{
    size_t capacity = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct arena_block *b = mem_alloc(1, sizeof *b + capacity);
    if (!b) return NULL;
    b->capacity = capacity;
    if (a->current)
        a->current->next = b;
    else
        a->first = b;
    a->current = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX - 128) {
        fail(HOOKE_E_MEMORY, "arena: %zu items of %zu bytes overflow", n, size);
        return NULL;
    }
    bytes = (bytes + 15) / 16 * 16;
    if (a->max_bytes &&
        bytes > a->max_bytes - (a->used_bytes < a->max_bytes ? a->used_bytes : a->max_bytes)) {
        fail(HOOKE_E_MEMORY, "arena: past its bound of %zu bytes", a->max_bytes);
        return NULL;
    }
    struct arena_block *b = a->current;
    if (!b || bytes > b->capacity - b->used) b = add_block(a, bytes);
    if (!b) {
        fail(HOOKE_E_MEMORY, "arena: out of memory for %zu bytes", bytes);
        return NULL;
    }
    void *p = b->data + b->used;
    b->used += bytes;
    a->used_bytes += bytes;
    return p;
}

char *arena_copy(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1, 1);
    if (p && n) memcpy(p, s, n);
    return p;
}
