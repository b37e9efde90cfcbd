/* dict.h: a dictionary, from the file to the codes.
 *
 * A format reader (format.h) finds the file's tensors and fills a dict_config; building (build.c) checks them against each other
 * and turns them into one picture that serves every architecture:
 *
 *     u   = s * x, normalised per row, minus b_dec where the configuration says so
 *     h   = u W_enc + b_enc                                   (gated: no bias here)
 *     a   = select(h)          relu, threshold, gate, or the k largest of h * row_scale; other rules: dict_rules.c
 *     f_i = code_gain_i * a_i                                 <- what hooke_codes hold
 *     y   = sum of f_i * row_gain_i * W_dec_i + b_dec / s'    normalisation undone; + x W_skip' for skip transcoders
 *
 * All scales (decoder-norm folding, activation-scale folding, rescaled top-k, old scaling factors) live in the vectors code_gain
 * and row_gain, in s and in s' (which equals s except for a few transcoders): the big matrices stay as they lie in the file,
 * mapped and shared. */
#ifndef HOOKE_DICT_DICT_H
#define HOOKE_DICT_DICT_H

#include "base/parallel.h"
#include "file/gguf.h"
#include "file/npz.h"
#include "file/safetensors.h"
#include "file/torch_file.h"
#include "tensor/context.h"

/* Parameters by SAELens' names, the canonical ones. */
enum dict_param {
    P_W_ENC,          /* [d_in, d_dict] */
    P_W_DEC,          /* [d_dict, d_out] */
    P_W_SKIP,         /* [d_out, d_in] */
    P_B_ENC,          /* [d_dict] */
    P_B_DEC,          /* [d_out] */
    P_THRESHOLD,      /* [d_dict] */
    P_B_GATE,         /* [d_dict] */
    P_B_MAG,          /* [d_dict] */
    P_R_MAG,          /* [d_dict] */
    P_TOPK_THRESHOLD, /* one number: batch top-k as training saves it */
    P_SCALING_FACTOR, /* [d_dict] old files: factors on the codes before decoding */
    P_W_GLU,          /* [d_in, d_dict] gated linear encoder: h is multiplied by sigmoid(u W_glu + b_glu) */
    P_B_GLU,          /* [d_dict] */
    N_PARAMS
};
extern const char *const dict_param_names[N_PARAMS];

/* How codes come about where the operations' tiles cannot choose them (dict_rules.c, pursuit.c, temporal.c). */
enum dict_rule {
    RULE_TILES,       /* they can: `select` says how */
    RULE_WHOLE_ROWS,  /* as `select` says, but h is not one linear map of the row */
    RULE_LINEAR,      /* every h that is not 0 */
    RULE_ABS_TOPK,    /* the k largest |h * row_scale|, signs kept */
    RULE_SIGNED_TOPK, /* the k largest h * row_scale, signs kept */
    RULE_GROUP_MAX,   /* the largest of each of k equal groups of neighbours, where it is positive */
    RULE_PURSUIT,     /* one feature at a time, from what the ones before left over */
    RULE_TEMPORAL     /* the part of a row that earlier rows do not predict */
};

/* One row of the table of architectures (arch.c). */
struct dict_arch {
    const char *name;        /* as configurations spell it */
    enum select_kind select; /* how codes are chosen at inference */
    uint32_t params;         /* bit p: parameter p is required; others are refused */
    uint32_t optional;       /* ... unless they are named here. Without W_enc the encoder is W_dec (tied) */
    bool is_transcoder;
    enum dict_rule rule;
};
/* HOOKE_E_UNSUPPORTED for strings outside the table and for the table's refusals. */
hooke_status dict_arch_find(const struct dict_arch **out, const char *name, const char *path);

enum dict_normalize {
    NORMALIZE_NONE,
    NORMALIZE_EXPECTED_AVERAGE,
    NORMALIZE_CONSTANT_NORM,
    NORMALIZE_LAYER_NORM,
    NORMALIZE_CONSTANT_SCALAR, /* by activation_scale */
    N_NORMALIZE
};
extern const char *const dict_normalize_names[N_NORMALIZE];

