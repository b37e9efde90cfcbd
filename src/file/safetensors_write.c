/* safetensors_write.c: the header, then the data, in one pass. */
#include <stdlib.h>
#include <string.h>

#include "file/safetensors.h"

/* The reference writer's order: widest elements first, so that every tensor is aligned for its type. */
static int rank_of(const char *dtype)
{
    static const char *const order[] = { "U64", "I64", "F64", "F32", "U32", "I32", "BF16",
                                         "F16", "U16", "I16", "I8",  "U8",  "BOOL" };
    for (int i = 0; i < (int)(sizeof order / sizeof *order); i++)
        if (strcmp(order[i], dtype) == 0) return i;
    return -1;
}

static size_t item_bytes(const char *dtype)
{
    for (int t = 0; t < DT_OTHER; t++)
        if (strcmp(dtype, dtype_name((enum dtype)t)) == 0) return dtype_bytes((enum dtype)t);
    return 0;
}

hooke_status st_tensor_bytes(uint64_t *out, const hooke_tensor_out *t)
{
    RETURN_IF(!t->name || !t->dtype, HOOKE_E_ARGUMENT, "a tensor to write needs a name and a dtype");
    uint64_t bytes = item_bytes(t->dtype);
    RETURN_IF(bytes == 0, HOOKE_E_ARGUMENT, "tensor '%s': dtype '%s' cannot be written", t->name, t->dtype);
    RETURN_IF(t->n_dims < 0 || t->n_dims > MAX_DIMS, HOOKE_E_ARGUMENT, "tensor '%s': %d dimensions", t->name,
              t->n_dims);
    RETURN_IF(strcmp(t->name, "__metadata__") == 0, HOOKE_E_ARGUMENT, "no tensor can be called __metadata__");
    for (int i = 0; i < t->n_dims; i++)
        RETURN_IF(t->shape[i] < 0 || __builtin_mul_overflow(bytes, (uint64_t)t->shape[i], &bytes) ||
                      bytes > INT64_MAX,
                  HOOKE_E_ARGUMENT, "tensor '%s': dimension %d is %lld", t->name, i, (long long)t->shape[i]);
    *out = bytes;
    return HOOKE_OK;
}

static int compare_pairs(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return strcmp(a[0], b[0]);
}

static void write_metadata(struct json_writer *w, const char *const *pairs)
{
    jw_key(w, "__metadata__");
    jw_object(w);
    for (size_t i = 0; pairs[i]; i += 2) {
        jw_key_string(w, pairs[i], pairs[i + 1]);
    }
    jw_end_object(w);
}

static hooke_status write_entry(struct json_writer *w, const hooke_tensor_out *t, uint64_t *at)
{
    uint64_t bytes, begin = *at;
    RETURN_IF_ERROR(st_tensor_bytes(&bytes, t));
    RETURN_IF(__builtin_add_overflow(begin, bytes, at) || *at > INT64_MAX, HOOKE_E_ARGUMENT,
              "tensor '%s': too much data", t->name);
    jw_key(w, t->name);
    jw_object(w);
    jw_key_string(w, "dtype", t->dtype);
    jw_key(w, "shape");
    jw_array(w);
    for (int i = 0; i < t->n_dims; i++) jw_int(w, t->shape[i]);
    jw_end_array(w);
    jw_key(w, "data_offsets");
    jw_array(w);
    jw_int(w, (int64_t)begin);
    jw_int(w, (int64_t)*at);
    jw_end_array(w);
    jw_end_object(w);
    return w->status;
}

/* Padded with spaces so that the data begin at a multiple of 8. */
static hooke_status make_header(hooke_text *out, const hooke_tensor_out *tensors, int n,
                                const char *const *metadata_pairs)
{
    struct json_writer w;
    uint64_t at = 0;
    jw_init(&w, out, -1);
    jw_object(&w);
    if (metadata_pairs) write_metadata(&w, metadata_pairs);
    for (int i = 0; i < n; i++) RETURN_IF_ERROR(write_entry(&w, &tensors[i], &at));
    jw_end_object(&w);
    RETURN_IF_ERROR(w.status);
    while (out->n % 8 != 0) RETURN_IF_ERROR(text_append(out, " ", 1));
    return HOOKE_OK;
}

static int compare_names(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return strcmp(*a, *b);
}

