/* Every format that other libraries publish in, against what those libraries make of the same files
 * (tools/parity/formats.py golden). */
#include "golden_dict.h"

struct format_case {
    const char *name, *path, *format, *architecture, *site, *site_out, *model;
    double norm_scaling_factor;
    bool as_saelens;
};

#define LLAMA    "meta-llama/Llama-3.1-8B"
#define DISTILL  "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"
#define SCOPE_2  "google--gemma-scope-2-1b-pt/"
#define GEMMA_3  "google/gemma-3-1b-pt"
#define PYTHIA   "EleutherAI/pythia-70m"
#define L13      "blocks.13.hook_resid_post"
#define M13      "blocks.13.hook_resid_mid"
#define R1_PATH  "800M-Slimpajama-0-OpenR1-Math-220k/L15R"
#define SET_PATH "/layer_5.safetensors"
#define MLP_5    "blocks.5.mlp.hook_in", "blocks.5.hook_mlp_out"

static const struct format_case cases[] = {
    { "sparsify_topk", "layers.3", "sparsify", "topk", "blocks.3.hook_resid_post", NULL, PYTHIA, 0, false },
    { "sparsify_groupmax", "layers.3.mlp", "sparsify", "groupmax", "gpt_neox.layers.3.mlp", NULL, PYTHIA, 0,
      false },
    { "sparsify_skip_transcoder", "layers.3.mlp", "sparsify", "topk_skip_transcoder",
      "gpt_neox.layers.3.mlp.input", "gpt_neox.layers.3.mlp.output", PYTHIA, 0, false },
    { "sparsify_transcoder", "layers.2.mlp/sae.safetensors", "sparsify", "topk_transcoder",
      "gpt_neox.layers.2.mlp.input", "gpt_neox.layers.2.mlp.output", PYTHIA, 0, false },
    { "gemma_scope_2_resid", SCOPE_2 "resid_post/layer_7_width_16k_l0_small", "gemma_scope_2", "jumprelu",
      "blocks.7.hook_resid_post", NULL, GEMMA_3, 0, false },
    { "gemma_scope_2_attn", SCOPE_2 "attn_out/layer_7_width_16k_l0_medium/params.safetensors",
      "gemma_scope_2", "jumprelu", "blocks.7.attn.hook_z", NULL, GEMMA_3, 0, false },
    { "gemma_scope_2_affine", SCOPE_2 "transcoder/layer_13_width_65k_l0_medium_affine", "gemma_scope_2",
      "jumprelu_skip_transcoder", "blocks.13.mlp.hook_in", "blocks.13.hook_mlp_out", "google/gemma-3-1b-pt",
      0, false },
    { "gemma_scope_2_clt", SCOPE_2 "clt/width_16k_l0_medium/params_layer_2.safetensors", "gemma_scope_2",
      "jumprelu_transcoder", "blocks.2.mlp.hook_in", "blocks.2.hook_mlp_out", GEMMA_3, 0, false },
    { "gemma_scope_transcoder", "google--gemma-scope-2b-pt-transcoders/layer_4/width_16k/average_l0_88",
      "gemma_scope", "jumprelu_transcoder", "blocks.4.ln2.hook_normalized", "blocks.4.hook_mlp_out",
      "gemma-2-2b", 0, false },
    { "llama_scope", "Llama3_1-8B-Base-L0R-8x", "llama_scope", "jumprelu", "blocks.0.hook_resid_post", NULL,
      LLAMA, 0, false },
    { "llama_scope_transcoder", "Llama3_1-8B-Base-L0TC-8x/hyperparams.json", "llama_scope",
      "jumprelu_transcoder", "blocks.0.ln2.hook_normalized", "blocks.0.hook_mlp_out", LLAMA, 0, false },
    { "llama_scope_saelens", "Llama3_1-8B-Base-L1R-8x/checkpoints/final.safetensors", "llama_scope",
      "jumprelu", "blocks.1.hook_resid_post", NULL, LLAMA, 0, true },
    { "llama_scope_r1", R1_PATH, "llama_scope_r1", "jumprelu", "blocks.15.hook_resid_post", NULL, DISTILL, 0,
      false },
    { "llama_scope_r1_folded", R1_PATH, "llama_scope_r1", "jumprelu", "blocks.15.hook_resid_post", NULL,
      DISTILL, 1.5, false },
    { "llamascopium_jumprelu", L13 "-8x", "llamascopium", "jumprelu", L13, NULL, "", 0, false },
    { "llamascopium_topk_glu", L13 "-8x", "llamascopium", "topk_glu", L13, NULL, "", 0, false },
    { "llamascopium_topk_plain", L13 "-8x", "llamascopium", "topk", L13, NULL, "", 0, false },
    { "llamascopium_batchtopk", L13 "-8x", "llamascopium", "batch_topk_of_the_call", L13, NULL, "", 0,
      false },
    { "llamascopium_relu_glu", L13 "-8x", "llamascopium", "glu", L13, NULL, "", 0, false },
    { "llamascopium_pt", L13 "-8x", "llamascopium", "jumprelu_glu", L13, NULL, "", 0, false },
    { "llamascopium_checkpoint", L13 "-8x/checkpoints/final.pt", "llamascopium", "topk", L13, NULL, "", 0,
      false },
    { "llamascopium_transcoder", M13 "-8x", "llamascopium", "jumprelu_transcoder", M13,
      "blocks.13.hook_mlp_out", "", 0, false },
    { "llamascopium_topk_transcoder", M13 "-8x/sae_weights.pt", "llamascopium", "topk_transcoder", M13,
      "blocks.13.hook_mlp_out", "", 0, false },
    { "mwhanna_transcoder", "qwen3-4b-transcoders" SET_PATH, "transcoder_set", "transcoder", MLP_5,
      "Qwen/Qwen3-4B", 0, false },
    { "circuit_signed_topk", "signed" SET_PATH, "transcoder_set", "signed_topk_transcoder", MLP_5,
      "Qwen/Qwen3-4B", 0, false },
    { "circuit_threshold", "threshold" SET_PATH, "transcoder_set", "jumprelu_transcoder", MLP_5,
      "Qwen/Qwen3-4B", 0, false },
    { "cross_layer", "clt-gemma-2-2b/W_enc_2.safetensors", "cross_layer_transcoder", "transcoder",
      "blocks.2.mlp.hook_in", "blocks.2.hook_mlp_out", "Qwen/Qwen3-4B", 0, false },
    { "temporal_yaml", "gemma-2-2b/layer_12/temporal", "temporal", "temporal", "blocks.12.hook_resid_post",
      NULL, "", 0, false },
};
enum { N_CASES = sizeof cases / sizeof *cases };

