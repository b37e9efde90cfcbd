/* hub_pull.c and what is under it, against a hub on loopback: every way in which a download can go wrong. */
#include "check.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "file/hub_net.h"
#include "file/hub_server.h"
#include "remove_tree.h"

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
    hub_server_reset(server);
    unsetenv("HF_TOKEN");
    remove_tree(HERE);
    return access(HERE, F_OK) == 0 ? -1 : 0;
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

static void a_folder_and_odd_names(void **state)
{
    (void)state;
    assert_pulls("layer_1");
    assert_cached("layer_1/width_16k/params.npz");
    assert_cached("layer_1/width_16k/empty.txt");
    assert_false(is_cached("config.json"));
    assert_pulls("layer_2/a name with spaces & \xC3\xA9.txt");
    assert_cached("layer_2/a name with spaces & \xC3\xA9.txt");
    assert_pulls("layer_*/*.txt");
    /* a folder was asked for as a file first: that must not be noted as a missing file */
    assert_false(file_exists(CACHE "/models--org--model/.no_exist/" HUB_COMMIT "/layer_1"));
}

/* Of a model what opening it takes; the listing has three pages. */
static void a_model(void **state)
{
    struct hub_pulled got;
    (void)state;
    assert_int_equal(pull_with(&got, (struct hub_wish){ .is_model = true }), HOOKE_OK);
    assert_int_equal(got.n_files, 3);
    assert_string_equal(got.files[0].path, "model.safetensors"); /* the largest first */
    assert_int_equal(got.bytes, WEIGHTS_BYTES + 22 + 2);
    assert_int_equal(got.bytes_downloaded, got.bytes);
    assert_string_equal(got.path.data, CACHE "/models--org--model/snapshots/" HUB_COMMIT);
    assert_string_equal(got.commit, HUB_COMMIT);
    hub_pulled_release(&got);
    assert_cached("config.json");
    assert_cached("model.safetensors");
    assert_cached("tokenizer.json");
    assert_false(is_cached("pytorch_model.bin"));
    assert_int_equal(atomic_load(&server->n_lists), 4);
}

static void include_exclude_and_all(void **state)
{
    static const char *const texts[] = { "*.txt", "README.md", NULL }, *const folder[] = { "layer_1/", NULL };
    struct hub_pulled got;
    (void)state;
    struct hub_wish wish = { .choice = { .include = texts, .exclude = folder } };
    assert_int_equal(pull_with(&got, wish), HOOKE_OK);
    assert_int_equal(got.n_files, 2);
    hub_pulled_release(&got);
    assert_true(is_cached("README.md"));
    assert_false(is_cached("layer_1/width_16k/empty.txt"));
    assert_int_equal(pull_with(&got, (struct hub_wish){ .choice = { .everything = true } }), HOOKE_OK);
    assert_int_equal(got.n_files, N_FILES);
    hub_pulled_release(&got);
    for (int i = 0; i < N_FILES; i++) assert_cached(files[i].path);
    wish = (struct hub_wish){ .choice = { .include = (const char *const[]){ "nothing*", NULL } } };
    assert_int_equal(pull_with(&got, wish), HOOKE_E_NOT_FOUND);
}

/* What a format consists of: names, names that may be missing, patterns. */
static void wanted_files(void **state)
{
    static const hooke_name_file wanted[] = { { "config.json", false, false },
                                              { "generation_config.json", false, true },
                                              { "layer_1/*.npz", true, false },
                                              { "*.gguf", true, true } };
    static const hooke_name_file absent[] = { { "config.json", false, false }, { "cfg.json", false, false } };
    static const hooke_name_file no_match[] = { { "layer_9*", true, false } };
    struct hub_pulled got;
    struct hub_wish wish = { .wanted = wanted, .n_wanted = 4, .entry = "layer_1" };
    (void)state;
    assert_int_equal(pull_with(&got, wish), HOOKE_OK);
    assert_int_equal(got.n_files, 2);
    assert_string_equal(got.path.data, CACHE "/models--org--model/snapshots/" HUB_COMMIT "/layer_1");
    hub_pulled_release(&got);
    assert_cached("layer_1/width_16k/params.npz");
    assert_true(file_exists(CACHE "/models--org--model/.no_exist/" HUB_COMMIT "/generation_config.json"));
    wish = (struct hub_wish){ .wanted = absent, .n_wanted = 2, .entry = "" };
    assert_int_equal(pull_with(&got, wish), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "cfg.json"));
    wish = (struct hub_wish){ .wanted = no_match, .n_wanted = 1, .entry = "" };
    assert_int_equal(pull_with(&got, wish), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "layer_9*"));
}

