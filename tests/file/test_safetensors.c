/* safetensors.h: reading what the reference writes, writing the same bytes, refusing everything else. */
#include "check.h"

#include "damage.h"
#include "file/safetensors.h"

#define GOLDEN "tests/golden/file/"

static void read_bytes(hooke_text *t, const char *path)
{
    assert_int_equal(file_read(t, path, 1 << 20), HOOKE_OK);
}

static hooke_status use(const unsigned char *bytes, size_t n)
{
    struct safetensors s;
    hooke_status st = safetensors_parse(&s, bytes, n, "test.safetensors");
    if (st != HOOKE_OK) return st;
    for (int i = 0; i < s.n_tensors; i++) {
        float f[64];
        int64_t k[64], count = s.tensors[i].n_items < 64 ? s.tensors[i].n_items : 64;
        assert_ptr_equal(safetensors_find(&s, s.tensors[i].name), &s.tensors[i]);
        if (stored_to_f32(f, &s.tensors[i], s.tensors[i].n_items - count, count) == HOOKE_E_INTERNAL)
            st = HOOKE_E_INTERNAL;
        if (stored_to_i64(k, &s.tensors[i], 0, count) == HOOKE_E_INTERNAL) st = HOOKE_E_INTERNAL;
    }
    safetensors_close(&s);
    return st;
}

/* header and data as one file; `header` is padded by nothing. */
static hooke_status parse_made(const char *header, size_t data_bytes)
{
    size_t n = strlen(header);
    unsigned char *bytes = calloc(1, 8 + n + data_bytes);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(bytes + 8, header, n);
    hooke_status st = use(bytes, 8 + n + data_bytes);
    free(bytes);
    return st;
}

static void reads_every_type(void **state)
{
    static const char *const counting[] = { "a.weight", "b.weight", "bf",  "half", "double",
                                            "i64",      "i32",      "i16", "i8",   "u8" };
    struct safetensors s;
    (void)state;
    assert_int_equal(safetensors_open(&s, GOLDEN "every.safetensors"), HOOKE_OK);
    assert_int_equal(s.n_tensors, 14);
    for (size_t i = 0; i < sizeof counting / sizeof *counting; i++) {
        const struct stored_tensor *t = safetensors_find(&s, counting[i]);
        float f[6];
        int64_t k[6];
        assert_non_null(t);
        assert_int_equal(stored_to_f32(f, t, 0, t->n_items), HOOKE_OK);
        assert_int_equal(stored_to_i64(k, t, 0, t->n_items), HOOKE_OK);
        for (int64_t j = 0; j < t->n_items; j++) assert_true(f[j] == (float)j && k[j] == j);
    }
    const struct stored_tensor *t = safetensors_find(&s, "b.weight");
    assert_true(t->n_dims == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->n_items == 6 && t->bytes == 24 &&
                t->dtype == DT_F32);
    assert_string_equal(t->dtype_text, "F32");
    t = safetensors_find(&s, "empty");
    assert_true(t->n_dims == 2 && t->n_items == 0 && t->bytes == 0);
    t = safetensors_find(&s, "scalar");
    assert_true(t->n_dims == 0 && t->n_items == 1);
    assert_non_null(safetensors_find(&s, "quo\"te\n\xC3\xA9"));
    assert_null(safetensors_find(&s, "absent"));
    const char *format;
    assert_int_equal(json_string(&format, s.metadata, "format", NULL, "x"), HOOKE_OK);
    assert_string_equal(format, "pt");
    for (int i = 1; i < s.n_tensors; i++) assert_true(strcmp(s.tensors[i - 1].name, s.tensors[i].name) < 0);
    safetensors_close(&s);
    assert_int_equal(safetensors_open(&s, GOLDEN "bare.safetensors"), HOOKE_OK);
    assert_null(s.metadata);
    safetensors_close(&s);
}

static void reads_shards(void **state)
{
    struct safetensors s;
    (void)state;
    assert_int_equal(safetensors_open(&s, GOLDEN "sharded/model.safetensors.index.json"), HOOKE_OK);
    assert_int_equal(s.n_files, 2);
    assert_int_equal(s.n_tensors, 3);
    assert_string_equal(s.tensors[1].name, "b");
    assert_int_equal(s.tensors[1].dtype, DT_BF16);
    assert_int_equal(s.tensors[1].file, 1);
    assert_int_equal(s.tensors[2].file, 0);
    float f[3];
    assert_int_equal(stored_to_f32(f, &s.tensors[1], 0, 3), HOOKE_OK);
    assert_true(f[2] == 2.0f);
    safetensors_close(&s);
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(hooke_write_file(path, text, strlen(text)), HOOKE_OK);
}

