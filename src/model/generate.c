/* generate.c: continuing sequences.
 *
 * All live sequences take each step together: one row each, so that weights are read once a step. Sequences whose prompts are
 * equal (a default beside a steered one) share the prefill below the first layer that a hook touches: it runs once, its keys and
 * values are copied, and all continue from its residual stream. */
#include "base/random.h"
#include "base/text.h"
#include "model/pass.h"
#include "model/sample.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

enum { DEFAULT_NEW_TOKENS = 64 };

struct generator {
    hooke_model *m;
    const hooke_generate_options *o;
    const hooke_batch *prompts;
    hooke_ids *out; /* [n_seqs] new ids */
    int n_seqs, n_new;
    bool *is_done;                 /* [n_seqs] */
    int *twin_of;                  /* [n_seqs] first sequence with the same prompt */
    float *logits;                 /* [n_seqs, d_vocab] of each sequence's last token */
    struct sample_weight *scratch; /* [d_vocab] */
    hooke_hook *hooks;             /* the caller's, then our tap of the logits */
    hooke_cache *cache;
    /* Batch of the pass that runs next. */
    int64_t *start; /* [n_seqs + 1] */
    hooke_ids ids;
};

/* ---- passes ---------------------------------------------------------------------------------------------------------------------- */

static hooke_status keep_logits(void *payload, const hooke_view *v)
{
    struct generator *g = payload;
    int seq = 0;
    while (v->batch->start[seq + 1] <= v->first_row) seq++;
    memcpy(g->logits + (int64_t)seq * v->n_cols, v->data, (size_t)v->n_cols * sizeof *g->logits);
    return HOOKE_OK;
}

/* Runs the prepared batch to the logits of every sequence's last token, with the caller's hooks. */
static hooke_status run_to_logits(struct generator *g, int first_layer, const float *resid)
{
    hooke_batch batch = { .n_seqs = g->n_seqs, .start = g->start, .ids = g->ids.data };
    hooke_run_options o = { .size = sizeof o,
                            .hooks = g->hooks,
                            .n_hooks = g->o->n_hooks + 1,
                            .last_logits_only = true,
                            .cache = g->cache,
                            .first_layer = first_layer,
                            .resid = resid };
    struct pass_extra extra = { .hooked_seqs = g->o->hooks_for_seq, .n_masked = g->o->n_hooks };
    return pass_run(g->m, &batch, &o, &extra);
}

static int64_t prompt_length(const struct generator *g, int seq)
{
    return g->prompts->start[seq + 1] - g->prompts->start[seq];
}

static const int32_t *prompt(const struct generator *g, int seq)
{
    return g->prompts->ids + g->prompts->start[seq];
}

/* ---- prefill --------------------------------------------------------------------------------------------------------------------- */

/* Residual rows of the shared part. */
struct shared {
    float *resid; /* [rows of first twins, d_model] */
    int64_t d_model;
};

static hooke_status keep_resid(void *payload, const hooke_view *v)
{
    struct shared *s = payload;
    for (int64_t r = 0; r < v->n_rows; r++)
        memcpy(s->resid + (v->first_row + r) * s->d_model, v->data + r * v->ld,
               (size_t)s->d_model * sizeof *s->resid);
    return HOOKE_OK;
}

/* The first layer that a hook of the caller touches; -1 when one touches the embedding. */
static int first_hooked_layer(const struct generator *g)
{
    int first = g->m->config.n_layers;
    for (int i = 0; i < g->o->n_hooks; i++) {
        hooke_site s = g->o->hooks[i].site;
        int layer = site_in_block((enum site_kind)s.kind) ? s.layer
                    : s.kind < (int)SITE_RESID_PRE        ? -1
                                                          : g->m->config.n_layers;
        if (layer < first) first = layer;
    }
    return first;
}

static bool find_twins(struct generator *g)
{
    bool any = false;
    for (int a = 0; a < g->n_seqs; a++) {
        g->twin_of[a] = a;
        for (int b = 0; b < a && g->twin_of[a] == a; b++)
            if (g->twin_of[b] == b && prompt_length(g, a) == prompt_length(g, b) &&
                !memcmp(prompt(g, a), prompt(g, b), (size_t)prompt_length(g, a) * sizeof(int32_t)))
                g->twin_of[a] = b;
        any |= g->twin_of[a] != a;
    }
    return any;
}

/* The batch of prompts: of first twins alone (others bring no tokens), or of all. */
static hooke_status batch_of_prompts(struct generator *g, bool first_twins)
{
    g->ids.n = 0;
    for (int seq = 0; seq < g->n_seqs; seq++) {
        if (!first_twins || g->twin_of[seq] == seq)
            RETURN_IF_ERROR(ids_append(&g->ids, prompt(g, seq), (size_t)prompt_length(g, seq)));
        g->start[seq + 1] = (int64_t)g->ids.n;
    }
    return HOOKE_OK;
}

