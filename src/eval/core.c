/* core.c: SAEBench's core evaluation: what a dictionary does to the model it was trained on.
 *
 * Stage 1 runs each batch three times: as it is, with the site replaced by the dictionary's reconstruction, with the site set to
 * zero. The layers below the site are the same in all three and run once; a site in the residual stream needs no edit at all,
 * since the pass can start behind it with another residual. Logits exist for a block of rows at a time and for kept tokens only.
 *
 * Stage 2 goes on in the same stream of contexts, up to the site, and looks at activations, codes and reconstruction. */
#include "eval/core.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "dict/dict.h"

enum { LOGIT_BLOCK_FLOATS = 48 << 20, MAX_LOGIT_ROWS = 512 }; /* 192 MiB of logits, three passes together */
enum { DEFAULT_BATCH = 16, DEFAULT_RECONSTRUCTION_BATCHES = 10, DEFAULT_SPARSITY_BATCHES = 1 };
static const int64_t LAYER_MAJOR_BYTES =
    (int64_t)1 << 29; /* activations of one visit to the layers (see batches_a_visit) */

/* What a dictionary reads and rebuilds: the columns first .. first + width of a site, one head's or all. */
struct core_site {
    hooke_site site;
    int64_t n_cols, first, width;
};

struct core_run {
    hooke_model *m;
    hooke_dict *d;
    hooke_context *ctx;
    const hooke_model_info *model;
    const hooke_dict_info *dict;
    struct hooke_core_result *result;
    struct core_stream stream;
    struct core_special special;
    int64_t n_contexts, n_ctx, n_tokens; /* of one batch */

    struct core_site in, out; /* out differs from in for transcoders */
    bool in_residual;         /* in and out are one residual site, whole */
    int first_layer;          /* where the three passes part */
    hooke_site below;         /* its residual is what they share */
    bool has_below;           /* false: they part at the ids */
    hooke_site final;         /* what hooke_model_unembed() takes */

    /* One visit: `visit` batches, n_rows = visit * n_tokens tokens. */
    int64_t visit, n_rows;
    int64_t *start;        /* [visit * n_contexts + 1] */
    int32_t *ids;          /* [n_rows] */
    uint8_t *keep;         /* [n_rows] */
    float *shared;         /* [n_rows, d_model] residual below */
    float *x;              /* [n_rows, in.n_cols] */
    float *target;         /* [n_rows, out.n_cols], x itself unless a transcoder */
    float *centred;        /* [n_tokens, in.n_cols], for dictionaries of mean-centred activations */
    float *y;              /* [n_rows, out.width] reconstruction */
    float *last[N_PASSES]; /* [n_rows, d_model] rows for the unembedding */
    hooke_codes codes;
    struct core_behaviour behaviour;
    struct core_reconstruction reconstruction;
};

/* ---- hooks ---- */

struct copy_tap {
    float *to; /* [n_rows, n_cols] */
};

static hooke_status copy_rows(void *payload, const hooke_view *view)
{
    const struct copy_tap *tap = payload;
    for (int64_t r = 0; r < view->n_rows; r++)
        memcpy(tap->to + (view->first_row + r) * view->n_cols, view->data + r * view->ld,
               (size_t)view->n_cols * sizeof(float));
    return HOOKE_OK;
}

/* Replaces the site's columns by rows of `from`, or by zero. */
struct replace_edit {
    const struct core_site *site;
    const float *from;   /* [n_rows, width]; NULL: zero */
    const uint8_t *keep; /* rows with 0 stay; NULL: all are replaced */
};

static hooke_status replace_rows(void *payload, const hooke_view *view, float *data)
{
    const struct replace_edit *edit = payload;
    size_t bytes = (size_t)edit->site->width * sizeof(float);
    for (int64_t r = 0; r < view->n_rows; r++) {
        int64_t row = view->first_row + r;
        float *to = data + r * view->ld + edit->site->first;
        if (edit->keep && !edit->keep[row]) continue;
        if (edit->from)
            memcpy(to, edit->from + row * edit->site->width, bytes);
        else
            memset(to, 0, bytes);
    }
    return HOOKE_OK;
}

static hooke_hook tap_at(hooke_site site, struct copy_tap *tap)
{
    return (hooke_hook){ .site = site, .tap = copy_rows, .payload = tap };
}

