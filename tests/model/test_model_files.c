/* Model folders that are damaged, incomplete or of a kind that is not understood. */
#include "damage.h"
#include "model/kit.h"

#include "file/json.h"
#include "file/safetensors.h"
#include "model/model_config.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- config.json --------------------------------------------------------------------------------------------------------- */

static int n_warnings;

static void count_warning(void *payload, const char *text)
{
    (void)payload;
    assert_non_null(text);
    n_warnings++;
}

static struct model_config cfg;

static hooke_status parse(const char *text, size_t n)
{
    struct arena a = { 0 };
    const struct json *root;
    hooke_status st = json_parse(&root, &a, text, n, 0, "config.json");
    if (st == HOOKE_OK) st = config_parse(&cfg, root, "config.json", count_warning, NULL);
    arena_release(&a);
    return st;
}

static hooke_status parse_bytes(const unsigned char *bytes, size_t n)
{
    return parse((const char *)bytes, n);
}

static void read_text(hooke_text *out, const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char buffer[4096];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, f)) > 0) must(text_append(out, buffer, n));
    fclose(f);
}

static void damaged_configurations_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < N_GOLDEN; i++) {
        char path[256];
        hooke_text text = { 0 };
        snprintf(path, sizeof path, "tests/golden/models/%s/config.json", golden_names[i]);
        read_text(&text, path);
        while (text.n > 0 && (text.data[text.n - 1] == '\n' || text.data[text.n - 1] == ' ')) text.n--;
        refuses_every_cut(parse_bytes, (const unsigned char *)text.data, text.n);
        survives_flips(parse_bytes, (const unsigned char *)text.data, text.n, 3000, 11 + (uint64_t)i);
        hooke_text_release(&text);
    }
}

struct wrong {
    const char *json, *says;
    hooke_status status;
};

static const struct wrong wrong_configs[] = {
    { "[]", "object", HOOKE_E_FORMAT },
    { "{}", "model_type", HOOKE_E_FORMAT },
    { "{\"model_type\": 7}", "model_type", HOOKE_E_FORMAT },
    { "{\"model_type\": \"mamba\"}", "mamba", HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gemma3\"}", "text_config", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gpt_neox\"}", "num_hidden_layers", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"num_hidden_layers\": 0}", "num_hidden_layers", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"num_hidden_layers\": -3}", "num_hidden_layers", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"num_hidden_layers\": 2147483648}", "num_hidden_layers",
      HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"num_hidden_layers\": 100000}", "layers", HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gemma2\", \"num_hidden_layers\": 2.5}", "num_hidden_layers", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"head_dim\": 2147483647}", "wide", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"num_attention_heads\": 7}", "evenly", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"head_dim\": 7}", "even", HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gemma2\", \"rms_norm_eps\": -1}", "rms_norm_eps", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"query_pre_attn_scalar\": 0}", "query_pre_attn_scalar", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"attn_logit_softcapping\": -5}", "attn_logit_softcapping",
      HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"hidden_activation\": \"quick_gelu\"}", "quick_gelu",
      HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gemma2\", \"attention_bias\": true}", "attention_bias", HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gemma2\", \"use_bidirectional_attention\": true}", "bidirectional",
      HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gemma2\", \"quantization_config\": {\"bits\": 4}}", "quantization_config",
      HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gemma2\", \"layer_types\": [\"full_attention\"]}", "layer_types", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"num_hidden_layers\": 1, \"layer_types\": [\"linear_attention\"]}",
      "linear_attention", HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gemma2\", \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4}}", "yarn",
      HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gemma2\", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}}", "factor",
      HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"rope_scaling\": 3}", "rope_scaling", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"rope_theta\": 0}", "theta", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gemma2\", \"eos_token_id\": \"x\"}", "eos_token_id", HOOKE_E_FORMAT },
    { "{\"model_type\": \"llama\", \"num_hidden_layers\": 2, \"hidden_size\": 16, \"num_attention_heads\": "
      "4, "
      "\"intermediate_size\": 8, \"vocab_size\": 9, \"mlp_bias\": true}",
      "mlp_bias", HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gpt2\", \"n_layer\": 2, \"n_embd\": 15, \"n_head\": 4, \"vocab_size\": 9}",
      "multiple", HOOKE_E_FORMAT },
    { "{\"model_type\": \"gpt2\", \"scale_attn_by_inverse_layer_idx\": true}", "inverse_layer",
      HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gpt2\", \"scale_attn_weights\": false}", "scale_attn_weights",
      HOOKE_E_UNSUPPORTED },
    { "{\"model_type\": \"gpt_neox\", \"num_hidden_layers\": 2, \"hidden_size\": 16, "
      "\"num_attention_heads\": 4, "
      "\"vocab_size\": 9, \"rotary_pct\": 1.5}",
      "share", HOOKE_E_FORMAT },
};