static void check_info(const hooke_dict_info *i, const struct format_case *c)
{
    assert_string_equal(i->format, c->format);
    assert_string_equal(i->architecture, c->architecture);
    assert_string_equal(i->site, c->site);
    assert_string_equal(i->site_out, c->site_out ? c->site_out : c->site);
    assert_string_equal(i->model_name, c->model);
    assert_int_equal(i->is_transcoder, c->site_out != NULL);
}

/* Unit decoder rows, and the same reconstruction: whatever the architecture, the canonical form is only another unit. */
static void check_canonical(const char *path, hooke_dict_options o, const float *x, int64_t n,
                            const float *recon)
{
    hooke_dict *d;
    o.canonical = true;
    OK(hooke_dict_open(&d, ctx, path, &o));
    compare(d, "canonical", x, n, NULL, recon);
    const hooke_dict_info *i = hooke_dict_get_info(d);
    float *row = mem_alloc((size_t)i->d_out, sizeof *row);
    for (int f = 0; f < i->d_dict; f++) {
        OK(hooke_dict_decoder_row(d, f, row));
        assert_float_equal(sqrt(row_dot(row, row, i->d_out)), 1, 1e-5);
    }
    mem_free(row);
    hooke_dict_close(d);
}

static void run_case(void **state)
{
    const struct format_case *c = *state;
    char path[512];
    struct safetensors s = { 0 };
    hooke_dict *d;
    hooke_dict_options o = { .size = sizeof o,
                             .norm_scaling_factor = c->norm_scaling_factor,
                             .as_saelens = c->as_saelens };
    snprintf(path, sizeof path, "tests/golden/formats/%s/expected.safetensors", c->name);
    OK(safetensors_open(&s, path));
    snprintf(path, sizeof path, "tests/golden/formats/%s/%s", c->name, c->path);
    OK(hooke_dict_open(&d, ctx, path, &o));
    const hooke_dict_info *info = hooke_dict_get_info(d);
    check_info(info, c);
    int64_t n = safetensors_find(&s, "x")->shape[0];
    float *x = expected(&s, "x", n, info->d_in), *acts = expected(&s, "acts", n, info->d_dict),
          *recon = expected(&s, "recon", n, info->d_out);
    compare(d, c->name, x, n, acts, recon);
    check_canonical(path, o, x, n, recon);
    mem_free(x);
    mem_free(acts);
    mem_free(recon);
    hooke_dict_close(d);
    safetensors_close(&s);
}