static void revisions(void **state)
{
    struct hub_pulled got;
    hooke_text snapshot = { 0 };
    (void)state;
    assert_int_equal(pull_with(&got, (struct hub_wish){ .path = "config.json", .revision = "refs/pr/1" }),
                     HOOKE_OK);
    assert_string_equal(got.commit, HUB_COMMIT2);
    hub_pulled_release(&got);
    assert_text_file(CACHE "/models--org--model/refs/refs/pr/1", HUB_COMMIT2);
    assert_int_equal(pull_with(&got, (struct hub_wish){ .path = "config.json", .revision = HUB_COMMIT }),
                     HOOKE_OK);
    hub_pulled_release(&got);
    assert_false(file_exists(CACHE "/models--org--model/refs/" HUB_COMMIT));
    assert_false(file_exists(CACHE "/models--org--model/refs/main"));
    assert_cached("config.json");
    assert_int_equal(hub_snapshot(&snapshot, "org/model", "refs/pr/1"), HOOKE_OK);
    assert_string_equal(snapshot.data, CACHE "/models--org--model/snapshots/" HUB_COMMIT2);
    hooke_text_release(&snapshot);
    assert_int_equal(pull_with(&got, (struct hub_wish){ .path = "config.json", .revision = "v9" }),
                     HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "no revision 'v9'"));
    assert_int_equal(pull_with(&got, (struct hub_wish){ .revision = "v9" }), HOOKE_E_NOT_FOUND);
}

static void data_sets_and_moved_repositories(void **state)
{
    struct hub_pulled got;
    (void)state;
    assert_int_equal(pull_with(&got, (struct hub_wish){ .repo = "datasets/org/data", .path = "layer_1" }),
                     HOOKE_OK);
    hub_pulled_release(&got);
    assert_cached_as("datasets--org--data", "layer_1/width_16k/params.npz");
    assert_int_equal(pull_with(&got, (struct hub_wish){ .repo = "old/name" }), HOOKE_OK);
    assert_int_equal(got.n_files, 3);
    hub_pulled_release(&got);
    assert_cached_as("models--old--name", "model.safetensors");
    setenv("HF_TOKEN", "hf_good", 1);
    assert_int_equal(pull_with(&got, (struct hub_wish){ .repo = "older/name" }), HOOKE_OK);
    hub_pulled_release(&got);
    assert_cached_as("models--older--name", "model.safetensors");
    assert_int_equal(atomic_load(&server->n_leaks), 0);
}

/* The second time nothing is downloaded; with a commit the hub is not even asked. A blob that another revision brought is linked. */
static void nothing_twice(void **state)
{
    struct hub_pulled got;
    (void)state;
    assert_pulls("model.safetensors");
    hub_server_reset(server);
    assert_int_equal(pull_with(&got, (struct hub_wish){ .path = "model.safetensors" }), HOOKE_OK);
    assert_true(got.files[0].was_cached);
    assert_int_equal(got.bytes_downloaded, 0);
    hub_pulled_release(&got);
    assert_int_equal(atomic_load(&server->n_sent), 0);
    assert_int_equal(atomic_load(&server->n_cdn), 0);
    assert_int_equal(unlink(CACHE "/models--org--model/snapshots/" HUB_COMMIT "/model.safetensors"), 0);
    assert_pulls("model.safetensors");
    assert_int_equal(atomic_load(&server->n_cdn), 0);
    assert_cached("model.safetensors");
}

static void a_dry_run_writes_nothing(void **state)
{
    struct hub_pulled got;
    (void)state;
    assert_int_equal(pull_with(&got, (struct hub_wish){ .is_model = true, .dry_run = true }), HOOKE_OK);
    assert_int_equal(got.n_files, 3);
    assert_int_equal(got.bytes_downloaded, WEIGHTS_BYTES + 24);
    hub_pulled_release(&got);
    assert_false(is_folder(CACHE "/models--org--model/snapshots"));
}

/* A mirror's: SHA-1 of the content alone. */
static void other_checksums(void **state)
{
    hooke_text bytes = { 0 };
    (void)state;
    hub_server_fault(server, FAULT_PLAIN_ETAG, AT_HEAD, "config", 1, 0);
    assert_pulls("config.json");
    assert_int_equal(file_read(&bytes, CACHE "/models--org--model/snapshots/" HUB_COMMIT "/config.json", 100),
                     HOOKE_OK);
    assert_string_equal(bytes.data, files[0].bytes);
    hooke_text_release(&bytes);
}

/* huggingface_hub leaves it, and its scan of the cache passes over it. */
static void the_cache_is_marked(void **state)
{
    hooke_text tag = { 0 };
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_pulls(i ? "tokenizer.json" : "config.json");
        assert_int_equal(file_read(&tag, CACHE "/CACHEDIR.TAG", 4096), HOOKE_OK);
        assert_int_equal(strncmp(tag.data, "Signature: 8a477f597d28d172789f06886806bc55\n", 44), 0);
        assert_int_equal(hooke_write_file(CACHE "/CACHEDIR.TAG", "", 0), HOOKE_OK); /* made whole again */
    }
    hooke_text_release(&tag);
}

