/* hooke info: what a model, a dictionary or a file holds. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/absent.h"
#include "cli/json_out.h"
#include "cli/measure.h"
#include "cli/origin.h"
#include "cli/opt.h"

struct options {
    bool sites, check, measure, tensors;
};

static const struct opt rows[] = {
    { "sites", 0, OPT_FLAG, offsetof(struct options, sites), NULL, NULL, 0, 0,
      "list a model's sites and their widths" },
    { "tensors", 0, OPT_FLAG, offsetof(struct options, tensors), NULL, NULL, 0, 0,
      "list the tensors (--json always does)" },
    { "check", 0, OPT_FLAG, offsetof(struct options, check), NULL, NULL, 0, 0,
      "check a dictionary: shapes, finite values, decoder norms" },
    { "measure", 0, OPT_FLAG, offsetof(struct options, measure), NULL, NULL, 0, 0,
      "L0 and explained variance on its model and the embedded text, beside the published" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "info [WHAT | -m MODEL | -d DICT]",
    "Says what something is: format, architecture, sizes, site, tensors. WHAT is a path or any name that -m "
    "and -d take.",
    "  hooke info micro --sites\n  hooke info -d micro --check --measure",
    OPT_MODEL | OPT_DICT,
    rows,
    1,
};

static void put_size(const char *label, int64_t bytes)
{
    if (bytes < 1 << 20)
        printf("%-14s %.1f KiB\n", label, (double)bytes / 1024);
    else if (bytes < 1 << 30)
        printf("%-14s %.1f MiB\n", label, (double)bytes / (1 << 20));
    else
        printf("%-14s %.2f GiB\n", label, (double)bytes / (1 << 30));
}

static void json_model(struct json_out *j, const hooke_model_info *m)
{
    emit_text(j, "name", m->name);
    emit_text(j, "path", m->path);
    emit_text(j, "architecture", m->architecture);
    emit_text(j, "dtype", m->weight_dtype);
    emit_int(j, "n_layers", m->n_layers);
    emit_int(j, "d_model", m->d_model);
    emit_int(j, "n_heads", m->n_heads);
    emit_int(j, "n_kv_heads", m->n_kv_heads);
    emit_int(j, "d_head", m->d_head);
    emit_int(j, "d_mlp", m->d_mlp);
    emit_int(j, "d_vocab", m->d_vocab);
    emit_int(j, "n_ctx", m->n_ctx);
    emit_int(j, "sliding_window", m->sliding_window);
    emit_bool(j, "tied_embeddings", m->tied_embeddings);
    emit_bool(j, "adds_bos", m->adds_bos);
    emit_int(j, "n_params", m->n_params);
    emit_int(j, "weight_bytes", m->weight_bytes);
    emit_raw(j, "d_dict", "null");
    emit_raw(j, "site", "null");
}

static void json_dict(struct json_out *j, const hooke_dict_info *d)
{
    emit_text(j, "name", d->name);
    emit_text(j, "path", d->path);
    emit_text(j, "release", d->origin->release[0] ? d->origin->release : NULL);
    emit_text(j, "sae_id", d->origin->sae_id[0] ? d->origin->sae_id : NULL);
    emit_text(j, "neuronpedia", d->origin->neuronpedia[0] ? d->origin->neuronpedia : NULL);
    emit_text(j, "architecture", d->architecture);
    emit_text(j, "dtype", d->dtype);
    emit_text(j, "model", d->model_name[0] ? d->model_name : NULL);
    emit_int(j, "d_model", d->d_in);
    emit_int(j, "d_out", d->d_out);
    emit_int(j, "d_dict", d->d_dict);
    emit_text(j, "site", d->site[0] ? d->site : NULL);
    emit_text(j, "site_out", d->site_out[0] ? d->site_out : NULL);
    emit_int(j, "hook_head_index", d->hook_head_index);
    emit_int(j, "k", d->k);
    emit_bool(j, "is_transcoder", d->is_transcoder);
    emit_bool(j, "has_skip", d->has_skip);
    emit_bool(j, "is_sequential", d->is_sequential);
    emit_int(j, "n_targets", d->n_targets);
    emit_bool(j, "apply_b_dec_to_input", d->apply_b_dec_to_input);
    emit_bool(j, "rescale_acts_by_decoder_norm", d->rescale_acts_by_decoder_norm);
    emit_text(j, "normalize_activations", d->normalize_activations);
    emit_text(j, "activation_scale", d->activation_scale);
    emit_bool(j, "prepend_bos", d->prepend_bos);
    emit_int(j, "context_size", d->context_size);
    emit_real32(j, "expected_l0", d->expected_l0);
    emit_int(j, "weight_bytes", d->weight_bytes);
    emit_raw(j, "config", d->config_json && d->config_json[0] ? d->config_json : "{}");
}

/* A file that is neither: what makes no sense is null. */
static void json_file(struct json_out *j, const char *path)
{
    static const char *const keys[] = { "architecture", "d_model", "d_dict", "site" };
    emit_text(j, "path", path);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) emit_raw(j, keys[i], "null");
}

