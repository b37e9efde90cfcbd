/* Generation with a cache against generation without, steered and not; sampling; shared prefills; stop ids. */
#include "model/kit.h"

#include "model/sample.h"

enum { PROMPT = 7 };

/* Adds a direction to every row: steering. */
static hooke_status steer(void *payload, const hooke_view *v, float *data)
{
    const float *strength = payload;
    for (int64_t r = 0; r < v->n_rows; r++)
        for (int64_t i = 0; i < v->n_cols; i++)
            data[r * v->ld + i] += *strength * (float)((i * 7 + 3) % 5 - 2);
    return HOOKE_OK;
}

struct prompts {
    int32_t ids[64];
    int64_t start[9];
    hooke_batch batch;
};

/* n prompts of length first, first + 1, ... */
static void make_prompts(struct prompts *p, int n, int first, int d_vocab)
{
    memset(p, 0, sizeof *p);
    for (int i = 0; i < n; i++) p->start[i + 1] = p->start[i] + first + i;
    assert_true(p->start[n] <= 64);
    some_ids(p->ids, p->start[n], d_vocab, 17);
    p->batch = (hooke_batch){ .n_seqs = n, .start = p->start, .ids = p->ids };
}

static void release_all(hooke_ids *out, int n)
{
    for (int i = 0; i < n; i++) hooke_ids_release(&out[i]);
}

static void check_same(const hooke_ids *a, const hooke_ids *b, int n, size_t length, const char *what)
{
    for (int i = 0; i < n; i++) {
        if (length) assert_int_equal(a[i].n, length);
        assert_int_equal(a[i].n, b[i].n);
        for (size_t t = 0; t < a[i].n; t++)
            if (a[i].data[t] != b[i].data[t]) {
                print_message("%s: sequence %d differs from token %zu on\n", what, i, t);
                assert_int_equal(a[i].data[t], b[i].data[t]);
            }
    }
}

/* The first two families go the whole way. gpt2's table of positions in the golden model has 32 rows. */
static int new_tokens(const hooke_model *m)
{
    const char *name = hooke_model_get_info(m)->name;
    return !strcmp(name, "gpt2") ? 32 - 9 : !strcmp(name, "gemma2") || !strcmp(name, "gpt_neox") ? 256 : 40;
}

static void cached_equals_uncached(hooke_model *m, const char *name, bool steered, float temperature)
{
    struct prompts p;
    hooke_ids with[3] = { { 0 } }, without[3] = { { 0 } };
    float strength = 0.3f;
    int last = hooke_model_get_info(m)->n_layers - 1;
    make_prompts(&p, 3, PROMPT, hooke_model_get_info(m)->d_vocab);
    char site[64];
    snprintf(site, sizeof site, "blocks.%d.hook_resid_post", last / 2);
    hooke_hook hook = { .site = site_of(m, site), .edit = steer, .payload = &strength };
    hooke_generate_options o = { .size = sizeof o,
                                 .n_new = new_tokens(m),
                                 .temperature = temperature,
                                 .top_p = 0.9f,
                                 .seed = 5,
                                 .ignore_stop = true,
                                 .hooks = &hook,
                                 .n_hooks = steered };
    must(hooke_generate(m, with, &p.batch, &o));
    o.no_cache = true;
    must(hooke_generate(m, without, &p.batch, &o));
    check_same(with, without, 3, (size_t)new_tokens(m), name);
    release_all(with, 3);
    release_all(without, 3);
}

