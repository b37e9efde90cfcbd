#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/origin.h"
#include "cli/progress.h"

const char program_name[] = "hooke " HOOKE_VERSION;

/* ---- memory ------------------------------------------------------------------------------------------------- */

/* Blocks hang in one ring so that the end of the run can free them all. The header keeps 64-byte alignment. */
struct block {
    struct block *next, *previous;
    char pad[48];
};
static struct block ring = { .next = &ring, .previous = &ring };

static _Noreturn void out_of_memory(size_t n, size_t size)
{
    fprintf(stderr,
            "hooke: memory: no room for %zu items of %zu bytes; use a shorter text or --batch-tokens\n", n,
            size);
    exit(1);
}

void *take(size_t n, size_t size)
{
    struct block *b = NULL;
    if (n == 0) n = 1;
    if (size != 0 && n > (SIZE_MAX / 2 - sizeof *b) / size) out_of_memory(n, size);
    b = calloc(1, sizeof *b + n * size);
    if (!b) out_of_memory(n, size);
    b->next = ring.next;
    b->previous = &ring;
    ring.next->previous = b;
    ring.next = b;
    return b + 1;
}

void give(void *p)
{
    if (!p) return;
    struct block *b = (struct block *)p - 1;
    b->next->previous = b->previous;
    b->previous->next = b->next;
    free(b);
}

void grow(void *p, size_t *capacity, size_t need, size_t size)
{
    void *old, *more;
    if (need <= *capacity) return;
    size_t n = *capacity ? 2 * *capacity : 16;
    if (n < need) n = need;
    memcpy(&old, p, sizeof old);
    more = take(n, size);
    if (old) memcpy(more, old, *capacity * size);
    give(old);
    memcpy(p, &more, sizeof more);
    *capacity = n;
}

char *take_text(const char *s, size_t n)
{
    char *copy = take(n + 1, 1);
    memcpy(copy, s, n);
    return copy;
}

char *take_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *s = take((size_t)n + 1, 1);
    va_start(args, format);
    vsnprintf(s, (size_t)n + 1, format, args);
    va_end(args);
    return s;
}

void list_add(struct list *l, const char *item)
{
    const char **items = take((size_t)l->n + 1, sizeof *items);
    for (int i = 0; i < l->n; i++) items[i] = l->items[i];
    items[l->n] = item;
    give(l->items);
    l->items = items;
    l->n++;
}

/* ---- messages ----------------------------------------------------------------------------------------------- */

static void complain(const char *what, const char *todo, const char *why, va_list args)
    __attribute__((format(printf, 3, 0)));
static void complain(const char *what, const char *todo, const char *why, va_list args)
{
    progress_clear();
    fprintf(stderr, "hooke: %s: ", what);
    vfprintf(stderr, why, args);
    fprintf(stderr, "; %s\n", todo);
}

int wrong(const char *what, const char *todo, const char *why, ...)
{
    va_list args;
    va_start(args, why);
    complain(what, todo, why, args);
    va_end(args);
    return 2;
}

int failed(const char *what, const char *todo, const char *why, ...)
{
    va_list args;
    va_start(args, why);
    complain(what, todo, why, args);
    va_end(args);
    return 1;
}

static const char *usual_remedy(hooke_status st)
{
    switch (st) {
    case HOOKE_E_NOT_FOUND:
        return "check the name, or see what is there with 'hooke info' and 'hooke doctor'";
    case HOOKE_E_FORMAT:
        return "the file may be damaged or cut short: fetch or write it again";
    case HOOKE_E_SHAPE:
        return "use parts that belong together ('hooke info' shows models, dictionaries and files with their "
               "shapes)";
    case HOOKE_E_UNSUPPORTED:
        return "see 'hooke doctor' for what this build can do";
    case HOOKE_E_MEMORY:
        return "use a smaller --batch-tokens or --ctx, or another --max-memory";
    case HOOKE_E_DEVICE:
        return "try --device cpu";
    case HOOKE_E_IO:
        return "check that the place exists, may be read or written, and has room";
    case HOOKE_E_CANCELLED:
        return "nothing was written";
    case HOOKE_E_ARGUMENT:
        return "see 'hooke help'";
    case HOOKE_OK:
    case HOOKE_E_INTERNAL:
        break;
    }
    return "this is a fault in hooke: please report it with the command line";
}

