/* torch_file.h and torch_write.h: what torch.save writes (tests/golden/make_torch_golden.py), archives made by hand, and what is
 * written here. That torch.load takes the latter is shown by tools/parity/torch_files.py. */
#include "check.h"

#include <unistd.h>

#include "damage.h"
#include "file/torch_file.h"
#include "file/torch_write.h"
#include "file/zip_write.h"

#define GOLDEN "tests/golden/torch/"

static const char *scratch(void)
{
    static char name[256];
    const char *tmp = getenv("TMPDIR");
    snprintf(name, sizeof name, "%s/hooke-torch-%ld.pt", tmp ? tmp : "/tmp", (long)getpid());
    return name;
}

static hooke_status use(const unsigned char *bytes, size_t n)
{
    struct torch_file f;
    hooke_status st = torch_file_parse(&f, bytes, n, "test.pt");
    for (int i = 0; st == HOOKE_OK && i < f.n_tensors; i++) {
        const struct stored_tensor *t;
        float x[64];
        st = torch_file_load(&f, &t, f.tensors[i].name);
        if (st != HOOKE_OK) break;
        int64_t count = t->n_items < 64 ? t->n_items : 64;
        if (stored_to_f32(x, t, t->n_items - count, count) == HOOKE_E_INTERNAL) st = HOOKE_E_INTERNAL;
    }
    torch_file_close(&f);
    return st;
}

/* ---- what torch wrote ---- */

static void assert_ramp(struct torch_file *f, const char *name, int64_t first, int64_t n)
{
    const struct stored_tensor *t;
    int64_t k[32];
    assert_int_equal(torch_file_load(f, &t, name), HOOKE_OK);
    assert_int_equal(t->n_items, n);
    assert_int_equal(stored_to_i64(k, t, 0, n), HOOKE_OK);
    for (int64_t i = 0; i < n; i++) assert_int_equal(k[i], first + i);
}

static void assert_every(const char *path)
{
    static const char *const types[] = { "float32", "float64", "float16", "bfloat16", "int64",
                                         "int32",   "int16",   "int8",    "uint8" };
    struct torch_file f;
    const struct stored_tensor *t;
    float x[20];
    assert_int_equal(torch_file_open(&f, path), HOOKE_OK);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) assert_ramp(&f, types[i], 0, 6);
    assert_ramp(&f, "bool", 0, 2);
    assert_ramp(&f, "parameter", 0, 6);
    assert_ramp(&f, "shared_column", 0, 3);
    assert_ramp(&f, "shared_part", 3, 3);
    assert_ramp(&f, "columns", 0, 6);
    assert_ramp(&f, "empty", 0, 0);
    assert_int_equal(torch_file_load(&f, &t, "scalar"), HOOKE_OK);
    assert_true(t->n_dims == 0 && stored_to_f32(x, t, 0, 1) == HOOKE_OK && x[0] == 2.5f);
    assert_int_equal(torch_file_load(&f, &t, "expanded"), HOOKE_OK);
    assert_true(t->n_dims == 2 && t->shape[0] == 4 && t->shape[1] == 5 && t->dtype == DT_F32);
    assert_int_equal(stored_to_f32(x, t, 0, 20), HOOKE_OK);
    for (int i = 0; i < 20; i++) assert_true(x[i] == 0);
    assert_int_equal(torch_file_load(&f, &t, "absent"), HOOKE_E_NOT_FOUND);
    assert_null(t);
    torch_file_close(&f);
}

static void reads_every_type_and_view(void **state)
{
    (void)state;
    assert_every(GOLDEN "every.pt");
    assert_every(GOLDEN "deflated.pt");
    assert_every(GOLDEN "streamed.pt");
    assert_every(GOLDEN "zip64.pt");
}

static bool in_mapping(const struct torch_file *f, const struct stored_tensor *t)
{
    const unsigned char *p = t->data;
    return p >= f->file.data && p < f->file.data + f->file.n;
}

static void maps_what_lies_well(void **state)
{
    struct torch_file f;
    const struct stored_tensor *t;
    (void)state;
    assert_int_equal(torch_file_open(&f, GOLDEN "every.pt"), HOOKE_OK);
    assert_int_equal(torch_file_load(&f, &t, "float32"), HOOKE_OK);
    assert_true(in_mapping(&f, t));
    assert_int_equal((uintptr_t)t->data % 64, 0);
    assert_int_equal(torch_file_load(&f, &t, "columns"), HOOKE_OK);
    assert_false(in_mapping(&f, t));
    torch_file_close(&f);
}

