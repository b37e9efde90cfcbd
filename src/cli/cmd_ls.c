/* hooke ls: the registry of dictionaries and the known models, filtered. Without a filter the terminal gets one line a release. */
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/opt.h"
#include "cli/range.h"
#include "cli/term.h"

struct options {
    const char *model, *layer, *site, *width, *l0, *release, *kind;
    bool cached, not_cached;
};

#define AT(field) offsetof(struct options, field)
static const struct opt rows[] = {
    { "model", 'm', OPT_TEXT, AT(model), "NAME", NULL, 0, 0, "made for this model, by any of its names" },
    { "release", 0, OPT_TEXT, AT(release), "REGEX", NULL, 0, 0, "of releases that match as a whole" },
    { "layer", 0, OPT_TEXT, AT(layer), "RANGE", NULL, 0, 0, "layers: 20, 10-12, 20-" },
    { "site", 0, OPT_TEXT, AT(site), "TEXT", NULL, 0, 0,
      "hook points that hold this: resid_post, mlp, attn" },
    { "width", 0, OPT_TEXT, AT(width), "RANGE", NULL, 0, 0, "numbers of features: 16k, 65536, 16k-131k" },
    { "l0", 0, OPT_TEXT, AT(l0), "RANGE", NULL, 0, 0, "published L0: 50-100, -30, 71" },
    { "cached", 0, OPT_FLAG, AT(cached), NULL, NULL, 0, 0, "only what is in the hub cache" },
    { "not-cached", 0, OPT_FLAG, AT(not_cached), NULL, NULL, 0, 0, "only what is not" },
    { "kind", 0, OPT_CHOICE, AT(kind), "dict|model|all", NULL, 0, 0,
      "what to list (default: all; dict with a filter)" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
#undef AT

static const struct opt_spec spec = {
    "ls [REGEX]",
    "Lists published dictionaries and known models. REGEX (POSIX extended, any case) is looked for in "
    "names,\n"
    "repositories, Neuronpedia ids. Without a filter: one line a release. --json: one object a line.",
    "  hooke ls gemma-scope-2b --layer 20 --width 16k --l0 50-150\n  hooke ls --cached\n"
    "  hooke ls --model gpt2-small --json",
    0,
    rows,
    1,
};

/* One line of the list. Strings live to the end. */
struct entry {
    bool is_model, is_cached;
    const char *name, *release, *sae_id, *repo, *file, *model, *site, *format, *neuronpedia,
        *config_overrides;
    int layer;
    int64_t width;
    double l0, variance_explained, norm_scaling_factor;
};

struct listing {
    const struct options *o;
    regex_t pattern, release;
    bool has_pattern, has_release;
    struct range layer, width, l0;
    const char *model_repo; /* --model's repository; NULL: compared as text */
    const char *last_model; /* the last row's, and whether it is the one asked for */
    bool last_fits;
    struct entry *entries;
    size_t n, capacity;
};

/* ---- which ---- */

static const char *repository_of(const char *model)
{
    hooke_name *name = NULL;
    const char *repo = NULL;
    if (hooke_name_open(&name, model, "model") == HOOKE_OK && hooke_name_get_info(name)->repo[0])
        repo = take_printf("%s", hooke_name_get_info(name)->repo);
    hooke_name_close(name);
    return repo;
}

/* Names of one model differ ("gpt2-small", "gpt2"): they are compared by the repository they stand for. */
static bool fits_model(struct listing *l, const char *model)
{
    if (!l->o->model) return true;
    if (l->last_model && strcmp(l->last_model, model) == 0) return l->last_fits;
    const char *repo = repository_of(model);
    l->last_model = take_printf("%s", model);
    l->last_fits =
        strcmp(model, l->o->model) == 0 || (repo && l->model_repo && strcmp(repo, l->model_repo) == 0);
    return l->last_fits;
}

static bool fits_pattern(const struct listing *l, const hooke_name_info *i)
{
    const char *texts[] = { i->what, i->neuronpedia, take_printf("%s/%s", i->repo, i->file), i->model };
    bool found = !l->has_pattern;
    for (size_t k = 0; !found && k < sizeof texts / sizeof *texts; k++)
        found = regexec(&l->pattern, texts[k], 0, NULL, 0) == 0;
    return found;
}

static bool fits(struct listing *l, const hooke_name_info *i)
{
    bool is_model = strcmp(i->kind, "model") == 0;
    const struct options *o = l->o;
    if (is_model && (o->layer || o->site || o->width || o->l0 || o->release)) return false;
    if (l->has_release && regexec(&l->release, i->release, 0, NULL, 0) != 0) return false;
    if (o->layer && (i->layer < 0 || !range_holds(&l->layer, i->layer))) return false;
    if (o->width && (i->width <= 0 || !range_holds(&l->width, (double)i->width))) return false;
    if (o->l0 && !range_holds(&l->l0, i->l0)) return false; /* NaN is in no range */
    if (o->site && !strstr(i->site, o->site)) return false;
    return fits_model(l, i->model) && fits_pattern(l, i);
}

static const char *keep(const char *s)
{
    return s[0] ? take_printf("%s", s) : "";
}

static int on_name(void *payload, const hooke_name_info *i)
{
    struct listing *l = payload;
    if (!fits(l, i)) return 0;
    bool is_cached = hooke_name_is_cached(i);
    if ((l->o->cached && !is_cached) || (l->o->not_cached && is_cached)) return 0;
    grow(&l->entries, &l->capacity, l->n + 1, sizeof *l->entries);
    l->entries[l->n++] = (struct entry){
        .is_model = strcmp(i->kind, "model") == 0,
        .is_cached = is_cached,
        .name = keep(i->what),
        .release = keep(i->release),
        .sae_id = keep(i->sae_id),
        .repo = keep(i->repo),
        .file = keep(i->file),
        .model = keep(i->model),
        .site = keep(i->site),
        .format = keep(i->format),
        .neuronpedia = keep(i->neuronpedia),
        .config_overrides = keep(i->config_overrides),
        .layer = i->layer,
        .width = i->width,
        .l0 = i->l0,
        .variance_explained = i->variance_explained,
        .norm_scaling_factor = i->norm_scaling_factor,
    };
    return 0;
}

/* ---- JSON: one object a line ---- */

static void emit_known(struct json_out *j, const char *key, const char *s)
{
    emit_text(j, key, s[0] ? s : NULL);
}

static void put_json(const struct entry *e)
{
    struct json_out j = { 0 };
    emit_begin_inline(&j, NULL, '{');
    emit_text(&j, "kind", e->is_model ? "model" : "dict");
    emit_known(&j, "release", e->release);
    emit_known(&j, "sae_id", e->sae_id);
    emit_text(&j, "repo_id", e->repo);
    emit_known(&j, "path", e->file);
    emit_text(&j, "model", e->model);
    emit_bool(&j, "cached", e->is_cached);
    if (!e->is_model) {
        emit_text(&j, "format", e->format);
        emit_known(&j, "site", e->site);
        if (e->layer >= 0)
            emit_int(&j, "layer", e->layer);
        else
            emit_raw(&j, "layer", "null");
        if (e->width)
            emit_int(&j, "width", e->width);
        else
            emit_raw(&j, "width", "null");
        emit_real(&j, "l0", e->l0);
        emit_real(&j, "variance_explained", e->variance_explained);
        emit_real(&j, "norm_scaling_factor",
                  e->norm_scaling_factor != 0 ? e->norm_scaling_factor : (double)NAN);
        emit_known(&j, "neuronpedia", e->neuronpedia);
        emit_raw(&j, "config_overrides", e->config_overrides[0] ? e->config_overrides : "null");
    }
    emit_end(&j);
    emit_print(&j);
}

/* ---- lines ---- */

/* "16k" of 16384, as dictionaries are called; other numbers in full. */
static const char *width_text(int64_t width)
{
    static const int called[][2] = { { 64, 65 }, { 128, 131 }, { 256, 262 }, { 512, 524 } };
    int64_t k = width >> 10;
    if (width == 0) return "";
    if (width == (int64_t)1 << 20) return "1m";
    if (width != k << 10) return take_printf("%lld", (long long)width);
    for (size_t i = 0; i < sizeof called / sizeof *called; i++)
        if (k == called[i][0]) k = called[i][1];
    return take_printf("%lldk", (long long)k);
}

static int longest(const struct entry *e, size_t n, size_t field)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        const char *const *s = (const char *const *)(const void *)((const char *)&e[i] + field);
        if (strlen(*s) > most) most = strlen(*s);
    }
    return (int)most;
}

