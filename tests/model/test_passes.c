/* What must hold inside any model: sums, bit-identical looking, cutting, starting in the middle, layer by layer. */
#include "model/kit.h"

#include "base/mem.h"
#include "model/model.h"
#include "tensor/context.h"

enum { T = 9 };

struct prompt {
    int32_t ids[3 * T];
    int64_t start[4];
    hooke_batch batch;
};

static void make_prompt(struct prompt *p, const hooke_model *m, int n_seqs)
{
    memset(p, 0, sizeof *p);
    some_ids(p->ids, 3 * T, hooke_model_get_info(m)->d_vocab, 99);
    for (int i = 0; i < n_seqs; i++) p->start[i + 1] = p->start[i] + T - 3 * i;
    p->batch = (hooke_batch){ .n_seqs = n_seqs, .start = p->start, .ids = p->ids };
}

static struct keep at(hooke_model *m, const struct prompt *p, const char *site, int layer)
{
    char name[80];
    snprintf(name, sizeof name, "blocks.%d.%s", layer, site);
    return run_tapped(m, &p->batch, name, NULL, 0);
}

static bool has_site(const hooke_model *m, const char *name)
{
    hooke_site s;
    return hooke_site_parse(m, &s, name) == HOOKE_OK;
}

/* ---- sums ------------------------------------------------------------------------------------------------------------ */

static void residual_adds_up(hooke_model *m, const struct prompt *p, int layer)
{
    struct keep pre = at(m, p, "hook_resid_pre", layer), attn = at(m, p, "hook_attn_out", layer);
    struct keep mlp = at(m, p, "hook_mlp_out", layer), post = at(m, p, "hook_resid_post", layer);
    int64_t n = pre.n_rows * pre.n_cols;
    for (int64_t i = 0; i < n; i++) pre.data[i] += attn.data[i] + mlp.data[i];
    assert_true(relative_error(pre.data, post.data, n) < 1e-6);
    if (layer + 1 < hooke_model_get_info(m)->n_layers) {
        struct keep next = at(m, p, "hook_resid_pre", layer + 1);
        assert_memory_equal(next.data, post.data, (size_t)n * sizeof(float));
        free(next.data);
    }
    free(pre.data);
    free(attn.data);
    free(mlp.data);
    free(post.data);
}

/* Rows of the pattern add up to 1 over allowed keys and are exactly 0 elsewhere; pattern @ v is z. */
static void pattern_mixes_values(hooke_model *m, const struct prompt *p, int layer)
{
    const hooke_model_info *info = hooke_model_get_info(m);
    struct keep pattern = at(m, p, "attn.hook_pattern", layer),
                scores = at(m, p, "attn.hook_attn_scores", layer);
    struct keep v = at(m, p, "attn.hook_v", layer), z = at(m, p, "attn.hook_z", layer);
    int group = info->n_heads / info->n_kv_heads, d = info->d_head;
    float *mixed = calloc((size_t)(z.n_rows * z.n_cols), sizeof *mixed);
    assert_int_equal(pattern.n_rows, (int64_t)info->n_heads * T);
    for (int h = 0; h < info->n_heads; h++)
        for (int i = 0; i < T; i++) {
            const float *row = pattern.data + (h * T + i) * T, *score = scores.data + (h * T + i) * T;
            double sum = 0;
            for (int j = 0; j < T; j++) {
                sum += (double)row[j];
                bool is_masked = score[j] == -INFINITY; /* by the future or by a window */
                assert_true(is_masked || j <= i);
                assert_true(is_masked == (row[j] == 0) || score[j] < -80);
                for (int e = 0; e < d; e++)
                    mixed[i * z.n_cols + h * d + e] += row[j] * v.data[j * v.n_cols + (h / group) * d + e];
            }
            assert_true(fabs(sum - 1) < 1e-5);
        }
    assert_true(relative_error(mixed, z.data, z.n_rows * z.n_cols) < 1e-5);
    free(mixed);
    free(pattern.data);
    free(scores.data);
    free(v.data);
    free(z.data);
}

