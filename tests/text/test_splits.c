/* Data sets of several files: which files a split has, in which order; parts, shuffling, names of classes. */
#include "check.h"

#include <unistd.h>

#include "file/bytes.h"
#include "remove_tree.h"
#include "text/card.h"
#include "text/splits.h"

static char root[128];

static int clean(void **state)
{
    (void)state;
    remove_tree(root);
    return 0;
}

static int prepare(void **state)
{
    snprintf(root, sizeof root, "build/test_splits.%ld", (long)getpid());
    clean(state);
    return make_folders(root) == HOOKE_OK ? 0 : -1;
}

static void put(const char *name, const char *content)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    *strrchr(path, '/') = '\0';
    assert_int_equal(make_folders(path), HOOKE_OK);
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(hooke_write_file(path, content, strlen(content)), HOOKE_OK);
}

/* A file whose one row is its own name. */
static void put_named(const char *name)
{
    char row[256];
    if (strstr(name, ".csv"))
        snprintf(row, sizeof row, "text\n%s\n", name);
    else if (strstr(name, ".json"))
        snprintf(row, sizeof row, "{\"text\": \"%s\"}\n", name);
    else
        snprintf(row, sizeof row, "%s\n", name);
    put(name, row);
}

/* The first column of all rows, separated by spaces; or the error. */
static const char *read_all(const char *what, const hooke_rows_options *o, hooke_status *st)
{
    static char out[8192];
    hooke_rows *r;
    bool got = true;
    const char *text;
    size_t n, at = 0;
    out[0] = '\0';
    *st = hooke_rows_open(&r, what, o);
    while (*st == HOOKE_OK && (*st = hooke_rows_next(r, &got)) == HOOKE_OK && got) {
        *st = hooke_rows_text(r, 0, &text, &n);
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s", at ? " " : "", (int)n, text);
    }
    hooke_rows_close(r);
    return *st == HOOKE_OK ? out : hooke_error();
}

static void expect_at(const hooke_rows_options *o, hooke_status expected, const char *words, int line)
{
    hooke_status st;
    const char *found = read_all(root, o, &st);
    bool fits = st == HOOKE_OK ? strcmp(found, words) == 0 : strstr(found, words) != NULL;
    if (st != expected || !fits) print_message("line %d: expected '%s', found '%s'\n", line, words, found);
    assert_int_equal(st, expected);
    assert_true(fits);
}
#define OPTIONS(...)              (&(hooke_rows_options){ .size = sizeof(hooke_rows_options), __VA_ARGS__ })
#define expect_split(name, words) expect_at(OPTIONS(.split = name), HOOKE_OK, words, __LINE__)
#define expect_none(name, words)  expect_at(OPTIONS(.split = name), HOOKE_E_NOT_FOUND, words, __LINE__)

static void numbered_files(void **state)
{
    (void)state;
    put_named("data/train-00001-of-00002.csv");
    put_named("data/train-00000-of-00002.csv");
    put_named("data/odd_one-00000-of-00001-abc.csv");
    put_named("test.csv"); /* does not count beside them */
    expect_split(NULL, "data/train-00000-of-00002.csv data/train-00001-of-00002.csv");
    expect_split("odd_one", "data/odd_one-00000-of-00001-abc.csv");
    expect_none("test", "no split 'test'; there are: odd_one, train");
}

static void names_of_files(void **state)
{
    (void)state;
    put_named("a/train.jsonl");
    put_named("training.csv");
    put_named("my-test-set.jsonl");
    put_named("x_val.2.jsonl");
    put_named("latest.jsonl"); /* "test" inside a word */
    put_named("README.md");
    expect_split(NULL, "a/train.jsonl"); /* as many .csv: but the rarer format is left out, the first wins */
    expect_split("test", "my-test-set.jsonl");
    expect_split("validation", "x_val.2.jsonl");
    expect_none("dev", "no split 'dev'; there are: train, validation, test");
}

static void names_of_folders(void **state)
{
    (void)state;
    put_named("train/1.txt");
    put_named("train/2.txt");
    put_named("deep/my-test/x.txt");
    put_named("test.txt"); /* folders come first */
    expect_split(NULL, "train/1.txt train/2.txt");
    expect_split("test", "deep/my-test/x.txt");
}

static void no_names(void **state)
{
    (void)state;
    put_named("b.csv");
    put_named("a.csv");
    put_named("picture.png");
    put_named("config.json");
    expect_split(NULL, "a.csv b.csv");
    expect_none("test", "no split 'test'; there are: train");
    clean(NULL);
    put_named("picture.png");
    expect_none(NULL, "no split 'train'; there are: none");
    put_named("data-00000-of-00001.arrow");
    expect_at(OPTIONS(.split = NULL), HOOKE_E_UNSUPPORTED, "is Arrow files (save_to_disk)", __LINE__);
}

