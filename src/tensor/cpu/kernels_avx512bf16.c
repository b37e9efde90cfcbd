/* kernels_avx512bf16.c: products of bf16 operands by the matrix product library; the rest is AVX-512's. */
#include "tensor/cpu/kernels.h"

void kernels_fill_avx512bf16(struct kernels *t)
{
    kernels_fill_library_bf16(t);
}
