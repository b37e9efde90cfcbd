/* The program from outside: calls, exit codes, messages, help pages, configuration files. Needs no model. */
#include "cli/run_hooke.h"

#include <setjmp.h>
#include <cmocka.h>

#include <hooke.h>

static const char *const commands[] = { "demo",    "info",   "ls",     "pull",     "tokens",  "capture",
                                        "convert", "encode", "decode", "features", "feature", "generate",
                                        "eval",    "bench",  "synth",  "doctor" };
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

/* "hooke: <what>: <why>; <what to do>" on one line, and nothing on standard output. */
static void assert_message(const struct outcome *o, int code, const char *part)
{
    if (o->code != code || !strstr(o->err, part)) fprintf(stderr, "code %d, stderr: %s\n", o->code, o->err);
    assert_int_equal(o->code, code);
    assert_non_null(strstr(o->err, part));
    const char *line = strstr(o->err, "hooke: ");
    assert_non_null(line);
    assert_non_null(strchr(line + 7, ':'));
    assert_non_null(strchr(line, ';'));
    assert_string_equal(o->out, "");
}

static void every_command_has_help_with_an_example(void **state)
{
    (void)state;
    for (int i = 0; i < N_COMMANDS; i++) {
        struct outcome *o = hooke("%s --help", commands[i]);
        char usage[64], example[64];
        snprintf(usage, sizeof usage, "Usage: hooke %s", commands[i]);
        snprintf(example, sizeof example, "  hooke %s", commands[i]);
        assert_int_equal(o->code, 0);
        assert_ptr_equal(strstr(o->out, usage), o->out);
        const char *at = strstr(o->out, "\nExample\n");
        assert_non_null(at);
        assert_non_null(strstr(at, example));
        assert_non_null(strstr(o->out, "--json"));
        char *copy = test_malloc(strlen(o->out) + 1);
        memcpy(copy, o->out, strlen(o->out) + 1);
        assert_string_equal(hooke("help %s", commands[i])->out, copy);
        test_free(copy);
    }
}

/* The help pages as they were last looked at; tests/golden/cli/update.sh writes them. */
static void help_pages_are_as_recorded(void **state)
{
    static char golden[OUTPUT_BYTES];
    (void)state;
    for (int i = 0; i < N_COMMANDS; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/golden/cli/help_%s.txt", commands[i]);
        read_text(golden, sizeof golden, path);
        assert_string_equal(hooke("%s --help", commands[i])->out, golden);
    }
    read_text(golden, sizeof golden, "tests/golden/cli/help.txt");
    assert_string_equal(hooke("help")->out, golden);
}

static void version_is_the_library_s(void **state)
{
    (void)state;
    struct outcome *o = hooke("--version");
    assert_int_equal(o->code, 0);
    assert_string_equal(o->out, "hooke " HOOKE_VERSION "\n");
}

static void no_command_lists_them_and_is_a_wrong_call(void **state)
{
    (void)state;
    struct outcome *o = hooke("%s", "");
    assert_int_equal(o->code, 2);
    assert_non_null(strstr(o->err, "generate"));
    assert_string_equal(o->out, "");
}

static void misspelt_commands_and_options_get_suggestions(void **state)
{
    (void)state;
    assert_message(hooke("genrate x"), 2, "did you mean 'generate'?");
    assert_message(hooke("feat x"), 2, "did you mean 'features'?");
    assert_message(hooke("zzzzzzzz"), 2, "'hooke help' lists the commands");
    assert_message(hooke("train"), 2, "no such command");
    assert_message(hooke("generate --stear 1 x"), 2, "did you mean '--steer'?");
    assert_message(hooke("generate --qqqqqqqq x"), 2, "'hooke generate --help' lists them");
    assert_message(hooke("eval corr"), 2, "did you mean 'core'?");
    assert_message(hooke("synth --shape gemma-2-2c -o %s/x", folder), 2, "did you mean 'gemma-2-2b'?");
}

static void wrong_values_are_refused_by_name(void **state)
{
    (void)state;
    assert_message(hooke("generate --n-new 0 x"), 2, "--n-new: '0' is not a whole number from 1");
    assert_message(hooke("generate --n-new 3.5 x"), 2, "--n-new");
    assert_message(hooke("generate --temperature warm x"), 2, "--temperature");
    assert_message(hooke("generate --temperature nan x"), 2, "--temperature");
    assert_message(hooke("generate --top-p 1.5 x"), 2, "--top-p");
    assert_message(hooke("generate --dtype f8 x"), 2, "one of f32|bf16");
    assert_message(hooke("generate --max-memory 6Q x"), 2, "a size such as 512M or 6G");
    assert_message(hooke("generate --chat=3 x"), 2, "takes no value");
    assert_message(hooke("generate --system x y"), 2, "--system and --chat-... go with it");
    assert_message(hooke("generate --chat --chat-var think y"), 2, "write NAME=VALUE");
    assert_message(hooke("generate --chat --chat-date soon y"), 2, "is not YYYY-MM-DD");
    assert_message(hooke("generate -n"), 2, "needs a value");
    assert_message(hooke("capture --store f64 x"), 2, "--store");
    assert_message(hooke("decode a b"), 2, "one argument too many");
    assert_message(hooke("capture x"), 2, "there is no output file");
    assert_message(hooke("capture -o %s/x x", folder), 2, "there is no site");
    assert_message(hooke("encode -i x"), 2, "the output file is missing");
    assert_message(hooke("decode -o x"), 2, "the input file is missing");
    assert_message(hooke("synth --shape pythia-70m"), 2, "the folder is missing");
    assert_message(hooke("eval"), 2, "no evaluation named");
    assert_message(hooke("feature"), 2, "no feature named");
    assert_message(hooke("info"), 2, "nothing to look at");
    assert_message(hooke("demo --json"), 2, "demo is for people");
    assert_message(hooke("features --feature=-1 x"), 2, "--feature");
    assert_message(hooke("features --html - x"), 2, "--html");
    assert_message(hooke("decode --name= -i a -o b"), 2, "--name: is empty");
    assert_message(hooke("info micro --check"), 2, "--check: is for dictionaries");
    assert_message(hooke("info -d micro --sites"), 2, "--sites: lists a model's sites");
    assert_message(hooke("generate --steer micro:5=1e39 x"), 2, "'1e39' is no strength");
    assert_message(hooke("generate --vector a=nan x"), 2, "'nan' is no strength");
    assert_message(hooke("tokens a ''"), 1, "prompt 2 is empty");
    assert_message(hooke("tokens --ctx 1 --text x"), 2, "--ctx: '1' is not a whole number from 2");
    assert_message(hooke("eval core --llm_dtype int8"), 2, "--llm-dtype");
    assert_message(hooke("eval core -o /dev/null/x"), 1, "cannot take files");
    assert_message(hooke("bench ceilings"), 2, "did you mean 'ceiling'?");
    assert_message(hooke("bench --shape pythia-70"), 2, "did you mean 'pythia-70m'?");
}

