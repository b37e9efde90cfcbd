#include "cli/codes_file.h"

#include <string.h>
#include <unistd.h>

#include "cli/origin.h"

static int find_tensor(const hooke_file *f, const char *name)
{
    for (int i = 0; i < hooke_file_n_tensors(f); i++)
        if (strcmp(hooke_file_tensor(f, i)->name, name) == 0) return i;
    return -1;
}

static int64_t last_dim(const hooke_tensor_info *t)
{
    return t->n_dims ? t->shape[t->n_dims - 1] : 0;
}

/* The tensor asked for by name, the preferred one, or the only one of the width that is no integer. -1 with a message. */
static int choose_tensor(const hooke_file *f, const char *path, const char *name, const char *preferred,
                         int64_t width)
{
    int found = name ? find_tensor(f, name) : preferred ? find_tensor(f, preferred) : -1, n = 0, only = -1;
    if (name && found < 0) {
        const char *first = hooke_file_n_tensors(f) ? hooke_file_tensor(f, 0)->name : "nothing";
        failed(path, take_printf("'hooke info %s' lists them; the first is %s", path, first),
               "has no tensor '%s'", name);
        return -1;
    }
    for (int i = 0; found < 0 && i < hooke_file_n_tensors(f); i++) {
        const hooke_tensor_info *t = hooke_file_tensor(f, i);
        if (last_dim(t) != width || t->n_dims < 2 || t->dtype[0] == 'I' || strstr(t->dtype, "<i")) continue;
        only = i;
        n++;
    }
    if (found < 0 && n == 1) found = only;
    if (found < 0 && n)
        failed(path, "name one: FILE:NAME", "%d tensors have rows of %lld", n, (long long)width);
    else if (found < 0)
        failed(path, take_printf("'hooke info %s' lists what it holds", path), "no tensor has rows of %lld",
               (long long)width);
    return found;
}

int rows_read(struct rows *out, const char *where, const char *preferred, int64_t width)
{
    const char *path = where, *name = NULL, *colon = strrchr(where, ':');
    hooke_file *f = NULL;
    if (colon && colon > where && access(where, F_OK) != 0) {
        path = take_text(where, (size_t)(colon - where));
        name = colon + 1;
    }
    hooke_status st = hooke_file_open(&f, path);
    if (st) return failed_call(st, "input", NULL);
    int code = 0, i = choose_tensor(f, path, name, preferred, width);
    const hooke_tensor_info *t = i < 0 ? NULL : hooke_file_tensor(f, i);
    if (!t)
        code = 1;
    else if (last_dim(t) != width)
        code = failed(path, "use a dictionary of this width",
                      "tensor '%s' has rows of %lld, the dictionary reads %lld", t->name,
                      (long long)last_dim(t), (long long)width);
    if (!code) {
        out->name = take_text(t->name, strlen(t->name));
        out->width = width;
        out->n_rows = 1;
        out->n_leading = t->n_dims - 1;
        for (int k = 0; k < out->n_leading; k++) out->n_rows *= out->leading[k] = t->shape[k];
        out->data = take((size_t)out->n_rows, (size_t)width * sizeof *out->data);
        st = hooke_file_read_f32(f, i, out->data, out->n_rows * width);
        if (st) code = failed_call(st, "input", NULL);
    }
    hooke_file_close(f);
    return code;
}

/* ---- codes ---------------------------------------------------------------------------------------------------- */

/* A tensor of `n` items (n -1: as many as it has); NULL and a message when it is absent or of another size. */
static void *read_items(const hooke_file *f, const char *path, const char *name, int64_t *n, bool whole)
{
    int i = find_tensor(f, name);
    const hooke_tensor_info *t = i < 0 ? NULL : hooke_file_tensor(f, i);
    int64_t items = 1;
    for (int k = 0; t && k < t->n_dims; k++) items *= t->shape[k];
    if (!t || (*n >= 0 && items != *n)) {
        failed(path, "give a file that 'hooke encode' wrote",
               t ? "tensor '%s' has %lld items instead of %lld" : "has no tensor '%s'", name,
               (long long)items, (long long)*n);
        return NULL;
    }
    *n = items;
    void *data = take((size_t)items, whole ? sizeof(int64_t) : sizeof(float));
    hooke_status st = whole ? hooke_file_read_i64(f, i, data, items) : hooke_file_read_f32(f, i, data, items);
    if (!st) return data;
    failed_call(st, "codes", NULL);
    return NULL;
}

