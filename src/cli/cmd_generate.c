/* hooke generate: continuations, as the model would and with features steered. */
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/origin.h"
#include "cli/opt.h"
#include "cli/steer.h"
#include "cli/term.h"
#include "cli/wrap.h"

struct options {
    int64_t n_new;
    double temperature, top_p;
    bool chat, steer_bos, ignore_stop, no_cache, only_steered;
    struct list steer, ablate, vectors, chat_vars;
    const char *system, *chat_date, *chat_template;
};

#define AT(field) offsetof(struct options, field)
static const struct opt rows[] = {
    { "n-new", 'n', OPT_INT, AT(n_new), "N", "64", 1, 1e6, "new tokens at most" },
    { "temperature", 0, OPT_REAL, AT(temperature), "T", "0", 0, 100, "0: always the likeliest token" },
    { "top-p", 0, OPT_REAL, AT(top_p), "P", "1", 0, 1,
      "draw from the likeliest tokens of this total probability" },
    { "chat", 0, OPT_FLAG, AT(chat), NULL, NULL, 0, 0,
      "wrap each prompt as a user's turn in the model's chat template" },
    { "system", 0, OPT_TEXT, AT(system), "TEXT", NULL, 0, 0, "with --chat: a system message first" },
    { "chat-var", 0, OPT_LIST, AT(chat_vars), "NAME=VALUE", NULL, 0, 0,
      "a variable for the template, e.g. enable_thinking=false" },
    { "chat-date", 0, OPT_TEXT, AT(chat_date), "YYYY-MM-DD", NULL, 0, 0,
      "what templates see as today (default: the clock)" },
    { "chat-template", 0, OPT_TEXT, AT(chat_template), "NAME", NULL, 0, 0, "of several templates, this one" },
    { "steer", 0, OPT_LIST, AT(steer), "D:FEATURE=STRENGTH", NULL, 0, 0,
      "add STRENGTH times the decoder row, at all positions but BOS" },
    { "ablate", 0, OPT_LIST, AT(ablate), "D:FEATURE", NULL, 0, 0, "take out what the feature adds" },
    { "vector", 0, OPT_LIST, AT(vectors), "FILE[=STRENGTH]", NULL, 0, 0,
      "add a vector of a file at the site of its name, or --at; GGUF control vectors whole" },
    { "steer-bos", 0, OPT_FLAG, AT(steer_bos), NULL, NULL, 0, 0, "steer the BOS position too" },
    { "only-steered", 0, OPT_FLAG, AT(only_steered), NULL, NULL, 0, 0, "leave the default continuation out" },
    { "ignore-stop", 0, OPT_FLAG, AT(ignore_stop), NULL, NULL, 0, 0, "go on past stop tokens" },
    { "no-cache", 0, OPT_FLAG, AT(no_cache), NULL, NULL, 0, 0,
      "recompute everything for each token (same tokens, slower)" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
#undef AT

static const struct opt_spec spec = {
    "generate [-m MODEL] TEXT...",
    "Continues each prompt. When something is steered, the default and the steered continuation stand side "
    "by side.\n"
    "STRENGTH is in the dictionary's own scale: the decoder row as the file has it (unit length with "
    "--canonical).",
    "  hooke generate \"The old sailor\" -n 40\n  hooke generate \"The old sailor\" --steer micro:12=8",
    OPT_MODEL | OPT_DICT | OPT_AT | OPT_INPUT,
    rows,
    -1,
};

/* Tokens as they come, for one plain continuation on a terminal. Text waits until a character is whole. */
struct stream {
    const hooke_tokenizer *tk;
    int32_t *held;
    size_t n, capacity, shown;
};

static hooke_status on_token(void *payload, int seq, int32_t id)
{
    struct stream *t = payload;
    hooke_text text = { 0 };
    (void)seq;
    grow(&t->held, &t->capacity, t->n + 1, sizeof *t->held);
    t->held[t->n++] = id;
    if (hooke_tokenizer_decode(t->tk, &text, t->held, t->n, HOOKE_SKIP_SPECIAL) == HOOKE_OK &&
        text.n > t->shown) {
        bool whole = !(text.n >= 3 && memcmp(text.data + text.n - 3, "\xEF\xBF\xBD", 3) == 0);
        if (whole) {
            print_safe(text.data + t->shown, text.n - t->shown);
            fflush(stdout);
            t->shown = text.n;
        }
    }
    hooke_text_release(&text);
    return HOOKE_OK;
}

/* name, value, name, value, ..., NULL of the --chat-var options; NULL after saying what is wrong. */
static const char *const *chat_variables(const struct list *vars)
{
    const char **pairs = take(2 * (size_t)vars->n + 1, sizeof *pairs);
    for (int i = 0; i < vars->n; i++) {
        const char *equals = strchr(vars->items[i], '=');
        if (!equals || equals == vars->items[i]) {
            wrong("--chat-var", "write NAME=VALUE", "'%s'", vars->items[i]);
            return NULL;
        }
        pairs[2 * i] = take_text(vars->items[i], (size_t)(equals - vars->items[i]));
        pairs[2 * i + 1] = equals + 1;
    }
    return pairs;
}

/* Every prompt through the chat template; the result already holds BOS. */
static int chat_prompts(struct session *s, const struct options *o, struct seqs *out)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(s->model);
    hooke_chat_options options = { .size = sizeof options,
                                   .add_generation_prompt = true,
                                   .variables = chat_variables(&o->chat_vars),
                                   .date = o->chat_date,
                                   .template_name = o->chat_template };
    if (!options.variables) return 2;
    if (!tk) return failed("--chat", "use a model with a tokenizer", "the model has no tokenizer.json");
    for (int i = 0; i < s->opt.args.n; i++) {
        hooke_message m[2] = { { "system", o->system }, { "user", s->opt.args.items[i] } };
        hooke_text text = { 0 };
        hooke_ids ids = { 0 };
        hooke_status st =
            hooke_chat_render_with(tk, &text, o->system ? m : m + 1, o->system ? 2 : 1, &options);
        if (!st) st = hooke_tokenizer_encode(tk, &ids, text.data, text.n, 0);
        if (!st) seqs_add(out, ids.data, ids.n);
        hooke_text_release(&text);
        hooke_ids_release(&ids);
        if (st) return failed_call(st, "--chat", "leave --chat out, or use an instruction-tuned model");
    }
    return out->n_seqs ? 0 : wrong("--chat", "give one", "there is no prompt");
}

/* Options that only --chat reads, given without it. */
static int refuse_chat_options(const struct options *o)
{
    if (o->chat || (!o->system && !o->chat_date && !o->chat_template && !o->chat_vars.n)) return 0;
    return wrong("--chat", "add it", "--system and --chat-... go with it");
}

struct job {
    struct session *s;
    const struct options *o;
    struct steering steer;
    struct seqs prompts; /* each once */
    struct seqs all;     /* with a steered copy behind each default one */
    uint8_t *steered;    /* [n_all] */
    hooke_ids *new_ids;  /* [n_all] */
};

static void lay_out(struct job *g)
{
    bool both = g->steer.n_hooks && !g->o->only_steered;
    g->steered = take(2 * g->prompts.n_seqs, 1);
    for (size_t i = 0; i < g->prompts.n_seqs; i++) {
        const int32_t *ids = g->prompts.ids + g->prompts.start[i];
        size_t n = (size_t)(g->prompts.start[i + 1] - g->prompts.start[i]);
        seqs_add(&g->all, ids, n);
        if (both) seqs_add(&g->all, ids, n);
        if (g->steer.n_hooks) g->steered[g->all.n_seqs - 1] = 1;
    }
    g->new_ids = take(g->all.n_seqs, sizeof *g->new_ids);
}

static int generate(struct job *g, struct stream *stream)
{
    const struct options *o = g->o;
    hooke_batch batch = seqs_batch(&g->all);
    hooke_generate_options options = {
        .size = sizeof options,
        .n_new = (int)o->n_new,
        .temperature = (float)o->temperature,
        .top_p = (float)o->top_p,
        .seed = (uint64_t)g->s->opt.seed,
        .ignore_stop = o->ignore_stop,
        .no_cache = o->no_cache,
        .hooks = g->steer.hooks,
        .n_hooks = (int)g->steer.n_hooks,
        .hooks_for_seq = g->steer.n_hooks ? g->steered : NULL,
        .on_token = stream ? on_token : NULL,
        .payload = stream,
    };
    hooke_status st = hooke_generate(g->s->model, g->new_ids, &batch, &options);
    return st ? failed_call(st, "generate", NULL) : 0;
}

static const char *text_of(const struct job *g, size_t i)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(g->s->model);
    hooke_text t = { 0 };
    const char *copy = "";
    if (tk &&
        hooke_tokenizer_decode(tk, &t, g->new_ids[i].data, g->new_ids[i].n, HOOKE_SKIP_SPECIAL) == HOOKE_OK)
        copy = take_text(t.data ? t.data : "", t.n);
    hooke_text_release(&t);
    return copy;
}

