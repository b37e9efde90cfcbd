/* The two toy tokenizers of the specification, their rules one by one, and damaged files. */
#include "file/bytes.h"
#include "toy.h"

#include <unistd.h>

static void toy_a_encodes(void **state)
{
    (void)state;
    hooke_tokenizer *tk = must_open_json(toy_a, NULL);
    int bos = HOOKE_ADD_SPECIAL;
    expect_ids(tk, "Hello", bos, "2 20");
    expect_ids(tk, "  Hello", bos, "2 6 20"); /* the run outranks the word */
    expect_ids(tk, " Hello Hello", bos, "2 21 21");
    expect_ids(tk, "   ", bos, "2 6 11");
    expect_ids(tk, "", bos, "2");
    expect_ids(tk, "", 0, "");
    expect_ids(tk, "€", bos, "2 7 8 9");
    expect_ids(tk, "é", bos, "2 3");          /* <0xA9> is missing */
    expect_ids(tk, "zéq€", bos, "2 7 8 9 3"); /* a fused unknown waits behind byte tokens */
    expect_ids(tk, "zl€z", bos, "2 3 14 7 8 9 3");
    expect_ids(tk, "Hello<turn>\n\n\nHello", bos, "2 20 4 5 16 20");
    expect_ids(tk, "▁▁Hello", bos, "2 6 20");
    expect_ids(tk, "▁Hello", bos, "2 21");
    hooke_tokenizer_close(tk);
}

