/* rewrite_rows.c: what happens to a row before the encoder sees it (spec 1.2, 1.3).
 *
 *   centring      x - mean(x)                         models whose residual stream was centred (center_writing_weights)
 *   scale         s * x                               activation scale that was never folded into the file
 *   constant norm x * sqrt(d) / |x|                   a zero row stays zero with factor 1
 *   layer norm    (x - mean) / (std + 1e-5)           std with n - 1; the epsilon is added to std and is not undone
 *   b_dec         - b_dec                             lives in the normalised space, hence last
 *
 * What decode undoes is y * scale + mean, one pair a row. */
#include "dict/dict.h"

#include <math.h>

static const double LAYER_NORM_EPS = 1e-5; /* SAELens */

bool dict_keeps_norms(const struct hooke_dict *d)
{
    enum dict_normalize n = d->config.normalize;
    bool changes = d->config.center_input || n == NORMALIZE_CONSTANT_NORM || n == NORMALIZE_LAYER_NORM;
    return changes && !d->arch->is_transcoder; /* a transcoder's output is another site: nothing to undo */
}

bool dict_rewrites_rows(const struct hooke_dict *d)
{
    enum dict_normalize n = d->config.normalize;
    return d->b_dec_in.data || d->input_scale != 1.0f || d->config.center_input ||
           n == NORMALIZE_CONSTANT_NORM || n == NORMALIZE_LAYER_NORM;
}

static double row_mean(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += (double)x[j];
    return sum / (double)n;
}

/* sqrt(sum of (x - mean)^2 / divisor) */
static double row_deviation(const float *x, int64_t n, double mean, double divisor)
{
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += ((double)x[j] - mean) * ((double)x[j] - mean);
    return sqrt(sum / divisor);
}

static void rewrite_row(const struct hooke_dict *d, float *out, float *mean, float *scale, const float *x)
{
    int64_t n = d->info.d_in;
    enum dict_normalize kind = d->config.normalize;
    double shift = 0, by = (double)d->input_scale, undo = 1;
    if (d->config.center_input || kind == NORMALIZE_LAYER_NORM) shift = row_mean(x, n);
    if (kind == NORMALIZE_LAYER_NORM) {
        undo = n > 1 ? row_deviation(x, n, shift, (double)(n - 1)) : 0;
        by = 1 / (undo + LAYER_NORM_EPS);
    } else if (kind == NORMALIZE_CONSTANT_NORM) {
        undo = row_deviation(x, n, shift, (double)n); /* |x - shift| / sqrt(n) */
        if (undo == 0) undo = 1;
        by = 1 / undo;
    }
    for (int64_t j = 0; j < n; j++) out[j] = (float)(((double)x[j] - shift) * by);
    if (d->b_dec_in.data)
        for (int64_t j = 0; j < n; j++) out[j] -= d->b_dec_in.data[j];
    if (mean) *mean = (float)shift;
    if (scale) *scale = (float)undo;
}

struct rewrite_job {
    const struct hooke_dict *d;
    float *out, *mean, *scale;
    const float *x;
    int64_t ld;
};

static void rewrite_chunk(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct rewrite_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++)
        rewrite_row(j->d, j->out + r * j->d->info.d_in, j->mean ? j->mean + r : NULL,
                    j->scale ? j->scale + r : NULL, j->x + r * j->ld);
}

void dict_rewrite_rows(const struct hooke_dict *d, float *out, float *mean, float *scale, const float *x,
                       int64_t n, int64_t ld)
{
    struct rewrite_job job = { d, out, mean, scale, x, ld };
    parallel_for(d->ctx->exec.n_threads, n, 16, rewrite_chunk, &job);
}