/* What a configuration says. Zero or NULL: it says nothing. Strings live in the dictionary's arena. */
struct dict_config {
    const char *architecture, *model_name, *site, *site_out, *json;
    enum dict_normalize normalize;
    int64_t d_in, d_out, d_dict; /* to be compared with the tensors, never trusted */
    double k;
    bool has_apply_b_dec, apply_b_dec;
    bool rescale_by_decoder_norm;
    bool finetuning_scaling_factor; /* the flag that makes P_SCALING_FACTOR count */
    bool prepend_bos, center_input;
    int hook_head_index; /* -1: none */
    int context_size;
    double expected_l0;
    double activation_scale; /* s still to be folded (activation_scaler.json); 0: none */
    double output_scale;     /* s' where it is not s; 0: it is */
    bool has_threshold;      /* one threshold for all features, where the file has no vector of them */
    double threshold;
    bool threshold_is_log;                             /* the file holds its logarithm */
    bool norm_in_gate;                                 /* selection sees h * n_i, codes are h all the same */
    bool is_canonical;                                 /* the makers' own codes are canonical ones */
    double residual_threshold;                         /* matching pursuit */
    int64_t max_iterations;                            /* 0: d_in */
    bool any_support;                                  /* go on when the support stays the same */
    int64_t n_heads, n_attn_layers, bottleneck_factor; /* temporal */
    int n_targets;
    const char *notes; /* what info should say besides; NULL: nothing */
};

/* A big matrix where it lies. `stored` is the file's view, or a converted copy that `copy` owns. */
struct dict_matrix {
    struct stored_tensor stored;
    bool feature_rows;       /* a feature is a row of `stored` (W_dec); else a column (W_enc) */
    void *copy;              /* NULL: stored points into the mapping */
    struct weight w;         /* on the device */
    struct buffer on_device; /* empty when w aliases host memory */
};

/* Memory that a reader made a tensor in; freed with the dictionary. */
struct dict_owned {
    struct dict_owned *next;
    void *data;
};

/* A float32 vector on the host and on the device. */
struct dict_vector {
    float *data; /* [n]; NULL: the dictionary has none */
    int64_t n;
    const float *device;
    struct buffer on_device;
};

/* The encoder of the few features that were asked for last (dict_subset.c). */
struct dict_subset {
    int32_t *features; /* [n] */
    int n;
    float *w_enc;    /* [n, d_in] */
    struct weight w; /* the same on the device */
    struct buffer on_device;
    struct dict_vector b_enc, threshold, b_gate, b_mag,
        mag_scale; /* [n] each, where the dictionary has them */
};

struct hooke_dict {
    hooke_context *ctx;
    hooke_dict_info info;
    hooke_name *name;   /* what info.origin shows */
    struct arena arena; /* every string */
    const struct dict_arch *arch;
    const char *format;
    struct dict_config config;

    struct safetensors safetensors; /* whichever container the format reader opened */
    struct safetensors more;        /* a second one: formats that keep encoder and decoder apart */
    struct npz npz;
    struct torch_file torch;
    struct gguf gguf;
    struct dict_owned *owned;
    const struct stored_tensor *param[N_PARAMS]; /* as found; NULL: absent */
    bool
        transposed[N_PARAMS]; /* the file has the matrix the other way round: encoder.weight [d_dict, d_in] */
    const hooke_dict_options *options; /* for the format reader; NULL afterwards */

    struct dict_matrix w_enc, w_dec, w_skip, w_glu;
    struct dict_vector b_enc, b_dec; /* b_dec already divided by s */
    struct dict_vector b_dec_in;     /* what is subtracted from s * x; none: nothing */
    struct dict_vector threshold, b_gate, b_mag, r_mag;
    struct dict_vector mag_scale; /* exp(r_mag) */
    struct dict_vector row_scale; /* top-k selects by h * row_scale */
    struct dict_vector b_glu;
    struct dict_vector log_sparsity; /* log10 of firing fractions */
    struct temporal *temporal;       /* temporal.c's; NULL: another architecture */
    float input_scale, output_scale; /* s, s' */
    float *code_gain, *row_gain;     /* [d_dict], NULL: 1 */
    float
        *param_gain; /* [d_dict], NULL: 1; b_enc, threshold, gate biases as hooke_dict_vector() shows them */
    const char **labels; /* what rows stand for, in the arena: [n_labels], NULL where nothing is said */
    int64_t n_labels;
    struct dict_subset subset;
};

/* Sum of products in double, in eight interleaved parts so that it vectorises; the same bits everywhere. */
double row_dot(const float *a, const float *b, int64_t n);
/* Features first .. first+n of a matrix as float32 rows: out[n, width]. */
hooke_status dict_feature_rows(const struct dict_matrix *m, int64_t first, int64_t n, float *out);
/* The same with every scale applied: f_i times row i adds up to the output (before normalisation is undone). */
hooke_status dict_decoder_rows(const struct hooke_dict *d, int64_t first, int64_t n,
                               float *out /* [n, d_out] */);
