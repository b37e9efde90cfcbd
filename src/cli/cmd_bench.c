/* hooke bench: measurements as they arrive. */
#include <stdio.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/opt.h"
#include "cli/origin.h"
#include "cli/progress.h"
#include "cli/shapes.h"

struct options {
    const char *shape;
    int64_t width, n_tokens, l0, runs;
};

static const struct opt rows[] = {
    { "shape", 0, OPT_TEXT, offsetof(struct options, shape), "NAME", NULL, 0, 0,
      "random weights of a published shape: gemma-2-2b, pythia-70m, ..." },
    { "width", 0, OPT_INT, offsetof(struct options, width), "N", NULL, 1, 1 << 24,
      "features of the random dictionary" },
    { "n-tokens", 'n', OPT_INT, offsetof(struct options, n_tokens), "N", NULL, 1, 1 << 24,
      "rows for encode and decode, prompt tokens for prefill" },
    { "l0", 0, OPT_INT, offsetof(struct options, l0), "N", NULL, 1, 1 << 20,
      "active features a row, for decode" },
    { "runs", 0, OPT_INT, offsetof(struct options, runs), "N", "5", 1, 1000,
      "counted runs; the median is reported" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "bench [ceiling|prefill|generate|encode|decode ...]",
    "Measures this machine's ceilings (matrix product, memory) and our share of them in the same run.",
    "  hooke bench ceiling encode --shape gemma-2-2b --width 16384",
    OPT_MODEL | OPT_DICT,
    rows,
    -1,
};

struct sink {
    struct json_out j;
    bool json;
};

static void on_row(void *payload, const hooke_bench_row *r)
{
    struct sink *k = payload;
    progress_clear();
    if (!k->json) {
        printf("%-22s %-26s %-5s %2d %11.3f ms (%.3f .. %.3f)", r->name, r->shape, r->dtype, r->threads,
               1e3 * r->seconds, 1e3 * r->seconds_min, 1e3 * r->seconds_max);
        if (r->gflops > 0) printf("  %8.1f GF/s", r->gflops);
        if (r->bytes_per_second > 0) printf("  %6.2f GB/s", 1e-9 * r->bytes_per_second);
        if (r->tokens_per_second > 0) printf("  %9.1f tok/s", r->tokens_per_second);
        if (r->fraction > 0) printf("  %3.0f%% of ceiling", 100 * r->fraction);
        putchar('\n');
        fflush(stdout);
        return;
    }
    emit_begin(&k->j, NULL, '{');
    emit_text(&k->j, "name", r->name);
    emit_text(&k->j, "shape", r->shape);
    emit_text(&k->j, "dtype", r->dtype);
    emit_int(&k->j, "threads", r->threads);
    emit_real(&k->j, "seconds", r->seconds);
    emit_real(&k->j, "seconds_min", r->seconds_min);
    emit_real(&k->j, "seconds_max", r->seconds_max);
    emit_int(&k->j, "runs", r->runs);
    emit_real(&k->j, "gflops", r->gflops);
    emit_real(&k->j, "ceiling_gflops", r->ceiling_gflops);
    emit_real(&k->j, "fraction", r->fraction);
    emit_real(&k->j, "bytes_per_second", r->bytes_per_second);
    emit_real(&k->j, "tokens_per_second", r->tokens_per_second);
    emit_int(&k->j, "peak_rss_bytes", r->peak_rss_bytes);
    emit_raw(&k->j, "origin", origin_of_names(r->model, r->dict));
    if (r->synth) {
        emit_begin_inline(&k->j, "synth", '{');
        emit_text(&k->j, "shape", r->synth);
        emit_int(&k->j, "seed", 0);
        emit_end(&k->j);
    } else
        emit_raw(&k->j, "synth", "null");
    emit_end(&k->j);
}

static const char *const benches[] = { "ceiling", "prefill", "generate", "encode", "decode" };
enum { N_BENCHES = sizeof benches / sizeof benches[0] };

static int name_check(const char *name)
{
    for (int i = 0; i < N_BENCHES; i++)
        if (strcmp(name, benches[i]) == 0) return 0;
    const char *near = nearest(name, benches, N_BENCHES);
    return wrong(name,
                 near ? take_printf("did you mean '%s'?", near)
                      : "there are ceiling, prefill, generate, encode and decode",
                 "no such measurement");
}

/* Finds what is to be measured before anything is, and says where it lies. */
static int find_subject(struct session *s, const char *what, const char *kind)
{
    hooke_name *name = NULL;
    int code = what ? session_pull_first(s, what, kind) : 0;
    if (!what || code) return code;
    hooke_status st = hooke_name_open(&name, what, kind);
    if (!st) st = hooke_name_locate(name);
    if (!st && !s->opt.quiet && !s->opt.json)
        fprintf(stderr, "# %s %s\n", kind, origin_line(hooke_name_get_info(name)));
    hooke_name_close(name);
    return st ? failed_call(st, "bench", NULL) : 0;
}

int cmd_bench(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct sink sink = { .json = false };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    for (int i = 0; i < s->opt.args.n; i++)
        if ((code = name_check(s->opt.args.items[i])) != 0) return code;
    if (o.shape && (code = shape_check(o.shape)) != 0) return code;
    if ((code = session_context(s)) != 0) return code;
    session_header(s, NULL);
    hooke_bench_options b = {
        .size = sizeof b,
        .shape = o.shape,
        .model = s->opt.model,
        .dict = s->opt.dict,
        .width = (int)o.width,
        .n_tokens = (int)o.n_tokens,
        .l0 = (int)o.l0,
        .runs = (int)o.runs,
    };
    if (!b.shape && !b.model && !b.dict) b.model = b.dict = "micro";
    if ((code = find_subject(s, b.model, "model")) != 0 || (code = find_subject(s, b.dict, "dict")) != 0)
        return code;
    sink.json = s->opt.json;
    if (sink.json) emit_begin(&sink.j, NULL, '[');
    const char *const *names = s->opt.args.n ? s->opt.args.items : benches;
    int n = s->opt.args.n ? s->opt.args.n : N_BENCHES;
    for (int i = 0; i < n; i++) {
        hooke_status st = hooke_bench(s->ctx, names[i], &b, on_row, &sink);
        if (st) return failed_call(st, "bench", NULL);
    }
    if (!sink.json) return 0;
    emit_end(&sink.j);
    emit_print(&sink.j);
    return 0;
}
