/* bench_tensor: the CPU backend against this machine's own ceilings.
 *
 *   bench_tensor [SECTION...] [--threads N] [--runs N] [--width D_DICT] [--rows N_TOKENS] [--l0 N]
 *                [--kind threshold|topk|batch_topk] [--level LEVEL] [--cpu]
 *   sections: matmul few encode decode attention rows
 *
 * Machines are shared and clocks move, so every figure is a ratio: the ceiling is measured right before each run of what it is
 * compared with, and the median of the ratios is printed with the fastest time.
 *
 *   products    fraction of the library's own threaded product of the same shape from float32 operands ("sgemm")
 *   few rows    bytes of weights per second, over the bytes per second of reading memory ("read")
 *   encode      time over the time of the bare product of that shape
 *   decode      time of the dense product codes * decoder over ours
 *
 * Aimed at: matmul of 128 rows and more 0.80, few rows 0.80, encode 1.15, decode 10. What is reached: docs/speed.md. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/random.h"
#include "tensor/cpu/kernels.h"
#include "tensor/ops.h"

enum { MAX_RUNS = 64 };
static struct exec ex;
static int n_runs = 7, width = 16384, n_tokens = 1024, l0 = 70;
static const char *only_kind; /* of encode */
static int64_t buffer_floats;
static bool cpu_clock;

