/* Files that are not what they should be: refused with the right words, or opened and then found out by check; never a crash. */
#include "dict_test.h"

#include "dict/format.h"

#define META "\"metadata\": {\"sae_lens_version\": \"6.18.0\", \"hook_name\": \"blocks.1.hook_resid_post\"}"

enum { D = 3, F = 5 };
static const float numbers[D * F + 5] = { 1, -2, 3, 4, -5, 6, 7, 8, -9, 1, 2, 3, -4, 5, 6, 7, 8, 9, 1, 2 };

static void refuse(const char *cfg, const struct small_tensor *t, int n, hooke_status code, const char *words)
{
    const char *folder = new_folder();
    hooke_dict *d = NULL;
    put_weights(folder, t, n);
    put_text(folder, "cfg.json", cfg);
    hooke_status st = hooke_dict_open(&d, ctx, folder, NULL);
    remove_tree(folder);
    assert_null(d);
    if (st != code || !strstr(hooke_error(), words))
        fail_msg("%s: status %d, message '%s'; wanted %d and '%s'", cfg, st, hooke_error(), code, words);
}

static const struct small_tensor standard[] = { { "W_enc", D, F, numbers },
                                                { "W_dec", F, D, numbers },
                                                { "b_enc", F, 0, numbers },
                                                { "b_dec", D, 0, numbers },
                                                { "threshold", F, 0, numbers } };

static void configurations_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *cfg, *words;
        hooke_status code;
    } cases[] = {
        { "{\"architecture\": \"temporal\", " META "}", "tensor 'b_enc' does not belong", HOOKE_E_FORMAT },
        { "{\"architecture\": \"matching_pursuit\", " META "}", "tensor 'W_enc' does not belong",
          HOOKE_E_FORMAT },
        { "{\"architecture\": \"abstopk\", \"k\": 9, " META "}", "'k' must be an integer from 1 to 5",
          HOOKE_E_FORMAT },
        { "{\"architecture\": \"perceptron\", " META "}", "unknown architecture 'perceptron'",
          HOOKE_E_UNSUPPORTED },
        { "{" META "}", "key 'architecture' is missing", HOOKE_E_FORMAT },
        { "{\"architecture\": 7, " META "}", "architecture", HOOKE_E_FORMAT },
        { "{\"architecture\": \"standard\", \"normalize_activations\": \"covariance_whitening\", " META "}",
          "'covariance_whitening' is not supported", HOOKE_E_UNSUPPORTED },
        { "{\"architecture\": \"standard\", \"normalize_activations\": true, " META "}",
          "normalize_activations", HOOKE_E_FORMAT },
        { "{\"architecture\": \"standard\", \"reshape_activations\": \"hook_q\", " META "}",
          "'hook_q' is not supported", HOOKE_E_UNSUPPORTED },
        { "{\"architecture\": \"standard\", \"d_in\": 4, " META "}", "d_in 4, the tensors have 3",
          HOOKE_E_SHAPE },
        { "{\"architecture\": \"standard\", \"d_sae\": 3, " META "}", "d_sae 3, the tensors have 5",
          HOOKE_E_SHAPE },
        { "{\"architecture\": \"standard\", \"d_sae\": -3, " META "}", "d_sae", HOOKE_E_FORMAT },
        { "{\"architecture\": \"transcoder\", \"d_out\": 768, " META "}", "d_out 768, the tensors have 3",
          HOOKE_E_SHAPE },
        { "{\"architecture\": \"transcoder\", \"apply_b_dec_to_input\": true, " META "}",
          "apply_b_dec_to_input", HOOKE_E_FORMAT },
        { "{\"architecture\": \"topk\", \"k\": 6, " META "}", "'k' must be an integer from 1 to 5",
          HOOKE_E_FORMAT },
        { "{\"architecture\": \"topk\", \"k\": 0, " META "}", "'k' must be", HOOKE_E_FORMAT },
        { "{\"architecture\": \"topk\", \"k\": 2.5, " META "}", "'k' must be", HOOKE_E_FORMAT },
        { "{\"architecture\": \"jumprelu\", " META "}", "needs tensor 'threshold'", HOOKE_E_FORMAT },
        { "{\"architecture\": \"gated\", " META "}", "needs tensor 'b_gate'", HOOKE_E_FORMAT },
        { "{\"architecture\": \"batchtopk\", " META "}", "needs tensor 'topk_threshold'", HOOKE_E_FORMAT },
        { "{\"architecture\": \"skip_transcoder\", " META "}", "needs tensor 'W_skip'", HOOKE_E_FORMAT },
        { "{\"activation_fn_str\": \"gelu\"}", "activation_fn 'gelu' is not supported", HOOKE_E_UNSUPPORTED },
        { "{\"activation_fn_str\": \"topk\"}", "without activation_fn_kwargs.k", HOOKE_E_FORMAT },
        { "[1, 2]", "must be a JSON object", HOOKE_E_FORMAT },
        { "", "cfg.json", HOOKE_E_FORMAT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse(cases[i].cfg, standard, 4, cases[i].code, cases[i].words);
}

static void tensors_are_refused_by_name(void **state)
{
    (void)state;
    const char *plain = "{\"architecture\": \"standard\", " META "}";
    struct small_tensor t[5];
    refuse(plain, standard, 5, HOOKE_E_FORMAT, "'threshold' does not belong");
    memcpy(t, standard, sizeof t);
    t[4] = (struct small_tensor){ "whitening_mean", D, 0, numbers };
    refuse(plain, t, 5, HOOKE_E_FORMAT, "tensor 'whitening_mean' has no place");
    t[4] = (struct small_tensor){ "scaling_factor", F, 0, numbers };
    refuse("{}", t, 5, HOOKE_E_FORMAT, "finetuning_scaling_factor is not true");
    t[1] = (struct small_tensor){ "W_dec", F, D - 1, numbers };
    refuse(plain, t, 4, HOOKE_E_SHAPE, "tensor 'b_dec': expected shape [2], found [3]");
    t[1] = (struct small_tensor){ "W_dec", F - 1, D, numbers };
    refuse(plain, t, 4, HOOKE_E_SHAPE, "tensor 'W_dec': expected shape [5, 3], found [4, 3]");
    t[1] = (struct small_tensor){ "W_dec", F * D, 0, numbers };
    refuse(plain, t, 4, HOOKE_E_SHAPE, "must be matrices");
    t[1] = standard[1];
    t[2] = (struct small_tensor){ "b_enc", F - 1, 0, numbers };
    refuse(plain, t, 4, HOOKE_E_SHAPE, "tensor 'b_enc': expected shape [5], found [4]");
    refuse(plain, standard, 3, HOOKE_E_FORMAT, "needs tensor 'b_dec'");
    /* Unequal widths only make a transcoder. */
    float wide[F * 4] = { 0 };
    struct small_tensor u[4] = { standard[0], { "W_dec", F, 4, wide }, standard[2], { "b_dec", 4, 0, wide } };
    refuse(plain, u, 4, HOOKE_E_SHAPE, "rebuilds its input");
}

static void integers_are_not_weights(void **state)
{
    (void)state;
    int32_t ints[D * F] = { 0 };
    hooke_tensor_out t[4] = { { "W_enc", "I32", 2, { D, F }, ints },
                              { "W_dec", "F32", 2, { F, D }, numbers },
                              { "b_enc", "F32", 1, { F }, numbers },
                              { "b_dec", "F32", 1, { D }, numbers } };
    const char *folder = new_folder();
    char path[512];
    hooke_dict *d;
    snprintf(path, sizeof path, "%s/sae_weights.safetensors", folder);
    OK(hooke_write_safetensors(path, t, 4, NULL));
    put_text(folder, "cfg.json", "{\"architecture\": \"standard\", " META "}");
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_FORMAT, "'W_enc' holds I32");
    remove_tree(folder);
}

