/* rope_angles.c: the table of cosines and sines.
 *
 * frequency(j) = theta^(-2j / n_dims); angle = position * frequency. transformers computes both in float32, and at position 8000
 * the rounding of the frequency alone moves an angle by 5e-4, so imitating it means rounding where it rounds:
 *   f32      inv = 1 / float(theta^(2j/n)), angle = float(pos) * inv        (transformers)
 *   f32_div  angle = float(pos) / float(theta^(2j/n))                       (TransformerLens)
 *   f64      everything in double, rounded once at the end */
#include "model/model.h"

#include <limits.h>
#include <math.h>

static const double TWO_PI = 6.283185307179586;

/* Llama 3.1: long waves are slowed by `factor`, short ones kept, those between blended. */
static double llama3_frequency(const struct rope_spec *s, double inv)
{
    double wave = TWO_PI / inv;
    if (wave < s->original_n_ctx / s->high_freq_factor) return inv;
    if (wave > s->original_n_ctx / s->low_freq_factor) return inv / s->factor;
    double blend =
        (s->original_n_ctx / wave - s->low_freq_factor) / (s->high_freq_factor - s->low_freq_factor);
    return (1 - blend) * inv / s->factor + blend * inv;
}

static float llama3_frequency_f32(const struct rope_spec *s, float inv)
{
    float wave = (float)TWO_PI / inv, n_ctx = (float)s->original_n_ctx, factor = (float)s->factor;
    if (wave < n_ctx / (float)s->high_freq_factor) return inv;
    if (wave > n_ctx / (float)s->low_freq_factor) return inv / factor;
    float blend =
        (n_ctx / wave - (float)s->low_freq_factor) / (float)(s->high_freq_factor - s->low_freq_factor);
    return (1 - blend) * (inv / factor) + blend * inv;
}

static float frequency_f32(const struct rope_spec *s, int j)
{
    float share = (float)(2 * j) / (float)s->n_dims;
    float inv = 1.0f / (float)pow((double)(float)s->theta, (double)share);
    if (s->scaling == ROPE_LINEAR) return inv / (float)s->factor;
    return s->scaling == ROPE_LLAMA3 ? llama3_frequency_f32(s, inv) : inv;
}

static double frequency_f64(const struct rope_spec *s, int j)
{
    double inv = pow(s->theta, -2.0 * j / s->n_dims);
    if (s->scaling == ROPE_LINEAR) return inv / s->factor;
    return s->scaling == ROPE_LLAMA3 ? llama3_frequency(s, inv) : inv;
}

/* One pair's column of the table. */
static void fill_pair(float *cosines, float *sines, const struct rope_spec *s, enum rope_precision precision,
                      int n_positions, int j)
{
    int half = s->n_dims / 2;
    double exact = frequency_f64(s, j);
    float inv = frequency_f32(s, j), divisor = 1.0f / inv;
    if (s->scaling == ROPE_PLAIN)
        divisor = (float)pow((double)(float)s->theta, (double)((float)(2 * j) / (float)s->n_dims));
    for (int pos = 0; pos < n_positions; pos++) {
        double angle = pos * exact;
        if (precision == ROPE_F32) angle = (double)((float)pos * inv);
        if (precision == ROPE_F32_DIV) angle = (double)((float)pos / divisor);
        cosines[(int64_t)pos * half + j] = (float)cos(angle);
        sines[(int64_t)pos * half + j] = (float)sin(angle);
    }
}

hooke_status rope_reach(struct rope_store *store, struct exec *ex, const struct rope_spec *spec,
                        enum rope_precision precision, int n_positions)
{
    int half = spec->n_dims / 2;
    if (half == 0 || n_positions <= store->table.n_positions) return HOOKE_OK;
    int n = 256;
    while (n < n_positions) n = n > INT_MAX / 2 ? n_positions : 2 * n;
    float *host;
    struct buffer bytes = { 0 };
    RETURN_IF_ERROR(mem_take((void **)&host, (size_t)n * (size_t)half, 2 * sizeof *host, "rotary table"));
    for (int j = 0; j < half; j++) fill_pair(host, host + (int64_t)n * half, spec, precision, n, j);
    hooke_status st = ex->ops->alloc(ex, &bytes, (size_t)n * (size_t)half * 2 * sizeof *host);
    struct mat all = mat_f32(bytes.data, 2, (int64_t)n * half, (int64_t)n * half);
    if (st == HOOKE_OK) st = ex->ops->store(ex, &all, host, (int64_t)n * half);
    mem_free(host);
    if (st != HOOKE_OK) {
        ex->ops->release(ex, &bytes);
        return st;
    }
    ex->ops->release(ex, &store->bytes);
    store->bytes = bytes;
    store->table.cos = bytes.data;
    store->table.sin = (float *)bytes.data + (int64_t)n * half;
    store->table.half = half;
    store->table.n_positions = n;
    return HOOKE_OK;
}
