/* Every architecture and switch against SAELens: dictionaries it saved itself, and what it computed with them
 * (tools/parity/make_dict_golden.py). */
#include "golden_dict.h"

static const char *const cases[] = {
    "standard",
    "standard_no_b_dec",
    "standard_constant_norm",
    "standard_layer_norm",
    "standard_expected_average",
    "standard_hook_z",
    "standard_one_head",
    "standard_bf16",
    "standard_f16",
    "standard_f64",
    "gated",
    "gated_layer_norm",
    "jumprelu",
    "jumprelu_bf16",
    "jumprelu_negative_threshold",
    "topk",
    "topk_rescaled",
    "topk_few_positive",
    "topk_layer_norm",
    "transcoder",
    "skip_transcoder",
    "jumprelu_transcoder",
    "jumprelu_skip_transcoder",
    "transcoder_layer_norm",
    "checkpoint_batchtopk",
    "checkpoint_batchtopk_scaled",
    "checkpoint_batchtopk_plain_scaled",
    "checkpoint_matryoshka",
    "checkpoint_topk_scaled",
    "checkpoint_standard_scaled",
    "legacy",
    "legacy_topk",
    "legacy_true_normalize",
    "legacy_ones",
    "legacy_hook_z",
    "google--gemma-scope-2b-pt-res/layer_3/width_16k/average_l0_5",
    "google--gemma-scope-2b-pt-mlp/layer_3/width_16k/average_l0_6",
    "abstopk",
    "abstopk_rescaled",
    "matching_pursuit",
    "matching_pursuit_long",
    "matching_pursuit_no_b_dec",
    "checkpoint_matching_pursuit",
    "temporal",
    "temporal_untied",
};

/* A subset's codes are the whole width's, cut; decoding them equals decoding the whole with that subset. */
static void compare_subset(hooke_dict *d, const float *x, int64_t n, const int32_t *features, int n_features)
{
    hooke_feature_set subset = { features, n_features };
    const hooke_dict_info *info = hooke_dict_get_info(d);
    hooke_codes all = { 0 }, cut = { 0 };
    size_t size = (size_t)n * (size_t)info->d_out;
    float *y = mem_alloc(size, sizeof *y), *z = mem_alloc(size, sizeof *z);
    OK(hooke_dict_encode(d, &all, x, n, info->d_in, NULL));
    OK(hooke_dict_encode(d, &cut, x, n, info->d_in, &subset));
    float *a = dense_codes(&all), *b = dense_codes(&cut);
    for (int64_t r = 0; r < n; r++)
        for (int32_t f = 0, s = 0; f < info->d_dict; f++) {
            bool in = s < n_features && features[s] == f;
            s += in;
            float want = in ? a[r * info->d_dict + f] : 0.0f;
            assert_close("subset", &b[r * info->d_dict + f], &want, 1, 1, 1e-5);
        }
    OK(hooke_dict_decode(d, y, info->d_out, &all, &subset, x, info->d_in));
    OK(hooke_dict_decode(d, z, info->d_out, &cut, NULL, x, info->d_in));
    assert_close("subset decode", y, z, n, info->d_out, 1e-5);
    mem_free(a);
    mem_free(b);
    mem_free(y);
    mem_free(z);
    hooke_codes_release(&all);
    hooke_codes_release(&cut);
}

static void run_case(void **state)
{
    char path[512];
    struct safetensors s = { 0 };
    hooke_dict *raw, *canonical;
    hooke_dict_options options = { .size = sizeof options, .canonical = true };
    snprintf(path, sizeof path, "tests/golden/dict/%s/expected.safetensors", (const char *)*state);
    OK(safetensors_open(&s, path));
    snprintf(path, sizeof path, "tests/golden/dict/%s", (const char *)*state);
    OK(hooke_dict_open(&raw, ctx, path, NULL));
    OK(hooke_dict_open(&canonical, ctx, path, &options));
    const hooke_dict_info *info = hooke_dict_get_info(raw);
    assert_int_equal(info->d_dict, safetensors_find(&s, "acts")->shape[1]);
    int64_t n = safetensors_find(&s, "x")->shape[0];
    float *x = expected(&s, "x", n, info->d_in), *acts = expected(&s, "acts", n, info->d_dict);
    float *recon = expected(&s, "recon", n, info->d_out),
          *folded = expected(&s, "canonical", n, info->d_dict);
    compare(raw, "raw", x, n, acts, recon);
    compare(canonical, "canonical", x, n, folded, recon);
    static const int32_t many[] = { 0, 3, 4, 9, 17, 18 }, two[] = { 5, 12 }, others[] = { 0, 18 };
    compare_subset(raw, x, n, many, 6);
    compare_subset(canonical, x, n, many, 6);
    compare_subset(raw, x, n, two, 2); /* few enough for an encoder of their own */
    compare_subset(raw, x, n, others, 2);
    compare_subset(canonical, x, n, two, 2);
    compare_subset(canonical, x, n, two, 0);
    assert_string_equal(info->activation_scale, "raw");
    assert_string_equal(hooke_dict_get_info(canonical)->activation_scale, "canonical");
    mem_free(x);
    mem_free(acts);
    mem_free(recon);
    mem_free(folded);
    hooke_dict_close(raw);
    hooke_dict_close(canonical);
    safetensors_close(&s);
}

