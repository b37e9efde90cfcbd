/* bench_dict.c: encoding against the bare matrix product of its shape, sparse decoding against a dense product.
 *
 *   encode    x [n, d_in] -> codes, selection included         bare: x W_enc, nothing else
 *   decode    codes -> y [n, d_out]                            dense: [n, d_dict] W_dec, zeros included
 *
 * The bare product writes BARE_ROWS rows at a time into one buffer, the dense one reads DENSE_ROWS rows from one: neither needs the
 * [n, d_dict] matrix. Their times are scaled to n rows. */
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "dict/dict.h"

enum { DEFAULT_TOKENS = 4096, DEFAULT_WIDTH = 16384, BARE_ROWS = 1024, DENSE_ROWS = 512, PROBE_ROWS = 64 };

struct dict_job {
    const struct bench *b;
    hooke_dict *d;
    const hooke_dict_info *info;
    char shape[64];
    int64_t n;    /* rows */
    double scale; /* of the rows: what the dictionary's threshold expects */
    float *x;     /* [n, d_in] */
    float *y;     /* [n, d_out] */
    float *bare;  /* [BARE_ROWS, d_dict] */
    float *dense; /* [DENSE_ROWS, d_dict] */
    hooke_codes codes;
    int64_t peak_rss; /* after encoding, before the bare product's buffers */
};

static const char *wanted_name(const struct bench *b)
{
    return b->options.shape ? b->options.shape : "gemma-2-2b";
}

/* The shape asked for: one of the table, or a model's width with --width features. */
static hooke_status wanted_shape(const struct bench *b, struct dict_shape *out)
{
    const char *name = wanted_name(b);
    const struct dict_shape *known = dict_shape_find(name);
    const struct model_shape *model = model_shape_find(name);
    if (!known && !model) return shape_unknown(name);
    if (known) {
        *out = *known;
    } else {
        *out = (struct dict_shape){ .name = name,
                                    .model_name = name,
                                    .architecture = "jumprelu",
                                    .d_in = model->d_model,
                                    .d_dict = DEFAULT_WIDTH,
                                    .layer = model->n_layers / 2 };
        out->dtype = b->ctx->exec.bf16_products ? DT_BF16 : DT_F32;
    }
    if (b->options.width > 0) out->d_dict = b->options.width;
    out->layout = LAYOUT_SAELENS; /* aligned tensors, as the kernels like them; npz members lie anywhere */
    out->l0 = b->options.l0;
    return HOOKE_OK;
}

static hooke_status open_synthesized(struct dict_job *j)
{
    struct dict_shape s;
    hooke_text folder = { 0 };
    RETURN_IF_ERROR(wanted_shape(j->b, &s));
    RETURN_IF_ERROR(bench_folder_create(&folder));
    hooke_status st = synth_write_dict(j->b->ctx, folder.data, &s, 0, NULL);
    if (st == HOOKE_OK) st = hooke_dict_open(&j->d, j->b->ctx, folder.data, NULL);
    bench_folder_remove(&folder);
    return st;
}

/* Mean number of codes of the first PROBE_ROWS rows, multiplied by scale. */
static hooke_status probe_l0(struct dict_job *j, float *rows, double scale, double *l0)
{
    int64_t n = j->n < PROBE_ROWS ? j->n : PROBE_ROWS, width = j->info->d_in;
    for (int64_t i = 0; i < n * width; i++) rows[i] = (float)scale * j->x[i];
    RETURN_IF_ERROR(hooke_dict_encode(j->d, &j->codes, rows, n, width, NULL));
    *l0 = (double)j->codes.indptr[n] / (double)n;
    return HOOKE_OK;
}

/* Thresholds are in the units of the activations that a dictionary was made for. Rows are scaled until about --l0 features fire;
 * where the scale makes no difference (top-k), any will do. */
static hooke_status scale_rows(struct dict_job *j)
{
    double target = j->b->options.l0 > 0 ? j->b->options.l0 : 70.0, low = -12.0, high = 12.0,
           l0 = 0.0; /* exponents of 2 */
    float *rows;
    RETURN_IF_ERROR(
        mem_take((void **)&rows, (size_t)PROBE_ROWS * (size_t)j->info->d_in, sizeof *rows, "rows"));
    hooke_status st = HOOKE_OK;
    for (int i = 0; i < 16 && st == HOOKE_OK; i++) {
        double mid = 0.5 * (low + high);
        st = probe_l0(j, rows, exp2(mid), &l0);
        *(l0 < target ? &low : &high) = mid;
    }
    mem_free(rows);
    for (int64_t i = 0; i < j->n * j->info->d_in; i++) j->x[i] *= (float)exp2(low);
    return st;
}

