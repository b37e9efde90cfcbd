#include "tensor/cpu/kernels.h"

void kernels_fill_avx512(struct kernels *t)
{
    kernels_fill_library(t);
}
