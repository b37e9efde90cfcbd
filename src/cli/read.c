#include "cli/read.h"

#include <stdlib.h>
#include <string.h>

int dict_site(struct session *s, const hooke_dict *dict, hooke_site *out)
{
    const hooke_dict_info *info = hooke_dict_get_info(dict);
    const char *name = s->opt.at.n ? s->opt.at.items[0] : info->site;
    if (!name[0])
        return failed("site", "name it with --at SITE",
                      "the file of dictionary %s does not say where it reads", info->name);
    hooke_status st = hooke_site_parse(s->model, out, name);
    if (st) return failed_call(st, "site", NULL);
    int width = hooke_site_width(s->model, *out), wanted = info->d_in;
    const hooke_model_info *m = hooke_model_get_info(s->model);
    if (info->hook_head_index >= 0 && wanted == m->d_head && width > wanted &&
        (info->hook_head_index + 1) * wanted <= width)
        return 0;
    if (width == wanted) return 0;
    return failed("dictionary", "use a dictionary of this model, or name its site with --at",
                  "%s reads rows of %d, and %s of model %s has %d", info->name, wanted, name, m->name, width);
}

const float *dict_columns(const hooke_dict_info *info, const hooke_view *view)
{
    bool one_head = info->hook_head_index >= 0 && view->n_cols != info->d_in;
    return view->data + (one_head ? (int64_t)info->hook_head_index * info->d_in : 0);
}

static hooke_status on_rows(void *payload, const hooke_view *view)
{
    struct reading *r = payload;
    hooke_status st =
        hooke_dict_encode(r->dict, &r->codes, dict_columns(r->info, view), view->n_rows, view->ld, r->subset);
    if (st) return st;
    size_t have = (size_t)r->indptr[r->n_rows], more = (size_t)r->codes.indptr[view->n_rows];
    grow(&r->indptr, &r->indptr_capacity, r->n_rows + (size_t)view->n_rows + 1, sizeof *r->indptr);
    grow(&r->indices, &r->indices_capacity, have + more, sizeof *r->indices);
    grow(&r->values, &r->values_capacity, have + more, sizeof *r->values);
    if (more) memcpy(r->indices + have, r->codes.indices, more * sizeof *r->indices);
    if (more) memcpy(r->values + have, r->codes.values, more * sizeof *r->values);
    for (int64_t i = 1; i <= view->n_rows; i++) r->indptr[++r->n_rows] = (int64_t)have + r->codes.indptr[i];
    return HOOKE_OK;
}

int reading_open(struct reading *r, struct session *s, hooke_dict *dict)
{
    r->s = s;
    r->dict = dict;
    r->info = hooke_dict_get_info(dict);
    grow(&r->indptr, &r->indptr_capacity, 1, sizeof *r->indptr);
    return dict_site(s, dict, &r->site);
}

int reading_run(struct reading *r, const hooke_batch *batch)
{
    hooke_hook hook = { .site = r->site, .tap = on_rows, .payload = r };
    hooke_run_options options = {
        .size = sizeof options, .hooks = &hook, .n_hooks = 1, .batch_tokens = r->s->opt.batch_tokens
    };
    hooke_status st = hooke_model_run(r->s->model, batch, &options);
    return st ? failed_call(st, "reading", NULL) : 0;
}

void reading_close(struct reading *r)
{
    hooke_codes_release(&r->codes);
}

float reading_value(const struct reading *r, size_t row, int32_t feature)
{
    int64_t low = r->indptr[row], high = r->indptr[row + 1];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (r->indices[middle] < feature)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->indptr[row + 1] && r->indices[low] == feature ? r->values[low] : 0.0f;
}

int reading_top(const struct reading *r, size_t row, struct activation *out, int n)
{
    int have = 0;
    for (int64_t i = r->indptr[row]; i < r->indptr[row + 1]; i++) {
        struct activation a = { r->indices[i], r->values[i] };
        int at = have < n ? have++ : n;
        while (at > 0 && a.value > out[at - 1].value) {
            if (at < n) out[at] = out[at - 1];
            at--;
        }
        if (at < n) out[at] = a;
    }
    return have;
}

/* ---- logits -------------------------------------------------------------------------------------------------- */

/* Puts (id, value) into a list of k kept best first. sign -1 keeps the lowest. */
static void keep_best(int32_t *ids, float *values, int k, int *n, int32_t id, float value, float sign)
{
    if (*n == k && !(sign * value > sign * values[k - 1])) return;
    int at = *n < k ? (*n)++ : k - 1;
    while (at > 0 && sign * value > sign * values[at - 1]) {
        ids[at] = ids[at - 1];
        values[at] = values[at - 1];
        at--;
    }
    ids[at] = id;
    values[at] = value;
}