/* Tensors of a dictionary's files, or of the file that was opened. */
static int n_tensors(const struct session *s, const hooke_file *f)
{
    return s->dict ? hooke_dict_n_tensors(s->dict) : f ? hooke_file_n_tensors(f) : 0;
}

static hooke_tensor_info tensor(const struct session *s, const hooke_file *f, int i)
{
    hooke_tensor_info t = { 0 };
    if (!s->dict) return *hooke_file_tensor(f, i);
    (void)hooke_dict_tensor(s->dict, i, &t); /* i is in range */
    return t;
}

static void json_tensors(struct json_out *j, const struct session *s, const hooke_file *f)
{
    emit_begin(j, "tensors", '[');
    for (int i = 0; i < n_tensors(s, f); i++) {
        const hooke_tensor_info item = tensor(s, f, i), *t = &item;
        emit_begin_inline(j, NULL, '{');
        emit_text(j, "name", t->name);
        emit_text(j, "dtype", t->dtype);
        emit_begin(j, "shape", '[');
        for (int k = 0; k < t->n_dims; k++) emit_int(j, NULL, t->shape[k]);
        emit_end(j);
        emit_int(j, "bytes", t->bytes);
        emit_end(j);
    }
    emit_end(j);
}

static void print_model(const hooke_model_info *m)
{
    printf("%-14s %s\n%-14s %s\n%-14s %s, %s weights\n", "model", m->name, "path", m->path, "architecture",
           m->architecture, m->weight_dtype);
    print_origin(m->origin);
    printf("%-14s %lld\n", "parameters", (long long)m->n_params);
    printf("%-14s %d layers, d_model %d, %d heads of %d (%d key/value), d_mlp %d\n", "shape", m->n_layers,
           m->d_model, m->n_heads, m->d_head, m->n_kv_heads, m->d_mlp);
    printf("%-14s %d, %s embeddings\n", "vocabulary", m->d_vocab, m->tied_embeddings ? "tied" : "untied");
    printf("%-14s %d tokens", "context", m->n_ctx);
    if (m->sliding_window) printf(", sliding window %d", m->sliding_window);
    printf("\n%-14s %s\n", "BOS", m->adds_bos ? "added" : "not added");
    put_size("weights", m->weight_bytes);
}

/* How often features fire, where the files say. */
struct densities {
    int n_never, n_rare; /* below 1e-9; below 1e-5 but not never */
    double sum;          /* of fractions: the L0 they add up to */
};

