/* hooke pull: what a name stands for, into the hub cache. */
#include <stdio.h>
#include <string.h>

#include "cli/datasets.h"
#include "cli/json_out.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/pull_part.h"

struct options {
    const char *revision, *kind, *rows, *out;
    struct list include, exclude, only;
    int64_t jobs, retries;
    bool everything, dry_run, datasets, tensors;
};

static const struct opt rows[] = {
    { "revision", 0, OPT_TEXT, offsetof(struct options, revision), "REV", NULL, 0, 0,
      "branch, tag or commit (default: the name's own, else main)" },
    { "include", 0, OPT_LIST, offsetof(struct options, include), "GLOB", NULL, 0, 0,
      "only files of the repository that match; may be repeated" },
    { "exclude", 0, OPT_LIST, offsetof(struct options, exclude), "GLOB", NULL, 0, 0, "no files that match" },
    { "all", 0, OPT_FLAG, offsetof(struct options, everything), NULL, NULL, 0, 0,
      "everything there is, not just what opening it takes" },
    { "datasets", 0, OPT_FLAG, offsetof(struct options, datasets), NULL, NULL, 0, 0,
      "the data sets that evaluations read; WHAT is an evaluation or a data set (default: all)" },
    { "only", 0, OPT_LIST, offsetof(struct options, only), "TENSOR[,TENSOR]", NULL, 0, 0,
      "only these tensors of a safetensors or npz file, into a file of their own (-o)" },
    { "rows", 0, OPT_TEXT, offsetof(struct options, rows), "N[,N-N]", NULL, 0, 0, "only these rows of them" },
    { "out", 'o', OPT_OUT, offsetof(struct options, out), "FILE|DIR", NULL, 0, 0,
      "where such a part goes (default: STEM.part.safetensors here)" },
    { "tensors", 0, OPT_FLAG, offsetof(struct options, tensors), NULL, NULL, 0, 0,
      "list the tensors of a safetensors or npz file, from its headers alone" },
    { "kind", 0, OPT_CHOICE, offsetof(struct options, kind), "model|dict", NULL, 0, 0,
      "what the name is meant as, where it could be both" },
    { "dry-run", 'n', OPT_FLAG, offsetof(struct options, dry_run), NULL, NULL, 0, 0,
      "say what would be brought, and bring nothing" },
    { "jobs", 'j', OPT_INT, offsetof(struct options, jobs), "N", "4", 1, 32, "files at a time" },
    { "retries", 0, OPT_INT, offsetof(struct options, retries), "N", "5", 0, 1000,
      "tries in a row without a byte gained" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "pull WHAT... [--revision REV] [--include GLOB]",
    "Downloads models, dictionaries and data sets into the Hugging Face hub cache, where every other "
    "command\n"
    "(and every other tool) finds them. WHAT is any name that -m or -d take, or "
    "hf:datasets/ORG/NAME[/PATH].\n"
    "A pull that was cut off goes on where it stopped. HF_TOKEN opens gated repositories.",
    "  hooke pull gemma-2-2b\n"
    "  hooke pull gemma-scope-2b-pt-res-canonical/layer_20/width_16k/canonical\n"
    "  hooke pull gpt2-small/8-res-jb --only W_dec --rows 5,100-120",
    0,
    rows,
    -1,
};

static void put_bytes(char *out, size_t n, int64_t bytes)
{
    double b = (double)bytes;
    if (bytes < 0)
        snprintf(out, n, "?");
    else if (b >= 1e9)
        snprintf(out, n, "%.2f GB", b / 1e9);
    else if (b >= 1e6)
        snprintf(out, n, "%.1f MB", b / 1e6);
    else if (b >= 1e4)
        snprintf(out, n, "%.1f kB", b / 1e3);
    else
        snprintf(out, n, "%.0f B", b);
}

/* NULL-terminated, as the library wants it; NULL when empty. */
static const char *const *globs(const struct list *l)
{
    const char **items;
    if (l->n == 0) return NULL;
    items = take((size_t)l->n + 1, sizeof *items);
    for (int i = 0; i < l->n; i++) items[i] = l->items[i];
    return items;
}

static hooke_pull_options options_of(const struct options *o)
{
    return (hooke_pull_options){
        .size = sizeof(hooke_pull_options),
        .kind = o->kind,
        .revision = o->revision,
        .include = globs(&o->include),
        .exclude = globs(&o->exclude),
        .everything = o->everything,
        .dry_run = o->dry_run,
        .n_at_once = (int)o->jobs,
        .n_retries = o->retries ? (int)o->retries : -1,
        .progress = progress_report,
    };
}

/* ---- what came of it ---- */

static void print_pulled(const hooke_pulled_info *p, bool dry_run)
{
    char size[32], got[32];
    printf("%s at %s (%.12s)\n", p->repo, p->revision, p->commit);
    for (int i = 0; i < p->n_files; i++) {
        put_bytes(size, sizeof size, p->files[i].bytes);
        printf("  %9s  %s%s\n", size, p->files[i].path, p->files[i].was_cached ? "  (was there)" : "");
    }
    put_bytes(size, sizeof size, p->bytes);
    put_bytes(got, sizeof got, p->bytes_downloaded);
    printf("%d file%s, %s, %s %s\n%s\n", p->n_files, p->n_files == 1 ? "" : "s", size, got,
           dry_run ? "to download" : "downloaded", p->path);
}

static void emit_pulled(struct json_out *j, const char *what, const hooke_pulled_info *p)
{
    emit_text(j, "what", what);
    emit_text(j, "repo", p->repo);
    emit_text(j, "revision", p->revision);
    emit_text(j, "commit", p->commit);
    emit_text(j, "path", p->path);
    emit_int(j, "bytes", p->bytes);
    emit_int(j, "bytes_downloaded", p->bytes_downloaded);
    emit_begin(j, "files", '[');
    for (int i = 0; i < p->n_files; i++) {
        emit_begin_inline(j, NULL, '{');
        emit_text(j, "path", p->files[i].path);
        emit_int(j, "bytes", p->files[i].bytes);
        emit_bool(j, "was_cached", p->files[i].was_cached);
        emit_end(j);
    }
    emit_end(j);
}

/* One name gives one object, several an array of them. */
static int pull_names(struct session *s, const struct options *o)
{
    struct json_out j = { 0 };
    int n = s->opt.args.n;
    hooke_pull_options options = options_of(o);
    if (n == 0) return wrong("pull", "'hooke pull gemma-2-2b', for example", "there is nothing to pull");
    if (n > 1) emit_begin(&j, NULL, '[');
    for (int i = 0; i < n; i++) {
        hooke_pulled *p;
        const char *what = s->opt.args.items[i];
        hooke_status st = hooke_pull(&p, what, &options);
        if (st) return failed_call(st, "pull", NULL);
        progress_clear();
        emit_begin(&j, NULL, '{');
        emit_pulled(&j, what, hooke_pulled_get_info(p));
        emit_end(&j);
        if (!s->opt.json) print_pulled(hooke_pulled_get_info(p), o->dry_run);
        hooke_pulled_close(p);
    }
    if (n > 1) emit_end(&j);
    if (s->opt.json) emit_print(&j);
    return 0;
}

/* ---- data sets ---- */

/* Everything, what one evaluation reads, or one set. */
static bool is_asked_for(const hooke_dataset_info *d, const struct list *args)
{
    if (args->n == 0) return hooke_dataset_serves(d, NULL);
    for (int i = 0; i < args->n; i++) {
        const hooke_dataset_info *named;
        if (hooke_dataset_serves(d, args->items[i])) return true;
        if (hooke_dataset_find(&named, args->items[i]) == HOOKE_OK && named == d) return true;
    }
    return false;
}

static int unknown_dataset(const char *what)
{
    const char *names[512];
    int n = 0;
    for (int i = 0; hooke_dataset_get(i) && n < 512; i++) names[n++] = hooke_dataset_get(i)->name;
    const char *near = nearest(what, names, n);
    return wrong("--datasets",
                 near ? take_printf("did you mean '%s'?", near) : "name an evaluation or a data set",
                 "'%s' is neither an evaluation nor a data set", what);
}

static int check_dataset_names(const struct list *args)
{
    for (int i = 0; i < args->n; i++) {
        const hooke_dataset_info *named;
        bool known = hooke_dataset_find(&named, args->items[i]) == HOOKE_OK;
        for (int k = 0; !known && hooke_dataset_get(k); k++)
            known = hooke_dataset_serves(hooke_dataset_get(k), args->items[i]);
        if (!known) return unknown_dataset(args->items[i]);
    }
    return 0;
}

/* One set; a failure is said and does not keep the others away. */
static int pull_dataset(struct session *s, struct json_out *j, const hooke_dataset_info *d,
                        const hooke_pull_options *options)
{
    hooke_pulled *p = NULL;
    if (strcmp(d->kind, "vocabulary") == 0) {
        if (!s->opt.json) printf("%s: %s\n", d->name, d->note);
        return 0;
    }
    if (!d->repo[0]) return failed(d->name, take_printf("see %s", d->page), "is not on the hub");
    hooke_status st = dataset_pull(&p, d, options);
    progress_clear();
    if (st == HOOKE_E_CANCELLED) return failed_call(st, d->name, NULL);
    if (st && d->gated)
        return failed(d->name, take_printf("ask for access at %s, then set HF_TOKEN", d->page), "%s",
                      hooke_error());
    if (st) return failed_call(st, d->name, take_printf("see %s", d->page));
    emit_begin(j, NULL, '{');
    emit_text(j, "name", d->name);
    emit_pulled(j, dataset_hub_name(d), hooke_pulled_get_info(p));
    emit_end(j);
    if (!s->opt.json) print_pulled(hooke_pulled_get_info(p), options->dry_run);
    hooke_pulled_close(p);
    return 0;
}

static int pull_datasets(struct session *s, const struct options *o)
{
    struct json_out j = { 0 };
    hooke_pull_options options = options_of(o);
    int code = check_dataset_names(&s->opt.args);
    if (code) return code;
    emit_begin(&j, NULL, '[');
    for (int i = 0; hooke_dataset_get(i) && !interrupted(); i++)
        if (is_asked_for(hooke_dataset_get(i), &s->opt.args) &&
            pull_dataset(s, &j, hooke_dataset_get(i), &options) != 0)
            code = 1;
    emit_end(&j);
    if (s->opt.json) emit_print(&j);
    return code;
}

int cmd_pull(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    progress_start(s->opt.quiet);
    hooke_pull_options options = options_of(&o);
    if (o.datasets) return pull_datasets(s, &o);
    if (o.tensors) return list_remote_tensors(s, &options);
    if (o.only.n || o.rows || o.out) return pull_part(s, &o.only, o.rows, o.out, &options);
    return pull_names(s, &o);
}
