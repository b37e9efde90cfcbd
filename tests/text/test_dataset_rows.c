/* Rows of data sets: the micro world's stand-ins hold what each evaluation takes from them; copies elsewhere are found and read. */
#include "text/dataset.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "check.h"
#include "file/bytes.h"
#include "file/json.h"
#include "remove_tree.h"

#define stop(line, ...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, line))

static hooke_dataset_rows *open_at(const char *name, const char *split, const char *where, int line)
{
    hooke_dataset_rows *rows;
    if (hooke_dataset_open(&rows, name, split, where)) stop(line, "%s", hooke_error());
    return rows;
}
#define OPEN(name, split, where) open_at(name, split, where, __LINE__)

static bool next(hooke_dataset_rows *rows, hooke_dataset_row *row)
{
    bool got;
    if (hooke_dataset_next(rows, row, &got)) stop(__LINE__, "%s", hooke_error());
    return got;
}

static const hooke_dataset_info *set(const char *name)
{
    const hooke_dataset_info *info;
    assert_int_equal(hooke_dataset_find(&info, name), HOOKE_OK);
    return info;
}

static int index_of(const hooke_label *labels, int n, const char *key)
{
    for (int i = 0; i < n; i++)
        if (strcmp(labels[i].key, key) == 0) return i;
    return -1;
}

/* ---- the micro world is large enough ---- */

enum { MOST_LABELS = 40 };
struct counts {
    int n, by_label[MOST_LABELS], by_group[2], both[MOST_LABELS][2];
};

static struct counts count(const hooke_dataset_info *d, const char *split)
{
    struct counts c = { 0 };
    hooke_dataset_row row;
    hooke_dataset_rows *rows = OPEN(d->name, split, "micro");
    while (next(rows, &row)) {
        int label = index_of(d->labels, d->n_labels, row.label),
            group = index_of(d->groups, d->n_groups, row.group);
        assert_true(row.n_bytes > 0);
        c.n++;
        if (label >= 0) c.by_label[label]++;
        if (group >= 0) c.by_group[group]++;
        if (label >= 0 && group >= 0) c.both[label][group]++;
    }
    hooke_dataset_close(rows);
    return c;
}

/* Balanced: so many of each class and group. Else by class, or by group where the group is the class. */
static void expect_enough(const hooke_problem_set *p, const char *split, int per_class)
{
    const hooke_dataset_info *d = set(p->dataset);
    struct counts c = count(d, split);
    bool by_group = p->class_column[0] && strcmp(p->class_column, d->group_column) == 0;
    for (int i = 0; i < p->n_classes; i++) {
        int label = index_of(d->labels, d->n_labels, p->classes[i].key);
        int found =
            by_group ? c.by_group[index_of(d->groups, d->n_groups, p->classes[i].key)] : c.by_label[label];
        if (p->balance_column[0])
            found = 2 * (c.both[label][0] < c.both[label][1] ? c.both[label][0] : c.both[label][1]);
        if (found < per_class)
            stop(__LINE__, "%s, %s, class %s: %d texts of %d", p->name, split, p->classes[i].key, found,
                 per_class);
    }
}

static void sparse_probing_and_tpp_have_enough(void **state)
{
    (void)state;
    const hooke_problem_set *p;
    for (int i = 0; (p = hooke_problem_set_get(i)) != NULL; i++) {
        const hooke_dataset_info *d = set(p->dataset);
        if (strcmp(d->name, "Helsinki-NLP/europarl") == 0) continue; /* below */
        if (hooke_dataset_get_split(d, "test")) {
            expect_enough(p, "train", p->n_train);
            expect_enough(p, "test", p->n_test);
        } else {
            expect_enough(p, "train", p->n_train + p->n_test + 1);
        }
    }
    for (int i = 0; i < set("europarl")->n_splits; i++)
        assert_true(count(set("europarl"), set("europarl")->splits[i].name).n > 2500);
}