static void json_one(const struct job *g, struct json_out *j, size_t i)
{
    emit_text(j, "text", text_of(g, i));
    emit_ids(j, "ids", g->new_ids[i].data, g->new_ids[i].n);
}

/* text and ids are the first prompt's (steered where something is steered); sequences has them all. */
static void put_json(const struct job *g)
{
    struct json_out j = { 0 };
    bool both = g->all.n_seqs > g->prompts.n_seqs;
    emit_begin(&j, NULL, '{');
    json_one(g, &j, both ? 1 : 0);
    emit_begin(&j, "sequences", '[');
    for (size_t i = 0; i < g->all.n_seqs; i++) {
        emit_begin(&j, NULL, '{');
        emit_int(&j, "prompt", (int64_t)(both ? i / 2 : i));
        emit_bool(&j, "steered", g->steered[i] != 0);
        json_one(g, &j, i);
        emit_end(&j);
    }
    emit_end(&j);
    emit_run(&j, g->s);
    emit_begin(&j, "edits", '[');
    for (size_t i = 0; i < g->steer.n_entries; i++) {
        const struct steer_entry *e = &g->steer.entries[i];
        emit_begin_inline(&j, NULL, '{');
        emit_text(&j, "kind", e->kind);
        emit_text(&j, "name", e->name);
        emit_text(&j, "site", e->site);
        if (strcmp(e->kind, "ablate") != 0) {
            emit_real(&j, "strength", e->strength);
            emit_real(&j, "vector_norm", e->norm);
        }
        emit_end(&j);
    }
    emit_end(&j);
    emit_int(&j, "seed", g->s->opt.seed);
    emit_real(&j, "temperature", g->o->temperature);
    emit_real(&j, "top_p", g->o->top_p);
    emit_end(&j);
    emit_print(&j);
}