static void the_cache_changes_no_token(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        for (int steered = 0; steered < 2; steered++)
            for (int sampled = 0; sampled < 2; sampled++)
                cached_equals_uncached(m, golden_names[i], steered, sampled ? 0.8f : 0);
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* Alone, or in a batch with others: a sequence draws the same tokens when it has the same number. */
static void companions_do_not_matter(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "gemma2");
    struct prompts p;
    hooke_ids many[4] = { { 0 } }, one[1] = { { 0 } };
    make_prompts(&p, 4, 2, hooke_model_get_info(m)->d_vocab);
    hooke_generate_options o = {
        .size = sizeof o, .n_new = 40, .temperature = 1, .seed = 3, .ignore_stop = true
    };
    must(hooke_generate(m, many, &p.batch, &o));
    p.batch.n_seqs = 1;
    must(hooke_generate(m, one, &p.batch, &o));
    check_same(many, one, 1, 40, "alone");
    release_all(many, 4);
    release_all(one, 1);
    hooke_model_close(m);
    hooke_context_close(ctx);
}

/* Default and steered sequences of one prompt share the layers below the edit, and generate what each does alone. */
static void shared_prefill_changes_no_token(void **state)
{
    (void)state;
    static const char *const sites[] = { "hook_embed", "blocks.0.hook_resid_pre", "blocks.1.hook_attn_out",
                                         "ln_final.hook_out" };
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "gemma2");
    float strength = 0.5f;
    struct prompts p;
    make_prompts(&p, 1, PROMPT, hooke_model_get_info(m)->d_vocab);
    for (int s = 0; s < 4; s++) {
        static const uint8_t all[4] = { 0, 1, 1, 0 };
        int32_t ids[4 * PROMPT];
        int64_t start[5];
        for (int i = 0; i < 4; i++) memcpy(ids + i * PROMPT, p.ids, PROMPT * sizeof *ids);
        for (int i = 0; i < 5; i++) start[i] = (int64_t)i * PROMPT;
        hooke_batch four = { .n_seqs = 4, .start = start, .ids = ids };
        hooke_hook hook = { .site = site_of(m, sites[s]), .edit = steer, .payload = &strength };
        hooke_ids together[4] = { { 0 } }, apart[4] = { { 0 } };
        hooke_generate_options o = {
            .size = sizeof o, .n_new = 30, .ignore_stop = true, .hooks = &hook, .n_hooks = 1
        };
        o.hooks_for_seq = all;
        must(hooke_generate(m, together, &four, &o));
        o.hooks_for_seq = NULL;
        for (int i = 0; i < 4; i++) {
            o.n_hooks = all[i];
            must(hooke_generate(m, &apart[i], &p.batch, &o));
        }
        check_same(together, apart, 4, 30, sites[s]);
        assert_memory_not_equal(together[0].data, together[1].data, 30 * sizeof(int32_t));
        release_all(together, 4);
        release_all(apart, 4);
    }
    hooke_model_close(m);
    hooke_context_close(ctx);
}

/* What hooks see while generating: positions go on from step to step. */
struct seen {
    int64_t rows;
    int next[8];
};

static hooke_status check_positions(void *payload, const hooke_view *v)
{
    struct seen *s = payload;
    for (int64_t r = 0; r < v->n_rows; r++) {
        int seq = 0;
        while (v->batch->start[seq + 1] <= v->first_row + r) seq++;
        assert_int_equal(v->positions[r], s->next[seq]);
        s->next[seq]++;
    }
    s->rows += v->n_rows;
    return HOOKE_OK;
}

static void hooks_see_positions(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "llama");
    struct prompts p;
    struct seen seen = { 0 };
    hooke_ids out[2] = { { 0 } };
    make_prompts(&p, 2, 3, hooke_model_get_info(m)->d_vocab);
    hooke_hook hook = { .site = site_of(m, "blocks.1.hook_resid_pre"),
                        .tap = check_positions,
                        .payload = &seen };
    hooke_generate_options o = {
        .size = sizeof o, .n_new = 5, .ignore_stop = true, .hooks = &hook, .n_hooks = 1
    };
    must(hooke_generate(m, out, &p.batch, &o));
    assert_int_equal(seen.rows, p.start[2] + 2 * 4); /* the last token is not run */
    release_all(out, 2);
    hooke_model_close(m);
    hooke_context_close(ctx);
}

