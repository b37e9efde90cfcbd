/* bytes.h: mappings, whole files, files that appear whole or not at all. */
#include "check.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/bytes.h"

#define HERE "build/tmp/bytes/"

static int count_entries(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2; /* . and .. */
}

static void assert_holds(const char *path, const char *text)
{
    hooke_text t = { 0 };
    assert_int_equal(file_read(&t, path, 1 << 20), HOOKE_OK);
    assert_int_equal(t.n, strlen(text));
    assert_string_equal(t.data, text);
    hooke_text_release(&t);
}

static void a_written_file_reads_back(void **state)
{
    struct mapped_file m;
    (void)state;
    assert_int_equal(make_folders(HERE "a/b/c/"), HOOKE_OK);
    assert_true(is_folder(HERE "a/b/c"));
    assert_int_equal(hooke_write_file(HERE "a/x", "hello", 5), HOOKE_OK);
    assert_true(file_exists(HERE "a/x") && !is_folder(HERE "a/x") && !file_exists(HERE "a/b"));
    assert_holds(HERE "a/x", "hello");
    assert_int_equal(map_open(&m, HERE "a/x"), HOOKE_OK);
    assert_int_equal(m.n, 5);
    assert_memory_equal(m.data, "hello", 5);
    assert_string_equal(m.path, HERE "a/x");
    map_will_need(&m, 0, 5);
    map_will_need(&m, 3, SIZE_MAX);
    map_drop(&m, 0, 5);
    map_drop(&m, 9, 1);
    assert_memory_equal(m.data, "hello", 5);
    assert_int_equal(hooke_write_file(HERE "a/x", "other", 5),
                     HOOKE_OK); /* a new file: the mapping keeps the old one */
    assert_memory_equal(m.data, "hello", 5);
    map_close(&m);
    assert_holds(HERE "a/x", "other");
    assert_int_equal(hooke_write_file(HERE "a/x", NULL, 0), HOOKE_OK);
    assert_int_equal(map_open(&m, HERE "a/x"), HOOKE_OK);
    assert_true(m.n == 0 && !m.data);
    map_close(&m);
    map_close(&m);
}

static void what_cannot_be_read_says_so(void **state)
{
    struct mapped_file m;
    hooke_text t = { 0 };
    (void)state;
    assert_int_equal(make_folders(HERE), HOOKE_OK);
    assert_int_equal(map_open(&m, HERE "absent"), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "absent"));
    assert_int_equal(map_open(&m, HERE), HOOKE_E_FORMAT);
    assert_int_equal(map_open(&m, "/dev/null"), HOOKE_E_FORMAT);
    assert_int_equal(file_read(&t, HERE, 10), HOOKE_E_FORMAT);
    assert_int_equal(hooke_write_file(HERE "ten", "0123456789", 10), HOOKE_OK);
    assert_int_equal(file_read(&t, HERE "ten", 9), HOOKE_E_UNSUPPORTED);
    assert_null(t.data);
    assert_int_equal(file_read(&t, HERE "ten", 10), HOOKE_OK);
    assert_int_equal(file_read(&t, "/proc/self/status", 1 << 20), HOOKE_OK); /* fstat says 0 bytes */
    assert_true(t.n > 100);
    assert_int_equal(file_read(&t, "/proc/self/status", 20), HOOKE_E_UNSUPPORTED);
    assert_int_equal(file_read(&t, "/dev/zero", 1000), HOOKE_E_UNSUPPORTED);
    hooke_text_release(&t);
}

static void an_abandoned_file_leaves_no_trace(void **state)
{
    struct new_file f;
    (void)state;
    assert_int_equal(make_folders(HERE "n"), HOOKE_OK);
    assert_int_equal(hooke_write_file(HERE "n/x", "old", 3), HOOKE_OK);
    assert_int_equal(new_file_open(&f, HERE "n/x"), HOOKE_OK);
    assert_int_equal(new_file_write(&f, "new", 3), HOOKE_OK);
    assert_int_equal(f.n_written, 3);
    assert_int_equal(count_entries(HERE "n"), 2);
    assert_holds(HERE "n/x", "old");
    new_file_abandon(&f);
    new_file_abandon(&f);
    assert_int_equal(count_entries(HERE "n"), 1);
    assert_holds(HERE "n/x", "old");
    assert_int_equal(new_file_commit(&f), HOOKE_E_INTERNAL);
}

static void what_cannot_be_written_says_so(void **state)
{
    struct new_file f;
    (void)state;
    assert_int_equal(make_folders(HERE "w"), HOOKE_OK);
    assert_int_equal(new_file_open(&f, ""), HOOKE_E_ARGUMENT);
    assert_int_equal(new_file_open(&f, HERE "w"), HOOKE_E_ARGUMENT);
    assert_int_equal(new_file_open(&f, "/dev/null"),
                     HOOKE_E_ARGUMENT); /* a rename would replace the device */
    assert_int_equal(new_file_open(&f, HERE "absent/x"), HOOKE_E_IO);
    assert_int_equal(hooke_write_file(NULL, "x", 1), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_write_file(HERE "w/x", "x", 1), HOOKE_OK);
    assert_int_equal(make_folders(HERE "w/x/y"), HOOKE_E_IO);
    assert_int_equal(symlink("nowhere", HERE "w/link"), 0);
    assert_int_equal(make_folders(HERE "w/link"), HOOKE_E_IO);
    assert_non_null(strstr(hooke_error(), "File exists")); /* mkdir's reason */
    unlink(HERE "w/link");
    for (long at = 1;; at++) {
        mem_fail_at(at);
        hooke_status st = hooke_write_file(HERE "w/x", "more", 4);
        mem_fail_at(0);
        assert_int_equal(count_entries(HERE "w"), 1);
        if (st == HOOKE_OK) break;
        assert_int_equal(st, HOOKE_E_MEMORY);
        assert_holds(HERE "w/x", "x");
    }
    /* past the last allocation that matters only the folder's name is left, which is for fsync alone */
    assert_holds(HERE "w/x", "more");
}

