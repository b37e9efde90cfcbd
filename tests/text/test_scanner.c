/* The split patterns against the worked examples of the specification (checked there against the regular expressions). */
#include "text/scanner.h"

#include "toy.h"

/* Words joined by '|'; a NUL-terminated text. */
static void expect_words_at(scanner scan, const char *text, const char *expected, int line)
{
    hooke_text found = { 0 };
    size_t n = strlen(text);
    text_append(&found, "", 0);
    for (size_t i = 0, length; i < n; i += length) {
        length = scan(text + i, n - i);
        if (length == 0 || length > n - i) stop(line, "'%s': a match of %zu bytes at %zu", text, length, i);
        if (i) text_puts(&found, "|");
        text_append(&found, text + i, length);
    }
    if (strcmp(found.data, expected) != 0)
        stop(line, "'%s': expected %s, found %s", text, expected, found.data);
    hooke_text_release(&found);
}
#define expect_words(scan, text, expected) expect_words_at(scan, text, expected, __LINE__)
#define NBSP                               "\xC2\xA0"

static void gpt2(void **state)
{
    (void)state;
    expect_words(scan_gpt2, "Hello   world\n\n  foo  ", "Hello|  | world|\n\n | foo|  ");
    expect_words(scan_gpt2, "I'll can't 'Tis 12ab a\tb", "I|'ll| can|'t| '|Tis| 12|ab| a|\t|b");
    expect_words(scan_gpt2, "  'll", " | '|ll");
    expect_words(scan_gpt2, "don’t", "don|’|t");
    expect_words(scan_gpt2, "a" NBSP " b", "a|" NBSP "| b");
    expect_words(scan_gpt2, "we've they're I'd I'm 'S 'sx", "we|'ve| they|'re| I|'d| I|'m| '|S| '|sx");
    expect_words(scan_gpt2, "'sx'r've", "'s|x|'|r|'ve");
    expect_words(scan_gpt2, " ", " ");
    expect_words(scan_gpt2, "'", "'");
    expect_words(scan_gpt2, "x² Ⅷ½", "x|²| Ⅷ½");
    expect_words(scan_gpt2, "e\xCC\x81", "e|\xCC\x81"); /* a mark is no letter */
    expect_words(scan_gpt2, "\x1C\xE2\x80\x8B\x1D",
                 "\x1C\xE2\x80\x8B\x1D"); /* U+001C and U+200B are no white space */
}

static void llama3(void **state)
{
    (void)state;
    expect_words(scan_llama3, "Hello   world\n\n  foo  ", "Hello|  | world|\n\n| | foo|  ");
    expect_words(scan_llama3, "I'LL 12345 x=1;\n\ny", "I|'LL| |123|45| x|=|1|;\n\n|y");
    expect_words(scan_llama3, "I'LL 'S", "I|'LL| '|S");
    expect_words(scan_llama3, "don’t", "don|’t");
    expect_words(scan_llama3, "a\tb", "a|\tb");
    expect_words(scan_llama3, "  \r\n\t x", "  \r\n|\t| x");
    expect_words(scan_llama3, "½½½½", "½½½|½");
    expect_words(scan_llama3, "x'ſ 'K", "x|'ſ| '|K"); /* long s folds to s */
    expect_words(scan_llama3, "\n\n", "\n\n");
    expect_words(scan_llama3, " \n \n x", " \n \n| x");
    expect_words(scan_llama3, "\r1", "\r|1");
    expect_words(scan_llama3, "!\r\n\n!", "!\r\n\n|!");
}

static void qwen2_takes_digits_one_by_one(void **state)
{
    (void)state;
    expect_words(scan_qwen2, "I'LL 12345 x=1;\n\ny", "I|'LL| |1|2|3|4|5| x|=|1|;\n\n|y");
    expect_words(scan_qwen2, "½½", "½|½");
}

static void patterns_are_known_by_their_text(void **state)
{
    (void)state;
    const char *gpt2_text =
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    const char *llama3_text = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
                              "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
                              "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    assert_ptr_equal(scanner_of(gpt2_text, strlen(gpt2_text)), scan_gpt2);
    assert_ptr_equal(scanner_of(llama3_text, strlen(llama3_text)), scan_llama3);
    assert_null(scanner_of(gpt2_text, strlen(gpt2_text) - 1));
    assert_null(scanner_of("\\s+", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2),
        cmocka_unit_test(llama3),
        cmocka_unit_test(qwen2_takes_digits_one_by_one),
        cmocka_unit_test(patterns_are_known_by_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
