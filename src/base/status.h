/* status.h: how functions fail. A function that can fail returns hooke_status; the message is made where the fault is seen. */
#ifndef HOOKE_BASE_STATUS_H
#define HOOKE_BASE_STATUS_H

#include "hooke.h"

/* The only macros that leave a function, and their names say so. */
#define RETURN_IF_ERROR(call)            \
    do {                                 \
        hooke_status st_ = (call);       \
        if (st_ != HOOKE_OK) return st_; \
    } while (0)
/* Returns the code itself, which compilers and analysers can see is a failure where it is a constant. */
#define RETURN_IF(cond, code, ...)     \
    do {                               \
        if (cond) {                    \
            fail((code), __VA_ARGS__); \
            return (code);             \
        }                              \
    } while (0)

#ifdef __cplusplus
extern "C" {
#endif

/* Stores the message for this thread (at most 1 KiB, cut at a character) and returns the code. */
hooke_status fail(hooke_status code, const char *format, ...) __attribute__((format(printf, 2, 3)));
#ifdef __clang_analyzer__ /* sees one file at a time, and would think that a failure may be HOOKE_OK */
#define fail(code, ...) (fail((code), __VA_ARGS__), (code))
#endif
/* Puts "prefix: " before this thread's message; returns st, so that a boundary reads `return fail_within(st, "layer %d", i)`. */
hooke_status fail_within(hooke_status st, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Failure with errno's text appended. */
hooke_status fail_errno(hooke_status code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Carries a worker's message to another thread: copy it in the worker, set it in the caller. */
void error_copy(char *out, size_t n);
void error_set(const char *message);

#ifdef __cplusplus
}
#endif
#endif