static void a_symbolic_link_stays_one(void **state)
{
    struct stat info;
    (void)state;
    assert_int_equal(make_folders(HERE "links/far"), HOOKE_OK);
    assert_int_equal(hooke_write_file(HERE "links/far/target", "old", 3), HOOKE_OK);
    remove(HERE "links/link");
    assert_int_equal(symlink("far/target", HERE "links/link"), 0);
    assert_int_equal(hooke_write_file(HERE "links/link", "new", 3), HOOKE_OK);
    assert_holds(HERE "links/far/target", "new");
    assert_int_equal(lstat(HERE "links/link", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(count_entries(HERE "links"), 2);
    assert_int_equal(count_entries(HERE "links/far"), 1);
}

/* What the hub's cache holds is named after its content. */
static void downloaded_files_are_not_written_to(void **state)
{
    (void)state;
    assert_int_equal(make_folders(HERE "cache/models--a--b/blobs"), HOOKE_OK);
    assert_int_equal(make_folders(HERE "cache/models--a--b/snapshots/c"), HOOKE_OK);
    assert_int_equal(hooke_write_file(HERE "cache/models--a--b/blobs/etag", "old", 3), HOOKE_OK);
    remove(HERE "cache/models--a--b/snapshots/c/cfg.json");
    assert_int_equal(symlink("../../blobs/etag", HERE "cache/models--a--b/snapshots/c/cfg.json"), 0);
    assert_int_equal(hooke_write_file(HERE "cache/models--a--b/snapshots/c/cfg.json", "new", 3), HOOKE_E_IO);
    assert_non_null(strstr(hooke_error(), "hub's cache"));
    assert_holds(HERE "cache/models--a--b/blobs/etag", "old");
    assert_int_equal(count_entries(HERE "cache/models--a--b/snapshots/c"), 1);
}

static void a_full_disk_leaves_no_trace(void **state)
{
    static char block[1 << 20];
    struct new_file f;
    (void)state;
    if (access("/dev/full", F_OK) != 0) {
        printf("skip: /dev/full is absent\n");
        skip();
    }
    assert_int_equal(make_folders(HERE "full"), HOOKE_OK);
    assert_int_equal(new_file_open(&f, HERE "full/x"), HOOKE_OK);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_int_equal(dup2(fileno(full), f.fd), f.fd); /* from here on the disk is full */
    fclose(full);
    assert_int_equal(new_file_write(&f, block, sizeof block), HOOKE_E_IO);
    assert_non_null(strstr(hooke_error(), "full/x"));
    new_file_abandon(&f);
    assert_int_equal(count_entries(HERE "full"), 0);
}

static void paths(void **state)
{
    hooke_text t = { 0 };
    (void)state;
    assert_int_equal(path_join(&t, "a", "b"), HOOKE_OK);
    assert_string_equal(t.data, "a/b");
    assert_int_equal(path_join(&t, t.data, "c"), HOOKE_OK); /* its own text */
    assert_string_equal(t.data, "a/b/c");
    assert_int_equal(path_join(&t, "a/", "b"), HOOKE_OK);
    assert_string_equal(t.data, "a/b");
    assert_int_equal(path_join(&t, "", "b"), HOOKE_OK);
    assert_string_equal(t.data, "b");
    assert_int_equal(path_join(&t, "/", "b"), HOOKE_OK);
    assert_string_equal(t.data, "/b");
    hooke_text_release(&t);
}

static void a_pipe_is_not_mapped(void **state)
{
    struct mapped_file m;
    (void)state;
    assert_int_equal(make_folders(HERE "p"), HOOKE_OK);
    unlink(HERE "p/pipe");
    assert_int_equal(mkfifo(HERE "p/pipe", 0600), 0);
    assert_int_equal(map_open(&m, HERE "p/pipe"), HOOKE_E_FORMAT); /* and does not wait */
    assert_int_equal(unlink(HERE "p/pipe"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_file_reads_back),
        cmocka_unit_test(what_cannot_be_read_says_so),
        cmocka_unit_test(an_abandoned_file_leaves_no_trace),
        cmocka_unit_test(what_cannot_be_written_says_so),
        cmocka_unit_test(a_symbolic_link_stays_one),
        cmocka_unit_test(downloaded_files_are_not_written_to),
        cmocka_unit_test(a_full_disk_leaves_no_trace),
        cmocka_unit_test(a_pipe_is_not_mapped),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
