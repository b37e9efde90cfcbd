#include "cli/show.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/term.h"

static int by_index(const void *a, const void *b)
{
    int32_t x = ((const struct shown_feature *)a)->feature, y = ((const struct shown_feature *)b)->feature;
    return (x > y) - (x < y);
}

const struct shown_feature *shown_find(const struct shown *w, int32_t feature)
{
    struct shown_feature key = { .feature = feature };
    if (!w->n_features) return NULL;
    return bsearch(&key, w->features, w->n_features, sizeof *w->features, by_index);
}

/* The distinct features among the tops, in order of index. */
static void collect_features(struct shown *w)
{
    size_t n = 0;
    w->features = take(w->r.n_rows * (size_t)w->per_row + 1, sizeof *w->features);
    for (size_t row = 0; row < w->r.n_rows; row++)
        for (int i = 0; i < w->n_tops[row]; i++)
            w->features[n++].feature = w->tops[row * (size_t)w->per_row + (size_t)i].feature;
    if (w->colour_by >= 0) w->features[n++].feature = w->colour_by;
    qsort(w->features, n, sizeof *w->features, by_index);
    for (size_t i = 0; i < n; i++)
        if (w->n_features == 0 || w->features[w->n_features - 1].feature != w->features[i].feature)
            w->features[w->n_features++] = w->features[i];
}

static void add_up(struct shown *w)
{
    for (size_t row = 0; row < w->r.n_rows; row++) {
        if (w->seqs->ids[row] == w->bos) continue;
        for (int64_t i = w->r.indptr[row]; i < w->r.indptr[row + 1]; i++) {
            struct shown_feature key = { .feature = w->r.indices[i] };
            struct shown_feature *f = bsearch(&key, w->features, w->n_features, sizeof key, by_index);
            if (!f) continue;
            double value = (double)w->r.values[i];
            f->sum += value;
            f->at += value * (double)row;
            f->spread += value * (double)row * (double)row;
            f->n_tokens++;
            if (w->r.values[i] > f->max) {
                f->max = w->r.values[i];
                f->peak = (int64_t)row;
            }
            if (w->r.values[i] > w->max) w->max = w->r.values[i];
        }
    }
    for (size_t i = 0; i < w->n_features; i++) {
        struct shown_feature *f = &w->features[i];
        if (!(f->sum > 0)) continue;
        f->at /= f->sum;
        f->spread = sqrt(fmax(0, f->spread / f->sum - f->at * f->at));
    }
}

static int add_logits(struct shown *w, struct session *s, hooke_dict *dict, int n_logits)
{
    if (n_logits == 0) return 0;
    int32_t *ids = take(w->n_features, sizeof *ids);
    struct logit_tops *tops = take(w->n_features, sizeof *tops);
    for (size_t i = 0; i < w->n_features; i++) ids[i] = w->features[i].feature;
    int code = decoder_logits(s, dict, ids, (int)w->n_features, n_logits, tops);
    for (size_t i = 0; i < w->n_features; i++) w->features[i].logits = tops[i];
    give(ids);
    give(tops);
    return code;
}

static double plain_score(const struct shown *w, const struct shown_feature *f)
{
    (void)w;
    return f->sum;
}

static bool has_letters(const char *s)
{
    for (; *s; s++)
        if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (unsigned char)*s >= 0x80) return true;
    return false;
}

/* Large where a feature is strong on a few words that stand together: what a passage is about, not what every sentence has,
 * nor a single word. Activation evenly over the text has a spread of n / sqrt(12). */
static double telling_score(const struct shown *w, const struct shown_feature *f)
{
    double n = (double)w->r.n_rows, together = 1 - f->spread * sqrt(12) / n;
    if (f->n_tokens == 0 || together <= 0 ||
        !has_letters(token_text(hooke_model_tokenizer(w->r.s->model), w->seqs->ids[f->peak])))
        return 0;
    return f->sum * log(n / f->n_tokens) * together * together * (f->n_tokens < 3 ? 0.3 : 1);
}

static int best_by(const struct shown *w, int32_t *out, int n,
                   double (*score)(const struct shown *, const struct shown_feature *))
{
    double last = 1e300;
    int32_t last_feature = -1;
    int have = 0;
    while (have < n) {
        const struct shown_feature *best = NULL;
        for (size_t i = 0; i < w->n_features; i++) {
            const struct shown_feature *f = &w->features[i];
            double x = score(w, f);
            bool after = x < last || (x <= last && f->feature > last_feature);
            if (x > 0 && after && (!best || x > score(w, best))) best = f;
        }
        if (!best) break;
        last = score(w, best);
        out[have++] = last_feature = best->feature;
    }
    return have;
}

int shown_strongest(const struct shown *w, int32_t *out, int n)
{
    return best_by(w, out, n, plain_score);
}

