/* select.c: quickselect (Hoare) with the median of three, on keys without equals, so the result is one set whatever the order. */
#include "tensor/cpu/select.h"

#include <stdbool.h>
#include <stdlib.h>

static void swap_keys(uint64_t *a, uint64_t *b)
{
    uint64_t t = *a;
    *a = *b;
    *b = t;
}

static uint64_t median_key(uint64_t a, uint64_t b, uint64_t c)
{
    if (a > b) return b > c ? b : a > c ? c : a;
    return a > c ? a : b > c ? c : b;
}

void keys_largest(uint64_t *keys, int64_t n, int64_t k)
{
    int64_t lo = 0, hi = n - 1, want = k - 1; /* position that the k-th largest will take */
    while (lo < hi) {
        uint64_t pivot = median_key(keys[lo], keys[lo + (hi - lo) / 2], keys[hi]);
        int64_t i = lo, j = hi;
        while (i <= j) {
            while (keys[i] > pivot) i++;
            while (keys[j] < pivot) j--;
            if (i <= j) swap_keys(&keys[i++], &keys[j--]);
        }
        if (want <= j)
            hi = j;
        else if (want >= i)
            lo = i;
        else
            break;
    }
}

static int by_index(const void *a, const void *b)
{
    uint32_t x = (uint32_t) * (const uint64_t *)a, y = (uint32_t) * (const uint64_t *)b; /* complements */
    return (x < y) - (x > y);
}

void keys_sort_by_index(uint64_t *keys, int64_t n)
{
    qsort(keys, (size_t)n, sizeof *keys, by_index);
}

static bool better(const struct candidate *a, const struct candidate *b)
{
    if (a->value != b->value) return a->value > b->value;
    if (a->row != b->row) return a->row < b->row;
    return a->index < b->index;
}

static void swap_candidates(struct candidate *a, struct candidate *b)
{
    struct candidate t = *a;
    *a = *b;
    *b = t;
}

void candidates_largest(struct candidate *c, int64_t n, int64_t k)
{
    int64_t lo = 0, hi = n - 1, want = k - 1;
    while (lo < hi) {
        struct candidate pivot = c[lo + (hi - lo) / 2];
        int64_t i = lo, j = hi;
        while (i <= j) {
            while (better(&c[i], &pivot)) i++;
            while (better(&pivot, &c[j])) j--;
            if (i <= j) swap_candidates(&c[i++], &c[j--]);
        }
        if (want <= j)
            hi = j;
        else if (want >= i)
            lo = i;
        else
            break;
    }
}

static int by_row_and_index(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

void candidates_sort(struct candidate *c, int64_t n)
{
    if (n > 1) qsort(c, (size_t)n, sizeof *c, by_row_and_index); /* c may be NULL for none */
}
