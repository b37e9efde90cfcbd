/* Names at the command line: hooke ls, what is said about names that are not known, where results say they come from. */
#include "cli/run_hooke.h"

#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

static struct outcome *good(struct outcome *o)
{
    if (o->code) fprintf(stderr, "code %d, stderr: %s\n", o->code, o->err);
    assert_int_equal(o->code, 0);
    return o;
}

static int lines(const char *s)
{
    int n = 0;
    for (; (s = strchr(s, '\n')) != NULL; s++) n++;
    return n;
}

/* Every line is one JSON object that holds the keys scripts rely on. */
static void assert_stream(char *text, int n)
{
    static const char *const keys[] = { "release", "sae_id", "repo_id", "model", "cached" };
    assert_int_equal(lines(text), n);
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        assert_true(is_json(line));
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) assert_non_null(json_find(line, keys[i]));
    }
}

static void ls_lists_releases_then_rows(void **state)
{
    (void)state;
    struct outcome *o = good(hooke("ls"));
    assert_non_null(strstr(o->out, "gemma-scope-2b-pt-res-canonical"));
    assert_non_null(strstr(o->out, "google/gemma-2-2b"));
    assert_non_null(strstr(o->err, "4500 dictionaries"));
    o = good(hooke("ls --kind dict --json"));
    assert_stream(o->out, 4500);
    o = good(hooke("ls '^gemma-scope-2b-pt-res/.*width_1m' --json"));
    assert_int_equal(lines(o->out), 18);
}

static void ls_filters(void **state)
{
    static const struct {
        const char *arguments;
        int n;
    } filters[] = {
        { "--release gemma-scope-2b-pt-res-canonical --layer 20", 2 },
        { "--release gemma-scope-2b-pt-res-canonical --layer 10-12 --width 16k", 3 },
        { "--release 'gemma-scope-2b-pt-res.*' --layer 20 --width 16384 --l0 71", 2 },
        { "gemma-scope-2b-pt-res/ --layer 20 --width 16k --l0 100-", 2 },
        { "gemma-scope-2b-pt-res/ --layer 20 --width 16k --l0 -40", 2 },
        { "--model gpt2 --site hook_z", 12 },
        { "--model gpt2 --site hook_z --layer 3- --l0 -20 --not-cached", 7 },
        { "--model GEMMA-2-2B --layer 20 --width 16K --l0 50-80 --site resid_post --kind dict", 2 },
        { "attn-saes --layer 3 --width 24576", 1 },
        { "--model gpt2-small --site hook_z", 12 },
        { "gemma-2-2b/20-gemmascope-res-16k$", 1 },
        { "--kind model gemma-2-9b", 2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct outcome *o = good(hooke("ls --json %s", filters[i].arguments));
        if (lines(o->out) != filters[i].n)
            fprintf(stderr, "%s: %d\n%s", filters[i].arguments, lines(o->out), o->out);
        assert_stream(o->out, filters[i].n);
    }
}

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void ls_knows_what_is_cached(void **state)
{
    char command[2000];
    const char *repo = "hub/models--google--gemma-scope-2b-pt-res",
               *found = "layer_20/width_16k/average_l0_71";
    (void)state;
    snprintf(command, sizeof command,
             "cd %s && mkdir -p %s/refs %s/snapshots/" COMMIT "/%s && printf " COMMIT
             " > %s/refs/main && touch "
             "%s/snapshots/" COMMIT "/%s/params.npz",
             folder, repo, repo, found, repo, repo, found);
    FILE *f = popen(command, "r");
    assert_int_equal(pclose(f), 0);
    snprintf(command, sizeof command, "%s/hub", folder);
    setenv("HF_HUB_CACHE", command, 1);
    struct outcome *o = good(hooke("ls --cached --json"));
    assert_non_null(strstr(o->out, "\"sae_id\": \"layer_20/width_16k/average_l0_71\""));
    assert_non_null(strstr(o->out, "\"sae_id\": \"layer_20/width_16k/canonical\""));
    assert_stream(o->out, 2);
    snprintf(command, sizeof command,
             "cd %s/hub && mkdir -p models--someone--model/refs models--someone--model/snapshots/" COMMIT
             " && printf " COMMIT
             " > models--someone--model/refs/main && echo '{\"model_type\": \"gemma2\"}' > "
             "models--someone--model/snapshots/" COMMIT
             "/config.json && touch models--someone--model/snapshots/" COMMIT "/model.safetensors",
             folder);
    f = popen(command, "r");
    assert_int_equal(pclose(f), 0);
    o = good(hooke("ls --cached --kind model --json"));
    assert_non_null(strstr(o->out, "\"repo_id\": \"someone/model\""));
    assert_stream(o->out, 1);
    o = good(hooke("ls --not-cached --kind dict --json"));
    assert_int_equal(lines(o->out), 4498);
    assert_int_equal(hooke("ls --cached --not-cached")->code, 2);
    unsetenv("HF_HUB_CACHE");
}

static void ls_says_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(hooke("ls '('")->code, 2);
    assert_non_null(strstr(hooke("ls --release '('")->err, "--release: '(':"));
    assert_non_null(strstr(hooke("ls gemma-scope-2-1b")->err, "younger than the list open by name"));
    struct outcome *empty = hooke("generate -m '' x");
    assert_true(empty->code == 2 && strstr(empty->err, "an empty name for a model"));
    assert_int_equal(hooke("ls --layer x")->code, 2);
    assert_int_equal(hooke("ls --l0 9-3")->code, 2);
    struct outcome *o = hooke("ls no-such-thing-anywhere");
    assert_int_equal(o->code, 1);
    assert_string_equal(o->out, "");
    o = hooke("ls --model gemma-2-2c");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "gemma-2-2b"));
}