/* ---- sites ---- */

static hooke_status parse_block_site(const hooke_model *m, hooke_site *out, int layer, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "blocks.%d.%s", layer, name);
    return hooke_site_parse(m, out, full);
}

static bool same_site(hooke_site a, hooke_site b)
{
    return a.kind == b.kind && a.layer == b.layer;
}

static hooke_status find_columns(struct core_run *run, struct core_site *s, const char *name, int64_t width)
{
    RETURN_IF_ERROR(hooke_site_parse(run->m, &s->site, name));
    s->n_cols = hooke_site_width(run->m, s->site);
    s->width = width;
    s->first = run->dict->hook_head_index >= 0 ? run->dict->hook_head_index * width : 0;
    bool fits = run->dict->hook_head_index >= 0 ? s->first + width <= s->n_cols : width == s->n_cols;
    RETURN_IF(!fits, HOOKE_E_SHAPE, "dictionary %s reads %lld columns, %s of %s has %lld", run->dict->name,
              (long long)width, name, run->model->name, (long long)s->n_cols);
    return HOOKE_OK;
}

/* Residual sites: the pass starts behind them. Others: it starts at the block they lie in, with an edit. */
static hooke_status find_parting(struct core_run *run)
{
    hooke_site pre, post;
    int layer = run->in.site.layer;
    if (run->out.site.layer < layer) layer = run->out.site.layer;
    run->has_below = layer >= 0;
    run->first_layer = layer < 0 ? 0 : layer;
    if (!run->has_below) return HOOKE_OK;
    RETURN_IF_ERROR(parse_block_site(run->m, &pre, layer, "hook_resid_pre"));
    RETURN_IF_ERROR(parse_block_site(run->m, &post, layer, "hook_resid_post"));
    run->below = pre;
    bool whole =
        same_site(run->in.site, run->out.site) && run->in.first == 0 && run->in.width == run->in.n_cols;
    run->in_residual = whole && (same_site(run->in.site, pre) || same_site(run->in.site, post));
    if (!run->in_residual) return HOOKE_OK;
    run->below = run->in.site;
    if (same_site(run->in.site, post)) run->first_layer = layer + 1;
    return HOOKE_OK;
}

static hooke_status find_sites(struct core_run *run)
{
    const hooke_dict_info *d = run->dict;
    RETURN_IF(!d->site[0], HOOKE_E_ARGUMENT, "dictionary %s does not say which site it reads", d->name);
    RETURN_IF_ERROR(find_columns(run, &run->in, d->site, d->d_in));
    RETURN_IF_ERROR(
        find_columns(run, &run->out, d->site_out && d->site_out[0] ? d->site_out : d->site, d->d_out));
    RETURN_IF_ERROR(find_parting(run));
    return hooke_site_parse(run->m, &run->final, "ln_final.hook_out");
}

/* ---- one visit to the model ---- */

/* The text's batch is the unit of several metrics, so a visit holds whole batches: one, unless the weights must be read anew for
 * each visit; then as many as fit. */
static int64_t batches_a_visit(const struct core_run *run, int64_t n_batches)
{
    if (!run->model->layer_major) return 1;
    int64_t floats = run->n_tokens *
                     (run->in.n_cols + run->out.n_cols + run->out.width + 4 * (int64_t)run->model->d_model);
    int64_t visit = LAYER_MAJOR_BYTES / (floats * (int64_t)sizeof(float));
    return visit < 1 ? 1 : visit > n_batches ? n_batches : visit;
}

static hooke_status take_floats(float **out, int64_t rows, int64_t cols, const char *what)
{
    return mem_take((void **)out, (size_t)rows * (size_t)cols, sizeof(float), what);
}