hooke_status dict_encoder_rows(const struct hooke_dict *d, int64_t first, int64_t n,
                               float *out /* [n, d_in] */);
/* Lengths of W_dec's rows as they lie in the file, from double sums. */
hooke_status dict_stored_norms(const struct hooke_dict *d, float *out /* [d_dict] */);

/* Decides code_gain, row_gain, row_scale and param_gain (fold.c). Run once, after tensors and vectors are in place. */
hooke_status dict_fold(struct hooke_dict *d, bool canonical);

/* A tensor of dtype and shape in memory of its own that goes with the dictionary, as d->param[p]; *data is for the reader to fill.
 * name is copied. */
hooke_status dict_own_tensor(struct hooke_dict *d, enum dict_param p, void **data, const char *name,
                             enum dtype dtype, int n_dims, const int64_t *shape);
/* Whether the encoder is the decoder, transposed. */
static inline bool dict_is_tied(const struct hooke_dict *d)
{
    return !d->param[P_W_ENC];
}

/* A tensor of the file as a matrix or vector the kernels can use; `feature_rows` and `in_first` say how it lies. */
hooke_status dict_matrix_load(struct hooke_dict *d, struct dict_matrix *m, const struct stored_tensor *t,
                              bool feature_rows, bool in_first);
hooke_status dict_vector_load(struct hooke_dict *d, struct dict_vector *v, const struct stored_tensor *t);
void dict_matrix_release(struct hooke_dict *d, struct dict_matrix *m);

/* Puts data[n] (owned from now on) into v and onto the device. */
hooke_status dict_vector_place(struct hooke_dict *d, struct dict_vector *v, float *data, int64_t n);
void dict_vector_release(struct hooke_dict *d, struct dict_vector *v);
/* Everything after the format reader; hooke_dict_close() undoes half-built dictionaries too. */
hooke_status dict_build(struct hooke_dict *d, const hooke_dict_options *options);

/* Rows before the encoder sees them (rows.c): whether they are rewritten at all, and the rewriting of n rows into
 * out[n, d_in]. mean and scale (both or neither) get what decode needs to undo it. */
bool dict_rewrites_rows(const struct hooke_dict *d);
/* x[n, d_in] on the device, where it is only read; *owned is the caller's to release if it holds anything. */
hooke_status dict_place_rows(struct hooke_dict *d, struct mat *placed, struct buffer *owned, const float *x,
                             int64_t n, int64_t ld);
/* The rules that are not the tiles': codes of rows x[n, d_in] that are rewritten already, before code_gain. */
hooke_status dict_encode_by_rule(struct hooke_dict *d, hooke_codes *out, const float *x, int64_t n);
/* out[n, w's outputs] = x[n, w's inputs] W' + bias, on the host. */
hooke_status dict_product(struct hooke_dict *d, float *out, const float *x, int64_t n,
                          const struct weight *w);
/* Empty codes of n rows, and putting what is not zero in h[n, n_cols] behind the codes of the rows before first_row. */
hooke_status codes_start(hooke_codes *out, int64_t n, int32_t d_dict);
hooke_status codes_append_dense(hooke_codes *out, int64_t first_row, const float *h, int64_t n);
hooke_status dict_pursue(struct hooke_dict *d, hooke_codes *out, const float *x, int64_t n);

/* Temporal dictionaries (temporal.c): x[n, d_in] is one sequence. Decoding adds to y[n, d_out] what earlier rows predict. */
hooke_status temporal_load(struct hooke_dict *d);
void temporal_release(struct hooke_dict *d);
hooke_status temporal_encode(struct hooke_dict *d, hooke_codes *out, const float *x, int64_t n);
hooke_status temporal_add_prediction(struct hooke_dict *d, float *y, int64_t ld_y, const float *x,
                                     int64_t ld_x, int64_t n);
bool dict_keeps_norms(const struct hooke_dict *d);
void dict_rewrite_rows(const struct hooke_dict *d, float *out, float *mean, float *scale, const float *x,
                       int64_t n, int64_t ld);

/* Strictly increasing and inside 0 .. d_dict. */
hooke_status dict_check_subset(const struct hooke_dict *d, const hooke_feature_set *subset);
/* Whether a subset is worth its own encoder, and making it: d->subset is then the subset's. */
bool dict_subset_is_narrow(const struct hooke_dict *d, const hooke_feature_set *subset);
hooke_status dict_subset_prepare(struct hooke_dict *d, const hooke_feature_set *subset);
void dict_subset_release(struct hooke_dict *d);

#endif
