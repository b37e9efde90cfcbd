/* product.c: y = x W' (+ bias).
 *
 *   many rows   output columns are cut into tiles of fixed width; a tile's weights are converted to float32 in scratch that stays in
 *               the cache (float32 weights are used as they lie), then one serial gemm. Tiles go to the threads.
 *   few rows    generation: memory-bound. Kernels that read every weight once, converting in registers.
 *
 *   bf16        --dtype bf16 rounds x and the weights to bf16. Where the CPU has instructions for such operands (gemm_bf16) many rows
 *               use them; bf16 weights then lie in place. Elsewhere the float32 gemm computes the same up to the order of sums, for
 *               products of bf16 values are exact in float32. */
#include "tensor/cpu/product.h"

#include <assert.h>

#include "base/parallel.h"
#include "tensor/cpu/ops_cpu.h"
#include "tensor/cpu/scratch.h"

struct round_job {
    const struct kernels *kernels;
    const struct mat *x;
    float *out;      /* [rows, cols], or */
    uint16_t *out16; /* [rows, cols] */
};

static void round_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct round_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const float *x = (const float *)j->x->data + r * j->x->ld;
        if (j->out16)
            j->kernels->to_bf16(j->out16 + r * j->x->cols, x, j->x->cols);
        else
            j->kernels->round_bf16(j->out + r * j->x->cols, x, j->x->cols);
    }
}

static hooke_status round_x(struct exec *ex, struct product *p, const struct mat *x)
{
    struct round_job job = { ex->kernels, x, NULL, NULL };
    bool native = ex->kernels->gemm_bf16 && !p->few;
    size_t n = (size_t)(x->rows * x->cols);
    float *room;
    RETURN_IF_ERROR(scratch_take_shared(ex, &room, native ? n / 2 + 1 : n));
    if (native)
        p->x16 = job.out16 = (void *)room;
    else
        p->x = job.out = room;
    p->ld_x = x->cols;
    parallel_for(ex->n_threads, x->rows, 16, round_rows, &job);
    return HOOKE_OK;
}

hooke_status product_begin(struct exec *ex, struct product *p, const struct mat *x, const struct weight *w)
{
    assert(x->dtype == DT_F32 && x->cols == weight_n_in(w));
    p->kernels = ex->kernels;
    p->w = w;
    p->x = x->data;
    p->x16 = NULL;
    p->n = x->rows;
    p->k = x->cols;
    p->ld_x = x->ld;
    p->round_w = ex->bf16_products && w->m.dtype != DT_BF16;
    p->few = x->rows < FEW_ROWS;
    int64_t parts = (p->k + PRODUCT_K - 1) / PRODUCT_K;
    p->depth = parts <= 1 ? p->k : ((p->k + parts - 1) / parts + 15) / 16 * 16;
    return ex->bf16_products ? round_x(ex, p, x) : HOOKE_OK;
}

static bool in_place(const struct product *p)
{
    if (p->x16) return p->w->m.dtype == DT_BF16;
    return !p->round_w && (p->few || p->w->m.dtype == DT_F32);
}

size_t product_scratch(const struct product *p, int64_t n_cols)
{
    if (in_place(p)) return 0;
    size_t tile = (size_t)(n_cols * p->depth);
    return p->x16 ? tile / 2 + 1 + (size_t)(n_cols > p->depth ? n_cols : p->depth)
                  : tile; /* 2 bytes each, a row of 4 */
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

/* The same in bf16; row is room for the longer side of the tile. */
static void convert_tile_bf16(const struct product *p, uint16_t *tile, float *row, int64_t col0,
                              int64_t n_cols, int64_t l0, int64_t n_l)
{
    bool in_first = p->w->in_first;
    int64_t rows = in_first ? n_l : n_cols, cols = in_first ? n_cols : n_l;
    for (int64_t r = 0; r < rows; r++) {
        const void *from = in_first ? weight_at(p, col0, l0 + r) : weight_at(p, col0 + r, l0);
        if (p->w->m.dtype != DT_F32) p->kernels->widen(row, from, p->w->m.dtype, cols);
        p->kernels->to_bf16(tile + r * cols, p->w->m.dtype == DT_F32 ? from : row, cols);
    }
}

static hooke_status tile_bf16(const struct product *p, float *y, int64_t ld_y, int64_t row0, int64_t n_rows,
                              int64_t col0, int64_t n_cols, bool accumulate, float *scratch)
{
    const struct kernels *t = p->kernels;
    const uint16_t *x = p->x16 + row0 * p->ld_x;
    bool in_first = p->w->in_first;
    if (in_place(p))
        return t->gemm_bf16(y, ld_y, x, p->ld_x, weight_at(p, col0, 0), p->w->m.ld, in_first, n_rows, n_cols,
                            p->k, accumulate);
    uint16_t *tile = (void *)scratch;
    for (int64_t l = 0; l < p->k; l += p->depth) {
        int64_t n_l = p->k - l < p->depth ? p->k - l : p->depth;
        convert_tile_bf16(p, tile, scratch + n_cols * p->depth / 2 + 1, col0, n_cols, l, n_l);
        RETURN_IF_ERROR(t->gemm_bf16(y, ld_y, x + l, p->ld_x, tile, in_first ? n_cols : n_l, in_first, n_rows,
                                     n_cols, n_l, accumulate || l > 0));
    }
    return HOOKE_OK;
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
    if (p->x16) return tile_bf16(p, y, ld_y, row0, n_rows, col0, n_cols, accumulate, scratch);
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
    int n_threads = parallel_worth(ex->n_threads, y->rows * y->cols * x->cols);
    return parallel_try(n_threads, y->cols, unit_columns(&job.p, y->cols), matmul_columns, &job);
}
