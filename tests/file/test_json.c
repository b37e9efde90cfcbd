/* json.h: what is read, what is refused and how, and that what is written reads back. */
#include "check.h"

#include <math.h>

#include "file/bytes.h"
#include "file/json.h"

static hooke_status parse(const struct json **out, struct arena *a, const char *text, int flags)
{
    return json_parse(out, a, text, strlen(text), flags, "test.json");
}

static void reads_every_kind(void **state)
{
    struct arena a = { 0 };
    const struct json *j, *v;
    (void)state;
    assert_int_equal(
        parse(
            &j, &a,
            " {\"n\": null, \"t\": true, \"i\": -12, \"r\": 1.5e3, \"s\": \"a\\u00e9\\ud83d\\ude00\\u0000b\","
            " \"l\": [1, [], {}]} ",
            0),
        HOOKE_OK);
    assert_int_equal(j->kind, JSON_OBJECT);
    assert_int_equal(j->as.list.n, 6);
    assert_int_equal(json_get(j, "n")->kind, JSON_NULL);
    assert_true(json_is_null(json_get(j, "n")) && json_is_null(NULL));
    assert_true(json_get(j, "t")->as.boolean);
    assert_int_equal(json_get(j, "i")->as.integer, -12);
    assert_true(json_get(j, "r")->kind == JSON_REAL && json_get(j, "r")->as.real == 1500.0);
    v = json_get(j, "s");
    assert_int_equal(v->as.string.n, 9);
    assert_memory_equal(v->as.string.bytes, "a\xC3\xA9\xF0\x9F\x98\x80\0b", 10);
    v = json_get(j, "l");
    assert_int_equal(v->as.list.n, 3);
    assert_int_equal(v->as.list.first->next->kind, JSON_ARRAY);
    assert_null(v->as.list.first->next->as.list.first);
    assert_null(v->as.list.first->key);
    assert_null(json_get(j, "absent"));
    assert_null(json_get(v, "absent"));
    arena_release(&a);
}

static void refuses_what_is_not_json(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{a: 1}",
        "[1] 2",
        "01",
        "1.",
        ".5",
        "+1",
        "-",
        "1e",
        "nul",
        "True",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "// c\n1",
        "/* c */ 1",
        "[1 2]",
        "NaN",
        "Infinity",
        "\xEF\xBB\xBF{}",
        "\"\\",
        "\"\\u",
        "[",
        "[\"",
        "\"\xFF\"",
        "\"\xC0\x80\"",
        "\"\xED\xA0\x80\"",
        "\"\xF4\x90\x80\x80\"",
        "\"\xE2\x82\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800x\"",
        "\"\\udbff\\ud800\"",
        "1e999",
        "-1e999",
        "9223372036854775808",
        "-9223372036854775809",
        "9223372036854775890",
        "99999999999999999999",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena a = { 0 };
        const struct json *j = (const struct json *)1;
        hooke_status st = parse(&j, &a, bad[i], 0);
        if (st != HOOKE_E_FORMAT) print_message("accepted: %s\n", bad[i]);
        assert_int_equal(st, HOOKE_E_FORMAT);
        assert_null(j);
        assert_non_null(strstr(hooke_error(), "test.json"));
        arena_release(&a);
    }
}

static void a_nul_in_the_text_is_refused(void **state)
{
    struct arena a = { 0 };
    const struct json *j;
    (void)state;
    assert_int_equal(json_parse(&j, &a, "\"a\0b\"", 5, 0, "x"), HOOKE_E_FORMAT);
    assert_int_equal(json_parse(&j, &a, "1\0", 2, 0, "x"), HOOKE_E_FORMAT);
    arena_release(&a);
}

static void numbers_at_their_limits(void **state)
{
    struct arena a = { 0 };
    const struct json *j;
    (void)state;
    assert_int_equal(
        parse(&j, &a, "[9223372036854775807, -9223372036854775808, -0, 4.9e-324, 1e-999, 0.1, -0.0]", 0),
        HOOKE_OK);
    const struct json *v = j->as.list.first;
    assert_true(v->kind == JSON_INT && v->as.integer == INT64_MAX);
    v = v->next;
    assert_true(v->as.integer == INT64_MIN);
    v = v->next;
    assert_true(v->kind == JSON_INT && v->as.integer == 0);
    v = v->next;
    assert_true(v->as.real > 0 && v->as.real < 1e-323);
    v = v->next;
    assert_true(v->as.real == 0);
    v = v->next;
    assert_true(v->as.real == 0.1);
    v = v->next;
    assert_true(v->as.real == 0 && signbit(v->as.real));
    arena_release(&a);
}

