/* kernels_avx2.c: simd_body.inc compiled for this level. */
#include "tensor/cpu/simd_avx2.inc"

#include "tensor/cpu/simd_body.inc"

void kernels_fill_avx2(struct kernels *t)
{
    fill(t);
    kernels_fill_library(t);
}
