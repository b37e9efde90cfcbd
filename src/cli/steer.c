#include "cli/steer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/read.h"

/* One vector added to the rows of a site. */
struct addition {
    float *v; /* [width], times its strength */
    int width, first_col;
    int32_t bos; /* rows of this id are left alone; -1: none are */
};

static hooke_status on_add(void *payload, const hooke_view *view, float *data)
{
    const struct addition *a = payload;
    for (int64_t r = 0; r < view->n_rows; r++) {
        if (a->bos >= 0 && view->batch->ids[view->first_row + r] == a->bos) continue;
        float *x = data + r * view->ld + a->first_col;
        for (int i = 0; i < a->width; i++) x[i] += a->v[i];
    }
    return HOOKE_OK;
}

/* Features of one dictionary taken out. A transcoder's activations come from another site than the one it writes to, so the
 * codes are made in a tap there and used in the edit that follows. */
struct ablation {
    hooke_dict *dict;
    const hooke_dict_info *info;
    hooke_site in, out;
    int32_t *features; /* increasing */
    int n;
    int first_col_out;
    hooke_codes codes;
    float *with, *without; /* [n_rows, d_out] */
    size_t capacity;
    float *x; /* [n_rows, d_in], of a skip transcoder */
    size_t x_capacity;
};

static hooke_status encode_rows(struct ablation *a, const hooke_view *view)
{
    hooke_feature_set set = { a->features, a->n };
    const float *x = dict_columns(a->info, view);
    if (a->info->has_skip) {
        grow(&a->x, &a->x_capacity, (size_t)view->n_rows * (size_t)a->info->d_in, sizeof *a->x);
        for (int64_t r = 0; r < view->n_rows; r++)
            memcpy(a->x + r * a->info->d_in, x + r * view->ld, (size_t)a->info->d_in * sizeof *x);
    }
    return hooke_dict_encode(a->dict, &a->codes, x, view->n_rows, view->ld, &set);
}

static hooke_status on_codes(void *payload, const hooke_view *view)
{
    return encode_rows(payload, view);
}

/* What the features add is the reconstruction from their codes less the one from no codes: biases and the run-time
 * normalisation fall out, whatever the architecture. */
static hooke_status on_remove(void *payload, const hooke_view *view, float *data)
{
    struct ablation *a = payload;
    int d = a->info->d_out;
    size_t need = (size_t)view->n_rows * (size_t)d, capacity = a->capacity;
    hooke_status st =
        a->in.kind == a->out.kind && a->in.layer == a->out.layer ? encode_rows(a, view) : HOOKE_OK;
    if (st) return st;
    grow(&a->with, &capacity, need, sizeof *a->with);
    grow(&a->without, &a->capacity, need, sizeof *a->without);
    hooke_codes none = a->codes;
    none.indptr = take((size_t)view->n_rows + 1, sizeof *none.indptr);
    st = hooke_dict_decode(a->dict, a->with, d, &a->codes, NULL, a->x, a->info->d_in);
    if (!st) st = hooke_dict_decode(a->dict, a->without, d, &none, NULL, a->x, a->info->d_in);
    give(none.indptr);
    for (int64_t r = 0; !st && r < view->n_rows; r++) {
        if (a->codes.indptr[r] == a->codes.indptr[r + 1])
            continue; /* off: this row stays as it is, to the bit */
        float *x = data + r * view->ld + a->first_col_out;
        for (int i = 0; i < d; i++) x[i] -= a->with[r * d + i] - a->without[r * d + i];
    }
    return st;
}

static void add_hook(struct steering *t, hooke_hook h)
{
    grow(&t->hooks, &t->hooks_capacity, t->n_hooks + 1, sizeof *t->hooks);
    t->hooks[t->n_hooks++] = h;
}

static void add_entry(struct steering *t, const char *kind, const char *name, hooke_site site,
                      double strength, const float *v, int n)
{
    hooke_text text = { 0 };
    double norm = 0;
    for (int i = 0; v && i < n; i++) norm += (double)v[i] * (double)v[i];
    const char *where =
        hooke_site_name(t->s->model, &text, site) == HOOKE_OK ? take_text(text.data, text.n) : "?";
    hooke_text_release(&text);
    grow(&t->entries, &t->entries_capacity, t->n_entries + 1, sizeof *t->entries);
    t->entries[t->n_entries++] = (struct steer_entry){ kind, name, where, strength, sqrt(norm) };
}

