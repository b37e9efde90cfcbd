/* Parquet: files that pyarrow wrote, value for value; damaged files; lies. */
#include "damage.h"
#include "parquet_kit.h"

#include "file/bytes.h"
#include "file/parquet_parts.h"
#include "file/snappy.h"

#define FOLDER "tests/golden/parquet/"

static hooke_status read_rows(const unsigned char *bytes, size_t n)
{
    struct parquet p;
    hooke_text rows = { 0 };
    RETURN_IF_ERROR(parquet_parse(&p, bytes, n, "input"));
    hooke_status st = spell_rows(&rows, &p, 100000);
    hooke_text_release(&rows);
    parquet_close(&p);
    return st;
}

static void expect_golden(const char *name)
{
    char path[256];
    struct mapped_file map;
    struct parquet p;
    hooke_text found = { 0 }, expected = { 0 };
    snprintf(path, sizeof path, FOLDER "%s.parquet", name);
    assert_int_equal(map_open(&map, path), HOOKE_OK);
    hooke_status st = parquet_parse(&p, map.data, map.n, path);
    if (st == HOOKE_OK) st = spell_rows(&found, &p, INT64_MAX);
    if (st != HOOKE_OK) print_message("%s\n", hooke_error());
    assert_int_equal(st, HOOKE_OK);
    snprintf(path, sizeof path, FOLDER "%s.txt", name);
    assert_int_equal(file_read(&expected, path, 1 << 20), HOOKE_OK);
    assert_string_equal(found.data, expected.data);
    hooke_text_release(&found);
    hooke_text_release(&expected);
    parquet_close(&p);
    map_close(&map);
}

static void golden_files(void **state)
{
    (void)state;
    static const char *const names[] = {
        "dictionary_v1_snappy", "plain_v1",      "plain_v2_zstd", "delta_v2_gzip",
        "lists_v1_snappy",      "lists_v2_zstd", "small",         "classes"
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) expect_golden(names[i]);
}

static void columns_that_are_not_read(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } cases[] = { { "good", NULL },
                  { "struct", "a group" },
                  { "map", "a map" },
                  { "lists", "a list of groups or lists" },
                  { "decimal", "a decimal number" },
                  { "last", NULL } };
    struct mapped_file map;
    struct parquet p;
    struct parquet_cursor *c;
    assert_int_equal(map_open(&map, FOLDER "odd_columns.parquet"), HOOKE_OK);
    assert_int_equal(parquet_parse(&p, map.data, map.n, "odd"), HOOKE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int column = parquet_find(&p, cases[i].name, strlen(cases[i].name));
        hooke_status st = parquet_cursor_open(&c, &p, column);
        assert_int_equal(st, cases[i].why ? HOOKE_E_UNSUPPORTED : HOOKE_OK);
        if (cases[i].why) assert_non_null(strstr(hooke_error(), cases[i].why));
        parquet_cursor_close(c);
    }
    assert_int_equal(parquet_find(&p, "none", 4), -1);
    /* A member of a group: 1, and null where the group is. */
    hooke_value v;
    bool got;
    assert_int_equal(parquet_cursor_open(&c, &p, parquet_find(&p, "struct.a", 8)), HOOKE_OK);
    assert_int_equal(parquet_cursor_next(c, &v, &got), HOOKE_OK);
    assert_int_equal(v.integer, 1);
    assert_int_equal(parquet_cursor_next(c, &v, &got), HOOKE_OK);
    assert_int_equal(v.kind, HOOKE_VALUE_NULL);
    assert_int_equal(parquet_cursor_next(c, &v, &got), HOOKE_OK);
    assert_false(got);
    parquet_cursor_close(c);
    assert_int_equal(parquet_find(&p, "struct.b", 8), -1); /* a list inside a group is not read */
    parquet_close(&p);
    map_close(&map);
    expect_golden("odd_columns");
}

static void expect_refused(const char *path, hooke_status expected, const char *words)
{
    struct mapped_file map;
    assert_int_equal(map_open(&map, path), HOOKE_OK);
    assert_int_equal(read_rows(map.data, map.n), expected);
    if (!strstr(hooke_error(), words)) print_message("expected '%s' in '%s'\n", words, hooke_error());
    assert_non_null(strstr(hooke_error(), words));
    map_close(&map);
}

static void codecs_that_are_not_read(void **state)
{
    (void)state;
    expect_refused(FOLDER "brotli.parquet", HOOKE_E_UNSUPPORTED, "Brotli");
    expect_refused(FOLDER "lz4.parquet", HOOKE_E_UNSUPPORTED, "LZ4");
    expect_refused(FOLDER "small.txt", HOOKE_E_FORMAT, "not a Parquet file");
    expect_refused("tests/golden/parquet/make_parquet_golden.py", HOOKE_E_FORMAT, "not a Parquet file");
}

