/* The core evaluation against sae-bench's numbers for the same models, dictionaries and ids (tools/parity/eval_core.py --golden
 * wrote them, float32). */
#include "eval/core.h" /* before cmocka, whose fail() is a macro */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "file/json.h"

static double real_of(const struct json *v)
{
    assert_non_null(v);
    assert_true(v->kind == JSON_REAL || v->kind == JSON_INT);
    return v->kind == JSON_REAL ? v->as.real : (double)v->as.integer;
}

static void close_enough(const char *key, double found, double expected, double scale)
{
    double difference = fabs(found - expected) / fmax(scale, 1e-6);
    if (difference < 1e-4) return;
    print_error("%s: found %.9g, expected %.9g\n", key, found, expected);
    assert_true(difference < 1e-4);
}

static void check_metrics(const struct json *found, const struct json *expected)
{
    int n = 0;
    for (const struct json *want = expected->as.list.first; want; want = want->next, n++) {
        const struct json *mine = NULL;
        for (const struct json *group = found->as.list.first; group && !mine; group = group->next)
            mine = json_get(group, want->key);
        close_enough(want->key, real_of(mine), real_of(want), fabs(real_of(want)));
    }
    assert_int_equal(n, 26);
}

static void check_features(const struct json *details, const struct json *expected)
{
    int n = 0;
    for (const struct json *list = expected->as.list.first; list; list = list->next, n++) {
        const struct json *row = details->as.list.first;
        for (const struct json *want = list->as.list.first; want; want = want->next, row = row->next) {
            assert_non_null(row);
            close_enough(list->key, real_of(json_get(row, list->key)), real_of(want), 1.0);
        }
        assert_null(row);
    }
    assert_int_equal(n, 7);
}

static void agrees(const char *kind)
{
    char model[64], dict[64], ids[80], numbers[80];
    hooke_context *ctx;
    hooke_model *m;
    hooke_dict *d;
    hooke_core_result *r;
    hooke_text text = { 0 };
    struct arena arena = { 0 };
    const struct json *document, *golden;
    snprintf(model, sizeof model, "tests/golden/models/%s", kind);
    snprintf(dict, sizeof dict, "tests/golden/eval/%s", kind);
    snprintf(ids, sizeof ids, "%s/ids.json", dict);
    snprintf(numbers, sizeof numbers, "%s/core.json", dict);
    hooke_context_options context = { .size = sizeof context, .dtype = "f32" };
    hooke_core_options options = { .size = sizeof options,
                                   .batch_size_prompts = 3,
                                   .n_eval_reconstruction_batches = 2,
                                   .n_eval_sparsity_variance_batches = 2,
                                   .ids_file = ids };
    assert_int_equal(hooke_context_open(&ctx, &context), HOOKE_OK);
    assert_int_equal(hooke_model_open(&m, ctx, model, NULL), HOOKE_OK);
    assert_int_equal(hooke_dict_open(&d, ctx, dict, NULL), HOOKE_OK);
    assert_int_equal(hooke_eval_core(&r, m, d, &options), HOOKE_OK);
    assert_int_equal(hooke_core_json(r, &text, NULL, NULL), HOOKE_OK);
    assert_int_equal(json_parse(&document, &arena, text.data, text.n, 0, "result"), HOOKE_OK);
    assert_int_equal(json_read(&golden, &arena, numbers, 1 << 20, 0), HOOKE_OK);
    check_metrics(json_get(document, "eval_result_metrics"), json_get(golden, "metrics"));
    check_features(json_get(document, "eval_result_details"), json_get(golden, "features"));
    arena_release(&arena);
    hooke_text_release(&text);
    hooke_core_close(r);
    hooke_dict_close(d);
    hooke_model_close(m);
    hooke_context_close(ctx);
}

static void gemma2_with_jumprelu(void **state)
{
    (void)state;
    agrees("gemma2");
}

static void neox_with_topk(void **state)
{
    (void)state;
    agrees("gpt_neox");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemma2_with_jumprelu),
        cmocka_unit_test(neox_with_topk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