static void put_models(const struct entry *e, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (!e[i].is_model) continue;
        if (!any) printf("%smodels%s\n", term_bold(), term_off());
        any = true;
        printf("  %s%s%s%s\n", e[i].is_cached ? term_bold() : "", e[i].repo, term_off(),
               e[i].is_cached ? "  cached" : "");
    }
}

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

/* Within a release people count layers: 9 before 10. Programs get the registry's own order. */
static int by_layer(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = x->is_model - y->is_model;
    if (!order) order = strcmp(x->release, y->release);
    if (!order) order = (x->layer > y->layer) - (x->layer < y->layer);
    if (!order) order = (x->width > y->width) - (x->width < y->width);
    if (!order) order = compare_numbers(isnan(x->l0) ? -1 : x->l0, isnan(y->l0) ? -1 : y->l0);
    return order ? order : strcmp(x->name, y->name);
}

static void put_dicts(const struct entry *e, size_t n)
{
    int name = longest(e, n, offsetof(struct entry, name)),
        site = longest(e, n, offsetof(struct entry, site));
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (e[i].is_model) continue;
        if (!any)
            printf("%s%-*s  %6s  %6s  %-*s  %s%s\n", term_bold(), name, "dictionary", "width", "L0", site,
                   "site", "model", term_off());
        any = true;
        const char *l0 = isnan(e[i].l0) ? "" : take_printf("%.4g", e[i].l0);
        printf("%s%-*s%s  %6s  %6s  %s%-*s  %s%s%s\n", e[i].is_cached ? term_bold() : "", name, e[i].name,
               term_off(), width_text(e[i].width), l0, term_dim(), site, e[i].site, e[i].model, term_off(),
               e[i].is_cached ? "  cached" : "");
    }
}

