/* Same bits for any number of threads; and where a row's bits do not depend on its companions. */
#include "levels.h"

#include "tensor/context.h"

static const int counts[] = { 1, 2, 3, 7 };
enum { N_COUNTS = 4 };

/* One run of everything; leaves all results in out[n_out]. */
enum { ROWS = 34, D_IN = 700, D_OUT = 290, D_DICT = 1200, OUT = 6 };
struct results {
    struct mat out[OUT];
    hooke_codes codes[5];
};

static void run_dense(struct exec *ex, struct results *r, int64_t rows, enum dtype dtype)
{
    struct mat x = random_mat(rows, D_IN, 41, 1), exact = random_mat(D_OUT, D_IN, 42, 0.05F),
               exact_t = random_mat(D_IN, D_OUT, 43, 0.05F);
    make_exact(&exact);
    make_exact(&exact_t);
    struct mat w = in_dtype(&exact, dtype), w_t = in_dtype(&exact_t, dtype);
    struct weight plain = { w, false, NULL }, first = { w_t, true, NULL };
    struct norm norm = { NORM_LAYER, 1e-6F, NULL, NULL };
    struct attention a = { 4, 2, 64, 0.1F, 30, 40, rows, rows, 0 };
    struct mat q = x, k = x;
    q.cols = 256, k.cols = 128;
    for (int i = 0; i < OUT; i++)
        r->out[i] = marked_mat(rows, i == 3 || i == 5 ? D_IN : i == 4 ? 256 : D_OUT);
    assert_int_equal(ex->ops->matmul(ex, &r->out[0], &x, &plain, false), HOOKE_OK);
    assert_int_equal(ex->ops->matmul(ex, &r->out[1], &x, &first, false), HOOKE_OK);
    assert_int_equal(ex->ops->matmul(ex, &r->out[2], &x, &plain, true), HOOKE_OK);
    assert_int_equal(ex->ops->normalize(ex, &r->out[3], NULL, &x, &norm), HOOKE_OK);
    assert_int_equal(ex->ops->attention(ex, &r->out[4], &q, &k, &k, &a), HOOKE_OK);
    assert_int_equal(ex->ops->glu(ex, &r->out[5], &x, &x, ACT_GELU_TANH), HOOKE_OK);
    struct mat *all[] = { &x, &exact, &exact_t, &w, &w_t };
    for (int i = 0; i < 5; i++) mat_free(all[i]);
}

static void run_codes(struct exec *ex, struct results *r, int64_t rows, enum dtype dtype)
{
    struct mat x = random_mat(rows, 96, 44, 1), exact = random_mat(96, D_DICT, 45, 0.1F),
               v = random_mat(1, D_DICT, 46, 1);
    make_exact(&exact);
    struct mat w = in_dtype(&exact, dtype);
    for (int kind = 0; kind < 5; kind++) {
        struct encode_spec s = { .kind = (enum select_kind)kind, .w = { w, true, NULL }, .k = 9.5 };
        s.threshold = s.gate_bias = s.mag_bias = s.mag_scale = v.data;
        assert_int_equal(ex->ops->encode(ex, &r->codes[kind], &x, &s), HOOKE_OK);
        assert_true(r->codes[kind].indptr[rows] > 0);
    }
    struct mat *all[] = { &x, &exact, &v, &w };
    for (int i = 0; i < 4; i++) mat_free(all[i]);
}

static void release(struct results *r)
{
    for (int i = 0; i < OUT; i++) mat_free(&r->out[i]);
    for (int i = 0; i < 5; i++) hooke_codes_release(&r->codes[i]);
}

static void same_codes(const hooke_codes *a, const hooke_codes *b)
{
    assert_int_equal(a->n_rows, b->n_rows);
    assert_memory_equal(a->indptr, b->indptr, (size_t)(a->n_rows + 1) * sizeof *a->indptr);
    size_t n = (size_t)a->indptr[a->n_rows];
    assert_memory_equal(a->indices, b->indices, n * sizeof *a->indices);
    assert_memory_equal(a->values, b->values, n * sizeof *a->values);
}

static void same_bits_for_any_number_of_threads(void **state)
{
    static const int64_t rows[] = { 1, 5, ROWS };
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        for (int v = 0; v < 3; v++) {
            struct results first, r;
            for (int t = 0; t < N_COUNTS; t++) {
                struct exec ex;
                if (!level_open(&ex, level, counts[t], "f32")) break;
                memset(&r, 0, sizeof r);
                run_dense(&ex, &r, rows[v], (enum dtype)(v % 3));
                run_codes(&ex, &r, rows[v], (enum dtype)(v % 3));
                exec_close(&ex);
                if (t == 0) {
                    first = r;
                    continue;
                }
                for (int i = 0; i < OUT; i++)
                    for (int64_t row = 0; row < r.out[i].rows; row++)
                        assert_memory_equal((float *)r.out[i].data + row * r.out[i].ld,
                                            (float *)first.out[i].data + row * first.out[i].ld,
                                            (size_t)r.out[i].cols * 4);
                for (int i = 0; i < 5; i++) same_codes(&first.codes[i], &r.codes[i]);
                release(&r);
                if (t == N_COUNTS - 1) release(&first);
            }
        }
    }
}