/* Four quadrants of at least q texts; more than 2q in the two that go together (q: 1,000 to train, 250 to test). */
static void scr_has_enough(void **state)
{
    (void)state;
    const hooke_scr_pair *p;
    for (int i = 0; (p = hooke_scr_pair_get(i)) != NULL; i++)
        for (int test = 0; test < 2; test++) {
            const hooke_dataset_info *d = set(p->dataset);
            struct counts c = count(d, test ? "test" : "train");
            int positive = index_of(d->labels, d->n_labels, p->positive.key), q = test ? 250 : 1000;
            int negative = index_of(d->labels, d->n_labels, p->negative.key);
            assert_true(c.both[positive][0] > 2 * q && c.both[negative][1] > 2 * q);
            assert_true(c.both[positive][1] >= q && c.both[negative][0] >= q);
        }
}

static void code_is_long_enough(void **state)
{
    (void)state;
    hooke_dataset_row row;
    hooke_dataset_rows *rows = OPEN("github-code", NULL, "micro");
    while (next(rows, &row)) assert_true(row.n_bytes > 384 + 150);
    hooke_dataset_close(rows);
}

static void texts_and_questions(void **state)
{
    (void)state;
    static const struct {
        const char *name, *split;
        int n;
    } expected[] = {
        { "openwebtext", "train", 3089 },
        { "bio-forget-corpus", "train", 500 },
        { "wikitext", "test", 800 },
        { "wmdp-bio", "test", 60 },
        { "mmlu", "college_computer_science", 20 },
        { "mmlu", "high_school_us_history", 20 },
        { "mmlu", "high_school_geography", 20 },
        { "alpaca_eval", "eval", 12 },
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        hooke_dataset_rows *rows = OPEN(expected[i].name, expected[i].split, "micro");
        bool is_quiz = strcmp(set(expected[i].name)->kind, "choices") == 0;
        hooke_dataset_row row;
        int n = 0;
        for (; next(rows, &row); n++) {
            assert_true(row.n_bytes > 0 && row.n_choices == (is_quiz ? 4 : 0));
            assert_true(!is_quiz || (row.label[0] >= '0' && row.label[0] <= '3' && row.label[1] == '\0'));
        }
        if (n != expected[i].n) stop(__LINE__, "%s: %d rows of %d", expected[i].name, n, expected[i].n);
        hooke_dataset_close(rows);
    }
}

/* AxBench: negatives that all concepts share, 72 positives a concept to train; 36, 36 and 4 hard ones to test. */
static void concepts_of_axbench(void **state)
{
    (void)state;
    hooke_dataset_row row;
    int train[2] = { 0 }, test[3] = { 0 };
    hooke_dataset_rows *rows = OPEN("axbench", "2b/l20/train", "micro");
    while (next(rows, &row)) {
        bool positive = strcmp(row.label, "positive") == 0;
        assert_true(positive || strcmp(row.label, "negative") == 0);
        assert_int_equal(strcmp(row.group, "-1") == 0, !positive);
        train[positive]++;
    }
    hooke_dataset_close(rows);
    rows = OPEN("axbench", "2b/l20/test", "micro");
    while (next(rows, &row)) {
        static const char *const kinds[] = { "positive", "negative", "hard negative" };
        int kind = 0;
        while (strcmp(row.label, kinds[kind]) != 0) assert_true(++kind < 3);
        test[kind]++;
    }
    hooke_dataset_close(rows);
    assert_true(train[0] == 216 && train[1] == 720 && test[0] == 360 && test[1] == 360 && test[2] == 40);
}

/* ---- real files ---- */

