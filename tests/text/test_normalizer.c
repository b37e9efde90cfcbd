/* Normalisers, one by one. */
#include "text/unicode_forms.h"
#include "toy.h"

#include <time.h>

static void expect_normal(const char *json, const char *text, const char *expected, int line)
{
    struct arena a = { 0 };
    const struct json *v;
    struct normalizer z = { 0 };
    hooke_text found = { 0 };
    assert_int_equal(json_parse(&v, &a, json, strlen(json), 0, "test"), HOOKE_OK);
    if (normalizer_read(&z, &a, v, "test") != HOOKE_OK) stop(line, "%s", hooke_error());
    assert_int_equal(normalize(&z, &found, text, strlen(text)), HOOKE_OK);
    if (strcmp(found.data, expected) != 0)
        stop(line, "'%s': expected '%s', found '%s'", text, expected, found.data);
    hooke_text_release(&found);
    arena_release(&a);
}

static void steps(void **state)
{
    (void)state;
    expect_normal("null", "A b", "A b", __LINE__);
    expect_normal("{\"type\":\"Replace\",\"pattern\":{\"String\":\"aa\"},\"content\":\"b\"}", "aaaaa", "bba",
                  __LINE__);
    expect_normal("{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\"}", " a b ", "ab",
                  __LINE__);
    expect_normal("{\"type\":\"Prepend\",\"prepend\":\"▁\"}", "a", "▁a", __LINE__);
    expect_normal("{\"type\":\"Prepend\",\"prepend\":\"▁\"}", "", "", __LINE__);
    expect_normal("{\"type\":\"Lowercase\"}", "ÀB ΣİǅẞÅ", "àb σi̇ǆßå", __LINE__);
    expect_normal("{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}", " \xC2\xA0\t a \n",
                  "a \n", __LINE__);
    expect_normal("{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}", " \xE3\x80\x80", "",
                  __LINE__);
    expect_normal("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Strip\"},{\"type\":\"Prepend\","
                  "\"prepend\":\"x\"},{\"type\":\"Lowercase\"}]}",
                  "  AB ", "xab", __LINE__);
    expect_normal("{\"type\":\"Sequence\",\"normalizers\":[]}", "A", "A", __LINE__);
}

static void unicode_forms(void **state)
{
    (void)state;
    expect_normal("{\"type\":\"NFC\"}", "e\xCC\x81", "é", __LINE__);
    expect_normal("{\"type\":\"NFC\"}", "a\xCC\x8A\xCC\xA3", "ạ\xCC\x8A",
                  __LINE__); /* marks in order: dot below first */
    expect_normal("{\"type\":\"NFC\"}", "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "한", __LINE__);
    expect_normal("{\"type\":\"NFC\"}", "\xE2\x84\xAB", "Å", __LINE__); /* ANGSTROM SIGN */
    expect_normal("{\"type\":\"NFC\"}", "\xE0\xA5\x98", "\xE0\xA4\x95\xE0\xA4\xBC",
                  __LINE__); /* a composition that is excluded */
    expect_normal("{\"type\":\"NFC\"}", "ﬁ²", "ﬁ²", __LINE__);
    expect_normal("{\"type\":\"NFD\"}", "é한", "e\xCC\x81\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", __LINE__);
    expect_normal("{\"type\":\"NFKC\"}", "ﬁ²ｱ①", "fi2ア1", __LINE__);
    expect_normal("{\"type\":\"NFKD\"}", "Å½",
                  "A\xCC\x8A"
                  "1\xE2\x81\x84"
                  "2",
                  __LINE__);
    expect_normal("{\"type\":\"NFKD\"}", "ﷺ", "صلى الله عليه وسلم", __LINE__); /* the longest decomposition */
}

/* 400,000 marks in the worst order; quadratic sorting would take minutes. */
static void a_long_run_of_marks(void **state)
{
    (void)state;
    hooke_text in = { 0 }, out = { 0 };
    text_puts(&in, "a");
    for (int i = 0; i < 200000; i++) text_puts(&in, "\xCC\x81\xCC\xA3"); /* class 230, class 220 */
    clock_t begin = clock();
    assert_int_equal(append_unicode_form(&out, in.data, in.n, false, true), HOOKE_OK);
    assert_true((clock() - begin) / CLOCKS_PER_SEC < 10);
    assert_int_equal(out.n, 3 + 199999 * 2 + 200000 * 2); /* ạ, the other dots, the acutes */
    assert_memory_equal(out.data, "ạ\xCC\xA3\xCC\xA3", 7);
    assert_memory_equal(out.data + out.n - 4, "\xCC\x81\xCC\x81", 4);
    hooke_text_release(&in);
    hooke_text_release(&out);
}

/* "a" to a thousand times "a", seven times over: 10^21 bytes, refused long before. */
static void text_that_grows_without_end(void **state)
{
    (void)state;
    hooke_text json = { 0 };
    hooke_ids ids = { 0 };
    text_puts(&json, "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]},\"normalizer\":{\"type\":\"Sequence\","
                     "\"normalizers\":[");
    for (int i = 0; i < 7; i++) {
        text_printf(&json, "%s{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"",
                    i ? "," : "");
        for (int k = 0; k < 1000; k++) text_puts(&json, "a");
        text_puts(&json, "\"}");
    }
    text_puts(&json, "]}}");
    hooke_tokenizer *tk = must_open_json(json.data, NULL);
    assert_int_equal(hooke_tokenizer_encode(tk, &ids, "aaaa", 4, 0), HOOKE_E_UNSUPPORTED);
    assert_int_equal(ids.n, 0);
    hooke_tokenizer_close(tk);
    hooke_text_release(&json);
    hooke_ids_release(&ids);
}

static void unknown_ones_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"type\":\"BertNormalizer\"}",
        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\"x\"}"
    };
    static const char *const names[] = { "BertNormalizer", " {2,}" };
    for (int i = 0; i < 2; i++) {
        struct arena a = { 0 };
        const struct json *v;
        struct normalizer z = { 0 };
        assert_int_equal(json_parse(&v, &a, bad[i], strlen(bad[i]), 0, "test"), HOOKE_OK);
        assert_int_equal(normalizer_read(&z, &a, v, "test"), HOOKE_E_UNSUPPORTED);
        assert_non_null(strstr(hooke_error(), names[i]));
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps),
        cmocka_unit_test(unicode_forms),
        cmocka_unit_test(a_long_run_of_marks),
        cmocka_unit_test(text_that_grows_without_end),
        cmocka_unit_test(unknown_ones_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