static void what_is_not_here_says_how_to_fetch_it(void **state)
{
    (void)state;
    setenv("HF_HUB_CACHE", "/nonexistent/cache", 1);
    struct outcome *o = hooke("info gemma-2-2b/20-gemmascope-res-16k");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "hooke pull gemma-2-2b/20-gemmascope-res-16k"));
    o = hooke("info gemma-scope-2b-pt-res/layer_20/width_17k/average_l0_71");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "no width 17k at layer 20, only 16k 65k"));
    assert_string_equal(o->out, "");
    o = hooke("info a/b"); /* nothing is known of it */
    assert_string_equal(o->out, "");
    unsetenv("HF_HUB_CACHE");
}

/* A pull that was cut off, or a tool that brought less: what is missing and how to fetch it, not what a folder lacks. */
static void what_is_here_in_part_says_so(void **state)
{
    static const struct {
        const char *call, *missing;
    } cases[] = {
        { "info gpt2-small/8-res-jb",
          "/blocks.8.hook_resid_pre/sae_weights.safetensors; fetch it: hooke pull gpt2-small/8-res-jb" },
        { "features -m micro -d gpt2-small/8-res-jb x", "only partly in the cache: no " },
        { "info gpt2", "hooke pull gpt2" },
        { "generate -m gpt2 x", "/model*.safetensors; fetch it: hooke pull gpt2" },
        { "info gpt2@v9", "'gpt2' at 'v9' is not in the cache: no " },
    };
    static const char *const files[] = {
        "models--jbloom--GPT2-Small-SAEs-Reformatted/snapshots/" COMMIT "/blocks.8.hook_resid_pre/cfg.json",
        "models--gpt2/snapshots/" COMMIT "/config.json",
    };
    static const char *const refs[] = { "models--jbloom--GPT2-Small-SAEs-Reformatted/refs/main",
                                        "models--gpt2/refs/main" };
    char command[2000];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        snprintf(command, sizeof command,
                 "here=$(pwd) && mkdir -p %s/partly && cd %s/partly && mkdir -p \"$(dirname %s)\" "
                 "\"$(dirname %s)\" && "
                 "printf " COMMIT " > %s && cp \"$here/models/micro/config.json\" %s",
                 folder, folder, files[i], refs[i], refs[i], files[i]);
        FILE *f = popen(command, "r");
        assert_int_equal(pclose(f), 0);
    }
    snprintf(command, sizeof command, "%s/partly", folder);
    setenv("HF_HUB_CACHE", command, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome *o = hooke("%s", cases[i].call);
        if (!strstr(o->err, cases[i].missing)) fprintf(stderr, "%s: %s", cases[i].call, o->err);
        assert_int_equal(o->code, 1);
        assert_non_null(strstr(o->err, cases[i].missing));
    }
    unsetenv("HF_HUB_CACHE");
}

