/* core_weights.c: norms and cosines of a dictionary's encoder and decoder rows.
 *
 * The nearest-neighbour cosines need every pair of rows: tiles of TILE x TILE cosines come from the matrix product, each pair of
 * blocks once, and are reduced along both sides. Memory is two blocks of rows and a tile, however wide the dictionary. */
#include "eval/core_metrics.h"

#include <math.h>

#include "base/parallel.h"

enum { TILE = 2048, ROW_GRAIN = 16, COLUMN_GRAIN = 128 };

struct cosine_job {
    struct exec ex;
    float *out; /* [n_rows], maxima so far */
    core_rows_fn rows;
    const void *source;
    int64_t n_rows, width;
    float *block[2];        /* [TILE, width] unit rows */
    float *tile;            /* [TILE, TILE] */
    int64_t first[2], n[2]; /* rows the blocks hold */
};

struct normalize_job {
    float *rows;
    int64_t width;
};

static double square_sum(const float *x, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static void normalize_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    struct normalize_job *job = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        float *x = job->rows + r * job->width;
        float norm = (float)sqrt(square_sum(x, job->width)), divisor = norm < 1e-12f ? 1e-12f : norm;
        for (int64_t c = 0; c < job->width; c++) x[c] /= divisor;
    }
}

static hooke_status load_block(struct cosine_job *job, int side, int64_t first)
{
    int64_t n = job->n_rows - first < TILE ? job->n_rows - first : TILE;
    RETURN_IF_ERROR(job->rows(job->source, first, n, job->block[side]));
    struct normalize_job normalize = { .rows = job->block[side], .width = job->width };
    parallel_for(job->ex.n_threads, n, ROW_GRAIN, normalize_rows, &normalize);
    job->first[side] = first;
    job->n[side] = n;
    return HOOKE_OK;
}

static void reduce_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    struct cosine_job *job = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const float *t = job->tile + r * TILE;
        int64_t self =
            job->first[0] + r - job->first[1]; /* column of the row's cosine with itself, if in this tile */
        float best = job->out[job->first[0] + r];
        for (int64_t c = 0; c < job->n[1]; c++)
            if (c != self && t[c] > best) best = t[c];
        job->out[job->first[0] + r] = best;
    }
}

static void reduce_columns(void *payload, int64_t begin, int64_t end, int worker)
{
    struct cosine_job *job = payload;
    float *best = job->out + job->first[1];
    (void)worker;
    for (int64_t r = 0; r < job->n[0]; r++) {
        const float *t = job->tile + r * TILE;
        for (int64_t c = begin; c < end; c++)
            if (t[c] > best[c]) best[c] = t[c];
    }
}

static hooke_status one_tile(struct cosine_job *job)
{
    int columns = job->first[0] == job->first[1] ? 0 : 1; /* on the diagonal one block is both sides */
    struct mat x = mat_f32(job->block[0], job->n[0], job->width, job->width);
    struct mat y = mat_f32(job->tile, job->n[0], job->n[1], TILE);
    struct weight w = { .m = mat_f32(job->block[columns], job->n[1], job->width, job->width) };
    RETURN_IF_ERROR(job->ex.ops->matmul(&job->ex, &y, &x, &w, false));
    parallel_for(job->ex.n_threads, job->n[0], ROW_GRAIN, reduce_rows, job);
    if (columns == 1) parallel_for(job->ex.n_threads, job->n[1], COLUMN_GRAIN, reduce_columns, job);
    return HOOKE_OK;
}

static hooke_status all_tiles(struct cosine_job *job)
{
    for (int64_t i = 0; i < job->n_rows; i++) job->out[i] = job->n_rows > 1 ? -INFINITY : NAN;
    if (job->n_rows < 2) return HOOKE_OK;
    for (int64_t first = 0; first < job->n_rows; first += TILE) {
        RETURN_IF_ERROR(load_block(job, 0, first));
        job->first[1] = first;
        job->n[1] = job->n[0];
        RETURN_IF_ERROR(one_tile(job));
        for (int64_t other = first + TILE; other < job->n_rows; other += TILE) {
            RETURN_IF_ERROR(load_block(job, 1, other));
            RETURN_IF_ERROR(one_tile(job));
        }
    }
    return HOOKE_OK;
}

hooke_status core_max_cosine(struct exec *ex, float *out, core_rows_fn rows, const void *source,
                             int64_t n_rows, int64_t width)
{
    struct cosine_job job = {
        .ex = *ex, .out = out, .rows = rows, .source = source, .n_rows = n_rows, .width = width
    };
    job.ex.bf16_products = false; /* the largest of many near ties: bf16 would pick and round */
    hooke_status st = HOOKE_OK;
    for (int side = 0; side < 2 && st == HOOKE_OK; side++)
        st = mem_take((void **)&job.block[side], (size_t)(TILE * width), sizeof(float),
                      "block of dictionary rows");
    if (st == HOOKE_OK)
        st = mem_take((void **)&job.tile, (size_t)TILE * TILE, sizeof(float), "tile of cosines");
    if (st == HOOKE_OK) st = all_tiles(&job);
    mem_free(job.block[0]);
    mem_free(job.block[1]);
    mem_free(job.tile);
    return st;
}

struct pair_job {
    float *norm, *cosine;
    const float *enc, *dec; /* [n, width] */
    int64_t width;
    bool comparable;
};

static void pair_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    struct pair_job *job = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const float *e = job->enc + r * job->width;
        double square = square_sum(e, job->width), dot = 0.0;
        job->norm[r] = (float)sqrt(square);
        job->cosine[r] = NAN;
        if (!job->comparable) continue;
        const float *d = job->dec + r * job->width;
        for (int64_t c = 0; c < job->width; c++) dot += (double)e[c] * (double)d[c];
        job->cosine[r] = (float)(dot / (sqrt(square) * sqrt(square_sum(d, job->width))));
    }
}

hooke_status core_pair_cosine(float *norm, float *cosine, core_rows_fn enc, core_rows_fn dec,
                              const void *source, int64_t n, int64_t width_enc, int64_t width_dec,
                              int n_threads)
{
    float *e = NULL, *d = NULL;
    hooke_status st = mem_take((void **)&e, (size_t)(TILE * width_enc), sizeof *e, "block of encoder rows");
    if (st == HOOKE_OK)
        st = mem_take((void **)&d, (size_t)(TILE * width_dec), sizeof *d, "block of decoder rows");
    for (int64_t first = 0; first < n && st == HOOKE_OK; first += TILE) {
        int64_t rows = n - first < TILE ? n - first : TILE;
        struct pair_job job = { norm + first, cosine + first, e, d, width_enc, width_enc == width_dec };
        st = enc(source, first, rows, e);
        if (st == HOOKE_OK && job.comparable) st = dec(source, first, rows, d);
        if (st == HOOKE_OK) parallel_for(n_threads, rows, ROW_GRAIN, pair_rows, &job);
    }
    mem_free(e);
    mem_free(d);
    return st;
}