static void scalers(void **state)
{
    (void)state;
    static const struct {
        const char *scaler, *normalize, *words;
        hooke_status code;
    } cases[] = {
        { "{\"scaling_factor\": null}", "expected_average_only_in", NULL, HOOKE_OK },
        { "{\"scaling_factor\": 2}", "expected_average_only_in", NULL, HOOKE_OK },
        { "{\"scaling_factor\": -1}", "expected_average_only_in", "must be positive", HOOKE_E_FORMAT },
        { "{\"scaling_factor\": 0}", "expected_average_only_in", "must be positive", HOOKE_E_FORMAT },
        { "{\"scaling_factor\": 2}", "layer_norm", "beside normalize_activations 'layer_norm'",
          HOOKE_E_FORMAT },
        { "{\"has_whitening\": true}", "none", "whitened inputs", HOOKE_E_UNSUPPORTED },
        { "{\"scaling_factor\": \"x\"}", "none", "scaling_factor", HOOKE_E_FORMAT },
        { "{", "none", "activation_scaler.json", HOOKE_E_FORMAT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *folder = new_folder();
        char cfg[512];
        hooke_dict *d;
        snprintf(cfg, sizeof cfg,
                 "{\"architecture\": \"standard\", \"normalize_activations\": \"%s\", " META "}",
                 cases[i].normalize);
        put_weights(folder, standard, 4);
        put_text(folder, "cfg.json", cfg);
        put_text(folder, "activation_scaler.json", cases[i].scaler);
        hooke_status st = hooke_dict_open(&d, ctx, folder, NULL);
        if (st != cases[i].code) fail_msg("%s: status %d, %s", cases[i].scaler, st, hooke_error());
        if (st != HOOKE_OK && !strstr(hooke_error(), cases[i].words)) fail_msg("'%s'", hooke_error());
        hooke_dict_close(d);
        remove_tree(folder);
    }
}

static void configuration_details(void **state)
{
    (void)state;
    struct arena a = { 0 };
    struct dict_config c;
    bool legacy;
    const char *nested =
        "{\"architecture\": \"topk\", \"k\": 7, \"metadata\": {\"hook_name\": \"blocks.2.attn.hook_z\", "
        "\"hook_head_index\": 3, \"prepend_bos\": false, \"l0\": 41.5, \"context_size\": null}}";
    OK(dict_config_read(&c, &legacy, &a, nested, strlen(nested),
                        "cfg.json")); /* no version: known by its metadata */
    assert_false(legacy);
    assert_string_equal(c.site, "blocks.2.attn.hook_z");
    assert_int_equal(c.hook_head_index, 3);
    assert_false(c.prepend_bos);
    assert_true(c.k == 7 && c.expected_l0 == 41.5 && c.context_size == 0);
    const char *old = "{\"hook_point\": \"blocks.8.hook_resid_pre\", \"normalize_activations\": true, "
                      "\"hook_point_head_index\": 1}";
    OK(dict_config_read(&c, &legacy, &a, old, strlen(old), "cfg.json"));
    assert_true(legacy);
    assert_string_equal(c.architecture, "standard");
    assert_int_equal(c.normalize, NORMALIZE_EXPECTED_AVERAGE);
    assert_int_equal(c.hook_head_index, 1);
    assert_true(c.prepend_bos);
    const char *five = "{\"architecture\": \"jumprelu\", \"metadata\": {\"sae_lens_version\": \"5.9.1\"}, "
                       "\"hook_name\": \"a\"}";
    OK(dict_config_read(&c, &legacy, &a, five, strlen(five), "cfg.json"));
    assert_true(legacy);
    const char *module =
        "{\"architecture\": \"jumprelu\", \"d_in\": 16.0, \"lr\": NaN, \"seed\": 1000000000000000000000, "
        "\"metadata\": {\"sae_lens_version\": \"6.50.0\", \"l0\": NaN, "
        "\"hf_hook_name\": \"model.layers.3.output\"}}";
    OK(dict_config_read(&c, &legacy, &a, module, strlen(module), "cfg.json"));
    assert_string_equal(c.site, "model.layers.3.output");
    assert_true(c.d_in == 16 && c.expected_l0 == 0);
    assert_null(strstr(c.json, "NaN"));
    const char *top = "{\"architecture\": \"jumprelu\", \"sae_lens_version\": \"10.0.0\"}";
    OK(dict_config_read(&c, &legacy, &a, top, strlen(top), "cfg.json"));
    assert_false(legacy);
    arena_release(&a);
}

static void nothing_there(void **state)
{
    (void)state;
    hooke_dict *d;
    const char *folder = new_folder();
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_NOT_FOUND, "no dictionary here: looked for");
    rmdir(folder);
    assert_int_not_equal(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_OK);
    assert_null(d);
}

