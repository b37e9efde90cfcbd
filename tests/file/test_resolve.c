/* hub.c and resolve.c: names to paths, in a hub cache and an asset folder made for the test. */
#include "check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "file/hub.h"

#define HERE   "build/tmp/resolve/"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define OTHER  "fedcba9876543210fedcba9876543210fedcba98"

static void make_file(const char *path, const char *text)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(make_folders(folder), HOOKE_OK);
    assert_int_equal(hooke_write_file(path, text, strlen(text)), HOOKE_OK);
}

static int set_up(void **state)
{
    static const char *const unset[] = { "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME",
                                         "HOOKE_DATA" };
    (void)state;
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++) unsetenv(unset[i]);
    make_file(HERE "hub/models--google--gemma-2-2b/refs/main", COMMIT);
    make_file(HERE "hub/models--google--gemma-2-2b/refs/refs/pr/1", OTHER "\n");
    make_file(HERE "hub/models--google--gemma-2-2b/refs/broken", "../../../etc");
    make_file(HERE "hub/models--google--gemma-2-2b/snapshots/" COMMIT "/config.json", "{}");
    make_file(HERE "hub/models--google--gemma-2-2b/snapshots/" OTHER "/tokenizer.json", "{}");
    make_file(HERE "hub/models--gpt2/refs/main", COMMIT);
    make_file(HERE "hub/models--gpt2/snapshots/" COMMIT "/config.json", "{}");
    make_file(HERE "hub/models--google--gemma-scope-2b-pt-res/refs/main", COMMIT);
    make_file(HERE "hub/models--google--gemma-scope-2b-pt-res/snapshots/" COMMIT
                   "/layer_20/width_16k/average_l0_71/params.npz",
              "x");
    make_file(HERE "data/models/micro/config.json", "{}");
    make_file(HERE "data/models/micro-sae/layer_3/width_2k/average_l0_20/params.npz", "x");
    setenv("HF_HUB_CACHE", HERE "hub", 1);
    setenv("HOOKE_DATA", HERE "data", 1);
    return 0;
}

static void assert_cache(const char *name, const char *value, const char *expected)
{
    hooke_text t = { 0 };
    setenv(name, value, 1);
    assert_int_equal(hub_cache_folder(&t), HOOKE_OK);
    assert_string_equal(t.data, expected);
    hooke_text_release(&t);
}

static void where_the_cache_is(void **state)
{
    char home[512];
    (void)state;
    snprintf(home, sizeof home, "%s", getenv("HOME") ? getenv("HOME") : "");
    unsetenv("HF_HUB_CACHE");
    assert_cache("HOME", "/h", "/h/.cache/huggingface/hub");
    assert_cache("XDG_CACHE_HOME", "/c", "/c/huggingface/hub");
    assert_cache("HF_HOME", "~/hf", "/h/hf/hub");
    assert_cache("HF_HOME", "$HOME/x${HOME}y$", "/h/x/hy$/hub");
    assert_cache("HF_HOME", "/a/$NO_SUCH_VARIABLE/b", "/a/$NO_SUCH_VARIABLE/b/hub");
    assert_cache("HUGGINGFACE_HUB_CACHE", "/old", "/old");
    assert_cache("HF_HUB_CACHE", "/new", "/new");
    setenv("HOME", home, 1);
    set_up(state);
}

static void assert_snapshot(const char *repo, const char *revision, const char *expected)
{
    hooke_text t = { 0 };
    hooke_status st = hub_snapshot(&t, repo, revision);
    if (st != HOOKE_OK) print_message("%s\n", hooke_error());
    assert_int_equal(st, HOOKE_OK);
    assert_string_equal(t.data, expected);
    hooke_text_release(&t);
}

