/* pack_rows.c: contexts of ids that a data set brings: SAELens' pretokenised sets, a list of ids a row, with the file sae_lens.json
 * beside them (spec: dictionaries 4.1, 4.5). Each row gives its first n_ctx ids; nothing is added or joined. */
#include "text/packer.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/bytes.h"
#include "text/rows.h"

enum { METADATA_MAX_BYTES = 1 << 20 };

static hooke_status fill_rows(struct hooke_packer *p)
{
    bool got;
    p->context.n = 0;
    RETURN_IF_ERROR(hooke_rows_next(p->rows, &got));
    p->is_done = !got;
    if (!got) return HOOKE_OK;
    const hooke_value *v = hooke_rows_value(p->rows, 0);
    const char *place = hooke_rows_place(p->rows);
    RETURN_IF(v->kind != HOOKE_VALUE_LIST, HOOKE_E_FORMAT, "%s: expected a list of token ids", place);
    RETURN_IF(v->n_items < p->n_ctx, HOOKE_E_SHAPE,
              "%s: %zu ids, and a context takes %zu; use a smaller context", place, v->n_items, p->n_ctx);
    for (size_t i = 0; i < p->n_ctx; i++) {
        const hooke_value *id = &v->items[i];
        RETURN_IF(id->kind != HOOKE_VALUE_INT || id->integer < 0 || id->integer >= p->tk->vocab.n_ids,
                  HOOKE_E_FORMAT,
                  "%s: id %zu is not one of the tokenizer's %d (%lld): the rows are of another tokenizer",
                  place, i, (int)p->tk->vocab.n_ids,
                  id->kind == HOOKE_VALUE_INT ? (long long)id->integer : -1LL);
        RETURN_IF_ERROR(ids_push(&p->context, (int32_t)id->integer));
    }
    return pack_queue(p, p->context.data, p->n_ctx);
}

static const struct pack_rule of_rows = { "pretokenized", "ids as a data set brings them", fill_rows, 0, 0 };

/* What sae_lens.json says of a folder of rows; none is fine. */
static hooke_status check_metadata(const char *path, size_t n_ctx)
{
    struct stat s;
    struct arena a = { 0 };
    const struct json *o = NULL;
    hooke_text file = { 0 };
    int64_t context_size = 0;
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode)) return HOOKE_OK;
    hooke_status st = path_join(&file, path, "sae_lens.json");
    if (st == HOOKE_OK && access(file.data, F_OK) == 0) {
        st = json_read(&o, &a, file.data, METADATA_MAX_BYTES, 0);
        if (st == HOOKE_OK)
            st = json_int(&context_size, o, "context_size", 1, INT32_MAX, INT32_MAX, file.data);
        if (st == HOOKE_OK && (size_t)context_size < n_ctx)
            st = fail(HOOKE_E_SHAPE, "%s: contexts of %lld tokens, %zu are wanted; use a smaller context",
                      file.data, (long long)context_size, n_ctx);
    }
    arena_release(&a);
    hooke_text_release(&file);
    return st;
}

/* The column "tokens", else "input_ids", as SAELens looks for them. JSON lines tell by their first row. */
static hooke_status open_rows(hooke_rows **out, const char *path, const hooke_rows_options *options)
{
    hooke_rows_options o;
    RETURN_IF_ERROR(rows_options_take(&o, options));
    bool is_named = o.columns && o.n_columns > 0;
    const char *names[] = { is_named ? o.columns[0] : "tokens", "input_ids" };
    hooke_status st = HOOKE_E_FORMAT;
    RETURN_IF(o.n_columns > 1, HOOKE_E_ARGUMENT, "%s: ids are one column, not %d", path, o.n_columns);
    for (int i = 0; i < (is_named ? 1 : 2) && st == HOOKE_E_FORMAT; i++) {
        o.columns = &names[i];
        o.n_columns = 1;
        bool got = false;
        st = hooke_rows_open(out, path, &o);
        if (st == HOOKE_OK) st = hooke_rows_next(*out, &got);
        bool has = got && hooke_rows_value(*out, 0)->kind != HOOKE_VALUE_ABSENT;
        hooke_rows_close(*out);
        *out = NULL;
        if (st == HOOKE_OK && (has || !got)) return hooke_rows_open(out, path, &o);
        if (st == HOOKE_OK) st = fail(HOOKE_E_FORMAT, "%s: no column '%s'", path, names[i]);
    }
    return st;
}

hooke_status hooke_packer_open_pretokenized(hooke_packer **out, const hooke_tokenizer *tk, const char *path,
                                            const hooke_rows_options *options, int n_ctx)
{
    void *memory;
    *out = NULL;
    RETURN_IF(n_ctx < 2, HOOKE_E_ARGUMENT, "contexts of %d tokens: at least 2 are needed", n_ctx);
    RETURN_IF_ERROR(check_metadata(path, (size_t)n_ctx));
    RETURN_IF_ERROR(mem_take(&memory, 1, sizeof **out, "packer"));
    hooke_packer *p = memory;
    *p = (hooke_packer){ .rule = &of_rows, .tk = tk, .n_ctx = (size_t)n_ctx };
    hooke_status st = open_rows(&p->rows, path, options);
    if (st == HOOKE_OK)
        *out = p;
    else
        hooke_packer_close(p);
    return st;
}