/* What the rows of one release have in common. */
static void put_release(const struct entry *e, size_t n, int name, int model)
{
    int lowest = -1, highest = -1;
    int64_t narrow = 0, wide = 0;
    size_t n_cached = 0;
    for (size_t i = 0; i < n; i++) {
        if (e[i].layer >= 0 && (lowest < 0 || e[i].layer < lowest)) lowest = e[i].layer;
        if (e[i].layer > highest) highest = e[i].layer;
        if (e[i].width && (!narrow || e[i].width < narrow)) narrow = e[i].width;
        if (e[i].width > wide) wide = e[i].width;
        n_cached += e[i].is_cached;
    }
    const char *layers =
        lowest == highest ? take_printf("%d", lowest) : take_printf("%d-%d", lowest, highest);
    const char *widths =
        narrow == wide ? width_text(wide) : take_printf("%s-%s", width_text(narrow), width_text(wide));
    printf("%s%-*s%s  %5zu  %-*s  %7s  %10s%s", n_cached ? term_bold() : "", name, e->release, term_off(), n,
           model, e->model, layers, widths, n_cached ? "" : "\n");
    if (n_cached) printf("  %zu cached\n", n_cached);
}

static void put_releases(const struct entry *e, size_t n)
{
    int name = longest(e, n, offsetof(struct entry, release)),
        model = longest(e, n, offsetof(struct entry, model));
    size_t from = 0;
    printf("%s%-*s  %5s  %-*s  %7s  %10s%s\n", term_bold(), name, "release", "dicts", model, "model",
           "layers", "width", term_off());
    for (size_t i = 1; i <= n; i++) {
        if (i < n && strcmp(e[i].release, e[from].release) == 0) continue;
        if (!e[from].is_model) put_release(e + from, i - from, name, model);
        from = i;
    }
}