static hooke_status open_dict(struct dict_job *j, const struct bench *b)
{
    *j = (struct dict_job){ .b = b };
    RETURN_IF_ERROR(b->options.dict ? hooke_dict_open(&j->d, b->ctx, b->options.dict, NULL)
                                    : open_synthesized(j));
    j->info = hooke_dict_get_info(j->d);
    if (b->options.dict)
        b->subject->dict = j->info->origin;
    else
        b->subject->synth = wanted_name(b);
    j->n = b->options.n_tokens > 0 ? b->options.n_tokens : DEFAULT_TOKENS;
    snprintf(j->shape, sizeof j->shape, "%lldx%dx%d", (long long)j->n, j->info->d_in, j->info->d_dict);
    RETURN_IF_ERROR(
        mem_take((void **)&j->x, (size_t)j->n * (size_t)j->info->d_in, sizeof(float), "rows to encode"));
    random_normal(j->x, j->n * j->info->d_in, 1, RANDOM_BENCH, 0);
    return scale_rows(j);
}

static void close_dict(struct dict_job *j)
{
    hooke_codes_release(&j->codes);
    mem_free(j->x);
    mem_free(j->y);
    mem_free(j->bare);
    mem_free(j->dense);
    hooke_dict_close(j->d);
}

static hooke_status run_encode(void *job)
{
    struct dict_job *j = job;
    return hooke_dict_encode(j->d, &j->codes, j->x, j->n, j->info->d_in, NULL);
}

/* One block of rows: the buffer's write traffic is the product's own. */
static hooke_status run_bare(void *job)
{
    struct dict_job *j = job;
    struct exec *ex = &j->b->ctx->exec;
    struct weight w = j->d->w_enc.w;
    int64_t n = j->n < BARE_ROWS ? j->n : BARE_ROWS;
    struct mat x = mat_f32(j->x, n, j->info->d_in, j->info->d_in);
    struct mat y = mat_f32(j->bare, n, j->info->d_dict, j->info->d_dict);
    w.bias = NULL;
    return ex->ops->matmul(ex, &y, &x, &w, false);
}

static double mean_l0(const struct dict_job *j)
{
    return (double)j->codes.indptr[j->n] / (double)j->n;
}

/* Of a screened encode also how many float32 dots a row were left: l0 of them at the least. */
static void name_encode(char *name, size_t room, const struct dict_job *j)
{
    const struct encode_tally *t = &j->b->ctx->exec.tally;
    double pairs = (double)t->n_screened + (double)t->n_ordinary;
    if (t->n_screened > 0)
        snprintf(name, room, "encode_l0_%.0f_screened_%.0f_dots_%.0f", mean_l0(j),
                 100 * (double)t->n_screened / pairs, (double)t->n_could / (double)j->n);
    else
        snprintf(name, room, "encode_l0_%.0f", mean_l0(j));
}

static void report_encode(struct dict_job *j, const struct bench_side *sides, double machine)
{
    const struct bench *b = j->b;
    double per_row = 2.0 * j->info->d_in * (double)j->info->d_dict;
    double bare_rows = (double)(j->n < BARE_ROWS ? j->n : BARE_ROWS);
    double encode = per_row * (double)j->n / sides[0].median * 1e-9,
           bare = per_row * bare_rows / sides[1].median * 1e-9;
    hooke_bench_row row = { .gflops = encode, .ceiling_gflops = bare, .fraction = encode / bare };
    char name[64];
    row.tokens_per_second = (double)j->n / sides[0].median;
    row.peak_rss_bytes = j->peak_rss;
    name_encode(name, sizeof name, j);
    bench_report(b, &row, name, j->shape, j->info->dtype, &sides[0]);
    struct bench_side whole = sides[1];
    whole.median *= (double)j->n / bare_rows;
    whole.fastest *= (double)j->n / bare_rows;
    whole.slowest *= (double)j->n / bare_rows;
    row = (hooke_bench_row){ .gflops = bare, .ceiling_gflops = machine, .fraction = bare / machine };
    row.tokens_per_second = (double)j->n / whole.median;
    bench_report(b, &row, "encode_bare_product", j->shape, j->info->dtype, &whole);
}

