/* Synthesized models and dictionaries read back through the readers of published files. */
#define _GNU_SOURCE
#include "bench/synth.h" /* before cmocka, whose fail() is a macro */

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

#include "file/npz.h"

static char folder[64];
static hooke_context *ctx;

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hooke-test-synth-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    return hooke_context_open(&ctx, NULL) == HOOKE_OK ? 0 : -1;
}

static void remove_file(const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = { "model.safetensors",       "config.json", "params.npz",
                                         "sae_weights.safetensors", "cfg.json",    "synth.json" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) remove_file(names[i]);
    hooke_context_close(ctx);
    return rmdir(folder);
}

static const char *in_folder(char *path, size_t n, const char *name)
{
    snprintf(path, n, "%s/%s", folder, name);
    return path;
}

static void a_model_reads_back(void **state)
{
    char path[160];
    struct safetensors s;
    int64_t bytes, n_items = 0;
    (void)state;
    assert_int_equal(hooke_synth(ctx, folder, "pythia-14m", 5, &bytes), HOOKE_OK);
    assert_int_equal(bytes, 2 * 14067712);
    assert_int_equal(safetensors_open(&s, in_folder(path, sizeof path, "model.safetensors")), HOOKE_OK);
    for (int i = 0; i < s.n_tensors; i++) n_items += s.tensors[i].n_items;
    assert_int_equal(n_items, 14067712);
    const struct stored_tensor *t =
        safetensors_find(&s, "gpt_neox.layers.3.attention.query_key_value.weight");
    assert_non_null(t);
    assert_int_equal(t->dtype, DT_F16);
    assert_true(t->n_dims == 2 && t->shape[0] == 384 && t->shape[1] == 128);
    static float w[384 * 128];
    double squares = 0.0;
    assert_int_equal(stored_to_f32(w, t, 0, 384 * 128), HOOKE_OK);
    for (int i = 0; i < 384 * 128; i++) squares += (double)w[i] * (double)w[i];
    assert_true(fabs(sqrt(squares / (384 * 128)) - 0.02) < 0.0005);
    safetensors_close(&s);
}

static void the_seed_decides(void **state)
{
    char path[160];
    hooke_text first = { 0 }, second = { 0 }, other = { 0 };
    (void)state;
    in_folder(path, sizeof path, "model.safetensors");
    assert_int_equal(hooke_synth(ctx, folder, "pythia-14m", 5, NULL), HOOKE_OK);
    assert_int_equal(file_read(&first, path, 1 << 30), HOOKE_OK);
    assert_int_equal(hooke_synth(ctx, folder, "pythia-14m", 5, NULL), HOOKE_OK);
    assert_int_equal(file_read(&second, path, 1 << 30), HOOKE_OK);
    assert_int_equal(hooke_synth(ctx, folder, "pythia-14m", 6, NULL), HOOKE_OK);
    assert_int_equal(file_read(&other, path, 1 << 30), HOOKE_OK);
    assert_true(first.n == second.n && memcmp(first.data, second.data, first.n) == 0);
    assert_true(first.n == other.n && memcmp(first.data, other.data, first.n) != 0);
    hooke_text_release(&first);
    hooke_text_release(&second);
    hooke_text_release(&other);
}

/* The streamed archive through the reader: shapes, checksums (checked at load) and a threshold that is positive. */
static void the_folder_says_what_it_was_made_of(void **state)
{
    char path[160];
    struct arena arena = { 0 };
    const struct json *root;
    hooke_text text = { 0 };
    int64_t seed;
    (void)state;
    assert_int_equal(hooke_synth(ctx, folder, "pythia-14m", 7, NULL), HOOKE_OK);
    assert_int_equal(file_read(&text, in_folder(path, sizeof path, "synth.json"), 1 << 16), HOOKE_OK);
    assert_int_equal(json_parse(&root, &arena, text.data, text.n, 0, "synth.json"), HOOKE_OK);
    assert_int_equal(json_int(&seed, root, "seed", 0, 1 << 20, -1, "synth.json"), HOOKE_OK);
    assert_int_equal(seed, 7);
    assert_non_null(strstr(text.data, "\"shape\": \"pythia-14m\""));
    arena_release(&arena);
    hooke_text_release(&text);
}

