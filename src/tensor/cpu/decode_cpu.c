/* decode_cpu.c: y[r] = sum over the codes of row r, in increasing order of feature, of value * decoder row (+ bias).
 *
 *   [d_dict, d_out]  a row of y at a time; only the decoder rows that are on are read
 *   [d_out, d_dict]  the weights are read once for all rows of y. Many codes: LINE outputs at a time, their weights turned round once
 *                    to [d_dict, LINE], so that a code costs one line of the cache for all of them. Fewer codes than features: a row
 *                    of the weights (one output) at a time, gathered at the features that are on.
 *
 * All three add the codes of a row in the same way, so the bits do not depend on how many rows come together. */
#include "tensor/cpu/ops_cpu.h"

#include <assert.h>
#include <string.h>

#include "base/parallel.h"
#include "tensor/cpu/scratch.h"

struct decode_job {
    struct exec *ex;
    struct mat *y;
    const hooke_codes *c;
    const struct weight *w;
};

/* Columns first .. first + n of row r of y; w begins with them. */
static void decode_row(const struct decode_job *j, float *y, int64_t r, const struct lying *w, int64_t first,
                       int64_t n)
{
    int64_t from = j->c->indptr[r], n_codes = j->c->indptr[r + 1] - from;
    memset(y + first, 0, (size_t)n * sizeof *y);
    j->ex->kernels->gather(y + first, j->c->indices + from, j->c->values + from, n_codes, w, n);
    if (j->w->bias) j->ex->kernels->add(y + first, j->w->bias + first, n);
}

static void decode_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct decode_job *j = payload;
    const struct lying w = { j->w->m.data, j->w->m.dtype, j->w->m.ld };
    (void)worker;
    for (int64_t r = begin; r < end; r++)
        decode_row(j, (float *)j->y->data + r * j->y->ld, r, &w, 0, j->y->cols);
}

enum { LINE = 16, PIECE = 512, PIECE_LD = PIECE + LINE /* rows fall into different cache sets */ };

/* panel[n_features, LINE] = weights of outputs begin .. end, which are rows in the file; room[LINE, PIECE_LD]. */
static void turn_round(const struct decode_job *j, float *panel, float *room, int64_t begin, int64_t end)
{
    const struct mat *m = &j->w->m;
    for (int64_t f0 = 0; f0 < m->cols; f0 += PIECE) {
        int64_t n = m->cols - f0 < PIECE ? m->cols - f0 : PIECE;
        for (int64_t o = begin; o < end; o++) {
            size_t at = (size_t)(o * m->ld + f0) * dtype_bytes(m->dtype);
            j->ex->kernels->widen(room + (o - begin) * PIECE_LD, (const char *)m->data + at, m->dtype, n);
        }
        for (int64_t f = 0; f < n; f++)
            for (int64_t o = 0; o < LINE; o++) panel[(f0 + f) * LINE + o] = room[o * PIECE_LD + f];
    }
}

static hooke_status decode_lines(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct decode_job *j = payload;
    int64_t n_features = j->w->m.cols;
    float *panel;
    RETURN_IF_ERROR(scratch_take(j->ex, &panel, worker, (size_t)(n_features * LINE + LINE * PIECE_LD)));
    turn_round(j, panel, panel + n_features * LINE, begin, end);
    const struct lying w = { panel, DT_F32, LINE };
    for (int64_t r = 0; r < j->y->rows; r++)
        decode_row(j, (float *)j->y->data + r * j->y->ld, r, &w, begin, end - begin);
    return HOOKE_OK;
}

static hooke_status decode_columns(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct decode_job *j = payload;
    const struct mat *m = &j->w->m;
    const struct kernels *t = j->ex->kernels;
    const int64_t *indptr = j->c->indptr;
    float *column; /* [d_dict] one output's weights as float32 */
    RETURN_IF_ERROR(scratch_take(j->ex, &column, worker, (size_t)m->cols));
    for (int64_t o = begin; o < end; o++) {
        t->widen(column, (const char *)m->data + (size_t)(o * m->ld) * dtype_bytes(m->dtype), m->dtype,
                 m->cols);
        for (int64_t r = 0; r < j->y->rows; r++) {
            float s = t->gather_one(column, j->c->indices + indptr[r], j->c->values + indptr[r],
                                    indptr[r + 1] - indptr[r]);
            ((float *)j->y->data)[r * j->y->ld + o] = j->w->bias ? s + j->w->bias[o] : s;
        }
    }
    return HOOKE_OK;
}

hooke_status cpu_sparse_decode(struct exec *ex, struct mat *y, const hooke_codes *c,
                               const struct weight *w_dec)
{
    struct decode_job job = { ex, y, c, w_dec };
    assert(y->rows == c->n_rows && y->cols == weight_n_out(w_dec) && c->n_cols == weight_n_in(w_dec));
    /* Turning the weights round costs about what so many codes save. */
    bool many = c->indptr[c->n_rows] - c->indptr[0] >= c->n_cols;
    if (!w_dec->in_first)
        return parallel_try(ex->n_threads, y->cols, LINE, many ? decode_lines : decode_columns, &job);
    parallel_for(ex->n_threads, y->rows, 4, decode_rows, &job);
    return HOOKE_OK;
}
