/* Dictionaries in PyTorch files and control vectors, against what their own libraries make of them
 * (tools/parity/torch_dictionaries.py golden). */
#include "golden_dict.h"

#include "damage.h"
#include "file/torch_write.h"
#include "remove_tree.h"

#define fail() _fail(__FILE__, __LINE__) /* cmocka's again, which fail_msg() is made of */

#define GOLDEN "tests/golden/torch_dicts/"

struct torch_case {
    const char *name, *path, *format, *architecture, *site, *model;
    int context_size;
};

#define DL     "dictionary_learning"
#define PYTHIA "EleutherAI/pythia-70m-deduped"
#define L3     "blocks.3.hook_resid_post"

static const struct torch_case cases[] = {
    { "dl_autoencoder", "", DL, "standard", L3, PYTHIA, 128 },
    { "dl_autoencoder_new", "", DL, "standard", "blocks.3.hook_mlp_out", PYTHIA, 128 },
    { "dl_gated", "/config.json", DL, "gated", L3, PYTHIA, 128 },
    { "dl_jumprelu", "/ae.pt", DL, "jumprelu", L3, PYTHIA, 128 },
    { "dl_topk", "", DL, "topk", L3, PYTHIA, 128 },
    { "dl_batch_topk", "", DL, "jumprelu", L3, PYTHIA, 128 },
    { "dl_batch_topk_unset", "", DL, "topk", L3, PYTHIA, 128 },
    { "dl_matryoshka", "", DL, "jumprelu", L3, PYTHIA, 128 },
    { "dl_identity", "", DL, "linear", L3, PYTHIA, 128 },
    { "dl_no_config", "/checkpoints/ae_100.pt", DL, "gated", "", "", 0 },
    { "dl_backup", "", DL, "jumprelu", L3, PYTHIA, 128 },
    { "pca", "/pca_gemma-2-2b_blocks.12.hook_resid_post.pt", "pca", "linear", "blocks.12.hook_resid_post",
      "gemma-2-2b", 0 },
    { "openai_topk", "/gpt2-small/resid_delta_mlp_v5_32k/autoencoders/7.pt", "openai", "topk",
      "blocks.7.hook_mlp_out", "gpt2-small", 64 },
    { "openai_relu", "/gpt2-small/mlp_post_act/autoencoders/2.pt", "openai", "standard",
      "blocks.2.mlp.hook_post", "gpt2-small", 64 },
    { "deepseek_r1", "/DeepSeek-R1-Distill-Llama-8B-SAE-l19/DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt",
      "deepseek_r1", "standard", "blocks.19.hook_resid_post", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
      1024 },
    { "goodfire", "/Llama-3.1-8B-Instruct-SAE-l19.pth", "goodfire", "standard", "blocks.19.hook_resid_post",
      "meta-llama/Llama-3.1-8B-Instruct", 0 },
    { "hook_z", "/gpt2-small_L5_Hcat_z_lr1.20e-03.pt", "connor_rob_hook_z", "standard",
      "blocks.5.attn.hook_z", "gpt2-small", 128 },
    { "qwen_scope", "/SAE-Res-Qwen3-1.7B-Base-W32K-L0_4/layer6.sae.pt", "qwen_scope", "topk",
      "blocks.6.hook_resid_post", "Qwen/Qwen3-1.7B-Base", 1024 },
    { "axbench_diffmean", "/DiffMean_weight.pt", "axbench", "linear", "blocks.20.hook_resid_post",
      "google/gemma-2-2b-it", 0 },
    { "axbench_reft", "", "axbench", "reft_r1", "blocks.31.hook_resid_post", "google/gemma-2-9b-it", 0 },
    { "axbench_published", "/pyvene--gemma-reft-r1-2b-it-res/l20", "axbench", "reft_r1",
      "blocks.20.hook_resid_post", "google/gemma-2-2b-it", 0 },
    { "axbench_pruned", "/GemmaScopeSAE.pt", DL, "jumprelu", "blocks.20.hook_resid_post",
      "google/gemma-2-2b-it", 0 },
};
enum { N_CASES = sizeof cases / sizeof *cases };