static void copies_instead_of_links(void **state)
{
    char target[64];
    (void)state;
    setenv("HF_HUB_DISABLE_SYMLINKS", "1", 1);
    assert_pulls("layer_1");
    unsetenv("HF_HUB_DISABLE_SYMLINKS");
    const char *place = CACHE "/models--org--model/snapshots/" HUB_COMMIT "/layer_1/width_16k/params.npz";
    assert_true(file_exists(place));
    assert_int_equal(readlink(place, target, sizeof target), -1);
}

/* ---- who may ---- */

/* large files lie on another host: the token goes to the hub alone */
static void the_token_does_not_travel(void **state)
{
    struct hub_pulled got;
    (void)state;
    setenv("HF_TOKEN", " hf_good\n", 1);
    assert_int_equal(pull_with(&got, (struct hub_wish){ .repo = "org/gated" }), HOOKE_OK);
    hub_pulled_release(&got);
    assert_cached_as("models--org--gated", "model.safetensors");
    assert_int_equal(atomic_load(&server->n_leaks), 0);
    assert_int_equal(atomic_load(&server->n_cdn), 1);
    assert_true(atomic_load(&server->n_tokens) > 3);
    assert_int_equal(pull_with(&got, (struct hub_wish){ .repo = "org/secret", .path = "config.json" }),
                     HOOKE_OK);
    hub_pulled_release(&got);
}

static void assert_refused(const char *repo, const char *path, const char *token, const char *part)
{
    struct hub_pulled got;
    if (token)
        setenv("HF_TOKEN", token, 1);
    else
        unsetenv("HF_TOKEN");
    hooke_status st = pull_with(&got, (struct hub_wish){ .repo = repo, .path = path });
    if (!strstr(hooke_error(), part)) print_message("expected '%s' in: %s\n", part, hooke_error());
    assert_int_equal(st, HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), part));
    assert_non_null(strstr(hooke_error(), "; "));
    if (token && *token) assert_null(strstr(hooke_error(), token));
}

static void gated_and_private(void **state)
{
    char page[128];
    (void)state;
    snprintf(page, sizeof page, "%s/org/gated", server->endpoint);
    for (int whole = 0; whole < 2; whole++) {
        const char *path = whole ? NULL : "config.json";
        assert_refused("org/gated", path, NULL, page);
        assert_refused("org/gated", path, NULL, "HF_TOKEN");
        assert_refused("org/gated", path, "hf_other", "no access");
        assert_refused("org/gated", path, "hf_wrong", "does not accept the token");
        assert_refused("org/secret", path, NULL, "private");
        assert_refused("org/secret", path, "hf_other", "not open to this token");
        assert_refused("org/absent", path, NULL, "does not exist");
    }
    assert_refused("org/model", "absent.json", NULL, "no 'absent.json'");
    assert_true(file_exists(CACHE "/models--org--model/.no_exist/" HUB_COMMIT "/absent.json"));
}

static void tokens_from_files(void **state)
{
    struct hub_config c;
    (void)state;
    assert_int_equal(make_folders(HERE "home"), HOOKE_OK);
    assert_int_equal(hooke_write_file(HERE "home/token", "hf_file\n", 8), HOOKE_OK);
    assert_int_equal(hub_config_read(&c), HOOKE_OK);
    assert_string_equal(c.token.data, "hf_file");
    hub_config_release(&c);
    assert_int_equal(hooke_write_file(HERE "other", "hf_other", 8), HOOKE_OK);
    setenv("HF_TOKEN_PATH", HERE "other", 1);
    assert_int_equal(hub_config_read(&c), HOOKE_OK);
    assert_string_equal(c.token.data, "hf_other");
    hub_config_release(&c);
    setenv("HF_TOKEN", "hf_variable", 1);
    assert_int_equal(hub_config_read(&c), HOOKE_OK);
    assert_string_equal(c.token.data, "hf_variable");
    hub_config_release(&c);
    setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes", 1);
    assert_int_equal(hub_config_read(&c), HOOKE_OK);
    assert_int_equal(c.token.n, 0);
    hub_config_release(&c);
    unsetenv("HF_HUB_DISABLE_IMPLICIT_TOKEN");
    setenv("HF_TOKEN", "hf_secret\r\nX-Evil: 1", 1);
    assert_int_equal(hub_config_read(&c), HOOKE_E_ARGUMENT);
    assert_null(strstr(hooke_error(), "hf_secret"));
    unsetenv("HF_TOKEN");
    unsetenv("HF_TOKEN_PATH");
}

