/* hooke capture: activations at chosen sites, written as they arrive. */
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/origin.h"
#include "cli/opt.h"

struct options {
    const char *out, *store;
    bool logits;
};

static const struct opt rows[] = {
    { "out", 'o', OPT_OUT, offsetof(struct options, out), "FILE", NULL, 0, 0,
      "the safetensors file to write" },
    { "store", 0, OPT_CHOICE, offsetof(struct options, store), "f32|bf16", "f32", 0, 0,
      "element type in the file" },
    { "logits", 0, OPT_FLAG, offsetof(struct options, logits), NULL, NULL, 0, 0, "write the logits too" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "capture [-m MODEL] --at SITES -o FILE TEXT...",
    "Writes activations as tensors named by their sites, beside the token ids (tokens).\n"
    "Sequences of one length give [n_seq, n_ctx, d]. Of different lengths: [n_tokens, d], and start [n_seq + "
    "1] says where\n"
    "each begins. Attention scores and patterns are [n_seq, n_heads, n_ctx, n_ctx] and need one length.",
    "  hooke capture -m micro --at 'blocks.*.hook_resid_post' -o acts.safetensors \"The old sailor\"",
    OPT_MODEL | OPT_AT | OPT_INPUT,
    rows,
    -1,
};

enum { MAX_SITES = 4096 };

struct capture;
struct site_out {
    struct capture *c;
    hooke_site site;
    int tensor;
    int64_t row_items; /* items of one token; of one sequence for attention scores and patterns */
};
struct capture {
    struct session *s;
    bool bf16;
    int64_t n_ctx; /* the one length, 0: several */
    struct seqs *q;
    struct site_out *sites;
    int n_sites;
    hooke_tensor_writer *file;
    int64_t bytes;    /* of the whole file */
    uint16_t *halves; /* one view as bf16 */
    size_t halves_capacity;
};

/* Round to nearest, ties to even; NaN stays NaN. */
static uint16_t to_bf16(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if ((u & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7FFF + (u >> 16 & 1)) >> 16);
}

static hooke_status put_items(struct capture *c, const struct site_out *o, int64_t first, const float *x,
                              int64_t n)
{
    if (!c->bf16) return hooke_tensor_writer_put(c->file, o->tensor, first * 4, x, (size_t)n * 4);
    grow(&c->halves, &c->halves_capacity, (size_t)n, sizeof *c->halves);
    for (int64_t i = 0; i < n; i++) c->halves[i] = to_bf16(x[i]);
    return hooke_tensor_writer_put(c->file, o->tensor, first * 2, c->halves, (size_t)n * 2);
}

static hooke_status on_view(void *payload, const hooke_view *view)
{
    const struct site_out *o = payload;
    int64_t first = view->seq >= 0 ? view->seq * o->row_items : view->first_row * view->n_cols;
    hooke_status st = HOOKE_OK;
    if (view->ld == view->n_cols) return put_items(o->c, o, first, view->data, view->n_rows * view->n_cols);
    for (int64_t r = 0; !st && r < view->n_rows; r++)
        st = put_items(o->c, o, first + r * view->n_cols, view->data + r * view->ld, view->n_cols);
    return st;
}

static int add_sites(struct capture *c, const char *pattern)
{
    hooke_site *found = take(MAX_SITES, sizeof *found);
    int n = 0;
    hooke_status st = hooke_sites_match(c->s->model, found, MAX_SITES, &n, pattern);
    if (st) return failed_call(st, "site", "'hooke info MODEL --sites' lists them");
    for (int i = 0; i < n && i < MAX_SITES; i++) {
        bool known = false;
        for (int k = 0; k < c->n_sites; k++)
            known |= c->sites[k].site.kind == found[i].kind && c->sites[k].site.layer == found[i].layer;
        if (!known && c->n_sites < MAX_SITES)
            c->sites[c->n_sites++] = (struct site_out){ .c = c, .site = found[i] };
    }
    give(found);
    return 0;
}

/* Shape of a site's tensor. */
static int describe(struct capture *c, struct site_out *o, hooke_tensor_out *t)
{
    int64_t n_heads = hooke_model_get_info(c->s->model)->n_heads,
            width = hooke_site_width(c->s->model, o->site);
    hooke_text name = { 0 };
    hooke_status st = hooke_site_name(c->s->model, &name, o->site);
    if (st) return failed_call(st, "site", NULL);
    t->name = take_text(name.data, name.n);
    hooke_text_release(&name);
    t->dtype = c->bf16 ? "BF16" : "F32";
    if (width == 0 && !c->n_ctx)
        return failed(t->name, "give prompts of one length, or pack them with --ctx",
                      "attention scores of sequences of different lengths fit no tensor");
    int64_t n_seqs = (int64_t)c->q->n_seqs, n = c->n_ctx;
    o->row_items = width ? width : n_heads * n * n;
    if (!n)
        *t = (hooke_tensor_out){ t->name, t->dtype, 2, { (int64_t)c->q->n_ids, width }, NULL };
    else if (width)
        *t = (hooke_tensor_out){ t->name, t->dtype, 3, { n_seqs, n, width }, NULL };
    else
        *t = (hooke_tensor_out){ t->name, t->dtype, 4, { n_seqs, n_heads, n, n }, NULL };
    return 0;
}

static int64_t common_length(const struct seqs *q)
{
    for (size_t i = 1; i < q->n_seqs; i++)
        if (q->start[i + 1] - q->start[i] != q->start[1]) return 0;
    return q->start[1];
}

static int create(struct capture *c, const char *path)
{
    hooke_tensor_out *t = take((size_t)c->n_sites + 2, sizeof *t);
    int n = 0, code = 0;
    t[n++] = (hooke_tensor_out){ "tokens",
                                 "I64",
                                 c->n_ctx ? 2 : 1,
                                 { c->n_ctx ? (int64_t)c->q->n_seqs : (int64_t)c->q->n_ids, c->n_ctx },
                                 NULL };
    if (!c->n_ctx) t[n++] = (hooke_tensor_out){ "start", "I64", 1, { (int64_t)c->q->n_seqs + 1 }, NULL };
    for (int i = 0; !code && i < c->n_sites; i++) {
        c->sites[i].tensor = n;
        code = describe(c, &c->sites[i], &t[n++]);
    }
    const char *pairs[] = { "program",
                            program_name,
                            "model",
                            hooke_model_get_info(c->s->model)->name,
                            "prepend_bos",
                            session_prepends_bos(c->s) ? "true" : "false",
                            "matmul_dtype",
                            hooke_context_dtype(c->s->ctx),
                            "origin",
                            origin_of(c->s),
                            NULL };
    if (code) return code;
    hooke_status st = hooke_tensor_writer_open(&c->file, path, t, n, pairs);
    int64_t *ids = take(c->q->n_ids, sizeof *ids);
    for (size_t i = 0; i < c->q->n_ids; i++) ids[i] = c->q->ids[i];
    if (!st) st = hooke_tensor_writer_put(c->file, 0, 0, ids, c->q->n_ids * sizeof *ids);
    if (!st && !c->n_ctx)
        st = hooke_tensor_writer_put(c->file, 1, 0, c->q->start, (c->q->n_seqs + 1) * sizeof *c->q->start);
    give(ids);
    return st ? failed_call(st, "capture", NULL) : 0;
}

static int run(struct capture *c)
{
    hooke_hook *hooks = take((size_t)c->n_sites, sizeof *hooks);
    hooke_batch batch = seqs_batch(c->q);
    for (int i = 0; i < c->n_sites; i++)
        hooks[i] = (hooke_hook){ .site = c->sites[i].site, .tap = on_view, .payload = &c->sites[i] };
    hooke_run_options options = {
        .size = sizeof options, .hooks = hooks, .n_hooks = c->n_sites, .batch_tokens = c->s->opt.batch_tokens
    };
    hooke_status st = hooke_model_run(c->s->model, &batch, &options);
    if (!st) {
        c->bytes = hooke_tensor_writer_bytes(c->file);
        st = hooke_tensor_writer_commit(c->file);
        c->file = NULL;
    }
    return st ? failed_call(st, "capture", NULL) : 0;
}

static void report(const struct capture *c, const char *path)
{
    struct json_out j = { 0 };
    hooke_text name = { 0 };
    if (!c->s->opt.json) {
        printf("%s: %d sites, %zu sequences, %zu tokens, %lld bytes\n", path, c->n_sites, c->q->n_seqs,
               c->q->n_ids, (long long)c->bytes);
        return;
    }
    emit_begin(&j, NULL, '{');
    emit_text(&j, "file", path);
    emit_begin(&j, "sites", '[');
    for (int i = 0; i < c->n_sites; i++)
        if (hooke_site_name(c->s->model, &name, c->sites[i].site) == HOOKE_OK) emit_text(&j, NULL, name.data);
    emit_end(&j);
    emit_int(&j, "n_tokens", (int64_t)c->q->n_ids);
    emit_int(&j, "n_seqs", (int64_t)c->q->n_seqs);
    emit_int(&j, "bytes", c->bytes);
    emit_text(&j, "store", c->bf16 ? "bf16" : "f32");
    emit_run(&j, c->s);
    emit_end(&j);
    emit_print(&j);
    hooke_text_release(&name);
}

int cmd_capture(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct input in = { 0 };
    struct capture c = { .s = s, .q = &in.group };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if (!o.out)
        return wrong("capture", "say where to write with -o FILE.safetensors", "there is no output file");
    if (!s->opt.at.n && !o.logits)
        return wrong("capture", "name sites with --at, e.g. --at 'blocks.*.hook_resid_post'",
                     "there is no site");
    c.bf16 = strcmp(o.store, "bf16") == 0;
    c.sites = take(MAX_SITES, sizeof *c.sites);
    code = session_model(s);
    for (int i = 0; !code && i < s->opt.at.n; i++) code = add_sites(&c, s->opt.at.items[i]);
    if (!code && o.logits) code = add_sites(&c, "logits");
    if (!code) code = input_open(&in, s);
    if (!code) code = input_all(&in);
    if (!code) {
        session_header(s, NULL);
        c.n_ctx = common_length(c.q);
        code = create(&c, o.out);
        if (!code) code = run(&c);
        if (!code) report(&c, o.out);
        hooke_tensor_writer_abandon(c.file);
    }
    input_close(&in);
    return code;
}
