/* core_json.c: the core evaluation as SAEBench's result document: keys, order and types of its published schema.
 *
 * NaN is written as -1, infinities as Infinity; values of a feature are rounded to 10 decimals, metrics are not. */
#include "eval/core.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/json.h"

static void key_real(struct json_writer *w, const char *key, double v)
{
    jw_key_real(w, key, isnan(v) ? -1.0 : v);
}

/* 10 decimals, rounded as decimal printing rounds: correctly. */
static void key_rounded(struct json_writer *w, const char *key, float v)
{
    char digits[64];
    if (!isfinite(v)) {
        key_real(w, key, (double)v);
        return;
    }
    snprintf(digits, sizeof digits, "%.10f", (double)v);
    double rounded = strtod(digits, NULL);
    key_real(w, key, rounded == 0.0 ? 0.0 : rounded); /* no -0.0 */
}

static void write_config(struct json_writer *w, const hooke_core_result *r)
{
    static const char *const always[] = { "compute_kl",
                                          "compute_ce_loss",
                                          "compute_l2_norms",
                                          "compute_sparsity_metrics",
                                          "compute_variance_metrics",
                                          "compute_featurewise_density_statistics",
                                          "compute_featurewise_weight_based_metrics" };
    jw_key(w, "eval_config");
    jw_object(w);
    jw_key_string(w, "model_name", r->model_name);
    jw_key_string(w, "llm_dtype", r->dtype);
    jw_key_int(w, "batch_size_prompts", r->config.batch_size_prompts);
    jw_key_int(w, "n_eval_reconstruction_batches", r->config.n_eval_reconstruction_batches);
    jw_key_int(w, "n_eval_sparsity_variance_batches", r->config.n_eval_sparsity_variance_batches);
    jw_key_string(w, "dataset", r->config.dataset);
    jw_key_int(w, "context_size", r->config.context_size);
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) jw_key_bool(w, always[i], true);
    jw_key_bool(w, "exclude_special_tokens_from_reconstruction",
                r->config.exclude_special_tokens_from_reconstruction);
    jw_key_bool(w, "verbose", false);
    jw_end_object(w);
}

/* A row names a key and the field it shows. Categories follow each other in the published order. */
struct metric_row {
    const char *category, *key;
    size_t offset; /* in hooke_core_metrics */
    bool is_count; /* int64_t, else double */
};
#define REAL(category, field)                                        \
    {                                                                \
        category, #field, offsetof(hooke_core_metrics, field), false \
    }
#define COUNT(category, field)                                      \
    {                                                               \
        category, #field, offsetof(hooke_core_metrics, field), true \
    }
static const struct metric_row metric_rows[] = {
    REAL("model_behavior_preservation", kl_div_score),
    REAL("model_behavior_preservation", kl_div_with_ablation),
    REAL("model_behavior_preservation", kl_div_with_sae),
    REAL("model_performance_preservation", ce_loss_score),
    REAL("model_performance_preservation", ce_loss_with_ablation),
    REAL("model_performance_preservation", ce_loss_with_sae),
    REAL("model_performance_preservation", ce_loss_without_sae),
    REAL("reconstruction_quality", explained_variance),
    REAL("reconstruction_quality", explained_variance_legacy),
    REAL("reconstruction_quality", mse),
    REAL("reconstruction_quality", cossim),
    REAL("shrinkage", l2_norm_in),
    REAL("shrinkage", l2_norm_out),
    REAL("shrinkage", l2_ratio),
    REAL("shrinkage", relative_reconstruction_bias),
    REAL("sparsity", l0),
    REAL("sparsity", l1),
    COUNT("token_stats", total_tokens_eval_reconstruction),
    COUNT("token_stats", total_tokens_eval_sparsity_variance),
    REAL("misc_metrics", freq_over_1_percent),
    REAL("misc_metrics", freq_over_10_percent),
    REAL("misc_metrics", normalized_freq_over_1_percent),
    REAL("misc_metrics", normalized_freq_over_10_percent),
    REAL("misc_metrics", average_max_encoder_cosine_sim),
    REAL("misc_metrics", average_max_decoder_cosine_sim),
    REAL("misc_metrics", frac_alive),
};
#undef REAL
#undef COUNT

