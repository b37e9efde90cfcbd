/* kernels_avx512bf16.c: AVX-512's inner loops serve this level. The bf16 instructions would double the speed of --dtype bf16
 * products; until a machine that has them is at hand to test on, such products run in float32 on rounded operands. */
#include "tensor/cpu/kernels.h"

void kernels_fill_avx512bf16(struct kernels *t)
{
    (void)t;
}
