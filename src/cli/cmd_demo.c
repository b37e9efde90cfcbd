/* hooke demo: the main job on the embedded model, within two seconds. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/opt.h"
#include "cli/show.h"
#include "cli/steer.h"
#include "cli/term.h"
#include "cli/wrap.h"

static const struct opt rows[] = { { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL } };

static const struct opt_spec spec = {
    "demo [TEXT]",
    "Reads a text with the embedded model (micro) and its dictionary: the text coloured by a feature, the "
    "strongest features of\n"
    "each token, the same sentence continued with a feature turned up, and the core evaluation.",
    "  hooke demo\n  hooke demo \"The doctor said that she would come.\"",
    OPT_MODEL | OPT_DICT | OPT_INPUT,
    rows,
    -1,
};

enum {
    TABLE_TOKENS = 16, /* the rest is for 'hooke features' */
    SHOWN = 3,         /* features that colour the text */
};

static void title(const char *text)
{
    printf("\n%s%s%s\n", term_bold(), text, term_off());
}

/* The first few features, each colouring the whole text. */
static void show_colours(const struct shown *w)
{
    int32_t best[SHOWN];
    int n = shown_telling(w, best, SHOWN);
    title("The text, coloured by the features that tell most about it");
    for (int i = 0; i < n; i++) {
        if (i) putchar('\n');
        show_coloured(w, 0, best[i]);
    }
}

/* A feature to turn up: of those that coloured the text the one whose passage is first; the prompt is the text's beginning, and
 * there it changes what is said rather than breaks it. */
static int32_t choose_feature(const struct shown *w)
{
    int32_t best[SHOWN], chosen = w->colour_by;
    int n = shown_telling(w, best, SHOWN);
    double first = (double)INFINITY;
    for (int i = 0; i < n; i++) {
        const struct shown_feature *f = shown_find(w, best[i]);
        if (f->at >= first) continue;
        first = f->at;
        chosen = best[i];
    }
    return chosen;
}

static const char *continuation(struct session *s, const hooke_ids *ids)
{
    hooke_text t = { 0 };
    const char *copy = "";
    if (hooke_tokenizer_decode(hooke_model_tokenizer(s->model), &t, ids->data, ids->n, HOOKE_SKIP_SPECIAL) ==
            HOOKE_OK &&
        t.data)
        copy = take_text(t.data, t.n);
    hooke_text_release(&t);
    return copy;
}

static int show_steering(struct session *s, const struct shown *w, const char *prompt)
{
    int32_t feature = choose_feature(w);
    const struct shown_feature *f = shown_find(w, feature);
    struct list none = { NULL, 0 }, steer = { NULL, 0 };
    struct steering t = { 0 };
    struct seqs q = { 0 };
    hooke_ids ids = { 0 }, new_ids[2] = { { 0 }, { 0 } };
    double strength = f ? 1.2 * (double)f->max : 10;
    if (!f) return 0;
    list_add(&steer, take_printf("%s:%d=%.3f", s->opt.dict ? s->opt.dict : "micro", feature, strength));
    int code = steering_open(&t, s, &none, &steer, &none, false);
    hooke_status st = code ? HOOKE_OK
                           : hooke_tokenizer_encode(hooke_model_tokenizer(s->model), &ids, prompt,
                                                    strlen(prompt), HOOKE_ADD_SPECIAL);
    if (!code && !st) {
        const uint8_t steered[2] = { 0, 1 };
        seqs_add(&q, ids.data, ids.n);
        seqs_add(&q, ids.data, ids.n);
        hooke_batch batch = seqs_batch(&q);
        hooke_generate_options g = { .size = sizeof g,
                                     .n_new = 40,
                                     .hooks = t.hooks,
                                     .n_hooks = (int)t.n_hooks,
                                     .hooks_for_seq = steered };
        st = hooke_generate(s->model, new_ids, &batch, &g);
    }
    if (st) code = failed_call(st, "demo", NULL);
    if (!code) {
        title(take_printf("The same beginning, default and with feature %d turned up (by %.3g)", feature,
                          strength));
        if (f->logits.n)
            printf("%sit raises %s%s\n", term_dim(),
                   logit_words(hooke_model_tokenizer(s->model), f->logits.top_ids, f->logits.n), term_off());
        print_side_by_side("default", continuation(s, &new_ids[0]), "steered", continuation(s, &new_ids[1]),
                           prompt);
    }
    hooke_ids_release(&ids);
    hooke_ids_release(&new_ids[0]);
    hooke_ids_release(&new_ids[1]);
    steering_close(&t);
    return code;
}

