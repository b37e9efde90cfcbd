#include "model/pass.h"

#include "base/clock.h"
#include "model/head.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

/* ---- checks ------------------------------------------------------------------------------------------------------------------ */

static hooke_status check_ids(const struct pass *p)
{
    const hooke_batch *b = p->batch;
    if (p->o->resid) return HOOKE_OK;
    RETURN_IF(!b->ids && b->start[b->n_seqs] > 0, HOOKE_E_ARGUMENT, "the batch has no ids");
    for (int64_t i = 0; i < b->start[b->n_seqs]; i++)
        RETURN_IF(b->ids[i] < 0 || b->ids[i] >= p->c->d_vocab, HOOKE_E_ARGUMENT,
                  "token id %" PRId32 " at %" PRId64 ": the model's vocabulary has ids 0 to %d", b->ids[i], i,
                  p->c->d_vocab - 1);
    return HOOKE_OK;
}

static hooke_status check_batch(const struct pass *p)
{
    const hooke_batch *b = p->batch;
    const hooke_run_options *o = p->o;
    RETURN_IF(!b || b->n_seqs < 0 || !b->start || b->start[0] != 0, HOOKE_E_ARGUMENT,
              "the batch has no start[] from 0 on");
    for (int i = 0; i < b->n_seqs; i++)
        RETURN_IF(b->start[i + 1] < b->start[i] || b->start[i + 1] > INT32_MAX, HOOKE_E_ARGUMENT,
                  "sequence %d of the batch runs from row %" PRId64 " to %" PRId64, i, b->start[i],
                  b->start[i + 1]);
    RETURN_IF(o->first_layer < 0 || o->first_layer > p->c->n_layers, HOOKE_E_ARGUMENT,
              "first_layer %d: the model has %d layers", o->first_layer, p->c->n_layers);
    RETURN_IF(o->first_layer > 0 && !o->resid, HOOKE_E_ARGUMENT,
              "first_layer %d needs the residual stream to start from", o->first_layer);
    RETURN_IF(o->n_hooks < 0 || (o->n_hooks > 0 && !o->hooks), HOOKE_E_ARGUMENT, "hooks are NULL");
    RETURN_IF(o->batch_tokens < 0, HOOKE_E_ARGUMENT, "batch_tokens is negative");
    return check_ids(p);
}

/* Position of a sequence's first new token. */
static int first_position(const struct pass *p, int seq)
{
    const struct hooke_cache *c = p->o->cache;
    if (!c || p->o->first_layer >= p->c->n_layers) return 0;
    return c->length[(int64_t)p->o->first_layer * c->n_seqs + seq];
}

static hooke_status check_cache(const struct pass *p)
{
    const struct hooke_cache *c = p->o->cache;
    if (!c) return HOOKE_OK;
    RETURN_IF(c->model != p->m, HOOKE_E_ARGUMENT, "the cache belongs to another model");
    RETURN_IF(c->n_seqs != p->batch->n_seqs, HOOKE_E_ARGUMENT, "the cache holds %d sequences, the batch %d",
              c->n_seqs, p->batch->n_seqs);
    for (int seq = 0; seq < c->n_seqs; seq++) {
        int64_t n = p->batch->start[seq + 1] - p->batch->start[seq];
        int held = first_position(p, seq);
        RETURN_IF(held + n > c->n_ctx, HOOKE_E_ARGUMENT,
                  "sequence %d: the cache has room for %d tokens, %" PRId64 " are needed", seq, c->n_ctx,
                  held + n);
        for (int layer = p->o->first_layer; n > 0 && layer < p->end_layer; layer++)
            RETURN_IF(c->length[(int64_t)layer * c->n_seqs + seq] != held, HOOKE_E_ARGUMENT,
                      "sequence %d: layer %d of the cache holds %d tokens, layer %d holds %d", seq,
                      p->o->first_layer, held, layer, c->length[(int64_t)layer * c->n_seqs + seq]);
    }
    return HOOKE_OK;
}

