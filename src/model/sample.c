#include "model/sample.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static hooke_status largest(int64_t *out, const float *logits, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 0; i < n; i++) {
        RETURN_IF(isnan(logits[i]), HOOKE_E_FORMAT,
                  "logit %" PRId64 " is NaN: the model's weights or an edit hold NaN", i);
        if (logits[i] > logits[best]) best = i;
    }
    RETURN_IF(n == 0 || !isfinite(logits[best]), HOOKE_E_FORMAT, "no finite logit");
    *out = best;
    return HOOKE_OK;
}

static int by_weight(const void *a, const void *b)
{
    const struct sample_weight *x = a, *y = b;
    if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Where u falls among weights that add up to `total`; the last one when rounding leaves a rest. */
static int32_t pick(const struct sample_weight *w, int64_t n, double total, double u)
{
    double target = u * total, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += w[i].weight;
        if (target < sum) return w[i].id;
    }
    while (n > 1 && w[n - 1].weight == 0) n--;
    return w[n - 1].id;
}

/* The likeliest tokens, sorted, that reach top_p of total. A vocabulary is not sorted whole: only tokens within a growing
 * distance of the best are looked at, until they suffice. */
static int64_t nucleus(struct sample_weight *kept, const float *logits, int64_t n, double top,
                       double temperature, double needed)
{
    for (double reach = 4;; reach *= 2) {
        double sum = 0;
        int64_t m = 0;
        for (int64_t i = 0; i < n; i++) {
            double x = ((double)logits[i] - top) / temperature;
            if (x < -reach) continue;
            kept[m].weight = exp(x);
            kept[m].id = (int32_t)i;
            sum += kept[m++].weight;
        }
        if (sum < needed && reach < 1000) continue;
        qsort(kept, (size_t)m, sizeof *kept, by_weight);
        int64_t k = 0;
        for (sum = 0; k < m && sum < needed; k++) sum += kept[k].weight;
        return k > 0 ? k : 1;
    }
}

hooke_status sample_token(int32_t *out, const float *logits, int64_t n, double temperature, double top_p,
                          double u, struct sample_weight *scratch)
{
    int64_t best = 0;
    RETURN_IF_ERROR(largest(&best, logits, n));
    *out = (int32_t)best;
    if (!(temperature > 0)) return HOOKE_OK;
    double top = (double)logits[best], total = 0;
    for (int64_t i = 0; i < n; i++) {
        scratch[i].weight = exp(((double)logits[i] - top) / temperature);
        scratch[i].id = (int32_t)i;
        total += scratch[i].weight;
    }
    int64_t m = n;
    if (top_p > 0 && top_p < 1) {
        m = nucleus(scratch, logits, n, top, temperature, top_p * total);
        total = 0;
        for (int64_t i = 0; i < m; i++) total += scratch[i].weight;
    }
    *out = pick(scratch, m, total, u);
    return HOOKE_OK;
}
