/* hooke eval: SAEBench's evaluations, under SAEBench's names and flags. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/input.h"
#include "cli/opt.h"
#include "cli/targets.h"

struct options {
    const char *release_regex, *id_regex, *folder, *dataset, *dataset_column;
    int64_t batch_size, n_reconstruction, n_sparsity, context_size;
    bool force, exclude_special;
};

#define AT(field) offsetof(struct options, field)
static const struct opt rows[] = {
    { "sae-regex-pattern", 0, OPT_TEXT, AT(release_regex), "REGEX", NULL, 0, 0,
      "releases of the registry, instead of -d; also the first argument" },
    { "sae-block-pattern", 0, OPT_TEXT, AT(id_regex), "REGEX", NULL, 0, 0,
      "dictionaries of those releases; also the second argument" },
    { "output-folder", 'o', OPT_OUT, AT(folder), "DIR", "eval_results", 0, 0, "where result files go" },
    { "force-rerun", 0, OPT_FLAG, AT(force), NULL, NULL, 0, 0, "evaluate even where a result file exists" },
    { "batch-size-prompts", 0, OPT_INT, AT(batch_size), "N", "16", 1, 1e6, "contexts a batch" },
    { "n-eval-reconstruction-batches", 0, OPT_INT, AT(n_reconstruction), "N", "10", 1, 1e9,
      "batches for the loss and KL metrics" },
    { "n-eval-sparsity-variance-batches", 0, OPT_INT, AT(n_sparsity), "N", "1", 1, 1e9,
      "batches for the other metrics" },
    { "context-size", 0, OPT_INT, AT(context_size), "N", "128", 2, 1e7, "tokens a context" },
    { "dataset", 0, OPT_TEXT, AT(dataset), "FILE", NULL, 0, 0,
      "the text, as --text elsewhere (default: the embedded one)" },
    { "dataset-column", 0, OPT_TEXT, AT(dataset_column), "NAME", NULL, 0, 0, "its column" },
    { "exclude-special-tokens-from-reconstruction", 0, OPT_FLAG, AT(exclude_special), NULL, NULL, 0, 0,
      "leave BOS, EOS and padding unreconstructed" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
#undef AT

static const struct opt_spec spec = {
    "eval core [-m MODEL] [-d DICT | RELEASE_REGEX ID_REGEX]",
    "Scores dictionaries as SAEBench 0.6.0 does and writes its result documents. In this version: core.",
    "  hooke eval core -m micro -d micro --n_eval_reconstruction_batches 2\n"
    "  hooke eval core \"gemma-scope-2b-pt-res-canonical\" \"layer_20/width_16k/canonical\" --dataset "
    "text.jsonl",
    OPT_MODEL | OPT_DICT | OPT_INPUT,
    rows,
    3,
};

/* SAEBench's file name: {release}_{id}_eval_results.json with "/" as "_". */
static const char *result_path(const char *folder, const struct target *t)
{
    char *name = take_printf("%s_%s_eval_results.json", t->release, t->id);
    for (char *p = name; *p; p++)
        if (*p == '/') *p = '_';
    return take_printf("%s/%s", folder, name);
}

/* Whether the folder takes files, or can be made: a wrong place shows before the work, not after it. */
static int folder_check(const char *folder)
{
    char *path = take_text(folder, strlen(folder)), *slash;
    while (access(take_printf("%s/.", path), W_OK) != 0) {
        if (errno != ENOENT || strcmp(path, ".") == 0)
            return failed(path, "check --output_folder", "cannot take files: %s", strerror(errno));
        slash = strrchr(path, '/');
        if (slash)
            *slash = '\0'; /* "" is the root: "/." */
        else
            path = take_text(".", 1);
    }
    return 0;
}

/* mkdir -p */
static int make_folder(const char *folder)
{
    char *path = take_text(folder, strlen(folder));
    for (char *p = path + 1;; p++) {
        if (*p && *p != '/') continue;
        char was = *p;
        *p = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return failed(path, "check --output_folder", "could not be made: %s", strerror(errno));
        *p = was;
        if (!was) return 0;
    }
}