/* The longest position decides how far the rotary tables reach; learned tables end where they end. */
static hooke_status check_positions(struct pass *p)
{
    int64_t n = 0;
    for (int seq = 0; seq < p->batch->n_seqs; seq++) {
        int64_t end = first_position(p, seq) + (p->batch->start[seq + 1] - p->batch->start[seq]);
        if (end > n) n = end;
    }
    RETURN_IF(n > p->c->n_ctx && p->c->arch->learned_positions && !p->o->resid, HOOKE_E_ARGUMENT,
              "a sequence of %" PRId64 " tokens: the model's table of positions has %d", n, p->c->n_ctx);
    if (n > p->c->n_ctx && !p->m->warned_context) {
        p->m->warned_context = true;
        context_log(p->m->ctx, 0, "a sequence of %" PRId64 " tokens is longer than the model's context of %d",
                    n, p->c->n_ctx);
    }
    if (p->c->arch->learned_positions) return HOOKE_OK;
    RETURN_IF_ERROR(rope_reach(&p->m->rope, p->ex, &p->c->rope, p->m->rope_precision, (int)n));
    return rope_reach(&p->m->rope_local, p->ex, &p->c->rope_local, p->m->rope_precision, (int)n);
}

/* ---- groups -------------------------------------------------------------------------------------------------------------------- */

/* The next group from first_seq on: whole sequences, batch_tokens rows at most unless one sequence alone is longer. */
static struct group group_from(const struct pass *p, int first_seq, int end_seq)
{
    const int64_t *start = p->batch->start;
    int64_t limit = p->o->batch_tokens ? p->o->batch_tokens : DEFAULT_BATCH_TOKENS;
    struct group g = { first_seq, first_seq + 1, start[first_seq], 0 };
    while (g.end_seq < end_seq && start[g.end_seq + 1] - g.first_row <= limit) g.end_seq++;
    g.n_rows = start[g.end_seq] - g.first_row;
    return g;
}

static int64_t largest_group(const struct pass *p)
{
    int64_t n = 0;
    for (int seq = 0; seq < p->batch->n_seqs;) {
        struct group g = group_from(p, seq, p->batch->n_seqs);
        if (g.n_rows > n) n = g.n_rows;
        seq = g.end_seq;
    }
    return n;
}

/* ---- memory -------------------------------------------------------------------------------------------------------------------- */

/* One row of the plan: a view of n columns and `rows` rows. */
struct plan_row {
    struct mat *mat;
    int64_t rows, cols;
};
enum { MAX_PLAN = 16 };

static int plan(struct pass *p, struct plan_row rows[MAX_PLAN])
{
    const struct model_config *c = p->c;
    int64_t n = p->rows_max, d = c->d_model, wide = (int64_t)c->n_heads * c->d_head,
            kv = (int64_t)c->n_kv_heads * c->d_head;
    int64_t scratch = wide > d ? wide : d, heads = c->n_heads;
    bool blocks = p->end_layer > p->o->first_layer;
    const struct plan_row all[] = {
        { &p->h, n, d },
        { &p->attn, n, d },
        { &p->mlp, blocks ? n : 0, d },
        { &p->q, blocks ? n : 0, wide },
        { &p->k, blocks ? n : 0, kv },
        { &p->v, blocks ? n : 0, kv },
        { &p->z, blocks ? n : 0, wide },
        { &p->up, blocks ? n : 0, c->d_mlp },
        { &p->gate, blocks && c->arch->gated ? n : 0, c->d_mlp },
        { &p->logits, p->wants_logits ? p->logit_rows : 0, c->d_vocab },
        { &p->scratch[0], p->norm_hooks ? n : 0, scratch },
        { &p->scratch[1], p->norm_hooks ? n : 0, scratch },
        { &p->divisors[0], p->norm_hooks ? n : 0, heads },
        { &p->divisors[1], p->norm_hooks ? n : 0, heads },
        { &p->per_head[0], p->head_hooks ? p->head_rows : 0, heads * d },
        { &p->per_head[1], p->head_edits ? p->head_rows : 0, heads * d },
    };
    memcpy(rows, all, sizeof all);
    return (int)(sizeof all / sizeof all[0]);
}

static hooke_status buffer_reach(struct pass *p, struct buffer *b, size_t bytes)
{
    if (b->bytes >= bytes) return HOOKE_OK;
    p->ops->release(p->ex, b);
    return p->ops->alloc(p->ex, b, bytes);
}

