/* norm_step.c: a norm, and what can be seen and changed inside it.
 *
 *   divisor = sqrt(mean(x^2) + eps) (of the centred x for LayerNorm)    hook_scale
 *   n       = x / divisor                                               hook_normalized, before the gain in every family
 *   y       = n * gain + bias
 *
 * Whoever only looks must change no bit, and whoever writes back what was there must not either: y always comes from the fused
 * operation, and only rows that an edit really changed are computed again from its values. */
#include "model/pass.h"

#include <string.h>

static bool same_bits(const float *a, const float *b, int64_t n)
{
    return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

/* New divisors stretch the rows they belong to. */
static void apply_divisors(struct mat n, const float *divisor, const float *before)
{
    for (int64_t r = 0; r < n.rows; r++) {
        if (same_bits(&divisor[r], &before[r], 1)) continue;
        float *row = (float *)n.data + r * n.ld, stretch = before[r] / divisor[r];
        for (int64_t i = 0; i < n.cols; i++) row[i] *= stretch;
    }
}

static void apply_normalized(struct mat y, struct mat n, struct mat before, const struct norm *norm)
{
    for (int64_t r = 0; r < n.rows; r++) {
        const float *from = (const float *)n.data + r * n.ld;
        float *to = (float *)y.data + r * y.ld;
        if (same_bits(from, (const float *)before.data + r * before.ld, n.cols)) continue;
        for (int64_t i = 0; i < n.cols; i++)
            to[i] = from[i] * (norm->gain ? norm->gain[i] : 1) + (norm->bias ? norm->bias[i] : 0);
    }
}

/* Rows of tokens for the hooks, where the norm's own rows are the heads of tokens. */
static struct mat by_token(struct mat m, int64_t cols, int n_heads)
{
    m.cols = m.ld = cols * n_heads;
    m.rows /= n_heads;
    return m;
}

static hooke_status norm_inside(struct pass *p, int layer, struct mat y, struct mat x,
                                const struct norm *norm, struct norm_sites sites, int n_heads)
{
    struct norm bare = *norm;
    struct mat n = mat_f32(p->scratch[0].data, x.rows, x.cols, x.cols), before = n, divisor = p->divisors[0];
    float *divisor_before = p->divisors[1].data;
    bool edited = is_edited(p, layer, sites.scale) || is_edited(p, layer, sites.normalized);
    size_t bytes = (size_t)(n.rows * n.cols) * sizeof(float);
    before.data = p->scratch[1].data;
    bare.gain = bare.bias = NULL;
    divisor.rows = x.rows;
    divisor.cols = divisor.ld = 1;
    RETURN_IF_ERROR(p->ops->normalize(p->ex, &n, divisor.data, &x, &bare));
    RETURN_IF_ERROR(p->ops->normalize(p->ex, &y, NULL, &x, norm)); /* x may be y: not read below */
    if (edited) {
        memcpy(before.data, n.data, bytes);
        memcpy(divisor_before, divisor.data, (size_t)x.rows * sizeof(float));
    }
    RETURN_IF_ERROR(deliver(p, layer, sites.scale, by_token(divisor, 1, n_heads)));
    if (edited) apply_divisors(n, divisor.data, divisor_before);
    RETURN_IF_ERROR(deliver(p, layer, sites.normalized, by_token(n, x.cols, n_heads)));
    if (edited) apply_normalized(y, n, before, norm);
    return HOOKE_OK;
}

hooke_status norm_step(struct pass *p, int layer, struct mat y, struct mat x, const struct norm *norm,
                       struct norm_sites sites, int n_heads)
{
    if (is_hooked(p, layer, sites.scale) || is_hooked(p, layer, sites.normalized))
        return norm_inside(p, layer, y, x, norm, sites, n_heads);
    return p->ops->normalize(p->ex, &y, NULL, &x, norm);
}
