/* torch_file.c: the archive and its storages; the walk over the pickle's values is torch_walk.c. */
#include <stdlib.h>
#include <string.h>

#include "file/sniff.h"
#include "file/torch_archive.h"

static const unsigned char *bytes_of(const struct torch_file *f)
{
    return f->file.data;
}

/* ---- members ---- */

static int compare_members(const void *pa, const void *pb)
{
    const struct zip_entry *a = pa, *b = pb;
    return strcmp(a->name, b->name);
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const struct zip_entry *)entry)->name);
}

/* ROOT/name, or NULL. */
static const struct zip_entry *find_member(const struct torch_file *f, const char *name)
{
    const struct torch_archive *a = f->archive;
    char full[TORCH_MAX_ROOT_BYTES + 64];
    size_t n = strlen(name);
    if (n >= 64) return NULL;
    memcpy(full, a->root, a->root_bytes);
    memcpy(full + a->root_bytes, name, n + 1);
    return bsearch(full, a->members, (size_t)a->n_members, sizeof *a->members, compare_name);
}

/* The one member ROOT/data.pkl gives the root, slash included. */
static hooke_status find_root(struct torch_file *f)
{
    struct torch_archive *a = f->archive;
    const char *path = f->file.path;
    int found = 0;
    for (int i = 0; i < a->n_members; i++) {
        const char *name = a->members[i].name, *slash = strchr(name, '/');
        if (!slash || strcmp(slash + 1, "data.pkl") != 0) continue;
        a->root = name;
        a->root_bytes = (size_t)(slash + 1 - name);
        found++;
    }
    RETURN_IF(found != 1, HOOKE_E_FORMAT,
              "%s: a ZIP archive, but no PyTorch file: %s member is called ROOT/data.pkl", path,
              found ? "more than one" : "no");
    RETURN_IF(a->root_bytes > TORCH_MAX_ROOT_BYTES, HOOKE_E_UNSUPPORTED,
              "%s: the archive's folder has a name of %zu bytes, the limit is %d", path, a->root_bytes,
              TORCH_MAX_ROOT_BYTES);
    RETURN_IF(find_member(f, "constants.pkl"), HOOKE_E_UNSUPPORTED,
              "%s: a TorchScript program, not a file of tensors: save the module's state_dict() instead",
              path);
    return HOOKE_OK;
}

/* PyTorch can be told to leave checksums out, and then writes wrong ones: a mismatch has a message and a way out of its own. */
static hooke_status check_crc(const struct torch_file *f, const struct zip_entry *e)
{
    if (f->archive->skip_crc) return HOOKE_OK;
    hooke_status st = zip_check_stored(NULL, e, bytes_of(f), f->file.path);
    RETURN_IF(
        st == HOOKE_E_FORMAT, HOOKE_E_FORMAT,
        "%s: member '%.200s' does not have the CRC that the archive states: it is damaged, or was saved with "
        "checksums off (then HOOKE_TORCH_CRC=ignore reads it)",
        f->file.path, e->name);
    return st;
}

/* A whole member: in the archive where it is stored, else unpacked into *owned. Its CRC is checked. */
static hooke_status open_member(const struct torch_file *f, const struct zip_entry *e,
                                const unsigned char **out, unsigned char **owned)
{
    *owned = NULL;
    *out = bytes_of(f) + e->begin;
    if (!e->is_deflated) return check_crc(f, e);
    *owned = mem_alloc_raw(e->size, 1);
    RETURN_IF(!*owned, HOOKE_E_MEMORY, "%s: out of memory for %zu bytes", f->file.path, e->size);
    *out = *owned;
    return zip_unpack(*owned, e->size, e, bytes_of(f), f->file.path);
}

static hooke_status check_byteorder(const struct torch_file *f)
{
    const struct zip_entry *e = find_member(f, "byteorder");
    unsigned char *owned = NULL;
    const unsigned char *text;
    if (!e) return HOOKE_OK; /* files from before PyTorch 2.1 */
    RETURN_IF(e->size > 64, HOOKE_E_FORMAT, "%s: member 'byteorder' has %zu bytes", f->file.path, e->size);
    hooke_status st = open_member(f, e, &text, &owned);
    if (st == HOOKE_OK && (e->size != 6 || memcmp(text, "little", 6) != 0))
        st = fail(HOOKE_E_UNSUPPORTED,
                  "%s: its byteorder is '%.*s', only little is read; load and save it again on a "
                  "little-endian machine",
                  f->file.path, (int)e->size, (const char *)text);
    mem_free(owned);
    return st;
}

static hooke_status run_pickle(struct torch_file *f)
{
    struct torch_archive *a = f->archive;
    const struct zip_entry *e = find_member(f, "data.pkl");
    const unsigned char *program;
    RETURN_IF(!e, HOOKE_E_INTERNAL, "%s: data.pkl is gone", f->file.path);
    RETURN_IF(e->size > PICKLE_MAX_BYTES, HOOKE_E_UNSUPPORTED, "%s: a pickle of %zu bytes, the limit is %d",
              f->file.path, e->size, PICKLE_MAX_BYTES);
    RETURN_IF_ERROR(open_member(f, e, &program, &a->unpacked_pickle));
    return pickle_parse(&a->pickle, program, e->size, f->file.path);
}