static void an_archive_reads_back(void **state)
{
    char path[160];
    struct dict_shape small = *dict_shape_find("gemma-scope-2b-16k");
    struct synth_plan plan;
    struct npz_stream out;
    struct npz in;
    const struct stored_tensor *t;
    (void)state;
    small.d_in = 24;
    small.d_dict = 1000;
    in_folder(path, sizeof path, "params.npz");
    assert_int_equal(synth_plan_dict(&plan, &small), HOOKE_OK);
    assert_int_equal(npz_stream_begin(&out, path), HOOKE_OK);
    static float chunk[24 * 1000];
    for (int i = 0; i < plan.n; i++) {
        synth_fill(chunk, &plan.tensors[i], 0, synth_tensor_items(&plan.tensors[i]), 1, i, 2);
        assert_int_equal(npz_stream_member(&out, &plan.tensors[i]), HOOKE_OK);
        assert_int_equal(npz_stream_append(&out, chunk, (size_t)synth_tensor_bytes(&plan.tensors[i])),
                         HOOKE_OK);
    }
    assert_int_equal(npz_stream_commit(&out), HOOKE_OK);
    assert_int_equal(npz_open(&in, path), HOOKE_OK);
    assert_int_equal(in.n_tensors, 5);
    assert_int_equal(npz_load(&in, &t, "threshold"), HOOKE_OK);
    assert_true(t->n_dims == 1 && t->shape[0] == 1000);
    synth_fill(chunk, &plan.tensors[4], 0, 1000, 1, 4, 1);
    static float read[1000];
    assert_int_equal(stored_to_f32(read, t, 0, 1000), HOOKE_OK);
    assert_memory_equal(read, chunk, sizeof read);
    assert_true(read[0] > 1.0f);
    npz_close(&in);
    synth_plan_release(&plan);
}

static void a_saelens_folder_reads_back(void **state)
{
    char path[160];
    struct safetensors s;
    struct arena arena = { 0 };
    const struct json *config;
    int64_t width;
    (void)state;
    assert_int_equal(hooke_synth(ctx, folder, "pythia-70m-standard-4k", 1, NULL), HOOKE_OK);
    assert_int_equal(safetensors_open(&s, in_folder(path, sizeof path, "sae_weights.safetensors")), HOOKE_OK);
    const struct stored_tensor *t = safetensors_find(&s, "W_enc");
    assert_true(t && t->shape[0] == 512 && t->shape[1] == 4096 && t->dtype == DT_F32);
    assert_int_equal(s.n_tensors, 4);
    safetensors_close(&s);
    assert_int_equal(
        json_read(&config, &arena, in_folder(path, sizeof path, "cfg.json"), 1 << 20, JSON_REFUSE_DUPLICATES),
        HOOKE_OK);
    assert_int_equal(json_int(&width, config, "d_sae", 1, 1 << 20, 0, "cfg.json"), HOOKE_OK);
    assert_int_equal(width, 4096);
    arena_release(&arena);
}

static void every_configuration_is_json(void **state)
{
    (void)state;
    for (int i = 0; hooke_shape_name(i); i++) {
        hooke_text text = { 0 };
        struct arena arena = { 0 };
        const struct json *root;
        const struct model_shape *m = model_shape_find(hooke_shape_name(i));
        assert_int_equal(m ? synth_config_model(&text, m)
                           : synth_config_dict(&text, dict_shape_find(hooke_shape_name(i))),
                         HOOKE_OK);
        assert_int_equal(
            json_parse(&root, &arena, text.data, text.n, JSON_REFUSE_DUPLICATES, hooke_shape_name(i)),
            HOOKE_OK);
        assert_non_null(json_get(root, m ? "model_type" : "architecture"));
        arena_release(&arena);
        hooke_text_release(&text);
    }
}

static void bad_calls(void **state)
{
    (void)state;
    assert_int_equal(hooke_synth(ctx, folder, "gemma-3-2c", 0, NULL), HOOKE_E_NOT_FOUND);
    assert_int_equal(hooke_synth(ctx, NULL, "gemma-2-2b", 0, NULL), HOOKE_E_ARGUMENT);
    assert_int_not_equal(hooke_synth(ctx, "/dev/null/x", "pythia-14m", 0, NULL), HOOKE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_reads_back),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(the_folder_says_what_it_was_made_of),
        cmocka_unit_test(an_archive_reads_back),
        cmocka_unit_test(a_saelens_folder_reads_back),
        cmocka_unit_test(every_configuration_is_json),
        cmocka_unit_test(bad_calls),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