/* "NAME=STRENGTH"; without "=" the strength is `usual` (NaN: it is required). */
static int split_strength(const char *option, const char *text, double usual, const char **name,
                          double *strength)
{
    const double most = 1e30; /* beyond lies what float32 cannot add up */
    const char *eq = strrchr(text, '=');
    char *end = NULL;
    *strength = usual;
    *name = text;
    if (!eq && !isnan(usual)) return 0;
    if (eq) {
        *strength = strtod(eq + 1, &end);
        *name = take_text(text, (size_t)(eq - text));
    }
    if (!eq) return wrong(option, "write D:FEATURE=STRENGTH, e.g. micro:12=80", "'%s' has no strength", text);
    if (end != eq + 1 && *end == '\0' && fabs(*strength) <= most) return 0;
    return wrong(option, "give a number from -1e30 to 1e30", "'%s' is no strength, in '%s'", eq + 1, text);
}

/* The site a dictionary writes to. */
static int output_site(struct session *s, const hooke_dict *dict, hooke_site *out)
{
    const hooke_dict_info *info = hooke_dict_get_info(dict);
    if (!info->is_transcoder || !info->site_out[0]) return dict_site(s, dict, out);
    hooke_status st = hooke_site_parse(s->model, out, info->site_out);
    return st ? failed_call(st, "site", NULL) : 0;
}

static int first_column(const struct session *s, const hooke_dict_info *info, hooke_site site)
{
    bool one_head = info->hook_head_index >= 0 && hooke_site_width(s->model, site) != info->d_out;
    return one_head ? info->hook_head_index * info->d_out : 0;
}

/* The id whose rows additions leave alone; -1: none. */
static int32_t bos_to_spare(const struct steering *t)
{
    const hooke_tokenizer *tk = hooke_model_tokenizer(t->s->model);
    return tk && !t->steer_bos ? hooke_tokenizer_bos(tk) : -1;
}

static int add_feature(struct steering *t, const char *text)
{
    hooke_dict *dict;
    hooke_site site;
    int32_t feature;
    double strength;
    const char *name;
    int code = split_strength("--steer", text, (double)NAN, &name, &strength);
    if (!code) code = address_open(t->s, name, &dict, &feature);
    if (!code) code = output_site(t->s, dict, &site);
    if (code) return code;
    const hooke_dict_info *info = hooke_dict_get_info(dict);
    struct addition *a = take(1, sizeof *a);
    a->width = info->d_out;
    a->first_col = first_column(t->s, info, site);
    a->bos = bos_to_spare(t);
    a->v = take((size_t)a->width, sizeof *a->v);
    hooke_status st = hooke_dict_decoder_row(dict, feature, a->v);
    if (st) return failed_call(st, "--steer", NULL);
    add_entry(t, "steer", name, site, strength, a->v, a->width);
    for (int i = 0; i < a->width; i++) a->v[i] *= (float)strength;
    add_hook(t, (hooke_hook){ .site = site, .edit = on_add, .payload = a });
    return 0;
}

static void insert_feature(struct ablation *a, int32_t feature)
{
    int32_t *more = take((size_t)a->n + 1, sizeof *more);
    int k = 0, i = 0;
    while (i < a->n && a->features[i] < feature) more[k++] = a->features[i++];
    more[k++] = feature;
    if (i < a->n && a->features[i] == feature) i++;
    while (i < a->n) more[k++] = a->features[i++];
    give(a->features);
    a->features = more;
    a->n = k;
}

/* Ablations of one dictionary are one edit: each must see what the model made, not what another left. */
static int add_ablation(struct steering *t, const char *text)
{
    hooke_dict *dict;
    int32_t feature;
    struct ablation *a = NULL;
    int code = address_open(t->s, text, &dict, &feature);
    if (code) return code;
    for (size_t i = 0; i < t->n_hooks; i++) {
        struct ablation *old = t->hooks[i].edit == on_remove ? t->hooks[i].payload : NULL;
        if (old && old->dict == dict) a = old;
    }
    if (!a) {
        a = take(1, sizeof *a);
        a->dict = dict;
        a->info = hooke_dict_get_info(dict);
        if ((code = dict_site(t->s, dict, &a->in)) != 0 || (code = output_site(t->s, dict, &a->out)) != 0)
            return code;
        a->first_col_out = first_column(t->s, a->info, a->out);
        if (a->in.kind != a->out.kind || a->in.layer != a->out.layer)
            add_hook(t, (hooke_hook){ .site = a->in, .tap = on_codes, .payload = a });
        add_hook(t, (hooke_hook){ .site = a->out, .edit = on_remove, .payload = a });
    }
    insert_feature(a, feature);
    add_entry(t, "ablate", text, a->out, 0, NULL, 0);
    return 0;
}

