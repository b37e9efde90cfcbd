/* npz.h: reading what numpy writes, in each of its layouts; refusing archives that are broken, ambiguous or bombs. */
#include "check.h"

#include <zlib.h>

#include "damage.h"
#include "file/npy.h"
#include "file/npz.h"
#include "file/zip.h"

#define GOLDEN "tests/golden/file/"

static hooke_status use(const unsigned char *bytes, size_t n)
{
    struct npz z;
    hooke_status st = npz_parse(&z, bytes, n, "test.npz");
    if (st != HOOKE_OK) return st;
    for (int i = 0; i < z.n_tensors && st == HOOKE_OK; i++) {
        const struct stored_tensor *t;
        st = npz_load(&z, &t, z.tensors[i].name);
        if (st != HOOKE_OK) break;
        float f[64];
        int64_t count = t->n_items < 64 ? t->n_items : 64;
        if (stored_to_f32(f, t, t->n_items - count, count) == HOOKE_E_INTERNAL) st = HOOKE_E_INTERNAL;
    }
    npz_close(&z);
    return st;
}

static void assert_counts(struct npz *z, const char *name, int64_t n)
{
    const struct stored_tensor *t;
    int64_t k[32];
    assert_int_equal(npz_load(z, &t, name), HOOKE_OK);
    assert_int_equal(t->n_items, n);
    assert_int_equal(stored_to_i64(k, t, 0, n), HOOKE_OK);
    for (int64_t i = 0; i < n; i++) assert_int_equal(k[i], i);
}

static void assert_golden(const char *path)
{
    struct npz z;
    const struct stored_tensor *t;
    assert_int_equal(npz_open(&z, path), HOOKE_OK);
    assert_counts(&z, "c", 6);
    assert_counts(&z, "f", 6); /* column-major in the file */
    assert_counts(&z, "big", 3);
    assert_counts(&z, "i64", 3);
    assert_counts(&z, "half", 3);
    assert_counts(&z, "u8", 3);
    assert_counts(&z, "big3", 24); /* both */
    assert_int_equal(npz_load(&z, &t, "f"), HOOKE_OK);
    assert_true(t->n_dims == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->dtype == DT_F32);
    assert_string_equal(t->dtype_text, "<f4");
    assert_int_equal((uintptr_t)t->data % 64, 0);
    assert_int_equal(npz_load(&z, &t, "scalar"), HOOKE_OK);
    assert_true(t->n_dims == 0 && t->n_items == 1 && t->dtype == DT_F64);
    float f;
    assert_int_equal(stored_to_f32(&f, t, 0, 1), HOOKE_OK);
    assert_true(f == 2.5f);
    assert_int_equal(npz_load(&z, &t, "empty"), HOOKE_OK);
    assert_true(t->n_items == 0 && t->shape[1] == 3);
    assert_int_equal(npz_load(&z, &t, "absent"), HOOKE_E_NOT_FOUND);
    assert_null(t);
    npz_close(&z);
}

static void reads_stored_and_deflated(void **state)
{
    (void)state;
    assert_golden(GOLDEN "stored.npz");
    assert_golden(GOLDEN "deflated.npz");
}

static void reads_other_layouts(void **state)
{
    static const char *const files[] = { GOLDEN "streamed.npz", GOLDEN "zip64.npz" };
    struct npz z;
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(npz_open(&z, files[i]), HOOKE_OK);
        assert_counts(&z, "c", 6);
        npz_close(&z);
    }
    assert_int_equal(npz_open(&z, GOLDEN "plain.npy"), HOOKE_OK);
    assert_int_equal(z.n_tensors, 1);
    assert_counts(&z, "plain", 6);
    npz_close(&z);
}

static void refuses_pickles(void **state)
{
    struct npz z;
    (void)state;
    assert_int_equal(npz_open(&z, GOLDEN "objects.npz"), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "objects"));
}

static void damage(void **state)
{
    static const char *const files[] = { GOLDEN "stored.npz", GOLDEN "deflated.npz", GOLDEN "zip64.npz",
                                         GOLDEN "plain.npy" };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        hooke_text t = { 0 };
        assert_int_equal(file_read(&t, files[i], 1 << 20), HOOKE_OK);
        const unsigned char *bytes = (const unsigned char *)t.data;
        refuses_every_cut(use, bytes, t.n);
        assert_true(survives_flips(use, bytes, t.n, 5000, 70 + i) > 500);
        survives_lost_memory(use, bytes, t.n);
        hooke_text_release(&t);
    }
}

/* ---- npy headers ---- */