static void toy_a_decodes(void **state)
{
    (void)state;
    hooke_tokenizer *tk = must_open_json(toy_a, NULL);
    expect_text(tk, 0, "\xEF\xBF\xBD\xEF\xBF\xBD", 7, 8);
    expect_text(tk, 0, "\xEF\xBF\xBDl\xEF\xBF\xBD\xEF\xBF\xBD", 7, 14, 8, 9);
    expect_text(tk, 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", 7, 8, 9, 10);
    expect_text(tk, 0, "€", 7, 8, 9);
    expect_text(tk, 0, "<bos> Hello<unk>", 2, 21, 3);
    expect_text(tk, HOOKE_SKIP_SPECIAL, " Hello", 2, 21, 3);
    expect_text(tk, HOOKE_SKIP_SPECIAL, "\n\n  ", 5, 6); /* added, but not special */
    expect_text(tk, 0, "Hello", 20, 99, -1, INT32_MAX);  /* ids without a token are skipped */
    expect_text_of(tk, NULL, 0, 0, "", __LINE__);
    hooke_tokenizer_close(tk);
}

static void toy_b_encodes(void **state)
{
    (void)state;
    hooke_tokenizer *tk = must_open_json(toy_b, NULL);
    expect_ids(tk, " low", 0, "10");
    expect_ids(tk, "  low", 0, "11 9");
    expect_ids(tk, "   low", 0, "11 10");
    expect_ids(tk, "low\n low", 0, "9 7 10");
    expect_ids(tk, "lowe\xCC\x81", 0, "9 5 6"); /* NFC: one letter run */
    expect_ids(tk, "low\t", 0, "9");            /* no token, no unk: dropped */
    expect_ids(tk, "<|endoftext|>low", 0, "0 9");
    expect_ids(tk, "low", HOOKE_ADD_SPECIAL, "9");
    expect_text(tk, 0, "lowé low", 9, 5, 6, 10);
    expect_text(tk, 0, "low\xEF\xBF\xBD", 9, 5); /* half a character */
    expect_text(tk, HOOKE_SKIP_SPECIAL, "low", 0, 9);
    hooke_tokenizer_close(tk);
}

static void special_tokens_as_text(void **state)
{
    (void)state;
    hooke_tokenizer *tk = must_open_json(toy_a, NULL);
    expect_ids(tk, "<bos>l", 0, "2 14");
    expect_ids(tk, "<bos>l", HOOKE_SPECIAL_AS_TEXT, "3 15 3 14"); /* <b: unknown, o, s>: unknown, l */
    hooke_tokenizer_close(tk);
}

static void text_that_is_no_utf8_and_holds_nul(void **state)
{
    (void)state;
    hooke_tokenizer *tk = must_open_json(toy_a, NULL);
    expect_ids_n(tk, "H\0e", 3, 0, "12 3 13", __LINE__);
    expect_ids_n(tk, "H\xE2\x82l\xFF\xFEl", 7, 0, "12 3 14 3 14", __LINE__); /* U+FFFD each, fused */
    hooke_tokenizer_close(tk);
}

static void names_and_ids(void **state)
{
    (void)state;
    hooke_tokenizer *tk = must_open_json(toy_a, NULL);
    assert_string_equal(hooke_tokenizer_token(tk, 21), "▁Hello");
    assert_null(hooke_tokenizer_token(tk, 22));
    assert_null(hooke_tokenizer_token(tk, -1));
    assert_int_equal(hooke_tokenizer_id(tk, "▁Hello"), 21);
    assert_int_equal(hooke_tokenizer_id(tk, "<turn>"), 4);
    assert_int_equal(hooke_tokenizer_id(tk, "nothing"), -1);
    assert_int_equal(hooke_tokenizer_n_vocab(tk), 22);
    assert_int_equal(hooke_tokenizer_bos(tk), 2); /* from the template */
    assert_int_equal(hooke_tokenizer_eos(tk), -1);
    assert_true(hooke_tokenizer_adds_bos(tk));
    assert_true(hooke_tokenizer_is_special(tk, 4));
    assert_false(hooke_tokenizer_is_special(tk, 5));
    assert_false(hooke_tokenizer_is_special(tk, 1000));
    hooke_tokenizer_close(tk);
    hooke_tokenizer_close(NULL);
}

static void configuration_overrides(void **state)
{
    (void)state;
    hooke_tokenizer *tk = must_open_json(
        toy_a,
        "{\"add_bos_token\":false,\"add_eos_token\":true,\"eos_token\":{\"content\":\"<eos>\"},"
        "\"bos_token\":\"<bos>\",\"pad_token\":null,\"model_max_length\":1000000000000000019884624838656}");
    expect_ids(tk, "Hello", HOOKE_ADD_SPECIAL, "20 1");
    assert_false(hooke_tokenizer_adds_bos(tk));
    assert_int_equal(hooke_tokenizer_eos(tk), 1);
    assert_int_equal(hooke_tokenizer_pad(tk), -1);
    hooke_tokenizer_close(tk);
    tk = must_open_json(toy_b, "{\"tokenizer_class\":\"GPTNeoXTokenizer\"}");
    assert_int_equal(hooke_tokenizer_bos(tk), 0);
    assert_int_equal(hooke_tokenizer_eos(tk), 0);
    assert_int_equal(hooke_tokenizer_pad(tk), -1);
    assert_false(hooke_tokenizer_adds_bos(tk));
    hooke_tokenizer_close(tk);
    tk = must_open_json(toy_b, "{\"bos_token\":\"<|endoftext|>\",\"add_bos_token\":true}");
    expect_ids(tk, "low", HOOKE_ADD_SPECIAL, "0 9");
    hooke_tokenizer_close(tk);
    assert_int_equal(open_json(&tk, toy_b, "{\"bos_token\":\"<s>\"}"), HOOKE_E_FORMAT);
    assert_null(tk);
    assert_int_equal(open_json(&tk, toy_b, "{\"bos_token\":null,\"add_bos_token\":true}"), HOOKE_E_FORMAT);
    assert_int_equal(open_json(&tk, toy_b, "[]"), HOOKE_E_FORMAT);
}

static void write_beside(const char *folder, const char *name, const char *content)
{
    hooke_text path = { 0 };
    assert_int_equal(path_join(&path, folder, name), HOOKE_OK);
    if (content)
        assert_int_equal(hooke_write_file(path.data, content, strlen(content)), HOOKE_OK);
    else
        unlink(path.data);
    hooke_text_release(&path);
}

static void folders_and_files(void **state)
{
    (void)state;
    char folder[64], file[96];
    hooke_tokenizer *tk;
    snprintf(folder, sizeof folder, "build/test_tokenizer.%ld", (long)getpid());
    snprintf(file, sizeof file, "%s/tokenizer.json", folder);
    assert_int_equal(make_folders(folder), HOOKE_OK);
    assert_int_equal(hooke_tokenizer_open(&tk, folder), HOOKE_E_NOT_FOUND);
    assert_null(tk);
    write_beside(folder, "tokenizer.json", toy_a);
    write_beside(folder, "tokenizer_config.json", "{\"eos_token\":\"<eos>\",\"chat_template\":\"x\"}");
    write_beside(folder, "special_tokens_map.json",
                 "{\"eos_token\":\"<turn>\",\"pad_token\":{\"content\":\"<pad>\"}}");
    write_beside(folder, "chat_template.jinja", "y");
    const char *const paths[] = { folder, file };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hooke_tokenizer_open(&tk, paths[i]), HOOKE_OK);
        expect_ids(tk, "Hello", HOOKE_ADD_SPECIAL, "2 20");
        assert_int_equal(hooke_tokenizer_eos(tk), 1); /* tokenizer_config.json wins */
        assert_int_equal(hooke_tokenizer_pad(tk), 0); /* special_tokens_map.json fills in */
        assert_int_equal(tk->n_chat_templates, 1);
        assert_memory_equal(tk->chat_templates[0].text.s, "y", 1);
        hooke_tokenizer_close(tk);
    }
    write_beside(folder, "tokenizer_config.json", "{");
    assert_int_equal(hooke_tokenizer_open(&tk, folder), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "tokenizer_config.json"));
    static const char *const names[] = { "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                         "chat_template.jinja" };
    for (int i = 0; i < 4; i++) write_beside(folder, names[i], NULL);
    assert_int_equal(rmdir(folder), 0);
}

