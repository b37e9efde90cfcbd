/* bench.h: measuring. What is compared is measured in turns (A B A B ...), after one run of each that does not count, and medians
 * are taken: a machine that slows down slows both sides. */
#ifndef HOOKE_BENCH_BENCH_H
#define HOOKE_BENCH_BENCH_H

#include "bench/synth.h"
#include "tensor/context.h"

/* What the rows are of, noted by whoever opens it; strings live as long as what they were taken from. */
struct bench_subject {
    const hooke_name_info *model, *dict;
    const char *synth;
};

struct bench {
    hooke_context *ctx;
    hooke_bench_options options; /* defaults filled in */
    struct bench_subject *subject;
    hooke_bench_fn on_row;
    void *payload;
};

/* One side of a comparison. */
struct bench_side {
    hooke_status (*run)(void *job);
    void *job;
    double median, fastest, slowest; /* seconds of one run */
};
hooke_status bench_turns(const struct bench *b, struct bench_side *sides, int n_sides);

/* Reports a row; seconds come from `side`, the rest of *row from the caller. */
void bench_report(const struct bench *b, hooke_bench_row *row, const char *name, const char *shape,
                  const char *dtype, const struct bench_side *side);

/* The machine's ceilings as sides of a comparison. The product is the matrix library's alone: every thread multiplies large
 * float32 matrices that stay where they are. The read runs through more memory than the caches hold. */
struct bench_product {
    const struct bench *b;
    float *a, *w, *c; /* per thread [512, 1024], [1024, 1024], [512, 1024] */
    double operations;
};
hooke_status bench_product_open(struct bench_product *out, const struct bench *b);
void bench_product_close(struct bench_product *p);
hooke_status bench_product_run(void *job);

struct bench_read {
    const struct bench *b;
    uint64_t *data; /* [bytes / 8] */
    int64_t bytes;
    uint64_t *sums; /* one a chunk: keeps the loop alive */
};
hooke_status bench_read_open(struct bench_read *out, const struct bench *b);
void bench_read_close(struct bench_read *r);
hooke_status bench_read_run(void *job);

/* A folder under TMPDIR that goes away with everything in it. Files that are mapped stay readable after that. */
hooke_status bench_folder_create(hooke_text *path);
void bench_folder_remove(hooke_text *path);

hooke_status bench_ceiling(const struct bench *b);
hooke_status bench_prefill(const struct bench *b);
hooke_status bench_generate(const struct bench *b);
hooke_status bench_encode(const struct bench *b);
hooke_status bench_decode(const struct bench *b);

#endif
