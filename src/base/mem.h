/* mem.h: the one place that calls malloc, and the arena.
 *
 * Blocks are 64-byte aligned and zeroed, so that every owner is born zeroed and half-built objects can be released. Sizes are
 * checked products. A test can make the n-th allocation fail. */
#ifndef HOOKE_BASE_MEM_H
#define HOOKE_BASE_MEM_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* n * size bytes, zeroed, 64-byte aligned; NULL when they cannot be had (or the product overflows). n * size 0 gives one byte. */
void *mem_alloc(size_t n, size_t size);
/* The same without the zeroes, for large buffers that are written whole. */
void *mem_alloc_raw(size_t n, size_t size);
void mem_free(void *p);
/* Grows *p (of *capacity items) to hold `need`, at least doubling; new items are zero. More than `max` is HOOKE_E_UNSUPPORTED
 * with a message that names `what`. On failure nothing changes. */
hooke_status mem_grow(void **p, size_t *capacity, size_t need, size_t item_bytes, size_t max,
                      const char *what);
/* As mem_alloc, with the message made. */
hooke_status mem_take(void **out, size_t n, size_t size, const char *what);

/* Tests: fail the n-th allocation from now (1 is the next); 0 turns it off. Counts all threads. */
void mem_fail_at(long n);

/* Arena: memory that goes all at once. Zeroed struct is a valid empty arena. One thread at a time. */
struct arena {
    struct arena_block *first, *current;
    size_t max_bytes; /* 0: no bound */
    size_t used_bytes;
};
void arena_release(struct arena *a);
/* Zeroed, 16-byte aligned. NULL with the message made when out of memory or past max_bytes. */
void *arena_alloc(struct arena *a, size_t n, size_t size);
char *arena_copy(struct arena *a, const char *s, size_t n); /* adds a NUL */

#ifdef __cplusplus
}
#endif
#endif