static hooke_status header_of(struct npy_header *h, const char *literal)
{
    unsigned char bytes[512] = "\x93NUMPY\1";
    size_t n = strlen(literal);
    bytes[8] = (unsigned char)n;
    bytes[9] = (unsigned char)(n >> 8);
    memcpy(bytes + 10, literal, n);
    return npy_parse_header(h, bytes, 10 + n, "x");
}

static void headers(void **state)
{
    static const struct {
        const char *literal;
        hooke_status status;
    } cases[] = {
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", HOOKE_OK },
        { "{\"shape\":(2,3,),\"fortran_order\":True,\"descr\":\"|u1\"}", HOOKE_OK },
        { " { 'descr' : '<i8' , 'fortran_order' : False , 'shape' : ( 2L , 3L ) } ", HOOKE_OK },
        { "{'descr': '<c8', 'fortran_order': False, 'shape': ()}", HOOKE_OK },
        { "{'descr': '<U5', 'fortran_order': False, 'shape': (1,)}", HOOKE_OK },
        { "", HOOKE_E_FORMAT },
        { "{}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'shape': (1,), 'fortran_order': False, 'shape': (2, 3)}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': 3}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", HOOKE_E_FORMAT },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", HOOKE_E_UNSUPPORTED },
        { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}", HOOKE_E_UNSUPPORTED },
        { "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}", HOOKE_E_UNSUPPORTED },
        { "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 3)}", HOOKE_E_UNSUPPORTED },
        { "{'descr': '<f0', 'fortran_order': False, 'shape': (2, 3)}", HOOKE_E_UNSUPPORTED },
        { "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (2, 3)}", HOOKE_E_UNSUPPORTED },
        { "{'descr': '', 'fortran_order': False, 'shape': (2, 3)}", HOOKE_E_UNSUPPORTED },
        { "{'descr': '<f\\x34', 'fortran_order': False, 'shape': (2, 3)}", HOOKE_E_FORMAT },
    };
    struct npy_header h;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hooke_status st = header_of(&h, cases[i].literal);
        if (st != cases[i].status) print_message("%s: %s\n", cases[i].literal, hooke_error());
        assert_int_equal(st, cases[i].status);
    }
    assert_int_equal(header_of(&h, cases[2].literal), HOOKE_OK);
    assert_true(h.dtype == DT_I64 && h.n_dims == 2 && h.shape[0] == 2 && h.shape[1] == 3 && h.n_items == 6 &&
                !h.fortran_order);
    assert_int_equal(header_of(&h, cases[4].literal), HOOKE_OK);
    assert_true(h.dtype == DT_OTHER && h.item_bytes == 20);
}

static void header_versions(void **state)
{
    static const char literal[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}";
    unsigned char bytes[128] = "\x93NUMPY\2\0";
    struct npy_header h;
    (void)state;
    bytes[8] = sizeof literal - 1;
    memcpy(bytes + 12, literal, sizeof literal - 1);
    assert_int_equal(npy_parse_header(&h, bytes, sizeof bytes, "x"), HOOKE_OK);
    assert_int_equal(h.data_begin, 12 + sizeof literal - 1);
    bytes[6] = 4;
    assert_int_equal(npy_parse_header(&h, bytes, sizeof bytes, "x"), HOOKE_E_UNSUPPORTED);
    bytes[6] = 2, bytes[10] = 1; /* 65591 bytes of header */
    assert_int_equal(npy_parse_header(&h, bytes, sizeof bytes, "x"), HOOKE_E_FORMAT);
}

/* ---- hostile archives, made by hand ---- */

struct made {
    unsigned char bytes[4096];
    size_t n;
};

static void put(struct made *m, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) m->bytes[m->n++] = (unsigned char)(v >> 8 * i);
}

static void put_bytes(struct made *m, const void *p, size_t n)
{
    memcpy(m->bytes + m->n, p, n);
    m->n += n;
}

/* A member's description; zeros mean the honest value. */
struct member {
    const char *name;
    uint32_t method, flags, crc_error;
    uint32_t claimed_size;   /* in the directory */
    uint32_t claimed_offset; /* UINT32_MAX: the archive's first member */
    const char *local_name;
};

static const unsigned char *array_bytes(size_t *n)
{
    static const char literal[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (4,)}";
    static unsigned char bytes[128] = "\x93NUMPY\1";
    bytes[8] = sizeof literal - 1;
    memcpy(bytes + 10, literal, sizeof literal - 1);
    memcpy(bytes + 10 + sizeof literal - 1, "\0\1\2\3", 4);
    *n = 10 + sizeof literal - 1 + 4;
    return bytes;
}

