/* screen.h: which features could pass their threshold or a row's cut, from 8-bit products. */
#ifndef HOOKE_TENSOR_CPU_SCREEN_H
#define HOOKE_TENSOR_CPU_SCREEN_H

#include "tensor/cpu/product.h"

enum {
    SCREEN_BLOCK = 4096,     /* rows that share one conversion of the weights */
    SCREEN_ROWS = 1024,      /* rows of one 8-bit product */
    SCREEN_TILE = 512,       /* features of one, at most */
    SCREEN_ROWS_LEAST = 128, /* fewer don't pay for the conversion */
    SCREEN_OUTLIERS = 32,
};

/* A block of rows, ready to be screened. Read by all workers. */
struct screen {
    const struct product *p;
    int64_t row0, n_rows, k;
    uint8_t *q;                       /* [n_rows, k] whole steps + 128 */
    float *step, *noise, *slack;      /* [n_rows] */
    float *outliers;                  /* [n_rows, n_outliers] x in the columns left out of q */
    const float *dither_x, *dither_w; /* [k] in [0, 1) */
    int n_outliers;
    int32_t columns[SCREEN_OUTLIERS];
};

/* The weights of one tile, in scratch. */
struct screen_weights {
    int64_t first, n;  /* features */
    struct lying rows; /* [n, k] as they lie, or float32 in scratch when they lie [k, n] */
    int8_t *q;         /* [n, k] */
    float *outliers;   /* [n, n_outliers] */
    int32_t *acc;      /* [SCREEN_ROWS, n] */
    float *extra;      /* [SCREEN_ROWS, n] */
    float *room;       /* [k] or, for weights [k, n], [16, n + 16] */
    float *step, *noise, *length;
    int32_t *offset;
};

/* Whether this encode may be screened at all. */
bool screen_wanted(const struct exec *ex, const struct product *p, const struct encode_spec *spec);
/* *fits false: rows that bytes cannot stand for (NaN, infinity, extreme sizes); use the ordinary product. */
hooke_status screen_begin(struct exec *ex, struct screen *s, const struct product *p, int64_t row0,
                          int64_t n_rows, bool *fits);
size_t screen_scratch(const struct screen *s);
/* Converts features first.. (at most SCREEN_TILE); false when they cannot be screened: weights that bytes cannot stand for. */
bool screen_convert(const struct screen *s, struct screen_weights *w, const struct encode_spec *spec,
                    float *scratch, int64_t first, int64_t n);
/* 8-bit products of rows from.. of the block (at most SCREEN_ROWS) with the tile. */
hooke_status screen_product(const struct screen *s, const struct screen_weights *w, int64_t from, int64_t n);
/* Features of the tile whose value could exceed the cut, and their thresholds, in row `from + i` of the block; room for w->n
 * at index. */
int64_t screen_row(const struct screen *s, const struct screen_weights *w, const struct encode_spec *spec,
                   float cut, int64_t from, int64_t i, int32_t *index);

#endif