/* Where the token may go: a mirror may send back to the hub, and nobody else. */
static void homes(void)
{
    static const char *const yes[] = { "https://hub.example/mirror/x", "https://HUB.example:443/y",
                                       "https://huggingface.co/org/model", "https://hf.co/x" };
    static const char *const no[] = {
        "http://hub.example/mirror",     "https://hub.example:8443/",
        "http://huggingface.co/x",       "https://huggingface.co.evil.example/x",
        "https://cdn.huggingface.co/x",  "https://evil.example/huggingface.co",
        "https://huggingface.co:8443/x", "https://cdn-lfs.hf.co/x"
    };
    struct hub_config c;
    setenv("HF_ENDPOINT", "https://hub.example/mirror", 1);
    assert_int_equal(hub_config_read(&c), HOOKE_OK);
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) assert_true(hub_is_home(&c, yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_false(hub_is_home(&c, no[i]));
    hub_config_release(&c);
}

static void endpoints(void **state)
{
    static const char *const bad[] = { "ftp://x",     "huggingface.co", "https://",
                                       "https://a b", "https://u:p@x/", "https://x/?a=b" };
    struct hub_config c;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("HF_ENDPOINT", bad[i], 1);
        assert_int_equal(hub_config_read(&c), HOOKE_E_ARGUMENT);
    }
    setenv("HF_ENDPOINT", "https://hub.example/mirror///", 1);
    assert_int_equal(hub_config_read(&c), HOOKE_OK);
    assert_string_equal(c.endpoint.data, "https://hub.example/mirror");
    hub_config_release(&c);
    unsetenv("HF_ENDPOINT");
    assert_int_equal(hub_config_read(&c), HOOKE_OK);
    assert_string_equal(c.endpoint.data, "https://huggingface.co");
    hub_config_release(&c);
    homes();
    setenv("HF_ENDPOINT", server->endpoint, 1);
}

static void offline(void **state)
{
    static const char *const words[] = { "1", "ON", "true", "Yes" };
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        setenv(i & 1 ? "TRANSFORMERS_OFFLINE" : "HF_HUB_OFFLINE", words[i], 1);
        assert_int_equal(pull("config.json"), HOOKE_E_IO);
        assert_non_null(strstr(hooke_error(), "HF_HUB_OFFLINE"));
        unsetenv("TRANSFORMERS_OFFLINE");
        unsetenv("HF_HUB_OFFLINE");
    }
    assert_int_equal(atomic_load(&server->n_requests), 0);
    assert_false(is_folder(CACHE));
    setenv("HF_HUB_OFFLINE", "0", 1); /* said, and therefore what counts */
    setenv("TRANSFORMERS_OFFLINE", "1", 1);
    assert_pulls("config.json");
    unsetenv("TRANSFORMERS_OFFLINE");
    unsetenv("HF_HUB_OFFLINE");
}

/* ---- what goes wrong and is got over ---- */

static void assert_gets_over(enum hub_fault_kind kind, int where, int times, long value, const char *path)
{
    fresh(NULL);
    hub_server_fault(server, kind, where, path, times, value);
    hooke_status st = pull(path);
    if (st != HOOKE_OK) print_message("fault %d at %d: %s\n", kind, where, hooke_error());
    assert_int_equal(st, HOOKE_OK);
    assert_cached(path);
    assert_int_equal(atomic_load(&server->fault_times), 0); /* it did happen */
}

static void broken_lines(void **state)
{
    (void)state;
    assert_gets_over(FAULT_DROP, AT_CDN, 1, 100000, "model.safetensors");
    assert_int_equal(atomic_load(&server->n_ranges), 1);
    assert_true(atomic_load(&server->n_sent) <
                WEIGHTS_BYTES + 70000); /* it went on, and did not begin again */
    assert_gets_over(FAULT_DROP, AT_CDN, 3, 0, "model.safetensors");
    /* many breaks with something gained each time are not counted together */
    assert_gets_over(FAULT_DROP, AT_CDN, 12, 20000, "model.safetensors");
    assert_gets_over(FAULT_DROP, AT_HEAD, 2, 0, "config.json");
    assert_gets_over(FAULT_DROP, AT_GET, 2, 5, "config.json");
    assert_gets_over(FAULT_LONG, AT_CDN, 1, 0, "model.safetensors");
    assert_gets_over(FAULT_STALL, AT_CDN, 1, 5000, "model.safetensors");
    assert_gets_over(FAULT_HANG, AT_CDN, 1, 0, "model.safetensors");
    assert_gets_over(FAULT_HANG, AT_HEAD, 1, 0, "config.json");
}

static void busy_servers(void **state)
{
    static const int statuses[] = { 408, 429, 500, 502, 503, 504 };
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        assert_gets_over(FAULT_STATUS, AT_HEAD, 3, statuses[i], "model.safetensors");
        assert_gets_over(FAULT_STATUS, AT_GET, 3, statuses[i], "model.safetensors");
        assert_gets_over(FAULT_STATUS, AT_CDN, 3, statuses[i], "model.safetensors");
        assert_gets_over(FAULT_STATUS, AT_GET, 3, statuses[i], "config.json");
    }
    /* addresses that were signed too long ago */
    assert_gets_over(FAULT_STATUS, AT_CDN, 2, 403, "model.safetensors");
}

