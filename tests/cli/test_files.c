/* Files that commands hand on: capture -> encode -> decode, info, and files that are not what they should be. */
#include "cli/run_hooke.h"

#include <math.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

#include <hooke.h>

#define SITE "blocks.2.hook_resid_post"

static struct outcome *good(struct outcome *o)
{
    if (o->code) fprintf(stderr, "code %d, stderr: %s\n", o->code, o->err);
    assert_int_equal(o->code, 0);
    return o;
}

/* A tensor of a file in the scratch folder, as float32; the caller frees it. */
static float *tensor(const char *file, const char *name, int64_t shape[8], int *n_dims)
{
    char path[300];
    hooke_file *f;
    float *data = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    assert_int_equal(hooke_file_open(&f, path), HOOKE_OK);
    for (int i = 0; i < hooke_file_n_tensors(f); i++) {
        const hooke_tensor_info *t = hooke_file_tensor(f, i);
        int64_t n = 1;
        if (strcmp(t->name, name) != 0) continue;
        for (int k = 0; k < t->n_dims; k++) n *= shape[k] = t->shape[k];
        *n_dims = t->n_dims;
        data = test_malloc((size_t)n * sizeof *data);
        assert_int_equal(hooke_file_read_f32(f, i, data, n), HOOKE_OK);
    }
    hooke_file_close(f);
    assert_non_null(data);
    return data;
}

static bool same_bytes(const char *a, const char *b)
{
    char command[700];
    snprintf(command, sizeof command, "cmp -s %s/%s %s/%s", folder, a, folder, b);
    FILE *f = popen(command, "r");
    return f && pclose(f) == 0;
}

static int files_in(const char *path)
{
    char command[400], count[32] = "";
    snprintf(command, sizeof command, "ls -A %s | wc -l", path);
    FILE *f = popen(command, "r");
    assert_non_null(fgets(count, sizeof count, f));
    pclose(f);
    return (int)strtol(count, NULL, 10);
}

static void capture_encode_decode_goes_round(void **state)
{
    int64_t shape[8], rebuilt_shape[8];
    int n_dims, rebuilt_dims;
    (void)state;
    struct outcome *o =
        good(hooke("capture --json --ctx 32 --max-tokens 96 --text data/micro/demo.txt --at " SITE
                   " --logits -o %s/a.safetensors",
                   folder));
    assert_true(is_json(o->out));
    assert_non_null(json_find(o->out, "n_tokens"));
    o = good(hooke("encode --json -d micro -i %s/a.safetensors -o %s/c.safetensors", folder, folder));
    assert_true(is_json(o->out));
    assert_true(strtod(json_find(o->out, "l0"), NULL) > 1);
    o = good(hooke("decode --json -d micro -i %s/c.safetensors -o %s/r.safetensors", folder, folder));
    assert_true(is_json(o->out));
    float *x = tensor("a.safetensors", SITE, shape, &n_dims),
          *y = tensor("r.safetensors", SITE, rebuilt_shape, &rebuilt_dims);
    assert_int_equal(n_dims, 3);
    assert_int_equal(shape[1], 32);
    assert_int_equal(rebuilt_dims, 3);
    assert_memory_equal(shape, rebuilt_shape, 3 * sizeof *shape);
    double error = 0, norm = 0;
    for (int64_t r = 0; r < shape[0] * shape[1]; r++) {
        if (r % 32 == 0) continue; /* BOS: its activation is like no other */
        for (int64_t i = 0; i < shape[2]; i++) {
            double a = (double)x[r * shape[2] + i], b = (double)y[r * shape[2] + i];
            error += (a - b) * (a - b);
            norm += a * a;
        }
    }
    assert_true(error < 0.5 * norm);
    test_free(x);
    test_free(y);
    /* Dense codes say the same. */
    good(hooke("encode -d micro -i %s/a.safetensors:" SITE " --dense -o %s/dense.safetensors", folder,
               folder));
    good(hooke("decode -d micro -i %s/dense.safetensors -o %s/r2.safetensors", folder, folder));
    assert_true(same_bytes("r.safetensors", "r2.safetensors"));
}

