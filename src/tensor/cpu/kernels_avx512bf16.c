/* kernels_avx512bf16.c: AVX-512's inner loops serve this level; what it adds are matrix products on bf16 operands (--dtype bf16),
 * where a library brings them. Products of few rows wait for memory, not for arithmetic, and stay in float32. */
#include "tensor/cpu/kernels.h"

void kernels_fill_avx512bf16(struct kernels *t)
{
    if (gemm_library_has_bf16()) t->gemm_bf16 = gemm_library_bf16;
}
