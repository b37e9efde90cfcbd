#include "dict/format.h"

#include <string.h>

#include "file/name.h"

void dict_vector_release(struct hooke_dict *d, struct dict_vector *v)
{
    if (v->on_device.data) d->ctx->exec.ops->release(&d->ctx->exec, &v->on_device);
    mem_free(v->data);
}

void dict_matrix_release(struct hooke_dict *d, struct dict_matrix *m)
{
    if (m->on_device.data) d->ctx->exec.ops->release(&d->ctx->exec, &m->on_device);
    mem_free(m->copy);
}

void hooke_dict_close(hooke_dict *d)
{
    if (!d) return;
    struct dict_vector *vectors[] = { &d->b_enc,     &d->b_dec, &d->b_dec_in,    &d->threshold,
                                      &d->b_gate,    &d->b_mag, &d->r_mag,       &d->mag_scale,
                                      &d->row_scale, &d->b_glu, &d->log_sparsity };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) dict_vector_release(d, vectors[i]);
    dict_subset_release(d);
    temporal_release(d);
    dict_matrix_release(d, &d->w_enc);
    dict_matrix_release(d, &d->w_dec);
    dict_matrix_release(d, &d->w_skip);
    dict_matrix_release(d, &d->w_glu);
    for (struct dict_owned *o = d->owned; o; o = o->next) mem_free(o->data); /* o itself is the arena's */
    mem_free(d->code_gain);
    mem_free(d->row_gain);
    mem_free(d->param_gain);
    safetensors_close(&d->safetensors);
    safetensors_close(&d->more);
    npz_close(&d->npz);
    torch_file_close(&d->torch);
    gguf_close(&d->gguf);
    arena_release(&d->arena);
    hooke_name_close(d->name);
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

/* What the caller knows beyond the files: overrides, and the scale of activations where the files leave it open. */
static hooke_status apply_registry(struct hooke_dict *d, const hooke_dict_options *o)
{
    struct dict_config *c = &d->config;
    if (!o) return HOOKE_OK;
    if (o->config_overrides)
        RETURN_IF_ERROR(dict_config_override(c, &d->arena, o->config_overrides, d->info.path));
    RETURN_IF(!(o->norm_scaling_factor >= 0), HOOKE_E_ARGUMENT, "%s: norm_scaling_factor %g is not positive",
              d->info.path, o->norm_scaling_factor);
    if (c->normalize == NORMALIZE_EXPECTED_AVERAGE && c->activation_scale <= 0)
        c->activation_scale = o->norm_scaling_factor;
    if (o->expected_l0 > 0) c->expected_l0 = o->expected_l0;
    return HOOKE_OK;
}

/* What the name's registry row says, where the caller said nothing. */
static void fill_options(hooke_dict_options *o, const hooke_name_info *name,
                         const hooke_dict_options *options)
{
    if (options) *o = *options;
    if (!o->conversion && name->format[0]) o->conversion = name->format;
    if (o->norm_scaling_factor == 0.0) o->norm_scaling_factor = name->norm_scaling_factor;
    if (!o->config_overrides && name->config_overrides[0]) o->config_overrides = name->config_overrides;
    if (!o->repo_id && name->repo[0]) o->repo_id = name->repo;
    if (o->expected_l0 == 0.0 && name->l0 > 0.0) o->expected_l0 = name->l0;
}

static hooke_status open_resolved(struct hooke_dict *d, const char *path, const hooke_dict_options *options)
{
    const struct dict_format *format;
    d->info.path = arena_copy(&d->arena, path, strlen(path));
    RETURN_IF(!d->info.path, HOOKE_E_MEMORY, "%s: out of memory", path);
    RETURN_IF_ERROR(dict_format_find(&format, d->info.path));
    d->format = format->name;
    d->options = options;
    RETURN_IF_ERROR(format->open(d, d->info.path));
    d->options = NULL;
    RETURN_IF_ERROR(apply_registry(d, options));
    if (!d->config.model_name && d->info.origin->model[0]) d->config.model_name = d->info.origin->model;
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
    hooke_dict_options all = { .size = sizeof all };
    struct hooke_dict *d = mem_alloc(1, sizeof *d);
    RETURN_IF(!d, HOOKE_E_MEMORY, "%s: out of memory", what);
    d->ctx = ctx;
    d->input_scale = d->output_scale = 1.0f;
    hooke_status st = hooke_name_open(&d->name, what, "dict");
    if (st == HOOKE_OK) st = hooke_name_locate(d->name);
    if (st == HOOKE_OK) {
        d->info.origin = hooke_name_get_info(d->name);
        fill_options(&all, d->info.origin, options);
        st = name_say_partial(open_resolved(d, d->info.origin->path, &all), d->name);
    }
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

const char *hooke_dict_label(const hooke_dict *d, int32_t feature)
{
    return d && d->labels && feature >= 0 && feature < d->n_labels ? d->labels[feature] : NULL;
}

/* A lone archive says nothing by its name; opening it may still find a dictionary. */
static bool is_named_dictionary(const char *path)
{
    return is_folder(path) || !path_ends_with(path, ".npz") || path_ends_with(path, "params.npz");
}

bool hooke_dict_recognise(const char *path, const char **format)
{
    const struct dict_format *f = path && is_named_dictionary(path) ? dict_format_recognise(path) : NULL;
    if (format) *format = f ? f->name : NULL;
    return f != NULL;
}

/* Every container a format reader may have opened. */
struct listing {
    const struct stored_tensor *tensors;
    int n;
};
enum { N_LISTINGS = 5 };

static void list_containers(struct listing out[N_LISTINGS], const hooke_dict *d)
{
    out[0] = (struct listing){ d->safetensors.tensors, d->safetensors.n_tensors };
    out[1] = (struct listing){ d->more.tensors, d->more.n_tensors };
    out[2] = (struct listing){ d->npz.tensors, d->npz.n_tensors };
    out[3] = (struct listing){ d->torch.tensors, d->torch.n_tensors };
    out[4] = (struct listing){ d->gguf.tensors, d->gguf.n_tensors };
}

int hooke_dict_n_tensors(const hooke_dict *d)
{
    struct listing all[N_LISTINGS];
    int n = 0;
    if (!d) return 0;
    list_containers(all, d);
    for (int i = 0; i < N_LISTINGS; i++) n += all[i].n;
    return n;
}

hooke_status hooke_dict_tensor(const hooke_dict *d, int index, hooke_tensor_info *out)
{
    struct listing all[N_LISTINGS];
    RETURN_IF(!d || !out || index < 0 || index >= hooke_dict_n_tensors(d), HOOKE_E_ARGUMENT,
              "tensor %d of %d", index, hooke_dict_n_tensors(d));
    list_containers(all, d);
    int i = 0;
    while (index >= all[i].n) index -= all[i++].n;
    const struct stored_tensor *t = &all[i].tensors[index];
    *out = (hooke_tensor_info){ t->name, t->dtype_text, t->n_dims, { 0 }, (int64_t)t->bytes };
    memcpy(out->shape, t->shape, sizeof out->shape);
    return HOOKE_OK;
}
