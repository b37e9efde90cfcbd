/* Damaged files of every published layout, and every allocation made to fail once while reading, encoding, decoding and writing:
 * messages and clean refusals, never a crash or a leak (run under the sanitizers too). */
#include "golden_dict.h"

#include <sys/stat.h>

struct layout {
    const char *folder; /* below tests/golden/formats */
    const char *files[3];
    const char *open; /* within the folder; "" is the folder */
};

static const struct layout layouts[] = {
    { "sparsify_skip_transcoder/layers.3.mlp", { "cfg.json", "sae.safetensors", NULL }, "" },
    { "gemma_scope_2_affine/google--gemma-scope-2-1b-pt/transcoder/layer_13_width_65k_l0_medium_affine",
      { "config.json", "params.safetensors", NULL },
      "" },
    { "gemma_scope_2_clt/google--gemma-scope-2-1b-pt/clt/width_16k_l0_medium",
      { "params_layer_2.safetensors", NULL, NULL },
      "params_layer_2.safetensors" },
    { "llama_scope/Llama3_1-8B-Base-L0R-8x",
      { "hyperparams.json", "checkpoints/final.safetensors", NULL },
      "" },
    { "llama_scope_r1/800M-Slimpajama-0-OpenR1-Math-220k/L15R",
      { "config.json", "sae_weights.safetensors", NULL },
      "" },
    { "llamascopium_topk_glu/blocks.13.hook_resid_post-8x",
      { "config.json", "sae_weights.safetensors", NULL },
      "" },
    { "llamascopium_pt/blocks.13.hook_resid_post-8x", { "config.json", "sae_weights.pt", NULL }, "" },
    { "circuit_signed_topk/signed", { "config.yaml", "layer_5.safetensors", NULL }, "layer_5.safetensors" },
    { "cross_layer/clt-gemma-2-2b",
      { "config.yaml", "W_enc_2.safetensors", "W_dec_2.safetensors" },
      "W_enc_2.safetensors" },
    { "temporal_yaml/gemma-2-2b/layer_12/temporal", { "conf.yaml", "latest_ckpt.safetensors", NULL }, "" },
};
enum { N_LAYOUTS = sizeof layouts / sizeof *layouts, MOST_BYTES = 1 << 16 };

struct copy {
    char folder[256];
    unsigned char *data[3];
    size_t n[3];
};

static void copy_layout(struct copy *c, const struct layout *l)
{
    char path[700];
    snprintf(c->folder, sizeof c->folder, "%s", new_folder());
    snprintf(path, sizeof path, "%s/checkpoints", c->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 0; i < 3 && l->files[i]; i++) {
        snprintf(path, sizeof path, "tests/golden/formats/%s/%s", l->folder, l->files[i]);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        c->data[i] = mem_alloc_raw(MOST_BYTES, 1);
        assert_non_null(c->data[i]);
        c->n[i] = fread(c->data[i], 1, MOST_BYTES, f);
        assert_in_range(c->n[i], 1, MOST_BYTES - 1);
        fclose(f);
        put_file(c->folder, l->files[i], c->data[i], c->n[i]);
    }
}