static void snapshots(void **state)
{
    static const char *const bad_repos[] = { "",     "/x",  "x/",   "a/b/c", "..",  "a/../b",
                                             "a//b", "a b", "a--b", "a\\b",  "a/.b" };
    static const char *const bad_revisions[] = { "", "/x", "x/", "../x", "a//b", "a\\b", "a b" };
    hooke_text t = { 0 };
    (void)state;
    assert_snapshot("google/gemma-2-2b", NULL, HERE "hub/models--google--gemma-2-2b/snapshots/" COMMIT);
    assert_snapshot("google/gemma-2-2b", "refs/pr/1", HERE "hub/models--google--gemma-2-2b/snapshots/" OTHER);
    assert_snapshot("google/gemma-2-2b", OTHER, HERE "hub/models--google--gemma-2-2b/snapshots/" OTHER);
    assert_snapshot("gpt2", "main", HERE "hub/models--gpt2/snapshots/" COMMIT);
    assert_int_equal(hub_snapshot(&t, "google/absent", NULL), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "models--google--absent"));
    assert_int_equal(hub_snapshot(&t, "google/gemma-2-2b", "absent"), HOOKE_E_NOT_FOUND);
    assert_int_equal(hub_snapshot(&t, "google/gemma-2-2b", "broken"), HOOKE_E_FORMAT);
    assert_int_equal(hub_snapshot(&t, "google/gemma-2-2b", "00000000000000000000000000000000000000ff"),
                     HOOKE_E_NOT_FOUND);
    for (size_t i = 0; i < sizeof bad_repos / sizeof *bad_repos; i++)
        assert_int_equal(hub_snapshot(&t, bad_repos[i], NULL), HOOKE_E_ARGUMENT);
    for (size_t i = 0; i < sizeof bad_revisions / sizeof *bad_revisions; i++)
        assert_int_equal(hub_snapshot(&t, "gpt2", bad_revisions[i]), HOOKE_E_ARGUMENT);
    hooke_text_release(&t);
}

static void assert_resolves(const char *what, const char *kind, const char *expected)
{
    hooke_text t = { 0 };
    hooke_status st = hooke_resolve(&t, what, kind);
    if (st != HOOKE_OK) print_message("%s: %s\n", what, hooke_error());
    assert_int_equal(st, HOOKE_OK);
    assert_string_equal(t.data, expected);
    hooke_text_release(&t);
}

static void assert_unresolved(const char *what, const char *kind, hooke_status status, const char *says)
{
    hooke_text t = { 0 };
    hooke_status st = hooke_resolve(&t, what, kind);
    if (st != status || !strstr(hooke_error(), says))
        print_message("%s: %d %s\n", what, (int)st, hooke_error());
    assert_int_equal(st, status);
    assert_non_null(strstr(hooke_error(), says));
    assert_int_equal(t.n, 0);
    hooke_text_release(&t);
}

static void models(void **state)
{
    (void)state;
    assert_resolves(HERE "data", "model", HERE "data");
    assert_resolves("micro", "model", HERE "data/models/micro");
    assert_int_equal(mkdir("micro", 0777), 0); /* a folder of that name here changes nothing */
    assert_resolves("micro", "model", HERE "data/models/micro");
    assert_resolves("./micro", "model", "./micro");
    assert_int_equal(rmdir("micro"), 0);
    assert_resolves("google/gemma-2-2b", "model", HERE "hub/models--google--gemma-2-2b/snapshots/" COMMIT);
    assert_resolves("gemma-2-2b", "model", HERE "hub/models--google--gemma-2-2b/snapshots/" COMMIT);
    assert_resolves("Gemma-2-2B", "model", HERE "hub/models--google--gemma-2-2b/snapshots/" COMMIT);
    assert_resolves("gpt2", "model", HERE "hub/models--gpt2/snapshots/" COMMIT);
    assert_resolves("gpt2-small", "model", HERE "hub/models--gpt2/snapshots/" COMMIT);
    assert_resolves("hf:google/gemma-2-2b@main", "model",
                    HERE "hub/models--google--gemma-2-2b/snapshots/" COMMIT);
    assert_unresolved("hf:google/gemma-2-2b@" OTHER, "model", HOOKE_E_NOT_FOUND,
                      "partly"); /* no config.json there */
    assert_unresolved("gemma-2-9b", "model", HOOKE_E_NOT_FOUND, "hooke pull gemma-2-9b");
    assert_unresolved("gemma-2-2c", "model", HOOKE_E_NOT_FOUND, "did you mean 'gemma-2-2b'");
    assert_unresolved("no such thing", "model", HOOKE_E_NOT_FOUND, HERE "hub");
    assert_unresolved("micro-neox", "model", HOOKE_E_NOT_FOUND, "HOOKE_DATA");
    assert_unresolved("/absent/folder", "model", HOOKE_E_NOT_FOUND, "no such path");
    assert_unresolved("", "model", HOOKE_E_ARGUMENT, "empty");
    assert_unresolved("micro", "tokenizer", HOOKE_E_ARGUMENT, "kind");
}