static void run_case(void **state)
{
    const struct torch_case *c = *state;
    char path[512];
    struct safetensors s = { 0 };
    hooke_dict *d;
    snprintf(path, sizeof path, GOLDEN "%s/expected.safetensors", c->name);
    OK(safetensors_open(&s, path));
    snprintf(path, sizeof path, GOLDEN "%s%s", c->name, c->path);
    OK(hooke_dict_open(&d, ctx, path, NULL));
    const hooke_dict_info *info = hooke_dict_get_info(d);
    assert_string_equal(info->format, c->format);
    assert_string_equal(info->architecture, c->architecture);
    assert_string_equal(info->site, c->site);
    assert_string_equal(info->model_name, c->model);
    assert_int_equal(info->context_size, c->context_size);
    int64_t n = safetensors_find(&s, "x")->shape[0];
    float *x = expected(&s, "x", n, info->d_in), *acts = expected(&s, "acts", n, info->d_dict),
          *recon = expected(&s, "recon", n, info->d_out);
    compare(d, c->name, x, n, acts, recon);
    hooke_dict_close(d);
    hooke_dict_options o = { .size = sizeof o, .canonical = true };
    OK(hooke_dict_open(&d, ctx, path, &o));
    compare(d, "canonical", x, n, NULL, recon);
    hooke_dict_close(d);
    mem_free(x);
    mem_free(acts);
    mem_free(recon);
    safetensors_close(&s);
}

/* ---- what files do not say ---- */

/* A folder with the weights of a case alone. */
static const char *without_config(const char *name)
{
    hooke_text t = { 0 };
    char path[512];
    const char *folder = new_folder();
    snprintf(path, sizeof path, GOLDEN "%s/ae.pt", name);
    OK(file_read(&t, path, 1 << 20));
    put_file(folder, "ae.pt", t.data, t.n);
    hooke_text_release(&t);
    return folder;
}

static void remove_ae(const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s/ae.pt", folder);
    unlink(path);
    rmdir(folder);
}

static void alike_classes_must_be_named(void **state)
{
    hooke_dict *d;
    hooke_dict_options o = { .size = sizeof o };
    const char *folder = without_config("dl_batch_topk");
    (void)state;
    FAILS(hooke_dict_open(&d, ctx, folder, &o), HOOKE_E_ARGUMENT, "AutoEncoderTopK or a BatchTopKSAE");
    o.architecture = "topk";
    OK(hooke_dict_open(&d, ctx, folder, &o));
    assert_int_equal(hooke_dict_get_info(d)->k, 4);
    hooke_dict_close(d);
    o.architecture = "jumprelu";
    OK(hooke_dict_open(&d, ctx, folder, &o));
    assert_true(hooke_dict_get_info(d)->has_threshold);
    hooke_dict_close(d);
    remove_ae(folder);
}

/* <run>/checkpoints/ae_<step>.pt: its class and site stand in the run's config.json, a folder above. */
static void checkpoints_know_their_run(void **state)
{
    hooke_dict *d;
    hooke_text weights = { 0 }, config = { 0 };
    char run[256], folder[300], path[320];
    (void)state;
    snprintf(run, sizeof run, "%s", new_folder());
    snprintf(folder, sizeof folder, "%s/checkpoints", run);
    OK(make_folders(folder));
    OK(file_read(&weights, GOLDEN "dl_batch_topk/ae.pt", 1 << 20));
    OK(file_read(&config, GOLDEN "dl_batch_topk/config.json", 1 << 20));
    put_file(folder, "ae_500.pt", weights.data, weights.n);
    put_file(run, "config.json", config.data, config.n);
    snprintf(path, sizeof path, "%s/ae_500.pt", folder);
    OK(hooke_dict_open(&d, ctx, path, NULL));
    assert_string_equal(hooke_dict_get_info(d)->architecture, "jumprelu");
    assert_string_equal(hooke_dict_get_info(d)->site, L3);
    hooke_dict_close(d);
    hooke_text_release(&weights);
    hooke_text_release(&config);
    remove_tree(run);
}

static void classes_are_known_by_their_keys(void **state)
{
    static const char *const known[][2] = {
        { "dl_autoencoder", "standard" },  { "dl_autoencoder_new", "standard" },
        { "dl_gated", "gated" },           { "dl_jumprelu", "jumprelu" },
        { "dl_batch_topk_unset", "topk" }, { "dl_matryoshka", "jumprelu" }
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        hooke_dict *d;
        const char *folder = without_config(known[i][0]);
        OK(hooke_dict_open(&d, ctx, folder, NULL));
        assert_string_equal(hooke_dict_get_info(d)->architecture, known[i][1]);
        hooke_dict_close(d);
        remove_ae(folder);
    }
}

