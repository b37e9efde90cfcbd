/* attention_cpu.c: softmax(scale q k' through a soft cap, causal, windowed) v, without the matrix of scores.
 *
 * Unit of work: one head and a tile of queries, about an eighth of them: wide tiles feed the matrix product (it copies the keys each
 * time), narrow ones skip more of what a causal mask leaves out and serve more threads. Keys come in blocks; a running maximum m and sum l per query rescale what was
 * mixed so far ("online softmax": Milakov, Gimelshein, "Online normalizer calculation for softmax", 2018):
 *   m' = max(m, max of block),  f = exp(m - m'),  p = exp(s - m'),  l' = f l + sum p,  z' = f z + p v
 * Blocks start at multiples of KEY_BLOCK and sums run in that order, so bits depend on neither threads nor the tiling of queries.
 *
 * Few queries (generation): one key/value head is a unit; its query heads share each read of keys and values. */
#include "tensor/cpu/ops_cpu.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "tensor/cpu/scratch.h"

enum { QUERY_TILE = 64, WIDEST_TILE = 256, KEY_BLOCK = 512, FEW_QUERIES = 8 };

struct attention_job {
    struct exec *ex;
    const struct kernels *t;
    const struct attention *spec;
    struct mat *z;
    const struct mat *q, *k, *v;
};

/* Keys that query i may see: *lo .. *hi. */
static void allowed(const struct attention *a, int64_t i, int64_t *lo, int64_t *hi)
{
    int64_t pos = a->first_pos + i;
    *hi = pos + 1 < a->n_keys ? pos + 1 : a->n_keys;
    *lo = a->window > 0 && pos - a->window + 1 > 0 ? pos - a->window + 1 : 0;
    if (*lo > *hi) *lo = *hi;
}

static float *head_at(const struct mat *m, int64_t row, int64_t head, int64_t d_head)
{
    return (float *)m->data + row * m->ld + head * d_head;
}

/* Running softmax of one query. */
struct running {
    float max;
    double sum;
};

/* Turns scores s[n] of the keys first .. first + n into weights for query i, zero where not allowed; z[d_head] is rescaled. */
static void weigh(const struct attention_job *j, struct running *run, float *s, int64_t first, int64_t n,
                  int64_t i, float *z)
{
    const struct attention *a = j->spec;
    int64_t lo, hi;
    allowed(a, i, &lo, &hi);
    lo = lo > first ? lo - first : 0;
    hi = hi < first + n ? hi - first : n;
    if (lo >= hi) {
        memset(s, 0, (size_t)n * sizeof *s);
        return;
    }
    j->t->softcap(s + lo, a->scale, a->softcap, hi - lo);
    float block_max = j->t->max(s + lo, hi - lo), before = run->max;
    if (block_max > before) run->max = block_max;
    double sum = j->t->exp_sum(s + lo, run->max, hi - lo);
    memset(s, 0, (size_t)lo * sizeof *s);
    memset(s + hi, 0, (size_t)(n - hi) * sizeof *s);
    if (run->max > before && before > -INFINITY) {
        float f = expf(before - run->max);
        run->sum *= (double)f;
        j->t->scale(z, z, f, a->d_head);
    }
    run->sum += sum;
}

static int64_t block_end(int64_t b, int64_t hi)
{
    int64_t end = (b / KEY_BLOCK + 1) * KEY_BLOCK;
    return end < hi ? end : hi;
}

static hooke_status many_queries(const struct attention_job *j, int64_t head, int64_t q0, int64_t n_q,
                                 float *s)
{
    const struct attention *a = j->spec;
    int64_t d = a->d_head, kv = head / (a->n_heads / a->n_kv_heads), lo, hi, unused;
    struct running run[WIDEST_TILE];
    allowed(a, q0, &lo, &unused);
    allowed(a, q0 + n_q - 1, &unused, &hi);
    for (int64_t i = 0; i < n_q; i++) {
        run[i].max = -INFINITY;
        run[i].sum = 0;
        memset(head_at(j->z, q0 + i, head, d), 0, (size_t)d * sizeof(float));
    }
    for (int64_t b = lo, end; b < hi; b = end) {
        end = block_end(b, hi);
        RETURN_IF_ERROR(j->t->gemm(s, KEY_BLOCK, head_at(j->q, q0, head, d), j->q->ld,
                                   head_at(j->k, b, kv, d), j->k->ld, false, n_q, end - b, d, false));
        for (int64_t i = 0; i < n_q; i++)
            weigh(j, &run[i], s + i * KEY_BLOCK, b, end - b, q0 + i, head_at(j->z, q0 + i, head, d));
        RETURN_IF_ERROR(j->t->gemm(head_at(j->z, q0, head, d), j->z->ld, s, KEY_BLOCK,
                                   head_at(j->v, b, kv, d), j->v->ld, true, n_q, d, end - b, true));
    }
    for (int64_t i = 0; i < n_q; i++) {
        float *z = head_at(j->z, q0 + i, head, d);
        if (run[i].sum > 0) j->t->scale(z, z, (float)(1 / run[i].sum), d);
    }
    return HOOKE_OK;
}

