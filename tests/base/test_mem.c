/* mem.h and status.h: blocks, growth, arenas, failure on demand; messages. */
#include "check.h"

#include "base/mem.h"

static void blocks_are_aligned_and_zero(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n += 7) {
        unsigned char *p = mem_alloc(n, 3);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < n * 3; i++) assert_int_equal(p[i], 0);
        memset(p, 0xFF, n * 3);
        mem_free(p);
    }
    mem_free(NULL);
}

static void products_that_overflow_are_refused(void **state)
{
    void *p;
    (void)state;
    assert_null(mem_alloc(SIZE_MAX / 2, 3));
    assert_null(mem_alloc_raw(SIZE_MAX, 1));
    assert_null(mem_alloc((size_t)1 << 33, (size_t)1 << 33));
    assert_int_equal(mem_take(&p, SIZE_MAX, 8, "things"), HOOKE_E_MEMORY);
    assert_null(p);
    assert_non_null(strstr(hooke_error(), "things"));
}

static void growth(void **state)
{
    void *p = NULL;
    size_t capacity = 0;
    (void)state;
    assert_int_equal(mem_grow(&p, &capacity, 1, sizeof(int), 100, "ints"), HOOKE_OK);
    assert_true(capacity >= 1 && capacity <= 100);
    size_t before = capacity;
    ((int *)p)[0] = 7;
    assert_int_equal(mem_grow(&p, &capacity, before + 1, sizeof(int), 100, "ints"), HOOKE_OK);
    assert_true(capacity >= 2 * before);
    assert_int_equal(((int *)p)[0], 7);
    for (size_t i = before; i < capacity; i++) assert_int_equal(((int *)p)[i], 0);
    assert_int_equal(mem_grow(&p, &capacity, 100, sizeof(int), 100, "ints"), HOOKE_OK);
    assert_int_equal(capacity, 100);
    void *kept = p;
    assert_int_equal(mem_grow(&p, &capacity, 101, sizeof(int), 100, "ints"), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "ints"));
    mem_fail_at(1);
    assert_int_equal(mem_grow(&p, &capacity, 200, sizeof(int), 1000, "ints"), HOOKE_E_MEMORY);
    mem_fail_at(0);
    assert_ptr_equal(p, kept);
    assert_int_equal(capacity, 100);
    assert_int_equal(((int *)p)[0], 7);
    mem_free(p);
}

static void the_nth_allocation_fails(void **state)
{
    (void)state;
    mem_fail_at(3);
    for (int i = 1; i <= 5; i++) {
        void *p = mem_alloc(1, 1);
        assert_true((p == NULL) == (i == 3));
        mem_free(p);
    }
    mem_fail_at(0);
}

static void arenas(void **state)
{
    struct arena a = { 0 };
    (void)state;
    for (size_t n = 1; n < 200000; n = n * 3 + 1) {
        unsigned char *p = arena_alloc(&a, n, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
        memset(p, 0xFF, n);
    }
    char *s = arena_copy(&a, "a\0b", 3);
    assert_memory_equal(s, "a\0b", 4);
    assert_null(arena_alloc(&a, SIZE_MAX, 2));
    assert_true(a.used_bytes > 130000);
    arena_release(&a);
    arena_release(&a);
    struct arena small = { .max_bytes = 64 };
    assert_non_null(arena_alloc(&small, 48, 1));
    assert_null(arena_alloc(&small, 17, 1));
    assert_non_null(strstr(hooke_error(), "64"));
    assert_non_null(arena_alloc(&small, 16, 1));
    arena_release(&small);
}

static void messages(void **state)
{
    char text[2048];
    (void)state;
    assert_int_equal(fail(HOOKE_E_FORMAT, "%s: %d", "x", 7), HOOKE_E_FORMAT);
    assert_string_equal(hooke_error(), "x: 7");
    assert_int_equal(fail_within(HOOKE_E_FORMAT, "layer %d", 3), HOOKE_E_FORMAT);
    assert_string_equal(hooke_error(), "layer 3: x: 7");
    assert_int_equal(fail(HOOKE_E_IO, "again: %s", hooke_error()), HOOKE_E_IO);
    assert_string_equal(hooke_error(), "again: layer 3: x: 7");
    memset(text, 'a', sizeof text);
    for (size_t i = 1; i + 2 < sizeof text; i += 2) memcpy(text + i, "\xC3\xA9", 2);
    text[sizeof text - 1] = '\0';
    fail(HOOKE_E_IO, "%s", text);
    size_t n = strlen(hooke_error());
    assert_true(n >= 1020 && n < 1024);
    assert_int_equal((unsigned char)hooke_error()[n - 1], 0xA9); /* cut between characters */
    assert_string_equal(hooke_status_text(HOOKE_E_SHAPE), "shape");
    assert_string_equal(hooke_status_text(HOOKE_OK), "ok");
    assert_non_null(hooke_status_text((hooke_status)-99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_zero),
        cmocka_unit_test(products_that_overflow_are_refused),
        cmocka_unit_test(growth),
        cmocka_unit_test(the_nth_allocation_fails),
        cmocka_unit_test(arenas),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
