/* gguf.h: what llama.cpp's writer makes (tests/golden/make_gguf_golden.py), and headers made by hand. */
#include "check.h"

#include "damage.h"
#include "file/bytes.h"
#include "file/gguf.h"

#define GOLDEN "tests/golden/gguf/"

static hooke_status use(const unsigned char *bytes, size_t n)
{
    struct gguf g;
    hooke_status st = gguf_parse(&g, bytes, n, "test.gguf");
    if (st != HOOKE_OK) return st;
    for (int i = 0; i < g.n_tensors; i++) {
        float x[64];
        int64_t count = g.tensors[i].n_items < 64 ? g.tensors[i].n_items : 64;
        if (g.tensors[i].dtype == DT_OTHER) continue;
        if (stored_to_f32(x, &g.tensors[i], g.tensors[i].n_items - count, count) != HOOKE_OK)
            st = HOOKE_E_INTERNAL;
    }
    gguf_close(&g);
    return st;
}

static void assert_int(const struct gguf *g, const char *name, int64_t want)
{
    const struct gguf_value *v = gguf_value(g, name);
    assert_non_null(v);
    assert_true((v->kind == GGUF_INT || v->kind == GGUF_BOOL) && v->integer == want);
}

static void reads_values(void **state)
{
    struct gguf g;
    (void)state;
    assert_int_equal(gguf_open(&g, GOLDEN "every.gguf"), HOOKE_OK);
    assert_int_equal(g.version, 3);
    assert_int(&g, "u8", 255);
    assert_int(&g, "i8", -1);
    assert_int(&g, "u16", 65535);
    assert_int(&g, "i16", -2);
    assert_int(&g, "u32", 4000000000);
    assert_int(&g, "i32", -3);
    assert_int(&g, "u64", (int64_t)1 << 40);
    assert_int(&g, "i64", -((int64_t)1 << 40));
    assert_int(&g, "yes", 1);
    assert_true(gguf_value(&g, "f32")->real == 0.5 && gguf_value(&g, "f64")->real == 0.1);
    assert_string_equal(gguf_value(&g, "text")->string, "h\xC3\xA9");
    assert_true(gguf_value(&g, "numbers")->kind == GGUF_ARRAY && gguf_value(&g, "numbers")->integer == 3);
    assert_int_equal(gguf_value(&g, "words")->integer, 2);
    assert_null(gguf_value(&g, "absent"));
    assert_false(gguf_is_control_vector(&g));
    gguf_close(&g);
}

static void reads_tensors(void **state)
{
    static const char *const names[] = { "f32", "f16", "bf16", "f64", "i32", "i8" };
    struct gguf g;
    (void)state;
    assert_int_equal(gguf_open(&g, GOLDEN "every.gguf"), HOOKE_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct stored_tensor *t = gguf_find(&g, names[i]);
        float x[6];
        assert_non_null(t);
        assert_true(t->n_dims == 2 && t->shape[0] == 2 && t->shape[1] == 3); /* fastest last */
        assert_int_equal(stored_to_f32(x, t, 0, 6), HOOKE_OK);
        for (int k = 0; k < 6; k++) assert_true(x[k] == (float)k);
    }
    const struct stored_tensor *q = gguf_find(&g, "q8");
    float x[1];
    assert_string_equal(q->dtype_text, "Q8_0");
    assert_int_equal(q->bytes, 34);
    assert_int_equal(stored_to_f32(x, q, 0, 1), HOOKE_E_UNSUPPORTED);
    gguf_close(&g);
}