static void ag_news_as_its_authors_wrote_it(void **state)
{
    (void)state;
    const char *path = "../shared/data/ag_news/test.csv.gz", *names[] = { "title", "description", "class" };
    if (access(path, R_OK) != 0) {
        printf("skip: %s is absent\n", path);
        skip();
    }
    hooke_rows *rows;
    hooke_rows_options o = { .size = sizeof o, .columns = names, .n_columns = 3 };
    assert_int_equal(hooke_rows_open(&rows, path, &o), HOOKE_OK);
    int by_label[4] = { 0 }, n = 0;
    bool got;
    for (; hooke_rows_next(rows, &got) == HOOKE_OK && got; n++) {
        const hooke_value *v = hooke_rows_value(rows, 2);
        for (int i = 0; i < 4; i++)
            by_label[i] += v->n_bytes == strlen(news_topics[i].name) &&
                           memcmp(v->text, news_topics[i].name, v->n_bytes) == 0;
    }
    hooke_rows_close(rows);
    assert_int_equal(n, set("ag_news")->splits[1].n_rows);
    for (int i = 0; i < 4; i++) assert_int_equal(by_label[i], 1900); /* 500 are drawn */
}

/* Members of an object of a file. */
static int n_members(const char *folder, const char *file, const char *member)
{
    struct arena a = { 0 };
    const struct json *v;
    hooke_text path = { 0 };
    text_printf(&path, "%s/%s", folder, file);
    if (json_read(&v, &a, path.data, 1 << 26, 0)) stop(__LINE__, "%s", hooke_error());
    if (member) v = json_get(v, member);
    assert_non_null(v);
    int n = (int)v->as.list.n;
    arena_release(&a);
    hooke_text_release(&path);
    return n;
}

static void ravel_as_released(void **state)
{
    (void)state;
    const char *tar = "../shared/data/ravel/ravel.tgz";
    if (access(tar, R_OK) != 0) {
        printf("skip: %s is absent\n", tar);
        skip();
    }
    char command[256], folder[64];
    snprintf(folder, sizeof folder, "build/test_ravel.%ld", (long)getpid());
    snprintf(command, sizeof command, "mkdir -p %s && tar xzf %s -C %s", folder, tar, folder);
    FILE *unpacking = popen(command, "r");
    assert_non_null(unpacking);
    assert_int_equal(pclose(unpacking), 0);
    snprintf(folder, sizeof folder, "build/test_ravel.%ld/data", (long)getpid());
    assert_int_equal(n_members(folder, "ravel_city_entity_attributes.json", NULL), 3552);
    assert_int_equal(n_members(folder, "ravel_city_attribute_to_prompts.json", "Country"), 46);
    assert_int_equal(n_members(folder, "ravel_city_attribute_to_prompts.json", "Continent"), 43);
    assert_int_equal(n_members(folder, "ravel_city_attribute_to_prompts.json", "Language"), 44);
    assert_int_equal(n_members(folder, "ravel_nobel_prize_winner_entity_attributes.json", NULL), 928);
    assert_int_equal(n_members(folder, "ravel_nobel_prize_winner_attribute_to_prompts.json", "Field"), 64);
    static const char *const parts[] = { "entity_attributes", "attribute_to_prompts", "prompt_to_split",
                                         "entity_to_split" };
    for (int i = 0; i < set("ravel")->n_splits; i++) /* each entity type of the table has its four files */
        for (int p = 0; p < 4; p++) {
            char file[128];
            snprintf(file, sizeof file, "ravel_%s_%s.json", set("ravel")->splits[i].name, parts[p]);
            assert_true(n_members(folder, file, NULL) > 0);
        }
    snprintf(folder, sizeof folder, "build/test_ravel.%ld", (long)getpid());
    remove_tree(folder);
}

static void ravel_of_the_micro_world(void **state)
{
    (void)state;
    hooke_text folder = { 0 };
    assert_int_equal(hooke_asset(&folder, set("ravel")->splits[0].micro), HOOKE_OK);
    assert_int_equal(n_members(folder.data, "ravel_city_entity_attributes.json", NULL), 62);
    assert_int_equal(n_members(folder.data, "ravel_nobel_prize_winner_entity_attributes.json", NULL), 60);
    assert_int_equal(n_members(folder.data, "ravel_physical_object_entity_attributes.json", NULL), 40);
    assert_true(n_members(folder.data, "ravel_city_attribute_to_prompts.json", "Country") > 0);
    hooke_text_release(&folder);
}

/* ---- copies elsewhere ---- */

static char desk[64];