static hooke_status take_buffers(struct core_run *run, int64_t n_batches)
{
    run->visit = batches_a_visit(run, n_batches);
    run->n_rows = run->visit * run->n_tokens;
    size_t n_seqs = (size_t)(run->visit * run->n_contexts);
    RETURN_IF_ERROR(mem_take((void **)&run->start, n_seqs + 1, sizeof *run->start, "context starts"));
    for (size_t i = 0; i <= n_seqs; i++) run->start[i] = (int64_t)i * run->n_ctx;
    RETURN_IF_ERROR(mem_take((void **)&run->ids, (size_t)run->n_rows, sizeof *run->ids, "token ids"));
    RETURN_IF_ERROR(mem_take((void **)&run->keep, (size_t)run->n_rows, 1, "token mask"));
    RETURN_IF_ERROR(take_floats(&run->x, run->n_rows, run->in.n_cols, "activations"));
    RETURN_IF_ERROR(take_floats(&run->y, run->n_rows, run->out.width, "reconstruction"));
    run->target = run->x;
    if (!same_site(run->in.site, run->out.site))
        RETURN_IF_ERROR(take_floats(&run->target, run->n_rows, run->out.n_cols, "target activations"));
    run->shared = run->x;
    if (!run->in_residual && run->has_below)
        RETURN_IF_ERROR(take_floats(&run->shared, run->n_rows, run->model->d_model, "residual"));
    if (run->dict->center_input)
        RETURN_IF_ERROR(take_floats(&run->centred, run->n_rows, run->in.n_cols, "centred activations"));
    for (int p = 0; p < N_PASSES; p++)
        RETURN_IF_ERROR(take_floats(&run->last[p], run->n_rows, run->model->d_model, "final activations"));
    return HOOKE_OK;
}

static void release_buffers(struct core_run *run)
{
    if (run->target != run->x) mem_free(run->target);
    if (run->shared != run->x) mem_free(run->shared);
    mem_free(run->start);
    mem_free(run->ids);
    mem_free(run->keep);
    mem_free(run->x);
    mem_free(run->y);
    mem_free(run->centred);
    for (int p = 0; p < N_PASSES; p++) mem_free(run->last[p]);
    hooke_codes_release(&run->codes);
    core_reconstruction_release(&run->reconstruction);
    core_stream_close(&run->stream);
}

static hooke_status next_visit(struct core_run *run, int64_t n_batches)
{
    RETURN_IF_ERROR(core_stream_next(&run->stream, run->ids, n_batches * run->n_contexts));
    core_mask(run->keep, run->ids, n_batches * run->n_tokens, &run->special);
    return HOOKE_OK;
}

static hooke_status run_model(struct core_run *run, int64_t n_batches, const hooke_hook *hooks, int n_hooks,
                              const float *resid)
{
    hooke_batch batch = { .n_seqs = (int)(n_batches * run->n_contexts),
                          .start = run->start,
                          .ids = run->ids };
    hooke_run_options options = {
        .size = sizeof options, .hooks = hooks, .n_hooks = n_hooks, .resid = resid
    };
    if (resid) options.first_layer = run->first_layer;
    return hooke_model_run(run->m, &batch, &options);
}

/* Activations at the site(s), from the ids. With `below`, the shared residual too. */
static hooke_status read_sites(struct core_run *run, int64_t n_batches, bool below)
{
    struct copy_tap tap_x = { run->x }, tap_target = { run->target }, tap_below = { run->shared };
    hooke_hook hooks[3];
    int n = 0;
    hooks[n++] = tap_at(run->in.site, &tap_x);
    if (run->target != run->x) hooks[n++] = tap_at(run->out.site, &tap_target);
    if (below && run->has_below && !run->in_residual) hooks[n++] = tap_at(run->below, &tap_below);
    return run_model(run, n_batches, hooks, n, NULL);
}

/* TransformerLens' center_writing_weights takes the mean of each row out of the residual. Model outputs do not change by it. */
static void centre_rows(float *out, const float *x, int64_t n, int64_t width)
{
    for (int64_t r = 0; r < n; r++) {
        double mean = 0.0;
        for (int64_t c = 0; c < width; c++) mean += (double)x[r * width + c];
        mean /= (double)width;
        for (int64_t c = 0; c < width; c++) out[r * width + c] = (float)((double)x[r * width + c] - mean);
    }
}

/* What the dictionary reads and what it should rebuild, for one batch of the visit. */
static const float *input_rows(const struct core_run *run, int64_t batch)
{
    const float *from = run->centred ? run->centred : run->x;
    return from + batch * run->n_tokens * run->in.n_cols + run->in.first;
}

static const float *target_rows(const struct core_run *run, int64_t batch)
{
    if (run->target == run->x) return input_rows(run, batch);
    return run->target + batch * run->n_tokens * run->out.n_cols + run->out.first;
}