static void write_metrics(struct json_writer *w, const hooke_core_metrics *m)
{
    const char *category = NULL;
    jw_key(w, "eval_result_metrics");
    jw_object(w);
    for (size_t i = 0; i < sizeof metric_rows / sizeof metric_rows[0]; i++) {
        const struct metric_row *row = &metric_rows[i];
        const char *field = (const char *)m + row->offset;
        if (!category || strcmp(category, row->category) != 0) {
            if (category) jw_end_object(w);
            jw_key(w, row->category);
            jw_object(w);
            category = row->category;
        }
        if (row->is_count)
            jw_key_int(w, row->key, *(const int64_t *)(const void *)field);
        else
            key_real(w, row->key, *(const double *)(const void *)field);
    }
    jw_end_object(w);
    jw_end_object(w);
}

static void write_details(struct json_writer *w, const hooke_core_result *r)
{
    jw_key(w, "eval_result_details");
    jw_array(w);
    for (int64_t i = 0; i < r->n_features; i++) {
        jw_object(w);
        jw_key_int(w, "index", i);
        key_rounded(w, "feature_density", r->density[i]);
        key_rounded(w, "consistent_activation_heuristic", r->heuristic[i]);
        key_rounded(w, "encoder_bias", r->encoder_bias[i]);
        key_rounded(w, "encoder_norm", r->encoder_norm[i]);
        key_rounded(w, "encoder_decoder_cosine_sim", r->encoder_decoder_cosine[i]);
        key_rounded(w, "max_decoder_cosine_sim", r->max_decoder_cosine[i]);
        key_rounded(w, "max_encoder_cosine_sim", r->max_encoder_cosine[i]);
        jw_end_object(w);
    }
    jw_end_array(w);
}

/* A finished JSON value as a member; NULL is null. */
static hooke_status write_member(struct json_writer *w, const char *key, const char *value)
{
    struct arena arena = { 0 };
    const struct json *tree = NULL;
    if (!value) value = "null";
    hooke_status st = json_parse(&tree, &arena, value, strlen(value), 0, key);
    if (st == HOOKE_OK) {
        jw_key(w, key);
        jw_value(w, tree);
    }
    arena_release(&arena);
    return st;
}

/* The one place of the schema that is free: which files the numbers are of. */
static hooke_status write_origin(struct json_writer *w, const hooke_core_result *r)
{
    jw_key(w, "eval_result_unstructured");
    jw_object(w);
    jw_key(w, "origin");
    jw_object(w);
    RETURN_IF_ERROR(write_member(w, "model", r->model_origin));
    RETURN_IF_ERROR(write_member(w, "dict", r->dict_origin));
    jw_end_object(w);
    jw_end_object(w);
    return HOOKE_OK;
}

hooke_status hooke_core_json(const hooke_core_result *r, hooke_text *out, const char *release,
                             const char *sae_id)
{
    struct json_writer w;
    RETURN_IF(!r || !out, HOOKE_E_ARGUMENT, "hooke_core_json: a result and a text are needed");
    text_clear(out);
    jw_init(&w, out, 2);
    jw_object(&w);
    jw_key_string(&w, "eval_type_id", "core");
    write_config(&w, r);
    jw_key_string(&w, "eval_id", r->eval_id);
    jw_key_int(&w, "datetime_epoch_millis", r->epoch_millis);
    write_metrics(&w, &r->metrics);
    write_details(&w, r);
    jw_key_string(&w, "sae_bench_commit_hash", "Unknown");
    jw_key_string(&w, "sae_lens_id", sae_id ? sae_id : "custom_sae");
    jw_key_string(&w, "sae_lens_release_id", release ? release : r->dict_name);
    jw_key_string(&w, "sae_lens_version", "Unknown");
    RETURN_IF_ERROR(write_member(&w, "sae_cfg_dict", r->sae_config));
    RETURN_IF_ERROR(write_origin(&w, r));
    jw_end_object(&w);
    return w.status;
}