/* Sizes come first, then one allocation, kept for the next pass. */
static hooke_status take_workspace(struct pass *p)
{
    struct plan_row rows[MAX_PLAN];
    int n = plan(p, rows);
    size_t offset = 0, at[MAX_PLAN];
    for (int i = 0; i < n; i++) {
        size_t items;
        at[i] = offset;
        RETURN_IF(__builtin_mul_overflow((size_t)rows[i].rows, (size_t)rows[i].cols, &items) ||
                      items > SIZE_MAX / 64 ||
                      __builtin_add_overflow(offset, (items + 15) / 16 * 16, &offset),
                  HOOKE_E_MEMORY, "a pass over %" PRId64 " tokens at a time is too large", p->rows_max);
    }
    RETURN_IF_ERROR(buffer_reach(p, &p->m->workspace, offset * sizeof(float)));
    for (int i = 0; i < n; i++)
        *rows[i].mat =
            mat_f32((float *)p->m->workspace.data + at[i], rows[i].rows, rows[i].cols, rows[i].cols);
    return HOOKE_OK;
}

/* ---- carrying rows through the layers -------------------------------------------------------------------------------------------- */

typedef hooke_status (*group_step)(struct pass *p, int layer);

static hooke_status embed_step(struct pass *p, int layer)
{
    (void)layer;
    return embed_run(p);
}

static hooke_status head_step(struct pass *p, int layer)
{
    (void)layer;
    return head_run(p);
}

static hooke_status each_group(struct pass *p, int first_seq, int end_seq, int layer, group_step step)
{
    for (int seq = first_seq; seq < end_seq; seq = p->group.end_seq) {
        p->group = group_from(p, seq, end_seq);
        if (p->group.n_rows > 0) RETURN_IF_ERROR(step(p, layer));
    }
    return HOOKE_OK;
}

/* A layer's weights stay when there is room; else they go as soon as every group has been through. */
static hooke_status layer_step(struct pass *p, int first_seq, int end_seq, int layer)
{
    RETURN_IF_ERROR(weights_ready(&p->m->weights, p->ex, p->c, layer));
    if (p->m->info.layer_major && layer + 1 < p->end_layer) weights_prefetch_layer(&p->m->weights, layer + 1);
    hooke_status st = each_group(p, first_seq, end_seq, layer, block_run);
    if (st == HOOKE_OK) st = p->ops->sync(p->ex);
    if (p->m->info.layer_major) weights_drop_layer(&p->m->weights, p->ex, layer);
    return st == HOOKE_OK ? HOOKE_OK : fail_within(st, "layer %d", layer);
}

static hooke_status carry(struct pass *p, int first_seq, int end_seq)
{
    int64_t first_row = p->batch->start[first_seq], n_rows = p->batch->start[end_seq] - first_row;
    if (n_rows == 0) return HOOKE_OK;
    p->carried_row = first_row;
    RETURN_IF_ERROR(buffer_reach(p, &p->m->resid, (size_t)n_rows * (size_t)p->c->d_model * sizeof(float)));
    p->resid = mat_f32(p->m->resid.data, n_rows, p->c->d_model, p->c->d_model);
    for (int seq = first_seq; seq < end_seq; seq++) {
        int pos = first_position(p, seq);
        for (int64_t r = p->batch->start[seq]; r < p->batch->start[seq + 1]; r++)
            p->positions[r - first_row] = pos++;
    }
    RETURN_IF_ERROR(each_group(p, first_seq, end_seq, -1, embed_step));
    if (p->m->info.layer_major && !p->o->resid)
        weights_drop_rows(&p->m->weights, p->c, false, 0, p->c->d_vocab);
    for (int layer = p->o->first_layer; layer < p->end_layer; layer++) {
        RETURN_IF_ERROR(layer_step(p, first_seq, end_seq, layer));
        RETURN_IF_ERROR(context_progress(p->m->ctx, "layers", layer + 1, p->end_layer));
    }
    return p->wants_final ? each_group(p, first_seq, end_seq, p->c->n_layers, head_step) : HOOKE_OK;
}

