/* pickle.h: programs written by hand: what is refused and with which words, what cannot grow. */
#include "check.h"

#include "damage.h"
#include "file/pickle.h"

static hooke_status run(const void *program, size_t n)
{
    struct pickle p;
    hooke_status st = pickle_parse(&p, program, n, "test");
    if (st == HOOKE_OK) pickle_release(&p);
    return st;
}

#define RUN(program) run(program, sizeof(program) - 1)
static void assert_says(const char *words)
{
    if (!strstr(hooke_error(), words)) print_message("'%s' lacks '%s'\n", hooke_error(), words);
    assert_non_null(strstr(hooke_error(), words));
}

#define REFUSED(program, code, words)         \
    do {                                      \
        assert_int_equal(RUN(program), code); \
        assert_says(words);                   \
    } while (0)

/* A tensor of sizes and strides given as pickled tuples, over 6 floats. */
#define STORAGE                                        \
    "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" \
    "0X\3\0\0\0cpuK\6tQ"
#define TENSOR(offset, size, stride)                                               \
    "\x80\2ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE offset size stride "\x89" \
    "ccollections\nOrderedDict\n)RtR."

static void reads_plain_values(void **state)
{
    struct pickle p;
    static const char ints[] =
        "\x80\2(K\xFFM\xFF\xFFJ\xFE\xFF\xFF\xFF\x8A\0\x8A\1\x80\x8A\x8\0\0\0\0\0\0\0\x80t.";
    static const int64_t want[] = { 255, 65535, -2, 0, -128, INT64_MIN };
    (void)state;
    assert_int_equal(pickle_parse(&p, (const unsigned char *)ints, sizeof ints - 1, "test"), HOOKE_OK);
    const struct pickle_value *v = pickle_value_at(&p, p.root);
    assert_true(v->kind == PICKLE_TUPLE && v->n == 6);
    uint32_t cell = v->as.items.first;
    for (int i = 0; i < 6; i++, cell = pickle_cell_at(&p, cell)->next)
        assert_int_equal(pickle_value_at(&p, pickle_cell_at(&p, cell)->value)->as.integer, want[i]);
    pickle_release(&p);
    assert_int_equal(RUN("\x80\2}(X\1\0\0\0aG?\xF0\0\0\0\0\0\0U\1xNu."), HOOKE_OK);
    assert_int_equal(RUN("\x80\2ccollections\nOrderedDict\n](X\1\0\0\0aN\x86"
                         "e\x85R."),
                     HOOKE_OK);
}

static void reads_tensors(void **state)
{
    struct pickle p;
    static const char transposed[] = TENSOR("K\0", "K\3K\2\x86", "K\1K\3\x86");
    (void)state;
    assert_int_equal(pickle_parse(&p, (const unsigned char *)transposed, sizeof transposed - 1, "test"),
                     HOOKE_OK);
    assert_int_equal(p.tensors.n, 1);
    const struct pickle_tensor *t = pickle_tensor_at(&p, 0);
    assert_true(t->n_dims == 2 && t->size[0] == 3 && t->stride[1] == 3 && t->n_items == 6 &&
                t->dtype == DT_F32);
    pickle_release(&p);
    assert_int_equal(RUN(TENSOR("K\5", ")", ")")), HOOKE_OK);
    assert_int_equal(RUN(TENSOR("K\7", "K\0\x85", "K\1\x85")), HOOKE_OK); /* empty: lies nowhere */
}

static void refuses_views_past_the_storage(void **state)
{
    (void)state;
    REFUSED(TENSOR("K\1", "K\3K\2\x86", "K\1K\3\x86"), HOOKE_E_FORMAT, "past the storage's end");
    REFUSED(TENSOR("K\6", ")", ")"), HOOKE_E_FORMAT, "past the storage's end");
    REFUSED(TENSOR("K\0", "\x8A\x8\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x85", "K\0\x85"), HOOKE_E_FORMAT,
            "63 bits");
    REFUSED(TENSOR("K\0", "K\3\x85", "\x8A\x8\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x85"), HOOKE_E_FORMAT,
            "past the storage's end");
    REFUSED(TENSOR("J\xFF\xFF\xFF\xFF", ")", ")"), HOOKE_E_FORMAT, "offset");
    REFUSED(TENSOR("K\0", "J\xFF\xFF\xFF\xFF\x85", "K\1\x85"), HOOKE_E_FORMAT, "size and stride");
    REFUSED(TENSOR("K\0", "K\2\x85", ")"), HOOKE_E_FORMAT, "size and stride");
    REFUSED(TENSOR("K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"), HOOKE_E_FORMAT,
            "at most 8");
}

