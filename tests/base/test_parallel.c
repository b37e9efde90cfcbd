/* parallel.h: every item once, the same chunks for any number of threads, the first chunk's failure. */
#include "check.h"

#include "base/parallel.h"

struct marks {
    unsigned char seen[1000];
    int64_t begin[1000]; /* of the chunk an item came in */
    int worker[1000];
};

static void mark(void *payload, int64_t begin, int64_t end, int worker)
{
    struct marks *m = payload;
    for (int64_t i = begin; i < end; i++) {
        m->seen[i]++;
        m->begin[i] = begin;
        m->worker[i] = worker;
    }
}

static void every_item_once(void **state)
{
    static const int64_t sizes[] = { 0, 1, 2, 63, 64, 65, 1000 };
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int64_t grain = 1; grain <= 1001; grain = grain * 10 + 1)
            for (int threads = 1; threads <= 7; threads += 2) {
                struct marks *m = calloc(1, sizeof *m);
                assert_non_null(m);
                parallel_for(threads, sizes[s], grain, mark, m);
                for (int64_t i = 0; i < 1000; i++) {
                    assert_int_equal(m->seen[i], i < sizes[s]);
                    if (i < sizes[s]) assert_int_equal(m->begin[i], i / grain * grain);
                    assert_true(m->worker[i] >= 0 && m->worker[i] < threads);
                }
                free(m);
            }
}

/* Sums whose order would show: partial sums by chunk, added in order. */
struct sums {
    const float *x;
    float partial[64];
};

static void sum_chunk(void *payload, int64_t begin, int64_t end, int worker)
{
    struct sums *s = payload;
    float sum = 0;
    (void)worker;
    for (int64_t i = begin; i < end; i++) sum += s->x[i];
    s->partial[begin / 100] = sum;
}

static void the_same_bits_for_any_number_of_threads(void **state)
{
    static float x[6400];
    float first = 0;
    (void)state;
    for (int i = 0; i < 6400; i++) x[i] = 1.0f / (float)(i * 7 % 1001 + 1) - 0.3f;
    for (int threads = 1; threads <= 8; threads++) {
        struct sums s = { .x = x };
        float total = 0;
        parallel_for(threads, 6400, 100, sum_chunk, &s);
        for (int i = 0; i < 64; i++) total += s.partial[i];
        if (threads == 1) first = total;
        assert_memory_equal(&total, &first, sizeof total);
    }
}

static hooke_status fail_odd(void *payload, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    int64_t first_bad = *(const int64_t *)payload;
    for (int64_t i = begin; i < end; i++)
        if (i >= first_bad && i % 2)
            return fail(i < 100 ? HOOKE_E_SHAPE : HOOKE_E_IO, "item %lld", (long long)i);
    return HOOKE_OK;
}

static void the_lowest_failure_is_returned(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        int64_t first_bad = 50;
        assert_int_equal(parallel_try(threads, 1000, 10, fail_odd, &first_bad), HOOKE_E_SHAPE);
        assert_string_equal(hooke_error(), "item 51");
        first_bad = 2000;
        assert_int_equal(parallel_try(threads, 1000, 10, fail_odd, &first_bad), HOOKE_OK);
        assert_int_equal(parallel_try(threads, 0, 10, fail_odd, &first_bad), HOOKE_OK);
    }
    assert_true(parallel_default_threads() >= 1);
}

static void nested(void *payload, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    for (int64_t i = begin; i < end; i++) parallel_for(4, 10, 3, mark, (struct marks *)payload + i);
}

static void loops_inside_loops_run_serially(void **state)
{
    struct marks *m = calloc(4, sizeof *m);
    (void)state;
    assert_non_null(m);
    parallel_for(4, 4, 1, nested, m);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 10; i++) assert_int_equal(m[k].seen[i], 1);
    free(m);
}

static void small_work_wakes_nobody(void **state)
{
    (void)state;
    assert_int_equal(parallel_worth(8, 0), 1);
    assert_int_equal(parallel_worth(8, 1000), 1);
    assert_int_equal(parallel_worth(8, 1 << 20), 8);
    assert_int_equal(parallel_worth(1, INT64_MAX), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_once),
        cmocka_unit_test(the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(the_lowest_failure_is_returned),
        cmocka_unit_test(loops_inside_loops_run_serially),
        cmocka_unit_test(small_work_wakes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
