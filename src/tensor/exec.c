/* exec.c: where operations run, and the storage of codes. */
#include "tensor/ops.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/ops_cpu.h"

hooke_status exec_open(struct exec *ex, const char *device, const char *level, int n_threads,
                       const char *dtype)
{
    memset(ex, 0, sizeof *ex);
    RETURN_IF(device && strcmp(device, "cpu") != 0, HOOKE_E_UNSUPPORTED,
              "device '%s' is not built in; this build knows 'cpu'", device);
    RETURN_IF(dtype && strcmp(dtype, "f32") != 0 && strcmp(dtype, "bf16") != 0, HOOKE_E_UNSUPPORTED,
              "dtype '%s' is unknown; known are f32 and bf16", dtype);
    RETURN_IF(n_threads < 0 || n_threads > 4096, HOOKE_E_ARGUMENT,
              "%d threads: expected 1 to 4096, or 0 for all", n_threads);
    ex->n_threads = n_threads ? n_threads : parallel_default_threads();
    hooke_status st = ops_cpu_open(ex, level);
    if (st != HOOKE_OK) {
        exec_close(ex);
        return st;
    }
    ex->bf16_products = dtype ? strcmp(dtype, "bf16") == 0 : ex->kernels->gemm_bf16 != NULL;
    return HOOKE_OK;
}

void exec_close(struct exec *ex)
{
    ops_cpu_close(ex);
    memset(ex, 0, sizeof *ex);
}

const char *exec_dtype(const struct exec *ex)
{
    return ex->bf16_products ? "bf16" : "f32";
}

/* Grows one array to n items of size bytes, keeping `used` of them. */
static hooke_status regrow(void **p, int64_t used, int64_t n, size_t size)
{
    void *q = mem_alloc_raw((size_t)n, size);
    RETURN_IF(!q, HOOKE_E_MEMORY, "codes: out of memory for %lld items of %zu bytes", (long long)n, size);
    if (used && *p) memcpy(q, *p, (size_t)used * size);
    mem_free(*p);
    *p = q;
    return HOOKE_OK;
}

static int64_t grown(int64_t capacity, int64_t need)
{
    int64_t half_more = capacity + capacity / 2;
    return need > half_more ? need : half_more;
}

hooke_status codes_reserve(hooke_codes *c, int64_t n_rows, int64_t n_codes)
{
    RETURN_IF(n_rows < 0 || n_codes < 0 || n_rows > INT64_MAX / 64 || n_codes > INT64_MAX / 64,
              HOOKE_E_ARGUMENT, "codes: %lld rows and %lld codes", (long long)n_rows, (long long)n_codes);
    if (!c->indptr || n_rows > c->row_capacity) {
        int64_t rows = grown(c->row_capacity, n_rows);
        void *p = c->indptr;
        RETURN_IF_ERROR(regrow(&p, c->indptr ? c->n_rows + 1 : 0, rows + 1, sizeof *c->indptr));
        c->indptr = p;
        if (c->row_capacity == 0 && c->n_rows == 0) c->indptr[0] = 0;
        c->row_capacity = rows;
    }
    if (!c->indices || !c->values || n_codes > c->capacity) {
        int64_t codes = grown(c->capacity, n_codes > 0 ? n_codes : 1), used = c->capacity;
        void *p = c->indices, *v = c->values;
        hooke_status st = regrow(&p, used, codes, sizeof *c->indices);
        c->indices = p;
        if (st == HOOKE_OK) st = regrow(&v, used, codes, sizeof *c->values);
        c->values = v;
        RETURN_IF_ERROR(st);
        c->capacity = codes;
    }
    return HOOKE_OK;
}

HOOKE_API void hooke_codes_release(hooke_codes *c)
{
    if (!c) return;
    mem_free(c->indptr);
    mem_free(c->indices);
    mem_free(c->values);
    mem_free(c->norm_mean);
    mem_free(c->norm_scale);
    memset(c, 0, sizeof *c);
}