/* What lies there instead is said: a model, tensors under another name, a file that was never fetched. */
static void something_else(void **state)
{
    (void)state;
    hooke_dict *d;
    const struct small_tensor t[] = { { "embedding", D, 0, numbers } };
    const char *folder = new_folder();
    char path[512];
    put_weights(folder, t, 1);
    snprintf(path, sizeof path, "%s/sae_weights.safetensors", folder);
    FAILS(hooke_dict_open(&d, ctx, path, NULL), HOOKE_E_NOT_FOUND, "a file of 1 tensors (embedding)");
    put_text(folder, "params.npz", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_FORMAT, "Git LFS pointer");
    put_text(folder, "cfg.json", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_FORMAT, "Git LFS pointer");
    snprintf(path, sizeof path, "%s/table", folder);
    put_text(folder, "table", "PAR1");
    FAILS(hooke_dict_open(&d, ctx, path, NULL), HOOKE_E_FORMAT, "a Parquet file");
    unlink(path);
    remove_tree(folder);
    FAILS(hooke_dict_open(&d, ctx, "models/micro", NULL), HOOKE_E_NOT_FOUND, "a model, no dictionary");
}

/* ---- damage ---- */

static unsigned char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    unsigned char *data = mem_alloc_raw(1 << 16, 1);
    *n = fread(data, 1, 1 << 16, f);
    fclose(f);
    assert_in_range(*n, 1, (1 << 16) - 1);
    return data;
}

