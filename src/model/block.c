/* block.c: the decoder block of every architecture here; the configuration's switches choose among its few forks.
 *
 *   sequential   x += attn(norm1(x));  x += mlp(norm2(x))          (Gemma 2, 3: a norm behind attn and behind mlp)
 *   parallel     x += mlp(norm2(x)) + attn(norm1(x))               (GPT-NeoX: both norms read the same x)
 *
 * Every site is delivered where its value is complete and before anybody reads it, so an edit in place is seen by all that
 * follows. Steps end early once nothing deeper was asked for. */
#include "model/pass.h"

static hooke_status project(struct pass *p, struct mat y, struct mat x, const struct weight *w)
{
    return p->ops->matmul(p->ex, &y, &x, w, false);
}

/* ---- attention -------------------------------------------------------------------------------------------------------- */

/* Heads as rows: a norm over each head's dims. */
static hooke_status norm_heads(struct pass *p, int layer, struct mat x, const struct norm *norm,
                               struct norm_sites sites, int n_heads)
{
    struct mat heads = mat_f32(x.data, x.rows * n_heads, p->c->d_head, p->c->d_head);
    return norm_step(p, layer, heads, heads, norm, sites, n_heads);
}

static hooke_status rotate(struct pass *p, int layer, struct mat q, struct mat k)
{
    const struct rope_store *store = p->c->is_local[layer] ? &p->m->rope_local : &p->m->rope;
    const int32_t *pos = p->positions + (p->group.first_row - p->carried_row);
    if (store->table.half > 0) {
        RETURN_IF_ERROR(p->ops->rope(p->ex, &q, p->c->n_heads, p->c->d_head, pos, &store->table));
        RETURN_IF_ERROR(p->ops->rope(p->ex, &k, p->c->n_kv_heads, p->c->d_head, pos, &store->table));
    }
    RETURN_IF_ERROR(deliver(p, layer, SITE_ROT_Q, q));
    return deliver(p, layer, SITE_ROT_K, k);
}

static hooke_status copy_rows(struct pass *p, struct mat to, struct mat from)
{
    return p->ops->copy(p->ex, &to, &from);
}

static hooke_status append_to_cache(struct pass *p, int layer)
{
    struct hooke_cache *c = p->o->cache;
    for (int seq = p->group.first_seq; seq < p->group.end_seq; seq++) {
        int64_t first = p->batch->start[seq] - p->group.first_row,
                n = p->batch->start[seq + 1] - p->batch->start[seq];
        int *held = &c->length[(int64_t)layer * c->n_seqs + seq];
        struct mat k = p->k, v = p->v;
        if (n == 0) continue;
        k.data = (float *)k.data + first * k.ld;
        v.data = (float *)v.data + first * v.ld;
        k.rows = v.rows = n;
        RETURN_IF_ERROR(copy_rows(p, cache_rows(c, &c->keys[layer], seq, *held, (int)n), k));
        RETURN_IF_ERROR(copy_rows(p, cache_rows(c, &c->values[layer], seq, *held, (int)n), v));
        *held += (int)n;
    }
    return HOOKE_OK;
}

/* attn = the attention's contribution to the residual stream. */
static hooke_status attention_branch(struct pass *p, int layer)
{
    const struct layer_weights *w = &p->m->weights.layers[layer];
    struct mat x = group_resid(p), h = rows_of(p, p->h), q = rows_of(p, p->q), k = rows_of(p, p->k),
               v = rows_of(p, p->v);
    struct mat attn = rows_of(p, p->attn);
    RETURN_IF_ERROR(
        norm_step(p, layer, h, x, &w->ln1, (struct norm_sites){ SITE_LN1_SCALE, SITE_LN1_NORMALIZED }, 1));
    RETURN_IF_ERROR(deliver(p, layer, SITE_LN1_OUT, h));
    if (is_done(p, layer, SITE_LN1_OUT)) return HOOKE_OK;
    RETURN_IF_ERROR(project(p, q, h, &w->q));
    RETURN_IF_ERROR(project(p, k, h, &w->k));
    RETURN_IF_ERROR(project(p, v, h, &w->v));
    RETURN_IF_ERROR(deliver(p, layer, SITE_Q, q));
    RETURN_IF_ERROR(deliver(p, layer, SITE_K, k));
    RETURN_IF_ERROR(deliver(p, layer, SITE_V, v));
    if (p->c->arch->qk_norm) {
        struct norm_sites of_q = { SITE_Q_NORM_SCALE, SITE_Q_NORM_NORMALIZED };
        struct norm_sites of_k = { SITE_K_NORM_SCALE, SITE_K_NORM_NORMALIZED };
        RETURN_IF_ERROR(norm_heads(p, layer, q, &w->q_norm, of_q, p->c->n_heads));
        RETURN_IF_ERROR(norm_heads(p, layer, k, &w->k_norm, of_k, p->c->n_kv_heads));
    }
    RETURN_IF_ERROR(rotate(p, layer, q, k));
    if (p->o->cache) RETURN_IF_ERROR(append_to_cache(p, layer));
    if (is_done(p, layer, SITE_ROT_K)) return HOOKE_OK;
    RETURN_IF_ERROR(attend(p, layer));
    if (is_done(p, layer, SITE_PATTERN)) return HOOKE_OK;
    RETURN_IF_ERROR(deliver(p, layer, SITE_Z, rows_of(p, p->z)));
    if (is_done(p, layer, SITE_Z)) return HOOKE_OK;
    RETURN_IF_ERROR(project(p, attn, rows_of(p, p->z), &w->o));
    if (is_hooked(p, layer, SITE_RESULT)) RETURN_IF_ERROR(split_output(p, layer, attn));
    if (p->c->arch->post_norms) {
        struct norm_sites sites = { SITE_LN1_POST_SCALE, SITE_LN1_POST_NORMALIZED };
        RETURN_IF_ERROR(deliver(p, layer, SITE_ATTN_RAW, attn));
        RETURN_IF_ERROR(norm_step(p, layer, attn, attn, &w->ln1_post, sites, 1));
    }
    return deliver(p, layer, SITE_ATTN_OUT, attn);
}

