/* Reading, steering and scoring through the program, on the embedded model. */
#include "cli/run_hooke.h"

#include <setjmp.h>
#include <sys/stat.h>
#include <cmocka.h>

#include <hooke.h>

#define SENTENCE "\"Paris is a city in the country of France.\""

static char *keep(const char *s)
{
    char *copy = test_malloc(strlen(s) + 1);
    memcpy(copy, s, strlen(s) + 1);
    return copy;
}

static struct outcome *good(struct outcome *o)
{
    if (o->code) fprintf(stderr, "code %d, stderr: %s\n", o->code, o->err);
    assert_int_equal(o->code, 0);
    return o;
}

static struct outcome *good_json(struct outcome *o)
{
    good(o);
    assert_true(is_json(o->out));
    assert_null(strstr(o->err, "hooke:"));
    return o;
}

static void tokens_go_there_and_back(void **state)
{
    (void)state;
    struct outcome *o = good_json(hooke("tokens --json " SENTENCE));
    assert_non_null(json_find(o->out, "tokens"));
    const char *ids = json_find(o->out, "ids");
    size_t n = strcspn(ids, "]") + 1;
    char list[2048];
    snprintf(list, sizeof list, "%.*s", (int)n, ids);
    o = good(hooke("tokens --decode --skip-special \"%s\"", list));
    assert_string_equal(o->out, "Paris is a city in the country of France.\n");
    assert_true(strncmp(list, "[2,", 3) == 0);
    o = good_json(hooke("tokens --no-prepend-bos --json " SENTENCE));
    assert_true(strncmp(json_find(o->out, "ids"), "[2,", 3) != 0);
}

/* A folder is a data set: its splits, and what is none. */
static void text_comes_from_splits_of_data_sets(void **state)
{
    static const char *const files[][2] = { { "train.jsonl", "{\"text\": \"one two\"}\n" },
                                            { "test.jsonl", "{\"text\": \"four\"}\n" } };
    char set[300], path[400];
    (void)state;
    snprintf(set, sizeof set, "%s/set", folder);
    assert_int_equal(mkdir(set, 0700), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", set, files[i][0]);
        assert_int_equal(hooke_write_file(path, files[i][1], strlen(files[i][1])), HOOKE_OK);
    }
    char *one_two = keep(good(hooke("tokens \"one two\""))->out),
         *four = keep(good(hooke("tokens four"))->out);
    assert_string_equal(good(hooke("tokens --text %s", set))->out, one_two);
    assert_string_equal(good(hooke("tokens --text %s --split test", set))->out, four);
    struct outcome *o = hooke("tokens --text %s --split tset", set);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "no split 'tset'; there are: train, test"));
    assert_int_equal(hooke("tokens --text %s --subset other", set)->code, 1);
    o = hooke("tokens --text %s --split test", path);
    assert_int_equal(o->code, 2);
    assert_non_null(strstr(o->err, "this is one file"));
    test_free(one_two);
    test_free(four);
}

static void text_comes_from_files_arguments_and_standard_input(void **state)
{
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/a.jsonl", folder);
    const char *lines =
        "{\"text\": \"one two\", \"other\": \"three\"}\n{\"text\": \"four\", \"other\": \"five\"}\n";
    assert_int_equal(hooke_write_file(path, lines, strlen(lines)), HOOKE_OK);
    char *direct = keep(good(hooke("tokens \"one two\" four"))->out);
    assert_string_equal(good(hooke("tokens --text %s", path))->out, direct);
    char plain[300];
    snprintf(plain, sizeof plain, "%s/a.txt", folder);
    assert_int_equal(hooke_write_file(plain, "one two", 7), HOOKE_OK);
    assert_string_equal(good(hooke("tokens - four < %s", plain))->out, direct);
    char *rows = keep(good(hooke("tokens x y"))->out);
    assert_string_equal(
        good(hooke("tokens --text tests/golden/parquet/odd_columns.parquet --column last"))->out, rows);
    char *other = keep(good(hooke("tokens three five"))->out);
    assert_string_equal(good(hooke("tokens --text %s --column other", path))->out, other);
    snprintf(path, sizeof path, "%s/ids.json", folder);
    assert_int_equal(hooke_write_file(path, "[[2, 5], [7]]", 13), HOOKE_OK);
    assert_non_null(strstr(good_json(hooke("tokens --decode --ids %s --json", path))->out, "[2, 5, 7]"));
    test_free(direct);
    test_free(rows);
    test_free(other);
}

