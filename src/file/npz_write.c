/* npz_write.c: a stored archive whose arrays a reader can map (zip_write.h). */
#include <string.h>

#include "file/npy.h"
#include "file/npz.h"
#include "file/zip_write.h"

enum { MAX_ARRAYS = 4096 };

static const char *descr_of(const char *dtype)
{
    static const char *const table[][2] = { { "F32", "<f4" }, { "F64", "<f8" }, { "F16", "<f2" },
                                            { "I64", "<i8" }, { "I32", "<i4" }, { "I16", "<i2" },
                                            { "I8", "|i1" },  { "U64", "<u8" }, { "U32", "<u4" },
                                            { "U16", "<u2" }, { "U8", "|u1" },  { "BOOL", "|b1" } };
    for (size_t i = 0; dtype && i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i][0], dtype) == 0) return table[i][1];
    return NULL;
}

static hooke_status data_bytes(uint64_t *out, const hooke_tensor_out *t)
{
    const char *descr = descr_of(t->dtype);
    RETURN_IF(!t->name || !*t->name || strlen(t->name) > 1000, HOOKE_E_ARGUMENT,
              "npz: an array needs a name of at most 1000 bytes");
    RETURN_IF(!descr, HOOKE_E_ARGUMENT, "npz: array '%s': dtype '%s' cannot be written", t->name,
              t->dtype ? t->dtype : "");
    RETURN_IF(t->n_dims < 0 || t->n_dims > MAX_DIMS, HOOKE_E_ARGUMENT, "npz: array '%s': %d dimensions",
              t->name, t->n_dims);
    *out = (uint64_t)(descr[2] - '0');
    for (int i = 0; i < t->n_dims; i++)
        RETURN_IF(
            t->shape[i] < 0 || __builtin_mul_overflow(*out, (uint64_t)t->shape[i], out) || *out > INT64_MAX,
            HOOKE_E_ARGUMENT, "npz: array '%s': dimension %d is %lld", t->name, i, (long long)t->shape[i]);
    RETURN_IF(*out && !t->data, HOOKE_E_ARGUMENT, "npz: array '%s' has no data", t->name);
    return HOOKE_OK;
}

static hooke_status write_member(struct zip_writer *w, hooke_text *npy, const hooke_tensor_out *t)
{
    uint64_t bytes = 0;
    char name[1008];
    RETURN_IF_ERROR(data_bytes(&bytes, t));
    RETURN_IF_ERROR(npy_make_header(npy, descr_of(t->dtype), t->n_dims, t->shape));
    size_t n = strlen(t->name); /* at most 1000 */
    memcpy(name, t->name, n);
    memcpy(name + n, ".npy", 5);
    return zip_writer_add(w, name, npy->data, npy->n, t->data, (size_t)bytes);
}

static hooke_status refuse_twins(const hooke_tensor_out *tensors, int n)
{
    for (int i = 1; i < n; i++) /* archives have a handful of arrays */
        for (int j = 0; j < i; j++)
            RETURN_IF(tensors[i].name && tensors[j].name && strcmp(tensors[i].name, tensors[j].name) == 0,
                      HOOKE_E_ARGUMENT, "npz: two arrays are called '%s'", tensors[i].name);
    return HOOKE_OK;
}

hooke_status npz_write(const char *path, const hooke_tensor_out *tensors, int n)
{
    struct zip_writer w;
    hooke_text npy = { 0 };
    RETURN_IF(n < 0 || n > MAX_ARRAYS, HOOKE_E_ARGUMENT, "%s: %d arrays", path, n);
    RETURN_IF_ERROR(refuse_twins(tensors, n));
    RETURN_IF_ERROR(zip_writer_open(&w, path, n));
    hooke_status st = HOOKE_OK;
    for (int i = 0; i < n && st == HOOKE_OK; i++) st = write_member(&w, &npy, &tensors[i]);
    if (st == HOOKE_OK)
        st = zip_writer_commit(&w);
    else
        zip_writer_abandon(&w);
    hooke_text_release(&npy);
    return st;
}
