/* hooke features: the strongest features of each token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/origin.h"
#include "cli/opt.h"
#include "cli/page.h"
#include "cli/show.h"
#include "cli/term.h"

struct options {
    int64_t top, logits, colour_by;
    const char *html;
};

static const struct opt rows[] = {
    { "top", 0, OPT_INT, offsetof(struct options, top), "N", "3", 1, 1000, "features shown a token" },
    { "logits", 0, OPT_INT, offsetof(struct options, logits), "N", "4", 0, 100,
      "tokens shown a feature: those that its decoder row raises most" },
    { "feature", 0, OPT_INT, offsetof(struct options, colour_by), "INDEX", NULL, 0, 1e9,
      "colour the text by this feature (default: the most telling one)" },
    { "html", 0, OPT_OUT, offsetof(struct options, html), "FILE", NULL, 0, 0,
      "write a page that stands alone: coloured text, features, logits" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "features [-m MODEL] [-d DICT] TEXT...",
    "Reads a text through a dictionary and shows, for each token, the features that are on, with their value "
    "and the tokens\n"
    "that their decoder row makes likelier.",
    "  hooke features -m micro -d micro \"The old sailor came home.\"\n  hooke features --text story.txt "
    "--ctx 128 --html story.html",
    OPT_MODEL | OPT_DICT | OPT_AT | OPT_INPUT,
    rows,
    -1,
};

static void json_feature(struct json_out *j, const struct shown *w, struct activation a,
                         const hooke_tokenizer *tk)
{
    const struct shown_feature *f = shown_find(w, a.feature);
    emit_begin_inline(j, NULL, '{');
    emit_int(j, "index", a.feature);
    emit_real32(j, "value", a.value);
    emit_text(j, "label", hooke_dict_label(w->r.dict, a.feature));
    emit_begin(j, "top_logits", '[');
    for (int i = 0; f && i < f->logits.n; i++) {
        emit_begin(j, NULL, '{');
        emit_text(j, "token", token_text(tk, f->logits.top_ids[i]));
        emit_int(j, "id", f->logits.top_ids[i]);
        emit_real32(j, "value", f->logits.top[i]);
        emit_end(j);
    }
    emit_end(j);
    emit_end(j);
}

static void put_json(const struct shown *w)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(w->r.s->model);
    const hooke_dict_info *d = w->r.info;
    struct json_out j = { 0 };
    emit_begin(&j, NULL, '{');
    emit_text(&j, "model", hooke_model_get_info(w->r.s->model)->name);
    emit_text(&j, "dict", d->name);
    emit_text(&j, "site", d->site);
    emit_text(&j, "activation_scale", d->activation_scale);
    emit_run(&j, w->r.s);
    emit_begin(&j, "tokens", '[');
    for (size_t q = 0; q < w->seqs->n_seqs; q++) {
        for (int64_t row = w->seqs->start[q]; row < w->seqs->start[q + 1]; row++) {
            emit_begin(&j, NULL, '{');
            emit_text(&j, "token", token_text(tk, w->seqs->ids[row]));
            emit_int(&j, "id", w->seqs->ids[row]);
            emit_int(&j, "seq", (int64_t)q);
            emit_int(&j, "pos", row - w->seqs->start[q]);
            emit_int(&j, "l0", w->r.indptr[row + 1] - w->r.indptr[row]);
            emit_begin(&j, "features", '[');
            for (int i = 0; i < w->n_tops[row]; i++) json_feature(&j, w, w->tops[row * w->per_row + i], tk);
            emit_end(&j);
            emit_end(&j);
        }
    }
    emit_end(&j);
    emit_end(&j);
    emit_print(&j);
}

static void put_text(const struct shown *w)
{
    for (size_t q = 0; q < w->seqs->n_seqs; q++) {
        if (q) putchar('\n');
        show_coloured(w, q, w->colour_by);
        putchar('\n');
        show_tokens(w, q, INT64_MAX);
    }
}

int cmd_features(struct session *s, int argc, char **argv)
{
    struct options o = { .colour_by = -1 };
    struct input in = { 0 };
    struct shown w = { 0 };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if ((code = session_model_and_dict(s)) != 0) return code;
    if ((code = input_open(&in, s)) == 0) code = input_all(&in);
    input_close(&in);
    if (code) return code;
    session_header(s, s->dict);
    int32_t n_features = hooke_dict_get_info(s->dict)->d_dict;
    if (o.colour_by >= n_features)
        return failed("--feature", take_printf("use 0 to %d", n_features - 1),
                      "%lld is not in a dictionary of %d features", (long long)o.colour_by, n_features);
    code = shown_make(&w, s, s->dict, &in.group, (int)o.top, (int)o.logits, (int32_t)o.colour_by);
    if (!code && o.html) code = page_write(&w, o.html);
    if (!code && s->opt.json)
        put_json(&w);
    else if (!code && o.html)
        printf("%s\n", o.html);
    else if (!code)
        put_text(&w);
    shown_close(&w);
    return code;
}
