/* ops_cpu.c: the CPU's operations table: memory, and what works row by row. Rows are the unit of work everywhere here: a row's
 * result depends on that row alone. */
#include "tensor/cpu/ops_cpu.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "tensor/cpu/scratch.h"

static hooke_status cpu_alloc(struct exec *ex, struct buffer *out, size_t bytes)
{
    (void)ex;
    out->bytes = 0;
    RETURN_IF_ERROR(mem_take(&out->data, bytes, 1, "buffer"));
    out->bytes = bytes;
    return HOOKE_OK;
}

static void cpu_release(struct exec *ex, struct buffer *b)
{
    (void)ex;
    mem_free(b->data);
    b->data = NULL;
    b->bytes = 0;
}

static hooke_status cpu_place(struct exec *ex, struct mat *out, struct buffer *owned, const struct mat *host)
{
    (void)ex;
    *out = *host;
    memset(owned, 0, sizeof *owned);
    return HOOKE_OK;
}

/* ---- loops over rows ---- */

enum { GRAIN_FLOATS = 16384 }; /* work of one unit of a loop over rows */

static int64_t row_grain(int64_t cols)
{
    return cols >= GRAIN_FLOATS ? 1 : GRAIN_FLOATS / (cols > 0 ? cols : 1);
}

static float *row_of(const struct mat *m, int64_t r)
{
    return (float *)m->data + r * m->ld;
}

/* What the loops below read; each uses a part. */
struct row_job {
    const struct kernels *k;
    struct mat *y;
    const struct mat *x, *x2;
    float *divisor, *host;
    int64_t ld_host;
    const struct norm *norm;
    const struct rope_table *rope;
    const int32_t *ids, *pos;
    float scale;
    enum activation act;
    int n_heads, d_head;
};

static hooke_status over_rows(struct exec *ex, struct row_job *job, int64_t rows, int64_t cols,
                              parallel_body body)
{
    job->k = ex->kernels;
    parallel_for(ex->n_threads, rows, row_grain(cols), body, job);
    return HOOKE_OK;
}

static void fetch_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct row_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const char *from = (const char *)j->x->data + (size_t)(r * j->x->ld) * dtype_bytes(j->x->dtype);
        j->k->widen(j->host + r * j->ld_host, from, j->x->dtype, j->x->cols);
    }
}

static hooke_status cpu_fetch(struct exec *ex, float *host, int64_t ld, const struct mat *src)
{
    struct row_job job = { .x = src, .host = host, .ld_host = ld };
    return over_rows(ex, &job, src->rows, src->cols, fetch_rows);
}

static hooke_status cpu_store(struct exec *ex, struct mat *dst, const float *host, int64_t ld)
{
    (void)ex;
    assert(dst->dtype == DT_F32);
    for (int64_t r = 0; r < dst->rows; r++)
        memcpy(row_of(dst, r), host + r * ld, (size_t)dst->cols * sizeof(float));
    return HOOKE_OK;
}

static hooke_status cpu_sync(struct exec *ex)
{
    (void)ex;
    return HOOKE_OK;
}

static void embed_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct row_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        float *y = row_of(j->y, r);
        const struct lying table = { j->x->data, j->x->dtype, j->x->ld };
        memset(y, 0, (size_t)j->y->cols * sizeof *y);
        j->k->gather(y, &j->ids[r], &j->scale, 1, &table, j->y->cols);
        if (!j->x2) continue;
        const struct lying positions = { j->x2->data, j->x2->dtype, j->x2->ld };
        const float one = 1;
        j->k->gather(y, &j->pos[r], &one, 1, &positions, j->y->cols);
    }
}

static hooke_status cpu_embed(struct exec *ex, struct mat *y, const struct mat *table, const int32_t *ids,
                              float scale, const struct mat *pos_table, const int32_t *pos)
{
    struct row_job job = { .y = y, .x = table, .x2 = pos_table, .ids = ids, .pos = pos, .scale = scale };
    assert(y->cols == table->cols && (!pos_table || pos_table->cols == y->cols));
    return over_rows(ex, &job, y->rows, y->cols, embed_rows);
}

/* RMS: divisor sqrt(mean(x^2) + eps). Layer: the mean is taken off first; sqrt(mean((x - mean)^2) + eps). */
static void normalize_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct row_job *j = payload;
    int64_t n = j->x->cols;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const float *x = row_of(j->x, r);
        double mean = j->norm->kind == NORM_LAYER ? j->k->sum(x, n) / (double)n : 0;
        double divisor = sqrt(j->k->sum_squares(x, mean, n) / (double)n + (double)j->norm->eps);
        j->k->affine(row_of(j->y, r), x, (float)mean, (float)(1 / divisor), j->norm->gain, j->norm->bias, n);
        if (j->divisor) j->divisor[r] = (float)divisor;
    }
}

