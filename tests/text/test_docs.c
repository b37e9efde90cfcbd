/* The document reader: each format, plain and packed, and files that are damaged. */
#include "file/bytes.h"
#include "toy.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static char path[256];

static const char *make_file(const char *name, const char *bytes, size_t n)
{
    snprintf(path, sizeof path, "build/test_docs.%ld.%s", (long)getpid(), name);
    assert_int_equal(make_folders("build"), HOOKE_OK);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* Documents separated by '|'; the word of the expected failure instead where there is one. */
static void expect_docs_n(const char *name, const char *bytes, size_t n, const char *column,
                          const char *expected, hooke_status failure, const char *word, int line)
{
    hooke_docs *docs;
    hooke_text found = { 0 };
    const char *text = NULL;
    size_t length;
    hooke_rows_options o = { .size = sizeof o, .columns = &column, .n_columns = column ? 1 : 0 };
    hooke_status st = hooke_docs_open(&docs, make_file(name, bytes, n), &o);
    text_append(&found, "", 0);
    while (st == HOOKE_OK && (st = hooke_docs_next(docs, &text, &length)) == HOOKE_OK && text) {
        text_append(&found, text, length);
        text_puts(&found, "|");
    }
    if (st == HOOKE_OK) st = hooke_docs_next(docs, &text, &length); /* past the end it stays at the end */
    if (st == HOOKE_OK) assert_null(text);
    if (st != failure)
        stop(line, "expected %s, found %s %s", hooke_status_text(failure), hooke_status_text(st),
             st ? hooke_error() : "");
    if (failure != HOOKE_OK && !strstr(hooke_error(), word))
        stop(line, "expected '%s' in '%s'", word, hooke_error());
    if (strcmp(found.data, expected) != 0) stop(line, "expected '%s', found '%s'", expected, found.data);
    hooke_docs_close(docs);
    hooke_text_release(&found);
    unlink(path);
}
#define expect_docs(name, bytes, column, expected) \
    expect_docs_n(name, bytes, strlen(bytes), column, expected, HOOKE_OK, NULL, __LINE__)
#define expect_failure(name, bytes, column, expected, word) \
    expect_docs_n(name, bytes, strlen(bytes), column, expected, HOOKE_E_FORMAT, word, __LINE__)

static void plain_text(void **state)
{
    (void)state;
    expect_docs("a.txt", "one\ntwo\n\n", NULL, "one\ntwo\n\n|");
    expect_docs("no_ending", "one", NULL, "one|");
    expect_docs("empty.txt", "", NULL, "|");
}

static void what_is_no_text(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t n;
        const char *word;
    } cases[] = {
        { "a.txt", "\xFF\xFEh\0i\0", 6, "UTF-16" },
        { "b.csv", "\xFE\xFF\0t", 4, "UTF-16" },
        { "c.jsonl", "\x1F\x8B\x08", 3, "gzip" },
        { "d", "\xFF\xFF\xFF\xFF\x10\0\0\0", 8, "an Arrow stream" },
        { "e.safetensors", "\x10\0\0\0\0\0\0\0{\"a\":", 13, "a safetensors file" },
        { "f.txt", "PAR1", 4, "a Parquet file" },
        { "g.csv", "version https://git-lfs.github.com/spec/v1\n", 43, "git lfs pull" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_docs_n(cases[i].name, cases[i].bytes, cases[i].n, NULL, "", HOOKE_E_UNSUPPORTED, cases[i].word,
                      __LINE__);
    expect_docs("h.txt", "\xEF\xBB\xBFone", NULL, "one|");
    expect_failure("j.json", "{\n \"data\": [{\"text\": \"a\"}]\n}\n", NULL, "",
                   "neither one array of objects");
}

static void json_lines(void **state)
{
    (void)state;
    expect_docs("a.jsonl",
                "{\"text\":\"one\\ntwo\"}\n\n  "
                "\n{\"meta\":{\"id\":123456789012345678901234567890},\"text\":\"three\"}\r\n{\"text\":\"\"}",
                NULL, "one\ntwo|three||");
    expect_docs("b.jsonl", "\xEF\xBB\xBF{\"body\":\"x\",\"text\":1}\n", "body", "x|");
    expect_docs("c.jsonl", "", NULL, "");
    expect_failure("d.jsonl", "{\"text\":\"one\"}\n{\"body\":\"x\"}\n", NULL, "one|",
                   "line 2: no column 'text'; there are: body");
    expect_failure("e.jsonl", "\n\n[1]\n", NULL, "", "line 3");
    expect_failure("f.jsonl", "{\"text\":7}\n", NULL, "", "line 1: column 'text' is not a string");
    expect_failure("g.jsonl", "{\"text\":\"a\"}\n{\"text\":\n", NULL, "a|", "line 2");
}

static void comma_separated(void **state)
{
    (void)state;
    expect_docs("a.csv", "id,text\n1,one\n2,two\n", NULL, "one|two|");
    expect_docs("b.csv", "\xEF\xBB\xBFtext,\"a \"\"b\"\"\"\r\n\"one, two\",x\r\n\"line\r\nend\",\"y\"\r\n",
                NULL, "one, two|line\r\nend|");
    expect_docs("b.csv", "text,\"a \"\"b\"\"\"\r\n1,x\r\n2,\"\"\"y\"\"\"", "a \"b\"", "x|\"y\"|");
    expect_docs("c.csv", "text\n\n\"\"\none\n\n", NULL, "one|"); /* a lone empty field is an empty line */
    expect_docs("d.csv", "text,b\n,\nx,", NULL, "|x|");
    expect_docs("e.csv", "text\na\rb\n", NULL, "a\rb|");
    expect_docs("f.csv", "text\n", NULL, "");
    expect_failure("g.csv", "id,body\n1,one\n", NULL, "", "no column 'text'; there are: id, body");
    expect_failure("h.csv", "id,text\n1,one\n2\n", NULL, "one|", "line 3 has 1 fields, the header 2");
    expect_failure("i.csv", "text\none\n\"two\n", NULL, "one|", "line 3 never ends");
    expect_failure("j.csv", "text\n\"two\"x\n", NULL, "", "closing quote");
    expect_failure("k.csv", "", NULL, "", "no header");
    expect_failure("l.csv", "text,id\rone,1\r", NULL, "", "a carriage return in the header line");
    expect_docs("M.CSV", "id,text\n1,one\n", NULL, "one|");
}

static size_t gzip(char *out, size_t capacity, const char *s)
{
    z_stream z = { 0 };
    Bytef *in = mem_alloc(strlen(s) + 1, 1);
    memcpy(in, s, strlen(s));
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = in;
    z.avail_in = (uInt)strlen(s);
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = z.total_out;
    deflateEnd(&z);
    mem_free(in);
    return n;
}

static void packed(void **state)
{
    (void)state;
    static const char lines[] = "{\"text\":\"one\"}\n{\"text\":\"two two two two two two two two\"}\n";
    const char *expected = "one|two two two two two two two two|";
    char bytes[1024];
    size_t n = gzip(bytes, sizeof bytes / 2, lines);
    expect_docs_n("a.jsonl.gz", bytes, n, NULL, expected, HOOKE_OK, NULL, __LINE__);
    memcpy(bytes + n, bytes, n); /* two members */
    expect_docs_n("b.txt.gz", bytes, 2 * n, NULL,
                  "{\"text\":\"one\"}\n{\"text\":\"two two two two two two two "
                  "two\"}\n{\"text\":\"one\"}\n{\"text\":\"two two two two two two two two\"}\n|",
                  HOOKE_OK, NULL, __LINE__);
    expect_docs_n("c.txt.gz", bytes, n - 9, NULL, "", HOOKE_E_FORMAT, "gzip", __LINE__);
    expect_docs_n("d.txt.gz", "plain", 5, NULL, "", HOOKE_E_FORMAT, "not a gzip file", __LINE__);
    n = ZSTD_compress(bytes, sizeof bytes, lines, sizeof lines - 1, 3);
    expect_docs_n("a.jsonl.zst", bytes, n, NULL, expected, HOOKE_OK, NULL, __LINE__);
    expect_docs_n("b.txt.zst", bytes, n - 3, NULL, "", HOOKE_E_FORMAT, "cut short", __LINE__);
    bytes[0] ^= 1;
    expect_docs_n("c.txt.zst", bytes, n, NULL, "", HOOKE_E_FORMAT, "zstd", __LINE__);
}

/* Longer than the read buffer, in every format. */
static void long_documents(void **state)
{
    (void)state;
    hooke_text big = { 0 }, file = { 0 }, expected = { 0 };
    while (big.n < 300000) text_puts(&big, "0123456789abcdef ");
    text_printf(&file, "id,text\n1,\"");
    text_append(&file, big.data, big.n);
    text_puts(&file, "\"\n2,");
    text_append(&file, big.data, big.n);
    for (int i = 0; i < 2; i++) {
        text_append(&expected, big.data, big.n);
        text_puts(&expected, "|");
    }
    expect_docs("long.csv", file.data, NULL, expected.data);
    text_clear(&file);
    for (int i = 0; i < 2; i++) {
        text_puts(&file, "{\"text\":\"");
        text_append(&file, big.data, big.n);
        text_puts(&file, "\"}\n");
    }
    expect_docs("long.jsonl", file.data, NULL, expected.data);
    hooke_text_release(&big);
    hooke_text_release(&file);
    hooke_text_release(&expected);
}

static void files_that_are_not_there(void **state)
{
    (void)state;
    static const char *const names[] = { "build/none.txt", "build/none.jsonl.gz", "build/none.csv.zst" };
    for (int i = 0; i < 3; i++) {
        hooke_docs *docs;
        assert_int_equal(hooke_docs_open(&docs, names[i], NULL), HOOKE_E_NOT_FOUND);
        assert_null(docs);
        assert_non_null(strstr(hooke_error(), names[i]));
    }
    hooke_docs_close(NULL);
}

/* 7,600 rows of a real data set, if it is here. */
static void ag_news(void **state)
{
    (void)state;
    const char *file = "../shared/data/ag_news/test.csv.gz", *text;
    hooke_docs *docs;
    size_t n, rows = 0;
    if (!file_exists(file)) {
        printf("skip: %s\n", file);
        skip();
    }
    const char *column = "description";
    const hooke_rows_options o = { .size = sizeof o, .columns = &column, .n_columns = 1 };
    assert_int_equal(hooke_docs_open(&docs, file, &o), HOOKE_OK);
    for (;;) {
        assert_int_equal(hooke_docs_next(docs, &text, &n), HOOKE_OK);
        if (!text) break;
        if (rows++ == 1)
            assert_int_equal(strncmp(text, "SPACE.com - TORONTO, Canada", 27), 0); /* a quoted field */
    }
    assert_int_equal(rows, 7600);
    hooke_docs_close(docs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text),
        cmocka_unit_test(what_is_no_text),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(comma_separated),
        cmocka_unit_test(packed),
        cmocka_unit_test(long_documents),
        cmocka_unit_test(files_that_are_not_there),
        cmocka_unit_test(ag_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
