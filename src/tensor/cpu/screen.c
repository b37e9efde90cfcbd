/* screen.c: 8-bit products that say which features could pass, so that float32 dots are spent on those alone.
 *
 * A row x and a feature's weights w are written in whole steps, x = s_x q_x and w = s_w q_w about, rounded by floor(v / s + u) with
 * u in [0, 1) from a fixed table of uniform draws, one for rows and one for weights (dither). So, over the draws, each rounding
 * error is independent of the others in its vector, has mean zero and a range of one step, whatever the data. The error of
 * q_x . q_w s_x s_w is the sum of x_j dw_j and (w_j + dw_j) dx_j; given the dw, Hoeffding's lemma on the dx and then on the dw
 * makes it sub-Gaussian: P(error > t) <= exp(-2 t^2 / (s_w^2 |x|^2 + s_x^2 W^2)), where W = |w| + s_w sqrt(k) bounds |w + dw|.
 * A pair is kept unless (product + t + slack + bias) * row scale <= its cut, with t = NOISE times that root: a feature that passes
 * is missed with a chance below exp(-2 NOISE^2) = 1e-14 a pair. The slack bounds what float32 rounding can do to any of the sums,
 * worst case.
 *
 * Guaranteed: what is emitted passes, its value a float32 product; the bits of a screened value depend on the row and the feature
 * alone (tiles that fall back to the ordinary product round as that does). Not guaranteed but for that chance: that nothing is
 * missed. The chance is over the draws, for data that were made without knowing them; the table is fixed, so the same input always
 * gives the same codes.
 *
 * A few columns far larger than the rest (residual streams have such) would make the steps coarse: they are left out of the bytes
 * and multiplied in float32. */
#include "tensor/cpu/screen.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "base/random.h"
#include "tensor/cpu/scratch.h"

static const float NOISE = 4.02F; /* a little over 4: draws have 24 bits, and so have v / s + u */
static const float OUTLIER = 4;   /* times the median of the columns' largest sizes */
static const float STEP_LEAST = 1e-12F, STEP_MOST = 1e12F; /* products of two steps stay normal numbers */

enum { K_LEAST = 256, K_MOST = 16384, LINE = 16 };

bool screen_wanted(const struct exec *ex, const struct product *p, const struct encode_spec *spec)
{
    bool cuts =
        spec->kind == SELECT_THRESHOLD || spec->kind == SELECT_TOPK || spec->kind == SELECT_BATCH_TOPK;
    return cuts && ex->kernels->gemm_bytes && ex->kernels->screen && !ex->unscreened && !ex->bf16_products &&
           p->n >= SCREEN_ROWS_LEAST && p->k >= K_LEAST && p->k <= K_MOST;
}

static size_t lines(int64_t n_floats)
{
    return (size_t)(n_floats + LINE - 1) / LINE * LINE;
}

/* The next n floats of scratch. */
static float *carve(float **at, int64_t n)
{
    float *p = *at;
    *at += lines(n);
    return p;
}

static void make_dither(float *u, int64_t k, uint64_t which)
{
    for (int64_t j = 0; j < k; j += 4) {
        uint32_t words[4];
        random_block(words, which, RANDOM_DITHER, (uint64_t)(j / 4));
        for (int64_t i = 0; i < 4 && j + i < k; i++) u[j + i] = (float)(words[i] >> 8) * 0x1p-24F;
    }
}

/* ---- rows ---- */

struct rows_job {
    struct exec *ex;
    struct screen *s;
    float *widest; /* [k] */
    atomic_bool unfit;
};

static const float *row_of(const struct screen *s, int64_t i)
{
    return s->p->x + (s->row0 + i) * s->p->ld_x;
}