static void card(void **state)
{
    (void)state;
    put("README.md",
        "---\nlicense: mit\npretty_name: \"odd: # one\"\ntags: &a\n  - {x\nconfigs:\n- config_name: one\n  "
        "data_files:\n"
        "  - split: train\n    path: \"x/a*\"\n  - split: extra\n    path:\n    - y/b.csv\n    - x/a2.csv\n"
        "- config_name: two\n  data_dir: y\n- config_name: three\n  data_files: \"x/*\"\n---\n# "
        "Card\nconfigs:\n");
    put_named("x/a1.csv");
    put_named("x/a2.csv");
    put_named("y/b.csv");
    put_named("y/test/c.csv");
    expect_at(OPTIONS(.split = NULL), HOOKE_E_ARGUMENT, "several configurations, name one: one, two, three",
              __LINE__);
    expect_at(OPTIONS(.config = "one"), HOOKE_OK, "x/a1.csv x/a2.csv", __LINE__);
    expect_at(OPTIONS(.config = "one", .split = "extra"), HOOKE_OK, "x/a2.csv y/b.csv", __LINE__);
    expect_at(OPTIONS(.config = "one", .split = "test"), HOOKE_E_NOT_FOUND, "there are: train, extra",
              __LINE__);
    expect_at(OPTIONS(.config = "two", .split = "test"), HOOKE_OK, "y/test/c.csv", __LINE__);
    expect_at(OPTIONS(.config = "three"), HOOKE_OK, "x/a1.csv x/a2.csv", __LINE__);
    expect_at(OPTIONS(.config = "none"), HOOKE_E_NOT_FOUND, "no configuration 'none'", __LINE__);
    expect_at(OPTIONS(.files = "**/[bc].csv"), HOOKE_OK, "y/b.csv y/test/c.csv", __LINE__);
    expect_at(OPTIONS(.files = "z*"), HOOKE_E_NOT_FOUND, "no file 'z*'", __LINE__);
}

static void odd_cards(void **state)
{
    (void)state;
    put_named("x/a.csv");
    put_named("y/b.csv");
    put("README.md", "\xEF\xBB\xBF\n---\nconfigs: [{config_name: default, data_files: \"x/*\"}]\n---\n");
    expect_split(NULL, "x/a.csv");
    put("README.md",
        "---\nconfigs:\n- {config_name: default, data_files: [{split: train, path: ./x/*}]}\n---\n");
    expect_split(NULL, "x/a.csv");
    put("README.md", "---\nconfigs:\n- config_name: default\n  data_dir: ./y/\n---\n");
    expect_split(NULL, "y/b.csv");
    put("README.md", "---\nconfigs:\n- config_name: default\n  data_dir: .\n---\n");
    expect_split(NULL, "x/a.csv y/b.csv");
}

static void default_configuration(void **state)
{
    (void)state;
    put("README.md",
        "---\nconfigs:\n- config_name: one\n  data_files: a.csv\n- config_name: two\n  default: true\n"
        "  data_files:\n    train: b.csv\n    test: [a.csv, b.csv]\n---\n");
    put_named("a.csv");
    put_named("b.csv");
    expect_split(NULL, "b.csv");
    expect_split("test", "a.csv b.csv");
    put("README.md",
        "---\nconfigs:\n- config_name: one\n  data_files:\n  - split: train\n    path: gone.csv\n---\n");
    expect_none(NULL, "the files of split 'train' are not here");
    put("README.md", "---\nconfigs: [\n---\n");
    expect_at(OPTIONS(.split = NULL), HOOKE_E_FORMAT, "README.md", __LINE__);
}

static void configurations_as_folders(void **state)
{
    (void)state;
    put_named("en/train.csv");
    put_named("de/train.csv");
    expect_split(NULL, "de/train.csv en/train.csv");
    expect_at(OPTIONS(.config = "en"), HOOKE_OK, "en/train.csv", __LINE__);
    expect_at(OPTIONS(.config = "fr"), HOOKE_E_NOT_FOUND, "no configuration 'fr'", __LINE__);
}

