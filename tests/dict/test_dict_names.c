/* Dictionaries opened by published names, out of a hub cache whose files are the golden ones of each format: the name leads to the files,
 * and what the registry knows beside them is applied. */
#include "dict_test.h"

#include <sys/stat.h>

#define CACHE  "build/tmp/dict_names"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"

/* One file or folder of a repository, and where it lies among the golden files. */
struct link_row {
    const char *repo, *path, *golden;
};

static const struct link_row links[] = {
    { "fnlp--Llama3_1-8B-Base-LXR-8x", "Llama3_1-8B-Base-L0R-8x",
      "formats/llama_scope/Llama3_1-8B-Base-L0R-8x" },
    { "fnlp--Llama-Scope-R1-Distill", "800M-Slimpajama-0-OpenR1-Math-220k/L15R",
      "formats/llama_scope_r1/800M-Slimpajama-0-OpenR1-Math-220k/L15R" },
    { "google--gemma-scope-2-1b-pt", "resid_post",
      "formats/gemma_scope_2_resid/google--gemma-scope-2-1b-pt/resid_post" },
    { "google--gemma-scope-2b-pt-transcoders", "layer_4",
      "formats/gemma_scope_transcoder/google--gemma-scope-2b-pt-transcoders/layer_4" },
    { "mntss--clt-gemma-2-2b-2.5M", "config.yaml", "formats/cross_layer/clt-gemma-2-2b/config.yaml" },
    { "mntss--clt-gemma-2-2b-2.5M", "W_enc_2.safetensors",
      "formats/cross_layer/clt-gemma-2-2b/W_enc_2.safetensors" },
    { "mntss--clt-gemma-2-2b-2.5M", "W_dec_2.safetensors",
      "formats/cross_layer/clt-gemma-2-2b/W_dec_2.safetensors" },
    { "mwhanna--qwen3-4b-transcoders", "config.yaml",
      "formats/mwhanna_transcoder/qwen3-4b-transcoders/config.yaml" },
    { "mwhanna--qwen3-4b-transcoders", "wandb-config.yaml",
      "formats/mwhanna_transcoder/qwen3-4b-transcoders/wandb-config.yaml" },
    { "mwhanna--qwen3-4b-transcoders", "layer_5.safetensors",
      "formats/mwhanna_transcoder/qwen3-4b-transcoders/layer_5.safetensors" },
    { "qresearch--DeepSeek-R1-Distill-Llama-8B-SAE-l19", "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt",
      "torch_dicts/deepseek_r1/DeepSeek-R1-Distill-Llama-8B-SAE-l19/"
      "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt" },
    { "andyrdt--saes-llama-3.1-8b-instruct", "resid_post_layer_11/trainer_1", "torch_dicts/dl_batch_topk" },
    { "Qwen--SAE-Res-Qwen3-1.7B-Base-W32K-L0_4", "layer6.sae.pt",
      "torch_dicts/qwen_scope/SAE-Res-Qwen3-1.7B-Base-W32K-L0_4/layer6.sae.pt" },
    { "tommmcgrath--gpt2-small-mlp-out-saes", "sae_group_gpt2_blocks.1.hook_mlp_out_24576:v0",
      "dict/standard_expected_average" },
};

static void make_parents(const char *path)
{
    char part[512];
    for (size_t i = 1; path[i]; i++) {
        if (path[i] != '/') continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        mkdir(part, 0777);
    }
}

static void make_link(const struct link_row *l)
{
    char path[512], target[512], here[300];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(path, sizeof path, CACHE "/models--%s/refs/main", l->repo);
    make_parents(path);
    OK(hooke_write_file(path, COMMIT, 40));
    snprintf(path, sizeof path, CACHE "/models--%s/snapshots/" COMMIT "/%s", l->repo, l->path);
    snprintf(target, sizeof target, "%s/tests/golden/%s", here, l->golden);
    make_parents(path);
    unlink(path);
    assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) make_link(&links[i]);
    setenv("HF_HUB_CACHE", CACHE, 1);
    return open_context(state);
}

struct named {
    const char *name, *format, *release, *model; /* model: what the file says, else the registry */
};

