/* Rows, vectors, neighbours, check, and wrong calls. */
#include "dict_test.h"

static hooke_dict *open_golden(const char *name, bool canonical)
{
    char path[512];
    hooke_dict *d;
    hooke_dict_options options = { .size = sizeof options, .canonical = canonical };
    snprintf(path, sizeof path, "tests/golden/dict/%s", name);
    OK(hooke_dict_open(&d, ctx, path, &options));
    return d;
}

/* Rows are what the file holds, whichever way the matrix lies. */
static void rows_come_from_the_file(void **state)
{
    (void)state;
    struct safetensors s = { 0 };
    hooke_dict *d = open_golden("jumprelu_bf16", false);
    float enc[7 * 19], dec[19 * 7], row[7], block[19 * 7];
    OK(safetensors_open(&s, "tests/golden/dict/jumprelu_bf16/sae_weights.safetensors"));
    OK(stored_to_f32(enc, safetensors_find(&s, "W_enc"), 0, 7 * 19));
    OK(stored_to_f32(dec, safetensors_find(&s, "W_dec"), 0, 19 * 7));
    for (int f = 0; f < 19; f++) {
        OK(hooke_dict_decoder_row(d, f, row));
        assert_memory_equal(row, dec + f * 7, sizeof row);
        OK(hooke_dict_encoder_row(d, f, row));
        for (int j = 0; j < 7; j++) assert_true(row[j] == enc[j * 19 + f]);
    }
    OK(dict_encoder_rows(d, 0, 19, block));
    for (int i = 0; i < 19 * 7; i++) assert_true(block[i] == enc[i % 7 * 19 + i / 7]);
    safetensors_close(&s);
    hooke_dict_close(d);
}

static void neighbours_are_the_nearest(void **state)
{
    (void)state;
    enum { N = 6, W = 7, F = 19 };
    hooke_dict *d = open_golden("standard", false);
    float rows[F * W], cosine[N];
    int32_t found[N];
    OK(dict_decoder_rows(d, 0, F, rows));
    for (int32_t f = 0; f < F; f++) {
        OK(hooke_dict_neighbours(d, f, found, cosine, N));
        double last = 2;
        bool taken[F] = { false };
        for (int i = 0; i < N; i++) {
            assert_int_not_equal(found[i], f);
            assert_false(taken[found[i]]);
            taken[found[i]] = true;
            assert_true((double)cosine[i] <= last);
            last = (double)cosine[i];
        }
        for (int32_t g = 0; g < F; g++) {
            double dot = 0, a = 0, b = 0;
            for (int j = 0; j < W; j++) {
                dot += (double)rows[f * W + j] * (double)rows[g * W + j];
                a += (double)rows[f * W + j] * (double)rows[f * W + j];
                b += (double)rows[g * W + j] * (double)rows[g * W + j];
            }
            double c = dot / sqrt(a * b);
            for (int i = 0; i < N; i++)
                if (found[i] == g) assert_true(fabs(c - (double)cosine[i]) < 1e-6);
            if (!taken[g] && g != f) assert_true(c <= last + 1e-6);
        }
    }
    FAILS(hooke_dict_neighbours(d, 19, found, cosine, N), HOOKE_E_ARGUMENT, "feature 19 is outside");
    FAILS(hooke_dict_neighbours(d, 0, found, cosine, 19), HOOKE_E_ARGUMENT, "19 neighbours of 19");
    hooke_dict_close(d);
}

static void vectors_by_name(void **state)
{
    (void)state;
    float v[19];
    hooke_dict *d = open_golden("jumprelu", false);
    OK(hooke_dict_vector(d, "threshold", v, 19));
    OK(hooke_dict_vector(d, "b_dec", v, 7));
    FAILS(hooke_dict_vector(d, "b_dec", v, 19), HOOKE_E_ARGUMENT, "'b_dec' has 7 numbers, not 19");
    FAILS(hooke_dict_vector(d, "r_mag", v, 19), HOOKE_E_NOT_FOUND, "no 'r_mag'");
    FAILS(hooke_dict_vector(d, "bias", v, 19), HOOKE_E_ARGUMENT, "unknown vector 'bias'");
    hooke_dict_close(d);
}

static void check_reports(void **state)
{
    (void)state;
    hooke_text report = { 0 };
    hooke_dict *d = open_golden("jumprelu_negative_threshold", false);
    OK(hooke_dict_check(d, &report));
    assert_non_null(strstr(report.data, "d_in 7, d_out 7, d_dict 19: shapes agree"));
    assert_non_null(strstr(report.data, "W_enc: F32 [7, 19], all finite"));
    assert_non_null(strstr(report.data, "7 below zero"));
    assert_non_null(strstr(report.data, "decoder norms: min "));
    hooke_dict_close(d);
    hooke_text_release(&report);
}