/* Rows 0..n of a product of `total` rows equal the product of those n rows alone. */
static bool rows_stand_alone(struct exec *ex, int64_t total, int64_t n, enum dtype dtype, bool in_first)
{
    struct mat x = random_mat(total, D_IN, 47, 1),
               exact = in_first ? random_mat(D_IN, D_OUT, 48, 1) : random_mat(D_OUT, D_IN, 48, 1);
    make_exact(&exact);
    struct mat w = in_dtype(&exact, dtype), all = marked_mat(total, D_OUT), some = marked_mat(n, D_OUT),
               few = x;
    struct weight weight = { w, in_first, NULL };
    bool same = true;
    few.rows = n;
    assert_int_equal(ex->ops->matmul(ex, &all, &x, &weight, false), HOOKE_OK);
    assert_int_equal(ex->ops->matmul(ex, &some, &few, &weight, false), HOOKE_OK);
    for (int64_t r = 0; r < n; r++)
        same = same && memcmp((float *)all.data + r * all.ld, (float *)some.data + r * some.ld,
                              D_OUT * sizeof(float)) == 0;
    struct mat *used[] = { &x, &exact, &w, &all, &some };
    for (int i = 0; i < 5; i++) mat_free(used[i]);
    return same;
}

/* Generation: one sequence or fifteen together give each the same bits. */
static void few_rows_stand_alone(void **state)
{
    (void)state;
    for (int level = 0; level < N_LEVELS; level++) {
        struct exec ex;
        if (!level_open(&ex, level, 2, "f32")) continue;
        for (int v = 0; v < 6; v++) {
            assert_true(rows_stand_alone(&ex, 15, 1, (enum dtype)(v % 3), v >= 3));
            assert_true(rows_stand_alone(&ex, 31, 6, (enum dtype)(v % 3), v >= 3));
            assert_true(rows_stand_alone(&ex, 7, 3, (enum dtype)(v % 3), v >= 3));
        }
        exec_close(&ex);
    }
}

static void context_says_what_it_is(void **state)
{
    hooke_context *ctx;
    hooke_context_options o = { .size = sizeof o, .n_threads = 3, .cpu_level = "ref", .dtype = "bf16" };
    (void)state;
    assert_int_equal(hooke_context_open(&ctx, &o), HOOKE_OK);
    assert_int_equal(hooke_context_n_threads(ctx), 3);
    assert_string_equal(hooke_context_cpu_level(ctx), "ref");
    assert_string_equal(hooke_context_device(ctx), "cpu");
    assert_string_equal(hooke_context_dtype(ctx), "bf16");
    hooke_context_close(ctx);
    setenv("HOOKE_CPU", "ref", 1);
    assert_int_equal(hooke_context_open(&ctx, NULL), HOOKE_OK);
    assert_string_equal(hooke_context_cpu_level(ctx), "ref");
    hooke_context_close(ctx);
    /* A cap above what the CPU offers is no wish. */
    setenv("HOOKE_CPU", "avx512bf16", 1);
    assert_int_equal(hooke_context_open(&ctx, NULL), HOOKE_OK);
    hooke_context_close(ctx);
    setenv("HOOKE_CPU", "nonsense", 1);
    assert_int_equal(hooke_context_open(&ctx, NULL), HOOKE_E_UNSUPPORTED);
    assert_null(ctx);
    unsetenv("HOOKE_CPU");
    o.size = 0;
    assert_int_equal(hooke_context_open(&ctx, &o), HOOKE_E_ARGUMENT);
    hooke_context_close(NULL);
}

static int cancel_at_three(void *payload, const char *what, int64_t done, int64_t total)
{
    (void)what;
    *(int64_t *)payload = total;
    return done == 3;
}

static void progress_can_cancel(void **state)
{
    hooke_context *ctx;
    int64_t seen = 0;
    hooke_context_options o = { .size = sizeof o, .progress = cancel_at_three, .progress_payload = &seen };
    (void)state;
    assert_int_equal(hooke_context_open(&ctx, &o), HOOKE_OK);
    assert_int_equal(context_progress(ctx, "reading", 2, 9), HOOKE_OK);
    assert_int_equal(seen, 9);
    assert_int_equal(context_progress(ctx, "reading", 3, 9), HOOKE_E_CANCELLED);
    assert_non_null(strstr(hooke_error(), "reading"));
    hooke_context_close(ctx);
}

/* Memory that cannot be had is a status, not a crash; nothing leaks (asan). */
static void survives_failing_allocations(void **state)
{
    (void)state;
    enum { N = 130, D = 256, WIDE = 1200 }; /* enough for top-k to be screened, where that is had */
    struct mat x = random_mat(N, D, 50, 1), w = random_mat(D, WIDE, 51, 1);
    for (long at = 1; at < 80; at++) {
        struct exec ex;
        hooke_codes c = { 0 };
        struct encode_spec s = { .kind = (enum select_kind)(at % 2 ? SELECT_TOPK : SELECT_BATCH_TOPK),
                                 .w = { w, true, NULL },
                                 .k = 3 };
        mem_fail_at(at / 2);
        hooke_status st = exec_open(&ex, NULL, NULL, 2, NULL);
        if (st == HOOKE_OK) st = ex.ops->encode(&ex, &c, &x, &s);
        mem_fail_at(0);
        assert_true(st == HOOKE_OK || st == HOOKE_E_MEMORY);
        if (st == HOOKE_OK) assert_int_equal(c.n_rows, N);
        hooke_codes_release(&c);
        exec_close(&ex);
    }
    mat_free(&x);
    mat_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_for_any_number_of_threads),
        cmocka_unit_test(few_rows_stand_alone),
        cmocka_unit_test(context_says_what_it_is),
        cmocka_unit_test(progress_can_cancel),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