static void models_add_up(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        struct prompt p;
        make_prompt(&p, m, 1);
        for (int layer = 0; layer < hooke_model_get_info(m)->n_layers; layer++) {
            residual_adds_up(m, &p, layer);
            pattern_mixes_values(m, &p, layer);
        }
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* ---- looking and rewriting -------------------------------------------------------------------------------------------- */

static hooke_status same_again(void *payload, const hooke_view *v, float *data)
{
    int64_t *n = payload;
    for (int64_t r = 0; r < v->n_rows; r++)
        for (int64_t i = 0; i < v->n_cols; i++) {
            volatile float x = data[r * v->ld + i];
            data[r * v->ld + i] = x;
        }
    *n += v->n_rows;
    return HOOKE_OK;
}

static hooke_status double_it(void *payload, const hooke_view *v, float *data)
{
    (void)payload;
    for (int64_t r = 0; r < v->n_rows; r++)
        for (int64_t i = 0; i < v->n_cols; i++) data[r * v->ld + i] *= v->seq >= 0 ? 0.5f : 2.0f;
    return HOOKE_OK;
}

/* Overwriting any site with its own value, or tapping it, leaves every logit's bits; doubling it does not (where it matters). */
static void rewriting_is_exact(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        struct prompt p;
        hooke_site sites[256];
        int n_sites;
        make_prompt(&p, m, 2);
        struct keep plain = run_tapped(m, &p.batch, "logits", NULL, 0);
        size_t bytes = (size_t)(plain.n_rows * plain.n_cols) * sizeof(float);
        must(hooke_sites_match(m, sites, 256, &n_sites, "*"));
        assert_true(n_sites > 30 && n_sites < 256);
        for (int s = 0; s < n_sites; s++) {
            int64_t n_rows = 0;
            hooke_text name = { 0 };
            must(hooke_site_name(m, &name, sites[s]));
            hooke_hook edit = { .site = sites[s], .edit = same_again, .payload = &n_rows };
            struct keep edited = run_tapped(m, &p.batch, "logits", &edit, 1);
            if (memcmp(edited.data, plain.data, bytes))
                print_message("%s: %s changes logits\n", golden_names[i], name.data);
            assert_memory_equal(edited.data, plain.data, bytes);
            assert_true(n_rows > 0);
            hooke_hook change = { .site = sites[s], .edit = double_it };
            struct keep changed = run_tapped(m, &p.batch, "logits", &change, 1);
            if (!memcmp(changed.data, plain.data, bytes))
                print_message("%s: %s has no effect\n", golden_names[i], name.data);
            assert_memory_not_equal(changed.data, plain.data, bytes);
            free(edited.data);
            free(changed.data);
            hooke_text_release(&name);
        }
        free(plain.data);
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* An edit propagates as the arithmetic says: doubling the normalised row equals halving the divisor; replacing the pattern
 * gives z of that pattern. */
static hooke_status halve(void *payload, const hooke_view *v, float *data)
{
    (void)payload;
    for (int64_t r = 0; r < v->n_rows; r++)
        for (int64_t i = 0; i < v->n_cols; i++) data[r * v->ld + i] *= 0.5f;
    return HOOKE_OK;
}

static hooke_status first_column_only(void *payload, const hooke_view *v, float *data)
{
    (void)payload;
    for (int64_t r = 0; r < v->n_rows; r++)
        for (int64_t i = 0; i < v->n_cols; i++) data[r * v->ld + i] = i == 0;
    return HOOKE_OK;
}

static hooke_status zero(void *payload, const hooke_view *v, float *data)
{
    (void)payload;
    for (int64_t r = 0; r < v->n_rows; r++) memset(data + r * v->ld, 0, (size_t)v->n_cols * sizeof *data);
    return HOOKE_OK;
}

static void edits_mean_what_they_say(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        const hooke_model_info *info = hooke_model_get_info(m);
        struct prompt p;
        make_prompt(&p, m, 1);
        hooke_hook scale = { .site = site_of(m, "blocks.1.ln2.hook_scale"), .edit = halve };
        hooke_hook normalized = { .site = site_of(m, "blocks.1.ln2.hook_normalized"), .edit = double_it };
        struct keep a = run_tapped(m, &p.batch, "logits", &scale, 1),
                    b = run_tapped(m, &p.batch, "logits", &normalized, 1);
        assert_memory_equal(a.data, b.data, (size_t)(a.n_rows * a.n_cols) * sizeof(float));
        hooke_hook pattern = { .site = site_of(m, "blocks.0.attn.hook_pattern"), .edit = first_column_only };
        struct keep z = run_tapped(m, &p.batch, "blocks.0.attn.hook_z", &pattern, 1),
                    v = at(m, &p, "attn.hook_v", 0);
        int group = info->n_heads / info->n_kv_heads, d = info->d_head;
        for (int64_t r = 0; r < z.n_rows; r++)
            for (int64_t c = 0; c < z.n_cols; c++)
                assert_true(z.data[r * z.n_cols + c] == v.data[(c / d / group) * d + c % d]);
        /* Without z the attention adds its output bias, normed where there is a post-norm: zero for those without a bias. */
        hooke_hook no_z = { .site = site_of(m, "blocks.0.attn.hook_z"), .edit = zero };
        struct keep out = run_tapped(m, &p.batch, "blocks.0.hook_attn_out", &no_z, 1);
        bool biased = !strncmp(info->architecture, "gpt", 3);
        for (int64_t c = 0; c < out.n_cols; c++) {
            if (!biased) assert_true(out.data[c] == 0);
            assert_true(out.data[c] == out.data[3 * out.n_cols + c]);
        }
        free(a.data);
        free(b.data);
        free(z.data);
        free(v.data);
        free(out.data);
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* hook_mlp_in is what the MLP reads: with the norm's insides tapped beside it, with its own value written back, and as a place
 * to change that alone. */
static void mlp_reads_its_own_input(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        struct prompt p;
        struct keep scale = { 0 }, mlp = { 0 };
        int64_t n_rows = 0;
        make_prompt(&p, m, 2);
        bool parallel = !has_site(m, "blocks.1.hook_resid_mid");
        struct keep in = at(m, &p, "hook_mlp_in", 1),
                    mid = at(m, &p, parallel ? "hook_resid_pre" : "hook_resid_mid", 1);
        struct keep attn = at(m, &p, "hook_attn_out", 1), plain = run_tapped(m, &p.batch, "logits", NULL, 0);
        assert_int_equal(in.n_rows, mid.n_rows);
        assert_memory_equal(in.data, mid.data, (size_t)(mid.n_rows * mid.n_cols) * sizeof(float));
        hooke_site site = site_of(m, "blocks.1.hook_mlp_in");
        hooke_hook again[] = {
            { .site = site, .edit = same_again, .payload = &n_rows },
            { .site = site_of(m, "blocks.1.ln2.hook_scale"), .tap = keep_tap, .payload = &scale }
        };
        struct keep logits = run_tapped(m, &p.batch, "logits", again, 2);
        assert_memory_equal(logits.data, plain.data, (size_t)(plain.n_rows * plain.n_cols) * sizeof(float));
        assert_int_equal(n_rows, in.n_rows);
        /* The same row for every token: the MLP says the same to all, and the residual stream is as it was. */
        hooke_hook same_row[] = {
            { .site = site, .edit = first_column_only },
            { .site = site_of(m, "blocks.1.hook_mlp_out"), .tap = keep_tap, .payload = &mlp }
        };
        struct keep post = run_tapped(m, &p.batch, "blocks.1.hook_resid_post", same_row, 2);
        for (int64_t k = 0; k < mlp.n_rows * mlp.n_cols; k++) {
            assert_true(fabs((double)mlp.data[k] - (double)mlp.data[k % mlp.n_cols]) < 1e-5);
            mid.data[k] += mlp.data[k] + (parallel ? attn.data[k] : 0);
        }
        assert_true(relative_error(mid.data, post.data, mlp.n_rows * mlp.n_cols) < 1e-6);
        float *const kept[] = { in.data,    mid.data,    attn.data, plain.data,
                                scale.data, logits.data, mlp.data,  post.data };
        for (size_t k = 0; k < sizeof kept / sizeof kept[0]; k++) free(kept[k]);
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* Hooks at one site run in the order given, and a tap sees what edits before it wrote. */
static void hooks_run_in_order(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "gemma2");
    struct prompt p;
    struct keep before = { 0 }, after = { 0 };
    make_prompt(&p, m, 1);
    hooke_site site = site_of(m, "blocks.1.hook_mlp_out");
    hooke_hook hooks[] = { { .site = site, .tap = keep_tap, .payload = &before },
                           { .site = site, .edit = double_it },
                           { .site = site, .tap = keep_tap, .payload = &after } };
    hooke_run_options o = { .size = sizeof o, .hooks = hooks, .n_hooks = 3 };
    must(hooke_model_run(m, &p.batch, &o));
    for (int64_t i = 0; i < before.n_rows * before.n_cols; i++)
        assert_true(after.data[i] == 2 * before.data[i]);
    free(before.data);
    free(after.data);
    hooke_model_close(m);
    hooke_context_close(ctx);
}

/* A device whose memory the host cannot read shows hooks copies and takes edits back: the same bits at every site. */
static void hooks_of_a_device_apart_see_the_same(void **state)
{
    enum { MOST = 256 };
    static hooke_site sites[MOST];
    static struct keep near[MOST], apart[MOST];
    (void)state;
    hooke_context *ctx = open_context("f32");
    const struct ops *own = ctx->exec.ops;
    struct ops other = *own;
    other.is_apart = true;
    for (int i = 0; i < 2; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        struct prompt p;
        int n = 0;
        make_prompt(&p, m, 1);
        must(hooke_sites_match(m, sites, MOST - 1, &n, "*"));
        assert_true(n > 20 && n < MOST);
        for (int round = 0; round < 2; round++) {
            static hooke_hook hooks[MOST + 1];
            hooks[0] = (hooke_hook){ .site = site_of(m, "blocks.0.attn.hook_z"), .edit = double_it };
            for (int k = 0; k < n; k++)
                hooks[k + 1] = (hooke_hook){ .site = sites[k],
                                             .tap = keep_tap,
                                             .payload = round ? &apart[k] : &near[k] };
            hooke_run_options o = { .size = sizeof o, .hooks = hooks, .n_hooks = n + 1 };
            ctx->exec.ops = round ? &other : own;
            must(hooke_model_run(m, &p.batch, &o));
        }
        ctx->exec.ops = own;
        for (int k = 0; k < n; k++) {
            assert_int_equal(near[k].n_rows * near[k].n_cols, apart[k].n_rows * apart[k].n_cols);
            assert_memory_equal(near[k].data, apart[k].data,
                                (size_t)(near[k].n_rows * near[k].n_cols) * sizeof(float));
            free(near[k].data);
            free(apart[k].data);
            near[k] = apart[k] = (struct keep){ 0 };
        }
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* ---- groups, last rows, middles ------------------------------------------------------------------------------------------ */

static void near_in_any_grouping(hooke_model *m, const char *site)
{
    struct prompt p;
    make_prompt(&p, m, 3);
    struct keep whole = run_tapped(m, &p.batch, site, NULL, 0), parts = { 0 };
    hooke_hook hook = { .site = site_of(m, site), .tap = keep_tap, .payload = &parts };
    hooke_run_options o = { .size = sizeof o, .hooks = &hook, .n_hooks = 1, .batch_tokens = 4 };
    must(hooke_model_run(m, &p.batch, &o));
    assert_true(parts.n_calls >= 3);
    assert_int_equal(parts.n_rows, whole.n_rows);
    assert_true(relative_error(parts.data, whole.data, whole.n_rows * whole.n_cols) < 1e-6);
    /* Sequence by sequence: companions are no part of a sequence's numbers. */
    for (int s = 0; s < 3; s++) {
        int64_t start[2] = { 0, p.start[s + 1] - p.start[s] };
        hooke_batch alone = { .n_seqs = 1, .start = start, .ids = p.ids + p.start[s] };
        struct keep k = run_tapped(m, &alone, site, NULL, 0);
        assert_true(relative_error(k.data, whole.data + p.start[s] * whole.n_cols, k.n_rows * k.n_cols) <
                    1e-6);
        free(k.data);
    }
    free(whole.data);
    free(parts.data);
}

static void grouping_does_not_matter(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        near_in_any_grouping(m, "blocks.1.hook_resid_post");
        near_in_any_grouping(m, "logits");
        near_in_any_grouping(m, "blocks.1.ln1.hook_normalized");
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

static void last_rows_alone(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "gemma2");
    struct prompt p;
    make_prompt(&p, m, 3);
    struct keep all = run_tapped(m, &p.batch, "logits", NULL, 0), last = { 0 }, norm = { 0 };
    hooke_hook hooks[] = { { .site = site_of(m, "logits"), .tap = keep_tap, .payload = &last },
                           { .site = site_of(m, "ln_final.hook_out"), .tap = keep_tap, .payload = &norm } };
    for (int n_hooks = 1; n_hooks <= 2; n_hooks++) {
        hooke_run_options o = {
            .size = sizeof o, .hooks = hooks, .n_hooks = n_hooks, .last_logits_only = true
        };
        last.n_calls = 0;
        must(hooke_model_run(m, &p.batch, &o));
        assert_int_equal(last.n_calls, 3);
        for (int s = 0; s < 3; s++) {
            int64_t at_row = (p.start[s + 1] - 1) * all.n_cols;
            assert_true(relative_error(last.data + at_row, all.data + at_row, all.n_cols) < 1e-6);
        }
    }
    assert_int_equal(norm.n_rows, p.start[3]);
    struct keep unembedded = { .data = calloc((size_t)(all.n_rows * all.n_cols), sizeof(float)) };
    must(hooke_model_unembed(m, unembedded.data, norm.data, norm.n_rows));
    assert_true(relative_error(unembedded.data, all.data, all.n_rows * all.n_cols) < 1e-6);
    free(all.data);
    free(last.data);
    free(norm.data);
    free(unembedded.data);
    hooke_model_close(m);
    hooke_context_close(ctx);
}

static void starts_in_the_middle(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        struct prompt p;
        make_prompt(&p, m, 2);
        int n_layers = hooke_model_get_info(m)->n_layers;
        struct keep want = run_tapped(m, &p.batch, "logits", NULL, 0);
        for (int layer = 0; layer <= n_layers; layer++) {
            struct keep resid = layer < n_layers ? at(m, &p, "hook_resid_pre", layer)
                                                 : at(m, &p, "hook_resid_post", n_layers - 1);
            struct keep got = { 0 };
            hooke_hook hook = { .site = site_of(m, "logits"), .tap = keep_tap, .payload = &got };
            hooke_run_options o = {
                .size = sizeof o, .hooks = &hook, .n_hooks = 1, .first_layer = layer, .resid = resid.data
            };
            must(hooke_model_run(m, &p.batch, &o));
            assert_memory_equal(got.data, want.data, (size_t)(want.n_rows * want.n_cols) * sizeof(float));
            free(resid.data);
            free(got.data);
        }
        free(want.data);
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* A cache fed in pieces gives what one pass gives. */
static void caches_continue(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        struct prompt p;
        hooke_cache *cache;
        make_prompt(&p, m, 2);
        struct keep want = run_tapped(m, &p.batch, "logits", NULL, 0);
        must(hooke_cache_open(&cache, m, 2, T));
        for (int64_t done = 0; done < T;
             done += 2) { /* two tokens of each sequence at a time, while it has any */
            int32_t ids[4];
            int64_t start[3] = { 0, 0, 0 };
            for (int s = 0; s < 2; s++) {
                start[s + 1] = start[s];
                for (int64_t t = done; t < done + 2 && p.start[s] + t < p.start[s + 1]; t++)
                    ids[start[s + 1]++] = p.ids[p.start[s] + t];
            }
            struct keep got = { 0 };
            hooke_hook hook = { .site = site_of(m, "logits"), .tap = keep_tap, .payload = &got };
            hooke_batch step = { .n_seqs = 2, .start = start, .ids = ids };
            hooke_run_options o = { .size = sizeof o, .hooks = &hook, .n_hooks = 1, .cache = cache };
            must(hooke_model_run(m, &step, &o));
            for (int s = 0; s < 2; s++)
                assert_true(relative_error(got.data + start[s] * want.n_cols,
                                           want.data + (p.start[s] + done) * want.n_cols,
                                           (start[s + 1] - start[s]) * want.n_cols) < 1e-5);
            free(got.data);
        }
        assert_int_equal(hooke_cache_length(cache, 0), T);
        assert_int_equal(hooke_cache_length(cache, 1), T - 3);
        hooke_run_options o = { .size = sizeof o, .cache = cache };
        assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_ARGUMENT); /* no room */
        must(hooke_cache_copy(cache, 1, 0, hooke_model_get_info(m)->n_layers));
        assert_int_equal(hooke_cache_length(cache, 1), T);
        hooke_cache_close(cache);
        free(want.data);
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* ---- bounded memory ---------------------------------------------------------------------------------------------------------- */

static void layer_major_is_the_same_pass(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        char path[256];
        struct prompt p;
        hooke_model *m = open_golden(ctx, golden_names[i]), *bounded;
        make_prompt(&p, m, 3);
        struct keep want = { 0 }, got = { 0 };
        hooke_hook hook = { .site = site_of(m, "logits"), .tap = keep_tap, .payload = &want };
        hooke_run_options o = { .size = sizeof o, .hooks = &hook, .n_hooks = 1, .batch_tokens = 7 };
        must(hooke_model_run(m, &p.batch, &o));
        size_t bytes = (size_t)(want.n_rows * want.n_cols) * sizeof(float);
        snprintf(path, sizeof path, "tests/golden/models/%s", golden_names[i]);
        hooke_model_options mo = { .size = sizeof mo, .max_memory = (int64_t)1 << 20 };
        must(hooke_model_open(&bounded, ctx, path, &mo));
        assert_true(hooke_model_get_info(bounded)->layer_major);
        hook.payload = &got;
        /* A megabyte is not enough for anything, and the message says how much is. */
        assert_int_equal(hooke_model_run(bounded, &p.batch, &o), HOOKE_E_MEMORY);
        assert_non_null(strstr(hooke_error(), "MiB"));
        bounded->max_memory = (int64_t)1 << 34; /* layer by layer all the same: these models are small */
        for (int again = 0; again < 2; again++) {
            must(hooke_model_run(bounded, &p.batch, &o));
            assert_memory_equal(got.data, want.data, bytes);
        }
        hooke_model_close(bounded);
        free(want.data);
        free(got.data);
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* ---- wrong calls ------------------------------------------------------------------------------------------------------------- */

static hooke_status refuse(void *payload, const hooke_view *v)
{
    (void)payload;
    (void)v;
    return HOOKE_E_CANCELLED;
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "gpt2"), *other = open_golden(ctx, "llama");
    struct prompt p;
    hooke_cache *cache;
    make_prompt(&p, m, 2);
    hooke_hook hook = { .site = site_of(m, "blocks.1.hook_resid_pre"), .tap = refuse };
    hooke_run_options o = { .size = sizeof o, .hooks = &hook, .n_hooks = 1 };
    assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_CANCELLED);
    p.ids[3] = hooke_model_get_info(m)->d_vocab;
    assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_ARGUMENT);
    p.ids[3] = -1;
    assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_ARGUMENT);
    p.ids[3] = 0;
    hook.site.layer = 7;
    assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_ARGUMENT);
    hook.site.layer = 0;
    float resid[3 * T * 18] = { 0 };
    o.resid = resid;
    o.first_layer = 1; /* the hook lies before it */
    assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_ARGUMENT);
    o.first_layer = 3;
    assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_ARGUMENT);
    o.first_layer = 1;
    o.resid = NULL;
    assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_ARGUMENT);
    must(hooke_cache_open(&cache, other, 2, T));
    o = (hooke_run_options){ .size = sizeof o, .cache = cache };
    assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_ARGUMENT);
    hooke_cache_close(cache);
    int32_t many[40] = { 0 };
    int64_t start[2] = { 0, 40 }; /* the table of positions has 32 rows */
    hooke_batch long_batch = { .n_seqs = 1, .start = start, .ids = many };
    struct keep k = { 0 };
    hook = (hooke_hook){ .site = site_of(m, "logits"), .tap = keep_tap, .payload = &k };
    o = (hooke_run_options){ .size = sizeof o, .hooks = &hook, .n_hooks = 1 };
    assert_int_equal(hooke_model_run(m, &long_batch, &o), HOOKE_E_ARGUMENT);
    assert_false(has_site(m, "blocks.0.attn.hook_rot_q"));
    start[1] = 0; /* an empty sequence is no error: nothing is delivered */
    must(hooke_model_run(m, &long_batch, &o));
    assert_int_equal(k.n_calls, 0);
    hooke_model_close(m);
    hooke_model_close(other);
    hooke_context_close(ctx);
}