/* A tokenizer whose tokens are what is decoded, with the given decoder. */
static void expect_decoded(const char *decoder, const char *expected, int flags, int line)
{
    hooke_text json = { 0 };
    text_printf(&json,
                "{\"model\":{\"vocab\":{\"▁▁a▁b\":0,\"▁c \":1,\" .\":2,\" n't\":3,\"x ' y\":4},"
                "\"merges\":[]},\"decoder\":%s}",
                decoder);
    hooke_tokenizer *tk = must_open_json(json.data, NULL);
    expect_text_of(tk, (const int32_t[]){ 0, 1, 2, 3, 4 }, 5, flags, expected, line);
    hooke_tokenizer_close(tk);
    hooke_text_release(&json);
}

#define METASPACE "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"%s\"}"

static void decoders(void **state)
{
    (void)state;
    hooke_text json = { 0 };
    expect_decoded("null", "▁▁a▁b ▁c   .  n't x ' y", 0, __LINE__);
    text_printf(&json, METASPACE, "always");
    expect_decoded(json.data, "ab c  . n'tx ' y", 0, __LINE__);
    text_clear(&json);
    text_printf(&json, METASPACE, "never");
    expect_decoded(json.data, "  a b c  . n'tx ' y", 0, __LINE__);
    expect_decoded(json.data, "  a b c .n'tx'y", HOOKE_CLEAN_SPACES, __LINE__);
    expect_decoded("{\"type\":\"Strip\",\"content\":\"▁\",\"start\":1,\"stop\":1}", "▁a▁bc  . n'tx ' y", 0,
                   __LINE__);
    expect_decoded("{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":"
                   "\"▁\",\"start\":9,\"stop\":0}]}",
                   "a▁b▁c  . n'tx ' y", 0, __LINE__);
    hooke_text_release(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toy_a_encodes),
        cmocka_unit_test(toy_a_decodes),
        cmocka_unit_test(toy_b_encodes),
        cmocka_unit_test(special_tokens_as_text),
        cmocka_unit_test(names_and_ids),
        cmocka_unit_test(text_that_is_no_utf8_and_holds_nul),
        cmocka_unit_test(configuration_overrides),
        cmocka_unit_test(folders_and_files),
        cmocka_unit_test(decoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