static void wrong_configurations_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong_configs / sizeof wrong_configs[0]; i++) {
        const struct wrong *w = &wrong_configs[i];
        hooke_status st = parse(w->json, strlen(w->json));
        if (st != w->status || !strstr(hooke_error(), w->says))
            print_message("%s\n  gave: %s\n", w->json, hooke_error());
        assert_int_equal(st, w->status);
        assert_non_null(strstr(hooke_error(), w->says));
    }
}

static void parse_ok(const char *json)
{
    must(parse(json, strlen(json)));
}

static void configurations_are_understood(void **state)
{
    (void)state;
    parse_ok("{\"model_type\": \"gemma2\"}"); /* every key absent: the 2B column */
    assert_int_equal(cfg.n_layers, 26);
    assert_int_equal(cfg.d_head, 256);
    assert_true(cfg.cap_scores == 50 && cfg.cap_logits == 30 && cfg.attn_scale == 1.0f / 16);
    assert_true(cfg.is_local[0] && !cfg.is_local[1] && cfg.is_local[24] && !cfg.is_local[25]);
    assert_int_equal(cfg.window, 4096);
    assert_true(cfg.tied);
    parse_ok("{\"model_type\": \"gemma2\", \"attn_logit_softcapping\": null, \"hidden_act\": \"gelu\"}");
    assert_true(cfg.cap_scores == 0);
    assert_int_equal(cfg.activation, ACT_GELU_TANH);
    /* 27B: the scale is that of d/H, the heads are narrower. */
    parse_ok("{\"model_type\": \"gemma2\", \"num_hidden_layers\": 46, \"hidden_size\": 4608, "
             "\"num_attention_heads\": 32, "
             "\"num_key_value_heads\": 16, \"head_dim\": 128, \"query_pre_attn_scalar\": 144, "
             "\"eos_token_id\": [1, 107]}");
    assert_true(fabsf(cfg.attn_scale - 1.0f / 12) < 1e-8f);
    assert_int_equal(cfg.rope.n_dims, 128);
    assert_int_equal(cfg.n_stop_ids, 2);
    n_warnings = 0;
    parse_ok("{\"model_type\": \"gemma2\", \"num_hidden_layers\": 42, \"hidden_size\": 3584, "
             "\"num_attention_heads\": 16, "
             "\"num_key_value_heads\": 8, \"query_pre_attn_scalar\": 224}");
    assert_int_equal(n_warnings, 1);
    /* Gemma 3 4B as the multimodal files write it: nested, most keys absent, old rope spelling. */
    parse_ok("{\"model_type\": \"gemma3\", \"eos_token_id\": [1, 106], \"text_config\": {\"model_type\": "
             "\"gemma3_text\", "
             "\"hidden_size\": 2560, \"intermediate_size\": 10240, \"num_hidden_layers\": 34, "
             "\"sliding_window\": 1024, "
             "\"rope_scaling\": {\"factor\": 8.0, \"rope_type\": \"linear\"}}}");
    assert_string_equal(cfg.arch->name, "gemma3_text");
    assert_int_equal(cfg.d_vocab, 262208);
    assert_true(cfg.rope.theta == 1e6 && cfg.rope.factor == 8 && cfg.rope_local.theta == 1e4);
    assert_int_equal(cfg.rope_local.scaling, ROPE_PLAIN);
    assert_true(cfg.is_local[4] && !cfg.is_local[5] && cfg.cap_scores == 0);
    assert_int_equal(cfg.n_stop_ids, 2);
    /* Pythia in both spellings. */
    parse_ok("{\"model_type\": \"gpt_neox\", \"num_hidden_layers\": 6, \"hidden_size\": 512, "
             "\"num_attention_heads\": 8, "
             "\"intermediate_size\": 2048, \"vocab_size\": 50304, \"rotary_pct\": 0.25, \"rotary_emb_base\": "
             "10000, "
             "\"use_parallel_residual\": true, \"hidden_act\": \"gelu\"}");
    assert_true(cfg.rope.n_dims == 16 && cfg.parallel && !cfg.tied && cfg.qkv_bias && cfg.o_bias);
    assert_int_equal(cfg.activation, ACT_GELU_ERF);
    parse_ok(
        "{\"model_type\": \"gpt_neox\", \"num_hidden_layers\": 6, \"hidden_size\": 512, "
        "\"num_attention_heads\": 8, "
        "\"vocab_size\": 50304, \"rope_parameters\": {\"rope_theta\": 500, \"partial_rotary_factor\": 0.5, "
        "\"rope_type\": \"default\"}, \"use_parallel_residual\": false, \"attention_bias\": false}");
    assert_true(cfg.rope.n_dims == 32 && cfg.rope.theta == 500 && !cfg.parallel && !cfg.qkv_bias &&
                !cfg.o_bias && cfg.mlp_bias);
    assert_int_equal(cfg.d_mlp, 2048);
    parse_ok(
        "{\"model_type\": \"gpt2\", \"n_layer\": 12, \"n_embd\": 768, \"n_head\": 12, \"n_inner\": null, "
        "\"n_positions\": 1024, \"vocab_size\": 50257, \"activation_function\": \"gelu_new\"}");
    assert_true(cfg.d_mlp == 3072 && cfg.tied && cfg.rope.n_dims == 0);
    /* Llama 3.2 1B; Qwen 2.5 whose window is written and not used. */
    parse_ok(
        "{\"model_type\": \"llama\", \"num_hidden_layers\": 16, \"hidden_size\": 2048, "
        "\"num_attention_heads\": 32, "
        "\"num_key_value_heads\": 8, \"intermediate_size\": 8192, \"vocab_size\": 128256, \"rope_theta\": "
        "500000.0, "
        "\"tie_word_embeddings\": true, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 32.0, "
        "\"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 8192}}");
    assert_true(cfg.d_head == 64 && cfg.rope.scaling == ROPE_LLAMA3 && cfg.rope.factor == 32 && cfg.tied);
    parse_ok("{\"model_type\": \"qwen2\", \"num_hidden_layers\": 24, \"hidden_size\": 896, "
             "\"num_attention_heads\": 14, "
             "\"num_key_value_heads\": 2, \"intermediate_size\": 4864, \"vocab_size\": 151936, "
             "\"sliding_window\": 32768, "
             "\"use_sliding_window\": false, \"max_window_layers\": 21}");
    for (int i = 0; i < 24; i++) assert_false(cfg.is_local[i]);
    assert_true(cfg.qkv_bias && !cfg.o_bias);
}