static const struct torch_value *value_of(const struct torch_file *f, const char *name,
                                          enum torch_value_kind kind)
{
    const struct torch_value *v = torch_file_value(f, name);
    if (!v || v->kind != kind) print_message("%s: %s\n", name, v ? "another kind" : "absent");
    assert_true(v && v->kind == kind);
    return v;
}

static void reads_plain_values(void **state)
{
    struct torch_file f;
    (void)state;
    assert_int_equal(torch_file_open(&f, GOLDEN "nested.pt"), HOOKE_OK);
    assert_int_equal(value_of(&f, "cfg.k", TORCH_INT)->integer, 32);
    assert_true(value_of(&f, "cfg.k", TORCH_INT)->real == 32.0);
    assert_true(value_of(&f, "cfg.lr", TORCH_REAL)->real == 0.001);
    assert_string_equal(value_of(&f, "cfg.name", TORCH_STRING)->string, "h\xC3\xA9");
    assert_int_equal(value_of(&f, "cfg.tied", TORCH_BOOL)->integer, 1);
    value_of(&f, "cfg.none", TORCH_NONE);
    assert_string_equal(value_of(&f, "cfg.dtype", TORCH_STRING)->string, "torch.bfloat16");
    assert_string_equal(value_of(&f, "cfg.device", TORCH_STRING)->string, "cuda");
    assert_int_equal(value_of(&f, "cfg.size.1", TORCH_INT)->integer, 3);
    assert_int_equal(value_of(&f, "cfg.large", TORCH_INT)->integer, (int64_t)1 << 40);
    assert_int_equal(value_of(&f, "cfg.below", TORCH_INT)->integer, -7);
    assert_true(value_of(&f, "steps.1", TORCH_REAL)->real == 2.5);
    assert_int_equal(value_of(&f, "steps.3.0", TORCH_BOOL)->integer, 1);
    assert_string_equal(value_of(&f, "by_number.3", TORCH_STRING)->string, "three");
    assert_null(torch_file_value(&f, "cfg"));
    assert_ramp(&f, "state_dict.w", 0, 6);
    assert_false(f.is_bare);
    torch_file_close(&f);
}

static void reads_bare_tensors_and_modules(void **state)
{
    struct torch_file f;
    (void)state;
    assert_int_equal(torch_file_open(&f, GOLDEN "bare.pt"), HOOKE_OK);
    assert_true(f.is_bare && f.n_tensors == 1);
    assert_ramp(&f, "bare", 0, 6);
    torch_file_close(&f);
    assert_int_equal(torch_file_open(&f, GOLDEN "module.pt"), HOOKE_OK);
    assert_true(f.n_tensors == 2 && f.n_values == 0); /* _metadata is dropped */
    assert_non_null(torch_file_find(&f, "weight"));
    torch_file_close(&f);
}

static void refuses(const char *path, hooke_status code, const char *words)
{
    struct torch_file f;
    assert_int_equal(torch_file_open(&f, path), code);
    if (!strstr(hooke_error(), words)) print_message("'%s' lacks '%s'\n", hooke_error(), words);
    assert_non_null(strstr(hooke_error(), words));
}

static void refuses_by_name(void **state)
{
    (void)state;
    refuses(GOLDEN "old.pt", HOOKE_E_UNSUPPORTED, "before version 1.6");
    refuses(GOLDEN "custom_class.pt", HOOKE_E_UNSUPPORTED, "'argparse.Namespace'");
    refuses(GOLDEN "protocol4.pt", HOOKE_E_UNSUPPORTED, "protocol 4");
    refuses("tests/golden/file/stored.npz", HOOKE_E_FORMAT, "ROOT/data.pkl");
    refuses("tests/golden/file/bare.safetensors", HOOKE_E_FORMAT, "safetensors");
    refuses(GOLDEN "absent.pt", HOOKE_E_NOT_FOUND, "absent.pt");
}

static void reads_without_checksums_when_told(void **state)
{
    struct torch_file f;
    (void)state;
    refuses(GOLDEN "no_crc.pt", HOOKE_E_FORMAT, "HOOKE_TORCH_CRC=ignore");
    setenv("HOOKE_TORCH_CRC", "ignore", 1);
    assert_int_equal(torch_file_open(&f, GOLDEN "no_crc.pt"), HOOKE_OK);
    assert_ramp(&f, "a", 0, 3);
    torch_file_close(&f);
    unsetenv("HOOKE_TORCH_CRC");
}

