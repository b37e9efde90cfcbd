#include "file/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/parallel.h"
#include "file/sniff.h"

enum { LOCAL_BYTES = 30, CENTRAL_BYTES = 46, END_BYTES = 22, LOCATOR64_BYTES = 20, END64_BYTES = 56 };
enum { MAX_ENTRIES = 1 << 20, COMMENT_MAX = 65535, DEFLATE_MAX_RATIO = 1032, SNIFF_BYTES = 512 };
enum { FLAG_ENCRYPTED = 1, METHOD_STORED = 0, METHOD_DEFLATED = 8 };
#define SATURATED32 0xFFFFFFFFu /* "see the ZIP64 record" */

static uint16_t get16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const unsigned char *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const unsigned char *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static bool has_signature(const unsigned char *p, unsigned char c, unsigned char d)
{
    return p[0] == 'P' && p[1] == 'K' && p[2] == c && p[3] == d;
}

/* ---- the directory's place ---- */

struct directory {
    uint64_t begin, bytes, n_entries;
    size_t end; /* where the end records begin */
};

hooke_status zip_need(const struct zip_source *source, size_t at, size_t count)
{
    return source->need && count ? source->need(source->payload, at, count) : HOOKE_OK;
}

/* The end record is the last thing but a comment, whose length it states. */
static bool find_end(size_t *at, const unsigned char *bytes, size_t n)
{
    if (n < END_BYTES) return false;
    for (size_t comment = 0; comment <= COMMENT_MAX && comment + END_BYTES <= n; comment++) {
        const unsigned char *p = bytes + n - END_BYTES - comment;
        if (!has_signature(p, 5, 6) || get16(p + 20) != comment) continue;
        *at = n - END_BYTES - comment;
        return true;
    }
    return false;
}

static hooke_status read_end64(struct directory *d, const struct zip_source *source, size_t locator,
                               const char *name)
{
    const unsigned char *bytes = source->bytes;
    uint64_t at = get64(bytes + locator + 8);
    RETURN_IF(get32(bytes + locator + 4) != 0 || get32(bytes + locator + 16) > 1, HOOKE_E_UNSUPPORTED,
              "%s: an archive in several parts", name);
    bool is_inside = locator >= END64_BYTES && at <= locator - END64_BYTES;
    if (is_inside) RETURN_IF_ERROR(zip_need(source, (size_t)at, END64_BYTES));
    RETURN_IF(!is_inside || !has_signature(bytes + at, 6, 6), HOOKE_E_FORMAT,
              "%s: no ZIP64 end record at byte %llu", name, (unsigned long long)at);
    const unsigned char *p = bytes + at;
    RETURN_IF(get32(p + 16) != 0 || get32(p + 20) != 0 || get64(p + 24) != get64(p + 32), HOOKE_E_UNSUPPORTED,
              "%s: an archive in several parts", name);
    d->n_entries = get64(p + 32);
    d->bytes = get64(p + 40);
    d->begin = get64(p + 48);
    d->end = (size_t)at;
    return HOOKE_OK;
}

static hooke_status find_directory(struct directory *d, const struct zip_source *source, const char *name)
{
    const unsigned char *bytes = source->bytes;
    size_t end, n = source->n, tail = END_BYTES + COMMENT_MAX + LOCATOR64_BYTES;
    RETURN_IF_ERROR(zip_need(source, n > tail ? n - tail : 0, n > tail ? tail : n));
    if (!find_end(&end, bytes, n)) {
        RETURN_IF_ERROR(zip_need(source, 0, n < SNIFF_BYTES ? n : SNIFF_BYTES));
        return fail(HOOKE_E_FORMAT, "%s: no ZIP archive, or one cut short; it looks like %s", name,
                    looks_like(bytes, n < SNIFF_BYTES ? n : SNIFF_BYTES));
    }
    const unsigned char *p = bytes + end;
    d->n_entries = get16(p + 10);
    d->bytes = get32(p + 12);
    d->begin = get32(p + 16);
    d->end = end;
    if (end >= LOCATOR64_BYTES && has_signature(p - LOCATOR64_BYTES, 6, 7)) {
        RETURN_IF_ERROR(read_end64(d, source, end - LOCATOR64_BYTES, name));
    } else {
        RETURN_IF(get16(p + 4) != 0 || get16(p + 6) != 0 || get16(p + 8) != get16(p + 10),
                  HOOKE_E_UNSUPPORTED, "%s: an archive in several parts", name);
    }
    RETURN_IF(d->begin > d->end || d->bytes != d->end - d->begin, HOOKE_E_FORMAT,
              "%s: the directory (%llu bytes at %llu) does not end where the end record begins (%zu)", name,
              (unsigned long long)d->bytes, (unsigned long long)d->begin, d->end);
    RETURN_IF(d->n_entries > d->bytes / CENTRAL_BYTES, HOOKE_E_FORMAT,
              "%s: %llu members in a directory of %llu bytes", name, (unsigned long long)d->n_entries,
              (unsigned long long)d->bytes);
    RETURN_IF(d->n_entries > MAX_ENTRIES, HOOKE_E_UNSUPPORTED, "%s: %llu members, the limit is %d", name,
              (unsigned long long)d->n_entries, MAX_ENTRIES);
    return HOOKE_OK;
}