static void files_do_not_depend_on_threads_or_batches(void **state)
{
    (void)state;
    const char *call = "capture -q --text data/micro/demo.txt --ctx 16 --at "
                       "'blocks.*.hook_resid_post,ln_final.hook_normalized'";
    good(hooke("%s -t 1 -o %s/t1.safetensors", call, folder));
    good(hooke("%s -t 2 -o %s/t2.safetensors", call, folder));
    /* Products of fewer than 32 rows may round differently (another kernel): groups here are larger. */
    good(hooke("%s -t 2 --batch-tokens 32 -o %s/t3.safetensors", call, folder));
    assert_true(same_bytes("t1.safetensors", "t2.safetensors"));
    assert_true(same_bytes("t1.safetensors", "t3.safetensors"));
    good(hooke("encode -d micro -t 1 -i %s/t1.safetensors -o %s/c1.safetensors", folder, folder));
    good(hooke("encode -d micro -t 2 -i %s/t1.safetensors -o %s/c2.safetensors", folder, folder));
    assert_true(same_bytes("c1.safetensors", "c2.safetensors"));
}

static void sequences_of_different_length_are_stored_flat(void **state)
{
    int64_t shape[8], tokens_shape[8];
    int n_dims;
    (void)state;
    good(hooke("capture --at " SITE
               " -o %s/ragged.safetensors \"Paris is a city\" \"She comforts families in the hospital.\"",
               folder));
    float *start = tensor("ragged.safetensors", "start", shape, &n_dims);
    assert_int_equal(n_dims, 1);
    assert_int_equal(shape[0], 3);
    assert_true(start[0] == 0 && start[1] > 0 && start[2] > start[1]);
    float *x = tensor("ragged.safetensors", SITE, shape, &n_dims),
          *ids = tensor("ragged.safetensors", "tokens", tokens_shape, &n_dims);
    assert_int_equal(shape[0], (int64_t)start[2]);
    assert_int_equal(tokens_shape[0], shape[0]);
    assert_true(ids[0] == 2 && ids[(int)start[1]] == 2); /* BOS begins each */
    /* The second sequence alone gives the same rows: nothing was padded. */
    int64_t alone_shape[8];
    good(hooke("capture --at " SITE " -o %s/alone.safetensors \"She comforts families in the hospital.\"",
               folder));
    float *alone = tensor("alone.safetensors", SITE, alone_shape, &n_dims);
    assert_int_equal(n_dims, 3);
    for (int64_t i = 0; i < alone_shape[1] * alone_shape[2]; i++)
        assert_true(fabsf(alone[i] - x[(int64_t)start[1] * shape[1] + i]) <= 1e-4f * (1 + fabsf(alone[i])));
    test_free(start);
    test_free(x);
    test_free(ids);
    test_free(alone);
}

static void bf16_storage_rounds(void **state)
{
    int64_t shape[8];
    int n_dims;
    (void)state;
    good(hooke("capture -q --at " SITE " -o %s/f.safetensors \"Paris is a city\"", folder));
    good(hooke("capture -q --at " SITE " --store bf16 -o %s/h.safetensors \"Paris is a city\"", folder));
    float *f = tensor("f.safetensors", SITE, shape, &n_dims),
          *h = tensor("h.safetensors", SITE, shape, &n_dims);
    for (int64_t i = 0; i < shape[0] * shape[1] * shape[2]; i++)
        assert_true(fabsf(f[i] - h[i]) <= fabsf(f[i]) / 256);
    test_free(f);
    test_free(h);
}