static hooke_status rebuild(struct core_run *run, int64_t batch)
{
    const float *x = input_rows(run, batch);
    float *y = run->y + batch * run->n_tokens * run->out.width;
    RETURN_IF_ERROR(hooke_dict_encode(run->d, &run->codes, x, run->n_tokens, run->in.n_cols, NULL));
    return hooke_dict_decode(run->d, y, run->out.width, &run->codes, NULL, x, run->in.n_cols);
}

/* ---- stage 1 ---- */

/* The pass behind a residual site, with the rows that replace it. */
static hooke_status continue_residual(struct core_run *run, int64_t n_batches, enum core_pass pass,
                                      struct replace_edit *edit)
{
    struct copy_tap tap = { run->last[pass] };
    hooke_hook hook = tap_at(run->final, &tap);
    hooke_view view = { .data = run->x, .n_rows = n_batches * run->n_tokens, .ld = run->in.n_cols };
    float *resid = run->x, *changed = NULL;
    if (pass != PASS_CLEAN) {
        RETURN_IF_ERROR(take_floats(&changed, view.n_rows, run->in.n_cols, "changed residual"));
        memcpy(changed, run->x, (size_t)(view.n_rows * run->in.n_cols) * sizeof(float));
        (void)replace_rows(edit, &view, changed);
        resid = changed;
    }
    hooke_status st = run_model(run, n_batches, &hook, 1, resid);
    mem_free(changed);
    return st;
}

static hooke_status continue_edited(struct core_run *run, int64_t n_batches, enum core_pass pass,
                                    struct replace_edit *edit)
{
    struct copy_tap tap = { run->last[pass] };
    hooke_hook hooks[2];
    int n = 0;
    if (pass != PASS_CLEAN)
        hooks[n++] = (hooke_hook){ .site = run->out.site, .edit = replace_rows, .payload = edit };
    hooks[n++] = tap_at(run->final, &tap);
    return run_model(run, n_batches, hooks, n, run->has_below ? run->shared : NULL);
}

static hooke_status three_passes(struct core_run *run, int64_t n_batches)
{
    bool exclude = run->result->config.exclude_special_tokens_from_reconstruction;
    struct replace_edit edits[N_PASSES] = {
        { .site = &run->out },
        { .site = &run->out, .from = run->y, .keep = exclude ? run->keep : NULL },
        { .site = &run->out }
    };
    for (int p = 0; p < N_PASSES; p++)
        RETURN_IF_ERROR(run->in_residual ? continue_residual(run, n_batches, (enum core_pass)p, &edits[p])
                                         : continue_edited(run, n_batches, (enum core_pass)p, &edits[p]));
    return HOOKE_OK;
}

/* Rows of the three passes one under the other, so that the vocabulary's weights are read once for all. */
struct logit_block {
    int64_t capacity; /* rows a pass */
    float *rows;      /* [3 * capacity, d_model] */
    float *logits;    /* [3 * capacity, d_vocab] */
    int64_t *kept;    /* [n_tokens] */
    int32_t *next;    /* [n_tokens] */
};

static hooke_status add_logit_block(struct core_run *run, struct logit_block *b, int64_t batch, int64_t first,
                                    int64_t n)
{
    int64_t width = run->model->d_model, d_vocab = run->model->d_vocab;
    const float *logits[N_PASSES];
    for (int p = 0; p < N_PASSES; p++) {
        for (int64_t r = 0; r < n; r++)
            memcpy(b->rows + (p * n + r) * width,
                   run->last[p] + (batch * run->n_tokens + b->kept[first + r]) * width,
                   (size_t)width * sizeof(float));
        logits[p] = b->logits + p * n * d_vocab;
    }
    RETURN_IF_ERROR(hooke_model_unembed(run->m, b->logits, b->rows, N_PASSES * n));
    return core_behaviour_add(&run->behaviour, logits, n, d_vocab, b->next + first, run->ctx->exec.n_threads);
}

