/* Configurations of every published layout beside sound weights: the first byte chooses the layout, the rest is the configuration.
 * What opens encodes and decodes a few rows. Weights are written once into a folder of their own. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../tests/remove_tree.h"
#include "dict/dict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { D = 4, F = 8, ROWS = 2, MOST_TENSORS = 16 };
static float numbers[D * F * 8];

struct layout {
    const char *folder, *config, *weights, *open;
    hooke_tensor_out tensors[MOST_TENSORS];
    int n;
};
#define M(name, a, b)                     \
    {                                     \
        name, "F32", 2, { a, b }, numbers \
    }
#define V(name, a)                     \
    {                                  \
        name, "F32", 1, { a }, numbers \
    }
static const struct layout layouts[] = {
    { "sparsify/layers.1",
      "cfg.json",
      "sae.safetensors",
      "",
      { M("encoder.weight", F, D), V("encoder.bias", F), M("W_dec", F, D), V("b_dec", D), M("W_skip", D, D) },
      5 },
    { "sparsify_plain/layers.1",
      "cfg.json",
      "sae.safetensors",
      "",
      { M("encoder.weight", F, D), V("encoder.bias", F), M("W_dec", F, D), V("b_dec", D) },
      4 },
    { "gemma-scope-2-1b/transcoder/layer_1",
      "config.json",
      "params.safetensors",
      "",
      { M("w_enc", D, F), M("w_dec", F, D), V("b_enc", F), V("b_dec", D), V("threshold", F) },
      5 },
    { "llama_scope",
      "hyperparams.json",
      "checkpoints/final.safetensors",
      "",
      { M("encoder.weight", F, D), V("encoder.bias", F), M("decoder.weight", D, F), V("decoder.bias", D) },
      4 },
    { "r1",
      "config.json",
      "sae_weights.safetensors",
      "",
      { M("encoder.weight", F, D), V("encoder.bias", F), M("decoder.weight", D, F), V("decoder.bias", D),
        V("log_jumprelu_threshold", F) },
      5 },
    { "llamascopium",
      "config.json",
      "sae_weights.safetensors",
      "",
      { M("W_E", D, F),
        V("b_E", F),
        M("W_D", F, D),
        V("b_D", D),
        M("W_E_glu", D, F),
        V("b_E_glu", F),
        V("activation_function.log_jumprelu_threshold", F),
        { "dataset_average_activation_norm.a", "F32", 0, { 0 }, numbers + 1 } },
      8 },
    { "set",
      "config.yaml",
      "layer_1.safetensors",
      "layer_1.safetensors",
      { M("W_enc", F, D), M("W_dec", F, D), V("b_enc", F), V("b_dec", D) },
      4 },
    { "temporal",
      "conf.yaml",
      "latest_ckpt.safetensors",
      "",
      { M("D", F, D), V("b", D), M("E", D, F), M("attn_layers.0.q_target.weight", 4, F),
        V("attn_layers.0.q_target.bias", 4), M("attn_layers.0.k_ctx.weight", 4, F),
        V("attn_layers.0.k_ctx.bias", 4), M("attn_layers.0.v_ctx.weight", F, F),
        V("attn_layers.0.v_ctx.bias", F), M("attn_layers.0.c_proj.weight", F, F),
        V("attn_layers.0.c_proj.bias", F) },
      11 },
    { "saelens",
      "cfg.json",
      "sae_weights.safetensors",
      "",
      { M("W_enc", D, F), M("W_dec", F, D), V("b_enc", F), V("b_dec", D) },
      4 },
    { "saelens_tied", "cfg.json", "sae_weights.safetensors", "", { M("W_dec", F, D), V("b_dec", D) }, 2 },
};
enum { N_LAYOUTS = sizeof layouts / sizeof *layouts };

static char root[64];
static hooke_context *ctx;

static void clean(void)
{
    remove_tree(root);
}

static void prepare(void)
{
    hooke_context_options o = { .size = sizeof o, .n_threads = 1, .cpu_level = "ref", .dtype = "f32" };
    char path[256];
    for (int i = 0; i < D * F * 8; i++) numbers[i] = (float)(i % 11) / 4 - 1 + (i == 1 ? 2 : 0);
    snprintf(root, sizeof root, "%s/hooke-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (hooke_context_open(&ctx, &o) != HOOKE_OK || !mkdtemp(root)) abort();
    (void)atexit(clean);
    for (int i = 0; i < N_LAYOUTS; i++) {
        snprintf(path, sizeof path, "%s/%s/checkpoints", root, layouts[i].folder);
        if (make_folders(path) != HOOKE_OK) abort();
        snprintf(path, sizeof path, "%s/%s/%s", root, layouts[i].folder, layouts[i].weights);
        if (hooke_write_safetensors(path, layouts[i].tensors, layouts[i].n, NULL) != HOOKE_OK) abort();
    }
}

static void use(hooke_dict *d)
{
    float x[ROWS * D] = { 1, -2, 3, 0, 5, 0, -7, 1 }, y[ROWS * D];
    hooke_codes c = { 0 };
    if (hooke_dict_encode(d, &c, x, ROWS, D, NULL) == HOOKE_OK)
        (void)hooke_dict_decode(d, y, D, &c, NULL, x, D);
    hooke_codes_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char path[256];
    hooke_dict *d;
    if (!ctx) prepare();
    if (n == 0) return 0;
    const struct layout *l = &layouts[data[0] % N_LAYOUTS];
    snprintf(path, sizeof path, "%s/%s/%s", root, l->folder, l->config);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data + 1, 1, n - 1, f) != n - 1 || fclose(f) != 0) abort();
    snprintf(path, sizeof path, "%s/%s%s%s", root, l->folder, l->open[0] ? "/" : "", l->open);
    if (hooke_dict_open(&d, ctx, path, NULL) == HOOKE_OK) use(d);
    hooke_dict_close(d);
    return 0;
}
