/* dict_check.c: the self-check: reads every weight once and says what is odd. Things that make results wrong (values that are not
 * finite) are failures; things worth knowing (dead rows, negative thresholds) are findings only. */
#include "dict/dict.h"

#include <math.h>
#include <string.h>

enum { CHUNK_ITEMS = 1 << 14 };

struct finding {
    int64_t n_bad, first_bad; /* values that are not finite; flat index of the first */
    int64_t n_negative;
};

struct scan {
    const struct stored_tensor *t;
    struct finding *chunks; /* one a chunk */
};

/* NaN and infinities have all exponent bits set. Counted without a branch; positions are looked for only where there are any. */
static void scan_values(struct finding *f, const float *x, int64_t n, int64_t begin)
{
    int32_t n_bad = 0, n_negative = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        n_bad += (bits & 0x7F800000u) == 0x7F800000u;
        n_negative += x[i] < 0;
    }
    f->n_bad = n_bad;
    f->n_negative = n_negative;
    for (int64_t i = 0; n_bad && i < n; i++) {
        if (isfinite(x[i])) continue;
        f->first_bad = begin + i;
        return;
    }
}

static hooke_status scan_chunk(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct scan *s = payload;
    float x[CHUNK_ITEMS];
    (void)worker;
    RETURN_IF_ERROR(stored_to_f32(x, s->t, begin, end - begin));
    scan_values(&s->chunks[begin / CHUNK_ITEMS], x, end - begin, begin);
    return HOOKE_OK;
}

static hooke_status scan_tensor(struct finding *out, int n_threads, const struct stored_tensor *t)
{
    int64_t n_chunks = (t->n_items + CHUNK_ITEMS - 1) / CHUNK_ITEMS;
    struct scan s = { .t = t };
    *out = (struct finding){ 0 };
    s.chunks = mem_alloc((size_t)n_chunks, sizeof *s.chunks);
    RETURN_IF(!s.chunks, HOOKE_E_MEMORY, "check: out of memory");
    hooke_status st = parallel_try(n_threads, t->n_items, CHUNK_ITEMS, scan_chunk, &s);
    for (int64_t i = 0; i < n_chunks; i++) {
        if (s.chunks[i].n_bad && !out->n_bad) out->first_bad = s.chunks[i].first_bad;
        out->n_bad += s.chunks[i].n_bad;
        out->n_negative += s.chunks[i].n_negative;
    }
    mem_free(s.chunks);
    return st;
}

static hooke_status put_position(hooke_text *t, const struct stored_tensor *s, int64_t at)
{
    if (s->n_dims != 2) return text_printf(t, "[%lld]", (long long)at);
    return text_printf(t, "[%lld, %lld]", (long long)(at / s->shape[1]), (long long)(at % s->shape[1]));
}

static hooke_status put_tensor(hooke_text *t, const struct stored_tensor *s)
{
    RETURN_IF_ERROR(text_printf(t, "%s: %s [", s->name, dtype_name(s->dtype)));
    for (int i = 0; i < s->n_dims; i++)
        RETURN_IF_ERROR(text_printf(t, "%s%lld", i ? ", " : "", (long long)s->shape[i]));
    return text_puts(t, "]");
}

static hooke_status check_tensor(const struct hooke_dict *d, hooke_text *report, enum dict_param p,
                                 int64_t *n_bad)
{
    const struct stored_tensor *t = d->param[p];
    struct finding f;
    RETURN_IF_ERROR(scan_tensor(&f, d->ctx->exec.n_threads, t));
    RETURN_IF_ERROR(put_tensor(report, t));
    *n_bad += f.n_bad;
    if (f.n_bad) {
        RETURN_IF_ERROR(
            text_printf(report, ", %lld values are not finite, the first at ", (long long)f.n_bad));
        RETURN_IF_ERROR(put_position(report, t, f.first_bad));
    } else {
        RETURN_IF_ERROR(text_puts(report, ", all finite"));
    }
    if (p == P_THRESHOLD && f.n_negative)
        RETURN_IF_ERROR(text_printf(report, ", %lld below zero (they act as zero)", (long long)f.n_negative));
    return text_puts(report, "\n");
}

/* Norms as the file has them, whatever form was asked for. */
static hooke_status put_norms(hooke_text *report, const float *norms, int n)
{
    double sum = 0;
    int low = 0, high = 0, n_dead = 0, n_unit = 0;
    for (int i = 0; i < n; i++) {
        sum += (double)norms[i];
        if (norms[i] < norms[low]) low = i;
        if (norms[i] > norms[high]) high = i;
        n_dead += norms[i] < 1e-8f;
        n_unit += fabsf(norms[i] - 1.0f) < 1e-3f;
    }
    RETURN_IF_ERROR(text_printf(report,
                                "decoder norms: min %.6g (feature %d), mean %.6g, max %.6g (feature %d)",
                                (double)norms[low], low, sum / n, (double)norms[high], high));
    if (n_unit == n) RETURN_IF_ERROR(text_puts(report, ", all of length 1"));
    if (n_dead)
        RETURN_IF_ERROR(text_printf(report, ", %d rows are zero: these features write nothing", n_dead));
    return text_puts(report, "\n");
}

static hooke_status check_norms(const struct hooke_dict *d, hooke_text *report)
{
    float *norms = mem_alloc((size_t)d->info.d_dict, sizeof *norms);
    RETURN_IF(!norms, HOOKE_E_MEMORY, "check: out of memory");
    hooke_status st = dict_stored_norms(d, norms);
    if (st == HOOKE_OK) st = put_norms(report, norms, d->info.d_dict);
    mem_free(norms);
    return st;
}

hooke_status hooke_dict_check(hooke_dict *d, hooke_text *report)
{
    RETURN_IF(!d || !report, HOOKE_E_ARGUMENT, "check: dictionary or report is NULL");
    int64_t n_bad = 0, before = 0;
    const char *first = "";
    text_clear(report);
    RETURN_IF_ERROR(text_printf(report, "architecture %s, d_in %d, d_out %d, d_dict %d: shapes agree\n",
                                d->info.architecture, d->info.d_in, d->info.d_out, d->info.d_dict));
    for (int p = 0; p < N_PARAMS; p++) {
        if (!d->param[p]) continue;
        RETURN_IF_ERROR(check_tensor(d, report, (enum dict_param)p, &n_bad));
        if (n_bad && !before) first = d->param[p]->name;
        before = n_bad;
    }
    RETURN_IF_ERROR(check_norms(d, report));
    RETURN_IF(n_bad, HOOKE_E_FORMAT, "%s: %lld weights are not finite, first in tensor '%s'", d->info.path,
              (long long)n_bad, first);
    return HOOKE_OK;
}
