/* The core evaluation on small random models. A dictionary that copies its input (features x and -x, ReLU) must change nothing. */
#include "eval/core.h" /* before cmocka, whose fail() is a macro */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "eval/near.h"
#include "file/json.h"
#include "tensor/context.h"

#define GEMMA  "tests/golden/models/gemma2"
#define NEOX   "tests/golden/models/gpt_neox"
#define SCHEMA "../shared/data/saebench/schemas/eval_output_schema_core.json"

static char folder[64];
static hooke_context *ctx;
static const char *const written[] = { "sae_weights.safetensors", "cfg.json", "ids.json" };

static const char *in_folder(char *path, size_t n, const char *name)
{
    snprintf(path, n, "%s/%s", folder, name);
    return path;
}

static int setup(void **state)
{
    hooke_context_options options = { .size = sizeof options, .dtype = "f32", .n_threads = 2 };
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hooke-test-core-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    return hooke_context_open(&ctx, &options) == HOOKE_OK ? 0 : -1;
}

static int teardown(void **state)
{
    char path[160];
    (void)state;
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++)
        unlink(in_folder(path, sizeof path, written[i]));
    hooke_context_close(ctx);
    return rmdir(folder);
}

static void write_cfg(int d_in, int d_dict, const char *site, int head)
{
    char path[160], text[600], head_text[16] = "null";
    if (head >= 0) snprintf(head_text, sizeof head_text, "%d", head);
    int n = snprintf(
        text, sizeof text,
        "{\"architecture\": \"standard\", \"d_in\": %d, \"d_sae\": %d, \"dtype\": \"float32\", "
        "\"apply_b_dec_to_input\": false, \"normalize_activations\": \"none\", \"reshape_activations\": "
        "\"none\", "
        "\"metadata\": {\"sae_lens_version\": \"6.18.0\", \"model_name\": \"random\", \"hook_name\": \"%s\", "
        "\"hook_head_index\": %s, \"context_size\": 8, \"prepend_bos\": true}}",
        d_in, d_dict, site, head_text);
    assert_int_equal(hooke_write_file(in_folder(path, sizeof path, "cfg.json"), text, (size_t)n), HOOKE_OK);
}

/* W_enc [d, f], W_dec [f, d], biases zero. */
static void write_dict(const float *w_enc, const float *w_dec, int d, int f, const char *site, int head)
{
    char path[160];
    float *zeros = calloc((size_t)(d + f), sizeof *zeros);
    const hooke_tensor_out tensors[] = {
        { .name = "W_dec", .dtype = "F32", .n_dims = 2, .shape = { f, d }, .data = w_dec },
        { .name = "W_enc", .dtype = "F32", .n_dims = 2, .shape = { d, f }, .data = w_enc },
        { .name = "b_dec", .dtype = "F32", .n_dims = 1, .shape = { d }, .data = zeros },
        { .name = "b_enc", .dtype = "F32", .n_dims = 1, .shape = { f }, .data = zeros },
    };
    in_folder(path, sizeof path, "sae_weights.safetensors");
    assert_int_equal(hooke_write_safetensors(path, tensors, 4, NULL), HOOKE_OK);
    write_cfg(d, f, site, head);
    free(zeros);
}

static void write_copier(int d, const char *site, int head)
{
    float *enc = calloc((size_t)(2 * d * d), sizeof *enc), *dec = calloc((size_t)(2 * d * d), sizeof *dec);
    for (int i = 0; i < d; i++) {
        enc[i * 2 * d + i] = dec[i * d + i] = 1.0f;
        enc[i * 2 * d + d + i] = dec[(d + i) * d + i] = -1.0f;
    }
    write_dict(enc, dec, d, 2 * d, site, head);
    free(enc);
    free(dec);
}