static void bad_text_is_refused_or_repaired(void **state)
{
    char path[300];
    (void)state;
    struct outcome *o = hooke("features \"\"");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "hooke: text: is empty; "));
    o = hooke("features");
    assert_int_equal(o->code, 2);
    assert_non_null(strstr(o->err, "there is none to read"));
    o = hooke("features --text %s/absent.txt", folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "absent.txt"));
    snprintf(path, sizeof path, "%s/bad.txt", folder);
    assert_int_equal(hooke_write_file(path, "Paris \xFF is", 10), HOOKE_OK);
    good_json(hooke("features --json --text %s", path));
    static const char *const bad_ids[] = { "[[1, 999999]]", "[[1, -2]]", "[[1, 2]", "{}",
                                           "[[1.5]]",       "[[1]] x",   "" };
    snprintf(path, sizeof path, "%s/bad.json", folder);
    for (size_t i = 0; i < sizeof bad_ids / sizeof bad_ids[0]; i++) {
        assert_int_equal(hooke_write_file(path, bad_ids[i], strlen(bad_ids[i])), HOOKE_OK);
        o = hooke("features --ids %s", path);
        assert_int_equal(o->code, 1);
        assert_non_null(strstr(o->err, "hooke: --ids: "));
    }
    o = hooke("features --ctx 8 \"a prompt\"");
    assert_int_equal(o->code, 2);
    o = hooke("features --ctx 100000 --text %s/bad.txt", folder);
    assert_int_equal(o->code, 2);
    o = hooke("features --ctx 500 --text %s/bad.txt", folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "does not fill one context of 500 tokens"));
}

static void packings_have_names(void **state)
{
    (void)state;
    struct outcome *o =
        good_json(hooke("tokens --json --text data/micro/demo.txt --ctx 4 --pack sparsify --max-tokens 4"));
    assert_non_null(strstr(o->out, "[2, 1, 3171, 295]")); /* BOS, then EOS before the first document */
    o = good_json(
        hooke("tokens --json --text data/micro/demo.txt --ctx 4 --pack dictionary_learning --pack-block 1"));
    assert_non_null(strstr(o->out, "[2, 3171, 295, 299]"));
    o = hooke("tokens --text data/micro/demo.txt --ctx 4 --pack sparsly");
    assert_int_equal(o->code, 2);
    assert_non_null(strstr(o->err, "the nearest is 'sparsify'"));
    assert_int_equal(hooke("tokens --text data/micro/demo.txt --pack sparsify")->code, 2);
    assert_int_equal(hooke("tokens --text data/micro/demo.txt --ctx 4 --pack-block 2")->code, 2);
}

static void features_lists_every_token(void **state)
{
    (void)state;
    struct outcome *o = good_json(hooke("features --top 2 --json " SENTENCE));
    const char *keys[] = { "tokens",           "token", "id", "features", "index", "value", "label",
                           "activation_scale", "site" };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) assert_non_null(json_find(o->out, keys[i]));
    int n_tokens = 0;
    for (const char *p = o->out; (p = strstr(p, "\"l0\":")) != NULL; p++) n_tokens++;
    struct outcome *t = good(hooke("tokens " SENTENCE));
    int n_lines = 0;
    for (const char *p = t->out; (p = strchr(p, '\n')) != NULL; p++) n_lines++;
    assert_int_equal(n_tokens, n_lines);
    o = good(hooke("features --top 2 " SENTENCE));
    assert_non_null(strstr(o->out, "\" city\""));
    assert_null(strchr(o->out, '\033'));          /* no colours into a pipe */
    assert_non_null(strstr(o->err, "BOS added")); /* the header */
    assert_non_null(strstr(o->err, "activations raw"));
    assert_string_equal(good(hooke("features -q " SENTENCE))->err, "");
}

