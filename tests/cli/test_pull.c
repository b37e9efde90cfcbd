/* hooke pull from outside, against a hub on loopback. */
#define _GNU_SOURCE /* posix_openpt */
#include "cli/run_hooke.h"

#include <fcntl.h>

#include <setjmp.h>
#include <cmocka.h>
#undef fail /* cmocka's macro would rewrite the library's function */

#include "file/http.h"
#include "file/hub_server.h"

static struct hub_server *server;
enum { LARGE_BYTES = 400000 };
static char large[LARGE_BYTES];
static const struct hub_file files[] = {
    { "config.json", "{\"model_type\": \"gpt2\"}", 22, false },
    { "model.safetensors", "weights, as it were", 19, true },
    { "README.md", "read me", 7, false },
    { "train.csv", "text\nhello\n", 11, false },
    { "large.bin", large, LARGE_BYTES, true },
};

static int start(void **state)
{
    if (folder_make(state) != 0) return -1;
    server = hub_server_start(files, 5);
    if (!server) return -1;
    char cache[300];
    snprintf(cache, sizeof cache, "%s/cache", folder);
    setenv("HF_ENDPOINT", server->endpoint, 1);
    setenv("HF_HUB_CACHE", cache, 1);
    setenv("HF_HOME", folder, 1);
    unsetenv("HF_TOKEN");
    unsetenv("HF_HUB_OFFLINE");
    return 0;
}

static int stop(void **state)
{
    hub_server_stop(server);
    return folder_remove(state);
}

static void a_model_in_both_ways(void **state)
{
    (void)state;
    struct outcome *o = hooke("pull hf:org/model");
    assert_int_equal(o->code, 0);
    assert_non_null(strstr(o->out, "org/model at main (0123456789ab)"));
    assert_non_null(strstr(o->out, "2 files, 41 B, 41 B downloaded"));
    o = hooke("pull hf:org/model --json");
    assert_int_equal(o->code, 0);
    assert_true(is_json(o->out));
    assert_non_null(json_find(o->out, "files"));
    assert_int_equal(strtol(json_find(o->out, "bytes"), NULL, 10), 41);
    assert_int_equal(strtol(json_find(o->out, "bytes_downloaded"), NULL, 10), 0);
    assert_non_null(strstr(json_find(o->out, "path"), "/snapshots/" HUB_COMMIT));
    assert_string_equal(o->err, "");
    o = hooke("pull hf:org/model hf:datasets/org/data/train.csv --json");
    assert_true(is_json(o->out));
    assert_int_equal(o->out[0], '[');
}

static void choices_and_dry_runs(void **state)
{
    (void)state;
    struct outcome *o = hooke("pull hf:org/model@next --include '*.md' --dry-run");
    assert_int_equal(o->code, 0);
    assert_non_null(strstr(o->out, "1 file, 8 B, 8 B to download"));
    o = hooke("pull hf:org/model --all --exclude '*.csv' --exclude '*.bin' -q");
    assert_non_null(strstr(o->out, "3 files"));
}

static void faults(void **state)
{
    (void)state;
    struct outcome *o = hooke("pull hf:org/gated");
    assert_int_equal(o->code, 1);
    assert_string_equal(o->out, "");
    assert_non_null(strstr(o->err, "/org/gated, then set HF_TOKEN"));
    o = hooke("pull hf:org/model/absent.txt");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "absent.txt"));
    assert_int_equal(hooke("pull")->code, 2);
    assert_int_equal(hooke("pull micro")->code, 2);
    assert_int_equal(hooke("pull hf:org/model --rows 5")->code, 2);
    assert_int_equal(hooke("pull hf:org/model --only W_dec --rows 5-2")->code, 2);
    assert_int_equal(hooke("pull hf:org/model/model.safetensors --only W_dec")->code, 1);
    assert_int_equal(hooke("pull --datasets no-such-thing")->code, 2);
    setenv("HF_HUB_OFFLINE", "1", 1);
    o = hooke("pull hf:org/model");
    unsetenv("HF_HUB_OFFLINE");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "HF_HUB_OFFLINE"));
}

