/* core_behaviour.c: cross-entropy and KL divergence of rows of logits.
 *
 * With lse = log(sum(exp(x))) a row needs one exponential a logit and pass:
 *
 *   CE(t) = lse - x[next]
 *   KL    = sum_v p_v (x_v - y_v) - (lse_x - lse_y),   p = softmax(x)
 *
 * SAEBench computes KL as softmax, then log, then product. The two agree until a probability underflows: an original probability
 * of 0 makes 0 * -inf = NaN, a new one of 0 makes +inf. Those cases are told from the smallest logit, without the logarithms. */
#include "eval/core_metrics.h"

#include <math.h>

#include "base/parallel.h"

/* Half of the smallest positive float: log probabilities below this round to 0 (-150 log 2). */
static const double LOG_UNDERFLOW = -103.97207708399179;
enum { BLOCK = 512, LANES = 16 }; /* logits whose float sum is then added to a double; see row_range() */

struct row_values {
    double ce[N_PASSES], kl[N_PASSES], kl_exact[N_PASSES];
};

struct behaviour_job {
    const float *const *logits;
    int64_t d_vocab;
    const int32_t *next;
    struct row_values *rows; /* [n_rows] */
};

/* exp(x) for x <= 0, within 2 ulp, no branches so that the loops around it vectorise; below -87 it stays at 1.6e-38, which no sum
 * here can see. 2^n * polynomial on [-log(2)/2, log(2)/2]. */
static inline float exp_nonpositive(float x)
{
    float c = x < -87.0f ? -87.0f : x;
    float n = (c * 1.44269504f + 12582912.0f) - 12582912.0f; /* to the nearest integer: 1.5 * 2^23 */
    float r = (c - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union {
        int32_t i;
        float f;
    } scale = { .i = ((int32_t)n + 127) << 23 };
    return p * scale.f;
}

/* In lanes, so that the loop vectorises: a running minimum of floats may not be split otherwise. */
static void row_range(const float *x, int64_t n, float *low, float *high)
{
    float a[LANES], b[LANES];
    int64_t i = 0;
    for (int k = 0; k < LANES; k++) a[k] = b[k] = x[0];
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) {
            a[k] = x[i + k] < a[k] ? x[i + k] : a[k];
            b[k] = x[i + k] > b[k] ? x[i + k] : b[k];
        }
    for (; i < n; i++) {
        a[0] = x[i] < a[0] ? x[i] : a[0];
        b[0] = x[i] > b[0] ? x[i] : b[0];
    }
    *low = a[0];
    *high = b[0];
    for (int k = 1; k < LANES; k++) {
        *low = a[k] < *low ? a[k] : *low;
        *high = b[k] > *high ? b[k] : *high;
    }
}

static double sum_exp(const float *x, int64_t n, float high)
{
    double total = 0.0;
    for (int64_t begin = 0; begin < n; begin += BLOCK) {
        int64_t end = begin + BLOCK < n ? begin + BLOCK : n;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = begin; i < end; i++) sum += exp_nonpositive(x[i] - high);
        total += (double)sum;
    }
    return total;
}

/* sum_v exp(x_v - high) * (x_v - y_v) */
static double sum_weighted(const float *x, const float *y, int64_t n, float high)
{
    double total = 0.0;
    for (int64_t begin = 0; begin < n; begin += BLOCK) {
        int64_t end = begin + BLOCK < n ? begin + BLOCK : n;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = begin; i < end; i++) sum += exp_nonpositive(x[i] - high) * (x[i] - y[i]);
        total += (double)sum;
    }
    return total;
}

static void one_row(const struct behaviour_job *job, int64_t r)
{
    struct row_values *out = &job->rows[r];
    float low[N_PASSES], high[N_PASSES];
    double total[N_PASSES], lse[N_PASSES];
    const float *x[N_PASSES];
    for (int p = 0; p < N_PASSES; p++) {
        x[p] = job->logits[p] + r * job->d_vocab;
        row_range(x[p], job->d_vocab, &low[p], &high[p]);
        total[p] = sum_exp(x[p], job->d_vocab, high[p]);
        lse[p] = (double)high[p] + log(total[p]);
        if (job->next[r] >= 0) out->ce[p] = lse[p] - (double)x[p][job->next[r]];
    }
    for (int p = PASS_SAE; p < N_PASSES; p++) {
        double weighted =
            sum_weighted(x[PASS_CLEAN], x[p], job->d_vocab, high[PASS_CLEAN]) / total[PASS_CLEAN];
        out->kl_exact[p] = weighted - (lse[PASS_CLEAN] - lse[p]);
        out->kl[p] = out->kl_exact[p];
        if ((double)low[p] - lse[p] < LOG_UNDERFLOW) out->kl[p] = (double)INFINITY;
        if ((double)low[PASS_CLEAN] - lse[PASS_CLEAN] < LOG_UNDERFLOW) out->kl[p] = (double)NAN;
    }
}

static void some_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    for (int64_t r = begin; r < end; r++) one_row(payload, r);
}

hooke_status core_behaviour_add(struct core_behaviour *b, const float *const logits[N_PASSES], int64_t n_rows,
                                int64_t d_vocab, const int32_t *next, int n_threads)
{
    struct row_values *rows;
    RETURN_IF_ERROR(mem_take((void **)&rows, (size_t)n_rows, sizeof *rows, "values of logit rows"));
    struct behaviour_job job = { .logits = logits, .d_vocab = d_vocab, .next = next, .rows = rows };
    parallel_for(n_threads, n_rows, 1, some_rows, &job);
    for (int64_t r = 0; r < n_rows; r++) {
        for (int p = 0; p < N_PASSES; p++) {
            b->ce[p] += rows[r].ce[p];
            b->kl[p] += rows[r].kl[p];
            b->kl_exact[p] += rows[r].kl_exact[p];
        }
        b->n_ce += next[r] >= 0;
        b->n_kl++;
    }
    mem_free(rows);
    return HOOKE_OK;
}

void core_behaviour_finish(const struct core_behaviour *b, hooke_core_metrics *m)
{
    double ce[N_PASSES], kl[N_PASSES]; /* 0 / 0 is NaN: no tokens, no number */
    for (int p = 0; p < N_PASSES; p++) {
        ce[p] = b->ce[p] / (double)b->n_ce;
        kl[p] = b->kl[p] / (double)b->n_kl;
    }
    m->ce_loss_without_sae = ce[PASS_CLEAN];
    m->ce_loss_with_sae = ce[PASS_SAE];
    m->ce_loss_with_ablation = ce[PASS_ABLATED];
    m->ce_loss_score = (ce[PASS_ABLATED] - ce[PASS_SAE]) / (ce[PASS_ABLATED] - ce[PASS_CLEAN]);
    m->kl_div_with_sae = kl[PASS_SAE];
    m->kl_div_with_ablation = kl[PASS_ABLATED];
    m->kl_div_score = (kl[PASS_ABLATED] - kl[PASS_SAE]) / kl[PASS_ABLATED];
    m->kl_div_with_sae_exact = b->kl_exact[PASS_SAE] / (double)b->n_kl;
    m->kl_div_with_ablation_exact = b->kl_exact[PASS_ABLATED] / (double)b->n_kl;
}
