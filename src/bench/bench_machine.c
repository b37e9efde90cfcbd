/* bench_machine.c: what this machine can do at most: multiply and read. */
#include "bench/bench.h"

#include "base/parallel.h"
#include "tensor/cpu/kernels.h"

enum { TILE_M = 512, TILE_N = 1024, TILE_K = 1024, PRODUCTS_A_RUN = 64 };
enum { READ_GRAIN = 1 << 17 }; /* words of 8 bytes: 1 MiB a chunk */
static const int64_t READ_BYTES = (int64_t)512 << 20;

hooke_status bench_product_open(struct bench_product *out, const struct bench *b)
{
    size_t threads = (size_t)b->ctx->exec.n_threads;
    *out = (struct bench_product){ .b = b };
    hooke_status st = mem_take((void **)&out->a, threads * TILE_M * TILE_K, sizeof(float), "matrices");
    if (st == HOOKE_OK) st = mem_take((void **)&out->w, threads * TILE_N * TILE_K, sizeof(float), "matrices");
    if (st == HOOKE_OK) st = mem_take((void **)&out->c, threads * TILE_M * TILE_N, sizeof(float), "matrices");
    if (st != HOOKE_OK) {
        bench_product_close(out);
        return st;
    }
    for (size_t i = 0; i < threads * TILE_M * TILE_K; i++) out->a[i] = 0.01f * (float)(i % 97);
    for (size_t i = 0; i < threads * TILE_N * TILE_K; i++) out->w[i] = 0.01f * (float)(i % 89);
    out->operations = 2.0 * TILE_M * TILE_N * TILE_K * PRODUCTS_A_RUN;
    return HOOKE_OK;
}

void bench_product_close(struct bench_product *p)
{
    mem_free(p->a);
    mem_free(p->w);
    mem_free(p->c);
    *p = (struct bench_product){ 0 };
}

static hooke_status one_product(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct bench_product *p = payload;
    const struct kernels *t = p->b->ctx->exec.kernels;
    float *a = p->a + (int64_t)worker * TILE_M * TILE_K, *w = p->w + (int64_t)worker * TILE_N * TILE_K;
    float *c = p->c + (int64_t)worker * TILE_M * TILE_N;
    for (int64_t i = begin; i < end; i++)
        RETURN_IF_ERROR(t->gemm(c, TILE_N, a, TILE_K, w, TILE_K, false, TILE_M, TILE_N, TILE_K, false));
    return HOOKE_OK;
}

hooke_status bench_product_run(void *job)
{
    const struct bench_product *p = job;
    return parallel_try(p->b->ctx->exec.n_threads, PRODUCTS_A_RUN, 1, one_product, job);
}

hooke_status bench_read_open(struct bench_read *out, const struct bench *b)
{
    int64_t words = READ_BYTES / (int64_t)sizeof(uint64_t);
    *out = (struct bench_read){ .b = b, .bytes = READ_BYTES };
    hooke_status st = mem_take((void **)&out->data, (size_t)words, sizeof *out->data, "memory to read");
    if (st == HOOKE_OK)
        st = mem_take((void **)&out->sums, (size_t)(words / READ_GRAIN), sizeof *out->sums, "sums");
    if (st != HOOKE_OK) bench_read_close(out);
    for (int64_t i = 0; i < words && st == HOOKE_OK; i++)
        out->data[i] = (uint64_t)i; /* pages of its own, not the zero page */
    return st;
}

void bench_read_close(struct bench_read *r)
{
    mem_free(r->data);
    mem_free(r->sums);
    *r = (struct bench_read){ 0 };
}

static void read_chunk(void *payload, int64_t begin, int64_t end, int worker)
{
    const struct bench_read *r = payload;
    uint64_t sum = 0;
    (void)worker;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) sum += r->data[i];
    r->sums[begin / READ_GRAIN] = sum;
}

hooke_status bench_read_run(void *job)
{
    const struct bench_read *r = job;
    parallel_for(r->b->ctx->exec.n_threads, r->bytes / (int64_t)sizeof(uint64_t), READ_GRAIN, read_chunk,
                 job);
    return HOOKE_OK;
}

