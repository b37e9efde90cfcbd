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

static char path[128];

/* A file of documents, which '/' separates in docs. */
static void write_documents(const char *docs)
{
    hooke_text file = { 0 };
    snprintf(path, sizeof path, "build/test_packer.%ld.jsonl", (long)getpid());
    assert_int_equal(make_folders("build"), HOOKE_OK);
    for (const char *s = docs;; s += strcspn(s, "/") + 1) {
        text_printf(&file, "{\"text\":\"%.*s\"}\n", (int)strcspn(s, "/"), s);
        if (!s[strcspn(s, "/")]) break;
    }
    assert_int_equal(hooke_write_file(path, file.data, file.n), HOOKE_OK);
    hooke_text_release(&file);
}

/* All contexts, separated by spaces. */
static void expect_contexts(hooke_packer *packer, const hooke_tokenizer *tk, const char *docs,
                            const char *expected, int line)
{
    hooke_text found = { 0 };
    int32_t ids[64];
    int n;
    text_append(&found, "", 0);
    for (;;) {
        if (hooke_packer_context(packer, ids, &n) != HOOKE_OK) stop(line, "%s", hooke_error());
        if (n == 0) break;
        if (found.n) text_puts(&found, " ");
        for (int i = 0; i < n; i++) text_puts(&found, hooke_tokenizer_token(tk, ids[i]));
    }
    if (strcmp(found.data, expected) != 0)
        stop(line, "'%s': expected '%s', found '%s'", docs, expected, found.data);
    hooke_text_release(&found);
}

static void expect_packed(const char *bos, const char *docs, const hooke_pack_options *o,
                          const char *expected, int line)
{
    write_documents(docs);
    hooke_tokenizer *tk = open_letters(bos);
    hooke_docs *reader;
    hooke_packer *packer;
    assert_int_equal(hooke_docs_open(&reader, path, NULL), HOOKE_OK);
    if (hooke_packer_open(&packer, tk, reader, o)) stop(line, "%s", hooke_error());
    expect_contexts(packer, tk, docs, expected, line);
    hooke_packer_close(packer);
    hooke_docs_close(reader);
    hooke_tokenizer_close(tk);
    unlink(path);
}
#define PACK(docs, expected, ...) \
    expect_packed("\"^\"", docs, &(hooke_pack_options){ __VA_ARGS__ }, expected, __LINE__)

static void bos_and_separators(void **state)
{
    (void)state;
    PACK("abc/de/fgh", "^abc ^de^ ^fgh",
         .n_ctx = 4); /* the separator takes the last slot; the document opens the next */
    PACK("abc/def", "^abc ^def", .n_ctx = 4);         /* ends exactly at a boundary */
    PACK("ab/cdef/gh", "^ab^ ^cde ^f^g", .n_ctx = 4); /* goes on behind a new BOS, without a separator */
    PACK("a/b/c/d/e/f", "^a^b ^c^d ^e^f", .n_ctx = 4);
    PACK("a/b/c/d/e/f/g/h", "^a|b ^c|d ^e|f ^g|h", .n_ctx = 4, .separator = "eos");
    PACK("abcdefghij", "^abc ^def ^ghi", .n_ctx = 4); /* the rest is dropped */
    PACK("ab", "", .n_ctx = 4);
}

static void documents_that_begin_with_bos(void **state)
{
    (void)state;
    PACK("^abc/^de/^f", "^abc ^de^", .n_ctx = 4); /* none added; its own BOS is the separator */
    PACK("abc^def", "^abc ^def", .n_ctx = 4);     /* a piece that begins with BOS gets no second */
}

static void empty_documents(void **state)
{
    (void)state;
    PACK("/abc//de//", "^ab ^c^ ^de", .n_ctx = 3);
    PACK("", "", .n_ctx = 4);
    PACK("///", "", .n_ctx = 4);
    PACK("0/a0b/1", "^a ^b", .n_ctx = 2); /* characters without a token vanish */
}

/* ---- packings by name ---- */

