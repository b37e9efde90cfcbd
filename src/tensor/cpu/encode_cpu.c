/* encode_cpu.c: codes of x without the matrix of pre-activations.
 *
 *                 features -->   group 0      group 1   ...
 *   block of rows              [ h tile ]   [ h tile ]        h = x W lives in scratch, ROW_BLOCK x FEATURE_TILE at a time,
 *                              [      ]   [      ]            and is reduced to the few that are on before the next one
 *
 * A group is a unit of work: it converts its weights once for all rows of the block, and leaves a `piece`: the codes of each row
 * of the block in its features, rows in order. Pieces are joined in order of group, so a row's codes increase in feature. Memory:
 * the codes, the pieces of one block, and a few MB of scratch a worker.
 *
 * Top-k needs the best of a row over all groups: each group keeps its own k best, above a cut that rises as better ones come, and
 * joining selects among what the groups left. Groups tell each other their cuts, a bound from below for the row's k-th best:
 * when a group learns of one decides how much it drops early, never what is selected. */
#include "tensor/cpu/ops_cpu.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "tensor/cpu/product.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/screen.h"
#include "tensor/cpu/select.h"

enum {
    FEATURE_TILE = 512,
    ROW_BLOCK = 1024,
    TOPK_GROUPS = 16,      /* at most */
    TOPK_STEP = 64,        /* features between two looks at a row's room for candidates */
    POOL_BUDGET = 1 << 19, /* batch top-k: candidates that a block of rows may add, about */
};

/* Codes of one group for one block of rows. */
struct piece {
    int32_t *index;
    float *value;
    size_t n, index_capacity, value_capacity;
    int32_t count[SCREEN_BLOCK]; /* of each row of the block */
    int64_t n_could, n_ordinary; /* for the tally: dots of this block, pairs that went the ordinary way */
};

struct encode_job {
    struct exec *ex;
    const struct encode_spec *spec;
    struct product p;
    int64_t row0, n_rows;      /* the block */
    int64_t group_features;    /* a multiple of FEATURE_TILE */
    int64_t k;                 /* top-k kinds: how many are kept, of a row or of the call */
    float cut;                 /* batch top-k: what fails this is out already */
    struct piece *pieces;      /* [groups] */
    bool may_screen, screened; /* this call; the block */
    struct screen screen;
    _Atomic uint32_t *
        cuts; /* [ROW_BLOCK] top-k: bits of the best cut known of each row; positive floats order as their bits */
};

static hooke_status piece_room(struct piece *g, size_t more)
{
    void *p = g->index, *v = g->value;
    hooke_status st = mem_grow(&p, &g->index_capacity, g->n + more, sizeof *g->index, SIZE_MAX / 64, "codes");
    g->index = p;
    if (st == HOOKE_OK)
        st = mem_grow(&v, &g->value_capacity, g->n + more, sizeof *g->value, SIZE_MAX / 64, "codes");
    g->value = v;
    return st;
}

static const float *from_feature(const float *v, int64_t f)
{
    return v ? v + f : NULL;
}