/* Adds tensor `index` of f at the site. */
static int add_tensor(struct steering *t, const char *path, const hooke_file *f, int index, hooke_site site,
                      double strength)
{
    const hooke_tensor_info *info = hooke_file_tensor(f, index);
    int width = hooke_site_width(t->s->model, site);
    if (width < 1 || info->n_dims < 1 || info->shape[info->n_dims - 1] != width || info->bytes / width > 8)
        return failed(take_printf("%s", path), "give one vector as wide as its site",
                      "tensor '%s' is not one vector of %d", info->name, width);
    struct addition *a = take(1, sizeof *a);
    a->width = width;
    a->bos = bos_to_spare(t);
    a->v = take((size_t)width, sizeof *a->v);
    hooke_status st = hooke_file_read_f32(f, index, a->v, width);
    if (st) return failed_call(st, "--vector", NULL);
    add_entry(t, "vector", path, site, strength, a->v, width);
    for (int i = 0; i < width; i++) a->v[i] *= (float)strength;
    add_hook(t, (hooke_hook){ .site = site, .edit = on_add, .payload = a });
    return 0;
}

/* llama.cpp's control vectors: direction.K is added to the output of block K, all of them at once. */
static int add_directions(struct steering *t, const char *path, const hooke_file *f, double strength)
{
    int n_layers = hooke_model_get_info(t->s->model)->n_layers, code = 0;
    for (int i = 0; !code && i < hooke_file_n_tensors(f); i++) {
        const char *name = hooke_file_tensor(f, i)->name;
        char *end = NULL;
        long layer = strncmp(name, "direction.", 10) == 0 ? strtol(name + 10, &end, 10) : 0;
        hooke_site site = { 0, -1 };
        if (layer < 1 || *end != '\0' || layer >= n_layers)
            return failed(take_printf("%s", path), "it may be another model's",
                          "tensor '%s' does not name a block from 1 to %d", name, n_layers - 1);
        hooke_status st =
            hooke_site_parse(t->s->model, &site, take_printf("blocks.%ld.hook_resid_post", layer));
        code = st ? failed_call(st, "--vector", NULL) : add_tensor(t, path, f, i, site, strength);
    }
    return code;
}

/* The vector's tensor: one whose name is a site, or the only one; --at names the site otherwise. */
static int add_named(struct steering *t, const char *path, const hooke_file *f, double strength)
{
    int index = 0;
    hooke_site site = { 0, -1 };
    const char *at = t->s->opt.at.n ? t->s->opt.at.items[0] : NULL;
    for (int i = 0; at && i < hooke_file_n_tensors(f); i++)
        if (strcmp(hooke_file_tensor(f, i)->name, at) == 0) index = i;
    const hooke_tensor_info *info = hooke_file_tensor(f, index);
    if (!info) return failed(take_printf("%s", path), "give a file with one vector", "holds no tensor");
    hooke_status st = hooke_site_parse(t->s->model, &site, at ? at : info->name);
    if (st && !at && hooke_file_n_tensors(f) > 1)
        return failed(take_printf("%s", path), "name the site with --at",
                      "holds %d tensors, and the first, '%s', is not named by a site",
                      hooke_file_n_tensors(f), info->name);
    if (st) return failed_call(st, "--vector", "name the vector's site with --at");
    return add_tensor(t, path, f, index, site, strength);
}

static int add_vector(struct steering *t, const char *text)
{
    const char *path;
    double strength;
    hooke_file *f = NULL;
    int code = split_strength("--vector", text, 1.0, &path, &strength);
    if (code) return code;
    hooke_status st = hooke_file_open(&f, path);
    if (st) return failed_call(st, "--vector", NULL);
    bool all = strcmp(hooke_file_format(f), "control_vector") == 0 && !t->s->opt.at.n;
    code = all ? add_directions(t, path, f, strength) : add_named(t, path, f, strength);
    hooke_file_close(f);
    return code;
}

int steering_open(struct steering *t, struct session *s, const struct list *ablate, const struct list *steer,
                  const struct list *vectors, bool steer_bos)
{
    int code = 0;
    t->s = s;
    t->steer_bos = steer_bos;
    for (int i = 0; !code && i < ablate->n; i++) code = add_ablation(t, ablate->items[i]);
    for (int i = 0; !code && i < steer->n; i++) code = add_feature(t, steer->items[i]);
    for (int i = 0; !code && i < vectors->n; i++) code = add_vector(t, vectors->items[i]);
    return code;
}

void steering_close(struct steering *t)
{
    for (size_t i = 0; i < t->n_hooks; i++) {
        struct ablation *a = t->hooks[i].edit == on_remove ? t->hooks[i].payload : NULL;
        if (a) hooke_codes_release(&a->codes);
    }
    t->n_hooks = 0;
}
