/* hooks.c: who wants what where. Names were resolved long before; here a site is an index into a table, so that a site nobody
 * asked for costs one test. Activations are float32 rows; those of a device apart are staged here, in call(). */
#include "model/pass.h"

#include <string.h>

/* Repeated inputs are made for the hook alone, so writing to them would do nothing. */
static hooke_status check_edit(const struct pass *p, const hooke_hook *h, int i)
{
    hooke_text name = { 0 };
    if (!h->edit || !site_is_repeated((enum site_kind)h->site.kind)) return HOOKE_OK;
    hooke_status st = site_name(p->c, &name, h->site);
    if (st == HOOKE_OK)
        st = fail(HOOKE_E_UNSUPPORTED,
                  "hook %d: %s can be looked at, not edited; edit hook_resid_pre, or for attention alone "
                  "ln1.hook_out (all heads) or attn.hook_q, hook_k, hook_v (one head)",
                  i, name.data);
    hooke_text_release(&name);
    return st;
}

static hooke_status check_hook(const struct pass *p, const hooke_hook *h, int i)
{
    hooke_text name = { 0 };
    RETURN_IF(!site_valid(p->c, h->site), HOOKE_E_ARGUMENT,
              "hook %d: no site of this model (kind %d, layer %d)", i, h->site.kind, h->site.layer);
    RETURN_IF(!h->tap == !h->edit, HOOKE_E_ARGUMENT, "hook %d: give either a tap or an edit", i);
    if (p->o->resid && site_depth(p->c, h->site) < (int64_t)p->o->first_layer * N_SITE_KINDS) {
        hooke_status st = site_name(p->c, &name, h->site);
        if (st == HOOKE_OK)
            st = fail(HOOKE_E_ARGUMENT, "hook %d: site %s lies before layer %d, where the pass starts", i,
                      name.data, p->o->first_layer);
        hooke_text_release(&name);
        return st;
    }
    return check_edit(p, h, i);
}

static bool is_norm_inside(enum site_kind k)
{
    return k == SITE_LN1_SCALE || k == SITE_LN1_NORMALIZED ||
           (k >= SITE_Q_NORM_SCALE && k <= SITE_K_NORM_NORMALIZED) || k == SITE_LN1_POST_SCALE ||
           k == SITE_LN1_POST_NORMALIZED || k == SITE_LN2_SCALE || k == SITE_LN2_NORMALIZED ||
           k == SITE_LN2_POST_SCALE || k == SITE_LN2_POST_NORMALIZED || k == SITE_LN_FINAL_SCALE ||
           k == SITE_LN_FINAL_NORMALIZED;
}

hooke_status hooks_index(struct pass *p)
{
    size_t n_sites = (size_t)(p->c->n_layers + 2) * N_SITE_KINDS;
    RETURN_IF_ERROR(mem_take((void **)&p->first_hook, n_sites, sizeof *p->first_hook, "hook table"));
    RETURN_IF_ERROR(
        mem_take((void **)&p->next_hook, (size_t)p->o->n_hooks, sizeof *p->next_hook, "hook table"));
    for (size_t i = 0; i < n_sites; i++) p->first_hook[i] = -1;
    p->stop_depth = INT64_MIN;
    for (int i = p->o->n_hooks - 1; i >= 0; i--) { /* backwards, so that lists run in the order given */
        const hooke_hook *h = &p->o->hooks[i];
        RETURN_IF_ERROR(check_hook(p, h, i));
        int64_t depth = site_depth(p->c, h->site), slot = depth + N_SITE_KINDS;
        p->next_hook[i] = p->first_hook[slot];
        p->first_hook[slot] = i;
        if (depth > p->stop_depth) p->stop_depth = depth;
        enum site_kind kind = (enum site_kind)h->site.kind;
        p->norm_hooks |= is_norm_inside(kind);
        p->head_hooks |= site_is_repeated(kind) || kind == SITE_RESULT;
        p->head_edits |= kind == SITE_RESULT && h->edit;
    }
    return HOOKE_OK;
}

bool is_edited(const struct pass *p, int layer, enum site_kind kind)
{
    for (int i = first_hook_at(p, layer, kind); i >= 0; i = p->next_hook[i])
        if (p->o->hooks[i].edit) return true;
    return false;
}

