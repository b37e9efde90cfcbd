/* Merging: the order of merges by hand, and against the naive definition on random vocabularies. */
#include "base/random.h"
#include "toy.h"

/* A tokenizer with the characters a.. and the given merges (each result added to the vocabulary). */
static hooke_tokenizer *open_merges(const char *letters, const char *const *merges, int n, const char *more)
{
    hooke_text json = { 0 }, list = { 0 };
    int id = 0;
    text_puts(&json, "{\"model\":{\"type\":\"BPE\",\"vocab\":{");
    for (const char *c = letters; *c; c++) text_printf(&json, "%s\"%c\":%d", id ? "," : "", *c, id), id++;
    for (int i = 0; i < n; i++) {
        const char *space = strchr(merges[i], ' ');
        hooke_text token = { 0 };
        text_printf(&token, "\"%.*s%s\":", (int)(space - merges[i]), merges[i], space + 1);
        if (!strstr(json.data, token.data)) text_printf(&json, ",%s%d", token.data, id++);
        text_printf(&list, "%s\"%s\"", i ? "," : "", merges[i]);
        hooke_text_release(&token);
    }
    text_append(&list, "", 0);
    text_printf(&json, "},\"merges\":[");
    text_append(&json, list.data, list.n);
    text_printf(&json, "]%s},\"decoder\":null}", more);
    hooke_tokenizer *tk = must_open_json(json.data, NULL);
    hooke_text_release(&json);
    hooke_text_release(&list);
    return tk;
}

/* expected: tokens separated by spaces, as decoding without a decoder joins them. */
static void expect_merged(const hooke_tokenizer *tk, const char *word, const char *expected, int line)
{
    hooke_ids ids = { 0 };
    assert_int_equal(hooke_tokenizer_encode(tk, &ids, word, strlen(word), 0), HOOKE_OK);
    expect_text_of(tk, ids.data, ids.n, 0, expected, line);
    hooke_ids_release(&ids);
}

static void order_of_merges(void **state)
{
    (void)state;
    hooke_tokenizer *tk = open_merges("a", (const char *[]){ "a a" }, 1, "");
    expect_merged(tk, "aaaaa", "aa aa a", __LINE__);
    hooke_tokenizer_close(tk);
    tk = open_merges("a", (const char *[]){ "a a", "aa a" }, 2, "");
    expect_merged(tk, "aaaaa", "aa aaa", __LINE__);
    hooke_tokenizer_close(tk);
    tk = open_merges("a", (const char *[]){ "a a", "aa a", "aa aa" }, 3, "");
    expect_merged(tk, "aaaa", "aaaa", __LINE__);
    hooke_tokenizer_close(tk);
    tk = open_merges("eslotw", (const char *[]){ "e s", "es t", "l o", "lo w", "low est" }, 5, "");
    expect_merged(tk, "lowest", "lowest", __LINE__);
    hooke_tokenizer_close(tk);
    /* One occurrence at a time: a lower rank can build on the result of a higher one. */
    tk = open_merges("bc", (const char *[]){ "bc b", "b c" }, 2, "");
    expect_merged(tk, "bcbc", "bcb c", __LINE__);
    hooke_tokenizer_close(tk);
}

static void words_of_the_vocabulary_skip_the_merges(void **state)
{
    (void)state;
    hooke_tokenizer *tk =
        open_merges("ab", (const char *[]){ "a b", "ab a", "b a", "a ba" }, 4, ",\"ignore_merges\":true");
    expect_merged(tk, "aba", "aba", __LINE__);
    expect_merged(tk, "abaa", "aba a", __LINE__);
    hooke_tokenizer_close(tk);
}

/* ---- against the definition ---- */

enum { N_LETTERS = 3, N_MERGES = 14, MAX_TOKEN = 64, MAX_WORD = 40 };

struct list {
    char s[MAX_WORD][MAX_TOKEN];
    int n;
};

static int draw(uint64_t seed, uint64_t *index, int n)
{
    return (int)(random_u64(seed, RANDOM_TEST, (*index)++) % (uint64_t)n);
}

/* out = l r; out may be l. */
static void join(char out[MAX_TOKEN], const char *l, const char *r)
{
    char both[MAX_TOKEN];
    size_t n = strlen(l), m = strlen(r);
    assert_true(n + m < MAX_TOKEN);
    memcpy(both, l, n);
    memcpy(both + n, r, m + 1);
    memcpy(out, both, sizeof both);
}