/* Every allocation of opening and running fails once; nothing leaks (under a sanitizer) and nothing crashes. */
static void lost_memory_is_survived(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    hooke_status st = HOOKE_E_MEMORY;
    for (long n = 1; st != HOOKE_OK && n < 3000; n++) {
        hooke_model *m = NULL;
        struct keep k = { 0 };
        mem_fail_at(n);
        st = hooke_model_open(&m, ctx, "tests/golden/models/gpt_neox", NULL);
        if (st == HOOKE_OK) {
            struct prompt p;
            make_prompt(&p, m, 2);
            hooke_hook hook = { .site = site_of(m, "blocks.1.attn.hook_pattern"),
                                .tap = keep_tap,
                                .payload = &k };
            hooke_run_options o = { .size = sizeof o, .hooks = &hook, .n_hooks = 1, .batch_tokens = 1 };
            st = hooke_model_run(m, &p.batch, &o);
        }
        mem_fail_at(0);
        assert_true(st == HOOKE_OK || st == HOOKE_E_MEMORY);
        hooke_model_close(m);
        free(k.data);
    }
    assert_int_equal(st, HOOKE_OK);
    hooke_context_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_add_up),
        cmocka_unit_test(rewriting_is_exact),
        cmocka_unit_test(edits_mean_what_they_say),
        cmocka_unit_test(mlp_reads_its_own_input),
        cmocka_unit_test(hooks_run_in_order),
        cmocka_unit_test(hooks_of_a_device_apart_see_the_same),
        cmocka_unit_test(grouping_does_not_matter),
        cmocka_unit_test(last_rows_alone),
        cmocka_unit_test(starts_in_the_middle),
        cmocka_unit_test(caches_continue),
        cmocka_unit_test(layer_major_is_the_same_pass),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(lost_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
