/* torch_walk.c: from the pickle's nested values to two flat lists, tensors and plain values, under dotted names.
 *
 * Values may be shared and may contain themselves: what bounds the walk is its own depth and count, not the file's size. */
#include <stdlib.h>
#include <string.h>

#include "file/torch_archive.h"

struct walk {
    struct torch_file *f;
    const struct pickle *p;
    hooke_text name; /* of where the walk is */
    size_t n_visits;
    size_t tensors_capacity, values_capacity, views_capacity;
    void *tensors, *values, *views;
    int n_tensors, n_values;
};

static hooke_status copy_name(struct walk *w, const char **out)
{
    *out = arena_copy(&w->f->arena, w->name.n ? w->name.data : "", w->name.n);
    return *out ? HOOKE_OK : HOOKE_E_MEMORY;
}

static hooke_status add_tensor(struct walk *w, const struct pickle_value *v)
{
    const struct pickle_tensor *from = pickle_tensor_at(w->p, v->as.index);
    RETURN_IF_ERROR(mem_grow(&w->tensors, &w->tensors_capacity, (size_t)w->n_tensors + 1,
                             sizeof(struct stored_tensor), TORCH_MAX_VISITS, "tensors in a file"));
    RETURN_IF_ERROR(mem_grow(&w->views, &w->views_capacity, (size_t)w->n_tensors + 1, sizeof(uint32_t),
                             TORCH_MAX_VISITS, "tensors in a file"));
    struct stored_tensor *t = (struct stored_tensor *)w->tensors + w->n_tensors;
    RETURN_IF_ERROR(copy_name(w, &t->name));
    t->dtype = from->dtype;
    t->dtype_text = dtype_name(from->dtype);
    t->n_dims = from->n_dims;
    memcpy(t->shape, from->size, sizeof t->shape);
    t->n_items = from->n_items;
    t->bytes = (size_t)from->n_items * dtype_bytes(from->dtype);
    ((uint32_t *)w->views)[w->n_tensors++] = v->as.index;
    return HOOKE_OK;
}

static hooke_status string_of(struct walk *w, const char **out, const struct pickle_value *v)
{
    const char *s = v->kind == PICKLE_SYMBOL ? pickle_symbol_name(v->as.index) : v->as.bytes;
    *out = arena_copy(&w->f->arena, s, v->kind == PICKLE_SYMBOL ? strlen(s) : v->n);
    return *out ? HOOKE_OK : HOOKE_E_MEMORY;
}

static hooke_status add_value(struct walk *w, const struct pickle_value *v)
{
    RETURN_IF_ERROR(mem_grow(&w->values, &w->values_capacity, (size_t)w->n_values + 1,
                             sizeof(struct torch_value), TORCH_MAX_VISITS, "values in a file"));
    struct torch_value *out = (struct torch_value *)w->values + w->n_values;
    RETURN_IF_ERROR(copy_name(w, &out->name));
    out->kind = TORCH_NONE;
    if (v->kind == PICKLE_BOOL || v->kind == PICKLE_INT) {
        out->kind = v->kind == PICKLE_BOOL ? TORCH_BOOL : TORCH_INT;
        out->integer = v->kind == PICKLE_BOOL ? v->as.boolean : v->as.integer;
        out->real = (double)out->integer;
    } else if (v->kind == PICKLE_REAL) {
        out->kind = TORCH_REAL;
        out->real = v->as.real;
    } else if (v->kind == PICKLE_STRING || v->kind == PICKLE_SYMBOL) {
        out->kind = TORCH_STRING;
        RETURN_IF_ERROR(string_of(w, &out->string, v));
    }
    w->n_values++;
    return HOOKE_OK;
}

/* Appends a dict's key to the name. */
static hooke_status put_key(struct walk *w, const struct pickle_value *key)
{
    if (w->name.n) RETURN_IF_ERROR(text_puts(&w->name, "."));
    if (key->kind == PICKLE_STRING) return text_append(&w->name, key->as.bytes, key->n);
    if (key->kind == PICKLE_INT) return text_printf(&w->name, "%lld", (long long)key->as.integer);
    return fail(HOOKE_E_UNSUPPORTED, "%s: a dict below '%.200s' has keys that are neither text nor integers",
                w->f->file.path, w->name.n ? w->name.data : "");
}

static hooke_status visit(struct walk *w, uint32_t value, int depth);

static hooke_status visit_items(struct walk *w, const struct pickle_value *v, int depth)
{
    bool is_dict = v->kind == PICKLE_DICT;
    size_t length = w->name.n;
    uint32_t cell = v->as.items.first;
    for (uint32_t i = 0; i < v->n; i += is_dict ? 2 : 1) {
        if (is_dict) {
            RETURN_IF_ERROR(put_key(w, pickle_value_at(w->p, pickle_cell_at(w->p, cell)->value)));
            cell = pickle_cell_at(w->p, cell)->next;
        } else {
            RETURN_IF_ERROR(text_printf(&w->name, "%s%u", length ? "." : "", i));
        }
        RETURN_IF_ERROR(visit(w, pickle_cell_at(w->p, cell)->value, depth + 1));
        cell = pickle_cell_at(w->p, cell)->next;
        w->name.n = length;
        if (w->name.data) w->name.data[length] = '\0';
    }
    return HOOKE_OK;
}