static void hub_cache(void **state)
{
    (void)state;
    hooke_status st;
    hooke_docs *docs;
    const char *text, *commit = "0123456789012345678901234567890123456789", *snapshot;
    size_t n;
    static char path[512];
    snprintf(path, sizeof path, "datasets--org--name/snapshots/%s/data/train-00000-of-00001.csv", commit);
    put(path, "text\nhello\n");
    put("datasets--org--name/refs/main", commit);
    assert_int_equal(setenv("HF_HUB_CACHE", root, 1), 0);
    snapshot = read_all("hf:org/name", NULL, &st);
    assert_string_equal(snapshot, "hello");
    assert_string_equal(read_all("org/name", NULL, &st), "hello");
    assert_string_equal(read_all("hf:datasets/org/name@main", NULL, &st), "hello");
    assert_string_equal(read_all("org/name", OPTIONS(.revision = commit), &st), "hello");
    assert_non_null(strstr(read_all("org/name", OPTIONS(.revision = "v2"), &st), "v2"));
    assert_int_equal(st, HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(read_all("hf:org/other", NULL, &st), "other"));
    assert_int_equal(st, HOOKE_E_NOT_FOUND);
    assert_int_equal(hooke_docs_open(&docs, "hf:org/name", NULL), HOOKE_OK);
    assert_int_equal(hooke_docs_next(docs, &text, &n), HOOKE_OK);
    assert_int_equal(n, 5);
    hooke_docs_close(docs);
    unsetenv("HF_HUB_CACHE");
}

/* ---- order and parts ---- */

enum { N_FILES = 3, N_ROWS = 40 };

static void put_numbers(void)
{
    char name[32], content[1024] = "";
    for (int f = 0; f < N_FILES; f++) {
        size_t at = (size_t)snprintf(content, sizeof content, "text\n");
        for (int i = 0; i < N_ROWS; i++)
            at += (size_t)snprintf(content + at, sizeof content - at, "%d\n", f * 100 + i);
        snprintf(name, sizeof name, "%d.csv", f);
        put(name, content);
    }
}

/* Each row once, marked in `seen`; returns how many. */
static int count_rows(const hooke_rows_options *o, int *seen)
{
    hooke_rows *r;
    bool got = true;
    int64_t v;
    int n = 0;
    assert_int_equal(hooke_rows_open(&r, root, o), HOOKE_OK);
    while (hooke_rows_next(r, &got) == HOOKE_OK && got) {
        char place[32];
        assert_int_equal(hooke_rows_int(r, 0, &v), HOOKE_OK);
        snprintf(place, sizeof place, "%d.csv: line %d", (int)v / 100, (int)v % 100 + 2);
        assert_non_null(strstr(hooke_rows_place(r), place));
        seen[v]++;
        n++;
    }
    hooke_rows_close(r);
    return n;
}

static void shuffled(void **state)
{
    (void)state;
    hooke_status st;
    char first[8192];
    put_numbers();
    for (int64_t buffer = 1; buffer <= 1000; buffer = buffer * 7 + 3) {
        int seen[N_FILES * 100] = { 0 };
        assert_int_equal(count_rows(OPTIONS(.shuffle_rows = buffer, .seed = 5), seen), N_FILES * N_ROWS);
        for (int i = 0; i < N_FILES * 100; i++) assert_int_equal(seen[i], i % 100 < N_ROWS);
        snprintf(first, sizeof first, "%s", read_all(root, OPTIONS(.shuffle_rows = buffer, .seed = 5), &st));
        assert_string_equal(read_all(root, OPTIONS(.shuffle_rows = buffer, .seed = 5), &st), first);
        if (buffer > 1)
            assert_string_not_equal(read_all(root, OPTIONS(.shuffle_rows = buffer, .seed = 6), &st), first);
    }
    /* The stream itself is a promise: the same on any machine. */
    snprintf(first, sizeof first, "%.40s", read_all(root, OPTIONS(.shuffle_rows = 50, .seed = 1), &st));
    assert_string_equal(first, "229 201 222 206 11 225 213 236 13 216 7 ");
}

static void parts(void **state)
{
    (void)state;
    int seen[N_FILES * 100] = { 0 }, again[N_FILES * 100] = { 0 };
    put_numbers();
    int n_test = count_rows(OPTIONS(.part = HOOKE_PART_TEST, .test_frac = 0.25, .seed = 3), seen);
    int n_train = count_rows(OPTIONS(.part = HOOKE_PART_TRAIN, .test_frac = 0.25, .seed = 3), seen);
    assert_int_equal(n_test + n_train, N_FILES * N_ROWS);
    assert_in_range(n_test, 15, 45);
    for (int i = 0; i < N_FILES * 100; i++) assert_int_equal(seen[i], i % 100 < N_ROWS);
    /* Shuffling does not change who is in. */
    memset(seen, 0, sizeof seen);
    count_rows(OPTIONS(.part = HOOKE_PART_TEST, .test_frac = 0.25, .seed = 3), seen);
    count_rows(OPTIONS(.part = HOOKE_PART_TEST, .test_frac = 0.25, .seed = 3, .shuffle_rows = 9), again);
    assert_memory_equal(seen, again, sizeof seen);
    assert_int_equal(count_rows(OPTIONS(.part = HOOKE_PART_TEST, .test_frac = 0.0), again), 0);
    assert_int_equal(count_rows(OPTIONS(.part = HOOKE_PART_TEST, .test_frac = 1.0), again), N_FILES * N_ROWS);
    expect_at(OPTIONS(.part = HOOKE_PART_TEST, .test_frac = 1.5), HOOKE_E_ARGUMENT, "test_frac", __LINE__);
    expect_at(OPTIONS(.part = 7), HOOKE_E_ARGUMENT, "part 7", __LINE__);
    expect_at(OPTIONS(.shuffle_rows = -1), HOOKE_E_ARGUMENT, "shuffle_rows", __LINE__);
}

