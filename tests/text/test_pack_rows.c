/* Contexts that a data set brings as ids. */
#include "file/bytes.h"
#include "remove_tree.h"
#include "toy.h"

#include <unistd.h>

static char folder[64], path[128];

static const char *put(const char *name, const char *bytes)
{
    snprintf(folder, sizeof folder, "build/test_pack_rows.%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(make_folders(folder), HOOKE_OK);
    assert_int_equal(hooke_write_file(path, bytes, strlen(bytes)), HOOKE_OK);
    return path;
}

/* Contexts separated by '|'; the failure's status otherwise. */
static hooke_status contexts(hooke_text *found, const char *where, const char *column, int n_ctx)
{
    hooke_tokenizer *tk =
        must_open_json("{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"d\":3},\"merges\":[]}}", NULL);
    hooke_packer *p;
    int32_t ids[8];
    int n = 1;
    hooke_rows_options o = { .size = sizeof o, .columns = &column, .n_columns = column ? 1 : 0 };
    hooke_status st = hooke_packer_open_pretokenized(&p, tk, where, &o, n_ctx);
    text_clear(found);
    text_append(found, "", 0);
    while (!st && n > 0) {
        st = hooke_packer_context(p, ids, &n);
        for (int i = 0; !st && i < n; i++) text_printf(found, "%d", (int)ids[i]);
        if (!st && n > 0) text_puts(found, "|");
    }
    hooke_packer_close(p);
    hooke_tokenizer_close(tk);
    return st;
}

static void expect(const char *where, const char *column, int n_ctx, hooke_status st, const char *expected,
                   int line)
{
    hooke_text found = { 0 };
    hooke_status got = contexts(&found, where, column, n_ctx);
    if (got != st)
        stop(line, "expected status %d, found %d: %s", (int)st, (int)got, got ? hooke_error() : found.data);
    if (!st && strcmp(found.data, expected) != 0) stop(line, "expected %s, found %s", expected, found.data);
    if (st && !strstr(hooke_error(), expected)) stop(line, "expected '%s' in '%s'", expected, hooke_error());
    hooke_text_release(&found);
}
#define GOOD(where, column, n_ctx, expected)    expect(where, column, n_ctx, HOOKE_OK, expected, __LINE__)
#define BAD(where, column, n_ctx, status, word) expect(where, column, n_ctx, status, word, __LINE__)

static void rows_are_cut(void **state)
{
    (void)state;
    GOOD(put("a.jsonl", "{\"input_ids\":[0,1,2]}\n{\"input_ids\":[3,2,1,0]}\n"), NULL, 3, "012|321|");
    GOOD(put("a.jsonl", "{\"input_ids\":[0,1,2]}\n{\"input_ids\":[3,2,1,0]}\n"), NULL, 2, "01|32|");
    GOOD(put("a.jsonl", "{\"input_ids\":[0,1],\"tokens\":[3,2]}\n"), NULL, 2, "32|"); /* tokens comes first */
    GOOD(put("a.jsonl", "{\"ids\":[0,1],\"tokens\":[3,2]}\n"), "ids", 2, "01|");
    GOOD(put("a.jsonl", ""), NULL, 2, "");
    GOOD("tests/golden/text/pretokenized.parquet", NULL, 4, "0123|3210|1111|");
}

static void rows_that_do_not_fit(void **state)
{
    (void)state;
    BAD(put("a.jsonl", "{\"input_ids\":[0,1]}\n"), NULL, 3, HOOKE_E_SHAPE, "smaller context");
    BAD(put("a.jsonl", "{\"input_ids\":[0,4]}\n"), NULL, 2, HOOKE_E_FORMAT, "another tokenizer");
    BAD(put("a.jsonl", "{\"input_ids\":[0,-1]}\n"), NULL, 2, HOOKE_E_FORMAT, "id 1");
    BAD(put("a.jsonl", "{\"input_ids\":[0,1.5]}\n"), NULL, 2, HOOKE_E_FORMAT, "id 1");
    BAD(put("a.jsonl", "{\"input_ids\":\"0 1\"}\n"), NULL, 2, HOOKE_E_FORMAT, "a list of token ids");
    BAD(put("a.jsonl", "{\"text\":\"a\"}\n"), NULL, 2, HOOKE_E_FORMAT, "no column 'input_ids'");
    BAD(put("a.jsonl", "{\"input_ids\":[0,1]}\n"), NULL, 1, HOOKE_E_ARGUMENT, "at least 2");
    BAD("build/no/such.jsonl", NULL, 2, HOOKE_E_NOT_FOUND, "such.jsonl");
}

static void sae_lens_json_is_looked_at(void **state)
{
    (void)state;
    char set[64];
    put("train.jsonl", "{\"input_ids\":[0,1,2,3]}\n");
    snprintf(set, sizeof set, "%s", folder);
    GOOD(set, NULL, 4, "0123|");
    put("sae_lens.json", "{\"context_size\":4,\"tokenizer_name\":\"gpt2\"}");
    GOOD(set, NULL, 4, "0123|");
    put("sae_lens.json", "{\"context_size\":3}");
    BAD(set, NULL, 4, HOOKE_E_SHAPE, "contexts of 3 tokens");
    put("sae_lens.json", "{\"context_size\":\"3\"}");
    BAD(set, NULL, 4, HOOKE_E_FORMAT, "context_size");
    put("sae_lens.json", "{");
    BAD(set, NULL, 4, HOOKE_E_FORMAT, "sae_lens.json");
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    char where[128];
    snprintf(where, sizeof where, "%s", put("m.jsonl", "{\"input_ids\":[0,1,2]}\n"));
    hooke_status st = HOOKE_E_MEMORY;
    hooke_tokenizer *tk =
        must_open_json("{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"c\":2},\"merges\":[]}}", NULL);
    for (long at = 1; st == HOOKE_E_MEMORY; at++) {
        hooke_packer *p;
        int32_t ids[3];
        int n = 0;
        mem_fail_at(at);
        st = hooke_packer_open_pretokenized(&p, tk, where, NULL, 3);
        if (!st) st = hooke_packer_context(p, ids, &n);
        mem_fail_at(0);
        assert_true(st == HOOKE_E_MEMORY || (st == HOOKE_OK && n == 3));
        hooke_packer_close(p);
    }
    hooke_tokenizer_close(tk);
}

static int clean_up(void **state)
{
    (void)state;
    remove_tree(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sae_lens_json_is_looked_at),
        cmocka_unit_test(rows_are_cut),
        cmocka_unit_test(rows_that_do_not_fit),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
