#include "file/torch_write.h"

#include <stdio.h>
#include <string.h>

#include "file/zip_write.h"

enum { MAX_TENSORS = 4096, MAX_NAME_BYTES = 1000 };

static const struct {
    const char *dtype, *storage;
    uint64_t bytes;
} dtypes[] = {
    { "F32", "FloatStorage", 4 }, { "F64", "DoubleStorage", 8 },    { "F16", "HalfStorage", 2 },
    { "I64", "LongStorage", 8 },  { "BF16", "BFloat16Storage", 2 }, { "I32", "IntStorage", 4 },
    { "I16", "ShortStorage", 2 }, { "I8", "CharStorage", 1 },       { "U8", "ByteStorage", 1 },
    { "BOOL", "BoolStorage", 1 },
};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

static int dtype_row(const char *dtype)
{
    for (int i = 0; dtype && i < N_DTYPES; i++)
        if (strcmp(dtypes[i].dtype, dtype) == 0) return i;
    return -1;
}

static const char *label(const hooke_tensor_out *t)
{
    return t->name ? t->name : "(bare)";
}

/* Everything about a tensor that could be wrong, and its extent. */
static hooke_status measure(uint64_t *n_items, uint64_t *bytes, const hooke_tensor_out *t)
{
    int row = dtype_row(t->dtype);
    size_t n = t->name ? strlen(t->name) : 0;
    RETURN_IF(n > MAX_NAME_BYTES || utf8_valid_prefix(label(t), strlen(label(t))) != strlen(label(t)),
              HOOKE_E_ARGUMENT, "torch: a tensor's name must be UTF-8 of at most %d bytes", MAX_NAME_BYTES);
    RETURN_IF(row < 0, HOOKE_E_ARGUMENT, "torch: tensor '%s': dtype '%s' cannot be written", label(t),
              t->dtype ? t->dtype : "");
    RETURN_IF(t->n_dims < 0 || t->n_dims > MAX_DIMS, HOOKE_E_ARGUMENT, "torch: tensor '%s': %d dimensions",
              label(t), t->n_dims);
    *n_items = 1;
    for (int i = 0; i < t->n_dims; i++)
        RETURN_IF(t->shape[i] < 0 || __builtin_mul_overflow(*n_items, (uint64_t)t->shape[i], n_items) ||
                      *n_items > INT64_MAX / 8,
                  HOOKE_E_ARGUMENT, "torch: tensor '%s': dimension %d is %lld", label(t), i,
                  (long long)t->shape[i]);
    *bytes = *n_items * dtypes[row].bytes;
    RETURN_IF(*bytes && !t->data, HOOKE_E_ARGUMENT, "torch: tensor '%s' has no data", label(t));
    return HOOKE_OK;
}

/* ---- the pickle ---- */

static hooke_status put_byte(hooke_text *t, unsigned char b)
{
    return text_append(t, (const char *)&b, 1);
}

static hooke_status put_number(hooke_text *t, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) RETURN_IF_ERROR(put_byte(t, (unsigned char)(v >> 8 * i & 0xFF)));
    return HOOKE_OK;
}

/* BININT1, BININT2, BININT or LONG1, whichever is the first that holds v. */
static hooke_status put_int(hooke_text *t, uint64_t v)
{
    unsigned char code = v < 1u << 8 ? 'K' : v < 1u << 16 ? 'M' : v <= INT32_MAX ? 'J' : 0x8A;
    int bytes = code == 'K' ? 1 : code == 'M' ? 2 : code == 'J' ? 4 : 8;
    RETURN_IF_ERROR(put_byte(t, code));
    if (code == 0x8A) RETURN_IF_ERROR(put_byte(t, 8));
    return put_number(t, v, bytes);
}

static hooke_status put_string(hooke_text *t, const char *s)
{
    RETURN_IF_ERROR(put_byte(t, 'X'));
    RETURN_IF_ERROR(put_number(t, strlen(s), 4));
    return text_puts(t, s);
}

static hooke_status put_storage(hooke_text *t, int key, int row, uint64_t n_items)
{
    char text[16];
    snprintf(text, sizeof text, "%d", key);
    RETURN_IF_ERROR(put_byte(t, '('));
    RETURN_IF_ERROR(put_string(t, "storage"));
    RETURN_IF_ERROR(text_printf(t, "ctorch\n%s\n", dtypes[row].storage));
    RETURN_IF_ERROR(put_string(t, text));
    RETURN_IF_ERROR(put_string(t, "cpu"));
    RETURN_IF_ERROR(put_int(t, n_items));
    return text_puts(t, "tQ"); /* TUPLE, BINPERSID */
}

