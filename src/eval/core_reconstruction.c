/* core_reconstruction.c: reconstruction quality, shrinkage, sparsity and feature densities of batches of activations.
 *
 * SAEBench's explained_variance subtracts the square of a mean of squares where the square of the mean was meant, and its mse
 * divides by the number of tokens twice. Both are reproduced: published tables hold them. explained_variance_exact is the variance
 * about the mean. */
#include "eval/core_metrics.h"

#include <math.h>

#include "base/parallel.h"

enum { ROW_GRAIN = 16, COLUMN_GRAIN = 64 };

/* Sums over the columns of one row. */
struct row_sums {
    double square_in, square_out, dot, square_error, square_centred;
};

struct reconstruction_job {
    const struct core_batch *batch;
    int64_t d, n_rows;
    double *mean; /* [d] of the batch's kept rows */
    int64_t n_kept;
    struct row_sums *rows; /* [n_rows] */
};

hooke_status core_reconstruction_init(struct core_reconstruction *r, int64_t d, int64_t n_features)
{
    *r = (struct core_reconstruction){ .d = d, .n_features = n_features };
    hooke_status st = mem_take((void **)&r->sum_in, (size_t)d, sizeof *r->sum_in, "activation sums");
    if (st == HOOKE_OK)
        st = mem_take((void **)&r->n_active, (size_t)n_features, sizeof *r->n_active, "feature counts");
    if (st == HOOKE_OK)
        st = mem_take((void **)&r->n_contexts, (size_t)n_features, sizeof *r->n_contexts, "feature counts");
    if (st == HOOKE_OK)
        st = mem_take((void **)&r->last_context, (size_t)n_features, sizeof *r->last_context,
                      "feature counts");
    if (st != HOOKE_OK) core_reconstruction_release(r);
    return st;
}

void core_reconstruction_release(struct core_reconstruction *r)
{
    mem_free(r->sum_in);
    mem_free(r->n_active);
    mem_free(r->n_contexts);
    mem_free(r->last_context);
    *r = (struct core_reconstruction){ 0 };
}

static void column_means(void *payload, int64_t begin, int64_t end, int worker)
{
    struct reconstruction_job *job = payload;
    const struct core_batch *b = job->batch;
    (void)worker;
    for (int64_t r = 0; r < job->n_rows; r++) {
        if (!b->keep[r]) continue;
        const float *x = b->x + r * b->ld_x;
        for (int64_t c = begin; c < end; c++) job->mean[c] += (double)x[c];
    }
    for (int64_t c = begin; c < end; c++) job->mean[c] /= (double)job->n_kept;
}

static void row_reductions(void *payload, int64_t begin, int64_t end, int worker)
{
    struct reconstruction_job *job = payload;
    const struct core_batch *b = job->batch;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        if (!b->keep[r]) continue;
        const float *x = b->x + r * b->ld_x, *y = b->y + r * b->ld_y;
        struct row_sums s = { 0 };
        for (int64_t c = 0; c < job->d; c++) {
            double u = (double)x[c], v = (double)y[c], e = (double)(x[c] - y[c]), w = u - job->mean[c];
            s.square_in += u * u;
            s.square_out += v * v;
            s.dot += u * v;
            s.square_error += e * e;
            s.square_centred += w * w;
        }
        job->rows[r] = s;
    }
}

static void add_tokens(struct core_reconstruction *r, const struct reconstruction_job *job)
{
    double n = (double)job->n_kept, in = 0.0, out = 0.0, dot = 0.0, error = 0.0;
    for (int64_t i = 0; i < job->n_rows; i++) {
        if (!job->batch->keep[i]) continue;
        const struct row_sums *s = &job->rows[i];
        double norm_in = sqrt(s->square_in), norm_out = sqrt(s->square_out);
        r->norm_in += norm_in;
        r->norm_out += norm_out;
        r->norm_ratio += norm_out / (norm_in < 1e-4 ? 1.0 : norm_in);
        r->cossim += s->dot / (norm_in * norm_out);
        r->mse += s->square_error / n;
        r->variance_legacy += 1.0 - s->square_error / s->square_centred;
        in += s->square_in;
        out += s->square_out;
        dot += s->dot;
        error += s->square_error;
    }
    r->bias += (out / n) / (dot / n);
    r->square_in += in / n;
    r->square_error += error / n;
    r->total_square_in += in;
    r->total_square_error += error;
    for (int64_t c = 0; c < job->d; c++) r->sum_in[c] += job->mean[c] * n;
    r->n_tokens += job->n_kept;
    r->n_batches++;
}