static void widest_columns(void *payload, int64_t begin, int64_t end, int worker)
{
    struct rows_job *j = payload;
    (void)worker;
    memset(j->widest + begin, 0, (size_t)(end - begin) * sizeof(float));
    for (int64_t i = 0; i < j->s->n_rows; i++)
        j->ex->kernels->widest(j->widest + begin, row_of(j->s, i) + begin, end - begin);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The columns whose largest entry is far above the median of those, at most SCREEN_OUTLIERS of them, largest first out. */
static void choose_outliers(struct screen *s, const float *widest, float *sorted)
{
    memcpy(sorted, widest, (size_t)s->k * sizeof *sorted);
    qsort(sorted, (size_t)s->k, sizeof *sorted, by_size);
    float cut = fmaxf(OUTLIER * sorted[s->k / 2], sorted[s->k - 1 - SCREEN_OUTLIERS]);
    s->n_outliers = 0;
    for (int64_t c = 0; c < s->k && s->n_outliers < SCREEN_OUTLIERS; c++)
        if (widest[c] > cut) s->columns[s->n_outliers++] = (int32_t)c;
}

/* The step of a vector; 0 for zeroes. False when bytes cannot stand for it. */
static bool step_of(const struct kernels *t, const float *v, int64_t k, double squares, float *step)
{
    float size[LINE] = { 0 }, most = 0;
    int64_t i = 0;
    for (; i + LINE <= k; i += LINE) t->widest(size, v + i, LINE);
    t->widest(size, v + i, k - i);
    for (int c = 0; c < LINE; c++) most = fmaxf(most, size[c]);
    *step = most / 126.5F; /* so that no sum with dither leaves -127 .. 127 */
    return most == 0 ? squares == 0 : isfinite(squares) && *step >= STEP_LEAST && *step <= STEP_MOST;
}

static float square_in_steps(double length, float step, double more)
{
    double v = step > 0 ? (double)NOISE * (length / (double)step + more) : 0;
    return (float)(v * v);
}

static bool convert_row(const struct kernels *t, struct screen *s, int64_t i, float *row)
{
    memcpy(row, row_of(s, i), (size_t)s->k * sizeof *row);
    double whole = t->sum_squares(row, 0, s->k);
    for (int c = 0; c < s->n_outliers; c++) {
        s->outliers[i * s->n_outliers + c] = row[s->columns[c]];
        row[s->columns[c]] = 0;
    }
    double squares = s->n_outliers ? t->sum_squares(row, 0, s->k) : whole;
    if (!isfinite(whole) || !step_of(t, row, s->k, squares, &s->step[i])) return false;
    s->noise[i] = square_in_steps(sqrt(squares), s->step[i], 0);
    s->slack[i] = (float)(sqrt(whole) * ((double)s->k / 16 + 80) * 0x1p-24);
    uint8_t *q = s->q + i * s->k;
    t->quantise((int8_t *)q, row, s->dither_x, s->step[i] > 0 ? 1 / s->step[i] : 0, s->k);
    for (int64_t l = 0; l < s->k; l++) q[l] ^= 0x80;
    return true;
}

static hooke_status convert_rows(void *payload, int64_t begin, int64_t end, int worker)
{
    struct rows_job *j = payload;
    float *row;
    RETURN_IF_ERROR(scratch_take(j->ex, &row, worker, (size_t)j->s->k));
    for (int64_t i = begin; i < end; i++)
        if (!convert_row(j->ex->kernels, j->s, i, row))
            atomic_store_explicit(&j->unfit, true, memory_order_relaxed);
    return HOOKE_OK;
}

hooke_status screen_begin(struct exec *ex, struct screen *s, const struct product *p, int64_t row0,
                          int64_t n_rows, bool *fits)
{
    int64_t k = p->k;
    float *at;
    size_t floats =
        4 * lines(k) + 3 * lines(n_rows) + lines(n_rows * SCREEN_OUTLIERS) + lines(n_rows * k / 4 + 1);
    RETURN_IF_ERROR(scratch_take_shared(ex, &at, floats));
    float *dither_x = carve(&at, k), *dither_w = carve(&at, k), *widest = carve(&at, k),
          *sorted = carve(&at, k);
    struct screen made = {
        .p = p, .row0 = row0, .n_rows = n_rows, .k = k, .dither_x = dither_x, .dither_w = dither_w
    };
    made.step = carve(&at, n_rows);
    made.noise = carve(&at, n_rows);
    made.slack = carve(&at, n_rows);
    made.outliers = carve(&at, n_rows * SCREEN_OUTLIERS);
    made.q = (void *)at;
    *s = made;
    make_dither(dither_x, k, 1);
    make_dither(dither_w, k, 2);
    struct rows_job job = { .ex = ex, .s = s, .widest = widest };
    parallel_for(ex->n_threads, k, 256, widest_columns, &job);
    choose_outliers(s, widest, sorted);
    RETURN_IF_ERROR(parallel_try(ex->n_threads, n_rows, 16, convert_rows, &job));
    *fits = !atomic_load(&job.unfit);
    return HOOKE_OK;
}

/* ---- weights of a tile ---- */

static int64_t room_floats(const struct screen *s)
{
    return s->p->w->in_first ? LINE * (SCREEN_TILE + LINE) : s->k;
}

size_t screen_scratch(const struct screen *s)
{
    int64_t tile = SCREEN_TILE, transposed = s->p->w->in_first ? tile * s->k : 0;
    return 4 * lines(tile) + lines(tile * SCREEN_OUTLIERS) + 2 * lines(SCREEN_ROWS * tile) +
           lines(tile * s->k / 4 + 1) + lines(room_floats(s)) + lines(transposed);
}

/* out[n, k] from weights [k, n], sixteen rows of them at a time. */
static void transpose(const struct screen *s, struct screen_weights *w, float *out)
{
    const struct mat *m = &s->p->w->m;
    int64_t ld = w->n + LINE; /* not a power of two: columns fall into different cache sets */
    for (int64_t l = 0; l < s->k; l += LINE) {
        int64_t depth = s->k - l < LINE ? s->k - l : LINE;
        for (int64_t i = 0; i < depth; i++) {
            size_t at = (size_t)((l + i) * m->ld + w->first) * dtype_bytes(m->dtype);
            s->p->kernels->widen(w->room + i * ld, (const char *)m->data + at, m->dtype, w->n);
        }
        for (int64_t f = 0; f < w->n; f++)
            for (int64_t i = 0; i < depth; i++) out[f * s->k + l + i] = w->room[i * ld + f];
    }
    w->rows = (struct lying){ out, DT_F32, s->k };
}

/* Weights of feature f of the tile as float32: where they lie, or in w->room. */
static const float *feature_row(const struct screen *s, const struct screen_weights *w, int64_t f)
{
    const char *from = (const char *)w->rows.data + (size_t)(f * w->rows.ld) * dtype_bytes(w->rows.dtype);
    if (w->rows.dtype == DT_F32) return (const float *)(const void *)from;
    s->p->kernels->widen(w->room, from, w->rows.dtype, s->k);
    return w->room;
}

static bool convert_feature(const struct screen *s, struct screen_weights *w, int64_t f)
{
    const struct kernels *t = s->p->kernels;
    const float *row = feature_row(s, w, f);
    double squares = t->sum_squares(row, 0, s->k), length = sqrt(squares);
    if (!step_of(t, row, s->k, squares, &w->step[f])) return false;
    w->length[f] = (float)length;
    w->noise[f] = square_in_steps(length, w->step[f], sqrt((double)s->k));
    float per_step = w->step[f] > 0 ? 1 / w->step[f] : 0;
    w->offset[f] = 128 * (int32_t)t->quantise(w->q + f * s->k, row, s->dither_w, per_step, s->k);
    for (int c = 0; c < s->n_outliers; c++) w->outliers[f * s->n_outliers + c] = row[s->columns[c]];
    return true;
}

/* Vectors of other kinds may be set: they don't count. */
static const float *threshold_of(const struct encode_spec *spec)
{
    return spec->kind == SELECT_THRESHOLD ? spec->threshold : NULL;
}

static const float *scale_of(const struct encode_spec *spec)
{
    return spec->kind == SELECT_THRESHOLD ? NULL : spec->row_scale;
}

/* A bound from above stays one when it is multiplied by what is not negative. */
static bool keeps_order(const struct encode_spec *spec, int64_t first, int64_t n)
{
    const float *scale = scale_of(spec);
    for (int64_t f = first; f < first + n && scale; f++)
        if (scale[f] < 0) return false;
    return true;
}

bool screen_convert(const struct screen *s, struct screen_weights *w, const struct encode_spec *spec,
                    float *scratch, int64_t first, int64_t n)
{
    const struct weight *from = s->p->w;
    if (!keeps_order(spec, first, n)) return false;
    w->first = first;
    w->n = n;
    w->step = carve(&scratch, SCREEN_TILE);
    w->noise = carve(&scratch, SCREEN_TILE);
    w->length = carve(&scratch, SCREEN_TILE);
    w->offset = (void *)carve(&scratch, SCREEN_TILE);
    w->outliers = carve(&scratch, SCREEN_TILE * SCREEN_OUTLIERS);
    w->acc = (void *)carve(&scratch, SCREEN_ROWS * SCREEN_TILE);
    w->extra = carve(&scratch, SCREEN_ROWS * SCREEN_TILE);
    w->q = (void *)carve(&scratch, SCREEN_TILE * s->k / 4 + 1);
    w->room = carve(&scratch, room_floats(s));
    size_t at = from->in_first ? 0 : (size_t)(first * from->m.ld) * dtype_bytes(from->m.dtype);
    w->rows = (struct lying){ (const char *)from->m.data + at, from->m.dtype, from->m.ld };
    if (from->in_first) transpose(s, w, scratch);
    for (int64_t f = 0; f < n; f++)
        if (!convert_feature(s, w, f)) return false;
    return true;
}

hooke_status screen_product(const struct screen *s, const struct screen_weights *w, int64_t from, int64_t n)
{
    const struct kernels *t = s->p->kernels;
    RETURN_IF_ERROR(t->gemm_bytes(w->acc, s->q + from * s->k, w->q, n, w->n, s->k));
    if (!s->n_outliers) return HOOKE_OK;
    return t->gemm(w->extra, w->n, s->outliers + from * s->n_outliers, s->n_outliers, w->outliers,
                   s->n_outliers, false, n, w->n, s->n_outliers, false);
}

static const float *of_tile(const float *v, const struct screen_weights *w)
{
    return v ? v + w->first : NULL;
}

int64_t screen_row(const struct screen *s, const struct screen_weights *w, const struct encode_spec *spec,
                   float cut, int64_t from, int64_t i, int32_t *index)
{
    int64_t at = from + i;
    struct screened_row row = { s->step[at], s->noise[at], s->slack[at], cut,
                                s->n_outliers ? w->extra + i * w->n : NULL };
    struct screened_tile tile = { w->step,
                                  w->noise,
                                  w->length,
                                  w->offset,
                                  of_tile(spec->w.bias, w),
                                  of_tile(scale_of(spec), w),
                                  of_tile(threshold_of(spec), w) };
    return s->p->kernels->screen(index, w->acc + i * w->n, &row, &tile, w->n);
}
