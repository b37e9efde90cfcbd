/* context.h: what a hooke_context holds. */
#ifndef HOOKE_TENSOR_CONTEXT_H
#define HOOKE_TENSOR_CONTEXT_H

#include "tensor/ops.h"

struct hooke_context {
    struct exec exec;
    hooke_progress_fn progress;
    void *progress_payload;
    hooke_log_fn log;
    void *log_payload;
};

/* HOOKE_E_CANCELLED when the callback asks for it. */
hooke_status context_progress(const hooke_context *ctx, const char *what, int64_t done, int64_t total);
void context_log(const hooke_context *ctx, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
