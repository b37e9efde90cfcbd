/* Sites of d_model columns for every head: they add up, they are what attention reads and writes, looking changes nothing. */
#include "model/kit.h"

/* Six sequences of 50 tokens: more rows than a block holds, in one group. */
enum { SEQ = 50, N_SEQS = 6, ROWS = SEQ * N_SEQS };

struct prompt {
    int32_t ids[ROWS];
    int64_t start[N_SEQS + 1];
    hooke_batch batch;
};

static void make_prompt(struct prompt *p, const hooke_model *m, int n_seqs, int length)
{
    memset(p, 0, sizeof *p);
    some_ids(p->ids, ROWS, hooke_model_get_info(m)->d_vocab, 7);
    for (int i = 0; i < n_seqs; i++) p->start[i + 1] = p->start[i] + length;
    p->batch = (hooke_batch){ .n_seqs = n_seqs, .start = p->start, .ids = p->ids };
}

static struct keep at(hooke_model *m, const struct prompt *p, const char *site, int layer,
                      const hooke_hook *edit)
{
    char name[80];
    snprintf(name, sizeof name, "blocks.%d.%s", layer, site);
    return run_tapped(m, &p->batch, name, edit, edit ? 1 : 0);
}

static hooke_site in_block(const hooke_model *m, const char *site, int layer)
{
    char name[80];
    snprintf(name, sizeof name, "blocks.%d.%s", layer, site);
    return site_of(m, name);
}

static int64_t n_items(const struct keep *k)
{
    return k->n_rows * k->n_cols;
}

/* Clears one head's columns, or everything for head -1. */
static hooke_status clear_head(void *payload, const hooke_view *v, float *data)
{
    int head = *(const int *)payload;
    int64_t width = head < 0 ? v->n_cols : v->n_cols / v->n_heads, first = head < 0 ? 0 : head * width;
    for (int64_t r = 0; r < v->n_rows; r++) memset(data + r * v->ld + first, 0, (size_t)width * sizeof *data);
    return HOOKE_OK;
}

static hooke_status same_again(void *payload, const hooke_view *v, float *data)
{
    (void)payload;
    for (int64_t r = 0; r < v->n_rows; r++)
        for (int64_t i = 0; i < v->n_cols; i++) {
            volatile float x = data[r * v->ld + i];
            data[r * v->ld + i] = x;
        }
    return HOOKE_OK;
}

/* Without z the attention's raw output is its bias: so the sum over heads plus that must be the output. */
static void heads_add_up(hooke_model *m, const struct prompt *p, int layer)
{
    int all = -1, n_heads = hooke_model_get_info(m)->n_heads;
    hooke_hook no_z = { .site = in_block(m, "attn.hook_z", layer), .edit = clear_head, .payload = &all };
    struct keep sum = at(m, p, "attn.hook_out", layer, &no_z), out = at(m, p, "attn.hook_out", layer, NULL);
    struct keep heads = at(m, p, "attn.hook_result", layer, NULL);
    assert_int_equal(heads.n_cols, n_heads * out.n_cols);
    for (int64_t r = 0; r < out.n_rows; r++)
        for (int64_t i = 0; i < heads.n_cols; i++)
            sum.data[r * out.n_cols + i % out.n_cols] += heads.data[r * heads.n_cols + i];
    assert_true(relative_error(sum.data, out.data, n_items(&out)) < 1e-5);
    free(sum.data);
    free(out.data);
    free(heads.data);
}

/* Clearing a head's result is clearing its z. */
static void each_head_is_its_own(hooke_model *m, const struct prompt *p, int layer)
{
    struct keep plain = at(m, p, "attn.hook_out", layer, NULL);
    for (int head = 0; head < hooke_model_get_info(m)->n_heads; head++) {
        hooke_hook z = { .site = in_block(m, "attn.hook_z", layer), .edit = clear_head, .payload = &head };
        hooke_hook result = z;
        result.site = in_block(m, "attn.hook_result", layer);
        struct keep want = at(m, p, "attn.hook_out", layer, &z),
                    got = at(m, p, "attn.hook_out", layer, &result);
        assert_true(relative_error(got.data, want.data, n_items(&want)) < 1e-5);
        assert_true(relative_error(got.data, plain.data, n_items(&want)) > 1e-3);
        free(want.data);
        free(got.data);
    }
    free(plain.data);
}

