/* The flags of added tokens. */
#include "toy.h"

/* Letters a, b, space and the added tokens given as JSON objects without id; ids from 10 on. */
static hooke_tokenizer *open_added(const char *const *tokens, int n)
{
    hooke_text json = { 0 };
    text_puts(&json, "{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\" "
                     "\":2,\"_\":3,\"\\t\":4,\"x\":5},\"merges\":[]},\"added_tokens\":[");
    for (int i = 0; i < n; i++) text_printf(&json, "%s{\"id\":%d,%s}", i ? "," : "", 10 + i, tokens[i]);
    text_puts(&json, "],\"normalizer\":{\"type\":\"Lowercase\"}}");
    hooke_tokenizer *tk = must_open_json(json.data, NULL);
    hooke_text_release(&json);
    return tk;
}
#define OPEN(...)                                    \
    open_added((const char *const[]){ __VA_ARGS__ }, \
               (int)(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)))

static void longest_match_wins(void **state)
{
    (void)state;
    hooke_tokenizer *tk =
        OPEN("\"content\":\"<a\",\"normalized\":false", "\"content\":\"<a>\",\"normalized\":false",
             "\"content\":\"<a>bb\",\"normalized\":false");
    expect_ids(tk, "<a>b<a<a>bbb", 0, "11 1 10 12 1");
    hooke_tokenizer_close(tk);
}

static void single_word(void **state)
{
    (void)state;
    hooke_tokenizer *tk = OPEN("\"content\":\"xx\",\"single_word\":true,\"normalized\":false");
    expect_ids(tk, "xx", 0, "10");
    expect_ids(tk, "axx xxb a xx b", 0, "0 5 5 2 5 5 1 2 0 2 10 2 1");
    expect_ids(tk, "_xx", 0, "3 5 5");         /* \w holds the underscore */
    expect_ids(tk, "xxx xx", 0, "5 5 5 2 10"); /* dropped, not tried again one further */
    hooke_tokenizer_close(tk);
}

static void strips(void **state)
{
    (void)state;
    hooke_tokenizer *tk = OPEN("\"content\":\"<l>\",\"lstrip\":true,\"normalized\":false",
                               "\"content\":\"<r>\",\"rstrip\":true,\"normalized\":false");
    expect_ids(tk, "a \t<l> b", 0, "0 10 2 1");
    expect_ids(tk, "a <r>\t b", 0, "0 2 11 1");
    expect_ids(tk, "<r>  <l>a", 0, "11 10 0"); /* the space goes to the first */
    hooke_tokenizer_close(tk);
    /* Space taken by rstrip can still begin the next match; with lstrip as well nothing is left of it. */
    tk = OPEN("\"content\":\"bb\",\"rstrip\":true,\"normalized\":false",
              "\"content\":\" a\",\"normalized\":false");
    expect_ids(tk, "bb a", 0, "10 11");
    hooke_tokenizer_close(tk);
    tk = OPEN("\"content\":\"  \",\"lstrip\":true,\"rstrip\":true,\"normalized\":false");
    expect_ids(tk, "a      b", 0, "0 10 1");
    hooke_tokenizer_close(tk);
}

static void normalized_tokens_match_normalised_text(void **state)
{
    (void)state;
    hooke_tokenizer *tk =
        OPEN("\"content\":\"AB\",\"normalized\":true", "\"content\":\"AX\",\"normalized\":false");
    expect_ids(tk, "abABaB", 0, "10 10 10");
    expect_ids(tk, "ax AX", 0, "0 5 2 11");
    hooke_tokenizer_close(tk);
}

static void ids_must_agree(void **state)
{
    (void)state;
    hooke_tokenizer *tk;
    const char *head = "{\"model\":{\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]},\"added_tokens\":[";
    static const char *const bad[] = {
        "{\"id\":1,\"content\":\"a\"}",
        "{\"id\":0,\"content\":\"c\"}",
        "{\"content\":\"c\"}",
        "{\"id\":-1,\"content\":\"c\"}",
        "{\"id\":4000000000,\"content\":\"c\"}",
        "{\"id\":2,\"content\":\"\"}",
        "{\"id\":2}",
        "7",
        "{\"id\":2,\"content\":\"c\",\"normalized\":false},{\"id\":3,\"content\":\"c\",\"normalized\":false}"
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hooke_text json = { 0 };
        text_printf(&json, "%s%s]}", head, bad[i]);
        if (open_json(&tk, json.data, NULL) != HOOKE_E_FORMAT) stop(__LINE__, "%s was taken", bad[i]);
        assert_null(tk);
        hooke_text_release(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_match_wins),
        cmocka_unit_test(single_word),
        cmocka_unit_test(strips),
        cmocka_unit_test(ids_must_agree),
        cmocka_unit_test(normalized_tokens_match_normalised_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