static void wrong_answers(void **state)
{
    (void)state;
    assert_gets_over(FAULT_SHORT, AT_CDN, 1, 0, "model.safetensors");
    assert_gets_over(FAULT_EXTRA, AT_CDN, 1, 0, "model.safetensors");
    assert_gets_over(FAULT_NO_LENGTH, AT_CDN, 1, 0, "model.safetensors");
    assert_gets_over(FAULT_NO_LENGTH, AT_HEAD, 1, 0, "model.safetensors");
    assert_gets_over(FAULT_NO_LENGTH, AT_HEAD, 1, 0, "config.json");
    assert_gets_over(FAULT_BAD_SIZE, AT_HEAD, 1, 0, "model.safetensors");
    /* nobody says how long it is: the checksum tells whether it is whole */
    assert_gets_over(FAULT_NO_LENGTH, AT_HEAD | AT_GET, 2, 0, "config.json");
    assert_gets_over(FAULT_NO_LENGTH, AT_HEAD | AT_CDN, 2, 0, "model.safetensors");
    assert_gets_over(FAULT_NO_LENGTH, AT_HEAD | AT_GET, 2, 0, "layer_1/width_16k/empty.txt");
    assert_gets_over(FAULT_CORRUPT, AT_CDN, 1, 123456, "model.safetensors");
    assert_gets_over(FAULT_CORRUPT, AT_GET, 1, 3, "config.json");
    assert_gets_over(FAULT_NO_ETAG, AT_CDN, 1, 0, "model.safetensors"); /* of the file's host: not needed */
}

/* What an earlier try left, and a server that does not go on from there. */
static void leave(const char *path, const char *bytes, size_t n)
{
    char name[256], etag[65];
    const struct hub_file *f = file_named(path);
    hub_etag(etag, f->bytes, f->n, f->is_large);
    snprintf(name, sizeof name, CACHE "/models--org--model/blobs/%s.incomplete", etag);
    assert_int_equal(make_folders(CACHE "/models--org--model/blobs"), HOOKE_OK);
    assert_int_equal(hooke_write_file(name, bytes, n), HOOKE_OK);
}

static void going_on(void **state)
{
    static char wrong[WEIGHTS_BYTES + 100];
    (void)state;
    leave("model.safetensors", weights, 250000);
    assert_pulls("model.safetensors");
    assert_cached("model.safetensors");
    assert_int_equal(atomic_load(&server->n_sent), WEIGHTS_BYTES - 250000);
    /* all of it was there but for the rename */
    fresh(state);
    leave("model.safetensors", weights, WEIGHTS_BYTES);
    assert_pulls("model.safetensors");
    assert_cached("model.safetensors");
    assert_int_equal(atomic_load(&server->n_sent), 0);
    /* other bytes, too many bytes */
    for (int more = -1000; more <= 100; more += 550) {
        fresh(state);
        leave("model.safetensors", wrong, (size_t)(WEIGHTS_BYTES + more));
        assert_pulls("model.safetensors");
        assert_cached("model.safetensors");
    }
    static const enum hub_fault_kind kinds[] = { FAULT_IGNORE_RANGE, FAULT_WRONG_RANGE };
    for (size_t i = 0; i < 2; i++) {
        fresh(state);
        leave("model.safetensors", weights, 1000);
        hub_server_fault(server, kinds[i], AT_CDN, "model", 1, 0);
        assert_pulls("model.safetensors");
        assert_cached("model.safetensors");
    }
    fresh(state);
    leave("model.safetensors", weights, 1000);
    hub_server_fault(server, FAULT_STATUS, AT_CDN, "model", 1, 416);
    assert_pulls("model.safetensors");
    assert_cached("model.safetensors");
}

/* A blob of the wrong length, or a link that leads elsewhere, gives way. */
static void damaged_caches(void **state)
{
    char blob[256], etag[65];
    (void)state;
    assert_pulls("config.json");
    hub_etag(etag, files[0].bytes, files[0].n, false);
    snprintf(blob, sizeof blob, CACHE "/models--org--model/blobs/%s", etag);
    assert_int_equal(unlink(blob), 0);
    assert_pulls("config.json"); /* the link dangled */
    assert_cached("config.json");
    const char *place = CACHE "/models--org--model/snapshots/" HUB_COMMIT "/config.json";
    assert_int_equal(unlink(place), 0);
    assert_int_equal(symlink("../../blobs/gone", place), 0);
    assert_pulls("config.json");
    assert_cached("config.json");
    assert_int_equal(unlink(place), 0);
    assert_int_equal(hooke_write_file(blob, "{", 1), HOOKE_OK);
    assert_pulls("config.json");
    assert_cached("config.json");
}

