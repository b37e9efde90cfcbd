/* random.h against the known answers of Random123's kat_vectors (Philox 4x32-10), and the draws' distribution. */
#include "check.h"

#include <math.h>

#include "base/random.h"

static void known_answers(void **state)
{
    static const struct {
        uint64_t index, purpose, seed; /* counter words 0-1, 2-3; key words */
        uint32_t out[4];
    } kat[] = {
        { 0, 0, 0, { 0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8 } },
        { UINT64_MAX, UINT64_MAX, UINT64_MAX, { 0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD } },
        { 0x85A308D3243F6A88u,
          0x0370734413198A2Eu,
          0x299F31D0A4093822u,
          { 0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1 } },
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        random_block(out, kat[i].seed, kat[i].purpose, kat[i].index);
        for (int k = 0; k < 4; k++) assert_int_equal(out[k], kat[i].out[k]);
    }
    assert_true(random_u64(0, 0, 0) == 0xE169C58D6627E8D5u);
    assert_true(random_uniform(0, 0, 0) == (double)(0xE169C58D6627E8D5u >> 11) * 0x1p-53);
}

static void uniform_draws(void **state)
{
    enum { N = 100000 };
    double sum = 0, squares = 0;
    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        double u = random_uniform(1, RANDOM_TEST, i);
        assert_true(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
    }
    assert_true(fabs(sum / N - 0.5) < 0.004); /* 4 standard errors: 4 * 0.2887 / sqrt(N) */
    assert_true(fabs(squares / N - 1.0 / 3) < 0.004);
}

static void normal_draws(void **state)
{
    enum { N = 100000 };
    static float x[N], part[101];
    double moment[5] = { 0 };
    (void)state;
    random_normal(x, N, 1, RANDOM_TEST, 0);
    for (int i = 0; i < N; i++) {
        assert_true(isfinite(x[i]));
        for (int k = 1; k <= 4; k++) moment[k] += pow((double)x[i], k);
    }
    assert_true(fabs(moment[1] / N) < 0.013);      /* 4 / sqrt(N) */
    assert_true(fabs(moment[2] / N - 1) < 0.018);  /* 4 sqrt(2 / N) */
    assert_true(fabs(moment[3] / N) < 0.05);       /* 4 sqrt(15 / N) */
    assert_true(fabs(moment[4] / N - 3) < 0.13);   /* 4 sqrt(96 / N) */
    for (uint64_t first = 0; first < 5; first++) { /* any cut gives the same draws */
        random_normal(part, 101, 1, RANDOM_TEST, first);
        assert_memory_equal(part, x + first, sizeof part);
    }
}

static void streams_differ(void **state)
{
    (void)state;
    assert_true(random_u64(1, 1, 0) != random_u64(2, 1, 0));
    assert_true(random_u64(1, 1, 0) != random_u64(1, 2, 0));
    assert_true(random_u64(1, 1, 0) != random_u64(1, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(uniform_draws),
        cmocka_unit_test(normal_draws),
        cmocka_unit_test(streams_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
