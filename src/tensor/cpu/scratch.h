/* scratch.h: memory that workers keep between calls. One block a worker, and one that they share. */
#ifndef HOOKE_TENSOR_CPU_SCRATCH_H
#define HOOKE_TENSOR_CPU_SCRATCH_H

#include "tensor/ops.h"

/* n_floats floats of this worker, 64-byte aligned, contents undefined, valid until the worker's next call. */
hooke_status scratch_take(struct exec *ex, float **out, int worker, size_t n_floats);
/* The same, shared by all workers: taken before the parallel loop. */
hooke_status scratch_take_shared(struct exec *ex, float **out, size_t n_floats);

hooke_status scratch_open(struct scratch **out, int n_workers);
void scratch_close(struct scratch *s);

#endif
