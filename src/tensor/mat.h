/* mat.h: matrix views, and the buffers under them. A view owns nothing. */
#ifndef HOOKE_TENSOR_MAT_H
#define HOOKE_TENSOR_MAT_H

#include "file/safetensors.h" /* enum dtype */

#ifdef __cplusplus
extern "C" {
#endif

struct exec;

/* Bytes on a device. */
struct buffer {
    void *data;
    size_t bytes;
};

/* [rows, cols], row-major, ld elements between rows; lives on the device of the exec it is used with. */
struct mat {
    void *data;
    enum dtype dtype; /* DT_F32, DT_F16 or DT_BF16 */
    int64_t rows, cols, ld;
};

/* Weights of a linear map, as they lie in a file: y = x W' (+ bias). */
struct weight {
    struct mat
        m; /* [n_out, n_in], or [n_in, n_out] when in_first (GPT-2's Conv1D, W_enc of most dictionaries) */
    bool in_first;
    const float *bias; /* [n_out] on the device, or NULL */
};
static inline int64_t weight_n_out(const struct weight *w)
{
    return w->in_first ? w->m.cols : w->m.rows;
}
static inline int64_t weight_n_in(const struct weight *w)
{
    return w->in_first ? w->m.rows : w->m.cols;
}

static inline struct mat mat_f32(float *data, int64_t rows, int64_t cols, int64_t ld)
{
    struct mat m;
    m.data = data;
    m.dtype = DT_F32;
    m.rows = rows;
    m.cols = cols;
    m.ld = ld;
    return m;
}

#ifdef __cplusplus
}
#endif
#endif