static void info_tells_what_the_files_say(void **state)
{
    (void)state;
    hooke_dict *d;
    OK(hooke_dict_open(
        &d, ctx, "tests/golden/dict/google--gemma-scope-2b-pt-mlp/layer_3/width_16k/average_l0_6/params.npz",
        NULL));
    const hooke_dict_info *i = hooke_dict_get_info(d);
    assert_string_equal(i->format, "gemma_scope");
    assert_string_equal(i->architecture, "jumprelu");
    assert_string_equal(i->model_name, "gemma-2-2b");
    assert_string_equal(i->site, "blocks.3.hook_mlp_out");
    assert_string_equal(i->name, "layer_3/width_16k/average_l0_6");
    assert_int_equal((int)i->expected_l0, 6);
    assert_false(i->apply_b_dec_to_input);
    assert_true(i->has_threshold && i->prepend_bos);
    hooke_dict_close(d);
    OK(hooke_dict_open(&d, ctx, "tests/golden/dict/legacy_topk", NULL));
    i = hooke_dict_get_info(d);
    assert_string_equal(i->format, "saelens_legacy");
    assert_string_equal(i->architecture, "topk");
    assert_string_equal(i->site, "blocks.1.hook_resid_pre");
    assert_int_equal(i->k, 3);
    assert_int_equal(i->context_size, 64);
    assert_false(i->prepend_bos);
    hooke_dict_close(d);
    OK(hooke_dict_open(&d, ctx, "tests/golden/dict/jumprelu_skip_transcoder", NULL));
    i = hooke_dict_get_info(d);
    assert_string_equal(i->format, "saelens");
    assert_string_equal(i->site_out, "blocks.1.hook_mlp_out");
    assert_true(i->has_skip && i->is_transcoder);
    assert_int_equal(i->d_out, 5);
    hooke_dict_close(d);
    OK(hooke_dict_open(&d, ctx, "tests/golden/dict/standard_one_head", NULL));
    assert_int_equal(hooke_dict_get_info(d)->hook_head_index, 2);
    hooke_dict_close(d);
}

static void shipped_dictionary(void **state)
{
    (void)state;
    hooke_dict *d;
    hooke_text report = { 0 };
    if (hooke_dict_open(&d, ctx, "micro", NULL) == HOOKE_E_NOT_FOUND) {
        print_message("skip: the shipped dictionary 'micro'\n");
        skip();
    }
    const hooke_dict_info *i = hooke_dict_get_info(d);
    OK(hooke_dict_check(d, &report));
    assert_string_equal(i->format, "gemma_scope");
    assert_string_equal(i->model_name, "micro");
    assert_non_null(strstr(i->site, "hook_resid_post"));
    hooke_text_release(&report);
    hooke_dict_close(d);
}

int main(void)
{
    enum { N_CASES = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[N_CASES + 2];
    for (size_t i = 0; i < N_CASES; i++) {
        union {
            const char *in;
            void *out;
        } name = { .in = cases[i] };
        tests[i] = (struct CMUnitTest){ cases[i], run_case, NULL, NULL, name.out };
    }
    tests[N_CASES] = (struct CMUnitTest)cmocka_unit_test(info_tells_what_the_files_say);
    tests[N_CASES + 1] = (struct CMUnitTest)cmocka_unit_test(shipped_dictionary);
    return cmocka_run_group_tests(tests, open_context, close_context);
}