/* ---- one member ---- */

/* Numbers of a central record that may stand in its ZIP64 extra field. */
struct sizes {
    uint64_t size, packed, offset, disk;
};

static bool take64(uint64_t *v, bool is_saturated, unsigned bytes, const unsigned char **p,
                   const unsigned char *end)
{
    if (!is_saturated) return true;
    if (*p > end || (size_t)(end - *p) < bytes) return false;
    *v = bytes == 8 ? get64(*p) : get32(*p);
    *p += bytes;
    return true;
}

/* The ZIP64 field holds, in this order, only what the record leaves saturated. */
static bool read_sizes(struct sizes *s, const unsigned char *record, const unsigned char *extra,
                       size_t extra_bytes)
{
    s->packed = get32(record + 20);
    s->size = get32(record + 24);
    s->disk = get16(record + 34);
    s->offset = get32(record + 42);
    const unsigned char *end = extra + extra_bytes;
    while (end - extra >= 4) {
        const unsigned char *p = extra + 4, *field_end = p + get16(extra + 2);
        if (field_end > end) return false;
        if (get16(extra) == 1)
            return take64(&s->size, s->size == SATURATED32, 8, &p, field_end) &&
                   take64(&s->packed, s->packed == SATURATED32, 8, &p, field_end) &&
                   take64(&s->offset, s->offset == SATURATED32, 8, &p, field_end) &&
                   take64(&s->disk, s->disk == 0xFFFF, 4, &p, field_end);
        extra = field_end;
    }
    return true;
}

static hooke_status read_name(const char **out, struct arena *a, const unsigned char *s, size_t n,
                              const char *archive)
{
    RETURN_IF(memchr(s, '\0', n) || utf8_valid_prefix((const char *)s, n) != n, HOOKE_E_FORMAT,
              "%s: the name of a member is not UTF-8 text", archive);
    *out = arena_copy(a, (const char *)s, n);
    return *out ? HOOKE_OK : HOOKE_E_MEMORY;
}

/* Where the data begin is known from the local header alone; its name must be the directory's. */
hooke_status zip_find_data(struct zip_entry *e, const struct zip_source *source, const char *archive)
{
    const unsigned char *local = source->bytes + e->header;
    RETURN_IF_ERROR(zip_need(source, e->header, LOCAL_BYTES)); /* there is room for it: see set_rooms() */
    RETURN_IF(!has_signature(local, 3, 4), HOOKE_E_FORMAT, "%s: member '%.200s': no header at byte %zu",
              archive, e->name, e->header);
    size_t name_bytes = get16(local + 26), head = LOCAL_BYTES + name_bytes + get16(local + 28);
    if (head <= e->room) RETURN_IF_ERROR(zip_need(source, e->header, head));
    RETURN_IF(head > e->room || name_bytes != strlen(e->name) ||
                  memcmp(local + LOCAL_BYTES, e->name, name_bytes) != 0,
              HOOKE_E_FORMAT, "%s: member '%.200s': its header carries another name", archive, e->name);
    RETURN_IF(e->packed > e->room - head, HOOKE_E_FORMAT,
              "%s: member '%.200s': %zu bytes at %zu run into what follows", archive, e->name, e->packed,
              e->header);
    e->begin = e->header + head;
    return HOOKE_OK;
}

static hooke_status check_sizes(struct zip_entry *e, const struct sizes *s, unsigned method,
                                const char *archive)
{
    RETURN_IF(s->disk != 0, HOOKE_E_UNSUPPORTED, "%s: an archive in several parts", archive);
    RETURN_IF(s->packed > PTRDIFF_MAX || s->size > PTRDIFF_MAX, HOOKE_E_FORMAT,
              "%s: member '%.200s': a size past 63 bits", archive, e->name);
    e->is_deflated = method == METHOD_DEFLATED;
    e->packed = (size_t)s->packed;
    e->size = (size_t)s->size;
    RETURN_IF(!e->is_deflated && e->size != e->packed, HOOKE_E_FORMAT,
              "%s: member '%.200s' is stored, but %zu bytes stand for %zu", archive, e->name, e->packed,
              e->size);
    RETURN_IF(e->is_deflated && e->size / DEFLATE_MAX_RATIO > e->packed, HOOKE_E_FORMAT,
              "%s: member '%.200s': %zu bytes cannot unpack to %zu", archive, e->name, e->packed, e->size);
    return HOOKE_OK;
}