int failed_call(hooke_status st, const char *what, const char *todo)
{
    const char *why = hooke_error();
    progress_clear();
    if (!why[0]) why = hooke_status_text(st);
    if (!todo || st == HOOKE_E_CANCELLED) todo = usual_remedy(st);
    if (strstr(why, "; ")) todo = NULL; /* the library says what to do itself */
    fprintf(stderr, "hooke: %s: %s%s%s\n", what, why, todo ? "; " : "", todo ? todo : "");
    return st == HOOKE_E_ARGUMENT ? 2 : 1;
}

/* Levenshtein distance with one row; names here are short. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    int row[LONGEST + 1], n = (int)strlen(b);
    if (n > LONGEST || strlen(a) > LONGEST) return LONGEST;
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]);
            int shorter = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[n];
}

const char *nearest(const char *word, const char *const *names, int n)
{
    const char *best = NULL;
    int best_distance = (int)strlen(word) / 3 + 2;
    for (int i = 0; i < n; i++) {
        bool starts = word[0] && word[1] && strncmp(word, names[i], strlen(word)) == 0;
        int d = starts ? 0 : distance(word, names[i]);
        if (d >= best_distance) continue;
        best_distance = d;
        best = names[i];
    }
    return best;
}

/* ---- the session -------------------------------------------------------------------------------------------- */

static void on_log(void *payload, int level, const char *message)
{
    const struct session *s = payload;
    if (level > (s->opt.verbose ? 2 : 0) || (s->opt.quiet && level > 0)) return;
    progress_clear();
    fprintf(stderr, "hooke: %s\n", message);
}

int session_context(struct session *s)
{
    hooke_context_options options = {
        .size = sizeof options,
        .n_threads = (int)s->opt.threads,
        .device = s->opt.device,
        .dtype = s->opt.dtype,
        .progress = progress_report,
        .log = on_log,
        .log_payload = s,
    };
    if (s->ctx) return 0;
    progress_start(s->opt.quiet);
    hooke_status st = hooke_context_open(&s->ctx, &options);
    return st ? failed_call(st, "context", NULL) : 0;
}

int session_pull_first(struct session *s, const char *what, const char *kind)
{
    hooke_name *name;
    hooke_pulled *pulled = NULL;
    hooke_pull_options options = { .size = sizeof options, .kind = kind, .progress = progress_report };
    if (!s->opt.pull) return 0;
    hooke_status st = hooke_name_open(&name, what, kind);
    if (st) return failed_call(st, "pull", NULL);
    if (hooke_name_get_info(name)->repo[0]) st = hooke_pull(&pulled, what, &options);
    progress_clear();
    hooke_name_close(name);
    hooke_pulled_close(pulled);
    return st ? failed_call(st, "pull", NULL) : 0;
}

/* The readings of a .pt that a user may ask for. */
static int check_family(const char *family)
{
    static const char *const known[] = { "dictionary_learning_1", "openai",     "deepseek_r1", "goodfire",
                                         "connor_rob_hook_z",     "qwen_scope", "pca_scores" };
    enum { N = sizeof known / sizeof *known };
    for (size_t i = 0; family && i < N; i++)
        if (strcmp(family, known[i]) == 0) return 0;
    if (!family) return 0;
    const char *near = nearest(family, known, N), *all = known[0];
    for (size_t i = 1; i < N; i++) all = take_printf("%s, %s", all, known[i]);
    return wrong("--dict-family",
                 near ? take_printf("did you mean '%s'?", near) : take_printf("known are %s", all),
                 "'%s' is no family of PyTorch files", family);
}

