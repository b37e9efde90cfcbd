/* The published tokenizers of Gemma 2 and GPT-NeoX (Pythia), where the files are: ids as the specification gives them. */
#include "file/bytes.h"
#include "toy.h"

#include <time.h>

#define DATA "../shared/data/tokenizers/"

/* DATA/name/tokenizer.json.xz, unpacked. */
static void unpack(hooke_text *out, const char *name)
{
    char command[256], block[65536];
    size_t n;
    snprintf(command, sizeof command, "xz -dc " DATA "%s/tokenizer.json.xz", name);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while ((n = fread(block, 1, sizeof block, pipe)) > 0)
        assert_int_equal(text_append(out, block, n), HOOKE_OK);
    if (pclose(pipe) != 0) text_clear(out);
}

static hooke_tokenizer *open_packed(const char *name)
{
    hooke_tokenizer *tk = NULL;
    hooke_text json = { 0 }, config = { 0 };
    char path[256];
    snprintf(path, sizeof path, DATA "%s/tokenizer.json.xz", name);
    if (!file_exists(path)) {
        printf("skip: %s\n", path);
        return NULL;
    }
    unpack(&json, name);
    snprintf(path, sizeof path, DATA "%s/tokenizer_config.json", name);
    if (file_exists(path)) assert_int_equal(file_read(&config, path, 1 << 20), HOOKE_OK);
    struct tokenizer_files files = { .tokenizer = { json.data, json.n },
                                     .config = { config.data, config.n } };
    if (json.n == 0)
        printf("skip: xz, to unpack tokenizers\n");
    else if (tokenizer_parse(&tk, &files, name) != HOOKE_OK)
        stop(__LINE__, "%s", hooke_error());
    hooke_text_release(&json);
    hooke_text_release(&config);
    return tk;
}

static hooke_tokenizer *gemma, *neox;

static int open_all(void **state)
{
    (void)state;
    gemma = open_packed("gemma-2");
    neox = open_packed("pythia");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    hooke_tokenizer_close(gemma);
    hooke_tokenizer_close(neox);
    return 0;
}

/* n times c, then rest. */
static void expect_run(const hooke_tokenizer *tk, const char *c, int n, const char *rest,
                       const char *expected, int line)
{
    hooke_text text = { 0 };
    for (int i = 0; i < n; i++) text_puts(&text, c);
    text_puts(&text, rest);
    expect_ids_n(tk, text.data, text.n, 0, expected, line);
    hooke_text_release(&text);
}

static void gemma_with_bos(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "2" },
        { " ", "2 235248" },
        { "  ", "2 139" },
        { " Hello", "2 25957" },
        { "Hi  Hello", "2 2151 139 4521" },
        { "Hi   Hello", "2 2151 140 4521" },
        { "This is a test", "2 1596 603 476 2121" },
        { "A sample test", "2 235280 6453 2121" },
        { "生活的真谛是", "2 122182 235710 245467 235427" },
        { "The quick brown fox jumps over the lazy dog.",
          "2 651 4320 8426 25341 36271 1163 573 27894 5929 235265" },
        { "<s>", "2 204" },
        { "\t\t\t\t \n\n61", "2 255971 235248 109 235318 235274" },
        { "Hey<eos>. \t\t \n\nyou  é  @#😈  🤗!       , 1234 15 5,61",
          "2 6750 1 235265 235248 255969 235248 109 4747 139 235335 139 216311 241316 139 239880 235341 144 "
          "235269 235248 235274 235284 "
          "235304 235310 235248 235274 235308 235248 235308 235269 235318 235274" },
    };
    if (!gemma) skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_ids(gemma, cases[i][0], HOOKE_ADD_SPECIAL, cases[i][1]);
}

static void gemma_without_bos(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "\t", "226" },
        { "\r\n", "235316 108" },
        { "a\tb", "235250 226 235268" },
        { "12345", "235274 235284 235304 235310 235308" },
        { "۱۳۹", "87895 237280" },
        { "x²", "235297 236212" },
        { "👩‍🚀", "241355 235879 239304" },
        { "▁", "235248" },
        { "▁▁", "139" },
        { "▁Hello", "25957" },
        { " ▁Hello", "139 4521" },
        { "   Hello", "140 4521" },
        { "<mask>", "4" },
        { "[@BOS@]", "6" },
        { "</s>", "213" },
        { "<unused99>", "255999" },
        { "def f(x):\n    return x\n", "1293 517 235278 235297 1245 108 141 773 1141 108" },
        { "<s> Hello<s>how", "204 25957 204 1139" },
        { " <s> Hello<s> how", "235248 204 25957 204 1368" },
        { "<bos><start_of_turn>user\nHello<end_of_turn>\n<start_of_turn>model\n",
          "2 106 1645 108 4521 107 108 106 2516 108" },
    };
    if (!gemma) skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_ids(gemma, cases[i][0], 0, cases[i][1]);
    expect_ids_n(gemma, "\0", 1, 0, "217", __LINE__);
    expect_run(gemma, " ", 31, "", "168", __LINE__);
    expect_run(gemma, " ", 32, "", "168 235248", __LINE__);
    expect_run(gemma, " ", 33, "", "168 139", __LINE__);
    expect_run(gemma, " ", 63, "", "168 168 235248", __LINE__);
    expect_run(gemma, "\n", 31, "", "138", __LINE__);
    expect_run(gemma, "\n", 32, "", "138 108", __LINE__);
    expect_run(gemma, "\t", 32, "", "255998 226", __LINE__);
}