static hooke_status add_behaviour(struct core_run *run, struct logit_block *b, int64_t batch)
{
    int64_t n_kept, at = batch * run->n_tokens;
    core_kept_rows(b->kept, b->next, &n_kept, run->ids + at, run->keep + at, run->n_contexts, run->n_ctx);
    for (int64_t first = 0; first < n_kept; first += b->capacity) {
        int64_t n = n_kept - first < b->capacity ? n_kept - first : b->capacity;
        RETURN_IF_ERROR(add_logit_block(run, b, batch, first, n));
    }
    return HOOKE_OK;
}

static hooke_status stage1_batches(struct core_run *run, struct logit_block *b)
{
    int64_t total = run->result->config.n_eval_reconstruction_batches;
    for (int64_t done = 0; done < total;) {
        int64_t n = total - done < run->visit ? total - done : run->visit;
        RETURN_IF_ERROR(next_visit(run, n));
        RETURN_IF_ERROR(read_sites(run, n, true));
        if (run->centred) centre_rows(run->centred, run->x, n * run->n_tokens, run->in.n_cols);
        for (int64_t i = 0; i < n; i++) RETURN_IF_ERROR(rebuild(run, i));
        RETURN_IF_ERROR(three_passes(run, n));
        for (int64_t i = 0; i < n; i++) RETURN_IF_ERROR(add_behaviour(run, b, i));
        done += n;
        RETURN_IF_ERROR(context_progress(run->ctx, "loss recovered", done, total));
    }
    return HOOKE_OK;
}

static hooke_status stage1(struct core_run *run)
{
    struct logit_block b = { .capacity = LOGIT_BLOCK_FLOATS / N_PASSES / run->model->d_vocab };
    if (b.capacity < 1) b.capacity = 1;
    if (b.capacity > MAX_LOGIT_ROWS) b.capacity = MAX_LOGIT_ROWS;
    hooke_status st =
        take_floats(&b.rows, N_PASSES * b.capacity, run->model->d_model, "rows of three passes");
    if (st == HOOKE_OK)
        st = take_floats(&b.logits, N_PASSES * b.capacity, run->model->d_vocab, "logits of three passes");
    if (st == HOOKE_OK) st = mem_take((void **)&b.kept, (size_t)run->n_tokens, sizeof *b.kept, "kept rows");
    if (st == HOOKE_OK) st = mem_take((void **)&b.next, (size_t)run->n_tokens, sizeof *b.next, "next ids");
    if (st == HOOKE_OK) st = stage1_batches(run, &b);
    mem_free(b.rows);
    mem_free(b.logits);
    mem_free(b.kept);
    mem_free(b.next);
    return st;
}

/* ---- stage 2 ---- */

static hooke_status stage2(struct core_run *run)
{
    int64_t total = run->result->config.n_eval_sparsity_variance_batches;
    int64_t ld = run->target == run->x ? run->in.n_cols : run->out.n_cols;
    RETURN_IF_ERROR(core_reconstruction_init(&run->reconstruction, run->out.width, run->dict->d_dict));
    for (int64_t done = 0; done < total;) {
        int64_t n = total - done < run->visit ? total - done : run->visit;
        RETURN_IF_ERROR(next_visit(run, n));
        RETURN_IF_ERROR(read_sites(run, n, false));
        if (run->centred) centre_rows(run->centred, run->x, n * run->n_tokens, run->in.n_cols);
        for (int64_t i = 0; i < n; i++) {
            RETURN_IF_ERROR(rebuild(run, i));
            struct core_batch batch = { .x = target_rows(run, i),
                                        .y = run->y + i * run->n_tokens * run->out.width,
                                        .ld_x = ld,
                                        .ld_y = run->out.width,
                                        .codes = &run->codes,
                                        .keep = run->keep + i * run->n_tokens,
                                        .n_contexts = run->n_contexts,
                                        .n_ctx = run->n_ctx };
            RETURN_IF_ERROR(core_reconstruction_add(&run->reconstruction, &batch, run->ctx->exec.n_threads));
        }
        done += n;
        RETURN_IF_ERROR(context_progress(run->ctx, "sparsity and variance", done, total));
    }
    return HOOKE_OK;
}

/* ---- weights ---- */

static hooke_status encoder_rows(const void *source, int64_t first, int64_t n, float *out)
{
    return dict_encoder_rows(source, first, n, out);
}

static hooke_status decoder_rows(const void *source, int64_t first, int64_t n, float *out)
{
    return dict_decoder_rows(source, first, n, out);
}

