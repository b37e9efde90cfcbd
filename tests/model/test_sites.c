/* Names of sites in both spellings, what exists where, widths, globs, and near misses. */
#include "model/kit.h"

struct spelling {
    const char *model, *name, *canonical;
};

static const struct spelling spellings[] = {
    { "gemma2", "blocks.2.hook_resid_post", "blocks.2.hook_resid_post" },
    { "gemma2", "model.layers.2", "blocks.2.hook_resid_post" },
    { "gemma2", "model.layers.2.output", "blocks.2.hook_resid_post" },
    { "gemma2", "model.layers.2.input", "blocks.2.hook_resid_pre" },
    { "gemma2", "model.embed_tokens", "hook_embed" },
    { "gemma2", "model.layers.0.input_layernorm", "blocks.0.ln1.hook_out" },
    { "gemma2", "model.layers.0.self_attn.q_proj", "blocks.0.attn.hook_q" },
    { "gemma2", "model.layers.0.self_attn.o_proj.input", "blocks.0.attn.hook_z" },
    { "gemma2", "model.layers.0.self_attn", "blocks.0.attn.hook_out" },
    { "gemma2", "model.layers.0.post_attention_layernorm", "blocks.0.hook_attn_out" },
    { "gemma2", "model.layers.0.pre_feedforward_layernorm.input", "blocks.0.hook_resid_mid" },
    { "gemma2", "model.layers.0.pre_feedforward_layernorm", "blocks.0.ln2.hook_out" },
    { "gemma2", "model.layers.0.mlp.gate_proj", "blocks.0.mlp.hook_pre" },
    { "gemma2", "model.layers.0.mlp.up_proj", "blocks.0.mlp.hook_pre_linear" },
    { "gemma2", "model.layers.0.mlp.down_proj.input", "blocks.0.mlp.hook_post" },
    { "gemma2", "model.layers.0.mlp", "blocks.0.mlp.hook_out" },
    { "gemma2", "model.layers.0.post_feedforward_layernorm.output", "blocks.0.hook_mlp_out" },
    { "gemma2", "blocks.0.ln1_post.hook_out", "blocks.0.hook_attn_out" },
    { "gemma2", "model.norm", "ln_final.hook_out" },
    { "gemma2", "unembed.hook_in", "ln_final.hook_out" },
    { "gemma2", "lm_head", "unembed.hook_out" },
    { "gemma2", "model.norm.input", "blocks.2.hook_resid_post" },
    { "gemma", "model.layers.1.post_attention_layernorm", "blocks.1.ln2.hook_out" },
    { "llama", "model.layers.1.post_attention_layernorm.input", "blocks.1.hook_resid_mid" },
    { "llama", "model.layers.1.self_attn", "blocks.1.hook_attn_out" },
    { "llama", "blocks.1.mlp.hook_out", "blocks.1.hook_mlp_out" },
    { "qwen3", "blocks.1.attn.q_norm.hook_scale", "blocks.1.attn.q_norm.hook_scale" },
    { "gpt_neox", "gpt_neox.layers.1", "blocks.1.hook_resid_post" },
    { "gpt_neox", "gpt_neox.layers.1.attention.dense.input", "blocks.1.attn.hook_z" },
    { "gpt_neox", "gpt_neox.layers.1.mlp.dense_h_to_4h", "blocks.1.mlp.hook_pre" },
    { "gpt_neox", "gpt_neox.layers.1.post_attention_layernorm.input", "blocks.1.hook_resid_pre" },
    { "gpt_neox", "embed_out", "unembed.hook_out" },
    { "gpt_neox", "lm_head", "unembed.hook_out" },
    { "gpt2", "transformer.h.0.mlp.c_proj.input", "blocks.0.mlp.hook_post" },
    { "gpt2", "transformer.wpe", "hook_pos_embed" },
    { "gpt2", "transformer.ln_f", "ln_final.hook_out" },
    { "gpt2", "logits", "logits" },
    { "gemma2", "blocks.0.attn.hook_result", "blocks.0.attn.hook_result" },
    { "gpt_neox", "blocks.1.hook_mlp_in", "blocks.1.hook_mlp_in" },
};

static void both_spellings_are_understood(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    hooke_text name = { 0 };
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        hooke_model *m = open_golden(ctx, spellings[i].model);
        must(hooke_site_name(m, &name, site_of(m, spellings[i].name)));
        assert_string_equal(name.data, spellings[i].canonical);
        hooke_model_close(m);
    }
    hooke_text_release(&name);
    hooke_context_close(ctx);
}

struct refusal {
    const char *model, *name;
    hooke_status status;
    const char *says;
};

