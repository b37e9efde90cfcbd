/* bench.c: the table of benchmarks and what they share. */
#include "bench/bench.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { DEFAULT_RUNS = 5, MAX_RUNS = 1000 };

static const struct {
    const char *name;
    hooke_status (*run)(const struct bench *b);
} benchmarks[] = {
    { "ceiling", bench_ceiling }, { "prefill", bench_prefill }, { "generate", bench_generate },
    { "encode", bench_encode },   { "decode", bench_decode },
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static hooke_status time_once(const struct bench_side *side, double *seconds)
{
    double start = clock_seconds();
    RETURN_IF_ERROR(side->run(side->job));
    *seconds = clock_seconds() - start;
    return HOOKE_OK;
}

hooke_status bench_turns(const struct bench *b, struct bench_side *sides, int n_sides)
{
    int runs = b->options.runs;
    double *seconds; /* [n_sides, runs] */
    RETURN_IF_ERROR(mem_take((void **)&seconds, (size_t)(n_sides * runs), sizeof *seconds, "times"));
    hooke_status st = HOOKE_OK;
    for (int s = 0; s < n_sides && st == HOOKE_OK; s++) st = sides[s].run(sides[s].job);
    for (int r = 0; r < runs && st == HOOKE_OK; r++)
        for (int s = 0; s < n_sides && st == HOOKE_OK; s++) st = time_once(&sides[s], &seconds[s * runs + r]);
    for (int s = 0; s < n_sides && st == HOOKE_OK; s++) {
        double *t = seconds + s * runs;
        qsort(t, (size_t)runs, sizeof *t, by_value);
        sides[s].median = runs % 2 ? t[runs / 2] : 0.5 * (t[runs / 2 - 1] + t[runs / 2]);
        sides[s].fastest = t[0];
        sides[s].slowest = t[runs - 1];
    }
    mem_free(seconds);
    return st;
}

void bench_report(const struct bench *b, hooke_bench_row *row, const char *name, const char *shape,
                  const char *dtype, const struct bench_side *side)
{
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->shape, sizeof row->shape, "%s", shape);
    snprintf(row->dtype, sizeof row->dtype, "%s", dtype);
    row->threads = b->ctx->exec.n_threads;
    row->runs = b->options.runs;
    row->seconds = side->median;
    row->seconds_min = side->fastest;
    row->seconds_max = side->slowest;
    row->model = b->subject->model;
    row->dict = b->subject->dict;
    row->synth = b->subject->synth;
    if (row->peak_rss_bytes == 0) row->peak_rss_bytes = process_peak_rss_bytes();
    b->on_row(b->payload, row);
}

hooke_status bench_folder_create(hooke_text *path)
{
    const char *parent = getenv("TMPDIR");
    text_clear(path);
    RETURN_IF_ERROR(text_printf(path, "%s/hooke-bench-XXXXXX", parent && *parent ? parent : "/tmp"));
    if (mkdtemp(path->data)) return HOOKE_OK;
    hooke_status st = fail_errno(HOOKE_E_IO, "%s", path->data);
    hooke_text_release(path);
    return st;
}

void bench_folder_remove(hooke_text *path)
{
    DIR *dir = path->data ? opendir(path->data) : NULL;
    hooke_text file = { 0 };
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        if (path_join(&file, path->data, entry->d_name) == HOOKE_OK) unlink(file.data);
    }
    if (dir) closedir(dir);
    if (path->data) rmdir(path->data);
    hooke_text_release(&file);
    hooke_text_release(path);
}

hooke_status hooke_bench(hooke_context *ctx, const char *name, const hooke_bench_options *options,
                         hooke_bench_fn on_row, void *payload)
{
    struct bench_subject subject = { .synth = NULL };
    struct bench b = { .ctx = ctx, .subject = &subject, .on_row = on_row, .payload = payload };
    RETURN_IF(!ctx || !name || !on_row, HOOKE_E_ARGUMENT,
              "hooke_bench: context, name and a function for rows are needed");
    if (options) b.options = *options;
    if (b.options.runs == 0) b.options.runs = DEFAULT_RUNS;
    bool bad = b.options.runs < 1 || b.options.runs > MAX_RUNS || b.options.n_tokens < 0 ||
               b.options.width < 0 || b.options.l0 < 0;
    RETURN_IF(bad, HOOKE_E_ARGUMENT, "bench: runs 1 to %d, and no negative number of tokens, width or l0",
              MAX_RUNS);
    for (size_t i = 0; i < sizeof benchmarks / sizeof benchmarks[0]; i++)
        if (strcmp(benchmarks[i].name, name) == 0) return benchmarks[i].run(&b);
    return fail(HOOKE_E_NOT_FOUND, "bench '%s' is not known: ceiling, prefill, generate, encode, decode",
                name);
}
