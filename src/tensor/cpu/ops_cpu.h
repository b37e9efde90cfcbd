/* ops_cpu.h: the CPU backend's entries of the operations table, one file a topic. */
#ifndef HOOKE_TENSOR_CPU_OPS_CPU_H
#define HOOKE_TENSOR_CPU_OPS_CPU_H

#include "tensor/cpu/kernels.h"

/* Fills ops, kernels and scratch of a zeroed exec whose n_threads is set. */
hooke_status ops_cpu_open(struct exec *ex, const char *level);
void ops_cpu_close(struct exec *ex);

/* product.c */
hooke_status cpu_matmul(struct exec *ex, struct mat *y, const struct mat *x, const struct weight *w,
                        bool accumulate);
/* attention_cpu.c */
hooke_status cpu_attention(struct exec *ex, struct mat *z, const struct mat *q, const struct mat *k,
                           const struct mat *v, const struct attention *spec);
hooke_status cpu_attention_scores(struct exec *ex, struct mat *scores, const struct mat *q,
                                  const struct mat *k, const struct attention *spec);
hooke_status cpu_softmax_rows(struct exec *ex, struct mat *x);
hooke_status cpu_attention_mix(struct exec *ex, struct mat *z, const struct mat *pattern, const struct mat *v,
                               const struct attention *spec);
/* encode_cpu.c, decode_cpu.c */
hooke_status cpu_encode(struct exec *ex, hooke_codes *out, const struct mat *x,
                        const struct encode_spec *spec);
hooke_status cpu_sparse_decode(struct exec *ex, struct mat *y, const hooke_codes *c,
                               const struct weight *w_dec);

#endif
