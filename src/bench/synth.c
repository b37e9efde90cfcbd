/* synth.c: random-weight models and dictionaries of published shapes, written in their published layout.
 *
 * Weights are made chunk by chunk (synth_fill.c) and appended to the file, so memory does not depend on the size of the model. A
 * model above SHARD_BYTES is written as several files behind an index, as its publisher did. */
#include "bench/synth.h"

#include <string.h>

#include "tensor/context.h"

static const int64_t SHARD_BYTES = 5000000000; /* transformers' default, 5 GB */
enum { CHUNK_ITEMS = 128 * SYNTH_BLOCK };      /* 8 Mi items: 32 MiB of float32 */

/* Where chunks go: one of the two writers. */
struct sink {
    struct safetensors_writer *st;
    struct npz_stream *npz;
};

struct synth_run {
    hooke_context *ctx;
    const struct synth_plan *plan;
    uint64_t seed;
    void *chunk;         /* [CHUNK_ITEMS] of up to 4 bytes */
    int64_t done, total; /* bytes */
};

static hooke_status sink_append(const struct sink *to, const void *data, size_t n)
{
    return to->st ? st_writer_append(to->st, data, n) : npz_stream_append(to->npz, data, n);
}

static hooke_status write_tensor(struct synth_run *run, const struct sink *to, int index)
{
    const struct synth_tensor *t = &run->plan->tensors[index];
    int64_t n_items = synth_tensor_items(t);
    int64_t item_bytes = (int64_t)dtype_bytes(t->dtype);
    if (to->npz) RETURN_IF_ERROR(npz_stream_member(to->npz, t));
    for (int64_t first = 0; first < n_items; first += CHUNK_ITEMS) {
        int64_t n = n_items - first < CHUNK_ITEMS ? n_items - first : CHUNK_ITEMS;
        synth_fill(run->chunk, t, first, n, run->seed, index, run->ctx->exec.n_threads);
        RETURN_IF_ERROR(sink_append(to, run->chunk, (size_t)(n * item_bytes)));
        run->done += n * item_bytes;
        RETURN_IF_ERROR(context_progress(run->ctx, "synth", run->done, run->total));
    }
    return HOOKE_OK;
}

/* Tensors first .. end of the plan as one safetensors file. */
static hooke_status write_safetensors(struct synth_run *run, const char *path, int first, int end)
{
    static const char *const metadata[] = { "format", "pt", NULL };
    struct safetensors_writer w = { 0 };
    struct sink to = { .st = &w };
    hooke_tensor_out *declared = mem_alloc((size_t)(end - first), sizeof *declared);
    RETURN_IF(!declared, HOOKE_E_MEMORY, "%s: no memory for %d tensor headers", path, end - first);
    for (int i = first; i < end; i++) {
        const struct synth_tensor *t = &run->plan->tensors[i];
        declared[i - first] = (hooke_tensor_out){ .name = t->name,
                                                  .dtype = dtype_name(t->dtype),
                                                  .n_dims = t->n_dims,
                                                  .shape = { t->shape[0], t->shape[1] } };
    }
    hooke_status st = st_writer_begin(&w, path, declared, end - first, metadata);
    for (int i = first; i < end && st == HOOKE_OK; i++) st = write_tensor(run, &to, i);
    if (st == HOOKE_OK)
        st = st_writer_commit(&w);
    else
        st_writer_abandon(&w);
    mem_free(declared);
    return st;
}

/* End of the shard that starts at tensor `first`: as many tensors as fit, at least one. */
static int shard_end(const struct synth_plan *plan, int first)
{
    int64_t bytes = synth_tensor_bytes(&plan->tensors[first]);
    int i = first + 1;
    for (; i < plan->n; i++) {
        bytes += synth_tensor_bytes(&plan->tensors[i]);
        if (bytes > SHARD_BYTES) break;
    }
    return i;
}

static hooke_status shard_name(hooke_text *out, int shard, int n_shards)
{
    text_clear(out);
    return text_printf(out, "model-%05d-of-%05d.safetensors", shard + 1, n_shards);
}

static hooke_status index_json(hooke_text *out, const struct synth_run *run, int n_shards)
{
    hooke_text name = { 0 };
    hooke_status st = text_printf(out, "{\n  \"metadata\": {\"total_size\": %lld},\n  \"weight_map\": {",
                                  (long long)run->total);
    for (int shard = 0, first = 0; first < run->plan->n && st == HOOKE_OK; shard++) {
        int end = shard_end(run->plan, first);
        st = shard_name(&name, shard, n_shards);
        for (int i = first; i < end && st == HOOKE_OK; i++)
            st = text_printf(out, "%s\n    \"%s\": \"%s\"", i ? "," : "", run->plan->tensors[i].name,
                             name.data);
        first = end;
    }
    hooke_text_release(&name);
    return st == HOOKE_OK ? text_puts(out, "\n  }\n}\n") : st;
}

static hooke_status write_text(const char *dir, const char *name, const hooke_text *text)
{
    hooke_text path = { 0 };
    hooke_status st = path_join(&path, dir, name);
    if (st == HOOKE_OK) st = hooke_write_file(path.data, text->data, text->n);
    hooke_text_release(&path);
    return st;
}