/* ---- archives made by hand ---- */

/* An archive of that pickle and one storage of 24 bytes; removed by the caller. */
static void put_archive(const char *program, size_t n, const char *extra)
{
    static const unsigned char zeros[24];
    struct zip_writer w;
    assert_int_equal(zip_writer_open(&w, scratch(), extra ? 3 : 2), HOOKE_OK);
    assert_int_equal(zip_writer_add(&w, "x/data.pkl", program, n, NULL, 0), HOOKE_OK);
    assert_int_equal(zip_writer_add(&w, "x/data/0", NULL, 0, zeros, sizeof zeros), HOOKE_OK);
    if (extra) assert_int_equal(zip_writer_add(&w, extra, "big", 3, NULL, 0), HOOKE_OK);
    assert_int_equal(zip_writer_commit(&w), HOOKE_OK);
}

#define REFUSES_ARCHIVE(program, extra, code, words)      \
    do {                                                  \
        put_archive(program, sizeof(program) - 1, extra); \
        refuses(scratch(), code, words);                  \
        unlink(scratch());                                \
    } while (0)

#define STORAGE(count)                                 \
    "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" \
    "0X\3\0\0\0cpu" count "tQ"

static void refuses_wrong_archives(void **state)
{
    (void)state;
    REFUSES_ARCHIVE("\x80\2N.", "x/byteorder", HOOKE_E_UNSUPPORTED, "byteorder is 'big'");
    REFUSES_ARCHIVE("\x80\2N.", "x/constants.pkl", HOOKE_E_UNSUPPORTED, "TorchScript");
    REFUSES_ARCHIVE("\x80\2N.", "y/data.pkl", HOOKE_E_FORMAT, "more than one");
    REFUSES_ARCHIVE("\x80\2" STORAGE("K\7") ".", NULL, HOOKE_E_FORMAT, "28 bytes, the member has 24");
    REFUSES_ARCHIVE("\x80\2}(X\3\0\0\0a.bK\1X\1\0\0\0a}X\1\0\0\0bK\2su.", NULL, HOOKE_E_FORMAT,
                    "two values are called 'a.b'");
    REFUSES_ARCHIVE("\x80\2}(NK\1u.", NULL, HOOKE_E_UNSUPPORTED, "neither text nor integers");
}

/* A list that contains itself; 2^40 values behind 40 tuples; an element unfolded to 8 GB. */
static void refuses_bombs(void **state)
{
    struct torch_file f;
    const struct stored_tensor *t;
    char doubling[256] = "\x80\2N";
    size_t n = 3;
    (void)state;
    REFUSES_ARCHIVE("\x80\2]q\0h\0a.", NULL, HOOKE_E_UNSUPPORTED, "contain themselves");
    for (int i = 0; i < 40; i++, n += 5) {
        const char step[] = { 'q', (char)i, 'h', (char)i, (char)0x86 };
        memcpy(doubling + n, step, 5);
    }
    doubling[n++] = '.';
    put_archive(doubling, n, NULL);
    refuses(scratch(), HOOKE_E_UNSUPPORTED, "values are reached");
    unlink(scratch());
    static const char unfolded[] =
        "\x80\2ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE("K\6") "K\0J\0\0\0\x78\x85K\0\x85\x89"
                                                                    "ccollections\nOrderedDict\n)RtR.";
    put_archive(unfolded, sizeof unfolded - 1, NULL);
    assert_int_equal(torch_file_open(&f, scratch()), HOOKE_OK);
    assert_int_equal(f.n_tensors, 1);
    assert_int_equal(torch_file_load(&f, &t, f.tensors[0].name), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "may unfold to"));
    torch_file_close(&f);
    unlink(scratch());
}

/* ---- written here ---- */