static int show_core(struct session *s)
{
    hooke_core_result *result = NULL;
    hooke_text path = { 0 };
    hooke_core_options o = { .size = sizeof o,
                             .batch_size_prompts = 4,
                             .n_eval_reconstruction_batches = 2,
                             .n_eval_sparsity_variance_batches = 4,
                             .context_size = 128 };
    hooke_status st = hooke_asset(&path, "data/micro/text.jsonl.gz");
    o.dataset = path.data;
    if (!st) st = hooke_eval_core(&result, s->model, s->dict, &o);
    hooke_text_release(&path);
    if (st) return failed_call(st, "demo", NULL);
    const hooke_core_metrics *m = hooke_core_get_metrics(result);
    title("How well the dictionary stands in for the activations (SAEBench's core, a small sample)");
    printf("CE loss score       %.4f  %s\n", m->ce_loss_score, term_bar(m->ce_loss_score, 40));
    printf("explained variance  %.4f  %s\n", m->explained_variance, term_bar(m->explained_variance, 40));
    printf("L0                  %.1f of %d features on a token\n", m->l0,
           hooke_dict_get_info(s->dict)->d_dict);
    printf("loss                %.3f, with the dictionary spliced in %.3f, with nothing %.3f\n",
           m->ce_loss_without_sae, m->ce_loss_with_sae, m->ce_loss_with_ablation);
    hooke_core_close(result);
    return 0;
}

/* The embedded text, else a line. */
static const char *default_text(void)
{
    hooke_text path = { 0 };
    char *data = NULL;
    size_t n = 0;
    if (hooke_asset(&path, "data/micro/demo.txt") == HOOKE_OK) read_whole_file(&data, &n, path.data, 1 << 16);
    hooke_text_release(&path);
    while (n && (data[n - 1] == '\n' || data[n - 1] == ' ')) data[--n] = '\0';
    return n ? data : "She is a nurse at the city hospital.";
}

/* The text up to the middle of its first sentence. */
static const char *beginning_of(const char *text)
{
    size_t n = strcspn(text, ".!?\n"), cut = n;
    for (size_t i = 0; i < n && i < 24; i++)
        if (text[i] == ' ') cut = i;
    return take_text(text, cut);
}

int cmd_demo(struct session *s, int argc, char **argv)
{
    struct input in = { .split = true };
    struct shown w = { 0 };
    int code = opt_parse(s, &spec, NULL, argc, argv);
    if (code >= 0) return code;
    if (s->opt.json)
        return wrong("--json", "use 'hooke features --json' or 'hooke eval core --json'",
                     "demo is for people");
    if (!input_given(s)) list_add(&s->opt.args, default_text());
    if ((code = session_model_and_dict(s)) != 0) return code;
    if ((code = input_open(&in, s)) == 0) code = input_all(&in);
    input_close(&in);
    if (code) return code;
    session_header(s, s->dict);
    code = shown_make(&w, s, s->dict, &in.group, 2, 4, -1);
    if (!code) {
        show_colours(&w);
        title("The first tokens, the strongest features of each, and the next tokens they make likelier");
        show_tokens(&w, 0, TABLE_TOKENS);
        code = show_steering(s, &w, beginning_of(s->opt.args.n ? s->opt.args.items[0] : "The"));
    }
    shown_close(&w);
    if (!code) code = show_core(s);
    if (!code)
        printf("\n%sNext: hooke features --html page.html \"your text\"   hooke feature %d   hooke help%s\n",
               term_dim(), w.colour_by, term_off());
    return code;
}