static bool seq_is_hooked(const struct pass *p, int hook, int seq)
{
    const struct pass_extra *x = p->extra;
    return !x || !x->hooked_seqs || hook >= x->n_masked || x->hooked_seqs[seq];
}

static hooke_status call_on(const hooke_hook *h, const hooke_view *view, float *data)
{
    return h->tap ? h->tap(h->payload, view) : h->edit(h->payload, view, data);
}

static hooke_status call(struct pass *p, const hooke_hook *h, const hooke_view *view, struct mat x)
{
    void *host;
    hooke_view copy = *view;
    if (!p->ops->is_apart) return call_on(h, view, x.data);
    RETURN_IF_ERROR(
        mem_take(&host, (size_t)x.rows, (size_t)x.cols * sizeof(float), "activations on the host"));
    copy.data = host;
    copy.ld = x.cols;
    hooke_status st = p->ops->fetch(p->ex, host, x.cols, &x);
    if (st == HOOKE_OK) st = call_on(h, &copy, host);
    if (st == HOOKE_OK && h->edit) st = p->ops->store(p->ex, &x, host, x.cols);
    mem_free(host);
    return st;
}

/* One hook, rows first_row .. first_row + x.rows of the batch: one call for each run of sequences that it applies to. */
static hooke_status call_on_rows(struct pass *p, int hook, hooke_view *view, struct mat x, int64_t first_row)
{
    const int64_t *start = p->batch->start;
    int64_t end = first_row + x.rows;
    for (int seq = p->group.first_seq; seq < p->group.end_seq;) {
        if (!seq_is_hooked(p, hook, seq)) {
            seq++;
            continue;
        }
        int stop = seq + 1;
        while (stop < p->group.end_seq && seq_is_hooked(p, hook, stop)) stop++;
        int64_t a = start[seq] > first_row ? start[seq] : first_row,
                b = start[stop] < end ? start[stop] : end;
        seq = stop;
        if (a >= b) continue;
        struct mat part = x;
        part.data = (float *)x.data + (a - first_row) * x.ld;
        part.rows = b - a;
        view->data = part.data;
        view->n_rows = part.rows;
        view->first_row = a;
        view->positions = p->positions + (a - p->carried_row);
        RETURN_IF_ERROR(call(p, &p->o->hooks[hook], view, part));
    }
    return HOOKE_OK;
}

static void begin_view(const struct pass *p, hooke_view *view, int layer, enum site_kind kind, struct mat x)
{
    memset(view, 0, sizeof *view);
    view->site.kind = (int)kind;
    view->site.layer = site_in_block(kind) ? layer : -1;
    view->batch = p->batch;
    view->n_cols = x.cols;
    view->ld = x.ld;
    view->n_heads = site_n_heads(p->c, kind);
    view->seq = -1;
}

hooke_status deliver_rows(struct pass *p, int layer, enum site_kind kind, struct mat x, int64_t first_row)
{
    hooke_view view;
    begin_view(p, &view, layer, kind, x);
    for (int i = first_hook_at(p, layer, kind); i >= 0; i = p->next_hook[i])
        RETURN_IF_ERROR(call_on_rows(p, i, &view, x, first_row));
    return HOOKE_OK;
}

hooke_status deliver_slow(struct pass *p, int layer, enum site_kind kind, struct mat x)
{
    return deliver_rows(p, layer, kind, x, p->group.first_row);
}

hooke_status deliver_scores(struct pass *p, int layer, enum site_kind kind, struct mat x, int seq)
{
    hooke_view view;
    begin_view(p, &view, layer, kind, x);
    view.data = x.data;
    view.n_rows = x.rows;
    view.first_row = p->batch->start[seq];
    view.positions = p->positions + (view.first_row - p->carried_row);
    view.seq = seq;
    for (int i = first_hook_at(p, layer, kind); i >= 0; i = p->next_hook[i])
        if (seq_is_hooked(p, i, seq)) RETURN_IF_ERROR(call(p, &p->o->hooks[i], &view, x));
    return HOOKE_OK;
}