static void print_summary(const hooke_core_metrics *m)
{
    const struct {
        const char *name;
        double value;
    } lines[] = {
        { "KL divergence score", m->kl_div_score },
        { "CE loss score", m->ce_loss_score },
        { "  loss without SAE", m->ce_loss_without_sae },
        { "  loss with SAE", m->ce_loss_with_sae },
        { "  loss with ablation", m->ce_loss_with_ablation },
        { "explained variance", m->explained_variance },
        { "mean squared error", m->mse },
        { "cosine similarity", m->cossim },
        { "L2 ratio", m->l2_ratio },
        { "L0", m->l0 },
        { "L1", m->l1 },
        { "fraction alive", m->frac_alive },
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        printf("%-22s %.5g\n", lines[i].name,
               isnan(lines[i].value) ? (double)NAN : lines[i].value); /* not "-nan" */
}

static int print_file(const char *path)
{
    char *data;
    size_t n;
    int code = read_whole_file(&data, &n, path, (size_t)1 << 31);
    if (code) return code;
    fwrite(data, 1, n, stdout);
    if (n && data[n - 1] != '\n') putchar('\n');
    return 0;
}

static const char *default_dataset(const struct session *s, const struct options *o)
{
    hooke_text path = { 0 };
    if (o->dataset || s->opt.ids_file) return o->dataset;
    if (s->opt.texts.n) return s->opt.texts.items[0];
    const char *found =
        hooke_asset(&path, "data/micro/text.jsonl.gz") == HOOKE_OK ? take_text(path.data, path.n) : NULL;
    hooke_text_release(&path);
    return found;
}

static int evaluate(struct session *s, const struct options *o, const struct target *t)
{
    const char *path = result_path(o->folder, t);
    hooke_core_result *result = NULL;
    hooke_text json = { 0 };
    if (!o->force && access(path, F_OK) == 0) {
        if (!s->opt.quiet) fprintf(stderr, "hooke: %s exists; --force_rerun evaluates again\n", path);
        return s->opt.json ? print_file(path) : 0;
    }
    int code = folder_check(o->folder);
    if (code) return code;
    s->dict = NULL;
    s->opt.dict = t->what;
    if (!s->opt.model) { /* each dictionary names its own */
        hooke_model_close(s->model);
        s->model = NULL;
    }
    if ((code = session_model_and_dict(s)) != 0) return code;
    session_header(s, s->dict);
    hooke_core_options c = {
        .size = sizeof c,
        .batch_size_prompts = (int)o->batch_size,
        .n_eval_reconstruction_batches = (int)o->n_reconstruction,
        .n_eval_sparsity_variance_batches = (int)o->n_sparsity,
        .context_size = (int)o->context_size,
        .exclude_special_tokens_from_reconstruction = o->exclude_special,
        .dataset = default_dataset(s, o),
        .column = o->dataset_column ? o->dataset_column : s->opt.column,
        .ids_file = s->opt.ids_file,
        .split = s->opt.split,
        .subset = s->opt.subset,
    };
    if (!c.dataset && !c.ids_file)
        return wrong("eval core", "give --dataset FILE or --ids FILE", "there is no text");
    hooke_status st = hooke_eval_core(&result, s->model, s->dict, &c);
    if (!st) st = hooke_core_json(result, &json, t->release, t->id);
    if (!st && (code = make_folder(o->folder)) == 0) st = hooke_write_file(path, json.data, json.n);
    if (st)
        code = failed_call(st, "eval core", NULL);
    else if (!code && s->opt.json) {
        fwrite(json.data, 1, json.n, stdout);
        if (json.n && json.data[json.n - 1] != '\n') putchar('\n');
    } else if (!code) {
        print_summary(hooke_core_get_metrics(result));
        printf("%s\n", path);
    }
    hooke_text_release(&json);
    hooke_core_close(result);
    return code;
}

int cmd_eval(struct session *s, int argc, char **argv)
{
    static const char *const later[] = { "core" };
    struct options o = { 0 };
    struct target one, *targets = &one;
    size_t n = 1;
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if (s->opt.args.n == 0) return wrong("eval", "write 'hooke eval core'", "there is no evaluation named");
    if (strcmp(s->opt.args.items[0], "core") != 0) {
        const char *near = nearest(s->opt.args.items[0], later, 1);
        return wrong(s->opt.args.items[0], near ? "did you mean 'core'?" : "this version knows 'core'",
                     "no such evaluation");
    }
    if (s->opt.args.n > 1) o.release_regex = s->opt.args.items[1];
    if (s->opt.args.n > 2) o.id_regex = s->opt.args.items[2];
    if (o.release_regex) {
        n = 0;
        targets = NULL;
        if ((code = targets_match(&targets, &n, o.release_regex, o.id_regex ? o.id_regex : ".*")) != 0)
            return code;
        if (n > 1 && s->opt.json)
            return wrong("--json", "narrow the patterns",
                         "%zu dictionaries match, and one document is to be printed", n);
    } else
        one = target_of(s->opt.dict ? s->opt.dict : "micro");
    int worst = 0;
    for (size_t i = 0; i < n; i++) {
        code = evaluate(s, &o, &targets[i]);
        if (code > worst) worst = code;
    }
    return worst;
}