static void encrypted_and_cut(void **state)
{
    (void)state;
    hooke_text bytes = { 0 };
    assert_int_equal(file_read(&bytes, FOLDER "small.parquet", 1 << 20), HOOKE_OK);
    unsigned char *b = (unsigned char *)bytes.data;
    memcpy(b + bytes.n - 4, "PARE", 4);
    assert_int_equal(read_rows(b, bytes.n), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "encrypted"));
    memcpy(b + bytes.n - 4, "PAR0", 4);
    assert_int_equal(read_rows(b, bytes.n), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "cut short"));
    hooke_text_release(&bytes);
}

/* plain_v1 has checksums: no bit of a page may turn. */
static void checksums(void **state)
{
    (void)state;
    struct parquet p;
    hooke_text bytes = { 0 };
    assert_int_equal(file_read(&bytes, FOLDER "plain_v1.parquet", 1 << 20), HOOKE_OK);
    unsigned char *b = (unsigned char *)bytes.data;
    assert_int_equal(parquet_parse(&p, b, bytes.n, "input"), HOOKE_OK);
    b[p.groups[0].chunks[0].end - 1] ^= 1;
    parquet_close(&p);
    assert_int_equal(read_rows(b, bytes.n), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "checksum"));
    hooke_text_release(&bytes);
}

static void damaged_files(void **state)
{
    (void)state;
    static const char *const names[] = { "small", "lists_v1_snappy", "delta_v2_gzip", "dictionary_v1_snappy",
                                         "lists_v2_zstd" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        hooke_text bytes = { 0 };
        snprintf(path, sizeof path, FOLDER "%s.parquet", names[i]);
        assert_int_equal(file_read(&bytes, path, 1 << 20), HOOKE_OK);
        const unsigned char *b = (const unsigned char *)bytes.data;
        if (i < 3) refuses_every_cut(read_rows, b, bytes.n);
        assert_true(survives_flips(read_rows, b, bytes.n, 3000, 11 + i) > 300);
        if (i < 2) survives_lost_memory(read_rows, b, bytes.n);
        hooke_text_release(&bytes);
    }
}

/* ---- lies ---- */

static void expect_hand(const struct hand *h, const char *rows, hooke_status expected, const char *words,
                        int line)
{
    hooke_text file = { 0 }, found = { 0 };
    struct parquet p;
    hand_build(&file, h);
    hooke_status st = parquet_parse(&p, (const unsigned char *)file.data, file.n, "input");
    if (st == HOOKE_OK) st = spell_rows(&found, &p, 100000);
    if (st != expected || (words && !strstr(hooke_error(), words)))
        print_message("line %d: %s: %s\n", line, hooke_status_text(st), st ? hooke_error() : "");
    assert_int_equal(st, expected);
    if (words) assert_non_null(strstr(hooke_error(), words));
    if (rows) assert_string_equal(found.data, rows);
    hooke_text_release(&file);
    hooke_text_release(&found);
    parquet_close(&p);
}
#define reads(h, rows)    expect_hand(h, rows, HOOKE_OK, NULL, __LINE__)
#define refuses(h, words) expect_hand(h, NULL, HOOKE_E_FORMAT, words, __LINE__)

#define BODY(s) .body = s, .n_body = sizeof(s) - 1

static void by_hand(void **state)
{
    (void)state;
    reads((&(struct hand){ .type = 1, .n_rows = 2, .page_values = 2, BODY("\1\0\0\0\376\377\377\377") }),
          "[1]\n[-2]\n");
    reads((&(struct hand){ .type = 6, .n_rows = 1, .page_values = 1, BODY("\2\0\0\0hi") }), "[\"6869\"]\n");
    /* Optional: 4 levels in a run of 1 and a group of 8, then two values. */
    reads((&(struct hand){ .type = 1,
                           .repetition = 1,
                           .n_rows = 4,
                           .page_values = 4,
                           BODY("\2\0\0\0\3\5\7\0\0\0\10\0\0\0") }),
          "[7]\n[null]\n[8]\n[null]\n");
    /* Repeated: levels in the clear before a v2 page. */
    reads((&(struct hand){ .type = 1,
                           .repetition = 2,
                           .n_rows = 2,
                           .page_kind = 3,
                           .page_values = 3,
                           .rep_bytes = 2,
                           .def_bytes = 2,
                           BODY("\3\2\3\3\7\0\0\0\10\0\0\0") }),
          "[[7,8]]\n[[]]\n");
    /* A dictionary of two; indices of one bit: 1, 0, 1. */
    reads((&(struct hand){ .type = 1,
                           .n_rows = 3,
                           .page_values = 3,
                           .encoding = 8,
                           .dictionary = "\5\0\0\0\6\0\0\0",
                           .dictionary_bytes = 8,
                           .n_dictionary = 2,
                           BODY("\1\3\5") }),
          "[6]\n[5]\n[6]\n");
}

