/* synth_fill.c: random weights at the speed of a disk.
 *
 * Every item takes 8 random bits and looks its value up: the table holds mean + std * q for 256 equally likely quantiles q of
 * the normal distribution, already in the tensor's type. Each block of SYNTH_BLOCK items owns a splitmix64 sequence (Steele,
 * Lea, Flood, OOPSLA 2014) that starts from a keyed draw, so blocks can be filled in any order. */
#include "bench/synth.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "base/random.h"

enum { N_LEVELS = 256 };

struct fill_job {
    union {
        uint16_t narrow[N_LEVELS];
        uint32_t wide[N_LEVELS];
    } table;
    bool is_wide;
    void *out;
    uint64_t seed, purpose;
    int64_t first_block;
};

static uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint16_t bf16_bits(float x)
{
    uint32_t bits = float_bits(x);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16);
}

/* Round to nearest, ties to even; |x| below the largest half. */
static uint16_t f16_bits(float x)
{
    uint32_t sign = float_bits(x) >> 16 & 0x8000u;
    int exponent;
    double fraction = frexp(fabs((double)x), &exponent); /* [0.5, 1) */
    if (fraction == 0.0) return (uint16_t)sign;
    if (exponent < -13)
        return (uint16_t)(sign | (uint32_t)nearbyint(fabs((double)x) * 0x1p24)); /* subnormal */
    uint32_t significand = (uint32_t)nearbyint(fraction * 2048.0);               /* 1024 .. 2048 */
    return (uint16_t)(sign | (((uint32_t)(exponent + 13) << 10) + significand));
}

static void fill_table(struct fill_job *job, const struct synth_tensor *t)
{
    job->is_wide = t->dtype == DT_F32;
    for (int i = 0; i < N_LEVELS; i++) {
        float v = (float)(t->mean + t->std * normal_upper_quantile((i + 0.5) / N_LEVELS));
        if (t->dtype == DT_F32)
            job->table.wide[i] = float_bits(v);
        else
            job->table.narrow[i] = t->dtype == DT_BF16 ? bf16_bits(v) : f16_bits(v);
    }
}

static uint64_t splitmix_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static void fill_block(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct fill_job *job = payload;
    (void)worker;
    uint64_t block = (uint64_t)(job->first_block + begin / SYNTH_BLOCK);
    uint64_t state = random_u64(job->seed, job->purpose, block), bits = 0;
    uint16_t *narrow = (uint16_t *)job->out + begin;
    uint32_t *wide = (uint32_t *)job->out + begin;
    int64_t n = end - begin;
    for (int64_t i = 0; i < n; i += 8) {
        bits = splitmix_next(&state);
        int64_t left = n - i < 8 ? n - i : 8;
        if (job->is_wide)
            for (int64_t j = 0; j < left; j++) wide[i + j] = job->table.wide[bits >> 8 * j & 255];
        else
            for (int64_t j = 0; j < left; j++) narrow[i + j] = job->table.narrow[bits >> 8 * j & 255];
    }
}

void synth_fill(void *out, const struct synth_tensor *t, int64_t first, int64_t n, uint64_t seed, int index,
                int n_threads)
{
    struct fill_job job = { .out = out, .seed = seed, .first_block = first / SYNTH_BLOCK };
    job.purpose = (uint64_t)RANDOM_SYNTH | (uint64_t)(index + 1) << 16;
    fill_table(&job, t);
    parallel_for(n_threads, n, SYNTH_BLOCK, fill_block, &job);
}