/* ---- what goes wrong and stays wrong ---- */

static void assert_gives_up(enum hub_fault_kind kind, int where, long value, const char *path,
                            hooke_status expected, const char *part)
{
    fresh(NULL);
    hub_server_fault(server, kind, where, "", 1000, value);
    hooke_status st = pull(path);
    if (st != expected || !strstr(hooke_error(), part))
        print_message("fault %d at %d: %d, %s\n", kind, where, st, hooke_error());
    assert_int_equal(st, expected);
    assert_non_null(strstr(hooke_error(), part));
    if (path && *path) assert_false(is_cached(path));
    assert_false(file_exists(CACHE "/models--org--model/refs/main"));
}

static void faults_that_last(void **state)
{
    const char *large = "model.safetensors", *small = "config.json";
    (void)state;
    assert_gives_up(FAULT_STATUS, AT_HEAD, 500, small, HOOKE_E_IO, "out of order");
    assert_gives_up(FAULT_STATUS, AT_CDN, 503, large, HOOKE_E_IO, "out of order");
    assert_gives_up(FAULT_STATUS, AT_HEAD, 429, small, HOOKE_E_IO, "429");
    assert_gives_up(FAULT_STATUS, AT_CDN, 403, large, HOOKE_E_NOT_FOUND, "403");
    assert_gives_up(FAULT_STATUS, AT_GET, 418, small, HOOKE_E_IO, "418");
    assert_gives_up(FAULT_DROP, AT_CDN, 0, large, HOOKE_E_IO, "localhost");
    assert_gives_up(FAULT_SHORT, AT_CDN, 0, large, HOOKE_E_FORMAT, "299999 bytes are offered");
    assert_gives_up(FAULT_EXTRA, AT_CDN, 0, large, HOOKE_E_FORMAT, "300001 bytes are offered");
    assert_gives_up(FAULT_CORRUPT, AT_CDN, 77, large, HOOKE_E_FORMAT, "checksum");
    assert_gives_up(FAULT_CORRUPT, AT_GET, 1, small, HOOKE_E_FORMAT, "checksum");
    assert_gives_up(FAULT_OTHER_ETAG, AT_HEAD, 0, large, HOOKE_E_FORMAT, "checksum");
    assert_gives_up(FAULT_NO_COMMIT, AT_HEAD, 0, small, HOOKE_E_FORMAT, "X-Repo-Commit");
    assert_gives_up(FAULT_BAD_COMMIT, AT_HEAD, 0, small, HOOKE_E_FORMAT, "X-Repo-Commit");
    assert_gives_up(FAULT_NO_ETAG, AT_HEAD, 0, small, HOOKE_E_FORMAT, "no etag");
    assert_gives_up(FAULT_BAD_ETAG, AT_HEAD, 0, large, HOOKE_E_FORMAT, "etag '../../x'");
    assert_gives_up(FAULT_LOOP, AT_HEAD, 0, small, HOOKE_E_IO, "redirects");
    assert_gives_up(FAULT_LOOP, AT_GET, 0, small, HOOKE_E_IO, "redirects");
    assert_gives_up(FAULT_BAD_LOCATION, AT_GET, 0, large, HOOKE_E_FORMAT, "no web address");
    assert_gives_up(FAULT_BAD_JSON, AT_LIST, 0, NULL, HOOKE_E_FORMAT, "");
    assert_gives_up(FAULT_BAD_PATH, AT_LIST, 0, NULL, HOOKE_E_FORMAT, "../../evil");
    assert_gives_up(FAULT_OTHER_HOST, AT_LIST, 0, NULL, HOOKE_E_FORMAT, "another host");
    assert_int_equal(atomic_load(&server->n_leaks), 0);
    assert_null(strstr(hooke_error(), "signature"));
}

static void retry_after(void **state)
{
    (void)state;
    hub_server_fault(server, FAULT_STATUS, AT_HEAD, "", 1, 429);
    server->retry_after_s = 1;
    double before = clock_seconds();
    assert_pulls("config.json");
    assert_true(clock_seconds() - before >= 0.95);
    fresh(state);
    hub_server_fault(server, FAULT_STATUS, AT_HEAD, "", 1, 503);
    server->retry_after_s = 86400;
    assert_int_equal(pull("config.json"), HOOKE_E_IO);
    assert_non_null(strstr(hooke_error(), "86400 seconds"));
}

