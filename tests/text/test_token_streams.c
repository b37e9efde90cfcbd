/* Packings against the programs they are named after: tests/golden/text/token_streams.jsonl, which tools/parity/token_streams.py
 * wrote with the peers' own code, on the shipped tokenizers. A row names tokenizer, documents and options; it holds the number of
 * contexts, a hash of them all, the first and the last. */
#include "file/json.h"
#include "toy.h"

#define FOLDER "tests/golden/text/"

/* FNV-1a over the little-endian lengths and ids. */
static uint64_t add_word(uint64_t h, uint32_t word)
{
    for (int i = 0; i < 32; i += 8) h = (h ^ (word >> i & 255)) * 0x100000001B3u;
    return h;
}

struct stream {
    int64_t n_contexts;
    uint64_t hash;
    hooke_ids first, last;
};

static void add_context(struct stream *s, const int32_t *ids, int n)
{
    if (s->n_contexts++ == 0) assert_int_equal(ids_append(&s->first, ids, (size_t)n), HOOKE_OK);
    s->last.n = 0;
    assert_int_equal(ids_append(&s->last, ids, (size_t)n), HOOKE_OK);
    s->hash = add_word(s->hash, (uint32_t)n);
    for (int i = 0; i < n; i++) s->hash = add_word(s->hash, (uint32_t)ids[i]);
}

static int64_t number(const struct json *row, const char *key)
{
    const struct json *v = json_get(row, key);
    assert_true(v && v->kind == JSON_INT);
    return v->as.integer;
}

static const char *word(const struct json *row, const char *key)
{
    const struct json *v = json_get(row, key);
    assert_true(v && v->kind == JSON_STRING);
    return v->as.string.bytes;
}

static void run(struct stream *out, const hooke_tokenizer *tk, const struct json *row)
{
    char path[128];
    int32_t ids[256];
    int n = 1;
    hooke_docs *docs;
    hooke_packer *packer;
    hooke_pack_options o = { .size = sizeof o,
                             .packing = word(row, "packing"),
                             .n_ctx = (int)number(row, "n_ctx"),
                             .no_bos = number(row, "no_bos"),
                             .separator = word(row, "separator"),
                             .begin_sequence = word(row, "begin"),
                             .no_concat = number(row, "no_concat"),
                             .n_tokens = number(row, "n_tokens"),
                             .block = number(row, "block"),
                             .min_chars = number(row, "min_chars") };
    *out = (struct stream){ .hash = 0xCBF29CE484222325u };
    assert_true(o.n_ctx <= 256);
    snprintf(path, sizeof path, FOLDER "%s_documents.jsonl.gz", word(row, "documents"));
    assert_int_equal(hooke_docs_open(&docs, path, NULL), HOOKE_OK);
    if (hooke_packer_open(&packer, tk, docs, &o)) stop(__LINE__, "%s", hooke_error());
    while (n > 0) {
        if (hooke_packer_context(packer, ids, &n)) stop(__LINE__, "%s", hooke_error());
        if (n > 0) add_context(out, ids, n);
    }
    hooke_packer_close(packer);
    hooke_docs_close(docs);
}

/* rows: [[ids]] or [] */
static void expect_context(const hooke_ids *found, const struct json *rows, const char *what, int line)
{
    const struct json *v = rows->as.list.n ? rows->as.list.first->as.list.first : NULL;
    for (size_t i = 0; v; v = v->next, i++)
        if (i >= found->n || found->data[i] != v->as.integer)
            stop(line, "golden line %d, the %s context: token %zu is %d, expected %d", line, what, i,
                 i < found->n ? (int)found->data[i] : -1, (int)v->as.integer);
}

static void expect_stream(const struct stream *s, const struct json *row, int line)
{
    char hash[24];
    expect_context(&s->first, json_get(row, "first"), "first", line);
    expect_context(&s->last, json_get(row, "last"), "last", line);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)s->hash);
    if (s->n_contexts != number(row, "contexts") || strcmp(hash, word(row, "hash")) != 0)
        stop(line, "golden line %d (%s, %s): %lld contexts, hash %s; expected %lld, %s", line,
             word(row, "tokenizer"), word(row, "packing"), (long long)s->n_contexts, hash,
             (long long)number(row, "contexts"), word(row, "hash"));
}

static void streams_are_those_of_the_peers(void **state)
{
    (void)state;
    FILE *f = fopen(FOLDER "token_streams.jsonl", "rb");
    static char line[1 << 16];
    const char *const names[] = { "micro", "micro-neox" };
    hooke_tokenizer *tk[2] = { NULL };
    int n = 0;
    assert_non_null(f);
    for (int i = 0; i < 2; i++) {
        hooke_text path = { 0 };
        char relative[64];
        snprintf(relative, sizeof relative, "models/%s", names[i]);
        assert_int_equal(hooke_asset(&path, relative), HOOKE_OK);
        assert_int_equal(hooke_tokenizer_open(&tk[i], path.data), HOOKE_OK);
        hooke_text_release(&path);
    }
    while (fgets(line, sizeof line, f)) {
        struct arena a = { 0 };
        const struct json *row;
        struct stream s;
        assert_int_equal(json_parse(&row, &a, line, strlen(line), 0, "golden"), HOOKE_OK);
        run(&s, tk[strcmp(word(row, "tokenizer"), names[0]) != 0], row);
        expect_stream(&s, row, ++n);
        hooke_ids_release(&s.first);
        hooke_ids_release(&s.last);
        arena_release(&a);
    }
    fclose(f);
    assert_true(n >= 120);
    for (int i = 0; i < 2; i++) hooke_tokenizer_close(tk[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_those_of_the_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
