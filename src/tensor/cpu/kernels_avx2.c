/* kernels_avx2.c: simd_body.h compiled for this level. */
#include "tensor/cpu/simd_avx2.h"

#include "tensor/cpu/simd_body.h"

void kernels_fill_avx2(struct kernels *t)
{
    fill(t);
    kernels_fill_library(t);
}
