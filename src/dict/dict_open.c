#include "dict/format.h"

#include <string.h>

void dict_vector_release(struct hooke_dict *d, struct dict_vector *v)
{
    if (v->on_device.data) d->ctx->exec.ops->release(&d->ctx->exec, &v->on_device);
    mem_free(v->data);
}

static void matrix_release(struct hooke_dict *d, struct dict_matrix *m)
{
    if (m->on_device.data) d->ctx->exec.ops->release(&d->ctx->exec, &m->on_device);
    mem_free(m->copy);
}

void hooke_dict_close(hooke_dict *d)
{
    if (!d) return;
    struct dict_vector *vectors[] = { &d->b_enc, &d->b_dec, &d->b_dec_in,  &d->threshold, &d->b_gate,
                                      &d->b_mag, &d->r_mag, &d->mag_scale, &d->row_scale };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) dict_vector_release(d, vectors[i]);
    dict_subset_release(d);
    matrix_release(d, &d->w_enc);
    matrix_release(d, &d->w_dec);
    matrix_release(d, &d->w_skip);
    mem_free(d->code_gain);
    mem_free(d->row_gain);
    mem_free(d->param_gain);
    safetensors_close(&d->safetensors);
    npz_close(&d->npz);
    arena_release(&d->arena);
    mem_free(d);
}

/* The last component of path, trailing slashes aside. */
static const char *last_component(struct arena *a, const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    return arena_copy(a, path + begin, end - begin);
}

static hooke_status open_resolved(struct hooke_dict *d, const hooke_text *path,
                                  const hooke_dict_options *options)
{
    const struct dict_format *format;
    d->info.path = arena_copy(&d->arena, path->data, path->n);
    RETURN_IF(!d->info.path, HOOKE_E_MEMORY, "%s: out of memory", path->data);
    RETURN_IF_ERROR(dict_format_find(&format, d->info.path));
    d->format = format->name;
    RETURN_IF_ERROR(format->open(d, d->info.path));
    if (!d->info.name) d->info.name = last_component(&d->arena, d->info.path);
    RETURN_IF(!d->info.name, HOOKE_E_MEMORY, "%s: out of memory", d->info.path);
    return dict_build(d, options);
}

hooke_status hooke_dict_open(hooke_dict **out, hooke_context *ctx, const char *what,
                             const hooke_dict_options *options)
{
    RETURN_IF(!out, HOOKE_E_ARGUMENT, "dictionary: out is NULL");
    *out = NULL;
    RETURN_IF(!ctx || !what, HOOKE_E_ARGUMENT, "dictionary: context or name is NULL");
    RETURN_IF(options && options->size && options->size < sizeof *options, HOOKE_E_ARGUMENT,
              "hooke_dict_options.size is %zu, expected %zu", options->size, sizeof *options);
    hooke_text path = { 0 };
    struct hooke_dict *d = mem_alloc(1, sizeof *d);
    RETURN_IF(!d, HOOKE_E_MEMORY, "%s: out of memory", what);
    d->ctx = ctx;
    d->input_scale = 1.0f;
    hooke_status st = hooke_resolve(&path, what, "dict");
    if (st == HOOKE_OK) st = open_resolved(d, &path, options);
    hooke_text_release(&path);
    if (st != HOOKE_OK) {
        hooke_dict_close(d);
        return st;
    }
    *out = d;
    return HOOKE_OK;
}

const hooke_dict_info *hooke_dict_get_info(const hooke_dict *d)
{
    return d ? &d->info : NULL;
}