static void tops_of_row(struct logit_tops *t, const float *logits, int n_vocab, int k,
                        const hooke_tokenizer *tk)
{
    int n_top = 0, n_bottom = 0;
    t->top_ids = take((size_t)k, sizeof *t->top_ids);
    t->bottom_ids = take((size_t)k, sizeof *t->bottom_ids);
    t->top = take((size_t)k, sizeof *t->top);
    t->bottom = take((size_t)k, sizeof *t->bottom);
    for (int32_t id = 0; id < n_vocab; id++) {
        if (tk && !hooke_tokenizer_token(tk, id)) continue; /* rows that only pad the matrix */
        keep_best(t->top_ids, t->top, k, &n_top, id, logits[id], 1.0f);
        keep_best(t->bottom_ids, t->bottom, k, &n_bottom, id, logits[id], -1.0f);
    }
    t->n = n_top;
}

/* Whether a decoder row is a direction of the residual stream. Inside a block widths may agree by accident. */
static bool writes_to_residual(const struct session *s, const hooke_dict_info *info)
{
    const char *site = info->site_out;
    if (info->d_out != hooke_model_get_info(s->model)->d_model || info->hook_head_index >= 0) return false;
    return !strstr(site, "attn.hook_z") && !strstr(site, "attn.hook_q") && !strstr(site, "attn.hook_k") &&
           !strstr(site, "attn.hook_v") && !strstr(site, "mlp.hook_p");
}

int decoder_logits(struct session *s, hooke_dict *dict, const int32_t *features, int n, int k,
                   struct logit_tops *out)
{
    enum { ROWS = 16 };
    const hooke_dict_info *info = hooke_dict_get_info(dict);
    const hooke_model_info *m = hooke_model_get_info(s->model);
    hooke_status st = HOOKE_OK;
    memset(out, 0, (size_t)n * sizeof *out);
    if (!writes_to_residual(s, info) || n == 0) return 0;
    float *rows = take((size_t)ROWS * (size_t)info->d_out, sizeof *rows);    /* [ROWS, d_out] */
    float *logits = take((size_t)ROWS * (size_t)m->d_vocab, sizeof *logits); /* [ROWS, d_vocab] */
    for (int first = 0; !st && first < n; first += ROWS) {
        int count = n - first < ROWS ? n - first : ROWS;
        for (int i = 0; !st && i < count; i++)
            st = hooke_dict_decoder_row(dict, features[first + i], rows + (size_t)i * (size_t)info->d_out);
        if (!st) st = hooke_model_logit_lens(s->model, logits, rows, count);
        for (int i = 0; !st && i < count; i++)
            tops_of_row(&out[first + i], logits + (size_t)i * (size_t)m->d_vocab, m->d_vocab, k,
                        hooke_model_tokenizer(s->model));
    }
    give(rows);
    give(logits);
    return st ? failed_call(st, "logits", NULL) : 0;
}

/* ---- addresses ------------------------------------------------------------------------------------------------ */

static bool all_digits(const char *s)
{
    return s[0] && s[strspn(s, "0123456789")] == '\0';
}

/* "4232" of a Neuronpedia id or address that names a feature, else NULL. */
static const char *published_feature(const char *text)
{
    hooke_name *name = NULL;
    const char *index = NULL;
    if (strchr(text, '/') && hooke_name_open(&name, text, "dict") == HOOKE_OK &&
        hooke_name_get_info(name)->feature >= 0)
        index = take_printf("%lld", (long long)hooke_name_get_info(name)->feature);
    hooke_name_close(name);
    return index;
}

int address_open(struct session *s, const char *text, hooke_dict **dict, int32_t *feature)
{
    const char *name = s->opt.dict ? s->opt.dict : "micro", *index = text, *cut = strrchr(text, ':');
    const char *published = published_feature(text);
    *dict = NULL;
    if (published) {
        name = text;
        index = published;
        cut = NULL;
    } else if (!cut) {
        cut = strrchr(text, '/');
        if (cut && memchr(text, '/', (size_t)(cut - text)) == NULL)
            cut = NULL; /* MODEL/SOURCE/INDEX has two */
    }
    if (!all_digits(text) && cut) {
        index = cut + 1;
        if (cut > text) name = take_text(text, (size_t)(cut - text));
    }
    if (!all_digits(index) || strlen(index) > 9)
        return wrong("feature", "write DICT:INDEX, MODEL/SOURCE/INDEX, or INDEX with -d DICT",
                     "'%s' is not a feature's address", text);
    int code = session_open_dict(s, dict, name);
    if (code) return code;
    *feature = (int32_t)strtol(index, NULL, 10);
    int n = hooke_dict_get_info(*dict)->d_dict;
    if (*feature < n) return 0;
    return failed("feature", take_printf("use 0 to %d", n - 1), "%d is not in dictionary %s of %d features",
                  *feature, name, n);
}