/* ---- folders --------------------------------------------------------------------------------------------------------------- */

static hooke_context *ctx;
static char folder[64];

/* Rewrites the golden model's weights with one tensor left out, renamed, reshaped or poisoned. */
struct change {
    const char *tensor, *rename; /* "": left out */
    const char *dtype;           /* another type of the same width */
    int swap_shape, nan_at;      /* nan_at: 1 + index */
    const char *extra;           /* one more tensor of that name */
};

static void write_changed(const char *from, const struct change *c)
{
    struct safetensors s;
    char path[256];
    snprintf(path, sizeof path, "tests/golden/models/%s/model.safetensors", from);
    must(safetensors_open(&s, path));
    hooke_tensor_out *out = calloc((size_t)s.n_tensors + 1, sizeof *out);
    float *poisoned = NULL;
    int n = 0;
    for (int i = 0; i < s.n_tensors; i++) {
        const struct stored_tensor *t = &s.tensors[i];
        hooke_tensor_out o = {
            .name = t->name, .dtype = dtype_name(t->dtype), .n_dims = t->n_dims, .data = t->data
        };
        memcpy(o.shape, t->shape, sizeof o.shape);
        if (c->tensor && !strcmp(t->name, c->tensor)) {
            if (c->rename && !*c->rename) continue;
            if (c->rename) o.name = c->rename;
            if (c->dtype) o.dtype = c->dtype;
            if (c->swap_shape) {
                o.shape[0] = t->n_dims == 1 ? 1 : t->shape[1];
                o.shape[1] = t->n_dims == 1 ? t->shape[0] : t->shape[0];
                o.n_dims = 2;
            }
            if (c->nan_at) {
                poisoned = malloc(t->bytes);
                memcpy(poisoned, t->data, t->bytes);
                poisoned[c->nan_at - 1] = NAN;
                o.data = poisoned;
            }
        }
        out[n++] = o;
    }
    static const float one = 1;
    if (c->extra)
        out[n++] =
            (hooke_tensor_out){ .name = c->extra, .dtype = "F32", .n_dims = 1, .shape = { 1 }, .data = &one };
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    must(hooke_write_safetensors(path, out, n, NULL));
    free(out);
    free(poisoned);
    safetensors_close(&s);
    hooke_text config = { 0 };
    snprintf(path, sizeof path, "tests/golden/models/%s/config.json", from);
    read_text(&config, path);
    snprintf(path, sizeof path, "%s/config.json", folder);
    must(hooke_write_file(path, config.data, config.n));
    hooke_text_release(&config);
}