#define SCOPE \
    HERE "hub/models--google--gemma-scope-2b-pt-res/snapshots/" COMMIT "/layer_20/width_16k/average_l0_71"

static void dictionaries(void **state)
{
    const char *second = HERE "data/models/micro-sae/layer_4/params.npz";
    (void)state;
    assert_resolves("micro", "dict", HERE "data/models/micro-sae/layer_3/width_2k/average_l0_20");
    assert_resolves("hf:google/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71", "dict", SCOPE);
    assert_resolves("hf:google/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71/@" COMMIT, "dict",
                    SCOPE);
    assert_resolves("google/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71/params.npz", "dict",
                    SCOPE "/params.npz");
    assert_unresolved("hf:google/gemma-scope-2b-pt-res/layer_21", "dict", HOOKE_E_NOT_FOUND,
                      "not its 'layer_21'");
    assert_unresolved("hf:google/gemma-scope-2b-pt-res/../../x", "dict", HOOKE_E_ARGUMENT, "form");
    assert_unresolved("hf:google/gemma-scope-2b-pt-res//x", "dict", HOOKE_E_ARGUMENT, "form");
    assert_resolves("gemma-scope-2b-pt-res-canonical/layer_20/width_16k/canonical", "dict", SCOPE);
    assert_resolves("gemma-2-2b/20-gemmascope-res-16k", "dict", SCOPE);
    assert_unresolved("gemma-scope-2b-pt-res-canonical/layer_21/width_16k/canonical", "dict",
                      HOOKE_E_NOT_FOUND,
                      "hooke pull gemma-scope-2b-pt-res-canonical/layer_21/width_16k/canonical");
    assert_unresolved("absent", "dict", HOOKE_E_NOT_FOUND, "no such path");
    make_file(second, "x");
    assert_unresolved("micro", "dict", HOOKE_E_ARGUMENT, "several");
    remove(second);
}

static void assets(void **state)
{
    hooke_text t = { 0 };
    (void)state;
    assert_int_equal(hooke_asset(&t, "models/micro/config.json"), HOOKE_OK);
    assert_string_equal(t.data, HERE "data/models/micro/config.json");
    assert_int_equal(hooke_asset(&t, "absent"), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), HERE "data"));
    unsetenv("HOOKE_DATA"); /* now beside the program: some folder above build/ holds the Makefile */
    assert_int_equal(hooke_asset(&t, "include/hooke.h"), HOOKE_OK);
    assert_int_equal(access(t.data, F_OK), 0);
    assert_int_equal(hooke_asset(&t, "absent"), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "share/hooke"));
    hooke_text_release(&t);
    set_up(state);
}

static void every_allocation_may_fail(void **state)
{
    static const char *const whats[][2] = { { "gemma-2-2b", "model" },
                                            { "gemma-2-2b/20-gemmascope-res-16k", "dict" },
                                            { "https://huggingface.co/google/gemma-2-2b", "model" },
                                            { "micro", "dict" },
                                            { "micro", "model" } };
    (void)state;
    for (int i = 0; i < 5; i++)
        for (long at = 1;; at++) {
            hooke_text t = { 0 };
            mem_fail_at(at);
            hooke_status st = hooke_resolve(&t, whats[i][0], whats[i][1]);
            mem_fail_at(0);
            hooke_text_release(&t);
            if (st == HOOKE_OK) break;
            assert_int_equal(st, HOOKE_E_MEMORY);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_the_cache_is),
        cmocka_unit_test(snapshots),
        cmocka_unit_test(models),
        cmocka_unit_test(dictionaries),
        cmocka_unit_test(assets),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
