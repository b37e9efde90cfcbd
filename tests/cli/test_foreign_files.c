/* Files of other programs as commands take them: PyTorch's and llama.cpp's. */
#include "cli/run_hooke.h"

#include <setjmp.h>
#include <cmocka.h>

static struct outcome *good(struct outcome *o)
{
    if (o->code) fprintf(stderr, "code %d, stderr: %s\n", o->code, o->err);
    assert_int_equal(o->code, 0);
    return o;
}

static void says(const char *text, const char *words)
{
    if (!strstr(text, words)) fprintf(stderr, "'%s' is not in: %s\n", words, text);
    assert_non_null(strstr(text, words));
}

static void info_says_what_torch_files_are(void **state)
{
    (void)state;
    struct outcome *o = good(hooke("info tests/golden/torch_dicts/dl_batch_topk --tensors"));
    says(o->out, "dictionary_learning");
    says(o->out, "blocks.3.hook_resid_post");
    says(o->out, "encoder.weight");
    o = good(hooke("info tests/golden/torch_dicts/goodfire/Llama-3.1-8B-Instruct-SAE-l19.pth"));
    says(o->out, "goodfire");
    o = good(hooke("info tests/golden/torch/nested.pt")); /* no dictionary: its tensors are named */
    says(o->out, "torch, 1 tensors");
    says(o->out, "state_dict.w");
    o = good(hooke("info tests/golden/gguf/every.gguf"));
    says(o->out, "gguf, 7 tensors");
    says(o->out, "Q8_0");
    o = good(hooke("info tests/golden/gguf/control_vector.gguf"));
    says(o->out, "control_vector");
}

static void what_is_refused_says_what_to_do(void **state)
{
    (void)state;
    struct outcome *o = hooke("info tests/golden/torch/old.pt");
    assert_int_equal(o->code, 1);
    says(o->err, "before version 1.6");
    says(o->err, "torch.save(torch.load(");
    o = hooke("info tests/golden/torch/custom_class.pt");
    assert_int_equal(o->code, 1);
    says(o->err, "argparse.Namespace");
    o = hooke("encode -d tests/golden/torch/module.pt -i x -o y");
    assert_int_equal(o->code, 1);
    says(o->err, "weight, bias");
}

/* ---- a control vector for the micro model: blocks 1 and 3, all elements 0.5 ---- */

enum { WIDTH = 128 };

static void put(FILE *f, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) fputc((int)(v >> 8 * i & 0xFF), f);
}

static void put_text(FILE *f, const char *s)
{
    put(f, strlen(s), 8);
    fputs(s, f);
}

static void put_control_vector(const char *path, const char *second)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs("GGUF", f);
    put(f, 3, 4);
    put(f, 2, 8); /* tensors */
    put(f, 1, 8); /* keys */
    put_text(f, "general.architecture");
    put(f, 8, 4); /* a string */
    put_text(f, "controlvector");
    for (uint64_t i = 0; i < 2; i++) {
        put_text(f, i ? second : "direction.1");
        put(f, 1, 4); /* axes */
        put(f, WIDTH, 8);
        put(f, 0, 4); /* F32 */
        put(f, i * WIDTH * 4, 8);
    }
    while (ftell(f) % 32) fputc(0, f);
    for (int i = 0; i < 2 * WIDTH; i++) put(f, 0x3F000000, 4); /* 0.5f */
    assert_int_equal(fclose(f), 0);
}

static void control_vectors_steer_their_blocks(void **state)
{
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/cv.gguf", folder);
    put_control_vector(path, "direction.3");
    struct outcome *o = good(hooke("generate -m micro 'The cat' --vector %s=2 -n 3", path));
    says(o->err, "blocks.1.hook_resid_post: 2 times a row of length 5.66"); /* sqrt(128) / 2 */
    says(o->err, "blocks.3.hook_resid_post");
    put_control_vector(path, "direction.99");
    o = hooke("generate -m micro 'The cat' --vector %s=2 -n 3", path);
    assert_int_not_equal(o->code, 0);
    says(o->err, "direction.99");
    says(o->err, "from 1 to 4");
}

/* What rows stand for is said where rows are shown: concepts beside a supervised dictionary. */
static void rows_have_labels(void **state)
{
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/cv.gguf", folder);
    put_control_vector(path, "direction.3");
    struct outcome *o =
        good(hooke("feature -m micro -d %s 1 --at blocks.3.hook_resid_post 'The cat' -q", path));
    says(o->out, "direction.3");
    o = good(hooke("feature -m micro -d %s 1 --at blocks.3.hook_resid_post 'The cat' --json", path));
    says(o->out, "\"label\": \"direction.3\"");
    o = good(hooke("features -m micro -d %s --at blocks.3.hook_resid_post 'The cat' --json", path));
    says(o->out, "\"label\": \"direction.1\"");
}

static int make_scratch(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(folder, sizeof folder, "%s/hooke-foreign-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_scratch(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    FILE *f = popen(command, "r");
    return f && pclose(f) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_says_what_torch_files_are),
        cmocka_unit_test(what_is_refused_says_what_to_do),
        cmocka_unit_test(control_vectors_steer_their_blocks),
        cmocka_unit_test(rows_have_labels),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