int session_open_dict(struct session *s, hooke_dict **out, const char *what)
{
    hooke_dict_options options = { .size = sizeof options,
                                   .canonical = s->opt.canonical,
                                   .as_saelens = s->opt.as_saelens,
                                   .architecture = s->opt.dict_arch,
                                   .conversion = s->opt.dict_family,
                                   .norm_scaling_factor = s->opt.norm_scaling_factor,
                                   .target = (int)s->opt.target };
    int code = session_context(s);
    *out = NULL;
    if (!code) code = check_family(s->opt.dict_family);
    if (code) return code;
    for (size_t i = 0; i < s->n_dicts; i++) {
        if (strcmp(s->dicts[i].what, what) == 0) {
            *out = s->dicts[i].dict;
            return 0;
        }
    }
    if ((code = session_pull_first(s, what, "dict")) != 0) return code;
    hooke_status st = hooke_dict_open(out, s->ctx, what, &options);
    if (st) return failed_call(st, "dictionary", NULL);
    grow(&s->dicts, &s->dicts_capacity, s->n_dicts + 1, sizeof *s->dicts);
    s->dicts[s->n_dicts++] = (struct opened_dict){ what, *out };
    return 0;
}

int session_dict(struct session *s)
{
    return s->dict ? 0 : session_open_dict(s, &s->dict, s->opt.dict ? s->opt.dict : "micro");
}

int session_model(struct session *s)
{
    hooke_model_options options = { .size = sizeof options, .max_memory = s->opt.max_memory };
    int code = session_context(s);
    if (code || s->model) return code;
    const char *what = s->opt.model;
    if (!what && s->opt.dict && s->dict) what = hooke_dict_get_info(s->dict)->model_name;
    if (!what || (!s->opt.model && !what[0])) what = "micro"; /* an empty -m is a mistake, no default */
    if ((code = session_pull_first(s, what, "model")) != 0) return code;
    hooke_status st = hooke_model_open(&s->model, s->ctx, what, &options);
    if (!st) return 0;
    const char *format;
    if (st == HOOKE_E_NOT_FOUND && hooke_dict_recognise(what, &format))
        return failed(what, "name it with -d, and its model with -m", "a dictionary (%s), not a model",
                      format);
    return failed_call(
        st, "model",
        s->opt.model ? NULL : "name the model with -m (a folder in Hugging Face layout, or a hub id)");
}

int session_model_and_dict(struct session *s)
{
    int code = session_dict(s); /* first: it may name the model */
    return code ? code : session_model(s);
}

void session_close(struct session *s)
{
    progress_clear();
    for (size_t i = 0; i < s->n_dicts; i++) hooke_dict_close(s->dicts[i].dict);
    hooke_model_close(s->model);
    hooke_context_close(s->ctx);
    for (struct block *b = ring.next, *next; b != &ring; b = next) {
        next = b->next;
        free(b);
    }
    ring.next = ring.previous = &ring;
}

bool session_prepends_bos(const struct session *s)
{
    if (s->opt.prepend_bos >= 0) return s->opt.prepend_bos != 0;
    return s->model && hooke_model_get_info(s->model)->adds_bos;
}

void session_header(struct session *s, const hooke_dict *dict)
{
    if (s->opt.quiet || s->opt.json) return;
    progress_clear();
    fputs("#", stderr);
    if (s->model) {
        const hooke_model_info *m = hooke_model_get_info(s->model);
        fprintf(stderr, " model %s (%s, %d layers, %s, BOS %s)", m->name, m->architecture, m->n_layers,
                m->weight_dtype, session_prepends_bos(s) ? "added" : "not added");
        if (m->origin->repo[0]) fprintf(stderr, " from %s", origin_line(m->origin));
    }
    if (dict) {
        const hooke_dict_info *d = hooke_dict_get_info(dict);
        fprintf(stderr, "%s dict %s (%s, %d of %d, at %s, activations %s)", s->model ? " |" : "", d->name,
                d->architecture, d->d_dict, d->d_in, d->site[0] ? d->site : "?", d->activation_scale);
        if (d->origin->repo[0]) fprintf(stderr, " from %s", origin_line(d->origin));
    }
    fprintf(stderr, " | %s %s %s, %d threads\n", hooke_context_device(s->ctx),
            hooke_context_cpu_level(s->ctx), hooke_context_dtype(s->ctx), hooke_context_n_threads(s->ctx));
}
