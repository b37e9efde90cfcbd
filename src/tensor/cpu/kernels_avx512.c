/* kernels_avx512.c: simd_body.inc compiled for this level. */
#include "tensor/cpu/simd_avx512.inc"

#include "tensor/cpu/simd_body.inc"

void kernels_fill_avx512(struct kernels *t)
{
    fill(t);
    kernels_fill_library(t);
    kernels_fill_screen(t);
}
