#include "bench/shapes.h"

#include <math.h>
#include <string.h>

/* layers, d_model, heads, kv heads, d_head, d_mlp, vocabulary, context */
#define PYTHIA(name, l, d, h, v)                                                          \
    {                                                                                     \
        name, FAMILY_NEOX, l, d, h, h, (d) / (h), 4 * (d), v, 2048, 0, 0.0, false, DT_F16 \
    }
#define GPT2(name, l, d, h)                                                           \
    {                                                                                 \
        name, FAMILY_GPT2, l, d, h, h, 64, 4 * (d), 50257, 1024, 0, 0.0, true, DT_F32 \
    }

static const struct model_shape models[] = {
    { "gemma-2-2b", FAMILY_GEMMA2, 26, 2304, 8, 4, 256, 9216, 256000, 8192, 256, 0.0, true, DT_BF16 },
    { "gemma-2-9b", FAMILY_GEMMA2, 42, 3584, 16, 8, 256, 14336, 256000, 8192, 256, 0.0, true, DT_BF16 },
    { "gemma-2-27b", FAMILY_GEMMA2, 46, 4608, 32, 16, 128, 36864, 256000, 8192, 144, 0.0, true, DT_BF16 },
    PYTHIA("pythia-14m", 6, 128, 4, 50304),
    PYTHIA("pythia-31m", 6, 256, 8, 50304),
    PYTHIA("pythia-70m", 6, 512, 8, 50304),
    PYTHIA("pythia-160m", 12, 768, 12, 50304),
    PYTHIA("pythia-410m", 24, 1024, 16, 50304),
    PYTHIA("pythia-1b", 16, 2048, 8, 50304),
    PYTHIA("pythia-1.4b", 24, 2048, 16, 50304),
    PYTHIA("pythia-2.8b", 32, 2560, 32, 50304),
    PYTHIA("pythia-6.9b", 32, 4096, 32, 50432),
    PYTHIA("pythia-12b", 36, 5120, 40, 50688),
    GPT2("gpt2", 12, 768, 12),
    GPT2("gpt2-medium", 24, 1024, 16),
    GPT2("gpt2-large", 36, 1280, 20),
    GPT2("gpt2-xl", 48, 1600, 25),
    { "llama-3.1-8b", FAMILY_LLAMA, 32, 4096, 32, 8, 128, 14336, 128256, 131072, 0, 8.0, false, DT_BF16 },
    { "llama-3.2-1b", FAMILY_LLAMA, 16, 2048, 32, 8, 64, 8192, 128256, 131072, 0, 32.0, true, DT_BF16 },
    { "llama-3.2-3b", FAMILY_LLAMA, 28, 3072, 24, 8, 128, 8192, 128256, 131072, 0, 32.0, true, DT_BF16 },
    { "qwen2.5-0.5b", FAMILY_QWEN2, 24, 896, 14, 2, 64, 4864, 151936, 32768, 0, 0.0, true, DT_BF16 },
    { "qwen3-0.6b", FAMILY_QWEN3, 28, 1024, 16, 8, 128, 3072, 151936, 40960, 0, 0.0, true, DT_BF16 },
    { "qwen3-4b", FAMILY_QWEN3, 36, 2560, 32, 8, 128, 9728, 151936, 40960, 0, 0.0, true, DT_BF16 },
};

/* Gemma Scope publishes float32 .npz; the -bf16 rows are the same sizes as SAELens folders in bfloat16. */
#define SCOPE(name, model, d, width, layer)                                             \
    { name, model, LAYOUT_GEMMA_SCOPE, "jumprelu", d, width, layer, 0, DT_F32, 0 },     \
    {                                                                                   \
        name "-bf16", model, LAYOUT_SAELENS, "jumprelu", d, width, layer, 0, DT_BF16, 0 \
    }

static const struct dict_shape dicts[] = {
    SCOPE("gemma-scope-2b-16k", "gemma-2-2b", 2304, 16384, 12),
    SCOPE("gemma-scope-2b-65k", "gemma-2-2b", 2304, 65536, 12),
    SCOPE("gemma-scope-2b-262k", "gemma-2-2b", 2304, 262144, 12),
    SCOPE("gemma-scope-2b-1m", "gemma-2-2b", 2304, 1048576, 12),
    SCOPE("gemma-scope-9b-16k", "gemma-2-9b", 3584, 16384, 20),
    SCOPE("gemma-scope-9b-131k", "gemma-2-9b", 3584, 131072, 20),
    SCOPE("gemma-scope-27b-131k", "gemma-2-27b", 4608, 131072, 22),
    { "gpt2-small-res-jb", "gpt2", LAYOUT_SAELENS, "standard", 768, 24576, 8, 0, DT_F32, 0 },
    { "pythia-70m-topk-16k", "pythia-70m", LAYOUT_SAELENS, "topk", 512, 16384, 4, 80, DT_F32, 0 },
    { "pythia-70m-standard-4k", "pythia-70m", LAYOUT_SAELENS, "standard", 512, 4096, 3, 0, DT_F32, 0 },
    { "pythia-160m-topk-16k", "pythia-160m", LAYOUT_SAELENS, "topk", 768, 16384, 8, 80, DT_F32, 0 },
};

enum { N_MODELS = sizeof models / sizeof models[0], N_DICTS = sizeof dicts / sizeof dicts[0] };

const char *hooke_shape_name(int index)
{
    if (index < 0 || index >= N_MODELS + N_DICTS) return NULL;
    return index < N_MODELS ? models[index].name : dicts[index - N_MODELS].name;
}

const struct model_shape *model_shape_find(const char *name)
{
    for (int i = 0; i < N_MODELS; i++)
        if (strcmp(models[i].name, name) == 0) return &models[i];
    return NULL;
}

const struct dict_shape *dict_shape_find(const char *name)
{
    for (int i = 0; i < N_DICTS; i++)
        if (strcmp(dicts[i].name, name) == 0) return &dicts[i];
    return NULL;
}

hooke_status shape_unknown(const char *name)
{
    const char *best = hooke_shape_name(0);
    int distance = 1 << 20;
    for (int i = 0; hooke_shape_name(i); i++) {
        int d = edit_distance(name, hooke_shape_name(i));
        if (d >= distance) continue;
        distance = d;
        best = hooke_shape_name(i);
    }
    return fail(HOOKE_E_NOT_FOUND, "shape '%s' is not known; did you mean '%s'?", name, best);
}

int64_t shape_layer_matrix_params(const struct model_shape *s)
{
    int64_t z = (int64_t)s->n_heads * s->d_head, kv = (int64_t)s->n_kv_heads * s->d_head;
    int64_t attention = (2 * z + 2 * kv) * s->d_model;
    bool gated = s->family != FAMILY_NEOX && s->family != FAMILY_GPT2;
    return attention + (gated ? 3 : 2) * (int64_t)s->d_mlp * s->d_model;
}

/* Gemma 2 normalizes what attention and MLP add, so each of the 2 (layer + 1) additions has unit mean square, on top of the
 * scaled embedding. Elsewhere nothing is that simple: the figure is a rough one, measured on synthesized pythia-70m. */
double shape_resid_rms(const struct model_shape *s, int layer)
{
    if (s->family != FAMILY_GEMMA2) return 0.1 * sqrt(layer + 1.0);
    return sqrt(0.02 * 0.02 * s->d_model + 2.0 * (layer + 1));
}