static void drop_copy(struct copy *c, const struct layout *l)
{
    char path[700];
    for (int i = 0; i < 3; i++) mem_free(c->data[i]);
    for (int i = 0; i < 3 && l->files[i]; i++) {
        snprintf(path, sizeof path, "%s/%s", c->folder, l->files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/checkpoints", c->folder);
    rmdir(path);
    rmdir(c->folder);
}

/* Opens and uses what opens; whether it did. */
static bool exercise(const struct copy *c, const struct layout *l)
{
    enum { ROWS = 3 };
    char path[700];
    hooke_dict *d;
    hooke_codes codes = { 0 };
    snprintf(path, sizeof path, "%s/%s", c->folder, l->open);
    if (hooke_dict_open(&d, ctx, path, NULL) != HOOKE_OK) {
        assert_null(d);
        assert_true(strlen(hooke_error()) > 10);
        return false;
    }
    const hooke_dict_info *i = hooke_dict_get_info(d);
    float *x = mem_alloc((size_t)i->d_in * ROWS, sizeof *x),
          *y = mem_alloc((size_t)i->d_out * ROWS, sizeof *y);
    assert_true(x && y);
    for (int j = 0; j < i->d_in * ROWS; j++) x[j] = (float)(j % 5) - 1.5f;
    if (hooke_dict_encode(d, &codes, x, ROWS, i->d_in, NULL) == HOOKE_OK)
        (void)hooke_dict_decode(d, y, i->d_out, &codes, NULL, x, i->d_in);
    hooke_codes_release(&codes);
    mem_free(x);
    mem_free(y);
    hooke_dict_close(d);
    return true;
}

/* Cuts and flips up to `most` bytes of one file; the header of weights is what can be wrong, their numbers cannot. */
static void damage_file(struct copy *c, const struct layout *l, int which, size_t most, size_t step)
{
    unsigned char *data = c->data[which];
    size_t n = c->n[which], end = n < most ? n : most;
    for (size_t cut = 0; cut < end; cut += step) {
        put_file(c->folder, l->files[which], data, cut);
        (void)exercise(c, l);
    }
    for (size_t at = 0; at < end; at += step) {
        data[at] ^= (unsigned char)(1u << (at / step) % 8);
        put_file(c->folder, l->files[which], data, n);
        (void)exercise(c, l);
        data[at] ^= (unsigned char)(1u << (at / step) % 8);
    }
    put_file(c->folder, l->files[which], data, n);
    assert_true(exercise(c, l)); /* whole again */
}

static void damaged_layout(void **state)
{
    const struct layout *l = *state;
    struct copy c = { { 0 }, { NULL }, { 0 } };
    copy_layout(&c, l);
    assert_true(exercise(&c, l));
    for (int i = 0; i < 3 && l->files[i]; i++) {
        bool weights = strstr(l->files[i], ".safetensors") != NULL;
        damage_file(&c, l, i, weights ? 700 : 1 << 12, weights ? 3 : 1);
    }
    drop_copy(&c, l);
}

static hooke_status use_once(const char *path, const float *x, float *y)
{
    hooke_dict *d;
    hooke_codes c = { 0 };
    hooke_status st = hooke_dict_open(&d, ctx, path, NULL);
    if (st == HOOKE_OK) st = hooke_dict_encode(d, &c, x, 4, 8, NULL);
    if (st == HOOKE_OK) st = hooke_dict_decode(d, y, 8, &c, NULL, x, 8);
    hooke_codes_release(&c);
    hooke_dict_close(d);
    return st;
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    float x[4 * 8], y[4 * 8];
    char path[700];
    for (int i = 0; i < 4 * 8; i++) x[i] = (float)(i % 7) - 2;
    for (int i = 0; i < N_LAYOUTS; i++) {
        snprintf(path, sizeof path, "tests/golden/formats/%s/%s", layouts[i].folder, layouts[i].open);
        for (long n = 1;; n++) {
            mem_fail_at(n);
            hooke_status st = use_once(path, x, y);
            mem_fail_at(0);
            assert_true(n < 20000);
            if (st == HOOKE_OK) break;
            if (st != HOOKE_E_MEMORY) fail_msg("%s: allocation %ld: %d, %s", path, n, st, hooke_error());
        }
    }
}

static void writing_without_memory_leaves_nothing_half_done(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "tests/golden/dict/topk_rescaled", "sparsify" },
        { "tests/golden/dict/topk_rescaled", "saelens" },
        { "tests/golden/dict/gated", "dictionary_learning" },
        { "tests/golden/dict/gated", "gemma_scope" },
        { "tests/golden/formats/temporal_yaml/gemma-2-2b/layer_12/temporal", "saelens" },
    };
    static const char *const files[] = {
        "cfg.json",   "config.json", "metadata.json",          "sae.safetensors",
        "params.npz", "ae.pt",       "sae_weights.safetensors"
    };
    hooke_dict_options o = { .size = sizeof o, .canonical = true };
    hooke_dict_write_options w = { .size = sizeof w, .drop = "all" };
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
        const char *folder = new_folder();
        char path[700];
        hooke_dict *d;
        OK(hooke_dict_open(&d, ctx, pairs[p][0], &o));
        for (long n = 1;; n++) {
            mem_fail_at(n);
            hooke_status st = hooke_dict_write(d, folder, pairs[p][1], &w);
            mem_fail_at(0);
            assert_true(n < 20000);
            if (st == HOOKE_OK) break;
            if (st != HOOKE_E_MEMORY)
                fail_msg("%s: allocation %ld: %d, %s", pairs[p][1], n, st, hooke_error());
        }
        hooke_dict_close(d);
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            snprintf(path, sizeof path, "%s/%s", folder, files[i]);
            unlink(path);
        }
        assert_int_equal(rmdir(folder), 0); /* no temporary file stays */
    }
}

int main(void)
{
    struct CMUnitTest tests[N_LAYOUTS + 2];
    for (size_t i = 0; i < N_LAYOUTS; i++) {
        union {
            const struct layout *in;
            void *out;
        } state = { .in = &layouts[i] };
        tests[i] = (struct CMUnitTest){ layouts[i].folder, damaged_layout, NULL, NULL, state.out };
    }
    tests[N_LAYOUTS] = (struct CMUnitTest)cmocka_unit_test(every_allocation_fails_once);
    tests[N_LAYOUTS + 1] =
        (struct CMUnitTest)cmocka_unit_test(writing_without_memory_leaves_nothing_half_done);
    return cmocka_run_group_tests(tests, open_context, close_context);
}