/* Reads the record at *at and moves on. */
static hooke_status read_record(struct zip_entry *e, struct arena *a, size_t *at, const unsigned char *bytes,
                                const struct directory *d, const char *archive)
{
    const unsigned char *p = bytes + *at;
    RETURN_IF(d->end - *at < CENTRAL_BYTES || !has_signature(p, 1, 2), HOOKE_E_FORMAT,
              "%s: no directory record at byte %zu", archive, *at);
    size_t name_bytes = get16(p + 28), extra_bytes = get16(p + 30),
           whole = CENTRAL_BYTES + name_bytes + extra_bytes + get16(p + 32);
    RETURN_IF(whole > d->end - *at, HOOKE_E_FORMAT, "%s: the directory record at byte %zu is cut short",
              archive, *at);
    RETURN_IF_ERROR(read_name(&e->name, a, p + CENTRAL_BYTES, name_bytes, archive));
    unsigned method = get16(p + 10);
    RETURN_IF(get16(p + 8) & FLAG_ENCRYPTED, HOOKE_E_UNSUPPORTED, "%s: member '%.200s' is encrypted", archive,
              e->name);
    RETURN_IF(method != METHOD_STORED && method != METHOD_DEFLATED, HOOKE_E_UNSUPPORTED,
              "%s: member '%.200s': compression method %u (0, stored, and 8, deflated, are read)", archive,
              e->name, method);
    struct sizes s;
    RETURN_IF(!read_sizes(&s, p, p + CENTRAL_BYTES + name_bytes, extra_bytes), HOOKE_E_FORMAT,
              "%s: member '%.200s': broken extra field", archive, e->name);
    e->crc = get32(p + 16);
    RETURN_IF_ERROR(check_sizes(e, &s, method, archive));
    RETURN_IF(s.offset > d->begin || d->begin - s.offset < LOCAL_BYTES, HOOKE_E_FORMAT,
              "%s: member '%.200s': no header at byte %llu", archive, e->name, (unsigned long long)s.offset);
    e->header = (size_t)s.offset;
    *at += whole;
    return HOOKE_OK;
}

/* ---- all members ---- */

static int compare_places(const void *pa, const void *pb)
{
    const struct zip_entry *a = *(const struct zip_entry *const *)pa,
                           *b = *(const struct zip_entry *const *)pb;
    return (a->header > b->header) - (a->header < b->header);
}

static int compare_names(const void *pa, const void *pb)
{
    const struct zip_entry *a = *(const struct zip_entry *const *)pa,
                           *b = *(const struct zip_entry *const *)pb;
    return strcmp(a->name, b->name);
}

/* Overlapping members are how a small archive unpacks to petabytes. A member ends where the next one's header begins. */
static hooke_status set_rooms(struct zip_entry **sorted, int n, const struct directory *d,
                              const char *archive)
{
    qsort(sorted, (size_t)n, sizeof *sorted, compare_places);
    for (int i = 0; i < n; i++) {
        struct zip_entry *e = sorted[i];
        bool is_last = i + 1 == n;
        size_t head = LOCAL_BYTES + strlen(e->name);
        e->room = (is_last ? (size_t)d->begin : sorted[i + 1]->header) - e->header;
        if (e->room >= head && e->packed <= e->room - head) continue;
        return is_last ? fail(HOOKE_E_FORMAT, "%s: member '%.200s': %zu bytes at %zu run into the directory",
                              archive, e->name, e->packed, e->header)
                       : fail(HOOKE_E_FORMAT, "%s: members '%.200s' and '%.200s' overlap", archive, e->name,
                              sorted[i + 1]->name);
    }
    return HOOKE_OK;
}

/* Twins are how two readers see two different files. */
static hooke_status check_all(struct zip_entry *entries, int n, const struct directory *d,
                              const char *archive)
{
    struct zip_entry **sorted = mem_alloc((size_t)n, sizeof *sorted);
    RETURN_IF(!sorted, HOOKE_E_MEMORY, "%s: out of memory for %d members", archive, n);
    for (int i = 0; i < n; i++) sorted[i] = &entries[i];
    hooke_status st = set_rooms(sorted, n, d, archive);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_names);
    for (int i = 1; i < n && st == HOOKE_OK; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            st = fail(HOOKE_E_FORMAT, "%s: two members are called '%.200s'", archive, sorted[i]->name);
    mem_free(sorted);
    return st;
}