/* The operations table's product at a shape of Gemma 2 2B's MLP: how much of the library is left when weights are as they lie. */
struct table_job {
    struct exec *ex;
    struct mat x, y;
    struct weight w;
};
enum { TABLE_ROWS = 1024, TABLE_IN = 2304, TABLE_OUT = 9216 };

static hooke_status run_table(void *job)
{
    struct table_job *t = job;
    return t->ex->ops->matmul(t->ex, &t->y, &t->x, &t->w, false);
}

static hooke_status measure_ceilings(const struct bench *b, struct bench_product *product,
                                     struct bench_read *read, struct table_job *table)
{
    struct bench_side sides[] = { { .run = bench_product_run, .job = product },
                                  { .run = bench_read_run, .job = read },
                                  { .run = run_table, .job = table } };
    RETURN_IF_ERROR(bench_turns(b, sides, 3));
    double ceiling = product->operations / sides[0].median * 1e-9;
    hooke_bench_row row = { .gflops = ceiling, .ceiling_gflops = ceiling, .fraction = 1.0 };
    bench_report(b, &row, "ceiling_product", "512x1024x1024 a thread", "f32", &sides[0]);
    row = (hooke_bench_row){ .bytes_per_second = (double)read->bytes / sides[1].median, .fraction = 1.0 };
    bench_report(b, &row, "ceiling_read", "512 MiB", "u64", &sides[1]);
    double rate = 2.0 * TABLE_ROWS * TABLE_IN * TABLE_OUT / sides[2].median * 1e-9;
    row = (hooke_bench_row){ .gflops = rate, .ceiling_gflops = ceiling, .fraction = rate / ceiling };
    bench_report(b, &row, "matmul", "1024x2304x9216", hooke_context_dtype(b->ctx), &sides[2]);
    return HOOKE_OK;
}

static hooke_status table_open(struct table_job *t, const struct bench *b)
{
    float *x = NULL, *y = NULL, *w = NULL;
    *t = (struct table_job){ .ex = &b->ctx->exec };
    hooke_status st = mem_take((void **)&x, (size_t)TABLE_ROWS * TABLE_IN, sizeof *x, "matrices");
    if (st == HOOKE_OK) st = mem_take((void **)&y, (size_t)TABLE_ROWS * TABLE_OUT, sizeof *y, "matrices");
    if (st == HOOKE_OK) st = mem_take((void **)&w, (size_t)TABLE_IN * TABLE_OUT, sizeof *w, "matrices");
    t->x = mat_f32(x, TABLE_ROWS, TABLE_IN, TABLE_IN);
    t->y = mat_f32(y, TABLE_ROWS, TABLE_OUT, TABLE_OUT);
    t->w.m = mat_f32(w, TABLE_OUT, TABLE_IN, TABLE_IN);
    for (int64_t i = 0; i < (int64_t)TABLE_ROWS * TABLE_IN && st == HOOKE_OK; i++)
        x[i] = 0.01f * (float)(i % 97);
    for (int64_t i = 0; i < (int64_t)TABLE_OUT * TABLE_IN && st == HOOKE_OK; i++)
        w[i] = 0.01f * (float)(i % 89);
    return st;
}

static void table_close(struct table_job *t)
{
    mem_free(t->x.data);
    mem_free(t->y.data);
    mem_free(t->w.m.data);
}

hooke_status bench_ceiling(const struct bench *b)
{
    struct bench_product product = { 0 };
    struct bench_read read = { 0 };
    struct table_job table = { 0 };
    hooke_status st = bench_product_open(&product, b);
    if (st == HOOKE_OK) st = bench_read_open(&read, b);
    if (st == HOOKE_OK) st = table_open(&table, b);
    if (st == HOOKE_OK) st = measure_ceilings(b, &product, &read, &table);
    bench_product_close(&product);
    bench_read_close(&read);
    table_close(&table);
    return st;
}
