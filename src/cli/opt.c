#include "cli/opt.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/config.h"

#define AT(field) offsetof(struct common, field)
static const struct opt general_rows[] = {
    { "threads", 't', OPT_INT, AT(threads), "N", NULL, 1, 4096, "threads (default: all processors)" },
    { "seed", 0, OPT_INT, AT(seed), "N", "0", 0, 9e15, "seed of everything random" },
    { "device", 0, OPT_TEXT, AT(device), "cpu|cuda[:N]", NULL, 0, 0, "where to compute (default: cpu)" },
    { "dtype", 0, OPT_CHOICE, AT(dtype), "f32|bf16", NULL, 0, 0,
      "operand type of matrix products (default: bf16 where the processor has instructions for it)" },
    { "llm-dtype", 0, OPT_CHOICE, AT(dtype), "f32|bf16|float32|bfloat16|fp32", NULL, 0, 0, NULL },
    { "config", 0, OPT_TEXT, AT(config), "FILE.yaml", NULL, 0, 0,
      "options from a flat 'key: value' file; flags win" },
    { "json", 0, OPT_FLAG, AT(json), NULL, NULL, 0, 0, "one JSON document on standard output" },
    { "quiet", 'q', OPT_FLAG, AT(quiet), NULL, NULL, 0, 0, "no header line, no progress bar" },
    { "verbose", 'v', OPT_FLAG, AT(verbose), NULL, NULL, 0, 0, "say what is being done" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
static const struct opt model_rows[] = {
    { "model", 'm', OPT_TEXT, AT(model), "WHAT", NULL, 0, 0,
      "folder, hub id, TransformerLens name or micro (default: the dictionary's, else micro)" },
    { "model-name", 0, OPT_TEXT, AT(model), "WHAT", NULL, 0, 0, NULL },
    { "pull", 0, OPT_FLAG, AT(pull), NULL, NULL, 0, 0,
      "download what is named first ('hooke pull'); otherwise nothing uses the network" },
    { "batch-tokens", 0, OPT_INT, AT(batch_tokens), "N", NULL, 1, 1e9,
      "tokens carried through the model at a time" },
    { "max-memory", 0, OPT_SIZE, AT(max_memory), "SIZE", NULL, 0, 0,
      "resident bytes at most (6G); reads layer by layer when the model doesn't fit" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
static const struct opt dict_rows[] = {
    { "dict", 'd', OPT_TEXT, AT(dict), "WHAT", NULL, 0, 0,
      "file, folder, RELEASE/SAE_ID, hf:REPO/PATH or micro (default: micro)" },
    { "sae", 0, OPT_TEXT, AT(dict), "WHAT", NULL, 0, 0, NULL },
    { "canonical", 0, OPT_FLAG, AT(canonical), NULL, NULL, 0, 0,
      "fold scales so that decoder rows have length 1" },
    { "as-saelens", 0, OPT_FLAG, AT(as_saelens), NULL, NULL, 0, 0,
      "read Llama Scope's and cross-layer files as SAELens does" },
    { "target", 0, OPT_INT, AT(target), "N", NULL, 1, 1e4,
      "decoder of a cross-layer transcoder: 1 is the nearest layer's (default: their sum)" },
    { "norm-scaling-factor", 0, OPT_REAL, AT(norm_scaling_factor), "X", NULL, 1e-30, 1e30,
      "scale of activations, where the files leave it open" },
    { "dict-arch", 0, OPT_TEXT, AT(dict_arch), "NAME", NULL, 0, 0,
      "architecture, where files leave it open: topk or jumprelu for an ae.pt without config.json" },
    { "dict-family", 0, OPT_TEXT, AT(dict_family), "NAME", NULL, 0, 0,
      "whose .pt file it is, where its names do not tell: openai, deepseek_r1, goodfire, ..." },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
/* Where there is no model to pull either. */
static const struct opt pull_rows[] = {
    { "pull", 0, OPT_FLAG, AT(pull), NULL, NULL, 0, 0,
      "download what is named first ('hooke pull'); otherwise nothing uses the network" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
static const struct opt at_rows[] = {
    { "at", 0, OPT_LIST, AT(at), "SITE[,SITE]", NULL, 0, 0,
      "sites: TransformerLens names, module paths, globs" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
static const struct opt input_rows[] = {
    { "text", 0, OPT_LIST, AT(texts), "FILE", NULL, 0, 0,
      "text of a file: plain, .jsonl, .csv (also packed), .parquet, hf:ORG/NAME; - is standard input" },
    { "column", 0, OPT_TEXT, AT(column), "NAME", NULL, 0, 0,
      "column of .jsonl, .csv and .parquet (default: text)" },
    { "split", 0, OPT_TEXT, AT(split), "NAME", NULL, 0, 0, "of a data set (default: train)" },
    { "subset", 0, OPT_TEXT, AT(subset), "NAME", NULL, 0, 0,
      "configuration of a data set (default: the one its card says)" },
    { "ids", 0, OPT_TEXT, AT(ids_file), "FILE", NULL, 0, 0, "JSON array of arrays of token ids" },
    { "ctx", 0, OPT_INT, AT(n_ctx), "N", NULL, 2, 1e7, "pack the text into contexts of N tokens" },
    { "pack", 0, OPT_TEXT, AT(pack), "NAME", NULL, 0, 0,
      "how: saelens (default), dictionary_learning, saebench, sparsify, transformer_lens, ..." },
    { "pack-block", 0, OPT_INT, AT(pack_block), "N", NULL, 1, 1e9,
      "documents that a packing takes together (default: its peer's number)" },
    { "max-tokens", 0, OPT_INT, AT(max_tokens), "N", NULL, 1, 1e15, "read at most about N tokens" },
    { "prepend-bos", 0, OPT_SWITCH, AT(prepend_bos), NULL, NULL, 0, 0,
      "begin each sequence with BOS (default: the model's rule)" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
#undef AT

/* The tables of one call: the command's own rows first, so that they may take over a shared name. */
struct tables {
    const struct opt *rows[6];
    void *base[6];
    int n;
};

static void tables_add(struct tables *t, const struct opt *rows, void *base)
{
    t->rows[t->n] = rows;
    t->base[t->n++] = base;
}

static struct tables tables_of(struct session *s, const struct opt_spec *spec, void *values)
{
    struct tables t = { .n = 0 };
    if (spec->rows) tables_add(&t, spec->rows, values);
    if (spec->groups & OPT_MODEL) tables_add(&t, model_rows, &s->opt);
    if (spec->groups & OPT_DICT) tables_add(&t, dict_rows, &s->opt);
    if ((spec->groups & (OPT_MODEL | OPT_DICT)) == OPT_DICT) tables_add(&t, pull_rows, &s->opt);
    if (spec->groups & OPT_AT) tables_add(&t, at_rows, &s->opt);
    if (spec->groups & OPT_INPUT) tables_add(&t, input_rows, &s->opt);
    tables_add(&t, general_rows, &s->opt);
    return t;
}

static bool same_name(const char *typed, size_t n, const char *name)
{
    if (strlen(name) != n) return false;
    for (size_t i = 0; i < n; i++)
        if ((typed[i] == '_' ? '-' : typed[i]) != name[i]) return false;
    return true;
}

/* `negated` is set when the name was found behind "no-". */
static const struct opt *find_long(const struct tables *t, const char *typed, size_t n, void **base,
                                   bool *negated)
{
    *negated = false;
    for (int k = 0; k < t->n; k++) {
        for (const struct opt *o = t->rows[k]; o->name; o++) {
            *base = t->base[k];
            if (same_name(typed, n, o->name)) return o;
            bool no = n > 3 && strncmp(typed, "no", 2) == 0 && (typed[2] == '-' || typed[2] == '_');
            if (o->type == OPT_SWITCH && no && same_name(typed + 3, n - 3, o->name)) {
                *negated = true;
                return o;
            }
        }
    }
    return NULL;
}

static const struct opt *find_letter(const struct tables *t, char letter, void **base)
{
    for (int k = 0; k < t->n; k++)
        for (const struct opt *o = t->rows[k]; o->name; o++)
            if (o->letter == letter) {
                *base = t->base[k];
                return o;
            }
    return NULL;
}

static bool parse_size(const char *s, int64_t *out)
{
    char *end;
    errno = 0;
    double x = strtod(s, &end), unit = 1;
    const char *suffixes = "kmgt", *u;
    if (end == s || errno || !(x >= 0)) return false;
    if (*end && (u = strchr(suffixes, *end | 0x20)) != NULL) {
        for (int i = 0; i <= (int)(u - suffixes); i++) unit *= 1024;
        end++;
        if (*end == 'i') end++;
    }
    if (*end == 'B' || *end == 'b') end++;
    if (*end || x * unit > 9e18) return false;
    *out = (int64_t)(x * unit);
    return true;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (n && strncmp(c, value, n) == 0 && (c[n] == '|' || c[n] == '\0')) return true;
    return false;
}

static int bad_value(const struct opt *o, const char *value, const char *why)
{
    const char *what = take_printf("--%s", o->name);
    return wrong(what, take_printf("give %s", why), "'%s' is not %s", value, why);
}

static int set_int(const struct opt *o, int64_t *out, const char *value)
{
    char *end;
    errno = 0;
    long long x = strtoll(value, &end, 10);
    if (end == value || *end || errno || (double)x < o->min || (double)x > o->max)
        return bad_value(o, value, take_printf("a whole number from %.0f to %.0f", o->min, o->max));
    *out = x;
    return 0;
}

static int set_real(const struct opt *o, double *out, const char *value)
{
    char *end;
    double x = strtod(value, &end);
    if (end == value || *end || !isfinite(x) || x < o->min || x > o->max)
        return bad_value(o, value, take_printf("a number from %g to %g", o->min, o->max));
    *out = x;
    return 0;
}

static void add_split(struct list *l, const char *value, bool split)
{
    while (split && strchr(value, ',')) {
        size_t n = (size_t)(strchr(value, ',') - value);
        if (n) list_add(l, take_text(value, n));
        value += n + 1;
    }
    if (*value) list_add(l, value);
}

/* Stores a value as typed. Values given as flags are strings that live as long as the program. */
static int set_value(const struct opt *o, void *base, const char *value)
{
    void *at = (char *)base + o->offset;
    switch (o->type) {
    case OPT_FLAG:
        *(bool *)at = strcmp(value, "false") != 0;
        return 0;
    case OPT_SWITCH:
        *(int *)at = strcmp(value, "false") != 0;
        return 0;
    case OPT_INT:
        return set_int(o, at, value);
    case OPT_REAL:
        return set_real(o, at, value);
    case OPT_SIZE:
        return parse_size(value, at) ? 0 : bad_value(o, value, "a size such as 512M or 6G");
    case OPT_TEXT:
        *(const char **)at = value;
        return 0;
    case OPT_OUT:
        if (!value[0] || strcmp(value, "-") == 0)
            return wrong(take_printf("--%s", o->name), "name a file (./- is one called '-')",
                         "'%s' cannot be written to: what is written appears whole, under a name", value);
        *(const char **)at = value;
        return 0;
    case OPT_CHOICE:
        if (!is_choice(o->arg, value)) return bad_value(o, value, take_printf("one of %s", o->arg));
        *(const char **)at = value;
        return 0;
    case OPT_LIST:
        add_split(at, value, strchr(o->arg, ',') != NULL);
        return 0;
    }
    return 0;
}

static int unknown_option(const struct session *s, const struct tables *t, const char *typed, size_t n)
{
    const char *names[128];
    int count = 0;
    for (int k = 0; k < t->n; k++)
        for (const struct opt *o = t->rows[k]; o->name && count < 128; o++) names[count++] = o->name;
    const char *near = nearest(take_text(typed, n), names, count);
    const char *what = take_printf("--%.*s", (int)n, typed);
    if (near)
        return wrong(what, take_printf("did you mean '--%s'?", near), "no such option of 'hooke %s'",
                     s->command);
    return wrong(what, take_printf("'hooke %s --help' lists them", s->command),
                 "no such option of 'hooke %s'", s->command);
}

/* argv[*i] is an option; eats its value too. */
static int parse_option(const struct session *s, const struct tables *t, int argc, char **argv, int *i)
{
    const char *typed = argv[*i] + 1, *value = NULL;
    const struct opt *o;
    void *base = NULL;
    bool negated = false;
    if (*typed == '-') {
        typed++;
        size_t n = strcspn(typed, "=");
        o = find_long(t, typed, n, &base, &negated);
        if (!o) return unknown_option(s, t, typed, n);
        if (typed[n] == '=') value = typed + n + 1;
    } else {
        o = find_letter(t, *typed, &base);
        if (!o)
            return wrong(argv[*i], take_printf("'hooke %s --help' lists the options", s->command),
                         "no such option");
        if (typed[1]) value = typed[1] == '=' ? typed + 2 : typed + 1;
    }
    if (o->type == OPT_FLAG || o->type == OPT_SWITCH) {
        if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return wrong(take_printf("--%s", o->name), "leave the value out", "takes no value");
        return set_value(o, base, negated ? "false" : value ? value : "true");
    }
    if (!value && *i + 1 >= argc)
        return wrong(take_printf("--%s", o->name), take_printf("write --%s %s", o->name, o->arg),
                     "needs a value");
    return set_value(o, base, value ? value : argv[++*i]);
}

static void print_rows(const struct opt *rows)
{
    for (const struct opt *o = rows; o->name; o++) {
        char left[64];
        if (!o->help) continue;
        int n =
            snprintf(left, sizeof left, "  %c%c%c --%s%s%s%s", o->letter ? '-' : ' ',
                     o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->type == OPT_SWITCH ? "[no-]" : "",
                     o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        printf("%s%*s%s", left, n < 32 ? 32 - n : 1, "", o->help);
        if (o->def) printf(" (default: %s)", o->def);
        putchar('\n');
    }
}

static void print_help(const struct opt_spec *spec)
{
    printf("Usage: hooke %s\n\n%s\n", spec->usage, spec->about);
    if (spec->rows && spec->rows->name) {
        printf("\nOptions\n");
        print_rows(spec->rows);
    }
    if (spec->groups) printf("\nModel, dictionary and text\n");
    if (spec->groups & OPT_MODEL) print_rows(model_rows);
    if (spec->groups & OPT_DICT) print_rows(dict_rows);
    if ((spec->groups & (OPT_MODEL | OPT_DICT)) == OPT_DICT) print_rows(pull_rows);
    if (spec->groups & OPT_AT) print_rows(at_rows);
    if (spec->groups & OPT_INPUT) print_rows(input_rows);
    printf("\nCommon\n");
    print_rows(general_rows);
    printf("\nExample\n%s\n", spec->example);
}

static int set_defaults(const struct tables *t)
{
    for (int k = 0; k < t->n; k++)
        for (const struct opt *o = t->rows[k]; o->name; o++)
            if (o->def && set_value(o, t->base[k], o->def)) return 2;
    return 0;
}

/* One entry of the configuration file. The first of several items of a list replaces nothing: lists add up. */
static int apply_entry(const struct session *s, const struct tables *t, const struct config_entry *e,
                       const char *file)
{
    void *base = NULL;
    bool negated;
    const struct opt *o = find_long(t, e->key, strlen(e->key), &base, &negated);
    if (!o || negated) {
        const char *what = take_printf("%s:%d", file, e->line);
        return wrong(what, take_printf("'hooke %s --help' lists the options", s->command),
                     "'%s' is not an option", e->key);
    }
    return set_value(o, base, e->value);
}

static int apply_config(struct session *s, const struct tables *t, int argc, char **argv)
{
    const char *file = NULL;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0)
            file = argv[i] + 9;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            file = argv[i + 1];
    }
    if (!file) return 0;
    struct config c;
    int code = config_read(&c, file);
    for (size_t i = 0; !code && i < c.n; i++) code = apply_entry(s, t, &c.entries[i], file);
    return code;
}

/* Flags win over the file: a list that the flags give starts anew. */
static void forget_configured_lists(const struct tables *t, int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        void *base = NULL;
        bool negated;
        if (strncmp(argv[i], "--", 2) != 0) continue;
        const struct opt *o = find_long(t, argv[i] + 2, strcspn(argv[i] + 2, "="), &base, &negated);
        if (o && o->type == OPT_LIST)
            *(struct list *)(void *)((char *)base + o->offset) = (struct list){ NULL, 0 };
    }
}

int opt_parse(struct session *s, const struct opt_spec *spec, void *values, int argc, char **argv)
{
    struct tables t = tables_of(s, spec, values);
    bool options_end = false;
    int code;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0) continue;
        print_help(spec);
        return 0;
    }
    if ((code = set_defaults(&t)) != 0) return code;
    if ((code = apply_config(s, &t, argc, argv)) != 0) return code;
    forget_configured_lists(&t, argc, argv);
    for (int i = 0; i < argc; i++) {
        const char *a = argv[i];
        if (!options_end && strcmp(a, "--") == 0)
            options_end = true;
        else if (!options_end && a[0] == '-' && a[1]) {
            if ((code = parse_option(s, &t, argc, argv, &i)) != 0) return code;
        } else
            list_add(&s->opt.args, a);
    }
    if (s->opt.dtype && (strcmp(s->opt.dtype, "float32") == 0 || strcmp(s->opt.dtype, "fp32") == 0))
        s->opt.dtype = "f32";
    if (s->opt.dtype && strcmp(s->opt.dtype, "bfloat16") == 0) s->opt.dtype = "bf16";
    if (spec->max_args >= 0 && s->opt.args.n > spec->max_args)
        return wrong(s->opt.args.items[spec->max_args], take_printf("see 'hooke %s --help'", s->command),
                     "one argument too many for 'hooke %s'", s->command);
    return -1;
}