static int begin(void **state)
{
    (void)state;
    snprintf(desk, sizeof desk, "build/test_sets.%ld", (long)getpid());
    return make_folders(desk) != HOOKE_OK;
}

static int end(void **state)
{
    (void)state;
    remove_tree(desk);
    return 0;
}

static const char *put_n(const char *name, const char *bytes, size_t n)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", desk, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(make_folders(path), HOOKE_OK);
    *slash = '/';
    assert_int_equal(hooke_write_file(path, bytes, n), HOOKE_OK);
    return path;
}
#define put(name, bytes) put_n(name, bytes, strlen(bytes))

static void expect_row(hooke_dataset_rows *rows, const char *text, const char *label, const char *group,
                       int line)
{
    hooke_dataset_row row;
    if (!next(rows, &row)) stop(line, "no row");
    if (strlen(text) != row.n_bytes || memcmp(row.text, text, row.n_bytes) != 0 ||
        strcmp(row.label, label) != 0 || strcmp(row.group, group) != 0)
        stop(line, "expected '%s' %s %s, found '%.*s' %s %s", text, label, group, (int)row.n_bytes, row.text,
             row.label, row.group);
}
#define ROW(rows, text, label, group) expect_row(rows, text, label, group, __LINE__)

static void one_file_by_its_name(void **state)
{
    (void)state;
    hooke_dataset_rows *rows = OPEN("amazon_reviews", "test",
                                    put("any.jsonl", "{\"text\":\"good\",\"category\":24,\"rating\":5.0}\n"
                                                     "{\"rating\":1.0,\"text\":\"bad\",\"category\":26}\n"));
    ROW(rows, "good", "24", "5.0");
    ROW(rows, "bad", "26", "1.0");
    hooke_dataset_close(rows);
}

static void the_first_column_that_is_there(void **state)
{
    (void)state;
    hooke_dataset_rows *rows = OPEN("github-code", "train",
                                    put("code.jsonl", "{\"content\":\"int x;\",\"path\":\"a/b.h\"}\n"
                                                      "{\"content\":\"x = 1\",\"path\":\"b.py\"}\n"
                                                      "{\"content\":\"fn x\",\"path\":\"b.rs\"}\n"));
    ROW(rows, "int x;", "C", "");
    ROW(rows, "x = 1", "Python", "");
    ROW(rows, "fn x", "", "");
    hooke_dataset_close(rows);
    rows = OPEN("github-code", "train",
                put("code.jsonl", "{\"code\":\"<?php\",\"language\":\"PHP\"}\n"
                                  "{\"code\":\"go\",\"language\":\"GO\"}\n"));
    ROW(rows, "<?php", "PHP", "");
    ROW(rows, "go", "GO", "");
    hooke_dataset_close(rows);
}

static void members_of_groups(void **state)
{
    (void)state;
    hooke_dataset_row row;
    bool got;
    hooke_dataset_rows *rows = OPEN("europarl", "fr", "tests/golden/text/records.parquet");
    ROW(rows, "un", "fr", "");
    ROW(rows, "deux", "fr", "");
    assert_int_equal(hooke_dataset_next(rows, &row, &got), HOOKE_E_FORMAT); /* a null is no text */
    hooke_dataset_close(rows);
    rows = OPEN("europarl", "en", put("pair.jsonl", "{\"translation\":{\"en\":\"yes\",\"fr\":\"oui\"}}\n"));
    ROW(rows, "yes", "en", "");
    hooke_dataset_close(rows);
}