static hooke_status run_shared_layers(struct generator *g, int layer, struct shared *s)
{
    int n_layers = g->m->config.n_layers;
    hooke_site site = { layer < n_layers ? SITE_RESID_PRE : SITE_RESID_POST,
                        layer < n_layers ? layer : n_layers - 1 };
    hooke_hook tap = { .site = site, .tap = keep_resid, .payload = s };
    hooke_batch batch = { .n_seqs = g->n_seqs, .start = g->start, .ids = g->ids.data };
    hooke_run_options o = { .size = sizeof o, .hooks = &tap, .n_hooks = 1, .cache = g->cache };
    struct pass_extra extra = { .stop_at_hooks = true };
    RETURN_IF_ERROR(pass_run(g->m, &batch, &o, &extra));
    for (int seq = 0; seq < g->n_seqs; seq++)
        if (g->twin_of[seq] != seq) RETURN_IF_ERROR(hooke_cache_copy(g->cache, seq, g->twin_of[seq], layer));
    return HOOKE_OK;
}

/* All sequences from `layer` on, each with the rows of its first twin. shared_start: where those lie. */
static hooke_status run_own_layers(struct generator *g, int layer, const struct shared *s,
                                   const int64_t *shared_start)
{
    float *resid;
    RETURN_IF_ERROR(batch_of_prompts(g, false));
    RETURN_IF_ERROR(
        mem_take((void **)&resid, g->ids.n, (size_t)s->d_model * sizeof *resid, "residual stream"));
    for (int seq = 0; seq < g->n_seqs; seq++)
        memcpy(resid + g->start[seq] * s->d_model, s->resid + shared_start[g->twin_of[seq]] * s->d_model,
               (size_t)(prompt_length(g, seq) * s->d_model) * sizeof *resid);
    hooke_status st = run_to_logits(g, layer, resid);
    mem_free(resid);
    return st;
}

static hooke_status prefill_shared(struct generator *g, int layer)
{
    struct shared s = { .d_model = g->m->config.d_model };
    int64_t *shared_start = NULL;
    hooke_status st = batch_of_prompts(g, true);
    if (st == HOOKE_OK)
        st = mem_take((void **)&s.resid, g->ids.n, (size_t)s.d_model * sizeof *s.resid, "residual stream");
    if (st == HOOKE_OK)
        st = mem_take((void **)&shared_start, (size_t)g->n_seqs, sizeof *shared_start, "sequences");
    if (st == HOOKE_OK) {
        memcpy(shared_start, g->start, (size_t)g->n_seqs * sizeof *shared_start);
        st = run_shared_layers(g, layer, &s);
    }
    if (st == HOOKE_OK) st = run_own_layers(g, layer, &s, shared_start);
    mem_free(shared_start);
    mem_free(s.resid);
    return st;
}