static void results_do_not_depend_on_threads(void **state)
{
    static const char *const calls[] = {
        "features --json " SENTENCE,
        "feature 5 --json --text data/micro/demo.txt",
        "generate --json -n 12 --steer micro:5=20 " SENTENCE,
    };
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char *one = keep(good_json(hooke("%s -t 1", calls[i]))->out);
        assert_string_equal(good_json(hooke("%s -t 2", calls[i]))->out, one);
        test_free(one);
    }
}

static void unknown_things_get_clear_messages(void **state)
{
    (void)state;
    struct outcome *o = hooke("features --at blocks.1.hook_resid_pst " SENTENCE);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "blocks.1.hook_resid_post")); /* the suggestion */
    o = hooke("features --at blocks.1.mlp.hook_pre " SENTENCE);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "reads rows of"));
    o = hooke("features -m %s/no-model " SENTENCE, folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "no-model"));
    o = hooke("features -d %s/no-dict " SENTENCE, folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "no-dict"));
    o = hooke("features --feature 99999999 " SENTENCE);
    assert_int_equal(o->code, 1);
    o = hooke("feature micro:99999999");
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "is not in dictionary"));
    o = hooke("feature micro:x");
    assert_int_equal(o->code, 2);
    o = hooke("generate --steer micro:5 x");
    assert_int_equal(o->code, 2);
    assert_non_null(strstr(o->err, "has no strength"));
}

static void feature_shows_all_sides(void **state)
{
    static const char *const keys[] = { "index",
                                        "frac_nonzero",
                                        "maxActApprox",
                                        "top_logits",
                                        "bottom_logits",
                                        "neighbours",
                                        "cosine",
                                        "freq_hist_data_bar_values",
                                        "activations",
                                        "maxValueTokenIndex",
                                        "pos_str",
                                        "neg_values",
                                        "topkCosSimIndices",
                                        "dtype" };
    (void)state;
    const char *last = NULL; /* a feature of the sentence's last token */
    struct outcome *o = good_json(hooke("features --top 1 --json " SENTENCE));
    for (const char *p = o->out; (p = json_find(p, "index")) != NULL;) last = p;
    assert_non_null(last);
    int feature = (int)strtol(last, NULL, 10);
    char *plain = keep(good_json(hooke("feature %d --json " SENTENCE, feature))->out);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) assert_non_null(json_find(plain, keys[i]));
    assert_true(strtod(json_find(plain, "frac_nonzero"), NULL) > 0);
    assert_string_equal(good_json(hooke("feature micro:%d --json " SENTENCE, feature))->out, plain);
    test_free(plain);
    o = good(hooke("feature %d --examples 2 " SENTENCE, feature));
    assert_non_null(strstr(o->out, "nearest decoder rows"));
    assert_non_null(strstr(o->out, "raises"));
    assert_non_null(strstr(o->out, "strongest in the text"));
}

/* Value of a feature at every token, from the JSON: the sum over its entries. */
static double total_of(const char *json, int feature)
{
    char key[32];
    double sum = 0;
    snprintf(key, sizeof key, "\"index\": %d,", feature);
    for (const char *p = json; (p = strstr(p, key)) != NULL; p++) sum += strtod(json_find(p, "value"), NULL);
    return sum;
}

static void the_page_stands_alone_and_escapes(void **state)
{
    static char page[OUTPUT_BYTES];
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/page.html", folder);
    good(hooke("features --html %s \"a <script>alert(1)</script> & 'b'\"", path));
    read_text(page, sizeof page, path);
    assert_non_null(strstr(page, "<!doctype html>"));
    assert_non_null(strstr(page, "&amp;"));
    assert_null(strstr(page, "<script>alert"));
    assert_null(strstr(page, "http://"));
    assert_null(strstr(page, "https://"));
    assert_null(strstr(page, "src="));
    const char *data = strstr(page, "id=\"data\">\n"), *end = data ? strstr(data, "</script>") : NULL;
    assert_non_null(end);
    assert_null(memchr(data + 11, '<', (size_t)(end - data - 11)));
    page[end - page] = '\0';
    assert_true(is_json(data + 11));
    struct outcome *o = hooke("features --html %s/no/page.html x", folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "no/page.html"));
}