/* 7 contexts of 8 ids. */
static void write_ids(int d_vocab)
{
    char path[160], text[2048];
    size_t n = 0;
    text[n++] = '[';
    for (int i = 0; i < 56; i++) {
        int id = (int)(random_u64(9, RANDOM_TEST, (uint64_t)i) % (uint64_t)d_vocab);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d%s",
                              i % 8 ? ", "
                              : i   ? ", ["
                                    : "[",
                              id, i % 8 == 7 ? "]" : "");
    }
    text[n++] = ']';
    assert_int_equal(hooke_write_file(in_folder(path, sizeof path, "ids.json"), text, n), HOOKE_OK);
}

static hooke_status evaluate(hooke_core_result **out, const char *model, bool exclude)
{
    char ids[160];
    hooke_core_options options = { .size = sizeof options,
                                   .batch_size_prompts = 3,
                                   .n_eval_reconstruction_batches = 2,
                                   .n_eval_sparsity_variance_batches = 2,
                                   .exclude_special_tokens_from_reconstruction = exclude };
    hooke_model *m = NULL;
    hooke_dict *d = NULL;
    *out = NULL;
    options.ids_file = in_folder(ids, sizeof ids, "ids.json");
    hooke_status st = hooke_model_open(&m, ctx, model, NULL);
    if (st == HOOKE_OK) st = hooke_dict_open(&d, ctx, folder, NULL);
    if (st == HOOKE_OK) st = hooke_eval_core(out, m, d, &options);
    hooke_dict_close(d);
    hooke_model_close(m);
    return st;
}

static int width_of(const char *model, const char *site)
{
    hooke_model *m;
    hooke_site s;
    assert_int_equal(hooke_model_open(&m, ctx, model, NULL), HOOKE_OK);
    assert_int_equal(hooke_site_parse(m, &s, site), HOOKE_OK);
    int width = hooke_site_width(m, s);
    hooke_model_close(m);
    return width;
}

static void copier_changes_nothing_at(const char *model, const char *site, int d_vocab, bool ablation_matters)
{
    hooke_core_result *r;
    int d = width_of(model, site);
    write_copier(d, site, -1);
    write_ids(d_vocab);
    hooke_status st = evaluate(&r, model, false);
    if (st != HOOKE_OK) print_error("%s at %s: %s\n", model, site, hooke_error());
    assert_int_equal(st, HOOKE_OK);
    const hooke_core_metrics *m = hooke_core_get_metrics(r);
    assert_near(m->ce_loss_with_sae, m->ce_loss_without_sae, 1e-6);
    assert_near(m->kl_div_with_sae, 0.0, 1e-6);
    assert_near(m->cossim, 1.0, 1e-6);
    assert_true(m->mse == 0.0 && m->l2_ratio == 1.0 && m->relative_reconstruction_bias == 1.0 &&
                m->explained_variance_exact == 1.0);
    assert_near(m->l0, d, 1e-9);
    if (ablation_matters) assert_true(fabs(m->ce_loss_with_ablation - m->ce_loss_without_sae) > 1e-4);
    if (ablation_matters) assert_near(m->ce_loss_score, 1.0, 1e-2);
    assert_true(m->ce_loss_without_sae > 0.5 && m->ce_loss_without_sae < 20.0);
    assert_int_equal(m->total_tokens_eval_reconstruction, 48);
    hooke_core_close(r);
}

static void a_copier_changes_nothing(void **state)
{
    (void)state;
    copier_changes_nothing_at(GEMMA, "blocks.1.hook_resid_post", 43, true);
    copier_changes_nothing_at(GEMMA, "blocks.2.hook_resid_post", 43,
                              true); /* behind the last block: only the head is left */
    copier_changes_nothing_at(GEMMA, "blocks.0.hook_resid_pre", 43, true);
    copier_changes_nothing_at(GEMMA, "blocks.1.hook_mlp_out", 43, false);
    copier_changes_nothing_at(GEMMA, "blocks.1.attn.hook_z", 43, false);
    copier_changes_nothing_at(GEMMA, "hook_embed", 43, true);
    copier_changes_nothing_at(NEOX, "blocks.0.hook_resid_post", 37, true);
    copier_changes_nothing_at(NEOX, "blocks.1.hook_attn_out", 37, false);
}

