/* hooke convert, and hooke info of what it wrote. */
#include "run_hooke.h"

#include <setjmp.h>

#include <cmocka.h>

#define AFFINE                                                                          \
    "tests/golden/formats/gemma_scope_2_affine/google--gemma-scope-2-1b-pt/transcoder/" \
    "layer_13_width_65k_l0_medium_affine"

static void has(const char *text, const char *words)
{
    if (!strstr(text, words)) fail_msg("'%s' is not in:\n%s", words, text);
}

static void the_shipped_dictionary_in_each_format(void **state)
{
    (void)state;
    struct outcome *o = hooke("convert micro %s/saelens --to saelens", folder);
    assert_int_equal(o->code, 0);
    has(o->out, "saelens, jumprelu, 2048 features of 128, raw activations");
    o = hooke("info %s/saelens --json", folder);
    assert_int_equal(o->code, 0);
    has(o->out, "\"kind\": \"dict\"");
    has(o->out, "\"format\": \"saelens\"");
    has(o->out, "\"site\": \"blocks.2.hook_resid_post\"");
    has(o->out, "\"name\": \"W_dec\"");
    o = hooke("convert %s/saelens %s/scope --to gemma_scope --json", folder, folder);
    assert_int_equal(o->code, 0);
    has(o->out, "\"written\": true");
    has(o->out, "\"lost\": []");
    o = hooke("info %s/scope", folder);
    has(o->out, "gemma_scope");
    has(o->out, "blocks.2.hook_resid_post");
    o = hooke("convert micro %s/learned --to dictionary_learning", folder);
    assert_int_equal(o->code, 0);
    has(o->out, "kept beside  prepend_bos");
    o = hooke("convert micro %s/sparsify --to sparsify", folder);
    assert_int_equal(o->code, 1);
    has(o->err, "sparsify has no architecture that gives the codes of 'jumprelu'");
}

static void a_folder_is_written(void **state)
{
    (void)state;
    struct outcome *o = hooke("convert micro models/micro/config.json --to saelens --force");
    assert_int_equal(o->code, 1);
    has(o->err, "models/micro/config.json: is a file");
    o = hooke("features -q -m models/micro-sae/layer_2/width_2k/average_l0_28 -d micro hi");
    assert_int_equal(o->code, 1);
    has(o->err, "a dictionary (gemma_scope), not a model");
    o = hooke("features -q -m models/micro/model.safetensors -d micro hi");
    assert_int_equal(o->code, 1);
    has(o->err, "a model is a folder");
}

static void losses_are_asked_for(void **state)
{
    (void)state;
    struct outcome *o = hooke("convert " AFFINE " %s/lost --to gemma_scope", folder);
    assert_int_equal(o->code, 1);
    has(o->err, "no place for: skip");
    has(o->err, "--drop");
    o = hooke("convert " AFFINE " %s/lost --to gemma_scope --dry-run --json", folder);
    assert_int_equal(o->code, 0);
    has(o->out, "\"written\": false");
    has(o->out, "\"name\": \"skip\"");
    o = hooke("convert " AFFINE " %s/lost --to gemma_scope --drop skipp", folder);
    assert_int_equal(o->code, 2);
    has(o->err, "nothing called 'skipp' would be lost");
    o = hooke("info %s/lost", folder);
    assert_int_equal(o->code, 1); /* nothing of all this was written */
    o = hooke("convert " AFFINE " %s/lost --to gemma_scope --drop skip", folder);
    assert_int_equal(o->code, 0);
    has(o->out, "lost         skip");
    o = hooke("convert " AFFINE " %s/lost --to gemma_scope --drop skip", folder);
    assert_int_equal(o->code, 1);
    has(o->err, "is not empty");
    o = hooke("convert " AFFINE " %s/lost --to gemma_scope --drop skip --force", folder);
    assert_int_equal(o->code, 0);
}

static void wrong_calls(void **state)
{
    (void)state;
    assert_int_equal(hooke("convert micro %s/x", folder)->code, 2);
    assert_int_equal(hooke("convert --to saelens")->code, 2);
    struct outcome *o = hooke("convert micro %s/x --to pickle", folder);
    assert_int_equal(o->code, 2);
    has(o->err, "pickle");
    o = hooke("convert no/such/thing %s/x --to saelens", folder);
    assert_int_equal(o->code, 1);
}