static void names_take_dashes_and_underscores(void **state)
{
    (void)state;
    assert_message(hooke("eval core --n_eval_reconstruction_batches 0"), 2,
                   "--n-eval-reconstruction-batches");
    assert_message(hooke("eval core --n-eval_reconstruction-batches 0"), 2,
                   "--n-eval-reconstruction-batches");
}

static const char *write_config(const char *text)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/run.yaml", folder);
    assert_int_equal(hooke_write_file(path, text, strlen(text)), HOOKE_OK);
    return path;
}

static void config_files_are_read_and_flags_win(void **state)
{
    (void)state;
    assert_message(
        hooke("synth --config %s -o %s/x", write_config("# a comment\nshape: no-such # more\n"), folder), 2,
        "'no-such'");
    assert_message(
        hooke("synth --config %s --shape other -o %s/x", write_config("shape: \"no-such\"\n"), folder), 2,
        "'other'");
    assert_message(hooke("generate --config %s x", write_config("n_new: 0\n")), 2, "--n-new");
    assert_message(hooke("generate --config %s x", write_config("stear: a:1=2\n")), 2,
                   "run.yaml:1: 'stear' is not an option");
    assert_message(hooke("generate --config %s x", write_config("a:\n  b: 1\n")), 2,
                   "run.yaml:2: only flat maps");
    assert_message(hooke("generate --config %s x", write_config("seed 4\n")), 2,
                   "run.yaml:1: expected 'key: value'");
    assert_message(hooke("generate --config %s x", write_config("model: {a: 1}\n")), 2, "only flat maps");
    assert_message(hooke("generate --config %s/absent.yaml x", folder), 1, "absent.yaml");
}

static void synth_writes_and_says_so(void **state)
{
    (void)state;
    struct outcome *o = hooke("synth --list");
    assert_int_equal(o->code, 0);
    assert_non_null(strstr(o->out, "gemma-2-2b\n"));
    o = hooke("synth --list --json");
    assert_true(is_json(o->out) && o->out[0] == '[');
    o = hooke("synth --shape pythia-14m --seed 3 -o %s/p14 --json", folder);
    assert_int_equal(o->code, 0);
    assert_true(is_json(o->out));
    assert_non_null(json_find(o->out, "path"));
    assert_true(strtod(json_find(o->out, "bytes"), NULL) > 1e6);
    assert_non_null(strstr(o->out, "\"seed\": 3"));
    assert_message(hooke("synth --shape pythia-14m -o /proc/no/where"), 1, "/proc/no");
}

static void doctor_answers_in_both_ways(void **state)
{
    static const char *const keys[] = { "levels", "cuda", "mpi", "cache", "missing" };
    (void)state;
    struct outcome *o = hooke("doctor --json");
    assert_int_equal(o->code, 0);
    assert_true(is_json(o->out));
    for (int i = 0; i < 5; i++) assert_non_null(json_find(o->out, keys[i]));
    o = hooke("doctor");
    assert_int_equal(o->code, 0);
    assert_non_null(strstr(o->out, "levels"));
    assert_null(strchr(o->out, '{'));
    setenv("HOOKE_CPU", "ref", 1);
    assert_non_null(strstr(hooke("doctor")->out, "\nlevel: ref\n"));
    setenv("HOOKE_CPU", "fast", 1);
    assert_non_null(strstr(hooke("doctor")->out, "HOOKE_CPU"));
    setenv("HF_HUB_CACHE", "Makefile", 1);
    assert_non_null(strstr(hooke("doctor")->out, "a file has its name"));
    unsetenv("HF_HUB_CACHE");
    unsetenv("HOOKE_CPU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_has_help_with_an_example),
        cmocka_unit_test(help_pages_are_as_recorded),
        cmocka_unit_test(version_is_the_library_s),
        cmocka_unit_test(no_command_lists_them_and_is_a_wrong_call),
        cmocka_unit_test(misspelt_commands_and_options_get_suggestions),
        cmocka_unit_test(wrong_values_are_refused_by_name),
        cmocka_unit_test(names_take_dashes_and_underscores),
        cmocka_unit_test(config_files_are_read_and_flags_win),
        cmocka_unit_test(synth_writes_and_says_so),
        cmocka_unit_test(doctor_answers_in_both_ways),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