/* The same site, read as one residual (the pass starts behind it) and as an edit inside the block, gives the same numbers:
 * blocks.1.hook_resid_pre is blocks.0.hook_resid_post. */
static void random_dict(int d, int f, const char *site, int head)
{
    float *enc = calloc((size_t)(d * f), sizeof *enc), *dec = calloc((size_t)(d * f), sizeof *dec);
    random_normal(enc, d * f, 21, RANDOM_TEST, 0);
    random_normal(dec, d * f, 22, RANDOM_TEST, 0);
    for (int i = 0; i < d * f; i++) dec[i] *= 0.1f;
    write_dict(enc, dec, d, f, site, head);
    free(enc);
    free(dec);
}

static hooke_core_metrics metrics_of(const char *model, bool exclude)
{
    hooke_core_result *r;
    assert_int_equal(evaluate(&r, model, exclude), HOOKE_OK);
    hooke_core_metrics m = *hooke_core_get_metrics(r);
    hooke_core_close(r);
    return m;
}

static void two_names_of_one_residual_agree(void **state)
{
    (void)state;
    write_ids(43);
    random_dict(16, 40, "blocks.0.hook_resid_post", -1);
    hooke_core_metrics post = metrics_of(GEMMA, false);
    random_dict(16, 40, "blocks.1.hook_resid_pre", -1);
    hooke_core_metrics pre = metrics_of(GEMMA, false);
    assert_near(post.ce_loss_with_sae, pre.ce_loss_with_sae, 1e-9);
    assert_near(post.ce_loss_with_ablation, pre.ce_loss_with_ablation, 1e-9);
    assert_near(post.kl_div_with_sae, pre.kl_div_with_sae, 1e-9);
    assert_near(post.explained_variance, pre.explained_variance, 1e-12);
    assert_true(post.kl_div_with_sae > 1e-5 && post.ce_loss_with_sae > post.ce_loss_without_sae - 1.0);
}

/* All heads copied one by one or together change nothing; zeroing one head is not zeroing all. */
static void one_head_is_a_slice(void **state)
{
    (void)state;
    write_ids(43);
    write_copier(6, "blocks.1.attn.hook_z", 2);
    hooke_core_metrics head = metrics_of(GEMMA, false);
    write_copier(24, "blocks.1.attn.hook_z", -1);
    hooke_core_metrics all = metrics_of(GEMMA, false);
    assert_near(head.ce_loss_with_sae, all.ce_loss_with_sae, 1e-9);
    assert_true(head.l0 == 6.0 && all.l0 == 24.0);
    assert_true(fabs(head.ce_loss_with_ablation - all.ce_loss_with_ablation) > 1e-7);
    assert_true(head.l2_norm_in < all.l2_norm_in);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    write_ids(43);
    random_dict(16, 40, "blocks.1.hook_resid_post", -1);
    hooke_core_metrics two = metrics_of(GEMMA, true);
    ctx->exec.n_threads = 1;
    hooke_core_metrics one = metrics_of(GEMMA, true);
    ctx->exec.n_threads = 2;
    assert_memory_equal(&one, &two, sizeof one);
}

/* ---- tokens ---- */

static void mask_and_successors(void **state)
{
    static const int32_t ids[5] = { 2, 10, 11, 1, 12 }; /* BOS a b EOS c */
    struct core_special special = { .pad = 0, .eos = 1, .bos = 2 };
    uint8_t keep[5];
    int64_t rows[5], n;
    int32_t next[5];
    (void)state;
    core_mask(keep, ids, 5, &special);
    core_kept_rows(rows, next, &n, ids, keep, 1, 5);
    assert_int_equal(n, 3);
    assert_true(rows[0] == 1 && next[0] == 11);
    assert_true(rows[1] == 2 && next[1] == 1); /* a prediction of EOS counts */
    assert_true(rows[2] == 4 && next[2] == -1);
    special = core_special_of(NULL);
    assert_true(special.pad == -1 && special.eos == -1 && special.bos == -1);
}

