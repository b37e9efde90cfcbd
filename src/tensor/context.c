/* context.c: the public context: an exec and the caller's callbacks. */
#include "tensor/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Copies the caller's options, which may be shorter than ours (built against an older header). */
static hooke_status read_options(hooke_context_options *out, const hooke_context_options *options)
{
    memset(out, 0, sizeof *out);
    if (!options) return HOOKE_OK;
    RETURN_IF(options->size == 0 || options->size > 4096, HOOKE_E_ARGUMENT,
              "context options: size is %zu, expected %zu", options->size, sizeof *options);
    memcpy(out, options, options->size < sizeof *out ? options->size : sizeof *out);
    return HOOKE_OK;
}

/* The option, else the variable unless it is empty, else NULL. */
static const char *or_environment(const char *option, const char *variable)
{
    const char *value = option ? option : getenv(variable);
    return value && *value ? value : NULL;
}

hooke_status hooke_context_open(hooke_context **out, const hooke_context_options *options)
{
    hooke_context_options o;
    void *p;
    *out = NULL;
    RETURN_IF_ERROR(read_options(&o, options));
    const char *level = or_environment(o.cpu_level, "HOOKE_CPU"),
               *dtype = or_environment(o.dtype, "HOOKE_DTYPE");
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof **out, "context"));
    hooke_context *ctx = p;
    hooke_status st = exec_open(&ctx->exec, o.device, level, o.n_threads, dtype);
    if (st != HOOKE_OK) {
        mem_free(ctx);
        return st;
    }
    ctx->progress = o.progress;
    ctx->progress_payload = o.progress_payload;
    ctx->log = o.log;
    ctx->log_payload = o.log_payload;
    *out = ctx;
    return HOOKE_OK;
}

void hooke_context_close(hooke_context *ctx)
{
    if (!ctx) return;
    exec_close(&ctx->exec);
    mem_free(ctx);
}

int hooke_context_n_threads(const hooke_context *ctx)
{
    return ctx->exec.n_threads;
}

const char *hooke_context_cpu_level(const hooke_context *ctx)
{
    return exec_level(&ctx->exec);
}

const char *hooke_context_device(const hooke_context *ctx)
{
    return ctx->exec.ops->name;
}

const char *hooke_context_dtype(const hooke_context *ctx)
{
    return exec_dtype(&ctx->exec);
}

hooke_status context_progress(const hooke_context *ctx, const char *what, int64_t done, int64_t total)
{
    if (ctx->progress && ctx->progress(ctx->progress_payload, what, done, total) != 0)
        return fail(HOOKE_E_CANCELLED, "%s: cancelled at %lld of %lld", what, (long long)done,
                    (long long)total);
    return HOOKE_OK;
}

void context_log(const hooke_context *ctx, int level, const char *format, ...)
{
    char message[1024];
    va_list args;
    if (!ctx->log) return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    ctx->log(ctx->log_payload, level, message);
}
