/* bench_model.c: reading a prompt against the matrix-product ceiling, generation against the memory-bandwidth bound.
 *
 *   prefill    all layers over n tokens, logits of the last one; operations of the matrix products and of attention
 *   generate   one sequence; a token reads every weight once, so tokens a second are at most bandwidth / weight bytes */
#include "bench/bench.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

enum { DEFAULT_PROMPT = 1024, GENERATE_PROMPT = 8, GENERATE_STEPS = 16 };

struct model_job {
    const struct bench *b;
    hooke_model *m;
    const hooke_model_info *info;
    int64_t n;          /* prompt tokens */
    int32_t *ids;       /* [n] */
    double first, last; /* generate: times of the first and the last token of a run */
    int64_t n_seen;
    double step_seconds[1024]; /* generate: of each run, the first not counted */
    int n_runs;
};

static const char *wanted_shape(const struct bench *b)
{
    return b->options.shape ? b->options.shape : "pythia-70m";
}

static hooke_status open_synthesized(struct model_job *j)
{
    const char *name = wanted_shape(j->b);
    hooke_text folder = { 0 };
    if (!model_shape_find(name)) return shape_unknown(name);
    RETURN_IF_ERROR(bench_folder_create(&folder));
    hooke_status st = hooke_synth(j->b->ctx, folder.data, name, 0, NULL);
    if (st == HOOKE_OK) st = hooke_model_open(&j->m, j->b->ctx, folder.data, NULL);
    bench_folder_remove(&folder);
    return st;
}

static hooke_status open_model(struct model_job *j, const struct bench *b, int64_t n)
{
    *j = (struct model_job){ .b = b, .n = n };
    RETURN_IF_ERROR(b->options.model ? hooke_model_open(&j->m, b->ctx, b->options.model, NULL)
                                     : open_synthesized(j));
    j->info = hooke_model_get_info(j->m);
    if (b->options.model)
        b->subject->model = j->info->origin;
    else
        b->subject->synth = wanted_shape(b);
    RETURN_IF(j->n > j->info->n_ctx, HOOKE_E_ARGUMENT, "bench: %lld tokens; %s reads at most %d",
              (long long)j->n, j->info->name, j->info->n_ctx);
    RETURN_IF_ERROR(mem_take((void **)&j->ids, (size_t)j->n, sizeof *j->ids, "prompt"));
    for (int64_t i = 0; i < j->n; i++)
        j->ids[i] = (int32_t)(random_u64(2, RANDOM_BENCH, (uint64_t)i) % (uint64_t)j->info->d_vocab);
    return HOOKE_OK;
}

static void close_model(struct model_job *j)
{
    mem_free(j->ids);
    hooke_model_close(j->m);
}

static const char *shape_label(const struct model_job *j)
{
    return j->b->options.model ? j->info->name : wanted_shape(j->b);
}

static hooke_status ignore(void *payload, const hooke_view *view)
{
    (void)payload;
    (void)view;
    return HOOKE_OK;
}

static hooke_status run_prefill(void *job)
{
    struct model_job *j = job;
    int64_t start[2] = { 0, j->n };
    hooke_batch batch = { .n_seqs = 1, .start = start, .ids = j->ids };
    hooke_hook hook = { .tap = ignore };
    RETURN_IF_ERROR(hooke_site_parse(j->m, &hook.site, "logits"));
    hooke_run_options options = {
        .size = sizeof options, .hooks = &hook, .n_hooks = 1, .last_logits_only = true
    };
    return hooke_model_run(j->m, &batch, &options);
}

/* Keys that a query may read, over all queries and layers; Gemma 2's even layers look back a window. */
static double attended_keys(const struct model_job *j)
{
    double all = 0.0, windowed = 0.0;
    for (int64_t t = 1; t <= j->n; t++) {
        all += (double)t;
        windowed +=
            (double)(j->info->sliding_window > 0 && t > j->info->sliding_window ? j->info->sliding_window
                                                                                : t);
    }
    return 0.5 * j->info->n_layers * (all + windowed);
}

/* Two operations a weight and token; embeddings and norms do no products. */
static double prefill_operations(const struct model_job *j)
{
    const hooke_model_info *i = j->info;
    double z = (double)i->n_heads * i->d_head, kv = (double)i->n_kv_heads * i->d_head, d = i->d_model;
    bool plain = strcmp(i->architecture, "gpt_neox") == 0 || strcmp(i->architecture, "gpt2") == 0;
    double layer = (2.0 * z + 2.0 * kv) * d + (plain ? 2.0 : 3.0) * i->d_mlp * d;
    return 2.0 * layer * i->n_layers * (double)j->n + 4.0 * z * attended_keys(j) + 2.0 * d * i->d_vocab;
}