/* What a name tells stands on standard output, what is missing on standard error. */
static void info_tells_what_a_name_tells(void **state)
{
    static const char *const keys[] = { "kind", "format",  "architecture", "d_model", "d_dict",
                                        "site", "tensors", "files",        "loader",  "origin" };
    (void)state;
    setenv("HF_HUB_CACHE", "/nonexistent/cache", 1);
    struct outcome *o = hooke("info goodfire-llama-3.1-8b-instruct/layer_19");
    assert_int_equal(o->code, 1);
    assert_non_null(
        strstr(o->out, "Goodfire/Llama-3.1-8B-Instruct-SAE-l19 Llama-3.1-8B-Instruct-SAE-l19.pth @main"));
    assert_non_null(strstr(o->out, "blocks.19.hook_resid_post"));
    assert_non_null(strstr(o->out, "llama3.1-8b-it/19-resid-post-gf"));
    assert_non_null(strstr(o->err, "hooke pull goodfire-llama-3.1-8b-instruct/layer_19"));
    o = hooke("info temporal-sae-gemma-2-2b/blocks.12.hook_resid_post --json");
    assert_int_equal(o->code, 1);
    assert_true(is_json(o->out));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) assert_non_null(json_find(o->out, keys[i]));
    assert_non_null(strstr(o->out, "\"cached\": false"));
    assert_non_null(strstr(o->out, "gemma-2-2B/layer_12/temporal/latest_ckpt.safetensors"));
    assert_non_null(strstr(o->out, "\"norm_scaling_factor\": 0.00666666667"));
    o = hooke(
        "feature -d https://www.neuronpedia.org/gpt2-small/8-res-jb/5"); /* the feature is in the name */
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "fetch it: hooke pull https://www.neuronpedia.org/gpt2-small/8-res-jb/5"));
    assert_int_equal(hooke("feature -d gpt2-small/8-res-jb")->code, 2);
    o = hooke("info gpt2-small --json");
    assert_true(o->code == 1 && is_json(o->out));
    assert_non_null(strstr(o->out, "\"kind\": \"model\""));
    unsetenv("HF_HUB_CACHE");
}

static void doctor_names_the_token_s_source_never_the_token(void **state)
{
    (void)state;
    setenv("HF_TOKEN", "hf_very_secret", 1);
    setenv("HF_HUB_OFFLINE", "1", 1);
    struct outcome *o = good(hooke("doctor --json"));
    assert_true(is_json(o->out));
    assert_non_null(strstr(o->out, "\"token_from\": \"HF_TOKEN\""));
    assert_non_null(strstr(o->out, "\"offline\": true"));
    assert_non_null(strstr(o->out, "\"dictionaries\": 4500"));
    assert_null(strstr(o->out, "secret"));
    assert_null(strstr(o->err, "secret"));
    o = good(hooke("doctor"));
    assert_non_null(strstr(o->out, "hooke pull --datasets"));
    assert_null(strstr(o->out, "secret"));
    unsetenv("HF_TOKEN");
    unsetenv("HF_HUB_OFFLINE");
}

static void results_say_where_they_come_from(void **state)
{
    (void)state;
    struct outcome *o = good(hooke("info -d micro --json"));
    assert_true(is_json(o->out));
    assert_non_null(strstr(o->out, "\"origin\": {\"model\": null, \"dicts\": [{\"what\": \"micro\""));
    o = good(hooke("tokens -m micro --json 'Hello'"));
    assert_true(is_json(o->out));
    assert_non_null(strstr(o->out, "\"origin\": {\"model\": {\"what\": \"micro\""));
    o = good(hooke("tokens -m micro --json --decode 5"));
    assert_non_null(strstr(o->out, "\"origin\": {\"model\": {\"what\": \"micro\""));
    o = good(hooke("convert micro no-folder --to saelens --dry-run --json"));
    assert_non_null(strstr(o->out, "\"dicts\": [{\"what\": \"micro\""));
    o = good(hooke("features -m micro -d micro --json 'Hello'"));
    assert_true(is_json(o->out));
    assert_non_null(strstr(o->out, "\"origin\": {\"model\": {\"what\": \"micro\""));
    o = good(hooke("bench encode -d micro --runs 1 -n 32 --json"));
    assert_true(is_json(o->out));
    assert_non_null(strstr(o->out, "\"origin\": {\"model\": null, \"dicts\": [{\"what\": \"micro\""));
    assert_non_null(strstr(o->out, "\"synth\": null"));
    o = good(hooke("bench prefill -m micro --runs 1 -n 32 --json"));
    assert_non_null(strstr(o->out, "\"origin\": {\"model\": {\"what\": \"micro\""));
    o = good(hooke("bench decode --shape pythia-14m --width 512 --runs 1 -n 32 --json"));
    assert_non_null(strstr(o->out, "\"origin\": {\"model\": null, \"dicts\": []}"));
    assert_non_null(strstr(o->out, "\"synth\": {\"shape\": \"pythia-14m\", \"seed\": 0}"));
    o = hooke("bench encode -d gpt2-small/8-res-jbb --json");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "8-res-jb"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ls_lists_releases_then_rows),
        cmocka_unit_test(ls_filters),
        cmocka_unit_test(ls_knows_what_is_cached),
        cmocka_unit_test(ls_says_what_is_wrong),
        cmocka_unit_test(what_is_not_here_says_how_to_fetch_it),
        cmocka_unit_test(what_is_here_in_part_says_so),
        cmocka_unit_test(info_tells_what_a_name_tells),
        cmocka_unit_test(doctor_names_the_token_s_source_never_the_token),
        cmocka_unit_test(results_say_where_they_come_from),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