static void sizes_that_lie(void **state)
{
    (void)state;
    refuses((&(struct hand){ .type = 6, .n_rows = 1, .page_values = 1, BODY("\377\377\377\377hi") }),
            "strings are damaged");
    refuses((&(struct hand){ .type = 1, .n_rows = 3, .page_values = 3, BODY("\1\0\0\0") }),
            "values are damaged or too few");
    refuses((&(struct hand){ .type = 1, .n_rows = 2, .page_values = 3, BODY("\1\0\0\0") }),
            "another number of values");
    refuses((&(struct hand){ .type = 1, .n_rows = 2, .chunk_values = 2, .page_values = 1, BODY("\1\0\0\0") }),
            "fewer values");
    refuses((&(struct hand){ .type = 1, .n_rows = 2, .chunk_values = 2, .page_values = 5, BODY("\1\0\0\0") }),
            "more values");
    refuses((&(struct hand){ .type = 1, .n_rows = 1, .page_values = 1, .unpacked = 9, BODY("\1\0\0\0") }),
            "expected 9");
    /* Bombs: sizes that no input of so few bytes unpacks to. */
    refuses((&(struct hand){ .type = 1,
                             .codec = 1,
                             .n_rows = 1,
                             .page_values = 1,
                             .unpacked = 1 << 29,
                             BODY("\200\200\200\200\2") }),
            "packed page");
    refuses((&(struct hand){
                .type = 1, .codec = 2, .n_rows = 1, .page_values = 1, .unpacked = 1 << 29, BODY("\37\213") }),
            "packed page");
    refuses((&(struct hand){ .type = 1,
                             .codec = 6,
                             .n_rows = 1,
                             .page_values = 1,
                             .unpacked = 1 << 29,
                             BODY("\50\265\57\375") }),
            "packed page");
    expect_hand(&(struct hand){ .type = 1,
                                .codec = 6,
                                .n_rows = 1,
                                .page_values = 1,
                                .unpacked = INT32_MAX,
                                BODY("\50\265\57\375") },
                NULL, HOOKE_E_UNSUPPORTED, "the limit is", __LINE__);
    expect_hand(&(struct hand){ .type = 1, .codec = 9, .n_rows = 1, .page_values = 1, BODY("1234") }, NULL,
                HOOKE_E_FORMAT, "unknown compression 9", __LINE__);
}

static void levels_and_indices_that_lie(void **state)
{
    (void)state;
    const struct hand dictionary = { .type = 1,
                                     .n_rows = 1,
                                     .page_values = 1,
                                     .encoding = 8,
                                     .dictionary = "\5\0\0\0",
                                     .dictionary_bytes = 4,
                                     .n_dictionary = 1 };
    struct hand h = dictionary;
    h.body = "\2\2\1"; /* a run of one: index 1 */
    h.n_body = 3;
    refuses(&h, "dictionary index 1 of 1");
    h.body = "\41\2\1";
    refuses(&h, "dictionary indices are damaged");
    h.body = "\2\2\0";
    reads(&h, "[5]\n");
    h.n_dictionary = 2;
    refuses(&h, "a dictionary of 2 values in 4 bytes");
    h = dictionary;
    h.dictionary = NULL;
    h.body = "\0\2";
    h.n_body = 2;
    refuses(&h, "dictionary index 0 of 0");
    /* Levels: a run of 2^35 where one value is promised is no fault; a level of 1 where the most is 0 cannot be said in 0 bits; a
     * level past the most; a length past the page. */
    refuses((&(struct hand){
                .type = 1, .repetition = 1, .n_rows = 1, .page_values = 1, BODY("\377\0\0\0\2\1\1\0\0\0") }),
            "pass its end");
    reads((&(struct hand){ .type = 1,
                           .repetition = 1,
                           .n_rows = 1,
                           .page_values = 1,
                           BODY("\7\0\0\0\200\200\200\200\200\1\1\7\0\0\0") }),
          "[7]\n");
    refuses((&(struct hand){
                .type = 1, .repetition = 1, .n_rows = 1, .page_values = 1, BODY("\2\0\0\0\2\3\7\0\0\0") }),
            "levels are damaged");
    refuses((&(struct hand){ .type = 1,
                             .repetition = 2,
                             .n_rows = 1,
                             .page_kind = 3,
                             .page_values = 1,
                             .rep_bytes = 2,
                             .def_bytes = 2,
                             BODY("\2\1\2\1\7\0\0\0") }),
            "does not begin at its first item");
    refuses((&(struct hand){ .type = 1,
                             .repetition = 2,
                             .n_rows = 2,
                             .page_kind = 3,
                             .page_values = 1,
                             .rep_bytes = 2,
                             .def_bytes = 2,
                             BODY("\2\0\2\1\7\0\0\0") }),
            "fewer rows");
    refuses((&(struct hand){ .type = 1,
                             .repetition = 2,
                             .n_rows = 1,
                             .page_kind = 3,
                             .page_values = 2,
                             .rep_bytes = 2,
                             .def_bytes = 2,
                             BODY("\4\0\4\1\7\0\0\0\7\0\0\0") }),
            "more rows");
    refuses((&(struct hand){ .type = 1,
                             .repetition = 2,
                             .n_rows = 1,
                             .page_kind = 3,
                             .page_values = 1,
                             .rep_bytes = 99,
                             BODY("\2\0\2\1") }),
            "bytes of levels");
}