static hooke_status open_changed(const char *from, const struct change *c)
{
    hooke_model *m;
    write_changed(from, c);
    hooke_status st = hooke_model_open(&m, ctx, folder, NULL);
    assert_true((st == HOOKE_OK) == (m != NULL));
    hooke_model_close(m);
    return st;
}

static void refuses(const char *from, struct change c, hooke_status status, const char *says)
{
    hooke_status st = open_changed(from, &c);
    if (st != status || !strstr(hooke_error(), says))
        print_message("%s: %s\n", c.tensor ? c.tensor : c.extra, hooke_error());
    assert_int_equal(st, status);
    assert_non_null(strstr(hooke_error(), says));
}

static void wrong_tensors_are_named(void **state)
{
    (void)state;
    const char *q = "model.layers.1.self_attn.q_proj.weight", *norm = "model.layers.2.input_layernorm.weight";
    must(open_changed("gemma2", &(struct change){ 0 }));
    refuses("gemma2", (struct change){ .tensor = q, .rename = "" }, HOOKE_E_NOT_FOUND, q);
    refuses("gemma2", (struct change){ .tensor = "model.embed_tokens.weight", .rename = "" },
            HOOKE_E_NOT_FOUND, "embed_tokens");
    refuses("gemma2", (struct change){ .tensor = q, .swap_shape = 1 }, HOOKE_E_SHAPE, "[16, 24]");
    refuses("gemma2", (struct change){ .tensor = norm, .swap_shape = 1 }, HOOKE_E_SHAPE, norm);
    refuses("gemma2", (struct change){ .tensor = q, .dtype = "I32" }, HOOKE_E_UNSUPPORTED, "I32");
    refuses("gemma2", (struct change){ .tensor = norm, .nan_at = 4 }, HOOKE_E_FORMAT, "NaN at 3");
    refuses("gemma2", (struct change){ .extra = "model.layers.0.self_attn.q_proj.bias" }, HOOKE_E_UNSUPPORTED,
            "q_proj.bias");
    refuses("gemma2", (struct change){ .extra = "model.layers.3.mlp.up_proj.weight" }, HOOKE_E_UNSUPPORTED,
            "layers.3");
    refuses("gpt_neox_sequential", (struct change){ .tensor = "embed_out.weight", .rename = "elsewhere" },
            HOOKE_E_NOT_FOUND, "embed_out");
    /* Harmless strangers. */
    must(open_changed("gpt_neox_sequential",
                      &(struct change){ .extra = "gpt_neox.layers.0.attention.masked_bias" }));
    must(
        open_changed("gpt_neox_sequential", &(struct change){ .extra = "gpt_neox.layers.0.attention.bias" }));
    must(open_changed("gpt2", &(struct change){ .extra = "h.0.attn.bias" }));
    n_warnings = 0;
    must(open_changed("llama_tied",
                      &(struct change){ .extra = "lm_head.weight" })); /* not the embedding: a warning */
    assert_int_equal(n_warnings, 1);
    must(open_changed("llama_tied",
                      &(struct change){ .extra = "model.layers.0.self_attn.rotary_emb.inv_freq" }));
}

