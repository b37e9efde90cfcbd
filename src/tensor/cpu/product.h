/* product.h: tiles of x W', for matmul and encode. */
#ifndef HOOKE_TENSOR_CPU_PRODUCT_H
#define HOOKE_TENSOR_CPU_PRODUCT_H

#include "tensor/cpu/kernels.h"

/* x [n, k] times weights, begun once a call. */
struct product {
    const struct kernels *kernels;
    const struct weight *w;
    const float *x;      /* as given, or rounded to bf16 in shared scratch */
    const uint16_t *x16; /* not NULL: in bf16, for gemm_bf16; x is not to be used then */
    int64_t n, k, ld_x;
    bool round_w;  /* weights are rounded to bf16 as they are converted to float32 */
    int64_t depth; /* of a converted weight tile: k in equal parts */
    bool few;      /* too few rows for a matrix product: weights are streamed once */
};
enum {
    FEW_ROWS = 32, /* fewer rows than this stream the weights */
    PRODUCT_K =
        4608, /* depth of a converted weight tile, at most: adding to sums in memory costs the library a tenth */
};

hooke_status product_begin(struct exec *ex, struct product *p, const struct mat *x, const struct weight *w);
/* Floats of scratch that a tile of at most n_cols columns needs. */
size_t product_scratch(const struct product *p, int64_t n_cols);
/* y[n_rows, n_cols] (+)= rows row0.. of x times output columns col0.. of the weights; no bias. */
hooke_status product_tile(const struct product *p, float *y, int64_t ld_y, int64_t row0, int64_t n_rows,
                          int64_t col0, int64_t n_cols, bool accumulate, float *scratch);

#endif