/* What is deflated is unpacked in memory. Weights hardly shrink (bfloat16 kept as float32 to a half), so that an archive of which
 * much more would come is not one of weights, and its reader's memory stays in proportion to the file. */
static hooke_status check_unpacked(const struct zip_entry *entries, int n, size_t archive_bytes,
                                   const char *archive)
{
    size_t unpacked = 0, limit;
    if (__builtin_mul_overflow(archive_bytes, (size_t)ZIP_UNPACK_RATIO, &limit) ||
        __builtin_add_overflow(limit, (size_t)ZIP_UNPACK_FREE, &limit))
        limit = SIZE_MAX;
    for (int i = 0; i < n; i++)
        if (entries[i].is_deflated && __builtin_add_overflow(unpacked, entries[i].size, &unpacked))
            unpacked = SIZE_MAX;
    RETURN_IF(unpacked > limit, HOOKE_E_UNSUPPORTED,
              "%s: %zu bytes that would unpack to %zu: more than %d times the file and %d MiB; if that is "
              "meant, write the archive without compression",
              archive, archive_bytes, unpacked, ZIP_UNPACK_RATIO, ZIP_UNPACK_FREE >> 20);
    return HOOKE_OK;
}

hooke_status zip_list_directory(struct zip_entry **out, int *n_entries, struct arena *a,
                                const struct zip_source *source, const char *name)
{
    struct directory d = { 0 };
    *out = NULL;
    *n_entries = 0;
    RETURN_IF_ERROR(find_directory(&d, source, name));
    RETURN_IF_ERROR(zip_need(source, (size_t)d.begin, (size_t)d.bytes));
    struct zip_entry *entries = arena_alloc(a, (size_t)d.n_entries, sizeof *entries);
    if (!entries) return HOOKE_E_MEMORY;
    size_t at = (size_t)d.begin;
    for (uint64_t i = 0; i < d.n_entries; i++)
        RETURN_IF_ERROR(read_record(&entries[i], a, &at, source->bytes, &d, name));
    RETURN_IF(at != d.end, HOOKE_E_FORMAT, "%s: the directory goes on after its %llu members", name,
              (unsigned long long)d.n_entries);
    RETURN_IF_ERROR(check_all(entries, (int)d.n_entries, &d, name));
    RETURN_IF_ERROR(check_unpacked(entries, (int)d.n_entries, source->n, name));
    *out = entries;
    *n_entries = (int)d.n_entries;
    return HOOKE_OK;
}

hooke_status zip_list(struct zip_entry **out, int *n_entries, struct arena *a, const unsigned char *bytes,
                      size_t n, const char *name)
{
    const struct zip_source source = { .bytes = bytes, .n = n };
    int found;
    *n_entries = 0;
    RETURN_IF_ERROR(zip_list_directory(out, &found, a, &source, name));
    for (int i = 0; i < found; i++) RETURN_IF_ERROR(zip_find_data(&(*out)[i], &source, name));
    *n_entries = found;
    return HOOKE_OK;
}

/* ---- data ---- */

uint32_t zip_crc(uint32_t crc, const void *bytes, size_t n)
{
    return (uint32_t)crc32_z(crc, bytes, n);
}

static hooke_status crc_mismatch(const struct zip_entry *e, uint32_t found, const char *archive)
{
    return fail(HOOKE_E_FORMAT, "%s: member '%.200s' is damaged: CRC %08x, expected %08x", archive, e->name,
                found, e->crc);
}

static void *zlib_alloc(void *payload, unsigned n, unsigned size)
{
    (void)payload;
    return mem_alloc(n, size);
}

static void zlib_free(void *payload, void *p)
{
    (void)payload;
    mem_free(p);
}

/* Runs the stream until out[n] is full, and to_end: on to the stream's end, with room for one byte too many. zlib counts in 32
 * bits, so both sides are fed in pieces. */
