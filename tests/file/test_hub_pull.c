/* hub_pull.c and what is under it, against a hub on loopback: every way in which a download can go wrong. */
#include "check.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/hub_net.h"
#include "file/hub_server.h"

#define HERE  "build/tmp/hub_pull/"
#define CACHE HERE "cache"

enum { WEIGHTS_BYTES = 300000, OTHER_BYTES = 70000 };
static char weights[WEIGHTS_BYTES], other[OTHER_BYTES];
static struct hub_server *server;

static const struct hub_file files[] = {
    { "config.json", "{\"model_type\": \"gpt2\"}", 22, false },
    { "model.safetensors", weights, WEIGHTS_BYTES, true },
    { "tokenizer.json", "{}", 2, false },
    { "README.md", "read me", 7, false },
    { "pytorch_model.bin", other, OTHER_BYTES, true },
    { "layer_1/width_16k/params.npz", other, OTHER_BYTES, true },
    { "layer_1/width_16k/empty.txt", "", 0, false },
    { "layer_2/a name with spaces & \xC3\xA9.txt", "words", 5, false },
};
enum { N_FILES = sizeof files / sizeof *files };

static int start(void **state)
{
    (void)state;
    static const char *const unset[] = { "HF_TOKEN",
                                         "HUGGING_FACE_HUB_TOKEN",
                                         "HF_HUB_OFFLINE",
                                         "TRANSFORMERS_OFFLINE",
                                         "HF_HUB_DISABLE_SYMLINKS",
                                         "http_proxy",
                                         "all_proxy",
                                         "ALL_PROXY" };
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++) unsetenv(unset[i]);
    for (int i = 0; i < WEIGHTS_BYTES; i++) weights[i] = (char)(i * 31 + i / 251);
    for (int i = 0; i < OTHER_BYTES; i++) other[i] = (char)(i * 7 + i / 13);
    server = hub_server_start(files, N_FILES);
    if (!server) return -1;
    setenv("HF_ENDPOINT", server->endpoint, 1);
    setenv("HF_HUB_CACHE", CACHE, 1);
    setenv("HF_HOME", HERE "home", 1);
    setenv("HF_HUB_ETAG_TIMEOUT", "1", 1);
    setenv("HF_HUB_DOWNLOAD_TIMEOUT", "1", 1);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    hub_server_stop(server);
    return 0;
}

/* Each test begins with an empty cache and a well-behaved hub. */
static int fresh(void **state)
{
    (void)state;
    if (http_library() == NULL) {
        print_message("skip: libcurl is not there\n");
        skip();
    }
    hub_server_reset(server);
    unsetenv("HF_TOKEN");
    FILE *f = popen("rm -rf " HERE, "r");
    return f && pclose(f) == 0 ? 0 : -1;
}

static hooke_status pull_with(struct hub_pulled *out, struct hub_wish wish)
{
    if (!wish.repo) wish.repo = "org/model";
    if (!wish.n_retries) wish.n_retries = 3;
    wish.first_wait_ms = 1;
    return hub_pull(out, &wish);
}

static hooke_status pull(const char *path)
{
    struct hub_pulled got;
    hooke_status st = pull_with(&got, (struct hub_wish){ .path = path });
    hub_pulled_release(&got);
    return st;
}

static void assert_pulls(const char *path)
{
    hooke_status st = pull(path);
    if (st != HOOKE_OK) print_message("%s\n", hooke_error());
    assert_int_equal(st, HOOKE_OK);
}

static const struct hub_file *file_named(const char *path)
{
    for (int i = 0; i < N_FILES; i++)
        if (strcmp(files[i].path, path) == 0) return &files[i];
    return NULL;
}

/* The snapshot's file is a relative link to a blob named by its checksum, and holds the right bytes. */
static void assert_cached_as(const char *repo, const char *path)
{
    char name[512], target[512] = "", expected[512] = "../../", etag[65];
    const struct hub_file *f = file_named(path);
    hooke_text bytes = { 0 };
    snprintf(name, sizeof name, CACHE "/%s/snapshots/" HUB_COMMIT "/%s", repo, path);
    assert_int_equal(file_read(&bytes, name, 1 << 20), HOOKE_OK);
    assert_int_equal(bytes.n, f->n);
    if (f->n) assert_memory_equal(bytes.data, f->bytes, f->n);
    hooke_text_release(&bytes);
    assert_true(readlink(name, target, sizeof target - 1) > 0);
    for (const char *p = path; *p; p++)
        if (*p == '/') strncat(expected, "../", sizeof expected - strlen(expected) - 1);
    hub_etag(etag, f->bytes, f->n, f->is_large);
    strncat(expected, "blobs/", sizeof expected - strlen(expected) - 1);
    strncat(expected, etag, sizeof expected - strlen(expected) - 1);
    assert_string_equal(target, expected);
}

static void assert_cached(const char *path)
{
    assert_cached_as("models--org--model", path);
}

static bool is_cached(const char *path)
{
    char name[512];
    snprintf(name, sizeof name, CACHE "/models--org--model/snapshots/" HUB_COMMIT "/%s", path);
    return file_exists(name);
}

static void assert_text_file(const char *path, const char *expected)
{
    hooke_text t = { 0 };
    assert_int_equal(file_read(&t, path, 1000), HOOKE_OK);
    assert_string_equal(t.data, expected);
    hooke_text_release(&t);
}

/* ---- what works ---- */

static void one_file(void **state)
{
    (void)state;
    assert_pulls("config.json");
    assert_cached("config.json");
    assert_text_file(CACHE "/models--org--model/refs/main", HUB_COMMIT);
    assert_false(is_cached("tokenizer.json"));
    assert_pulls("model.safetensors");
    assert_cached("model.safetensors");
    assert_int_equal(atomic_load(&server->n_cdn), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_file, fresh),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