/* What a terminal as standard error is shown by "hooke <arguments>", at most capacity - 1 bytes. Its exit code; -1: no terminal. */
static int on_a_terminal(char *out, size_t capacity, const char *const *arguments)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), status = -1;
    size_t n = 0;
    out[0] = '\0';
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return -1;
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY), null = open("/dev/null", O_WRONLY);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(null, STDOUT_FILENO);
        dup2(slave, STDERR_FILENO);
        execv(program(), (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(slave);
    close(null);
    for (ssize_t got; n + 1 < capacity && (got = read(master, out + n, capacity - 1 - n)) > 0;)
        n += (size_t)got;
    out[n] = '\0';
    close(master);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void progress_on_a_terminal_only(void **state)
{
    static const char *const shown[] = {
        "hooke", "pull", "hf:org/model@next", "--include", "large.bin", NULL
    };
    static const char *const quiet[] = {
        "hooke", "pull", "hf:org/model", "--include", "large.bin", "-q", NULL
    };
    static char text[1 << 16];
    (void)state;
    atomic_store(&server->bytes_per_ms, LARGE_BYTES / 1500); /* a second and a half */
    int code = on_a_terminal(text, sizeof text, shown);
    if (code < 0) {
        atomic_store(&server->bytes_per_ms, 0);
        print_message("skip: no pseudo-terminal can be had\n");
        skip();
    }
    assert_int_equal(code, 0);
    assert_non_null(strstr(text, "pull: "));
    assert_non_null(strstr(text, "%"));
    assert_non_null(strstr(text, "/400.0k [00:0")); /* of how much, and for how long */
    assert_non_null(strstr(text, "<00:0"));         /* time left */
    assert_non_null(strstr(text, "k/s]"));
    assert_int_equal(on_a_terminal(text, sizeof text, quiet), 0);
    assert_string_equal(text, "");
    struct outcome *o = hooke("pull hf:org/gated --include large.bin");
    assert_int_equal(o->code, 1);
    setenv("HF_TOKEN", "hf_good", 1);
    o = hooke("pull hf:org/gated --include large.bin");
    unsetenv("HF_TOKEN");
    atomic_store(&server->bytes_per_ms, 0);
    assert_int_equal(o->code, 0);
    assert_string_equal(o->err, ""); /* a file is no terminal */
}

static void progress_that_nobody_wants(void **state)
{
    static const char *const command[] = { "hooke", "pull", "hf:datasets/org/data/large.bin", NULL };
    static char text[1 << 16];
    (void)state;
    atomic_store(&server->bytes_per_ms, LARGE_BYTES / 1000);
    setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1", 1);
    int code = on_a_terminal(text, sizeof text, command);
    unsetenv("HF_HUB_DISABLE_PROGRESS_BARS");
    atomic_store(&server->bytes_per_ms, 0);
    if (code < 0) {
        print_message("skip: no pseudo-terminal can be had\n");
        skip();
    }
    assert_int_equal(code, 0);
    assert_string_equal(text, "");
}

/* Only a pull uses the network: other commands look into the cache and say what to type. */
static void nothing_else_uses_the_network(void **state)
{
    (void)state;
    int before = atomic_load(&server->n_requests);
    struct outcome *o = hooke("info hf:org/secret");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "hooke pull"));
    hooke("tokens -m hf:org/gated hello");
    hooke("doctor");
    assert_int_equal(atomic_load(&server->n_requests), before);
}

/* --pull: there is no tokenizer in it, but it has come before anybody looked. */
static void commands_that_pull(void **state)
{
    char place[400];
    (void)state;
    struct outcome *o = hooke("tokens -m hf:org/model@next hello");
    assert_int_equal(o->code, 1);
    o = hooke("tokens -m hf:org/model@next --pull hello");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "tokenizer"));
    snprintf(place, sizeof place, "%s/cache/models--org--model/snapshots/" HUB_COMMIT2 "/model.safetensors",
             folder);
    assert_int_equal(access(place, R_OK), 0);
    assert_int_equal(hooke("encode -d hf:org/secret/x --pull -i none.safetensors -o /dev/null")->code, 1);
    assert_int_equal(hooke("tokens -m micro --pull hello")->code, 0); /* there is nothing to pull */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_in_both_ways),
        cmocka_unit_test(choices_and_dry_runs),
        cmocka_unit_test(faults),
        cmocka_unit_test(progress_on_a_terminal_only),
        cmocka_unit_test(progress_that_nobody_wants),
        cmocka_unit_test(commands_that_pull),
        cmocka_unit_test(nothing_else_uses_the_network),
    };
    return http_library() ? cmocka_run_group_tests(tests, start, stop) : hub_skip_all();
}
