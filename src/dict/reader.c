#include "dict/reader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static hooke_status oom(const struct hooke_dict *d)
{
    return fail(HOOKE_E_MEMORY, "%s: out of memory", d->info.path);
}

/* ---- tensors ---- */

static const struct reader_row *row_named(const struct reader_row *rows, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

hooke_status reader_take(struct hooke_dict *d, const struct safetensors *s, const struct reader_row *rows,
                         size_t n_rows, const char *what)
{
    for (int i = 0; i < s->n_tensors; i++) {
        const struct stored_tensor *t = &s->tensors[i];
        const struct reader_row *r = row_named(rows, n_rows, t->name);
        RETURN_IF(!r, HOOKE_E_FORMAT, "%s: tensor '%s' has no place in %s", d->info.path, t->name, what);
        if (r->param == N_PARAMS) continue;
        RETURN_IF(d->param[r->param], HOOKE_E_FORMAT, "%s: tensors '%s' and '%s' mean the same", d->info.path,
                  d->param[r->param]->name, t->name);
        d->param[r->param] = t;
        d->transposed[r->param] = r->transposed;
    }
    return HOOKE_OK;
}

void reader_take_one(struct hooke_dict *d, const struct safetensors *s, const char *name, enum dict_param p,
                     bool transposed)
{
    const struct stored_tensor *t = safetensors_find(s, name);
    if (!t) return;
    d->param[p] = t;
    d->transposed[p] = transposed;
}

hooke_status reader_open_weights(struct hooke_dict *d, const char *path, const char *name)
{
    const char *file = path_beside(&d->arena, path, name);
    return file ? safetensors_open(&d->safetensors, file) : oom(d);
}

/* Item (f, t, j) of the decoder; the sum runs over targets in order, in float32 as the peer's does. */
static hooke_status sum_targets(float *out, const struct stored_tensor *t, float *part, int64_t first,
                                int64_t n)
{
    int64_t n_features = t->shape[0], n_targets = t->shape[1], width = t->shape[2];
    for (int64_t f = 0; f < n_features; f++) {
        float *row = out + f * width;
        memset(row, 0, (size_t)width * sizeof *row);
        for (int64_t k = first; k < first + n; k++) {
            RETURN_IF_ERROR(stored_to_f32(part, t, (f * n_targets + k) * width, width));
            for (int64_t j = 0; j < width; j++) row[j] += part[j];
        }
    }
    return HOOKE_OK;
}

hooke_status reader_target_decoder(struct hooke_dict *d, const struct stored_tensor *t)
{
    void *data;
    int target = d->options ? d->options->target : 0;
    RETURN_IF(t->n_dims != 3, HOOKE_E_SHAPE,
              "%s: tensor '%s': expected [features, targets, width], found %d axes", d->info.path, t->name,
              t->n_dims);
    RETURN_IF(t->shape[1] < 1 || t->shape[1] > INT16_MAX, HOOKE_E_SHAPE, "%s: tensor '%s': %lld targets",
              d->info.path, t->name, (long long)t->shape[1]);
    RETURN_IF(target < 0 || target > t->shape[1], HOOKE_E_ARGUMENT,
              "%s: target %d asked for; the file has decoders for 1 to %lld", d->info.path, target,
              (long long)t->shape[1]);
    const int64_t shape[2] = { t->shape[0], t->shape[2] };
    RETURN_IF_ERROR(dict_own_tensor(d, P_W_DEC, &data, t->name, DT_F32, 2, shape));
    d->config.n_targets = (int)t->shape[1];
    float *part = mem_alloc_raw((size_t)t->shape[2], sizeof *part);
    if (!part) return oom(d);
    hooke_status st =
        target ? sum_targets(data, t, part, target - 1, 1) : sum_targets(data, t, part, 0, t->shape[1]);
    mem_free(part);
    return st;
}

/* ---- configurations ---- */

hooke_status reader_json(const struct json **out, struct arena *tree, const char *path)
{
    RETURN_IF_ERROR(json_read(out, tree, path, READER_JSON_MAX, JSON_AS_PYTHON));
    RETURN_IF((*out)->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: a configuration must be a JSON object", path);
    return HOOKE_OK;
}

hooke_status reader_config(struct hooke_dict *d, const char *file,
                           hooke_status (*take)(struct hooke_dict *, const struct json *, const char *))
{
    struct arena tree = { 0 };
    const struct json *root;
    hooke_status st = reader_json(&root, &tree, file);
    if (st == HOOKE_OK) st = take(d, root, file);
    arena_release(&tree);
    return st;
}

hooke_status reader_copy(struct hooke_dict *d, const char **out, const char *s)
{
    if (!s) return HOOKE_OK;
    const char *copy = arena_copy(&d->arena, s, strlen(s));
    if (!copy) return oom(d);
    *out = copy;
    return HOOKE_OK;
}

hooke_status reader_string(struct hooke_dict *d, const char **out, const struct json *o, const char *key,
                           const char *name)
{
    const char *s;
    RETURN_IF_ERROR(json_string(&s, o, key, NULL, name));
    return reader_copy(d, out, s);
}

hooke_status reader_keep_json(struct hooke_dict *d, const struct json *root)
{
    hooke_text t = { 0 };
    struct json_writer w;
    jw_init(&w, &t, 0);
    jw_value(&w, root);
    hooke_status st = w.status;
    if (st == HOOKE_OK && !(d->config.json = arena_copy(&d->arena, t.data, t.n))) st = oom(d);
    hooke_text_release(&t);
    return st;
}

/* ---- sites ---- */

hooke_status reader_site(struct hooke_dict *d, const char **out, int layer, const char *suffix)
{
    hooke_text t = { 0 };
    hooke_status st = text_printf(&t, "blocks.%d.%s", layer, suffix);
    if (st == HOOKE_OK && !(*out = arena_copy(&d->arena, t.data, t.n))) st = oom(d);
    hooke_text_release(&t);
    return st;
}

hooke_status reader_hf_site(struct hooke_dict *d, const char **out, const char *module)
{
    static const char *const hooks[][2] = {
        { ".output", "hook_resid_post" },
        { "", "hook_resid_post" },
        { ".self_attn.o_proj.input", "attn.hook_z" },
        { ".post_feedforward_layernorm.output", "hook_mlp_out" },
        { ".pre_feedforward_layernorm.output", "mlp.hook_in" },
        { ".post_attention_layernorm.output", "hook_attn_out" },
    };
    const char *at = module ? strstr(module, "layers.") : NULL;
    if (!at || !isdigit((unsigned char)at[7])) return reader_copy(d, out, module);
    char *end;
    long layer = strtol(at + 7, &end, 10);
    for (size_t i = 0; layer < 1 << 20 && i < sizeof hooks / sizeof *hooks; i++)
        if (strcmp(end, hooks[i][0]) == 0) return reader_site(d, out, (int)layer, hooks[i][1]);
    return reader_copy(d, out, module);
}

/* ---- paths ---- */

const char *reader_repository(const struct hooke_dict *d, const char *path)
{
    return d->options && d->options->repo_id ? d->options->repo_id : path;
}

bool contains(const char *begin, const char *end, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = begin; p + n <= end; p++)
        if (memcmp(p, word, n) == 0) return true;
    return false;
}

bool component_with(const char *path, const char *word, const char **begin, const char **end)
{
    for (const char *e = path + strlen(path); e > path;) {
        const char *b = e;
        while (b > path && b[-1] != '/') b--;
        if (contains(b, e, word)) {
            *begin = b;
            *end = e;
            return true;
        }
        e = b > path ? b - 1 : path;
    }
    return false;
}

/* Digits at s as a number below 2^20; -1: none. */
static int small_number(const char *s)
{
    if (!isdigit((unsigned char)*s)) return -1;
    long v = strtol(s, NULL, 10);
    return v < 1 << 20 ? (int)v : -1;
}

int number_behind(const char *path, const char *prefix)
{
    const char *begin, *end;
    size_t n = strlen(prefix);
    if (!component_with(path, prefix, &begin, &end) || memcmp(begin, prefix, n) != 0) return -1;
    return small_number(begin + n);
}

int number_after(const char *path, const char *word)
{
    int found = -1;
    for (const char *p = strstr(path, word); p; p = strstr(p + 1, word)) {
        int v = small_number(p + strlen(word));
        if (v >= 0) found = v;
    }
    return found;
}

const char *file_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