/* --cpu: time on the processor, for one thread on a busy machine. */
static double now(void)
{
    struct timespec t;
    if (!cpu_clock) return clock_seconds();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(hooke_status st)
{
    if (st == HOOKE_OK) return;
    fprintf(stderr, "bench_tensor: %s\n", hooke_error());
    exit(1);
}

static void *take(int64_t n, size_t size)
{
    void *p = mem_alloc((size_t)n, size);
    if (p) return p;
    fprintf(stderr, "bench_tensor: out of memory\n");
    exit(1);
}

static float *normals(int64_t n, uint64_t stream)
{
    float *p = take(n, sizeof *p);
    enum { REPEAT = 1 << 20 };
    random_normal(p, n < REPEAT ? n : REPEAT, stream, RANDOM_BENCH, 0);
    for (int64_t i = REPEAT; i < n; i += REPEAT - 7)
        memcpy(p + i, p, (size_t)(n - i < REPEAT - 7 ? n - i : REPEAT - 7) * sizeof *p);
    return p;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Alternates reference and candidate; prints the median of reference / candidate. */
typedef void (*work)(void *payload);
struct measured {
    double ratio, fastest, fastest_reference;
};
static struct measured compare(work reference, work candidate, void *payload)
{
    double ratios[MAX_RUNS];
    struct measured m = { 0, INFINITY, INFINITY };
    reference(payload);
    candidate(payload);
    for (int i = 0; i < n_runs; i++) {
        double t0 = now();
        reference(payload);
        double t1 = now();
        candidate(payload);
        double t2 = now();
        ratios[i] = (t1 - t0) / (t2 - t1);
        m.fastest_reference = fmin(m.fastest_reference, t1 - t0);
        m.fastest = fmin(m.fastest, t2 - t1);
    }
    qsort(ratios, (size_t)n_runs, sizeof *ratios, ascending);
    m.ratio = n_runs % 2 ? ratios[n_runs / 2] : (ratios[n_runs / 2 - 1] + ratios[n_runs / 2]) / 2;
    return m;
}

/* ---- reading memory ---- */

static const uint64_t *read_data;
static int64_t read_words;
static volatile uint64_t read_sink;

static void read_chunk(void *payload, int64_t begin, int64_t end, int worker)
{
    /* Eight streams a thread: one alone leaves memory waiting. */
    uint64_t x[8] = { 0 };
    int64_t apart = (end - begin) / 8;
    (void)payload, (void)worker;
    for (int64_t i = begin; i < begin + apart; i++)
        for (int j = 0; j < 8; j++) x[j] ^= read_data[i + j * apart];
    read_sink = x[0] ^ x[1] ^ x[2] ^ x[3] ^ x[4] ^ x[5] ^ x[6] ^ x[7];
}

static void read_memory(void *payload)
{
    (void)payload;
    parallel_for(ex.n_threads, read_words, 1 << 16, read_chunk, NULL);
}

/* ---- products ---- */

struct product_run {
    struct mat x, y;
    struct weight w;
    const float *b; /* [n_out, n_in] float32, for the library */
    float *c;
};

static void library_product(void *payload)
{
    struct product_run *p = payload;
    must(gemm_ceiling(p->c, p->x.data, p->b, p->x.rows, p->y.cols, p->x.cols, ex.n_threads));
}

static void our_product(void *payload)
{
    struct product_run *p = payload;
    must(ex.ops->matmul(&ex, &p->y, &p->x, &p->w, false));
}

static void *as_dtype(const float *f, int64_t n, enum dtype dtype)
{
    if (dtype == DT_F32) return (void *)(uintptr_t)f;
    uint16_t *h = take(n, sizeof *h);
    ex.kernels->to_bf16(h, f, n);
    return h;
}

static void bench_products(int64_t n_in, int64_t n_out, enum dtype dtype, bool in_first, const int64_t *rows,
                           int n_rows)
{
    float *b = normals(n_in * n_out, 1), *x = normals(1024 * n_in, 2);
    float *y = take(1024 * n_out, sizeof *y), *c = take(1024 * n_out, sizeof *c);
    void *data = as_dtype(b, n_in * n_out, dtype);
    for (int i = 0; i < n_rows; i++) {
        struct product_run p = { mat_f32(x, rows[i], n_in, n_in),
                                 mat_f32(y, rows[i], n_out, n_out),
                                 { { 0 }, in_first, NULL },
                                 b,
                                 c };
        bool few = rows[i] < 16; /* memory-bound */
        int64_t bytes = n_in * n_out * (dtype == DT_F32 ? 4 : 2);
        p.w.m.data = data;
        p.w.m.dtype = dtype;
        p.w.m.rows = in_first ? n_in : n_out;
        p.w.m.cols = p.w.m.ld = in_first ? n_out : n_in;
        read_data = data;
        read_words = bytes / 8 / 8 * 8;
        struct measured m = compare(few ? read_memory : library_product, our_product, &p);
        double flops = 2.0 * (double)rows[i] * (double)n_in * (double)n_out;
        printf("matmul %5lld rows %6lld -> %-6lld %-4s %-9s %8.3f ms  %7.1f GFLOP/s  %6.2f GB/s  %.2f of %s "
               "%s\n",
               (long long)rows[i], (long long)n_in, (long long)n_out, dtype_name(dtype),
               in_first ? "[in, out]" : "[out, in]", m.fastest * 1e3, flops / m.fastest * 1e-9,
               (double)bytes / m.fastest * 1e-9, m.ratio, few ? "read" : "sgemm", exec_level(&ex));
    }
    if (data != (void *)b) mem_free(data);
    mem_free(b);
    mem_free(x);
    mem_free(y);
    mem_free(c);
}

static const int64_t many[] = { 16, 32, 64, 128, 512, 1024 }, few[] = { 1, 4, 8, 15 };

/* Gemma 2 2B: q/k/v and o, gate and up, down. */
static void section_matmul(void)
{
    bench_products(2304, 2048, DT_BF16, false, many, 6);
    bench_products(2304, 9216, DT_BF16, false, many, 6);
    bench_products(9216, 2304, DT_BF16, false, many, 6);
    bench_products(2304, 9216, DT_F32, false, many, 6);
    bench_products(2304, 9216, DT_BF16, true, many, 6);
}

static void section_few(void)
{
    bench_products(2304, 9216 * 8, DT_BF16, false, few, 4);
    bench_products(9216, 2304 * 8, DT_BF16, false, few, 4);
    bench_products(2304, 9216 * 4, DT_F32, false, few, 4);
    bench_products(2304, 65536, DT_F32, true, few, 4);
    bench_products(2304, 65536, DT_BF16, true, few, 4);
}

/* ---- encode and decode ---- */

struct code_run {
    struct product_run p; /* c is [rows_per_product, d_dict]: the bare product goes over blocks of rows */
    struct encode_spec spec;
    hooke_codes codes;
    struct mat x, y;
    struct weight w_dec;
    const float *dense; /* [rows, d_dict] */
};

enum { PRODUCT_ROWS = 1024 };

static void bare_encode(void *payload)
{
    struct code_run *r = payload;
    for (int64_t i = 0; i < r->x.rows; i += PRODUCT_ROWS) {
        int64_t n = r->x.rows - i < PRODUCT_ROWS ? r->x.rows - i : PRODUCT_ROWS;
        must(gemm_ceiling(r->p.c, (float *)r->x.data + i * r->x.ld, r->p.b, n, width, r->x.cols,
                          ex.n_threads));
    }
}

static void our_encode(void *payload)
{
    struct code_run *r = payload;
    ex.unscreened = false;
    must(ex.ops->encode(&ex, &r->codes, &r->x, &r->spec));
}

static void unscreened_encode(void *payload)
{
    struct code_run *r = payload;
    ex.unscreened = true;
    must(ex.ops->encode(&ex, &r->codes, &r->x, &r->spec));
    ex.unscreened = false;
}

/* The threshold that leaves about `wanted` of `width` standard normal pre-activations on: by bisection. */
static float threshold_for(double wanted)
{
    double lo = 0, hi = 10;
    for (int i = 0; i < 60; i++) {
        double mid = (lo + hi) / 2;
        if (0.5 * erfc(mid / sqrt(2.0)) * width > wanted)
            lo = mid;
        else
            hi = mid;
    }
    return (float)lo;
}

static void section_encode(void)
{
    enum { D = 2304 };
    const int N = n_tokens;
    static const char *const names[] = { "relu", "threshold", "gated", "topk", "batch_topk" };
    float *b = normals((int64_t)width * D, 3), *x = normals((int64_t)N * D, 4), *t = take(width, 4),
          *ones = take(width, 4);
    for (int64_t i = 0; i < (int64_t)N * D; i++) x[i] /= sqrtf(D);
    for (int f = 0; f < width; f++) ones[f] = 1, t[f] = threshold_for(l0);
    struct code_run r = { .x = mat_f32(x, N, D, D) };
    r.p.b = b;
    r.p.c = take((int64_t)PRODUCT_ROWS * width, 4);
    for (int v = 0; v < 12; v++) {
        enum dtype dtype = v % 2 ? DT_BF16 : DT_F32;
        static const enum select_kind kinds[] = { SELECT_THRESHOLD, SELECT_TOPK, SELECT_BATCH_TOPK };
        bool in_first = v >= 6;
        if (only_kind && strcmp(only_kind, names[kinds[v / 2 % 3]]) != 0) continue;
        void *data = as_dtype(b, (int64_t)width * D, dtype);
        r.spec.kind = kinds[v / 2 % 3];
        r.spec.w.m = mat_f32(data, in_first ? D : width, in_first ? width : D, in_first ? width : D);
        r.spec.w.m.dtype = dtype;
        r.spec.w.in_first = in_first;
        r.spec.threshold = t;
        r.spec.k = l0;
        struct measured m = compare(bare_encode, our_encode, &r);
        printf("encode %d rows %d -> %d %-4s %-9s %-10s l0 %5.1f  %8.1f ms  %7.1f GFLOP/s  %.3f times the "
               "bare product (fastest runs %.3f)\n",
               N, D, width, dtype_name(dtype), in_first ? "[in, out]" : "[out, in]", names[r.spec.kind],
               (double)r.codes.indptr[N] / N, m.fastest * 1e3, 2.0 * N * D * width / m.fastest * 1e-9,
               1 / m.ratio, m.fastest / m.fastest_reference);
        m = compare(unscreened_encode, our_encode, &r);
        printf("       without screening %8.1f ms, screened %8.1f ms: %.2f times as fast; %.1f %% screened, "
               "%.0f "
               "dots a row\n",
               m.fastest_reference * 1e3, m.fastest * 1e3, m.ratio,
               100.0 * (double)ex.tally.n_screened / ((double)N * width), (double)ex.tally.n_could / N);
        if (data != (void *)b) mem_free(data);
    }
    hooke_codes_release(&r.codes);
    mem_free(r.p.c);
    mem_free(b);
    mem_free(x);
    mem_free(t);
    mem_free(ones);
}

static void dense_decode(void *payload)
{
    struct code_run *r = payload;
    must(gemm_ceiling(r->p.c, r->dense, r->p.b, r->y.rows, r->y.cols, width, ex.n_threads));
}

static void our_decode(void *payload)
{
    struct code_run *r = payload;
    must(ex.ops->sparse_decode(&ex, &r->y, &r->codes, &r->w_dec));
}

static void section_decode(void)
{
    enum { D = 2304 };
    const int64_t n = n_tokens;
    float *w = normals((int64_t)width * D, 5);
    struct code_run r = { .y = mat_f32(take(n * D, 4), n, D, D) };
    float *dense = take(n * width, 4);
    must(codes_reserve(&r.codes, n, n * l0));
    r.codes.n_rows = n;
    r.codes.n_cols = width;
    for (int64_t i = 0; i < n * l0; i++) {
        int64_t step = width / l0;
        r.codes.indices[i] =
            (int32_t)(i % l0 * step + (int64_t)(random_uniform(6, RANDOM_BENCH, (uint64_t)i) * (double)step));
        r.codes.values[i] = 1 + (float)(i % 5);
        r.codes.indptr[i / l0 + 1] = i + 1;
        dense[i / l0 * width + r.codes.indices[i]] = r.codes.values[i];
    }
    r.dense = dense;
    r.p.b = w;
    r.p.c = take(n * D, 4);
    for (int v = 0; v < 4; v++) {
        enum dtype dtype = v % 2 ? DT_BF16 : DT_F32;
        bool in_first = v < 2;
        void *data = as_dtype(w, (int64_t)width * D, dtype);
        r.w_dec.m = mat_f32(data, in_first ? width : D, in_first ? D : width, in_first ? D : width);
        r.w_dec.m.dtype = dtype;
        r.w_dec.in_first = in_first;
        struct measured m = compare(dense_decode, our_decode, &r);
        double bytes = (double)n * l0 * D * (dtype == DT_F32 ? 4 : 2);
        printf(
            "decode %lld rows l0 %d %d -> %d %-4s %-11s %8.2f ms  %6.2f GB/s  %.1f times as fast as dense\n",
            (long long)n, l0, width, D, dtype_name(dtype), in_first ? "[dict, out]" : "[out, dict]",
            m.fastest * 1e3, bytes / m.fastest * 1e-9, m.ratio);
        if (data != (void *)w) mem_free(data);
    }
    hooke_codes_release(&r.codes);
    mem_free(dense);
    mem_free(r.p.c);
    mem_free(r.y.data);
    mem_free(w);
}

/* ---- attention ---- */

struct attention_run {
    struct mat q, k, v, z;
    struct attention a;
    struct product_run p; /* a product with as many operations, as a ceiling */
};

static void our_attention(void *payload)
{
    struct attention_run *r = payload;
    must(ex.ops->attention(&ex, &r->z, &r->q, &r->k, &r->v, &r->a));
}

static void square_product(void *payload)
{
    struct attention_run *r = payload;
    library_product(&r->p);
}

static void section_attention(void)
{
    enum { H = 8, KV = 4, D = 256, N = 4096 };
    float *q = normals((int64_t)N * H * D, 7), *k = normals((int64_t)N * KV * D, 8),
          *v = normals((int64_t)N * KV * D, 9);
    float *z = take((int64_t)N * H * D, 4);
    struct attention_run r = { .p = { .b = q, .c = z } };
    r.p.x = mat_f32(k, 512, 2048, 2048);
    r.p.y = mat_f32(z, 512, 2048, 2048);
    double product_flops = 2.0 * 512 * 2048 * 2048;
    static const int64_t cases[][2] = {
        { 128, 128 }, { 1024, 1024 }, { 4096, 4096 }, { 1, 1024 }, { 1, 4096 }
    };
    for (int i = 0; i < 10; i++) {
        int64_t n_q = cases[i % 5][0], n_k = cases[i % 5][1];
        struct attention a = { H, KV, D, 0.0625F, i < 5 ? 50 : 0, 0, n_q, n_k, n_k - n_q };
        r.a = a;
        r.q = mat_f32(q, n_q, H * D, H * D);
        r.z = mat_f32(z, n_q, H * D, H * D);
        r.k = mat_f32(k, n_k, KV * D, KV * D);
        r.v = mat_f32(v, n_k, KV * D, KV * D);
        read_data = (const void *)k;
        read_words = n_k * KV * D / 2;
        bool decode = n_q == 1;
        double flops = 4.0 * H * D * (decode ? (double)n_k : (double)n_q * (double)(n_q + 1) / 2);
        struct measured m = compare(decode ? read_memory : square_product, our_attention, &r);
        double fraction = decode ? 2 * m.ratio : m.ratio * flops / product_flops;
        printf("attention %lld queries %lld keys softcap %g  %8.3f ms  %6.1f GFLOP/s  %.2f of %s\n",
               (long long)n_q, (long long)n_k, (double)a.softcap, m.fastest * 1e3, flops / m.fastest * 1e-9,
               fraction, decode ? "read" : "sgemm");
    }
    mem_free(q);
    mem_free(k);
    mem_free(v);
    mem_free(z);
}

/* ---- rows ---- */

static struct mat row_a, row_b, row_y;
static void glu_rows(void *payload)
{
    (void)payload;
    must(ex.ops->glu(&ex, &row_y, &row_a, &row_b, ACT_GELU_TANH));
}
static void cap_rows(void *payload)
{
    (void)payload;
    must(ex.ops->softcap(&ex, &row_y, 30));
}
static void norm_rows(void *payload)
{
    struct norm norm = { NORM_RMS, 1e-6F, row_b.data, NULL };
    (void)payload;
    must(ex.ops->normalize(&ex, &row_y, NULL, &row_a, &norm));
}

static void section_rows(void)
{
    enum { N = 512, D = 9216 };
    row_a = mat_f32(normals(N * D, 10), N, D, D);
    row_b = mat_f32(normals(N * D, 11), N, D, D);
    row_y = mat_f32(take(N * D, 4), N, D, D);
    static const struct {
        const char *name;
        work run;
    } rows[] = { { "gelu_tanh glu", glu_rows }, { "softcap", cap_rows }, { "rms norm", norm_rows } };
    read_data = row_a.data;
    read_words = N * D / 2;
    for (int i = 0; i < 3; i++) {
        struct measured m = compare(read_memory, rows[i].run, NULL);
        printf("%-14s %d x %d  %7.3f ms  %.2f ns an item; reading one operand takes %.2f of it\n",
               rows[i].name, N, D, m.fastest * 1e3, m.fastest / (N * D) * 1e9, m.ratio);
    }
    mem_free(row_a.data);
    mem_free(row_b.data);
    mem_free(row_y.data);
}

/* ---- ceilings, and the program ---- */

static void section_ceiling(void)
{
    enum { M = 1024, K = 2304, N = 9216 };
    float *a = normals((int64_t)M * K, 12), *b = normals((int64_t)N * K, 13), *c = take((int64_t)M * N, 4);
    for (int threads = 1; threads <= ex.n_threads; threads += ex.n_threads > 1 ? ex.n_threads - 1 : 1) {
        double best = INFINITY;
        for (int i = 0; i < n_runs + 1; i++) {
            double t = now();
            if (gemm_ceiling(c, a, b, M, N, K, threads) != HOOKE_OK) break;
            best = fmin(best, now() - t);
        }
        printf("ceiling sgemm %dx%dx%d, %d threads: %.1f GFLOP/s (%s)\n", M, K, N, threads,
               2.0 * M * N * K / best * 1e-9, gemm_library_name());
    }
    double best = INFINITY;
    buffer_floats = (int64_t)1 << 26;
    float *big = normals(buffer_floats, 14);
    read_data = (const void *)big;
    read_words = buffer_floats / 2;
    for (int i = 0; i < n_runs + 1; i++) {
        double t = now();
        read_memory(NULL);
        best = fmin(best, now() - t);
    }
    printf("ceiling read, %d threads: %.2f GB/s\n", ex.n_threads, (double)buffer_floats * 4 / best * 1e-9);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(big);
}

static const struct {
    const char *name;
    void (*run)(void);
} sections[] = { { "ceiling", section_ceiling }, { "matmul", section_matmul },
                 { "few", section_few },         { "encode", section_encode },
                 { "decode", section_decode },   { "attention", section_attention },
                 { "rows", section_rows } };
enum { N_SECTIONS = sizeof sections / sizeof *sections };

int main(int argc, char **argv)
{
    bool wanted[N_SECTIONS] = { false }, any = false;
    int threads = 0;
    const char *level = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            threads = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            n_runs = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--width") == 0 && i + 1 < argc)
            width = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--rows") == 0 && i + 1 < argc)
            n_tokens = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--l0") == 0 && i + 1 < argc)
            l0 = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--kind") == 0 && i + 1 < argc)
            only_kind = argv[++i];
        else if (strcmp(argv[i], "--level") == 0 && i + 1 < argc)
            level = argv[++i];
        else if (strcmp(argv[i], "--cpu") == 0)
            cpu_clock = true, threads = 1;
        for (int s = 0; s < N_SECTIONS; s++)
            if (strcmp(argv[i], sections[s].name) == 0) wanted[s] = any = true;
    }
    if (n_runs < 1 || n_runs > MAX_RUNS || width < 128 || n_tokens < 1 || l0 < 1 || l0 > width) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    must(exec_open(&ex, NULL, level, threads, "f32"));
    printf("level %s, %d threads, medians of %d\n", exec_level(&ex), ex.n_threads, n_runs);
    for (int s = 0; s < N_SECTIONS; s++)
        if (wanted[s] || !any) sections[s].run();
    exec_close(&ex);
    return 0;
}
