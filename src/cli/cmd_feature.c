/* hooke feature: one feature from all sides. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/origin.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/read.h"
#include "cli/term.h"

struct options {
    int64_t n_logits, n_neighbours, n_examples, window;
};

#define AT(field) offsetof(struct options, field)
static const struct opt rows[] = {
    { "logits", 0, OPT_INT, AT(n_logits), "N", "10", 0, 1000, "tokens at each end of the logit list" },
    { "neighbours", 0, OPT_INT, AT(n_neighbours), "N", "5", 0, 1000, "nearest decoder rows" },
    { "examples", 0, OPT_INT, AT(n_examples), "N", "8", 0, 1000,
      "contexts with the strongest activations, one a sequence" },
    { "window", 0, OPT_INT, AT(window), "N", "12", 0, 10000,
      "tokens shown on each side of an example's peak" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};
#undef AT

static const struct opt_spec spec = {
    "feature [-m MODEL] [-d DICT] INDEX [TEXT...]",
    "Shows one feature: how often it is on, what its decoder row makes likelier and unlikelier, its nearest "
    "neighbours, and where\n"
    "it is strongest in a text (--text; the embedded one with micro). INDEX may be DICT:INDEX or "
    "MODEL/SOURCE/INDEX.",
    "  hooke feature -m micro -d micro 12\n  hooke feature micro:12 --text story.txt --examples 3",
    OPT_MODEL | OPT_DICT | OPT_AT | OPT_INPUT,
    rows,
    -1,
};

enum { N_BINS = 20 };

/* The strongest position of one sequence and its surroundings. */
struct example {
    float peak;
    int n, at; /* tokens kept, and which of them is the peak */
    int32_t *ids;
    float *values;
};

struct study {
    struct session *s;
    hooke_dict *dict;
    int32_t feature;
    struct logit_tops logits;
    int32_t *neighbours;
    float *cosines;
    int n_neighbours;
    int64_t n_tokens, n_active; /* BOS left out */
    double sum;
    float max;
    struct example *examples;
    int n_examples;
    float *values; /* of all active tokens, for the histogram */
    size_t n_values, values_capacity;
};

static void keep_example(struct study *t, const struct options *o, const struct reading *r,
                         const struct seqs *q, size_t seq, int64_t peak, float value)
{
    int at = t->n_examples < (int)o->n_examples ? t->n_examples++ : (int)o->n_examples;
    while (at > 0 && value > t->examples[at - 1].peak) {
        if (at < (int)o->n_examples) t->examples[at] = t->examples[at - 1];
        at--;
    }
    if (at >= (int)o->n_examples) return;
    int64_t first = peak - o->window < q->start[seq] ? q->start[seq] : peak - o->window;
    int64_t end = peak + o->window + 1 > q->start[seq + 1] ? q->start[seq + 1] : peak + o->window + 1;
    struct example e = { .peak = value, .n = (int)(end - first), .at = (int)(peak - first) };
    e.ids = take((size_t)e.n, sizeof *e.ids);
    e.values = take((size_t)e.n, sizeof *e.values);
    for (int i = 0; i < e.n; i++) {
        e.ids[i] = q->ids[first + i];
        e.values[i] = reading_value(r, (size_t)(first + i), t->feature);
    }
    t->examples[at] = e;
}

static void study_group(struct study *t, const struct options *o, const struct reading *r,
                        const struct seqs *q, int32_t bos)
{
    for (size_t seq = 0; seq < q->n_seqs; seq++) {
        int64_t peak = -1;
        float best = 0;
        for (int64_t row = q->start[seq]; row < q->start[seq + 1]; row++) {
            float v = reading_value(r, (size_t)row, t->feature);
            if (q->ids[row] == bos) continue;
            t->n_tokens++;
            if (v <= 0) continue;
            t->n_active++;
            t->sum += (double)v;
            grow(&t->values, &t->values_capacity, t->n_values + 1, sizeof *t->values);
            t->values[t->n_values++] = v;
            if (v > best) best = v, peak = row;
        }
        if (best > t->max) t->max = best;
        if (peak >= 0) keep_example(t, o, r, q, seq, peak, best);
    }
}