static hooke_status weight_statistics(struct core_run *run)
{
    struct hooke_core_result *r = run->result;
    const hooke_dict_info *d = run->dict;
    struct exec *ex = &run->ctx->exec;
    const char *bias = strcmp(d->architecture, "gated") == 0 ? "b_mag" : "b_enc";
    hooke_status st = hooke_dict_vector(run->d, bias, r->encoder_bias, d->d_dict);
    if (st == HOOKE_E_NOT_FOUND) /* no encoder bias at all: zeros */
        memset(r->encoder_bias, 0, (size_t)d->d_dict * sizeof(float));
    else if (st != HOOKE_OK)
        return st;
    RETURN_IF_ERROR(core_pair_cosine(r->encoder_norm, r->encoder_decoder_cosine, encoder_rows, decoder_rows,
                                     run->d, d->d_dict, d->d_in, d->d_out, ex->n_threads));
    RETURN_IF_ERROR(context_progress(run->ctx, "nearest encoder rows", 0, 0));
    RETURN_IF_ERROR(core_max_cosine(ex, r->max_encoder_cosine, encoder_rows, run->d, d->d_dict, d->d_in));
    RETURN_IF_ERROR(context_progress(run->ctx, "nearest decoder rows", 0, 0));
    return core_max_cosine(ex, r->max_decoder_cosine, decoder_rows, run->d, d->d_dict, d->d_out);
}

/* ---- the evaluation ---- */

static hooke_status take_features(struct hooke_core_result *r, int64_t n)
{
    float **arrays[] = { &r->density,
                         &r->heuristic,
                         &r->encoder_bias,
                         &r->encoder_norm,
                         &r->encoder_decoder_cosine,
                         &r->max_decoder_cosine,
                         &r->max_encoder_cosine };
    r->n_features = n;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        *arrays[i] = arena_alloc(&r->arena, (size_t)n, sizeof(float));
        if (!*arrays[i]) return HOOKE_E_MEMORY;
    }
    return HOOKE_OK;
}

static hooke_status keep_string(struct hooke_core_result *r, const char **out, const char *s)
{
    *out = arena_copy(&r->arena, s, strlen(s));
    return *out ? HOOKE_OK : HOOKE_E_MEMORY;
}

static hooke_status keep_origin(struct hooke_core_result *r, const char **out, const hooke_name_info *origin)
{
    hooke_text json = { 0 };
    hooke_status st = hooke_name_json(origin, &json);
    if (st == HOOKE_OK) st = keep_string(r, out, json.data);
    hooke_text_release(&json);
    return st;
}

static hooke_status describe(struct core_run *run)
{
    struct hooke_core_result *r = run->result;
    hooke_text config = { 0 };
    RETURN_IF_ERROR(keep_string(r, &r->model_name, run->model->name));
    RETURN_IF_ERROR(keep_string(r, &r->dict_name, run->dict->name));
    RETURN_IF_ERROR(keep_origin(r, &r->model_origin, run->model->origin));
    RETURN_IF_ERROR(keep_origin(r, &r->dict_origin, run->dict->origin));
    RETURN_IF_ERROR(keep_string(r, &r->dtype, run->ctx->exec.bf16_products ? "bfloat16" : "float32"));
    const char *read = r->config.ids_file ? r->config.ids_file : r->config.dataset;
    RETURN_IF_ERROR(keep_string(r, &r->config.dataset, read));
    r->config.ids_file = r->config.column = r->config.split = r->config.subset = NULL;
    hooke_status st = core_sae_config(&config, run->dict, r->dtype);
    if (st == HOOKE_OK) st = keep_string(r, &r->sae_config, config.data);
    hooke_text_release(&config);
    return st;
}