static void attention_patterns_are_stored_by_head(void **state)
{
    int64_t shape[8];
    int n_dims;
    (void)state;
    good(hooke("capture -q --at blocks.0.attn.hook_pattern -o %s/p.safetensors \"Paris is a city\"", folder));
    float *p = tensor("p.safetensors", "blocks.0.attn.hook_pattern", shape, &n_dims);
    assert_int_equal(n_dims, 4);
    assert_int_equal(shape[2], shape[3]);
    for (int64_t r = 0; r < shape[0] * shape[1] * shape[2]; r++) {
        double sum = 0;
        for (int64_t k = 0; k < shape[3]; k++) sum += (double)p[r * shape[3] + k];
        assert_true(fabs(sum - 1) < 1e-4); /* each query's row adds up */
    }
    test_free(p);
    struct outcome *o =
        hooke("capture --at blocks.0.attn.hook_pattern -o %s/p2.safetensors a \"b c d e\"", folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "different lengths"));
}

static void info_says_what_things_are(void **state)
{
    static const char *const keys[] = { "kind",   "format", "architecture", "d_model",
                                        "d_dict", "site",   "tensors" };
    static const char *const calls[] = { "info micro --json --sites", "info -d micro --json --check",
                                         "info models/micro --json",
                                         "info models/micro/tokenizer.json --json",
                                         "info tests/golden/torch/nested.pt --json" };
    (void)state;
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        struct outcome *o = good(hooke("%s", calls[c]));
        assert_true(is_json(o->out));
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) assert_non_null(json_find(o->out, keys[i]));
    }
    assert_non_null(strstr(good(hooke("info micro"))->out, "gemma2"));
    assert_non_null(strstr(good(hooke("info -d micro"))->out, "jumprelu"));
    good(hooke("capture -q --at " SITE " -o %s/i.safetensors \"Paris\"", folder));
    struct outcome *o = good(hooke("info %s/i.safetensors --json", folder));
    assert_non_null(strstr(o->out, "\"" SITE "\""));
    assert_non_null(strstr(o->out, "\"tensors\""));
    o = hooke("info %s/absent", folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "absent"));
}

/* A small SAELens dictionary of width d_in with 8 features; `spoil` puts a NaN into its decoder. */
static void write_sae(const char *name, int d_in, bool spoil)
{
    enum { N = 8, MOST = 512 };
    static float w_enc[MOST * N], w_dec[N * MOST], b_enc[N], b_dec[MOST];
    char path[400], cfg[1024];
    for (int i = 0; i < d_in * N; i++) w_enc[i] = w_dec[i] = 0.01f * (float)(i % 13 - 6);
    if (spoil) w_dec[3] = NAN;
    const hooke_tensor_out t[] = { { "W_dec", "F32", 2, { N, d_in }, w_dec },
                                   { "W_enc", "F32", 2, { d_in, N }, w_enc },
                                   { "b_dec", "F32", 1, { d_in }, b_dec },
                                   { "b_enc", "F32", 1, { N }, b_enc } };
    snprintf(path, sizeof path, "%s/%s", folder, name);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/sae_weights.safetensors", folder, name);
    assert_int_equal(hooke_write_safetensors(path, t, 4, NULL), HOOKE_OK);
    int n = snprintf(cfg, sizeof cfg,
                     "{\"architecture\": \"standard\", \"d_in\": %d, \"d_sae\": %d, \"dtype\": \"float32\", "
                     "\"apply_b_dec_to_input\": true, "
                     "\"normalize_activations\": \"none\", \"metadata\": {\"hook_name\": \"" SITE
                     "\", \"model_name\": \"micro\", \"prepend_bos\": true}}",
                     d_in, N);
    snprintf(path, sizeof path, "%s/%s/cfg.json", folder, name);
    assert_int_equal(hooke_write_file(path, cfg, (size_t)n), HOOKE_OK);
}