/* Reads the text group by group: only codes of one group, and of one feature, are held. */
static int study_text(struct study *t, const struct options *o)
{
    enum { GROUP = 16384 };
    struct input in = { .split = true };
    hooke_feature_set one = { &t->feature, 1 };
    int32_t bos = -1;
    int code = input_open(&in, t->s);
    if (in.tk && in.prepend_bos) bos = hooke_tokenizer_bos(in.tk);
    if (!t->s->opt.n_ctx && (in.longest == 0 || in.longest > 256))
        in.longest = 256; /* pieces that attention handles quickly */
    while (!code && (code = input_next(&in, GROUP)) == 0 && in.group.n_seqs) {
        struct reading r = { .subset = &one };
        hooke_batch batch = seqs_batch(&in.group);
        if ((code = reading_open(&r, t->s, t->dict)) == 0 && (code = reading_run(&r, &batch)) == 0)
            study_group(t, o, &r, &in.group, bos);
        reading_close(&r);
        give(r.indptr);
        give(r.indices);
        give(r.values);
        if (progress_report(NULL, "reading", in.n_tokens, t->s->opt.max_tokens))
            code = failed("feature", "nothing was written", "interrupted");
    }
    input_close(&in);
    progress_clear();
    if (!code && t->n_tokens == 0)
        code = failed("text", "use a smaller --ctx, or more text", "holds no tokens to read");
    return code;
}

static void bins_of(const struct study *t, int64_t bins[N_BINS])
{
    memset(bins, 0, N_BINS * sizeof *bins);
    for (size_t i = 0; i < t->n_values; i++) {
        int b = (int)(t->values[i] / t->max * N_BINS);
        bins[b >= N_BINS ? N_BINS - 1 : b]++;
    }
}

static void json_logits(struct json_out *j, const struct study *t, const char *key, const int32_t *ids,
                        const float *values)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(t->s->model);
    emit_begin(j, key, '[');
    for (int i = 0; i < t->logits.n; i++) {
        emit_begin_inline(j, NULL, '{');
        emit_text(j, "token", token_text(tk, ids[i]));
        emit_int(j, "id", ids[i]);
        emit_real32(j, "value", values[i]);
        emit_end(j);
    }
    emit_end(j);
}

/* Neuronpedia's spelling of the same: two arrays a list. */
static void json_parallel(struct json_out *j, const struct study *t, const char *prefix, const int32_t *ids,
                          const float *values)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(t->s->model);
    emit_begin_inline(j, take_printf("%s_str", prefix), '[');
    for (int i = 0; i < t->logits.n; i++) emit_text(j, NULL, token_text(tk, ids[i]));
    emit_end(j);
    emit_begin_inline(j, take_printf("%s_values", prefix), '[');
    for (int i = 0; i < t->logits.n; i++) emit_real32(j, NULL, values[i]);
    emit_end(j);
}

static void json_neighbours(struct json_out *j, const struct study *t)
{
    emit_begin(j, "neighbours", '[');
    for (int i = 0; i < t->n_neighbours; i++) {
        emit_begin_inline(j, NULL, '{');
        emit_int(j, "index", t->neighbours[i]);
        emit_real32(j, "cosine", t->cosines[i]);
        emit_end(j);
    }
    emit_end(j);
    emit_begin_inline(j, "topkCosSimIndices", '[');
    for (int i = 0; i < t->n_neighbours; i++) emit_int(j, NULL, t->neighbours[i]);
    emit_end(j);
    emit_begin_inline(j, "topkCosSimValues", '[');
    for (int i = 0; i < t->n_neighbours; i++) emit_real32(j, NULL, t->cosines[i]);
    emit_end(j);
}

static void json_examples(struct json_out *j, const struct study *t)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(t->s->model);
    emit_begin(j, "activations", '[');
    for (int i = 0; i < t->n_examples; i++) {
        const struct example *e = &t->examples[i];
        emit_begin(j, NULL, '{');
        emit_real32(j, "maxValue", e->peak);
        emit_int(j, "maxValueTokenIndex", e->at);
        emit_begin_inline(j, "tokens", '[');
        for (int k = 0; k < e->n; k++) emit_text(j, NULL, token_text(tk, e->ids[k]));
        emit_end(j);
        emit_begin_inline(j, "values", '[');
        for (int k = 0; k < e->n; k++) emit_real32(j, NULL, e->values[k]);
        emit_end(j);
        emit_end(j);
    }
    emit_end(j);
}