/* Every storage has its member, of exactly its size. */
static hooke_status find_storage(struct torch_file *f, uint32_t storage)
{
    struct torch_archive *a = f->archive;
    const struct pickle_storage *s = pickle_storage_at(&a->pickle, storage);
    char name[32] = "data/";
    memcpy(name + 5, s->key, s->key_bytes); /* at most 10 */
    const struct zip_entry *e = find_member(f, name);
    RETURN_IF(!e, HOOKE_E_FORMAT, "%s: the pickle speaks of storage '%s', which is not in the archive",
              f->file.path, name);
    size_t bytes = (size_t)s->n_items * dtype_bytes(s->dtype);
    RETURN_IF(e->size != bytes, HOOKE_E_FORMAT,
              "%s: storage '%s': %lld elements of %s are %zu bytes, the member has %zu", f->file.path, name,
              (long long)s->n_items, dtype_name(s->dtype), bytes, e->size);
    a->member_of[storage] = (int)(e - a->members);
    return HOOKE_OK;
}

static hooke_status find_storages(struct torch_file *f)
{
    struct torch_archive *a = f->archive;
    size_t n = a->pickle.storages.n;
    a->member_of = arena_alloc(&f->arena, n, sizeof *a->member_of);
    a->storages = arena_alloc(&f->arena, (size_t)a->n_members, sizeof *a->storages);
    if (!a->member_of || !a->storages) return HOOKE_E_MEMORY;
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(find_storage(f, (uint32_t)i));
    for (int i = 0; i < a->n_members; i++)
        if (strncmp(a->members[i].name, a->root, a->root_bytes) == 0 &&
            strncmp(a->members[i].name + a->root_bytes, "data/", 5) == 0)
            a->storage_bytes += a->members[i].size; /* they do not overlap, and deflate has a largest ratio */
    return HOOKE_OK;
}

/* ---- open ---- */

static const char legacy_help[] = "load it with PyTorch and save it again: "
                                  "torch.save(torch.load(F, map_location='cpu', weights_only=True), F)";

/* What is no ZIP archive: the two older formats of torch.save, or anything else. */
static hooke_status refuse_foreign(const struct torch_file *f)
{
    static const unsigned char magic[] = { 0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C,
                                           0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19 };
    const unsigned char *p = bytes_of(f);
    size_t n = f->file.n;
    RETURN_IF(n >= sizeof magic && memcmp(p, magic, sizeof magic) == 0, HOOKE_E_UNSUPPORTED,
              "%s: a PyTorch file from before version 1.6 (pickles back to back, no ZIP archive); %s",
              f->file.path, legacy_help);
    RETURN_IF(n >= 262 && memcmp(p + 257, "ustar", 5) == 0, HOOKE_E_UNSUPPORTED,
              "%s: a TAR archive (PyTorch before version 0.1.10?); %s", f->file.path, legacy_help);
    RETURN_IF(n >= 2 && p[0] == 0x80 && p[1] <= 5, HOOKE_E_UNSUPPORTED,
              "%s: a bare Python pickle, not torch.save's archive; %s", f->file.path, legacy_help);
    return fail(HOOKE_E_FORMAT, "%s: no PyTorch file; it looks like %s", f->file.path, looks_like(p, n));
}

static hooke_status open_archive(struct torch_file *f)
{
    struct torch_archive *a = arena_alloc(&f->arena, 1, sizeof *a);
    if (!a) return HOOKE_E_MEMORY;
    f->archive = a;
    const char *crc = getenv("HOOKE_TORCH_CRC");
    a->skip_crc = crc && strcmp(crc, "ignore") == 0;
    bool is_zip = f->file.n >= 4 && memcmp(bytes_of(f), "PK\3\4", 4) == 0;
    if (!is_zip) return refuse_foreign(f);
    RETURN_IF_ERROR(zip_list(&a->members, &a->n_members, &f->arena, bytes_of(f), f->file.n, f->file.path));
    qsort(a->members, (size_t)a->n_members, sizeof *a->members, compare_members);
    RETURN_IF_ERROR(find_root(f));
    RETURN_IF_ERROR(check_byteorder(f));
    RETURN_IF_ERROR(run_pickle(f));
    RETURN_IF_ERROR(find_storages(f));
    return torch_walk(f);
}

hooke_status torch_file_open(struct torch_file *out, const char *path)
{
    memset(out, 0, sizeof *out);
    RETURN_IF_ERROR(map_open(&out->file, path));
    out->is_mapped = true;
    hooke_status st = open_archive(out);
    if (st != HOOKE_OK) torch_file_close(out);
    return st;
}

hooke_status torch_file_parse(struct torch_file *out, const unsigned char *bytes, size_t n, const char *name)
{
    memset(out, 0, sizeof *out);
    out->file.data = bytes;
    out->file.n = n;
    out->file.path = arena_copy(&out->arena, name, strlen(name));
    hooke_status st = out->file.path ? open_archive(out) : HOOKE_E_MEMORY;
    if (st != HOOKE_OK) torch_file_close(out);
    return st;
}