static void measuring_finds_what_was_published_or_says_so(void **state)
{
    static char params[1 << 22];
    char from[400], to[400];
    hooke_text shipped = { 0 };
    (void)state;
    struct outcome *o = good(hooke("info -d micro --measure --json"));
    assert_true(is_json(o->out));
    double l0 = strtod(json_find(o->out, "l0"), NULL),
           published = strtod(json_find(o->out, "published_l0"), NULL);
    assert_true(published > 1 && fabs(l0 - published) < 0.25 * published);
    assert_true(strtod(json_find(o->out, "explained_variance"), NULL) > 0.85);
    /* The same parameters under a false claim. */
    assert_int_equal(hooke_resolve(&shipped, "micro", "dict"), HOOKE_OK);
    snprintf(from, sizeof from, "%s/params.npz", shipped.data);
    hooke_text_release(&shipped);
    snprintf(to, sizeof to, "%s/claims", folder);
    assert_int_equal(mkdir(to, 0777), 0);
    snprintf(to, sizeof to, "%s/claims/params.npz", folder);
    FILE *f = fopen(from, "rb");
    assert_non_null(f);
    size_t n = fread(params, 1, sizeof params, f);
    fclose(f);
    assert_true(n > 0 && n < sizeof params);
    assert_int_equal(hooke_write_file(to, params, n), HOOKE_OK);
    snprintf(to, sizeof to, "%s/claims/metadata.json", folder);
    const char *claim =
        "{\"model\": \"micro\", \"hook_name\": \"" SITE "\", \"average_l0\": 5, \"prepend_bos\": true}";
    assert_int_equal(hooke_write_file(to, claim, strlen(claim)), HOOKE_OK);
    o = hooke("info -d %s/claims --measure", folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->out, "5 published"));
    assert_non_null(strstr(o->err, "far from what was published"));
}

static void a_dictionary_that_does_not_fit_is_named(void **state)
{
    (void)state;
    write_sae("fits", 128, false);
    write_sae("narrow", 96, false);
    write_sae("spoilt", 128, true);
    good(hooke("features -m micro -d %s/fits \"Paris is\"", folder));
    struct outcome *o = hooke("features -m micro -d %s/narrow \"Paris is\"", folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "96"));
    assert_non_null(strstr(o->err, "128"));
    assert_string_equal(o->out, "");
    o = hooke("info -d %s/spoilt --check", folder);
    assert_int_equal(o->code, 1);
    good(hooke("capture -q --at " SITE " -o %s/n.safetensors \"Paris\"", folder));
    o = hooke("encode -d %s/narrow -i %s/n.safetensors:" SITE " -o %s/nc.safetensors", folder, folder,
              folder);
    assert_int_equal(o->code, 1);
    o = hooke("encode -d micro -i %s/n.safetensors:nothing -o %s/nc.safetensors", folder, folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "has no tensor 'nothing'"));
    good(hooke("encode -d %s/fits -i %s/n.safetensors -o %s/fc.safetensors", folder, folder, folder));
    o = hooke("decode -d micro -i %s/fc.safetensors -o %s/nr.safetensors", folder, folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "8 features"));
}