static hooke_status write_shards(struct synth_run *run, const char *dir)
{
    hooke_text name = { 0 }, path = { 0 }, index = { 0 };
    int n_shards = 0;
    hooke_status st = HOOKE_OK;
    for (int first = 0; first < run->plan->n; first = shard_end(run->plan, first)) n_shards++;
    for (int shard = 0, first = 0; first < run->plan->n && st == HOOKE_OK; shard++) {
        int end = shard_end(run->plan, first);
        st = shard_name(&name, shard, n_shards);
        if (st == HOOKE_OK) st = path_join(&path, dir, name.data);
        if (st == HOOKE_OK) st = write_safetensors(run, path.data, first, end);
        first = end;
    }
    if (st == HOOKE_OK) st = index_json(&index, run, n_shards);
    if (st == HOOKE_OK) st = write_text(dir, "model.safetensors.index.json", &index);
    hooke_text_release(&name);
    hooke_text_release(&path);
    hooke_text_release(&index);
    return st;
}

static hooke_status write_one_file(struct synth_run *run, const char *dir, const char *name)
{
    hooke_text path = { 0 };
    hooke_status st = path_join(&path, dir, name);
    if (st == HOOKE_OK) st = write_safetensors(run, path.data, 0, run->plan->n);
    hooke_text_release(&path);
    return st;
}

static hooke_status write_npz(struct synth_run *run, const char *dir)
{
    hooke_text path = { 0 };
    struct npz_stream z = { 0 };
    struct sink to = { .npz = &z };
    hooke_status st = path_join(&path, dir, "params.npz");
    if (st == HOOKE_OK) st = npz_stream_begin(&z, path.data);
    for (int i = 0; i < run->plan->n && st == HOOKE_OK; i++) st = write_tensor(run, &to, i);
    if (st == HOOKE_OK)
        st = npz_stream_commit(&z);
    else
        npz_stream_abandon(&z);
    hooke_text_release(&path);
    return st;
}

/* The configuration is written last: a folder without one is not taken for a model. */
static hooke_status write_model(struct synth_run *run, const char *dir, const struct model_shape *s)
{
    hooke_text config = { 0 };
    hooke_status st = synth_config_model(&config, s);
    if (st == HOOKE_OK)
        st =
            run->total > SHARD_BYTES ? write_shards(run, dir) : write_one_file(run, dir, "model.safetensors");
    if (st == HOOKE_OK) st = write_text(dir, "config.json", &config);
    hooke_text_release(&config);
    return st;
}

static hooke_status write_dict(struct synth_run *run, const char *dir, const struct dict_shape *s)
{
    if (s->layout == LAYOUT_GEMMA_SCOPE) return write_npz(run, dir);
    hooke_text config = { 0 };
    hooke_status st = synth_config_dict(&config, s);
    if (st == HOOKE_OK) st = write_one_file(run, dir, "sae_weights.safetensors");
    if (st == HOOKE_OK) st = write_text(dir, "cfg.json", &config);
    hooke_text_release(&config);
    return st;
}

static hooke_status write_plan(hooke_context *ctx, const char *dir, struct synth_plan *plan,
                               const struct model_shape *model, const struct dict_shape *dict, uint64_t seed,
                               int64_t *bytes)
{
    struct synth_run run = { .ctx = ctx, .plan = plan, .seed = seed };
    for (int i = 0; i < plan->n; i++) run.total += synth_tensor_bytes(&plan->tensors[i]);
    run.chunk = mem_alloc_raw(CHUNK_ITEMS, sizeof(float));
    hooke_status st =
        run.chunk ? HOOKE_OK : fail(HOOKE_E_MEMORY, "no memory for a %d MiB chunk", CHUNK_ITEMS >> 18);
    if (st == HOOKE_OK) st = make_folders(dir);
    if (st == HOOKE_OK) st = model ? write_model(&run, dir, model) : write_dict(&run, dir, dict);
    if (st == HOOKE_OK && bytes) *bytes = run.done;
    mem_free(run.chunk);
    synth_plan_release(plan);
    return st;
}

hooke_status synth_write_model(hooke_context *ctx, const char *dir, const struct model_shape *s,
                               uint64_t seed, int64_t *bytes)
{
    struct synth_plan plan;
    RETURN_IF_ERROR(synth_plan_model(&plan, s));
    return write_plan(ctx, dir, &plan, s, NULL, seed, bytes);
}

hooke_status synth_write_dict(hooke_context *ctx, const char *dir, const struct dict_shape *s, uint64_t seed,
                              int64_t *bytes)
{
    struct synth_plan plan;
    RETURN_IF_ERROR(synth_plan_dict(&plan, s));
    return write_plan(ctx, dir, &plan, NULL, s, seed, bytes);
}

/* What a folder was made of, for whoever finds it: no layout has a place for it. */
static hooke_status write_record(const char *dir, const char *shape, uint64_t seed)
{
    hooke_text text = { 0 };
    hooke_status st =
        text_printf(&text, "{\n  \"shape\": \"%s\",\n  \"seed\": %llu,\n  \"by\": \"hooke %s\"\n}\n", shape,
                    (unsigned long long)seed, hooke_version());
    if (st == HOOKE_OK) st = write_text(dir, "synth.json", &text);
    hooke_text_release(&text);
    return st;
}

hooke_status hooke_synth(hooke_context *ctx, const char *dir, const char *shape, uint64_t seed,
                         int64_t *bytes)
{
    if (bytes) *bytes = 0;
    RETURN_IF(!ctx || !dir || !shape, HOOKE_E_ARGUMENT, "hooke_synth: context, folder and shape are needed");
    const struct model_shape *model = model_shape_find(shape);
    const struct dict_shape *dict = dict_shape_find(shape);
    if (!model && !dict) return shape_unknown(shape);
    RETURN_IF_ERROR(model ? synth_write_model(ctx, dir, model, seed, bytes)
                          : synth_write_dict(ctx, dir, dict, seed, bytes));
    return write_record(dir, shape, seed);
}