void torch_file_close(struct torch_file *f)
{
    struct torch_archive *a = f->archive;
    for (int i = 0; a && a->storages && i < a->n_members; i++) mem_free(a->storages[i].owned);
    for (int i = 0; a && a->copies && i < f->n_tensors; i++) mem_free(a->copies[i]);
    if (a) {
        pickle_release(&a->pickle);
        mem_free(a->unpacked_pickle);
    }
    if (f->is_mapped) map_close(&f->file);
    arena_release(&f->arena);
    memset(f, 0, sizeof *f);
}

/* ---- load ---- */

static hooke_status load_storage(struct torch_file *f, int member)
{
    struct torch_storage *s = &f->archive->storages[member];
    if (s->data) return HOOKE_OK;
    const unsigned char *data;
    hooke_status st = open_member(f, &f->archive->members[member], &data, &s->owned);
    if (st != HOOKE_OK) {
        mem_free(s->owned);
        s->owned = NULL;
        return st;
    }
    s->data = data;
    return HOOKE_OK;
}

/* Row-major, without gaps. Extents of 1 may have any stride. */
static bool is_plain(const struct pickle_tensor *t)
{
    int64_t expected = 1;
    if (t->n_items == 0) return true;
    for (int i = t->n_dims - 1; i >= 0; i--) {
        if (t->size[i] != 1 && t->stride[i] != expected) return false;
        expected *= t->size[i];
    }
    return true;
}

/* Walks the output in order and keeps the input's place. */
static void gather(unsigned char *out, const unsigned char *in, const struct pickle_tensor *t)
{
    size_t item = dtype_bytes(t->dtype);
    int64_t index[MAX_DIMS] = { 0 }, at = 0;
    for (int64_t i = 0; i < t->n_items; i++) {
        memcpy(out + (size_t)i * item, in + (size_t)at * item, item);
        for (int d = t->n_dims - 1; d >= 0; d--) {
            at += t->stride[d];
            if (++index[d] < t->size[d]) break;
            at -= t->stride[d] * t->size[d];
            index[d] = 0;
        }
    }
}

/* A view of stride 0 has more elements than its storage: small files must not become large memory. */
static hooke_status account_copy(struct torch_file *f, const struct stored_tensor *t)
{
    struct torch_archive *a = f->archive;
    size_t limit;
    if (__builtin_mul_overflow(a->storage_bytes, (size_t)4, &limit) ||
        __builtin_add_overflow(limit, (size_t)TORCH_MAX_COPIES_BYTES, &limit))
        limit = SIZE_MAX;
    RETURN_IF(t->bytes > limit - a->copied_bytes, HOOKE_E_UNSUPPORTED,
              "%s: tensor '%.200s': a view of %zu bytes, past what storages of %zu bytes may unfold to (%zu)",
              f->file.path, t->name, t->bytes, a->storage_bytes, limit);
    a->copied_bytes += t->bytes;
    return HOOKE_OK;
}

static hooke_status load_tensor(struct torch_file *f, int i)
{
    struct torch_archive *a = f->archive;
    struct stored_tensor *t = &f->tensors[i];
    const struct pickle_tensor *view = pickle_tensor_at(&a->pickle, a->views[i]);
    int member = a->member_of[view->storage];
    RETURN_IF_ERROR(load_storage(f, member));
    size_t item = dtype_bytes(view->dtype);
    const unsigned char *begin = a->storages[member].data;
    if (t->n_items > 0) begin += (size_t)view->offset * item;
    if (is_plain(view) && (uintptr_t)begin % item == 0) {
        t->data = begin;
        return HOOKE_OK;
    }
    RETURN_IF_ERROR(account_copy(f, t));
    a->copies[i] = mem_alloc_raw(t->bytes, 1);
    RETURN_IF(!a->copies[i], HOOKE_E_MEMORY, "%s: tensor '%.200s': out of memory for %zu bytes", f->file.path,
              t->name, t->bytes);
    gather(a->copies[i], begin, view);
    t->data = a->copies[i];
    return HOOKE_OK;
}

const struct stored_tensor *torch_file_find(const struct torch_file *f, const char *name)
{
    for (int i = 0; i < f->n_tensors; i++)
        if (strcmp(f->tensors[i].name, name) == 0) return &f->tensors[i];
    return NULL;
}

hooke_status torch_file_load(struct torch_file *f, const struct stored_tensor **out, const char *name)
{
    *out = NULL;
    const struct stored_tensor *t = torch_file_find(f, name);
    RETURN_IF(!t, HOOKE_E_NOT_FOUND, "%s: no tensor '%.200s'", f->file.path, name);
    if (!t->data) RETURN_IF_ERROR(load_tensor(f, (int)(t - f->tensors)));
    *out = t;
    return HOOKE_OK;
}

const struct torch_value *torch_file_value(const struct torch_file *f, const char *name)
{
    for (int i = 0; i < f->n_values; i++)
        if (strcmp(f->values[i].name, name) == 0) return &f->values[i];
    return NULL;
}
