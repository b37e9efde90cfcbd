/* random.h: random numbers without state. A draw is a function of (seed, purpose, index): no order of calls, no number of
 * threads and no interruption changes it.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): key = seed, counter =
 * (index, purpose). */
#ifndef HOOKE_BASE_RANDOM_H
#define HOOKE_BASE_RANDOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a stream of draws is for; a new use takes a new number. */
enum random_purpose {
    RANDOM_TEST = 1,
    RANDOM_SAMPLE_TOKEN = 2,
    RANDOM_SYNTH = 3,
    RANDOM_BENCH = 4,
    RANDOM_DITHER = 5,
    RANDOM_SHUFFLE_ROWS = 6,
    RANDOM_SHUFFLE_FILES = 7,
    RANDOM_SPLIT = 8
};

/* Four independent 32-bit words. */
void random_block(uint32_t out[4], uint64_t seed, uint64_t purpose, uint64_t index);
uint64_t random_u64(uint64_t seed, uint64_t purpose, uint64_t index);
double random_uniform(uint64_t seed, uint64_t purpose, uint64_t index); /* [0, 1), 53 bits */
/* out[i] = standard normal draw number first + i (Box-Muller on blocks; first may be any index). */
void random_normal(float *out, int64_t n, uint64_t seed, uint64_t purpose, uint64_t first);

#ifdef __cplusplus
}
#endif
#endif