static void make_archive(struct made *m, const struct member *members, int n_members)
{
    size_t n, offsets[4];
    const unsigned char *array = array_bytes(&n);
    uint32_t crc = (uint32_t)crc32_z(0, array, n);
    memset(m, 0, sizeof *m);
    for (int i = 0; i < n_members; i++) {
        const char *name = members[i].local_name ? members[i].local_name : members[i].name;
        offsets[i] = m->n;
        put(m, 0x04034B50, 4);
        for (int k = 0; k < 22; k++) put(m, 0, 1);
        put(m, strlen(name), 2);
        put(m, 0, 2);
        put_bytes(m, name, strlen(name));
        put_bytes(m, array, n);
    }
    size_t directory = m->n;
    for (int i = 0; i < n_members; i++) {
        put(m, 0x02014B50, 4);
        put(m, 0, 4);
        put(m, members[i].flags, 2);
        put(m, members[i].method, 2);
        put(m, 0, 4);
        put(m, crc ^ members[i].crc_error, 4);
        put(m, n, 4);
        put(m, members[i].claimed_size ? members[i].claimed_size : n, 4);
        put(m, strlen(members[i].name), 2);
        for (int k = 0; k < 12; k++) put(m, 0, 1);
        put(m,
            members[i].claimed_offset == UINT32_MAX ? 0
            : members[i].claimed_offset             ? members[i].claimed_offset
                                                    : offsets[i],
            4);
        put_bytes(m, members[i].name, strlen(members[i].name));
    }
    size_t end = m->n;
    put(m, 0x06054B50, 4);
    put(m, 0, 4);
    put(m, (uint64_t)n_members, 2);
    put(m, (uint64_t)n_members, 2);
    put(m, end - directory, 4);
    put(m, directory, 4);
    put(m, 0, 2);
}

static hooke_status use_made(const struct member *members, int n)
{
    struct made *m = malloc(sizeof *m);
    assert_non_null(m);
    make_archive(m, members, n);
    hooke_status st = read_exact_copy(use, m->bytes, m->n);
    free(m);
    return st;
}

static void hostile_archives(void **state)
{
    static const struct {
        struct member m[2];
        int n;
        hooke_status status;
        const char *says;
    } cases[] = {
        { { { .name = "a.npy" }, { .name = "b.npy" } }, 2, HOOKE_OK, NULL },
        { { { .name = "a.npy" }, { .name = "a.npy" } }, 2, HOOKE_E_FORMAT, "two members" },
        { { { .name = "a.npy" }, { .name = "b.npy", .claimed_offset = UINT32_MAX, .local_name = "b.npy" } },
          2,
          HOOKE_E_FORMAT,
          "overlap" }, /* two names for one header */
        { { { .name = "a.npy" }, { .name = "b.npy", .local_name = "c.npy" } },
          2,
          HOOKE_E_FORMAT,
          "another name" },
        { { { .name = "a.npy", .crc_error = 1 } }, 1, HOOKE_E_FORMAT, "CRC" },
        { { { .name = "a.npy", .flags = 1 } }, 1, HOOKE_E_UNSUPPORTED, "encrypted" },
        { { { .name = "a.npy", .method = 12 } }, 1, HOOKE_E_UNSUPPORTED, "method 12" },
        { { { .name = "a.npy", .claimed_size = 1 } }, 1, HOOKE_E_FORMAT, "stored" },
        { { { .name = "a.npy", .method = 8, .claimed_size = 1 << 30 } }, 1, HOOKE_E_FORMAT, "cannot unpack" },
        { { { .name = "a.npy", .method = 8 } }, 1, HOOKE_E_FORMAT, "deflate stream" },
        { { { .name = "a.npy", .claimed_offset = 3 } }, 1, HOOKE_E_FORMAT, "into the directory" },
        { { { .name = "a.npy", .claimed_offset = 4000000000u } }, 1, HOOKE_E_FORMAT, "no header" },
        { { { .name = "a\xFF.npy" } }, 1, HOOKE_E_FORMAT, "UTF-8" },
        { { { .name = "readme.txt" } }, 1, HOOKE_E_FORMAT, "without .npy" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hooke_status st = use_made(cases[i].m, cases[i].n);
        if (st != cases[i].status || (cases[i].says && !strstr(hooke_error(), cases[i].says)))
            print_message("case %zu: %d %s\n", i, (int)st, hooke_error());
        assert_int_equal(st, cases[i].status);
        if (cases[i].says) assert_non_null(strstr(hooke_error(), cases[i].says));
    }
}

static void put_word(unsigned char *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> 8 * i);
}