static hooke_status prefill(struct generator *g)
{
    int layer = first_hooked_layer(g);
    if (g->cache && find_twins(g) && layer > 0) return prefill_shared(g, layer);
    RETURN_IF_ERROR(batch_of_prompts(g, false));
    return run_to_logits(g, 0, NULL);
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------------- */

static bool is_stop(const struct generator *g, int32_t id)
{
    const struct model_config *c = &g->m->config;
    for (int i = 0; !g->o->ignore_stop && i < c->n_stop_ids; i++)
        if (c->stop_ids[i] == id) return true;
    return false;
}

static hooke_status take_token(struct generator *g, int seq)
{
    int64_t v = g->m->config.d_vocab, position = prompt_length(g, seq) + (int64_t)g->out[seq].n;
    double u = random_uniform(g->o->seed, RANDOM_SAMPLE_TOKEN, (uint64_t)seq << 32 | (uint64_t)position);
    int32_t id;
    hooke_status st = sample_token(&id, g->logits + seq * v, v, (double)g->o->temperature,
                                   (double)g->o->top_p, u, g->scratch);
    if (st != HOOKE_OK) return fail_within(st, "sequence %d, position %" PRId64, seq, position);
    RETURN_IF_ERROR(ids_push(&g->out[seq], id));
    bool table_ends = g->m->config.arch->learned_positions && position + 1 >= g->m->config.n_ctx;
    g->is_done[seq] = is_stop(g, id) || g->out[seq].n >= (size_t)g->n_new || table_ends;
    return g->o->on_token ? g->o->on_token(g->o->payload, seq, id) : HOOKE_OK;
}

/* The next pass: the newest token of each live sequence, or all of its tokens without a cache. */
static hooke_status batch_of_step(struct generator *g)
{
    g->ids.n = 0;
    for (int seq = 0; seq < g->n_seqs; seq++) {
        const hooke_ids *new_ids = &g->out[seq];
        if (!g->is_done[seq] && g->cache) RETURN_IF_ERROR(ids_push(&g->ids, new_ids->data[new_ids->n - 1]));
        if (!g->is_done[seq] && !g->cache) {
            RETURN_IF_ERROR(ids_append(&g->ids, prompt(g, seq), (size_t)prompt_length(g, seq)));
            RETURN_IF_ERROR(ids_append(&g->ids, new_ids->data, new_ids->n));
        }
        g->start[seq + 1] = (int64_t)g->ids.n;
    }
    return HOOKE_OK;
}

static hooke_status steps(struct generator *g)
{
    RETURN_IF_ERROR(prefill(g));
    for (int step = 0; step < g->n_new; step++) {
        bool any = false;
        for (int seq = 0; seq < g->n_seqs; seq++) {
            if (g->is_done[seq]) continue;
            RETURN_IF_ERROR(take_token(g, seq));
            any |= !g->is_done[seq];
        }
        if (!any) return HOOKE_OK;
        RETURN_IF_ERROR(batch_of_step(g));
        RETURN_IF_ERROR(run_to_logits(g, 0, NULL));
    }
    return HOOKE_OK;
}

/* ---- set-up ---------------------------------------------------------------------------------------------------------------------- */

static hooke_status check_prompts(const struct generator *g, int64_t *longest)
{
    const hooke_batch *b = g->prompts;
    RETURN_IF(!b->start || !b->ids || b->n_seqs < 1 || b->start[0] != 0, HOOKE_E_ARGUMENT,
              "there are no prompts");
    RETURN_IF(g->o->n_hooks < 0 || (g->o->n_hooks > 0 && !g->o->hooks), HOOKE_E_ARGUMENT, "hooks are NULL");
    for (int i = 0; i < b->n_seqs; i++) {
        int64_t n = b->start[i + 1] - b->start[i];
        RETURN_IF(n < 1 || n > INT_MAX / 2, HOOKE_E_ARGUMENT, "prompt %d has %" PRId64 " tokens", i, n);
        if (n > *longest) *longest = n;
    }
    for (int i = 0; i < g->o->n_hooks; i++)
        RETURN_IF(!site_valid(&g->m->config, g->o->hooks[i].site), HOOKE_E_ARGUMENT,
                  "hook %d: no site of this model", i);
    return HOOKE_OK;
}

static hooke_status take_memory(struct generator *g, int64_t longest)
{
    size_t n = (size_t)g->n_seqs, v = (size_t)g->m->config.d_vocab, n_hooks = (size_t)g->o->n_hooks;
    RETURN_IF_ERROR(mem_take((void **)&g->is_done, n, sizeof *g->is_done, "sequences"));
    RETURN_IF_ERROR(mem_take((void **)&g->twin_of, n, sizeof *g->twin_of, "sequences"));
    RETURN_IF_ERROR(mem_take((void **)&g->start, n + 1, sizeof *g->start, "sequences"));
    RETURN_IF_ERROR(mem_take((void **)&g->logits, n * v, sizeof *g->logits, "logits"));
    RETURN_IF_ERROR(mem_take((void **)&g->scratch, v, sizeof *g->scratch, "sampling"));
    RETURN_IF_ERROR(mem_take((void **)&g->hooks, n_hooks + 1, sizeof *g->hooks, "hooks"));
    if (n_hooks > 0) memcpy(g->hooks, g->o->hooks, n_hooks * sizeof *g->hooks);
    g->hooks[n_hooks].site = (hooke_site){ SITE_LOGITS, -1 };
    g->hooks[n_hooks].tap = keep_logits;
    g->hooks[n_hooks].payload = g;
    int64_t room = longest + g->n_new;
    return g->o->no_cache
               ? HOOKE_OK
               : hooke_cache_open(&g->cache, g->m, g->n_seqs, (int)(room < INT_MAX ? room : INT_MAX));
}

static hooke_status run_generator(struct generator *g)
{
    int64_t longest = 0;
    RETURN_IF_ERROR(check_prompts(g, &longest));
    g->n_seqs = g->prompts->n_seqs;
    for (int i = 0; i < g->n_seqs; i++) g->out[i].n = 0;
    RETURN_IF_ERROR(take_memory(g, longest));
    return steps(g);
}

hooke_status hooke_generate(hooke_model *m, hooke_ids *out, const hooke_batch *prompts,
                            const hooke_generate_options *options)
{
    static const hooke_generate_options none;
    RETURN_IF(!m || !out || !prompts, HOOKE_E_ARGUMENT, "hooke_generate: NULL argument");
    struct generator g = { .m = m, .o = options ? options : &none, .prompts = prompts, .out = out };
    g.n_new = g.o->n_new > 0 ? g.o->n_new : DEFAULT_NEW_TOKENS;
    hooke_status st = run_generator(&g);
    hooke_cache_close(g.cache);
    hooke_ids_release(&g.ids);
    mem_free(g.is_done);
    mem_free(g.twin_of);
    mem_free(g.start);
    mem_free(g.logits);
    mem_free(g.scratch);
    mem_free(g.hooks);
    return st;
}