static hooke_status measure_prefill(struct model_job *j)
{
    struct bench_product product = { 0 };
    char shape[96];
    RETURN_IF_ERROR(bench_product_open(&product, j->b));
    struct bench_side sides[] = { { .run = run_prefill, .job = j },
                                  { .run = bench_product_run, .job = &product } };
    hooke_status st = bench_turns(j->b, sides, 2);
    if (st == HOOKE_OK) {
        double rate = prefill_operations(j) / sides[0].median * 1e-9,
               ceiling = product.operations / sides[1].median * 1e-9;
        hooke_bench_row row = { .gflops = rate, .ceiling_gflops = ceiling, .fraction = rate / ceiling };
        row.tokens_per_second = (double)j->n / sides[0].median;
        snprintf(shape, sizeof shape, "%.40s %lld tokens", shape_label(j), (long long)j->n);
        bench_report(j->b, &row, "prefill", shape, j->info->weight_dtype, &sides[0]);
    }
    bench_product_close(&product);
    return st;
}

hooke_status bench_prefill(const struct bench *b)
{
    struct model_job j;
    hooke_status st = open_model(&j, b, b->options.n_tokens > 0 ? b->options.n_tokens : DEFAULT_PROMPT);
    if (st == HOOKE_OK) st = measure_prefill(&j);
    close_model(&j);
    return st;
}

static hooke_status note_time(void *payload, int seq, int32_t id)
{
    struct model_job *j = payload;
    (void)seq;
    (void)id;
    j->last = clock_seconds();
    if (j->n_seen++ == 0) j->first = j->last;
    return HOOKE_OK;
}

static hooke_status run_generate(void *job)
{
    struct model_job *j = job;
    int64_t start[2] = { 0, j->n };
    hooke_batch prompt = { .n_seqs = 1, .start = start, .ids = j->ids };
    hooke_generate_options options = { .size = sizeof options,
                                       .n_new = GENERATE_STEPS + 1,
                                       .ignore_stop = true,
                                       .on_token = note_time,
                                       .payload = j };
    hooke_ids out = { 0 };
    j->n_seen = 0;
    hooke_status st = hooke_generate(j->m, &out, &prompt, &options);
    hooke_ids_release(&out);
    RETURN_IF_ERROR(st);
    RETURN_IF(j->n_seen != GENERATE_STEPS + 1, HOOKE_E_INTERNAL, "bench: %lld tokens generated",
              (long long)j->n_seen);
    if (j->n_runs < 1024) j->step_seconds[j->n_runs++] = (j->last - j->first) / GENERATE_STEPS;
    return HOOKE_OK;
}

/* Weights that a step reads: all but an embedding table that only serves as one. */
static double bytes_a_token(const struct model_job *j)
{
    double item = strcmp(j->info->weight_dtype, "F32") == 0 ? 4.0 : 2.0;
    double table = j->info->tied_embeddings ? 0.0 : item * j->info->d_vocab * (double)j->info->d_model;
    return (double)j->info->weight_bytes - table;
}

/* A run's time holds the prompt as well: the steps' own times are sorted the same way. */
static void step_times(struct model_job *j, struct bench_side *side)
{
    double *t = j->step_seconds + 1; /* the first run did not count */
    int n = j->n_runs - 1;
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && t[k] < t[k - 1]; k--) {
            double swap = t[k];
            t[k] = t[k - 1];
            t[k - 1] = swap;
        }
    side->median = n % 2 ? t[n / 2] : 0.5 * (t[n / 2 - 1] + t[n / 2]);
    side->fastest = t[0];
    side->slowest = t[n - 1];
}

static hooke_status measure_generate(struct model_job *j)
{
    struct bench_read read = { 0 };
    char shape[96];
    RETURN_IF_ERROR(bench_read_open(&read, j->b));
    struct bench_side sides[] = { { .run = run_generate, .job = j },
                                  { .run = bench_read_run, .job = &read } };
    hooke_status st = bench_turns(j->b, sides, 2);
    if (st == HOOKE_OK) {
        step_times(j, &sides[0]);
        hooke_bench_row row = { .tokens_per_second = 1.0 / sides[0].median };
        row.bytes_per_second = bytes_a_token(j) / sides[0].median;
        row.fraction = row.bytes_per_second / ((double)read.bytes / sides[1].median);
        snprintf(shape, sizeof shape, "%.40s batch 1", shape_label(j));
        bench_report(j->b, &row, "generate", shape, j->info->weight_dtype, &sides[0]);
        row = (hooke_bench_row){ .bytes_per_second = (double)read.bytes / sides[1].median, .fraction = 1.0 };
        bench_report(j->b, &row, "ceiling_read", "512 MiB", "u64", &sides[1]);
    }
    bench_read_close(&read);
    return st;
}

hooke_status bench_generate(const struct bench *b)
{
    struct model_job j;
    hooke_status st = open_model(&j, b, b->options.n_tokens > 0 ? b->options.n_tokens : GENERATE_PROMPT);
    if (st == HOOKE_OK) st = measure_generate(&j);
    close_model(&j);
    return st;
}
