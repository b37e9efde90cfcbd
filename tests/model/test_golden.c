/* Every site and the logits of small random models against TransformerLens and transformers
 * (tools/parity/make_model_golden.py). */
#include "model/kit.h"

#include "file/safetensors.h"

static double worst_site, worst_logits;

struct golden {
    struct safetensors file;
    hooke_model *m;
    int32_t *ids;
    int64_t start[2];
    hooke_batch batch;
};

static void open_one(struct golden *g, hooke_context *ctx, const char *name)
{
    char path[256];
    memset(g, 0, sizeof *g);
    g->m = open_golden(ctx, name);
    snprintf(path, sizeof path, "tests/golden/models/%s/golden.safetensors", name);
    must(safetensors_open(&g->file, path));
    const struct stored_tensor *ids = safetensors_find(&g->file, "ids");
    assert_non_null(ids);
    g->ids = calloc((size_t)ids->n_items, sizeof *g->ids);
    for (int64_t i = 0; i < ids->n_items; i++) {
        int64_t id;
        must(stored_to_i64(&id, ids, i, 1));
        g->ids[i] = (int32_t)id;
    }
    g->start[1] = ids->n_items;
    g->batch = (hooke_batch){ .n_seqs = 1, .start = g->start, .ids = g->ids };
}

static void close_one(struct golden *g)
{
    safetensors_close(&g->file);
    hooke_model_close(g->m);
    free(g->ids);
}

static double compare(const struct keep *k, const struct stored_tensor *t)
{
    float *want = calloc((size_t)t->n_items, sizeof *want);
    assert_non_null(want);
    must(stored_to_f32(want, t, 0, t->n_items));
    assert_int_equal(k->n_rows * k->n_cols, t->n_items);
    double e = relative_error(k->data, want, t->n_items);
    free(want);
    return e;
}

/* All sites of the file tapped in one pass. */
static void compare_all(const char *name)
{
    struct golden g;
    hooke_context *ctx = open_context("f32");
    open_one(&g, ctx, name);
    int n = 0;
    hooke_hook *hooks = calloc((size_t)g.file.n_tensors, sizeof *hooks);
    struct keep *kept = calloc((size_t)g.file.n_tensors, sizeof *kept);
    const struct stored_tensor **wanted = calloc((size_t)g.file.n_tensors, sizeof *wanted);
    for (int i = 0; i < g.file.n_tensors; i++) {
        const struct stored_tensor *t = &g.file.tensors[i];
        if (!strcmp(t->name, "ids") || !strcmp(t->name, "logits_one")) continue;
        hooks[n] = (hooke_hook){ .site = site_of(g.m, t->name), .tap = keep_tap, .payload = &kept[n] };
        wanted[n++] = t;
    }
    hooke_run_options o = { .size = sizeof o, .hooks = hooks, .n_hooks = n };
    must(hooke_model_run(g.m, &g.batch, &o));
    for (int i = 0; i < n; i++) {
        bool is_logits = !strcmp(wanted[i]->name, "logits");
        double e = compare(&kept[i], wanted[i]), limit = is_logits ? 1e-4 : 1e-5;
        if (!(e < limit)) print_message("%s: %s: relative error %.2e\n", name, wanted[i]->name, e);
        assert_true(e < limit);
        if (is_logits && e > worst_logits) worst_logits = e;
        if (!is_logits && e > worst_site) worst_site = e;
        free(kept[i].data);
    }
    g.batch.start = (const int64_t[]){ 0, 1 };
    struct keep one = run_tapped(g.m, &g.batch, "logits", NULL, 0);
    assert_true(compare(&one, safetensors_find(&g.file, "logits_one")) < 1e-4);
    free(one.data);
    free(hooks);
    free(kept);
    free(wanted);
    close_one(&g);
    hooke_context_close(ctx);
}

static void sites_and_logits_match_peers(void **state)
{
    (void)state;
    for (int i = 0; i < N_GOLDEN; i++) compare_all(golden_names[i]);
    print_message("worst relative error: sites %.1e, logits %.1e\n", worst_site, worst_logits);
}

/* Each site alone: the pass stops behind it and must deliver the same bits. */
static void stopping_early_changes_nothing(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        struct golden g;
        open_one(&g, ctx, golden_names[i]);
        for (int t = 0; t < g.file.n_tensors; t++) {
            const struct stored_tensor *want = &g.file.tensors[t];
            if (!strcmp(want->name, "ids") || !strcmp(want->name, "logits_one")) continue;
            struct keep alone = run_tapped(g.m, &g.batch, want->name, NULL, 0);
            assert_true(compare(&alone, want) < 1e-4);
            free(alone.data);
        }
        close_one(&g);
    }
    hooke_context_close(ctx);
}

/* Operands of products rounded to bf16: near the float32 run, and not equal to it. */
static void bf16_products_stay_near(void **state)
{
    (void)state;
    double lowest = 1;
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_context *ctx = open_context("bf16");
        struct golden g;
        open_one(&g, ctx, golden_names[i]);
        const struct stored_tensor *t = safetensors_find(&g.file, "logits");
        float *want = calloc((size_t)t->n_items, sizeof *want);
        must(stored_to_f32(want, t, 0, t->n_items));
        struct keep k = run_tapped(g.m, &g.batch, "logits", NULL, 0);
        double c = cosine(k.data, want, t->n_items);
        if (c < lowest) lowest = c;
        if (!(c > 0.999)) print_message("%s: cosine %.6f\n", golden_names[i], c);
        assert_true(c > 0.999);
        assert_memory_not_equal(k.data, want, (size_t)t->n_items * sizeof *want);
        free(want);
        free(k.data);
        close_one(&g);
        hooke_context_close(ctx);
    }
    print_message("bf16: lowest cosine of logits %.6f\n", lowest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sites_and_logits_match_peers),
        cmocka_unit_test(stopping_early_changes_nothing),
        cmocka_unit_test(bf16_products_stay_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