static void put_json(const struct study *t)
{
    const hooke_dict_info *d = hooke_dict_get_info(t->dict);
    struct json_out j = { 0 };
    int64_t bins[N_BINS];
    bins_of(t, bins);
    emit_begin(&j, NULL, '{');
    emit_text(&j, "modelId", hooke_model_get_info(t->s->model)->name);
    emit_text(&j, "layer", d->name); /* Neuronpedia's word for the source */
    emit_text(&j, "index", take_printf("%d", t->feature));
    emit_text(&j, "label", hooke_dict_label(t->dict, t->feature));
    emit_text(&j, "site", d->site);
    emit_text(&j, "activation_scale", d->activation_scale);
    emit_run(&j, t->s);
    emit_int(&j, "n_tokens", t->n_tokens);
    emit_real(&j, "frac_nonzero", t->n_tokens ? (double)t->n_active / (double)t->n_tokens : (double)NAN);
    emit_real32(&j, "maxActApprox", t->max);
    emit_real(&j, "mean_active", t->n_active ? t->sum / (double)t->n_active : (double)NAN);
    json_logits(&j, t, "top_logits", t->logits.top_ids, t->logits.top);
    json_logits(&j, t, "bottom_logits", t->logits.bottom_ids, t->logits.bottom);
    json_parallel(&j, t, "pos", t->logits.top_ids, t->logits.top);
    json_parallel(&j, t, "neg", t->logits.bottom_ids, t->logits.bottom);
    json_neighbours(&j, t);
    emit_begin_inline(&j, "freq_hist_data_bar_values", '[');
    for (int b = 0; t->max > 0 && b < N_BINS; b++) emit_real32(&j, NULL, t->max * ((float)b + 0.5f) / N_BINS);
    emit_end(&j);
    emit_begin_inline(&j, "freq_hist_data_bar_heights", '[');
    for (int b = 0; t->max > 0 && b < N_BINS; b++) emit_int(&j, NULL, bins[b]);
    emit_end(&j);
    json_examples(&j, t);
    emit_end(&j);
    emit_print(&j);
}

static void print_logits(const struct study *t)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(t->s->model);
    if (t->logits.n == 0) return;
    printf("\n%s%-33s %s%s\n", term_bold(), "raises", "lowers", term_off());
    for (int i = 0; i < t->logits.n; i++) {
        printf("%s %8.3f      ", quoted(token_text(tk, t->logits.top_ids[i]), 18), (double)t->logits.top[i]);
        printf("%s %8.3f\n", quoted(token_text(tk, t->logits.bottom_ids[i]), 18),
               (double)t->logits.bottom[i]);
    }
}

static void print_histogram(const struct study *t)
{
    int64_t bins[N_BINS], most = 1;
    bins_of(t, bins);
    if (t->n_active == 0) return;
    for (int b = 0; b < N_BINS; b++) most = bins[b] > most ? bins[b] : most;
    printf("\n%sactivations%s\n", term_bold(), term_off());
    for (int b = 0; b < N_BINS; b++)
        printf("%9.3f %s %s%lld%s\n", (double)t->max * b / N_BINS,
               term_bar((double)bins[b] / (double)most, 40), term_dim(), (long long)bins[b], term_off());
}

static void print_examples(const struct study *t)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(t->s->model);
    if (t->n_examples) printf("\n%sstrongest in the text%s\n", term_bold(), term_off());
    for (int i = 0; i < t->n_examples; i++) {
        const struct example *e = &t->examples[i];
        printf("%8.3f  ", (double)e->peak);
        for (int k = 0; k < e->n; k++) {
            const char *text = on_one_line(token_text(tk, e->ids[k])),
                       *heat = term_heat((double)(e->values[k] / e->peak));
            bool mark = k == e->at && !heat[0];
            printf("%s%s%s%s%s", heat, mark ? "\302\253" : "", text, mark ? "\302\273" : "",
                   heat[0] ? term_off() : "");
        }
        putchar('\n');
    }
}

