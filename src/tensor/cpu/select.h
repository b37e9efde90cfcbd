/* select.h: the k largest, exactly: ties go to the lower row, then to the lower feature. Only positive values take part. */
#ifndef HOOKE_TENSOR_CPU_SELECT_H
#define HOOKE_TENSOR_CPU_SELECT_H

#include <stdint.h>
#include <string.h>

/* A candidate of one row as one number: larger key, better candidate. Positive floats order as their bits do. */
static inline uint64_t key_of(float value, int32_t index)
{
    uint32_t u;
    memcpy(&u, &value, sizeof u);
    return (uint64_t)u << 32 | (uint32_t) ~(uint32_t)index;
}
static inline float key_value(uint64_t key)
{
    uint32_t u = (uint32_t)(key >> 32);
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
static inline int32_t key_index(uint64_t key)
{
    return (int32_t) ~(uint32_t)key;
}

/* Brings the k largest of keys[n] to the front, in any order, keys[k - 1] the smallest of them; 0 < k <= n. */
void keys_largest(uint64_t *keys, int64_t n, int64_t k);
/* Sorts keys by increasing index. */
void keys_sort_by_index(uint64_t *keys, int64_t n);

/* A candidate of a whole call. */
struct candidate {
    float value;
    int32_t index;
    int64_t row;
};
/* Brings the k best of c[n] to the front, c[k - 1] the worst of them. */
void candidates_largest(struct candidate *c, int64_t n, int64_t k);
/* Sorts by (row, index). */
void candidates_sort(struct candidate *c, int64_t n);

#endif
