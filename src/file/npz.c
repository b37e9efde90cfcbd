/* npz.c: an archive of arrays, or a single array. Headers are read and checked when it is opened, data when it is asked for. */
#include "file/npz.h"

#include <string.h>

#include "file/npy.h"

struct npz_member {
    struct zip_entry entry;
    struct npy_header header;
    bool has_header, is_loaded;
    unsigned char *owned; /* copy: unpacked, aligned, swapped or reordered; else NULL */
};

/* Of a deflated member, what is unpacked for its header's sake: far more than that header takes. */
enum { PACKED_PREFIX_MAX = 2 * NPY_PREFIX_MAX + 1024 };

static const unsigned char *archive_of(const struct npz *z)
{
    return z->source.bytes;
}

/* "path: member" for messages about one array. */
static const char *label(char out[512], const struct npz *z, int i)
{
    hooke_text t = { 0 };
    const char *text = text_printf(&t, "%.250s: '%.200s'", z->file.path, z->tensors[i].name) == HOOKE_OK
                           ? t.data
                           : z->file.path;
    size_t n = strlen(text) < 511 ? strlen(text) : 511;
    memcpy(out, text, n);
    out[n] = '\0';
    hooke_text_release(&t);
    return out;
}

/* ---- open ---- */

/* The .npy header at the member's begin. A deflated one's bytes are unpacked as far as it may reach. */
static hooke_status parse_member_header(struct npz *z, struct npz_member *m, const char *name)
{
    struct zip_entry e = m->entry;
    size_t n = e.size < NPY_PREFIX_MAX ? e.size : NPY_PREFIX_MAX;
    if (!e.is_deflated) {
        RETURN_IF_ERROR(zip_need(&z->source, e.begin, n));
        return npy_parse_header(&m->header, archive_of(z) + e.begin, n, name);
    }
    if (n < e.size && e.packed > PACKED_PREFIX_MAX) e.packed = PACKED_PREFIX_MAX;
    RETURN_IF_ERROR(zip_need(&z->source, e.begin, e.packed));
    unsigned char *prefix = mem_alloc_raw(n, 1);
    RETURN_IF(!prefix, HOOKE_E_MEMORY, "%s: out of memory", name);
    hooke_status st = zip_unpack(prefix, n, &e, archive_of(z), z->file.path);
    if (st == HOOKE_OK) st = npy_parse_header(&m->header, prefix, n, name);
    mem_free(prefix);
    return st;
}

/* The header, and that header and data fill the member exactly. */
static hooke_status read_member_header(struct npz *z, int i)
{
    struct npz_member *m = &z->members[i];
    struct stored_tensor *t = &z->tensors[i];
    char name[512];
    label(name, z, i);
    RETURN_IF_ERROR(parse_member_header(z, m, name));
    uint64_t bytes;
    RETURN_IF(__builtin_mul_overflow((uint64_t)m->header.n_items, m->header.item_bytes, &bytes) ||
                  bytes != m->entry.size - m->header.data_begin,
              HOOKE_E_FORMAT, "%s: %lld elements of %zu bytes do not fill %zu bytes", name,
              (long long)m->header.n_items, m->header.item_bytes, m->entry.size - m->header.data_begin);
    t->dtype = m->header.dtype;
    t->dtype_text = m->header.descr;
    t->n_dims = m->header.n_dims;
    memcpy(t->shape, m->header.shape, sizeof t->shape);
    t->n_items = m->header.n_items;
    t->bytes = (size_t)bytes;
    z->fortran_order[i] = m->header.fortran_order;
    m->has_header = true;
    return HOOKE_OK;
}

hooke_status npz_read_header(struct npz *z, int i)
{
    struct npz_member *m = &z->members[i];
    if (m->has_header) return HOOKE_OK;
    RETURN_IF_ERROR(zip_find_data(&m->entry, &z->source, z->file.path));
    return read_member_header(z, i);
}

void npz_find(struct npz_place *out, const struct npz *z, int i)
{
    const struct npz_member *m = &z->members[i];
    *out = (struct npz_place){ .member = m->entry.begin,
                               .data = m->entry.begin + m->header.data_begin,
                               .packed = m->entry.packed,
                               .crc = m->entry.crc };
    if (m->entry.is_deflated)
        out->why_not = "deflated";
    else if (m->header.fortran_order && m->header.n_dims > 1)
        out->why_not = "stored column by column (fortran_order)";
    else if (m->header.swap)
        out->why_not = "big-endian";
}

static hooke_status make_room(struct npz *z, size_t n)
{
    z->members = arena_alloc(&z->arena, n, sizeof *z->members);
    z->tensors = arena_alloc(&z->arena, n, sizeof *z->tensors);
    z->fortran_order = arena_alloc(&z->arena, n, sizeof *z->fortran_order);
    return z->members && z->tensors && z->fortran_order ? HOOKE_OK : HOOKE_E_MEMORY;
}