static int first_number(const char *s)
{
    while (*s && (*s < '0' || *s > '9')) s++;
    return *s ? (int)strtol(s, NULL, 10) : 0;
}

/* Training tokens and data set, which plots ask for, where the file's own configuration says them. */
static hooke_status write_training(struct json_writer *w, const char *config_json)
{
    struct arena arena = { 0 };
    const struct json *config = NULL;
    int64_t tokens = -100000; /* SAEBench's mark for "unknown" */
    const char *dataset = NULL;
    hooke_status st =
        json_parse(&config, &arena, config_json, strlen(config_json), 0, "dictionary configuration");
    const struct json *v = json_get(config, "training_tokens");
    if (v && v->kind == JSON_INT) tokens = v->as.integer;
    const struct json *metadata = json_get(config, "metadata");
    v = json_get(metadata ? metadata : config, "dataset_path");
    if (v && v->kind == JSON_STRING) dataset = v->as.string.bytes;
    jw_key_int(w, "training_tokens", tokens);
    jw_key_string(w, "dataset_path", dataset);
    arena_release(&arena);
    return st;
}

static void write_sae_metadata(struct json_writer *w, const hooke_dict_info *info)
{
    jw_key(w, "metadata");
    jw_object(w);
    jw_key_string(w, "model_name", info->model_name);
    jw_key_string(w, "hook_name", info->site);
    jw_key_int(w, "hook_layer", first_number(info->site));
    jw_key(w, "hook_head_index");
    if (info->hook_head_index >= 0)
        jw_int(w, info->hook_head_index);
    else
        jw_null(w);
    jw_key(w, "context_size");
    if (info->context_size > 0)
        jw_int(w, info->context_size);
    else
        jw_null(w);
    jw_key_bool(w, "prepend_bos", info->prepend_bos);
    jw_key_bool(w, "dataset_trust_remote_code", true);
    jw_key(w, "model_from_pretrained_kwargs");
    jw_object(w);
    if (info->center_input) jw_key_bool(w, "center_writing_weights", true);
    jw_end_object(w);
    jw_key_bool(w, "exclude_special_tokens", false);
    jw_end_object(w);
}

hooke_status core_sae_config(hooke_text *out, const hooke_dict_info *info, const char *dtype)
{
    struct json_writer w;
    char torch_dtype[32];
    snprintf(torch_dtype, sizeof torch_dtype, "torch.%s", dtype);
    text_clear(out);
    jw_init(&w, out, 0);
    jw_object(&w);
    jw_key_int(&w, "d_in", info->d_in);
    jw_key_int(&w, "d_sae", info->d_dict);
    if (info->is_transcoder) jw_key_int(&w, "d_out", info->d_out);
    jw_key_string(&w, "dtype", torch_dtype);
    jw_key_string(&w, "device", "cpu");
    jw_key_bool(&w, "apply_b_dec_to_input", info->apply_b_dec_to_input);
    jw_key_string(&w, "normalize_activations", info->normalize_activations);
    jw_key_string(&w, "reshape_activations", "none");
    if (info->k > 0) jw_key_int(&w, "k", info->k);
    hooke_status st = write_training(&w, info->config_json);
    write_sae_metadata(&w, info);
    jw_key_string(&w, "architecture", info->architecture);
    jw_end_object(&w);
    return st == HOOKE_OK ? w.status : st;
}

hooke_status core_new_uuid(char out[37])
{
    unsigned char b[16];
    FILE *f = fopen("/dev/urandom", "rb");
    RETURN_IF(!f, HOOKE_E_IO, "/dev/urandom cannot be opened");
    size_t n = fread(b, 1, sizeof b, f);
    fclose(f);
    RETURN_IF(n != sizeof b, HOOKE_E_IO, "/dev/urandom gave %zu of 16 bytes", n);
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40); /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80); /* variant 1 */
    for (int i = 0, at = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out[at++] = '-';
        snprintf(out + at, 3, "%02x", b[i]);
        at += 2;
    }
    return HOOKE_OK;
}
