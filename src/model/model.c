/* model.c: a model folder, opened. */
#include "model/model.h"

#include "base/clock.h"
#include "file/name.h"
#include "model/head.h"

#include <math.h>
#include <string.h>

static void warn(void *payload, const char *text)
{
    context_log(payload, 0, "%s", text);
}

static hooke_status read_json(const struct json **out, struct arena *a, const char *folder, const char *file,
                              hooke_text *path)
{
    *out = NULL;
    RETURN_IF_ERROR(path_join(path, folder, file));
    if (!file_exists(path->data)) return HOOKE_OK;
    return json_read(out, a, path->data, MAX_CONFIG_BYTES, JSON_AS_PYTHON);
}

static hooke_status read_configs(hooke_model *m, struct arena *a, hooke_text *path)
{
    const struct json *root, *generation;
    const char *folder = m->path.data;
    RETURN_IF(file_exists(folder) && !is_folder(folder), HOOKE_E_NOT_FOUND,
              "%s: a file; a model is a folder: name the one with config.json and the weights", folder);
    RETURN_IF(!is_folder(folder), HOOKE_E_NOT_FOUND, "%s: no such folder", folder);
    RETURN_IF_ERROR(read_json(&root, a, folder, "config.json", path));
    RETURN_IF(!root, HOOKE_E_NOT_FOUND, "%s: no config.json", folder);
    RETURN_IF_ERROR(config_parse(&m->config, root, path->data, warn, m->ctx));
    RETURN_IF_ERROR(read_json(&generation, a, folder, "generation_config.json", path));
    return generation ? config_stop_ids(&m->config, generation, path->data) : HOOKE_OK;
}

static hooke_status model_config_read(hooke_model *m)
{
    struct arena a = { 0 };
    hooke_text path = { 0 };
    hooke_status st = read_configs(m, &a, &path);
    hooke_text_release(&path);
    arena_release(&a);
    return st;
}

/* A tokenizer of a kind that is not understood leaves the model usable by ids. */
static hooke_status open_tokenizer(hooke_model *m)
{
    hooke_text path = { 0 };
    hooke_status st = path_join(&path, m->path.data, "tokenizer.json");
    if (st == HOOKE_OK && file_exists(path.data)) st = hooke_tokenizer_open(&m->tokenizer, m->path.data);
    hooke_text_release(&path);
    if (st != HOOKE_E_UNSUPPORTED) return st;
    context_log(m->ctx, 0, "the model opens without a tokenizer: %s", hooke_error());
    return HOOKE_OK;
}

/* What layer-major reading is decided by: everything resident at once, with a pass of the default size. */
static int64_t bytes_at_once(const hooke_model *m)
{
    const struct model_config *c = &m->config;
    int64_t row = 4 * ((int64_t)c->d_model * 4 + 2 * (int64_t)(c->n_heads + c->n_kv_heads) * c->d_head +
                       2 * (int64_t)c->d_mlp);
    return process_rss_bytes() + m->weights.n_bytes + row * DEFAULT_BATCH_TOKENS +
           logit_rows_at_once(c) * c->d_vocab * 4 + ((int64_t)64 << 20);
}

static hooke_status fill_info(hooke_model *m)
{
    const struct model_config *c = &m->config;
    size_t n = m->path.n;
    while (n > 1 && m->path.data[n - 1] == '/') n--;
    size_t begin = n;
    while (begin > 0 && m->path.data[begin - 1] != '/') begin--;
    RETURN_IF_ERROR(text_append(&m->name, m->path.data + begin, n - begin));
    hooke_model_info *i = &m->info;
    i->name = m->name.data;
    i->path = m->path.data;
    i->architecture = c->arch->name;
    i->weight_dtype = dtype_name(m->weights.dtype);
    i->n_layers = c->n_layers;
    i->d_model = c->d_model;
    i->n_heads = c->n_heads;
    i->n_kv_heads = c->n_kv_heads;
    i->d_head = c->d_head;
    i->d_mlp = c->d_mlp;
    i->d_vocab = c->d_vocab;
    i->n_ctx = c->n_ctx;
    for (int l = 0; l < c->n_layers; l++)
        if (c->is_local[l]) i->sliding_window = c->window;
    i->tied_embeddings = c->tied;
    i->adds_bos = m->tokenizer && hooke_tokenizer_adds_bos(m->tokenizer);
    i->n_params = m->weights.n_params;
    i->weight_bytes = m->weights.n_bytes;
    i->layer_major = m->max_memory > 0 && bytes_at_once(m) > m->max_memory;
    return HOOKE_OK;
}

