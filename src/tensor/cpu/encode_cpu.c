/* encode_cpu.c: codes of x without the matrix of pre-activations.
 *
 *                 features -->   group 0      group 1   ...
 *   block of rows              [ h tile ]   [ h tile ]        h = x W lives in scratch, SCREEN_ROWS x FEATURE_TILE at a time,
 *                              [      ]   [      ]            and is reduced to the few that are on before the next one
 *
 * A group is a unit of work: it converts its weights once for all rows of the block, and leaves a `piece`: the codes of each row
 * of the block in its features, rows in order. Pieces are joined in order of group, so a row's codes increase in feature. Memory:
 * the codes, the pieces of one block, and a few MB of scratch a worker.
 *
 * Top-k goes over the features in waves of groups, low features first. After a wave each row keeps the k best that it has seen, and
 * the worst of them is the cut that the features of the next wave must beat. Waves double what has been seen, so each adds about k
 * candidates a row, whatever the width. What a wave works with depends on the waves before it alone, never on who finished first:
 * which products are screened, and so the bits, are the same for any number of threads.
 *
 * Where 8-bit products are at hand (screen.h), a group first asks which of its features could pass: a threshold, or the row's cut.
 * Float32 dots decide those. A group in which too many could goes the ordinary way. */
#include "tensor/cpu/ops_cpu.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "tensor/cpu/product.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/screen.h"
#include "tensor/cpu/select.h"

enum {
    FEATURE_TILE = SCREEN_TILE,
    ROW_BLOCK = 1024, /* unscreened */
    WAVE_GROUPS = 16, /* of a wave, at most */
    FIRST_GROUPS = 4, /* of the first wave, which no cut has made small yet */
    SCREEN_MANY = 10, /* where more than one in this many could pass, dots cost more than the product */
    /* A cut is worth screening by when it lets one in this many pass: those that the bounds cannot tell apart come on top. */
    SCREEN_CUT = 15,
    TOPK_BUDGET = 1 << 22, /* top-k: candidates of 8 bytes that a block of rows may hold, at worst */
    POOL_BUDGET = 1 << 19, /* batch top-k: candidates that a block of rows may add, about */
};

/* Codes of one group for one block of rows. */
struct piece {
    int32_t *index;
    float *value;
    size_t n, index_capacity, value_capacity;
    int32_t end[SCREEN_BLOCK];   /* where the codes of each row of the block end */
    int64_t n_could, n_ordinary; /* for the tally: dots of this block, pairs that went the ordinary way */
};