/* The lowest-rank pair, leftmost, until there is none. */
static void merge_naively(struct list *word, const struct list *left, const struct list *right)
{
    for (;;) {
        int best = left->n, at = -1;
        for (int i = 0; i + 1 < word->n; i++) {
            int rank = left->n - 1; /* the last of equal merges counts */
            while (rank >= 0 &&
                   (strcmp(left->s[rank], word->s[i]) != 0 || strcmp(right->s[rank], word->s[i + 1]) != 0))
                rank--;
            if (rank >= 0 && rank < best) best = rank, at = i;
        }
        if (at < 0) return;
        join(word->s[at], word->s[at], word->s[at + 1]);
        for (int i = at + 1; i + 1 < word->n; i++) memcpy(word->s[i], word->s[i + 1], MAX_TOKEN);
        word->n--;
    }
}

static void random_merges_as_defined(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint64_t index = 0;
        struct list known = { .n = 0 }, left = { .n = 0 }, right = { .n = 0 };
        char text[N_MERGES][2 * MAX_TOKEN];
        const char *merges[N_MERGES];
        for (int i = 0; i < N_LETTERS; i++) snprintf(known.s[known.n++], MAX_TOKEN, "%c", 'a' + i);
        while (left.n < N_MERGES) {
            const char *l = known.s[draw(seed, &index, known.n)], *r = known.s[draw(seed, &index, known.n)];
            if (strlen(l) + strlen(r) > 12) continue;
            memcpy(left.s[left.n++], l, MAX_TOKEN);
            memcpy(right.s[right.n++], r, MAX_TOKEN);
            join(known.s[known.n++], l, r);
        }
        /* Not in the order they were made: ranks need not follow training. */
        for (int i = 0; i < N_MERGES; i++) {
            int j = draw(seed, &index, N_MERGES);
            char swap[MAX_TOKEN];
            memcpy(swap, left.s[i], MAX_TOKEN), memcpy(left.s[i], left.s[j], MAX_TOKEN),
                memcpy(left.s[j], swap, MAX_TOKEN);
            memcpy(swap, right.s[i], MAX_TOKEN), memcpy(right.s[i], right.s[j], MAX_TOKEN),
                memcpy(right.s[j], swap, MAX_TOKEN);
        }
        for (int i = 0; i < N_MERGES; i++)
            snprintf(text[i], sizeof text[i], "%.60s %.60s", left.s[i], right.s[i]), merges[i] = text[i];
        hooke_tokenizer *tk = open_merges("abc", merges, N_MERGES, "");
        for (int k = 0; k < 20; k++) {
            struct list word = { .n = draw(seed, &index, MAX_WORD) + 1 };
            hooke_text s = { 0 }, expected = { 0 };
            for (int i = 0; i < word.n; i++)
                snprintf(word.s[i], MAX_TOKEN, "%c", 'a' + draw(seed, &index, N_LETTERS)),
                    text_puts(&s, word.s[i]);
            merge_naively(&word, &left, &right);
            for (int i = 0; i < word.n; i++) text_printf(&expected, "%s%s", i ? " " : "", word.s[i]);
            expect_merged(tk, s.data, expected.data, __LINE__);
            hooke_text_release(&s);
            hooke_text_release(&expected);
        }
        hooke_tokenizer_close(tk);
    }
}

/* A megabyte without a place to cut must not take quadratic time; checked by finishing at all. */
static void a_long_word(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    hooke_tokenizer *tk =
        open_merges("ab", (const char *[]){ "a a", "aa aa", "aaaa aaaa", "a b", "b a" }, 5, "");
    hooke_ids ids = { 0 };
    char *s = mem_alloc(N, 1);
    memset(s, 'a', N);
    assert_int_equal(hooke_tokenizer_encode(tk, &ids, s, N, 0), HOOKE_OK);
    assert_int_equal(ids.n, N / 8);
    hooke_ids_release(&ids);
    mem_free(s);
    hooke_tokenizer_close(tk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_merges),
        cmocka_unit_test(words_of_the_vocabulary_skip_the_merges),
        cmocka_unit_test(random_merges_as_defined),
        cmocka_unit_test(a_long_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