static void codes_that_are_none_are_refused(void **state)
{
    static const int64_t indptr[] = { 0, 2, 1 }, shape[] = { 2, 8 }, good_indptr[] = { 0, 1, 2 },
                         leading[] = { (int64_t)1 << 62, 4, 2 };
    static const int32_t indices[] = { 3, 9 }, good_indices[] = { 3, 7 };
    static const float values[] = { 1, 2 };
    char path[300];
    (void)state;
    write_sae("fits", 128, false);
    hooke_tensor_out t[] = { { "indices", "I32", 1, { 2 }, indices },
                             { "indptr", "I64", 1, { 3 }, indptr },
                             { "shape", "I64", 1, { 2 }, shape },
                             { "values", "F32", 1, { 2 }, values },
                             { "leading", "I64", 1, { 3 }, leading } };
    snprintf(path, sizeof path, "%s/bad.safetensors", folder);
    for (int k = 0; k < 4; k++) {
        if (k == 1) t[1].data = good_indptr;                     /* index 9 of 8 features */
        if (k == 2) t[1].shape[0] = 2;                           /* too few offsets */
        if (k == 3) t[1].shape[0] = 3, t[0].data = good_indices; /* a product past the largest integer */
        assert_int_equal(hooke_write_safetensors(path, t, k == 3 ? 5 : 4, NULL), HOOKE_OK);
        struct outcome *o = hooke("decode -d %s/fits -i %s -o %s/x.safetensors", folder, path, folder);
        assert_int_equal(o->code, 1);
        assert_non_null(strstr(o->err, "bad.safetensors"));
    }
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void no_rows_go_round(void **state)
{
    static const float nothing[1] = { 0 };
    const hooke_tensor_out t = { SITE, "F32", 3, { 2, 0, 128 }, nothing };
    int64_t shape[8] = { -1 };
    int n_dims;
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/none.safetensors", folder);
    assert_int_equal(hooke_write_safetensors(path, &t, 1, NULL), HOOKE_OK);
    good(hooke("encode -d micro -i %s -o %s/none_c.safetensors", path, folder));
    good(hooke("decode -d micro -i %s/none_c.safetensors -o %s/none_r.safetensors", folder, folder));
    test_free(tensor("none_r.safetensors", SITE, shape, &n_dims));
    assert_true(n_dims == 3 && shape[0] == 2 && shape[1] == 0 && shape[2] == 128);
}

static void outputs_that_cannot_be_written_leave_nothing(void **state)
{
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/place", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/place/taken", folder);
    mkdir(path, 0777); /* a folder stands where the file should go */
    struct outcome *o = hooke("capture --at " SITE " -o %s \"Paris\"", path);
    assert_int_equal(o->code, 2);
    assert_non_null(strstr(o->err, "place/taken"));
    o = hooke("capture --at " SITE " -o /dev/null \"Paris\""); /* a rename would take the device's place */
    assert_int_equal(o->code, 2);
    struct stat device;
    assert_true(stat("/dev/null", &device) == 0 && S_ISCHR(device.st_mode));
    o = hooke("capture --at " SITE " -o - \"Paris\"");
    assert_int_equal(o->code, 2);
    assert_non_null(strstr(o->err, "--out"));
    snprintf(path, sizeof path, "%s/place", folder);
    assert_int_equal(files_in(path), 1);
    o = hooke("capture --at " SITE " -o /proc/no/x \"Paris\"");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "/proc/no/x"));
    o = hooke("tokens \"Paris is\" >/dev/full");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "standard output"));
}

static void ctrl_c_leaves_nothing_behind(void **state)
{
    char path[300], command[1200];
    static char err[4096];
    (void)state;
    snprintf(path, sizeof path, "%s/long", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/long.txt", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 40000; i++) fputs("Paris is a city in the country of France. ", f);
    fclose(f);
    snprintf(command, sizeof command,
             "timeout --foreground --preserve-status -s INT 0.7 %s capture --text %s --ctx 64 --at "
             "'blocks.*.hook_resid_post' -o %s/long/x.safetensors 2>%s/err >/dev/null",
             program(), path, folder, folder);
    f = popen(command, "r");
    int status = pclose(f);
    snprintf(path, sizeof path, "%s/err", folder);
    read_text(err, sizeof err, path);
    snprintf(path, sizeof path, "%s/long", folder);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) { /* a machine so fast that it was done */
        printf("skip: the signal came too late\n");
        skip();
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(err, "nothing was written"));
    assert_int_equal(files_in(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capture_encode_decode_goes_round),
        cmocka_unit_test(files_do_not_depend_on_threads_or_batches),
        cmocka_unit_test(sequences_of_different_length_are_stored_flat),
        cmocka_unit_test(bf16_storage_rounds),
        cmocka_unit_test(attention_patterns_are_stored_by_head),
        cmocka_unit_test(info_says_what_things_are),
        cmocka_unit_test(measuring_finds_what_was_published_or_says_so),
        cmocka_unit_test(a_dictionary_that_does_not_fit_is_named),
        cmocka_unit_test(codes_that_are_none_are_refused),
        cmocka_unit_test(no_rows_go_round),
        cmocka_unit_test(outputs_that_cannot_be_written_leave_nothing),
        cmocka_unit_test(ctrl_c_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