/* ---- MLP ---------------------------------------------------------------------------------------------------------------- */

/* Leaves act(gate) * up in gate, or act(up) in up. */
static hooke_status mlp_inside(struct pass *p, int layer, struct mat h, struct mat gate, struct mat up)
{
    const struct layer_weights *w = &p->m->weights.layers[layer];
    RETURN_IF_ERROR(project(p, up, h, &w->up));
    if (!p->c->arch->gated) {
        RETURN_IF_ERROR(deliver(p, layer, SITE_MLP_PRE, up));
        RETURN_IF_ERROR(p->ops->activate(p->ex, &up, &up, p->c->activation));
        return deliver(p, layer, SITE_MLP_POST, up);
    }
    RETURN_IF_ERROR(project(p, gate, h, &w->gate));
    RETURN_IF_ERROR(deliver(p, layer, SITE_MLP_PRE, gate));
    RETURN_IF_ERROR(deliver(p, layer, SITE_MLP_PRE_LINEAR, up));
    RETURN_IF_ERROR(p->ops->glu(p->ex, &gate, &gate, &up, p->c->activation));
    return deliver(p, layer, SITE_MLP_POST, gate);
}

/* What the MLP's norm reads: the residual stream itself, or a copy for those who look there, in h. */
static hooke_status mlp_input(struct pass *p, int layer, struct mat *x, struct mat h)
{
    if (!is_hooked(p, layer, SITE_MLP_IN)) return HOOKE_OK;
    RETURN_IF_ERROR(copy_rows(p, h, *x));
    *x = h;
    return deliver(p, layer, SITE_MLP_IN, h);
}

/* mlp = the MLP's contribution to the residual stream. */
static hooke_status mlp_branch(struct pass *p, int layer)
{
    const struct layer_weights *w = &p->m->weights.layers[layer];
    struct mat x = group_resid(p), h = rows_of(p, p->h), gate = rows_of(p, p->gate), up = rows_of(p, p->up);
    struct mat mlp = rows_of(p, p->mlp);
    RETURN_IF_ERROR(mlp_input(p, layer, &x, h));
    if (is_done(p, layer, SITE_MLP_IN)) return HOOKE_OK;
    RETURN_IF_ERROR(
        norm_step(p, layer, h, x, &w->ln2, (struct norm_sites){ SITE_LN2_SCALE, SITE_LN2_NORMALIZED }, 1));
    RETURN_IF_ERROR(deliver(p, layer, SITE_LN2_OUT, h));
    if (is_done(p, layer, SITE_LN2_OUT)) return HOOKE_OK;
    RETURN_IF_ERROR(mlp_inside(p, layer, h, gate, up));
    if (is_done(p, layer, SITE_MLP_POST)) return HOOKE_OK;
    RETURN_IF_ERROR(project(p, mlp, p->c->arch->gated ? gate : up, &w->down));
    if (p->c->arch->post_norms) {
        struct norm_sites sites = { SITE_LN2_POST_SCALE, SITE_LN2_POST_NORMALIZED };
        RETURN_IF_ERROR(deliver(p, layer, SITE_MLP_RAW, mlp));
        RETURN_IF_ERROR(norm_step(p, layer, mlp, mlp, &w->ln2_post, sites, 1));
    }
    return deliver(p, layer, SITE_MLP_OUT, mlp);
}

/* ---- the block -------------------------------------------------------------------------------------------------------------- */

hooke_status block_run(struct pass *p, int layer)
{
    struct mat x = group_resid(p), attn = rows_of(p, p->attn), mlp = rows_of(p, p->mlp);
    RETURN_IF_ERROR(deliver(p, layer, SITE_RESID_PRE, x));
    if (is_done(p, layer, SITE_RESID_PRE)) return HOOKE_OK;
    if (p->head_hooks) RETURN_IF_ERROR(repeated_inputs(p, layer));
    if (is_done(p, layer, SITE_V_INPUT)) return HOOKE_OK;
    RETURN_IF_ERROR(attention_branch(p, layer));
    if (is_done(p, layer, SITE_ATTN_OUT)) return HOOKE_OK;
    if (!p->c->parallel) {
        RETURN_IF_ERROR(p->ops->add(p->ex, &x, &attn));
        RETURN_IF_ERROR(deliver(p, layer, SITE_RESID_MID, x));
        if (is_done(p, layer, SITE_RESID_MID)) return HOOKE_OK;
    }
    RETURN_IF_ERROR(mlp_branch(p, layer));
    if (is_done(p, layer, SITE_MLP_OUT)) return HOOKE_OK;
    if (p->c->parallel)
        RETURN_IF_ERROR(p->ops->add(p->ex, &mlp, &attn)); /* transformers' order: (mlp + attn) + x */
    RETURN_IF_ERROR(p->ops->add(p->ex, &x, &mlp));
    return deliver(p, layer, SITE_RESID_POST, x);
}