/* PyTorch's files are archives too (torch_file.h). */
static hooke_status explain_foreign(const struct zip_entry *entries, int n, const char *path)
{
    for (int i = 0; i < n; i++) {
        size_t length = strlen(entries[i].name);
        RETURN_IF(length >= 8 && strcmp(entries[i].name + length - 8, "data.pkl") == 0, HOOKE_E_UNSUPPORTED,
                  "%s: a PyTorch file (.pt), not an archive of arrays", path);
    }
    return fail(HOOKE_E_FORMAT,
                "%s: a ZIP archive without .npy members ('%.200s' is one of %d): neither "
                "numpy's arrays nor PyTorch's tensors; unpack it to see what is inside",
                path, entries[0].name, n);
}

static hooke_status open_archive(struct npz *z)
{
    struct zip_entry *entries;
    int n;
    RETURN_IF_ERROR(zip_list_directory(&entries, &n, &z->arena, &z->source, z->file.path));
    RETURN_IF_ERROR(make_room(z, (size_t)n));
    for (int i = 0; i < n; i++) {
        size_t length = strlen(entries[i].name);
        if (length < 4 || strcmp(entries[i].name + length - 4, ".npy") != 0)
            continue; /* no array: not ours */
        int k = z->n_tensors++;
        z->members[k].entry = entries[i];
        z->tensors[k].name = arena_copy(&z->arena, entries[i].name, length - 4);
        if (!z->tensors[k].name) return HOOKE_E_MEMORY;
    }
    return z->n_tensors == 0 && n > 0 ? explain_foreign(entries, n, z->file.path) : HOOKE_OK;
}

/* A lone .npy is an archive of one member, stored, without a CRC. It is called by its file's name. */
static hooke_status open_array(struct npz *z)
{
    const char *slash = strrchr(z->file.path, '/'), *base = slash ? slash + 1 : z->file.path;
    size_t n = strlen(base);
    if (n > 4 && strcmp(base + n - 4, ".npy") == 0) n -= 4;
    RETURN_IF_ERROR(make_room(z, 1));
    z->n_tensors = 1;
    z->tensors[0].name = arena_copy(&z->arena, base, n);
    if (!z->tensors[0].name) return HOOKE_E_MEMORY;
    z->members[0].entry.name = z->tensors[0].name;
    z->members[0].entry.size = z->members[0].entry.packed = z->file.n;
    return read_member_header(z, 0);
}

static hooke_status open_bytes(struct npz *z)
{
    z->source = (struct zip_source){ .bytes = z->file.data, .n = z->file.n };
    if (z->file.n >= 6 && memcmp(z->file.data, "\x93NUMPY", 6) == 0) return open_array(z);
    RETURN_IF_ERROR(open_archive(z));
    for (int i = 0; i < z->n_tensors; i++) RETURN_IF_ERROR(npz_read_header(z, i));
    return HOOKE_OK;
}

hooke_status npz_open(struct npz *out, const char *path)
{
    memset(out, 0, sizeof *out);
    RETURN_IF_ERROR(map_open(&out->file, path));
    out->is_mapped = true;
    hooke_status st = open_bytes(out);
    if (st != HOOKE_OK) npz_close(out);
    return st;
}

hooke_status npz_parse_source(struct npz *out, const struct zip_source *source, const char *name)
{
    memset(out, 0, sizeof *out);
    out->source = *source;
    out->file.path = arena_copy(&out->arena, name, strlen(name));
    hooke_status st = out->file.path ? open_archive(out) : HOOKE_E_MEMORY;
    if (st != HOOKE_OK) npz_close(out);
    return st;
}

hooke_status npz_parse(struct npz *out, const unsigned char *bytes, size_t n, const char *name)
{
    memset(out, 0, sizeof *out);
    out->file.data = bytes;
    out->file.n = n;
    out->file.path = arena_copy(&out->arena, name, strlen(name));
    hooke_status st = out->file.path ? open_bytes(out) : HOOKE_E_MEMORY;
    if (st != HOOKE_OK) npz_close(out);
    return st;
}

void npz_close(struct npz *z)
{
    for (int i = 0; i < z->n_tensors; i++) mem_free(z->members[i].owned);
    if (z->is_mapped) map_close(&z->file);
    arena_release(&z->arena);
    memset(z, 0, sizeof *z);
}

/* ---- load ---- */

static bool is_aligned(const struct npz_member *m, const unsigned char *data)
{
    size_t item = m->header.item_bytes;
    size_t align = item % 8 == 0 ? 8 : item % 4 == 0 ? 4 : item % 2 == 0 ? 2 : 1;
    return (uintptr_t)data % align == 0;
}