/* Rows of residual stream that fit beside everything else under max_memory. */
static hooke_status rows_that_fit(const struct pass *p, int64_t *rows)
{
    int64_t row = (int64_t)p->c->d_model * (int64_t)sizeof(float) + (int64_t)sizeof *p->positions;
    int64_t held = process_rss_bytes() - (int64_t)p->m->resid.bytes;
    if (held < 0) held = 0;
    int64_t head = p->wants_logits ? (int64_t)p->c->d_model * 4 * 65536 : 0;
    int64_t weights = head > p->m->weights.layer_bytes_max ? head : p->m->weights.layer_bytes_max;
    /* The workspace may not have been touched yet: it is counted whole, at worst twice. */
    int64_t needed = held + weights + weights / 4 + (int64_t)p->m->workspace.bytes + ((int64_t)64 << 20);
    *rows = (p->m->max_memory - needed) / row;
    RETURN_IF(*rows < p->rows_max, HOOKE_E_MEMORY,
              "max_memory of %" PRId64 " MiB is too small for this pass: about %" PRId64 " MiB are needed",
              p->m->max_memory >> 20, (needed + p->rows_max * row) >> 20);
    return HOOKE_OK;
}

/* Ordinary: one group at a time through all layers. Layer-major: as many groups together as memory allows. */
static hooke_status carry_all(struct pass *p)
{
    int64_t limit = 0;
    if (p->m->info.layer_major) RETURN_IF_ERROR(rows_that_fit(p, &limit));
    for (int seq = 0; seq < p->batch->n_seqs;) {
        int end = group_from(p, seq, p->batch->n_seqs).end_seq;
        while (end < p->batch->n_seqs) {
            struct group next = group_from(p, end, p->batch->n_seqs);
            if (p->batch->start[next.end_seq] - p->batch->start[seq] > limit) break;
            end = next.end_seq;
        }
        RETURN_IF_ERROR(carry(p, seq, end));
        seq = end;
    }
    return HOOKE_OK;
}

/* ---- the pass ------------------------------------------------------------------------------------------------------------------------ */

static void find_end(struct pass *p)
{
    int64_t blocks_end = (int64_t)p->c->n_layers * N_SITE_KINDS;
    bool fill_cache = p->o->cache && !(p->extra && p->extra->stop_at_hooks);
    if (fill_cache && p->stop_depth < blocks_end - 1) p->stop_depth = blocks_end - 1;
    p->wants_final = p->stop_depth >= blocks_end;
    p->wants_logits = p->wants_final && p->stop_depth % N_SITE_KINDS >= (int64_t)SITE_UNEMBED_OUT;
    int64_t end = p->stop_depth < 0 ? 0 : p->stop_depth / N_SITE_KINDS + 1;
    p->end_layer = end < p->c->n_layers ? (int)end : p->c->n_layers;
}

static hooke_status run_planned(struct pass *p)
{
    RETURN_IF_ERROR(hooks_index(p));
    find_end(p);
    if (p->stop_depth == INT64_MIN || p->batch->start[p->batch->n_seqs] == 0)
        return HOOKE_OK; /* nobody asked for anything */
    RETURN_IF_ERROR(check_cache(p));
    RETURN_IF_ERROR(check_positions(p));
    p->rows_max = largest_group(p);
    p->logit_rows = logit_rows_at_once(p->c);
    if (p->logit_rows > p->rows_max) p->logit_rows = p->rows_max;
    p->head_rows = head_rows_at_once(p->c);
    if (p->head_rows > p->rows_max) p->head_rows = p->rows_max;
    RETURN_IF_ERROR(take_workspace(p));
    RETURN_IF_ERROR(mem_take((void **)&p->positions, (size_t)p->batch->start[p->batch->n_seqs],
                             sizeof *p->positions, "positions"));
    return carry_all(p);
}

hooke_status pass_run(hooke_model *m, const hooke_batch *batch, const hooke_run_options *o,
                      const struct pass_extra *extra)
{
    static const hooke_run_options none;
    struct pass p = { .m = m, .c = &m->config, .ex = &m->ctx->exec, .ops = m->ctx->exec.ops };
    p.batch = batch;
    p.o = o ? o : &none;
    p.extra = extra;
    RETURN_IF_ERROR(check_batch(&p));
    hooke_status st = run_planned(&p);
    p.ops->release(p.ex, &p.scores);
    mem_free(p.positions);
    mem_free(p.first_hook);
    mem_free(p.next_hook);
    return st;
}

hooke_status hooke_model_run(hooke_model *m, const hooke_batch *batch, const hooke_run_options *options)
{
    RETURN_IF(!m || !batch, HOOKE_E_ARGUMENT, "hooke_model_run: NULL argument");
    return pass_run(m, batch, options, NULL);
}
