/* A pull that is killed at a random moment, again and again: the next one completes, and nobody who reads the cache meanwhile ever
 * sees half of a file. HOOKE_KILLS says how often (20). */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "check.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "file/hub_net.h"
#include "file/hub_server.h"
#include "remove_tree.h"

#define HERE  "build/tmp/hub_kill/"
#define CACHE HERE "cache"

enum { LARGE_BYTES = 400000, SMALL_BYTES = 3000 };
static char large[LARGE_BYTES], small[SMALL_BYTES];
static const struct hub_file files[] = {
    { "config.json", small, SMALL_BYTES, false },
    { "model.safetensors.index.json", small, SMALL_BYTES / 2, false },
    { "model-00001-of-00002.safetensors", large, LARGE_BYTES, true },
    { "model-00002-of-00002.safetensors", large, LARGE_BYTES / 2, true },
    { "tokenizer.json", small, 77, false },
};
enum { N_FILES = sizeof files / sizeof *files };

/* What the reader found; shared with it. */
static struct {
    atomic_bool stop;
    atomic_long n_whole, n_torn, n_bad_refs;
} * seen;

static void nap_us(long us)
{
    struct timespec t = { us / 1000000, us % 1000000 * 1000 };
    nanosleep(&t, NULL);
}

static bool empty_cache(void)
{
    remove_tree(CACHE);
    return access(CACHE, F_OK) != 0;
}

/* One look at one file of the snapshot: absent, or whole. */
static void look(const struct hub_file *f)
{
    char name[512];
    static char bytes[LARGE_BYTES + 1];
    snprintf(name, sizeof name, CACHE "/models--org--model/snapshots/" HUB_COMMIT "/%s", f->path);
    FILE *file = fopen(name, "rb");
    if (!file) return;
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    bool is_whole = n == f->n && memcmp(bytes, f->bytes, n) == 0;
    atomic_fetch_add(is_whole ? &seen->n_whole : &seen->n_torn, 1);
}

/* A ref is either absent or leads to a snapshot in which everything is there. */
static void look_through_ref(void)
{
    hooke_text snapshot = { 0 }, name = { 0 };
    if (hub_snapshot(&snapshot, "org/model", "main") == HOOKE_OK) {
        for (int i = 0; i < N_FILES; i++)
            if (path_join(&name, snapshot.data, files[i].path) != HOOKE_OK || !file_exists(name.data))
                atomic_fetch_add(&seen->n_bad_refs, 1);
    } else if (strstr(hooke_error(), "holds no commit")) {
        atomic_fetch_add(&seen->n_bad_refs, 1);
    }
    hooke_text_release(&snapshot);
    hooke_text_release(&name);
}

/* The cache is emptied between rounds only while the reader pauses: a reader must not see that. */
static pid_t start_reader(void)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    while (!atomic_load(&seen->stop)) {
        for (int i = 0; i < N_FILES; i++) look(&files[i]);
        look_through_ref();
        nap_us(500);
    }
    _exit(0);
}

static void end_reader(pid_t pid)
{
    atomic_store(&seen->stop, true);
    waitpid(pid, NULL, 0);
    atomic_store(&seen->stop, false);
}

static hooke_status pull(void)
{
    struct hub_pulled got;
    struct hub_wish wish = { .repo = "org/model", .is_model = true, .first_wait_ms = 1 };
    hooke_status st = hub_pull(&got, &wish);
    hub_pulled_release(&got);
    return st;
}

static pid_t start_pull(void)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    _exit(pull() == HOOKE_OK ? 0 : 1);
}

static long count_leftovers(void)
{
    char text[64] = "";
    FILE *f = popen("find " CACHE " -name '*.incomplete' -o -name '*.tmp-*' -o -name '*.link' | wc -l", "r");
    if (!f || !fgets(text, sizeof text, f)) return -1;
    pclose(f);
    return strtol(text, NULL, 10);
}

static void killed_at_random_moments(void **state)
{
    const char *value = getenv("HOOKE_KILLS");
    long rounds = value ? strtol(value, NULL, 10) : 20, n_killed = 0, n_finished = 0, span_us = 60000;
    (void)state;
    if (http_library() == NULL) {
        print_message("skip: libcurl is not there\n");
        skip();
    }
    struct hub_server *server = hub_server_start(files, N_FILES);
    assert_non_null(server);
    setenv("HF_ENDPOINT", server->endpoint, 1);
    setenv("HF_HUB_CACHE", CACHE, 1);
    setenv("HF_HOME", HERE "home", 1);
    atomic_store(&server->bytes_per_ms, 12000); /* a pull takes some 50 ms */
    assert_true(empty_cache());
    double began = clock_seconds();
    assert_int_equal(pull(), HOOKE_OK);
    span_us = (long)((clock_seconds() - began) * 1.1e6);
    for (long round = 0; round < rounds; round++) {
        assert_true(empty_cache());
        pid_t reader = start_reader();
        /* up to three in a row on the same cache, then one that may finish */
        for (uint64_t again = 0; again < 1 + (uint64_t)round % 3; again++) {
            int status = 0;
            double u = random_uniform((uint64_t)round, RANDOM_TEST, again);
            pid_t pid = start_pull();
            nap_us((long)(u * (double)span_us));
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            if (WIFSIGNALED(status))
                n_killed++;
            else
                n_finished++;
        }
        hooke_status st = pull();
        if (st != HOOKE_OK) print_message("round %ld: %s\n", round, hooke_error());
        assert_int_equal(st, HOOKE_OK);
        end_reader(reader);
        for (int i = 0; i < N_FILES; i++) look(&files[i]);
        look_through_ref();
        assert_int_equal(atomic_load(&seen->n_torn), 0);
        assert_int_equal(atomic_load(&seen->n_bad_refs), 0);
        assert_int_equal(count_leftovers(), 0);
    }
    print_message("%ld rounds, %ld pulls killed, %ld done before the signal; a pull takes %.0f ms; readers "
                  "saw %ld whole files, "
                  "%ld torn\n",
                  rounds, n_killed, n_finished, (double)span_us / 1100, atomic_load(&seen->n_whole),
                  atomic_load(&seen->n_torn));
    hub_server_stop(server);
}

/* Four processes want the same files: each byte comes once. */
static void several_at_once(void **state)
{
    pid_t pids[4];
    (void)state;
    if (http_library() == NULL) {
        print_message("skip: libcurl is not there\n");
        skip();
    }
    struct hub_server *server = hub_server_start(files, N_FILES);
    assert_non_null(server);
    setenv("HF_ENDPOINT", server->endpoint, 1);
    setenv("HF_HUB_CACHE", CACHE, 1);
    atomic_store(&server->bytes_per_ms, 12000);
    assert_true(empty_cache());
    for (int i = 0; i < 4; i++) pids[i] = start_pull();
    for (int i = 0; i < 4; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < N_FILES; i++) look(&files[i]);
    assert_int_equal(atomic_load(&seen->n_torn), 0);
    assert_int_equal(atomic_load(&server->n_cdn), 2);
    assert_int_equal(count_leftovers(), 0);
    hub_server_stop(server);
}

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < LARGE_BYTES; i++) large[i] = (char)(i * 31 + i / 251);
    for (int i = 0; i < SMALL_BYTES; i++) small[i] = (char)('a' + i % 26);
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return seen == MAP_FAILED ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_random_moments),
        cmocka_unit_test(several_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