static void swap_items(unsigned char *p, int64_t n_items, size_t item)
{
    for (int64_t i = 0; i < n_items; i++, p += item)
        for (size_t a = 0, b = item - 1; a < b; a++, b--) {
            unsigned char kept = p[a];
            p[a] = p[b];
            p[b] = kept;
        }
}

/* Column-major to row-major: walks the output in order and keeps the input's place, whose first index is the fastest. */
static void reorder(unsigned char *out, const unsigned char *in, const struct npy_header *h)
{
    int64_t index[MAX_DIMS] = { 0 }, stride[MAX_DIMS], at = 0;
    for (int d = 0; d < h->n_dims; d++) stride[d] = d ? stride[d - 1] * h->shape[d - 1] : 1;
    for (int64_t i = 0; i < h->n_items; i++) {
        memcpy(out + (size_t)i * h->item_bytes, in + (size_t)at * h->item_bytes, h->item_bytes);
        for (int d = h->n_dims - 1; d >= 0; d--) {
            at += stride[d];
            if (++index[d] < h->shape[d]) break;
            at -= stride[d] * h->shape[d];
            index[d] = 0;
        }
    }
}

/* A block whose data part, behind `head` bytes of header, is 64-byte aligned: *start is the header's first byte. */
static hooke_status take_block(unsigned char **owned, unsigned char **start, size_t bytes, size_t head,
                               const char *name)
{
    size_t shift = (64 - head % 64) % 64;
    *owned = mem_alloc_raw(bytes + shift, 1);
    if (!*owned) {
        fail(HOOKE_E_MEMORY, "%s: out of memory for %zu bytes", name, bytes);
        return HOOKE_E_MEMORY;
    }
    *start = *owned + shift;
    return HOOKE_OK;
}

/* The member's bytes, CRC checked: a view where they can be used as they lie, else a copy in m->owned. */
static hooke_status fetch(struct npz *z, struct npz_member *m, unsigned char **start, const char *name)
{
    const struct zip_entry *e = &m->entry;
    const unsigned char *view = archive_of(z) + e->begin;
    bool is_lone = e->begin == 0; /* an .npy: there is no CRC */
    bool copies = e->is_deflated || m->header.swap || !is_aligned(m, view + m->header.data_begin);
    *start = NULL;
    RETURN_IF_ERROR(zip_need(&z->source, e->begin, e->packed));
    if (copies) RETURN_IF_ERROR(take_block(&m->owned, start, e->size, m->header.data_begin, name));
    if (e->is_deflated) return zip_unpack(*start, e->size, e, archive_of(z), z->file.path);
    if (!is_lone)
        RETURN_IF_ERROR(zip_check_stored(*start, e, archive_of(z), z->file.path));
    else if (copies)
        memcpy(*start, view, e->size);
    if (copies && z->is_mapped) map_drop(&z->file, e->begin, e->size); /* the copy is what stays resident */
    if (!copies) *start = (unsigned char *)(uintptr_t)view;            /* read only from here on */
    return HOOKE_OK;
}

static hooke_status load_member(struct npz *z, int i)
{
    struct npz_member *m = &z->members[i];
    unsigned char *start, *reordered = NULL, *rows = NULL;
    char name[512];
    label(name, z, i);
    RETURN_IF_ERROR(fetch(z, m, &start, name));
    unsigned char *data = start + m->header.data_begin;
    if (m->header.swap) swap_items(data, m->header.n_items, m->header.item_bytes);
    if (m->header.fortran_order && m->header.n_dims > 1 && m->header.n_items > 0) {
        RETURN_IF_ERROR(take_block(&reordered, &rows, z->tensors[i].bytes, 0, name));
        reorder(rows, data, &m->header);
        mem_free(m->owned);
        m->owned = reordered;
        data = rows;
    }
    z->tensors[i].data = data;
    m->is_loaded = true;
    return HOOKE_OK;
}

hooke_status npz_load(struct npz *z, const struct stored_tensor **out, const char *name)
{
    *out = NULL;
    for (int i = 0; i < z->n_tensors; i++) {
        if (strcmp(z->tensors[i].name, name) != 0) continue;
        struct npz_member *m = &z->members[i];
        hooke_status st = npz_read_header(z, i);
        if (st == HOOKE_OK && !m->is_loaded) st = load_member(z, i);
        if (st != HOOKE_OK) {
            mem_free(m->owned);
            m->owned = NULL;
            return st;
        }
        *out = &z->tensors[i];
        return HOOKE_OK;
    }
    return fail(HOOKE_E_NOT_FOUND, "%s: no array '%.200s'", z->file.path, name);
}
