/* hooke pull from outside, against a hub on loopback. */
#include "cli/run_hooke.h"

#include <setjmp.h>
#include <cmocka.h>
#undef fail /* cmocka's macro would rewrite the library's function */

#include "file/http.h"
#include "file/hub_server.h"

static struct hub_server *server;
static const struct hub_file files[] = {
    { "config.json", "{\"model_type\": \"gpt2\"}", 22, false },
    { "model.safetensors", "weights, as it were", 19, true },
    { "README.md", "read me", 7, false },
    { "train.csv", "text\nhello\n", 11, false },
};

static int start(void **state)
{
    if (folder_make(state) != 0) return -1;
    server = hub_server_start(files, 4);
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
    o = hooke("pull hf:org/model --all --exclude '*.csv' -q");
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
        cmocka_unit_test(commands_that_pull),
        cmocka_unit_test(nothing_else_uses_the_network),
    };
    return http_library() ? cmocka_run_group_tests(tests, start, stop) : hub_skip_all();
}