static void results_are_the_attention(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        struct prompt p;
        make_prompt(&p, m, 2, 5);
        for (int layer = 0; layer < hooke_model_get_info(m)->n_layers; layer++) {
            heads_add_up(m, &p, layer);
            each_head_is_its_own(m, &p, layer);
        }
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

static void inputs_are_the_residual(void **state)
{
    (void)state;
    static const char *const names[] = { "hook_attn_in", "hook_q_input", "hook_k_input", "hook_v_input" };
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        const hooke_model_info *info = hooke_model_get_info(m);
        struct prompt p;
        make_prompt(&p, m, 2, 5);
        struct keep resid = at(m, &p, "hook_resid_pre", 1, NULL);
        for (int s = 0; s < 4; s++) {
            struct keep heads = at(m, &p, names[s], 1, NULL);
            int n_heads = s < 2 ? info->n_heads : info->n_kv_heads;
            assert_int_equal(heads.n_rows, resid.n_rows);
            assert_int_equal(heads.n_cols, n_heads * info->d_model);
            for (int64_t part = 0; part < heads.n_rows * n_heads; part++)
                assert_memory_equal(heads.data + part * resid.n_cols,
                                    resid.data + part / n_heads * resid.n_cols,
                                    (size_t)resid.n_cols * sizeof(float));
            free(heads.data);
        }
        free(resid.data);
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* Tapping every site of this kind, or writing back what was there, leaves every logit's bits. */
static void looking_changes_nothing(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (int i = 0; i < N_GOLDEN; i++) {
        hooke_model *m = open_golden(ctx, golden_names[i]);
        struct prompt p;
        struct keep seen[3] = { { 0 }, { 0 }, { 0 } };
        make_prompt(&p, m, 2, 5);
        struct keep plain = run_tapped(m, &p.batch, "logits", NULL, 0);
        hooke_hook hooks[] = {
            { .site = in_block(m, "attn.hook_result", 0), .tap = keep_tap, .payload = &seen[0] },
            { .site = in_block(m, "hook_attn_in", 1), .tap = keep_tap, .payload = &seen[1] },
            { .site = in_block(m, "hook_v_input", 1), .tap = keep_tap, .payload = &seen[2] },
            { .site = in_block(m, "attn.hook_result", 1), .edit = same_again },
        };
        struct keep looked = run_tapped(m, &p.batch, "logits", hooks, 4);
        assert_memory_equal(looked.data, plain.data, (size_t)n_items(&plain) * sizeof(float));
        for (int s = 0; s < 3; s++) {
            assert_int_equal(seen[s].n_rows, plain.n_rows);
            free(seen[s].data);
        }
        free(looked.data);
        free(plain.data);
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

/* More rows than a block: what comes in pieces, and is edited in pieces, is what the sequences give alone. */
static void blocks_do_not_matter(void **state)
{
    (void)state;
    static const char *const sites[] = { "attn.hook_result", "hook_k_input", "attn.hook_out" };
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "gemma2");
    struct prompt p;
    make_prompt(&p, m, N_SEQS, SEQ);
    int head = 2;
    hooke_hook edit = { .site = in_block(m, "attn.hook_result", 1), .edit = clear_head, .payload = &head };
    for (int s = 0; s < 3; s++) {
        bool behind = s == 2;
        struct keep whole = at(m, &p, sites[s], 1, behind ? &edit : NULL);
        assert_int_equal(whole.n_rows, ROWS);
        assert_int_equal(whole.n_calls, behind ? 1 : 2);
        for (int seq = 0; seq < N_SEQS; seq++) {
            struct prompt one = p;
            one.batch = (hooke_batch){ .n_seqs = 1, .start = p.start, .ids = p.ids + seq * SEQ };
            struct keep alone = at(m, &one, sites[s], 1, behind ? &edit : NULL);
            assert_true(relative_error(whole.data + seq * n_items(&alone), alone.data, n_items(&alone)) <
                        1e-6);
            free(alone.data);
        }
        free(whole.data);
    }
    hooke_model_close(m);
    hooke_context_close(ctx);
}

static void repeated_inputs_refuse_edits(void **state)
{
    (void)state;
    static const char *const names[] = { "hook_attn_in", "hook_q_input", "hook_k_input", "hook_v_input" };
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "gpt2");
    struct prompt p;
    make_prompt(&p, m, 1, 5);
    for (int s = 0; s < 4; s++) {
        hooke_hook hook = { .site = in_block(m, names[s], 1), .edit = same_again };
        hooke_run_options o = { .size = sizeof o, .hooks = &hook, .n_hooks = 1 };
        assert_int_equal(hooke_model_run(m, &p.batch, &o), HOOKE_E_UNSUPPORTED);
        assert_non_null(strstr(hooke_error(), names[s]));
        assert_non_null(strstr(hooke_error(), "hook_resid_pre"));
    }
    hooke_model_close(m);
    hooke_context_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_the_attention),    cmocka_unit_test(inputs_are_the_residual),
        cmocka_unit_test(looking_changes_nothing),      cmocka_unit_test(blocks_do_not_matter),
        cmocka_unit_test(repeated_inputs_refuse_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
