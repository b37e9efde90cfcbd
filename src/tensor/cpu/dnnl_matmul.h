/* dnnl_matmul.h: one matrix product of oneDNN's primitive interface, which changed between 2.x and 3.x: dnnl_matmul_2.c or
 * dnnl_matmul_3.c is built, by the version that is found. Only gemm_dnnl.c includes this. */
#ifndef HOOKE_TENSOR_CPU_DNNL_MATMUL_H
#define HOOKE_TENSOR_CPU_DNNL_MATMUL_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

/* A matrix [dims[0], dims[1]] with element strides. */
struct dnnl_layout {
    dnnl_dims_t dims, strides;
    dnnl_data_type_t type;
};
enum { MATMUL_A, MATMUL_B, MATMUL_C, MATMUL_OPERANDS };
struct dnnl_matmul {
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[MATMUL_OPERANDS]; /* without data: set the handles before execution */
};

/* c = a b, added to c when accumulate. On failure nothing is left to release. */
dnnl_status_t dnnl_matmul_make(struct dnnl_matmul *out, dnnl_engine_t engine,
                               const struct dnnl_layout layout[MATMUL_OPERANDS], bool accumulate);
/* Releases whatever was made; zeroed members are skipped. */
void dnnl_matmul_release(struct dnnl_matmul *m);

#endif