/* The hub's own way to say it: RateLimit, which comes with every answer. */
static void rate_limits(void **state)
{
    static const char *const nothing[] = { "\"api\";r=3;t=9", "\"api\";t=9;r=0", "\"api\"", "r=0;t=9", "\"" };
    (void)state;
    hub_server_fault(server, FAULT_STATUS, AT_HEAD, "", 1, 429);
    snprintf(server->rate_limit, sizeof server->rate_limit, "\"api\";r=0;t=1");
    double before = clock_seconds();
    assert_pulls("config.json");
    assert_true(clock_seconds() - before >= 1.9);
    fresh(state);
    hub_server_fault(server, FAULT_STATUS, AT_HEAD, "", 1, 429);
    snprintf(server->rate_limit, sizeof server->rate_limit, " \"resolvers\" ; r = 0 ; t = 4000 ");
    assert_int_equal(pull("config.json"), HOOKE_E_IO);
    assert_non_null(strstr(hooke_error(), "4000 seconds"));
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        fresh(state);
        hub_server_fault(server, FAULT_STATUS, AT_HEAD, "", 1, 429);
        snprintf(server->rate_limit, sizeof server->rate_limit, "%s", nothing[i]);
        before = clock_seconds();
        assert_pulls("config.json");
        assert_true(clock_seconds() - before < 5);
    }
}

static void words_of_the_server(void **state)
{
    (void)state;
    hub_server_fault(server, FAULT_STATUS, AT_HEAD, "", 100, 403);
    snprintf(server->error_message, sizeof server->error_message, "Access to this resource is disabled.");
    assert_int_equal(pull("config.json"), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "has been disabled"));
    hub_server_fault(server, FAULT_STATUS, AT_HEAD, "", 100, 418);
    snprintf(server->error_message, sizeof server->error_message, "\033]0;title\007\033[2J gone");
    assert_int_equal(pull("config.json"), HOOKE_E_IO);
    assert_non_null(strstr(hooke_error(), "?]0;title??[2J gone")); /* nothing that a terminal obeys */
}

static void nobody_there(void **state)
{
    (void)state;
    setenv("HF_ENDPOINT", "http://127.0.0.1:1", 1);
    assert_int_equal(pull("config.json"), HOOKE_E_IO);
    assert_non_null(strstr(hooke_error(), "127.0.0.1:1"));
    setenv("HF_ENDPOINT", server->endpoint, 1);
}

/* A file that fails takes the others with it, but what came stays, and no ref is written. */
static void one_of_several_fails(void **state)
{
    struct hub_pulled got;
    (void)state;
    hub_server_fault(server, FAULT_STATUS, AT_GET, "tokenizer", 1000, 418);
    assert_int_equal(pull_with(&got, (struct hub_wish){ .n_at_once = 1 }), HOOKE_E_IO);
    assert_non_null(strstr(hooke_error(), "org/model/tokenizer.json"));
    assert_cached("model.safetensors");
    assert_false(file_exists(CACHE "/models--org--model/refs/main"));
    hub_server_reset(server);
    assert_int_equal(pull_with(&got, (struct hub_wish){ .n_at_once = 9 }), HOOKE_OK);
    assert_int_equal(got.bytes_downloaded, 2);
    hub_pulled_release(&got);
}

static int stop_at_once(void *payload, const char *what, int64_t done, int64_t total)
{
    int64_t *seen = payload;
    assert_string_equal(what, "pull");
    assert_true(done <= total);
    *seen = done;
    return done > 50000;
}

static void stopping(void **state)
{
    struct hub_pulled got;
    int64_t seen = 0;
    (void)state;
    atomic_store(&server->bytes_per_ms, 200);
    struct hub_wish wish = { .path = "model.safetensors",
                             .progress = stop_at_once,
                             .progress_payload = &seen };
    assert_int_equal(pull_with(&got, wish), HOOKE_E_CANCELLED);
    assert_in_range(seen, 50001, WEIGHTS_BYTES - 1);
    assert_false(is_cached("model.safetensors"));
    hub_server_reset(server);
    assert_pulls("model.safetensors");
    assert_true(atomic_load(&server->n_sent) < WEIGHTS_BYTES - 50000);
}

/* Room is looked up before anything is asked for, of a single file and of a listing. */
static void a_disk_too_small(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        hub_server_fault(server, FAULT_HUGE, AT_HEAD | AT_LIST, "", 100, 0);
        struct hub_pulled got;
        struct hub_wish wish = { .path = whole ? NULL : "model.safetensors" };
        assert_int_equal(pull_with(&got, wish), HOOKE_E_IO);
        assert_non_null(strstr(hooke_error(), "GiB free; make room, or set HF_HUB_CACHE"));
        assert_int_equal(atomic_load(&server->n_gets) + atomic_load(&server->n_cdn), 0);
        hub_server_reset(server);
    }
    assert_pulls("model.safetensors");
}