static void large_integers_may_be_reals(void **state)
{
    struct arena a = { 0 };
    const struct json *j;
    (void)state;
    assert_int_equal(parse(&j, &a, "[1000000000000000019884624838656, 7]", JSON_LARGE_INTEGERS), HOOKE_OK);
    assert_true(j->as.list.first->kind == JSON_REAL && j->as.list.first->as.real == 1e30);
    assert_true(j->as.list.first->next->kind == JSON_INT);
    assert_int_equal(parse(&j, &a, "1000000000000000019884624838656", 0), HOOKE_E_FORMAT);
    arena_release(&a);
}

/* What Python's json module writes for numbers that are none. */
static void nan_may_say_nothing(void **state)
{
    struct arena a = { 0 };
    const struct json *j;
    const char *text = "[NaN, Infinity, -Infinity, -7]";
    const char *const wrong[] = { "nan", "-NaN", "Inf", "-", "[-I", "N", "-Infinit" };
    (void)state;
    assert_int_equal(parse(&j, &a, text, JSON_AS_PYTHON), HOOKE_OK);
    const struct json *v = j->as.list.first;
    for (int i = 0; i < 3; i++, v = v->next) assert_int_equal(v->kind, JSON_NULL);
    assert_true(v->kind == JSON_INT && v->as.integer == -7);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(parse(&j, &a, wrong[i], JSON_AS_PYTHON), HOOKE_E_FORMAT);
    assert_int_equal(parse(&j, &a, text, JSON_LARGE_INTEGERS), HOOKE_E_FORMAT);
    arena_release(&a);
}

static void says_what_the_text_is_instead(void **state)
{
    struct arena a = { 0 };
    const struct json *j;
    (void)state;
    assert_int_equal(parse(&j, &a, "version https://git-lfs.github.com/spec/v1\n", 0), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "Git LFS pointer"));
    assert_int_equal(parse(&j, &a, "<!DOCTYPE html>", 0), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "a web page"));
    arena_release(&a);
}

static void depth_is_bounded(void **state)
{
    char text[2 * (JSON_MAX_DEPTH + 1) + 1];
    (void)state;
    for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
        struct arena a = { 0 };
        const struct json *j;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        assert_int_equal(parse(&j, &a, text, 0), depth <= JSON_MAX_DEPTH ? HOOKE_OK : HOOKE_E_FORMAT);
        arena_release(&a);
    }
}

/* A value costs memory however short its text is. */
static void the_number_of_values_is_bounded(void **state)
{
    enum { N = JSON_MAX_VALUES };
    struct arena a = { 0 };
    const struct json *j;
    char *text = malloc((size_t)2 * N + 2);
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < N; i++)
        memcpy(text + 2 * i, i ? ",0" : "[0", 2); /* N numbers and the list: one too many */
    memcpy(text + (size_t)2 * N, "]", 2);
    assert_int_equal(json_parse(&j, &a, text, (size_t)2 * N + 1, 0, "test"), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "more than 16777216 values"));
    arena_release(&a);
    free(text);
}

static void duplicate_keys(void **state)
{
    struct arena a = { 0 };
    const struct json *j;
    (void)state;
    assert_int_equal(parse(&j, &a, "{\"a\": 1, \"b\": 2, \"a\": 3}", 0), HOOKE_OK);
    assert_int_equal(json_get(j, "a")->as.integer, 3);
    assert_int_equal(parse(&j, &a, "{\"a\": 1, \"b\": 2, \"a\": 3}", JSON_REFUSE_DUPLICATES), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "'a'"));
    assert_int_equal(
        parse(&j, &a, "[{\"x\": {\"\": 1, \"\\u0000\": 2}}, {\"x\": 0, \"xx\": 0}]", JSON_REFUSE_DUPLICATES),
        HOOKE_OK);
    assert_int_equal(parse(&j, &a, "{\"x\": {\"\\u0061\": 1, \"a\": 2}}", JSON_REFUSE_DUPLICATES),
                     HOOKE_E_FORMAT);
    arena_release(&a);
}

