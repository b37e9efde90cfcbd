/* gemm_plain.c: no matrix product library: every level keeps the gemm that its kernels brought. */
#include "tensor/cpu/kernels.h"

#include "base/status.h"

void kernels_fill_library(struct kernels *t)
{
    (void)t;
}

bool gemm_library_has_bf16(void)
{
    return false;
}

hooke_status gemm_library_bf16(float *c, int64_t ld_c, const uint16_t *a, int64_t ld_a, const uint16_t *b,
                               int64_t ld_b, bool in_first, int64_t m, int64_t n, int64_t k, bool accumulate)
{
    (void)c, (void)ld_c, (void)a, (void)ld_a, (void)b, (void)ld_b, (void)in_first;
    (void)m, (void)n, (void)k, (void)accumulate;
    return fail(HOOKE_E_UNSUPPORTED, "this build has no matrix product library");
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