/* One target's decoder, and every target's added up. */
static void a_target_of_a_cross_layer_transcoder(void **state)
{
    (void)state;
    const char *path = "tests/golden/formats/cross_layer/clt-gemma-2-2b/W_dec_2.safetensors";
    hooke_dict *d;
    hooke_dict_options o = { .size = sizeof o };
    float sum[8] = { 0 }, row[8];
    for (o.target = 1; o.target <= 4; o.target++) {
        OK(hooke_dict_open(&d, ctx, path, &o));
        assert_int_equal(hooke_dict_get_info(d)->n_targets, 4);
        OK(hooke_dict_decoder_row(d, 5, row));
        for (int j = 0; j < 8; j++) sum[j] += row[j];
        hooke_dict_close(d);
    }
    FAILS(hooke_dict_open(&d, ctx, path, &o), HOOKE_E_ARGUMENT,
          "target 5 asked for; the file has decoders for 1 to 4");
    o.target = 0;
    OK(hooke_dict_open(&d, ctx, path, &o));
    OK(hooke_dict_decoder_row(d, 5, row));
    for (int j = 0; j < 8; j++) assert_float_equal(sum[j], row[j], 1e-5);
    hooke_dict_close(d);
}

static void overrides_win_over_the_file(void **state)
{
    (void)state;
    hooke_dict *d;
    hooke_dict_options o = { .size = sizeof o, .expected_l0 = 12.5 };
    o.config_overrides =
        "{\"normalize_activations\": \"constant_norm_rescale\", \"prepend_bos\": false, \"dataset_path\": "
        "\"x/y\","
        " \"model_from_pretrained_kwargs\": {\"center_writing_weights\": true}, \"neuronpedia_id\": null}";
    OK(hooke_dict_open(&d, ctx, "tests/golden/dict/standard", &o));
    const hooke_dict_info *i = hooke_dict_get_info(d);
    assert_string_equal(i->normalize_activations, "constant_norm_rescale");
    assert_true(i->center_input && !i->prepend_bos);
    assert_float_equal(i->expected_l0, 12.5, 0);
    hooke_dict_close(d);
    o.config_overrides = "[1]";
    FAILS(hooke_dict_open(&d, ctx, "tests/golden/dict/standard", &o), HOOKE_E_FORMAT,
          "config_overrides must be a JSON object");
}

/* What Llamascopium's configurations may say and hooke does not do, with weights that lack nothing else; and its shards. */
static void refusals_of_llamascopium(void **state)
{
    (void)state;
    static const char weights[] = "tests/golden/formats/llamascopium_pt/" L13 "-8x/sae_weights.pt";
    static const char *const refused[][3] = {
        { "\"sae_type\": \"clt\"", "sae_weights.pt", "sae_type 'clt'" },
        { "\"hook_point_out\": \"b\", \"act_fn\": \"batchtopk\"", "sae_weights.pt", "as a transcoder" },
        { "\"hook_point_out\": \"b\", \"use_glu_encoder\": true", "sae_weights.pt",
          "with a gated linear encoder as a transcoder" },
        { "\"hook_point_out\": \"b\", \"norm_activation\": \"token-wise\"", "sae_weights.pt",
          "'token-wise' of a transcoder" },
        { "\"norm_activation\": \"batch-wise\"", "sae_weights.pt", "'batch-wise'" },
        { "\"act_fn\": \"topk\"", "sae_weights.pt", "no number 'dataset_average_activation_norm.a'" },
        { "\"act_fn\": \"topk\"", "sae_weights.dcp", "sharded" },
    };
    static unsigned char bytes[1 << 13];
    FILE *f = fopen(weights, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *folder = new_folder();
        char config[256];
        hooke_dict *d;
        snprintf(config, sizeof config,
                 "{\"d_model\": 8, \"expansion_factor\": 3, \"hook_point_in\": \"a\", %s}", refused[i][0]);
        put_file(folder, "config.json", config, strlen(config));
        put_file(folder, refused[i][1], bytes, n);
        FAILS(hooke_dict_open(&d, ctx, folder, NULL), i == 5 ? HOOKE_E_FORMAT : HOOKE_E_UNSUPPORTED,
              refused[i][2]);
        remove_tree(folder);
    }
}

int main(void)
{
    struct CMUnitTest tests[N_CASES + 3];
    for (size_t i = 0; i < N_CASES; i++) {
        union {
            const struct format_case *in;
            void *out;
        } state = { .in = &cases[i] };
        tests[i] = (struct CMUnitTest){ cases[i].name, run_case, NULL, NULL, state.out };
    }
    tests[N_CASES] = (struct CMUnitTest)cmocka_unit_test(a_target_of_a_cross_layer_transcoder);
    tests[N_CASES + 1] = (struct CMUnitTest)cmocka_unit_test(overrides_win_over_the_file);
    tests[N_CASES + 2] = (struct CMUnitTest)cmocka_unit_test(refusals_of_llamascopium);
    return cmocka_run_group_tests(tests, open_context, close_context);
}
