/* Every small dictionary of the golden files, written in every format that can hold it, read back: the same codes, the same
 * reconstructions; and what cannot be held is refused by name. */
#include "golden_dict.h"

#include <dirent.h>
#include <sys/stat.h>

/* Everything that opens below a folder is tried. */
struct found {
    char (*paths)[512];
    int n;
};

static void find_dictionaries(struct found *f, const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir));) {
        char path[512];
        struct stat st;
        if (e->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path)
            continue;
        if (stat(path, &st) != 0) continue;
        bool is_dict = hooke_dict_recognise(path, NULL) && !strstr(path, "expected");
        if (is_dict) {
            f->paths = realloc(f->paths, (size_t)(f->n + 1) * sizeof *f->paths);
            assert_non_null(f->paths);
            snprintf(f->paths[f->n++], sizeof *f->paths, "%s", path);
        } else if (S_ISDIR(st.st_mode)) {
            find_dictionaries(f, path);
        }
    }
    closedir(dir);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static struct found golden_dictionaries(void)
{
    struct found f = { NULL, 0 };
    find_dictionaries(&f, "tests/golden/dict");
    find_dictionaries(&f, "tests/golden/formats");
    find_dictionaries(&f, "tests/golden/torch_dicts");
    find_dictionaries(&f, "tests/golden/gguf");
    qsort(f.paths, (size_t)f.n, sizeof *f.paths, by_name);
    assert_true(f.n > 60);
    return f;
}

static void remove_written(const char *folder)
{
    static const char *const files[] = { "cfg.json",    "sae_weights.safetensors", "sparsity.safetensors",
                                         "params.npz",  "metadata.json",           "ae.pt",
                                         "config.json", "sae.safetensors" };
    char path[512];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

static bool is_among(const hooke_dict_loss *losses, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(losses[i].name, name) == 0) return true;
    return false;
}

/* Values may differ where a fold multiplied them; active sets only at the edge of a threshold. */
static void same_codes(const char *what, const hooke_codes *a, const hooke_codes *b)
{
    float *x = dense_codes(a), *y = dense_codes(b);
    assert_int_equal(a->n_rows, b->n_rows);
    assert_int_equal(a->n_cols, b->n_cols);
    assert_close(what, y, x, a->n_rows, a->n_cols, 1e-5);
    for (int64_t i = 0; i < a->n_rows * a->n_cols; i++)
        if ((x[i] != 0) != (y[i] != 0))
            fail_msg("%s: active sets differ at %lld: %g, %g", what, (long long)i, (double)x[i],
                     (double)y[i]);
    mem_free(x);
    mem_free(y);
}

static void compare_dicts(const char *what, hooke_dict *from, hooke_dict *to, bool scaled, bool no_skip)
{
    enum { ROWS = 9 };
    const hooke_dict_info *i = hooke_dict_get_info(from);
    size_t n_in = (size_t)ROWS * (size_t)i->d_in, n_out = (size_t)ROWS * (size_t)i->d_out;
    float *x = mem_alloc(n_in, sizeof *x), *y = mem_alloc(n_out, sizeof *y), *z = mem_alloc(n_out, sizeof *z);
    hooke_codes a = { 0 }, b = { 0 };
    for (size_t k = 0; k < n_in; k++) x[k] = sinf((float)(k * 7 + 1)) * (0.3f + (float)(k / (size_t)i->d_in));
    OK(hooke_dict_encode(from, &a, x, ROWS, i->d_in, NULL));
    OK(hooke_dict_encode(to, &b, x, ROWS, i->d_in, NULL));
    if (!scaled) same_codes(what, &a, &b);
    OK(hooke_dict_decode(from, y, i->d_out, &a, NULL, x, i->d_in));
    OK(hooke_dict_decode(to, z, i->d_out, &b, NULL, x, i->d_in));
    if (!no_skip) assert_close(what, z, y, ROWS, i->d_out, 2e-5);
    hooke_codes_release(&a);
    hooke_codes_release(&b);
    mem_free(x);
    mem_free(y);
    mem_free(z);
}