struct encode_job {
    struct exec *ex;
    const struct encode_spec *spec;
    struct product p;
    int64_t row0, n_rows;            /* the block */
    int64_t feature0, n_features;    /* the wave */
    int64_t tile;                    /* features of a group, the last may have fewer; at most FEATURE_TILE */
    struct piece *pieces;            /* [n_pieces] */
    int64_t n_pieces;                /* groups of a wave, at most */
    bool may_screen, fits, screened; /* this call; rows of the block; the wave */
    struct screen screen;
    int64_t k;       /* top-k kinds: how many are kept, of a row or of the call */
    float cut;       /* batch top-k: what fails this is out already; else 0 */
    float *cuts;     /* [block rows] top-k: the worst of the best k, 0 before there are k; NULL for others */
    uint64_t *best;  /* [block rows, k] top-k: keys of the best so far */
    int64_t *n_best; /* [block rows] */
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t n_groups(const struct encode_job *j)
{
    return (j->n_features + j->tile - 1) / j->tile;
}

/* Codes of row r of the block begin here. */
static int64_t piece_begin(const struct piece *g, int64_t r)
{
    return r ? g->end[r - 1] : 0;
}

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

/* What a code of the row must exceed, beside its threshold. */
static float cut_of(const struct encode_job *j, int64_t row)
{
    return j->cuts ? j->cuts[row] : j->cut;
}

/* What is on in h[n] (features first..) of one row. */
static int64_t select_features(const struct encode_job *j, int32_t *index, float *value, const float *h,
                               int64_t row, int64_t first, int64_t n)
{
    const struct encode_spec *s = j->spec;
    const struct kernels *t = j->ex->kernels;
    const float *bias = from_feature(s->w.bias, first);
    switch (s->kind) {
    case SELECT_RELU:
        return t->select(index, value, h, bias, NULL, (int32_t)first, n);
    case SELECT_THRESHOLD:
        return t->select(index, value, h, bias, from_feature(s->threshold, first), (int32_t)first, n);
    case SELECT_GATED:
        return t->select_gated(index, value, h, s->gate_bias + first, s->mag_scale + first,
                               s->mag_bias + first, (int32_t)first, n);
    case SELECT_TOPK:
    case SELECT_BATCH_TOPK:
        break;
    }
    return t->select_above(index, value, h, bias, from_feature(s->row_scale, first), cut_of(j, row),
                           (int32_t)first, n);
}

/* The k best of at most FEATURE_TILE codes, in any order. */
static int64_t keep_best(int32_t *index, float *value, int64_t n, int64_t k)
{
    uint64_t keys[FEATURE_TILE];
    if (n <= k) return n;
    for (int64_t i = 0; i < n; i++) keys[i] = key_of(value[i], index[i]);
    keys_largest(keys, n, k);
    for (int64_t i = 0; i < k; i++) {
        index[i] = key_index(keys[i]);
        value[i] = key_value(keys[i]);
    }
    return k;
}

/* The `got` codes behind g->n are those of the row. */
static void end_row(const struct encode_job *j, struct piece *g, int64_t row, int64_t got)
{
    if (j->spec->kind == SELECT_TOPK) got = keep_best(g->index + g->n, g->value + g->n, got, j->k);
    g->n += (size_t)got;
    g->end[row] = (int32_t)g->n;
}

/* Rows from.. of the block by the ordinary product. */
static hooke_status product_rows(const struct encode_job *j, struct piece *g, int64_t from, int64_t n_rows,
                                 int64_t first, int64_t n, float *scratch)
{
    float *h = scratch; /* [n_rows, FEATURE_TILE], then the weights */
    RETURN_IF_ERROR(product_tile(&j->p, h, FEATURE_TILE, j->row0 + from, n_rows, first, n, false,
                                 h + n_rows * FEATURE_TILE));
    for (int64_t r = 0; r < n_rows; r++) {
        RETURN_IF_ERROR(piece_room(g, (size_t)n));
        int64_t got =
            select_features(j, g->index + g->n, g->value + g->n, h + r * FEATURE_TILE, from + r, first, n);
        end_row(j, g, from + r, got);
    }
    g->n_ordinary += n_rows * n;
    return HOOKE_OK;
}

/* Of n features at index that could pass, appends those that do. */
static hooke_status decide_row(const struct encode_job *j, struct piece *g, const struct screen_weights *w,
                               int64_t row, const int32_t *index, int64_t n)
{
    float h[FEATURE_TILE];
    int64_t got = 0;
    RETURN_IF_ERROR(piece_room(g, (size_t)n));
    j->ex->kernels->dots_at(h, j->p.x + (j->row0 + row) * j->p.ld_x, &w->rows, index, n, j->p.k);
    for (int64_t i = 0; i < n; i++) {
        size_t at = g->n + (size_t)got;
        got += select_features(j, g->index + at, g->value + at, h + i, row, w->first + index[i], 1);
    }
    end_row(j, g, row, got);
    return HOOKE_OK;
}

/* *pays false: too many could pass; nothing was appended. */
static hooke_status screened_rows(const struct encode_job *j, struct piece *g, const struct screen_weights *w,
                                  int64_t from, int64_t n_rows, bool *pays)
{
    const struct screen *s = &j->screen;
    int32_t index[FEATURE_TILE];
    size_t before = g->n;
    int64_t could = 0;
    RETURN_IF_ERROR(screen_product(s, w, from, n_rows));
    for (int64_t r = 0; r < n_rows; r++) {
        int64_t n = screen_row(s, w, j->spec, cut_of(j, from + r), from, r, index);
        could += n;
        *pays = could <= n_rows * w->n / SCREEN_MANY;
        if (!*pays) break;
        RETURN_IF_ERROR(decide_row(j, g, w, from + r, index, n));
    }
    if (!*pays)
        g->n = before;
    else
        g->n_could += could;
    return HOOKE_OK;
}

static hooke_status group_scratch(const struct encode_job *j, float **out, int worker)
{
    size_t product = (size_t)(least(j->n_rows, SCREEN_ROWS) * FEATURE_TILE) + product_scratch(&j->p, j->tile),
           screen = j->screened ? screen_scratch(&j->screen) : 0;
    return scratch_take(j->ex, out, worker, product > screen ? product : screen);
}

static hooke_status encode_group(struct encode_job *j, int64_t group, int worker)
{
    struct piece *g = &j->pieces[group];
    int64_t in_wave = group * j->tile, first = j->feature0 + in_wave;
    int64_t n = least(j->tile, j->n_features - in_wave);
    struct screen_weights w;
    float *scratch; /* for the screen, or for the product */
    RETURN_IF_ERROR(group_scratch(j, &scratch, worker));
    bool pays = j->screened && screen_convert(&j->screen, &w, j->spec, scratch, first, n);
    g->n = 0;
    g->n_could = g->n_ordinary = 0;
    for (int64_t from = 0; from < j->n_rows; from += SCREEN_ROWS) {
        int64_t rows = least(SCREEN_ROWS, j->n_rows - from);
        if (pays) RETURN_IF_ERROR(screened_rows(j, g, &w, from, rows, &pays));
        if (!pays) RETURN_IF_ERROR(product_rows(j, g, from, rows, first, n, scratch));
    }
    return HOOKE_OK;
}

static hooke_status encode_groups(void *payload, int64_t begin, int64_t end, int worker)
{
    for (int64_t g = begin; g < end; g++) RETURN_IF_ERROR(encode_group(payload, g, worker));
    return HOOKE_OK;
}

static void tally_wave(struct encode_job *j)
{
    struct encode_tally *t = &j->ex->tally;
    int64_t ordinary = 0;
    for (int64_t g = 0; g < n_groups(j); g++) {
        ordinary += j->pieces[g].n_ordinary;
        t->n_could += j->pieces[g].n_could;
    }
    t->n_screened += j->n_rows * j->n_features - ordinary;
    t->n_ordinary += ordinary;
}

static hooke_status run_wave(struct encode_job *j, int64_t feature0, int64_t n_features, int64_t tile,
                             bool screened)
{
    j->feature0 = feature0;
    j->n_features = n_features;
    j->tile = tile;
    j->screened = screened;
    assert(n_groups(j) <= j->n_pieces);
    RETURN_IF_ERROR(parallel_try(j->ex->n_threads, n_groups(j), 1, encode_groups, j));
    tally_wave(j);
    return HOOKE_OK;
}

static hooke_status begin_block(struct encode_job *j, int64_t row0, int64_t n_rows)
{
    j->row0 = row0;
    j->n_rows = n_rows;
    j->fits = false;
    if (!j->may_screen) return HOOKE_OK;
    RETURN_IF_ERROR(screen_begin(j->ex, &j->screen, &j->p, row0, n_rows, &j->fits));
    if (j->fits) j->ex->tally.n_outliers += j->screen.n_outliers;
    return HOOKE_OK;
}

static hooke_status run_whole_width(struct encode_job *j)
{
    return run_wave(j, 0, weight_n_out(&j->spec->w), FEATURE_TILE, j->fits);
}

/* Appends the block's rows to out. */
static hooke_status join_plain(const struct encode_job *j, hooke_codes *out)
{
    int64_t at = out->indptr[out->n_rows], total = at;
    for (int64_t g = 0; g < n_groups(j); g++) total += (int64_t)j->pieces[g].n;
    RETURN_IF_ERROR(codes_reserve(out, out->n_rows + j->n_rows, total));
    for (int64_t r = 0; r < j->n_rows; r++) {
        for (int64_t g = 0; g < n_groups(j); g++) {
            const struct piece *piece = &j->pieces[g];
            int64_t begin = piece_begin(piece, r);
            size_t n = (size_t)(piece->end[r] - begin);
            if (n == 0) continue;
            memcpy(out->indices + at, piece->index + begin, n * sizeof *out->indices);
            memcpy(out->values + at, piece->value + begin, n * sizeof *out->values);
            at += (int64_t)n;
        }
        out->indptr[++out->n_rows] = at;
    }
    return HOOKE_OK;
}

/* ---- top-k of each row ---- */

/* Candidates of a row that one wave may add, at most: each group leaves its k best. */
static int64_t wave_room(const struct encode_job *j)
{
    return j->n_pieces * least(j->k, FEATURE_TILE);
}

/* The best of rows begin..end: among those so far and the wave's. */
static hooke_status merge_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    struct encode_job *j = payload;
    float *scratch; /* keys[k + wave_room] */
    RETURN_IF_ERROR(scratch_take(j->ex, &scratch, worker, (size_t)(j->k + wave_room(j)) * 2));
    uint64_t *keys = (void *)scratch;
    for (int64_t r = begin; r < end; r++) {
        uint64_t *best = j->best + r * j->k;
        int64_t n = j->n_best[r];
        memcpy(keys, best, (size_t)n * sizeof *keys);
        for (int64_t g = 0; g < n_groups(j); g++) {
            const struct piece *p = &j->pieces[g];
            for (int64_t i = piece_begin(p, r); i < p->end[r]; i++)
                keys[n++] = key_of(p->value[i], p->index[i]);
        }
        if (n >= j->k && j->k > 0) {
            keys_largest(keys, n, j->k);
            n = j->k;
            j->cuts[r] = key_value(keys[n - 1]);
        }
        memcpy(best, keys, (size_t)n * sizeof *keys);
        j->n_best[r] = n;
    }
    return HOOKE_OK;
}