static void bad_ids_files(void **state)
{
    static const struct {
        const char *text;
        hooke_status status;
    } bad[] = {
        { "", HOOKE_E_FORMAT },
        { "{}", HOOKE_E_FORMAT },
        { "[]", HOOKE_E_FORMAT },
        { "[3]", HOOKE_E_FORMAT },
        { "[[]]", HOOKE_E_FORMAT },
        { "[[1, 2], [1]]", HOOKE_E_SHAPE },
        { "[[1, -1]]", HOOKE_E_FORMAT },
        { "[[1, 43]]", HOOKE_E_FORMAT },
        { "[[1, 1.5]]", HOOKE_E_FORMAT },
        { "[[1, 2]", HOOKE_E_FORMAT },
        { "[[1, \"2\"]]", HOOKE_E_FORMAT },
    };
    char path[160];
    (void)state;
    write_copier(16, "blocks.0.hook_resid_post", -1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hooke_core_result *r;
        assert_int_equal(
            hooke_write_file(in_folder(path, sizeof path, "ids.json"), bad[i].text, strlen(bad[i].text)),
            HOOKE_OK);
        hooke_status st = evaluate(&r, GEMMA, false);
        if (st != bad[i].status) print_error("'%s': %s\n", bad[i].text, hooke_error());
        assert_int_equal(st, bad[i].status);
        assert_null(r);
    }
}

static void misfits_are_refused(void **state)
{
    hooke_core_result *r;
    (void)state;
    write_ids(37);
    write_copier(5, "blocks.0.hook_resid_post", -1);
    assert_int_equal(evaluate(&r, GEMMA, false), HOOKE_E_SHAPE);
    assert_non_null(strstr(hooke_error(), "5 columns"));
    write_copier(16, "blocks.0.hook_resid_pots", -1);
    assert_int_not_equal(evaluate(&r, GEMMA, false), HOOKE_OK);
    write_copier(6, "blocks.0.attn.hook_z", 4); /* heads 0 to 3 */
    assert_int_equal(evaluate(&r, GEMMA, false), HOOKE_E_SHAPE);
}

/* ---- the document ---- */

static void has_type(const struct json *value, const struct json *property, const char *key)
{
    const struct json *type = json_get(property, "type");
    if (!type || type->kind != JSON_STRING) return;
    const char *t = type->as.string.bytes;
    bool good = strcmp(t, "string") == 0    ? value->kind == JSON_STRING
                : strcmp(t, "integer") == 0 ? value->kind == JSON_INT
                : strcmp(t, "number") == 0  ? value->kind == JSON_REAL
                : strcmp(t, "boolean") == 0 ? value->kind == JSON_BOOL
                : strcmp(t, "array") == 0   ? value->kind == JSON_ARRAY
                                            : true;
    if (!good) print_error("'%s' is not of type %s\n", key, t);
    assert_true(good);
}

static const struct json *definition(const struct json *schema, const struct json *property)
{
    const struct json *ref = json_get(property, "$ref");
    if (!ref) return NULL;
    return json_get(json_get(schema, "$defs"), ref->as.string.bytes + strlen("#/$defs/"));
}

/* Every property of the definition is there with its type, and nothing else is. */
static void matches(const struct json *object, const struct json *def, const struct json *schema)
{
    const struct json *properties = json_get(def, "properties");
    size_t n = 0;
    assert_non_null(object);
    assert_int_equal(object->kind, JSON_OBJECT);
    for (const struct json *p = properties->as.list.first; p; p = p->next, n++) {
        const struct json *value = json_get(object, p->key);
        if (!value) print_error("key '%s' is missing\n", p->key);
        assert_non_null(value);
        has_type(value, p, p->key);
        if (definition(schema, p)) matches(value, definition(schema, p), schema);
    }
    assert_int_equal(object->as.list.n, n);
}

