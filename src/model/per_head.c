/* per_head.c: sites with d_model columns for every head.
 *
 *   hook_attn_in, hook_q_input, hook_k_input, hook_v_input    the block's input, repeated; only to look at
 *   attn.hook_result                                          z of a head times its columns of the output projection
 *
 * A row is n_heads times as wide as the residual stream, so rows come in blocks, made beside the fused operations for layers
 * where somebody asks. The fused output stands except for rows that an edit really changed: those become the sum of their heads
 * plus the bias. */
#include "model/pass.h"

#include <string.h>

enum { BLOCK_ROWS = 256, BLOCK_BYTES = 32 << 20 };

int64_t head_rows_at_once(const struct model_config *c)
{
    int64_t rows = BLOCK_BYTES / ((int64_t)c->n_heads * c->d_model * (int64_t)sizeof(float));
    return rows < 1 ? 1 : rows > BLOCK_ROWS ? BLOCK_ROWS : rows;
}

/* Rows from `first` on, a block of them at most. */
static struct mat block_of(const struct pass *p, struct mat m, int64_t first)
{
    m.data = (float *)m.data + first * m.ld;
    m.rows = m.rows - first < p->head_rows ? m.rows - first : p->head_rows;
    return m;
}

static struct mat head_columns(struct mat m, int head, int width)
{
    m.data = (float *)m.data + (int64_t)head * width;
    m.cols = width;
    return m;
}

/* ---- what attention reads ------------------------------------------------------------------------------------------ */

static hooke_status repeat(struct pass *p, int layer, enum site_kind kind, struct mat x)
{
    int n_heads = site_n_heads(p->c, kind), d = p->c->d_model;
    for (int64_t first = 0; first < x.rows; first += p->head_rows) {
        struct mat from = block_of(p, x, first);
        struct mat to = mat_f32(p->per_head[0].data, from.rows, (int64_t)n_heads * d, (int64_t)n_heads * d);
        for (int head = 0; head < n_heads; head++) {
            struct mat part = head_columns(to, head, d);
            RETURN_IF_ERROR(p->ops->copy(p->ex, &part, &from));
        }
        RETURN_IF_ERROR(deliver_rows(p, layer, kind, to, p->group.first_row + first));
    }
    return HOOKE_OK;
}

hooke_status repeated_inputs(struct pass *p, int layer)
{
    for (int k = SITE_ATTN_IN; k <= (int)SITE_V_INPUT; k++)
        if (is_hooked(p, layer, (enum site_kind)k))
            RETURN_IF_ERROR(repeat(p, layer, (enum site_kind)k, group_resid(p)));
    return HOOKE_OK;
}

/* ---- what its heads write ------------------------------------------------------------------------------------------ */

static struct weight weight_of_head(const struct weight *o, int head, int d_head)
{
    struct weight w = *o;
    int64_t first = (int64_t)head * d_head * (o->in_first ? o->m.ld : 1);
    w.m.data = (char *)o->m.data + (size_t)first * dtype_bytes(o->m.dtype);
    *(o->in_first ? &w.m.rows : &w.m.cols) = d_head;
    w.bias = NULL; /* belongs to no head */
    return w;
}

static hooke_status project_heads(struct pass *p, struct mat result, struct mat z, const struct weight *o)
{
    for (int head = 0; head < p->c->n_heads; head++) {
        struct weight w = weight_of_head(o, head, p->c->d_head);
        struct mat x = head_columns(z, head, p->c->d_head), y = head_columns(result, head, p->c->d_model);
        RETURN_IF_ERROR(p->ops->matmul(p->ex, &y, &x, &w, false));
    }
    return HOOKE_OK;
}

/* attn[r] = sum over heads of result[r, head] + bias, where the row is not what it was. */
static void sum_changed(struct mat attn, struct mat result, const float *before, const float *bias)
{
    for (int64_t r = 0; r < attn.rows; r++) {
        const float *heads = (const float *)result.data + r * result.ld;
        float *out = (float *)attn.data + r * attn.ld;
        if (!memcmp(heads, before + r * result.ld, (size_t)result.cols * sizeof *heads)) continue;
        for (int64_t i = 0; i < attn.cols; i++) {
            double sum = bias ? (double)bias[i] : 0;
            for (int64_t at = i; at < result.cols; at += attn.cols) sum += (double)heads[at];
            out[i] = (float)sum;
        }
    }
}

hooke_status split_output(struct pass *p, int layer, struct mat attn)
{
    const struct weight *o = &p->m->weights.layers[layer].o;
    bool edited = is_edited(p, layer, SITE_RESULT);
    struct mat z = rows_of(p, p->z);
    for (int64_t first = 0; first < z.rows; first += p->head_rows) {
        struct mat part = block_of(p, attn, first), result = p->per_head[0];
        float *before = p->per_head[1].data;
        result.rows = part.rows;
        RETURN_IF_ERROR(project_heads(p, result, block_of(p, z, first), o));
        if (edited) memcpy(before, result.data, (size_t)(result.rows * result.cols) * sizeof *before);
        RETURN_IF_ERROR(deliver_rows(p, layer, SITE_RESULT, result, p->group.first_row + first));
        if (edited) sum_changed(part, result, before, o->bias);
    }
    return HOOKE_OK;
}
