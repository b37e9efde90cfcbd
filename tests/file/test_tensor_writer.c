/* A safetensors file that is written in pieces, in any order. */
#include "check.h"

#include <stdio.h>

#include "file/safetensors.h"

#define HERE "build/tmp/tensor_writer/"

static const float x[4] = { 1, 2, 3, 4 };
static const hooke_tensor_out shapes[] = { { "late", "I64", 1, { 2 }, NULL },
                                           { "empty", "F32", 2, { 3, 0 }, NULL },
                                           { "early", "F32", 2, { 2, 2 }, NULL } };
static const char *const pairs[] = { "made by", "a \"test\"", NULL };

static hooke_tensor_writer *open_writer(const char *path)
{
    hooke_tensor_writer *w;
    assert_int_equal(make_folders(HERE), HOOKE_OK);
    remove(path);
    assert_int_equal(hooke_tensor_writer_open(&w, path, shapes, 3, pairs), HOOKE_OK);
    return w;
}

static void pieces_come_in_any_order(void **state)
{
    const char *path = HERE "pieces.safetensors";
    const int64_t last = 7;
    struct safetensors s;
    float f[4];
    int64_t i[2];
    (void)state;
    hooke_tensor_writer *w = open_writer(path);
    int64_t bytes = hooke_tensor_writer_bytes(w);
    assert_int_equal(hooke_tensor_writer_put(w, 2, 8, x + 2, 8), HOOKE_OK);
    assert_int_equal(hooke_tensor_writer_put(w, 0, 8, &last, 8), HOOKE_OK); /* the first item stays 0 */
    assert_int_equal(hooke_tensor_writer_put(w, 1, 0, x, 0), HOOKE_OK);
    assert_int_equal(hooke_tensor_writer_put(w, 2, 0, x, 8), HOOKE_OK);
    assert_false(file_exists(path));
    assert_int_equal(hooke_tensor_writer_commit(w), HOOKE_OK);
    assert_int_equal(safetensors_open(&s, path), HOOKE_OK);
    assert_int_equal(s.files[0].n, bytes);
    assert_int_equal(s.n_tensors, 3);
    assert_int_equal(stored_to_f32(f, safetensors_find(&s, "early"), 0, 4), HOOKE_OK);
    assert_memory_equal(f, x, sizeof x);
    assert_int_equal(stored_to_i64(i, safetensors_find(&s, "late"), 0, 2), HOOKE_OK);
    assert_true(i[0] == 0 && i[1] == 7);
    assert_string_equal(json_get(s.metadata, "made by")->as.string.bytes, "a \"test\"");
    safetensors_close(&s);
}

/* All at once and in pieces is the same file, where the order of tensors is the sorted one. */
static void the_bytes_are_those_of_the_other_writer(void **state)
{
    const hooke_tensor_out one = { "x", "F32", 1, { 4 }, x };
    hooke_tensor_writer *w;
    hooke_text a = { 0 }, b = { 0 };
    (void)state;
    assert_int_equal(make_folders(HERE), HOOKE_OK);
    assert_int_equal(hooke_write_safetensors(HERE "whole", &one, 1, pairs), HOOKE_OK);
    assert_int_equal(hooke_tensor_writer_open(&w, HERE "parts", &one, 1, pairs), HOOKE_OK);
    assert_int_equal(hooke_tensor_writer_put(w, 0, 0, x, sizeof x), HOOKE_OK);
    assert_int_equal(hooke_tensor_writer_commit(w), HOOKE_OK);
    assert_int_equal(file_read(&a, HERE "whole", 1000), HOOKE_OK);
    assert_int_equal(file_read(&b, HERE "parts", 1000), HOOKE_OK);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.data, b.data, a.n);
    hooke_text_release(&a);
    hooke_text_release(&b);
}

static void what_does_not_fit_is_refused(void **state)
{
    const char *path = HERE "refused.safetensors";
    const hooke_tensor_out twins[] = { shapes[0], shapes[0] },
                           huge = { "x", "F32", 1, { INT64_MAX / 16 }, NULL };
    const char *const lone[] = { "key", NULL };
    (void)state;
    hooke_tensor_writer *w = open_writer(path);
    assert_int_equal(hooke_tensor_writer_put(w, 3, 0, x, 4), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_tensor_writer_put(w, -1, 0, x, 4), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_tensor_writer_put(w, 2, -1, x, 4), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_tensor_writer_put(w, 2, 12, x, 5), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_tensor_writer_put(w, 2, INT64_MAX, x, 4), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_tensor_writer_put(w, 1, 0, x, 1), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_tensor_writer_put(w, 2, 0, NULL, 4), HOOKE_E_ARGUMENT);
    hooke_tensor_writer_abandon(w);
    hooke_tensor_writer_abandon(NULL);
    assert_int_equal(hooke_tensor_writer_open(&w, path, twins, 2, NULL), HOOKE_E_ARGUMENT);
    assert_null(w);
    assert_int_equal(hooke_tensor_writer_open(&w, path, shapes, 3, lone), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_tensor_writer_open(&w, path, &huge, 1, NULL),
                     HOOKE_E_IO); /* no disk is so large */
    assert_int_equal(hooke_tensor_writer_open(&w, HERE "absent/x", shapes, 3, NULL), HOOKE_E_IO);
    assert_int_equal(hooke_tensor_writer_open(&w, "/dev/null", shapes, 3, NULL), HOOKE_E_ARGUMENT);
    assert_int_equal(hooke_tensor_writer_commit(NULL), HOOKE_E_ARGUMENT);
    assert_false(file_exists(path));
}

static void every_allocation_may_fail(void **state)
{
    const char *path = HERE "memory.safetensors";
    hooke_tensor_writer *w;
    (void)state;
    hooke_tensor_writer_abandon(open_writer(path));
    for (long at = 1;; at++) {
        mem_fail_at(at);
        hooke_status st = hooke_tensor_writer_open(&w, path, shapes, 3, pairs);
        mem_fail_at(0);
        if (st == HOOKE_OK) break;
        assert_int_equal(st, HOOKE_E_MEMORY);
        assert_null(w);
        assert_true(at < 1000);
    }
    hooke_tensor_writer_abandon(w);
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_come_in_any_order),
        cmocka_unit_test(the_bytes_are_those_of_the_other_writer),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