/* Every published layout is named for what it is. */
static void info_names_every_format(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "sparsify_topk/layers.3", "sparsify" },
        { AFFINE, "gemma_scope_2" },
        { "llama_scope/Llama3_1-8B-Base-L0R-8x", "llama_scope" },
        { "llama_scope_r1/800M-Slimpajama-0-OpenR1-Math-220k/L15R", "llama_scope_r1" },
        { "llamascopium_jumprelu/blocks.13.hook_resid_post-8x", "llamascopium" },
        { "mwhanna_transcoder/qwen3-4b-transcoders/layer_5.safetensors", "transcoder_set" },
        { "cross_layer/clt-gemma-2-2b/W_enc_2.safetensors", "cross_layer_transcoder" },
        { "temporal_yaml/gemma-2-2b/layer_12/temporal", "temporal" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool whole = strncmp(cases[i][0], "tests/", 6) == 0;
        struct outcome *o = hooke("info %s%s --json", whole ? "" : "tests/golden/formats/", cases[i][0]);
        char words[64];
        assert_int_equal(o->code, 0);
        snprintf(words, sizeof words, "\"format\": \"%s\"", cases[i][1]);
        has(o->out, words);
        has(o->out, "\"kind\": \"dict\"");
    }
    struct outcome *o = hooke("info tests/golden/formats");
    assert_int_equal(o->code, 0);
    has(o->out, "dictionaries   28");
    has(o->out, "tests/golden/formats/llamascopium_checkpoint/blocks.13.hook_resid_post-8x\n");
    has(o->out, "tests/golden/formats/llama_scope/Llama3_1-8B-Base-L0R-8x");
    o = hooke("info tests/golden/torch_dicts --json");
    assert_int_equal(o->code, 0);
    assert_true(is_json(o->out));
    has(o->out, "\"kind\": \"folder\"");
    has(o->out, "{\"path\": \"tests/golden/torch_dicts/dl_topk\", \"format\": \"dictionary_learning\"}");
    o = hooke("encode -d tests/golden/torch_dicts/goodfire -i x -o y");
    assert_int_equal(o->code, 1);
    has(o->err, "a folder of 1 dictionary");
    has(o->err, "Llama-3.1-8B-Instruct-SAE-l19.pth");
    o = hooke("info tests/golden/text");
    assert_int_equal(o->code, 1);
    has(o->err, "a folder without what is known here");
}

/* The common options reach the reader. */
static void readings_of_the_same_files(void **state)
{
    (void)state;
    const char *clt = "tests/golden/formats/cross_layer/clt-gemma-2-2b/W_enc_2.safetensors";
    struct outcome *o = hooke("info %s --json", clt);
    has(o->out, "\"n_targets\": 4");
    assert_int_equal(hooke("info %s --target 4", clt)->code, 0);
    o = hooke("info %s --target 5", clt);
    assert_int_equal(o->code, 2);
    has(o->err, "target 5 asked for");
    const char *llama = "tests/golden/formats/llama_scope/Llama3_1-8B-Base-L0R-8x";
    has(hooke("info %s", llama)->out, "canonical");
    has(hooke("info %s --as-saelens", llama)->out, "raw");
    const char *pca = "tests/golden/torch_dicts/pca/pca_gemma-2-2b_blocks.12.hook_resid_post.pt";
    assert_int_equal(hooke("info %s --dict-family pca_scores", pca)->code, 0);
    o = hooke("info %s --dict-family pca_score", pca);
    assert_int_equal(o->code, 2);
    has(o->err, "did you mean 'pca_scores'?");
    o = hooke("info tests/golden/torch_dicts/dl_topk --dict-arch nonsense");
    assert_int_equal(o->code, 1);
    has(o->err, "nonsense");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_dictionary_in_each_format),
        cmocka_unit_test(a_folder_is_written),
        cmocka_unit_test(losses_are_asked_for),
        cmocka_unit_test(wrong_calls),
        cmocka_unit_test(info_names_every_format),
        cmocka_unit_test(readings_of_the_same_files),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
