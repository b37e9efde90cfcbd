/* text.h: strings that grow, UTF-8 to the letter, edit distance. */
#include "check.h"

#include "base/text.h"

static void strings_grow(void **state)
{
    hooke_text t = { 0 };
    (void)state;
    assert_int_equal(text_append(&t, "ab\0c", 4), HOOKE_OK);
    assert_int_equal(text_puts(&t, "de"), HOOKE_OK);
    assert_memory_equal(t.data, "ab\0cde", 7);
    assert_int_equal(t.n, 6);
    text_clear(&t);
    assert_true(t.n == 0 && t.data[0] == '\0');
    for (int i = 0; i < 1000; i++) assert_int_equal(text_printf(&t, "%d,", i), HOOKE_OK);
    assert_int_equal(t.n, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(text_printf(&t, "%*s", 5000, "x"), HOOKE_OK);
    assert_int_equal(t.data[t.n - 1], 'x');
    size_t n = t.n;
    mem_fail_at(1);
    assert_int_equal(text_printf(&t, "%*s", 50000, "x"), HOOKE_E_MEMORY);
    mem_fail_at(0);
    assert_int_equal(t.n, n);
    hooke_text_release(&t);
    hooke_text_release(&t);
    hooke_text_release(NULL);
    assert_null(t.data);
}

static void ids_grow(void **state)
{
    hooke_ids ids = { 0 };
    const int32_t three[3] = { 7, 8, 9 };
    (void)state;
    for (int32_t i = 0; i < 100; i++) assert_int_equal(ids_push(&ids, i), HOOKE_OK);
    assert_int_equal(ids_append(&ids, three, 3), HOOKE_OK);
    assert_int_equal(ids_append(&ids, NULL, 0), HOOKE_OK);
    assert_true(ids.n == 103 && ids.data[99] == 99 && ids.data[102] == 9);
    hooke_ids_release(&ids);
    hooke_ids_release(NULL);
}

/* Every scalar value round-trips, and nothing else of up to four bytes that begins like one decodes to another. */
static void every_scalar_value(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char s[4];
        uint32_t back = 0;
        int n = utf8_encode(s, c), m = utf8_decode(&back, s, (size_t)n);
        if (c >= 0xD800 && c <= 0xDFFF) {
            assert_int_equal(m, 0);
            continue;
        }
        if (m != n || back != c) print_message("U+%04X\n", c);
        assert_true(m == n && back == c);
        assert_int_equal(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        if (n > 1 && c % 97 == 0) assert_int_equal(utf8_decode(&back, s, (size_t)n - 1), 0);
    }
}

static void ill_formed_sequences(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        int invalid; /* length of the maximal invalid part (Unicode 3.9, table 3-8) */
    } cases[] = {
        { "\x80", 1, 1 },
        { "\xBF\xBF", 2, 1 },
        { "\xC0\x80", 2, 1 },
        { "\xC1\xBF", 2, 1 },
        { "\xE0\x80\x80", 3, 1 },
        { "\xE0\xA0", 2, 2 },
        { "\xE2\x82x", 3, 2 },
        { "\xED\xA0\x80", 3, 1 },
        { "\xF0\x80\x80\x80", 4, 1 },
        { "\xF0\x9F\x98", 3, 3 },
        { "\xF4\x90\x80\x80", 4, 1 },
        { "\xF5\x80\x80\x80", 4, 1 },
        { "\xFF", 1, 1 },
        { "\xC3", 1, 1 },
        { "\xC3x", 2, 1 },
        { "\xF1\x80\x80x", 4, 3 },
    };
    uint32_t code;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(utf8_decode(&code, cases[i].bytes, cases[i].n), 0);
        assert_int_equal(utf8_invalid_length(cases[i].bytes, cases[i].n), cases[i].invalid);
    }
    assert_int_equal(utf8_valid_prefix("a\xC3\xA9\xE2\x82\xAC\xC3", 7), 6);
    assert_int_equal(utf8_valid_prefix("abcdefgh\xFFijklmnop", 17), 8);
    assert_int_equal(utf8_valid_prefix("", 0), 0);
}

static void distances(void **state)
{
    char longer[400];
    (void)state;
    assert_int_equal(edit_distance("", ""), 0);
    assert_int_equal(edit_distance("abc", ""), 3);
    assert_int_equal(edit_distance("kitten", "sitting"), 3);
    assert_int_equal(edit_distance("hook_resid_post", "hook_resid_pos"), 1);
    assert_int_equal(edit_distance("ab", "ba"), 2);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(edit_distance(longer, ""), 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_grow),       cmocka_unit_test(ids_grow),
        cmocka_unit_test(every_scalar_value), cmocka_unit_test(ill_formed_sequences),
        cmocka_unit_test(distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