static void sort_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    struct encode_job *j = payload;
    (void)worker;
    for (int64_t r = begin; r < end; r++) keys_sort_by_index(j->best + r * j->k, j->n_best[r]);
}

/* Of the first wave: until one feature in SCREEN_CUT passes the cut there is nothing to screen. */
static int64_t first_wave(const struct encode_job *j)
{
    const int64_t most = FIRST_GROUPS * FEATURE_TILE;
    if (!j->fits) return most;
    int64_t wanted = (j->k * SCREEN_CUT / FEATURE_TILE + 1) * FEATURE_TILE;
    return least(wanted, most);
}

static hooke_status run_waves(struct encode_job *j)
{
    const int64_t n_all = weight_n_out(&j->spec->w);
    for (int64_t r = 0; r < j->n_rows; r++) {
        j->n_best[r] = 0;
        j->cuts[r] = j->k > 0 ? 0 : INFINITY;
    }
    for (int64_t seen = 0, n; seen < n_all; seen += n) {
        n = seen == 0 ? first_wave(j) : least(seen, WAVE_GROUPS * FEATURE_TILE);
        int64_t tile = least(FEATURE_TILE, n / FIRST_GROUPS);
        n = least(n, n_all - seen);
        RETURN_IF_ERROR(run_wave(j, seen, n, tile, j->fits && seen >= j->k * SCREEN_CUT));
        RETURN_IF_ERROR(parallel_try(j->ex->n_threads, j->n_rows, 64, merge_rows, j));
    }
    parallel_for(j->ex->n_threads, j->n_rows, 64, sort_rows, j);
    return HOOKE_OK;
}

