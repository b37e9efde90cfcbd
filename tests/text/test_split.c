/* What the five behaviours make of matches; the pre-tokenizers around them. */
#include "text/pretokenizer.h"

#include "toy.h"

static void join(hooke_text *out, const struct pieces *words)
{
    text_clear(out);
    text_append(out, "", 0);
    for (size_t i = 0; i < words->n; i++) {
        struct bytes w = pieces_get(words, i);
        if (i) text_puts(out, "|");
        text_append(out, w.s, w.n);
    }
}

static void expect_split(enum split_behavior behavior, bool invert, const char *pattern, const char *text,
                         const char *expected, int line)
{
    struct pieces words = { 0 };
    hooke_text found = { 0 };
    struct split split = { .pattern = { pattern, strlen(pattern) }, .behavior = behavior, .invert = invert };
    assert_int_equal(split_text(&split, &words, text, strlen(text)), HOOKE_OK);
    join(&found, &words);
    if (strcmp(found.data, expected) != 0)
        stop(line, "'%s': expected %s, found %s", text, expected, found.data);
    hooke_text_release(&found);
    pieces_release(&words);
}

static void behaviours(void **state)
{
    (void)state;
    const char *text = "the-final--countdown";
    expect_split(SPLIT_REMOVED, false, "-", text, "the|final|countdown", __LINE__);
    expect_split(SPLIT_ISOLATED, false, "-", text, "the|-|final|-|-|countdown", __LINE__);
    expect_split(SPLIT_WITH_PREVIOUS, false, "-", text, "the-|final-|-|countdown", __LINE__);
    expect_split(SPLIT_WITH_NEXT, false, "-", text, "the|-final|-|-countdown", __LINE__);
    expect_split(SPLIT_CONTIGUOUS, false, "-", text, "the|-|final|--|countdown", __LINE__);
    expect_split(SPLIT_REMOVED, true, "-", text, "-|-|-", __LINE__);
    expect_split(SPLIT_ISOLATED, false, "--", "a---b", "a|--|-b", __LINE__);
    expect_split(SPLIT_WITH_PREVIOUS, false, "-", "--a-", "-|-|a-", __LINE__);
    expect_split(SPLIT_REMOVED, false, "-", "--", "", __LINE__);
    expect_split(SPLIT_ISOLATED, false, "long pattern", "short", "short", __LINE__);
    expect_split(SPLIT_ISOLATED, false, "-", "", "", __LINE__);
}

static void expect_pretokens(const char *json, const char *text, const char *expected, int line)
{
    struct arena a = { 0 };
    const struct json *v;
    struct pretokenizer p = { 0 };
    struct pieces words = { 0 }, spare = { 0 };
    hooke_text found = { 0 };
    assert_int_equal(json_parse(&v, &a, json, strlen(json), 0, "test"), HOOKE_OK);
    if (pretokenizer_read(&p, &a, v, "test") != HOOKE_OK) stop(line, "%s", hooke_error());
    assert_int_equal(pretokenize(&p, &words, &spare, text, strlen(text), true), HOOKE_OK);
    join(&found, &words);
    if (strcmp(found.data, expected) != 0)
        stop(line, "'%s': expected %s, found %s", text, expected, found.data);
    hooke_text_release(&found);
    pieces_release(&words);
    pieces_release(&spare);
    arena_release(&a);
}

static void pretokenizers(void **state)
{
    (void)state;
    expect_pretokens("null", "a b", "a b", __LINE__);
    expect_pretokens("{\"type\":\"ByteLevel\",\"add_prefix_space\":false}", "a  é", "a|Ġ|ĠÃ©", __LINE__);
    expect_pretokens("{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":false}", "a b\n",
                     "ĠaĠbĊ", __LINE__);
    expect_pretokens("{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", " a", "Ġa", __LINE__);
    expect_pretokens("{\"type\":\"Digits\",\"individual_digits\":true}", "a12b", "a|1|2|b", __LINE__);
    expect_pretokens("{\"type\":\"Digits\",\"individual_digits\":false}", "a12b", "a|12|b", __LINE__);
    expect_pretokens("{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"always\"}", "a b  c",
                     "▁a|▁b|▁|▁c", __LINE__);
    expect_pretokens(
        "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"never\",\"split\":false}", " a b",
        "▁a▁b", __LINE__);
    expect_pretokens(
        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},"
        "\"behavior\":\"MergedWithNext\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":"
        "false,\"use_regex\":false}]}",
        "I'm so", "I'm|Ġso", __LINE__);
}

static void unknown_ones_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"type\":\"Whitespace\"}",
        "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\s\"},\"behavior\":\"Isolated\"}",
        "{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"Eaten\"}",
        "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"often\"}"
    };
    static const char *const names[] = { "Whitespace", "\\s", "Eaten", "often" };
    for (int i = 0; i < 4; i++) {
        struct arena a = { 0 };
        const struct json *v;
        struct pretokenizer p = { 0 };
        assert_int_equal(json_parse(&v, &a, bad[i], strlen(bad[i]), 0, "test"), HOOKE_OK);
        assert_int_equal(pretokenizer_read(&p, &a, v, "test"), HOOKE_E_UNSUPPORTED);
        assert_non_null(strstr(hooke_error(), names[i]));
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaviours),
        cmocka_unit_test(pretokenizers),
        cmocka_unit_test(unknown_ones_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