static void steering_changes_the_continuation(void **state)
{
    (void)state;
    struct outcome *o = good_json(hooke("generate --json -n 16 --ignore-stop " SENTENCE));
    assert_non_null(json_find(o->out, "text"));
    char *ids = keep(json_find(o->out, "ids"));
    ids[strcspn(ids, "]")] = '\0';
    o = good_json(hooke("generate --json -n 16 --ignore-stop --steer micro:5=0 " SENTENCE));
    assert_int_equal(strncmp(json_find(o->out, "ids"), ids, strlen(ids)), 0); /* strength 0 changes nothing */
    o = good_json(hooke("generate --json -n 16 --ignore-stop --steer micro:5=400 " SENTENCE));
    assert_int_not_equal(strncmp(json_find(o->out, "ids"), ids, strlen(ids)), 0);
    const char *sequences = json_find(o->out, "sequences");
    assert_int_equal(strncmp(json_find(sequences, "ids"), ids, strlen(ids)), 0); /* the default beside it */
    assert_non_null(json_find(o->out, "vector_norm"));
    o = good_json(hooke("generate --json -n 16 --ignore-stop --no-cache --steer micro:5=400 " SENTENCE));
    char *steered = keep(json_find(o->out, "ids"));
    o = good_json(hooke("generate --json -n 16 --ignore-stop --steer micro:5=400 " SENTENCE));
    assert_int_equal(strncmp(json_find(o->out, "ids"), steered, strcspn(steered, "]")), 0);
    o = good(hooke("generate -n 4 --steer micro:5=400 " SENTENCE));
    assert_non_null(strstr(o->out, "default: "));
    assert_non_null(strstr(o->out, "steered: "));
    test_free(ids);
    test_free(steered);
}

/* A vector from a file does what the feature it was copied from does. */
static void a_vector_file_steers_like_its_feature(void **state)
{
    char path[300];
    hooke_context *ctx;
    hooke_dict *dict;
    (void)state;
    assert_int_equal(hooke_context_open(&ctx, NULL), HOOKE_OK);
    assert_int_equal(hooke_dict_open(&dict, ctx, "micro", NULL), HOOKE_OK);
    const hooke_dict_info *info = hooke_dict_get_info(dict);
    float *row = test_malloc((size_t)info->d_out * sizeof *row);
    assert_int_equal(hooke_dict_decoder_row(dict, 5, row), HOOKE_OK);
    hooke_tensor_out t = { info->site, "F32", 1, { info->d_out }, row };
    snprintf(path, sizeof path, "%s/vector.safetensors", folder);
    assert_int_equal(hooke_write_safetensors(path, &t, 1, NULL), HOOKE_OK);
    test_free(row);
    hooke_dict_close(dict);
    hooke_context_close(ctx);
    char *one =
        keep(json_find(good_json(hooke("generate --json -n 8 --steer micro:5=400 " SENTENCE))->out, "ids"));
    char *two =
        keep(json_find(good_json(hooke("generate --json -n 8 --vector %s=400 " SENTENCE, path))->out, "ids"));
    assert_int_equal(strncmp(one, two, strcspn(one, "]")), 0);
    test_free(one);
    test_free(two);
}

