/* gemm_dnnl.c: matrix products by oneDNN (2.x and 3.x). With dnnl_matmul_*.c the only files that know the library.
 *
 * Every call is serial: callers cut the work into tiles of fixed shape and spread those, so that results don't depend on the
 * number of threads. oneDNN asks omp_get_max_threads(), and inside an active parallel region takes one thread; the guard covers
 * calls from outside of one.
 *
 * Signals wait while the library runs: its generated code points the stack pointer into work space on the heap, and a handler
 * that the kernel starts there writes its frame over whatever lies below (seen with 2.6.3 on an AVX-512
 * machine: a heap in ruins after Ctrl-C; docs/traps.md). Two system calls a tile, against the tenths of milliseconds that a tile takes. */
#include "tensor/cpu/kernels.h"

#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/status.h"
#include "tensor/cpu/dnnl_matmul.h"

/* Blocks every signal that can wait; faults of this thread itself cannot. */
static void signals_hold(sigset_t *before)
{
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGSEGV);
    sigdelset(&set, SIGBUS);
    sigdelset(&set, SIGFPE);
    sigdelset(&set, SIGILL);
    pthread_sigmask(SIG_BLOCK, &set, before);
}

/* Around every call: signals wait, one thread. */
struct guard {
    sigset_t before;
    int threads;
};

static void guard_enter(struct guard *g)
{
    signals_hold(&g->before);
    g->threads = omp_get_max_threads();
    if (g->threads > 1) omp_set_num_threads(1);
}

static void guard_leave(const struct guard *g)
{
    if (g->threads > 1) omp_set_num_threads(g->threads);
    pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}

static hooke_status gemm_dnnl(float *c, int64_t ld_c, const float *a, int64_t ld_a, const float *b,
                              int64_t ld_b, bool in_first, int64_t m, int64_t n, int64_t k, bool accumulate)
{
    if (m == 0 || n == 0) return HOOKE_OK;
    struct guard guard;
    guard_enter(&guard);
    dnnl_status_t st = dnnl_sgemm('N', in_first ? 'N' : 'T', m, n, k, 1.0F, a, ld_a, b, ld_b,
                                  accumulate ? 1.0F : 0.0F, c, ld_c);
    guard_leave(&guard);
    RETURN_IF(st != dnnl_success, HOOKE_E_DEVICE,
              "oneDNN: product of [%lld, %lld] and %lld columns failed with status %d", (long long)m,
              (long long)k, (long long)n, (int)st);
    return HOOKE_OK;
}

static hooke_status gemm_bytes(int32_t *c, const uint8_t *a, const int8_t *b, int64_t m, int64_t n, int64_t k)
{
    const int32_t zero = 0;
    struct guard guard;
    guard_enter(&guard);
    dnnl_status_t st = dnnl_gemm_u8s8s32('N', 'T', 'F', m, n, k, 1.0F, a, k, 0, b, k, 0, 0.0F, c, n, &zero);
    guard_leave(&guard);
    RETURN_IF(st != dnnl_success, HOOKE_E_DEVICE, "oneDNN: product of bytes failed with status %d", (int)st);
    return HOOKE_OK;
}

/* ---- bf16 operands ---- */

static dnnl_engine_t engine; /* of the process; NULL if it cannot be made */
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void engine_make(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
}

static dnnl_status_t matmul_run(const struct dnnl_matmul *m, void *const data[MATMUL_OPERANDS])
{
    dnnl_stream_t stream = NULL;
    const dnnl_exec_arg_t args[MATMUL_OPERANDS] = { { DNNL_ARG_SRC, m->memory[MATMUL_A] },
                                                    { DNNL_ARG_WEIGHTS, m->memory[MATMUL_B] },
                                                    { DNNL_ARG_DST, m->memory[MATMUL_C] } };
    dnnl_status_t st = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    for (int i = 0; i < MATMUL_OPERANDS && st == dnnl_success; i++)
        st = dnnl_memory_set_data_handle(m->memory[i], data[i]);
    if (st == dnnl_success) st = dnnl_primitive_execute(m->primitive, stream, MATMUL_OPERANDS, args);
    if (st == dnnl_success) st = dnnl_stream_wait(stream);
    if (stream) dnnl_stream_destroy(stream);
    return st;
}

hooke_status gemm_library_bf16(float *c, int64_t ld_c, const uint16_t *a, int64_t ld_a, const uint16_t *b,
                               int64_t ld_b, bool in_first, int64_t m, int64_t n, int64_t k, bool accumulate)
{
    if (m == 0 || n == 0) return HOOKE_OK;
    const struct dnnl_layout layout[MATMUL_OPERANDS] = {
        { { m, k }, { ld_a, 1 }, dnnl_bf16 },
        { { k, n }, { in_first ? ld_b : 1, in_first ? 1 : ld_b }, dnnl_bf16 },
        { { m, n }, { ld_c, 1 }, dnnl_f32 },
    };
    /* The library's interface takes operands it only reads without const. */
    void *data[MATMUL_OPERANDS] = { (void *)(uintptr_t)a, (void *)(uintptr_t)b, c };
    struct dnnl_matmul product = { 0 };
    struct guard guard;
    pthread_once(&engine_once, engine_make);
    RETURN_IF(!engine, HOOKE_E_DEVICE, "oneDNN: no engine for the CPU");
    guard_enter(&guard);
    dnnl_status_t st = dnnl_matmul_make(&product, engine, layout, accumulate);
    if (st == dnnl_success) {
        st = matmul_run(&product, data);
        dnnl_matmul_release(&product);
    }
    guard_leave(&guard);
    RETURN_IF(st != dnnl_success, HOOKE_E_DEVICE,
              "oneDNN: bf16 product of [%lld, %lld] and %lld columns failed with status %d", (long long)m,
              (long long)k, (long long)n, (int)st);
    return HOOKE_OK;
}

void kernels_fill_library(struct kernels *t)
{
    t->gemm = gemm_dnnl;
    if (cpu_offers_byte_products()) t->gemm_bytes = gemm_bytes;
}

bool gemm_library_has_bf16(void)
{
    return true;
}

const char *gemm_library_name(void)
{
    static char name[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(name, sizeof name, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return name;
}

hooke_status gemm_ceiling(float *c, const float *a, const float *b, int64_t m, int64_t n, int64_t k,
                          int n_threads)
{
    sigset_t before;
    signals_hold(&before);
    int threads = omp_get_max_threads();
    omp_set_num_threads(n_threads);
    dnnl_status_t st = dnnl_sgemm('N', 'T', m, n, k, 1.0F, a, k, b, k, 0.0F, c, n);
    omp_set_num_threads(threads);
    RETURN_IF(st != dnnl_success, HOOKE_E_DEVICE, "oneDNN: product failed with status %d", (int)st);
    return HOOKE_OK;
}