static hooke_status join_topk(const struct encode_job *j, hooke_codes *out)
{
    int64_t at = out->indptr[out->n_rows], total = at;
    for (int64_t r = 0; r < j->n_rows; r++) total += j->n_best[r];
    RETURN_IF_ERROR(codes_reserve(out, out->n_rows + j->n_rows, total));
    for (int64_t r = 0; r < j->n_rows; r++) {
        for (int64_t i = 0; i < j->n_best[r]; i++, at++) {
            out->indices[at] = key_index(j->best[r * j->k + i]);
            out->values[at] = key_value(j->best[r * j->k + i]);
        }
        out->indptr[++out->n_rows] = at;
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
    for (int64_t g = 0; g < n_groups(j); g++) {
        const struct piece *p = &j->pieces[g];
        void *items = pool->items;
        hooke_status st = mem_grow(&items, &pool->capacity, (size_t)pool->n + p->n, sizeof *pool->items,
                                   SIZE_MAX / 64, "candidates of batch top-k");
        pool->items = items;
        RETURN_IF_ERROR(st);
        for (int64_t r = 0, i = 0; r < j->n_rows; r++) {
            for (; i < p->end[r]; i++) {
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

/* Codes a row that may be expected at the present cut. */
static double expected_a_row(const struct encode_job *j, const struct pool *pool, int64_t rows_done)
{
    return j->cut > 0 ? (double)pool->n / (double)rows_done : (double)weight_n_out(&j->spec->w);
}

/* Rows of the next block: as many as may be expected to bring POOL_BUDGET candidates. */
static int64_t pool_block(double per_row)
{
    double rows = POOL_BUDGET / (per_row > 1 ? per_row : 1);
    return rows < FEW_ROWS ? FEW_ROWS : rows > SCREEN_BLOCK ? SCREEN_BLOCK : (int64_t)rows;
}

static hooke_status pool_rows(struct encode_job *j, struct pool *pool, int64_t row0, int64_t block)
{
    RETURN_IF_ERROR(begin_block(j, row0, block));
    RETURN_IF_ERROR(run_whole_width(j));
    RETURN_IF_ERROR(pool_take_block(pool, j));
    if (pool->n > 2 * j->k) pool_prune(pool, j);
    return HOOKE_OK;
}

static hooke_status encode_pool(struct encode_job *j, hooke_codes *out, int64_t n)
{
    struct pool pool = { NULL, 0, 0 };
    hooke_status st = HOOKE_OK;
    const bool may_screen = j->may_screen;
    for (int64_t row0 = 0, block; row0 < n && st == HOOKE_OK; row0 += block) {
        double per_row = expected_a_row(j, &pool, row0);
        block = least(pool_block(per_row), n - row0);
        j->may_screen = may_screen && block >= SCREEN_ROWS_LEAST &&
                        per_row * SCREEN_CUT < (double)weight_n_out(&j->spec->w);
        st = pool_rows(j, &pool, row0, block);
    }
    if (st == HOOKE_OK) pool_prune(&pool, j);
    if (st == HOOKE_OK) st = pool_to_codes(&pool, out, n);
    mem_free(pool.items);
    return st;
}

/* ---- the entry ---- */

static hooke_status encode_blocks(struct encode_job *j, hooke_codes *out, int64_t n, int64_t block)
{
    for (int64_t row0 = 0; row0 < n; row0 += block) {
        RETURN_IF_ERROR(begin_block(j, row0, least(block, n - row0)));
        if (j->cuts) {
            RETURN_IF_ERROR(run_waves(j));
            RETURN_IF_ERROR(join_topk(j, out));
        } else {
            RETURN_IF_ERROR(run_whole_width(j));
            RETURN_IF_ERROR(join_plain(j, out));
        }
    }
    return HOOKE_OK;
}

static void plan(struct encode_job *j, int64_t n)
{
    const struct encode_spec *s = j->spec;
    int64_t d_dict = weight_n_out(&s->w);
    double rows = s->kind == SELECT_BATCH_TOPK ? (double)n : 1, wanted = s->k * rows,
           all = (double)d_dict * rows;
    j->k = !(wanted > 0) ? 0 : wanted > all ? (int64_t)all : (int64_t)wanted;
    j->n_pieces = (d_dict + FEATURE_TILE - 1) / FEATURE_TILE;
    if (s->kind == SELECT_TOPK && j->n_pieces > WAVE_GROUPS) j->n_pieces = WAVE_GROUPS;
    if (s->kind == SELECT_TOPK && j->n_pieces < FIRST_GROUPS) j->n_pieces = FIRST_GROUPS;
    j->may_screen = screen_wanted(j->ex, &j->p, s);
    if (s->kind == SELECT_TOPK && j->k * SCREEN_CUT >= d_dict) j->may_screen = false;
}

/* Blocks of about one size. Top-k holds candidates for every row of a block: fewer rows when k is large. */
static int64_t block_rows(const struct encode_job *j, int64_t n)
{
    int64_t most = j->may_screen ? SCREEN_BLOCK : ROW_BLOCK;
    if (j->spec->kind == SELECT_TOPK) most = least(most, TOPK_BUDGET / (j->k + wave_room(j) + 1));
    if (most < 64) most = 64;
    if (n <= most) return n;
    int64_t blocks = (n + most - 1) / most;
    return (n + blocks - 1) / blocks;
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

static hooke_status take_memory(struct encode_job *j, int64_t block)
{
    void *pieces, *cuts, *n_best, *best;
    RETURN_IF_ERROR(mem_take(&pieces, (size_t)j->n_pieces, sizeof *j->pieces, "codes of a tile"));
    j->pieces = pieces;
    if (j->spec->kind != SELECT_TOPK) return HOOKE_OK;
    RETURN_IF_ERROR(mem_take(&cuts, (size_t)block, sizeof *j->cuts, "cuts of rows"));
    j->cuts = cuts;
    RETURN_IF_ERROR(mem_take(&n_best, (size_t)block, sizeof *j->n_best, "counts of rows"));
    j->n_best = n_best;
    RETURN_IF_ERROR(mem_take(&best, (size_t)(block * j->k), sizeof *j->best, "the best of each row"));
    j->best = best;
    return HOOKE_OK;
}

static void release_memory(struct encode_job *j)
{
    for (int64_t g = 0; g < j->n_pieces && j->pieces; g++) {
        mem_free(j->pieces[g].index);
        mem_free(j->pieces[g].value);
    }
    mem_free(j->pieces);
    mem_free(j->cuts);
    mem_free(j->n_best);
    mem_free(j->best);
}

hooke_status cpu_encode(struct exec *ex, hooke_codes *out, const struct mat *x,
                        const struct encode_spec *spec)
{
    struct encode_job j = { .ex = ex, .spec = spec };
    assert(weight_n_out(&spec->w) <= INT32_MAX);
    ex->tally = (struct encode_tally){ 0 };
    RETURN_IF_ERROR(start_codes(out, x->rows, weight_n_out(&spec->w)));
    RETURN_IF_ERROR(product_begin(ex, &j.p, x, &spec->w));
    plan(&j, x->rows);
    int64_t block = block_rows(&j, x->rows);
    hooke_status st = take_memory(&j, block);
    if (st == HOOKE_OK)
        st = spec->kind == SELECT_BATCH_TOPK ? encode_pool(&j, out, x->rows)
                                             : encode_blocks(&j, out, x->rows, block);
    release_memory(&j);
    if (st != HOOKE_OK) out->n_rows = 0;
    return st;
}
