/* cpu_x86.c: what this x86-64 CPU offers. */
#include "tensor/cpu/kernels.h"

#include <cpuid.h>

/* Older compilers don't know "f16c" as a name: leaf 1, bit 29 of ecx. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1);
}

bool cpu_offers_byte_products(void)
{
    return cpu_offers() >= 2 && __builtin_cpu_supports("avx512vnni");
}

int cpu_offers(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !has_f16c()) return 0;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return 1;
    return __builtin_cpu_supports("avx512bf16") ? 3 : 2;
}
