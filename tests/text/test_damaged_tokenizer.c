/* Files that are not what they should be: an error with words, never anything else. Run under ASan this is the memory test. */
#include "base/random.h"
#include "toy.h"

/* Opens; whatever opens must encode and decode. */
static hooke_status try(const char *json, size_t n)
{
    hooke_tokenizer *tk;
    hooke_ids ids = { 0 };
    hooke_text text = { 0 };
    char *copy = mem_alloc_raw(n + 1, 1); /* exactly n bytes, so that reading past them shows */
    memcpy(copy, json, n);
    struct tokenizer_files files = { .tokenizer = { copy, n } };
    hooke_status st = tokenizer_parse(&tk, &files, "damaged.json");
    if (st == HOOKE_OK) {
        const char *sample = "Hello  <bos>low\n\n\xE2\x82\xAC\xFF";
        assert_int_equal(hooke_tokenizer_encode(tk, &ids, sample, strlen(sample), HOOKE_ADD_SPECIAL),
                         HOOKE_OK);
        assert_int_equal(hooke_tokenizer_decode(tk, &text, ids.data, ids.n, 0), HOOKE_OK);
    } else {
        assert_null(tk);
        assert_true(hooke_error()[0] != '\0');
    }
    hooke_tokenizer_close(tk);
    hooke_ids_release(&ids);
    hooke_text_release(&text);
    mem_free(copy);
    return st;
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t n = 0; n + 1 < sizeof toy_a; n++)
        if (try(toy_a, n) == HOOKE_OK) stop(__LINE__, "the first %zu bytes were taken", n);
    for (size_t n = 0; n + 1 < sizeof toy_b; n++)
        if (try(toy_b, n) == HOOKE_OK) stop(__LINE__, "the first %zu bytes were taken", n);
    assert_int_equal(try(toy_a, sizeof toy_a - 1), HOOKE_OK);
    assert_int_equal(try(toy_b, sizeof toy_b - 1), HOOKE_OK);
}

static void flipped_bits(void **state)
{
    (void)state;
    char damaged[sizeof toy_a];
    int n_taken = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        memcpy(damaged, toy_a, sizeof toy_a);
        for (uint64_t k = 0; k <= i % 3; k++) {
            uint64_t r = random_u64(i, RANDOM_TEST, k);
            damaged[r % (sizeof toy_a - 1)] ^= (char)(1 << (r >> 32) % 8);
        }
        n_taken += try(damaged, sizeof toy_a - 1) == HOOKE_OK;
    }
    assert_true(n_taken > 0 && n_taken < 20000);
}

static void replaced(hooke_text *out, const char *json, const char *from, const char *to)
{
    const char *at = strstr(json, from);
    if (!at) stop(__LINE__, "the toy does not hold %s", from);
    text_clear(out);
    text_append(out, json, (size_t)(at - json));
    text_puts(out, to);
    text_puts(out, at + strlen(from));
}