/* What an attack looks like; each is named and none is run. */
static void refuses_names_and_calls(void **state)
{
    (void)state;
    REFUSED("\x80\2cos\nsystem\nX\4\0\0\0exit\x85R.", HOOKE_E_UNSUPPORTED, "'os.system' before byte 13");
    REFUSED("\x80\2c__builtin__\neval\nX\1\0\0\0"
            "1\x85R.",
            HOOKE_E_UNSUPPORTED, "__builtin__.eval");
    REFUSED("\x80\2ctorch._utils\n_rebuild_sparse_tensor\n.", HOOKE_E_UNSUPPORTED, "_rebuild_sparse_tensor");
    REFUSED("\x80\2cnumpy.core.multiarray\n_reconstruct\n.", HOOKE_E_UNSUPPORTED,
            "numpy.core.multiarray._reconstruct");
    REFUSED("\x80\2c\x1b[31m\nx\n.", HOOKE_E_UNSUPPORTED, "'?[31m.x'"); /* no escape codes on terminals */
    REFUSED("\x80\2ctorch\nFloatStorage\n)R.", HOOKE_E_UNSUPPORTED, "calls 'torch.FloatStorage'");
    REFUSED("\x80\2K\1)R.", HOOKE_E_FORMAT, "no name is called");
    REFUSED("\x80\2ctorch\nSize\nK\1\x85R.", HOOKE_E_FORMAT, "torch.Size");
    REFUSED("\x80\2ccollections\nOrderedDict\nK\1\x85R.", HOOKE_E_FORMAT, "no list");
    REFUSED("\x80\2ccollections\nOrderedDict\n](K\1e\x85R.", HOOKE_E_FORMAT, "no pairs");
    REFUSED("\x80\2]}b.", HOOKE_E_FORMAT, "no dict");
    REFUSED("\x80\2ctorch._utils\n_rebuild_tensor_v2\n(K\0K\0))\x89}tR.", HOOKE_E_FORMAT, "no storage");
    REFUSED("\x80\2(X\6\0\0\0modulectorch\nFloatStorage\nX\1\0\0\0"
            "0X\3\0\0\0cpuK\6tQ.",
            HOOKE_E_FORMAT, "persistent id");
    REFUSED("\x80\2(X\7\0\0\0storagectorch\nFloatStorage\nX\5\0\0\0../..X\3\0\0\0cpuK\6tQ.", HOOKE_E_FORMAT,
            "persistent id");
}

static void refuses_instructions(void **state)
{
    (void)state;
    REFUSED("\x80\4\x95", HOOKE_E_UNSUPPORTED, "protocol 4");
    REFUSED("\x80\2\x8C\1a.", HOOKE_E_UNSUPPORTED, "8c (SHORT_BINUNICODE) at byte 2");
    REFUSED("\x80\2(ios\nsystem\n.", HOOKE_E_UNSUPPORTED, "(INST)");
    REFUSED("\x80\2\xEE.", HOOKE_E_UNSUPPORTED, "ee (unknown)");
    REFUSED("\x80\2\x8A\x9\0\0\0\0\0\0\0\0\1.", HOOKE_E_UNSUPPORTED, "integer of 9 bytes");
    REFUSED("\x80\2.", HOOKE_E_FORMAT, "one value");
    REFUSED("\x80\2NN.", HOOKE_E_FORMAT, "one value");
    REFUSED("\x80\2(N.", HOOKE_E_FORMAT, "one value");
    REFUSED("\x80\2N.N", HOOKE_E_FORMAT, "ends at byte 4 of 5");
    REFUSED("\x80\2N", HOOKE_E_FORMAT, "cut short");
    REFUSED("\x80\2X\xFF\xFF\xFF\xFF"
            "a.",
            HOOKE_E_FORMAT, "cut short");
    REFUSED("\x80\2X\2\0\0\0\xC3\x28.", HOOKE_E_FORMAT, "not text");
    REFUSED("\x80\2U\1\xE9.", HOOKE_E_FORMAT, "not text");
    REFUSED("\x80\2h\0.", HOOKE_E_FORMAT, "never set");
    REFUSED("\x80\2Nr\xFF\xFF\xFF\xFF.", HOOKE_E_UNSUPPORTED, "memo");
    REFUSED("\x80\2N(t(u.", HOOKE_E_FORMAT, "no dict");
    REFUSED("\x80\2}(Nu.", HOOKE_E_FORMAT, "without a value");
    REFUSED("\x80\2N(\x85.", HOOKE_E_FORMAT, "more than the stack");
    REFUSED("\x80\2N(a.", HOOKE_E_FORMAT, "no list");
    REFUSED("\x80\2t.", HOOKE_E_FORMAT, "no mark");
}

/* More values than the limit, by a program of one byte a value. */
static void bounds_the_number_of_values(void **state)
{
    size_t n = (size_t)PICKLE_MAX_VALUES + 16;
    char *program = mem_alloc(n, 1);
    (void)state;
    assert_non_null(program);
    memset(program, ')', n);
    assert_int_equal(run(program, n), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "values in a pickle"));
    mem_free(program);
}

static hooke_status use(const unsigned char *bytes, size_t n)
{
    return run(bytes, n);
}

static void survives_damage(void **state)
{
    static const char program[] = "\x80\2}q\0(X\1\0\0\0aq\1]q\2(K\1G?\xF0\0\0\0\0\0\0h\1eX\1\0\0\0t"
                                  "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0K\3K\2\x86K\1K\3\x86\x89"
                                  "ccollections\nOrderedDict\n)RtRu}b.";
    (void)state;
    refuses_every_cut(use, (const unsigned char *)program, sizeof program - 1);
    assert_true(survives_flips(use, (const unsigned char *)program, sizeof program - 1, 20000, 7) > 10000);
    survives_lost_memory(use, (const unsigned char *)program, sizeof program - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_values),
        cmocka_unit_test(reads_tensors),
        cmocka_unit_test(refuses_views_past_the_storage),
        cmocka_unit_test(refuses_names_and_calls),
        cmocka_unit_test(refuses_instructions),
        cmocka_unit_test(bounds_the_number_of_values),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
