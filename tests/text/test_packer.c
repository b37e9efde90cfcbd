/* Packing documents into contexts. The toy maps letters to ids, so that contexts read as text: ids 0 '^' (BOS), 1 '|' (EOS),
 * 2.. a, b, c, ... */
#include "file/bytes.h"
#include "toy.h"

#include <unistd.h>

static hooke_tokenizer *open_letters(const char *bos)
{
    hooke_text json = { 0 }, config = { 0 };
    text_puts(&json, "{\"model\":{\"vocab\":{\"^\":0,\"|\":1");
    for (int i = 0; i < 26; i++) text_printf(&json, ",\"%c\":%d", 'a' + i, 2 + i);
    text_puts(&json, "},\"merges\":[]}}");
    text_printf(&config, "{\"bos_token\":%s,\"eos_token\":\"|\"}", bos);
    hooke_tokenizer *tk = must_open_json(json.data, config.data);
    hooke_text_release(&json);
    hooke_text_release(&config);
    return tk;
}

/* docs: documents separated by '/'; expected: contexts separated by spaces. */
static void expect_packed(const char *bos, const char *docs, int n_ctx, bool prepend_bos, int32_t separator,
                          const char *expected, int line)
{
    char path[128];
    snprintf(path, sizeof path, "build/test_packer.%ld.jsonl", (long)getpid());
    assert_int_equal(make_folders("build"), HOOKE_OK);
    hooke_text file = { 0 }, found = { 0 };
    for (const char *s = docs;; s += strcspn(s, "/") + 1) {
        text_printf(&file, "{\"text\":\"%.*s\"}\n", (int)strcspn(s, "/"), s);
        if (!s[strcspn(s, "/")]) break;
    }
    assert_int_equal(hooke_write_file(path, file.data, file.n), HOOKE_OK);

    hooke_tokenizer *tk = open_letters(bos);
    hooke_docs *reader;
    hooke_packer *packer;
    int32_t ids[64];
    bool got;
    assert_int_equal(hooke_docs_open(&reader, path, NULL), HOOKE_OK);
    assert_int_equal(hooke_packer_open(&packer, tk, reader, n_ctx, prepend_bos, separator), HOOKE_OK);
    text_append(&found, "", 0);
    for (;;) {
        if (hooke_packer_next(packer, ids, &got) != HOOKE_OK) stop(line, "%s", hooke_error());
        if (!got) break;
        if (found.n) text_puts(&found, " ");
        for (int i = 0; i < n_ctx; i++) text_puts(&found, hooke_tokenizer_token(tk, ids[i]));
    }
    if (strcmp(found.data, expected) != 0)
        stop(line, "'%s': expected '%s', found '%s'", docs, expected, found.data);
    hooke_packer_close(packer);
    hooke_docs_close(reader);
    hooke_tokenizer_close(tk);
    hooke_text_release(&file);
    hooke_text_release(&found);
    unlink(path);
}
#define PACK(docs, n_ctx, prepend_bos, separator, expected) \
    expect_packed("\"^\"", docs, n_ctx, prepend_bos, separator, expected, __LINE__)

static void bos_and_separators(void **state)
{
    (void)state;
    PACK("abc/de/fgh", 4, true, 0,
         "^abc ^de^ ^fgh"); /* the separator takes the last slot; the document opens the next */
    PACK("abc/def", 4, true, 0, "^abc ^def");         /* ends exactly at a boundary */
    PACK("ab/cdef/gh", 4, true, 0, "^ab^ ^cde ^f^g"); /* goes on behind a new BOS, without a separator */
    PACK("a/b/c/d/e/f", 4, true, 0, "^a^b ^c^d ^e^f");
    PACK("a/b/c/d/e/f/g/h", 4, true, 1, "^a|b ^c|d ^e|f ^g|h");
    PACK("abcdefghij", 4, true, 0, "^abc ^def ^ghi"); /* the rest is dropped */
    PACK("ab", 4, true, 0, "");
}

static void documents_that_begin_with_bos(void **state)
{
    (void)state;
    PACK("^abc/^de/^f", 4, true, 0, "^abc ^de^"); /* none added; its own BOS is the separator */
    PACK("abc^def", 4, true, 0, "^abc ^def");     /* a piece that begins with BOS gets no second */
}

static void without_bos_or_separator(void **state)
{
    (void)state;
    PACK("abc/de/fgh", 4, false, 0, "abc^ de^f"); /* without BOS the separator stays */
    PACK("abc/de/fgh", 4, true, -1, "^abc ^def");
    PACK("abc/de/fgh", 4, false, -1, "abcd efgh");
    expect_packed("null", "abc/de/fgh", 4, true, -1, "abcd efgh", __LINE__); /* the tokenizer has no BOS */
}

static void empty_documents(void **state)
{
    (void)state;
    PACK("/abc//de//", 3, true, 0, "^ab ^c^ ^de");
    PACK("", 4, true, 0, "");
    PACK("///", 4, true, 0, "");
    PACK("0/a0b/1", 2, true, 0, "^a ^b"); /* characters without a token vanish */
}

static void wrong_calls(void **state)
{
    (void)state;
    hooke_tokenizer *tk = open_letters("\"^\"");
    hooke_packer *packer;
    assert_int_equal(hooke_packer_open(&packer, tk, NULL, 1, true, 0), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_packer_open(&packer, tk, NULL, 8, true, 28), HOOKE_E_ARGUMENT);
    assert_null(packer);
    hooke_packer_close(NULL);
    hooke_tokenizer_close(tk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bos_and_separators),
        cmocka_unit_test(documents_that_begin_with_bos),
        cmocka_unit_test(without_bos_or_separator),
        cmocka_unit_test(empty_documents),
        cmocka_unit_test(wrong_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