/* One deflated member of `packed` bytes that would unpack to `size`: within what deflate can do, all the same a bomb. */
static hooke_status use_bomb(uint64_t packed, uint64_t size)
{
    enum { LOCAL = 35, CENTRAL = 51, END = 22 };
    size_t n = LOCAL + (size_t)packed + CENTRAL + END;
    unsigned char *bytes = calloc(n, 1), *central = bytes + LOCAL + packed, *end = central + CENTRAL;
    assert_non_null(bytes);
    put_word(bytes, 0x04034B50, 4);
    put_word(bytes + 26, 5, 2);
    memcpy(bytes + 30, "a.npy", 5);
    put_word(central, 0x02014B50, 4);
    put_word(central + 10, 8, 2);
    put_word(central + 20, packed, 4);
    put_word(central + 24, size, 4);
    put_word(central + 28, 5, 2);
    memcpy(central + 46, "a.npy", 5);
    put_word(end, 0x06054B50, 4);
    put_word(end + 8, 1, 2);
    put_word(end + 10, 1, 2);
    put_word(end + 12, CENTRAL, 4);
    put_word(end + 16, LOCAL + packed, 4);
    hooke_status st = read_exact_copy(use, bytes, n);
    free(bytes);
    return st;
}

static void bombs_are_refused_before_they_unpack(void **state)
{
    const uint64_t packed = 400000;
    (void)state;
    assert_int_equal(use_bomb(packed, packed * 1000), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "more than 16 times the file and 256 MiB"));
    assert_int_equal(use_bomb(packed, packed * 600),
                     HOOKE_E_FORMAT); /* allowed to unpack: its stream is none */
    assert_non_null(strstr(hooke_error(), "deflate"));
}

/* Two directory entries that share one local header: the overlapping bomb's shape. Names are equal in length and the directory is
 * right about both, so only the overlap can give it away. */
static void overlapping_members(void **state)
{
    struct made m;
    const struct member members[2] = { { .name = "a.npy" }, { .name = "b.npy" } };
    (void)state;
    make_archive(&m, members, 2);
    size_t n;
    array_bytes(&n);
    size_t first_end = 30 + 5 + n, directory = 2 * first_end;
    /* stretch a over the whole of b: same header, twice the bytes and more */
    for (int k = 0; k < 2; k++) m.bytes[directory + 20 + 4 * (size_t)k] = (unsigned char)(n + 40);
    assert_int_equal(read_exact_copy(use, m.bytes, m.n), HOOKE_E_FORMAT);
    assert_non_null(strstr(hooke_error(), "overlap"));
}

/* A megabyte of zeros that says it is 64 bytes: unpacking stops at what was declared. */
static void a_stream_longer_than_declared(void **state)
{
    enum { LONG = 1 << 20 };
    static unsigned char zeros[LONG], packed[4096], out[64];
    z_stream z;
    (void)state;
    memset(&z, 0, sizeof z);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = zeros, z.avail_in = LONG, z.next_out = packed, z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    struct zip_entry e = { .name = "x", .is_deflated = true, .packed = z.total_out, .size = 64 };
    deflateEnd(&z);
    assert_int_equal(zip_unpack(out, 64, &e, packed, "x"), HOOKE_E_FORMAT);
    assert_int_equal(zip_unpack(out, 63, &e, packed, "x"), HOOKE_OK); /* a prefix is fine */
    e.size = LONG;
    e.crc = (uint32_t)crc32_z(0, zeros, LONG);
    unsigned char *all = malloc(LONG);
    assert_non_null(all);
    assert_int_equal(zip_unpack(all, LONG, &e, packed, "x"), HOOKE_OK);
    e.packed--;
    assert_int_equal(zip_unpack(all, LONG, &e, packed, "x"), HOOKE_E_FORMAT);
    e.packed += 2;
    assert_int_equal(zip_unpack(all, LONG, &e, packed, "x"), HOOKE_E_FORMAT);
    free(all);
}

/* ---- writing ---- */