static const struct refusal refusals[] = {
    { "gemma2", "blocks.0.hook_residpost", HOOKE_E_NOT_FOUND, "blocks.0.hook_resid_post" },
    { "gemma2", "blocks.1.attn.hook_zz", HOOKE_E_NOT_FOUND, "blocks.1.attn.hook_z" },
    { "gemma2", "blocks.1.mlp.hook_pst", HOOKE_E_NOT_FOUND, "blocks.1.mlp.hook_post" },
    { "gemma2", "hook_embd", HOOKE_E_NOT_FOUND, "hook_embed" },
    { "gemma2", "logit", HOOKE_E_NOT_FOUND, "logits" },
    { "gemma2", "", HOOKE_E_NOT_FOUND, "did you mean" },
    { "gemma2", "blocks.9.hook_resid_post", HOOKE_E_NOT_FOUND, "layers 0 to 2" },
    { "gemma2", "blocks.99999999999999999999.hook_resid_post", HOOKE_E_NOT_FOUND, "" },
    { "gemma2", "model.layers.3", HOOKE_E_NOT_FOUND, "layers 0 to 2" },
    { "gemma2", "model.layers.1.self_atn", HOOKE_E_NOT_FOUND, "did you mean" },
    { "gemma2", "blocks.0.attn.hook_reslt", HOOKE_E_NOT_FOUND, "blocks.0.attn.hook_result" },
    { "gemma2", "hook_pos_embed", HOOKE_E_NOT_FOUND, "table" },
    { "gpt_neox", "blocks.0.hook_resid_mid", HOOKE_E_NOT_FOUND, "side by side" },
    { "gpt_neox", "blocks.0.mlp.hook_pre_linear", HOOKE_E_NOT_FOUND, "gate" },
    { "gpt_neox", "blocks.0.ln1_post.hook_scale", HOOKE_E_NOT_FOUND, "norms" },
    { "gpt2", "blocks.0.attn.hook_rot_q", HOOKE_E_NOT_FOUND, "rotated" },
    { "llama", "blocks.0.attn.q_norm.hook_normalized", HOOKE_E_NOT_FOUND, "normalised" },
};

static void near_misses_get_suggestions(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        hooke_model *m = open_golden(ctx, refusals[i].model);
        hooke_site site;
        assert_int_equal(hooke_site_parse(m, &site, refusals[i].name), refusals[i].status);
        if (!strstr(hooke_error(), refusals[i].says))
            print_message("%s: %s\n", refusals[i].name, hooke_error());
        assert_non_null(strstr(hooke_error(), refusals[i].says));
        hooke_model_close(m);
    }
    hooke_context_close(ctx);
}

static int count(const hooke_model *m, const char *pattern)
{
    hooke_site sites[4];
    int n;
    hooke_status st = hooke_sites_match(m, sites, 4, &n, pattern);
    return st == HOOKE_OK ? n : -1;
}

static void globs_match(void **state)
{
    (void)state;
    hooke_context *ctx = open_context("f32");
    hooke_model *m = open_golden(ctx, "gemma2"), *neox = open_golden(ctx, "gpt_neox");
    assert_int_equal(count(m, "blocks.*.hook_resid_post"), 3);
    assert_int_equal(count(m, "blocks.1.*"), 28);
    assert_int_equal(count(m, "blocks.?.attn.hook_[qkv]"), -1); /* no classes */
    assert_int_equal(count(m, "model.layers.1"), 1);
    assert_int_equal(count(neox, "*hook_resid_*"), 2 * 2);
    assert_int_equal(count(m, "*.nothing"), -1);
    /* Points behind TransformerLens' switches: only where the pattern ends in their name. */
    assert_int_equal(count(m, "blocks.*.attn.hook_result"), 3);
    assert_int_equal(count(m, "*.hook_mlp_in"), 3);
    assert_int_equal(count(m, "blocks.1.hook_k_input"), 1);
    assert_int_equal(count(m, "*hook_result"), -1);
    assert_int_equal(count(m, "blocks.*.hook_?_input"), -1);
    assert_int_equal(count(m, "blocks.1.hook_*"), 5);
    /* In order of execution, the model's ends included. */
    hooke_site all[256];
    int n;
    must(hooke_sites_match(m, all, 256, &n, "*"));
    hooke_text name = { 0 };
    must(hooke_site_name(m, &name, all[0]));
    assert_string_equal(name.data, "hook_embed");
    must(hooke_site_name(m, &name, all[n - 1]));
    assert_string_equal(name.data, "logits");
    for (int i = 0; i < n; i++) { /* every name parses back to its site */
        must(hooke_site_name(m, &name, all[i]));
        hooke_site back = site_of(m, name.data);
        assert_true(back.kind == all[i].kind && back.layer == all[i].layer);
    }
    assert_int_equal(hooke_site_width(m, site_of(m, "blocks.0.attn.hook_z")), 4 * 6);
    assert_int_equal(hooke_site_width(m, site_of(m, "blocks.0.attn.hook_k")), 2 * 6);
    assert_int_equal(hooke_site_width(m, site_of(m, "blocks.0.ln1.hook_scale")), 1);
    assert_int_equal(hooke_site_width(m, site_of(m, "blocks.0.mlp.hook_pre")), 20);
    assert_int_equal(hooke_site_width(m, site_of(m, "blocks.0.attn.hook_pattern")), 0);
    assert_int_equal(hooke_site_width(m, site_of(m, "logits")), 43);
    assert_int_equal(hooke_site_width(m, site_of(m, "blocks.0.attn.hook_result")), 4 * 16);
    assert_int_equal(hooke_site_width(m, site_of(m, "blocks.0.hook_q_input")), 4 * 16);
    assert_int_equal(hooke_site_width(m, site_of(m, "blocks.0.hook_v_input")), 2 * 16);
    assert_int_equal(hooke_site_width(m, site_of(m, "blocks.0.hook_mlp_in")), 16);
    hooke_text_release(&name);
    hooke_model_close(m);
    hooke_model_close(neox);
    hooke_context_close(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_are_understood),
        cmocka_unit_test(near_misses_get_suggestions),
        cmocka_unit_test(globs_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
