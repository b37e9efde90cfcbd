/* The benchmarks run, their rows make sense, and wrong calls are refused. Figures are not judged here. */
#include "bench/bench.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file/json.h"

struct seen {
    int n;
    hooke_bench_row last;
    char names[256];
};

static void see(void *payload, const hooke_bench_row *row)
{
    struct seen *s = payload;
    assert_true(row->seconds > 0.0 && row->seconds_min <= row->seconds && row->seconds <= row->seconds_max);
    assert_true(row->threads >= 1 && row->runs == 1 && row->peak_rss_bytes > 0 && row->shape[0] &&
                row->dtype[0]);
    assert_true(row->gflops > 0.0 || row->bytes_per_second > 0.0);
    s->n++;
    s->last = *row;
    strncat(s->names, row->name, sizeof s->names - strlen(s->names) - 2);
    strncat(s->names, " ", 2);
}

static struct seen run(const char *name, const hooke_bench_options *options)
{
    struct seen s = { 0 };
    hooke_context *ctx;
    assert_int_equal(hooke_context_open(&ctx, NULL), HOOKE_OK);
    hooke_status st = hooke_bench(ctx, name, options, see, &s);
    if (st != HOOKE_OK) print_error("%s: %s\n", name, hooke_error());
    assert_int_equal(st, HOOKE_OK);
    hooke_context_close(ctx);
    return s;
}

static void rows_of_a_small_shape(void **state)
{
    hooke_bench_options o = {
        .size = sizeof o, .shape = "pythia-14m", .runs = 1, .n_tokens = 64, .width = 2048
    };
    (void)state;
    struct seen s = run("encode", &o);
    assert_true(s.n == 2 && strncmp(s.names, "encode_l0_", 10) == 0);
    assert_string_equal(s.last.shape, "64x128x2048");
    s = run("decode", &o);
    assert_true(s.n == 2 && strstr(s.names, "decode_dense"));
    s = run("prefill", &o);
    assert_true(s.n == 1 && s.last.fraction > 0.0 && s.last.tokens_per_second > 0.0);
    o.n_tokens = 8;
    s = run("generate", &o);
    assert_true(s.n == 2 && strncmp(s.names, "generate ", 9) == 0);
}

static void the_threshold_lets_about_l0_features_through(void **state)
{
    hooke_bench_options o = {
        .size = sizeof o, .shape = "gemma-2-2b", .runs = 1, .n_tokens = 256, .width = 2048, .l0 = 40
    };
    char *end;
    (void)state;
    struct seen s = run("encode", &o);
    long l0 = strtol(s.names + strlen("encode_l0_"), &end, 10);
    if (l0 < 36 || l0 > 44) print_error("L0 %ld\n", l0);
    assert_true(l0 >= 36 && l0 <= 44);
}

static void wrong_calls(void **state)
{
    struct seen s = { 0 };
    hooke_bench_options o = { .size = sizeof o, .shape = "gemma-2-2z" };
    hooke_context *ctx;
    (void)state;
    assert_int_equal(hooke_context_open(&ctx, NULL), HOOKE_OK);
    assert_int_equal(hooke_bench(ctx, "encod", NULL, see, &s), HOOKE_E_NOT_FOUND);
    assert_int_equal(hooke_bench(ctx, "encode", &o, see, &s), HOOKE_E_NOT_FOUND);
    assert_int_equal(hooke_bench(ctx, "prefill", &o, see, &s), HOOKE_E_NOT_FOUND);
    o.runs = -1;
    assert_int_equal(hooke_bench(ctx, "encode", &o, see, &s), HOOKE_E_ARGUMENT);
    assert_int_equal(s.n, 0);
    hooke_context_close(ctx);
}

static void the_doctor_reports(void **state)
{
    hooke_text text = { 0 };
    struct arena arena = { 0 };
    const struct json *root;
    (void)state;
    assert_int_equal(hooke_doctor_json(&text), HOOKE_OK);
    assert_int_equal(json_parse(&root, &arena, text.data, text.n, JSON_REFUSE_DUPLICATES, "doctor"),
                     HOOKE_OK);
    assert_string_equal(json_get(root, "version")->as.string.bytes, HOOKE_VERSION);
    assert_string_equal(json_get(root, "levels")->as.list.first->as.string.bytes, "ref");
    assert_true(json_get(root, "cuda")->kind == JSON_BOOL && json_get(root, "mpi")->kind == JSON_BOOL);
    assert_true(json_get(root, "missing")->kind == JSON_ARRAY && json_get(root, "cache"));
    arena_release(&arena);
    hooke_text_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_a_small_shape),
        cmocka_unit_test(the_threshold_lets_about_l0_features_through),
        cmocka_unit_test(wrong_calls),
        cmocka_unit_test(the_doctor_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