static void refuses_wrong_indexes(void **state)
{
    static const struct {
        const char *text;
        hooke_status status;
    } bad[] = {
        { "{}", HOOKE_E_FORMAT },
        { "[]", HOOKE_E_FORMAT },
        { "{\"weight_map\": {}}", HOOKE_E_FORMAT },
        { "{\"weight_map\": {\"a\": 1}}", HOOKE_E_FORMAT },
        { "{\"weight_map\": {\"a\": \"\"}}", HOOKE_E_FORMAT },
        { "{\"weight_map\": {\"a\": \"../x.safetensors\"}}", HOOKE_E_FORMAT },
        { "{\"weight_map\": {\"a\": \"/etc/passwd\"}}", HOOKE_E_FORMAT },
        { "{\"weight_map\": {\"a\": \"sub\\\\x\"}}", HOOKE_E_FORMAT },
        { "{\"weight_map\": {\"a\": \"x\\u0000y\"}}", HOOKE_E_FORMAT },
        { "{\"weight_map\": {\"a\": \"c:x\"}}", HOOKE_E_FORMAT },
        { "{\"weight_map\": {\"a\": \"absent.safetensors\"}}", HOOKE_E_NOT_FOUND },
        { "{\"weight_map\": {\"a\": \"one.safetensors\", \"a\": \"one.safetensors\"}}", HOOKE_E_FORMAT },
        { "{\"weight_map\": {\"x\": \"one.safetensors\", \"y\": \"one.safetensors\"}}",
          HOOKE_E_FORMAT }, /* y is in none */
        { "{\"weight_map\": {\"x\": \"one.safetensors\", \"z\": \"two.safetensors\"}}",
          HOOKE_E_FORMAT }, /* x in both */
    };
    const float x[2] = { 1, 2 };
    const hooke_tensor_out one[1] = { { "x", "F32", 1, { 2 }, x } },
                           two[2] = { { "x", "F32", 1, { 2 }, x }, { "z", "F32", 1, { 2 }, x } };
    struct safetensors s;
    (void)state;
    assert_int_equal(make_folders("build/tmp/shards"), HOOKE_OK);
    assert_int_equal(hooke_write_safetensors("build/tmp/shards/one.safetensors", one, 1, NULL), HOOKE_OK);
    assert_int_equal(hooke_write_safetensors("build/tmp/shards/two.safetensors", two, 2, NULL), HOOKE_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text("build/tmp/shards/x.index.json", bad[i].text);
        hooke_status st = safetensors_open(&s, "build/tmp/shards/x.index.json");
        if (st != bad[i].status) print_message("%s: %s\n", bad[i].text, hooke_error());
        assert_int_equal(st, bad[i].status);
        assert_int_equal(s.n_files, 0);
    }
}

static void refuses_wrong_headers(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        hooke_status status;
    } made[] = {
        { "{}", 0, HOOKE_OK },
        { "{}      ", 0, HOOKE_OK },
        { "{}", 1, HOOKE_E_FORMAT },
        { "[]", 0, HOOKE_E_FORMAT },
        { " {}", 0, HOOKE_E_FORMAT },
        { "{\"__metadata__\":null}", 0, HOOKE_OK },
        { "{\"__metadata__\":{\"a\":1}}", 0, HOOKE_E_FORMAT },
        { "{\"__metadata__\":[]}", 0, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}}", 4, HOOKE_OK },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
          HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
          HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,0],\"data_offsets\":[0,0]}}", 0,
          HOOKE_OK },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9223372036854775804,9223372036854775807]"
          "}}",
          4, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,18446744073709551615]}}", 4,
          HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, HOOKE_OK },
        { "{\"x\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
          HOOKE_E_UNSUPPORTED },
        { "{\"x\":[],\"y\":{}}", 0, HOOKE_E_FORMAT },
        { "{\"x\\u0000y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, HOOKE_E_FORMAT },
        /* two tensors: twins, a gap, an overlap, an empty one at the seam */
        { "{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"x\":{\"dtype\":\"U8\",\"shape\":["
          "1],\"data_offsets\":[1,2]}}",
          2, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"y\":{\"dtype\":\"U8\",\"shape\":["
          "1],\"data_offsets\":[2,3]}}",
          3, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"y\":{\"dtype\":\"U8\",\"shape\":["
          "2],\"data_offsets\":[1,3]}}",
          3, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"y\":{\"dtype\":\"U8\",\"shape\":["
          "2],\"data_offsets\":[0,2]}}",
          2, HOOKE_E_FORMAT },
        { "{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]},\"e\":{\"dtype\":\"U8\",\"shape\":["
          "0],\"data_offsets\":[2,2]},"
          "\"y\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
          4, HOOKE_OK },
        /* listed, not converted */
        { "{\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3, HOOKE_OK },
        { "{\"x\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1, HOOKE_OK },
        { "{\"x\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,0]}}", 0, HOOKE_E_FORMAT },
    };
    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        hooke_status st = parse_made(made[i].header, made[i].data);
        if (st != made[i].status)
            print_message("%s + %zu: %s\n", made[i].header, made[i].data, hooke_error());
        assert_int_equal(st, made[i].status);
    }
}