static void check_finds_what_is_not_finite(void **state)
{
    (void)state;
    float w[12] = { 1, 1, 1, 1, 1, 1, 1, NAN, 1, 1, -INFINITY, 1 },
          dec[12] = { 0, 0, 0, 1, 0, 0, 0, 2, 0, 3, 4, 0 }, b[4] = { 0 };
    struct small_tensor t[4] = {
        { "W_enc", 3, 4, w }, { "W_dec", 4, 3, dec }, { "b_enc", 4, 0, b }, { "b_dec", 3, 0, b }
    };
    hooke_text report = { 0 };
    hooke_dict *d;
    const char *folder = new_folder();
    put_weights(folder, t, 4);
    put_text(folder, "cfg.json", "{\"architecture\": \"standard\", \"metadata\": {\"hook_name\": \"x\"}}");
    OK(hooke_dict_open(&d, ctx, folder, NULL));
    FAILS(hooke_dict_check(d, &report), HOOKE_E_FORMAT, "2 weights are not finite, first in tensor 'W_enc'");
    assert_non_null(strstr(report.data, "W_enc: F32 [3, 4], 2 values are not finite, the first at [1, 3]"));
    assert_non_null(strstr(report.data, "min 0 (feature 0), mean 2, max 5 (feature 3), 1 rows are zero"));
    hooke_dict_close(d);
    hooke_text_release(&report);
    remove_tree(folder);
}

static void wrong_calls(void **state)
{
    (void)state;
    float x[12] = { 1, 2, 3, 4, 5, 6, 7 }, y[12];
    static const int32_t twice[] = { 3, 3 }, far[] = { 3, 19 };
    hooke_feature_set same = { twice, 2 }, outside = { far, 2 };
    hooke_codes c = { 0 }, none = { 0 };
    hooke_dict *d = open_golden("standard_layer_norm", false), *skip = open_golden("skip_transcoder", false);
    hooke_dict *narrow = open_golden("standard_hook_z", false);
    OK(hooke_dict_encode(d, &c, x, 1, 7, NULL));
    FAILS(hooke_dict_encode(d, &c, x, 1, 6, NULL), HOOKE_E_SHAPE, "reads 7 columns");
    FAILS(hooke_dict_encode(d, &c, NULL, 1, 7, NULL), HOOKE_E_ARGUMENT, "NULL");
    FAILS(hooke_dict_encode(d, &c, x, 1, 7, &same), HOOKE_E_ARGUMENT, "must increase");
    FAILS(hooke_dict_encode(d, &c, x, 1, 7, &outside), HOOKE_E_ARGUMENT, "feature 19 is outside");
    FAILS(hooke_dict_decode(d, y, 6, &c, NULL, NULL, 0), HOOKE_E_SHAPE, "writes 7 columns");
    FAILS(hooke_dict_decode(d, y, 7, &none, NULL, NULL, 0), HOOKE_E_ARGUMENT, "empty");
    OK(hooke_dict_encode(skip, &c, x, 1, 7, NULL));
    FAILS(hooke_dict_decode(skip, y, 5, &c, NULL, NULL, 0), HOOKE_E_ARGUMENT, "needs its input rows");
    FAILS(hooke_dict_decode(d, y, 7, &c, NULL, NULL, 0), HOOKE_E_ARGUMENT,
          "no record of the input normalisation 'layer_norm'");
    OK(hooke_dict_decode(narrow, y, 12, &c, NULL, NULL, 0)); /* 19 features too: nothing to object to */
    c.n_cols = 20;
    FAILS(hooke_dict_decode(skip, y, 5, &c, NULL, x, 7), HOOKE_E_SHAPE, "codes of 20 features");
    c.n_cols = 19;
    assert_true(c.indptr[1] > 0);
    c.indices[0] = -1;
    FAILS(hooke_dict_decode(skip, y, 5, &c, NULL, x, 7), HOOKE_E_ARGUMENT, "names feature -1");
    FAILS(hooke_dict_decoder_row(d, -1, y), HOOKE_E_ARGUMENT, "feature -1 is outside");
    assert_null(hooke_dict_get_info(NULL));
    hooke_dict_close(NULL);
    hooke_dict_close(d);
    hooke_dict_close(skip);
    hooke_dict_close(narrow);
    hooke_codes_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_from_the_file),
        cmocka_unit_test(neighbours_are_the_nearest),
        cmocka_unit_test(vectors_by_name),
        cmocka_unit_test(check_reports),
        cmocka_unit_test(check_finds_what_is_not_finite),
        cmocka_unit_test(wrong_calls),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