static struct densities densities_of(const struct session *s)
{
    struct densities out = { 0 };
    int n = hooke_dict_get_info(s->dict)->d_dict;
    float *log10s = take((size_t)n, sizeof *log10s);
    if (hooke_dict_vector(s->dict, "log_sparsity", log10s, n) != HOOKE_OK) return out;
    for (int i = 0; i < n; i++) {
        double fraction = pow(10, (double)log10s[i]);
        out.n_never += fraction < 1e-9;
        out.n_rare += fraction >= 1e-9 && fraction < 1e-5;
        if (fraction >= 1e-9) out.sum += fraction;
    }
    give(log10s);
    return out;
}

static void json_densities(struct json_out *j, const struct session *s)
{
    if (!hooke_dict_get_info(s->dict)->has_density) {
        emit_raw(j, "density", "null");
        return;
    }
    struct densities d = densities_of(s);
    emit_begin_inline(j, "density", '{');
    emit_int(j, "n_never", d.n_never);
    emit_int(j, "n_rare", d.n_rare);
    emit_real(j, "l0", d.sum);
    emit_end(j);
}

static void print_densities(const struct session *s)
{
    if (!hooke_dict_get_info(s->dict)->has_density) return;
    struct densities d = densities_of(s);
    printf("%-14s %d features never fired, %d less than once in 100,000 tokens; L0 %.1f\n", "densities",
           d.n_never, d.n_rare, d.sum);
}

static void print_dict(const hooke_dict_info *d)
{
    printf("%-14s %s\n%-14s %s\n", "dictionary", d->name, "path", d->path);
    print_origin(d->origin);
    printf("%-14s %s, %s weights\n%-14s %s\n", "architecture", d->architecture, d->dtype, "format",
           d->format);
    printf("%-14s %d features of %d", "shape", d->d_dict, d->d_in);
    if (d->d_out != d->d_in) printf(" to %d", d->d_out);
    if (d->k) printf(", k %d", d->k);
    printf("\n%-14s %s", "site", d->site[0] ? d->site : "not said");
    if (d->is_transcoder) printf(" to %s%s", d->site_out, d->has_skip ? ", with a skip connection" : "");
    if (d->hook_head_index >= 0) printf(", head %d", d->hook_head_index);
    if (d->n_targets) printf(", decoders for %d layers", d->n_targets);
    printf("\n%-14s %s\n%-14s %s\n", "model", d->model_name[0] ? d->model_name : "not said", "activations",
           d->activation_scale);
    printf("%-14s %s\n%-14s %s\n", "normalisation", d->normalize_activations, "BOS",
           d->prepend_bos ? "added" : "not added");
    if (d->context_size) printf("%-14s %d tokens\n", "context", d->context_size);
    if (d->expected_l0 > 0) printf("%-14s %.1f\n", "expected L0", (double)d->expected_l0);
    put_size("weights", d->weight_bytes);
}

static void print_tensors(const struct session *s, const hooke_file *f)
{
    for (int i = 0; i < n_tensors(s, f); i++) {
        const hooke_tensor_info item = tensor(s, f, i), *t = &item;
        printf("  %-48s %-5s [", t->name, t->dtype);
        for (int k = 0; k < t->n_dims; k++) printf("%s%lld", k ? ", " : "", (long long)t->shape[k]);
        printf("]\n");
    }
}

static int list_sites(struct session *s, struct json_out *j)
{
    enum { MOST = 16384 };
    hooke_site *sites = take(MOST, sizeof *sites);
    hooke_text name = { 0 };
    int n = 0;
    hooke_status st = hooke_sites_match(s->model, sites, MOST, &n, "*");
    if (st) return failed_call(st, "sites", NULL);
    if (s->opt.json) emit_begin(j, "sites", '[');
    for (int i = 0; i < n && i < MOST && hooke_site_name(s->model, &name, sites[i]) == HOOKE_OK; i++) {
        int width = hooke_site_width(s->model, sites[i]);
        if (s->opt.json) {
            emit_begin_inline(j, NULL, '{');
            emit_text(j, "name", name.data);
            emit_int(j, "width", width);
            emit_end(j);
        } else if (width)
            printf("  %-40s %d\n", name.data, width);
        else
            printf("  %-40s by the batch\n", name.data);
    }
    if (s->opt.json) emit_end(j);
    hooke_text_release(&name);
    return 0;
}

