/* pass.h: one pass over a batch: plan, hooks, groups of sequences, layers.
 *
 * Sequences are carried in groups of whole sequences (batch_tokens rows), their rows one behind the other without padding. A row's
 * numbers depend on its own sequence only; the grouping can change last bits exactly where the matrix product's kernel depends on
 * its number of rows (docs/numerics.md). */
#ifndef HOOKE_MODEL_PASS_H
#define HOOKE_MODEL_PASS_H

#include "model/model.h"
#include "model/site.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { DEFAULT_BATCH_TOKENS = 2048 };

/* What generation asks for beyond hooke_run_options. */
struct pass_extra {
    const uint8_t *hooked_seqs; /* [n_seqs] sequences that the first n_masked hooks apply to; NULL: all */
    int n_masked;
    bool stop_at_hooks; /* even with a cache: the blocks behind the deepest hook do not run */
};

/* Key/value cache: float32, per layer [n_seqs, n_ctx, n_kv_heads * d_head] twice. Keys are rotated. */
struct hooke_cache {
    hooke_model *model;
    int n_seqs, n_ctx;
    int64_t width;         /* n_kv_heads * d_head */
    struct buffer *keys;   /* [n_layers] */
    struct buffer *values; /* [n_layers] */
    int *length;           /* [n_layers, n_seqs] positions held */
};
struct mat cache_rows(const struct hooke_cache *c, const struct buffer *side, int seq, int first, int n);

/* Rows first_row .. first_row + n_rows of the batch: whole sequences first_seq .. end_seq. */
struct group {
    int first_seq, end_seq;
    int64_t first_row, n_rows;
};

struct pass {
    hooke_model *m;
    const struct model_config *c;
    struct exec *ex;
    const struct ops *ops;
    const hooke_batch *batch;
    const hooke_run_options *o;
    const struct pass_extra *extra;
    struct group group; /* being computed */
    int64_t stop_depth; /* site_depth() of the deepest hooked site */
    int end_layer;      /* blocks first_layer .. end_layer run */
    bool wants_final;   /* final norm, and perhaps logits */
    bool wants_logits;
    bool norm_hooks;     /* somebody looks inside a norm: scratch is planned */
    bool head_hooks;     /* somebody wants d_model columns for every head: blocks of them are planned */
    bool head_edits;     /* ... and changes them */
    int *first_hook;     /* [n_layers + 2][N_SITE_KINDS] first hook at the site, -1: none */
    int *next_hook;      /* [n_hooks] */
    int32_t *positions;  /* [rows carried] position of each row in its sequence */
    int64_t carried_row; /* batch row of resid's first row */
    int64_t rows_max;    /* largest group */
    /* Views of the workspace; [rows_max, ...], shaped per group by rows_of(). */
    struct mat resid; /* [rows carried, d_model] */
    struct mat h;     /* norm outputs */
    struct mat q, k, v, z;
    struct mat attn, mlp; /* [d_model] each */
    struct mat gate, up;  /* [d_mlp] each */
    struct mat logits;    /* [logit_rows, d_vocab] */
    int64_t logit_rows;
    struct mat scratch[2];  /* [d_model or n_heads * d_head]; norm_hooks */
    struct mat divisors[2]; /* [n_heads] a row; norm_hooks */
    struct mat per_head[2]; /* [head_rows, n_heads * d_model]; head_hooks, and head_edits for the second */
    int64_t head_rows;
    struct buffer scores; /* for those who look at scores or patterns; grown as needed */
};

/* ---- hooks (hooks.c) ---- */
hooke_status hooks_index(struct pass *p);
static inline int first_hook_at(const struct pass *p, int layer, enum site_kind kind)
{
    return p->first_hook[(int64_t)(layer + 1) * N_SITE_KINDS + kind];
}
static inline bool is_hooked(const struct pass *p, int layer, enum site_kind kind)
{
    return first_hook_at(p, layer, kind) >= 0;
}
bool is_edited(const struct pass *p, int layer, enum site_kind kind);
/* Hands rows of the current group to the site's hooks. x has the group's rows. */
hooke_status deliver_slow(struct pass *p, int layer, enum site_kind kind, struct mat x);
static inline hooke_status deliver(struct pass *p, int layer, enum site_kind kind, struct mat x)
{
    return is_hooked(p, layer, kind) ? deliver_slow(p, layer, kind, x) : HOOKE_OK;
}
/* The same for any rows of the batch, and for one sequence's scores or patterns. */
hooke_status deliver_rows(struct pass *p, int layer, enum site_kind kind, struct mat x, int64_t first_row);
hooke_status deliver_scores(struct pass *p, int layer, enum site_kind kind, struct mat x, int seq);

/* Is everything that anybody asked for at or before this site of this layer? */
static inline bool is_done(const struct pass *p, int layer, enum site_kind kind)
{
    return (int64_t)layer * N_SITE_KINDS + kind >= p->stop_depth;
}

/* ---- steps ---- */
/* y = norm(x) with the norm's inner sites; y may be x (norm_step.c). n_heads: rows of x are heads of tokens. */
struct norm_sites {
    enum site_kind scale, normalized;
};
hooke_status norm_step(struct pass *p, int layer, struct mat y, struct mat x, const struct norm *norm,
                       struct norm_sites sites, int n_heads);
/* per_head.c: the group's rows of resid to hook_attn_in and its like; attn.hook_result to its hooks, and into attn what they
 * changed. */
int64_t head_rows_at_once(const struct model_config *c);
hooke_status repeated_inputs(struct pass *p, int layer);
hooke_status split_output(struct pass *p, int layer, struct mat attn);
hooke_status attend(struct pass *p, int layer); /* attend.c: z of the group from q, k, v */
hooke_status block_run(struct pass *p,
                       int layer);      /* block.c: the decoder block on the group's rows of resid */
hooke_status head_run(struct pass *p);  /* head.c: final norm and logits of the group */
hooke_status embed_run(struct pass *p); /* head.c: resid of the group from its ids */

/* The group's rows of a workspace view. */
static inline struct mat rows_of(const struct pass *p, struct mat m)
{
    m.rows = p->group.n_rows;
    return m;
}
static inline struct mat group_resid(const struct pass *p)
{
    struct mat m = p->resid;
    m.data = (float *)m.data + (p->group.first_row - p->carried_row) * m.ld;
    m.rows = p->group.n_rows;
    return m;
}

hooke_status pass_run(hooke_model *m, const hooke_batch *batch, const hooke_run_options *o,
                      const struct pass_extra *extra);

#ifdef __cplusplus
}
#endif
#endif
