#include "tensor/cpu/kernels.h"

void kernels_fill_avx512bf16(struct kernels *t)
{
    kernels_fill_library_bf16(t);
}