static void a_header_length_is_bounded(void **state)
{
    unsigned char huge[16] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, '{', '}' },
                  long_one[10] = { 3, 0, 0, 0, 0, 0, 0, 0, '{', '}' };
    (void)state;
    assert_int_equal(use(huge, sizeof huge), HOOKE_E_FORMAT);
    assert_int_equal(use(long_one, sizeof long_one), HOOKE_E_FORMAT);
}

static void damage(void **state)
{
    static const char *const files[] = { GOLDEN "every.safetensors", GOLDEN "unsigned.safetensors",
                                         GOLDEN "bare.safetensors" };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        hooke_text t = { 0 };
        read_bytes(&t, files[i]);
        const unsigned char *bytes = (const unsigned char *)t.data;
        refuses_every_cut(use, bytes, t.n);
        assert_true(survives_flips(use, bytes, t.n, 5000, 7 + i) > 1000);
        survives_lost_memory(use, bytes, t.n);
        hooke_text_release(&t);
    }
}

static void foreign_elements_are_not_converted(void **state)
{
    struct stored_tensor t = {
        .name = "x", .dtype = DT_OTHER, .dtype_text = "F8_E4M3", .n_items = 1, .data = "a", .bytes = 1
    };
    float f;
    int64_t k;
    (void)state;
    assert_int_equal(stored_to_f32(&f, &t, 0, 1), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "F8_E4M3"));
    assert_int_equal(stored_to_i64(&k, &t, 0, 1), HOOKE_E_UNSUPPORTED);
    t.dtype = DT_U8;
    assert_int_equal(stored_to_f32(&f, &t, 0, 2), HOOKE_E_ARGUMENT);
    assert_int_equal(stored_to_f32(&f, &t, 2, 0), HOOKE_E_ARGUMENT);
    assert_int_equal(stored_to_f32(&f, &t, -1, 1), HOOKE_E_ARGUMENT);
    assert_int_equal(stored_to_f32(&f, &t, 1, 0), HOOKE_OK);
}

/* Values chosen where conversions go wrong; the bytes lie one past alignment. */
static void conversions(void **state)
{
    static const struct {
        enum dtype dtype;
        uint64_t bits;
        float expected;
    } cases[] = {
        { DT_F16, 0x0000, 0.0f },
        { DT_F16, 0x8000, -0.0f },
        { DT_F16, 0x0001, 0x1p-24f },
        { DT_F16, 0x83FF, -0x3FFp-24f },
        { DT_F16, 0x0400, 0x1p-14f },
        { DT_F16, 0x3C00, 1.0f },
        { DT_F16, 0x7BFF, 65504.0f },
        { DT_F16, 0xFC00, -(float)__builtin_inff() },
        { DT_BF16, 0x3F80, 1.0f },
        { DT_BF16, 0x0001, 0x1p-133f },
        { DT_BF16, 0xFF80, -(float)__builtin_inff() },
        { DT_F32, 0x00000001, 0x1p-149f },
        { DT_F64, 0x3FB999999999999Au, 0.1f },
        { DT_F64, 0x7FE0000000000000u, (float)__builtin_inff() },
        { DT_I64, UINT64_MAX, -1.0f },
        { DT_I32, 0x80000000u, -2147483648.0f },
        { DT_I16, 0xFFFE, -2.0f },
        { DT_I8, 0x80, -128.0f },
        { DT_U64, UINT64_MAX, 18446744073709551616.0f },
        { DT_U32, 0xFFFFFFFFu, 4294967296.0f },
        { DT_U16, 0xFFFF, 65535.0f },
        { DT_U8, 0xFF, 255.0f },
        { DT_BOOL, 2, 1.0f },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[9];
        float f;
        memcpy(bytes + 1, &cases[i].bits, 8); /* little-endian: the low bytes come first */
        struct stored_tensor t = { .name = "x",
                                   .dtype = cases[i].dtype,
                                   .dtype_text = "",
                                   .n_items = 1,
                                   .data = bytes + 1,
                                   .bytes = 8 };
        assert_int_equal(stored_to_f32(&f, &t, 0, 1), HOOKE_OK);
        assert_memory_equal(&f, &cases[i].expected, sizeof f);
    }
    uint16_t nans[2] = { 0x7E01, 0xFFC0 };
    float f;
    struct stored_tensor t = {
        .name = "x", .dtype = DT_F16, .dtype_text = "F16", .n_items = 1, .data = &nans[0], .bytes = 2
    };
    assert_int_equal(stored_to_f32(&f, &t, 0, 1), HOOKE_OK);
    assert_true(f != f);
    t.dtype = DT_BF16, t.data = &nans[1];
    assert_int_equal(stored_to_f32(&f, &t, 0, 1), HOOKE_OK);
    assert_true(f != f);
}