static void saelens_and_its_options(void **state)
{
    (void)state;
    PACK("abc/de/fgh", "^abc ^de^ ^fgh", .n_ctx = 4);
    PACK("abc/de/fgh", "^abc ^de| ^fgh", .n_ctx = 4, .packing = "saelens", .separator = "eos");
    PACK("abc/de/fgh", "^abc ^def", .n_ctx = 4, .separator = "none");
    PACK("abc/de/fgh", "^abc ^dec ^fgh", .n_ctx = 4, .separator = "4"); /* ids are letters: 4 is c */
    PACK("abc/de/fgh", "abc^ de^f", .n_ctx = 4, .no_bos = true);        /* the separator stays */
    PACK("abc/de/fgh", "abcd efgh", .n_ctx = 4, .no_bos = true, .separator = "none");
    PACK("abc/ab/abcdef/^abc", "^abc ^abc ^abc", .n_ctx = 4, .no_concat = true);
    PACK("abcde/abcd//abc", "abcd abcd", .n_ctx = 4, .no_concat = true, .no_bos = true);
    PACK("abc/de", "^|ab ^c|d", .n_ctx = 4, .separator = "none", .begin_sequence = "eos");
    /* a start that is cut off comes again in the next context */
    PACK("ab/c/d", "^|a ^b^ ^|c ^|d", .n_ctx = 3, .begin_sequence = "eos");
    hooke_pack_options o = { .n_ctx = 4 };
    expect_packed("null", "abc/de/fgh", &o, "|abc |de| |fgh", __LINE__); /* EOS for a missing BOS */
    o.packing = "saelens_pretokenize";                                   /* which does not know that rule */
    expect_packed("null", "abc/de/fgh", &o, "abcd efgh", __LINE__);
}

static void blocks_of_documents(void **state)
{
    (void)state;
    PACK("ab/cd/ef/gh/i", "^ab^ ^ef^", .n_ctx = 4, .packing = "saelens_pretokenize", .block = 2);
    PACK("abcdef/gh/i", "abcd gh", .n_ctx = 4, .packing = "dictionary_learning", .block = 2);
    PACK("abcdef//i", "abcd i", .n_ctx = 4, .packing = "dictionary_learning", .block = 1);
    PACK("ab/cd/efg/h", "^ab| ^efg", .n_ctx = 4, .packing = "dictionary_learning_packed", .block = 1,
         .min_chars = 3);
    PACK("ab/cd/e", "|ab", .n_ctx = 3, .packing = "sparsify", .block = 2); /* a whole last context goes too */
    PACK("ab/cd/e", "^ab| ^e||", .n_ctx = 4, .packing = "transformer_lens", .block = 2);
    PACK("ab/cd/e", "ab|c e|||", .n_ctx = 4, .packing = "transformer_lens", .block = 2, .no_bos = true);
    PACK("ab/cd/e", "^abc ^e||", .n_ctx = 4, .packing = "transformer_lens_2", .block = 2);
    PACK(" / ", "", .n_ctx = 4, .packing = "transformer_lens_2", .block = 1);
}

static void saebench_takes_long_documents_until_it_has_enough(void **state)
{
    (void)state;
    PACK("ab/c/def", "^bde", .n_ctx = 4, .packing = "saebench",
         .min_chars = 1); /* EOS stands for pad: left out */
    PACK("ab/c/def", "abde", .n_ctx = 4, .packing = "saebench", .min_chars = 1, .no_bos = true);
    PACK("abcde/fghij/klmno/pqrst", "^b ^d ^f ^h ^j ^l ^n ^p ^r ^t", .n_ctx = 2, .packing = "saebench",
         .min_chars = 1);
    /* one token wants more than five characters: two documents, of whose ten ids 1 + 2 + 1 are kept */
    PACK("abcde/fghij/klmno/pqrst", "^b ^d", .n_ctx = 2, .packing = "saebench", .min_chars = 1,
         .n_tokens = 1);
    PACK("abcde", "", .n_ctx = 2, .packing = "saebench"); /* 100 characters are not enough by themselves */
}

static void contexts_are_filled_up_on_demand(void **state)
{
    (void)state;
    write_documents("abcdef/gh");
    hooke_tokenizer *tk = open_letters("\"^\"");
    hooke_docs *reader;
    hooke_packer *packer;
    int32_t ids[4];
    bool got;
    hooke_pack_options o = { .n_ctx = 4, .packing = "dictionary_learning", .block = 1 };
    assert_int_equal(hooke_docs_open(&reader, path, NULL), HOOKE_OK);
    assert_int_equal(hooke_packer_open(&packer, tk, reader, &o), HOOKE_OK);
    assert_int_equal(hooke_packer_next(packer, ids, &got), HOOKE_OK);
    assert_int_equal(hooke_packer_next(packer, ids, &got), HOOKE_OK);
    assert_true(got && ids[0] == 8 && ids[1] == 9 && ids[2] == 1 && ids[3] == 1);
    assert_int_equal(hooke_packer_next(packer, ids, &got), HOOKE_OK);
    assert_false(got);
    hooke_packer_close(packer);
    hooke_docs_close(reader);
    hooke_tokenizer_close(tk);
    unlink(path);
}

