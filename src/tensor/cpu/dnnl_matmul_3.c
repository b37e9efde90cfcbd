/* dnnl_matmul_3.c: oneDNN 3.x: descriptors are objects, and a primitive is described in one call. */
#include "tensor/cpu/dnnl_matmul.h"

static dnnl_status_t make_primitive(dnnl_primitive_t *out, dnnl_engine_t engine,
                                    const dnnl_memory_desc_t desc[MATMUL_OPERANDS], bool accumulate)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t sum = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t st = dnnl_primitive_attr_create(&attr);
    if (st == dnnl_success) st = dnnl_post_ops_create(&sum);
    if (st == dnnl_success && accumulate) st = dnnl_post_ops_append_sum(sum, 1.0F, 0, dnnl_data_type_undef);
    if (st == dnnl_success) st = dnnl_primitive_attr_set_post_ops(attr, sum);
    if (st == dnnl_success)
        st = dnnl_matmul_primitive_desc_create(&pd, engine, desc[MATMUL_A], desc[MATMUL_B], NULL,
                                               desc[MATMUL_C], attr);
    if (st == dnnl_success) st = dnnl_primitive_create(out, pd);
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (sum) dnnl_post_ops_destroy(sum);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return st;
}

dnnl_status_t dnnl_matmul_make(struct dnnl_matmul *out, dnnl_engine_t engine,
                               const struct dnnl_layout layout[MATMUL_OPERANDS], bool accumulate)
{
    dnnl_memory_desc_t desc[MATMUL_OPERANDS] = { NULL };
    dnnl_status_t st = dnnl_success;
    *out = (struct dnnl_matmul){ 0 };
    for (int i = 0; i < MATMUL_OPERANDS && st == dnnl_success; i++) {
        st = dnnl_memory_desc_create_with_strides(&desc[i], 2, layout[i].dims, layout[i].type,
                                                  layout[i].strides);
        if (st == dnnl_success) st = dnnl_memory_create(&out->memory[i], desc[i], engine, DNNL_MEMORY_NONE);
    }
    if (st == dnnl_success) st = make_primitive(&out->primitive, engine, desc, accumulate);
    for (int i = 0; i < MATMUL_OPERANDS; i++)
        if (desc[i]) dnnl_memory_desc_destroy(desc[i]);
    if (st != dnnl_success) dnnl_matmul_release(out);
    return st;
}

void dnnl_matmul_release(struct dnnl_matmul *m)
{
    for (int i = 0; i < MATMUL_OPERANDS; i++)
        if (m->memory[i]) dnnl_memory_destroy(m->memory[i]);
    if (m->primitive) dnnl_primitive_destroy(m->primitive);
    *m = (struct dnnl_matmul){ 0 };
}