/* Every value of records.parquet, nulls as ".". */
static void records_of_parquet(void **state)
{
    (void)state;
    static const char *const names[] = { "translation.en", "deep.c", "n", "translation.fr" };
    static const char *const refused[] = { "translation", "deep.a", "deep.a.b", "n.x", "translation.de" };
    hooke_rows *rows;
    hooke_rows_options o = { .size = sizeof o, .columns = names, .n_columns = 4 };
    hooke_text found = { 0 };
    bool got;
    assert_int_equal(hooke_rows_open(&rows, "tests/golden/text/records.parquet", &o), HOOKE_OK);
    while (hooke_rows_next(rows, &got) == HOOKE_OK && got) {
        for (int i = 0; i < 4; i++) {
            const hooke_value *v = hooke_rows_value(rows, i);
            if (v->kind == HOOKE_VALUE_NULL) text_puts(&found, ".");
            if (v->kind == HOOKE_VALUE_INT) text_printf(&found, "%d", (int)v->integer);
            if (v->kind == HOOKE_VALUE_TEXT) text_append(&found, v->text, v->n_bytes);
            text_puts(&found, i < 3 ? "," : " ");
        }
    }
    assert_string_equal(found.data, "one,5,1,un .,6,2,deux .,.,3,. four,.,4, ");
    hooke_rows_close(rows);
    hooke_text_release(&found);
    o.n_columns = 1;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        o.columns = &refused[i];
        assert_int_not_equal(hooke_rows_open(&rows, "tests/golden/text/records.parquet", &o), HOOKE_OK);
    }
}

static void a_folder_by_the_table_s_pattern(void **state)
{
    (void)state;
    char packed[256], folder[128];
    const char *csv = "prompt,prompt_len,target\nbuy now,2,1\nhello,1,0\n";
    size_t n = ZSTD_compress(packed, sizeof packed, csv, strlen(csv), 3);
    assert_false(ZSTD_isError(n));
    put_n("probes/cleaned_data/96_spam_is.csv.zst", packed, n);
    snprintf(folder, sizeof folder, "%s/probes", desk);
    hooke_dataset_rows *rows = OPEN("sae-probes", "96_spam_is", folder);
    ROW(rows, "buy now", "1", "");
    ROW(rows, "hello", "0", "");
    hooke_dataset_close(rows);
    assert_int_not_equal(hooke_dataset_open(&rows, "sae-probes", "94_ai_gen", folder), HOOKE_OK);
}

static void the_hub_s_cache(void **state)
{
    (void)state;
    const char *commit = "0123456789012345678901234567890123456789";
    char file[256], cache[128];
    snprintf(cache, sizeof cache, "%s/hub", desk);
    assert_int_equal(setenv("HF_HUB_CACHE", cache, 1), 0);
    put("hub/datasets--LabHC--bias_in_bios/refs/main", commit);
    snprintf(file, sizeof file,
             "hub/datasets--LabHC--bias_in_bios/snapshots/%s/data/test-00000-of-00002.jsonl", commit);
    put(file, "{\"hard_text\":\"He cures.\",\"profession\":19,\"gender\":0}\n");
    hooke_dataset_rows *rows;
    assert_int_not_equal(hooke_dataset_open(&rows, "bias_in_bios", "test", NULL),
                         HOOKE_OK); /* parquet is asked for */
    assert_int_equal(hooke_dataset_open(&rows, "ag_news", "test", "hub"), HOOKE_E_NOT_FOUND);
    assert_int_equal(hooke_dataset_open(&rows, "bio-forget-corpus", NULL, "hub"), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "https://huggingface.co/datasets/cais/wmdp-bio-forget-corpus"));
    assert_int_equal(hooke_dataset_open(&rows, "sae-probes", "94_ai_gen", NULL), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "https://github.com/sae-probes/sae-probes"));
    put("hub/datasets--Helsinki-NLP--europarl/refs/main", commit);
    hooke_text bytes = { 0 };
    assert_int_equal(file_read(&bytes, "tests/golden/text/records.parquet", 1 << 20), HOOKE_OK);
    snprintf(file, sizeof file,
             "hub/datasets--Helsinki-NLP--europarl/snapshots/%s/en-fr/train-00000-of-00001.parquet", commit);
    put_n(file, bytes.data, bytes.n);
    hooke_text_release(&bytes);
    rows = OPEN("europarl", "en", NULL);
    ROW(rows, "one", "en", "");
    hooke_dataset_close(rows);
    unsetenv("HF_HUB_CACHE");
}