static hooke_status fill_config(hooke_core_options *config, const hooke_core_options *options)
{
    size_t n = options && options->size && options->size < sizeof *config ? options->size : sizeof *config;
    if (options) memcpy(config, options, n);
    if (config->batch_size_prompts == 0) config->batch_size_prompts = DEFAULT_BATCH;
    if (config->n_eval_reconstruction_batches == 0)
        config->n_eval_reconstruction_batches = DEFAULT_RECONSTRUCTION_BATCHES;
    if (config->n_eval_sparsity_variance_batches == 0)
        config->n_eval_sparsity_variance_batches = DEFAULT_SPARSITY_BATCHES;
    bool negative = config->batch_size_prompts < 0 || config->n_eval_reconstruction_batches < 0 ||
                    config->n_eval_sparsity_variance_batches < 0;
    RETURN_IF(negative, HOOKE_E_ARGUMENT, "core evaluation: batch size and numbers of batches are counts");
    RETURN_IF(config->batch_size_prompts > 1 << 16, HOOKE_E_ARGUMENT,
              "core evaluation: a batch of %d contexts is more than %d", config->batch_size_prompts, 1 << 16);
    return HOOKE_OK;
}

static hooke_status prepare(struct core_run *run)
{
    hooke_core_options *config = &run->result->config;
    RETURN_IF_ERROR(find_sites(run));
    RETURN_IF_ERROR(core_stream_open(&run->stream, run->ctx, hooke_model_tokenizer(run->m), config,
                                     run->dict->prepend_bos, run->model->d_vocab));
    config->context_size = run->stream.n_ctx;
    RETURN_IF(config->context_size > run->model->n_ctx, HOOKE_E_SHAPE,
              "contexts of %d tokens; %s reads at most %d", config->context_size, run->model->name,
              run->model->n_ctx);
    run->special = core_special_of(hooke_model_tokenizer(run->m));
    run->n_contexts = config->batch_size_prompts;
    run->n_ctx = config->context_size;
    run->n_tokens = run->n_contexts * run->n_ctx;
    int64_t most = config->n_eval_reconstruction_batches > config->n_eval_sparsity_variance_batches
                       ? config->n_eval_reconstruction_batches
                       : config->n_eval_sparsity_variance_batches;
    RETURN_IF_ERROR(take_features(run->result, run->dict->d_dict));
    RETURN_IF_ERROR(take_buffers(run, most));
    return describe(run);
}

static void finish(struct core_run *run)
{
    struct hooke_core_result *r = run->result;
    hooke_core_metrics *m = &r->metrics;
    core_behaviour_finish(&run->behaviour, m);
    core_reconstruction_finish(&run->reconstruction, m, r->density, r->heuristic);
    core_frequencies(m, r->density, r->n_features);
    m->average_max_encoder_cosine_sim = core_mean(r->max_encoder_cosine, r->n_features);
    m->average_max_decoder_cosine_sim = core_mean(r->max_decoder_cosine, r->n_features);
    m->total_tokens_eval_reconstruction =
        run->n_tokens * r->config.n_eval_reconstruction_batches; /* nominal, specials too */
    m->total_tokens_eval_sparsity_variance = run->n_tokens * r->config.n_eval_sparsity_variance_batches;
    r->epoch_millis = clock_epoch_millis();
}

hooke_status hooke_eval_core(hooke_core_result **out, hooke_model *m, hooke_dict *d,
                             const hooke_core_options *options)
{
    if (out) *out = NULL;
    RETURN_IF(!out || !m || !d, HOOKE_E_ARGUMENT, "hooke_eval_core: a model and a dictionary are needed");
    struct hooke_core_result *r;
    RETURN_IF_ERROR(mem_take((void **)&r, 1, sizeof *r, "core result"));
    struct core_run run = { .m = m,
                            .d = d,
                            .ctx = d->ctx,
                            .model = hooke_model_get_info(m),
                            .dict = hooke_dict_get_info(d),
                            .result = r };
    hooke_status st = fill_config(&r->config, options);
    if (st == HOOKE_OK) st = core_new_uuid(r->eval_id);
    if (st == HOOKE_OK) st = prepare(&run);
    if (st == HOOKE_OK) st = stage1(&run);
    if (st == HOOKE_OK) st = stage2(&run);
    if (st == HOOKE_OK) st = weight_statistics(&run);
    if (st == HOOKE_OK) {
        finish(&run);
        *out = r;
    } else {
        hooke_core_close(r);
    }
    release_buffers(&run);
    return st;
}

const hooke_core_metrics *hooke_core_get_metrics(const hooke_core_result *r)
{
    return &r->metrics;
}

void hooke_core_close(hooke_core_result *r)
{
    if (!r) return;
    arena_release(&r->arena);
    mem_free(r);
}
