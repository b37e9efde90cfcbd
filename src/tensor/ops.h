/* ops.h: the operations table. A backend (cpu/, later cuda/) fills it; callers above this floor see only this.
 *
 * Every function takes the exec first, then outputs, inputs, sizes. Matrices are float32 on the exec's device except where
 * `weight` or `table` says otherwise. Shapes are checked by the callers (the model and dictionary floors, at load time);
 * backends assert them. Every backend passes the same conformance test (tests/tensor/test_ops.c) against double precision.
 *
 * Same bits for any number of threads: work is cut into tiles of fixed size, sums run in a fixed order. */
#ifndef HOOKE_TENSOR_OPS_H
#define HOOKE_TENSOR_OPS_H

#include "tensor/mat.h"

#ifdef __cplusplus
extern "C" {
#endif

enum activation { ACT_NONE, ACT_RELU, ACT_GELU_TANH, ACT_GELU_ERF, ACT_SILU };
enum norm_kind { NORM_RMS, NORM_LAYER };

struct norm {
    enum norm_kind kind;
    float eps;
    const float *gain; /* [n] effective gain (Gemma's 1 + w already added), NULL: 1 */
    const float *bias; /* [n], NULL: 0 */
};

/* Rotary angles: cos and sin [n_positions, half]; rotated dims of each head are the first 2*half, split half. */
struct rope_table {
    const float *cos, *sin;
    int half;
    int n_positions;
};

/* Queries of one sequence against its keys. Row i of q is position first_pos + i; key j is position j. Allowed: j <= pos and,
 * with a window, j > pos - window. Query head h reads key/value head h / (n_heads / n_kv_heads). */
struct attention {
    int n_heads, n_kv_heads, d_head;
    float scale;
    float softcap; /* 0: none; applied to scaled scores before the mask */
    int window;    /* 0: none */
    int64_t n_queries, n_keys, first_pos;
};

/* How a dictionary turns rows into codes: h = x W + b; then select. */
enum select_kind {
    SELECT_RELU,      /* h > 0 */
    SELECT_THRESHOLD, /* h > max(threshold[i], 0), strict: JumpReLU */
    SELECT_GATED,     /* h + gate_bias > 0 gates max(exp(r_mag) * h + mag_bias, 0), where h has no bias */
    SELECT_TOPK, /* the k largest h * row_scale of each row, ties to the lower index, then h * row_scale > 0 */
    SELECT_BATCH_TOPK /* the k * n_rows largest of the whole call, ties to the lower (row, index) */
};
struct encode_spec {
    enum select_kind kind;
    struct weight w;        /* n_in = d_in, n_out = d_dict; w.bias = encoder bias (NULL for gated) */
    const float *threshold; /* [d_dict] SELECT_THRESHOLD */
    const float *gate_bias, *mag_bias, *mag_scale /* exp(r_mag) */;
    const float *row_scale; /* [d_dict] decoder norms (top-k rescale), NULL: 1 */
    double k; /* top-k kinds; may be fractional for SELECT_BATCH_TOPK: int(k * n_rows) are kept */
};

struct ops {
    const char *name; /* "cpu" */
    bool is_apart;    /* the host cannot read buffers: hooks are shown copies, and edits copied back */

    /* Memory. place() makes weights that lie in host memory usable by this device: on the CPU it aliases them. */
    hooke_status (*alloc)(struct exec *ex, struct buffer *out, size_t bytes);
    void (*release)(struct exec *ex, struct buffer *b);
    hooke_status (*place)(struct exec *ex, struct mat *out, struct buffer *owned, const struct mat *host);
    hooke_status (*fetch)(struct exec *ex, float *host, int64_t ld, const struct mat *src);
    hooke_status (*store)(struct exec *ex, struct mat *dst, const float *host, int64_t ld);
    hooke_status (*sync)(struct exec *ex);

    /* y[n, n_out] = x[n, n_in] W' + bias (+ y when accumulate). Weights f32, f16 or bf16. */
    hooke_status (*matmul)(struct exec *ex, struct mat *y, const struct mat *x, const struct weight *w,
                           bool accumulate);
    /* y[n, cols] = scale * table[ids[i]] (+ pos_table[pos[i]] when given). ids are checked by the caller. */
    hooke_status (*embed)(struct exec *ex, struct mat *y, const struct mat *table, const int32_t *ids,
                          float scale, const struct mat *pos_table, const int32_t *pos);
    /* y = normalize(x) * gain + bias. divisor[rows] (NULL: not wanted) = what x was divided by. rows may be heads: the norm runs
     * over each row's cols. y may be x. Sums in double. */
    hooke_status (*normalize)(struct exec *ex, struct mat *y, float *divisor, const struct mat *x,
                              const struct norm *norm);
    /* In place; x [n, n_heads * d_head], pos[n]. */
    hooke_status (*rope)(struct exec *ex, struct mat *x, int n_heads, int d_head, const int32_t *pos,
                         const struct rope_table *table);
    /* z[n_queries, n_heads * d_head] from q, k[n_keys, n_kv_heads * d_head], v; one sequence. Never holds all scores. */
    hooke_status (*attention)(struct exec *ex, struct mat *z, const struct mat *q, const struct mat *k,
                              const struct mat *v, const struct attention *spec);
    /* The same in three steps, for those who look inside: scores [n_heads * n_queries, n_keys] with -inf where not allowed; */
    hooke_status (*attention_scores)(struct exec *ex, struct mat *scores, const struct mat *q,
                                     const struct mat *k, const struct attention *spec);
    hooke_status (*softmax_rows)(struct exec *ex, struct mat *x); /* in place; a row of -inf becomes 0 */
    hooke_status (*attention_mix)(struct exec *ex, struct mat *z, const struct mat *pattern,
                                  const struct mat *v, const struct attention *spec);
    hooke_status (*activate)(struct exec *ex, struct mat *y, const struct mat *x, enum activation act);
    /* y = act(gate) * up; y may be gate or up. */
    hooke_status (*glu)(struct exec *ex, struct mat *y, const struct mat *gate, const struct mat *up,
                        enum activation act);
    hooke_status (*add)(struct exec *ex, struct mat *y, const struct mat *x); /* y += x */
    hooke_status (*copy)(struct exec *ex, struct mat *y,
                         const struct mat *x);                          /* y = x, apart from each other */
    hooke_status (*softcap)(struct exec *ex, struct mat *x, float cap); /* x = cap * tanh(x / cap) */

    /* codes of x; never holds more than a tile of h. out is grown as needed (host memory). */
    hooke_status (*encode)(struct exec *ex, hooke_codes *out, const struct mat *x,
                           const struct encode_spec *spec);
    /* y[r] = sum over codes of row r, in increasing order of feature, of value * w_dec[feature] (+ bias). w_dec [d_dict, d_out]
     * or, transposed, [d_out, d_dict]. */
    hooke_status (*sparse_decode)(struct exec *ex, struct mat *y, const hooke_codes *c,
                                  const struct weight *w_dec);
};

/* What the last encode spent: shows whether screening (cpu/screen.h) took place and what it left to do. */
struct encode_tally {
    int64_t n_screened; /* (row, feature) pairs that an 8-bit product decided on */
    int64_t n_could;    /* of these the ones that could pass: float32 dots */
    int64_t n_ordinary; /* pairs of tiles that were screened in vain, or not, and went the ordinary way */
    int64_t n_outliers; /* columns kept out of the bytes, summed over blocks of rows */
};

/* Where and how operations run. One thread at a time. */
struct exec {
    const struct ops *ops;
    const struct kernels *kernels; /* the CPU's inner loops (cpu/kernels.h) */
    int n_threads;
    bool unscreened; /* encode never screens with 8-bit products: for comparison */
    struct encode_tally tally;
    bool bf16_products;      /* --dtype bf16: operands of matrix products are rounded to bf16 */
    struct scratch *scratch; /* per-worker memory that is kept between calls */
};

/* level: cap of the CPU level or NULL. HOOKE_E_UNSUPPORTED for an unknown level or one this CPU lacks. */
hooke_status exec_open(struct exec *ex, const char *device, const char *level, int n_threads,
                       const char *dtype);
void exec_close(struct exec *ex);
const char *exec_level(const struct exec *ex);
const char *exec_dtype(const struct exec *ex);

/* Codes storage shared by backends and readers of codes. */
hooke_status codes_reserve(hooke_codes *c, int64_t n_rows, int64_t n_codes);

#ifdef __cplusplus
}
#endif
#endif
