/* head.c: both ends of a pass: from ids to the residual stream, and from the residual stream to logits.
 *
 * Logits are wide (1 MB a token at Gemma's vocabulary), so they come in blocks of rows, and the matrix in blocks of the vocabulary
 * whose pages can be given back. Both block sizes are fixed, so a bounded pass computes what an unbounded one does. */
#include "model/head.h"

#include <string.h>

enum { VOCAB_BLOCK = 65536 };

/* ---- embedding ------------------------------------------------------------------------------------------------------------- */

/* GPT-2 with somebody looking at its two embeddings. */
static hooke_status embed_in_two(struct pass *p, struct mat x, const int32_t *ids, const int32_t *pos)
{
    struct mat h = rows_of(p, p->h);
    RETURN_IF_ERROR(p->ops->embed(p->ex, &x, &p->m->weights.embed.m, ids, 1, NULL, NULL));
    RETURN_IF_ERROR(deliver(p, -1, SITE_EMBED, x));
    RETURN_IF_ERROR(p->ops->embed(p->ex, &h, &p->m->weights.pos, pos, 1, NULL, NULL));
    RETURN_IF_ERROR(deliver(p, -1, SITE_POS_EMBED, h));
    return p->ops->add(p->ex, &x, &h);
}

hooke_status embed_run(struct pass *p)
{
    struct mat x = group_resid(p);
    const struct model_weights *w = &p->m->weights;
    const int32_t *pos = p->positions + (p->group.first_row - p->carried_row);
    if (p->o->resid)
        return p->ops->store(p->ex, &x, p->o->resid + p->group.first_row * p->c->d_model, p->c->d_model);
    const int32_t *ids = p->batch->ids + p->group.first_row;
    if (!p->c->arch->learned_positions) {
        RETURN_IF_ERROR(p->ops->embed(p->ex, &x, &w->embed.m, ids, p->m->embed_scale, NULL, NULL));
        return deliver(p, -1, SITE_EMBED, x);
    }
    if (is_hooked(p, -1, SITE_EMBED) || is_hooked(p, -1, SITE_POS_EMBED)) return embed_in_two(p, x, ids, pos);
    return p->ops->embed(p->ex, &x, &w->embed.m, ids, 1, &w->pos, pos);
}

/* ---- logits ------------------------------------------------------------------------------------------------------------------ */

int64_t logit_rows_at_once(const struct model_config *c)
{
    int64_t rows = ((int64_t)128 << 20) / ((int64_t)c->d_vocab * (int64_t)sizeof(float));
    return rows < 1 ? 1 : rows > 1024 ? 1024 : rows;
}

hooke_status unembed_rows(hooke_model *m, struct mat y, struct mat x)
{
    struct exec *ex = &m->ctx->exec;
    const struct weight *head = &m->weights.head;
    for (int64_t first = 0; first < m->config.d_vocab; first += VOCAB_BLOCK) {
        int64_t n = m->config.d_vocab - first < VOCAB_BLOCK ? m->config.d_vocab - first : VOCAB_BLOCK;
        struct weight part = *head;
        struct mat columns = y;
        part.m.data = (char *)head->m.data + (size_t)(first * head->m.ld) * dtype_bytes(head->m.dtype);
        part.m.rows = n;
        columns.data = (float *)y.data + first;
        columns.cols = n;
        RETURN_IF_ERROR(ex->ops->matmul(ex, &columns, &x, &part, false));
        if (m->info.layer_major) weights_drop_rows(&m->weights, &m->config, true, first, n);
    }
    return HOOKE_OK;
}

/* Delivers a block of logits: rows of consecutive tokens, or (last_logits_only) rows of the sequences in seqs. */
static hooke_status deliver_logits(struct pass *p, enum site_kind kind, struct mat y, int64_t first_row,
                                   const int *seqs)
{
    if (!is_hooked(p, p->c->n_layers, kind)) return HOOKE_OK;
    if (!seqs) return deliver_rows(p, p->c->n_layers, kind, y, first_row);
    for (int64_t r = 0; r < y.rows; r++) {
        struct mat row = mat_f32((float *)y.data + r * y.ld, 1, y.cols, y.ld);
        RETURN_IF_ERROR(deliver_rows(p, p->c->n_layers, kind, row, p->batch->start[seqs[r] + 1] - 1));
    }
    return HOOKE_OK;
}

/* h: rows behind the final norm: the group's, or the last ones of the sequences in seqs. */
static hooke_status logits_of(struct pass *p, struct mat h, const int *seqs)
{
    for (int64_t first = 0; first < h.rows; first += p->logit_rows) {
        struct mat y = p->logits, x = h;
        x.data = (float *)h.data + first * h.ld;
        x.rows = y.rows = h.rows - first < p->logit_rows ? h.rows - first : p->logit_rows;
        RETURN_IF_ERROR(unembed_rows(p->m, y, x));
        RETURN_IF_ERROR(
            deliver_logits(p, SITE_UNEMBED_OUT, y, p->group.first_row + first, seqs ? seqs + first : NULL));
        if (!is_hooked(p, p->c->n_layers, SITE_LOGITS)) continue;
        if (p->c->cap_logits > 0) RETURN_IF_ERROR(p->ops->softcap(p->ex, &y, p->c->cap_logits));
        RETURN_IF_ERROR(
            deliver_logits(p, SITE_LOGITS, y, p->group.first_row + first, seqs ? seqs + first : NULL));
    }
    return HOOKE_OK;
}