static int check_dict(struct session *s, struct json_out *j)
{
    hooke_text report = { 0 };
    hooke_status st = hooke_dict_check(s->dict, &report);
    if (s->opt.json)
        emit_text(j, "check", report.data ? report.data : "");
    else if (report.n)
        fputs(report.data, stdout);
    hooke_text_release(&report);
    return st ? failed_call(st, "check", "the file may be damaged: fetch it again") : 0;
}

/* Finds WHAT on this machine. A repository that no list knows is taken for a model, then for a dictionary. */
static hooke_status find(hooke_name **name, const char *what, const char *kind)
{
    hooke_status st = hooke_name_open(name, what, kind);
    if (!st) st = hooke_name_locate(*name);
    if (st != HOOKE_E_NOT_FOUND || kind || !*name || strcmp(hooke_name_get_info(*name)->kind, "model") != 0)
        return st;
    hooke_name *second = NULL;
    if (!hooke_name_open(&second, what, "dict") && !hooke_name_locate(second)) {
        hooke_name_close(*name);
        *name = second;
        return HOOKE_OK;
    }
    hooke_name_close(second);
    return hooke_name_locate(*name); /* its message is the one to show */
}

/* ---- a folder that is nothing by itself ---- */

struct found_dict {
    const char *path, *format;
};
struct found {
    struct found_dict *items;
    size_t n, capacity;
};

static int on_found(void *payload, const char *path, const char *format)
{
    struct found *f = payload;
    grow(&f->items, &f->capacity, f->n + 1, sizeof *f->items);
    f->items[f->n++] = (struct found_dict){ take_printf("%s", path), format };
    return 0;
}

/* Lists the dictionaries below; false when there are none, or no end of folders: *why says so then. */
static bool show_folder(struct session *s, const char *folder, const char **why)
{
    struct found f = { NULL, 0, 0 };
    struct json_out j = { 0 };
    hooke_status st = hooke_dict_find(folder, on_found, &f);
    if (st && st != HOOKE_E_NOT_FOUND) *why = take_printf("%s", hooke_error());
    if (st || f.n == 0) return false;
    if (!s->opt.json) {
        printf("%-14s %s\n%-14s %zu\n", "folder", folder, "dictionaries", f.n);
        for (size_t i = 0; i < f.n; i++) printf("  %-24s %s\n", f.items[i].format, f.items[i].path);
        return true;
    }
    emit_begin(&j, NULL, '{');
    emit_text(&j, "kind", "folder");
    emit_text(&j, "path", folder);
    for (const char *const *k =
             (const char *const[]){ "format", "architecture", "d_model", "d_dict", "site", NULL };
         *k; k++)
        emit_raw(&j, *k, "null");
    emit_raw(&j, "tensors", "[]");
    emit_begin(&j, "dictionaries", '[');
    for (size_t i = 0; i < f.n; i++) {
        emit_begin_inline(&j, NULL, '{');
        emit_text(&j, "path", f.items[i].path);
        emit_text(&j, "format", f.items[i].format);
        emit_end(&j);
    }
    emit_end(&j);
    emit_end(&j);
    emit_print(&j);
    return true;
}