static void gemma_decodes(void **state)
{
    (void)state;
    if (!gemma) skip();
    expect_text(gemma, 0, "og", 869);
    expect_text(gemma, 0, " expenditureog", 30112, 869);
    expect_text(gemma, HOOKE_SKIP_SPECIAL, "<mask><s> Hello", 2, 4, 204, 25957, 1);
    expect_text(gemma, 0, " ", 235248); /* no strip: a leading space survives */
    assert_int_equal(hooke_tokenizer_n_vocab(gemma), 256000);
    assert_int_equal(hooke_tokenizer_id(gemma, "▁Hello"), 25957);
    assert_int_equal(hooke_tokenizer_bos(gemma), 2);
    assert_int_equal(hooke_tokenizer_eos(gemma), 1);
    assert_int_equal(hooke_tokenizer_pad(gemma), 0);
    int n_special = 0;
    for (int32_t i = 0; i < 256000; i++) n_special += hooke_tokenizer_is_special(gemma, i);
    assert_int_equal(n_special, 6);
}

static void neox_encodes(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "Yes", "4374" },
        { " Yes", "6279" },
        { "yes", "9820" },
        { " yes", "4754" },
        { "YES", "24239" },
        { " YES", "22487" },
        { "Yesterday", "43688" },
        { " yesterday", "11066" },
        { " eyes", "2927" },
        { "Hello world", "12092 1533" },
        { "  x", "50276 89" },
        { "a  b", "66 50276 67" },
        { "    return", "50274 2309" },
        { "  \n  x", "50276 187 50276 89" },
        { "\t\tx", "186 186 89" },
        { "e\xCC\x81", "860" },
        { "é", "860" },
        { "don’t", "9903 457 85" },
        { "👩🏽", "14931 228 104 14931 226 123" },
        { "12345", "42594" },
        { "def f(x):\n    return x\n", "1545 269 9 89 2262 187 50274 2309 1269 187" },
        { "<|endoftext|>", "0" },
    };
    if (!neox) skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_ids(neox, cases[i][0], HOOKE_ADD_SPECIAL, cases[i][1]);
    expect_run(neox, " ", 24, "", "50254", __LINE__);
    expect_run(neox, " ", 25, "", "50254 209", __LINE__);
    expect_run(neox, " ", 49, "", "50254 50254 209", __LINE__);
    assert_int_equal(hooke_tokenizer_n_vocab(neox), 50277);
}

/* Text with every kind of character comes back, where the tokenizer keeps it. */
static void round_trips(void **state)
{
    (void)state;
    hooke_ids ids = { 0 };
    hooke_text text = { 0 }, back = { 0 };
    char c[4];
    if (!gemma || !neox) skip();
    for (uint32_t code = 0; code < 0x30000; code += code < 0x3000 ? 1 : 37)
        if (code < 0xD800 || code > 0xDFFF) text_append(&text, c, (size_t)utf8_encode(c, code));
    assert_int_equal(hooke_tokenizer_encode(neox, &ids, text.data, text.n, 0), HOOKE_OK);
    assert_int_equal(hooke_tokenizer_decode(neox, &back, ids.data, ids.n, 0), HOOKE_OK);
    assert_true(back.n > text.n / 2); /* NFC changes some */
    assert_int_equal(hooke_tokenizer_encode(gemma, &ids, text.data, text.n, 0), HOOKE_OK);
    assert_int_equal(hooke_tokenizer_decode(gemma, &back, ids.data, ids.n, 0), HOOKE_OK);
    const char *mark = strstr(text.data + 1, "▁"); /* becomes a space; all else stays */
    assert_int_equal(back.n + 2, text.n);
    assert_memory_equal(back.data, text.data, (size_t)(mark - text.data));
    assert_memory_equal(back.data + back.n - 1000, text.data + text.n - 1000, 1000);
    hooke_ids_release(&ids);
    hooke_text_release(&text);
    hooke_text_release(&back);
}

/* A megabyte without a space, where every pair of characters merges: far below a second on any machine. */
static void long_texts_are_fast(void **state)
{
    (void)state;
    hooke_text text = { 0 };
    hooke_ids ids = { 0 };
    if (!gemma || !neox) skip();
    while (text.n < 1000000) text_puts(&text, "thequickbrownfoxjumpsoverthelazydog");
    clock_t begin = clock(); /* processor time: the machine may be busy */
    assert_int_equal(hooke_tokenizer_encode(gemma, &ids, text.data, text.n, 0), HOOKE_OK);
    assert_int_equal(hooke_tokenizer_encode(neox, &ids, text.data, text.n, 0), HOOKE_OK);
    assert_true((clock() - begin) / CLOCKS_PER_SEC < 10);
    hooke_text_release(&text);
    hooke_ids_release(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemma_with_bos), cmocka_unit_test(gemma_without_bos),
        cmocka_unit_test(gemma_decodes),  cmocka_unit_test(neox_encodes),
        cmocka_unit_test(round_trips),    cmocka_unit_test(long_texts_are_fast),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