/* Whether it could be written and read. */
static bool round_trip(const char *path, const char *format, bool canonical)
{
    hooke_dict_options o = { .size = sizeof o, .canonical = canonical };
    hooke_dict_write_options w = { .size = sizeof w, .drop = "all" };
    hooke_dict_loss losses[16];
    hooke_dict *from, *to;
    const char *read_as = NULL;
    char what[700];
    int n;
    OK(hooke_dict_open(&from, ctx, path, &o));
    hooke_status st = hooke_dict_losses(from, format, losses, 16, &n);
    bool can = st == HOOKE_OK;
    if (!can) {
        assert_int_equal(st, HOOKE_E_UNSUPPORTED);
        assert_true(strlen(hooke_error()) > 20);
        hooke_dict_close(from);
        return false;
    }
    const char *folder = new_folder();
    OK(hooke_dict_write(from, folder, format, &w));
    snprintf(what, sizeof what, "%s as %s%s", path, format, canonical ? ", canonical" : "");
    bool reads = hooke_dict_recognise(folder, &read_as);
    if (reads) {
        assert_string_equal(read_as, format);
        if (hooke_dict_open(&to, ctx, folder, NULL) != HOOKE_OK) fail_msg("%s: %s", what, hooke_error());
        compare_dicts(what, from, to, is_among(losses, n, "scale"), is_among(losses, n, "skip"));
        assert_string_equal(hooke_dict_get_info(from)->site, hooke_dict_get_info(to)->site);
        hooke_dict_close(to);
    }
    remove_written(folder);
    hooke_dict_close(from);
    return reads;
}

static void written_dictionaries_give_the_same_codes(void **state)
{
    (void)state;
    static const int least[] = { 160, 96, 116, 24 }; /* in the order of the formats */
    struct found f = golden_dictionaries();
    for (int k = 0; hooke_dict_write_format(k); k++) {
        int n_done = 0;
        for (int i = 0; i < f.n; i++)
            for (int canonical = 0; canonical < 2; canonical++)
                n_done += round_trip(f.paths[i], hooke_dict_write_format(k), canonical);
        print_message("%s: %d of %d written and read back\n", hooke_dict_write_format(k), n_done, 2 * f.n);
        assert_true(n_done >= least[k]);
    }
    free(f.paths);
}

/* Its own format, untouched parameters: the same bytes. */
static void nothing_to_fold_leaves_the_bytes(void **state)
{
    (void)state;
    hooke_dict *from, *to;
    OK(hooke_dict_open(&from, ctx, "tests/golden/dict/jumprelu_bf16", NULL));
    const char *folder = new_folder();
    OK(hooke_dict_write(from, folder, "saelens", NULL));
    OK(hooke_dict_open(&to, ctx, folder, NULL));
    assert_string_equal(hooke_dict_get_info(to)->dtype, "BF16");
    assert_string_equal(hooke_dict_get_info(to)->normalize_activations, "constant_norm_rescale");
    for (int p = 0; p < 2; p++) {
        const struct stored_tensor *a = from->param[p ? P_W_DEC : P_W_ENC],
                                   *b = to->param[p ? P_W_DEC : P_W_ENC];
        assert_int_equal(a->bytes, b->bytes);
        assert_memory_equal(a->data, b->data, a->bytes);
    }
    remove_written(folder);
    hooke_dict_close(from);
    hooke_dict_close(to);
}

