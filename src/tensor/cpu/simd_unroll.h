/* simd_unroll.h: UNROLL before a loop of small constant length whose arrays must live in registers. Under a sanitizer every
 * access is checked and unrolled checks take minutes to compile: there the loops stay loops. clang takes minutes even so, and
 * leaves these files unchecked; the asan flavour is built by gcc, which does not mind. */
#ifndef HOOKE_TENSOR_CPU_SIMD_UNROLL_H
#define HOOKE_TENSOR_CPU_SIMD_UNROLL_H

#define INLINE static inline __attribute__((always_inline))

#ifdef __clang__
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNROLL
#define SIMD_BODY_BEGIN                                                                                \
    _Pragma("clang attribute push(__attribute__((no_sanitize(\"address\", \"undefined\", \"thread\", " \
            "\"coverage\"))), apply_to = function)")
#define SIMD_BODY_END _Pragma("clang attribute pop")
#else
#define UNROLL _Pragma("unroll")
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#ifndef SIMD_BODY_BEGIN
#define SIMD_BODY_BEGIN
#define SIMD_BODY_END
#endif

#endif