/* Appends what is on in h[n] (features first..) of one row. */
static hooke_status select_row(const struct encode_job *j, struct piece *g, const float *h, int64_t first,
                               int64_t n, int64_t *got)
{
    const struct encode_spec *s = j->spec;
    const struct kernels *t = j->ex->kernels;
    RETURN_IF_ERROR(piece_room(g, (size_t)n));
    int32_t *index = g->index + g->n;
    float *value = g->value + g->n;
    const float *bias = from_feature(s->w.bias, first);
    switch (s->kind) {
    case SELECT_RELU:
        *got = t->select(index, value, h, bias, NULL, (int32_t)first, n);
        break;
    case SELECT_THRESHOLD:
        *got = t->select(index, value, h, bias, from_feature(s->threshold, first), (int32_t)first, n);
        break;
    case SELECT_GATED:
        *got = t->select_gated(index, value, h, s->gate_bias + first, s->mag_scale + first,
                               s->mag_bias + first, (int32_t)first, n);
        break;
    case SELECT_TOPK: /* by topk_group() */
    case SELECT_BATCH_TOPK:
        *got = t->select_above(index, value, h, bias, from_feature(s->row_scale, first), j->cut,
                               (int32_t)first, n);
        break;
    }
    g->n += (size_t)*got;
    return HOOKE_OK;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* One tile of features is one group. */
static hooke_status plain_group(struct encode_job *j, int64_t group, int worker)
{
    struct piece *g = &j->pieces[group];
    int64_t first = group * FEATURE_TILE, n = least(FEATURE_TILE, weight_n_out(&j->spec->w) - first);
    float *h; /* [n_rows, FEATURE_TILE], then the weights */
    size_t h_floats = (size_t)(j->n_rows * FEATURE_TILE);
    RETURN_IF_ERROR(scratch_take(j->ex, &h, worker, h_floats + product_scratch(&j->p, n)));
    RETURN_IF_ERROR(product_tile(&j->p, h, FEATURE_TILE, j->row0, j->n_rows, first, n, false, h + h_floats));
    g->n = 0;
    for (int64_t r = 0; r < j->n_rows; r++) {
        int64_t got = 0;
        RETURN_IF_ERROR(select_row(j, g, h + r * FEATURE_TILE, first, n, &got));
        g->count[r] = (int32_t)got;
    }
    return HOOKE_OK;
}

/* ---- thresholds, screened ---- */

/* Where more than one in this many could pass, dots cost more than the product. */
enum { SCREEN_MANY = 10 };

/* Of n features at index that could pass, appends those that do. */
static hooke_status decide_row(const struct encode_job *j, struct piece *g, const struct screen_weights *w,
                               int64_t row, const int32_t *index, int64_t n)
{
    const struct encode_spec *s = j->spec;
    const struct kernels *t = j->ex->kernels;
    float h[FEATURE_TILE];
    RETURN_IF_ERROR(piece_room(g, (size_t)n));
    t->dots_at(h, j->p.x + (j->row0 + row) * j->p.ld_x, &w->rows, index, n, j->p.k);
    size_t before = g->n;
    for (int64_t i = 0; i < n; i++) {
        int64_t f = w->first + index[i];
        g->n += (size_t)t->select(g->index + g->n, g->value + g->n, h + i, from_feature(s->w.bias, f),
                                  from_feature(s->threshold, f), (int32_t)f, 1);
    }
    g->count[row] = (int32_t)(g->n - before);
    return HOOKE_OK;
}

/* Rows from.. of the block, as before screening. */
static hooke_status product_rows(const struct encode_job *j, struct piece *g, int64_t from, int64_t n_rows,
                                 int64_t first, int64_t n, float *scratch)
{
    float *h = scratch; /* [n_rows, FEATURE_TILE], then the weights */
    RETURN_IF_ERROR(product_tile(&j->p, h, FEATURE_TILE, j->row0 + from, n_rows, first, n, false,
                                 h + SCREEN_ROWS * FEATURE_TILE));
    for (int64_t r = 0; r < n_rows; r++) {
        int64_t got = 0;
        RETURN_IF_ERROR(select_row(j, g, h + r * FEATURE_TILE, first, n, &got));
        g->count[from + r] = (int32_t)got;
    }
    return HOOKE_OK;
}

/* *many: could not be screened with profit; nothing was appended. */
static hooke_status screened_rows(const struct encode_job *j, struct piece *g, const struct screen_weights *w,
                                  int64_t from, int64_t n_rows, bool *many)
{
    const struct screen *s = &j->screen;
    int32_t index[FEATURE_TILE];
    size_t before = g->n;
    int64_t could = 0;
    RETURN_IF_ERROR(screen_product(s, w, from, n_rows));
    for (int64_t r = 0; r < n_rows; r++) {
        int64_t n = screen_row(s, w, j->spec, from, r, index);
        could += n;
        *many = could > n_rows * w->n / SCREEN_MANY;
        if (*many) break;
        RETURN_IF_ERROR(decide_row(j, g, w, from + r, index, n));
    }
    if (*many)
        g->n = before;
    else
        g->n_could += could;
    return HOOKE_OK;
}

static hooke_status screened_group(struct encode_job *j, int64_t group, int worker)
{
    struct piece *g = &j->pieces[group];
    int64_t first = group * FEATURE_TILE, n = least(FEATURE_TILE, weight_n_out(&j->spec->w) - first);
    struct screen_weights w;
    float *scratch; /* for the screen, or for the product */
    size_t product_floats = (size_t)SCREEN_ROWS * FEATURE_TILE + product_scratch(&j->p, n),
           screen_floats = screen_scratch(&j->screen);
    RETURN_IF_ERROR(scratch_take(j->ex, &scratch, worker,
                                 product_floats > screen_floats ? product_floats : screen_floats));
    bool many = !screen_convert(&j->screen, &w, scratch, first, n);
    g->n = 0;
    g->n_could = g->n_ordinary = 0;
    for (int64_t from = 0; from < j->n_rows; from += SCREEN_ROWS) {
        int64_t rows = least(SCREEN_ROWS, j->n_rows - from);
        if (!many) RETURN_IF_ERROR(screened_rows(j, g, &w, from, rows, &many));
        if (!many) continue;
        RETURN_IF_ERROR(product_rows(j, g, from, rows, first, n, scratch));
        g->n_ordinary += rows * n;
    }
    return HOOKE_OK;
}

/* ---- top-k of each row ---- */

/* Candidates of one row: keys[room], the best so far and those not yet compared with each other. */
struct best {
    uint64_t *keys;
    int64_t n, room, k;
    float cut; /* the k-th best so far; 0 before there are k */
};

static void best_prune(struct best *b)
{
    if (b->n < b->k || b->k == 0) {
        b->n = b->k == 0 ? 0 : b->n;
        return;
    }
    keys_largest(b->keys, b->n, b->k);
    b->n = b->k;
    if (b->k > 0) b->cut = fmaxf(b->cut, key_value(b->keys[b->k - 1]));
}

/* A value just below the cut of another group: there an equal value may have the higher feature. */
static float cut_from_others(const struct encode_job *j, int64_t row)
{
    uint32_t bits = atomic_load_explicit(&j->cuts[row], memory_order_relaxed);
    if (bits > 0) bits--;
    float cut;
    memcpy(&cut, &bits, sizeof cut);
    return cut;
}

/* A lost update costs some work, not the result. */
static void tell_cut(const struct encode_job *j, int64_t row, float cut)
{
    uint32_t bits;
    memcpy(&bits, &cut, sizeof bits);
    if (bits > atomic_load_explicit(&j->cuts[row], memory_order_relaxed))
        atomic_store_explicit(&j->cuts[row], bits, memory_order_relaxed);
}

/* A later feature must beat the cut: with an equal value the lower feature stays. */
static void best_offer(struct best *b, const struct encode_job *j, const float *h, int64_t first, int64_t n)
{
    int32_t index[TOPK_STEP];
    float value[TOPK_STEP];
    for (int64_t i = 0; i < n; i += TOPK_STEP) {
        int64_t f = first + i;
        if (b->n + TOPK_STEP > b->room) best_prune(b);
        int64_t got = j->ex->kernels->select_above(index, value, h + i, from_feature(j->spec->w.bias, f),
                                                   from_feature(j->spec->row_scale, f), b->cut, (int32_t)f,
                                                   least(TOPK_STEP, n - i));
        for (int64_t c = 0; c < got; c++) b->keys[b->n++] = key_of(value[c], index[c]);
    }
}

static int64_t topk_room(const struct encode_job *j)
{
    return 2 * least(j->k, j->group_features) + 4 * TOPK_STEP;
}

static hooke_status topk_leave(const struct encode_job *j, struct best *b, struct piece *g, int64_t row)
{
    best_prune(b);
    if (b->n == j->k) tell_cut(j, row, b->cut);
    RETURN_IF_ERROR(piece_room(g, (size_t)b->n));
    for (int64_t i = 0; i < b->n; i++) {
        g->index[g->n] = key_index(b->keys[i]);
        g->value[g->n++] = key_value(b->keys[i]);
    }
    g->count[row] = (int32_t)b->n;
    return HOOKE_OK;
}

/* The k best of each row among the features of one group. */
static hooke_status topk_group(struct encode_job *j, int64_t group, int worker)
{
    struct piece *g = &j->pieces[group];
    int64_t first = group * j->group_features,
            end = least(first + j->group_features, weight_n_out(&j->spec->w));
    int64_t room = topk_room(j);
    size_t h_floats = (size_t)(j->n_rows * FEATURE_TILE),
           w_floats = (product_scratch(&j->p, FEATURE_TILE) + 15) / 16 * 16;
    float *h; /* [n_rows, FEATURE_TILE], weights, struct best [n_rows], keys [n_rows, room] */
    size_t floats_per_row = (sizeof(struct best) + (size_t)room * sizeof(uint64_t)) / sizeof(float);
    RETURN_IF_ERROR(
        scratch_take(j->ex, &h, worker, h_floats + w_floats + (size_t)j->n_rows * floats_per_row));
    struct best *best = (void *)(h + h_floats + w_floats);
    uint64_t *keys = (void *)(best + j->n_rows);
    for (int64_t r = 0; r < j->n_rows; r++) {
        struct best start = { keys + r * room, 0, room, least(j->k, j->group_features),
                              cut_from_others(j, r) };
        best[r] = start;
    }
    for (int64_t f = first; f < end; f += FEATURE_TILE) {
        int64_t n = least(FEATURE_TILE, end - f);
        RETURN_IF_ERROR(product_tile(&j->p, h, FEATURE_TILE, j->row0, j->n_rows, f, n, false, h + h_floats));
        for (int64_t r = 0; r < j->n_rows; r++) best_offer(&best[r], j, h + r * FEATURE_TILE, f, n);
    }
    g->n = 0;
    for (int64_t r = 0; r < j->n_rows; r++) RETURN_IF_ERROR(topk_leave(j, &best[r], g, r));
    return HOOKE_OK;
}

/* Among all groups: keys[n] of one row -> its codes at index, value; returns how many. */
static int64_t topk_finish(int32_t *index, float *value, uint64_t *keys, int64_t n, int64_t k)
{
    if (n > k) {
        keys_largest(keys, n, k);
        n = k;
    }
    keys_sort_by_index(keys, n);
    for (int64_t i = 0; i < n; i++) {
        index[i] = key_index(keys[i]);
        value[i] = key_value(keys[i]);
    }
    return n;
}

/* ---- blocks of rows ---- */

static hooke_status encode_group(void *payload, int64_t begin, int64_t end, int worker)
{
    struct encode_job *j = payload;
    for (int64_t g = begin; g < end; g++)
        RETURN_IF_ERROR(j->screened                    ? screened_group(j, g, worker)
                        : j->spec->kind == SELECT_TOPK ? topk_group(j, g, worker)
                                                       : plain_group(j, g, worker));
    return HOOKE_OK;
}

static int64_t n_groups(const struct encode_job *j)
{
    return (weight_n_out(&j->spec->w) + j->group_features - 1) / j->group_features;
}

/* Appends the block's rows to out. */
static hooke_status join_plain(const struct encode_job *j, hooke_codes *out)
{
    int64_t groups = n_groups(j), total = out->indptr[out->n_rows];
    for (int64_t g = 0; g < groups; g++) total += (int64_t)j->pieces[g].n;
    RETURN_IF_ERROR(codes_reserve(out, out->n_rows + j->n_rows, total));
    for (int64_t g = 0; g < groups; g++) j->pieces[g].n = 0; /* now: read so far */
    for (int64_t r = 0; r < j->n_rows; r++) {
        int64_t at = out->indptr[out->n_rows];
        for (int64_t g = 0; g < groups; g++) {
            struct piece *piece = &j->pieces[g];
            size_t n = (size_t)piece->count[r];
            if (n == 0) continue;
            memcpy(out->indices + at, piece->index + piece->n, n * sizeof *out->indices);
            memcpy(out->values + at, piece->value + piece->n, n * sizeof *out->values);
            piece->n += n;
            at += (int64_t)n;
        }
        out->indptr[++out->n_rows] = at;
    }
    return HOOKE_OK;
}

static hooke_status join_topk(const struct encode_job *j, hooke_codes *out)
{
    int64_t groups = n_groups(j), at = out->indptr[out->n_rows];
    uint64_t *keys; /* [groups * k] */
    float *scratch;
    RETURN_IF_ERROR(scratch_take(j->ex, &scratch, 0, (size_t)(groups * least(j->k, j->group_features)) * 2));
    keys = (void *)scratch;
    RETURN_IF_ERROR(
        codes_reserve(out, out->n_rows + j->n_rows, at + j->n_rows * least(j->k, weight_n_out(&j->spec->w))));
    for (int64_t g = 0; g < groups; g++) j->pieces[g].n = 0;
    for (int64_t r = 0; r < j->n_rows; r++) {
        int64_t n = 0;
        for (int64_t g = 0; g < groups; g++) {
            struct piece *p = &j->pieces[g];
            for (int32_t i = 0; i < p->count[r]; i++, p->n++)
                keys[n++] = key_of(p->value[p->n], p->index[p->n]);
        }
        at += topk_finish(out->indices + at, out->values + at, keys, n, j->k);
        out->indptr[++out->n_rows] = at;
    }
    return HOOKE_OK;
}

static void tally_block(struct encode_job *j)
{
    struct encode_tally *t = &j->ex->tally;
    int64_t pairs = j->n_rows * weight_n_out(&j->spec->w), ordinary = j->screened ? 0 : pairs;
    for (int64_t g = 0; g < n_groups(j) && j->screened; g++) {
        ordinary += j->pieces[g].n_ordinary;
        t->n_could += j->pieces[g].n_could;
    }
    t->n_screened += pairs - ordinary;
    t->n_ordinary += ordinary;
    t->n_outliers += j->screened ? j->screen.n_outliers : 0;
}

static hooke_status run_block(struct encode_job *j, int64_t row0, int64_t n_rows)
{
    j->row0 = row0;
    j->n_rows = n_rows;
    for (int64_t r = 0; r < n_rows && j->cuts; r++)
        atomic_store_explicit(&j->cuts[r], 0, memory_order_relaxed);
    j->screened = false;
    if (j->may_screen) RETURN_IF_ERROR(screen_begin(j->ex, &j->screen, &j->p, row0, n_rows, &j->screened));
    RETURN_IF_ERROR(parallel_try(j->ex->n_threads, n_groups(j), 1, encode_group, j));
    tally_block(j);
    return HOOKE_OK;
}

static hooke_status encode_blocks(struct encode_job *j, hooke_codes *out, int64_t n, int64_t block)
{
    for (int64_t row0 = 0; row0 < n; row0 += block) {
        RETURN_IF_ERROR(run_block(j, row0, least(block, n - row0)));
        RETURN_IF_ERROR(j->spec->kind == SELECT_TOPK ? join_topk(j, out) : join_plain(j, out));
    }
    return HOOKE_OK;
}

/* ---- batch top-k: a pool of candidates of the whole call, cut down to the k best whenever it holds twice as many ---- */

struct pool {
    struct candidate *items;
    size_t capacity;
    int64_t n;
};

static hooke_status pool_take_block(struct pool *pool, const struct encode_job *j)
{
    int64_t groups = n_groups(j);
    for (int64_t g = 0; g < groups; g++) {
        const struct piece *p = &j->pieces[g];
        void *items = pool->items;
        hooke_status st = mem_grow(&items, &pool->capacity, (size_t)pool->n + p->n, sizeof *pool->items,
                                   SIZE_MAX / 64, "candidates of batch top-k");
        pool->items = items;
        RETURN_IF_ERROR(st);
        for (int64_t r = 0, i = 0; r < j->n_rows; r++) {
            for (int32_t c = 0; c < p->count[r]; c++, i++) {
                struct candidate item = { p->value[i], p->index[i], j->row0 + r };
                pool->items[pool->n++] = item;
            }
        }
    }
    return HOOKE_OK;
}

/* Keeps the k best; a later candidate has a higher row, so it must beat the cut. */
static void pool_prune(struct pool *pool, struct encode_job *j)
{
    if (pool->n <= j->k) return;
    if (j->k > 0) {
        candidates_largest(pool->items, pool->n, j->k);
        float cut = pool->items[0].value;
        for (int64_t i = 1; i < j->k; i++) cut = fminf(cut, pool->items[i].value);
        j->cut = cut;
    } else {
        j->cut = INFINITY;
    }
    pool->n = j->k;
}

static hooke_status pool_to_codes(struct pool *pool, hooke_codes *out, int64_t n_rows)
{
    candidates_sort(pool->items, pool->n);
    RETURN_IF_ERROR(codes_reserve(out, n_rows, pool->n));
    for (int64_t r = 0, i = 0; r < n_rows; r++) {
        for (; i < pool->n && pool->items[i].row == r; i++) {
            out->indices[i] = pool->items[i].index;
            out->values[i] = pool->items[i].value;
        }
        out->indptr[r + 1] = i;
    }
    out->n_rows = n_rows;
    return HOOKE_OK;
}

/* Rows of the next block: as many as may be expected to bring POOL_BUDGET candidates at the present cut. */
static int64_t pool_block(const struct encode_job *j, const struct pool *pool, int64_t rows_done)
{
    double per_row = (double)weight_n_out(&j->spec->w);
    if (j->cut > 0) per_row = (double)pool->n / (double)rows_done;
    double rows = POOL_BUDGET / (per_row > 1 ? per_row : 1);
    return rows < FEW_ROWS ? FEW_ROWS : rows > ROW_BLOCK ? ROW_BLOCK : (int64_t)rows;
}

static hooke_status encode_pool(struct encode_job *j, hooke_codes *out, int64_t n)
{
    struct pool pool = { NULL, 0, 0 };
    hooke_status st = HOOKE_OK;
    for (int64_t row0 = 0, block; row0 < n && st == HOOKE_OK; row0 += block) {
        block = least(pool_block(j, &pool, row0), n - row0);
        st = run_block(j, row0, block);
        if (st == HOOKE_OK) st = pool_take_block(&pool, j);
        if (st == HOOKE_OK && pool.n > 2 * j->k) pool_prune(&pool, j);
    }
    if (st == HOOKE_OK) pool_prune(&pool, j);
    if (st == HOOKE_OK) st = pool_to_codes(&pool, out, n);
    mem_free(pool.items);
    return st;
}

/* ---- the entry ---- */

static void plan(struct encode_job *j, int64_t n)
{
    int64_t d_dict = weight_n_out(&j->spec->w), tiles = (d_dict + FEATURE_TILE - 1) / FEATURE_TILE;
    double wanted = j->spec->kind == SELECT_BATCH_TOPK ? j->spec->k * (double)n : j->spec->k;
    double all = (double)d_dict * (double)(j->spec->kind == SELECT_BATCH_TOPK ? n : 1);
    j->k = !(wanted > 0) ? 0 : wanted > all ? (int64_t)all : (int64_t)wanted;
    j->group_features = FEATURE_TILE;
    if (j->spec->kind == SELECT_TOPK) j->group_features *= (tiles + TOPK_GROUPS - 1) / TOPK_GROUPS;
}

/* Top-k holds candidates for every row of a block: fewer rows when k is large. */
static int64_t block_rows(const struct encode_job *j)
{
    if (j->may_screen) return SCREEN_BLOCK;
    if (j->spec->kind != SELECT_TOPK) return ROW_BLOCK;
    int64_t rows = (1 << 19) / topk_room(j);
    return rows > ROW_BLOCK ? ROW_BLOCK : rows < 64 ? 64 : rows;
}

static hooke_status start_codes(hooke_codes *out, int64_t n, int64_t d_dict)
{
    mem_free(out->norm_mean);
    mem_free(out->norm_scale);
    out->norm_mean = out->norm_scale = NULL;
    out->n_rows = 0;
    out->n_cols = (int32_t)d_dict;
    RETURN_IF_ERROR(codes_reserve(out, n, 0));
    out->indptr[0] = 0;
    return HOOKE_OK;
}

hooke_status cpu_encode(struct exec *ex, hooke_codes *out, const struct mat *x,
                        const struct encode_spec *spec)
{
    struct encode_job j = { .ex = ex, .spec = spec };
    void *pieces;
    assert(weight_n_out(&spec->w) <= INT32_MAX);
    ex->tally = (struct encode_tally){ 0 };
    RETURN_IF_ERROR(start_codes(out, x->rows, weight_n_out(&spec->w)));
    plan(&j, x->rows);
    RETURN_IF_ERROR(product_begin(ex, &j.p, x, &spec->w));
    j.may_screen = screen_wanted(ex, &j.p, spec);
    RETURN_IF_ERROR(mem_take(&pieces, (size_t)n_groups(&j), sizeof *j.pieces, "codes of a tile"));
    j.pieces = pieces;
    _Atomic uint32_t cuts[ROW_BLOCK];
    j.cuts = spec->kind == SELECT_TOPK ? cuts : NULL;
    hooke_status st = spec->kind == SELECT_BATCH_TOPK ? encode_pool(&j, out, x->rows)
                                                      : encode_blocks(&j, out, x->rows, block_rows(&j));
    for (int64_t g = 0; g < n_groups(&j); g++) {
        mem_free(j.pieces[g].index);
        mem_free(j.pieces[g].value);
    }
    mem_free(j.pieces);
    if (st != HOOKE_OK) out->n_rows = 0;
    return st;
}