/* Checks what came from a file: offsets that rise, features in range and in order. */
static int check_codes(const hooke_codes *c, const int64_t *indices, int64_t n, const char *path)
{
    bool good = c->indptr[0] == 0 && c->indptr[c->n_rows] == n;
    for (int64_t r = 0; good && r < c->n_rows; r++) {
        good = c->indptr[r] <= c->indptr[r + 1] && c->indptr[r + 1] <= n;
        for (int64_t i = c->indptr[r]; good && i < c->indptr[r + 1]; i++)
            good = indices[i] >= 0 && indices[i] < c->n_cols &&
                   (i == c->indptr[r] || indices[i - 1] < indices[i]);
    }
    return good ? 0
                : failed(path, "write it again with 'hooke encode'",
                         "its indices are no codes of a dictionary of %d features", c->n_cols);
}

static int read_sparse(hooke_codes *out, struct rows *shape, const hooke_file *f, const char *path)
{
    int64_t two = 2, n_indptr = -1, n = -1, n_leading = -1, *dims = read_items(f, path, "shape", &two, true),
            *indices, *leading;
    if (!dims) return 1;
    if (dims[1] != out->n_cols)
        return failed(path, "decode with the dictionary that encoded",
                      "codes of %lld features, the dictionary has %d", (long long)dims[1], out->n_cols);
    if (!(out->indptr = read_items(f, path, "indptr", &n_indptr, true))) return 1;
    if (n_indptr != dims[0] + 1)
        return failed(path, "write it again with 'hooke encode'", "indptr has %lld items for %lld rows",
                      (long long)n_indptr, (long long)dims[0]);
    if (!(indices = read_items(f, path, "indices", &n, true)) ||
        !(out->values = read_items(f, path, "values", &n, false)))
        return 1;
    out->n_rows = shape->n_rows = dims[0];
    int code = check_codes(out, indices, n, path);
    if (code) return code;
    out->indices = take((size_t)n, sizeof *out->indices);
    for (int64_t i = 0; i < n; i++) out->indices[i] = (int32_t)indices[i];
    give(indices);
    if (find_tensor(f, "norm_mean") >= 0 &&
        !(out->norm_mean = read_items(f, path, "norm_mean", &out->n_rows, false)))
        return 1;
    if (find_tensor(f, "norm_scale") >= 0 &&
        !(out->norm_scale = read_items(f, path, "norm_scale", &out->n_rows, false)))
        return 1;
    if (find_tensor(f, "leading") < 0) return 0;
    if (!(leading = read_items(f, path, "leading", &n_leading, true))) return 1;
    int64_t product = 1;
    bool good = n_leading <= 7;
    for (int64_t i = 0; good && i < n_leading; i++)
        good = leading[i] >= 0 && !__builtin_mul_overflow(product, leading[i], &product);
    if (!good || product != dims[0])
        return failed(path, "write it again with 'hooke encode'", "leading does not make %lld rows",
                      (long long)dims[0]);
    shape->n_leading = (int)n_leading;
    for (int64_t i = 0; i < n_leading; i++) shape->leading[i] = leading[i];
    return 0;
}

