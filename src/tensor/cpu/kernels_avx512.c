/* kernels_avx512.c: simd_body.h compiled for this level. */
#include "tensor/cpu/simd_avx512.h"

#include "tensor/cpu/simd_body.h"

void kernels_fill_avx512(struct kernels *t)
{
    fill(t);
    kernels_fill_library(t);
}
