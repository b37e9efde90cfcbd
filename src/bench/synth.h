/* synth.h: what a synthesized model or dictionary consists of. */
#ifndef HOOKE_BENCH_SYNTH_H
#define HOOKE_BENCH_SYNTH_H

#include "bench/shapes.h"

/* One tensor of random weights: items are mean + std * (a standard normal draw). */
struct synth_tensor {
    const char *name;
    enum dtype dtype; /* DT_F32, DT_F16 or DT_BF16 */
    int n_dims;
    int64_t shape[2];
    double mean, std;
};

struct synth_plan {
    struct arena arena;
    struct synth_tensor *tensors;
    int n;
};

/* hooke_synth() for shapes outside the table, too. */
hooke_status synth_write_model(hooke_context *ctx, const char *dir, const struct model_shape *s,
                               uint64_t seed, int64_t *bytes);
hooke_status synth_write_dict(hooke_context *ctx, const char *dir, const struct dict_shape *s, uint64_t seed,
                              int64_t *bytes);

void synth_plan_release(struct synth_plan *p);
/* The tensors of a model in its published names and order. */
hooke_status synth_plan_model(struct synth_plan *out, const struct model_shape *s);
hooke_status synth_plan_dict(struct synth_plan *out, const struct dict_shape *s);
/* config.json of a model; cfg.json of a SAELens dictionary. */
hooke_status synth_config_model(hooke_text *out, const struct model_shape *s);
hooke_status synth_config_dict(hooke_text *out, const struct dict_shape *s);
/* The z with P(normal > z) = p, 0 < p < 1. */
double normal_upper_quantile(double p);

int64_t synth_tensor_items(const struct synth_tensor *t);
int64_t synth_tensor_bytes(const struct synth_tensor *t);
/* Items first .. first + n of tensor number `index` of a plan; first is a multiple of SYNTH_BLOCK. Spread over threads; a
 * function of (seed, index, position) alone. */
enum { SYNTH_BLOCK = 1 << 16 };
void synth_fill(void *out, const struct synth_tensor *t, int64_t first, int64_t n, uint64_t seed, int index,
                int n_threads);

/* A stored .npz written member by member. Sizes are known beforehand, checksums only afterwards: they are put into the member's
 * header when it is complete. */
struct npz_stream_member {
    const char *name;
    uint64_t offset, bytes; /* of the local header; of the member (npy header and data) */
    uint32_t crc;
};
struct npz_stream {
    struct new_file file;
    struct npz_stream_member members[8];
    int n;
};
hooke_status npz_stream_begin(struct npz_stream *z, const char *path);
hooke_status npz_stream_member(struct npz_stream *z, const struct synth_tensor *t);
hooke_status npz_stream_append(struct npz_stream *z, const void *data, size_t n);
hooke_status npz_stream_commit(struct npz_stream *z);
void npz_stream_abandon(struct npz_stream *z);

#endif