static hooke_status cpu_normalize(struct exec *ex, struct mat *y, float *divisor, const struct mat *x,
                                  const struct norm *norm)
{
    struct row_job job = { .y = y, .x = x, .divisor = divisor, .norm = norm };
    assert(y->rows == x->rows && y->cols == x->cols);
    return over_rows(ex, &job, x->rows, x->cols, normalize_rows);
}

static void rope_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct row_job *j = payload;
    int half = j->rope->half;
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        const float *cos = j->rope->cos + (int64_t)j->pos[r] * half,
                    *sin = j->rope->sin + (int64_t)j->pos[r] * half;
        for (int h = 0; h < j->n_heads; h++)
            j->k->rotate(row_of(j->y, r) + (int64_t)h * j->d_head, cos, sin, half);
    }
}

static hooke_status cpu_rope(struct exec *ex, struct mat *x, int n_heads, int d_head, const int32_t *pos,
                             const struct rope_table *table)
{
    struct row_job job = { .y = x, .n_heads = n_heads, .d_head = d_head, .pos = pos, .rope = table };
    assert(x->cols == (int64_t)n_heads * d_head && 2 * table->half <= d_head);
    return over_rows(ex, &job, x->rows, x->cols, rope_rows);
}

static void activate_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct row_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++)
        j->k->activate(row_of(j->y, r), row_of(j->x, r), j->x->cols, j->act);
}

static hooke_status cpu_activate(struct exec *ex, struct mat *y, const struct mat *x, enum activation act)
{
    struct row_job job = { .y = y, .x = x, .act = act };
    assert(y->rows == x->rows && y->cols == x->cols);
    return over_rows(ex, &job, x->rows, x->cols * 4, activate_rows);
}

static void glu_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct row_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++)
        j->k->glu(row_of(j->y, r), row_of(j->x, r), row_of(j->x2, r), j->x->cols, j->act);
}

static hooke_status cpu_glu(struct exec *ex, struct mat *y, const struct mat *gate, const struct mat *up,
                            enum activation act)
{
    struct row_job job = { .y = y, .x = gate, .x2 = up, .act = act };
    assert(y->rows == gate->rows && y->cols == gate->cols && up->cols == gate->cols);
    return over_rows(ex, &job, y->rows, y->cols * 4, glu_rows);
}

static void add_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct row_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) j->k->add(row_of(j->y, r), row_of(j->x, r), j->x->cols);
}

static hooke_status cpu_add(struct exec *ex, struct mat *y, const struct mat *x)
{
    struct row_job job = { .y = y, .x = x };
    assert(y->rows == x->rows && y->cols == x->cols);
    return over_rows(ex, &job, y->rows, y->cols, add_rows);
}

static void copy_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct row_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++)
        memcpy(row_of(j->y, r), row_of(j->x, r), (size_t)j->y->cols * sizeof(float));
}

static hooke_status cpu_copy(struct exec *ex, struct mat *y, const struct mat *x)
{
    struct row_job job = { .y = y, .x = x };
    assert(y->rows == x->rows && y->cols == x->cols && x->dtype == DT_F32);
    return over_rows(ex, &job, y->rows, y->cols, copy_rows);
}

static void softcap_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct row_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) j->k->softcap(row_of(j->y, r), 1, j->scale, j->y->cols);
}

static hooke_status cpu_softcap(struct exec *ex, struct mat *x, float cap)
{
    struct row_job job = { .y = x, .scale = cap };
    return over_rows(ex, &job, x->rows, x->cols * 4, softcap_rows);
}

static const struct ops cpu_ops = {
    .name = "cpu",
    .alloc = cpu_alloc,
    .release = cpu_release,
    .place = cpu_place,
    .fetch = cpu_fetch,
    .store = cpu_store,
    .sync = cpu_sync,
    .matmul = cpu_matmul,
    .embed = cpu_embed,
    .normalize = cpu_normalize,
    .rope = cpu_rope,
    .attention = cpu_attention,
    .attention_scores = cpu_attention_scores,
    .softmax_rows = cpu_softmax_rows,
    .attention_mix = cpu_attention_mix,
    .activate = cpu_activate,
    .glu = cpu_glu,
    .add = cpu_add,
    .copy = cpu_copy,
    .softcap = cpu_softcap,
    .encode = cpu_encode,
    .sparse_decode = cpu_sparse_decode,
};

hooke_status ops_cpu_open(struct exec *ex, const char *level)
{
    void *p;
    ex->ops = &cpu_ops;
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof(struct kernels), "kernels"));
    ex->kernels = p;
    RETURN_IF_ERROR(kernels_select(p, level));
    return scratch_open(&ex->scratch, ex->n_threads);
}

void ops_cpu_close(struct exec *ex)
{
    scratch_close(ex->scratch);
    mem_free((void *)(uintptr_t)ex->kernels);
    ex->scratch = NULL;
    ex->kernels = NULL;
}

const char *exec_level(const struct exec *ex)
{
    return ex->kernels->level;
}