/* ---- final norm ---------------------------------------------------------------------------------------------------------------- */

/* Copies each sequence's last row of x to `to`, one behind the other; seqs[] receives the sequences that have rows. */
static hooke_status gather_last(struct pass *p, struct mat *to, struct mat x, int *seqs)
{
    to->rows = 0;
    for (int seq = p->group.first_seq; seq < p->group.end_seq; seq++) {
        if (p->batch->start[seq + 1] == p->batch->start[seq]) continue;
        struct mat row = x;
        row.data = (float *)x.data + (p->batch->start[seq + 1] - 1 - p->group.first_row) * x.ld;
        row.rows = 1;
        struct mat place = mat_f32((float *)to->data + to->rows * to->ld, 1, to->cols, to->ld);
        RETURN_IF_ERROR(p->ops->copy(p->ex, &place, &row));
        seqs[to->rows++] = seq;
    }
    return HOOKE_OK;
}

static hooke_status final_norm(struct pass *p, struct mat h, struct mat x)
{
    struct norm_sites sites = { SITE_LN_FINAL_SCALE, SITE_LN_FINAL_NORMALIZED };
    return norm_step(p, p->c->n_layers, h, x, &p->m->weights.final_norm, sites, 1);
}

static hooke_status head_of_last(struct pass *p, int *seqs)
{
    struct mat x = group_resid(p), h = rows_of(p, p->h), last = rows_of(p, p->attn);
    int layer = p->c->n_layers;
    bool looked_at = is_hooked(p, layer, SITE_LN_FINAL_SCALE) ||
                     is_hooked(p, layer, SITE_LN_FINAL_NORMALIZED) || is_hooked(p, layer, SITE_LN_FINAL_OUT);
    if (looked_at) { /* those sites see every row */
        RETURN_IF_ERROR(final_norm(p, h, x));
        RETURN_IF_ERROR(deliver(p, layer, SITE_LN_FINAL_OUT, h));
        RETURN_IF_ERROR(gather_last(p, &last, h, seqs));
        return p->wants_logits ? logits_of(p, last, seqs) : HOOKE_OK;
    }
    RETURN_IF_ERROR(gather_last(p, &last, x, seqs));
    h.rows = last.rows;
    RETURN_IF_ERROR(final_norm(p, h, last));
    return logits_of(p, h, seqs);
}

hooke_status head_run(struct pass *p)
{
    struct mat h = rows_of(p, p->h);
    int n_seqs = p->group.end_seq - p->group.first_seq, *seqs;
    if (p->o->last_logits_only) {
        RETURN_IF_ERROR(mem_take((void **)&seqs, (size_t)n_seqs, sizeof *seqs, "last rows"));
        hooke_status st = head_of_last(p, seqs);
        mem_free(seqs);
        return st;
    }
    RETURN_IF_ERROR(final_norm(p, h, group_resid(p)));
    RETURN_IF_ERROR(deliver(p, p->c->n_layers, SITE_LN_FINAL_OUT, h));
    return p->wants_logits ? logits_of(p, h, NULL) : HOOKE_OK;
}

/* ---- public ---------------------------------------------------------------------------------------------------------------------- */

hooke_status hooke_model_unembed(hooke_model *m, float *logits, const float *x, int64_t n)
{
    RETURN_IF(!m || n < 0 || (n > 0 && (!logits || !x)), HOOKE_E_ARGUMENT,
              "hooke_model_unembed: NULL argument");
    struct exec *ex = &m->ctx->exec;
    int64_t d = m->config.d_model, v = m->config.d_vocab, step = logit_rows_at_once(&m->config);
    union {
        const float *in;
        float *out;
    } rows = { .in = x }; /* only read */
    for (int64_t first = 0; first < n; first += step) {
        int64_t k = n - first < step ? n - first : step;
        struct mat y = mat_f32(logits + first * v, k, v, v);
        RETURN_IF_ERROR(unembed_rows(m, y, mat_f32(rows.out + first * d, k, d, d)));
        if (m->config.cap_logits > 0) RETURN_IF_ERROR(ex->ops->softcap(ex, &y, m->config.cap_logits));
    }
    return HOOKE_OK;
}

hooke_status hooke_model_logit_lens(hooke_model *m, float *out, const float *x, int64_t n)
{
    RETURN_IF(!m || n < 0 || (n > 0 && (!out || !x)), HOOKE_E_ARGUMENT,
              "hooke_model_logit_lens: NULL argument");
    int64_t d = m->config.d_model, v = m->config.d_vocab;
    const float *gain = m->weights.final_norm.gain;
    hooke_status st = HOOKE_OK;
    float *scaled = NULL;
    RETURN_IF_ERROR(mem_take((void **)&scaled, d > 0 ? (size_t)d : 1, sizeof *scaled, "direction"));
    for (int64_t r = 0; r < n && st == HOOKE_OK; r++) {
        for (int64_t i = 0; i < d; i++) scaled[i] = x[r * d + i] * (gain ? gain[i] : 1);
        st = unembed_rows(m, mat_f32(out + r * v, 1, v, v), mat_f32(scaled, 1, d, d));
    }
    mem_free(scaled);
    return st;
}