static void add_codes(struct core_reconstruction *r, const struct core_batch *b)
{
    for (int64_t row = 0; row < b->n_contexts * b->n_ctx; row++) {
        if (!b->keep[row]) continue;
        int64_t context = r->contexts_seen + row / b->n_ctx + 1;
        double sum = 0.0;
        for (int64_t i = b->codes->indptr[row]; i < b->codes->indptr[row + 1]; i++) {
            int32_t feature = b->codes->indices[i];
            sum += (double)b->codes->values[i];
            if (!(b->codes->values[i] > 0.0f)) continue;
            r->n_active[feature]++;
            r->n_contexts[feature] += r->last_context[feature] != context;
            r->last_context[feature] = context;
        }
        r->l0 += (double)(b->codes->indptr[row + 1] - b->codes->indptr[row]);
        r->l1 += sum;
    }
    r->contexts_seen += b->n_contexts;
}

hooke_status core_reconstruction_add(struct core_reconstruction *r, const struct core_batch *batch,
                                     int n_threads)
{
    struct reconstruction_job job = { .batch = batch, .d = r->d, .n_rows = batch->n_contexts * batch->n_ctx };
    for (int64_t i = 0; i < job.n_rows; i++) job.n_kept += batch->keep[i] != 0;
    RETURN_IF_ERROR(mem_take((void **)&job.mean, (size_t)r->d, sizeof *job.mean, "batch mean"));
    hooke_status st = mem_take((void **)&job.rows, (size_t)job.n_rows, sizeof *job.rows, "row sums");
    if (st == HOOKE_OK) {
        parallel_for(n_threads, r->d, COLUMN_GRAIN, column_means, &job);
        parallel_for(n_threads, job.n_rows, ROW_GRAIN, row_reductions, &job);
        add_tokens(r, &job);
        add_codes(r, batch);
    }
    mem_free(job.mean);
    mem_free(job.rows);
    return st;
}

/* 1 - sum |e|^2 / sum |x - mean|^2 over all tokens; without variance 1 for a perfect copy, else 0. */
static double variance_exact(const struct core_reconstruction *r)
{
    double n = (double)r->n_tokens, square_mean = 0.0;
    for (int64_t c = 0; c < r->d; c++) square_mean += (r->sum_in[c] / n) * (r->sum_in[c] / n);
    double variance = r->total_square_in / n - square_mean, error = r->total_square_error / n;
    if (variance < 1e-10) return error < 1e-10 ? 1.0 : 0.0;
    return 1.0 - error / variance;
}

static void finish_features(const struct core_reconstruction *r, float *density, float *heuristic)
{
    for (int64_t i = 0; i < r->n_features; i++) {
        density[i] = (float)r->n_active[i] / (float)r->n_tokens;
        heuristic[i] = (float)r->n_active[i] / (float)r->n_contexts[i];
    }
}

void core_reconstruction_finish(const struct core_reconstruction *r, hooke_core_metrics *m, float *density,
                                float *heuristic)
{
    double n = (double)r->n_tokens, batches = (double)r->n_batches;
    double square_in = r->square_in / batches, square_error = r->square_error / batches;
    double mean_square = square_in / (double)r->d; /* what SAEBench takes for the mean activation */
    m->l2_norm_in = r->norm_in / n;
    m->l2_norm_out = r->norm_out / n;
    m->l2_ratio = r->norm_ratio / n;
    m->relative_reconstruction_bias = r->bias / batches;
    m->l0 = r->l0 / n;
    m->l1 = r->l1 / n;
    m->mse = r->mse / n;
    m->cossim = r->cossim / n;
    m->explained_variance_legacy = r->variance_legacy / n;
    m->explained_variance = 1.0 - square_error / (square_in - mean_square * mean_square);
    m->explained_variance_exact = variance_exact(r);
    finish_features(r, density, heuristic);
}

double core_mean(const float *x, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i];
    return sum / (double)n;
}

void core_frequencies(hooke_core_metrics *m, const float *density, int64_t n)
{
    double alive = 0.0, over1 = 0.0, over10 = 0.0, sum = 0.0, sum1 = 0.0, sum10 = 0.0;
    for (int64_t i = 0; i < n; i++) {
        float p = density[i]; /* NaN compares false everywhere and poisons the sum, as in SAEBench */
        alive += p > 0.0f;
        over1 += p > 0.01f;
        over10 += p > 0.1f;
        sum += (double)p;
        if (p > 0.01f) sum1 += (double)p;
        if (p > 0.1f) sum10 += (double)p;
    }
    m->frac_alive = alive / (double)n;
    m->freq_over_1_percent = over1 / (double)n;
    m->freq_over_10_percent = over10 / (double)n;
    m->normalized_freq_over_1_percent = sum > 0.0 ? sum1 / sum : 0.0;
    m->normalized_freq_over_10_percent = sum > 0.0 ? sum10 / sum : 0.0;
}