/* PyTorch counts an extent of 0 as 1 in strides. */
static hooke_status put_strides(hooke_text *t, const hooke_tensor_out *tensor)
{
    RETURN_IF_ERROR(put_byte(t, '('));
    for (int i = 0; i < tensor->n_dims; i++) {
        uint64_t stride = 1;
        for (int k = i + 1; k < tensor->n_dims; k++)
            if (tensor->shape[k] > 1 && __builtin_mul_overflow(stride, (uint64_t)tensor->shape[k], &stride))
                return fail(HOOKE_E_ARGUMENT, "torch: tensor '%s': strides past 64 bits", label(tensor));
        RETURN_IF_ERROR(put_int(t, stride));
    }
    return put_byte(t, 't');
}

static hooke_status put_tensor(hooke_text *t, int key, const hooke_tensor_out *tensor, uint64_t n_items)
{
    RETURN_IF_ERROR(text_puts(t, "ctorch._utils\n_rebuild_tensor_v2\n("));
    RETURN_IF_ERROR(put_storage(t, key, dtype_row(tensor->dtype), n_items));
    RETURN_IF_ERROR(put_int(t, 0)); /* offset */
    RETURN_IF_ERROR(put_byte(t, '('));
    for (int i = 0; i < tensor->n_dims; i++) RETURN_IF_ERROR(put_int(t, (uint64_t)tensor->shape[i]));
    RETURN_IF_ERROR(put_byte(t, 't'));
    RETURN_IF_ERROR(put_strides(t, tensor));
    /* requires_grad False; hooks: an empty OrderedDict; TUPLE, REDUCE */
    return text_puts(t, "\x89"
                        "ccollections\nOrderedDict\n)RtR");
}

static hooke_status make_pickle(hooke_text *t, const hooke_tensor_out *tensors, int n, bool bare)
{
    uint64_t n_items = 0, bytes = 0;
    RETURN_IF_ERROR(text_puts(t, bare ? "\x80\x02" : "\x80\x02}("));
    for (int i = 0; i < n; i++) {
        RETURN_IF_ERROR(measure(&n_items, &bytes, &tensors[i]));
        if (!bare) RETURN_IF_ERROR(put_string(t, tensors[i].name));
        RETURN_IF_ERROR(put_tensor(t, i, &tensors[i], n_items));
    }
    return text_puts(t, bare ? "." : "u.");
}

/* ---- the archive ---- */

static hooke_status add_members(struct zip_writer *w, const hooke_text *pickle,
                                const hooke_tensor_out *tensors, int n)
{
    char name[40];
    uint64_t n_items = 0, bytes = 0;
    RETURN_IF_ERROR(zip_writer_add(w, "archive/data.pkl", pickle->data, pickle->n, NULL, 0));
    RETURN_IF_ERROR(zip_writer_add(w, "archive/byteorder", "little", 6, NULL, 0));
    for (int i = 0; i < n; i++) {
        RETURN_IF_ERROR(measure(&n_items, &bytes, &tensors[i]));
        snprintf(name, sizeof name, "archive/data/%d", i);
        RETURN_IF_ERROR(zip_writer_add(w, name, NULL, 0, tensors[i].data, (size_t)bytes));
    }
    return zip_writer_add(w, "archive/version", "3\n", 2, NULL, 0);
}

static hooke_status check_names(const char *path, const hooke_tensor_out *tensors, int n, bool *bare)
{
    RETURN_IF(n < 0 || n > MAX_TENSORS || (n > 0 && !tensors), HOOKE_E_ARGUMENT,
              "%s: %d tensors, the limit is %d", path, n, MAX_TENSORS);
    *bare = n == 1 && !tensors[0].name;
    for (int i = 0; i < n && !*bare; i++) {
        RETURN_IF(!tensors[i].name, HOOKE_E_ARGUMENT, "%s: tensor %d has no name", path, i);
        for (int j = 0; j < i; j++) /* state dicts have a handful of tensors */
            RETURN_IF(strcmp(tensors[i].name, tensors[j].name) == 0, HOOKE_E_ARGUMENT,
                      "%s: two tensors are called '%s'", path, tensors[i].name);
    }
    return HOOKE_OK;
}

hooke_status torch_write(const char *path, const hooke_tensor_out *tensors, int n)
{
    struct zip_writer w;
    hooke_text pickle = { 0 };
    bool bare;
    RETURN_IF_ERROR(check_names(path, tensors, n, &bare));
    hooke_status st = make_pickle(&pickle, tensors, n, bare);
    if (st == HOOKE_OK) {
        st = zip_writer_open(&w, path, n + 3);
        if (st == HOOKE_OK) st = add_members(&w, &pickle, tensors, n);
        if (st == HOOKE_OK)
            st = zip_writer_commit(&w);
        else
            zip_writer_abandon(&w);
    }
    hooke_text_release(&pickle);
    return st;
}