/* ---- the command ---- */

static int compile(regex_t *re, const char *pattern, bool whole, int flags, const char *option)
{
    char why[256];
    int bad = regcomp(re, whole ? take_printf("^(%s)$", pattern) : pattern, REG_EXTENDED | REG_NOSUB | flags);
    if (!bad) return 0;
    regerror(bad, re, why, sizeof why);
    return wrong(option, "write a POSIX extended regular expression", "'%s': %s", pattern, why);
}

static int read_filters(struct listing *l, const char *pattern)
{
    const struct options *o = l->o;
    int code;
    if (o->cached && o->not_cached)
        return wrong("ls", "give one of them", "--cached and --not-cached exclude each other");
    if ((code = range_parse(&l->layer, "--layer", o->layer)) != 0 ||
        (code = range_parse(&l->width, "--width", o->width)) != 0 ||
        (code = range_parse(&l->l0, "--l0", o->l0)) != 0)
        return code;
    if (o->model &&
        !(l->model_repo = repository_of(o->model))) /* unknown ones fit nothing: say so, with what is near */
        return failed_call(HOOKE_E_NOT_FOUND, "--model", NULL);
    if (o->release) {
        if ((code = compile(&l->release, o->release, true, 0, "--release")) != 0) return code;
        l->has_release = true;
    }
    if (pattern) {
        if ((code = compile(&l->pattern, pattern, false, REG_ICASE, "REGEX")) != 0) return code;
        l->has_pattern = true;
    }
    return 0;
}

static void put_all(const struct session *s, const struct listing *l, bool is_filtered)
{
    size_t n_models = 0;
    for (size_t i = 0; i < l->n; i++) n_models += l->entries[i].is_model;
    if (s->opt.json) {
        for (size_t i = 0; i < l->n; i++) put_json(&l->entries[i]);
        return;
    }
    if (l->n) qsort(l->entries, l->n, sizeof *l->entries, by_layer);
    if (l->n > n_models) (is_filtered ? put_dicts : put_releases)(l->entries, l->n - n_models);
    if (l->n > n_models && n_models) putchar('\n');
    put_models(l->entries, l->n);
    fflush(stdout);
    if (!s->opt.quiet)
        fprintf(stderr, "# %zu dictionaries, %zu models%s\n", l->n - n_models, n_models,
                is_filtered ? "" : "; 'hooke ls RELEASE' lists one release");
}

int cmd_ls(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct listing l = { .o = &o };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    const char *pattern = s->opt.args.n ? s->opt.args.items[0] : NULL;
    code = read_filters(&l, pattern);
    bool is_filtered = pattern || o.model || o.layer || o.site || o.width || o.l0 || o.release || o.cached ||
                       o.not_cached || (o.kind && strcmp(o.kind, "dict") == 0);
    const char *kind = o.kind && strcmp(o.kind, "all") != 0 ? o.kind : NULL;
    if (!code) {
        hooke_status st = hooke_registry_walk(kind, on_name, &l);
        if (st) code = failed_call(st, "ls", NULL);
    }
    if (l.has_pattern) regfree(&l.pattern);
    if (l.has_release) regfree(&l.release);
    if (code) return code;
    bool by_name = pattern || o.release;
    if (l.n == 0)
        return failed(
            "ls",
            take_printf("loosen the filter; 'hooke ls' shows the releases%s",
                        by_name
                            ? "; Gemma Scope 2, Qwen Scope and others younger than the list open by name all "
                              "the same (docs/names.md)"
                            : ""),
            "nothing matches");
    put_all(s, &l, is_filtered);
    return 0;
}