static void lists_survive_shuffling(void **state)
{
    (void)state;
    hooke_rows *r;
    bool got;
    size_t n, n_bytes;
    const char *text;
    put("a.jsonl", "{\"l\":[\"a\",\"bc\"]}\n{\"l\":[]}\n{\"l\":[\"\",\"x\",\"yz\"]}\n");
    assert_int_equal(hooke_rows_open(&r, root, OPTIONS(.shuffle_rows = 3, .seed = 2)), HOOKE_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hooke_rows_next(r, &got), HOOKE_OK);
        assert_int_equal(hooke_rows_list(r, 0, &n), HOOKE_OK);
        if (n == 0) continue;
        assert_int_equal(hooke_rows_item(r, 0, n - 1, &text, &n_bytes), HOOKE_OK);
        assert_int_equal(n_bytes, 2);
        assert_memory_equal(text, n == 2 ? "bc" : "yz", 2);
    }
    hooke_rows_close(r);
}

static void classes(void **state)
{
    (void)state;
    hooke_rows *r;
    put("README.md",
        "---\ndataset_info:\n  features:\n  - name: text\n    dtype: string\n  - name: label\n    dtype:\n   "
        "   class_label:\n"
        "        names:\n          '0': World\n          '1': \"Sports\"\n          '2': 3\n---\n");
    put("train.csv", "text,label\nx,1\n");
    assert_int_equal(hooke_rows_open(&r, root, NULL), HOOKE_OK);
    assert_string_equal(hooke_rows_class_name(r, 1, 0), "World");
    assert_string_equal(hooke_rows_class_name(r, 1, 1), "Sports");
    assert_string_equal(hooke_rows_class_name(r, 1, 2), "3");
    assert_null(hooke_rows_class_name(r, 1, 3));
    assert_null(hooke_rows_class_name(r, 1, -1));
    assert_null(hooke_rows_class_name(r, 0, 0));
    assert_null(hooke_rows_class_name(r, 2, 0));
    hooke_rows_close(r);
    assert_int_equal(hooke_rows_open(&r, "tests/golden/parquet/classes.parquet", NULL), HOOKE_OK);
    assert_string_equal(hooke_rows_class_name(r, 0, 1), "good");
    assert_null(hooke_rows_class_name(r, 1, 0));
    hooke_rows_close(r);
}

static void sections_of_cards(void **state)
{
    (void)state;
    const char *begin;
    size_t n;
    static const char text[] = "---\r\na: 1\nab:\n- x\n\n# y\n  z\nb: 2\n---\nc: 3\n";
    assert_true(card_section(text, sizeof text - 1, "ab", &begin, &n));
    assert_int_equal(n, strlen("ab:\n- x\n\n# y\n  z\n"));
    assert_memory_equal(begin, "ab:", 3);
    assert_true(card_section(text, sizeof text - 1, "b", &begin, &n));
    assert_int_equal(n, 5);
    assert_false(card_section(text, sizeof text - 1, "c", &begin, &n));
    assert_false(card_section(text, sizeof text - 1, "z", &begin, &n));
    assert_false(card_section("x\n", 2, "x", &begin, &n));
    assert_false(card_section("---\nx: 1", 8, "x", &begin, &n)); /* no end */
    assert_false(card_section("", 0, "x", &begin, &n));
}

static void lost_memory(void **state)
{
    (void)state;
    put("README.md", "---\nconfigs:\n- config_name: one\n  data_files: \"*.csv\"\ndataset_info:\n  "
                     "features:\n  - name: text\n---\n");
    put_named("a.csv");
    put_named("b.csv");
    long at = 1;
    for (;; at++) {
        hooke_status st;
        mem_fail_at(at);
        read_all(root, OPTIONS(.shuffle_rows = 2), &st);
        mem_fail_at(0);
        if (st == HOOKE_OK) break;
        assert_int_equal(st, HOOKE_E_MEMORY);
    }
    assert_true(at > 20);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, prepare, clean)
    const struct CMUnitTest tests[] = {
        TEST(numbered_files),
        TEST(names_of_files),
        TEST(names_of_folders),
        TEST(no_names),
        TEST(card),
        TEST(odd_cards),
        TEST(default_configuration),
        TEST(configurations_as_folders),
        TEST(hub_cache),
        TEST(shuffled),
        TEST(parts),
        TEST(lists_survive_shuffling),
        TEST(classes),
        TEST(sections_of_cards),
        TEST(lost_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