static void integers_from_floats_must_be_whole(void **state)
{
    const double good[2] = { -9007199254740993.0, 3.0 },
                 bad[4] = { 0.5, 0x1p63, (double)__builtin_nanf(""), -0x1.8p64 };
    const uint64_t big = (uint64_t)1 << 63;
    int64_t k[2];
    (void)state;
    struct stored_tensor t = {
        .name = "x", .dtype = DT_F64, .dtype_text = "F64", .n_items = 2, .data = good, .bytes = 16
    };
    assert_int_equal(stored_to_i64(k, &t, 0, 2), HOOKE_OK);
    assert_true(k[0] == -9007199254740992 && k[1] == 3);
    t.data = bad, t.n_items = 4;
    for (int i = 0; i < 4; i++) assert_int_equal(stored_to_i64(k, &t, i, 1), HOOKE_E_FORMAT);
    t = (struct stored_tensor){
        .name = "x", .dtype = DT_U64, .dtype_text = "U64", .n_items = 1, .data = &big, .bytes = 8
    };
    assert_int_equal(stored_to_i64(k, &t, 0, 1), HOOKE_E_FORMAT);
}

/* ---- writing ---- */

static void assert_same_file(const char *made, const char *golden)
{
    hooke_text a = { 0 }, b = { 0 };
    read_bytes(&a, made);
    read_bytes(&b, golden);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.data, b.data, a.n);
    hooke_text_release(&a);
    hooke_text_release(&b);
}