static void losses_are_refused_by_name(void **state)
{
    (void)state;
    hooke_dict *d;
    hooke_dict_loss losses[16];
    hooke_dict_write_options w = { .size = sizeof w };
    const char *folder = new_folder();
    int n;
    OK(hooke_dict_open(&d, ctx,
                       "tests/golden/formats/gemma_scope_2_affine/google--gemma-scope-2-1b-pt/transcoder/"
                       "layer_13_width_65k_l0_medium_affine",
                       NULL));
    OK(hooke_dict_losses(d, "gemma_scope", losses, 16, &n));
    assert_true(is_among(losses, n, "skip"));
    FAILS(hooke_dict_write(d, folder, "gemma_scope", NULL), HOOKE_E_UNSUPPORTED,
          "gemma_scope has no place for: skip");
    w.drop = "sparsity,skipped";
    FAILS(hooke_dict_write(d, folder, "gemma_scope", &w), HOOKE_E_UNSUPPORTED, "no place for: skip");
    FAILS(hooke_dict_write(d, folder, "sparsify", &w), HOOKE_E_UNSUPPORTED,
          "no architecture that gives the codes of");
    FAILS(hooke_dict_write(d, folder, "pickle", &w), HOOKE_E_ARGUMENT, "'pickle' is not a format");
    FAILS(hooke_dict_write(d, "", "saelens", &w), HOOKE_E_ARGUMENT, "no folder");
    assert_int_equal(rmdir(folder), 0); /* a refusal leaves nothing behind */
    w.drop = "sparsity,skip";
    OK(hooke_dict_write(d, folder, "gemma_scope", &w));
    remove_written(folder);
    hooke_dict_close(d);
    OK(hooke_dict_open(&d, ctx, "tests/golden/dict/topk_layer_norm", NULL));
    FAILS(hooke_dict_write(d, folder, "sparsify", &w), HOOKE_E_UNSUPPORTED,
          "sparsify does not normalise activations");
    hooke_dict_close(d);
}

/* Firing fractions come along where there is a place for them. */
static void densities_are_carried(void **state)
{
    (void)state;
    float sparsity[19], got[19];
    hooke_dict *d;
    hooke_dict_write_options w = { .size = sizeof w };
    hooke_dict_loss losses[16];
    char folder[256], copy[256], path[512];
    int n;
    for (int i = 0; i < 19; i++) sparsity[i] = -(float)i / 2;
    hooke_tensor_out t = { "sparsity", "F32", 1, { 19 }, sparsity };
    OK(hooke_dict_open(&d, ctx, "tests/golden/dict/standard", NULL));
    assert_false(hooke_dict_get_info(d)->has_density);
    snprintf(folder, sizeof folder, "%s", new_folder());
    OK(hooke_dict_write(d, folder, "saelens", NULL));
    hooke_dict_close(d);
    snprintf(path, sizeof path, "%s/sparsity.safetensors", folder);
    OK(hooke_write_safetensors(path, &t, 1, NULL));
    OK(hooke_dict_open(&d, ctx, folder, NULL));
    assert_true(hooke_dict_get_info(d)->has_density);
    OK(hooke_dict_losses(d, "dictionary_learning", losses, 16, &n));
    assert_true(is_among(losses, n, "sparsity"));
    snprintf(copy, sizeof copy, "%s", new_folder());
    OK(hooke_dict_write(d, copy, "saelens", &w));
    hooke_dict_close(d);
    OK(hooke_dict_open(&d, ctx, copy, NULL));
    OK(hooke_dict_vector(d, "log_sparsity", got, 19));
    assert_memory_equal(got, sparsity, sizeof got);
    hooke_dict_close(d);
    for (int i = 0; i < 19; i++) sparsity[i] = NAN; /* SAELens, before it has counted anything */
    OK(hooke_write_safetensors(path, &t, 1, NULL));
    OK(hooke_dict_open(&d, ctx, folder, NULL));
    assert_false(hooke_dict_get_info(d)->has_density);
    hooke_dict_close(d);
    t.shape[0] = 18;
    OK(hooke_write_safetensors(path, &t, 1, NULL));
    FAILS(hooke_dict_open(&d, ctx, folder, NULL), HOOKE_E_SHAPE, "not one number for each feature");
    remove_written(folder);
    remove_written(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_dictionaries_give_the_same_codes),
        cmocka_unit_test(nothing_to_fold_leaves_the_bytes),
        cmocka_unit_test(losses_are_refused_by_name),
        cmocka_unit_test(densities_are_carried),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