static hooke_status visit(struct walk *w, uint32_t value, int depth)
{
    const struct pickle_value *v = pickle_value_at(w->p, value);
    RETURN_IF(depth > TORCH_MAX_DEPTH, HOOKE_E_UNSUPPORTED,
              "%s: values are nested deeper than %d, or contain themselves, at '%.200s'", w->f->file.path,
              TORCH_MAX_DEPTH, w->name.data);
    RETURN_IF(++w->n_visits > TORCH_MAX_VISITS, HOOKE_E_UNSUPPORTED,
              "%s: more than %d values are reached, some of them again and again", w->f->file.path,
              TORCH_MAX_VISITS);
    switch (v->kind) {
    case PICKLE_TENSOR:
        return add_tensor(w, v);
    case PICKLE_DICT:
    case PICKLE_LIST:
    case PICKLE_TUPLE:
        return visit_items(w, v, depth);
    case PICKLE_SET:     /* only the empty one can be built */
    case PICKLE_STORAGE: /* a storage outside a tensor has no shape */
        return HOOKE_OK;
    case PICKLE_NONE:
    case PICKLE_BOOL:
    case PICKLE_INT:
    case PICKLE_REAL:
    case PICKLE_STRING:
    case PICKLE_SYMBOL:
        return add_value(w, v);
    }
    return HOOKE_OK;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* {"a": {"b": 1}, "a.b": 2} has two "a.b": two readers could see two different files. */
static hooke_status refuse_twins(struct walk *w)
{
    size_t n = (size_t)w->n_tensors + (size_t)w->n_values, at = 0;
    const char **names = mem_alloc(n, sizeof *names);
    hooke_status st = HOOKE_OK;
    RETURN_IF(!names, HOOKE_E_MEMORY, "%s: out of memory for %zu names", w->f->file.path, n);
    for (int i = 0; i < w->n_tensors; i++) names[at++] = ((struct stored_tensor *)w->tensors)[i].name;
    for (int i = 0; i < w->n_values; i++) names[at++] = ((struct torch_value *)w->values)[i].name;
    if (n) qsort(names, n, sizeof *names, compare_strings);
    for (size_t i = 1; i < n && st == HOOKE_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            st = fail(HOOKE_E_FORMAT, "%s: two values are called '%.200s'", w->f->file.path, names[i]);
    mem_free(names);
    return st;
}

/* The lists move into the file's arena. */
static hooke_status keep(struct walk *w)
{
    struct torch_file *f = w->f;
    struct torch_archive *a = f->archive;
    size_t n_tensors = (size_t)w->n_tensors, n_values = (size_t)w->n_values;
    f->tensors = arena_alloc(&f->arena, n_tensors, sizeof *f->tensors);
    f->values = arena_alloc(&f->arena, n_values, sizeof *f->values);
    a->views = arena_alloc(&f->arena, n_tensors, sizeof *a->views);
    a->copies = arena_alloc(&f->arena, n_tensors, sizeof *a->copies);
    if (!f->tensors || !f->values || !a->views || !a->copies) return HOOKE_E_MEMORY;
    if (n_tensors) memcpy(f->tensors, w->tensors, n_tensors * sizeof *f->tensors);
    if (n_tensors) memcpy(a->views, w->views, n_tensors * sizeof *a->views);
    if (n_values) memcpy(f->values, w->values, n_values * sizeof *f->values);
    f->n_tensors = w->n_tensors;
    f->n_values = w->n_values;
    return HOOKE_OK;
}

/* A bare tensor is called by its file's name, without the ending. */
static hooke_status name_bare(struct walk *w)
{
    const char *path = w->f->file.path, *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    w->f->is_bare = true;
    return text_append(&w->name, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

hooke_status torch_walk(struct torch_file *f)
{
    struct walk w = { .f = f, .p = &f->archive->pickle };
    hooke_status st = HOOKE_OK;
    size_t used = f->arena.used_bytes;
    f->arena.max_bytes = used + TORCH_MAX_NAMES_BYTES + (TORCH_MAX_VISITS + 1) * sizeof(struct stored_tensor);
    if (pickle_value_at(w.p, w.p->root)->kind == PICKLE_TENSOR) st = name_bare(&w);
    if (st == HOOKE_OK) st = visit(&w, w.p->root, 0);
    if (st == HOOKE_OK) st = refuse_twins(&w);
    if (st == HOOKE_OK) st = keep(&w);
    hooke_text_release(&w.name);
    mem_free(w.tensors);
    mem_free(w.values);
    mem_free(w.views);
    return st;
}