static int64_t tile_queries(const struct attention *a)
{
    int64_t n = QUERY_TILE;
    while (n < WIDEST_TILE && n * 8 < a->n_queries) n *= 2;
    return n;
}

static hooke_status attention_tiles(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct attention_job *j = payload;
    int64_t tile = tile_queries(j->spec), n_tiles = (j->spec->n_queries + tile - 1) / tile;
    float *s; /* [tile, KEY_BLOCK] */
    RETURN_IF_ERROR(scratch_take(j->ex, &s, worker, (size_t)(tile * KEY_BLOCK)));
    for (int64_t u = begin; u < end; u++) {
        /* Last queries first: they have the most keys. */
        int64_t q0 = (n_tiles - 1 - u / j->spec->n_heads) * tile, left = j->spec->n_queries - q0;
        RETURN_IF_ERROR(many_queries(j, u % j->spec->n_heads, q0, left < tile ? left : tile, s));
    }
    return HOOKE_OK;
}

/* One query, all query heads of one key/value head. s [group, KEY_BLOCK]. */
static void one_query(const struct attention_job *j, int64_t kv, int64_t i, struct running *run, float *s)
{
    const struct attention *a = j->spec;
    int64_t d = a->d_head, group = a->n_heads / a->n_kv_heads, lo, hi;
    float *z = head_at(j->z, i, kv * group, d);
    allowed(a, i, &lo, &hi);
    memset(z, 0, (size_t)(group * d) * sizeof *z);
    for (int64_t g = 0; g < group; g++) {
        run[g].max = -INFINITY;
        run[g].sum = 0;
    }
    for (int64_t b = lo, end; b < hi; b = end) {
        end = block_end(b, hi);
        struct lying k = { head_at(j->k, b, kv, d), DT_F32, j->k->ld },
                     v = { head_at(j->v, b, kv, d), DT_F32, j->v->ld };
        j->t->dots(s, KEY_BLOCK, head_at(j->q, i, kv * group, d), d, (int)group, &k, end - b, d, false);
        for (int64_t g = 0; g < group; g++) weigh(j, &run[g], s + g * KEY_BLOCK, b, end - b, i, z + g * d);
        j->t->mixes(z, d, s, KEY_BLOCK, (int)group, &v, d, end - b, true);
    }
    for (int64_t g = 0; g < group; g++)
        if (run[g].sum > 0) j->t->scale(z + g * d, z + g * d, (float)(1 / run[g].sum), d);
}

static hooke_status attention_few(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct attention_job *j = payload;
    int64_t group = j->spec->n_heads / j->spec->n_kv_heads;
    size_t run_floats = (size_t)group * (sizeof(struct running) / sizeof(float));
    float *s;
    RETURN_IF_ERROR(scratch_take(j->ex, &s, worker, (size_t)group * KEY_BLOCK + run_floats));
    for (int64_t u = begin; u < end; u++)
        one_query(j, u % j->spec->n_kv_heads, u / j->spec->n_kv_heads, (void *)(s + group * KEY_BLOCK), s);
    return HOOKE_OK;
}

