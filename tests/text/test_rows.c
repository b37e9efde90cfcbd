/* Rows of tables: columns, typed values, places, in each format of text. */
#include "check.h"

#include <unistd.h>

#include "file/bytes.h"

static char path[256];

static void stop(int line, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
static void stop(int line, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "line %d: ", line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

static const char *make_file(const char *name, const char *bytes, size_t n)
{
    snprintf(path, sizeof path, "build/test_rows.%ld.%s", (long)getpid(), name);
    assert_int_equal(make_folders("build"), HOOKE_OK);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

static hooke_rows *open_rows(const char *name, const char *bytes, const char *const *columns, int n)
{
    hooke_rows *r;
    hooke_rows_options o = { .size = sizeof o, .columns = columns, .n_columns = n };
    hooke_status st = hooke_rows_open(&r, make_file(name, bytes, strlen(bytes)), columns ? &o : NULL);
    if (st != HOOKE_OK) print_message("%s\n", hooke_error());
    assert_int_equal(st, HOOKE_OK);
    return r;
}

static void next_row(hooke_rows *r, bool expected, int line)
{
    bool got = !expected;
    hooke_status st = hooke_rows_next(r, &got);
    if (st != HOOKE_OK || got != expected) stop(line, "next row: %d %s", got, st ? hooke_error() : "");
}
#define row(r)    next_row(r, true, __LINE__)
#define no_row(r) next_row(r, false, __LINE__)

static void close_rows(hooke_rows *r)
{
    hooke_rows_close(r);
    unlink(path);
}

static void expect_text_at(hooke_rows *r, int column, const char *expected, int line)
{
    const char *text;
    size_t n;
    if (hooke_rows_text(r, column, &text, &n) != HOOKE_OK) stop(line, "%s", hooke_error());
    if (n != strlen(expected) || memcmp(text, expected, n) != 0)
        stop(line, "expected '%s', found '%.*s'", expected, (int)n, text);
}
#define expect_text(r, column, expected) expect_text_at(r, column, expected, __LINE__)

static void expect_error_at(hooke_status st, hooke_status expected, const char *words, int line)
{
    if (st != expected)
        stop(line, "expected %s, found %s", hooke_status_text(expected), hooke_status_text(st));
    if (!strstr(hooke_error(), words)) stop(line, "expected '%s' in '%s'", words, hooke_error());
}
#define expect_error(st, expected, words) expect_error_at(st, expected, words, __LINE__)

static void comma_separated(void **state)
{
    (void)state;
    static const char *const columns[] = { "label", "text" };
    static const char bytes[] = "id,text,label\r\n1,\"a, \"\"b\"\"\r\nc\",7\r\n2,x,-3.5\r\n";
    hooke_rows *r = open_rows("a.csv", bytes, columns, 2);
    int64_t label;
    double real;
    assert_int_equal(hooke_rows_n_columns(r), 2);
    assert_int_equal(hooke_rows_column(r, "text"), 1);
    assert_int_equal(hooke_rows_column(r, "id"), -1);
    assert_null(hooke_rows_value(r, 0));
    row(r);
    expect_text(r, 1, "a, \"b\"\r\nc");
    assert_int_equal(hooke_rows_int(r, 0, &label), HOOKE_OK);
    assert_int_equal(label, 7);
    assert_non_null(strstr(hooke_rows_place(r), "a.csv: line 2"));
    expect_error(hooke_rows_int(r, 1, &label), HOOKE_E_FORMAT, "column 'text' is not an integer but 'a, ");
    row(r);
    assert_non_null(strstr(hooke_rows_place(r), "a.csv: line 4"));
    assert_int_equal(hooke_rows_real(r, 0, &real), HOOKE_OK);
    assert_true(real == -3.5);
    expect_error(hooke_rows_int(r, 0, &label), HOOKE_E_FORMAT, "line 4: column 'label' is not an integer");
    expect_error(hooke_rows_int(r, 2, &label), HOOKE_E_ARGUMENT, "column 2 of 2");
    no_row(r);
    no_row(r);
    assert_null(hooke_rows_value(r, 0));
    close_rows(r);
}

static void tab_separated_and_all_columns(void **state)
{
    (void)state;
    hooke_rows *r = open_rows("a.tsv", "a\tb,c\tq\n1\t\"x\ty\"\t\n", NULL, 0);
    assert_int_equal(hooke_rows_n_columns(r), 3);
    assert_string_equal(hooke_rows_column_name(r, 1), "b,c");
    assert_null(hooke_rows_column_name(r, 3));
    assert_null(hooke_rows_column_name(r, -1));
    row(r);
    expect_text(r, 0, "1");
    expect_text(r, 1, "x\ty");
    expect_text(r, 2, "");
    no_row(r);
    close_rows(r);
}

static void plain_lines(void **state)
{
    (void)state;
    hooke_rows *r = open_rows("a.txt", "one\n\ntwo\r\nthree", NULL, 0);
    static const char *const lines[] = { "one", "", "two", "three" };
    assert_string_equal(hooke_rows_column_name(r, 0), "text");
    for (int i = 0; i < 4; i++) {
        row(r);
        expect_text(r, 0, lines[i]);
    }
    no_row(r);
    close_rows(r);
}

static void json_lines_typed(void **state)
{
    (void)state;
    static const char *const columns[] = { "t", "i", "r", "b", "l", "o", "n", "none" };
    hooke_rows *r = open_rows("a.jsonl",
                              "\n{\"t\":\"a\\u0000b\",\"i\":-9223372036854775808,\"r\":0.1,\"b\":true,"
                              "\"l\":[\"x\",\"\",\"yz\"],\"o\":{\"a\":[1]},\"n\":null}\n"
                              "{\"t\":[\"x\",3],\"i\":3.0,\"r\":7}\n",
                              columns, 8);
    const char *text;
    size_t n;
    int64_t i;
    double d;
    row(r);
    assert_int_equal(hooke_rows_text(r, 0, &text, &n), HOOKE_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(text, "a\0b", 3);
    assert_int_equal(hooke_rows_int(r, 1, &i), HOOKE_OK);
    assert_true(i == INT64_MIN);
    assert_int_equal(hooke_rows_real(r, 2, &d), HOOKE_OK);
    assert_true(d == 0.1);
    expect_error(hooke_rows_int(r, 2, &i), HOOKE_E_FORMAT,
                 "line 2: column 'r' is not an integer but a number");
    assert_int_equal(hooke_rows_int(r, 3, &i), HOOKE_OK);
    assert_int_equal(i, 1);
    assert_int_equal(hooke_rows_list(r, 4, &n), HOOKE_OK);
    assert_int_equal(n, 3);
    assert_int_equal(hooke_rows_item(r, 4, 2, &text, &n), HOOKE_OK);
    assert_memory_equal(text, "yz", 2);
    expect_error(hooke_rows_item(r, 4, 3, &text, &n), HOOKE_E_FORMAT, "column 'l'");
    assert_int_equal(hooke_rows_value(r, 5)->kind, HOOKE_VALUE_OBJECT);
    expect_error(hooke_rows_text(r, 5, &text, &n), HOOKE_E_FORMAT, "is not a string but an object");
    assert_int_equal(hooke_rows_value(r, 6)->kind, HOOKE_VALUE_NULL);
    assert_int_equal(hooke_rows_value(r, 7)->kind, HOOKE_VALUE_ABSENT);
    expect_error(hooke_rows_text(r, 7, &text, &n), HOOKE_E_FORMAT,
                 "line 2: no column 'none'; there are: t, ");
    row(r);
    expect_error(hooke_rows_list(r, 0, &n), HOOKE_E_FORMAT, "item 1 of the list in column 't'");
    assert_int_equal(hooke_rows_int(r, 1, &i), HOOKE_OK);
    assert_int_equal(i, 3);
    no_row(r);
    close_rows(r);
}

static void json_lines_all_columns(void **state)
{
    (void)state;
    hooke_rows *r = open_rows("b.jsonl", "{\"a\":1,\"b\":2,\"a\":3}\n{\"b\":5,\"c\":4}\n", NULL, 0);
    int64_t i;
    assert_int_equal(hooke_rows_n_columns(r), 2);
    row(r);
    assert_int_equal(hooke_rows_int(r, 0, &i), HOOKE_OK);
    assert_int_equal(i, 3); /* the last of two keys wins */
    row(r);
    assert_int_equal(hooke_rows_value(r, 0)->kind, HOOKE_VALUE_ABSENT);
    assert_int_equal(hooke_rows_int(r, 1, &i), HOOKE_OK);
    assert_int_equal(i, 5);
    no_row(r);
    close_rows(r);
    r = open_rows("c.jsonl", "\n", NULL, 0);
    assert_int_equal(hooke_rows_n_columns(r), 0);
    no_row(r);
    close_rows(r);
}

static void json_array(void **state)
{
    (void)state;
    hooke_rows *r = open_rows("a.json", " \n[{\"a\": 1,\n\"b\": \"x\"},\n {\"b\": \"y\"}]\n", NULL, 0);
    hooke_rows_options o = { .size = sizeof o };
    bool got;
    assert_int_equal(hooke_rows_n_columns(r), 2);
    row(r);
    expect_text(r, 1, "x");
    row(r);
    expect_text(r, 1, "y");
    assert_int_equal(hooke_rows_value(r, 0)->kind, HOOKE_VALUE_ABSENT);
    no_row(r);
    no_row(r);
    close_rows(r);
    r = open_rows("b.json", "{\"b\": \"x\"}\n{\"b\": \"y\"}\n", NULL, 0); /* JSON lines by another name */
    row(r);
    row(r);
    expect_text(r, 0, "y");
    no_row(r);
    close_rows(r);
    r = open_rows("c.json", "[]", NULL, 0);
    no_row(r);
    close_rows(r);
    r = open_rows("d.json", "[{\"a\":1}, 2]", NULL, 0);
    row(r);
    expect_error(hooke_rows_next(r, &got), HOOKE_E_FORMAT, "element 2 of the array is not an object");
    close_rows(r);
    expect_error(hooke_rows_open(&r, make_file("e.json", "[{\"a\":1}", 8), &o), HOOKE_E_FORMAT, "e.json");
    unlink(path);
}

static void parquet_file(void **state)
{
    (void)state;
    static const char *const columns[] = { "label", "text" }, *const odd[] = { "struct" };
    const char *file = "tests/golden/parquet/small.parquet", *text;
    hooke_rows_options o = { .size = sizeof o, .columns = columns, .n_columns = 2 };
    hooke_rows *r;
    hooke_docs *docs;
    size_t n;
    int64_t i;
    assert_int_equal(hooke_rows_open(&r, file, &o), HOOKE_OK);
    row(r);
    expect_text(r, 1, "one");
    assert_int_equal(hooke_rows_int(r, 0, &i), HOOKE_OK);
    assert_int_equal(i, 1);
    row(r);
    assert_non_null(strstr(hooke_rows_place(r), "small.parquet: row 2"));
    expect_error(hooke_rows_text(r, 1, &text, &n), HOOKE_E_FORMAT,
                 "row 2: column 'text' is not a string but null");
    row(r);
    expect_text(r, 1, "two");
    no_row(r);
    hooke_rows_close(r);
    assert_int_equal(hooke_docs_open(&docs, file, NULL), HOOKE_OK);
    assert_int_equal(hooke_docs_next(docs, &text, &n), HOOKE_OK);
    assert_int_equal(n, 3);
    assert_memory_equal(text, "one", 3);
    hooke_docs_close(docs);
    const char *body = "body";
    const hooke_rows_options of_body = { .size = sizeof of_body, .columns = &body, .n_columns = 1 };
    expect_error(hooke_docs_open(&docs, file, &of_body), HOOKE_E_FORMAT,
                 "no column 'body'; there are: text, label");
    o.columns = odd;
    o.n_columns = 1;
    expect_error(hooke_rows_open(&r, "tests/golden/parquet/odd_columns.parquet", &o), HOOKE_E_UNSUPPORTED,
                 "column 'struct' is a group");
    expect_error(hooke_rows_open(&r, "build/none.parquet", &o), HOOKE_E_NOT_FOUND, "none.parquet");
    expect_error(hooke_rows_open(&r, "build/none.parquet.gz", &o), HOOKE_E_UNSUPPORTED, "unpacked first");
}

/* The labelled rows of a published data set, if it is here. */
static void axbench_rows(void **state)
{
    (void)state;
    static const char *const columns[] = { "input", "concept_id", "category" };
    const char *file = "../shared/data/axbench/concept10-prod_2b_l20_v1/inference/latent_eval_data.parquet",
               *text;
    hooke_rows_options o = { .size = sizeof o, .columns = columns, .n_columns = 3 };
    hooke_rows *r;
    FILE *there = fopen(file, "rb");
    size_t n, rows = 0, positive = 0, bytes = 0;
    int64_t concept, sum = 0;
    bool got = true;
    if (!there) {
        printf("skip: %s\n", file);
        skip();
    }
    fclose(there);
    assert_int_equal(hooke_rows_open(&r, file, &o), HOOKE_OK);
    while (hooke_rows_next(r, &got) == HOOKE_OK && got) {
        rows++;
        assert_int_equal(hooke_rows_text(r, 0, &text, &n), HOOKE_OK);
        bytes += n;
        assert_int_equal(hooke_rows_int(r, 1, &concept), HOOKE_OK);
        sum += concept;
        assert_int_equal(hooke_rows_text(r, 2, &text, &n), HOOKE_OK);
        positive += n == 8 && memcmp(text, "positive", 8) == 0;
    }
    assert_int_equal(rows, 755); /* as pyarrow counts them */
    assert_int_equal(positive, 360);
    assert_int_equal(bytes, 54307);
    assert_int_equal(sum, 3368);
    hooke_rows_close(r);
}

static void wrong_calls(void **state)
{
    (void)state;
    static const char *const twice[] = { "a", "a" }, *const missing[] = { "z" };
    hooke_rows *r;
    hooke_rows_options o = { .size = sizeof o, .columns = twice, .n_columns = 2 };
    expect_error(hooke_rows_open(&r, make_file("a.csv", "a,b\n", 4), &o), HOOKE_E_ARGUMENT, "named twice");
    assert_null(r);
    o = (hooke_rows_options){ .size = sizeof o, .columns = missing, .n_columns = 1 };
    expect_error(hooke_rows_open(&r, path, &o), HOOKE_E_FORMAT, "no column 'z'; there are: a, b");
    unlink(path);
    expect_error(hooke_rows_open(&r, make_file("a.txt", "x", 1), &o), HOOKE_E_FORMAT, "no column 'z'");
    unlink(path);
    expect_error(hooke_rows_open(&r, "build/none.jsonl", &o), HOOKE_E_NOT_FOUND, "none.jsonl");
    hooke_rows_close(NULL);
}

static void lost_memory(void **state)
{
    (void)state;
    static const char *const files[] = { "a.csv", "a.jsonl" };
    static const char *const bytes[] = { "t,u\n\"x\",y\n", "{\"t\":[\"x\"],\"u\":\"y\"}\n" };
    for (int i = 0; i < 2; i++) {
        make_file(files[i], bytes[i], strlen(bytes[i]));
        long at = 1;
        for (;; at++) {
            hooke_rows *r;
            bool got = true;
            mem_fail_at(at);
            hooke_status st = hooke_rows_open(&r, path, NULL);
            while (st == HOOKE_OK && got) st = hooke_rows_next(r, &got);
            mem_fail_at(0);
            hooke_rows_close(r);
            if (st == HOOKE_OK) break;
            assert_int_equal(st, HOOKE_E_MEMORY);
        }
        assert_true(at > 4);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comma_separated),
        cmocka_unit_test(tab_separated_and_all_columns),
        cmocka_unit_test(plain_lines),
        cmocka_unit_test(json_lines_typed),
        cmocka_unit_test(json_lines_all_columns),
        cmocka_unit_test(json_array),
        cmocka_unit_test(parquet_file),
        cmocka_unit_test(axbench_rows),
        cmocka_unit_test(wrong_calls),
        cmocka_unit_test(lost_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