static void refuse(const char *name, const char *split, const char *where, hooke_status st, const char *word)
{
    hooke_dataset_rows *rows;
    hooke_dataset_row row;
    bool got;
    hooke_status found = hooke_dataset_open(&rows, name, split, where);
    if (!found) found = hooke_dataset_next(rows, &row, &got);
    assert_int_equal(found, st);
    if (!strstr(hooke_error(), word)) stop(__LINE__, "expected '%s' in '%s'", word, hooke_error());
    hooke_dataset_close(rows);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    refuse("no_such_set", NULL, NULL, HOOKE_E_NOT_FOUND, "nearest");
    refuse("ravel", "city", "micro", HOOKE_E_UNSUPPORTED, "'entities'");
    refuse("first_letter", NULL, "micro", HOOKE_E_UNSUPPORTED, "'vocabulary'");
    refuse("ag_news", "dev", "micro", HOOKE_E_NOT_FOUND, "'train'");
    refuse("bias_in_bios", "dev", "micro", HOOKE_E_NOT_FOUND, "stand-in");
    refuse("ag_news", "test", "build/no/such/folder", HOOKE_E_NOT_FOUND, "no such file");
    refuse("ag_news", "test", put("a.jsonl", "{\"text\":\"x\",\"label\":7}\n"), HOOKE_E_FORMAT,
           "'7' is none of the 4");
    refuse("ag_news", "test", put("a.jsonl", "{\"text\":\"x\",\"label\":[1]}\n"), HOOKE_E_FORMAT, "no label");
    refuse("ag_news", "test", put("a.jsonl", "{\"text\":1,\"label\":1}\n"), HOOKE_E_FORMAT,
           "'text' is not a string");
    refuse("ag_news", "test", put("a.csv", "title,label\nx,1\n"), HOOKE_E_FORMAT, "no column 'text'");
    refuse("mmlu", "human_aging",
           put("a.jsonl", "{\"question\":\"q\",\"choices\":[\"a\"],\"answer\":0,\"subject\":\"s\"}\n"),
           HOOKE_E_FORMAT, "expected 4 choices");
    refuse("mmlu", "human_aging",
           put("a.jsonl",
               "{\"question\":\"q\",\"choices\":[\"a\",\"b\",1,\"d\"],\"answer\":0,\"subject\":\"s\"}\n"),
           HOOKE_E_FORMAT, "choice 2");
    hooke_dataset_close(NULL);
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s", put("m.jsonl", "{\"content\":\"x = 1\",\"path\":\"b.py\"}\n"));
    hooke_status st = HOOKE_E_MEMORY;
    for (long at = 1; st == HOOKE_E_MEMORY; at++) {
        hooke_dataset_rows *rows;
        hooke_dataset_row row;
        bool got = false;
        mem_fail_at(at);
        st = hooke_dataset_open(&rows, "github-code", "train", path);
        if (!st) st = hooke_dataset_next(rows, &row, &got);
        mem_fail_at(0);
        if (st != HOOKE_OK && st != HOOKE_E_MEMORY) stop(__LINE__, "allocation %ld: %s", at, hooke_error());
        assert_true(st != HOOKE_OK || (got && strcmp(row.label, "Python") == 0));
        hooke_dataset_close(rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sparse_probing_and_tpp_have_enough),
        cmocka_unit_test(scr_has_enough),
        cmocka_unit_test(code_is_long_enough),
        cmocka_unit_test(texts_and_questions),
        cmocka_unit_test(concepts_of_axbench),
        cmocka_unit_test(ag_news_as_its_authors_wrote_it),
        cmocka_unit_test(ravel_as_released),
        cmocka_unit_test(ravel_of_the_micro_world),
        cmocka_unit_test(one_file_by_its_name),
        cmocka_unit_test(the_first_column_that_is_there),
        cmocka_unit_test(members_of_groups),
        cmocka_unit_test(records_of_parquet),
        cmocka_unit_test(a_folder_by_the_table_s_pattern),
        cmocka_unit_test(the_hub_s_cache),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