static void sparse_from_dense(hooke_codes *out, const struct rows *dense)
{
    size_t n = 0, k = 0, items = (size_t)(dense->n_rows * dense->width);
    for (size_t i = 0; i < items; i++) n += dense->data[i] != 0;
    out->n_rows = dense->n_rows;
    out->indptr = take((size_t)dense->n_rows + 1, sizeof *out->indptr);
    out->indices = take(n, sizeof *out->indices);
    out->values = take(n, sizeof *out->values);
    for (int64_t r = 0; r < dense->n_rows; r++) {
        for (int64_t i = 0; i < dense->width; i++) {
            float x = dense->data[r * dense->width + i];
            if (x == 0) continue;
            out->indices[k] = (int32_t)i;
            out->values[k++] = x;
        }
        out->indptr[r + 1] = (int64_t)k;
    }
}

int codes_read(hooke_codes *out, struct rows *shape, const char *path, int64_t d_dict)
{
    hooke_file *f = NULL;
    int code;
    hooke_status st = hooke_file_open(&f, path);
    if (st) return failed_call(st, "input", NULL);
    out->n_cols = (int32_t)d_dict;
    if (find_tensor(f, "indptr") >= 0) {
        code = read_sparse(out, shape, f, path);
        if (!code && shape->n_leading == 0) {
            shape->n_leading = 1;
            shape->leading[0] = shape->n_rows;
        }
    } else {
        code = rows_read(shape, path, "codes", d_dict);
        if (!code) sparse_from_dense(out, shape);
    }
    hooke_file_close(f);
    return code;
}

static int write_dense(const char *path, const hooke_codes *c, const struct rows *shape,
                       const char *const *pairs)
{
    hooke_tensor_writer *f = NULL;
    hooke_tensor_out t = { "codes", "F32", shape->n_leading + 1, { 0 }, NULL };
    for (int i = 0; i < shape->n_leading; i++) t.shape[i] = shape->leading[i];
    t.shape[shape->n_leading] = c->n_cols;
    size_t row_bytes = (size_t)c->n_cols * sizeof(float);
    hooke_status st = hooke_tensor_writer_open(&f, path, &t, 1, pairs);
    float *row = take((size_t)c->n_cols, sizeof *row); /* [d_dict] */
    for (int64_t r = 0; !st && r < c->n_rows; r++) {
        memset(row, 0, row_bytes);
        for (int64_t i = c->indptr[r]; i < c->indptr[r + 1]; i++) row[c->indices[i]] = c->values[i];
        st = hooke_tensor_writer_put(f, 0, r * (int64_t)row_bytes, row, row_bytes);
    }
    if (!st)
        st = hooke_tensor_writer_commit(f);
    else
        hooke_tensor_writer_abandon(f);
    give(row);
    return st ? failed_call(st, "output", NULL) : 0;
}

int codes_write(const struct session *s, const char *path, const hooke_codes *c, const struct rows *shape,
                bool dense)
{
    const hooke_dict_info *info = hooke_dict_get_info(s->dict);
    const char *pairs[] = { "program",
                            program_name,
                            "dict",
                            info->name,
                            "site",
                            info->site,
                            "tensor",
                            shape->name,
                            "activation_scale",
                            info->activation_scale,
                            "matmul_dtype",
                            hooke_context_dtype(s->ctx),
                            "origin",
                            origin_of(s),
                            NULL };
    int64_t dims[2] = { c->n_rows, c->n_cols }, n = c->indptr[c->n_rows];
    if (dense) return write_dense(path, c, shape, pairs);
    hooke_tensor_out t[7] = {
        { "indptr", "I64", 1, { c->n_rows + 1 }, c->indptr },
        { "indices", "I32", 1, { n }, c->indices },
        { "values", "F32", 1, { n }, c->values },
        { "shape", "I64", 1, { 2 }, dims },
        { "leading", "I64", 1, { shape->n_leading }, shape->leading },
    };
    int k = 5;
    if (c->norm_mean) t[k++] = (hooke_tensor_out){ "norm_mean", "F32", 1, { c->n_rows }, c->norm_mean };
    if (c->norm_scale) t[k++] = (hooke_tensor_out){ "norm_scale", "F32", 1, { c->n_rows }, c->norm_scale };
    hooke_status st = hooke_write_safetensors(path, t, k, pairs);
    return st ? failed_call(st, "output", NULL) : 0;
}