static void writes_what_it_reads(void **state)
{
    static const float x[6] = { 0, 1, 2, 3, 4, 5 };
    static const int64_t k[3] = { 0, 1, 2 };
    static const double scalar = 2.5;
    const hooke_tensor_out tensors[] = { { "W_enc", "F32", 2, { 2, 3 }, x },
                                         { "ids", "I64", 1, { 3 }, k },
                                         { "scalar", "F64", 0, { 0 }, &scalar },
                                         { "empty", "F32", 2, { 0, 3 }, NULL } };
    struct npz z;
    const struct stored_tensor *t;
    (void)state;
    assert_int_equal(make_folders("build/tmp"), HOOKE_OK);
    assert_int_equal(npz_write("build/tmp/written.npz", tensors, 4), HOOKE_OK);
    assert_int_equal(npz_open(&z, "build/tmp/written.npz"), HOOKE_OK);
    assert_int_equal(z.n_tensors, 4);
    assert_counts(&z, "W_enc", 6);
    assert_counts(&z, "ids", 3);
    assert_int_equal(npz_load(&z, &t, "W_enc"), HOOKE_OK);
    assert_int_equal((uintptr_t)t->data % 64, 0);
    assert_in_range((uintptr_t)t->data, (uintptr_t)z.file.data,
                    (uintptr_t)z.file.data + z.file.n); /* a view */
    assert_int_equal(npz_load(&z, &t, "scalar"), HOOKE_OK);
    assert_true(t->n_dims == 0);
    npz_close(&z);
    hooke_text text = { 0 };
    assert_int_equal(file_read(&text, "build/tmp/written.npz", 1 << 20), HOOKE_OK);
    refuses_every_cut(use, (const unsigned char *)text.data, text.n);
    hooke_text_release(&text);
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
    const float x[2] = { 1, 2 };
    const hooke_tensor_out good = { "x", "F32", 1, { 2 }, x };
    const hooke_tensor_out bad[] = { { "x", "BF16", 1, { 2 }, x },  { NULL, "F32", 1, { 2 }, x },
                                     { "", "F32", 1, { 2 }, x },    { "x", NULL, 1, { 2 }, x },
                                     { "x", "F32", 1, { -1 }, x },  { "x", "F32", 9, { 1 }, x },
                                     { "x", "F32", 1, { 2 }, NULL } };
    const hooke_tensor_out twins[2] = { good, good };
    const char *path = "build/tmp/not_written.npz";
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(npz_write(path, &bad[i], 1), HOOKE_E_ARGUMENT);
    assert_int_equal(npz_write(path, twins, 2), HOOKE_E_ARGUMENT);
    for (long at = 1;; at++) {
        assert_false(file_exists(path));
        mem_fail_at(at);
        hooke_status st = npz_write(path, &good, 1);
        mem_fail_at(0);
        if (st == HOOKE_OK) break;
        assert_int_equal(st, HOOKE_E_MEMORY);
    }
    remove(path);
}

/* CRCs of pieces, computed side by side, make the CRC of the whole. */
static void a_large_stored_array(void **state)
{
    enum { N = (9 << 20) / 4 };
    int32_t *x = malloc(N * sizeof *x);
    struct npz z;
    const struct stored_tensor *t;
    (void)state;
    assert_non_null(x);
    for (int32_t i = 0; i < N; i++) x[i] = i;
    const hooke_tensor_out tensor = { "x", "I32", 1, { N }, x };
    assert_int_equal(npz_write("build/tmp/large.npz", &tensor, 1), HOOKE_OK);
    assert_int_equal(npz_open(&z, "build/tmp/large.npz"), HOOKE_OK);
    assert_int_equal(npz_load(&z, &t, "x"), HOOKE_OK);
    assert_memory_equal(t->data, x, N * sizeof *x);
    npz_close(&z);
    hooke_text text = { 0 };
    assert_int_equal(file_read(&text, "build/tmp/large.npz", 1 << 24), HOOKE_OK);
    text.data[8 << 20] ^= 1;
    assert_int_equal(npz_parse(&z, (const unsigned char *)text.data, text.n, "x"), HOOKE_OK);
    assert_int_equal(npz_load(&z, &t, "x"), HOOKE_E_FORMAT);
    assert_null(t);
    npz_close(&z);
    hooke_text_release(&text);
    remove("build/tmp/large.npz");
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_stored_and_deflated),
        cmocka_unit_test(reads_other_layouts),
        cmocka_unit_test(refuses_pickles),
        cmocka_unit_test(damage),
        cmocka_unit_test(headers),
        cmocka_unit_test(header_versions),
        cmocka_unit_test(hostile_archives),
        cmocka_unit_test(overlapping_members),
        cmocka_unit_test(bombs_are_refused_before_they_unpack),
        cmocka_unit_test(a_stream_longer_than_declared),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(what_cannot_be_written_leaves_nothing),
        cmocka_unit_test(a_large_stored_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