static void expect_refused(const hooke_tokenizer *tk, const hooke_pack_options *o, hooke_status st,
                           const char *word)
{
    hooke_packer *packer;
    assert_int_equal(hooke_packer_open(&packer, tk, NULL, o), st);
    assert_null(packer);
    if (!strstr(hooke_error(), word)) stop(__LINE__, "expected '%s' in '%s'", word, hooke_error());
}

static void wrong_options(void **state)
{
    (void)state;
    hooke_tokenizer *tk = open_letters("\"^\"");
    expect_refused(tk, NULL, HOOKE_E_ARGUMENT, "NULL");
    expect_refused(tk, &(hooke_pack_options){ .n_ctx = 4, .packing = "sealens" }, HOOKE_E_ARGUMENT,
                   "'saelens'");
    expect_refused(tk, &(hooke_pack_options){ .n_ctx = 1 }, HOOKE_E_ARGUMENT, "at least 2");
    expect_refused(tk, &(hooke_pack_options){ .n_ctx = 4, .separator = "sep" }, HOOKE_E_ARGUMENT, "'sep'");
    expect_refused(tk, &(hooke_pack_options){ .n_ctx = 4, .separator = "28" }, HOOKE_E_ARGUMENT, "28 ids");
    expect_refused(tk, &(hooke_pack_options){ .n_ctx = 4, .begin_sequence = "99999999999" }, HOOKE_E_ARGUMENT,
                   "no token");
    expect_refused(tk, &(hooke_pack_options){ .n_ctx = 4, .n_tokens = INT64_MAX }, HOOKE_E_ARGUMENT,
                   "n_tokens");
    expect_refused(tk, &(hooke_pack_options){ .n_ctx = 4, .block = -1 }, HOOKE_E_ARGUMENT, "block");
    hooke_tokenizer_close(tk);
    tk = must_open_json("{\"model\":{\"vocab\":{\"a\":0},\"merges\":[]}}", NULL);
    for (int i = 0; hooke_packing_name(i); i++) {
        hooke_packer *packer;
        hooke_pack_options o = { .n_ctx = 4, .packing = hooke_packing_name(i) };
        bool joins = strncmp(o.packing, "saelens", 7) != 0 && strcmp(o.packing, "dictionary_learning") != 0;
        assert_int_equal(hooke_packer_open(&packer, tk, NULL, &o), joins ? HOOKE_E_UNSUPPORTED : HOOKE_OK);
        assert_true(strlen(hooke_packing_about(i)) > 0);
        hooke_packer_close(packer);
    }
    assert_null(hooke_packing_name(-1));
    hooke_packer_close(NULL);
    hooke_tokenizer_close(tk);
}

/* Every allocation of a packing fails once: a status, nothing leaked, and the packer ends. */
static void memory_that_runs_out(void **state)
{
    (void)state;
    write_documents("abcdef/gh/ijkl/mnop/qrs");
    hooke_tokenizer *tk = open_letters("\"^\"");
    for (int i = 0; hooke_packing_name(i); i++) {
        hooke_status st = HOOKE_E_MEMORY;
        for (long at = 1; st == HOOKE_E_MEMORY; at++) {
            hooke_docs *reader;
            hooke_packer *packer = NULL;
            int32_t ids[3];
            int n = 1;
            hooke_pack_options o = {
                .n_ctx = 3, .packing = hooke_packing_name(i), .block = 2, .min_chars = 1
            };
            assert_int_equal(hooke_docs_open(&reader, path, NULL), HOOKE_OK);
            mem_fail_at(at);
            st = hooke_packer_open(&packer, tk, reader, &o);
            while (st == HOOKE_OK && n > 0) st = hooke_packer_context(packer, ids, &n);
            mem_fail_at(0);
            assert_true(st == HOOKE_OK || st == HOOKE_E_MEMORY);
            if (packer) assert_int_equal(hooke_packer_context(packer, ids, &n), HOOKE_OK);
            assert_true(st == HOOKE_OK || at < 1000);
            hooke_packer_close(packer);
            hooke_docs_close(reader);
        }
    }
    hooke_tokenizer_close(tk);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bos_and_separators),
        cmocka_unit_test(documents_that_begin_with_bos),
        cmocka_unit_test(empty_documents),
        cmocka_unit_test(saelens_and_its_options),
        cmocka_unit_test(blocks_of_documents),
        cmocka_unit_test(saebench_takes_long_documents_until_it_has_enough),
        cmocka_unit_test(contexts_are_filled_up_on_demand),
        cmocka_unit_test(wrong_options),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