static void bad_wishes(void **state)
{
    static const char *const repos[] = { "", "a/b/c", "../x", "a b/c" };
    static const char *const paths[] = { "/x", "a/../b", "a//b", "./a", "a\\b", "a/\n" };
    struct hub_pulled got;
    (void)state;
    for (size_t i = 0; i < sizeof repos / sizeof *repos; i++)
        assert_int_equal(pull_with(&got, (struct hub_wish){ .repo = repos[i] }), HOOKE_E_ARGUMENT);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(pull(paths[i]), HOOKE_E_ARGUMENT);
    assert_int_equal(atomic_load(&server->n_requests), 0);
}

/* ---- the public call ---- */

static void by_name(void **state)
{
    hooke_pulled *p = NULL;
    hooke_text path = { 0 };
    hooke_pull_options o = { .size = sizeof o, .dry_run = true };
    (void)state;
    assert_int_equal(hooke_pull(&p, "hf:org/model", &o), HOOKE_OK);
    const hooke_pulled_info *i = hooke_pulled_get_info(p);
    assert_string_equal(i->repo, "org/model");
    assert_string_equal(i->revision, "main");
    assert_string_equal(i->commit, HUB_COMMIT);
    assert_int_equal(i->n_files, 3);
    assert_false(i->files[0].was_cached);
    hooke_pulled_close(p);
    assert_int_equal(hooke_pull(&p, "hf:org/model", NULL), HOOKE_OK);
    assert_int_equal(hooke_resolve(&path, "hf:org/model", "model"), HOOKE_OK);
    assert_string_equal(path.data, hooke_pulled_get_info(p)->path);
    hooke_pulled_close(p);
    assert_int_equal(hooke_pull(&p, "hf:org/model/layer_1@next", NULL), HOOKE_OK);
    assert_string_equal(hooke_pulled_get_info(p)->commit, HUB_COMMIT2);
    assert_int_equal(hooke_resolve(&path, "hf:org/model/layer_1@next", "dict"), HOOKE_OK);
    assert_string_equal(path.data, hooke_pulled_get_info(p)->path);
    hooke_pulled_close(p);
    o = (hooke_pull_options){ .size = sizeof o, .revision = "refs/pr/1" };
    assert_int_equal(hooke_pull(&p, "hf:datasets/org/data/README.md@main", &o), HOOKE_OK);
    assert_string_equal(hooke_pulled_get_info(p)->repo, "datasets/org/data");
    assert_string_equal(hooke_pulled_get_info(p)->commit, HUB_COMMIT2);
    hooke_pulled_close(p);
    assert_int_equal(hooke_pull(&p, "micro", NULL), HOOKE_E_ARGUMENT);
    assert_null(p);
    assert_int_equal(hooke_pull(&p, "no such name", NULL), HOOKE_E_NOT_FOUND);
    hooke_text_release(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_file, fresh),
        cmocka_unit_test_setup(a_folder_and_odd_names, fresh),
        cmocka_unit_test_setup(a_model, fresh),
        cmocka_unit_test_setup(include_exclude_and_all, fresh),
        cmocka_unit_test_setup(wanted_files, fresh),
        cmocka_unit_test_setup(revisions, fresh),
        cmocka_unit_test_setup(data_sets_and_moved_repositories, fresh),
        cmocka_unit_test_setup(nothing_twice, fresh),
        cmocka_unit_test_setup(a_dry_run_writes_nothing, fresh),
        cmocka_unit_test_setup(copies_instead_of_links, fresh),
        cmocka_unit_test_setup(the_cache_is_marked, fresh),
        cmocka_unit_test_setup(other_checksums, fresh),
        cmocka_unit_test_setup(the_token_does_not_travel, fresh),
        cmocka_unit_test_setup(gated_and_private, fresh),
        cmocka_unit_test_setup(tokens_from_files, fresh),
        cmocka_unit_test_setup(endpoints, fresh),
        cmocka_unit_test_setup(offline, fresh),
        cmocka_unit_test_setup(broken_lines, fresh),
        cmocka_unit_test_setup(busy_servers, fresh),
        cmocka_unit_test_setup(wrong_answers, fresh),
        cmocka_unit_test_setup(going_on, fresh),
        cmocka_unit_test_setup(damaged_caches, fresh),
        cmocka_unit_test_setup(faults_that_last, fresh),
        cmocka_unit_test_setup(retry_after, fresh),
        cmocka_unit_test_setup(rate_limits, fresh),
        cmocka_unit_test_setup(words_of_the_server, fresh),
        cmocka_unit_test_setup(nobody_there, fresh),
        cmocka_unit_test_setup(one_of_several_fails, fresh),
        cmocka_unit_test_setup(stopping, fresh),
        cmocka_unit_test_setup(a_disk_too_small, fresh),
        cmocka_unit_test_setup(bad_wishes, fresh),
        cmocka_unit_test_setup(by_name, fresh),
    };
    return http_library() ? cmocka_run_group_tests(tests, start, stop) : hub_skip_all();
}