static void contents_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        hooke_status expected;
        const char *word; /* in the message */
    } cases[] = {
        { "\"Hell o\"", "\"Hell x\"", HOOKE_E_FORMAT, "right part" },
        { "\"Hell o\"", "\"x o\"", HOOKE_E_FORMAT, "left part" },
        { "\"Hell o\"", "\"o Hell\"", HOOKE_E_FORMAT, "result" },
        { "\"Hell o\"", "\"Hell\"", HOOKE_E_FORMAT, "one space" },
        { "\"Hell o\"", "\"He ll o\"", HOOKE_E_FORMAT, "one space" },
        { "\"Hell o\"", "[\"Hell\"]", HOOKE_E_FORMAT, "pair" },
        { "\"Hell o\"", "[\"Hell\",7]", HOOKE_E_FORMAT, "pair" },
        { "\"Hell o\"", "7", HOOKE_E_FORMAT, "pair" },
        { "\"Hello\":20", "\"Hello\":2000000000", HOOKE_E_FORMAT, "Hello" },
        { "\"Hello\":20", "\"Hello\":-1", HOOKE_E_FORMAT, "Hello" },
        { "\"Hello\":20", "\"Hello\":19", HOOKE_E_FORMAT, "Hell" },
        { "\"Hello\":20", "\"Hello\":20.5", HOOKE_E_FORMAT, "Hello" },
        { "\"Hello\":20", "\"Hello\":\"20\"", HOOKE_E_FORMAT, "Hello" },
        { "\"Hello\":20", "\"Hell\":20", HOOKE_E_FORMAT, "twice" },
        { "\"unk_token\":\"<unk>\"", "\"unk_token\":\"<none>\"", HOOKE_E_FORMAT, "<none>" },
        { "\"unk_token\":\"<unk>\"", "\"unk_token\":3", HOOKE_E_FORMAT, "unk_token" },
        { "\"dropout\":null", "\"dropout\":0.1", HOOKE_E_UNSUPPORTED, "dropout" },
        { "\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\"", HOOKE_E_UNSUPPORTED, "</w>" },
        { "\"type\":\"BPE\"", "\"type\":\"Unigram\"", HOOKE_E_UNSUPPORTED, "Unigram" },
        { "\"type\":\"TemplateProcessing\"", "\"type\":\"RobertaProcessing\"", HOOKE_E_UNSUPPORTED,
          "RobertaProcessing" },
        { "\"type\":\"Fuse\"", "\"type\":\"CTC\"", HOOKE_E_UNSUPPORTED, "CTC" },
        { "\"type\":\"Replace\"", "\"type\":\"Precompiled\"", HOOKE_E_UNSUPPORTED, "Precompiled" },
        { "\"ids\":[2]", "\"ids\":[22]", HOOKE_E_FORMAT, "<bos>" },
        { "\"ids\":[2]", "\"ids\":[-1]", HOOKE_E_FORMAT, "<bos>" },
        { "\"Sequence\":{\"id\":\"A\"", "\"Sequence\":{\"id\":\"B\"", HOOKE_E_UNSUPPORTED, "B" },
        { "\"pattern\":{\"String\":\" \"}", "\"pattern\":{\"String\":\"\"}", HOOKE_E_FORMAT, "empty" },
        { "\"added_tokens\":[", "\"added_tokens\":7,\"x\":[", HOOKE_E_FORMAT, "added_tokens" },
        { "\"model\":{", "\"no_model\":{", HOOKE_E_FORMAT, "model" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hooke_text json = { 0 };
        replaced(&json, toy_a, cases[i].from, cases[i].to);
        hooke_status st = try(json.data, json.n);
        if (st != cases[i].expected || !strstr(hooke_error(), cases[i].word))
            stop(__LINE__, "%s: expected %s about '%s', found %s: %s", cases[i].to,
                 hooke_status_text(cases[i].expected), cases[i].word, hooke_status_text(st),
                 st ? hooke_error() : "");
        hooke_text_release(&json);
    }
}

static void deep_nesting(void **state)
{
    (void)state;
    hooke_text json = { 0 }, part = { 0 };
    for (int i = 0; i < 200; i++) text_puts(&part, "{\"type\":\"Sequence\",\"normalizers\":[");
    replaced(&json, toy_b, "\"normalizer\":{\"type\":\"NFC\"}", "\"normalizer\":");
    hooke_text whole = { 0 };
    replaced(&whole, json.data, "\"normalizer\":", part.data);
    assert_int_equal(try(whole.data, whole.n), HOOKE_E_FORMAT);
    hooke_text_release(&json);
    hooke_text_release(&part);
    hooke_text_release(&whole);
}

/* Every allocation fails once: an error each time, nothing lost (the leak check of the ASan build sees to that). */
static void memory_runs_out(void **state)
{
    (void)state;
    struct tokenizer_files files = { .tokenizer = { toy_a, sizeof toy_a - 1 } };
    hooke_status st = HOOKE_E_MEMORY;
    int n_failed = 0;
    for (long at = 1; st != HOOKE_OK && at < 10000; at++) {
        hooke_tokenizer *tk;
        hooke_ids ids = { 0 };
        hooke_text text = { 0 };
        mem_fail_at(at);
        st = tokenizer_parse(&tk, &files, "toy");
        if (st == HOOKE_OK) st = hooke_tokenizer_encode(tk, &ids, "zHello \xFFl", 9, HOOKE_ADD_SPECIAL);
        if (st == HOOKE_OK) st = hooke_tokenizer_decode(tk, &text, ids.data, ids.n, HOOKE_CLEAN_SPACES);
        mem_fail_at(0);
        if (st != HOOKE_OK) assert_int_equal(st, HOOKE_E_MEMORY), n_failed++;
        hooke_tokenizer_close(tk);
        hooke_ids_release(&ids);
        hooke_text_release(&text);
    }
    assert_int_equal(st, HOOKE_OK);
    assert_true(n_failed > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(flipped_bits),
        cmocka_unit_test(contents_that_make_no_sense),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
