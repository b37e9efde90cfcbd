/* kernels_no_x86.c: other CPUs run the reference level. */
#include "tensor/cpu/kernels.h"

int cpu_offers(void)
{
    return 0;
}
bool cpu_offers_byte_products(void)
{
    return false;
}
void kernels_fill_avx2(struct kernels *t)
{
    (void)t;
}
void kernels_fill_avx512(struct kernels *t)
{
    (void)t;
}
void kernels_fill_avx512bf16(struct kernels *t)
{
    (void)t;
}
