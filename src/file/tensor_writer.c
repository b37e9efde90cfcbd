/* tensor_writer.c: a safetensors file whose data come in any order: every place is known before the first byte. */
#include "file/safetensors.h"

struct hooke_tensor_writer {
    struct new_file file;
    int n;
    uint64_t *begin; /* [n + 1] where each tensor's data begin in the file; last: the file's length */
};

static hooke_status lay_out(hooke_tensor_writer *w, const hooke_tensor_out *tensors, uint64_t first)
{
    w->begin[0] = first;
    for (int i = 0; i < w->n; i++) {
        uint64_t bytes;
        RETURN_IF_ERROR(st_tensor_bytes(&bytes, &tensors[i]));
        RETURN_IF(__builtin_add_overflow(w->begin[i], bytes, &w->begin[i + 1]) || w->begin[i + 1] > INT64_MAX,
                  HOOKE_E_ARGUMENT, "tensor '%s': too much data", tensors[i].name);
    }
    return HOOKE_OK;
}

static hooke_status begin_file(hooke_tensor_writer *w, const char *path, const hooke_tensor_out *tensors,
                               const char *const *metadata_pairs)
{
    hooke_text header = { 0 };
    hooke_status st = st_header(&header, path, tensors, w->n, metadata_pairs);
    if (st == HOOKE_OK) st = lay_out(w, tensors, header.n);
    if (st == HOOKE_OK) st = new_file_open(&w->file, path);
    if (st == HOOKE_OK) st = new_file_reserve(&w->file, w->begin[w->n]);
    if (st == HOOKE_OK) st = new_file_put(&w->file, 0, header.data, header.n);
    hooke_text_release(&header);
    return st;
}

hooke_status hooke_tensor_writer_open(hooke_tensor_writer **out, const char *path,
                                      const hooke_tensor_out *tensors, int n,
                                      const char *const *metadata_pairs)
{
    RETURN_IF(!out || !path || n < 0 || (n && !tensors), HOOKE_E_ARGUMENT,
              "hooke_tensor_writer_open: out, path or tensors are NULL");
    *out = NULL;
    hooke_tensor_writer *w = mem_alloc(1, sizeof *w);
    if (w) w->begin = mem_alloc((size_t)n + 1, sizeof *w->begin);
    hooke_status st = w && w->begin ? HOOKE_OK : fail(HOOKE_E_MEMORY, "%s: out of memory", path);
    if (w) w->n = n;
    if (st == HOOKE_OK) st = begin_file(w, path, tensors, metadata_pairs);
    if (st != HOOKE_OK) {
        hooke_tensor_writer_abandon(w);
        return st;
    }
    *out = w;
    return HOOKE_OK;
}

hooke_status hooke_tensor_writer_put(hooke_tensor_writer *w, int tensor, int64_t byte, const void *data,
                                     size_t n_bytes)
{
    RETURN_IF(!w || tensor < 0 || tensor >= w->n || (n_bytes && !data), HOOKE_E_ARGUMENT,
              "hooke_tensor_writer_put: no such tensor, or no data");
    uint64_t size = w->begin[tensor + 1] - w->begin[tensor];
    RETURN_IF(byte < 0 || (uint64_t)byte > size || n_bytes > size - (uint64_t)byte, HOOKE_E_ARGUMENT,
              "%s: tensor %d has %llu bytes; %zu at %lld do not fit", w->file.path, tensor,
              (unsigned long long)size, n_bytes, (long long)byte);
    return new_file_put(&w->file, w->begin[tensor] + (uint64_t)byte, data, n_bytes);
}

int64_t hooke_tensor_writer_bytes(const hooke_tensor_writer *w)
{
    return (int64_t)w->begin[w->n];
}

hooke_status hooke_tensor_writer_commit(hooke_tensor_writer *w)
{
    RETURN_IF(!w, HOOKE_E_ARGUMENT, "hooke_tensor_writer_commit: the writer is NULL");
    hooke_status st = new_file_commit(&w->file);
    hooke_tensor_writer_abandon(w);
    return st;
}

void hooke_tensor_writer_abandon(hooke_tensor_writer *w)
{
    if (!w) return;
    new_file_abandon(&w->file);
    mem_free(w->begin);
    mem_free(w);
}