/* Whether another of the features in list lies within an eighth of the text. */
static bool is_near(const struct shown *w, int32_t feature, const int32_t *list, int n)
{
    double at = shown_find(w, feature)->at;
    for (int i = 0; i < n; i++)
        if (fabs(shown_find(w, list[i])->at - at) < (double)w->r.n_rows / 8) return true;
    return false;
}

int shown_telling(const struct shown *w, int32_t *out, int n)
{
    enum { CANDIDATES = 64 };
    int32_t best[CANDIDATES];
    int have = 0, n_best = best_by(w, best, CANDIDATES, telling_score);
    for (int pass = 0; pass < 2; pass++) /* then those that share a passage, if there are too few */
        for (int i = 0; i < n_best && have < n; i++) {
            if (best[i] < 0 || (pass == 0 && is_near(w, best[i], out, have))) continue;
            out[have++] = best[i];
            best[i] = -1;
        }
    return have;
}

int shown_make(struct shown *w, struct session *s, hooke_dict *dict, const struct seqs *seqs, int top,
               int n_logits, int32_t colour_by)
{
    hooke_batch batch = seqs_batch(seqs);
    const hooke_tokenizer *tk = hooke_model_tokenizer(s->model);
    int code = reading_open(&w->r, s, dict);
    if (!code) code = reading_run(&w->r, &batch);
    if (code) return code;
    w->seqs = seqs;
    w->per_row = top;
    w->bos = tk && session_prepends_bos(s) ? hooke_tokenizer_bos(tk) : -1;
    w->colour_by = colour_by;
    w->tops = take(w->r.n_rows * (size_t)top, sizeof *w->tops);
    w->n_tops = take(w->r.n_rows, sizeof *w->n_tops);
    for (size_t row = 0; row < w->r.n_rows; row++)
        w->n_tops[row] = reading_top(&w->r, row, w->tops + row * (size_t)top, top);
    collect_features(w);
    add_up(w);
    if (colour_by < 0) shown_telling(w, &w->colour_by, 1);
    return add_logits(w, s, dict, n_logits);
}

void shown_close(struct shown *w)
{
    reading_close(&w->r);
}

const char *logit_words(const hooke_tokenizer *tk, const int32_t *ids, int n)
{
    const char *text = "";
    for (int i = 0; i < n; i++)
        text = take_printf("%s%s%s", text, i ? " " : "", quoted(token_text(tk, ids[i]), 0));
    return text;
}

void show_coloured(const struct shown *w, size_t seq, int32_t feature)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(w->r.s->model);
    const struct shown_feature *f = shown_find(w, feature);
    int64_t first = w->seqs->start[seq], n = w->seqs->start[seq + 1] - first;
    if (n > 0 && w->seqs->ids[first] == w->bos) first++, n--; /* BOS is not part of the text */
    float *strengths = take((size_t)n, sizeof *strengths);
    for (int64_t i = 0; i < n; i++) strengths[i] = reading_value(&w->r, (size_t)(first + i), feature);
    if (f) {
        printf("%sfeature %d%s, up to %.3g", term_bold(), feature, term_off(), (double)f->max);
        if (f->logits.n)
            printf("  %s-> %s%s", term_dim(), logit_words(tk, f->logits.top_ids, f->logits.n), term_off());
        putchar('\n');
    }
    print_heat_text(tk, w->seqs->ids + first, strengths, (size_t)n, f ? f->max : 0);
    putchar('\n');
    give(strengths);
}

void show_tokens(const struct shown *w, size_t seq, int64_t most)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(w->r.s->model);
    int64_t first = w->seqs->start[seq], end = w->seqs->start[seq + 1];
    if (end - first > most) end = first + most;
    for (int64_t row = first; row < end; row++) {
        const char *token = quoted(token_text(tk, w->seqs->ids[row]), 16);
        if (w->n_tops[row] == 0) printf("%s  %s-%s\n", token, term_dim(), term_off());
        for (int i = 0; i < w->n_tops[row]; i++) {
            struct activation a = w->tops[row * w->per_row + i];
            const struct shown_feature *f = shown_find(w, a.feature);
            double strength = w->max > 0 && w->seqs->ids[row] != w->bos ? (double)(a.value / w->max) : 0;
            printf("%s%s%7d%s %9.3f", i ? "                " : token, term_heat(strength), a.feature,
                   term_heat(strength)[0] ? term_off() : "", (double)a.value);
            const char *label = hooke_dict_label(w->r.dict, a.feature);
            if (label) printf("  %s", on_one_line(label));
            if (f && f->logits.n)
                printf("  %s%s%s", term_dim(), logit_words(tk, f->logits.top_ids, f->logits.n), term_off());
            putchar('\n');
        }
    }
}
