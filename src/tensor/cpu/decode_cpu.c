/* decode_cpu.c: y[r] = sum over the codes of row r, in increasing order of feature, of value * decoder row (+ bias).
 *
 *   [d_dict, d_out]  a row of y at a time; only the decoder rows that are on are read
 *   [d_out, d_dict]  a row of the weights at a time (one output column), gathered at the features that are on; the weights are
 *                    read once for all rows of y */
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

static void decode_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct decode_job *j = payload;
    const struct lying w = { j->w->m.data, j->w->m.dtype, j->w->m.ld };
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        float *y = (float *)j->y->data + r * j->y->ld;
        int64_t from = j->c->indptr[r], n = j->c->indptr[r + 1] - from;
        memset(y, 0, (size_t)j->y->cols * sizeof *y);
        j->ex->kernels->gather(y, j->c->indices + from, j->c->values + from, n, &w, j->y->cols);
        if (j->w->bias) j->ex->kernels->add(y, j->w->bias, j->y->cols);
    }
}

static hooke_status decode_columns(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct decode_job *j = payload;
    const struct mat *m = &j->w->m;
    float *row; /* [d_dict] one row of the weights as float32 */
    RETURN_IF_ERROR(scratch_take(j->ex, &row, worker, (size_t)m->cols));
    for (int64_t o = begin; o < end; o++) {
        j->ex->kernels->widen(row, (const char *)m->data + (size_t)(o * m->ld) * dtype_bytes(m->dtype),
                              m->dtype, m->cols);
        for (int64_t r = 0; r < j->y->rows; r++) {
            float s = 0;
            for (int64_t i = j->c->indptr[r]; i < j->c->indptr[r + 1]; i++)
                s += j->c->values[i] * row[j->c->indices[i]];
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
    if (!w_dec->in_first) return parallel_try(ex->n_threads, y->cols, 16, decode_columns, &job);
    parallel_for(ex->n_threads, y->rows, 4, decode_rows, &job);
    return HOOKE_OK;
}
