/* neighbours.c: the decoder rows nearest by cosine to one feature's. One sweep over W_dec, a few rows at a time; no matrix of
 * cosines. Ties go to the lower feature. */
#include "dict/dict.h"

#include <math.h>
#include <string.h>

enum { CHUNK_ROWS = 32 };

struct sweep {
    const struct hooke_dict *d;
    const float *query; /* [d_out] */
    float *cosine;      /* [d_dict] */
};

static hooke_status sweep_chunk(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct sweep *s = payload;
    int64_t width = s->d->info.d_out;
    (void)worker;
    float *rows = mem_alloc_raw((size_t)CHUNK_ROWS * (size_t)width, sizeof *rows); /* [CHUNK_ROWS, d_out] */
    RETURN_IF(!rows, HOOKE_E_MEMORY, "%s: out of memory for decoder rows", s->d->info.path);
    hooke_status st = dict_decoder_rows(s->d, begin, end - begin, rows);
    double query = sqrt(row_dot(s->query, s->query, width));
    for (int64_t i = begin; st == HOOKE_OK && i < end; i++) {
        const float *row = rows + (i - begin) * width;
        double norms = sqrt(row_dot(row, row, width)) * query;
        s->cosine[i] = norms > 0 ? (float)(row_dot(row, s->query, width) / norms)
                                 : 0.0f; /* a zero row is near nothing */
    }
    mem_free(rows);
    return st;
}

/* Inserts feature f into the n best so far (best first); *count of them are filled. */
static void insert_best(int32_t *out, float *cosine, int *count, int n, int32_t f, float c)
{
    if (isnan(c) || (*count == n && c <= cosine[n - 1])) return;
    int at = *count < n ? (*count)++ : n - 1;
    while (at > 0 && cosine[at - 1] < c) {
        out[at] = out[at - 1];
        cosine[at] = cosine[at - 1];
        at--;
    }
    out[at] = f;
    cosine[at] = c;
}

static hooke_status nearest(struct hooke_dict *d, int32_t feature, int32_t *out, float *cosine, int n,
                            float *query, float *all)
{
    struct sweep s = { d, query, all };
    int count = 0;
    RETURN_IF_ERROR(dict_decoder_rows(d, feature, 1, query));
    RETURN_IF_ERROR(parallel_try(d->ctx->exec.n_threads, d->info.d_dict, CHUNK_ROWS, sweep_chunk, &s));
    for (int32_t f = 0; f < d->info.d_dict; f++)
        if (f != feature) insert_best(out, cosine, &count, n, f, all[f]);
    RETURN_IF(count < n, HOOKE_E_FORMAT, "%s: only %d decoder rows can be compared with feature %d's",
              d->info.path, count, feature);
    return HOOKE_OK;
}

hooke_status hooke_dict_neighbours(hooke_dict *d, int32_t feature, int32_t *out, float *cosine, int n)
{
    RETURN_IF(!d || n < 0 || (n > 0 && (!out || !cosine)), HOOKE_E_ARGUMENT,
              "neighbours: dictionary or outputs are NULL");
    RETURN_IF(feature < 0 || feature >= d->info.d_dict, HOOKE_E_ARGUMENT, "%s: feature %d is outside 0 .. %d",
              d->info.path, feature, d->info.d_dict - 1);
    RETURN_IF(n >= d->info.d_dict, HOOKE_E_ARGUMENT, "%s: %d neighbours of %d features", d->info.path, n,
              d->info.d_dict);
    if (n == 0) return HOOKE_OK;
    float *query = mem_alloc_raw((size_t)d->info.d_out, sizeof *query);
    float *all = mem_alloc_raw((size_t)d->info.d_dict, sizeof *all);
    hooke_status st = query && all ? nearest(d, feature, out, cosine, n, query, all)
                                   : fail(HOOKE_E_MEMORY, "%s: out of memory for cosines", d->info.path);
    mem_free(query);
    mem_free(all);
    return st;
}
