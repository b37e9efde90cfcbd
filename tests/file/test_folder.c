/* Files below a folder, and glob patterns. */
#include "check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "file/bytes.h"
#include "file/folder.h"

static void patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool fits;
    } cases[] = {
        { "a.csv", "a.csv", true },
        { "a.csv", "b.csv", false },
        { "*.csv", "a.csv", true },
        { "*.csv", "d/a.csv", false },
        { "d/*.csv", "d/a.csv", true },
        { "d/train-*", "d/train-00000-of-00002.parquet", true },
        { "d/train-*", "d/e/train-0", false },
        { "**", "a/b/c", true },
        { "**/*.csv", "a.csv", true },
        { "**/*.csv", "a/b/c.csv", true },
        { "**/train/**", "train/a", true },
        { "**/train/**", "x/train/a/b", true },
        { "**/train/**", "xtrain/a", false },
        { "**/train[-._ 0-9]*", "x/train.csv", true },
        { "**/train[-._ 0-9]*", "training.csv", false },
        { "**/*[-._ 0-9]train[-._ 0-9]*", "d/my-train-1.csv", true },
        { "**/*[-._ 0-9]train[-._ 0-9]*", "d/mytrain-1.csv", false },
        { "a?c", "abc", true },
        { "a?c", "a/c", false },
        { "[!a]b", "cb", true },
        { "[!a]b", "ab", false },
        { "[]x]", "]", true },
        { "[a", "[a", false },
        { "*a*b*c", "xxaxxbxxcxxc", true },
        { "*a*b*c", "xxaxxbxxcxxd", false },
        { "a/**", "a", false },
        { "", "", true },
        { "*", "", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (path_matches(cases[i].pattern, cases[i].path) != cases[i].fits)
            print_message("%s %s\n", cases[i].pattern, cases[i].path);
        assert_int_equal(path_matches(cases[i].pattern, cases[i].path), cases[i].fits);
    }
}

/* Stars that all fit everywhere: time must stay a product, not a power. */
static void patterns_do_not_explode(void **state)
{
    (void)state;
    char pattern[201], path[2001];
    for (int i = 0; i < 200; i++) pattern[i] = "*a"[i % 2];
    pattern[199] = 'b';
    pattern[200] = '\0';
    memset(path, 'a', 2000);
    path[2000] = '\0';
    assert_false(path_matches(pattern, path));
    for (int i = 0; i < 198; i += 3) memcpy(pattern + i, "**a", 3);
    pattern[198] = 'b';
    pattern[199] = '\0';
    assert_false(path_matches(pattern, path));
}

static void write_file(const char *path)
{
    assert_int_equal(hooke_write_file(path, "x", 1), HOOKE_OK);
}

static void listing(void **state)
{
    (void)state;
    struct folder f;
    char root[128], path[256];
    snprintf(root, sizeof root, "build/test_folder.%ld", (long)getpid());
    static const char *const files[] = { "b.csv", "a/c", "a/B", ".hidden" };
    snprintf(path, sizeof path, "%s/a", root);
    assert_int_equal(make_folders(path), HOOKE_OK);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", root, files[i]);
        write_file(path);
    }
    snprintf(path, sizeof path, "%s/link", root);
    assert_int_equal(symlink("b.csv", path), 0);
    snprintf(path, sizeof path, "%s/dead", root);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_int_equal(folder_list(&f, root), HOOKE_OK);
    assert_int_equal(f.n, 4);
    assert_string_equal(f.paths[0], "a/B");
    assert_string_equal(f.paths[1], "a/c");
    assert_string_equal(f.paths[2], "b.csv");
    assert_string_equal(f.paths[3], "link");
    folder_release(&f);
    snprintf(path, sizeof path, "%s/loop", root);
    assert_int_equal(symlink(".", path), 0); /* a folder within itself */
    snprintf(path, sizeof path, "%s/a/up", root);
    assert_int_equal(symlink("..", path), 0);
    assert_int_equal(folder_list(&f, root), HOOKE_OK);
    assert_int_equal(f.n, 4);
    folder_release(&f);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(folder_list(&f, "build/nothing"), HOOKE_E_NOT_FOUND);
    static const char *const all[] = { "loop", "dead", "link", ".hidden", "a/B", "a/c", "b.csv", "a" };
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "%s/%s", root, all[i]);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(remove(root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(patterns), cmocka_unit_test(patterns_do_not_explode),
                                        cmocka_unit_test(listing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
