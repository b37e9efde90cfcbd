/* core_tokens.c: which tokens the core evaluation reads, and which of them count. */
#include "eval/core.h"

#include "base/mem.h"
#include "file/json.h"
#include "tensor/context.h"

enum { DEFAULT_CONTEXT = 128, MAX_CONTEXT = 1 << 20 };
static const size_t MAX_IDS_BYTES = (size_t)1 << 30;

struct core_special core_special_of(const hooke_tokenizer *tk)
{
    struct core_special s = { -1, -1, -1 };
    if (!tk) return s;
    s.eos = hooke_tokenizer_eos(tk);
    s.pad = hooke_tokenizer_pad(tk) >= 0 ? hooke_tokenizer_pad(tk) : s.eos;
    s.bos = hooke_tokenizer_bos(tk) >= 0 ? hooke_tokenizer_bos(tk) : s.eos;
    return s;
}

void core_mask(uint8_t *keep, const int32_t *ids, int64_t n, const struct core_special *special)
{
    for (int64_t i = 0; i < n; i++)
        keep[i] = ids[i] != special->pad && ids[i] != special->eos && ids[i] != special->bos;
}

void core_kept_rows(int64_t *rows, int32_t *next, int64_t *n, const int32_t *ids, const uint8_t *keep,
                    int64_t n_contexts, int64_t n_ctx)
{
    *n = 0;
    for (int64_t i = 0; i < n_contexts * n_ctx; i++) {
        if (!keep[i]) continue;
        rows[*n] = i;
        next[*n] = i % n_ctx == n_ctx - 1 ? -1 : ids[i + 1];
        (*n)++;
    }
}

/* ---- ids files: a JSON array of contexts, each an array of ids ---- */

static hooke_status read_context(struct core_stream *s, const struct json *context, int64_t row,
                                 const char *path)
{
    int64_t at = 0;
    RETURN_IF(context->kind != JSON_ARRAY, HOOKE_E_FORMAT, "%s: context %lld is not an array of ids", path,
              (long long)row);
    RETURN_IF(context->as.list.n < (size_t)s->n_ctx, HOOKE_E_SHAPE,
              "%s: context %lld has %zu ids, needed are %d", path, (long long)row, context->as.list.n,
              s->n_ctx);
    for (const struct json *id = context->as.list.first; id && at < s->n_ctx; id = id->next, at++) {
        bool good = id->kind == JSON_INT && id->as.integer >= 0 && id->as.integer < s->d_vocab;
        RETURN_IF(!good, HOOKE_E_FORMAT, "%s: context %lld, position %lld: not an id of a vocabulary of %d",
                  path, (long long)row, (long long)at, s->d_vocab);
        s->ids[row * s->n_ctx + at] = (int32_t)id->as.integer;
    }
    return HOOKE_OK;
}

static hooke_status read_contexts(struct core_stream *s, const struct json *root, const char *path)
{
    bool good = root->kind == JSON_ARRAY && root->as.list.n > 0;
    RETURN_IF(!good, HOOKE_E_FORMAT, "%s: expected an array of contexts of token ids", path);
    const struct json *first = root->as.list.first;
    if (s->n_ctx == 0 && first->kind == JSON_ARRAY && first->as.list.n <= MAX_CONTEXT)
        s->n_ctx = (int)first->as.list.n;
    RETURN_IF(s->n_ctx < 1, HOOKE_E_FORMAT, "%s: the first context is not an array of 1 to %d ids", path,
              MAX_CONTEXT);
    s->n_stored = (int64_t)root->as.list.n;
    RETURN_IF_ERROR(mem_take((void **)&s->ids, (size_t)s->n_stored * (size_t)s->n_ctx, sizeof *s->ids,
                             "contexts of ids"));
    int64_t row = 0;
    for (const struct json *context = first; context; context = context->next, row++)
        RETURN_IF_ERROR(read_context(s, context, row, path));
    return HOOKE_OK;
}