static void writes_the_reference_bytes(void **state)
{
    static const float f32[6] = { 0, 1, 2, 3, 4, 5 }, seven = 7;
    static const double f64[2] = { 0, 1 };
    static const int64_t i64[3] = { 0, 1, 2 };
    static const int32_t i32[3] = { 0, 1, 2 };
    static const int16_t i16[3] = { 0, 1, 2 };
    static const int8_t i8[3] = { 0, 1, 2 };
    static const uint16_t bf[5] = { 0, 0x3F80, 0x4000, 0x4040, 0x4080 }, half[3] = { 0, 0x3C00, 0x4000 };
    static const unsigned char flags[3] = { 1, 0, 1 };
    const hooke_tensor_out every[] = {
        { "b.weight", "F32", 2, { 2, 3 }, f32 },
        { "a.weight", "F32", 2, { 3, 2 }, f32 },
        { "bf", "BF16", 1, { 5 }, bf },
        { "half", "F16", 1, { 3 }, half },
        { "double", "F64", 1, { 2 }, f64 },
        { "i64", "I64", 1, { 3 }, i64 },
        { "i32", "I32", 1, { 3 }, i32 },
        { "i16", "I16", 1, { 3 }, i16 },
        { "i8", "I8", 1, { 3 }, i8 },
        { "u8", "U8", 1, { 3 }, i8 },
        { "bool", "BOOL", 1, { 3 }, flags },
        { "scalar", "F32", 0, { 0 }, &seven },
        { "empty", "F32", 2, { 0, 4 }, NULL },
        { "quo\"te\n\xC3\xA9", "F32", 1, { 1 }, f32 },
    };
    static const char *const metadata[] = { "format", "pt", NULL };
    const hooke_tensor_out bare = { "x", "F32", 1, { 2 }, f32 };
    (void)state;
    assert_int_equal(make_folders("build/tmp"), HOOKE_OK);
    assert_int_equal(hooke_write_safetensors("build/tmp/every.safetensors", every, 14, metadata), HOOKE_OK);
    assert_same_file("build/tmp/every.safetensors", GOLDEN "every.safetensors");
    assert_int_equal(hooke_write_safetensors("build/tmp/bare.safetensors", &bare, 1, NULL), HOOKE_OK);
    assert_same_file("build/tmp/bare.safetensors", GOLDEN "bare.safetensors");
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
    const float x[2] = { 1, 2 };
    static const char *const lone[] = { "key", NULL };
    const hooke_tensor_out good = { "x", "F32", 1, { 2 }, x };
    const hooke_tensor_out bad[] = { { "x", "F31", 1, { 2 }, x },
                                     { NULL, "F32", 1, { 2 }, x },
                                     { "x", "F32", 1, { -1 }, x },
                                     { "x", "F32", 9, { 1 }, x },
                                     { "x", "F32", 2, { (int64_t)1 << 40, (int64_t)1 << 40 }, x },
                                     { "x", "F32", 1, { 2 }, NULL },
                                     { "__metadata__", "F32", 1, { 2 }, x } };
    const hooke_tensor_out twins[2] = { good, good };
    const char *path = "build/tmp/not_written.safetensors";
    (void)state;
    assert_int_equal(make_folders("build/tmp"), HOOKE_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hooke_write_safetensors(path, &bad[i], 1, NULL), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_write_safetensors(path, twins, 2, NULL), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_write_safetensors(path, &good, 1, lone), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_write_safetensors("build/tmp/no/such/folder/x", &good, 1, NULL), HOOKE_E_IO);
    assert_int_equal(hooke_write_safetensors("build/tmp", &good, 1, NULL), HOOKE_E_ARGUMENT);
    assert_false(file_exists(path));
    for (long at = 1;; at++) {
        mem_fail_at(at);
        hooke_status st = hooke_write_safetensors(path, &good, 1, NULL);
        mem_fail_at(0);
        if (st == HOOKE_OK) break;
        assert_int_equal(st, HOOKE_E_MEMORY);
        assert_false(file_exists(path));
    }
    assert_true(file_exists(path));
    remove(path);
}

static void a_streamed_file_holds_what_was_declared(void **state)
{
    const float x[4] = { 1, 2, 3, 4 };
    const hooke_tensor_out tensors[] = { { "e", "F32", 1, { 0 }, NULL },
                                         { "b", "F32", 1, { 3 }, NULL },
                                         { "a", "F32", 1, { 1 }, NULL },
                                         { "z", "F32", 2, { 3, 0 }, NULL } };
    const char *path = "build/tmp/streamed.safetensors";
    struct safetensors_writer w;
    struct safetensors s;
    (void)state;
    assert_int_equal(make_folders("build/tmp"), HOOKE_OK);
    remove(path);
    assert_int_equal(st_writer_begin(&w, path, tensors, 4, NULL), HOOKE_OK);
    assert_int_equal(st_writer_append(&w, x, 8), HOOKE_OK);
    assert_int_equal(st_writer_commit(&w), HOOKE_E_ARGUMENT); /* 8 bytes of b are missing */
    assert_false(file_exists(path));
    assert_int_equal(st_writer_begin(&w, path, tensors, 4, NULL), HOOKE_OK);
    assert_int_equal(st_writer_append(&w, x, 8), HOOKE_OK);
    assert_int_equal(st_writer_append(&w, x + 2, 8), HOOKE_OK);
    assert_int_equal(st_writer_append(&w, x, 1), HOOKE_E_ARGUMENT);
    assert_int_equal(st_writer_commit(&w), HOOKE_OK);
    assert_int_equal(safetensors_open(&s, path), HOOKE_OK);
    float f[3];
    assert_int_equal(stored_to_f32(f, safetensors_find(&s, "b"), 0, 3), HOOKE_OK);
    assert_true(f[0] == 1 && f[2] == 3);
    safetensors_close(&s);
    st_writer_abandon(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(reads_shards),
        cmocka_unit_test(refuses_wrong_indexes),
        cmocka_unit_test(refuses_wrong_headers),
        cmocka_unit_test(a_header_length_is_bounded),
        cmocka_unit_test(damage),
        cmocka_unit_test(foreign_elements_are_not_converted),
        cmocka_unit_test(conversions),
        cmocka_unit_test(integers_from_floats_must_be_whole),
        cmocka_unit_test(writes_the_reference_bytes),
        cmocka_unit_test(what_cannot_be_written_leaves_nothing),
        cmocka_unit_test(a_streamed_file_holds_what_was_declared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