hooke_status cpu_attention(struct exec *ex, struct mat *z, const struct mat *q, const struct mat *k,
                           const struct mat *v, const struct attention *spec)
{
    struct attention_job job = { ex, ex->kernels, spec, z, q, k, v };
    assert(spec->n_heads % spec->n_kv_heads == 0 && z->cols == (int64_t)spec->n_heads * spec->d_head);
    int n_threads = parallel_worth(ex->n_threads, 2 * spec->n_queries * spec->n_keys * z->cols);
    if (spec->n_queries < FEW_QUERIES)
        return parallel_try(n_threads, spec->n_queries * spec->n_kv_heads, 1, attention_few, &job);
    int64_t tile = tile_queries(spec), n_tiles = (spec->n_queries + tile - 1) / tile;
    return parallel_try(n_threads, n_tiles * spec->n_heads, 1, attention_tiles, &job);
}

/* ---- the three steps, for those who look inside: rows are (head, query) ---- */

static hooke_status scores_of_tile(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct attention_job *j = payload; /* z: the scores */
    const struct attention *a = j->spec;
    int64_t d = a->d_head;
    (void)worker;
    for (int64_t u = begin, n; u < end; u += n) {
        int64_t head = u / a->n_queries, i = u % a->n_queries, kv = head / (a->n_heads / a->n_kv_heads);
        n = a->n_queries - i < end - u ? a->n_queries - i : end - u;
        float *s = (float *)j->z->data + u * j->z->ld;
        RETURN_IF_ERROR(j->t->gemm(s, j->z->ld, head_at(j->q, i, head, d), j->q->ld, head_at(j->k, 0, kv, d),
                                   j->k->ld, false, n, a->n_keys, d, false));
        for (int64_t r = 0; r < n; r++, s += j->z->ld) {
            int64_t lo, hi;
            allowed(a, i + r, &lo, &hi);
            j->t->softcap(s + lo, a->scale, a->softcap, hi - lo);
            for (int64_t c = 0; c < lo; c++) s[c] = -INFINITY;
            for (int64_t c = hi; c < a->n_keys; c++) s[c] = -INFINITY;
        }
    }
    return HOOKE_OK;
}

hooke_status cpu_attention_scores(struct exec *ex, struct mat *scores, const struct mat *q,
                                  const struct mat *k, const struct attention *spec)
{
    struct attention_job job = { ex, ex->kernels, spec, scores, q, k, NULL };
    assert(scores->rows == spec->n_heads * spec->n_queries && scores->cols == spec->n_keys);
    return parallel_try(ex->n_threads, scores->rows, QUERY_TILE, scores_of_tile, &job);
}

static void softmax_some(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct attention_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        float *x = (float *)j->z->data + r * j->z->ld, m = j->t->max(x, j->z->cols);
        if (m == -INFINITY) {
            memset(x, 0, (size_t)j->z->cols * sizeof *x);
            continue;
        }
        double sum = j->t->exp_sum(x, m, j->z->cols);
        j->t->scale(x, x, (float)(1 / sum), j->z->cols);
    }
}

hooke_status cpu_softmax_rows(struct exec *ex, struct mat *x)
{
    struct attention_job job = { ex, ex->kernels, NULL, x, NULL, NULL, NULL };
    parallel_for(ex->n_threads, x->rows, 16, softmax_some, &job);
    return HOOKE_OK;
}

static hooke_status mix_tile(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct attention_job *j = payload; /* q: the pattern */
    const struct attention *a = j->spec;
    int64_t d = a->d_head;
    (void)worker;
    for (int64_t u = begin, n; u < end; u += n) {
        int64_t head = u / a->n_queries, i = u % a->n_queries, kv = head / (a->n_heads / a->n_kv_heads);
        n = a->n_queries - i < end - u ? a->n_queries - i : end - u;
        RETURN_IF_ERROR(j->t->gemm(head_at(j->z, i, head, d), j->z->ld, (float *)j->q->data + u * j->q->ld,
                                   j->q->ld, head_at(j->v, 0, kv, d), j->v->ld, true, n, d, a->n_keys,
                                   false));
    }
    return HOOKE_OK;
}

hooke_status cpu_attention_mix(struct exec *ex, struct mat *z, const struct mat *pattern, const struct mat *v,
                               const struct attention *spec)
{
    struct attention_job job = { ex, ex->kernels, spec, z, pattern, NULL, v };
    assert(pattern->rows == spec->n_heads * spec->n_queries && pattern->cols == spec->n_keys);
    return parallel_try(ex->n_threads, pattern->rows, QUERY_TILE, mix_tile, &job);
}
