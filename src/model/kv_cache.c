/* kv_cache.c: keys (rotated) and values that a sequence leaves behind, per layer. Layers with a sliding window keep everything
 * too: what lies outside the window is never read. */
#include "model/pass.h"

#include <inttypes.h>
#include <string.h>

hooke_status hooke_cache_open(hooke_cache **out, hooke_model *m, int n_seqs, int n_ctx)
{
    struct hooke_cache *c = NULL;
    hooke_status st;
    *out = NULL;
    RETURN_IF(!m || n_seqs < 1 || n_ctx < 1, HOOKE_E_ARGUMENT, "a cache of %d sequences of %d tokens", n_seqs,
              n_ctx);
    RETURN_IF_ERROR(mem_take((void **)&c, 1, sizeof *c, "cache"));
    struct exec *ex = &m->ctx->exec;
    int n_layers = m->config.n_layers;
    size_t bytes, width = (size_t)m->config.n_kv_heads * (size_t)m->config.d_head * sizeof(float);
    c->model = m;
    c->n_seqs = n_seqs;
    c->n_ctx = n_ctx;
    c->width = (int64_t)(width / sizeof(float));
    if ((st = mem_take((void **)&c->keys, (size_t)n_layers, sizeof *c->keys, "cache")) != HOOKE_OK) goto fail;
    if ((st = mem_take((void **)&c->values, (size_t)n_layers, sizeof *c->values, "cache")) != HOOKE_OK)
        goto fail;
    if ((st = mem_take((void **)&c->length, (size_t)n_layers * (size_t)n_seqs, sizeof *c->length, "cache")) !=
        HOOKE_OK)
        goto fail;
    if (__builtin_mul_overflow(width * (size_t)n_seqs, (size_t)n_ctx, &bytes)) {
        st = fail(HOOKE_E_MEMORY, "a cache of %d sequences of %d tokens is too large", n_seqs, n_ctx);
        goto fail;
    }
    for (int i = 0; i < n_layers; i++) {
        if ((st = ex->ops->alloc(ex, &c->keys[i], bytes)) != HOOKE_OK) goto fail;
        if ((st = ex->ops->alloc(ex, &c->values[i], bytes)) != HOOKE_OK) goto fail;
    }
    *out = c;
    return HOOKE_OK;
fail:
    hooke_cache_close(c);
    return st;
}

void hooke_cache_close(hooke_cache *c)
{
    if (!c) return;
    struct exec *ex = &c->model->ctx->exec;
    for (int i = 0; i < c->model->config.n_layers; i++) {
        if (c->keys) ex->ops->release(ex, &c->keys[i]);
        if (c->values) ex->ops->release(ex, &c->values[i]);
    }
    mem_free(c->keys);
    mem_free(c->values);
    mem_free(c->length);
    mem_free(c);
}

int hooke_cache_length(const hooke_cache *c, int seq)
{
    return c && seq >= 0 && seq < c->n_seqs ? c->length[seq] : 0;
}

struct mat cache_rows(const struct hooke_cache *c, const struct buffer *side, int seq, int first, int n)
{
    int64_t row = (int64_t)seq * c->n_ctx + first;
    return mat_f32((float *)side->data + row * c->width, n, c->width, c->width);
}

hooke_status hooke_cache_copy(hooke_cache *c, int to, int from, int n_layers)
{
    RETURN_IF(!c || to < 0 || from < 0 || to >= c->n_seqs || from >= c->n_seqs || n_layers < 0 ||
                  n_layers > c->model->config.n_layers,
              HOOKE_E_ARGUMENT, "hooke_cache_copy: sequence %d to %d, %d layers", from, to, n_layers);
    if (to == from) return HOOKE_OK;
    struct exec *ex = &c->model->ctx->exec;
    for (int i = 0; i < c->model->config.n_layers; i++) {
        int held = i < n_layers ? c->length[(int64_t)i * c->n_seqs + from] : 0;
        c->length[(int64_t)i * c->n_seqs + to] = held;
        if (held == 0) continue;
        struct mat k = cache_rows(c, &c->keys[i], from, 0, held),
                   v = cache_rows(c, &c->values[i], from, 0, held),
                   to_k = cache_rows(c, &c->keys[i], to, 0, held),
                   to_v = cache_rows(c, &c->values[i], to, 0, held);
        RETURN_IF_ERROR(ex->ops->copy(ex, &to_k, &k));
        RETURN_IF_ERROR(ex->ops->copy(ex, &to_v, &v));
    }
    return HOOKE_OK;
}