/* Opens the folder and, when that works, uses everything: the weights may be nonsense, the walls must hold. */
static void exercise(const char *folder)
{
    hooke_dict *d;
    hooke_text report = { 0 };
    hooke_codes c = { 0 };
    if (hooke_dict_open(&d, ctx, folder, NULL) != HOOKE_OK) {
        assert_null(d);
        assert_true(strlen(hooke_error()) > 0);
        return;
    }
    const hooke_dict_info *i = hooke_dict_get_info(d);
    float *x = mem_alloc((size_t)i->d_in * 2, sizeof *x), *y = mem_alloc((size_t)i->d_out * 2, sizeof *y);
    assert_non_null(x);
    assert_non_null(y);
    x[0] = 1;
    (void)hooke_dict_check(d, &report);
    if (hooke_dict_encode(d, &c, x, 2, i->d_in, NULL) == HOOKE_OK)
        (void)hooke_dict_decode(d, y, i->d_out, &c, NULL, x, i->d_in);
    mem_free(x);
    mem_free(y);
    hooke_codes_release(&c);
    hooke_text_release(&report);
    hooke_dict_close(d);
}

/* Every prefix of one file, then every byte with one bit flipped; the other file stays whole. */
static void damage(const char *golden, const char *hurt, const char *other)
{
    char path[512];
    size_t n, m = 0;
    snprintf(path, sizeof path, "tests/golden/dict/%s/%s", golden, hurt);
    unsigned char *data = slurp(path, &n), *rest = NULL;
    const char *folder = new_folder();
    if (other) {
        snprintf(path, sizeof path, "tests/golden/dict/%s/%s", golden, other);
        rest = slurp(path, &m);
        put_file(folder, other, rest, m);
    }
    for (size_t cut = 0; cut < n; cut++) {
        put_file(folder, hurt, data, cut);
        exercise(folder);
    }
    for (size_t at = 0; at < n; at++) {
        data[at] ^= (unsigned char)(1u << at % 8);
        put_file(folder, hurt, data, n);
        exercise(folder);
        data[at] ^= (unsigned char)(1u << at % 8);
    }
    put_file(folder, hurt, data, n);
    hooke_dict *d;
    OK(hooke_dict_open(&d, ctx, folder, NULL)); /* whole again */
    hooke_dict_close(d);
    remove_tree(folder);
    mem_free(data);
    mem_free(rest);
}

static void damaged_configurations(void **state)
{
    (void)state;
    damage("checkpoint_batchtopk", "cfg.json", "sae_weights.safetensors");
    damage("legacy_topk", "cfg.json", "sae_weights.safetensors");
}

static void damaged_weights(void **state)
{
    (void)state;
    damage("jumprelu", "sae_weights.safetensors", "cfg.json");
}

static void damaged_archives(void **state)
{
    (void)state;
    damage("google--gemma-scope-2b-pt-res/layer_3/width_16k/average_l0_5", "params.npz", NULL);
    damage("google--gemma-scope-2b-pt-mlp/layer_3/width_16k/average_l0_6", "params.npz", NULL);
}

/* Every allocation fails once: an error each time, nothing leaks (the sanitizer watches), and then it works. */
static void out_of_memory(void **state)
{
    (void)state;
    float x[2 * 7] = { 1, 2, 3 }, y[2 * 7];
    hooke_dict_options options = { .size = sizeof options, .canonical = true };
    for (long n = 1; n < 10000; n++) {
        hooke_dict *d;
        hooke_codes c = { 0 };
        mem_fail_at(n);
        hooke_status st = hooke_dict_open(&d, ctx, "tests/golden/dict/gated_layer_norm", &options);
        if (st == HOOKE_OK) st = hooke_dict_encode(d, &c, x, 2, 7, NULL);
        if (st == HOOKE_OK) st = hooke_dict_decode(d, y, 7, &c, NULL, NULL, 0);
        mem_fail_at(0);
        hooke_codes_release(&c);
        hooke_dict_close(d);
        if (st == HOOKE_OK) {
            assert_true(n > 10);
            return;
        }
        assert_int_equal(st, HOOKE_E_MEMORY);
    }
    fail_msg("still out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_are_refused_by_name),
        cmocka_unit_test(tensors_are_refused_by_name),
        cmocka_unit_test(integers_are_not_weights),
        cmocka_unit_test(scalers),
        cmocka_unit_test(configuration_details),
        cmocka_unit_test(nothing_there),
        cmocka_unit_test(something_else),
        cmocka_unit_test(damaged_configurations),
        cmocka_unit_test(damaged_weights),
        cmocka_unit_test(damaged_archives),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