static void knows_control_vectors(void **state)
{
    struct gguf g;
    (void)state;
    assert_int_equal(gguf_open(&g, GOLDEN "control_vector.gguf"), HOOKE_OK);
    assert_true(gguf_is_control_vector(&g) && g.n_tensors == 2);
    assert_int_equal(gguf_direction_layer(g.tensors[0].name), 3);
    gguf_close(&g);
    assert_int_equal(gguf_direction_layer("direction.12"), 12);
    assert_int_equal(gguf_direction_layer("direction.0"), 0);
    assert_int_equal(gguf_direction_layer("direction.01"), 0);
    assert_int_equal(gguf_direction_layer("direction."), 0);
    assert_int_equal(gguf_direction_layer("direction.1x"), 0);
    assert_int_equal(gguf_direction_layer("direction.12345"), 0);
    assert_int_equal(gguf_direction_layer("blk.1"), 0);
}

static void refused(const char *bytes, size_t n, hooke_status code, const char *words)
{
    assert_int_equal(use((const unsigned char *)bytes, n), code);
    if (!strstr(hooke_error(), words)) print_message("'%s' lacks '%s'\n", hooke_error(), words);
    assert_non_null(strstr(hooke_error(), words));
}
#define REFUSED(bytes, code, words) refused(bytes, sizeof(bytes) - 1, code, words)
/* Headers of no tensors and one key, and of one tensor and no keys. */
#define ONE_KEY    "GGUF\3\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0k"
#define ONE_TENSOR "GGUF\3\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0w\1\0\0\0"
#define HUGE       "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"

static void refuses_by_name(void **state)
{
    (void)state;
    REFUSED("GGUF\0\0\0\3\0\0\0\0\0\0\0\0", HOOKE_E_UNSUPPORTED, "big-endian");
    REFUSED("GGUF\1\0\0\0\0\0\0\0\0\0\0\0", HOOKE_E_UNSUPPORTED, "version 1");
    REFUSED("GGUF\3\0\0\0" HUGE "\0\0\0\0\0\0\0\0", HOOKE_E_FORMAT, "tensors and 0 keys in 0 bytes");
    REFUSED("PK\3\4", HOOKE_E_FORMAT, "ZIP");
    REFUSED(ONE_KEY "\x0D\0\0\0", HOOKE_E_FORMAT, "unknown type");
    REFUSED(ONE_KEY "\7\0\0\0\2", HOOKE_E_FORMAT, "neither 0 nor 1");
    REFUSED(ONE_KEY "\x0A\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", HOOKE_E_FORMAT, "63 bits");
    REFUSED(ONE_KEY "\x09\0\0\0\x09\0\0\0\0\0\0\0\0\0\0\0", HOOKE_E_FORMAT, "array of arrays");
    REFUSED(ONE_KEY "\x09\0\0\0\4\0\0\0" HUGE, HOOKE_E_FORMAT, "cut short");
    REFUSED(ONE_TENSOR "\4\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0", HOOKE_E_UNSUPPORTED, "type 16");
    REFUSED(ONE_TENSOR HUGE "\0\0\0\0\0\0\0\0\0\0\0\0", HOOKE_E_FORMAT, "63 bits");
    REFUSED(ONE_TENSOR "\4\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0", HOOKE_E_FORMAT, "whole blocks of Q4_0");
    REFUSED(ONE_TENSOR "\1\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            HOOKE_E_FORMAT, "no multiple of 32");
    REFUSED(ONE_TENSOR "\1\0\0\0\0\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            HOOKE_E_FORMAT, "ends at");
}

static void survives_damage(void **state)
{
    static const char *const files[] = { GOLDEN "every.gguf", GOLDEN "control_vector.gguf" };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        hooke_text t = { 0 };
        assert_int_equal(file_read(&t, files[i], 1 << 20), HOOKE_OK);
        size_t n = t.n;
        while (use((const unsigned char *)t.data, n - 1) == HOOKE_OK)
            n--; /* padding behind the last tensor */
        assert_true(t.n - n < 32);
        refuses_every_cut(use, (const unsigned char *)t.data, n);
        assert_true(survives_flips(use, (const unsigned char *)t.data, n, 20000, i) > 5000);
        survives_lost_memory(use, (const unsigned char *)t.data, n);
        hooke_text_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values),          cmocka_unit_test(reads_tensors),
        cmocka_unit_test(knows_control_vectors), cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