/* Taking out a feature that is off changes nothing; taking out each token's strongest does. */
static void ablation_takes_out_what_is_on(void **state)
{
    char list[16384];
    size_t n = 0;
    (void)state;
    char *text = keep(good_json(hooke("features --top 1000 --json " SENTENCE))->out);
    int off = 0;
    while (total_of(text, off) > 0) off++;
    test_free(text);
    char *plain = keep(json_find(good_json(hooke("generate --json -n 1 " SENTENCE))->out, "ids"));
    struct outcome *o = good_json(hooke("generate --json -n 1 --ablate micro:%d " SENTENCE, off));
    assert_int_equal(strncmp(json_find(o->out, "ids"), plain, strcspn(plain, "]")), 0);
    assert_non_null(strstr(o->out, "\"ablate\""));
    test_free(plain);
    o = good_json(hooke("features --top 12 --json " SENTENCE));
    for (const char *p = o->out; (p = json_find(p, "index")) != NULL && n < sizeof list - 32;)
        n += (size_t)snprintf(list + n, sizeof list - n, " --ablate %d", (int)strtol(p, NULL, 10));
    plain = keep(json_find(good_json(hooke("generate --json -n 24 --ignore-stop " SENTENCE))->out, "ids"));
    o = good_json(hooke("generate --json -n 24 --ignore-stop --only-steered %s " SENTENCE, list));
    assert_int_not_equal(strncmp(json_find(o->out, "ids"), plain, strcspn(plain, "]")), 0);
    test_free(plain);
}

static void eval_core_writes_saebench_s_document_once(void **state)
{
    char path[400];
    static const char *const keys[] = { "eval_type_id",  "eval_config",        "eval_result_metrics",
                                        "ce_loss_score", "explained_variance", "eval_result_details",
                                        "sae_cfg_dict",  "sae_lens_release_id" };
    (void)state;
    const char *small = "--batch_size_prompts 2 --n_eval_reconstruction_batches 1 "
                        "--n_eval_sparsity_variance_batches 1 --context_size 32";
    struct outcome *o = good_json(hooke("eval core %s --output_folder %s/a/b --json", small, folder));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) assert_non_null(json_find(o->out, keys[i]));
    snprintf(path, sizeof path, "%s/a/b/micro_custom_sae_eval_results.json", folder);
    assert_int_equal(access(path, R_OK), 0);
    o = good(hooke("eval core %s --output_folder %s/a/b", small, folder));
    assert_non_null(strstr(o->err, "--force_rerun"));
    assert_string_equal(o->out, "");
    o = good(hooke("eval core %s --output_folder %s/a/b --force_rerun", small, folder));
    assert_non_null(strstr(o->out, "CE loss score"));
    o = hooke("eval core %s --output_folder /proc/no", small);
    assert_int_equal(o->code, 1);
    o = hooke("eval core --dataset %s/absent.jsonl --output_folder %s/c", folder, folder);
    assert_int_equal(o->code, 1);
    snprintf(path, sizeof path, "%s/c", folder);
    assert_int_not_equal(access(path, F_OK), 0); /* nothing half-made */
    o = hooke("eval core no-such-release \".*\" --output_folder %s/c", folder);
    assert_int_equal(o->code, 1);
    o = hooke("eval core no-such-release no/such/id --output_folder %s/c", folder);
    assert_int_equal(o->code, 1);
    assert_non_null(strstr(o->err, "no-such-release/no/such/id"));
    o = hooke("eval core \"(\" \".*\"");
    assert_int_equal(o->code, 2);
}

static void demo_is_quick_and_says_something(void **state)
{
    (void)state;
    struct outcome *o = good(hooke("demo"));
    assert_non_null(strstr(o->out, "default: "));
    assert_non_null(strstr(o->out, "CE loss score"));
    assert_non_null(strstr(o->out, "\302\253")); /* marks stand for colours in a pipe */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_go_there_and_back),
        cmocka_unit_test(text_comes_from_files_arguments_and_standard_input),
        cmocka_unit_test(text_comes_from_splits_of_data_sets),
        cmocka_unit_test(bad_text_is_refused_or_repaired),
        cmocka_unit_test(packings_have_names),
        cmocka_unit_test(features_lists_every_token),
        cmocka_unit_test(results_do_not_depend_on_threads),
        cmocka_unit_test(unknown_things_get_clear_messages),
        cmocka_unit_test(feature_shows_all_sides),
        cmocka_unit_test(the_page_stands_alone_and_escapes),
        cmocka_unit_test(steering_changes_the_continuation),
        cmocka_unit_test(a_vector_file_steers_like_its_feature),
        cmocka_unit_test(ablation_takes_out_what_is_on),
        cmocka_unit_test(eval_core_writes_saebench_s_document_once),
        cmocka_unit_test(demo_is_quick_and_says_something),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