static hooke_status refuse_twins(const hooke_tensor_out *tensors, int n)
{
    const char **names = mem_alloc((size_t)n, sizeof *names);
    hooke_status st = HOOKE_OK;
    RETURN_IF(!names, HOOKE_E_MEMORY, "out of memory for %d names", n);
    for (int i = 0; i < n; i++) names[i] = tensors[i].name;
    qsort(names, (size_t)n, sizeof *names, compare_names);
    for (int i = 1; i < n && st == HOOKE_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            st = fail(HOOKE_E_ARGUMENT, "two tensors are called '%s'", names[i]);
    mem_free(names);
    return st;
}

hooke_status st_header(hooke_text *out, const char *path, const hooke_tensor_out *tensors, int n,
                       const char *const *metadata_pairs)
{
    RETURN_IF(!path || n < 0 || (n && !tensors), HOOKE_E_ARGUMENT,
              "safetensors: no path or no tensors to write");
    for (size_t k = 0; metadata_pairs && metadata_pairs[k]; k += 2)
        RETURN_IF(!metadata_pairs[k + 1], HOOKE_E_ARGUMENT, "metadata '%s' has no value", metadata_pairs[k]);
    text_clear(out);
    /* The length's place; 8 bytes more leave the padding as it is. */
    RETURN_IF_ERROR(text_append(out, "\0\0\0\0\0\0\0\0", 8));
    RETURN_IF_ERROR(make_header(out, tensors, n, metadata_pairs));
    for (int i = 0; i < 8; i++) out->data[i] = (char)(unsigned char)((uint64_t)(out->n - 8) >> 8 * i);
    return refuse_twins(tensors, n);
}

/* Moves on past tensors that are complete, empty ones among them. */
static void next_tensor(struct safetensors_writer *w)
{
    while (w->left == 0 && w->current < w->n) {
        w->current++;
        if (w->current < w->n)
            st_tensor_bytes(&w->left, &w->tensors[w->current]); /* checked when the header was made */
    }
}

hooke_status st_writer_begin(struct safetensors_writer *w, const char *path, const hooke_tensor_out *tensors,
                             int n, const char *const *metadata_pairs)
{
    hooke_text header = { 0 };
    memset(w, 0, sizeof *w);
    hooke_status st = st_header(&header, path, tensors, n, metadata_pairs);
    if (st == HOOKE_OK) st = new_file_open(&w->file, path);
    if (st == HOOKE_OK) st = new_file_write(&w->file, header.data, header.n);
    hooke_text_release(&header);
    if (st != HOOKE_OK) {
        st_writer_abandon(w);
        return st;
    }
    w->tensors = tensors;
    w->n = n;
    w->current = -1;
    next_tensor(w);
    return HOOKE_OK;
}

hooke_status st_writer_append(struct safetensors_writer *w, const void *data, size_t n)
{
    const unsigned char *p = data;
    while (n > 0) {
        RETURN_IF(w->current >= w->n, HOOKE_E_ARGUMENT, "%s: %zu bytes more than the tensors declared",
                  w->file.path, n);
        size_t part = n < w->left ? n : (size_t)w->left;
        RETURN_IF_ERROR(new_file_write(&w->file, p, part));
        p += part;
        n -= part;
        w->left -= part;
        next_tensor(w);
    }
    return HOOKE_OK;
}

hooke_status st_writer_commit(struct safetensors_writer *w)
{
    hooke_status st = HOOKE_OK;
    if (w->file.is_open && w->current < w->n)
        st = fail(HOOKE_E_ARGUMENT, "%s: tensor '%s' lacks %llu bytes", w->file.path,
                  w->tensors[w->current].name, (unsigned long long)w->left);
    if (st == HOOKE_OK) st = new_file_commit(&w->file);
    st_writer_abandon(w);
    return st;
}

void st_writer_abandon(struct safetensors_writer *w)
{
    new_file_abandon(&w->file);
    memset(w, 0, sizeof *w);
}

/* ---- all at once ---- */

static int compare_for_file(const void *pa, const void *pb)
{
    const hooke_tensor_out *a = pa, *b = pb;
    int ra = rank_of(a->dtype), rb = rank_of(b->dtype);
    return ra != rb ? ra - rb : strcmp(a->name, b->name);
}

static hooke_status write_sorted(const char *path, const hooke_tensor_out *tensors, int n,
                                 const char *const *pairs)
{
    struct safetensors_writer w;
    uint64_t bytes = 0;
    RETURN_IF_ERROR(st_writer_begin(&w, path, tensors, n, pairs));
    hooke_status st = HOOKE_OK;
    for (int i = 0; i < n && st == HOOKE_OK; i++) {
        st = st_tensor_bytes(&bytes, &tensors[i]);
        if (st == HOOKE_OK && bytes && !tensors[i].data)
            st = fail(HOOKE_E_ARGUMENT, "tensor '%s' has no data", tensors[i].name);
        if (st == HOOKE_OK) st = st_writer_append(&w, tensors[i].data, (size_t)bytes);
    }
    if (st == HOOKE_OK) return st_writer_commit(&w);
    st_writer_abandon(&w);
    return st;
}

/* Metadata in order of key: the reference keeps it in a map whose order is not its own. */
static hooke_status sort_pairs(const char ***out, const char *const *pairs)
{
    size_t n = 0;
    for (*out = NULL; pairs && pairs[n]; n += 2)
        RETURN_IF(!pairs[n + 1], HOOKE_E_ARGUMENT, "metadata '%s' has no value", pairs[n]);
    *out = mem_alloc(n + 1, sizeof **out);
    RETURN_IF(!*out, HOOKE_E_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) (*out)[i] = pairs[i];
    qsort(*out, n / 2, 2 * sizeof **out, compare_pairs);
    return HOOKE_OK;
}

hooke_status hooke_write_safetensors(const char *path, const hooke_tensor_out *tensors, int n,
                                     const char *const *metadata_pairs)
{
    RETURN_IF(!path || n < 0 || (n && !tensors), HOOKE_E_ARGUMENT,
              "hooke_write_safetensors: path or tensors are NULL");
    for (int i = 0; i < n; i++) {
        uint64_t bytes;
        RETURN_IF_ERROR(st_tensor_bytes(&bytes, &tensors[i]));
    }
    hooke_tensor_out *sorted = mem_alloc((size_t)n, sizeof *sorted);
    const char **pairs = NULL;
    if (!sorted) {
        fail(HOOKE_E_MEMORY, "out of memory for %d tensors", n);
        return HOOKE_E_MEMORY;
    }
    hooke_status st = sort_pairs(&pairs, metadata_pairs);
    if (st == HOOKE_OK) {
        if (n) memcpy(sorted, tensors, (size_t)n * sizeof *sorted);
        qsort(sorted, (size_t)n, sizeof *sorted, compare_for_file);
        st = write_sorted(path, sorted, n, metadata_pairs ? pairs : NULL);
    }
    mem_free(pairs);
    mem_free(sorted);
    return st;
}