static void members_with_defaults_and_kinds(void **state)
{
    struct arena a = { 0 };
    const struct json *j;
    int64_t i;
    double r;
    bool b;
    const char *s;
    (void)state;
    assert_int_equal(
        parse(&j, &a,
              "{\"i\": 7, \"r\": 0.5, \"b\": false, \"s\": \"x\", \"n\": null, \"z\": \"a\\u0000\", "
              "\"w\": 768.0, \"h\": 1e300}",
              0),
        HOOKE_OK);
    assert_int_equal(json_int(&i, j, "i", 0, 10, 1, "f"), HOOKE_OK);
    assert_int_equal(i, 7);
    assert_int_equal(json_int(&i, j, "n", 0, 10, 3, "f"), HOOKE_OK);
    assert_int_equal(i, 3);
    assert_int_equal(json_int(&i, j, "i", 8, 10, 9, "f"), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "f: key 'i'"));
    assert_int_equal(json_int(&i, j, "r", 0, 10, 1, "f"), HOOKE_E_FORMAT);
    assert_int_equal(json_int(&i, j, "h", 0, INT64_MAX, 1, "f"), HOOKE_E_FORMAT);
    assert_int_equal(json_int(&i, j, "w", 0, 1000, 1, "f"), HOOKE_OK);
    assert_int_equal(i, 768);
    assert_int_equal(json_int(&i, j, "w", 0, 700, 1, "f"), HOOKE_E_FORMAT);
    assert_int_equal(json_real(&r, j, "i", 0, "f"), HOOKE_OK);
    assert_true(r == 7.0);
    assert_int_equal(json_real(&r, j, "s", 0, "f"), HOOKE_E_FORMAT);
    assert_int_equal(json_bool(&b, j, "b", true, "f"), HOOKE_OK);
    assert_false(b);
    assert_int_equal(json_bool(&b, j, "i", true, "f"), HOOKE_E_FORMAT);
    assert_int_equal(json_string(&s, j, "s", "d", "f"), HOOKE_OK);
    assert_string_equal(s, "x");
    assert_int_equal(json_string(&s, j, "absent", NULL, "f"), HOOKE_OK);
    assert_null(s);
    assert_int_equal(json_string(&s, j, "z", NULL, "f"), HOOKE_E_FORMAT);
    arena_release(&a);
}

static void every_allocation_may_fail(void **state)
{
    static const char text[] =
        "{\"a\\n\": [1, 2.5, \"\\u00e9tude\\t\", {\"b\": null}], \"c\": \"long enough to be decoded\\\"\"}";
    long n = 1;
    (void)state;
    for (;; n++) {
        struct arena a = { 0 };
        const struct json *j;
        mem_fail_at(n);
        hooke_status st = parse(&j, &a, text, JSON_REFUSE_DUPLICATES);
        mem_fail_at(0);
        arena_release(&a);
        if (st == HOOKE_OK) break;
        assert_int_equal(st, HOOKE_E_MEMORY);
        assert_null(j);
    }
    assert_int_equal(n, 3); /* the tree, the sorted keys of the outer object, success */
    struct arena small = { .max_bytes = 1024 };
    const struct json *j;
    assert_int_equal(parse(&j, &small, text, 0), HOOKE_E_MEMORY);
    arena_release(&small);
}

/* ---- writing ---- */

static void assert_real(double v, const char *expected)
{
    hooke_text t = { 0 };
    struct json_writer w;
    jw_init(&w, &t, 0);
    jw_real(&w, v);
    assert_int_equal(w.status, HOOKE_OK);
    assert_string_equal(t.data, expected);
    hooke_text_release(&t);
}

/* Expected strings are Python's repr(). */
static void doubles_as_python_writes_them(void **state)
{
    (void)state;
    assert_real(0.0, "0.0");
    assert_real(-0.0, "-0.0");
    assert_real(1.0, "1.0");
    assert_real(-2.5, "-2.5");
    assert_real(0.1, "0.1");
    assert_real(1.0 / 3, "0.3333333333333333");
    assert_real(1e-4, "0.0001");
    assert_real(0.00012345, "0.00012345");
    assert_real(1e-5, "1e-05");
    assert_real(1.5e-7, "1.5e-07");
    assert_real(1e15, "1000000000000000.0");
    assert_real(123456789012345680.0, "1.2345678901234568e+17");
    assert_real(1e16, "1e+16");
    assert_real(9007199254740993.0, "9007199254740992.0");
    assert_real(1e22, "1e+22");
    assert_real(1e300, "1e+300");
    assert_real(5e-324, "5e-324");
    assert_real(2.2250738585072014e-308, "2.2250738585072014e-308");
    assert_real(1.7976931348623157e308, "1.7976931348623157e+308");
    assert_real(0x1p-44,
                "5.684341886080802e-14"); /* the nearest 16 digits do not read back, the next ones do */
    assert_real(0x1p-1017, "7.120236347223045e-307");
    assert_real(100.0, "100.0");
    assert_real(12345.678, "12345.678");
    assert_real((double)NAN, "NaN");
    assert_real((double)INFINITY, "Infinity");
    assert_real(-(double)INFINITY, "-Infinity");
}