static void the_document_fits_the_schema(void **state)
{
    hooke_core_result *r;
    hooke_text text = { 0 };
    struct arena arena = { 0 };
    const struct json *schema, *root;
    (void)state;
    if (access(SCHEMA, R_OK) != 0) {
        print_message("skip: " SCHEMA " is absent\n");
        skip();
    }
    write_ids(43);
    random_dict(16, 40, "blocks.1.hook_resid_post", -1);
    assert_int_equal(evaluate(&r, GEMMA, true), HOOKE_OK);
    assert_int_equal(hooke_core_json(r, &text, "rel", NULL), HOOKE_OK);
    assert_int_equal(json_read(&schema, &arena, SCHEMA, 1 << 20, 0), HOOKE_OK);
    assert_int_equal(json_parse(&root, &arena, text.data, text.n, JSON_REFUSE_DUPLICATES, "result"),
                     HOOKE_OK);
    matches(root, schema, schema);
    const struct json *details = json_get(root, "eval_result_details");
    assert_int_equal(details->as.list.n, 40);
    for (const struct json *row = details->as.list.first; row; row = row->next)
        matches(row, json_get(json_get(schema, "$defs"), "CoreFeatureMetric"), schema);
    assert_string_equal(json_get(root, "sae_lens_id")->as.string.bytes, "custom_sae");
    assert_int_equal(strlen(json_get(root, "eval_id")->as.string.bytes), 36);
    arena_release(&arena);
    hooke_text_release(&text);
    hooke_core_close(r);
}

static void nan_becomes_minus_one_and_rounding_is_decimal(void **state)
{
    float density[2] = { 0.123456789123f, 0.0f }, nan[2] = { NAN, NAN }, one[2] = { 1, -0.0f };
    struct hooke_core_result r = { .model_name = "m",
                                   .dtype = "float32",
                                   .dict_name = "d",
                                   .sae_config = "{}",
                                   .n_features = 2,
                                   .density = density,
                                   .heuristic = nan,
                                   .encoder_bias = one,
                                   .encoder_norm = one,
                                   .encoder_decoder_cosine = one,
                                   .max_decoder_cosine = one,
                                   .max_encoder_cosine = one };
    hooke_text text = { 0 };
    (void)state;
    r.metrics.kl_div_score = (double)NAN;
    r.metrics.kl_div_with_sae = (double)INFINITY;
    assert_int_equal(hooke_core_json(&r, &text, NULL, "id"), HOOKE_OK);
    assert_non_null(strstr(text.data, "\"kl_div_score\": -1.0,"));
    assert_non_null(strstr(text.data, "\"kl_div_with_sae\": Infinity"));
    assert_non_null(strstr(text.data, "\"feature_density\": 0.123456791,"));
    assert_non_null(strstr(text.data, "\"consistent_activation_heuristic\": -1.0,"));
    assert_null(strstr(text.data, "-0.0"));
    assert_non_null(strstr(text.data, "\"sae_lens_release_id\": \"d\","));
    hooke_text_release(&text);
}

static void uuids_are_of_version_4(void **state)
{
    char a[37], b[37];
    (void)state;
    assert_int_equal(core_new_uuid(a), HOOKE_OK);
    assert_int_equal(core_new_uuid(b), HOOKE_OK);
    assert_true(strlen(a) == 36 && a[14] == '4' && strchr("89ab", a[19]) && strcmp(a, b) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copier_changes_nothing),
        cmocka_unit_test(two_names_of_one_residual_agree),
        cmocka_unit_test(one_head_is_a_slice),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(mask_and_successors),
        cmocka_unit_test(bad_ids_files),
        cmocka_unit_test(misfits_are_refused),
        cmocka_unit_test(the_document_fits_the_schema),
        cmocka_unit_test(nan_becomes_minus_one_and_rounding_is_decimal),
        cmocka_unit_test(uuids_are_of_version_4),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