/* Logits of a NaN matrix are NaN, and generation says so. */
static void nan_weights_are_seen(void **state)
{
    (void)state;
    hooke_model *m;
    write_changed("gemma2", &(struct change){ .tensor = "model.layers.1.mlp.up_proj.weight", .nan_at = 5 });
    must(hooke_model_open(&m, ctx, folder, NULL));
    int32_t ids[3] = { 2, 5, 7 };
    int64_t start[2] = { 0, 3 };
    hooke_batch batch = { .n_seqs = 1, .start = start, .ids = ids };
    hooke_ids out = { 0 };
    assert_int_equal(hooke_generate(m, &out, &batch, NULL), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "NaN"));
    hooke_ids_release(&out);
    hooke_model_close(m);
}

static void damaged_weights_are_refused(void **state)
{
    (void)state;
    hooke_text whole = { 0 };
    char path[256];
    write_changed("gpt_neox", &(struct change){ 0 });
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    read_text(&whole, path);
    for (size_t i = 0; i < 120; i++) { /* every cut is tests/file's business; here the folder as a whole */
        hooke_model *m;
        size_t cut = i < 40 ? i : whole.n * (i - 40) / 80;
        must(hooke_write_file(path, whole.data, cut));
        assert_int_not_equal(hooke_model_open(&m, ctx, folder, NULL), HOOKE_OK);
        assert_null(m);
    }
    hooke_text_release(&whole);
    unlink(path);
    hooke_model *m;
    assert_int_equal(hooke_model_open(&m, ctx, folder, NULL), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "model.safetensors"));
    snprintf(path, sizeof path, "%s/config.json", folder);
    unlink(path);
    assert_int_equal(hooke_model_open(&m, ctx, folder, NULL), HOOKE_E_NOT_FOUND);
    assert_int_equal(hooke_model_open(&m, ctx, "tests/no-such-model", NULL), HOOKE_E_NOT_FOUND);
}

/* Names as re-saved and as multimodal files have them. */
static void other_spellings_open(void **state)
{
    (void)state;
    static const struct {
        const char *from, *name, *renamed;
    } cases[] = {
        { "gpt_neox", "embed_out.weight", "lm_head.weight" },
        { "gemma3_text", "model.norm.weight", "language_model.model.norm.weight" },
        { "gemma3_text", "model.layers.0.mlp.up_proj.weight",
          "model.language_model.layers.0.mlp.up_proj.weight" },
        { "gpt2", "transformer.ln_f.weight", "ln_f.weight" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        must(open_changed(cases[i].from,
                          &(struct change){ .tensor = cases[i].name, .rename = cases[i].renamed }));
}

static void count_log(void *payload, int level, const char *message)
{
    if (level == 0) count_warning(payload, message);
}

static int make_folder(void **state)
{
    (void)state;
    hooke_context_options o = { .size = sizeof o, .n_threads = 1, .dtype = "f32", .log = count_log };
    snprintf(folder, sizeof folder, "/tmp/hooke-model-XXXXXX");
    must(hooke_context_open(&ctx, &o));
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/config.json", folder);
    unlink(path);
    hooke_context_close(ctx);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_configurations_are_refused),
        cmocka_unit_test(wrong_configurations_are_named),
        cmocka_unit_test(configurations_are_understood),
        cmocka_unit_test(wrong_tensors_are_named),
        cmocka_unit_test(nan_weights_are_seen),
        cmocka_unit_test(other_spellings_open),
        cmocka_unit_test(damaged_weights_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