static hooke_status count_tokens(void *payload, int seq, int32_t id)
{
    int *n = payload;
    assert_true(id >= 0);
    assert_true(seq >= 0 && seq < 3);
    return ++*n == 10 ? HOOKE_E_CANCELLED : HOOKE_OK;
}

static hooke_status favour(void *payload, const hooke_view *v, float *data)
{
    data[*(const int *)payload] = 1e4f;
    assert_int_equal(v->n_rows, 1);
    return HOOKE_OK;
}

static hooke_status poison(void *payload, const hooke_view *v, float *data)
{
    (void)payload;
    (void)v;
    data[3] = NAN;
    return HOOKE_OK;
}

static void generation_ends(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "gemma2");
    struct prompts p;
    hooke_ids out[3] = { { 0 } };
    const int32_t *stop;
    int n_calls = 0;
    make_prompts(&p, 3, 2, hooke_model_get_info(m)->d_vocab);
    assert_int_equal(hooke_model_stop_ids(m, &stop), 1);
    assert_int_equal(stop[0], 1);
    hooke_generate_options o = {
        .size = sizeof o, .n_new = 50, .on_token = count_tokens, .payload = &n_calls, .ignore_stop = true
    };
    assert_int_equal(hooke_generate(m, out, &p.batch, &o), HOOKE_E_CANCELLED);
    assert_int_equal(n_calls, 10);
    int eos = 1;
    hooke_hook hook = { .site = site_of(m, "logits"), .edit = favour, .payload = &eos };
    o = (hooke_generate_options){ .size = sizeof o, .n_new = 9, .hooks = &hook, .n_hooks = 1 };
    must(hooke_generate(m, out, &p.batch, &o));
    for (int i = 0; i < 3; i++) assert_int_equal(out[i].n, 1);
    assert_int_equal(out[2].data[0], 1);
    hook.edit = poison;
    assert_int_equal(hooke_generate(m, out, &p.batch, &o), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "NaN"));
    p.start[1] = 0; /* an empty prompt */
    assert_int_equal(hooke_generate(m, out, &p.batch, &o), HOOKE_E_ARGUMENT);
    release_all(out, 3);
    hooke_model_close(m);
    hooke_context_close(ctx);
}

static void draws_follow_the_distribution(void **state)
{
    (void)state;
    const float logits[5] = { 0.0f, 2.0f, -1.0f, 2.0f, 1.0f };
    struct sample_weight scratch[5];
    int32_t id;
    int counts[5] = { 0 };
    double total = 0;
    must(sample_token(&id, logits, 5, 0, 0, 0.9, scratch));
    assert_int_equal(id, 1); /* the lower of two equals */
    for (int i = 0; i < 5; i++) total += exp((double)logits[i] / 2);
    for (int k = 0; k < 10000; k++) {
        must(sample_token(&id, logits, 5, 2, 0, (k + 0.5) / 10000, scratch));
        counts[id]++;
    }
    for (int i = 0; i < 5; i++)
        assert_true(fabs(counts[i] - 10000 * exp((double)logits[i] / 2) / total) <= 1.5);
    /* At temperature 1 the two best hold 0.74 together: top_p 0.7 keeps exactly them. */
    memset(counts, 0, sizeof counts);
    for (int k = 0; k < 1000; k++) {
        must(sample_token(&id, logits, 5, 1, 0.7, (k + 0.5) / 1000, scratch));
        counts[id]++;
    }
    assert_int_equal(counts[1], 500);
    assert_int_equal(counts[3], 500);
    const float bad[2] = { NAN, 1 };
    assert_int_equal(sample_token(&id, bad, 2, 0, 0, 0, scratch), HOOKE_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cache_changes_no_token),
        cmocka_unit_test(companions_do_not_matter),
        cmocka_unit_test(shared_prefill_changes_no_token),
        cmocka_unit_test(hooks_see_positions),
        cmocka_unit_test(generation_ends),
        cmocka_unit_test(draws_follow_the_distribution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