static void written_files_read_back(void **state)
{
    static const float w[6] = { 0, 1, 2, 3, 4, 5 };
    static const uint16_t bf[2] = { 0x0000, 0x3F80 };
    static const int64_t sizes[3] = { 0, 1, 2 };
    static const int32_t k = 0;
    const hooke_tensor_out out[] = { { "w", "F32", 2, { 2, 3 }, w },
                                     { "bf", "BF16", 1, { 2 }, bf },
                                     { "group_sizes", "I64", 1, { 3 }, sizes },
                                     { "k", "I32", 0, { 0 }, &k },
                                     { "none", "F32", 2, { 0, 70000 }, NULL } };
    struct torch_file f;
    const struct stored_tensor *t;
    (void)state;
    assert_int_equal(torch_write(scratch(), out, 5), HOOKE_OK);
    assert_int_equal(torch_file_open(&f, scratch()), HOOKE_OK);
    assert_int_equal(f.n_tensors, 5);
    assert_string_equal(f.tensors[2].name, "group_sizes"); /* the order given */
    assert_ramp(&f, "w", 0, 6);
    assert_ramp(&f, "bf", 0, 2);
    assert_ramp(&f, "group_sizes", 0, 3);
    assert_ramp(&f, "k", 0, 1);
    assert_ramp(&f, "none", 0, 0);
    assert_int_equal(torch_file_load(&f, &t, "bf"), HOOKE_OK);
    assert_true(t->dtype == DT_BF16 && in_mapping(&f, t) && (uintptr_t)t->data % 64 == 0);
    torch_file_close(&f);
    hooke_tensor_out bare = out[0];
    bare.name = NULL;
    assert_int_equal(torch_write(scratch(), &bare, 1), HOOKE_OK);
    assert_int_equal(torch_file_open(&f, scratch()), HOOKE_OK);
    assert_true(f.is_bare && f.n_tensors == 1 && f.tensors[0].shape[1] == 3);
    torch_file_close(&f);
    assert_int_equal(torch_write(scratch(), NULL, 0), HOOKE_OK);
    assert_int_equal(torch_file_open(&f, scratch()), HOOKE_OK);
    assert_int_equal(f.n_tensors, 0);
    torch_file_close(&f);
    unlink(scratch());
}

static void writer_refuses_wrong_calls(void **state)
{
    static const float w[1] = { 1 };
    const hooke_tensor_out twins[] = { { "w", "F32", 1, { 1 }, w }, { "w", "F32", 1, { 1 }, w } };
    hooke_tensor_out one = twins[0];
    (void)state;
    assert_int_equal(torch_write(scratch(), twins, 2), HOOKE_E_ARGUMENT);
    one.dtype = "U64";
    assert_int_equal(torch_write(scratch(), &one, 1), HOOKE_E_ARGUMENT);
    one.dtype = "F32";
    one.data = NULL;
    assert_int_equal(torch_write(scratch(), &one, 1), HOOKE_E_ARGUMENT);
    one.shape[0] = -1;
    assert_int_equal(torch_write(scratch(), &one, 1), HOOKE_E_ARGUMENT);
    one.n_dims = 9;
    assert_int_equal(torch_write(scratch(), &one, 1), HOOKE_E_ARGUMENT);
    assert_int_not_equal(access(scratch(), F_OK), 0);
}

static void writer_survives_lost_memory(void **state)
{
    static const float w[1] = { 1 };
    const hooke_tensor_out one = { "w", "F32", 1, { 1 }, w };
    (void)state;
    for (long at = 1;; at++) {
        mem_fail_at(at);
        hooke_status st = torch_write(scratch(), &one, 1);
        mem_fail_at(0);
        if (st == HOOKE_OK) break;
        assert_int_equal(st, HOOKE_E_MEMORY);
        assert_int_not_equal(access(scratch(), F_OK), 0);
    }
    unlink(scratch());
}

/* ---- damage ---- */

static void survives_damage(void **state)
{
    static const char *const files[] = { GOLDEN "every.pt", GOLDEN "deflated.pt", GOLDEN "nested.pt" };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        hooke_text t = { 0 };
        assert_int_equal(file_read(&t, files[i], 1 << 20), HOOKE_OK);
        refuses_every_cut(use, (const unsigned char *)t.data, t.n);
        assert_true(survives_flips(use, (const unsigned char *)t.data, t.n, 5000, i) > 1000);
        survives_lost_memory(use, (const unsigned char *)t.data, t.n);
        hooke_text_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type_and_view),
        cmocka_unit_test(maps_what_lies_well),
        cmocka_unit_test(reads_plain_values),
        cmocka_unit_test(reads_bare_tensors_and_modules),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(reads_without_checksums_when_told),
        cmocka_unit_test(refuses_wrong_archives),
        cmocka_unit_test(refuses_bombs),
        cmocka_unit_test(written_files_read_back),
        cmocka_unit_test(writer_refuses_wrong_calls),
        cmocka_unit_test(writer_survives_lost_memory),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