static void say_edits(const struct job *g)
{
    if (g->s->opt.quiet || g->s->opt.json) return;
    for (size_t i = 0; i < g->steer.n_entries; i++) {
        const struct steer_entry *e = &g->steer.entries[i];
        if (strcmp(e->kind, "ablate") == 0)
            fprintf(stderr, "# ablate %s at %s\n", e->name, e->site);
        else
            fprintf(stderr, "# %s %s at %s: %g times a row of length %.3g\n", e->kind, e->name, e->site,
                    e->strength, e->norm);
    }
}

static void put_text(const struct job *g)
{
    size_t per = g->all.n_seqs / g->prompts.n_seqs;
    for (size_t i = 0; i < g->prompts.n_seqs; i++) {
        const char *prompt = i < (size_t)g->s->opt.args.n ? g->s->opt.args.items[i] : "";
        if (i) putchar('\n');
        if (per == 2)
            print_side_by_side("default", text_of(g, 2 * i), "steered", text_of(g, 2 * i + 1),
                               g->o->chat ? "" : prompt);
        else
            printf("%s%s%s%s%s\n", term_dim(), prompt, term_off(), g->o->chat ? "\n" : "", text_of(g, i));
    }
}

int cmd_generate(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct job g = { .s = s, .o = &o };
    struct input in = { 0 };
    struct stream stream = { 0 };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if ((code = refuse_chat_options(&o)) != 0) return code;
    if ((code = session_model(s)) != 0) return code;
    if (o.chat)
        code = chat_prompts(s, &o, &g.prompts);
    else if ((code = input_open(&in, s)) == 0 && (code = input_all(&in)) == 0)
        g.prompts = in.group;
    input_close(&in);
    if (!code) code = steering_open(&g.steer, s, &o.ablate, &o.steer, &o.vectors, o.steer_bos);
    if (!code) {
        session_header(s, s->n_dicts ? s->dicts[0].dict : NULL);
        say_edits(&g);
        lay_out(&g);
        stream.tk = hooke_model_tokenizer(s->model);
        bool live = stream.tk && g.all.n_seqs == 1 && !s->opt.json && term_colours();
        const char *prompt = s->opt.args.n ? s->opt.args.items[0] : "";
        if (live) printf("%s%s%s%s", term_dim(), prompt, term_off(), o.chat ? "\n" : "");
        code = generate(&g, live ? &stream : NULL);
        if (live)
            putchar('\n');
        else if (!code && s->opt.json)
            put_json(&g);
        else if (!code)
            put_text(&g);
        for (size_t i = 0; i < g.all.n_seqs; i++) hooke_ids_release(&g.new_ids[i]);
    }
    steering_close(&g.steer);
    return code;
}