static int inflate_into(z_stream *z, unsigned char *out, size_t n, const unsigned char *in, size_t packed,
                        bool to_end)
{
    const size_t piece = (size_t)1 << 30;
    unsigned char beyond;
    int rc = Z_OK;
    size_t in_left = packed, out_left = n;
    z->next_in = (unsigned char *)(uintptr_t)in; /* zlib's field is not const; it does not write */
    z->next_out = out;
    while (rc == Z_OK) {
        if (z->avail_in == 0 && in_left > 0) {
            z->avail_in = (unsigned)(in_left < piece ? in_left : piece);
            in_left -= z->avail_in;
        }
        if (z->avail_out == 0 && out_left > 0) {
            z->avail_out = (unsigned)(out_left < piece ? out_left : piece);
            out_left -= z->avail_out;
        } else if (z->avail_out == 0) {
            if (!to_end) break;
            to_end = false;
            z->next_out = &beyond;
            z->avail_out = 1;
        }
        rc = inflate(z, Z_NO_FLUSH);
    }
    z->next_out = NULL; /* may point at this function's byte */
    return rc;
}

static hooke_status unpack_deflated(unsigned char *out, size_t n, const struct zip_entry *e,
                                    const unsigned char *archive, const char *name)
{
    z_stream z;
    memset(&z, 0, sizeof z);
    z.zalloc = zlib_alloc;
    z.zfree = zlib_free;
    RETURN_IF(inflateInit2(&z, -MAX_WBITS) != Z_OK, HOOKE_E_MEMORY, "%s: out of memory",
              name); /* raw: ZIP has its own frame */
    bool whole = n == e->size;
    int rc = inflate_into(&z, out, n, archive + e->begin, e->packed, whole);
    bool is_sound =
        whole ? rc == Z_STREAM_END && z.total_out == n && z.next_in == archive + e->begin + e->packed
              : (rc == Z_OK || rc == Z_STREAM_END) && z.total_out == n;
    size_t made = z.total_out;
    inflateEnd(&z);
    RETURN_IF(rc == Z_MEM_ERROR, HOOKE_E_MEMORY, "%s: out of memory", name);
    RETURN_IF(!is_sound, HOOKE_E_FORMAT,
              "%s: member '%.200s': its deflate stream breaks or ends after %zu of %zu bytes", name, e->name,
              made, e->size);
    return HOOKE_OK;
}

hooke_status zip_unpack(unsigned char *out, size_t n, const struct zip_entry *e, const unsigned char *archive,
                        const char *name)
{
    RETURN_IF(n > e->size, HOOKE_E_INTERNAL, "%s: member '%.200s': %zu bytes of %zu", name, e->name, n,
              e->size);
    if (e->is_deflated)
        RETURN_IF_ERROR(unpack_deflated(out, n, e, archive, name));
    else if (n)
        memcpy(out, archive + e->begin, n);
    if (n < e->size) return HOOKE_OK;
    uint32_t found = (uint32_t)crc32_z(0, out, n);
    return found == e->crc ? HOOKE_OK : crc_mismatch(e, found, name);
}

/* ---- stored data on all processors: CRCs of pieces combine ---- */

enum { CRC_PIECE = 4 << 20 };
struct crc_job {
    unsigned char *out;
    const unsigned char *data;
    uint32_t *crc; /* [pieces] */
};

static void crc_piece(void *payload, int64_t begin, int64_t end, int worker)
{
    enum { BLOCK = 64 * 1024 }; /* what stays in the nearest cache between copy and CRC */
    struct crc_job *job = payload;
    uint32_t crc = 0;
    (void)worker;
    for (int64_t at = begin; at < end; at += BLOCK) {
        size_t n = (size_t)(end - at < BLOCK ? end - at : BLOCK);
        crc = (uint32_t)crc32_z(crc, job->data + at, n);
        if (job->out) memcpy(job->out + at, job->data + at, n);
    }
    job->crc[begin / CRC_PIECE] = crc;
}

hooke_status zip_check_stored(unsigned char *out, const struct zip_entry *e, const unsigned char *archive,
                              const char *name)
{
    size_t n_pieces = (e->size + CRC_PIECE - 1) / CRC_PIECE;
    uint32_t crc = 0;
    struct crc_job job = { .out = out,
                           .data = archive + e->begin,
                           .crc = mem_alloc(n_pieces, sizeof *job.crc) };
    RETURN_IF(!job.crc, HOOKE_E_MEMORY, "%s: out of memory", name);
    parallel_for(parallel_default_threads(), (int64_t)e->size, CRC_PIECE, crc_piece, &job);
    for (size_t i = 0; i < n_pieces; i++) {
        size_t bytes = i + 1 < n_pieces ? CRC_PIECE : e->size - i * CRC_PIECE;
        crc = (uint32_t)crc32_combine(crc, job.crc[i], (z_off_t)bytes);
    }
    mem_free(job.crc);
    return crc == e->crc ? HOOKE_OK : crc_mismatch(e, crc, name);
}