static void refuses_by_name(void **state)
{
    hooke_dict *d;
    static const float w[8] = { 0 };
    static const int32_t k = 3;
    const hooke_tensor_out other[] = { { "encoder.weight", "F32", 2, { 4, 2 }, w },
                                       { "decoder.weight", "F32", 2, { 2, 4 }, w },
                                       { "encoder.bias", "F32", 1, { 4 }, w },
                                       { "b_dec", "F32", 1, { 2 }, w },
                                       { "k", "I32", 0, { 0 }, &k },
                                       { "surprise", "F32", 1, { 2 }, w } };
    const hooke_tensor_out lora[] = { { "x.proj_weight", "F32", 2, { 2, 4 }, w } };
    char path[512];
    const char *folder = new_folder();
    (void)state;
    snprintf(path, sizeof path, "%s/ae.pt", folder);
    OK(torch_write(path, other, 6));
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_FORMAT,
          "'surprise' has no place in AutoEncoderTopK");
    OK(torch_write(path, other, 4));
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_FORMAT, "says k");
    OK(torch_write(path, other + 5, 1));
    FAILS(hooke_dict_open(&d, ctx, path, NULL), HOOKE_E_NOT_FOUND, "PyTorch file of 1 tensors (surprise)");
    OK(torch_write(path, lora, 1));
    FAILS(hooke_dict_open(&d, ctx, path, NULL), HOOKE_E_UNSUPPORTED, "LoReFT");
    remove_ae(folder);
    FAILS(hooke_dict_open(&d, ctx, "tests/golden/torch/old.pt", NULL), HOOKE_E_UNSUPPORTED,
          "before version 1.6");
    FAILS(hooke_dict_open(&d, ctx, "tests/golden/gguf/every.gguf", NULL), HOOKE_E_NOT_FOUND, "a file of ");
}

/* A run repeated into the same folder appends its lines again. */
static void metadata_must_fit(void **state)
{
    hooke_dict *d;
    hooke_text t = { 0 };
    char path[512];
    const char *folder = new_folder();
    (void)state;
    OK(file_read(&t, GOLDEN "axbench_diffmean/DiffMean_weight.pt", 1 << 20));
    put_file(folder, "DiffMean_weight.pt", t.data, t.n);
    put_text(folder, "metadata.jsonl", "{}\n{}\n{}\n{}\n{}");
    OK(hooke_dict_open(&d, ctx, folder, NULL));
    assert_null(hooke_dict_label(d, 0));
    hooke_dict_close(d);
    put_text(folder, "metadata.jsonl",
             "{\"concept\": \"a dog\"}\n{}\n{}\n{}\n{\"concept\": \"caf\\u00e9\"}\n");
    OK(hooke_dict_open(&d, ctx, folder, NULL));
    assert_string_equal(hooke_dict_label(d, 0), "a dog");
    assert_null(hooke_dict_label(d, 1));
    assert_string_equal(hooke_dict_label(d, 4), "caf\xC3\xA9");
    assert_null(hooke_dict_label(d, 5));
    assert_null(hooke_dict_label(d, -1));
    hooke_dict_close(d);
    put_text(folder, "metadata.jsonl", "{\"score\": NaN}\n{}\n\n{}\n{}\n{}\n\n");
    OK(hooke_dict_open(&d, ctx, folder, NULL));
    hooke_dict_close(d);
    put_text(folder, "config.json", "{\"layer\": \"20\"}");
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_FORMAT, "config.json: key 'layer'");
    snprintf(path, sizeof path, "%s/config.json", folder);
    unlink(path);
    put_text(folder, "metadata.jsonl", "{}\n{\n{}\n{}\n{}\n");
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_FORMAT, "metadata.jsonl");
    put_text(folder, "metadata.jsonl", "{}\n{}\n{}\n{}\n{}\n{}\n");
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_FORMAT, "6 lines for 5 concepts");
    hooke_text_release(&t);
    snprintf(path, sizeof path, "%s/metadata.jsonl", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/DiffMean_weight.pt", folder);
    unlink(path);
    rmdir(folder);
}