static hooke_status read_ids_file(struct core_stream *s, const char *path)
{
    struct arena arena = { 0 };
    const struct json *root = NULL;
    hooke_status st = json_read(&root, &arena, path, MAX_IDS_BYTES, 0);
    if (st == HOOKE_OK) st = read_contexts(s, root, path);
    arena_release(&arena);
    return st;
}

/* ---- texts ---- */

static hooke_status start_text(struct core_stream *s)
{
    hooke_packer_close(s->packer);
    hooke_docs_close(s->docs);
    s->packer = NULL;
    s->docs = NULL;
    s->n_fresh = 0;
    const hooke_rows_options rows = { .size = sizeof rows,
                                      .columns = &s->column,
                                      .n_columns = s->column ? 1 : 0,
                                      .split = s->split,
                                      .config = s->subset };
    RETURN_IF_ERROR(hooke_docs_open(&s->docs, s->dataset, &rows));
    /* SAEBench's core reads through SAELens' ActivationsStore. */
    hooke_pack_options o = {
        .size = sizeof o, .packing = "saelens", .n_ctx = s->n_ctx, .no_bos = !s->prepend_bos
    };
    return hooke_packer_open(&s->packer, s->tk, s->docs, &o);
}

static hooke_status next_of_text(struct core_stream *s, int32_t *ids)
{
    bool got = false;
    RETURN_IF_ERROR(hooke_packer_next(s->packer, ids, &got));
    if (got) {
        s->n_fresh++;
        return HOOKE_OK;
    }
    RETURN_IF(s->n_fresh == 0, HOOKE_E_SHAPE,
              "%s: the text does not fill one context of %d tokens; give more text or a smaller context",
              s->dataset, s->n_ctx);
    context_log(s->ctx, 0, "%s: the text ends after %lld contexts and is read again", s->dataset,
                (long long)s->n_contexts);
    RETURN_IF_ERROR(start_text(s));
    return next_of_text(s, ids);
}

hooke_status core_stream_open(struct core_stream *out, const hooke_context *ctx, const hooke_tokenizer *tk,
                              const hooke_core_options *options, bool prepend_bos, int d_vocab)
{
    *out = (struct core_stream){ .ctx = ctx,
                                 .tk = tk,
                                 .dataset = options->dataset,
                                 .column = options->column,
                                 .split = options->split,
                                 .subset = options->subset,
                                 .n_ctx = options->context_size,
                                 .d_vocab = d_vocab,
                                 .prepend_bos = prepend_bos };
    hooke_status st;
    bool bad_length = options->context_size < 0 || options->context_size > MAX_CONTEXT;
    RETURN_IF(bad_length, HOOKE_E_ARGUMENT, "context size %d: expected 1 to %d", options->context_size,
              MAX_CONTEXT);
    if (options->ids_file) {
        st = read_ids_file(out, options->ids_file);
    } else {
        RETURN_IF(!options->dataset, HOOKE_E_ARGUMENT,
                  "the core evaluation reads a text or an ids file; neither was given");
        RETURN_IF(!tk, HOOKE_E_NOT_FOUND,
                  "the model's folder has no tokenizer to read %s with; give an ids file", options->dataset);
        if (out->n_ctx == 0) out->n_ctx = DEFAULT_CONTEXT;
        st = start_text(out);
    }
    if (st != HOOKE_OK) core_stream_close(out);
    return st;
}

hooke_status core_stream_next(struct core_stream *s, int32_t *ids, int64_t n_contexts)
{
    for (int64_t i = 0; i < n_contexts; i++) {
        int32_t *to = ids + i * s->n_ctx;
        if (s->ids) {
            const int32_t *from = s->ids + s->n_contexts % s->n_stored * s->n_ctx;
            for (int k = 0; k < s->n_ctx; k++) to[k] = from[k];
        } else {
            RETURN_IF_ERROR(next_of_text(s, to));
        }
        s->n_contexts++;
    }
    return HOOKE_OK;
}

void core_stream_close(struct core_stream *s)
{
    hooke_packer_close(s->packer);
    hooke_docs_close(s->docs);
    mem_free(s->ids);
    s->packer = NULL;
    s->docs = NULL;
    s->ids = NULL;
}
