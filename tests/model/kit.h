/* kit.h: golden models and what tests of passes share. */
#ifndef HOOKE_TESTS_MODEL_KIT_H
#define HOOKE_TESTS_MODEL_KIT_H

#include "check.h"

#include "hooke.h"

#include <math.h>

/* The folders under tests/golden/models. */
static const char *const golden_names[] = {
    "gemma2", "gpt_neox", "gemma",      "gemma3_text", "gpt_neox_sequential",
    "gpt2",   "llama",    "llama_tied", "qwen2",       "qwen3"
};
enum { N_GOLDEN = sizeof golden_names / sizeof golden_names[0] };

static inline void must(hooke_status st)
{
    if (st != HOOKE_OK) print_message("%s: %s\n", hooke_status_text(st), hooke_error());
    assert_int_equal(st, HOOKE_OK);
}

static inline hooke_context *open_context(const char *dtype)
{
    hooke_context *ctx;
    hooke_context_options o = { .size = sizeof o, .n_threads = 1, .dtype = dtype };
    must(hooke_context_open(&ctx, &o));
    return ctx;
}

static inline hooke_model *open_golden(hooke_context *ctx, const char *name)
{
    char path[256];
    hooke_model *m;
    snprintf(path, sizeof path, "tests/golden/models/%s", name);
    must(hooke_model_open(&m, ctx, path, NULL));
    return m;
}

static inline hooke_site site_of(const hooke_model *m, const char *name)
{
    hooke_site site;
    must(hooke_site_parse(m, &site, name));
    return site;
}

/* Keeps a site's rows of a whole batch, whatever the calls they come in. */
struct keep {
    float *data; /* [n_rows, n_cols] */
    int64_t n_rows, n_cols;
    int n_calls;
};

static inline hooke_status keep_tap(void *payload, const hooke_view *v)
{
    struct keep *k = payload;
    /* Scores and patterns are kept for a batch of one sequence. */
    int64_t first = v->seq >= 0 ? 0 : v->first_row, end = first + v->n_rows;
    if (end > k->n_rows) {
        k->data = realloc(k->data, (size_t)(end * v->n_cols) * sizeof(float));
        assert_non_null(k->data);
        k->n_rows = end;
    }
    k->n_cols = v->n_cols;
    k->n_calls++;
    for (int64_t r = 0; r < v->n_rows; r++)
        memcpy(k->data + (first + r) * v->n_cols, v->data + r * v->ld, (size_t)v->n_cols * sizeof(float));
    return HOOKE_OK;
}

/* Norm of the difference over the norm of b; entries that are -inf in both count as equal, in one as infinitely far. */
static inline double relative_error(const float *a, const float *b, int64_t n)
{
    double diff = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isinf(a[i]) && isinf(b[i]) && a[i] < 0 && b[i] < 0) continue;
        if (!isfinite(a[i]) || !isfinite(b[i])) return HUGE_VAL;
        diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return norm > 0 ? sqrt(diff / norm) : sqrt(diff);
}

static inline double cosine(const float *a, const float *b, int64_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* Runs one batch with one tap. */
static inline struct keep run_tapped(hooke_model *m, const hooke_batch *batch, const char *site,
                                     const hooke_hook *more, int n_more)
{
    struct keep k = { 0 };
    hooke_hook hooks[8];
    assert_true(n_more < 8);
    for (int i = 0; i < n_more; i++) hooks[i] = more[i];
    hooks[n_more] = (hooke_hook){ .site = site_of(m, site), .tap = keep_tap, .payload = &k };
    hooke_run_options o = { .size = sizeof o, .hooks = hooks, .n_hooks = n_more + 1 };
    must(hooke_model_run(m, batch, &o));
    return k;
}

/* A deterministic prompt of n ids. */
static inline void some_ids(int32_t *ids, int64_t n, int d_vocab, uint32_t seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        ids[i] = (int32_t)((seed >> 8) % (uint32_t)d_vocab);
    }
}

#endif