static void encodings_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        int type, encoding;
    } cases[] = { { 6, 5 }, { 1, 3 }, { 1, 6 }, { 1, 7 }, { 6, 9 }, { 0, 9 }, { 4, 5 }, { 1, 4 }, { 1, 77 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_hand(&(struct hand){ .type = cases[i].type,
                                    .encoding = cases[i].encoding,
                                    .n_rows = 1,
                                    .page_values = 1,
                                    BODY("12345678") },
                    NULL, HOOKE_E_UNSUPPORTED, "is not read for its type", __LINE__);
}

/* ---- parts ---- */

static void snappy_blocks(void **state)
{
    (void)state;
    unsigned char out[128];
    /* "abcd", then 4 + 60 bytes from 4 back: an overlapping copy */
    static const unsigned char repeat[] = { 68, 3 << 2, 'a', 'b', 'c', 'd', 63 << 2 | 2, 4, 0 };
    assert_true(snappy_unpack(out, 68, repeat, sizeof repeat));
    for (int i = 0; i < 68; i++) assert_int_equal(out[i], "abcd"[i % 4]);
    assert_false(snappy_unpack(out, 67, repeat, sizeof repeat));
    for (size_t n = 0; n < sizeof repeat; n++) assert_false(snappy_unpack(out, 68, repeat, n));
    static const unsigned char too_far[] = { 8, 0, 'a', 1 << 2 | 1, 2 },
                               from_nowhere[] = { 4, 0 << 2 | 1, 0 };
    assert_false(snappy_unpack(out, 8, too_far, sizeof too_far));
    assert_false(snappy_unpack(out, 4, from_nowhere, sizeof from_nowhere));
    static const unsigned char long_literal[] = { 3, 60 << 2, 2, 'x', 'y', 'z' };
    assert_true(snappy_unpack(out, 3, long_literal, sizeof long_literal));
    assert_memory_equal(out, "xyz", 3);
    assert_true(snappy_unpack(out, 0, (const unsigned char *)"\0", 1));
    assert_false(snappy_unpack(out, 0, (const unsigned char *)"", 0));
}

static void thrift_bounds(void **state)
{
    (void)state;
    struct thrift_field f = { 0 };
    unsigned char deep[200];
    memset(deep, 0x1C, sizeof deep); /* structs within structs */
    struct thrift t = { deep, deep + sizeof deep, "deep" };
    assert_int_equal(thrift_next(&t, &f), HOOKE_OK);
    assert_int_equal(thrift_skip(&t, &f), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "nested deeper"));
    static const unsigned char big_list[] = { 0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF,
                                              0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 };
    t = (struct thrift){ big_list, big_list + sizeof big_list, "list" };
    f = (struct thrift_field){ 0 };
    assert_int_equal(thrift_next(&t, &f), HOOKE_OK);
    assert_int_equal(thrift_skip(&t, &f), HOOKE_E_FORMAT);
    const unsigned char endless[] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02 },
                        *at = endless;
    uint64_t v;
    assert_false(varint_read(&at, endless + sizeof endless, &v));
    assert_true(zigzag(UINT64_MAX) == INT64_MIN && zigzag(1) == -1 && zigzag(2) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files),
        cmocka_unit_test(columns_that_are_not_read),
        cmocka_unit_test(codecs_that_are_not_read),
        cmocka_unit_test(encrypted_and_cut),
        cmocka_unit_test(checksums),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(sizes_that_lie),
        cmocka_unit_test(levels_and_indices_that_lie),
        cmocka_unit_test(encodings_that_do_not_fit),
        cmocka_unit_test(snappy_blocks),
        cmocka_unit_test(thrift_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