/* Decides what WHAT is and opens it as that: a path by its content, anything else by what the name says. */
static int open_what(struct session *s, hooke_file **f, const char **kind)
{
    const char *what = s->opt.args.n ? s->opt.args.items[0] : NULL, *asked = NULL;
    *kind = "";
    hooke_name *name = NULL;
    if (!what && !s->opt.model && !s->opt.dict)
        return wrong("info", "give a path or a name, e.g. 'hooke info micro'", "there is nothing to look at");
    if (!what) asked = s->opt.dict ? "dict" : "model";
    if (!what) what = s->opt.dict ? s->opt.dict : s->opt.model;
    int code = session_pull_first(s, what, asked);
    if (code) return code;
    hooke_status st = find(&name, what, asked);
    if (st == HOOKE_E_NOT_FOUND && name) {
        show_absent(s, hooke_name_get_info(name));
        hooke_name_close(name);
        return failed_call(st, "info", NULL); /* closing fails in nothing: still the search's message */
    }
    const hooke_name_info *info = st ? NULL : hooke_name_get_info(name);
    bool is_path = info && strcmp(info->spelling, "path") == 0;
    if (info && !asked && !is_path) asked = take_printf("%s", info->kind);
    if (info && !asked && hooke_dict_recognise(info->path, NULL)) asked = "dict";
    bool is_dict = asked && strcmp(asked, "dict") == 0;
    if (info && !is_dict) st = hooke_file_open(f, info->path);
    if (st == HOOKE_E_NOT_FOUND && is_path && !asked) {
        const char *why = take_printf("%s", hooke_error());
        if (show_folder(s, what, &why)) {
            hooke_name_close(name);
            *kind = "folder";
            return 0;
        }
        hooke_name_close(name);
        return failed("info", "name a model, a dictionary, a tokenizer, or a file of one", "%s", why);
    }
    if (st == HOOKE_E_NOT_FOUND && info && !is_path && !hooke_name_is_cached(info)) {
        hooke_name_close(name);
        return failed("info", take_printf("it is only partly in the cache; fetch it: hooke pull %s", what),
                      "%s", hooke_error());
    }
    if (!st) *kind = asked ? asked : hooke_file_kind(*f);
    hooke_name_close(name);
    if (st) return failed_call(st, "info", NULL);
    if (strcmp(*kind, "model") == 0) {
        s->opt.model = what;
        return session_model(s);
    }
    if (strcmp(*kind, "dict") != 0) return 0;
    s->opt.dict = what;
    return session_dict(s);
}

int cmd_info(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct json_out j = { 0 };
    hooke_file *f = NULL;
    const char *kind;
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    code = open_what(s, &f, &kind);
    if (!code && o.sites && !s->model)
        code = wrong("--sites", "name a model", "lists a model's sites; this is no model");
    if (!code && (o.check || o.measure) && !s->dict)
        code =
            wrong(o.check ? "--check" : "--measure", "name one with -d", "is for dictionaries; this is none");
    if (code) {
        hooke_file_close(f);
        return code;
    }
    if (strcmp(kind, "folder") == 0) return 0;
    if (s->opt.json) {
        emit_begin(&j, NULL, '{');
        emit_text(&j, "kind", kind);
        emit_text(&j, "format", s->dict ? hooke_dict_get_info(s->dict)->format : hooke_file_format(f));
        if (s->model) json_model(&j, hooke_model_get_info(s->model));
        if (s->dict) json_dict(&j, hooke_dict_get_info(s->dict));
        if (s->dict) json_densities(&j, s);
        if (s->model || s->dict)
            emit_origin(&j, s);
        else
            json_file(&j, s->opt.args.items[0]);
        json_tensors(&j, s, f);
    } else {
        if (s->model)
            print_model(hooke_model_get_info(s->model));
        else if (s->dict)
            print_dict(hooke_dict_get_info(s->dict)), print_densities(s);
        else
            printf("%-14s %s, %d tensors\n", kind, hooke_file_format(f), hooke_file_n_tensors(f));
        if (o.tensors || (!s->model && !s->dict)) print_tensors(s, f);
    }
    if (o.sites) code = list_sites(s, &j);
    if (!code && o.check) code = check_dict(s, &j);
    if (!code && o.measure) code = measure_dict(s, &j);
    if (s->opt.json) { /* what was found stands in it, whatever the verdict */
        emit_end(&j);
        emit_print(&j);
    }
    hooke_file_close(f);
    return code;
}
