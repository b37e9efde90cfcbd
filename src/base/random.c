#include "base/random.h"

#include <math.h>

void random_block(uint32_t out[4], uint64_t seed, uint64_t purpose, uint64_t index)
{
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = (uint32_t)purpose,
             c3 = (uint32_t)(purpose >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t random_u64(uint64_t seed, uint64_t purpose, uint64_t index)
{
    uint32_t b[4];
    random_block(b, seed, purpose, index);
    return (uint64_t)b[1] << 32 | b[0];
}

double random_uniform(uint64_t seed, uint64_t purpose, uint64_t index)
{
    return (double)(random_u64(seed, purpose, index) >> 11) * 0x1p-53;
}

/* Draws 2i and 2i+1 come from block i: radius from the first two words, angle from the last two. */
static void normal_pair(float out[2], uint64_t seed, uint64_t purpose, uint64_t pair)
{
    uint32_t b[4];
    random_block(b, seed, purpose, pair);
    double u = ((double)((uint64_t)b[1] << 21 ^ b[0] >> 11) + 0.5) * 0x1p-53;
    double v = (double)((uint64_t)b[3] << 21 ^ b[2] >> 11) * 0x1p-53;
    double radius = sqrt(-2.0 * log(u)), angle = 6.283185307179586 * v;
    out[0] = (float)(radius * cos(angle));
    out[1] = (float)(radius * sin(angle));
}

void random_normal(float *out, int64_t n, uint64_t seed, uint64_t purpose, uint64_t first)
{
    for (int64_t i = 0; i < n;) {
        float pair[2];
        uint64_t index = first + (uint64_t)i;
        normal_pair(pair, seed, purpose, index / 2);
        for (uint64_t j = index & 1; j < 2 && i < n; j++) out[i++] = pair[j];
    }
}
