/* attend.c: attention of the group's sequences, one by one: without padding there is nothing to mask but the future.
 *
 * The fused operation never holds all scores. Scores and patterns are made beside it for layers where somebody asks; the fused
 * result stands except for the (head, query) rows that an edit really changed, so that looking changes no bit. */
#include "model/pass.h"

#include <string.h>

struct sequence {
    int seq;
    struct mat q, z; /* [n_queries, n_heads * d_head] */
    struct mat k, v; /* [n_keys, n_kv_heads * d_head] */
    struct attention spec;
};

static struct mat skip_rows(struct mat m, int64_t first, int64_t n)
{
    m.data = (float *)m.data + first * m.ld;
    m.rows = n;
    return m;
}

static struct sequence sequence_of(const struct pass *p, int layer, int seq)
{
    const struct model_config *c = p->c;
    int64_t first = p->batch->start[seq] - p->group.first_row,
            n = p->batch->start[seq + 1] - p->batch->start[seq];
    const struct hooke_cache *cache = p->o->cache;
    struct sequence s = { .seq = seq };
    s.q = skip_rows(p->q, first, n);
    s.z = skip_rows(p->z, first, n);
    s.k = skip_rows(p->k, first, n);
    s.v = skip_rows(p->v, first, n);
    s.spec.n_heads = c->n_heads;
    s.spec.n_kv_heads = c->n_kv_heads;
    s.spec.d_head = c->d_head;
    s.spec.scale = c->attn_scale;
    s.spec.softcap = c->cap_scores;
    s.spec.window = c->is_local[layer] ? c->window : 0;
    s.spec.n_queries = s.spec.n_keys = n;
    if (cache) { /* block.c has appended this pass's keys */
        int held = cache->length[(int64_t)layer * cache->n_seqs + seq];
        s.spec.n_keys = held;
        s.spec.first_pos = held - n;
        s.k = cache_rows(cache, &cache->keys[layer], seq, 0, held);
        s.v = cache_rows(cache, &cache->values[layer], seq, 0, held);
    }
    return s;
}

/* ---- looking inside --------------------------------------------------------------------------------------------------- */

/* scores, a copy to compare with, a second z, and one mark a row: all in p->scores. */
struct inside {
    struct mat scores, before; /* [n_heads * n_queries, n_keys] */
    struct mat z;              /* [n_queries, n_heads * d_head] */
    unsigned char *changed;    /* [n_heads * n_queries] */
};

static hooke_status inside_take(struct pass *p, struct inside *in, const struct sequence *s)
{
    int64_t rows = s->spec.n_heads * s->spec.n_queries, items = rows * s->spec.n_keys, width = s->z.cols;
    size_t bytes = ((size_t)items * 2 + (size_t)(s->spec.n_queries * width)) * sizeof(float) + (size_t)rows;
    if (p->scores.bytes < bytes) {
        p->ops->release(p->ex, &p->scores);
        RETURN_IF_ERROR(p->ops->alloc(p->ex, &p->scores, bytes));
    }
    float *base = p->scores.data;
    in->scores = mat_f32(base, rows, s->spec.n_keys, s->spec.n_keys);
    in->before = mat_f32(base + items, rows, s->spec.n_keys, s->spec.n_keys);
    in->z = mat_f32(base + 2 * items, s->spec.n_queries, width, width);
    in->changed = (unsigned char *)(base + 2 * items + s->spec.n_queries * width);
    memset(in->changed, 0, (size_t)rows);
    return HOOKE_OK;
}

static hooke_status look(struct pass *p, int layer, enum site_kind kind, struct inside *in, int seq)
{
    bool edited = is_edited(p, layer, kind);
    size_t row = (size_t)in->scores.cols * sizeof(float);
    if (!is_hooked(p, layer, kind)) return HOOKE_OK;
    if (edited) memcpy(in->before.data, in->scores.data, row * (size_t)in->scores.rows);
    RETURN_IF_ERROR(deliver_scores(p, layer, kind, in->scores, seq));
    for (int64_t r = 0; edited && r < in->scores.rows; r++)
        in->changed[r] |= memcmp((char *)in->before.data + (size_t)r * row,
                                 (char *)in->scores.data + (size_t)r * row, row) != 0;
    return HOOKE_OK;
}

/* z of the changed (head, query) rows from the pattern as it now is. */
static hooke_status mix_changed(struct pass *p, const struct sequence *s, struct inside *in)
{
    const struct attention *a = &s->spec;
    int64_t rows = in->scores.rows;
    if (!memchr(in->changed, 1, (size_t)rows)) return HOOKE_OK;
    RETURN_IF_ERROR(p->ops->attention_mix(p->ex, &in->z, &in->scores, &s->v, a));
    for (int64_t r = 0; r < rows; r++) {
        int64_t head = r / a->n_queries, query = r % a->n_queries;
        if (in->changed[r])
            memcpy((float *)s->z.data + query * s->z.ld + head * a->d_head,
                   (float *)in->z.data + query * in->z.ld + head * a->d_head,
                   (size_t)a->d_head * sizeof(float));
    }
    return HOOKE_OK;
}

static hooke_status attend_inside(struct pass *p, int layer, struct sequence *s)
{
    struct inside in;
    RETURN_IF_ERROR(inside_take(p, &in, s));
    RETURN_IF_ERROR(p->ops->attention_scores(p->ex, &in.scores, &s->q, &s->k, &s->spec));
    RETURN_IF_ERROR(look(p, layer, SITE_SCORES, &in, s->seq));
    if (is_done(p, layer, SITE_SCORES)) return HOOKE_OK;
    RETURN_IF_ERROR(p->ops->softmax_rows(p->ex, &in.scores));
    RETURN_IF_ERROR(look(p, layer, SITE_PATTERN, &in, s->seq));
    return mix_changed(p, s, &in);
}

hooke_status attend(struct pass *p, int layer)
{
    bool inside = is_hooked(p, layer, SITE_SCORES) || is_hooked(p, layer, SITE_PATTERN);
    for (int seq = p->group.first_seq; seq < p->group.end_seq; seq++) {
        struct sequence s = sequence_of(p, layer, seq);
        if (s.q.rows == 0) continue;
        if (!is_done(p, layer, SITE_PATTERN))
            RETURN_IF_ERROR(p->ops->attention(p->ex, &s.z, &s.q, &s.k, &s.v, &s.spec));
        if (inside) RETURN_IF_ERROR(attend_inside(p, layer, &s));
    }
    return HOOKE_OK;
}
