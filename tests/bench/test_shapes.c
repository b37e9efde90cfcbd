/* Published parameter counts, and the random fill. */
#include "bench/synth.h" /* before cmocka, whose fail() is a macro */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eval/near.h"

static int64_t count_params(const char *name)
{
    struct synth_plan plan;
    const struct model_shape *s = model_shape_find(name);
    int64_t n = 0;
    assert_non_null(s);
    assert_int_equal(synth_plan_model(&plan, s), HOOKE_OK);
    for (int i = 0; i < plan.n; i++) n += synth_tensor_items(&plan.tensors[i]);
    synth_plan_release(&plan);
    return n;
}

static void published_parameter_counts(void **state)
{
    static const struct {
        const char *name;
        int64_t params;
    } published[] = {
        { "gemma-2-2b", 2614341888 },   { "gemma-2-9b", 9241705984 },  { "gemma-2-27b", 27227128320 },
        { "pythia-14m", 14067712 },     { "pythia-31m", 30494720 },    { "pythia-70m", 70426624 },
        { "pythia-160m", 162322944 },   { "pythia-410m", 405334016 },  { "pythia-1b", 1011781632 },
        { "pythia-1.4b", 1414647808 },  { "pythia-2.8b", 2775208960 }, { "pythia-6.9b", 6857302016 },
        { "pythia-12b", 11846072320 },  { "gpt2", 124439808 },         { "gpt2-medium", 354823168 },
        { "gpt2-large", 774030080 },    { "gpt2-xl", 1557611200 },     { "llama-3.1-8b", 8030261248 },
        { "llama-3.2-1b", 1235814400 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        int64_t n = count_params(published[i].name);
        if (n != published[i].params) print_message("%s: %lld\n", published[i].name, (long long)n);
        assert_int_equal(n, published[i].params);
    }
}

static void every_listed_name_is_known(void **state)
{
    (void)state;
    int n = 0;
    for (; hooke_shape_name(n); n++)
        assert_true(model_shape_find(hooke_shape_name(n)) || dict_shape_find(hooke_shape_name(n)));
    assert_true(n > 20);
    assert_null(hooke_shape_name(-1));
}

static void unknown_shape_is_named_and_a_near_one_suggested(void **state)
{
    (void)state;
    assert_int_equal(shape_unknown("gemma-2-2c"), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "gemma-2-2c"));
    assert_non_null(strstr(hooke_error(), "'gemma-2-2b'"));
}

static void gemma_has_288_tensors(void **state)
{
    struct synth_plan plan;
    (void)state;
    assert_int_equal(synth_plan_model(&plan, model_shape_find("gemma-2-2b")), HOOKE_OK);
    assert_int_equal(plan.n, 288);
    assert_string_equal(plan.tensors[1].name, "model.layers.0.input_layernorm.weight");
    synth_plan_release(&plan);
}

static void quantiles(void **state)
{
    (void)state;
    assert_near(normal_upper_quantile(0.5), 0.0, 1e-9);
    assert_near(normal_upper_quantile(0.025), 1.959963984540054, 1e-9);
    assert_near(normal_upper_quantile(0.99), -2.3263478740408408, 1e-9);
}

enum { N_ITEMS = 3 * SYNTH_BLOCK + 5 };
static float items[N_ITEMS], again[N_ITEMS];

static void fill_has_the_moments_and_does_not_depend_on_threads_or_chunks(void **state)
{
    struct synth_tensor t = {
        .name = "t", .dtype = DT_F32, .n_dims = 1, .shape = { N_ITEMS }, .mean = 1.0, .std = 0.5
    };
    double sum = 0.0, squares = 0.0;
    (void)state;
    synth_fill(items, &t, 0, N_ITEMS, 7, 3, 1);
    for (int i = 0; i < N_ITEMS; i++) sum += (double)items[i];
    for (int i = 0; i < N_ITEMS; i++) squares += ((double)items[i] - 1.0) * ((double)items[i] - 1.0);
    assert_near(sum / N_ITEMS, 1.0, 0.006);           /* 5 standard errors */
    assert_near(sqrt(squares / N_ITEMS), 0.5, 0.006); /* 256 quantiles lose a little of the tails */
    synth_fill(again, &t, 0, SYNTH_BLOCK, 7, 3, 4);
    synth_fill(again + SYNTH_BLOCK, &t, SYNTH_BLOCK, N_ITEMS - SYNTH_BLOCK, 7, 3, 2);
    assert_memory_equal(items, again, sizeof items);
    synth_fill(again, &t, 0, N_ITEMS, 7, 4, 1);
    assert_memory_not_equal(items, again, sizeof items);
}

static float half_value(uint16_t h)
{
    double m = (h >> 10 & 31) ? ldexp(1024.0 + (h & 1023), (h >> 10 & 31) - 25) : ldexp(h & 1023, -24);
    return (float)(h & 0x8000 ? -m : m);
}

static void narrow_types_hold_the_rounded_values(void **state)
{
    static uint16_t narrow[SYNTH_BLOCK];
    struct synth_tensor t = {
        .name = "t", .dtype = DT_F32, .n_dims = 1, .shape = { SYNTH_BLOCK }, .std = 0.02
    };
    (void)state;
    synth_fill(items, &t, 0, SYNTH_BLOCK, 1, 0, 2);
    t.dtype = DT_F16;
    synth_fill(narrow, &t, 0, SYNTH_BLOCK, 1, 0, 2);
    for (int i = 0; i < SYNTH_BLOCK; i++)
        assert_true(fabsf(half_value(narrow[i]) - items[i]) <= fabsf(items[i]) * 0x1p-11f);
    t.dtype = DT_BF16;
    synth_fill(narrow, &t, 0, SYNTH_BLOCK, 1, 0, 2);
    for (int i = 0; i < SYNTH_BLOCK; i++) {
        uint32_t bits = (uint32_t)narrow[i] << 16;
        float v;
        memcpy(&v, &bits, sizeof v);
        assert_true(fabsf(v - items[i]) <= fabsf(items[i]) * 0x1p-8f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_parameter_counts),
        cmocka_unit_test(every_listed_name_is_known),
        cmocka_unit_test(unknown_shape_is_named_and_a_near_one_suggested),
        cmocka_unit_test(gemma_has_288_tensors),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(fill_has_the_moments_and_does_not_depend_on_threads_or_chunks),
        cmocka_unit_test(narrow_types_hold_the_rounded_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