static void floats_read_back(void **state)
{
    static const struct {
        float v;
        const char *text;
    } known[] = { { 0.1f, "0.1" },
                  { 1.0f, "1.0" },
                  { 16777216.0f, "16777216.0" },
                  { 3.4028235e38f, "3.4028235e+38" },
                  { 1e-45f, "1e-45" },
                  { 0.3333333432674408f, "0.33333334" },
                  { 8388609.0f, "8388609.0" } };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        hooke_text t = { 0 };
        struct json_writer w;
        jw_init(&w, &t, 0);
        jw_real_f32(&w, known[i].v);
        assert_string_equal(t.data, known[i].text);
        hooke_text_release(&t);
    }
    for (uint32_t bits = 1; bits < 0x7F800000u; bits += 65521) {
        hooke_text t = { 0 };
        struct json_writer w;
        float v;
        memcpy(&v, &bits, sizeof v);
        jw_init(&w, &t, 0);
        jw_real_f32(&w, v);
        assert_true(strtof(t.data, NULL) == v);
        hooke_text_release(&t);
    }
}

static void layouts(void **state)
{
    static const struct {
        int indent;
        const char *text;
    } known[] = {
        { 0, "{\"a\": [1, [], {}], \"b\": {\"c\": null}, \"d\": true}" },
        { -1, "{\"a\":[1,[],{}],\"b\":{\"c\":null},\"d\":true}" },
        { 2, "{\n  \"a\": [\n    1,\n    [],\n    {}\n  ],\n  \"b\": {\n    \"c\": null\n  },\n  \"d\": "
             "true\n}" },
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct arena a = { 0 };
        const struct json *j;
        hooke_text t = { 0 };
        struct json_writer w;
        assert_int_equal(parse(&j, &a, known[0].text, 0), HOOKE_OK);
        jw_init(&w, &t, known[i].indent);
        jw_value(&w, j);
        assert_string_equal(t.data, known[i].text);
        hooke_text_release(&t);
        arena_release(&a);
    }
}

static void strings_are_escaped_and_mended(void **state)
{
    hooke_text t = { 0 };
    struct json_writer w;
    (void)state;
    jw_init(&w, &t, 0);
    jw_array(&w);
    jw_string_n(&w, "\"\\/\b\f\n\r\t\0\x1f\x7f\xC3\xA9", 13);
    jw_string_n(&w, "a\xFF\xE2\x82z", 5);
    jw_string(&w, NULL);
    jw_int(&w, INT64_MIN);
    jw_bool(&w, false);
    jw_end_array(&w);
    assert_string_equal(
        t.data,
        "[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\xC3\xA9\", \"a\xEF\xBF\xBD\xEF\xBF\xBDz\", null, "
        "-9223372036854775808, false]");
    hooke_text_release(&t);
}

static void a_writer_keeps_its_first_failure(void **state)
{
    hooke_text t = { 0 };
    struct json_writer w;
    (void)state;
    jw_init(&w, &t, 0);
    mem_fail_at(1);
    jw_array(&w);
    mem_fail_at(0);
    jw_int(&w, 1);
    jw_end_array(&w);
    assert_int_equal(w.status, HOOKE_E_MEMORY);
    assert_int_equal(t.n, 0);
    hooke_text_release(&t);
}

static void a_large_tokenizer(void **state)
{
    struct arena a = { 0 };
    const struct json *j;
    (void)state;
    if (!file_exists("models/micro/tokenizer.json")) {
        printf("skip: models/micro/tokenizer.json is absent\n");
        skip();
    }
    assert_int_equal(json_read(&j, &a, "models/micro/tokenizer.json", (size_t)1 << 28, 0), HOOKE_OK);
    assert_non_null(json_get(json_get(j, "model"), "vocab"));
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(a_nul_in_the_text_is_refused),
        cmocka_unit_test(numbers_at_their_limits),
        cmocka_unit_test(large_integers_may_be_reals),
        cmocka_unit_test(nan_may_say_nothing),
        cmocka_unit_test(says_what_the_text_is_instead),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(duplicate_keys),
        cmocka_unit_test(members_with_defaults_and_kinds),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(doubles_as_python_writes_them),
        cmocka_unit_test(floats_read_back),
        cmocka_unit_test(layouts),
        cmocka_unit_test(strings_are_escaped_and_mended),
        cmocka_unit_test(a_writer_keeps_its_first_failure),
        cmocka_unit_test(a_large_tokenizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