static void put_text(const struct study *t)
{
    const hooke_dict_info *d = hooke_dict_get_info(t->dict);
    printf("%sfeature %d%s of %s at %s\n", term_bold(), t->feature, term_off(), d->name, d->site);
    const char *label = hooke_dict_label(t->dict, t->feature);
    if (label) printf("%s\n", on_one_line(label));
    if (t->n_tokens)
        printf("on for %.4g%% of %lld tokens, mean %.4g when on, up to %.4g\n",
               100.0 * (double)t->n_active / (double)t->n_tokens, (long long)t->n_tokens,
               t->n_active ? t->sum / (double)t->n_active : 0, (double)t->max);
    print_logits(t);
    if (t->n_neighbours) printf("\n%snearest decoder rows%s (cosine)\n", term_bold(), term_off());
    for (int i = 0; i < t->n_neighbours; i++) printf("%7d  %.3f\n", t->neighbours[i], (double)t->cosines[i]);
    print_histogram(t);
    print_examples(t);
}

static int open_feature(struct study *t, const struct options *o)
{
    struct session *s = t->s;
    int code = address_open(s, s->opt.args.items[0], &t->dict, &t->feature);
    if (code) return code;
    s->dict = t->dict; /* it may name the model */
    if (!s->opt.dict) s->opt.dict = s->dicts[0].what;
    s->opt.args.items++;
    s->opt.args.n--;
    if ((code = session_model(s)) != 0) return code;
    session_header(s, t->dict);
    if (o->n_logits && (code = decoder_logits(s, t->dict, &t->feature, 1, (int)o->n_logits, &t->logits)) != 0)
        return code;
    int most = hooke_dict_get_info(t->dict)->d_dict - 1;
    t->n_neighbours = o->n_neighbours < most ? (int)o->n_neighbours : most;
    t->neighbours = take((size_t)t->n_neighbours, sizeof *t->neighbours);
    t->cosines = take((size_t)t->n_neighbours, sizeof *t->cosines);
    t->examples = take((size_t)o->n_examples, sizeof *t->examples);
    hooke_status st = HOOKE_OK;
    if (t->n_neighbours)
        st = hooke_dict_neighbours(t->dict, t->feature, t->neighbours, t->cosines, t->n_neighbours);
    return st ? failed_call(st, "neighbours", NULL) : 0;
}

/* With the embedded model and no text given, its own text is read. */
static void default_text(struct session *s)
{
    hooke_text path = { 0 };
    if (input_given(s) || (s->opt.model && strcmp(s->opt.model, "micro") != 0) ||
        strcmp(s->opt.dict, "micro") != 0)
        return;
    if (hooke_asset(&path, "data/micro/text.jsonl.gz") == HOOKE_OK) {
        list_add(&s->opt.texts, take_text(path.data, path.n));
        if (!s->opt.max_tokens) s->opt.max_tokens = 20000;
    }
    hooke_text_release(&path);
}

/* Whether a dictionary's name goes on to a feature: MODEL/SOURCE/INDEX. */
static bool names_feature(const char *dict)
{
    hooke_name *name = NULL;
    bool found = hooke_name_open(&name, dict, "dict") == HOOKE_OK && hooke_name_get_info(name)->feature >= 0;
    hooke_name_close(name);
    return found;
}

int cmd_feature(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct study t = { .s = s };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if (s->opt.args.n == 0 && s->opt.dict && names_feature(s->opt.dict)) list_add(&s->opt.args, s->opt.dict);
    if (s->opt.args.n == 0)
        return wrong("feature", "write 'hooke feature INDEX'", "there is no feature named");
    if ((code = open_feature(&t, &o)) != 0) return code;
    default_text(s);
    if (input_given(s) && (code = study_text(&t, &o)) != 0) return code;
    if (s->opt.json)
        put_json(&t);
    else
        put_text(&t);
    return 0;
}