static hooke_status read_options(hooke_model *m, const hooke_model_options *o)
{
    const char *table = o && o->rope_table ? o->rope_table : "f32";
    m->max_memory = o ? o->max_memory : 0;
    RETURN_IF(m->max_memory < 0, HOOKE_E_ARGUMENT, "max_memory is negative");
    if (!strcmp(table, "f32"))
        m->rope_precision = ROPE_F32;
    else if (!strcmp(table, "f32_div"))
        m->rope_precision = ROPE_F32_DIV;
    else if (!strcmp(table, "f64"))
        m->rope_precision = ROPE_F64;
    else
        return fail(HOOKE_E_ARGUMENT, "rope_table \"%s\": known: f32, f32_div, f64", table);
    return HOOKE_OK;
}

static float to_bf16(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    u = (u + 0x7fff + ((u >> 16) & 1)) & 0xffff0000u;
    memcpy(&x, &u, sizeof x);
    return x;
}

static hooke_status open_parts(hooke_model *m, const char *what, const hooke_model_options *options)
{
    RETURN_IF_ERROR(read_options(m, options));
    RETURN_IF_ERROR(hooke_name_open(&m->origin, what, "model"));
    RETURN_IF_ERROR(hooke_name_locate(m->origin));
    m->info.origin = hooke_name_get_info(m->origin);
    RETURN_IF_ERROR(text_puts(&m->path, m->info.origin->path));
    RETURN_IF_ERROR(model_config_read(m));
    RETURN_IF_ERROR(weights_open(&m->weights, &m->ctx->exec, &m->config, m->path.data));
    if (m->weights.other_head)
        context_log(
            m->ctx, 0,
            "%s: tie_word_embeddings is true, but the output matrix in the file differs from the embedding, "
            "which is used",
            m->path.data);
    RETURN_IF_ERROR(open_tokenizer(m));
    /* transformers rounds the scale to the weights' type of the run that is imitated. */
    m->embed_scale = m->config.arch->embed_scale ? (float)sqrt((double)m->config.d_model) : 1;
    if (m->ctx->exec.bf16_products) m->embed_scale = to_bf16(m->embed_scale);
    return fill_info(m);
}

hooke_status hooke_model_open(hooke_model **out, hooke_context *ctx, const char *what,
                              const hooke_model_options *options)
{
    hooke_model *m = NULL;
    RETURN_IF(!out || !ctx || !what, HOOKE_E_ARGUMENT, "hooke_model_open: NULL argument");
    *out = NULL;
    RETURN_IF_ERROR(mem_take((void **)&m, 1, sizeof *m, "model"));
    m->ctx = ctx;
    hooke_status st = open_parts(m, what, options);
    if (st != HOOKE_OK) {
        st = name_say_partial(st, m->origin);
        hooke_model_close(m);
        return st;
    }
    *out = m;
    return HOOKE_OK;
}

void hooke_model_close(hooke_model *m)
{
    if (!m) return;
    struct exec *ex = &m->ctx->exec;
    weights_close(&m->weights, ex, &m->config);
    ex->ops->release(ex, &m->workspace);
    ex->ops->release(ex, &m->resid);
    ex->ops->release(ex, &m->rope.bytes);
    ex->ops->release(ex, &m->rope_local.bytes);
    hooke_tokenizer_close(m->tokenizer);
    hooke_text_release(&m->path);
    hooke_text_release(&m->name);
    hooke_name_close(m->origin);
    mem_free(m);
}

const hooke_model_info *hooke_model_get_info(const hooke_model *m)
{
    return &m->info;
}

const hooke_tokenizer *hooke_model_tokenizer(const hooke_model *m)
{
    return m->tokenizer;
}

int hooke_model_stop_ids(const hooke_model *m, const int32_t **ids)
{
    *ids = m->config.stop_ids;
    return m->config.n_stop_ids;
}