static hooke_status measure_encode(struct dict_job *j)
{
    struct bench_product product = { 0 };
    int64_t rows = j->n < BARE_ROWS ? j->n : BARE_ROWS;
    RETURN_IF_ERROR(run_encode(j));
    j->peak_rss = process_peak_rss_bytes();
    RETURN_IF_ERROR(
        mem_take((void **)&j->bare, (size_t)rows * (size_t)j->info->d_dict, sizeof(float), "bare product"));
    RETURN_IF_ERROR(bench_product_open(&product, j->b));
    struct bench_side sides[] = { { .run = run_encode, .job = j },
                                  { .run = run_bare, .job = j },
                                  { .run = bench_product_run, .job = &product } };
    hooke_status st = bench_turns(j->b, sides, 3);
    if (st == HOOKE_OK) report_encode(j, sides, product.operations / sides[2].median * 1e-9);
    bench_product_close(&product);
    return st;
}

hooke_status bench_encode(const struct bench *b)
{
    struct dict_job j;
    hooke_status st = open_dict(&j, b);
    if (st == HOOKE_OK) st = measure_encode(&j);
    close_dict(&j);
    return st;
}

static hooke_status run_decode(void *job)
{
    struct dict_job *j = job;
    return hooke_dict_decode(j->d, j->y, j->info->d_out, &j->codes, NULL, j->x, j->info->d_in);
}

static hooke_status run_dense(void *job)
{
    struct dict_job *j = job;
    struct exec *ex = &j->b->ctx->exec;
    int64_t n = j->n < DENSE_ROWS ? j->n : DENSE_ROWS;
    struct mat x = mat_f32(j->dense, n, j->info->d_dict, j->info->d_dict);
    struct mat y = mat_f32(j->y, n, j->info->d_out, j->info->d_out);
    return ex->ops->matmul(ex, &y, &x, &j->d->w_dec.w, false);
}

static hooke_status fill_dense(struct dict_job *j)
{
    int64_t n = j->n < DENSE_ROWS ? j->n : DENSE_ROWS, width = j->info->d_dict;
    RETURN_IF_ERROR(mem_take((void **)&j->dense, (size_t)n * (size_t)width, sizeof(float), "dense codes"));
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = j->codes.indptr[r]; i < j->codes.indptr[r + 1]; i++)
            j->dense[r * width + j->codes.indices[i]] = j->codes.values[i];
    return HOOKE_OK;
}

static void report_decode(struct dict_job *j, const struct bench_side *sides, const struct bench_read *read)
{
    const struct bench *b = j->b;
    double codes = (double)j->codes.indptr[j->n], rows = (double)j->n;
    double scale = rows / (double)(j->n < DENSE_ROWS ? j->n : DENSE_ROWS);
    double bandwidth = (double)read->bytes / sides[2].median;
    double bytes =
        codes * j->info->d_out * (double)dtype_bytes(j->d->w_dec.w.m.dtype) + rows * j->info->d_out * 4.0;
    hooke_bench_row row = { .gflops = 2.0 * codes * j->info->d_out / sides[0].median * 1e-9 };
    char name[48];
    row.bytes_per_second = bytes / sides[0].median;
    row.fraction =
        row.bytes_per_second / bandwidth; /* above 1 where decoder rows are met again in the caches */
    row.tokens_per_second = rows / sides[0].median;
    snprintf(name, sizeof name, "decode_sparse_l0_%.0f", mean_l0(j));
    bench_report(b, &row, name, j->shape, j->info->dtype, &sides[0]);
    struct bench_side whole = { .median = sides[1].median * scale,
                                .fastest = sides[1].fastest * scale,
                                .slowest = sides[1].slowest * scale };
    row = (hooke_bench_row){ .gflops = 2.0 * rows * j->info->d_out * (double)j->info->d_dict / whole.median *
                                       1e-9 };
    row.tokens_per_second = rows / whole.median;
    bench_report(b, &row, "decode_dense", j->shape, j->info->dtype, &whole);
}

static hooke_status measure_decode(struct dict_job *j)
{
    struct bench_read read = { 0 };
    RETURN_IF_ERROR(run_encode(j));
    RETURN_IF_ERROR(
        mem_take((void **)&j->y, (size_t)j->n * (size_t)j->info->d_out, sizeof(float), "reconstruction"));
    RETURN_IF_ERROR(fill_dense(j));
    RETURN_IF_ERROR(bench_read_open(&read, j->b));
    struct bench_side sides[] = { { .run = run_decode, .job = j },
                                  { .run = run_dense, .job = j },
                                  { .run = bench_read_run, .job = &read } };
    hooke_status st = bench_turns(j->b, sides, 3);
    if (st == HOOKE_OK) report_decode(j, sides, &read);
    bench_read_close(&read);
    return st;
}

hooke_status bench_decode(const struct bench *b)
{
    struct dict_job j;
    hooke_status st = open_dict(&j, b);
    if (st == HOOKE_OK) st = measure_decode(&j);
    close_dict(&j);
    return st;
}
