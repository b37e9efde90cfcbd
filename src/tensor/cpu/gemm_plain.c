/* gemm_plain.c: no matrix product library: every level keeps the gemm that its kernels brought. */
#include "tensor/cpu/kernels.h"

void kernels_fill_library(struct kernels *t)
{
    (void)t;
}
void kernels_fill_library_bf16(struct kernels *t)
{
    (void)t;
}
const char *gemm_library_name(void)
{
    return "none";
}