/* The file's own codes are x W_enc; genuine principal scores are x times the components, which are W_enc's rows. */
static void principal_scores_on_request(void **state)
{
    static const char path[] = GOLDEN "pca/pca_gemma-2-2b_blocks.12.hook_resid_post.pt";
    hooke_dict *d, *scores;
    hooke_dict_options o = { .size = sizeof o, .conversion = "pca_scores" };
    float row[8], x[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, mean[8], y[8];
    hooke_codes c = { 0 };
    (void)state;
    OK(hooke_dict_open(&d, ctx, path, NULL));
    OK(hooke_dict_open(&scores, ctx, path, &o));
    OK(hooke_dict_vector(d, "b_dec", mean, 8));
    OK(hooke_dict_encode(scores, &c, x, 1, 8, NULL));
    assert_int_equal(c.indptr[1], 8);
    for (int f = 0; f < 8; f++) {
        double want = 0;
        OK(hooke_dict_decoder_row(scores, f, row));
        for (int j = 0; j < 8; j++) want += (double)(x[j] - mean[j]) * (double)row[j];
        assert_float_equal(c.values[f], want,
                           1e-4); /* orthonormal: scores are products with the directions */
    }
    OK(hooke_dict_decode(scores, y, 8, &c, NULL, NULL, 0));
    assert_close("scores", y, x, 1, 8, 1e-5);
    hooke_codes_release(&c);
    hooke_dict_close(d);
    hooke_dict_close(scores);
}

/* ---- control vectors: element j of direction K is K + j/8, K is 3 and 1 ---- */

static void control_vectors_are_directions(void **state)
{
    static const char path[] = "tests/golden/gguf/control_vector.gguf";
    hooke_dict *d;
    hooke_dict_options o = { .size = sizeof o };
    hooke_codes c = { 0 };
    float row[8], x[8] = { 1, 0, 0, 0, 0, 0, 0, 8 };
    (void)state;
    OK(hooke_dict_open(&d, ctx, path, NULL));
    const hooke_dict_info *i = hooke_dict_get_info(d);
    assert_true(i->d_dict == 2 && i->d_in == 8);
    assert_string_equal(i->format, "control_vector");
    assert_string_equal(i->site, "");
    assert_non_null(strstr(i->config_json, "\"layers\": [1, 3]"));
    assert_string_equal(hooke_dict_label(d, 1), "direction.3");
    for (int f = 0; f < 2; f++) {
        OK(hooke_dict_decoder_row(d, f, row));
        for (int j = 0; j < 8; j++) assert_true(row[j] == (float)(f ? 3 : 1) + (float)j / 8);
    }
    OK(hooke_dict_encode(d, &c, x, 1, 8, NULL));
    assert_int_equal(c.indptr[1], 2);
    assert_true(c.values[0] == 1 + 8 * 1.875f && c.values[1] == 3 + 8 * 3.875f);
    hooke_codes_release(&c);
    hooke_dict_close(d);
    o.target = 3;
    OK(hooke_dict_open(&d, ctx, path, &o));
    assert_int_equal(hooke_dict_get_info(d)->d_dict, 1);
    assert_string_equal(hooke_dict_get_info(d)->site, "blocks.3.hook_resid_post");
    hooke_dict_close(d);
    o.target = 2;
    FAILS(hooke_dict_open(&d, ctx, path, &o), HOOKE_E_NOT_FOUND, "no direction of the layer");
}

/* ---- damage: any verdict but a crash ---- */

static const char *damaged_folder;

static hooke_status open_bytes(const unsigned char *bytes, size_t n)
{
    hooke_dict *d;
    put_file(damaged_folder, "ae.pt", bytes, n);
    hooke_status st = hooke_dict_open(&d, ctx, damaged_folder, NULL);
    if (st == HOOKE_OK) hooke_dict_close(d);
    return st;
}

static void survives_damage(void **state)
{
    static const char *const names[] = { "dl_backup", "dl_gated" };
    (void)state;
    setenv("HOOKE_TORCH_CRC", "ignore", 1); /* what is damaged then reaches the readers */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        hooke_text t = { 0 };
        damaged_folder = new_folder();
        put_text(damaged_folder, "config.json",
                 i ? "{}" : "{\"trainer\": {\"dict_class\": \"BatchTopKSAE\", \"layer\": 3}}");
        snprintf(path, sizeof path, GOLDEN "%s/ae.pt", names[i]);
        OK(file_read(&t, path, 1 << 20));
        assert_true(survives_flips(open_bytes, (const unsigned char *)t.data, t.n, 1000, i) > 100);
        survives_lost_memory(open_bytes, (const unsigned char *)t.data, t.n);
        hooke_text_release(&t);
        snprintf(path, sizeof path, "%s/config.json", damaged_folder);
        unlink(path);
        remove_ae(damaged_folder);
    }
    unsetenv("HOOKE_TORCH_CRC");
}

int main(void)
{
    struct CMUnitTest tests[N_CASES + 7] = {
        cmocka_unit_test(alike_classes_must_be_named),
        cmocka_unit_test(checkpoints_know_their_run),
        cmocka_unit_test(classes_are_known_by_their_keys),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(metadata_must_fit),
        cmocka_unit_test(principal_scores_on_request),
        cmocka_unit_test(control_vectors_are_directions),
        cmocka_unit_test(survives_damage),
    };
    for (int i = 0; i < N_CASES; i++)
        tests[7 + i] =
            (struct CMUnitTest){ cases[i].name, run_case, NULL, NULL, (void *)(uintptr_t)&cases[i] };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