static const struct named names[] = {
    { "llama_scope_lxr_8x/l0r_8x", "llama_scope", "llama_scope_lxr_8x", "Llama" },
    { "llama_scope_r1_distill/l15r_800m_slimpajama", "llama_scope_r1", "llama_scope_r1_distill", "DeepSeek" },
    { "gemma-scope-2-1b-pt-res/layer_7_width_16k_l0_small", "gemma_scope_2", "gemma-scope-2-1b-pt-res",
      "gemma-3-1b" },
    { "gemma-2-2b/4-gemmascope-transcoder-16k", "gemma_scope", "gemma-scope-2b-pt-transcoders",
      "gemma-2-2b" },
    { "mntss-gemma-2-2b-2.5m-clt-as-per-layer/layer_2", "cross_layer_transcoder",
      "mntss-gemma-2-2b-2.5m-clt-as-per-layer", "" },
    { "mwhanna-qwen3-4b-transcoders/layer_5", "", "mwhanna-qwen3-4b-transcoders", "wen3-4" },
    { "https://huggingface.co/mwhanna/qwen3-4b-transcoders/blob/main/layer_5.safetensors", "",
      "mwhanna-qwen3-4b-transcoders", "wen3-4" },
    { "deepseek-r1-distill-llama-8b/19-qresearch-res-65k", "deepseek_r1",
      "deepseek-r1-distill-llama-8b-qresearch", "DeepSeek-R1-Distill-Llama-8B" },
    { "llama-3.1-8b-instruct-andyrdt/resid_post_layer_11_trainer_1", "dictionary_learning",
      "llama-3.1-8b-instruct-andyrdt", "" },
    { "qwen-scope-3-1.7b-base-w32k-l4/layer6", "qwen_scope", "qwen-scope-3-1.7b-base-w32k-l4",
      "Qwen3-1.7B-Base" },
};

static void names_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct named *n = &names[i];
        hooke_dict *d = NULL;
        if (hooke_dict_open(&d, ctx, n->name, NULL) != HOOKE_OK) fail_msg("%s: %s", n->name, hooke_error());
        const hooke_dict_info *info = hooke_dict_get_info(d);
        if (strncmp(info->format, n->format, strlen(n->format)) != 0 || !strstr(info->model_name, n->model))
            fail_msg("%s: format %s, model '%s'", n->name, info->format, info->model_name);
        assert_string_equal(info->origin->release, n->release);
        assert_string_equal(info->origin->commit, COMMIT);
        assert_true(hooke_name_is_cached(info->origin));
        hooke_dict_close(d);
    }
}

/* Codes of a few rows, summed: enough to tell two scales apart. */
static double strength(const char *what, const hooke_dict_options *o, bool *center)
{
    hooke_dict *d = NULL;
    hooke_codes codes = { 0 };
    float x[4 * 7];
    double sum = 0;
    random_normal(x, 4 * 7, 1, RANDOM_TEST, 0);
    OK(hooke_dict_open(&d, ctx, what, o));
    const hooke_dict_info *info = hooke_dict_get_info(d);
    assert_int_equal(info->d_in, 7);
    *center = info->center_input;
    OK(hooke_dict_encode(d, &codes, x, 4, 7, NULL));
    for (int64_t i = 0; i < codes.indptr[4]; i++) sum += (double)codes.values[i];
    hooke_codes_release(&codes);
    hooke_dict_close(d);
    return sum;
}

static void the_registry_s_factor_and_overrides_are_applied(void **state)
{
    const char *path = "tests/golden/dict/standard_expected_average";
    const char *cached = CACHE "/models--tommmcgrath--gpt2-small-mlp-out-saes/snapshots/" COMMIT
                               "/sae_group_gpt2_blocks.1.hook_mlp_out_24576:v0";
    hooke_dict_options o = { .size = sizeof o,
                             .norm_scaling_factor = 2.3693984005104283,
                             .config_overrides =
                                 "{\"model_from_pretrained_kwargs\":{\"center_writing_weights\":true}}" };
    bool by_name, by_path, by_cached, plainly;
    (void)state;
    double named = strength("gpt2-small-mlp-tm/blocks.1.hook_mlp_out", NULL, &by_name);
    double given = strength(path, &o, &by_path);
    double found = strength(cached, NULL, &by_cached);
    double plain = strength(path, NULL, &plainly);
    assert_true(named > 0 && named == given && named == found && named != plain);
    assert_true(by_name && by_path && by_cached && !plainly);
    o.norm_scaling_factor = 1.0; /* what the caller says wins */
    assert_true(strength("gpt2-small-mlp-tm/blocks.1.hook_mlp_out", &o, &by_name) != named);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_open),
        cmocka_unit_test(the_registry_s_factor_and_overrides_are_applied),
    };
    return cmocka_run_group_tests(tests, set_up, close_context);
}
