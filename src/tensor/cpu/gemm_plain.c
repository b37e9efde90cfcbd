/* gemm_plain.c: no matrix product library: every level keeps the gemm that its kernels brought. */
#include "tensor/cpu/kernels.h"

#include "base/status.h"

void kernels_fill_library(struct kernels *t)
{
    (void)t;
}
const char *gemm_library_name(void)
{
    return "none";
}

hooke_status gemm_ceiling(float *c, const float *a, const float *b, int64_t m, int64_t n, int64_t k,
                          int n_threads)
{
    (void)c, (void)a, (void)b, (void)m, (void)n, (void)k, (void)n_threads;
    return fail(HOOKE_E_UNSUPPORTED, "this build has no matrix product library");
}
