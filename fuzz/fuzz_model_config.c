/* Any bytes as a model's config.json: refused with a message, or accepted with sizes that fit together. */
#include "file/json.h"
#include "model/model_config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct model_config cfg;

static void require(int condition)
{
    if (!condition) abort();
}

static void check_sizes(const struct model_config *c)
{
    require(c->arch && c->n_layers >= 1 && c->n_layers <= MAX_LAYERS && c->d_model >= 1 && c->d_mlp >= 1);
    require(c->n_heads >= 1 && c->n_kv_heads >= 1 && c->n_heads % c->n_kv_heads == 0 && c->d_head >= 1);
    require((int64_t)c->n_heads * c->d_head <= INT32_MAX && c->d_vocab >= 1 && c->n_ctx >= 1);
    require(c->rope.n_dims % 2 == 0 && c->rope.n_dims <= c->d_head && c->rope_local.n_dims <= c->d_head);
    require(c->window >= 0 && c->n_stop_ids >= 0 && c->n_stop_ids <= MAX_STOP_IDS);
    require(c->attn_scale > 0 && c->cap_scores >= 0 && c->cap_logits >= 0);
    for (int i = 0; i < c->n_stop_ids; i++) require(c->stop_ids[i] >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = { 0 };
    const struct json *root;
    hooke_status st = json_parse(&root, &a, (const char *)data, n, 0, "input");
    if (st == HOOKE_OK) st = config_parse(&cfg, root, "input", NULL, NULL);
    if (st == HOOKE_OK)
        check_sizes(&cfg);
    else
        require(hooke_error()[0] != '\0');
    if (st == HOOKE_OK) st = config_stop_ids(&cfg, root, "input");
    require(st != HOOKE_E_INTERNAL);
    arena_release(&a);
    return 0;
}
