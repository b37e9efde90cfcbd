/* product.c: y = x W' (+ bias).
 *
 *   many rows   output columns are cut into tiles of fixed width; a tile's weights are converted to float32 in scratch that stays in
 *               the cache (float32 weights are used as they lie), then one serial gemm. Tiles go to the threads.
 *   few rows    generation: memory-bound. Kernels that read every weight once, converting in registers.
 *
 *   bf16        --dtype bf16 rounds x and the weights to bf16; products of such values are exact in float32, so the float32 gemm
 *               computes what bf16 hardware with float32 sums would. */
#include "tensor/cpu/product.h"

#include <assert.h>

#include "base/parallel.h"
#include "tensor/cpu/ops_cpu.h"
#include "tensor/cpu/scratch.h"

struct round_job {
    const struct kernels *kernels;
    const struct mat *x;
    float *out; /* [rows, cols] */
};

static void round_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct round_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++)
        j->kernels->round_bf16(j->out + r * j->x->cols, (const float *)j->x->data + r * j->x->ld, j->x->cols);
}

hooke_status product_begin(struct exec *ex, struct product *p, const struct mat *x, const struct weight *w)
{
    assert(x->dtype == DT_F32 && x->cols == weight_n_in(w));
    p->kernels = ex->kernels;
    p->w = w;
    p->x = x->data;
    p->n = x->rows;
    p->k = x->cols;
    p->ld_x = x->ld;
    p->round_w = ex->bf16_products && w->m.dtype != DT_BF16;
    p->few = x->rows < FEW_ROWS;
    int64_t parts = (p->k + PRODUCT_K - 1) / PRODUCT_K;
    p->depth = parts <= 1 ? p->k : ((p->k + parts - 1) / parts + 15) / 16 * 16;
    if (!ex->bf16_products) return HOOKE_OK;
    struct round_job job = { ex->kernels, x, NULL };
    RETURN_IF_ERROR(scratch_take_shared(ex, &job.out, (size_t)(x->rows * x->cols)));
    parallel_for(ex->n_threads, x->rows, 16, round_rows, &job);
    p->x = job.out;
    p->ld_x = x->cols;
    return HOOKE_OK;
}

static bool in_place(const struct product *p)
{
    return !p->round_w && (p->few || p->w->m.dtype == DT_F32);
}

size_t product_scratch(const struct product *p, int64_t n_cols)
{
    return in_place(p) ? 0 : (size_t)(n_cols * p->depth);
}

static const void *weight_at(const struct product *p, int64_t col, int64_t l)
{
    const struct mat *m = &p->w->m;
    int64_t at = p->w->in_first ? l * m->ld + col : col * m->ld + l;
    return (const char *)m->data + (size_t)at * dtype_bytes(m->dtype);
}

/* scratch = weights of output columns col0.. and inputs l0.. as float32: [n_cols, n_l], or [n_l, n_cols] when in_first. */
static void convert_tile(const struct product *p, float *scratch, int64_t col0, int64_t n_cols, int64_t l0,
                         int64_t n_l)
{
    bool in_first = p->w->in_first;
    int64_t rows = in_first ? n_l : n_cols, cols = in_first ? n_cols : n_l;
    for (int64_t r = 0; r < rows; r++) {
        const void *from = in_first ? weight_at(p, col0, l0 + r) : weight_at(p, col0 + r, l0);
        p->kernels->widen(scratch + r * cols, from, p->w->m.dtype, cols);
        if (p->round_w) p->kernels->round_bf16(scratch + r * cols, scratch + r * cols, cols);
    }
}

static hooke_status one_product(const struct product *p, float *y, int64_t ld_y, const float *x,
                                int64_t n_rows, const struct lying *w, int64_t n_cols, int64_t k,
                                bool accumulate)
{
    const struct kernels *t = p->kernels;
    if (!p->few)
        return t->gemm(y, ld_y, x, p->ld_x, w->data, w->ld, p->w->in_first, n_rows, n_cols, k, accumulate);
    (p->w->in_first ? t->mixes : t->dots)(y, ld_y, x, p->ld_x, (int)n_rows, w, n_cols, k, accumulate);
    return HOOKE_OK;
}

hooke_status product_tile(const struct product *p, float *y, int64_t ld_y, int64_t row0, int64_t n_rows,
                          int64_t col0, int64_t n_cols, bool accumulate, float *scratch)
{
    const float *x = p->x + row0 * p->ld_x;
    if (in_place(p)) {
        struct lying w = { weight_at(p, col0, 0), p->w->m.dtype, p->w->m.ld };
        return one_product(p, y, ld_y, x, n_rows, &w, n_cols, p->k, accumulate);
    }
    for (int64_t l = 0; l < p->k; l += p->depth) {
        int64_t n_l = p->k - l < p->depth ? p->k - l : p->depth;
        struct lying w = { scratch, DT_F32, p->w->in_first ? n_cols : n_l };
        convert_tile(p, scratch, col0, n_cols, l, n_l);
        RETURN_IF_ERROR(one_product(p, y, ld_y, x + l, n_rows, &w, n_cols, n_l, accumulate || l > 0));
    }
    return HOOKE_OK;
}

struct matmul_job {
    struct exec *ex;
    struct product p;
    struct mat *y;
    bool accumulate;
};

static hooke_status matmul_columns(void *payload, int64_t begin, int64_t end, int worker)
{
    struct matmul_job *j = payload;
    float *y = (float *)j->y->data + begin, *scratch = NULL;
    size_t need = product_scratch(&j->p, end - begin);
    if (need) RETURN_IF_ERROR(scratch_take(j->ex, &scratch, worker, need));
    RETURN_IF_ERROR(product_tile(&j->p, y, j->y->ld, 0, j->p.n, begin, end - begin, j->accumulate, scratch));
    if (!j->p.w->bias) return HOOKE_OK;
    for (int64_t r = 0; r < j->p.n; r++)
        j->ex->kernels->add(y + r * j->y->ld, j->p.w->bias + begin, end - begin);
    return HOOKE_OK;
}

/* Width of a unit of work: wide for the product (more rows, wider), in a number of units that 2 and 4 threads share evenly. */
static int64_t unit_columns(const struct product *p, int64_t n_out)
{
    if (p->few) return p->w->in_first ? 1024 : 64;
    int64_t widest = p->n >= 512 ? 512 : p->n >= 128 ? 256 : 128;
    int64_t units = ((n_out + widest - 1) / widest + 3) / 4 * 4;
    return ((n_out + units - 1) / units + 31) / 32 * 32;
}

hooke_status cpu_matmul(struct exec *ex, struct mat *y, const struct mat *x, const struct weight *w,
                        bool accumulate)
{
    struct matmul_job job;
    assert(y->rows == x->rows && y->cols == weight_n_out(w));
    if (x->rows == 0) return HOOKE_OK;
    job.ex = ex;
    job.y = y;
    job.accumulate = accumulate;
    RETURN_IF_ERROR(product_begin(ex, &job.p, x, w));
    return parallel_try(ex->n_threads, y->cols, unit_columns(&job.p, y->cols), matmul_columns, &job);
}
